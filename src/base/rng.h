/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers that are the same on every machine: PCG32 (O'Neill 2014, "PCG: A Family of Simple Fast
 * Space-Efficient Statistically Good Algorithms"), seeded through SplitMix64. Each purpose draws from its own stream, so
 * that one more draw in the drums never changes the tune. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state, inc;
};

/* Starts the stream called name (any short text: "melody", "drums/verse") of a song's seed. index tells apart the
 * members of a family (candidate 17, line 3). */
struct rng rng_stream(uint64_t seed, const char *name, uint64_t index);

uint32_t rng_u32(struct rng *r);
/* Uniform in 0..n-1; n >= 1. Unbiased. */
uint32_t rng_below(struct rng *r, uint32_t n);
/* Uniform in [0, 1), 24 bits. */
float rng_unit(struct rng *r);
/* Gaussian, mean 0, standard deviation 1, clipped to +-3. */
float rng_gauss(struct rng *r);
/* Index drawn with probability weights[i] / sum; weights >= 0 and n >= 1; all zero draws uniformly. */
int rng_weighted(struct rng *r, const float *weights, int n);

#endif
