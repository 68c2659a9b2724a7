/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loudness as ITU-R BS.1770-4 has it, but by the tenth of a second, so that parts of a song and sums of stems can be compared. (For a file's figures:
 * audio_loudness.) */
#ifndef DSP_LOUDNESS_H
#define DSP_LOUDNESS_H

#include <stddef.h>

#define LOUDNESS_SILENCE (-70.0)

/* The K-weighting filters of any rate. */
struct eq;
void loudness_weighting(double rate, struct eq *ret);

/* Tenths of a second that n samples have; a rest at the end counts as one. */
size_t loudness_blocks(double rate, size_t n);
/* The K-weighted energy (mean square, both channels summed) of each tenth; right NULL: left counts for both. ret has loudness_blocks() values. */
void loudness_energies(double rate, const float *left, const float *right, size_t n, float *ret);
/* Likewise, for a sound that comes in parts: weighting (of loudness_weighting, before the first part) keeps what the filters remember. All parts but the last are whole
 * tenths. */
void loudness_energies_on(struct eq *weighting, double rate, const float *left, const float *right, size_t n, float *ret);
/* Integrated loudness with its two gates over windows of 0.4 s, LUFS; LOUDNESS_SILENCE for silence. mask (may be NULL): only windows whose second tenth is marked
 * count. */
double loudness_integrated(const float *energies, size_t blocks, const unsigned char *mask);
/* Energy to LUFS. */
double loudness_of_energy(double energy);

#endif
