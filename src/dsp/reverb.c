/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/reverb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds; no two have a small common ratio, so the echoes of the lines never fall together. */
static const double line_ms[REVERB_LINES] = { 29.3, 31.9, 34.7, 37.1, 40.3, 42.9, 46.1, 49.3, 52.7, 55.9, 60.1, 63.7, 68.3, 72.7, 77.9, 83.1 };
static const double diffuser_ms[2][REVERB_DIFFUSERS] = { { 4.77, 3.59, 12.73, 9.31 }, { 5.03, 3.41, 13.19, 8.87 } };
static const double tap_ms[2][REVERB_TAPS] = {
	{ 4.3, 9.7, 13.1, 17.9, 22.3, 28.9, 34.1, 41.3, 49.7, 58.1 },
	{ 6.1, 8.3, 14.9, 19.3, 24.7, 27.1, 36.7, 43.9, 47.3, 61.3 },
};
#define DIFFUSION 0.62f

struct reverb_config reverb_plate(double rt60_s, double predelay_ms)
{
	return (struct reverb_config){ .rt60_s = rt60_s, .predelay_ms = predelay_ms, .size = 0.75, .early = 0, .damping_hz = 5200, .low_cut_hz = 220,
	                               .high_cut_hz = 11000, .drift = 0.8 };
}

struct reverb_config reverb_room(double rt60_s)
{
	return (struct reverb_config){ .rt60_s = rt60_s, .predelay_ms = 8, .size = 1, .early = 0.7, .damping_hz = 4200, .low_cut_hz = 160,
	                               .high_cut_hz = 8500, .drift = 0.5 };
}

static uint32_t power_of_two(double at_least)
{
	uint32_t n = 64;
	while (n < at_least)
		n *= 2;
	return n;
}

/* The pole of a one-pole lowpass whose gain at w is `ratio` of that at 0. */
static double absorption_pole(double ratio, double w)
{
	double r2 = ratio * ratio, c = cos(w);
	if (r2 > 0.9999)
		return 0;
	double h = 1 - r2 * c, k = 1 - r2;
	return (h - sqrt(h * h - k * k)) / k;
}

static void lines_init(struct reverb *r, double rate)
{
	const struct reverb_config *c = &r->config;
	r->depth = c->drift * 0.00022 * rate;
	for (int i = 0; i < REVERB_LINES; i++) {
		double seconds = line_ms[i] * 0.001 * c->size, length = seconds * rate;
		r->shortest[i] = (uint32_t)(length - r->depth) - 1;
		r->middle[i] = length - r->shortest[i];
		double hz = 0.31 + 0.067 * ((i * 7) % REVERB_LINES), w = 2 * M_PI * hz * REVERB_STEP / rate;
		r->turn_re[i] = cos(w);
		r->turn_im[i] = sin(w);
		double loss = pow(10, -3 * seconds / c->rt60_s), loss_high = pow(10, -3 * seconds / (c->rt60_s / 2));
		double pole = absorption_pole(loss_high / loss, 2 * M_PI * fmin(c->damping_hz, rate * 0.45) / rate);
		r->gain[i / 4][i % 4] = (float)(loss * (1 - pole));
		r->damp[i / 4][i % 4] = (float)pole;
	}
	r->mask = power_of_two(line_ms[REVERB_LINES - 1] * 0.001 * c->size * rate + r->depth + 4) - 1;
}

static int buffers_init(struct reverb *r, double rate)
{
	lines_init(r, rate);
	for (int i = 0; i < REVERB_LINES; i++) {
		r->line[i] = calloc(r->mask + 1, sizeof *r->line[i]);
		if (!r->line[i])
			return -1;
	}
	for (int c = 0; c < 2; c++) {
		for (int k = 0; k < REVERB_DIFFUSERS; k++) {
			struct reverb_allpass *a = &r->diffuser[c][k];
			a->length = (uint32_t)fmax(lround(diffuser_ms[c][k] * 0.001 * rate), 1);
			a->data = calloc(a->length, sizeof *a->data);
			if (!a->data)
				return -1;
		}
		for (int k = 0; k < REVERB_TAPS; k++)
			r->tap_at[c][k] = (uint32_t)lround(tap_ms[c][k] * 0.001 * rate * r->config.size);
	}
	r->predelay = (uint32_t)lround(r->config.predelay_ms * 0.001 * rate);
	uint32_t size = power_of_two(fmax(r->predelay, r->tap_at[1][REVERB_TAPS - 1]) + 2);
	r->wait_mask = size - 1;
	for (int c = 0; c < 2; c++) {
		r->wait[c] = calloc(size, sizeof *r->wait[c]);
		if (!r->wait[c])
			return -1;
	}
	return 0;
}

