/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "serve/api.h"


void iso_time(int64_t ms, char ret[32])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	size_t k = strftime(ret, 32, "%Y-%m-%dT%H:%M:%S", gmtime_r(&t, &tm));
	snprintf(ret + k, 32 - k, ".%03dZ", (int)(ms % 1000));
}

void log_line(const char *fmt, ...)
{
	char text[1024], when[32];
	iso_time(store_now_ms(), when);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	fprintf(stderr, "%s %s\n", when, text);
}

void trace_id(const char *id, char ret[33])
{
	unsigned char hash[16];
	crypto_generichash(hash, sizeof hash, (const unsigned char *)id, strlen(id), NULL, 0);
	sodium_bin2hex(ret, 33, hash, sizeof hash);
}

json_t *base_resp(int code, const char *message)
{
	return json_pack("{s:i, s:s}", "status_code", code, "status_msg", message);
}

/* A page on another host may call us: a key in a header is asked of it, and no cookie ever counts. The client's own request id is taken if it is harmless, dropped without a word if not. */
void answer_headers(struct call *c)
{
	http_reply_header(c->x, "Access-Control-Allow-Origin", "*");
	http_reply_header(c->x, "Access-Control-Expose-Headers", c->dialect == DIALECT_MINIMAX ? "Trace-Id, x-client-request-id, Retry-After"
	                  : "x-client-request-id, x-inference-id, x-aimlapi-credits-used, x-aimlapi-usd-spent, Retry-After");
	const char *id = http_header(c->x, "x-client-request-id");
	size_t n = id ? strlen(id) : 0;
	if (n < 1 || n > 128 || strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") != n)
		return;
	http_reply_header(c->x, "x-client-request-id", id);
}

void answer_json(struct call *c, int status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	json_decref(body);
	http_reply_header(c->x, "Cache-Control", "no-store");
	if (!text) {
		http_reply(c->x, 500, "application/json", "{\"message\":\"Internal server error\"}", 35);
		return;
	}
	http_reply_take(c->x, status, "application/json", text, strlen(text));
}

void answer_error(struct call *c, int http, enum minimax_code code, const char *message, const struct issues *issues)
{
	if (c->dialect == DIALECT_MINIMAX) {
		char trace[33];
		trace_id(c->id, trace);
		http_reply_header(c->x, "Trace-Id", trace);
		answer_json(c, http == 405 ? http : 200, json_pack("{s:n, s:s, s:o}", "data", "trace_id", trace, "base_resp", base_resp(code, message)));
		return;
	}
	char when[32];
	iso_time(store_now_ms(), when);
	json_t *o = json_pack("{s:s, s:i, s:s, s:s, s:s}", "requestId", c->id, "statusCode", http, "timestamp", when, "path", http_path(c->x), "message", message);
	if (o && issues && issues->list)
		json_object_set(o, "errors", issues->list);
	answer_json(c, http, o);
}

void answer_fault(struct call *c, const struct madrigal_error *err)
{
	log_line("fault request=%s code=%d %s", c->id, err->code, err->message);
	if (err->code == MADRIGAL_EIO || err->code == MADRIGAL_EMEMORY) {
		http_reply_header(c->x, "Retry-After", "5");
		answer_error(c, 503, MINIMAX_INTERNAL, "Service unavailable", NULL);
	} else {
		answer_error(c, 500, MINIMAX_INTERNAL, "Internal server error", NULL);
	}
}

/* "prompt: String must contain at least 10 character(s)" as MiniMax would put it. */
static void minimax_message(const json_t *issue, char *ret, size_t n)
{
	const json_t *path = json_object_get(issue, "path");
	const char *code = json_string_value(json_object_get(issue, "code")), *text = json_string_value(json_object_get(issue, "message"));
	const char *field = json_string_value(json_array_get(path, json_array_size(path) - 1));
	if (!field)
		field = "body";
	if (!strcmp(text, "Required"))
		snprintf(ret, n, "invalid params, %s is required", field);
	else if (!strcmp(code, "too_small") && strstr(text, "String"))
		snprintf(ret, n, "invalid params, %s is too short", field);
	else if (!strcmp(code, "too_big") && strstr(text, "String"))
		snprintf(ret, n, "invalid params, %s is too long", field);
	else if (!strcmp(code, "invalid_enum_value"))
		snprintf(ret, n, "invalid params, unsupported %s", field);
	else
		snprintf(ret, n, "invalid params, %s: %s", field, text);
}

void answer_issues(struct call *c, const struct issues *issues)
{
	char message[256];
	minimax_message(json_array_get(issues->list, 0), message, sizeof message);
	answer_error(c, 400, MINIMAX_PARAMS, c->dialect == DIALECT_MINIMAX ? message : "Body validation error", issues);
}

json_t *body_object(struct call *c, int optional)
{
	size_t n = 0;
	json_error_t at;
	json_t *o;
	int fd = http_body_fd(c->x, &n);
	if (fd >= 0) {
		o = json_loadfd(fd, JSON_REJECT_DUPLICATES, &at);
	} else {
		const char *text = http_body(c->x, &n);
		if (!n && optional)
			return json_object();
		o = json_loadb(text ? text : "", n, JSON_REJECT_DUPLICATES, &at);
	}
	if (json_is_object(o))
		return o;
	json_decref(o);
	struct issues is = { 0 };
	issue_add(&is, "invalid_type", "", o ? "Expected object" : "The body is not JSON");
	answer_error(c, 400, MINIMAX_PARAMS, c->dialect == DIALECT_MINIMAX ? "invalid params, the body is not a JSON object" : "Body validation error", &is);
	issues_release(&is);
	return NULL;
}
