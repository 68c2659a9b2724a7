/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/rng.h"
#include "score/chord.h"
#include "score/drums.h"
#include "score/files.h"
#include "score/score.h"
#include "score/text.h"

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
	{ "IVadd9", 0, "Fadd9", 4, { 5, 9, 0, 7 } }, { "iadd9", 1, "Cm(add9)", 4, { 0, 3, 7, 2 } },
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

/* ---- files: a song of eight bars ---- */

#define BAR (4 * TICKS_PER_QUARTER)

/* "Streetlights flicker & the night," / "wooden door" twice over, and a backing line "(oh, rhythm)". */
static struct syllable syllables[] = {
	{ .phonemes = "stɹˈit", .stress = STRESS_PRIMARY, .word = 0 }, { .phonemes = "lˌIts", .word = 0 }, { .phonemes = "flˈɪk", .word = 1 },
	{ .phonemes = "əɹ", .word = 1 }, { .phonemes = "ði", .word = 2 }, { .phonemes = "nˈIt", .word = 3 }, { .phonemes = "wˈʊ", .word = 4 },
	{ .phonemes = "dən", .word = 4 }, { .phonemes = "dˈɔɹ", .word = 5 }, { .phonemes = "ˈO", .word = 6 }, { .phonemes = "ɹˈɪð", .word = 7 },
	{ .phonemes = "əm", .word = 7 }, { .phonemes = "nˈW", .word = 8 },
};
static struct word words[] = {
	{ .text = "Streetlights", .line = 0, .first_syllable = 0, .n_syllables = 2 }, { .text = "flicker", .line = 0, .first_syllable = 2, .n_syllables = 2 },
	{ .text = "the", .line = 0, .first_syllable = 4, .n_syllables = 1 },
	{ .text = "night", .line = 0, .first_syllable = 5, .n_syllables = 1, .punct = ',' },
	{ .text = "wooden", .line = 2, .first_syllable = 6, .n_syllables = 2 }, { .text = "d<o&\"r", .line = 2, .first_syllable = 8, .n_syllables = 1 },
	{ .text = "oh", .line = 1, .first_syllable = 9, .n_syllables = 1, .punct = ',' }, { .text = "rhythm", .line = 1, .first_syllable = 10, .n_syllables = 2 },
	{ .text = "now", .line = 2, .first_syllable = 12, .n_syllables = 1, .punct = '!' },
};
static struct line lines[] = {
	{ .text = "Streetlights flicker the night,", .n_words = 4 }, { .text = "oh, rhythm", .first_word = 6, .n_words = 2, .backing = 1 },
	{ .text = "wooden d<o&\"r now!", .first_word = 4, .n_words = 2 },
};
static struct lyrics lyrics = { .lines = lines, .n_lines = 3, .words = words, .n_words = 9, .syllables = syllables, .n_syllables = 13 };

static struct vocal_note vocal[] = {
	{ 480, 480, 64, 0, 0, 0, 0, 0.5f, 0 }, { 960, 240, 67, 0, 1, 0, 0, 0.5f, 0 }, { 1200, 600, 66, 1, 0, 0, 0, 0.6f, 0 }, { 1800, 120, 63, 1, 1, 0, 0, 0.6f, 0 },
	{ BAR, 120, 62, 2, 0, 0, 0, 0.6f, 0 }, { BAR + 120, 480, 69, 3, 0, 0, 0, 0.7f, 0 }, { BAR + 600, 960, 71, 3, 0, 0, 0, 0.7f, 0 }, /* a melisma */
	{ 4 * BAR + 1680, 720, 76, 4, 0, 2, 1, 1, 0 },           /* over the bar line */
	{ 5 * BAR + 480, 160, 74, 4, 1, 2, 1, 1, 0 }, { 5 * BAR + 640, 320, 72, 5, 0, 2, 1, 1, 0 }, /* triplets */
	{ 6 * BAR, BAR + 960, 69, 8, 0, 2, 1, 0.9f, 0 },         /* a bar and a half */
};
static struct vocal_note backing[] = {
	{ 2 * BAR, 480, 60, 6, 0, 1, 0, 0.4f, 0 }, { 2 * BAR + 480, 480, 62, 7, 0, 1, 0, 0.4f, 0 }, { 2 * BAR + 960, 480, 64, 7, 1, 1, 0, 0.4f, 0 },
};
static struct note bass[] = { { 0, 1920, 40, 90, 0, 0 }, { 1920, 1920, 45, 90, 0, 0 }, { 2880, 480, 45, 80, 0, 0 } };
static struct note drums[] = { { 0, 60, 36, 100, 0, 0 }, { 0, 60, 42, 80, 0, 0 }, { 480, 60, 38, 100, 0, 0 } };
static struct score_section sections[] = {
	{ .name = "Verse 1", .start = 0, .end = 4 * BAR, .intensity = 0.5f }, { .name = "Chorus <&>", .start = 4 * BAR, .end = 8 * BAR, .intensity = 0.9f },
};
static struct score_part parts[] = {
	{ .name = "bass", .role = ROLE_BASS, .instrument = "Electric bass", .soundfont = "general", .program = 33, .notes = bass, .n_notes = 3 },
	{ .name = "drums", .role = ROLE_DRUMS, .instrument = "Kit", .soundfont = "black-pearl", .bank = 128, .notes = drums, .n_notes = 3 },
};

