/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audio/audio.h"
#include "base/rng.h"
#include "dsp/biquad.h"
#include "dsp/loudness.h"
#include "mix/mix.h"
#include "mix/roles.h"

#define SECONDS 8
#define FRAMES ((size_t)AUDIO_RATE * SECONDS)
#define BEAT 0.5

static void near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("got %g, wanted %g within %g", got, want, within);
}

/* ------------------------------------------------------------------ a song of sines, noise and bursts */

struct song {
	struct style style;
	struct style_part parts[8];
	struct brief brief;
	struct score score;
	struct vocal_note notes[SECONDS];
	double start[SECONDS], end[SECONDS];
	struct stem stems[8];
	int n_stems;
	struct vocal_tracks vocals;
	struct mix_settings set;
};

static double envelope(double t, double decay)
{
	return t < 0 ? 0 : fmin(t / 0.003, 1) * exp(-t / decay);
}

static void play_drums(struct audio *a, double gain)
{
	struct rng r = rng_stream(1, "drums", 0);
	for (size_t i = 0; i < a->frames; i++) {
		double t = fmod((double)i / AUDIO_RATE, 2 * BEAT), n = 2 * (double)rng_unit(&r) - 1;
		double x = 0.9 * envelope(t, 0.09) * sin(2 * M_PI * 55 * t) + 0.5 * envelope(t - BEAT, 0.08) * n + 0.12 * envelope(fmod(t, BEAT / 2), 0.02) * n;
		a->ch[0][i] = a->ch[1][i] = (float)(gain * x);
	}
}

static void play_tones(struct audio *a, double gain, const double *hz, int n, double decay)
{
	for (size_t i = 0; i < a->frames; i++) {
		double t = (double)i / AUDIO_RATE, e = envelope(fmod(t, BEAT), decay), x = 0;
		for (int k = 0; k < n; k++)
			for (int h = 1; h <= 5; h++)
				x += sin(2 * M_PI * hz[k] * h * t + k) / (h * h) / n;
		a->ch[0][i] = a->ch[1][i] = (float)(gain * e * x);
	}
}

/* A vowel-like sound with formants, a syllable a second, "s" at its start. */
static void sing(struct audio *a, double hz, uint64_t seed)
{
	struct rng r = rng_stream(seed, "voice", 0);
	struct eq formants = eq_init();
	eq_add(&formants, biquad_peak(AUDIO_RATE, 650, 4, 12));
	eq_add(&formants, biquad_peak(AUDIO_RATE, 1200, 5, 10));
	eq_add(&formants, biquad_peak(AUDIO_RATE, 2700, 5, 10));
	eq_add(&formants, biquad_lowpass(AUDIO_RATE, 11000, 0.7));
	for (size_t i = 0; i < a->frames; i++) {
		double t = (double)i / AUDIO_RATE, in = fmod(t, 1), x = 0;
		double loud = 0.5 + 0.5 * (fmod(t, 4) > 2); /* every other pair louder by 6 dB */
		if (in > 0.1 && in < 0.85)
			for (int h = 1; h <= 16; h++)
				x += sin(2 * M_PI * hz * h * t) / h;
		else if (in < 0.1)
			x = (2 * (double)rng_unit(&r) - 1) * 0.8;
		a->ch[0][i] = (float)(0.05 * loud * x);
	}
	eq_process(&formants, a->ch[0], NULL, a->frames);
}

static void add_part(struct song *g, const char *name, enum part_role role)
{
	int i = g->n_stems++;
	struct stem *s = &g->stems[i];
	snprintf(s->name, sizeof s->name, "%s", name);
	s->role = role;
	s->style_part = i;
	g->parts[i].mix = (struct style_strip){ .width = 1, .reverb_db = -60, .delay_db = -60 };
	assert_int_equal(audio_init(&s->audio, AUDIO_RATE, 2, FRAMES, NULL), 0);
}

static char ring[] = "ring", eighth[] = "1/8d";

