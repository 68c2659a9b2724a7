/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One song: its request to the engine, its files to the store. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/internal.h"

#define TEMPO_BPM_MAX 240.0

static const struct { const char *name; enum madrigal_format format; const char *content_type; } formats[] = {
	{ "mp3", MADRIGAL_MP3, "audio/mpeg" },
	{ "wav", MADRIGAL_WAV, "audio/wav" },
	{ "flac", MADRIGAL_FLAC, "audio/flac" },
	{ "pcm", MADRIGAL_PCM, "application/octet-stream" },
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static const struct { const char *name, *content_type; } documents[] = {
	{ "song.json", "application/json" },
	{ "song.mid", "audio/midi" },
	{ "song.musicxml", "application/vnd.recordare.musicxml+xml" },
	{ "song.lrc", "text/plain; charset=utf-8" },
};
enum { N_DOCUMENTS = sizeof documents / sizeof *documents };

static int format_index(const char *name)
{
	for (int i = 0; i < N_FORMATS; i++)
		if (!strcmp(name, formats[i].name))
			return i;
	return 0;
}

int song_job_stopping(struct song_job *j)
{
	if (atomic_load(&j->heartbeat.lost))
		return 1;
	if (!*j->stop)
		return 0;
	if (j->stopped_at_s == 0)
		j->stopped_at_s = worker_now_s();
	if (worker_now_s() - j->stopped_at_s < j->grace_s)
		return 0;
	return j->handed_back = 1;
}

static int note_progress(void *user, const struct madrigal_progress *p)
{
	struct song_job *j = user;
	heartbeat_note(&j->heartbeat, p->done, p->stage);
	return song_job_stopping(j);
}

/* ---- making ---- */

static struct madrigal_request engine_request(const struct song_job *j, const struct song_request *r, const char *dir)
{
	struct madrigal_request m = madrigal_request_default();
	m.lyrics = r->lyrics;
	m.prompt = r->prompt;
	m.title = r->title;
	m.style = r->style;
	m.voice = r->voice;
	m.key = r->key;
	m.time_signature = r->time_signature;
	m.tempo_bpm = r->tempo_bpm;
	m.duration_s = r->duration_s;
	m.seed = r->seed;
	m.instrumental = r->instrumental;
	m.channels = r->channels;
	m.stems = r->stems;
	m.format = formats[format_index(r->format)].format;
	m.sample_rate = r->sample_rate;
	m.bitrate = r->bitrate;
	m.threads = j->config->threads;
	m.memory_limit_bytes = j->config->memory_limit_bytes;
	m.out_dir = dir;
	return m;
}

/* How long the song would be is known from its score, which takes no time beside the singing. One that is too long is asked for again a bar shorter than the most, since a length is met
 * to the bar. *ret_tempo: the tempo at which it was too long and which nobody asked for, or 0. */
static int limit_duration(struct song_job *j, const struct song_request *r, struct madrigal_request *m, const char *dir, double *ret_tempo, struct madrigal_error *err)
{
	struct madrigal_result score;
	char path[PATH_MAX];
	if (r->max_duration_s >= 300)
		return 0;
	struct madrigal_request draft = *m;
	snprintf(path, sizeof path, "%s-draft", dir);
	draft.score_only = 1;
	draft.out_dir = path;
	int rc = j->hooks->make(&draft, NULL, note_progress, j, &score, err);
	if (rc || score.duration_s <= r->max_duration_s)
		return rc;
	int beats = 4, unit = 4;
	if (sscanf(score.time_signature, "%d/%d", &beats, &unit) != 2 || beats < 1 || unit < 1 || !(score.tempo_bpm > 0))
		beats = unit = 4;
	double bar_s = 60 / fmax(score.tempo_bpm, 40) * beats * 4 / unit;
	m->duration_s = fmax(10, r->max_duration_s - bar_s);
	*ret_tempo = r->tempo_bpm > 0 ? 0 : score.tempo_bpm;
	return 0;
}

/* Lyrics that don't fit the most a song may last at the tempo that would suit them are sung faster, up to half as fast again, rather than not at all. */
static int make_within(struct song_job *j, struct madrigal_request *m, double tempo_bpm, struct madrigal_result *ret, struct madrigal_error *err)
{
	int rc = j->hooks->make(m, NULL, note_progress, j, ret, err);
	for (int tenths = 1; rc == MADRIGAL_EUSAGE && tempo_bpm > 0 && tenths <= 5; tenths++) {
		m->tempo_bpm = fmin(round(tempo_bpm * (1 + 0.1 * tenths)), TEMPO_BPM_MAX);
		rc = j->hooks->make(m, NULL, note_progress, j, ret, err);
	}
	return rc;
}

/* ---- storing ---- */

static int keep(struct song_job *j, const char *dir, const char *file, const char *name, const char *content_type, struct song_made *made, struct madrigal_error *err)
{
	char path[PATH_MAX];
	if (made->n_files == JOB_FILES_MAX)
		return err_set(err, MADRIGAL_EINTERNAL, "the song has more than %d files", JOB_FILES_MAX);
	if (song_job_stopping(j))
		return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	struct job_file *f = &made->files[made->n_files];
	if (snprintf(path, sizeof path, "%s/%s", dir, file) >= PATH_MAX || snprintf(f->name, sizeof f->name, "%s", name) >= (int)sizeof f->name)
		return err_set(err, MADRIGAL_EINTERNAL, "a name is too long: %s", file);
	snprintf(f->content_type, sizeof f->content_type, "%s", content_type);
	int rc = store_file_add(j->store, path, &f->file, err);
	if (!rc)
		made->n_files++;
	return rc;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int keep_stems(struct song_job *j, const char *dir, struct song_made *made, struct madrigal_error *err)
{
	struct dirent **list;
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/stems", dir);
	int n = scandir(path, &list, visible, by_name), rc = 0;
	if (n < 0)
		return errno == ENOENT ? 0 : err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char name[300];
		snprintf(name, sizeof name, "stems/%s", list[i]->d_name);
		if (!rc)
			rc = keep(j, dir, name, name, "audio/wav", made, err);
		free(list[i]);
	}
	free(list);
	return rc;
}

static int keep_all(struct song_job *j, const struct song_request *r, const char *dir, struct song_made *made, struct madrigal_error *err)
{
	char master[16], path[PATH_MAX];
	int f = format_index(r->format);
	snprintf(master, sizeof master, "mix.%s", formats[f].name);
	int rc = keep(j, dir, master, "audio", formats[f].content_type, made, err);
	for (int i = 0; i < N_DOCUMENTS && !rc; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, documents[i].name);
		if (access(path, F_OK) == 0) /* an instrumental has no song.lrc */
			rc = keep(j, dir, documents[i].name, documents[i].name, documents[i].content_type, made, err);
	}
	return rc ? rc : keep_stems(j, dir, made, err);
}