int reverb_init(struct reverb *r, double rate, const struct reverb_config *c, struct madrigal_error *err)
{
	struct reverb made = { .config = *c, .input = eq_init() };
	made.config.rt60_s = fmin(fmax(c->rt60_s, 0.1), 20);
	made.config.predelay_ms = fmin(fmax(c->predelay_ms, 0), 250);
	made.config.size = fmin(fmax(c->size, 0.3), 2);
	made.config.drift = fmin(fmax(c->drift, 0), 1);
	eq_add(&made.input, biquad_highpass(rate, c->low_cut_hz, M_SQRT1_2));
	eq_add(&made.input, biquad_lowpass(rate, c->high_cut_hz, M_SQRT1_2));
	for (int k = 0; k < REVERB_TAPS; k++)
		made.tap_gain[k] = (float)(made.config.early * 0.35 * pow(0.84, k) * (k % 3 == 1 ? -1 : 1));
	if (buffers_init(&made, rate) < 0) {
		reverb_release(&made);
		return err_nomem(err);
	}
	/* The energy of an exponential decay grows with its time: the level takes that back. */
	made.level = (float)(0.5 * sqrt(2.0 / fmax(made.config.rt60_s, 0.3)) * sqrt(made.config.size));
	*r = made;
	reverb_reset(r);
	return 0;
}

void reverb_release(struct reverb *r)
{
	for (int i = 0; i < REVERB_LINES; i++)
		free(r->line[i]);
	for (int c = 0; c < 2; c++) {
		for (int k = 0; k < REVERB_DIFFUSERS; k++)
			free(r->diffuser[c][k].data);
		free(r->wait[c]);
	}
	memset(r, 0, sizeof *r);
}

void reverb_reset(struct reverb *r)
{
	for (int i = 0; i < REVERB_LINES; i++) {
		memset(r->line[i], 0, (r->mask + 1) * sizeof(float));
		r->phase_re[i] = cos(i * 2.399963);
		r->phase_im[i] = sin(i * 2.399963);
		r->offset[i / 4][i % 4] = (float)(r->middle[i] + r->depth * r->phase_im[i]);
	}
	memset(r->state, 0, sizeof r->state);
	memset(r->slope, 0, sizeof r->slope);
	for (int c = 0; c < 2; c++) {
		for (int k = 0; k < REVERB_DIFFUSERS; k++) {
			memset(r->diffuser[c][k].data, 0, r->diffuser[c][k].length * sizeof(float));
			r->diffuser[c][k].at = 0;
		}
		memset(r->wait[c], 0, (r->wait_mask + 1) * sizeof(float));
	}
	eq_reset(&r->input);
	r->now = 0;
	r->count = 0;
}

/* Turns every line's oscillator by one step and draws its length as a line to there. */
static void drift(struct reverb *r)
{
	for (int i = 0; i < REVERB_LINES; i++) {
		double re = r->phase_re[i] * r->turn_re[i] - r->phase_im[i] * r->turn_im[i];
		double im = r->phase_re[i] * r->turn_im[i] + r->phase_im[i] * r->turn_re[i];
		double scale = 1.5 - 0.5 * (re * re + im * im); /* keeps the radius at 1 */
		r->phase_re[i] = re * scale;
		r->phase_im[i] = im * scale;
		double want = r->middle[i] + r->depth * r->phase_im[i];
		r->slope[i / 4][i % 4] = (float)((want - (double)r->offset[i / 4][i % 4]) / REVERB_STEP);
	}
}

static float diffuse(struct reverb_allpass *a, float x)
{
	float z = a->data[a->at], v = x - DIFFUSION * z;
	a->data[a->at] = v;
	if (++a->at == a->length)
		a->at = 0;
	return z + DIFFUSION * v;
}

