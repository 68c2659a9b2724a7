/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of the pulses of a recording is the beat, and which beats begin bars: every reading of the pulse train as 4/4, 3/4 or 6/8 at half, the same, double or thirds of its pace is
 * weighed by what strikes where in its bar and where the harmony changes. */
#ifndef EAR_BARS_H
#define EAR_BARS_H

#include "ear/ear.h"
#include "ear/onsets.h"

/* r's beats are pulses; what is read in them takes their place: r's beats, tempo (and the next best), meter, its confidence and the first downbeat. h (may be NULL): its chords tell where
 * bars begin, too. Fewer than two pulses stay what they are. On failure r is spoilt. */
int bars_find(const struct ear_sound *s, const struct onsets *o, const struct heard_harmony *h, const cancel_flag *cancel, struct heard_rhythm *r, struct madrigal_error *err) MUST_CHECK;

#endif
