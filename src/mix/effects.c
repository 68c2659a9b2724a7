/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dsp/denormal.h"
#include "dsp/loudness.h"
#include "mix/desk.h"

#define OFF_DB (-59.5)
#define THROW_S 0.5        /* the last of a line that is thrown into the echo */
#define BETWEEN_THROWS 0.25 /* the echo's send elsewhere */

/* "1/4", "1/8d" (dotted), "1/8t" (triplet) as seconds; a quarter if it is none of them. */
static double note_seconds(const char *note, double bpm)
{
	int num = 1, den = 4;
	char kind = 0;
	double quarters = 1;
	if (note && sscanf(note, "%2d/%2d%c", &num, &den, &kind) >= 2 && num > 0 && den > 0)
		quarters = 4.0 * num / den * (kind == 'd' ? 1.5 : kind == 't' ? 2.0 / 3 : 1);
	return fmin(quarters * 60 / bpm, DELAY_MAX_S);
}

static struct delay_config echo_config(const struct desk *d)
{
	return (struct delay_config){ .time_s = note_seconds(d->style->vocal_delay_note, d->score->tempo_bpm), .feedback = 0.34, .low_cut_hz = 320,
	                              .high_cut_hz = 3800, .spread = 0.7 };
}

static double db_gain(double db)
{
	return db > OFF_DB ? pow(10, db / 20) : 0;
}

/* The room's and the echo's sends of the band for one block. */
static void band_sends(const struct desk *d, size_t at, size_t n, float room[2][DESK_BLOCK], float echo[2][DESK_BLOCK])
{
	memset(room, 0, 2 * sizeof *room);
	memset(echo, 0, 2 * sizeof *echo);
	for (int i = 0; i < d->n_band; i++) {
		const struct channel *c = &d->channel[i];
		double send = (double)c->fader.reverb_db > OFF_DB ? (double)c->fader.reverb_db : (double)role_presets[c->role].room_db;
		float to_room = (float)(c->gain * db_gain(send)), to_echo = (float)(c->gain * db_gain((double)c->fader.delay_db));
		for (int k = 0; k < 2; k++) {
			const float *x = c->stem->audio.ch[k] + at;
			if (to_room > 0)
				for (size_t j = 0; j < n; j++)
					room[k][j] += to_room * x[j];
			if (to_echo > 0)
				for (size_t j = 0; j < n; j++)
					echo[k][j] += to_echo * x[j];
		}
	}
}

int band_effects_begin(const struct desk *d, struct band_effects *ret, struct madrigal_error *err)
{
	struct reverb_config config = reverb_room((double)d->style->room_s);
	struct delay_config times = echo_config(d);
	*ret = (struct band_effects){ 0 };
	int rc = reverb_init(&ret->room, AUDIO_RATE, &config, err);
	return rc ? rc : delay_init(&ret->echo, AUDIO_RATE, &times, err);
}

void band_effects_release(struct band_effects *e)
{
	reverb_release(&e->room);
	delay_release(&e->echo);
}

int band_effects_advance(struct desk *d, struct band_effects *e, size_t from, size_t until, struct madrigal_error *err)
{
	struct audio *out = &d->channel[d->effects].stem->audio;
	unsigned denormals = denormals_off();
	int rc = 0;
	for (size_t at = from; at < until && !rc; at += DESK_BLOCK) {
		float send[2][DESK_BLOCK], late[2][DESK_BLOCK];
		size_t n = until - at < DESK_BLOCK ? until - at : DESK_BLOCK;
		if (cancelled(d->cancel))
			rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		band_sends(d, at, n, send, late);
		reverb_process(&e->room, send[0], send[1], n);
		delay_process(&e->echo, late[0], late[1], n);
		for (int k = 0; k < 2; k++)
			for (size_t j = 0; j < n; j++)
				out->ch[k][at + j] = send[k][j] + late[k][j];
	}
	denormals_restore(denormals);
	return rc;
}

int effects_band_run(struct desk *d, struct madrigal_error *err)
{
	struct band_effects e;
	int rc = band_effects_begin(d, &e, err);
	if (!rc)
		rc = band_effects_advance(d, &e, 0, d->frames, err);
	if (!rc) {
		unsigned denormals = denormals_off();
		desk_measure(d, &d->channel[d->effects]);
		denormals_restore(denormals);
	}
	band_effects_release(&e);
	return rc;
}

int vocal_effects_begin(const struct desk *d, struct vocal_effects *ret, struct madrigal_error *err)
{
	struct reverb_config config = reverb_plate((double)d->style->vocal_reverb_s, (double)d->style->vocal_predelay_ms);
	struct delay_config times = echo_config(d);
	double echo = db_gain((double)d->style->vocal_delay_db);
	*ret = (struct vocal_effects){ .open = (float)BETWEEN_THROWS, .has_plate = (double)d->style->vocal_reverb_db > OFF_DB,
		                       .has_echo = d->lead >= 0 && echo > 0 };
	int rc = ret->has_plate ? reverb_init(&ret->plate, AUDIO_RATE, &config, err) : 0;
	if (!rc && ret->has_echo)
		rc = delay_init(&ret->echo, AUDIO_RATE, &times, err);
	ret->echo_gain = ret->has_echo ? echo * d->channel[d->lead].gain : 0;
	return rc;
}

