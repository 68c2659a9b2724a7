/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/harmony_internal.h"

#define ELSEWHERE 0.025         /* share of a pitch class that isn't in the chord */
#define ELSEWHERE_BASS 0.03
/* Weights and costs are in nats; the weights hold for a quarter of a second. Found on songs whose chords are known. */
#define TREBLE_WEIGHT 2.5
#define BASS_WEIGHT 1.0
#define NOTHING_COST 2.0        /* that no chord sounds, every quarter of a second, and ... */
#define NOTHING_PRIOR -10       /* ... to begin with */
#define CHANGE_COST 3.5f
#define KEY_WEIGHT 0.7f
#define KEY_USUAL 3             /* a chord that's neither usual nor rare in its key: e^-3 of the time */

/* Semitones above the root and how much of the sound each makes: above the bass, in the bass. */
struct tone { int at; double treble, bass; };
static const struct { int n; double prior; struct tone tone[4]; } kinds[KINDS] = {
	[KIND_MAJOR] = { 3, 0, { { 0, 1, 1 }, { 4, 1, 0.15 }, { 7, 1, 0.3 } } },
	[KIND_MINOR] = { 3, 0, { { 0, 1, 1 }, { 3, 1, 0.15 }, { 7, 1, 0.3 } } },
	[KIND_SEVENTH] = { 4, -0.7, { { 0, 1, 1 }, { 4, 1, 0.15 }, { 7, 0.8, 0.3 }, { 10, 0.8, 0.1 } } },
	[KIND_MAJOR7] = { 4, -0.7, { { 0, 0.9, 1 }, { 4, 1, 0.15 }, { 7, 1, 0.3 }, { 11, 0.8, 0.1 } } },
	[KIND_MINOR7] = { 4, -0.7, { { 0, 0.9, 1 }, { 3, 1, 0.15 }, { 7, 1, 0.3 }, { 10, 0.8, 0.1 } } },
	[KIND_HALF_DIM] = { 4, -2, { { 0, 1, 1 }, { 3, 1, 0.15 }, { 6, 1, 0.3 }, { 10, 1, 0.1 } } },
	[KIND_DIM7] = { 4, -2, { { 0, 1, 1 }, { 3, 1, 0.15 }, { 6, 1, 0.3 }, { 9, 1, 0.1 } } },
	[KIND_SUS4] = { 3, -1.5, { { 0, 1, 1 }, { 5, 1, 0.1 }, { 7, 1, 0.3 } } },
	[KIND_SUS2] = { 3, -1.5, { { 0, 1, 1 }, { 2, 1, 0.1 }, { 7, 1, 0.3 } } },
	[KIND_POWER] = { 2, -1.5, { { 0, 1.2, 1 }, { 7, 1, 0.3 } } },
	[KIND_NOTE] = { 1, -4, { { 0, 1, 1 } } },
};

struct emission { float treble[CHORD_STATES][12], bass[CHORD_STATES][12]; float prior[CHORD_STATES]; };

static void make_emission(struct emission *e)
{
	for (int k = 0; k < KINDS; k++)
		for (int r = 0; r < 12; r++) {
			double treble[12] = { 0 }, bass[12] = { 0 }, st = 0, sb = 0;
			for (int i = 0; i < kinds[k].n; i++) {
				const struct tone *t = &kinds[k].tone[i];
				treble[(r + t->at) % 12] = t->treble;
				bass[(r + t->at) % 12] = t->bass;
				st += t->treble;
				sb += t->bass;
			}
			for (int i = 0; i < 12; i++) {
				e->treble[k * 12 + r][i] = (float)log((1 - 12 * ELSEWHERE) * treble[i] / st + ELSEWHERE);
				e->bass[k * 12 + r][i] = (float)log((1 - 12 * ELSEWHERE_BASS) * bass[i] / sb + ELSEWHERE_BASS);
			}
			e->prior[k * 12 + r] = (float)kinds[k].prior;
		}
	for (int i = 0; i < 12; i++)
		e->treble[CHORD_NOTHING][i] = e->bass[CHORD_NOTHING][i] = (float)log(1.0 / 12);
	e->prior[CHORD_NOTHING] = NOTHING_PRIOR;
}

