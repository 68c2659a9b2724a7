/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Form: which sections there are, how many bars each line takes, and how the length asked for is met to the bar.
 *
 * 1. A line takes the number of bars at which its syllables can be sung at an easy pace (LEVELS has the paces); a long line is cut into phrases.
 * 2. The composer adds an intro, turnarounds, a solo that may stay empty, and an ending.
 * 3. A length asked for is met by the pace that comes nearest, and then by bars in which nobody sings. */
#include "compose/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_SONG_S 360
#define LONGEST_SONG_S 660
#define LINE_PARTS 64
#define LEVELS 5
#define LEVEL_USUAL 2
#define SHORT_BAR_S 1.9    /* rap in shorter bars goes by pairs of them */

/* What a line's bars are reckoned by. */
struct pacing {
	float aim[LEVELS];     /* syllables a second that are aimed at */
	float max;             /* beyond, the words get lost */
	float breath_s;        /* a breath, and the last note's extra length */
	int rest_steps;        /* the same, at least */
	int long_phrase;       /* syllables: a longer line is cut */
};
static const struct pacing singing = { { 1.5f, 2.0f, 2.6f, 3.4f, 4.3f }, 3.8f, 0.5f, 4, 14 };
/* 124 rap songs have 2.8, 4.3, 5.5 syllables a second and 6, 11, 14 to the bar (tenth, median, ninth tenth). */
static const struct pacing rapping = { { 2.8f, 3.5f, 4.3f, 5.0f, 5.5f }, 5.8f, 0.3f, 2, 13 };
void meter_init(struct meter *m, int num, int den, double tempo_bpm)
{
	memset(m, 0, sizeof *m);
	m->steps = 16 * num / den;
	m->eighths_lead = den == 8;
	m->step_s = 15.0 / tempo_bpm;
	for (int i = 0; i < m->steps; i++) {
		enum place p = i % 2 ? PLACE_SIXTEENTH : PLACE_EIGHTH;
		if (m->eighths_lead)
			p = i == 0 ? PLACE_STRONG : i % 6 == 0 ? PLACE_BEAT : p;
		else if (i % 4 == 0)
			p = i == 0 || (m->steps == 16 && i == 8) ? PLACE_STRONG : PLACE_BEAT;
		m->place[i] = p;
	}
}

enum tune_family family_of(enum section_kind k)
{
	switch (k) {
	case SECTION_VERSE:
		return FAMILY_VERSE;
	case SECTION_PRE_CHORUS:
	case SECTION_BUILD_UP:
	case SECTION_TRANSITION:
		return FAMILY_PRE;
	case SECTION_CHORUS:
	case SECTION_HOOK:
		return FAMILY_CHORUS;
	case SECTION_POST_CHORUS:
		return FAMILY_POST;
	case SECTION_BRIDGE:
		return FAMILY_BRIDGE;
	default:
		return FAMILY_OTHER;
	}
}

static double bar_s(const struct plan *p)
{
	return p->meter.steps * p->meter.step_s;
}

struct form {
	struct plan *p;
	int level;             /* of the pacings' aims */
	int pauses;            /* whether blank lines become bars */
	int max_phrases;
};

/* ---- how many bars a phrase takes ---- */

/* Syllables that fit into so many bars, with a rest at the end. */
static int capacity(const struct plan *p, int bars, int rap)
{
	int least = rap ? rap_least_step(&p->meter) : rhythm_least_step(&p->meter);
	int room = bars * p->meter.steps - (rap ? rap_least_gap(&p->meter) : rhythm_least_gap(&p->meter));
	if (rap)
		return room / least + 1;
	if (least == 1 && p->meter.step_s > SLOW_STEP_S && p->meter.steps == 16) /* slow: sung in double time; with more, too few onsets meet a beat */
		return room * 3 / 4;
	if (least == 1 && p->meter.step_s > 0.2) /* some of the sixteenths too */
		return room * 3 / 5;
	return room / (least <= 2 ? 2 : 4);
}

