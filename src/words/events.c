/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/events.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "words/text.h"

struct reader {
	const struct lexicon *lx;
	struct arena *arena;
	struct events *out;
	struct buf lead, backing; /* of the line being read */
	int in_paren;
	int failed;
};

static int has_letters(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (isalnum((unsigned char)s[i]) || (unsigned char)s[i] >= 0x80 || s[i] == '&')
			return 1;
	return 0;
}

static void add(struct reader *r, struct event e)
{
	struct events *v = r->out;
	if (e.type == EVENT_BLANK && (v->n == 0 || v->items[v->n - 1].type == EVENT_BLANK))
		return;
	if (array_reserve((void **)&v->items, &v->cap, v->n, sizeof *v->items) < 0) {
		r->failed = 1;
		return;
	}
	v->items[v->n++] = e;
}

/* What b has, a line for each of its '\n's, and empties it. */
static void add_lines(struct reader *r, struct buf *b, int backing)
{
	for (const char *p = buf_str(b); *p;) {
		size_t n = strcspn(p, "\n");
		const char *text = has_letters(p, n) ? arena_copy(r->arena, p, n) : "";
		if (!text)
			r->failed = 1;
		else if (*text)
			add(r, (struct event){ .type = EVENT_LINE, .backing = backing, .text = text });
		p += n + (p[n] == '\n');
	}
	buf_clear(b);
}

/* The line so far ends here: the lead, then what the others sing meanwhile or after it. */
static void flush(struct reader *r)
{
	r->failed |= r->lead.failed | r->backing.failed;
	add_lines(r, &r->lead, 0);
	add_lines(r, &r->backing, 1);
}

static int sung_before(const struct reader *r)
{
	for (int i = 0; i < r->out->n; i++)
		if (r->out->items[i].type == EVENT_LINE || r->out->items[i].type == EVENT_TAG)
			return 1;
	return r->lead.len > 0;
}

/* Lower-case letters and single spaces only. */
static void only_words(const char *s, size_t n, struct buf *out)
{
	int space = 0;
	for (size_t i = 0; i < n; i++) {
		if (isalnum((unsigned char)s[i]) || (unsigned char)s[i] >= 0x80) {
			if (space && out->len)
				buf_addc(out, ' ');
			buf_addc(out, (char)tolower((unsigned char)s[i]));
			space = 0;
		} else {
			space = 1;
		}
	}
}

static int is_direction(const struct reader *r, const char *s, size_t n)
{
	struct buf b = buf_init(256);
	only_words(s, n, &b);
	int found = b.len > 0 && lexicon_find(r->lx, LIST_DIRECTION, buf_str(&b)) != NULL;
	buf_release(&b);
	return found;
}

/* "x2", "2x", "x 2", "repeat x2" */
static int is_repetition(const char *s, size_t n)
{
	struct buf b = buf_init(64);
	size_t digits = 0, signs = 0, others = 0;
	for (size_t i = 0; i < n; i++)
		if (s[i] == SIGN_TIMES)
			signs++;
	only_words(s, n, &b);
	const char *p = buf_str(&b);
	if (!strncmp(p, "repeat", 6))
		p += 6;
	for (; *p; p++) {
		digits += isdigit((unsigned char)*p) != 0;
		signs += *p == 'x';
		others += !isdigit((unsigned char)*p) && *p != 'x' && *p != ' ';
	}
	int yes = !b.failed && digits >= 1 && digits <= 2 && signs == 1 && others == 0;
	buf_release(&b);
	return yes;
}

static int add_tag(struct reader *r, const char *s, size_t n, int exact)
{
	struct event e = { .type = EVENT_TAG };
	if (!lexicon_section(r->lx, s, n, exact, &e.kind, &e.number))
		return 0;
	flush(r);
	add(r, e);
	return 1;
}

/* s stands at '('. Returns how many bytes are dealt with; the parenthesis may stay open. */
static size_t open_paren(struct reader *r, const char *s, int alone)
{
	size_t n = 1;
	while (s[n] && s[n] != ')' && s[n] != '[' && s[n] != '(' && !(s[n] == '\n' && s[n + 1 + strspn(s + n + 1, " ")] == '\n'))
		n++;
	if (s[n] != ')')
		return 1; /* never closed: a smiley or a slip */
	if (!has_letters(s + 1, n - 1)) {
		if (strspn(s + 1, " ") == n - 1)
			flush(r); /* "()" separates lines in some clients */
		return n + 1;
	}
	if (is_repetition(s + 1, n - 1) || is_direction(r, s + 1, n - 1))
		return n + 1;
	if (alone && !memchr(s, '\n', n) && add_tag(r, s + 1, n - 1, 1))
		return n + 1;
	if (r->backing.len)
		buf_addc(&r->backing, '\n');
	r->in_paren = 1;
	return 1;
}

/* s stands at '['. */
static size_t open_bracket(struct reader *r, const char *s)
{
	size_t n = strcspn(s, "]\n");
	if (s[n] != ']') {
		if (n <= 40 && add_tag(r, s + 1, n - 1, 1))
			return n;
		return 1;
	}
	if (!add_tag(r, s + 1, n - 1, 0)) /* style, a chord, a hint: not sung */
		buf_addc(r->in_paren ? &r->backing : &r->lead, ' ');
	return n + 1;
}

