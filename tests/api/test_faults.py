#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client sees when the server's surroundings fail: an engine that crashes, a full disk, a folder that can't be written to, a database that another process holds. The right error, nothing
lost, and it goes on by itself. Works for any user: limits of processes and permissions stand in for disks."""
import ctypes
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time

from server import Checks, Server, multipart, wav

SONG = {"model": "minimax/music-1.5", "prompt": "acoustic folk, female voice, 160 bpm", "lyrics": "[Verse]\nHello my darling\nRain on the window\n"}
PRICE = 78000
check = Checks()


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(p) for p in f.read().split()]


def until(what, seconds=180):
    """Whether what() comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def database(server):
    return sqlite3.connect(os.path.join(server.data, "madrigal.db"), isolation_level=None, timeout=10)


def singing(binary):
    """A server, its only key, its database and its only song, which is being sung."""
    server = Server(binary, workers=1)
    key = server.new_key("--credits", str(10 * PRICE))
    db = database(server)
    job = server.call("POST", "/v2/generate/audio", SONG, key).json["id"]
    check(until(lambda: db.execute("SELECT progress FROM job").fetchone()[0] > 0), "it sings")
    return server, key, db, job


# ---- an engine that crashes

def kill_in_the_making(server, db, job, tries, sig):
    """Kills the worker of a job once it has begun to sing it for the tries-th time."""
    row = lambda: db.execute("SELECT tries, state, progress FROM job WHERE id = ?", (job,)).fetchone()
    if not check(until(lambda: row()[0] == tries and row()[1] == "running" and row()[2] > 0), "try %d begins: %s" % (tries, row())):
        return
    for pid in children(server.process.pid):
        os.kill(pid, sig)


def test_engine_crash(binary):
    server = Server(binary, workers=1)
    key = server.new_key("--credits", str(2 * PRICE))
    db = database(server)
    job = server.call("POST", "/v2/generate/audio", SONG, key).json["id"]
    for tries, sig in enumerate((signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT), 1):
        kill_in_the_making(server, db, job, tries, sig)
    a = server.wait_for(job, key)
    check(a["status"] == "error" and a["error"]["name"] == "worker_lost" and a["audio_file"] is None, "three crashes: %s" % a)
    check(a["meta"]["usage"]["credits_used"] == 0 and server.call("GET", "/v1/billing/balance", key=key).json["balance"] == 2 * PRICE, "not charged")
    check(server.call("GET", "/v2/billing/transactions?direction=CHARGE", key=key).json["data"] == [], "no charge in the ledger")
    own = server.call("GET", "/v1/songs/" + job, key=key).json
    check(own["status"] == "error" and "files" not in own, "our own view: %s" % own)
    again = server.call("POST", "/v2/generate/audio", SONG, key).json["id"]
    a = server.wait_for(again, key)
    check(a["status"] == "completed" and len(server.call("GET", a["audio_file"]["url"]).body) > 20000, "the next song: %s" % a)
    check(server.call("GET", "/v1/billing/balance", key=key).json["balance"] == PRICE, "and that one is charged")
    db.close()
    server.stop()


def test_engine_crash_while_a_client_waits(binary):
    """MiniMax's synchronous route: the answer is an error in base_resp, not a connection that hangs."""
    server = Server(binary, workers=1)
    key = server.new_key("--credits", "unlimited")
    db = database(server)
    got = {}
    body = {"model": "music-2.0", "prompt": SONG["prompt"], "lyrics": SONG["lyrics"]}
    t = threading.Thread(target=lambda: got.update(answer=server.call("POST", "/v1/music_generation", body, key, timeout=120)))
    t.start()
    check(until(lambda: db.execute("SELECT count(*) FROM job").fetchone()[0] == 1), "accepted")
    job = db.execute("SELECT id FROM job").fetchone()[0]
    for tries in (1, 2, 3):
        kill_in_the_making(server, db, job, tries, signal.SIGKILL)
    t.join()
    a = got["answer"]
    check(a.status == 200 and a.json["data"] is None and a.json["base_resp"]["status_code"] == 1000, "MiniMax: %d %s" % (a.status, a.body[:200]))
    db.close()
    server.stop()


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_server_crash_while_singing(binary):
    """The song goes on while the server is away; its worker ends when it is done, and the next server has one of its own."""
    server, key, db, job = singing(binary)
    worker = children(server.process.pid)[0]
    server.stop(signal.SIGKILL, keep=True)
    server.start()
    check(until(lambda: children(server.process.pid)) and children(server.process.pid) != [worker], "a worker of its own")
    a = server.wait_for(job, key)
    check(a["status"] == "completed" and db.execute("SELECT tries FROM job").fetchone()[0] == 1, "the song is finished at the first try: %s" % a)
    check(until(lambda: not alive(worker)), "the former worker has ended")
    check(server.call("GET", "/v1/billing/balance", key=key).json["balance"] == 9 * PRICE, "charged once")
    db.close()
    server.stop()


