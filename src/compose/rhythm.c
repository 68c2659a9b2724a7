/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rhythm: onsets for each phrase's syllables, from the bars and phrases that human songs share (tables.c).
 *
 * Each draft gives each family of sections a small vocabulary of bars, drawn by how many songs have them: that is its groove, and why bars
 * return. The bars of a phrase are then chosen together (dynamic programming over bars and syllables) so that stresses fall on beats; whole
 * phrases from the bank compete with what that finds, and so does the rhythm of the phrase's model. What a syllable costs on a place is
 * the logarithm of how much rarer human songs put its kind there than chance would. */
#include "compose/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MASKS_MAX 640
#define DOUBLE_TIME_MAX 14   /* bars that are put together in pairs */
#define VOCAB_MAX 44
#define VOCAB_USUAL 22
#define VOCAB_SHORT 14
#define GAP_MAX 24
#define HUGE_COST 1e6f
#define DENSITY_WEIGHT 8.0f
#define EASY_PACE 3.9f       /* syllables a second: beyond, words begin to be lost (measured) */
#define SPEECH_PACE 2.5f     /* below, they are drawn out until they aren't understood (docs/voice.md) */
#define THREE_FOR_TWO 0.9f   /* 6/8: what it costs to put a weak syllable where 3/4 has a beat, so that the bar isn't heard as one of three */
#define LEAST_FILLED 0.6f   /* of its bars, by a line that hurries on that account */
#define LEAN_LEAST 0.8f      /* where the beat is slow: what an onset off the beat costs at least, and by how much more drafts differ, */
#define LEAN_SPREAD 4.5f     /* so that sixteenths hang on beats instead of running past them */

struct mask_info { uint16_t mask; int8_t n, first, last, off; float prior, usual; };

/* used: whether a phrase of the section at hand has the bar already; lean: what an onset off the beat costs */
struct vocab { int n; int16_t mask[VOCAB_MAX]; uint8_t used[VOCAB_MAX]; float cost[VOCAB_MAX]; float pickup, lean; };

struct rhythm_bank {
	int n_masks, n_syllables;
	struct mask_info masks[MASKS_MAX];
	struct vocab vocab[FAMILIES];
	float *fit;    /* n_syllables x n_masks: the mask's onsets sung from that syllable on */
	float *gap;    /* n_syllables x (GAP_MAX + 1): the syllable held for so many steps */
};

/* ---- what a syllable costs where ---- */

/* -log(share of the kind on the place / share of all onsets there), Billboard (songcraft.md 1); columns as enum place. */
static const float stressed_cost[PLACES] = { -0.85f, -0.25f, 0.45f, 0.8f };
static const float secondary_cost[PLACES] = { -0.2f, -0.1f, 0.1f, 0.3f };
static const float unstressed_cost[PLACES] = { 1.75f, 0.75f, -0.35f, -0.2f };
static const float content_cost[PLACES] = { -0.42f, -0.05f, 0.2f, 0.5f };
static const float function_cost[PLACES] = { 0.7f, 0.05f, -0.15f, -0.1f };

static const float *place_costs(const struct lyrics *l, int syllable)
{
	const struct syllable *s = &l->syllables[syllable];
	const struct word *w = &l->words[s->word];
	if (w->n_syllables == 1)
		return w->content ? content_cost : function_cost;
	return s->stress == STRESS_PRIMARY ? stressed_cost : s->stress == STRESS_SECONDARY ? secondary_cost : unstressed_cost;
}

static int is_slow(const struct meter *m)
{
	return m->step_s > SLOW_STEP_S;
}

/* Whether the tune goes in double time. Rap's hook has twice a line's bars, to be slow against what is spoken. */
static int doubles(const struct plan *p)
{
	return is_slow(&p->meter) && !p->raps;
}

/* Notes a quarter for n syllables in so many bars: the style's, but in a slow song no slower than words are spoken with ease, unless most of
 * the bars were left empty for it. */
static float density_of(const struct plan *p, float n, float bars)
{
	float own = p->style->melody.density, filled = 4 * n / (LEAST_FILLED * bars * (float)p->meter.steps);
	float spoken = SPEECH_PACE * 4 * (float)p->meter.step_s;
	return doubles(p) ? fmaxf(own, fminf(spoken, filled)) : own;
}

