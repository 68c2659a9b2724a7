/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server: who is waited for, and until when. Level-triggered epoll, after the shape of valkey's ae.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_internal.h"

#define EVENTS_AT_ONCE 128
#define ACCEPTED_AT_ONCE 64
#define TURNED_AWAY_MAX 64     /* connections above the limit that are being told so */
#define ACCEPT_PAUSE_S 0.1     /* after a failure that is not the client's */

static double clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

const char *server_date(struct http_server *s)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = time(NULL);
	struct tm tm;
	if (t != s->date_of && gmtime_r(&t, &tm)) {
		snprintf(s->date, sizeof s->date, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
		         tm.tm_hour, tm.tm_min, tm.tm_sec);
		s->date_of = t;
	}
	return s->date;
}

/* ------------------------------------------------------------------ deadlines */

void server_set_due(struct conn *c, enum deadline kind, double due)
{
	struct http_server *s = c->server;
	if (c->deadline == kind && (kind == DEADLINE_NONE || c->due == due))
		return;
	if (c->deadline != DEADLINE_NONE) {
		struct due_list *l = &s->due[c->deadline];
		*(c->due_prev ? &c->due_prev->due_next : &l->first) = c->due_next;
		*(c->due_next ? &c->due_next->due_prev : &l->last) = c->due_prev;
	}
	c->deadline = kind;
	c->due = due;
	if (kind == DEADLINE_NONE)
		return;
	/* Each list's deadlines lie the same time ahead, so a new one belongs at the end or close to it. */
	struct due_list *l = &s->due[kind];
	struct conn *before = l->last;
	while (before && before->due > due)
		before = before->due_prev;
	c->due_prev = before;
	c->due_next = before ? before->due_next : l->first;
	*(c->due_next ? &c->due_next->due_prev : &l->last) = c;
	*(before ? &before->due_next : &l->first) = c;
}

static double next_due(const struct http_server *s)
{
	double due = s->app.tick ? s->next_tick : (double)INFINITY;
	for (int k = 0; k < DEADLINES; k++)
		if (s->due[k].first)
			due = fmin(due, s->due[k].first->due);
	if (s->accept_again > 0)
		due = fmin(due, s->accept_again);
	return s->stopping ? fmin(due, s->stop_at) : due;
}

static void expire(struct http_server *s)
{
	for (int k = 0; k < DEADLINES; k++)
		while (s->due[k].first && s->due[k].first->due <= s->now)
			conn_expired(s->due[k].first);
}

/* ------------------------------------------------------------------ accepting */

static void hear(struct http_server *s, bool on)
{
	struct epoll_event ev = { .events = on ? EPOLLIN : 0, .data.ptr = &s->listener };
	s->accept_again = on ? 0 : s->now + ACCEPT_PAUSE_S;
	if (s->listen_fd >= 0 && epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &ev) < 0)
		s->accept_again = s->now + ACCEPT_PAUSE_S;
}

/* Out of descriptors: the oldest idle connection makes room, or the spare one is used to turn the client away rather than let it hang. */
static int make_room(struct http_server *s)
{
	if (s->due[DEADLINE_IDLE].first) {
		conn_drop(s->due[DEADLINE_IDLE].first);
		return 0;
	}
	if (s->spare_fd < 0)
		return -1;
	close(s->spare_fd);
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : 0;
}

/* IPv6 hosts own a /64 at least. */
static bool same_peer(const struct in6_addr *a, const struct in6_addr *b)
{
	return memcmp(a, b, IN6_IS_ADDR_V4MAPPED(a) ? 16 : 8) == 0;
}

static bool is_full(struct http_server *s, const struct in6_addr *peer)
{
	int max = s->config.connections_per_peer_max, n = 0;
	for (const struct conn *c = max > 0 ? s->conns : NULL; c && n < max; c = c->next)
		n += same_peer(&c->peer, peer);
	if (max > 0 && n >= max)
		return true;
	if (s->n_conns < s->config.connections_max)
		return false;
	struct conn *idle = s->due[DEADLINE_IDLE].first ? s->due[DEADLINE_IDLE].first : s->due[DEADLINE_LINGER].first;
	if (idle)
		conn_drop(idle);
	return !idle;
}

