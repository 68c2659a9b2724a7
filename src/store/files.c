/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of the store.
 *
 * 1. Nothing has a name in files/ before its content is on the disk.
 * 2. A file that is stored again becomes young again, so that the sweep leaves it alone until a row points to it.
 * 3. The sweep and a storing thread exclude each other by a lock on the folder files/ab.
 * 4. Who works in the spool holds a lock (flock) on the file or folder there; the sweep removes only what it can lock itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder.h"
#include "store/store.h"

#define BLOCK ((size_t)1 << 17)

static int is_hash(const char *hash)
{
	return strspn(hash, "0123456789abcdef") == 64 && !hash[64];
}

static int hash_file(int fd, const char *path, struct stored_file *ret, struct madrigal_error *err)
{
	crypto_hash_sha256_state state;
	unsigned char digest[crypto_hash_sha256_BYTES], *block = malloc(BLOCK);
	uint64_t size = 0;
	ssize_t n;
	if (!block)
		return err_nomem(err);
	crypto_hash_sha256_init(&state);
	while ((n = pread(fd, block, BLOCK, (off_t)size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		crypto_hash_sha256_update(&state, block, (unsigned long long)n);
		size += (uint64_t)n;
	}
	free(block);
	if (n < 0)
		return err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));
	crypto_hash_sha256_final(&state, digest);
	sodium_bin2hex(ret->hash, sizeof ret->hash, digest, sizeof digest);
	ret->size = size;
	return 0;
}

/* Opens files/ab, makes it if need be, and waits for its lock. */
static int lock_shard(const struct store *s, const char *hash, int *ret_fd, struct madrigal_error *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/files/%.2s", s->dir, hash);
	int made = mkdir(path, 0700) == 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		int rc = err_set(err, MADRIGAL_EIO, "cannot use the folder %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	snprintf(path, sizeof path, "%s/files", s->dir);
	int rc = made ? folder_sync(path, err) : 0;
	if (rc)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

int store_file_add(struct store *s, const char *path, struct stored_file *ret, struct madrigal_error *err)
{
	struct stored_file f;
	int shard = -1, fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));
	int rc = hash_file(fd, path, &f, err);
	if (!rc && (futimens(fd, NULL) < 0 || fsync(fd) < 0))
		rc = err_set(err, MADRIGAL_EIO, "cannot sync %s: %s", path, strerror(errno));
	if (!rc)
		rc = lock_shard(s, f.hash, &shard, err);
	if (!rc && (renameat(AT_FDCWD, path, shard, f.hash) < 0 || fsync(shard) < 0))
		rc = err_set(err, MADRIGAL_EIO, "cannot store %s: %s", path, strerror(errno));
	if (shard >= 0)
		close(shard);
	close(fd);
	if (!rc)
		*ret = f;
	return rc;
}

int store_file_open(const struct store *s, const char *hash, int *ret_fd, uint64_t *ret_size, struct madrigal_error *err)
{
	if (!is_hash(hash))
		return err_set(err, MADRIGAL_EUSAGE, "not the name of a stored file");
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/files/%.2s/%s", s->dir, hash, hash);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		int rc = err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

/* ---- the spool ---- */

static int spool_path(const struct store *s, const char *suffix, char **ret, struct madrigal_error *err)
{
	char id[22];
	store_nanoid(id, 21);
	if (strlen(suffix) > 100 || strchr(suffix, '/'))
		return err_set(err, MADRIGAL_EINTERNAL, "not a suffix: '%s'", suffix);
	return asprintf(ret, "%s/spool/%s%s", s->dir, id, suffix) < 0 ? err_nomem(err) : 0;
}

int store_spool(const struct store *s, const char *suffix, int *ret_fd, char **ret_path, struct madrigal_error *err)
{
	char *path;
	int rc = spool_path(s, suffix, &path, err);
	if (rc)
		return rc;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = err_set(err, MADRIGAL_EIO, "cannot make %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		free(path);
		return rc;
	}
	*ret_fd = fd;
	*ret_path = path;
	return 0;
}

int store_spool_folder(const struct store *s, const char *suffix, int *ret_fd, char **ret_path, struct madrigal_error *err)
{
	char *path;
	int rc = spool_path(s, suffix, &path, err), fd = -1;
	if (rc)
		return rc;
	if (mkdir(path, 0700) < 0 || (fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = err_set(err, MADRIGAL_EIO, "cannot make the folder %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		rmdir(path);
		free(path);
		return rc;
	}
	*ret_fd = fd;
	*ret_path = path;
	return 0;
}