static struct song *song_new(int sung)
{
	struct song *g = calloc(1, sizeof *g);
	assert_non_null(g);
	g->style.parts = g->parts;
	g->style.n_parts = 8;
	g->style.form.ending = ring;
	g->style.singer.double_db = -12;
	g->style.singer.harmony_db = -14;
	g->style.mix = (struct style_mix){ .vocal_db = 0, .vocal_reverb_db = -15, .vocal_reverb_s = 1.4, .vocal_predelay_ms = 30, .vocal_delay_db = -20,
		                           .vocal_delay_note = eighth, .room_s = 0.8, .duck_db = 1.5, .bus_drive = 0.15f, .bus_glue_db = 1.5 };
	g->brief.style = &g->style;
	g->score = (struct score){ .tempo_bpm = 120, .meter_num = 4, .meter_den = 4, .seed = 3, .bars = SECONDS / 2, .vocal = g->notes, .n_vocal = sung ? SECONDS : 0 };
	g->set = (struct mix_settings){ .loudness_lufs = -14, .ceiling_dbtp = -1, .threads = 2 };
	const double chord[] = { 220, 277.2, 329.6 }, high[] = { 440, 554.4, 659.3 }, low[] = { 55 };
	/* Levels as far apart as SoundFonts are. */
	add_part(g, "drums", ROLE_DRUMS), play_drums(&g->stems[0].audio, 0.9);
	add_part(g, "bass", ROLE_BASS), play_tones(&g->stems[1].audio, 0.02, low, 1, 0.4);
	add_part(g, "guitar", ROLE_COMP), play_tones(&g->stems[2].audio, 0.4, chord, 3, 0.3);
	add_part(g, "strings", ROLE_PAD), play_tones(&g->stems[3].audio, 0.1, high, 3, 5);
	if (sung) {
		assert_int_equal(audio_init(&g->vocals.lead, AUDIO_RATE, 1, FRAMES, NULL), 0);
		sing(&g->vocals.lead, 196, 1);
		g->vocals.lead_times.start = g->start;
		g->vocals.lead_times.end = g->end;
		for (int i = 0; i < SECONDS; i++) {
			g->notes[i].line = i / 4;
			g->start[i] = i + 0.1;
			g->end[i] = i + 0.85;
		}
	}
	return g;
}

static void song_free(struct song *g)
{
	for (int i = 0; i < g->n_stems; i++)
		audio_release(&g->stems[i].audio);
	audio_release(&g->vocals.lead);
	audio_release(&g->vocals.double_left);
	audio_release(&g->vocals.double_right);
	audio_release(&g->vocals.backing);
	free(g);
}

static struct mixdown mixed(struct song *g)
{
	struct mixdown m = { 0 };
	struct madrigal_error err = { 0 };
	if (mix_song(&g->score, &g->brief, g->stems, g->n_stems, &g->vocals, &g->set, NULL, NULL, NULL, &m, &err))
		fail_msg("%s", err.message);
	return m;
}

/* A stem by name; an empty one if there is none. */
static const struct audio *stem_of(const struct mixdown *m, const char *name)
{
	static const struct audio none;
	for (int i = 0; i < m->n_stems; i++)
		if (!strcmp(m->stems[i].name, name))
			return &m->stems[i].audio;
	return &none;
}

static double lufs_of(const struct audio *a)
{
	double lufs;
	assert_int_equal(audio_loudness(a, &lufs, NULL, NULL), 0);
	return lufs;
}

static void sum_stems(const struct mixdown *m, struct audio *ret)
{
	assert_int_equal(audio_init(ret, AUDIO_RATE, 2, m->master.frames, NULL), 0);
	for (int k = 0; k < m->n_stems; k++)
		for (int c = 0; c < 2; c++)
			for (size_t i = 0; i < ret->frames; i++)
				ret->ch[c][i] += m->stems[k].audio.ch[c][i];
}

static void all_finite(const struct audio *a)
{
	double mean = 0;
	for (int c = 0; c < a->channels; c++)
		for (size_t i = 0; i < a->frames; i++) {
			assert_true(isfinite(a->ch[c][i]));
			mean += (double)a->ch[c][i];
		}
	near(a->frames ? mean / (double)a->frames : 0, 0, 1e-3); /* no offset */
}

/* ------------------------------------------------------------------ tests */

