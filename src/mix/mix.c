/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mix/mix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/denormal.h"
#include "dsp/limiter.h"
#include "dsp/loudness.h"
#include "mix/desk.h"

#define STEM_PEAK 0.97f
#define REMASTER_LU 0.2
#define AMENDS 2
#define FADE_MOST_S 16.0
#define FADE_LEAST_S 4.0
#define MAX_VOICE_STEMS 6 /* vocals, doubles, backing, harmonies, their effects, the band's effects */

/* ------------------------------------------------------------------ setting up */

void desk_release(struct desk *d)
{
	for (int i = 0; d->channel && i < d->n_stems; i++)
		free(d->channel[i].energy);
	for (int i = 0; d->stems && i < d->n_stems; i++)
		audio_release(&d->stems[i].audio);
	free(d->stems);
	free(d->channel);
	free(d->singing);
	free(d->band);
	free(d->others);
	free(d->ride);
	free(d->duck_db);
}

/* A new channel at the end: its index. */
static int channel_add(struct desk *d, const char *name, int role, int vocal)
{
	int i = d->n_stems++;
	d->stems[i] = (struct mix_stem){ 0 };
	snprintf(d->stems[i].name, sizeof d->stems[i].name, "%s", name);
	d->channel[i] = (struct channel){ .stem = &d->stems[i], .role = role, .vocal = vocal, .gain = 1, .fader = { .width = 1, .reverb_db = -60, .delay_db = -60 } };
	return i;
}

static void lay_out(struct desk *d, struct stem *stems, int n_stems, const struct vocal_tracks *v)
{
	for (int i = 0; i < n_stems; i++) {
		int role = (int)stems[i].role < PART_ROLES ? (int)stems[i].role : ROLE_COMP;
		struct channel *c = &d->channel[channel_add(d, stems[i].name, role, 0)];
		const struct style_part *part = brief_part(d->brief, stems[i].style_part);
		if (part)
			c->fader = part->mix;
		c->stem->audio = stems[i].audio;
		stems[i].audio = (struct audio){ 0 };
	}
	d->n_band = n_stems;
	d->lead = v && v->lead.frames ? channel_add(d, "vocals", STRIP_VOCALS, 1) : -1;
	d->doubles = v && (v->double_left.frames || v->double_right.frames) ? channel_add(d, "double-vocals", STRIP_DOUBLES, 1) : -1;
	d->backing = v && v->backing.frames ? channel_add(d, "backing-vocals", STRIP_BACKING, 1) : -1;
	d->harmony = v && (v->harmony[0].frames || v->harmony[1].frames) ? channel_add(d, "harmony-vocals", STRIP_HARMONY, 1) : -1;
	d->vocal_effects = d->lead >= 0 || d->backing >= 0 ? channel_add(d, "vocal-effects", DESK_EFFECTS, 1) : -1;
	d->effects = n_stems ? channel_add(d, "effects", DESK_EFFECTS, 0) : -1;
}

static size_t longest(const struct score *s, const struct stem *stems, int n_stems, const struct vocal_tracks *v)
{
	size_t n = 0;
	for (int i = 0; i < n_stems; i++)
		n = stems[i].audio.frames > n ? stems[i].audio.frames : n;
	const struct vocal_tracks none = { 0 }, *t = v ? v : &none;
	const struct audio *tracks[] = { &t->lead, &t->double_left, &t->double_right, &t->backing, &t->harmony[0], &t->harmony[1] };
	for (size_t i = 0; i < sizeof tracks / sizeof tracks[0]; i++)
		if (tracks[i]->frames > n)
			n = tracks[i]->frames;
	return n ? n : (size_t)llround(fmax(score_duration(s), 0) * AUDIO_RATE);
}

