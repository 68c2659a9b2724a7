/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Harmony voices: the chorus's words again, a third or a sixth from the lead, as backing singers find it.
 *
 * Each line of a voice is the cheapest way through the pitches of the key on its side of the lead (a Viterbi search): thirds before sixths before
 * fourths and fifths, tones of the chord where the beat is strong or the note long, small steps, no parallel perfect intervals: the rules of
 * two-part writing that any harmony book has. The first chorus has a voice on its hook and its last line, later ones on half of their lines, the last
 * on all, with a second voice on the other side, or beyond the first where the singer has no room there. Since every different line must be sung, there is a limit in seconds; a line that returns counts once. */
#include "compose/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_S 40.0        /* of different sung sound */
#define REACH 13           /* pitches on one side of the lead */
#define NEAREST 3          /* semitones from the lead */
#define NETWORK_HEADROOM 4 /* as in voice/: above high less this, a voice is retuned */
#define ABOVE 2            /* semitones above the singer's high that a voice may reach behind the lead */
#define DYNAMIC 0.55f

struct harmonist {
	const struct plan *p;
	struct score *s;
	int low, high, easy;      /* what a harmony voice may sing, and up to where it does so gladly */
	struct sung { int source, voice, transpose; } *sung; int n_sung;
	double seconds;
};

/* One line of the lead: notes first..first+n-1 of the score. */
struct run { int first, n, section, source, transpose; };

/* ---- pitches ---- */

static const struct plan_chord *chord_under(const struct plan *p, int at, int hold)
{
	int t = at < 0 ? 0 : at;
	/* What comes just before a beat and holds over it belongs to what comes. */
	if (hold >= 3 && p->meter.place[t % p->meter.steps] >= PLACE_EIGHTH && p->meter.place[(t + 2) % p->meter.steps] <= PLACE_BEAT)
		t += 2;
	return &p->chords[p->chord_of_step[t < p->bars * p->meter.steps ? t : p->bars * p->meter.steps - 1]];
}

static float interval_cost(int size, int consonant)
{
	static const float third_or_sixth[13] = { [3] = 0, [4] = 0, [5] = 1.8f, [6] = 3, [7] = 2, [8] = 0.6f, [9] = 0.6f, [10] = 2.2f, [11] = 3, [12] = 2.5f };
	float cost = third_or_sixth[size < NEAREST ? NEAREST : size > 12 ? 12 : size];
	return consonant && (size == 5 || size == 7) ? 0.6f * cost : cost;
}

/* What a pitch costs under (or over) one note of the lead; other: what the first voice sings there, or 0. */
static float pitch_cost(const struct harmonist *h, const struct vocal_note *lead, int q, int other)
{
	const struct plan *p = h->p;
	int at = lead->start / STEP_TICKS, hold = lead->dur / STEP_TICKS, deg = (q - p->tonic_pc + 120) % 12;
	const struct plan_chord *c = chord_under(p, at, hold);
	int strong = p->meter.place[at % p->meter.steps] == PLACE_STRONG || (p->meter.place[at % p->meter.steps] == PLACE_BEAT && hold >= 3) || hold >= 6;
	int tone = c->tones >> deg & 1, lead_tone = c->tones >> ((lead->midi - p->tonic_pc + 120) % 12) & 1;
	if (!(c->scale >> deg & 1))
		return 1e6f;
	float cost = interval_cost(abs(q - lead->midi), tone && lead_tone) + (tone ? 0 : strong ? 4 : 0.6f);
	if (q > h->easy)
		cost += 0.25f * (float)(q - h->easy);
	if (other && (q - lead->midi) * (other - lead->midi) > 0 && abs(q - lead->midi) < abs(other - lead->midi) + NEAREST)
		return 1e6f;
	if (other) {
		int apart = abs(q - other) % 12;
		cost += apart == 0 ? 2.5f : apart == 1 || apart == 11 ? 4 : apart == 2 || apart == 10 ? 1.5f : 0;
	}
	return cost;
}