static const char *const song_chords[] = { "i", "bVI7", "bVII/3", "V7sus4", "i", "ivadd9", "V7b9", "i5" };

static struct score make_song(struct score_chord *chord)
{
	struct score s = { .title = "Caf\u00e9 <\"A\" & B>", .seed = 18446744073709551615u, .tempo_bpm = 92.5, .meter_num = 4, .meter_den = 4, .tonic_pc = 4,
		           .minor = 1, .lead_in_s = 0.25, .tail_s = 1.5, .bars = 8, .sections = sections, .n_sections = 2, .vocal = vocal,
		           .n_vocal = sizeof vocal / sizeof vocal[0], .backing = backing, .n_backing = 3, .parts = parts, .n_parts = 2, .lyrics = &lyrics };
	for (int i = 0; i < 8; i++) {
		chord[i] = (struct score_chord){ .start = i * BAR, .end = (i + 1) * BAR };
		assert_int_equal(chord_parse(song_chords[i], &chord[i].chord, NULL), 0);
	}
	s.chords = chord;
	s.n_chords = 8;
	return s;
}

static int count(const char *text, const char *what)
{
	int n = 0;
	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("there is no %s", what);
}

static void lacks(const char *text, const char *what)
{
	if (strstr(text, what))
		fail_msg("there is %s", what);
}

/* JSON as far as it matters here: brackets match outside strings, strings have no bare control characters. */
static void check_json(const char *p)
{
	char stack[16];
	int depth = 0;
	for (; *p; p++) {
		if (*p == '"') {
			for (p++; *p != '"'; p++) {
				assert_true((unsigned char)*p >= 0x20);
				p += *p == '\\';
			}
		} else if (*p == '{' || *p == '[') {
			assert_true(depth < 16);
			stack[depth++] = *p == '{' ? '}' : ']';
		} else if (*p == '}' || *p == ']') {
			assert_true(depth > 0 && stack[--depth] == *p);
		}
	}
	assert_int_equal(depth, 0);
}

