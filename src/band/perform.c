/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What players do to written notes.
 *
 * A player's timing wanders slowly and the wandering is long-ranged: its spectrum falls like 1/f (Hennig et al. 2011, "The Nature
 * and Perception of Fluctuations in Human Musical Rhythms", PLoS ONE 6(10)). So most of the spread that a style asks for is a drift,
 * drawn once for an eighth note of the song and shared by all that sounds then, and the smaller part is each note's own.
 * A note's own part depends on its place and pitch only: a changed bar leaves the others as they were played before. */
#include "band/band.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "style/swing.h"

#define DRIFT_STEP (TICKS_PER_QUARTER / 2)
#define DRIFT_ROWS 6 /* the slowest row changes every 32 eighth notes: four bars */
#define MIN_LENGTH_S 0.03
#define REPEAT_GAP_S 0.004 /* between a note and the next on the same key */
#define SAME_ONSET_S 0.01  /* nearer than this, two onsets on one key are one */

struct manner {
	double timing_s, push_s, strum_s, gate;
	float velocity_spread;
	struct swing swing;
};

/* Used for parts that the prompt added, and where a style leaves the gate at 0. Drummers keep time best, pads least
 * need to. */
static const struct { double timing_ms, push_ms, strum_ms, gate; float velocity_spread; } usual[PART_ROLES] = {
	[ROLE_DRUMS] = { 5, 0, 0, 1, 5 },    [ROLE_PERCUSSION] = { 7, 0, 0, 1, 7 }, [ROLE_BASS] = { 7, 2, 0, 0.92, 5 },
	[ROLE_COMP] = { 9, 3, 20, 0.95, 6 }, [ROLE_PAD] = { 14, 0, 0, 1, 4 },       [ROLE_LEAD] = { 10, 4, 20, 0.95, 6 },
	[ROLE_COUNTER] = { 11, 3, 20, 0.95, 6 },
};

static struct manner manner_of(const struct score *s, const struct brief *b, const struct score_part *p)
{
	struct manner m = {
		.timing_s = usual[p->role].timing_ms / 1000, .push_s = usual[p->role].push_ms / 1000,
		.strum_s = usual[p->role].strum_ms / 1000, .gate = usual[p->role].gate,
		.velocity_spread = usual[p->role].velocity_spread, .swing = style_swing(b ? b->style : NULL, s->meter_num, s->meter_den),
	};
	if (!b || !b->style)
		return m;
	const struct style *style = b->style;
	if (p->style_part >= 0 && (unsigned)p->style_part < style->n_parts) {
		const struct style_part *sp = &style->parts[p->style_part];
		m.timing_s = (double)sp->timing_ms / 1000;
		m.push_s = (double)sp->push_ms / 1000;
		m.strum_s = (double)sp->strum_ms / 1000;
		m.velocity_spread = sp->velocity_spread;
		if (sp->gate > 0)
			m.gate = (double)sp->gate;
	}
	return m;
}

/* 1/f noise after Voss and McCartney: rows of random numbers, row k renewed every 2^k steps, summed; variance 1. NULL: no memory. */
static float *make_drift(struct rng *r, int n)
{
	float *drift = malloc((size_t)n * sizeof *drift);
	if (!drift)
		return NULL;
	float rows[DRIFT_ROWS];
	for (int i = 0; i < n; i++) {
		float sum = 0;
		for (int k = 0; k < DRIFT_ROWS; k++) {
			if (i % (1 << k) == 0)
				rows[k] = rng_gauss(r);
			sum += rows[k];
		}
		drift[i] = sum / sqrtf(DRIFT_ROWS);
	}
	return drift;
}

static double drift_at(const float *drift, int tick)
{
	int i = tick / DRIFT_STEP;
	double f = (double)(tick % DRIFT_STEP) / DRIFT_STEP;
	return (1 - f) * (double)drift[i] + f * (double)drift[i + 1];
}

static int is_drum_role(enum part_role r)
{
	return r == ROLE_DRUMS || r == ROLE_PERCUSSION;
}

/* How far a chord's note comes after its chord, in seconds: the strings of a strum in order, a little before the beat at
 * first, as a hand aims at its middle; fingers on keys nearly together. */
static double strum_delay(const struct manner *m, const struct note *n, int strings, double written_s, struct rng *own, struct rng *chord)
{
	if (n->art != ART_STRUM_DOWN && n->art != ART_STRUM_UP)
		return strings > 1 ? 0.0015 * (double)rng_gauss(own) : 0;
	double spread = m->strum_s * (1 + 0.12 * (double)rng_gauss(chord));
	if (n->art == ART_STRUM_UP)
		spread *= 0.75; /* upstrokes are quicker */
	if (spread > written_s * 0.5)
		spread = written_s * 0.5;
	if (strings < 2)
		return 0;
	double place = (double)(n->voice < strings ? n->voice : strings - 1) / (strings - 1);
	if (n->art == ART_STRUM_UP)
		place = 1 - place;
	return spread * (place - 0.35);
}

/* Loudness: the written velocity, the player's wandering, each note's own spread, a little of the metre, and in a strum the
 * strings that the hand meets last more softly. */
