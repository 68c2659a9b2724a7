/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A song that is heard while it is made: the band is played, the first lines are sung, excerpts are rehearsed (mix/mix.h); then each part leaves as soon as its lines are sung. */
#ifndef ENGINE_STREAM_H
#define ENGINE_STREAM_H

#include <limits.h>

#include "band/band.h"
#include "mix/mix.h"

/* The file that grows. */
struct stream_file {
	char path[PATH_MAX];
	int fd, begun;  /* fd is open while begun */
	int regular;    /* not a pipe or a terminal: removed if the song fails */
};
/* MADRIGAL_EIO if it can't be written. A former file of that name gives way. */
int stream_file_open(struct stream_file *f, const char *path, struct madrigal_error *err) MUST_CHECK;
/* Closes it, and removes it if the song has failed. Harmless on a zeroed struct. */
int stream_file_close(struct stream_file *f, int failed, struct madrigal_error *err) MUST_CHECK;

struct stream_job {
	const struct madrigal_request *req;
	const struct score *score;
	const struct brief *brief;
	struct voice *voice;              /* NULL: an instrumental */
	const struct soundfonts *fonts;
	const struct encode_settings *encoding;
	double loudness_lufs, ceiling_dbtp;
	int threads;
	cancel_flag *cancel;
	pool_tick *tick;
	void *tick_ctx;
	double (*clock_s)(void);
};

struct stream_made {
	void *data; size_t len;           /* the master as it left; by free() */
	double lufs, true_peak_dbtp;      /* of what went into the encoder */
	double first_sound_s;             /* by clock_s */
	struct mixdown mix;               /* its stems */
	struct vocal_tracks vocals;       /* its times */
};

int stream_song(const struct stream_job *job, struct stream_file *file, struct stream_made *ret, struct madrigal_error *err) MUST_CHECK;

#endif
