/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A synth for each part, so that parts are independent jobs; each makes the same sound whoever else plays. */
#include "band/band.h"

#include <fluidsynth.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 64            /* FluidSynth takes events in at multiples of this */
#define CHUNK (BLOCK * 64)  /* rendered between two looks at the cancel flag: 85 ms of sound, a few ms of work */
#define SWELL_STEP 2400     /* frames between two steps of a swell: 50 ms */
#define GAIN 0.5            /* of the synth: peaks stay near full scale; the mix sets the level */
#define POLYPHONY 96
#define FADE 960            /* frames: what still rings when the file ends is let down in 20 ms */

/* A drum of a General MIDI kit as a key of the acoustic kits, and how far it is tuned from the sampled drum. Both kits of
 * avldrums share one map (read out of the SoundFonts): 36..49, 51, 53..57, 59 as in General MIDI, but 50, 52 and 58 choke cymbals, 43
 * and 47 are strokes on a tom's edge, 48 is a hi-hat, 60 a heavy crash, 61 a maraca; two toms, a rack and a floor one. */
enum { TUNED_LANES = 5 };   /* synth channels: one for each tuning */
static const int lane_semitones[TUNED_LANES] = { 0, 3, -2, 2, -2 };
struct kit_key { int from, to, lane; };
static const struct kit_key acoustic_kit[] = {
	{ 35, 36, 0 }, { 36, 36, 0 }, { 37, 37, 0 }, { 38, 38, 0 }, { 39, 39, 0 }, { 40, 40, 0 }, { 42, 42, 0 }, { 44, 44, 0 },
	{ 46, 46, 0 }, { 49, 49, 0 }, { 51, 51, 0 }, { 52, 60, 0 }, { 53, 53, 0 }, { 54, 54, 0 }, { 55, 55, 0 }, { 56, 56, 0 },
	{ 57, 57, 0 }, { 59, 59, 0 }, { 69, 61, 0 }, { 70, 61, 0 }, { 82, 61, 0 },
	{ 50, 45, 1 }, { 48, 45, 0 }, { 47, 45, 2 }, { 45, 45, 2 }, { 43, 41, 3 }, { 41, 41, 4 },
};
#define CHANNEL_GENERAL 9   /* drums that the acoustic kits lack come from the general SoundFont's kit */

struct event {
	int64_t frame;
	int order;          /* among events of one frame: 0 release, 1 swell, 2 stroke */
	int channel, key, value;
};

struct player {
	fluid_settings_t *settings;
	fluid_synth_t *synth;
	struct event *events; int n_events;
};

struct band {
	const struct score *score;
	const struct brief *brief;
	const struct soundfonts *fonts;
	const cancel_flag *cancel;
	struct stem *stems; /* owned, like order */
	int *order;         /* parts, the longest work first */
};

static void no_log(int level, const char *message, void *data)
{
	(void)level;
	(void)message;
	(void)data;
}

/* FluidSynth's tables are filled by the first synth, without a lock: make that one before the threads start. */
static void prepare_library(void)
{
	for (int level = FLUID_PANIC; level < LAST_LOG_LEVEL; level++)
		fluid_set_log_function(level, no_log, NULL);
	fluid_settings_t *settings = new_fluid_settings();
	fluid_synth_t *synth = settings ? new_fluid_synth(settings) : NULL;
	delete_fluid_synth(synth);
	delete_fluid_settings(settings);
}

static int check_soundfont(const char *path, const char *package, struct madrigal_error *err)
{
	if (!path || !*path)
		return err_set(err, MADRIGAL_EMISSING, "no SoundFont found for the band; install one: apt-get install %s", package);
	if (access(path, R_OK))
		return err_set(err, MADRIGAL_EMISSING, "the SoundFont %s cannot be read; install one: apt-get install %s", path, package);
	if (!fluid_is_soundfont(path))
		return err_set(err, MADRIGAL_EMISSING, "%s is not a SoundFont; install one: apt-get install %s", path, package);
	return 0;
}

#define GENERAL_PACKAGE "musescore-general-soundfont"
#define KIT_PACKAGE "avldrums.lv2-soundfont"

