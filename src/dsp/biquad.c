/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/biquad.h"

#include <assert.h>
#include <complex.h>
#include <math.h>
#include <string.h>

struct angle { double cosine, alpha; };

static struct angle angle_of(double rate, double hz, double q)
{
	double f = fmin(fmax(hz, 1), rate * 0.49);
	double w = 2 * M_PI * f / rate;
	return (struct angle){ cos(w), sin(w) / (2 * fmax(q, 0.01)) };
}

static struct biquad normalised(double b0, double b1, double b2, double a0, double a1, double a2)
{
	return (struct biquad){ b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0 };
}

struct biquad biquad_highpass(double rate, double hz, double q)
{
	struct angle w = angle_of(rate, hz, q);
	double b = (1 + w.cosine) / 2;
	return normalised(b, -2 * b, b, 1 + w.alpha, -2 * w.cosine, 1 - w.alpha);
}

struct biquad biquad_lowpass(double rate, double hz, double q)
{
	struct angle w = angle_of(rate, hz, q);
	double b = (1 - w.cosine) / 2;
	return normalised(b, 2 * b, b, 1 + w.alpha, -2 * w.cosine, 1 - w.alpha);
}

struct biquad biquad_bandpass(double rate, double hz, double q)
{
	struct angle w = angle_of(rate, hz, q);
	return normalised(w.alpha, 0, -w.alpha, 1 + w.alpha, -2 * w.cosine, 1 - w.alpha);
}

struct biquad biquad_peak(double rate, double hz, double q, double db)
{
	struct angle w = angle_of(rate, hz, q);
	double a = pow(10, db / 40);
	return normalised(1 + w.alpha * a, -2 * w.cosine, 1 - w.alpha * a, 1 + w.alpha / a, -2 * w.cosine, 1 - w.alpha / a);
}

/* sign 1: low shelf, -1: high shelf; the two differ by the sign of the cosine. */
static struct biquad shelf(double rate, double hz, double db, int sign)
{
	struct angle w = angle_of(rate, hz, M_SQRT1_2);
	double a = pow(10, db / 40), c = sign * w.cosine, s = 2 * sqrt(a) * w.alpha;
	return normalised(a * ((a + 1) - (a - 1) * c + s), sign * 2 * a * ((a - 1) - (a + 1) * c), a * ((a + 1) - (a - 1) * c - s),
	                  (a + 1) + (a - 1) * c + s, sign * -2 * ((a - 1) + (a + 1) * c), (a + 1) + (a - 1) * c - s);
}

struct biquad biquad_low_shelf(double rate, double hz, double db)
{
	return shelf(rate, hz, db, 1);
}

struct biquad biquad_high_shelf(double rate, double hz, double db)
{
	return shelf(rate, hz, db, -1);
}

double biquad_gain_db(const struct biquad *b, double rate, double hz)
{
	double w = 2 * M_PI * hz / rate;
	double complex z = cos(w) - sin(w) * (double complex)I;
	double complex h = (b->b0 + b->b1 * z + b->b2 * z * z) / (1 + b->a1 * z + b->a2 * z * z);
	return 20 * log10(cabs(h) + 1e-12);
}

struct eq eq_init(void)
{
	struct eq e;
	memset(&e, 0, sizeof e);
	return e;
}

void eq_add(struct eq *e, struct biquad b)
{
	assert(e->n < EQ_MAX);
	e->band[e->n++] = b;
}

#define EQ_BLOCK 256
#define EQ_GROUP 4

/* Transposed direct form II. The filters of a group take a sample before the next one comes: their recursions overlap in the processor, and their states stay in
 * registers. bands is known where this is inlined. */
static inline __attribute__((always_inline)) void run_group(struct eq *e, int first, int bands, eq_pair *x, size_t n)
{
	eq_pair z1[EQ_GROUP], z2[EQ_GROUP];
	for (int k = 0; k < bands; k++) {
		z1[k] = e->z1[first + k];
		z2[k] = e->z2[first + k];
	}
	const struct biquad *b = &e->band[first];
	for (size_t i = 0; i < n; i++) {
		eq_pair v = x[i];
		for (int k = 0; k < bands; k++) {
			eq_pair y = b[k].b0 * v + z1[k];
			z1[k] = b[k].b1 * v - b[k].a1 * y + z2[k];
			z2[k] = b[k].b2 * v - b[k].a2 * y;
			v = y;
		}
		x[i] = v;
	}
	for (int k = 0; k < bands; k++) {
		e->z1[first + k] = z1[k];
		e->z2[first + k] = z2[k];
	}
}

static void run(struct eq *e, eq_pair *x, size_t n)
{
	int k = 0;
	for (; e->n - k >= EQ_GROUP; k += EQ_GROUP)
		run_group(e, k, EQ_GROUP, x, n);
	switch (e->n - k) {
	case 3:
		run_group(e, k, 3, x, n);
		break;
	case 2:
		run_group(e, k, 2, x, n);
		break;
	case 1:
		run_group(e, k, 1, x, n);
		break;
	default:
		break;
	}
}

void eq_process(struct eq *e, float *left, float *right, size_t n)
{
	eq_pair x[EQ_BLOCK];
	for (size_t at = 0; at < n; at += EQ_BLOCK) {
		size_t len = n - at < EQ_BLOCK ? n - at : EQ_BLOCK;
		for (size_t i = 0; i < len; i++)
			x[i] = (eq_pair){ (double)left[at + i], (double)(right ? right : left)[at + i] };
		run(e, x, len);
		for (size_t i = 0; i < len; i++)
			left[at + i] = (float)x[i][0];
		for (size_t i = 0; i < len && right; i++)
			right[at + i] = (float)x[i][1];
	}
}

void eq_reset(struct eq *e)
{
	memset(e->z1, 0, sizeof e->z1);
	memset(e->z2, 0, sizeof e->z2);
}

double eq_gain_db(const struct eq *e, double rate, double hz)
{
	double sum = 0;
	for (int k = 0; k < e->n; k++)
		sum += biquad_gain_db(&e->band[k], rate, hz);
	return sum;
}
