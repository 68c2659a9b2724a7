/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/numbers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "words/text.h"

static const char *const small[] = {
	"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
	"fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
};
static const char *const tens[] = { "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety" };
static const char *const small_ordinal[] = {
	"zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
};
static const char *const months[] = {
	"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
};

static void say(struct buf *out, const char *word)
{
	if (out->len)
		buf_addc(out, ' ');
	buf_adds(out, word);
}

static void cardinal(unsigned long long n, struct buf *out)
{
	static const struct { unsigned long long value; const char *name; } steps[] = {
		{ 1000000000000ULL, "trillion" }, { 1000000000ULL, "billion" }, { 1000000ULL, "million" }, { 1000ULL, "thousand" }, { 100ULL, "hundred" },
	};
	if (n == 0) {
		say(out, small[0]);
		return;
	}
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (n >= steps[i].value) {
			cardinal(n / steps[i].value, out); /* at most two levels deep: each step is below 1000 of the next */
			say(out, steps[i].name);
			n %= steps[i].value;
		}
	}
	if (n >= 20) {
		say(out, tens[n / 10]);
		n %= 10;
	}
	if (n)
		say(out, small[n]);
}

/* Replaces the last word said by its ordinal or its plural. */
static void last_word_to(struct buf *out, int ordinal)
{
	const char *all = buf_str(out), *sp = strrchr(all, ' ');
	char last[32];
	size_t at = sp ? (size_t)(sp - all) + 1 : 0;
	if (out->len - at >= sizeof last - 4)
		return;
	strcpy(last, all + at);
	size_t n = strlen(last);
	if (n == 0)
		return;
	struct buf b = buf_init(out->max);
	buf_add(&b, all, at);
	if (ordinal) {
		size_t i = 0;
		while (i < 13 && strcmp(last, small[i]))
			i++;
		if (i < 13)
			strcpy(last, small_ordinal[i]);
		else if (last[n - 1] == 'y')
			strcpy(last + n - 1, "ieth");
		else
			strcpy(last + n, "th");
	} else if (last[n - 1] == 'y') {
		strcpy(last + n - 1, "ies");
	} else if (last[n - 1] == 'x') {
		strcpy(last + n, "es");
	} else {
		strcpy(last + n, "s");
	}
	buf_adds(&b, last);
	buf_clear(out);
	buf_adds(out, buf_str(&b));
	buf_release(&b);
}

static void digits(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if (isdigit((unsigned char)s[i]))
			say(out, s[i] == '0' ? "oh" : small[s[i] - '0']);
}

static void two_digits(unsigned n, struct buf *out)
{
	if (n < 10)
		say(out, "oh");
	cardinal(n, out);
}

static void year(unsigned n, struct buf *out)
{
	if (n % 1000 < 10 || n < 1000) {
		cardinal(n, out);
		return;
	}
	cardinal(n / 100, out);
	if (n % 100 == 0)
		say(out, "hundred");
	else
		two_digits(n % 100, out);
}

static int is_year(const char *s, size_t n)
{
	return n == 4 && ((s[0] == '1' && s[1] > '0') || (s[0] == '2' && s[1] == '0'));
}

/* A run of digits and thousands' commas. */
static void integer(const char *s, size_t n, struct buf *out)
{
	int commas = memchr(s, ',', n) != NULL;
	size_t count = 0;
	unsigned long long v = 0;
	for (size_t i = 0; i < n; i++) {
		if (isdigit((unsigned char)s[i])) {
			if (++count <= 15)
				v = v * 10 + (unsigned)(s[i] - '0');
		}
	}
	if (count > 15 || (s[0] == '0' && count > 1) || (!commas && count > 7))
		digits(s, n, out);
	else if (!commas && is_year(s, n))
		year((unsigned)v, out);
	else
		cardinal(v, out);
}

/* What stands at the beginning of s: lengths of its parts. */
struct number {
	size_t whole;      /* digits and commas */
	const char *frac;  /* after the point, or NULL */
	size_t frac_n;
	size_t total;
};

static struct number scan(const char *s)
{
	struct number n = { 0 };
	while (isdigit((unsigned char)s[n.whole]) ||
	       (s[n.whole] == ',' && n.whole && isdigit((unsigned char)s[n.whole + 1]) && isdigit((unsigned char)s[n.whole + 2]) &&
	        isdigit((unsigned char)s[n.whole + 3])))
		n.whole++;
	n.total = n.whole;
	if (s[n.total] == '.' && isdigit((unsigned char)s[n.total + 1])) {
		n.frac = s + n.total + 1;
		while (isdigit((unsigned char)n.frac[n.frac_n]))
			n.frac_n++;
		n.total += 1 + n.frac_n;
	}
	return n;
}

static void plain(const char *s, const struct number *n, struct buf *out)
{
	if (n->whole)
		integer(s, n->whole, out);
	if (n->frac) {
		say(out, "point");
		digits(n->frac, n->frac_n, out);
	}
}

static int is_end(const char *s)
{
	return *s == 0;
}

