/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what the ear heard to what a new song takes of it. */
#ifndef ENGINE_REFERENCE_H
#define ENGINE_REFERENCE_H

#include "ear/ear.h"
#include "style/reference.h"

/* What a song takes: tempo, meter, swing, key, chords, drum pattern and spectrum of `song`, the singer of `voice`; either may be NULL. What was heard with little confidence asks for
 * nothing. */
void reference_of(const struct heard *song, const struct heard *voice, struct style_reference *ret);

#endif
