/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_make(const char *dir, struct madrigal_error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof path, "%s", dir);
	if (n <= 0 || n >= PATH_MAX)
		return err_set(err, MADRIGAL_EIO, "not a usable folder name: '%s'", dir);
	for (char *p = path + 1;; p++) {
		char c = *p;
		if (c && c != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0700) < 0 && errno != EEXIST && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
			return err_set(err, MADRIGAL_EIO, "cannot make the folder %s: %s", path, strerror(errno));
		if (!c)
			break;
		*p = c;
	}
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, MADRIGAL_EIO, "%s is not a folder", dir);
	return 0;
}

int folder_sync(const char *path, struct madrigal_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = fd < 0 || fsync(fd) < 0, saved = errno;
	if (fd >= 0)
		close(fd);
	return failed ? err_set(err, MADRIGAL_EIO, "cannot sync the folder %s: %s", path, strerror(saved)) : 0;
}

/* Empties the open folder fd, which is closed. */
static void empty(int fd, int depth)
{
	DIR *list = fdopendir(fd);
	if (!list) {
		close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(list));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || unlinkat(dirfd(list), e->d_name, 0) == 0)
			continue;
		int inner = depth > 0 ? openat(dirfd(list), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (inner >= 0) {
			empty(inner, depth - 1);
			unlinkat(dirfd(list), e->d_name, AT_REMOVEDIR);
		}
	}
	closedir(list);
}

int folder_remove(const char *path, int depth, struct madrigal_error *err)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		empty(fd, depth);
	if (rmdir(path) < 0 && errno != ENOENT)
		return err_set(err, MADRIGAL_EIO, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}
