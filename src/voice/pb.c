/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/pb.h"

#include <string.h>

int pb_is(struct pb_span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

int pb_same(struct pb_span a, struct pb_span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.p, b.p, a.len));
}

int pb_has(struct pb_span s, const char *text)
{
	return s.len && memmem(s.p, s.len, text, strlen(text)) != NULL;
}

int pb_take_varint(struct pb_span *s, uint64_t *ret)
{
	uint64_t v = 0;
	for (int i = 0; i < 10 && (size_t)i < s->len; i++) {
		v |= (uint64_t)(s->p[i] & 127) << (7 * i);
		if (!(s->p[i] & 128)) {
			s->p += i + 1;
			s->len -= (size_t)i + 1;
			*ret = v;
			return 1;
		}
	}
	return 0;
}

int pb_take(struct pb_span *s, struct pb_field *f)
{
	if (!s->len)
		return 0;
	const uint8_t *start = s->p;
	uint64_t tag, n;
	if (!pb_take_varint(s, &tag))
		return -1;
	*f = (struct pb_field){ .number = (unsigned)(tag >> 3), .wire = tag & 7 };
	if (f->wire == PB_VARINT) {
		if (!pb_take_varint(s, &f->value))
			return -1;
		n = 0;
	} else if (f->wire == PB_BYTES) {
		if (!pb_take_varint(s, &n) || n > s->len)
			return -1;
		f->bytes = (struct pb_span){ s->p, n };
	} else if (f->wire == PB_64 || f->wire == PB_32) {
		n = f->wire == PB_64 ? 8 : 4;
		if (n > s->len)
			return -1;
	} else {
		return -1;
	}
	s->p += n;
	s->len -= n;
	f->raw = (struct pb_span){ start, (size_t)(s->p - start) };
	return 1;
}

int pb_ints(const struct pb_field *f, int64_t *ret, int *n, int max)
{
	if (f->wire == PB_VARINT) {
		if (*n >= max)
			return 0;
		ret[(*n)++] = (int64_t)f->value;
		return 1;
	}
	struct pb_span s = f->bytes;
	uint64_t v;
	while (s.len) {
		if (*n >= max || !pb_take_varint(&s, &v))
			return 0;
		ret[(*n)++] = (int64_t)v;
	}
	return f->wire == PB_BYTES;
}

void pb_put_varint(struct buf *b, uint64_t v)
{
	for (; v > 127; v >>= 7)
		buf_addc(b, (char)((v & 127) | 128));
	buf_addc(b, (char)v);
}

void pb_put_int(struct buf *b, unsigned number, uint64_t v)
{
	pb_put_varint(b, number << 3 | PB_VARINT);
	pb_put_varint(b, v);
}

void pb_put_bytes(struct buf *b, unsigned number, const void *p, size_t n)
{
	pb_put_varint(b, number << 3 | PB_BYTES);
	pb_put_varint(b, n);
	buf_add(b, p, n);
}

void pb_put_span(struct buf *b, unsigned number, struct pb_span s)
{
	pb_put_bytes(b, number, s.p, s.len);
}

void pb_put_text(struct buf *b, unsigned number, const char *text)
{
	pb_put_bytes(b, number, text, strlen(text));
}

void pb_put_raw(struct buf *b, struct pb_span s)
{
	if (s.len)
		buf_add(b, s.p, s.len);
}

void pb_put_message(struct buf *b, unsigned number, struct buf *body)
{
	if (body->failed)
		b->failed = body->failed;
	pb_put_bytes(b, number, buf_str(body), body->len);
	buf_release(body);
}
