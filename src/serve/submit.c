/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a request that wants a song to a job: limits first, then the body, then one row.
 *
 * What arrives in one turn of the loop is written in one transaction at its end: a write that reaches the disk costs the same for one row as for fifty, and nobody is answered before it has. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/api.h"
#include "serve/reference.h"

#define PATIENCE_MS 20 /* others hold the database for a write to the disk; longer, and all clients would wait with us */

static const char no_credit[] = "You've run out of credits. Please top up your balance to continue.";

/* 0, or 1 after having answered. */
static int refuse(struct call *c, int64_t price)
{
	struct madrigal_error err = { 0 };
	int wait_s = 0;
	int rc = account_may(c->api->store, &c->account, price, &wait_s, &err);
	char seconds[16];
	snprintf(seconds, sizeof seconds, "%d", wait_s > 0 ? wait_s : 5);
	switch (rc) {
	case ACCOUNT_OK:
		return 0;
	case ACCOUNT_NO_CREDIT:
		answer_error(c, 403, MINIMAX_BALANCE, c->dialect == DIALECT_MINIMAX ? "insufficient balance" : no_credit, NULL);
		return 1;
	case ACCOUNT_RATE: case ACCOUNT_PARALLEL:
		http_reply_header(c->x, "Retry-After", seconds);
		answer_error(c, 429, rc == ACCOUNT_RATE ? MINIMAX_RATE : MINIMAX_CONN_LIMIT,
		             c->dialect == DIALECT_AIML ? "Too Many Requests" : rc == ACCOUNT_RATE ? "rate limit" : "conn limit", NULL);
		return 1;
	default:
		answer_fault(c, &err);
		return 1;
	}
}

/* MiniMax refuses texts of which more than a tenth cannot be seen. */
static int mostly_invisible(const char *s)
{
	long all = 0, hidden = 0;
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if ((*p & 0xc0) == 0x80)
			continue;
		all++;
		int zero_width = p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x8b && p[2] <= 0x8f;
		int mark = p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf, joiner = p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xa4;
		hidden += zero_width || mark || joiner || (*p < ' ' && *p != '\n' && *p != '\r' && *p != '\t') || *p == 0x7f;
	}
	return hidden * 10 > all;
}

/* 1 after having answered. */
static int check_texts(struct call *c, const struct song_request *r)
{
	if ((r->lyrics && mostly_invisible(r->lyrics)) || (r->prompt && mostly_invisible(r->prompt))) {
		answer_error(c, 400, MINIMAX_INVISIBLE, c->dialect == DIALECT_MINIMAX ? "invisible character ratio limit" : "Body validation error", NULL);
		return 1;
	}
	return 0;
}

static uint64_t seed_of(const json_t *body)
{
	json_t *v = json_object_get(body, "seed");
	/* Seeds stay within what every JSON reader keeps exactly. */
	return json_is_number(v) ? (uint64_t)json_number_value(v) : (uint64_t)randombytes_random() >> 1;
}

/* A song that is to be written at the end of this turn. */
struct pending {
	struct pending *next;
	struct call call;
	accepted_fn *accepted;
	struct submitted made;
	struct submission row;
	int64_t since_ms;
	char *json, print[65];         /* what row points to */
};

static void pending_free(struct pending *p)
{
	if (p)
		free(p->json);
	free(p);
}

static void fingerprint(struct call *c, const json_t *body, char ret[65])
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	crypto_hash_sha256_state st;
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_init(&st);
	const char *path = http_path(c->x);
	crypto_hash_sha256_update(&st, (const unsigned char *)path, strlen(path) + 1);
	crypto_hash_sha256_update(&st, (const unsigned char *)(text ? text : ""), text ? strlen(text) : 0);
	crypto_hash_sha256_final(&st, hash);
	sodium_bin2hex(ret, 65, hash, sizeof hash);
	free(text);
}

