/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which groove a section gets, and grooves as rows of steps. */
#include "compose/arrange.h"

#include <math.h>
#include <string.h>

#include "score/drums.h"

#define GROOVES_MAX 64
#define AFTER_REFERENCE 12.0f /* a groove that is a tenth more like the reference's bar is three times as likely */

static int names_section(const struct style_groove *g, const char *section)
{
	for (unsigned i = 0; i < g->n_sections; i++)
		if (!strcmp(g->sections[i], section))
			return 1;
	return 0;
}

/* Grooves of a section in a meter (NULL: any). */
static int collect(const struct style_part *sp, const char *meter, const char *section, const struct style_groove **ret, int max)
{
	int n = 0;
	for (unsigned i = 0; i < sp->n_grooves && n < max; i++)
		if ((!meter || !strcmp(sp->grooves[i].meter, meter)) && names_section(&sp->grooves[i], section))
			ret[n++] = &sp->grooves[i];
	return n;
}

int grooves_named(const struct arrange *a, const struct style_part *sp, const char *name, const struct style_groove **ret, int max)
{
	int n = collect(sp, a->meter, name, ret, max);
	return n ? n : collect(sp, NULL, name, ret, max);
}

/* The candidates, and in *ret_kind the section they were written for. */
static int candidates(const struct arrange *a, const struct style_part *sp, enum section_kind kind, const struct style_groove **ret, int *ret_kind)
{
	const char *meters[2] = { a->meter, NULL };
	for (int m = 0; m < 2; m++) {
		for (int k = (int)kind; k >= 0; k = section_fallback((enum section_kind)k)) {
			int n = collect(sp, meters[m], section_ids[k], ret, GROOVES_MAX);
			*ret_kind = k;
			if (n)
				return n;
		}
		int n = collect(sp, meters[m], "any", ret, GROOVES_MAX);
		*ret_kind = SECTION_KINDS;
		if (n)
			return n;
	}
	return 0;
}

/* Share of the section's kicks that meet an onset of the bass pattern. */
static float kick_agreement(const struct arrange *a, const struct pattern *p, const struct arr_section *as)
{
	int first = as->sec->start / ARRANGE_STEP, n = as->bars * a->steps, len = p->bars[0] * a->steps, kicks = 0, met = 0;
	for (int i = 0; i < n; i++) {
		if (!a->kick[first + i])
			continue;
		char c = p->steps[0][i % len];
		kicks++;
		met += c != '.' && c != '-';
	}
	return kicks ? (float)met / (float)kicks : 1;
}

static float hits_a_bar(const struct arrange *a, const struct style_groove *g)
{
	struct pattern pat;
	pattern_read(a, g, &pat);
	float hits = 0;
	for (int i = 0; i < pat.n; i++) {
		int n = 0;
		for (int k = 0; k < pat.bars[i] * a->steps; k++)
			n += pat.steps[i][k] != '.' && pat.steps[i][k] != '-';
		hits += (float)n / (float)pat.bars[i];
	}
	return hits;
}

int band_of_drum(int key)
{
	static const struct { int key, band; } bands[] = {
		{ 35, REFERENCE_KICK }, { 36, REFERENCE_KICK }, { 37, REFERENCE_SNARE }, { 38, REFERENCE_SNARE }, { 39, REFERENCE_SNARE }, { 40, REFERENCE_SNARE },
		{ 42, REFERENCE_HAT }, { 44, REFERENCE_HAT }, { 46, REFERENCE_HAT }, { 51, REFERENCE_HAT }, { 53, REFERENCE_HAT }, { 54, REFERENCE_HAT }, { 82, REFERENCE_HAT },
	};
	for (size_t i = 0; i < sizeof bands / sizeof *bands; i++)
		if (bands[i].key == key)
			return bands[i].band;
	return -1;
}

/* How alike a groove and a reference's bar are, 0..1: the mean of their bands' cosines. */
static float likeness(const struct arrange *a, const struct pattern *p, const struct style_reference *ref)
{
	float bar[REFERENCE_DRUMS][REFERENCE_STEPS] = { 0 }, sum = 0;
	for (int i = 0; i < p->n; i++) {
		int band = band_of_drum(p->key[i]);
		for (int k = 0; band >= 0 && k < p->bars[i] * a->steps; k++)
			bar[band][k % a->steps] += p->steps[i][k] != '.' && p->steps[i][k] != '-' ? 1.0f / (float)p->bars[i] : 0;
	}
	for (int b = 0; b < REFERENCE_DRUMS; b++) {
		float xx = 1e-6f, yy = 1e-6f, xy = 0;
		for (int k = 0; k < a->steps; k++) {
			xx += bar[b][k] * bar[b][k];
			yy += ref->pattern[b][k] * ref->pattern[b][k];
			xy += bar[b][k] * ref->pattern[b][k];
		}
		sum += xy / sqrtf(xx * yy) / REFERENCE_DRUMS;
	}
	return sum;
}

