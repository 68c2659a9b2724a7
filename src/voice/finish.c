/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/finish.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "voice/tune.h"

#define EVEN_SHARE 0.6         /* of a vowel's deviation that is taken back */
#define EVEN_CUT_DB 6.0
#define EVEN_LIFT_DB 8.0
#define REST_SILENT_S 0.12     /* shorter rests are sung through */
#define RELEASE_S 0.12         /* the line's end */
#define REST_RELEASE_S 0.05
#define ATTACK_S 0.015
#define TARGET_LUFS (-20.0)
#define BREATH_S 0.34
#define BREATH_BEFORE_S 0.06   /* between breath and consonant */

static double smooth(double x) { x = fmin(fmax(x, 0), 1); return x * x * (3 - 2 * x); }
static double from_db(double db) { return exp2(db / 6.020599913); }

static size_t sample_of(const struct finish *f, double t)
{
	double at = (t - f->t0) * VOICE_RATE;
	return at <= 0 ? 0 : at >= (double)f->n ? f->n : (size_t)at;
}

static double level_db(const float *x, size_t a, size_t z)
{
	double sum = 0;
	for (size_t i = a; i < z; i++)
		sum += (double)x[i] * (double)x[i];
	return z > a ? 10 * log10(sum / (double)(z - a) + 1e-10) : -100;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void finish_even(const struct finish *f)
{
	double db[TOKENS_MAX], sorted[TOKENS_MAX];
	int n = f->line->n_syllables, k = 0;
	for (int i = 0; i < n; i++)
		sorted[i] = db[i] = level_db(f->x, sample_of(f, f->spans[i].vowel_start), sample_of(f, f->spans[i].vowel_end));
	qsort(sorted, (size_t)n, sizeof *sorted, by_value);
	double want = sorted[n * 2 / 3];
	for (int i = 0; i < n; i++)
		db[i] = fmin(fmax(EVEN_SHARE * (want - db[i]), -EVEN_CUT_DB), EVEN_LIFT_DB);
	/* The gain moves in the consonants, from the end of one vowel to the start of the next. */
	for (size_t i = 0; i < f->n; i++) {
		double t = f->t0 + (double)i / VOICE_RATE, gain = db[k];
		while (k + 1 < n && t >= f->spans[k + 1].vowel_start)
			gain = db[++k];
		if (k + 1 < n && t > f->spans[k].vowel_end) {
			double room = fmax(f->spans[k + 1].vowel_start - f->spans[k].vowel_end, 1e-3);
			gain += (db[k + 1] - db[k]) * smooth((t - f->spans[k].vowel_end) / room);
		}
		f->x[i] *= (float)from_db(gain);
	}
}

/* Fades out over `release` seconds from sample a, in over ATTACK_S up to sample z; 0: no sound on that side. */
static void silence(const struct finish *f, size_t a, size_t z, double release, double attack)
{
	for (size_t i = a; i < z; i++) {
		double out = release > 0 ? 1 - (double)(i - a) / (release * VOICE_RATE) : 0;
		double in = attack > 0 ? 1 - (double)(z - i) / (attack * VOICE_RATE) : 0;
		f->x[i] *= (float)smooth(fmax(out, in));
	}
}

void finish_rests(const struct finish *f)
{
	int n = f->line->n_syllables;
	silence(f, 0, sample_of(f, f->spans[0].onset_start - 0.02), 0, ATTACK_S);
	for (int k = 0; k + 1 < n; k++) {
		double from = f->spans[k].coda_end + 0.03, to = f->spans[k + 1].onset_start - 0.02;
		if (to - from >= REST_SILENT_S)
			silence(f, sample_of(f, from), sample_of(f, to), REST_RELEASE_S, ATTACK_S);
	}
	silence(f, sample_of(f, f->spans[n - 1].coda_end + 0.03), f->n, RELEASE_S, 0);
}

/* Two resonances of the open mouth on white noise: a band-pass of the second order at hz with quality q. */
struct resonance {
	double b, a1, a2, x1, x2, y1, y2;
};

static struct resonance resonance_at(double hz, double q)
{
	double w = 2 * 3.14159265358979 * hz / VOICE_RATE, alpha = sin(w) / (2 * q);
	return (struct resonance){ .b = alpha / (1 + alpha), .a1 = -2 * cos(w) / (1 + alpha), .a2 = (1 - alpha) / (1 + alpha) };
}

static double resonate(struct resonance *r, double x)
{
	double y = r->b * (x - r->x2) - r->a1 * r->y1 - r->a2 * r->y2;
	r->x2 = r->x1;
	r->x1 = x;
	r->y2 = r->y1;
	r->y1 = y;
	return y;
}

/* Air drawn in: noise through the mouth's resonances, swelling and breaking off, up to BREATH_BEFORE_S before second `end` of the line. */
static void add_breath(struct audio *a, const struct finish *f, double end)
{
	struct rng r = rng_stream(f->line->seed, "voice/breath", 0);
	double length = BREATH_S * (0.8 + 0.4 * (double)rng_unit(&r));
	double start = end - BREATH_BEFORE_S - length;
	struct resonance mouth[] = { resonance_at(1150 * (0.9 + 0.2 * (double)rng_unit(&r)), 1.6), resonance_at(2700, 2.0), resonance_at(5200, 1.2) };
	static const double share[] = { 0.8, 1.0, 0.7 };
	double level = from_db(TARGET_LUFS + (double)f->manner->breath_db) * 3.0; /* a band of white noise is weaker than the noise */
	if (start < 0)
		return;
	for (size_t i = (size_t)(start * VOICE_RATE), n = (size_t)(length * VOICE_RATE), k = 0; k < n && i + k < a->frames; k++) {
		double u = (double)k / (double)n, noise = (double)rng_gauss(&r), y = 0;
		for (int m = 0; m < 3; m++)
			y += share[m] * resonate(&mouth[m], noise);
		a->ch[0][i + k] += (float)(level * y * smooth(u / 0.65) * smooth((1 - u) / 0.22));
	}
}

/* Loudness of the sung sound; -70 for silence. */
static int loudness(const struct audio *a, double *ret, struct madrigal_error *err)
{
	double lufs, peak;
	int rc = audio_loudness(a, &lufs, &peak, err);
	if (rc)
		return rc;
	if (!(lufs > -69)) /* shorter than a block of the measure */
		lufs = fmax(level_db(a->ch[0], 0, a->frames), -70);
	*ret = lufs;
	return 0;
}

int finish_line(const struct finish *f, double singer_db, struct audio *ret, struct madrigal_error *err)
{
	struct audio a;
	size_t frames = (size_t)llround((double)f->line->length_s * VOICE_RATE);
	float *gain = malloc((f->n + 1) * sizeof *gain);
	if (!gain)
		return err_nomem(err);
	int rc = audio_init(&a, VOICE_RATE, 1, frames, err);
	if (rc) {
		free(gain);
		return rc;
	}
	double lufs = -70;
	struct audio sung = { .rate = VOICE_RATE, .channels = 1, .frames = f->n, .ch = { f->x } };
	rc = loudness(&sung, &lufs, err);
	double to_target = lufs > -69 ? from_db(TARGET_LUFS + singer_db - lufs) : 0;
	tune_loudness(f->line, f->t0, 1.0 / VOICE_RATE, (int)f->n, gain);
	long from = lround(f->t0 * VOICE_RATE);
	for (size_t i = 0; i < f->n; i++) {
		long at = from + (long)i;
		if (at >= 0 && (size_t)at < frames)
			a.ch[0][at] = f->x[i] * gain[i] * (float)to_target;
	}
	free(gain);
	if (!rc && f->line->breath && f->manner->breath_db > -60)
		add_breath(&a, f, f->spans[0].onset_start);
	if (rc)
		audio_release(&a);
	else
		*ret = a;
	return rc;
}
