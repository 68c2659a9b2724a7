/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A look-ahead limiter on true peaks: the signal is oversampled four times to find its peaks between samples (ITU-R BS.1770-4, annex 2); the gain is the running minimum
 * of what the next LIMITER_LOOKAHEAD samples need, released slowly, and smoothed by two running means, so it is already down when the peak comes. */
#ifndef DSP_LIMITER_H
#define DSP_LIMITER_H

#include <stddef.h>
#include <stdint.h>

#define LIMITER_LOOKAHEAD 144 /* samples: 3 ms at 48 kHz */
#define LIMITER_TAPS 16       /* of the oversampling filter, for each phase */
#define LIMITER_LATENCY (LIMITER_LOOKAHEAD + LIMITER_TAPS / 2 - 2)
#define LIMITER_RING 256      /* a power of two, greater than the latency */

struct limiter {
	double ceiling, release_fast, release_slow;
	float phase[3][LIMITER_TAPS];
	float bound;              /* how far above its samples the filter can find a peak, at most */
	float ring[2][LIMITER_RING];
	double held_gain[LIMITER_RING]; uint32_t held_at[LIMITER_RING], first, last; /* ascending: the running minimum */
	double released, slow;
	double mean[2][LIMITER_LOOKAHEAD / 2], sum[2];
	uint32_t now, hot;        /* hot: samples until the filter has forgotten the last one that could make a peak */
	double deepest;           /* smallest gain so far */
};

struct limiter limiter_init(double rate, double ceiling_dbtp);
/* In place, LIMITER_LATENCY samples late: what comes out first is what was before, zeros after a reset. */
void limiter_process(struct limiter *l, float *left, float *right, size_t n);
void limiter_reset(struct limiter *l);

/* A sound of n samples that comes in parts, in place and in time: takes in what lies from *fed up to `until`. Everything before until - LIMITER_LATENCY is finished then; with
 * until = n, all. */
void limiter_advance(struct limiter *l, float *left, float *right, size_t n, size_t *fed, size_t until);
/* A whole sound in place, in time: nothing comes late. */
void limiter_run(double rate, double ceiling_dbtp, float *left, float *right, size_t n);

#endif
