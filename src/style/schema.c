/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/schema.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONAL CYAML_FLAG_OPTIONAL
#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))

/* Each group of numbers is listed once, as G(type, member, min, max, otherwise); the schema's rows and the table's come from it. */
#define RANGE_NUMBERS(F, I) \
	F(struct style_range, min, 30, 300, YAML_REQUIRED) F(struct style_range, usual, 30, 300, YAML_REQUIRED) F(struct style_range, max, 30, 300, YAML_REQUIRED)
#define CHORDS_NUMBERS(F, I) F(struct style_chords, weight, 0, 1000, 1)
#define GROOVE_NUMBERS(F, I) F(struct style_groove, weight, 0, 1000, 1)
#define INSTRUMENT_NUMBERS(F, I) \
	I(struct style_instrument, bank, 0, 128, 0) I(struct style_instrument, program, 0, 127, YAML_REQUIRED) \
	I(struct style_instrument, low, 0, 127, YAML_REQUIRED) I(struct style_instrument, high, 0, 127, YAML_REQUIRED) \
	F(struct style_instrument, level_db, -24, 24, 0)
#define PLAYS_NUMBERS(F, I) F(struct style_plays, intensity, 0, 1, YAML_REQUIRED)
#define STRIP_NUMBERS(F, I) \
	F(struct style_strip, level_db, -60, 12, 0) F(struct style_strip, pan, -1, 1, 0) F(struct style_strip, width, 0, 2, 1) \
	F(struct style_strip, reverb_db, -120, 6, -60) F(struct style_strip, delay_db, -120, 6, -60) \
	F(struct style_strip, low_cut_hz, 0, 2000, 0) F(struct style_strip, bright_db, -12, 12, 0) F(struct style_strip, drive, 0, 1, 0) \
	F(struct style_strip, amp, 0, 1, 0)
#define PART_NUMBERS(F, I) \
	F(struct style_part, timing_ms, 0, 60, 5) F(struct style_part, push_ms, -60, 60, 0) F(struct style_part, velocity_spread, 0, 30, 6) \
	F(struct style_part, strum_ms, 0, 120, 0) F(struct style_part, gate, 0.1, 1.2, 0.95)
#define FORM_NUMBERS(F, I) \
	I(struct style_form, intro, 0, 32, 4) I(struct style_form, turnaround, 0, 16, 2) I(struct style_form, interlude, 0, 32, 4) \
	I(struct style_form, solo, 0, 32, 8) I(struct style_form, outro, 0, 32, 4) I(struct style_form, build_up, 0, 16, 2) \
	I(struct style_form, line_bars, 1, 4, 2) I(struct style_form, key_change, 0, 4, 0) F(struct style_form, key_change_chance, 0, 1, 0.5) \
	I(struct style_form, count_in, 0, 8, 0) F(struct style_form, stop_chance, 0, 1, 0)
#define MELODY_NUMBERS(F, I) \
	F(struct style_melody, syncopation, 0, 1, 0.4) F(struct style_melody, density, 0.5, 3, 1.2) F(struct style_melody, chorus_lift, 0, 7, 2.5) \
	F(struct style_melody, melisma, 0, 0.3, 0.08) F(struct style_melody, leap, 0, 1, 0.4) F(struct style_melody, repeat, 0, 1, 0.4) \
	F(struct style_melody, pickup, 0, 1, 0.5) F(struct style_melody, blue, 0, 1, 0.2)
#define SINGER_NUMBERS(F, I) \
	F(struct style_singer, vibrato_cents, 0, 120, 25) F(struct style_singer, vibrato_hz, 3, 8, 5.4) F(struct style_singer, vibrato_after_s, 0, 2, 0.3) \
	F(struct style_singer, glide_ms, 10, 200, 60) F(struct style_singer, scoop_cents, 0, 300, 40) F(struct style_singer, drift_cents, 0, 40, 8) \
	F(struct style_singer, breath_db, -60, 0, -30) F(struct style_singer, behind_ms, -60, 80, 0) F(struct style_singer, double_db, -60, 0, -12) \
	F(struct style_singer, harmony_db, -60, 0, -60) F(struct style_singer, formants, 0.9, 1.12, 1) F(struct style_singer, breathiness_db, -6, 6, 0)
