/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/denormal.h"
#include "dsp/loudness.h"
#include "dsp/stereo.h"
#include "mix/desk.h"

#define VOICE_BRIGHT_HZ 2500
#define VOICE_BRIGHT_MOST_DB 4.0 /* towards a reference's voice, and no further */
#define RIDE_MAX_DB 5.0
#define RIDE_SHARE 0.7     /* of the way to an even level: the rest is expression */
#define GATE_DB 14.0       /* below the mean by this: breath and silence, not ridden */

static const struct style_strip neutral = { .width = 1 };

static void scale(float *x, size_t n, double gain)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float)((double)x[i] * gain);
}

/* A hand on the fader: the mean level of about a second goes most of the way to the song's. Sets the next tenths' gains, up to `until`. */
static void ride_gains(const struct desk *d, struct voice_run *r, size_t until)
{
	size_t blocks = d->blocks;
	for (size_t b = r->ridden; b < until; b++) {
		double sum = 0, weight = 0;
		for (size_t k = b > 4 ? b - 4 : 0; k < blocks && k <= b + 4; k++) {
			double level = loudness_of_energy((double)r->energy[k]);
			if (level > r->mean - GATE_DB) {
				sum += (double)r->energy[k];
				weight++;
			}
		}
		double want = weight > 0 ? RIDE_SHARE * (r->mean - loudness_of_energy(sum / weight)) : r->ride_db;
		r->ride_db += 0.5 * (fmin(fmax(want, -RIDE_MAX_DB), RIDE_MAX_DB) - r->ride_db);
		r->gain[b] = (float)pow(10, r->ride_db / 20);
	}
	if (r->ridden < until)
		r->ridden = until;
}

static void ride(const struct desk *d, struct voice_run *r, float *x, size_t from, size_t until)
{
	size_t blocks = d->blocks, last = (until - 1) / DESK_TENTH + 2;
	ride_gains(d, r, last < blocks ? last : blocks);
	for (size_t i = from; i < until; i++) {
		size_t b = i / DESK_TENTH, next = b + 1 < blocks ? b + 1 : b;
		float part = (float)(i % DESK_TENTH) / (float)DESK_TENTH;
		x[i] *= r->gain[b] + part * (r->gain[next] - r->gain[b]);
	}
}

const struct voice_chain voice_chains[VOICE_CHAINS] = {
	[CHAIN_LEAD] = { &role_presets[STRIP_VOCALS], "air", -33, 8, -8, -11 },
	[CHAIN_DOUBLES] = { &role_presets[STRIP_DOUBLES], "doubles", -38, 12, -60, -60 },
	[CHAIN_BACKING] = { &role_presets[STRIP_BACKING], "backing", -38, 12, -12, -14 },
	[CHAIN_HARMONY] = { &role_presets[STRIP_HARMONY], "harmonies", -38, 12, -60, -60 },
};

int voice_begin(struct desk *d, const struct voice_chain *v, double level_db, double mean, struct voice_run *ret, struct madrigal_error *err)
{
	struct voice_run r = { .chain = v, .trim = pow(10, (WORK_DB - level_db) / 20), .mean = mean };
	r.energy = calloc(2 * d->blocks + 1, sizeof *r.energy);
	if (!r.energy)
		return err_nomem(err);
	r.gain = r.energy + d->blocks;
	r.eq = strip_eq(v->preset, &neutral);
	const struct style_reference *ref = d->brief->reference;
	if (ref && ref->voice_bright_db != 0)
		eq_add(&r.eq, biquad_high_shelf(AUDIO_RATE, VOICE_BRIGHT_HZ, fmin(fmax((double)ref->voice_bright_db, -VOICE_BRIGHT_MOST_DB), VOICE_BRIGHT_MOST_DB)));
	loudness_weighting(AUDIO_RATE, &r.weighting);
	struct deesser_config deess = { .hz = 5800, .threshold_db = v->deess_threshold_db, .ratio = 4, .max_db = v->deess_max_db };
	struct compressor_config fast = { .threshold_db = WORK_DB + 8, .ratio = 3, .knee_db = 6, .attack_ms = 3, .release_ms = 70, .makeup_db = 0 };
	struct compressor_config slow = { .threshold_db = WORK_DB + (double)v->preset->threshold_db, .ratio = (double)v->preset->ratio, .knee_db = 8,
		                          .attack_ms = (double)v->preset->attack_ms, .release_ms = (double)v->preset->release_ms, .rms = 1 };
	struct exciter_config air = { v->harmonics_db, v->noise_db };
	r.deesser = deesser_init(AUDIO_RATE, &deess);
	r.peaks = compressor_init(AUDIO_RATE, &fast);
	r.line = compressor_init(AUDIO_RATE, &slow);
	r.exciter = exciter_init(AUDIO_RATE, &air, rng_stream(d->score->seed, v->stream, 0).state);
	*ret = r;
	return 0;
}

void voice_release(struct voice_run *r)
{
	free(r->energy);
	r->energy = NULL;
}

