/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/request.h"

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { STRING, FLAG, INTEGER, REAL, SEED, FORMAT };

/* Ranges are those of the engine where it has one; it checks again, and more closely (a bitrate by its sample rate). */
static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	double min, max;
} fields[] = {
#define AT(f) offsetof(struct song_request, f)
	{ "lyrics", STRING, AT(lyrics), 0, 0 },
	{ "prompt", STRING, AT(prompt), 0, 0 },
	{ "title", STRING, AT(title), 0, 0 },
	{ "style", STRING, AT(style), 0, 0 },
	{ "voice", STRING, AT(voice), 0, 0 },
	{ "key", STRING, AT(key), 0, 0 },
	{ "time_signature", STRING, AT(time_signature), 0, 0 },
	{ "instrumental", FLAG, AT(instrumental), 0, 1 },
	{ "stems", FLAG, AT(stems), 0, 1 },
	{ "stream", FLAG, AT(stream), 0, 1 },
	{ "channels", INTEGER, AT(channels), 1, 2 },
	{ "seed", SEED, AT(seed), 0, 0 },
	{ "duration_s", REAL, AT(duration_s), 0, 300 },
	{ "max_duration_s", REAL, AT(max_duration_s), 10, 300 },
	{ "tempo_bpm", REAL, AT(tempo_bpm), 0, 240 },
	{ "format", FORMAT, AT(format), 0, 0 },
	{ "sample_rate", INTEGER, AT(sample_rate), 16000, 48000 },
	{ "bitrate", INTEGER, AT(bitrate), 32000, 320000 },
	{ "reference_min_s", REAL, AT(reference_min_s), 0, 3600 },
	{ "reference_max_s", REAL, AT(reference_max_s), 0, 3600 },
#undef AT
};
enum { N_FIELDS = sizeof fields / sizeof *fields };
static const char *const formats[] = { "mp3", "wav", "flac", "pcm" };

struct song_request song_request_default(void)
{
	const struct madrigal_request engine = madrigal_request_default();
	return (struct song_request){ .stems = engine.stems, .channels = 2, .seed = engine.seed, .max_duration_s = 300, .format = "mp3", .sample_rate = engine.sample_rate,
	                              .bitrate = engine.bitrate, .reference_min_s = 0, .reference_max_s = 3600 };
}

void song_request_release(struct song_request *r)
{
	if (!r)
		return;
	for (int i = 0; i < N_FIELDS; i++)
		if (fields[i].kind == STRING) {
			char **text = (char **)((char *)r + fields[i].offset);
			free(*text);
			*text = NULL;
		}
	free(r->reference_url);
	free(r->reference_upload);
	free(r->reference_voice);
	r->reference_url = r->reference_upload = r->reference_voice = NULL;
}

/* ---- reading ---- */

static int copy_string(const json_t *v, const char *name, char **to, struct madrigal_error *err)
{
	if (!json_is_string(v))
		return err_set(err, MADRIGAL_EUSAGE, "%s is not a string", name);
	*to = strdup(json_string_value(v));
	return *to ? 0 : err_nomem(err);
}

static int read_number(const struct field *f, const json_t *v, void *to, struct madrigal_error *err)
{
	double x = json_number_value(v);
	if (!json_is_number(v) || !isfinite(x) || x < f->min || x > f->max || (f->kind == INTEGER && !json_is_integer(v)))
		return err_set(err, MADRIGAL_EUSAGE, "%s is not %s from %g to %g", f->name, f->kind == INTEGER ? "a whole number" : "a number", f->min, f->max);
	if (f->kind == INTEGER)
		*(int *)to = (int)x;
	else
		*(double *)to = x;
	return 0;
}

static int read_format(const json_t *v, char *to, size_t n, struct madrigal_error *err)
{
	for (size_t i = 0; json_is_string(v) && i < sizeof formats / sizeof *formats; i++)
		if (!strcmp(json_string_value(v), formats[i])) {
			snprintf(to, n, "%s", formats[i]);
			return 0;
		}
	return err_set(err, MADRIGAL_EUSAGE, "format is not mp3, wav, flac or pcm");
}

