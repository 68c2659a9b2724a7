/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one call that runs the stages. Everything happens on a worker thread; the calling thread reports progress, looks at the
 * memory, and cancels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/machine.h"
#include "base/pool.h"
#include "compose/compose.h"
#include "ear/json.h"
#include "ear/nearest.h"
#include "engine/check.h"
#include "engine/find.h"
#include "engine/output.h"
#include "engine/reference.h"
#include "engine/song_dir.h"
#include "engine/stream.h"
#include "mix/mix.h"
#include "score/files.h"

enum stage { STAGE_WORDS, STAGE_COMPOSE, STAGE_SING, STAGE_PLAY, STAGE_MIX, STAGE_WRITE, STAGES };

/* Share of the whole that is done when a stage begins: from `make bench` on two cores. */
static const struct { const char *name; double begins; } stages[STAGES + 1] = {
	{ "words", 0 }, { "compose", 0.01 }, { "sing", 0.02 }, { "play", 0.62 }, { "mix", 0.78 }, { "write", 0.92 }, { NULL, 1 },
};

struct job {
	const struct madrigal_request *req;
	struct found_paths paths;
	madrigal_progress_fn *fn;
	void *user;
	double start_s;
	size_t memory_before;
	int over_memory;
	cancel_flag cancel;
	atomic_int stage;
	atomic_int permille; /* of the stage */
	double stage_began_s;
	int threads;
	struct madrigal_result result;

