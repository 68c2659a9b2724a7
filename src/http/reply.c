/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the application sees of a request, and what it answers. Nothing here touches a socket: see invariant 2. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/http_internal.h"

#define HEADERS_MAX_BYTES (16 * 1024)
#define AHEAD_MAX_BYTES (64u * 1024 * 1024) /* of a stream that is not read */
#define COPIED_MAX_BYTES (16 * 1024)        /* up to here a body is sent in one piece with its headers */

/* ------------------------------------------------------------------ the request */

const char *http_method(const struct http_exchange *x)
{
	return x->request.decoded ? x->request.method : "";
}

const char *http_path(const struct http_exchange *x)
{
	return x->request.path ? x->request.path : "";
}

const char *http_raw_path(const struct http_exchange *x)
{
	return x->request.raw_path ? x->request.raw_path : "";
}

const char *http_header(const struct http_exchange *x, const char *name)
{
	return x->request.decoded ? head_field(&x->request, name) : NULL;
}

int http_query_at(const struct http_exchange *x, int i, const char **ret_name, const char **ret_value)
{
	if (i < 0 || i >= x->request.n_query)
		return 0;
	*ret_name = x->request.query[i].name;
	*ret_value = x->request.query[i].value;
	return 1;
}

const char *http_query(const struct http_exchange *x, const char *name)
{
	for (int i = 0; i < x->request.n_query; i++)
		if (strcmp(x->request.query[i].name, name) == 0)
			return x->request.query[i].value;
	return NULL;
}

const char *http_peer(const struct http_exchange *x)
{
	return x->peer;
}

const char *http_body(const struct http_exchange *x, size_t *ret_len)
{
	*ret_len = x->request.body.len;
	return buf_str(&x->request.body);
}

int http_body_fd(const struct http_exchange *x, size_t *ret_len)
{
	if (x->request.body_fd >= 0)
		*ret_len = (size_t)x->request.body_n;
	return x->request.body_fd;
}

void http_set_user(struct http_exchange *x, void *user)
{
	x->user = user;
}

void *http_user(const struct http_exchange *x)
{
	return x->user;
}

/* ------------------------------------------------------------------ the answer */