#define MIX_NUMBERS(F, I) \
	F(struct style_mix, vocal_db, -6, 6, 0) F(struct style_mix, vocal_reverb_db, -60, 0, -16) F(struct style_mix, vocal_reverb_s, 0.1, 8, 1.6) \
	F(struct style_mix, vocal_predelay_ms, 0, 200, 30) F(struct style_mix, vocal_delay_db, -60, 0, -24) F(struct style_mix, room_s, 0.1, 6, 0.9) \
	F(struct style_mix, duck_db, 0, 12, 6.4) F(struct style_mix, bus_drive, 0, 1, 0.15) F(struct style_mix, bus_glue_db, 0, 6, 1.5) \
	F(struct style_mix, tilt_db, -6, 6, 0) F(struct style_mix, sub_db, -6, 6, 0)
#define STYLE_NUMBERS(F, I) \
	F(struct style, swing, 0, 0.34, 0) F(struct style, minor, 0, 1, 0.4) F(struct style, energy, -1, 1, 0) F(struct style, valence, -1, 1, 0)

#define FLOAT_ROW(type, member, min, max, otherwise) YAML_FLOAT_FIELD(type, member),
#define INT_ROW(type, member, min, max, otherwise) YAML_INT_FIELD(type, member),
#define FLOAT_ENTRY(type, member, min, max, otherwise) YAML_FLOAT_NUMBER(type, member, min, max, otherwise),
#define INT_ENTRY(type, member, min, max, otherwise) YAML_INT_NUMBER(type, member, min, max, otherwise),
#define ROWS(GROUP) GROUP##_NUMBERS(FLOAT_ROW, INT_ROW)
#define TABLE(GROUP) GROUP##_NUMBERS(FLOAT_ENTRY, INT_ENTRY)

#define TEXT(key, flags, type, member, max) CYAML_FIELD_STRING_PTR(key, flags, type, member, 1, max)
#define LIST(key, flags, type, member, count, entry, min, max) \
	CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | (flags), type, member, count, entry, min, max)

static const cyaml_schema_value_t word_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 63)};

static const cyaml_schema_field_t range_fields[] = {ROWS(RANGE) CYAML_FIELD_END};
static const struct yaml_number range_numbers[] = {TABLE(RANGE)};

static const cyaml_schema_field_t chords_fields[] = {
	TEXT("section", 0, struct style_chords, section, 31),
	TEXT("mode", OPTIONAL, struct style_chords, mode, 31),
	TEXT("bars", 0, struct style_chords, bars, 2000),
	ROWS(CHORDS) CYAML_FIELD_END
};
static const cyaml_schema_value_t chords_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct style_chords, chords_fields)};
static const struct yaml_number chords_numbers[] = {TABLE(CHORDS)};

static const cyaml_schema_field_t lane_fields[] = {
	TEXT("drum", OPTIONAL, struct style_lane, drum, 31),
	TEXT("steps", 0, struct style_lane, steps, 2000),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t lane_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct style_lane, lane_fields)};

static const cyaml_schema_field_t groove_fields[] = {
	TEXT("name", 0, struct style_groove, name, 63),
	LIST("sections", 0, struct style_groove, sections, n_sections, &word_value, 1, 24),
	TEXT("meter", OPTIONAL, struct style_groove, meter, 7),
	LIST("lanes", 0, struct style_groove, lanes, n_lanes, &lane_value, 1, 16),
	ROWS(GROOVE) CYAML_FIELD_END
};
static const cyaml_schema_value_t groove_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct style_groove, groove_fields)};
static const struct yaml_number groove_numbers[] = {TABLE(GROOVE)};

