/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "voice/world_internal.h"

int world_cut(struct fft *f, const float *x, size_t n, int rate, double centre, double f0, double periods, enum world_window shape)
{
	int half = (int)lround(periods / 2 * rate / f0);
	long origin = lround(centre) - half;
	double step = 2 * M_PI * f0 / (periods * rate);
	double energy = 0, sum = 0, weighted = 0;
	float *w = (float *)f->freq; /* free until the transform; holds n + 2 floats */

	for (int i = 0; i <= 2 * half; i++) {
		double c = cos(step * (i - half));
		double v = shape == WORLD_HANN ? 0.5 + 0.5 * c : 0.34 + c * (0.5 + 0.16 * c); /* 0.42 + 0.5 cos a + 0.08 cos 2a */
		long k = origin + i;
		float s = k >= 0 && (size_t)k < n ? x[k] : 0;
		w[i] = (float)v;
		f->time[i] = s;
		energy += v * v;
		sum += v;
		weighted += v * (double)s;
	}
	float mean = (float)(weighted / sum), scale = (float)(1 / sqrt(energy));
	for (int i = 0; i <= 2 * half; i++)
		f->time[i] = (f->time[i] - mean) * w[i] * scale;
	memset(f->time + 2 * half + 1, 0, sizeof(float) * (size_t)(f->n - 2 * half - 1));
	return half;
}

/* Index k mirrored into 0..bins-1 (the ends count once, as in a spectrum). */
static int mirrored(int k, int bins)
{
	int last = bins - 1;
	if (k < 0)
		k = -k;
	if (k > last)
		k = 2 * last - k;
	return k < 0 ? 0 : k;
}

void world_smooth(const float *in, int bins, double width, float *out, double *integral)
{
	/* Bin k spans k - 0.5 .. k + 0.5; integral[j] is the area left of bin j - margin. */
	int margin = (int)ceil(width / 2) + 1;
	int n = bins + 2 * margin;
	integral[0] = 0;
	for (int j = 0; j < n; j++)
		integral[j + 1] = integral[j] + (double)in[mirrored(j - margin, bins)];

	double right = width / 2 + 0.5 + margin, left = -width / 2 + 0.5 + margin;
	int jr = (int)floor(right), jl = (int)floor(left);
	double ar = right - jr, al = left - jl;
	for (int k = 0; k < bins; k++) {
		double hi = integral[k + jr] + ar * (integral[k + jr + 1] - integral[k + jr]);
		double lo = integral[k + jl] + al * (integral[k + jl + 1] - integral[k + jl]);
		out[k] = (float)((hi - lo) / width);
	}
}

void world_fill_below(float *power, int bins, double f0)
{
	float from[WORLD_MOST_BINS]; /* as it was: low and high read each other */
	int top = (int)floor(f0);
	if (top > bins - 2)
		top = bins - 2;
	memcpy(from, power, sizeof(float) * (size_t)(top + 2));
	for (int k = 0; k <= top; k++) {
		double at = f0 - k;
		int i = (int)at < top ? (int)at : top;
		power[k] += from[i] + (float)(at - i) * (from[i + 1] - from[i]);
	}
}

void world_power(const struct fft *f, float *power)
{
	for (int k = 0; k <= f->n / 2; k++) {
		float re = crealf(f->freq[k]), im = cimagf(f->freq[k]);
		power[k] = re * re + im * im;
	}
}