/* The path of an acoustic kit, or NULL if the part plays the general SoundFont. */
static const char *kit_path(const struct soundfonts *sf, const struct score_part *p)
{
	if (!strcmp(p->soundfont, "black-pearl"))
		return sf->black_pearl;
	if (!strcmp(p->soundfont, "red-zeppelin"))
		return sf->red_zeppelin;
	return NULL;
}

static const struct kit_key *find_kit_key(int key)
{
	for (size_t i = 0; i < sizeof acoustic_kit / sizeof acoustic_kit[0]; i++)
		if (acoustic_kit[i].from == key)
			return &acoustic_kit[i];
	return NULL;
}

/* Decoding a compressed SoundFont's samples can take seconds, which FluidSynth can't be asked to break off; but it passes over a sample that
 * can't be read. Only the beginning of a sample is refused, as libraries clean up best before they have begun. The flag reaches the
 * callbacks by the thread that loads. */
static _Thread_local const cancel_flag *loading;

struct font_file {
	FILE *file;
	off_t sample; /* where the compressed sample begins that was read last */
};

static void *font_open(const char *path)
{
	struct font_file *f = malloc(sizeof *f);
	if (!f)
		return NULL;
	*f = (struct font_file){ .file = fopen(path, "rb"), .sample = -1 };
	if (!f->file) {
		free(f);
		return NULL;
	}
	return f;
}

/* The first page of an Ogg stream (RFC 3533, 6). */
static int begins_stream(const unsigned char *p, fluid_long_long_t n)
{
	return n >= 6 && !memcmp(p, "OggS", 4) && p[5] & 2;
}

static int font_read(void *to, fluid_long_long_t n, void *handle)
{
	struct font_file *f = handle;
	off_t at = ftello(f->file);
	if (n < 0 || fread(to, 1, (size_t)n, f->file) != (size_t)n)
		return FLUID_FAILED;
	if (begins_stream(to, n)) {
		if (at != f->sample && cancelled(loading))
			return FLUID_FAILED;
		f->sample = at;
	}
	return FLUID_OK;
}

static int font_seek(void *handle, fluid_long_long_t offset, int origin)
{
	struct font_file *f = handle;
	return fseeko(f->file, offset, origin) == 0 ? FLUID_OK : FLUID_FAILED;
}

static int font_close(void *handle)
{
	struct font_file *f = handle;
	int rc = fclose(f->file);
	free(f);
	return rc == 0 ? FLUID_OK : FLUID_FAILED;
}

static fluid_long_long_t font_tell(void *handle)
{
	struct font_file *f = handle;
	return ftello(f->file);
}

static int add_loader(struct player *pl)
{
	fluid_sfloader_t *loader = new_fluid_defsfloader(pl->settings);
	if (!loader)
		return FLUID_FAILED;
	fluid_sfloader_set_callbacks(loader, font_open, font_read, font_seek, font_tell, font_close);
	fluid_synth_add_sfloader(pl->synth, loader);
	return FLUID_OK;
}

static int load_font(fluid_synth_t *synth, const char *path, const char *package, struct madrigal_error *err)
{
	int id = fluid_synth_sfload(synth, path, 0);
	if (id < 0)
		return err_set(err, MADRIGAL_EMISSING, "the SoundFont %s cannot be loaded; install it again: apt-get install --reinstall %s", path, package);
	return id;
}

/* A preset of the general SoundFont: the one named, else the standard one of its program (bank 0), or of drums. */
static int select_general(fluid_synth_t *synth, int channel, int font, const struct score_part *p, const char *path, struct madrigal_error *err)
{
	int drums = part_plays_drums(p);
	if (drums)
		fluid_synth_set_channel_type(synth, channel, CHANNEL_TYPE_DRUM);
	if (fluid_synth_program_select(synth, channel, font, drums ? 128 : p->bank, drums && p->bank != 128 ? 0 : p->program) == FLUID_OK)
		return 0;
	if (fluid_synth_program_select(synth, channel, font, drums ? 128 : 0, drums ? 0 : p->program) == FLUID_OK)
		return 0;
	return err_set(err, MADRIGAL_EMISSING, "the SoundFont %s has no instrument %d:%d for %s; use a General MIDI one: apt-get install %s",
	               path, p->bank, p->program, p->name, GENERAL_PACKAGE);
}

