/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/reference.h"

#include <fcntl.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "ear/json.h"
#include "guard/guard.h"

#define PARTS_MAX 8
#define UPLOAD_MIN_S 10.0
#define UPLOAD_MAX_S 600.0
#define COVER_MIN_S 6.0
#define COVER_MAX_S 360.0
#define COVER_BYTES_MAX (50u << 20)
#define SILENCE_DB (-60.0)
#define HAS_VOICE 0.08f        /* share of the time that someone sings, at least */
#define IS_SPEECH 0.5f
#define DAY_MS 86400000
#define PROMPT_BYTES_MAX 16384

/* A file that is being looked at by the decoding helper while its exchange waits. */
struct check {
	struct check *next;
	struct call call;
	char purpose[16];              /* "song", "voice", "instrumental", "cover" */
	char *path;                    /* in DATA/spool */
	int fd;                        /* the helper's, or -1 */
	int heard;                     /* a memory file for what it hears, or -1 */
	pid_t pid;
	int gone;                      /* its client */
};

static void check_free(struct check *k)
{
	struct check **p = &k->call.api->checks;
	while (*p && *p != k)
		p = &(*p)->next;
	if (*p)
		*p = k->next;
	if (k->heard >= 0)
		close(k->heard);
	if (k->path) {
		unlink(k->path); /* if it is still there: what was taken has been moved into the store */
		free(k->path);
	}
	free(k);
}

void reference_closed(struct api *a, struct http_exchange *x)
{
	for (struct check *k = a->checks; k; k = k->next)
		if (k->call.x == x)
			k->gone = 1;
}

static void refuse_field(struct call *c, const char *field, const char *code, const char *message)
{
	struct issues is = { 0 };
	issue_add(&is, code, field, message);
	answer_issues(c, &is);
	issues_release(&is);
}

/* ---- ids ---- */

/* As music-01's: "vocal-2025082518145625-6XW9wCOF": date, time and two digits, eight random characters. */
static void make_id(const char *kind, char *ret, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	char tail[9] = "";
	struct timespec t;
	struct tm tm;
	char when[32];
	clock_gettime(CLOCK_REALTIME, &t);
	strftime(when, sizeof when, "%Y%m%d%H%M%S", gmtime_r(&t.tv_sec, &tm));
	for (int i = 0; i < 8; i++)
		tail[i] = letters[randombytes_uniform(sizeof letters - 1)];
	snprintf(ret, n, "%s-%s%02d-%s", kind, when, (int)(t.tv_nsec / 10000000), tail);
}

static int add_upload(struct check *k, const char *id, const struct stored_file *file, double seconds, int64_t lasts_ms, struct madrigal_error *err)
{
	struct upload u = { .file = *file, .seconds = seconds, .account = k->call.account.id, .created_ms = store_now_ms() };
	u.expires_ms = lasts_ms ? u.created_ms + lasts_ms : 0;
	snprintf(u.id, sizeof u.id, "%s", id);
	snprintf(u.purpose, sizeof u.purpose, "%s", k->purpose);
	return upload_add(k->call.api->store, &u, err);
}

static void answer_upload(struct check *k, const struct stored_file *file, double seconds)
{
	struct call *c = &k->call;
	struct madrigal_error err = { 0 };
	char trace[33], id[64];
	trace_id(c->id, trace);
	json_t *o = json_pack("{s:s, s:o}", "trace_id", trace, "base_resp", base_resp(0, "success"));
	int rc = 0;
	if (strcmp(k->purpose, "instrumental")) {
		make_id("vocal", id, sizeof id);
		json_object_set_new(o, "voice_id", json_string(id));
		rc = add_upload(k, id, file, seconds, 0, &err);
	}
	if (!rc && strcmp(k->purpose, "voice")) {
		make_id("instrumental", id, sizeof id);
		json_object_set_new(o, "instrumental_id", json_string(id));
		rc = add_upload(k, id, file, seconds, 0, &err);
	}
	if (rc) {
		json_decref(o);
		answer_fault(c, &err);
		return;
	}
	http_reply_header(c->x, "Trace-Id", trace);
	answer_json(c, 200, o);
}

