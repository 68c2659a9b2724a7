/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The head of a request by RFC 9112 sections 2 to 6 and RFC 9110 section 5, to the letter: parsers differ in what they forgive, and requests are smuggled
 * through the difference. llhttp reads the same bytes afterwards (request.c); both must agree. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/http_internal.h"

#define REQUEST_LINE_MAX_BYTES (TARGET_MAX_BYTES + 64)
#define BLANK_LINES_MAX 4

bool is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return n > 0;
}

static int refuse(struct request *r, int status, const char *why)
{
	request_refuse(r, status, why);
	return -1;
}

/* At the end of a line: 1 if it was the empty one that ends the head. */
static int line_ended(struct request *r)
{
	bool empty = r->scanned - r->line_start == 1;
	if (empty && r->line_end)
		return 1;
	if (empty) { /* RFC 9112, 2.2: empty lines before a request are ignored */
		memmove(r->head.data, r->head.data + 2, r->head.len - 2);
		r->head.len -= 2;
		r->scanned = 0;
		return ++r->blank_lines > BLANK_LINES_MAX ? refuse(r, 400, "the request begins with empty lines") : 0;
	}
	r->line_start = ++r->scanned;
	if (!r->line_end)
		r->line_end = r->line_start;
	return 0;
}

int head_scan(struct request *r)
{
	while (r->scanned < r->head.len) {
		size_t i = r->scanned;
		unsigned char c = (unsigned char)r->head.data[i];
		bool after_cr = i > r->line_start && r->head.data[i - 1] == '\r';
		if ((c == '\n') != after_cr)
			return refuse(r, 400, "a line does not end with CR LF");
		if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
			return refuse(r, 400, "there is a control character in the headers");
		if (!r->line_end && i >= REQUEST_LINE_MAX_BYTES)
			return refuse(r, 414, "the request line is too long");
		if (r->line_end && i - r->line_end >= HEAD_MAX_BYTES)
			return refuse(r, 431, "the headers are too large");
		if (c == '\n') {
			int rc = line_ended(r);
			if (rc) {
				r->scanned++;
				return rc;
			}
		} else {
			r->scanned++;
		}
	}
	return 0;
}

static int parse_request_line(struct request *r)
{
	char *p = r->head.data, *end = p + r->line_end - 2;
	char *blank = memchr(p, ' ', (size_t)(end - p));
	if (!blank || !is_token(p, (size_t)(blank - p)))
		return refuse(r, 400, "the request line is malformed");
	r->method = p;
	r->method_n = (size_t)(blank - p);
	r->target = blank + 1;
	for (p = r->target; p < end && *p > 0x20 && *p < 0x7f; p++)
		;
	r->target_n = (size_t)(p - r->target);
	if (r->target_n > TARGET_MAX_BYTES)
		return refuse(r, 414, "the request's target is too long");
	if (end - p != 9 || r->target_n == 0 || (memcmp(p, " HTTP/1.1", 9) != 0 && memcmp(p, " HTTP/1.0", 9) != 0))
		return refuse(r, 400, "the request line is malformed, or not of version 1.1 or 1.0");
	r->version_1_0 = p[8] == '0';
	return 0;
}

static int parse_field(struct request *r, char *line, char *end)
{
	if (*line == ' ' || *line == '\t')
		return refuse(r, 400, "a header is continued on a second line");
	char *colon = memchr(line, ':', (size_t)(end - line));
	if (!colon || !is_token(line, (size_t)(colon - line)))
		return refuse(r, 400, "a header is malformed");
	if (r->n_fields == FIELDS_MAX)
		return refuse(r, 431, "there are too many headers");
	char *value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	r->fields[r->n_fields++] = (struct field){ line, value, (size_t)(colon - line), (size_t)(end - value) };
	return 0;
}

static bool is(const char *p, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(p, name, n) == 0;
}

static int parse_length(struct request *r, const struct field *f)
{
	uint64_t length = 0;
	if (r->has_length)
		return refuse(r, 400, "there is more than one Content-Length");
	if (f->value_n == 0 || f->value_n > 18)
		return refuse(r, 400, "Content-Length is not a number");
	for (size_t i = 0; i < f->value_n; i++) {
		if (f->value[i] < '0' || f->value[i] > '9')
			return refuse(r, 400, "Content-Length is not a number");
		length = length * 10 + (uint64_t)(f->value[i] - '0');
	}
	r->has_length = true;
	r->length = length;
	return 0;
}

