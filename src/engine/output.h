/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last stage: the master encoded within its true-peak ceiling, stems, and the score's files, written whole. */
#ifndef ENGINE_OUTPUT_H
#define ENGINE_OUTPUT_H

#include "engine/song_dir.h"
#include "mix/mix.h"

#define OUTPUT_LUFS (-14.0)
#define OUTPUT_CEILING_DBTP (-1.0)

/* A master as bytes. */
struct encoded {
	void *data;
	size_t len;
	double lufs, true_peak_dbtp;
};

struct output {
	const struct madrigal_request *req;
	const struct score *score;
	const struct brief *brief;
	const struct vocal_tracks *vocals; /* for the times at which notes were sung */
	struct mixdown *mix;               /* NULL: the score alone */
	const struct encoded *streamed;    /* the master, if it has left already; mix has stems only then */
	struct song_dir *dir;              /* begun, if req->out_dir */
	int threads;
	cancel_flag *cancel;
	pool_tick *tick;
	void *tick_ctx;
};

/* The ceiling to master to at first, so that what a listener decodes stays below OUTPUT_CEILING_DBTP. */
double output_ceiling_dbtp(const struct madrigal_request *req);

/* The same for a master that leaves as it is made, so that there is no second trial: lower by all that encoders and resamplers were seen to add. */
double output_stream_ceiling_dbtp(const struct madrigal_request *req);

/* How the master is encoded and what its tags say. o->vocals NULL: times as they are written. */
struct output_encoding {
	struct encode_settings set;
	struct lyric_stamp *stamps; /* owned */
	char key[16];
};
int output_encoding_init(const struct output *o, struct output_encoding *ret, struct madrigal_error *err) MUST_CHECK;
void output_encoding_release(struct output_encoding *e);

/* Fails early if path can't be written: MADRIGAL_EIO. Leaves nothing. */
int output_probe(const char *path, struct madrigal_error *err) MUST_CHECK;

/* Writes all that req asks for, and sets the loudness figures of *result, as measured on what was written. */
int output_write(const struct output *o, struct madrigal_result *result, struct madrigal_error *err) MUST_CHECK;

#endif
