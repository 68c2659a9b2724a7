/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tempo: the autocorrelation of the strength of onsets, summed over multiples of a period, under a log-normal prior (Ellis 2007, Beat tracking by dynamic programming; Percival and
 * Tzanetakis 2014, Streamlined tempo estimation based on autocorrelation and cross-correlation with pulses). Recordings of one tempo get one line through all beats, others beats that
 * follow by dynamic programming. Which pulse is the beat is then for bars.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/fft.h"
#include "ear/bars.h"
#include "ear/onsets.h"

#define BPM_MIN 40.0
#define BPM_MAX 240.0
#define PRIOR_BPM 115.0
#define PRIOR_OCTAVES 0.8
#define SHORTEST_S 3.0      /* of sound in which a tempo can be told */
#define FOLDS 48            /* parts of a period when it is folded */
#define SEGMENT_S 12.0
#define EVEN_LEAST 0.6      /* share of the segments that must agree with one tempo */
#define SALIENT_LEAST 0.01
#define SALIENT_CHANCE 2.3  /* over the root of the frames: what noise and strikes at random may have */
#define SALIENT_USUAL 0.2
#define BEATS_LEAST 4
#define FARTHEST 512        /* frames from beat to beat: more than 1.6 times 60 / BPM_MIN seconds */

/* The signal that beats are looked for in, and its spectrum. */
struct pulse_signal {
	size_t n;
	float *y;               /* onsets above what is usual around them, deviation about 1 */
	float *acf;             /* 0 .. n_acf-1 frames, 1 at 0, with the shrinking overlap made good */
	size_t n_acf;
	float *power;           /* of the spectrum, n_fft / 2 + 1 */
	int n_fft;
};

static void signal_release(struct pulse_signal *p)
{
	free(p->y);
	free(p->acf);
	free(p->power);
	memset(p, 0, sizeof *p);
}

/* Adds a band less its mean around, as a share of its deviation. */
static void add_band(const struct onsets *o, enum onset_band b, float weight, float *y)
{
	const float *x = o->band[b];
	double square = 0;
	for (int pass = 0; pass < 2; pass++) {
		float scale = square > 0 ? weight / (float)sqrt(square / (double)o->n) : 0;
		struct running around = running_begin(x, o->n, 0.4);
		for (size_t i = 0; i < o->n; i++) {
			float over = fmaxf(0, x[i] - (float)running_next(&around));
			if (pass == 0)
				square += (double)(over * over);
			else
				y[i] += scale * over;
		}
	}
}

static int signal_make(const struct onsets *o, struct pulse_signal *ret, struct madrigal_error *err)
{
	struct pulse_signal p = { .n = o->n, .n_fft = 4096, .n_acf = o->n < (size_t)(10 * ONSETS_RATE) ? o->n : (size_t)(10 * ONSETS_RATE) };
	while ((size_t)p.n_fft < 2 * o->n)
		p.n_fft *= 2;
	struct fft f = { 0 };
	p.y = calloc(o->n, sizeof *p.y);
	p.acf = malloc(sizeof *p.acf * p.n_acf);
	p.power = malloc(sizeof *p.power * ((size_t)p.n_fft / 2 + 1));
	if (!p.y || !p.acf || !p.power || fft_init(&f, p.n_fft)) {
		signal_release(&p);
		return err_nomem(err);
	}
	add_band(o, ONSET_ALL, 1, p.y);
	add_band(o, ONSET_LOW, 0.5f, p.y);
	add_band(o, ONSET_SNARE, 0.5f, p.y);
	double mean = 0;
	for (size_t i = 0; i < p.n; i++)
		mean += (double)p.y[i] / (double)p.n;
	for (size_t i = 0; i < (size_t)p.n_fft; i++)
		f.time[i] = i < p.n ? p.y[i] - (float)mean : 0;
	fft_forward(&f);
	for (int k = 0; k <= p.n_fft / 2; k++) {
		float re = crealf(f.freq[k]), im = cimagf(f.freq[k]);
		p.power[k] = re * re + im * im;
		f.freq[k] = p.power[k];
	}
	fft_inverse(&f);
	for (size_t i = 0; i < p.n_acf; i++)
		p.acf[i] = f.time[0] > 0 && i < p.n - p.n / 4 ? f.time[i] / f.time[0] * (float)p.n / (float)(p.n - i) : 0;
	fft_release(&f);
	*ret = p;
	return 0;
}

