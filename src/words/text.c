/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/text.h"

#include <string.h>

#include "words/lyrics.h"

struct range {
	unsigned first, last;
	const char *name;
};

/* Blocks of letters that are not Latin, in order (Unicode 15, Blocks.txt). Gaps between them hold symbols. */
static const struct range scripts[] = {
	{ 0x0370, 0x03ff, "Greek" }, { 0x0400, 0x052f, "Cyrillic" }, { 0x0530, 0x058f, "Armenian" },
	{ 0x0590, 0x05ff, "Hebrew" }, { 0x0600, 0x06ff, "Arabic" }, { 0x0700, 0x074f, "Syriac" },
	{ 0x0750, 0x077f, "Arabic" }, { 0x0780, 0x07bf, "Thaana" }, { 0x07c0, 0x07ff, "N'Ko" },
	{ 0x0800, 0x083f, "Samaritan" }, { 0x0840, 0x085f, "Mandaic" }, { 0x0860, 0x086f, "Syriac" },
	{ 0x0870, 0x08ff, "Arabic" }, { 0x0900, 0x097f, "Devanagari" }, { 0x0980, 0x09ff, "Bengali" },
	{ 0x0a00, 0x0a7f, "Gurmukhi" }, { 0x0a80, 0x0aff, "Gujarati" }, { 0x0b00, 0x0b7f, "Odia" },
	{ 0x0b80, 0x0bff, "Tamil" }, { 0x0c00, 0x0c7f, "Telugu" }, { 0x0c80, 0x0cff, "Kannada" },
	{ 0x0d00, 0x0d7f, "Malayalam" }, { 0x0d80, 0x0dff, "Sinhala" }, { 0x0e00, 0x0e7f, "Thai" },
	{ 0x0e80, 0x0eff, "Lao" }, { 0x0f00, 0x0fff, "Tibetan" }, { 0x1000, 0x109f, "Burmese" },
	{ 0x10a0, 0x10ff, "Georgian" }, { 0x1100, 0x11ff, "Korean (Hangul)" }, { 0x1200, 0x139f, "Ethiopic" },
	{ 0x13a0, 0x13ff, "Cherokee" }, { 0x1400, 0x167f, "Canadian Aboriginal" }, { 0x1680, 0x169f, "Ogham" },
	{ 0x16a0, 0x16ff, "runic" }, { 0x1700, 0x177f, "Philippine" }, { 0x1780, 0x17ff, "Khmer" },
	{ 0x1800, 0x18af, "Mongolian" }, { 0x1900, 0x1aaf, "South-East Asian" }, { 0x1b00, 0x1c7f, "South-East Asian" },
	{ 0x1c80, 0x1c8f, "Cyrillic" }, { 0x1c90, 0x1cbf, "Georgian" }, { 0x1cd0, 0x1cff, "Vedic" },
	{ 0x1f00, 0x1fff, "Greek" }, { 0x2c00, 0x2c5f, "Glagolitic" }, { 0x2c80, 0x2cff, "Coptic" },
	{ 0x2d00, 0x2d2f, "Georgian" }, { 0x2d30, 0x2d7f, "Tifinagh" }, { 0x2d80, 0x2ddf, "Ethiopic" },
	{ 0x2de0, 0x2dff, "Cyrillic" }, { 0x2e80, 0x2fdf, "Chinese (Han)" }, { 0x3005, 0x3007, "Chinese (Han)" },
	{ 0x3040, 0x309f, "Japanese (Hiragana)" }, { 0x30a0, 0x30ff, "Japanese (Katakana)" },
	{ 0x3100, 0x312f, "Chinese (Bopomofo)" }, { 0x3130, 0x318f, "Korean (Hangul)" }, { 0x31a0, 0x31bf, "Chinese (Bopomofo)" },
	{ 0x31f0, 0x31ff, "Japanese (Katakana)" }, { 0x3400, 0x4dbf, "Chinese (Han)" }, { 0x4e00, 0x9fff, "Chinese (Han)" },
	{ 0xa000, 0xa4cf, "Yi" }, { 0xa4d0, 0xa63f, "Lisu or Vai" }, { 0xa640, 0xa69f, "Cyrillic" },
	{ 0xa800, 0xa8df, "South Asian" }, { 0xa8e0, 0xa8ff, "Devanagari" }, { 0xa900, 0xa95f, "South-East Asian" },
	{ 0xa960, 0xa97f, "Korean (Hangul)" }, { 0xa980, 0xaaff, "South-East Asian" }, { 0xab00, 0xab2f, "Ethiopic" },
	{ 0xab70, 0xabbf, "Cherokee" }, { 0xabc0, 0xabff, "Meetei" }, { 0xac00, 0xd7ff, "Korean (Hangul)" },
	{ 0xf900, 0xfaff, "Chinese (Han)" }, { 0xfb13, 0xfb17, "Armenian" }, { 0xfb1d, 0xfb4f, "Hebrew" },
	{ 0xfb50, 0xfdff, "Arabic" }, { 0xfe70, 0xfefe, "Arabic" }, { 0xff66, 0xff9f, "Japanese (Katakana)" },
	{ 0xffa0, 0xffdc, "Korean (Hangul)" }, { 0x10000, 0x1cfff, "historic" }, { 0x1e000, 0x1efff, "historic" },
	{ 0x20000, 0x3ffff, "Chinese (Han)" },
};

