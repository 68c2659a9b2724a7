/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own routes beside the two families: what no neural generator can give. Songs made by any route are found here by their id.
 *
 *     POST /v1/songs                        {"prompt", "lyrics", ...} -> 202 {"id", "status"}
 *     GET  /v1/songs                        the account's songs, newest first
 *     GET  /v1/songs/ID                     state, progress, figures, files
 *     GET  /v1/songs/ID/events              progress as server-sent events
 *     GET  /v1/songs/ID/NAME                audio, song.mid, song.musicxml, song.lrc, song.json, stems/NAME.wav
 *     DELETE /v1/songs/ID                   cancels
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/api.h"
#include "serve/files.h"

#define LIST_MAX 100

static void answer_accepted(struct call *c, const struct submitted *s)
{
	char where[128];
	snprintf(where, sizeof where, "/v1/songs/%s", s->id);
	http_reply_header(c->x, "Location", where);
	answer_json(c, 202, json_pack("{s:s, s:s, s:s}", "id", s->id, "status", "queued", "url", where));
}

void songs_create(struct call *c)
{
	submit_song(c, API_OWN, answer_accepted);
}

static json_t *song_json(const struct job *j)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:f, s:s, s:I}", "id", j->id, "status", job_state_names[j->state], "model", j->model, "progress", j->state == JOB_DONE ? 1.0 : j->progress, "stage",
	                      j->stage, "created_ms", (json_int_t)j->created_ms);
	if (j->finished_ms)
		json_object_set_new(o, "finished_ms", json_integer(j->finished_ms));
	if (j->state == JOB_FAILED)
		json_object_set_new(o, "error", job_error(j));
	json_t *result = j->result ? json_loads(j->result, 0, NULL) : NULL;
	if (result)
		json_object_set_new(o, "song", result);
	if (!j->n_files)
		return o;
	json_t *files = json_object();
	for (int i = 0; i < j->n_files; i++) {
		char where[256];
		snprintf(where, sizeof where, "/v1/songs/%s/%s", j->id, j->files[i].name);
		json_object_set_new(files, j->files[i].name, json_pack("{s:s, s:s, s:I, s:s}", "url", where, "content_type", j->files[i].content_type, "size", (json_int_t)j->files[i].file.size,
		                                                       "sha256", j->files[i].file.hash));
	}
	json_object_set_new(o, "files", files);
	return o;
}

void songs_list(struct call *c)
{
	char ids[LIST_MAX][QUEUE_ID_MAX + 1];
	int n = 0;
	struct madrigal_error err = { 0 };
	const char *before = http_query(c->x, "before_ms");
	if (queue_list(c->api->store, c->account.id, before ? strtoll(before, NULL, 10) : 0, ids, LIST_MAX, &n, &err)) {
		answer_fault(c, &err);
		return;
	}
	json_t *list = json_array();
	for (int i = 0; i < n; i++) {
		struct job j = { 0 };
		if (queue_peek(c->api->store, ids[i], c->account.id, &j, &err) == 0)
			json_array_append_new(list, song_json(&j));
		job_release(&j);
	}
	answer_json(c, 200, json_pack("{s:o}", "data", list));
}

static void cancel(struct call *c, const char *id)
{
	struct madrigal_error err = { 0 };
	int rc = queue_cancel(c->api->store, id, c->account.id, &err);
	if (rc < 0)
		answer_fault(c, &err);
	else if (rc > 0)
		answer_error(c, 404, MINIMAX_PARAMS, "No such song in the making", NULL);
	else
		answer_json(c, 200, json_pack("{s:s, s:s}", "id", id, "status", "cancelled"));
}

void songs_delete(struct call *c)
{
	cancel(c, c->rest);
}

void songs_get(struct call *c)
{
	char id[QUEUE_ID_MAX + 1] = "";
	const char *name = strchr(c->rest, '/');
	size_t n = name ? (size_t)(name - c->rest) : strlen(c->rest);
	if (n < sizeof id)
		snprintf(id, sizeof id, "%.*s", (int)n, c->rest);
	struct job j = { 0 };
	struct madrigal_error err = { 0 };
	int rc = queue_get(c->api->store, id, c->account.id, &j, &err);
	if (rc < 0) {
		answer_fault(c, &err);
	} else if (rc > 0) {
		answer_error(c, 404, MINIMAX_PARAMS, "No such song", NULL);
	} else if (!name) {
		answer_json(c, 200, song_json(&j));
	} else if (!strcmp(name, "/events") && !strcmp(http_method(c->x), "HEAD")) {
		http_reply(c->x, 200, "text/event-stream", NULL, 0);
	} else if (!strcmp(name, "/events")) {
		wait_for_job(c, j.id, WAIT_EVENTS, 0);
	} else {
		const struct job_file *f = job_file_find(&j, name + 1);
		if (f)
			file_answer(c, f);
		else
			answer_error(c, 404, MINIMAX_PARAMS, j.state == JOB_DONE ? "No such file of this song" : "The song is not finished", NULL);
	}
	job_release(&j);
}
