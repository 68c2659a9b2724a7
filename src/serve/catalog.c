/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/models and /model/{id}, as the AI/ML API has them: no key is needed. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/api.h"

/* Is one of the values of all query parameters called name (comma-separated, any case) equal to `value`? 1 too if there are none. */
static int wanted(const struct call *c, const char *name, const char *value)
{
	int any = 0;
	const char *n, *v;
	for (int i = 0; http_query_at(c->x, i, &n, &v); i++) {
		if (strcmp(n, name))
			continue;
		for (const char *p = v; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
			size_t len = strcspn(p, ",");
			any = 1;
			if (strlen(value) == len && !strncasecmp(p, value, len))
				return 1;
		}
	}
	return !any;
}

static int includes(const struct call *c, const char *what)
{
	const char *details = http_query(c->x, "details");
	if (details && (!strcasecmp(details, "true") || !strcmp(details, "1")))
		return 1;
	return http_query(c->x, "include") && (wanted(c, "include", what) || wanted(c, "include", "all"));
}

static json_t *model_json(const struct call *c, const struct model *m)
{
	static const char type[] = "internal/audio-generations/submit";
	json_t *o = json_pack("{s:s, s:[], s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s}, s:[s], s:[s], s:[s,s]}", "id", m->id, "aliases", "type", type, "info", "name", m->title, "developer",
	                      "Madrigal", "description", m->doc, "releasedAt", "2026-11-01T00:00:00.000Z", "url", "/", "docsUrl", "/openapi.json", "docsJson", "/openapi.json", "tags", "music", "endpoints",
	                      m->family == API_AIML_01 ? "/v2/generate/audio/minimax/generate" : "/v2/generate/audio", "capabilities", "music_generation", "audio_generation");
	if (m->alias)
		json_array_append_new(json_object_get(o, "aliases"), json_string(m->alias));
	if (includes(c, "pricing"))
		json_object_set_new(o, "pricing", json_pack("{s:s, s:I, s:f}", "unit", "generation", "credits", (json_int_t)m->price, "usd", (double)m->price / CREDITS_PER_USD));
	if (includes(c, "modalities"))
		json_object_set_new(o, "modalities", m->kind == KIND_SONG || m->kind == KIND_INSTRUMENTAL ? json_pack("{s:[s], s:[s]}", "input", "text", "output", "audio")
		                                                                                           : json_pack("{s:[s,s], s:[s]}", "input", "text", "audio", "output", "audio"));
	return o;
}

static int is_shown(const struct call *c, const struct model *m)
{
	if (m->family == API_MINIMAX)
		return 0;
	int audio_in = m->kind != KIND_SONG && m->kind != KIND_INSTRUMENTAL;
	int capable = wanted(c, "capabilities", "music_generation") || wanted(c, "capabilities", "audio_generation");
	int input = wanted(c, "input_modalities", "text") || (audio_in && wanted(c, "input_modalities", "audio"));
	int either = wanted(c, "modalities", "audio") || wanted(c, "modalities", "text");
	return capable && input && either && wanted(c, "output_modalities", "audio") && wanted(c, "type", "internal/audio-generations/submit") && wanted(c, "tags", "music") &&
	       (wanted(c, "id", m->id) || (m->alias && wanted(c, "id", m->alias)));
}

void catalog_models(struct call *c)
{
	json_t *list = json_array();
	for (int i = 0; i < n_models; i++)
		if (is_shown(c, &models[i]))
			json_array_append_new(list, model_json(c, &models[i]));
	json_t *o = json_pack("{s:s, s:o}", "object", "list", "data", list);
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text) {
		answer_error(c, 500, MINIMAX_INTERNAL, "Internal server error", NULL);
		return;
	}
	unsigned char hash[16];
	char etag[36] = "\"";
	crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0);
	sodium_bin2hex(etag + 1, 33, hash, sizeof hash);
	etag[33] = '"';
	etag[34] = 0;
	http_reply_header(c->x, "ETag", etag);
	const char *have = http_header(c->x, "if-none-match");
	if (have && strstr(have, etag)) {
		free(text);
		http_reply(c->x, 304, NULL, NULL, 0);
		return;
	}
	http_reply_take(c->x, 200, "application/json", text, strlen(text));
}

void catalog_model(struct call *c)
{
	const struct model *m = model_find(API_AIML, c->rest);
	if (!m)
		m = model_find(API_AIML_01, c->rest);
	if (!m)
		answer_error(c, 404, MINIMAX_PARAMS, "Model not found", NULL);
	else
		answer_json(c, 200, json_pack("{s:s, s:o}", "object", "model", "data", model_json(c, m)));
}