const struct style_groove *groove_of(const struct arrange *a, const struct player *p, const struct arr_section *as)
{
	const struct style_reference *ref = a->brief->reference && a->brief->reference->n_steps == a->steps ? a->brief->reference : NULL;
	const struct style_groove *list[GROOVES_MAX];
	float weights[GROOVES_MAX];
	int kind, n = candidates(a, p->style, as->sec->kind, list, &kind);
	if (!n)
		return NULL;
	for (int i = 0; i < n; i++) {
		weights[i] = list[i]->weight;
		if (p->role != ROLE_BASS && !(ref && p->role == ROLE_DRUMS))
			continue;
		struct pattern pat;
		pattern_read(a, list[i], &pat);
		if (p->role == ROLE_DRUMS) {
			weights[i] *= expf(AFTER_REFERENCE * likeness(a, &pat, ref));
			continue;
		}
		float meet = kick_agreement(a, &pat, as);
		weights[i] *= 0.05f + meet * meet * meet;
	}
	struct rng r = arrange_rng(a, "groove", p, kind);
	int chosen = rng_weighted(&r, weights, n);
	/* A verse that returns may come with another groove; a chorus stays what it is. */
	if (as->nth > 0 && n > 1 && !arrange_is_chorus(as->sec->kind)) {
		struct rng again = arrange_rng(a, "variation", p, as->index);
		if (rng_unit(&again) < 0.5f) {
			float first = hits_a_bar(a, list[chosen]);
			int other = -1;
			for (int i = 0; i < n; i++)
				if (i == chosen || hits_a_bar(a, list[i]) < 0.9f * first) /* none that is thinner */
					weights[i] = 0;
				else
					other = i;
			if (other >= 0)
				chosen = rng_weighted(&again, weights, n);
		}
	}
	return list[chosen];
}

/* ---- patterns ---- */

static int steps_of_meter(const char *meter)
{
	return strcmp(meter, "4/4") ? 12 : 16;
}

/* Where each step of the new bar(s) is found in the old one. 4/4 becomes 6/8 as a shuffle: a bar gives two, each beat a dotted quarter. */
static int source_step(int from_steps, int compound, int i)
{
	static const int beat_of_six[6] = { 0, -1, 1, -1, 2, 3 };
	static const int four_of_three[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 4, 5, 6, 7 };
	if (from_steps == 12)
		return four_of_three[i];
	if (!compound)
		return i;
	int within = beat_of_six[i % 6];
	return within < 0 ? -1 : i / 6 * 4 + within;
}

/* Rewrites one lane from its own meter into the song's. */
static int convert(const struct arrange *a, const char *raw, int bars, int from_steps, char *out)
{
	int compound = !strcmp(a->meter, "6/8") && from_steps == 16, parts = compound ? 2 : 1;
	int per_bar = a->steps * parts, n = 0;
	char onset = '.';
	for (int b = 0; b < bars && n + per_bar <= PATTERN_STEPS; b++)
		for (int i = 0; i < per_bar; i++) {
			int from = source_step(from_steps, compound, i);
			char c = from < 0 ? '.' : raw[b * from_steps + from];
			if (from < 0 && n > 0 && out[n - 1] != '.' && i % 6 != 0)
				c = '-';
			if (c == '-' && (n == 0 || out[n - 1] == '.'))
				c = onset; /* what it held was cut away */
			if (c != '-' && c != '.')
				onset = c;
			out[n++] = c;
		}
	return n / a->steps;
}

void pattern_read(const struct arrange *a, const struct style_groove *g, struct pattern *ret)
{
	int from_steps = steps_of_meter(g->meter);
	ret->n = 0;
	for (unsigned i = 0; i < g->n_lanes && ret->n < PATTERN_LANES; i++) {
		char raw[PATTERN_STEPS];
		int n = 0;
		for (const char *c = g->lanes[i].steps; *c && n < PATTERN_STEPS; c++)
			if (*c != '|' && *c != ' ' && *c != '\t' && *c != '\n' && *c != '\r')
				raw[n++] = *c;
		int bars = n / from_steps;
		if (!bars)
			continue;
		int k = ret->n++, drum = drum_key(g->lanes[i].drum);
		ret->key[k] = drum < 0 ? 0 : drum;
		if (from_steps == a->steps) {
			memcpy(ret->steps[k], raw, (size_t)(bars * from_steps));
			ret->bars[k] = bars;
		} else {
			ret->bars[k] = convert(a, raw, bars, from_steps, ret->steps[k]);
		}
	}
}

