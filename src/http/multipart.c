/* SPDX-License-Identifier: GPL-3.0-or-later */
/* multipart/form-data: RFC 7578, in the framing of RFC 2046 section 5.1.1. The body is never held whole: a window moves over it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "http/http_internal.h"

#define WINDOW_BYTES (64 * 1024)
#define PART_HEAD_MAX_BYTES 4096
#define BOUNDARY_MAX 70
#define PADDING_MAX 256         /* blanks after a boundary, RFC 2046's transport-padding */

/* A body, and what of it is at hand: bytes at..at+n-1. */
struct reader {
	const char *body;
	int fd;
	uint64_t size;
	char *window;               /* of a file */
	uint64_t at;
	size_t n;
};

/* Up to want bytes (at most WINDOW_BYTES) from `from` on; *ret_n is less only at the end. NULL if the file cannot be read. */
static const char *view(struct reader *r, uint64_t from, size_t want, size_t *ret_n)
{
	uint64_t left = from < r->size ? r->size - from : 0;
	*ret_n = left < want ? (size_t)left : want;
	if (r->body)
		return r->body + (from < r->size ? from : r->size);
	if (from >= r->at && from + *ret_n <= r->at + r->n)
		return r->window + (from - r->at);
	r->at = from;
	r->n = 0;
	size_t fill = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
	while (r->n < fill) {
		ssize_t k = pread(r->fd, r->window + r->n, fill - r->n, (off_t)(from + r->n));
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return NULL;
		r->n += (size_t)k;
	}
	return r->window;
}

/* Where text next begins at or after from. 1 and *ret, 0 if nowhere, -1 if the file cannot be read. */
static int find(struct reader *r, uint64_t from, const char *text, size_t text_n, uint64_t *ret)
{
	while (from + text_n <= r->size) {
		size_t n;
		const char *p = view(r, from, r->body ? (size_t)(r->size - from) : WINDOW_BYTES, &n);
		if (!p)
			return -1;
		const char *hit = memmem(p, n, text, text_n);
		if (hit) {
			*ret = from + (uint64_t)(hit - p);
			return 1;
		}
		from += n - text_n + 1; /* it may begin in this window and end in the next */
	}
	return 0;
}

/* ------------------------------------------------------------------ header parameters */

