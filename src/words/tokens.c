/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/tokens.h"

#include <ctype.h>
#include <string.h>

#include "words/numbers.h"
#include "words/text.h"

#define WORD_MAX_BYTES 45 /* a longer "word" is cut, so that no line is endless */

struct reader {
	const struct lexicon *lx;
	struct arena *arena;
	struct tokens *out;
	const char *line;
	int shouted;    /* the line has no small letters: capitals mean nothing */
	int open_quote; /* a single quotation mark waits for its partner */
	size_t from, to;
	int first;      /* index of the source token's first word */
	int failed;
};

static int is_letter(char c)
{
	return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

static int is_word_char(char c)
{
	return is_letter(c) || isdigit((unsigned char)c);
}

static void add(struct reader *r, const char *s, size_t n, int spell)
{
	struct tokens *v = r->out;
	struct buf lower = buf_init(4096);
	const char *text = arena_copy(r->arena, s, n), *low = NULL;
	if (text) {
		text_lower(text, &lower);
		if (spell && n > 2 && text[n - 1] == 's' && text[n - 2] != '\'') { /* DJs: the s is no letter of the name */
			lower.data[lower.len - 1] = 0;
			lower.len--;
			buf_adds(&lower, "'s");
		}
		low = arena_copy(r->arena, buf_str(&lower), lower.len);
	}
	buf_release(&lower);
	if (!low || array_reserve((void **)&v->items, &v->cap, v->n, sizeof *v->items) < 0) {
		r->failed = 1;
		return;
	}
	v->items[v->n] = (struct token){ .text = text, .lower = low, .from = r->from, .to = r->to, .starts_source = v->n == r->first, .spell = spell };
	v->n++;
}

/* TV, USA, DJs: capitals that are names of letters. */
static int is_acronym(const struct reader *r, const char *s, size_t n)
{
	char low[8];
	size_t k = 0, vowels = 0;
	if (n > 2 && s[n - 1] == 's')
		n -= s[n - 2] == '\'' ? 2 : 1;
	if (n < 2 || n > 5)
		return 0;
	for (; k < n; k++) {
		if (!isupper((unsigned char)s[k]))
			return 0;
		low[k] = (char)tolower((unsigned char)s[k]);
		vowels += strchr("aeiouy", low[k]) != NULL;
	}
	low[k] = 0;
	int same = 1;
	for (k = 1; k < n; k++)
		same &= low[k] == low[0] || strchr("hmzrs", low[k]) != NULL; /* MMM, HMM, SHH, BRR */
	if (vowels == 0)
		return !same || !strcmp(low, "ps");
	return !r->shouted && lexicon_find(r->lx, LIST_ACRONYM, low) != NULL;
}

/* Bytes of s when each run of a letter counts as two: "soooooo" is short however long it is. */
static size_t shape_bytes(const char *s, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += i < 2 || s[i] != s[i - 1] || s[i] != s[i - 2];
	return count;
}

/* One word without punctuation; what is endless is cut, at a hyphen if there is one. */
static void add_word(struct reader *r, const char *s, size_t n)
{
	while (n && shape_bytes(s, n) > WORD_MAX_BYTES) {
		size_t k = WORD_MAX_BYTES;
		while (k && s[k] != '-')
			k--;
		if (!k)
			for (k = WORD_MAX_BYTES; k > 1 && ((unsigned char)s[k] & 0xc0) == 0x80;)
				k--;
		add_word(r, s, k);
		s += k;
		n -= k;
	}
	while (n && s[0] == '-')
		s++, n--;
	while (n && s[n - 1] == '-')
		n--;
	if (n)
		add(r, s, n, is_acronym(r, s, n));
}

/* Each run of letters, apostrophes and hyphens of s. */
static void add_letters(struct reader *r, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = i;
		while (k < n && (is_letter(s[k]) || s[k] == '\'' || (s[k] == '-' && k > i && k + 1 < n && s[k + 1] != '-' && s[k - 1] != '-')))
			k++;
		if (k > i) {
			size_t letters = 0;
			for (size_t j = i; j < k; j++)
				letters += (size_t)is_letter(s[j]);
			if (letters)
				add_word(r, s + i, k - i);
		}
		i = k > i ? k : i + 1;
	}
}

static void add_phrase(struct reader *r, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, " ");
		if (n == 1 && isupper((unsigned char)*words))
			add(r, words, n, 1); /* "A M" are letters */
		else if (n)
			add_word(r, words, n);
		words += n + (words[n] == ' ');
	}
}

static const char *abbreviation(const struct reader *r, const char *s, size_t n)
{
	char key[24];
	if (n == 0 || n >= sizeof key)
		return NULL;
	for (size_t i = 0; i < n; i++)
		key[i] = (char)tolower((unsigned char)s[i]);
	key[n] = 0;
	return lexicon_find(r->lx, LIST_ABBREVIATION, key);
}

