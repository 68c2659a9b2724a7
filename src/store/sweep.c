/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forgetting: rows past their time, then the files that no row points to, then what crashes left in the spool. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder.h"
#include "store/sql.h"

#define BATCH "200"            /* rows a transaction: others wait no longer than that takes */
#define IDEMPOTENCY_MS 86400000
#define SPOOL_DEPTH 4

void store_spool_remove(const char *path)
{
	folder_remove(path, SPOOL_DEPTH, NULL); /* what stays is the sweep's */
}

/* ---- rows ---- */

static int sweep_rows(struct store *s, int64_t now, double keep_s, struct madrigal_error *err)
{
	int64_t kept_since = now - (int64_t)(keep_s * 1000);
	int n;
	do
		n = sql_run(s, err, "DELETE FROM job WHERE n IN (SELECT n FROM job WHERE finished_ms > 0 AND finished_ms < ?1 LIMIT " BATCH ")", "i", kept_since);
	while (n > 0);
	if (n >= 0)
		n = sql_run(s, err, "DELETE FROM idempotency WHERE created_ms < ?1", "i", now - IDEMPOTENCY_MS);
	if (n >= 0)
		n = sql_run(s, err, "DELETE FROM upload WHERE expires_ms > 0 AND expires_ms < ?1", "i", now);
	return n < 0 ? n : 0;
}

/* ---- files ---- */

static int old(int dir, const char *name, int64_t now, double age_s)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (double)(now - (int64_t)st.st_mtim.tv_sec * 1000 - st.st_mtim.tv_nsec / 1000000) >= age_s * 1000;
}

static int pointed_to(struct store *s, const char *hash, struct madrigal_error *err)
{
	int64_t one;
	int rc = sql_int(s, &one, err, "SELECT 1 FROM job_file WHERE hash = ?1 UNION ALL SELECT 1 FROM upload WHERE hash = ?1 LIMIT 1", "t", hash);
	return rc < 0 ? rc : rc == 0;
}

/* Under the shard's lock no one stores: a file that is old and pointless now can't become wanted before it is gone. */
static int sweep_shard(struct store *s, const char *path, int64_t now, double age_s, struct madrigal_error *err)
{
	DIR *list = opendir(path);
	if (!list)
		return errno == ENOENT ? 0 : err_set(err, MADRIGAL_EIO, "cannot read the folder %s: %s", path, strerror(errno));
	int fd = dirfd(list), rc = flock(fd, LOCK_EX) < 0 ? err_set(err, MADRIGAL_EIO, "cannot lock %s: %s", path, strerror(errno)) : 0;
	for (struct dirent *e; !rc && (e = readdir(list));) {
		if (e->d_name[0] == '.' || !old(fd, e->d_name, now, age_s))
			continue;
		int wanted = pointed_to(s, e->d_name, err);
		if (wanted < 0)
			rc = wanted;
		else if (!wanted && unlinkat(fd, e->d_name, 0) < 0 && errno != ENOENT)
			rc = err_set(err, MADRIGAL_EIO, "cannot remove %s/%s: %s", path, e->d_name, strerror(errno));
	}
	closedir(list);
	return rc;
}

static int sweep_files(struct store *s, int64_t now, double age_s, struct madrigal_error *err)
{
	int rc = 0;
	for (int shard = 0; shard < 256 && !rc; shard++) {
		char path[PATH_MAX];
		snprintf(path, sizeof path, "%s/files/%02x", s->dir, shard);
		rc = sweep_shard(s, path, now, age_s, err);
	}
	return rc;
}

/* ---- the spool ---- */

/* A song's stream is held by the job that it is of. */
static int streaming(struct store *s, const char *name, struct madrigal_error *err)
{
	static const char prefix[] = "stream-";
	int64_t one;
	if (strncmp(name, prefix, sizeof prefix - 1))
		return 0;
	int rc = sql_int(s, &one, err, "SELECT 1 FROM job WHERE id = ?1 AND finished_ms = 0", "t", name + sizeof prefix - 1);
	return rc < 0 ? rc : rc == 0;
}

static void remove_unheld(int dir, const char *folder, const char *name)
{
	char path[PATH_MAX];
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && snprintf(path, sizeof path, "%s/%s", folder, name) < PATH_MAX)
		store_spool_remove(path);
	close(fd);
}

static int sweep_spool(struct store *s, int64_t now, double age_s, struct madrigal_error *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/spool", s->dir);
	DIR *list = opendir(path);
	if (!list)
		return err_set(err, MADRIGAL_EIO, "cannot read the folder %s: %s", path, strerror(errno));
	int rc = 0;
	for (struct dirent *e; !rc && (e = readdir(list));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !old(dirfd(list), e->d_name, now, age_s))
			continue;
		int held = streaming(s, e->d_name, err);
		if (held < 0)
			rc = held;
		else if (!held)
			remove_unheld(dirfd(list), path, e->d_name);
	}
	closedir(list);
	return rc;
}

int store_sweep(struct store *s, double age_s, double keep_s, struct madrigal_error *err)
{
	int64_t now = store_now_ms();
	int rc = sweep_rows(s, now, keep_s, err);
	if (!rc)
		rc = sweep_files(s, now, age_s, err);
	return rc ? rc : sweep_spool(s, now, age_s, err);
}
