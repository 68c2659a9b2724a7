/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a request must be before any work is done. */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H

#include "base/err.h"

#define PROMPT_MAX_CODE_POINTS 2000
#define TITLE_MAX_CODE_POINTS 200

/* Ranges and contradictions that need no style or lyrics to judge. MADRIGAL_EUSAGE says which, and what is allowed. */
int request_check(const struct madrigal_request *req, struct madrigal_error *err) MUST_CHECK;

#endif
