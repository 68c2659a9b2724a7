/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define ISSUES_MAX 32

long text_length(const char *utf8)
{
	long n = 0;
	for (; *utf8; utf8++)
		n += (*utf8 & 0xc0) != 0x80;
	return n;
}

static const json_t *lookup(const json_t *body, const char *name)
{
	const char *dot = strchr(name, '.');
	const json_t *v;
	if (dot) {
		char parent[64] = "";
		size_t n = (size_t)(dot - name);
		if (n >= sizeof parent)
			return NULL;
		memcpy(parent, name, n);
		v = json_object_get(json_object_get(body, parent), dot + 1);
	} else {
		v = json_object_get(body, name);
	}
	return json_is_null(v) ? NULL : v;
}

const char *param_string(const json_t *body, const char *name)
{
	const char *s = json_string_value(lookup(body, name));
	return s ? s : "";
}

double param_number(const json_t *body, const char *name, double otherwise)
{
	const json_t *v = lookup(body, name);
	return json_is_number(v) ? json_number_value(v) : otherwise;
}

json_int_t param_integer(const json_t *body, const char *name, json_int_t otherwise)
{
	const json_t *v = lookup(body, name);
	return json_is_integer(v) ? json_integer_value(v) : json_is_real(v) ? (json_int_t)json_real_value(v) : otherwise;
}

int param_true(const json_t *body, const char *name)
{
	return json_is_true(lookup(body, name));
}

/* ---- issues ---- */

static json_t *path_of(const char *name)
{
	json_t *path = json_array();
	const char *dot = strchr(name, '.');
	if (dot)
		json_array_append_new(path, json_stringn(name, (size_t)(dot - name)));
	if (*name)
		json_array_append_new(path, json_string(dot ? dot + 1 : name));
	return path;
}

static json_t *issue_new(struct issues *is, const char *code, const char *path, const char *message)
{
	if (!is->list)
		is->list = json_array();
	if (json_array_size(is->list) >= ISSUES_MAX)
		return NULL;
	json_t *o = json_pack("{s:s, s:o, s:s}", "code", code, "path", path_of(path), "message", message);
	json_array_append_new(is->list, o);
	return o;
}

void issue_add(struct issues *is, const char *code, const char *path, const char *message)
{
	issue_new(is, code, path, message);
}

int issues_any(const struct issues *is)
{
	return json_array_size(is->list) > 0;
}

void issues_release(struct issues *is)
{
	json_decref(is->list);
	is->list = NULL;
}

static const char *type_name(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT: return "object";
	case JSON_ARRAY: return "array";
	case JSON_STRING: return "string";
	case JSON_INTEGER: case JSON_REAL: return "number";
	case JSON_TRUE: case JSON_FALSE: return "boolean";
	default: return "null";
	}
}

static void wrong_type(struct issues *is, const struct field *f, const char *expected, const char *received)
{
	char text[96];
	snprintf(text, sizeof text, "Expected %s, received %s", expected, received);
	json_t *o = issue_new(is, "invalid_type", f->name, text);
	if (o) {
		json_object_set_new(o, "expected", json_string(expected));
		json_object_set_new(o, "received", json_string(received));
	}
}