/* Last in the line: the order of the jobs is that in which they were asked for. */
static void append(struct api *a, struct pending *p)
{
	struct pending **last = &a->pending;
	while (*last)
		last = &(*last)->next;
	*last = p;
}

static void add_job(struct call *c, const struct model *m, const json_t *body, struct song_request *r, accepted_fn *accepted)
{
	static const char *const families[] = { [API_AIML] = "aiml", [API_AIML_01] = "aiml", [API_MINIMAX] = "minimax", [API_OWN] = "madrigal" };
	struct madrigal_error err = { 0 };
	const char *key = http_header(c->x, "idempotency-key");
	if (key && strlen(key) > 255) {
		answer_error(c, 400, MINIMAX_PARAMS, "Idempotency-Key is longer than 255 characters", NULL);
		return;
	}
	r->seed = seed_of(body);
	struct pending *p = calloc(1, sizeof *p);
	if (!p || song_request_write(r, &p->json, &err)) {
		if (!p)
			err_nomem(&err);
		pending_free(p);
		answer_fault(c, &err);
		return;
	}
	p->call = *c;
	p->accepted = accepted;
	p->made = (struct submitted){ .model = m, .stream = r->stream, .url = !strcmp(param_string(body, "output_format"), "url") };
	fingerprint(c, body, p->print);
	p->row.job = (struct job_new){ .account = c->account.id, .model = m->id, .family = families[m->family], .request = p->json, .price = m->price,
	                               .idempotency_key = key && *key ? key : NULL, .fingerprint = p->print };
	p->since_ms = store_now_ms();
	append(c->api, p);
}

static void answer_pending(struct pending *p, int rc, const struct madrigal_error *err)
{
	struct call *c = &p->call;
	if (rc < 0) {
		answer_fault(c, err);
	} else if (p->row.rc == MADRIGAL_EUSAGE) {
		answer_error(c, 422, MINIMAX_PARAMS, "This Idempotency-Key was used with another request", NULL);
	} else if (p->row.rc < 0) {
		answer_fault(c, &p->row.err);
	} else if (p->row.rc > 0) {
		if (!refuse(c, p->made.model->price)) /* what was short a moment ago is there again */
			answer_error(c, 429, MINIMAX_CONN_LIMIT, "Too Many Requests", NULL);
	} else {
		memcpy(p->made.id, p->row.id, sizeof p->made.id);
		p->accepted(c, &p->made);
	}
}

static void wake_worker(const struct api *a)
{
	if (a->wake_fd >= 0 && write(a->wake_fd, "j", 1) < 0 && errno != EAGAIN) /* a full pipe wakes them just as well */
		log_line("cannot wake the workers; they look by themselves");
}

/* The list in one transaction; each is answered and freed. */
static void settle(struct api *a, struct pending *list, int rc, const struct madrigal_error *err)
{
	for (struct pending *p = list, *next; p; p = next) {
		next = p->next;
		if (!rc && !p->row.rc && !p->row.again)
			wake_worker(a);
		answer_pending(p, rc, err);
		pending_free(p);
	}
}

/* Those that have waited for the lock for too long. */
static void give_up(struct api *a, int64_t now_ms)
{
	struct madrigal_error err = { 0 };
	err_set(&err, MADRIGAL_EIO, "the database has been locked for more than %d s", STORE_BUSY_MS / 1000);
	while (a->pending && now_ms - a->pending->since_ms >= STORE_BUSY_MS) { /* the oldest is the first */
		struct pending *p = a->pending;
		a->pending = p->next;
		p->next = NULL;
		settle(a, p, err.code, &err);
	}
}

void submit_turned(struct api *a)
{
	struct madrigal_error err = { 0 };
	if (!a->pending || a->store_locked)
		return;
	for (struct pending *p = a->pending; p; p = p->next) {
		p->row.next = p->next ? &p->next->row : NULL;
		p->row.rc = 0;
	}
	int rc = queue_submit_all(a->store, &a->pending->row, PATIENCE_MS, &err);
	if (rc == 1) {
		a->store_locked = 1;
		give_up(a, store_now_ms());
		return;
	}
	struct pending *list = a->pending;
	a->pending = NULL;
	settle(a, list, rc, &err);
}