int voice_level(struct desk *d, struct voice_run *r, float *x, size_t until, struct madrigal_error *err)
{
	size_t from = r->levelled;
	if (until <= from)
		return 0;
	scale(x + from, until - from, r->trim);
	eq_process(&r->eq, x + from, NULL, until - from);
	if (cancelled(d->cancel))
		return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	loudness_energies_on(&r->weighting, AUDIO_RATE, x + from, NULL, until - from, r->energy + from / DESK_TENTH);
	r->levelled = until;
	return 0;
}

int voice_finish(struct desk *d, struct voice_run *r, float *x, size_t until, struct madrigal_error *err)
{
	size_t from = r->finished;
	if (until <= from)
		return 0;
	ride(d, r, x, from, until);
	deesser_process(&r->deesser, x + from, until - from);
	if (cancelled(d->cancel))
		return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	for (size_t at = from; at < until; at += DESK_BLOCK) {
		size_t len = until - at < DESK_BLOCK ? until - at : DESK_BLOCK;
		compressor_process(&r->peaks, x + at, NULL, NULL, NULL, len);
		compressor_process(&r->line, x + at, NULL, NULL, NULL, len);
		if (r->chain->noise_db > -60)
			exciter_process(&r->exciter, x + at, len);
	}
	r->finished = until;
	return 0;
}

/* The whole chain on a whole track. What it measured goes to c: side 1 is the right one of the doubles. */
static int chain_run(struct desk *d, struct channel *c, int side, const struct voice_chain *v, struct madrigal_error *err)
{
	struct voice_run r;
	float *x = c->stem->audio.ch[side];
	c->level_db[side] = desk_level_db(x, NULL, d->frames);
	c->mean_lufs[side] = LOUDNESS_SILENCE;
	if (c->level_db[side] <= -100)
		return 0;
	int rc = voice_begin(d, v, c->level_db[side], 0, &r, err);
	if (rc < 0)
		return rc;
	rc = voice_level(d, &r, x, d->frames, err);
	r.mean = c->mean_lufs[side] = loudness_integrated(r.energy, d->blocks, NULL);
	if (!rc)
		rc = voice_finish(d, &r, x, d->frames, err);
	voice_release(&r);
	return rc;
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
	unsigned denormals = denormals_off();
	int rc = chain_run(d, c, 0, &voice_chains[CHAIN_LEAD], err);
	if (!rc)
		rc = desk_fit(&c->stem->audio, d->frames, err);
	if (!rc) {
		limiter_run(AUDIO_RATE, VOCAL_CEILING_DB, c->stem->audio.ch[0], c->stem->audio.ch[1], d->frames);
		desk_measure(d, c);
	}
	denormals_restore(denormals);
	return rc;
}

void vocal_sides_place(struct audio *a, double pan, size_t from, size_t until)
{
	double near, far;
	pan_gains(-pan, &near, &far);
	for (size_t i = from; i < until; i++) {
		double l = (double)a->ch[0][i], r = (double)a->ch[1][i];
		a->ch[0][i] = (float)(l * near + r * far);
		a->ch[1][i] = (float)(l * far + r * near);
	}
}

/* A voice on either side. */
static int sides_run(struct desk *d, struct channel *c, const struct voice_chain *chain, double pan, struct madrigal_error *err)
{
	unsigned denormals = denormals_off();
	int rc = 0;
	for (int k = 0; k < 2 && !rc; k++)
		rc = chain_run(d, c, k, chain, err);
	if (!rc) {
		vocal_sides_place(&c->stem->audio, pan, 0, d->frames);
		desk_measure(d, c);
	}
	denormals_restore(denormals);
	return rc;
}

int vocal_doubles_run(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	return sides_run(d, c, &voice_chains[CHAIN_DOUBLES], DOUBLES_PAN, err);
}

int vocal_harmony_run(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	return sides_run(d, c, &voice_chains[CHAIN_HARMONY], HARMONY_PAN, err);
}

void vocal_spread(const float *x, struct audio *out, size_t from, size_t until)
{
	static const double late_ms[2] = { 9, 16 }, hz[2] = { 0.61, 0.47 };
	for (int c = 0; c < 2; c++)
		for (size_t i = from; i < until; i++) {
			double back = (late_ms[c] + 0.9 * sin(2 * M_PI * hz[c] * (double)i / AUDIO_RATE)) * AUDIO_RATE / 1000;
			double at = (double)i - back;
			size_t k = at > 0 ? (size_t)at : 0;
			float part = at > 0 ? (float)(at - (double)k) : 0, before = at > 0 ? x[k] : 0, after = at > 0 ? x[k + 1] : 0;
			out->ch[c][i] = 0.35f * x[i] + before + part * (after - before);
		}
}

int vocal_backing_run(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	struct audio out;
	unsigned denormals = denormals_off();
	int rc = chain_run(d, c, 0, &voice_chains[CHAIN_BACKING], err);
	if (!rc)
		rc = audio_init(&out, AUDIO_RATE, 2, d->frames, err);
	if (!rc) {
		vocal_spread(c->stem->audio.ch[0], &out, 0, d->frames);
		audio_release(&c->stem->audio);
		c->stem->audio = out;
		desk_measure(d, c);
	}
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
