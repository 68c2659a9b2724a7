/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exchanges that stay open until their job is done: MiniMax's synchronous answers (hex or an address), its stream of events, and our own
 * progress events. Looked at every tick; a big answer is written as fast as its client reads and never held whole.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "serve/api.h"
#include "worker/worker.h"

#define PIECE_BYTES 24576          /* of sound in a piece of hex */
#define AHEAD_BYTES (256 * 1024)   /* that may wait for a client to read */
#define PIECES_A_TICK 16
#define KEEP_ALIVE_TICKS 150

struct waiter {
	struct waiter *next;
	struct call call;
	char job[QUEUE_ID_MAX + 1];
	enum wait_kind kind;
	int cancel_if_gone;
	int started;                   /* the answer has begun */
	int fd;                        /* what is being sent, or -1 */
	int whole;                     /* fd is the finished file, no longer growing */
	uint64_t sent;
	double told;                   /* progress last told */
	int quiet;                     /* ticks since something was sent */
	struct job done;               /* once it is finished */
	int finished;
};

int wait_count(const struct api *a)
{
	int n = 0;
	for (const struct waiter *w = a->waiters; w; w = w->next)
		n++;
	return n;
}

static void waiter_free(struct waiter *w)
{
	if (w->fd >= 0)
		close(w->fd);
	job_release(&w->done);
	free(w);
}

static void forget(struct waiter *w)
{
	struct waiter **p = &w->call.api->waiters;
	while (*p && *p != w)
		p = &(*p)->next;
	if (*p)
		*p = w->next;
	waiter_free(w);
}

void wait_for_job(struct call *c, const char *job, enum wait_kind kind, int cancel_if_gone)
{
	struct waiter *w = calloc(1, sizeof *w);
	if (!w) {
		answer_error(c, 503, MINIMAX_INTERNAL, "Service unavailable", NULL);
		return;
	}
	w->call = *c;
	snprintf(w->job, sizeof w->job, "%s", job);
	w->kind = kind;
	w->cancel_if_gone = cancel_if_gone;
	w->fd = -1;
	w->told = -1;
	w->next = c->api->waiters;
	c->api->waiters = w;
	http_set_user(c->x, w);
	if (kind == WAIT_STREAM || kind == WAIT_EVENTS) {
		char trace[33];
		trace_id(job, trace);
		http_reply_header(c->x, "Trace-Id", trace);
		http_reply_header(c->x, "Cache-Control", "no-store");
		http_reply_header(c->x, "X-Accel-Buffering", "no");
		http_stream_begin(c->x, 200, "text/event-stream");
		w->started = 1;
	}
}

/* A song that nobody could fetch is not made. */
static void cancel_if_useless(const struct waiter *w)
{
	struct madrigal_error err = { 0 };
	if (w->cancel_if_gone && !w->finished && queue_cancel(w->call.api->store, w->job, 0, &err) < 0)
		log_line("cannot cancel job=%s: %s", w->job, err.message);
}

void wait_closed(struct api *a, struct http_exchange *x)
{
	for (struct waiter *w = a->waiters; w; w = w->next)
		if (w->call.x == x) {
			cancel_if_useless(w);
			forget(w);
			return;
		}
}

/* ---- what went wrong, in the caller's dialect ---- */

/* Errors that a client can mend are its own: 400 and 2013. */
static int clients_fault(const struct job *j)
{
	static const char *const names[] = { "lyrics_error", "style_error", "request_error", "reference_error" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(j->error_name, names[i]))
			return 1;
	return 0;
}

static void failure(const struct waiter *w, int *ret_http, int *ret_code, char *ret_text, size_t n)
{
	const struct job *j = &w->done;
	if (j->state == JOB_CANCELLED) {
		*ret_http = 409;
		*ret_code = MINIMAX_UNKNOWN;
		snprintf(ret_text, n, "cancelled");
	} else if (clients_fault(j)) {
		*ret_http = 400;
		*ret_code = MINIMAX_PARAMS;
		snprintf(ret_text, n, "invalid params, %s", j->error_message);
	} else {
		*ret_http = 500;
		*ret_code = MINIMAX_UNKNOWN;
		snprintf(ret_text, n, "%s", *j->error_message ? j->error_message : "unknown error");
	}
}

static json_t *frame_json(const struct waiter *w, const char *hex, int status, int with_info)
{
	char trace[33];
	trace_id(w->job, trace);
	json_t *info = with_info ? job_extra_info(&w->done, 1) : json_null();
	return json_pack("{s:{s:s, s:i}, s:s, s:o, s:n, s:o}", "data", "audio", hex, "status", status, "trace_id", trace, "extra_info", info, "analysis_info",
	                 "base_resp", base_resp(0, status == 2 ? "success" : ""));
}

