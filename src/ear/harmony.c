/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/harmony_internal.h"

#define OFF_BEAT_COST 3.0f      /* nats */

/* Chords begin on beats, where there are beats. */
static void make_ease(const struct chroma *c, int beats, float *ease)
{
	for (int i = 0; i < c->n; i++)
		ease[i] = beats && !c->on_beat[i] ? OFF_BEAT_COST : 0;
}

static void write_chords(const struct chroma *c, const uint8_t *chord, const int8_t *key, struct heard_harmony *h)
{
	h->n_chords = 0;
	for (int i = 0; i < c->n; i++) {
		struct heard_chord now = chord_named(chord[i], key[i]);
		struct heard_chord *last = h->n_chords ? &h->chord[h->n_chords - 1] : NULL;
		if (!last || ((last->root_pc != now.root_pc || last->quality != now.quality) && h->n_chords < EAR_CHORDS)) {
			now.start_s = c->edge_s[i];
			last = &h->chord[h->n_chords++];
			*last = now;
		}
		last->end_s = c->edge_s[i + 1];
	}
}

static void write_chroma(const struct chroma *c, struct heard_harmony *h)
{
	double sum[12] = { 0 }, all = 0;
	for (int i = 0; i < c->n; i++)
		for (int k = 0; k < 12; k++) {
			double v = (double)c->treble[i][k] * (double)(c->edge_s[i + 1] - c->edge_s[i]);
			sum[k] += v;
			all += v;
		}
	for (int k = 0; k < 12; k++)
		h->chroma[k] = all > 0 ? (float)(sum[k] / all) : 0;
}

static int decode(const struct chroma *c, const struct heard_rhythm *r, uint8_t *chord, int8_t *key, float *ease, struct heard_harmony *h, struct madrigal_error *err)
{
	make_ease(c, r->n_beats > 0, ease);
	int rc = key_follow(c, key, err);
	if (!rc)
		rc = chords_decode(c, key, ease, chord, err);
	if (rc)
		return rc;
	int k = key_of_song(c, chord, key, &h->key_confidence);
	h->tonic_pc = k < 0 ? -1 : k % 12;
	h->minor = k >= 12;
	h->tuning_cents = c->tuning_cents;
	write_chords(c, chord, key, h);
	write_chroma(c, h);
	return 0;
}

int ear_harmony(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *cancel, struct heard_harmony *ret, struct madrigal_error *err)
{
	struct chroma c;
	int rc = chroma_hear(s, r, cancel, &c, err);
	if (rc)
		return rc;
	size_t n = (size_t)c.n + 1;
	uint8_t *chord = malloc(n);
	int8_t *key = malloc(n);
	float *ease = malloc(n * sizeof *ease);
	rc = chord && key && ease ? decode(&c, r, chord, key, ease, ret, err) : err_nomem(err);
	free(chord);
	free(key);
	free(ease);
	chroma_release(&c);
	return rc;
}
