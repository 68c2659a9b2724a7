/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a well-behaved client gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "http_support.h"

static char *ask_text(const char *text)
{
	return ask(app.port, text, strlen(text));
}

/* One request on a connection that closes; its body must be that. */
static void expect_body(const char *request, int status, const char *body)
{
	char *answer = ask_text(request);
	assert_int_equal(status_of(answer), status);
	assert_string_equal(body_of(answer), body);
	free(answer);
}

static void an_answer_has_its_headers(void **state)
{
	(void)state;
	char *answer = ask_text("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 OK\r\nDate: ", 23), 0);
	assert_non_null(strstr(answer, " GMT\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"));
	free(answer);
	answer = ask_text("GET /header HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(status_of(answer), 200);
	assert_non_null(strstr(answer, "\r\nX-Good: yes\r\n"));
	assert_null(strstr(answer, "X-Smuggled"));
	free(answer);
	answer = ask_text("DELETE /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(status_of(answer), 204);
	assert_null(strstr(answer, "Content-Length"));
	free(answer);
}

static void targets_are_decoded(void **state)
{
	(void)state;
	expect_body("GET /p/a%2Fb%20c%C3%A9?q=1+2%263&flag&e=&=v&%C3%BC=%2B HTTP/1.1\r\nHost: x\r\nX-Test: one \r\nx-tEST:\ttwo\r\nConnection: close\r\n\r\n", 200,
	            "GET\n/p/a/b c\xc3\xa9\n/p/a%2Fb%20c%C3%A9\n127.0.0.1\nq=1 2&3\nflag=\ne=\n=v\n\xc3\xbc=+\nX-Test: one, two\n");
	expect_body("GET http://example.org:80/info?a=b HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n", 200, "GET\n/info\n/info\n127.0.0.1\na=b\nX-Test: -\n");
	expect_body("GET HTTPS://example.org HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n", 200, "hello\n");
	expect_body("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "OPTIONS\n*\n*\n127.0.0.1\nX-Test: -\n");
	expect_body("GET /p/...a/.b HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: close, upgrade\r\n\r\n", 200,
	            "GET\n/p/...a/.b\n/p/...a/.b\n127.0.0.1\nX-Test: -\n");
	expect_body("GET /nowhere HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n", 404, "");
}

static void a_connection_is_kept(void **state)
{
	(void)state;
	int fd = dial(app.port);
	for (int i = 0; i < 3; i++) {
		SAY(fd, "\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
		char *answer = hear_one(fd);
		assert_int_equal(status_of(answer), 200);
		assert_string_equal(body_of(answer), "ab");
		assert_null(strstr(answer, "Connection"));
		free(answer);
	}
	SAY(fd, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	char *rest = hear(fd, NULL, NULL);
	const char *second = strstr(rest + 1, "HTTP/1.1 200");
	assert_non_null(second);
	assert_int_equal(memcmp(second - 4, "\r\n\r\n", 4), 0);
	assert_non_null(strstr(rest, "Content-Length: 6\r\n\r\nHTTP/1.1 200"));
	assert_string_equal(body_of(second), "hello\n");
	free(rest);
	close(fd);
}

static void http_1_0_is_spoken(void **state)
{
	(void)state;
	int open;
	expect_body("GET / HTTP/1.0\r\n\r\n", 200, "hello\n");
	int fd = dial(app.port);
	SAY(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	char *answer = hear_one(fd);
	assert_non_null(strstr(answer, "Connection: keep-alive"));
	free(answer);
	SAY(fd, "GET /stream?n=2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	answer = hear(fd, NULL, &open);
	assert_int_equal(open, 0);
	assert_null(strstr(answer, "chunked"));
	assert_string_equal(body_of(answer), "piece 1\npiece 0\n");
	free(answer);
	close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	(void)state;
	struct buf b = buf_init(1 << 20);
	for (int i = 0; i < 200; i++)
		buf_addf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n%03d\r\n0\r\n\r\n", i % 50 == 7 ? "/later" : "/echo", i);
	buf_adds(&b, "GET /info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: never looked at\r\n\r\n");
	char *all = ask(app.port, buf_str(&b), b.len), *p = all;
	for (int i = 0; i < 200; i++) {
		char want[16];
		snprintf(want, sizeof want, "%03d", i);
		assert_int_equal(status_of(p), 200);
		p = strstr(p, "\r\n\r\n") + 4;
		if (i % 50 == 7)
			assert_int_equal(memcmp(p, "late\n", 5), 0);
		else
			assert_int_equal(memcmp(p, want, 3), 0);
		p += i % 50 == 7 ? 5 : 3;
	}
	assert_string_equal(body_of(p), "GET\n/info\n/info\n127.0.0.1\nX-Test: -\n");
	free(all);
	buf_release(&b);
}

static void bodies_go_to_memory_or_a_file(void **state)
{
	(void)state;
	struct buf b = buf_init(1 << 20);
	for (int n = 999; n <= 300000; n += 299001) {
		for (int chunked = 0; chunked < 2; chunked++) {
			buf_clear(&b);
			buf_addf(&b, "PUT /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
			if (chunked)
				buf_addf(&b, "Transfer-Encoding: Chunked\r\n\r\n");
			else
				buf_addf(&b, "Content-Length: %d\r\n\r\n", n);
			for (int i = 0; i < n; i++) {
				if (chunked && i % 333 == 0)
					buf_addf(&b, "%s%x%s\r\n", i ? "\r\n" : "", n - i < 333 ? n - i : 333, i ? "" : ";ext=\"a\"");
				buf_addc(&b, (char)('a' + i % 23));
			}
			buf_adds(&b, chunked ? "\r\n0\r\n\r\n" : "");
			char *answer = ask(app.port, buf_str(&b), b.len);
			const char *body = body_of(answer);
			assert_int_equal(status_of(answer), 200);
			assert_non_null(strstr(answer, n == 999 ? "X-Body: memory" : "X-Body: file"));
			assert_int_equal(strlen(body), n);
			for (int i = 0; i < n; i++)
				assert_int_equal(body[i], 'a' + i % 23);
			free(answer);
		}
	}
	buf_release(&b);
}

static void a_body_is_asked_for(void **state)
{
	(void)state;
	static const char head[] = "POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
	int fd = dial(app.port);
	say(fd, head, sizeof head - 1);
	char *answer = hear_one(fd);
	assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
	free(answer);
	SAY(fd, "body");
	answer = hear_one(fd);
	assert_int_equal(status_of(answer), 200);
	assert_string_equal(body_of(answer), "body");
	free(answer);
	close(fd);
	answer = ask_text("POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n");
	assert_int_equal(status_of(answer), 413);
	free(answer);
}

/* Whatever follows such a request belongs to its body: nothing of it is answered. */
static void an_answer_need_not_wait_for_the_body(void **state)
{
	(void)state;
	static const char *const requests[] = {
		"POST /now HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000000\r\n\r\n",
		"POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /now HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		int before = app.requests;
		char *answer = ask_text(requests[i]);
		assert_int_equal(status_of(answer), 200);
		assert_non_null(strstr(answer, "Connection: close"));
		assert_string_equal(body_of(answer), "");
		assert_int_equal(app.requests, before + 1);
		free(answer);
	}
	/* Without a body there is nothing to leave out. */
	int before = app.requests;
	free(ask_text("GET /now HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	assert_int_equal(app.requests, before + 2);
}

static void streams_arrive_piece_by_piece(void **state)
{
	(void)state;
	expect_body("GET /stream?n=3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200,
	            "8\r\npiece 2\n\r\n8\r\npiece 1\n\r\n8\r\npiece 0\n\r\n0\r\n\r\n");
	expect_body("HEAD /stream?n=3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "");
	/* The first is here long before there can be a last. */
	int closed = app.closed, fd = dial(app.port);
	SAY(fd, "GET /stream?n=1000000 HTTP/1.1\r\nHost: x\r\n\r\n");
	char first[1000] = "";
	for (size_t n = 0; !strstr(first, "piece 999999\n");) {
		ssize_t k = recv(fd, first + n, sizeof first - n - 1, 0);
		assert_true(k > 0);
		n += (size_t)k;
	}
	close(fd);
	assert_true(wait_for_count(&app.closed, closed + 1));
}

static void files_are_sent(void **state)
{
	(void)state;
	size_t n;
	expect_body("GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 206, "abcdefghij");
	expect_body("HEAD /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 206, "");
	char *answer = ask_text("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(answer, "Content-Length: 100000\r\n"));
	assert_string_equal(body_of(answer), "abcdefghijklmno");
	free(answer);
	int fd = dial(app.port);
	SAY(fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	answer = hear(fd, &n, NULL);
	assert_int_equal(n - (size_t)(body_of(answer) - answer), 8 << 20);
	free(answer);
	close(fd);
}

static void a_half_closed_client_gets_its_answer(void **state)
{
	(void)state;
	static const char *paths[] = { "/", "/later", "/stream?n=30", "/big" };
	int closed = app.closed;
	for (int i = 0; i < 4; i++) {
		char text[200];
		int fd = dial(app.port), open;
		say(fd, text, (size_t)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]));
		shutdown(fd, SHUT_WR);
		char *answer = hear(fd, NULL, &open);
		assert_int_equal(status_of(answer), 200);
		assert_int_equal(open, 0);
		if (i == 2)
			assert_non_null(strstr(answer, "\r\n0\r\n\r\n"));
		free(answer);
		close(fd);
	}
	assert_int_equal(app.closed, closed);
}

static void the_application_hears_who_left(void **state)
{
	(void)state;
	int closed = app.closed, done = app.done;
	int fd = dial(app.port);
	SAY(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	int requests = app.requests;
	wait_for_count(&app.requests, requests + 1);
	close(fd);
	assert_true(wait_for_count(&app.closed, closed + 1));
	assert_int_equal(app.done, done);
	fd = dial(app.port);
	SAY(fd, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
	char c;
	assert_int_equal(recv(fd, &c, 1, 0), 1);
	close(fd);
	assert_true(wait_for_count(&app.closed, closed + 2));
	assert_true(wait_for_count(&app.done, done + 1));
	assert_true(healthy(app.port));
}

static void read_byte(void *user, int fd)
{
	struct app *a = user;
	char c;
	if (read(fd, &c, 1) != 1) {
		http_server_unwatch(a->server, fd);
		http_server_stop(a->server, 0);
	}
	a->watched++;
}

static void what_is_kept_for_the_end_of_a_turn_is_answered(void **state)
{
	(void)state;
	expect_body("GET /turn HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "turned\n");
	int fds[8];
	for (int i = 0; i < 8; i++)
		fds[i] = dial(app.port);
	for (int i = 0; i < 8; i++)
		SAY(fds[i], "GET /turn HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 8; i++) {
		char *answer = hear_one(fds[i]);
		assert_string_equal(body_of(answer), "turned\n");
		free(answer);
		close(fds[i]);
	}
}

static void descriptors_are_watched(void **state)
{
	(void)state;
	struct http_config c = quick_config();
	struct madrigal_error err;
	struct app own;
	int pipe_fd[2];
	const struct http_app calls = { 0 };
	memset(&own, 0, sizeof own);
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(http_server_new(&c, &calls, &own, &own.server, &err), 0);
	assert_int_equal(http_server_watch(own.server, pipe_fd[0], read_byte, &own, &err), 0);
	assert_int_equal(http_server_watch(own.server, pipe_fd[0], read_byte, &own, &err), MADRIGAL_EUSAGE);
	assert_int_equal(write(pipe_fd[1], "abc", 3), 3);
	close(pipe_fd[1]);
	assert_int_equal(http_server_run(own.server, &err), 0);
	assert_int_equal(own.watched, 4);
	http_server_free(own.server);
	close(pipe_fd[0]);
}

static void stopping_lets_answers_finish(void **state)
{
	(void)state;
	struct app own;
	struct http_config c = quick_config();
	app_start(&own, &c);
	int later = dial(own.port), never = dial(own.port), idle = dial(own.port), open;
	SAY(never, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	SAY(later, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(wait_for_count(&own.requests, 2));
	app_stop(&own, 0.5);
	char *answer = hear(later, NULL, &open);
	assert_int_equal(status_of(answer), 200);
	assert_int_equal(open, 0);
	assert_non_null(strstr(answer, "Connection: close"));
	free(answer);
	answer = hear(never, NULL, &open);
	assert_string_equal(answer, "");
	assert_int_equal(open, 0);
	assert_int_equal(own.closed, 1);
	free(answer);
	answer = hear(idle, NULL, &open);
	assert_int_equal(open, 0);
	free(answer);
	close(later);
	close(never);
	close(idle);
}

static void addresses_are_checked(void **state)
{
	(void)state;
	static const char *bad[] = { "", "127.0.0.1", "localhost:80", "1.2.3:80", "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:", "::1:80", "[::1:80", "127.0.0.1:80x" };
	const struct http_app calls = { 0 };
	struct http_config c = quick_config();
	struct madrigal_error err;
	struct http_server *s = NULL;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		c.address = bad[i];
		assert_int_equal(http_server_new(&c, &calls, NULL, &s, &err), MADRIGAL_EUSAGE);
		assert_null(s);
	}
	char taken[32];
	snprintf(taken, sizeof taken, "127.0.0.1:%d", app.port);
	c.address = taken;
	assert_int_equal(http_server_new(&c, &calls, NULL, &s, &err), MADRIGAL_EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_its_headers),
		cmocka_unit_test(targets_are_decoded),
		cmocka_unit_test(a_connection_is_kept),
		cmocka_unit_test(http_1_0_is_spoken),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(bodies_go_to_memory_or_a_file),
		cmocka_unit_test(a_body_is_asked_for),
		cmocka_unit_test(an_answer_need_not_wait_for_the_body),
		cmocka_unit_test(streams_arrive_piece_by_piece),
		cmocka_unit_test(files_are_sent),
		cmocka_unit_test(a_half_closed_client_gets_its_answer),
		cmocka_unit_test(the_application_hears_who_left),
		cmocka_unit_test(what_is_kept_for_the_end_of_a_turn_is_answered),
		cmocka_unit_test(descriptors_are_watched),
		cmocka_unit_test(stopping_lets_answers_finish),
		cmocka_unit_test(addresses_are_checked),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