static void test_json(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	static const char *const extra[] = { "vocals", "backing-vocals", "vocal-effects" };
	struct song_facts f = { .style = "indie-folk", .voice = "af_heart", .prompt = "warm \"folk\"\n\x01", .understood = "folk", .stems = 1, .extra_stems = extra,
		                .n_extra_stems = 3, .loudness_lufs = -14.04, .true_peak_dbtp = NAN };
	struct buf b = buf_init(1 << 20);
	assert_int_equal(song_json(&s, &f, &b), 0);
	const char *j = buf_str(&b);
	check_json(j);
	has(j, "\"seed\": 18446744073709551615");
	has(j, "\"title\": \"Caf\u00e9 <\\\"A\\\" & B>\"");
	has(j, "\"prompt\": \"warm \\\"folk\\\"\\u000a\\u0001\"");
	has(j, "\"tempo_bpm\": 92.5, \"time_signature\": \"4/4\", \"key\": {\"tonic\": \"E\", \"mode\": \"minor\"}, \"first_beat\": 0.249999");
	has(j, "\"duration\": 22.506757");
	has(j, "\"loudness_lufs\": -14.04, \"true_peak_dbtp\": null");
	has(j, "{\"name\": \"Verse 1\", \"start\": 0.25, \"end\": 10.628378, \"bars\": 4");
	has(j, "\"name\": \"Em\", \"pitch_classes\": [4, 7, 11]}");
	has(j, "\"name\": \"C7\", \"pitch_classes\": [0, 4, 7, 10]}");
	has(j, "\"name\": \"D/G#\", \"pitch_classes\": [2, 6, 9, 8]}"); /* a bass that is no chord tone sounds too */
	/* Words with lead notes only, so that vocal_notes' indices fit: "now" is word 6 here, and word 8 of the lyrics. */
	has(j, "{\"text\": \"Streetlights\", \"start\": 0.898649, \"end\": 1.871622, \"line\": 0, \"syllables\": [{\"text\": \"Street\", \"phonemes\": \"stɹˈit\", \"stress\": 2}, "
	       "{\"text\": \"lights\"");
	has(j, "\"midi\": 69, \"word\": 6, \"syllable\": 0, \"line\": 2");
	has(j, "\"midi\": 64, \"word\": 1, \"syllable\": 1, \"line\": 1"); /* backing */
	const char *own = strstr(j, "\"words\""), *notes = strstr(j, "\"vocal_notes\"");
	assert_null(strstr(own, "\"oh\"") < notes ? strstr(own, "\"oh\"") : NULL);
	has(j, "\"backing_words\": [\n  {\"text\": \"oh\"");
	has(j, "{\"name\": \"bass\", \"role\": \"bass\", \"instrument\": \"Electric bass\", \"soundfont\": \"general\", \"bank\": 0, \"program\": 33, \"notes\": 3, "
	       "\"stem\": \"stems/bass.wav\"}");
	has(j, "{\"name\": \"vocals\", \"role\": \"vocals\", \"instrument\": \"af_heart\", \"notes\": 11, \"stem\": \"stems/vocals.wav\"}");

	/* As it was really sung. */
	double start[11], end[11];
	for (int i = 0; i < 11; i++) {
		start[i] = i + 0.125;
		end[i] = i + 0.75;
	}
	f.lead = (struct sung_times){ .start = start, .end = end };
	buf_clear(&b);
	assert_int_equal(song_json(&s, &f, &b), 0);
	has(buf_str(&b), "{\"text\": \"Streetlights\", \"start\": 0.125, \"end\": 1.75");
	has(buf_str(&b), "{\"start\": 10.125, \"end\": 10.75, \"midi\": 69, \"word\": 6");
	assert_null(strstr(buf_str(&b), "spoken"));

	/* Rap: the pitch that was spoken. */
	int midi[11] = { 0 };
	struct vocal_note rap[11];
	memcpy(rap, vocal, sizeof rap);
	rap[10].spoken = 1;
	midi[10] = 47;
	s.vocal = rap;
	f.lead.midi = midi;
	buf_clear(&b);
	assert_int_equal(song_json(&s, &f, &b), 0);
	has(buf_str(&b), "{\"start\": 10.125, \"end\": 10.75, \"midi\": 47, \"word\": 6");
	has(buf_str(&b), "\"dynamic\": 0.9, \"spoken\": true}");
	assert_int_equal(count(buf_str(&b), "spoken"), 1);
	buf_release(&b);
	s.vocal = vocal;

	/* An instrumental: the lists are there, and empty. */
	s.n_vocal = s.n_backing = 0;
	s.lyrics = NULL;
	struct song_facts bare = { .loudness_lufs = NAN, .true_peak_dbtp = NAN };
	b = buf_init(1 << 20);
	assert_int_equal(song_json(&s, &bare, &b), 0);
	check_json(buf_str(&b));
	has(buf_str(&b), "\"words\": []");
	has(buf_str(&b), "\"vocal_notes\": []");
	has(buf_str(&b), "\"stem\": null");
	lacks(buf_str(&b), "vocals\"");
	buf_release(&b);
}

/* ---- a small MIDI reader ---- */

struct midi { const unsigned char *p, *end; int tracks, format, division; };
struct midi_event { int tick, status, a, b; const unsigned char *data; unsigned length; };

static unsigned be(const unsigned char *p, int n)
{
	unsigned v = 0;
	while (n--)
		v = v << 8 | *p++;
	return v;
}

static unsigned variable(struct midi *m)
{
	unsigned v = 0;
	do
		v = v << 7 | (*m->p & 0x7f);
	while (*m->p++ & 0x80);
	return v;
}

static struct midi open_midi(const struct buf *b)
{
	const unsigned char *d = (const unsigned char *)b->data;
	assert_memory_equal(d, "MThd\0\0\0\6", 8);
	return (struct midi){ .p = d + 14, .end = d + b->len, .format = (int)be(d + 8, 2), .tracks = (int)be(d + 10, 2), .division = (int)be(d + 12, 2) };
}

