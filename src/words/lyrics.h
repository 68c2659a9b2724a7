/* SPDX-License-Identifier: GPL-3.0-or-later */
/* words/: lyrics as text -> sections, lines, words, and the syllables that will be sung.
 *
 * All of it lies in four flat arrays that refer to each other by index: sections own a run of lines, lines a run of words,
 * words a run of syllables; each run is contiguous and in order, so the arrays read like the text.
 *
 *     [Chorus]                     section 1: kind SECTION_CHORUS, lines 4..7
 *     Pushing the wooden door,     line 4: words 21..24, punct ','
 *     (oh, the door)               line 5: backing
 *
 * "Wooden" is word 23, two syllables "wˈʊ" (stress 2) and "dən" (stress 0).
 */
#ifndef WORDS_LYRICS_H
#define WORDS_LYRICS_H

#include <stddef.h>

#include "base/err.h"

enum section_kind {
	SECTION_INTRO, SECTION_VERSE, SECTION_PRE_CHORUS, SECTION_CHORUS, SECTION_POST_CHORUS, SECTION_HOOK, SECTION_BRIDGE,
	SECTION_INTERLUDE, SECTION_INST, SECTION_SOLO, SECTION_BREAK, SECTION_BUILD_UP, SECTION_TRANSITION, SECTION_OUTRO,
	SECTION_KINDS
};

/* Identifiers as style files write them: "intro", "verse", "pre_chorus", ...; and as people read them: "Pre Chorus". */
extern const char *const section_ids[SECTION_KINDS];
extern const char *const section_titles[SECTION_KINDS];

enum stress { STRESS_NONE, STRESS_SECONDARY, STRESS_PRIMARY };

#define LYRICS_MAX_CODE_POINTS 3000
#define LYRICS_MAX_LINE_SYLLABLES 60 /* a longer line is broken at a punctuation mark or a word, like a breath */
#define PHONEMES_MAX 32

struct syllable {
	char phonemes[PHONEMES_MAX]; /* the voice's alphabet (Kokoro's, IPA-like), UTF-8: onset, stress mark directly before the
	                              * vowel (ˈ primary, ˌ secondary, none), nucleus, coda: "stɹˈi", "dən" */
	enum stress stress;
	int word;
	int coda_consonants;         /* how many phonemes after the nucleus */
};

struct word {
	const char *text;    /* as sung and shown: "Streetlights", "nineteen"; letters, digits never; original capitals */
	int line;
	int first_syllable, n_syllables; /* n_syllables >= 1 */
	int content;         /* 1: noun, verb, adjective, ...; 0: function word (the, of, and, I, ...) */
	char punct;          /* what follows it in the text: one of , . ; : ? ! - or 0 */
	int starts_source;   /* 1 unless the word is a further word of the same source token ("1984" -> nineteen, eighty, four) */
};

struct line {
	const char *text;    /* as written, tags and marks taken out, spaces normalised */
	int section;
	int first_word, n_words; /* n_words >= 1 */
	int backing;         /* 1: in (parentheses): sung by the backing voice */
	int pause_before;    /* 1: a blank line in the text comes before it within its section */
	char punct;          /* closing punctuation, as word.punct */
	int rhyme;           /* lines of one section that rhyme share a number >= 0; -1: rhymes with none */
	int same_as;         /* index of the first earlier line with the same words, or -1 */
};

struct lyric_section {
	enum section_kind kind;
	int number;          /* "Verse 2" -> 2; else counted: the second verse is 2 */
	const char *name;    /* for people: "Verse 2", "Chorus" */
	int first_line, n_lines; /* n_lines may be 0: an instrumental section */
	int same_as;         /* index of the first earlier section with the same kind and the same words in each line, or -1 */
};

struct lyrics {
	struct lyric_section *sections; int n_sections;
	struct line *lines;             int n_lines;
	struct word *words;             int n_words;
	struct syllable *syllables;     int n_syllables;
	const char *title;   /* guess: the most repeated line of the chorus, else the first line; at most 8 words; "" if none */
	int tagged;          /* the text had section tags */
	void *arena;         /* where the strings live */
};

/* Loaded once and shared by threads, read only afterwards: word lists, abbreviations, pronunciations. */
struct lexicon;

/* Loads share_dir/words/... and, if dictionary is not NULL, the user's dictionary, whose lines are
 * `word  phonemes` in espeak-ng's IPA or ARPAbet ("madrigal  M AE1 D R IH0 G AH0 L"), `#` a comment.
 * *ret is owned by the caller (lexicon_free). A fault in a dictionary is MADRIGAL_ELYRICS and names file and line. */
int lexicon_new(const char *share_dir, const char *dictionary, struct lexicon **ret, struct madrigal_error *err) MUST_CHECK;
/* lx may be NULL. espeak-ng itself, with a thread of its own that sleeps, stays loaded until the process ends. */
void lexicon_free(struct lexicon *lx);

/* Reads text (any bytes, len of them); docs/words.md has the rules. Fills *ret, owned by the caller (lyrics_release). MADRIGAL_ELYRICS, in words for people
 * with the line's number, for: nothing to sing, not UTF-8, binary, too long, a script not yet sung (named). Not thread-safe against itself: espeak-ng has
 * global state, guarded by a lock inside. allow_empty: lyrics without words (only tags, or nothing) are fine, for
 * instrumental songs. */
int lyrics_parse(const char *text, size_t len, struct lexicon *lx, int allow_empty, struct lyrics *ret, struct madrigal_error *err) MUST_CHECK;
void lyrics_release(struct lyrics *l);

#endif
