/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strings that live as long as one object and are freed together. */
#ifndef WORDS_ARENA_H
#define WORDS_ARENA_H

#include <stddef.h>

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
};

/* A copy of n bytes with a NUL behind them; NULL if memory ran out. */
char *arena_copy(struct arena *a, const char *s, size_t n);
void arena_release(struct arena *a);

/* Makes room for item n of an array of `size`-byte items: 0, or -1 if memory ran out. */
int array_reserve(void **items, int *cap, int n, size_t size);

#endif
