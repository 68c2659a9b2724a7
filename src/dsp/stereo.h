/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A place between the loudspeakers. */
#ifndef DSP_STEREO_H
#define DSP_STEREO_H

#include <stddef.h>

#include "dsp/biquad.h"

/* Constant-power gains of a mono sound: pan -1 left .. 1 right; 0: both 0.7071. */
void pan_gains(double pan, double *ret_left, double *ret_right);

struct placement {
	double mid_left, mid_right, side_left, side_right;
	struct eq side_cut; /* the side signal without its lows: bass in the middle */
};

/* width 0 mono .. 1 as it is .. 2; the farther a sound is panned, the narrower it gets, so that neither half of it is lost. Below mono_hz (0: nowhere) it is
 * mono. The gain of a centred mono sound is 1. */
struct placement placement_init(double rate, double pan, double width, double mono_hz);
void placement_process(struct placement *p, float *left, float *right, size_t n);
void placement_reset(struct placement *p);

#endif