static float pace(const struct plan *p, int n, int bars, const struct pacing *c)
{
	float s = (float)(bars * bar_s(p)), rest = fmaxf(c->breath_s, (float)p->meter.step_s * (float)c->rest_steps);
	return (float)n / fmaxf(0.2f, s - rest);
}

/* parts: of how many phrases the line is made. */
static float bars_cost(const struct form *f, int n, int bars, int parts, int rap)
{
	const struct plan *p = f->p;
	const struct pacing *c = rap ? &rapping : &singing;
	/* Rap's hook is sung half as fast as the rest is spoken. */
	float rate = pace(p, n, bars, c), own = (float)(p->style->form.line_bars * (p->raps && !rap ? 2 : 1)) / (float)parts;
	float usual = own * c->aim[LEVEL_USUAL] / c->aim[f->level];
	float cost = 0.5f * fabsf(log2f(rate / c->aim[f->level])) + fabsf(log2f((float)bars / usual));
	if (rate > c->max)
		cost += 4 * (rate - c->max) + 2;
	if (n > capacity(p, bars, rap))
		cost += 100 + (float)(n - capacity(p, bars, rap));
	if (bars == 3 || bars > 4)
		cost += 0.5f;
	return cost;
}

static int bars_for(const struct form *f, int n, int usual, int parts, int rap)
{
	static const int choices[] = { 1, 2, 3, 4, 6, 8, 12, 16 };
	int best = 1;
	float least = 1e9f;
	for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
		float cost = bars_cost(f, n, choices[i], parts, rap);
		if (usual && choices[i] != usual)
			cost += choices[i] % usual && usual % choices[i] ? 1.3f : 0.9f;
		if (cost < least) {
			least = cost;
			best = choices[i];
		}
	}
	return best;
}

/* ---- lines into phrases ---- */

static int line_syllables(const struct lyrics *l, const struct line *ln)
{
	const struct word *last = &l->words[ln->first_word + ln->n_words - 1];
	return last->first_syllable + last->n_syllables - l->words[ln->first_word].first_syllable;
}

/* How well a line may be cut before syllable i of its n, when about `want` are wanted before it. */
static float cut_cost(const struct lyrics *l, const struct line *ln, int i, int want)
{
	int first = l->words[ln->first_word].first_syllable;
	const struct syllable *s = &l->syllables[first + i];
	float cost = 0.35f * (float)abs(i - want);
	if (s->word == l->syllables[first + i - 1].word)
		return cost + 20;
	const struct word *before = &l->words[s->word - 1];
	cost += before->punct && before->punct != '-' ? 0 : before->content ? 2.5f : 5;
	return cost;
}

/* Lengths of the phrases of a line into part (room for LINE_PARTS); returns their number. A line is cut when it is long, and when it takes four
 * bars or more: common metre's fourteen syllables are eight and six. */
static int cut_line(const struct form *f, const struct line *ln, int rap, int *part)
{
	const struct lyrics *l = f->p->lyrics;
	int n = line_syllables(l, ln), max = LINE_PARTS, at = 0, k = 0, most = (rap ? &rapping : &singing)->long_phrase;
	if (rap && bar_s(f->p) < SHORT_BAR_S && capacity(f->p, 2, 1) > most)
		most = capacity(f->p, 2, 1);
	int pieces = n <= most ? 1 : (n + most - 3) / (most - 2);
	if (pieces == 1 && n >= 10 && bars_for(f, n, 0, 1, rap) >= 4)
		pieces = 2;
	while (k + 1 < pieces && k + 1 < max) {
		int left = n - at, want = left / (pieces - k), best = want;
		float least = 1e9f;
		for (int i = 3; i <= left - 3 && i <= PHRASE_MAX - 4; i++) {
			int rest = (left - i + pieces - k - 2) / (pieces - k - 1);
			float cost = cut_cost(l, ln, at + i, at + want) + (rest > PHRASE_MAX - 4 ? 50 : 0);
			if (cost < least) {
				least = cost;
				best = i;
			}
		}
		part[k++] = best;
		at += best;
	}
	part[k++] = n - at;
	return k;
}

