/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as lyrics: no crash, and what comes back keeps the promises of lyrics.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "words/lyrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void check_runs(const struct lyrics *l)
{
	int line = 0, word = 0, syllable = 0;
	for (int s = 0; s < l->n_sections; s++) {
		check(l->sections[s].first_line == line && l->sections[s].same_as < s && l->sections[s].name[0]);
		line += l->sections[s].n_lines;
	}
	check(line == l->n_lines);
	for (int i = 0; i < l->n_lines; i++) {
		check(l->lines[i].first_word == word && l->lines[i].n_words >= 1 && l->lines[i].same_as < i);
		word += l->lines[i].n_words;
	}
	check(word == l->n_words);
	for (int w = 0; w < l->n_words; w++) {
		check(l->words[w].first_syllable == syllable && l->words[w].n_syllables >= 1 && !strpbrk(l->words[w].text, "0123456789[]()#"));
		syllable += l->words[w].n_syllables;
	}
	check(syllable == l->n_syllables);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lexicon *lx;
	struct lyrics l;
	struct madrigal_error err;
	if (!lx && lexicon_new(TEST_SHARE_DIR, NULL, &lx, &err) < 0)
		abort();
	if (size == 0)
		return 0;
	int rc = lyrics_parse((const char *)data + 1, size - 1, lx, data[0] & 1, &l, &err);
	if (rc == 0) {
		check_runs(&l);
		lyrics_release(&l);
	} else {
		check(rc == MADRIGAL_ELYRICS && err.message[0]);
	}
	return 0;
}
