/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/output.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "score/files.h"

/* Lossy coding overshoots: a master this much lower usually passes the first time, and encoding twice costs more than the loudness of a peak. */
#define MP3_OVERSHOOT_DB 0.4
/* For a master that has no second trial: somewhat more than was ever seen of four songs at six sample rates with four bitrates each. */
static const struct { int least; double db; } mp3_overshoot[] = { { 96000, 0.8 }, { 64000, 1.1 }, { 0, 2.0 } }; /* bits a second for a channel */
#define RESAMPLED_DB 0.1
#define LOW_RATE_DB 0.4  /* below 44.1 kHz */
#define MAX_TRIES 4       /* at getting below the ceiling after an encoder or resampler has overshot */
#define SAFETY_DB 0.05
#define DUAL_MONO_LU 3.01 /* one channel from two loudspeakers, after EBU Tech 3343 */
#define SCORE_FILE_MAX ((size_t)32 << 20)

static const char *const extensions[] = { [MADRIGAL_MP3] = "mp3", [MADRIGAL_WAV] = "wav", [MADRIGAL_FLAC] = "flac", [MADRIGAL_PCM] = "pcm" };

int output_probe(const char *path, struct madrigal_error *err)
{
	struct stat st;
	int there = stat(path, &st) == 0;
	if (there && S_ISDIR(st.st_mode))
		return err_set(err, MADRIGAL_EIO, "cannot write %s: it is a folder", path);
	if (there && !S_ISREG(st.st_mode)) /* a device or a pipe: nothing is put beside it; to open it may mean to wait, or to end it */
		return access(path, W_OK) ? err_set(err, MADRIGAL_EIO, "cannot write %s: %s", path, strerror(errno)) : 0;
	char probe[PATH_MAX];
	int n = snprintf(probe, sizeof probe, "%s.%ld.tmp", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof probe)
		return err_set(err, MADRIGAL_EIO, "the path is too long: %s", path);
	int fd = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(err, MADRIGAL_EIO, "cannot write %s: %s", path, strerror(errno));
	close(fd);
	unlink(probe);
	return 0;
}

/* ---- the master ---- */

static double note_start(const struct output *o, int i)
{
	return o->vocals && o->vocals->lead_times.start ? o->vocals->lead_times.start[i] : score_seconds(o->score, o->score->vocal[i].start);
}

/* Each line's first note; *ret by free(). */
static int lyric_stamps(const struct output *o, struct lyric_stamp **ret, int *ret_n, struct madrigal_error *err)
{
	const struct score *s = o->score;
	struct lyric_stamp *stamps = calloc((size_t)s->lyrics->n_lines + 1, sizeof *stamps);
	if (!stamps)
		return err_nomem(err);
	int n = 0;
	for (int i = 0; i < s->n_vocal && n < s->lyrics->n_lines; i++)
		if (i == 0 || s->vocal[i].line != s->vocal[i - 1].line)
			stamps[n++] = (struct lyric_stamp){ note_start(o, i), s->lyrics->lines[s->vocal[i].line].text };
	*ret = stamps;
	*ret_n = n;
	return 0;
}

double output_ceiling_dbtp(const struct madrigal_request *req)
{
	return OUTPUT_CEILING_DBTP - (req->format == MADRIGAL_MP3 ? MP3_OVERSHOOT_DB : 0);
}

double output_stream_ceiling_dbtp(const struct madrigal_request *req)
{
	double over = req->sample_rate == AUDIO_RATE ? 0 : req->sample_rate >= 44100 ? RESAMPLED_DB : LOW_RATE_DB;
	if (req->format == MADRIGAL_MP3) {
		int per_channel = req->bitrate / req->channels;
		size_t i = 0;
		while (i + 1 < sizeof mp3_overshoot / sizeof *mp3_overshoot && per_channel < mp3_overshoot[i].least)
			i++;
		over += mp3_overshoot[i].db;
	}
	return OUTPUT_CEILING_DBTP - over;
}

static int to_mono(const struct audio *a, struct audio *ret, struct madrigal_error *err)
{
	int rc = audio_init(ret, a->rate, 1, a->frames, err);
	for (size_t i = 0; !rc && i < a->frames; i++)
		ret->ch[0][i] = (a->ch[0][i] + a->ch[1][i]) / 2;
	return rc;
}

