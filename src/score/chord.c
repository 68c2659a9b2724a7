/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "score/chord.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const int major_scale[7] = { 0, 2, 4, 5, 7, 9, 11 };

/* What may follow a numeral. A capital numeral sounds `upper`, a small one `lower`; n = 0: it cannot have that suffix. */
struct quality { const char *symbol; int n, intervals[CHORD_MAX_TONES]; };
static const struct { const char *suffix; struct quality upper, lower; } qualities[] = {
	{ "", { "", 3, { 0, 4, 7 } }, { "m", 3, { 0, 3, 7 } } },
	{ "5", { "5", 2, { 0, 7 } }, { "5", 2, { 0, 7 } } },
	{ "6", { "6", 4, { 0, 4, 7, 9 } }, { "m6", 4, { 0, 3, 7, 9 } } },
	{ "7", { "7", 4, { 0, 4, 7, 10 } }, { "m7", 4, { 0, 3, 7, 10 } } },
	{ "maj7", { "maj7", 4, { 0, 4, 7, 11 } }, { "m(maj7)", 4, { 0, 3, 7, 11 } } },
	{ "9", { "9", 5, { 0, 4, 7, 10, 14 } }, { "m9", 5, { 0, 3, 7, 10, 14 } } },
	{ "maj9", { "maj9", 5, { 0, 4, 7, 11, 14 } }, { NULL, 0, { 0 } } },
	{ "11", { "11", 6, { 0, 4, 7, 10, 14, 17 } }, { "m11", 6, { 0, 3, 7, 10, 14, 17 } } },
	{ "13", { "13", 6, { 0, 4, 7, 10, 14, 21 } }, { NULL, 0, { 0 } } },
	{ "7b9", { "7b9", 5, { 0, 4, 7, 10, 13 } }, { NULL, 0, { 0 } } },
	{ "m", { "m", 3, { 0, 3, 7 } }, { "m", 3, { 0, 3, 7 } } },
	{ "m6", { "m6", 4, { 0, 3, 7, 9 } }, { "m6", 4, { 0, 3, 7, 9 } } },
	{ "m7", { "m7", 4, { 0, 3, 7, 10 } }, { "m7", 4, { 0, 3, 7, 10 } } },
	{ "m9", { "m9", 5, { 0, 3, 7, 10, 14 } }, { "m9", 5, { 0, 3, 7, 10, 14 } } },
	{ "sus2", { "sus2", 3, { 0, 2, 7 } }, { "sus2", 3, { 0, 2, 7 } } },
	{ "sus4", { "sus4", 3, { 0, 5, 7 } }, { "sus4", 3, { 0, 5, 7 } } },
	{ "7sus4", { "7sus4", 4, { 0, 5, 7, 10 } }, { "7sus4", 4, { 0, 5, 7, 10 } } },
	{ "9sus4", { "9sus4", 5, { 0, 5, 7, 10, 14 } }, { "9sus4", 5, { 0, 5, 7, 10, 14 } } },
	{ "add9", { "add9", 4, { 0, 4, 7, 14 } }, { "m(add9)", 4, { 0, 3, 7, 14 } } },
	{ "dim", { "dim", 3, { 0, 3, 6 } }, { "dim", 3, { 0, 3, 6 } } },
	{ "dim7", { "dim7", 4, { 0, 3, 6, 9 } }, { "dim7", 4, { 0, 3, 6, 9 } } },
	{ "m7b5", { "m7b5", 4, { 0, 3, 6, 10 } }, { "m7b5", 4, { 0, 3, 6, 10 } } },
	{ "aug", { "aug", 3, { 0, 4, 8 } }, { NULL, 0, { 0 } } },
};

/* b and # before a degree. */
static int take_accidentals(const char **p)
{
	int shift = 0;
	for (int i = 0; i < 2 && (**p == 'b' || **p == '#'); i++)
		shift += *(*p)++ == '#' ? 1 : -1;
	return shift;
}

