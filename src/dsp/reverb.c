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

static int line_init(struct reverb_line *l, double rate, const struct reverb_config *c, int i)
{
	double seconds = line_ms[i] * 0.001 * c->size;
	l->length = seconds * rate;
	l->depth = c->drift * 0.00022 * rate;
	uint32_t size = power_of_two(l->length + l->depth + 4);
	l->mask = size - 1;
	l->data = calloc(size, sizeof *l->data);
	if (!l->data)
		return -1;
	double hz = 0.31 + 0.067 * ((i * 7) % REVERB_LINES), w = 2 * M_PI * hz * REVERB_STEP / rate;
	l->turn_re = cos(w);
	l->turn_im = sin(w);
	double loss = pow(10, -3 * seconds / c->rt60_s), loss_high = pow(10, -3 * seconds / (c->rt60_s / 2));
	double pole = absorption_pole(loss_high / loss, 2 * M_PI * fmin(c->damping_hz, rate * 0.45) / rate);
	l->gain = (float)(loss * (1 - pole));
	l->damp = (float)pole;
	return 0;
}

static int buffers_init(struct reverb *r, double rate)
{
	for (int i = 0; i < REVERB_LINES; i++)
		if (line_init(&r->line[i], rate, &r->config, i) < 0)
			return -1;
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
		free(r->line[i].data);
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
		struct reverb_line *l = &r->line[i];
		memset(l->data, 0, (l->mask + 1) * sizeof *l->data);
		l->state = 0;
		l->phase_re = cos(i * 2.399963);
		l->phase_im = sin(i * 2.399963);
		l->read = l->length + l->depth * l->phase_im;
		l->read_slope = 0;
	}
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
		struct reverb_line *l = &r->line[i];
		double re = l->phase_re * l->turn_re - l->phase_im * l->turn_im, im = l->phase_re * l->turn_im + l->phase_im * l->turn_re;
		double scale = 1.5 - 0.5 * (re * re + im * im); /* keeps the radius at 1 */
		l->phase_re = re * scale;
		l->phase_im = im * scale;
		l->read_slope = (l->length + l->depth * l->phase_im - l->read) / REVERB_STEP;
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

/* Fast Walsh-Hadamard transform, scaled to keep the energy. */
static void hadamard(float *x)
{
	for (int h = 1; h < REVERB_LINES; h *= 2)
		for (int i = 0; i < REVERB_LINES; i += 2 * h)
			for (int j = i; j < i + h; j++) {
				float a = x[j], b = x[j + h];
				x[j] = a + b;
				x[j + h] = a - b;
			}
	for (int i = 0; i < REVERB_LINES; i++)
		x[i] *= 0.25f;
}

static void tick(struct reverb *r, float in_left, float in_right, float *out_left, float *out_right)
{
	float x[REVERB_LINES], left = 0, right = 0;
	for (int i = 0; i < REVERB_LINES; i++) {
		struct reverb_line *l = &r->line[i];
		l->read += l->read_slope;
		uint32_t whole = (uint32_t)l->read;
		float part = (float)(l->read - whole);
		float a = l->data[(r->now - whole) & l->mask], b = l->data[(r->now - whole - 1) & l->mask];
		l->state = l->gain * (a + part * (b - a)) + l->damp * l->state;
		x[i] = l->state;
		/* Two patterns of signs that have nothing in common: the sides are unlike, the whole is wide. */
		left += (i & 1) ? -x[i] : x[i];
		right += (i & 2) ? -x[i] : x[i];
	}
	hadamard(x);
	for (int i = 0; i < REVERB_LINES; i++) {
		float in = (i & 1) ? in_right : in_left;
		r->line[i].data[r->now & r->line[i].mask] = x[i] + ((i & 4) ? -in : in);
	}
	*out_left = left;
	*out_right = right;
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