/* The sections that were heard, as music_cover_preprocess says them: JSON within JSON (free), or NULL. */
static char *structure_of(const struct heard *h)
{
	json_t *list = json_array();
	for (int i = 0; i < h->form.n_sections; i++) {
		const struct heard_section *s = &h->form.section[i];
		json_array_append_new(list, json_pack("{s:f, s:f, s:s}", "start", (double)s->start_s, "end", (double)s->end_s, "label", s->label));
	}
	json_t *o = json_pack("{s:i, s:o}", "num_segments", h->form.n_sections, "segments", list);
	char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(o);
	return text;
}

static void answer_cover(struct check *k, const struct stored_file *file, double seconds, const struct heard *heard)
{
	struct call *c = &k->call;
	struct madrigal_error err = { 0 };
	char trace[33], id[40];
	trace_id(c->id, trace);
	/* The same audio of the same account has the same id. */
	char whose[96];
	snprintf(whose, sizeof whose, "%lld %s", (long long)c->account.id, file->hash);
	trace_id(whose, id);
	if (add_upload(k, id, file, seconds, DAY_MS, &err)) {
		answer_fault(c, &err);
		return;
	}
	http_reply_header(c->x, "Trace-Id", trace);
	char *structure = structure_of(heard);
	/* Words are not heard: empty, not invented. */
	answer_json(c, 200, json_pack("{s:s, s:s, s:s, s:f, s:s, s:o}", "cover_feature_id", id, "formatted_lyrics", "", "structure_result", structure ? structure : "{\"num_segments\":0,\"segments\":[]}",
	                              "audio_duration", seconds, "trace_id", trace, "base_resp", base_resp(0, "success")));
	free(structure);
}

/* ---- the check ---- */

/* Only a voice is refused for what is heard in it: a song without one still has an accompaniment. */
static const char *fault_of_voice(const struct heard *h)
{
	if (h->singer.speech > IS_SPEECH)
		return "the file is speech: a voice must sing";
	return h->singer.singing < HAS_VOICE ? "no singing is heard in the file" : NULL;
}

static const char *fault_of(const struct check *k, const struct decoded_audio *d)
{
	int cover = !strcmp(k->purpose, "cover");
	if (!cover && strcmp(d->format, "wav") && strcmp(d->format, "mp3"))
		return "the file is neither WAV nor MP3";
	if (cover ? d->seconds < COVER_MIN_S : d->seconds <= UPLOAD_MIN_S)
		return cover ? "the audio is shorter than 6 seconds" : "the audio must be longer than 10 seconds";
	if (d->seconds > (cover ? COVER_MAX_S : UPLOAD_MAX_S))
		return cover ? "the audio is longer than 6 minutes" : "the audio is longer than 10 minutes";
	if (!(d->rms_db > SILENCE_DB))
		return "the audio is silent";
	return NULL;
}

static int read_heard(int fd, struct heard **ret, struct madrigal_error *err)
{
	char *text;
	int rc = guard_read_heard(fd, &text, err);
	if (rc)
		return rc;
	struct heard *h = malloc(sizeof *h);
	rc = !h ? err_nomem(err) : heard_read(text, h, err) ? err_set(err, MADRIGAL_EINTERNAL, "the decoding helper left no JSON") : 0;
	free(text);
	if (rc)
		free(h);
	else
		*ret = h;
	return rc;
}

static void checked(void *user, int fd)
{
	struct check *k = user;
	struct call *c = &k->call;
	struct madrigal_error err = { 0 };
	struct decoded_audio d = { 0 };
	const char *field = strcmp(k->purpose, "cover") ? "file" : "audio_base64", *fault;
	http_server_unwatch(c->api->server, fd);
	int rc = guard_decode_end(fd, k->pid, &d, &err);
	if (k->gone) {
		check_free(k);
		return;
	}
	struct stored_file file;
	struct heard *heard = NULL;
	if (!rc && k->heard >= 0)
		rc = read_heard(k->heard, &heard, &err);
	if (rc == MADRIGAL_EUSAGE)
		refuse_field(c, field, "custom", "the file is not audio that can be read");
	else if (rc)
		answer_fault(c, &err);
	else if ((fault = fault_of(k, &d)) || (!strcmp(k->purpose, "voice") && (fault = fault_of_voice(heard))))
		refuse_field(c, field, "custom", fault);
	else if (store_file_add(c->api->store, k->path, &file, &err))
		answer_fault(c, &err);
	else if (strcmp(k->purpose, "cover"))
		answer_upload(k, &file, d.seconds);
	else
		answer_cover(k, &file, d.seconds, heard);
	free(heard);
	check_free(k);
}

