/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with a tune, in one number.
 *
 * tune_measure() counts in a draft what was counted in human songs (docs: songcraft figures from 214 Billboard songs, 908 Chinese pop songs);
 * tune_cost() adds up how far each figure lies outside its middle range, in units of what would be heard as odd, and a little for its distance
 * from the middle. The table `terms` is the whole of the composer's taste. */
#include "compose/plan.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- the draft as one row of notes ---- */

/* Steps that a phrase's last note lasts: more than twice as long as the others, at most about two seconds, with a breath after it. */
static int last_steps(const struct plan *p, int room, float usual)
{
	int breath = (int)ceil(0.35 / p->meter.step_s - 1e-6);
	breath = breath < 2 ? 2 : breath;
	int want = (int)lrintf(2.8f * usual), most = (int)(2.4 / p->meter.step_s);
	want = want < 4 ? 4 : want > most ? most : want;
	want = want < room - breath ? want : room - breath;
	return want > 2 ? want : room < 2 ? 1 : 2;
}

/* How long the last notes of phrases can be in all places where they return, so that they return alike. */
static void measure_rooms(const struct plan *p, struct draft *d)
{
	for (int i = 0; i < p->n_phrases; i++) {
		const struct plan_phrase *ph = &p->phrases[i], *next = ph + 1;
		struct draft_phrase *dp = &d->phrases[ph->source >= 0 ? ph->source : i];
		int limit = (p->bars - 1) * p->meter.steps, at = phrase_slot(p, ph) + dp->onset[ph->n - 1];
		if (i + 1 < p->n_phrases)
			limit = phrase_slot(p, next) + d->phrases[next->source >= 0 ? next->source : i + 1].onset[0];
		int room = limit - at < 400 ? limit - at : 400;
		if (ph->source < 0 || room < dp->room)
			dp->room = (int16_t)room;
	}
}

/* Of a rapped line: short, as speech is, a breath after it. */
static int last_spoken(const struct plan *p, int room)
{
	int least = rap_least_gap(&p->meter) / 2, want = (int)lrint(0.42 / p->meter.step_s), most = room - least;
	want = want < least ? least : want;
	return want < most ? want : most > 1 ? most : 1;
}

void draft_spread(const struct plan *p, struct draft *d)
{
	int n = 0;
	measure_rooms(p, d);
	for (int i = 0; i < p->n_phrases; i++) {
		const struct plan_phrase *ph = &p->phrases[i];
		const struct draft_phrase *dp = &d->phrases[ph->source >= 0 ? ph->source : i];
		int slot = phrase_slot(p, ph);
		float usual = ph->n > 1 ? (float)(dp->onset[ph->n - 1] - dp->onset[0]) / (float)(ph->n - 1) : 3;
		for (int k = 0; k < ph->n; k++) {
			int last = k == ph->n - 1, start = slot + dp->onset[k], hold = last ? 0 : dp->onset[k + 1] - dp->onset[k];
			int end = start + (!last ? hold : ph->rap ? last_spoken(p, dp->room) : last_steps(p, dp->room, usual));
			const struct word *w = &p->lyrics->words[p->lyrics->syllables[ph->first_syllable + k].word];
			int ends_word = ph->first_syllable + k == w->first_syllable + w->n_syllables - 1;
			if (!last && ph->rap)
				end = hold > 3 ? end - 1 : end;
			else if (!last && ends_word && w->punct && w->punct != '-' && hold >= 4 && hold * p->meter.step_s > 0.5)
				end -= hold > 6 ? hold - 4 : 2; /* a breath at the comma */
			else if (!last && hold > 12)
				end = start + 10;
			int at = dp->extra[k] == EXTRA_NONE ? 0 : dp->extra_at[k];
			if (at && start + at + 1 >= end)
				at = 0;
			int midi = !at && dp->extra[k] != EXTRA_NONE && last ? dp->extra[k] : dp->midi[k];
			d->notes[n++] = (struct draft_note){ .start = start, .end = at ? start + at : end, .midi = (int8_t)midi, .first = 1, .final = last && !at,
			                                     .phrase = (int16_t)i, .syllable = ph->first_syllable + k };
			if (at)
				d->notes[n++] = (struct draft_note){ .start = start + at, .end = end, .midi = dp->extra[k], .final = (uint8_t)last,
				                                     .phrase = (int16_t)i, .syllable = ph->first_syllable + k };
		}
	}
	d->n_notes = n;
}