int desk_init(struct desk *d, struct stem *stems, int n_stems, struct vocal_tracks *v, struct madrigal_error *err)
{
	int most = n_stems + MAX_VOICE_STEMS;
	d->frames = longest(d->score, stems, n_stems, v);
	d->blocks = loudness_blocks(AUDIO_RATE, d->frames);
	d->stems = calloc((size_t)most, sizeof *d->stems);
	d->channel = calloc((size_t)most, sizeof *d->channel);
	d->singing = calloc(d->blocks + 1, 1);
	d->band = calloc(d->blocks + 1, sizeof *d->band);
	d->others = calloc(d->blocks + 1, sizeof *d->others);
	d->ride = calloc(d->blocks + 1, sizeof *d->ride);
	d->duck_db = calloc(d->frames / DYNEQ_STEP + 1, sizeof *d->duck_db);
	if (!d->stems || !d->channel || !d->singing || !d->band || !d->others || !d->ride || !d->duck_db)
		return err_nomem(err);
	lay_out(d, stems, n_stems, v);
	for (int i = 0; i < d->n_stems; i++) {
		d->channel[i].energy = calloc(d->blocks + 1, sizeof *d->channel[i].energy);
		if (!d->channel[i].energy)
			return err_nomem(err);
	}
	for (int i = 0; i < d->n_band; i++) {
		int rc = desk_fit(&d->stems[i].audio, d->frames, err);
		if (rc < 0)
			return rc;
	}
	return v ? vocal_take(d, v, err) : 0;
}

/* ------------------------------------------------------------------ jobs */

struct progress { pool_tick *tick; void *ctx; int base, total; };

/* A phase's ticks as ticks of the whole. */
static int tick_phase(void *ctx, int finished, int n)
{
	struct progress *p = ctx;
	(void)n;
	return p->tick ? p->tick(p->ctx, p->base + finished, p->total) : 0;
}

static int strip_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	struct desk *d = ctx;
	(void)worker;
	if (index == d->lead)
		return vocal_lead_run(d, &d->channel[index], err);
	if (index == d->doubles)
		return vocal_doubles_run(d, &d->channel[index], err);
	if (index == d->backing)
		return vocal_backing_run(d, &d->channel[index], err);
	if (index == d->harmony)
		return vocal_harmony_run(d, &d->channel[index], err);
	if (index < d->n_band)
		return strip_run(d, &d->channel[index], err);
	return audio_init(&d->stems[index].audio, AUDIO_RATE, 2, d->frames, err);
}

static int effects_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	struct desk *d = ctx;
	(void)worker;
	if (index == 0)
		return d->effects >= 0 ? effects_band_run(d, err) : 0;
	return d->vocal_effects >= 0 ? effects_vocal_run(d, err) : 0;
}

struct tone_job { struct desk *desk; float *scratch[2]; };

static int tone_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	struct tone_job *t = ctx;
	(void)worker;
	if (index == 0)
		return tone_fit(t->desk, t->scratch, err);
	duck_fit(t->desk);
	return 0;
}

static int finish_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	struct desk *d = ctx;
	(void)worker;
	return channel_finish(d, &d->channel[index], err);
}

static int find_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)index;
	(void)worker;
	return master_find(ctx, err);
}

static int make_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)index;
	(void)worker;
	return master_make(ctx, err);
}

static int phase(struct desk *d, int threads, int n, pool_job *job, void *ctx, struct progress *p, struct madrigal_error *err)
{
	int rc = pool_run(threads, n, job, ctx, tick_phase, p, d->cancel, err);
	p->base += n;
	return rc;
}

/* ------------------------------------------------------------------ the song */

static void scale_stem(struct audio *a, double gain)
{
	float g = (float)gain;
	for (int c = 0; c < 2; c++)
		for (size_t i = 0; i < a->frames; i++)
			a->ch[c][i] *= g;
}

