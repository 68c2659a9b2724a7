/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "voice/psola.h"
#include "voice/world.h"

#define RATE 24000
#define SECOND ((size_t)RATE)

static const double formants[3] = { 700, 1220, 2600 }, bandwidths[3] = { 90, 110, 150 };

/* Amplitude of a vowel's formants at hz. */
static double vowel_at(double hz)
{
	double g = 1;
	for (int i = 0; i < 3; i++) {
		double f = formants[i], b = bandwidths[i];
		g *= f * f / hypot(f * f - hz * hz, b * hz);
	}
	return g / (1 + hz / 500);
}

/* A vowel whose f0 at each sample is f0[i], with noise of the given deviation. */
static void sing_vowel(float *x, size_t n, const double *f0, double noise)
{
	struct rng r = rng_stream(3, "test", 0);
	double phase = 0;
	for (size_t i = 0; i < n; i++) {
		double v = 0;
		phase += f0[i] / RATE;
		phase -= floor(phase);
		for (int h = 1; h * f0[i] < 8000; h++)
			v += vowel_at(h * f0[i]) * cos(2 * M_PI * h * phase + 0.4 * h * h);
		x[i] = (float)(0.03 * v + noise * (double)rng_gauss(&r));
	}
}

enum tune { STEADY, GLIDE, VIBRATO };
static double tune_at(enum tune tune, double hz, double t)
{
	if (tune == GLIDE)
		return hz * pow(2, t);
	return tune == VIBRATO ? hz * pow(2, 0.6 / 12 * sin(2 * M_PI * 5.5 * t)) : hz;
}

static float *new_vowel(size_t n, enum tune tune, double hz, double noise)
{
	float *x = malloc(sizeof(float) * n);
	double *f = malloc(sizeof(double) * n);
	assert_non_null(x);
	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		f[i] = tune_at(tune, hz, (double)i / RATE);
	sing_vowel(x, n, f, noise);
	free(f);
	return x;
}

static float *new_f0(int n, float hz)
{
	float *f = malloc(sizeof(float) * ((size_t)n + 1));
	assert_non_null(f);
	for (int i = 0; i < n; i++)
		f[i] = hz;
	return f;
}

static double rms(const float *x, size_t from, size_t to)
{
	double s = 0;
	for (size_t i = from; i < to; i++)
		s += (double)x[i] * (double)x[i];
	return sqrt(s / (double)(to - from));
}

/* The frequency of the envelope's highest point within 250 Hz of hz. */
static double peak_near(const float *envelope, double hz)
{
	int best = 0;
	for (int k = 1; k < WORLD_BINS; k++) {
		if (fabs((double)k * RATE / WORLD_FFT - hz) < 250 && (best == 0 || envelope[k] > envelope[best]))
			best = k;
	}
	return (double)best * RATE / WORLD_FFT;
}

/* Mean distance in dB between an envelope and the vowel's own, each around its mean, from 300 to 4000 Hz. */
static double formant_difference(const float *envelope)
{
	int from = 300 * WORLD_FFT / RATE, to = 4000 * WORLD_FFT / RATE;
	double d[WORLD_BINS], mean = 0, sum = 0;
	for (int k = from; k < to; k++) {
		d[k] = 10 * log10((double)envelope[k]) - 20 * log10(vowel_at((double)k * RATE / WORLD_FFT));
		mean += d[k] / (to - from);
	}
	for (int k = from; k < to; k++)
		sum += fabs(d[k] - mean);
	return sum / (to - from);
}

