/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/tune.h"

#include <math.h>

#include "base/rng.h"

#define TWO_PI 6.283185307179586
#define PHRASE_REST_S 0.2   /* a rest this long begins a phrase: no glide over it, a scoop after it */
#define LONG_NOTE_S 0.55
#define DRIFT_WAVES 5
#define DYNAMIC_DB 14.0     /* from dynamic 0 to 1 */

/* What chance decides about a note, drawn once. */
struct touch {
	double vibrato_hz, vibrato_cents, vibrato_phase;
	double scoop_cents;
	double glide_s;
	int starts_phrase, ends_phrase;
};

struct drift {
	double hz[DRIFT_WAVES], phase[DRIFT_WAVES], cents[DRIFT_WAVES];
};

static double clamp01(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static double smooth(double x) { x = clamp01(x); return x * x * (3 - 2 * x); }

static struct drift draw_drift(const struct sung_line *line, double cents)
{
	struct rng r = rng_stream(line->seed, "voice/drift", 0);
	struct drift d;
	double f = 0.35;
	for (int i = 0; i < DRIFT_WAVES; i++, f *= 1.75) {
		d.hz[i] = f * (0.85 + 0.3 * (double)rng_unit(&r));
		d.phase[i] = TWO_PI * (double)rng_unit(&r);
		d.cents[i] = cents * 0.9 / sqrt(1 + i); /* about `cents` standard deviation in all */
	}
	return d;
}

static double drift_at(const struct drift *d, double t)
{
	double c = 0;
	for (int i = 0; i < DRIFT_WAVES; i++)
		c += d->cents[i] * sin(TWO_PI * d->hz[i] * t + d->phase[i]);
	return c * 0.75;
}

static struct touch draw_touch(const struct sung_line *line, int i, const struct style_singer *m)
{
	const struct sung_note *k = &line->notes[i];
	double length = (double)(k->end_s - k->start_s);
	struct rng r = rng_stream(line->seed, "voice/note", (uint64_t)i);
	struct touch t = { 0 };
	t.vibrato_hz = (double)m->vibrato_hz * (1 + 0.03 * (double)rng_gauss(&r));
	t.vibrato_cents = (double)m->vibrato_cents * (0.9 + 0.2 * (double)rng_unit(&r)) * clamp01((length - (double)m->vibrato_after_s) / 0.6 + 0.2);
	t.vibrato_phase = 0.6 * (double)rng_unit(&r);
	t.starts_phrase = i == 0 || (double)(k->start_s - line->notes[i - 1].end_s) >= PHRASE_REST_S;
	t.ends_phrase = i + 1 == line->n_notes || (double)(line->notes[i + 1].start_s - k->end_s) >= PHRASE_REST_S;
	if (t.starts_phrase || length >= LONG_NOTE_S)
		t.scoop_cents = (double)m->scoop_cents * (0.6 + 0.6 * (double)rng_unit(&r));
	double interval = i ? fabs((double)(k->midi - line->notes[i - 1].midi)) : 0;
	t.glide_s = (double)m->glide_ms * 0.001 * (0.75 + 0.06 * (interval > 9 ? 9 : interval)) * (0.9 + 0.2 * (double)rng_unit(&r));
	if (t.glide_s > 0.45 * length)
		t.glide_s = 0.45 * length;
	return t;
}

/* Cents above or below the note, u seconds after its start. */
static double ornament(const struct touch *t, const struct style_singer *m, double u, double length)
{
	double c = 0, after = (double)m->vibrato_after_s;
	if (t->scoop_cents > 0 && u < 0.3)
		c -= t->scoop_cents * exp(-(u < 0 ? 0 : u) / 0.035);
	if (u > after && length > after + 0.2) {
		double v = u - after;
		double depth = t->vibrato_cents * smooth(v / 0.35) * smooth((length - u) / 0.12);
		c += depth * sin(TWO_PI * t->vibrato_hz * (v + 0.01 * v * v) + t->vibrato_phase);
	}
	if (t->ends_phrase && length > 0.3)
		c -= 35 * smooth((u - length + 0.06) / 0.12);
	return c;
}

/* The glide from note i to the next one: half a cosine that begins before the vowel, so that the note is reached just after its start, and a slight
 * overshoot that dies away. */
static double glide_to(const struct sung_line *line, int i, const struct touch *next, double t)
{
	double from = (double)line->notes[i].midi, to = (double)line->notes[i + 1].midi, start = (double)line->notes[i + 1].start_s;
	double lead = line->notes[i].syllable == line->notes[i + 1].syllable ? 0.5 : 0.65;
	double x = next->glide_s > 0.001 ? (t - start) / next->glide_s + lead : (t >= start ? 1 : 0);
	if (x <= 0)
		return from;
	if (x < 1)
		return from + (to - from) * 0.5 * (1 - cos(TWO_PI / 2 * x));
	double u = (x - 1) * next->glide_s;
	double over = 0.05 * (to - from);
	over = over > 0.2 ? 0.2 : over < -0.2 ? -0.2 : over;
	return to + over * sin(TWO_PI * 5.0 * u) * exp(-u / 0.05);
}

void tune_curve(const struct sung_line *line, const struct style_singer *manner, double t0, double step_s, int n, float *hz)
{
	struct drift drift = draw_drift(line, (double)manner->drift_cents);
	struct touch here = draw_touch(line, 0, manner), next = here;
	int k = 0;
	if (line->n_notes > 1)
		next = draw_touch(line, 1, manner);
	for (int i = 0; i < n; i++) {
		double t = t0 + (i + 0.5) * step_s;
		/* The note changes where the glide into the next one begins. */
		while (k + 1 < line->n_notes && t >= (double)line->notes[k + 1].start_s - (next.starts_phrase ? 0.12 : 0.0)) {
			here = next;
			k++;
			if (k + 1 < line->n_notes)
				next = draw_touch(line, k + 1, manner);
		}
		const struct sung_note *note = &line->notes[k];
		double midi = (double)note->midi;
		double start = (double)note->start_s, end = (double)note->end_s;
		if (k + 1 < line->n_notes && !next.starts_phrase && t > start + 0.5 * (end - start))
			midi = glide_to(line, k, &next, t);
		else if (k > 0 && !here.starts_phrase)
			midi = glide_to(line, k - 1, &here, t);
		double cents = ornament(&here, manner, t - start, end - start) + drift_at(&drift, t) + (double)line->detune_cents;
		hz[i] = (float)(440.0 * exp2((midi - 69.0 + cents / 100.0) / 12.0));
	}
}

double tune_dynamic_db(double dynamic)
{
	return DYNAMIC_DB * (dynamic - 0.7);
}

void tune_loudness(const struct sung_line *line, double t0, double step_s, int n, float *gain)
{
	int k = 0;
	double db = tune_dynamic_db((double)line->notes[0].dynamic);
	double keep = exp(-step_s / 0.03);
	for (int i = 0; i < n; i++) {
		double t = t0 + i * step_s;
		while (k + 1 < line->n_notes && t >= (double)line->notes[k + 1].start_s - 0.05)
			k++;
		const struct sung_note *note = &line->notes[k];
		double length = (double)(note->end_s - note->start_s), u = t - (double)note->start_s;
		double want = tune_dynamic_db((double)note->dynamic);
		if (length > LONG_NOTE_S && u > 0)
			want += 1.2 * smooth(u / (0.5 * length)) - 3.0 * smooth((u - 0.6 * length) / (0.4 * length));
		db = want + (db - want) * keep;
		gain[i] = (float)exp2(db / 6.0205999);
	}
}
