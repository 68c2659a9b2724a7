/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The song directory: filled beside its final place, moved there whole, so that nobody ever sees half a song. */
#ifndef ENGINE_SONG_DIR_H
#define ENGINE_SONG_DIR_H

#include <limits.h>
#include <stddef.h>

#include "base/err.h"

#define SONG_DIR_MAX_FILES 64

struct song_dir {
	char path[PATH_MAX];    /* the final place */
	char partial[PATH_MAX]; /* the folder in the making; "" when there is none */
	char files[SONG_DIR_MAX_FILES][80]; /* relative: "song.json", "stems/bass.wav" */
	int n_files;
};

/* Makes the partial folder. MADRIGAL_EIO if path can't be made or is no folder. */
int song_dir_begin(struct song_dir *d, const char *path, struct madrigal_error *err) MUST_CHECK;
/* Writes one file; name is relative, with at most one folder. */
int song_dir_add(struct song_dir *d, const char *name, const void *data, size_t n, struct madrigal_error *err) MUST_CHECK;
/* Announces a file that the caller writes itself in partial (threads write stems so): makes its folder, and takes care of it from now on. */
int song_dir_reserve(struct song_dir *d, const char *name, struct madrigal_error *err) MUST_CHECK;
/* Moves all to path. A song that was there before gives way, files of other kinds stay. */
int song_dir_commit(struct song_dir *d, struct madrigal_error *err) MUST_CHECK;
/* Removes what was not committed. Harmless after commit and on a zeroed struct. */
void song_dir_abort(struct song_dir *d);

#endif
