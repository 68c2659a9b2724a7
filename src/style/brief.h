/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The brief: what the prompt and the options ask for, resolved. The lexicon is data (share_dir/words/prompt.yaml). */
#ifndef STYLE_BRIEF_H
#define STYLE_BRIEF_H

#include "style/reference.h"
#include "style/singer.h"
#include "style/style.h"

#define BRIEF_MAX_PARTS 24
#define BRIEF_MAX_EXTRA 4

#define BRIEF_MAX_SWAPS 4
#define BRIEF_SWAP 1000       /* an index of an instrument from here on is one of brief.swap */

/* An instrument that the prompt names, or a second genre brings, and the style hasn't: it joins as a part of its own. */
struct brief_extra {
	enum part_role role;      /* ROLE_PAD, ROLE_COUNTER or ROLE_COMP; any if a part is lent */
	struct style_instrument instrument; /* strings borrowed from the lexicon or the styles */
	const struct style_part *part; /* lent by another style, with its grooves and its place in the mix; NULL: modelled on the style's own */
	int named;                /* the prompt names it: it plays wherever it can */
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
	const struct style *influence; /* the second genre of "country rock"; NULL: none. What it lends is in extra and swing */
	float swing; const char *swing_unit; /* in place of the style's; NULL: the style's holds */
	int instrument[BRIEF_MAX_PARTS]; /* for each of style.parts: index of its instrument, or -1: silent ("no drums", or optional and not drawn);
	                                    BRIEF_SWAP + k: swap[k] */
	struct style_instrument swap[BRIEF_MAX_SWAPS]; int n_swaps; /* kits and basses that the prompt names and the style hasn't */
	struct brief_extra extra[BRIEF_MAX_EXTRA]; int n_extra;
	struct style_singer manner; /* the style's way of singing, moved towards the reference's; strings borrowed */
	const struct style_reference *reference; /* borrowed; NULL: none. Its chords hold only if the key's mode is the reference's */
	char understood[512];     /* "indie folk, warm; female; 92 bpm; ..." */
};

/* The prompt's vocabulary: genres' synonyms, moods, tempo words, instruments, singers, negations. */
struct prompt_lexicon;
int prompt_lexicon_new(const char *share_dir, struct prompt_lexicon **ret, struct madrigal_error *err) MUST_CHECK;
void prompt_lexicon_free(struct prompt_lexicon *lx);

/* Parts are counted through: style.parts from 0, then extra from BRIEF_MAX_PARTS; so does score_part.style_part. The style's part behind an
 * index: NULL for an extra that is modelled, and outside. */
static inline const struct style_part *brief_part(const struct brief *b, int index)
{
	if (index >= BRIEF_MAX_PARTS)
		return index - BRIEF_MAX_PARTS < b->n_extra ? b->extra[index - BRIEF_MAX_PARTS].part : NULL;
	return index >= 0 && b->style && (unsigned)index < b->style->n_parts ? &b->style->parts[index] : NULL;
}

/* What plays it: NULL if it is silent, or outside. */
static inline const struct style_instrument *brief_instrument(const struct brief *b, int index)
{
	if (index >= BRIEF_MAX_PARTS)
		return index - BRIEF_MAX_PARTS < b->n_extra ? &b->extra[index - BRIEF_MAX_PARTS].instrument : NULL;
	const struct style_part *p = brief_part(b, index);
	int k = p ? b->instrument[index] : -1;
	if (k >= BRIEF_SWAP)
		return k - BRIEF_SWAP < b->n_swaps ? &b->swap[k - BRIEF_SWAP] : NULL;
	return k >= 0 && (unsigned)k < p->n_instruments ? &p->instruments[k] : NULL;
}

/* Options win over the prompt, the prompt over the reference (NULL: none), that over the style; the seed draws the rest. Reads req's prompt, style, voice, key, time_signature,
 * tempo_bpm, instrumental, seed. Explicit numbers in the prompt ("92 bpm", "in A minor", "3/4", "waltz") are obeyed exactly. Out-of-range options: MADRIGAL_EUSAGE;
 * an unknown style: MADRIGAL_ESTYLE. Completes the styles that it needs of a set of heads; b->style and the rest belong to the set. */
int brief_make(const struct madrigal_request *req, const struct style_reference *ref, struct style_set *styles, const struct singer_set *singers,
               const struct prompt_lexicon *lx, struct brief *ret, struct madrigal_error *err) MUST_CHECK;

#endif
