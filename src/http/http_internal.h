/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of http/ share. The way of a request: loop.c waits, conn.c moves bytes, request.c and head.c make a request of them (and know no
 * socket, so that they can be fuzzed), reply.c makes the answer's bytes.
 *
 * Invariants:
 * 1. A connection has an exchange from the first byte of a request until its answer is out; between requests it holds nothing but struct conn.
 * 2. Nothing is sent or freed inside a call of the application: http_reply and its kin only queue, and put the connection on the server's ready list.
 * 3. A connection or watch that ends while events are being handled is marked dead and freed after the last of them.
 * 4. Each connection is in at most one list of deadlines; each list is in the order of its deadlines.
 */
#ifndef HTTP_HTTP_INTERNAL_H
#define HTTP_HTTP_INTERNAL_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include <llhttp.h>

#include "base/buf.h"
#include "http/http.h"

#define HEAD_MAX_BYTES (16 * 1024)
#define TARGET_MAX_BYTES (8 * 1024)
#define FIELDS_MAX 100
#define QUERY_MAX 64
#define CHUNK_EXTENSIONS_MAX_BYTES 4096
/* A whole head: the request line, the headers, empty lines before them. */
#define REQUEST_HEAD_MAX_BYTES (TARGET_MAX_BYTES + HEAD_MAX_BYTES + 1024)

/* ---- a request ---- */

/* Strings lie in the request's head; the lengths serve until they are terminated. */
struct field {
	char *name, *value;
	size_t name_n, value_n;
};

struct pair {
	const char *name, *value;
};

enum chunk_state { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF, CHUNK_LAST_CR, CHUNK_LAST_LF, CHUNK_END };

struct chunks {
	enum chunk_state state;
	uint64_t left;
	int digits;
	size_t extensions;
};

/* Looks at n bytes more of a chunked body, up to its end; false if they are malformed. */
bool chunks_scan(struct chunks *k, const char *p, size_t n);

enum request_state {
	REQUEST_HEAD,    /* reading the request line and the headers */
	REQUEST_LIMIT,   /* they are there: request_take_body says how much body may follow */
	REQUEST_BODY,
	REQUEST_DONE,
	REQUEST_REFUSED, /* status and why say with what */
};

struct request {
	enum request_state state;
	int status;
	const char *why;
	/* head.c */
	struct buf head;
	size_t scanned, line_start, line_end; /* line_end: of the request line, 0 until it is there */
	int blank_lines;
	struct field fields[FIELDS_MAX];
	int n_fields;
	char *method, *target;
	size_t method_n, target_n;
	bool version_1_0, chunked, expects_continue, has_length;
	uint64_t length;
	/* uri.c */
	const char *raw_path, *path;
	struct pair query[QUERY_MAX];
	int n_query;
	char *decoded, *joined;
	/* request.c */
	llhttp_t parser;
	bool headers_complete, complete, keep_alive;
	struct chunks chunks;
	size_t limit, memory_limit;
	const char *spool_dir;
	struct buf body;
	int body_fd;
	uint64_t body_n;
};

void request_init(struct request *r);
void request_release(struct request *r);
/* Takes bytes; returns how many belong to this request. Look at r->state afterwards. */
size_t request_feed(struct request *r, const char *p, size_t n);
/* In REQUEST_LIMIT: the body may have that many bytes, and those above memory_limit go to a file in spool_dir (borrowed). */
void request_take_body(struct request *r, size_t limit, size_t memory_limit, const char *spool_dir);
void request_refuse(struct request *r, int status, const char *why);

/* Looks at the bytes of r->head that are new: 1 if the head is complete (r->scanned is its length), 0 if not yet, -1 if refused. */
int head_scan(struct request *r);
/* Splits a complete head; 0, or -1 if refused. */
int head_parse(struct request *r);
/* Ends its strings in place and joins what was sent in several lines; 0, or -1 if refused. Last, as it changes the head's bytes. */
int head_finish(struct request *r);
const char *head_field(const struct request *r, const char *name);
bool is_token(const char *p, size_t n);