/* The events of the next track, its end checked. */
static int read_track(struct midi *m, struct midi_event *e, int max)
{
	assert_memory_equal(m->p, "MTrk", 4);
	unsigned length = be(m->p + 4, 4);
	m->p += 8;
	const unsigned char *end = m->p + length;
	assert_true(end <= m->end);
	int n = 0, tick = 0;
	while (m->p < end) {
		tick += (int)variable(m);
		assert_true(n < max);
		struct midi_event *v = &e[n++];
		*v = (struct midi_event){ .tick = tick, .status = *m->p++ };
		if (v->status == 0xff) {
			v->a = *m->p++;
			v->length = variable(m);
			v->data = m->p;
			m->p += v->length;
		} else {
			v->a = *m->p++;
			v->b = (v->status & 0xf0) == 0xc0 ? 0 : *m->p++;
			assert_true(v->a < 128 && v->b < 128);
		}
	}
	assert_true(m->p == end);
	assert_true(e[n - 1].status == 0xff && e[n - 1].a == 0x2f);
	return n;
}

/* The index-th meta event of a type; one at tick -1 if there is none. */
static const struct midi_event *meta(const struct midi_event *e, int n, int type, int index)
{
	static const struct midi_event none = { .tick = -1, .data = (const unsigned char *)"\0\0\0" };
	for (int i = 0; i < n; i++)
		if (e[i].status == 0xff && e[i].a == type && index-- == 0)
			return &e[i];
	return &none;
}

static void test_midi(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	struct buf b = buf_init(1 << 20);
	assert_int_equal(song_midi(&s, &b), 0);
	struct midi m = open_midi(&b);
	assert_int_equal(m.format, 1);
	assert_int_equal(m.tracks, 5);
	assert_int_equal(m.division, TICKS_PER_QUARTER);
	struct midi_event e[256];

	int n = read_track(&m, e, 256);
	assert_int_equal(be(meta(e, n, 0x51, 0)->data, 3), 648649); /* microseconds: 60e6 / 92.5 */
	assert_memory_equal(meta(e, n, 0x58, 0)->data, "\4\2\x18\x08", 4);
	assert_memory_equal(meta(e, n, 0x59, 0)->data, "\1\1", 2); /* E minor: one sharp */
	assert_int_equal(meta(e, n, 6, 1)->tick, 4 * BAR);
	assert_memory_equal(meta(e, n, 6, 1)->data, "Chorus <&>", 10);
	assert_int_equal(e[n - 1].tick, 8 * BAR);

	n = read_track(&m, e, 256);
	static const char *const lyric[] = { "Street-", "lights ", "flick-", "er ", "the ", "night,\r", "woo-", "den ", "d<o&\"r ", "now!\r" };
	static const int when[] = { 480, 960, 1200, 1800, BAR, BAR + 120, 4 * BAR + 1680, 5 * BAR + 480, 5 * BAR + 640, 6 * BAR };
	for (int i = 0; i < 10; i++) {
		const struct midi_event *l = meta(e, n, 5, i);
		assert_int_equal(l->length, strlen(lyric[i]));
		assert_memory_equal(l->data, lyric[i], l->length);
		assert_int_equal(l->tick, when[i]);
	}
	assert_int_equal(meta(e, n, 5, 10)->tick, -1);
	int on = 0, channel = e[3].status & 15;
	for (int i = 0; i < n; i++)
		on += (e[i].status & 0xf0) == 0x90;
	assert_int_equal(on, 11);
	read_track(&m, e, 256);

	/* The bass: its second note ends where the third begins on the same key. */
	n = read_track(&m, e, 256);
	assert_memory_equal(meta(e, n, 3, 0)->data, "bass", 4);
	int sounding = 0, ends = 0;
	for (int i = 0; i < n; i++) {
		int kind = e[i].status & 0xf0;
		if (kind == 0xc0)
			assert_int_equal(e[i].a, 33);
		if (kind == 0x90 || kind == 0x80) {
			assert_int_not_equal(e[i].status & 15, channel);
			sounding += kind == 0x90 ? 1 : -1;
			assert_in_range(sounding, 0, 1);
			ends += kind == 0x80 && e[i].tick == 2880;
		}
	}
	assert_int_equal(ends, 1);
	assert_int_equal(sounding, 0);

	n = read_track(&m, e, 256);
	for (int i = 0; i < n; i++)
		if (e[i].status < 0xf0)
			assert_int_equal(e[i].status & 15, 9);
	assert_true(m.p == m.end);
	buf_release(&b);
}

static void test_midi_of_many_parts(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	static struct score_part many[28];
	for (int i = 0; i < 28; i++)
		many[i] = parts[i == 5 || i == 20];
	s.parts = many;
	s.n_parts = 28;
	struct buf b = buf_init(1 << 20);
	assert_int_equal(song_midi(&s, &b), 0);
	struct midi m = open_midi(&b);
	assert_int_equal(m.tracks, 31);
	int used[4][16] = { { 0 } };
	struct midi_event e[256];
	for (int t = 0; t < m.tracks; t++) {
		int n = read_track(&m, e, 256);
		if (t == 0)
			continue;
		int port = meta(e, n, 0x21, 0)->data[0], channel = -1;
		assert_in_range(port, 0, 3);
		for (int i = 0; i < n; i++)
			if (e[i].status < 0xf0)
				channel = e[i].status & 15;
		int is_drums = t == 3 + 5 || t == 3 + 20;
		assert_int_equal(channel == 9, is_drums);
		assert_true(is_drums || !used[port][channel]);
		used[port][channel] = 1;
	}
	buf_release(&b);
}