	struct style_set styles;
	struct singer_set singers;
	struct prompt_lexicon *prompts;
	struct lexicon *lexicon;
	struct style_reference reference;
	struct brief brief;
	struct lyrics lyrics;
	struct score score;
	struct voice *voice;
	struct vocal_tracks vocals;
	struct stem *stems;
	struct mixdown mix;
	struct song_dir dir;
	struct stream_file stream;
	struct encoded streamed;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void enter(struct job *j, enum stage s)
{
	double t = now_s();
	j->result.stage_s[atomic_load(&j->stage)] += t - j->stage_began_s;
	j->stage_began_s = t;
	atomic_store(&j->permille, 0);
	atomic_store(&j->stage, (int)s);
}

/* The tick of the stages' own pools. */
static int note_progress(void *ctx, int finished, int n)
{
	struct job *j = ctx;
	atomic_store(&j->permille, n > 0 ? finished * 1000 / n : 0);
	return 0;
}

static int report(struct job *j, double done, const char *stage)
{
	struct madrigal_progress p = { .stage = stage, .done = done, .elapsed_s = now_s() - j->start_s };
	return j->fn ? j->fn(j->user, &p) : 0;
}

/* The tick of the calling thread. */
static int watch(void *ctx, int finished, int n)
{
	(void)finished, (void)n;
	struct job *j = ctx;
	if (j->req->memory_limit_bytes) {
		size_t now = machine_resident_bytes();
		if (now > j->memory_before && now - j->memory_before > j->req->memory_limit_bytes)
			return j->over_memory = 1;
	}
	int s = atomic_load(&j->stage);
	double part = atomic_load(&j->permille) / 1000.0;
	/* Streaming, the stages from singing to mixing are one. */
	int next = j->req->stream_file && s == STAGE_SING ? STAGE_WRITE : s + 1;
	return report(j, stages[s].begins + part * (stages[next].begins - stages[s].begins), stages[s].name);
}

static int stop_here(struct job *j, struct madrigal_error *err)
{
	return cancelled(&j->cancel) ? err_set(err, MADRIGAL_ECANCELLED, "cancelled") : 0;
}

/* An instrumental keeps the form of its lyrics' tags and none of the words. */
static void drop_words(struct lyrics *l)
{
	for (int i = 0; i < l->n_sections; i++) {
		l->sections[i].first_line = l->sections[i].n_lines = 0;
		l->sections[i].same_as = -1;
	}
	l->n_lines = l->n_words = l->n_syllables = 0;
}

/* What was heard elsewhere; its nearest styles and singers are looked up here unless it names them. */
static int read_heard(const char *json, const struct ear_tables *tables, struct heard **ret, struct madrigal_error *err)
{
	if (!json)
		return 0;
	struct heard *h = malloc(sizeof *h);
	if (!h)
		return err_nomem(err);
	int rc = heard_read(json, h, err);
	if (rc) {
		free(h);
		return rc;
	}
	if (!h->n_styles && !h->n_voices)
		ear_nearest(tables, h);
	*ret = h;
	return 0;
}

static int read_reference(struct job *j, struct madrigal_error *err)
{
	struct ear_tables tables;
	struct heard *song = NULL, *voice = NULL;
	int rc = ear_tables_load(j->paths.share_dir, &tables, err);
	if (rc)
		return rc;
	rc = read_heard(j->req->reference, &tables, &song, err);
	if (!rc)
		rc = read_heard(j->req->reference_voice, &tables, &voice, err);
	if (!rc)
		reference_of(song, voice ? voice : song, &j->reference);
	free(song);
	free(voice);
	ear_tables_release(&tables);
	return rc;
}

static int read_words(struct job *j, struct madrigal_error *err)
{
	const struct madrigal_request *req = j->req;
	const char *share = j->paths.share_dir, *text = req->lyrics ? req->lyrics : "";
	if (!*share)
		return err_set(err, MADRIGAL_EMISSING, "Madrigal's styles are not where they should be; install again, or name their folder in MADRIGAL_SHARE");
	int with_reference = req->reference || req->reference_voice, rc = with_reference ? read_reference(j, err) : 0;
	if (!rc)
		rc = style_set_open(share, &j->styles, err);
	if (!rc)
		rc = singer_set_load(share, &j->singers, err);
	if (!rc)
		rc = prompt_lexicon_new(share, &j->prompts, err);
	if (!rc)
		rc = brief_make(req, with_reference ? &j->reference : NULL, &j->styles, &j->singers, j->prompts, &j->brief, err);
	if (!rc)
		rc = lexicon_new(share, req->dictionary, &j->lexicon, err);
	if (!rc)
		rc = lyrics_parse(text, strlen(text), j->lexicon, j->brief.instrumental, &j->lyrics, err);
	if (!rc && j->brief.instrumental)
		drop_words(&j->lyrics);
	return rc;
}

static int write_score(struct job *j, struct madrigal_error *err)
{
	const struct compose_request creq = {
		.lyrics = &j->lyrics, .brief = &j->brief, .seed = j->req->seed, .duration_s = j->req->duration_s, .cancel = &j->cancel,
		.candidates = j->req->candidates ? j->req->candidates : COMPOSE_DEFAULT_CANDIDATES,
	};
	int rc = compose_song(&creq, &j->score, err);
	if (!rc && j->req->title)
		snprintf(j->score.title, sizeof j->score.title, "%s", j->req->title);
	return rc;
}

/* Opens the voice before the first note is sung or played, so that a missing one is said at once. */
static int open_instruments(struct job *j, struct madrigal_error *err)
{
	if (!*j->paths.soundfont)
		return err_set(err, MADRIGAL_EMISSING, "no SoundFont is installed; install one with: apt-get install musescore-general-soundfont");
	if (j->score.n_vocal + j->score.n_backing == 0)
		return 0;
	if (!*j->paths.voice_dir || !*j->paths.runtime)
		return err_set(err, MADRIGAL_EMISSING, "the voice is not installed; install it with: make voice");
	return voice_open(j->paths.voice_dir, j->paths.runtime, &j->voice, err);
}

static int sing(struct job *j, struct madrigal_error *err)
{
	if (!j->voice)
		return 0;
	int rc = voice_sing_score(j->voice, &j->score, j->brief.singer, &j->brief.manner,
	                          brief_swing(&j->brief, j->score.meter_num, j->score.meter_den), j->threads, note_progress, j, &j->cancel,
	                          &j->vocals, err);
	voice_close(j->voice);
	j->voice = NULL;
	return rc;
}

static struct soundfonts soundfonts_of(const struct job *j)
{
	return (struct soundfonts){
		.general = j->paths.soundfont,
		.black_pearl = *j->paths.black_pearl ? j->paths.black_pearl : NULL,
		.red_zeppelin = *j->paths.red_zeppelin ? j->paths.red_zeppelin : NULL,
	};
}

static int play(struct job *j, struct madrigal_error *err)
{
	const struct soundfonts sf = soundfonts_of(j);
	return band_play(&j->score, &j->brief, &sf, j->threads, note_progress, j, &j->cancel, &j->stems, err);
}

static int mix(struct job *j, struct madrigal_error *err)
{
	const struct mix_settings set = { .loudness_lufs = OUTPUT_LUFS, .ceiling_dbtp = output_ceiling_dbtp(j->req), .threads = j->threads };
	return mix_song(&j->score, &j->brief, j->stems, j->score.n_parts, &j->vocals, &set, note_progress, j, &j->cancel, &j->mix, err);
}

/* Singing, playing, mixing and encoding at once. */
static int stream(struct job *j, struct madrigal_error *err)
{
	const struct soundfonts sf = soundfonts_of(j);
	const struct output out = { .req = j->req, .score = &j->score, .brief = &j->brief };
	struct output_encoding encoding;
	struct stream_made made;
	int rc = output_encoding_init(&out, &encoding, err);
	if (rc)
		return rc;
	const struct stream_job job = {
		.req = j->req, .score = &j->score, .brief = &j->brief, .voice = j->voice, .fonts = &sf, .encoding = &encoding.set, .loudness_lufs = OUTPUT_LUFS,
		.ceiling_dbtp = output_stream_ceiling_dbtp(j->req), .threads = j->threads, .cancel = &j->cancel, .tick = note_progress, .tick_ctx = j, .clock_s = now_s,
	};
	rc = stream_song(&job, &j->stream, &made, err);
	output_encoding_release(&encoding);
	voice_close(j->voice);
	j->voice = NULL;
	if (rc)
		return rc;
	j->mix = made.mix;
	j->vocals = made.vocals;
	j->streamed = (struct encoded){ made.data, made.len, made.lufs, made.true_peak_dbtp };
	j->result.first_sound_s = made.first_sound_s - j->start_s;
	return 0;
}

static int make_sound(struct job *j, struct madrigal_error *err)
{
	const struct madrigal_request *req = j->req;
	int rc = req->out_file ? output_probe(req->out_file, err) : 0;
	if (!rc && req->stream_file)
		rc = stream_file_open(&j->stream, req->stream_file, err);
	if (!rc)
		rc = open_instruments(j, err);
	enter(j, STAGE_SING);
	if (!rc && req->stream_file)
		return stream(j, err);
	if (!rc)
		rc = sing(j, err);
	enter(j, STAGE_PLAY);
	if (!rc)
		rc = play(j, err);
	enter(j, STAGE_MIX);
	return rc ? rc : mix(j, err);
}

static int make_song(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)index, (void)worker;
	struct job *j = ctx;
	const struct madrigal_request *req = j->req;
	j->stage_began_s = now_s();
	int rc = read_words(j, err);
	if (!rc)
		rc = stop_here(j, err);
	enter(j, STAGE_COMPOSE);
	if (!rc)
		rc = write_score(j, err);
	if (!rc && req->out_dir)
		rc = song_dir_begin(&j->dir, req->out_dir, err);
	if (!rc && !req->score_only)
		rc = make_sound(j, err);
	enter(j, STAGE_WRITE);
	const struct output out = { .req = req, .score = &j->score, .brief = &j->brief, .vocals = &j->vocals, .mix = req->score_only ? NULL : &j->mix,
	                            .streamed = j->streamed.data ? &j->streamed : NULL,
	                            .dir = &j->dir, .threads = j->threads, .cancel = &j->cancel, .tick = note_progress, .tick_ctx = j };
	if (!rc)
		rc = output_write(&out, &j->result, err);
	int closed = stream_file_close(&j->stream, rc < 0, err);
	if (!rc)
		rc = closed;
	enter(j, STAGE_WRITE);
	return rc;
}

