/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BARS_MAX 1024
#define CYCLE_MAX 16
#define FREE_BAR_S 2.4         /* where no beat is heard, chords are read as if bars were so long: four beats at 100 */
#define CYCLE_COST 0.012       /* share of matching bars that a bar more in a cycle must win */
#define SPLIT_LEAST 2          /* times that a chord must have come in the middle of a bar: once may be early or late, and chords that change there halve the bars that are felt */
#define NO_TONIC_COST 0.15     /* share that a cycle without the tonic must win over one with it: a song made of it is heard in another key */
#define SURE_METER 0.2
#define SURE_SWING 0.06f
#define HEARD_AT_ALL 0.5f      /* a part is there */
#define NOT_HEARD 0.25f
#define SAME_FORMANTS 0.02f
#define QUIET_SPECTRUM_DB (-60.0f)

/* ---- chords by the bar ---- */

/* A bar's chords: one, or one for each half. 0 is none; else 1 + degree + 12 * minor. */
struct bar { uint8_t half[2]; };

static uint8_t tonic_code(const struct heard_harmony *h)
{
	return (uint8_t)(1 + 12 * h->minor);
}

/* The tonic has the key's own third, whatever was heard: with the other one the song would be in the other mode. */
static uint8_t code_of(const struct heard_harmony *h, const struct heard_chord *c)
{
	if (c->quality == HEARD_NONE || c->root_pc < 0)
		return 0;
	int degree = (c->root_pc - h->tonic_pc + 12) % 12;
	return degree == 0 ? tonic_code(h) : (uint8_t)(1 + degree + 12 * (c->quality == HEARD_MINOR));
}

/* What sounds longest between two moments. */
static uint8_t chord_between(const struct heard_harmony *h, double from, double to)
{
	double most = 0, sum[25] = { 0 };
	int best = 0;
	for (int i = 0; i < h->n_chords && (double)h->chord[i].start_s < to; i++) {
		double overlap = fmin(to, (double)h->chord[i].end_s) - fmax(from, (double)h->chord[i].start_s);
		if (overlap <= 0)
			continue;
		int code = code_of(h, &h->chord[i]);
		sum[code] += overlap;
		if (code && sum[code] > most) {
			most = sum[code];
			best = code;
		}
	}
	return (uint8_t)best;
}

struct bars { int n; double start[BARS_MAX + 1]; struct bar bar[BARS_MAX]; };

static void add_bar(const struct heard_harmony *h, double from, double to, struct bars *ret)
{
	double middle = (from + to) / 2;
	struct bar *b = &ret->bar[ret->n];
	b->half[0] = chord_between(h, from, middle);
	b->half[1] = chord_between(h, middle, to);
	if (!b->half[0])
		b->half[0] = b->half[1] ? b->half[1] : ret->n ? b[-1].half[1] : 0;
	if (!b->half[1])
		b->half[1] = b->half[0];
	ret->start[ret->n++] = from;
	ret->start[ret->n] = to;
}

static void find_bars(const struct heard *s, struct bars *ret)
{
	const struct heard_rhythm *r = &s->rhythm;
	int step = heard_bar_beats(r);
	ret->n = 0;
	for (int i = r->first_downbeat; step > 0 && i + step < r->n_beats && ret->n < BARS_MAX; i += step)
		add_bar(&s->harmony, (double)r->beat_s[i], (double)r->beat_s[i + step], ret);
	for (int i = 0; step == 0 && (i + 1) * FREE_BAR_S <= s->duration_s && ret->n < BARS_MAX; i++)
		if (chord_between(&s->harmony, i * FREE_BAR_S, (i + 1) * FREE_BAR_S) || ret->n) /* not before the first chord */
			add_bar(&s->harmony, i * FREE_BAR_S, (i + 1) * FREE_BAR_S, ret);
}

/* The bars of the sections that are called so (NULL: all), each section's counted from its start. */
static int bars_of_label(const struct heard *s, const struct bars *all, const char *label, struct bar *ret, int *ret_place)
{
	int n = 0;
	for (int k = 0; k < s->form.n_sections || (!label && k == 0); k++) {
		const struct heard_section *sec = label ? &s->form.section[k] : NULL;
		if (sec && strcmp(sec->label, label))
			continue;
		for (int i = 0, place = 0; i < all->n && n < BARS_MAX; i++) {
			double middle = (all->start[i] + all->start[i + 1]) / 2;
			if (sec && (middle < (double)sec->start_s || middle > (double)sec->end_s))
				continue;
			ret[n] = all->bar[i];
			ret_place[n++] = place++;
		}
		if (!label)
			break;
	}
	return n;
}

static int commonest(const int count[25])
{
	int best = 0;
	for (int c = 1; c < 25; c++)
		if (count[c] > count[best] || !best)
			best = count[c] ? c : best;
	return best;
}

