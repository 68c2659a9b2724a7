/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts and jobs: what was accepted is made once and paid once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"
#include "store/folder.h"
#include "store/sql.h"

static char data[64];
static struct store *s;
static int64_t account;
static char key[64];

static int setup(void **state)
{
	(void)state;
	snprintf(data, sizeof data, "/tmp/madrigal-queue-XXXXXX");
	return !mkdtemp(data) || store_open(data, &s, NULL) || account_new(s, "test", 1000, NULL, key, &account, NULL);
}

static int teardown(void **state)
{
	(void)state;
	store_close(s);
	return folder_remove(data, 8, NULL);
}

static struct job_new a_job(int64_t price)
{
	return (struct job_new){ .account = account, .model = "madrigal/one", .family = "madrigal", .request = "{\"seed\":7}", .price = price };
}

static int submit_as(struct store *h, const struct job_new *j, char id[QUEUE_ID_MAX + 1])
{
	int again = 0, rc = queue_submit(h, j, id, &again, NULL);
	return rc ? rc : again ? 100 : 0;
}

static void submit(int64_t price, char id[QUEUE_ID_MAX + 1])
{
	const struct job_new j = a_job(price);
	assert_int_equal(submit_as(s, &j, id), 0);
}

static struct lease claim(void)
{
	struct lease l;
	struct job j;
	assert_int_equal(queue_claim(s, "w", &l, &j, NULL), 0);
	job_release(&j);
	return l;
}

static int nothing_to_do(void)
{
	struct lease l;
	struct job j;
	return queue_claim(s, "w", &l, &j, NULL) == 1;
}

