/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers as they are said in American English. Each function appends words with single spaces between them. */
#ifndef WORDS_NUMBERS_H
#define WORDS_NUMBERS_H

#include "base/buf.h"

/* token: what stands between two spaces, with a digit in it ("1984", "$5.50", "10:30pm", "'80s", "12/24", "B4").
 * Letters that belong to no number come out as they are. Appends nothing if there is nothing to say. */
void number_words(const char *token, struct buf *out);

#endif