/* The section's usual number of bars to a line, from all its lines together. */
static int usual_bars(const struct form *f, const struct lyric_section *ls, int rap)
{
	static const int choices[] = { 1, 2, 4, 8 };
	const struct lyrics *l = f->p->lyrics;
	int best = 2;
	float least = 1e9f;
	for (size_t c = 0; c < sizeof choices / sizeof choices[0]; c++) {
		float cost = 0;
		for (int i = 0; i < ls->n_lines; i++) {
			const struct line *ln = &l->lines[ls->first_line + i];
			int part[LINE_PARTS];
			int k = cut_line(f, ln, rap, part);
			for (int j = 0; j < k && !ln->backing; j++)
				cost += fminf(6, bars_cost(f, part[j], choices[c], k, rap));
		}
		if (cost < least) {
			least = cost;
			best = choices[c];
		}
	}
	return best;
}

static void add_phrase(struct form *f, struct plan_section *ps, int line, int first, int n, int bars)
{
	struct plan *p = f->p;
	struct plan_phrase *ph = &p->phrases[p->n_phrases++];
	*ph = (struct plan_phrase){ .line = line, .section = (int)(ps - p->sections), .first_syllable = first, .n = n, .bar = ps->bars, .bars = bars,
	                            .source = -1, .model = -1, .rhyme = -1, .rap = section_is_rap(p, ps) };
	ps->bars += bars;
	ps->n_phrases++;
}

static void lay_line(struct form *f, struct plan_section *ps, int line, int usual)
{
	struct plan *p = f->p;
	const struct lyrics *l = p->lyrics;
	const struct line *ln = &l->lines[line];
	int part[LINE_PARTS], first = l->words[ln->first_word].first_syllable, at = 0, rap = section_is_rap(p, ps);
	int k = cut_line(f, ln, rap, part);
	for (int j = 0; j < k; j++) {
		add_phrase(f, ps, line, first + at, part[j], bars_for(f, part[j], usual, k, rap));
		at += part[j];
		struct plan_phrase *ph = &p->phrases[p->n_phrases - 1];
		char punct = l->words[l->syllables[first + at - 1].word].punct;
		ph->ends_line = j == k - 1;
		ph->punct = ph->ends_line ? ln->punct : punct;
		ph->rhyme = ph->ends_line ? ln->rhyme : -1;
	}
}

/* A line in parentheses: a short one answers in the rest after its line, a longer one gets bars of its own. */
static void lay_backing(struct form *f, struct plan_section *ps, int line)
{
	struct plan *p = f->p;
	const struct lyrics *l = p->lyrics;
	const struct line *ln = &l->lines[line];
	int first = l->words[ln->first_word].first_syllable, part[LINE_PARTS], at = 0, rap = section_is_rap(p, ps);
	int k = cut_line(f, ln, rap, part);
	for (int j = 0; j < k; j++) {
		struct plan_phrase *lead = ps->n_phrases ? &p->phrases[p->n_phrases - 1] : NULL;
		struct plan_backing *b = &p->backing[p->n_backing++];
		*b = (struct plan_backing){ .line = line, .first_syllable = first + at, .n = part[j], .after_phrase = -1 };
		int free_steps = lead ? lead->bars * p->meter.steps - (lead->n - 1) * 2 - 6 : 0;
		int taken = p->n_backing > 1 && lead && p->backing[p->n_backing - 2].after_phrase == p->n_phrases - 1;
		if (lead && k == 1 && !taken && part[j] * 2 <= free_steps) {
			b->after_phrase = p->n_phrases - 1;
		} else {
			b->bar = ps->bars;
			b->bars = bars_for(f, part[j] + 1, 0, k, rap);
			ps->bars += b->bars;
		}
		at += part[j];
	}
}

static void lay_sung(struct form *f, struct plan_section *ps, const struct lyric_section *ls)
{
	struct plan *p = f->p;
	int usual = usual_bars(f, ls, section_is_rap(p, ps));
	ps->bars = ps->lead_bars;
	ps->first_phrase = p->n_phrases;
	for (int i = 0; i < ls->n_lines; i++) {
		const struct line *ln = &p->lyrics->lines[ls->first_line + i];
		if (f->pauses && ln->pause_before && i > 0)
			ps->bars += bar_s(p) < 1.5 ? 2 : 1;
		if (ln->backing)
			lay_backing(f, ps, ls->first_line + i);
		else
			lay_line(f, ps, ls->first_line + i, usual);
	}
	if (ps->n_phrases)
		p->phrases[ps->first_phrase + ps->n_phrases - 1].ends_section = 1;
	if ((ps->bars - ps->lead_bars) % 2 && f->pauses)
		ps->bars++;
}

