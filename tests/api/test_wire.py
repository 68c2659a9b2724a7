#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of all kinds send beside the documented requests, byte by byte: browsers' questions, HTTP/1.0, upgrades, chunks, codings, slashes, strangers with large files. Without a worker."""
import gzip
import json
import os
import socket
import sys

from server import Checks, Server, multipart, wav

SONG = {"model": "minimax/music-1.5", "prompt": "warm indie folk, female voice", "lyrics": "[Verse]\nStreetlights flicker, the night breeze sighs\n"}
BODY = json.dumps(SONG).encode()
GENERATE, MINIMAX, UPLOAD = "/v2/generate/audio", "/v1/music_generation", "/v2/generate/audio/minimax/upload"
check = Checks()


class Reply:
    """The first answer of what came back; interim ones are counted."""

    def __init__(self, data):
        self.interim = 0
        while data.startswith(b"HTTP/1.1 1"):
            self.interim += 1
            data = data.partition(b"\r\n\r\n")[2]
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0] else 0
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.setdefault(name.lower(), value.strip())

    @property
    def json(self):
        return json.loads(self.body)


def exchange(server, data, closes=False):
    """Sends bytes and reads until the answer is whole (or the server closes)."""
    with socket.create_connection((server.host, server.port), timeout=10) as c:
        c.sendall(data)
        got = b""
        while True:
            piece = c.recv(65536)
            got += piece
            if not piece:
                break
            if closes or b"\r\n\r\n" not in got or got.endswith(b"100 Continue\r\n\r\n"):
                continue
            reply = Reply(got)
            if reply.status in (204, 304) or data.startswith(b"HEAD") or len(reply.body) >= int(reply.headers.get("content-length", 1 << 30)):
                break
        return Reply(got)


def request(server, method, path, key=None, body=b"", headers=(), version="1.1", host=True, framed=True):
    lines = ["%s %s HTTP/%s" % (method, path, version)]
    if host:
        lines.append("Host: %s:%d" % (server.host, server.port))
    if key:
        lines.append("Authorization: Bearer " + key)
    if framed and (body or method == "POST"):
        lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode() + body


def chunked(body, sizes=(1, 7, 100)):
    out, at = b"", 0
    while at < len(body):
        n = sizes[len(out) % len(sizes)]
        piece = body[at:at + n]
        out += b"%x\r\n%s\r\n" % (len(piece), piece)
        at += n
    return out + b"0\r\n\r\n"


