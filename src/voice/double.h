/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A second voice made of the first, as studios did with two tape machines: later, and drifting in time and so in pitch. */
#ifndef VOICE_DOUBLE_H
#define VOICE_DOUBLE_H

#include <stdint.h>

#include "audio/audio.h"

/* side 0 or 1: two doubles of one line drift apart. *ret, owned by the caller, has lead's rate and a few milliseconds more. */
int double_of(const struct audio *lead, uint64_t seed, int side, struct audio *ret, struct madrigal_error *err) MUST_CHECK;

#endif
