/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last stage: the master encoded within its true-peak ceiling, stems, and the score's files, written whole. */
#ifndef ENGINE_OUTPUT_H
#define ENGINE_OUTPUT_H

#include "engine/song_dir.h"
#include "mix/mix.h"

#define OUTPUT_LUFS (-14.0)
#define OUTPUT_CEILING_DBTP (-1.0)

struct output {
	const struct madrigal_request *req;
	const struct score *score;
	const struct brief *brief;
	const struct vocal_tracks *vocals; /* for the times at which notes were sung */
	struct mixdown *mix;               /* NULL: the score alone */
	struct song_dir *dir;              /* begun, if req->out_dir */
	int threads;
	cancel_flag *cancel;
	pool_tick *tick;
	void *tick_ctx;
};

/* The ceiling to master to at first, so that what a listener decodes stays below OUTPUT_CEILING_DBTP. */
double output_ceiling_dbtp(const struct madrigal_request *req);

/* Fails early if path can't be written: MADRIGAL_EIO. Leaves nothing. */
int output_probe(const char *path, struct madrigal_error *err) MUST_CHECK;

/* Writes all that req asks for, and sets the loudness figures of *result, as measured on what was written. */
int output_write(const struct output *o, struct madrigal_result *result, struct madrigal_error *err) MUST_CHECK;

#endif
