/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The band's parts, by what must hold whatever the style, the meter and the seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "compose/arrange.h"

#define SEEDS 12
#define BARS_MAX 160

static struct style_set styles;

/* What was found wrong in the songs of one test: all of it is told before the test fails. */
static int complaints;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
	va_list args;
	char line[256];
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (complaints++ < 400)
		print_error("%s\n", line);
}

static void fail_on_complaints(void)
{
	int n = complaints;
	complaints = 0;
	if (n)
		fail_msg("%d things wrong", n);
}

/* ---- a song without a composer: sections, the style's chords, a plain tune ---- */

struct plan { enum section_kind kind; int bars; float intensity; };

static const struct plan usual[] = {
	{ SECTION_INTRO, 4, 0.3f }, { SECTION_VERSE, 8, 0.45f }, { SECTION_PRE_CHORUS, 4, 0.6f }, { SECTION_CHORUS, 8, 0.8f },
	{ SECTION_INTERLUDE, 4, 0.5f }, { SECTION_VERSE, 8, 0.55f }, { SECTION_PRE_CHORUS, 4, 0.65f }, { SECTION_CHORUS, 8, 0.85f },
	{ SECTION_BRIDGE, 8, 0.5f }, { SECTION_BREAK, 2, 0.3f }, { SECTION_CHORUS, 8, 0.95f }, { SECTION_OUTRO, 4, 0.4f },
};

static const struct plan every_kind[] = {
	{ SECTION_INTRO, 4, 0.3f }, { SECTION_VERSE, 8, 0.4f }, { SECTION_BUILD_UP, 2, 0.5f }, { SECTION_HOOK, 4, 0.8f }, { SECTION_POST_CHORUS, 4, 0.8f },
	{ SECTION_INST, 4, 0.6f }, { SECTION_VERSE, 4, 0.5f }, { SECTION_PRE_CHORUS, 4, 0.6f }, { SECTION_CHORUS, 8, 0.9f }, { SECTION_TRANSITION, 1, 0.5f },
	{ SECTION_SOLO, 8, 0.8f }, { SECTION_BRIDGE, 5, 0.5f }, { SECTION_BREAK, 2, 0.2f }, { SECTION_INTERLUDE, 3, 0.4f }, { SECTION_OUTRO, 4, 0.4f },
};

/* The chords of a section, from the style, by fallback. */
static const char *chords_for(const struct style *st, int kind, int minor, struct rng *r)
{
	for (int k = kind; k >= 0; k = section_fallback((enum section_kind)k)) {
		const char *found[64];
		int n = 0;
		for (unsigned i = 0; i < st->n_chords && n < 64; i++)
			if (!strcmp(st->chords[i].section, section_ids[k]) && !strcmp(st->chords[i].mode, minor ? "minor" : "major"))
				found[n++] = st->chords[i].bars;
		if (n)
			return found[rng_below(r, (uint32_t)n)];
	}
	fail_msg("no chords for %s", section_ids[kind]);
	return NULL;
}

static void add_chord(struct score *s, int start, int end, const char *roman)
{
	struct madrigal_error err;
	s->chords = realloc(s->chords, (size_t)(s->n_chords + 1) * sizeof *s->chords);
	s->chords[s->n_chords].start = start;
	s->chords[s->n_chords].end = end;
	if (chord_parse(roman, &s->chords[s->n_chords].chord, &err) < 0)
		fail_msg("%s", err.message);
	s->n_chords++;
}

static void add_section_chords(struct score *s, const char *bars, int start, int n_bars)
{
	char *text = strdup(bars), *save, *bar[64];
	int n = 0, ticks = score_bar_ticks(s);
	for (char *b = strtok_r(text, "|", &save); b && n < 64; b = strtok_r(NULL, "|", &save))
		bar[n++] = b;
	for (int i = 0; i < n_bars; i++) {
		char one[64], *inner, *name[4];
		int k = 0;
		snprintf(one, sizeof one, "%s", bar[i % n]);
		for (char *c = strtok_r(one, " ", &inner); c && k < 4; c = strtok_r(NULL, " ", &inner))
			name[k++] = c;
		for (int j = 0; j < k; j++)
			add_chord(s, start + i * ticks + j * ticks / k, start + i * ticks + (j + 1) * ticks / k, name[j]);
	}
	free(text);
}

static int is_sung(enum section_kind k)
{
	return k == SECTION_VERSE || k == SECTION_PRE_CHORUS || k == SECTION_CHORUS || k == SECTION_BRIDGE || k == SECTION_HOOK;
}

