/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feedback delay network of sixteen lines (Jot and Chaigne 1991, "Digital delay networks for designing artificial reverberators") mixed by a Hadamard matrix.
 * What comes in is thickened by allpasses (Schroeder 1962), reflected early from a few taps, and every line's length drifts a little, so that no mode rings.
 */
#ifndef DSP_REVERB_H
#define DSP_REVERB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dsp/biquad.h"

#define REVERB_LINES 16
#define REVERB_DIFFUSERS 4
#define REVERB_TAPS 10
#define REVERB_STEP 16

struct reverb_config {
	double rt60_s;            /* to -60 dB at middle frequencies: 0.1..20 */
	double predelay_ms;       /* 0..250 */
	double size;              /* 0.3..2: scales all lengths; 1: lines of 29..83 ms */
	double early;             /* 0..1: level of the early reflections */
	double damping_hz;        /* where the decay takes half the time */
	double low_cut_hz, high_cut_hz; /* of the input */
	double drift;             /* 0..1: how far the lengths move */
};
/* A plate for a voice: dense at once, bright. A room for a band: early reflections, darker. */
struct reverb_config reverb_plate(double rt60_s, double predelay_ms);
struct reverb_config reverb_room(double rt60_s);

typedef float reverb_four __attribute__((vector_size(16)));
#define REVERB_FOURS (REVERB_LINES / 4)

struct reverb_allpass { float *data; uint32_t length, at; };

struct reverb {
	struct reverb_config config;
	float *line[REVERB_LINES]; /* owned; rings of mask + 1 */
	uint32_t mask, shortest[REVERB_LINES]; /* a line's length: shortest + offset samples */
	reverb_four offset[REVERB_FOURS], slope[REVERB_FOURS], gain[REVERB_FOURS], damp[REVERB_FOURS], state[REVERB_FOURS]; /* gain, damp: one-pole absorption */
	double middle[REVERB_LINES], depth; /* of the offsets */
	double phase_re[REVERB_LINES], phase_im[REVERB_LINES], turn_re[REVERB_LINES], turn_im[REVERB_LINES]; /* the drift's oscillators */
	struct reverb_allpass diffuser[2][REVERB_DIFFUSERS];
	float *wait[2]; uint32_t wait_mask; /* predelay and early taps */
	uint32_t predelay, tap_at[2][REVERB_TAPS];
	float tap_gain[REVERB_TAPS];
	struct eq input;
	uint32_t now;
	int count;
	float level;
};

int reverb_init(struct reverb *r, double rate, const struct reverb_config *c, struct madrigal_error *err) MUST_CHECK;
void reverb_release(struct reverb *r);
/* left and right: the send coming in, the reverberation alone going out. Its level is that of the send, about, whatever its time. */
void reverb_process(struct reverb *r, float *left, float *right, size_t n);
void reverb_reset(struct reverb *r);

#endif
