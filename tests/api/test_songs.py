#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Songs over HTTP, made by a real worker: the flows of the APIs' documentation for each seed, files and their ranges, streams, charges."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse

from server import Checks, Server, multipart, sung, wav

LYRICS = "[Verse]\nStreetlights flicker, the night breeze sighs\nShadows stretch as I walk alone\n"
PROMPT = "warm indie folk, female voice, 160 bpm"  # fast: a short song is made sooner
check = Checks()


def is_mp3(data):
    return len(data) > 20000 and (data[:3] == b"ID3" or data[:2] in (b"\xff\xfb", b"\xff\xf3"))


class Reference(http.server.BaseHTTPRequestHandler):
    """Where the reference track lies."""
    files = {"/song.wav": wav(16), "/short.wav": wav(12), "/text.mp3": b"this is not music " * 100}

    def do_GET(self):
        data = self.files.get(self.path)
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *args):
        pass


def test_submit_and_poll(server, key, references):
    """Seeds 000, 003 and 004: POST, then GET until it is done; the file needs no key."""
    cases = [({"model": "minimax-music", "prompt": LYRICS, "reference_audio_url": references + "/song.wav"}, "audio/mpeg"),
             ({"model": "minimax/music-1.5", "prompt": PROMPT, "lyrics": LYRICS, "audio_setting": {"sample_rate": 24000, "bitrate": 256000, "format": "mp3"}}, "audio/mpeg"),
             ({"model": "minimax/music-2.6", "prompt": "calm piano", "is_instrumental": True, "duration": 12, "audio_setting": {"audio_sample_rate": 16000, "format": "wav"}}, "audio/wav"),
             ({"model": "stable-audio", "prompt": "lo-fi synth pop", "seconds_total": 5, "audio_setting": {"format": "pcm", "audio_sample_rate": 24000}}, "application/octet-stream")]
    ids = [server.call("POST", "/v2/generate/audio", body, key).json["id"] for body, _ in cases]
    for (body, kind), generation in zip(cases, ids):
        a = server.wait_for(generation, key)
        if not check(a["status"] == "completed" and a["error"] is None, "%s: %s" % (body["model"], a)):
            continue
        f = a["audio_file"]
        check(f["content_type"] == kind and f["url"].startswith(server.url + "/files/"), "audio_file: %s" % f)
        got = server.call("GET", f["url"])
        check(got.status == 200 and len(got.body) == f["file_size"] and got.headers["Content-Type"] == kind, "the file of %s" % body["model"])
        check(a["extra_info"]["music_size"] == f["file_size"] and a["extra_info"]["music_duration"] > 5000, "extra_info: %s" % a["extra_info"])
        if kind == "audio/mpeg":
            check(is_mp3(got.body), "MP3")
        if body["model"] == "minimax/music-1.5":
            check(a["extra_info"]["bitrate"] == 160000 and a["extra_info"]["music_sample_rate"] == 24000, "the most that MP3 has at 24 kHz: %s" % a["extra_info"])
        if kind == "audio/wav":
            check(got.body[:4] == b"RIFF" and int.from_bytes(got.body[24:28], "little") == 16000, "WAV at 16 kHz")
    return ids[1]


def song_json(server, key, generation):
    return server.call("GET", "/v1/songs/%s/song.json" % generation, key=key).json


