/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rng.h"

static uint64_t splitmix64(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct rng rng_stream(uint64_t seed, const char *name, uint64_t index)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	uint64_t x = seed;
	uint64_t mixed = splitmix64(&x) ^ h;
	mixed = splitmix64(&mixed) ^ index;
	struct rng r = { .state = splitmix64(&mixed) };
	r.inc = splitmix64(&mixed) | 1;
	rng_u32(&r);
	return r;
}

uint32_t rng_u32(struct rng *r)
{
	uint64_t old = r->state;
	r->state = old * 6364136223846793005u + r->inc;
	uint32_t x = (uint32_t)(((old >> 18) ^ old) >> 27);
	uint32_t rot = (uint32_t)(old >> 59);
	return (x >> rot) | (x << (-rot & 31));
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	uint32_t threshold = -n % n;
	for (;;) {
		uint32_t x = rng_u32(r);
		if (x >= threshold)
			return x % n;
	}
}

float rng_unit(struct rng *r)
{
	return (float)(rng_u32(r) >> 8) * 0x1p-24f;
}

/* The sum of twelve uniform numbers has variance 1 (Irwin-Hall); unlike Box-Muller it needs no libm, whose last bits
 * differ between machines. */
float rng_gauss(struct rng *r)
{
	float s = -6.0f;
	for (int i = 0; i < 12; i++)
		s += rng_unit(r);
	return s < -3.0f ? -3.0f : s > 3.0f ? 3.0f : s;
}

int rng_weighted(struct rng *r, const float *weights, int n)
{
	float sum = 0;
	for (int i = 0; i < n; i++)
		sum += weights[i];
	if (!(sum > 0))
		return (int)rng_below(r, (uint32_t)n);
	float x = rng_unit(r) * sum;
	for (int i = 0; i < n; i++) {
		x -= weights[i];
		if (x < 0)
			return i;
	}
	for (int i = n - 1; i > 0; i--)
		if (weights[i] > 0)
			return i;
	return 0;
}