/* The commonest chord of each bar of a cycle, or of each half of it, and the share of half bars that it explains. */
static double fit_cycle(const struct bar *bars, const int *place, int n, int length, struct bar *ret)
{
	int hits = 0;
	for (int p = 0; p < length; p++) {
		int half[2][25] = { { 0 } }, whole[25] = { 0 };
		for (int i = 0; i < n; i++)
			for (int k = 0; k < 2 && place[i] % length == p; k++) {
				half[k][bars[i].half[k]]++;
				whole[bars[i].half[k]]++;
			}
		int first = commonest(half[0]), second = commonest(half[1]), all = commonest(whole);
		/* Of two chords that sound as long the one that the bar begins with. */
		all = whole[first] == whole[all] ? first : all;
		if (half[0][first] + half[1][second] - whole[all] < SPLIT_LEAST)
			first = second = all;
		ret[p] = (struct bar){ { (uint8_t)first, (uint8_t)second } };
		hits += half[0][first] + half[1][second];
	}
	return n ? hits / (2.0 * n) : 0;
}

static void write_row(const struct bar *cycle, int n, char *ret, size_t size)
{
	static const char *const degrees[2][12] = { { "I", "bII", "II", "bIII", "III", "IV", "bV", "V", "bVI", "VI", "bVII", "VII" },
		                                    { "i", "bii", "ii", "biii", "iii", "iv", "bv", "v", "bvi", "vi", "bvii", "vii" } };
	struct buf b = buf_init(size - 1);
	for (int i = 0; i < n; i++) {
		int one = cycle[i].half[0], two = cycle[i].half[1];
		buf_addf(&b, "%s%s", i ? " | " : "", degrees[(one - 1) / 12][(one - 1) % 12]);
		if (two != one)
			buf_addf(&b, " %s", degrees[(two - 1) / 12][(two - 1) % 12]);
	}
	snprintf(ret, size, "%s", b.failed ? "" : buf_str(&b));
	buf_release(&b);
}

static int has_chord(const struct bar *cycle, int n, uint8_t code)
{
	for (int i = 0; i < n; i++)
		if (cycle[i].half[0] == code || cycle[i].half[1] == code)
			return 1;
	return 0;
}

/* The row of chords that sections of a label go through; "" if none is heard. */
static void find_row(const struct heard *s, const struct bars *all, const char *label, char *ret, size_t size)
{
	struct bar bars[BARS_MAX], cycle[CYCLE_MAX], best[CYCLE_MAX];
	int place[BARS_MAX], n = bars_of_label(s, all, label, bars, place), length = 0;
	double most = -1;
	static const int lengths[] = { 1, 2, 4, 8, 12, 16 };
	for (size_t k = 0; k < sizeof lengths / sizeof *lengths && lengths[k] <= n; k++) {
		double share = fit_cycle(bars, place, n, lengths[k], cycle) - CYCLE_COST * lengths[k];
		share -= has_chord(cycle, lengths[k], tonic_code(&s->harmony)) ? 0 : NO_TONIC_COST;
		if (share > most) {
			most = share;
			length = lengths[k];
			memcpy(best, cycle, sizeof best);
		}
	}
	*ret = 0;
	for (int i = 0; i < length; i++)
		if (!best[i].half[0] || !best[i].half[1])
			return;
	write_row(best, length, ret, size);
}

/* Verses are what takes most of the time, choruses what is fullest of the rest. */
static void find_rows(const struct heard *s, struct style_reference *ret)
{
	double time[EAR_SECTIONS] = { 0 }, level[EAR_SECTIONS] = { 0 };
	int first[EAR_SECTIONS], n = s->form.n_sections, verse = -1, chorus = -1;
	struct bars *all = malloc(sizeof *all);
	if (!all)
		return;
	find_bars(s, all);
	for (int i = 0; i < n; i++) {
		const struct heard_section *sec = &s->form.section[i];
		double length = (double)sec->end_s - (double)sec->start_s;
		for (first[i] = 0; strcmp(s->form.section[first[i]].label, sec->label);)
			first[i]++;
		time[first[i]] += length;
		level[first[i]] += length * (double)sec->level;
	}
	for (int i = 0; i < n; i++) {
		int counts = first[i] == i && time[i] > 0.12 * s->duration_s;
		if (counts && (chorus < 0 || level[i] / time[i] > level[chorus] / time[chorus]))
			chorus = i;
	}
	for (int i = 0; i < n; i++)
		if (first[i] == i && i != chorus && (verse < 0 || time[i] > time[verse]) && time[i] > 0.12 * s->duration_s)
			verse = i;
	if (verse >= 0)
		find_row(s, all, s->form.section[verse].label, ret->chords[REFERENCE_VERSE], sizeof ret->chords[0]);
	if (chorus >= 0 && verse >= 0)
		find_row(s, all, s->form.section[chorus].label, ret->chords[REFERENCE_CHORUS], sizeof ret->chords[0]);
	if (!*ret->chords[REFERENCE_VERSE] || !*ret->chords[REFERENCE_CHORUS]) {
		find_row(s, all, NULL, ret->chords[REFERENCE_VERSE], sizeof ret->chords[0]);
		memcpy(ret->chords[REFERENCE_CHORUS], ret->chords[REFERENCE_VERSE], sizeof ret->chords[0]);
	}
	free(all);
}

