/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each period is one pulse and a stretch of noise, both through minimum-phase filters made from the envelope at that moment: the pulse through what is
 * periodic of it, the noise through the rest (Morise et al. 2016). Pulses lie between samples: their remainder is a linear phase. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "voice/world.h"
#include "voice/world_internal.h"

#define UNVOICED_STEP_S 0.0025 /* how often the filter changes where there are no pulses */
#define LONGEST_NOISE (WORLD_FFT / 4)
#define LEAST_POWER 1e-16f

struct synth {
	const struct world_frames *w;
	int rate;
	struct rng rng;
	struct fft fft;
	fftwf_complex *sum;            /* [WORLD_BINS] of one response */
	float *periodic, *aperiodic;   /* [WORLD_BINS] log amplitude */
	float *no_dc;                  /* [WORLD_FFT] what a response loses for each unit of its mean, the pulse at 0 */
	float *out;
	size_t n;
};

static int synth_open(struct synth *s, const struct world_frames *w, int rate, uint64_t seed, size_t n)
{
	memset(s, 0, sizeof(*s));
	s->w = w;
	s->rate = rate;
	s->n = n;
	s->rng = rng_stream(seed, "voice/world", 0);
	s->sum = fftwf_alloc_complex(WORLD_BINS);
	s->periodic = malloc(sizeof(float) * WORLD_BINS);
	s->aperiodic = malloc(sizeof(float) * WORLD_BINS);
	s->no_dc = malloc(sizeof(float) * WORLD_FFT);
	s->out = calloc(n + 1, sizeof(float));
	if (!s->sum || !s->periodic || !s->aperiodic || !s->no_dc || !s->out || fft_init(&s->fft, WORLD_FFT) < 0)
		return MADRIGAL_EMEMORY;
	/* What lies below the fundamental is made up (world_fill_below) and, at 0 Hz, harmful. Taken off under a smooth window, since a constant would begin and
	 * end with a click, and one that is even about the pulse, since any other would strengthen what lies just above. */
	for (int i = 0; i < WORLD_FFT; i++)
		s->no_dc[i] = (float)(1 + cos(2 * M_PI * i / WORLD_FFT));
	return 0;
}

static void synth_close(struct synth *s)
{
	fft_release(&s->fft);
	fftwf_free(s->sum);
	free(s->periodic);
	free(s->aperiodic);
	free(s->no_dc);
	free(s->out);
}

/* The log amplitudes of both filters at sample t. */
static void filters_at(struct synth *s, double t, int voiced)
{
	const struct world_frames *w = s->w;
	double at = fmin(t / s->rate / WORLD_HOP_S, w->n - 1);
	int i = (int)at, j = i + 1 < w->n ? i + 1 : i;
	float a = (float)(at - i);
	const float *ei = w->envelope + (size_t)i * WORLD_BINS, *ej = w->envelope + (size_t)j * WORLD_BINS;
	const float *ai = w->aperiodicity + (size_t)i * WORLD_BINS, *aj = w->aperiodicity + (size_t)j * WORLD_BINS;
	for (int k = 0; k < WORLD_BINS; k++) {
		float e = fmaxf(ei[k] + a * (ej[k] - ei[k]), LEAST_POWER);
		if (!voiced) {
			s->aperiodic[k] = 0.5f * logf(e);
			continue;
		}
		float r = fminf(fmaxf(ai[k] + a * (aj[k] - ai[k]), 0.001f), 0.999999f);
		s->periodic[k] = 0.5f * logf(e * (1 - r * r));
		s->aperiodic[k] = 0.5f * logf(e * (r * r));
	}
}

/* Log amplitude -> the minimum-phase spectrum of it, in s->fft.freq: the cepstrum's half before zero is folded over the one after. */
static void minimum_phase(struct synth *s, const float *log_amplitude)
{
	struct fft *f = &s->fft;
	f->time[0] = log_amplitude[0];
	for (int k = 1; k < WORLD_BINS; k++)
		f->time[k] = f->time[WORLD_FFT - k] = log_amplitude[k];
	fft_forward(f);
	f->time[0] = crealf(f->freq[0]) / WORLD_FFT;
	for (int k = 1; k < WORLD_FFT / 2; k++)
		f->time[k] = 2 * crealf(f->freq[k]) / WORLD_FFT;
	f->time[WORLD_FFT / 2] = crealf(f->freq[WORLD_FFT / 2]) / WORLD_FFT;
	memset(f->time + WORLD_BINS, 0, sizeof(float) * (WORLD_FFT - WORLD_BINS));
	fft_forward(f);
	for (int k = 0; k < WORLD_BINS; k++) {
		float m = expf(crealf(f->freq[k])), p = cimagf(f->freq[k]);
		f->freq[k] = m * cosf(p) + m * sinf(p) * (fftwf_complex)I;
	}
}

