/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tunes for instruments, where nobody sings: phrases of two bars, hook and answer. */
#include <stdlib.h>
#include <string.h>

#include "compose/plan.h"

#define LEAD_BARS 2

/* A phrase of the tune: onsets from its first bar, pitches. */
struct lead_phrase { int n; int16_t onset[PHRASE_MAX]; int8_t midi[PHRASE_MAX]; };

static int is_sung(const struct score *s, int section)
{
	for (int i = 0; i < s->n_vocal; i++)
		if (s->vocal[i].section == section)
			return 1;
	return 0;
}

/* The first phrase of the first chorus that is sung, else of whatever is, cut to LEAD_BARS, in a key `transpose` above the song's; 0 notes if there is none. */
static void find_hook(const struct plan *p, const struct score *s, int transpose, struct lead_phrase *hook)
{
	int chorus = 0;
	hook->n = 0;
	for (int i = 0; i < s->n_sections; i++)
		chorus |= family_of(s->sections[i].kind) == FAMILY_CHORUS && is_sung(s, i);
	for (int i = 0; i < s->n_sections; i++) {
		const struct score_section *sec = &s->sections[i];
		if ((chorus && family_of(sec->kind) != FAMILY_CHORUS) || !is_sung(s, i))
			continue;
		int line = -1;
		for (int k = 0; k < s->n_vocal && hook->n < PHRASE_MAX; k++) {
			const struct vocal_note *v = &s->vocal[k];
			int at = (v->start - sec->start) / STEP_TICKS;
			if (v->section != i || at < 0 || at >= LEAD_BARS * p->meter.steps - 4 || (line >= 0 && v->line != line))
				continue;
			line = v->line;
			hook->onset[hook->n] = (int16_t)at;
			hook->midi[hook->n++] = (int8_t)(v->midi + transpose - sec->transpose);
		}
		return;
	}
}

/* By octaves, so that its middle lies nearest to centre; what then lies outside is left to be drawn. */
static void into_range(struct lead_phrase *l, int low, int high, int centre)
{
	int sum = 0;
	for (int i = 0; i < l->n; i++)
		sum += l->midi[i];
	int shift = l->n ? (centre - sum / l->n + 126) / 12 * 12 - 120 : 0;
	for (int i = 0; i < l->n; i++) {
		int q = l->midi[i] + shift;
		l->midi[i] = (int8_t)(q >= low && q <= high ? q : 0);
	}
}

struct lead {
	const struct plan *p;
	const struct score_section *sec;
	struct pitch_tables tables;
	int low, high, centre;
	struct rng r;
	struct tune_note *notes; int n;
};

/* Plays a phrase at a bar of the song, within `bars`; what it played becomes its pitches if it had none. */
static void play_phrase(struct lead *l, struct lead_phrase *ph, int bar, int bars, float lift)
{
	int onset[PHRASE_MAX], n = 0, start = bar * l->p->meter.steps, end = (bar + bars) * l->p->meter.steps;
	int8_t midi[PHRASE_MAX];
	for (; n < ph->n && start + ph->onset[n] < end; n++)
		onset[n] = start + ph->onset[n];
	if (!n)
		return;
	melody_for_instrument(l->p, &l->tables, &l->r, onset, n, l->low, l->high, (float)l->centre + lift, ph->midi, midi);
	for (int i = 0; i < n; i++) {
		int stop = i + 1 < n ? onset[i + 1] : end - 2 > onset[i] + 2 ? end - 2 : end;
		if (stop > onset[i] + 10)
			stop = onset[i] + 10;
		l->notes[l->n++] = (struct tune_note){ onset[i] * STEP_TICKS, (stop - onset[i]) * STEP_TICKS, midi[i] };
		if (!ph->midi[i])
			ph->midi[i] = midi[i];
	}
}

static void play_tune(struct lead *l, const struct score *s)
{
	const struct plan *p = l->p;
	struct lead_phrase hook, answer = { 0 }, close = { 0 };
	int bar_ticks = score_bar_ticks(s), first = l->sec->start / bar_ticks, bars = (l->sec->end - l->sec->start) / bar_ticks;
	int solo = l->sec->kind == SECTION_SOLO || l->sec->kind == SECTION_INST;
	float density = (solo ? 5.5f : family_is_high(family_of(l->sec->kind)) ? 4.5f : 4) * (float)p->meter.steps / 16;
	memset(&hook, 0, sizeof hook);
	if (!solo)
		find_hook(p, s, l->sec->transpose, &hook);
	into_range(&hook, l->low, l->high, l->centre);
	if (hook.n < 3)
		hook.n = rhythm_for_instrument(&p->meter, &l->r, LEAD_BARS, density, hook.onset), memset(hook.midi, 0, sizeof hook.midi);
	answer.n = rhythm_for_instrument(&p->meter, &l->r, LEAD_BARS, density, answer.onset);
	close.n = rhythm_for_instrument(&p->meter, &l->r, LEAD_BARS, density * 0.8f, close.onset);
	for (int b = 0, k = 0; b < bars; b += LEAD_BARS, k++) {
		int left = bars - b < LEAD_BARS ? bars - b : LEAD_BARS;
		float lift = k % 4 == 2 ? 1.5f : solo ? 3.0f * (float)b / (float)bars : 0;
		play_phrase(l, b + LEAD_BARS >= bars && k > 0 ? &close : k % 2 == 0 ? &hook : &answer, first + b, left, lift);
	}
}

int compose_lead_tune(const struct compose_request *req, const struct score *s, int section, int low, int high, struct tune_note **ret_notes,
                      int *ret_n, struct madrigal_error *err)
{
	const struct score_section *sec = &s->sections[section];
	struct plan *p = malloc(sizeof *p);
	int bars = (sec->end - sec->start) / score_bar_ticks(s);
	struct tune_note *notes = calloc((size_t)(bars / LEAD_BARS + 1) * PHRASE_MAX + 1, sizeof *notes);
	if (!p || !notes) {
		free(p);
		free(notes);
		return err_nomem(err);
	}
	int rc = plan_from_score(p, req, s, section, err);
	if (rc || high - low < 7 || bars < 1) {
		plan_release(p);
		free(p);
		free(notes);
		if (!rc) {
			*ret_notes = NULL;
			*ret_n = 0;
		}
		return rc;
	}
	/* The middle of the instrument, near the octave above middle C where leads sit. */
	int centre = high - 7 < 74 ? high - 7 : low + 7 > 74 ? low + 7 : 74;
	struct lead l = { .p = p, .sec = sec, .centre = centre, .low = low > centre - 9 ? low : centre - 9, .high = high < centre + 9 ? high : centre + 9,
	                  .r = rng_stream(req->seed, "lead-tune", (uint64_t)sec->kind), .notes = notes };
	pitch_tables_init(&l.tables, p->minor, &p->style->melody);
	play_tune(&l, s);
	plan_release(p);
	free(p);
	*ret_notes = notes;
	*ret_n = l.n;
	return 0;
}