/* "U.S.A.", "L.A.": letters with full stops. Writes the letters. */
static int dotted(const char *s, size_t n, char *letters, size_t size)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i += 2) {
		if (!isalpha((unsigned char)s[i]) || (i + 1 < n && s[i + 1] != '.') || k + 1 >= size)
			return 0;
		letters[k++] = (char)toupper((unsigned char)s[i]);
	}
	letters[k] = 0;
	return k >= 2;
}

/* The strongest mark among those that follow a word. */
static char strongest(const char *s, size_t n, char so_far)
{
	static const char order[] = "?!.;:,-";
	for (size_t i = 0; i < n; i++) {
		char c = s[i] == SIGN_DASH ? '-' : s[i];
		const char *p = c ? strchr(order, c) : NULL;
		if (p && (!so_far || p < strchr(order, so_far)))
			so_far = c;
	}
	return so_far;
}

/* Apostrophes at a word's ends: left-out letters stay, quotation marks go. */
static void trim_quotes(struct reader *r, const char **s, size_t *n)
{
	char key[24];
	while (*n && **s == '\'') {
		size_t k = 1;
		key[0] = '\'';
		while (k < *n && k < sizeof key - 1 && (is_letter((*s)[k]) || (*s)[k] == '\'')) {
			key[k] = (char)tolower((unsigned char)(*s)[k]);
			k++;
		}
		key[k] = 0;
		if ((*n > 1 && isdigit((unsigned char)(*s)[1])) || lexicon_find(r->lx, LIST_KEEP, key))
			break;
		if (k > 1 && key[k - 1] == '\'') {
			key[k - 1] = 0;
			if (lexicon_find(r->lx, LIST_KEEP, key))
				break;
		}
		r->open_quote = 1;
		++*s;
		--*n;
	}
	while (*n && (*s)[*n - 1] == '\'') {
		size_t k = 0;
		for (; k < *n && k < sizeof key - 1; k++)
			key[k] = (char)tolower((unsigned char)(*s)[k]);
		key[k] = 0;
		int in_ending = *n >= 4 && !strncmp(key + (k >= 3 ? k - 3 : 0), "in'", 3);
		int plural = *n >= 3 && key[k >= 2 ? k - 2 : 0] == 's' && !r->open_quote;
		if (k < sizeof key - 1 && (in_ending || plural || lexicon_find(r->lx, LIST_KEEP, key)))
			break;
		r->open_quote = 0;
		--*n;
	}
}

static int digits_of(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (isdigit((unsigned char)s[i]))
			return 1;
	return 0;
}

static void add_number(struct reader *r, const char *s, size_t n)
{
	struct buf b = buf_init(1u << 17);
	char *copy = arena_copy(r->arena, s, n);
	if (!copy) {
		r->failed = 1;
		return;
	}
	number_words(copy, &b);
	r->failed |= b.failed != 0;
	add_phrase(r, buf_str(&b));
	buf_release(&b);
}

/* What remains between punctuation. dot: a full stop follows. Returns 1 if the stop belongs to it. */
static int add_core(struct reader *r, const char *s, size_t n, int dot, const char *after)
{
	char letters[16];
	const char *full;
	if (dot && (full = abbreviation(r, s, n + 1))) {
		/* "St." before a name is Saint, after one Street */
		after += strspn(after, " ");
		if (n == 2 && !strncmp(full, "Saint", 5) && !isupper((unsigned char)*after))
			full = "Street";
		add_phrase(r, full);
		return 1;
	}
	if (dot && n == 2 && tolower((unsigned char)s[0]) == 'n' && tolower((unsigned char)s[1]) == 'o' && isdigit((unsigned char)after[strspn(after, " ")])) {
		add_phrase(r, "Number");
		return 1;
	}
	if ((full = abbreviation(r, s, n)))
		add_phrase(r, full);
	else if (n >= 3 && dotted(s, n, letters, sizeof letters))
		add(r, letters, strlen(letters), 1);
	else if (digits_of(s, n))
		add_number(r, s, n);
	else
		add_letters(r, s, n);
	return 0;
}

/* "x2", "2x" at a line's end say how often, to people. */
static int is_repetition(const char *s, size_t n, const char *after)
{
	size_t digits = 0;
	for (size_t i = 0; i < n; i++)
		digits += isdigit((unsigned char)s[i]) != 0;
	int x_first = s[0] == 'x' || s[0] == 'X' || s[0] == SIGN_TIMES, x_last = s[n - 1] == 'x' || s[n - 1] == 'X' || s[n - 1] == SIGN_TIMES;
	after += strspn(after, " .,;:!?");
	if (*after == 0 && n >= 2 && digits == n - 1 && (x_first || x_last))
		return 1;
	return x_first && n == 1 && s[0] != 'X' && isdigit((unsigned char)*after) && strspn(after, "0123456789 .)") == strlen(after);
}