static void test_song(void **state)
{
	(void)state;
	struct song *g = song_new(1);
	struct mixdown m = mixed(g);
	near(m.lufs, -14, 0.15);
	near(lufs_of(&m.master), m.lufs, 0.01);
	assert_true(m.true_peak_dbtp <= -1);
	assert_int_equal(m.master.frames, FRAMES);
	const char *names[] = { "drums", "bass", "guitar", "strings", "vocals", "vocal-effects", "effects" };
	assert_int_equal(m.n_stems, 7);
	for (int i = 0; i < 7; i++) {
		const struct audio *a = stem_of(&m, names[i]);
		assert_int_equal(a->frames, FRAMES);
		assert_int_equal(a->channels, 2);
		all_finite(a);
		for (size_t k = 0; k < a->frames; k++) /* fits its file */
			assert_true(fabsf(a->ch[0][k]) < 1 && fabsf(a->ch[1][k]) < 1);
	}
	all_finite(&m.master);
	assert_true(fabsf(m.master.ch[0][0]) < 0.01f && fabsf(m.master.ch[0][FRAMES - 1]) < 0.01f);
	/* What the stems add up to is the master but for its colour and its ceiling: of its loudness, in time with it, and much like it. */
	struct audio sum;
	sum_stems(&m, &sum);
	near(lufs_of(&sum), -14, 1.5);
	double both = 0, ours = 0, theirs = 0;
	for (size_t i = 0; i < FRAMES; i++) {
		both += (double)sum.ch[0][i] * (double)m.master.ch[0][i];
		ours += (double)sum.ch[0][i] * (double)sum.ch[0][i];
		theirs += (double)m.master.ch[0][i] * (double)m.master.ch[0][i];
	}
	assert_true(both / sqrt(ours * theirs) > 0.96);
	audio_release(&sum);
	mixdown_release(&m);
	song_free(g);
}

/* The master is made of the stems and of nothing else: made again from them it is the same, sample by sample. */
static void test_stems_are_the_bus(void **state)
{
	(void)state;
	struct song *g = song_new(1);
	struct mixdown m = mixed(g);
	float *before = malloc(FRAMES * sizeof *before);
	memcpy(before, m.master.ch[0], FRAMES * sizeof *before);
	memset(m.master.ch[0], 0, FRAMES * sizeof *before);
	assert_int_equal(mix_remaster(&g->brief, &g->set, &m, NULL), 0);
	for (size_t i = 0; i < FRAMES; i++)
		near((double)m.master.ch[0][i], (double)before[i], 1e-5);
	free(before);
	mixdown_release(&m);
	song_free(g);
}

static double vocal_minus_rest(const struct mixdown *m)
{
	struct audio rest;
	const struct audio *v = stem_of(m, "vocals");
	assert_int_equal(audio_init(&rest, AUDIO_RATE, 2, m->master.frames, NULL), 0);
	for (int c = 0; c < 2; c++)
		for (size_t i = 0; i < rest.frames; i++)
			rest.ch[c][i] = m->master.ch[c][i] - v->ch[c][i];
	double lu = lufs_of(v) - lufs_of(&rest);
	audio_release(&rest);
	return lu;
}

static void test_balance(void **state)
{
	(void)state;
	double at[2];
	for (int k = 0; k < 2; k++) {
		struct song *g = song_new(1);
		g->style.mix.vocal_db = k ? -2 : 1;
		for (size_t i = 0; i < FRAMES; i++) /* however loud the voice comes in */
			g->vocals.lead.ch[0][i] *= k ? 0.05f : 2;
		struct mixdown m = mixed(g);
		at[k] = vocal_minus_rest(&m);
		/* Every part at its place, whatever it came with. */
		double drums = lufs_of(stem_of(&m, "drums")), bass = lufs_of(stem_of(&m, "bass")), pad = lufs_of(stem_of(&m, "strings"));
		near(bass - drums, -2, 4);
		near(pad - drums, -8, 4);
		mixdown_release(&m);
		song_free(g);
	}
	near(at[0], 2, 1.5);
	near(at[0] - at[1], 3, 0.7);
}

