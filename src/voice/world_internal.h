/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of world.c share: transforms, windows, smoothing over frequency. */
#ifndef VOICE_WORLD_INTERNAL_H
#define VOICE_WORLD_INTERNAL_H

#include <stddef.h>

#include "base/err.h"
#include "dsp/fft.h"

#define WORLD_MIN_RATE 8000
#define WORLD_MAX_RATE 96000
#define WORLD_MOST_BINS 1026
#define WORLD_UNVOICED_HZ 500.0 /* analysis windows of unvoiced frames are as wide as for this f0 */

enum world_window { WORLD_HANN, WORLD_BLACKMAN };

/* Cuts a window of `periods` periods of f0 around centre (in samples) out of x into f->time[0..2 half], zeros after, with the weighted mean taken off and
 * scaled so that the window's own energy is 1. Samples outside x count as 0. f0 must be high enough for the window to fit. Returns half. */
int world_cut(struct fft *f, const float *x, size_t n, int rate, double centre, double f0, double periods, enum world_window shape);

/* out[k] = mean of in (piecewise constant over bins 0..bins-1, mirrored at both ends) over width bins around k, width <= bins.
 * integral: WORLD_SMOOTH_SCRATCH(bins) doubles. in may be out. */
#define WORLD_SMOOTH_SCRATCH(bins) (2 * (bins) + 8)
void world_smooth(const float *in, int bins, double width, float *out, double *integral);

/* Fills the gap below the fundamental: the power at f is increased by that at f0 - f, f < f0. f0 in bins, bins < WORLD_MOST_BINS. */
void world_fill_below(float *power, int bins, double f0);

/* |freq|^2 -> power[n / 2 + 1]. */
void world_power(const struct fft *f, float *power);

/* The state of one analysis of the envelope (CheapTrick) or aperiodicity (D4C). */
struct world_envelope_scratch {
	struct fft fft;
	float *power;
	double *integral;
};
int world_envelope_open(struct world_envelope_scratch *s);
void world_envelope_close(struct world_envelope_scratch *s);
/* Power envelope at time_s into ret[WORLD_BINS]; f0: 0 unvoiced. */
void world_envelope(struct world_envelope_scratch *s, const float *x, size_t n, int rate, double time_s, double f0, float *ret);

struct world_aperiodicity_scratch {
	struct fft fft;
	float *power, *delay, *smooth, *window;
	int window_bins;
	double *integral;
	fftwf_complex *spectrum;
};
int world_aperiodicity_open(struct world_aperiodicity_scratch *s, int rate);
void world_aperiodicity_close(struct world_aperiodicity_scratch *s);
/* Aperiodicity at time_s into ret[WORLD_BINS]; all 1 where f0 is 0 or the sound at time_s is not voiced after all. */
void world_aperiodicity(struct world_aperiodicity_scratch *s, const float *x, size_t n, int rate, double time_s, double f0, float *ret);

/* MADRIGAL_EUSAGE for a rate or length that is out of range. */
int world_check(size_t n, int rate, int n_frames, struct madrigal_error *err) MUST_CHECK;

/* f, or 0 if it is not a positive number; no f0 is below 20 Hz or above rate / 8. */
double world_valid_f0(float f, int rate);

/* f0 at sample t by straight lines between the frames' (n_frames >= 1); 0 where the nearest frame is unvoiced. Towards an unvoiced frame the last voiced value
 * holds. Values as world_valid_f0 has them. */
double world_f0_at(const float *f0, int n_frames, int rate, double t);

/* f0 (Hz, > 0) refined at time_s by the instantaneous frequencies of the first harmonics; f0 itself when they contradict it. */
double world_refine_f0(const float *x, size_t n, int rate, double time_s, double f0);

#endif
