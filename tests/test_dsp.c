/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audio/audio.h"
#include "base/rng.h"
#include "dsp/amp.h"
#include "dsp/biquad.h"
#include "dsp/delay.h"
#include "dsp/denormal.h"
#include "dsp/dynamics.h"
#include "dsp/dyneq.h"
#include "dsp/exciter.h"
#include "dsp/limiter.h"
#include "dsp/loudness.h"
#include "dsp/reverb.h"
#include "dsp/saturate.h"
#include "dsp/spectrum.h"
#include "dsp/stereo.h"

#define RATE 48000

static void near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("got %g, wanted %g within %g", got, want, within);
}

static float *room_for(size_t n)
{
	float *x = calloc(n, sizeof *x);
	assert_non_null(x);
	return x;
}

static void sine(float *x, size_t n, double hz, double amplitude)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(amplitude * sin(2 * M_PI * hz * (double)i / RATE));
}

static void noise(float *x, size_t n, double amplitude, uint64_t seed)
{
	struct rng r = rng_stream(seed, "test", 0);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(amplitude * (2 * (double)rng_unit(&r) - 1));
}

static double rms_db(const float *x, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return 10 * log10(sum / (double)n + 1e-30);
}

/* ------------------------------------------------------------------ filters */

/* A filter's measured gain is its formula's. */
static void measured_as_computed(struct biquad b)
{
	float *x = room_for(RATE);
	const double hz[] = { 55, 300, 1000, 4100, 12000 };
	for (size_t k = 0; k < 5; k++) {
		sine(x, RATE, hz[k], 0.5);
		struct eq e = eq_init();
		eq_add(&e, b);
		eq_process(&e, x, NULL, RATE);
		double want = biquad_gain_db(&b, RATE, hz[k]);
		if (want > -80)
			near(rms_db(x + RATE / 2, RATE / 2) - (20 * log10(0.5) - 3.0103), want, 0.02);
	}
	free(x);
}

static void test_biquads(void **state)
{
	(void)state;
	struct biquad b = biquad_highpass(RATE, 100, M_SQRT1_2);
	near(biquad_gain_db(&b, RATE, 100), -3.0103, 0.01);
	near(biquad_gain_db(&b, RATE, 25), -24.1, 0.2);
	near(biquad_gain_db(&b, RATE, 2000), 0, 0.01);
	measured_as_computed(b);
	b = biquad_lowpass(RATE, 1000, M_SQRT1_2);
	near(biquad_gain_db(&b, RATE, 1000), -3.0103, 0.01);
	near(biquad_gain_db(&b, RATE, 20), 0, 0.01);
	measured_as_computed(b);
	b = biquad_peak(RATE, 3000, 1.2, 4.5);
	near(biquad_gain_db(&b, RATE, 3000), 4.5, 0.001);
	near(biquad_gain_db(&b, RATE, 60), 0, 0.05);
	measured_as_computed(b);
	b = biquad_low_shelf(RATE, 200, -6);
	near(biquad_gain_db(&b, RATE, 10), -6, 0.05);
	near(biquad_gain_db(&b, RATE, 200), -3, 0.05);
	near(biquad_gain_db(&b, RATE, 5000), 0, 0.05);
	measured_as_computed(b);
	b = biquad_high_shelf(RATE, 6000, 5);
	near(biquad_gain_db(&b, RATE, 23000), 5, 0.1);
	near(biquad_gain_db(&b, RATE, 6000), 2.5, 0.05);
	near(biquad_gain_db(&b, RATE, 100), 0, 0.05);
	measured_as_computed(b);
	b = biquad_bandpass(RATE, 800, 2);
	near(biquad_gain_db(&b, RATE, 800), 0, 0.001);
	measured_as_computed(b);
	measured_as_computed(biquad_highpass(RATE, 0, 0));
	measured_as_computed(biquad_lowpass(RATE, 1e9, 0.7));
}

