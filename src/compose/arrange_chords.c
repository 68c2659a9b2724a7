/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accompanying and pads: a pattern's letters as chords, strums, arpeggios and low notes, by what the instrument is. */
#include "compose/arrange.h"

#include <string.h>

/* How an instrument is played, by its General MIDI family. */
struct touch {
	int keyboard;  /* two hands: an accented chord has its root below */
	int strings;   /* guitar shapes */
	int power;     /* overdriven: 'c' is a power chord, 'm' a palm-muted one */
	int rings;     /* plucked or struck: a broken chord's notes ring on */
};

struct chord_player {
	struct arrange *a;
	struct player *p;
	const struct arr_section *as;
	struct touch touch;
	int voices, centre;
	int low_note, digit_note[7]; /* notes that ring: index in p->notes, or -1 */
};

static struct touch touch_of(const struct player *p)
{
	int program = p->instrument->bank == 128 ? -1 : p->instrument->program;
	struct touch t = { 0 };
	t.keyboard = program >= 0 && program <= 7;
	t.power = program == 29 || program == 30;
	t.strings = (program >= 24 && program <= 31) || program == 104 || program == 105 || program == 106;
	t.rings = (program >= 0 && program <= 15) || (program >= 24 && program <= 28) || program == 46 || (program >= 104 && program <= 108);
	return t;
}

static int within(int v, int low, int high)
{
	return v < low ? low : v > high ? high : v;
}

/* Accompanists lie below the singer, where the band is dense; pads under them at first, over the singer once the song opens up; instruments
 * made for the top stay there. */
static int centre_of(const struct arrange *a, const struct player *p, const struct arr_section *as)
{
	int low = p->instrument->low, high = p->instrument->high, middle = (low + high) / 2;
	int centre = within(a->voice_centre - 5, 55, 62);
	if (p->role == ROLE_PAD && as->drive > 0.65f)
		centre = within(a->voice_centre + 5, 64, 70);
	else if (p->role != ROLE_PAD && middle >= 68)
		centre = middle;
	else if (as->drive > 0.65f)
		centre += 2;
	return low + 7 > high - 7 ? middle : within(centre, low + 7, high - 7);
}

static int voices_of(const struct player *p, const struct arr_section *as)
{
	float fullness = 0.5f * p->level[as->index] + 0.5f * as->drive;
	int n = fullness > 0.8f ? 5 : fullness > 0.5f ? 4 : 3;
	if (p->instrument->high - p->instrument->low < 24 && n > 4)
		n = 4;
	return n;
}

static void voice(struct chord_player *cp, const struct chord *c, char letter)
{
	int strummed = strchr("dDuUm", letter) != NULL;
	if (cp->touch.power && !(strummed && letter != 'm'))
		voice_power(cp->a, cp->p, c);
	else if (cp->touch.strings && !cp->touch.power)
		voice_strings(cp->a, cp->p, c);
	else if (cp->touch.strings)
		voice_strings(cp->a, cp->p, c);
	else
		voice_keys(cp->a, cp->p, c, cp->voices, cp->centre);
}

static int bass_note(const struct chord_player *cp, const struct chord *c, int octaves_below)
{
	const struct style_instrument *in = cp->p->instrument;
	int lowest = cp->p->voicing.n ? cp->p->voicing.midi[0] : cp->centre, pc = (cp->a->s->tonic_pc + c->bass) % 12;
	int m = nearest_pitch(pc, lowest - 8 - 12 * octaves_below, in->low, lowest - 1);
	/* Below C2 a low note on a chord instrument only thickens what the bass says. */
	while (m >= 0 && m < 36 && m + 12 < lowest)
		m += 12;
	return m >= 0 ? m : nearest_pitch(pc, in->low, in->low, in->high);
}

static void end_note(struct chord_player *cp, int index, int tick)
{
	if (index < 0)
		return;
	struct note *n = &cp->p->notes[index];
	if (n->start < tick && n->start + n->dur > tick)
		n->dur = tick - n->start;
}

static void stop_ringing(struct chord_player *cp, int tick)
{
	end_note(cp, cp->low_note, tick);
	cp->low_note = -1;
	for (int i = 0; i < 7; i++) {
		end_note(cp, cp->digit_note[i], tick);
		cp->digit_note[i] = -1;
	}
}

/* Strings that a stroke meets: all downward, the upper ones upward and on light strokes. */
static void strum(struct chord_player *cp, int start, int dur, char letter, float v)
{
	struct voicing *vo = &cp->p->voicing;
	int up = letter == 'u' || letter == 'U', muted = letter == 'm', n = vo->n;
	int light = (letter == 'd' || muted) && start % TICKS_PER_QUARTER != 0;
	int from = up ? (n > 4 ? n - 4 : 0) : light && n > 4 ? n - 4 : 0, to = muted && n > 4 ? n - 1 : n;
	if (muted && from == 0 && n > 4)
		from = 1;
	float loud = v + (letter == 'D' || letter == 'U' ? 11 : 0) + (up ? -9 : 0) + (muted ? -20 : 0);
	enum articulation art = muted ? ART_MUTED : up ? ART_STRUM_UP : ART_STRUM_DOWN;
	for (int i = from; i < to; i++) /* the lowest and highest strings are met more lightly */
		arrange_note(cp->p, start, muted ? ARRANGE_STEP / 2 : dur, vo->midi[i], loud - (i == to - 1 ? 3 : 0), art, i - from);
}