void submit_tick(struct api *a)
{
	a->store_locked = 0;
}

void submit_closed(struct api *a, const struct http_exchange *x)
{
	for (struct pending **p = &a->pending; *p; p = &(*p)->next)
		if ((*p)->call.x == x) {
			struct pending *gone = *p;
			*p = gone->next;
			pending_free(gone);
			return;
		}
}

void submit_song(struct call *c, enum api_family family, accepted_fn *accepted)
{
	if (refuse(c, 0))
		return;
	json_t *body = body_object(c, 0);
	if (!body)
		return;
	struct issues is = { 0 };
	struct madrigal_error err = { 0 };
	struct song_request r = song_request_default();
	const char *id = param_string(body, "model");
	const struct model *m = model_find(family, family == API_OWN && !*id ? "madrigal" : id);
	int rc;
	if (!m) {
		char *list = model_ids(family);
		struct field f = { "model", FIELD_STRING, FIELD_REQUIRED, 1, 0, list, NULL, NULL };
		params_check(body, &f, 1, &is);
		free(list);
		answer_issues(c, &is);
	} else if ((rc = model_read(m, body, &is, &r, &err)) < 0) {
		answer_fault(c, &err);
	} else if (rc > 0) {
		answer_issues(c, &is);
	} else if (!refuse(c, m->price) && !check_texts(c, &r) && !reference_resolve(c, m, body, &r)) {
		add_job(c, m, body, &r, accepted);
	}
	issues_release(&is);
	song_request_release(&r);
	json_decref(body);
}

const char *const job_state_names[] = { "queued", "generating", "completed", "error", "cancelled" };

json_t *job_error(const struct job *j)
{
	return json_pack("{s:s, s:s}", "name", j->error_name, "message", j->error_message);
}

const struct job_file *job_file_find(const struct job *j, const char *name)
{
	for (int i = 0; i < j->n_files; i++)
		if (!strcmp(j->files[i].name, name))
			return &j->files[i];
	return NULL;
}

/* Where the caller reached us: the configured URL, or http:// and the Host that was asked for (checked by http/). */
void file_url(struct call *c, const char *job, const char *name, char *ret, size_t n)
{
	char path[256], sign[33];
	snprintf(path, sizeof path, "/files/%s/%s", job, name);
	int64_t expires = store_now_ms() / 1000 + (int64_t)c->api->config.url_hours * 3600;
	store_sign(c->api->store, path, expires, sign);
	const char *host = http_header(c->x, "host");
	char here[32];
	snprintf(here, sizeof here, "localhost:%d", http_server_port(c->api->server));
	if (*c->api->config.public_url)
		snprintf(ret, n, "%s%s?Expires=%lld&Signature=%s", c->api->config.public_url, path, (long long)expires, sign);
	else
		snprintf(ret, n, "http://%s%s?Expires=%lld&Signature=%s", host && *host ? host : here, path, (long long)expires, sign);
}

json_t *job_extra_info(const struct job *j, int all)
{
	json_t *r = j->result ? json_loads(j->result, 0, NULL) : NULL;
	json_int_t ms = param_integer(r, "duration_ms", 0), rate = param_integer(r, "sample_rate", 44100), channels = param_integer(r, "channels", 2);
	json_int_t bitrate = param_integer(r, "bitrate", 0), size = param_integer(r, "size", 0);
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I}", "music_duration", ms, "music_sample_rate", rate, "music_channel", channels, "bitrate", bitrate, "music_size", size);
	if (all) {
		json_object_set_new(o, "audio_length", json_integer(ms));
		json_object_set_new(o, "audio_size", json_integer(size));
		json_object_set_new(o, "audio_bitrate", json_integer(bitrate));
		json_object_set_new(o, "audio_sample_rate", json_integer(rate));
	}
	json_decref(r);
	return o;
}
