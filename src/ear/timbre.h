/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timbre.c's vector, in order: 13 mean cepstral coefficients, the spreads of the first 6, flux and flatness below 200 Hz, to 2 kHz and above, the spread of the level, how much a
 * spectrum resembles that of 0.74 s before, width (dB), onsets (log2 a second), drums, swing. */
#ifndef EAR_TIMBRE_H
#define EAR_TIMBRE_H

#include "ear/ear.h"

#define TIMBRE_FIGURES 31
/* Which parts sound, out of the vector: parts.c. */
void parts_of(struct heard_timbre *t);

#endif
