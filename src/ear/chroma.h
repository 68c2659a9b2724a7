/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pitch classes sound, moment by moment, in the bass and above it. Internal to the ear.
 *
 * A spectrum with three bins a semitone, tuned to the recording, is smoothed in time (a median, so that drums and glides fall out: Fitzgerald 2010, "Harmonic/percussive
 * separation using median filtering"), made flat (each bin against the octave around it) and explained as a sum of notes with harmonics by non-negative least squares
 * (Mauch & Dixon 2010, "Approximate note transcription for the improved identification of difficult chords"). Notes fold into pitch classes.
 */
#ifndef EAR_CHROMA_H
#define EAR_CHROMA_H

#include "ear/ear.h"

struct chroma {
	int n;                      /* frames; 0 for a recording without samples */
	double tuning_cents;
	float *edge_s;              /* n + 1, ascending: frame i lasts from edge_s[i] to edge_s[i + 1] */
	unsigned char *on_beat;     /* 1: the frame begins on a beat; all 0 without beats */
	float (*treble)[12], (*bass)[12]; /* pitch class 0 = C, after compression; sum 1, or all 0 where nothing sounds */
};

/* Beats divide time when r has them (in halves or more where they are slow), frames of a quarter of a second otherwise. Owned by the caller: chroma_release. */
int chroma_hear(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *cancel, struct chroma *ret, struct madrigal_error *err) MUST_CHECK;
void chroma_release(struct chroma *c); /* also of a zeroed one */

#endif
