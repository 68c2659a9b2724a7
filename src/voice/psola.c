/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marks are where the energy of each period lies: the phase is the integral of f0, its zero is where the half-wave's energy, averaged over some periods, has
 * its middle. So marks fall between samples and do not jitter, as picked peaks would. */
#include "voice/psola.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "voice/world.h"
#include "voice/world_internal.h"

#define UNVOICED_STEP_S 0.004
#define MOST_RATIO 4.0
#define TAPS 32            /* of the interpolation between samples */
#define LEAST_PERIOD 4     /* samples; bounds the number of marks */

struct mark {
	double at;             /* sample */
	int voiced;
};

struct psola {
	const float *x;
	size_t n;
	int rate, n_frames;
	float *f0;             /* refined */
	double *phase;         /* [n] integral of f0, in periods */
	double *middle;        /* [n_frames] of the period's energy, in periods, unwrapped */
	struct mark *marks;
	int n_marks, most_marks;
	float *out;
};

static int psola_open(struct psola *p)
{
	p->most_marks = (int)(p->n / LEAST_PERIOD) + 16;
	p->f0 = malloc(sizeof(float) * ((size_t)p->n_frames + 1));
	p->phase = malloc(sizeof(double) * (p->n + 1));
	p->middle = calloc((size_t)p->n_frames + 1, sizeof(double));
	p->marks = malloc(sizeof(*p->marks) * (size_t)p->most_marks);
	p->out = calloc(p->n + 1, sizeof(float));
	return p->f0 && p->phase && p->middle && p->marks && p->out ? 0 : MADRIGAL_EMEMORY;
}

static void psola_close(struct psola *p)
{
	free(p->f0);
	free(p->phase);
	free(p->middle);
	free(p->marks);
	free(p->out);
}

/* +1 or -1: which way the voice's peaks point. */
static float polarity(const struct psola *p)
{
	double skew = 0;
	for (size_t i = 0; i < p->n; i++)
		skew += (double)(p->x[i] * p->x[i] * p->x[i]);
	return skew < 0 ? -1 : 1;
}

/* p->middle at each voiced frame. */
static void find_middles(struct psola *p)
{
	float side = polarity(p);
	double before = 0;
	for (int j = 0; j < p->n_frames; j++) {
		double re = 0, im = 0;
		double f0 = (double)p->f0[j];
		if (f0 <= 0) {
			before = 0;
			continue;
		}
		long centre = lround(j * WORLD_HOP_S * p->rate), half = lround(p->rate * fmax(0.012, 2 / f0));
		for (long i = centre - half; i <= centre + half; i++) {
			if (i < 0 || (size_t)i >= p->n)
				continue;
			double v = fmax((double)(side * p->x[i]), 0), a = 2 * M_PI * p->phase[i];
			double w = (0.5 + 0.5 * cos(M_PI * (double)(i - centre) / (double)half)) * v * v;
			re += w * cos(a);
			im += w * sin(a);
		}
		double m = atan2(im, re) / (2 * M_PI), most = 0.3 * f0 * WORLD_HOP_S;
		if (j > 0 && p->f0[j - 1] > 0) { /* goes on where it was, so slowly that marks never run backwards */
			double step = m - before;
			step -= round(step);
			m = before + fmin(fmax(step, -most), most);
		}
		p->middle[j] = before = m;
	}
}

/* Phase in periods from the marks' zero at sample i, of a voiced one. */
static double marked_phase(const struct psola *p, size_t i)
{
	double at = fmin((double)i / p->rate / WORLD_HOP_S, p->n_frames - 1);
	int j = (int)at, k = j + 1 < p->n_frames ? j + 1 : j;
	double a = at - j;
	if (p->f0[j] <= 0)
		return p->phase[i] - p->middle[k];
	if (p->f0[k] <= 0)
		return p->phase[i] - p->middle[j];
	return p->phase[i] - (p->middle[j] + a * (p->middle[k] - p->middle[j]));
}

static void add_mark(struct psola *p, double at, int voiced)
{
	if (p->n_marks < p->most_marks)
		p->marks[p->n_marks++] = (struct mark){ at, voiced };
}

/* Marks from the last one, or the start, up to `to`, evenly, for a stretch that is unvoiced; not at its ends. */
static void fill_unvoiced(struct psola *p, double to)
{
	double from = p->n_marks > 0 ? p->marks[p->n_marks - 1].at : 0, step = UNVOICED_STEP_S * p->rate;
	int parts = (int)lround((to - from) / step);
	if (p->n_marks == 0)
		add_mark(p, 0, 0);
	for (int k = 1; k < parts; k++)
		add_mark(p, from + (to - from) * k / parts, 0);
}

