/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What words/ knows by heart: share/words/ and the user's dictionary, and how a word sounds. Opening and closing are in
 * lyrics.h. All keys are in small letters. */
#ifndef WORDS_LEXICON_H
#define WORDS_LEXICON_H

#include "base/buf.h"
#include "words/lyrics.h"

enum word_list {
	LIST_FUNCTION,      /* the, of, and, I, ... */
	LIST_ACRONYM,       /* usa, fbi: spelt out when in capitals */
	LIST_DIRECTION,     /* instrumental, fade out: never sung when a parenthesis has nothing else */
	LIST_ABBREVIATION,  /* "mr." -> "mister" */
	LIST_TAG,           /* "middle eight" -> "bridge"; a value that begins with '=' counts only alone in its brackets */
	LIST_KEEP,          /* words that begin or end with an apostrophe: 'cause, ol' */
	WORD_LISTS
};

/* The value of key, or NULL. Lists without values give "". */
const char *lexicon_find(const struct lexicon *lx, enum word_list list, const char *key);

/* What a tag's or heading's text says: "Pre-Chorus 2 (softly)" -> SECTION_PRE_CHORUS, number 2; number 0 if it names none.
 * exact: nothing else but a section's name and number may stand there. Returns 1, or 0 if it names no section. */
int lexicon_section(const struct lexicon *lx, const char *text, size_t len, int exact, enum section_kind *ret_kind, int *ret_number);

/* How a word sounds, with stress. word: in small letters; prev, next: its neighbours in the line likewise, or NULL. spell: letter by letter.
 * Appends phonemes with at least one vowel. 0, or MADRIGAL_EMEMORY. Thread-safe. */
int lexicon_pronounce(struct lexicon *lx, const char *word, const char *prev, const char *next, int spell, struct buf *out);

#endif
