/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/files.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static int number(const char **p, uint64_t *ret)
{
	if (!isdigit((unsigned char)**p))
		return 0;
	char *end;
	errno = 0;
	*ret = strtoull(*p, &end, 10);
	*p = end;
	return !errno;
}

int range_parse(const char *header, uint64_t size, uint64_t *ret_from, uint64_t *ret_n)
{
	uint64_t from = 0, to = size - 1;
	if (!header || strncasecmp(header, "bytes=", 6) || strchr(header, ','))
		return 0;
	const char *p = header + 6;
	if (*p == '-') {
		uint64_t last;
		p++;
		if (!number(&p, &last) || *p)
			return 0;
		if (!last || !size)
			return -1;
		from = last < size ? size - last : 0;
	} else {
		if (!number(&p, &from) || *p++ != '-')
			return 0;
		if (*p && (!number(&p, &to) || *p || to < from))
			return 0;
		if (from >= size)
			return -1;
		if (to >= size)
			to = size - 1;
	}
	*ret_from = from;
	*ret_n = to - from + 1;
	return 1;
}

void file_answer(struct call *c, const struct job_file *f)
{
	struct madrigal_error err = { 0 };
	uint64_t size = 0, from = 0, n;
	int fd;
	if (store_file_open(c->api->store, f->file.hash, &fd, &size, &err)) {
		answer_fault(c, &err);
		return;
	}
	char text[128];
	int ranged = strcmp(http_method(c->x), "GET") ? 0 : range_parse(http_header(c->x, "range"), size, &from, &n);
	const char *if_range = http_header(c->x, "if-range"), *have = http_header(c->x, "if-none-match");
	snprintf(text, sizeof text, "\"%.32s\"", f->file.hash);
	if (if_range && strcmp(if_range, text))
		ranged = 0;
	http_reply_header(c->x, "ETag", text);
	http_reply_header(c->x, "Accept-Ranges", "bytes");
	http_reply_header(c->x, "X-Content-Type-Options", "nosniff");
	http_reply_header(c->x, "Cache-Control", "private, max-age=86400");
	if (have && (strstr(have, text) || !strcmp(have, "*"))) {
		close(fd);
		http_reply(c->x, 304, NULL, NULL, 0);
		return;
	}
	const char *base = strrchr(f->name, '/');
	base = base ? base + 1 : f->name;
	const char *ending = strcmp(base, "audio") ? "" : !strcmp(f->content_type, "audio/mpeg") ? ".mp3" : !strcmp(f->content_type, "audio/wav") ? ".wav" : ".pcm";
	snprintf(text, sizeof text, "attachment; filename=\"%s%s\"", base, ending);
	http_reply_header(c->x, "Content-Disposition", text);
	if (ranged) {
		if (ranged > 0)
			snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)from, (unsigned long long)(from + n - 1), (unsigned long long)size);
		else
			snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)size);
		http_reply_header(c->x, "Content-Range", text);
	}
	http_reply_file(c->x, ranged > 0 ? 206 : ranged < 0 ? 416 : 200, f->content_type, fd, from, ranged > 0 ? n : ranged < 0 ? 0 : size);
}

/* /files/JOB/NAME?Expires=...&Signature=...: no key is asked, the signature is enough. */
void files_get(struct call *c)
{
	const char *expires = http_query(c->x, "Expires"), *signature = http_query(c->x, "Signature"), *slash = strchr(c->rest, '/');
	int64_t until = expires ? strtoll(expires, NULL, 10) : 0;
	if (!expires || !signature || !slash || !store_signed(c->api->store, http_path(c->x), until, signature)) {
		answer_error(c, 403, MINIMAX_NO_AUTH, "This address is not valid, or no longer", NULL);
		return;
	}
	char id[QUEUE_ID_MAX + 1];
	snprintf(id, sizeof id, "%.*s", (int)(slash - c->rest), c->rest);
	struct job j = { 0 };
	struct madrigal_error err = { 0 };
	int rc = queue_get(c->api->store, id, 0, &j, &err);
	const struct job_file *f = rc ? NULL : job_file_find(&j, slash + 1);
	if (rc < 0)
		answer_fault(c, &err);
	else if (!f)
		answer_error(c, 404, MINIMAX_PARAMS, "No such file", NULL);
	else
		file_answer(c, f);
	job_release(&j);
}
