/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MOST 16384

int stft_init(struct stft *f, int size, int hop, struct madrigal_error *err)
{
	struct stft s = { .size = size, .hop = hop, .bins = size / 2 + 1 };
	if (size < 4 || size > SIZE_MOST || size % 2 || hop < 1)
		return err_set(err, MADRIGAL_EINTERNAL, "a window of %d samples every %d", size, hop);
	s.window = malloc(sizeof *s.window * (size_t)size);
	if (!s.window || fft_init(&s.fft, size)) {
		free(s.window);
		return err_nomem(err);
	}
	/* The sum of a Hann window is size / 2, and half of a sine lies in the negative frequencies. */
	for (int i = 0; i < size; i++)
		s.window[i] = (float)((1 - cos(2 * M_PI * i / size)) * 2 / size);
	*f = s;
	return 0;
}

void stft_release(struct stft *f)
{
	free(f->window);
	fft_release(&f->fft);
	memset(f, 0, sizeof *f);
}

size_t stft_frames(const struct stft *f, size_t n)
{
	return n / (size_t)f->hop + 1;
}

void stft_at(struct stft *f, const float *x, const float *y, int sign, size_t n, size_t frame)
{
	long from = (long)(frame * (size_t)f->hop) - f->size / 2;
	float with = sign < 0 ? -0.5f : 0.5f;
	for (int i = 0; i < f->size; i++) {
		long k = from + i;
		float v = 0;
		if (k >= 0 && (size_t)k < n)
			v = y ? 0.5f * x[k] + with * y[k] : x[k];
		f->fft.time[i] = v * f->window[i];
	}
	fft_forward(&f->fft);
}

void stft_magnitude(struct stft *f, const float *x, const float *y, int sign, size_t n, size_t frame, float *ret)
{
	stft_at(f, x, y, sign, n, frame);
	for (int k = 0; k < f->bins; k++) {
		float re = crealf(f->fft.freq[k]), im = cimagf(f->fft.freq[k]);
		ret[k] = sqrtf(re * re + im * im);
	}
}
