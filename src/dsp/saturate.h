/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Saturation without aliasing to speak of: x / sqrt(1 + x^2), whose antiderivative sqrt(1 + x^2) gives first-order antiderivative antialiasing (Parker, Zavalishin and
 * Le Bivic 2016) in closed form: (x + x1) / (F(x) + F(x1)). Only the distortion goes through that average; the clean signal stays untouched, without delay. */
#ifndef DSP_SATURATE_H
#define DSP_SATURATE_H

#include <stddef.h>

struct saturator {
	double in, out;       /* gains around the curve */
	double bias;          /* asymmetry: even harmonics */
	double x1[2], f1[2];  /* the last sample, and F of it */
	double dc_x[2], dc_y[2], dc;
};

/* drive 0..1: how hot a signal of -12 dBFS RMS meets the curve; small signals keep their level. bias 0..0.5. */
struct saturator saturator_init(double rate, double drive, double bias);
/* In place; right may be NULL. */
void saturator_process(struct saturator *s, float *left, float *right, size_t n);
void saturator_reset(struct saturator *s);

#endif
