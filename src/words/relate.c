/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/relate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "words/phonemes.h"
#include "words/text.h"

#define TITLE_WORDS_MAX 8
#define RHYME_BYTES 64
#define SAME_STANZA 0.75 /* share of words in common that makes two stanzas one */

static int same_word(const struct word *a, const struct word *b)
{
	return !strcasecmp(a->text, b->text);
}

static int same_line(const struct lyrics *l, int a, int b)
{
	const struct line *x = &l->lines[a], *y = &l->lines[b];
	if (x->n_words != y->n_words)
		return 0;
	for (int i = 0; i < x->n_words; i++)
		if (!same_word(&l->words[x->first_word + i], &l->words[y->first_word + i]))
			return 0;
	return 1;
}

static int same_section(const struct lyrics *l, int a, int b)
{
	const struct lyric_section *x = &l->sections[a], *y = &l->sections[b];
	if (x->kind != y->kind || x->n_lines != y->n_lines || x->n_lines == 0)
		return 0;
	for (int i = 0; i < x->n_lines; i++)
		if (l->lines[x->first_line + i].backing != l->lines[y->first_line + i].backing || !same_line(l, x->first_line + i, y->first_line + i))
			return 0;
	return 1;
}

static void section_words(const struct lyrics *l, int s, int *ret_first, int *ret_n)
{
	const struct lyric_section *x = &l->sections[s];
	*ret_first = *ret_n = 0;
	if (x->n_lines == 0)
		return;
	const struct line *first = &l->lines[x->first_line], *last = &l->lines[x->first_line + x->n_lines - 1];
	*ret_first = first->first_word;
	*ret_n = last->first_word + last->n_words - first->first_word;
}

/* Dice's coefficient over the words, each counted as often as both have it. The words are few (3000 letters in all). */
static double likeness(const struct lyrics *l, int a, int b)
{
	int fa, na, fb, nb, common = 0;
	unsigned char used[4096] = { 0 };
	section_words(l, a, &fa, &na);
	section_words(l, b, &fb, &nb);
	if (na + nb == 0 || nb > (int)sizeof used || na > 3 * nb || nb > 3 * na)
		return 0;
	for (int i = 0; i < na; i++) {
		for (int j = 0; j < nb; j++) {
			if (!used[j] && same_word(&l->words[fa + i], &l->words[fb + j])) {
				used[j] = 1;
				common++;
				break;
			}
		}
	}
	return 2.0 * common / (na + nb);
}

/* Whether one stanza is the other come back: most of its words, and a line in three as it was. Stanzas that only begin their lines alike are none. */
static int returns(const struct lyrics *l, int a, int b)
{
	const struct lyric_section *x = &l->sections[a], *y = &l->sections[b];
	int same = 0;
	if (likeness(l, a, b) < SAME_STANZA)
		return 0;
	for (int i = 0; i < x->n_lines; i++) {
		int found = 0;
		for (int j = 0; j < y->n_lines && !found; j++)
			found = same_line(l, x->first_line + i, y->first_line + j);
		same += found;
	}
	return 3 * same >= (x->n_lines < y->n_lines ? x->n_lines : y->n_lines);
}

static int has_refrain(const struct lyrics *l, int section)
{
	const struct lyric_section *s = &l->sections[section];
	for (int i = s->first_line; i < s->first_line + s->n_lines; i++)
		for (int k = 0; k < l->n_lines; k++)
			if (l->lines[k].section != section && same_line(l, i, k))
				return 1;
	return 0;
}

/* Many stanzas and no chorus: of each four the third is the bridge, as in the songs of thirty-two bars (AABA), unless a refrain makes it one of them. */
static void relate_strophes(struct lyrics *l, const unsigned char *untagged)
{
	int stanzas = 0;
	for (int i = 0; i < l->n_sections; i++) {
		if (!untagged[i] || (l->sections[i].n_lines && l->sections[i].kind != SECTION_VERSE))
			return;
		stanzas += l->sections[i].n_lines > 0;
	}
	for (int i = 0, nth = 0; i < l->n_sections && stanzas >= 4; i++)
		if (l->sections[i].n_lines) {
			if (nth % 4 == 2 && nth + 1 < stanzas && !has_refrain(l, i))
				l->sections[i].kind = SECTION_BRIDGE;
			nth++;
		}
}