/* The lead's level from syllable to syllable is steadier than it came: 6 dB apart before. */
static void test_vocal_steady(void **state)
{
	(void)state;
	struct song *g = song_new(1);
	struct mixdown m = mixed(g);
	const struct audio *v = stem_of(&m, "vocals");
	float e[SECONDS * 10];
	loudness_energies(AUDIO_RATE, v->ch[0], v->ch[1], v->frames, e);
	double least = 100, most = -100;
	for (int s = 1; s < SECONDS - 1; s++) {
		double sum = 0;
		for (int k = 2; k < 8; k++)
			sum += (double)e[s * 10 + k] / 6;
		least = fmin(least, loudness_of_energy(sum));
		most = fmax(most, loudness_of_energy(sum));
	}
	assert_true(most - least < 3);
	assert_memory_equal(v->ch[0], v->ch[1], FRAMES * sizeof(float));
	mixdown_release(&m);
	song_free(g);
}

/* Power between hz and two octaves higher from second a until b. */
static double power_of(const struct audio *a, double hz, double from, double until)
{
	struct eq band = eq_init();
	double sum = 0;
	float *x = malloc(a->frames * sizeof *x);
	assert_non_null(x);
	memcpy(x, a->ch[0], a->frames * sizeof *x);
	for (int k = 0; k < 2; k++) {
		eq_add(&band, biquad_highpass(AUDIO_RATE, hz, 0.7));
		eq_add(&band, biquad_lowpass(AUDIO_RATE, 4 * hz, 0.7));
	}
	eq_process(&band, x, NULL, a->frames);
	for (size_t i = (size_t)(from * AUDIO_RATE); i < (size_t)(until * AUDIO_RATE); i++)
		sum += (double)(x[i] * x[i]);
	free(x);
	return sum;
}

/* How far the band gives way where words are while somebody sings, dB: 1.4 to 5.6 kHz against 50 to 200 Hz, the singer's seconds against the others. */
static double dip_db(const struct audio *a)
{
	double high = power_of(a, 1400, 1, 3) / power_of(a, 1400, 5, 7), low = power_of(a, 50, 1, 3) / power_of(a, 50, 5, 7);
	return 10 * log10(high / low);
}

static void test_band_gives_way(void **state)
{
	(void)state;
	for (int k = 0; k < 2; k++) {
		struct song *g = song_new(1);
		g->style.mix.duck_db = k ? 8 : 0;
		memset(g->vocals.lead.ch[0] + FRAMES / 2, 0, FRAMES / 2 * sizeof(float));
		g->score.n_vocal = SECONDS / 2;
		struct mixdown m = mixed(g);
		/* The guitar's highest harmonics lie where the dip is half as deep; drums give way by 0.6 of it. */
		near(dip_db(stem_of(&m, "guitar")), k ? -3.8 : 0, 1);
		near(dip_db(stem_of(&m, "drums")), k ? -3.9 : 0, 1);
		mixdown_release(&m);
		song_free(g);
	}
}

static void test_threads_same_bits(void **state)
{
	(void)state;
	struct mixdown m[2];
	struct song *g[2];
	for (int k = 0; k < 2; k++) {
		g[k] = song_new(1);
		g[k]->set.threads = k ? 5 : 1;
		m[k] = mixed(g[k]);
	}
	for (int c = 0; c < 2; c++)
		assert_memory_equal(m[0].master.ch[c], m[1].master.ch[c], FRAMES * sizeof(float));
	for (int i = 0; i < m[0].n_stems; i++)
		assert_memory_equal(m[0].stems[i].audio.ch[1], m[1].stems[i].audio.ch[1], FRAMES * sizeof(float));
	for (int k = 0; k < 2; k++) {
		mixdown_release(&m[k]);
		song_free(g[k]);
	}
}

