/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

/* ------------------------------------------------------------------ the application */

static int is(const struct http_exchange *x, const char *path)
{
	return strcmp(http_path(x), path) == 0;
}

static ssize_t limit(void *ctx, const struct http_exchange *x)
{
	(void)ctx;
	return is(x, "/small") ? 10 : is(x, "/none") ? 0 : is(x, "/now") ? HTTP_ANSWER_NOW : -1;
}

static void echo(struct http_exchange *x)
{
	size_t n;
	int fd = http_body_fd(x, &n);
	http_reply_header(x, "X-Body", fd >= 0 ? "file" : "memory");
	if (fd < 0) {
		const char *body = http_body(x, &n);
		assert_int_equal(body[n], 0);
		http_reply(x, 200, "application/octet-stream", body, n);
	} else {
		http_reply_file(x, 200, "application/octet-stream", fcntl(fd, F_DUPFD_CLOEXEC, 0), 0, n);
	}
}

static void info(struct http_exchange *x)
{
	struct buf b = buf_init(65536);
	const char *name, *value, *test = http_header(x, "x-test");
	buf_addf(&b, "%s\n%s\n%s\n%s\n", http_method(x), http_path(x), http_raw_path(x), http_peer(x));
	for (int i = 0; http_query_at(x, i, &name, &value); i++)
		buf_addf(&b, "%s=%s\n", name, value);
	buf_addf(&b, "X-Test: %s\n", test ? test : "-");
	http_reply(x, 200, "text/plain", buf_str(&b), b.len);
	buf_release(&b);
}

static void keep(struct app *a, struct http_exchange *x, int ticks, int pieces)
{
	for (int i = 0; i < LATER_MAX; i++) {
		if (a->later[i].x)
			continue;
		a->later[i] = (struct later){ x, ticks, pieces };
		http_set_user(x, &a->later[i]);
		return;
	}
	http_reply(x, 503, NULL, "", 0);
}

static void request(void *ctx, struct http_exchange *x)
{
	struct app *a = ctx;
	const char *n = http_query(x, "n");
	a->requests++;
	if (is(x, "/")) {
		http_reply(x, 200, "text/plain", "hello\n", 6);
	} else if (is(x, "/echo") || is(x, "/small") || is(x, "/none") || is(x, "/now")) {
		echo(x);
	} else if (is(x, "/info") || is(x, "*") || strncmp(http_path(x), "/p/", 3) == 0) {
		info(x);
	} else if (is(x, "/later")) {
		keep(a, x, 2, 0);
	} else if (is(x, "/never") || is(x, "/turn")) {
		keep(a, x, 1 << 30, 0);
	} else if (is(x, "/stream") || is(x, "/endless")) {
		http_stream_begin(x, 200, "text/plain");
		keep(a, x, 0, n ? atoi(n) : 1 << 30);
	} else if (is(x, "/file")) {
		http_reply_file(x, 206, "audio/mpeg", fcntl(a->file_fd, F_DUPFD_CLOEXEC, 0), 5, 10);
	} else if (is(x, "/short")) {
		http_reply_file(x, 200, "audio/mpeg", fcntl(a->file_fd, F_DUPFD_CLOEXEC, 0), 5, 100000);
	} else if (is(x, "/big")) {
		char *big = malloc(8 << 20);
		memset(big, 'b', 8 << 20);
		http_reply_take(x, 200, "text/plain", big, 8 << 20);
	} else if (is(x, "/header")) {
		http_reply_header(x, "X-Good", "yes");
		http_reply_header(x, "X-Bad", "a\r\nX-Smuggled: 1");
		http_reply_header(x, "X-Bad\r\nX-Smuggled", "1");
		http_reply(x, 200, "text/plain", "", 0);
		http_reply(x, 500, "text/plain", "twice", 5);
	} else if (is(x, "/empty")) {
		http_reply(x, 204, NULL, "", 0);
	} else {
		http_reply(x, 404, "text/plain", "", 0);
	}
}

static void closed(void *ctx, struct http_exchange *x)
{
	struct app *a = ctx;
	struct later *l = http_user(x);
	assert_ptr_equal(l->x, x);
	l->x = NULL;
	http_reply(x, 200, "text/plain", "too late", 8);
	a->closed++;
}

static void tick_one(struct later *l, int endless)
{
	char piece[40], flood[16384];
	if (l->ticks-- > 0)
		return;
	if (l->pieces > 0 && endless) {
		memset(flood, 'f', sizeof flood);
		for (int i = 0; i < 64 && http_stream_write(l->x, NULL, 0) < 256 * 1024; i++)
			http_stream_write(l->x, flood, sizeof flood);
		return;
	}
	if (l->pieces-- > 0) {
		snprintf(piece, sizeof piece, "piece %d\n", l->pieces);
		http_stream_write(l->x, piece, strlen(piece));
	} else {
		if (is(l->x, "/later"))
			http_reply(l->x, 200, "text/plain", "late\n", 5);
		else
			http_stream_end(l->x);
		l->x = NULL;
	}
}

