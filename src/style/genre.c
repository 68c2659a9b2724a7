/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which styles a genre's name stands for. */
#include <math.h>
#include <string.h>

#include "style/nearest.h"
#include "style/prompt.h"

#define LIKE_DEPTH 3      /* relatives of relatives */
#define BY_NAME 1.0f      /* the style itself is called so */
#define BY_WORD 0.95f     /* it has the word among its words */
#define BY_LEXICON 0.92f  /* the lexicon says that it is the nearest relative */
#define RELATIVE 0.75f    /* each next relative; all of them, where a style has the word itself */
#define TIE 0.03f         /* of several styles with the word, the lexicon's order decides */

static int style_called(const struct style_set *set, const char *name)
{
	for (int i = 0; i < set->n; i++)
		if (same_name(set->styles[i]->name, name) || same_name(set->styles[i]->title, name))
			return i;
	return -1;
}

static void weigh(const struct vocabulary *v, const char *word, float weight, int depth, float *best)
{
	char phrase[PHRASE_MAX_BYTES];
	normalise_phrase(word, phrase);
	int n;
	const struct style_word *words = vocabulary_find(v, phrase, &n);
	int known = 0;
	for (int i = 0; i < n; i++) {
		if (words[i].part >= 0)
			continue;
		float said = weight * (words[i].own ? BY_NAME : BY_WORD);
		if (best[words[i].style] < said)
			best[words[i].style] = said;
		known = 1;
	}
	const struct term *t = depth > 0 ? prompt_lexicon_find(v->lexicon, phrase) : NULL;
	if (!t || t->kind != TERM_GENRE)
		return;
	float share = weight * (known ? RELATIVE : BY_LEXICON);
	for (unsigned i = 0; i < t->n_like; i++, share *= RELATIVE) {
		int style = style_called(v->styles, t->like[i]);
		if (style >= 0 && best[style] >= share)
			best[style] += TIE * share;
		else
			weigh(v, t->like[i], share, depth - 1, best);
	}
}

void genre_weigh(const struct vocabulary *v, const char *word, float weight, int relatives, float *best)
{
	weigh(v, word, weight, relatives ? LIKE_DEPTH : 0, best);
}

int genre_style(const struct vocabulary *v, const char *word, float *scratch)
{
	int best = -1;
	memset(scratch, 0, (size_t)v->styles->n * sizeof *scratch);
	genre_weigh(v, word, 1, 1, scratch);
	for (int i = 0; i < v->styles->n; i++)
		if (scratch[i] > 0 && (best < 0 || scratch[i] > scratch[best]))
			best = i;
	return best;
}
