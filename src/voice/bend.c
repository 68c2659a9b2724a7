/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/bend.h"

#include <math.h>

#define CONSONANT_SCALE 1.2  /* sung consonants are a little longer than those spoken at speed 0.8 */
#define CONSONANT_SHARE 0.55 /* of the time from vowel to vowel, at most */
#define SPOKEN_CONSONANT_SCALE 1.0 /* a line to be rapped is spoken as fast as it is rapped */
#define SPOKEN_CONSONANT_SHARE 0.65
#define VOWEL_KEEP_S 0.06    /* at either end a vowel isn't stretched: that's where it blends with its neighbours */
#define REST_S 0.05          /* shorter pauses between notes are sung through */
#define SPOKEN_PAUSE_S 0.06  /* of a pause the spoken line makes within a phrase, no more is kept */

/* A syllable of the spoken line, in seconds of sound (not of tokens). */
struct spoken_span {
	double onset_start, vowel_start, vowel_end, coda_end;
	int glide;
};

/* What becomes of consonants: their length as a multiple of the spoken one, and how much of the time between two vowels they may take. */
struct pacing { double scale, share; };
static const struct pacing sung = { CONSONANT_SCALE, CONSONANT_SHARE }, rapped = { SPOKEN_CONSONANT_SCALE, SPOKEN_CONSONANT_SHARE };

static void spoken_spans(const struct token_line *tokens, const int *frames, int n_syllables, struct spoken_span *s)
{
	double t = 0;
	for (int k = 0; k < n_syllables; k++)
		s[k] = (struct spoken_span){ .onset_start = -1, .vowel_start = -1 };
	for (int i = 0; i < tokens->n; i++) {
		const struct token *k = &tokens->t[i];
		double end = t + frames[i] * FRAME_S;
		if (k->syllable >= 0) {
			struct spoken_span *p = &s[k->syllable];
			int nucleus = token_is_vowel(k);
			if (p->onset_start < 0)
				p->onset_start = t - LEAD_S;
			if (nucleus && p->vowel_start < 0)
				p->vowel_start = t - ONSET_LEAD_S;
			if (nucleus)
				p->vowel_end = end - OFFSET_LEAD_S;
			p->coda_end = end - OFFSET_LEAD_S;
			p->glide |= k->glide;
		}
		t = end;
	}
	for (int k = 0; k < n_syllables; k++) {
		struct spoken_span *p = &s[k];
		p->onset_start = fmax(p->onset_start, k ? s[k - 1].coda_end : 0.0);
		p->vowel_start = fmax(p->vowel_start, p->onset_start);
		p->vowel_end = fmax(p->vowel_end, p->vowel_start + 0.02);
		p->coda_end = fmax(p->coda_end, p->vowel_end);
	}
}

/* The consonants between two vowels that follow each other without a rest. */
static void place_between(const struct pacing *c, const struct spoken_span *a, const struct spoken_span *b, struct sung_span *x, struct sung_span *y)
{
	double coda = (a->coda_end - a->vowel_end) * c->scale;
	double pause = fmin(b->onset_start - a->coda_end, SPOKEN_PAUSE_S);
	double onset = (b->vowel_start - b->onset_start) * c->scale;
	double all = coda + pause + onset, room = (y->vowel_start - x->vowel_start) * c->share;
	double scale = all > room ? room / all : 1;
	y->onset_start = y->vowel_start - onset * scale;
	x->coda_end = y->onset_start - pause * scale;
	x->vowel_end = x->coda_end - coda * scale;
}

/* A vowel and its coda before a rest of `rest` seconds: the coda closes the note and may reach a little into the rest. */
static void place_end(const struct pacing *c, const struct spoken_span *a, struct sung_span *x, double note_end, double rest)
{
	double coda = (a->coda_end - a->vowel_end) * c->scale;
	double end = note_end + fmin(0.5 * coda, fmin(0.08, 0.4 * rest));
	double room = (end - x->vowel_start) * c->share;
	x->coda_end = end;
	x->vowel_end = end - fmin(coda, room);
}

