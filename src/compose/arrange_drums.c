/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drums and percussion: grooves, variations every four bars, fills that lead into the next section, crashes, the last stroke. */
#include "compose/arrange.h"

#include <math.h>
#include <string.h>

#define FILLS_MAX 32
#define KICK 36
#define SNARE 38
#define HAT 42
#define OPEN 46
#define CRASH 49
#define CRASH2 57

static int keeps_time(int key)
{
	return key == HAT || key == 44 || key == OPEN || key == 51 || key == 53 || key == 59;
}

static int is_cymbal(int key)
{
	return key == CRASH || key == CRASH2 || key == 51 || key == 52 || key == 53 || key == 55 || key == 59;
}

/* How loud a drum is within the kit. */
static float weight_of(int key)
{
	switch (key) {
	case 35: case KICK: return 6;
	case SNARE: case 40: return 5;
	case 37: return -2;
	case 39: return 0;
	case HAT: case 44: return -12;
	case OPEN: return -9;
	case 51: case 59: return -9;
	case 53: return -6;
	case CRASH: case CRASH2: case 52: return 4;
	case 41: case 43: case 45: case 47: case 48: case 50: return 4;
	default: return -12; /* shakers, tambourines: they add up */
	}
}

static void hit(struct player *p, int key, int tick, float velocity, char step)
{
	int dur = is_cymbal(key) ? 2 * TICKS_PER_QUARTER : key == OPEN ? TICKS_PER_QUARTER / 2 : ARRANGE_STEP;
	switch (step) {
	case 'X': velocity += 13; break;
	case 'g': velocity = fmaxf(18, velocity * 0.42f); break;
	case 'f':
		if (tick >= 30)
			arrange_note(p, tick - 30, 30, key, fmaxf(18, velocity * 0.5f), ART_NORMAL, 0);
		break;
	case 'r':
		arrange_note(p, tick + ARRANGE_STEP / 2, ARRANGE_STEP / 2, key, velocity - 9, ART_NORMAL, 0);
		dur = ARRANGE_STEP / 2;
		velocity -= 4;
		break;
	default: break;
	}
	arrange_note(p, tick, dur, key, velocity, ART_NORMAL, 0);
}

/* The fill for a lift: the fuller the next section against this one, the busier; among near ones the seed chooses. */
static int choose_fill(struct arrange *a, struct player *p, const struct arr_section *as, float lift, struct pattern *ret)
{
	const struct style_groove *list[FILLS_MAX];
	float weights[FILLS_MAX];
	int hits[FILLS_MAX], n = grooves_named(a, p->style, "fill", list, FILLS_MAX), most = 1;
	for (int i = 0; i < n; i++) {
		pattern_read(a, list[i], ret);
		hits[i] = pattern_hits(a, ret);
		if (hits[i] > most)
			most = hits[i];
	}
	if (!n)
		return 0;
	float want = fminf(1, fmaxf(0.2f, 0.45f + lift));
	for (int i = 0; i < n; i++) {
		float off = (float)hits[i] / (float)most - want;
		weights[i] = list[i]->weight * expf(-off * off * 8);
	}
	struct rng r = arrange_rng(a, "fill", p, as->index);
	pattern_read(a, list[rng_weighted(&r, weights, n)], ret);
	return 1;
}

/* Lays one bar of a fill from its first stroke, at the earliest step `from` of that bar; what was there makes room. */
static void lay_fill(struct arrange *a, struct rows *r, const struct pattern *fill, int bar, int from)
{
	int first = a->steps;
	for (int i = 0; i < fill->n; i++)
		for (int k = 0; k < a->steps; k++)
			if (fill->steps[i][k] != '.' && k < first)
				first = k;
	if (first < from)
		first = from;
	rows_clear(r, bar * a->steps + first, (bar + 1) * a->steps);
	for (int i = 0; i < fill->n; i++) {
		char *row = rows_get(r, fill->key[i]);
		for (int k = first; row && k < a->steps; k++)
			row[bar * a->steps + k] = fill->steps[i][k];
	}
}

/* A small turn at the end of a phrase within a section. */
static void turn(struct arrange *a, struct rows *r, const struct arr_section *as, struct player *p, int bar)
{
	struct rng rng = arrange_rng(a, "turn", p, as->index * 256 + bar);
	int end = (bar + 1) * a->steps;
	char *hat = NULL, *kick = NULL, *snare = NULL;
	for (int i = 0; i < r->n; i++) {
		if (r->key[i] == HAT)
			hat = r->row[i];
		else if (r->key[i] == KICK)
			kick = r->row[i];
		else if (r->key[i] == SNARE)
			snare = r->row[i];
	}
	switch (rng_below(&rng, 4)) {
	case 0:
		if (hat && hat[end - 2] != '.') {
			char *open = rows_get(r, OPEN);
			if (open) {
				open[end - 2] = 'x';
				hat[end - 2] = hat[end - 1] = '.';
			}
			return;
		}
		/* fall through */
	case 1:
		if (kick && kick[end - 2] == '.') {
			kick[end - 2] = 'x';
			return;
		}
		/* fall through */
	case 2:
		if (snare && as->drive > 0.35f) {
			for (int i = 1; i <= 3; i += 2)
				if (snare[end - i] == '.')
					snare[end - i] = 'g';
			return;
		}
		/* fall through */
	default:
		if (kick && kick[end - 1] == '.')
			kick[end - 1] = 'g';
	}
}

