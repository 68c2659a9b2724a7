/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http/: an HTTP/1.1 server on one thread: epoll, llhttp, and limits on everything. It knows nothing of songs.
 *
 * Strict after RFC 9112: a request is refused (400, connection closed) that has both Content-Length and Transfer-Encoding, more than one Content-Length
 * or Host, no Host (1.1), a folded header line, a space before a header's colon, a bare LF or CR, NUL or another control character, an encoding other than
 * chunked, trailers after the body, a method that llhttp does not know, CONNECT. 431 for more than 16 KiB of headers or more than 100 of them, 413 for a body
 * above the limit, 414 for a target above 8 KiB, 417 for an Expect other than 100-continue (which is answered), 408 for one that is late; 405 and 404 are the
 * application's. The header must be complete within header_s, the whole request within request_s, both from its first byte on and whatever drips in between;
 * a client must read 64 KiB of its answer, or the rest, within write_s; an idle connection is kept for idle_s. Keep-alive and pipelining (one request at a
 * time is handled) work, for HTTP/1.0 too. A connection that ends after an answer is shut for writing and what still comes is dropped for linger_s, so that
 * the answer arrives.
 *
 * An exchange is a request and its answer. The handler answers at once or keeps the exchange and answers later, from the same thread (a tick, a watched
 * descriptor). It is freed by the server when the answer is out or the client has gone (then `closed` is called first, unless it was answered), never inside
 * a call of the application's: after http_reply it is still there until the callback returns. A client that only shuts its sending side can't be told from one
 * that has left: it has half_closed_s for its answer to begin, then counts as gone.
 *
 *     struct http_config c = http_config_default();
 *     struct http_app app = { .request = answer };      // static void answer(void *ctx, struct http_exchange *x) { http_reply(x, 200, "text/plain", "hi\n", 3); }
 *     struct http_server *s;
 *     if (http_server_new(&c, &app, NULL, &s, &err) == 0)
 *         rc = http_server_run(s, &err);
 *     http_server_free(s);
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct http_server;
struct http_exchange;

struct http_config {
	const char *address;          /* borrowed by http_server_new; "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0" (any free port) */
	size_t body_max_bytes;        /* of a request; the handler's `limit` may lower or raise it by path */
	size_t body_memory_bytes;     /* bodies above this go to an unlinked file in spool_dir */
	const char *spool_dir;
	int connections_max;          /* above it the oldest idle one is closed, or else the new one is answered 503 */
	int connections_per_peer_max; /* 0: no limit; an IPv6 /64 is one peer */
	double header_s, request_s, write_s, idle_s;
	double half_closed_s, linger_s;
	double tick_s;                /* how often app.tick is called */
};
struct http_config http_config_default(void); /* 127.0.0.1:8080, 1 MiB, 256 KiB, /tmp, 1024, 0, 10, 120, 60, 60, 5, 5, 0.1 */

#define HTTP_ANSWER_NOW (-2)

struct http_app {
	/* The headers are there: the most bytes of body to take for this path (0: refuse any), -1 for the default, or HTTP_ANSWER_NOW for an answer that needs no
	 * body: the request is handed over at once as if it had none, and if it has one, that is not taken and the connection ends. May be NULL. */
	ssize_t (*limit)(void *ctx, const struct http_exchange *x);
	/* The request is complete. */
	void (*request)(void *ctx, struct http_exchange *x);
	/* The client has gone before the answer was complete: forget x. May be NULL. */
	void (*closed)(void *ctx, struct http_exchange *x);
	/* Every tick_s. May be NULL. */
	void (*tick)(void *ctx);
	/* After each turn of the loop, when all that was ready has been handled: for what is done once for several exchanges, such as a write to a disk. May be NULL. */
	void (*turned)(void *ctx);
	/* An answer is out (or was cut off): for a line of log and for metrics. bytes_sent counts its headers too; seconds since the request's first byte. Also for
	 * what the server itself refused; then method and path may be "". May be NULL. */
	void (*done)(void *ctx, const struct http_exchange *x, int status, uint64_t bytes_sent, double seconds);
	/* The body of an error that the server itself answers (400, 408, 413, 414, 417, 431, 503): writes JSON into buf (a string, at most n bytes) and
	 * returns its length; path may be "". NULL: {"message": ...}. */
	int (*refusal)(void *ctx, int status, const char *path, const char *message, char *buf, size_t n);
};