def test_stop_with_a_worker_that_hangs(binary):
    """A stop takes 20 s at most (and whatever a busy machine needs besides); the song in the making waits for the next start and loses no try."""
    server, key, db, job = singing(binary)
    worker = children(server.process.pid)[0]
    os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    code = server.stop(keep=True)
    check(code == 0 and time.monotonic() - began < 30 and not alive(worker), "stopped with %s after %.1f s" % (code, time.monotonic() - began))
    server.start()
    a = server.wait_for(job, key)
    check(a["status"] == "completed" and db.execute("SELECT tries FROM job").fetchone()[0] == 1, "the next start makes it: %s" % a)
    check(server.call("GET", "/v1/billing/balance", key=key).json["balance"] == 9 * PRICE, "charged once")
    db.close()
    server.stop()


# ---- a full disk: no file of a process may grow beyond a limit

def limit_files(pid, most):
    """What the limit was."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))
    return soft


def upload(server, key, seconds):
    body, content = multipart({"purpose": "song"}, {"file": ("song.wav", wav(seconds), "audio/wav")})
    return server.call("POST", "/v2/generate/audio/minimax/upload", body, key, {"Content-Type": content})


def test_full_disk(binary):
    server = Server(binary, workers=0)
    key = server.new_key("--credits", "unlimited")
    accepted = [server.call("POST", "/v2/generate/audio", SONG, key).json["id"]]
    before = limit_files(server.process.pid, 4096)
    answers = [server.call("POST", "/v2/generate/audio", SONG, key) for _ in range(5)]
    check({a.status for a in answers} == {503} and all(int(a.headers["Retry-After"]) > 0 for a in answers), "a full disk: %s" % [a.status for a in answers])
    a = server.call("POST", "/v1/songs", {k: v for k, v in SONG.items() if k != "model"}, key)
    check(a.status == 503 and a.json["statusCode"] == 503 and a.json["message"], "in words: %s" % a.body)
    a = server.call("POST", "/v1/music_generation", {"model": "music-2.0", "prompt": SONG["prompt"], "lyrics": SONG["lyrics"]}, key)
    check(a.json["base_resp"]["status_code"] == 1024, "MiniMax: %s" % a.body)
    for seconds in (11, 40):  # one that is held in memory until it is checked, one that goes to a file at once
        a = upload(server, key, seconds)
        check(a.status == 503, "an upload of %d s: %d %s" % (seconds, a.status, a.body[:200]))
    check(os.listdir(os.path.join(server.data, "spool")) == [], "nothing stays in the spool")
    check(server.call("GET", "/v2/generate/audio?generation_id=" + accepted[0], key=key).json["status"] == "queued", "reading goes on")
    limit_files(server.process.pid, before)
    accepted.append(server.call("POST", "/v2/generate/audio", SONG, key).json["id"])
    check(upload(server, key, 11).status == 200, "room again, and it goes on")
    listed = [s["id"] for s in server.call("GET", "/v1/songs", key=key).json["data"]]
    check(sorted(listed) == sorted(accepted), "what was accepted is there, and nothing else: %s" % listed)
    check(server.process.poll() is None, "the server lives")
    check(server.stop() == 0, "a clean end")


def test_full_disk_while_singing(binary):
    """The song doesn't fit: it costs no try, and is made when there is room."""
    server = Server(binary, workers=1)
    key = server.new_key("--credits", str(10 * PRICE))
    worker = children(server.process.pid)[0]
    # The log of the database stays far below that; 30 s of WAV are more than 5 MB.
    before = limit_files(worker, 3 << 20)
    job = server.call("POST", "/v2/generate/audio", dict(SONG, duration=30, audio_setting={"format": "wav"}), key).json["id"]
    said = lambda: b"store_refuses" in open(os.path.join(server.data, "server.log"), "rb").read()
    check(until(said), "the worker says so")
    check(server.call("GET", "/v2/generate/audio?generation_id=" + job, key=key).json["status"] == "queued", "it waits")
    limit_files(worker, before)
    a = server.wait_for(job, key)
    check(a["status"] == "completed" and children(server.process.pid) == [worker], "made when there is room, by the same worker: %s" % a)
    check(server.call("GET", "/v1/billing/balance", key=key).json["balance"] == 9 * PRICE, "charged once")
    server.stop()


