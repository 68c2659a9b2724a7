/* SPDX-License-Identifier: GPL-3.0-or-later */
/* References: uploads that become ids (music-01), covers' audio, and how a request's ids become a stored file. Sound is opened only by guard/'s helper. */
#ifndef SERVE_REFERENCE_H
#define SERVE_REFERENCE_H

#include "serve/api.h"

/* Fills r's reference from the ids or Base64 of the body. 0, or 1 after having answered. */
int reference_resolve(struct call *c, const struct model *m, const json_t *body, struct song_request *r);
/* Takes a multipart upload (purpose, file), has it checked, and answers with ids. */
void reference_upload(struct call *c);
/* /v1/music_cover_preprocess. */
void reference_cover(struct call *c);
/* The exchange of a check that is under way has gone. */
void reference_closed(struct api *a, struct http_exchange *x);

#endif
