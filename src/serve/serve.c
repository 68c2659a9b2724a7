/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's process: it answers, and starts workers; it never makes a song. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/machine.h"
#include "serve/api.h"
#include "serve/reference.h"

#define WORKERS_MAX 256
#define STOP_S 20.0
#define LAST_WORDS_S 0.5       /* before that is over: what still waits is told so */
#define RESTART_S 2
#define SWEEP_TICKS 36000      /* an hour */
#define TICK_S 0.1
#define SPOOL_AGE_S 3600.0

extern char **environ;

struct workers {
	pid_t pid[WORKERS_MAX];
	char name[WORKERS_MAX][24];    /* another for each that is started: no two workers are ever taken for one */
	int64_t started_ms[WORKERS_MAX];
	int n, wake[2];
	char threads[16];
};

struct service {
	struct api api;
	struct workers workers;
	long ticks;
	double stop_by_s;              /* when a stop that was asked for must be over, by now_s(); 0: none was */
};

static struct http_server *stopping_server;
static volatile sig_atomic_t stop_asked;

/* A clock that nobody sets. */
static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void on_signal(int sig)
{
	(void)sig;
	stop_asked = 1;
	if (stopping_server)
		http_server_stop(stopping_server, STOP_S);
}

static void heed_signals(struct http_server *s)
{
	struct sigaction sa = { .sa_handler = on_signal };
	stopping_server = s;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is a failed write, not the end */
}

/* ---- one request ---- */

static const char no_key_aiml[] = "This request requires a valid API key. You can create a new API key with: madrigal key create";
static const char no_key_minimax[] = "login fail: Please carry the API secret key in the 'Authorization' field of the request header";

/* The token of "Bearer TOKEN" (any case), or NULL. */
static const char *bearer(const struct http_exchange *x)
{
	const char *h = http_header(x, "authorization");
	if (!h || strncasecmp(h, "bearer ", 7))
		return NULL;
	for (h += 7; *h == ' '; h++)
		;
	return *h ? h : NULL;
}

/* 0: *ret is whose key it is; 1: none, or unknown. */
static int whose(const struct api *a, const struct http_exchange *x, struct account *ret, struct madrigal_error *err)
{
	const char *key = bearer(x);
	return key ? account_by_key(a->store, key, ret, err) : 1;
}

/* 0, or 1 after having answered. */
static int authenticate(struct call *c)
{
	struct madrigal_error err = { 0 };
	int rc = whose(c->api, c->x, &c->account, &err);
	if (rc < 0) {
		answer_fault(c, &err);
	} else if (rc > 0) {
		const char *key = bearer(c->x);
		http_reply_header(c->x, "WWW-Authenticate", "Bearer");
		answer_error(c, 401, key ? MINIMAX_BAD_KEY : MINIMAX_NO_AUTH, c->dialect == DIALECT_AIML ? no_key_aiml : key ? "invalid api key" : no_key_minimax, NULL);
	}
	return rc != 0;
}

/* No route by that method: a browser asks what it may do, or it is an error. */
static void answer_method(struct call *c, int path_known)
{
	char methods[64];
	int asks = !strcmp(http_method(c->x), "OPTIONS") && (path_known || !strcmp(http_path(c->x), "*"));
	if (path_known) {
		route_methods(http_path(c->x), methods, sizeof methods);
		http_reply_header(c->x, "Allow", methods);
	}
	if (asks && path_known) {
		http_reply_header(c->x, "Access-Control-Allow-Methods", methods);
		http_reply_header(c->x, "Access-Control-Allow-Headers", "Authorization, *"); /* the star leaves that one out */
		http_reply_header(c->x, "Access-Control-Max-Age", "86400");
	}
	if (asks)
		http_reply(c->x, 204, NULL, NULL, 0);
	else
		answer_error(c, path_known ? 405 : 404, MINIMAX_PARAMS, path_known ? "Method not allowed" : "Not found", NULL);
}

/* 0, or 1 after having answered: bodies are taken as they are. */
static int is_encoded(struct call *c)
{
	const char *coding = http_header(c->x, "content-encoding");
	if (!coding || !*coding || !strcasecmp(coding, "identity"))
		return 0;
	answer_error(c, 415, MINIMAX_PARAMS, "invalid params, a body with a Content-Encoding is not taken", NULL);
	return 1;
}