/* Holding syllable i for `steps`, when another follows in its phrase. */
static float hold_cost(const struct plan *p, int i, int steps)
{
	const struct lyrics *l = p->lyrics;
	const struct syllable *s = &l->syllables[i];
	const struct word *w = &l->words[s->word];
	int ends_word = i == w->first_syllable + w->n_syllables - 1;
	int strong = w->n_syllables == 1 ? w->content : s->stress == STRESS_PRIMARY;
	float seconds = (float)(steps * p->meter.step_s), cost = 0;
	int pulse = doubles(p) ? 2 * steps : steps; /* as it is felt: in double time where the beat is slow */
	float least = strong ? 0.18f : 0.15f;
	if (seconds < least - 1e-4f)
		cost += HUGE_COST;
	/* Consonants take time: a full coda wants a longer note. */
	cost += 6 * fmaxf(0, 0.14f + 0.035f * (float)s->coda_consonants - seconds);
	cost += 6 * fmaxf(0, 0.22f - seconds);
	/* Words are understood by their pace: weak syllables drawn out are what a listener mishears first. */
	cost += strong ? 2.5f * fmaxf(0, seconds - 0.4f) : (doubles(p) ? 11 : 6) * fmaxf(0, seconds - 0.28f);
	if (pulse > 4 && !ends_word)
		cost += 0.3f * (float)(pulse - 4);
	if (ends_word && w->punct && w->punct != '-')
		cost += pulse >= 4 && pulse <= 12 ? -0.7f : pulse < 3 ? 0.5f : 0;
	else if (pulse > 6)
		cost += 0.22f * (float)(pulse - 6);
	if (strong)
		cost -= pulse == 4 ? 0.3f : pulse == 3 || pulse == 6 ? 0.15f : 0;
	else if (pulse > 3)
		cost += 0.1f + 0.17f * (float)(pulse - 4);
	return cost;
}

/* ---- the bank ---- */

int rhythm_least_step(const struct meter *m)
{
	return m->step_s >= 0.165 ? 1 : m->step_s * 2 >= 0.15 - 1e-9 ? 2 : 4;
}

int rhythm_least_gap(const struct meter *m)
{
	int note = (int)ceil(0.3 / m->step_s - 1e-6), breath = (int)ceil(0.35 / m->step_s - 1e-6);
	int steps = (note < 2 ? 2 : note) + (breath < 2 ? 2 : breath);
	return steps > m->steps - 2 ? m->steps - 2 : steps;
}

static int phrase_least_step(const struct plan *p, const struct plan_phrase *ph)
{
	return ph->rap ? rap_least_step(&p->meter) : rhythm_least_step(&p->meter);
}

static int phrase_least_gap(const struct plan *p, const struct plan_phrase *ph)
{
	return ph->rap ? rap_least_gap(&p->meter) : rhythm_least_gap(&p->meter);
}

static int shortest_step(unsigned mask)
{
	int least = 99, before = -1;
	for (int i = 0; i < 16; i++)
		if (mask >> i & 1) {
			if (before >= 0 && i - before < least)
				least = i - before;
			before = i;
		}
	return least;
}

static int add_mask(const struct meter *m, struct mask_info *out, int n, unsigned mask, float songs)
{
	if (n == MASKS_MAX || shortest_step(mask) < rhythm_least_step(m))
		return n;
	for (int i = 0; i < n; i++)
		if (out[i].mask == mask)
			return n;
	struct mask_info *f = &out[n];
	f->mask = (uint16_t)mask;
	f->n = (int8_t)__builtin_popcount(mask);
	f->first = (int8_t)__builtin_ctz(mask);
	f->last = (int8_t)(31 - __builtin_clz(mask));
	f->off = 0;
	f->prior = 0.33f * logf(140 / songs);
	return n + 1;
}

/* Bars of 3/4 and 6/8 are not in the tables: all sets of eighths, by how usual each place is there. */
static int add_twelves(const struct meter *m, struct mask_info *out)
{
	static const float waltz[6] = { 0.85f, 0.3f, 0.7f, 0.42f, 0.72f, 0.5f }, six[6] = { 0.85f, 0.38f, 0.6f, 0.72f, 0.4f, 0.62f };
	const float *usual = m->eighths_lead ? six : waltz;
	int n = 0;
	for (unsigned set = 1; set < 64; set++) {
		unsigned mask = 0;
		float songs = 900;
		for (int i = 0; i < 6; i++) {
			songs *= set >> i & 1 ? usual[i] : 1 - usual[i];
			mask |= (set >> i & 1) << (2 * i);
		}
		n = add_mask(m, out, n, mask, fmaxf(3, songs));
	}
	/* Slow bars divide further. */
	for (unsigned i = 0; i < 12 && m->step_s > 0.2; i += 2)
		for (unsigned k = i; k < 12; k += 2)
			n = add_mask(m, out, n, 0x555 | 2u << i | 2u << k, 4);
	return n;
}

