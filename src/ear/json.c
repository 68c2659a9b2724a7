/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/spectrum.h"
#include "score/chord.h"

#define DIGITS JSON_REAL_PRECISION(7)

/* ---- members that are plain numbers: one table for both ways ---- */

enum kind { REAL, FLOAT, INTEGER };
struct member { const char *object, *name; enum kind kind; size_t offset; double low, high; };

#define AT(m) offsetof(struct heard, m)
static const struct member members[] = {
	{ NULL, "duration", REAL, AT(duration_s), 0, EAR_MAX_S },
	{ NULL, "tempo_bpm", REAL, AT(rhythm.tempo_bpm), 0, 480 },
	{ NULL, "tempo_confidence", REAL, AT(rhythm.tempo_confidence), 0, 1 },
	{ NULL, "tempo_other_bpm", REAL, AT(rhythm.tempo_other_bpm), 0, 480 },
	{ NULL, "meter_confidence", REAL, AT(rhythm.meter_confidence), 0, 1 },
	{ NULL, "first_downbeat", INTEGER, AT(rhythm.first_downbeat), 0, 12 },
	{ NULL, "swing", FLOAT, AT(rhythm.swing), 0, 0.5 },
	{ NULL, "swing_unit", INTEGER, AT(rhythm.swing_unit), 0, 16 },
	{ NULL, "onsets_per_s", FLOAT, AT(rhythm.onsets_per_s), 0, 100 },
	{ NULL, "percussive", FLOAT, AT(rhythm.drums), 0, 1 },
	{ NULL, "tuning_cents", REAL, AT(harmony.tuning_cents), -50, 50 },
	{ NULL, "key_confidence", REAL, AT(harmony.key_confidence), 0, 1 },
	{ NULL, "chord_changes_per_bar", FLOAT, AT(harmony.changes_per_bar), 0, 24 },
	{ NULL, "progression_share", FLOAT, AT(form.progression_share), 0, 1 },
	{ NULL, "loudness_lufs", REAL, AT(timbre.loudness_lufs), -70, 20 },
	{ NULL, "loudness_range_lu", REAL, AT(timbre.range_lu), 0, 100 },
	{ NULL, "brightness_hz", FLOAT, AT(timbre.brightness_hz), 0, EAR_RATE / 2 },
	{ NULL, "width", FLOAT, AT(timbre.width), 0, 1 },
	{ "parts", "bass", FLOAT, AT(timbre.part[HEARD_BASS]), 0, 1 },
	{ "parts", "drums", FLOAT, AT(timbre.part[HEARD_DRUMS]), 0, 1 },
	{ "parts", "guitar_or_keys", FLOAT, AT(timbre.part[HEARD_GUITAR_OR_KEYS]), 0, 1 },
	{ "parts", "strings", FLOAT, AT(timbre.part[HEARD_STRINGS]), 0, 1 },
	{ "parts", "synth", FLOAT, AT(timbre.part[HEARD_SYNTH]), 0, 1 },
	{ "singer", "singing", FLOAT, AT(singer.singing), 0, 1 },
	{ "singer", "speech", FLOAT, AT(singer.speech), 0, 1 },
	{ "singer", "female", INTEGER, AT(singer.female), -1, 1 },
	{ "singer", "sex_confidence", FLOAT, AT(singer.sex_confidence), 0, 1 },
	{ "singer", "low", FLOAT, AT(singer.low), 0, 127 },
	{ "singer", "median", FLOAT, AT(singer.median), 0, 127 },
	{ "singer", "high", FLOAT, AT(singer.high), 0, 127 },
	{ "singer", "vibrato_hz", FLOAT, AT(singer.vibrato_hz), 0, 12 },
	{ "singer", "vibrato_cents", FLOAT, AT(singer.vibrato_cents), 0, 200 },
	{ "singer", "brightness_db", FLOAT, AT(singer.brightness_db), -80, 40 },
	{ "singer", "breath_db", FLOAT, AT(singer.breath_db), -80, 40 },
	{ "singer", "breath_confidence", FLOAT, AT(singer.breath_confidence), 0, 1 },
	{ "singer", "formant_scale", FLOAT, AT(singer.formant_scale), 0, 2 },
};
enum { N_MEMBERS = sizeof members / sizeof *members };

static json_t *number_of(const struct heard *h, const struct member *m)
{
	const char *at = (const char *)h + m->offset;
	double x = 0;
	if (m->kind == INTEGER)
		return json_integer(*(const int *)(const void *)at);
	x = m->kind == REAL ? *(const double *)(const void *)at : (double)*(const float *)(const void *)at;
	return json_real(isfinite(x) ? x : 0);
}

