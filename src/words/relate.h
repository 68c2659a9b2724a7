/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lines and sections have to do with each other, once their words are known. */
#ifndef WORDS_RELATE_H
#define WORDS_RELATE_H

#include "words/arena.h"
#include "words/lyrics.h"

/* Sets kinds of sections that had no tag: the stanza that returns is the chorus, what comes once between choruses late in
 * the song the bridge, the others verses. untagged[i]: section i is such a stanza. */
void relate_kinds(struct lyrics *l, const unsigned char *untagged);

/* Sets number, name, same_as, rhyme and title. title: given above the lyrics, or NULL. 0, or -1 if memory ran out. */
int relate_all(struct lyrics *l, struct arena *arena, const char *title);

#endif