/* A bar in double time: two usual bars of eighths as one of sixteenths. */
static int add_double_time(const struct meter *m, struct mask_info *out, int n)
{
	unsigned half[DOUBLE_TIME_MAX];
	float songs[DOUBLE_TIME_MAX];
	int k = 0;
	for (int i = 0; i < n_bar_rhythms && k < DOUBLE_TIME_MAX; i++) {
		unsigned mask = bar_rhythms[i].mask, squeezed = 0;
		if (mask & 0xaaaa || __builtin_popcount(mask) < 2)
			continue;
		for (int t = 0; t < 16; t += 2)
			squeezed |= (mask >> t & 1) << (t / 2);
		half[k] = squeezed;
		songs[k++] = (float)bar_rhythms[i].songs;
	}
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			n = add_mask(m, out, n, half[i] | half[j] << 8, 0.5f * sqrtf(songs[i] * songs[j]));
	return n;
}

static int gather_masks(const struct meter *m, struct mask_info *out)
{
	int n = 0;
	if (m->steps == 12)
		return add_twelves(m, out);
	for (int i = 0; i < n_bar_rhythms; i++)
		n = add_mask(m, out, n, bar_rhythms[i].mask, bar_rhythms[i].songs);
	for (int i = 0; i < n_dense_rhythms && is_slow(m); i++)
		n = add_mask(m, out, n, dense_rhythms[i].mask, 0.4f * dense_rhythms[i].songs);
	return is_slow(m) ? add_double_time(m, out, n) : n;
}

int rhythm_bank_new(struct plan *p, struct rhythm_bank **ret, struct madrigal_error *err)
{
	struct rhythm_bank *b = calloc(1, sizeof *b);
	if (!b)
		return err_nomem(err);
	const struct lyrics *l = p->lyrics;
	b->n_masks = gather_masks(&p->meter, b->masks);
	b->n_syllables = l->n_syllables;
	b->fit = malloc(((size_t)b->n_masks * (size_t)b->n_syllables + 1) * sizeof *b->fit);
	b->gap = malloc(((size_t)b->n_syllables * (GAP_MAX + 1) + 1) * sizeof *b->gap);
	p->stress = malloc(((size_t)b->n_syllables * BAR_STEPS_MAX + 1) * sizeof *p->stress);
	if (!b->fit || !b->gap || !p->stress) {
		rhythm_bank_free(b);
		return err_nomem(err);
	}
	float push = p->style->melody.syncopation;
	for (int i = 0; i < b->n_syllables; i++) {
		const float *cost = place_costs(l, i);
		int weak = cost == unstressed_cost || cost == function_cost;
		for (int t = 0; t < p->meter.steps; t++)
			p->stress[i * BAR_STEPS_MAX + t] = cost[p->meter.place[t]] + (weak && p->meter.eighths_lead && (t == 4 || t == 8) ? THREE_FOR_TWO : 0);
		for (int g = 0; g <= GAP_MAX; g++)
			b->gap[i * (GAP_MAX + 1) + g] = hold_cost(p, i, g);
	}
	for (int k = 0; k < p->n_phrases; k++)
		for (int i = p->phrases[k].first_syllable; p->phrases[k].rap && i < p->phrases[k].first_syllable + p->phrases[k].n; i++) {
			rap_stress(p, i, p->stress + i * BAR_STEPS_MAX);
			for (int g = 0; g <= GAP_MAX; g++)
				b->gap[i * (GAP_MAX + 1) + g] = rap_hold(p, i, g);
		}
	for (int k = 0; k < b->n_masks; k++) {
		for (int t = 0; t < p->meter.steps; t++)
			b->masks[k].off += (b->masks[k].mask >> t & 1) && p->meter.place[t] >= PLACE_EIGHTH;
		b->masks[k].prior += 0.5f * fabsf((float)b->masks[k].off / (float)b->masks[k].n - 0.3f - 0.4f * push);
		b->masks[k].usual = expf(-2 * b->masks[k].prior);
	}
	for (int i = 0; i < b->n_syllables; i++)
		for (int k = 0; k < b->n_masks; k++) {
			float cost = 0;
			int at = i, before = -1;
			for (unsigned left = b->masks[k].mask; left && at < b->n_syllables; left &= left - 1, at++) {
				int t = __builtin_ctz(left);
				cost += p->stress[at * BAR_STEPS_MAX + t];
				if (before >= 0)
					cost += b->gap[(at - 1) * (GAP_MAX + 1) + t - before];
				before = t;
			}
			b->fit[(size_t)i * (size_t)b->n_masks + (size_t)k] = cost;
		}
	*ret = b;
	return 0;
}

void rhythm_bank_free(struct rhythm_bank *b)
{
	if (!b)
		return;
	free(b->fit);
	free(b->gap);
	free(b);
}

/* ---- a draft's vocabulary ---- */

