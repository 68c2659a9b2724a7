/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/dyneq.h"

#include <math.h>
#include <string.h>

#include "dsp/biquad.h"

#define FLOOR_DB (-120.0)
#define DEESS_BLOCK 512

static void set_gain(struct dyneq *d, double db)
{
	if (db == d->last_db)
		return;
	d->last_db = db;
	double a = pow(10, db / 40), g = d->g, k;
	if (d->kind == DYNEQ_BELL) {
		k = 1 / (d->q * a);
		d->m0 = 1;
		d->m1 = k * (a * a - 1);
		d->m2 = 0;
	} else {
		g *= sqrt(a);
		k = 1 / d->q;
		d->m0 = a * a;
		d->m1 = k * (1 - a) * a;
		d->m2 = 1 - a * a;
	}
	d->a1 = 1 / (1 + g * (g + k));
	d->a2 = g * d->a1;
	d->a3 = g * d->a2;
}

struct dyneq dyneq_init(double rate, enum dyneq_kind kind, double hz, double q)
{
	struct dyneq d = { .kind = kind, .g = tan(M_PI * fmin(hz, rate * 0.49) / rate), .q = q };
	dyneq_reset(&d);
	return d;
}

void dyneq_reset(struct dyneq *d)
{
	memset(d->ic1, 0, sizeof d->ic1);
	memset(d->ic2, 0, sizeof d->ic2);
	d->last_db = NAN;
	set_gain(d, 0);
}

static void run(struct dyneq *d, float *x, int c, size_t n)
{
	double ic1 = d->ic1[c], ic2 = d->ic2[c];
	for (size_t i = 0; i < n; i++) {
		double v0 = (double)x[i], v3 = v0 - ic2;
		double v1 = d->a1 * ic1 + d->a2 * v3, v2 = ic2 + d->a2 * ic1 + d->a3 * v3;
		ic1 = 2 * v1 - ic1;
		ic2 = 2 * v2 - ic2;
		x[i] = (float)(d->m0 * v0 + d->m1 * v1 + d->m2 * v2);
	}
	d->ic1[c] = ic1;
	d->ic2[c] = ic2;
}

void dyneq_process(struct dyneq *d, float *left, float *right, const float *gain_db, size_t n)
{
	for (size_t at = 0; at < n; at += DYNEQ_STEP) {
		size_t len = n - at < DYNEQ_STEP ? n - at : DYNEQ_STEP;
		set_gain(d, (double)gain_db[at / DYNEQ_STEP]);
		run(d, left + at, 0, len);
		if (right)
			run(d, right + at, 1, len);
	}
}

struct follower follower_init(double rate, double attack_ms, double release_ms)
{
	return (struct follower){ exp(-DYNEQ_STEP / (rate * attack_ms * 0.001)), exp(-DYNEQ_STEP / (rate * release_ms * 0.001)), FLOOR_DB };
}

void follower_levels(struct follower *f, const float *x, size_t n, float *out)
{
	for (size_t at = 0; at < n; at += DYNEQ_STEP) {
		size_t len = n - at < DYNEQ_STEP ? n - at : DYNEQ_STEP;
		double sum = 0;
		for (size_t i = 0; i < len; i++)
			sum += (double)x[at + i] * (double)x[at + i];
		double db = fmax(10 * log10(sum / DYNEQ_STEP + 1e-13), FLOOR_DB);
		double k = db > f->db ? f->attack : f->release;
		f->db = k * f->db + (1 - k) * db;
		*out++ = (float)f->db;
	}
}

struct deesser deesser_init(double rate, const struct deesser_config *c)
{
	struct deesser d = { .config = *c, .shelf = dyneq_init(rate, DYNEQ_HIGH_SHELF, c->hz, M_SQRT1_2), .high = eq_init(),
		             .hiss = follower_init(rate, 0.7, 25), .all = follower_init(rate, 0.7, 25) };
	eq_add(&d.high, biquad_highpass(rate, c->hz, M_SQRT1_2));
	eq_add(&d.high, biquad_highpass(rate, c->hz, M_SQRT1_2));
	return d;
}

void deesser_process(struct deesser *d, float *x, size_t n)
{
	const struct deesser_config *c = &d->config;
	float band[DEESS_BLOCK], hiss_db[DEESS_BLOCK / DYNEQ_STEP], all_db[DEESS_BLOCK / DYNEQ_STEP];
	for (size_t at = 0; at < n; at += DEESS_BLOCK) {
		size_t len = n - at < DEESS_BLOCK ? n - at : DEESS_BLOCK;
		memcpy(band, x + at, len * sizeof *band);
		eq_process(&d->high, band, NULL, len);
		follower_levels(&d->hiss, band, len, hiss_db);
		follower_levels(&d->all, x + at, len, all_db);
		for (size_t k = 0; k * DYNEQ_STEP < len; k++) {
			double over = (double)hiss_db[k] - c->threshold_db;
			/* A vowel has 15 dB and more below its whole; an s has almost all of itself. */
			double sibilance = fmin(fmax(((double)hiss_db[k] - (double)all_db[k] + 12) / 6, 0), 1);
			hiss_db[k] = over > 0 ? (float)-fmin(over * (1 - 1 / c->ratio) * sibilance, c->max_db) : 0;
		}
		dyneq_process(&d->shelf, x + at, NULL, hiss_db, len);
	}
}

void deesser_run(double rate, const struct deesser_config *c, float *x, size_t n)
{
	struct deesser d = deesser_init(rate, c);
	deesser_process(&d, x, n);
}