static void lay_turns(struct arrange *a, struct player *p, const struct arr_section *as, struct rows *r)
{
	for (int bar = 3; bar + 1 < as->bars; bar += 4) {
		struct pattern fill;
		struct rng rng = arrange_rng(a, "small-fill", p, as->index * 256 + bar);
		if (bar % 8 == 7 && rng_unit(&rng) < 0.7f && choose_fill(a, p, as, -0.25f, &fill))
			lay_fill(a, r, &fill, bar, a->steps * 3 / 4);
		else
			turn(a, r, as, p, bar);
	}
}

static int has_hit(const struct rows *r, int step)
{
	for (int i = 0; i < r->n; i++)
		if (r->row[i][step] != '.' && r->row[i][step] != '-')
			return 1;
	return 0;
}

static void crash(struct rows *r, int step, int key, char stroke)
{
	for (int i = 0; i < r->n; i++)
		if (keeps_time(r->key[i]) || r->key[i] == CRASH || r->key[i] == CRASH2)
			r->row[i][step] = '.';
	char *row = rows_get(r, key);
	if (row)
		row[step] = stroke;
}

static void lay_crashes(struct arrange *a, struct player *p, const struct arr_section *as, struct rows *r)
{
	if (p->role != ROLE_DRUMS || p->level[as->index] < 0.3f)
		return;
	struct rng rng = arrange_rng(a, "crash", p, as->index);
	float chance = arrange_is_chorus(as->sec->kind) || as->sec->kind == SECTION_SOLO ? 1 : as->index && as->drive >= 0.45f ? 0.5f : 0;
	if (rng_unit(&rng) < chance && has_hit(r, 0))
		crash(r, 0, CRASH, as->drive > 0.6f ? 'X' : 'x');
	for (int bar = as->climax ? 4 : 8; bar < as->bars && arrange_is_chorus(as->sec->kind); bar += as->climax ? 4 : 8)
		if (as->drive > 0.6f && has_hit(r, bar * a->steps))
			crash(r, bar * a->steps, CRASH2, 'x');
}

/* The song's last stroke: kick and crash on the last chord; before it whatever the style has for endings. */
static void lay_last(struct arrange *a, struct player *p, const struct arr_section *as, struct rows *r)
{
	if (!strcmp(a->style->form.ending, "fade"))
		return;
	const struct style_groove *list[FILLS_MAX];
	int n = grooves_named(a, p->style, "ending", list, FILLS_MAX), at = (a->ring - as->sec->start) / ARRANGE_STEP;
	struct pattern pat;
	if (n) {
		struct rng rng = arrange_rng(a, "ending", p, 0);
		pattern_read(a, list[rng_below(&rng, (uint32_t)n)], &pat);
		int from = r->len - pattern_longest(&pat) * a->steps;
		if (from >= 0) {
			rows_clear(r, from, r->len);
			rows_lay(r, a, &pat, from, r->len);
		}
	} else if (as->bars > 1 && at % a->steps == 0 && choose_fill(a, p, as, 0, &pat)) {
		lay_fill(a, r, &pat, at / a->steps - 1, a->steps / 2);
	}
	if (n && at == r->len - a->steps)
		return; /* the ending has its own last stroke */
	rows_clear(r, at, r->len);
	if (p->role != ROLE_DRUMS)
		return;
	char *kick = rows_get(r, KICK);
	if (kick)
		kick[at] = 'x';
	if (strcmp(a->style->form.ending, "stop")) {
		crash(r, at, CRASH, as->drive > 0.6f ? 'X' : 'x');
		return;
	}
	char *snare = rows_get(r, SNARE); /* a crash would ring */
	if (snare)
		snare[at] = 'X';
}

static void emit(struct arrange *a, struct player *p, const struct arr_section *as, const struct rows *r)
{
	for (int i = 0; i < r->n; i++)
		for (int k = 0; k < r->len; k++) {
			char c = r->row[i][k];
			if (c == '.' || c == '-')
				continue;
			int tick = as->sec->start + k * ARRANGE_STEP;
			hit(p, r->key[i], tick, arrange_velocity(a, p, as, tick) + weight_of(r->key[i]), c);
			if (p->role == ROLE_DRUMS && (r->key[i] == KICK || r->key[i] == 35) && c != 'g')
				a->kick[tick / ARRANGE_STEP] = 1;
		}
}

void play_drums(struct arrange *a, struct player *p, const struct arr_section *as)
{
	int last = as->index + 1 == a->n_sections;
	float now = p->level[as->index], then = last ? 0 : p->level[as->index + 1];
	struct pattern pat;
	struct rows r = rows_blank(a, as);
	if (now > 0) {
		const struct style_groove *g = groove_of(a, p, as);
		if (!g)
			return;
		pattern_read(a, g, &pat);
		rows_lay(&r, a, &pat, 0, r.len);
		if (p->role == ROLE_DRUMS)
			lay_turns(a, p, as, &r);
		lay_crashes(a, p, as, &r);
	}
	if (then > 0 && as->bars > 1) {
		float lift = a->sections[as->index + 1].drive - as->drive + (arrange_is_chorus(a->sections[as->index + 1].sec->kind) ? 0.25f : 0);
		if (choose_fill(a, p, as, lift, &pat))
			lay_fill(a, &r, &pat, as->bars - 1, now > 0 ? 0 : a->steps / 2);
	}
	if (now <= 0) { /* a fill alone, into the section where the drums come in: as loud as what it leads to */
		p->level[as->index] = then * 0.85f;
		emit(a, p, as, &r);
		p->level[as->index] = now;
		return;
	}
	if (last)
		lay_last(a, p, as, &r);
	emit(a, p, as, &r);
}