static void on_request(void *ctx, struct http_exchange *x)
{
	struct api *a = ctx;
	struct call c = { .api = a, .x = x, .dialect = route_dialect(http_path(x)) };
	const char *rest = "";
	int known = 0;
	store_nanoid(c.id, 21);
	answer_headers(&c);
	const struct route *r = route_find(http_method(x), http_path(x), &known, &rest);
	if (!r) {
		answer_method(&c, known);
		return;
	}
	size_t n = strlen(rest);
	if (n >= sizeof c.rest) {
		answer_error(&c, 404, MINIMAX_PARAMS, "Not found", NULL);
		return;
	}
	memcpy(c.rest, rest, n + 1);
	if (n && c.rest[n - 1] == '/')
		c.rest[n - 1] = 0;
	if (r->needs_key && authenticate(&c))
		return;
	if (is_encoded(&c))
		return;
	if (a->stopping && !strcmp(r->method, "POST")) {
		http_reply_header(x, "Retry-After", "10");
		answer_error(&c, 503, MINIMAX_INTERNAL, "Service unavailable", NULL);
		return;
	}
	r->handle(&c);
}

/* Has the request a body that is worth a look at its key before it is taken? */
static int body_is_large(const struct http_exchange *x)
{
	const char *length = http_header(x, "content-length");
	return length ? strtoull(length, NULL, 10) > 64 * 1024 : http_header(x, "transfer-encoding") != NULL;
}

/* Strangers' files are not even stored. */
static ssize_t on_limit(void *ctx, const struct http_exchange *x)
{
	struct api *a = ctx;
	const char *rest;
	int known;
	struct account account;
	struct madrigal_error err = { 0 };
	const struct route *r = route_find(http_method(x), http_path(x), &known, &rest);
	if (!r || (a->stopping && !strcmp(r->method, "POST")) || (r->needs_key && body_is_large(x) && whose(a, x, &account, &err) > 0))
		return HTTP_ANSWER_NOW;
	if (r->body_max >= 0)
		return r->body_max;
	/* Base64 makes a third more of a file. */
	return (ssize_t)(a->config.upload_max_mb * 1400000L);
}

static void on_closed(void *ctx, struct http_exchange *x)
{
	submit_closed(ctx, x);
	wait_closed(ctx, x);
	reference_closed(ctx, x);
}

static void on_done(void *ctx, const struct http_exchange *x, int status, uint64_t bytes, double seconds)
{
	struct api *a = ctx;
	const char *rest;
	int known;
	const struct route *r = route_find(http_method(x), http_path(x), &known, &rest);
	metrics_count(a->metrics, r ? r->path : "other", status, seconds, bytes);
	/* Paths may hold ids, never keys or lyrics; a query may hold a signature, so it stays out. */
	if (a->config.log_requests)
		log_line("%s %s %s %d %llu bytes %.0f ms", http_peer(x), http_method(x), http_path(x), status, (unsigned long long)bytes, seconds * 1e3);
}

static int on_refusal(void *ctx, int status, const char *path, const char *message, char *buf, size_t n)
{
	(void)ctx;
	char id[24], trace[33], when[32];
	store_nanoid(id, 21);
	trace_id(id, trace);
	iso_time(store_now_ms(), when);
	json_t *o = route_dialect(path) == DIALECT_MINIMAX
	            ? json_pack("{s:n, s:s, s:o}", "data", "trace_id", trace, "base_resp", base_resp(MINIMAX_PARAMS, message))
	            : json_pack("{s:s, s:i, s:s, s:s, s:s}", "requestId", id, "statusCode", status, "timestamp", when, "path", path, "message", message);
	size_t len = o ? json_dumpb(o, buf, n, JSON_COMPACT) : 0;
	json_decref(o);
	return len > n ? 0 : (int)len;
}

void root_get(struct call *c)
{
	answer_json(c, 200, json_pack("{s:s, s:s, s:s, s:s}", "name", "Madrigal", "version", madrigal_version(), "openapi", "/openapi.json", "models", "/v1/models"));
}

/* ---- workers ---- */

