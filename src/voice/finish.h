/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what the network gives to what is heard: even vowels, silent rests, dynamics, breath. */
#ifndef VOICE_FINISH_H
#define VOICE_FINISH_H

#include "voice/bend.h"
#include "voice/voice.h"

/* A line being finished: x[0..n-1] at VOICE_RATE, whose first sample is second t0 of the line. */
struct finish {
	const struct sung_line *line;
	const struct style_singer *manner;
	const struct sung_span *spans; /* one for each syllable */
	double t0;
	float *x;
	size_t n;
};

/* Brings the vowels of a line towards one loudness: the spoken line's stresses and its fall towards the end are not the song's. */
void finish_even(const struct finish *f);
/* Silences what is not sung: before the first consonant, after the last, in rests. */
void finish_rests(const struct finish *f);

/* The line as it is heard, in *ret (mono, VOICE_RATE, line->length_s long): at the loudness that its dynamics ask for, with a breath before it if it wants one. */
int finish_line(const struct finish *f, double level_db, struct audio *ret, struct madrigal_error *err) MUST_CHECK;

#endif
