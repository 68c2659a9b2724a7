/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/http_internal.h"

void request_refuse(struct request *r, int status, const char *why)
{
	r->state = REQUEST_REFUSED;
	r->status = status;
	r->why = why;
}

/* ------------------------------------------------------------------ the body */

static int open_spool(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	char path[PATH_MAX]; /* a file system without O_TMPFILE */
	if (snprintf(path, sizeof path, "%s/body-XXXXXX", dir) >= (int)sizeof path)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int spool(struct request *r, const char *p, size_t n)
{
	if (r->body_fd < 0) {
		r->body_fd = open_spool(r->spool_dir);
		if (r->body_fd < 0 || write_all(r->body_fd, buf_str(&r->body), r->body.len) < 0)
			return -1;
		buf_release(&r->body);
	}
	return write_all(r->body_fd, p, n);
}

static int on_body(llhttp_t *parser, const char *p, size_t n)
{
	struct request *r = parser->data;
	if (n > r->limit - r->body_n) {
		request_refuse(r, 413, "the body is too large");
		return HPE_USER;
	}
	if (r->body_fd < 0 && r->body_n + n <= r->memory_limit)
		buf_add(&r->body, p, n);
	else if (spool(r, p, n) < 0)
		request_refuse(r, 503, "the body cannot be stored");
	if (r->body.failed)
		request_refuse(r, 503, "out of memory");
	r->body_n += n;
	return r->state == REQUEST_REFUSED ? HPE_USER : 0;
}

/* ------------------------------------------------------------------ llhttp */

static int on_headers_complete(llhttp_t *parser)
{
	struct request *r = parser->data;
	r->keep_alive = llhttp_should_keep_alive(parser);
	r->headers_complete = true;
	parser->upgrade = 0; /* we don't: an Upgrade may be ignored (RFC 9110, 7.8) */
	return 0;
}

static int on_message_complete(llhttp_t *parser)
{
	((struct request *)parser->data)->complete = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

/* Feeds llhttp; returns the bytes used. */
static size_t execute(struct request *r, const char *p, size_t n)
{
	enum llhttp_errno e = llhttp_execute(&r->parser, p, n);
	if (r->state == REQUEST_REFUSED)
		return n;
	if (e == HPE_OK && !r->complete)
		return n;
	if (e == HPE_PAUSED && r->complete)
		return (size_t)(llhttp_get_error_pos(&r->parser) - p);
	request_refuse(r, 400, "the request is malformed");
	return n;
}

/* ------------------------------------------------------------------ a request */

void request_init(struct request *r)
{
	*r = (struct request){ .body_fd = -1, .head = buf_init(REQUEST_HEAD_MAX_BYTES) };
	llhttp_init(&r->parser, HTTP_REQUEST, &settings);
	r->parser.data = r;
}

void request_release(struct request *r)
{
	buf_release(&r->head);
	buf_release(&r->body);
	free(r->decoded);
	free(r->joined);
	if (r->body_fd >= 0)
		close(r->body_fd);
	r->decoded = r->joined = NULL;
	r->body_fd = -1;
}

/* The head is whole: both parsers look at it, then its strings are ended. */
static void head_complete(struct request *r)
{
	r->head.len = r->scanned;
	if (head_parse(r) < 0)
		return;
	bool connect = r->method_n == 7 && memcmp(r->method, "CONNECT", 7) == 0;
	size_t used = connect ? 0 : execute(r, r->head.data, r->head.len);
	if (r->state == REQUEST_REFUSED)
		return;
	bool bodyless = !r->chunked && r->length == 0;
	if (used != r->head.len || !r->headers_complete || r->complete != bodyless) {
		request_refuse(r, 400, "the request is malformed");
		return;
	}
	if (head_finish(r) == 0 && uri_parse(r) == 0)
		r->state = REQUEST_LIMIT;
}

static size_t feed_head(struct request *r, const char *p, size_t n)
{
	/* A refusal comes at the latest with the byte that is too many, so a head never holds more. */
	size_t room = r->head.max - r->head.len, take = n < room ? n : room;
	buf_add(&r->head, p, take);
	if (r->head.failed) {
		request_refuse(r, 503, "out of memory");
		return n;
	}
	int rc = head_scan(r);
	if (rc <= 0)
		return take;
	size_t extra = r->head.len - r->scanned;
	head_complete(r);
	return take - extra;
}

size_t request_feed(struct request *r, const char *p, size_t n)
{
	if (r->state == REQUEST_HEAD)
		return feed_head(r, p, n);
	if (r->state != REQUEST_BODY)
		return 0;
	if (r->chunked && !chunks_scan(&r->chunks, p, n)) {
		request_refuse(r, 400, "the chunks are malformed, or trailers follow them");
		return n;
	}
	size_t used = execute(r, p, n);
	if (r->state == REQUEST_BODY && r->complete && r->chunked && r->chunks.state != CHUNK_END)
		request_refuse(r, 400, "the request is malformed");
	if (r->state == REQUEST_BODY && r->complete) {
		r->state = REQUEST_DONE;
		if (r->body_fd >= 0 && lseek(r->body_fd, 0, SEEK_SET) < 0)
			request_refuse(r, 503, "the body cannot be stored");
	}
	return used;
}

void request_take_body(struct request *r, size_t limit, size_t memory_limit, const char *spool_dir)
{
	r->limit = limit;
	r->memory_limit = memory_limit;
	r->spool_dir = spool_dir;
	r->body = buf_init(memory_limit);
	if (r->complete)
		r->state = REQUEST_DONE;
	else if (limit == 0 || r->length > limit)
		request_refuse(r, 413, "the body is too large");
	else
		r->state = REQUEST_BODY;
}
