/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection: reading, handling, lingering. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "http/http_internal.h"

#define SENT_AT_ONCE_MAX_BYTES (1024 * 1024)  /* then it is another connection's turn */
#define PROGRESS_BYTES (64 * 1024)            /* a client must read that much within write_s, or all that there is */
#define KEPT_BYTES (64 * 1024)                /* a stream's buffer above this is given back when it is empty */

/* ------------------------------------------------------------------ birth and death */

struct conn *conn_new(struct http_server *s, int fd, const struct in6_addr *peer, bool full)
{
	struct conn *c = calloc(1, sizeof *c);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	if (!c || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(c);
		close(fd);
		return NULL;
	}
	*c = (struct conn){ .source.kind = SOURCE_CONN, .server = s, .fd = fd, .events = EPOLLIN, .peer = *peer, .in = buf_init(sizeof s->scratch),
	                    .since = s->now, .deadline = DEADLINE_NONE, .next = s->conns };
	if (s->conns)
		s->conns->prev = c;
	s->conns = c;
	s->n_conns++;
	if (full && (c->x = exchange_new(c))) {
		c->state = CONN_HANDLING;
		reply_refusal(c->x, 503, "the server is busy");
	}
	conn_ready(c);
	return c;
}

static void end_exchange(struct conn *c)
{
	struct http_exchange *x = c->x;
	struct http_server *s = c->server;
	if (!x)
		return;
	if (x->dispatched && !x->ended) {
		x->gone = true;
		if (s->app.closed)
			s->app.closed(s->ctx, x);
	}
	x->gone = true;
	if (x->answering && s->app.done)
		s->app.done(s->ctx, x, x->status, x->sent, s->now - x->began);
	c->x = NULL;
	exchange_free(x);
}

void conn_drop(struct conn *c)
{
	struct http_server *s = c->server;
	if (c->source.dead)
		return;
	c->source.dead = true;
	end_exchange(c);
	server_set_due(c, DEADLINE_NONE, 0);
	close(c->fd);
	buf_release(&c->in);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_conns--;
	c->next_dead = s->dead;
	s->dead = c;
}

void conn_ready(struct conn *c)
{
	if (c->ready || c->busy)
		return;
	c->ready = true;
	c->next_ready = c->server->ready;
	c->server->ready = c;
}

/* ------------------------------------------------------------------ sending */

/* sendfile knows no MSG_NOSIGNAL: SIGPIPE is held back around it and swallowed if it came. */
static ssize_t send_file(struct conn *c, struct http_exchange *x, size_t most)
{
	sigset_t pipe_only, before;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	off_t off = (off_t)x->file_off;
	ssize_t n = sendfile(c->fd, x->file_fd, &off, x->file_n < most ? (size_t)x->file_n : most);
	int e = errno;
	if (n < 0 && e == EPIPE && !sigismember(&before, SIGPIPE))
		sigtimedwait(&pipe_only, NULL, &(struct timespec){ 0 });
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = e;
	if (n > 0) {
		x->file_off += (uint64_t)n;
		x->file_n -= (uint64_t)n;
	} else if (n == 0) { /* the file is shorter than was promised */
		errno = EIO;
		return -1;
	}
	return n;
}

static ssize_t send_memory(struct conn *c, struct http_exchange *x)
{
	size_t out_n = x->out.len - x->out_off, body_n = x->body_n - x->body_off;
	struct iovec iov[2] = { { .iov_base = x->out.data + x->out_off, .iov_len = out_n }, { .iov_base = x->body + x->body_off, .iov_len = body_n } };
	struct msghdr m = { .msg_iov = out_n ? iov : iov + 1, .msg_iovlen = out_n && body_n ? 2 : 1 };
	ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL | (x->file_n ? MSG_MORE : 0));
	if (n > 0) {
		size_t of_out = (size_t)n < out_n ? (size_t)n : out_n;
		x->out_off += of_out;
		x->body_off += (size_t)n - of_out;
	}
	return n;
}

