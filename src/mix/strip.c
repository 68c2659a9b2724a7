/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/denormal.h"
#include "dsp/loudness.h"
#include "mix/desk.h"

#define MAX_TRIM_DB 40.0

int desk_fit(struct audio *a, size_t frames, struct madrigal_error *err)
{
	for (int c = 0; c < a->channels && a->frames != frames; c++) {
		float *x = realloc(a->ch[c], (frames + 1) * sizeof *x);
		if (!x)
			return err_nomem(err);
		if (frames > a->frames)
			memset(x + a->frames, 0, (frames - a->frames) * sizeof *x);
		a->ch[c] = x;
	}
	a->frames = frames;
	if (a->channels == 1) {
		a->ch[1] = malloc((frames + 1) * sizeof *a->ch[1]);
		if (!a->ch[1])
			return err_nomem(err);
		memcpy(a->ch[1], a->ch[0], frames * sizeof *a->ch[1]);
		a->channels = 2;
	}
	return 0;
}

double desk_level_db(const float *left, const float *right, size_t n)
{
	const size_t tenth = AUDIO_RATE / 10;
	double loudest = 0, sum = 0;
	size_t counted = 0;
	for (int pass = 0; pass < 2; pass++)
		for (size_t at = 0; at < n; at += tenth) {
			size_t end = n - at < tenth ? n : at + tenth;
			double power = 0;
			for (size_t i = at; i < end; i++)
				power += (double)left[i] * (double)left[i] + (right ? (double)right[i] * (double)right[i] : 0);
			power /= (double)(right ? 2 * tenth : tenth);
			if (pass == 0) {
				loudest = fmax(loudest, power);
			} else if (power > loudest / 31.6) {
				sum += power;
				counted++;
			}
		}
	return counted && sum > 0 ? fmax(10 * log10(sum / (double)counted), -120) : -120;
}

void desk_measure(struct desk *d, struct channel *c)
{
	loudness_weighting(AUDIO_RATE, &c->weighting);
	desk_measure_on(c, 0, d->frames);
}

void desk_measure_on(struct channel *c, size_t from, size_t until)
{
	const struct audio *a = &c->stem->audio;
	if (until > from)
		loudness_energies_on(&c->weighting, AUDIO_RATE, a->ch[0] + from, a->ch[1] + from, until - from, c->energy + from / DESK_TENTH);
}

static void add_band(struct eq *eq, const struct eq_band *b)
{
	if (b->kind == BAND_PEAK)
		eq_add(eq, biquad_peak(AUDIO_RATE, (double)b->hz, (double)b->q, (double)b->db));
	else if (b->kind == BAND_LOW_SHELF)
		eq_add(eq, biquad_low_shelf(AUDIO_RATE, (double)b->hz, (double)b->db));
	else if (b->kind == BAND_HIGH_SHELF)
		eq_add(eq, biquad_high_shelf(AUDIO_RATE, (double)b->hz, (double)b->db));
	else if (b->kind == BAND_LOWPASS)
		eq_add(eq, biquad_lowpass(AUDIO_RATE, (double)b->hz, (double)b->q));
}

struct eq strip_eq(const struct role_preset *p, const struct style_strip *fader)
{
	struct eq eq = eq_init();
	float cut = fader->low_cut_hz > 0 ? fader->low_cut_hz : p->low_cut_hz;
	eq_add(&eq, biquad_highpass(AUDIO_RATE, (double)cut, M_SQRT1_2));
	for (int k = 0; k < STRIP_BANDS; k++)
		add_band(&eq, &p->eq[k]);
	if (fabsf(fader->bright_db) > 0.05f)
		eq_add(&eq, biquad_high_shelf(AUDIO_RATE, 6000, (double)fader->bright_db));
	return eq;
}

/* How near to mono a part is: 1 when its sides are 25 dB below its middle and less, 0 from 10 dB on. */
static double mononess(const float *l, const float *r, size_t n)
{
	double mid = 0, side = 0;
	for (size_t i = 0; i < n; i++) {
		double m = (double)l[i] + (double)r[i], s = (double)l[i] - (double)r[i];
		mid += m * m;
		side += s * s;
	}
	double db = 10 * log10((side + 1e-20) / (mid + 1e-20));
	return fmin(fmax((-10 - db) / 15, 0), 1);
}

void strip_measure(const struct desk *d, struct channel *c)
{
	const float *l = c->stem->audio.ch[0], *r = c->stem->audio.ch[1];
	c->level_db[0] = desk_level_db(l, r, d->frames);
	c->mononess = role_presets[c->role].spread > 0 ? mononess(l, r, d->frames) : 0;
}

void strip_begin(const struct channel *c, struct strip *ret)
{
	const struct role_preset *p = &role_presets[c->role];
	double level = c->level_db[0];
	ret->trim = level > -100 ? (float)pow(10, fmin(fmax(WORK_DB - level, -MAX_TRIM_DB), MAX_TRIM_DB) / 20) : 1;
	ret->amp = amp_init(AUDIO_RATE, (double)c->fader.amp, WORK_DB);
	ret->eq = strip_eq(p, &c->fader);
	struct compressor_config config = { .threshold_db = WORK_DB + (double)p->threshold_db, .ratio = (double)p->ratio, .knee_db = 8,
		                            .attack_ms = (double)p->attack_ms, .release_ms = (double)p->release_ms };
	ret->compressor = compressor_init(AUDIO_RATE, &config);
	ret->saturator = saturator_init(AUDIO_RATE, (double)c->fader.drive, c->role == ROLE_BASS ? 0.15 : 0.05);
	double pan = fabsf(c->fader.pan) > 0.01f ? (double)c->fader.pan : (double)p->pan;
	ret->placement = placement_init(AUDIO_RATE, pan, (double)(c->fader.width * p->width), (double)p->mono_hz);
	ret->spread = (double)p->spread * fmin((double)c->fader.width, 1) * c->mononess;
	widener_init(&ret->widener, AUDIO_RATE, ret->spread, (double)p->spread_hz);
}

int strip_advance(struct desk *d, struct channel *c, struct strip *s, size_t from, size_t until, struct madrigal_error *err)
{
	float *l = c->stem->audio.ch[0], *r = c->stem->audio.ch[1];
	unsigned denormals = denormals_off();
	int rc = 0;
	for (size_t at = from; at < until; at += DESK_BLOCK) {
		size_t n = until - at < DESK_BLOCK ? until - at : DESK_BLOCK;
		if (at % (128 * DESK_BLOCK) == 0 && cancelled(d->cancel)) {
			rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
			break;
		}
		for (size_t i = at; i < at + n; i++) {
			l[i] *= s->trim;
			r[i] *= s->trim;
		}
		if (c->fader.amp > 0)
			amp_process(&s->amp, l + at, r + at, n);
		eq_process(&s->eq, l + at, r + at, n);
		compressor_process(&s->compressor, l + at, r + at, NULL, NULL, n);
		if (c->fader.drive > 0)
			saturator_process(&s->saturator, l + at, r + at, n);
		if (s->spread > 0.01)
			widener_process(&s->widener, l + at, r + at, n);
		placement_process(&s->placement, l + at, r + at, n);
	}
	if (!rc)
		desk_measure_on(c, from, until);
	denormals_restore(denormals);
	return rc;
}

int strip_run(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	struct strip s;
	strip_measure(d, c);
	strip_begin(c, &s);
	loudness_weighting(AUDIO_RATE, &c->weighting);
	return strip_advance(d, c, &s, 0, d->frames, err);
}