static void test_all_voices(void **state)
{
	(void)state;
	struct song *g = song_new(1);
	struct audio *tracks[] = { &g->vocals.double_left, &g->vocals.double_right, &g->vocals.backing, &g->vocals.harmony[0] };
	for (int k = 0; k < 4; k++) {
		assert_int_equal(audio_init(tracks[k], AUDIO_RATE, 1, FRAMES - 1000, NULL), 0); /* a little short */
		sing(tracks[k], k < 2 ? 196.5 + k : k < 3 ? 294 : 247, (uint64_t)k + 2);
	}
	struct mixdown m = mixed(g);
	const struct audio *lead = stem_of(&m, "vocals"), *doubles = stem_of(&m, "double-vocals"), *backing = stem_of(&m, "backing-vocals");
	near(lufs_of(doubles) - lufs_of(lead), -12, 1.5);
	near(lufs_of(backing) - lufs_of(lead), (double)role_presets[STRIP_BACKING].level_lu, 1.5);
	const struct audio *harmony = stem_of(&m, "harmony-vocals"), *wide[] = { doubles, backing, harmony };
	near(lufs_of(harmony) - lufs_of(lead), -14, 1.5);
	for (int k = 0; k < 3; k++) { /* wide: the sides are at most 8 dB below the middle */
		double mid = 0, side = 0;
		for (size_t i = 0; i < FRAMES; i++) {
			mid += pow((double)wide[k]->ch[0][i] + (double)wide[k]->ch[1][i], 2);
			side += pow((double)wide[k]->ch[0][i] - (double)wide[k]->ch[1][i], 2);
		}
		assert_true(side > 0.16 * mid);
	}
	mixdown_release(&m);
	song_free(g);
}

static void test_instrumental(void **state)
{
	(void)state;
	struct song *g = song_new(0);
	struct mixdown m = mixed(g);
	assert_int_equal(stem_of(&m, "vocals")->frames, 0);
	assert_int_equal(stem_of(&m, "vocal-effects")->frames, 0);
	near(m.lufs, -14, 0.15);
	mixdown_release(&m);
	struct mixdown none = { 0 };
	struct song *h = song_new(0);
	assert_int_equal(mix_song(&h->score, &h->brief, h->stems, h->n_stems, NULL, &h->set, NULL, NULL, NULL, &none, NULL), 0);
	mixdown_release(&none);
	song_free(g);
	song_free(h);
}

/* The flow of the engine: MP3's decoder overshoots, the ceiling is lowered by as much, and then it holds. */
static void test_mp3_ceiling(void **state)
{
	(void)state;
	struct song *g = song_new(1);
	struct mixdown m = mixed(g);
	struct encode_settings s = { .format = MADRIGAL_MP3, .bitrate = 128000 };
	double peak = 0, lufs = 0;
	for (int k = 0; k < 4; k++) {
		void *data;
		size_t len;
		struct audio heard;
		assert_int_equal(audio_encode(&m.master, &s, NULL, &data, &len, NULL), 0);
		assert_int_equal(audio_decode_mp3(data, len, &heard, NULL), 0);
		assert_int_equal(audio_loudness(&heard, &lufs, &peak, NULL), 0);
		free(data);
		audio_release(&heard);
		if (peak <= -1)
			break;
		g->set.ceiling_dbtp -= peak + 1 + 0.1;
		assert_int_equal(mix_remaster(&g->brief, &g->set, &m, NULL), 0);
	}
	assert_true(peak <= -1);
	near(m.lufs, -14, 0.2);
	near(lufs, -14, 1); /* at this bitrate the coder cuts what is above 16 kHz, and the bursts of noise have much of it */
	mixdown_release(&m);
	song_free(g);
}

