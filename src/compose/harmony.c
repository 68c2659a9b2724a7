/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Harmony: each section's chords from the style, cadences where sections meet, the key by the singer's range.
 *
 * All sections of one kind have the same chords. What may be sung over a chord is the key's scale, bent to the chord where they are a
 * semitone apart (over V in minor the leading note, not the seventh); how gladly, is counted from human songs (degree_over_chord_root). */
#include "compose/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOP_BARS 64
#define BAR_CHORDS 4

struct loop { int bars, exact; struct { int n; uint8_t chord[BAR_CHORDS]; } bar[LOOP_BARS]; };

static int same_chord(const struct chord *a, const struct chord *b)
{
	return a->root == b->root && a->bass == b->bass && a->n == b->n && !memcmp(a->intervals, b->intervals, (size_t)a->n * sizeof a->intervals[0]) &&
	       !strcmp(a->suffix, b->suffix);
}

static const unsigned scales[2] = { 0xab5, 0x5ad }; /* major; natural minor: bit d: d semitones above the tonic */

static void weigh(struct plan_chord *c, int minor, float blue)
{
	static const unsigned pentatonic[2] = { 0x295, 0x4a9 };
	for (int d = 0; d < 12; d++) {
		if (!(c->scale >> d & 1))
			continue;
		int tone = c->tones >> d & 1;
		float sung = degree_over_chord_root[minor][c->chord.root][d];
		float w = sqrtf(sung + 0.012f);
		if (!(pentatonic[minor] >> d & 1) && !tone)
			w *= 1 - 0.55f * blue;
		c->weight[0][d] = w * (tone ? 1.5f : 1);
		c->weight[1][d] = w * (tone ? 2.6f : 0.6f);
	}
}

/* Index in p->chords, or the nearest there is once that is full. */
static int intern_chord(struct plan *p, const struct chord *chord)
{
	for (int i = 0; i < p->n_chords; i++)
		if (same_chord(&p->chords[i].chord, chord))
			return i;
	if (p->n_chords == PLAN_CHORDS_MAX)
		return 0;
	struct plan_chord *c = &p->chords[p->n_chords];
	memset(c, 0, sizeof *c);
	c->chord = *chord;
	c->tones = chord_pitch_classes(chord, 0);
	c->scale = scales[p->minor] | c->tones;
	for (int d = 0; d < 12; d++)
		if ((c->scale >> d & 1) && !(c->tones >> d & 1) && ((c->tones >> (d + 1) % 12 & 1 && !(scales[p->minor] >> (d + 1) % 12 & 1)) ||
		                                                     (c->tones >> (d + 11) % 12 & 1 && !(scales[p->minor] >> (d + 11) % 12 & 1))))
			c->scale &= ~(1u << d);
	weigh(c, p->minor, p->style->melody.blue);
	return p->n_chords++;
}

/* Reads "I | V/7 IV | vi". */
static int read_loop(struct plan *p, const char *text, struct loop *ret, struct madrigal_error *err)
{
	struct loop l = { 0 };
	const char *c = text;
	while (*c) {
		c += strspn(c, " \t\n");
		if (*c == '|') {
			c++;
			if (l.bar[l.bars].n && l.bars < LOOP_BARS - 1)
				l.bars++;
			continue;
		}
		size_t n = strcspn(c, " \t\n|");
		char roman[32];
		if (n == 0)
			break;
		snprintf(roman, sizeof roman, "%.*s", (int)(n < sizeof roman ? n : sizeof roman - 1), c);
		struct chord chord;
		int rc = chord_parse(roman, &chord, err);
		if (rc)
			return rc;
		if (l.bar[l.bars].n < BAR_CHORDS)
			l.bar[l.bars].chord[l.bar[l.bars].n++] = (uint8_t)intern_chord(p, &chord);
		c += n;
	}
	l.bars += l.bar[l.bars].n > 0;
	if (!l.bars)
		return err_set(err, MADRIGAL_ESTYLE, "style %s: a row of chords is empty", p->style->name);
	*ret = l;
	return 0;
}

/* The style's own rows for a section (no fallback): drawn by weight; avoid: a row that another section has already. */
static const struct style_chords *draw_row(const struct plan *p, enum section_kind k, int minor, const char *avoid, struct rng *r)
{
	const struct style *st = p->style;
	const struct style_chords *found[128];
	float weight[128];
	int n = 0;
	for (unsigned i = 0; i < st->n_chords && n < 128; i++) {
		const struct style_chords *c = &st->chords[i];
		if (strcmp(c->section, section_ids[k]) || strcmp(c->mode, minor ? "minor" : "major"))
			continue;
		found[n] = c;
		weight[n++] = avoid && !strcmp(avoid, c->bars) ? c->weight * 0.15f : c->weight;
	}
	return n ? found[rng_weighted(r, weight, n)] : NULL;
}