static void envelope_has_the_formants(void **state)
{
	(void)state;
	for (double hz = 90; hz < 260; hz += 50) {
		float *x = new_vowel(SECOND, STEADY, hz, 0);
		float *f0 = new_f0(201, (float)hz * 1.03f); /* a poor estimate, to be refined */
		struct world_frames w;
		assert_int_equal(world_analyse(x, SECOND, RATE, f0, 201, &w, NULL), 0);
		assert_int_equal(w.n, 201);
		for (int i = 20; i < 180; i += 20) {
			const float *e = w.envelope + (size_t)i * WORLD_BINS;
			assert_true(fabs(1200 * log2((double)w.f0[i] / hz)) < 2);
			for (int k = 0; k < 3; k++)
				assert_true(fabs(peak_near(e, formants[k]) - formants[k]) < 30 + hz / 3);
			/* Between the formants the level is right too: 10 log10 of the power, as noise of the same spectrum would have. */
			double ratio = 10 * log10((double)e[43] / (double)e[64]) - 20 * log10(vowel_at(43.0 * RATE / WORLD_FFT) / vowel_at(1500));
			assert_true(fabs(ratio) < 4);
			assert_true(w.aperiodicity[(size_t)i * WORLD_BINS + 40] < 0.3f);
		}
		world_frames_release(&w);
		free(x);
		free(f0);
	}
}

static void check_track(enum tune tune, double hz, double noise, double median_cents, double worst_share)
{
	size_t n = 2 * SECOND;
	int frames = world_frames_of(n, RATE), bad = 0, near = 0, all = 0;
	float *x = new_vowel(n, tune, hz, noise);
	float *f0 = new_f0(frames, 0);
	assert_int_equal(world_track_f0(x, n, RATE, 60, 900, f0, frames, NULL), 0);
	for (int i = 8; i < frames - 8; i++) {
		double cents = f0[i] > 0 ? fabs(1200 * log2((double)f0[i] / tune_at(tune, hz, i * WORLD_HOP_S))) : 1e9;
		near += cents < median_cents;
		bad += cents > 20;
		all++;
	}
	assert_true(near > all / 2);
	assert_true(bad <= all * worst_share);
	free(x);
	free(f0);
}

static void tracker_follows_steady_gliding_and_trembling_voices(void **state)
{
	(void)state;
	check_track(STEADY, 75, 0, 0.5, 0);
	check_track(STEADY, 110, 0.01, 2, 0.01);
	check_track(STEADY, 440, 0, 0.5, 0);
	check_track(STEADY, 780, 0.01, 3, 0.01);
	check_track(GLIDE, 100, 0, 1, 0);
	check_track(GLIDE, 200, 0.01, 2, 0.01);
	check_track(VIBRATO, 150, 0, 3, 0);
	check_track(VIBRATO, 330, 0.01, 3, 0.01);
}

static void tracker_hears_no_voice_in_noise_or_silence(void **state)
{
	(void)state;
	float *x = calloc(SECOND, sizeof(float)), *f0 = new_f0(201, 7);
	struct rng r = rng_stream(5, "test", 0);
	int voiced = 0;
	assert_int_equal(world_track_f0(x, SECOND, RATE, 60, 900, f0, 201, NULL), 0);
	for (int i = 0; i < 201; i++)
		assert_true(f0[i] == 0);
	for (size_t i = 0; i < SECOND; i++)
		x[i] = 0.1f * rng_gauss(&r);
	assert_int_equal(world_track_f0(x, SECOND, RATE, 60, 900, f0, 201, NULL), 0);
	for (int i = 0; i < 201; i++)
		voiced += f0[i] > 0;
	assert_true(voiced <= 20);
	free(x);
	free(f0);
}

/* Cents that x is off hz, the median over its inner frames. */
static double cents_off(const float *x, size_t n, double hz)
{
	int frames = world_frames_of(n, RATE), voiced = 0;
	float *f0 = new_f0(frames, 0);
	double off[1000];
	assert_int_equal(world_track_f0(x, n, RATE, 60, 900, f0, frames, NULL), 0);
	for (int i = 10; i < frames - 10; i++) {
		if (f0[i] > 0)
			off[voiced++] = 1200 * log2((double)f0[i] / hz);
	}
	assert_true(voiced > (frames - 20) * 0.97);
	for (int i = 0; i < voiced; i++) /* insertion sort */
		for (int j = i; j > 0 && off[j] < off[j - 1]; j--) {
			double t = off[j];
			off[j] = off[j - 1];
			off[j - 1] = t;
		}
	free(f0);
	assert_true(off[voiced * 95 / 100] - off[voiced * 5 / 100] < 20);
	return off[voiced / 2];
}

