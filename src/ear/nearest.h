/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The styles and singers of ours that are nearest to what was heard. Their own vectors were heard by the same ear, in songs that the engine made (`make ear-tables`), and lie in
 * share_dir/ear/styles.jsonl and voices.jsonl: a line for each song, {"name": ..., and members as heard_write has them}, after a first line {"weights": [...]} by which
 * differences count. A style or singer may have several lines; the nearest counts. */
#ifndef EAR_NEAREST_H
#define EAR_NEAREST_H

#include "ear/ear.h"

struct ear_row {
	char name[32];
	int n; float vector[EAR_TIMBRE];
	float tempo_bpm;
	float formant_scale, brightness_db, breath_db; /* of a singer */
	int n_steps; float pattern[3][EAR_STEPS]; /* kick, snare, hat */
};

struct ear_table { struct ear_row *row; int n; int n_weights; float weight[EAR_TIMBRE]; };
struct ear_tables { struct ear_table styles, voices; };

/* A missing file is an empty table: nothing is near then. A damaged one: MADRIGAL_EIO with its line. *ret by ear_tables_release. */
int ear_tables_load(const char *share_dir, struct ear_tables *ret, struct madrigal_error *err) MUST_CHECK;
void ear_tables_release(struct ear_tables *t);
/* Fills h's nearest styles (if it sounds at all) and singers (if someone sings). */
void ear_nearest(const struct ear_tables *t, struct heard *h);

#endif
