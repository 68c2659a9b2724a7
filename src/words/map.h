/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strings by string: a hash table with open addressing. Keys and values live in an arena. */
#ifndef WORDS_MAP_H
#define WORDS_MAP_H

#include "words/arena.h"

struct map_entry {
	const char *key, *value;
};
struct map {
	struct map_entry *entries;
	int cap, n;
};

/* Copies both into the arena; a later value replaces an earlier. 0, or -1 if memory ran out. */
int map_put(struct map *m, struct arena *a, const char *key, const char *value);
const char *map_get(const struct map *m, const char *key);
void map_release(struct map *m);

#endif
