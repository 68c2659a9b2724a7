/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chords as hands hold them: close and open positions led by least motion, guitar shapes, power chords. */
#include "compose/arrange.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FRETS 4             /* what a hand spans */
#define HIGHEST_POSITION 9

unsigned chord_mask(const struct arrange *a, const struct chord *c)
{
	return chord_pitch_classes(c, a->s->tonic_pc);
}

const struct chord *chord_of_note(const struct arrange *a, int start, int end, int *ret_change)
{
	const struct score *s = a->s;
	int low = 0, high = s->n_chords;
	while (low < high) {
		int mid = (low + high) / 2;
		if (s->chords[mid].end <= start)
			low = mid + 1;
		else
			high = mid;
	}
	if (low >= s->n_chords)
		low = s->n_chords - 1;
	const struct score_chord *now = &s->chords[low];
	if (low + 1 < s->n_chords && now->end > start && now->end - start <= 2 * ARRANGE_STEP && end > now->end)
		now++;
	*ret_change = now->end;
	return &now->chord;
}

int nearest_pitch(int pitch_class, int near, int low, int high)
{
	int best = -1;
	for (int p = low; p <= high; p++)
		if (p % 12 == pitch_class && (best < 0 || abs(p - near) < abs(best - near)))
			best = p;
	return best;
}

/* ---- keys ---- */

/* Which of the chord's tones are played when not all can be: the third and what colours the chord before the root and the fifth. */
static int chosen_tones(const struct arrange *a, const struct chord *c, int voices, int *pcs)
{
	static const int worth[12] = { 5, 1, 7, 9, 9, 6, 4, 3, 4, 6, 8, 8 }; /* by interval above the root */
	int iv[CHORD_MAX_TONES], n = c->n;
	memcpy(iv, c->intervals, sizeof iv);
	while (n > voices && n > 1) {
		int drop = 0;
		for (int i = 1; i < n; i++)
			if (worth[iv[i] % 12] < worth[iv[drop] % 12])
				drop = i;
		for (int i = drop; i + 1 < n; i++)
			iv[i] = iv[i + 1];
		n--;
	}
	for (int i = 0; i < n; i++)
		pcs[i] = (a->s->tonic_pc + c->root + iv[i]) % 12;
	return n;
}

static float motion(const struct voicing *from, const int *to, int n)
{
	if (!from->n)
		return 0;
	float sum = 0;
	for (int i = 0; i < n; i++) {
		int best = 99;
		for (int k = 0; k < from->n; k++)
			if (abs(to[i] - from->midi[k]) < best)
				best = abs(to[i] - from->midi[k]);
		sum += (float)best;
	}
	/* The top voice is heard as a line. */
	return sum / (float)n + 0.35f * (float)abs(to[n - 1] - from->midi[from->n - 1]);
}

/* Close intervals are mud where they are low. */
static float mud(const int *midi, int n)
{
	float sum = 0;
	for (int i = 1; i < n; i++) {
		int gap = midi[i] - midi[i - 1];
		if (midi[i - 1] < 43 && gap < 7)
			sum += 6;
		else if (midi[i - 1] < 48 && gap < 5)
			sum += 4;
		else if (gap < 2)
			sum += 1.5f;
	}
	return sum;
}

static void sort_up(int *v, int n)
{
	for (int i = 1; i < n; i++)
		for (int k = i; k > 0 && v[k] < v[k - 1]; k--) {
			int t = v[k];
			v[k] = v[k - 1];
			v[k - 1] = t;
		}
}

/* Stacks n voices upward from a bottom pitch through the tones; drop: how many voices from the top one is put an octave down. */
static int stack(const int *pcs, int tones, int first, int bottom, int n, int drop, int *out)
{
	int p = bottom;
	for (int i = 0; i < n; i++) {
		int pc = pcs[(first + i) % tones];
		while (p % 12 != pc)
			p++;
		out[i] = p++;
	}
	if (drop && n > 2)
		out[n - drop] -= 12;
	sort_up(out, n);
	for (int i = 1; i < n; i++)
		if (out[i] == out[i - 1])
			return 0;
	return 1;
}

void voice_keys(const struct arrange *a, struct player *p, const struct chord *c, int voices, int centre)
{
	int pcs[CHORD_MAX_TONES], low = p->instrument->low, high = p->instrument->high, midi[VOICING_MAX];
	if (p->voiced == c && p->voicing.n)
		return;
	if (voices > VOICING_MAX)
		voices = VOICING_MAX;
	int tones = chosen_tones(a, c, voices, pcs);
	struct voicing best = { 0 };
	float least = 1e9f;
	for (int first = 0; first < tones; first++)
		for (int drop = 0; drop <= 3; drop++)
			for (int bottom = low; bottom <= high; bottom += 12) {
				if (drop == 1 || !stack(pcs, tones, first, bottom, voices, drop, midi) || midi[0] < low || midi[voices - 1] > high)
					continue;
				float mean = 0;
				for (int i = 0; i < voices; i++)
					mean += (float)midi[i] / (float)voices;
				float off = mean - (float)centre, cost = motion(&p->voicing, midi, voices) + 0.06f * off * off + mud(midi, voices) + (drop ? 0.6f : 0);
				if (cost < least) {
					least = cost;
					best.n = voices;
					memcpy(best.midi, midi, sizeof midi);
				}
			}
	for (int i = 0; !best.n && i < tones; i++) { /* a narrow instrument: what it can reach */
		int m = nearest_pitch(pcs[i], centre, low, high);
		if (m >= 0 && i == 0)
			best = (struct voicing){ .n = 1, .midi = { m } };
	}
	for (int i = 0; i < best.n; i++)
		best.string[i] = i;
	p->voicing = best;
	p->voiced = c;
}