/* Draws up to k masks without putting back, weighted (Efraimidis and Spirakis 2006: the k greatest of u^(1/w)), into v. */
static void draw_masks(const float *weight, int n, int k, struct rng *r, const struct rhythm_bank *b, struct vocab *v)
{
	float key[VOCAB_MAX];
	int16_t mask[VOCAB_MAX];
	int got = 0;
	for (int i = 0; i < n; i++) {
		if (!(weight[i] > 0))
			continue;
		float x = logf(rng_unit(r) + 1e-8f) / weight[i];
		if (got == k && x <= key[k - 1])
			continue;
		int at = got < k ? got++ : k - 1;
		for (; at > 0 && key[at - 1] < x; at--) {
			key[at] = key[at - 1];
			mask[at] = mask[at - 1];
		}
		key[at] = x;
		mask[at] = (int16_t)i;
	}
	for (int i = 0; i < got; i++) {
		int have = 0;
		for (int j = 0; j < v->n; j++)
			have |= v->mask[j] == mask[i];
		if (have)
			continue;
		v->mask[v->n] = mask[i];
		v->cost[v->n++] = b->masks[mask[i]].prior + 0.5f * rng_gauss(r) + v->lean * (float)b->masks[mask[i]].off;
	}
}

/* The family's bars: those that are about as full as its lines, by songs; and the short ones that begin and end phrases. */
static void draw_vocab(const struct plan *p, const struct rhythm_bank *b, enum tune_family family, struct rng *r, struct vocab *v)
{
	float weight[MASKS_MAX], onsets = 0, bars = 0, fullest = 0;
	for (int i = 0; i < p->n_phrases; i++) {
		const struct plan_phrase *ph = &p->phrases[i];
		if (p->sections[ph->section].family != family || ph->source >= 0)
			continue;
		onsets += (float)ph->n;
		bars += (float)ph->bars;
		fullest = fmaxf(fullest, (float)ph->n / (float)ph->bars);
	}
	float wanted = density_of(p, onsets, fmaxf(1, bars)) * (float)p->meter.steps / 4, even = bars > 0 ? 1.05f * onsets / bars + 0.4f : 4;
	float full = fminf((float)p->meter.steps / 2, fmaxf(even, sqrtf(even * wanted)));
	for (int k = 0; k < b->n_masks; k++) {
		float far = ((float)b->masks[k].n - full) / 1.5f;
		weight[k] = b->masks[k].usual / (1 + far * far);
	}
	v->n = 0;
	draw_masks(weight, b->n_masks, VOCAB_USUAL, r, b, v);
	for (int k = 0; k < b->n_masks; k++)
		weight[k] = b->masks[k].n <= 3 || b->masks[k].last <= p->meter.steps - 6 ? b->masks[k].usual : 0;
	draw_masks(weight, b->n_masks, VOCAB_SHORT, r, b, v);
	/* Lines that fill their bars need full ones. */
	for (int k = 0; k < b->n_masks; k++)
		weight[k] = (float)b->masks[k].n >= fullest ? b->masks[k].usual : 0;
	if (fullest * 3.2f > (float)p->meter.steps)
		draw_masks(weight, b->n_masks, VOCAB_MAX - VOCAB_USUAL - VOCAB_SHORT, r, b, v);
	v->pickup = rng_unit(r) < p->style->melody.pickup ? -0.35f : 0.6f;
}

/* ---- one phrase ---- */

struct fitting {
	const struct plan *p;
	const struct rhythm_bank *b;
	const struct plan_phrase *ph;
	const struct vocab *v;
	const struct draft_phrase *model;
	int earliest, latest;     /* limits of the first and the last onset */
	int least_gap, breath;    /* steps: rhythm_least_gap; a breath alone */
};

struct found { float cost; int16_t onset[PHRASE_MAX]; };

static float gap_cost(const struct fitting *f, int i, int steps)
{
	return f->b->gap[(f->ph->first_syllable + i) * (GAP_MAX + 1) + (steps > GAP_MAX ? GAP_MAX : steps)];
}

/* How the phrase's end suits its slot: room for a long last note and a breath, and no yawning rest. */
static float end_cost(const struct fitting *f, int last)
{
	int room = f->ph->bars * f->p->meter.steps - last, least = f->least_gap;
	if (last > f->latest)
		return HUGE_COST;
	float cost = 0.1f * (float)(room > least + 7 ? room - least - 7 : 0);
	if (room < least + 5)
		cost += 0.13f * (float)(least + 5 - room);
	/* A phrase ends on a beat more often than it goes through one; most of all a section's last. */
	enum place pl = f->p->meter.place[(last + 64 * f->p->meter.steps) % f->p->meter.steps];
	return cost + (pl >= PLACE_EIGHTH ? (f->ph->ends_section ? 0.35f : 0.1f) : 0);
}

static float start_cost(const struct fitting *f, int first)
{
	if (first < f->earliest)
		return HUGE_COST;
	float cost = first < 0 ? f->v->pickup : first > 8 ? 0.12f * (float)(first - 8) : 0;
	return first < -6 ? cost + 0.1f * (float)(-6 - first) : cost;
}