void relate_kinds(struct lyrics *l, const unsigned char *untagged)
{
	int choruses = 0, last_chorus = -1;
	for (int i = 0; i < l->n_sections; i++) {
		for (int j = 0; j < l->n_sections && untagged[i]; j++) {
			if (j != i && untagged[j] && returns(l, i, j)) {
				l->sections[i].kind = SECTION_CHORUS;
				last_chorus = i;
				break;
			}
		}
	}
	for (int i = 0; i < last_chorus; i++) {
		if (l->sections[i].kind == SECTION_CHORUS)
			choruses++;
		else if (untagged[i] && choruses >= 2 && l->sections[i - 1].kind == SECTION_CHORUS && l->sections[i + 1].kind == SECTION_CHORUS)
			l->sections[i].kind = SECTION_BRIDGE;
	}
	if (last_chorus < 0)
		relate_strophes(l, untagged);
}

static int set_names(struct lyrics *l, struct arena *arena)
{
	int total[SECTION_KINDS] = { 0 }, count[SECTION_KINDS] = { 0 };
	char name[48];
	for (int i = 0; i < l->n_sections; i++)
		total[l->sections[i].kind]++;
	for (int i = 0; i < l->n_sections; i++) {
		struct lyric_section *s = &l->sections[i];
		int given = s->number > 0;
		count[s->kind] = given ? s->number : count[s->kind] + 1;
		s->number = count[s->kind];
		if (given || (s->kind == SECTION_VERSE && total[s->kind] > 1))
			snprintf(name, sizeof name, "%s %d", section_titles[s->kind], s->number);
		else
			snprintf(name, sizeof name, "%s", section_titles[s->kind]);
		s->name = arena_copy(arena, name, strlen(name));
		if (!s->name)
			return -1;
	}
	return 0;
}

/* The sounds that rhyme: from the last stressed vowel of the line's last word on. Voiced and unvoiced, m and n count as
 * one, as singers have it. */
static void rhyme_key(const struct lyrics *l, int line, char *key, size_t size)
{
	static const struct { const char *from, *to; } alike[] = {
		{ "ŋ", "n" }, { "m", "n" }, { "z", "s" }, { "ɾ", "t" }, { "d", "t" }, { "b", "p" }, { "ɡ", "k" }, { "v", "f" }, { "ð", "θ" }, { "ʒ", "ʃ" }, { "ʤ", "ʧ" }, { "ɑ", "ɔ" },
		{ "ɜ", "ə" },
	};
	const struct line *x = &l->lines[line];
	const struct word *w = &l->words[x->first_word + x->n_words - 1];
	int start = w->first_syllable + w->n_syllables - 1, vowel;
	size_t n = 0;
	for (int i = start; i >= w->first_syllable; i--) {
		if (l->syllables[i].stress != STRESS_NONE) {
			start = i;
			break;
		}
	}
	for (int i = start, seen = 0; i < w->first_syllable + w->n_syllables; i++) {
		for (const char *p = l->syllables[i].phonemes; *p;) {
			int k = phoneme_next(p, &vowel);
			const char *to = p;
			int to_n = k;
			seen |= vowel;
			for (size_t j = 0; j < sizeof alike / sizeof *alike; j++)
				if (strlen(alike[j].from) == (size_t)k && !memcmp(alike[j].from, p, (size_t)k))
					to = alike[j].to, to_n = (int)strlen(to);
			if (seen && memcmp(p, "ˈ", 2) && memcmp(p, "ˌ", 2) && n + (size_t)to_n < size) {
				memcpy(key + n, to, (size_t)to_n);
				n += (size_t)to_n;
			}
			p += k;
		}
	}
	key[n] = 0;
}