static void test_odd_input(void **state)
{
	(void)state;
	/* Silence, a single sample, far too loud, mono, parts of unequal length: a song of the longest's length each time, finite. */
	for (int kind = 0; kind < 4; kind++) {
		struct song *g = song_new(kind >= 2);
		for (int i = 0; i < g->n_stems; i++)
			for (int c = 0; c < 2; c++)
				for (size_t k = 0; k < FRAMES; k++)
					g->stems[i].audio.ch[c][k] *= kind == 0 ? 0 : kind == 2 ? 300 : 1;
		if (kind == 1)
			for (int i = 0; i < g->n_stems; i++)
				g->stems[i].audio.frames = 1;
		if (kind == 3) {
			free(g->stems[1].audio.ch[1]);
			g->stems[1].audio.ch[1] = NULL;
			g->stems[1].audio.channels = 1;
			g->stems[2].audio.frames = 70;
		}
		struct mixdown m = mixed(g);
		assert_int_equal(m.master.frames, kind == 1 ? 1 : FRAMES);
		for (int c = 0; c < 2; c++)
			for (size_t i = 0; i < m.master.frames; i++)
				assert_true(isfinite(m.master.ch[c][i]));
		assert_true(m.true_peak_dbtp <= -1);
		if (kind == 0)
			near(m.lufs, -70, 0);
		mixdown_release(&m);
		song_free(g);
	}
	struct song *g = song_new(0);
	struct mixdown m = { 0 };
	assert_int_equal(mix_song(&g->score, &g->brief, NULL, 0, NULL, &g->set, NULL, NULL, NULL, &m, NULL), 0);
	assert_int_equal(m.master.frames, FRAMES); /* a song of silence, as long as its score */
	mixdown_release(&m);
	song_free(g);
}

static int stop_later(void *ctx, int finished, int n)
{
	int *last = ctx;
	assert_true(finished >= *last && finished <= n);
	*last = finished;
	return finished >= n / 2;
}

static void test_cancel(void **state)
{
	(void)state;
	struct song *g = song_new(1);
	struct mixdown m = { .lufs = 5 };
	cancel_flag stop = 0;
	int last = 0;
	assert_int_equal(mix_song(&g->score, &g->brief, g->stems, g->n_stems, &g->vocals, &g->set, stop_later, &last, &stop, &m, NULL), MADRIGAL_ECANCELLED);
	near(m.lufs, 5, 0);
	assert_null(m.stems);
	song_free(g);
}

static void test_fade(void **state)
{
	(void)state;
	static char fade[] = "fade";
	struct song *g = song_new(1);
	g->style.form.ending = fade;
	struct mixdown m = mixed(g);
	/* From the last note on it sinks steadily, in every stem, and nothing before it has changed. */
	float peak[4] = { 0 };
	for (size_t i = 0; i < FRAMES; i++) {
		size_t tenths = (FRAMES - i) / (AUDIO_RATE / 10);
		int k = tenths >= 60 ? 0 : tenths >= 30 ? 1 : tenths >= 10 ? 2 : 3;
		peak[k] = fmaxf(peak[k], fabsf(m.master.ch[0][i]));
	}
	for (int k = 1; k < 4; k++)
		assert_true(peak[k] < peak[k - 1]);
	assert_true(peak[3] < 0.1f * peak[0]);
	for (int k = 0; k < m.n_stems; k++)
		assert_true(fabsf(m.stems[k].audio.ch[0][FRAMES - 100]) < 0.001f);
	mixdown_release(&m);
	song_free(g);
}

/* ------------------------------------------------------------------ in parts */

static struct audio copy_of(const struct audio *a)
{
	struct audio b;
	assert_int_equal(audio_init(&b, a->rate, a->channels, a->frames, NULL), 0);
	for (int c = 0; c < a->channels; c++)
		memcpy(b.ch[c], a->ch[c], a->frames * sizeof(float));
	return b;
}