/* The note as it sounds: drafts are all in one key, a last chorus may be raised. */
static int heard_midi(const struct plan *p, const struct draft_note *n)
{
	int raised = p->key_change && (n->start >= p->raise_step || p->sections[p->phrases[n->phrase].section].transpose);
	return n->midi + (raised ? p->key_change : 0);
}

/* ---- bars that were heard before ---- */

#define SEEN 2048
struct seen { uint32_t slot[SEEN]; };

/* Whether the value is there already; it is afterwards. */
static int seen_before(struct seen *s, uint32_t v)
{
	v |= 1;
	for (uint32_t i = v * 2654435761u >> 21, k = 0; k < SEEN; k++, i = (i + 1) % SEEN) {
		if (s->slot[i] == v)
			return 1;
		if (!s->slot[i]) {
			s->slot[i] = v;
			return 0;
		}
	}
	return 0;
}

/* Steps in a bar as the figures count them: two bars of 6/8 are as long as one of theirs. */
static int counted_bar(const struct plan *p)
{
	return p->meter.eighths_lead ? 2 * p->meter.steps : p->meter.steps;
}

static void count_bars(const struct plan *p, const struct draft *d, struct tune_figures *f)
{
	int steps = counted_bar(p);
	struct seen rhythms, wholes;
	memset(&rhythms, 0, sizeof rhythms);
	memset(&wholes, 0, sizeof wholes);
	int bars = 0, again = 0, again_whole = 0, dull = 0;
	for (int i = 0; i < d->n_notes;) {
		int bar = d->notes[i].start / steps, n = 0, low = 127, high = 0;
		uint32_t rhythm = 2166136261u, whole = 2166136261u;
		for (; i < d->n_notes && d->notes[i].start / steps == bar; i++, n++) {
			uint32_t at = (uint32_t)(d->notes[i].start % steps);
			int midi = heard_midi(p, &d->notes[i]);
			rhythm = (rhythm ^ (at + 1)) * 16777619u;
			whole = (whole ^ (at * 128 + (uint32_t)midi + 1)) * 16777619u;
			low = midi < low ? midi : low;
			high = midi > high ? midi : high;
		}
		bars++;
		again += seen_before(&rhythms, rhythm);
		again_whole += seen_before(&wholes, whole);
		dull += (n >= 3 && low == high) || (n >= 6 && high - low < 2);
	}
	f->rhythm_again = bars ? (float)again / (float)bars : 0;
	f->bars_again = bars ? (float)again_whole / (float)bars : 0;
	f->dull_bars = bars ? (float)dull / (float)bars : 0;
	f->notes_per_bar = bars ? (float)d->n_notes / (float)bars : 0;
}

/* ---- figures ---- */

static float share(int part, int whole)
{
	return whole ? (float)part / (float)whole : 0;
}

static const struct plan_chord *sounding(const struct plan *p, int at)
{
	return &p->chords[p->chord_of_step[at < 0 ? 0 : at]];
}

