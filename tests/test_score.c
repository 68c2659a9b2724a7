/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "score/chord.h"
#include "score/drums.h"
#include "score/score.h"

/* A chord in C major or C minor: its symbol there, and its pitch classes from the root up. */
static const struct { const char *roman; int minor; const char *name; int n, pitch[CHORD_MAX_TONES]; } chords[] = {
	{ "I", 0, "C", 3, { 0, 4, 7 } }, { "ii", 0, "Dm", 3, { 2, 5, 9 } }, { "iii", 0, "Em", 3, { 4, 7, 11 } },
	{ "IV", 0, "F", 3, { 5, 9, 0 } }, { "V", 0, "G", 3, { 7, 11, 2 } }, { "vi", 0, "Am", 3, { 9, 0, 4 } },
	{ "viidim", 0, "Bdim", 3, { 11, 2, 5 } }, { "II", 0, "D", 3, { 2, 6, 9 } }, { "III", 0, "E", 3, { 4, 8, 11 } },
	{ "VI", 0, "A", 3, { 9, 1, 4 } }, { "iv", 0, "Fm", 3, { 5, 8, 0 } }, { "v", 0, "Gm", 3, { 7, 10, 2 } },
	{ "bVII", 0, "Bb", 3, { 10, 2, 5 } }, { "bVI", 0, "Ab", 3, { 8, 0, 3 } }, { "bIII", 0, "Eb", 3, { 3, 7, 10 } },
	{ "bII", 0, "Db", 3, { 1, 5, 8 } }, { "#ivdim", 0, "F#dim", 3, { 6, 9, 0 } },
	{ "i", 1, "Cm", 3, { 0, 3, 7 } }, { "bIII", 1, "Eb", 3, { 3, 7, 10 } }, { "bVI", 1, "Ab", 3, { 8, 0, 3 } },
	{ "bVII", 1, "Bb", 3, { 10, 2, 5 } }, { "V", 1, "G", 3, { 7, 11, 2 } }, { "iim7b5", 1, "Dm7b5", 4, { 2, 5, 8, 0 } },
	{ "V7", 0, "G7", 4, { 7, 11, 2, 5 } }, { "Imaj7", 0, "Cmaj7", 4, { 0, 4, 7, 11 } }, { "vi7", 0, "Am7", 4, { 9, 0, 4, 7 } },
	{ "vim7", 0, "Am7", 4, { 9, 0, 4, 7 } }, { "ii9", 0, "Dm9", 5, { 2, 5, 9, 0, 4 } }, { "V9", 0, "G9", 5, { 7, 11, 2, 5, 9 } },
	{ "Imaj9", 0, "Cmaj9", 5, { 0, 4, 7, 11, 2 } }, { "I6", 0, "C6", 4, { 0, 4, 7, 9 } }, { "iv6", 0, "Fm6", 4, { 5, 8, 0, 2 } },
	{ "I5", 0, "C5", 2, { 0, 7 } }, { "i5", 1, "C5", 2, { 0, 7 } }, { "Isus2", 0, "Csus2", 3, { 0, 2, 7 } },
	{ "Vsus4", 0, "Gsus4", 3, { 7, 0, 2 } }, { "V7sus4", 0, "G7sus4", 4, { 7, 0, 2, 5 } },
	{ "IVadd9", 0, "Fadd9", 4, { 5, 9, 0, 7 } }, { "iadd9", 1, "Cmadd9", 4, { 0, 3, 7, 2 } },
	{ "viidim7", 1, "Bdim7", 4, { 11, 2, 5, 8 } }, { "Iaug", 0, "Caug", 3, { 0, 4, 8 } },
	{ "imaj7", 1, "Cm(maj7)", 4, { 0, 3, 7, 11 } }, { "V13", 0, "G13", 6, { 7, 11, 2, 5, 9, 4 } },
	{ "V7b9", 1, "G7b9", 5, { 7, 11, 2, 5, 8 } },
	{ "V7/vi", 0, "E7", 4, { 4, 8, 11, 2 } }, { "V/V", 0, "D", 3, { 2, 6, 9 } }, { "V7/bVI", 1, "Eb7", 4, { 3, 7, 10, 1 } },
	{ "ii7/IV", 0, "Gm7", 4, { 7, 10, 2, 5 } },
};

