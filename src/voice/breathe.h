/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A voice made breathier or clearer: what its neighbouring periods do not share, which is the air that escapes between the vocal folds, is made louder or softer (harmonics-to-noise by comparing
 * periods: Yumoto, Gould and Baer 1982, "Harmonics-to-noise ratio as an index of the degree of hoarseness"). The noise is the singer's own, with the spectrum and the pulse that it has. */
#ifndef VOICE_BREATHE_H
#define VOICE_BREATHE_H

#include <stddef.h>

#include "base/err.h"

#define BREATHE_MOST_DB 6.0f

/* x: n samples, mono, at rate Hz, changed in place. f0: n_f0 values, step_s seconds apart, the first at step_s / 2: what is sung there, Hz, 0 where unvoiced; within 3 % is near enough. What lies
 * halfway between two harmonics changes by db (-BREATHE_MOST_DB..BREATHE_MOST_DB, cut to that) from 2 kHz on, less below, not below 500 Hz; harmonics and what is unvoiced stay. 0 dB: the same
 * bits. Fails for want of memory only. Deterministic. */
int breathe(float *x, size_t n, int rate, const float *f0, double step_s, int n_f0, float db, struct madrigal_error *err) MUST_CHECK;

#endif
