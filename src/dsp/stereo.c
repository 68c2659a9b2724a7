/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/stereo.h"

#include <math.h>
#include <string.h>

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

void widener_init(struct widener *w, double rate, double amount, double hz)
{
	static const double ms[WIDENER_STAGES] = { 1.37, 3.71, 7.93, 11.29 };
	w->amount = amount;
	w->cut = eq_init();
	eq_add(&w->cut, biquad_highpass(rate, hz, M_SQRT1_2));
	for (int k = 0; k < WIDENER_STAGES; k++)
		w->length[k] = (unsigned)fmin(fmax(lround(ms[k] * 0.001 * rate), 1), WIDENER_LONGEST);
	widener_reset(w);
}

void widener_reset(struct widener *w)
{
	eq_reset(&w->cut);
	memset(w->line, 0, sizeof w->line);
	memset(w->at, 0, sizeof w->at);
}

static float turn(struct widener *w, int k, float x)
{
	const float g = 0.55f;
	float *slot = &w->line[k][w->at[k]], z = *slot, v = x - g * z;
	*slot = v;
	if (++w->at[k] == w->length[k])
		w->at[k] = 0;
	return z + g * v;
}

void widener_process(struct widener *w, float *left, float *right, size_t n)
{
	float side[BLOCK];
	for (size_t at = 0; at < n; at += BLOCK) {
		size_t len = n - at < BLOCK ? n - at : BLOCK;
		for (size_t i = 0; i < len; i++)
			side[i] = (left[at + i] + right[at + i]) * (float)(w->amount / 2);
		eq_process(&w->cut, side, NULL, len);
		for (size_t i = 0; i < len; i++) {
			float s = side[i];
			for (int k = 0; k < WIDENER_STAGES; k++)
				s = turn(w, k, s);
			left[at + i] += s;
			right[at + i] -= s;
		}
	}
}
