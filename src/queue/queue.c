/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The jobs.
 *
 * 1. A job is running exactly as long as its row has a lease; the schema checks it.
 * 2. Each write by a worker says WHERE id AND lease_token AND state = 'running': one that was cancelled, or claimed by another since, is not touched.
 * 3. done, the files, the charge and its line in the ledger are one transaction; the ledger's index allows one charge for a job.
 * 4. Credit, rate and number are checked in the transaction that inserts: writers are one at a time, so nobody comes between.
 */
#include "queue/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/refusal.h"
#include "store/sql.h"

#define DAY_MS 86400000

static const char *const state_names[] = {
	[JOB_QUEUED] = "queued", [JOB_RUNNING] = "running", [JOB_DONE] = "done", [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
};
enum { N_STATES = sizeof state_names / sizeof *state_names };

/* ---- accepting ---- */

/* Whether the key has made a job already: 0 and its id; 1 if not. */
static int known_key(struct store *s, const struct job_new *j, int64_t now, char ret_id[QUEUE_ID_MAX + 1], struct madrigal_error *err)
{
	if (!j->idempotency_key)
		return 1;
	sqlite3_stmt *st;
	int rc = sql_run(s, err, "DELETE FROM idempotency WHERE account = ? AND key = ? AND created_ms < ?", "iti", j->account, j->idempotency_key, now - DAY_MS);
	if (rc < 0)
		return rc;
	rc = sql_bind(s, &st, err,
	              "SELECT job.id, fingerprint FROM idempotency JOIN job ON job.n = idempotency.job WHERE idempotency.account = ? AND key = ?", "it", j->account,
	              j->idempotency_key);
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	if (rc == 1) {
		const char *former = (const char *)sqlite3_column_text(st, 1);
		if (former && !strcmp(former, j->fingerprint ? j->fingerprint : ""))
			sql_copy_text(st, 0, ret_id, QUEUE_ID_MAX + 1);
		else
			rc = err_set(err, MADRIGAL_EUSAGE, "this idempotency key was used for another request");
	}
	sql_end(st);
	return rc < 0 ? rc : rc == 0;
}

/* Now, or a little later if another job of this account has that very time: pages of a list begin where the last one ended. */
static int created_at(struct store *s, int64_t account, int64_t now, int64_t *ret, struct madrigal_error *err)
{
	int64_t last = 0;
	int rc = sql_int(s, &last, err, "SELECT max(created_ms) FROM job WHERE account = ? AND created_ms < ?", "ii", account, now + 1000);
	*ret = rc == 0 && last >= now ? last + 1 : now;
	return rc < 0 ? rc : 0;
}

static int insert_job(struct store *s, const struct job_new *j, const char *id, int64_t now, struct madrigal_error *err)
{
	int64_t created = now, taken;
	int rc = sql_int(s, &taken, err, "SELECT 1 FROM job WHERE id = ?", "t", id);
	if (rc == 0)
		return err_set(err, MADRIGAL_EUSAGE, "there is a job %s already", id);
	if (rc == 1)
		rc = created_at(s, j->account, now, &created, err);
	if (rc < 0)
		return rc;
	rc = sql_run(s, err, "INSERT INTO job (id, account, model, family, request, price, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)", "titttii", id, j->account,
	             j->model, j->family, j->request, j->price, created);
	if (rc >= 0 && j->idempotency_key)
		rc = sql_run(s, err, "INSERT INTO idempotency (account, key, fingerprint, job, created_ms) VALUES (?, ?, ?, ?, ?)", "ittii", j->account,
		             j->idempotency_key, j->fingerprint ? j->fingerprint : "", (int64_t)sqlite3_last_insert_rowid(s->db), now);
	return rc < 0 ? rc : 0;
}

static int check_new(const struct job_new *j, struct madrigal_error *err)
{
	const struct job *fields = NULL;
	size_t key = j->idempotency_key ? strlen(j->idempotency_key) : 1;
	if (!j->model || !j->family || !j->request || strlen(j->model) >= sizeof fields->model || strlen(j->family) >= sizeof fields->family)
		return err_set(err, MADRIGAL_EUSAGE, "a job needs a model, a family and a request");
	if (j->id && (!*j->id || strlen(j->id) > QUEUE_ID_MAX))
		return err_set(err, MADRIGAL_EUSAGE, "a job's id has 1 to %d bytes", QUEUE_ID_MAX);
	if (key < 1 || key > 255)
		return err_set(err, MADRIGAL_EUSAGE, "an idempotency key has 1 to 255 bytes");
	return j->price < 0 ? err_set(err, MADRIGAL_EUSAGE, "a price can't be below 0") : 0;
}

/* Inside a transaction. */
static int accept(struct store *s, struct submission *u, int64_t now)
{
	const struct job_new *j = &u->job;
	int wait_s, rc = check_new(j, &u->err);
	if (rc)
		return rc;
	rc = known_key(s, j, now, u->id, &u->err);
	u->again = rc == 0;
	if (rc <= 0)
		return rc;
	rc = account_refusal(s, j->account, j->price, &wait_s, &u->err);
	if (j->id)
		snprintf(u->id, sizeof u->id, "%s", j->id);
	else
		store_nanoid(u->id, 21);
	return rc ? rc : insert_job(s, j, u->id, now, &u->err);
}

/* The same, and what fails leaves no trace. Negative: the transaction itself is lost. */
static int accept_apart(struct store *s, struct submission *u, int64_t now, struct madrigal_error *err)
{
	int rc = sql_run(s, err, "SAVEPOINT submission", "");
	if (rc < 0)
		return rc;
	u->rc = accept(s, u, now);
	if (sqlite3_get_autocommit(s->db)) {
		*err = u->err;
		return u->rc;
	}
	if (u->rc < 0)
		rc = sql_run(s, err, "ROLLBACK TO submission", "");
	if (rc >= 0)
		rc = sql_run(s, err, "RELEASE submission", "");
	return rc < 0 ? rc : 0;
}

int queue_submit_all(struct store *s, struct submission *list, int patience_ms, struct madrigal_error *err)
{
	struct madrigal_error why = { 0 };
	int rc = sql_begin_within(s, patience_ms, &why);
	if (rc == 1)
		return 1;
	if (!rc) {
		int64_t now = store_now_ms();
		for (struct submission *u = list; u && !rc; u = u->next)
			rc = accept_apart(s, u, now, &why);
		rc = sql_finish(s, rc, &why);
	}
	if (rc < 0 && err)
		*err = why;
	return rc;
}

int queue_submit(struct store *s, const struct job_new *j, char ret_id[QUEUE_ID_MAX + 1], int *ret_again, struct madrigal_error *err)
{
	struct submission one = { .job = *j };
	int rc = check_new(j, err);
	if (!rc)
		rc = queue_submit_all(s, &one, STORE_BUSY_MS, err);
	if (rc)
		return rc < 0 ? rc : err_set(err, MADRIGAL_EIO, "the database has been locked for more than %d s", STORE_BUSY_MS / 1000);
	if (one.rc < 0 && err)
		*err = one.err;
	if (!one.rc) {
		memcpy(ret_id, one.id, sizeof one.id);
		*ret_again = one.again;
	}
	return one.rc;
}

/* ---- looking ---- */

void job_release(struct job *j)
{
	if (!j)
		return;
	free(j->request);
	free(j->result);
	free(j->files);
	j->request = j->result = NULL;
	j->files = NULL;
	j->n_files = 0;
}

#define PEEK_COLUMNS "id, account, model, family, price, state, tries, progress, stage, error_name, error_message, created_ms, started_ms, finished_ms"
enum { PEEK_N = 14 };

static enum job_state state_column(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	for (int i = 0; text && i < N_STATES; i++)
		if (!strcmp(text, state_names[i]))
			return (enum job_state)i;
	return JOB_FAILED;
}

static void read_peek(sqlite3_stmt *st, struct job *j)
{
	*j = (struct job){ .account = sqlite3_column_int64(st, 1), .price = sqlite3_column_int64(st, 4), .state = state_column(st, 5), .tries = sqlite3_column_int(st, 6),
	                   .progress = sqlite3_column_double(st, 7), .created_ms = sqlite3_column_int64(st, 11), .started_ms = sqlite3_column_int64(st, 12),
	                   .finished_ms = sqlite3_column_int64(st, 13) };
	sql_text(st, 0, j->id);
	sql_text(st, 2, j->model);
	sql_text(st, 3, j->family);
	sql_text(st, 8, j->stage);
	sql_text(st, 9, j->error_name);
	sql_text(st, 10, j->error_message);
}

int queue_peek(struct store *s, const char *id, int64_t account, struct job *ret, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err, "SELECT " PEEK_COLUMNS " FROM job WHERE id = ?1 AND (?2 = 0 OR account = ?2)", "ti", id, account);
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	if (rc == 1)
		read_peek(st, ret);
	sql_end(st);
	return rc < 0 ? rc : rc == 0;
}

