/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time-domain pitch-synchronous overlap-add (Moulines & Charpentier, Speech Communication 9, 1990): a voice is cut into grains of two periods which are laid
 * down again at another distance. The grains are the sound itself, so that small shifts stay natural; docs/world.md compares it with resynthesis. */
#ifndef VOICE_PSOLA_H
#define VOICE_PSOLA_H

#include <stddef.h>

#include "base/err.h"

/* x (n samples, mono, at rate Hz, 8000..96000), whose pitch is f0_in (a first estimate, one value each WORLD_HOP_S, 0 unvoiced), with the pitch f0_out and
 * the same formants and length and about the same loudness (within 2.5 dB), into out[n], which may not overlap x. Where f0_in is 0 the sound stays as it is; where only f0_out is 0 the pitch
 * stays. f0_out is followed within a factor of 4. Errors as in world.h; out is untouched then. Thread-safe, deterministic. */
int psola_retune(const float *x, size_t n, int rate, const float *f0_in, const float *f0_out, int n_frames, float *out,
                 struct madrigal_error *err) MUST_CHECK;

#endif
