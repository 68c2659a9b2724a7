/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bending time: where each moment of the sung line is found in the spoken one. */
#ifndef VOICE_BEND_H
#define VOICE_BEND_H

#include "voice/tokens.h"

#define FRAME_S 0.025 /* the network's frame: 600 samples at 24 kHz */

/* The network sounds a phoneme before its token's frames begin: measured over eight voices, a vowel is heard 0.045-0.055 s before its
 * first token's first frame and ends 0.065-0.085 s before its last token's last (docs/voice.md). */
#define ONSET_LEAD_S 0.05
#define OFFSET_LEAD_S 0.07
#define LEAD_S 0.055 /* in between, where one value must do */

#define BEND_POINTS_MAX (TOKENS_MAX * 4 + 8)

/* Piecewise linear and rising in both: at dst seconds of the sung line sounds src of the spoken one. */
struct bend {
	double dst[BEND_POINTS_MAX], src[BEND_POINTS_MAX];
	int n;
};

/* A sung syllable as planned: the vowel from vowel_start to vowel_end, consonants around it. Seconds of the sung line. */
struct sung_span {
	double onset_start, vowel_start, vowel_end, coda_end;
};

/* frames[i]: of token i as spoken. spans: line->n_syllables values. Every syllable must have a note. */
void bend_plan(const struct sung_line *line, const struct token_line *tokens, const int *frames, struct bend *ret, struct sung_span *spans);

/* The spoken second at a sung second; outside, time runs on as it is. */
double bend_source(const struct bend *b, double t);

#endif
