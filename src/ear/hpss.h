/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lasts and what strikes: medians over time and over frequency of a magnitude spectrogram (Fitzgerald 2010, "Harmonic/percussive separation using median filtering"), as frames come
 * by: only as many are kept as the median over time needs. */
#ifndef EAR_HPSS_H
#define EAR_HPSS_H

#include "base/err.h"

#define HPSS_SPAN 31 /* longest median */

struct hpss {
	int bins, frames, width;    /* frames: of the median over time; width: bins of the one over frequency; both odd */
	long pushed;
	float *ring;                /* frames * bins: the last frames; owned */
	float *sorted;              /* bins * frames: each bin's last values, ascending; owned */
	float *across;              /* bins: the median over frequency; owned */
};

/* frames and width: odd, 1..HPSS_SPAN. */
int hpss_init(struct hpss *h, int bins, int frames, int width, struct madrigal_error *err) MUST_CHECK;
void hpss_release(struct hpss *h); /* also of a zeroed one */
/* The next frame's magnitudes; NULL: silence, for after the last. With 1 the frame frames / 2 before it has been split: ret_harmonic + ret_percussive (bins values each, either may be NULL) are
 * its magnitudes, shared out by the squares of both medians. 0: too early for that. */
int hpss_push(struct hpss *h, const float *magnitude, float *ret_harmonic, float *ret_percussive);

#endif