static void test_chords(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof chords / sizeof chords[0]; i++) {
		struct chord c;
		struct madrigal_error err = { 0 };
		char name[16];
		if (chord_parse(chords[i].roman, &c, &err))
			fail_msg("%s: %s", chords[i].roman, err.message);
		chord_name(&c, 0, chords[i].minor, name, sizeof name);
		assert_string_equal(name, chords[i].name);
		assert_int_equal(c.n, chords[i].n);
		assert_int_equal(c.bass, c.root);
		unsigned mask = 0;
		for (int k = 0; k < c.n; k++) {
			assert_int_equal((c.root + c.intervals[k]) % 12, chords[i].pitch[k]);
			assert_true(k == 0 ? c.intervals[0] == 0 : c.intervals[k] > c.intervals[k - 1]);
			mask |= 1u << chords[i].pitch[k];
		}
		assert_int_equal(chord_pitch_classes(&c, 0), mask);
		/* In another key the same chord lies as much higher. */
		unsigned moved = ((mask << 9) | (mask >> 3)) & 0xfff;
		assert_int_equal(chord_pitch_classes(&c, 9), moved);
	}
}

static void test_chord_bass(void **state)
{
	(void)state;
	static const struct { const char *roman; int bass; const char *in_g; } t[] = {
		{ "I/3", 4, "G/B" }, { "V/7", 11, "D/F#" }, { "IV/6", 9, "C/E" }, { "I/5", 7, "G/D" }, { "vi7/5", 7, "Em7/D" },
		{ "I/b7", 10, "G/F" }, { "IV/1", 0, "C/G" },
	};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct chord c;
		char name[16];
		assert_int_equal(chord_parse(t[i].roman, &c, NULL), 0);
		assert_int_equal(c.bass, t[i].bass);
		chord_name(&c, 7, 0, name, sizeof name);
		assert_string_equal(name, t[i].in_g);
		assert_true(chord_pitch_classes(&c, 7) & 1u << (c.bass + 7) % 12);
	}
}

static void test_chord_errors(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "C", "H", "b", "#", "bbbI", "iV", "Iv", "IIII", "viiI", "I ", " I", "Ifoo", "I/", "I/8", "I/0", "I/33", "I/3/5", "V7/vi7",
		"imaj9", "iaug", "i13", "/3", "I//3", "Vmaj77", "1", "I-",
		"IIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct chord c = { .root = 99 };
		struct madrigal_error err = { 0 };
		if (chord_parse(bad[i], &c, &err) != MADRIGAL_ESTYLE)
			fail_msg("\"%s\" was taken for a chord", bad[i]);
		assert_int_equal(c.root, 99);
		assert_non_null(strstr(err.message, "chord"));
		assert_int_equal(chord_parse(bad[i], &c, NULL), MADRIGAL_ESTYLE);
	}
}

static void test_spelling(void **state)
{
	(void)state;
	static const struct { int tonic, minor; const char *names[7]; } keys[] = { /* the scale: major, natural minor */
		{ 0, 0, { "C", "D", "E", "F", "G", "A", "B" } }, { 1, 0, { "Db", "Eb", "F", "Gb", "Ab", "Bb", "C" } },
		{ 6, 0, { "F#", "G#", "A#", "B", "C#", "D#", "E#" } }, { 10, 0, { "Bb", "C", "D", "Eb", "F", "G", "A" } },
		{ 4, 0, { "E", "F#", "G#", "A", "B", "C#", "D#" } }, { 9, 1, { "A", "B", "C", "D", "E", "F", "G" } },
		{ 6, 1, { "F#", "G#", "A", "B", "C#", "D", "E" } }, { 3, 1, { "Eb", "F", "Gb", "Ab", "Bb", "Cb", "Db" } },
		{ 8, 1, { "G#", "A#", "B", "C#", "D#", "E", "F#" } }, { 5, 1, { "F", "G", "Ab", "Bb", "C", "Db", "Eb" } },
	};
	static const int major[7] = { 0, 2, 4, 5, 7, 9, 11 }, minor[7] = { 0, 2, 3, 5, 7, 8, 10 };
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		for (int d = 0; d < 7; d++) {
			int pc = (keys[i].tonic + (keys[i].minor ? minor : major)[d]) % 12;
			assert_string_equal(pitch_class_name(pc, keys[i].tonic, keys[i].minor), keys[i].names[d]);
		}
	assert_string_equal(key_tonic_name(10, 0), "Bb");
	assert_string_equal(key_tonic_name(6, 1), "F#");
	/* Every note of every key has a name, and that name is its pitch. */
	for (int tonic = 0; tonic < 12; tonic++)
		for (int pc = 0; pc < 24; pc++) {
			int heard, mode;
			assert_int_equal(key_parse(pitch_class_name(pc % 12, tonic, pc / 12), &heard, &mode, NULL), 0);
			assert_int_equal(heard, pc % 12);
		}
}