static void a_retuned_vowel_has_the_new_pitch_and_the_old_formants(void **state)
{
	(void)state;
	float *x = new_vowel(SECOND, STEADY, 180, 0.00002), *y = malloc(sizeof(float) * SECOND), *f0 = new_f0(201, 180);
	for (int semitones = -7; semitones <= 7; semitones += 7) {
		double hz = 180 * pow(2, semitones / 12.0);
		float *to = new_f0(201, (float)hz);
		struct world_frames w;
		assert_int_equal(world_retune(x, SECOND, RATE, f0, to, 201, 1, y, NULL), 0);
		assert_true(fabs(cents_off(y, SECOND, hz)) < 3);
		assert_true(fabs(20 * log10(rms(y, 2000, 22000) / rms(x, 2000, 22000))) < 2.5);
		assert_int_equal(world_analyse(y, SECOND, RATE, to, 201, &w, NULL), 0);
		assert_true(formant_difference(w.envelope + 100 * (size_t)WORLD_BINS) < 4);
		world_frames_release(&w);
		free(to);
	}
	free(x);
	free(y);
	free(f0);
}

static void a_clean_vowel_stays_clean_at_any_pitch(void **state)
{
	(void)state;
	float *x = new_vowel(SECOND, STEADY, 150, 0), *y = malloc(sizeof(float) * SECOND), *f0 = new_f0(201, 150);
	const int periods[4] = { 320, 250, 160, 60 }; /* 75 to 400 Hz */
	for (int k = 0; k < 4; k++) {
		float *to = new_f0(201, (float)RATE / (float)periods[k]);
		double change = 0, hiss = 0, all = 0, sum = 0, rumble = 0;
		assert_int_equal(world_retune(x, SECOND, RATE, f0, to, 201, 1, y, NULL), 0);
		for (int i = 3000; i < 21000; i++) {
			float d = y[i] - y[i - periods[k]];
			float top = y[i] - 4 * y[i - 1] + 6 * y[i - 2] - 4 * y[i - 3] + y[i - 4]; /* 24 dB of gain at 12 kHz, -44 dB at 500 Hz */
			sum += (double)y[i] - (i >= 3000 + periods[k] ? (double)y[i - periods[k]] : 0); /* of a period: no harmonics, only what is below them */
			rumble += i >= 3000 + periods[k] ? sum * sum / periods[k] / periods[k] : 0;
			change += (double)(d * d);
			hiss += (double)(top * top);
			all += (double)(y[i] * y[i]);
		}
		assert_true(10 * log10(change / all) < -28);
		assert_true(10 * log10(hiss / all) < -42.5);
		assert_true(10 * log10(rumble / all) < -40);
		free(to);
	}
	free(x);
	free(y);
	free(f0);
}

static void grains_at_the_same_pitch_are_the_very_sound(void **state)
{
	(void)state;
	float *x = new_vowel(SECOND, VIBRATO, 150, 0.005), *y = malloc(sizeof(float) * SECOND), *f0 = new_f0(201, 0);
	double error = 0;
	assert_int_equal(world_track_f0(x, SECOND, RATE, 60, 900, f0, 201, NULL), 0);
	for (int i = 90; i < 120; i++) /* and across an unvoiced stretch */
		f0[i] = 0;
	assert_int_equal(psola_retune(x, SECOND, RATE, f0, f0, 201, y, NULL), 0);
	for (size_t i = 0; i < SECOND; i++)
		error = fmax(error, fabs((double)(x[i] - y[i])));
	assert_true(error < 1e-5);
	free(x);
	free(y);
	free(f0);
}

static void grains_laid_anew_have_the_new_pitch_and_the_old_formants(void **state)
{
	(void)state;
	float *x = new_vowel(SECOND, STEADY, 180, 0.00002), *y = malloc(sizeof(float) * SECOND), *f0 = new_f0(201, 180);
	for (int semitones = -5; semitones <= 7; semitones += 4) {
		double hz = 180 * pow(2, semitones / 12.0);
		float *to = new_f0(201, (float)hz);
		struct world_frames w;
		assert_int_equal(psola_retune(x, SECOND, RATE, f0, to, 201, y, NULL), 0);
		assert_true(fabs(cents_off(y, SECOND, hz)) < 3);
		assert_true(fabs(20 * log10(rms(y, 2000, 22000) / rms(x, 2000, 22000))) < 2.5);
		assert_int_equal(world_analyse(y, SECOND, RATE, to, 201, &w, NULL), 0);
		assert_true(formant_difference(w.envelope + 100 * (size_t)WORLD_BINS) < 5);
		world_frames_release(&w);
		free(to);
	}
	free(x);
	free(y);
	free(f0);
}

