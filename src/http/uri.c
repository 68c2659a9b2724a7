/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request's target: RFC 9112 section 3.2 (its four forms), RFC 3986 (percent-encoding), application/x-www-form-urlencoded for the query. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/http_internal.h"

static int refuse(struct request *r, const char *why)
{
	request_refuse(r, 400, why);
	return -1;
}

bool utf8_valid(const char *text, size_t n)
{
	static const uint32_t least[4] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text, *end = p + n;
	while (p < end) {
		int more = *p < 0x80 ? 0 : (*p & 0xe0) == 0xc0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 : (*p & 0xf8) == 0xf0 ? 3 : -1;
		if (more < 0 || end - p <= more)
			return false;
		uint32_t c = more ? *p & (0x3fu >> more) : *p;
		for (int i = 1; i <= more; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (p[i] & 0x3fu);
		}
		if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
		p += more + 1;
	}
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes n bytes at p to *out, which moves past the NUL that is added; 0, or -1 for an incomplete escape, a NUL or what is not UTF-8. */
static int decode(const char *p, size_t n, bool plus_is_blank, char **out)
{
	char *to = *out, *start = to;
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		if (c == '%') {
			int high = i + 2 < n ? hex(p[i + 1]) : -1, low = i + 2 < n ? hex(p[i + 2]) : -1;
			if (high < 0 || low < 0 || high + low == 0)
				return -1;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		*to++ = c;
	}
	if (!utf8_valid(start, (size_t)(to - start)))
		return -1;
	*to = 0;
	*out = to + 1;
	return 0;
}

/* No "." or ".." between slashes, no control characters: a path that reads one way only. */
static bool path_plain(const char *path)
{
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		size_t n = strcspn(p, "/");
		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
	}
	return true;
}

static int parse_query(struct request *r, const char *q, size_t n, char **out)
{
	for (const char *end = q + n; q < end;) {
		const char *stop = memchr(q, '&', (size_t)(end - q));
		stop = stop ? stop : end;
		const char *equals = memchr(q, '=', (size_t)(stop - q));
		const char *name_end = equals ? equals : stop, *value = equals ? equals + 1 : stop;
		if (stop > q) {
			if (r->n_query == QUERY_MAX)
				return refuse(r, "there are too many query parameters");
			struct pair *pair = &r->query[r->n_query++];
			pair->name = *out;
			if (decode(q, (size_t)(name_end - q), true, out) < 0)
				return refuse(r, "the query is malformed or not UTF-8");
			pair->value = *out;
			if (decode(value, (size_t)(stop - value), true, out) < 0)
				return refuse(r, "the query is malformed or not UTF-8");
		}
		q = stop + 1;
	}
	return 0;
}

/* The absolute form is for proxies, but a server must take it (RFC 9112, 3.2.2). Returns where its path begins, NULL if it is not one. */
static const char *after_authority(const char *t, const char *end)
{
	size_t n = strncasecmp(t, "http://", 7) == 0 ? 7 : strncasecmp(t, "https://", 8) == 0 ? 8 : 0;
	if (n == 0)
		return NULL;
	const char *p = t + n, *host = p;
	while (p < end && *p != '/' && *p != '?')
		if (*p++ == '@')
			return NULL;
	return p == host ? NULL : p;
}

int uri_parse(struct request *r)
{
	const char *t = r->target, *end = t + r->target_n;
	if (memchr(t, '#', r->target_n))
		return refuse(r, "there is a fragment in the target");
	bool asterisk = r->target_n == 1 && *t == '*' && strcmp(r->method, "OPTIONS") == 0;
	if (*t != '/' && !asterisk && !(t = after_authority(t, end)))
		return refuse(r, "the target is malformed");
	const char *mark = memchr(t, '?', (size_t)(end - t)), *path_end = mark ? mark : end;
	size_t raw_n = (size_t)(path_end - t);
	/* raw path, path ("/" for none) and the parameters, each with its NUL: a name takes the place of its "&", a value of its "=" or one more. */
	char *out = r->decoded = malloc(2 * raw_n + 4 + (size_t)(end - path_end) + QUERY_MAX + 2);
	if (!out) {
		request_refuse(r, 503, "out of memory");
		return -1;
	}
	r->raw_path = out;
	if (raw_n == 0)
		*out++ = '/';
	out = (char *)mempcpy(out, t, raw_n);
	*out++ = 0;
	r->path = out;
	if (decode(r->raw_path, strlen(r->raw_path), false, &out) < 0 || !path_plain(r->path)) {
		r->path = NULL;
		return refuse(r, "the path is malformed, not UTF-8, or has dot segments");
	}
	return mark ? parse_query(r, mark + 1, (size_t)(end - mark - 1), &out) : 0;
}
