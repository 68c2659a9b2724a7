/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/saturate.h"

#include <math.h>

struct saturator saturator_init(double rate, double drive, double bias)
{
	struct saturator s = { .in = pow(10, (drive * 18 - 8) / 20), .bias = bias, .dc = exp(-2 * M_PI * 8 / rate) };
	/* The slope of the curve at the bias, undone: a soft passage passes as it is. */
	double slope = 1 / pow(1 + bias * bias, 1.5);
	s.out = 1 / (s.in * slope);
	saturator_reset(&s);
	return s;
}

void saturator_reset(struct saturator *s)
{
	for (int c = 0; c < 2; c++) {
		s->x1[c] = s->bias;
		s->f1[c] = sqrt(1 + s->bias * s->bias);
		s->dc_x[c] = s->dc_y[c] = 0;
	}
}

static void run(struct saturator *s, float *x, int c, size_t n)
{
	double slope = 1 / pow(1 + s->bias * s->bias, 1.5), rest = s->bias / sqrt(1 + s->bias * s->bias);
	double x1 = s->x1[c], f1 = s->f1[c];
	for (size_t i = 0; i < n; i++) {
		double clean = (double)x[i], v = clean * s->in + s->bias, f = sqrt(1 + v * v);
		double curved = (v + x1) / (f + f1) - rest, straight = ((v + x1) / 2 - s->bias) * slope;
		double y = clean + (curved - straight) * s->out;
		x1 = v;
		f1 = f;
		if (s->bias > 0) { /* asymmetry leaves an offset */
			double blocked = y - s->dc_x[c] + s->dc * s->dc_y[c];
			s->dc_x[c] = y;
			s->dc_y[c] = y = blocked;
		}
		x[i] = (float)y;
	}
	s->x1[c] = x1;
	s->f1[c] = f1;
}

void saturator_process(struct saturator *s, float *left, float *right, size_t n)
{
	run(s, left, 0, n);
	if (right)
		run(s, right, 1, n);
}
