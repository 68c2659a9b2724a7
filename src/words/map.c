/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Where key is, or the free place for it. The table is never full. */
static struct map_entry *place(struct map_entry *entries, int cap, const char *key)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (const char *p = key; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	int i = (int)(h & (uint32_t)(cap - 1));
	while (entries[i].key && strcmp(entries[i].key, key))
		i = (i + 1) & (cap - 1);
	return &entries[i];
}

static int enlarge(struct map *m)
{
	int cap = m->cap ? m->cap * 2 : 64;
	struct map_entry *e = calloc((size_t)cap, sizeof *e);
	if (!e)
		return -1;
	for (int i = 0; i < m->cap; i++)
		if (m->entries[i].key)
			*place(e, cap, m->entries[i].key) = m->entries[i];
	free(m->entries);
	m->entries = e;
	m->cap = cap;
	return 0;
}

int map_put(struct map *m, struct arena *a, const char *key, const char *value)
{
	if ((m->n + 1) * 2 > m->cap && enlarge(m) < 0)
		return -1;
	struct map_entry *e = place(m->entries, m->cap, key);
	const char *v = arena_copy(a, value, strlen(value));
	if (!v)
		return -1;
	if (!e->key) {
		const char *k = arena_copy(a, key, strlen(key));
		if (!k)
			return -1;
		e->key = k;
		m->n++;
	}
	e->value = v;
	return 0;
}

const char *map_get(const struct map *m, const char *key)
{
	return m->cap ? place(m->entries, m->cap, key)->value : NULL;
}

void map_release(struct map *m)
{
	free(m->entries);
	*m = (struct map){ 0 };
}
