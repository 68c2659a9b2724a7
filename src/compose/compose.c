/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compose_song: a plan, many drafts of the tune over it, the best one written out as the score. */
#include "compose/compose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compose/plan.h"

/* ---- drafts ---- */

#define DRAFTS_A_GROOVE 4

static int draft_init(const struct plan *p, struct draft *d, struct madrigal_error *err)
{
	int syllables = 0;
	for (int i = 0; i < p->n_phrases; i++)
		syllables += p->phrases[i].n;
	memset(d, 0, sizeof *d);
	d->phrases = calloc((size_t)p->n_phrases + 1, sizeof *d->phrases);
	d->notes = calloc((size_t)syllables * 2 + 1, sizeof *d->notes);
	d->part = calloc((size_t)syllables * 2 + 1, sizeof *d->part);
	return d->phrases && d->notes && d->part ? 0 : err_nomem(err);
}

static void draft_release(struct draft *d)
{
	free(d->phrases);
	free(d->notes);
	free(d->part);
}

#define SHORT_TUNE 125 /* syllables that aren't sung to an earlier phrase's notes */

/* Few notes, and slow ones, meet the human shares less often: such songs get three drafts for every two that are asked for, in no more time than a long song takes. */
static int drafts_wanted(const struct plan *p)
{
	int syllables = 0;
	for (int i = 0; i < p->n_phrases; i++)
		syllables += p->phrases[i].source < 0 ? p->phrases[i].n : 0;
	int hard = p->raps || p->meter.step_s > SLOW_STEP_S;
	return hard && syllables <= SHORT_TUNE ? (3 * p->req->candidates + 1) / 2 : p->req->candidates;
}

