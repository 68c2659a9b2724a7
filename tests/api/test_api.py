#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP API without a worker: who may call what, what is refused and how, what is accepted. The rows come from the server's own OpenAPI document, so that a limit that
is written there is a limit that holds."""
import base64
import json
import sys

from server import Checks, Server, multipart, sung, wav

LYRICS = "[Verse]\nStreetlights flicker, the night breeze sighs\nShadows stretch as I walk alone\n"
PROMPT = "warm indie folk, female voice"
check = Checks()


def good_body(model, schema):
    """A request with what the schema requires."""
    body = {"model": model}
    for name in schema.get("required", []):
        body.setdefault(name, {"prompt": PROMPT, "lyrics": LYRICS, "reference_audio_url": "https://example.org/a.mp3"}.get(name, "x" * 12))
    if "refer_voice" in schema["properties"]:
        return None  # needs an upload: tested apart
    if model.endswith("music-cover") and "audio_url" in schema["properties"]:
        body["audio_url"] = "https://example.org/a.mp3"
    if "is_instrumental" in schema["properties"]:
        body["lyrics"] = LYRICS
    return body


def with_field(body, path, value):
    made = json.loads(json.dumps(body))
    at = made
    for p in path[:-1]:
        at = at.setdefault(p, {})
    at[path[-1]] = value
    return made


def violations(schema):
    """(value, wrong) pairs for a field: wrong says whether it must be refused."""
    kind = schema.get("type")
    if "enum" in schema:
        for v in schema["enum"]:
            yield v, False
        yield ("ogg" if kind == "string" else 12345), True
    elif kind == "string":
        if "minLength" in schema and schema["minLength"] > 1:
            yield "é" * schema["minLength"], False
            yield "é" * (schema["minLength"] - 1), True
        if "maxLength" in schema:
            yield "ö" * schema["maxLength"], False
            yield "ö" * (schema["maxLength"] + 1), True
        yield 17, True
    elif kind in ("integer", "number"):
        if "maximum" in schema:
            yield schema["minimum"], False
            yield schema["maximum"], False
            yield schema["maximum"] + 1, True
        yield schema["minimum"] - 1, True
        yield "17", True
        if kind == "integer":
            yield 1.5, True
    elif kind == "boolean":
        yield True, False
        yield False, False
        yield "true", True
        yield 1, True
    elif kind == "object":
        yield [], True
        yield "mp3", True


def flat(schema, before=()):
    for name, s in schema["properties"].items():
        yield before + (name,), s
        if "properties" in s:
            yield from flat(s, before + (name,))


def test_every_field(server, key):
    document = server.call("GET", "/openapi.json").json
    targets = {"/v2/generate/audio": "aiml", "/v1/music_generation": "minimax", "/v1/songs": "own"}
    for path, family in targets.items():
        for ref in document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]:
            schema = document["components"]["schemas"][ref["$ref"].split("/")[-1]]
            for model in schema["properties"]["model"]["enum"]:
                body = good_body(model, schema)
                if body is None:
                    continue
                refused = lambda r: r.status == 400 if family != "minimax" else r.json["base_resp"]["status_code"] == 2013
                if family == "minimax":
                    continue  # would wait for the song: its refusals are tested below
                a = server.call("POST", path, body, key)
                check(a.status in (200, 202), "%s %s is accepted: %d %s" % (path, model, a.status, a.body[:200]))
            if family == "minimax":
                model = schema["properties"]["model"]["enum"][0]
                body = good_body(model, schema)
                if body is None:
                    continue
            for field, s in flat(schema):
                if field[-1] in ("model", "url"):
                    continue
                for value, wrong in violations(s):
                    sent = with_field(body, field, value)
                    if family == "minimax" and not wrong:
                        continue
                    if not wrong and field[-1] in ("audio_base64", "cover_feature_id", "audio_url", "reference_audio_url", "is_instrumental", "lyrics_optimizer", "lyrics", "style", "key", "voice", "time_signature"):
                        continue
                    r = server.call("POST", path, sent, key)
                    ok = refused(r) if wrong else r.status in (200, 202)
                    check(ok, "%s %s %s=%r: %d %s" % (path, model, ".".join(field), str(value)[:30], r.status, r.body[:160]))
                    if wrong and family == "aiml":
                        issues = r.json.get("errors", [])
                        check(any(i["path"] == list(field) for i in issues), "the issue names %s: %s" % (field, issues))
                if field[-1] in schema.get("required", []):
                    sent = {k: v for k, v in body.items() if k != field[-1]}
                    r = server.call("POST", path, sent, key)
                    check(refused(r), "%s %s without %s: %d" % (path, model, field, r.status))
                else:  # null is as absent
                    if family != "minimax":
                        r = server.call("POST", path, with_field(body, field, None), key)
                        ok = r.status in (200, 202) or field[-1] == "lyrics"
                        check(ok, "%s %s %s=null: %d %s" % (path, model, field, r.status, r.body[:120]))


def test_rules_between_fields(server, key):
    def aiml(**b):
        return server.call("POST", "/v2/generate/audio", b, key)

    def minimax(**b):
        return server.call("POST", "/v1/music_generation", b, key).json["base_resp"]

    check(aiml(model="minimax/music-2.6").status == 400, "2.6 with nothing")
    check(aiml(model="minimax/music-2.6", is_instrumental=True).status == 400, "an instrumental needs a prompt")
    check(aiml(model="minimax/music-2.6", is_instrumental=True, prompt="calm piano").status == 200, "an instrumental")
    check(aiml(model="music-2.0", prompt=PROMPT, lyrics=LYRICS).status == 200, "an alias")
    check(aiml(model="minimax/music-9", prompt=PROMPT, lyrics=LYRICS).status == 400, "an unknown model")
    check(aiml(prompt=PROMPT, lyrics=LYRICS).status == 400, "no model")
    check(aiml(model="minimax/music-1.5", prompt=PROMPT, lyrics=LYRICS, unknown={"a": [1, 2]}, cfg_scale=3).status == 200, "unknown fields are ignored")
    for url in ("ftp://example.org/a.mp3", "http://127.0.0.1/a.mp3x y", "not a url"):
        check(aiml(model="minimax-music", prompt=LYRICS, reference_audio_url=url).status == 400, "reference " + url)
    check(minimax(model="music-2.6", prompt=PROMPT, lyrics_optimizer=True)["status_msg"] == "invalid params, lyrics is required", "no words are made up")
    check(aiml(model="minimax/music-2.6", prompt=PROMPT, lyrics_optimizer=True).status == 400, "nor there")
    check(aiml(model="minimax/music-cover", prompt=PROMPT, reference_audio_url="https://example.org/a.mp3").status == 400, "nor a cover's")
    check(aiml(model="minimax/music-cover", prompt=PROMPT, reference_audio_url="https://example.org/a.mp3", is_instrumental=True).status == 200, "a cover without a singer")
    check(minimax(model="music-cover", prompt=PROMPT, audio_url="https://example.org/a.mp3")["status_msg"] == "invalid params, lyrics is required", "MiniMax's as well")
    check(minimax(model="music-2.0", prompt=PROMPT)["status_msg"] == "invalid params, lyrics is required", "2013 says which")
    check(minimax(model="music-2.0", prompt="short", lyrics=LYRICS)["status_msg"] == "invalid params, prompt is too short", "too short")
    check(minimax(model="music-3.0", lyrics="")["status_msg"] == "invalid params, lyrics is required", "no lyrics")
    check(minimax(model="music-2.0", prompt=PROMPT, lyrics=LYRICS, stream=True, output_format="url")["status_code"] == 2013, "a stream is hex")
    check(minimax(model="music-cover", prompt=PROMPT)["status_code"] == 2013, "a cover of nothing")
    check(minimax(model="music-cover", prompt=PROMPT, audio_url="https://a.example/x.mp3", audio_base64="AAAA")["status_code"] == 2013, "a cover of two")
    check(minimax(model="music-cover", prompt=PROMPT, cover_feature_id="0" * 32, lyrics=LYRICS)["status_code"] == 2013, "an unknown cover")
    check(minimax(model="music-01", lyrics="one line")["status_code"] == 2013, "music-01 without a reference")
    check(minimax(model="music-01", lyrics="one line", refer_voice="vocal-2025010100000000-a0AAAaaa")["status_code"] == 2013, "an id of nobody's")
    check(minimax(model="music-2.0", prompt=PROMPT, lyrics="​" * 40 + "hello there you")["status_code"] == 1042, "invisible characters")
    for body in (b"", b"{", b"[]", b"\"x\"", b"{\"model\":\"music-2.0\",\"model\":\"music-1.5\"}", b"\xff\xfe", b"{\"a\":" * 3000):
        a = server.call("POST", "/v1/music_generation", body, key, {"Content-Type": "application/json"})
        check(a.status == 200 and a.json["base_resp"]["status_code"] == 2013, "no JSON: %r" % body[:20])
        check(server.call("POST", "/v2/generate/audio", body, key, {"Content-Type": "application/json"}).status == 400, "no JSON: %r" % body[:20])
    r = server.call("POST", "/v1/lyrics_generation", {"mode": "write_full_song", "prompt": "rain"}, key).json
    check(r["base_resp"]["status_code"] == 2044, "lyrics are not written, and that is said")
    check(server.call("POST", "/v1/lyrics_generation", {"mode": "sing"}, key).json["base_resp"]["status_code"] == 2013, "a mode that isn't")


def test_keys(server, key):
    routes = [("POST", "/v2/generate/audio"), ("GET", "/v2/generate/audio?generation_id=x"), ("POST", "/v2/generate/audio/minimax/upload"), ("POST", "/v2/generate/audio/minimax/generate"),
              ("GET", "/v2/billing"), ("GET", "/v2/billing/detail"), ("GET", "/v2/billing/transactions"), ("GET", "/v1/billing/balance"), ("GET", "/v1/key"), ("POST", "/v1/songs"),
              ("GET", "/v1/songs"), ("GET", "/v1/songs/x"), ("DELETE", "/v1/songs/x")]
    minimax = ["/v1/music_generation", "/v1/music_upload", "/v1/lyrics_generation", "/v1/music_cover_preprocess"]
    revoked = server.new_key("--credits", "1000000")
    check(server.run("key", "revoke", revoked[:8]).returncode == 0, "a key is revoked")
    for bad in (None, "wrong", "mk-" + "A" * 43, revoked, key[:-1], key + "x"):
        for method, path in routes:
            a = server.call(method, path, {} if method == "POST" else None, bad)
            check(a.status == 401 and a.json["statusCode"] == 401 and "valid API key" in a.json["message"], "%s %s with %r: %d" % (method, path, bad, a.status))
        for path in minimax:
            a = server.call("POST", path, {}, bad)
            want = 1004 if bad is None else 2049
            check(a.status == 200 and a.json["base_resp"]["status_code"] == want and a.json["data"] is None, "%s with %r: %s" % (path, bad, a.body[:100]))
    for h in ("Basic " + key, key, "Bearer", "Bearer "):
        check(server.call("GET", "/v2/billing", headers={"Authorization": h}).status == 401, "Authorization: " + h[:8])
    check(server.call("GET", "/v2/billing", headers={"authorization": "bearer " + key}).status == 200, "names and schemes in any case")


def test_another_accounts_things(server, key):
    mine = server.call("POST", "/v2/generate/audio", {"model": "minimax/music-1.5", "prompt": PROMPT, "lyrics": LYRICS}, key).json["id"]
    other = server.new_key("--credits", "1000000")
    check(server.call("GET", "/v2/generate/audio?generation_id=" + mine, key=other).status == 404, "another's generation")
    check(server.call("GET", "/v1/songs/" + mine, key=other).status == 404, "another's song")
    check(server.call("DELETE", "/v1/songs/" + mine, key=other).status == 404, "another's song is not cancelled")
    check(server.call("GET", "/v1/songs/" + mine + "/events", key=other).status == 404, "another's events")
    check(server.call("GET", "/v1/songs", key=other).json["data"] == [], "another's list is empty")
    check(server.call("GET", "/v1/songs/" + mine, key=key).json["status"] == "queued", "one's own is queued")
    check(server.call("DELETE", "/v1/songs/" + mine, key=key).json["status"] == "cancelled", "one's own is cancelled")
    check(server.call("GET", "/v2/generate/audio?generation_id=" + mine, key=key).json["status"] == "error", "and shown as ended")
    check(server.call("GET", "/v2/billing/transactions", key=other).json["data"][0]["direction"] == "TOPUP", "one's own transactions")
    for bad in ("", "?generation_id=", "?generation_id"):
        a = server.call("GET", "/v2/generate/audio" + bad, key=key)
        check(a.status == 400 and a.json["message"] == "Query validation error", "no generation_id")
    for bad in ("nothing", "a" * 500, "..%2f..%2fetc", "%00", "';--"):
        check(server.call("GET", "/v2/generate/audio?generation_id=" + bad, key=key).status in (400, 404), "generation_id " + bad[:20])
    for path in ("/files/" + mine + "/audio", "/files/" + mine + "/audio?Expires=9999999999&Signature=" + "0" * 32, "/files/x?Expires=1&Signature=x", "/files/../secret"):
        check(server.call("GET", path).status in (400, 403, 404), "unsigned " + path[:30])


def test_credits_and_limits(server):
    poor = server.new_key("--credits", "100000")
    song = {"model": "minimax/music-1.5", "prompt": PROMPT, "lyrics": LYRICS}
    check(server.call("POST", "/v2/generate/audio", song, poor).status == 200, "the first is paid for")
    a = server.call("POST", "/v2/generate/audio", song, poor)
    check(a.status == 403 and "run out of credits" in a.json["message"], "open songs count: %d" % a.status)
    a = server.call("POST", "/v1/music_generation", {"model": "music-2.0", "prompt": PROMPT, "lyrics": LYRICS}, poor)
    check(a.json["base_resp"]["status_code"] == 1008, "insufficient balance: %s" % a.body[:100])
    none = server.new_key("--credits", "0")
    check(server.call("POST", "/v2/generate/audio", song, none).status == 403, "nothing for nothing")
    check(server.call("POST", "/v2/generate/audio", {"model": "?"}, none).status in (400, 403), "limits before the body")
    slow = server.new_key("--credits", "unlimited", "--rate", "2")
    answers = [server.call("POST", "/v2/generate/audio", song, slow) for _ in range(3)]
    check([a.status for a in answers] == [200, 200, 429] and int(answers[2].headers["Retry-After"]) > 0, "two a minute: %s" % [a.status for a in answers])
    narrow = server.new_key("--credits", "unlimited", "--parallel", "1")
    answers = [server.call("POST", "/v2/generate/audio", song, narrow).status for _ in range(2)]
    check(answers == [200, 429], "one at a time: %s" % answers)
    b = server.call("GET", "/v2/billing", key=poor).json
    check(abs(b["current_balance"] - 0.05) < 1e-9 and b["currency"] == "USD", "the balance is untouched by what is not finished: %s" % b)
    b = server.call("GET", "/v1/billing/balance", key=poor).json
    check(b["balance"] == 100000 and b["lowBalance"] is True, "in credits: %s" % b)
    for bad in ("limit=0", "limit=101", "limit=x", "cursor=ABC", "direction=UP", "from=yesterday", "nonsense=1"):
        check(server.call("GET", "/v2/billing/transactions?" + bad, key=poor).status == 400, "transactions?" + bad)


def test_idempotency(server, key):
    song = {"model": "minimax/music-1.5", "prompt": PROMPT, "lyrics": LYRICS}
    h = {"Idempotency-Key": "once-only"}
    first = server.call("POST", "/v2/generate/audio", song, key, h)
    again = server.call("POST", "/v2/generate/audio", song, key, h)
    check(first.status == again.status == 200 and first.json["id"] == again.json["id"], "the same key, the same job")
    other = server.call("POST", "/v2/generate/audio", dict(song, prompt=PROMPT + "!"), key, h)
    check(other.status == 422, "the same key, another request: %d" % other.status)
    check(server.call("POST", "/v2/generate/audio", song, key, {"Idempotency-Key": "x" * 256}).status == 400, "a key too long")
    stranger = server.new_key("--credits", "1000000")
    check(server.call("POST", "/v2/generate/audio", song, stranger, h).json["id"] != first.json["id"], "keys are an account's own")


def test_uploads(server, key):
    def upload(path, purpose, data, name="voice.wav", kind="audio/mpeg"):
        fields = {} if purpose is None else {"purpose": purpose}
        body, content = multipart(fields, {} if data is None else {"file": (name, data, kind)})
        return server.call("POST", path, body, key, {"Content-Type": content})

    v2, v1 = "/v2/generate/audio/minimax/upload", "/v1/music_upload"
    tone = wav(11)
    for path in (v2, v1):
        a = upload(path, "song", tone)
        check(a.status == 200 and a.json["voice_id"].startswith("vocal-") and a.json["instrumental_id"].startswith("instrumental-") and a.json["base_resp"]["status_code"] == 0, "song: %s" % a.body[:200])
        a = upload(path, "voice", sung(server.binary), "voice.mp3")
        check(a.status == 200 and "voice_id" in a.json and "instrumental_id" not in a.json, "voice: %s" % a.body[:200])
        a = upload(path, "instrumental", tone)
        check("voice_id" not in a.json and "instrumental_id" in a.json, "instrumental: %s" % a.body[:200])
    wrong = [("purpose", "music", tone), ("no purpose", None, tone), ("no file", "song", None), ("too short", "song", wav(9.9)), ("no audio", "song", b"hello " * 1000), ("empty", "song", b""),
             ("silence", "song", wav(11, level=0)), ("a voice without singing", "voice", tone), ("too long", "song", wav(601, rate=4000)), ("cut off", "song", tone[:30])]
    for what, purpose, data in wrong:
        check(upload(v2, purpose, data).status == 400, "v2 upload, " + what)
        check(upload(v1, purpose, data).json["base_resp"]["status_code"] == 2013, "v1 upload, " + what)
    for content in ("application/json", "multipart/form-data", "multipart/form-data; boundary=", "text/plain", "multipart/form-data; boundary=never"):
        check(server.call("POST", v2, b"--x\r\n\r\nhello", key, {"Content-Type": content}).status == 400, "no form: " + content)
    voice = upload(v2, "song", tone).json
    other = server.new_key("--credits", "1000000")
    body = {"model": "music-01", "lyrics": "one line to sing", "refer_voice": voice["voice_id"], "refer_instrumental": None}
    check(server.call("POST", "/v2/generate/audio/minimax/generate", body, other).status == 400, "another's voice")
    check(server.call("POST", "/v2/generate/audio/minimax/generate", dict(body, refer_voice=voice["instrumental_id"]), key).status == 400, "an instrumental is no voice")
    check(server.call("POST", "/v2/generate/audio/minimax/generate", dict(body, lyrics="x" * 601), key).status == 400, "601 characters")
    check(server.call("POST", "/v2/generate/audio/minimax/generate", dict(body, refer_voice=None), key).status == 400, "no reference at all")
    text = base64.b64encode(wav(7)).decode()
    a = server.call("POST", "/v1/music_cover_preprocess", {"model": "music-cover", "audio_base64": text}, key).json
    b = server.call("POST", "/v1/music_cover_preprocess", {"model": "music-cover", "audio_base64": text}, key).json
    check(a["base_resp"]["status_code"] == 0 and len(a["cover_feature_id"]) == 32 and abs(a["audio_duration"] - 7) < 0.1, "a cover's features: %s" % str(a)[:200])
    check(a.get("cover_feature_id") == b.get("cover_feature_id"), "the same audio, the same id")
    for bad in ({"audio_base64": "???"}, {"audio_base64": base64.b64encode(b"no audio").decode()}, {}, {"audio_url": "ftp://x/y"}, {"audio_url": "http://127.0.0.1:9/a.mp3"}, {"audio_base64": base64.b64encode(wav(5)).decode()}):
        r = server.call("POST", "/v1/music_cover_preprocess", dict(bad, model="music-cover"), key).json
        check(r["base_resp"]["status_code"] == 2013, "no cover: %s" % str(bad)[:40])


def test_catalogue_and_the_rest(server, key):
    for path in ("/v1/models", "/models", "/api/v1/models"):
        a = server.call("GET", path)
        ids = [m["id"] for m in a.json["data"]]
        check(a.json["object"] == "list" and "minimax/music-2.6" in ids and "minimax-music" in ids and "music-01" in ids, path)
    etag = server.call("GET", "/v1/models").headers["ETag"]
    check(server.call("GET", "/v1/models", headers={"If-None-Match": etag}).status == 304, "ETag")
    check(len(server.call("GET", "/v1/models?id=minimax-music,music-01").json["data"]) == 2, "filters")
    check("pricing" in server.call("GET", "/v1/models?include=pricing,nonsense").json["data"][0], "include")
    check(server.call("GET", "/v1/models?type=chat").json["data"] == [], "no chat here")
    check(server.call("GET", "/model/minimax/music-2.6").json["data"]["id"] == "minimax/music-2.6", "one model")
    check(server.call("GET", "/model/music-1.5").json["data"]["id"] == "minimax/music-1.5", "by its alias")
    a = server.call("GET", "/model/none")
    check(a.status == 404 and a.json["statusCode"] == 404 and len(a.json["requestId"]) == 21, "no model")
    check(server.call("GET", "/nothing").status == 404 and server.call("PUT", "/v1/models").status == 405, "404 and 405")
    check(server.call("GET", "/healthz").json["status"] == "ok", "healthy")
    check(b"madrigal_http_requests_total" in server.call("GET", "/metrics").body, "metrics")
    a = server.call("POST", "/v2/generate/audio", {"model": "minimax/music-1.5", "prompt": PROMPT, "lyrics": LYRICS}, key, {"X-Client-Request-Id": "abc-1.2:3"})
    check(a.headers["x-client-request-id"] == "abc-1.2:3" and a.headers["x-inference-id"] == a.json["id"] and len(a.json["id"]) == 21, "headers")
    check(a.headers["x-aimlapi-credits-used"] == "78000" and a.headers["x-aimlapi-usd-spent"] == "0.039000000", "what it costs")
    a = server.call("GET", "/v2/billing", key=key, headers={"X-Client-Request-Id": "a b"})
    check(a.headers["x-client-request-id"] is None, "a bad request id is dropped")
    check(server.call("GET", "/v2/generate/audio?generation_id=x", b"{}", key, {"Content-Type": "application/json"}).status == 404, "GET with a body")


def main():
    server = Server(sys.argv[1], workers=0)
    try:
        key = server.new_key("--credits", "unlimited")
        test_keys(server, key)
        test_another_accounts_things(server, key)
        test_credits_and_limits(server)
        test_idempotency(server, key)
        test_uploads(server, key)
        test_catalogue_and_the_rest(server, key)
        test_rules_between_fields(server, key)
        test_every_field(server, key)
        log = open(server.data + "/server.log").read()
        check(key not in log and "Streetlights" not in log, "neither keys nor lyrics are logged")
    finally:
        code = server.stop()
    check(code == 0, "a clean end: %s" % code)
    return check.end()


sys.exit(main())