static int encode_once(const struct output *o, const struct encode_settings *set, struct encoded *ret, struct madrigal_error *err)
{
	struct audio resampled = { 0 }, mono = { 0 }, decoded = { 0 };
	const struct audio *master = &o->mix->master, *heard;
	struct encoded e = { 0 };
	int rc = 0;
	if (o->req->sample_rate != master->rate) {
		rc = audio_resample(master, o->req->sample_rate, &resampled, err);
		master = &resampled;
	}
	if (!rc && o->req->channels == 1) {
		rc = to_mono(master, &mono, err);
		master = &mono;
	}
	if (!rc)
		rc = audio_encode(master, set, o->cancel, &e.data, &e.len, err);
	heard = master;
	if (!rc && set->format == MADRIGAL_MP3) {
		rc = audio_decode_mp3(e.data, e.len, &decoded, err);
		heard = &decoded;
	}
	if (!rc)
		rc = audio_loudness(heard, &e.lufs, &e.true_peak_dbtp, err);
	if (!rc && o->req->channels == 1)
		e.lufs += DUAL_MONO_LU;
	audio_release(&decoded);
	audio_release(&mono);
	audio_release(&resampled);
	if (rc)
		free(e.data);
	else
		*ret = e;
	return rc;
}

int output_encoding_init(const struct output *o, struct output_encoding *ret, struct madrigal_error *err)
{
	const struct score *s = o->score;
	int n = 0, rc = lyric_stamps(o, &ret->stamps, &n, err);
	if (rc)
		return rc;
	snprintf(ret->key, sizeof ret->key, "%s%s", key_tonic_name(s->tonic_pc, s->minor), s->minor ? "m" : "");
	ret->set = (struct encode_settings){
		.format = o->req->format, .bitrate = o->req->bitrate, .wav_bits = 16, .title = s->title, .artist = "Madrigal", .comment = o->brief->understood,
		.lyrics = ret->stamps, .n_lyrics = n, .bpm = s->tempo_bpm, .key = ret->key,
	};
	return 0;
}

void output_encoding_release(struct output_encoding *e)
{
	free(e->stamps);
	e->stamps = NULL;
}

/* Encodes; if the listener's decoder would overshoot the ceiling, masters again a little lower. */
static int encode_master(const struct output *o, struct encoded *ret, struct madrigal_error *err)
{
	struct output_encoding encoding;
	int rc = output_encoding_init(o, &encoding, err);
	if (rc)
		return rc;
	struct mix_settings mix = { .loudness_lufs = OUTPUT_LUFS, .ceiling_dbtp = output_ceiling_dbtp(o->req), .threads = 1 };
	struct encoded e = { 0 };
	for (int i = 0; i < MAX_TRIES && !rc; i++) {
		free(e.data);
		e = (struct encoded){ 0 };
		rc = encode_once(o, &encoding.set, &e, err);
		if (rc || e.true_peak_dbtp <= OUTPUT_CEILING_DBTP)
			break;
		mix.ceiling_dbtp -= e.true_peak_dbtp - OUTPUT_CEILING_DBTP + SAFETY_DB;
		if (i + 1 < MAX_TRIES)
			rc = mix_remaster(o->brief, &mix, o->mix, err);
	}
	output_encoding_release(&encoding);
	if (rc)
		free(e.data);
	else
		*ret = e;
	return rc;
}

/* A streamed master is what it is: its figures alone are missing, and of an MP3 they are those of the decoded sound. */
static int measure_streamed(const struct output *o, struct encoded *ret, struct madrigal_error *err)
{
	struct audio heard = { 0 };
	struct encoded e = *o->streamed;
	int rc = 0;
	if (o->req->format == MADRIGAL_MP3) {
		rc = audio_decode_mp3(e.data, e.len, &heard, err);
		if (!rc)
			rc = audio_loudness(&heard, &e.lufs, &e.true_peak_dbtp, err);
		audio_release(&heard);
	}
	if (o->req->channels == 1)
		e.lufs += DUAL_MONO_LU;
	if (!rc)
		*ret = e;
	return rc;
}

/* ---- master and stems, side by side ---- */

struct writing {
	const struct output *o;
	struct encoded *master;
	int stems; /* how many are written */
};

static int write_stem(const struct output *o, int i, struct madrigal_error *err)
{
	const struct mix_stem *stem = &o->mix->stems[i];
	const struct encode_settings set = { .format = MADRIGAL_WAV, .wav_bits = 24, .title = stem->name };
	void *data;
	size_t len;
	int rc = audio_encode(&stem->audio, &set, o->cancel, &data, &len, err);
	if (rc)
		return rc;
	char path[PATH_MAX + 64];
	snprintf(path, sizeof path, "%s/stems/%s.wav", o->dir->partial, stem->name);
	rc = file_write(path, data, len, err);
	free(data);
	return rc;
}