def test_references(server, key, references):
    """The reference is heard: what it is like, the song is like, by address, by Base64 and by uploaded id; a restart forgets none."""
    heard = json.loads(subprocess.run([server.binary, "listen", Reference.path], capture_output=True, check=True).stdout)
    g = server.call("POST", "/v2/generate/audio", {"model": "minimax-music", "prompt": LYRICS, "reference_audio_url": references + "/sung.mp3"}, key).json["id"]
    cover = server.call("POST", "/v2/generate/audio", {"model": "minimax/music-cover", "prompt": "bright reggae with organ", "lyrics": LYRICS, "reference_audio_url": base64.b64encode(Reference.files["/sung.mp3"]).decode()}, key).json["id"]
    check(server.wait_for(g, key)["status"] == "completed" and server.wait_for(cover, key)["status"] == "completed", "songs after a reference")
    for generation in (g, cover):
        song = song_json(server, key, generation)
        check(abs(song["tempo_bpm"] / heard["tempo_bpm"] - 1) < 0.01 and song["key"] == heard["key"], "tempo and key of the reference: %s %s" % (song["tempo_bpm"], song["key"]))
    check(song_json(server, key, cover)["style"] == "reggae", "a cover has the prompt's style")
    body, content = multipart({"purpose": "song"}, {"file": ("song.mp3", Reference.files["/sung.mp3"], "audio/mpeg")})
    ids = server.call("POST", "/v2/generate/audio/minimax/upload", body, key, {"Content-Type": content}).json
    server.stop(keep=True)
    server.start()
    for refer, alone in (({"refer_voice": ids["voice_id"]}, "a cappella"), ({"refer_instrumental": ids["instrumental_id"], "refer_voice": ids["voice_id"]}, None)):
        before = {s["id"] for s in server.call("GET", "/v1/songs", key=key).json["data"]}
        a = server.call("POST", "/v2/generate/audio/minimax/generate", dict(refer, model="music-01", lyrics="Hello hello my darling, hello my friend\nI will be here until the end"), key, timeout=300)
        check(a.status == 200, "music-01 with %s: %s" % (list(refer), a.body[:200]))
        generation = next(s["id"] for s in server.call("GET", "/v1/songs", key=key).json["data"] if s["id"] not in before)
        song = song_json(server, key, generation)
        check(abs(song["tempo_bpm"] / heard["tempo_bpm"] - 1) < 0.01 and song["voice"][1] == heard["voices"][0]["name"][1], "%s: %s %s" % (list(refer), song["tempo_bpm"], song["voice"]))
        # Alone, a voice is carried by voices: no drums, no guitars.
        roles = {t["role"] for t in song["tracks"]}
        check(("drums" not in roles) if alone else ("bass" in roles), "%s: %s" % (list(refer), sorted(roles)))
    a = server.call("POST", "/v2/generate/audio/minimax/generate", {"model": "music-01", "refer_instrumental": ids["instrumental_id"], "lyrics": "la la la, and so it goes"}, key, timeout=300)
    check(a.status == 200, "an accompaniment alone: %s" % a.body[:200])
    pre = server.call("POST", "/v1/music_cover_preprocess", {"model": "music-cover", "audio_base64": base64.b64encode(Reference.files["/sung.mp3"]).decode()}, key).json
    structure = json.loads(pre["structure_result"])
    check(structure["num_segments"] == len(structure["segments"]) >= 1 and structure["segments"][0]["label"], "a cover's structure: %s" % structure)


def test_bad_references(server, key, references):
    for name, url in (("too short", "/short.wav"), ("not audio", "/text.mp3"), ("missing", "/none.mp3")):
        g = server.call("POST", "/v2/generate/audio", {"model": "minimax-music", "prompt": LYRICS, "reference_audio_url": references + url}, key).json["id"]
        a = server.wait_for(g, key)
        check(a["status"] == "error" and a["error"]["name"] and a["error"]["message"] and a["meta"]["usage"]["credits_used"] == 0, "a reference that is %s: %s" % (name, a))
    g = server.call("POST", "/v2/generate/audio", {"model": "minimax/music-1.5", "prompt": PROMPT, "lyrics": "你好世界，这是一首歌曲的歌词"}, key).json["id"]
    a = server.wait_for(g, key)
    check(a["status"] == "error" and a["error"]["name"] == "lyrics_error", "a script that is not yet sung: %s" % a)


