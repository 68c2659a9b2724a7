/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Analysis and synthesis of voiced sound after the papers of Morise's WORLD: CheapTrick (Speech Communication 67, 2015: spectral envelope), D4C (Speech
 * Communication 84, 2016: band aperiodicity), and WORLD's synthesis (IEICE Trans. E99-D, 2016). */
#ifndef VOICE_WORLD_H
#define VOICE_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WORLD_FFT 1024                   /* at 24 kHz, f0 >= 71 Hz */
#define WORLD_BINS (WORLD_FFT / 2 + 1)
#define WORLD_HOP_S 0.005

struct world_frames {
	int n;               /* frames, one each WORLD_HOP_S, the first at time 0 */
	float *f0;           /* n: Hz, 0 unvoiced */
	float *envelope;     /* n x WORLD_BINS: power spectral envelope */
	float *aperiodicity; /* n x WORLD_BINS: amplitude ratio 0 (periodic) .. 1 (noise) */
};

/* x: n samples at rate Hz (24000); f0: a first estimate for each hop (0 unvoiced), refined inside (StoneMask's instantaneous frequency). */
int world_analyse(const float *x, size_t n, int rate, const float *f0, int n_frames, struct world_frames *ret, struct madrigal_error *err) MUST_CHECK;
/* frames -> n samples at rate. seed: of the noise. */
int world_synthesise(const struct world_frames *w, int rate, uint64_t seed, float *out, size_t n, struct madrigal_error *err) MUST_CHECK;
void world_frames_release(struct world_frames *w);

#endif