static void unvoiced_sound_keeps_its_level_and_colour(void **state)
{
	(void)state;
	float *x = malloc(sizeof(float) * SECOND), *y = malloc(sizeof(float) * SECOND), *f0 = new_f0(201, 0);
	struct rng r = rng_stream(6, "test", 0);
	struct world_frames w;
	double low = 0, high = 0;
	float last = 0;
	for (size_t i = 0; i < SECOND; i++) { /* falls towards high frequencies */
		last = 0.8f * last + 0.05f * rng_gauss(&r);
		x[i] = last;
	}
	assert_int_equal(world_retune(x, SECOND, RATE, f0, f0, 201, 1, y, NULL), 0);
	assert_true(fabs(20 * log10(rms(y, 2000, 22000) / rms(x, 2000, 22000))) < 1);
	assert_int_equal(world_analyse(y, SECOND, RATE, f0, 201, &w, NULL), 0);
	for (int i = 10; i < 190; i++) {
		assert_true(w.aperiodicity[(size_t)i * WORLD_BINS + 30] >= 1);
		low += log10((double)w.envelope[(size_t)i * WORLD_BINS + 40]);
		high += log10((double)w.envelope[(size_t)i * WORLD_BINS + 400]);
	}
	/* 1 / |1 - 0.8 z^-1|^2 at bins 40 and 400 */
	double expect = 10 * log10((1.64 - 1.6 * cos(2 * M_PI * 400 / WORLD_FFT)) / (1.64 - 1.6 * cos(2 * M_PI * 40 / WORLD_FFT)));
	assert_true(fabs(10 * (low - high) / 180 - expect) < 1.5);
	world_frames_release(&w);
	free(x);
	free(y);
	free(f0);
}

static void whatever_comes_in_finite_sound_comes_out(void **state)
{
	(void)state;
	float x[3000], y[3000], z[3000], f0[30], to[30];
	struct world_frames w;
	struct rng r = rng_stream(8, "test", 0);
	memset(x, 0, sizeof(x));
	for (int trial = 0; trial < 24; trial++) {
		const int rate = (const int[]){ RATE, 8000, 48000, 96000, 11025 }[trial % 5];
		size_t n = trial == 0 ? 0 : trial == 1 ? 1 : 3000;
		int frames = trial == 2 ? 0 : trial == 3 ? 1 : 30; /* fewer and more than the sound needs */
		for (int i = 0; i < 30; i++)
			f0[i] = trial < 6 ? 0 : (const float[]){ 1e9f, NAN, -50, INFINITY, 1e-9f, 45, 3000, 200, 0, 11999 }[rng_below(&r, 10)];
		for (size_t i = 0; i < 3000 && trial >= 5; i++)
			x[i] = trial == 7 ? 1 : trial == 8 ? 1000 * rng_gauss(&r) : (float)(i % 120 == 0);
		assert_int_equal(world_analyse(x, n, rate, f0, frames, &w, NULL), 0);
		for (int i = 0; i < frames * WORLD_BINS; i++)
			assert_true(isfinite(w.envelope[i]) && w.envelope[i] >= 0 && w.aperiodicity[i] >= 0 && w.aperiodicity[i] <= 1);
		world_frames_release(&w);
		for (size_t i = 0; i < 3000; i++)
			y[i] = 9;
		assert_int_equal(world_retune(x, n, rate, f0, f0, frames, 1, y, NULL), 0);
		for (size_t i = 0; i < n; i++)
			assert_true(isfinite(y[i]));
		for (int i = 0; i < 30; i++)
			to[i] = trial % 2 ? f0[29 - i] : 300;
		assert_int_equal(psola_retune(x, n, rate, f0, to, frames, z, NULL), 0);
		for (size_t i = 0; i < n; i++)
			assert_true(isfinite(z[i]));
		for (size_t i = n; i < 3000; i++)
			assert_true(y[i] == 9);
		if (trial < 5)
			assert_true(n < 100 || rms(y, 0, n) < 1e-6);
		assert_int_equal(world_track_f0(x, n, rate, 60, 900, f0, frames, NULL), 0);
		for (int i = 0; i < frames; i++)
			assert_true(f0[i] >= 0 && f0[i] < 1200);
	}
}