static void send_event(struct waiter *w, const char *name, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (!text)
		return;
	if (name) {
		http_stream_write(w->call.x, "event: ", 7);
		http_stream_write(w->call.x, name, strlen(name));
		http_stream_write(w->call.x, "\n", 1);
	}
	http_stream_write(w->call.x, "data: ", 6);
	http_stream_write(w->call.x, text, strlen(text));
	http_stream_write(w->call.x, "\n\n", 2);
	free(text);
	w->quiet = 0;
}

static void answer_failure(struct waiter *w)
{
	int http, code;
	char text[640];
	failure(w, &http, &code, text, sizeof text);
	if (w->started) {
		char trace[33];
		trace_id(w->job, trace);
		send_event(w, NULL, json_pack("{s:n, s:s, s:n, s:o}", "data", "trace_id", trace, "extra_info", "base_resp", base_resp(code, text)));
		http_stream_end(w->call.x);
	} else if (w->call.dialect == DIALECT_MINIMAX) {
		answer_error(&w->call, 200, (enum minimax_code)code, text, NULL);
	} else {
		/* music-01 on the AI/ML API: its clients look at the HTTP status only, others at base_resp. */
		answer_json(&w->call, http, json_pack("{s:s, s:i, s:s, s:s, s:o}", "requestId", w->call.id, "statusCode", http, "path", http_path(w->call.x), "message", text,
		                                      "base_resp", base_resp(code, text)));
	}
	forget(w);
}

/* ---- sound as hex ---- */

static void to_hex(const unsigned char *p, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = 0;
}

static int open_result(struct waiter *w)
{
	const struct job_file *f = job_file_find(&w->done, "audio");
	struct madrigal_error err = { 0 };
	uint64_t size;
	int rc = f ? store_file_open(w->call.api->store, f->file.hash, &w->fd, &size, &err) : err_set(&err, MADRIGAL_EIO, "the job has no sound");
	if (rc)
		log_line("job=%s %s", w->job, err.message);
	w->whole = 1;
	return rc;
}

/* One piece of the file as hex into ret (2 * PIECE_BYTES + 1); returns the bytes read, 0 at the end. */
static ssize_t next_piece(struct waiter *w, char *ret)
{
	unsigned char piece[PIECE_BYTES];
	ssize_t n = pread(w->fd, piece, sizeof piece, (off_t)w->sent);
	if (n <= 0)
		return n;
	to_hex(piece, (size_t)n, ret);
	w->sent += (uint64_t)n;
	return n;
}

/* The one big JSON answer: what comes before the sound, the sound, what comes after. */
static void hex_begin(struct waiter *w)
{
	char trace[33];
	trace_id(w->job, trace);
	http_reply_header(w->call.x, "Trace-Id", trace);
	http_reply_header(w->call.x, "Cache-Control", "no-store");
	http_stream_begin(w->call.x, 200, "application/json");
	static const char before[] = "{\"data\":{\"status\":2,\"audio\":\"";
	http_stream_write(w->call.x, before, sizeof before - 1);
	w->started = 1;
}

static void hex_end(struct waiter *w)
{
	json_t *o = frame_json(w, "", 2, 1);
	json_object_del(o, "data");
	char *rest = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	http_stream_write(w->call.x, "\"},", 3);
	if (rest)
		http_stream_write(w->call.x, rest + 1, strlen(rest) - 1);
	free(rest);
	http_stream_end(w->call.x);
	forget(w);
}

static void pump_hex(struct waiter *w)
{
	char hex[2 * PIECE_BYTES + 1];
	for (int i = 0; i < PIECES_A_TICK; i++) {
		ssize_t n = next_piece(w, hex), waiting;
		if (n <= 0) {
			hex_end(w);
			return;
		}
		waiting = http_stream_write(w->call.x, hex, 2 * (size_t)n);
		if (waiting < 0 || waiting > AHEAD_BYTES)
			return;
	}
}

static void answer_url(struct waiter *w)
{
	char url[1024], trace[33];
	trace_id(w->job, trace);
	file_url(&w->call, w->job, "audio", url, sizeof url);
	json_t *o = frame_json(w, url, 2, 1);
	json_object_set_new(json_object_get(o, "data"), "audio_url", json_string(url));
	http_reply_header(w->call.x, "Trace-Id", trace);
	answer_json(&w->call, 200, o);
	forget(w);
}