static double within(const json_t *v, double low, double high)
{
	double x = json_number_value(v);
	return isfinite(x) ? fmin(fmax(x, low), high) : fmin(fmax(0, low), high);
}

static void read_number(const json_t *root, const struct member *m, struct heard *h)
{
	const json_t *v = json_object_get(m->object ? json_object_get(root, m->object) : root, m->name);
	char *at = (char *)h + m->offset;
	if (!json_is_number(v))
		return;
	double x = within(v, m->low, m->high);
	if (m->kind == INTEGER)
		*(int *)(void *)at = (int)x;
	else if (m->kind == REAL)
		*(double *)(void *)at = x;
	else
		*(float *)(void *)at = (float)x;
}

/* ---- lists ---- */

static json_t *floats(const float *x, int n)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_real(isfinite(x[i]) ? (double)x[i] : 0));
	return list;
}

static int read_floats(const json_t *list, float *ret, int max, double low, double high)
{
	int n = (int)(json_array_size(list) < (size_t)max ? json_array_size(list) : (size_t)max);
	for (int i = 0; i < n; i++)
		ret[i] = (float)within(json_array_get(list, (size_t)i), low, high);
	return n;
}

void heard_name_chord(const struct heard_harmony *h, int root_pc, int quality, char ret[8])
{
	int in = h->tonic_pc >= 0;
	if (quality == HEARD_NONE || root_pc < 0)
		snprintf(ret, 8, "N");
	else
		snprintf(ret, 8, "%s%s", pitch_class_name(root_pc % 12, in ? h->tonic_pc : 0, in ? h->minor : 0), quality == HEARD_MINOR ? "m" : "");
}

static void read_chord(const char *name, int8_t *root, uint8_t *quality)
{
	static const char letters[] = "C D EF G A B";
	const char *at = name && *name ? strchr(letters, name[0]) : NULL;
	*root = -1;
	*quality = HEARD_NONE;
	if (!at || *at == ' ')
		return;
	int shift = name[1] == '#' ? 1 : name[1] == 'b' ? -1 : 0;
	*root = (int8_t)(((int)(at - letters) + shift + 12) % 12);
	*quality = name[shift ? 2 : 1] == 'm' ? HEARD_MINOR : HEARD_MAJOR;
}

static json_t *chords_of(const struct heard_harmony *h)
{
	json_t *list = json_array();
	char name[8];
	for (int i = 0; i < h->n_chords; i++) {
		const struct heard_chord *c = &h->chord[i];
		heard_name_chord(h, c->root_pc, c->quality, name);
		json_array_append_new(list, json_pack("{s:f, s:f, s:s}", "start", (double)c->start_s, "end", (double)c->end_s, "name", name));
	}
	return list;
}

static void read_chords(const json_t *list, struct heard_harmony *h)
{
	size_t n = json_array_size(list);
	for (size_t i = 0; i < n && h->n_chords < EAR_CHORDS; i++) {
		const json_t *o = json_array_get(list, i);
		struct heard_chord *c = &h->chord[h->n_chords];
		c->start_s = (float)within(json_object_get(o, "start"), 0, EAR_MAX_S);
		c->end_s = (float)within(json_object_get(o, "end"), 0, EAR_MAX_S);
		read_chord(json_string_value(json_object_get(o, "name")), &c->root_pc, &c->quality);
		h->n_chords += c->end_s > c->start_s;
	}
}

static json_t *progression_of(const struct heard *h)
{
	json_t *list = json_array();
	char name[8];
	for (int i = 0; i < h->form.n_progression; i++) {
		const struct heard_step *s = &h->form.progression[i];
		int tonic = h->harmony.tonic_pc < 0 ? 0 : h->harmony.tonic_pc;
		heard_name_chord(&h->harmony, (s->degree + tonic) % 12, s->quality, name);
		json_array_append_new(list, json_pack("{s:s, s:f}", "name", name, "bars", (double)s->bars));
	}
	return list;
}

static void read_progression(const json_t *list, struct heard *h)
{
	int tonic = h->harmony.tonic_pc < 0 ? 0 : h->harmony.tonic_pc;
	for (size_t i = 0; i < json_array_size(list) && h->form.n_progression < EAR_PROGRESSION; i++) {
		const json_t *o = json_array_get(list, i);
		struct heard_step *s = &h->form.progression[h->form.n_progression];
		int8_t root;
		read_chord(json_string_value(json_object_get(o, "name")), &root, &s->quality);
		s->degree = (int8_t)(root < 0 ? 0 : (root - tonic + 12) % 12);
		s->bars = (float)within(json_object_get(o, "bars"), 0.25, 16);
		h->form.n_progression++;
	}
}

