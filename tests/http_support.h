/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server on a thread of its own with a small application, and a client made of bare sockets. */
#ifndef TESTS_HTTP_SUPPORT_H
#define TESTS_HTTP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "http/http.h"

#define LATER_MAX 64

/* The application:
 *   /            "hello\n"                          /echo        the request's body, and X-Body: memory or file
 *   /info        method, path, raw path, query, header X-Test, as lines
 *   /small       takes 10 bytes of body             /none        takes no body
 *   /now         answers without the body
 *   /later       answers after two ticks            /never       never answers
 *   /stream?n=N  N pieces, one a tick               /endless     a stream that goes on while it is read
 *   /file        bytes 5..14 of a file              /short       a file shorter than was promised
 *   /big         8 MiB                              /header      X-Good, and two headers that would break out
 *   /empty       204                            /turn        answers at the end of the loop's turn
 */
struct app {
	struct http_server *server;
	pthread_t thread;
	int port, file_fd;
	struct later { struct http_exchange *x; int ticks, pieces; } later[LATER_MAX];
	atomic_int requests, closed, done, last_status, watched, open, run_rc;
};

/* One for a whole test, as cmocka's setup and teardown. */
extern struct app app;
int start(void **state);
int stop(void **state);

struct http_config quick_config(void); /* any port, quick ticks, long deadlines */
void app_start(struct app *a, const struct http_config *c);
void app_start_hasty(struct app *a);   /* deadlines of less than a second */
/* Stops with that grace, waits, frees. */
void app_stop(struct app *a, double grace_s);
/* Waits until *value is at least `least`, five seconds at most. Returns whether it is. */
int wait_for_count(atomic_int *value, int least);

int dial(int port);
void say(int fd, const void *p, size_t n);
#define SAY(fd, text) say(fd, text, sizeof(text) - 1)
/* Reads until the other side closes, or is silent for 3 s (then *ret_open, which may be NULL, is 1). *ret_n may be NULL. The text is NUL-terminated; free it. */
char *hear(int fd, size_t *ret_n, int *ret_open);
/* Dials, says, shuts the sending side if half_close, hears. */
char *ask(int port, const char *request, size_t n);
/* Reads one answer with a Content-Length, no byte more. */
char *hear_one(int fd);
/* The status of an answer; 0 if there is none. */
int status_of(const char *answer);
/* A healthy request works. */
int healthy(int port);
const char *body_of(const char *answer);

#endif
