/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue/: jobs, from the moment that they are accepted (the row is on disk) until they are forgotten.
 *
 *     queued -> running -> done | failed | cancelled          running -> queued when a lease runs out or is handed back
 *
 * A worker claims a job for 30 s and a random token, and renews that every 10 s or less; each of its writes names the token, so that a worker that comes too
 * late changes nothing (MADRIGAL_ECANCELLED). Three tries, then the job has failed; a job is charged in the same transaction in which it becomes
 * done, once, and never when it fails. The request is stored as the engine wants it, with its seed: a rerun makes the same bytes.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "account/account.h"
#include "store/store.h"

#define QUEUE_ID_MAX 63
#define QUEUE_LEASE_MS 30000
#define QUEUE_TRIES 3

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

/* What is asked for. Strings are borrowed. */
struct job_new {
	int64_t account;
	const char *id;            /* NULL: a nanoid of 21 characters is made */
	const char *model;         /* "minimax/music-2.6", for the bill and the models' pages */
	const char *family;        /* "aiml", "minimax", "madrigal": which API asked */
	const char *request;       /* JSON: worker/request.h says what is in it */
	int64_t price;             /* credits */
	const char *idempotency_key;   /* NULL: none; else at most 255 bytes, known for 24 h for this account */
	const char *fingerprint;   /* SHA-256 hex of the request's body: the same key with another body is refused */
};

/* Accepts: 0 once the row is on the disk. ret_id: the new job's, or that of the job which the key already made (*ret_again 1). Positive: refused, an enum account_refusal; credit, rate
 * and parallel jobs are checked in the same transaction, so that no two requests share what is enough for one (account_may has the seconds to wait). MADRIGAL_EUSAGE: the key with
 * another body, an id that is taken, no such account, or a field that is too long. */
int queue_submit(struct store *s, const struct job_new *j, char ret_id[QUEUE_ID_MAX + 1], int *ret_again, struct madrigal_error *err) MUST_CHECK;

/* One of several that are accepted together. */
struct submission {
	struct submission *next;
	struct job_new job;
	int rc;                    /* what queue_submit would have returned, with ret_id, again and err */
	char id[QUEUE_ID_MAX + 1];
	int again;
	struct madrigal_error err;
};
/* Accepts a list, in its order, in one transaction: all share one write to the disk, and one that is refused or wrong takes none of the others with it. 0: each one's rc says what became of
 * it, and what was accepted is on the disk. 1: another process held the database for patience_ms: nothing has happened. Negative: trouble with the store; none was accepted. */
int queue_submit_all(struct store *s, struct submission *list, int patience_ms, struct madrigal_error *err) MUST_CHECK;

/* A finished job's files, by name ("audio", "stems/drums.wav", "song.json", ...). */
#define JOB_FILES_MAX 48
struct job_file { char name[64]; char content_type[48]; struct stored_file file; };

struct job {
	char id[QUEUE_ID_MAX + 1], model[48], family[16];
	int64_t account, price;
	enum job_state state;
	int tries;
	double progress;           /* 0..1 */
	char stage[16];            /* the engine's */
	char error_name[32], error_message[512]; /* failed: a name for programs, a sentence for people */
	int64_t created_ms, started_ms, finished_ms;
	char *request;             /* JSON */
	char *result;              /* JSON of figures (duration_ms, sample_rate, channels, bitrate, size, seed, style, voice, key, tempo_bpm), or NULL */
	struct job_file *files; int n_files;
};
void job_release(struct job *j);

/* account: only if it is this one's (0: anyone's). 1 if there is none. */
int queue_get(struct store *s, const char *id, int64_t account, struct job *ret, struct madrigal_error *err) MUST_CHECK;
/* Just what a poll needs: state, progress, stage, error; request, result, files stay NULL. */
int queue_peek(struct store *s, const char *id, int64_t account, struct job *ret, struct madrigal_error *err) MUST_CHECK;
/* Cancelled at once. The worker of a running one hears of it within half a second. 1 if there is none or it is finished. */
int queue_cancel(struct store *s, const char *id, int64_t account, struct madrigal_error *err) MUST_CHECK;
/* The ids of an account's jobs, newest first, made before before_ms (0: newest). No two jobs of an account that are made within a second have the same time. */
int queue_list(struct store *s, int64_t account, int64_t before_ms, char (*ret_ids)[QUEUE_ID_MAX + 1], int max, int *ret_n, struct madrigal_error *err) MUST_CHECK;
struct queue_counts { int64_t queued, running, done, failed, cancelled; };
int queue_count(struct store *s, struct queue_counts *ret, struct madrigal_error *err) MUST_CHECK;

/* ---- for workers ---- */
struct lease { char id[QUEUE_ID_MAX + 1]; char token[33]; };
/* The oldest queued job (or a running one whose lease has run out). 1 if there is nothing to do. A job whose worker was lost QUEUE_TRIES times fails here
 * ("worker_lost"). worker: for people. *ret_job by job_release. */
int queue_claim(struct store *s, const char *worker, struct lease *ret_lease, struct job *ret_job, struct madrigal_error *err) MUST_CHECK;
/* Renews; notes progress. MADRIGAL_ECANCELLED: the job was cancelled, or is no longer ours: stop. */
int queue_renew(struct store *s, const struct lease *l, double progress, const char *stage, struct madrigal_error *err) MUST_CHECK;
/* Is the job still ours? 0, or MADRIGAL_ECANCELLED as above. Reads only: for looking several times a second. */
int queue_held(struct store *s, const struct lease *l, struct madrigal_error *err) MUST_CHECK;
/* Done: files (already in the store), result as JSON; charges. */
int queue_done(struct store *s, const struct lease *l, const char *result, const struct job_file *files, int n_files, struct madrigal_error *err) MUST_CHECK;
/* Failed for good, for a reason that another try would not change. */
int queue_fail(struct store *s, const struct lease *l, const char *name, const char *message, struct madrigal_error *err) MUST_CHECK;
/* Hands the job back (a stop, a full disk): it is queued again, and the try does not count unless counts. */
int queue_release(struct store *s, const struct lease *l, int counts, struct madrigal_error *err) MUST_CHECK;

/* The worker of that name is known to be dead: the leases that it held have run out, and its jobs can be claimed at once. Their tries do not count unless counts. */
int queue_orphan(struct store *s, const char *worker, int counts, struct madrigal_error *err) MUST_CHECK;

/* ---- uploads: reference audio that outlives a restart (music-01's ids, cover features) ---- */
struct upload { char id[64]; char purpose[16]; struct stored_file file; double seconds; int64_t account, created_ms, expires_ms; /* 0: never */ };
/* The same once more (id, account, content, purpose) lives on from now; MADRIGAL_EUSAGE if the id is taken otherwise. created_ms 0: now. */
int upload_add(struct store *s, const struct upload *u, struct madrigal_error *err) MUST_CHECK;
/* account: as in queue_get. 1 if there is none of this account's, or it has expired. */
int upload_get(struct store *s, const char *id, int64_t account, struct upload *ret, struct madrigal_error *err) MUST_CHECK;

#endif
