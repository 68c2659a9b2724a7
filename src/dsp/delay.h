/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ping-pong echo: a mono send answers right, left, right, ... each time softer and duller. */
#ifndef DSP_DELAY_H
#define DSP_DELAY_H

#include <stddef.h>

#include "base/err.h"
#include "dsp/biquad.h"

#define DELAY_MAX_S 4.0

struct delay_config {
	double time_s;            /* of one echo, at most DELAY_MAX_S */
	double feedback;          /* 0..0.9: each echo against the one before */
	double low_cut_hz, high_cut_hz;
	double spread;            /* 0 all in the middle .. 1 hard left and right */
};

struct delay {
	struct delay_config config;
	float *line[2];           /* owned */
	size_t length, at;
	struct eq filter;         /* in the loop: left and right */
	double near_gain, far_gain;
};

int delay_init(struct delay *d, double rate, const struct delay_config *c, struct madrigal_error *err) MUST_CHECK;
void delay_release(struct delay *d);
/* left and right: the send coming in (their sum counts), the echoes alone going out. */
void delay_process(struct delay *d, float *left, float *right, size_t n);
void delay_reset(struct delay *d);

#endif