static void count_places(const struct plan *p, const struct draft *d, struct tune_figures *f)
{
	int off = 0, off_tones = 0, on_one = 0, one_tones = 0, finals = 0, final_tones = 0, outside = 0, entries = 0, entries_off = 0;
	float final_len = 0, other_len = 0;
	for (int i = 0; i < d->n_notes; i++) {
		const struct draft_note *n = &d->notes[i];
		int in_bar = n->start % p->meter.steps, one = n->start % counted_bar(p) == 0;
		int tone = sounding(p, n->start)->tones >> ((n->midi - p->tonic_pc + 120) % 12) & 1;
		if (in_bar % 4) {
			off++;
			off_tones += tone;
		} else if (one) {
			on_one++;
			one_tones += tone;
		}
		if (i == 0 || d->notes[i - 1].phrase != n->phrase) {
			entries++;
			entries_off += p->meter.place[in_bar] != PLACE_STRONG;
		}
		if (n->final) {
			finals++;
			final_tones += tone;
			final_len += (float)(n->end - n->start);
		} else {
			other_len += (float)(n->end - n->start);
		}
		outside += n->midi < p->low || n->midi > p->high;
	}
	f->offbeat = share(off, d->n_notes);
	f->off = off;
	f->strong = on_one;
	f->chord_off = share(off_tones, off);
	f->chord_on_one = share(one_tones, on_one);
	f->final_chord = share(final_tones, finals);
	f->entries_off = share(entries_off, entries);
	f->out_of_range = share(outside, d->n_notes);
	int others = d->n_notes - finals;
	f->final_ratio = finals && others && other_len > 0 ? final_len / (float)finals / (other_len / (float)others) : 2.5f;
}

static void count_steps(const struct plan *p, const struct draft *d, struct tune_figures *f)
{
	int pairs = 0, small = 0, same = 0, leaps = 0, wide = 0, reversed = 0, turns = 0, before = 0;
	for (int i = 1; i < d->n_notes; i++) {
		const struct draft_note *a = &d->notes[i - 1], *b = &d->notes[i];
		if (b->start - a->end >= 4) {
			before = 0;
			continue;
		}
		int step = heard_midi(p, b) - heard_midi(p, a), size = step < 0 ? -step : step;
		pairs++;
		small += size <= 2;
		same += size == 0;
		leaps += size >= 5;
		wide += size > 7;
		if (before >= 5 || before <= -5) {
			turns++;
			reversed += step * before < 0;
		}
		before = step;
	}
	f->steps = share(small, pairs);
	f->repeats = share(same, pairs);
	f->leaps = share(leaps, pairs);
	f->wide_leaps = share(wide, pairs);
	f->leap_reversed = turns ? share(reversed, turns) : 0.6f;
}

static void count_range(const struct plan *p, const struct draft *d, struct tune_figures *f)
{
	int low = 127, high = 0, peak[2] = { 0, 0 }, count[2] = { 0, 0 }, histogram[128] = { 0 };
	float sum[2] = { 0, 0 };
	for (int i = 0; i < d->n_notes; i++) {
		int q = heard_midi(p, &d->notes[i]);
		const struct plan_section *s = &p->sections[p->phrases[d->notes[i].phrase].section];
		low = q < low ? q : low;
		high = q > high ? q : high;
		histogram[q]++;
		int k = s->family == FAMILY_CHORUS ? 1 : s->family == FAMILY_VERSE ? 0 : -1;
		if (k < 0)
			continue;
		peak[k] = q > peak[k] ? q : peak[k];
		sum[k] += (float)q;
		count[k]++;
	}
	int tenth = -1, ninth = -1;
	for (int q = 0, seen = 0; q < 128; q++) {
		seen += histogram[q];
		if (tenth < 0 && seen * 10 >= d->n_notes)
			tenth = q;
		if (ninth < 0 && seen * 10 >= d->n_notes * 9)
			ninth = q;
	}
	f->range = (float)(high - low);
	f->tessitura = (float)(ninth - tenth);
	f->has_lift = count[0] && count[1];
	if (f->has_lift) {
		f->lift = sum[1] / (float)count[1] - sum[0] / (float)count[0];
		f->peak = (float)(peak[1] - peak[0]);
	}
}