/* ---- MusicXML ---- */

/* Well-formed: tags match, and no text has a bare & or <. */
static void check_xml(const char *p)
{
	char stack[16][32];
	int depth = 0;
	for (; *p; p++) {
		if (*p == '&') {
			assert_true(!strncmp(p, "&amp;", 5) || !strncmp(p, "&lt;", 4) || !strncmp(p, "&gt;", 4) || !strncmp(p, "&quot;", 6));
			continue;
		}
		if (*p != '<')
			continue;
		const char *close = strchr(p, '>');
		assert_non_null(close);
		if (p[1] == '/') {
			size_t n = (size_t)(close - p - 2);
			assert_true(depth > 0 && !strncmp(stack[--depth], p + 2, n) && !stack[depth][n]);
		} else if (p[1] != '?' && p[1] != '!' && close[-1] != '/') {
			size_t n = strcspn(p + 1, " >");
			assert_true(depth < 16 && n < 32);
			memcpy(stack[depth], p + 1, n);
			stack[depth++][n] = 0;
		}
		p = close;
	}
	assert_int_equal(depth, 0);
}

/* Each bar of each part lasts as long as the metre says. */
static void check_bars(const char *xml, int bars, int length)
{
	int n = 0;
	for (const char *m = xml; (m = strstr(m, "<measure ")); n++) {
		const char *end = strstr(m, "</measure>");
		int sum = 0;
		for (const char *d = m; (d = strstr(d, "<duration>")) && d < end; d++)
			sum += atoi(d + 10);
		if (sum != length)
			fail_msg("bar %d lasts %d, not %d:\n%.*s", n, sum, length, (int)(end - m), m);
		m = end;
	}
	assert_int_equal(n, bars);
}

static void test_musicxml(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	struct buf b = buf_init(1 << 20);
	assert_int_equal(song_musicxml(&s, &b), 0);
	const char *x = buf_str(&b);
	check_xml(x);
	check_bars(x, 16, 96);
	has(x, "<work-title>Caf\u00e9 &lt;&quot;A&quot; &amp; B&gt;</work-title>");
	has(x, "<fifths>1</fifths><mode>minor</mode>");
	has(x, "<rehearsal>Chorus &lt;&amp;&gt;</rehearsal>");
	has(x, "<per-minute>92.5</per-minute>");
	has(x, "<syllabic>begin</syllabic><text>Street</text>");
	has(x, "<syllabic>end</syllabic><text>lights</text>");
	has(x, "<syllabic>single</syllabic><text>night,</text><extend/>");
	has(x, "<text>d&lt;o&amp;&quot;r</text>");
	assert_int_equal(count(x, "<lyric "), 10 + 3);
	assert_int_equal(count(x, "<harmony>"), 8);
	has(x, "<kind text=\"7\">dominant</kind>");
	has(x, "<kind text=\"7sus4\">suspended-fourth</kind><degree print-object=\"no\"><degree-value>7</degree-value>");
	has(x, "<root-step>D</root-step></root><kind text=\"\">major</kind><bass><bass-step>G</bass-step><bass-alter>1</bass-alter></bass>");
	assert_int_equal(count(x, "<tied type=\"start\"/>"), count(x, "<tied type=\"stop\"/>"));
	assert_int_equal(count(x, "<tie type=\"start\"/>"), count(x, "<tied type=\"start\"/>"));
	assert_int_equal(count(x, "<tuplet type=\"start\""), 1);
	assert_int_equal(count(x, "<tuplet type=\"stop\""), 1);
	assert_int_equal(count(x, "<actual-notes>3"), 2);
	assert_int_equal(count(x, "<slur type=\"start\""), 1);
	assert_int_equal(count(x, "<slur type=\"stop\""), 1);
	has(x, "<step>D</step><alter>1</alter><octave>4</octave>"); /* 63 in E minor: the leading note, not E flat */
	buf_release(&b);
}

