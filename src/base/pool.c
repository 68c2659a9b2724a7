/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pool_job *job;
	void *ctx;
	cancel_flag *cancel;
	int n, next, finished, running;
	int failed_index;
	struct madrigal_error err;
};

struct worker {
	struct pool *pool;
	int index;
	pthread_t thread;
};

/* Whether a failure is the one to report: a job that only stopped because another failed says nothing of the cause. */
static int weighs_more(const struct pool *p, int index, int rc)
{
	int known = p->failed_index >= 0, known_cause = known && p->err.code != MADRIGAL_ECANCELLED, cause = rc != MADRIGAL_ECANCELLED;
	return !known || (cause && !known_cause) || (cause == known_cause && index < p->failed_index);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	pthread_mutex_lock(&p->mutex);
	while (p->next < p->n && !cancelled(p->cancel)) {
		int i = p->next++;
		pthread_mutex_unlock(&p->mutex);
		struct madrigal_error err = { 0 };
		int rc = p->job(p->ctx, i, w->index, &err);
		pthread_mutex_lock(&p->mutex);
		p->finished++;
		if (rc < 0 && weighs_more(p, i, rc)) {
			p->failed_index = i;
			p->err = err;
			p->err.code = rc;
			atomic_store(p->cancel, 1);
		}
		pthread_cond_signal(&p->changed);
	}
	p->running--;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

int pool_run(int threads, int n, pool_job *job, void *ctx, pool_tick *tick, void *tick_ctx, cancel_flag *cancel,
             struct madrigal_error *err)
{
	cancel_flag own = 0;
	struct pool p = { .job = job, .ctx = ctx, .cancel = cancel ? cancel : &own, .n = n, .failed_index = -1 };
	if (cancelled(p.cancel))
		return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	if (threads > n)
		threads = n;
	if (threads < 1)
		return 0;
	struct worker *workers = calloc((size_t)threads, sizeof *workers);
	if (!workers)
		return err_nomem(err);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&p.mutex, NULL);
	pthread_cond_init(&p.changed, &attr);
	pthread_condattr_destroy(&attr);

	pthread_mutex_lock(&p.mutex);
	int started = 0;
	while (started < threads) {
		workers[started] = (struct worker){ .pool = &p, .index = started };
		p.running++;
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started])) {
			p.running--;
			break;
		}
		started++;
	}
	int rc = started ? 0 : err_set(err, MADRIGAL_EMEMORY, "cannot start a thread");
	while (p.running > 0) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 50 * 1000 * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&p.changed, &p.mutex, &until);
		int finished = p.finished;
		if (tick) {
			pthread_mutex_unlock(&p.mutex);
			if (tick(tick_ctx, finished, n))
				atomic_store(p.cancel, 1);
			pthread_mutex_lock(&p.mutex);
		}
	}
	pthread_mutex_unlock(&p.mutex);
	for (int i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	if (!rc && p.failed_index >= 0) {
		rc = p.err.code;
		if (err)
			*err = p.err;
	} else if (!rc && p.finished < n) {
		rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	}
	pthread_cond_destroy(&p.changed);
	pthread_mutex_destroy(&p.mutex);
	free(workers);
	return rc;
}