/* ---- sections ---- */

static int instrumental_bars(const struct plan *p, enum section_kind k)
{
	const struct style_form *f = &p->style->form;
	switch (k) {
	case SECTION_INTRO:
		return f->intro;
	case SECTION_INTERLUDE:
		return f->interlude;
	case SECTION_INST:
	case SECTION_SOLO:
		return f->solo;
	case SECTION_BREAK:
		return f->brk;
	case SECTION_BUILD_UP:
	case SECTION_TRANSITION:
		return f->build_up;
	case SECTION_OUTRO:
		return f->outro;
	case SECTION_PRE_CHORUS:
	case SECTION_POST_CHORUS:
	case SECTION_HOOK:
		return 4;
	default:
		return 8;
	}
}

static float intensity_of(enum section_kind k)
{
	static const float of[SECTION_KINDS] = {
		[SECTION_INTRO] = 0.35f, [SECTION_VERSE] = 0.45f, [SECTION_PRE_CHORUS] = 0.6f, [SECTION_CHORUS] = 0.8f, [SECTION_POST_CHORUS] = 0.75f,
		[SECTION_HOOK] = 0.8f, [SECTION_BRIDGE] = 0.6f, [SECTION_INTERLUDE] = 0.45f, [SECTION_INST] = 0.55f, [SECTION_SOLO] = 0.75f,
		[SECTION_BREAK] = 0.25f, [SECTION_BUILD_UP] = 0.6f, [SECTION_TRANSITION] = 0.5f, [SECTION_OUTRO] = 0.4f,
	};
	return of[k];
}

static struct plan_section *add_section(struct plan *p, enum section_kind k, const char *name, int lyric_section)
{
	struct plan_section *s = &p->sections[p->n_sections++];
	memset(s, 0, sizeof *s);
	s->kind = k;
	s->family = family_of(k);
	s->lyric_section = lyric_section;
	s->same_as = -1;
	s->first_phrase = p->n_phrases;
	s->intensity = intensity_of(k);
	snprintf(s->name, sizeof s->name, "%s", name);
	return s;
}

/* A section that nobody sings: bars as usual, and how far they may be stretched. */
static void set_bars(struct plan_section *s, int least, int usual, int most)
{
	s->least_bars = least;
	s->usual_bars = usual > least ? usual : least;
	s->most_bars = most > s->usual_bars ? most : s->usual_bars;
	s->bars = s->usual_bars;
}

static int wants_turnaround(enum section_kind before, enum section_kind after)
{
	return (family_is_high(family_of(before)) && (after == SECTION_VERSE || after == SECTION_BRIDGE)) ||
	       (before == SECTION_VERSE && after == SECTION_VERSE);
}

static void add_tagged(struct form *f, int i, int sung_before)
{
	struct plan *p = f->p;
	const struct lyric_section *ls = &p->lyrics->sections[i];
	struct plan_section *before = p->n_sections ? &p->sections[p->n_sections - 1] : NULL;
	if (before && ls->n_lines && before->n_phrases) {
		/* The turnaround between two verses is there only if bars are wanted. */
		int usual = wants_turnaround(before->kind, ls->kind) && before->kind != SECTION_VERSE ? p->style->form.turnaround : 0;
		struct plan_section *t = add_section(p, SECTION_INTERLUDE, "Turnaround", -1);
		t->turnaround = 1;
		t->intensity = 0.5f;
		set_bars(t, 0, usual, wants_turnaround(before->kind, ls->kind) ? 4 : 0);
	}
	struct plan_section *s = add_section(p, ls->kind, ls->name, i);
	if (ls->n_lines == 0) {
		int usual = instrumental_bars(p, ls->kind);
		set_bars(s, 1, usual, usual * 2 > 8 ? usual * 2 : 8);
		return;
	}
	s->lead_bars = !sung_before && p->n_sections == 1 ? 1 : 0;
	lay_sung(f, s, ls);
}