static int set_rhymes(struct lyrics *l)
{
	char (*key)[RHYME_BYTES] = malloc((size_t)(l->n_lines + 1) * sizeof *key);
	if (!key)
		return -1;
	for (int i = 0; i < l->n_lines; i++)
		rhyme_key(l, i, key[i], sizeof key[i]);
	for (int s = 0; s < l->n_sections; s++) {
		int first = l->sections[s].first_line, next = 0;
		for (int i = first; i < first + l->sections[s].n_lines; i++) {
			l->lines[i].rhyme = -1;
			for (int j = i - 1; j >= first && l->lines[i].rhyme < 0; j--) {
				if (strcmp(key[i], key[j]))
					continue;
				if (l->lines[j].rhyme < 0)
					l->lines[j].rhyme = next++;
				l->lines[i].rhyme = l->lines[j].rhyme;
			}
		}
	}
	free(key);
	return 0;
}

/* The lead's most repeated line, in choruses (or hooks) only or anywhere; -1 if there is none. */
static int most_repeated(const struct lyrics *l, int choruses, int *ret_count)
{
	int best = -1;
	*ret_count = 0;
	for (int i = 0; i < l->n_lines; i++) {
		enum section_kind kind = l->sections[l->lines[i].section].kind;
		int count = 0;
		if ((choruses && kind != SECTION_CHORUS && kind != SECTION_HOOK) || l->lines[i].backing)
			continue;
		for (int j = 0; j < l->n_lines; j++)
			count += j == i || l->lines[j].same_as == (l->lines[i].same_as >= 0 ? l->lines[i].same_as : i) || l->lines[i].same_as == j;
		if (count > *ret_count)
			best = i, *ret_count = count;
	}
	return best;
}

/* The most repeated line of choruses, else one that returns anywhere, else the first that the lead sings. */
static int title_line(const struct lyrics *l)
{
	int first = 0, count, best = most_repeated(l, 1, &count);
	if (best >= 0)
		return best;
	best = most_repeated(l, 0, &count);
	if (count > 1)
		return best;
	while (first < l->n_lines - 1 && l->lines[first].backing)
		first++;
	return first;
}

static int set_title(struct lyrics *l, struct arena *arena, const char *given)
{
	struct buf b = buf_init(4096);
	if (given) {
		text_show(given, strlen(given), &b);
	} else if (l->n_lines) {
		const struct line *x = &l->lines[title_line(l)];
		for (int i = 0; i < x->n_words && i < TITLE_WORDS_MAX; i++) {
			const struct word *w = &l->words[x->first_word + i];
			buf_addf(&b, "%s%s", i ? " " : "", w->text);
			if (i >= 2 && w->punct && w->punct != '-')
				break; /* a phrase of three words or more is a title */
			if (w->punct == ',')
				buf_addc(&b, ',');
		}
	}
	const char *s = buf_str(&b);
	size_t n = b.len;
	while (n && strchr(" .,;:-\"", s[n - 1]))
		n--;
	l->title = arena_copy(arena, s, n);
	buf_release(&b);
	return l->title ? 0 : -1;
}

int relate_all(struct lyrics *l, struct arena *arena, const char *title)
{
	for (int i = 0; i < l->n_lines; i++) {
		l->lines[i].same_as = -1;
		for (int j = 0; j < i && l->lines[i].same_as < 0; j++)
			if (same_line(l, i, j))
				l->lines[i].same_as = j;
	}
	for (int i = 0; i < l->n_sections; i++) {
		l->sections[i].same_as = -1;
		for (int j = 0; j < i && l->sections[i].same_as < 0; j++)
			if (same_section(l, i, j))
				l->sections[i].same_as = j;
	}
	return set_rhymes(l) < 0 || set_names(l, arena) < 0 || set_title(l, arena, title) < 0 ? -1 : 0;
}