static void test_keys(void **state)
{
	(void)state;
	static const struct { const char *text; int tonic, minor; } t[] = {
		{ "A minor", 9, 1 }, { "F# major", 6, 0 }, { "Bb", 10, -1 }, { "am", 9, 1 }, { "C#m", 1, 1 }, { "Eb-major", 3, 0 },
		{ "a MINOR", 9, 1 }, { "bb", 10, -1 }, { "bbm", 10, 1 }, { "b", 11, -1 }, { "bm", 11, 1 }, { "B", 11, -1 },
		{ "e flat minor", 3, 1 }, { "F sharp", 6, -1 }, { "G-flat major", 6, 0 }, { " d  min ", 2, 1 }, { "CM", 0, 0 },
		{ "c maj", 0, 0 }, { "Cb", 11, -1 }, { "B#", 0, -1 }, { "F\u266fm", 6, 1 }, { "B\u266d major", 10, 0 }, { "A-minor", 9, 1 },
		{ "Ab_minor", 8, 1 },
	};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		int tonic, minor;
		struct madrigal_error err = { 0 };
		if (key_parse(t[i].text, &tonic, &minor, &err))
			fail_msg("%s: %s", t[i].text, err.message);
		assert_int_equal(tonic, t[i].tonic);
		assert_int_equal(minor, t[i].minor);
	}
	static const char *const bad[] = { "", "H minor", "A dorian", "A minor please", "minor", "12", "A##", "Amm", "A minor minor", "\xff" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int tonic = 77, minor = 77;
		struct madrigal_error err = { 0 };
		if (key_parse(bad[i], &tonic, &minor, &err) != MADRIGAL_EUSAGE)
			fail_msg("\"%s\" was taken for a key", bad[i]);
		assert_int_equal(tonic, 77);
		assert_true(strlen(err.message) > 10);
	}
}

static void test_drums(void **state)
{
	(void)state;
	static const struct { const char *name; int key; } t[] = {
		{ "kick", 36 }, { "snare", 38 }, { "rim", 37 }, { "clap", 39 }, { "hat", 42 }, { "pedal", 44 }, { "open", 46 }, { "ride", 51 },
		{ "bell", 53 }, { "crash", 49 }, { "crash2", 57 }, { "tom1", 50 }, { "tom2", 47 }, { "tom3", 43 }, { "tambourine", 54 },
		{ "shaker", 82 }, { "cowbell", 56 }, { "cymbal", -1 }, { "", -1 }, { "Kick", -1 },
	};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		assert_int_equal(drum_key(t[i].name), t[i].key);
}

static void test_chord_at(void **state)
{
	(void)state;
	struct score_chord sc[3] = { { .start = 0, .end = 960 }, { .start = 960, .end = 1920 }, { .start = 1920, .end = 3840 } };
	struct score s = { .chords = sc, .n_chords = 3 };
	static const struct { int tick, index; } t[] = { { 0, 0 }, { 959, 0 }, { 960, 1 }, { 1919, 1 }, { 1920, 2 }, { 3839, 2 } };
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		assert_ptr_equal(score_chord_at(&s, t[i].tick), &sc[t[i].index]);
	assert_null(score_chord_at(&s, 3840));
	assert_null(score_chord_at(&s, -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chords), cmocka_unit_test(test_chord_bass), cmocka_unit_test(test_chord_errors),
		cmocka_unit_test(test_spelling), cmocka_unit_test(test_keys), cmocka_unit_test(test_drums), cmocka_unit_test(test_chord_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
