/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of ear_harmony tell each other. */
#ifndef EAR_HARMONY_INTERNAL_H
#define EAR_HARMONY_INTERNAL_H

#include "ear/chroma.h"

/* The chords that are told apart while decoding; they are reported as major or minor by their third, and those without one by the key. */
enum chord_kind { KIND_MAJOR, KIND_MINOR, KIND_SEVENTH, KIND_MAJOR7, KIND_MINOR7, KIND_HALF_DIM, KIND_DIM7, KIND_SUS4, KIND_SUS2, KIND_POWER, KIND_NOTE, KINDS };
#define CHORD_STATES (KINDS * 12 + 1)  /* kind * 12 + root; the last: nothing */
#define CHORD_NOTHING (KINDS * 12)
#define KEYS 24                        /* tonic, + 12 in minor */

/* What a chord of this state is called in a key (-1: none known). */
struct heard_chord chord_named(int state, int key);

/* The likeliest chords of c's frames, CHORD_STATES values. key: of each frame (0..KEYS - 1), or NULL; ease: of each frame, what is added to the cost of a chord that begins
 * there. 0 or MADRIGAL_EMEMORY. */
int chords_decode(const struct chroma *c, const int8_t *key, const float *ease, uint8_t *ret, struct madrigal_error *err) MUST_CHECK;

/* How likely a chord is in a key, log; for chord_named's qualities. */
double key_chord_log(int key, int root_pc, int quality);
/* The likeliest key of each frame. ret: 0..KEYS - 1. 0 or MADRIGAL_EMEMORY. */
int key_follow(const struct chroma *c, int8_t *ret, struct madrigal_error *err) MUST_CHECK;
/* The key of the greater part; *ret_confidence as in struct heard_harmony. -1: none. */
int key_of_song(const struct chroma *c, const uint8_t *chord, const int8_t *key, double *ret_confidence);

#endif