def test_files(server, key, song):
    url = server.call("GET", "/v2/generate/audio?generation_id=" + song, key=key).json["audio_file"]["url"]
    whole = server.call("GET", url).body
    for spec, want in (("bytes=0-99", whole[:100]), ("bytes=100-", whole[100:]), ("bytes=-50", whole[-50:]), ("bytes=10-10", whole[10:11]), ("bytes=0-999999999", whole)):
        a = server.call("GET", url, headers={"Range": spec})
        check(a.status == 206 and a.body == want and a.headers["Content-Range"].endswith("/%d" % len(whole)), "Range: " + spec)
    past = server.call("GET", url, headers={"Range": "bytes=%d-" % len(whole)})
    check(past.status == 416 and past.headers["Content-Range"] == "bytes */%d" % len(whole), "past the end")
    etag = server.call("GET", url).headers["ETag"]
    for header, value, status in (("If-Range", etag, 206), ("If-Range", '"another"', 200), ("If-Range", "Sat, 21 Nov 2026 12:00:00 GMT", 200)):
        check(server.call("GET", url, headers={"Range": "bytes=0-9", header: value}).status == status, "%s: %s" % (header, value))
    for value, status in ((etag, 304), ("W/" + etag, 304), ('"another", ' + etag, 304), ("*", 304), ('"another"', 200)):
        check(server.call("GET", url, headers={"If-None-Match": value}).status == status, "If-None-Match: " + value)
    for spec in ("bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "bytes=x-"):
        check(server.call("GET", url, headers={"Range": spec}).status == 200, "a range that is none: " + spec)
    check(server.call("GET", url.replace("Signature=", "Signature=0")).status == 403, "a false signature")
    check(server.call("GET", url.replace("Expires=", "Expires=1")).status == 403, "another time")
    check(server.call("GET", url.replace("/audio?", "/song.json?")).status == 403, "another file")
    path = urllib.parse.urlsplit(url).path
    secret = open(os.path.join(server.data, "secret"), "rb").read()
    for seconds, status in ((60, 200), (-60, 403)):
        expires = int(time.time()) + seconds
        signature = hmac.new(secret, b"%d\n%s" % (expires, path.encode()), hashlib.sha256).hexdigest()[:32]
        check(server.call("GET", "%s?Expires=%d&Signature=%s" % (path, expires, signature)).status == status, "an address that ends in %d s" % seconds)
    head = server.call("HEAD", url, headers={"Range": "bytes=0-9"})
    check(head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) == len(whole), "HEAD")
    own = server.call("GET", "/v1/songs/" + song, key=key).json
    check(own["status"] == "completed" and own["song"]["tempo_bpm"] > 0, "our own view: %s" % own)
    for name, start in (("song.mid", b"MThd"), ("song.musicxml", b"<?xml"), ("song.lrc", b"["), ("song.json", b"{")):
        a = server.call("GET", "/v1/songs/%s/%s" % (song, name), key=key)
        check(a.status == 200 and a.body.startswith(start), name)
    check(server.call("GET", "/v1/songs/%s/../../secret" % song, key=key).status in (400, 404), "no way up")
    check(server.call("GET", "/v1/songs/%s/nothing" % song, key=key).status == 404, "no such file")


