/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Second-order filters (R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients") and chains of them.
 *
 *     struct eq eq = eq_init();
 *     eq_add(&eq, biquad_highpass(48000, 90, 0.71));
 *     eq_add(&eq, biquad_peak(48000, 3000, 1, 2.5));
 *     eq_process(&eq, left, right, frames);
 */
#ifndef DSP_BIQUAD_H
#define DSP_BIQUAD_H

#include <stddef.h>

struct biquad { double b0, b1, b2, a1, a2; }; /* a0 = 1 */

/* hz is kept within 1 Hz .. 0.49 rate. q: 0.7071 is maximally flat for the passes. */
struct biquad biquad_highpass(double rate, double hz, double q);
struct biquad biquad_lowpass(double rate, double hz, double q);
struct biquad biquad_bandpass(double rate, double hz, double q); /* 0 dB at its peak */
struct biquad biquad_peak(double rate, double hz, double q, double db);
struct biquad biquad_low_shelf(double rate, double hz, double db);  /* db below hz; half of it at hz */
struct biquad biquad_high_shelf(double rate, double hz, double db); /* db above hz */
/* Its gain at a frequency, dB. */
double biquad_gain_db(const struct biquad *b, double rate, double hz);

#define EQ_MAX 24

typedef double eq_pair __attribute__((vector_size(16))); /* left and right side by side */

struct eq {
	int n;
	struct biquad band[EQ_MAX];
	eq_pair z1[EQ_MAX], z2[EQ_MAX];
};

struct eq eq_init(void);
/* Appends a filter; a chain holds EQ_MAX, which is the caller's to keep. */
void eq_add(struct eq *e, struct biquad b);
/* In place. right may be NULL: mono. Double precision inside. */
void eq_process(struct eq *e, float *left, float *right, size_t n);
void eq_reset(struct eq *e);
double eq_gain_db(const struct eq *e, double rate, double hz);

#endif
