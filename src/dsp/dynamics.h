/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A compressor in the logarithmic domain (Giannoulis, Massberg and Reiss 2012, "Digital Dynamic Range Compressor Design"): feed-forward, soft knee, smoothed after
 * the gain computer. Left and right share one gain. The gain is computed every DYNAMICS_STEP samples and drawn as a line between. */
#ifndef DSP_DYNAMICS_H
#define DSP_DYNAMICS_H

#include <stddef.h>

#define DYNAMICS_STEP 16

struct compressor_config {
	double threshold_db, ratio, knee_db;
	double attack_ms, release_ms;
	double makeup_db;
	double max_reduction_db;  /* 0: without limit */
	int rms;                  /* 0: levels are peaks, 1: root mean squares of DYNAMICS_STEP samples smoothed over 10 ms */
};

struct compressor {
	struct compressor_config config;
	double attack, release, average; /* one-pole coefficients at the step's rate */
	double reduction_db;      /* now, <= 0 */
	double mean_square;
	double gain, slope;       /* now and per sample */
	double acc;
	int count;
	double deepest_db; /* what it did, for meters */
};

/* What the curve makes of a steady level, dB to dB, without makeup. */
double compressor_curve_db(const struct compressor_config *c, double in_db);
struct compressor compressor_init(double rate, const struct compressor_config *c);
/* In place; right may be NULL. key_left and key_right (NULL: the signal itself) set the gain. For look-ahead the key is the signal some samples later:
 * processing in place never touches what is ahead. */
void compressor_process(struct compressor *c, float *left, float *right, const float *key_left, const float *key_right, size_t n);
void compressor_reset(struct compressor *c);

#endif
