/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The protobuf wire format, as far as an ONNX file needs it: fields taken off a span of bytes with every length checked, and fields put into a buffer. */
#ifndef VOICE_PB_H
#define VOICE_PB_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { PB_VARINT = 0, PB_64 = 1, PB_BYTES = 2, PB_32 = 5 };

struct pb_span {
	const uint8_t *p;
	size_t len;
};

struct pb_field {
	unsigned number, wire;
	uint64_t value;        /* of a varint */
	struct pb_span bytes;  /* of a length-delimited field */
	struct pb_span raw;    /* tag and all */
};

int pb_is(struct pb_span s, const char *text);
int pb_has(struct pb_span s, const char *text);
int pb_same(struct pb_span a, struct pb_span b);

/* Takes a varint off s. 0: there is none. */
int pb_take_varint(struct pb_span *s, uint64_t *ret);
/* Takes the next field off s. 1: taken, 0: s is at its end, -1: not protobuf. */
int pb_take(struct pb_span *s, struct pb_field *ret);
/* The integers of a repeated field, packed or not: appends those of f to ret[0..*n-1], at most max. 0: too many, or not integers. */
int pb_ints(const struct pb_field *f, int64_t *ret, int *n, int max);

void pb_put_varint(struct buf *b, uint64_t v);
void pb_put_int(struct buf *b, unsigned number, uint64_t v);
void pb_put_bytes(struct buf *b, unsigned number, const void *p, size_t n);
void pb_put_span(struct buf *b, unsigned number, struct pb_span s);
void pb_put_text(struct buf *b, unsigned number, const char *text);
void pb_put_raw(struct buf *b, struct pb_span s);
/* body as a message in field `number`; a failure of body fails b too. Releases body. */
void pb_put_message(struct buf *b, unsigned number, struct buf *body);

#endif