/* Adds pulse's response, `late` samples (0..1) after the sample it is for, to s->sum. */
static void add_pulse(struct synth *s, double late, double period)
{
	minimum_phase(s, s->periodic);
	float gain = (float)sqrt(period);
	double step = -2 * M_PI * late / WORLD_FFT;
	for (int k = 0; k < WORLD_BINS; k++) {
		float a = (float)(step * k);
		s->sum[k] += gain * s->fft.freq[k] * (cosf(a) + sinf(a) * (fftwf_complex)I);
	}
}

/* Adds `length` samples of filtered noise, the first `after` samples after the one it is for, to s->sum. */
static void add_noise(struct synth *s, int after, int length)
{
	struct fft *f = &s->fft;
	fftwf_complex h[WORLD_BINS];
	minimum_phase(s, s->aperiodic);
	memcpy(h, f->freq, sizeof(h));
	memset(f->time, 0, sizeof(float) * WORLD_FFT);
	float mean = 0;
	for (int i = 0; i < length; i++)
		mean += f->time[after + i] = rng_gauss(&s->rng);
	for (int i = 0; i < length; i++) /* nothing below the fundamental, as in the pulse */
		f->time[after + i] -= mean / (float)length;
	fft_forward(f);
	for (int k = 0; k < WORLD_BINS; k++)
		s->sum[k] += h[k] * f->freq[k];
}

/* One response: noise from sample ceil(at) until `until`, and with period > 0 a pulse at `at`. voiced: the noise is only what is not periodic. */
static void respond(struct synth *s, double at, double period, int voiced, long until)
{
	struct fft *f = &s->fft;
	long base = (long)floor(at), noise = (long)ceil(at);
	memset(s->sum, 0, sizeof(*s->sum) * WORLD_BINS);
	filters_at(s, at, voiced);
	if (period > 0)
		add_pulse(s, at - (double)base, period);
	if (until > noise)
		add_noise(s, (int)(noise - base), (int)(until - noise));
	float dc = crealf(s->sum[0]);
	memcpy(f->freq, s->sum, sizeof(*s->sum) * WORLD_BINS);
	fft_inverse(f);
	for (int i = 0; i < WORLD_FFT; i++) {
		long k = base + (i < WORLD_FFT / 2 ? i : i - WORLD_FFT);
		if (k >= 0 && (size_t)k < s->n)
			s->out[k] += (f->time[i] - dc * s->no_dc[i]) / WORLD_FFT;
	}
}

/* Walks over the sound; each period, or step where unvoiced, is given its response when its end is known. */
static void synthesise(struct synth *s)
{
	double at = 0, period = 0, phase = 1; /* the pulse that waits for its end; voicing begins with a pulse */
	int voiced = 0;
	long step = lround(UNVOICED_STEP_S * s->rate);
	for (size_t i = 0; i < s->n; i++) {
		double f = world_f0_at(s->w->f0, s->w->n, s->rate, (double)i);
		double next = -1, next_period = 0;
		if (f > 0) {
			phase += f / s->rate;
			if (phase >= 1) {
				phase = fmin(phase - 1, 0.999); /* also after silence */
				next = fmax((double)i - fmin(phase * s->rate / f, 0.999), at);
				next_period = s->rate / f;
			} else if ((double)i - at >= LONGEST_NOISE) {
				next = (double)i;
			}
		} else {
			phase = 1;
			if ((double)i - at >= (double)step)
				next = (double)i;
		}
		if (next < 0)
			continue;
		respond(s, at, period, voiced, (long)ceil(next));
		at = next;
		period = next_period;
		voiced = f > 0;
	}
	respond(s, at, period, voiced, (long)s->n);
}

int world_synthesise(const struct world_frames *w, int rate, uint64_t seed, float *out, size_t n, struct madrigal_error *err)
{
	struct synth s;
	if (rate < WORLD_MIN_RATE || rate > WORLD_MAX_RATE)
		return err_set(err, MADRIGAL_EUSAGE, "resynthesis works at %d to %d Hz, not at %d", WORLD_MIN_RATE, WORLD_MAX_RATE, rate);
	if (n == 0 || w->n == 0) {
		memset(out, 0, sizeof(float) * n);
		return 0;
	}
	if (synth_open(&s, w, rate, seed, n) < 0) {
		synth_close(&s);
		return err_nomem(err);
	}
	synthesise(&s);
	memcpy(out, s.out, sizeof(float) * n);
	synth_close(&s);
	return 0;
}
