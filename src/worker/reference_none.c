/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In place of reference.c in a build without guard/ (see meson.build): references are refused, never opened. */
#include "worker/internal.h"

int reference_check(struct song_job *j, const struct song_request *r, struct madrigal_error *err)
{
	(void)r;
	j->error_name = "reference_unsupported";
	return err_set(err, MADRIGAL_EUSAGE, "Reference audio is not supported by this server.");
}
