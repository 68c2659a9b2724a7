/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/singer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "style/nearest.h"
#include "style/yaml_tree.h"

#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))
#define SINGER_NUMBERS(F, I) \
	I(struct singer, low, 24, 96, YAML_REQUIRED) I(struct singer, high, 24, 96, YAML_REQUIRED) I(struct singer, top, 24, 108, YAML_REQUIRED) \
	F(struct singer, level_db, -24, 24, 0)
#define FLOAT_ROW(type, member, min, max, otherwise) YAML_FLOAT_FIELD(type, member),
#define INT_ROW(type, member, min, max, otherwise) YAML_INT_FIELD(type, member),
#define FLOAT_ENTRY(type, member, min, max, otherwise) YAML_FLOAT_NUMBER(type, member, min, max, otherwise),
#define INT_ENTRY(type, member, min, max, otherwise) YAML_INT_NUMBER(type, member, min, max, otherwise),

static const cyaml_schema_value_t word_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 31)};
static const cyaml_schema_field_t singer_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_DEFAULT, struct singer, name, 1, 31),
	CYAML_FIELD_STRING_PTR("title", CYAML_FLAG_DEFAULT, struct singer, title, 1, 31),
	CYAML_FIELD_STRING_PTR("description", CYAML_FLAG_DEFAULT, struct singer, description, 1, 200),
	CYAML_FIELD_STRING_PTR("gender", CYAML_FLAG_DEFAULT, struct singer, gender, 1, 7),
	CYAML_FIELD_STRING_PTR("age", CYAML_FLAG_DEFAULT, struct singer, age, 1, 15),
	CYAML_FIELD_SEQUENCE_COUNT("tones", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct singer, tones, n_tones, &word_value, 0, 16),
	SINGER_NUMBERS(FLOAT_ROW, INT_ROW) CYAML_FIELD_END
};
static const cyaml_schema_value_t singer_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct singer, singer_fields)};
static const struct yaml_number singer_numbers[] = {SINGER_NUMBERS(FLOAT_ENTRY, INT_ENTRY)};
static const cyaml_schema_field_t set_fields[] = {
	CYAML_FIELD_SEQUENCE_COUNT("singers", CYAML_FLAG_POINTER, struct singer_set, singers, n, &singer_value, 1, 1000),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t set_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct singer_set, set_fields)};

static int check_singer(const struct yaml_doc *d, int node, struct singer *s, struct madrigal_error *err)
{
	int rc = yaml_numbers(d, node, d->nodes[node].line, s, singer_numbers, LENGTH(singer_numbers), err);
	if (rc < 0)
		return rc;
	if (strcmp(s->gender, "f") && strcmp(s->gender, "m"))
		return yaml_error(d, yaml_line(d, node, "gender"), err, "gender \"%s\": f or m is allowed", s->gender);
	if (strcmp(s->age, "young") && strcmp(s->age, "adult") && strcmp(s->age, "old"))
		return yaml_error(d, yaml_line(d, node, "age"), err, "age \"%s\": young, adult or old is allowed", s->age);
	if (!(s->low + 12 <= s->high && s->high <= s->top))
		return yaml_error(d, yaml_line(d, node, "low"), err, "a singer needs an octave from low to high, and top at or above high: not %d, %d, %d",
		                  s->low, s->high, s->top);
	return 0;
}

int singer_set_load(const char *share_dir, struct singer_set *ret, struct madrigal_error *err)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/voices/voices.yaml", share_dir) >= (int)sizeof path)
		return err_set(err, MADRIGAL_EIO, "the path of the singers is too long");
	char *text = NULL;
	size_t len = 0;
	int rc = file_read(path, YAML_MAX_BYTES, &text, &len, err);
	if (rc < 0)
		return rc;
	struct yaml_doc d;
	void *data = NULL;
	rc = yaml_load(path, text, len, &set_schema, &d, &data, err);
	free(text);
	if (rc < 0)
		return rc;
	struct singer_set *set = data;
	int list = yaml_child(&d, 0, "singers");
	for (unsigned i = 0; rc == 0 && i < set->n; i++) {
		rc = check_singer(&d, yaml_item(&d, list, (int)i), &set->singers[i], err);
		for (unsigned k = 0; rc == 0 && k < i; k++)
			if (same_name(set->singers[k].name, set->singers[i].name) || same_name(set->singers[k].title, set->singers[i].title))
				rc = yaml_error(&d, d.nodes[yaml_item(&d, list, (int)i)].line, err, "%s is there twice", set->singers[i].name);
	}
	yaml_doc_release(&d);
	if (rc < 0) {
		yaml_data_free(&set_schema, set);
		return rc;
	}
	*ret = *set;
	free(set); /* the shell; what it pointed to lives on in *ret */
	return 0;
}

void singer_set_release(struct singer_set *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct singer *one = &s->singers[i];
		free(one->name);
		free(one->title);
		free(one->description);
		free(one->gender);
		free(one->age);
		for (unsigned k = 0; k < one->n_tones; k++)
			free(one->tones[k]);
		free(one->tones);
	}
	free(s->singers);
	memset(s, 0, sizeof *s);
}

int singer_find(const struct singer_set *set, const char *name, const struct singer **ret, struct madrigal_error *err)
{
	struct nearest near = nearest_to(name);
	for (unsigned i = 0; i < set->n; i++) {
		const struct singer *s = &set->singers[i];
		if (same_name(s->name, name) || same_name(s->title, name)) {
			*ret = s;
			return 0;
		}
		nearest_try(&near, s->title);
		nearest_try(&near, s->name);
	}
	if (!near.name)
		return err_set(err, MADRIGAL_EUSAGE, "there is no voice \"%.60s\"", name);
	return err_set(err, MADRIGAL_EUSAGE, "there is no voice \"%.60s\": did you mean \"%s\"? (madrigal voices lists them)", name, near.name);
}
