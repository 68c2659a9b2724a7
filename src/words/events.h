/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plain text -> what happens in it, in order: lines to sing, pauses, tags, ## marks. Everything that is not sung is gone
 * from the lines. */
#ifndef WORDS_EVENTS_H
#define WORDS_EVENTS_H

#include "words/arena.h"
#include "words/lexicon.h"

enum event_type {
	EVENT_LINE,  /* text, backing */
	EVENT_BLANK, /* one or more blank lines */
	EVENT_TAG,   /* kind, number (0: none given) */
	EVENT_MARK,  /* ## */
};

struct event {
	enum event_type type;
	enum section_kind kind;
	int number, backing;
	const char *text; /* plain text (text.h) */
};

struct events {
	struct event *items; /* freed by the caller */
	int n, cap;
	const char *title;   /* from a "Title:" line or a heading above the lyrics, or NULL */
};

/* Texts live in the arena. 0, or -1 if memory ran out; *ret is then partly filled and still to be freed. */
int events_read(const char *plain, const struct lexicon *lx, struct arena *arena, struct events *ret);

#endif