static struct in6_addr peer_of(const struct sockaddr_storage *sa)
{
	struct in6_addr a = IN6ADDR_ANY_INIT;
	if (sa->ss_family == AF_INET6) {
		a = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	} else if (sa->ss_family == AF_INET) {
		a.s6_addr[10] = a.s6_addr[11] = 0xff;
		memcpy(&a.s6_addr[12], &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	}
	return a;
}

static void accept_some(struct http_server *s)
{
	for (int i = 0; i < ACCEPTED_AT_ONCE && s->listen_fd >= 0; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t n = sizeof sa;
		int fd = accept4(s->listen_fd, (struct sockaddr *)&sa, &n, SOCK_CLOEXEC | SOCK_NONBLOCK), e = errno, one = 1;
		if (fd < 0 && (e == EAGAIN || e == EWOULDBLOCK))
			return;
		if (fd < 0 && (e == EINTR || e == ECONNABORTED || e == EPROTO))
			continue;
		if (fd < 0) {
			if ((e == EMFILE || e == ENFILE) && make_room(s) == 0)
				continue;
			hear(s, false);
			return;
		}
		struct in6_addr peer = peer_of(&sa);
		bool full = is_full(s, &peer);
		if (full && s->n_conns >= s->config.connections_max + TURNED_AWAY_MAX) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		conn_new(s, fd, &peer, full);
	}
}

/* "1.2.3.4:80" or "[::1]:80"; 0, or -1 if it is neither. */
static int parse_address(const char *text, struct sockaddr_storage *sa, socklen_t *n)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char *end;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
	if (!colon || len >= sizeof host || colon[1] < '0' || colon[1] > '9' || *end || port > 65535)
		return -1;
	bool v6 = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	snprintf(host, sizeof host, "%.*s", (int)(v6 ? len - 2 : len), text + v6);
	*sa = (struct sockaddr_storage){ .ss_family = v6 ? AF_INET6 : AF_INET };
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)(void *)sa;
	struct sockaddr_in *a4 = (struct sockaddr_in *)(void *)sa;
	*(v6 ? &a6->sin6_port : &a4->sin_port) = htons((uint16_t)port);
	*n = v6 ? sizeof *a6 : sizeof *a4;
	return inet_pton(v6 ? AF_INET6 : AF_INET, host, v6 ? (void *)&a6->sin6_addr : &a4->sin_addr) == 1 ? 0 : -1;
}

static int start_listening(struct http_server *s, struct madrigal_error *err)
{
	struct sockaddr_storage sa;
	socklen_t n;
	int one = 1, off = 0;
	if (parse_address(s->config.address, &sa, &n) < 0)
		return err_set(err, MADRIGAL_EUSAGE, "%s is not an address to listen on; say for example 127.0.0.1:8080 or [::1]:8080", s->config.address);
	s->listen_fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0 || setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    (sa.ss_family == AF_INET6 && setsockopt(s->listen_fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0) ||
	    bind(s->listen_fd, (struct sockaddr *)&sa, n) < 0 || listen(s->listen_fd, SOMAXCONN) < 0 ||
	    getsockname(s->listen_fd, (struct sockaddr *)&sa, &n) < 0)
		return err_set(err, MADRIGAL_EIO, "cannot listen on %s: %s", s->config.address, strerror(errno));
	s->port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port : ((struct sockaddr_in *)(void *)&sa)->sin_port);
	return 0;
}

/* ------------------------------------------------------------------ a server */

struct http_config http_config_default(void)
{
	return (struct http_config){ .address = "127.0.0.1:8080", .body_max_bytes = 1024 * 1024, .body_memory_bytes = 256 * 1024, .spool_dir = "/tmp",
	                             .connections_max = 1024, .header_s = 10, .request_s = 120, .write_s = 60, .idle_s = 60, .half_closed_s = 5,
	                             .linger_s = 5, .tick_s = 0.1 };
}

static int wait_for(struct http_server *s, int fd, struct source *source)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = source };
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

int http_server_new(const struct http_config *config, const struct http_app *app, void *ctx, struct http_server **ret, struct madrigal_error *err)
{
	struct http_server *s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem(err);
	*s = (struct http_server){ .config = *config, .app = *app, .ctx = ctx, .listener.kind = SOURCE_LISTENER, .wake.kind = SOURCE_WAKE,
	                           .listen_fd = -1, .now = clock_s() };
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->spool_dir = strdup(config->spool_dir);
	int rc = s->spool_dir ? start_listening(s, err) : err_nomem(err);
	if (rc == 0 && (s->epoll_fd < 0 || s->wake_fd < 0 || s->spare_fd < 0 || wait_for(s, s->listen_fd, &s->listener) < 0 ||
	                wait_for(s, s->wake_fd, &s->wake) < 0))
		rc = err_set(err, MADRIGAL_EIO, "cannot start the server: %s", strerror(errno));
	s->config.address = NULL; /* the caller's; not needed any more */
	if (rc < 0)
		http_server_free(s);
	else
		*ret = s;
	return rc;
}

static void free_dead(struct http_server *s)
{
	while (s->dead) {
		struct conn *c = s->dead;
		s->dead = c->next_dead;
		free(c);
	}
	for (struct watch **w = &s->watches; *w;) {
		struct watch *dead = *w;
		if (!dead->source.dead) {
			w = &dead->next;
			continue;
		}
		*w = dead->next;
		free(dead);
	}
}

