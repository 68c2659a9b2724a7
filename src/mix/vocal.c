/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/denormal.h"
#include "dsp/dynamics.h"
#include "dsp/dyneq.h"
#include "dsp/exciter.h"
#include "dsp/limiter.h"
#include "dsp/loudness.h"
#include "dsp/stereo.h"
#include "mix/desk.h"

#define WORK_DB (-20.0)
#define RIDE_MAX_DB 5.0
#define RIDE_SHARE 0.7     /* of the way to an even level: the rest is expression */
#define PEAK_OVER_DB 12.0  /* the lead's highest peaks over its level: louder ones would cost the whole song loudness */
#define GATE_DB 14.0       /* below the mean by this: breath and silence, not ridden */

static const struct style_strip neutral = { .width = 1 };

static void scale(float *x, size_t n, double gain)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float)((double)x[i] * gain);
}

/* A hand on the fader: the mean level of about a second goes most of the way to the song's. */
static int ride(struct desk *d, float *x, struct madrigal_error *err)
{
	size_t blocks = d->blocks;
	float *energy = malloc((2 * blocks + 1) * sizeof *energy), *gain = energy ? energy + blocks : NULL;
	if (!energy)
		return err_nomem(err);
	loudness_energies(AUDIO_RATE, x, NULL, d->frames, energy);
	double mean = loudness_integrated(energy, blocks, NULL), now = 0;
	for (size_t b = 0; b < blocks; b++) {
		double sum = 0, weight = 0;
		for (size_t k = b > 4 ? b - 4 : 0; k < blocks && k <= b + 4; k++) {
			double level = loudness_of_energy((double)energy[k]);
			if (level > mean - GATE_DB) {
				sum += (double)energy[k];
				weight++;
			}
		}
		double want = weight > 0 ? RIDE_SHARE * (mean - loudness_of_energy(sum / weight)) : now;
		now += 0.5 * (fmin(fmax(want, -RIDE_MAX_DB), RIDE_MAX_DB) - now);
		gain[b] = (float)pow(10, now / 20);
	}
	size_t tenth = AUDIO_RATE / 10;
	for (size_t i = 0; i < d->frames; i++) {
		size_t b = i / tenth, next = b + 1 < blocks ? b + 1 : b;
		float part = (float)(i % tenth) / (float)tenth;
		x[i] *= gain[b] + part * (gain[next] - gain[b]);
	}
	free(energy);
	return 0;
}

struct voice_chain {
	const struct role_preset *preset;
	double deess_threshold_db, deess_max_db;
	double harmonics_db, noise_db; /* of the exciter; both -60 and less: none */
};

/* Level, equaliser, rider, de-esser, two compressors (a fast one for peaks, a slow one for the line), air. x: mono, in place. */
static int chain_run(struct desk *d, const struct voice_chain *v, float *x, const char *stream, struct madrigal_error *err)
{
	size_t n = d->frames;
	double level = desk_level_db(x, NULL, n);
	if (level <= -100)
		return 0;
	scale(x, n, pow(10, (WORK_DB - level) / 20));
	struct eq eq = strip_eq(v->preset, &neutral);
	eq_process(&eq, x, NULL, n);
	if (cancelled(d->cancel))
		return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	int rc = ride(d, x, err);
	if (rc < 0)
		return rc;
	struct deesser_config deess = { .hz = 5800, .threshold_db = v->deess_threshold_db, .ratio = 4, .max_db = v->deess_max_db };
	deesser_run(AUDIO_RATE, &deess, x, n);
	if (cancelled(d->cancel))
		return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	struct compressor_config fast = { .threshold_db = WORK_DB + 8, .ratio = 3, .knee_db = 6, .attack_ms = 3, .release_ms = 70, .makeup_db = 0 };
	struct compressor_config slow = { .threshold_db = WORK_DB + (double)v->preset->threshold_db, .ratio = (double)v->preset->ratio, .knee_db = 8,
		                          .attack_ms = (double)v->preset->attack_ms, .release_ms = (double)v->preset->release_ms, .rms = 1 };
	struct compressor peaks = compressor_init(AUDIO_RATE, &fast), line = compressor_init(AUDIO_RATE, &slow);
	struct exciter_config air = { v->harmonics_db, v->noise_db };
	struct exciter exciter = exciter_init(AUDIO_RATE, &air, rng_stream(d->score->seed, stream, 0).state);
	for (size_t at = 0; at < n; at += DESK_BLOCK) {
		size_t len = n - at < DESK_BLOCK ? n - at : DESK_BLOCK;
		compressor_process(&peaks, x + at, NULL, NULL, NULL, len);
		compressor_process(&line, x + at, NULL, NULL, NULL, len);
		if (v->noise_db > -60)
			exciter_process(&exciter, x + at, len);
	}
	return 0;
}

/* A track as long as the song; its buffer moves over. */
static int take(struct desk *d, struct audio *track, struct audio *ret, struct madrigal_error *err)
{
	if (track->channels != 1)
		return err_set(err, MADRIGAL_EINTERNAL, "a vocal track with %d channels", track->channels);
	if (track->frames != d->frames) {
		float *x = realloc(track->ch[0], (d->frames + 1) * sizeof *x);
		if (!x)
			return err_nomem(err);
		if (d->frames > track->frames)
			memset(x + track->frames, 0, (d->frames - track->frames) * sizeof *x);
		track->ch[0] = x;
		track->frames = d->frames;
	}
	*ret = *track;
	*track = (struct audio){ 0 };
	return 0;
}