static void count_words(const struct plan *p, const struct draft *d, struct tune_figures *f)
{
	const struct lyrics *l = p->lyrics;
	int stressed = 0, on = 0, strong = 0, unstressed = 0, un_on = 0, un_strong = 0, content = 0, content_on = 0, function = 0, function_on = 0,
	    function_strong = 0, pairs = 0, lower = 0, syllables = 0;
	for (int i = 0; i < d->n_notes; i++) {
		const struct draft_note *n = &d->notes[i];
		if (!n->first)
			continue;
		syllables++;
		const struct syllable *s = &l->syllables[n->syllable];
		const struct word *w = &l->words[s->word];
		int beat = n->start % 4 == 0, one = p->meter.place[n->start % p->meter.steps] == PLACE_STRONG;
		if (w->n_syllables == 1) {
			content += w->content;
			content_on += w->content && beat;
			function += !w->content;
			function_on += !w->content && beat;
			function_strong += !w->content && one;
		} else if (s->stress == STRESS_PRIMARY) {
			stressed++;
			on += beat;
			strong += one;
			if (i + 1 < d->n_notes && d->notes[i + 1].first && l->syllables[d->notes[i + 1].syllable].word == s->word) {
				pairs++;
				lower += d->notes[i + 1].midi > n->midi;
			}
		} else if (s->stress == STRESS_NONE) {
			unstressed++;
			un_on += beat;
			un_strong += one;
		}
	}
	f->stressed = stressed;
	f->unstressed = unstressed;
	f->stressed_on = share(on, stressed);
	f->stressed_strong = share(strong, stressed);
	f->unstressed_on = share(un_on, unstressed);
	f->unstressed_strong = share(un_strong, unstressed);
	f->content_on = share(content_on, content);
	f->function_on = share(function_on, function);
	f->function_strong = share(function_strong, function);
	f->stressed_lower = share(lower, pairs);
	f->melisma = share(d->n_notes - syllables, syllables);
}

/* The fastest phrase, notes a second: a syllable's second note takes time from the others. */
static void count_pace(const struct plan *p, const struct draft *d, struct tune_figures *f)
{
	for (int i = 0, first = 0; i < d->n_notes; i++) {
		if (i + 1 < d->n_notes && d->notes[i + 1].phrase == d->notes[i].phrase)
			continue;
		float seconds = (float)((d->notes[i].end - d->notes[first].start) * p->meter.step_s);
		f->pace = fmaxf(f->pace, (float)(i - first + 1) / seconds);
		first = i + 1;
	}
}

#define DRAWN_S 0.42 /* a weak syllable held longer is what a listener mishears first (docs/voice.md) */

/* How many of the weak syllables that others follow are drawn out. */
static void count_drawn(const struct plan *p, const struct draft *d, struct tune_figures *f)
{
	const struct lyrics *l = p->lyrics;
	int weak = 0, drawn = 0, at = -1;
	for (int i = 0; i < d->n_notes; i++) {
		const struct draft_note *n = &d->notes[i];
		if (!n->first)
			continue;
		if (at >= 0 && d->notes[at].phrase == n->phrase) {
			const struct syllable *s = &l->syllables[d->notes[at].syllable];
			const struct word *w = &l->words[s->word];
			int is_weak = w->n_syllables == 1 ? !w->content : s->stress == STRESS_NONE;
			weak += is_weak;
			drawn += is_weak && (n->start - d->notes[at].start) * p->meter.step_s > DRAWN_S;
		}
		at = i;
	}
	f->drawn = share(drawn, weak);
}

/* How many of a phrase's onsets come as long after the one before as that did. */
static void count_even(const struct draft *d, struct tune_figures *f)
{
	int pairs = 0, equal = 0, before = 0, at = -1;
	for (int i = 0; i < d->n_notes; i++) {
		if (i && d->notes[i].phrase != d->notes[i - 1].phrase) {
			before = 0;
			at = -1;
		}
		if (!d->notes[i].first)
			continue;
		int gap = at < 0 ? 0 : d->notes[i].start - at;
		if (before && gap) {
			pairs++;
			equal += gap == before;
		}
		before = gap;
		at = d->notes[i].start;
	}
	f->even = pairs ? share(equal, pairs) : 0.65f;
}