/* Every onset and length, in each metre: bars stay exact and no note is lost. */
static void test_musicxml_rap(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	struct vocal_note rap[11];
	struct buf b = buf_init(1 << 20);
	memcpy(rap, vocal, sizeof rap);
	s.vocal = rap;
	assert_int_equal(song_musicxml(&s, &b), 0);
	assert_int_equal(count(buf_str(&b), "<notehead>x</notehead>"), 0);
	rap[10].spoken = 1; /* a bar and a half: two symbols, tied */
	buf_clear(&b);
	assert_int_equal(song_musicxml(&s, &b), 0);
	check_xml(buf_str(&b));
	has(buf_str(&b), "<type>whole</type><notehead>x</notehead><notations>");
	assert_int_equal(count(buf_str(&b), "<notehead>x</notehead>"), 2);
	buf_release(&b);
}

static void test_musicxml_any_rhythm(void **state)
{
	(void)state;
	static const struct { int num, den; } meters[] = { { 4, 4 }, { 3, 4 }, { 6, 8 }, { 7, 8 }, { 12, 8 }, { 2, 2 }, { 5, 4 } };
	struct vocal_note notes[64];
	for (size_t k = 0; k < sizeof meters / sizeof meters[0]; k++)
		for (int round = 0; round < 60; round++) {
			struct rng r = rng_stream((uint64_t)round, "rhythm", k);
			struct score s = { .title = "", .tempo_bpm = 100, .meter_num = meters[k].num, .meter_den = meters[k].den, .bars = 12, .vocal = notes };
			int t = 0, end = s.bars * score_bar_ticks(&s), triplets = 0;
			while (s.n_vocal < 64) {
				int step = 120 * (int)rng_below(&r, 12), dur = 120 * (1 + (int)rng_below(&r, 20));
				if (meters[k].den == 4 && rng_below(&r, 4) == 0) { /* three notes in a beat */
					t = (t + 479) / 480 * 480;
					if (t + 480 > end || s.n_vocal > 61)
						break;
					for (int i = 0; i < 3; i++)
						notes[s.n_vocal++] = (struct vocal_note){ .start = t + 160 * i, .dur = 160, .midi = 70 + i };
					t += 480;
					triplets++;
					continue;
				}
				if (t + step + dur > end)
					break;
				notes[s.n_vocal++] = (struct vocal_note){ .start = t + step, .dur = dur, .midi = 60 + s.n_vocal % 12 };
				t += step + dur;
			}
			struct buf b = buf_init(1 << 20);
			assert_int_equal(song_musicxml(&s, &b), 0);
			check_xml(buf_str(&b));
			check_bars(buf_str(&b), 12, score_bar_ticks(&s) / 20);
			/* Notes on the page = pitches less those that a tie carries on. */
			assert_int_equal(count(buf_str(&b), "<pitch>") - count(buf_str(&b), "<tie type=\"stop\"/>"), s.n_vocal);
			assert_int_equal(count(buf_str(&b), "<tuplet type=\"start\""), triplets);
			buf_release(&b);
		}
}

static void test_lrc(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	s.title[0] = '[';
	struct buf b = buf_init(1 << 20);
	assert_int_equal(song_lrc(&s, NULL, &b), 0);
	assert_string_equal(buf_str(&b),
	                    "[ti:(af\u00e9 <\"A\" & B>]\n[length:00:22.51]\n[re:Madrigal]\n[ve:" MADRIGAL_VERSION "]\n"
	                    "[00:00.90] <00:00.90> Streetlights <00:01.87> flicker <00:02.84> the <00:03.01> night, <00:04.95>\n"
	                    "[00:05.44] <00:05.44> (oh, <00:06.09> rhythm) <00:07.39>\n"
	                    "[00:12.90] <00:12.90> wooden <00:14.09> do&\"r <00:15.82> now! <00:19.71>\n");

	/* As it was really sung, swing and all. */
	double start[11], end[11];
	for (int i = 0; i < 11; i++) {
		start[i] = i + 0.125;
		end[i] = i + 0.75;
	}
	struct song_facts f = { .lead = { .start = start, .end = end } };
	buf_clear(&b);
	assert_int_equal(song_lrc(&s, &f, &b), 0);
	has(buf_str(&b), "[00:00.13] <00:00.13> Streetlights <00:02.13> flicker ");
	has(buf_str(&b), "[00:05.44] <00:05.44> (oh, ");
	has(buf_str(&b), " now! <00:10.75>\n");
	buf_release(&b);
	s.n_vocal = s.n_backing = 0;
	b = buf_init(1 << 20);
	assert_int_equal(song_lrc(&s, NULL, &b), 0);
	assert_int_equal(count(buf_str(&b), "\n"), 4);
	buf_release(&b);
}

