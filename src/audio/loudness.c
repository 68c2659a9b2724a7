/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>

#include <ebur128.h>

#include "audio/audio.h"

#define BLOCK 4096
#define SILENCE_LUFS (-70.0)
#define SILENCE_DBTP (-200.0)

struct audio_meter {
	ebur128_state *state;
	int channels, peaks;
};

static struct audio_meter *meter_new(int rate, int channels, int peaks)
{
	struct audio_meter *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	*m = (struct audio_meter){ .channels = channels, .peaks = peaks };
	m->state = ebur128_init((unsigned)channels, (unsigned long)rate, EBUR128_MODE_I | (peaks ? EBUR128_MODE_TRUE_PEAK : 0));
	if (!m->state) {
		free(m);
		return NULL;
	}
	return m;
}

struct audio_meter *audio_meter_new(int rate, int channels)
{
	return meter_new(rate, channels, 1);
}

void audio_meter_free(struct audio_meter *m)
{
	if (!m)
		return;
	ebur128_destroy(&m->state);
	free(m);
}

static int failure(int code, struct madrigal_error *err)
{
	return err_set(err, code == EBUR128_ERROR_NOMEM ? MADRIGAL_EMEMORY : MADRIGAL_EINTERNAL, "cannot measure loudness (%d)", code);
}

int audio_meter_add(struct audio_meter *m, const struct audio *a, struct madrigal_error *err)
{
	float block[BLOCK * 2];
	int failed = 0;
	for (size_t at = 0; at < a->frames && !failed; at += BLOCK) {
		size_t n = a->frames - at < BLOCK ? a->frames - at : BLOCK;
		for (size_t i = 0; i < n; i++)
			for (int c = 0; c < m->channels; c++)
				block[i * (size_t)m->channels + (size_t)c] = a->ch[c][at + i];
		failed = ebur128_add_frames_float(m->state, block, n);
	}
	return failed ? failure(failed, err) : 0;
}

int audio_meter_end(struct audio_meter *m, double *ret_lufs, double *ret_true_peak_dbtp, struct madrigal_error *err)
{
	/* The oversampling filter holds back its last samples: zeros push them out. */
	static const float zeros[64 * 2];
	double lufs = SILENCE_LUFS, peak = 0;
	int failed = 0;
	if (m->peaks)
		failed = ebur128_add_frames_float(m->state, zeros, 64);
	if (!failed && ret_lufs)
		failed = ebur128_loudness_global(m->state, &lufs);
	for (int c = 0; c < m->channels && !failed && ret_true_peak_dbtp; c++) {
		double p;
		failed = ebur128_true_peak(m->state, (unsigned)c, &p);
		if (!failed && p > peak)
			peak = p;
	}
	if (failed)
		return failure(failed, err);
	if (ret_lufs)
		*ret_lufs = lufs > SILENCE_LUFS ? lufs : SILENCE_LUFS;
	if (ret_true_peak_dbtp)
		*ret_true_peak_dbtp = peak > 1e-10 ? 20 * log10(peak) : SILENCE_DBTP;
	return 0;
}

int audio_loudness(const struct audio *a, double *ret_lufs, double *ret_true_peak_dbtp, struct madrigal_error *err)
{
	struct audio_meter *m = meter_new(a->rate, a->channels, ret_true_peak_dbtp != NULL);
	if (!m)
		return err_nomem(err);
	int rc = audio_meter_add(m, a, err);
	if (!rc)
		rc = audio_meter_end(m, ret_lufs, ret_true_peak_dbtp, err);
	audio_meter_free(m);
	return rc;
}