static float step_cost(const struct vocal_note *before, const struct vocal_note *lead, int from, int to)
{
	int step = abs(to - from), moved = lead->midi - before->midi, apart = abs(to - lead->midi);
	float cost = 0.22f * (float)step + (step > 5 ? 1.5f : 0) + (step > 9 ? 4 : 0);
	if (!moved && step)
		cost += 0.5f;
	if (moved && apart == abs(from - before->midi) && (apart == 7 || apart == 12))
		cost += 1.5f;
	return cost;
}

/* Fills midi (of run.n) on one side of the lead. 0 if there is no way within the range. */
static int lead_voice(const struct harmonist *h, const struct run *r, int side, const int *other, int *midi)
{
	const struct vocal_note *lead = h->s->vocal + r->first;
	float (*cost)[REACH] = malloc((size_t)r->n * sizeof *cost);
	uint8_t (*from)[REACH] = malloc((size_t)r->n * sizeof *from);
	int found = cost && from;
	for (int i = 0; i < r->n && found; i++)
		for (int k = 0; k < REACH; k++) {
			int q = lead[i].midi + side * (NEAREST + k);
			float here = q < h->low || q + r->transpose > h->high ? 1e6f : pitch_cost(h, &lead[i], q, other ? other[i] : 0);
			float least = i ? 1e9f : 0;
			from[i][k] = 0;
			for (int b = 0; i && b < REACH; b++) {
				float way = cost[i - 1][b] + step_cost(&lead[i - 1], &lead[i], lead[i - 1].midi + side * (NEAREST + b), q);
				if (way < least) {
					least = way;
					from[i][k] = (uint8_t)b;
				}
			}
			cost[i][k] = least + here;
		}
	int best = 0;
	for (int k = 1; k < REACH && found; k++)
		if (cost[r->n - 1][k] < cost[r->n - 1][best])
			best = k;
	found = found && cost[r->n - 1][best] < 1e6f;
	for (int i = r->n - 1; i >= 0 && found; i--) {
		midi[i] = lead[i].midi + side * (NEAREST + best);
		best = from[i][best];
	}
	free(cost);
	free(from);
	return found;
}

/* 1: above the lead, where that stays easy to sing; else -1. */
static int usual_side(const struct harmonist *h, const struct run *r)
{
	int sum = 0;
	for (int i = 0; i < r->n; i++)
		sum += h->s->vocal[r->first + i].midi;
	return sum / r->n + r->transpose + 4 <= h->easy ? 1 : -1;
}

/* ---- which lines ---- */

static int is_chorus(const struct plan_section *s)
{
	return (s->kind == SECTION_CHORUS || s->kind == SECTION_HOOK) && s->n_phrases;
}

/* The next line of a section from note `from` on; 0 if there is none. */
static int next_run(const struct harmonist *h, int section, int from, struct run *ret)
{
	const struct score *s = h->s;
	while (from < s->n_vocal && s->vocal[from].section != section)
		from++;
	if (from >= s->n_vocal)
		return 0;
	*ret = (struct run){ .first = from, .section = section, .transpose = h->p->sections[section].transpose };
	while (from < s->n_vocal && s->vocal[from].section == section && s->vocal[from].line == s->vocal[ret->first].line)
		from++;
	ret->n = from - ret->first;
	return 1;
}

static int is_hook(const struct lyrics *l, int line)
{
	if (l->lines[line].same_as >= 0 && l->lines[l->lines[line].same_as].section == l->lines[line].section)
		return 1;
	for (int i = line + 1; i < l->n_lines && l->lines[i].section == l->lines[line].section; i++)
		if (l->lines[i].same_as == line)
			return 1;
	return 0;
}

static int is_wanted(const struct harmonist *h, int line, int index, int lines, int nth, int count, int voice)
{
	int last = count > 1 && nth == count - 1, hook = is_hook(h->p->lyrics, line);
	if (voice)
		return last && (hook || index * 2 >= lines);
	return last || hook || (nth == 0 && count > 1 ? index == lines - 1 : index * 2 >= lines);
}

/* The first line in the song that sounds like this one: returning sections have it in the same place. */
static int source_of(const struct harmonist *h, const struct run *r, int index)
{
	int section = h->p->sections[r->section].same_as;
	struct run other;
	int from = 0;
	if (section < 0)
		return r->first;
	for (int i = 0; next_run(h, section, from, &other); i++) {
		if (i == index)
			return other.first;
		from = other.first + other.n;
	}
	return r->first;
}

