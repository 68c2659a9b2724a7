/* SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/: what its files share, and what tests put in the engine's place. */
#ifndef WORKER_INTERNAL_H
#define WORKER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "queue/queue.h"
#include "worker/request.h"
#include "worker/worker.h"

/* As madrigal_make. */
typedef int worker_make_fn(const struct madrigal_request *req, const struct madrigal_paths *paths, madrigal_progress_fn *fn, void *user,
                           struct madrigal_result *ret_result, struct madrigal_error *err);
struct worker_hooks {
	worker_make_fn *make;
	double pause_s;               /* after a full disk or trouble with the database */
};
int worker_run_with(const struct worker_config *c, const struct worker_hooks *hooks, const atomic_int *stop, double grace_s, struct madrigal_error *err) MUST_CHECK;

/* ---- heartbeat.c: keeps a lease while a song is made ---- */
struct heartbeat {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct store *store;          /* its own */
	struct lease lease;
	double progress;              /* guarded by lock, as are the next two */
	char stage[16];
	int ending;
	atomic_int lost;              /* the job is no longer ours: stop */
};
/* Starts a thread that renews every 5 s, notes progress at most twice a second, and looks four times a second whether the job is still ours. */
int heartbeat_begin(struct heartbeat *h, const char *data_dir, const struct lease *l, struct madrigal_error *err) MUST_CHECK;
void heartbeat_note(struct heartbeat *h, double progress, const char *stage);
/* Ends the thread; nothing is renewed from then on. */
void heartbeat_end(struct heartbeat *h);

/* ---- job.c: one song, from its request to its files in the store ---- */
struct song_job {
	const struct worker_config *config;
	const struct worker_hooks *hooks;
	struct store *store;
	const struct lease *lease;
	struct heartbeat heartbeat;
	const atomic_int *stop;
	double grace_s, stopped_at_s; /* stopped_at_s: when the stop was first seen, 0 before */
	int handed_back;              /* cancelled because the grace was over */
	const char *error_name;       /* what a reference's failure is called; NULL: by the status */
};
struct song_made {
	char *result;                 /* JSON (free) */
	struct job_file files[JOB_FILES_MAX];
	int n_files;
};
/* Makes the song. *ret only on success. MADRIGAL_ECANCELLED: cancelled, the lease lost, or handed_back. */
int song_job_make(struct song_job *j, const char *request, struct song_made *ret, struct madrigal_error *err) MUST_CHECK;
/* Whether to stop: the progress functions of all that takes long return this. */
int song_job_stopping(struct song_job *j);

/* ---- reference.c ---- */
/* Fetches or opens the references, checks their length, and has them listened to, all in the helper processes. What was heard (JSON, free), NULL for what is not asked for. Sets j->error_name
 * on failure. */
int reference_hear(struct song_job *j, const struct song_request *r, char **ret_song, char **ret_voice, struct madrigal_error *err) MUST_CHECK;

double worker_now_s(void);        /* monotonic */

#endif
