/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 8192

const double spectrum_centres_hz[SPECTRUM_BANDS] = { 40,   50,   63,   80,   100,  125,  160,  200,  250,  315,  400,  500,   630,
	                                             800,  1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500 };

struct fft {
	double window[SIZE];
	double cosine[SIZE / 2], sine[SIZE / 2];
	double re[SIZE], im[SIZE];
	double power[SIZE / 2 + 1];
};

/* Radix 2, decimation in time, in place. */
static void transform(struct fft *f)
{
	for (unsigned i = 1, j = 0; i < SIZE; i++) {
		unsigned bit = SIZE >> 1;
		for (; j & bit; bit >>= 1)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			double re = f->re[i], im = f->im[i];
			f->re[i] = f->re[j];
			f->im[i] = f->im[j];
			f->re[j] = re;
			f->im[j] = im;
		}
	}
	for (unsigned half = 1; half < SIZE; half *= 2)
		for (unsigned start = 0; start < SIZE; start += 2 * half)
			for (unsigned k = 0; k < half; k++) {
				unsigned a = start + k, b = a + half, w = k * (SIZE / 2 / half);
				double re = f->re[b] * f->cosine[w] - f->im[b] * f->sine[w], im = f->re[b] * f->sine[w] + f->im[b] * f->cosine[w];
				f->re[b] = f->re[a] - re;
				f->im[b] = f->im[a] - im;
				f->re[a] += re;
				f->im[a] += im;
			}
}

static void load(const struct fft *f, const float *left, const float *right, size_t n, size_t at, double *out)
{
	for (size_t i = 0; i < SIZE; i++) {
		double x = at + i < n ? (double)left[at + i] : 0;
		if (right && at + i < n)
			x = (x + (double)right[at + i]) / 2;
		out[i] = x * f->window[i];
	}
}

int spectrum_third_octaves(double rate, const float *left, const float *right, size_t n, size_t hop, double ret_power[SPECTRUM_BANDS],
                           struct madrigal_error *err)
{
	struct fft *f = calloc(1, sizeof *f);
	if (!f)
		return err_nomem(err);
	for (int i = 0; i < SIZE; i++)
		f->window[i] = 0.5 - 0.5 * cos(2 * M_PI * i / SIZE);
	for (int i = 0; i < SIZE / 2; i++) {
		f->cosine[i] = cos(2 * M_PI * i / SIZE);
		f->sine[i] = -sin(2 * M_PI * i / SIZE);
	}
	double windows = 0;
	/* Two windows at once, one as the real, one as the imaginary part: the powers of both add up in |Z(k)|^2 + |Z(-k)|^2. */
	for (size_t at = 0; at < n || at == 0; at += 2 * hop) {
		load(f, left, right, n, at, f->re);
		load(f, left, right, n, at + hop, f->im);
		transform(f);
		for (int k = 1; k < SIZE / 2; k++)
			f->power[k] += (f->re[k] * f->re[k] + f->im[k] * f->im[k] + f->re[SIZE - k] * f->re[SIZE - k] + f->im[SIZE - k] * f->im[SIZE - k]) / 2;
		windows += 2;
	}
	double edge = pow(2, 1.0 / 6), scale = 2 / (windows * SIZE * SIZE * 0.375);
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double sum = 0;
		for (int k = 1; k < SIZE / 2; k++) {
			double hz = k * rate / SIZE;
			if (hz >= spectrum_centres_hz[b] / edge && hz < spectrum_centres_hz[b] * edge)
				sum += f->power[k];
		}
		ret_power[b] = sum * scale;
	}
	free(f);
	return 0;
}