/* A reference's rows take the place of the style's in every section: what it goes through, this song goes through. */
static const char *reference_row(const struct plan *p, enum section_kind k)
{
	const struct style_reference *ref = p->brief->reference;
	if (!ref || p->minor != (ref->minor > 0))
		return NULL;
	const char *row = ref->chords[k == SECTION_CHORUS || k == SECTION_HOOK || k == SECTION_POST_CHORUS ? REFERENCE_CHORUS : REFERENCE_VERSE];
	return *row ? row : NULL;
}

static int draw_loops(struct plan *p, struct loop *loops, int *ret_owner, struct madrigal_error *err)
{
	const char *rows[SECTION_KINDS] = { 0 };
	int exact = reference_row(p, SECTION_VERSE) != NULL;
	for (int k = 0; k < SECTION_KINDS; k++) {
		struct rng r = rng_stream(p->req->seed, "harmony", (uint64_t)k);
		const char *avoid = k == SECTION_CHORUS || k == SECTION_BRIDGE ? rows[SECTION_VERSE] : NULL;
		const struct style_chords *c = draw_row(p, (enum section_kind)k, p->minor, avoid, &r);
		rows[k] = exact ? reference_row(p, (enum section_kind)k) : c ? c->bars : NULL;
	}
	for (int k = 0; k < SECTION_KINDS; k++) {
		int from = k;
		/* An ending stays with what was heard last, as a solo does, unless the style says otherwise. */
		if (!rows[k] && k == SECTION_OUTRO && rows[SECTION_CHORUS])
			from = SECTION_CHORUS;
		while (from >= 0 && !rows[from])
			from = section_fallback((enum section_kind)from);
		if (from < 0)
			return err_set(err, MADRIGAL_ESTYLE, "style %s has no %s chords for the verse", p->style->name, p->minor ? "minor" : "major");
		ret_owner[k] = from;
		int rc = read_loop(p, rows[from], &loops[k], err);
		if (rc)
			return rc;
		loops[k].exact = exact;
	}
	return 0;
}

static void set_chord(struct plan *p, int from, int to, int chord)
{
	for (int t = from; t < to; t++)
		p->chord_of_step[t] = (uint8_t)chord;
}

static void lay_bar(struct plan *p, int bar, const struct loop *l, int in_loop)
{
	int steps = p->meter.steps, n = l->bar[in_loop].n, beat = p->meter.eighths_lead ? 6 : 4;
	for (int i = 0; i < n; i++) {
		/* On beats, the earlier chord longer. */
		int from = (i * steps / n + beat - 1) / beat * beat;
		set_chord(p, bar * steps + from, (bar + 1) * steps, l->bar[in_loop].chord[i]);
	}
}

/* Chords that lead on: V, IV, ii, bVII, bVI and what has their root. */
static int leads_on(const struct plan *p, int chord)
{
	int root = p->chords[chord].chord.root;
	return root == 7 || root == 5 || root == 10 || root == 2 || root == 11;
}

/* V, or bVII in a style whose minor knows no V. */
static int dominant(struct plan *p)
{
	int flat_seventh = -1, five = -1;
	for (int i = 0; i < p->n_chords; i++) {
		const struct chord *c = &p->chords[i].chord;
		if (c->root == 10 && c->n >= 3 && c->bass == c->root && flat_seventh < 0)
			flat_seventh = i;
		if (c->root == 7 && c->bass == c->root && (c->intervals[1] == 4 || c->n == 2 || c->intervals[1] == 5) && five < 0)
			five = i;
	}
	if (five >= 0 || (p->minor && flat_seventh >= 0))
		return five >= 0 ? five : flat_seventh;
	struct chord v;
	return chord_parse("V", &v, NULL) == 0 ? intern_chord(p, &v) : 0;
}

/* V with its leading note, as the style colours it: what a new key is led into by. */
static int leading_dominant(struct plan *p)
{
	for (int i = 0; i < p->n_chords; i++) {
		const struct chord *c = &p->chords[i].chord;
		if (c->root == 7 && c->bass == 7 && c->n >= 3 && c->intervals[1] == 4)
			return i;
	}
	struct chord v;
	return chord_parse("V", &v, NULL) == 0 ? intern_chord(p, &v) : 0;
}