static uint8_t touch(const struct manner *m, const struct note *n, int strings, int drums, double drift, struct rng *own)
{
	float v = n->velocity + m->velocity_spread * (0.5f * (float)drift + 0.85f * rng_gauss(own));
	if (n->start % (TICKS_PER_QUARTER / 2))
		v -= drums ? 3 : 4;
	else if (n->start % TICKS_PER_QUARTER)
		v -= 2;
	if (strings > 1 && (n->art == ART_STRUM_DOWN || n->art == ART_STRUM_UP)) {
		float place = (float)(n->voice < strings ? n->voice : strings - 1) / (float)(strings - 1);
		v *= n->art == ART_STRUM_UP ? 0.88f + 0.12f * place : 1 - 0.1f * place;
	}
	return (uint8_t)(v < 1 ? 1 : v > 127 ? 127 : lrintf(v));
}

/* When the key is let go. */
static double release_s(const struct manner *m, const struct score *s, const struct score_part *p, const struct note *n, double on_s)
{
	double end = score_seconds(s, swing_tick(m->swing, n->start + n->dur));
	double length = end - score_seconds(s, swing_tick(m->swing, n->start));
	switch (n->art) {
	case ART_STACCATO: length *= 0.45 * fmin(m->gate, 1); break;
	case ART_MUTED: length = fmin(length, 0.07); break;
	case ART_LEGATO: length = length * fmax(m->gate, 1) + 0.02; break;
	default: length *= m->gate;
	}
	/* The fingers of a pad leave the old chord when the new one sounds. */
	if (p->role == ROLE_PAD && n->art == ART_NORMAL && m->gate >= 0.95)
		length += 0.04;
	return on_s + fmax(length, MIN_LENGTH_S);
}

static int by_onset(const void *pa, const void *pb)
{
	const struct played_note *a = pa, *b = pb;
	if (a->on_s != b->on_s)
		return a->on_s < b->on_s ? -1 : 1;
	if (a->midi != b->midi)
		return a->midi - b->midi;
	return b->velocity - a->velocity;
}

/* A key sounds once at a time: a note ends before the next on its key; of two that would begin together, the first in
 * order stays. Returns how many are left. */
static int part_same_keys(struct played_note *notes, int n)
{
	int last[128], kept = 0;
	for (int i = 0; i < 128; i++)
		last[i] = -1;
	for (int i = 0; i < n; i++) {
		struct played_note *prev = last[notes[i].midi] >= 0 ? &notes[last[notes[i].midi]] : NULL;
		if (prev && notes[i].on_s < prev->on_s + SAME_ONSET_S) {
			if (notes[i].off_s > prev->off_s)
				prev->off_s = notes[i].off_s;
			continue;
		}
		if (prev && prev->off_s > notes[i].on_s - REPEAT_GAP_S)
			prev->off_s = notes[i].on_s - REPEAT_GAP_S;
		notes[kept] = notes[i];
		last[notes[i].midi] = kept++;
	}
	return kept;
}

/* How many notes begin with note i, of which it is one: [i, *ret_end). */
static int chord_end(const struct score_part *p, int i)
{
	int j = i + 1;
	while (j < p->n_notes && p->notes[j].start == p->notes[i].start)
		j++;
	return j;
}

static void play_chord(const struct score *s, const struct score_part *p, const struct manner *m, const float *drift, int first, int end,
                       struct played_note *out)
{
	int start = p->notes[first].start, drums = is_drum_role(p->role);
	struct rng chord = rng_stream(s->seed, p->name, (uint64_t)start << 8 | 0x80);
	double wander = drift_at(drift, start);
	double beat = score_seconds(s, swing_tick(m->swing, start)) + m->push_s;
	/* 0.8^2 + 0.6^2 = 1: the spread that the style names, mostly drift. */
	beat += m->timing_s * (0.8 * wander + (drums ? 0.3 : 0.6) * (double)rng_gauss(&chord));
	for (int i = first; i < end; i++) {
		const struct note *n = &p->notes[i];
		struct rng own = rng_stream(s->seed, p->name, (uint64_t)start << 8 | n->midi);
		double written_s = n->dur * 60.0 / (s->tempo_bpm * TICKS_PER_QUARTER);
		double on = beat + strum_delay(m, n, end - first, written_s, &own, &chord);
		if (drums) /* hands and feet: the big beats closest together */
			on += m->timing_s * (n->midi == 36 || n->midi == 35 || n->midi == 38 ? 0.25 : 0.5) * (double)rng_gauss(&own);
		if (on < 0)
			on = 0;
		out[i] = (struct played_note){ .on_s = on, .off_s = release_s(m, s, p, n, on), .midi = n->midi & 127,
			                       .velocity = touch(m, n, end - first, drums, wander, &own) };
	}
}

int band_perform(const struct score *s, const struct brief *b, int part, struct played_note **ret_notes, int *ret_n, struct madrigal_error *err)
{
	const struct score_part *p = &s->parts[part];
	struct manner m = manner_of(s, b, p);
	int last = 0;
	for (int i = 0; i < p->n_notes; i++)
		if (p->notes[i].start > last)
			last = p->notes[i].start;
	struct rng r = rng_stream(s->seed, p->name, UINT64_MAX);
	float *drift = make_drift(&r, last / DRIFT_STEP + 2);
	struct played_note *notes = calloc((size_t)p->n_notes + 1, sizeof *notes);
	if (!drift || !notes) {
		free(drift);
		free(notes);
		return err_nomem(err);
	}
	for (int i = 0; i < p->n_notes;) {
		int end = chord_end(p, i);
		play_chord(s, p, &m, drift, i, end, notes);
		i = end;
	}
	free(drift);
	qsort(notes, (size_t)p->n_notes, sizeof *notes, by_onset);
	*ret_n = part_same_keys(notes, p->n_notes);
	*ret_notes = notes;
	return 0;
}
