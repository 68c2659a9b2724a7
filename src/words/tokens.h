/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line of plain text -> the words sung, as letters. */
#ifndef WORDS_TOKENS_H
#define WORDS_TOKENS_H

#include "words/arena.h"
#include "words/lexicon.h"

struct token {
	const char *text;  /* as shown: original capitals */
	const char *lower; /* in small letters: the key of dictionaries */
	size_t from, to;   /* the bytes of the line it comes from, punctuation included */
	char punct;
	int starts_source, spell;
};

struct tokens {
	struct token *items; /* freed by the caller */
	int n, cap;
};

/* Appends. Texts live in the arena. 0, or -1 if memory ran out. */
int tokens_read(const char *line, const struct lexicon *lx, struct arena *arena, struct tokens *ret);

#endif
