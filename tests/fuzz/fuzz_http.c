/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a connection's requests, in pieces of any size: no crash, and what is taken keeps the promises of http.h. The first byte sets the size of the pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void check_path(const char *path)
{
	check(path[0] == '/' || strcmp(path, "*") == 0);
	check(utf8_valid(path, strlen(path)));
	for (const char *p = path; *p; p++)
		check((unsigned char)*p >= 0x20);
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/'))
		check(!(p[1] == '.' && (!p[2] || p[2] == '/')) && !(p[1] == '.' && p[2] == '.' && (!p[3] || p[3] == '/')));
}

static void check_request(const struct request *r)
{
	check_path(r->path);
	check(r->raw_path[0] == '/' || strcmp(r->raw_path, "*") == 0);
	check(is_token(r->method, strlen(r->method)) && strcmp(r->method, "CONNECT") != 0);
	check(r->version_1_0 || head_field(r, "hOST"));
	check(!(head_field(r, "content-length") && head_field(r, "transfer-encoding")));
	check(r->n_query >= 0 && r->n_query <= QUERY_MAX);
	for (int i = 0; i < r->n_query; i++)
		check(utf8_valid(r->query[i].name, strlen(r->query[i].name)) && utf8_valid(r->query[i].value, strlen(r->query[i].value)));
	for (int i = 0; i < r->n_fields; i++)
		check(!r->fields[i].name || (is_token(r->fields[i].name, strlen(r->fields[i].name)) && !strpbrk(r->fields[i].value, "\r\n")));
	check(r->body_n <= 256 && (r->body_fd >= 0 ? r->body_n > 64 : r->body.len == r->body_n));
	check(!r->has_length || r->body_n == r->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request r;
	if (size == 0)
		return 0;
	size_t piece = data[0] ? data[0] : size, at = 1;
	for (int n = 0; n < 20 && at < size; n++) {
		request_init(&r);
		while (at < size && (r.state == REQUEST_HEAD || r.state == REQUEST_BODY)) {
			size_t give = size - at < piece ? size - at : piece, used = request_feed(&r, (const char *)data + at, give);
			check(used <= give && (used > 0 || r.state != REQUEST_HEAD));
			at += used;
			if (r.state == REQUEST_LIMIT)
				request_take_body(&r, 256, 64, "/tmp");
		}
		if (r.state == REQUEST_DONE)
			check_request(&r);
		check(r.state != REQUEST_REFUSED || (r.status >= 400 && r.why && !strpbrk(r.why, "\"\\\n")));
		int over = r.state != REQUEST_DONE || !r.keep_alive;
		request_release(&r);
		if (over)
			break;
	}
	return 0;
}
