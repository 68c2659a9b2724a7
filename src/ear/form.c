/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The round of chords and the sections of a song, bar by bar. Boundaries are where a bar resembles those before it and those after it, but these not each other (Foote 2000, "Automatic
 * audio segmentation using a measure of audio novelty"), and where what is repeated elsewhere begins or ends (Serrà et al. 2014, "Unsupervised music structure annotation by time series
 * structure features and segment similarity"); the best series of them is found by dynamic programming, since sections of 4, 8, 12 or 16 bars are common. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/ear.h"
#include "ear/stft.h"

#define BARS 1400               /* most bars, or seconds where there are none */
#define BANDS 14
#define SIDE_BANDS 4
#define CHORDS 25               /* 12 major, 12 minor, none */
#define SLOTS 2                 /* of a bar, for the progression */
#define CYCLE_BARS 16
#define REACH 8                 /* bars that novelty looks at to each side */
#define BLUR 3
#define SECTION_LONGEST 64
#define SOUND_SHARE 0.6         /* of likeness; the rest is chords */
#define FOOTE_SHARE 0.75        /* of novelty; the rest is repeats that begin or end */
#define ALIKE 0.6               /* sections from here on share a label */

struct bar {
	float start_s, end_s;
	float feature[BANDS + SIDE_BANDS]; /* dB, later in deviations from the song's mean */
	float chord[CHORDS];        /* shares of time */
	int8_t slot[SLOTS];         /* chord that takes most of it: root, + 12 in minor; 24: none */
	double power;
};

struct bars { int n, counted; struct bar *bar; }; /* counted: bars of music rather than seconds */

/* ---- bars ---- */

static int beats_of_bar(const struct heard_rhythm *r)
{
	int n = r->meter_den > 0 ? r->meter_num * 4 / r->meter_den : 0;
	return n >= 2 && n <= 8 ? n : 4;
}

/* Bar lines; what comes before the first and after the last whole bar belongs to these. Without beats, seconds. */
static void divide_into_bars(const struct heard_rhythm *r, double end, struct bars *b)
{
	int step = beats_of_bar(r), first = r->first_downbeat >= 0 && r->first_downbeat < r->n_beats ? r->first_downbeat : 0;
	b->n = 0;
	b->counted = r->n_beats >= first + 2 * step;
	if (b->counted) {
		for (int i = first; i < r->n_beats && b->n < BARS && (double)r->beat_s[i] < end; i += step)
			b->bar[b->n++].start_s = r->beat_s[i];
		b->bar[0].start_s = 0;
		if (b->n > 1 && end - (double)b->bar[b->n - 1].start_s < 0.5 * (double)(b->bar[b->n - 1].start_s - b->bar[b->n - 2].start_s))
			b->n--;
	} else {
		for (int i = 0; i < BARS && (i == 0 || i + 0.5 < end); i++)
			b->bar[b->n++].start_s = (float)i;
	}
	for (int i = 0; i < b->n; i++)
		b->bar[i].end_s = i + 1 < b->n ? b->bar[i + 1].start_s : (float)end;
}

static int symbol(const struct heard_chord *c)
{
	return c->quality == HEARD_NONE || c->root_pc < 0 ? CHORDS - 1 : c->root_pc + (c->quality == HEARD_MINOR ? 12 : 0);
}

static double overlap(double a, double b, double c, double d)
{
	return fmax(0, fmin(b, d) - fmax(a, c));
}

static void put_chords(const struct heard_harmony *h, struct bars *b)
{
	int from = 0;
	for (int i = 0; i < b->n; i++) {
		struct bar *bar = &b->bar[i];
		double a = (double)bar->start_s, length = (double)bar->end_s - a, slot[SLOTS][CHORDS] = { { 0 } };
		while (from < h->n_chords && (double)h->chord[from].end_s <= a)
			from++;
		for (int k = from; k < h->n_chords && h->chord[k].start_s < bar->end_s; k++) {
			double start = (double)h->chord[k].start_s, end = (double)h->chord[k].end_s;
			int s = symbol(&h->chord[k]);
			bar->chord[s] += (float)(overlap(start, end, a, a + length) / fmax(length, 1e-6));
			for (int j = 0; j < SLOTS; j++)
				slot[j][s] += overlap(start, end, a + length * j / SLOTS, a + length * (j + 1) / SLOTS);
		}
		for (int j = 0; j < SLOTS; j++) {
			int best = CHORDS - 1;
			for (int s = 0; s < CHORDS; s++)
				if (slot[j][s] > slot[j][best])
					best = s;
			bar->slot[j] = (int8_t)best;
		}
	}
}

/* ---- how each bar sounds ---- */

static void add_bands(const float *magnitude, int bins, int bands, double *ret)
{
	double ratio = pow(10000.0 / 50, 1.0 / bands), edge = 50;
	int k = (int)(edge * 2 * (bins - 1) / EAR_RATE) + 1;
	for (int i = 0; i < bands; i++) {
		edge *= ratio;
		int to = (int)(edge * 2 * (bins - 1) / EAR_RATE) + 1;
		for (; k < to && k < bins; k++)
			ret[i] += (double)magnitude[k] * (double)magnitude[k];
	}
}

static int put_features(const struct ear_sound *s, const cancel_flag *cancel, struct bars *b, struct madrigal_error *err)
{
	struct stft f;
	int rc = stft_init(&f, 2048, 1024, err);
	if (rc)
		return rc;
	float *magnitude = malloc((size_t)f.bins * sizeof *magnitude);
	size_t frames = stft_frames(&f, s->n), t = 0;
	if (!magnitude)
		rc = err_nomem(err);
	for (int i = 0; i < b->n && !rc; i++) {
		double power[BANDS + SIDE_BANDS] = { 0 };
		int n = 0;
		if (cancelled(cancel))
			rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		for (; t < frames && !rc && (double)t * f.hop / EAR_RATE < (double)b->bar[i].end_s; t++, n++) {
			stft_magnitude(&f, s->left, s->right, 1, s->n, t, magnitude);
			add_bands(magnitude, f.bins, BANDS, power);
			stft_magnitude(&f, s->left, s->right, -1, s->n, t, magnitude);
			add_bands(magnitude, f.bins, SIDE_BANDS, power + BANDS);
		}
		for (int k = 0; k < BANDS + SIDE_BANDS; k++) {
			b->bar[i].feature[k] = (float)(10 * log10((n ? power[k] / n : 0) + 1e-8));
			b->bar[i].power += n ? power[k] / n : 0;
		}
	}
	free(magnitude);
	stft_release(&f);
	return rc;
}

/* Each feature in deviations from its mean, so that a shaker that comes in counts as much as a drum kit; what varies by less than a decibel or two is noise. */
static void normalise(struct bars *b)
{
	for (int k = 0; k < BANDS + SIDE_BANDS; k++) {
		double sum = 0, squares = 0;
		for (int i = 0; i < b->n; i++)
			sum += (double)b->bar[i].feature[k];
		double mean = sum / b->n;
		for (int i = 0; i < b->n; i++)
			squares += ((double)b->bar[i].feature[k] - mean) * ((double)b->bar[i].feature[k] - mean);
		double scale = fmax(sqrt(squares / b->n), 1.5);
		for (int i = 0; i < b->n; i++)
			b->bar[i].feature[k] = (float)fmax(-3, fmin(3, ((double)b->bar[i].feature[k] - mean) / scale));
	}
}

/* Seconds cut chords and strokes anywhere: each becomes the mean of those around it. */
static int blur(struct bars *b, struct madrigal_error *err)
{
	struct bar *sharp = malloc((size_t)b->n * sizeof *sharp);
	if (!sharp)
		return err_nomem(err);
	memcpy(sharp, b->bar, (size_t)b->n * sizeof *sharp);
	for (int i = 0; i < b->n; i++) {
		int from = i > BLUR ? i - BLUR : 0, to = i + BLUR < b->n ? i + BLUR + 1 : b->n;
		for (int k = 0; k < BANDS + SIDE_BANDS; k++) {
			float sum = 0;
			for (int j = from; j < to; j++)
				sum += sharp[j].feature[k];
			b->bar[i].feature[k] = sum / (float)(to - from);
		}
		for (int k = 0; k < CHORDS; k++) {
			float sum = 0;
			for (int j = from; j < to; j++)
				sum += sharp[j].chord[k];
			b->bar[i].chord[k] = sum / (float)(to - from);
		}
	}
	free(sharp);
	return 0;
}

static double sound_likeness(const struct bar *a, const struct bar *b)
{
	double sum = 0;
	for (int k = 0; k < BANDS + SIDE_BANDS; k++)
		sum += ((double)a->feature[k] - (double)b->feature[k]) * ((double)a->feature[k] - (double)b->feature[k]);
	return exp(-sum / (BANDS + SIDE_BANDS));
}

static int raised(int chord, int by)
{
	return chord == CHORDS - 1 ? chord : chord / 12 * 12 + (chord + by) % 12;
}

static double chord_likeness(const struct bar *a, const struct bar *b, int by)
{
	double sum = 0;
	for (int k = 0; k < CHORDS; k++)
		sum += (double)fminf(a->chord[k], b->chord[raised(k, by)]);
	return sum;
}

/* ---- the progression ---- */

struct round { int start, bars, chords; double share, score; };

/* How many slots of the bars from `at` on are as in the round that begins at `start`, at the best of the keys that a last chorus may be raised to; 0: too few to be it. */
static int slots_alike(const struct bars *b, int start, int bars, int at)
{
	int best = 0, need = bars * SLOTS - bars * SLOTS / 6;
	for (int by = 0; by <= 3; by++) {
		int n = 0, missed = 0;
		for (int i = 0; i < bars * SLOTS && missed <= bars * SLOTS - need; i++) {
			int want = b->bar[start + i / SLOTS].slot[i % SLOTS], got = b->bar[at + i / SLOTS].slot[i % SLOTS];
			int same = got == raised(want, by) && want != CHORDS - 1;
			n += same;
			missed += !same;
		}
		if (n > best)
			best = n;
		if (best >= need)
			return best;
	}
	return 0;
}

/* Steps of the round, neighbours merged (but not its end with its beginning: it is read from there). */
static int steps_of(const struct bars *b, const struct round *r, int tonic, struct heard_step ret[EAR_PROGRESSION])
{
	int n = 0, last = -1;
	for (int i = 0; i < r->bars * SLOTS; i++) {
		int chord = b->bar[r->start + i / SLOTS].slot[i % SLOTS];
		if (chord != last) {
			if (n == EAR_PROGRESSION || chord == CHORDS - 1)
				return 0;
			ret[n++] = (struct heard_step){ .degree = (int8_t)((chord % 12 - tonic + 12) % 12), .quality = chord < 12 ? HEARD_MAJOR : HEARD_MINOR };
			last = chord;
		}
		ret[n - 1].bars += 1.0f / SLOTS;
	}
	return n;
}

static void weigh(const struct bars *b, int tonic, struct round *r)
{
	int times = 0, slots = 0;
	for (int at = 0; at + r->bars <= b->n;) {
		int n = slots_alike(b, r->start, r->bars, at);
		times += n > 0;
		slots += n;
		at += n ? r->bars : 1;
	}
	r->share = times >= 2 ? (double)slots / (b->n * SLOTS) : 0;
	int first = b->bar[r->start].slot[0];
	/* A longer round has to explain more; of its rotations, the one that begins on the tonic or where the song begins is likelier. */
	r->score = r->share - 0.012 * r->bars + (first % 12 == tonic ? 0.03 : 0) + (first == b->bar[r->start].slot[SLOTS - 1] ? 0.01 : 0);
}

static void find_progression(const struct bars *b, const struct heard_harmony *h, struct heard_form *ret)
{
	static const int lengths[] = { 1, 2, 3, 4, 6, 8, 12, 16 };
	int tonic = h->tonic_pc < 0 ? 0 : h->tonic_pc;
	struct heard_step steps[EAR_PROGRESSION];
	struct round best = { 0 };
	for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
		for (int start = 0; start + lengths[k] <= b->n && start < 256; start++) {
			struct round r = { .start = start, .bars = lengths[k] };
			memset(steps, 0, sizeof steps);
			if (steps_of(b, &r, tonic, steps) < 2)
				continue;
			weigh(b, tonic, &r);
			if (r.share > 0 && (!best.bars || r.score > best.score + 1e-9))
				best = r;
		}
	if (!best.bars || best.share < 0.15)
		return;
	ret->n_progression = steps_of(b, &best, tonic, ret->progression);
	ret->progression_share = (float)fmin(1, best.share);
}

/* ---- sections ---- */

struct map { int n; float *like; /* n * n */ double *novelty; /* at the beginning of each bar; mean 0.5 or so at boundaries, 0 within */ };

static double like_at(const struct map *m, int i, int j)
{
	return (double)m->like[(size_t)i * (size_t)m->n + (size_t)j];
}

/* What is alike within each side but not across, in a window that fades out. */
static double foote(const struct map *m, int at)
{
	double sum = 0, weights = 0;
	for (int i = -REACH; i < REACH; i++)
		for (int j = -REACH; j < REACH; j++) {
			if (at + i < 0 || at + j < 0 || at + i >= m->n || at + j >= m->n)
				continue;
			double u = (i + 0.5) / REACH, v = (j + 0.5) / REACH, w = exp(-2 * (u * u + v * v));
			sum += ((i < 0) == (j < 0) ? w : -w) * like_at(m, at + i, at + j);
			weights += w;
		}
	return fmax(0, sum / weights);
}

/* How many of the repetitions that a bar is part of begin or end there: two bars in a row are like two others elsewhere, the next are not. */
static double repeats_change(const struct map *m, int at)
{
	double sum = 0, all = 1e-3;
	for (int lag = 4; lag < m->n; lag++)
		for (int side = -1; side <= 1; side += 2) {
			int other = at + side * lag;
			if (other < 2 || other + 1 >= m->n || at < 2 || at + 1 >= m->n)
				continue;
			double before = (like_at(m, at - 1, other - 1) + like_at(m, at - 2, other - 2)) / 2, after = (like_at(m, at, other) + like_at(m, at + 1, other + 1)) / 2;
			sum += (before - after) * (before - after);
			all += before * before + after * after;
		}
	return sum / all;
}

static void scale_to_one(double *x, int n)
{
	double top = 0;
	for (int i = 1; i < n; i++)
		top = fmax(top, x[i]);
	for (int i = 0; i < n; i++)
		x[i] = top > 1e-9 ? x[i] / top : 0;
}

static int make_map(const struct bars *b, struct map *m, struct madrigal_error *err)
{
	size_t n = (size_t)b->n;
	double *repeats = calloc(n, sizeof *repeats);
	*m = (struct map){ .n = b->n, .like = malloc(n * n * sizeof *m->like), .novelty = calloc(n, sizeof *m->novelty) };
	if (!repeats || !m->like || !m->novelty) {
		free(repeats);
		return err_nomem(err);
	}
	for (int i = 0; i < b->n; i++)
		for (int j = i; j < b->n; j++) {
			double v = SOUND_SHARE * sound_likeness(&b->bar[i], &b->bar[j]) + (1 - SOUND_SHARE) * chord_likeness(&b->bar[i], &b->bar[j], 0);
			m->like[(size_t)i * n + (size_t)j] = m->like[(size_t)j * n + (size_t)i] = (float)v;
		}
	for (int i = 1; i < b->n; i++) {
		m->novelty[i] = foote(m, i);
		repeats[i] = repeats_change(m, i);
	}
	scale_to_one(m->novelty, b->n);
	scale_to_one(repeats, b->n);
	for (int i = 0; i < b->n; i++)
		m->novelty[i] = FOOTE_SHARE * m->novelty[i] + (1 - FOOTE_SHARE) * repeats[i];
	free(repeats);
	return 0;
}

static double length_worth(const struct bars *b, int bars)
{
	if (!b->counted)
		return bars < 5 ? -0.4 : bars < 8 ? -0.1 : 0;
	return bars < 3 ? -0.4 : bars < 4 ? -0.2 : bars % 8 == 0 ? 0.12 : bars % 4 == 0 ? 0.02 : bars % 2 == 0 ? 0 : -0.08;
}

/* Where sections begin, bar by bar, at most EAR_SECTIONS. ret: EAR_SECTIONS values. */
static int cut(const struct bars *b, const struct map *m, int *ret, struct madrigal_error *err)
{
	size_t n = (size_t)b->n + 1;
	double *score = malloc(n * sizeof *score);
	int *from = malloc(n * sizeof *from);
	double price = b->counted ? 0.26 : 0.4;
	int count = 0;
	if (!score || !from) {
		free(score);
		free(from);
		return err_nomem(err);
	}
	do {
		score[0] = 0;
		for (int i = 1; i <= b->n; i++) {
			score[i] = -DBL_MAX;
			for (int j = i > SECTION_LONGEST ? i - SECTION_LONGEST : 0; j < i; j++) {
				double v = score[j] + length_worth(b, i - j) + (i < b->n ? m->novelty[i] - price : 0) - 0.05 * fmax(0, (i - j - 16) / 16.0);
				if (v > score[i]) {
					score[i] = v;
					from[i] = j;
				}
			}
		}
		count = 0;
		for (int i = b->n; i > 0; i = from[i])
			count++;
		price += 0.1;
	} while (count > EAR_SECTIONS && price < 50);
	count = count < EAR_SECTIONS ? count : EAR_SECTIONS;
	for (int i = b->n, k = count; i > 0 && k > 0; i = from[i])
		ret[--k] = from[i];
	ret[0] = 0;
	free(score);
	free(from);
	return count;
}

/* How alike two runs of bars are, 0..1: the same chords in the same order (a last chorus may be raised), the same sound. */
static double runs_alike(const struct bars *b, int a, int na, int c, int nc)
{
	int n = na < nc ? na : nc;
	double chords = 0, sound = 0;
	for (int by = 0; by <= 3; by++) {
		double sum = 0;
		for (int i = 0; i < n; i++)
			sum += chord_likeness(&b->bar[a + i], &b->bar[c + i], by);
		chords = fmax(chords, sum / n - 0.02 * by);
	}
	for (int k = 0; k < BANDS + SIDE_BANDS; k++) {
		double x = 0, y = 0;
		for (int i = 0; i < na; i++)
			x += (double)b->bar[a + i].feature[k] / na;
		for (int i = 0; i < nc; i++)
			y += (double)b->bar[c + i].feature[k] / nc;
		sound += (x - y) * (x - y);
	}
	double length = (double)n / (na > nc ? na : nc);
	return (0.5 * chords + 0.5 * exp(-sound / (BANDS + SIDE_BANDS))) * (0.7 + 0.3 * length);
}

/* Gives alike sections the same number, in the order in which they first appear. */
static void tell_kinds(const struct bars *b, const int *start, int n, int *ret)
{
	int kinds = 0;
	for (int i = 0; i < n; i++) {
		int length = (i + 1 < n ? start[i + 1] : b->n) - start[i];
		double best = ALIKE;
		ret[i] = -1;
		for (int j = 0; j < i; j++) {
			double like = runs_alike(b, start[i], length, start[j], start[j + 1] - start[j]);
			if (like > best) {
				best = like;
				ret[i] = ret[j];
			}
		}
		if (ret[i] < 0)
			ret[i] = kinds++;
	}
}

/* Neighbours of the same kind that are short together are the two halves of one. Returns how many are left. */
static int join_halves(const struct bars *b, int *start, int *kind, int n)
{
	int most = b->counted ? 8 : 16, kept = 0;
	for (int i = 0; i < n; i++) {
		int end = i + 1 < n ? start[i + 1] : b->n;
		if (kept && kind[kept - 1] == kind[i] && end - start[kept - 1] <= most)
			continue;
		start[kept] = start[i];
		kind[kept++] = kind[i];
	}
	return kept;
}

static void name(int kind, char label[16])
{
	if (kind < 26) {
		label[0] = (char)('A' + kind);
	} else {
		label[0] = (char)('A' + kind / 26 - 1);
		label[1] = (char)('A' + kind % 26);
	}
}

static void put_levels(const struct bars *b, const int *start, struct heard_form *f)
{
	double power[EAR_SECTIONS], top = 0;
	for (int i = 0; i < f->n_sections; i++) {
		int end = i + 1 < f->n_sections ? start[i + 1] : b->n;
		double length = 0;
		power[i] = 0;
		for (int k = start[i]; k < end; k++) {
			double t = (double)(b->bar[k].end_s - b->bar[k].start_s);
			power[i] += b->bar[k].power * t;
			length += t;
		}
		power[i] /= fmax(length, 1e-6);
		top = fmax(top, power[i]);
		f->section[i].start_s = b->bar[start[i]].start_s;
		f->section[i].end_s = b->bar[end - 1].end_s;
	}
	for (int i = 0; i < f->n_sections; i++)
		f->section[i].level = top > 1e-12 ? (float)sqrt(power[i] / top) : 0;
}

static int find_sections(const struct bars *b, struct heard_form *f, struct madrigal_error *err)
{
	struct map m;
	int start[EAR_SECTIONS] = { 0 }, kind[EAR_SECTIONS];
	int rc = make_map(b, &m, err);
	if (!rc) {
		int n = cut(b, &m, start, err);
		if (n < 0) {
			rc = n;
		} else {
			tell_kinds(b, start, n, kind);
			f->n_sections = join_halves(b, start, kind, n);
			put_levels(b, start, f);
			for (int i = 0; i < f->n_sections; i++)
				name(kind[i], f->section[i].label);
		}
	}
	free(m.like);
	free(m.novelty);
	return rc;
}

int ear_form(const struct ear_sound *s, const struct heard_rhythm *r, const struct heard_harmony *h, const cancel_flag *cancel, struct heard_form *ret, struct madrigal_error *err)
{
	struct heard_form f = { 0 };
	struct bars b = { .bar = calloc(BARS, sizeof *b.bar) };
	if (!b.bar)
		return err_nomem(err);
	int rc = 0;
	if (s->n) {
		divide_into_bars(r, (double)s->n / EAR_RATE, &b);
		put_chords(h, &b);
		rc = put_features(s, cancel, &b, err);
		if (!rc) {
			normalise(&b);
			if (b.counted)
				find_progression(&b, h, &f);
			else
				rc = blur(&b, err);
			if (!rc)
				rc = find_sections(&b, &f, err);
		}
	}
	free(b.bar);
	if (!rc)
		*ret = f;
	return rc;
}
