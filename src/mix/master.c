/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/denormal.h"
#include "dsp/loudness.h"
#include "mix/desk.h"

#define TRIALS 5
#define CLOSE_LU 0.4
#define USUAL_LOSS_DB 0.7 /* what bus and limiter take */
#define MAX_GAIN_DB 60.0
#define PEAK_MARGIN_DB 0.04 /* between our oversampling and the meter's */

static int measure(struct master_job *j, struct madrigal_error *err)
{
	return audio_loudness(&j->out, &j->lufs, &j->true_peak_dbtp, err);
}

void master_sum(const struct mix_stem *stems, int n_stems, size_t at, size_t n, float gain, float *left, float *right)
{
	memset(left, 0, n * sizeof *left);
	memset(right, 0, n * sizeof *right);
	for (int i = 0; i < n_stems; i++) {
		const struct audio *a = &stems[i].audio;
		for (size_t k = 0; k < n; k++) {
			left[k] += a->ch[0][at + k];
			right[k] += a->ch[1][at + k];
		}
	}
	for (size_t k = 0; k < n; k++) {
		left[k] *= gain;
		right[k] *= gain;
	}
}

struct bus bus_begin(const struct style_mix *style, double level_lufs, double ceiling_dbtp)
{
	double glue_db = (double)style->bus_glue_db;
	struct compressor_config config = { .threshold_db = level_lufs - 2 * glue_db, .ratio = 2, .knee_db = 8, .attack_ms = 28, .release_ms = 220,
		                            .makeup_db = 0.7 * glue_db, .max_reduction_db = 6, .rms = 1 };
	return (struct bus){ .glued = glue_db > 0.05, .driven = style->bus_drive > 0, .glue = compressor_init(AUDIO_RATE, &config),
		             .tape = saturator_init(AUDIO_RATE, (double)style->bus_drive, 0), .limiter = limiter_init(AUDIO_RATE, ceiling_dbtp - PEAK_MARGIN_DB) };
}

void bus_process(struct bus *b, float *left, float *right, size_t n)
{
	if (b->glued)
		compressor_process(&b->glue, left, right, NULL, NULL, n);
	if (b->driven)
		saturator_process(&b->tape, left, right, n);
	limiter_process(&b->limiter, left, right, n);
}

/* One pass: sum, glue, drive, limiter, into j->out. The glue gives back what it takes on average, so that a mix at the right level stays there. */
static int pass(struct master_job *j, double gain_db, double ceiling_dbtp, struct madrigal_error *err)
{
	struct bus bus = bus_begin(j->style, j->settings->loudness_lufs, ceiling_dbtp);
	size_t frames = j->out.frames, end = frames + LIMITER_LATENCY;
	float l[DESK_BLOCK], r[DESK_BLOCK], gain = (float)pow(10, gain_db / 20);
	unsigned denormals = denormals_off();
	int rc = 0;
	for (size_t at = 0; at < end && !rc; at += DESK_BLOCK) {
		size_t n = end - at < DESK_BLOCK ? end - at : DESK_BLOCK, have = at < frames ? (frames - at < n ? frames - at : n) : 0;
		if (at % (128 * DESK_BLOCK) == 0 && cancelled(j->cancel))
			rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		memset(l + have, 0, (n - have) * sizeof *l);
		memset(r + have, 0, (n - have) * sizeof *r);
		master_sum(j->stems, j->n_stems, at, have, gain, l, r);
		bus_process(&bus, l, r, n);
		for (size_t k = 0; k < n; k++)
			if (at + k >= LIMITER_LATENCY) {
				j->out.ch[0][at + k - LIMITER_LATENCY] = l[k];
				j->out.ch[1][at + k - LIMITER_LATENCY] = r[k];
			}
	}
	denormals_restore(denormals);
	return rc;
}

int master_pass(struct master_job *j, struct madrigal_error *err)
{
	return pass(j, j->gain_db, j->settings->ceiling_dbtp, err);
}

int master_make(struct master_job *j, struct madrigal_error *err)
{
	double ceiling = j->settings->ceiling_dbtp;
	/* The meter's filter may find a little more than ours: then once again, lower by as much. */
	for (int k = 0; k < 3; k++) {
		int rc = pass(j, j->gain_db, ceiling, err);
		if (!rc)
			rc = measure(j, err);
		if (rc < 0)
			return rc;
		if (j->true_peak_dbtp <= j->settings->ceiling_dbtp)
			break;
		ceiling -= j->true_peak_dbtp - j->settings->ceiling_dbtp + 0.01;
	}
	return 0;
}

/* Loudness of j->out by our own measure: a quarter of libebur128's time. */
static double trial_lufs(const struct master_job *j, float *energies)
{
	loudness_energies(AUDIO_RATE, j->out.ch[0], j->out.ch[1], j->out.frames, energies);
	return loudness_integrated(energies, loudness_blocks(AUDIO_RATE, j->out.frames), NULL);
}

int master_find(struct master_job *j, struct madrigal_error *err)
{
	double target = j->settings->loudness_lufs;
	float *energies = calloc(loudness_blocks(AUDIO_RATE, j->out.frames) + 1, sizeof *energies);
	if (!energies)
		return err_nomem(err);
	for (size_t at = 0; at < j->out.frames; at += DESK_BLOCK) {
		size_t n = j->out.frames - at < DESK_BLOCK ? j->out.frames - at : DESK_BLOCK;
		master_sum(j->stems, j->n_stems, at, n, 1, j->out.ch[0] + at, j->out.ch[1] + at);
	}
	double lufs = trial_lufs(j, energies);
	j->gain_db = lufs > LOUDNESS_SILENCE ? fmin(target - lufs + USUAL_LOSS_DB, MAX_GAIN_DB) : 0;
	int rc = 0, found = lufs <= LOUDNESS_SILENCE;
	for (int k = 0; k < TRIALS && !found; k++) {
		rc = pass(j, j->gain_db, j->settings->ceiling_dbtp, err);
		if (rc < 0)
			break;
		double off = target - trial_lufs(j, energies);
		/* The limiter takes back a part of every step: a little more than is missing. A small step needs no proof. */
		j->gain_db = fmin(j->gain_db + off * 1.2, MAX_GAIN_DB);
		found = fabs(off) < CLOSE_LU;
	}
	free(energies);
	return rc;
}