/* Job 0 is the master, the longest; mastering again reads the stems and changes none. */
static int write_sound(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)worker;
	const struct writing *w = ctx;
	if (index == 0)
		return w->o->streamed ? measure_streamed(w->o, w->master, err) : encode_master(w->o, w->master, err);
	return write_stem(w->o, index - 1, err);
}

static int write_sounds(const struct output *o, struct encoded *master, struct madrigal_error *err)
{
	struct writing w = { .o = o, .master = master, .stems = o->req->out_dir && o->req->stems ? o->mix->n_stems : 0 };
	int rc = 0;
	for (int i = 0; i < w.stems && !rc; i++) {
		char name[64];
		snprintf(name, sizeof name, "stems/%s.wav", o->mix->stems[i].name);
		rc = song_dir_reserve(o->dir, name, err);
	}
	return rc ? rc : pool_run(o->threads, w.stems + 1, write_sound, &w, o->tick, o->tick_ctx, o->cancel, err);
}

/* ---- the score's files ---- */

static int add_score_file(const struct output *o, const char *name, int (*build)(const struct score *, struct buf *), struct madrigal_error *err)
{
	struct buf b = buf_init(SCORE_FILE_MAX);
	int rc = build(o->score, &b) ? err_nomem(err) : song_dir_add(o->dir, name, buf_str(&b), b.len, err);
	buf_release(&b);
	return rc;
}

static int add_lrc(const struct output *o, struct madrigal_error *err)
{
	const struct song_facts facts = { .lead = o->vocals->lead_times, .backing = o->vocals->backing_times };
	struct buf b = buf_init(SCORE_FILE_MAX);
	int rc = song_lrc(o->score, &facts, &b) ? err_nomem(err) : song_dir_add(o->dir, "song.lrc", buf_str(&b), b.len, err);
	buf_release(&b);
	return rc;
}

static int is_part(const struct score *s, const char *name)
{
	for (int i = 0; i < s->n_parts; i++)
		if (!strcmp(s->parts[i].name, name))
			return 1;
	return 0;
}

static int add_song_json(const struct output *o, const struct encoded *master, int sung, struct madrigal_error *err)
{
	const char *extra[SONG_DIR_MAX_FILES];
	int n = 0, stems = o->mix && o->req->stems;
	for (int i = 0; stems && i < o->mix->n_stems && n < SONG_DIR_MAX_FILES; i++)
		if (!is_part(o->score, o->mix->stems[i].name))
			extra[n++] = o->mix->stems[i].name;
	const struct song_facts facts = {
		.style = o->brief->style->name, .voice = sung ? o->brief->singer->name : NULL, .prompt = o->req->prompt, .understood = o->brief->understood,
		.stems = stems, .extra_stems = extra, .n_extra_stems = n, .loudness_lufs = master->lufs, .true_peak_dbtp = master->true_peak_dbtp,
		.lead = o->vocals->lead_times, .backing = o->vocals->backing_times,
	};
	struct buf b = buf_init(SCORE_FILE_MAX);
	int rc = song_json(o->score, &facts, &b) ? err_nomem(err) : song_dir_add(o->dir, "song.json", buf_str(&b), b.len, err);
	buf_release(&b);
	return rc;
}

static int fill_dir(const struct output *o, const struct encoded *master, struct madrigal_error *err)
{
	char name[16];
	int sung = o->score->n_vocal > 0, rc = 0;
	if (o->mix) {
		snprintf(name, sizeof name, "mix.%s", extensions[o->req->format]);
		rc = song_dir_add(o->dir, name, master->data, master->len, err);
	}
	if (!rc)
		rc = add_song_json(o, master, sung, err);
	if (!rc)
		rc = add_score_file(o, "song.mid", song_midi, err);
	if (!rc)
		rc = add_score_file(o, "song.musicxml", song_musicxml, err);
	if (!rc && sung)
		rc = add_lrc(o, err);
	return rc;
}

int output_write(const struct output *o, struct madrigal_result *result, struct madrigal_error *err)
{
	struct encoded master = { .lufs = (double)NAN, .true_peak_dbtp = (double)NAN };
	int rc = o->mix ? write_sounds(o, &master, err) : 0;
	if (!rc && o->req->out_dir)
		rc = fill_dir(o, &master, err);
	if (!rc && cancelled(o->cancel))
		rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	if (!rc && o->req->out_dir)
		rc = song_dir_commit(o->dir, err);
	if (!rc && o->req->out_file && o->mix)
		rc = file_write(o->req->out_file, master.data, master.len, err);
	if (!rc) {
		result->loudness_lufs = master.lufs;
		result->true_peak_dbtp = master.true_peak_dbtp;
	}
	if (!o->streamed)
		free(master.data);
	return rc;
}