/* Lines of two bars, each with a breath of two beats. */
static void add_tune(struct score *s, int section, struct rng *r)
{
	const struct score_section *sec = &s->sections[section];
	int bar = score_bar_ticks(s), midi = 64;
	for (int at = sec->start; at + 2 * bar <= sec->end; at += 2 * bar)
		for (int t = 240; t < 2 * bar - 960; t += 240) {
			midi += (int)rng_below(r, 5) - 2;
			midi = midi < 58 ? 60 : midi > 70 ? 68 : midi;
			s->vocal = realloc(s->vocal, (size_t)(s->n_vocal + 1) * sizeof *s->vocal);
			s->vocal[s->n_vocal++] = (struct vocal_note){ .start = at + t, .dur = 220, .midi = midi, .section = section, .dynamic = 0.6f };
		}
}

struct song { struct score score; struct brief brief; struct compose_request req; struct lyrics lyrics; };

static void make_song(struct song *x, const struct style *st, const char *meter, uint64_t seed, const struct plan *plan, int n, int sung)
{
	memset(x, 0, sizeof *x);
	struct score *s = &x->score;
	struct rng r = rng_stream(seed, "test", 0);
	sscanf(meter, "%d/%d", &s->meter_num, &s->meter_den);
	s->seed = seed;
	s->tempo_bpm = (double)st->tempo.usual;
	s->minor = (int)rng_below(&r, 2);
	s->tonic_pc = (int)rng_below(&r, 12);
	s->tail_s = 3;
	s->lyrics = &x->lyrics;
	s->sections = calloc((size_t)n, sizeof *s->sections);
	for (int i = 0; i < n; i++) {
		int start = s->bars * score_bar_ticks(s);
		s->bars += plan[i].bars;
		s->sections[i] = (struct score_section){ .kind = plan[i].kind, .start = start, .end = s->bars * score_bar_ticks(s),
			                                 .intensity = plan[i].intensity, .lyric_section = -1, .same_as = -1 };
		s->n_sections++;
		struct rng chords = rng_stream(seed, "test-chords", (uint64_t)plan[i].kind);
		add_section_chords(s, chords_for(st, (int)plan[i].kind, s->minor, &chords), start, plan[i].bars);
		if (sung && is_sung(plan[i].kind))
			add_tune(s, i, &r);
	}
	struct chord *last = &s->chords[s->n_chords - 1].chord;
	assert_int_equal(chord_parse(s->minor ? "i" : "I", last, NULL), 0);
	x->brief.style = st;
	x->brief.tempo_bpm = s->tempo_bpm;
	x->brief.energy = st->energy;
	x->brief.instrumental = !sung;
	for (unsigned i = 0; i < st->n_parts && i < BRIEF_MAX_PARTS; i++) {
		x->brief.instrument[i] = (int)rng_below(&r, st->parts[i].n_instruments);
		if (st->parts[i].optional && rng_below(&r, 2))
			x->brief.instrument[i] = -1;
	}
	x->req = (struct compose_request){ .lyrics = &x->lyrics, .brief = &x->brief, .seed = seed, .candidates = 1 };
}

static void arrange_song(struct song *x)
{
	struct madrigal_error err;
	if (arrange_parts(&x->req, &x->score, &err) < 0)
		fail_msg("%s", err.message);
}

static void free_song(struct song *x)
{
	score_release(&x->score);
}

/* fn for each style, each of the three meters and several seeds. */
static void each_song(int sung, const struct plan *plan, int n, void (*fn)(struct song *x, const char *what))
{
	static const char *const meters[] = { "4/4", "3/4", "6/8" };
	for (int i = 0; i < styles.n; i++)
		for (int m = 0; m < 3; m++)
			for (uint64_t seed = 1; seed <= SEEDS; seed++) {
				struct song x;
				char what[96];
				snprintf(what, sizeof what, "%s %s seed %d", styles.styles[i]->name, meters[m], (int)seed);
				make_song(&x, styles.styles[i], meters[m], seed, plan, n, sung);
				arrange_song(&x);
				fn(&x, what);
				free_song(&x);
			}
	fail_on_complaints();
}

#define USUAL usual, (int)(sizeof usual / sizeof usual[0])
#define EVERY_KIND every_kind, (int)(sizeof every_kind / sizeof every_kind[0])

static const struct style_instrument *instrument_of(const struct song *x, const struct score_part *p)
{
	if (p->style_part < 0)
		return &x->brief.extra[0].instrument;
	int k = x->brief.instrument[p->style_part];
	return &x->brief.style->parts[p->style_part].instruments[k < 0 ? 0 : k];
}