static void test_dyneq_as_static(void **state)
{
	(void)state;
	float *x = room_for(RATE), gain[RATE / DYNEQ_STEP];
	for (size_t i = 0; i < RATE / DYNEQ_STEP; i++)
		gain[i] = -6;
	const double hz[] = { 100, 1500, 9000 };
	for (int kind = 0; kind < 2; kind++)
		for (size_t k = 0; k < 3; k++) {
			struct dyneq d = dyneq_init(RATE, kind ? DYNEQ_HIGH_SHELF : DYNEQ_BELL, 1500, kind ? M_SQRT1_2 : 0.8);
			struct biquad b = kind ? biquad_high_shelf(RATE, 1500, -6) : biquad_peak(RATE, 1500, 0.8, -6);
			sine(x, RATE, hz[k], 0.5);
			dyneq_process(&d, x, NULL, gain, RATE);
			near(rms_db(x + RATE / 2, RATE / 2) - (20 * log10(0.5) - 3.0103), biquad_gain_db(&b, RATE, hz[k]), 0.05);
		}
	free(x);
}

/* ------------------------------------------------------------------ dynamics */

static void test_compressor_curve(void **state)
{
	(void)state;
	struct compressor_config c = { .threshold_db = -20, .ratio = 4, .knee_db = 6, .attack_ms = 5, .release_ms = 80 };
	near(compressor_curve_db(&c, -40), -40, 1e-9);
	near(compressor_curve_db(&c, -8), -17, 1e-9);
	near(compressor_curve_db(&c, -20), -20 - 0.5625, 1e-9); /* in the middle of the knee */
	c.max_reduction_db = 3;
	near(compressor_curve_db(&c, 0), -3, 1e-9);
	c.max_reduction_db = 0;
	float *x = room_for(RATE);
	for (double in = -50; in <= 0; in += 5) {
		struct compressor k = compressor_init(RATE, &c);
		for (size_t i = 0; i < RATE; i++) /* a square wave: its peak and its RMS are one */
			x[i] = (float)(pow(10, in / 20) * ((i / 48) % 2 ? 1 : -1));
		compressor_process(&k, x, NULL, NULL, NULL, RATE);
		near(rms_db(x + RATE / 2, RATE / 2), compressor_curve_db(&c, in), 0.05);
	}
	free(x);
}

static void test_compressor_times(void **state)
{
	(void)state;
	struct compressor_config c = { .threshold_db = -20, .ratio = 1e6, .attack_ms = 20, .release_ms = 100 };
	struct compressor k = compressor_init(RATE, &c);
	float *x = room_for(RATE);
	for (size_t i = 0; i < RATE; i++)
		x[i] = 1;
	compressor_process(&k, x, NULL, NULL, NULL, RATE * 20 / 1000);
	near(k.reduction_db, -20 * (1 - exp(-1)), 0.4); /* one time constant */
	compressor_process(&k, x, NULL, NULL, NULL, RATE / 2);
	near(k.reduction_db, -20, 0.1);
	memset(x, 0, RATE * sizeof *x);
	compressor_process(&k, x, NULL, NULL, NULL, RATE / 10);
	near(k.reduction_db, -20 * exp(-1), 0.4);
	/* A key of its own. */
	compressor_reset(&k);
	float *key = room_for(RATE);
	for (size_t i = 0; i < RATE; i++)
		key[i] = 1, x[i] = 0.01f;
	compressor_process(&k, x, NULL, key, NULL, RATE);
	near(rms_db(x + RATE / 2, RATE / 2), -60, 0.1);
	free(key);
	free(x);
}

static void test_deesser(void **state)
{
	(void)state;
	struct deesser_config c = { .hz = 5500, .threshold_db = -34, .ratio = 4, .max_db = 10 };
	float *x = room_for(RATE);
	sine(x, RATE, 300, 0.3);
	deesser_run(RATE, &c, x, RATE);
	near(rms_db(x, RATE), 20 * log10(0.3) - 3.01, 0.02); /* a vowel is left alone */
	noise(x, RATE, 0.3, 1);
	struct eq high = eq_init();
	eq_add(&high, biquad_highpass(RATE, 6000, M_SQRT1_2));
	eq_process(&high, x, NULL, RATE);
	double before = rms_db(x, RATE);
	deesser_run(RATE, &c, x, RATE);
	near(rms_db(x + RATE / 2, RATE / 2), before - 8.5, 2);
	free(x);
}

