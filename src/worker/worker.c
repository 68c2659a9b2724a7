/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/worker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "worker/internal.h"

#define NICE 10
#define LOOK_MS 500
#define ROOM_BYTES ((uint64_t)64 << 20) /* less than this is a full disk: a song with its stems needs more */
#define STORE_TRIES 5                   /* at writing down how a job ended */

struct worker {
	const struct worker_config *config;
	const struct worker_hooks *hooks;
	const atomic_int *stop;
	double grace_s;
	struct store *store;
	char name[128];
	int wake_fd;
	int forsaken;                 /* wake_fd has ended */
};

/* What becomes of a job when the engine fails, by its status. Where `says` is NULL the engine's own words are for people; elsewhere they may tell what is none of their business. */
enum fate { FAIL, AGAIN };
static const struct outcome { int status; enum fate fate; const char *name, *says; } outcomes[] = {
	{ MADRIGAL_EUSAGE, FAIL, "request_error", NULL },
	{ MADRIGAL_ELYRICS, FAIL, "lyrics_error", NULL },
	{ MADRIGAL_ESTYLE, FAIL, "style_error", NULL },
	{ MADRIGAL_EMISSING, FAIL, "not_installed", "A part that singing needs is not installed on this server." },
	{ MADRIGAL_EMEMORY, AGAIN, "out_of_memory", "The song needs more memory than there is." },
	{ MADRIGAL_EIO, AGAIN, "storage_error", "The song could not be stored." },
	{ MADRIGAL_EINTERNAL, FAIL, "engine_error", "The song could not be made because of a fault in the engine." },
};
enum { N_OUTCOMES = sizeof outcomes / sizeof *outcomes };

static const struct outcome *outcome_of(int status)
{
	for (int i = 0; i < N_OUTCOMES; i++)
		if (outcomes[i].status == status)
			return &outcomes[i];
	return &outcomes[N_OUTCOMES - 1];
}

static void say(const struct worker *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(const struct worker *w, const char *fmt, ...)
{
	char line[1280];
	va_list ap;
	if (!w->config->log)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	w->config->log(w->config->log_user, line);
}

/* Waits for a wake-up, at most ms; a stop ends the wait. */
static void rest(struct worker *w, int ms)
{
	char byte; /* one for each worker that shares the pipe */
	for (; ms > 0 && !*w->stop; ms -= LOOK_MS) {
		struct pollfd p = { .fd = w->wake_fd, .events = POLLIN };
		if (poll(&p, 1, ms < LOOK_MS ? ms : LOOK_MS) <= 0)
			continue;
		ssize_t n = read(w->wake_fd, &byte, 1);
		if (n == 1)
			return;
		/* Another worker was faster; or who woke us has gone and will not do so again. */
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			w->wake_fd = -1;
			w->forsaken = 1;
		}
	}
}

/* Whether the server that started us has ended without a word: the next one starts workers of its own. */
static int forsaken(const struct worker *w)
{
	struct pollfd p = { .fd = w->wake_fd };
	return w->forsaken || (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)));
}

static void pause_after_trouble(struct worker *w)
{
	int former = w->wake_fd;
	w->wake_fd = -1; /* new work makes no room */
	rest(w, (int)(w->hooks->pause_s * 1000));
	w->wake_fd = former;
}

/* Whether it is the store's trouble, which no song can help: a disk that is full or a folder that can't be written to. By the time that we look, the half-made song has been removed and
 * there may be room again: so what was said counts too. */
static int store_refuses(const struct worker *w, const struct madrigal_error *why)
{
	static const int reasons[] = { ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, EPERM };
	struct statvfs v;
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strstr(why->message, strerror(reasons[i])))
			return 1;
	if (strstr(why->message, sqlite3_errstr(SQLITE_FULL)))
		return 1;
	return statvfs(w->store->dir, &v) == 0 && ((uint64_t)v.f_bavail * v.f_frsize < ROOM_BYTES || (v.f_files && v.f_favail == 0));
}

/* How the job ended must be written down, so it is tried again; should it fail for good, the lease runs out and the song is made again. */
static int write_end(struct worker *w, const struct lease *l, int rc, const struct song_made *made, const struct song_job *j, const struct job *job, int refused,
                     struct madrigal_error *why)
{
	struct madrigal_error err = { 0 };
	const struct outcome *o = outcome_of(rc);
	const char *name = j->error_name ? j->error_name : o->name;
	if (!rc)
		return queue_done(w->store, l, made->result, made->files, made->n_files, why);
	if (rc == MADRIGAL_ECANCELLED || refused)
		rc = queue_release(w->store, l, 0, &err);
	else if (o->fate == AGAIN && job->tries < QUEUE_TRIES)
		rc = queue_release(w->store, l, 1, &err);
	else
		rc = queue_fail(w->store, l, name, o->says ? o->says : why->message, &err);
	return rc;
}