static int open_kit(fluid_synth_t *synth, const char *path, struct madrigal_error *err)
{
	int font = load_font(synth, path, KIT_PACKAGE, err);
	if (font < 0)
		return font;
	for (int lane = 0; lane < TUNED_LANES; lane++) {
		fluid_synth_set_channel_type(synth, lane, CHANNEL_TYPE_MELODIC);
		if (fluid_synth_program_select(synth, lane, font, 0, 0) != FLUID_OK)
			return err_set(err, MADRIGAL_EMISSING, "the SoundFont %s has no drum kit; install it again: apt-get install --reinstall %s", path, KIT_PACKAGE);
		fluid_synth_pitch_wheel_sens(synth, lane, 12);
		fluid_synth_pitch_bend(synth, lane, 8192 + lane_semitones[lane] * 8192 / 12);
	}
	return 0;
}

/* The level that makes a part's instrument as loud as its alternatives in the style. */
static double instrument_level_db(const struct brief *b, const struct score_part *p)
{
	if (!b || !b->style)
		return 0;
	const struct style_instrument *own = brief_instrument(b, p->style_part);
	if (own)
		return (double)own->level_db;
	for (int i = 0; i < b->n_extra; i++) {
		const struct style_instrument *in = &b->extra[i].instrument;
		if (b->extra[i].role == p->role && in->bank == p->bank && in->program == p->program)
			return (double)in->level_db;
	}
	return 0;
}

static int open_player(const struct soundfonts *sf, const struct score_part *p, double level_db, struct player *pl, struct madrigal_error *err)
{
	pl->settings = new_fluid_settings();
	if (!pl->settings)
		return err_nomem(err);
	fluid_settings_setnum(pl->settings, "synth.sample-rate", AUDIO_RATE);
	fluid_settings_setnum(pl->settings, "synth.gain", GAIN * pow(10, level_db / 20));
	fluid_settings_setint(pl->settings, "synth.reverb.active", 0);
	fluid_settings_setint(pl->settings, "synth.chorus.active", 0);
	fluid_settings_setint(pl->settings, "synth.polyphony", POLYPHONY);
	fluid_settings_setint(pl->settings, "synth.cpu-cores", 1);
	fluid_settings_setint(pl->settings, "synth.dynamic-sample-loading", 1);
	fluid_settings_setint(pl->settings, "synth.threadsafe-api", 0);
	fluid_settings_setint(pl->settings, "synth.lock-memory", 0);
	pl->synth = new_fluid_synth(pl->settings);
	if (!pl->synth || add_loader(pl) != FLUID_OK)
		return err_set(err, MADRIGAL_EMEMORY, "cannot start FluidSynth for %s", p->name);
	fluid_synth_set_interp_method(pl->synth, -1, FLUID_INTERP_4THORDER);

	const char *kit = kit_path(sf, p);
	int needs_general = !kit;
	for (int i = 0; kit && i < p->n_notes && !needs_general; i++)
		needs_general = !find_kit_key(p->notes[i].midi);
	int rc = kit ? open_kit(pl->synth, kit, err) : 0;
	if (rc < 0 || !needs_general)
		return rc;
	int font = load_font(pl->synth, sf->general, GENERAL_PACKAGE, err);
	return font < 0 ? font : select_general(pl->synth, kit ? CHANNEL_GENERAL : 0, font, p, sf->general, err);
}

static void close_player(struct player *pl)
{
	delete_fluid_synth(pl->synth);
	delete_fluid_settings(pl->settings);
	free(pl->events);
}

static int by_time(const void *pa, const void *pb)
{
	const struct event *a = pa, *b = pb;
	if (a->frame != b->frame)
		return a->frame < b->frame ? -1 : 1;
	if (a->order != b->order)
		return a->order - b->order;
	if (a->channel != b->channel)
		return a->channel - b->channel;
	return a->key - b->key;
}

static int64_t to_frame(double seconds)
{
	return (int64_t)llround(seconds * AUDIO_RATE / BLOCK) * BLOCK;
}

/* Parts whose tones last are given breath: expression (CC 11) rises and falls over each section about its intensity. */
static int swells(const struct score_part *p)
{
	int strings_brass_winds = p->bank != 128 && p->program >= 40 && p->program <= 95;
	return p->role == ROLE_PAD || (p->role == ROLE_COUNTER && strings_brass_winds);
}

