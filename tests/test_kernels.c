/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decoder's kernels against the same sums written out in double precision, for each kind of registers that this processor has: its source is included
 * to reach them all. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "voice/kernels.c"

#define CHANNELS 32

static const struct path {
	const char *name;
	void (*columns)(const struct snake *s, void *scratch, uint8_t *columns, float *scale, uint8_t *zero);
	void (*features)(const int32_t *product, int64_t channels, int64_t frames, const float *bias, float scale, const float *residual, float *ret);
} paths[] = {
	{ "chosen", snake_columns, dequantize },
	{ "any", snake_columns_any, dequantize_any },
#if defined(__x86_64__) && defined(__GNUC__)
	{ "avx2", snake_columns_avx2, dequantize_avx2 },
	{ "avx512", snake_columns_avx512, dequantize_avx512 },
#endif
};
#define PATHS (sizeof paths / sizeof *paths)

static int runs_here(const struct path *p)
{
#if defined(__x86_64__) && defined(__GNUC__)
	if (!strcmp(p->name, "avx2"))
		return __builtin_cpu_supports("avx2");
	if (!strcmp(p->name, "avx512"))
		return HAS_AVX512;
#endif
	(void)p;
	return 1;
}

static float *noise(struct rng *r, size_t n, double middle, double spread)
{
	float *x = malloc(n * sizeof *x);
	assert_non_null(x);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(middle + spread * ((double)rng_unit(r) * 2 - 1));
	return x;
}

/* What snake_columns quantises: [channels][frames]. */
static double *activated(const struct snake *s)
{
	double *ret = malloc((size_t)(s->channels * s->frames) * sizeof *ret);
	assert_non_null(ret);
	for (int64_t c = 0; c < s->channels; c++) {
		const float *x = s->x + c * s->frames;
		double mean = 0, variance = 0;
		for (int64_t t = 0; t < s->frames; t++)
			mean += (double)s->weights[t] * (double)x[t];
		for (int64_t t = 0; t < s->frames; t++)
			variance += (double)s->weights[t] * ((double)x[t] - mean) * ((double)x[t] - mean);
		for (int64_t t = 0; t < s->frames; t++) {
			double y = ((double)x[t] - mean) / sqrt(variance + (double)s->epsilon) * (double)s->gain[c] + (double)s->offset[c];
			double wave = sin((double)s->alpha[c] * y);
			ret[c * s->frames + t] = y + (double)s->reciprocal[c] * wave * wave;
		}
	}
	return ret;
}

/* Every column holds what the kernel sees: half a step of the quantisation from the truth at most, and a hair. */
static void check_columns(const struct path *p, int64_t frames, int64_t kernel, int64_t dilation, int64_t before, int64_t after)
{
	struct rng r = rng_stream((uint64_t)(frames * 31 + kernel), "kernels", 0);
	float *x = noise(&r, (size_t)(CHANNELS * frames), 0.7, 3), *weights = noise(&r, (size_t)frames, 1, 0.9), *gain = noise(&r, CHANNELS, 1, 0.5);
	float *offset = noise(&r, CHANNELS, 0, 1), *alpha = noise(&r, CHANNELS, 4, 3.5), *reciprocal = noise(&r, CHANNELS, 0.5, 0.3);
	double total = 0;
	for (int64_t t = 0; t < frames; t++)
		total += (double)weights[t];
	for (int64_t t = 0; t < frames; t++)
		weights[t] = (float)((double)weights[t] / total);
	const struct snake s = { x, CHANNELS, frames, weights, gain, offset, alpha, reciprocal, 1e-5f, kernel, dilation, { before, after } };
	int64_t rows = snake_rows(&s);
	assert_int_equal(rows, frames + before + after - (kernel - 1) * dilation);
	void *scratch = aligned_alloc(64, (snake_scratch(&s) + 63) / 64 * 64);
	uint8_t *columns = malloc((size_t)(rows * kernel * CHANNELS)), zero;
	float scale;
	assert_true(scratch && columns);
	p->columns(&s, scratch, columns, &scale, &zero);
	double *truth = activated(&s), least = 0, most = 0;
	for (int64_t i = 0; i < CHANNELS * frames; i++) {
		least = fmin(least, truth[i]);
		most = fmax(most, truth[i]);
	}
	assert_true(fabs((double)scale - (most - least) / 255) < 1e-5 * (double)scale * 255);
	for (int64_t t = 0; t < rows; t++)
		for (int64_t k = 0; k < kernel; k++)
			for (int64_t c = 0; c < CHANNELS; c++) {
				int64_t at = t + k * dilation - before;
				double want = at < 0 || at >= frames ? 0 : truth[c * frames + at];
				double got = (double)scale * (columns[(t * kernel + k) * CHANNELS + c] - zero);
				if (fabs(want - got) > 0.51 * (double)scale)
					fail_msg("%s: frame %ld, tap %ld, channel %ld: %g for %g (a step is %g)", p->name, (long)t, (long)k, (long)c, got, want, (double)scale);
			}
	free(x);
	free(weights);
	free(gain);
	free(offset);
	free(alpha);
	free(reciprocal);
	free(scratch);
	free(columns);
	free(truth);
}

