/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/tokens.h"

#include <string.h>

enum { CONSONANT = 0, VOWEL = 1, DIPHTHONG = 2, STRESS = 4, SONORANT = 8, MARK = 16, VOICELESS = 32, STOP = 96 /* voiceless, too */ };

/* Kokoro's vocabulary, as its config.json has it, without the scripts that are not sung: code point, token, what it is. Ordered by code point. */
static const struct symbol {
	uint32_t code;
	uint8_t id, class;
} symbols[] = {
	{ '!', 5, MARK }, { '"', 11, MARK }, { '(', 12, MARK }, { ')', 13, MARK }, { ',', 3, MARK }, { '.', 4, MARK }, { ':', 2, MARK }, { ';', 1, MARK },
	{ '?', 6, MARK }, { 'A', 24, DIPHTHONG }, { 'I', 25, DIPHTHONG }, { 'O', 31, DIPHTHONG }, { 'Q', 33, DIPHTHONG }, { 'S', 35, CONSONANT },
	{ 'T', 36, CONSONANT }, { 'W', 39, DIPHTHONG }, { 'Y', 41, DIPHTHONG }, { 'a', 43, VOWEL }, { 'b', 44, CONSONANT }, { 'c', 45, CONSONANT },
	{ 'd', 46, CONSONANT }, { 'e', 47, VOWEL }, { 'f', 48, VOICELESS }, { 'h', 50, VOICELESS }, { 'i', 51, VOWEL }, { 'j', 52, SONORANT },
	{ 'k', 53, STOP }, { 'l', 54, SONORANT }, { 'm', 55, SONORANT }, { 'n', 56, SONORANT }, { 'o', 57, VOWEL }, { 'p', 58, STOP },
	{ 'q', 59, STOP }, { 'r', 60, SONORANT }, { 's', 61, VOICELESS }, { 't', 62, STOP }, { 'u', 63, VOWEL }, { 'v', 64, CONSONANT },
	{ 'w', 65, SONORANT }, { 'x', 66, VOICELESS }, { 'y', 67, VOWEL }, { 'z', 68, CONSONANT }, { 0xe6, 72, VOWEL }, { 0xe7, 78, VOICELESS },
	{ 0xf0, 81, CONSONANT }, { 0xf8, 116, VOWEL }, { 0x14b, 112, SONORANT }, { 0x153, 120, VOWEL }, { 0x250, 70, VOWEL }, { 0x251, 69, VOWEL },
	{ 0x252, 71, VOWEL }, { 0x254, 76, VOWEL }, { 0x255, 77, VOICELESS }, { 0x256, 80, CONSONANT }, { 0x259, 83, VOWEL }, { 0x25a, 85, VOWEL },
	{ 0x25b, 86, VOWEL }, { 0x25c, 87, VOWEL }, { 0x25f, 90, CONSONANT }, { 0x261, 92, CONSONANT }, { 0x265, 99, SONORANT }, { 0x268, 101, VOWEL },
	{ 0x26a, 102, VOWEL }, { 0x26f, 110, VOWEL }, { 0x270, 111, SONORANT }, { 0x272, 114, SONORANT }, { 0x273, 113, SONORANT },
	{ 0x274, 115, SONORANT }, { 0x278, 118, VOICELESS }, { 0x279, 123, SONORANT }, { 0x27b, 126, SONORANT }, { 0x27d, 129, SONORANT },
	{ 0x27e, 125, CONSONANT }, { 0x281, 128, CONSONANT }, { 0x282, 130, VOICELESS }, { 0x283, 131, VOICELESS }, { 0x288, 132, STOP },
	{ 0x28a, 135, VOWEL }, { 0x28b, 136, SONORANT }, { 0x28c, 138, VOWEL }, { 0x28e, 143, SONORANT }, { 0x292, 147, CONSONANT },
	{ 0x294, 148, CONSONANT }, { 0x29d, 103, CONSONANT }, { 0x2a3, 18, CONSONANT }, { 0x2a4, 82, CONSONANT }, { 0x2a5, 19, CONSONANT },
	{ 0x2a6, 20, STOP }, { 0x2a7, 133, STOP }, { 0x2a8, 21, STOP }, { 0x2b0, 162, CONSONANT }, { 0x2b2, 164, CONSONANT },
	{ 0x2c8, 156, STRESS }, { 0x2cc, 157, STRESS }, { 0x2d0, 158, VOWEL }, { 0x303, 17, VOWEL }, { 0x3b2, 75, CONSONANT }, { 0x3b8, 119, VOICELESS },
	{ 0x3c7, 142, VOICELESS }, { 0x1d4a, 42, VOWEL }, { 0x1d7b, 177, VOWEL }, { 0x2014, 9, MARK }, { 0x2026, 10, MARK },
};

