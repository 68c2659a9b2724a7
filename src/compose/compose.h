/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compose/: lyrics + brief + seed -> score. Microseconds a candidate: many are made, the best kept.
 *
 *     form.c     sections, bars, where each line lies       plan
 *     harmony.c  chords by section
 *     key_change.c  the last chorus raised
 *     rhythm.c   onsets for each line's syllables (phrase rhythms of human songs)
 *     melody.c   pitches
 *     rap.c      the same two for lines that are rapped
 *     cost.c     what is wrong with a tune, in one number; each term with its source
 *     vocal_harmony.c  the chorus's harmony voices
 *     arrange.c  the band's parts from the style's grooves
 *     arrange_takes.c  after a reference, the best of several arrangements
 */
#ifndef COMPOSE_COMPOSE_H
#define COMPOSE_COMPOSE_H

#include "base/pool.h"
#include "score/score.h"
#include "style/brief.h"

#define COMPOSE_DEFAULT_CANDIDATES 256

struct compose_request {
	struct lyrics *lyrics;      /* borrowed, kept by the score */
	const struct brief *brief;
	uint64_t seed;
	int candidates;             /* >= 1 */
	double duration_s;          /* 0: as the lyrics need; else met to the bar (the song's last bar begins before it and ends at or after it) */
	const cancel_flag *cancel;  /* may be NULL */
};

/* Composes. *ret is owned by the caller (score_release). MADRIGAL_EUSAGE if the lyrics can't be sung within duration_s at any tempo allowed (says which length is
 * needed). The same request gives the same score. */
int compose_song(const struct compose_request *req, struct score *ret, struct madrigal_error *err) MUST_CHECK;

/* The second half, alone: fills s->parts from sections, chords and vocal by the style's grooves; after a reference, of several arrangements with that whose bar is most like its. Called by
 * compose_song. */
int arrange_parts(const struct compose_request *req, struct score *s, struct madrigal_error *err) MUST_CHECK;

#endif
