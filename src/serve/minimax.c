/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MiniMax's own routes for music. */
#include <stdlib.h>
#include <string.h>

#include "serve/api.h"

static void wait_for_song(struct call *c, const struct submitted *s)
{
	wait_for_job(c, s->id, s->stream ? WAIT_STREAM : s->url ? WAIT_JSON_URL : WAIT_JSON_HEX, !http_header(c->x, "idempotency-key"));
}

void minimax_generate(struct call *c)
{
	submit_song(c, API_MINIMAX, wait_for_song);
}

static const struct field lyrics_fields[] = {
	{ "mode", FIELD_STRING, FIELD_REQUIRED, 0, 0, "write_full_song|edit", NULL, "Write a song, or edit lyrics" },
	{ "prompt", FIELD_STRING, 0, 0, 2000, NULL, NULL, "What it is about" },
	{ "lyrics", FIELD_STRING, 0, 0, 3500, NULL, NULL, "What is edited" },
	{ "title", FIELD_STRING, 0, 0, 200, NULL, NULL, "Kept in the answer" },
};

void minimax_lyrics(struct call *c)
{
	json_t *body = body_object(c, 0);
	if (!body)
		return;
	struct issues is = { 0 };
	params_check(body, lyrics_fields, (int)(sizeof lyrics_fields / sizeof *lyrics_fields), &is);
	if (!issues_any(&is) && !strcmp(param_string(body, "mode"), "edit") && !*param_string(body, "lyrics"))
		issue_add(&is, "invalid_type", "lyrics", "Required");
	if (issues_any(&is))
		answer_issues(c, &is);
	else
		/* Madrigal sings lyrics and does not write them: the documented error for an account without the interface, never an invented answer. */
		answer_error(c, 501, MINIMAX_NO_PERMISSION, "no permission for this interface: this server does not write lyrics", NULL);
	issues_release(&is);
	json_decref(body);
}
