/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Analysis and synthesis of voiced sound after the papers of Morise's WORLD: CheapTrick (Speech Communication 67, 2015: spectral envelope), D4C (Speech
 * Communication 84, 2016: band aperiodicity), and WORLD's synthesis and StoneMask (IEICE Trans. E99-D, 2016); and an f0 tracker.
 *
 * Everywhere: x is n samples, mono, at rate Hz (8000..96000), borrowed; f0 values stand WORLD_HOP_S apart, the first at time 0, 0 where unvoiced (so are
 * values that are negative or not finite). A sound's own number of frames is world_frames_of(n, rate). Outputs are untouched on failure: MADRIGAL_EUSAGE
 * for a rate or length out of range, MADRIGAL_EMEMORY. Thread-safe; the same bits from the same arguments. */
#ifndef VOICE_WORLD_H
#define VOICE_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WORLD_FFT 1024                   /* at 24 kHz, f0 >= 71 Hz; lower ones are analysed as if they were that */
#define WORLD_BINS (WORLD_FFT / 2 + 1)
#define WORLD_HOP_S 0.005
#define WORLD_MOST_FRAMES 120000         /* ten minutes; the analysis of one second takes 0.8 MB */

struct world_frames {
	int n;               /* frames, one each WORLD_HOP_S, the first at time 0 */
	float *f0;           /* n: Hz, 0 unvoiced */
	float *envelope;     /* n x WORLD_BINS: power spectral envelope */
	float *aperiodicity; /* n x WORLD_BINS: amplitude ratio 0 (periodic) .. 1 (noise) */
};

/* Frames that cover n samples. */
static inline int world_frames_of(size_t n, int rate)
{
	return (int)((double)n / rate / WORLD_HOP_S) + 1;
}

/* f0: a first estimate for each of n_frames frames, refined inside (StoneMask's instantaneous frequency). Frames after the sound's end count as silence.
 * *ret by world_frames_release. */
int world_analyse(const float *x, size_t n, int rate, const float *f0, int n_frames, struct world_frames *ret, struct madrigal_error *err) MUST_CHECK;
/* frames -> n samples at rate, which is that of the analysis. The power is that of the envelope whatever the f0. The last frame holds if the sound is longer.
 * seed: of the noise. */
int world_synthesise(const struct world_frames *w, int rate, uint64_t seed, float *out, size_t n, struct madrigal_error *err) MUST_CHECK;
void world_frames_release(struct world_frames *w); /* leaves *w empty */

/* x, whose pitch is f0_in (a first estimate, 0 unvoiced), with the pitch f0_out and the same formants, into out[n]. Where only one of the two is 0, it becomes
 * a whisper. out may be x. */
int world_retune(const float *x, size_t n, int rate, const float *f0_in, const float *f0_out, int n_frames, uint64_t seed, float *out,
                 struct madrigal_error *err) MUST_CHECK;

/* Measures f0 (Hz, 0 unvoiced) of one voice between lo_hz (>= 30) and hi_hz (<= rate / 6): normalised cross-correlation, a Viterbi path over its peaks, each
 * refined as in world_analyse. Within about 2 cents on steady voices. */
int world_track_f0(const float *x, size_t n, int rate, float lo_hz, float hi_hz, float *ret_f0, int n_frames, struct madrigal_error *err) MUST_CHECK;

#endif
