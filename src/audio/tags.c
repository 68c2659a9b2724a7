/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio/tags.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LATIN1 0
#define UTF16 1
#define MILLISECONDS 2
#define LYRICS 1

/* ------------------------------------------------------------------ text */

/* The next code point of *p, which moves on; U+FFFD for what is not UTF-8 (one byte at a time). 0 at the end. */
static uint32_t next_code_point(const char **p)
{
	const unsigned char *s = (const unsigned char *)*p;
	int more = s[0] < 0x80 ? 0 : (s[0] & 0xe0) == 0xc0 ? 1 : (s[0] & 0xf0) == 0xe0 ? 2 : (s[0] & 0xf8) == 0xf0 ? 3 : -1;
	uint32_t c = more <= 0 ? s[0] : s[0] & (0x3fu >> more);
	for (int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			more = -1;
			break;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	static const uint32_t least[4] = { 0, 0x80, 0x800, 0x10000 };
	if (more < 0 || c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
		more = 0;
		c = 0xfffd;
	}
	*p += s[0] ? more + 1 : 0;
	return c;
}

static int encoding_of(const char *text)
{
	for (uint32_t c; (c = next_code_point(&text));)
		if (c > 0xff)
			return UTF16;
	return LATIN1;
}

static void le16(struct buf *b, uint32_t v)
{
	buf_addc(b, (char)(v & 0xff));
	buf_addc(b, (char)(v >> 8 & 0xff));
}

static void add_text(struct buf *b, int encoding, const char *text, int terminated)
{
	if (encoding == UTF16)
		buf_add(b, "\xff\xfe", 2);
	for (uint32_t c; (c = next_code_point(&text));) {
		if (encoding == LATIN1) {
			buf_addc(b, (char)c);
		} else if (c < 0x10000) {
			le16(b, c);
		} else {
			le16(b, 0xd800 + ((c - 0x10000) >> 10));
			le16(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
		}
	}
	if (terminated)
		buf_add(b, "\0", encoding == UTF16 ? 2 : 1);
}

/* ------------------------------------------------------------------ ID3 */

static void frame(struct buf *out, const char *id, struct buf *body)
{
	buf_add(out, id, 4);
	buf_be32(out, (unsigned)body->len);
	buf_be16(out, 0);
	buf_add(out, buf_str(body), body->len);
	if (body->failed)
		out->failed = body->failed;
	buf_release(body);
}

static void text_frame(struct buf *out, const char *id, const char *text)
{
	if (!text || !*text)
		return;
	struct buf body = buf_init(TAGS_MAX_BYTES);
	int encoding = encoding_of(text);
	buf_addc(&body, (char)encoding);
	add_text(&body, encoding, text, 0);
	frame(out, id, &body);
}

/* COMM and USLT: a language, an empty description, the text. */
static void language_frame(struct buf *out, const char *id, const char *text)
{
	if (!text || !*text)
		return;
	struct buf body = buf_init(TAGS_MAX_BYTES);
	int encoding = encoding_of(text);
	buf_addc(&body, (char)encoding);
	buf_adds(&body, "eng");
	add_text(&body, encoding, "", 1);
	add_text(&body, encoding, text, 0);
	frame(out, id, &body);
}

static void lyrics_text(const struct encode_settings *s, struct buf *text)
{
	for (int i = 0; i < s->n_lyrics; i++) {
		if (i)
			buf_addc(text, '\n');
		buf_adds(text, s->lyrics[i].text ? s->lyrics[i].text : "");
	}
}

static void stamped_frame(struct buf *out, const struct encode_settings *s)
{
	if (s->n_lyrics < 1)
		return;
	struct buf body = buf_init(TAGS_MAX_BYTES);
	int encoding = LATIN1;
	for (int i = 0; i < s->n_lyrics; i++)
		if (s->lyrics[i].text && encoding_of(s->lyrics[i].text) == UTF16)
			encoding = UTF16;
	buf_addc(&body, (char)encoding);
	buf_adds(&body, "eng");
	buf_addc(&body, MILLISECONDS);
	buf_addc(&body, LYRICS);
	add_text(&body, encoding, "", 1);
	for (int i = 0; i < s->n_lyrics; i++) {
		add_text(&body, encoding, s->lyrics[i].text ? s->lyrics[i].text : "", 1);
		buf_be32(&body, (unsigned)llround(fmax(s->lyrics[i].time_s, 0) * 1000));
	}
	frame(out, "SYLT", &body);
}

void tags_id3(const struct encode_settings *s, struct buf *out)
{
	struct buf frames = buf_init(TAGS_MAX_BYTES), lyrics = buf_init(TAGS_MAX_BYTES), bpm = buf_init(32);
	text_frame(&frames, "TIT2", s->title);
	text_frame(&frames, "TPE1", s->artist);
	if (s->bpm > 0)
		buf_addf(&bpm, "%d", (int)lround(s->bpm));
	text_frame(&frames, "TBPM", buf_str(&bpm));
	text_frame(&frames, "TKEY", s->key);
	language_frame(&frames, "COMM", s->comment);
	lyrics_text(s, &lyrics);
	language_frame(&frames, "USLT", buf_str(&lyrics));
	stamped_frame(&frames, s);
	if (frames.len) {
		buf_add(out, "ID3\3\0\0", 6);
		for (int shift = 21; shift >= 0; shift -= 7)
			buf_addc(out, (char)(frames.len >> shift & 0x7f));
		buf_add(out, frames.data, frames.len);
	}
	if (frames.failed || lyrics.failed)
		out->failed = MADRIGAL_EMEMORY;
	buf_release(&frames);
	buf_release(&lyrics);
	buf_release(&bpm);
}

/* ------------------------------------------------------------------ FLAC */

#define BLOCK_COMMENT 4
#define BLOCK_LAST 0x80
#define BLOCK_MAX 0xffffffu

static void le32(struct buf *b, size_t v)
{
	le16(b, (uint32_t)(v & 0xffff));
	le16(b, (uint32_t)(v >> 16 & 0xffff));
}

static void comment(struct buf *list, int *n, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	le32(list, strlen(name) + 1 + strlen(text));
	buf_adds(list, name);
	buf_addc(list, '=');
	buf_adds(list, text);
	++*n;
}

static void comments(const struct encode_settings *s, struct buf *block)
{
	struct buf list = buf_init(TAGS_MAX_BYTES), lyrics = buf_init(TAGS_MAX_BYTES), bpm = buf_init(32);
	int n = 0;
	if (s->bpm > 0)
		buf_addf(&bpm, "%d", (int)lround(s->bpm));
	lyrics_text(s, &lyrics);
	comment(&list, &n, "TITLE", s->title);
	comment(&list, &n, "ARTIST", s->artist);
	comment(&list, &n, "COMMENT", s->comment);
	comment(&list, &n, "BPM", buf_str(&bpm));
	comment(&list, &n, "KEY", s->key);
	comment(&list, &n, "LYRICS", buf_str(&lyrics));
	static const char vendor[] = "Madrigal " MADRIGAL_VERSION;
	le32(block, sizeof vendor - 1);
	buf_adds(block, vendor);
	le32(block, (size_t)n);
	buf_add(block, buf_str(&list), list.len);
	if (list.failed || lyrics.failed)
		block->failed = MADRIGAL_EMEMORY;
	buf_release(&list);
	buf_release(&lyrics);
	buf_release(&bpm);
}

static void block_header(struct buf *out, int type, size_t len)
{
	buf_addc(out, (char)type);
	buf_addc(out, (char)(len >> 16 & 0xff));
	buf_be16(out, (unsigned)(len & 0xffff));
}

int tags_flac(const struct encode_settings *s, const unsigned char *flac, size_t len, struct buf *out, struct madrigal_error *err)
{
	struct buf block = buf_init(BLOCK_MAX);
	comments(s, &block);
	size_t at = 4;
	int last = 0, ok = len > 8 && !memcmp(flac, "fLaC", 4) && !block.failed;
	buf_add(out, "fLaC", 4);
	/* Our comment goes after the first block (the stream's description, which must be first); of the others all but comments stay. */
	for (int first = 1; ok && !last; first = 0) {
		ok = at + 4 <= len;
		size_t size = ok ? (size_t)flac[at + 1] << 16 | (size_t)flac[at + 2] << 8 | flac[at + 3] : 0;
		ok = ok && at + 4 + size <= len;
		if (!ok)
			break;
		int type = flac[at] & 0x7f;
		last = flac[at] & BLOCK_LAST;
		if (type != BLOCK_COMMENT) {
			block_header(out, type, size);
			buf_add(out, flac + at + 4, size);
		}
		at += 4 + size;
		if (first || last) {
			if (first) {
				block_header(out, BLOCK_COMMENT, block.len);
				buf_add(out, buf_str(&block), block.len);
			}
			if (last) {
				/* An empty padding block is the last, whatever came before. */
				block_header(out, 1 | BLOCK_LAST, 0);
			}
		}
	}
	if (ok)
		buf_add(out, flac + at, len - at);
	buf_release(&block);
	if (!ok)
		return err_set(err, MADRIGAL_EINTERNAL, "the FLAC encoder returned something else");
	return out->failed ? err_nomem(err) : 0;
}
