/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a prompt: a whole brief, or a refusal; never a crash. The first byte chooses between a prompt and a vocabulary file. */
#include <stdlib.h>
#include <string.h>

#include "style/brief.h"
#include "style/lexicon.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct style_set styles;
static struct singer_set singers;
static struct prompt_lexicon *lexicon;

static void load(void)
{
	struct madrigal_error err;
	if (style_set_open(TEST_SHARE_DIR, &styles, &err) < 0 || singer_set_load(TEST_SHARE_DIR, &singers, &err) < 0 ||
	    prompt_lexicon_new(TEST_SHARE_DIR, &lexicon, &err) < 0)
		abort();
}

static void check_brief(const struct brief *b)
{
	if (!b->style || !b->singer || !(b->tempo_bpm >= 40 && b->tempo_bpm <= 240) || b->tonic_pc < -1 || b->tonic_pc > 11 || b->n_extra > BRIEF_MAX_EXTRA)
		abort();
	if (memchr(b->understood, 0, sizeof b->understood) == NULL)
		abort();
	for (int p = 0; p < (int)b->style->n_parts; p++)
		if (b->instrument[p] < -1 || (b->instrument[p] >= 0 && !brief_instrument(b, p)))
			abort();
	for (int i = 0; i < b->n_extra; i++)
		if (!b->extra[i].instrument.name || b->extra[i].instrument.high < b->extra[i].instrument.low)
			abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (!lexicon)
		load();
	if (size < 1)
		return 0;
	char *text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	struct madrigal_error err;
	if (data[0] & 1) {
		struct prompt_lexicon *lx;
		if (prompt_lexicon_load_text("fuzz.yaml", text, size - 1, &lx, &err) == 0)
			prompt_lexicon_free(lx);
	} else {
		struct madrigal_request req = {.prompt = text, .seed = data[0]};
		struct brief b;
		if (brief_make(&req, NULL, &styles, &singers, lexicon, &b, &err) == 0)
			check_brief(&b);
	}
	free(text);
	return 0;
}
