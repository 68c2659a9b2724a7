/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leads and counter-melodies: a style gives the rhythm, this finds the pitches. Where someone sings, short notes stay in the singer's
 * rests and long ones are guide tones that keep clear of the tune; where nobody does, a short motif returns, so that it is a hook. */
#include "compose/arrange.h"

#include <stdlib.h>
#include <string.h>

#include "compose/plan.h"

#define MOTIF 12

struct line_player {
	struct arrange *a;
	struct player *p;
	const struct arr_section *as;
	int motif[MOTIF];    /* steps of the scale from the phrase's first note */
	int in_phrase;       /* notes of this phrase so far */
	int anchor;          /* where the phrase began */
	int ends_at;         /* tick where the last note ended */
	int hint;            /* next_vocal's memory: all before it have ended */
	int sung;            /* someone sings in this section */
	const struct chord *chord; /* the last note's */
};

/* A contour of small steps with one leap, the same each time the section's kind comes. */
static void make_motif(struct line_player *lp)
{
	struct rng r = arrange_rng(lp->a, "motif", lp->p, arrange_is_chorus(lp->as->sec->kind));
	int at = 0, direction = rng_below(&r, 2) ? 1 : -1, leap = 1 + (int)rng_below(&r, 4);
	for (int i = 0; i < MOTIF; i++) {
		lp->motif[i] = at;
		if (rng_unit(&r) < 0.3f || abs(at) >= 4)
			direction = at >= 4 ? -1 : at <= -4 ? 1 : -direction;
		int size = i + 1 == leap ? 2 + (int)rng_below(&r, 2) : rng_unit(&r) < 0.2f ? 0 : 1;
		at += direction * size;
		if (i + 1 == leap) /* a leap is answered by steps back */
			direction = -direction;
	}
}

/* First vocal note that ends after a tick; n_vocal if there is none. Ticks asked for must not go back. */
static int next_vocal(struct line_player *lp, int tick)
{
	const struct score *s = lp->a->s;
	while (lp->hint < s->n_vocal && s->vocal[lp->hint].start + s->vocal[lp->hint].dur <= tick)
		lp->hint++;
	return lp->hint;
}

/* Is the singer silent for a beat and a half around this tick? *ret_until: where she comes in again. */
static int in_gap(struct line_player *lp, int tick, int *ret_until)
{
	const struct score *s = lp->a->s;
	int next = next_vocal(lp, tick);
	int from = next > 0 ? s->vocal[next - 1].start + s->vocal[next - 1].dur : 0;
	int until = next < s->n_vocal ? s->vocal[next].start : lp->a->end + lp->a->tail;
	for (int i = 0; i < s->n_backing; i++) /* the backing voices answer too */
		if (s->backing[i].start < tick + TICKS_PER_QUARTER && s->backing[i].start + s->backing[i].dur > tick)
			return 0;
	*ret_until = until;
	return until - from >= 3 * TICKS_PER_QUARTER / 2 && tick >= from && tick < until - ARRANGE_STEP;
}

/* What rubs with the voice while the note lasts. */
static float clash(struct line_player *lp, int start, int dur, int midi)
{
	const struct score *s = lp->a->s;
	float cost = 0;
	for (int i = next_vocal(lp, start); i < s->n_vocal && s->vocal[i].start < start + dur; i++) {
		const struct vocal_note *v = &s->vocal[i];
		int from = v->start > start ? v->start : start, to = v->start + v->dur < start + dur ? v->start + v->dur : start + dur;
		float share = (float)(to - from) / (float)dur;
		int d = abs(midi - v->midi) % 12;
		cost += share * (d == 1 || d == 11 ? 9 : midi == v->midi ? 3 : d == 2 || d == 10 ? 1 : 0);
	}
	return cost;
}

/* n steps of the scale away from a pitch. */
static int scale_steps(const struct arrange *a, int midi, int n)
{
	int side = n < 0 ? -1 : 1;
	for (int left = abs(n); left > 0 && midi > 1 && midi < 126;) {
		midi += side;
		left -= a->scale >> (midi % 12) & 1;
	}
	return midi;
}

static int find_pitch(struct line_player *lp, const struct chord *c, int start, int dur, int wanted, int strong, int guide)
{
	const struct arrange *a = lp->a;
	const struct style_instrument *in = lp->p->instrument;
	unsigned mask = chord_mask(a, c);
	int third = (a->s->tonic_pc + c->root + (c->n > 1 ? c->intervals[1] : 0)) % 12, best = -1;
	float least = 1e9f;
	for (int m = wanted - 9; m <= wanted + 9; m++) {
		if (m < in->low || m > in->high || m < 1)
			continue;
		int tone = mask >> (m % 12) & 1;
		if (!tone && (guide || !(a->scale >> (m % 12) & 1)))
			continue;
		float cost = (float)abs(m - wanted) + (tone ? 0 : strong ? 5 : 1.2f) + clash(lp, start, dur, m);
		/* A minor second above a tone of the chord grinds. */
		if (!tone && mask >> ((m + 11) % 12) & 1)
			cost += strong ? 3 : 1;
		if (guide && m % 12 == third)
			cost -= 1.5f;
		if (lp->p->last_midi >= 0 && abs(m - lp->p->last_midi) > 9)
			cost += 2;
		if (m == lp->p->last_midi) /* under one chord a long line moves; to a new one it may hold */
			cost += !guide ? 0.6f : lp->chord == c ? 4 : 0;
		if (cost < least) {
			least = cost;
			best = m;
		}
	}
	return best;
}