static char *text_column(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	return text ? strdup(text) : NULL;
}

static int read_files(struct store *s, int64_t n, struct job *j, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err, "SELECT name, content_type, hash, size FROM job_file WHERE job = ? ORDER BY i", "i", n);
	if (rc)
		return rc;
	j->files = calloc(JOB_FILES_MAX, sizeof *j->files);
	if (!j->files)
		rc = err_nomem(err);
	while (!rc && j->n_files < JOB_FILES_MAX && (rc = sql_step(s, st, err)) == 1) {
		struct job_file *f = &j->files[j->n_files++];
		sql_text(st, 0, f->name);
		sql_text(st, 1, f->content_type);
		sql_text(st, 2, f->file.hash);
		f->file.size = (uint64_t)sqlite3_column_int64(st, 3);
		rc = 0;
	}
	sql_end(st);
	return rc;
}

/* Row and files of one moment: both reads are in one transaction. */
static int read_job(struct store *s, const char *id, int64_t account, struct job *ret, struct madrigal_error *err)
{
	struct job j;
	int64_t n = 0;
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err, "SELECT " PEEK_COLUMNS ", n, request, result FROM job WHERE id = ?1 AND (?2 = 0 OR account = ?2)", "ti", id, account);
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	if (rc != 1) {
		sql_end(st);
		return rc < 0 ? rc : 1;
	}
	read_peek(st, &j);
	n = sqlite3_column_int64(st, PEEK_N);
	j.request = text_column(st, PEEK_N + 1);
	j.result = text_column(st, PEEK_N + 2);
	rc = j.request && (j.result || sqlite3_column_type(st, PEEK_N + 2) == SQLITE_NULL) ? 0 : err_nomem(err);
	if (!rc && j.state == JOB_DONE)
		rc = read_files(s, n, &j, err);
	sql_end(st);
	if (rc)
		job_release(&j);
	else
		*ret = j;
	return rc;
}