/* What it costs when all the phrase's syllables lie between these onsets: a singer who hurries loses the words, and the style has its density. */
static float pace_cost(const struct fitting *f, int first, int last)
{
	const struct plan *p = f->p;
	int n = f->ph->n, room = f->ph->bars * p->meter.steps - last - f->breath;
	float usual = n > 1 ? (float)(last - first) / (float)(n - 1) : 4, hold = fminf(fmaxf(4, 2.8f * usual), fmaxf(2, (float)room));
	float steps = (float)(last - first) + hold, hurry = (float)n / (steps * (float)p->meter.step_s) - EASY_PACE;
	float denser = log2f((float)(n * 4) / (steps * density_of(p, (float)n, (float)f->ph->bars)));
	return DENSITY_WEIGHT * denser * denser + (hurry > 0 ? 3 * hurry + 6 * hurry * hurry : 0);
}

/* Cost of given onsets, all of them checked. */
static float onsets_cost(const struct fitting *f, const int16_t *onset)
{
	const struct plan *p = f->p;
	int n = f->ph->n, steps = p->meter.steps;
	float cost = start_cost(f, onset[0]) + end_cost(f, onset[n - 1]) + pace_cost(f, onset[0], onset[n - 1]);
	for (int i = 0; i < n; i++) {
		int in_bar = (onset[i] + 64 * steps) % steps;
		cost += p->stress[(f->ph->first_syllable + i) * BAR_STEPS_MAX + in_bar] + (p->meter.place[in_bar] >= PLACE_EIGHTH ? f->v->lean : 0);
		if (i + 1 < n)
			cost += gap_cost(f, i, onset[i + 1] - onset[i]);
	}
	return cost;
}

struct cell { float cost; int16_t first, last; int8_t from, mask; };

/* Puts each mask of the vocabulary after what is best for i syllables by the end of bar `stage - 1` (0 is the bar before the slot). */
static void extend_cell(const struct fitting *f, struct cell (*best)[PHRASE_MAX + 1], int stage, int i)
{
	const struct rhythm_bank *b = f->b;
	int n = f->ph->n, bars = f->ph->bars, steps = f->p->meter.steps, bar = (stage - 1) * steps;
	const struct cell *c = &best[stage][i];
	const float *fit = b->fit + (size_t)(f->ph->first_syllable + i) * (size_t)b->n_masks;
	/* Bars return; but lines of one bar that follow no other would all be one. */
	float again = bars == 1 && !f->model ? 2.5f : -0.35f;
	for (int k = 0; k < f->v->n; k++) {
		const struct mask_info *m = &b->masks[f->v->mask[k]];
		int first = bar + m->first;
		if (m->n > n - i || (i == 0 && first < f->earliest) || (stage == 0 && m->first < steps / 2))
			continue;
		float cost = c->cost + fit[f->v->mask[k]] + f->v->cost[k] + (f->v->used[k] ? again : 0);
		cost += i ? gap_cost(f, i - 1, first - c->last) : start_cost(f, first);
		if (f->model && stage <= PHRASE_BARS_MAX && f->model->bar_mask[stage] == m->mask)
			cost -= 1.1f;
		if (i + m->n == n)
			cost += end_cost(f, bar + m->last) + pace_cost(f, i ? c->first : first, bar + m->last);
		struct cell *to = &best[stage + 1][i + m->n];
		if (cost < to->cost)
			*to = (struct cell){ cost, i ? c->first : (int16_t)first, (int16_t)(bar + m->last), (int8_t)i, (int8_t)k };
	}
	/* A bar without an onset: none before the slot, or a long note. */
	float idle = c->cost + (stage == 0 ? 0 : i == 0 ? 2 : 1.5f);
	if (i < n && idle < best[stage + 1][i].cost)
		best[stage + 1][i] = (struct cell){ idle, c->first, c->last, (int8_t)i, -1 };
}

static void fit_bars(const struct fitting *f, struct found *ret)
{
	struct cell best[PHRASE_BARS_MAX + 2][PHRASE_MAX + 1];
	int n = f->ph->n, bars = f->ph->bars, steps = f->p->meter.steps;
	for (int s = 0; s <= bars + 1 || s < 2; s++)
		for (int i = 0; i <= n; i++)
			best[s][i] = (struct cell){ HUGE_COST, 0, 0, -1, -1 };
	best[0][0].cost = 0;
	for (int s = 0; s <= bars; s++)
		for (int i = 0; i < n; i++)
			if (best[s][i].cost < HUGE_COST)
				extend_cell(f, best, s, i);
	int end = 1;
	for (int s = 2; s <= bars + 1; s++)
		if (best[s][n].cost < best[end][n].cost)
			end = s;
	ret->cost = best[end][n].cost;
	if (ret->cost >= HUGE_COST)
		return;
	for (int s = end, i = n; s > 0; s--) {
		const struct cell *c = &best[s][i];
		if (c->mask >= 0) {
			int at = c->from;
			for (unsigned left = f->b->masks[f->v->mask[c->mask]].mask; left; left &= left - 1)
				ret->onset[at++] = (int16_t)((s - 2) * steps + __builtin_ctz(left));
		}
		i = c->from;
	}
}

