#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The command as a person uses it: exit codes, messages, files, signals. test_cli.sh PATH_OF_MADRIGAL
set -u
madrigal=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0

expect() { # CODE PATTERN ARGS...: the exit code, and a pattern in what it prints on both streams
	code=$1 pattern=$2
	shift 2
	"$madrigal" "$@" >out.txt 2>err.txt </dev/null
	got=$?
	if [ "$got" != "$code" ] || ! cat out.txt err.txt | grep -q -e "$pattern"; then
		echo "FAILED: madrigal $*: exit $got, wanted $code and '$pattern'; it said:"
		cat out.txt err.txt
		failed=1
	fi
	rm -f out.txt err.txt
}

nothing_left() {
	left=$(ls -A | grep -v -e '^lyrics.txt$' -e '^kept' || true)
	[ -z "$left" ] || { echo "FAILED: $1 left: $left"; failed=1; }
}

printf '[Verse]\nPaper boats along the river\nCarry wishes to the sea\n' >lyrics.txt

expect 2 'Usage' nonsense
expect 2 'Usage'
expect 0 'Exit codes' --help
expect 0 '^madrigal [0-9]' --version
expect 0 'bitrate' sing --help
expect 0 'rock' styles
expect 0 '"name":"rock"' styles --json
expect 0 'af_heart' voices
expect 0 'ok  ' doctor
expect 2 'no lyrics' sing
expect 2 'unknown option' sing lyrics.txt --loud
expect 2 'wants a value' sing lyrics.txt --tempo
expect 2 'wants a number' sing lyrics.txt --tempo fast
expect 2 '40 to 240' sing lyrics.txt --tempo 500
expect 2 'what format' sing lyrics.txt -o song.ogg
expect 2 'one too many' sing lyrics.txt lyrics.txt
expect 4 'synth-pop' sing lyrics.txt --style sinth-pop
expect 6 'No such file' sing none.txt
expect 6 'cannot' sing lyrics.txt -o /proc/nowhere/song.mp3
expect 3 'nothing to sing\|empty\|no words' sing /dev/null
expect 2 'add --stream' sing lyrics.txt -o -
expect 2 'wants a file' sing lyrics.txt --stream --out song
expect 2 'both' sing lyrics.txt --stream --json -o -
nothing_left 'wrong use'

MADRIGAL_VOICE=/nonexistent expect 5 'make voice' sing lyrics.txt -o song.mp3
nothing_left 'a missing voice'

expect 0 'made in' score lyrics.txt --out kept-score --prompt 'rock, 120 bpm, in E minor'
for f in song.json song.mid song.musicxml song.lrc; do
	[ -s "kept-score/$f" ] || { echo "FAILED: score wrote no $f"; failed=1; }
done
grep -q '"tempo_bpm": *120' kept-score/song.json || { echo "FAILED: the tempo asked for is not in song.json"; failed=1; }

expect 0 'loudness_lufs' sing lyrics.txt -o kept.mp3 --prompt 'pop ballad, male voice, 160 bpm' --json
head -c 3 kept.mp3 2>/dev/null | grep -q ID3 || { echo "FAILED: kept.mp3 is no MP3 with tags"; failed=1; }

# Standard output is the report alone, and JSON.
"$madrigal" score - --json --out kept-json <lyrics.txt 2>/dev/null | python3 -c 'import json, sys; assert json.load(sys.stdin)["lines"] == 2' ||
	{ echo "FAILED: --json is not JSON"; failed=1; }

# Ctrl-C: exit code 130, soon, nothing left. (Started by sh in the background, so SIGTERM: sh ignores SIGINT there.)
"$madrigal" sing --instrumental --prompt rock -d 12 --stream -o - --quiet </dev/null | cat >kept-stream.mp3
[ "$(head -c 3 kept-stream.mp3)" = ID3 ] && [ "$(wc -c <kept-stream.mp3)" -gt 100000 ] || { echo "FAILED: no song on standard output"; failed=1; }

# A pipe by its name is written to as it is; nothing is tried out beside it.
"$madrigal" sing --instrumental --prompt rock -d 10 --format mp3 -o /dev/fd/3 --quiet 3>&1 >/dev/null </dev/null | cat >kept-pipe.mp3
[ "$(head -c 3 kept-pipe.mp3)" = ID3 ] || { echo "FAILED: no song through a pipe"; failed=1; }

"$madrigal" sing lyrics.txt -o song.mp3 --out song --quiet &
pid=$!
sleep 1.5
kill -TERM $pid
wait $pid
got=$?
[ $got = 130 ] || { echo "FAILED: interrupted, exit $got"; failed=1; }
nothing_left 'an interruption'

[ $failed = 0 ] && echo "all as expected"
exit $failed