/* Takes path. */
static void begin_check(struct call *c, const char *purpose, char *path)
{
	struct madrigal_error err = { 0 };
	struct check *k = calloc(1, sizeof *k);
	struct decode_limits limits = decode_limits_default();
	limits.bytes_max = (uint64_t)c->api->config.upload_max_mb << 20;
	int in = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	/* Only where the answer depends on it. */
	int listens = !strcmp(purpose, "voice") || !strcmp(purpose, "cover"), heard = listens ? memfd_create("heard", MFD_CLOEXEC) : -1;
	if (!k || in < 0 || (listens && heard < 0)) {
		free(k);
		if (heard >= 0)
			close(heard);
		unlink(path);
		free(path);
		err_set(&err, MADRIGAL_EIO, "cannot look at an upload");
		answer_fault(c, &err);
	} else {
		*k = (struct check){ .next = c->api->checks, .call = *c, .path = path, .fd = -1, .heard = heard };
		snprintf(k->purpose, sizeof k->purpose, "%s", purpose);
		c->api->checks = k;
		rc = guard_decode_begin(in, heard, listens ? DECODE_HEARD : DECODE_NOTHING, &limits, &k->fd, &k->pid, &err);
		if (!rc)
			rc = http_server_watch(c->api->server, k->fd, checked, k, &err);
		if (rc) {
			answer_fault(c, &err);
			check_free(k);
		}
	}
	if (in >= 0)
		close(in);
}

/* ---- a cover's audio by its address ---- */

static void fetched(void *user, int fd)
{
	struct check *k = user;
	struct call c = k->call;
	struct madrigal_error err = { 0 };
	http_server_unwatch(c.api->server, fd);
	int rc = guard_fetch_end(fd, k->pid, &err);
	if (k->gone || rc) {
		if (rc)
			log_line("request=%s reference not fetched: %s", c.id, err.message);
		if (!k->gone)
			refuse_field(&c, "audio_url", "custom", "the audio could not be fetched");
		check_free(k);
		return;
	}
	char *path = k->path;
	k->path = NULL;
	check_free(k);
	begin_check(&c, "cover", path);
}

static void begin_fetch(struct call *c, const char *url)
{
	struct madrigal_error err = { 0 };
	struct fetch_limits limits = fetch_limits_default();
	struct check *k = calloc(1, sizeof *k);
	int out = -1, rc = k ? 0 : err_nomem(&err);
	if (k)
		k->heard = -1;
	limits.allow_private = c->api->config.allow_private_urls;
	if (!rc)
		rc = store_spool(c->api->store, ".fetch", &out, &k->path, &err);
	if (!rc)
		rc = guard_fetch_begin(url, out, &limits, &k->fd, &k->pid, &err);
	if (!rc) {
		k->call = *c;
		k->next = c->api->checks;
		c->api->checks = k;
		rc = http_server_watch(c->api->server, k->fd, fetched, k, &err);
	}
	if (out >= 0)
		close(out);
	if (rc) {
		answer_fault(c, &err);
		if (k)
			check_free(k);
	}
}

/* ---- from a body to a file of its own ---- */

static int copy_part(struct call *c, const struct http_part *part, int fd, struct madrigal_error *err)
{
	size_t all;
	char piece[65536];
	int from = http_body_fd(c->x, &all);
	const char *memory = from < 0 ? http_body(c->x, &all) : NULL;
	for (uint64_t done = 0; done < part->n;) {
		uint64_t left = part->n - done;
		size_t want = left < sizeof piece ? (size_t)left : sizeof piece;
		ssize_t n = memory ? (ssize_t)want : pread(from, piece, want, (off_t)(part->from + done));
		if (n <= 0 || write(fd, memory ? memory + part->from + done : piece, (size_t)n) != n)
			return err_set(err, MADRIGAL_EIO, "cannot keep an upload");
		done += (uint64_t)n;
	}
	return 0;
}

/* A small text field of a form, or "". */
static void part_text(struct call *c, const struct http_part *part, char *ret, size_t n)
{
	size_t all, want = part->n < n - 1 ? (size_t)part->n : n - 1;
	int fd = http_body_fd(c->x, &all);
	if (fd < 0)
		memcpy(ret, http_body(c->x, &all) + part->from, want);
	else if (pread(fd, ret, want, (off_t)part->from) != (ssize_t)want)
		want = 0;
	ret[want] = 0;
}

