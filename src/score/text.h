/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the file writers of score/ share: text made safe, numbers without a locale, words cut into syllables. Private to score/. */
#ifndef SCORE_TEXT_H
#define SCORE_TEXT_H

#include "base/buf.h"
#include "score/score.h"

/* The next code point of NUL-ended UTF-8, *p moved past it; U+FFFD for a malformed byte (a title cut in the middle of a letter); 0 at the end. */
unsigned take_code_point(const char **p);
void add_code_point(struct buf *b, unsigned c);

/* Text as it stands, but valid UTF-8 and on one line: control characters become blanks. */
void add_plain(struct buf *b, const char *text);

/* x rounded to 1e-6 with a point whatever the locale, without needless zeros: "92.0", "0.333333"; "null" for NaN and infinity. */
void add_number(struct buf *b, double x);

#define SYLLABLE_TEXT_MAX 64
/* The letters of a word's syllable: "wood" and "en". English spelling is guessed at: as many parts as the word has syllables, each with a
 * letter of its own as long as there are letters; "" for a syllable beyond them. */
void syllable_text(const struct word *w, int syllable, char out[SYLLABLE_TEXT_MAX]);

/* Whether vocal note i begins a syllable, rather than carrying on the one before it. */
int begins_syllable(const struct vocal_note *v, int i);

#endif
