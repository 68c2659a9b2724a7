/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The brief: what the prompt and the options ask for, resolved. The lexicon is data (share_dir/words/prompt.yaml). */
#ifndef STYLE_BRIEF_H
#define STYLE_BRIEF_H

#include "style/singer.h"
#include "style/style.h"

#define BRIEF_MAX_PARTS 24
#define BRIEF_MAX_EXTRA 4

/* An instrument that the prompt names and the style hasn't: it joins as a part of its own. */
struct brief_extra {
	enum part_role role;      /* ROLE_PAD or ROLE_COUNTER or ROLE_COMP */
	struct style_instrument instrument; /* strings borrowed from the lexicon or the styles */
};

struct brief {
	const struct style *style;
	const struct singer *singer;
	double tempo_bpm;         /* exact if asked for; else drawn within the style's range, moved by mood */
	int meter_num, meter_den; /* 4/4, 3/4 or 6/8; not always one of style.meters: who asks for a waltz gets one */
	int tonic_pc;             /* 0..11, or -1: the composer chooses by the singer's range */
	int minor;
	float energy, valence;    /* -1..1: the style's, moved by the prompt's mood words */
	int instrumental;         /* "instrumental", "no vocals" in the prompt, or the option */
	int instrument[BRIEF_MAX_PARTS]; /* for each of style.parts: index of its instrument, or -1: silent ("no drums", or optional and not drawn) */
	struct brief_extra extra[BRIEF_MAX_EXTRA]; int n_extra;
	char understood[512];     /* "indie folk, warm; female; 92 bpm; ..." */
};

/* The prompt's vocabulary: genres' synonyms, moods, tempo words, instruments, singers, negations. */
struct prompt_lexicon;
int prompt_lexicon_new(const char *share_dir, struct prompt_lexicon **ret, struct madrigal_error *err) MUST_CHECK;
void prompt_lexicon_free(struct prompt_lexicon *lx);

/* Options win over the prompt, the prompt over the style, the seed draws the rest. Reads req's prompt, style, voice, key, time_signature,
 * tempo_bpm, instrumental, seed. Explicit numbers in the prompt ("92 bpm", "in A minor", "3/4", "waltz") are obeyed exactly. Out-of-range options: MADRIGAL_EUSAGE;
 * an unknown style: MADRIGAL_ESTYLE. */
int brief_make(const struct madrigal_request *req, const struct style_set *styles, const struct singer_set *singers,
               const struct prompt_lexicon *lx, struct brief *ret, struct madrigal_error *err) MUST_CHECK;

#endif
