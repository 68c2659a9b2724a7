/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The AI/ML API's routes for music: submit, poll, and music-01's two steps. */
#include <stdlib.h>
#include <string.h>

#include "serve/api.h"

static json_t *usage_json(int64_t price)
{
	return json_pack("{s:{s:I, s:f}}", "usage", "credits_used", (json_int_t)price, "usd_spent", (double)price / CREDITS_PER_USD);
}

static void cost_headers(struct call *c, const char *id, int64_t price)
{
	char text[32];
	http_reply_header(c->x, "x-inference-id", id);
	snprintf(text, sizeof text, "%lld", (long long)price);
	http_reply_header(c->x, "x-aimlapi-credits-used", text);
	snprintf(text, sizeof text, "%.9f", (double)price / CREDITS_PER_USD);
	http_reply_header(c->x, "x-aimlapi-usd-spent", text);
}

static void answer_accepted(struct call *c, const struct submitted *s)
{
	cost_headers(c, s->id, s->model->price);
	answer_json(c, 200, json_pack("{s:s, s:s, s:s, s:o}", "id", s->id, "generation_id", s->id, "status", "queued", "meta", usage_json(s->model->price)));
}

void aiml_generate(struct call *c)
{
	submit_song(c, API_AIML, answer_accepted);
}

static const char *content_type_name(const char *type)
{
	return !strcmp(type, "audio/wav") ? "audio.wav" : !strcmp(type, "audio/mpeg") ? "audio.mp3" : "audio.pcm";
}

static json_t *job_json(struct call *c, const struct job *j)
{
	char trace[33];
	const struct job_file *f = job_file_find(j, "audio");
	int done = j->state == JOB_DONE;
	json_t *o = json_pack("{s:s, s:s, s:n, s:n, s:o}", "id", j->id, "status", job_state_names[j->state == JOB_CANCELLED ? JOB_FAILED : j->state], "audio_file", "error", "meta", usage_json(done ? j->price : 0));
	if (done && f) {
		char url[1024];
		file_url(c, j->id, "audio", url, sizeof url);
		json_object_set_new(o, "audio_file", json_pack("{s:s, s:s, s:s, s:I}", "url", url, "content_type", f->content_type, "file_name", content_type_name(f->content_type),
		                                               "file_size", (json_int_t)f->file.size));
		trace_id(j->id, trace);
		json_object_set_new(o, "extra_info", job_extra_info(j, 0));
		json_object_set_new(o, "trace_id", json_string(trace));
	}
	if (j->state == JOB_FAILED)
		json_object_set_new(o, "error", job_error(j));
	if (j->state == JOB_CANCELLED)
		json_object_set_new(o, "error", json_pack("{s:s, s:s}", "name", "cancelled", "message", "The generation was cancelled"));
	return o;
}

void aiml_fetch(struct call *c)
{
	const char *id = http_query(c->x, "generation_id");
	if (!id || !*id) {
		struct issues is = { 0 };
		issue_add(&is, "invalid_type", "generation_id", "Required");
		answer_error(c, 400, MINIMAX_PARAMS, "Query validation error", &is);
		issues_release(&is);
		return;
	}
	struct job j = { 0 };
	struct madrigal_error err = { 0 };
	int rc = queue_peek(c->api->store, id, c->account.id, &j, &err);
	if (rc == 0 && j.state == JOB_DONE) {
		job_release(&j);
		rc = queue_get(c->api->store, id, c->account.id, &j, &err);
	}
	if (rc < 0) {
		answer_fault(c, &err);
	} else if (rc > 0) {
		answer_error(c, 404, MINIMAX_PARAMS, "Generation not found", NULL);
	} else {
		http_reply_header(c->x, "x-inference-id", j.id);
		answer_json(c, 200, job_json(c, &j));
		job_release(&j);
	}
}

static void wait_for_song(struct call *c, const struct submitted *s)
{
	cost_headers(c, s->id, s->model->price);
	wait_for_job(c, s->id, s->url ? WAIT_JSON_URL : WAIT_JSON_HEX, !http_header(c->x, "idempotency-key"));
}

void aiml_generate_01(struct call *c)
{
	submit_song(c, API_AIML_01, wait_for_song);
}
