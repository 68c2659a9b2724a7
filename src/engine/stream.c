/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One pool plays and sings; whoever finishes a job looks whether the next part can be mixed, and mixes it if nobody is at it. What a part is made of is laid down by the score, so its
 * bytes do not depend on who that was, or when. */
#include "engine/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define MASTER_MAX ((size_t)1 << 28)
#define MIX_SHARE 250     /* of 1000 that are to be done: the rest is playing and singing */

/* ------------------------------------------------------------------ the file */

int stream_file_open(struct stream_file *f, const char *path, struct madrigal_error *err)
{
	struct stat st;
	int n = snprintf(f->path, sizeof f->path, "%s", path);
	if (n < 0 || (size_t)n >= sizeof f->path)
		return err_set(err, MADRIGAL_EIO, "the path is too long: %s", path);
	/* Who still writes or reads a former file of that name, a try that was given up, does so by himself. */
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && unlink(path) < 0)
		return err_set(err, MADRIGAL_EIO, "cannot write %s: %s", path, strerror(errno));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(err, MADRIGAL_EIO, "cannot write %s: %s", path, strerror(errno));
	f->fd = fd;
	f->begun = 1;
	f->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

int stream_file_close(struct stream_file *f, int failed, struct madrigal_error *err)
{
	if (!f->begun)
		return 0;
	f->begun = 0;
	struct stat ours, now;
	int still_ours = f->regular && fstat(f->fd, &ours) == 0 && stat(f->path, &now) == 0 && ours.st_dev == now.st_dev && ours.st_ino == now.st_ino;
	/* Some file systems say only now that there was no room. */
	int rc = close(f->fd) < 0 && errno != EINTR && !failed ? err_set(err, MADRIGAL_EIO, "cannot write %s: %s", f->path, strerror(errno)) : 0;
	if ((failed || rc) && still_ours)
		unlink(f->path);
	return rc;
}

