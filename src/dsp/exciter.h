/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Air for a voice that ends at 12 kHz: harmonics of its 4..9 kHz above 10 kHz, and noise that follows its sibilance. */
#ifndef DSP_EXCITER_H
#define DSP_EXCITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "dsp/biquad.h"

struct exciter_config {
	double harmonics_db;  /* level of what is made by the curve, against the band that it is made of */
	double noise_db;      /* level of the noise, likewise */
};

struct exciter {
	double harmonics, noise, attack, release, envelope;
	struct eq band, made;
	struct rng start, rng;
};

struct exciter exciter_init(double rate, const struct exciter_config *c, uint64_t seed);
/* Adds to x (mono) in place. */
void exciter_process(struct exciter *e, float *x, size_t n);
void exciter_reset(struct exciter *e);

#endif