/* The tonic as the style colours it, in root position and plain enough to end on. */
static int tonic(struct plan *p)
{
	for (int i = 0; i < p->n_chords; i++) {
		const struct chord *c = &p->chords[i].chord;
		if (c->root == 0 && c->bass == 0 && c->n <= 3 && (c->n == 2 || c->intervals[1] == (p->minor ? 3 : 4)) && (c->n == 2 || c->intervals[2] == 7))
			return i;
	}
	struct chord one;
	return chord_parse(p->minor ? "i" : "I", &one, NULL) == 0 ? intern_chord(p, &one) : 0;
}

static int chord_at_end(const struct plan *p, int bar)
{
	return p->chord_of_step[(bar + 1) * p->meter.steps - 1];
}

/* What the text's last mark asks of a section's end: 1 a full close (a full stop), -1 a half close (a question, a comma), 0 nothing. */
static int close_of(const struct plan *p, const struct plan_section *s)
{
	char mark = s->n_phrases ? p->phrases[s->first_phrase + s->n_phrases - 1].punct : 0;
	return mark == '.' || mark == '!' ? 1 : mark == '?' || mark == ',' || mark == ':' ? -1 : 0;
}

/* The tonic in the last bar, something that leads there in the one before. */
static void close_fully(struct plan *p, const struct plan_section *s)
{
	int steps = p->meter.steps, last = s->bar + s->bars - 1, half = p->meter.eighths_lead || steps == 16 ? steps / 2 : 8;
	set_chord(p, last * steps, (last + 1) * steps, tonic(p));
	if (!leads_on(p, chord_at_end(p, last - 1)) && p->chords[chord_at_end(p, last - 1)].chord.root != 8)
		set_chord(p, (last - 1) * steps + half, last * steps, dominant(p));
}

static void lay_section(struct plan *p, int index, const struct loop *loops)
{
	const struct plan_section *s = &p->sections[index], *next = index + 1 < p->n_sections ? &p->sections[index + 1] : NULL;
	const struct loop *l = &loops[s->turnaround && next ? next->kind : s->kind];
	int steps = p->meter.steps, stretch = !l->exact && p->meter.step_s * steps < 1.05 && s->bars >= 2 * l->bars ? 2 : 1;
	/* Bars sung before the section's first line, and bars over at the end, belong to the loop's end: the lines begin with the loop. */
	int lead = s->lead_bars ? l->bars * stretch - s->lead_bars % (l->bars * stretch) : 0;
	for (int b = 0; b < s->bars; b++)
		lay_bar(p, s->bar + b, l, (b + lead) / stretch % l->bars);
	int to_high = next && family_is_high(next->family) && !family_is_high(s->family), close = close_of(p, s);
	if (close > 0 && !to_high && s->bars >= 4)
		close_fully(p, s);
	if (!next || (next->same_as == index && close >= 0))
		return;
	int last = s->bar + s->bars - 1, half = p->meter.eighths_lead || steps == 16 ? steps / 2 : 8;
	int from_high = family_is_high(s->family) && !family_is_high(next->family) && next->family == FAMILY_VERSE;
	if ((to_high || from_high || s->turnaround || close < 0) && s->bars > 1 && !leads_on(p, chord_at_end(p, last)))
		set_chord(p, last * steps + half, (last + 1) * steps, dominant(p));
}

/* The last bar is the tonic, and something leads there. */
static void lay_end(struct plan *p)
{
	int steps = p->meter.steps, last = p->bars - 1;
	set_chord(p, last * steps, p->bars * steps, tonic(p));
	if (last > 0 && p->sections[p->n_sections - 1].bars > 1 && !leads_on(p, chord_at_end(p, last - 1))) {
		int root = p->chords[chord_at_end(p, last - 1)].chord.root;
		int half = p->meter.eighths_lead || steps == 16 ? steps / 2 : 8;
		if (root != 8)
			set_chord(p, (last - 1) * steps + (root == 0 ? 0 : half), last * steps, dominant(p));
	}
}

#define TUNE_SPAN 15 /* semitones from a song's lowest note to its highest, at most */
#define TOP_EASE 2   /* semitones kept below a singer's highest */

/* How well a tonic suits a window of pitches: tunes end on it, so it lies low in the chorus' half, and keys that players like. */
static float key_cost(const struct plan *p, int pc, int low, int high)
{
	static const float major[12] = { 0, .5f, .05f, .3f, .1f, .1f, .9f, 0, .4f, .05f, .25f, .4f }; /* C C# D ... */
	static const float minor[12] = { .25f, .3f, .1f, .5f, 0, .25f, .35f, .2f, .6f, 0, .35f, .15f };
	int size = high - low, best = 99;
	for (int t = low; t <= high; t++)
		if (t % 12 == pc) {
			int off = abs(t - (low + (size * 2 + 2) / 5));
			best = off < best ? off : best;
		}
	return 0.22f * (float)best * (float)best * 0.35f + (p->minor ? minor : major)[pc];
}