void reference_upload(struct call *c)
{
	struct http_part parts[PARTS_MAX];
	struct madrigal_error err = { 0 };
	const struct http_part *file = NULL;
	char purpose[32] = "", *path = NULL;
	size_t n;
	int count = 0, fd = http_body_fd(c->x, &n), out;
	const char *body = fd < 0 ? http_body(c->x, &n) : NULL, *type = http_header(c->x, "content-type");
	if (http_multipart(type ? type : "", body, fd, n, parts, PARTS_MAX, &count, &err)) {
		refuse_field(c, "body", "custom", "multipart/form-data with purpose and file is expected");
		return;
	}
	for (int i = 0; i < count; i++) {
		if (!strcmp(parts[i].name, "purpose"))
			part_text(c, &parts[i], purpose, sizeof purpose);
		else if (!strcmp(parts[i].name, "file"))
			file = &parts[i];
	}
	static const struct field rows[] = { { "purpose", FIELD_STRING, FIELD_REQUIRED, 0, 0, "song|voice|instrumental", NULL, NULL } };
	json_t *form = *purpose ? json_pack("{s:s}", "purpose", purpose) : json_object();
	struct issues is = { 0 };
	params_check(form, rows, 1, &is);
	if (!file || !file->n)
		issue_add(&is, "invalid_type", "file", "Required");
	json_decref(form);
	if (issues_any(&is)) {
		answer_issues(c, &is);
	} else if (store_spool(c->api->store, ".upload", &out, &path, &err) || copy_part(c, file, out, &err)) {
		answer_fault(c, &err);
		if (path) {
			close(out);
			unlink(path);
			free(path);
		}
	} else {
		close(out);
		begin_check(c, purpose, path);
	}
	issues_release(&is);
}

/* Base64 (with or without "data:...;base64,") into a file in the spool; *ret_path (free). 1: it isn't Base64. */
static int spool_base64(struct call *c, const char *text, char **ret_path, struct madrigal_error *err)
{
	const char *comma = !strncmp(text, "data:", 5) ? strchr(text, ',') : NULL;
	if (comma)
		text = comma + 1;
	size_t n = strlen(text), got = 0;
	unsigned char *raw = malloc(n / 4 * 3 + 4);
	char *path;
	int fd, rc;
	if (!raw)
		return err_nomem(err);
	int variants[] = { sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING };
	rc = sodium_base642bin(raw, n / 4 * 3 + 4, text, n, " \r\n", &got, NULL, variants[0]) ? sodium_base642bin(raw, n / 4 * 3 + 4, text, n, " \r\n", &got, NULL, variants[1]) : 0;
	if (rc || !got || got > COVER_BYTES_MAX) {
		free(raw);
		return 1;
	}
	rc = store_spool(c->api->store, ".upload", &fd, &path, err);
	if (!rc && write(fd, raw, got) != (ssize_t)got) {
		unlink(path);
		free(path);
		rc = err_set(err, MADRIGAL_EIO, "cannot keep an upload");
		close(fd);
	} else if (!rc) {
		close(fd);
		*ret_path = path;
	}
	free(raw);
	return rc;
}

static const struct field cover_fields[] = {
	{ "model", FIELD_STRING, FIELD_REQUIRED, 0, 0, "music-cover|music-cover-free", NULL, NULL },
	{ "audio_url", FIELD_URL, 0, 1, 2048, NULL, NULL, NULL },
	{ "audio_base64", FIELD_STRING, 0, 1, 0, NULL, NULL, NULL },
};

void reference_cover(struct call *c)
{
	json_t *body = body_object(c, 0);
	if (!body)
		return;
	struct issues is = { 0 };
	struct madrigal_error err = { 0 };
	char *path = NULL;
	const char *url = param_string(body, "audio_url"), *text = param_string(body, "audio_base64");
	params_check(body, cover_fields, (int)(sizeof cover_fields / sizeof *cover_fields), &is);
	if (!issues_any(&is) && !*url == !*text)
		issue_add(&is, "custom", "audio_url", "exactly one of audio_url, audio_base64 is required");
	if (!issues_any(&is) && *url && !guard_url_ok(url, c->api->config.allow_private_urls))
		issue_add(&is, "invalid_string", "audio_url", "Invalid url");
	int rc = issues_any(&is) ? 1 : 0;
	if (rc)
		answer_issues(c, &is);
	else if (*url)
		begin_fetch(c, url);
	else if ((rc = spool_base64(c, text, &path, &err)) < 0)
		answer_fault(c, &err);
	else if (rc)
		refuse_field(c, "audio_base64", "custom", "not Base64 of at most 50 MB");
	else
		begin_check(c, "cover", path);
	issues_release(&is);
	json_decref(body);
}

