/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/nearest.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "ear/json.h"

#define TABLE_BYTES_MAX (4u << 20)
#define ROWS_MAX 1024
#define PATTERN_WEIGHT 1.5     /* of drum patterns that share nothing, in the unit of the vector's distance */
#define TEMPO_WEIGHT 1.0       /* of an octave */
#define SINGS 0.08f            /* share of the time that someone sings, to look for whom */

/* ---- tables ---- */

static int read_weights(const char *line, struct ear_table *t)
{
	json_t *root = json_loads(line, 0, NULL);
	const json_t *list = json_object_get(root, "weights");
	int n = (int)json_array_size(list);
	if (n > EAR_TIMBRE)
		n = EAR_TIMBRE;
	for (int i = 0; i < n; i++)
		t->weight[i] = (float)json_number_value(json_array_get(list, (size_t)i));
	t->n_weights = n;
	json_decref(root);
	return n > 0 ? 0 : -1;
}

static int read_row(const char *line, int of_singer, struct heard *h, struct ear_row *ret)
{
	struct ear_row r = { 0 };
	json_t *root = json_loads(line, 0, NULL);
	const char *name = json_string_value(json_object_get(root, "name"));
	int ok = name && *name && strlen(name) < sizeof r.name && heard_read(line, h, NULL) == 0;
	if (ok) {
		memcpy(r.name, name, strlen(name));
		r.n = of_singer ? h->singer.n_vector : h->timbre.n_vector;
		memcpy(r.vector, of_singer ? h->singer.vector : h->timbre.vector, sizeof r.vector);
		r.tempo_bpm = (float)h->rhythm.tempo_bpm;
		r.formant_scale = h->singer.formant_scale;
		r.brightness_db = h->singer.brightness_db;
		r.breath_db = h->singer.breath_db;
		r.n_steps = h->rhythm.n_steps;
		memcpy(r.pattern[0], h->rhythm.kick, sizeof r.pattern[0]);
		memcpy(r.pattern[1], h->rhythm.snare, sizeof r.pattern[1]);
		memcpy(r.pattern[2], h->rhythm.hat, sizeof r.pattern[2]);
		*ret = r;
	}
	json_decref(root);
	return ok ? 0 : -1;
}

static int parse_table(char *text, int of_singer, struct ear_table *t)
{
	struct heard *h = calloc(1, sizeof *h);
	int line = 0, bad = h ? 0 : -1;
	for (char *at = text, *next; !bad && *at; at = next) {
		next = strchr(at, '\n');
		if (next)
			*next++ = 0;
		else
			next = at + strlen(at);
		line++;
		if (!*at)
			continue;
		if (t->n == ROWS_MAX || (line == 1 ? read_weights(at, t) : read_row(at, of_singer, h, &t->row[t->n])))
			bad = line;
		t->n += line > 1 && !bad;
	}
	free(h);
	return bad;
}

static int load(const char *share_dir, const char *name, int of_singer, struct ear_table *ret, struct madrigal_error *err)
{
	char path[PATH_MAX], *text = NULL;
	size_t n;
	struct ear_table t = { 0 };
	snprintf(path, sizeof path, "%s/ear/%s", share_dir, name);
	if (file_read(path, TABLE_BYTES_MAX, &text, &n, NULL))
		return 0;
	t.row = calloc(ROWS_MAX, sizeof *t.row);
	int bad = t.row ? parse_table(text, of_singer, &t) : -1;
	free(text);
	if (bad) {
		free(t.row);
		return bad < 0 ? err_nomem(err) : err_set(err, MADRIGAL_EIO, "%s:%d: not a row of the ear's tables", path, bad);
	}
	*ret = t;
	return 0;
}

int ear_tables_load(const char *share_dir, struct ear_tables *ret, struct madrigal_error *err)
{
	struct ear_tables t = { 0 };
	int rc = load(share_dir, "styles.jsonl", 0, &t.styles, err);
	if (!rc)
		rc = load(share_dir, "voices.jsonl", 1, &t.voices, err);
	if (rc)
		ear_tables_release(&t);
	else
		*ret = t;
	return rc;
}

