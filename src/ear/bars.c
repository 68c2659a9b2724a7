/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/bars.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/stft.h"

#define CELLS 12            /* of a pulse: so halves, thirds, quarters and sixths are whole numbers of cells */
#define TONE_WINDOW 4096
#define TONE_HOP 1024
#define TONE_RATE ((double)EAR_RATE / TONE_HOP)
#define PITCHES 24          /* pitch classes below and above SPLIT_HZ */
#define SPLIT_HZ 250.0
#define CHANGE_S 0.45       /* what is compared on either side of a moment */
#define LONGEST_BAR (4 * 36)
#define READINGS_MOST 1024
#define CHORD_CHANGE 3.0f   /* what a change of chord adds, in deviations of the change of pitches */
#define NARROW_S 0.025      /* a strike is looked for at least this far around its cell's middle */

enum kind { LOW, SNARE, MID, HIGH, ALL, /* strikes */ BASS, CHORD, /* changes of the pitches below and above SPLIT_HZ */ KINDS };

/* What happens in each cell, every kind with mean 0 and deviation 1 (all 0 where nothing happens). */
struct bars {
	size_t n;               /* cells: CELLS from each pulse to the next */
	float *cell[KINDS];     /* owned, one block */
	double pulse_s;         /* median */
};

/* A reading, in cells; the beat is what is tapped: three eighths in 6/8. first: the cell that begins a bar, 0..bar-1. The higher the score the likelier: a difference of 1 is e times. */
struct reading { int num, den, beat, bar, first; double score; };

struct tones { size_t n; float *pitch; }; /* n times PITCHES, running sums over time */

/* The pitch class of each bin, -1 for none; those above SPLIT_HZ are 12..23. */
static void pitches_of_bins(int8_t ret[TONE_WINDOW / 2 + 1])
{
	for (int k = 0; k <= TONE_WINDOW / 2; k++) {
		double hz = (double)k * EAR_RATE / TONE_WINDOW;
		ret[k] = -1;
		if (hz < 40 || hz > 2000)
			continue;
		int note = (int)lround(69 + 12 * log2(hz / 440));
		ret[k] = (int8_t)(note % 12 + (hz < SPLIT_HZ ? 0 : 12));
	}
}

static int tones_find(const struct ear_sound *s, const cancel_flag *cancel, struct tones *ret, struct madrigal_error *err)
{
	struct stft f;
	int8_t class[TONE_WINDOW / 2 + 1];
	float magnitude[TONE_WINDOW / 2 + 1];
	int rc = stft_init(&f, TONE_WINDOW, TONE_HOP, err);
	if (rc)
		return rc;
	struct tones t = { .n = stft_frames(&f, s->n) };
	t.pitch = calloc((t.n + 1) * PITCHES, sizeof *t.pitch);
	if (!t.pitch) {
		stft_release(&f);
		return err_nomem(err);
	}
	pitches_of_bins(class);
	for (size_t i = 0; i < t.n; i++) {
		if (i % 128 == 0 && cancelled(cancel)) {
			stft_release(&f);
			free(t.pitch);
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		}
		float *sum = t.pitch + (i + 1) * PITCHES, here[PITCHES] = { 0 };
		stft_magnitude(&f, s->left, s->right, 1, s->n, i, magnitude);
		for (int k = 1; k < f.bins - 1; k++)
			if (class[k] >= 0 && magnitude[k] > magnitude[k - 1] && magnitude[k] >= magnitude[k + 1])
				here[class[k]] += magnitude[k];
		for (int k = 0; k < PITCHES; k++)
			sum[k] = sum[k - PITCHES] + sqrtf(here[k]);
	}
	stft_release(&f);
	*ret = t;
	return 0;
}