/* 12 dB down half way, as a hand does it. */
void desk_fade(struct desk *d, size_t from, size_t until)
{
	const struct score *s = d->score;
	if (d->rehearsal || strcmp(d->brief->style->form.ending, "fade") != 0)
		return;
	double end = (double)d->frames / AUDIO_RATE, begin = end - FADE_MOST_S;
	if (s->n_sections)
		begin = fmax(begin, score_seconds(s, s->sections[s->n_sections - 1].start));
	if (s->n_vocal)
		begin = fmax(begin, score_seconds(s, s->vocal[s->n_vocal - 1].start + s->vocal[s->n_vocal - 1].dur));
	begin = fmax(0, fmin(begin, end - fmin(FADE_LEAST_S, 0.3 * end)));
	size_t first = (size_t)(begin * AUDIO_RATE);
	for (int i = 0; i < d->n_stems; i++)
		for (size_t k = first > from ? first : from; k < until; k++) {
			float left = (float)(d->frames - k) / (float)(d->frames - first);
			d->stems[i].audio.ch[0][k] *= left * left;
			d->stems[i].audio.ch[1][k] *= left * left;
		}
}

/* From strips to finished stems: all but the master's gain. scratch: a stereo buffer as long as the song. */
static int mix_stems(struct desk *d, int threads, float *scratch[2], struct progress *p, struct madrigal_error *err)
{
	int rc = phase(d, threads, d->n_stems, strip_job, d, p, err);
	if (rc < 0)
		return rc;
	balance_band(d);
	balance_vocals(d);
	for (int i = 0; i < d->n_stems; i++)
		d->channel[i].send_gain = d->channel[i].gain;
	rc = phase(d, threads, 2, effects_job, d, p, err);
	if (rc < 0)
		return rc;
	balance_lead(d);
	balance_ride(d);
	for (int i = 0; i < d->n_stems; i++)
		d->channel[i].total_gain = d->channel[i].gain;
	struct tone_job tone = { d, { scratch[0], scratch[1] } };
	rc = phase(d, threads, 2, tone_job, &tone, p, err);
	if (!rc)
		rc = phase(d, threads, d->n_stems, finish_job, d, p, err);
	if (rc < 0)
		return rc;
	/* The tone and the dip have moved the band: the voice once more. */
	balance_lead(d);
	for (int i = 0; i < d->n_stems; i++) {
		d->channel[i].total_gain *= d->channel[i].gain;
		if (d->channel[i].gain != 1)
			scale_stem(&d->stems[i].audio, d->channel[i].gain);
	}
	desk_fade(d, 0, d->frames);
	return 0;
}

int desk_mix(struct desk *d, int threads, float *scratch[2], struct madrigal_error *err)
{
	struct progress none = { 0 };
	return mix_stems(d, threads, scratch, &none, err);
}

void desk_fit_stem(struct audio *a)
{
	float peak = 0;
	for (int c = 0; c < 2; c++)
		for (size_t i = 0; i < a->frames; i++)
			peak = fmaxf(peak, fabsf(a->ch[c][i]));
	if (peak > STEM_PEAK)
		limiter_run(AUDIO_RATE, 20 * log10((double)STEM_PEAK), a->ch[0], a->ch[1], a->frames);
}

struct level_job { struct desk *desk; double gain; };

/* The master's gain moves into the stems: what they add up to is what the bus hears. A stem that would not fit into its file is limited, not clipped. */
static int level_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	struct level_job *j = ctx;
	struct audio *a = &j->desk->stems[index].audio;
	(void)worker;
	if (cancelled(j->desk->cancel))
		return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	scale_stem(a, j->gain);
	desk_fit_stem(a);
	return 0;
}

static int amend_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	struct desk *d = ctx;
	struct audio *a = &d->stems[index].audio;
	struct eq eq = d->tone;
	(void)worker;
	if (cancelled(d->cancel))
		return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	unsigned denormals = denormals_off();
	eq_process(&eq, a->ch[0], a->ch[1], a->frames);
	denormals_restore(denormals);
	return 0;
}

