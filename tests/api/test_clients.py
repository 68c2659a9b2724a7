#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""MiniMax's own clients, unchanged, as people have them installed: PyPI minimax-mcp 0.0.18, npm minimax-mcp-js 0.0.17, npm mmx-cli 1.0.19. Fetched by their package managers into
a folder of the build.

    test_clients.py MADRIGAL FOLDER
"""
import json
import os
import re
import subprocess
import sys
import venv

from server import Checks, Server

LYRICS = "[Verse]\nStreetlights flicker, the night breeze sighs\nShadows stretch as I walk alone\n"
PROMPT = "warm indie folk, female voice, 160 bpm"  # fast: a short song is made sooner
check = Checks()


def install(folder):
    python = os.path.join(folder, "python")
    if not os.path.exists(os.path.join(python, "done")):
        venv.create(python, with_pip=True, clear=True)
        subprocess.run([os.path.join(python, "bin", "pip"), "install", "-q", "minimax-mcp==0.0.18", "mcp<2"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        open(os.path.join(python, "done"), "w").close()
    node = os.path.join(folder, "node")
    if not os.path.exists(os.path.join(node, "done")):
        os.makedirs(node, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", node, "minimax-mcp-js@0.0.17", "mmx-cli@1.0.19"], check=True, stdout=subprocess.DEVNULL)
        open(os.path.join(node, "done"), "w").close()
    return os.path.join(python, "bin", "python"), os.path.join(node, "node_modules")


def is_mp3(path):
    data = open(path, "rb").read()
    return len(data) > 20000 and (data[:3] == b"ID3" or data[:2] in (b"\xff\xfb", b"\xff\xf3"))


def test_mcp_python(python, server, key, folder):
    script = "from minimax_mcp import server; import sys; print(server.music_generation(prompt=sys.argv[1], lyrics=sys.argv[2]).text)"
    for mode in ("local", "url"):
        env = dict(os.environ, MINIMAX_API_KEY=key, MINIMAX_API_HOST=server.url, MINIMAX_MCP_BASE_PATH=folder, MINIMAX_API_RESOURCE_MODE=mode)
        run = subprocess.run([python, "-c", script, PROMPT, LYRICS], env=env, capture_output=True, timeout=300)
        text = run.stdout.decode().strip()
        if mode == "local":
            found = re.search(r"saved as: (.*)", text)
            check(found and is_mp3(found.group(1)), "minimax-mcp local: %s %s" % (text, run.stderr[-300:]))
        else:
            found = re.search(r"url: (http\S+)", text)
            check(found and len(server.call("GET", found.group(1)).body) > 20000, "minimax-mcp url: %s %s" % (text, run.stderr[-300:]))
    env["MINIMAX_API_KEY"] = "wrong"
    run = subprocess.run([python, "-c", script, PROMPT, LYRICS], env=env, capture_output=True, timeout=60)
    check("Failed" in run.stdout.decode(), "minimax-mcp with a wrong key: %s" % run.stdout)


def test_mcp_javascript(modules, server, key, folder):
    for mode in ("local", "url"):
        env = dict(os.environ, MINIMAX_API_KEY=key, MINIMAX_API_HOST=server.url, MINIMAX_MCP_BASE_PATH=folder, MINIMAX_RESOURCE_MODE=mode)
        p = subprocess.Popen(["node", os.path.join(modules, "minimax-mcp-js", "build", "index.js")], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def send(**m):
            p.stdin.write((json.dumps(dict(m, jsonrpc="2.0")) + "\n").encode())
            p.stdin.flush()

        def answer(number):
            for line in p.stdout:
                if line.startswith(b"{") and json.loads(line).get("id") == number:
                    return json.loads(line)
            return None

        send(id=1, method="initialize", params={"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
        answer(1)
        send(method="notifications/initialized")
        send(id=2, method="tools/call", params={"name": "music_generation", "arguments": {"prompt": PROMPT, "lyrics": LYRICS, "outputDirectory": folder}})
        text = json.dumps(answer(2))
        p.stdin.close()
        p.terminate()
        p.wait()
        p.stdout.close()
        if mode == "local":
            found = re.search(r"(/[^\"\\ ]*\.mp3)", text)
            check(found and is_mp3(found.group(1)), "minimax-mcp-js local: %s" % text[:400])
        else:
            found = re.search(r"(http://[^\"\\ ]*)", text)
            check(found and len(server.call("GET", found.group(1)).body) > 20000, "minimax-mcp-js url: %s" % text[:400])


def test_mmx(modules, server, key, folder):
    mmx = os.path.join(modules, ".bin", "mmx")
    env = dict(os.environ, MINIMAX_BASE_URL=server.url, HOME=folder)
    cases = {"hex": [], "stream": ["--stream"], "url": ["--output-format", "url"]}
    for name, more in cases.items():
        out = os.path.join(folder, "mmx-%s.mp3" % name)
        run = subprocess.run([mmx, "music", "generate", "--region", "global", "--api-key", key, "--prompt", PROMPT, "--lyrics", LYRICS, *([] if name == "stream" else ["--out", out]), *more],
                             env=env, capture_output=True, timeout=300)
        if name == "stream":
            check(run.returncode == 0 and len(run.stdout) > 20000, "mmx --stream: %d bytes %s" % (len(run.stdout), run.stderr[-300:]))
        elif name == "url":
            check(run.returncode == 0 and b"http://127.0.0.1" in run.stdout, "mmx url: %s %s" % (run.stdout[-300:], run.stderr[-300:]))
        else:
            check(run.returncode == 0 and os.path.exists(out) and is_mp3(out), "mmx: %s %s" % (run.stdout[-300:], run.stderr[-300:]))
    run = subprocess.run([mmx, "music", "generate", "--region", "global", "--api-key", "wrong", "--prompt", PROMPT, "--lyrics", LYRICS, "--out", os.path.join(folder, "no.mp3")], env=env,
                         capture_output=True, timeout=60)
    check(run.returncode != 0, "mmx with a wrong key")


def main():
    folder = os.path.abspath(sys.argv[2])
    os.makedirs(folder, exist_ok=True)
    python, modules = install(folder)
    server = Server(sys.argv[1], workers=1)
    try:
        key = server.new_key("--credits", "unlimited")
        test_mcp_python(python, server, key, folder)
        test_mcp_javascript(modules, server, key, folder)
        test_mmx(modules, server, key, folder)
    finally:
        server.stop()
    return check.end()


sys.exit(main())
