/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/amp.h"

#include <math.h>

#define CLIPPED_DB (-1.5) /* RMS of a signal that is clipped nearly flat at 1 */

struct amp amp_init(double rate, double gain, double level_db)
{
	/* From the signal's RMS 2 dB below the knee to 32 dB above it. */
	double over = -2 + 34 * gain;
	struct amp a = { .before = eq_init(), .cabinet = eq_init(), .in = pow(10, (over - level_db) / 20) };
	a.out = pow(10, (level_db - fmin(over, CLIPPED_DB)) / 20);
	a.f1[0] = a.f1[1] = 1;
	eq_add(&a.before, biquad_highpass(rate, 70 + 60 * gain, M_SQRT1_2));
	eq_add(&a.before, biquad_peak(rate, 800, 0.5, 5 * gain));
	eq_add(&a.cabinet, biquad_highpass(rate, 75, M_SQRT1_2));
	eq_add(&a.cabinet, biquad_peak(rate, 120, 1.2, 2));
	eq_add(&a.cabinet, biquad_peak(rate, 2600, 1, 3));
	/* Butterworth of fourth order. */
	eq_add(&a.cabinet, biquad_lowpass(rate, 5000, 0.5412));
	eq_add(&a.cabinet, biquad_lowpass(rate, 5000, 1.3066));
	return a;
}

static void clip(struct amp *a, float *x, int c, size_t n)
{
	double x1 = a->x1[c], f1 = a->f1[c];
	for (size_t i = 0; i < n; i++) {
		double v = (double)x[i] * a->in, f = sqrt(1 + v * v);
		x[i] = (float)((v + x1) / (f + f1) * a->out);
		x1 = v;
		f1 = f;
	}
	a->x1[c] = x1;
	a->f1[c] = f1;
}

void amp_process(struct amp *a, float *left, float *right, size_t n)
{
	eq_process(&a->before, left, right, n);
	clip(a, left, 0, n);
	if (right)
		clip(a, right, 1, n);
	eq_process(&a->cabinet, left, right, n);
}