static void test_saturator(void **state)
{
	(void)state;
	float *x = room_for(RATE), *y = room_for(RATE);
	sine(x, RATE, 1000, 0.001);
	memcpy(y, x, RATE * sizeof *y);
	struct saturator s = saturator_init(RATE, 0.5, 0.2);
	saturator_process(&s, y, NULL, RATE);
	near(rms_db(y + RATE / 2, RATE / 2) - rms_db(x + RATE / 2, RATE / 2), 0, 0.05);
	/* Loud and high: what folds back stays 37 dB below. 15 kHz's third harmonic of 45 kHz would come back as 3 kHz. */
	sine(y, RATE, 15000, 0.7);
	s = saturator_init(RATE, 0.5, 0);
	saturator_process(&s, y, NULL, RATE);
	double whole = rms_db(y, RATE);
	struct eq low = eq_init();
	for (int k = 0; k < 3; k++)
		eq_add(&low, biquad_bandpass(RATE, 3000, 2));
	eq_process(&low, y, NULL, RATE);
	assert_true(rms_db(y + RATE / 2, RATE / 2) < whole - 37);
	/* Loud: softer than it was, never louder than 1/drive allows, and finite for anything. */
	sine(x, RATE, 100, 100);
	saturator_process(&s, x, NULL, RATE);
	for (size_t i = 0; i < RATE; i++)
		assert_true(isfinite(x[i]) && fabsf(x[i]) < 8);
	free(x);
	free(y);
}

/* ------------------------------------------------------------------ space */

/* Share of x's power above hz, dB. */
static double power_above_db(const float *x, size_t n, double hz)
{
	float *y = room_for(n);
	memcpy(y, x, n * sizeof *y);
	struct eq e = eq_init();
	for (int k = 0; k < 4; k++)
		eq_add(&e, biquad_highpass(RATE, hz, M_SQRT1_2));
	eq_process(&e, y, NULL, n);
	double db = rms_db(y + n / 2, n / 2) - rms_db(x + n / 2, n / 2);
	free(y);
	return db;
}

/* More gain, more overtones, about the same level; the cabinet ends at 5 kHz; a soft string through little gain stays itself; silence stays silent. */
static void test_amp(void **state)
{
	(void)state;
	const size_t n = RATE;
	float *x = room_for(n);
	double overtones[3], level[3];
	for (int k = 0; k < 3; k++) {
		struct amp a = amp_init(RATE, k / 2.0, -20);
		sine(x, n, 220, 0.1414);
		amp_process(&a, x, NULL, n);
		overtones[k] = power_above_db(x, n, 500);
		level[k] = rms_db(x + n / 2, n / 2);
		assert_true(power_above_db(x, n, 9000) < -45);
	}
	assert_true(overtones[1] > overtones[0] + 6 && overtones[2] > overtones[1] + 1);
	for (int k = 0; k < 3; k++)
		near(level[k], -20, 4);
	struct amp a = amp_init(RATE, 0.1, -20);
	sine(x, n, 220, 0.001);
	amp_process(&a, x, NULL, n);
	assert_true(power_above_db(x, n, 500) < -40);
	memset(x, 0, n * sizeof *x);
	a = amp_init(RATE, 1, -20);
	amp_process(&a, x, x, n);
	assert_true(rms_db(x, n) < -200);
	free(x);
}

static void test_placement(void **state)
{
	(void)state;
	double l, r;
	pan_gains(0, &l, &r);
	near(l * l + r * r, 1, 1e-12);
	pan_gains(-1, &l, &r);
	near(l, 1, 1e-12);
	near(r, 0, 1e-12);
	float *a = room_for(RATE), *b = room_for(RATE);
	sine(a, RATE, 1000, 0.5);
	memcpy(b, a, RATE * sizeof *b);
	struct placement p = placement_init(RATE, 0, 1, 120);
	placement_process(&p, a, b, RATE);
	near(rms_db(a, RATE), 20 * log10(0.5) - 3.01, 0.01);
	assert_memory_equal(a, b, RATE * sizeof *a);
	/* Left alone, low: ends up in the middle; high: stays. */
	sine(a, RATE, 40, 0.5);
	memset(b, 0, RATE * sizeof *b);
	p = placement_init(RATE, 0, 1, 120);
	placement_process(&p, a, b, RATE);
	assert_true(fabs(rms_db(a + 9600, 28800) - rms_db(b + 9600, 28800)) < 3);
	sine(a, RATE, 4000, 0.5);
	memset(b, 0, RATE * sizeof *b);
	p = placement_init(RATE, 0, 1, 120);
	placement_process(&p, a, b, RATE);
	assert_true(rms_db(b + 9600, 28800) < rms_db(a + 9600, 28800) - 25);
	free(a);
	free(b);
}