/* "10:30", "7:00", "10:30pm". Returns bytes taken or 0. */
static size_t clock_time(const char *s, struct buf *out)
{
	char *end;
	unsigned long h = strtoul(s, &end, 10);
	if (*end != ':' || end - s > 2 || !isdigit((unsigned char)end[1]) || !isdigit((unsigned char)end[2]) || isdigit((unsigned char)end[3]) || h > 24)
		return 0;
	unsigned m = (unsigned)(end[1] - '0') * 10 + (unsigned)(end[2] - '0');
	if (m > 59)
		return 0;
	cardinal(h, out);
	int half_day = end[3] == 'a' || end[3] == 'p' || end[3] == 'A' || end[3] == 'P';
	if (m)
		two_digits(m, out);
	else if (!half_day)
		say(out, "o'clock");
	return (size_t)(end - s) + 3;
}

static void month_day(unsigned m, unsigned d, struct buf *out)
{
	say(out, months[m - 1]);
	cardinal(d, out);
	last_word_to(out, 1);
}

/* Two or three numbers with slashes: fractions and dates. Returns bytes taken or 0. */
static size_t slashes(const char *s, struct buf *out)
{
	char *p, *q;
	unsigned long a = strtoul(s, &p, 10);
	if (*p != '/' || p - s > 2 || !isdigit((unsigned char)p[1]))
		return 0;
	unsigned long b = strtoul(p + 1, &q, 10);
	if (q - p > 3)
		return 0;
	if (*q != '/' && a >= 1 && a < b && b <= 10 && !(a == 1 && b > 4) && b != 9 && b != 7) {
		cardinal(a, out);
		say(out, b == 2 ? "half" : b == 4 ? "quarter" : small_ordinal[b]);
		if (a > 1)
			last_word_to(out, 0);
		return (size_t)(q - s);
	}
	if (a >= 1 && a <= 12 && b >= 1 && b <= 31) {
		month_day((unsigned)a, (unsigned)b, out);
	} else if (b >= 1 && b <= 12 && a >= 1 && a <= 31) {
		month_day((unsigned)b, (unsigned)a, out);
	} else {
		cardinal(a, out);
		cardinal(b, out);
		return (size_t)(q - s);
	}
	if (*q == '/' && isdigit((unsigned char)q[1])) {
		size_t n = strspn(q + 1, "0123456789");
		if (n == 4)
			integer(q + 1, n, out);
		else if (n == 2)
			two_digits((unsigned)(q[1] - '0') * 10 + (unsigned)(q[2] - '0'), out);
		else
			digits(q + 1, n, out);
		q += 1 + n;
	}
	return (size_t)(q - s);
}

/* "867-5309", "2024-05-01", "20-20". Returns bytes taken or 0. */
static size_t hyphens(const char *s, struct buf *out)
{
	size_t n = strspn(s, "0123456789-");
	while (n && s[n - 1] == '-')
		n--;
	const char *dash = memchr(s, '-', n);
	if (!dash)
		return 0;
	size_t count = 0, parts = 1;
	for (size_t i = 0; i < n; i++)
		s[i] == '-' ? parts++ : count++;
	if (parts == 3 && n == 10 && dash == s + 4 && s[7] == '-') {
		unsigned m = (unsigned)atoi(s + 5), d = (unsigned)atoi(s + 8);
		if (m >= 1 && m <= 12 && d >= 1 && d <= 31) {
			month_day(m, d, out);
			integer(s, 4, out);
			return n;
		}
	}
	int phone = count >= 7 && !(parts == 2 && dash == s + 4 && n == 9);
	for (size_t i = 0; i < n;) {
		size_t k = strspn(s + i, "0123456789");
		if (phone)
			digits(s + i, k, out);
		else if (k)
			integer(s + i, k, out);
		i += k ? k : 1;
	}
	return n;
}

/* Money: the sign comes first, the word last. Returns bytes taken or 0. */
static size_t money(const char *s, struct buf *out)
{
	static const struct { char sign; const char *one, *many; const char *cent; } coins[] = {
		{ '$', "dollar", "dollars", "cents" }, { SIGN_EURO, "euro", "euros", "cents" },
		{ SIGN_POUND, "pound", "pounds", "pence" }, { SIGN_YEN, "yen", "yen", NULL },
	};
	size_t k = 0;
	while (k < 4 && coins[k].sign != s[0])
		k++;
	if (k == 4 || !(isdigit((unsigned char)s[1]) || (s[1] == '.' && isdigit((unsigned char)s[2]))))
		return 0;
	struct number n = scan(s + 1);
	const char *after = s + 1 + n.total;
	int scale = (*after == 'k' || *after == 'K') ? 1 : (*after == 'm' || *after == 'M') ? 2 : (*after == 'b' || *after == 'B') ? 3 : 0;
	if (scale && isalnum((unsigned char)after[1]))
		scale = 0;
	if (scale || !n.frac || n.frac_n != 2 || !coins[k].cent) {
		plain(s + 1, &n, out);
		if (scale)
			say(out, scale == 1 ? "thousand" : scale == 2 ? "million" : "billion");
		say(out, n.whole == 1 && s[1] == '1' && !n.frac && !scale ? coins[k].one : coins[k].many);
		return 1 + n.total + (scale ? 1 : 0);
	}
	if (n.whole && !(n.whole == 1 && s[1] == '0')) {
		integer(s + 1, n.whole, out);
		say(out, n.whole == 1 && s[1] == '1' ? coins[k].one : coins[k].many);
	}
	unsigned cents = (unsigned)(n.frac[0] - '0') * 10 + (unsigned)(n.frac[1] - '0');
	if (cents) {
		if (n.whole && !(n.whole == 1 && s[1] == '0'))
			say(out, "and");
		cardinal(cents, out);
		say(out, cents == 1 && strcmp(coins[k].cent, "pence") ? "cent" : coins[k].cent);
	}
	return 1 + n.total;
}

