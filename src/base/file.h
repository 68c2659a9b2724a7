/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files: read whole with a ceiling, written whole or not at all. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/err.h"

/* Reads all of path. *ret_data is owned by the caller (free) and has a NUL after its last byte, not counted in *ret_len.
 * MADRIGAL_EIO if it cannot be read or is longer than max_bytes. */
int file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, struct madrigal_error *err) MUST_CHECK;

/* Writes n bytes as path: a temporary file beside it, then a rename, so that a reader or a crash of ours finds the whole file or the former one. Not
 * synced to the disk: what must outlive a power cut is the store's business. On failure nothing is left. A device or a pipe is written to as it is. */
int file_write(const char *path, const void *data, size_t n, struct madrigal_error *err) MUST_CHECK;

#endif