/* Reads "; name=value" at p, the value a token or a quoted string, of which out takes what fits. Returns where it ends, or NULL if it is malformed. */
static const char *parameter(const char *p, const char *end, char *name, size_t name_max, char *out, size_t out_max, bool *too_long)
{
	size_t n = 0;
	for (p++; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	const char *equals = memchr(p, '=', (size_t)(end - p));
	if (!equals || !is_token(p, (size_t)(equals - p)) || (size_t)(equals - p) >= name_max)
		return NULL;
	*(char *)mempcpy(name, p, (size_t)(equals - p)) = 0;
	p = equals + 1;
	bool quoted = p < end && *p == '"';
	*too_long = false;
	for (p += quoted; p < end && (quoted ? *p != '"' : *p != ';' && *p != ' ' && *p != '\t'); p++) {
		/* A backslash quotes a quote or itself; browsers of old sent bare ones in Windows paths. */
		if (quoted && *p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
			p++;
		if (n + 1 < out_max)
			out[n++] = *p;
		else
			*too_long = true;
	}
	if (quoted && p++ == end)
		return NULL;
	for (; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	out[n] = 0;
	return p == end || *p == ';' ? p : NULL;
}

/* Leaves whole characters only. */
static void cut_at_character(char *text)
{
	size_t n = strlen(text);
	for (int i = 0; i < 3 && n && !utf8_valid(text, n); i++)
		text[--n] = 0;
}

/* RFC 8187's UTF-8''caf%C3%A9.wav, which some clients send as filename* though RFC 7578 tells them not to. 0, or -1 if it is something else. */
static int decode_extended(char *text)
{
	char *from = text, *to = text;
	if (strncasecmp(text, "utf-8'", 6) != 0 || !(from = strchr(text + 6, '\'')))
		return -1;
	for (from++; *from; from++) {
		if (*from == '%') {
			char digits[3] = { from[1], from[1] ? from[2] : 0, 0 }, *end;
			*to = (char)strtoul(digits, &end, 16);
			if (end != digits + 2 || *to == 0 || digits[0] == '+' || digits[0] == '-' || digits[0] == ' ')
				return -1;
			from += 2;
			to++;
		} else {
			*to++ = *from;
		}
	}
	*to = 0;
	return 0;
}

static int parse_boundary(const char *content_type, char *out, size_t out_max, struct madrigal_error *err)
{
	static const char type[] = "multipart/form-data";
	char name[64];
	bool too_long;
	if (!content_type || strncasecmp(content_type, type, sizeof type - 1) != 0)
		return err_set(err, MADRIGAL_EUSAGE, "the content type is not multipart/form-data");
	const char *p = content_type + sizeof type - 1, *end = content_type + strlen(content_type);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p && p < end && *p == ';') {
		p = parameter(p, end, name, sizeof name, out, out_max, &too_long);
		if (p && strcasecmp(name, "boundary") == 0 && *out && !too_long)
			return 0;
	}
	return err_set(err, MADRIGAL_EUSAGE, "the content type has no boundary of 1 to %d characters", BOUNDARY_MAX);
}

static int parse_disposition(const char *p, const char *end, struct http_part *part, struct madrigal_error *err)
{
	char name[64], value[1024];
	bool too_long;
	if (end - p < 9 || strncasecmp(p, "form-data", 9) != 0)
		return err_set(err, MADRIGAL_EUSAGE, "a part is not form-data");
	for (p += 9; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	bool named = false;
	while (p && p < end && *p == ';') {
		p = parameter(p, end, name, sizeof name, value, sizeof value, &too_long);
		bool extended = p && strcasecmp(name, "filename*") == 0 && decode_extended(value) == 0;
		if (!p) {
			break;
		} else if (strcasecmp(name, "name") == 0) {
			named = true;
			if (strlen(value) >= sizeof part->name || !utf8_valid(value, strlen(value)))
				return err_set(err, MADRIGAL_EUSAGE, "a part's name is too long or not UTF-8");
			strcpy(part->name, value);
		} else if (extended || (strcasecmp(name, "filename") == 0 && !part->filename[0])) {
			bool cut = too_long || strlen(value) >= sizeof part->filename;
			value[sizeof part->filename - 1] = 0;
			if (cut)
				cut_at_character(value);
			if (!utf8_valid(value, strlen(value)))
				return err_set(err, MADRIGAL_EUSAGE, "a part's file name is not UTF-8");
			strcpy(part->filename, value);
		}
	}
	return p == end && named ? 0 : err_set(err, MADRIGAL_EUSAGE, "a part's Content-Disposition is malformed or has no name");
}

/* ------------------------------------------------------------------ parts */

/* One header line of a part. */
static int parse_line(const char *p, const char *end, struct http_part *part, bool *disposed, struct madrigal_error *err)
{
	const char *colon = memchr(p, ':', (size_t)(end - p)), *value = colon ? colon + 1 : end;
	if (!colon || !is_token(p, (size_t)(colon - p)) || memchr(p, 0, (size_t)(end - p)) || memchr(p, '\r', (size_t)(end - p)) || memchr(p, '\n', (size_t)(end - p)))
		return err_set(err, MADRIGAL_EUSAGE, "a part has a malformed header");
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	size_t name_n = (size_t)(colon - p), n = (size_t)(end - value);
	if (name_n == 19 && strncasecmp(p, "content-disposition", 19) == 0) {
		if (*disposed)
			return err_set(err, MADRIGAL_EUSAGE, "a part has two Content-Dispositions");
		*disposed = true;
		return parse_disposition(value, end, part, err);
	}
	if (name_n == 12 && strncasecmp(p, "content-type", 12) == 0 && n < sizeof part->content_type)
		*(char *)mempcpy(part->content_type, value, n) = 0;
	if (name_n == 25 && strncasecmp(p, "content-transfer-encoding", 25) == 0 && !(n == 6 && strncasecmp(value, "binary", 6) == 0) &&
	    !(n == 4 && (strncasecmp(value, "7bit", 4) == 0 || strncasecmp(value, "8bit", 4) == 0)))
		return err_set(err, MADRIGAL_EUSAGE, "a part is encoded; send it as it is");
	return 0;
}

/* Reads a part's headers at *at, which moves to its content. */
static int parse_head(struct reader *r, uint64_t *at, struct http_part *part, struct madrigal_error *err)
{
	size_t n;
	bool disposed = false;
	const char *p = view(r, *at, PART_HEAD_MAX_BYTES, &n), *start = p;
	if (!p)
		return err_set(err, MADRIGAL_EIO, "the body cannot be read");
	for (const char *end = p + n; ; p += 2) {
		const char *stop = memmem(p, (size_t)(end - p), "\r\n", 2);
		if (!stop)
			return err_set(err, MADRIGAL_EUSAGE, "a part's headers are incomplete or too long");
		if (stop == p)
			break;
		int rc = parse_line(p, stop, part, &disposed, err);
		if (rc < 0)
			return rc;
		p = stop;
	}
	*at += (uint64_t)(p + 2 - start);
	return disposed ? 0 : err_set(err, MADRIGAL_EUSAGE, "a part has no Content-Disposition");
}

enum after { AFTER_UNREADABLE = -1, AFTER_OTHER, AFTER_PART, AFTER_LAST };

/* What follows a boundary at *at: another part (*at moves to its headers), the end, or something else, so that it was none. */
static enum after after_boundary(struct reader *r, uint64_t *at)
{
	size_t n, i = 0;
	const char *p = view(r, *at, PADDING_MAX, &n);
	if (!p)
		return AFTER_UNREADABLE;
	if (n >= 2 && p[0] == '-' && p[1] == '-')
		return AFTER_LAST;
	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	if (i + 2 > n || p[i] != '\r' || p[i + 1] != '\n')
		return AFTER_OTHER;
	*at += i + 2;
	return AFTER_PART;
}

/* The next boundary line at or after *at: *ret_end is where the content before it ends, *at moves behind it. */
static int next_boundary(struct reader *r, const char *delimiter, uint64_t *at, uint64_t *ret_end, enum after *ret, struct madrigal_error *err)
{
	size_t n = strlen(delimiter);
	uint64_t hit, from = *at;
	for (;;) {
		int rc = find(r, from, delimiter, n, &hit);
		if (rc == 0)
			return err_set(err, MADRIGAL_EUSAGE, "the body ends before its last boundary");
		uint64_t behind = hit + n;
		enum after after = rc < 0 ? AFTER_UNREADABLE : after_boundary(r, &behind);
		if (after == AFTER_UNREADABLE)
			return err_set(err, MADRIGAL_EIO, "the body cannot be read");
		if (after != AFTER_OTHER) {
			*at = behind;
			*ret_end = hit;
			*ret = after;
			return 0;
		}
		from = hit + 2;
	}
}

/* The first boundary may stand at the very start, without the CR LF that belongs to the others. */
static int first_boundary(struct reader *r, const char *delimiter, uint64_t *at, enum after *ret, struct madrigal_error *err)
{
	size_t n, bare_n = strlen(delimiter) - 2;
	uint64_t end;
	const char *p = view(r, 0, bare_n, &n);
	if (!p)
		return err_set(err, MADRIGAL_EIO, "the body cannot be read");
	if (n == bare_n && memcmp(p, delimiter + 2, bare_n) == 0) {
		*at = bare_n;
		*ret = after_boundary(r, at);
		if (*ret > AFTER_OTHER)
			return 0;
		*at = 0;
	}
	return next_boundary(r, delimiter, at, &end, ret, err);
}

static int read_parts(struct reader *r, const char *delimiter, struct http_part *parts, int max, int *ret_n, struct madrigal_error *err)
{
	uint64_t at = 0, end;
	enum after after;
	int n = 0, rc = first_boundary(r, delimiter, &at, &after, err);
	for (; rc == 0 && after == AFTER_PART; n++) {
		if (n == max)
			return err_set(err, MADRIGAL_EUSAGE, "there are more than %d parts", max);
		parts[n] = (struct http_part){ 0 };
		rc = parse_head(r, &at, &parts[n], err);
		if (rc < 0)
			break;
		/* An empty part's boundary may share the CR LF of the empty line before it. */
		parts[n].from = at;
		at -= 2;
		rc = next_boundary(r, delimiter, &at, &end, &after, err);
		if (rc == 0)
			parts[n].n = end > parts[n].from ? end - parts[n].from : 0;
	}
	if (rc == 0)
		*ret_n = n;
	return rc;
}

int http_multipart(const char *content_type, const char *body, int fd, size_t n, struct http_part *ret_parts, int max, int *ret_n,
                   struct madrigal_error *err)
{
	char delimiter[4 + BOUNDARY_MAX + 1] = "\r\n--";
	int found = 0, rc = parse_boundary(content_type, delimiter + 4, sizeof delimiter - 4, err);
	if (rc < 0)
		return rc;
	struct reader r = { .body = fd < 0 ? body : NULL, .fd = fd, .size = n, .window = fd < 0 ? NULL : malloc(WINDOW_BYTES) };
	struct http_part *parts = calloc((size_t)max + 1, sizeof *parts);
	if (!parts || (fd >= 0 && !r.window))
		rc = err_nomem(err);
	else
		rc = read_parts(&r, delimiter, parts, max, &found, err);
	if (rc == 0) {
		memcpy(ret_parts, parts, (size_t)found * sizeof *parts);
		*ret_n = found;
	}
	free(parts);
	free(r.window);
	return rc;
}
