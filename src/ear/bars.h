/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of the pulses of a recording is the beat, and which beats begin bars: every reading of the pulse train as 4/4, 3/4 or 6/8 at half, the same, double or thirds of its pace is
 * weighed by what strikes where in its bar and where the harmony changes. */
#ifndef EAR_BARS_H
#define EAR_BARS_H

#include "ear/ear.h"
#include "ear/onsets.h"

#define BARS_CELLS 12           /* of a pulse: so halves, thirds, quarters and sixths are whole numbers of cells */

enum bars_kind {
	BARS_LOW, BARS_SNARE, BARS_MID, BARS_HIGH, BARS_ALL, /* strikes */
	BARS_BASS, BARS_CHORD,  /* changes of the pitches below and above 250 Hz */
	BARS_KINDS
};

/* What happens in each cell, every kind with mean 0 and deviation 1 (all 0 where nothing happens). */
struct bars {
	size_t n;               /* cells: BARS_CELLS from each pulse to the next */
	float *cell[BARS_KINDS]; /* owned, one block */
	double pulse_s;         /* median */
};

/* A reading, in cells; the beat is what is tapped: three eighths in 6/8. first: the cell that begins a bar, 0..bar-1. The higher the score the likelier: a difference of 1 is e times. */
struct bars_reading { int num, den, beat, bar, first; double score; };

/* pulse_s: n_pulses ascending times, at most EAR_BEATS. Fewer than two give no cells. */
int bars_lay(const struct ear_sound *s, const struct onsets *o, const float *pulse_s, int n_pulses, const cancel_flag *cancel, struct bars *ret, struct madrigal_error *err) MUST_CHECK;
/* Lets the cells in which chords change count as changes. The same pulses as before. */
void bars_add_chords(struct bars *b, const float *pulse_s, int n_pulses, const struct heard_harmony *h);
void bars_release(struct bars *b);

/* The likeliest reading, the likeliest with another tempo (the same one if there is none), and how likely the meter is, 0..1. */
int bars_read(const struct bars *b, struct bars_reading *ret, struct bars_reading *ret_other, double *ret_confidence, struct madrigal_error *err) MUST_CHECK;
/* Cells of a quarter note. */
int bars_quarter(const struct bars_reading *r);
/* Replaces the pulses in r->beat_s by the reading's quarter notes, and sets tempo, meter and first downbeat accordingly. */
int bars_beats(const struct bars_reading *reading, struct heard_rhythm *r, struct madrigal_error *err) MUST_CHECK;

#endif