typedef int32_t four_ints __attribute__((vector_size(16)));

/* Fast Walsh-Hadamard transform, scaled to keep the energy: across the fours, then, turned over, across them again. */
static inline void hadamard(reverb_four x[REVERB_FOURS])
{
	for (int round = 0; round < 2; round++) {
		reverb_four a = x[0] + x[1], b = x[0] - x[1], c = x[2] + x[3], d = x[2] - x[3];
		reverb_four p = a + c, q = b + d, r = a - c, s = b - d;
		reverb_four low = __builtin_shufflevector(p, q, 0, 4, 1, 5), high = __builtin_shufflevector(p, q, 2, 6, 3, 7);
		reverb_four low2 = __builtin_shufflevector(r, s, 0, 4, 1, 5), high2 = __builtin_shufflevector(r, s, 2, 6, 3, 7);
		x[0] = __builtin_shufflevector(low, low2, 0, 1, 4, 5) * 0.5f;
		x[1] = __builtin_shufflevector(low, low2, 2, 3, 6, 7) * 0.5f;
		x[2] = __builtin_shufflevector(high, high2, 0, 1, 4, 5) * 0.5f;
		x[3] = __builtin_shufflevector(high, high2, 2, 3, 6, 7) * 0.5f;
	}
}

static void tick(struct reverb *r, float in_left, float in_right, float *out_left, float *out_right)
{
	/* Two patterns of signs that have nothing in common: the sides are unlike, the whole is wide. */
	static const reverb_four left_sign = { 1, -1, 1, -1 }, right_sign = { 1, 1, -1, -1 };
	reverb_four x[REVERB_FOURS], left = { 0 }, right = { 0 }, in = { in_left, in_right, in_left, in_right };
	for (int v = 0; v < REVERB_FOURS; v++) {
		r->offset[v] += r->slope[v];
		four_ints whole = __builtin_convertvector(r->offset[v], four_ints);
		reverb_four part = r->offset[v] - __builtin_convertvector(whole, reverb_four), a, b;
		for (int k = 0; k < 4; k++) {
			uint32_t at = r->now - r->shortest[4 * v + k] - (uint32_t)whole[k];
			a[k] = r->line[4 * v + k][at & r->mask];
			b[k] = r->line[4 * v + k][(at - 1) & r->mask];
		}
		r->state[v] = r->gain[v] * (a + part * (b - a)) + r->damp[v] * r->state[v];
		x[v] = r->state[v];
		left += x[v] * left_sign;
		right += x[v] * right_sign;
	}
	hadamard(x);
	for (int v = 0; v < REVERB_FOURS; v++) {
		x[v] += (v & 1) ? -in : in;
		for (int k = 0; k < 4; k++)
			r->line[4 * v + k][r->now & r->mask] = x[v][k];
	}
	*out_left = left[0] + left[1] + left[2] + left[3];
	*out_right = right[0] + right[1] + right[2] + right[3];
}

void reverb_process(struct reverb *r, float *left, float *right, size_t n)
{
	eq_process(&r->input, left, right, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t now = r->now, mask = r->wait_mask;
		r->wait[0][now & mask] = left[i];
		r->wait[1][now & mask] = right[i];
		float in[2], early[2] = { 0, 0 }, late[2];
		for (int c = 0; c < 2; c++) {
			in[c] = r->wait[c][(now - r->predelay) & mask];
			for (int k = 0; k < REVERB_DIFFUSERS; k++)
				in[c] = diffuse(&r->diffuser[c][k], in[c]);
			if (r->config.early > 0)
				for (int k = 0; k < REVERB_TAPS; k++)
					early[c] += r->tap_gain[k] * r->wait[c ^ (k & 1)][(now - r->tap_at[c][k]) & mask];
		}
		if (r->count == 0)
			drift(r);
		if (++r->count == REVERB_STEP)
			r->count = 0;
		tick(r, in[0], in[1], &late[0], &late[1]);
		left[i] = early[0] + r->level * late[0];
		right[i] = early[1] + r->level * late[1];
		r->now++;
	}
}