static void columns_hold_the_activated_features(void **state)
{
	(void)state;
	for (const struct path *p = paths; p < paths + PATHS; p++) {
		if (!runs_here(p))
			continue;
		check_columns(p, 1, 3, 1, 1, 1);
		check_columns(p, 15, 3, 1, 1, 1);
		check_columns(p, 16, 1, 1, 0, 0);
		check_columns(p, 64, 7, 3, 9, 9);
		check_columns(p, 1000, 11, 5, 25, 25);
		check_columns(p, 333, 3, 5, 2, 11);
	}
}

static void check_features(const struct path *p, struct rng *r, int64_t frames)
{
	size_t n = (size_t)(CHANNELS * frames);
	float *bias = noise(r, CHANNELS, 0, 1), *residual = noise(r, n, 0, 1), *ret = malloc(n * sizeof *ret);
	int32_t *product = malloc(n * sizeof *product);
	assert_true(ret && product);
	for (size_t i = 0; i < n; i++)
		product[i] = (int32_t)rng_below(r, 200001) - 100000;
	for (int added = 0; added < 2; added++) {
		p->features(product, CHANNELS, frames, bias, 0.001f, added ? residual : NULL, ret);
		for (int64_t c = 0; c < CHANNELS; c++)
			for (int64_t t = 0; t < frames; t++) {
				double want = ((double)product[t * CHANNELS + c] + (double)floorf(bias[c] / 0.001f)) * (double)0.001f;
				if (fabs((double)ret[c * frames + t] - want - (added ? (double)residual[c * frames + t] : 0)) >= 2e-5)
					fail_msg("%s: frame %ld of %ld, channel %ld", p->name, (long)t, (long)frames, (long)c);
			}
	}
	free(bias);
	free(residual);
	free(ret);
	free(product);
}

static void features_come_back_scaled_and_added(void **state)
{
	(void)state;
	struct rng r = rng_stream(5, "kernels", 0);
	for (const struct path *p = paths; p < paths + PATHS; p++)
		for (int64_t frames = 1; frames < 200 && runs_here(p); frames += 33)
			check_features(p, &r, frames);
}

static void spectra_are_those_of_the_definition(void **state)
{
	(void)state;
	struct rng r = rng_stream(9, "kernels", 0);
	enum { N = 103, LENGTH = 20, STEP = 5, FRAMES = (N - LENGTH) / STEP + 1, BINS = LENGTH / 2 + 1 };
	float *x = noise(&r, N, 0, 1), *window = noise(&r, LENGTH, 0.5, 0.5), ret[FRAMES * BINS * 2];
	short_spectra(x, N, STEP, window, LENGTH, ret);
	for (int t = 0; t < FRAMES; t++)
		for (int b = 0; b < BINS; b++) {
			double real = 0, imaginary = 0;
			for (int i = 0; i < LENGTH; i++) {
				double v = (double)x[t * STEP + i] * (double)window[i], turn = 2 * M_PI * b * i / LENGTH;
				real += v * cos(turn);
				imaginary -= v * sin(turn);
			}
			assert_true(fabs((double)ret[(t * BINS + b) * 2] - real) < 1e-5);
			assert_true(fabs((double)ret[(t * BINS + b) * 2 + 1] - imaginary) < 1e-5);
			/* What is real has the phase 0 or pi, never -pi. */
			if (b == 0 || b == BINS - 1)
				assert_true(ret[(t * BINS + b) * 2 + 1] > 0);
		}
	free(x);
	free(window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_hold_the_activated_features),
		cmocka_unit_test(features_come_back_scaled_and_added),
		cmocka_unit_test(spectra_are_those_of_the_definition),
	};
	return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