/* "bVI" -> 8 semitones; *ret_minor by the case of the numeral. Returns 0 if *p is no degree. */
static int take_degree(const char **p, int *ret_semitones, int *ret_minor)
{
	/* The longest first, so that VII is not read as V and II. */
	static const struct { const char *upper, *lower; int degree; } numerals[] = {
		{ "VII", "vii", 6 }, { "III", "iii", 2 }, { "VI", "vi", 5 }, { "IV", "iv", 3 }, { "II", "ii", 1 },
		{ "V", "v", 4 }, { "I", "i", 0 },
	};
	const char *q = *p;
	int shift = take_accidentals(&q);
	for (size_t i = 0; i < sizeof numerals / sizeof numerals[0]; i++) {
		size_t n = strlen(numerals[i].upper);
		int minor = !strncmp(q, numerals[i].lower, n);
		if (!minor && strncmp(q, numerals[i].upper, n))
			continue;
		*ret_semitones = (major_scale[numerals[i].degree] + shift + 24) % 12;
		*ret_minor = minor;
		*p = q + n;
		return 1;
	}
	return 0;
}

static const struct quality *find_quality(const char *suffix, size_t len, int minor)
{
	for (size_t i = 0; i < sizeof qualities / sizeof qualities[0]; i++) {
		const struct quality *q = minor ? &qualities[i].lower : &qualities[i].upper;
		if (strlen(qualities[i].suffix) == len && !strncmp(qualities[i].suffix, suffix, len) && q->n)
			return q;
	}
	return NULL;
}

/* What follows the stroke: a degree that the chord leads to ("V7/vi"), or a bass note ("I/3", "V/b7"). */
static int read_over(const char *over, const char *roman, struct chord *c, struct madrigal_error *err)
{
	const char *p = over;
	int target, minor;
	if (take_degree(&p, &target, &minor) && !*p) {
		c->root = (c->root + target) % 12;
		c->bass = c->root;
		return 0;
	}
	p = over;
	int shift = take_accidentals(&p);
	if (*p < '1' || *p > '7' || p[1])
		return err_set(err, MADRIGAL_ESTYLE, "chord \"%.40s\": after / comes a bass note, 1 to 7 (b7), or a degree as in V7/vi", roman);
	c->bass = (major_scale[*p - '1'] + shift + 24) % 12;
	return 0;
}

int chord_parse(const char *roman, struct chord *ret, struct madrigal_error *err)
{
	const char *p = roman;
	struct chord c = { 0 };
	int minor;
	if (!take_degree(&p, &c.root, &minor))
		return err_set(err, MADRIGAL_ESTYLE, "chord \"%.40s\" does not begin with a roman numeral, I to VII or i to vii (bVI)", roman);
	c.bass = c.root;
	size_t len = strcspn(p, "/");
	const struct quality *q = find_quality(p, len, minor);
	if (!q)
		return err_set(err, MADRIGAL_ESTYLE, "chord \"%.40s\": a chord cannot end in \"%.*s\"; it may be 5 6 7 maj7 9 maj9 m7 "
		               "sus2 sus4 7sus4 add9 dim dim7 m7b5 aug", roman, (int)(len < 20 ? len : 20), p);
	c.n = q->n;
	memcpy(c.intervals, q->intervals, sizeof c.intervals);
	snprintf(c.suffix, sizeof c.suffix, "%s", q->symbol);
	if (p[len] == '/') {
		int rc = read_over(p + len + 1, roman, &c, err);
		if (rc < 0)
			return rc;
	}
	*ret = c;
	return 0;
}

/* Spelling goes by the line of fifths, C = 0, G = 1, F = -1: a key's notes and its usual borrowings lie from five fifths
 * below the tonic (the flat second) to six above it (the sharp fourth), in major as in minor. */
static const char *const fifth_names[] = { /* -7 .. 11 */
	"Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#", "E#",
};
#define FIFTHS_LOW (-7)
#define FIFTHS_HIGH 11

static int tonic_fifths(int tonic_pc, int minor)
{
	static const int major_fifths[12] = { 0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5 };
	static const int minor_fifths[12] = { 0, 7, 2, -3, 4, -1, 6, 1, 8, 3, -2, 5 };
	return (minor ? minor_fifths : major_fifths)[((tonic_pc % 12) + 12) % 12];
}

