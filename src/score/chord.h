/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chords as data: roman numerals of style files -> intervals -> names. */
#ifndef SCORE_CHORD_H
#define SCORE_CHORD_H

#include "base/err.h"

#define CHORD_MAX_TONES 6

struct chord {
	int root;                       /* semitones above the key's tonic, 0..11 */
	int bass;                       /* likewise; root unless inverted */
	int n;                          /* tones, 2..CHORD_MAX_TONES */
	int intervals[CHORD_MAX_TONES]; /* semitones above the root, ascending, first 0: {0,4,7} major, {0,3,7,10} m7, {0,7} power */
	char suffix[8];                 /* as chord symbols write it: "", "m", "7", "maj7", "m7", "sus4", "5", "dim", "m7b5", "add9" */
};

/* Reads one roman numeral. Degrees are counted on the MAJOR scale of the tonic in both modes, as the corpus tables do: minor's
 * submediant is "bVI". Case gives the third: I major, i minor. Suffixes: 5 6 7 maj7 9 maj9 11 13 7b9 m m6 m7 (= vi7) m9 sus2 sus4
 * 7sus4 9sus4 add9 dim dim7 m7b5 aug. "V7/vi": dominant of vi. "V/7": leading note in the bass (digits 1..7: a degree of the key's
 * major scale, whatever the chord; flats as b7), so "I/3" is the tonic with its third below.
 * On failure *ret is untouched and err (may be NULL) says what was wrong. */
int chord_parse(const char *roman, struct chord *ret, struct madrigal_error *err) MUST_CHECK;

/* A pitch class's usual spelling in the key: "C#" or "Db". pc 0..11. */
const char *pitch_class_name(int pc, int tonic_pc, int minor);
/* "Am7", "F#sus4", "G/B" into out (at least 16 bytes) for a key. */
void chord_name(const struct chord *c, int tonic_pc, int minor, char *out, int size);
/* Bit mask of the pitch classes (bit 0 = C) that the chord sounds in a key. */
unsigned chord_pitch_classes(const struct chord *c, int tonic_pc);
/* "A minor", "F# major", "Bb", "am", "C#m", "Eb-major" in any case -> tonic 0..11 and mode. ret_minor -1 if the mode is not said. */
int key_parse(const char *text, int *ret_tonic_pc, int *ret_minor, struct madrigal_error *err) MUST_CHECK;
/* How the tonic is usually spelt: key_tonic_name(10, 0) "Bb", (6, 1) "F#". */
const char *key_tonic_name(int tonic_pc, int minor);
/* The key signature that goes with that spelling: sharps, or minus flats. -6..6. */
int key_fifths(int tonic_pc, int minor);

#endif
