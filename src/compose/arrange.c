/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The band's parts: who plays where, then each player section by section, then the notes put in order. */
#include "compose/arrange.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compose/plan.h"
#include "score/drums.h"

#define NOTES_MAX 200000 /* a part's; a four-minute song has some thousands */

struct rng arrange_rng(const struct arrange *a, const char *what, const struct player *p, int index)
{
	char name[64];
	int part = p ? (int)(p - a->players) : 0;
	if (a->take)
		snprintf(name, sizeof name, "arrange/%s/%d/take %d", what, part, a->take);
	else
		snprintf(name, sizeof name, "arrange/%s/%d", what, part);
	return rng_stream(a->req->seed, name, (uint64_t)index);
}

int arrange_is_chorus(enum section_kind k)
{
	return k == SECTION_CHORUS || k == SECTION_HOOK || k == SECTION_POST_CHORUS;
}

void arrange_note(struct player *p, int start, int dur, int midi, float velocity, enum articulation art, int voice)
{
	if (midi < 0 || midi > 127 || dur <= 0 || start < 0)
		return;
	if (p->n == p->cap) {
		int cap = p->cap ? p->cap * 2 : 256;
		struct note *notes = cap <= NOTES_MAX ? realloc(p->notes, (size_t)cap * sizeof *notes) : NULL;
		if (!notes) {
			p->failed = 1;
			return;
		}
		p->notes = notes;
		p->cap = cap;
	}
	int v = (int)lrintf(velocity);
	p->notes[p->n++] = (struct note){
		.start = start, .dur = dur, .midi = (uint8_t)midi, .velocity = (uint8_t)(v < 1 ? 1 : v > 127 ? 127 : v),
		.art = (uint8_t)art, .voice = (uint8_t)voice,
	};
}

float arrange_velocity(const struct arrange *a, const struct player *p, const struct arr_section *as, int tick)
{
	float level = p->level[as->index];
	float v = 44 + 32 * level + 24 * as->drive + 5 * a->brief->energy;
	int in_bar = (tick - as->sec->start) % a->bar;
	v += in_bar == 0 ? 4 : in_bar % TICKS_PER_QUARTER == 0 ? 0 : in_bar % (TICKS_PER_QUARTER / 2) == 0 ? -3 : -5;
	float place = (float)(tick - as->sec->start) / (float)(as->sec->end - as->sec->start);
	if (as->sec->kind == SECTION_PRE_CHORUS || as->sec->kind == SECTION_BUILD_UP || as->sec->kind == SECTION_TRANSITION)
		v += 12 * (place - 0.4f);
	return v;
}

/* ---- sections and levels ---- */

static void read_sections(struct arrange *a)
{
	struct score *s = a->s;
	for (int i = 0; i < s->n_sections; i++) {
		struct arr_section *as = &a->sections[i];
		*as = (struct arr_section){ .sec = &s->sections[i], .index = i };
		as->bars = (as->sec->end - as->sec->start) / a->bar;
		for (int k = 0; k < s->n_sections; k++)
			if (s->sections[k].kind == as->sec->kind && !s->sections[k].count_in) {
				as->nth += k < i;
				as->count++;
			}
		as->climax = arrange_is_chorus(as->sec->kind) && as->count > 1 && as->nth == as->count - 1;
		as->drive = fminf(1, fmaxf(0, as->sec->intensity + (as->climax ? 0.08f : 0)));
	}
}

float style_part_level(const struct style_part *sp, enum section_kind kind)
{
	for (int k = (int)kind; k >= 0; k = section_fallback((enum section_kind)k))
		for (unsigned i = 0; i < sp->n_plays; i++)
			if (!strcmp(sp->plays[i].section, section_ids[k]))
				return sp->plays[i].intensity;
	return sp->n_plays ? 0 : 1;
}

static int repeats(enum section_kind k)
{
	return k == SECTION_VERSE || k == SECTION_PRE_CHORUS || arrange_is_chorus(k);
}