static void start_worker(struct service *d, int i)
{
	struct serve_config *c = &d->api.config;
	char wake[16];
	const char *argv[14] = { "madrigal", "worker", "--data", c->data_dir, "--threads", d->workers.threads, "--wake-fd", wake, "--name", d->workers.name[i] };
	int n = 10;
	memcpy(d->workers.name[i], "serve:", 7);
	store_nanoid(d->workers.name[i] + 6, 12);
	snprintf(wake, sizeof wake, "%d", d->workers.wake[0]);
	if (c->allow_private_urls)
		argv[n++] = "--allow-private-urls";
	/* posix_spawn's argv isn't const for history's sake alone. */
	const union { const char *const *given; char *const *argv; } writable = { argv };
	posix_spawnattr_t attr;
	sigset_t none;
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	int rc = posix_spawn(&d->workers.pid[i], "/proc/self/exe", NULL, &attr, writable.argv, environ);
	posix_spawnattr_destroy(&attr);
	d->workers.started_ms[i] = store_now_ms();
	if (rc) {
		d->workers.pid[i] = 0;
		log_line("cannot start a worker: %s", strerror(rc));
	}
}

static int workers_begin(struct service *d, struct madrigal_error *err)
{
	struct serve_config *c = &d->api.config;
	int n = c->workers < 0 ? (machine_cores() + 1) / 2 : c->workers;
	if (!n)
		return 0;
	if (pipe2(d->workers.wake, O_NONBLOCK))
		return err_set(err, MADRIGAL_EINTERNAL, "no pipe: %s", strerror(errno));
	fcntl(d->workers.wake[1], F_SETFD, FD_CLOEXEC);
	d->api.wake_fd = d->workers.wake[1];
	int threads = c->threads ? c->threads : machine_cores() / n > 1 ? machine_cores() / n : 1;
	snprintf(d->workers.threads, sizeof d->workers.threads, "%d", threads);
	d->workers.n = n;
	for (int i = 0; i < n; i++)
		start_worker(d, i);
	return 0;
}