/* The window of pitches for the song, low enough for its key change. */
static void choose_range(struct plan *p)
{
	const struct singer *singer = p->brief->singer;
	int top = singer ? singer->high : 69, bottom = singer ? singer->low : 53;
	/* A singer with room to spare stays below the notes that must be retuned: the voice is cleanest there (docs/voice.md). */
	int spare = top - bottom - TUNE_SPAN, ease = TOP_EASE + p->key_change;
	top -= spare > ease ? ease : spare > 0 ? spare : 0;
	p->high = top;
	p->low = top - TUNE_SPAN > bottom ? top - TUNE_SPAN : bottom;
	if (p->high - p->low < 13)
		p->high = p->low + 13 < singer->top ? p->low + 13 : singer->top;
	if (singer && p->high + p->key_change > singer->top)
		p->key_change = singer->top > p->high ? singer->top - p->high : 0;
}

static void choose_key(struct plan *p)
{
	p->tonic_pc = p->brief->tonic_pc;
	if (p->tonic_pc < 0) {
		struct rng r = rng_stream(p->req->seed, "key", 0);
		float least = 1e9f;
		for (int pc = 0; pc < 12; pc++) {
			float cost = key_cost(p, pc, p->low, p->high) + 0.9f * rng_unit(&r);
			if (cost < least) {
				least = cost;
				p->tonic_pc = pc;
			}
		}
	}
	float lift = fminf(4.2f, fmaxf(2.6f, p->style->melody.chorus_lift)), top_third = (float)p->low + 0.60f * (float)(p->high - p->low);
	p->centre[FAMILY_CHORUS] = p->centre[FAMILY_POST] = top_third;
	p->centre[FAMILY_VERSE] = p->centre[FAMILY_OTHER] = top_third - lift;
	p->centre[FAMILY_PRE] = top_third - lift * 0.45f;
	p->centre[FAMILY_BRIDGE] = top_third - lift * 0.35f;
	int chorus = 0;
	for (int i = 0; i < p->n_sections; i++)
		chorus |= p->sections[i].n_phrases && family_is_high(p->sections[i].family);
	for (int f = 0; f < FAMILIES && !chorus; f++) /* nothing to rise to: the verse has the whole range */
		p->centre[f] += 0.6f * lift;
	if (p->raps) /* nothing to rise above: so has the chorus */
		p->centre[FAMILY_CHORUS] = p->centre[FAMILY_POST] = 0.5f * (float)(p->low + p->high);
}

int plan_harmony(struct plan *p, struct madrigal_error *err)
{
	static const enum section_kind all = SECTION_KINDS;
	struct loop *loops = calloc(all, sizeof *loops);
	int owner[SECTION_KINDS];
	p->chord_of_step = calloc((size_t)(p->bars * p->meter.steps) + 1, 1);
	if (!loops || !p->chord_of_step) {
		free(loops);
		return err_nomem(err);
	}
	p->minor = p->brief->minor > 0;
	choose_range(p);
	int rc = draw_loops(p, loops, owner, err);
	if (!rc) {
		for (int i = 0; i < p->n_sections; i++)
			lay_section(p, i, loops);
		lay_end(p);
		key_change_lay(p, p->key_change ? leading_dominant(p) : 0);
		choose_key(p);
	}
	free(loops);
	return rc;
}

int plan_from_score(struct plan *p, const struct compose_request *req, const struct score *s, int section, struct madrigal_error *err)
{
	int transpose = s->sections[section].transpose;
	memset(p, 0, sizeof *p);
	p->req = req;
	p->brief = req->brief;
	p->style = req->brief->style;
	p->lyrics = s->lyrics;
	p->tonic_pc = (s->tonic_pc + transpose) % 12;
	p->minor = s->minor > 0;
	p->bars = s->bars;
	meter_init(&p->meter, s->meter_num, s->meter_den, s->tempo_bpm);
	p->chord_of_step = calloc((size_t)(p->bars * p->meter.steps) + 1, 1);
	if (!p->chord_of_step)
		return err_nomem(err);
	for (int i = 0; i < s->n_chords; i++) {
		struct chord c = s->chords[i].chord;
		c.root = (c.root + 120 - transpose) % 12;
		c.bass = (c.bass + 120 - transpose) % 12;
		int to = s->chords[i].end / STEP_TICKS;
		set_chord(p, s->chords[i].start / STEP_TICKS, to < p->bars * p->meter.steps ? to : p->bars * p->meter.steps, intern_chord(p, &c));
	}
	return 0;
}