static int swell_at(const struct score *s, double tick)
{
	int i = 0;
	while (i + 1 < s->n_sections && tick >= s->sections[i].end)
		i++;
	if (!s->n_sections)
		return 112;
	const struct score_section *now = &s->sections[i];
	double next = (double)(i + 1 < s->n_sections ? s->sections[i + 1].intensity : now->intensity);
	double place = (tick - now->start) / fmax(now->end - now->start, 1);
	place = fmin(fmax(place, 0), 1);
	/* Slow waves of half a section, and toward a louder section a rise in the last third. */
	double wave = 0.5 - 0.5 * cos(4 * M_PI * place);
	double rise = place > 0.67 ? (place - 0.67) / 0.33 * (next - (double)now->intensity) : 0;
	double v = 100 + 10 * wave + 16 * rise;
	return (int)lrint(fmin(fmax(v, 84), 122));
}

static int add_events(const struct score *s, const struct score_part *p, int has_kit, const struct played_note *notes, int n, struct player *pl,
                      struct madrigal_error *err)
{
	int64_t frames = to_frame(score_duration(s));
	int n_swells = swells(p) ? (int)(frames / SWELL_STEP) + 1 : 0;
	pl->events = calloc((size_t)n * 2 + (size_t)n_swells + 1, sizeof *pl->events);
	if (!pl->events)
		return err_nomem(err);
	int k = 0;
	for (int i = 0; i < n; i++) {
		int channel = 0, key = notes[i].midi;
		const struct kit_key *kk = has_kit ? find_kit_key(key) : NULL;
		if (kk) {
			channel = kk->lane;
			key = kk->to;
		} else if (has_kit) {
			channel = CHANNEL_GENERAL;
		}
		int64_t on = to_frame(notes[i].on_s), off = to_frame(notes[i].off_s);
		if (off <= on)
			off = on + BLOCK;
		pl->events[k++] = (struct event){ on, 2, channel, key, notes[i].velocity };
		pl->events[k++] = (struct event){ off, 0, channel, key, 0 };
	}
	int last = -1;
	for (int i = 0; i < n_swells; i++) {
		int64_t frame = (int64_t)i * SWELL_STEP;
		double tick = ((double)frame / AUDIO_RATE - s->lead_in_s) * s->tempo_bpm * TICKS_PER_QUARTER / 60;
		int value = swell_at(s, tick);
		if (value != last)
			pl->events[k++] = (struct event){ frame / BLOCK * BLOCK, 1, 0, 0, value };
		last = value;
	}
	pl->n_events = k;
	qsort(pl->events, (size_t)k, sizeof *pl->events, by_time);
	return 0;
}

static void send(fluid_synth_t *synth, const struct event *e)
{
	if (e->order == 0)
		fluid_synth_noteoff(synth, e->channel, e->key);
	else if (e->order == 1)
		fluid_synth_cc(synth, e->channel, 11, e->value);
	else
		fluid_synth_noteon(synth, e->channel, e->key, e->value);
}