static const struct score_part *part_of(const struct song *x, enum part_role role)
{
	for (int i = 0; i < x->score.n_parts; i++)
		if (x->score.parts[i].role == role)
			return &x->score.parts[i];
	return NULL;
}

/* ---- properties ---- */

static void check_notes(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	int end = s->bars * score_bar_ticks(s), limit = end + (int)(s->tail_s * s->tempo_bpm / 60 * TICKS_PER_QUARTER);
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		const struct style_instrument *in = instrument_of(x, p);
		int until[128] = { 0 };
		assert_true(p->n_notes > 0);
		for (int k = 0; k < p->n_notes; k++) {
			const struct note *n = &p->notes[k];
			if (n->velocity < 1 || n->velocity > 127 || n->dur <= 0 || n->start < 0 || n->start >= end || n->start + n->dur > limit)
				complain("%s: %s note %d: start %d dur %d velocity %d", what, p->name, k, n->start, n->dur, n->velocity);
			if (n->midi < in->low || n->midi > in->high)
				complain("%s: %s (%s) plays %d at bar %d, outside %d..%d", what, p->name, p->instrument, n->midi, n->start / score_bar_ticks(s), in->low, in->high);
			if (k && (p->notes[k - 1].start > n->start || (p->notes[k - 1].start == n->start && p->notes[k - 1].midi >= n->midi)))
				complain("%s: %s is out of order at note %d", what, p->name, k);
			if (until[n->midi] > n->start)
				complain("%s: %s strikes %d at %d while it sounds", what, p->name, n->midi, n->start);
			until[n->midi] = n->start + n->dur;
		}
	}
}

static void notes_are_sound(void **state)
{
	(void)state;
	each_song(1, USUAL, check_notes);
	each_song(1, EVERY_KIND, check_notes);
	each_song(0, EVERY_KIND, check_notes);
}

/* In which bars a part sounds. */
static void sounding_bars(const struct score *s, const struct score_part *p, uint8_t *bars)
{
	int bar = score_bar_ticks(s);
	for (int k = 0; k < p->n_notes; k++)
		for (int b = p->notes[k].start / bar; b <= (p->notes[k].start + p->notes[k].dur - 1) / bar && b < s->bars; b++)
			bars[b] = 1;
}

static void check_bars_filled(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	int bar = score_bar_ticks(s);
	uint8_t harmony[BARS_MAX] = { 0 };
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		uint8_t own[BARS_MAX] = { 0 };
		if (p->role == ROLE_LEAD || p->role == ROLE_COUNTER)
			continue;
		sounding_bars(s, p, own);
		if (p->role != ROLE_DRUMS && p->role != ROLE_PERCUSSION)
			sounding_bars(s, p, harmony);
		/* Where a part plays in a section at all, it plays in most bars of it; a fill may lead into one where it doesn't. */
		for (int k = 0; k + 1 < s->n_sections; k++) { /* the last has its ending */
			int first = s->sections[k].start / bar, n = s->sections[k].end / bar - first, full = 0;
			for (int b = first; b < first + n; b++)
				full += own[b];
			if (full > 1 && full * 2 < n && (p->role == ROLE_DRUMS || p->role == ROLE_BASS))
				complain("%s: %s plays %d of %d bars of section %d (%s)", what, p->name, full, n, k, section_ids[s->sections[k].kind]);
		}
	}
	for (int b = 0; b < s->bars; b++)
		if (!harmony[b]) {
			int k = 0;
			while (s->sections[k].end <= b * bar)
				k++;
			complain("%s: no harmony in bar %d (%s, bars %d to %d)", what, b, s->sections[k].name, s->sections[k].start / bar, s->sections[k].end / bar - 1);
		}
}

static void no_bar_is_empty(void **state)
{
	(void)state;
	each_song(1, USUAL, check_bars_filled);
	each_song(1, EVERY_KIND, check_bars_filled);
}

static int has_onset(const struct score_part *p, int tick)
{
	for (int k = 0; k < p->n_notes && p->notes[k].start <= tick; k++)
		if (p->notes[k].start == tick)
			return 1;
	return 0;
}

static int kicks, kicks_met;

static void check_kick_and_bass(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	const struct score_part *drums = part_of(x, ROLE_DRUMS), *bass = part_of(x, ROLE_BASS);
	int bar = score_bar_ticks(s), n = 0, met = 0;
	uint8_t bass_bars[BARS_MAX] = { 0 };
	if (!drums || !bass) /* some styles have no drummer */
		return;
	sounding_bars(s, bass, bass_bars);
	for (int k = 0; k < drums->n_notes; k++)
		if (drums->notes[k].midi == 36 && drums->notes[k].velocity > 45 && bass_bars[drums->notes[k].start / bar]) {
			n++;
			met += has_onset(bass, drums->notes[k].start);
		}
	kicks += n;
	kicks_met += met;
	if (n && met * 4 < n) /* a bass between four kicks in a bar meets few of them */
		complain("%s: bass meets %d of %d kicks", what, met, n);
}