static int describe(const struct song_request *r, const struct madrigal_result *m, uint64_t size, char **ret, struct madrigal_error *err)
{
	int bitrate = !strcmp(r->format, "mp3") ? r->bitrate : r->sample_rate * r->channels * 16;
	json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:I, s:i, s:i, s:i, s:I, s:I}", "title", m->title, "style", m->style, "voice", m->voice, "key", m->key,
	                         "time_signature", m->time_signature, "tempo_bpm", m->tempo_bpm, "duration_ms", (json_int_t)llround(m->duration_s * 1000), "sample_rate",
	                         r->sample_rate, "channels", r->channels, "bitrate", bitrate, "size", (json_int_t)size, "seed", (json_int_t)r->seed);
	if (root && isfinite(m->loudness_lufs) && isfinite(m->true_peak_dbtp)) {
		json_object_set_new(root, "loudness_lufs", json_real(m->loudness_lufs));
		json_object_set_new(root, "true_peak_dbtp", json_real(m->true_peak_dbtp));
	}
	char *json = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!json)
		return err_nomem(err);
	*ret = json;
	return 0;
}

static int make_in(struct song_job *j, const struct song_request *r, const char *folder, const char *heard_song, const char *heard_voice, struct song_made *made,
                   struct madrigal_error *err)
{
	char dir[PATH_MAX], stream[PATH_MAX];
	struct madrigal_result result;
	if (snprintf(dir, sizeof dir, "%s/song", folder) >= PATH_MAX)
		return err_set(err, MADRIGAL_EIO, "the path is too long: %s", folder);
	struct madrigal_request m = engine_request(j, r, dir);
	m.reference = heard_song;
	m.reference_voice = heard_voice;
	double tempo_bpm = 0;
	int rc = limit_duration(j, r, &m, dir, &tempo_bpm, err);
	if (r->stream) {
		worker_stream_path(j->store, j->lease->id, stream, sizeof stream);
		m.stream_file = stream;
	}
	if (!rc)
		rc = make_within(j, &m, tempo_bpm, &result, err);
	if (!rc)
		rc = keep_all(j, r, dir, made, err);
	return rc ? rc : describe(r, &result, made->files[0].file.size, &made->result, err);
}

int song_job_make(struct song_job *j, const char *request, struct song_made *ret, struct madrigal_error *err)
{
	struct song_request r;
	struct song_made *made = calloc(1, sizeof *made);
	char *folder;
	int held, rc = made ? song_request_parse(request, &r, err) : err_nomem(err);
	if (rc) {
		free(made);
		return rc;
	}
	rc = store_spool_folder(j->store, ".song", &held, &folder, err);
	if (!rc) {
		char *song = NULL, *voice = NULL;
		rc = reference_hear(j, &r, &song, &voice, err);
		if (!rc)
			rc = make_in(j, &r, folder, song, voice, made, err);
		free(song);
		free(voice);
		store_spool_remove(folder);
		close(held);
		free(folder);
	}
	song_request_release(&r);
	if (!rc)
		*ret = *made;
	free(made);
	return rc;
}
