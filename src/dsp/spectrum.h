/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The long-term spectrum of a sound in third-octave bands. */
#ifndef DSP_SPECTRUM_H
#define DSP_SPECTRUM_H

#include <stddef.h>

#include "base/err.h"

#define SPECTRUM_BANDS 26
extern const double spectrum_centres_hz[SPECTRUM_BANDS]; /* 40 Hz .. 12.5 kHz */

/* Mean power of (left + right) / 2 in each band: Hann windows of 8192 samples, every `hop`. right may be NULL. Shorter sounds are padded with silence. */
int spectrum_third_octaves(double rate, const float *left, const float *right, size_t n, size_t hop, double ret_power[SPECTRUM_BANDS],
                           struct madrigal_error *err) MUST_CHECK;

#endif
