/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors inside the library: an int, 0 or a negative enum madrigal_status, with words for people in an optional
 * struct madrigal_error. Outputs (ret_*) are untouched on failure. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "madrigal.h"

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Fills err (may be NULL) with code and a formatted message, and returns code, so that a caller can
 * `return err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));`. */
int err_set(struct madrigal_error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* err_set for a failed allocation. */
int err_nomem(struct madrigal_error *err);

#endif
