/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The framing of a chunked body, RFC 9112 section 7.1, to the letter and without trailers: llhttp's versions differ in what they forgive here. */
#include "http/http_internal.h"

#define SIZE_DIGITS_MAX 15

static bool hex_digit(char c, uint64_t *ret)
{
	if (c >= '0' && c <= '9')
		*ret = (uint64_t)(c - '0');
	else if ((c | 32) >= 'a' && (c | 32) <= 'f')
		*ret = (uint64_t)((c | 32) - 'a' + 10);
	else
		return false;
	return true;
}

/* A byte of the line that has a chunk's size and perhaps extensions. */
static bool size_line(struct chunks *k, char c)
{
	uint64_t digit;
	if (k->state == CHUNK_SIZE && hex_digit(c, &digit)) {
		k->left = k->left << 4 | digit;
		return ++k->digits <= SIZE_DIGITS_MAX;
	}
	if (c == '\r') {
		k->state = CHUNK_SIZE_LF;
		return k->digits > 0;
	}
	bool begins = k->state == CHUNK_SIZE && c == ';' && k->digits > 0;
	bool goes_on = k->state == CHUNK_EXTENSION && ((unsigned char)c >= 0x20 || c == '\t') && c != 0x7f;
	k->state = CHUNK_EXTENSION;
	return (begins || goes_on) && ++k->extensions <= CHUNK_EXTENSIONS_MAX_BYTES;
}

/* A CR or LF that must be there; then what follows. */
static bool expect(struct chunks *k, char c)
{
	static const struct { char c; enum chunk_state next; } steps[] = {
		[CHUNK_DATA_CR] = { '\r', CHUNK_DATA_LF }, [CHUNK_DATA_LF] = { '\n', CHUNK_SIZE }, [CHUNK_LAST_CR] = { '\r', CHUNK_LAST_LF },
		[CHUNK_LAST_LF] = { '\n', CHUNK_END }, [CHUNK_SIZE_LF] = { '\n', CHUNK_DATA },
	};
	if (c != steps[k->state].c)
		return false;
	k->state = steps[k->state].next;
	if (k->state == CHUNK_DATA && k->left == 0)
		k->state = CHUNK_LAST_CR;
	k->digits = 0;
	return true;
}

bool chunks_scan(struct chunks *k, const char *p, size_t n)
{
	for (size_t i = 0; i < n && k->state != CHUNK_END; i++) {
		if (k->state == CHUNK_DATA) {
			uint64_t data = k->left < n - i ? k->left : n - i;
			k->left -= data;
			i += (size_t)data - 1;
			k->state = k->left ? CHUNK_DATA : CHUNK_DATA_CR;
		} else if (!(k->state == CHUNK_SIZE || k->state == CHUNK_EXTENSION ? size_line(k, p[i]) : expect(k, p[i]))) {
			return false;
		}
	}
	return true;
}