static void try_phrase(const struct fitting *f, const int16_t *onset, int start, float noise, struct found *best)
{
	struct found t;
	int n = f->ph->n;
	if (start < f->earliest || start < -8 || start + onset[n - 1] > f->latest)
		return;
	for (int i = 0; i < n; i++)
		t.onset[i] = (int16_t)(start + onset[i]);
	t.cost = onsets_cost(f, t.onset) + noise;
	if (t.cost < best->cost)
		*best = t;
}

/* Whole phrases of human songs with as many syllables; where the beat is slow, those in eighths at twice their pace too. */
static void fit_phrases(const struct fitting *f, struct rng *r, struct found *best)
{
	if (f->p->meter.steps != 16)
		return;
	for (int k = 0; k < n_phrase_rhythms; k++) {
		const struct phrase_rhythm *pr = &phrase_rhythms[k];
		int16_t onset[sizeof pr->onset];
		if (pr->n != f->ph->n)
			continue;
		float noise = 0.75f * rng_gauss(r) + 0.35f - 0.05f * (float)pr->songs;
		int odd = pr->start;
		for (int i = 0; i < pr->n; i++) {
			onset[i] = pr->onset[i];
			odd |= onset[i];
		}
		for (int start = pr->start - 16; start <= pr->start && start < 12; start += 16)
			try_phrase(f, onset, start, noise, best);
		if ((odd & 1) || !doubles(f->p))
			continue;
		for (int i = 0; i < pr->n; i++)
			onset[i] /= 2;
		for (int start = pr->start / 2 - 16; start < 12; start += 8)
			try_phrase(f, onset, start, noise, best);
	}
}

/* Syllables one after the other on the widest grid that holds them: what is left for what no bar of the bank fits. */
static void fit_evenly(const struct fitting *f, struct found *ret)
{
	static const int grids[] = { 6, 4, 3, 2, 1 };
	int n = f->ph->n, least = phrase_least_step(f->p, f->ph), start = f->earliest > 0 ? f->earliest : 0;
	ret->cost = 2 * HUGE_COST;
	for (size_t g = 0; g < sizeof grids / sizeof grids[0]; g++) {
		int earliest = f->earliest > -8 ? f->earliest : -8;
		if (grids[g] == 3 || (grids[g] < least && ret->cost < 2 * HUGE_COST))
			continue;
		for (int s = earliest; s <= start + 8; s++) {
			struct found t;
			for (int i = 0; i < n; i++)
				t.onset[i] = (int16_t)(s + i * grids[g]);
			if (t.onset[n - 1] > f->latest)
				break;
			t.cost = onsets_cost(f, t.onset);
			if (t.cost < ret->cost)
				*ret = t;
		}
	}
	if (ret->cost < 2 * HUGE_COST)
		return;
	for (int i = 0; i < n; i++) /* no room at all: the form gives more than this */
		ret->onset[i] = (int16_t)(start + i * (f->latest - start > n ? (f->latest - start) / n : 1));
}

static void set_onsets(const struct plan *p, const struct plan_phrase *ph, const int16_t *onset, struct draft_phrase *ret)
{
	int steps = p->meter.steps;
	memcpy(ret->onset, onset, (size_t)ph->n * sizeof *onset);
	memset(ret->bar_mask, 0, sizeof ret->bar_mask);
	for (int i = 0; i < ph->n; i++) {
		int bar = (onset[i] + steps) / steps;
		if (bar >= 0 && bar <= PHRASE_BARS_MAX)
			ret->bar_mask[bar] |= 1u << (onset[i] + steps) % steps;
	}
}

/* ---- limits from the neighbours ---- */

static const struct draft_phrase *drawn(const struct plan *p, const struct draft *d, int i)
{
	return &d->phrases[p->phrases[i].source >= 0 ? p->phrases[i].source : i];
}