/* A pad's common tones go on sounding under the new chord, for two bars at most. */
static int tie_over(struct chord_player *cp, int start, int dur, int midi)
{
	struct player *p = cp->p;
	for (int i = p->n - 1, seen = 0; i >= 0 && seen < 2 * VOICING_MAX; i--, seen++)
		if (p->notes[i].midi == midi && p->notes[i].start + p->notes[i].dur == start && start - p->notes[i].start < 2 * cp->a->bar) {
			p->notes[i].dur += dur;
			return 1;
		}
	return 0;
}

static void block(struct chord_player *cp, const struct chord *c, int start, int dur, char letter, float v)
{
	struct player *p = cp->p;
	float loud = v + (letter == 'C' ? 10 : 0);
	enum articulation art = letter == 'm' ? ART_MUTED : ART_NORMAL;
	if (letter == 'm') {
		loud -= 6;
		dur = dur > ARRANGE_STEP ? ARRANGE_STEP : dur;
	}
	if (cp->touch.keyboard && letter == 'C')
		arrange_note(p, start, dur, bass_note(cp, c, 0), loud - 2, ART_NORMAL, 0);
	int n = cp->touch.power && letter == 'm' && p->voicing.n > 2 ? 2 : p->voicing.n;
	for (int i = 0; i < n; i++) {
		if (p->role == ROLE_PAD && letter == 'c' && start > cp->as->sec->start && tie_over(cp, start, dur, p->voicing.midi[i]))
			continue;
		arrange_note(p, start, dur, p->voicing.midi[i], loud - (i > 0 && i < n - 1 ? 3 : 0), art, i);
	}
}

/* One note of the voicing, or the low one. */
static void single(struct chord_player *cp, const struct chord *c, int start, int dur, int change, char letter, float v)
{
	struct player *p = cp->p;
	const struct voicing *vo = &p->voicing;
	int rings = cp->touch.rings, low = letter == 'l' || letter == 'b', midi;
	if (low && cp->touch.strings && vo->n) {
		midi = letter == 'b' && vo->n > 2 ? vo->midi[1] : vo->midi[0]; /* the thumb alternates */
	} else if (low) {
		midi = bass_note(cp, c, letter == 'b');
	} else {
		int k = letter - '1', n = vo->n ? vo->n : 1;
		/* The fingers of a guitarist are on the upper strings. */
		if (cp->touch.strings && n > 4)
			k += n - 4;
		midi = vo->midi[k % n] + 12 * (k / n);
		while (midi > p->instrument->high)
			midi -= 12;
	}
	if (low)
		end_note(cp, cp->low_note, start);
	else
		end_note(cp, cp->digit_note[letter - '1'], start);
	if (rings && change > start + dur)
		dur = change - start > 2 * cp->a->bar ? 2 * cp->a->bar : change - start;
	int index = p->n;
	arrange_note(p, start, dur, midi, v + (low ? 3 : -5), ART_NORMAL, 0);
	if (low && letter == 'b' && cp->touch.keyboard && midi - 12 >= p->instrument->low && midi - 12 >= 28)
		arrange_note(p, start, dur, midi - 12, v - 4, ART_NORMAL, 0);
	if (!rings || p->failed)
		return;
	if (low)
		cp->low_note = index;
	else
		cp->digit_note[letter - '1'] = index;
}

static void stroke(struct chord_player *cp, int start, int end, char letter)
{
	struct arrange *a = cp->a;
	int first = 1, single_note = strchr("lb123456", letter) != NULL;
	while (start < end) {
		int change;
		const struct chord *c = chord_of_note(a, start, end, &change);
		int stop = change > start && change < end ? change : end;
		if (!first && ((single_note && letter != 'l' && letter != 'b') || letter == 'm'))
			return; /* a broken chord's note isn't struck again */
		voice(cp, c, letter);
		int ring = stop >= a->end && strcmp(a->style->form.ending, "stop") ? a->tail : 0;
		float v = arrange_velocity(a, cp->p, cp->as, start);
		if (single_note)
			single(cp, c, start, stop - start + ring, change, letter, v);
		else if (cp->touch.strings && strchr("cCdDuUm", letter) && !(cp->touch.power && strchr("cCm", letter)))
			strum(cp, start, stop - start + ring, letter == 'c' ? 'd' : letter == 'C' ? 'D' : letter, v);
		else
			block(cp, c, start, stop - start + ring, letter, v);
		start = stop;
		first = 0;
	}
}

void play_chords(struct arrange *a, struct player *p, const struct arr_section *as)
{
	if (p->level[as->index] <= 0 || !a->s->n_chords)
		return;
	char *row = pitched_row(a, p, as);
	if (!row)
		return;
	struct chord_player cp = { a, p, as, touch_of(p), voices_of(p, as), centre_of(a, p, as), -1, { 0 } };
	memset(cp.digit_note, -1, sizeof cp.digit_note);
	p->voiced = NULL;
	const struct chord *before = NULL;
	for (int i = 0, n = as->bars * a->steps; i < n; i++) {
		if (row[i] == '.' || row[i] == '-')
			continue;
		int len = 1, change, start = as->sec->start + i * ARRANGE_STEP;
		while (i + len < n && row[i + len] == '-')
			len++;
		const struct chord *c = chord_of_note(a, start, start + len * ARRANGE_STEP, &change);
		if (c != before)
			stop_ringing(&cp, start);
		before = c;
		stroke(&cp, start, start + len * ARRANGE_STEP, row[i]);
	}
	stop_ringing(&cp, as->index + 1 == a->n_sections ? a->end + a->tail : as->sec->end);
}
