/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the composer's test and its figures share: everything loaded once, a song made by names. */
#ifndef TESTS_COMPOSE_SUPPORT_H
#define TESTS_COMPOSE_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "compose/compose.h"

struct studio {
	struct style_set styles;
	struct singer_set singers;
	struct prompt_lexicon *prompts;
	struct lexicon *lexicon;
	struct madrigal_error err;
};

static inline int studio_open(struct studio *s)
{
	memset(s, 0, sizeof *s);
	int rc = style_set_load(TEST_SHARE_DIR, &s->styles, &s->err);
	if (!rc)
		rc = singer_set_load(TEST_SHARE_DIR, &s->singers, &s->err);
	if (!rc)
		rc = prompt_lexicon_new(TEST_SHARE_DIR, &s->prompts, &s->err);
	if (!rc)
		rc = lexicon_new(TEST_SHARE_DIR, NULL, &s->lexicon, &s->err);
	return rc;
}

static inline void studio_close(struct studio *s)
{
	lexicon_free(s->lexicon);
	prompt_lexicon_free(s->prompts);
	singer_set_release(&s->singers);
	style_set_release(&s->styles);
}

/* A song of already parsed lyrics. */
static inline int studio_compose(struct studio *s, struct lyrics *l, const struct madrigal_request *req, struct brief *brief, struct score *ret)
{
	int rc = brief_make(req, NULL, &s->styles, &s->singers, s->prompts, brief, &s->err);
	if (rc)
		return rc;
	const struct compose_request creq = { .lyrics = l, .brief = brief, .seed = req->seed, .duration_s = req->duration_s,
	                                      .candidates = req->candidates ? req->candidates : COMPOSE_DEFAULT_CANDIDATES };
	return compose_song(&creq, ret, &s->err);
}

#endif