/* Plain letters of U+00C0..U+017F, in order; two letters joined by nothing where one sound needs them. */
static const char *const latin[] = {
	"a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "th", "n", "o", "o", "o", "o", "o", "",
	"o", "u", "u", "u", "u", "y", "th", "ss", "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
	"th", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "y",
	"a", "a", "a", "a", "a", "a", "c", "c", "c", "c", "c", "c", "c", "c", "d", "d", "d", "d", "e", "e", "e", "e", "e", "e",
	"e", "e", "e", "e", "g", "g", "g", "g", "g", "g", "g", "g", "h", "h", "h", "h", "i", "i", "i", "i", "i", "i", "i", "i",
	"i", "i", "ij", "ij", "j", "j", "k", "k", "k", "l", "l", "l", "l", "l", "l", "l", "l", "l", "l", "n", "n", "n", "n", "n",
	"n", "n", "n", "n", "o", "o", "o", "o", "o", "o", "oe", "oe", "r", "r", "r", "r", "r", "r", "s", "s", "s", "s", "s", "s",
	"s", "s", "t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "w", "w", "y", "y",
	"y", "z", "z", "z", "z", "z", "z", "s",
};

/* Runs of U+1E00..U+1EFF by plain letter: the first code point of each run. */
static const struct { unsigned first; char letter; } latin_more[] = {
	{ 0x1e00, 'a' }, { 0x1e02, 'b' }, { 0x1e08, 'c' }, { 0x1e0a, 'd' }, { 0x1e14, 'e' }, { 0x1e1e, 'f' }, { 0x1e20, 'g' },
	{ 0x1e22, 'h' }, { 0x1e2c, 'i' }, { 0x1e30, 'k' }, { 0x1e36, 'l' }, { 0x1e3e, 'm' }, { 0x1e44, 'n' }, { 0x1e4c, 'o' },
	{ 0x1e54, 'p' }, { 0x1e58, 'r' }, { 0x1e60, 's' }, { 0x1e6a, 't' }, { 0x1e72, 'u' }, { 0x1e7c, 'v' }, { 0x1e80, 'w' },
	{ 0x1e8a, 'x' }, { 0x1e8e, 'y' }, { 0x1e90, 'z' }, { 0x1e96, 'h' }, { 0x1e97, 't' }, { 0x1e98, 'w' }, { 0x1e99, 'y' },
	{ 0x1e9a, 'a' }, { 0x1e9b, 's' }, { 0x1ea0, 'a' }, { 0x1eb8, 'e' }, { 0x1ec8, 'i' }, { 0x1ecc, 'o' }, { 0x1ee4, 'u' },
	{ 0x1ef2, 'y' }, { 0x1f00, 0 },
};