# ---- a folder that can't be written to

def bound_by_permissions():
    """In a child, before it becomes the server: root heeds permissions as others do once it has no CAP_DAC_OVERRIDE to gain."""
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def lock_up(server, mode):
    for name in ("spool", "files"):
        os.chmod(os.path.join(server.data, name), mode)


def test_read_only(binary):
    server = Server(binary, workers=1, before=bound_by_permissions)
    key = server.new_key("--credits", str(10 * PRICE))
    lock_up(server, 0o500)
    a = upload(server, key, 11)
    check(a.status == 503, "an upload: %d %s" % (a.status, a.body[:200]))
    job = server.call("POST", "/v2/generate/audio", SONG, key).json["id"]
    check(until(lambda: b"store_refuses" in open(os.path.join(server.data, "server.log"), "rb").read()), "the worker says so")
    check(server.call("GET", "/v2/generate/audio?generation_id=" + job, key=key).json["status"] == "queued", "the song waits")
    server.stop(keep=True)
    # Nothing at all can be written, not even the database: the server says so and doesn't start.
    os.chmod(server.data, 0o500)
    names = [n for n in os.listdir(server.data) if n.startswith("madrigal.db")]
    for name in names:
        os.chmod(os.path.join(server.data, name), 0o400)
    run = subprocess.run([binary, "serve", *server.options], capture_output=True, timeout=60, preexec_fn=bound_by_permissions)
    check(run.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT) and b"madrigal: " in run.stderr, "a read-only folder is said: %d %s" % (run.returncode, run.stderr[-200:]))
    os.chmod(server.data, 0o700)
    for name in names:
        os.chmod(os.path.join(server.data, name), 0o600)
    lock_up(server, 0o700)
    server.start()
    a = server.wait_for(job, key)
    check(a["status"] == "completed" and server.call("GET", "/v1/billing/balance", key=key).json["balance"] == 9 * PRICE, "nothing was lost: %s" % a)
    check(upload(server, key, 11).status == 200, "and uploads work")
    server.stop()


# ---- a database that another process holds

def test_locked(binary):
    server = Server(binary, workers=0)
    key = server.new_key("--credits", "unlimited")
    first = server.call("POST", "/v2/generate/audio", SONG, key).json["id"]
    db = database(server)
    db.execute("BEGIN IMMEDIATE")
    late = []
    t = threading.Thread(target=lambda: late.append(server.call("POST", "/v2/generate/audio", SONG, key)))
    t.start()
    # Who waited for the lock would wait in vain: it is held until these are answered.
    for path in ("/v2/generate/audio?generation_id=" + first, "/healthz", "/v1/billing/balance"):
        check(server.call("GET", path, key=key).status == 200, "reading goes on: " + path)
    t.join()
    check(late[0].status == 503 and int(late[0].headers["Retry-After"]) > 0, "a locked database: %d" % late[0].status)
    # A shorter lock only takes its time.
    t = threading.Thread(target=lambda: late.append(server.call("POST", "/v2/generate/audio", SONG, key)))
    t.start()
    time.sleep(0.5)
    db.execute("ROLLBACK")
    t.join()
    check(late[1].status == 200, "accepted when the lock is gone: %d" % late[1].status)
    check(len(server.call("GET", "/v1/songs", key=key).json["data"]) == 2, "what was refused is not there")
    db.close()
    server.stop()


def test_locked_while_singing(binary):
    server, key, db, job = singing(binary)
    db.execute("BEGIN IMMEDIATE")
    time.sleep(8)  # the song is finished meanwhile, and can't be written down
    db.execute("ROLLBACK")
    a = server.wait_for(job, key)
    check(a["status"] == "completed" and db.execute("SELECT tries FROM job").fetchone()[0] == 1, "finished at the first try: %s" % a)
    check(server.call("GET", "/v1/billing/balance", key=key).json["balance"] == 9 * PRICE, "charged once")
    db.close()
    server.stop()


def main():
    binary = sys.argv[1]
    for test in (test_engine_crash, test_engine_crash_while_a_client_waits, test_server_crash_while_singing, test_stop_with_a_worker_that_hangs, test_full_disk, test_full_disk_while_singing, test_read_only, test_locked, test_locked_while_singing):
        began = time.monotonic()
        test(binary)
        print("%s: %.1f s" % (test.__name__, time.monotonic() - began), flush=True)
    return check.end()


sys.exit(main())