static void set_levels(struct arrange *a, struct player *p)
{
	for (int i = 0; i < a->n_sections; i++) {
		const struct arr_section *as = &a->sections[i];
		float level = style_part_level(p->style, as->sec->kind);
		if (level > 0 && level < ARRANGE_HELD_BACK && as->nth == 0 && as->count > 1 && repeats(as->sec->kind))
			level = 0;
		if (level < p->least && (level > 0 || as->drive > 0.25f))
			level = p->least;
		if (p->plays_tune && level < 0.8f && as->sec->kind != SECTION_BREAK && as->sec->kind != SECTION_BUILD_UP)
			level = 0.8f;
		p->level[i] = as->sec->count_in ? 0 : level;
	}
}

/* No section is left without harmony: somebody plays, the most usual accompanist first. */
static void fill_empty_sections(struct arrange *a)
{
	static const enum part_role order[] = { ROLE_COMP, ROLE_PAD, ROLE_BASS, ROLE_LEAD, ROLE_COUNTER };
	for (int i = 0; i < a->n_sections; i++) {
		int sounding = 0;
		for (int k = 0; k < a->n_players; k++) {
			enum part_role role = a->players[k].role;
			sounding |= a->sections[i].sec->count_in || ((role == ROLE_COMP || role == ROLE_PAD || role == ROLE_BASS) && a->players[k].level[i] > 0);
		}
		for (size_t o = 0; o < sizeof order / sizeof order[0] && !sounding; o++)
			for (int k = 0; k < a->n_players && !sounding; k++)
				if (a->players[k].role == order[o]) {
					a->players[k].level[i] = 0.5f;
					sounding = 1;
				}
	}
}

/* ---- players ---- */

static enum part_role role_of(const char *id)
{
	for (int i = 0; i < PART_ROLES; i++)
		if (!strcmp(part_role_ids[i], id))
			return (enum part_role)i;
	return ROLE_COMP;
}

/* What an added instrument plays is modelled on the style's part of its role, else on a part whose patterns its role can read. */
static const struct style_part *model_for(const struct style *st, enum part_role role)
{
	static const enum part_role next[PART_ROLES][3] = {
		[ROLE_PAD] = { ROLE_PAD, ROLE_COMP, ROLE_PAD }, [ROLE_COMP] = { ROLE_COMP, ROLE_PAD, ROLE_COMP },
		[ROLE_COUNTER] = { ROLE_COUNTER, ROLE_LEAD, ROLE_COUNTER }, [ROLE_LEAD] = { ROLE_LEAD, ROLE_COUNTER, ROLE_LEAD },
	};
	for (int i = 0; i < 3; i++)
		for (unsigned k = 0; k < st->n_parts; k++)
			if (role_of(st->parts[k].role) == next[role][i])
				return &st->parts[k];
	return NULL;
}

static void add_player(struct arrange *a, const struct style_part *sp, const struct style_instrument *in, int index, enum part_role role, float least)
{
	struct player *p = &a->players[a->n_players];
	p->style = sp;
	p->instrument = in;
	p->role = role;
	p->style_part = index;
	p->least = least;
	p->level += (size_t)a->n_players * (size_t)a->n_sections;
	p->last_midi = -1;
	a->n_players++;
}

/* Where nobody sings at all, one instrument carries the tune: the lead, else a counter part, else a lead that the draw had left out. */
static void choose_tune_player(struct arrange *a)
{
	if (!a->brief->instrumental && a->s->n_vocal)
		return;
	static const enum part_role order[] = { ROLE_LEAD, ROLE_COUNTER };
	for (int o = 0; o < 2; o++)
		for (int i = 0; i < a->n_players; i++)
			if (a->players[i].role == order[o]) {
				a->players[i].plays_tune = 1;
				return;
			}
	const struct style *st = a->style;
	for (unsigned i = 0; i < st->n_parts && i < BRIEF_MAX_PARTS; i++)
		if (role_of(st->parts[i].role) == ROLE_LEAD) {
			add_player(a, &st->parts[i], &st->parts[i].instruments[0], (int)i, ROLE_LEAD, 0);
			a->players[a->n_players - 1].plays_tune = 1;
			return;
		}
}