/* "$2 million": the unit comes after the scale. Returns bytes of the scale's word, 0 if none. */
static size_t scaled_money(struct reader *r, const char *s, size_t n, const char *after)
{
	static const char *const scales[] = { "hundred", "thousand", "million", "billion", "trillion" };
	size_t sp = strspn(after, " ");
	if (!n || !(s[0] == '$' || (s[0] >= SIGN_EURO && s[0] <= SIGN_YEN)) || !sp)
		return 0;
	for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
		size_t k = strlen(scales[i]);
		if (strncmp(after + sp, scales[i], k) || is_word_char(after[sp + k]))
			continue;
		add_number(r, s + 1, n - 1);
		add_phrase(r, scales[i]);
		add_phrase(r, s[0] == '$' ? "dollars" : s[0] == SIGN_EURO ? "euros" : s[0] == SIGN_POUND ? "pounds" : "yen");
		return sp + k;
	}
	return 0;
}

/* Where the source token at s ends: a space, a long dash, "--", "...", or punctuation between letters ("yes,no"). */
static size_t token_end(const char *s)
{
	size_t n = 0;
	for (; s[n] && s[n] != ' ' && s[n] != '\n' && s[n] != SIGN_DASH; n++) {
		int mark = strchr(".,;:!?\"", s[n]) != NULL;
		if (n && is_word_char(s[n - 1]) && s[n] == '-' && s[n + 1] == '-')
			break;
		if (n && s[n] == '/' && is_letter(s[n - 1]) && is_letter(s[n + 1]) && !(n == 1 && (s[0] == 'w' || s[0] == 'b')))
			break;
		if (!mark || n == 0)
			continue;
		size_t k = n;
		while (s[k] && strchr(".,;:!?\"", s[k]))
			k++;
		int numeric = isdigit((unsigned char)s[n - 1]) && isdigit((unsigned char)s[k]) && k == n + 1;
		int initials = s[n] == '.' && k == n + 1 && (n < 2 || s[n - 2] == '.' || !is_word_char(s[n - 2])) && is_letter(s[n - 1]);
		if (is_word_char(s[k]) && !numeric && !initials)
			break;
	}
	return n;
}

static void read_token(struct reader *r, const char *s, size_t n, const char **next)
{
	static const char marks[] = ".,;:!?\"()]}>*=^<{[\x10";
	size_t a = 0, b = n;
	while (a < b && strchr(".,;:!?\"(){}[]<>*=^\\/", s[a]) && !(s[a] == '.' && isdigit((unsigned char)s[a + 1])))
		a++;
	while (b > a && (strchr(marks, s[b - 1]) || (s[b - 1] == '-' && b - 1 > a)))
		b--;
	const char *core = s + a;
	size_t len = b - a, taken;
	trim_quotes(r, &core, &len);
	while (len && strchr(marks, core[len - 1])) /* "word.'" */
		len--;
	r->from = (size_t)(s - r->line);
	r->to = r->from + n;
	r->first = r->out->n;
	int dot = core[len] == '.', used = 0;
	char punct = strongest(core + len, (size_t)(s + n - core - (ptrdiff_t)len), 0);
	if (len && !is_repetition(core, len, s + n)) {
		if ((taken = scaled_money(r, core, len, s + n))) {
			*next += taken;
			r->to += taken;
		} else {
			used = add_core(r, core, len, dot, s + n);
		}
	}
	if (used && punct == '.')
		punct = s[n + strspn(s + n, " ")] ? 0 : '.';
	if (punct && r->out->n) {
		struct token *last = &r->out->items[r->out->n - 1];
		last->punct = strongest(&punct, 1, last->punct);
	}
	for (int i = r->first; i < r->out->n; i++)
		r->out->items[i].to = r->to;
}

int tokens_read(const char *line, const struct lexicon *lx, struct arena *arena, struct tokens *ret)
{
	struct reader r = { .lx = lx, .arena = arena, .out = ret, .line = line, .shouted = 1 };
	int before = ret->n;
	for (const char *p = line; *p; p++)
		if (islower((unsigned char)*p))
			r.shouted = 0;
	for (const char *p = line; *p && !r.failed;) {
		if (*p == ' ' || *p == '\n' || *p == '/') {
			p++;
			continue;
		}
		if (*p == SIGN_DASH || (*p == '-' && (p[1] == '-' || p[1] == ' ' || p[1] == 0))) {
			if (ret->n > before && !ret->items[ret->n - 1].punct)
				ret->items[ret->n - 1].punct = '-';
			p++;
			continue;
		}
		size_t n = token_end(p);
		if (n == 0)
			n = 1;
		const char *next = p + n;
		/* punctuation that stands against the token's end belongs to it */
		while (*next && strchr(".,;:!?\"", *next))
			next++;
		n = (size_t)(next - p);
		read_token(&r, p, n, &next);
		p = next;
	}
	return r.failed ? -1 : 0;
}