static void run_ready(struct http_server *s)
{
	while (s->ready) {
		struct conn *c = s->ready;
		s->ready = c->next_ready;
		c->ready = false;
		conn_advance(c);
	}
}

static void drop_all(struct http_server *s)
{
	while (s->conns)
		conn_drop(s->conns);
	run_ready(s);
	free_dead(s);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	drop_all(s);
	for (struct watch *w = s->watches; w; w = w->next)
		w->source.dead = true;
	free_dead(s);
	int fds[] = { s->listen_fd, s->wake_fd, s->spare_fd, s->epoll_fd };
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(s->spool_dir);
	free(s);
}

void http_server_stop(struct http_server *s, double grace_s)
{
	int e = errno;
	uint64_t one = 1;
	atomic_store(&s->grace_s, grace_s);
	atomic_store(&s->stop, 1);
	ssize_t n = write(s->wake_fd, &one, sizeof one); /* full only if it is awake already */
	(void)n;
	errno = e;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

int http_server_connections(const struct http_server *s)
{
	return s->n_conns;
}

/* ------------------------------------------------------------------ watches */

static struct watch *find_watch(struct http_server *s, int fd)
{
	struct watch *w = s->watches;
	while (w && (w->source.dead || w->fd != fd))
		w = w->next;
	return w;
}

int http_server_watch(struct http_server *s, int fd, http_watch_fn *fn, void *user, struct madrigal_error *err)
{
	if (find_watch(s, fd))
		return err_set(err, MADRIGAL_EUSAGE, "descriptor %d is watched already", fd);
	struct watch *w = malloc(sizeof *w);
	if (!w)
		return err_nomem(err);
	*w = (struct watch){ .source.kind = SOURCE_WATCH, .fd = fd, .fn = fn, .user = user, .next = s->watches };
	if (wait_for(s, fd, &w->source) < 0) {
		free(w);
		return err_set(err, MADRIGAL_EIO, "cannot watch descriptor %d: %s", fd, strerror(errno));
	}
	s->watches = w;
	return 0;
}

void http_server_unwatch(struct http_server *s, int fd)
{
	struct watch *w = find_watch(s, fd);
	if (!w)
		return;
	w->source.dead = true;
	epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* fails if it is closed, and then it has gone by itself */
}

/* ------------------------------------------------------------------ running */

static void handle(struct http_server *s, const struct epoll_event *ev)
{
	struct source *source = ev->data.ptr;
	uint64_t n;
	if (source->dead)
		return;
	if (source->kind == SOURCE_LISTENER) {
		accept_some(s);
	} else if (source->kind == SOURCE_WAKE) {
		ssize_t got = read(s->wake_fd, &n, sizeof n);
		(void)got;
	} else if (source->kind == SOURCE_CONN) {
		conn_event((struct conn *)source, ev->events);
	} else {
		struct watch *w = (struct watch *)source;
		w->fn(w->user, w->fd);
	}
	run_ready(s);
}

static void start_stopping(struct http_server *s)
{
	s->stopping = true;
	s->stop_at = s->now + atomic_load(&s->grace_s);
	s->accept_again = 0;
	close(s->listen_fd);
	s->listen_fd = -1;
	while (s->due[DEADLINE_IDLE].first)
		conn_drop(s->due[DEADLINE_IDLE].first);
}

/* One turn: waits, then does all that is due. 0, or a negative status. */
static int turn(struct http_server *s, struct madrigal_error *err)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	double wait_s = next_due(s) - s->now;
	int ms = wait_s <= 0 ? 0 : wait_s < 3600 ? (int)ceil(wait_s * 1000) : 3600 * 1000;
	int n = epoll_wait(s->epoll_fd, events, EVENTS_AT_ONCE, ms);
	if (n < 0 && errno != EINTR)
		return err_set(err, MADRIGAL_EINTERNAL, "epoll_wait: %s", strerror(errno));
	s->now = clock_s();
	for (int i = 0; i < n; i++)
		handle(s, &events[i]);
	if (s->app.tick && s->now >= s->next_tick) {
		s->next_tick = s->now + s->config.tick_s;
		s->app.tick(s->ctx);
		run_ready(s);
	}
	if (s->app.turned) {
		s->app.turned(s->ctx);
		s->now = clock_s(); /* that may have taken its time */
		run_ready(s);
	}
	if (s->accept_again > 0 && s->now >= s->accept_again)
		hear(s, true);
	expire(s);
	run_ready(s);
	free_dead(s);
	return 0;
}

int http_server_run(struct http_server *s, struct madrigal_error *err)
{
	int rc = 0;
	s->now = clock_s();
	while (rc == 0) {
		if (atomic_load(&s->stop) && !s->stopping)
			start_stopping(s);
		if (s->stopping && (s->n_conns == 0 || s->now >= s->stop_at))
			break;
		rc = turn(s, err);
	}
	drop_all(s);
	return rc;
}
