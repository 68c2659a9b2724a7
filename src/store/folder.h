/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Folders on the disk, for store/ itself. */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include "base/err.h"

/* Makes the folder and those above it, for us alone (0700). */
int folder_make(const char *path, struct madrigal_error *err) MUST_CHECK;
/* Writes down what names it has (fsync). */
int folder_sync(const char *path, struct madrigal_error *err) MUST_CHECK;
/* Removes path and all in it, at most `depth` folders deep. Nothing there is no error. */
int folder_remove(const char *path, int depth, struct madrigal_error *err);

#endif