static void bass_and_kick_agree(void **state)
{
	(void)state;
	each_song(1, USUAL, check_kick_and_bass);
	assert_true(kicks_met * 100 > kicks * 75);
}

/* On each new chord the bass plays the chord symbol's bass note, and nothing else. */
static void check_bass_roots(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	const struct score_part *bass = part_of(x, ROLE_BASS);
	for (int i = 0; i < s->n_chords && bass; i++) {
		int pc = (s->tonic_pc + s->chords[i].chord.bass) % 12;
		for (int k = 0; k < bass->n_notes; k++)
			if (bass->notes[k].start == s->chords[i].start && bass->notes[k].midi % 12 != pc)
				complain("%s: bass has %d on chord %d, whose bass is %d", what, bass->notes[k].midi % 12, i, pc);
	}
}

static void bass_has_the_root(void **state)
{
	(void)state;
	each_song(1, USUAL, check_bass_roots);
}

/* Accompaniment plays the chord's tones only. */
static void check_chord_tones(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		if (p->role != ROLE_COMP && p->role != ROLE_PAD)
			continue;
		for (int k = 0; k < p->n_notes; k++) {
			const struct note *n = &p->notes[k];
			const struct score_chord *c = score_chord_at(s, n->start), *next = c->end < s->bars * score_bar_ticks(s) ? score_chord_at(s, c->end) : c;
			unsigned mask = chord_pitch_classes(&c->chord, s->tonic_pc) | 1u << ((s->tonic_pc + c->chord.bass) % 12);
			if (c->end - n->start <= 240) /* an anticipation */
				mask |= chord_pitch_classes(&next->chord, s->tonic_pc) | 1u << ((s->tonic_pc + next->chord.bass) % 12);
			mask |= 1u << ((s->tonic_pc + c->chord.root + 7) % 12); /* the fifth of a power chord */
			if (!(mask >> (n->midi % 12) & 1))
				complain("%s: %s plays %d at %d, foreign to the chord", what, p->name, n->midi, n->start);
		}
	}
}

static void chords_are_the_songs(void **state)
{
	(void)state;
	each_song(1, USUAL, check_chord_tones);
}

/* The bar before a section with drums has strokes that the section's other bars lack. */
static int lead_ins, fills;

static int bar_differs(const struct score *s, const struct score_part *p, int a, int b)
{
	int bar = score_bar_ticks(s), n[2] = { 0, 0 };
	uint8_t grid[2][16][128] = { 0 };
	for (int k = 0; k < p->n_notes; k++)
		for (int i = 0; i < 2; i++)
			if (p->notes[k].start / bar == (i ? b : a)) {
				grid[i][p->notes[k].start % bar / 120][p->notes[k].midi] = 1;
				n[i]++;
			}
	return memcmp(grid[0], grid[1], sizeof grid[0]) != 0;
}

static void check_fills(struct song *x, const char *what)
{
	(void)what;
	const struct score *s = &x->score;
	const struct score_part *drums = part_of(x, ROLE_DRUMS);
	int bar = score_bar_ticks(s);
	uint8_t playing[BARS_MAX] = { 0 };
	if (!drums)
		return;
	sounding_bars(s, drums, playing);
	for (int i = 0; i + 1 < s->n_sections; i++) {
		int last = s->sections[i].end / bar - 1, n = last + 1 - s->sections[i].start / bar;
		if (n < 4 || !playing[last + 1] || !playing[last + 2])
			continue;
		lead_ins++;
		fills += playing[last] && bar_differs(s, drums, last, last - 2);
	}
}

static void drums_lead_into_sections(void **state)
{
	(void)state;
	each_song(1, USUAL, check_fills);
	if (fills < lead_ins * 95 / 100)
		fail_msg("%d fills before %d sections", fills, lead_ins);
}

/* ---- the song grows ---- */

/* usual[]'s sections that are compared. */
enum { VERSE_1 = 1, CHORUS_1 = 3, VERSE_2 = 5, CHORUS_3 = 10 };

/* What a listener hears of a part in a section: whether it plays, how hard on the whole, how often cymbals crash. */
struct heard { int notes, crashes; double velocity; };