static void gather_players(struct arrange *a)
{
	const struct style *st = a->style;
	for (unsigned i = 0; i < st->n_parts && i < BRIEF_MAX_PARTS; i++) {
		const struct style_instrument *in = brief_instrument(a->brief, (int)i);
		if (in)
			add_player(a, &st->parts[i], in, (int)i, role_of(st->parts[i].role), 0);
	}
	for (int i = 0; i < a->brief->n_extra && i < BRIEF_MAX_EXTRA; i++) {
		const struct brief_extra *x = &a->brief->extra[i];
		const struct style_part *model = x->part ? x->part : model_for(st, x->role);
		if (model)
			add_player(a, model, &x->instrument, x->part ? BRIEF_MAX_PARTS + i : -1, x->role, x->part && !x->named ? 0 : 0.55f);
	}
	choose_tune_player(a);
}

/* ---- the song's frame ---- */

static int by_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int middle_of_voice(const struct score *s)
{
	int pitch[512], n = 0, step = s->n_vocal / 512 + 1;
	for (int i = 0; i < s->n_vocal && n < 512; i += step)
		pitch[n++] = s->vocal[i].midi;
	if (!n)
		return 67;
	qsort(pitch, (size_t)n, sizeof pitch[0], by_int);
	return pitch[n / 2];
}

static void read_frame(struct arrange *a)
{
	struct score *s = a->s;
	a->bar = score_bar_ticks(s);
	a->steps = a->bar / ARRANGE_STEP;
	a->meter = a->steps == 16 ? "4/4" : s->meter_den == 8 ? "6/8" : "3/4";
	a->end = s->bars * a->bar;
	a->tail = (int)(s->tail_s * s->tempo_bpm / 60 * TICKS_PER_QUARTER * 0.9);
	a->voice_centre = middle_of_voice(s);
	/* The last chord is struck where the last bar begins, or where its last chord does. */
	a->ring = a->end - a->bar;
	const struct score_chord *last = s->n_chords ? &s->chords[s->n_chords - 1] : NULL;
	if (last && last->start > a->ring && last->start <= a->end - TICKS_PER_QUARTER && last->start % ARRANGE_STEP == 0)
		a->ring = last->start;
}

static int open_arrange(const struct compose_request *req, struct score *s, struct arrange *a, struct madrigal_error *err)
{
	a->req = req;
	a->brief = req->brief;
	a->style = req->brief->style;
	a->s = s;
	a->n_sections = s->n_sections;
	read_frame(a);
	if (a->steps != 16 && a->steps != 12)
		return err_set(err, MADRIGAL_EUSAGE, "no groove can be played in %d/%d: there are 4/4, 3/4 and 6/8", s->meter_num, s->meter_den);
	int most = BRIEF_MAX_PARTS + BRIEF_MAX_EXTRA + 1, steps = s->bars * a->steps;
	a->sections = calloc((size_t)s->n_sections + 1, sizeof *a->sections);
	a->players = calloc((size_t)most, sizeof *a->players);
	a->kick = calloc((size_t)steps + 1, 1);
	a->scratch = malloc((size_t)steps * ROWS_MAX + 1);
	float *levels = calloc((size_t)most * ((size_t)s->n_sections + 1), sizeof *levels);
	if (!a->sections || !a->players || !a->kick || !a->scratch || !levels) {
		free(levels);
		return err_nomem(err);
	}
	for (int i = 0; i < most; i++)
		a->players[i].level = levels; /* add_player gives each its share; players[0]'s is the whole */
	read_sections(a);
	gather_players(a);
	for (int i = 0; i < a->n_players; i++)
		set_levels(a, &a->players[i]);
	fill_empty_sections(a);
	return 0;
}

static void close_arrange(struct arrange *a)
{
	if (a->players) {
		free(a->players[0].level);
		for (int i = 0; i < a->n_players; i++)
			free(a->players[i].notes);
	}
	free(a->sections);
	free(a->players);
	free(a->kick);
	free(a->scratch);
}

/* ---- from players to parts ---- */

static int by_start(const void *pa, const void *pb)
{
	const struct note *a = pa, *b = pb;
	if (a->start != b->start)
		return a->start - b->start;
	if (a->midi != b->midi)
		return a->midi - b->midi;
	return b->velocity - a->velocity;
}