static void describe(struct job *j)
{
	struct madrigal_result *r = &j->result;
	const struct score *s = &j->score;
	snprintf(r->title, sizeof r->title, "%s", s->title);
	snprintf(r->style, sizeof r->style, "%s", j->brief.style->name);
	if (s->n_vocal)
		snprintf(r->voice, sizeof r->voice, "%s", j->brief.singer->name);
	snprintf(r->key, sizeof r->key, "%s %s", key_tonic_name(s->tonic_pc, s->minor), s->minor ? "minor" : "major");
	snprintf(r->time_signature, sizeof r->time_signature, "%d/%d", s->meter_num, s->meter_den);
	snprintf(r->understood, sizeof r->understood, "%s", j->brief.understood);
	r->tempo_bpm = s->tempo_bpm;
	r->duration_s = score_duration(s);
	r->bars = s->bars;
	r->sung_lines = j->lyrics.n_lines;
	struct rusage use;
	if (getrusage(RUSAGE_SELF, &use) == 0)
		r->peak_memory_bytes = (size_t)use.ru_maxrss * 1024;
}

static void job_release(struct job *j)
{
	song_dir_abort(&j->dir);
	mixdown_release(&j->mix);
	stems_free(j->stems, j->score.n_parts);
	vocal_tracks_release(&j->vocals);
	voice_close(j->voice);
	score_release(&j->score);
	lyrics_release(&j->lyrics);
	lexicon_free(j->lexicon);
	prompt_lexicon_free(j->prompts);
	singer_set_release(&j->singers);
	style_set_release(&j->styles);
	free(j->streamed.data);
	free(j);
}

const char *madrigal_version(void)
{
	return MADRIGAL_VERSION;
}

struct madrigal_request madrigal_request_default(void)
{
	return (struct madrigal_request){ .seed = 1, .sample_rate = 44100, .channels = 2, .bitrate = 256000, .stems = 1 };
}

int madrigal_make(const struct madrigal_request *req, const struct madrigal_paths *paths, madrigal_progress_fn *fn, void *user,
                  struct madrigal_result *ret_result, struct madrigal_error *err)
{
	int rc = request_check(req, err);
	if (rc)
		return rc;
	struct job *j = calloc(1, sizeof *j);
	if (!j)
		return err_nomem(err);
	j->req = req;
	j->fn = fn;
	j->user = user;
	j->start_s = now_s();
	j->threads = req->threads ? req->threads : machine_cores();
	j->memory_before = machine_resident_bytes();
	j->result.loudness_lufs = j->result.true_peak_dbtp = (double)NAN;
	find_paths(paths, &j->paths);
	rc = pool_run(1, 1, make_song, j, watch, j, &j->cancel, err);
	if (rc && j->over_memory)
		rc = err_set(err, MADRIGAL_EMEMORY, "the song needs more memory than the limit of %zu MB", req->memory_limit_bytes >> 20);
	if (!rc) {
		describe(j);
		report(j, 1, stages[STAGE_WRITE].name);
		if (ret_result)
			*ret_result = j->result;
	}
	job_release(j);
	return rc;
}