void ear_tables_release(struct ear_tables *t)
{
	free(t->styles.row);
	free(t->voices.row);
	memset(t, 0, sizeof *t);
}

/* ---- distances ---- */

static double vector_distance(const struct ear_table *t, const struct ear_row *r, const float *v, int n)
{
	double sum = 0;
	for (int i = 0; i < n && i < t->n_weights; i++) {
		double d = ((double)v[i] - (double)r->vector[i]) * (double)t->weight[i];
		sum += fmin(d * d, 9); /* one odd figure must not decide */
	}
	return sqrt(sum);
}

/* 1 - cosine, over the three bands; 0.5 where there is nothing to compare. */
static double pattern_distance(const struct ear_row *r, const struct heard_rhythm *h)
{
	const float *heard[3] = { h->kick, h->snare, h->hat };
	double sum = 0;
	if (!r->n_steps || !h->n_steps)
		return r->n_steps == h->n_steps ? 0 : 0.5;
	if (r->n_steps != h->n_steps)
		return 1;
	for (int b = 0; b < 3; b++) {
		double xx = 1e-6, yy = 1e-6, xy = 0;
		for (int i = 0; i < r->n_steps; i++) {
			xx += (double)(r->pattern[b][i] * r->pattern[b][i]);
			yy += (double)(heard[b][i] * heard[b][i]);
			xy += (double)(r->pattern[b][i] * heard[b][i]);
		}
		sum += 1 - xy / sqrt(xx * yy);
	}
	return sum / 3;
}

/* Half and double tempo are half as far as they look: which of them is tapped, is a matter of taste. */
static double tempo_distance(const struct ear_row *r, const struct heard_rhythm *h)
{
	if (!(r->tempo_bpm > 0) || !(h->tempo_bpm > 0))
		return 0;
	double octaves = fabs(log2((double)r->tempo_bpm / h->tempo_bpm));
	return fmin(octaves, 0.35 + fabs(octaves - 1));
}

/* Into the ascending list of names, each once with its least distance. */
static void enter(struct heard_near *list, int *n, const struct ear_row *r, double distance)
{
	const char *name = r->name;
	int at = 0, had = *n;
	for (int i = 0; i < *n; i++)
		if (!strcmp(list[i].name, name))
			had = i;
	if (had < *n && (double)list[had].distance <= distance)
		return;
	while (at < *n && (double)list[at].distance <= distance)
		at++;
	if (at >= EAR_NEAREST)
		return;
	int last = had < *n ? had : *n < EAR_NEAREST ? *n : EAR_NEAREST - 1;
	memmove(&list[at + 1], &list[at], sizeof *list * (size_t)(last - at));
	snprintf(list[at].name, sizeof list[at].name, "%s", name);
	list[at].distance = (float)distance;
	list[at].formant_scale = r->formant_scale;
	list[at].brightness_db = r->brightness_db;
	list[at].breath_db = r->breath_db;
	*n += had == *n && *n < EAR_NEAREST;
}

void ear_nearest(const struct ear_tables *t, struct heard *h)
{
	h->n_styles = h->n_voices = 0;
	for (int i = 0; i < t->styles.n && h->timbre.n_vector; i++) {
		const struct ear_row *r = &t->styles.row[i];
		if (r->n != h->timbre.n_vector)
			continue;
		double d = vector_distance(&t->styles, r, h->timbre.vector, h->timbre.n_vector), p = PATTERN_WEIGHT * pattern_distance(r, &h->rhythm),
		       tempo = TEMPO_WEIGHT * tempo_distance(r, &h->rhythm);
		enter(h->style, &h->n_styles, r, sqrt(d * d + p * p + tempo * tempo));
	}
	for (int i = 0; i < t->voices.n && h->singer.n_vector && h->singer.singing > SINGS; i++) {
		const struct ear_row *r = &t->voices.row[i];
		if (r->n == h->singer.n_vector)
			enter(h->voice, &h->n_voices, r, vector_distance(&t->voices, r, h->singer.vector, h->singer.n_vector));
	}
}