/* ---- references of a song ---- */

/* The file behind an id of this account into *ret (free); NULL if the body has none. */
static int by_id(struct call *c, const char *field, const char *prefix, const json_t *body, char **ret)
{
	const char *id = param_string(body, field);
	struct upload u;
	struct madrigal_error err = { 0 };
	*ret = NULL;
	if (!*id)
		return 0;
	int rc = strncmp(id, prefix, strlen(prefix)) ? 1 : upload_get(c->api->store, id, c->account.id, &u, &err);
	if (!rc && !(*ret = strdup(u.file.hash)))
		rc = err_nomem(&err);
	if (rc < 0)
		answer_fault(c, &err);
	else if (rc)
		refuse_field(c, field, "custom", "unknown id");
	return rc != 0;
}

/* An accompaniment gives the song and a voice its singer; a voice alone is the song to take after, sung with nothing but voices. */
static int by_ids(struct call *c, const json_t *body, struct song_request *r)
{
	char *vocal = NULL, *voice = NULL, *band = NULL;
	int rc = by_id(c, "refer_vocal", "vocal-", body, &vocal) || by_id(c, "refer_voice", "vocal-", body, &voice) || by_id(c, "refer_instrumental", "instrumental-", body, &band);
	char **singer = vocal ? &vocal : &voice;
	if (!rc && band) {
		r->reference_upload = band;
		r->reference_voice = *singer;
		band = *singer = NULL;
	} else if (!rc) {
		r->reference_upload = *singer;
		*singer = NULL;
		struct buf prompt = buf_init(PROMPT_BYTES_MAX);
		buf_addf(&prompt, "%s%sa cappella", r->prompt ? r->prompt : "", r->prompt ? ", " : "");
		free(r->prompt);
		r->prompt = prompt.data;
	}
	free(vocal);
	free(voice);
	free(band);
	return rc;
}

static int by_base64(struct call *c, const char *field, const char *text, struct song_request *r)
{
	char *path = NULL;
	struct stored_file file;
	struct madrigal_error err = { 0 };
	int rc = spool_base64(c, text, &path, &err);
	if (rc > 0) {
		refuse_field(c, field, "invalid_string", "Invalid url");
		return 1;
	}
	if (!rc)
		rc = store_file_add(c->api->store, path, &file, &err);
	if (!rc) { /* a row that keeps the file until the song is made */
		struct upload u = { .purpose = "cover", .file = file, .account = c->account.id, .created_ms = store_now_ms(), .expires_ms = store_now_ms() + DAY_MS };
		store_nanoid(u.id, 21);
		rc = upload_add(c->api->store, &u, &err);
	}
	free(path);
	if (rc) {
		answer_fault(c, &err);
		return 1;
	}
	r->reference_upload = strdup(file.hash);
	return 0;
}

static int by_url(struct call *c, const char *field, const char *url, struct song_request *r)
{
	if (!guard_url_ok(url, c->api->config.allow_private_urls)) {
		refuse_field(c, field, "invalid_string", "Invalid url");
		return 1;
	}
	if (r->reference_url != url) {
		free(r->reference_url);
		r->reference_url = strdup(url);
	}
	return 0;
}

int reference_resolve(struct call *c, const struct model *m, const json_t *body, struct song_request *r)
{
	if (m->kind == KIND_MUSIC_01)
		return by_ids(c, body, r);
	const char *url = param_string(body, m->family == API_MINIMAX ? "audio_url" : "reference_audio_url"), *text = param_string(body, "audio_base64");
	if (m->kind == KIND_COVER && m->family == API_MINIMAX && *param_string(body, "cover_feature_id"))
		return by_id(c, "cover_feature_id", "", body, &r->reference_upload);
	if (m->kind == KIND_COVER && *text)
		return by_base64(c, "audio_base64", text, r);
	if (m->kind == KIND_COVER && strncmp(url, "http", 4))
		return by_base64(c, "reference_audio_url", url, r);
	return *url ? by_url(c, m->family == API_MINIMAX ? "audio_url" : "reference_audio_url", url, r) : 0;
}
