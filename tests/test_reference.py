#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A song made after a reference is like it, and two references make two songs.

    test_reference.py MADRIGAL

Instrumentals, which are quickly made, and one that is sung: what is asked is whether tempo, key, meter, chords and the master's spectrum arrive, listened to again. Then what may be given as a
reference, and what not.
"""
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import wave

PASSED = FAILED = 0
LYRICS = "[Verse]\nThe ferry left before the rain\nI watched it shrinking from the pier\n[Chorus]\nCarry me over, carry me on\nOver the water, night into dawn\n"


def check(ok, what):
    global PASSED, FAILED
    PASSED, FAILED = PASSED + bool(ok), FAILED + (not ok)
    if not ok:
        print("FAILED:", what, flush=True)


def run(madrigal, *args, expect=0):
    r = subprocess.run([madrigal, *args], capture_output=True, check=False)
    check(r.returncode == expect, "%s: exit %d, not %d: %s" % (" ".join(args), r.returncode, expect, r.stderr.decode()[-300:]))
    return r


def sing(madrigal, out, *args):
    run(madrigal, "sing", "lyrics.txt", "--out", out, "--no-stems", "-q", *args)
    return json.load(open(os.path.join(out, "song.json")))


def play(madrigal, out, *args):
    return sing(madrigal, out, "-i", *args)


def listen(madrigal, song):
    return json.loads(run(madrigal, "listen", os.path.join(song, "mix.mp3")).stdout)


def spectrum_apart(a, b):
    """The largest difference of two spectra from 200 Hz to 8 kHz, dB, at equal level."""
    bands = [i for i, hz in enumerate(a["spectrum"]["hz"]) if 200 <= hz <= 8000]
    d = [a["spectrum"]["db"][i] - b["spectrum"]["db"][i] for i in bands]
    mean = sum(d) / len(d)
    return max(abs(x - mean) for x in d)


def pitch_classes(name):
    """Of a chord as the ear writes it: "F#m"; "N" has none."""
    if name == "N":
        return []
    root = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name[0]] + name.count("#") - name.count("b")
    return [root % 12, (root + (3 if name.endswith("m") else 4)) % 12, (root + 7) % 12]


def chords_of(song):
    """How long each chord sounds, by root and third; a chord without a third may be either."""
    rows = {}
    for c in song["chords"]:
        pcs = c["pitch_classes"] if "pitch_classes" in c else pitch_classes(c["name"])
        if not pcs:
            continue
        above = {(p - pcs[0]) % 12 for p in pcs}
        for minor in ([False] if 4 in above else [True] if 3 in above else [False, True]):
            rows[pcs[0], minor] = rows.get((pcs[0], minor), 0) + c["end"] - c["start"]
    return rows


def check_like(name, reference, heard, song, again):
    """reference: song.json of what was heard; again: what is heard in the new song."""
    tempo = reference["tempo_bpm"]
    check(abs(song["tempo_bpm"] / tempo - 1) < 0.01, "tempo of %s: %s" % (name, song["tempo_bpm"]))
    check(abs(again["tempo_bpm"] / tempo - 1) < 0.01, "tempo of %s, heard again: %s" % (name, again["tempo_bpm"]))
    # What is heard may be the relative key: the same notes, another home.
    check(song["key"] == heard["key"], "key of %s: %s, heard %s" % (name, song["key"], heard["key"]))
    check(song["time_signature"] == reference["time_signature"], "meter of %s: %s" % (name, song["time_signature"]))
    check(spectrum_apart(heard, again) < 2, "spectrum of %s: %.1f dB apart" % (name, spectrum_apart(heard, again)))
    want = chords_of(reference)
    for got in (chords_of(song), chords_of(again)):
        share = sum(t for c, t in got.items() if c in want) / sum(got.values())
        check(share >= 0.6, "chords of %s: %.2f of %s in %s" % (name, share, got, want))


def test_after_a_reference(madrigal):
    references = {
        "a": ("-s", "synth-pop", "-t", "113", "-k", "A minor", "--seed", "5"),
        "b": ("-s", "lullaby", "-t", "84", "-k", "Eb major", "--time-signature", "3/4", "--seed", "6"),
    }
    made = {}
    for name, options in references.items():
        truth = play(madrigal, "ref-" + name, "-d", "60", *options)
        heard = listen(madrigal, "ref-" + name)
        json.dump(heard, open(name + ".json", "w"))
        made[name] = play(madrigal, "new-" + name, "--reference", name + ".json", "--seed", "77")
        check_like(name, truth, heard, made[name], listen(madrigal, "new-" + name))
        if name == "a": # the singer has a rhythm, a tune and a spectrum of their own
            song = sing(madrigal, "sung", "--reference", "a.json", "--seed", "77")
            again = listen(madrigal, "sung")
            check_like("a, sung", truth, heard, song, again)
            check(again["singer"]["singing"] > 0.1 and again["key"] == heard["key"], "a, sung, heard again: %s, %s" % (again["singer"]["singing"], again["key"]))
    check(made["a"]["style"] != made["b"]["style"], "two references, one style")
    check(made["a"]["tempo_bpm"] != made["b"]["tempo_bpm"] and made["a"]["key"] != made["b"]["key"], "two references, one song")
    # A record from under a blanket: by 12 dB an octave less above 1 kHz.
    dark = json.load(open("a.json"))
    dark["spectrum"]["db"] = [db - max(0, 12 * math.log2(hz / 1000)) for hz, db in zip(dark["spectrum"]["hz"], dark["spectrum"]["db"])]
    json.dump(dark, open("dark.json", "w"))
    play(madrigal, "new-dark", "--reference", "dark.json", "--seed", "77")
    apart = spectrum_apart(dark, listen(madrigal, "new-dark"))
    check(apart < 3, "a dark reference: %.1f dB apart" % apart)
    # What is said in so many words wins over what is heard.
    song = play(madrigal, "told", "--reference", "a.json", "-p", "reggae, 90 bpm, in F major", "--seed", "77")
    check(song["tempo_bpm"] == 90 and song["key"] == {"tonic": "F", "mode": "major"} and song["style"] == "reggae", "the prompt's words: %s" % [song[k] for k in ("tempo_bpm", "key", "style")])
    # The same reference, the same song; from the recording or from what was heard in it.
    direct = play(madrigal, "direct", "--reference", "ref-a/mix.mp3", "--seed", "77")
    check(open("direct/mix.mp3", "rb").read() == open("new-a/mix.mp3", "rb").read(), "from the recording: another song (%s)" % direct["tempo_bpm"])


def write_wave(path, seconds, rate=22050, channels=1, value=lambda t: 0.0, width=2):
    with wave.open(path, "wb") as w:
        w.setparams((channels, width, rate, 0, "NONE", ""))
        frames = int(seconds * rate)
        w.writeframes(b"".join(struct.pack("<h", int(32000 * value(i / rate))) * channels for i in range(frames)))


def test_any_file(madrigal):
    write_wave("silence.wav", 5)
    heard = json.loads(run(madrigal, "listen", "silence.wav").stdout)
    check(heard["tempo_bpm"] == 0 and heard["key"] is None and heard["styles"] == [] and heard["singer"]["singing"] == 0, "silence: %s" % heard["tempo_bpm"])
    for rate, channels in ((8000, 1), (96000, 2), (192000, 1), (44100, 6)):
        name = "tone-%d-%d.wav" % (rate, channels)
        write_wave(name, 2, rate, channels, lambda t: 0.3 * math.sin(2 * math.pi * 440 * t))
        heard = json.loads(run(madrigal, "listen", name).stdout)
        check(abs(heard["duration"] - 2) < 0.05, "%s: %s s" % (name, heard["duration"]))
    open("text.wav", "w").write("no audio at all, but a text that is long enough to look at\n" * 10)
    open("empty.mp3", "w").close()
    for name in ("text.wav", "empty.mp3"):
        check("cannot be listened to" in run(madrigal, "listen", name, expect=2).stderr.decode(), name)
    run(madrigal, "listen", "none.mp3", expect=6)
    run(madrigal, "listen", expect=2)
    run(madrigal, "listen", "silence.wav", "-o", "no/such/folder.json", expect=6)
    open("broken.json", "w").write("{\"tempo_bpm\": }")
    run(madrigal, "score", "lyrics.txt", "--out", "broken", "--reference", "broken.json", expect=2)
    check(not os.path.exists("broken"), "a folder is left of a song without a reference")
    run(madrigal, "score", "lyrics.txt", "--out", "quiet", "-q", "--reference", "silence.wav")
    run(madrigal, "listen", "tone-96000-2.wav", "-o", "tone.json", "--picture", "tone.png")
    check(open("tone.png", "rb").read(8) == b"\x89PNG\r\n\x1a\n" and json.load(open("tone.json"))["duration"] > 1, "a picture")


def main():
    madrigal = os.path.abspath(sys.argv[1])
    folder = tempfile.mkdtemp(prefix="madrigal-reference-")
    os.chdir(folder)
    try:
        open("lyrics.txt", "w").write(LYRICS)
        test_any_file(madrigal)
        test_after_a_reference(madrigal)
    finally:
        os.chdir("/")
        shutil.rmtree(folder)
    print("%d passed, %d failed" % (PASSED, FAILED))
    return FAILED != 0


if __name__ == "__main__":
    sys.exit(main())
