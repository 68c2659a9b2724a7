/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tempo, time signature and key in a prompt's words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/chord.h"
#include "style/prompt.h"

#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))

static int is_one_of(const struct token *t, const char *const *list, int n)
{
	for (int k = 0; k < n; k++)
		if (!strcmp(t->text, list[k]))
			return 1;
	return 0;
}

#define IS(t, ...) is_one_of(t, (const char *const[]){__VA_ARGS__}, LENGTH(((const char *const[]){__VA_ARGS__})))

/* ---- tempo ---- */

/* A plain number, or 0. */
static double number(const struct token *t)
{
	if (strspn(t->text, "0123456789.") != strlen(t->text))
		return 0;
	return strtod(t->text, NULL);
}

static int plausible(double bpm)
{
	return bpm >= 20 && bpm <= 400;
}

/* "92" or a range, "92-100", "92 to 100", "92 and 100", of which the middle counts. Returns the tokens taken. */
static int read_number(const struct token *tokens, int n, int i, double *ret)
{
	double a = i < n ? number(&tokens[i]) : 0, b = 0;
	if (!plausible(a))
		return 0;
	int used = 1;
	if (i + 1 < n && tokens[i + 1].gap == GAP_HYPHEN) {
		b = number(&tokens[i + 1]);
		used = 2;
	} else if (i + 2 < n && IS(&tokens[i + 1], "to", "and", "or")) {
		b = number(&tokens[i + 2]);
		used = 3;
	}
	if (!plausible(b) || b < a)
		used = 1;
	*ret = used > 1 ? (double)(long)((a + b) / 2 + 0.5) : a;
	return used;
}

/* The tokens of "bpm" or "beats per minute". */
static int read_unit(const struct token *tokens, int n, int i)
{
	if (i < n && IS(&tokens[i], "bpm"))
		return 1;
	if (i + 2 < n && IS(&tokens[i], "beats", "quarters") && IS(&tokens[i + 1], "per", "a") && IS(&tokens[i + 2], "minute"))
		return 3;
	return 0;
}

int read_tempo(const struct token *tokens, int n, int i, struct wishes *w)
{
	double bpm = 0;
	int used = read_number(tokens, n, i, &bpm);
	if (used) { /* "92 bpm" */
		int unit = read_unit(tokens, n, i + used);
		if (!unit)
			return 0;
		w->bpm = bpm;
		return used + unit;
	}
	if (!IS(&tokens[i], "bpm", "tempo", "\xe2\x99\xa9"))
		return 0;
	int k = i + 1; /* "tempo: around 92" */
	while (k < n && k < i + 5 && tokens[k].gap != GAP_COMMA && IS(&tokens[k], "of", "is", "at", "around", "about", "approximately", "approx", "near", "to", "set",
	                                      "roughly", "ca", "circa", "between", "bpm", "range"))
		k++;
	if (k >= n || tokens[k].gap == GAP_COMMA || !(used = read_number(tokens, n, k, &bpm)))
		return 0;
	w->bpm = bpm;
	k += used;
	return k - i + read_unit(tokens, n, k);
}

/* ---- time signature ---- */