/* In order, within the song (a stop's cymbals are choked), and never a key struck while it sounds: the earlier note ends where the later begins. */
static void tidy(const struct arrange *a, struct player *p)
{
	int last[128], kept = 0, limit = a->end + (strcmp(a->style->form.ending, "stop") ? a->tail : 0);
	memset(last, -1, sizeof last);
	if (p->n)
		qsort(p->notes, (size_t)p->n, sizeof *p->notes, by_start);
	for (int i = 0; i < p->n; i++) {
		struct note n = p->notes[i];
		if (n.start >= a->end)
			continue;
		if (n.start + n.dur > limit)
			n.dur = limit - n.start;
		struct note *before = last[n.midi] >= 0 ? &p->notes[last[n.midi]] : NULL;
		if (before && before->start == n.start) {
			if (n.dur > before->dur)
				before->dur = n.dur;
			continue;
		}
		if (before && before->start + before->dur > n.start)
			before->dur = n.start - before->start;
		last[n.midi] = kept;
		p->notes[kept++] = n;
	}
	p->n = kept;
}

/* "Acoustic guitar (steel)" -> "acoustic-guitar-steel" */
static void slug(const char *text, char *out, size_t size)
{
	size_t n = 0;
	for (const char *c = text; *c && n + 1 < size; c++) {
		char l = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
		if ((l >= 'a' && l <= 'z') || (l >= '0' && l <= '9'))
			out[n++] = l;
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n && out[n - 1] == '-')
		n--;
	out[n] = 0;
}

static int name_taken(const struct score_part *parts, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(parts[i].name, name))
			return 1;
	return 0;
}

static void name_part(const struct score_part *parts, int n, const struct player *p, struct score_part *part)
{
	char base[sizeof part->name - 4];
	slug(p->style_part >= 0 ? p->style->name : p->instrument->name, base, sizeof base);
	if (!*base)
		snprintf(base, sizeof base, "part");
	snprintf(part->name, sizeof part->name, "%s", base);
	for (int i = 2; i < 100 && name_taken(parts, n, part->name); i++)
		snprintf(part->name, sizeof part->name, "%s-%d", base, i);
}

static int hand_over(struct arrange *a, struct madrigal_error *err)
{
	struct score_part *parts = calloc((size_t)a->n_players + 1, sizeof *parts);
	if (!parts)
		return err_nomem(err);
	int n = 0;
	for (int i = 0; i < a->n_players; i++) {
		struct player *p = &a->players[i];
		if (!p->n)
			continue;
		struct score_part *part = &parts[n];
		name_part(parts, n, p, part);
		part->role = p->role;
		part->style_part = p->style_part;
		snprintf(part->instrument, sizeof part->instrument, "%s", p->instrument->name);
		snprintf(part->soundfont, sizeof part->soundfont, "%s", p->instrument->soundfont ? p->instrument->soundfont : "general");
		part->bank = p->instrument->bank;
		part->program = p->instrument->program;
		part->notes = p->notes;
		part->n_notes = p->n;
		p->notes = NULL;
		n++;
	}
	for (int i = 0; i < a->s->n_parts; i++)
		free(a->s->parts[i].notes);
	free(a->s->parts);
	a->s->parts = parts;
	a->s->n_parts = n;
	return 0;
}

static unsigned scale_of(const struct score *s, const struct score_section *sec)
{
	static const int steps[2][7] = { { 0, 2, 4, 5, 7, 9, 11 }, { 0, 2, 3, 5, 7, 8, 10 } };
	unsigned scale = 0;
	for (int i = 0; i < 7; i++)
		scale |= 1u << ((s->tonic_pc + sec->transpose + steps[s->minor > 0][i]) % 12);
	return scale;
}

/* Sticks on the last `count_in` beats before the band; more than a bar of them as drummers count it, half as fast at first. */
static void count_in(struct arrange *a)
{
	int beat = a->s->meter_den == 8 ? TICKS_PER_QUARTER * 3 / 2 : TICKS_PER_QUARTER, drummer = 0;
	while (drummer < a->n_players && a->players[drummer].role != ROLE_DRUMS)
		drummer++;
	for (int i = 0; i < a->n_sections && drummer < a->n_players; i++) {
		const struct score_section *sec = a->sections[i].sec;
		for (int k = sec->count_in; k > 0; k--)
			if (k * beat <= a->bar || (k * beat) % (2 * beat) == 0)
				arrange_note(&a->players[drummer], sec->end - k * beat, ARRANGE_STEP, drum_key("sticks"), 84, ART_NORMAL, 0);
	}
}

