/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/delay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/stereo.h"

int delay_init(struct delay *d, double rate, const struct delay_config *c, struct madrigal_error *err)
{
	struct delay made = { .config = *c, .filter = eq_init() };
	made.config.feedback = fmin(fmax(c->feedback, 0), 0.9);
	made.length = (size_t)fmax(lround(fmin(fmax(c->time_s, 0), DELAY_MAX_S) * rate), 1);
	eq_add(&made.filter, biquad_highpass(rate, c->low_cut_hz, M_SQRT1_2));
	eq_add(&made.filter, biquad_lowpass(rate, c->high_cut_hz, M_SQRT1_2));
	pan_gains(-c->spread, &made.near_gain, &made.far_gain);
	for (int k = 0; k < 2; k++) {
		made.line[k] = calloc(made.length, sizeof *made.line[k]);
		if (!made.line[k]) {
			delay_release(&made);
			return err_nomem(err);
		}
	}
	*d = made;
	return 0;
}

void delay_release(struct delay *d)
{
	free(d->line[0]);
	free(d->line[1]);
	d->line[0] = d->line[1] = NULL;
}

void delay_reset(struct delay *d)
{
	memset(d->line[0], 0, d->length * sizeof *d->line[0]);
	memset(d->line[1], 0, d->length * sizeof *d->line[1]);
	d->at = 0;
	eq_reset(&d->filter);
}

void delay_process(struct delay *d, float *left, float *right, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* The lines cross: what leaves the right one goes into the left one, and the send enters the right one only. */
		float a = d->line[0][d->at], b = d->line[1][d->at];
		eq_process(&d->filter, &a, &b, 1);
		d->line[0][d->at] = (float)(d->config.feedback * (double)b);
		d->line[1][d->at] = (float)(d->config.feedback * (double)a) + 0.5f * (left[i] + right[i]);
		if (++d->at == d->length)
			d->at = 0;
		left[i] = (float)((double)a * d->near_gain + (double)b * d->far_gain);
		right[i] = (float)((double)a * d->far_gain + (double)b * d->near_gain);
	}
}