/* "80s", "1980s", "90's", "2000s". Returns bytes taken or 0. */
static size_t decade(const char *s, struct buf *out)
{
	size_t n = strspn(s, "0123456789");
	const char *p = s + n;
	if (*p == '\'')
		p++;
	if (n < 1 || n > 4 || (*p != 's' && *p != 'S') || !is_end(p + 1))
		return 0;
	if (n == 2 && s[0] == '0' && s[1] == '0')
		say(out, "two thousand");
	else if (n == 4 && s[2] == '0' && s[3] == '0' && s[1] != '0') {
		cardinal((unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0'), out);
		say(out, "hundred");
	} else
		integer(s, n, out);
	last_word_to(out, 0);
	return (size_t)(p + 1 - s);
}

/* "1st", "22nd". Returns bytes taken or 0. */
static size_t ordinal(const char *s, struct buf *out)
{
	struct number n = scan(s);
	const char *e = s + n.whole;
	if (!n.whole || n.frac || isalpha((unsigned char)(e[0] ? e[1] ? e[2] : 0 : 0)))
		return 0;
	if (strncasecmp(e, "st", 2) && strncasecmp(e, "nd", 2) && strncasecmp(e, "rd", 2) && strncasecmp(e, "th", 2))
		return 0;
	unsigned long long v = 0;
	for (size_t i = 0; i < n.whole && i < 15; i++)
		if (s[i] != ',')
			v = v * 10 + (unsigned)(s[i] - '0');
	cardinal(v, out);
	last_word_to(out, 1);
	return n.whole + 2;
}

/* What follows a number at once: a unit. Returns bytes taken or 0. */
static size_t unit(const char *s, struct buf *out)
{
	static const struct { const char *sign, *word; } units[] = {
		{ "%", "percent" }, { "\x15" "F", "degrees" }, { "\x15" "C", "degrees" }, { "\x15", "degrees" }, { "\x14", "cents" }, { "am", "A M" }, { "a.m", "A M" },
		{ "pm", "P M" }, { "p.m", "P M" }, { "km", "kilometers" }, { "mph", "miles an hour" }, { "kg", "kilos" }, { "lbs", "pounds" }, { "hrs", "hours" },
		{ "min", "minutes" }, { "sec", "seconds" }, { "ft", "feet" }, { "yrs", "years" }, { "bpm", "beats a minute" }, { "k", "thousand" }, { "+", "plus" },
	};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t n = strlen(units[i].sign);
		if (!strncasecmp(s, units[i].sign, n) && !isalnum((unsigned char)s[n])) {
			say(out, units[i].word);
			return n;
		}
	}
	return 0;
}

void number_words(const char *s, struct buf *out)
{
	while (*s) {
		size_t n;
		int first = out->len == 0;
		if (*s == '\'' && isdigit((unsigned char)s[1])) {
			s++;
			if (isdigit((unsigned char)s[1]) && is_end(s + 2)) { /* '84 */
				two_digits((unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0'), out);
				return;
			}
		}
		if ((n = money(s, out))) {
			s += n;
		} else if (*s == '#' && isdigit((unsigned char)s[1])) {
			say(out, "number");
			s++;
		} else if (*s == '-' && first && isdigit((unsigned char)s[1])) {
			say(out, "minus");
			s++;
		} else if (isdigit((unsigned char)*s) || (*s == '.' && isdigit((unsigned char)s[1]))) {
			struct number v = scan(s);
			if ((n = decade(s, out)) || (n = clock_time(s, out)) || (n = slashes(s, out)) || (n = hyphens(s, out)) || (n = ordinal(s, out))) {
				s += n;
			} else {
				plain(s, &v, out);
				s += v.total;
			}
			s += unit(s, out);
		} else if (isalpha((unsigned char)*s) || (unsigned char)*s >= 0x80 || (*s == '\'' && !first && isalpha((unsigned char)s[1]))) {
			n = 0;
			while (isalpha((unsigned char)s[n]) || (unsigned char)s[n] >= 0x80 || s[n] == '\'')
				n++;
			if (out->len)
				buf_addc(out, ' ');
			buf_add(out, s, n);
			s += n;
		} else {
			s++;
		}
	}
}