static json_t *sections_of(const struct heard_form *f)
{
	json_t *list = json_array();
	for (int i = 0; i < f->n_sections; i++) {
		const struct heard_section *s = &f->section[i];
		json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f}", "name", s->label, "start", (double)s->start_s, "end", (double)s->end_s, "level", (double)s->level));
	}
	return list;
}

static void read_sections(const json_t *list, struct heard_form *f)
{
	for (size_t i = 0; i < json_array_size(list) && f->n_sections < EAR_SECTIONS; i++) {
		const json_t *o = json_array_get(list, i);
		struct heard_section *s = &f->section[f->n_sections];
		const char *name = json_string_value(json_object_get(o, "name"));
		snprintf(s->label, sizeof s->label, "%s", name ? name : "");
		s->start_s = (float)within(json_object_get(o, "start"), 0, EAR_MAX_S);
		s->end_s = (float)within(json_object_get(o, "end"), 0, EAR_MAX_S);
		s->level = (float)within(json_object_get(o, "level"), 0, 1);
		f->n_sections += s->end_s > s->start_s;
	}
}

static json_t *near_of(const struct heard_near *n, int count)
{
	json_t *list = json_array();
	for (int i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:f}", "name", n[i].name, "distance", (double)n[i].distance));
	for (int i = 0; i < count; i++)
		if (n[i].formant_scale > 0) {
			json_t *o = json_array_get(list, (size_t)i);
			json_object_set_new(o, "formant_scale", json_real((double)n[i].formant_scale));
			json_object_set_new(o, "brightness_db", json_real((double)n[i].brightness_db));
			json_object_set_new(o, "breath_db", json_real((double)n[i].breath_db));
		}
	return list;
}

static int read_near(const json_t *list, struct heard_near *ret)
{
	int n = 0;
	for (size_t i = 0; i < json_array_size(list) && n < EAR_NEAREST; i++) {
		const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
		if (!name || strlen(name) >= sizeof ret[n].name)
			continue;
		snprintf(ret[n].name, sizeof ret[n].name, "%s", name);
		const json_t *o = json_array_get(list, i);
		ret[n].formant_scale = (float)within(json_object_get(o, "formant_scale"), 0, 2);
		ret[n].brightness_db = (float)within(json_object_get(o, "brightness_db"), -80, 40);
		ret[n].breath_db = (float)within(json_object_get(o, "breath_db"), -80, 40);
		ret[n++].distance = (float)within(json_object_get(o, "distance"), 0, 1e6);
	}
	return n;
}

/* ---- the whole ---- */

static void put_rhythm(json_t *root, const struct heard_rhythm *r)
{
	char meter[24];
	snprintf(meter, sizeof meter, "%d/%d", r->meter_num, r->meter_den);
	json_object_set_new(root, "time_signature", r->meter_num ? json_string(meter) : json_null());
	json_object_set_new(root, "drum_pattern", json_pack("{s:o, s:o, s:o}", "kick", floats(r->kick, r->n_steps), "snare", floats(r->snare, r->n_steps), "hat", floats(r->hat, r->n_steps)));
	json_object_set_new(root, "beats", floats(r->beat_s, r->n_beats));
}

static void read_rhythm(const json_t *root, struct heard_rhythm *r)
{
	const char *meter = json_string_value(json_object_get(root, "time_signature"));
	static const int known[][2] = { { 4, 4 }, { 3, 4 }, { 6, 8 } };
	char name[8];
	for (int i = 0; meter && i < 3; i++) {
		snprintf(name, sizeof name, "%d/%d", known[i][0], known[i][1]);
		if (!strcmp(meter, name)) {
			r->meter_num = known[i][0];
			r->meter_den = known[i][1];
		}
	}
	const json_t *pattern = json_object_get(root, "drum_pattern");
	r->n_steps = read_floats(json_object_get(pattern, "kick"), r->kick, EAR_STEPS, 0, 1);
	if (read_floats(json_object_get(pattern, "snare"), r->snare, EAR_STEPS, 0, 1) != r->n_steps || read_floats(json_object_get(pattern, "hat"), r->hat, EAR_STEPS, 0, 1) != r->n_steps)
		r->n_steps = 0;
	r->n_beats = read_floats(json_object_get(root, "beats"), r->beat_s, EAR_BEATS, 0, EAR_MAX_S);
	if (r->swing_unit && r->swing_unit != 16)
		r->swing_unit = 8;
}