/* The chorus two semitones up: E minor becomes F sharp minor, and all that is written there is spelt so. */
static void test_key_change(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	struct score_section moved[2] = { sections[0], sections[1] };
	struct song_facts f = { .style = "x" };
	moved[1].transpose = 2;
	s.sections = moved;
	for (int i = 4; i < 8; i++) {
		chord[i].chord.root = (chord[i].chord.root + 2) % 12;
		chord[i].chord.bass = (chord[i].chord.bass + 2) % 12;
	}
	struct buf b = buf_init(1 << 20);
	assert_int_equal(song_midi(&s, &b), 0);
	struct midi m = open_midi(&b);
	struct midi_event e[256];
	int n = read_track(&m, e, 256);
	assert_memory_equal(meta(e, n, 0x59, 0)->data, "\1\1", 2);
	assert_memory_equal(meta(e, n, 0x59, 1)->data, "\3\1", 2);
	assert_int_equal(meta(e, n, 0x59, 1)->tick, 4 * BAR);
	assert_int_equal(meta(e, n, 0x59, 2)->tick, -1);
	buf_release(&b);
	b = buf_init(1 << 20);
	assert_int_equal(song_musicxml(&s, &b), 0);
	check_xml(buf_str(&b));
	assert_int_equal(count(buf_str(&b), "<fifths>1</fifths>"), 2);
	assert_int_equal(count(buf_str(&b), "<fifths>3</fifths>"), 2); /* both voices */
	has(buf_str(&b), "<root-step>F</root-step><root-alter>1</root-alter></root><kind text=\"m\">");
	buf_release(&b);
	b = buf_init(1 << 20);
	assert_int_equal(song_json(&s, &f, &b), 0);
	has(buf_str(&b), "\"transpose\": 2");
	has(buf_str(&b), "\"name\": \"F#m\", \"pitch_classes\": [6, 9, 1]");
	buf_release(&b);
}

static void test_syllables(void **state)
{
	(void)state;
	static const struct { const char *word; int n; const char *parts; } t[] = {
		{ "Streetlights", 2, "Street-lights" }, { "flicker", 2, "flick-er" }, { "running", 2, "run-ning" }, { "walking", 2, "walk-ing" },
		{ "singing", 2, "sing-ing" }, { "calling", 2, "call-ing" }, { "something", 2, "some-thing" }, { "lonely", 2, "lone-ly" },
		{ "little", 2, "lit-tle" }, { "table", 2, "ta-ble" }, { "beyond", 2, "be-yond" }, { "being", 2, "be-ing" }, { "rhythm", 2, "rhy-thm" },
		{ "love", 1, "love" }, { "loved", 1, "loved" }, { "wanted", 2, "wan-ted" }, { "fire", 2, "fi-re" }, { "I'm", 1, "I'm" },
		{ "tomorrow", 3, "to-mor-row" }, { "remember", 3, "re-mem-ber" }, { "caf\u00e9", 2, "ca-f\u00e9" }, { "ocean", 2, "o-cean" },
		{ "w", 3, "w--" }, { "", 1, "" }, { "nineteen", 2, "nine-teen" }, { "beautiful", 3, "beau-ti-ful" }, { "heaven", 2, "hea-ven" },
		{ "every", 2, "eve-ry" }, { "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		  "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", 1, NULL },
	};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct word w = { .text = t[i].word, .n_syllables = t[i].n };
		char got[256] = "", part[SYLLABLE_TEXT_MAX];
		for (int k = 0; k < t[i].n; k++) {
			syllable_text(&w, k, part);
			snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", k ? "-" : "", part);
		}
		if (t[i].parts)
			assert_string_equal(got, t[i].parts);
	}
	/* Whatever the word, its parts are the word. */
	for (int round = 0; round < 2000; round++) {
		struct rng r = rng_stream((uint64_t)round, "words", 0);
		char word[32] = "", whole[64] = "", part[SYLLABLE_TEXT_MAX];
		int n = 1 + (int)rng_below(&r, 12);
		for (int i = 0; i < n; i++)
			word[i] = "aeiouybcdgklnrst'eo"[rng_below(&r, 19)];
		struct word w = { .text = word, .n_syllables = 1 + (int)rng_below(&r, 8) };
		for (int k = 0; k < w.n_syllables; k++) {
			syllable_text(&w, k, part);
			assert_true(*part || k >= n);
			strcat(whole, part);
		}
		assert_string_equal(whole, word);
	}
}

