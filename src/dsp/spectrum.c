/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/spectrum.h"

#include <math.h>
#include <stdlib.h>

#include "dsp/fft.h"

#define SIZE 8192

const double spectrum_centres_hz[SPECTRUM_BANDS] = { 40,   50,   63,   80,   100,  125,  160,  200,  250,  315,  400,  500,   630,
	                                             800,  1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500 };

struct work {
	struct fft fft;
	float window[SIZE]; /* Hann */
	double power[SIZE / 2 + 1];
};

static void load(struct work *w, const float *left, const float *right, size_t n, size_t at)
{
	for (size_t i = 0; i < SIZE; i++) {
		float x = at + i < n ? left[at + i] : 0;
		if (right && at + i < n)
			x = (x + right[at + i]) / 2;
		w->fft.time[i] = x * w->window[i];
	}
}

/* Adds each window's power by bin; how many windows there were. */
static double add_windows(struct work *w, const float *left, const float *right, size_t n, size_t hop)
{
	double windows = 0;
	for (size_t at = 0; at < n || at == 0; at += hop, windows++) {
		load(w, left, right, n, at);
		fft_forward(&w->fft);
		for (int k = 1; k < SIZE / 2; k++) {
			double re = (double)crealf(w->fft.freq[k]), im = (double)cimagf(w->fft.freq[k]);
			w->power[k] += re * re + im * im;
		}
	}
	return windows;
}

int spectrum_third_octaves(double rate, const float *left, const float *right, size_t n, size_t hop, double ret_power[SPECTRUM_BANDS],
                           struct madrigal_error *err)
{
	struct work *w = calloc(1, sizeof *w);
	if (!w || fft_init(&w->fft, SIZE) < 0) {
		free(w);
		return err_nomem(err);
	}
	for (int i = 0; i < SIZE; i++)
		w->window[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * i / SIZE));
	double windows = add_windows(w, left, right, n, hop);
	double edge = pow(2, 1.0 / 6), scale = 2 / (windows * SIZE * SIZE * 0.375);
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double sum = 0;
		for (int k = 1; k < SIZE / 2; k++) {
			double hz = k * rate / SIZE;
			if (hz >= spectrum_centres_hz[b] / edge && hz < spectrum_centres_hz[b] * edge)
				sum += w->power[k];
		}
		ret_power[b] = sum * scale;
	}
	fft_release(&w->fft);
	free(w);
	return 0;
}
