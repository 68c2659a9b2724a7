/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/harmony_internal.h"

#define BASS_WEIGHT 0.5         /* of the bass against what sounds above it */
#define MODULATE_COST 12.0      /* nats */
#define ENDING_S 0.3f           /* what is shorter at the very end is no chord */
#define LAST_WEIGHT 0.1
#define FIRST_WEIGHT 0.1
#define TIME_WEIGHT 0.3         /* anything from 0 to 0.7 hears our own songs alike */

/* Share of the time that a song spends on each degree's chord, after counts in de Clercq & Temperley 2011, "A corpus analysis of rock harmony", and our own styles. */
static const double shares[2][2][12] = { /* key major, minor; chord major, minor; semitones above the tonic */
	{ { 0.30, 0.003, 0.02, 0.012, 0.02, 0.20, 0.002, 0.17, 0.015, 0.02, 0.05, 0.003 }, { 0.01, 0.002, 0.06, 0.002, 0.04, 0.015, 0.002, 0.012, 0.001, 0.10, 0.002, 0.003 } },
	{ { 0.01, 0.05, 0.004, 0.10, 0.003, 0.03, 0.002, 0.06, 0.14, 0.003, 0.12, 0.002 }, { 0.30, 0.002, 0.015, 0.003, 0.001, 0.10, 0.002, 0.05, 0.002, 0.002, 0.01, 0.001 } },
};

/* How often a degree sounds: Albrecht & Shanahan 2013, "The use of large corpora to train a new type of key-finding algorithm". */
static const double present[2][12] = {
	{ 0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081 },
	{ 0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052 },
};

double key_chord_log(int key, int root_pc, int quality)
{
	return log(shares[key / 12][quality == HEARD_MINOR][(root_pc - key % 12 + 12) % 12] + 0.002);
}

struct profiles { double degree[2][12]; };

/* The counts less their mean, in deviations: what fits a key is then told by correlation (Krumhansl 1990, "Cognitive foundations of musical pitch"), which one wrong note out of an overtone harms less
 * than it does a product of likelihoods. */
static struct profiles profiles_make(void)
{
	struct profiles p;
	for (int minor = 0; minor < 2; minor++) {
		double mean = 0, square = 0;
		for (int k = 0; k < 12; k++)
			mean += present[minor][k] / 12;
		for (int k = 0; k < 12; k++)
			square += (present[minor][k] - mean) * (present[minor][k] - mean) / 12;
		for (int k = 0; k < 12; k++)
			p.degree[minor][k] = (present[minor][k] - mean) / sqrt(square);
	}
	return p;
}

/* How well a frame fits a key, as nats a second. */
static double fit(const struct profiles *p, const struct chroma *c, int i, int key)
{
	double sum = 0;
	for (int k = 0; k < 12; k++)
		sum += ((double)c->treble[i][k] + BASS_WEIGHT * (double)c->bass[i][k]) * p->degree[key / 12][(k - key % 12 + 12) % 12];
	return sum;
}

static double length_of(const struct chroma *c, int i)
{
	return (double)(c->edge_s[i + 1] - c->edge_s[i]);
}

int key_follow(const struct chroma *c, int8_t *ret, struct madrigal_error *err)
{
	int8_t (*from)[KEYS] = malloc((size_t)(c->n ? c->n : 1) * sizeof *from);
	if (!from)
		return err_nomem(err);
	struct profiles p = profiles_make();
	double score[KEYS] = { 0 };
	for (int i = 0; i < c->n; i++) {
		int best = 0;
		for (int k = 1; k < KEYS; k++)
			if (score[k] > score[best])
				best = k;
		double top = score[best];
		for (int k = 0; k < KEYS; k++) {
			int stay = score[k] >= top - MODULATE_COST;
			from[i][k] = (int8_t)(stay ? k : best);
			score[k] = (stay ? score[k] : top - MODULATE_COST) - top + length_of(c, i) * fit(&p, c, i, k);
		}
	}
	int k = 0;
	for (int j = 1; j < KEYS; j++)
		if (score[j] > score[k])
			k = j;
	for (int i = c->n - 1; i >= 0; i--) {
		ret[i] = (int8_t)k;
		k = from[i][k];
	}
	free(from);
	return 0;
}