def test_browsers(server, key):
    """A page of another origin: the preflight, then the request; a missing key is an answer that the page can read."""
    asks = ["Origin: http://localhost:3000", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type,idempotency-key"]
    for path, methods in ((GENERATE, {"GET", "POST"}), (MINIMAX, {"POST"}), ("/v1/songs/abc", {"GET", "DELETE"}), ("/files/abc/audio", {"GET"})):
        a = exchange(server, request(server, "OPTIONS", path, headers=asks))
        allowed = {m.strip() for m in a.headers.get("access-control-allow-methods", "").split(",")}
        check(a.status == 204 and a.body == b"" and methods <= allowed and a.headers["access-control-allow-origin"] == "*", "preflight of %s: %d %s" % (path, a.status, a.headers))
        check("authorization" in a.headers["access-control-allow-headers"].lower() and "*" in a.headers["access-control-allow-headers"], "any header may be sent")
        check({m.strip() for m in a.headers["allow"].split(",")} == allowed, "Allow: %s" % a.headers["allow"])
    check(exchange(server, request(server, "OPTIONS", "*")).status == 204, "OPTIONS *")
    check(exchange(server, request(server, "OPTIONS", "/nothing")).status == 404, "OPTIONS of nothing")
    for who in (key, None):
        for method, path, body in (("GET", GENERATE + "?generation_id=x", b""), ("POST", MINIMAX, b"{}"), ("POST", GENERATE, BODY), ("GET", "/v1/models", b"")):
            a = exchange(server, request(server, method, path, who, body, ["Origin: http://localhost:3000"]))
            check(a.headers.get("access-control-allow-origin") == "*", "%s %s may be read: %d" % (method, path, a.status))
            check("access-control-allow-credentials" not in a.headers, "no cookies")
    a = exchange(server, request(server, "POST", GENERATE, key, BODY))
    check("x-inference-id" in a.headers["access-control-expose-headers"], "a page sees the id")
    check("Trace-Id" in exchange(server, request(server, "POST", MINIMAX, key, b"{}")).headers["access-control-expose-headers"], "and the trace")


def test_methods(server, key):
    for path, body in (("/v1/models", b""), (GENERATE + "?generation_id=x", b""), ("/v2/billing", b""), ("/openapi.json", b"")):
        get = exchange(server, request(server, "GET", path, key))
        head = exchange(server, request(server, "HEAD", path, key))
        check(head.status == get.status and head.body == b"" and head.headers["content-type"] == get.headers["content-type"], "HEAD %s: %d" % (path, head.status))
    for method, path in (("PUT", GENERATE), ("DELETE", "/v1/models"), ("PATCH", "/v1/songs/x"), ("POST", "/healthz"), ("GET", UPLOAD), ("HEAD", UPLOAD)):
        a = exchange(server, request(server, method, path, key))
        check(a.status == 405 and "OPTIONS" in a.headers["allow"] and method not in a.headers["allow"].split(", "), "%s %s: %d %s" % (method, path, a.status, a.headers.get("allow")))
    a = exchange(server, request(server, "GET", MINIMAX, key))
    check(a.status == 405 and a.json["data"] is None and a.json["base_resp"]["status_code"] == 2013, "MiniMax: %d %s" % (a.status, a.body))
    song = exchange(server, request(server, "POST", "/v1/songs", key, b'{"prompt": "calm piano", "is_instrumental": true}')).json["id"]
    check(exchange(server, request(server, "HEAD", "/v1/songs/%s/events" % song, key)).headers["content-type"] == "text/event-stream", "HEAD of a stream ends at once")


def test_addresses(server, key):
    """Hosts that end with a slash, paths that do, the form for proxies, ids that are escaped."""
    for path in (GENERATE + "/", "/" + GENERATE, "//" + GENERATE + "/", "http://example.org" + GENERATE, "/v2/generate/audi%6F"):
        a = exchange(server, request(server, "POST", path, key, BODY))
        check(a.status == 200 and len(a.json["id"]) == 21, "POST %s: %d" % (path, a.status))
    song = a.json["id"]
    for path in ("/v1/songs/%s/" % song, "//v1/songs/%s" % song, "/v1/songs/"):
        check(exchange(server, request(server, "GET", path, key)).status == 200, "GET " + path)
    for path in ("/v2/generate//audio", "/v2/generate/audio//", "/V2/generate/audio", "/v1/models/x", "/v2/generate/audi", "/v2/generate/audio2"):
        check(exchange(server, request(server, "GET", path, key)).status == 404, "GET " + path)
    for escaped in ("906aec79-b0af-40c4-adae-15e6c4410e29:minimax/music-1.5", "906aec79%3Aminimax%2Fmusic-1.5", "a+b%20c"):
        a = exchange(server, request(server, "GET", GENERATE + "?generation_id=" + escaped, key))
        check(a.status == 404 and a.json["message"] == "Generation not found", "an id of another service: %d %s" % (a.status, a.body))
    check(exchange(server, request(server, "GET", "/model/minimax%2Fmusic-1.5")).json["data"]["id"] == "minimax/music-1.5", "an escaped model id")
    a = exchange(server, request(server, "POST", MINIMAX + "?GroupId=1234567890", key, b"{}"))
    check(a.status == 200 and a.json["base_resp"]["status_code"] == 2013, "GroupId is ignored")


def test_versions_and_connections(server, key):
    a = exchange(server, request(server, "POST", GENERATE, key, BODY, version="1.0", host=False), closes=True)
    check(a.status == 200 and a.headers["connection"] == "close" and len(a.json["id"]) == 21, "HTTP/1.0: %d" % a.status)
    a = exchange(server, request(server, "GET", "/healthz", version="1.0", host=False, headers=["Connection: keep-alive"]))
    check(a.status == 200 and a.headers["connection"] == "keep-alive", "HTTP/1.0 kept alive")
    # As Java's HttpClient and `curl --http2` ask for HTTP/2 in the clear: it may be ignored.
    upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"]
    check(exchange(server, request(server, "POST", GENERATE, key, BODY, upgrade)).status == 200, "an offer of HTTP/2 with a body")
    check(exchange(server, request(server, "GET", "/healthz", headers=upgrade)).status == 200, "and without")
    with socket.create_connection((server.host, server.port), timeout=10) as c:
        c.sendall(request(server, "POST", GENERATE, key, BODY) + request(server, "GET", "/healthz") + request(server, "GET", "/nothing", headers=["Connection: close"]))
        got = b""
        while piece := c.recv(65536):
            got += piece
    check([got.count(s) for s in (b"HTTP/1.1 200", b"HTTP/1.1 404")] == [2, 1], "three requests in one go: %r" % got[:100])


def test_bodies(server, key):
    for kind in ("application/json", "application/json; charset=utf-8", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", None):
        a = exchange(server, request(server, "POST", GENERATE, key, BODY, ["Content-Type: " + kind] if kind else []))
        check(a.status == 200, "Content-Type %s: %d" % (kind, a.status))
    a = exchange(server, request(server, "POST", GENERATE, key, chunked(BODY), ["Transfer-Encoding: chunked"], framed=False))
    check(a.status == 200, "a chunked body: %d" % a.status)
    form = (b'--x\r\nContent-Disposition: form-data; filename="a b;c.wav"; name="file"\r\nContent-Type: audio/mpeg\r\n\r\n' + wav(11) +
            b'\r\n--x\r\nContent-Disposition: form-data; name=purpose\r\n\r\nsong\r\n--x--\r\n')
    a = exchange(server, request(server, "POST", UPLOAD, key, chunked(form, (65536,)), ["Transfer-Encoding: chunked", "Content-Type: multipart/form-data; boundary=x"], framed=False))
    check(a.status == 200 and "voice_id" in a.json, "a chunked form, its file first: %d %s" % (a.status, a.body))
    squeezed = gzip.compress(BODY)
    a = exchange(server, request(server, "POST", GENERATE, key, squeezed, ["Content-Encoding: gzip"]))
    check(a.status == 415 and a.json["statusCode"] == 415 and "Content-Encoding" in a.json["message"], "a compressed body: %d %s" % (a.status, a.body))
    a = exchange(server, request(server, "POST", MINIMAX, key, squeezed, ["Content-Encoding: gzip"]))
    check(a.status == 200 and a.json["base_resp"]["status_code"] == 2013 and "Content-Encoding" in a.json["base_resp"]["status_msg"], "MiniMax: %s" % a.body)
    check(exchange(server, request(server, "POST", GENERATE, key, BODY, ["Content-Encoding: identity"])).status == 200, "identity is none")
    a = exchange(server, request(server, "GET", GENERATE + "?generation_id=x", key, b"{}", ["Content-Type: application/json"]))
    check(a.status == 404, "GET with a body")
    a = exchange(server, request(server, "GET", "/v1/models", headers=["Accept-Encoding: gzip, deflate, br", "Accept: text/html", "Accept-Language: de"]))
    check("content-encoding" not in a.headers and a.json["object"] == "list", "answers are never compressed")


def test_authorization(server, key):
    for header, status in (("authorization: bearer   %s  " % key, 200), ("AUTHORIZATION: BEARER " + key, 200), ("Authorization: " + key, 401), ("Authorization: Basic " + key, 401),
                           ("X-API-Key: " + key, 401), ("Authorization: Bearer %s\r\nAuthorization: Bearer %s" % (key, key), 401), ("Authorization: Bearer " + key + "\r\nX-Title: n8n", 200)):
        a = exchange(server, request(server, "GET", "/v2/billing", headers=[header]))
        check(a.status == status, "%s: %d" % (header.replace(key, "KEY"), a.status))
        if status == 401:
            check(a.headers["www-authenticate"] == "Bearer" and set(a.json) == {"requestId", "statusCode", "timestamp", "path", "message"}, "401: %s" % a.body)


def test_large_bodies(server, key):
    """A stranger's file is refused before it is sent; an owner's is asked for. What is too large says so in the family's words."""
    ask = ["Content-Type: multipart/form-data; boundary=x", "Expect: 100-continue", "Content-Length: 50000000"]
    for who in (None, "wrong"):
        a = exchange(server, request(server, "POST", UPLOAD, who, headers=ask, framed=False), closes=True)
        check(a.interim == 0 and a.status == 401 and a.headers["connection"] == "close", "a stranger's upload: %d" % a.status)
        a = exchange(server, request(server, "POST", "/v1/music_upload", who, headers=ask, framed=False), closes=True)
        check(a.interim == 0 and a.json["base_resp"]["status_code"] == (2049 if who else 1004), "MiniMax: %s" % a.body)
        a = exchange(server, request(server, "POST", UPLOAD, who, b"10000\r\n", ["Transfer-Encoding: chunked"], framed=False), closes=True)
        check(a.status == 401, "of unknown length: %d" % a.status)
    with socket.create_connection((server.host, server.port), timeout=10) as c:
        form, kind = multipart({"purpose": "song"}, {"file": ("a.wav", wav(11), "audio/wav")})
        c.sendall(request(server, "POST", UPLOAD, key, headers=["Content-Type: " + kind, "Expect: 100-continue", "Content-Length: %d" % len(form)], framed=False))
        check(c.recv(100).startswith(b"HTTP/1.1 100 "), "go on")
        c.sendall(form)
        check(b"voice_id" in c.recv(65536), "the owner's file")
    for path, told in ((UPLOAD, lambda a: a.json["statusCode"] == 413 and len(a.json["requestId"]) == 21 and a.json["path"] == UPLOAD and a.json["timestamp"]),
                       ("/v1/music_upload", lambda a: a.json["data"] is None and a.json["base_resp"]["status_code"] == 2013 and len(a.json["trace_id"]) == 32)):
        a = exchange(server, request(server, "POST", path, key, headers=["Content-Length: 5000000000"], framed=False), closes=True)
        check(a.status == 413 and told(a), "too large: %d %s" % (a.status, a.body))
    a = exchange(server, request(server, "POST", "/no/such/route", key, headers=["Content-Length: 5000000000"], framed=False), closes=True)
    check(a.status == 404, "no route is no matter of size: %d" % a.status)
    check(os.listdir(os.path.join(server.data, "spool")) == [], "nothing was stored")


def main():
    server = Server(sys.argv[1], workers=0)
    try:
        key = server.new_key("--credits", "unlimited")
        for test in (test_browsers, test_methods, test_addresses, test_versions_and_connections, test_bodies, test_authorization, test_large_bodies):
            test(server, key)
        check(server.call("GET", "/healthz").json["status"] == "ok", "healthy")
    finally:
        code = server.stop()
    check(code == 0, "a clean end: %s" % code)
    return check.end()


sys.exit(main())