/* 1 less the cosine between what sounds before a moment and after it. first: 0 the bass, 12 above. */
static float change_at(const struct tones *t, double at_s, int first)
{
	long at = lround(at_s * TONE_RATE), wide = lround(CHANGE_S * TONE_RATE), n = (long)t->n;
	long from = at - wide > 0 ? at - wide : 0, to = at + wide < n ? at + wide : n;
	if (at <= from || at >= to)
		return 0;
	double aa = 0, bb = 0, ab = 0;
	for (int k = first; k < first + 12; k++) {
		double a = (double)(t->pitch[at * PITCHES + k] - t->pitch[from * PITCHES + k]) / (double)(at - from);
		double b = (double)(t->pitch[to * PITCHES + k] - t->pitch[at * PITCHES + k]) / (double)(to - at);
		aa += a * a, bb += b * b, ab += a * b;
	}
	return aa > 0 && bb > 0 ? (float)(1 - ab / sqrt(aa * bb)) : 0;
}

static float strike_at(const struct onsets *o, enum onset_band b, double at_s, double cell_s)
{
	double half = fmax(cell_s * 0.5, NARROW_S);
	long from = lround((at_s - half) * ONSETS_RATE), to = lround((at_s + half) * ONSETS_RATE);
	float most = 0;
	for (long i = from > 0 ? from : 0; i <= to && i < (long)o->n; i++)
		most = fmaxf(most, o->band[b][i]);
	return most;
}