static struct heard heard_in(const struct score *s, const struct score_part *p, int section)
{
	struct heard h = { 0 };
	for (int k = 0; k < p->n_notes; k++) {
		const struct note *n = &p->notes[k];
		if (n->start < s->sections[section].start || n->start >= s->sections[section].end)
			continue;
		h.notes++;
		h.velocity += n->velocity;
		h.crashes += p->role == ROLE_DRUMS && (n->midi == 49 || n->midi == 57);
	}
	h.velocity /= h.notes ? h.notes : 1;
	return h;
}

static int choruses, entrances, crashes_more;

/* Who plays in `from` plays in `to` too, and by `louder` harder on average; returns how many come in besides. */
static int grows(const struct song *x, const char *what, int from, int to, double louder)
{
	const struct score *s = &x->score;
	int new_parts = 0, both = 0;
	double more = 0;
	for (int i = 0; i < s->n_parts; i++) {
		struct heard a = heard_in(s, &s->parts[i], from), b = heard_in(s, &s->parts[i], to);
		if (s->parts[i].role == ROLE_LEAD || s->parts[i].role == ROLE_COUNTER)
			continue; /* they play where the singer leaves room */
		if (a.notes && !b.notes)
			complain("%s: %s plays in section %d, not in %d", what, s->parts[i].name, from, to);
		new_parts += !a.notes && b.notes;
		both += a.notes && b.notes;
		more += a.notes && b.notes ? b.velocity - a.velocity : 0;
	}
	if (both && more / both < louder)
		complain("%s: section %d is %.1f louder than %d", what, to, more / both, from);
	return new_parts;
}

/* From chorus to chorus: nobody leaves, all play harder, cymbals crash at least as often; the arranger holds parts back for it and crashes every four bars. */
static void check_growth(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	const struct score_part *drums = part_of(x, ROLE_DRUMS);
	grows(x, what, VERSE_1, VERSE_2, -10); /* another groove may have ghost notes */
	entrances += grows(x, what, CHORUS_1, CHORUS_3, 2) > 0;
	choruses++;
	if (!drums)
		return;
	int first = heard_in(s, drums, CHORUS_1).crashes, last = heard_in(s, drums, CHORUS_3).crashes;
	if (last < first - 1) /* a fill may take one's place */
		complain("%s: %d crashes in the first chorus, %d in the last", what, first, last);
	crashes_more += last > first;
}

static void the_song_grows(void **state)
{
	(void)state;
	each_song(1, USUAL, check_growth);
	print_message("%d last choruses: %d with somebody new, %d with more crashes\n", choruses, entrances, crashes_more);
	assert_true(entrances + crashes_more > choruses / 2);
}

/* Whoever plays the last bar strikes the last chord; where the style says so it rings to the end. */
static void check_ending(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	const char *ending = x->brief.style->form.ending;
	int bar = score_bar_ticks(s), end = s->bars * bar, ringing = 0, last = end - bar;
	if (!strcmp(ending, "fade")) /* plays on: a_fade_plays_on */
		return;
	if (s->chords[s->n_chords - 1].start > last)
		last = s->chords[s->n_chords - 1].start;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		for (int k = 0; k < p->n_notes; k++) {
			if (p->notes[k].start > last && p->role != ROLE_DRUMS)
				complain("%s: %s plays on after the last chord", what, p->name);
			ringing += p->notes[k].start + p->notes[k].dur > end;
		}
	}
	if (!strcmp(ending, "stop") ? ringing > 1 : ringing < 3)
		complain("%s: %d notes ring out", what, ringing);
}

static void the_last_chord_rings(void **state)
{
	(void)state;
	each_song(1, USUAL, check_ending);
}

static int in_last_bar[2]; /* of fades, of rings */

/* Where a song fades out, its last section is like any other: nobody strikes a last chord, the groove goes on to the last bar, whoever plays in the section's
 * first half plays in its last two bars. */