/* ---- the stream: follows the growing file while the song is made ---- */

static void pump_stream(struct waiter *w)
{
	char hex[2 * PIECE_BYTES + 1], path[768];
	if (w->fd < 0 && !w->finished) {
		worker_stream_path(w->call.api->store, w->job, path, sizeof path);
		w->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	/* What was streamed is what is kept: once the job is done the kept file is read on, whatever became of the stream (its worker may have died, and another begun anew). */
	if (w->finished && !w->whole) {
		if (w->fd >= 0)
			close(w->fd);
		w->fd = -1;
		if (open_result(w)) {
			answer_failure(w);
			return;
		}
	}
	for (int i = 0; w->fd >= 0 && i < PIECES_A_TICK; i++) {
		ssize_t n = next_piece(w, hex);
		if (n <= 0)
			break;
		json_t *o = frame_json(w, hex, 1, 0);
		send_event(w, NULL, o);
		if (http_stream_write(w->call.x, "", 0) > AHEAD_BYTES)
			return;
		if (i == PIECES_A_TICK - 1)
			return;
	}
	if (w->finished) {
		send_event(w, NULL, frame_json(w, "", 2, 1));
		http_stream_end(w->call.x);
		forget(w);
	}
}

/* ---- our own events: progress ---- */

static json_t *progress_json(const struct job *j)
{
	json_t *o = json_pack("{s:s, s:s, s:f, s:s}", "id", j->id, "status", job_state_names[j->state], "progress", j->state == JOB_DONE ? 1.0 : j->progress, "stage", j->stage);
	if (j->state == JOB_FAILED)
		json_object_set_new(o, "error", job_error(j));
	return o;
}

static void tell_progress(struct waiter *w, const struct job *j)
{
	int over = j->state >= JOB_DONE;
	if (over || j->progress != w->told) {
		send_event(w, over ? job_state_names[j->state] : "progress", progress_json(j));
		w->told = j->progress;
	}
	if (over) {
		http_stream_end(w->call.x);
		forget(w);
	}
}

/* ---- each tick ---- */

/* 1 if the waiter is gone. */
static int look(struct waiter *w)
{
	struct job j = { 0 };
	struct madrigal_error err = { 0 };
	int rc = queue_peek(w->call.api->store, w->job, 0, &j, &err);
	if (rc < 0)
		return 0; /* the store will be better another time */
	if (rc > 0) {
		j.state = JOB_FAILED;
		snprintf(j.error_name, sizeof j.error_name, "gone");
	}
	if (w->kind == WAIT_EVENTS) {
		tell_progress(w, &j);
		job_release(&j);
		return rc > 0 || j.state >= JOB_DONE;
	}
	if (j.state < JOB_DONE) {
		job_release(&j);
		return 0;
	}
	if (j.state == JOB_DONE) {
		job_release(&j);
		if (queue_get(w->call.api->store, w->job, 0, &j, &err))
			return 0;
	}
	w->done = j;
	w->finished = 1;
	return 0;
}

static void attend(struct waiter *w)
{
	if (!w->finished && look(w))
		return;
	int failed = w->finished && w->done.state != JOB_DONE;
	if (failed)
		answer_failure(w);
	else if (w->kind == WAIT_STREAM)
		pump_stream(w);
	else if (w->finished && w->kind == WAIT_JSON_URL)
		answer_url(w);
	else if (w->finished && w->kind == WAIT_JSON_HEX && w->fd < 0 && open_result(w))
		answer_error(&w->call, 500, MINIMAX_INTERNAL, "Internal server error", NULL), forget(w);
	else if (w->finished && w->kind == WAIT_JSON_HEX) {
		if (!w->started)
			hex_begin(w);
		pump_hex(w);
	}
}

void wait_tick(struct api *a)
{
	for (struct waiter *w = a->waiters, *next; w; w = next) {
		next = w->next;
		if ((w->kind == WAIT_STREAM || w->kind == WAIT_EVENTS) && ++w->quiet >= KEEP_ALIVE_TICKS) {
			http_stream_write(w->call.x, ": still here\n\n", 14);
			w->quiet = 0;
		}
		attend(w);
	}
}

void wait_stop(struct api *a)
{
	while (a->waiters) {
		struct waiter *w = a->waiters;
		cancel_if_useless(w);
		snprintf(w->done.error_message, sizeof w->done.error_message, "the server is stopping; please try again");
		w->done.state = JOB_FAILED;
		if (w->started && w->kind != WAIT_STREAM)
			http_stream_end(w->call.x), forget(w);
		else
			answer_failure(w);
	}
}
