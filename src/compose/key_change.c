/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key change: the last chorus and what follows lie some semitones higher, led into by the new key's dominant.
 *
 * A plan and its drafts stay in one key: the dominant before the raised chorus is planned as the old key's (a half close), and when the
 * score has been written, everything from there on moves up. So a chorus that returns raised is the same chorus, note for note. Only the
 * end of the section before moves with it; where that section's tune is heard elsewhere too, a bar of its own carries the dominant. */
#include "compose/plan.h"

void key_change_draw(struct plan *p)
{
	const struct style_form *f = &p->style->form;
	struct rng r = rng_stream(p->req->seed, "key-change", 0);
	p->key_change = p->brief->tonic_pc < 0 && rng_unit(&r) < f->key_change_chance ? f->key_change : 0;
}

int key_change_in_lyrics(const struct lyrics *l)
{
	static const enum section_kind kinds[] = { SECTION_CHORUS, SECTION_HOOK };
	for (int k = 0; k < 2; k++) {
		int last = -1, n = 0;
		for (int i = 0; i < l->n_sections; i++)
			if (l->sections[i].kind == kinds[k]) {
				last = i;
				n++;
			}
		if (n > 1)
			return last;
	}
	return -1;
}

int key_change_in_plan(const struct plan *p)
{
	static const enum section_kind kinds[] = { SECTION_CHORUS, SECTION_HOOK };
	for (int k = 0; k < 2; k++) {
		int last = -1, n = 0;
		for (int i = 0; i < p->n_sections; i++)
			if (p->sections[i].kind == kinds[k]) {
				last = i;
				n++;
			}
		if (n > 1)
			return last;
	}
	return -1;
}

int key_change_needs_bar(const struct lyrics *l, int section)
{
	int before = section - 1;
	if (before < 0 || !l->sections[before].n_lines)
		return 0;
	if (l->sections[before].same_as >= 0)
		return 1;
	for (int i = before + 1; i < l->n_sections; i++)
		if (l->sections[i].same_as == before)
			return 1;
	return 0;
}

void key_change_lay(struct plan *p, int dominant)
{
	int section = p->key_change ? key_change_in_plan(p) : -1, steps = p->meter.steps;
	p->raise_step = p->bars * steps;
	if (section < 1) {
		p->key_change = 0;
		return;
	}
	const struct plan_section *before = &p->sections[section - 1];
	/* Where someone sings, half a bar; else a bar. */
	int from = p->sections[section].bar * steps, span = before->n_phrases ? (steps == 16 || p->meter.eighths_lead ? steps / 2 : 4) : steps;
	for (int t = from - span; t < from; t++)
		p->chord_of_step[t] = (uint8_t)dominant;
	p->raise_step = from - span;
	while (p->raise_step > before->bar * steps && p->chord_of_step[p->raise_step - 1] == dominant)
		p->raise_step--;
	for (int i = section; i < p->n_sections; i++)
		p->sections[i].transpose = p->key_change;
}

static void raise_voice(const struct plan *p, struct score *s, struct vocal_note *notes, int n)
{
	int tick = p->raise_step * STEP_TICKS;
	for (int i = 0; i < n; i++) {
		if (notes[i].start >= tick || s->sections[notes[i].section].transpose) {
			notes[i].midi += p->key_change;
			continue;
		}
		/* A note held from the old key into the new dominant ends there, unless it belongs to that too. */
		const struct score_chord *c = score_chord_at(s, tick);
		int fits = c && chord_pitch_classes(&c->chord, s->tonic_pc) >> (notes[i].midi % 12) & 1;
		if (notes[i].start + notes[i].dur > tick && !fits && tick - notes[i].start >= TICKS_PER_QUARTER / 2)
			notes[i].dur = tick - notes[i].start;
	}
}

void key_change_apply(const struct plan *p, struct score *s)
{
	if (!p->key_change)
		return;
	for (int i = 0; i < s->n_chords; i++)
		if (s->chords[i].start >= p->raise_step * STEP_TICKS) {
			struct chord *c = &s->chords[i].chord;
			c->root = (c->root + p->key_change) % 12;
			c->bass = (c->bass + p->key_change) % 12;
		}
	raise_voice(p, s, s->vocal, s->n_vocal);
	raise_voice(p, s, s->backing, s->n_backing);
	for (int i = 0; i < HARMONY_VOICES; i++)
		raise_voice(p, s, s->harmony[i], s->n_harmony[i]);
}