def test_music_01(server, key):
    """Seeds 001 and 002: upload a song, then sing with its ids and wait for hex."""
    body, content = multipart({"purpose": "song"}, {"file": ("song.wav", wav(12), "audio/mpeg")})
    ids = server.call("POST", "/v2/generate/audio/minimax/upload", body, key, {"Content-Type": content}).json
    # As long as the documentation's own example: more than a minute at a slow tempo.
    lyrics = "\n##\n" + "".join(line + ",\n" for line in (
        "I left the window open for the rain", "The letters on the table curl and fade", "A whistle and the early morning train", "Goes counting every promise that we made",
        "And in the pane my face, it\u2019s no one\u2019s now", "The hours run like water down the street", "I tell myself I\u2019ll find you anyhow",
        "Where all the broken roads and rivers meet", "So keep a candle burning for the lost", "And I will pay whatever it may cost")) + "##\n"
    a = server.call("POST", "/v2/generate/audio/minimax/generate", {"refer_voice": ids["voice_id"], "refer_instrumental": ids["instrumental_id"], "lyrics": lyrics, "model": "music-01"}, key, timeout=300)
    check(a.status == 200 and is_mp3(bytes.fromhex(a.json["data"]["audio"])), "music-01: %d %s" % (a.status, a.body[:200]))
    info = a.json["extra_info"]
    check(info["audio_length"] <= 61000 and info["audio_size"] == len(a.json["data"]["audio"]) // 2 and a.json["data"]["status"] == 2, "its figures: %s" % info)
    check(a.headers["x-aimlapi-credits-used"] == "63000", "63,000 credits")


def test_minimax(server, key):
    body = {"model": "music-2.5", "prompt": PROMPT, "lyrics": LYRICS, "seed": 3, "audio_setting": {"sample_rate": 32000, "bitrate": 128000, "format": "mp3", "channel": 1}}
    a = server.call("POST", "/v1/music_generation", body, key, timeout=300).json
    check(a["base_resp"] == {"status_code": 0, "status_msg": "success"} and is_mp3(bytes.fromhex(a["data"]["audio"])), "hex: %s" % str(a)[:200])
    check(a["extra_info"]["music_sample_rate"] == 32000 and a["extra_info"]["music_channel"] == 1, "as asked: %s" % a["extra_info"])
    b = server.call("POST", "/v1/music_generation", dict(body, output_format="url"), key, timeout=300).json
    check(b["data"]["audio"] == b["data"]["audio_url"] and server.call("GET", b["data"]["audio_url"]).body == bytes.fromhex(a["data"]["audio"]), "url, and the same seed the same bytes")
    c = server.call("POST", "/v1/music_generation", {"model": "music-2.5", "lyrics": "☃☃☃"}, key, timeout=300).json
    check(c["data"] is None and c["base_resp"]["status_code"] == 2013, "nothing to sing: %s" % c)


def test_stream(server, key):
    import urllib.request
    body = {"model": "music-3.0", "prompt": PROMPT, "lyrics": LYRICS, "stream": True}
    r = urllib.request.Request(server.url + "/v1/music_generation", json.dumps(body).encode(), {"Authorization": "Bearer " + key, "Content-Type": "application/json"})
    sound, last, events = b"", None, 0
    with urllib.request.urlopen(r, timeout=300) as answer:
        check(answer.headers["Content-Type"].startswith("text/event-stream"), "a stream of events")
        for line in answer:
            if line.startswith(b"data: "):
                last = json.loads(line[6:])
                events += 1
                sound += bytes.fromhex(last["data"]["audio"])
                check(last["data"]["status"] == 2 or last["extra_info"] is None, "pieces carry no figures")
    check(events > 2 and last["data"] == {"audio": "", "status": 2} and last["extra_info"]["music_duration"] > 5000 and is_mp3(sound), "a whole stream: %d events, %d bytes" % (events, len(sound)))


def test_events_and_cancel(server, key):
    long_song = LYRICS * 8
    g = server.call("POST", "/v1/songs", {"prompt": PROMPT, "lyrics": long_song}, key).json["id"]
    seen = {}

    def listen():
        seen["text"] = server.call("GET", "/v1/songs/%s/events" % g, key=key, timeout=300).body.decode()

    t = threading.Thread(target=listen)
    t.start()
    while server.call("GET", "/v1/songs/" + g, key=key).json["progress"] == 0:
        time.sleep(0.1)
    check(server.call("DELETE", "/v1/songs/" + g, key=key).json["status"] == "cancelled", "cancelled")
    t.join(60)
    check("event: progress" in seen.get("text", "") and "event: cancelled" in seen["text"], "events: %s" % seen.get("text", "")[-300:])
    g2 = server.call("POST", "/v1/songs", {"prompt": PROMPT, "lyrics": LYRICS, "stems": True}, key).json["id"]
    a = server.wait_for(g2, key)
    check(a["status"] == "completed", "the worker is free again")
    files = server.call("GET", "/v1/songs/" + g2, key=key).json["files"]
    check("stems/vocals.wav" in files and "stems/drums.wav" in files or "stems/bass.wav" in files, "stems: %s" % list(files))


def test_charges(server):
    key = server.new_key("--credits", "200000")
    ok = server.call("POST", "/v2/generate/audio", {"model": "minimax/music-1.5", "prompt": PROMPT, "lyrics": LYRICS}, key).json["id"]
    server.wait_for(ok, key)
    bad = server.call("POST", "/v2/generate/audio", {"model": "minimax/music-1.5", "prompt": PROMPT, "lyrics": "你好世界，这是一首歌曲的歌词"}, key).json["id"]
    server.wait_for(bad, key)
    t = server.call("GET", "/v2/billing/transactions?direction=CHARGE", key=key).json["data"]
    check(len(t) == 1 and t[0]["reference_id"] == ok and t[0]["amount"]["credits"] == 78000 and t[0]["type"] == "MODEL_USAGE", "one charge, for the song that was made: %s" % t)
    check(server.call("GET", "/v1/billing/balance", key=key).json["balance"] == 122000, "the balance")
    check(server.run("credit", "50000", "--key", key[:8]).returncode == 0 and server.call("GET", "/v1/billing/balance", key=key).json["balance"] == 172000, "topped up")


def test_javascript(server, key):
    """The documentation's flow with fetch."""
    script = """
const base = process.argv[1], key = process.argv[2];
const h = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
const post = await fetch(`${base}/v2/generate/audio`, { method: "POST", headers: h, body: JSON.stringify({ model: "minimax/music-2.0", prompt: "%s", lyrics: %s }) });
const { id } = await post.json();
for (;;) {
  const url = new URL(`${base}/v2/generate/audio`);
  url.searchParams.append("generation_id", id);
  const got = await (await fetch(url, { headers: h })).json();
  if (got.status === "completed") { const sound = await fetch(got.audio_file.url); console.log((await sound.arrayBuffer()).byteLength); break; }
  if (got.status === "error") { console.log(got.error); process.exit(1); }
  await new Promise(r => setTimeout(r, 200));
}
const form = new FormData();
form.append("purpose", "voice");
form.append("file", new Blob([new Uint8Array(%s)], { type: "audio/mpeg" }), "voice.mp3");
const up = await fetch(`${base}/v2/generate/audio/minimax/upload`, { method: "POST", headers: { Authorization: `Bearer ${key}` }, body: form });
const ids = await up.json();
const song = await fetch(`${base}/v2/generate/audio/minimax/generate`, { method: "POST", headers: h, body: JSON.stringify({ model: "music-01", refer_voice: ids.voice_id, lyrics: "Hello hello my darling" }) });
const data = await song.json();
console.log(Buffer.from(data.data.audio, "hex").length);
""" % (PROMPT, json.dumps(LYRICS), "await (await fetch(process.argv[3])).arrayBuffer()")
    run = subprocess.run(["node", "--input-type=module", "-e", script, server.url, key, test_javascript.voice], capture_output=True, timeout=400)
    sizes = run.stdout.decode().split()
    check(run.returncode == 0 and len(sizes) == 2 and all(int(s) > 20000 for s in sizes), "JavaScript: %s %s" % (run.stdout[:200], run.stderr[:400]))


def test_stop_and_go_on(server, key):
    """A stop hands back what is in the making; the next start finishes it."""
    g = server.call("POST", "/v1/songs", {"prompt": PROMPT, "lyrics": LYRICS * 6}, key).json["id"]
    while server.call("GET", "/v1/songs/" + g, key=key).json["status"] == "queued":
        time.sleep(0.1)
    heard = []
    body = {"model": "music-3.0", "prompt": PROMPT, "lyrics": LYRICS, "stream": True}
    follower = threading.Thread(target=lambda: heard.append(server.call("POST", "/v1/music_generation", body, key, timeout=120).body))
    follower.start()
    while server.call("GET", "/v1/songs", key=key).json["data"][0]["model"] != "music-3.0":
        time.sleep(0.05)
    began = time.monotonic()
    code = server.stop(keep=True)
    check(code == 0 and time.monotonic() - began < 30, "stopped with %s after %.1f s" % (code, time.monotonic() - began))
    follower.join()
    last = json.loads(heard[0].decode().strip().rpartition("data: ")[2])
    check(last["data"] is None and last["base_resp"]["status_code"] == 1000 and "try again" in last["base_resp"]["status_msg"], "a stream that was cut off says so: %s" % last)
    server.start()
    check(server.wait_for(g, key)["status"] == "completed", "finished after the restart")


def timed(test, *args):
    began = time.monotonic()
    ret = test(*args)
    print("%s: %.1f s" % (test.__name__, time.monotonic() - began), flush=True)
    return ret


def main():
    server = Server(sys.argv[1], workers=1, options=["--allow-private-urls", "1"])
    Reference.path = os.path.join(server.data, "sung.mp3")
    Reference.files["/sung.mp3"] = sung(sys.argv[1])
    open(Reference.path, "wb").write(Reference.files["/sung.mp3"])
    refs = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Reference)
    threading.Thread(target=refs.serve_forever, daemon=True).start()
    references = "http://127.0.0.1:%d" % refs.server_address[1]
    test_javascript.voice = references + "/sung.mp3"
    try:
        key = server.new_key("--credits", "unlimited")
        song = timed(test_submit_and_poll, server, key, references)
        timed(test_files, server, key, song)
        for test in (test_references, test_bad_references):
            timed(test, server, key, references)
        for test in (test_music_01, test_minimax, test_stream, test_events_and_cancel, test_javascript):
            timed(test, server, key)
        timed(test_charges, server)
        timed(test_stop_and_go_on, server, key)
    finally:
        if os.environ.get("MADRIGAL_TEST_LOG"):
            print(open(server.data + "/server.log").read())
        server.stop()
        refs.shutdown()
    return check.end()


sys.exit(main())