/* Decodes r->target into raw_path, path and query; 0, or -1 if refused. */
int uri_parse(struct request *r);
bool utf8_valid(const char *p, size_t n);

/* ---- an exchange ---- */

struct http_exchange {
	struct conn *conn;
	struct request request;
	char peer[INET6_ADDRSTRLEN];
	void *user;
	double began;
	struct buf headers;      /* of the answer, added by the application */
	/* The answer: out, then body, then the file. */
	struct buf out;
	size_t out_off;
	char *body;
	size_t body_n, body_off;
	int file_fd;
	uint64_t file_off, file_n;
	bool dispatched;         /* the application has it */
	bool answering, ended;   /* its answer has begun; is complete, though perhaps not sent */
	bool chunked, head_only, close, gone;
	int status;
	uint64_t sent;
};

/* An exchange whose request begins now. NULL without memory. */
struct http_exchange *exchange_new(struct conn *c);
void exchange_free(struct http_exchange *x);
/* Bytes of the answer that are not sent yet. */
uint64_t reply_pending(const struct http_exchange *x);
/* The server's own answer to a request that it does not take; the connection ends with it. */
void reply_refusal(struct http_exchange *x, int status, const char *why);

/* ---- connections ---- */

enum source_kind { SOURCE_LISTENER, SOURCE_WAKE, SOURCE_CONN, SOURCE_WATCH };

/* What epoll hands back: the first member of whatever is waited for. */
struct source {
	enum source_kind kind;
	bool dead;
};

enum conn_state {
	CONN_READING,   /* idle, or a request is coming in */
	CONN_HANDLING,  /* the application has it, or its answer is going out */
	CONN_LINGERING, /* all is said; what the client still sends is dropped, lest a reset eat our answer */
};

enum deadline { DEADLINE_IDLE, DEADLINE_HEADER, DEADLINE_REQUEST, DEADLINE_WRITE, DEADLINE_LINGER, DEADLINE_HALF_CLOSED, DEADLINES };
#define DEADLINE_NONE DEADLINES

struct conn {
	struct source source;
	struct http_server *server;
	int fd;
	enum conn_state state;
	uint32_t events;
	bool eof, busy, ready;
	struct in6_addr peer;    /* IPv4 as ::ffff:a.b.c.d */
	struct http_exchange *x;
	struct buf in;           /* what came after the present request */
	size_t in_off;
	double since;            /* of idling, lingering, or of the last good progress in writing */
	uint64_t progress;       /* bytes sent since then */
	enum deadline deadline;
	double due;
	struct conn *due_prev, *due_next, *prev, *next, *next_ready, *next_dead;
};

struct watch {
	struct source source;
	int fd;
	http_watch_fn *fn;
	void *user;
	struct watch *next;
};

struct due_list {
	struct conn *first, *last;
};

struct http_server {
	struct http_config config;
	char *spool_dir;
	struct http_app app;
	void *ctx;
	int epoll_fd, listen_fd, wake_fd, spare_fd, port;
	struct source listener, wake;
	atomic_int stop;
	_Atomic double grace_s;
	bool stopping;
	double now, stop_at, next_tick, accept_again; /* accept_again: 0, or when a listener that failed is heard again */
	struct conn *conns, *ready, *dead;
	int n_conns;
	struct due_list due[DEADLINES];
	struct watch *watches;
	char date[40];
	time_t date_of;
	char scratch[64 * 1024];
};

/* Takes over fd. NULL (and fd closed) if it cannot. full: it is told so and closed. */
struct conn *conn_new(struct http_server *s, int fd, const struct in6_addr *peer, bool full);
void conn_event(struct conn *c, uint32_t events);
/* Sends and reads on as far as is possible now. */
void conn_advance(struct conn *c);
void conn_expired(struct conn *c);
/* Ends it at once, whatever it was doing. */
void conn_drop(struct conn *c);
/* Its exchange has something to send: conn_advance soon. */
void conn_ready(struct conn *c);
/* The value of the Date header. */
const char *server_date(struct http_server *s);
void server_set_due(struct conn *c, enum deadline kind, double due);

#endif
