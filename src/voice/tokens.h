/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line's phonemes as the network's tokens. */
#ifndef VOICE_TOKENS_H
#define VOICE_TOKENS_H

#include <stdint.h>

#include "base/err.h"
#include "voice/voice.h"

#define TOKENS_MAX 510 /* the voices have a style for each length up to this */

enum token_kind { TOKEN_PAUSE, TOKEN_ONSET, TOKEN_STRESS, TOKEN_NUCLEUS, TOKEN_CODA };

struct token {
	int id;
	enum token_kind kind; /* TOKEN_PAUSE: the line's ends, spaces, punctuation */
	int syllable;         /* -1 for a pause */
	int voiced;           /* 1: sung with pitch whatever the spoken line did: vowels, nasals, liquids, glides */
	int glide;            /* 1: a diphthong, whose first half is held */
	int voiceless;        /* 1: a consonant without voice */
	int stop;             /* 1: one that begins with the mouth closed: p, t, k, ch */
};

struct token_line {
	struct token t[TOKENS_MAX];
	int n;
};

/* MADRIGAL_ELYRICS if the line is too long or has a syllable without a phoneme that the voice knows. */
int tokens_of_line(const struct sung_line *line, struct token_line *ret, struct madrigal_error *err) MUST_CHECK;

/* Whether it is a part of its syllable's vowel: the stress mark before it is sung as one. */
int token_is_vowel(const struct token *k);

#endif