/* The last sung section before which a solo can lie: the last chorus if it isn't the first, else none. */
static int solo_before(const struct lyrics *l)
{
	int last = -1, sung = 0;
	for (int i = 0; i < l->n_sections; i++) {
		if (!l->sections[i].n_lines)
			continue;
		if (sung && (family_is_high(family_of(l->sections[i].kind)) || i == l->n_sections - 1))
			last = i;
		sung++;
	}
	return sung > 2 ? last : -1;
}

#define COUNT_IN_LEAST_S 60 /* a shorter song that was asked for has no bars to spare */

/* Whether drums and a pitched part begin together in the intro. */
static int starts_together(const struct plan *p)
{
	int drums = 0, pitched = 0;
	for (unsigned i = 0; i < p->style->n_parts && i < BRIEF_MAX_PARTS; i++) {
		const struct style_part *sp = &p->style->parts[i];
		int plays = p->brief->instrument[i] >= 0 && style_part_level(sp, SECTION_INTRO) > 0;
		drums |= plays && !strcmp(sp->role, part_role_ids[ROLE_DRUMS]);
		pitched |= plays && strcmp(sp->role, part_role_ids[ROLE_DRUMS]) && strcmp(sp->role, part_role_ids[ROLE_PERCUSSION]);
	}
	return drums && pitched;
}

static void add_count_in(struct plan *p)
{
	int beats = p->style->form.count_in, in_bar = p->meter.steps / (p->meter.eighths_lead ? 6 : 4);
	if (!beats || (p->req->duration_s > 0 && p->req->duration_s < COUNT_IN_LEAST_S) || !starts_together(p))
		return;
	int bars = (beats + in_bar - 1) / in_bar;
	struct plan_section *s = add_section(p, SECTION_INTRO, "Count-in", -1);
	s->count_in = beats;
	set_bars(s, bars, bars, bars);
}

static void build_sung(struct form *f)
{
	struct plan *p = f->p;
	const struct lyrics *l = p->lyrics;
	const struct style_form *sf = &p->style->form;
	int solo = solo_before(l), sung = 0;
	add_count_in(p);
	if (l->sections[0].kind != SECTION_INTRO)
		set_bars(add_section(p, SECTION_INTRO, "Intro", -1), 1, sf->intro, 8);
	for (int i = 0; i < l->n_sections; i++) {
		const struct lyric_section *ls = &l->sections[i];
		if (i == solo) {
			struct plan_section *s = add_section(p, SECTION_SOLO, "Solo", -1);
			set_bars(s, 0, 0, 16);
		}
		if (p->key_change && i == key_change_in_lyrics(l) && key_change_needs_bar(l, i))
			set_bars(add_section(p, SECTION_INTERLUDE, "Key change", -1), 1, 1, 2);
		add_tagged(f, i, sung);
		sung += ls->n_lines > 0;
	}
	const struct plan_section *last = &p->sections[p->n_sections - 1];
	if (last->kind != SECTION_OUTRO || last->n_phrases) {
		int usual = last->kind == SECTION_OUTRO ? 2 : sf->outro;
		set_bars(add_section(p, SECTION_OUTRO, last->kind == SECTION_OUTRO ? "Ending" : "Outro", -1), 1, usual, 8);
	}
}

