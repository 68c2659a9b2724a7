/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of the bars once the chords are: their lines again, swing, and where in the bar drums strike. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/bars.h"
#include "ear/onsets.h"

#define PART_STEPS 4        /* of a quarter note */
#define FOLDS 96            /* parts of a quarter when onsets are folded to find swing */
#define SWING_MOST 0.4
#define SWING_LEAST 0.03    /* less is how people play */
#define SWING_ALIKE 0.05
#define SWING_BANDS 4
#define STRONG_LEAST 0.035  /* of the beats' strikes must the off-beats' be to have a say */
#define STRONG_MOST 0.2     /* more is as good */
#define STRIKE_LEAST 0.05f  /* nepers: a band that never rises by more isn't drummed in */

/* When a place in quarter notes from the first beat comes. */
static double place_s(const struct heard_rhythm *r, double quarters)
{
	int i = (int)floor(quarters);
	i = i < 0 ? 0 : i > r->n_beats - 2 ? r->n_beats - 2 : i;
	return (double)r->beat_s[i] + (quarters - i) * (double)(r->beat_s[i + 1] - r->beat_s[i]);
}

static int quarters_of_bar(const struct heard_rhythm *r)
{
	return r->meter_num == 4 ? 4 : 3;
}

/* Onset strength at a place in frames, between two of them. */
static float strength_at(const struct onsets *o, enum onset_band b, double at_s)
{
	double frame = at_s * ONSETS_RATE;
	if (!(frame >= 0) || frame + 1 >= (double)o->n)
		return 0;
	size_t i = (size_t)frame;
	float part = (float)(frame - (double)i);
	return o->band[b][i] * (1 - part) + o->band[b][i + 1] * part;
}

/* The mean of a band's strikes over the parts of a quarter. */
static void fold_quarters(const struct onsets *o, const struct heard_rhythm *r, enum onset_band b, double ret[FOLDS])
{
	memset(ret, 0, sizeof(double) * FOLDS);
	for (int i = 0; i + 1 < r->n_beats; i++)
		for (int k = 0; k < FOLDS; k++) {
			double at = place_s(r, i + (double)k / FOLDS);
			ret[k] += (double)strength_at(o, b, at) / (r->n_beats - 1);
		}
}

/* How late the second of two units comes, from a fold of the pair's n parts; -1 if nothing stands out there. ret_strong: how far it stands out, against the first. */
static double late_second(const double *pair, int n, double *ret_strong)
{
	int from = (int)ceil(n * 0.46), to = (int)(n * 0.5 * (1 + SWING_MOST)), at = from;
	double floor_of = pair[0], first = 0;
	for (int k = 0; k < n; k++) {
		floor_of = fmin(floor_of, pair[k]);
		if (k <= n / 12 || k >= n - n / 12)
			first = fmax(first, pair[k]);
	}
	for (int k = from; k <= to; k++)
		if (pair[k] > pair[at])
			at = k;
	double left = pair[at - 1], right = pair[at + 1], curve = 2 * pair[at] - left - right;
	*ret_strong = first > floor_of ? (pair[at] - floor_of) / (first - floor_of) : 0;
	if (curve <= 0 || left > pair[at] || right > pair[at])
		return -1;
	return (at + 0.5 * (right - left) / curve) / (n * 0.5) - 1;
}

struct late { double by, weight; };

static int earlier(const void *a, const void *b)
{
	double x = ((const struct late *)a)->by, y = ((const struct late *)b)->by;
	return (x > y) - (x < y);
}

/* The median of what the bands say, 0 if they don't agree. Sounds that swell, or a single instrument's habit, show in one band alone. *ret_strong: how much is struck there. */
static double agreed(struct late by_band[SWING_BANDS], double *ret_strong)
{
	double all = 0, sum = 0, within = 0, median = 0;
	int bands = 0;
	qsort(by_band, SWING_BANDS, sizeof *by_band, earlier);
	for (int i = 0; i < SWING_BANDS; i++)
		all += by_band[i].weight;
	for (int i = 0; i < SWING_BANDS && sum <= 0.5 * all; i++) {
		sum += by_band[i].weight;
		median = by_band[i].by;
	}
	for (int i = 0; i < SWING_BANDS; i++)
		if (by_band[i].weight > 0 && fabs(by_band[i].by - median) < SWING_ALIKE) {
			within += by_band[i].weight;
			bands++;
		}
	*ret_strong = all;
	return bands >= 2 && within > 0.5 * all && median > SWING_LEAST ? fmin(median, 1.0 / 3) : 0;
}

