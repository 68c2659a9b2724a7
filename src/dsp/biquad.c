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
	double complex z = cexp(CMPLX(0, -2 * M_PI * hz / rate));
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

/* Transposed direct form II. All filters of the chain take a sample before the next one comes: their recursions overlap in the processor. */
void eq_process(struct eq *e, float *left, float *right, size_t n)
{
	int bands = e->n;
	for (size_t i = 0; i < n; i++) {
		double l = (double)left[i];
		eq_pair x = { l, right ? (double)right[i] : l };
		for (int k = 0; k < bands; k++) {
			const struct biquad *b = &e->band[k];
			eq_pair y = b->b0 * x + e->z1[k];
			e->z1[k] = b->b1 * x - b->a1 * y + e->z2[k];
			e->z2[k] = b->b2 * x - b->a2 * y;
			x = y;
		}
		left[i] = (float)x[0];
		if (right)
			right[i] = (float)x[1];
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
