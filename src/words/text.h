/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes from anywhere -> plain text that the parser can walk byte by byte.
 *
 * In plain text every byte below 0x80 means what it says, every byte from 0x80 up belongs to a Latin letter in UTF-8, and
 * the few signs that matter but are not ASCII are single control bytes (SIGN_*). Line ends are '\n'. */
#ifndef WORDS_TEXT_H
#define WORDS_TEXT_H

#include "base/buf.h"
#include "base/err.h"

enum sign { SIGN_DASH = 0x10, SIGN_EURO, SIGN_POUND, SIGN_YEN, SIGN_CENT, SIGN_DEGREE, SIGN_TIMES };

/* Appends plain text to out (made by buf_init). Straightens quotes, takes "\n" and "\r\n" written as two characters each
 * for line ends, unfolds ligatures and full-width letters, turns emoji and other symbols into spaces. MADRIGAL_ELYRICS
 * with the line's number for what cannot be sung: see lyrics_parse. */
int text_plain(const char *s, size_t len, struct buf *out, struct madrigal_error *err) MUST_CHECK;

/* Appends plain text as people write it: signs back to UTF-8, markup stars dropped, runs of spaces to one. */
void text_show(const char *s, size_t len, struct buf *out);

/* Appends the letters of a word, small, without diacritics: "Café" -> "cafe". */
void text_fold(const char *s, struct buf *out);

/* Appends the word in small letters, diacritics kept. */
void text_lower(const char *s, struct buf *out);

/* Decodes one code point of s[0..len); returns its bytes, or 0 if they are not UTF-8. */
int utf8_decode(const char *s, size_t len, unsigned *ret);
void utf8_encode(unsigned c, struct buf *out);

#endif