static const cyaml_schema_field_t instrument_fields[] = {
	TEXT("name", 0, struct style_instrument, name, 47),
	LIST("words", OPTIONAL, struct style_instrument, words, n_words, &word_value, 0, 32),
	TEXT("soundfont", OPTIONAL, struct style_instrument, soundfont, 23),
	ROWS(INSTRUMENT) CYAML_FIELD_END
};
static const cyaml_schema_value_t instrument_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct style_instrument, instrument_fields)};
static const struct yaml_number instrument_numbers[] = {TABLE(INSTRUMENT)};

static const cyaml_schema_field_t plays_fields[] = {
	TEXT("section", 0, struct style_plays, section, 31),
	ROWS(PLAYS) CYAML_FIELD_END
};
static const cyaml_schema_value_t plays_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct style_plays, plays_fields)};
static const struct yaml_number plays_numbers[] = {TABLE(PLAYS)};

static const cyaml_schema_field_t strip_fields[] = {ROWS(STRIP) CYAML_FIELD_END};
static const struct yaml_number strip_numbers[] = {TABLE(STRIP)};

static const cyaml_schema_field_t part_fields[] = {
	TEXT("name", 0, struct style_part, name, 31),
	TEXT("role", 0, struct style_part, role, 31),
	LIST("instruments", 0, struct style_part, instruments, n_instruments, &instrument_value, 1, 16),
	LIST("plays", OPTIONAL, struct style_part, plays, n_plays, &plays_value, 0, SECTION_KINDS),
	LIST("grooves", 0, struct style_part, grooves, n_grooves, &groove_value, 1, 128),
	CYAML_FIELD_MAPPING("mix", OPTIONAL, struct style_part, mix, strip_fields),
	CYAML_FIELD_BOOL("optional", OPTIONAL, struct style_part, optional),
	ROWS(PART) CYAML_FIELD_END
};
static const cyaml_schema_value_t part_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct style_part, part_fields)};
static const struct yaml_number part_numbers[] = {TABLE(PART)};

static const cyaml_schema_field_t form_fields[] = {
	TEXT("ending", OPTIONAL, struct style_form, ending, 15),
	CYAML_FIELD_INT("break", OPTIONAL, struct style_form, brk),
	ROWS(FORM) CYAML_FIELD_END
};
static const struct yaml_number form_numbers[] = {TABLE(FORM) {"break", offsetof(struct style_form, brk), 1, 0, 16, 4}};

static const cyaml_schema_field_t melody_fields[] = {ROWS(MELODY) CYAML_FIELD_END};
static const struct yaml_number melody_numbers[] = {TABLE(MELODY)};

static const cyaml_schema_field_t singer_fields[] = {
	TEXT("gender", OPTIONAL, struct style_singer, gender, 7),
	LIST("voices", OPTIONAL, struct style_singer, voices, n_voices, &word_value, 0, 64),
	TEXT("manner", OPTIONAL, struct style_singer, manner, 15),
	ROWS(SINGER) CYAML_FIELD_END
};
static const struct yaml_number singer_numbers[] = {TABLE(SINGER)};

static const cyaml_schema_field_t mix_fields[] = {
	TEXT("vocal_delay_note", OPTIONAL, struct style_mix, vocal_delay_note, 7),
	ROWS(MIX) CYAML_FIELD_END
};
static const struct yaml_number mix_numbers[] = {TABLE(MIX)};

#define HEAD_FIELDS \
	TEXT("name", OPTIONAL, struct style, name, 63), TEXT("title", 0, struct style, title, 63), \
	TEXT("description", OPTIONAL, struct style, description, 400), LIST("words", OPTIONAL, struct style, words, n_words, &word_value, 0, 64), \
	CYAML_FIELD_MAPPING("tempo", 0, struct style, tempo, range_fields), TEXT("swing_unit", OPTIONAL, struct style, swing_unit, 7), \
	LIST("meters", OPTIONAL, struct style, meters, n_meters, &word_value, 1, 3), ROWS(STYLE)

