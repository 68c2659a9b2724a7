/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt's vocabulary (share_dir/words/prompt.yaml) and how text is cut into words for it. */
#ifndef STYLE_LEXICON_H
#define STYLE_LEXICON_H

#include <stddef.h>

#include "style/brief.h"

#define PHRASE_MAX_TOKENS 5
#define PHRASE_MAX_BYTES 96
#define TOKEN_MAX_BYTES 31
#define PROMPT_MAX_TOKENS 2048

enum term_kind { TERM_GENRE, TERM_MOOD, TERM_TEMPO, TERM_METER, TERM_MODE, TERM_SINGER, TERM_INSTRUMENT, TERM_CONTROL, TERM_KINDS };
enum term_does { DOES_NEGATE, DOES_ONLY, DOES_ABOUT, DOES_SCALE, DOES_FILLER, DOES_JOIN, DOES_TURN, DOES_VOICE, DOES_NOTHING, DOES_SPARSE,
                 DOES_INSTRUMENTAL, DOES_MAYBE_INSTRUMENTAL, DOES_TINGE, DOES_KINDS };

/* One entry of the file; what its kind doesn't use is 0, -1 (program) or NULL. */
struct term {
	char **words; unsigned n_words;
	enum term_kind kind;
	enum term_does action;    /* of a control */
	float energy, valence, tempo, swing, weight, factor;
	int bpm_low, bpm_high;
	char *meter, *mode, *gender, *age, *does;
	char **tones; unsigned n_tones;
	char **like; unsigned n_like;
	char **with; unsigned n_with;       /* of a genre: the genres that it mixes with the first of like */
	char **brings; unsigned n_brings;   /* of a genre: instruments by which it is known where it only flavours another */
	char **roles; unsigned n_roles; /* parts that an instrument's name stands for as a whole */
	int generic;              /* of an instrument: any of its family will do ("guitar") */
	char *name, *role;        /* of an instrument that can join, or take the place of a kit or a bass */
	enum part_role role_id;
	int bank, program, low, high;
	float level_db;
};

struct phrase { char *text; const struct term *term; }; /* text: tokens parted by single blanks */

struct prompt_lexicon {
	void *data;               /* libcyaml's */
	struct phrase *phrases; int n_phrases; /* ordered by text */
};

/* What stands before a token. */
enum gap { GAP_SPACE, GAP_HYPHEN, GAP_SLASH, GAP_COMMA, GAP_STOP };

struct token {
	char text[TOKEN_MAX_BYTES + 1]; /* lower case; longer words are cut */
	enum gap gap;
	char first;               /* its first character as written: 'A' of "A minor" */
};

/* Cuts UTF-8 text into at most max tokens: runs of letters, digits and apostrophes, "3/4", "f#", "r&b"; returns how many. */
int prompt_tokenise(const char *text, struct token *tokens, int max);
/* A phrase as the lexicon keeps it ("Synth-Pop" -> "synth pop"); "" if it has more than PHRASE_MAX_TOKENS. */
void normalise_phrase(const char *text, char out[PHRASE_MAX_BYTES]);
/* The phrase of n tokens, its last without a plural's ending if strip is 1 ("s") or 2 ("es"); 0 if there is nothing to strip. */
int join_tokens(const struct token *tokens, int n, int strip, char out[PHRASE_MAX_BYTES]);
/* The term of a normalised phrase, or NULL. */
const struct term *prompt_lexicon_find(const struct prompt_lexicon *lx, const char *phrase);

/* Reads a vocabulary from memory, as prompt_lexicon_new does from its file; name is used in messages. */
int prompt_lexicon_load_text(const char *name, const char *text, size_t len, struct prompt_lexicon **ret, struct madrigal_error *err) MUST_CHECK;

#endif
