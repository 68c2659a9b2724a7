/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/stereo.h"

#include <math.h>

#define BLOCK 512

void pan_gains(double pan, double *ret_left, double *ret_right)
{
	double angle = (fmin(fmax(pan, -1), 1) + 1) * M_PI / 4;
	*ret_left = cos(angle);
	*ret_right = sin(angle);
}

struct placement placement_init(double rate, double pan, double width, double mono_hz)
{
	struct placement p;
	double l, r;
	pan_gains(pan, &l, &r);
	double side = width * (1 - 0.8 * fabs(pan));
	p.mid_left = l * M_SQRT2;
	p.mid_right = r * M_SQRT2;
	p.side_left = side * p.mid_left;
	p.side_right = -side * p.mid_right;
	p.side_cut = eq_init();
	if (mono_hz > 0)
		eq_add(&p.side_cut, biquad_highpass(rate, mono_hz, M_SQRT1_2));
	return p;
}

void placement_process(struct placement *p, float *left, float *right, size_t n)
{
	float side[BLOCK];
	for (size_t at = 0; at < n; at += BLOCK) {
		size_t len = n - at < BLOCK ? n - at : BLOCK;
		float *l = left + at, *r = right + at;
		for (size_t i = 0; i < len; i++)
			side[i] = (l[i] - r[i]) * 0.5f;
		if (p->side_cut.n)
			eq_process(&p->side_cut, side, NULL, len);
		for (size_t i = 0; i < len; i++) {
			double m = ((double)l[i] + (double)r[i]) / 2, s = (double)side[i];
			l[i] = (float)(m * p->mid_left + s * p->side_left);
			r[i] = (float)(m * p->mid_right + s * p->side_right);
		}
	}
}

void placement_reset(struct placement *p)
{
	eq_reset(&p->side_cut);
}
