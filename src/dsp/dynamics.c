/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/dynamics.h"

#include <math.h>

double compressor_curve_db(const struct compressor_config *c, double in_db)
{
	double over = in_db - c->threshold_db, out = in_db;
	double slope = 1 / fmax(c->ratio, 1) - 1;
	if (2 * over > c->knee_db)
		out += slope * over;
	else if (c->knee_db > 0 && 2 * over > -c->knee_db)
		out += slope * (over + c->knee_db / 2) * (over + c->knee_db / 2) / (2 * c->knee_db);
	if (c->max_reduction_db > 0 && out < in_db - c->max_reduction_db)
		out = in_db - c->max_reduction_db;
	return out;
}

static double one_pole(double rate, double ms)
{
	return ms > 0 ? exp(-DYNAMICS_STEP / (rate * ms * 0.001)) : 0;
}

struct compressor compressor_init(double rate, const struct compressor_config *config)
{
	struct compressor c = { .config = *config };
	c.attack = one_pole(rate, config->attack_ms);
	c.release = one_pole(rate, config->release_ms);
	c.average = config->rms ? one_pole(rate, 10) : 0;
	compressor_reset(&c);
	return c;
}

void compressor_reset(struct compressor *c)
{
	c->reduction_db = c->mean_square = c->acc = c->slope = 0;
	c->gain = pow(10, c->config.makeup_db / 20);
	c->count = 0;
	c->deepest_db = 0;
}

static void step(struct compressor *c)
{
	double power = c->acc;
	if (c->config.rms) {
		c->mean_square = c->average * c->mean_square + (1 - c->average) * c->acc / DYNAMICS_STEP;
		power = c->mean_square;
	}
	double level = 10 * log10(power + 1e-12);
	double want = compressor_curve_db(&c->config, level) - level;
	double k = want < c->reduction_db ? c->attack : c->release;
	c->reduction_db = k * c->reduction_db + (1 - k) * want;
	double target = pow(10, (c->reduction_db + c->config.makeup_db) / 20);
	c->slope = (target - c->gain) / DYNAMICS_STEP;
	if (c->reduction_db < c->deepest_db)
		c->deepest_db = c->reduction_db;
	c->acc = 0;
	c->count = 0;
}

void compressor_process(struct compressor *c, float *left, float *right, const float *key_left, const float *key_right, size_t n)
{
	if (!key_left) {
		key_left = left;
		key_right = right;
	}
	for (size_t i = 0; i < n; i++) {
		double l = (double)key_left[i], r = key_right ? (double)key_right[i] : l;
		double p = l * l, q = r * r;
		if (c->config.rms)
			c->acc += (p + q) / 2;
		else
			c->acc = fmax(c->acc, fmax(p, q));
		if (++c->count == DYNAMICS_STEP)
			step(c);
		c->gain += c->slope;
		left[i] = (float)((double)left[i] * c->gain);
		if (right)
			right[i] = (float)((double)right[i] * c->gain);
	}
}
