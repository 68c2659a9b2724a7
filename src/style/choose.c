/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which style a prompt calls for, and which second one flavours it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "style/resolve.h"

#define SAME_GENRE 0.75f /* a genre that means the chosen style this much is no second one */
#define FOREIGN_TEMPO 0.3 /* by this share of its distance a style is farther from a reference for each octave that lies between its tempos and the reference's */
#define FOREIGN_METER 0.3 /* likewise, if it is not played in that meter */

/* The tempo that the request or the prompt gives as a figure; 0: neither does. */
static double told_bpm(const struct resolver *r)
{
	return r->req->tempo_bpm != 0 ? r->req->tempo_bpm : r->w->bpm;
}

/* How many times too slow or too fast a tempo is for a style; 1: it is neither. */
static double outside_of(const struct style *s, double bpm)
{
	return bpm < (double)s->tempo.min ? (double)s->tempo.min / bpm : bpm > (double)s->tempo.max ? bpm / (double)s->tempo.max : 1;
}

struct meter_name { char text[24]; }; /* "3/4"; "": none */

static struct meter_name meter_name(int num, int den)
{
	struct meter_name name = { "" };
	if (num)
		snprintf(name.text, sizeof name.text, "%d/%d", num, den);
	return name;
}

/* The meter that the request or the prompt gives. What is no meter is played by no style, and refused when the style is known. */
static struct meter_name told_meter(const struct resolver *r)
{
	struct meter_name name = meter_name(r->w->num, r->w->den);
	if (r->req->time_signature)
		snprintf(name.text, sizeof name.text, "%s", r->req->time_signature);
	return name;
}

static int plays_in(const struct style *s, const struct meter_name *meter)
{
	for (unsigned i = 0; i < s->n_meters; i++)
		if (!strcmp(s->meters[i], meter->text))
			return 1;
	return 0;
}

/* How well a style suits the wishes: what genres it was called by, then its mood, tempo and meter. */
static float suits(const struct resolver *r, int index)
{
	const struct style *s = r->set->styles[index];
	const struct wishes *w = r->w;
	float score = w->votes[index];
	if (w->energy != 0 || w->valence != 0) {
		/* Where no genre sets the scale, the mood alone says where the song sits. */
		float energy = clamp(1.4f * w->energy, -1, 1), valence = clamp(1.4f * w->valence, -1, 1);
		score -= 0.35f * hypotf(s->energy - energy, s->valence - valence);
	}
	double bpm = told_bpm(r);
	float trust = 1;
	if (bpm == 0)
		bpm = (w->bpm_low + w->bpm_high) / 2.0;
	if (bpm == 0 && w->has_tempo) { /* "slow" and "fast" as most people mean them */
		bpm = 105 + 45 * (double)w->tempo;
		trust = 0.8f;
	}
	if (bpm > 0)
		score -= trust * (float)fmin(0.4, 1.2 * (outside_of(s, bpm) - 1));
	struct meter_name meter = told_meter(r);
	if (plays_in(s, &meter))
		score += 0.2f;
	return score;
}

static int best_style(const struct resolver *r, float *scratch)
{
	/* With a genre named the seed only breaks ties; with nothing to go by it draws among those of the lexicon's "anything". */
	const struct wishes *w = r->w;
	int hints = w->n_wanted || w->energy != 0 || w->valence != 0 || w->n_mentions, chosen = 0;
	float spread = w->n_wanted ? 0.02f : hints ? 0.1f : 1.0f, best = 0;
	struct rng rng = rng_stream(r->req->seed, "style/choice", 0);
	memset(scratch, 0, (size_t)r->set->n * sizeof *scratch);
	if (!w->n_wanted)
		genre_weigh(r->v, "anything", hints ? 0.15f : 0.8f, 1, scratch);
	for (int i = 0; i < r->set->n; i++) {
		float score = suits(r, i) + scratch[i] + spread * rng_unit(&rng);
		if (i == 0 || score > best) {
			best = score;
			chosen = i;
		}
	}
	return chosen;
}

/* The genre that flavours the chosen style: one said as a colour before others, else the second half of a fixed name ("folk punk"), else the
 * next genre in a row. */
static int second_style(struct resolver *r, int chosen, float *scratch)
{
	const struct wishes *w = r->w;
	for (int pass = 0; pass < 3; pass++)
		for (int i = 0; i < w->n_genres; i++) {
			const struct genre_said *g = &w->genres[i];
			const struct term *t = g->term;
			if (g->weight <= 0 || (pass == 0 && !g->colour) || (pass == 2 && ((t && t->weight < 1) || r->req->style)))
				continue;
			int style = genre_style(r->v, g->phrase, scratch), same = style >= 0 && scratch[chosen] >= SAME_GENRE * scratch[style];
			const char *word = g->phrase;
			if (pass == 1 && same && t && t->n_with) { /* whichever half the chosen style isn't */
				word = t->with[0];
				style = genre_style(r->v, word, scratch);
				if (style == chosen && t->n_like) {
					word = t->like[0];
					style = genre_style(r->v, word, scratch);
				}
			} else if (pass == 1 || same) {
				continue;
			}
			if (style >= 0 && style != chosen) {
				r->second = g;
				r->second_word = word;
				return style;
			}
		}
	return -1;
}

static int index_of(const struct resolver *r, const char *name)
{
	for (int i = 0; i < r->set->n; i++)
		if (!strcmp(r->set->styles[i]->name, name))
			return i;
	return -1;
}

/* The style to play what a reference asks for, or -1: the nearest in sound may be at home at another tempo (a rag sounds like reggae played at half of it), and played so it would be heard
 * at that tempo. */
static int style_of_reference(const struct resolver *r)
{
	const struct style_reference *ref = r->ref;
	double nearest = 0, bpm = told_bpm(r) != 0 ? told_bpm(r) : ref->tempo_bpm;
	struct meter_name told = told_meter(r), meter = *told.text ? told : meter_name(ref->meter_num, ref->meter_den);
	int chosen = -1;
	for (int i = 0; i < REFERENCE_STYLES; i++) {
		int at = index_of(r, ref->style[i].name);
		if (at < 0)
			continue;
		const struct style *s = r->set->styles[at];
		double away = bpm > 0 ? FOREIGN_TEMPO * log2(outside_of(s, bpm)) : 0;
		if (*meter.text && !plays_in(s, &meter))
			away += FOREIGN_METER;
		double distance = (double)ref->style[i].distance * (1 + away);
		if (chosen < 0 || distance < nearest) {
			nearest = distance;
			chosen = at;
		}
	}
	return chosen;
}

int choose_style(struct resolver *r, int *ret_style, int *ret_second, struct madrigal_error *err)
{
	if (r->set->n == 0)
		return err_set(err, MADRIGAL_ESTYLE, "there are no styles");
	float *scratch = malloc((size_t)r->set->n * sizeof *scratch);
	if (!scratch)
		return err_nomem(err);
	int rc = 0, chosen = 0, like = r->ref && !r->w->n_wanted ? style_of_reference(r) : -1;
	if (r->req->style) {
		const struct style *s = NULL;
		rc = style_find(r->set, r->req->style, &s, err);
		while (rc == 0 && r->set->styles[chosen] != s)
			chosen++;
	} else {
		chosen = like >= 0 ? like : best_style(r, scratch);
	}
	if (rc == 0) {
		*ret_second = second_style(r, chosen, scratch);
		*ret_style = chosen;
	}
	free(scratch);
	return rc;
}