static const struct { unsigned from; const char *to; } replace[] = {
	{ 0xa2, "\x14" }, { 0xa3, "\x12" }, { 0xa5, "\x13" }, { 0xb0, "\x15" }, { 0xb4, "'" }, { 0xab, "\"" }, { 0xbb, "\"" },
	{ 0xbc, " 1/4 " }, { 0xbd, " 1/2 " }, { 0xbe, " 3/4 " }, { 0xd7, "\x16" }, { 0x2bc, "'" }, { 0x2b9, "'" },
	{ 0x2010, "-" }, { 0x2011, "-" }, { 0x2012, "-" }, { 0x2018, "'" }, { 0x2019, "'" }, { 0x201a, "," }, { 0x201b, "'" },
	{ 0x201c, "\"" }, { 0x201d, "\"" }, { 0x201e, "\"" }, { 0x201f, "\"" }, { 0x2024, "." }, { 0x2026, "..." },
	{ 0x2028, "\n" }, { 0x2029, "\n\n" }, { 0x2032, "'" }, { 0x2035, "'" }, { 0x203c, "!!" }, { 0x203d, "?!" }, { 0x2044, "/" },
	{ 0x2047, "??" }, { 0x2048, "?!" }, { 0x2049, "!?" }, { 0x20ac, "\x11" }, { 0x2212, "-" }, { 0x2715, "\x16" },
	{ 0x3001, ", " }, { 0x3002, ". " }, { 0x3008, "\"" }, { 0x3009, "\"" }, { 0x300a, "\"" }, { 0x300b, "\"" },
	{ 0x300c, "\"" }, { 0x300d, "\"" }, { 0x3010, "[" }, { 0x3011, "]" }, { 0xfb00, "ff" }, { 0xfb01, "fi" },
	{ 0xfb02, "fl" }, { 0xfb03, "ffi" }, { 0xfb04, "ffl" }, { 0xfb05, "st" }, { 0xfb06, "st" }, { 0x0085, "\n" },
};

int utf8_decode(const char *str, size_t len, unsigned *ret)
{
	const unsigned char *s = (const unsigned char *)str;
	if (len == 0)
		return 0;
	if (s[0] < 0x80) {
		*ret = s[0];
		return 1;
	}
	int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || (size_t)n > len)
		return 0;
	unsigned c = s[0] & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

void utf8_encode(unsigned c, struct buf *out)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | c >> 18));
		buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

static const char *script_of(unsigned c)
{
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
		if (c >= scripts[i].first && c <= scripts[i].last)
			return scripts[i].name;
	return NULL;
}

static int is_latin_letter(unsigned c)
{
	return (c >= 0xc0 && c <= 0x24f && c != 0xd7 && c != 0xf7) || c == 0xaa || c == 0xba || (c >= 0x250 && c <= 0x2af) ||
	       (c >= 0x1e00 && c <= 0x1eff) || (c >= 0x300 && c <= 0x36f);
}

/* Letters dressed up as mathematics, circles or full width, as people write them online. 0 if c is none of them. */
static unsigned undress(unsigned c)
{
	if (c >= 0xff01 && c <= 0xff5e)
		return c - 0xff01 + '!';
	if (c >= 0x24b6 && c <= 0x24cf)
		return c - 0x24b6 + 'A';
	if (c >= 0x24d0 && c <= 0x24e9)
		return c - 0x24d0 + 'a';
	if (c >= 0x1d7ce && c <= 0x1d7ff)
		return (c - 0x1d7ce) % 10 + '0';
	if (c >= 0x1d400 && c <= 0x1d6a3) {
		unsigned k = (c - 0x1d400) % 52;
		return k < 26 ? k + 'A' : k - 26 + 'a';
	}
	return 0;
}

/* One code point that is not ASCII. next: the byte after it. 0, or MADRIGAL_ELYRICS for a script not sung. */
static int add_wide(unsigned c, char next, int line, struct buf *out, struct madrigal_error *err)
{
	const char *script;
	unsigned plain = undress(c);
	if (plain) {
		buf_addc(out, (char)plain);
		return 0;
	}
	for (size_t i = 0; i < sizeof replace / sizeof *replace; i++) {
		if (replace[i].from == c) {
			buf_adds(out, replace[i].to);
			return 0;
		}
	}
	if (c >= 0x2013 && c <= 0x2015) { /* a dash between digits is a range: 1914-1918 */
		char before = out->len ? out->data[out->len - 1] : 0;
		int digits = before >= '0' && before <= '9' && next >= '0' && next <= '9';
		buf_addc(out, digits ? '-' : SIGN_DASH);
	} else if (is_latin_letter(c)) {
		utf8_encode(c, out);
	} else if ((script = script_of(c))) {
		return err_set(err, MADRIGAL_ELYRICS, "the lyrics contain %s letters (line %d); Madrigal sings only English so far", script, line);
	} else if (!((c >= 0x200b && c <= 0x200f) || c == 0xfeff || c == 0xad || (c >= 0xfe00 && c <= 0xfe0f))) {
		buf_addc(out, ' '); /* emoji, symbols, wide spaces; what has no width just goes */
	}
	return 0;
}

