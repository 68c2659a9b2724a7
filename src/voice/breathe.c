/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/breathe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/biquad.h"

#define LOWEST_HZ 50.0f
#define PERIODS 1.5            /* on either side of a moment, over which periods are compared */
#define SEARCH 0.03            /* of a period: how far the true one is looked for around the one given */
#define ALIKE_LEAST 0.6        /* of neighbouring periods: below, it is no vowel that could be told from its noise .. */
#define ALIKE_SURE 0.85        /* .. and from here on it is */
#define TAPS 4                 /* on either side, of the interpolation between samples */
#define AIR_HZ 1000            /* below, what differs from period to period is roughness rather than air */

/* The period at each value of f0, samples, and how far its neighbours may be compared, 0..1. */
struct period { float samples, share; };

/* The likeness of x around `at` with itself `lag` samples later, -1..1. */
static double alike(const float *x, size_t n, double at, int lag, int half)
{
	long from = lround(at) - half - lag / 2, to = from + 2 * half;
	double xy = 0, xx = 0, yy = 0;
	if (from < 0 || to + lag >= (long)n)
		return 0;
	for (long i = from; i < to; i++) {
		double a = (double)x[i], b = (double)x[i + lag];
		xy += a * b, xx += a * a, yy += b * b;
	}
	return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

static struct period period_at(const float *x, size_t n, double at, double period)
{
	int half = (int)(PERIODS * period), reach = (int)ceil(SEARCH * period), middle = (int)lround(period), best = middle;
	double most = -1;
	for (int lag = middle - reach; lag <= middle + reach; lag++) {
		double v = alike(x, n, at, lag, half);
		if (v > most) {
			most = v;
			best = lag;
		}
	}
	double left = alike(x, n, at, best - 1, half), right = alike(x, n, at, best + 1, half), curve = 2 * most - left - right;
	double off = curve > 0 ? fmax(-0.5, fmin(0.5, 0.5 * (right - left) / curve)) : 0;
	return (struct period){ (float)(best + off), (float)fmax(0, fmin(1, (most - ALIKE_LEAST) / (ALIKE_SURE - ALIKE_LEAST))) };
}

/* Between samples, by a sinc under a cosine's square. */
static double between(const float *x, size_t n, double at)
{
	long k = (long)floor(at);
	double part = at - (double)k, sum = 0;
	if (k < TAPS || k + TAPS >= (long)n)
		return 0;
	if (part < 1e-6)
		return (double)x[k];
	double s = sin(M_PI * part) / M_PI;
	for (int i = 1 - TAPS; i <= TAPS; i++) {
		double d = part - i, window = cos(M_PI_2 * d / TAPS);
		sum += (double)x[k + i] * (i % 2 ? -s : s) / d * window * window;
	}
	return sum;
}

/* What each sample has that its neighbours a period away have not, as far as they may be compared. */
static void differences(const float *x, size_t n, const struct period *p, double step, int n_p, float *ret)
{
	for (size_t i = 0; i < n; i++) {
		double at = fmax(0, fmin(n_p - 1.001, (double)i / step - 0.5));
		int k = (int)at;
		double part = at - k, share = (1 - part) * (double)p[k].share + part * (double)p[k + 1].share;
		ret[i] = 0;
		if (share <= 0)
			continue;
		double a = (double)p[k].samples, b = (double)p[k + 1].samples, period = a <= 0 ? b : b <= 0 ? a : a + part * (b - a);
		ret[i] = (float)(share * ((double)x[i] - 0.5 * (between(x, n, (double)i - period) + between(x, n, (double)i + period))));
	}
}

static void backwards(float *x, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		float v = x[i];
		x[i] = x[n - 1 - i];
		x[n - 1 - i] = v;
	}
}

/* Forwards and backwards: what is added to a sound must not lag behind it. */
static void air_only(float *x, size_t n, int rate)
{
	for (int pass = 0; pass < 2; pass++) {
		struct eq air = eq_init();
		eq_add(&air, biquad_highpass(rate, AIR_HZ, M_SQRT1_2));
		eq_process(&air, x, NULL, n);
		backwards(x, n);
	}
}

int breathe(float *x, size_t n, int rate, const float *f0, double step_s, int n_f0, float db, struct madrigal_error *err)
{
	double step = step_s * rate, gain = 0.5 * (pow(10, fmax(-BREATHE_MOST_DB, fmin(BREATHE_MOST_DB, (double)db)) / 20) - 1);
	if (db == 0 || n == 0 || n_f0 < 2)
		return 0;
	struct period *p = calloc((size_t)n_f0, sizeof *p);
	float *y = malloc(sizeof *y * n);
	if (!p || !y) {
		free(p);
		free(y);
		return err_nomem(err);
	}
	for (int i = 0; i < n_f0; i++)
		if (f0[i] >= LOWEST_HZ && i > 0 && i + 1 < n_f0 && f0[i - 1] >= LOWEST_HZ && f0[i + 1] >= LOWEST_HZ)
			p[i] = period_at(x, n, (i + 0.5) * step, rate / (double)f0[i]);
	differences(x, n, p, step, n_f0, y);
	air_only(y, n, rate);
	for (size_t i = 0; i < n; i++)
		x[i] += (float)(gain * (double)y[i]);
	free(p);
	free(y);
	return 0;
}