static float acf_at(const struct pulse_signal *p, double lag)
{
	size_t i = (size_t)lag;
	if (lag < 1 || i + 2 >= p->n_acf)
		return 0;
	float part = (float)(lag - (double)i), here = p->acf[i] * (1 - part) + p->acf[i + 1] * part;
	return fmaxf(here, 0.5f * (p->acf[i] + p->acf[i + 1]));
}

/* How well a period in frames explains the signal: its multiples up to four. */
static double salience(const struct pulse_signal *p, double period)
{
	static const double weight[4] = { 1, 0.8, 0.4, 0.8 };
	double sum = 0;
	for (int k = 0; k < 4; k++)
		sum += weight[k] * (double)acf_at(p, period * (k + 1));
	return sum / 3;
}

static double prior(double bpm)
{
	double octaves = log2(bpm / PRIOR_BPM) / PRIOR_OCTAVES;
	return exp(-0.5 * octaves * octaves);
}

static double amplitude_at(const struct pulse_signal *p, double hz)
{
	double k = hz / ONSETS_RATE * p->n_fft;
	int i = (int)k;
	if (i < 1 || i + 1 > p->n_fft / 2)
		return 0;
	double part = k - i;
	return sqrt((double)p->power[i]) * (1 - part) + sqrt((double)p->power[i + 1]) * part;
}

/* The period near a rough one at which the whole recording agrees. */
static double refine(const struct pulse_signal *p, double period)
{
	double hz = ONSETS_RATE / period, step = ONSETS_RATE / p->n_fft / 16, best = 0, at = hz;
	for (double f = hz * 0.985; f <= hz * 1.015; f += step) {
		double sum = 0;
		for (int h = 1; h <= 4; h++)
			sum += amplitude_at(p, f * h) * (h == 3 ? 0.5 : 1);
		if (sum > best) {
			best = sum;
			at = f;
		}
	}
	return ONSETS_RATE / at;
}

/* The signal of frames from..to folded at a period, phase 0 at frame 0; softly, so that neighbours share. */
static void fold(const struct pulse_signal *p, double period, size_t from, size_t to, double ret[FOLDS])
{
	memset(ret, 0, sizeof(double) * FOLDS);
	for (size_t i = from; i < to && i < p->n; i++) {
		double phase = (double)i / period, at = (phase - floor(phase)) * FOLDS;
		int k = (int)at;
		double part = at - k;
		ret[k % FOLDS] += (double)p->y[i] * (1 - part);
		ret[(k + 1) % FOLDS] += (double)p->y[i] * part;
	}
}

/* By how much of a period b lies after a, -0.5 .. 0.5, and how alike they then are, -1 .. 1. */
static double shift_of(const double a[FOLDS], const double b[FOLDS], double *ret_alike)
{
	double corr[FOLDS], ma = 0, mb = 0, aa = 0, bb = 0;
	int best = 0;
	for (int k = 0; k < FOLDS; k++) {
		ma += a[k] / FOLDS;
		mb += b[k] / FOLDS;
	}
	for (int k = 0; k < FOLDS; k++) {
		aa += (a[k] - ma) * (a[k] - ma);
		bb += (b[k] - mb) * (b[k] - mb);
	}
	for (int s = 0; s < FOLDS; s++) {
		corr[s] = 0;
		for (int k = 0; k < FOLDS; k++)
			corr[s] += (a[k] - ma) * (b[(k + s) % FOLDS] - mb);
		if (corr[s] > corr[best])
			best = s;
	}
	double left = corr[(best + FOLDS - 1) % FOLDS], right = corr[(best + 1) % FOLDS], curve = 2 * corr[best] - left - right;
	double at = best + (curve > 0 ? 0.5 * (right - left) / curve : 0);
	*ret_alike = aa > 0 && bb > 0 ? corr[best] / sqrt(aa * bb) : 0;
	return (at > FOLDS * 0.5 ? at - FOLDS : at) / FOLDS;
}

#define SEGMENTS_MOST 256
struct segment { double at, shift, alike; };

