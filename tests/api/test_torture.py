#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the server under load and of a worker in the middle of a song; a hundred threads with one key; a damaged database. No accepted job is lost, none is charged twice, and a song
that was interrupted is the same song.

    test_torture.py MADRIGAL [SERVER_CYCLES WORKER_KILLS]      either may be 0: the whole can be run in parts
"""
import collections
import hashlib
import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error

from server import Checks, Server

SHORT = "[Verse]\nHello my darling\nRain on the window\n"
SONG = {"model": "minimax/music-1.5", "prompt": "acoustic folk, female voice, 160 bpm", "lyrics": SHORT}
check = Checks()


def test_server_killed(binary, cycles):
    """Clients submit while the server dies again and again. What was answered with 200 must be there."""
    rng = random.Random(1)
    server = Server(binary, workers=0)
    key = server.new_key("--credits", "unlimited")
    accepted, lock = set(), threading.Lock()
    stop = threading.Event()

    def client(n):
        i = 0
        while not stop.is_set():
            try:
                a = server.call("POST", "/v2/generate/audio", dict(SONG, seed=i), key, {"Idempotency-Key": "%d-%d" % (n, i)}, timeout=5)
                if a.status == 200:
                    with lock:
                        accepted.add((n, i, a.json["id"]))
                    i += 1
            except (OSError, ValueError, urllib.error.URLError):
                time.sleep(0.01)  # down: the same request once more, with the same key

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for _ in range(cycles):
        time.sleep(rng.uniform(0.02, 0.15))
        server.process.kill()
        server.stop(keep=True)
        server.start()
    stop.set()
    for t in threads:
        t.join()
    server.stop(keep=True)
    db = sqlite3.connect(os.path.join(server.data, "madrigal.db"))
    ids = {r[0] for r in db.execute("SELECT id FROM job")}
    lost = [a for a in accepted if a[2] not in ids]
    check(not lost and len(accepted) > cycles // 4, "%d accepted, %d lost" % (len(accepted), len(lost)))
    # A request whose answer was lost is sent again with its key: beyond the accepted there may be only each client's last, which nobody answered.
    check(0 <= len(ids) - len(accepted) <= len(threads), "each Idempotency-Key made one job: %d jobs for %d accepted" % (len(ids), len(accepted)))
    check(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the database is whole")
    db.close()
    server.start()
    check(server.call("GET", "/healthz").json["status"] == "ok", "and serves again")
    server.stop()
    print("server killed %d times: %d jobs accepted, none lost" % (cycles, len(accepted)), flush=True)


def children(pid):
    try:
        return [int(p) for p in open("/proc/%d/task/%d/children" % (pid, pid)).read().split()]
    except OSError:
        return []


def test_worker_killed(binary, kills):
    """A worker dies in the middle of a song: the song is made all the same, to the byte, and is charged once."""
    rng = random.Random()  # parts of a longer run kill at other moments
    server = Server(binary, workers=1)
    key = server.new_key("--credits", "100000000")
    song = dict(SONG, seed=7)
    first = server.call("POST", "/v2/generate/audio", song, key).json["id"]
    began = time.monotonic()
    sound = server.call("GET", server.wait_for(first, key)["audio_file"]["url"]).body
    usual = time.monotonic() - began
    want = hashlib.sha256(sound).hexdigest()
    done, killed, stages = 1, 0, collections.Counter()
    moments = itertools.cycle((None, "play", None, "mix", None, "write"))  # at any time, and in what is over too soon to be met by chance
    db = sqlite3.connect(os.path.join(server.data, "madrigal.db"), timeout=10)
    look = lambda g: db.execute("SELECT state, stage, tries FROM job WHERE id = ?", (g,)).fetchone()
    while killed < kills:
        g = server.call("POST", "/v2/generate/audio", song, key).json["id"]
        for tries in (1, 2):  # a third death would be the song's fault
            while look(g)[0] == "queued" or look(g)[2] < tries:
                time.sleep(0.02)
            moment = next(moments)
            if not moment:
                time.sleep(rng.uniform(0, usual))
            state, stage, _ = look(g)
            while moment and state == "running" and stage != moment:
                time.sleep(0.02)
                state, stage, _ = look(g)
            if state != "running":
                break
            for pid in children(server.process.pid):
                os.kill(pid, signal.SIGKILL)
                killed += 1
                stages[stage or "starting"] += 1
            # A lease runs for 30 s; here it has run out already.
            db.execute("UPDATE job SET lease_until_ms = 0 WHERE id = ? AND state = 'running'", (g,))
            db.commit()
            if killed >= kills:
                break
        a = server.wait_for(g, key)
        ok = a["status"] == "completed" and hashlib.sha256(server.call("GET", a["audio_file"]["url"]).body).hexdigest() == want
        check(ok, "the same song after its worker was killed: %s" % a.get("error"))
        done += ok
    charges = db.execute("SELECT count(*), count(DISTINCT reference) FROM ledger WHERE kind = 'MODEL_USAGE'").fetchone()
    check(charges[0] == charges[1] == done, "one charge for each song: %s of %d" % (charges, done))
    db.close()
    server.stop()
    print("worker killed %d times while %s: %d songs made, each once and the same" % (killed, ", ".join("%s %d" % s for s in stages.most_common()), done), flush=True)


def test_one_key_a_hundred_threads(binary):
    server = Server(binary, workers=0)
    key = server.new_key("--credits", "unlimited")
    ids, errors = [], []

    def submit():
        a = server.call("POST", "/v2/generate/audio", SONG, key, {"Idempotency-Key": "just one"})
        (ids if a.status == 200 else errors).append(a.json.get("id"))

    threads = [threading.Thread(target=submit) for _ in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(len(ids) == 100 and len(set(ids)) == 1 and not errors, "a hundred threads, one job: %d ids, %d errors" % (len(set(ids)), len(errors)))
    check(len(server.call("GET", "/v1/songs", key=key).json["data"]) == 1, "one song")
    server.stop()


def test_data_folder_gone_bad(binary):
    server = Server(binary, workers=0)
    server.stop(keep=True)
    with open(os.path.join(server.data, "madrigal.db"), "r+b") as f:
        f.write(b"this is no database any more" * 40)
    run = subprocess.run([binary, "serve", "--data", server.data, "--workers", "0", "--listen", "127.0.0.1:0"], capture_output=True, timeout=60)
    check(run.returncode != 0 and b"madrigal:" in run.stderr, "a broken database is said: %d %s" % (run.returncode, run.stderr[-200:]))
    run = subprocess.run([binary, "serve", "--data", "/proc/nowhere", "--workers", "0", "--listen", "127.0.0.1:0"], capture_output=True, timeout=60)
    check(run.returncode != 0 and b"madrigal:" in run.stderr, "a folder that can't be made: %d %s" % (run.returncode, run.stderr[-200:]))
    shutil.rmtree(server.data)


def main():
    binary = sys.argv[1]
    cycles, kills = [int(n) for n in sys.argv[2:4]] if len(sys.argv) > 3 else (200, 20)
    test_one_key_a_hundred_threads(binary)
    test_data_folder_gone_bad(binary)
    if cycles:
        test_server_killed(binary, cycles)
    if kills:
        test_worker_killed(binary, kills)
    return check.end()


sys.exit(main())
