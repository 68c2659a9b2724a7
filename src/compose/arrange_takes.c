/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A song after a reference is arranged several times, and the arrangement is kept whose bar is struck most like the reference's: by all who play and sing, not by the drums alone. A band that
 * strikes what the reference strikes is felt at the reference's pace; another may be at home at half or double of it. */
#include <math.h>

#include "compose/arrange.h"

#define TAKES 12
#define LOW_BELOW 48        /* MIDI: the ear's low band ends at 130 Hz */
#define HIGH_FROM 72
#define VOICE_VELOCITY 100.0f

struct struck { float band[REFERENCE_DRUMS][REFERENCE_STEPS]; };

static int band_of_pitch(int midi)
{
	return midi < LOW_BELOW ? REFERENCE_KICK : midi < HIGH_FROM ? REFERENCE_SNARE : REFERENCE_HAT;
}

static void strike(struct struck *k, int band, int tick, int bar, int steps, float velocity)
{
	int step = ((tick + ARRANGE_STEP / 2) % bar) / ARRANGE_STEP;
	if (band >= 0 && tick >= 0 && step < steps)
		k->band[band][step] += velocity;
}

static struct struck strikes_of(const struct score *s)
{
	struct struck k = { 0 };
	int bar = score_bar_ticks(s), steps = bar / ARRANGE_STEP;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		int drums = part_plays_drums(p);
		for (int j = 0; j < p->n_notes; j++)
			strike(&k, drums ? band_of_drum(p->notes[j].midi) : band_of_pitch(p->notes[j].midi), p->notes[j].start, bar, steps, (float)p->notes[j].velocity);
	}
	for (int i = 0; i < s->n_vocal; i++)
		strike(&k, band_of_pitch(s->vocal[i].midi), s->vocal[i].start, bar, steps, VOICE_VELOCITY * s->vocal[i].dynamic);
	return k;
}

/* Correlation of two bars; 0 if either is struck evenly or not at all. */
static float correlation(const float *x, const float *y, int n)
{
	float mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
	for (int i = 0; i < n; i++) {
		mx += x[i] / (float)n;
		my += y[i] / (float)n;
	}
	for (int i = 0; i < n; i++) {
		xx += (x[i] - mx) * (x[i] - mx);
		yy += (y[i] - my) * (y[i] - my);
		xy += (x[i] - mx) * (y[i] - my);
	}
	return xx > 0 && yy > 0 ? xy / sqrtf(xx * yy) : 0;
}

float arrangement_likeness(const struct score *s, const struct style_reference *ref)
{
	struct struck k = strikes_of(s);
	float sum = 0;
	for (int b = 0; b < REFERENCE_DRUMS; b++)
		sum += correlation(k.band[b], ref->pattern[b], ref->n_steps) / REFERENCE_DRUMS;
	return sum;
}

/* Whether anything stands out in the reference's bar: what is struck evenly or not at all, no arrangement is like. */
static int has_pattern(const struct style_reference *ref)
{
	for (int b = 0; b < REFERENCE_DRUMS; b++)
		for (int i = 1; i < ref->n_steps; i++)
			if (ref->pattern[b][i] != ref->pattern[b][0])
				return 1;
	return 0;
}

int arrange_parts(const struct compose_request *req, struct score *s, struct madrigal_error *err)
{
	const struct style_reference *ref = req->brief->reference;
	int rc = arrange_take(req, 0, s, err), best = 0, last = 0;
	if (rc || !ref || ref->n_steps != score_bar_ticks(s) / ARRANGE_STEP || !has_pattern(ref))
		return rc;
	float most = arrangement_likeness(s, ref);
	for (int take = 1; take < TAKES && !rc; take++) {
		rc = arrange_take(req, last = take, s, err);
		float like = rc ? 0 : arrangement_likeness(s, ref);
		if (like > most) {
			most = like;
			best = take;
		}
	}
	return rc || best == last ? rc : arrange_take(req, best, s, err);
}