/* Binds and listens. app is copied. MADRIGAL_EUSAGE: not an address; MADRIGAL_EIO: it cannot be listened on. */
int http_server_new(const struct http_config *c, const struct http_app *app, void *ctx, struct http_server **ret, struct madrigal_error *err) MUST_CHECK;
void http_server_free(struct http_server *s);
/* Runs on the calling thread until http_server_stop, once. Afterwards all connections are closed. */
int http_server_run(struct http_server *s, struct madrigal_error *err) MUST_CHECK;
/* May be called from a signal handler and from any thread. Stops accepting at once, closes what is idle; run returns when all are answered or after grace_s. */
void http_server_stop(struct http_server *s, double grace_s);
int http_server_port(const struct http_server *s);
/* Open connections; from the server's thread. */
int http_server_connections(const struct http_server *s);
/* Calls fn from the loop whenever fd is readable or hung up, until unwatched. The fd stays the caller's: unwatch it before closing it.
 * MADRIGAL_EUSAGE: watched already. */
typedef void http_watch_fn(void *user, int fd);
int http_server_watch(struct http_server *s, int fd, http_watch_fn *fn, void *user, struct madrigal_error *err) MUST_CHECK;
void http_server_unwatch(struct http_server *s, int fd);

/* ---- the request; strings are borrowed until the exchange ends ---- */
const char *http_method(const struct http_exchange *x);       /* "GET", ... */
const char *http_path(const struct http_exchange *x);         /* percent-decoded, starts with '/' ("*" for OPTIONS *), UTF-8, no dot segments, no controls */
const char *http_raw_path(const struct http_exchange *x);     /* as sent, without the query and, in the absolute form, the authority */
const char *http_header(const struct http_exchange *x, const char *name); /* any case; NULL if absent; several are joined by ", " (cookies by "; ") */
/* Query parameters, percent-decoded ('+' is a blank), in order. i counts from 0; returns 0 after the last. At most 64. */
int http_query_at(const struct http_exchange *x, int i, const char **ret_name, const char **ret_value);
const char *http_query(const struct http_exchange *x, const char *name); /* the first by that name, or NULL */
const char *http_peer(const struct http_exchange *x);         /* the client's address without its port */
/* The body: in memory (NUL after the last byte), or, if http_body_fd is >= 0, in a file whose offset is 0 and which is
 * closed with the exchange. */
const char *http_body(const struct http_exchange *x, size_t *ret_len);
int http_body_fd(const struct http_exchange *x, size_t *ret_len);

/* For the handler's own use. */
void http_set_user(struct http_exchange *x, void *user);
void *http_user(const struct http_exchange *x);

/* ---- the answer ---- */
/* Adds a header before the answer begins; a name that is none or a value with CR or LF is left out. Date, Content-Type, Content-Length,
 * Transfer-Encoding and Connection are
 * the server's. An answer is given once: later calls do nothing (what they take over is freed). */
void http_reply_header(struct http_exchange *x, const char *name, const char *value);
/* Answers whole; body is copied. content_type may be NULL. HEAD, 204 and 304 send no body. */
void http_reply(struct http_exchange *x, int status, const char *content_type, const void *body, size_t n);
/* The same, taking over body (malloc'ed). */
void http_reply_take(struct http_exchange *x, int status, const char *content_type, char *body, size_t n);
/* Answers with bytes from..from+n-1 of fd (taken over), by sendfile. */
void http_reply_file(struct http_exchange *x, int status, const char *content_type, int fd, uint64_t from, uint64_t n);
/* Answers piece by piece: chunked, or until close for HTTP/1.0. http_stream_write returns the bytes still waiting to be read by the client (write no more
 * than a few hundred KiB ahead; at 64 MiB the connection ends), or -1 if it has gone; n 0 only asks. http_stream_end ends the exchange. */
void http_stream_begin(struct http_exchange *x, int status, const char *content_type);
ssize_t http_stream_write(struct http_exchange *x, const void *p, size_t n);
void http_stream_end(struct http_exchange *x);

/* ---- multipart/form-data (RFC 7578), multipart.c ---- */
struct http_part {
	char name[64], filename[256], content_type[128]; /* filename "" if there is none; never used as a path */
	uint64_t from, n;             /* where its content lies in the body */
};
/* Finds the parts of a body of n bytes: in a file if fd >= 0 (read with pread, 64 KiB at a time), else in memory. content_type is the request's header, or
 * NULL. MADRIGAL_EUSAGE: it is malformed, a name is longer than 63 bytes, or there are more than max parts; MADRIGAL_EIO: the file cannot be read. */
int http_multipart(const char *content_type, const char *body, int fd, size_t n, struct http_part *ret_parts, int max, int *ret_n,
                   struct madrigal_error *err) MUST_CHECK;

#endif
