/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/double.h"

#include <math.h>

#include "base/rng.h"

#define TWO_PI 6.283185307179586
#define WAVES 3
#define DEPTH_S 0.0009 /* at half a wave a second, five cents */

/* Catmull-Rom through four samples. */
static float between(const float *x, size_t n, double at)
{
	if (at < 1 || at >= (double)n - 2)
		return 0;
	size_t i = (size_t)at;
	float f = (float)(at - (double)i), a = x[i - 1], b = x[i], c = x[i + 1], d = x[i + 2];
	return b + 0.5f * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)));
}

int double_of(const struct audio *lead, uint64_t seed, int side, struct audio *ret, struct madrigal_error *err)
{
	struct rng r = rng_stream(seed, "voice/double", (uint64_t)side);
	double delay = (side ? 0.019 : 0.013) + 0.004 * (double)rng_unit(&r), hz[WAVES], phase[WAVES];
	for (int w = 0; w < WAVES; w++) {
		hz[w] = 0.3 * pow(1.9, w) * (0.8 + 0.4 * (double)rng_unit(&r));
		phase[w] = TWO_PI * (double)rng_unit(&r);
	}
	struct audio a;
	int rc = audio_init(&a, lead->rate, 1, lead->frames + (size_t)(0.04 * lead->rate), err);
	if (rc)
		return rc;
	for (size_t i = 0; i < a.frames; i++) {
		double t = (double)i / lead->rate, d = delay;
		for (int w = 0; w < WAVES; w++)
			d += DEPTH_S / (1 + w) * sin(TWO_PI * hz[w] * t + phase[w]);
		a.ch[0][i] = between(lead->ch[0], lead->frames, (double)i - d * lead->rate);
	}
	*ret = a;
	return 0;
}
