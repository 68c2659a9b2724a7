/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Independent jobs side by side. Each job must depend on its index alone, so that any number of threads gives the same
 * results. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdatomic.h>

#include "base/err.h"

/* Set by whoever wants work to stop (the progress callback, a failed job). Long loops look at it at least every 100 ms
 * of work and return MADRIGAL_ECANCELLED. */
typedef atomic_int cancel_flag;

static inline int cancelled(const cancel_flag *c)
{
	return c && atomic_load_explicit(c, memory_order_relaxed);
}

/* A job: index 0..n-1, worker 0..threads-1 (for per-thread scratch). Returns 0 or a negative status and fills err. */
typedef int pool_job(void *ctx, int index, int worker, struct madrigal_error *err);

/* Called on the calling thread about every 50 ms and after each finished job, with the number finished. Return nonzero
 * to cancel. */
typedef int pool_tick(void *ctx, int finished, int n);

/* Runs jobs 0..n-1 in order of index on up to `threads` threads and waits for all. The first error (lowest index among
 * those that ran; one that only says cancelled gives way to its cause) is returned; the flag is then raised so that the rest stops. tick, cancel and err may be NULL. */
int pool_run(int threads, int n, pool_job *job, void *ctx, pool_tick *tick, void *tick_ctx, cancel_flag *cancel,
             struct madrigal_error *err) MUST_CHECK;

#endif
