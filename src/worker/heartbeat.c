/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "worker/internal.h"

#define LOOK_MS 250
#define RENEW_S 5.0
#define NOTE_S 0.5
#define WORTH_NOTING 0.005     /* of the whole song */

double worker_now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Sleeps until the next look; 1 if it is the end. */
static int sleep_until_next(struct heartbeat *h)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += LOOK_MS * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&h->lock);
	while (!h->ending && pthread_cond_timedwait(&h->wake, &h->lock, &t) != ETIMEDOUT)
		;
	int ending = h->ending;
	pthread_mutex_unlock(&h->lock);
	return ending;
}

static void *beat(void *user)
{
	struct heartbeat *h = user;
	double renewed_s = worker_now_s(), noted_s = renewed_s, noted = 0;
	char noted_stage[sizeof h->stage] = "";
	while (!atomic_load(&h->lost) && !sleep_until_next(h)) {
		char stage[sizeof h->stage];
		pthread_mutex_lock(&h->lock);
		double progress = h->progress, now_s = worker_now_s();
		memcpy(stage, h->stage, sizeof stage);
		pthread_mutex_unlock(&h->lock);
		int write = now_s - renewed_s >= RENEW_S || (now_s - noted_s >= NOTE_S && (fabs(progress - noted) >= WORTH_NOTING || strcmp(stage, noted_stage)));
		int rc = write ? queue_renew(h->store, &h->lease, progress, stage, NULL) : queue_held(h->store, &h->lease, NULL);
		if (write && !rc) {
			renewed_s = noted_s = now_s;
			noted = progress;
			memcpy(noted_stage, stage, sizeof noted_stage);
		}
		/* With a database that doesn't answer, the lease may have gone to another once its time is over. */
		if (rc == MADRIGAL_ECANCELLED || (rc < 0 && worker_now_s() - renewed_s > QUEUE_LEASE_MS / 1000.0))
			atomic_store(&h->lost, 1);
	}
	return NULL;
}

int heartbeat_begin(struct heartbeat *h, const char *data_dir, const struct lease *l, struct madrigal_error *err)
{
	pthread_condattr_t monotonic;
	*h = (struct heartbeat){ .lease = *l };
	int rc = store_open(data_dir, &h->store, err);
	if (rc)
		return rc;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&h->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&h->lock, NULL);
	if (pthread_create(&h->thread, NULL, beat, h) == 0)
		return 0;
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	store_close(h->store);
	h->store = NULL;
	return err_nomem(err);
}

void heartbeat_note(struct heartbeat *h, double progress, const char *stage)
{
	pthread_mutex_lock(&h->lock);
	h->progress = progress;
	snprintf(h->stage, sizeof h->stage, "%s", stage);
	pthread_mutex_unlock(&h->lock);
}

void heartbeat_end(struct heartbeat *h)
{
	if (!h->store)
		return;
	pthread_mutex_lock(&h->lock);
	h->ending = 1;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	store_close(h->store);
	h->store = NULL;
}