static void find_swing(const struct onsets *o, struct heard_rhythm *r)
{
	static const enum onset_band bands[SWING_BANDS] = { ONSET_LOW, ONSET_MID, ONSET_SNARE, ONSET_HIGH };
	struct late eighths[SWING_BANDS], sixteenths[SWING_BANDS];
	for (int b = 0; b < SWING_BANDS; b++) {
		double quarter[FOLDS], half[FOLDS / 2], strong;
		fold_quarters(o, r, bands[b], quarter);
		for (int k = 0; k < FOLDS / 2; k++)
			half[k] = 0.5 * (quarter[k] + quarter[k + FOLDS / 2]);
		eighths[b].by = late_second(quarter, FOLDS, &strong);
		eighths[b].weight = strong < STRONG_LEAST ? 0 : fmin(strong, STRONG_MOST);
		sixteenths[b].by = late_second(half, FOLDS / 2, &strong);
		sixteenths[b].weight = strong < STRONG_LEAST ? 0 : fmin(strong, STRONG_MOST);
	}
	double strong8, strong16, swing8 = agreed(eighths, &strong8), swing16 = agreed(sixteenths, &strong16);
	int by8 = r->meter_num != 6 && swing8 > 0;
	r->swing_unit = by8 || strong16 < 2 * STRONG_LEAST ? 8 : 16;
	r->swing = (float)(by8 ? swing8 : r->swing_unit == 16 ? swing16 : 0);
}

/* How strongly a band is struck at each step of the bar. */
static void find_pattern(const struct onsets *o, enum onset_band band, const struct heard_rhythm *r, float *ret)
{
	int bar = quarters_of_bar(r), steps = bar * PART_STEPS;
	double sum[EAR_STEPS] = { 0 }, near = 0.35 / PART_STEPS;
	float least = 1e9f, most = 0;
	for (int first = r->first_downbeat; first + bar < r->n_beats; first += bar)
		for (int k = 0; k < steps; k++) {
			double at = first + (double)k / PART_STEPS, pair = r->swing_unit == 16 ? 0.5 : 1, in = fmod((double)k / PART_STEPS, pair) / pair;
			at += (in <= 0.5 ? in : 1 - in) * pair * (double)r->swing;
			long from = lround(place_s(r, at - near) * ONSETS_RATE), to = lround(place_s(r, at + near) * ONSETS_RATE);
			float peak = 0;
			for (long i = from > 0 ? from : 0; i <= to && i < (long)o->n; i++)
				peak = fmaxf(peak, o->band[band][i]);
			sum[k] += (double)peak;
		}
	int bars = (r->n_beats - 1 - r->first_downbeat) / bar;
	for (int k = 0; k < steps; k++) {
		ret[k] = bars > 0 ? (float)(sum[k] / bars) : 0;
		least = fminf(least, ret[k]);
		most = fmaxf(most, ret[k]);
	}
	for (int k = 0; k < steps; k++)
		ret[k] = most > STRIKE_LEAST && most > least ? (ret[k] - least) / (most - least) : 0;
}

static float changes_per_bar(const struct heard_rhythm *r, const struct heard_harmony *h)
{
	int changes = 0;
	double bar_s = (double)(r->beat_s[r->n_beats - 1] - r->beat_s[0]) / (r->n_beats - 1) * quarters_of_bar(r), sounding = 0;
	for (int i = 0; i < h->n_chords; i++) {
		if (h->chord[i].quality == HEARD_NONE)
			continue;
		sounding += (double)(h->chord[i].end_s - h->chord[i].start_s);
		changes++;
	}
	return sounding > 0 && bar_s > 0 ? (float)(changes * bar_s / sounding) : 0;
}

int ear_metre(const struct ear_sound *s, const cancel_flag *cancel, struct heard_rhythm *r, struct heard_harmony *h, struct madrigal_error *err)
{
	if (r->n_beats < 2)
		return 0;
	struct onsets o;
	int rc = onsets_find(s, cancel, &o, err);
	if (rc)
		return rc;
	struct heard_rhythm *to = malloc(sizeof *to);
	if (!to) {
		onsets_release(&o);
		return err_nomem(err);
	}
	*to = *r;
	if (o.n)
		rc = bars_find(s, &o, h, cancel, to, err);
	if (!rc && to->n_beats >= 2) {
		find_swing(&o, to);
		to->n_steps = quarters_of_bar(to) * PART_STEPS;
		find_pattern(&o, ONSET_LOW, to, to->kick);
		find_pattern(&o, ONSET_SNARE, to, to->snare);
		find_pattern(&o, ONSET_HIGH, to, to->hat);
		h->changes_per_bar = changes_per_bar(to, h);
	}
	if (!rc)
		*r = *to;
	free(to);
	onsets_release(&o);
	return rc;
}
