/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that resolve a brief share: brief.c, choose.c (the style), instruments.c. */
#ifndef STYLE_RESOLVE_H
#define STYLE_RESOLVE_H

#include "style/prompt.h"

#define MAX_INSTRUMENTS 16 /* of a part: as the schema has it */

struct resolver {
	const struct madrigal_request *req;
	const struct style_reference *ref; /* NULL: none */
	struct style_set *set;
	const struct vocabulary *v;
	const struct singer_set *singers;
	const struct wishes *w;
	struct brief *b;
	const struct genre_said *second; /* the genre that flavours the song; NULL: none */
	const char *second_word;         /* as it is called */
	char (*spoken)[PHRASE_MAX_BYTES];                           /* what the style's instruments are called, normalised */
	int first[BRIEF_MAX_PARTS][MAX_INSTRUMENTS + 1];            /* where in spoken an instrument's words begin; its name is the first */
	int named[BRIEF_MAX_PARTS];      /* the prompt names this part's instrument */
	char brought[96];                /* what the second genre brings, for people */
};

static inline float clamp(float x, float low, float high)
{
	return x < low ? low : x > high ? high : x;
}

/* The request's style, or the one that suits the wishes best, and the genre that flavours it. *ret_style, *ret_second: indices in the set,
 * *ret_second -1 if there is none; neither is complete yet. */
int choose_style(struct resolver *r, int *ret_style, int *ret_second, struct madrigal_error *err) MUST_CHECK;
/* Needs b->style, b->influence complete, the wishes read with their instruments, and the meter. */
int resolve_instruments(struct resolver *r, struct madrigal_error *err) MUST_CHECK;

#endif