static void test_delay(void **state)
{
	(void)state;
	struct delay d;
	struct delay_config c = { .time_s = 0.25, .feedback = 0.5, .low_cut_hz = 20, .high_cut_hz = 20000, .spread = 1 };
	assert_int_equal(delay_init(&d, RATE, &c, NULL), 0);
	float *a = room_for(RATE), *b = room_for(RATE);
	a[0] = b[0] = 1;
	delay_process(&d, a, b, RATE);
	assert_true(fabsf(a[0]) < 1e-6f && fabsf(b[0]) < 1e-6f);
	float right1 = 0, left2 = 0, left1 = 0;
	for (size_t i = 0; i < 40; i++) {
		right1 = fmaxf(right1, fabsf(b[12000 + i]));
		left1 = fmaxf(left1, fabsf(a[12000 + i]));
		left2 = fmaxf(left2, fabsf(a[24000 + i]));
	}
	assert_true(right1 > 0.6f && left1 < 1e-3f && left2 > 0.2f && left2 < right1);
	float *c2 = room_for(RATE), *d2 = room_for(RATE);
	c2[0] = d2[0] = 1;
	delay_reset(&d);
	delay_process(&d, c2, d2, 1000);
	delay_process(&d, c2 + 1000, d2 + 1000, RATE - 1000);
	assert_memory_equal(a, c2, RATE * sizeof *a);
	assert_memory_equal(b, d2, RATE * sizeof *b);
	delay_release(&d);
	free(a), free(b), free(c2), free(d2);
}

/* Reverberation time by Schroeder's backward integration, from -5 to -35 dB, of the octave around hz. */
static double measured_rt60(const float *x, size_t n, double hz)
{
	float *y = room_for(n);
	memcpy(y, x, n * sizeof *y);
	struct eq band = eq_init();
	eq_add(&band, biquad_bandpass(RATE, hz, 1.41));
	eq_add(&band, biquad_bandpass(RATE, hz, 1.41));
	eq_process(&band, y, NULL, n);
	double total = 0, left = 0;
	for (size_t i = 0; i < n; i++)
		total += (double)y[i] * (double)y[i];
	left = total;
	size_t at5 = 0, at35 = 0;
	for (size_t i = 0; i < n; i++) {
		left -= (double)y[i] * (double)y[i];
		double db = 10 * log10(fmax(left / total, 1e-20));
		if (db > -5)
			at5 = i;
		if (db > -35)
			at35 = i;
	}
	free(y);
	return 2.0 * (double)(at35 - at5) / RATE;
}

static void test_reverb_decay(void **state)
{
	(void)state;
	const double times[] = { 0.5, 1.2, 2.4 };
	for (int kind = 0; kind < 2; kind++)
		for (size_t k = 0; k < 3; k++) {
			struct reverb r;
			struct reverb_config c = kind ? reverb_room(times[k]) : reverb_plate(times[k], 20);
			assert_int_equal(reverb_init(&r, RATE, &c, NULL), 0);
			size_t n = (size_t)(RATE * (times[k] * 1.2 + 0.2));
			float *a = room_for(n), *b = room_for(n);
			a[0] = b[0] = 1;
			reverb_process(&r, a, b, n);
			near(measured_rt60(a, n, 500), times[k], times[k] * 0.15);
			near(measured_rt60(b, n, 1000), times[k], times[k] * 0.15);
			assert_true(measured_rt60(a, n, 8000) < times[k] * 0.75); /* damped */
			reverb_release(&r);
			free(a);
			free(b);
		}
}

