/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every route, in one table: the dispatcher, the OpenAPI document and the tests of who may call what read it. */
#include <stdio.h>
#include <string.h>

#include "serve/api.h"
#include "serve/reference.h"

#define SMALL (64 * 1024L)
#define FILES (-1L) /* as the configuration allows uploads */

const struct route routes[] = {
	{ "POST", "/v2/generate/audio", DIALECT_AIML, 1, FILES, aiml_generate, "Submit a generation", TAKES_MODEL, API_AIML },
	{ "GET", "/v2/generate/audio", DIALECT_AIML, 1, SMALL, aiml_fetch, "Look at a generation", TAKES_GENERATION, 0 },
	{ "POST", "/v2/generate/audio/minimax/upload", DIALECT_AIML, 1, FILES, reference_upload, "Upload a song, a voice or an accompaniment for music-01", TAKES_FORM, 0 },
	{ "POST", "/v2/generate/audio/minimax/generate", DIALECT_AIML, 1, SMALL, aiml_generate_01, "Make a song with music-01 and wait for it", TAKES_MODEL, API_AIML_01 },
	{ "POST", "/v1/music_generation", DIALECT_MINIMAX, 1, FILES, minimax_generate, "Make a song and wait for it, or stream it", TAKES_MODEL, API_MINIMAX },
	{ "POST", "/v1/music_upload", DIALECT_MINIMAX, 1, FILES, reference_upload, "Upload a song, a voice or an accompaniment for music-01", TAKES_FORM, 0 },
	{ "POST", "/v1/lyrics_generation", DIALECT_MINIMAX, 1, SMALL, minimax_lyrics, "Write lyrics: answered with an error, Madrigal doesn't write them", TAKES_JSON, 0 },
	{ "POST", "/v1/music_cover_preprocess", DIALECT_MINIMAX, 1, FILES, reference_cover, "Prepare a cover", TAKES_JSON, 0 },
	{ "GET", "/v1/models", DIALECT_AIML, 0, SMALL, catalog_models, "The models", TAKES_NOTHING, 0 },
	{ "GET", "/models", DIALECT_AIML, 0, SMALL, catalog_models, "The models", TAKES_NOTHING, 0 },
	{ "GET", "/api/v1/models", DIALECT_AIML, 0, SMALL, catalog_models, "The models", TAKES_NOTHING, 0 },
	{ "GET", "/model/*", DIALECT_AIML, 0, SMALL, catalog_model, "One model", TAKES_NOTHING, 0 },
	{ "GET", "/v2/billing", DIALECT_AIML, 1, SMALL, billing_v2, "The balance in US dollars", TAKES_NOTHING, 0 },
	{ "GET", "/v2/billing/detail", DIALECT_AIML, 1, SMALL, billing_detail, "The balance in detail", TAKES_NOTHING, 0 },
	{ "GET", "/v2/billing/transactions", DIALECT_AIML, 1, SMALL, billing_transactions, "Charges and top-ups", TAKES_NOTHING, 0 },
	{ "GET", "/v1/billing/balance", DIALECT_AIML, 1, SMALL, billing_balance, "The balance in credits", TAKES_NOTHING, 0 },
	{ "GET", "/v1/key", DIALECT_AIML, 1, SMALL, key_info, "The key in use", TAKES_NOTHING, 0 },
	{ "POST", "/v1/songs", DIALECT_AIML, 1, FILES, songs_create, "Make a song", TAKES_MODEL, API_OWN },
	{ "GET", "/v1/songs", DIALECT_AIML, 1, SMALL, songs_list, "The account's songs", TAKES_NOTHING, 0 },
	{ "GET", "/v1/songs/*", DIALECT_AIML, 1, SMALL, songs_get, "A song, its events, its files", TAKES_NOTHING, 0 },
	{ "DELETE", "/v1/songs/*", DIALECT_AIML, 1, SMALL, songs_delete, "Cancel a song", TAKES_NOTHING, 0 },
	{ "GET", "/files/*", DIALECT_AIML, 0, SMALL, files_get, "A file by its signed address", TAKES_NOTHING, 0 },
	{ "GET", "/openapi.json", DIALECT_AIML, 0, SMALL, openapi_get, "This document", TAKES_NOTHING, 0 },
	{ "GET", "/healthz", DIALECT_AIML, 0, SMALL, health, "Whether the server can take songs", TAKES_NOTHING, 0 },
	{ "GET", "/metrics", DIALECT_AIML, 0, SMALL, metrics_get, "Figures in Prometheus' text format", TAKES_NOTHING, 0 },
	{ "GET", "/", DIALECT_AIML, 0, SMALL, root_get, "What this is", TAKES_NOTHING, 0 },
};
const int n_routes = (int)(sizeof routes / sizeof *routes);

/* Clients that join a host and a path by hand may put more slashes before it or one after it; neither means anything here. */
static int path_fits(const char *pattern, const char *path, const char **ret_rest)
{
	const char *star = strchr(pattern, '*');
	while (path[0] == '/' && path[1] == '/')
		path++;
	size_t n = star ? (size_t)(star - pattern) : strlen(pattern);
	if (strncmp(pattern, path, n) || (star ? !path[n] : path[n] && strcmp(path + n, "/")))
		return 0;
	*ret_rest = path + n;
	return 1;
}

enum dialect route_dialect(const char *path)
{
	const char *rest;
	for (int i = 0; i < n_routes; i++)
		if (path_fits(routes[i].path, path, &rest))
			return routes[i].dialect;
	return DIALECT_AIML;
}

void route_methods(const char *path, char *ret, size_t n)
{
	const char *rest;
	size_t at = (size_t)snprintf(ret, n, "OPTIONS");
	for (int i = 0; i < n_routes && at < n; i++)
		if (path_fits(routes[i].path, path, &rest))
			at += (size_t)snprintf(ret + at, n - at, ", %s%s", routes[i].method, strcmp(routes[i].method, "GET") ? "" : ", HEAD");
}

const struct route *route_find(const char *method, const char *path, int *ret_path_known, const char **ret_rest)
{
	*ret_path_known = 0;
	if (!strcmp(method, "HEAD"))
		method = "GET";
	for (int i = 0; i < n_routes; i++)
		if (path_fits(routes[i].path, path, ret_rest)) {
			*ret_path_known = 1;
			if (!strcmp(routes[i].method, method))
				return &routes[i];
		}
	return NULL;
}