void vocal_effects_release(struct vocal_effects *e)
{
	reverb_release(&e->plate);
	delay_release(&e->echo);
}

int vocal_plate_advance(struct desk *d, struct vocal_effects *e, size_t from, size_t until, struct madrigal_error *err)
{
	struct audio *out = &d->channel[d->vocal_effects].stem->audio;
	const struct { int channel; float send; } sends[] = { { d->lead, 1 }, { d->doubles, 0.7f }, { d->backing, 1.4f }, { d->harmony, 1.2f } };
	int rc = 0;
	for (size_t at = from; at < until && !rc; at += DESK_BLOCK) {
		size_t n = until - at < DESK_BLOCK ? until - at : DESK_BLOCK;
		if (cancelled(d->cancel))
			rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		for (size_t s = 0; s < sizeof sends / sizeof sends[0]; s++) {
			if (sends[s].channel < 0)
				continue;
			const struct channel *c = &d->channel[sends[s].channel];
			float send = sends[s].send * (float)c->gain;
			for (int k = 0; k < 2; k++)
				for (size_t j = at; j < at + n; j++)
					out->ch[k][j] += send * c->stem->audio.ch[k][j];
		}
		reverb_process(&e->plate, out->ch[0] + at, out->ch[1] + at, n);
	}
	return rc;
}

/* How far the lead's send to the echo is open at a time: wide on the last note of a line after which there is room. next: cursor in the score's notes. */
static float throw_at(const struct desk *d, double t, int *next)
{
	const struct score *s = d->score;
	const struct sung_times *v = &d->vocals->lead_times;
	while (*next < s->n_vocal && v->end[*next] < t)
		(*next)++;
	int i = *next;
	if (i >= s->n_vocal || t < v->start[i] || t < v->end[i] - THROW_S)
		return (float)BETWEEN_THROWS;
	int last = i + 1 == s->n_vocal || (s->vocal[i + 1].line != s->vocal[i].line && v->start[i + 1] - v->end[i] > 45 / s->tempo_bpm);
	return last ? 1 : (float)BETWEEN_THROWS;
}

/* Adds the echo of the lead to the return. */
int vocal_echo_advance(struct desk *d, struct vocal_effects *e, size_t from, size_t until, struct madrigal_error *err)
{
	const struct audio *lead = &d->channel[d->lead].stem->audio;
	struct audio *out = &d->channel[d->vocal_effects].stem->audio;
	float open = e->open;
	int rc = 0;
	for (size_t at = from; at < until && !rc; at += DESK_BLOCK) {
		float send[2][DESK_BLOCK];
		size_t n = until - at < DESK_BLOCK ? until - at : DESK_BLOCK;
		if (cancelled(d->cancel))
			rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		float goal = d->vocals ? throw_at(d, (double)at / AUDIO_RATE, &e->next_note) : open;
		for (size_t j = 0; j < n; j++) {
			open += 0.0012f * (goal - open);
			send[0][j] = send[1][j] = (float)e->echo_gain * open * lead->ch[0][at + j];
		}
		delay_process(&e->echo, send[0], send[1], n);
		for (int k = 0; k < 2; k++)
			for (size_t j = 0; j < n; j++)
				out->ch[k][at + j] += send[k][j];
	}
	e->open = open;
	return rc;
}

void vocal_plate_scale(struct desk *d, size_t from, size_t until)
{
	struct audio *out = &d->channel[d->vocal_effects].stem->audio;
	for (int k = 0; k < 2; k++)
		for (size_t i = from; i < until; i++)
			out->ch[k][i] *= d->plate_gain;
}

/* The style says how loud the plate is against the voice, whatever its time. */
static void plate_level(struct desk *d)
{
	struct channel *c = &d->channel[d->vocal_effects];
	int from = d->lead >= 0 ? d->lead : d->backing;
	desk_measure(d, c);
	double have = loudness_integrated(c->energy, d->blocks, NULL);
	double lead = loudness_integrated(d->channel[from].energy, d->blocks, NULL) + 20 * log10(fmax(d->channel[from].gain, 1e-6));
	d->plate_gain = have > LOUDNESS_SILENCE ? (float)pow(10, (lead + (double)d->style->vocal_reverb_db - have) / 20) : 0;
}

int effects_vocal_run(struct desk *d, struct madrigal_error *err)
{
	struct vocal_effects e;
	unsigned denormals = denormals_off();
	int rc = vocal_effects_begin(d, &e, err);
	if (!rc && e.has_plate)
		rc = vocal_plate_advance(d, &e, 0, d->frames, err);
	if (!rc) {
		plate_level(d);
		vocal_plate_scale(d, 0, d->frames);
	}
	if (!rc && e.has_echo)
		rc = vocal_echo_advance(d, &e, 0, d->frames, err);
	if (!rc)
		desk_measure(d, &d->channel[d->vocal_effects]);
	denormals_restore(denormals);
	vocal_effects_release(&e);
	return rc;
}