static void find_marks(struct psola *p)
{
	double total = 0;
	for (size_t i = 0; i < p->n; i++) {
		total += world_f0_at(p->f0, p->n_frames, p->rate, (double)i) / p->rate;
		p->phase[i] = total;
	}
	find_middles(p);
	double before = 0;
	int was = 0, fresh = 1; /* fresh: no mark yet in this voiced stretch */
	for (size_t i = 0; i < p->n; i++) {
		int voiced = world_f0_at(p->f0, p->n_frames, p->rate, (double)i) > 0;
		double now = voiced ? marked_phase(p, i) : 0;
		if (!voiced) {
			fresh = 1;
		} else if (was && floor(now) > floor(before)) {
			double at = (double)i - (now - floor(now)) / (now - before);
			if (fresh)
				fill_unvoiced(p, at);
			if (p->n_marks == 0 || at - p->marks[p->n_marks - 1].at >= LEAST_PERIOD)
				add_mark(p, at, 1);
			fresh = 0;
		}
		was = voiced;
		before = now;
	}
	fill_unvoiced(p, (double)p->n);
	add_mark(p, (double)p->n, 0);
}

/* Adds the grain of mark k, laid at `at`, times gain. Its window is 1 at the mark and 0 at the neighbouring ones. */
static void lay(struct psola *p, int k, double at, double gain)
{
	const struct mark *m = p->marks + k;
	double left = k > 0 ? m->at - m[-1].at : 1, right = k + 1 < p->n_marks ? m[1].at - m->at : 1;
	double source = m->at - at, whole = floor(source), part = source - whole;
	float tap[TAPS];
	for (int t = 0; t < TAPS; t++) { /* sinc under a Hann window */
		double d = t - (TAPS / 2 - 1) - part;
		double w = 0.5 + 0.5 * cos(M_PI * d / (TAPS / 2));
		tap[t] = (float)(fabs(d) < 1e-9 ? 1 : sin(M_PI * d) / (M_PI * d) * w);
	}
	for (long i = (long)ceil(at - left); i <= (long)floor(at + right); i++) {
		double d = (double)i - at;
		float v = 0;
		if (i < 0 || (size_t)i >= p->n)
			continue;
		for (int t = 0; t < TAPS; t++) {
			long s = i + (long)whole + t - (TAPS / 2 - 1);
			if (s >= 0 && (size_t)s < p->n)
				v += tap[t] * p->x[s];
		}
		double w = 0.5 + 0.5 * cos(M_PI * d / (d < 0 ? left : right));
		p->out[i] += (float)(gain * w) * v;
	}
}

/* The voiced marks from..to (inclusive) laid at the periods of f0_out. */
static void lay_voiced(struct psola *p, int from, int to, const float *f0_in, const float *f0_out)
{
	int k = from;
	double at = p->marks[from].at, end = p->marks[to].at;
	while (at <= end + 0.5) {
		while (k < to && p->marks[k + 1].at - at < at - p->marks[k].at)
			k++;
		double own = world_f0_at(p->f0, p->n_frames, p->rate, p->marks[k].at), new = world_f0_at(f0_out, p->n_frames, p->rate, at);
		double period = k < to ? p->marks[k + 1].at - p->marks[k].at : p->rate / own;
		double ratio = fmin(fmax(new / own, 1 / MOST_RATIO), MOST_RATIO);
		/* A pitch that is to stay gives back the very sound, however poor the estimate. */
		if (new <= 0 || new == world_f0_at(f0_in, p->n_frames, p->rate, at))
			ratio = 1;
		lay(p, k, at, 1 / sqrt(ratio));
		at += fmax(period / ratio, 1);
	}
}

int psola_retune(const float *x, size_t n, int rate, const float *f0_in, const float *f0_out, int n_frames, float *out,
                 struct madrigal_error *err)
{
	struct psola p = { .x = x, .n = n, .rate = rate, .n_frames = n_frames };
	int rc = world_check(n, rate, n_frames, err);
	if (rc < 0)
		return rc;
	if (n == 0 || n_frames == 0) {
		memcpy(out, x, sizeof(float) * n);
		return 0;
	}
	if (psola_open(&p) < 0) {
		psola_close(&p);
		return err_nomem(err);
	}
	for (int i = 0; i < n_frames; i++) {
		double f = world_valid_f0(f0_in[i], rate);
		p.f0[i] = f > 0 ? (float)world_refine_f0(x, n, rate, i * WORLD_HOP_S, f) : 0;
	}
	find_marks(&p);
	for (int k = 0; k < p.n_marks;) {
		int to = k;
		while (p.marks[k].voiced && to + 1 < p.n_marks && p.marks[to + 1].voiced)
			to++;
		if (p.marks[k].voiced)
			lay_voiced(&p, k, to, f0_in, f0_out);
		else
			lay(&p, k, p.marks[k].at, 1);
		k = to + 1;
	}
	memcpy(out, p.out, sizeof(float) * n);
	psola_close(&p);
	return 0;
}