static const cyaml_schema_field_t head_fields[] = {HEAD_FIELDS CYAML_FIELD_END};
static const cyaml_schema_field_t style_fields[] = {
	HEAD_FIELDS
	LIST("chords", 0, struct style, chords, n_chords, &chords_value, 1, 256),
	CYAML_FIELD_MAPPING("form", OPTIONAL, struct style, form, form_fields),
	CYAML_FIELD_MAPPING("melody", OPTIONAL, struct style, melody, melody_fields),
	CYAML_FIELD_MAPPING("singer", OPTIONAL, struct style, singer, singer_fields),
	LIST("parts", 0, struct style, parts, n_parts, &part_value, 1, 24),
	CYAML_FIELD_MAPPING("mix", OPTIONAL, struct style, mix, mix_fields),
	CYAML_FIELD_END
};
static const struct yaml_number style_numbers[] = {TABLE(STYLE)};

const cyaml_schema_value_t style_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct style, style_fields)};
const cyaml_schema_value_t head_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct style, head_fields)};

int is_head_key(const char *key, size_t len)
{
	for (const cyaml_schema_field_t *f = head_fields; f->key; f++)
		if (strlen(f->key) == len && !memcmp(f->key, key, len))
			return 1;
	return 0;
}

static int is_drums(const struct style_part *p)
{
	return !strcmp(p->role, part_role_ids[ROLE_DRUMS]) || !strcmp(p->role, part_role_ids[ROLE_PERCUSSION]);
}

static int fill_instrument(const struct yaml_doc *d, int node, const struct style_part *p, struct style_instrument *in, struct madrigal_error *err)
{
	/* A drum kit needs no more than its name: its bank is General MIDI's, its program the standard kit. */
	struct yaml_number table[LENGTH(instrument_numbers)];
	memcpy(table, instrument_numbers, sizeof table);
	for (int i = 0; is_drums(p) && i < LENGTH(table); i++) {
		const char *key = table[i].key;
		if (isnan(table[i].otherwise))
			table[i].otherwise = strcmp(key, "high") ? 0 : 127;
		else if (!strcmp(key, "bank"))
			table[i].otherwise = in->soundfont && strcmp(in->soundfont, "general") ? 0 : 128;
	}
	int rc = yaml_numbers(d, node, d->nodes[node].line, in, table, LENGTH(table), err);
	return rc < 0 ? rc : yaml_default(&in->soundfont, "general", err);
}

static int fill_part(const struct yaml_doc *d, int node, struct style_part *p, struct madrigal_error *err)
{
	int line = d->nodes[node].line;
	int rc = yaml_numbers(d, node, line, p, part_numbers, LENGTH(part_numbers), err);
	if (rc == 0)
		rc = yaml_numbers(d, yaml_child(d, node, "mix"), line, &p->mix, strip_numbers, LENGTH(strip_numbers), err);
	int list = yaml_child(d, node, "instruments");
	for (unsigned i = 0; rc == 0 && i < p->n_instruments; i++)
		rc = fill_instrument(d, yaml_item(d, list, (int)i), p, &p->instruments[i], err);
	list = yaml_child(d, node, "plays");
	for (unsigned i = 0; rc == 0 && i < p->n_plays; i++)
		rc = yaml_numbers(d, yaml_item(d, list, (int)i), line, &p->plays[i], plays_numbers, LENGTH(plays_numbers), err);
	list = yaml_child(d, node, "grooves");
	for (unsigned i = 0; rc == 0 && i < p->n_grooves; i++) {
		struct style_groove *g = &p->grooves[i];
		rc = yaml_numbers(d, yaml_item(d, list, (int)i), line, g, groove_numbers, LENGTH(groove_numbers), err);
		if (rc == 0)
			rc = yaml_default(&g->meter, "4/4", err);
		for (unsigned k = 0; rc == 0 && k < g->n_lanes && !is_drums(p); k++)
			rc = yaml_default(&g->lanes[k].drum, "notes", err);
	}
	return rc;
}