int pattern_hits(const struct arrange *a, const struct pattern *p)
{
	int hits = 0;
	for (int i = 0; i < p->n; i++)
		for (int k = 0; k < p->bars[i] * a->steps; k++)
			hits += p->steps[i][k] != '.' && p->steps[i][k] != '-';
	return hits;
}

int pattern_longest(const struct pattern *p)
{
	int bars = 1;
	for (int i = 0; i < p->n; i++)
		if (p->bars[i] > bars)
			bars = p->bars[i];
	return bars;
}

/* ---- rows ---- */

struct rows rows_blank(const struct arrange *a, const struct arr_section *as)
{
	struct rows r = { .len = as->bars * a->steps };
	for (int i = 0; i < ROWS_MAX; i++)
		r.row[i] = a->scratch + (size_t)i * (size_t)r.len;
	return r;
}

char *rows_get(struct rows *r, int key)
{
	for (int i = 0; i < r->n; i++)
		if (r->key[i] == key)
			return r->row[i];
	if (r->n == ROWS_MAX)
		return NULL;
	r->key[r->n] = key;
	memset(r->row[r->n], '.', (size_t)r->len);
	return r->row[r->n++];
}

void rows_lay(struct rows *r, const struct arrange *a, const struct pattern *p, int from, int to)
{
	for (int i = 0; i < p->n; i++) {
		char *row = rows_get(r, p->key[i]);
		int len = p->bars[i] * a->steps;
		for (int k = from; row && len && k < to && k < r->len; k++)
			row[k] = p->steps[i][(k - from) % len];
	}
}

void rows_clear(struct rows *r, int from, int to)
{
	for (int i = 0; i < r->n; i++) {
		for (int k = from; k < to && k < r->len; k++)
			r->row[i][k] = '.';
		if (to < r->len && r->row[i][to] == '-')
			r->row[i][to] = '.';
	}
}

/* ---- a pitched part's row ---- */

static char last_stroke(const struct player *p, const char *row, int n)
{
	if (p->role == ROLE_BASS)
		return 'R';
	if (p->role == ROLE_LEAD || p->role == ROLE_COUNTER)
		return 'x';
	for (int i = 0; i < n; i++)
		if (row[i] == 'd' || row[i] == 'D' || row[i] == 'u' || row[i] == 'U')
			return 'D';
	return p->role == ROLE_PAD ? 'c' : 'C';
}

static void lay_ending(struct arrange *a, const struct player *p, const struct arr_section *as, struct rows *r)
{
	const struct style_groove *list[GROOVES_MAX];
	int n = grooves_named(a, p->style, "ending", list, GROOVES_MAX);
	if (n) {
		struct rng rng = arrange_rng(a, "ending", p, 0);
		struct pattern pat;
		pattern_read(a, list[rng_below(&rng, (uint32_t)n)], &pat);
		int from = r->len - pattern_longest(&pat) * a->steps;
		if (from >= 0) {
			rows_clear(r, from, r->len);
			rows_lay(r, a, &pat, from, r->len);
		}
	}
	/* From the last chord on, one stroke. */
	int at = (a->ring - as->sec->start) / ARRANGE_STEP;
	char stroke = last_stroke(p, r->row[0], r->len);
	int hold = strcmp(a->style->form.ending, "stop") ? r->len - at : 4;
	for (int i = at; i < r->len; i++)
		r->row[0][i] = i == at ? stroke : i < at + hold ? '-' : '.';
}

char *pitched_row(struct arrange *a, struct player *p, const struct arr_section *as)
{
	const struct style_groove *g = groove_of(a, p, as), *fills[GROOVES_MAX];
	if (!g)
		return NULL;
	struct pattern pat;
	struct rows r = rows_blank(a, as);
	char *row = rows_get(&r, 0);
	pattern_read(a, g, &pat);
	for (int i = 0; i < pat.n; i++)
		pat.key[i] = 0;
	rows_lay(&r, a, &pat, 0, r.len);
	int last = as->index + 1 == a->n_sections;
	int n = last ? 0 : grooves_named(a, p->style, "fill", fills, GROOVES_MAX);
	struct rng rng = arrange_rng(a, "fill", p, as->index);
	if (n && as->bars > 1 && rng_unit(&rng) < 0.75f) {
		pattern_read(a, fills[rng_below(&rng, (uint32_t)n)], &pat);
		int from = r.len - a->steps, skip = 0;
		while (skip < a->steps && pat.steps[0][skip] == '.')
			skip++;
		rows_clear(&r, from + skip, r.len);
		for (int i = skip; i < a->steps; i++)
			row[from + i] = pat.steps[0][i];
	}
	if (last && strcmp(a->style->form.ending, "fade"))
		lay_ending(a, p, as, &r);
	return row;
}