/* After a reference: a master is heard, the stems are brought nearer to the reference by what it lacks, and its gain is found again; what the limiter takes changes with that. */
static int amend(struct desk *d, int threads, struct master_job *job, struct progress *p, struct madrigal_error *err)
{
	int rc = 0;
	for (int round = 0; round < AMENDS && !rc; round++) {
		rc = tone_amend(d, &job->out, err);
		if (!rc)
			rc = phase(d, threads, d->n_stems, amend_job, d, p, err);
		if (!rc)
			rc = phase(d, 1, 1, find_job, job, p, err);
	}
	return rc;
}

static int run(struct desk *d, const struct mix_settings *set, struct progress *p, struct mixdown *ret, struct madrigal_error *err)
{
	struct master_job job = { .style = d->style, .settings = set, .cancel = d->cancel };
	int rc = audio_init(&job.out, AUDIO_RATE, 2, d->frames, err);
	if (!rc)
		rc = mix_stems(d, set->threads, job.out.ch, p, err);
	job.stems = d->stems;
	job.n_stems = d->n_stems;
	if (!rc)
		rc = phase(d, 1, 1, find_job, &job, p, err);
	if (!rc && tone_after_reference(d->brief))
		rc = amend(d, set->threads, &job, p, err);
	if (!rc) {
		struct level_job level = { d, pow(10, job.gain_db / 20) };
		rc = phase(d, set->threads, d->n_stems, level_job, &level, p, err);
		job.gain_db = 0;
	}
	if (!rc)
		rc = phase(d, 1, 1, make_job, &job, p, err);
	if (rc < 0) {
		audio_release(&job.out);
		return rc;
	}
	*ret = (struct mixdown){ .master = job.out, .stems = d->stems, .n_stems = d->n_stems, .lufs = job.lufs, .true_peak_dbtp = job.true_peak_dbtp };
	d->stems = NULL;
	return 0;
}

int mix_song(const struct score *s, const struct brief *b, struct stem *stems, int n_stems, struct vocal_tracks *vocals,
             const struct mix_settings *set, pool_tick *tick, void *tick_ctx, cancel_flag *cancel, struct mixdown *ret, struct madrigal_error *err)
{
	cancel_flag own = 0;
	struct desk d = { .score = s, .brief = b, .style = &b->style->mix, .cancel = cancel ? cancel : &own };
	d.vocals = vocals && vocals->lead_times.start && vocals->lead_times.end ? vocals : NULL;
	int rc = desk_init(&d, stems, n_stems, vocals, err);
	int amended = tone_after_reference(b) ? AMENDS : 0;
	struct progress p = { .tick = tick, .ctx = tick_ctx, .total = (3 + amended) * d.n_stems + 6 + amended };
	if (!rc)
		rc = run(&d, set, &p, ret, err);
	desk_release(&d);
	return rc;
}

int mix_remaster(const struct brief *b, const struct mix_settings *set, struct mixdown *m, struct madrigal_error *err)
{
	struct master_job job = { .style = &b->style->mix, .settings = set, .stems = m->stems, .n_stems = m->n_stems, .out = m->master };
	int rc = master_make(&job, err);
	/* A somewhat lower ceiling costs next to nothing; a much lower one needs another gain. */
	if (!rc && job.lufs > LOUDNESS_SILENCE && fabs(job.lufs - set->loudness_lufs) > REMASTER_LU) {
		rc = master_find(&job, err);
		if (!rc)
			rc = master_make(&job, err);
	}
	if (rc < 0)
		return rc;
	m->lufs = job.lufs;
	m->true_peak_dbtp = job.true_peak_dbtp;
	return 0;
}

void mixdown_release(struct mixdown *m)
{
	if (!m)
		return;
	audio_release(&m->master);
	for (int i = 0; m->stems && i < m->n_stems; i++)
		audio_release(&m->stems[i].audio);
	free(m->stems);
	*m = (struct mixdown){ 0 };
}