/* Nothing to sing and no tags: verses and choruses of eight bars, enough of them for the length. */
static void build_instrumental(struct form *f, int bars)
{
	static const enum section_kind order[] = { SECTION_VERSE, SECTION_CHORUS, SECTION_VERSE, SECTION_CHORUS, SECTION_SOLO, SECTION_BRIDGE };
	struct plan *p = f->p;
	const struct style_form *sf = &p->style->form;
	int blocks = (bars - sf->intro - sf->outro + 4) / 8;
	add_count_in(p);
	set_bars(add_section(p, SECTION_INTRO, "Intro", -1), 1, sf->intro, 8);
	for (int i = 0; i < blocks && p->n_sections < SONG_SECTIONS_MAX - 2; i++) {
		enum section_kind k = i == blocks - 1 && blocks > 1 ? SECTION_CHORUS : order[i % 6];
		char name[24];
		int number = 1;
		for (int j = 0; j < p->n_sections; j++)
			number += p->sections[j].kind == k;
		snprintf(name, sizeof name, number > 1 ? "%s %d" : "%s", section_titles[k], number);
		set_bars(add_section(p, k, name, -1), 4, 8, 16);
	}
	set_bars(add_section(p, SECTION_OUTRO, "Outro", -1), 1, sf->outro, 8);
}

/* ---- the length ---- */

static int total_bars(const struct plan *p)
{
	int n = 0;
	for (int i = 0; i < p->n_sections; i++)
		n += p->sections[i].bars;
	return n;
}

static int bound_bars(const struct plan *p, int most)
{
	int n = 0;
	for (int i = 0; i < p->n_sections; i++) {
		const struct plan_section *s = &p->sections[i];
		n += s->n_phrases || s->bars > s->most_bars ? s->bars : most ? s->most_bars : s->least_bars;
	}
	return n;
}

/* The unsung section that gives (or takes) bars next: first what is furthest from usual in the other direction, then solos and outros. */
static struct plan_section *next_to_bend(struct plan *p, int grow, int beyond)
{
	struct plan_section *best = NULL;
	float least = 1e9f;
	for (int i = 0; i < p->n_sections; i++) {
		struct plan_section *s = &p->sections[i];
		if (!s->most_bars || s->n_phrases || s->count_in || (!grow && s->bars <= s->least_bars) || (grow && !beyond && s->bars >= s->most_bars))
			continue;
		float room = (float)(s->usual_bars > 2 ? s->usual_bars : s->kind == SECTION_SOLO ? 8 : 2);
		float cost = grow ? (float)(s->bars - s->usual_bars) / room : (float)(s->usual_bars - s->bars) / room;
		if (s->turnaround)
			cost += grow ? (beyond ? 9 : 0.9f) : -0.6f;
		if (s->lyric_section < 0 && (s->kind == SECTION_OUTRO || s->kind == SECTION_INTRO))
			cost += grow ? 0.1f : -0.3f;
		/* Music is made of pairs and fours of bars: finish those begun. */
		if (s->bars % 2)
			cost -= 5;
		else if (s->bars % 4)
			cost -= 0.7f;
		if (cost < least) {
			least = cost;
			best = s;
		}
	}
	return best;
}

/* Bends the unsung sections until the song has `bars`. */
static int bend_to(struct plan *p, int bars)
{
	int total = total_bars(p);
	for (; total > bars; total--) {
		struct plan_section *s = next_to_bend(p, 0, 0);
		if (!s)
			return -1;
		s->bars--;
	}
	for (; total < bars; total++) {
		struct plan_section *s = next_to_bend(p, 1, 0);
		if (!s)
			s = next_to_bend(p, 1, 1);
		if (!s)
			return -1;
		s->bars++;
	}
	return 0;
}

static void drop_empty(struct plan *p)
{
	int kept = 0;
	for (int i = 0; i < p->n_sections; i++) {
		if (p->sections[i].bars == 0)
			continue;
		struct plan_section *s = &p->sections[kept];
		if (kept != i)
			*s = p->sections[i];
		for (int k = 0; k < s->n_phrases; k++)
			p->phrases[s->first_phrase + k].section = kept;
		kept++;
	}
	p->n_sections = kept;
}

/* ---- what returns ---- */

static int equal_layout(const struct plan *p, const struct plan_section *a, const struct plan_section *b)
{
	if (a->n_phrases != b->n_phrases || a->bars != b->bars)
		return 0;
	for (int i = 0; i < a->n_phrases; i++) {
		const struct plan_phrase *x = &p->phrases[a->first_phrase + i], *y = &p->phrases[b->first_phrase + i];
		if (x->n != y->n || x->bars != y->bars || x->bar != y->bar)
			return 0;
	}
	return 1;
}

