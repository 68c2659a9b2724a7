/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reference of a song: from an URL or an upload, opened only in the helper processes of guard/. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "guard/guard.h"
#include "worker/internal.h"

static int fail(struct song_job *j, struct madrigal_error *err, const char *says)
{
	j->error_name = "reference_error";
	return err_set(err, MADRIGAL_EUSAGE, "%s", says);
}

/* The reason of a failure stays here: it would tell strangers about the network behind us. */
static int fetch(struct song_job *j, const char *url, int fd, struct madrigal_error *err)
{
	struct fetch_limits limits = fetch_limits_default();
	limits.allow_private = j->config->allow_private_urls;
	return guard_fetch(url, fd, &limits, err) ? fail(j, err, "The reference audio could not be fetched.") : 0;
}

static int check(struct song_job *j, const struct song_request *r, int fd, struct madrigal_error *err)
{
	struct decode_limits limits = decode_limits_default();
	struct decoded_audio heard;
	char says[128];
	int rc = guard_decode(fd, -1, 0, &limits, &heard, err);
	if (rc == MADRIGAL_EUSAGE)
		return fail(j, err, "The reference is not audio that can be read.");
	if (rc)
		return rc;
	if (heard.seconds < r->reference_min_s || heard.seconds > r->reference_max_s) {
		snprintf(says, sizeof says, "The reference lasts %.1f s; it must last %g to %g s.", heard.seconds, r->reference_min_s, r->reference_max_s);
		return fail(j, err, says);
	}
	return song_job_stopping(j) ? err_set(err, MADRIGAL_ECANCELLED, "cancelled") : 0;
}

int reference_check(struct song_job *j, const struct song_request *r, struct madrigal_error *err)
{
	int fd, rc;
	char *path = NULL;
	uint64_t size;
	if (r->reference_url) {
		rc = store_spool(j->store, ".reference", &fd, &path, err);
		if (rc)
			return rc;
		rc = fetch(j, r->reference_url, fd, err);
	} else {
		rc = store_file_open(j->store, r->reference_upload, &fd, &size, err);
		if (rc)
			return fail(j, err, "The uploaded reference is no longer there.");
	}
	if (!rc)
		rc = check(j, r, fd, err);
	close(fd);
	if (path)
		unlink(path);
	free(path);
	return rc;
}
