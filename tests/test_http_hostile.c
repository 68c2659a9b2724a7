/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a hostile, broken or slow client gets: a refusal, and nobody else notices. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rng.h"
#include "http_support.h"

/* Answered once with that status and closed, and nothing of it reaches the application. */
static void expect_refusal(const char *text, size_t n, int status)
{
	int open, before = app.requests, fd = dial(app.port);
	say(fd, text, n);
	char *answer = hear(fd, NULL, &open);
	if (status_of(answer) != status || open)
		print_error("%.*s\n-> %s\n", (int)(n < 300 ? n : 300), text, answer);
	assert_int_equal(status_of(answer), status);
	assert_int_equal(open, 0);
	assert_non_null(strstr(answer, "Connection: close\r\n"));
	assert_non_null(strstr(answer, "{\"message\": \""));
	assert_null(strstr(answer + 1, "HTTP/1.1"));
	assert_int_equal(app.requests, before);
	free(answer);
	close(fd);
}

/* Smuggled: what an intermediary with another opinion would have passed as a body. */
#define SMUGGLED "GET /info HTTP/1.1\r\nHost: x\r\n\r\n"

static void ambiguous_requests_are_refused(void **state)
{
	(void)state;
	static const struct { const char *text; size_t n; } cases[] = {
#define CASE(text) { text, sizeof(text) - 1 }
		/* the eleven of every server's strictness table */
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
		CASE("GET / HTTP/1.1\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde" SMUGGLED),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" SMUGGLED),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nabcde" SMUGGLED),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED),
		CASE("GET / HTTP/1.1\r\nHost: x\r\nX-Test: a\r\n folded\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x\r\nX-Test : a\r\n\r\n"),
		CASE("GET / HTTP/1.1\nHost: x\n\n"),
		CASE("GET / HTTP/1.1\r\nHost: x\r\nX-Test: a\0b\r\n\r\n"),
		/* ... the eleventh, a header of 100 kB, is below; and their kin */
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\ncontent-length: 4\r\n\r\nabcd"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x4\r\n\r\nabcd"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4 4\r\n\r\nabcd"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\na"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x y\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x\r\nX-Test: a\rb\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x\r\nX-Test: a\nX-Other: b\r\n\r\n"),
		CASE("GET / HTTP/1.1\r\nHost: x\r\nX-Test: a\x7f\r\n\r\n"),
		CASE("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /\r\n\r\n"),
		CASE("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /  HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE(" GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET / HTTP/1.2\r\nHost: x\r\n\r\n"),
		CASE("GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
		CASE("GET / http/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET / HTTP/1.1 \r\nHost: x\r\n\r\n"),
		CASE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		CASE("BREW / HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"),
		CASE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
		/* targets */
		CASE("GET info HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET * HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET ftp://x/info HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET http:///info HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET http://me@x/info HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /info#top HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/../info HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/./a HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/.. HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/%2e%2E/info HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/a%2f..%2finfo HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/%0d%0a HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/%4 HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/%c3 HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/%c0%af HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /p/%ed%a0%80 HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /info?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
		CASE("GET /info?a=%ff HTTP/1.1\r\nHost: x\r\n\r\n"),
		/* chunks */
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdeX\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nabcde\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nabcde\r\n0\r\n\r\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\n"),
		CASE("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX-Test: trailer\r\n\r\n"),
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_refusal(cases[i].text, cases[i].n, 400);
	assert_true(healthy(app.port));
}

static void what_is_too_large_is_refused(void **state)
{
	(void)state;
	struct buf b = buf_init(4 << 20);
	static const struct { const char *before; int n; const char *after; int status; } cases[] = {
		{ "GET / HTTP/1.1\r\nHost: x\r\nX-Test: ", 100000, "\r\n\r\n", 431 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nX-Test: ", 16 * 1024 - 20, "\r\n\r\n", 431 },
		{ "GET /p/", 8 * 1024 - 2, " HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
		{ "GET /p/", 100000, " HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
		{ "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 11, "", 413 },
		{ "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n", 5, "\r\n0\r\n\r\n", 413 },
		{ "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 1, "", 413 },
		{ "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 2000000, "", 413 },
		{ "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n", 2000000, "\r\n0\r\n\r\n", 413 },
		{ "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", 5000, "\r\na\r\n0\r\n\r\n", 400 },
		{ "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: ", 5, "\r\nContent-Length: 1\r\n\r\n", 417 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&b);
		buf_adds(&b, cases[i].before);
		for (int k = 0; k < cases[i].n; k++)
			buf_addc(&b, 'a');
		buf_adds(&b, cases[i].after);
		expect_refusal(buf_str(&b), b.len, cases[i].status);
	}
	buf_clear(&b);
	buf_adds(&b, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 100; i++)
		buf_addf(&b, "X-%d: y\r\n", i);
	buf_adds(&b, "\r\n");
	expect_refusal(buf_str(&b), b.len, 431);
	buf_clear(&b);
	buf_adds(&b, "GET /info?");
	for (int i = 0; i < 65; i++)
		buf_addf(&b, "a%d=b&", i);
	buf_adds(&b, " HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_refusal(buf_str(&b), b.len, 400);
	buf_release(&b);
}

/* Just below the limits all is well. */
static void what_is_large_is_taken(void **state)
{
	(void)state;
	struct buf b = buf_init(1 << 20);
	buf_adds(&b, "GET /p/");
	for (int k = 0; k < 8 * 1024 - 3; k++)
		buf_addc(&b, 'a');
	buf_adds(&b, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Test: ");
	for (int k = 0; k < 16 * 1024 - 100; k++)
		buf_addc(&b, 'b');
	buf_adds(&b, "\r\n\r\n");
	char *answer = ask(app.port, buf_str(&b), b.len);
	assert_int_equal(status_of(answer), 200);
	free(answer);
	answer = ask(app.port, "POST /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789", 82);
	assert_int_equal(status_of(answer), 200);
	free(answer);
	buf_release(&b);
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void the_slow_are_told_so(void **state)
{
	(void)state;
	struct app own;
	app_start_hasty(&own);
	int open, fd = dial(own.port);
	SAY(fd, "GET / HTTP/1.1\r\nHos");
	char *answer = hear(fd, NULL, &open);
	assert_int_equal(status_of(answer), 408);
	assert_int_equal(open, 0);
	free(answer);
	close(fd);
	fd = dial(own.port);
	SAY(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcd");
	answer = hear(fd, NULL, &open);
	assert_int_equal(status_of(answer), 408);
	assert_int_equal(open, 0);
	free(answer);
	close(fd);
	fd = dial(own.port); /* an idle one is closed without a word */
	answer = hear(fd, NULL, &open);
	assert_string_equal(answer, "");
	assert_int_equal(open, 0);
	free(answer);
	close(fd);
	fd = dial(own.port); /* half a request and no more */
	SAY(fd, "GET / HTTP/1.1\r\nHost: x\r\n");
	shutdown(fd, SHUT_WR);
	answer = hear(fd, NULL, &open);
	assert_int_equal(status_of(answer), 400);
	free(answer);
	close(fd);
	app_stop(&own, 0);
}

static void who_does_not_read_is_cut_off(void **state)
{
	(void)state;
	struct app own;
	app_start_hasty(&own);
	int fds[2], done = own.done, closed = own.closed;
	for (int i = 0; i < 2; i++) {
		fds[i] = dial(own.port);
		say(fds[i], i ? "GET /big HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n", i ? 30 : 34);
	}
	assert_true(wait_for_count(&own.done, done + 2));
	assert_true(wait_for_count(&own.closed, closed + 1));
	close(fds[0]);
	close(fds[1]);
	app_stop(&own, 0);
}

/* 500 clients that send a byte now and then: each is closed at its deadline, whatever drips in, and others are served meanwhile. */
static void dripping_does_not_keep_a_connection(void **state)
{
	(void)state;
	struct app own;
	app_start_hasty(&own);
	enum { DRIPS = 500 };
	static const char text[] = "POST /echo HTTP/1.1\r\nHost: x\r\nX-Test: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct pollfd p[DRIPS];
	int open = DRIPS, probes = 0;
	for (int i = 0; i < DRIPS; i++)
		p[i] = (struct pollfd){ .fd = dial(own.port), .events = POLLIN };
	double began = now_s();
	for (size_t at = 0; open && now_s() - began < 20; at++) {
		for (int i = 0; i < DRIPS; i++)
			if (p[i].fd >= 0)
				say(p[i].fd, &text[at % (sizeof text - 1)], 1);
		assert_true(healthy(own.port));
		probes++;
		poll(p, DRIPS, 50);
		for (int i = 0; i < DRIPS; i++) {
			char answer[1024];
			if (p[i].fd < 0 || !p[i].revents)
				continue;
			if (recv(p[i].fd, answer, sizeof answer, 0) > 0)
				assert_int_equal(status_of(answer), 408);
			close(p[i].fd);
			p[i].fd = -1;
			open--;
		}
	}
	assert_int_equal(open, 0);
	assert_true(probes > 3);
	app_stop(&own, 0);
}

static void too_many_connections_make_room(void **state)
{
	(void)state;
	struct app own;
	struct http_config c = quick_config();
	c.connections_max = 3;
	app_start(&own, &c);
	int idle = dial(own.port), busy[3];
	assert_true(wait_for_count(&own.open, 1));
	for (int i = 0; i < 3; i++) {
		busy[i] = dial(own.port);
		SAY(busy[i], "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_true(wait_for_count(&own.requests, i + 1));
	}
	char *answer = hear(idle, NULL, NULL);
	assert_string_equal(answer, "");
	free(answer);
	answer = ask(own.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
	assert_int_equal(status_of(answer), 503);
	free(answer);
	close(busy[0]);
	assert_true(wait_for_count(&own.closed, 1));
	assert_true(healthy(own.port));
	close(idle);
	close(busy[1]);
	close(busy[2]);
	app_stop(&own, 0);
}

static void one_peer_cannot_have_all(void **state)
{
	(void)state;
	struct app own;
	struct http_config c = quick_config();
	c.connections_per_peer_max = 2;
	app_start(&own, &c);
	int a = dial(own.port), b = dial(own.port);
	assert_true(wait_for_count(&own.open, 2));
	char *answer = ask(own.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
	assert_int_equal(status_of(answer), 503);
	free(answer);
	close(a);
	close(b);
	for (int i = 0; i < 200 && own.open; i++)
		usleep(10000);
	assert_true(healthy(own.port));
	app_stop(&own, 0);
}

/* Without descriptors to accept with, clients are turned away, not left to hang, and all is well afterwards. */
static void running_out_of_descriptors_passes(void **state)
{
	(void)state;
	struct rlimit before, few;
	int fds[32];
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 32; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int probe = dup(0);
	close(probe);
	few = (struct rlimit){ .rlim_cur = (rlim_t)probe + 4, .rlim_max = before.rlim_max };
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	int one = dial(app.port);
	assert_int_equal(getpeername(one, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int i = 0; i < 32; i++)
		assert_int_equal(connect(fds[i], (struct sockaddr *)&a, n), 0);
	for (int i = 0; i < 32; i++) {
		/* Served, or closed to make room: never silence. */
		SAY(fds[i], "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		int open;
		char *answer = hear(fds[i], NULL, &open);
		assert_int_equal(open, 0);
		free(answer);
		close(fds[i]);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(one);
	assert_true(healthy(app.port));
}

/* Turns a good request into a bad one, or not quite. */
static void mutate(struct rng *r, struct buf *b, const char *text)
{
	static const char *spices[] = { "\r\n", "\n", "\r", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", ": ", " ", "%00", "/../", "HTTP/1.1", "0\r\n\r\n",
	                                "\xff", "Host: y\r\n", "Expect: 100-continue\r\n", "?a=%zz&", "GET / HTTP/1.1\r\nHost: x\r\n\r\n" };
	buf_clear(b);
	buf_adds(b, text);
	for (uint32_t i = 0, n = 1 + rng_below(r, 4); i < n && b->len > 1; i++) {
		uint32_t at = rng_below(r, (uint32_t)b->len), kind = rng_below(r, 5);
		char rest[4096];
		size_t rest_n = b->len - at;
		memcpy(rest, b->data + at, rest_n);
		if (kind == 0) {
			b->data[at] = (char)rng_below(r, 256);
		} else if (kind == 1) {
			b->data[at] ^= (char)(1u << rng_below(r, 8));
		} else if (kind == 2) {
			b->len = at + 1;
		} else {
			uint32_t skip = kind == 3 && rest_n > 1 ? rng_below(r, (uint32_t)rest_n) % 16 : 0;
			b->len = at;
			if (kind == 4)
				buf_adds(b, spices[rng_below(r, sizeof spices / sizeof *spices)]);
			buf_add(b, rest + skip, rest_n - skip);
		}
	}
}

/* Every answer in what came back is a whole one that we may give. */
static void check_answers(const char *answers, const struct buf *request)
{
	for (const char *p = answers; (p = strstr(p, "HTTP/1.1 ")); p++) {
		int status = atoi(p + 9);
		int allowed = status == 100 || status == 200 || (status >= 400 && status < 500);
		if (p > answers && status == 0) /* an echo */
			continue;
		if (!allowed)
			print_error("%s\n-> %s\n", buf_str(request), answers);
		assert_true(allowed);
	}
}

static void mutated_requests_do_no_harm(void **state)
{
	(void)state;
	static const char *texts[] = {
		"GET /info?a=b%20c&d HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"a\": \"b\", 1}",
		"PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\na;x=y\r\n0123456789\r\n0\r\n\r\n",
		"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /p/a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	struct rng r = rng_stream(1, "mutated requests", 0);
	struct buf b = buf_init(1 << 16);
	for (int i = 0; i < 10000; i++) {
		mutate(&r, &b, texts[i % 4]);
		int open, fd = dial(app.port);
		say(fd, buf_str(&b), b.len);
		shutdown(fd, SHUT_WR);
		char *answers = hear(fd, NULL, &open);
		assert_int_equal(open, 0);
		check_answers(answers, &b);
		free(answers);
		close(fd);
	}
	buf_release(&b);
	assert_true(healthy(app.port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ambiguous_requests_are_refused),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(what_is_large_is_taken),
		cmocka_unit_test(the_slow_are_told_so),
		cmocka_unit_test(who_does_not_read_is_cut_off),
		cmocka_unit_test(dripping_does_not_keep_a_connection),
		cmocka_unit_test(too_many_connections_make_room),
		cmocka_unit_test(one_peer_cannot_have_all),
		cmocka_unit_test(running_out_of_descriptors_passes),
		cmocka_unit_test(mutated_requests_do_no_harm),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
