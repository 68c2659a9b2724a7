/* SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/: takes jobs from the queue and makes songs. A process of its own (`madrigal worker`), started by `madrigal serve` or by hand; it never listens. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdatomic.h>

#include "store/store.h"

struct worker_config {
	const char *data_dir;
	const char *name;              /* in the rows of its jobs (queue_orphan); NULL: the host's name and process id */
	int threads;                   /* for a song; 0: all cores */
	int wake_fd;                   /* a byte here (a pipe or socket, borrowed) means that there may be work: look at once; its end, that the work is over; -1: none. Twice a second is looked anyhow */
	int once;                      /* 1: return when nothing is left to do */
	int allow_private_urls;        /* references from private addresses, for tests on loopback */
	size_t memory_limit_bytes;     /* of a song; 0: none */
	/* A line about what happens, without its newline; never lyrics or keys. NULL: silence. Called from the thread of worker_run. */
	void (*log)(void *user, const char *line);
	void *log_user;
};
/* Works until *stop is set (by a signal handler or another thread) or wake_fd hangs up (after the song in the making). After *stop, if a song is in the making, it is finished within grace_s or handed back. Songs are made at nice 10, on threads of their own. A fault of the
 * engine that is a signal ends the process; the job's lease then runs out and another worker tries again. Returns 0, or MADRIGAL_EIO if the store can't be opened. What goes wrong
 * with the store later is logged and tried again. */
int worker_run(const struct worker_config *c, const atomic_int *stop, double grace_s, struct madrigal_error *err) MUST_CHECK;

/* Where a streamed song grows while it is made: DATA/spool/stream-ID. Readers follow it until the job is finished. */
void worker_stream_path(const struct store *s, const char *id, char *ret, size_t n);

#endif