static void check_fade(const struct style *st, const char *meter, uint64_t seed)
{
	static char fade[] = "fade", ring[] = "ring";
	struct style faded = *st, rung = *st;
	struct song x, y;
	char what[96];
	faded.form.ending = fade;
	rung.form.ending = ring;
	snprintf(what, sizeof what, "%s %s seed %d", st->name, meter, (int)seed);
	make_song(&x, &faded, meter, seed, USUAL, 1);
	make_song(&y, &rung, meter, seed, USUAL, 1);
	arrange_song(&x);
	arrange_song(&y);
	const struct score *s = &x.score;
	const struct score_section *last = &s->sections[s->n_sections - 1];
	int bar = score_bar_ticks(s), end = s->bars * bar, half = (last->start + last->end) / 2;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		int early = 0, late = 0;
		for (int k = 0; k < p->n_notes; k++) {
			int at = p->notes[k].start, until = at + p->notes[k].dur;
			early += at >= last->start && at < half;
			late += until > end - 2 * bar;
			in_last_bar[0] += at >= end - bar;
		}
		if (early && !late && p->role != ROLE_LEAD && p->role != ROLE_COUNTER && p->role != ROLE_PERCUSSION)
			complain("%s: %s leaves before a fade is over", what, p->name);
	}
	for (int i = 0; i < y.score.n_parts; i++)
		for (int k = 0; k < y.score.parts[i].n_notes; k++)
			in_last_bar[1] += y.score.parts[i].notes[k].start >= end - bar;
	free_song(&x);
	free_song(&y);
}

static void a_fade_plays_on(void **state)
{
	(void)state;
	static const char *const meters[] = { "4/4", "3/4", "6/8" };
	for (int i = 0; i < styles.n; i++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			check_fade(styles.styles[i], meters[seed % 3], seed);
	fail_on_complaints();
	print_message("notes in the last bar: %d of fades, %d of rings\n", in_last_bar[0], in_last_bar[1]);
	assert_true(in_last_bar[0] > 2 * in_last_bar[1]);
}

/* Short notes of leads and counter-melodies leave the singer alone. */
static void check_lines(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		if (p->role != ROLE_LEAD && p->role != ROLE_COUNTER)
			continue;
		for (int k = 0; k < p->n_notes; k++)
			for (int v = 0; v < s->n_vocal && p->notes[k].dur < score_bar_ticks(s) / 4; v++) {
				int from = s->vocal[v].start, to = from + s->vocal[v].dur;
				if (p->notes[k].start < to && p->notes[k].start + p->notes[k].dur > from && s->sections[s->vocal[v].section].end > p->notes[k].start &&
				    s->sections[s->vocal[v].section].start <= p->notes[k].start)
					complain("%s: %s plays over the singer at %d", what, p->name, p->notes[k].start);
			}
	}
}

static void lines_answer_the_singer(void **state)
{
	(void)state;
	each_song(1, USUAL, check_lines);
}

/* An instrumental has its tune: one line that sounds in nearly every bar. */
static void check_tune_there(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	int best = 0;
	for (int i = 0; i < s->n_parts; i++)
		if (s->parts[i].role == ROLE_LEAD || s->parts[i].role == ROLE_COUNTER) {
			uint8_t bars[BARS_MAX] = { 0 };
			int n = 0;
			sounding_bars(s, &s->parts[i], bars);
			for (int b = 0; b < s->bars; b++)
				n += bars[b];
			best = n > best ? n : best;
		}
	if (best * 100 < s->bars * 70)
		complain("%s: the tune sounds in %d of %d bars", what, best, s->bars);
}

static void instrumentals_have_a_tune(void **state)
{
	(void)state;
	each_song(0, USUAL, check_tune_there);
}

static uint64_t digest(const struct score *s)
{
	uint64_t h = 14695981039346656037u;
	for (int i = 0; i < s->n_parts; i++)
		for (int k = 0; k < s->parts[i].n_notes; k++) {
			const struct note *n = &s->parts[i].notes[k];
			uint64_t v = (uint64_t)n->start << 40 ^ (uint64_t)n->dur << 20 ^ (uint64_t)n->midi << 12 ^ (uint64_t)n->velocity << 4 ^ n->art;
			h = (h ^ v) * 1099511628211u;
		}
	return h;
}

static void same_seed_same_parts(void **state)
{
	(void)state;
	for (int i = 0; i < styles.n; i++) {
		uint64_t seen[SEEDS + 1];
		for (uint64_t seed = 0; seed <= SEEDS; seed++) {
			struct song x;
			make_song(&x, styles.styles[i], "4/4", 5, USUAL, 1); /* the same song each time */
			for (unsigned p = 0; p < styles.styles[i]->n_parts; p++)
				x.brief.instrument[p] = 0;
			x.req.seed = seed;
			arrange_song(&x);
			seen[seed] = digest(&x.score);
			arrange_song(&x); /* again, over what is there */
			assert_int_equal(digest(&x.score), seen[seed]);
			for (uint64_t k = 0; k < seed; k++)
				assert_true(seen[k] != seen[seed]);
			free_song(&x);
		}
	}
}

/* ---- stops and the count-in ---- */