/* Every style can answer for every section: a part without `plays` plays everywhere, one that leaves out the verse is silent there. */
static int fill_plays(struct style_part *p, struct madrigal_error *err)
{
	const char *verse = section_ids[SECTION_VERSE];
	for (unsigned i = 0; i < p->n_plays; i++)
		if (!strcmp(p->plays[i].section, verse))
			return 0;
	struct style_plays *plays = realloc(p->plays, (p->n_plays + 1) * sizeof *plays);
	if (!plays)
		return err_nomem(err);
	p->plays = plays;
	char *section = strdup(verse);
	if (!section)
		return err_nomem(err);
	plays[p->n_plays] = (struct style_plays){.section = section, .intensity = p->n_plays ? 0.0f : 1.0f};
	p->n_plays++;
	return 0;
}

static int fill_meters(struct style *s, struct madrigal_error *err)
{
	if (s->n_meters)
		return 0;
	char **meters = malloc(sizeof *meters);
	if (!meters)
		return err_nomem(err);
	free(s->meters);
	s->meters = meters;
	s->meters[0] = strdup("4/4");
	if (!s->meters[0])
		return err_nomem(err); /* n_meters is still 0 */
	s->n_meters = 1;
	return 0;
}

static int fill_texts(struct style *s, struct madrigal_error *err)
{
	int rc = yaml_default(&s->form.ending, "ring", err);
	if (rc == 0)
		rc = yaml_default(&s->singer.gender, "any", err);
	if (rc == 0)
		rc = yaml_default(&s->singer.manner, "legato", err);
	if (rc == 0)
		rc = yaml_default(&s->mix.vocal_delay_note, "1/4", err);
	for (unsigned i = 0; rc == 0 && i < s->n_chords; i++)
		rc = yaml_default(&s->chords[i].mode, "major", err);
	return rc;
}

int style_fill_head(const struct yaml_doc *d, struct style *s, struct madrigal_error *err)
{
	int rc = yaml_numbers(d, 0, 1, s, style_numbers, LENGTH(style_numbers), err);
	if (rc == 0)
		rc = yaml_numbers(d, yaml_child(d, 0, "tempo"), 1, &s->tempo, range_numbers, LENGTH(range_numbers), err);
	if (rc == 0)
		rc = yaml_default(&s->description, s->title, err);
	if (rc == 0)
		rc = yaml_default(&s->swing_unit, "8", err);
	return rc == 0 ? fill_meters(s, err) : rc;
}

int style_fill(const struct yaml_doc *d, struct style *s, struct madrigal_error *err)
{
	const struct {
		const char *key;
		void *base;
		const struct yaml_number *table;
		int n;
	} groups[] = {
		{"form", &s->form, form_numbers, LENGTH(form_numbers)},
		{"melody", &s->melody, melody_numbers, LENGTH(melody_numbers)},
		{"singer", &s->singer, singer_numbers, LENGTH(singer_numbers)},
		{"mix", &s->mix, mix_numbers, LENGTH(mix_numbers)},
	};
	int rc = style_fill_head(d, s, err);
	for (int i = 0; rc == 0 && i < LENGTH(groups); i++)
		rc = yaml_numbers(d, yaml_child(d, 0, groups[i].key), 1, groups[i].base, groups[i].table, groups[i].n, err);
	int list = yaml_child(d, 0, "chords");
	for (unsigned i = 0; rc == 0 && i < s->n_chords; i++)
		rc = yaml_numbers(d, yaml_item(d, list, (int)i), 1, &s->chords[i], chords_numbers, LENGTH(chords_numbers), err);
	if (rc == 0)
		rc = fill_texts(s, err);
	list = yaml_child(d, 0, "parts");
	for (unsigned i = 0; rc == 0 && i < s->n_parts; i++) {
		rc = fill_part(d, yaml_item(d, list, (int)i), &s->parts[i], err);
		if (rc == 0)
			rc = fill_plays(&s->parts[i], err);
	}
	return rc;
}