int vocal_lead_run(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	static const struct voice_chain chain = { &role_presets[STRIP_VOCALS], -33, 8, -8, -11 };
	unsigned denormals = denormals_off();
	int rc = chain_run(d, &chain, c->stem->audio.ch[0], "air", err);
	if (!rc)
		rc = desk_fit(&c->stem->audio, d->frames, err);
	if (!rc) {
		limiter_run(AUDIO_RATE, WORK_DB + PEAK_OVER_DB, c->stem->audio.ch[0], c->stem->audio.ch[1], d->frames);
		desk_measure(d, c);
	}
	denormals_restore(denormals);
	return rc;
}

/* A voice on either side, `pan` of the way out. */
static int sides_run(struct desk *d, struct channel *c, const struct voice_chain *chain, double pan, const char *stream, struct madrigal_error *err)
{
	struct audio *a = &c->stem->audio;
	unsigned denormals = denormals_off();
	int rc = 0;
	for (int k = 0; k < 2 && !rc; k++)
		rc = chain_run(d, chain, a->ch[k], stream, err);
	double near, far;
	pan_gains(-pan, &near, &far);
	for (size_t i = 0; i < d->frames && !rc; i++) {
		double l = (double)a->ch[0][i], r = (double)a->ch[1][i];
		a->ch[0][i] = (float)(l * near + r * far);
		a->ch[1][i] = (float)(l * far + r * near);
	}
	if (!rc)
		desk_measure(d, c);
	denormals_restore(denormals);
	return rc;
}

int vocal_doubles_run(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	static const struct voice_chain chain = { &role_presets[STRIP_DOUBLES], -38, 12, -60, -60 };
	return sides_run(d, c, &chain, 0.75, "doubles", err);
}

int vocal_harmony_run(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	static const struct voice_chain chain = { &role_presets[STRIP_HARMONY], -38, 12, -60, -60 };
	return sides_run(d, c, &chain, 0.6, "harmonies", err);
}

/* One voice to many: two copies, some milliseconds late and drifting in pitch against each other. */
static int spread(const struct desk *d, struct audio *a, struct madrigal_error *err)
{
	float *out[2] = { malloc((d->frames + 1) * sizeof **out), malloc((d->frames + 1) * sizeof **out) };
	if (!out[0] || !out[1]) {
		free(out[0]);
		free(out[1]);
		return err_nomem(err);
	}
	static const double late_ms[2] = { 9, 16 }, hz[2] = { 0.61, 0.47 };
	const float *x = a->ch[0];
	for (int c = 0; c < 2; c++)
		for (size_t i = 0; i < d->frames; i++) {
			double back = (late_ms[c] + 0.9 * sin(2 * M_PI * hz[c] * (double)i / AUDIO_RATE)) * AUDIO_RATE / 1000;
			double at = (double)i - back;
			size_t k = at > 0 ? (size_t)at : 0;
			float part = at > 0 ? (float)(at - (double)k) : 0, before = at > 0 ? x[k] : 0, after = at > 0 ? x[k + 1] : 0;
			out[c][i] = 0.35f * x[i] + before + part * (after - before);
		}
	free(a->ch[0]);
	a->ch[0] = out[0];
	a->ch[1] = out[1];
	a->channels = 2;
	return 0;
}

int vocal_backing_run(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	static const struct voice_chain chain = { &role_presets[STRIP_BACKING], -38, 12, -12, -14 };
	unsigned denormals = denormals_off();
	int rc = chain_run(d, &chain, c->stem->audio.ch[0], "backing", err);
	if (!rc)
		rc = spread(d, &c->stem->audio, err);
	if (!rc)
		desk_measure(d, c);
	denormals_restore(denormals);
	return rc;
}

/* Two mono tracks, either of which may be empty, as one in stereo. */
static int take_sides(struct desk *d, struct audio *left, struct audio *right, struct audio *ret, struct madrigal_error *err)
{
	struct audio other = { 0 };
	int rc = left->frames ? take(d, left, ret, err) : audio_init(ret, AUDIO_RATE, 1, d->frames, err);
	if (!rc)
		rc = right->frames ? take(d, right, &other, err) : audio_init(&other, AUDIO_RATE, 1, d->frames, err);
	if (rc < 0)
		return rc;
	ret->ch[1] = other.ch[0];
	ret->channels = 2;
	return 0;
}

int vocal_take(struct desk *d, struct vocal_tracks *t, struct madrigal_error *err)
{
	int rc = d->lead >= 0 ? take(d, &t->lead, &d->stems[d->lead].audio, err) : 0;
	if (!rc && d->backing >= 0)
		rc = take(d, &t->backing, &d->stems[d->backing].audio, err);
	if (!rc && d->doubles >= 0)
		rc = take_sides(d, &t->double_left, &t->double_right, &d->stems[d->doubles].audio, err);
	if (!rc && d->harmony >= 0)
		rc = take_sides(d, &t->harmony[0], &t->harmony[1], &d->stems[d->harmony].audio, err);
	return rc;
}