int read_meter(const struct token *tokens, int n, int i, struct wishes *w)
{
	(void)n;
	const char *text = tokens[i].text, *slash = strchr(text, '/');
	if (!slash || strspn(text, "0123456789") != (size_t)(slash - text) || strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return 0;
	long num = strtol(text, NULL, 10), den = strtol(slash + 1, NULL, 10);
	if (num < 2 || num > 16 || (den != 2 && den != 4 && den != 8 && den != 16))
		return 0;
	int compound = den >= 8 && num % 6 == 0, three = num % 3 == 0;
	w->num = compound ? 6 : three ? 3 : 4;
	w->den = compound ? 8 : 4;
	w->odd_meter[0] = 0;
	if (num != w->num || den != w->den)
		snprintf(w->odd_meter, sizeof w->odd_meter, "%ld/%ld", num, den);
	return 1;
}

/* ---- key ---- */

/* 1: minor, 0: major, -1: no mode. */
static int mode_of(const struct token *t)
{
	if (IS(t, "minor", "min", "dorian", "aeolian", "phrygian", "moll"))
		return 1;
	return IS(t, "major", "maj", "ionian", "lydian", "mixolydian", "dur") ? 0 : -1;
}

/* A note's name at i, in one token or two ("f#", "bb", "f sharp"): the tokens taken, and its pitch class. *suffix: 1 if the token ends in m, as in "am". */
static int read_note(const struct token *tokens, int n, int i, int *ret_pc, int *suffix)
{
	char name[8];
	size_t len = strlen(tokens[i].text);
	*suffix = len > 1 && tokens[i].text[len - 1] == 'm';
	len -= (size_t)*suffix;
	if (len < 1 || len > 2 || tokens[i].text[0] < 'a' || tokens[i].text[0] > 'g' || (len == 2 && tokens[i].text[1] != '#' && tokens[i].text[1] != 'b'))
		return 0;
	int used = 1;
	memcpy(name, tokens[i].text, len);
	name[0] = (char)(name[0] - 'a' + 'A');
	if (len == 1 && !*suffix && i + 1 < n && tokens[i + 1].gap <= GAP_HYPHEN && IS(&tokens[i + 1], "sharp", "flat")) {
		name[len++] = tokens[i + 1].text[0] == 's' ? '#' : 'b';
		used = 2;
	}
	name[len] = 0;
	int mode;
	return key_parse(name, ret_pc, &mode, NULL) == 0 ? used : 0;
}

/* Whether what is said ends before tokens[i], or goes on with a word that a key can't belong to. */
static int closes(const struct token *tokens, int n, int i)
{
	return i >= n || tokens[i].gap >= GAP_COMMA || IS(&tokens[i], "at", "with", "and", "for", "feat", "featuring", "in") ||
	       (tokens[i].text[0] >= '0' && tokens[i].text[0] <= '9');
}

/* "key of A", "key: A", "key is in A". */
static int follows_key(const struct token *tokens, int i)
{
	int k = i - 1;
	while (k >= 0 && k >= i - 3 && tokens[k + 1].gap != GAP_COMMA && IS(&tokens[k], "of", "is", "in", "the", "signature"))
		k--;
	return k >= 0 && tokens[k + 1].gap != GAP_COMMA && IS(&tokens[k], "key");
}

int read_key(const struct token *tokens, int n, int i, struct wishes *w)
{
	int pc, minor, suffix, used = read_note(tokens, n, i, &pc, &suffix);
	if (!used)
		return 0;
	int capital = tokens[i].first >= 'A' && tokens[i].first <= 'G';
	int after_key = follows_key(tokens, i), after_in = i > 0 && tokens[i].gap <= GAP_HYPHEN && IS(&tokens[i - 1], "in");
	int alone = tokens[i].gap >= GAP_COMMA;
	minor = i + used < n && tokens[i + used].gap <= GAP_HYPHEN && !suffix ? mode_of(&tokens[i + used]) : -1;
	int ok;
	if (suffix) { /* "Am" */
		minor = 1;
		ok = after_key || (capital && closes(tokens, n, i + used) && (after_in || alone));
	} else if (minor >= 0) { /* "A minor", but not the article of "a minor key" or "a major hit" */
		used++;
		int article = !strcmp(tokens[i].text, "a");
		int next_key = i + used < n && tokens[i + used].gap <= GAP_HYPHEN && IS(&tokens[i + used], "key", "scale", "mode", "tonality");
		ok = !article || after_key || (next_key ? capital && after_in : closes(tokens, n, i + used) && (after_in || alone || capital));
	} else { /* "in Bb" */
		ok = after_key || (after_in && closes(tokens, n, i + used) && (capital || tokens[i].text[1]));
	}
	if (!ok)
		return 0;
	w->tonic_pc = pc;
	if (minor >= 0)
		w->minor = minor;
	return used;
}