/* How lush it is: after 120 ms the response is like noise (normalised echo density, Abel and Huang 2006), the sides are unlike, no mode sticks out. */
static void test_reverb_lush(void **state)
{
	(void)state;
	struct reverb r;
	struct reverb_config c = reverb_plate(2, 0);
	assert_int_equal(reverb_init(&r, RATE, &c, NULL), 0);
	size_t n = RATE;
	float *a = room_for(n), *b = room_for(n);
	a[0] = b[0] = 1;
	reverb_process(&r, a, b, n);
	size_t at = RATE * 12 / 100, len = RATE / 50, outside = 0;
	double sigma = sqrt(pow(10, rms_db(a + at, len) / 10)), both = 0;
	for (size_t i = 0; i < len; i++)
		outside += fabs((double)a[at + i]) > sigma;
	assert_true((double)outside / (double)len > 0.27); /* 0.317 for Gaussian noise */
	for (size_t i = 0; i < n; i++)
		both += (double)a[i] * (double)b[i];
	double corr = both / (double)n / sqrt(pow(10, rms_db(a, n) / 10) * pow(10, rms_db(b, n) / 10));
	assert_true(fabs(corr) < 0.25);
	/* Silence in, silence out in the end, and the same bits after a reset. */
	float *c2 = room_for(n), *d2 = room_for(n);
	reverb_reset(&r);
	c2[0] = d2[0] = 1;
	for (size_t i = 0; i < n; i += 100)
		reverb_process(&r, c2 + i, d2 + i, 100);
	assert_memory_equal(a, c2, n * sizeof *a);
	assert_memory_equal(b, d2, n * sizeof *b);
	unsigned was = denormals_off();
	for (int k = 0; k < 10; k++) {
		memset(a, 0, n * sizeof *a);
		memset(b, 0, n * sizeof *b);
		reverb_process(&r, a, b, n);
	}
	denormals_restore(was);
	assert_true(rms_db(a, n) < -150);
	reverb_release(&r);
	free(a), free(b), free(c2), free(d2);
}

/* ------------------------------------------------------------------ air */

static void test_exciter(void **state)
{
	(void)state;
	struct exciter_config c = { .harmonics_db = -6, .noise_db = -9 };
	float *x = room_for(RATE), *y = room_for(RATE);
	noise(x, RATE, 0.2, 3);
	struct eq low = eq_init();
	for (int k = 0; k < 4; k++)
		eq_add(&low, biquad_lowpass(RATE, 10500, 0.9));
	eq_process(&low, x, NULL, RATE);
	memcpy(y, x, RATE * sizeof *y);
	struct exciter e = exciter_init(RATE, &c, 7);
	exciter_process(&e, y, RATE);
	struct eq high = eq_init();
	eq_add(&high, biquad_highpass(RATE, 13000, M_SQRT1_2));
	eq_add(&high, biquad_highpass(RATE, 13000, M_SQRT1_2));
	float *hx = room_for(RATE), *hy = room_for(RATE);
	memcpy(hx, x, RATE * sizeof *hx);
	eq_process(&high, hx, NULL, RATE);
	eq_reset(&high);
	memcpy(hy, y, RATE * sizeof *hy);
	eq_process(&high, hy, NULL, RATE);
	assert_true(rms_db(hy, RATE) > rms_db(hx, RATE) + 5);
	near(rms_db(y, RATE), rms_db(x, RATE), 0.8); /* and the whole is as loud as before */
	memcpy(hy, x, RATE * sizeof *hy);
	exciter_reset(&e);
	exciter_process(&e, hy, 7);
	exciter_process(&e, hy + 7, RATE - 7);
	assert_memory_equal(hy, y, RATE * sizeof *y);
	free(x), free(y), free(hx), free(hy);
}

/* ------------------------------------------------------------------ limiter */

static void under_the_ceiling(float *l, float *r, size_t n, const char *what)
{
	struct limiter lim = limiter_init(RATE, -1);
	limiter_process(&lim, l, r, n);
	struct audio a = { .rate = RATE, .channels = 2, .frames = n, .ch = { l, r } };
	double lufs, peak;
	assert_int_equal(audio_loudness(&a, &lufs, &peak, NULL), 0);
	if (!(peak <= -0.9))
		fail_msg("%s: %.3f dBTP", what, peak);
}