/* ---- the rest ---- */

static void take_rhythm(const struct heard_rhythm *r, struct style_reference *ret)
{
	if (!(r->tempo_bpm > 0))
		return;
	ret->tempo_bpm = round(r->tempo_bpm * 100) / 100;
	if (r->meter_num && r->meter_confidence >= SURE_METER) {
		ret->meter_num = r->meter_num;
		ret->meter_den = r->meter_den;
	}
	if (r->drums > 0) {
		ret->has_swing = 1;
		ret->swing = r->swing > SURE_SWING ? fminf(r->swing, 0.33f) : 0;
		ret->swing_unit = r->swing_unit;
	}
	ret->n_steps = r->n_steps <= REFERENCE_STEPS ? r->n_steps : 0;
	memcpy(ret->pattern[REFERENCE_KICK], r->kick, sizeof ret->pattern[0]);
	memcpy(ret->pattern[REFERENCE_SNARE], r->snare, sizeof ret->pattern[0]);
	memcpy(ret->pattern[REFERENCE_HAT], r->hat, sizeof ret->pattern[0]);
}

static void take_sound(const struct heard_timbre *t, struct style_reference *ret)
{
	if (t->n_vector == 0)
		return;
	float most = -200;
	for (int b = 0; b < REFERENCE_BANDS; b++)
		most = fmaxf(most, t->spectrum_db[b]);
	ret->has_spectrum = 1;
	for (int b = 0; b < REFERENCE_BANDS; b++)
		ret->spectrum_db[b] = fmaxf(t->spectrum_db[b], most + QUIET_SPECTRUM_DB);
	static const char *const present[HEARD_PARTS] = { [HEARD_STRINGS] = "strings", [HEARD_SYNTH] = "synth pad" };
	struct buf words = buf_init(sizeof ret->words - 1);
	if (t->part[HEARD_DRUMS] < NOT_HEARD)
		buf_adds(&words, "no drums");
	for (int i = 0; i < HEARD_PARTS; i++)
		if (present[i] && t->part[i] > HEARD_AT_ALL)
			buf_addf(&words, "%s%s", words.len ? ", " : "", present[i]);
	snprintf(ret->words, sizeof ret->words, "%s", buf_str(&words));
	buf_release(&words);
}

static void take_singer(const struct heard *v, struct style_reference *ret)
{
	const struct heard_singer *s = &v->singer;
	if (!(s->singing > 0))
		return;
	for (int i = 0; i < v->n_voices && i < REFERENCE_VOICES; i++)
		snprintf(ret->voice[i], sizeof ret->voice[i], "%s", v->voice[i].name);
	const struct heard_near *ours = &v->voice[0];
	if (v->n_voices && ours->formant_scale > 0 && s->formant_scale > 0) {
		/* Half of the way: what is heard of a voice in a mix is not that sure, and a voice keeps its nature. */
		float ratio = sqrtf(s->formant_scale / ours->formant_scale);
		ret->formant_scale = fabsf(ratio - 1) > SAME_FORMANTS ? ratio : 0;
		ret->voice_bright_db = (s->brightness_db - ours->brightness_db) / 2;
	}
	if (v->n_voices && ours->breath_db < 0)
		ret->voice_breath_db = s->breath_confidence * (s->breath_db - ours->breath_db);
	if (s->vibrato_hz > 0)
		ret->vibrato_hz = s->vibrato_hz;
	ret->vibrato_cents = s->vibrato_cents > 0 ? s->vibrato_cents : -1;
}

void reference_of(const struct heard *song, const struct heard *voice, struct style_reference *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->tonic_pc = -1;
	ret->vibrato_cents = -1;
	if (song) {
		for (int i = 0; i < song->n_styles && i < REFERENCE_STYLES; i++) {
			snprintf(ret->style[i].name, sizeof ret->style[i].name, "%s", song->style[i].name);
			ret->style[i].distance = song->style[i].distance;
		}
		take_rhythm(&song->rhythm, ret);
		take_sound(&song->timbre, ret);
		if (song->harmony.tonic_pc >= 0) {
			ret->tonic_pc = song->harmony.tonic_pc;
			ret->minor = song->harmony.minor;
			find_rows(song, ret);
		}
	}
	if (voice)
		take_singer(voice, ret);
}