/* Streams the song; its voice is laid only as far as each part asks for. *ret_master: all parts. */
static struct mixdown streamed(struct song *g, struct audio *ret_master)
{
	struct mix_stream *ms;
	struct mixdown m;
	struct madrigal_error err = { 0 };
	struct audio voice = copy_of(&g->vocals.lead);
	struct vocal_tracks stand_ins = { .lead = copy_of(&g->vocals.lead) }, times;
	memset(g->vocals.lead.ch[0], 0, g->vocals.lead.frames * sizeof(float));
	struct vocal_tracks tracks = { .lead = g->vocals.lead, .lead_times = { .start = malloc(sizeof g->start), .end = malloc(sizeof g->end) } };
	memcpy(tracks.lead_times.start, g->start, sizeof g->start);
	memcpy(tracks.lead_times.end, g->end, sizeof g->end);
	g->vocals.lead = (struct audio){ 0 };
	cancel_flag stop = 0;
	if (mix_stream_new(&g->score, &g->brief, g->stems, g->n_stems, &tracks, &g->set, &stop, &ms, &err) || mix_stream_rehearse(ms, &stand_ins, &err))
		fail_msg("%s", err.message);
	assert_int_equal(audio_init(ret_master, AUDIO_RATE, 2, mix_stream_frames(ms), NULL), 0);
	size_t laid = 0, made = 0;
	int parts = 0;
	for (const struct audio *part;; parts++) {
		size_t wanted = mix_stream_wants(ms);
		memcpy(mix_stream_tracks(ms)->lead.ch[0] + laid, voice.ch[0] + laid, (wanted - laid) * sizeof(float));
		laid = wanted;
		if (mix_stream_next(ms, &part, &err))
			fail_msg("%s", err.message);
		if (!part->frames)
			break;
		assert_true(made + part->frames <= ret_master->frames);
		for (int c = 0; c < 2; c++)
			memcpy(ret_master->ch[c] + made, part->ch[c], part->frames * sizeof(float));
		made += part->frames;
	}
	assert_int_equal(made, ret_master->frames);
	assert_true(parts > 1);
	mix_stream_stems(ms, &m, &times);
	assert_memory_equal(times.lead_times.start, g->start, sizeof g->start);
	mix_stream_free(ms);
	vocal_tracks_release(&times);
	audio_release(&voice);
	return m;
}

/* A short song is rehearsed whole: then every stem is what mix_song makes of it, but for the level. */
static void test_parts_are_the_whole(void **state)
{
	(void)state;
	struct song *g[2] = { song_new(1), song_new(1) };
	struct audio master, sum;
	struct mixdown whole = mixed(g[0]), parts = streamed(g[1], &master);
	assert_int_equal(whole.n_stems, parts.n_stems);
	double lufs, peak;
	assert_int_equal(audio_loudness(&master, &lufs, &peak, NULL), 0);
	near(lufs, -14, 0.5);
	assert_true(peak <= -0.95);
	all_finite(&master);
	for (int i = 0; i < whole.n_stems; i++) {
		const struct audio *a = &whole.stems[i].audio, *b = &parts.stems[i].audio;
		double ab = 0, aa = 0, bb = 0;
		assert_string_equal(whole.stems[i].name, parts.stems[i].name);
		for (size_t k = 0; k < a->frames; k++) {
			ab += (double)a->ch[0][k] * (double)b->ch[0][k];
			aa += (double)a->ch[0][k] * (double)a->ch[0][k];
			bb += (double)b->ch[0][k] * (double)b->ch[0][k];
		}
		if (!(ab / sqrt(aa * bb) > 0.999))
			fail_msg("%s: %g", parts.stems[i].name, ab / sqrt(aa * bb));
	}
	parts.master = master;
	sum_stems(&parts, &sum);
	near(lufs_of(&sum), lufs, 1.5);
	audio_release(&sum);
	for (int k = 0; k < 2; k++)
		song_free(g[k]);
	mixdown_release(&whole);
	mixdown_release(&parts);
}

static void test_parts_same_bits(void **state)
{
	(void)state;
	struct audio master[2];
	struct mixdown m[2];
	for (int k = 0; k < 2; k++) {
		struct song *g = song_new(1);
		g->set.threads = 1 + 2 * k;
		m[k] = streamed(g, &master[k]);
		song_free(g);
	}
	for (int c = 0; c < 2; c++)
		assert_memory_equal(master[0].ch[c], master[1].ch[c], master[0].frames * sizeof(float));
	for (int k = 0; k < 2; k++) {
		audio_release(&master[k]);
		mixdown_release(&m[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_song), cmocka_unit_test(test_stems_are_the_bus), cmocka_unit_test(test_balance), cmocka_unit_test(test_vocal_steady),
		cmocka_unit_test(test_band_gives_way),
		cmocka_unit_test(test_threads_same_bits), cmocka_unit_test(test_all_voices), cmocka_unit_test(test_instrumental),
		cmocka_unit_test(test_mp3_ceiling), cmocka_unit_test(test_odd_input), cmocka_unit_test(test_cancel), cmocka_unit_test(test_fade),
		cmocka_unit_test(test_parts_are_the_whole), cmocka_unit_test(test_parts_same_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
