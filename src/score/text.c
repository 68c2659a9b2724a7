/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "score/text.h"

#include <math.h>
#include <string.h>

unsigned take_code_point(const char **p)
{
	const unsigned char *s = (const unsigned char *)*p;
	if (!s[0])
		return 0;
	int more = s[0] >= 0xf0 && s[0] < 0xf5 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc2 ? 1 : 0;
	unsigned c = s[0];
	if (c >= 0x80) {
		static const unsigned least[4] = { 0, 0x80, 0x800, 0x10000 };
		c = s[0] >= 0xf5 ? 0 : c & (0x3fu >> more);
		int i = 1;
		while (i <= more && (s[i] & 0xc0) == 0x80)
			c = c << 6 | (s[i++] & 0x3fu);
		if (!more || i <= more || c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
			*p += 1;
			return 0xfffd;
		}
	}
	*p += 1 + more;
	return c;
}

void add_code_point(struct buf *b, unsigned c)
{
	char s[4];
	int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned lead[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (int i = n - 1; i > 0; i--, c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(lead[n] | c);
	buf_add(b, s, (size_t)n);
}

void add_plain(struct buf *b, const char *text)
{
	unsigned c;
	while ((c = take_code_point(&text)))
		add_code_point(b, c < 0x20 || c == 0x7f ? ' ' : c);
}

void add_number(struct buf *b, double x)
{
	if (!isfinite(x) || fabs(x) > 1e12) {
		buf_adds(b, "null");
		return;
	}
	long long micro = llround(x * 1e6);
	if (micro < 0)
		buf_addc(b, '-');
	unsigned long long u = micro < 0 ? 0 - (unsigned long long)micro : (unsigned long long)micro;
	char frac[7];
	unsigned long long rest = u % 1000000;
	for (int i = 5; i >= 0; i--, rest /= 10)
		frac[i] = (char)('0' + rest % 10);
	int n = 6;
	while (n > 1 && frac[n - 1] == '0')
		n--;
	frac[n] = 0;
	buf_addf(b, "%llu.%s", u / 1000000, frac);
}

/* ---- syllables ---- */

#define WORD_LETTERS 48

struct letters {
	char c[WORD_LETTERS];       /* lower case; accents dropped, other signs '\'' */
	int at[WORD_LETTERS + 1];   /* byte where each begins */
	int n;
};

/* Letters with accents, as far as Latin-1 has them, by their plain letter: enough to tell vowels from consonants. */
static char plain_letter(unsigned c)
{
	static const char latin1[] = "aaaaaaaceeeeiiiidnooooo'ouuuuy'saaaaaaaceeeeiiiidnooooo'ouuuuy'y";
	if (c >= 0xc0 && c <= 0xff)
		return latin1[c - 0xc0];
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	return c >= 'a' && c <= 'z' ? (char)c : '\'';
}

static void read_letters(const char *text, struct letters *l)
{
	const char *p = text;
	l->n = 0;
	while (l->n < WORD_LETTERS) {
		l->at[l->n] = (int)(p - text);
		unsigned c = take_code_point(&p);
		if (!c)
			return;
		l->c[l->n++] = plain_letter(c);
	}
	l->at[l->n] = (int)strlen(text); /* the rest of an overlong word stays with its last letter */
}

static int is_vowel(const struct letters *l, int i)
{
	char c = l->c[i];
	char next = i + 1 < l->n ? l->c[i + 1] : 0;
	if (c == 'u')
		return i == 0 || l->c[i - 1] != 'q';
	if (c == 'y')
		return !(next && strchr("aeiou", next));
	return c && strchr("aeio", c) != NULL;
}

/* Whether the vowel at i is a silent e: of -e, -es, -ed, or before a consonant and a further syllable ("something"). */
static int silent_e(const struct letters *l, int i, int only_final)
{
	if (l->c[i] != 'e' || i == 0 || is_vowel(l, i - 1))
		return 0;
	int left = l->n - 1 - i;
	if (left == 0) /* "table" has a syllable in its -le, "smile" none in its -e */
		return !(i >= 2 && l->c[i - 1] == 'l' && !is_vowel(l, i - 2));
	if (left == 1 && (l->c[i + 1] == 's' || l->c[i + 1] == 'd'))
		return 1;
	return !only_final && left >= 2 && !is_vowel(l, i + 1);
}

/* The letters that carry syllables: first of each group of vowels. Brought to n by leaving out silent ones, then the last; or by opening groups
 * ("be-ing"), then any letter that is free. Returns how many there are. */
static int find_nuclei(const struct letters *l, int n, char nucleus[WORD_LETTERS])
{
	int found = 0;
	memset(nucleus, 0, WORD_LETTERS);
	for (int i = 0; i < l->n; i++)
		if (is_vowel(l, i) && (i == 0 || !is_vowel(l, i - 1))) {
			nucleus[i] = 1;
			found++;
		}
	for (int pass = 1; pass >= 0 && found > n; pass--)
		for (int i = l->n - 1; i >= 0 && found > n; i--)
			if (nucleus[i] && silent_e(l, i, pass)) {
				nucleus[i] = 0;
				found--;
			}
	for (int i = l->n - 1; i >= 0 && found > n; i--)
		if (nucleus[i]) {
			nucleus[i] = 0;
			found--;
		}
	for (int pass = 0; pass < 3 && found < n; pass++)
		for (int i = l->n - 1; i > 0 && found < n; i--) {
			int open = pass == 0 ? is_vowel(l, i) && is_vowel(l, i - 1) : pass == 1 ? l->c[i] != '\'' && !nucleus[i - 1] : 1;
			if (!nucleus[i] && open) {
				nucleus[i] = 1;
				found++;
			}
		}
	if (found < n && l->n > 0 && !nucleus[0]) {
		nucleus[0] = 1;
		found++;
	}
	return found;
}

/* Where a syllable begins between the nuclei at a and b: the consonants that can begin an English syllable go with b. */
static int onset_before(const struct letters *l, int a, int b)
{
	static const char *const onsets[] = {
		"bl", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "kn", "ph", "pl", "pr", "qu", "sh", "sk", "sl", "sm",
		"sn", "sp", "sw", "th", "tr", "tw", "wh", "wr",
	};
	int first = a + 1;
	while (first < b && is_vowel(l, first))
		first++;
	int n = b - first;
	if (n <= 0)
		return b;
	int ing = b + 3 == l->n && !strncmp(&l->c[b], "ing", 3);
	if (n == 1)
		return ing || l->c[first] == 'x' ? b : first; /* "walk-ing", but "lo-ver" */
	const char *last = &l->c[b - 2];
	if (b == l->n - 1 && l->c[b] == 'e' && last[1] == 'l' && last[0] != 'l')
		return b - 2; /* "lit-tle" */
	if (last[0] == last[1])
		return ing && (last[0] == 'l' || last[0] == 's') ? b : b - 1; /* "call-ing", "run-ning" */
	if (ing && !strncmp(last, "th", 2) && strchr("eoy", l->c[b - 3]))
		return b - 2; /* "some-thing", but "breath-ing" */
	if (ing || !strncmp(last, "ck", 2) || (!strncmp(last, "ng", 2) && n == 2))
		return b;
	for (size_t i = 0; i < sizeof onsets / sizeof onsets[0]; i++)
		if (!strncmp(last, onsets[i], 2))
			return b - 2;
	return last[1] == '\'' ? b : b - 1;
}

void syllable_text(const struct word *w, int syllable, char out[SYLLABLE_TEXT_MAX])
{
	struct letters l;
	char nucleus[WORD_LETTERS];
	read_letters(w->text, &l);
	int found = find_nuclei(&l, w->n_syllables, nucleus);
	int from = 0, to = l.n, k = 0, previous = -1;
	for (int i = 0; i < l.n; i++) {
		if (!nucleus[i])
			continue;
		if (previous >= 0) {
			int cut = onset_before(&l, previous, i);
			if (k == syllable)
				from = cut;
			if (k == syllable + 1)
				to = cut;
		}
		previous = i;
		k++;
	}
	if (syllable >= (found > 0 ? found : 1))
		from = to = l.n;
	int bytes = l.at[to] - l.at[from];
	if (bytes >= SYLLABLE_TEXT_MAX) {
		bytes = SYLLABLE_TEXT_MAX - 1;
		while (bytes > 0 && (w->text[l.at[from] + bytes] & 0xc0) == 0x80)
			bytes--;
	}
	memcpy(out, w->text + l.at[from], (size_t)bytes);
	out[bytes] = 0;
}

int begins_syllable(const struct vocal_note *v, int i)
{
	return i == 0 || v[i].word != v[i - 1].word || v[i].syllable != v[i - 1].syllable;
}