int queue_get(struct store *s, const char *id, int64_t account, struct job *ret, struct madrigal_error *err)
{
	return read_job(s, id, account, ret, err);
}

int queue_cancel(struct store *s, const char *id, int64_t account, struct madrigal_error *err)
{
	int n = sql_run(s, err,
	                "UPDATE job SET state = 'cancelled', finished_ms = ?3, lease_token = NULL, lease_until_ms = NULL"
	                " WHERE id = ?1 AND (?2 = 0 OR account = ?2) AND state IN ('queued', 'running')", "tii", id, account, store_now_ms());
	return n < 0 ? n : n == 0;
}

int queue_list(struct store *s, int64_t account, int64_t before_ms, char (*ret_ids)[QUEUE_ID_MAX + 1], int max, int *ret_n, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err, "SELECT id FROM job WHERE account = ? AND created_ms < ? ORDER BY created_ms DESC LIMIT ?", "iii", account,
	                  before_ms > 0 ? before_ms : INT64_MAX, (int64_t)max);
	if (rc)
		return rc;
	int n = 0;
	while (n < max && (rc = sql_step(s, st, err)) == 1)
		sql_text(st, 0, ret_ids[n++]);
	sql_end(st);
	if (rc >= 0)
		*ret_n = n;
	return rc < 0 ? rc : 0;
}

int queue_count(struct store *s, struct queue_counts *ret, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int64_t counts[N_STATES] = { 0 };
	int rc = sql_bind(s, &st, err, "SELECT state, count(*) FROM job GROUP BY state", "");
	if (rc)
		return rc;
	while ((rc = sql_step(s, st, err)) == 1)
		counts[state_column(st, 0)] = sqlite3_column_int64(st, 1);
	sql_end(st);
	if (rc >= 0)
		*ret = (struct queue_counts){ counts[JOB_QUEUED], counts[JOB_RUNNING], counts[JOB_DONE], counts[JOB_FAILED], counts[JOB_CANCELLED] };
	return rc;
}

/* ---- for workers ---- */

#define CLAIMABLE "finished_ms = 0 AND (state = 'queued' OR lease_until_ms < ?)"

/* The oldest that can be claimed; 1 if there is none. */
static int next_job(struct store *s, int64_t now, int64_t *ret_n, struct madrigal_error *err)
{
	return sql_int(s, ret_n, err, "SELECT n FROM job WHERE " CLAIMABLE " ORDER BY n LIMIT 1", "i", now);
}

