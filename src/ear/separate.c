/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/separate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/hpss.h"
#include "ear/stft.h"

#define SIDES_TIMES 1.2f        /* how much of the sides' magnitude is taken from the middle's */
#define LEFT_OVER 0.05f         /* and how much of it remains at least */
#define MEDIAN_FRAMES 9
#define MEDIAN_BINS 25
#define HISS_HZ 4000
#define BODY_HZ 200
#define HARMONICS 40
#define OVERTONES 4             /* a voice has at least as many harmonics .. */
#define OVERTONE_DB 40          /* .. within this of the strongest */
#define DEEPEST_DB 60           /* what is deeper below the strongest isn't told apart */

void separate_release(struct separate *p)
{
	free(p->lasts);
	free(p->middle);
	free(p->all);
	free(p->hiss);
	free(p->body);
	memset(p, 0, sizeof *p);
}

static int room_for(struct separate *p, int frames)
{
	size_t n = (size_t)frames;
	p->frames = frames;
	p->lasts = malloc(sizeof *p->lasts * n * SEPARATE_BINS);
	p->middle = malloc(sizeof *p->middle * n);
	p->all = malloc(sizeof *p->all * n);
	p->hiss = malloc(sizeof *p->hiss * n);
	p->body = malloc(sizeof *p->body * n);
	return p->lasts && p->middle && p->all && p->hiss && p->body;
}

/* Which frame of `total` is the i-th that is listened to. */
static size_t frame_at(size_t total, int frames, int i)
{
	if (total <= (size_t)frames)
		return (size_t)i;
	int piece = frames / SEPARATE_PIECES, k = i / piece < SEPARATE_PIECES ? i / piece : SEPARATE_PIECES - 1;
	return (total - (size_t)piece) * (size_t)k / (SEPARATE_PIECES - 1) + (size_t)(i - k * piece);
}

static float power(fftwf_complex v)
{
	return crealf(v) * crealf(v) + cimagf(v) * cimagf(v);
}

/* One frame of the middle, and its figures. */
static void listen(struct separate *p, struct stft *f, const struct ear_sound *s, size_t frame, int i, float *ret)
{
	float mid[SEPARATE_BINS];
	stft_at(f, s->left, s->right, 1, s->n, frame);
	for (int k = 0; k < SEPARATE_BINS; k++)
		mid[k] = power(f->fft.freq[k]);
	stft_at(f, s->left, s->right, -1, s->n, frame);
	double middle = 0, all = 0, hiss = 0, body = 0;
	for (int k = 1; k < SEPARATE_BINS; k++) {
		float side = power(f->fft.freq[k]), m = sqrtf(mid[k]), v = fmaxf(m - SIDES_TIMES * sqrtf(side), LEFT_OVER * m);
		double hz = k * SEPARATE_HZ, e = (double)v * (double)v;
		ret[k] = v;
		middle += e;
		all += (double)mid[k] + (double)side;
		if (hz > HISS_HZ)
			hiss += e;
		else if (hz > BODY_HZ)
			body += e;
	}
	ret[0] = 0;
	p->middle[i] = (float)middle;
	p->all[i] = (float)all;
	p->hiss[i] = (float)hiss;
	p->body[i] = (float)body;
}