static int render(struct player *pl, const cancel_flag *cancel, struct audio *a, struct madrigal_error *err)
{
	size_t frame = 0;
	int next = 0;
	while (frame < a->frames) {
		if (cancelled(cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		while (next < pl->n_events && pl->events[next].frame <= (int64_t)frame)
			send(pl->synth, &pl->events[next++]);
		size_t until = next < pl->n_events && pl->events[next].frame < (int64_t)a->frames ? (size_t)pl->events[next].frame : a->frames;
		/* Silence is there already, and costs no memory until it is written to. */
		if (fluid_synth_get_active_voice_count(pl->synth) == 0) {
			frame = until;
			continue;
		}
		int n = (int)(until - frame < CHUNK ? until - frame : CHUNK);
		if (fluid_synth_write_float(pl->synth, n, a->ch[0], (int)frame, 1, a->ch[1], (int)frame, 1) != FLUID_OK)
			return err_set(err, MADRIGAL_EINTERNAL, "FluidSynth failed at %.1f s", (double)frame / AUDIO_RATE);
		frame += (size_t)n;
	}
	return 0;
}

/* What still rings when the file ends is let down. */
static void fade_out(struct audio *a)
{
	size_t fade = a->frames < FADE ? a->frames : FADE;
	for (int c = 0; c < 2; c++)
		for (size_t i = 0; i < fade; i++)
			a->ch[c][a->frames - 1 - i] *= (float)i / (float)fade;
}

static int play_part(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)worker;
	const struct band *job = ctx;
	const struct score *s = job->score;
	int part = job->order[index], n = 0;
	const struct score_part *p = &s->parts[part];
	struct stem *stem = &job->stems[part];
	struct player pl = { 0 };
	struct played_note *notes = NULL;
	int rc = audio_init(&stem->audio, AUDIO_RATE, 2, (size_t)llround(score_duration(s) * AUDIO_RATE), err);
	if (rc == 0 && p->n_notes) {
		rc = band_perform(s, job->brief, part, &notes, &n, err);
		loading = job->cancel;
		if (rc == 0)
			rc = open_player(job->fonts, p, instrument_level_db(job->brief, p), &pl, err);
		loading = NULL;
		if (cancelled(job->cancel)) /* whatever else it looked like */
			rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		if (rc == 0)
			rc = add_events(s, p, kit_path(job->fonts, p) != NULL, notes, n, &pl, err);
		if (rc == 0)
			rc = render(&pl, job->cancel, &stem->audio, err);
		if (rc == 0)
			fade_out(&stem->audio);
	}
	close_player(&pl);
	free(notes);
	return rc;
}

/* Parts by the work they make, the longest first, so that threads end together. */
static void order_parts(const struct score *s, int *order)
{
	for (int i = 0; i < s->n_parts; i++) {
		int j = i;
		for (; j > 0 && s->parts[order[j - 1]].n_notes < s->parts[i].n_notes; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
}

static int check_fonts(const struct score *s, const struct soundfonts *sf, struct madrigal_error *err)
{
	for (int i = 0; i < s->n_parts; i++) {
		const char *kit = kit_path(sf, &s->parts[i]);
		int rc = kit ? check_soundfont(kit, KIT_PACKAGE, err) : 0;
		if (rc == 0 && s->parts[i].n_notes)
			rc = check_soundfont(sf->general, GENERAL_PACKAGE " (or fluid-soundfont-gm)", err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int band_new(const struct score *s, const struct brief *b, const struct soundfonts *sf, const cancel_flag *cancel, struct band **ret,
             struct madrigal_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, prepare_library);
	int rc = check_fonts(s, sf, err);
	if (rc < 0)
		return rc;
	struct band *band = calloc(1, sizeof *band);
	if (!band)
		return err_nomem(err);
	*band = (struct band){ .score = s, .brief = b, .fonts = sf, .cancel = cancel };
	band->stems = calloc((size_t)s->n_parts + 1, sizeof *band->stems);
	band->order = calloc((size_t)s->n_parts + 1, sizeof *band->order);
	if (!band->stems || !band->order) {
		band_free(band);
		return err_nomem(err);
	}
	for (int i = 0; i < s->n_parts; i++) {
		memcpy(band->stems[i].name, s->parts[i].name, sizeof band->stems[i].name);
		band->stems[i].role = s->parts[i].role;
		band->stems[i].style_part = s->parts[i].style_part;
	}
	order_parts(s, band->order);
	*ret = band;
	return 0;
}

void band_free(struct band *b)
{
	if (!b)
		return;
	stems_free(b->stems, b->score->n_parts);
	free(b->order);
	free(b);
}

int band_play_job(struct band *b, int job, struct madrigal_error *err)
{
	return play_part(b, job, 0, err);
}

struct stem *band_take_stems(struct band *b)
{
	struct stem *stems = b->stems;
	b->stems = NULL;
	return stems;
}

int band_play(const struct score *s, const struct brief *b, const struct soundfonts *sf, int threads, pool_tick *tick, void *tick_ctx,
              cancel_flag *cancel, struct stem **ret_stems, struct madrigal_error *err)
{
	cancel_flag own = 0;
	struct band *band;
	int rc = band_new(s, b, sf, cancel ? cancel : &own, &band, err);
	if (rc < 0)
		return rc;
	rc = pool_run(threads, s->n_parts, play_part, band, tick, tick_ctx, cancel ? cancel : &own, err);
	if (!rc)
		*ret_stems = band_take_stems(band);
	band_free(band);
	return rc;
}

void stems_free(struct stem *stems, int n)
{
	if (!stems)
		return;
	for (int i = 0; i < n; i++)
		audio_release(&stems[i].audio);
	free(stems);
}
