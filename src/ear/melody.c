/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/melody.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"

#define STEPS 5                             /* of a semitone */
#define STATES ((MELODY_HIGH - MELODY_LOW) * STEPS)
#define OCTAVE (12 * STEPS)
#define AXIS (STATES + 4 * OCTAVE)          /* peaks, from the lowest pitch to four octaves above the highest */
#define HARMONICS 14
#define REACH 8                             /* steps that a voice glides in a frame */
#define REST_TIMES 0.42f                    /* the salience of silence, against the reference */
#define GLIDE_COST 0.035f                   /* a step further away in a frame */
#define LEAP_COST 0.55f                     /* to anywhere */
#define BREAK_COST 0.35f                    /* to begin or to end */
#define FLOOR 2e-5f
#define ODD_MORE 0.3f                       /* odd harmonics count for more than even ones: an octave below the truth has only these */
#define BASS_HZ 300                         /* below, the bass has its say, and peaks count for less (12 dB an octave) */

const struct melody_ease melody_any = { 50, 72, 0.015f };

int melody_peaks(const float *magnitude, int bins, double hz_per_bin, float floor, struct peak ret[MELODY_PEAKS])
{
	float highest = 0;
	for (int k = 0; k < bins; k++)
		highest = fmaxf(highest, magnitude[k]);
	float least = fmaxf(floor, highest * 1e-3f);
	int n = 0;
	for (int k = 2; k < bins - 1 && n < MELODY_PEAKS; k++) {
		float b = magnitude[k];
		if (b < least || b <= magnitude[k - 1] || b < magnitude[k + 1])
			continue;
		float la = logf(magnitude[k - 1] + 1e-9f), lb = logf(b + 1e-9f), lc = logf(magnitude[k + 1] + 1e-9f);
		float curve = la - 2 * lb + lc, at = curve < 0 ? 0.5f * (la - lc) / curve : 0;
		at = fmaxf(-0.5f, fminf(0.5f, at));
		ret[n].hz = (float)(((double)k + (double)at) * hz_per_bin);
		ret[n++].level = b;
	}
	return n;
}

static double midi_of(double hz)
{
	return 69 + 12 * log2(hz / 440);
}

/* Peaks on a logarithmic axis, each some 40 cents wide; levels are compressed so that formants and mixes don't drown the others. */
static void lay_out(const struct peak *p, int n, float *axis)
{
	memset(axis, 0, sizeof *axis * AXIS);
	for (int i = 0; i < n; i++) {
		double at = (midi_of((double)p[i].hz) - MELODY_LOW) * STEPS;
		float level = sqrtf(p[i].level) * fminf(1, p[i].hz / BASS_HZ);
		int mid = (int)lrint(at);
		for (int k = mid - 2; k <= mid + 2; k++) {
			if (k < 0 || k >= AXIS)
				continue;
			float far = (float)fabs((double)k - at) / 2.5f, v = level * (1 - far * far);
			if (v > axis[k])
				axis[k] = v;
		}
	}
}

struct sum { int harmonic[HARMONICS], between[HARMONICS]; float weight[HARMONICS]; };

static void sum_init(struct sum *s)
{
	float total = 0;
	for (int h = 0; h < HARMONICS; h++) {
		s->harmonic[h] = (int)lrint(OCTAVE * log2(h + 1));
		s->between[h] = (int)lrint(OCTAVE * log2(h + 1.5));
		s->weight[h] = powf(0.86f, (float)h) * (h % 2 ? 1 - ODD_MORE : 1 + ODD_MORE);
		total += s->weight[h];
	}
	for (int h = 0; h < HARMONICS; h++)
		s->weight[h] /= total;
}

/* How well the harmonics of each pitch are there. What lies half way between them speaks for the octave below. */
static void salience_of(const struct sum *s, const struct melody_ease *ease, const float *axis, float ret[STATES])
{
	memset(ret, 0, sizeof *ret * STATES);
	for (int h = 0; h < HARMONICS; h++) {
		float w = s->weight[h], v = h < 6 ? 0.4f * w : 0;
		const float *at = axis + s->harmonic[h], *off = axis + s->between[h];
		int most = AXIS - s->between[h] < STATES ? AXIS - s->between[h] : STATES;
		for (int i = 0; i < most; i++)
			ret[i] += w * at[i] - v * off[i];
	}
	for (int i = 0; i < STATES; i++) {
		float note = (float)MELODY_LOW + (float)i / STEPS, far = fmaxf(0, fmaxf(ease->low - note, note - ease->high));
		ret[i] = fmaxf(ret[i], 0) * fmaxf(0, 1 - ease->strain * far);
	}
}

/* The salience that the strongest frames reach. */
static float reference_of(const float *salience, int frames, float *scratch)
{
	int n = 0;
	for (int t = 0; t < frames; t++) {
		float most = 0;
		for (int i = 0; i < STATES; i++)
			most = fmaxf(most, salience[(size_t)t * STATES + (size_t)i]);
		if (most > 0)
			scratch[n++] = most;
	}
	if (!n)
		return 0;
	floats_sort(scratch, (size_t)n);
	return scratch[(size_t)((double)(n - 1) * 0.95)];
}