static int segments_of(const struct pulse_signal *p, double period, struct segment ret[SEGMENTS_MOST])
{
	size_t len = (size_t)(SEGMENT_S * ONSETS_RATE);
	double whole[FOLDS], part[FOLDS];
	int n = 0;
	fold(p, period, 0, p->n, whole);
	for (size_t from = 0; n < SEGMENTS_MOST && (n == 0 || from + len / 2 < p->n); from += len / 2) {
		fold(p, period, from, from + len, part);
		ret[n].shift = shift_of(whole, part, &ret[n].alike);
		ret[n++].at = (double)from + (double)len / 2;
	}
	return n;
}

/* Draws a line through the shifts of the segments, which makes the period exact. Returns how much of the segments' likeness lies near it, 0..1. */
static double straighten(const struct pulse_signal *p, double *period)
{
	struct segment s[SEGMENTS_MOST];
	double within = 0, all = 0;
	for (int pass = 0; pass < 3; pass++) {
		int n = segments_of(p, *period, s);
		double w = 0, wt = 0, wy = 0, wtt = 0, wty = 0, limit = pass == 0 ? 0.25 : 0.1;
		within = all = 0;
		for (int i = 0; i < n; i++) {
			double weight = fmax(0, s[i].alike), t = s[i].at / *period;
			all += weight;
			if (fabs(s[i].shift) > limit)
				continue;
			within += weight;
			w += weight, wt += weight * t, wy += weight * s[i].shift, wtt += weight * t * t, wty += weight * t * s[i].shift;
		}
		double det = w * wtt - wt * wt;
		if (n >= 3 && det > 0 && pass < 2)
			*period *= 1 + fmax(-0.002, fmin(0.002, (w * wty - wt * wy) / det));
	}
	return all > 0 ? within / all : 0;
}

/* The phase, 0..1 of a period, of the strongest comb. */
static double phase_of(const struct pulse_signal *p, double period)
{
	double f[FOLDS], best = -1;
	int at = 0;
	fold(p, period, 0, p->n, f);
	for (int k = 0; k < FOLDS; k++) {
		double sum = f[k] + 0.7 * (f[(k + 1) % FOLDS] + f[(k + FOLDS - 1) % FOLDS]);
		if (sum > best) {
			best = sum;
			at = k;
		}
	}
	double left = f[(at + FOLDS - 1) % FOLDS], right = f[(at + 1) % FOLDS], curve = 2 * f[at] - left - right;
	double off = curve > 0 ? 0.5 * (right - left) / curve : 0;
	return (at + fmax(-1, fmin(1, off))) / FOLDS;
}

/* Frames of the first and last onset that matter. */
static void extent(const struct pulse_signal *p, size_t *first, size_t *last)
{
	float most = 0;
	for (size_t i = 0; i < p->n; i++)
		most = fmaxf(most, p->y[i]);
	*first = 0;
	*last = p->n - 1;
	while (*first < *last && p->y[*first] < 0.1f * most)
		(*first)++;
	while (*last > *first && p->y[*last] < 0.1f * most)
		(*last)--;
}

static int beats_even(const struct pulse_signal *p, double period, float ret_s[EAR_BEATS])
{
	size_t first, last;
	extent(p, &first, &last);
	double at = phase_of(p, period) * period;
	at += ceil(((double)first - 0.25 * period - at) / period) * period;
	int n = 0;
	for (; at <= (double)last + 0.25 * period && n < EAR_BEATS; at += period)
		if (at / ONSETS_RATE >= 0)
			ret_s[n++] = (float)(at / ONSETS_RATE);
	return n;
}