static int is_sung_already(const struct harmonist *h, int source, int voice, int transpose)
{
	for (int i = 0; i < h->n_sung; i++)
		if (h->sung[i].source == source && h->sung[i].voice == voice && h->sung[i].transpose == transpose)
			return 1;
	return 0;
}

static void add_line(struct harmonist *h, struct run *r, int voice)
{
	struct score *s = h->s;
	const struct vocal_note *lead = s->vocal + r->first;
	double seconds = score_seconds(s, lead[r->n - 1].start + lead[r->n - 1].dur) - score_seconds(s, lead[0].start);
	int again = is_sung_already(h, r->source, voice, r->transpose);
	if (!again && h->seconds + seconds > MOST_S)
		return;
	/* Its pitches are those of its source, whose chords it was written over. */
	struct run source = *r;
	source.first = r->source;
	int *midi = calloc((size_t)r->n * 2, sizeof *midi), *first = midi + r->n, side = usual_side(h, &source);
	int ok = midi != NULL;
	if (ok && !lead_voice(h, &source, side, NULL, first)) /* no room on that side */
		ok = lead_voice(h, &source, side = -side, NULL, first);
	if (ok && voice && !lead_voice(h, &source, -side, first, midi)) /* beyond the first voice */
		ok = lead_voice(h, &source, side, first, midi);
	struct vocal_note *out = s->harmony[voice] + s->n_harmony[voice];
	for (int i = 0; i < r->n && ok; i++) {
		out[i] = lead[i];
		out[i].midi = voice ? midi[i] : first[i];
		out[i].dynamic = DYNAMIC;
	}
	free(midi);
	if (!ok)
		return;
	s->n_harmony[voice] += r->n;
	if (!again) {
		h->sung[h->n_sung++] = (struct sung){ r->source, voice, r->transpose };
		h->seconds += seconds;
	}
}

static void add_section(struct harmonist *h, int section, int nth, int count, int voice)
{
	struct run r;
	int lines = 0, from = 0;
	for (; next_run(h, section, from, &r); lines++)
		from = r.first + r.n;
	from = 0;
	for (int i = 0; next_run(h, section, from, &r); i++) {
		from = r.first + r.n;
		r.source = source_of(h, &r, i);
		if (is_wanted(h, h->s->vocal[r.first].line, i, lines, nth, count, voice))
			add_line(h, &r, voice);
	}
}

static int by_start(const void *a, const void *b)
{
	return ((const struct vocal_note *)a)->start - ((const struct vocal_note *)b)->start;
}

int vocal_harmony_write(const struct plan *p, struct score *s, struct madrigal_error *err)
{
	const struct singer *singer = p->brief->singer;
	if (p->style->singer.harmony_db <= -60 || !s->n_vocal || !singer)
		return 0;
	struct harmonist h = { .p = p, .s = s, .low = singer->low, .high = singer->high + ABOVE < singer->top ? singer->high + ABOVE : singer->top };
	h.easy = singer->high - NETWORK_HEADROOM;
	int count = 0, nth;
	h.sung = calloc((size_t)s->n_vocal * HARMONY_VOICES, sizeof *h.sung);
	for (int v = 0; v < HARMONY_VOICES; v++)
		s->harmony[v] = calloc((size_t)s->n_vocal, sizeof *s->harmony[v]);
	if (!h.sung || !s->harmony[0] || !s->harmony[1]) {
		free(h.sung);
		return err_nomem(err);
	}
	for (int i = 0; i < p->n_sections; i++)
		count += is_chorus(&p->sections[i]);
	/* The last chorus first: it has most, and what is left of the seconds is the others'. */
	for (int v = 0; v < HARMONY_VOICES; v++) {
		nth = count;
		for (int i = p->n_sections - 1; i >= 0; i--)
			if (is_chorus(&p->sections[i]))
				add_section(&h, i, --nth, count, v);
		qsort(s->harmony[v], (size_t)s->n_harmony[v], sizeof *s->harmony[v], by_start);
	}
	free(h.sung);
	return 0;
}
