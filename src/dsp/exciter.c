/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/exciter.h"

#include <math.h>
#include <string.h>

#define BLOCK 512
#define BAND_LOW_HZ 4500
#define BAND_HIGH_HZ 10500
#define AIR_HZ 10500
#define AIR_END_HZ 17000

struct exciter exciter_init(double rate, const struct exciter_config *c, uint64_t seed)
{
	struct exciter e = { .harmonics = pow(10, c->harmonics_db / 20), .noise = pow(10, c->noise_db / 20), .attack = exp(-1 / (rate * 0.0008)),
		             .release = exp(-1 / (rate * 0.012)), .band = eq_init(), .made = eq_init(), .start = rng_stream(seed, "exciter", 0) };
	eq_add(&e.band, biquad_highpass(rate, BAND_LOW_HZ, M_SQRT1_2));
	eq_add(&e.band, biquad_lowpass(rate, BAND_HIGH_HZ, M_SQRT1_2));
	eq_add(&e.made, biquad_highpass(rate, AIR_HZ, 0.54));
	eq_add(&e.made, biquad_highpass(rate, AIR_HZ, 1.31));
	eq_add(&e.made, biquad_lowpass(rate, AIR_END_HZ, M_SQRT1_2));
	exciter_reset(&e);
	return e;
}

void exciter_reset(struct exciter *e)
{
	eq_reset(&e->band);
	eq_reset(&e->made);
	e->envelope = 0;
	e->rng = e->start;
}

void exciter_process(struct exciter *e, float *x, size_t n)
{
	float band[BLOCK];
	for (size_t at = 0; at < n; at += BLOCK) {
		size_t len = n - at < BLOCK ? n - at : BLOCK;
		memcpy(band, x + at, len * sizeof *band);
		eq_process(&e->band, band, NULL, len);
		for (size_t i = 0; i < len; i++) {
			double v = (double)band[i], power = v * v;
			double k = power > e->envelope ? e->attack : e->release;
			e->envelope = k * e->envelope + (1 - k) * power;
			double level = sqrt(e->envelope);
			/* v |v| has odd, v v even harmonics; over the envelope both grow as the sound does. */
			double curved = level > 1e-9 ? (0.6 * power + 0.8 * v * fabs(v)) / level : 0;
			double noise = ((double)rng_unit(&e->rng) * 2 - 1) * M_SQRT2 * level;
			band[i] = (float)(e->harmonics * fmin(fmax(curved, -2), 2) + e->noise * noise);
		}
		eq_process(&e->made, band, NULL, len);
		for (size_t i = 0; i < len; i++)
			x[at + i] += band[i];
	}
}