static int relative_of(int key)
{
	return key < 12 ? (key + 9) % 12 + 12 : (key + 3) % 12;
}

/* 1: the chord of a frame is the tonic of the key it stands in, that or its relative, whichever has the mode asked for; -1: of the other of the two; 0: neither. (After a change of key the song still has one mode.) */
static int rests_on(int state, int in, int minor)
{
	struct heard_chord named = chord_named(state, in);
	int key = (in >= 12) == minor ? in : relative_of(in), other = relative_of(key);
	if (named.quality == HEARD_NONE)
		return 0;
	if (named.root_pc == key % 12)
		return (named.quality == HEARD_MINOR) == (key >= 12);
	return named.root_pc == other % 12 && (named.quality == HEARD_MINOR) == (other >= 12) ? -1 : 0;
}

/* By how much more of the time the chord of a key's tonic sounds than its relative's, -1 .. 1. */
static double dwells(const struct chroma *c, const uint8_t *chord, const int8_t *key, int minor)
{
	double more = 0, all = 0;
	for (int i = 0; i < c->n; i++) {
		if (chord[i] >= KIND_NOTE * 12)
			continue;
		more += length_of(c, i) * rests_on(chord[i], key[i], minor);
		all += length_of(c, i);
	}
	return all > 0 ? more / all : 0;
}

/* A key and its relative have the same notes and chords; where a song comes to rest, and where it sets out from, tells its home (Temperley 2007, "Music and Probability", ch. 6: tonics lie at the ends), and
 * so does where it stays (de Clercq and Temperley 2011: on the tonic longest). In log likelihood a second. */
static double home_of(const struct chroma *c, const uint8_t *chord, const int8_t *key, int minor)
{
	int last = c->n - 1, first = 0;
	while (last > 0 && (chord[last] >= KIND_NOTE * 12 || c->edge_s[c->n] - c->edge_s[last] < ENDING_S))
		last--;
	while (first < last && chord[first] >= KIND_NOTE * 12)
		first++;
	double ends = c->n ? LAST_WEIGHT * rests_on(chord[last], key[last], minor) + FIRST_WEIGHT * rests_on(chord[first], key[first], minor) : 0;
	return ends + TIME_WEIGHT * dwells(c, chord, key, minor);
}

int key_of_song(const struct chroma *c, const uint8_t *chord, const int8_t *key, double *ret_confidence)
{
	struct profiles p = profiles_make();
	double time[KEYS] = { 0 }, score[KEYS] = { 0 };
	int best = -1;
	*ret_confidence = 0;
	for (int i = 0; i < c->n; i++)
		if (chord[i] < KIND_NOTE * 12)
			time[key[i]] += length_of(c, i);
	for (int k = 0; k < KEYS; k++)
		if (time[k] > 0 && (best < 0 || time[k] > time[best]))
			best = k;
	if (best < 0)
		return -1;
	for (int i = 0; i < c->n; i++)
		for (int k = 0; k < KEYS && key[i] == best && chord[i] < KIND_NOTE * 12; k++)
			score[k] += length_of(c, i) * fit(&p, c, i, k);
	int relative = relative_of(best);
	double next = -DBL_MAX;
	for (int k = 0; k < KEYS; k++)
		if (k != best && k != relative)
			next = fmax(next, score[k]);
	*ret_confidence = fmax(0, fmin(1, (score[best] - next) / time[best]));
	return (score[best] - score[relative]) / time[best] + home_of(c, chord, key, best >= 12) < 0 ? relative : best;
}