static void forget_sent(struct http_exchange *x)
{
	if (x->out_off == x->out.len) {
		if (x->out.cap > KEPT_BYTES)
			buf_release(&x->out);
		buf_clear(&x->out);
		x->out_off = 0;
	} else if (x->out_off > KEPT_BYTES && x->out_off > x->out.len / 2) {
		memmove(x->out.data, x->out.data + x->out_off, x->out.len - x->out_off);
		x->out.len -= x->out_off;
		x->out_off = 0;
	}
}

/* Sends what the socket takes. 0, or -1 if the connection is no more. */
static int flush(struct conn *c)
{
	struct http_exchange *x = c->x;
	size_t sent = 0;
	while (reply_pending(x) && sent < SENT_AT_ONCE_MAX_BYTES) {
		bool memory = x->out.len > x->out_off || x->body_n > x->body_off;
		ssize_t n = memory ? send_memory(c, x) : send_file(c, x, SENT_AT_ONCE_MAX_BYTES - sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			return -1;
		sent += (size_t)n;
	}
	x->sent += sent;
	c->progress += sent;
	if (c->progress >= PROGRESS_BYTES || !reply_pending(x)) {
		c->progress = 0;
		c->since = c->server->now;
	}
	forget_sent(x);
	return 0;
}

/* ------------------------------------------------------------------ receiving */

static void refuse(struct conn *c, int status, const char *why)
{
	c->state = CONN_HANDLING;
	reply_refusal(c->x, status, why);
}

/* The headers are there: how much body may follow, and does the client wait to be asked for it? */
static void take_body(struct conn *c, bool more_is_here)
{
	struct http_server *s = c->server;
	struct http_exchange *x = c->x;
	ssize_t limit = s->app.limit ? s->app.limit(s->ctx, x) : -1;
	if (limit == HTTP_ANSWER_NOW) {
		x->close = !x->request.complete;
		x->request.state = REQUEST_DONE;
		return;
	}
	request_take_body(&x->request, limit < 0 ? s->config.body_max_bytes : (size_t)limit, s->config.body_memory_bytes, s->spool_dir);
	if (x->request.state == REQUEST_BODY && x->request.expects_continue && !more_is_here)
		buf_adds(&x->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* Gives the request under way its bytes; returns how many it took. */
static size_t feed(struct conn *c, const char *p, size_t n)
{
	struct http_server *s = c->server;
	size_t used = 0;
	if (!c->x && !(c->x = exchange_new(c))) {
		conn_drop(c);
		return n;
	}
	struct request *r = &c->x->request;
	while (used < n && (r->state == REQUEST_HEAD || r->state == REQUEST_BODY)) {
		used += request_feed(r, p + used, n - used);
		if (r->state == REQUEST_LIMIT)
			take_body(c, used < n);
	}
	if (r->state == REQUEST_REFUSED) {
		refuse(c, r->status, r->why);
	} else if (r->state == REQUEST_DONE) {
		c->state = CONN_HANDLING;
		c->x->dispatched = true;
		s->app.request(s->ctx, c->x);
	}
	return used;
}

/* Feeds what came with an earlier request. */
static void feed_kept(struct conn *c)
{
	struct buf in = c->in;
	size_t off = c->in_off;
	c->in = buf_init(in.max);
	off += feed(c, in.data + off, in.len - off);
	if (c->source.dead || off == in.len) {
		buf_release(&in);
		return;
	}
	c->in = in;
	c->in_off = off;
}

static void receive(struct conn *c)
{
	struct http_server *s = c->server;
	ssize_t n = recv(c->fd, s->scratch, sizeof s->scratch, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		conn_drop(c);
	} else if (n == 0) {
		c->eof = true;
		if (c->x)
			refuse(c, 400, "the request ended early");
		else
			conn_drop(c);
	} else {
		size_t used = feed(c, s->scratch, (size_t)n);
		if (!c->source.dead && used < (size_t)n && !(c->x && c->x->close)) {
			buf_add(&c->in, s->scratch + used, (size_t)n - used);
			c->in_off = 0;
			if (c->in.failed)
				conn_drop(c);
		}
	}
}

/* TCP's MSG_TRUNC drops bytes without copying them. */
static void linger(struct conn *c)
{
	ssize_t n = recv(c->fd, NULL, SENT_AT_ONCE_MAX_BYTES, MSG_TRUNC);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_drop(c);
}

/* ------------------------------------------------------------------ what comes next */

/* The answer is out. */
static void next_request(struct conn *c)
{
	struct http_server *s = c->server;
	bool last = c->x->close || s->stopping;
	end_exchange(c);
	c->since = s->now;
	c->state = CONN_READING;
	bool more = c->in.len > c->in_off;
	if (!last && (!c->eof || more))
		return;
	buf_release(&c->in);
	c->in_off = 0;
	if (c->eof || shutdown(c->fd, SHUT_WR) < 0)
		conn_drop(c);
	else
		c->state = CONN_LINGERING;
}

/* Tells epoll and the clock what is waited for now. */
static void settle(struct conn *c)
{
	const struct http_config *k = &c->server->config;
	const struct http_exchange *x = c->x;
	uint32_t events = EPOLLIN;
	if (x && reply_pending(x)) {
		events = EPOLLOUT;
		server_set_due(c, DEADLINE_WRITE, c->since + k->write_s);
	} else if (c->state == CONN_LINGERING) {
		server_set_due(c, DEADLINE_LINGER, c->since + k->linger_s);
	} else if (c->state == CONN_HANDLING) {
		events = c->eof ? 0 : EPOLLRDHUP;
		bool hopeless = c->eof && !x->answering;
		server_set_due(c, hopeless ? DEADLINE_HALF_CLOSED : DEADLINE_NONE, c->since + k->half_closed_s);
	} else if (!x) {
		server_set_due(c, DEADLINE_IDLE, c->since + k->idle_s);
	} else if (x->request.state == REQUEST_HEAD) {
		server_set_due(c, DEADLINE_HEADER, x->began + k->header_s);
	} else {
		server_set_due(c, DEADLINE_REQUEST, x->began + k->request_s);
	}
	struct epoll_event ev = { .events = events, .data.ptr = c };
	if (events != c->events && epoll_ctl(c->server->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) < 0)
		conn_drop(c);
	c->events = events;
}

void conn_advance(struct conn *c)
{
	c->busy = true;
	while (!c->source.dead) {
		struct http_exchange *x = c->x;
		if (x && (x->out.failed || (reply_pending(x) && flush(c) < 0))) {
			conn_drop(c);
		} else if (x && x->ended && !reply_pending(x)) {
			next_request(c);
		} else if (c->state == CONN_READING && c->in.len > c->in_off) {
			feed_kept(c);
		} else if (c->state == CONN_READING && c->eof) { /* what it sent last was not whole */
			if (x)
				refuse(c, 400, "the request ended early");
			else
				conn_drop(c);
		} else {
			break;
		}
	}
	c->busy = false;
	if (!c->source.dead)
		settle(c);
}

void conn_event(struct conn *c, uint32_t events)
{
	c->busy = true;
	if (events & (EPOLLERR | EPOLLHUP)) {
		conn_drop(c);
	} else if (c->state == CONN_LINGERING) {
		linger(c);
	} else if (c->state == CONN_HANDLING && (events & EPOLLRDHUP)) {
		c->eof = true;
		c->since = c->server->now;
	} else if (c->state == CONN_READING && (events & EPOLLIN)) {
		receive(c);
	}
	c->busy = false;
	if (!c->source.dead)
		conn_advance(c);
}

void conn_expired(struct conn *c)
{
	bool late = c->deadline == DEADLINE_HEADER || c->deadline == DEADLINE_REQUEST;
	server_set_due(c, DEADLINE_NONE, 0);
	if (!late) {
		conn_drop(c);
		return;
	}
	c->since = c->server->now;
	refuse(c, 408, "the request took too long");
	conn_advance(c);
}