static void tick(void *ctx)
{
	struct app *a = ctx;
	for (int i = 0; i < LATER_MAX; i++)
		if (a->later[i].x)
			tick_one(&a->later[i], is(a->later[i].x, "/endless"));
	a->open = http_server_connections(a->server);
}

static void turned(void *ctx)
{
	struct app *a = ctx;
	for (int i = 0; i < LATER_MAX; i++) {
		struct later *l = &a->later[i];
		if (!l->x || !is(l->x, "/turn"))
			continue;
		http_reply(l->x, 200, "text/plain", "turned\n", 7);
		l->x = NULL;
	}
}

static void done(void *ctx, const struct http_exchange *x, int status, uint64_t bytes_sent, double seconds)
{
	struct app *a = ctx;
	(void)bytes_sent;
	assert_non_null(http_path(x));
	assert_non_null(http_method(x));
	assert_true(seconds >= 0);
	a->last_status = status;
	a->done++;
}

struct http_config quick_config(void)
{
	struct http_config c = http_config_default();
	c.address = "127.0.0.1:0";
	c.header_s = c.idle_s = c.request_s = c.write_s = 20; /* a busy machine must not meet them by chance */
	c.half_closed_s = 1;
	c.linger_s = 0.5;
	c.tick_s = 0.02;
	c.body_memory_bytes = 1000;
	return c;
}

static void *run(void *p)
{
	struct app *a = p;
	struct madrigal_error err;
	a->run_rc = http_server_run(a->server, &err);
	return NULL;
}

void app_start(struct app *a, const struct http_config *c)
{
	const struct http_app calls = { .limit = limit, .request = request, .closed = closed, .tick = tick, .turned = turned, .done = done };
	struct madrigal_error err;
	*a = (struct app){ .port = 0, .file_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };
	assert_int_equal(write(a->file_fd, "01234abcdefghijklmno", 20), 20);
	assert_int_equal(http_server_new(c, &calls, a, &a->server, &err), 0);
	a->port = http_server_port(a->server);
	assert_int_equal(pthread_create(&a->thread, NULL, run, a), 0);
}

void app_start_hasty(struct app *a)
{
	struct http_config c = quick_config();
	c.header_s = c.idle_s = c.request_s = c.write_s = 0.7;
	app_start(a, &c);
}

void app_stop(struct app *a, double grace_s)
{
	http_server_stop(a->server, grace_s);
	pthread_join(a->thread, NULL);
	assert_int_equal(a->run_rc, 0);
	http_server_free(a->server);
	close(a->file_fd);
}

struct app app;

int start(void **state)
{
	(void)state;
	struct http_config c = quick_config();
	app_start(&app, &c);
	return 0;
}

int stop(void **state)
{
	(void)state;
	app_stop(&app, 0);
	return 0;
}

int wait_for_count(atomic_int *value, int least)
{
	for (int i = 0; i < 500 && *value < least; i++)
		usleep(10000);
	return *value >= least;
}

/* ------------------------------------------------------------------ the client */

int dial(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

void say(int fd, const void *p, size_t n)
{
	const char *at = p;
	while (n) {
		ssize_t k = send(fd, at, n, MSG_NOSIGNAL);
		if (k < 0)
			return; /* refused half-way: the answer says so */
		at += k;
		n -= (size_t)k;
	}
}

char *hear(int fd, size_t *ret_n, int *ret_open)
{
	struct buf b = buf_init(64 << 20);
	char piece[65536];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int open = 1;
	buf_adds(&b, "");
	while (poll(&p, 1, 3000) > 0) {
		ssize_t n = recv(fd, piece, sizeof piece, 0);
		if (n <= 0) {
			open = 0;
			break;
		}
		buf_add(&b, piece, (size_t)n);
	}
	if (ret_open)
		*ret_open = open;
	if (ret_n)
		*ret_n = b.len;
	return b.data;
}

char *ask(int port, const char *text, size_t n)
{
	int fd = dial(port);
	say(fd, text, n);
	char *answer = hear(fd, NULL, NULL);
	close(fd);
	return answer;
}

char *hear_one(int fd)
{
	struct buf b = buf_init(1 << 20);
	char c;
	size_t left = 1, in_head = 1;
	buf_adds(&b, "");
	while (left && recv(fd, &c, 1, 0) == 1) {
		buf_addc(&b, c);
		if (!in_head) {
			left--;
		} else if (b.len > 4 && memcmp(b.data + b.len - 4, "\r\n\r\n", 4) == 0) {
			const char *length = strstr(b.data, "Content-Length: ");
			in_head = 0;
			left = length ? (size_t)atoi(length + 16) : 0;
		}
	}
	return b.data;
}

int status_of(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

int healthy(int port)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	char *answer = ask(port, text, sizeof text - 1);
	int ok = status_of(answer) == 200 && strcmp(body_of(answer), "hello\n") == 0;
	free(answer);
	return ok;
}

const char *body_of(const char *answer)
{
	const char *p = strstr(answer, "\r\n\r\n");
	return p ? p + 4 : "";
}