static void place_start(const struct pacing *c, const struct spoken_span *b, struct sung_span *y, double rest)
{
	double onset = (b->vowel_start - b->onset_start) * c->scale;
	y->onset_start = y->vowel_start - fmin(onset, 0.9 * rest);
}

static void add_point(struct bend *b, double dst, double src)
{
	if (b->n >= BEND_POINTS_MAX)
		return;
	if (b->n) {
		dst = fmax(dst, b->dst[b->n - 1]);
		src = fmax(src, b->src[b->n - 1]);
		if (dst - b->dst[b->n - 1] < 1e-4) { /* two at one place: the later one holds */
			b->src[b->n - 1] = src;
			return;
		}
	}
	b->dst[b->n] = dst;
	b->src[b->n++] = src;
}

static void add_vowel(struct bend *b, const struct spoken_span *s, const struct sung_span *d)
{
	double from = s->vowel_end - s->vowel_start, to = d->vowel_end - d->vowel_start;
	add_point(b, d->vowel_start, s->vowel_start);
	if (to > from * 1.05) {
		double keep = fmin(0.35 * from, VOWEL_KEEP_S);
		add_point(b, d->vowel_start + keep, s->vowel_start + keep);
		if (s->glide && to > from + 0.1) /* a diphthong is held on its first half, its second comes late */
			add_point(b, d->vowel_end - fmax(0.25 * to, 0.6 * from), s->vowel_start + 0.45 * from);
		add_point(b, d->vowel_end - keep, s->vowel_end - keep);
	}
	add_point(b, d->vowel_end, s->vowel_end);
}

void bend_plan(const struct sung_line *line, const struct token_line *tokens, const int *frames, struct bend *ret, struct sung_span *spans)
{
	struct spoken_span spoken[TOKENS_MAX];
	double note_end[TOKENS_MAX] = { 0 };
	int n = line->n_syllables;
	const struct pacing *c = line->spoken ? &rapped : &sung;
	spoken_spans(tokens, frames, n, spoken);
	for (int i = line->n_notes - 1; i >= 0; i--) {
		const struct sung_note *k = &line->notes[i];
		spans[k->syllable].vowel_start = (double)k->start_s;
		note_end[k->syllable] = fmax(note_end[k->syllable], (double)k->end_s);
	}
	place_start(c, &spoken[0], &spans[0], spans[0].vowel_start);
	for (int k = 0; k < n; k++) {
		double rest = k + 1 < n ? spans[k + 1].vowel_start - note_end[k] : 1.0;
		if (rest < REST_S) {
			place_between(c, &spoken[k], &spoken[k + 1], &spans[k], &spans[k + 1]);
			continue;
		}
		place_end(c, &spoken[k], &spans[k], note_end[k], rest);
		if (k + 1 < n)
			place_start(c, &spoken[k + 1], &spans[k + 1], spans[k + 1].vowel_start - spans[k].coda_end);
	}
	ret->n = 0;
	for (int k = 0; k < n; k++) {
		add_point(ret, spans[k].onset_start, spoken[k].onset_start);
		add_vowel(ret, &spoken[k], &spans[k]);
		add_point(ret, spans[k].coda_end, spoken[k].coda_end);
	}
}

double bend_source(const struct bend *b, double t)
{
	if (t <= b->dst[0])
		return b->src[0] + (t - b->dst[0]);
	int lo = 0, hi = b->n - 1;
	if (t >= b->dst[hi])
		return b->src[hi] + (t - b->dst[hi]);
	while (hi - lo > 1) {
		int mid = (lo + hi) / 2;
		if (b->dst[mid] <= t)
			lo = mid;
		else
			hi = mid;
	}
	double share = (t - b->dst[lo]) / (b->dst[hi] - b->dst[lo]);
	return b->src[lo] + share * (b->src[hi] - b->src[lo]);
}