static int take_apart(struct separate *p, struct stft *f, struct hpss *h, const struct ear_sound *s, const cancel_flag *cancel, struct madrigal_error *err)
{
	float x[SEPARATE_BINS];
	size_t total = stft_frames(f, s->n);
	int out = 0;
	for (int i = 0; out < p->frames; i++) {
		if (cancelled(cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		if (i < p->frames)
			listen(p, f, s, frame_at(total, p->frames, i), i, x);
		if (hpss_push(h, i < p->frames ? x : NULL, p->lasts + (size_t)out * SEPARATE_BINS, NULL))
			out++;
	}
	return 0;
}

int separate_middle(const struct ear_sound *s, const cancel_flag *cancel, struct separate *ret, struct madrigal_error *err)
{
	struct separate p = { 0 };
	struct stft f = { 0 };
	struct hpss h = { 0 };
	int rc = stft_init(&f, SEPARATE_SIZE, SEPARATE_HOP, err);
	if (!rc)
		rc = hpss_init(&h, SEPARATE_BINS, MEDIAN_FRAMES, MEDIAN_BINS, err);
	if (!rc) {
		size_t total = stft_frames(&f, s->n);
		rc = room_for(&p, total < SEPARATE_FRAMES ? (int)total : SEPARATE_FRAMES) ? take_apart(&p, &f, &h, s, cancel, err) : err_nomem(err);
	}
	if (!rc)
		*ret = p;
	else
		separate_release(&p);
	hpss_release(&h);
	stft_release(&f);
	return rc;
}

static double mel(double hz)
{
	return 1127 * log(1 + hz / 700);
}

double separate_band_hz(int band)
{
	double lo = mel(150), hi = mel(7000);
	return 700 * (exp((lo + (hi - lo) * band / (SEPARATE_BANDS - 1)) / 1127) - 1);
}

static float highest_near(const float *x, double bin)
{
	int k = (int)lrint(bin);
	if (k < 1 || k > SEPARATE_BINS - 2)
		return 0;
	return fmaxf(x[k], fmaxf(x[k - 1], x[k + 1]));
}

static float level_db(float magnitude)
{
	return 20 * log10f(magnitude + 1e-7f);
}

int separate_envelope(const struct separate *p, int frame, float midi, float ret_db[SEPARATE_BANDS], float *ret_clear, float *ret_between)
{
	const float *x = p->lasts + (size_t)frame * SEPARATE_BINS;
	double hz = 440 * pow(2, ((double)midi - 69) / 12), clear = 0, between = 0;
	float db[HARMONICS + 1];
	int n = 0, counted = 0;
	for (int h = 1; h <= HARMONICS; h++) {
		double at = h * hz / SEPARATE_HZ;
		if (at >= SEPARATE_BINS - 2)
			break;
		float v = highest_near(x, at);
		int lo = (int)lrint((h - 0.5) * hz / SEPARATE_HZ), hi = (int)lrint((h + 0.5) * hz / SEPARATE_HZ);
		db[n++] = level_db(v);
		if (h * hz < HISS_HZ && hi < SEPARATE_BINS && lo >= 0) {
			float gap = level_db(0.5f * (x[lo] + x[hi]));
			clear += (double)(level_db(v) - gap);
			between += (double)gap;
			counted++;
		}
	}
	float most = -200;
	for (int i = 0; i < n; i++)
		most = fmaxf(most, db[i]);
	int heard = 0;
	for (int i = 0; i < n; i++) {
		heard += db[i] > most - OVERTONE_DB;
		db[i] = fmaxf(db[i], most - DEEPEST_DB);
	}
	if (heard < OVERTONES || !counted)
		return 0;
	*ret_clear = (float)(clear / counted);
	*ret_between = (float)(between / counted);
	for (int b = 0; b < SEPARATE_BANDS; b++) {
		double at = separate_band_hz(b) / hz - 1;
		int k = at <= 0 ? 0 : (int)at;
		if (k >= n - 1)
			ret_db[b] = db[n - 1];
		else
			ret_db[b] = at <= 0 ? db[0] : db[k] + (float)(at - k) * (db[k + 1] - db[k]);
	}
	return n;
}

float separate_level(const struct separate *p, int frame)
{
	const float *x = p->lasts + (size_t)frame * SEPARATE_BINS;
	const int apart = (int)(BODY_HZ / SEPARATE_HZ); /* as two gaps beside a harmonic are */
	double sum = 0;
	int n = 0;
	for (int k = apart; (k + apart) * SEPARATE_HZ < HISS_HZ; k++, n++)
		sum += (double)level_db(0.5f * (x[k] + x[k + apart]));
	return (float)(sum / n);
}
