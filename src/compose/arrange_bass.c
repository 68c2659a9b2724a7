/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bass: the pattern's letters as pitches; a root wherever the chord changes; notes with the kick. */
#include "compose/arrange.h"

#include <stdlib.h>
#include <string.h>

#define KICK_AGREEMENT 0.7f

struct bass {
	struct arrange *a;
	struct player *p;
	const struct arr_section *as;
	struct rng rng;
	int low, high; /* where roots lie: the instrument's lowest octave or so */
};

static int is_onset(char c)
{
	return c != '.' && c != '-';
}

/* A held note is struck again, softly, with the kick, until most kicks have their bass note. */
static void follow_kick(const struct arrange *a, const struct arr_section *as, char *row)
{
	int first = as->sec->start / ARRANGE_STEP, n = as->bars * a->steps, kicks = 0, met = 0, held = 0;
	for (int i = 0; i < n; i++) {
		kicks += a->kick[first + i];
		met += a->kick[first + i] && is_onset(row[i]);
	}
	for (int pass = 0; pass < 2; pass++) { /* first on beats, then between them */
		held = 0;
		for (int i = 0; i < n && (float)met < KICK_AGREEMENT * (float)kicks; i++) {
			held = is_onset(row[i]) ? 0 : held + 1;
			if (a->kick[first + i] && row[i] == '-' && held >= 2 && i % (pass ? 2 : 4) == 0) {
				row[i] = 'r';
				held = 0;
				met++;
			}
		}
	}
}

static int root_of(const struct bass *b, const struct chord *c)
{
	int pc = (b->a->s->tonic_pc + c->bass) % 12, home = b->low + 6;
	/* A chord that returns has its root where it was: home counts far more than the way from the last note. */
	int near = b->p->last_midi < 0 ? home : home + (b->p->last_midi - home) / 6;
	int m = nearest_pitch(pc, near, b->low, b->high);
	return m >= 0 ? m : nearest_pitch(pc, near, b->p->instrument->low, b->p->instrument->high);
}

static int fit(const struct bass *b, int midi)
{
	while (midi > b->p->instrument->high)
		midi -= 12;
	while (midi < b->p->instrument->low)
		midi += 12;
	return midi > b->p->instrument->high ? midi - 12 : midi;
}

/* The tone at a third, fifth or seventh of the chord, above its root. */
static int tone(const struct chord *c, int low, int high, int otherwise)
{
	for (int i = 0; i < c->n; i++)
		if (c->intervals[i] >= low && c->intervals[i] <= high)
			return c->intervals[i];
	return otherwise;
}

static int in_scale(const struct bass *b, int midi)
{
	return b->a->scale >> (midi % 12 + 12) % 12 & 1;
}

/* A note next to the coming root, from the side we are on; at times a half-step, at times the fifth above it. */
static int approach(struct bass *b, int target)
{
	int from = b->p->last_midi < 0 ? target : b->p->last_midi;
	float u = rng_unit(&b->rng);
	if (from == target || u < 0.15f)
		return fit(b, target + (target - 5 >= b->low ? -5 : 7));
	int side = from < target ? -1 : 1;
	if (u < 0.35f)
		return fit(b, target + side);
	return fit(b, in_scale(b, target + side) ? target + side : target + 2 * side);
}

/* One step of a walk of `left` more notes to the target. */
static int walk(const struct bass *b, const struct chord *c, int target, int left)
{
	int from = b->p->last_midi < 0 ? target : b->p->last_midi;
	if (from == target) { /* stay: out to a chord tone and back */
		int away = fit(b, from + (left % 2 ? tone(c, 6, 8, 7) : tone(c, 3, 4, 4)));
		return away;
	}
	int wanted = from + (target - from) / (left + 1), side = target > from ? 1 : -1;
	if (wanted == from)
		wanted = from + side;
	for (int d = 0; d < 3; d++) {
		if (in_scale(b, wanted + d * side) && wanted + d * side != target)
			return fit(b, wanted + d * side);
		if (in_scale(b, wanted - d * side) && wanted - d * side != from)
			return fit(b, wanted - d * side);
	}
	return fit(b, wanted);
}

static int pitch_of(struct bass *b, char letter, const struct chord *c, int change, int left)
{
	int root = root_of(b, c), after;
	const struct chord *next = chord_of_note(b->a, change < b->a->end ? change : b->a->end - 1, 0, &after);
	int target = root_of(b, next);
	/* With another note in the bass, thirds and fifths are still the chord's. */
	int base = root + (c->root - c->bass + 12) % 12;
	if (base - root > 6)
		base -= 12;
	switch (letter) {
	case '3': return fit(b, base + tone(c, 2, 5, 4));
	case '5': return fit(b, base + tone(c, 6, 8, 7) > b->high + 5 ? base + tone(c, 6, 8, 7) - 12 : base + tone(c, 6, 8, 7));
	case '7': return fit(b, base + tone(c, 9, 11, c->root == 0 || c->root == 5 ? 11 : 10));
	case '8': return fit(b, root + 12);
	case 'a': return approach(b, target);
	case 'w': return walk(b, c, target, left);
	default: return root;
	}
}

static void strike(struct bass *b, int step, int n, char letter, const char *row)
{
	struct arrange *a = b->a;
	int start = b->as->sec->start + step * ARRANGE_STEP, end = start + n * ARRANGE_STEP;
	while (start < end) {
		int change;
		const struct chord *c = chord_of_note(a, start, end, &change);
		int began = start, left = 0, first = start == b->as->sec->start + step * ARRANGE_STEP;
		for (int i = step + 1; row[i] != 0 && b->as->sec->start + i * ARRANGE_STEP < change && strchr("wa-", row[i]); i++)
			left += row[i] != '-';
		int stop = change < end && change > start ? change : end;
		/* On a new chord its root is heard first. */
		const struct score_chord *now = score_chord_at(a->s, start);
		char l = letter;
		if (!first || (now && now->start == start && !strchr("Rr8", letter)))
			l = 'R';
		int m = pitch_of(b, l, c, change, left);
		float v = arrange_velocity(a, b->p, b->as, start) + (l == 'r' ? -12 : l == 'R' ? 2 : -3) + (a->kick[start / ARRANGE_STEP] ? 3 : 0);
		int ring = stop >= a->end && strcmp(a->style->form.ending, "stop") ? a->tail : 0;
		arrange_note(b->p, began, stop - began + ring, m, v, ART_NORMAL, 0);
		b->p->last_midi = m;
		start = stop;
	}
}

void play_bass(struct arrange *a, struct player *p, const struct arr_section *as)
{
	if (p->level[as->index] <= 0 || !a->s->n_chords)
		return;
	char *row = pitched_row(a, p, as);
	if (!row)
		return;
	int n = as->bars * a->steps;
	int last = as->index + 1 == a->n_sections;
	if (!last)
		follow_kick(a, as, row);
	struct bass b = { a, p, as, arrange_rng(a, "bass", p, as->index), p->instrument->low, p->instrument->low + 14 };
	if (b.high > p->instrument->high)
		b.high = p->instrument->high;
	row[n] = 0;
	for (int i = 0; i < n; i++) {
		if (!is_onset(row[i]))
			continue;
		int len = 1;
		while (i + len < n && row[i + len] == '-')
			len++;
		strike(&b, i, len, row[i], row);
	}
}
