/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing string of bytes with a ceiling named at birth, after curl's dynbuf: on any failure the buffer empties itself
 * and remembers that it failed, so a writer checks once, at the end. Always NUL-terminated. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

#include "base/err.h"

struct buf {
	char *data; /* NULL while empty */
	size_t len, cap, max;
	int failed; /* 0 or MADRIGAL_EMEMORY: the ceiling or the heap was reached */
};

struct buf buf_init(size_t max_bytes);
void buf_release(struct buf *b);
void buf_clear(struct buf *b);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Big-endian integers, as MIDI and ID3 have them. */
void buf_be16(struct buf *b, unsigned v);
void buf_be32(struct buf *b, unsigned v);
/* The text, "" while empty; valid until the next change. */
const char *buf_str(const struct buf *b);

#endif