static void test_limiter(void **state)
{
	(void)state;
	size_t n = RATE * 2;
	float *l = room_for(n), *r = room_for(n);
	noise(l, n, 8, 1), noise(r, n, 8, 2);
	under_the_ceiling(l, r, n, "noise at +18 dB");
	for (size_t i = 0; i < n; i++) /* a quarter of the rate, between the samples: 3 dB over them */
		l[i] = r[i] = (float)(3 * sin(2 * M_PI * RATE / 4.0 * (double)i / RATE + M_PI / 4));
	under_the_ceiling(l, r, n, "fs/4");
	memset(l, 0, n * sizeof *l), memset(r, 0, n * sizeof *r);
	for (size_t i = 500; i < n; i += 4801)
		l[i] = 20, r[i + 3] = -20, l[i + 1] = 20;
	under_the_ceiling(l, r, n, "clicks");
	for (size_t i = 0; i < n; i++)
		l[i] = (float)((i / 60) % 2 ? 4 : -4), r[i] = (float)((i / 6000) % 2 ? 4 * sin(0.9 * (double)i) : 0);
	under_the_ceiling(l, r, n, "squares and bursts");
	/* What is soft passes as it is, late by its latency. */
	sine(l, n, 440, 0.5), sine(r, n, 330, 0.5);
	struct limiter lim = limiter_init(RATE, -1);
	limiter_process(&lim, l, r, n);
	for (size_t i = LIMITER_LATENCY; i < n; i++)
		assert_true(fabs((double)l[i] - 0.5 * sin(2 * M_PI * 440 * (double)(i - LIMITER_LATENCY) / RATE)) < 1e-6);
	float *l2 = room_for(n), *r2 = room_for(n);
	noise(l, n, 3, 1), noise(r, n, 3, 2), noise(l2, n, 3, 1), noise(r2, n, 3, 2);
	limiter_reset(&lim);
	limiter_process(&lim, l, r, n);
	limiter_reset(&lim);
	for (size_t i = 0; i < n; i += 250)
		limiter_process(&lim, l2 + i, r2 + i, 250);
	assert_memory_equal(l, l2, n * sizeof *l);
	assert_memory_equal(r, r2, n * sizeof *r);
	free(l), free(r), free(l2), free(r2);
}

/* ------------------------------------------------------------------ measuring */

static void test_loudness_agrees(void **state)
{
	(void)state;
	const int rates[] = { 48000, 44100 };
	for (int k = 0; k < 2; k++) {
		struct audio a;
		assert_int_equal(audio_init(&a, rates[k], 2, (size_t)rates[k] * 12, NULL), 0);
		noise(a.ch[0], a.frames, 0.2, 1), noise(a.ch[1], a.frames, 0.1, 2);
		for (size_t i = a.frames / 2; i < a.frames; i++)
			a.ch[0][i] *= 0.02f, a.ch[1][i] *= 0.02f; /* gated away */
		double lufs;
		assert_int_equal(audio_loudness(&a, &lufs, NULL, NULL), 0);
		float e[130];
		size_t blocks = loudness_blocks(rates[k], a.frames);
		assert_int_equal(blocks, 120);
		loudness_energies(rates[k], a.ch[0], a.ch[1], a.frames, e);
		near(loudness_integrated(e, blocks, NULL), lufs, 0.05);
		audio_release(&a);
	}
	float none[8] = { 0 };
	near(loudness_integrated(none, 8, NULL), -70, 0);
	near(loudness_integrated(none, 0, NULL), -70, 0);
}

static void test_spectrum(void **state)
{
	(void)state;
	float *x = room_for(RATE * 4);
	double power[SPECTRUM_BANDS];
	sine(x, RATE * 4, 1000, 0.5);
	assert_int_equal(spectrum_third_octaves(RATE, x, NULL, RATE * 4, 8192, power, NULL), 0);
	near(10 * log10(power[14]), -9.03, 0.4);
	assert_true(power[14] > 1e4 * power[18]);
	assert_int_equal(spectrum_third_octaves(RATE, x, x, 10, 8192, power, NULL), 0);
	assert_int_equal(spectrum_third_octaves(RATE, x, x, 0, 8192, power, NULL), 0);
	near(power[3], 0, 0);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_biquads), cmocka_unit_test(test_dyneq_as_static), cmocka_unit_test(test_compressor_curve),
		cmocka_unit_test(test_compressor_times), cmocka_unit_test(test_deesser), cmocka_unit_test(test_saturator), cmocka_unit_test(test_amp),
		cmocka_unit_test(test_placement), cmocka_unit_test(test_delay), cmocka_unit_test(test_reverb_decay),
		cmocka_unit_test(test_reverb_lush), cmocka_unit_test(test_exciter), cmocka_unit_test(test_limiter),
		cmocka_unit_test(test_loudness_agrees), cmocka_unit_test(test_spectrum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