/* Middle of the instrument's range, moved away from the singer if there is room. */
static int home_of(const struct arrange *a, const struct player *p)
{
	int low = p->instrument->low, high = p->instrument->high, middle = (low + high) / 2;
	if (abs(middle - a->voice_centre) < 5 && a->s->n_vocal)
		middle = high - a->voice_centre > a->voice_centre - low ? a->voice_centre + 7 : a->voice_centre - 8;
	return middle < low + 4 ? low + 4 : middle > high - 4 ? high - 4 : middle;
}

static void place(struct line_player *lp, int start, int dur, char letter)
{
	struct arrange *a = lp->a;
	struct player *p = lp->p;
	int change, until = start + dur, guide = lp->sung && dur >= a->bar / 2;
	if (lp->sung && !guide) {
		if (!in_gap(lp, start, &until))
			return;
		if (start + dur > until)
			dur = until - start;
	}
	const struct chord *c = chord_of_note(a, start, start + dur, &change);
	int fresh = lp->in_phrase == 0 || start - lp->ends_at >= TICKS_PER_QUARTER || lp->in_phrase >= MOTIF;
	int home = home_of(a, p), strong = start % TICKS_PER_QUARTER == 0 || dur >= TICKS_PER_QUARTER;
	if (fresh) {
		lp->in_phrase = 0;
		lp->anchor = home;
	}
	int wanted = guide ? (p->last_midi < 0 ? home : (3 * p->last_midi + home) / 4) : scale_steps(a, lp->anchor, lp->motif[lp->in_phrase]);
	int m = find_pitch(lp, c, start, dur, wanted, strong, guide);
	if (m < 0)
		return;
	lp->chord = c;
	if (fresh && !guide)
		lp->anchor = m;
	int ring = start + dur >= a->end && strcmp(a->style->form.ending, "stop") ? a->tail : 0;
	float v = arrange_velocity(a, p, lp->as, start) + (letter == 'X' ? 9 : 0) - (lp->sung ? 4 : 0);
	/* Held over a change, it stays only if the new chord has it too. */
	if (change < start + dur && change > start) {
		int after;
		const struct chord *next = chord_of_note(a, change, change + 1, &after);
		if (!(chord_mask(a, next) >> (m % 12) & 1)) {
			arrange_note(p, start, change - start, m, v, ART_LEGATO, 0);
			p->last_midi = m;
			lp->in_phrase++;
			lp->ends_at = change;
			place(lp, change, dur - (change - start), letter);
			return;
		}
	}
	arrange_note(p, start, dur + ring, m, v, dur >= TICKS_PER_QUARTER ? ART_LEGATO : ART_NORMAL, 0);
	p->last_midi = m;
	lp->in_phrase++;
	lp->ends_at = start + dur;
}

/* Plays the tune that the composer has for the section; 0 if there is none. The last note is the last chord's and rings. */
static int play_tune(struct line_player *lp)
{
	struct arrange *a = lp->a;
	struct player *p = lp->p;
	const struct style_instrument *in = p->instrument;
	int home = home_of(a, p), low = home - 9 > in->low ? home - 9 : in->low, high = home + 10 < in->high ? home + 10 : in->high, n = 0, change;
	struct tune_note *tune = NULL;
	int rc = compose_lead_tune(a->req, a->s, lp->as->index, low, high, &tune, &n, NULL);
	if (rc < 0) {
		p->failed = 1;
		return 1;
	}
	int rings = lp->as->index + 1 == a->n_sections && strcmp(a->style->form.ending, "fade");
	for (int i = 0; i < n && !(rings && tune[i].start >= a->ring); i++) {
		int dur = rings && tune[i].start + tune[i].dur > a->ring ? a->ring - tune[i].start : tune[i].dur;
		float v = arrange_velocity(a, p, lp->as, tune[i].start) + (dur >= TICKS_PER_QUARTER ? 3 : 0);
		arrange_note(p, tune[i].start, dur, tune[i].midi, v, ART_LEGATO, 0);
		p->last_midi = tune[i].midi;
	}
	free(tune);
	if (rings && n) {
		const struct chord *c = chord_of_note(a, a->ring, a->end, &change);
		int dur = strcmp(a->style->form.ending, "stop") ? a->end - a->ring + a->tail : TICKS_PER_QUARTER;
		int m = find_pitch(lp, c, a->ring, dur, p->last_midi < 0 ? home : p->last_midi, 1, 1);
		arrange_note(p, a->ring, dur, m, arrange_velocity(a, p, lp->as, a->ring), ART_LEGATO, 0);
	}
	return n > 0;
}

void play_line(struct arrange *a, struct player *p, const struct arr_section *as)
{
	if (p->level[as->index] <= 0 || !a->s->n_chords)
		return;
	struct line_player lp = { .a = a, .p = p, .as = as, .anchor = home_of(a, p), .ends_at = as->sec->start };
	int first = next_vocal(&lp, as->sec->start);
	lp.sung = first < a->s->n_vocal && a->s->vocal[first].start < as->sec->end;
	if (p->role == ROLE_LEAD || p->plays_tune)
		if (!lp.sung && play_tune(&lp))
			return;
	char *row = pitched_row(a, p, as);
	if (!row)
		return;
	make_motif(&lp);
	for (int i = 0, n = as->bars * a->steps; i < n; i++) {
		if (row[i] == '.' || row[i] == '-')
			continue;
		int len = 1;
		while (i + len < n && row[i + len] == '-')
			len++;
		place(&lp, as->sec->start + i * ARRANGE_STEP, len * ARRANGE_STEP, row[i]);
	}
}
