/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guitar amplifier and its cabinet, the half of an electric guitar's sound that no sample of the strings has. A high-pass tightens the bass, a
 * broad rise in the middle meets the curve x / sqrt(1 + x^2) (antialiased as in saturate.h, after Parker, Zavalishin and Le Bivic 2016), and the
 * cabinet takes what lies above 5 kHz, where twelve-inch loudspeakers end. */
#ifndef DSP_AMP_H
#define DSP_AMP_H

#include "dsp/biquad.h"

struct amp {
	struct eq before, cabinet;
	double in, out;       /* gains around the curve */
	double x1[2], f1[2];  /* the last sample, and the antiderivative there */
};

/* gain 0..1: from just breaking up to metal's, for a signal whose RMS is level_db (dBFS); what leaves is about as loud. */
struct amp amp_init(double rate, double gain, double level_db);
/* In place; right may be NULL. */
void amp_process(struct amp *a, float *left, float *right, size_t n);

#endif
