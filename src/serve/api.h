/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of serve/ share. */
#ifndef SERVE_API_H
#define SERVE_API_H

#include <jansson.h>

#include "account/account.h"
#include "http/http.h"
#include "queue/queue.h"
#include "serve/models.h"
#include "serve/serve.h"

/* How errors look: AI/ML API's {"message", "statusCode", ...} with an HTTP status; MiniMax's base_resp with HTTP 200. */
enum dialect { DIALECT_AIML, DIALECT_MINIMAX };

enum minimax_code {
	MINIMAX_OK = 0, MINIMAX_UNKNOWN = 1000, MINIMAX_TIMEOUT = 1001, MINIMAX_RATE = 1002, MINIMAX_NO_AUTH = 1004, MINIMAX_BALANCE = 1008, MINIMAX_INTERNAL = 1024,
	MINIMAX_CONN_LIMIT = 1041, MINIMAX_INVISIBLE = 1042, MINIMAX_PARAMS = 2013, MINIMAX_NO_PERMISSION = 2044, MINIMAX_BAD_KEY = 2049,
};

struct api;
struct waiter;
struct pending;
struct check;

/* A request on its way through a route. */
struct call {
	struct api *api;
	struct http_exchange *x;
	enum dialect dialect;
	struct account account;    /* if the route needs a key */
	char id[24];               /* of the request */
	char rest[512];            /* what the route's '*' stood for */
};

/* What a route takes, for the OpenAPI document: a body of one of a family's models, a form with a file, or some other JSON; the id of a generation in the query. */
enum takes { TAKES_NOTHING, TAKES_MODEL, TAKES_FORM, TAKES_JSON, TAKES_GENERATION };

struct route {
	const char *method, *path; /* a '*' at the end of the path stands for the rest */
	enum dialect dialect;
	int needs_key;
	long body_max;             /* bytes; -1: as the configuration allows uploads */
	void (*handle)(struct call *c);
	const char *summary;       /* for the OpenAPI document */
	enum takes takes;
	enum api_family family;    /* with TAKES_MODEL */
};
extern const struct route routes[];
extern const int n_routes;
/* Of the first route with that path; DIALECT_AIML if there is none. */
enum dialect route_dialect(const char *path);
/* What may be done with that path, as the header Allow says it. */
void route_methods(const char *path, char *ret, size_t n);
const struct route *route_find(const char *method, const char *path, int *ret_path_known, const char **ret_rest);

struct api {
	struct serve_config config;
	struct store *store;
	struct http_server *server;
	struct waiter *waiters;
	struct pending *pending;   /* songs that are to be written, oldest first (submit.c) */
	int store_locked;          /* by another process, when last tried: not again before the next tick */
	struct check *checks;      /* of references, under way (reference.c) */
	struct metrics *metrics;
	int stopping;
	int wake_fd;               /* a byte here wakes the workers */
};

/* ---- answers (answer.c) ---- */
void answer_headers(struct call *c); /* those that every answer has; first of all */
void answer_json(struct call *c, int status, json_t *body); /* takes body */
/* An error in the call's dialect. http, code: for either (MiniMax's is HTTP 200, but for 405); message: for people. issues: details or NULL. */
void answer_error(struct call *c, int http, enum minimax_code code, const char *message, const struct issues *issues);
/* A fault of ours: logs err, answers 500 or 1024 (503 if the store is in trouble). */
void answer_fault(struct call *c, const struct madrigal_error *err);
void answer_issues(struct call *c, const struct issues *issues);
void trace_id(const char *id, char ret[33]); /* 32 hex digits that follow from an id */
json_t *base_resp(int code, const char *message);
/* The body as a JSON object (new reference), or NULL after having answered. Empty bodies are {} if optional. */
json_t *body_object(struct call *c, int optional);
/* ISO 8601 with milliseconds, UTC: "2026-01-31T12:00:00.000Z"; ret at least 32 bytes. */
void iso_time(int64_t ms, char ret[32]);
void log_line(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* ---- jobs (submit.c) ---- */
struct submitted { char id[QUEUE_ID_MAX + 1]; const struct model *model; int stream, url; };
typedef void accepted_fn(struct call *c, const struct submitted *s);
/* Checks limits, then the body; answers if it is refused. Otherwise the job is written at the end of this turn of the loop, and `accepted` answers when it is on the disk; should that fail,
 * the error is answered. */
void submit_song(struct call *c, enum api_family family, accepted_fn *accepted);
void submit_turned(struct api *a);
void submit_tick(struct api *a);
void submit_closed(struct api *a, const struct http_exchange *x); /* one that nobody waits for any more is not made */
/* An URL of a job's file for the caller, absolute, signed, good for url_hours: ret at least 1024 bytes. */
void file_url(struct call *c, const char *job, const char *name, char *ret, size_t n);
const struct job_file *job_file_find(const struct job *j, const char *name);
extern const char *const job_state_names[]; /* by enum job_state: "queued", "generating", "completed", "error", "cancelled" */
json_t *job_error(const struct job *j); /* {"name", "message"} of one that failed */
json_t *job_extra_info(const struct job *j, int all); /* music_duration, music_sample_rate, ...; all: audio_length, ... as well */

/* ---- exchanges that wait for a job (wait.c) ---- */
enum wait_kind { WAIT_JSON_HEX, WAIT_JSON_URL, WAIT_STREAM, WAIT_EVENTS };
void wait_for_job(struct call *c, const char *job, enum wait_kind kind, int cancel_if_gone);
void wait_tick(struct api *a);
void wait_closed(struct api *a, struct http_exchange *x);
/* Answers all that still wait: the server stops. Jobs nobody could fetch later are cancelled. */
void wait_stop(struct api *a);
int wait_count(const struct api *a);

/* ---- routes ---- */
void aiml_generate(struct call *c);
void aiml_fetch(struct call *c);
void aiml_generate_01(struct call *c);
void minimax_generate(struct call *c);
void minimax_lyrics(struct call *c);
void catalog_models(struct call *c);
void catalog_model(struct call *c);
void billing_v2(struct call *c);
void billing_detail(struct call *c);
void billing_transactions(struct call *c);
void billing_balance(struct call *c);
void key_info(struct call *c);
void songs_create(struct call *c);
void songs_list(struct call *c);
void songs_get(struct call *c);     /* a song, its files and its events */
void songs_delete(struct call *c);
void files_get(struct call *c);
void health(struct call *c);
void metrics_get(struct call *c);
void openapi_get(struct call *c);
void root_get(struct call *c);

/* ---- metrics.c ---- */
int metrics_new(struct metrics **ret, struct madrigal_error *err) MUST_CHECK;
void metrics_free(struct metrics *m);
void metrics_count(struct metrics *m, const char *route, int status, double seconds, uint64_t bytes);

#endif