/* The characters of one line, after its markup. line_start: the line stands at the beginning of s. */
static void read_text(struct reader *r, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t rest = n - i - 1;
		if (s[i] == '[') {
			i += open_bracket(r, s + i);
		} else if (s[i] == '(' && !r->in_paren) {
			const char *close = memchr(s + i, ')', n - i);
			int alone = !has_letters(s, i) && close && !has_letters(close, n - (size_t)(close - s));
			i += open_paren(r, s + i, alone);
		} else if (s[i] == ')') {
			if (r->in_paren && !has_letters(buf_str(&r->lead), r->lead.len))
				flush(r); /* it came before the line's other words */
			else
				buf_addc(&r->lead, ' ');
			r->in_paren = 0;
			i++;
		} else if (s[i] == '#' && rest && s[i + 1] == '#') {
			flush(r);
			add(r, (struct event){ .type = EVENT_MARK });
			while (i < n && (s[i] == '#' || s[i] == ' '))
				i++;
		} else {
			buf_addc(r->in_paren ? &r->backing : &r->lead, s[i]);
			i++;
		}
	}
}

/* "Title: ...", "Genre: ...": facts about the song above its lyrics. */
static int read_fact(struct reader *r, const char *s, size_t n)
{
	static const char *const facts[] = { "title", "song title", "song", "genre", "style", "mood", "tempo", "bpm", "key", "artist", "written by" };
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		size_t k = strlen(facts[i]);
		if (n <= k || strncasecmp(s, facts[i], k) || s[k] != ':')
			continue;
		if (i < 3) {
			r->out->title = arena_copy(r->arena, s + k + 1, n - k - 1);
			r->failed |= !r->out->title;
		}
		return 1;
	}
	return 0;
}

/* Markup of headings: "### Verse 1", "**Chorus**", "Bridge:", "Verse 2". 1 if the whole line was one. */
static int read_heading(struct reader *r, const char *s, size_t n)
{
	size_t a = 0, b = n, hashes = 0, stars = 0;
	int digit = 0, colon = 0;
	while (a < b && (s[a] == '#' || s[a] == '*' || s[a] == ' ' || s[a] == '>')) {
		hashes += s[a] == '#';
		stars += s[a] == '*';
		a++;
	}
	while (b > a && (s[b - 1] == '*' || s[b - 1] == '#' || s[b - 1] == ' ' || s[b - 1] == ':')) {
		colon |= s[b - 1] == ':';
		b--;
	}
	if (a == b)
		return 0;
	for (size_t i = a; i < b; i++)
		digit |= isdigit((unsigned char)s[i]);
	if ((hashes || stars || digit || colon) && b - a <= 40 && s[a] != '[' && s[a] != '(' && add_tag(r, s + a, b - a, 1))
		return 1;
	if (stars && is_direction(r, s + a, b - a))
		return 1;
	if (sung_before(r))
		return 0;
	if (hashes == 1 && s[0] == '#' && s[1] == ' ') {
		r->out->title = arena_copy(r->arena, s + a, b - a);
		r->failed |= !r->out->title;
		return 1;
	}
	return read_fact(r, s + a, b - a);
}

/* "Chorus: we sing": the tag's bytes, 0 if there is none. */
static size_t read_prefix(struct reader *r, const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n);
	if (!colon || colon - s > 30 || s[0] == '(' || s[0] == '[' || !isupper((unsigned char)s[0]))
		return 0;
	return add_tag(r, s, (size_t)(colon - s), 1) ? (size_t)(colon - s) + 1 : 0;
}

static void read_line(struct reader *r, const char *s, size_t n)
{
	size_t skip = 0;
	while (skip < n && (s[skip] == ' ' || s[skip] == '>'))
		skip++;
	if (skip + 1 < n && (s[skip] == '-' || s[skip] == '*' || s[skip] == SIGN_DASH) && s[skip + 1] == ' ')
		skip += 2;
	while (n > skip && s[n - 1] == ' ')
		n--;
	s += skip;
	n -= skip;
	if (n == 0) {
		r->in_paren = 0;
		add(r, (struct event){ .type = EVENT_BLANK });
		return;
	}
	if (!r->in_paren) {
		if (read_heading(r, s, n))
			return;
		skip = read_prefix(r, s, n);
		s += skip;
		n -= skip;
	}
	read_text(r, s, n);
	flush(r);
}

int events_read(const char *plain, const struct lexicon *lx, struct arena *arena, struct events *ret)
{
	struct reader r = { .lx = lx, .arena = arena, .out = ret, .lead = buf_init(1u << 17), .backing = buf_init(1u << 17) };
	*ret = (struct events){ 0 };
	for (const char *p = plain; *p;) {
		size_t n = strcspn(p, "\n");
		read_line(&r, p, n);
		p += n + (p[n] == '\n');
	}
	buf_release(&r.lead);
	buf_release(&r.backing);
	return r.failed ? -1 : 0;
}
