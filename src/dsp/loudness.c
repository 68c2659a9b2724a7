/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/loudness.h"

#include <math.h>
#include <string.h>

#include "dsp/biquad.h"

#define PART 512

/* The standard gives coefficients for 48 kHz only; these are its two analogue prototypes (a shelf and a high-pass), transformed bilinearly. */
void loudness_weighting(double rate, struct eq *ret)
{
	*ret = eq_init();
	double k = tan(M_PI * 1681.974450955533 / rate), q = 0.7071752369554196;
	double vh = pow(10, 3.999843853973347 / 20), vb = pow(vh, 0.4996667741545416);
	double a0 = 1 + k / q + k * k;
	eq_add(ret, (struct biquad){ (vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0, (vh - vb * k / q + k * k) / a0, 2 * (k * k - 1) / a0,
	                             (1 - k / q + k * k) / a0 });
	k = tan(M_PI * 38.13547087602444 / rate);
	q = 0.5003270373238773;
	a0 = 1 + k / q + k * k;
	eq_add(ret, (struct biquad){ 1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0 });
}

size_t loudness_blocks(double rate, size_t n)
{
	size_t block = (size_t)(rate / 10);
	return (n + block - 1) / block;
}

void loudness_energies_on(struct eq *weighting, double rate, const float *left, const float *right, size_t n, float *ret)
{
	size_t block = (size_t)(rate / 10);
	float l[PART], r[PART];
	for (size_t at = 0; at < n; at += block) {
		double sum = 0;
		size_t end = n - at < block ? n : at + block;
		for (size_t i = at; i < end; i += PART) {
			size_t len = end - i < PART ? end - i : PART;
			memcpy(l, left + i, len * sizeof *l);
			if (right)
				memcpy(r, right + i, len * sizeof *r);
			eq_process(weighting, l, right ? r : NULL, len);
			for (size_t j = 0; j < len; j++)
				sum += (double)l[j] * (double)l[j] + (right ? (double)r[j] * (double)r[j] : (double)l[j] * (double)l[j]);
		}
		*ret++ = (float)(sum / (double)block);
	}
}

void loudness_energies(double rate, const float *left, const float *right, size_t n, float *ret)
{
	struct eq weighting;
	loudness_weighting(rate, &weighting);
	loudness_energies_on(&weighting, rate, left, right, n, ret);
}

double loudness_of_energy(double energy)
{
	return energy > 0 ? fmax(-0.691 + 10 * log10(energy), LOUDNESS_SILENCE) : LOUDNESS_SILENCE;
}

static double mean_over(const float *e, size_t blocks, const unsigned char *mask, double least)
{
	double sum = 0;
	size_t n = 0;
	for (size_t i = 0; i + 4 <= blocks; i++) {
		double window = ((double)e[i] + (double)e[i + 1] + (double)e[i + 2] + (double)e[i + 3]) / 4;
		if (window > least && (!mask || mask[i + 1])) {
			sum += window;
			n++;
		}
	}
	return n ? sum / (double)n : 0;
}

double loudness_integrated(const float *energies, size_t blocks, const unsigned char *mask)
{
	double absolute = pow(10, (LOUDNESS_SILENCE + 0.691) / 10);
	double first = mean_over(energies, blocks, mask, absolute);
	return loudness_of_energy(mean_over(energies, blocks, mask, fmax(first / 10, absolute)));
}
