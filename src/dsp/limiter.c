/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/limiter.h"

#include <math.h>
#include <string.h>

#define HALF (LIMITER_LOOKAHEAD / 2)
#define MASK (LIMITER_RING - 1)

struct limiter limiter_init(double rate, double ceiling_dbtp)
{
	struct limiter l = { .ceiling = pow(10, ceiling_dbtp / 20), .release_fast = 1 - exp(-1 / (rate * 0.040)), .release_slow = 1 - exp(-1 / (rate * 0.300)) };
	for (int p = 0; p < 3; p++) {
		double sum = 0, magnitude = 0, tap[LIMITER_TAPS];
		for (int k = 0; k < LIMITER_TAPS; k++) {
			/* A windowed sinc, read a quarter, a half and three quarters of a sample after the middle. */
			double t = k - (LIMITER_TAPS / 2 - 1) - (p + 1) / 4.0, w = cos(M_PI * t / LIMITER_TAPS);
			tap[k] = sin(M_PI * t) / (M_PI * t) * w * w;
			sum += tap[k];
		}
		for (int k = 0; k < LIMITER_TAPS; k++) {
			l.phase[p][k] = (float)(tap[k] / sum);
			magnitude += fabs(tap[k] / sum);
		}
		l.bound = fmaxf(l.bound, (float)magnitude);
	}
	limiter_reset(&l);
	return l;
}

void limiter_reset(struct limiter *l)
{
	memset(l->ring, 0, sizeof l->ring);
	l->first = l->last = l->now = l->hot = 0;
	l->released = l->slow = l->deepest = 1;
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < HALF; i++)
			l->mean[k][i] = 1;
		l->sum[k] = HALF;
	}
}

/* The highest of the samples around now - LIMITER_TAPS / 2, and of the curve between it and the next one. */
static float true_peak(const struct limiter *l)
{
	uint32_t start = l->now - (LIMITER_TAPS - 1);
	float peak = 0;
	for (int c = 0; c < 2; c++) {
		float x[LIMITER_TAPS];
		for (uint32_t k = 0; k < LIMITER_TAPS; k++)
			x[k] = l->ring[c][(start + k) & MASK];
		peak = fmaxf(peak, fmaxf(fabsf(x[LIMITER_TAPS / 2 - 1]), fabsf(x[LIMITER_TAPS / 2])));
		for (int p = 0; p < 3; p++) {
			float sum = 0;
			for (int k = 0; k < LIMITER_TAPS; k++)
				sum += l->phase[p][k] * x[k];
			peak = fmaxf(peak, fabsf(sum));
		}
	}
	return peak;
}

/* The least of the last LIMITER_LOOKAHEAD gains, by a queue that only ever rises. */
static double running_minimum(struct limiter *l, double gain)
{
	while (l->last != l->first && l->held_gain[(l->last - 1) & MASK] >= gain)
		l->last--;
	l->held_gain[l->last & MASK] = gain;
	l->held_at[l->last & MASK] = l->now;
	l->last++;
	if (l->now - l->held_at[l->first & MASK] >= LIMITER_LOOKAHEAD)
		l->first++;
	return l->held_gain[l->first & MASK];
}

static double smooth(struct limiter *l, double gain)
{
	uint32_t at = l->now % HALF;
	for (int k = 0; k < 2; k++) {
		l->sum[k] += gain - l->mean[k][at];
		l->mean[k][at] = gain;
		gain = l->sum[k] / HALF;
	}
	return fmin(gain, 1);
}

void limiter_process(struct limiter *l, float *left, float *right, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		l->ring[0][l->now & MASK] = left[i];
		l->ring[1][l->now & MASK] = right[i];
		/* Where no sample is high enough for the filter to find a peak, it need not look. */
		if (fmaxf(fabsf(left[i]), fabsf(right[i])) * l->bound > (float)l->ceiling)
			l->hot = LIMITER_TAPS;
		double peak = l->hot ? (double)true_peak(l) : 0, need = peak > l->ceiling ? l->ceiling / peak : 1;
		l->hot -= l->hot > 0;
		double least = running_minimum(l, need);
		/* Down at once. Up quickly to where it has been for long, slowly from there: a lone peak leaves no hole, a loud passage does not pump. */
		l->slow += ((least < l->slow ? 4 : 1) * l->release_slow) * (least - l->slow);
		double goal = least > l->released ? l->released + (l->released < l->slow ? l->release_fast : l->release_slow) * (least - l->released) : least;
		l->released = goal;
		double gain = smooth(l, goal);
		l->deepest = fmin(l->deepest, gain);
		uint32_t out = (l->now - LIMITER_LATENCY) & MASK;
		left[i] = (float)((double)l->ring[0][out] * gain);
		right[i] = (float)((double)l->ring[1][out] * gain);
		l->now++;
	}
}

void limiter_advance(struct limiter *l, float *left, float *right, size_t n, size_t *fed, size_t until)
{
	float a[512], b[512];
	size_t end = until < n ? until : n + LIMITER_LATENCY;
	for (size_t at = *fed, len; at < end; at += len) {
		len = end - at < 512 ? end - at : 512;
		size_t have = at < n ? (n - at < len ? n - at : len) : 0;
		if (have) {
			memcpy(a, left + at, have * sizeof *a);
			memcpy(b, right + at, have * sizeof *b);
		}
		memset(a + have, 0, (len - have) * sizeof *a);
		memset(b + have, 0, (len - have) * sizeof *b);
		limiter_process(l, a, b, len);
		for (size_t k = 0; k < len; k++)
			if (at + k >= LIMITER_LATENCY) {
				left[at + k - LIMITER_LATENCY] = a[k];
				right[at + k - LIMITER_LATENCY] = b[k];
			}
	}
	*fed = end;
}

void limiter_run(double rate, double ceiling_dbtp, float *left, float *right, size_t n)
{
	struct limiter l = limiter_init(rate, ceiling_dbtp);
	size_t fed = 0;
	limiter_advance(&l, left, right, n, &fed, n);
}
