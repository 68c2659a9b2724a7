# SPDX-License-Identifier: GPL-3.0-or-later
"""A Madrigal server of one's own for a test: starts it on a free port with an empty data folder, and ends it."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    def __init__(self, binary, workers=0, data=None, options=(), before=None):
        """before: called in the new process before it becomes the server."""
        self.binary = binary
        self.own_data = data is None
        self.before = before
        self.data = data or tempfile.mkdtemp(prefix="madrigal-api-")
        self.options = ["--workers", str(workers), "--listen", "127.0.0.1:0", "--data", self.data, *options]
        self.start()

    def start(self):
        self.log = open(os.path.join(self.data, "server.log"), "ab")
        self.process = subprocess.Popen([self.binary, "serve", *self.options], stdout=subprocess.PIPE, stderr=self.log, preexec_fn=self.before)
        line = self.process.stdout.readline().decode()
        found = re.search(r"http://([\d.]+):(\d+)", line)
        if not found:
            raise RuntimeError("the server did not start: %r %s" % (line, open(self.log.name).read()))
        self.host, self.port = found.group(1), int(found.group(2))
        self.url = "http://%s:%d" % (self.host, self.port)
        # The rest of what it says (the first key) is read along, so that it never blocks.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def new_key(self, *options):
        out = subprocess.run([self.binary, "key", "create", "--data", self.data, *options], capture_output=True, check=True)
        return out.stdout.decode().strip()

    def run(self, *args):
        return subprocess.run([self.binary, *args, "--data", self.data], capture_output=True)

    def call(self, method, path, body=None, key=None, headers=None, timeout=60):
        h = dict(headers or {})
        if key:
            h["Authorization"] = "Bearer " + key
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            h.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(path if path.startswith("http") else self.url + path, data=body, method=method, headers=h)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as r:
                return Answer(r.status, r.headers, r.read())
        except urllib.error.HTTPError as e:
            return Answer(e.code, e.headers, e.read())

    def wait_for(self, generation, key, seconds=300):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            a = self.call("GET", "/v2/generate/audio?generation_id=" + generation, key=key).json
            if a["status"] in ("completed", "error"):
                return a
            time.sleep(0.2)
        raise TimeoutError(generation)

    def stop(self, sig=signal.SIGTERM, keep=False):
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()
        code = self.process.returncode
        if self.own_data and not keep:
            shutil.rmtree(self.data, ignore_errors=True)
        return code


def multipart(fields, files):
    """A form as Python's requests sends it: name -> text, name -> (filename, bytes, type)."""
    mark = "d41d8cd98f00b204e9800998ecf8427e"
    out = b""
    for name, text in fields.items():
        out += ('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (mark, name, text)).encode()
    for name, (filename, data, kind) in files.items():
        out += ('--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: %s\r\n\r\n' % (mark, name, filename, kind)).encode() + data + b"\r\n"
    return out + ("--%s--\r\n" % mark).encode(), "multipart/form-data; boundary=" + mark


def wav(seconds, rate=8000, level=8000):
    """A tone as a WAV file."""
    import math
    import struct
    n = int(seconds * rate)
    data = b"".join(struct.pack("<h", int(level * math.sin(2 * math.pi * 440 * i / rate))) for i in range(n))
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16) + b"data" + struct.pack("<I", len(data)) + data


def sung(binary):
    """A song of some fifteen seconds as an MP3 file: what has singing in it."""
    if not hasattr(sung, "bytes"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "song.mp3")
            lyrics = b"[Verse]\nThe ferry left before the rain\nI watched it shrinking from the pier\nA paper cup, a window pane\n"
            subprocess.run([binary, "sing", "-", "-s", "pop-ballad", "--voice", "af_heart", "-q", "-o", path], input=lyrics, check=True)
            sung.bytes = open(path, "rb").read()
    return sung.bytes


class Checks:
    """Counts what held and what did not, and says which."""

    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, ok, what):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED:", what, flush=True)
        return ok

    def end(self):
        print("%d checks passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed or not self.passed else 0