static void impossible_requests_are_refused(void **state)
{
	(void)state;
	float x[100] = { 0 }, f0[4] = { 5, 5, 5, 5 }, y[100] = { 7 };
	struct madrigal_error err;
	struct world_frames w = { .n = 42 };
	assert_int_equal(world_analyse(x, 100, 100, f0, 4, &w, &err), MADRIGAL_EUSAGE);
	assert_int_equal(w.n, 42);
	assert_int_equal(world_analyse(x, 100, RATE, f0, -1, &w, &err), MADRIGAL_EUSAGE);
	assert_int_equal(world_retune(x, 100, 1000000, f0, f0, 4, 1, y, &err), MADRIGAL_EUSAGE);
	assert_int_equal(psola_retune(x, 100, 1000000, f0, f0, 4, y, &err), MADRIGAL_EUSAGE);
	assert_true(y[0] == 7);
	assert_int_equal(world_track_f0(x, 100, RATE, 400, 300, f0, 4, &err), MADRIGAL_EUSAGE);
	assert_int_equal(world_track_f0(x, 100, RATE, 1, 300, f0, 4, &err), MADRIGAL_EUSAGE);
	assert_int_equal(world_track_f0(x, 100, RATE, 60, 9000, f0, 4, &err), MADRIGAL_EUSAGE);
	assert_true(f0[0] == 5);
}

struct retune_job {
	const float *x;
	float *y;
};

static void *retune_thread(void *arg)
{
	struct retune_job *j = arg;
	float *f0 = new_f0(201, 0), *to = new_f0(201, 260);
	if (world_track_f0(j->x, SECOND, RATE, 60, 900, f0, 201, NULL) < 0 || world_retune(j->x, SECOND, RATE, f0, to, 201, 4, j->y, NULL) < 0)
		j->y[0] = NAN;
	free(f0);
	free(to);
	return NULL;
}

static void threads_give_the_same_bits(void **state)
{
	(void)state;
	float *x = new_vowel(SECOND, VIBRATO, 220, 0.01);
	struct retune_job j[3];
	pthread_t t[2];
	for (int i = 0; i < 3; i++)
		j[i] = (struct retune_job){ x, malloc(sizeof(float) * SECOND) };
	retune_thread(&j[2]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, retune_thread, &j[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	assert_true(rms(j[2].y, 0, SECOND) > 0.01);
	for (int i = 0; i < 2; i++)
		assert_memory_equal(j[i].y, j[2].y, sizeof(float) * SECOND);
	for (int i = 0; i < 3; i++)
		free(j[i].y);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelope_has_the_formants),
		cmocka_unit_test(tracker_follows_steady_gliding_and_trembling_voices),
		cmocka_unit_test(tracker_hears_no_voice_in_noise_or_silence),
		cmocka_unit_test(a_retuned_vowel_has_the_new_pitch_and_the_old_formants),
		cmocka_unit_test(a_clean_vowel_stays_clean_at_any_pitch),
		cmocka_unit_test(grains_at_the_same_pitch_are_the_very_sound),
		cmocka_unit_test(grains_laid_anew_have_the_new_pitch_and_the_old_formants),
		cmocka_unit_test(unvoiced_sound_keeps_its_level_and_colour),
		cmocka_unit_test(whatever_comes_in_finite_sound_comes_out),
		cmocka_unit_test(impossible_requests_are_refused),
		cmocka_unit_test(threads_give_the_same_bits),
	};
	return cmocka_run_group_tests_name("world", tests, NULL, NULL);
}