/* Takes the lease of job n. 1 if it has used up its tries and has failed instead. */
static int take(struct store *s, int64_t n, int64_t now, const char *worker, struct lease *l, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	store_nanoid(l->token, 32);
	int rc = sql_bind(s, &st, err,
	                  "UPDATE job SET state = 'running', tries = tries + 1, started_ms = iif(started_ms, started_ms, ?2), progress = 0, stage = '', worker = ?3,"
	                  " lease_token = ?4, lease_until_ms = ?5 WHERE n = ?1 AND tries < ?6 RETURNING id", "iittii", n, now, worker, l->token, now + QUEUE_LEASE_MS,
	                  (int64_t)QUEUE_TRIES);
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	int taken = rc == 1;
	if (taken) {
		sql_text(st, 0, l->id);
		rc = sql_step(s, st, err);
	}
	sql_end(st);
	if (taken || rc < 0)
		return rc;
	rc = sql_run(s, err,
	             "UPDATE job SET state = 'failed', finished_ms = ?2, error_name = 'worker_lost', error_message = 'The song could not be made: the program that makes it"
	             " stopped each time.', lease_token = NULL, lease_until_ms = NULL WHERE n = ?1", "ii", n, now);
	return rc < 0 ? rc : 1;
}

int queue_claim(struct store *s, const char *worker, struct lease *ret_lease, struct job *ret_job, struct madrigal_error *err)
{
	struct lease l = { .id = "" };
	struct job j = { .request = NULL };
	int64_t now = store_now_ms(), n = 0;
	/* Looking takes no lock: idle workers don't stand in the way of anyone. */
	int rc = next_job(s, now, &n, err);
	if (!rc)
		rc = sql_begin(s, err);
	if (rc)
		return rc;
	do {
		rc = next_job(s, now, &n, err);
		if (rc)
			break;
		rc = take(s, n, now, worker, &l, err);
	} while (rc > 0);
	int nothing = rc > 0;
	if (!rc)
		rc = read_job(s, l.id, 0, &j, err);
	rc = sql_finish(s, rc, err);
	if (rc < 0 || nothing) {
		job_release(&j);
		return rc;
	}
	*ret_lease = l;
	*ret_job = j;
	return 0;
}

static int lost(struct madrigal_error *err)
{
	return err_set(err, MADRIGAL_ECANCELLED, "the job was cancelled, or another worker has it now");
}

int queue_renew(struct store *s, const struct lease *l, double progress, const char *stage, struct madrigal_error *err)
{
	int n = sql_run(s, err, "UPDATE job SET lease_until_ms = ?, progress = ?, stage = ? WHERE id = ? AND lease_token = ? AND state = 'running'", "idttt",
	                store_now_ms() + QUEUE_LEASE_MS, progress, stage ? stage : "", l->id, l->token);
	return n < 0 ? n : n == 0 ? lost(err) : 0;
}

int queue_held(struct store *s, const struct lease *l, struct madrigal_error *err)
{
	int64_t one;
	int rc = sql_int(s, &one, err, "SELECT 1 FROM job WHERE id = ? AND lease_token = ? AND state = 'running'", "tt", l->id, l->token);
	return rc == 1 ? lost(err) : rc;
}

/* Its number and the price, if the job is ours. */
static int own_job(struct store *s, const struct lease *l, int64_t *ret_n, int64_t *ret_account, int64_t *ret_price, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err, "SELECT n, account, price FROM job WHERE id = ? AND lease_token = ? AND state = 'running'", "tt", l->id, l->token);
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	if (rc == 1) {
		*ret_n = sqlite3_column_int64(st, 0);
		*ret_account = sqlite3_column_int64(st, 1);
		*ret_price = sqlite3_column_int64(st, 2);
	}
	sql_end(st);
	return rc < 0 ? rc : rc == 0 ? lost(err) : 0;
}

static int charge(struct store *s, int64_t n, int64_t account, int64_t price, int64_t now, struct madrigal_error *err)
{
	int rc = sql_run(s, err, "UPDATE account SET credits = credits - ? WHERE id = ? AND credits IS NOT NULL", "ii", price, account);
	if (rc >= 0)
		rc = sql_run(s, err,
		             "INSERT INTO ledger (account, created_ms, credits, kind, model, reference) SELECT account, ?2, -price, 'MODEL_USAGE', model, id FROM job WHERE n = ?1",
		             "ii", n, now);
	return rc < 0 ? rc : 0;
}

