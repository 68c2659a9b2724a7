/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of a request's JSON body as tables: validation, the OpenAPI document and docs/api.md's tables come from the same rows.
 *
 * Unknown fields are ignored, null is as absent, lengths are in code points. An array of issues comes back in the words of Zod 3, which is what clients of the
 * AI/ML API know; MiniMax's family turns the first one into a status_msg.
 */
#ifndef SERVE_PARAMS_H
#define SERVE_PARAMS_H

#include <jansson.h>

#include "base/err.h"

enum field_type { FIELD_STRING, FIELD_URL, FIELD_INTEGER, FIELD_NUMBER, FIELD_BOOLEAN, FIELD_OBJECT };
enum { FIELD_REQUIRED = 1 };

struct field {
	const char *name;      /* "prompt"; a member of an object as "audio_setting.format", after a row for the object */
	enum field_type type;
	int flags;
	double min, max;       /* of a number; of a string's length, 0 max: any */
	const char *one_of;    /* "mp3|wav|pcm", "16000|24000", or NULL */
	const char *otherwise; /* the default, for the document; NULL: none */
	const char *doc;
};

struct issues { json_t *list; }; /* [{"code", "path": [...], "message", ...}] */

/* Checks body (an object) against n rows; adds what is wrong to issues. */
void params_check(const json_t *body, const struct field *fields, int n, struct issues *issues);
/* An issue of one's own. */
void issue_add(struct issues *is, const char *code, const char *path, const char *message);
int issues_any(const struct issues *is);
void issues_release(struct issues *is);

/* The value of a field by its dotted name: NULL, "" or the default if it is absent or null. */
const char *param_string(const json_t *body, const char *name);
json_int_t param_integer(const json_t *body, const char *name, json_int_t otherwise);
double param_number(const json_t *body, const char *name, double otherwise);
int param_true(const json_t *body, const char *name);

/* JSON Schema (OpenAPI 3.1) of the rows: a new reference. */
json_t *params_schema(const struct field *fields, int n);

/* Code points in UTF-8 text that is known to be valid. */
long text_length(const char *utf8);

#endif
