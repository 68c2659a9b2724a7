/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The OpenAPI 3.1 document, from the tables that the routes themselves use. */
#include <stdlib.h>
#include <string.h>

#include "serve/api.h"

static json_t *error_schema(void)
{
	return json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}, s:[s,s]}", "type", "object", "properties", "requestId", "type", "string", "statusCode", "type",
	                 "integer", "timestamp", "type", "string", "path", "type", "string", "message", "type", "string", "errors", "type", "array", "required", "statusCode", "message");
}

static json_t *base_resp_schema(void)
{
	return json_pack("{s:s, s:{s:n, s:{s:s}, s:{s:s, s:{s:{s:s}, s:{s:s}}, s:[s,s]}}, s:[s]}", "type", "object", "properties", "data", "trace_id", "type", "string", "base_resp", "type", "object",
	                 "properties", "status_code", "type", "integer", "status_msg", "type", "string", "required", "status_code", "status_msg", "required", "base_resp");
}

/* A component's name out of a model's id: letters, digits, '.', '-', '_'. */
static void component_name(const struct model *m, char *ret, size_t n)
{
	static const char *const families[] = { "aiml", "aiml01", "minimax", "madrigal" };
	snprintf(ret, n, "%s_%s", families[m->family], m->id);
	for (char *p = ret; *p; p++)
		*p = *p == '/' ? '_' : *p == '+' ? 'p' : *p;
}

static json_t *form_body(void)
{
	return json_pack("{s:b, s:{s:{s:{s:s, s:{s:{s:s, s:[s,s,s]}, s:{s:s, s:s}}, s:[s,s]}}}}", "required", 1, "content", "multipart/form-data", "schema", "type", "object", "properties",
	                 "purpose", "type", "string", "enum", "song", "voice", "instrumental", "file", "type", "string", "format", "binary", "required", "purpose", "file");
}

/* One of the family's models; adds them to schemas. */
static json_t *model_schema(enum api_family family, json_t *schemas)
{
	json_t *options = json_array();
	for (int i = 0; i < n_models; i++) {
		char name[96], ref[128];
		if (models[i].family != family)
			continue;
		component_name(&models[i], name, sizeof name);
		snprintf(ref, sizeof ref, "#/components/schemas/%s", name);
		json_t *schema = params_schema(models[i].fields, models[i].n_fields);
		json_object_set_new(schema, "title", json_string(models[i].title));
		json_t *id = json_object_get(json_object_get(schema, "properties"), "model");
		json_t *names = models[i].alias ? json_pack("[s,s]", models[i].id, models[i].alias) : json_pack("[s]", models[i].id);
		json_object_set_new(id, "enum", names);
		json_object_set_new(schemas, name, schema);
		json_array_append_new(options, json_pack("{s:s}", "$ref", ref));
	}
	return json_pack("{s:o}", "oneOf", options);
}

static json_t *request_body(const struct route *r, json_t *schemas)
{
	if (r->takes == TAKES_FORM)
		return form_body();
	if (r->takes != TAKES_MODEL && r->takes != TAKES_JSON)
		return NULL;
	json_t *schema = r->takes == TAKES_MODEL ? model_schema(r->family, schemas) : json_pack("{s:s}", "type", "object");
	return json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema", schema);
}

static json_t *operation(const struct route *r, json_t *schemas)
{
	const char *error = r->dialect == DIALECT_AIML ? "#/components/schemas/Error" : "#/components/schemas/BaseResp";
	json_t *o = json_pack("{s:s, s:{s:{s:s}}}", "summary", r->summary, "responses", "200", "description", "Done");
	json_t *responses = json_object_get(o, "responses");
	static const char *const codes[] = { "400", "401", "403", "404", "429", "500", "503" };
	for (size_t i = 0; r->dialect == DIALECT_AIML && i < sizeof codes / sizeof *codes; i++)
		json_object_set_new(responses, codes[i], json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", "Refused", "content", "application/json", "schema", "$ref", error));
	if (r->dialect == DIALECT_MINIMAX)
		json_object_set_new(json_object_get(responses, "200"), "description", json_string("Done, or refused: base_resp.status_code says which"));
	json_object_set_new(o, "security", r->needs_key ? json_pack("[{s:[]}]", "bearer") : json_array());
	json_t *body = request_body(r, schemas);
	if (body)
		json_object_set_new(o, "requestBody", body);
	if (r->takes == TAKES_GENERATION)
		json_object_set_new(o, "parameters", json_pack("[{s:s, s:s, s:b, s:{s:s}}]", "name", "generation_id", "in", "query", "required", 1, "schema", "type", "string"));
	else if (strchr(r->path, '*'))
		json_object_set_new(o, "parameters", json_pack("[{s:s, s:s, s:b, s:{s:s}}]", "name", "rest", "in", "path", "required", 1, "schema", "type", "string"));
	return o;
}

static void lower(const char *s, char *ret, size_t n)
{
	size_t i = 0;
	for (; s[i] && i + 1 < n; i++)
		ret[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	ret[i] = 0;
}

static json_t *document(void)
{
	json_t *paths = json_object(), *schemas = json_object();
	json_object_set_new(schemas, "Error", error_schema());
	json_object_set_new(schemas, "BaseResp", base_resp_schema());
	for (int i = 0; i < n_routes; i++) {
		char path[128], method[16];
		const char *star = strchr(routes[i].path, '*');
		snprintf(path, sizeof path, "%.*s%s", star ? (int)(star - routes[i].path) : (int)strlen(routes[i].path), routes[i].path, star ? "{rest}" : "");
		lower(routes[i].method, method, sizeof method);
		if (!json_object_get(paths, path))
			json_object_set_new(paths, path, json_object());
		json_object_set_new(json_object_get(paths, path), method, operation(&routes[i], schemas));
	}
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s}}}}", "openapi", "3.1.0", "info", "title", "Madrigal", "version", madrigal_version(), "description",
	                 "Songs from lyrics and a line of style, by the routes of the AI/ML API and of MiniMax, and Madrigal's own.", "paths", paths, "components", "schemas", schemas,
	                 "securitySchemes", "bearer", "type", "http", "scheme", "bearer");
}

int serve_openapi(char **ret, struct madrigal_error *err)
{
	json_t *o = document();
	char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	json_decref(o);
	if (!text)
		return err_nomem(err);
	*ret = text;
	return 0;
}

void openapi_get(struct call *c)
{
	struct madrigal_error err = { 0 };
	char *text;
	if (serve_openapi(&text, &err))
		answer_fault(c, &err);
	else
		http_reply_take(c->x, 200, "application/json", text, strlen(text));
}