static int draw_best(const struct plan *p, struct rhythm_bank *bank, struct draft *best, struct draft *trial, struct madrigal_error *err)
{
	struct pitch_tables tables;
	pitch_tables_init(&tables, p->minor, &p->style->melody);
	for (int c = 0, n = drafts_wanted(p); c < n; c++) {
		if (cancelled(p->req->cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		struct rng r = rng_stream(p->req->seed, "tune", (uint64_t)c);
		rhythm_draw(p, bank, c % DRAFTS_A_GROOVE == 0, &r, trial);
		melody_draw(p, &tables, &r, trial);
		draft_spread(p, trial);
		trial->cost = draft_cost(p, trial);
		if (c == 0 || trial->cost < best->cost) {
			struct draft other = *best;
			*best = *trial;
			*trial = other;
		}
	}
	return 0;
}

/* ---- from the draft to the score ---- */

/* Soft to loud: the section, the word, the place in the bar, an arch over the phrase. */
static float dynamic_of(const struct plan *p, const struct draft_note *n, float x)
{
	const struct syllable *s = &p->lyrics->syllables[n->syllable];
	const struct word *w = &p->lyrics->words[s->word];
	float v = 0.42f + 0.38f * p->sections[p->phrases[n->phrase].section].intensity;
	int strong = w->n_syllables == 1 ? w->content : s->stress == STRESS_PRIMARY;
	v += strong ? 0.06f : s->stress == STRESS_NONE || w->n_syllables == 1 ? -0.05f : 0;
	v += p->meter.place[n->start % p->meter.steps] == PLACE_STRONG ? 0.03f : 0;
	v += 0.08f * (4 * x * (1 - x) - 0.5f);
	v += 0.006f * ((float)n->midi - p->centre[FAMILY_VERSE]);
	return fminf(1, fmaxf(0.15f, v));
}

static int write_vocal(const struct plan *p, const struct draft *d, struct score *s, struct madrigal_error *err)
{
	if (!d->n_notes)
		return 0;
	s->vocal = calloc((size_t)d->n_notes, sizeof *s->vocal);
	if (!s->vocal)
		return err_nomem(err);
	for (int i = 0; i < d->n_notes; i++) {
		const struct draft_note *n = &d->notes[i];
		const struct plan_phrase *ph = &p->phrases[n->phrase];
		const struct syllable *syl = &p->lyrics->syllables[n->syllable];
		float x = ph->n > 1 ? (float)(n->syllable - ph->first_syllable) / (float)(ph->n - 1) : 0.5f;
		s->vocal[i] = (struct vocal_note){
			.start = n->start * STEP_TICKS, .dur = (n->end - n->start) * STEP_TICKS, .midi = n->midi, .word = syl->word,
			.syllable = n->syllable - p->lyrics->words[syl->word].first_syllable, .line = ph->line, .section = ph->section,
			.dynamic = dynamic_of(p, n, x), .spoken = ph->rap,
		};
	}
	s->n_vocal = d->n_notes;
	return 0;
}

static int write_sections(const struct plan *p, struct score *s, struct madrigal_error *err)
{
	int bar = p->meter.steps * STEP_TICKS;
	s->sections = calloc((size_t)p->n_sections, sizeof *s->sections);
	if (!s->sections)
		return err_nomem(err);
	for (int i = 0; i < p->n_sections; i++) {
		const struct plan_section *ps = &p->sections[i];
		struct score_section *ss = &s->sections[i];
		*ss = (struct score_section){ .kind = ps->kind, .lyric_section = ps->lyric_section, .start = ps->bar * bar, .end = (ps->bar + ps->bars) * bar,
		                              .intensity = ps->intensity, .same_as = ps->same_as, .count_in = ps->count_in, .transpose = ps->transpose };
		snprintf(ss->name, sizeof ss->name, "%s", ps->name);
	}
	s->n_sections = p->n_sections;
	return 0;
}

static int starts_section(const struct plan *p, int step)
{
	for (int i = 0; i < p->n_sections; i++)
		if (p->sections[i].bar * p->meter.steps == step)
			return 1;
	return 0;
}

static int write_chords(const struct plan *p, struct score *s, struct madrigal_error *err)
{
	int end = p->bars * p->meter.steps, n = 0;
	for (int pass = 0; pass < 2; pass++) {
		n = 0;
		for (int t = 0; t < end; t++) {
			int begins = t == 0 || p->chord_of_step[t] != p->chord_of_step[t - 1] || (t % p->meter.steps == 0 && starts_section(p, t));
			if (!begins) {
				if (pass)
					s->chords[n - 1].end = (t + 1) * STEP_TICKS;
				continue;
			}
			if (pass)
				s->chords[n] = (struct score_chord){ t * STEP_TICKS, (t + 1) * STEP_TICKS, p->chords[p->chord_of_step[t]].chord };
			n++;
		}
		if (!pass) {
			s->chords = calloc((size_t)n, sizeof *s->chords);
			if (!s->chords)
				return err_nomem(err);
		}
	}
	s->n_chords = n;
	return 0;
}

/* ---- backing lines ---- */

static int third_above(const struct plan *p, int midi, int at)
{
	const struct plan_chord *c = &p->chords[p->chord_of_step[at]];
	int q = midi;
	for (int steps = 0; steps < 2 && q < midi + 6;) {
		q++;
		steps += c->scale >> ((q - p->tonic_pc + 120) % 12) & 1;
	}
	return q;
}

/* Onsets of a backing line from step `from` on, at an even pace that ends by `until` if it can; stresses on beats. */
static void pace_backing(const struct plan *p, const struct plan_backing *b, int from, int until, int *onset)
{
	static const int grids[] = { 4, 2, 1 };
	int least = rhythm_least_step(&p->meter), grid = least <= 2 ? 2 : 4, shift = 0;
	for (size_t g = 0; g < sizeof grids / sizeof grids[0]; g++)
		if (grids[g] >= least && grids[g] * p->meter.step_s < 0.55 && from + (b->n - 1) * grids[g] + 4 <= until) {
			grid = grids[g];
			break;
		}
	float best = 1e9f;
	for (int k = 0; k < 4; k++) {
		float cost = from + k + (b->n - 1) * grid + 4 > until ? 3 * (float)k : 0.1f * (float)k;
		for (int i = 0; i < b->n; i++)
			cost += p->stress[(b->first_syllable + i) * BAR_STEPS_MAX + (from + k + i * grid) % p->meter.steps];
		if (cost < best) {
			best = cost;
			shift = k;
		}
	}
	for (int i = 0; i < b->n; i++)
		onset[i] = from + shift + i * grid;
}

/* The lead's last phrase before a step: *ret_notes its notes; returns how many. */
static int lead_before(const struct draft *d, int step, int *ret_first)
{
	int last = -1;
	for (int i = 0; i < d->n_notes && d->notes[i].start < step; i++)
		last = i;
	int first = last;
	while (first > 0 && d->notes[first - 1].phrase == d->notes[last].phrase)
		first--;
	*ret_first = first;
	return last < 0 ? 0 : last - first + 1;
}

static void sing_backing(const struct plan *p, const struct draft *d, const struct pitch_tables *tab, const struct plan_backing *b, int from, int until,
                         struct score *s)
{
	int onset[PHRASE_MAX], first = 0, end = p->bars * p->meter.steps;
	int8_t model[PHRASE_MAX] = { 0 }, midi[PHRASE_MAX];
	pace_backing(p, b, from, until, onset);
	if (onset[b->n - 1] + 2 > end)
		for (int i = 0; i < b->n; i++) /* the song ends: as late as can be */
			onset[i] = from + i * (end - 1 - from) / b->n;
	int lead = lead_before(d, onset[0], &first), top = p->brief->singer ? p->brief->singer->top - p->key_change : p->high + 2;
	for (int i = 0; i < b->n && lead > 0; i++) {
		/* The end of the lead's phrase again, a third higher; below where that is too high. */
		int k = lead >= b->n ? lead - b->n + i : i * lead / b->n, q = third_above(p, d->notes[first + k].midi, onset[i]);
		model[i] = (int8_t)(q <= top ? q : q - 12 >= p->low ? q - 12 : d->notes[first + k].midi);
	}
	struct rng r = rng_stream(p->req->seed, "backing", (uint64_t)b->line);
	melody_for_instrument(p, tab, &r, onset, b->n, p->low, top < p->high + 2 ? top : p->high + 2, p->centre[FAMILY_CHORUS], model, midi);
	int line = b->line, section = 0;
	while (section + 1 < p->n_sections && p->sections[section].lyric_section != p->lyrics->lines[line].section)
		section++;
	int spoken = section_is_rap(p, &p->sections[section]);
	for (int i = 0; i < b->n; i++) {
		const struct syllable *syl = &p->lyrics->syllables[b->first_syllable + i];
		int stop = i + 1 < b->n ? onset[i + 1] : onset[i] + 5 < end ? onset[i] + 5 : end;
		s->backing[s->n_backing++] = (struct vocal_note){
			.start = onset[i] * STEP_TICKS, .dur = (stop - onset[i]) * STEP_TICKS, .midi = spoken ? rap_centre(p) + 2 : midi[i], .word = syl->word,
			.syllable = b->first_syllable + i - p->lyrics->words[syl->word].first_syllable, .line = line, .section = section,
			.dynamic = 0.35f + 0.3f * p->sections[section].intensity, .spoken = spoken,
		};
	}
}

static int write_backing(const struct plan *p, const struct draft *d, struct score *s, struct madrigal_error *err)
{
	struct pitch_tables tables;
	int syllables = 0, steps = p->meter.steps, free_from = 0;
	for (int i = 0; i < p->n_backing; i++)
		syllables += p->backing[i].n;
	if (!syllables)
		return 0;
	s->backing = calloc((size_t)syllables, sizeof *s->backing);
	if (!s->backing)
		return err_nomem(err);
	pitch_tables_init(&tables, p->minor, &p->style->melody);
	for (int i = 0; i < p->n_backing; i++) {
		const struct plan_backing *b = &p->backing[i];
		int from = b->bar * steps, until = (b->bar + b->bars) * steps;
		if (b->after_phrase >= 0) {
			int first, last = -1;
			for (first = 0; first < d->n_notes; first++)
				if (d->notes[first].phrase == b->after_phrase)
					last = first;
			const struct plan_phrase *ph = &p->phrases[b->after_phrase];
			until = phrase_slot(p, ph) + ph->bars * steps;
			from = last >= 0 ? d->notes[last].start + (d->notes[last].first ? 4 : 2) : until - 2 * b->n;
			from += from % 2;
		}
		from = from < free_from ? free_from : from;
		sing_backing(p, d, &tables, b, from, until > from ? until : from + 1, s);
		const struct vocal_note *last = &s->backing[s->n_backing - 1];
		free_from = (last->start + last->dur) / STEP_TICKS;
	}
	return 0;
}

/* ---- the whole ---- */

static int write_score(const struct plan *p, const struct draft *d, struct score *s, struct madrigal_error *err)
{
	const struct lyrics *l = p->lyrics;
	snprintf(s->title, sizeof s->title, "%s", l->title && *l->title ? l->title : p->style->title ? p->style->title : "Untitled");
	s->seed = p->req->seed;
	s->tempo_bpm = p->brief->tempo_bpm;
	s->meter_num = p->brief->meter_num;
	s->meter_den = p->brief->meter_den;
	s->tonic_pc = p->tonic_pc;
	s->minor = p->minor;
	s->lead_in_s = p->lead_in_s;
	s->tail_s = p->tail_s;
	s->bars = p->bars;
	s->lyrics = p->req->lyrics;
	int rc = write_sections(p, s, err);
	if (!rc)
		rc = write_chords(p, s, err);
	if (!rc)
		rc = write_vocal(p, d, s, err);
	if (!rc)
		rc = write_backing(p, d, s, err);
	if (!rc)
		rc = vocal_harmony_write(p, s, err);
	if (!rc)
		key_change_apply(p, s);
	return rc;
}

int compose_song(const struct compose_request *req, struct score *ret, struct madrigal_error *err)
{
	struct plan *p = calloc(1, sizeof *p);
	struct draft best = { 0 }, trial = { 0 };
	struct rhythm_bank *bank = NULL;
	struct score s = { 0 };
	if (!p)
		return err_nomem(err);
	p->req = req;
	p->brief = req->brief;
	p->style = req->brief->style;
	p->lyrics = req->lyrics;
	int rc = plan_form(p, err);
	if (!rc)
		rc = plan_harmony(p, err);
	if (!rc)
		rc = rhythm_bank_new(p, &bank, err);
	if (!rc)
		rc = draft_init(p, &best, err);
	if (!rc)
		rc = draft_init(p, &trial, err);
	if (!rc && p->n_phrases)
		rc = draw_best(p, bank, &best, &trial, err);
	if (!rc)
		rc = write_score(p, &best, &s, err);
	if (!rc)
		rc = arrange_parts(req, &s, err);
	if (!rc)
		*ret = s;
	else
		score_release(&s);
	draft_release(&best);
	draft_release(&trial);
	rhythm_bank_free(bank);
	plan_release(p);
	free(p);
	return rc;
}