static void standardise(float *x, size_t n)
{
	double mean = 0, square = 0;
	for (size_t i = 0; i < n; i++)
		mean += (double)x[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		square += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
	for (size_t i = 0; i < n; i++)
		x[i] = square > 1e-12 ? (float)(((double)x[i] - mean) / sqrt(square)) : 0;
}

/* pulse_s: n_pulses ascending times, two at least. */
static int bars_lay(const struct ear_sound *s, const struct onsets *o, const float *pulse_s, int n_pulses, const cancel_flag *cancel, struct bars *ret, struct madrigal_error *err)
{
	static const enum onset_band band[] = { [LOW] = ONSET_LOW, [SNARE] = ONSET_SNARE, [MID] = ONSET_MID, [HIGH] = ONSET_HIGH, [ALL] = ONSET_ALL };
	struct bars b = { 0 };
	struct tones t = { 0 };
	int rc = tones_find(s, cancel, &t, err);
	if (rc)
		return rc;
	b.n = (size_t)(n_pulses - 1) * CELLS;
	b.cell[0] = calloc(b.n * KINDS, sizeof **b.cell);
	if (!b.cell[0]) {
		free(t.pitch);
		return err_nomem(err);
	}
	for (int k = 1; k < KINDS; k++)
		b.cell[k] = b.cell[0] + (size_t)k * b.n;
	float gap[EAR_BEATS];
	for (int i = 0; i + 1 < n_pulses; i++) {
		double from = (double)pulse_s[i], cell_s = ((double)pulse_s[i + 1] - from) / CELLS;
		gap[i] = pulse_s[i + 1] - pulse_s[i];
		for (int c = 0; c < CELLS; c++) {
			size_t at = (size_t)i * CELLS + (size_t)c;
			for (int k = LOW; k <= ALL; k++)
				b.cell[k][at] = strike_at(o, band[k], from + c * cell_s, cell_s);
			b.cell[BASS][at] = change_at(&t, from + c * cell_s, 0);
			b.cell[CHORD][at] = change_at(&t, from + c * cell_s, 12);
		}
	}
	b.pulse_s = (double)onsets_median(gap, n_pulses - 1);
	for (int k = 0; k < KINDS; k++)
		standardise(b.cell[k], b.n);
	free(t.pitch);
	*ret = b;
	return 0;
}

/* Lets the cells in which chords change count as changes. */
static void add_chords(struct bars *b, const float *pulse_s, int n_pulses, const struct heard_harmony *h)
{
	int pulse = 0;
	for (int i = 1; i < h->n_chords; i++) {
		float at = h->chord[i].start_s;
		while (pulse + 2 < n_pulses && pulse_s[pulse + 1] <= at)
			pulse++;
		double cell = (double)pulse + (double)(at - pulse_s[pulse]) / (double)(pulse_s[pulse + 1] - pulse_s[pulse]);
		long k = lround(cell * CELLS);
		if (k >= 0 && (size_t)k < b->n)
			b->cell[CHORD][k] += CHORD_CHANGE;
	}
	standardise(b->cell[CHORD], b->n);
}

static void bars_release(struct bars *b)
{
	free(b->cell[0]);
	memset(b, 0, sizeof *b);
}

/* What speaks for a reading, in standard deviations of a cell: what happens at the first beat, at the third of four, at the other beats, halfway between beats, at the thirds of a beat in 6/8
 * and in other meters, at the quarters, in the middle of a bar of 3/4, and how alike neighbouring bars are. Fitted by logistic regression to songs whose bars are known, and rounded. */
enum event { EVENT_DOWN, EVENT_STRONG, EVENT_WEAK, EVENT_HALF, EVENT_THIRD_68, EVENT_THIRD, EVENT_QUARTER, EVENT_MIDDLE_34, EVENT_ALIKE, EVENTS };
static const float weight[KINDS][EVENTS] = {
	[LOW] = { 0.75f, 0.14f, -0.16f, 0.06f, 0.05f, -0.52f, -0.28f, -0.73f, 0.32f },
	[SNARE] = { 0.48f, -0.10f, 0.14f, 0.11f, -0.38f, -0.17f, 0, -0.10f, -0.08f },
	[MID] = { 0.29f, -0.14f, 0.74f, -0.09f, 0.33f, -0.52f, -0.05f, -0.33f, 0.03f },
	[HIGH] = { 0.33f, 0.53f, 0.34f, 0.27f, 0.44f, -0.81f, -0.57f, -0.38f, 0.08f },
	[ALL] = { 0.18f, -0.09f, 0.72f, 0.05f, 0.37f, -0.72f, -0.30f, -0.45f, 0.05f },
	[BASS] = { 1.06f, -0.96f, -0.32f, -0.44f, -0.16f, -0.15f, 0.24f, -0.11f, 0.60f },
	[CHORD] = { 1.46f, -0.63f, -0.80f, -0.09f, -0.09f, -0.08f, 0.08f, -0.17f, 0.48f },
};
/* Of the octaves by which the beat is faster than 110 a minute, of their square (the likeliest is 124; taps gather around 120: McKinney and Moelants 2006, "Ambiguity in tempo perception"), and
 * of the meters, both rarer than 4/4. Fitted to songs of ours and to the tempo that other ears hear in strangers' music. */
static const double weight_fast = 1.7, weight_far = -5, weight_34 = -3.25, weight_68 = -1.71;

/* The mean bar, and how like the bars are to their neighbours. */
struct mean_bar { int bar; float cell[KINDS][LONGEST_BAR], alike[KINDS]; };

static void mean_bar_make(const struct bars *b, int bar, struct mean_bar *ret)
{
	int seen[LONGEST_BAR] = { 0 };
	memset(ret, 0, sizeof *ret);
	ret->bar = bar;
	for (size_t i = 0, at = 0; i < b->n; i++) {
		for (int k = 0; k < KINDS; k++)
			ret->cell[k][at] += b->cell[k][i];
		seen[at]++;
		at = at + 1 == (size_t)bar ? 0 : at + 1;
	}
	for (int k = 0; k < KINDS; k++) {
		double sum = 0;
		for (int i = 0; i < bar; i++)
			ret->cell[k][i] /= (float)(seen[i] ? seen[i] : 1);
		for (size_t i = (size_t)bar; i < b->n; i++)
			sum += (double)(b->cell[k][i] * b->cell[k][i - (size_t)bar]);
		ret->alike[k] = b->n > (size_t)bar ? (float)(sum / (double)(b->n - (size_t)bar)) : 0;
	}
}

static void events_of(const struct mean_bar *m, const struct reading *r, int kind, float ret[EVENTS])
{
	const float *cell = m->cell[kind];
	int beats = r->bar / r->beat, weak = beats == 4 ? 2 : beats - 1;
	memset(ret, 0, sizeof(float) * EVENTS);
	for (int i = 0; i < beats; i++) {
		int at = r->first + i * r->beat, event = i == 0 ? EVENT_DOWN : beats == 4 && i == 2 ? EVENT_STRONG : EVENT_WEAK;
		ret[event] += cell[at % r->bar] / (float)(event == EVENT_WEAK ? weak : 1);
		float first = cell[(at + r->beat / 3) % r->bar], second = cell[(at + 2 * r->beat / 3) % r->bar];
		/* A shuffle strikes the second third alone, 6/8 both. */
		if (r->num == 6)
			ret[EVENT_THIRD_68] += fminf(first, second) / (float)beats;
		else
			ret[EVENT_THIRD] += 0.5f * (first + second) / (float)beats;
		if (r->num != 6)
			ret[EVENT_HALF] += cell[(at + r->beat / 2) % r->bar] / (float)beats;
		ret[EVENT_QUARTER] += 0.5f * (cell[(at + r->beat / 4) % r->bar] + cell[(at + 3 * r->beat / 4) % r->bar]) / (float)beats;
	}
	if (r->num == 3)
		ret[EVENT_MIDDLE_34] = cell[(r->first + r->bar / 2) % r->bar];
	ret[EVENT_ALIKE] = m->alike[kind];
}

static double score_of(const struct bars *b, const struct mean_bar *m, const struct reading *r)
{
	double octaves = log2(60 / (b->pulse_s * r->beat / CELLS) / 110);
	double score = weight_fast * octaves + weight_far * octaves * octaves + (r->num == 3 ? weight_34 : r->num == 6 ? weight_68 : 0);
	for (int k = 0; k < KINDS; k++) {
		float e[EVENTS];
		events_of(m, r, k, e);
		for (int i = 0; i < EVENTS; i++)
			score += (double)(weight[k][i] * e[i]);
	}
	return score;
}

/* Cells of a quarter note. */
static int quarter_of(const struct reading *r)
{
	return r->num == 6 ? r->beat * 2 / 3 : r->beat;
}

/* How many cells of a pulse the beat may be. */
static const int beat_cells[] = { 4, 6, 8, 12, 16, 18, 24, 36 };
static const struct { int num, den, beats; } meters[] = { { 4, 4, 4 }, { 3, 4, 3 }, { 6, 8, 2 } };

/* Whether people would count so: 0 if too slow, too fast or not in whole cells. */
static int sensible(const struct bars *b, const struct reading *r)
{
	double tapped = 60 / (b->pulse_s * r->beat / CELLS), quarters = r->num == 6 ? tapped * 1.5 : tapped;
	return tapped >= 36 && quarters >= 48 && quarters <= 220 && (r->num != 6 || r->beat % 3 == 0);
}

static size_t readings_of(const struct bars *b, struct mean_bar *m, struct reading ret[READINGS_MOST])
{
	size_t n = 0;
	for (size_t i = 0; i < sizeof beat_cells / sizeof *beat_cells; i++)
		for (size_t k = 0; k < sizeof meters / sizeof *meters; k++) {
			struct reading r = { .num = meters[k].num, .den = meters[k].den, .beat = beat_cells[i], .bar = beat_cells[i] * meters[k].beats };
			if (!sensible(b, &r))
				continue;
			mean_bar_make(b, r.bar, m);
			for (r.first = 0; r.first < r.bar && n < READINGS_MOST; r.first += 2) {
				r.score = score_of(b, m, &r);
				ret[n++] = r;
			}
		}
	return n;
}

/* The likeliest reading, the likeliest with another tempo (the same one if there is none), and how likely the meter is. */
static int bars_read(const struct bars *b, struct reading *ret, struct reading *ret_other, double *ret_confidence, struct madrigal_error *err)
{
	struct reading none = { .num = 4, .den = 4, .beat = CELLS, .bar = 4 * CELLS };
	struct reading *r = malloc(sizeof *r * READINGS_MOST);
	struct mean_bar *m = malloc(sizeof *m);
	if (!r || !m) {
		free(r);
		free(m);
		return err_nomem(err);
	}
	size_t n = readings_of(b, m, r), best = 0, other = SIZE_MAX;
	double all = 0, same = 0;
	for (size_t i = 1; i < n; i++)
		if (r[i].score > r[best].score)
			best = i;
	for (size_t i = 0; i < n; i++) {
		double likely = exp(r[i].score - r[best].score);
		all += likely;
		same += r[i].num == r[best].num ? likely : 0;
		if (quarter_of(r + i) != quarter_of(r + best) && (other == SIZE_MAX || r[i].score > r[other].score))
			other = i;
	}
	*ret = n ? r[best] : none;
	*ret_other = other < SIZE_MAX ? r[other] : *ret;
	*ret_confidence = all > 0 ? same / all : 0;
	free(r);
	free(m);
	return 0;
}

/* When cell c comes, c from any number of cells before the first pulse to any after the last. */
static double cell_s(const float *pulse_s, int n, double c)
{
	double pulse = c / CELLS;
	int i = (int)floor(pulse);
	i = i < 0 ? 0 : i > n - 2 ? n - 2 : i;
	return (double)pulse_s[i] + (pulse - i) * (double)(pulse_s[i + 1] - pulse_s[i]);
}

/* Replaces the pulses by the reading's quarter notes. */
static int beats_of(const struct reading *r, double end_s, struct heard_rhythm *rhythm, struct madrigal_error *err)
{
	int n = rhythm->n_beats, quarter = quarter_of(r), beats = 0, down = -1, reach = CELLS / 3;
	float *pulse_s = malloc(sizeof *pulse_s * EAR_BEATS);
	if (!pulse_s)
		return err_nomem(err);
	memcpy(pulse_s, rhythm->beat_s, sizeof *pulse_s * EAR_BEATS);
	int first = r->first % quarter;
	while (first - quarter >= -reach)
		first -= quarter;
	for (int c = first; c <= (n - 1) * CELLS + reach && beats < EAR_BEATS; c += quarter) {
		double at = cell_s(pulse_s, n, c);
		if (at < 0 || at > end_s)
			continue;
		if (down < 0 && (c - r->first) % r->bar == 0)
			down = beats;
		rhythm->beat_s[beats++] = (float)at;
	}
	free(pulse_s);
	rhythm->n_beats = beats;
	rhythm->tempo_bpm *= (double)CELLS / quarter;
	rhythm->meter_num = r->num;
	rhythm->meter_den = r->den;
	rhythm->first_downbeat = down < 0 ? 0 : down;
	return 0;
}

int bars_find(const struct ear_sound *s, const struct onsets *o, const struct heard_harmony *h, const cancel_flag *cancel, struct heard_rhythm *r, struct madrigal_error *err)
{
	struct bars b;
	struct reading best = { 0 }, other = { 0 };
	if (r->n_beats < 2)
		return 0;
	int rc = bars_lay(s, o, r->beat_s, r->n_beats, cancel, &b, err);
	if (rc)
		return rc;
	if (h)
		add_chords(&b, r->beat_s, r->n_beats, h);
	rc = bars_read(&b, &best, &other, &r->meter_confidence, err);
	if (!rc) {
		r->tempo_other_bpm = quarter_of(&other) == quarter_of(&best) ? 0 : r->tempo_bpm * CELLS / quarter_of(&other);
		rc = beats_of(&best, (double)s->n / EAR_RATE, r, err);
	}
	bars_release(&b);
	return rc;
}