static int read_field(const struct field *f, const json_t *v, struct song_request *r, struct madrigal_error *err)
{
	void *to = (char *)r + f->offset;
	switch (f->kind) {
	case STRING:
		return copy_string(v, f->name, to, err);
	case FLAG:
		if (!json_is_boolean(v))
			return err_set(err, MADRIGAL_EUSAGE, "%s is not true or false", f->name);
		*(int *)to = json_is_true(v);
		return 0;
	case SEED:
		/* JSON's integers here have 63 bits; the seed's highest bit is written as the sign. */
		if (!json_is_integer(v))
			return err_set(err, MADRIGAL_EUSAGE, "%s is not a whole number", f->name);
		*(uint64_t *)to = (uint64_t)json_integer_value(v);
		return 0;
	case FORMAT:
		return read_format(v, to, sizeof r->format, err);
	default:
		return read_number(f, v, to, err);
	}
}

static int read_reference(const json_t *v, const json_t *voice, struct song_request *r, struct madrigal_error *err)
{
	if (voice && !json_is_null(voice)) {
		int rc = copy_string(json_object_get(voice, "upload"), "reference_voice.upload", &r->reference_voice, err);
		if (rc)
			return rc;
	}
	const json_t *url = json_object_get(v, "url"), *upload = json_object_get(v, "upload");
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_object(v) || !url == !upload)
		return err_set(err, MADRIGAL_EUSAGE, "reference is not an object with either url or upload");
	return url ? copy_string(url, "reference.url", &r->reference_url, err) : copy_string(upload, "reference.upload", &r->reference_upload, err);
}

int song_request_parse(const char *json, struct song_request *ret, struct madrigal_error *err)
{
	json_error_t where;
	size_t len = strnlen(json, SONG_REQUEST_MAX + 1);
	if (len > SONG_REQUEST_MAX)
		return err_set(err, MADRIGAL_EUSAGE, "the request has more than %zu bytes", SONG_REQUEST_MAX);
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return err_set(err, MADRIGAL_EUSAGE, "the request is not JSON: %s", where.text);
	struct song_request r = song_request_default();
	int rc = json_is_object(root) ? 0 : err_set(err, MADRIGAL_EUSAGE, "the request is not a JSON object");
	for (int i = 0; i < N_FIELDS && !rc; i++) {
		const json_t *v = json_object_get(root, fields[i].name);
		if (v && !json_is_null(v))
			rc = read_field(&fields[i], v, &r, err);
	}
	if (!rc)
		rc = read_reference(json_object_get(root, "reference"), json_object_get(root, "reference_voice"), &r, err);
	json_decref(root);
	if (rc)
		song_request_release(&r);
	else
		*ret = r;
	return rc;
}

/* ---- writing ---- */

/* NULL, without a failure, for what is as in the default. */
static json_t *write_field(const struct field *f, const struct song_request *r, const struct song_request *usual, int *failed)
{
	const void *from = (const char *)r + f->offset, *same = (const char *)usual + f->offset;
	json_t *v = NULL;
	switch (f->kind) {
	case STRING:
		if (!*(char *const *)from)
			return NULL;
		v = json_string(*(char *const *)from);
		break;
	case FORMAT:
		v = json_string(from);
		break;
	case SEED:
		v = json_integer((json_int_t) * (const uint64_t *)from);
		break;
	case REAL:
		if (!memcmp(from, same, sizeof(double)))
			return NULL;
		v = json_real(*(const double *)from);
		break;
	case FLAG:
	case INTEGER:
		if (*(const int *)from == *(const int *)same)
			return NULL;
		v = f->kind == FLAG ? json_boolean(*(const int *)from) : json_integer(*(const int *)from);
		break;
	}
	*failed |= !v;
	return v;
}

int song_request_write(const struct song_request *r, char **ret_json, struct madrigal_error *err)
{
	const struct song_request usual = song_request_default();
	json_t *root = json_object();
	int failed = !root;
	for (int i = 0; i < N_FIELDS && !failed; i++) {
		json_t *v = write_field(&fields[i], r, &usual, &failed);
		if (v)
			failed |= json_object_set_new(root, fields[i].name, v) < 0;
	}
	const char *reference = r->reference_url ? r->reference_url : r->reference_upload;
	if (!failed && reference)
		failed = json_object_set_new(root, "reference", json_pack("{s:s}", r->reference_url ? "url" : "upload", reference)) < 0;
	if (!failed && r->reference_voice)
		failed = json_object_set_new(root, "reference_voice", json_pack("{s:s}", "upload", r->reference_voice)) < 0;
	char *json = failed ? NULL : json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!json)
		return err_set(err, MADRIGAL_EUSAGE, "the request can't be written as JSON: a text in it is not UTF-8");
	if (strlen(json) > SONG_REQUEST_MAX) {
		free(json);
		return err_set(err, MADRIGAL_EUSAGE, "the request has more than %zu bytes", SONG_REQUEST_MAX);
	}
	*ret_json = json;
	return 0;
}
