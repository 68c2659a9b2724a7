/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any content type (up to the first newline) and any body: no crash, parts that lie in the body one after the other, and the same parts from a file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http/http_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct http_part parts[4], again[4];
	struct madrigal_error err;
	int n = -1, n_again = -1;
	const uint8_t *newline = memchr(data, '\n', size);
	if (!newline)
		return 0;
	if (fd < 0)
		check((fd = memfd_create("body", MFD_CLOEXEC)) >= 0);
	char *type = strndup((const char *)data, (size_t)(newline - data));
	const char *body = (const char *)newline + 1;
	size_t body_n = size - (size_t)(newline + 1 - data);
	check(ftruncate(fd, 0) == 0 && pwrite(fd, body, body_n, 0) == (ssize_t)body_n);
	int rc = http_multipart(type, body, -1, body_n, parts, 4, &n, &err);
	check(http_multipart(type, NULL, fd, body_n, again, 4, &n_again, &err) == rc && n == n_again);
	check(rc == 0 ? n >= 0 && n <= 4 : rc == MADRIGAL_EUSAGE && n == -1 && err.message[0]);
	uint64_t at = 0;
	for (int i = 0; i < n; i++) {
		check(parts[i].from >= at && parts[i].from <= body_n && parts[i].n <= body_n - parts[i].from);
		check(utf8_valid(parts[i].name, strlen(parts[i].name)) && utf8_valid(parts[i].filename, strlen(parts[i].filename)));
		check(memcmp(&parts[i], &again[i], sizeof parts[i]) == 0);
		at = parts[i].from + parts[i].n;
	}
	free(type);
	return 0;
}