int heard_write(const struct heard *h, char **ret, struct madrigal_error *err)
{
	json_t *root = json_pack("{s:s}", "madrigal", MADRIGAL_VERSION);
	if (!root)
		return err_nomem(err);
	for (int i = 0; i < N_MEMBERS; i++) {
		const struct member *m = &members[i];
		json_t *in = m->object ? json_object_get(root, m->object) : root;
		if (!in) {
			in = json_object();
			json_object_set_new(root, m->object, in);
		}
		json_object_set_new(in, m->name, number_of(h, m));
	}
	put_rhythm(root, &h->rhythm);
	const struct heard_harmony *k = &h->harmony;
	json_object_set_new(root, "key", k->tonic_pc < 0 ? json_null() : json_pack("{s:s, s:s}", "tonic", key_tonic_name(k->tonic_pc, k->minor), "mode", k->minor ? "minor" : "major"));
	json_object_set_new(root, "chroma", floats(k->chroma, 12));
	json_object_set_new(root, "progression", progression_of(h));
	json_object_set_new(root, "sections", sections_of(&h->form));
	float hz[EAR_BANDS];
	for (int b = 0; b < EAR_BANDS; b++)
		hz[b] = (float)spectrum_centres_hz[b];
	json_object_set_new(root, "spectrum", json_pack("{s:o, s:o}", "hz", floats(hz, EAR_BANDS), "db", floats(h->timbre.spectrum_db, EAR_BANDS)));
	json_object_set_new(root, "timbre", floats(h->timbre.vector, h->timbre.n_vector));
	json_object_set_new(json_object_get(root, "singer"), "timbre", floats(h->singer.vector, h->singer.n_vector));
	json_object_set_new(root, "styles", near_of(h->style, h->n_styles));
	json_object_set_new(root, "voices", near_of(h->voice, h->n_voices));
	json_object_set_new(root, "chords", chords_of(k));
	char *text = json_dumps(root, JSON_COMPACT | DIGITS);
	json_decref(root);
	size_t n = text ? strlen(text) : 0;
	char *whole = text ? realloc(text, n + 2) : NULL;
	if (!whole) {
		free(text);
		return err_nomem(err);
	}
	memcpy(whole + n, "\n", 2);
	*ret = whole;
	return 0;
}

static void read_key(const json_t *key, struct heard_harmony *h)
{
	const char *tonic = json_string_value(json_object_get(key, "tonic")), *mode = json_string_value(json_object_get(key, "mode"));
	int pc, said;
	h->tonic_pc = -1;
	if (tonic && key_parse(tonic, &pc, &said, NULL) == 0) {
		h->tonic_pc = pc;
		h->minor = mode && !strcmp(mode, "minor");
	}
}

int heard_read(const char *json, struct heard *ret, struct madrigal_error *err)
{
	json_error_t at;
	json_t *root = json_loads(json, 0, &at);
	if (!json_is_object(root)) {
		int line = root ? 1 : at.line;
		json_decref(root);
		return err_set(err, MADRIGAL_EUSAGE, "line %d: not what `madrigal listen` writes%s%s", line, *at.text ? ": " : "", at.text);
	}
	struct heard *h = calloc(1, sizeof *h);
	if (!h) {
		json_decref(root);
		return err_nomem(err);
	}
	h->singer.female = -1;
	for (int i = 0; i < N_MEMBERS; i++)
		read_number(root, &members[i], h);
	read_rhythm(root, &h->rhythm);
	read_key(json_object_get(root, "key"), &h->harmony);
	read_floats(json_object_get(root, "chroma"), h->harmony.chroma, 12, 0, 1);
	read_progression(json_object_get(root, "progression"), h);
	read_sections(json_object_get(root, "sections"), &h->form);
	if (read_floats(json_object_get(json_object_get(root, "spectrum"), "db"), h->timbre.spectrum_db, EAR_BANDS, -120, 40) != EAR_BANDS)
		memset(h->timbre.spectrum_db, 0, sizeof h->timbre.spectrum_db);
	h->timbre.n_vector = read_floats(json_object_get(root, "timbre"), h->timbre.vector, EAR_TIMBRE, -1e4, 1e4);
	h->singer.n_vector = read_floats(json_object_get(json_object_get(root, "singer"), "timbre"), h->singer.vector, EAR_TIMBRE, -1e4, 1e4);
	h->n_styles = read_near(json_object_get(root, "styles"), h->style);
	h->n_voices = read_near(json_object_get(root, "voices"), h->voice);
	read_chords(json_object_get(root, "chords"), &h->harmony);
	json_decref(root);
	*ret = *h;
	free(h);
	return 0;
}
