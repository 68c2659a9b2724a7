# SPDX-License-Identifier: GPL-3.0-or-later
# The two commands of the README, and what they are made of. The build itself is meson's.
#
#   make song     installs what is missing, fetches the voice, builds, and sings examples/cafe.txt into song.mp3
#   make test     builds and runs every test
#   make          builds
#   make check    what continuous integration runs: tests, sanitizers, fuzzing
#   make gallery  sings every style's demonstration and makes a page of them, build/gallery/index.html (STYLES="rock soul": only these)
#   make ear-tables  sings and listens to what the ear compares with: share/ear/, src/ear/parts_table.h (an hour)
#   make ear-check SONGS="DIR..."  how well the ear hears songs whose truth is known
#   make torture  kills the server and its workers a thousand times, and sends 20,000 damaged files to the decoder
#   make bench    times each stage and writes docs/performance.md
#   make bench-serve  times the service's answers while it makes songs (by wrk), and writes them there too
#   make install  installs under PREFIX (default /usr/local)

PREFIX ?= /usr/local
BUILD ?= build
MADRIGAL = $(BUILD)/src/cli/madrigal

.PHONY: all build ear-tables ear-check song test check asan tsan fuzz torture bench bench-serve gallery voice install clean packages

all: build

build: packages
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) . --prefix=$(PREFIX) >/dev/null || { meson setup $(BUILD) . --prefix=$(PREFIX); exit 1; }
	@meson compile -C $(BUILD) >$(BUILD)/log.txt || { cat $(BUILD)/log.txt; exit 1; }

packages:
	@tools/setup packages
	@tools/setup header

voice: build
	@MADRIGAL=$(abspath $(MADRIGAL)) tools/setup voice

song: voice
	@$(MAKE) --no-print-directory song.mp3

song.mp3: examples/cafe.txt $(MADRIGAL)
	$(MADRIGAL) sing examples/cafe.txt --prompt "warm indie folk, a bright female voice" -o $@

test: voice
	@tools/run-tests $(BUILD)

asan: packages
	@test -f build-asan/build.ninja || CC=gcc meson setup build-asan . -Db_sanitize=address,undefined -Dbuildtype=debugoptimized >/dev/null
	@meson compile -C build-asan >build-asan/log.txt || { cat build-asan/log.txt; exit 1; }

# Where threads meet threads: under ThreadSanitizer.
THREADED = base http http-hostile multipart store queue worker guard api api-wire

tsan: packages
	@test -f build-tsan/build.ninja || CC=gcc meson setup build-tsan . -Db_sanitize=thread -Dbuildtype=debugoptimized >/dev/null
	@meson compile -C build-tsan madrigal:executable $(addprefix test_,$(filter-out api%,$(subst -,_,$(THREADED)))) >build-tsan/log.txt || { cat build-tsan/log.txt; exit 1; }
	@tools/run-tests build-tsan --setup tsan $(THREADED)

check: test asan
	@tools/run-tests build-asan --setup asan --no-suite long
	@$(MAKE) --no-print-directory tsan
	@tools/fuzz 20

fuzz: packages
	@tools/fuzz 60

torture: voice
	MADRIGAL_TEST_MUTATIONS=20000 $(BUILD)/src/guard/test_guard $(MADRIGAL)
	python3 tests/api/test_torture.py $(MADRIGAL) 1000 100

bench: voice
	@tools/bench $(MADRIGAL)

bench-serve: voice
	@tools/setup bench
	@tools/bench-serve $(MADRIGAL)

gallery: voice
	@tools/gallery --madrigal $(MADRIGAL) --out $(BUILD)/gallery $(STYLES)

ear-tables: voice
	@tools/ear-tables --madrigal $(MADRIGAL)

ear-check: build
	@tools/ear-check --madrigal $(MADRIGAL) $(SONGS)

install: build
	meson install -C $(BUILD)

clean:
	rm -rf build build-asan build-tsan build-fuzz song.mp3