/* ---- strings ---- */

static const int guitar[6] = { 40, 45, 50, 55, 59, 64 }, banjo[4] = { 50, 55, 59, 62 }, mandolin[4] = { 55, 62, 69, 76 };

/* How the instrument is strung, by its lowest note. */
static int tuning(const struct style_instrument *in, const int **ret)
{
	*ret = in->low <= 43 ? guitar : in->low <= 52 ? banjo : mandolin;
	return in->low <= 43 ? 6 : 4;
}

struct shape { int n, midi[6], string[6]; float cost; };

/* A hand at a position (fret) with the bass on one string: every higher string at its lowest fret that gives a chord tone, open if there is one. */
static struct shape shape_at(const struct arrange *a, const struct player *p, const struct chord *c, const int *open, int strings, int position, int bass_string)
{
	unsigned mask = chord_mask(a, c), heard = 0;
	int bass = (a->s->tonic_pc + c->bass) % 12, third = 0, high = p->instrument->high;
	struct shape sh = { .cost = 1e9f };
	for (int i = 0; i < c->n; i++)
		if (c->intervals[i] == 3 || c->intervals[i] == 4)
			third = 1 << ((a->s->tonic_pc + c->root + c->intervals[i]) % 12);
	int thirds = 0, opens = 0;
	for (int st = bass_string; st < strings; st++) {
		unsigned want = st == bass_string ? 1u << bass : mask;
		int found = -1;
		if (want & 1u << (open[st] % 12) && position <= 4)
			found = 0;
		for (int f = position > 0 ? position : 1; f < (position > 0 ? position : 1) + FRETS && found < 0; f++)
			if (want & 1u << ((open[st] + f) % 12))
				found = f;
		int m = open[st] + found;
		if (found < 0 || m < p->instrument->low || m > high) {
			if (st == bass_string)
				return sh;
			continue;
		}
		sh.midi[sh.n] = m;
		sh.string[sh.n++] = st;
		heard |= 1u << (m % 12);
		thirds += third && (heard & (unsigned)third) && (1u << (m % 12)) == (unsigned)third;
		opens += found == 0;
	}
	int missing = 0;
	for (int pc = 0; pc < 12; pc++)
		missing += (mask & ~heard) >> pc & 1;
	sh.cost = 3.0f * (float)missing + (third && !thirds ? 5 : 0) + (thirds > 1 ? 0.8f : 0) + 0.45f * (float)position - 0.4f * (float)opens +
	          0.9f * (float)(strings - sh.n);
	return sh;
}

void voice_strings(const struct arrange *a, struct player *p, const struct chord *c)
{
	const int *open;
	int strings = tuning(p->instrument, &open);
	if (p->voiced == c && p->voicing.n)
		return;
	struct shape best = { .cost = 1e9f };
	for (int position = 0; position <= HIGHEST_POSITION; position++)
		for (int bass = 0; bass + 3 <= strings; bass++) {
			struct shape sh = shape_at(a, p, c, open, strings, position, bass);
			if (sh.n >= 3 && sh.cost < best.cost)
				best = sh;
		}
	p->voicing.n = best.n;
	for (int i = 0; i < best.n; i++) {
		p->voicing.midi[i] = best.midi[i];
		p->voicing.string[i] = best.string[i];
	}
	p->voiced = c;
	if (!best.n) {
		p->voiced = NULL;
		voice_keys(a, p, c, 4, (p->instrument->low + p->instrument->high) / 2);
	}
}

void voice_power(const struct arrange *a, struct player *p, const struct chord *c)
{
	if (p->voiced == c && p->voicing.n)
		return;
	int fifth = 7, low = p->instrument->low, high = p->instrument->high;
	for (int i = 0; i < c->n; i++)
		if (c->intervals[i] == 6 && c->n > 2 && c->intervals[1] == 3)
			fifth = 6;
	/* The root low on the neck, always in the same place. */
	int root_pc = (a->s->tonic_pc + c->root) % 12, root = nearest_pitch(root_pc, low + 5, low, low + 11 < high ? low + 11 : high);
	int stackup[3] = { root, root + fifth, root + 12 };
	p->voicing.n = 0;
	for (int i = 0; i < 3 && root >= 0; i++)
		if (stackup[i] <= high) {
			p->voicing.midi[p->voicing.n] = stackup[i];
			p->voicing.string[p->voicing.n] = p->voicing.n;
			p->voicing.n++;
		}
	p->voiced = c;
}
