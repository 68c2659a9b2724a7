/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the network is told to say at each moment of a sung line. */
#ifndef VOICE_TEXT_BEND_H
#define VOICE_TEXT_BEND_H

#include "voice/bend.h"
#include "voice/sing.h"

/* A line as it will be sung. */
struct sung_plan {
	const struct sung_line *line;
	const struct style_singer *manner;
	const struct spoken *spoken;
	struct bend bend;
	struct sung_span spans[TOKENS_MAX];
	int *token_of;              /* of each spoken frame */
	struct placed_note *placed; /* line->n_notes, the caller's */
};

/* Places the spoken line's sounds on the notes. line, manner and spoken are borrowed; `placed` stays as it is. sung_plan_release also after failure. */
int sung_plan_init(struct sung_plan *p, const struct sung_line *line, const struct style_singer *manner, const struct spoken *spoken,
                   struct madrigal_error *err) MUST_CHECK;
void sung_plan_release(struct sung_plan *p);

/* The index of the token that is spoken at a second of the spoken line; before it the first, after it the last. */
int sung_plan_token(const struct sung_plan *p, double spoken_s);

/* Fills b->text (zeros before) and b->weights for b's frames: text features follow the sound by 55 ms at speech's pace, and a vowel that is held more than 0.12 s comes in and changes without steps
 * (docs/voice.md). */
void text_bend(const struct sung_plan *p, struct bent *b);

#endif