/* The tune of each phrase: note for note where a section returns with its words; after its kin where the family has sung before. */
static void link_section(struct plan *p, int index)
{
	struct plan_section *s = &p->sections[index];
	int leader = -1;
	const struct lyrics *l = p->lyrics;
	for (int i = 0; i < index && s->n_phrases; i++) {
		const struct plan_section *o = &p->sections[i];
		if (!o->n_phrases || o->same_as >= 0)
			continue;
		if (s->lyric_section >= 0 && l->sections[s->lyric_section].same_as >= 0 && l->sections[s->lyric_section].same_as == o->lyric_section &&
		    equal_layout(p, s, o)) {
			s->same_as = i;
			for (int k = 0; k < s->n_phrases; k++)
				p->phrases[s->first_phrase + k].source = o->first_phrase + k;
			return;
		}
		if (leader < 0 && o->family == s->family && s->family != FAMILY_OTHER)
			leader = i;
	}
	for (int k = 0; k < s->n_phrases; k++) {
		struct plan_phrase *ph = &p->phrases[s->first_phrase + k];
		const struct line *ln = &l->lines[ph->line];
		for (int j = 0; j < s->first_phrase + k && ln->same_as >= 0 && ph->model < 0; j++) {
			const struct plan_phrase *o = &p->phrases[j];
			int same = (o->line == ln->same_as || l->lines[o->line].same_as == ln->same_as) && o->n == ph->n && o->source < 0 &&
			           ph->first_syllable - l->words[ln->first_word].first_syllable ==
			               o->first_syllable - l->words[l->lines[o->line].first_word].first_syllable;
			if (same && p->sections[o->section].family == s->family) {
				ph->model = j;
				ph->same_words = 1;
			}
		}
		if (ph->model < 0 && leader >= 0 && k < p->sections[leader].n_phrases)
			ph->model = p->sections[leader].first_phrase + k;
	}
}

static void place_sections(struct plan *p)
{
	int bar = 0, high = 0, highs = 0;
	for (int i = 0; i < p->n_sections; i++)
		highs += family_is_high(p->sections[i].family) && p->sections[i].kind == SECTION_CHORUS;
	for (int i = 0; i < p->n_sections; i++)
		link_section(p, i);
	for (int i = 0; i < p->n_sections; i++) {
		struct plan_section *s = &p->sections[i];
		s->bar = bar;
		for (int k = 0; k < s->n_phrases; k++)
			p->phrases[s->first_phrase + k].bar += bar;
		bar += s->bars;
		s->intensity += 0.12f * p->brief->energy;
		if (s->kind == SECTION_CHORUS)
			s->intensity += ++high == highs && highs > 1 ? 0.1f : 0;
		if (s->kind == SECTION_VERSE && high)
			s->intensity += 0.08f;
		s->intensity = fminf(1, fmaxf(0.1f, s->intensity));
	}
	/* Backing lines with bars of their own lie in their line's section. */
	for (int i = 0; i < p->n_backing; i++)
		for (int k = 0; k < p->n_sections; k++)
			if (p->sections[k].lyric_section == p->lyrics->lines[p->backing[i].line].section)
				p->backing[i].bar += p->sections[k].bar;
	p->bars = bar;
}

/* ---- the whole ---- */

static int sung_lines(const struct lyrics *l)
{
	int n = 0;
	for (int i = 0; i < l->n_sections; i++)
		n += l->sections[i].n_lines;
	return n;
}

static int allocate(struct plan *p, struct madrigal_error *err)
{
	const struct lyrics *l = p->lyrics;
	int most = l->n_sections * 2 + SONG_SECTIONS_MAX, phrases = l->n_lines + l->n_syllables / 2 + 1;
	p->sections = calloc((size_t)most, sizeof *p->sections);
	p->phrases = calloc((size_t)phrases, sizeof *p->phrases);
	p->backing = calloc((size_t)phrases, sizeof *p->backing);
	return p->sections && p->phrases && p->backing ? 0 : err_nomem(err);
}