struct heard_chord chord_named(int state, int key)
{
	struct heard_chord none = { .root_pc = -1, .quality = HEARD_NONE };
	if (state < 0 || state >= KIND_NOTE * 12)
		return none;
	int kind = state / 12, root = state % 12;
	int minor = kind == KIND_MINOR || kind == KIND_MINOR7 || kind == KIND_HALF_DIM || kind == KIND_DIM7;
	if ((kind == KIND_POWER || kind == KIND_SUS4 || kind == KIND_SUS2) && key >= 0)
		minor = key_chord_log(key, root, HEARD_MINOR) > key_chord_log(key, root, HEARD_MAJOR);
	return (struct heard_chord){ .root_pc = (int8_t)root, .quality = minor ? HEARD_MINOR : HEARD_MAJOR };
}

/* How well frame i of c sounds like each state, log. */
static void frame_logs(const struct emission *e, const struct chroma *c, int i, float ret[CHORD_STATES])
{
	double length = (double)(c->edge_s[i + 1] - c->edge_s[i]) / 0.25;
	float wt = (float)(TREBLE_WEIGHT * length), wb = (float)(BASS_WEIGHT * length);
	float any = 0;
	for (int k = 0; k < 12; k++)
		any += c->treble[i][k] + c->bass[i][k];
	for (int s = 0; s < CHORD_STATES; s++) {
		float t = 0, b = 0;
		for (int k = 0; k < 12; k++) {
			t += c->treble[i][k] * e->treble[s][k];
			b += c->bass[i][k] * e->bass[s][k];
		}
		ret[s] = any > 0 ? wt * t + wb * b - (s == CHORD_NOTHING ? (float)(NOTHING_COST * length) : 0) : s == CHORD_NOTHING ? 0 : -20;
	}
}

int chords_decode(const struct chroma *c, const int8_t *key, const float *ease, uint8_t *ret, struct madrigal_error *err)
{
	struct emission *e = malloc(sizeof *e);
	uint8_t *from = malloc((size_t)(c->n ? c->n : 1) * CHORD_STATES);
	if (!e || !from) {
		free(e);
		free(from);
		return err_nomem(err);
	}
	make_emission(e);
	float score[CHORD_STATES] = { 0 }, logs[CHORD_STATES];
	for (int i = 0; i < c->n; i++) {
		frame_logs(e, c, i, logs);
		int best = 0;
		for (int s = 1; s < CHORD_STATES; s++)
			if (score[s] > score[best])
				best = s;
		float top = score[best];
		for (int s = 0; s < CHORD_STATES; s++) {
			float enter = top - CHANGE_COST - (i ? ease[i] : 0) + e->prior[s];
			struct heard_chord named = chord_named(s, key ? key[i] : -1);
			if (key && named.quality != HEARD_NONE)
				enter += KEY_WEIGHT * (float)(key_chord_log(key[i], named.root_pc, named.quality) + KEY_USUAL);
			int stay = i && score[s] >= enter;
			from[(size_t)i * CHORD_STATES + (size_t)s] = (uint8_t)(stay ? s : best);
			logs[s] += stay ? score[s] : enter;
		}
		memcpy(score, logs, sizeof score);
		for (int s = 0; s < CHORD_STATES; s++)
			score[s] -= top;
	}
	int s = 0;
	for (int k = 1; k < CHORD_STATES; k++)
		if (score[k] > score[s])
			s = k;
	for (int i = c->n - 1; i >= 0; i--) {
		ret[i] = (uint8_t)s;
		s = from[(size_t)i * CHORD_STATES + (size_t)s];
	}
	free(e);
	free(from);
	return 0;
}
