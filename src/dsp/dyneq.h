/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A filter whose gain moves: the state variable filter by trapezoidal integration (A. Simper 2013, "Solving the continuous SVF equations using trapezoidal
 * integration"), which stays calm while its coefficients change. A de-esser and a sidechained dip are made of it. */
#ifndef DSP_DYNEQ_H
#define DSP_DYNEQ_H

#include <stddef.h>

#include "dsp/biquad.h"

#define DYNEQ_STEP 16 /* samples for which a gain holds */

enum dyneq_kind { DYNEQ_BELL, DYNEQ_HIGH_SHELF };

struct dyneq {
	enum dyneq_kind kind;
	double g, q;              /* tan(pi hz / rate) */
	double ic1[2], ic2[2];
	double last_db, a1, a2, a3, m0, m1, m2;
};

struct dyneq dyneq_init(double rate, enum dyneq_kind kind, double hz, double q);
/* In place; gain_db has one value for every DYNEQ_STEP samples, (n + DYNEQ_STEP - 1) / DYNEQ_STEP in all; but for the last call n is a multiple of
 * DYNEQ_STEP. right may be NULL. */
void dyneq_process(struct dyneq *d, float *left, float *right, const float *gain_db, size_t n);
void dyneq_reset(struct dyneq *d);

/* A follower: levels in dB (10 log10 of the mean square of DYNEQ_STEP samples), smoothed with attack and release. */
struct follower { double attack, release, db; };
struct follower follower_init(double rate, double attack_ms, double release_ms);
/* Appends (n + DYNEQ_STEP - 1) / DYNEQ_STEP levels of x to out. */
void follower_levels(struct follower *f, const float *x, size_t n, float *out);

struct deesser_config {
	double hz;            /* sibilance lies above: 5000..7000 */
	double threshold_db;  /* of the band above hz; below it nothing happens */
	double ratio;         /* dB over the threshold that become one */
	double max_db;        /* deepest cut */
};
struct deesser {
	struct deesser_config config;
	struct dyneq shelf;
	struct eq high;
	struct follower hiss, all;
};
struct deesser deesser_init(double rate, const struct deesser_config *c);
/* Lowers sibilance in place: when the band above hz is both over its threshold and the larger part of the sound, the shelf above hz is lowered. x: mono. For all calls but
 * the last n is a multiple of DYNEQ_STEP. */
void deesser_process(struct deesser *d, float *x, size_t n);
/* A whole sound. */
void deesser_run(double rate, const struct deesser_config *c, float *x, size_t n);

#endif
