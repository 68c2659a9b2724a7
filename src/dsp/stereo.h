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

#define WIDENER_STAGES 4
#define WIDENER_LONGEST 1024

/* Width for a mono sound: what is above hz, turned to and fro in phase by allpasses, goes to the sides with opposite signs. The middle, and so the sum to mono, stays as
 * it is. */
struct widener {
	double amount;
	struct eq cut;
	float line[WIDENER_STAGES][WIDENER_LONGEST];
	unsigned length[WIDENER_STAGES], at[WIDENER_STAGES];
};
/* amount 0..1: the sides' level against the middle's. */
void widener_init(struct widener *w, double rate, double amount, double hz);
void widener_process(struct widener *w, float *left, float *right, size_t n);
void widener_reset(struct widener *w);

#endif
