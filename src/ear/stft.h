/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Short-time spectra: Hann windows, centred on the sample that a frame stands for, silence beyond both ends. */
#ifndef EAR_STFT_H
#define EAR_STFT_H

#include <complex.h>
#include <stddef.h>

#include "base/pool.h"
#include "dsp/fft.h"

struct stft {
	int size, hop, bins;        /* window and step in samples; bins = size / 2 + 1 */
	float *window;              /* owned */
	struct fft fft;
};

/* size: even, at most 16384. */
int stft_init(struct stft *f, int size, int hop, struct madrigal_error *err) MUST_CHECK;
void stft_release(struct stft *f);
/* Frames of n samples: n / hop + 1. */
size_t stft_frames(const struct stft *f, size_t n);
/* The spectrum around sample frame * hop, `bins` values in f->fft.freq, valid until the next call; a sine of amplitude 1 in the middle of a bin has magnitude 1. y (may be NULL) is added to
 * x and halved: mid of left and right; with sign -1 it is taken away: side. */
void stft_at(struct stft *f, const float *x, const float *y, int sign, size_t n, size_t frame);
/* The same as magnitudes. ret: bins values. */
void stft_magnitude(struct stft *f, const float *x, const float *y, int sign, size_t n, size_t frame, float *ret);

#endif
