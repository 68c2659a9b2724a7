/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CheapTrick (Morise 2015): a window of three periods gives a power that hardly depends on where in the period it lies; smoothing it over 2/3 f0 and
 * liftering its logarithm takes away what is left of the harmonics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "voice/world.h"
#include "voice/world_internal.h"

#define LIFTER_Q1 (-0.15) /* the paper's compensation of the smoothing */
#define POWER_FLOOR 1e-16f /* of digital silence; its logarithm must exist */

int world_envelope_open(struct world_envelope_scratch *s)
{
	memset(s, 0, sizeof(*s));
	s->power = malloc(sizeof(float) * WORLD_BINS);
	s->integral = malloc(sizeof(double) * (size_t)WORLD_SMOOTH_SCRATCH(WORLD_BINS));
	if (!s->power || !s->integral || fft_init(&s->fft, WORLD_FFT) < 0) {
		world_envelope_close(s);
		return MADRIGAL_EMEMORY;
	}
	return 0;
}

void world_envelope_close(struct world_envelope_scratch *s)
{
	fft_release(&s->fft);
	free(s->power);
	free(s->integral);
	memset(s, 0, sizeof(*s));
}

void world_envelope(struct world_envelope_scratch *s, const float *x, size_t n, int rate, double time_s, double f0, float *ret)
{
	struct fft *f = &s->fft;
	/* A window of three periods of anything lower would not fit. */
	double floor_hz = 3.0 * rate / (WORLD_FFT - 3);
	if (f0 <= 0)
		f0 = WORLD_UNVOICED_HZ;
	f0 = fmin(fmax(f0, floor_hz), rate / 8.0);
	double f0_bins = f0 * WORLD_FFT / rate;

	world_cut(f, x, n, rate, time_s * rate, f0, 3, WORLD_HANN);
	fft_forward(f);
	world_power(f, s->power);
	world_fill_below(s->power, WORLD_BINS, f0_bins);
	world_smooth(s->power, WORLD_BINS, f0_bins * 2 / 3, s->power, s->integral);

	f->time[0] = logf(s->power[0] + POWER_FLOOR);
	for (int k = 1; k < WORLD_BINS; k++)
		f->time[k] = f->time[WORLD_FFT - k] = logf(s->power[k] + POWER_FLOOR);
	fft_forward(f);
	f->freq[0] = crealf(f->freq[0]) / WORLD_FFT;
	for (int k = 1; k < WORLD_BINS; k++) {
		double a = M_PI * f0 * k / rate;
		double lifter = sin(a) / a * (1 - 2 * LIFTER_Q1 + 2 * LIFTER_Q1 * cos(2 * a));
		f->freq[k] = crealf(f->freq[k]) * (float)(lifter / WORLD_FFT);
	}
	fft_inverse(f);
	for (int k = 0; k < WORLD_BINS; k++)
		ret[k] = expf(f->time[k]);
}