static void set_limits(const struct plan *p, const struct draft *d, int index, struct fitting *f)
{
	const struct plan_phrase *ph = &p->phrases[index];
	int steps = p->meter.steps, gap = phrase_least_gap(p, ph), slot = phrase_slot(p, ph);
	f->earliest = slot < steps ? -slot : -steps;
	f->latest = ph->bars * steps - gap;
	if (index > 0) {
		const struct plan_phrase *before = &p->phrases[index - 1];
		int last = phrase_slot(p, before) + drawn(p, d, index - 1)->onset[before->n - 1];
		int before_gap = phrase_least_gap(p, before);
		if (last + before_gap - slot > f->earliest)
			f->earliest = last + before_gap - slot;
	}
	const struct plan_phrase *next = index + 1 < p->n_phrases ? ph + 1 : NULL;
	int end = f->latest; /* the last onset that still lies before what is sung next, however short */
	if (next && next->source >= 0) {
		/* A chorus that returns begins as it did. */
		int first = next->source < index ? d->phrases[next->source].onset[0] : -4;
		int latest = phrase_slot(p, next) + first - gap - slot;
		f->latest = latest < f->latest ? latest : f->latest;
		end = latest + gap - 1 < end ? latest + gap - 1 : end;
	}
	for (int i = index + 1; i < p->n_phrases; i++) {
		if (p->phrases[i].source != index)
			continue;
		/* Where it returns, what is sung before it may be drawn already or not: then a modest pickup leaves room. */
		const struct plan_phrase *b = &p->phrases[i - 1];
		int earliest = b->rap ? 0 : b->source == index ? -4 : -6; /* a rapped line fills its bars */
		if (b->source >= 0 && b->source < index)
			earliest = phrase_slot(p, b) + d->phrases[b->source].onset[b->n - 1] + phrase_least_gap(p, b) - phrase_slot(p, &p->phrases[i]);
		f->earliest = earliest > f->earliest ? earliest : f->earliest;
	}
	if (f->earliest > f->latest - (ph->n - 1))
		f->latest = f->earliest > end - (ph->n - 1) ? ph->bars * steps - gap : end;
	/* Room for the pickup of a next phrase that begins as an earlier one did. */
	int model = next && next->section == ph->section ? d->phrases[index + 1].model : -1;
	if (model < 0 || p->phrases[model].source >= 0 || model >= index)
		return;
	int latest = phrase_slot(p, next) + d->phrases[model].onset[0] - gap - slot;
	if (latest < f->latest && latest - f->earliest > (ph->n + 1) * phrase_least_step(p, ph))
		f->latest = latest;
}

/* ---- which phrase follows which ---- */

static const struct { const char *letters; float weight; } schemes[] = {
	{ "abab", 3 }, { "abac", 2.5f }, { "aaba", 2 }, { "aabc", 1 }, { "abcb", 1 }, { "aabb", 0.6f }, { "abca", 0.6f },
};
#define SCHEMES ((int)(sizeof schemes / sizeof schemes[0]))

/* Words that two phrases begin with in common. */
static int common_words(const struct plan *p, const struct plan_phrase *a, const struct plan_phrase *b)
{
	const struct lyrics *l = p->lyrics;
	int wa = l->syllables[a->first_syllable].word, wb = l->syllables[b->first_syllable].word, n = 0;
	int enda = l->syllables[a->first_syllable + a->n - 1].word, endb = l->syllables[b->first_syllable + b->n - 1].word;
	while (wa + n <= enda && wb + n <= endb && n < 4) {
		const char *x = l->words[wa + n].text, *y = l->words[wb + n].text;
		while (*x && (*x | 0x20) == (*y | 0x20))
			x++, y++;
		if (*x || *y)
			break;
		n++;
	}
	return n;
}

static void draw_models(const struct plan *p, const struct plan_section *s, struct rng *r, struct draft *d)
{
	float weight[SCHEMES];
	const struct plan_phrase *ph = p->phrases + s->first_phrase;
	for (int k = 0; k < SCHEMES; k++) {
		weight[k] = schemes[k].weight;
		for (int i = 0; i < 4 && i < s->n_phrases; i++)
			for (int j = 0; j < i; j++)
				if (schemes[k].letters[i] == schemes[k].letters[j]) {
					weight[k] *= ph[i].rhyme >= 0 && ph[i].rhyme == ph[j].rhyme ? 1.6f : 1;
					weight[k] *= ph[i].n == ph[j].n ? 1.5f : abs(ph[i].n - ph[j].n) > 2 ? 0.5f : 1;
				}
	}
	const char *letters = schemes[rng_weighted(r, weight, SCHEMES)].letters;
	int halves = rng_unit(r) < 0.8f;
	for (int i = 0; i < s->n_phrases; i++) {
		struct draft_phrase *dp = &d->phrases[s->first_phrase + i];
		dp->model = (int16_t)ph[i].model;
		int best = 1;
		for (int j = 0; j < i && !ph[i].same_words; j++) {
			int common = ph[j].bars == ph[i].bars ? common_words(p, &ph[i], &ph[j]) : 0;
			if (common > best) {
				best = common;
				dp->model = (int16_t)(s->first_phrase + j);
			}
		}
		for (int j = 0; j < i && dp->model < 0; j++) {
			int kin = i < 4 ? letters[i] == letters[j] : j == i - 4 && halves;
			if (kin && ph[j].bars == ph[i].bars)
				dp->model = (int16_t)(s->first_phrase + j);
		}
	}
}

