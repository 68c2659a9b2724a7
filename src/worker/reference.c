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

static int listen(struct song_job *j, const struct song_request *r, int fd, char **ret_heard, struct madrigal_error *err)
{
	struct decode_limits limits = decode_limits_default();
	struct decoded_audio d;
	char says[128], *heard;
	int rc = guard_hear(fd, &limits, &d, &heard, err);
	if (rc == MADRIGAL_EUSAGE)
		return fail(j, err, "The reference is not audio that can be read.");
	if (rc)
		return rc;
	if (d.seconds < r->reference_min_s || d.seconds > r->reference_max_s) {
		snprintf(says, sizeof says, "The reference lasts %.1f s; it must last %g to %g s.", d.seconds, r->reference_min_s, r->reference_max_s);
		rc = fail(j, err, says);
	} else if (song_job_stopping(j)) {
		rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	}
	if (rc)
		free(heard);
	else
		*ret_heard = heard;
	return rc;
}

static int listen_to_upload(struct song_job *j, const struct song_request *r, const char *hash, char **ret_heard, struct madrigal_error *err)
{
	int fd;
	uint64_t size;
	if (store_file_open(j->store, hash, &fd, &size, err))
		return fail(j, err, "The uploaded reference is no longer there.");
	int rc = listen(j, r, fd, ret_heard, err);
	close(fd);
	return rc;
}

static int listen_to_url(struct song_job *j, const struct song_request *r, char **ret_heard, struct madrigal_error *err)
{
	int fd;
	char *path;
	int rc = store_spool(j->store, ".reference", &fd, &path, err);
	if (rc)
		return rc;
	rc = fetch(j, r->reference_url, fd, err);
	if (!rc)
		rc = listen(j, r, fd, ret_heard, err);
	close(fd);
	unlink(path);
	free(path);
	return rc;
}

int reference_hear(struct song_job *j, const struct song_request *r, char **ret_song, char **ret_voice, struct madrigal_error *err)
{
	char *song = NULL, *voice = NULL;
	int rc = r->reference_url ? listen_to_url(j, r, &song, err) : r->reference_upload ? listen_to_upload(j, r, r->reference_upload, &song, err) : 0;
	if (!rc && r->reference_voice)
		rc = listen_to_upload(j, r, r->reference_voice, &voice, err);
	if (rc) {
		free(song);
		return rc;
	}
	*ret_song = song;
	*ret_voice = voice;
	return 0;
}