const char *pitch_class_name(int pc, int tonic_pc, int minor)
{
	int low = tonic_fifths(tonic_pc, minor) - 5;
	int fifths = ((pc * 7) % 12 + 12) % 12; /* of that pitch class, up to a multiple of 12 */
	fifths += (low - fifths + 120 + 11) / 12 * 12 - 120;
	if (fifths < FIFTHS_LOW)
		fifths += 12;
	if (fifths > FIFTHS_HIGH)
		fifths -= 12;
	return fifth_names[fifths - FIFTHS_LOW];
}

int key_fifths(int tonic_pc, int minor)
{
	return tonic_fifths(tonic_pc, minor) - (minor ? 3 : 0);
}

const char *key_tonic_name(int tonic_pc, int minor)
{
	return fifth_names[tonic_fifths(tonic_pc, minor) - FIFTHS_LOW];
}

void chord_name(const struct chord *c, int tonic_pc, int minor, char *out, int size)
{
	const char *root = pitch_class_name(c->root + tonic_pc, tonic_pc, minor);
	if (c->bass == c->root)
		snprintf(out, (size_t)size, "%s%s", root, c->suffix);
	else
		snprintf(out, (size_t)size, "%s%s/%s", root, c->suffix, pitch_class_name(c->bass + tonic_pc, tonic_pc, minor));
}

unsigned chord_pitch_classes(const struct chord *c, int tonic_pc)
{
	unsigned mask = 1u << ((c->bass + tonic_pc) % 12);
	for (int i = 0; i < c->n; i++)
		mask |= 1u << ((c->root + c->intervals[i] + tonic_pc) % 12);
	return mask;
}

/* Skips blanks, hyphens and underscores: "A-flat_major" is "A flat major". */
static const char *skip_gap(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '-' || *p == '_')
		p++;
	return p;
}

/* An accidental after a key's letter: '#', 'b', the signs, or the word. */
static int take_key_accidental(const char **p)
{
	static const struct { const char *text; int shift; } marks[] = {
		{ "#", 1 }, { "\u266f", 1 }, { "\u266d", -1 }, { "sharp", 1 }, { "flat", -1 }, { "b", -1 },
	};
	const char *q = *p;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		if (strlen(marks[i].text) > 1)
			q = skip_gap(*p);
		else
			q = *p;
		size_t n = strlen(marks[i].text);
		if (!strncasecmp(q, marks[i].text, n)) {
			*p = q + n;
			return marks[i].shift;
		}
	}
	return 0;
}

int key_parse(const char *text, int *ret_tonic_pc, int *ret_minor, struct madrigal_error *err)
{
	static const int letters[7] = { 9, 11, 0, 2, 4, 5, 7 };
	const char *p = skip_gap(text);
	int letter = (*p | 0x20) - 'a';
	if (letter < 0 || letter > 6)
		return err_set(err, MADRIGAL_EUSAGE, "\"%.40s\" is not a key; a key is like \"A minor\", \"F# major\" or \"Bb\"", text);
	p++;
	int tonic = letters[letter] + take_key_accidental(&p);
	p = skip_gap(p);
	size_t len = strcspn(p, " \t");
	int minor;
	if (!len)
		minor = -1;
	else if ((len == 1 && *p == 'm') || (len == 3 && !strncasecmp(p, "min", 3)) || (len == 5 && !strncasecmp(p, "minor", 5)))
		minor = 1;
	else if ((len == 1 && *p == 'M') || (len == 3 && !strncasecmp(p, "maj", 3)) || (len == 5 && !strncasecmp(p, "major", 5)))
		minor = 0;
	else
		len = 0, minor = -2;
	if (minor == -2 || *skip_gap(p + len))
		return err_set(err, MADRIGAL_EUSAGE, "\"%.40s\" is not a key that can be sung; after the tonic comes major or minor", text);
	*ret_tonic_pc = (tonic + 12) % 12;
	*ret_minor = minor;
	return 0;
}