/* ---- all phrases ---- */

/* A rapped line: in the flow of the line that it follows, or in a new one; with the same words, as before. */
static int draw_rap(const struct plan *p, const struct rhythm_bank *b, const struct fitting *f, struct rng *r, struct draft_phrase *dp, int16_t *onset)
{
	const struct plan_phrase *ph = f->ph;
	dp->flow = f->model ? f->model->flow : rap_draw_flow(p, (ph->n + ph->bars / 2) / ph->bars, r);
	if (ph->same_words && f->model && f->model->onset[0] >= f->earliest && f->model->onset[ph->n - 1] <= f->latest) {
		memcpy(onset, f->model->onset, (size_t)ph->n * sizeof *onset);
		return 0;
	}
	return rap_fit(p, ph, dp->flow, f->model, f->earliest, f->latest, b->gap + ph->first_syllable * (GAP_MAX + 1), GAP_MAX + 1, r, onset);
}

static void draw_phrase(const struct plan *p, const struct rhythm_bank *b, struct vocab *v, int index, struct rng *r, struct draft *d)
{
	const struct plan_phrase *ph = &p->phrases[index];
	struct draft_phrase *dp = &d->phrases[index];
	struct fitting f = { .p = p, .b = b, .ph = ph, .v = v, .least_gap = rhythm_least_gap(&p->meter), .breath = (int)ceil(0.35 / p->meter.step_s - 1e-6) };
	int model = dp->model >= 0 ? (p->phrases[dp->model].source >= 0 ? p->phrases[dp->model].source : dp->model) : -1;
	if (model >= 0 && p->phrases[model].bars == ph->bars)
		f.model = &d->phrases[model];
	set_limits(p, d, index, &f);
	struct found best, same;
	if (ph->rap) {
		best.cost = draw_rap(p, b, &f, r, dp, best.onset) ? HUGE_COST : 0;
	} else {
		fit_bars(&f, &best);
		fit_phrases(&f, r, &best);
	}
	if (!ph->rap && f.model && p->phrases[model].n == ph->n) {
		memcpy(same.onset, f.model->onset, sizeof same.onset);
		same.cost = onsets_cost(&f, same.onset) - (ph->same_words ? 50 : 1 + 0.45f * (float)ph->n);
		if (same.cost < best.cost)
			best = same;
	}
	if (best.cost > HUGE_COST / 2)
		fit_evenly(&f, &best);
	set_onsets(p, ph, best.onset, dp);
	for (int k = 0; k < v->n; k++)
		for (int bar = 1; bar <= ph->bars && bar <= PHRASE_BARS_MAX && !v->used[k]; bar++)
			v->used[k] = dp->bar_mask[bar] == b->masks[v->mask[k]].mask;
}

void rhythm_draw(const struct plan *p, struct rhythm_bank *b, int fresh, struct rng *r, struct draft *d)
{
	struct vocab *vocab = b->vocab;
	float lean = fresh && doubles(p) ? LEAN_LEAST + LEAN_SPREAD * rng_unit(r) : 0;
	for (int f = 0; f < FAMILIES && fresh; f++) {
		vocab[f].n = 0;
		vocab[f].lean = lean;
	}
	for (int s = 0; s < p->n_sections; s++) {
		const struct plan_section *sec = &p->sections[s];
		if (!sec->n_phrases || sec->same_as >= 0)
			continue;
		if (!vocab[sec->family].n)
			draw_vocab(p, b, sec->family, r, &vocab[sec->family]);
		memset(vocab[sec->family].used, 0, sizeof vocab->used);
		draw_models(p, sec, r, d);
		for (int i = 0; i < sec->n_phrases; i++)
			draw_phrase(p, b, &vocab[sec->family], sec->first_phrase + i, r, d);
	}
}

int rhythm_for_instrument(const struct meter *m, struct rng *r, int bars, float density, int16_t *onset)
{
	struct mask_info masks[MASKS_MAX];
	float weight[MASKS_MAX];
	int k = gather_masks(m, masks), n = 0;
	for (int bar = 0; bar < bars; bar++) {
		int last = bar == bars - 1;
		float want = last ? density * 0.5f : density;
		for (int i = 0; i < k; i++) {
			float far = (float)masks[i].n - want;
			weight[i] = expf(-2 * masks[i].prior) / (1 + far * far);
			if (bar == 0 && masks[i].first > 4)
				weight[i] *= 0.1f;
			if (last && masks[i].last > m->steps - 6)
				weight[i] = 0;
		}
		for (unsigned left = masks[rng_weighted(r, weight, k)].mask; left && n < PHRASE_MAX; left &= left - 1)
			onset[n++] = (int16_t)(bar * m->steps + __builtin_ctz(left));
	}
	return n;
}
