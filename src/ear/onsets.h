/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How strongly something begins at each moment, in bands: the rise of the logarithmic spectrum against the largest of its neighbours a moment ago, so that vibrato and glides count for
 * little (Bello et al. 2005, A tutorial on onset detection in music signals; Boeck and Widmer 2013, Maximum filter vibrato suppression for onset detection). */
#ifndef EAR_ONSETS_H
#define EAR_ONSETS_H

#include <stddef.h>

#include "base/pool.h"
#include "ear/ear.h"

#define ONSETS_HOP 128
#define ONSETS_RATE ((double)EAR_RATE / ONSETS_HOP) /* frames a second */

enum onset_band {
	ONSET_ALL,              /* mean rise of all bands */
	ONSET_LOW,              /* 40..130 Hz: kick and bass */
	ONSET_MID,              /* 150..2500 Hz */
	ONSET_SNARE,            /* 400..6000 Hz, the median of the bands' rises: strikes of noise raise them all, notes only some */
	ONSET_HIGH,             /* from 6500 Hz: hi-hats */
	ONSET_BANDS
};

struct onsets {
	size_t n;               /* frames; frame i stands for i / ONSETS_RATE seconds */
	float *band[ONSET_BANDS]; /* n values each, >= 0, in nepers of the rise; owned, one block */
	float percussive;       /* 0..1: how much of the rises is broad in frequency */
};

/* n is 0 for silence. MADRIGAL_EMEMORY or MADRIGAL_ECANCELLED otherwise. */
int onsets_find(const struct ear_sound *s, const cancel_flag *cancel, struct onsets *ret, struct madrigal_error *err) MUST_CHECK;
void onsets_release(struct onsets *o);

/* Times of a band's peaks, as many as fit: frames whose value is the largest within 50 ms and stands out of the half second around it. Returns how many there are. */
size_t onsets_peaks(const struct onsets *o, enum onset_band b, float *ret_s, size_t room);

/* The mean of what lies within `half` frames of each frame in turn; beyond the ends it is silent. */
struct running { const float *x; long n, half, at; double sum; };
struct running running_begin(const float *x, size_t n, double half_s);
double running_next(struct running *r);

/* The median of n values, which it sorts; 0 if there are none. */
float onsets_median(float *x, int n);

#endif