int queue_done(struct store *s, const struct lease *l, const char *result, const struct job_file *files, int n_files, struct madrigal_error *err)
{
	int64_t n = 0, account = 0, price = 0, now = store_now_ms();
	if (n_files > JOB_FILES_MAX)
		return err_set(err, MADRIGAL_EINTERNAL, "a job has at most %d files", JOB_FILES_MAX);
	int rc = sql_begin(s, err);
	if (rc)
		return rc;
	rc = own_job(s, l, &n, &account, &price, err);
	for (int i = 0; i < n_files && rc >= 0; i++)
		rc = sql_run(s, err, "INSERT INTO job_file (job, i, name, content_type, hash, size) VALUES (?, ?, ?, ?, ?, ?)", "iittti", n, (int64_t)i, files[i].name,
		             files[i].content_type, files[i].file.hash, (int64_t)files[i].file.size);
	if (rc >= 0)
		rc = sql_run(s, err,
		             "UPDATE job SET state = 'done', progress = 1, finished_ms = ?, result = ?, lease_token = NULL, lease_until_ms = NULL WHERE n = ?", "iti", now, result,
		             n);
	if (rc >= 0)
		rc = charge(s, n, account, price, now, err);
	return sql_finish(s, rc, err);
}

int queue_fail(struct store *s, const struct lease *l, const char *name, const char *message, struct madrigal_error *err)
{
	int n = sql_run(s, err,
	                "UPDATE job SET state = 'failed', finished_ms = ?, error_name = ?, error_message = ?, lease_token = NULL, lease_until_ms = NULL"
	                " WHERE id = ? AND lease_token = ? AND state = 'running'", "itttt", store_now_ms(), name, message, l->id, l->token);
	return n < 0 ? n : n == 0 ? lost(err) : 0;
}

int queue_release(struct store *s, const struct lease *l, int counts, struct madrigal_error *err)
{
	int n = sql_run(s, err,
	                "UPDATE job SET state = 'queued', tries = tries - ?, progress = 0, stage = '', lease_token = NULL, lease_until_ms = NULL"
	                " WHERE id = ? AND lease_token = ? AND state = 'running'", "itt", (int64_t)(counts ? 0 : 1), l->id, l->token);
	return n < 0 ? n : n == 0 ? lost(err) : 0;
}

int queue_orphan(struct store *s, const char *worker, int counts, struct madrigal_error *err)
{
	int n = sql_run(s, err, "UPDATE job SET lease_until_ms = 0, tries = tries - ? WHERE finished_ms = 0 AND state = 'running' AND worker = ?", "it", counts ? 0 : 1, worker);
	return n < 0 ? n : 0;
}

/* ---- uploads ---- */

int upload_add(struct store *s, const struct upload *u, struct madrigal_error *err)
{
	int n = sql_run(s, err,
	                "INSERT INTO upload (id, account, purpose, hash, size, seconds, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	                " ON CONFLICT (id) DO UPDATE SET created_ms = excluded.created_ms, expires_ms = excluded.expires_ms"
	                " WHERE account = excluded.account AND hash = excluded.hash AND purpose = excluded.purpose",
	                "tittidii", u->id, u->account, u->purpose, u->file.hash, (int64_t)u->file.size, u->seconds, u->created_ms ? u->created_ms : store_now_ms(),
	                u->expires_ms);
	return n < 0 ? n : n == 0 ? err_set(err, MADRIGAL_EUSAGE, "there is an upload %s already", u->id) : 0;
}

int upload_get(struct store *s, const char *id, int64_t account, struct upload *ret, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err,
	                  "SELECT id, account, purpose, hash, size, seconds, created_ms, expires_ms FROM upload"
	                  " WHERE id = ?1 AND (?2 = 0 OR account = ?2) AND (expires_ms = 0 OR expires_ms > ?3)", "tii", id, account, store_now_ms());
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	if (rc == 1) {
		*ret = (struct upload){ .account = sqlite3_column_int64(st, 1), .seconds = sqlite3_column_double(st, 5), .created_ms = sqlite3_column_int64(st, 6),
		                        .expires_ms = sqlite3_column_int64(st, 7) };
		sql_text(st, 0, ret->id);
		sql_text(st, 2, ret->purpose);
		sql_text(st, 3, ret->file.hash);
		ret->file.size = (uint64_t)sqlite3_column_int64(st, 4);
	}
	sql_end(st);
	return rc < 0 ? rc : rc == 0;
}