static int64_t number(const char *sql)
{
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void sql(const char *text)
{
	assert_int_equal(sqlite3_exec(s->db, text, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t balance(void)
{
	struct account a;
	assert_int_equal(account_by_key(s, key, &a, NULL), 0);
	return a.credits;
}

static struct job peek(const char *id)
{
	struct job j;
	assert_int_equal(queue_peek(s, id, 0, &j, NULL), 0);
	return j;
}

/* ---- accounts ---- */

static void a_key_opens_its_account_until_it_is_revoked(void **state)
{
	(void)state;
	struct account a;
	char second[64], wrong[64];
	assert_int_equal(strlen(key), 46);
	assert_int_equal(account_by_key(s, key, &a, NULL), 0);
	assert_int_equal(a.id, account);
	assert_int_equal(a.credits, 1000);
	assert_string_equal(a.key_name, "test");
	assert_memory_equal(a.key_prefix, key, 8);
	memcpy(wrong, key, sizeof wrong);
	wrong[45] = wrong[45] == 'A' ? 'Q' : 'A';
	assert_int_equal(account_by_key(s, wrong, &a, NULL), 1);
	assert_int_equal(account_by_key(s, "", &a, NULL), 1);
	assert_int_equal(account_add_key(s, account, NULL, second, NULL), 0);
	assert_int_equal(account_revoke(s, key, NULL), 0);
	assert_int_equal(account_by_key(s, key, &a, NULL), 1);
	assert_int_equal(account_by_key(s, second, &a, NULL), 0);
	assert_int_equal(a.id, account);
	char prefix[9];
	snprintf(prefix, sizeof prefix, "%s", second);
	assert_int_equal(account_revoke(s, prefix, NULL), 0);
	assert_int_equal(account_by_key(s, second, &a, NULL), 1);
	assert_int_equal(account_revoke(s, "mk-", NULL), MADRIGAL_EUSAGE);
	assert_int_equal(account_revoke(s, "%%%%", NULL), MADRIGAL_EUSAGE);
	assert_int_equal(account_revoke(s, "99", NULL), MADRIGAL_EUSAGE);
	assert_int_equal(account_add_key(s, 99, NULL, second, NULL), MADRIGAL_EUSAGE);
	/* Neither key is in the database. */
	assert_int_equal(number("SELECT count(*) FROM key WHERE length(prefix) > 8"), 0);
}

static int count_key(void *user, const struct account_key *k)
{
	++*(int *)user;
	return k->credits == ACCOUNT_UNLIMITED;
}

static void credits_are_added_taken_and_listed(void **state)
{
	(void)state;
	int64_t left = 0, unlimited;
	char other[64];
	int n = 0;
	assert_int_equal(account_credit(s, key, 500, &left, NULL), 0);
	assert_int_equal(left, 1500);
	assert_int_equal(account_credit(s, "1", -200, &left, NULL), 0);
	assert_int_equal(left, 1300);
	assert_int_equal(account_credit(s, key, INT64_MAX, &left, NULL), MADRIGAL_EUSAGE);
	assert_int_equal(balance(), 1300);
	struct account_transaction t[8];
	assert_int_equal(account_transactions(s, account, 0, 0, 0, 0, t, 8, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_int_equal(t[0].credits, -200);
	assert_string_equal(t[0].kind, "CORRECTION");
	assert_int_equal(t[2].credits, 1000);
	assert_int_equal(account_transactions(s, account, t[1].id, 0, 0, 1, t, 8, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(account_new(s, NULL, ACCOUNT_UNLIMITED, NULL, other, &unlimited, NULL), 0);
	assert_int_equal(account_credit(s, other, 1, &left, NULL), MADRIGAL_EUSAGE);
	assert_int_equal(account_new(s, NULL, -1, NULL, other, &unlimited, NULL), MADRIGAL_EUSAGE);
	n = 0;
	assert_int_equal(account_each_key(s, count_key, &n, NULL), 0);
	assert_int_equal(n, 2);
}

/* ---- accepting ---- */

static void an_accepted_job_is_found_by_its_account_only(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1], ids[4][QUEUE_ID_MAX + 1];
	struct job j;
	int n;
	submit(100, id);
	assert_int_equal(strlen(id), 21);
	assert_int_equal(queue_peek(s, id, account, &j, NULL), 0);
	assert_int_equal(j.state, JOB_QUEUED);
	assert_null(j.request);
	assert_int_equal(queue_peek(s, id, account + 1, &j, NULL), 1);
	assert_int_equal(queue_get(s, id, account + 1, &j, NULL), 1);
	assert_int_equal(queue_cancel(s, id, account + 1, NULL), 1);
	assert_int_equal(queue_get(s, id, account, &j, NULL), 0);
	assert_string_equal(j.request, "{\"seed\":7}");
	assert_string_equal(j.model, "madrigal/one");
	job_release(&j);
	assert_int_equal(queue_peek(s, "nothing", 0, &j, NULL), 1);
	/* Two pages of a list have every job once, also of jobs that were made in the same millisecond. */
	char other[QUEUE_ID_MAX + 1], third[QUEUE_ID_MAX + 1];
	submit(100, other);
	submit(100, third);
	assert_int_equal(queue_list(s, account, 0, ids, 2, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_string_equal(ids[0], third);
	assert_string_equal(ids[1], other);
	assert_int_equal(queue_list(s, account, peek(other).created_ms, ids, 4, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_string_equal(ids[0], id);
}

static void wrong_jobs_are_refused(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	struct job_new j = a_job(0);
	j.account = 99;
	assert_int_equal(submit_as(s, &j, id), MADRIGAL_EUSAGE);
	j = a_job(-1);
	assert_int_equal(submit_as(s, &j, id), MADRIGAL_EUSAGE);
	j = a_job(0);
	j.id = "mine";
	assert_int_equal(submit_as(s, &j, id), 0);
	assert_string_equal(id, "mine");
	assert_int_equal(submit_as(s, &j, id), MADRIGAL_EUSAGE);
	j.id = "0123456789012345678901234567890123456789012345678901234567890123";
	assert_int_equal(submit_as(s, &j, id), MADRIGAL_EUSAGE);
	j = a_job(0);
	j.idempotency_key = "";
	assert_int_equal(submit_as(s, &j, id), MADRIGAL_EUSAGE);
	assert_int_equal(number("SELECT count(*) FROM job"), 1);
}

static void an_idempotency_key_makes_one_job_a_day(void **state)
{
	(void)state;
	char first[QUEUE_ID_MAX + 1], id[QUEUE_ID_MAX + 1], other[64];
	struct job_new j = a_job(600);
	j.idempotency_key = "again and again";
	j.fingerprint = "a";
	assert_int_equal(submit_as(s, &j, first), 0);
	/* There would be no credit for another one. */
	assert_int_equal(submit_as(s, &j, id), 100);
	assert_string_equal(id, first);
	j.fingerprint = "b";
	assert_int_equal(submit_as(s, &j, id), MADRIGAL_EUSAGE);
	/* Another account's keys are its own. */
	struct job_new theirs = j;
	assert_int_equal(account_new(s, NULL, ACCOUNT_UNLIMITED, NULL, other, &theirs.account, NULL), 0);
	assert_int_equal(submit_as(s, &theirs, id), 0);
	sql("UPDATE idempotency SET created_ms = created_ms - 86400001; UPDATE account SET credits = 10000 WHERE credits IS NOT NULL");
	assert_int_equal(submit_as(s, &j, id), 0);
	assert_string_not_equal(id, first);
}

static void limits_are_kept(void **state)
{
	(void)state;
	struct account a;
	char id[QUEUE_ID_MAX + 1], limited[64];
	struct job_new j = a_job(600);
	int wait_s = 0;
	assert_int_equal(account_by_key(s, key, &a, NULL), 0);
	assert_int_equal(account_may(s, &a, 1000, &wait_s, NULL), ACCOUNT_OK);
	assert_int_equal(account_may(s, &a, 1001, &wait_s, NULL), ACCOUNT_NO_CREDIT);
	assert_int_equal(submit_as(s, &j, id), 0);
	assert_int_equal(submit_as(s, &j, id), ACCOUNT_NO_CREDIT);
	assert_int_equal(account_may(s, &a, 400, &wait_s, NULL), ACCOUNT_OK);
	assert_int_equal(account_may(s, &a, INT64_MAX, &wait_s, NULL), ACCOUNT_NO_CREDIT);
	const struct account_limits limits = { .per_minute = 3, .parallel = 2 };
	assert_int_equal(account_new(s, NULL, ACCOUNT_UNLIMITED, &limits, limited, &j.account, NULL), 0);
	assert_int_equal(submit_as(s, &j, id), 0);
	assert_int_equal(submit_as(s, &j, id), 0);
	assert_int_equal(submit_as(s, &j, id), ACCOUNT_PARALLEL);
	assert_int_equal(queue_cancel(s, id, j.account, NULL), 0);
	assert_int_equal(submit_as(s, &j, id), 0);
	assert_int_equal(submit_as(s, &j, id), ACCOUNT_RATE);
	assert_int_equal(account_by_key(s, limited, &a, NULL), 0);
	assert_int_equal(account_may(s, &a, 0, &wait_s, NULL), ACCOUNT_RATE);
	assert_in_range(wait_s, 1, 60);
	sql("UPDATE job SET created_ms = created_ms - 60000");
	assert_int_equal(account_may(s, &a, 0, &wait_s, NULL), ACCOUNT_PARALLEL);
}

/* ---- threads ---- */

enum { THREADS = 100 };
struct racer { pthread_t thread; struct job_new job; char id[QUEUE_ID_MAX + 1]; int rc; };

static void *race(void *user)
{
	struct racer *r = user;
	struct store *own;
	r->rc = store_open(data, &own, NULL);
	if (r->rc)
		return NULL;
	sqlite3_busy_timeout(own->db, 60000); /* a hundred at once on a slow disk */
	r->rc = submit_as(own, &r->job, r->id);
	store_close(own);
	return NULL;
}

static void run_race(struct racer *racers, const struct job_new *j)
{
	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ .job = *j };
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(racers[i].thread, NULL);
}

static void a_hundred_with_one_key_make_one_job(void **state)
{
	(void)state;
	static struct racer r[THREADS];
	struct job_new j = a_job(10);
	j.idempotency_key = "the same";
	int made = 0;
	run_race(r, &j);
	for (int i = 0; i < THREADS; i++) {
		assert_true(r[i].rc == 0 || r[i].rc == 100);
		made += r[i].rc == 0;
		assert_string_equal(r[i].id, r[0].id);
	}
	assert_int_equal(made, 1);
	assert_int_equal(number("SELECT count(*) FROM job"), 1);
}

static void many_are_accepted_in_one_go(void **state)
{
	(void)state;
	struct submission u[6] = { { .job = a_job(300) }, { .job = a_job(300) }, { .job = a_job(300) }, { .job = a_job(300) }, { .job = a_job(700) }, { .job = a_job(400) } };
	u[1].job.account = account + 1;                                         /* nobody's */
	u[2].job.idempotency_key = u[3].job.idempotency_key = "k";              /* the same song */
	for (int i = 0; i < 5; i++)
		u[i].next = &u[i + 1];
	assert_int_equal(queue_submit_all(s, u, 0, NULL), 0);
	assert_int_equal(u[0].rc, 0);
	assert_int_equal(u[1].rc, MADRIGAL_EUSAGE);
	assert_true(u[2].rc == 0 && !u[2].again && u[3].rc == 0 && u[3].again);
	assert_string_equal(u[2].id, u[3].id);
	assert_int_equal(u[4].rc, ACCOUNT_NO_CREDIT);                           /* 600 of 1000 are spoken for */
	assert_int_equal(u[5].rc, 0);
	assert_int_equal(number("SELECT count(*) FROM job"), 3);
	assert_string_equal(claim().id, u[0].id);
	assert_string_equal(claim().id, u[2].id);
	assert_string_equal(claim().id, u[5].id);
}

static void a_locked_database_is_said_and_nothing_is_half_done(void **state)
{
	(void)state;
	struct store *other;
	struct submission u = { .job = a_job(300) };
	assert_int_equal(store_open(data, &other, NULL), 0);
	assert_int_equal(sqlite3_exec(other->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(queue_submit_all(s, &u, 1, NULL), 1);
	assert_int_equal(queue_submit_all(s, &u, 1, NULL), 1);
	assert_int_equal(sqlite3_exec(other->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(number("SELECT count(*) FROM job"), 0);
	assert_int_equal(queue_submit_all(s, &u, 1, NULL), 0);
	assert_int_equal(u.rc, 0);
	store_close(other);
}

static void a_hundred_cannot_spend_the_same_credits(void **state)
{
	(void)state;
	static struct racer r[THREADS];
	const struct job_new j = a_job(300);
	int made = 0;
	run_race(r, &j);
	for (int i = 0; i < THREADS; i++) {
		assert_true(r[i].rc == 0 || r[i].rc == ACCOUNT_NO_CREDIT);
		made += r[i].rc == 0;
	}
	assert_int_equal(made, 3);
}

/* ---- working ---- */

static void a_done_job_has_its_files_and_is_charged_once(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	struct job j;
	struct job_file f[2] = { { "audio", "audio/mpeg", { "", 9 } }, { "stems/drums.wav", "audio/wav", { "", 5 } } };
	memset(f[0].file.hash, 'a', 64);
	memset(f[1].file.hash, 'b', 64);
	submit(300, id);
	struct lease l = claim();
	assert_string_equal(l.id, id);
	assert_int_equal(peek(id).state, JOB_RUNNING);
	assert_true(nothing_to_do());
	assert_int_equal(balance(), 1000);
	assert_int_equal(queue_renew(s, &l, 0.5, "sing", NULL), 0);
	assert_true(peek(id).progress == 0.5);
	assert_string_equal(peek(id).stage, "sing");
	assert_int_equal(queue_done(s, &l, "{\"size\":9}", f, 2, NULL), 0);
	assert_int_equal(queue_done(s, &l, "{\"size\":9}", f, 2, NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(queue_fail(s, &l, "x", "y", NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(queue_release(s, &l, 1, NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(balance(), 700);
	assert_int_equal(queue_get(s, id, account, &j, NULL), 0);
	assert_int_equal(j.state, JOB_DONE);
	assert_string_equal(j.result, "{\"size\":9}");
	assert_int_equal(j.n_files, 2);
	assert_string_equal(j.files[1].name, "stems/drums.wav");
	assert_int_equal(j.files[1].file.size, 5);
	job_release(&j);
	struct account_transaction t[4];
	int n;
	assert_int_equal(account_transactions(s, account, 0, 0, 0, -1, t, 4, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(t[0].credits, -300);
	assert_string_equal(t[0].reference, id);
	assert_string_equal(t[0].model, "madrigal/one");
	assert_true(t[0].charge);
	assert_int_equal(queue_cancel(s, id, account, NULL), 1);
	/* Forgotten in time; the bill stays. */
	assert_int_equal(store_sweep(s, 60, -1, NULL), 0);
	assert_int_equal(queue_peek(s, id, 0, &j, NULL), 1);
	assert_int_equal(number("SELECT count(*) FROM job_file"), 0);
	assert_int_equal(balance(), 700);
}

static void a_result_that_cannot_be_stored_costs_nothing(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	struct job_file f[2] = { { "audio", "audio/mpeg", { "", 9 } }, { "audio", "audio/mpeg", { "", 9 } } };
	memset(f[0].file.hash, 'a', 64);
	memset(f[1].file.hash, 'a', 64);
	submit(300, id);
	struct lease l = claim();
	assert_int_equal(queue_done(s, &l, "{}", f, 2, NULL), MADRIGAL_EINTERNAL);
	assert_int_equal(peek(id).state, JOB_RUNNING);
	assert_int_equal(balance(), 1000);
	assert_int_equal(number("SELECT count(*) FROM job_file"), 0);
}

static void failures_and_cancellations_cost_nothing(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	submit(300, id);
	struct lease l = claim();
	assert_int_equal(queue_fail(s, &l, "lyrics_error", "These words can't be sung.", NULL), 0);
	assert_int_equal(peek(id).state, JOB_FAILED);
	assert_string_equal(peek(id).error_name, "lyrics_error");
	assert_string_equal(peek(id).error_message, "These words can't be sung.");
	submit(300, id);
	assert_int_equal(queue_cancel(s, id, account, NULL), 0);
	assert_int_equal(queue_cancel(s, id, account, NULL), 1);
	assert_true(nothing_to_do());
	submit(300, id);
	l = claim();
	assert_int_equal(queue_held(s, &l, NULL), 0);
	assert_int_equal(queue_cancel(s, id, account, NULL), 0);
	assert_int_equal(queue_held(s, &l, NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(queue_renew(s, &l, 0.1, "sing", NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(queue_done(s, &l, "{}", NULL, 0, NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(peek(id).state, JOB_CANCELLED);
	assert_int_equal(balance(), 1000);
	assert_int_equal(number("SELECT count(*) FROM ledger WHERE kind = 'MODEL_USAGE'"), 0);
	struct queue_counts c;
	assert_int_equal(queue_count(s, &c, NULL), 0);
	assert_int_equal(c.failed, 1);
	assert_int_equal(c.cancelled, 2);
	assert_int_equal(c.queued + c.running + c.done, 0);
}

static void who_comes_too_late_changes_nothing(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	submit(300, id);
	struct lease late = claim();
	sql("UPDATE job SET lease_until_ms = 1");
	struct lease l = claim();
	assert_string_equal(l.id, late.id);
	assert_string_not_equal(l.token, late.token);
	assert_int_equal(peek(id).tries, 2);
	assert_int_equal(queue_renew(s, &late, 1, "write", NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(queue_done(s, &late, "{}", NULL, 0, NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(queue_fail(s, &late, "x", "y", NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(peek(id).state, JOB_RUNNING);
	assert_int_equal(queue_done(s, &l, "{}", NULL, 0, NULL), 0);
	assert_int_equal(balance(), 700);
}

static void three_lost_workers_are_enough(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1], next[QUEUE_ID_MAX + 1];
	submit(300, id);
	submit(300, next);
	for (int i = 0; i < QUEUE_TRIES; i++) {
		assert_string_equal(claim().id, id);
		sql("UPDATE job SET lease_until_ms = 1 WHERE state = 'running'");
	}
	assert_string_equal(claim().id, next);
	assert_int_equal(peek(id).state, JOB_FAILED);
	assert_string_equal(peek(id).error_name, "worker_lost");
	assert_int_equal(balance(), 1000);
}

static void the_jobs_of_a_dead_worker_are_free_at_once(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1], other[QUEUE_ID_MAX + 1];
	struct lease l;
	struct job j;
	submit(300, id);
	submit(300, other);
	struct lease dead = claim();
	assert_int_equal(queue_claim(s, "alive", &l, &j, NULL), 0);
	job_release(&j);
	assert_int_equal(queue_orphan(s, "nobody", 1, NULL), 0);
	assert_int_equal(queue_held(s, &dead, NULL), 0);
	assert_int_equal(queue_claim(s, "alive", &l, &j, NULL), 1);
	assert_int_equal(queue_orphan(s, "w", 1, NULL), 0);
	assert_string_equal(claim().id, id);
	assert_int_equal(peek(id).tries, 2);
	assert_int_equal(queue_orphan(s, "w", 0, NULL), 0); /* killed by who could not wait */
	assert_string_equal(claim().id, id);
	assert_int_equal(peek(id).tries, 2);
	assert_int_equal(queue_renew(s, &dead, 1, "write", NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(peek(other).tries, 1);
}

static void a_job_handed_back_keeps_its_place_and_its_tries(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1], next[QUEUE_ID_MAX + 1];
	submit(300, id);
	submit(300, next);
	for (int i = 0; i < 2 * QUEUE_TRIES; i++) {
		struct lease l = claim();
		assert_string_equal(l.id, id);
		assert_int_equal(queue_release(s, &l, 0, NULL), 0);
	}
	assert_int_equal(peek(id).tries, 0);
	struct lease l = claim();
	assert_int_equal(queue_release(s, &l, 1, NULL), 0);
	assert_int_equal(peek(id).tries, 1);
	assert_int_equal(peek(id).state, JOB_QUEUED);
}

static void an_upload_is_its_account_s_until_it_expires(void **state)
{
	(void)state;
	struct upload u = { .id = "vocal-1", .purpose = "voice", .file = { "", 5 }, .seconds = 12.5, .account = account }, got;
	memset(u.file.hash, 'c', 64);
	assert_int_equal(upload_add(s, &u, NULL), 0);
	assert_int_equal(upload_add(s, &u, NULL), 0); /* the same once more */
	struct upload other = u;
	memset(other.file.hash, 'd', 64);
	assert_int_equal(upload_add(s, &other, NULL), MADRIGAL_EUSAGE);
	assert_int_equal(upload_get(s, "vocal-1", account, &got, NULL), 0);
	assert_true(got.seconds == 12.5);
	assert_string_equal(got.file.hash, u.file.hash);
	assert_int_equal(upload_get(s, "vocal-1", account + 1, &got, NULL), 1);
	snprintf(u.id, sizeof u.id, "vocal-2");
	u.expires_ms = 5;
	assert_int_equal(upload_add(s, &u, NULL), 0);
	assert_int_equal(upload_get(s, "vocal-2", account, &got, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(a_key_opens_its_account_until_it_is_revoked),
		T(credits_are_added_taken_and_listed),
		T(an_accepted_job_is_found_by_its_account_only),
		T(wrong_jobs_are_refused),
		T(an_idempotency_key_makes_one_job_a_day),
		T(limits_are_kept),
		T(a_hundred_with_one_key_make_one_job),
		T(many_are_accepted_in_one_go),
		T(a_locked_database_is_said_and_nothing_is_half_done),
		T(a_hundred_cannot_spend_the_same_credits),
		T(a_done_job_has_its_files_and_is_charged_once),
		T(a_result_that_cannot_be_stored_costs_nothing),
		T(failures_and_cancellations_cost_nothing),
		T(who_comes_too_late_changes_nothing),
		T(three_lost_workers_are_enough),
		T(the_jobs_of_a_dead_worker_are_free_at_once),
		T(a_job_handed_back_keeps_its_place_and_its_tries),
		T(an_upload_is_its_account_s_until_it_expires),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