static void build(struct plan *p, int level, int pauses, int bars)
{
	struct form f = { .p = p, .level = level, .pauses = pauses };
	p->n_sections = p->n_phrases = p->n_backing = 0;
	if (sung_lines(p->lyrics) || p->lyrics->n_sections)
		build_sung(&f);
	else
		build_instrumental(&f, bars ? bars : (int)(150 / bar_s(p)));
}

static int cannot_fit(const struct plan *p, double lead_s, struct madrigal_error *err)
{
	double need = ceil(bound_bars(p, 0) * bar_s(p) + lead_s);
	return err_set(err, MADRIGAL_EUSAGE, "these lyrics cannot be sung in %.0f seconds at %.4g bpm; they need %.0f seconds, a faster tempo or fewer lines",
	               p->req->duration_s, p->brief->tempo_bpm, need);
}

/* Finds the pace at which the song has `bars`, the usual one if possible. */
static int meet_length(struct plan *p, int bars, double around_s, struct madrigal_error *err)
{
	int level = LEVEL_USUAL, pauses = 1;
	build(p, level, pauses, bars);
	while (bound_bars(p, 0) > bars && (level < LEVELS - 1 || pauses)) {
		if (level < LEVELS - 1)
			level++;
		else
			pauses = 0;
		build(p, level, pauses, bars);
	}
	if (bound_bars(p, 0) > bars)
		return cannot_fit(p, around_s, err);
	/* Wider only if that leaves the song less of a concerto, and not too slow. */
	while (level > 0 && level <= LEVEL_USUAL && bound_bars(p, 1) < bars && total_bars(p) > 0) {
		build(p, level - 1, pauses, bars);
		if (bound_bars(p, 0) > bars) {
			build(p, level, pauses, bars);
			break;
		}
		level--;
	}
	if (bend_to(p, bars) < 0)
		return cannot_fit(p, around_s, err);
	return 0;
}

int plan_form(struct plan *p, struct madrigal_error *err)
{
	meter_init(&p->meter, p->brief->meter_num, p->brief->meter_den, p->brief->tempo_bpm);
	p->raps = p->style->singer.manner && !strcmp(p->style->singer.manner, "rap");
	if (p->meter.steps != 16 && p->meter.steps != 12)
		return err_set(err, MADRIGAL_EUSAGE, "no song can be made in %d/%d: there are 4/4, 3/4 and 6/8", p->brief->meter_num, p->brief->meter_den);
	int rc = allocate(p, err);
	if (rc)
		return rc;
	key_change_draw(p);
	const char *ending = p->style->form.ending ? p->style->form.ending : "ring";
	p->lead_in_s = 0.25;
	p->tail_s = !strcmp(ending, "stop") ? 1.6 : !strcmp(ending, "fade") ? 2.2 : 3.2;
	double around_s = p->lead_in_s + p->tail_s;
	if (p->req->duration_s > 0) {
		/* A very short song has a short end. */
		p->tail_s = fmin(p->tail_s, 0.15 * p->req->duration_s);
		around_s = p->lead_in_s + p->tail_s;
		int bars = (int)ceil((p->req->duration_s - around_s) / bar_s(p) - 1e-9);
		rc = meet_length(p, bars > 1 ? bars : 1, around_s, err);
		if (rc)
			return rc;
	} else {
		int level = LEVEL_USUAL;
		build(p, level, 1, 0);
		while (total_bars(p) * bar_s(p) > LONG_SONG_S && level < LEVELS - 1) /* lyrics by the yard are sung quicker */
			build(p, ++level, 1, 0);
	}
	drop_empty(p);
	if (total_bars(p) > SONG_BARS_MAX || total_bars(p) * bar_s(p) > LONGEST_SONG_S)
		return err_set(err, MADRIGAL_EUSAGE, "at %.4g bpm these lyrics make a song of %.0f minutes; the longest is 11: take fewer lines or a faster tempo",
		               p->brief->tempo_bpm, ceil(total_bars(p) * bar_s(p) / 60));
	place_sections(p);
	return 0;
}

void plan_release(struct plan *p)
{
	free(p->sections);
	free(p->phrases);
	free(p->backing);
	free(p->chord_of_step);
	free(p->stress);
	memset(p, 0, sizeof *p);
}