/* uri-host [":" port], RFC 9112, 3.2. */
static bool host_valid(const struct field *f)
{
	for (size_t i = 0; i < f->value_n; i++) {
		char c = f->value[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~%!$&'()*+;=:[]", c)))
			return false;
	}
	return true;
}

/* What decides where a request ends and whom it is for must be said once and clearly. */
static int check_framing(struct request *r)
{
	int hosts = 0;
	for (int i = 0; i < r->n_fields; i++) {
		const struct field *f = &r->fields[i];
		if (is(f->name, f->name_n, "host")) {
			if (hosts++ || !host_valid(f))
				return refuse(r, 400, hosts > 1 ? "there is more than one Host" : "Host is malformed");
		} else if (is(f->name, f->name_n, "content-length")) {
			if (parse_length(r, f) < 0)
				return -1;
		} else if (is(f->name, f->name_n, "transfer-encoding")) {
			if (r->chunked || r->version_1_0 || !is(f->value, f->value_n, "chunked"))
				return refuse(r, 400, "the Transfer-Encoding is not chunked alone");
			r->chunked = true;
		} else if (is(f->name, f->name_n, "expect")) {
			if (!is(f->value, f->value_n, "100-continue"))
				return refuse(r, 417, "Expect is not 100-continue");
			r->expects_continue = !r->version_1_0;
		}
	}
	if (hosts == 0 && !r->version_1_0)
		return refuse(r, 400, "there is no Host");
	if (r->chunked && r->has_length)
		return refuse(r, 400, "there are both Content-Length and Transfer-Encoding");
	return 0;
}

int head_parse(struct request *r)
{
	if (parse_request_line(r) < 0)
		return -1;
	char *p = r->head.data + r->line_end, *last = r->head.data + r->scanned - 2;
	while (p < last) {
		char *end = memchr(p, '\r', (size_t)(last - p));
		if (parse_field(r, p, end) < 0)
			return -1;
		p = end + 2;
	}
	return check_framing(r);
}

/* Gathers all values of field i's name in r->joined from at on; returns where it stops. */
static size_t join(struct request *r, int i, size_t at)
{
	struct field *first = &r->fields[i];
	const char *between = strcasecmp(first->name, "cookie") == 0 ? "; " : ", ";
	char *out = r->joined + at;
	at += (size_t)(stpcpy(r->joined + at, first->value) - out);
	for (int k = i + 1; k < r->n_fields; k++) {
		struct field *f = &r->fields[k];
		if (!f->name || strcasecmp(f->name, first->name) != 0)
			continue;
		at = (size_t)(stpcpy(stpcpy(r->joined + at, between), f->value) - r->joined);
		f->name = NULL;
	}
	first->value = out;
	return at + 1;
}

int head_finish(struct request *r)
{
	size_t at = 0;
	for (int i = 0; i < r->n_fields; i++) {
		r->fields[i].name[r->fields[i].name_n] = 0;
		r->fields[i].value[r->fields[i].value_n] = 0;
	}
	for (int i = 0; i < r->n_fields; i++) {
		bool again = false;
		for (int k = i + 1; k < r->n_fields && r->fields[i].name; k++)
			again = again || (r->fields[k].name && strcasecmp(r->fields[k].name, r->fields[i].name) == 0);
		if (!again)
			continue;
		/* Each value once, with a separator or an end of 2 bytes at most. */
		if (!r->joined && !(r->joined = malloc(r->head.len + 2 * FIELDS_MAX)))
			return refuse(r, 503, "out of memory");
		at = join(r, i, at);
	}
	r->method[r->method_n] = 0;
	r->target[r->target_n] = 0;
	return 0;
}

const char *head_field(const struct request *r, const char *name)
{
	for (int i = 0; i < r->n_fields; i++)
		if (r->fields[i].name && strcasecmp(r->fields[i].name, name) == 0)
			return r->fields[i].value;
	return NULL;
}
