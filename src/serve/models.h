/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The models of both families: what each takes, what it costs, and how its request becomes a song_request. One table; the routes, the catalogue
 * (/v1/models), the OpenAPI document and the tests read it. */
#ifndef SERVE_MODELS_H
#define SERVE_MODELS_H

#include "serve/params.h"
#include "worker/request.h"

enum api_family { API_AIML, API_AIML_01, API_MINIMAX, API_OWN }; /* /v2/generate/audio; /v2/generate/audio/minimax/generate; /v1/music_generation; /v1/songs */

enum model_kind { KIND_SONG, KIND_MUSIC_01, KIND_COVER, KIND_REFERENCE, KIND_INSTRUMENTAL };

struct model {
	enum api_family family;
	const char *id;                /* "minimax/music-2.6" */
	const char *alias;             /* another name that is taken, or NULL */
	enum model_kind kind;
	int64_t price;                 /* credits a song */
	const struct field *fields; int n_fields;
	/* How lyrics and words for an instrumental are needed: 0 as the fields say; 1: lyrics unless is_instrumental. */
	int may_be_instrumental;
	const char *title, *developer, *doc;
};
extern const struct model models[];
extern const int n_models;

const struct model *model_find(enum api_family f, const char *id);
/* The ids of a family as "a|b|c" for an error message: *ret by free. */
char *model_ids(enum api_family f);

/* Checks the body of a request for m and, if it is right, fills *ret (by song_request_release) but for its seed and references by id, which the route knows.
 * 0: filled; 1: issues has at least one; or a negative status. */
int model_read(const struct model *m, const json_t *body, struct issues *issues, struct song_request *ret, struct madrigal_error *err) MUST_CHECK;

#endif