/* ---- stops ---- */

/* Ends what sounds at `from` there, and silences what begins before `to`; what begins there and holds on (an anticipation) comes on the beat. */
static void silence(struct player *p, int from, int to)
{
	int kept = 0;
	for (int i = 0; i < p->n; i++) {
		struct note n = p->notes[i];
		if (n.start < from && n.start + n.dur > from)
			n.dur = from - n.start;
		if (n.start >= from && n.start < to) {
			if (n.start + n.dur <= to)
				continue;
			n.dur -= to - n.start;
			n.start = to;
		}
		p->notes[kept++] = n;
	}
	p->n = kept;
}

static int sings_in(const struct score *s, int from, int to)
{
	for (int i = 0; i < s->n_vocal; i++)
		if (s->vocal[i].start < to && s->vocal[i].start + s->vocal[i].dur > from)
			return 1;
	return 0;
}

static int drums_in(const struct arrange *a, int from, int to)
{
	for (int k = 0; k < a->n_players; k++)
		for (int i = 0; i < a->players[k].n && a->players[k].role == ROLE_DRUMS; i++)
			if (a->players[k].notes[i].start >= from && a->players[k].notes[i].start < to)
				return 1;
	return 0;
}

/* Before a chorus the band may stop for a beat or two: the voice is left alone, or the drums' fill, or (one beat only) nothing. */
static void lay_stops(struct arrange *a)
{
	int beat = a->s->meter_den == 8 ? TICKS_PER_QUARTER * 3 / 2 : TICKS_PER_QUARTER;
	for (int i = 1; i < a->n_sections; i++) {
		const struct arr_section *as = &a->sections[i], *before = &a->sections[i - 1];
		struct rng r = arrange_rng(a, "stop", NULL, i);
		if (!arrange_is_chorus(as->sec->kind) || arrange_is_chorus(before->sec->kind) || before->sec->count_in || before->bars < 2 ||
		    rng_unit(&r) >= a->style->form.stop_chance)
			continue;
		int to = as->sec->start, beats = a->bar >= 4 * beat ? 1 + (int)rng_below(&r, 2) : 1, from = to - beats * beat, fill = drums_in(a, from, to);
		int sung = sings_in(a->s, from, to), drums_too = sung && rng_below(&r, 2);
		if (!fill && !sung)
			from = to - beat;
		for (int k = 0; k < a->n_players; k++)
			if (drums_too || a->players[k].role != ROLE_DRUMS)
				silence(&a->players[k], from, to);
	}
}

/* Drums before basses, which listen to the kick; the rest as it comes. */
static void play(struct arrange *a)
{
	static void (*const plays[PART_ROLES])(struct arrange *, struct player *, const struct arr_section *) = {
		play_drums, play_drums, play_bass, play_chords, play_chords, play_line, play_line,
	};
	for (int role = 0; role < PART_ROLES; role++)
		for (int i = 0; i < a->n_players; i++)
			for (int k = 0; k < a->n_sections && a->players[i].role == (enum part_role)role; k++)
				if (a->sections[k].bars > 0 && !a->sections[k].sec->count_in) {
					a->scale = scale_of(a->s, a->sections[k].sec);
					plays[role](a, &a->players[i], &a->sections[k]);
				}
}

int arrange_take(const struct compose_request *req, int take, struct score *s, struct madrigal_error *err)
{
	struct arrange a = { .take = take };
	int rc = open_arrange(req, s, &a, err);
	if (rc == 0) {
		play(&a);
		count_in(&a);
		lay_stops(&a);
		for (int i = 0; i < a.n_players && rc == 0; i++) {
			tidy(&a, &a.players[i]);
			if (a.players[i].failed)
				rc = err_nomem(err);
		}
	}
	if (rc == 0)
		rc = hand_over(&a, err);
	close_arrange(&a);
	return rc;
}
