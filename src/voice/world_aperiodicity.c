/* SPDX-License-Identifier: GPL-3.0-or-later */
/* D4C (Morise 2016): the group delay of a periodic sound, made independent of the window's place, swings as a pure sinusoid over frequency with a period of
 * f0. How much of a band's swing is not that sinusoid is its aperiodicity, measured each 3 kHz. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "voice/world.h"
#include "voice/world_internal.h"

#define D4C_FFT 2048       /* four periods of 47 Hz at 24 kHz */
#define D4C_BINS (D4C_FFT / 2 + 1)
#define BAND_HZ 3000.0
#define MOST_BANDS 5       /* up to 15 kHz */
#define MOST_PEAKS 128     /* bins of a sinusoid's own lobe: 8 window bins are left out on each side of it */
#define LOVE_TRAIN 0.85f   /* less of the power than this below 4 kHz is no voice */
#define LOWEST_DB (-60.0)
#define TINY 1e-20f

int world_aperiodicity_open(struct world_aperiodicity_scratch *s, int rate)
{
	memset(s, 0, sizeof(*s));
	s->window_bins = 2 * (int)(BAND_HZ * D4C_FFT / rate) + 1;
	if (s->window_bins > D4C_BINS)
		s->window_bins = D4C_BINS - 1 + D4C_BINS % 2;
	s->power = malloc(sizeof(float) * D4C_BINS);
	s->delay = malloc(sizeof(float) * D4C_BINS);
	s->smooth = malloc(sizeof(float) * D4C_BINS);
	s->window = malloc(sizeof(float) * (size_t)s->window_bins);
	s->integral = malloc(sizeof(double) * (size_t)WORLD_SMOOTH_SCRATCH(D4C_BINS));
	s->spectrum = fftwf_alloc_complex(D4C_BINS);
	if (!s->power || !s->delay || !s->smooth || !s->window || !s->integral || !s->spectrum || fft_init(&s->fft, D4C_FFT) < 0) {
		world_aperiodicity_close(s);
		return MADRIGAL_EMEMORY;
	}
	for (int i = 0; i < s->window_bins; i++) { /* Nuttall's: its side lobes stay below -93 dB */
		double a = 2 * M_PI * i / (s->window_bins - 1);
		s->window[i] = (float)(0.355768 - 0.487396 * cos(a) + 0.144232 * cos(2 * a) - 0.012604 * cos(3 * a));
	}
	return 0;
}

void world_aperiodicity_close(struct world_aperiodicity_scratch *s)
{
	fft_release(&s->fft);
	free(s->power);
	free(s->delay);
	free(s->smooth);
	free(s->window);
	free(s->integral);
	fftwf_free(s->spectrum);
	memset(s, 0, sizeof(*s));
}

/* Whether most of the power between 100 Hz and 7.9 kHz lies below 4 kHz, as in voiced sounds (the paper's "love train"). */
static int voiced(struct world_aperiodicity_scratch *s, const float *x, size_t n, int rate, double time_s, double f0)
{
	world_cut(&s->fft, x, n, rate, time_s * rate, fmax(f0, 3.0 * rate / (D4C_FFT - 3)), 3, WORLD_BLACKMAN);
	fft_forward(&s->fft);
	world_power(&s->fft, s->power);
	int from = (int)ceil(100.0 * D4C_FFT / rate) + 1, split = (int)ceil(4000.0 * D4C_FFT / rate), to = (int)ceil(7900.0 * D4C_FFT / rate);
	float below = 0, all = 0;
	for (int k = from; k <= to && k < D4C_BINS; k++) {
		all += s->power[k];
		if (k <= split)
			below += s->power[k];
	}
	return all > TINY && below > LOVE_TRAIN * all;
}

/* Adds the energy centroid (power times group delay) of four periods around centre to s->delay. Counted from the window's start as in the paper: so the swing
 * of the power, divided by a smoother power later, adds to that of the delay. */
static void add_centroid(struct world_aperiodicity_scratch *s, const float *x, size_t n, int rate, double centre, double f0)
{
	struct fft *f = &s->fft;
	int half = world_cut(f, x, n, rate, centre, f0, 4, WORLD_BLACKMAN);
	double power = 0;
	for (int i = 0; i <= 2 * half; i++)
		power += (double)f->time[i] * (double)f->time[i];
	float scale = (float)(1 / sqrt(power + (double)TINY));
	for (int i = 0; i <= 2 * half; i++)
		f->time[i] *= scale;
	fft_forward(f);
	memcpy(s->spectrum, f->freq, sizeof(*s->spectrum) * D4C_BINS);
	for (int i = 0; i <= 2 * half; i++)
		f->time[i] *= (float)(i + 1);
	fft_forward(f);
	for (int k = 0; k < D4C_BINS; k++)
		s->delay[k] += crealf(s->spectrum[k]) * crealf(f->freq[k]) + cimagf(s->spectrum[k]) * cimagf(f->freq[k]);
}