/* Is `value` one of "a|b|c"? */
static int is_one_of(const char *list, const char *value)
{
	size_t n = strlen(value);
	for (const char *p = list; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (!strncmp(p, value, n) && (p[n] == '|' || !p[n]))
			return 1;
	return 0;
}

static void not_one_of(struct issues *is, const struct field *f, const char *value, int quoted)
{
	struct buf b = buf_init(1024);
	json_t *options = json_array();
	buf_adds(&b, "Invalid enum value. Expected ");
	for (const char *p = f->one_of, *end; p; p = *end ? end + 1 : NULL) {
		end = strchr(p, '|') ? strchr(p, '|') : p + strlen(p);
		buf_addf(&b, "%s%s%.*s%s", p == f->one_of ? "" : " | ", quoted ? "'" : "", (int)(end - p), p, quoted ? "'" : "");
		json_array_append_new(options, json_stringn(p, (size_t)(end - p)));
	}
	buf_addf(&b, ", received %s%.64s%s", quoted ? "'" : "", value, quoted ? "'" : "");
	json_t *o = issue_new(is, "invalid_enum_value", f->name, buf_str(&b));
	if (o)
		json_object_set_new(o, "options", json_incref(options));
	json_decref(options);
	buf_release(&b);
}

static void check_string(const struct field *f, const char *s, struct issues *is)
{
	char text[96];
	long n = text_length(s);
	if (f->one_of) {
		if (!is_one_of(f->one_of, s))
			not_one_of(is, f, s, 1);
	} else if ((double)n < f->min) {
		snprintf(text, sizeof text, "String must contain at least %.0f character(s)", f->min);
		issue_add(is, "too_small", f->name, text);
	} else if (f->max > 0 && (double)n > f->max) {
		snprintf(text, sizeof text, "String must contain at most %.0f character(s)", f->max);
		issue_add(is, "too_big", f->name, text);
	} else if (f->type == FIELD_URL && strncmp(s, "http://", 7) && strncmp(s, "https://", 8)) {
		issue_add(is, "invalid_string", f->name, "Invalid url");
	}
}

static void check_number(const struct field *f, const json_t *v, struct issues *is)
{
	double x = json_number_value(v);
	char text[96];
	if (f->type == FIELD_INTEGER && (json_is_real(v) && x != floor(x))) {
		wrong_type(is, f, "integer", "float");
	} else if (f->one_of) {
		snprintf(text, sizeof text, "%.0f", x);
		if (!is_one_of(f->one_of, text))
			not_one_of(is, f, text, 0);
	} else if (x < f->min) {
		snprintf(text, sizeof text, "Number must be greater than or equal to %g", f->min);
		issue_add(is, "too_small", f->name, text);
	} else if (f->max > f->min && x > f->max) {
		snprintf(text, sizeof text, "Number must be less than or equal to %.10g", f->max);
		issue_add(is, "too_big", f->name, text);
	}
}

static void check_field(const json_t *body, const struct field *f, struct issues *is)
{
	const json_t *v = lookup(body, f->name);
	if (!v) {
		if (f->flags & FIELD_REQUIRED)
			issue_add(is, "invalid_type", f->name, "Required");
		return;
	}
	switch (f->type) {
	case FIELD_STRING: case FIELD_URL:
		if (json_is_string(v))
			check_string(f, json_string_value(v), is);
		else
			wrong_type(is, f, "string", type_name(v));
		break;
	case FIELD_INTEGER: case FIELD_NUMBER:
		if (json_is_number(v))
			check_number(f, v, is);
		else
			wrong_type(is, f, "number", type_name(v));
		break;
	case FIELD_BOOLEAN:
		if (!json_is_boolean(v))
			wrong_type(is, f, "boolean", type_name(v));
		break;
	case FIELD_OBJECT:
		if (!json_is_object(v))
			wrong_type(is, f, "object", type_name(v));
		break;
	}
}

void params_check(const json_t *body, const struct field *fields, int n, struct issues *is)
{
	for (int i = 0; i < n; i++)
		check_field(body, &fields[i], is);
}

/* ---- the document ---- */

static json_t *field_schema(const struct field *f)
{
	static const char *const types[] = { "string", "string", "integer", "number", "boolean", "object" };
	int number = f->type == FIELD_INTEGER || f->type == FIELD_NUMBER;
	json_t *o = json_pack("{s:s}", "type", types[f->type]);
	if (f->type == FIELD_URL)
		json_object_set_new(o, "format", json_string("uri"));
	if (f->one_of) {
		json_t *list = json_array();
		for (const char *p = f->one_of, *end; p; p = *end ? end + 1 : NULL) {
			end = strchr(p, '|') ? strchr(p, '|') : p + strlen(p);
			json_array_append_new(list, number ? json_integer(atoi(p)) : json_stringn(p, (size_t)(end - p)));
		}
		json_object_set_new(o, "enum", list);
	} else if (number) {
		json_object_set_new(o, "minimum", json_integer((json_int_t)f->min));
		if (f->max > f->min)
			json_object_set_new(o, "maximum", json_integer((json_int_t)f->max));
	} else if (f->type == FIELD_STRING) {
		if (f->min > 0)
			json_object_set_new(o, "minLength", json_integer((json_int_t)f->min));
		if (f->max > 0)
			json_object_set_new(o, "maxLength", json_integer((json_int_t)f->max));
	}
	if (f->otherwise)
		json_object_set_new(o, "default", number ? json_integer(atoi(f->otherwise)) : f->type == FIELD_BOOLEAN ? json_boolean(!strcmp(f->otherwise, "true")) :
		                    json_string(f->otherwise));
	if (f->doc)
		json_object_set_new(o, "description", json_string(f->doc));
	return o;
}

json_t *params_schema(const struct field *fields, int n)
{
	json_t *schema = json_pack("{s:s, s:{}}", "type", "object", "properties");
	for (int i = 0; i < n; i++) {
		const char *dot = strchr(fields[i].name, '.');
		json_t *parent = schema;
		if (dot) {
			char name[64];
			snprintf(name, sizeof name, "%.*s", (int)(dot - fields[i].name), fields[i].name);
			parent = json_object_get(json_object_get(schema, "properties"), name);
			if (!json_object_get(parent, "properties"))
				json_object_set_new(parent, "properties", json_object());
		}
		const char *name = dot ? dot + 1 : fields[i].name;
		json_object_set_new(json_object_get(parent, "properties"), name, field_schema(&fields[i]));
		if (fields[i].flags & FIELD_REQUIRED) {
			if (!json_object_get(parent, "required"))
				json_object_set_new(parent, "required", json_array());
			json_array_append_new(json_object_get(parent, "required"), json_string(name));
		}
	}
	return schema;
}