void tune_measure(const struct plan *p, const struct draft *d, struct tune_figures *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->notes = d->n_notes;
	if (!d->n_notes)
		return;
	count_bars(p, d, ret);
	count_places(p, d, ret);
	count_steps(p, d, ret);
	count_range(p, d, ret);
	count_words(p, d, ret);
	count_pace(p, d, ret);
	count_even(d, ret);
	count_drawn(p, d, ret);
}

/* ---- the cost ---- */

/* What a figure is counted from, and so how much it says of short lyrics. */
enum basis { OF_ALL, OF_NOTES, OF_ONES, OF_OFFBEATS, OF_SECTIONS, OF_STRESSES, OF_HOLDS };

/* A figure should lie within low..high; a distance of `odd` outside costs 1 (quadratically more beyond), times weight. The middle draws gently: the
 * style's where it has a say (plus `per` for each unit of it). No song is to cross the line least..most, however few its notes: it is the range that the
 * tune judge accepts, somewhat wider than where most human songs lie; `beyond` is its unit there, 0 where there is none. */
struct term {
	size_t value;
	enum basis basis;
	float low, high, odd, weight, middle, per;
	size_t style;
	float least, most, beyond;
};

#define FIGURE(name) offsetof(struct tune_figures, name)
#define MANNER(name) offsetof(struct style_melody, name)

