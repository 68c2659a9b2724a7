/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include <ebur128.h>

#include "audio/audio.h"

#define BLOCK 4096
#define SILENCE_LUFS (-70.0)
#define SILENCE_DBTP (-200.0)

int audio_loudness(const struct audio *a, double *ret_lufs, double *ret_true_peak_dbtp, struct madrigal_error *err)
{
	int mode = EBUR128_MODE_I | (ret_true_peak_dbtp ? EBUR128_MODE_TRUE_PEAK : 0);
	ebur128_state *st = ebur128_init((unsigned)a->channels, (unsigned long)a->rate, mode);
	if (!st)
		return err_nomem(err);
	float block[BLOCK * 2];
	int failed = 0;
	for (size_t at = 0; at < a->frames && !failed; at += BLOCK) {
		size_t n = a->frames - at < BLOCK ? a->frames - at : BLOCK;
		for (size_t i = 0; i < n; i++)
			for (int c = 0; c < a->channels; c++)
				block[i * (size_t)a->channels + (size_t)c] = a->ch[c][at + i];
		failed = ebur128_add_frames_float(st, block, n);
	}
	/* The oversampling filter holds back its last samples: zeros push them out. */
	static const float zeros[64 * 2];
	double lufs = SILENCE_LUFS, peak = 0;
	if (!failed && ret_true_peak_dbtp)
		failed = ebur128_add_frames_float(st, zeros, 64);
	if (!failed && ret_lufs)
		failed = ebur128_loudness_global(st, &lufs);
	for (int c = 0; c < a->channels && !failed && ret_true_peak_dbtp; c++) {
		double p;
		failed = ebur128_true_peak(st, (unsigned)c, &p);
		if (!failed && p > peak)
			peak = p;
	}
	ebur128_destroy(&st);
	if (failed)
		return err_set(err, failed == EBUR128_ERROR_NOMEM ? MADRIGAL_EMEMORY : MADRIGAL_EINTERNAL, "cannot measure loudness (%d)", failed);
	if (ret_lufs)
		*ret_lufs = lufs > SILENCE_LUFS ? lufs : SILENCE_LUFS;
	if (ret_true_peak_dbtp)
		*ret_true_peak_dbtp = peak > 1e-10 ? 20 * log10(peak) : SILENCE_DBTP;
	return 0;
}
