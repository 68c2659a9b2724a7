/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, struct madrigal_error *err)
{
	int rc = 0;
	char *data = NULL;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
		rc = err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, S_ISDIR(st.st_mode) ? "it is a folder" : strerror(errno));
		goto out;
	}
	/* Pipes have no size, so the size is only a first guess. */
	size_t cap = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 1 : 4096, len = 0;
	for (;;) {
		if (cap > max_bytes + 1)
			cap = max_bytes + 1;
		char *p = realloc(data, cap + 1);
		if (!p) {
			rc = err_nomem(err);
			goto out;
		}
		data = p;
		ssize_t n = read(fd, data + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));
			goto out;
		}
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max_bytes) {
			rc = err_set(err, MADRIGAL_EIO, "%s is too large: the limit is %zu bytes", path, max_bytes);
			goto out;
		}
		if (len == cap)
			cap *= 2;
	}
	data[len] = 0;
	*ret_data = data;
	*ret_len = len;
	data = NULL;
out:
	free(data);
	close(fd);
	return rc;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* 0, or an errno. */
static int write_file(const char *path, int flags, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0666);
	if (fd < 0)
		return errno;
	int failed = write_all(fd, data, n) < 0 ? errno : 0;
	if (close(fd) < 0 && !failed)
		failed = errno;
	return failed;
}

int file_write(const char *path, const void *data, size_t n, struct madrigal_error *err)
{
	size_t len = strlen(path);
	struct stat st;
	int failed;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		failed = write_file(path, 0, data, n); /* /dev/null, a pipe: to be written to, never to be replaced */
	} else {
		char *tmp = malloc(len + 32);
		if (!tmp)
			return err_nomem(err);
		snprintf(tmp, len + 32, "%s.%ld.tmp", path, (long)getpid());
		failed = write_file(tmp, O_CREAT | O_TRUNC, data, n);
		if (!failed && rename(tmp, path) < 0)
			failed = errno;
		if (failed)
			unlink(tmp);
		free(tmp);
	}
	return failed ? err_set(err, MADRIGAL_EIO, "cannot write %s: %s", path, strerror(failed)) : 0;
}