static int append(const struct stream_file *f, const char *p, size_t n, struct madrigal_error *err)
{
	while (n > 0) {
		ssize_t done = write(f->fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_set(err, MADRIGAL_EIO, "cannot write %s: %s", f->path, done < 0 ? strerror(errno) : "nothing more fits");
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* ------------------------------------------------------------------ the song */

struct stream {
	const struct stream_job *job;
	struct stream_file *file;
	struct band *band;
	struct voice_takes *takes;       /* NULL: an instrumental */
	int n_parts, n_takes;

	pthread_mutex_t mutex;
	unsigned char *done;             /* of each job; guarded, as are the next two */
	int mixing, more;                /* somebody mixes; something has been finished since */
	atomic_int permille;             /* mixed */

	/* Whoever mixes has these. */
	struct mix_stream *mix;
	struct audio_encoder *encoder;
	struct buf bytes;
	size_t written, mixed;
	double laid_s, first_sound_s, lufs, true_peak_dbtp;
	int over;
};

static int rehearse(struct stream *s, struct madrigal_error *err)
{
	const struct stream_job *j = s->job;
	const struct mix_settings set = { .loudness_lufs = j->loudness_lufs, .ceiling_dbtp = j->ceiling_dbtp, .threads = j->threads };
	struct vocal_tracks tracks = { 0 }, stand_ins = { 0 };
	struct stem *stems = band_take_stems(s->band);
	int rc = s->takes ? voice_takes_tracks(s->takes, &tracks, err) : 0;
	if (!rc)
		rc = mix_stream_new(j->score, j->brief, stems, s->n_parts, &tracks, &set, j->cancel, &s->mix, err);
	stems_free(stems, s->n_parts);
	vocal_tracks_release(&tracks);
	if (!rc && s->takes)
		rc = voice_takes_stand_in(s->takes, voice_takes_rehearsal(s->takes), &stand_ins, err);
	if (!rc)
		rc = mix_stream_rehearse(s->mix, s->takes ? &stand_ins : NULL, err);
	if (!rc)
		rc = audio_encoder_new(j->encoding, j->req->sample_rate, j->req->channels, mix_stream_frames(s->mix), &s->encoder, err);
	return rc;
}

static int send(struct stream *s, struct madrigal_error *err)
{
	int rc = append(s->file, buf_str(&s->bytes) + s->written, s->bytes.len - s->written, err);
	if (!rc && !s->written && s->bytes.len)
		s->first_sound_s = s->job->clock_s();
	s->written = s->bytes.len;
	return rc;
}

static int next_part(struct stream *s, struct madrigal_error *err)
{
	const struct audio *part;
	double until_s = (double)mix_stream_wants(s->mix) / AUDIO_RATE;
	int rc = s->takes ? voice_takes_lay(s->takes, s->laid_s, until_s, mix_stream_tracks(s->mix), err) : 0;
	s->laid_s = until_s;
	if (!rc)
		rc = mix_stream_next(s->mix, &part, err);
	if (rc)
		return rc;
	s->over = part->frames == 0;
	s->mixed += part->frames;
	atomic_store(&s->permille, (int)(s->mixed * 1000 / mix_stream_frames(s->mix)));
	if (s->over)
		rc = audio_encoder_end(s->encoder, &s->bytes, &s->lufs, &s->true_peak_dbtp, err);
	else
		rc = audio_encoder_add(s->encoder, part, s->job->cancel, &s->bytes, err);
	return rc ? rc : send(s, err);
}

/* Mixes all that can be mixed when the band is there, or not yet, and the first `sung` lines are. */
static int go_on(struct stream *s, int played, int sung, struct madrigal_error *err)
{
	int rc = 0;
	if (!played || (s->takes && sung < voice_takes_rehearsal(s->takes)))
		return 0;
	if (!s->mix)
		rc = rehearse(s, err);
	while (!rc && !s->over) {
		if (s->takes && sung < voice_takes_needed(s->takes, (double)mix_stream_wants(s->mix) / AUDIO_RATE))
			break;
		rc = next_part(s, err);
	}
	return rc;
}

static void look(const struct stream *s, int *ret_played, int *ret_sung)
{
	int played = 1, sung = 0;
	for (int i = 0; i < s->n_parts; i++)
		played &= s->done[i];
	while (sung < s->n_takes && s->done[s->n_parts + sung])
		sung++;
	*ret_played = played;
	*ret_sung = sung;
}

static int finished(struct stream *s, int job, struct madrigal_error *err)
{
	int rc = 0;
	pthread_mutex_lock(&s->mutex);
	if (job >= 0)
		s->done[job] = 1;
	s->more = 1;
	if (s->mixing) {
		pthread_mutex_unlock(&s->mutex);
		return 0;
	}
	s->mixing = 1;
	while (!rc && s->more) {
		int played, sung;
		s->more = 0;
		look(s, &played, &sung);
		pthread_mutex_unlock(&s->mutex);
		rc = go_on(s, played, sung, err);
		pthread_mutex_lock(&s->mutex);
	}
	s->mixing = 0;
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

static int do_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)worker;
	struct stream *s = ctx;
	int rc = index < s->n_parts ? band_play_job(s->band, index, err) : voice_takes_sing(s->takes, index - s->n_parts, err);
	return rc ? rc : finished(s, index, err);
}

static int tick(void *ctx, int finished, int n)
{
	struct stream *s = ctx;
	int permille = (1000 - MIX_SHARE) * finished / (n ? n : 1) + atomic_load(&s->permille) * MIX_SHARE / 1000;
	return s->job->tick ? s->job->tick(s->job->tick_ctx, permille, 1000) : 0;
}

static void release(struct stream *s)
{
	audio_encoder_free(s->encoder);
	mix_stream_free(s->mix);
	voice_takes_free(s->takes);
	band_free(s->band);
	buf_release(&s->bytes);
	free(s->done);
	pthread_mutex_destroy(&s->mutex);
}

int stream_song(const struct stream_job *j, struct stream_file *file, struct stream_made *ret, struct madrigal_error *err)
{
	struct stream s = { .job = j, .file = file, .n_parts = j->score->n_parts, .laid_s = -HUGE_VAL, .bytes = buf_init(MASTER_MAX) };
	pthread_mutex_init(&s.mutex, NULL);
	int rc = band_new(j->score, j->brief, j->fonts, j->cancel, &s.band, err);
	if (!rc && j->voice)
		rc = voice_takes_new(j->voice, j->score, j->brief->singer, &j->brief->manner, brief_swing(j->brief, j->score->meter_num, j->score->meter_den),
		                     j->cancel, &s.takes, err);
	s.n_takes = s.takes ? voice_takes_jobs(s.takes) : 0;
	if (!rc && !(s.done = calloc((size_t)(s.n_parts + s.n_takes) + 1, 1)))
		rc = err_nomem(err);
	if (!rc)
		rc = pool_run(j->threads, s.n_parts + s.n_takes, do_job, &s, tick, &s, j->cancel, err);
	if (!rc && !s.over)
		rc = finished(&s, -1, err);
	if (!rc) {
		*ret = (struct stream_made){ .data = s.bytes.data, .len = s.bytes.len, .lufs = s.lufs, .true_peak_dbtp = s.true_peak_dbtp, .first_sound_s = s.first_sound_s };
		s.bytes.data = NULL;
		mix_stream_stems(s.mix, &ret->mix, &ret->vocals);
	}
	release(&s);
	return rc;
}