static void finish(struct worker *w, const struct lease *l, int rc, const struct song_made *made, const struct song_job *j, const struct job *job, double took_s,
                   struct madrigal_error *why)
{
	int refused = rc == MADRIGAL_EIO && store_refuses(w, why), end = 0;
	for (int i = 0; i < STORE_TRIES; i++) {
		end = write_end(w, l, rc, made, j, job, refused, why);
		if (end != MADRIGAL_EIO)
			break;
	}
	if (end == MADRIGAL_ECANCELLED)
		say(w, "job=%s ended=cancelled seconds=%.1f", l->id, took_s);
	else if (end)
		say(w, "job=%s ended=unknown error=\"how it ended could not be stored\"", l->id);
	else if (!rc)
		say(w, "job=%s ended=done seconds=%.1f files=%d", l->id, took_s, made->n_files);
	else if (rc == MADRIGAL_ECANCELLED)
		say(w, "job=%s ended=handed_back seconds=%.1f", l->id, took_s);
	else
		say(w, "job=%s ended=%s try=%d error=\"%s\"", l->id, refused ? "store_refuses" : outcome_of(rc)->name, job->tries, why->message);
	if (refused || end == MADRIGAL_EIO)
		pause_after_trouble(w);
}

/* The finished song takes the stream's place: those who follow it go on there. */
static void drop_stream(const struct worker *w, const char *id)
{
	char path[PATH_MAX];
	worker_stream_path(w->store, id, path, sizeof path);
	unlink(path); /* most jobs have none; what stays is swept */
}

/* A song is made on a thread of its own, which alone gives way to others, with the threads and helpers that it starts. The database is written to from this thread and the heartbeat's:
 * were they to wait for the processor too, the server would wait with them for the lock that they hold. */
struct making {
	struct song_job *j;
	const char *request;
	struct song_made *made;
	struct madrigal_error *err;
	int rc;
};

static void *make_quietly(void *user)
{
	struct making *m = user;
	id_t self = (id_t)gettid(); /* Linux: priorities are threads' own */
	if (getpriority(PRIO_PROCESS, self) < NICE)
		setpriority(PRIO_PROCESS, self, NICE);
	m->rc = song_job_make(m->j, m->request, m->made, m->err);
	return NULL;
}

static int make_song(struct song_job *j, const char *request, struct song_made *made, struct madrigal_error *err)
{
	struct making m = { .j = j, .request = request, .made = made, .err = err };
	pthread_t thread;
	if (pthread_create(&thread, NULL, make_quietly, &m))
		return err_nomem(err);
	pthread_join(thread, NULL);
	return m.rc;
}

static void work(struct worker *w, const struct lease *l, const struct job *job)
{
	struct madrigal_error err = { 0 };
	struct song_made *made = calloc(1, sizeof *made);
	struct song_job j = { .config = w->config, .hooks = w->hooks, .store = w->store, .lease = l, .stop = w->stop, .grace_s = w->grace_s };
	double began_s = worker_now_s();
	say(w, "job=%s model=%s try=%d", l->id, job->model, job->tries);
	int rc = made ? heartbeat_begin(&j.heartbeat, w->config->data_dir, l, &err) : err_nomem(&err);
	if (!rc)
		rc = make_song(&j, job->request, made, &err);
	heartbeat_end(&j.heartbeat);
	finish(w, l, rc, made, &j, job, worker_now_s() - began_s, &err);
	if (!rc)
		drop_stream(w, l->id);
	if (made)
		free(made->result);
	free(made);
}

static void name_worker(struct worker *w)
{
	char host[64] = "";
	if (gethostname(host, sizeof host - 1) < 0)
		snprintf(host, sizeof host, "localhost");
	if (w->config->name)
		snprintf(w->name, sizeof w->name, "%s", w->config->name);
	else
		snprintf(w->name, sizeof w->name, "%s:%ld", host, (long)getpid());
}

int worker_run_with(const struct worker_config *c, const struct worker_hooks *hooks, const atomic_int *stop, double grace_s, struct madrigal_error *err)
{
	struct worker w = { .config = c, .hooks = hooks, .stop = stop, .grace_s = grace_s, .wake_fd = c->wake_fd };
	int rc = store_open(c->data_dir, &w.store, err);
	if (rc)
		return rc;
	name_worker(&w);
	while (!*stop && (c->once || !forsaken(&w))) {
		struct madrigal_error why = { 0 };
		struct lease l;
		struct job job;
		int claimed = queue_claim(w.store, w.name, &l, &job, &why);
		if (claimed == 0) {
			work(&w, &l, &job);
			job_release(&job);
		} else if (claimed < 0) {
			say(&w, "error=\"%s\"", why.message);
			pause_after_trouble(&w);
		} else if (c->once) {
			break;
		} else {
			rest(&w, LOOK_MS);
		}
	}
	store_close(w.store);
	return 0;
}

int worker_run(const struct worker_config *c, const atomic_int *stop, double grace_s, struct madrigal_error *err)
{
	static const struct worker_hooks real = { .make = madrigal_make, .pause_s = 10 };
	return worker_run_with(c, &real, stop, grace_s, err);
}

void worker_stream_path(const struct store *s, const char *id, char *ret, size_t n)
{
	snprintf(ret, n, "%s/spool/stream-%s", s->dir, id);
}