static int sounds_between(const struct score_part *p, int from, int to)
{
	for (int i = 0; i < p->n_notes; i++)
		if (p->notes[i].start < to && p->notes[i].start + p->notes[i].dur > from)
			return 1;
	return 0;
}

static int begins_between(const struct score *s, int from, int to)
{
	int n = 0;
	for (int i = 0; i < s->n_parts; i++)
		for (int k = 0; k < s->parts[i].n_notes; k++)
			n += s->parts[i].notes[k].start >= from && s->parts[i].notes[k].start < to;
	return n;
}

/* Before each chorus all but the drums are silent for a beat, and on its first beat they are back. */
static void check_stops(struct song *x, const char *what)
{
	const struct score *s = &x->score;
	int beat = s->meter_den == 8 ? 720 : 480;
	for (int i = 1; i < s->n_sections; i++) {
		int to = s->sections[i].start;
		if (s->sections[i].kind != SECTION_CHORUS || s->sections[i - 1].end - s->sections[i - 1].start < 2 * score_bar_ticks(s))
			continue;
		for (int k = 0; k < s->n_parts; k++)
			if (s->parts[k].role != ROLE_DRUMS && sounds_between(&s->parts[k], to - beat, to))
				complain("%s: %s plays in the stop before section %d", what, s->parts[k].name, i);
		if (!begins_between(s, to, to + beat))
			complain("%s: nobody comes in after the stop before section %d", what, i);
	}
}

static void the_band_stops_before_choruses(void **state)
{
	(void)state;
	float kept[256];
	for (int i = 0; i < styles.n && i < 256; i++) {
		kept[i] = styles.styles[i]->form.stop_chance;
		styles.styles[i]->form.stop_chance = 1;
	}
	each_song(1, USUAL, check_stops);
	each_song(1, USUAL, check_notes);
	for (int i = 0; i < styles.n; i++)
		styles.styles[i]->form.stop_chance = kept[i];
}

static void sticks_count_in(void **state)
{
	(void)state;
	static const struct plan counted[] = { { SECTION_INTRO, 2, 0.3f }, { SECTION_INTRO, 4, 0.3f }, { SECTION_VERSE, 8, 0.5f }, { SECTION_OUTRO, 4, 0.4f } };
	static const int strokes[][2] = { { 2, 2 }, { 4, 4 }, { 8, 6 } }; /* eight beats: two half notes, four quarters */
	for (int i = 0; i < styles.n; i++)
		for (int k = 0; k < 3; k++) {
			struct song x;
			make_song(&x, styles.styles[i], "4/4", (uint64_t)k, counted, 4, 1);
			x.score.sections[0].count_in = strokes[k][0];
			arrange_song(&x);
			int end = x.score.sections[0].end, drummers = 0;
			for (int p = 0; p < x.score.n_parts; p++) {
				const struct score_part *part = &x.score.parts[p];
				int n = 0, drums = part->role == ROLE_DRUMS;
				for (int j = 0; j < part->n_notes && part->notes[j].start < end; j++, n++) {
					assert_int_equal(part->notes[j].midi, 31);
					assert_int_equal(part->notes[j].start % TICKS_PER_QUARTER, 0);
				}
				assert_int_equal(n, drums && !drummers ? strokes[k][1] : 0);
				drummers += drums;
			}
			free_song(&x);
		}
}

static void added_instruments_play(void **state)
{
	(void)state;
	static char name[] = "Steel drums", font[] = "general";
	static const enum part_role roles[] = { ROLE_PAD, ROLE_COUNTER, ROLE_COMP };
	for (int i = 0; i < styles.n; i++)
		for (int k = 0; k < 3; k++) {
			struct song x;
			make_song(&x, styles.styles[i], "4/4", 3, USUAL, 1);
			x.brief.n_extra = 1;
			x.brief.extra[0] = (struct brief_extra){ .role = roles[k],
				.instrument = { .name = name, .soundfont = font, .program = 114, .low = 52, .high = 84 } };
			arrange_song(&x);
			check_notes(&x, styles.styles[i]->name);
			fail_on_complaints();
			const struct score_part *p = &x.score.parts[x.score.n_parts - 1];
			assert_string_equal(p->name, "steel-drums");
			assert_int_equal(p->style_part, -1);
			assert_int_equal(p->role, roles[k]);
			assert_true(p->n_notes > 20);
			free_song(&x);
		}
}

