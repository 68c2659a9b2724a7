/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "words/lyrics.h"

static struct lexicon *lx;

static int open_lexicon(void **state)
{
	(void)state;
	return lexicon_new(TEST_SHARE_DIR, NULL, &lx, NULL);
}

static int close_lexicon(void **state)
{
	(void)state;
	lexicon_free(lx);
	return 0;
}

static void tags_make_sections(void **state)
{
	(void)state;
	struct lyrics l;
	const char *text = "[Verse]\nRivers run below the hill\n[chorus]\nSing it out\n";
	assert_int_equal(lyrics_parse(text, strlen(text), lx, 0, &l, NULL), 0);
	assert_int_equal(l.n_sections, 2);
	assert_int_equal(l.sections[0].kind, SECTION_VERSE);
	assert_int_equal(l.sections[1].kind, SECTION_CHORUS);
	assert_string_equal(l.lines[0].text, "Rivers run below the hill");
	lyrics_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_make_sections),
	};
	return cmocka_run_group_tests(tests, open_lexicon, close_lexicon);
}