static const char *reason(int status)
{
	static const struct { int status; const char *text; } reasons[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 206, "Partial Content" },
		{ 301, "Moved Permanently" }, { 302, "Found" }, { 303, "See Other" }, { 304, "Not Modified" }, { 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" }, { 409, "Conflict" },
		{ 410, "Gone" }, { 411, "Length Required" }, { 412, "Precondition Failed" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" }, { 416, "Range Not Satisfiable" }, { 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" }, { 507, "Insufficient Storage" },
	};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

static bool is_clean(const char *value)
{
	return !strpbrk(value, "\r\n");
}

/* Has the answer begun, or is there no one to hear it? */
static bool too_late(const struct http_exchange *x)
{
	return x->answering || x->gone;
}

void http_reply_header(struct http_exchange *x, const char *name, const char *value)
{
	if (!too_late(x) && is_token(name, strlen(name)) && is_clean(value))
		buf_addf(&x->headers, "%s: %s\r\n", name, value);
}

/* From here on the client has write_s to read. */
static void restart_write_clock(struct conn *c)
{
	c->since = c->server->now;
	c->progress = 0;
}

/* The answer's head; length -1 is not known beforehand. */
static void begin(struct http_exchange *x, int status, const char *content_type, int64_t length)
{
	const struct request *r = &x->request;
	bool bodyless = status < 200 || status == 204 || status == 304;
	restart_write_clock(x->conn);
	x->answering = true;
	x->status = status;
	x->head_only = bodyless || (r->method_n == 4 && strncmp(r->method, "HEAD", 4) == 0);
	x->chunked = length < 0 && !r->version_1_0 && !bodyless;
	x->close = x->close || !r->keep_alive || x->conn->server->stopping || (length < 0 && !x->chunked && !x->head_only);
	buf_addf(&x->out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason(status), server_date(x->conn->server));
	if (content_type && is_clean(content_type))
		buf_addf(&x->out, "Content-Type: %s\r\n", content_type);
	if (length >= 0 && !bodyless)
		buf_addf(&x->out, "Content-Length: %lld\r\n", (long long)length);
	if (x->chunked)
		buf_adds(&x->out, "Transfer-Encoding: chunked\r\n");
	if (x->close || r->version_1_0)
		buf_addf(&x->out, "Connection: %s\r\n", x->close ? "close" : "keep-alive");
	buf_add(&x->out, buf_str(&x->headers), x->headers.len);
	buf_adds(&x->out, "\r\n");
}

static void end(struct http_exchange *x)
{
	x->ended = true;
	conn_ready(x->conn);
}

void http_reply_take(struct http_exchange *x, int status, const char *content_type, char *body, size_t n)
{
	if (too_late(x)) {
		free(body);
		return;
	}
	begin(x, status, content_type, (int64_t)n);
	if (!x->head_only && n > COPIED_MAX_BYTES) {
		x->body = body;
		x->body_n = n;
	} else {
		if (!x->head_only)
			buf_add(&x->out, body, n);
		free(body);
	}
	end(x);
}

void http_reply(struct http_exchange *x, int status, const char *content_type, const void *body, size_t n)
{
	if (too_late(x))
		return;
	begin(x, status, content_type, (int64_t)n);
	if (!x->head_only)
		buf_add(&x->out, body, n);
	end(x);
}

void http_reply_file(struct http_exchange *x, int status, const char *content_type, int fd, uint64_t from, uint64_t n)
{
	if (too_late(x)) {
		close(fd);
		return;
	}
	begin(x, status, content_type, (int64_t)n);
	if (x->head_only || n == 0) {
		close(fd);
	} else {
		x->file_fd = fd;
		x->file_off = from;
		x->file_n = n;
	}
	end(x);
}

void http_stream_begin(struct http_exchange *x, int status, const char *content_type)
{
	if (too_late(x))
		return;
	begin(x, status, content_type, -1);
	conn_ready(x->conn);
}

ssize_t http_stream_write(struct http_exchange *x, const void *p, size_t n)
{
	if (x->gone || x->ended || !x->answering || x->out.failed)
		return -1;
	if (n && !x->head_only) {
		if (!reply_pending(x))
			restart_write_clock(x->conn);
		if (x->chunked)
			buf_addf(&x->out, "%zx\r\n", n);
		buf_add(&x->out, p, n);
		if (x->chunked)
			buf_adds(&x->out, "\r\n");
		conn_ready(x->conn);
	}
	return x->out.failed ? -1 : (ssize_t)reply_pending(x);
}

void http_stream_end(struct http_exchange *x)
{
	if (x->gone || x->ended || !x->answering)
		return;
	if (x->chunked && !x->head_only)
		buf_adds(&x->out, "0\r\n\r\n");
	end(x);
}

/* ------------------------------------------------------------------ the server's side */

struct http_exchange *exchange_new(struct conn *c)
{
	struct http_exchange *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->conn = c;
	x->began = c->server->now;
	x->file_fd = -1;
	x->headers = buf_init(HEADERS_MAX_BYTES);
	x->out = buf_init(AHEAD_MAX_BYTES);
	request_init(&x->request);
	bool v4 = IN6_IS_ADDR_V4MAPPED(&c->peer);
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&c->peer.s6_addr[12] : &c->peer, x->peer, sizeof x->peer);
	return x;
}

void exchange_free(struct http_exchange *x)
{
	if (!x)
		return;
	request_release(&x->request);
	buf_release(&x->headers);
	buf_release(&x->out);
	free(x->body);
	if (x->file_fd >= 0)
		close(x->file_fd);
	free(x);
}

uint64_t reply_pending(const struct http_exchange *x)
{
	return x->out.len - x->out_off + x->body_n - x->body_off + x->file_n;
}

void reply_refusal(struct http_exchange *x, int status, const char *why)
{
	const struct http_server *s = x->conn->server;
	char body[2048];
	int n = s->app.refusal ? s->app.refusal(s->ctx, status, http_path(x), why, body, sizeof body)
	                       : snprintf(body, sizeof body, "{\"message\": \"%s\"}", why);
	x->close = true;
	http_reply(x, status, "application/json", body, n < 0 ? 0 : n < (int)sizeof body ? (size_t)n : sizeof body - 1);
}
