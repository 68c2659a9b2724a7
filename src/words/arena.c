/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/arena.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 16384

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, cap;
	char data[];
};

char *arena_copy(struct arena *a, const char *s, size_t n)
{
	struct arena_chunk *c = a->chunks;
	if (!c || c->cap - c->used < n + 1) {
		size_t cap = n + 1 > CHUNK_BYTES ? n + 1 : CHUNK_BYTES;
		c = malloc(sizeof *c + cap);
		if (!c)
			return NULL;
		c->cap = cap;
		c->used = 0;
		c->next = a->chunks;
		a->chunks = c;
	}
	char *p = c->data + c->used;
	memcpy(p, s, n);
	p[n] = 0;
	c->used += n + 1;
	return p;
}

void arena_release(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;
		free(a->chunks);
		a->chunks = next;
	}
}

int array_reserve(void **items, int *cap, int n, size_t size)
{
	if (n < *cap)
		return 0;
	int want = *cap ? *cap * 2 : 32;
	while (want <= n)
		want *= 2;
	void *p = realloc(*items, (size_t)want * size);
	if (!p)
		return -1;
	*items = p;
	*cap = want;
	return 0;
}