/* The swing of the group delay over frequency, into s->delay. */
static void delay_swing(struct world_aperiodicity_scratch *s, const float *x, size_t n, int rate, double time_s, double f0)
{
	double f0_bins = f0 * D4C_FFT / rate, centre = time_s * rate, quarter = rate / f0 / 4;
	memset(s->delay, 0, sizeof(float) * D4C_BINS);
	add_centroid(s, x, n, rate, centre - quarter, f0);
	add_centroid(s, x, n, rate, centre + quarter, f0);
	world_fill_below(s->delay, D4C_BINS, f0_bins);

	world_cut(&s->fft, x, n, rate, centre, f0, 4, WORLD_HANN);
	fft_forward(&s->fft);
	world_power(&s->fft, s->power);
	world_fill_below(s->power, D4C_BINS, f0_bins);
	world_smooth(s->power, D4C_BINS, f0_bins, s->power, s->integral);

	for (int k = 0; k < D4C_BINS; k++)
		s->delay[k] /= s->power[k] + TINY;
	world_smooth(s->delay, D4C_BINS, f0_bins / 2, s->delay, s->integral);
	world_smooth(s->delay, D4C_BINS, f0_bins, s->smooth, s->integral);
	for (int k = 0; k < D4C_BINS; k++)
		s->delay[k] -= s->smooth[k];
}

/* The share of s->power that is left without its `peaks` largest bins. */
static double without_peaks(const float *power, int bins, int peaks)
{
	float top[MOST_PEAKS] = { 0 }; /* sorted, largest first */
	double all = 0, rest = 0;
	int above = 0;
	for (int k = 0; k < bins; k++) {
		float p = power[k];
		all += (double)p;
		if (p <= top[peaks - 1])
			continue;
		int i = peaks - 1;
		for (; i > 0 && top[i - 1] < p; i--)
			top[i] = top[i - 1];
		top[i] = p;
	}
	float least = top[peaks - 1];
	for (int k = 0; k < bins; k++) { /* summed anew: subtracting would lose what is 60 dB below */
		if (power[k] > least)
			above++;
		else
			rest += (double)power[k];
	}
	rest -= (double)least * (peaks - above);
	return all > 0 ? fmax(rest, 0) / all : 1;
}

/* Aperiodicity of the 3 kHz on either side of band's middle, dB. */
static double band_db(struct world_aperiodicity_scratch *s, int rate, int band, double f0)
{
	struct fft *f = &s->fft;
	int from = (int)(BAND_HZ * (band + 1) * D4C_FFT / rate) - s->window_bins / 2;
	for (int i = 0; i < s->window_bins; i++)
		f->time[i] = from + i >= 0 && from + i < D4C_BINS ? s->delay[from + i] * s->window[i] : 0;
	memset(f->time + s->window_bins, 0, sizeof(float) * (size_t)(D4C_FFT - s->window_bins));
	fft_forward(f);
	world_power(f, s->power);
	int peaks = (int)lround(8.0 * D4C_FFT / s->window_bins) + 1;
	double share = without_peaks(s->power, D4C_BINS, peaks < MOST_PEAKS ? peaks : MOST_PEAKS);
	/* The paper's correction: high voices have few harmonics in a band and look noisier than they are. */
	return fmin(0, 10 * log10(share + 1e-12) + (f0 - 100) / 50);
}

void world_aperiodicity(struct world_aperiodicity_scratch *s, const float *x, size_t n, int rate, double time_s, double f0, float *ret)
{
	if (f0 <= 0 || !voiced(s, x, n, rate, time_s, f0)) {
		for (int k = 0; k < WORLD_BINS; k++)
			ret[k] = 1;
		return;
	}
	f0 = fmin(fmax(f0, 4.0 * rate / (D4C_FFT - 4)), rate / 8.0);
	delay_swing(s, x, n, rate, time_s, f0);

	int bands = (int)(fmin(BAND_HZ * MOST_BANDS, rate / 2.0 - BAND_HZ) / BAND_HZ);
	double hz[MOST_BANDS + 2] = { 0 }, db[MOST_BANDS + 2] = { LOWEST_DB };
	for (int b = 0; b < bands; b++) {
		hz[b + 1] = BAND_HZ * (b + 1);
		db[b + 1] = fmax(band_db(s, rate, b, f0), LOWEST_DB);
	}
	hz[bands + 1] = rate / 2.0;
	db[bands + 1] = 0;

	int b = 0;
	for (int k = 0; k < WORLD_BINS; k++) {
		double at = (double)k * rate / WORLD_FFT;
		while (b < bands && at > hz[b + 1])
			b++;
		double d = db[b] + (db[b + 1] - db[b]) * (at - hz[b]) / (hz[b + 1] - hz[b]);
		ret[k] = expf((float)(d * M_LN10 / 20));
	}
}