/* Beats that follow (Ellis 2007): the sum of the strengths less what each step strays from the period, squared in logarithms. */
static int beats_follow(const struct pulse_signal *p, double period, float ret_s[EAR_BEATS], struct madrigal_error *err)
{
	const double tight = 60;
	size_t first, last;
	extent(p, &first, &last);
	float *score = malloc(sizeof *score * p->n);
	int32_t *from = malloc(sizeof *from * p->n);
	if (!score || !from) {
		free(score);
		free(from);
		return err_nomem(err);
	}
	long near = (long)(period * 0.6), far = (long)(period * 1.6);
	float cost[FARTHEST];
	for (long k = near; k <= far; k++)
		cost[k] = (float)(tight * log((double)k / period) * log((double)k / period));
	for (long i = 0; i < (long)p->n; i++) {
		float best = 0;
		from[i] = -1;
		for (long k = i > far ? i - far : 0; k <= i - near; k++) {
			float v = score[k] - cost[i - k];
			if (v > best) {
				best = v;
				from[i] = (int32_t)k;
			}
		}
		float around = p->y[i] + 0.5f * ((i > 0 ? p->y[i - 1] : 0) + (i + 1 < (long)p->n ? p->y[i + 1] : 0));
		score[i] = best + around;
	}
	long end = (long)last;
	for (long i = (long)last - (long)period; i <= (long)last + (long)(period * 0.25); i++)
		if (i >= 0 && i < (long)p->n && score[i] > score[end])
			end = i;
	int n = 0;
	for (long i = end; i >= (long)first - (long)(period * 0.25) && i >= 0 && n < EAR_BEATS; i = from[i])
		ret_s[n++] = (float)((double)i / ONSETS_RATE);
	for (int i = 0; i < n / 2; i++) {
		float t = ret_s[i];
		ret_s[i] = ret_s[n - 1 - i];
		ret_s[n - 1 - i] = t;
	}
	free(score);
	free(from);
	return n;
}

/* The period in frames that is most salient under the prior. */
static double best_period(const struct pulse_signal *p)
{
	double best = 0, period = 0, step = exp2(1.0 / 200);
	for (double bpm = BPM_MIN; bpm <= BPM_MAX; bpm *= step) {
		double at = 60 * ONSETS_RATE / bpm, v = salience(p, at) * prior(bpm);
		if (v > best) {
			best = v;
			period = at;
		}
	}
	return period;
}

/* Frames from beat to beat, the median; 0 for fewer than two beats. */
static double usual_period(const float *beat_s, int n)
{
	float gap[EAR_BEATS] = { 0 };
	for (int i = 0; i + 1 < n; i++)
		gap[i] = beat_s[i + 1] - beat_s[i];
	return (double)onsets_median(gap, n - 1) * ONSETS_RATE;
}

/* Beats of the period that is most salient, all alike or following. */
static int pulses_find(const struct onsets *o, struct heard_rhythm *ret, struct madrigal_error *err)
{
	struct pulse_signal p;
	int rc = signal_make(o, &p, err);
	if (rc)
		return rc;
	double period = best_period(&p), salient = period > 0 ? salience(&p, period) : 0;
	if (salient > SALIENT_LEAST + SALIENT_CHANCE / sqrt((double)p.n)) {
		double fine = refine(&p, period);
		if (straighten(&p, &fine) > EVEN_LEAST) {
			rc = beats_even(&p, period = fine, ret->beat_s);
		} else {
			rc = beats_follow(&p, period, ret->beat_s, err);
			period = usual_period(ret->beat_s, rc);
		}
		ret->n_beats = period > 0 && rc > 0 ? rc : 0;
		ret->tempo_bpm = period > 0 ? 60 * ONSETS_RATE / period : 0;
		ret->tempo_confidence = 1 - exp(-salient / SALIENT_USUAL);
	}
	signal_release(&p);
	return rc < 0 ? rc : 0;
}

int ear_beats(const struct ear_sound *s, const cancel_flag *cancel, struct heard_rhythm *ret, struct madrigal_error *err)
{
	struct onsets o;
	int rc = onsets_find(s, cancel, &o, err);
	if (rc)
		return rc;
	struct heard_rhythm *r = calloc(1, sizeof *r);
	if (!r) {
		onsets_release(&o);
		return err_nomem(err);
	}
	if (o.n >= (size_t)(SHORTEST_S * ONSETS_RATE)) {
		r->onsets_per_s = (float)((double)onsets_peaks(&o, ONSET_ALL, NULL, 0) * EAR_RATE / (double)s->n);
		r->drums = o.percussive;
		rc = pulses_find(&o, r, err);
		if (!rc && r->n_beats >= BEATS_LEAST)
			rc = bars_find(s, &o, NULL, cancel, r, err);
		if (!rc && r->n_beats < BEATS_LEAST) {
			r->n_beats = 0;
			r->tempo_bpm = r->tempo_confidence = r->tempo_other_bpm = r->meter_confidence = 0;
			r->meter_num = r->meter_den = r->first_downbeat = 0;
		}
	}
	if (!rc)
		*ret = *r;
	free(r);
	onsets_release(&o);
	return rc;
}