/* Shares are of Billboard's notes, syllables, bars or phrases (214 songs) unless another source is named; POP909 are 908 Chinese pop songs. */
static const struct term terms[] = {
	/* value, basis                       low    high   odd    weight middle per   style                   least  most   beyond */
	{ FIGURE(offbeat), OF_NOTES,          0.42f, 0.59f, 0.03f, 2.5f,  0.44f, 0.12f, MANNER(syncopation),   0.35f, 0.65f, 0.03f }, /* onsets off the beat: 57 %, POP909 54 % */
	{ FIGURE(chord_on_one), OF_ONES,      0.72f, 0.90f, 0.04f, 3.0f,  0.80f, 0, 0,                         0.65f, 0.95f, 0.04f }, /* 74 %, POP909 75 % */
	{ FIGURE(chord_off), OF_OFFBEATS,     0.54f, 0.72f, 0.04f, 1.5f,  0.62f, 0, 0,                         0.45f, 0.80f, 0.04f }, /* 60-62 %, POP909 60 % */
	{ FIGURE(steps), OF_NOTES,            0.66f, 0.77f, 0.03f, 3.0f,  0.71f, 0, 0,                         0.60f, 0.82f, 0.03f }, /* two semitones or less: 74 %, POP909 69 % */
	{ FIGURE(repeats), OF_NOTES,          0.16f, 0.34f, 0.03f, 1.8f,  0.20f, 0.15f, MANNER(repeat),        0.10f, 0.40f, 0.03f }, /* 30 %, POP909 24 % */
	{ FIGURE(leaps), OF_NOTES,            0.05f, 0.15f, 0.03f, 1.0f,  0.07f, 0.06f, MANNER(leap),          0, 0, 0 },             /* five semitones or more: 8 %, POP909 14 % */
	{ FIGURE(wide_leaps), OF_NOTES,       0,     0.02f, 0.01f, 2.0f,  0,     0, 0,                         0,     0.04f, 0.01f }, /* more than seven: 1.8 %, POP909 3.5 % */
	{ FIGURE(leap_reversed), OF_NOTES,    0.55f, 1,     0.10f, 0.6f,  0.65f, 0, 0,                         0, 0, 0 },             /* 54 %, POP909 59 % */
	{ FIGURE(range), OF_NOTES,            13,    17,    1,     3.0f,  15,    0, 0,                         11,    22,    1 },     /* median 17, POP909 18; an untrained singer's comfortable tenth is 16 (fittonmusic) */
	{ FIGURE(tessitura), OF_NOTES,        6,     12,    1,     0.6f,  9,     0, 0,                         0, 0, 0 },             /* median 9, POP909 11 */
	{ FIGURE(rhythm_again), OF_NOTES,     0.48f, 0.78f, 0.03f, 2.5f,  0.60f, 0, 0,                         0.40f, 0.85f, 0.03f }, /* bars with a rhythm heard before: 53 %, POP909 60 % */
	{ FIGURE(bars_again), OF_NOTES,       0.28f, 0.62f, 0.03f, 3.0f,  0.45f, 0, 0,                         0.20f, 0.70f, 0.03f }, /* bars heard before: 40 %, POP909 47 % */
	{ FIGURE(lift), OF_SECTIONS,          1.5f,  4.5f,  0.50f, 2.0f,  0.60f, 0.80f, MANNER(chorus_lift),   0.5f,  6,     0.5f },  /* chorus above verse: median 1.2 semitones, wanted more */
	{ FIGURE(peak), OF_SECTIONS,          1,     6,     1,     6.0f,  2,     0, 0,                         0,     24,    1 },     /* the chorus' peak is the song's: 75 % */
	{ FIGURE(stressed_on), OF_STRESSES,   0.68f, 1,     0.05f, 2.5f,  0.80f, 0, 0,                         0.55f, 1,     0.05f }, /* stressed syllables on a beat: 63 % */
	{ FIGURE(stressed_strong), OF_STRESSES, 0.40f, 1,   0.08f, 0.7f,  0.50f, 0, 0,                         0, 0, 0 },             /* on 1 or 3: 46 % */
	{ FIGURE(unstressed_on), OF_STRESSES, 0,     0.24f, 0.04f, 2.5f,  0.10f, 0, 0,                         0,     0.35f, 0.04f }, /* 23 % */
	{ FIGURE(unstressed_strong), OF_STRESSES, 0, 0.06f, 0.03f, 1.2f,  0,     0, 0,                         0, 0, 0 },             /* 3.9 % */
	{ FIGURE(content_on), OF_NOTES,       0.50f, 0.90f, 0.06f, 0.8f,  0.60f, 0, 0,                         0, 0, 0 },             /* content words of one syllable: 53 %; keywords: 81 % (Liao et al. 2024) */
	{ FIGURE(function_on), OF_NOTES,      0,     0.40f, 0.06f, 0.8f,  0.25f, 0, 0,                         0, 0, 0 },             /* function words of one syllable: 37 % */
	{ FIGURE(function_strong), OF_NOTES,  0,     0.15f, 0.04f, 0.8f,  0.05f, 0, 0,                         0, 0, 0 },             /* 11 % */
	{ FIGURE(stressed_lower), OF_STRESSES, 0,    0.25f, 0.06f, 0.8f,  0.15f, 0, 0,                         0, 0, 0 },             /* than what follows in the word: 20 % */
	{ FIGURE(final_ratio), OF_NOTES,      1.8f,  3.8f,  0.30f, 1.0f,  2.5f,  0, 0,                         0, 0, 0 },             /* a phrase's last note: 2.0 times the others, POP909 4.6 */
	{ FIGURE(final_chord), OF_ALL,        0.78f, 1,     0.06f, 1.0f,  0.90f, 0, 0,                         0, 0, 0 },             /* 73 %, POP909 83 % */
	{ FIGURE(melisma), OF_NOTES,          0.05f, 0.17f, 0.02f, 1.0f,  0,     1, MANNER(melisma),           0, 0, 0 },             /* extra notes a syllable: 0.15 */
	{ FIGURE(entries_off), OF_NOTES,      0.50f, 0.85f, 0.08f, 0.7f,  0.65f, 0, 0,                         0, 0, 0 },             /* phrases that begin off 1 and 3: 72 %, POP909 62 % */
	{ FIGURE(dull_bars), OF_NOTES,        0,     0.05f, 0.03f, 1.0f,  0,     0, 0,                         0, 0, 0 },             /* bars on one pitch: rejected (ROC, lyrics to melody) */
	{ FIGURE(even), OF_NOTES,             0.50f, 0.70f, 0.05f, 1.5f,  0.62f, 0, 0,                         0, 0, 0 },             /* onsets as far apart as the two before: 66 % */
	{ FIGURE(pace), OF_ALL,               0,     4.1f,  0.30f, 1.5f,  3,     0, 0,                         0,     4.45f, 0.3f },  /* the fastest phrase: words get lost beyond 4.5 syllables a second (docs/voice.md) */
	{ FIGURE(drawn), OF_HOLDS,            0,     0.10f, 1,     16,    0,     0, 0,                         0, 0, 0 },             /* weak syllables of more than 0.42 s: misheard first (docs/voice.md) */
	{ FIGURE(out_of_range), OF_ALL,       0,     0,     0.01f, 2.0f,  0,     0, 0,                         0, 0, 0 },             /* the singer's: share/voices */
};