/* Text that is cut inside a letter, or is no text at all, makes no broken file. */
static void test_broken_text(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	memset(s.title, 0xe2, 254);
	s.title[255] = 0;
	s.title[3] = 7;
	struct song_facts f = { .prompt = "\xc3", .understood = "\xff\xfe\xf4\x90\x80\x80\xed\xa0\x80" };
	struct buf b = buf_init(1 << 20);
	assert_int_equal(song_json(&s, &f, &b), 0);
	check_json(buf_str(&b));
	has(buf_str(&b), "\"prompt\": \"\ufffd\"");
	buf_clear(&b);
	assert_int_equal(song_musicxml(&s, &b), 0);
	check_xml(buf_str(&b));
	lacks(buf_str(&b), "\x07");
	buf_clear(&b);
	assert_int_equal(song_midi(&s, &b), 0);
	buf_clear(&b);
	assert_int_equal(song_lrc(&s, NULL, &b), 0);
	buf_release(&b);
}

static void test_no_room(void **state)
{
	(void)state;
	struct score_chord chord[8];
	struct score s = make_song(chord);
	struct song_facts f = { .style = "x" };
	for (size_t max = 0; max < 3000; max += 97) {
		struct buf b = buf_init(max);
		assert_int_equal(song_json(&s, &f, &b), MADRIGAL_EMEMORY);
		buf_release(&b);
		b = buf_init(max);
		assert_int_equal(song_musicxml(&s, &b), MADRIGAL_EMEMORY);
		buf_release(&b);
		b = buf_init(max < 400 ? max : 400);
		assert_int_equal(song_midi(&s, &b), MADRIGAL_EMEMORY);
		buf_release(&b);
		b = buf_init(max < 200 ? max : 200);
		assert_int_equal(song_lrc(&s, NULL, &b), MADRIGAL_EMEMORY);
		buf_release(&b);
	}
}

/* Four minutes, sung throughout, eight parts: all files in some milliseconds. */
static void test_speed(void **state)
{
	(void)state;
	enum { BARS = 120, NOTES = BARS * 8 };
	struct vocal_note *v = calloc(NOTES, sizeof *v);
	struct note *n = calloc(BARS * 16, sizeof *n);
	struct score_chord *c = calloc(BARS * 2, sizeof *c);
	struct score_part many[8];
	assert_true(v && n && c);
	for (int i = 0; i < NOTES; i++)
		v[i] = (struct vocal_note){ .start = i * 240, .dur = 200, .midi = 60 + i % 12, .word = i % 9, .syllable = i % 9 == 1, .line = i % 3 };
	for (int i = 0; i < BARS * 16; i++)
		n[i] = (struct note){ .start = i * 120, .dur = 60, .midi = 40 + i % 32, .velocity = 80 };
	for (int i = 0; i < BARS * 2; i++) {
		c[i] = (struct score_chord){ .start = i * 960, .end = (i + 1) * 960 };
		assert_int_equal(chord_parse(song_chords[i % 8], &c[i].chord, NULL), 0);
	}
	for (int i = 0; i < 8; i++) {
		many[i] = parts[0];
		many[i].notes = n;
		many[i].n_notes = BARS * 16;
	}
	struct score s = { .title = "Long", .tempo_bpm = 120, .meter_num = 4, .meter_den = 4, .bars = BARS, .vocal = v, .n_vocal = NOTES, .chords = c,
		           .n_chords = BARS * 2, .parts = many, .n_parts = 8, .lyrics = &lyrics };
	struct song_facts f = { .stems = 1 };
	double best = 1e9;
	for (int round = 0; round < 5; round++) {
		struct timespec from, to;
		struct buf b = buf_init(64 << 20);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		assert_int_equal(song_json(&s, &f, &b), 0);
		assert_int_equal(song_midi(&s, &b), 0);
		assert_int_equal(song_musicxml(&s, &b), 0);
		assert_int_equal(song_lrc(&s, NULL, &b), 0);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		double took = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
		best = took < best ? took : best;
		buf_release(&b);
	}
	print_message("all files: %.2f ms\n", best * 1e3);
	assert_true(best < 0.1); /* with room for sanitizers; 5 ms is the aim */
	free(v);
	free(n);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chords), cmocka_unit_test(test_chord_bass), cmocka_unit_test(test_chord_errors),
		cmocka_unit_test(test_spelling), cmocka_unit_test(test_keys), cmocka_unit_test(test_drums), cmocka_unit_test(test_chord_at),
		cmocka_unit_test(test_json), cmocka_unit_test(test_midi), cmocka_unit_test(test_midi_of_many_parts), cmocka_unit_test(test_musicxml),
		cmocka_unit_test(test_musicxml_any_rhythm), cmocka_unit_test(test_musicxml_rap), cmocka_unit_test(test_lrc), cmocka_unit_test(test_key_change), cmocka_unit_test(test_syllables), cmocka_unit_test(test_broken_text),
		cmocka_unit_test(test_no_room), cmocka_unit_test(test_speed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
