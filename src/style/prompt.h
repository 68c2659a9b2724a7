/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A prompt, read: what it wishes for, before a style is chosen. */
#ifndef STYLE_PROMPT_H
#define STYLE_PROMPT_H

#include "style/lexicon.h"

#define PROMPT_MAX_MENTIONS 48
#define PROMPT_MAX_TONES 12
#define PROMPT_MAX_MOODS 8
#define PROMPT_MAX_GENRES 24

/* The words of the styles themselves: what a prompt may call them and their instruments. */
struct style_word {
	char *text;               /* normalised */
	int style;                /* index in the set */
	int part, instrument;     /* -1: a name of the style */
	int own;                  /* the style's name or title, which says more than one of its words */
};
struct vocabulary {
	const struct prompt_lexicon *lexicon;
	const struct style_set *styles;
	struct style_word *words; int n_words; /* ordered by text */
};
/* The names of all styles, and the instruments of those whose index is in with_parts (-1: none; they must be complete). */
int vocabulary_init(struct vocabulary *v, const struct prompt_lexicon *lx, const struct style_set *styles, const int with_parts[2],
                    struct madrigal_error *err) MUST_CHECK;
void vocabulary_release(struct vocabulary *v);
/* The first of the style words that are spelt so, *n of them. NULL if there is none. */
const struct style_word *vocabulary_find(const struct vocabulary *v, const char *phrase, int *n);

/* An instrument that the prompt names. */
struct mention {
	char phrase[PHRASE_MAX_BYTES];
	const struct term *term;  /* NULL: only a style knows it */
	int negated;
	int hint;                 /* the word is a style's name for an instrument, but means more ("ambient"): it only chooses between alternatives */
};

/* A genre that the prompt names. */
struct genre_said {
	char phrase[PHRASE_MAX_BYTES];
	const struct term *term;  /* NULL: only a style knows it */
	float weight;             /* of its votes; below 0: not wanted */
	int colour;               /* it only flavours another: "jazzy", "folk" of "folk punk", "with a touch of funk" */
};

struct wishes {
	double bpm;               /* asked for in figures; 0: not */
	int bpm_low, bpm_high;    /* asked for in Italian; 0: not */
	int has_tempo; float tempo; /* -1..1 in the style's range */
	int num, den;             /* 0: not said */
	char odd_meter[8];        /* a time signature that none of ours equals: num/den is the nearest */
	int tonic_pc;             /* -1: not said */
	int minor;                /* -1: not said */
	float energy, valence;    /* sums of the moods' shifts */
	char moods[PROMPT_MAX_MOODS][PHRASE_MAX_BYTES]; int n_moods;
	char gender;              /* 'f', 'm', 0: not said */
	const char *age;          /* NULL: not said */
	struct { const char *tone; float weight; } tones[PROMPT_MAX_TONES]; int n_tones;
	char singer[TOKEN_MAX_BYTES + 1]; /* by name; "": not said */
	int instrumental;         /* 1: unless there are lyrics, 2: in any case */
	int sparse;               /* a cappella */
	int only;                 /* the instruments named, and no others */
	struct mention mentions[PROMPT_MAX_MENTIONS]; int n_mentions;
	float swing;              /* said: "shuffle"; 0: not */
	float *votes;             /* for each style of the set; owned */
	struct genre_said genres[PROMPT_MAX_GENRES]; int n_genres;
	int n_wanted;             /* genres that are not negated */
};

/* Reads a prompt (may be NULL or any bytes). *ret is released by wishes_release. Only MADRIGAL_EMEMORY. */
int prompt_read(const char *prompt, const struct vocabulary *v, const struct singer_set *singers, struct wishes *ret, struct madrigal_error *err) MUST_CHECK;
void wishes_release(struct wishes *w);

/* What a word says for each style, added to best[n of the set] where it is more: 1 for the style that is called so, somewhat less for one that has
 * it among its words, less and less for the lexicon's relatives,
 * if these are asked for. */
void genre_weigh(const struct vocabulary *v, const char *word, float weight, int relatives, float *best);
/* The style that a word means most, or -1. scratch: a float for each style. */
int genre_style(const struct vocabulary *v, const char *word, float *scratch);

/* Figures in a prompt (figures.c): each looks at tokens[i], and if a tempo, a time signature or a key starts there, puts it into *w and returns
 * how many tokens it takes; else 0. */
int read_tempo(const struct token *tokens, int n, int i, struct wishes *w);
int read_meter(const struct token *tokens, int n, int i, struct wishes *w);
int read_key(const struct token *tokens, int n, int i, struct wishes *w);

#endif