static void silenced_parts_are_silent(void **state)
{
	(void)state;
	for (int i = 0; i < styles.n; i++) {
		struct song x;
		make_song(&x, styles.styles[i], "4/4", 2, USUAL, 1);
		for (unsigned p = 0; p < styles.styles[i]->n_parts; p++)
			if (!strcmp(styles.styles[i]->parts[p].role, "drums") || !strcmp(styles.styles[i]->parts[p].role, "percussion"))
				x.brief.instrument[p] = -1;
		arrange_song(&x);
		assert_null(part_of(&x, ROLE_DRUMS));
		assert_null(part_of(&x, ROLE_PERCUSSION));
		assert_non_null(part_of(&x, ROLE_BASS));
		free_song(&x);
	}
}

/* How like a song's bar is to a reference's, the song arranged after it or as the style has it. */
static float likeness_of(const struct style *st, uint64_t seed, const struct style_reference *ref, int after_it)
{
	struct song x;
	make_song(&x, st, "4/4", seed, USUAL, 1);
	x.brief.reference = after_it ? ref : NULL;
	arrange_song(&x);
	float like = arrangement_likeness(&x.score, ref);
	free_song(&x);
	return like;
}

static void a_reference_is_struck_like(void **state)
{
	(void)state;
	/* Kick, snare and hi-hat of two bars that contradict each other: one in four, one at half its pace. */
	static const struct style_reference refs[] = {
		{ .n_steps = 16, .pattern = { { 1, 0, 0, 0, 0, 0, 0, 0, 1 }, { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1 }, { 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0 } } },
		{ .n_steps = 16, .pattern = { { 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1 }, { 0, 0, 0, 0, 0, 0, 0, 0, 1 }, { 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0 } } },
	};
	for (int k = 0; k < 2; k++) {
		float after = 0, before = 0;
		int n = 0, nearer = 0;
		for (int i = 0; i < styles.n; i++)
			for (uint64_t seed = 1; seed <= 2; seed++, n++) {
				float a = likeness_of(styles.styles[i], seed, &refs[k], 1), b = likeness_of(styles.styles[i], seed, &refs[k], 0);
				after += a;
				before += b;
				nearer += a >= b;
			}
		print_message("reference %d: likeness %.2f, without it %.2f; nearer %d of %d\n", k, (double)after / n, (double)before / n, nearer, n);
		assert_true(after / (float)n > before / (float)n + 0.04f);
		assert_true(nearer > n * 9 / 10);
	}
}

static void strange_meters_are_refused(void **state)
{
	(void)state;
	struct song x;
	struct madrigal_error err;
	make_song(&x, styles.styles[0], "4/4", 1, USUAL, 1);
	x.score.meter_num = 7;
	x.score.meter_den = 8;
	assert_int_equal(arrange_parts(&x.req, &x.score, &err), MADRIGAL_EUSAGE);
	assert_null(x.score.parts);
	free_song(&x);
}

static void it_is_quick(void **state)
{
	(void)state;
	struct song x;
	struct timespec t0, t1;
	make_song(&x, styles.styles[0], "4/4", 1, EVERY_KIND, 1);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (int i = 0; i < 10; i++)
		arrange_song(&x);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	double ms = ((double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6) / 10;
	print_message("arrange_parts: %.2f ms for %d bars\n", ms, x.score.bars);
	assert_true(ms < 200); /* generous: sanitizers, a busy machine; 8 ms is the aim */
	free_song(&x);
}

static int open_styles(void **state)
{
	(void)state;
	struct madrigal_error err;
	int rc = style_set_load(TEST_SHARE_DIR, &styles, &err);
	if (rc < 0)
		print_error("%s\n", err.message);
	return rc < 0 || styles.n < 4 ? -1 : 0;
}

static int close_styles(void **state)
{
	(void)state;
	style_set_release(&styles);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_are_sound), cmocka_unit_test(no_bar_is_empty), cmocka_unit_test(bass_and_kick_agree),
		cmocka_unit_test(bass_has_the_root), cmocka_unit_test(chords_are_the_songs), cmocka_unit_test(drums_lead_into_sections),
		cmocka_unit_test(the_song_grows), cmocka_unit_test(the_last_chord_rings), cmocka_unit_test(a_fade_plays_on),
		cmocka_unit_test(lines_answer_the_singer),
		cmocka_unit_test(instrumentals_have_a_tune), cmocka_unit_test(same_seed_same_parts), cmocka_unit_test(added_instruments_play),
		cmocka_unit_test(the_band_stops_before_choruses), cmocka_unit_test(sticks_count_in), cmocka_unit_test(silenced_parts_are_silent),
		cmocka_unit_test(a_reference_is_struck_like), cmocka_unit_test(strange_meters_are_refused), cmocka_unit_test(it_is_quick),
	};
	return cmocka_run_group_tests(tests, open_styles, close_styles);
}