/* What it was making need not wait until its lease runs out. */
static void bury_worker(struct service *d, int i, int status)
{
	struct madrigal_error err = { 0 };
	d->workers.pid[i] = 0;
	if (!d->api.stopping)
		log_line("a worker ended (%s %d); starting another", WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	/* One that was killed because the stop could not wait is not the song's fault. */
	if (queue_orphan(d->api.store, d->workers.name[i], !d->api.stopping, &err))
		log_line("its song waits for %d s: %s", QUEUE_LEASE_MS / 1000, err.message);
}

/* Buries workers that have ended and starts others in their place, but not faster than every RESTART_S. */
static void workers_tick(struct service *d)
{
	for (int i = 0; i < d->workers.n; i++) {
		int status;
		if (d->workers.pid[i] > 0 && waitpid(d->workers.pid[i], &status, WNOHANG) == d->workers.pid[i])
			bury_worker(d, i, status);
		if (!d->workers.pid[i] && !d->api.stopping && store_now_ms() - d->workers.started_ms[i] >= RESTART_S * 1000)
			start_worker(d, i);
	}
}

static void workers_ask_to_stop(const struct service *d)
{
	for (int i = 0; i < d->workers.n; i++)
		if (d->workers.pid[i] > 0)
			kill(d->workers.pid[i], SIGTERM);
}

static int workers_alive(const struct service *d)
{
	for (int i = 0; i < d->workers.n; i++)
		if (d->workers.pid[i] > 0)
			return 1;
	return 0;
}

/* Within the time that a stop may take in all: who has not handed back its song by then is killed, and the song is handed back for it. */
static void workers_end(struct service *d)
{
	int status;
	double until_s = d->stop_by_s > 0 ? d->stop_by_s : now_s() + STOP_S;
	d->api.stopping = 1;
	workers_ask_to_stop(d);
	for (int i = 0; i < d->workers.n; i++)
		while (d->workers.pid[i] > 0) {
			if (now_s() > until_s)
				kill(d->workers.pid[i], SIGKILL);
			if (waitpid(d->workers.pid[i], &status, WNOHANG))
				bury_worker(d, i, status);
			else
				usleep(20000);
		}
	if (d->workers.wake[0] >= 0) {
		close(d->workers.wake[0]);
		close(d->workers.wake[1]);
	}
}

static void on_turned(void *ctx)
{
	submit_turned(&((struct service *)ctx)->api);
}

static void on_tick(void *ctx)
{
	struct service *d = ctx;
	struct madrigal_error err = { 0 };
	if (stop_asked && !d->api.stopping) {
		log_line("stopping");
		d->api.stopping = 1;
		d->stop_by_s = now_s() + STOP_S;
		workers_ask_to_stop(d);
	}
	submit_tick(&d->api);
	wait_tick(&d->api);
	workers_tick(d);
	/* A song that is nearly done is still answered; then the rest is told to come again. */
	if (d->api.stopping && (!workers_alive(d) || now_s() > d->stop_by_s - LAST_WORDS_S))
		wait_stop(&d->api);
	if (++d->ticks % SWEEP_TICKS == 0 && store_sweep(d->api.store, SPOOL_AGE_S, d->api.config.keep_days * 86400.0, &err))
		log_line("sweep: %s", err.message);
}

/* ---- the whole ---- */

/* An account for the first try, so that nothing needs to be configured. */
static int has_key(void *user, const struct account_key *k)
{
	(void)k;
	*(int *)user = 1;
	return 1;
}

static int greet(struct service *d, struct madrigal_error *err)
{
	char host[160], key[64] = "";
	int any = 0, port = http_server_port(d->api.server);
	const char *listen = d->api.config.listen, *colon = strrchr(listen, ':');
	int n = colon ? (int)(colon - listen) : (int)strlen(listen);
	int everywhere = !strncmp(listen, "0.0.0.0", 7) || !strncmp(listen, "[::]", 4);
	snprintf(host, sizeof host, "%.*s:%d", everywhere ? 9 : n, everywhere ? "127.0.0.1" : listen, port);
	printf("Madrigal listens on http://%s\n", host);
	int rc = account_each_key(d->api.store, has_key, &any, err);
	if (!rc && !any) {
		const struct account_limits none = { 0 };
		int64_t account;
		rc = account_new(d->api.store, "first key", ACCOUNT_UNLIMITED, &none, key, &account, err);
		if (!rc)
			printf("\nThis is the first key; it is shown this once (more by: madrigal key create):\n\n    %s\n\nTry:\n\n"
			       "    curl http://%s/v1/music_generation -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \\\n"
			       "        -d '{\"model\":\"music-2.6\",\"prompt\":\"warm indie folk, female voice\",\"lyrics\":\"[verse]\\nStreetlights flicker, the night breeze sighs\\n"
			       "Shadows stretch as I walk alone\",\"output_format\":\"url\"}'\n", key, host, key);
	}
	fflush(stdout);
	return rc;
}

static int listen_and_serve(struct service *d, struct madrigal_error *err)
{
	const struct http_app app = { .limit = on_limit, .request = on_request, .closed = on_closed, .tick = on_tick, .turned = on_turned, .done = on_done, .refusal = on_refusal };
	struct http_config h = http_config_default();
	char spool[600];
	snprintf(spool, sizeof spool, "%s/spool", d->api.config.data_dir);
	h.address = d->api.config.listen;
	h.spool_dir = spool;
	h.connections_max = d->api.config.connections_max;
	h.tick_s = TICK_S;
	int rc = http_server_new(&h, &app, d, &d->api.server, err);
	if (!rc)
		heed_signals(d->api.server); /* from before anyone knows of us */
	if (!rc)
		rc = greet(d, err);
	if (!rc)
		rc = workers_begin(d, err);
	if (!rc)
		rc = http_server_run(d->api.server, err);
	stopping_server = NULL;
	workers_end(d);
	http_server_free(d->api.server);
	return rc;
}

int serve_run(const struct serve_config *c, struct madrigal_error *err)
{
	if (sodium_init() < 0)
		return err_set(err, MADRIGAL_EINTERNAL, "libsodium does not start");
	struct service *d = calloc(1, sizeof *d);
	if (!d)
		return err_nomem(err);
	d->api.config = *c;
	char *url = d->api.config.public_url; /* paths are put behind it, and begin with a slash */
	for (size_t n = strlen(url); n && url[n - 1] == '/';)
		url[--n] = 0;
	d->workers.wake[0] = d->workers.wake[1] = d->api.wake_fd = -1;
	int rc = store_open(c->data_dir, &d->api.store, err);
	if (!rc)
		store_leave_checkpoints(d->api.store);
	if (!rc)
		rc = metrics_new(&d->api.metrics, err);
	if (!rc)
		rc = listen_and_serve(d, err);
	metrics_free(d->api.metrics);
	store_close(d->api.store);
	free(d);
	return rc;
}