#define BROKEN_LINE 30.0f /* more than what shares within their lines can cost together */

/* How much a term counts; *ret_line: whether its line does. */
static float counts(const struct plan *p, const struct tune_figures *f, enum basis basis, int *ret_line)
{
	float sure = fminf(1, (float)f->notes / 60);
	*ret_line = 1;
	switch (basis) {
	case OF_ONES:
		*ret_line = f->strong >= 4;
		return *ret_line ? 1 : 0.1f;
	case OF_OFFBEATS:
		*ret_line = f->off >= 8;
		return *ret_line ? 1 : 0.2f;
	case OF_SECTIONS:
		*ret_line = f->has_lift;
		return f->has_lift ? 1 : 0;
	case OF_STRESSES:
		*ret_line = f->stressed >= 8;
		return fminf(1, (float)f->stressed / 16);
	case OF_HOLDS: /* a rap's hook is slow against what is spoken */
		return p->raps ? 0 : sure;
	default:
		return basis == OF_NOTES ? sure : 1;
	}
}

static float term_cost(const struct term *t, float value, float style)
{
	float out = value < t->low ? t->low - value : value > t->high ? value - t->high : 0;
	float z = out / t->odd, m = (value - t->middle - t->per * style) / (t->high - t->low + t->odd);
	return t->weight * (z + z * z + 0.08f * m * m);
}

float tune_cost(const struct plan *p, const struct tune_figures *f)
{
	float cost = 0;
	for (size_t i = 0; i < sizeof terms / sizeof terms[0] && f->notes; i++) {
		const struct term *t = &terms[i];
		float value = *(const float *)((const char *)f + t->value);
		float style = t->per != 0 ? *(const float *)((const char *)&p->style->melody + t->style) : 0;
		int line;
		cost += counts(p, f, t->basis, &line) * term_cost(t, value, style);
		float out = fmaxf(t->least - value, value - t->most);
		if (line && t->beyond > 0 && out > 1e-6f)
			cost += BROKEN_LINE + 2 * out / t->beyond;
	}
	return cost;
}

/* Of what is spoken against what is sung: a tune across its lines is heard sooner than an accent more on the beat. */
#define RAP_WEIGHT 0.3f

/* The notes of d that are rapped, or those that are not. */
static int take_part(const struct plan *p, const struct draft *d, int rap, struct draft_note *out)
{
	int n = 0;
	for (int i = 0; i < d->n_notes; i++)
		if (p->phrases[d->notes[i].phrase].rap == rap)
			out[n++] = d->notes[i];
	return n;
}

float draft_cost(const struct plan *p, struct draft *d)
{
	struct tune_figures tune;
	struct rap_figures rap = { 0 };
	struct draft sung = *d;
	if (p->raps) {
		rap_measure(p, d->part, take_part(p, d, 1, d->part), &rap);
		sung.notes = d->part;
		sung.n_notes = take_part(p, d, 0, d->part);
	}
	tune_measure(p, &sung, &tune);
	return tune_cost(p, &tune) + RAP_WEIGHT * rap_cost(&rap);
}