/* "\n", "\r", "\t" as two characters, or a backslash before markup. Returns how many bytes of s it took, 0 if none. */
static int add_escape(const char *s, size_t len, struct buf *out, int *line)
{
	if (s[0] != '\\' || len < 2)
		return 0;
	if (s[1] == 'n') {
		buf_addc(out, '\n');
		++*line;
	} else if (s[1] == 'r') {
		buf_addc(out, ' ');
	} else if (s[1] == 't') {
		buf_addc(out, ' ');
	} else {
		buf_addc(out, ' ');
		return 1;
	}
	return 2;
}

static int add_ascii(char c, char next, int *line, struct buf *out, struct madrigal_error *err)
{
	if (c == '\n' || (c == '\r' && next != '\n')) {
		buf_addc(out, '\n');
		++*line;
	} else if (c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '_' || c == '`' || c == '~' || c == '|') {
		buf_addc(out, ' ');
	} else if ((unsigned char)c < 0x20 || c == 0x7f) {
		return err_set(err, MADRIGAL_ELYRICS, "line %d of the lyrics has a control character (byte 0x%02x): this is not a text file", *line, (unsigned)(unsigned char)c);
	} else {
		buf_addc(out, c);
	}
	return 0;
}

int text_plain(const char *s, size_t len, struct buf *out, struct madrigal_error *err)
{
	int line = 1;
	size_t count = 0;
	if (len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		s += 3, len -= 3;
	if (len >= 2 && (!memcmp(s, "\xff\xfe", 2) || !memcmp(s, "\xfe\xff", 2)))
		return err_set(err, MADRIGAL_ELYRICS, "the lyrics are UTF-16; save them as UTF-8");
	for (size_t i = 0; i < len;) {
		unsigned c;
		int n = utf8_decode(s + i, len - i, &c), rc = 0, took;
		if (n == 0)
			return err_set(err, MADRIGAL_ELYRICS, "line %d of the lyrics is not UTF-8 (byte 0x%02x)", line, (unsigned)(unsigned char)s[i]);
		char next = i + (size_t)n < len ? s[i + (size_t)n] : 0;
		if (++count > LYRICS_MAX_CODE_POINTS)
			return err_set(err, MADRIGAL_ELYRICS, "the lyrics are longer than %d characters (line %d); that is the most for one song", LYRICS_MAX_CODE_POINTS, line);
		if ((took = add_escape(s + i, len - i, out, &line)) > 0)
			n = took;
		else if (c < 0x80)
			rc = add_ascii((char)c, next, &line, out, err);
		else
			rc = add_wide(c, next, line, out, err);
		if (rc < 0)
			return rc;
		i += (size_t)n;
	}
	return out->failed ? err_nomem(err) : 0;
}

static const char *const sign_text[] = { "—", "€", "£", "¥", "¢", "°", "×" };

void text_show(const char *s, size_t len, struct buf *out)
{
	int space = 1;
	size_t start = out->len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '*')
			continue;
		if (c == ' ' || c == '\n') {
			space = 1;
			continue;
		}
		if (space && out->len > start)
			buf_addc(out, ' ');
		space = 0;
		if (c >= SIGN_DASH && c <= SIGN_TIMES)
			buf_adds(out, sign_text[c - SIGN_DASH]);
		else
			buf_addc(out, (char)c);
	}
}

void text_lower(const char *s, struct buf *out)
{
	for (size_t len = strlen(s); len > 0;) {
		unsigned c;
		int n = utf8_decode(s, len, &c);
		if (n == 0)
			return;
		if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7))
			c += 32;
		else if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x1e00 && c <= 0x1eff))
			c |= 1;
		else if (((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) && c % 2 == 1)
			c++;
		utf8_encode(c, out);
		s += n;
		len -= (size_t)n;
	}
}

void text_fold(const char *s, struct buf *out)
{
	for (size_t len = strlen(s); len > 0;) {
		unsigned c;
		int n = utf8_decode(s, len, &c);
		if (n == 0)
			return;
		s += n;
		len -= (size_t)n;
		if (c >= 'A' && c <= 'Z') {
			buf_addc(out, (char)(c + 32));
		} else if (c < 0x80) {
			buf_addc(out, (char)c);
		} else if (c >= 0xc0 && c <= 0x17f) {
			buf_adds(out, latin[c - 0xc0]);
		} else if (c >= 0x1e00 && c <= 0x1eff) {
			size_t k = 0;
			while (latin_more[k + 1].first <= c)
				k++;
			buf_addc(out, latin_more[k].letter);
		}
	}
}