#define TOKEN_END 0
#define TOKEN_SPACE 16

/* Speech's quick tap in "metal" is an r when it is held: singers say the t (docs/voice.md). */
#define TAP 0x27e
#define SUNG_TAP 't'

static const struct symbol *find_symbol(uint32_t code)
{
	size_t lo = 0, hi = sizeof symbols / sizeof *symbols;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (symbols[mid].code < code)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < sizeof symbols / sizeof *symbols && symbols[lo].code == code ? &symbols[lo] : NULL;
}

/* Takes a code point off *s; phonemes are ours, so a broken sequence is only skipped over. */
static uint32_t take_code(const char **s)
{
	const unsigned char *p = (const unsigned char *)*s;
	int more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc0 ? 1 : 0;
	uint32_t code = more == 3 ? *p & 7 : more == 2 ? *p & 15 : more == 1 ? *p & 31 : *p;
	for (p++; more > 0 && (*p & 0xc0) == 0x80; p++, more--)
		code = code << 6 | (*p & 63);
	*s = (const char *)p;
	return code;
}

static void push(struct token_line *l, int id, enum token_kind kind, int syllable, int class)
{
	if (l->n < TOKENS_MAX)
		l->t[l->n] = (struct token){ id, kind, syllable, (class & (VOWEL | DIPHTHONG | SONORANT)) != 0, (class & DIPHTHONG) != 0, (class & VOICELESS) != 0, (class & STOP) == STOP };
	l->n++; /* counts on, so that too long a line is seen */
}

/* Where a syllable has no vowel ("hmm"), its last sonorant is the nucleus, else its last sound. */
static void choose_nucleus(struct token *t, int n)
{
	int at = n - 1;
	for (int i = 0; i < n; i++)
		if (t[i].kind == TOKEN_NUCLEUS)
			return;
		else if (t[i].voiced)
			at = i;
	for (int i = 0; i < n; i++)
		t[i].kind = i < at ? TOKEN_ONSET : i > at ? TOKEN_CODA : TOKEN_NUCLEUS;
}

static int push_syllable(struct token_line *l, const char *phonemes, int spoken, int index)
{
	int first = l->n, seen = 0, after = 0;
	while (*phonemes) {
		uint32_t code = take_code(&phonemes);
		const struct symbol *y = find_symbol(code == TAP && !spoken ? SUNG_TAP : code);
		if (!y || y->class == MARK)
			continue;
		int vowel = (y->class & (VOWEL | DIPHTHONG)) != 0;
		enum token_kind kind = y->class == STRESS && !seen ? TOKEN_STRESS : vowel && !after ? TOKEN_NUCLEUS : seen ? TOKEN_CODA : TOKEN_ONSET;
		seen |= vowel;
		after |= seen && !vowel;
		push(l, y->id, kind, index, y->class);
	}
	if (l->n <= TOKENS_MAX && l->n > first)
		choose_nucleus(&l->t[first], l->n - first);
	return l->n > first;
}

int tokens_of_line(const struct sung_line *line, struct token_line *ret, struct madrigal_error *err)
{
	struct token_line *l = ret;
	l->n = 0;
	push(l, TOKEN_END, TOKEN_PAUSE, -1, 0);
	for (int i = 0; i < line->n_syllables; i++) {
		const struct sung_syllable *s = &line->syllables[i];
		if (i && s->word_start)
			push(l, TOKEN_SPACE, TOKEN_PAUSE, -1, 0);
		if (!push_syllable(l, s->phonemes, line->spoken, i))
			return err_set(err, MADRIGAL_ELYRICS, "the voice has no sound for \"%s\"", s->phonemes);
		const struct symbol *mark = s->punct == '-' ? find_symbol(0x2014) : find_symbol((unsigned char)s->punct);
		if (mark && mark->class == MARK)
			push(l, mark->id, TOKEN_PAUSE, -1, 0);
	}
	push(l, TOKEN_END, TOKEN_PAUSE, -1, 0);
	if (l->n > TOKENS_MAX)
		return err_set(err, MADRIGAL_ELYRICS, "a line of %d syllables is too long to sing in one breath", line->n_syllables);
	return 0;
}

int token_is_vowel(const struct token *k)
{
	return k->kind == TOKEN_STRESS || k->kind == TOKEN_NUCLEUS;
}