#define REST STATES
struct way { float score[STATES + 1]; };

/* One frame of Viterbi: from `was` to `now`; `from` gets where each state was best come from. */
static void step(const struct way *was, struct way *now, const float *salience, float scale, uint16_t *from)
{
	int best = 0;
	for (int i = 1; i < STATES; i++)
		if (was->score[i] > was->score[best])
			best = i;
	float leap = was->score[best] - LEAP_COST, begin = was->score[REST] - BREAK_COST;
	for (int i = 0; i < STATES; i++) {
		float most = leap;
		int at = best;
		if (begin > most) {
			most = begin;
			at = REST;
		}
		int lo = i - REACH < 0 ? 0 : i - REACH, hi = i + REACH >= STATES ? STATES - 1 : i + REACH;
		for (int j = lo; j <= hi; j++) {
			float v = was->score[j] - GLIDE_COST * (float)abs(i - j);
			if (v > most) {
				most = v;
				at = j;
			}
		}
		now->score[i] = most + salience[i] * scale;
		from[i] = (uint16_t)at;
	}
	int stays = was->score[REST] >= was->score[best] - BREAK_COST;
	now->score[REST] = (stays ? was->score[REST] : was->score[best] - BREAK_COST) + REST_TIMES;
	from[REST] = (uint16_t)(stays ? REST : best);
}

/* To some cents: the mean of what each harmonic says. */
static float refine(const struct peak *p, int n, float midi)
{
	double hz = 440 * pow(2, ((double)midi - 69) / 12), sum = 0, weight = 0;
	for (int i = 0; i < n; i++) {
		int h = (int)lrint((double)p[i].hz / hz);
		if (h < 1 || h > HARMONICS)
			continue;
		double off = 12 * log2((double)p[i].hz / h / hz);
		if (fabs(off) > 0.5)
			continue;
		double w = (double)sqrtf(p[i].level) * h;
		sum += w * off;
		weight += w;
	}
	return weight > 0 ? (float)((double)midi + sum / weight) : midi;
}

struct tracker {
	float *salience;            /* frames * STATES */
	uint16_t *from;             /* frames * (STATES + 1) */
	float *scratch;
};

static int track(struct tracker *k, const float *spectra, int frames, int bins, double hz_per_bin, const struct melody_ease *ease, const cancel_flag *cancel,
                 struct melody_point *ret, struct madrigal_error *err)
{
	struct peak peaks[MELODY_PEAKS];
	float axis[AXIS];
	struct sum sum;
	sum_init(&sum);
	for (int t = 0; t < frames; t++) {
		if (cancelled(cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		int n = melody_peaks(spectra + (size_t)t * (size_t)bins, bins, hz_per_bin, FLOOR, peaks);
		lay_out(peaks, n, axis);
		salience_of(&sum, ease, axis, k->salience + (size_t)t * STATES);
	}
	float reference = reference_of(k->salience, frames, k->scratch), scale = reference > 0 ? 1 / reference : 0;
	struct way a = { .score = { 0 } }, b, *was = &a, *now = &b;
	for (int t = 0; t < frames; t++) {
		step(was, now, k->salience + (size_t)t * STATES, scale, k->from + (size_t)t * (STATES + 1));
		float top = now->score[REST]; /* so that sums don't grow out of a float's grain */
		for (int i = 0; i <= STATES; i++)
			now->score[i] -= top;
		struct way *swap = was;
		was = now;
		now = swap;
	}
	int at = REST;
	for (int i = 0; i < STATES; i++)
		if (was->score[i] > was->score[at])
			at = i;
	for (int t = frames - 1; t >= 0; t--) {
		const float *s = k->salience + (size_t)t * STATES;
		float most = 0;
		for (int i = 0; i < STATES; i++)
			most = fmaxf(most, s[i]);
		ret[t].midi = 0;
		ret[t].salience = (at == REST ? most : s[at]) * scale;
		if (at != REST) {
			int n = melody_peaks(spectra + (size_t)t * (size_t)bins, bins, hz_per_bin, FLOOR, peaks);
			ret[t].midi = refine(peaks, n, (float)MELODY_LOW + (float)at / STEPS);
		}
		at = k->from[(size_t)t * (STATES + 1) + (size_t)at];
	}
	return 0;
}

int melody_track(const float *spectra, int frames, int bins, double hz_per_bin, const struct melody_ease *ease, const cancel_flag *cancel, struct melody_point *ret,
                 struct madrigal_error *err)
{
	if (frames < 1)
		return 0;
	struct tracker k = { .salience = malloc(sizeof *k.salience * STATES * (size_t)frames), .from = malloc(sizeof *k.from * (STATES + 1) * (size_t)frames),
	                     .scratch = malloc(sizeof *k.scratch * (size_t)frames) };
	int rc = k.salience && k.from && k.scratch ? track(&k, spectra, frames, bins, hz_per_bin, ease, cancel, ret, err) : err_nomem(err);
	free(k.salience);
	free(k.from);
	free(k.scratch);
	return rc;
}
