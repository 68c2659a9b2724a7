/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The voice's alphabet: one UTF-8 character a sound, after Kokoro's English phonemes (docs/words.md has the table).
 *
 *     vowels      æ ɑ ɔ ə ɛ ɜ i ɪ u ʊ ʌ, and the diphthongs A (day) I (my) O (go) W (now) Y (boy)
 *     consonants  b d f h j k l m n p s t v w z ð ŋ ɡ ɹ ɾ ʃ ʒ ʤ ʧ θ
 *     stress      ˈ primary, ˌ secondary, before the vowel
 *     .           a syllable ends here, where the rule would have it elsewhere (letters spelt out)
 *
 * A pronunciation is a string of these. */
#ifndef WORDS_PHONEMES_H
#define WORDS_PHONEMES_H

#include <stddef.h>

#include "base/buf.h"
#include "words/lyrics.h"

/* Appends espeak-ng's IPA in the voice's alphabet. strict: 0 leaves out what it doesn't know; 1 returns a pointer to the
 * first character that is no sound of English, else NULL. */
const char *phonemes_from_ipa(const char *ipa, int strict, struct buf *out);

/* Appends ARPAbet ("M AE1 D R IH0"). Returns a pointer to the first symbol that is none, else NULL. */
const char *phonemes_from_arpabet(const char *arpa, struct buf *out);

/* Name of an English letter 'a'..'z', without stress. */
const char *phonemes_of_letter(char letter);

/* Bytes of the sound at p; *ret_vowel is 1 for a vowel. Stress marks count as sounds of their own. p is not at its end. */
int phoneme_next(const char *p, int *ret_vowel);

int phonemes_vowels(const char *p);

/* Divides p, with at least one vowel, into syllables: as many consonants go to the following vowel as may begin an
 * English word (maximal onset). Writes at most max; returns how many. word is left 0. */
int phonemes_split(const char *p, struct syllable *ret, int max);

#endif
