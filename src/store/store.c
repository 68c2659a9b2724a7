/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/folder.h"
#include "store/sql.h"
#include "store/statements.h"

#define LOG_BYTES_MAX 16777216     /* the journal_size_limit below: a log that is used again from its start needs no new room on the disk */
#define DIR_MAX (PATH_MAX - 256) /* leaves room for every name below it */

int64_t store_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void store_nanoid(char *ret, int n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char random[63];
	n = n < 0 ? 0 : n > 63 ? 63 : n;
	randombytes_buf(random, (size_t)n);
	for (int i = 0; i < n; i++)
		ret[i] = alphabet[random[i] & 63];
	ret[n] = 0;
}

static int make_inside(const char *dir, const char *name, struct madrigal_error *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(err, MADRIGAL_EIO, "cannot make the folder %s: %s", path, strerror(errno));
	return 0;
}

/* ---- the secret ---- */

static int read_secret(struct store *s, const char *path, struct madrigal_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 1 : err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));
	ssize_t n = read(fd, s->secret, sizeof s->secret);
	close(fd);
	return n == (ssize_t)sizeof s->secret ? 0 : err_set(err, MADRIGAL_EIO, "%s is damaged: it should have %zu bytes", path, sizeof s->secret);
}

/* Written whole beside its place and linked there: of several processes that start at once, one makes it and the others read that. */
static int make_secret(struct store *s, const char *path, struct madrigal_error *err)
{
	char *tmp;
	int fd, rc = store_spool(s, ".secret", &fd, &tmp, err);
	if (rc)
		return rc;
	unsigned char secret[sizeof s->secret];
	randombytes_buf(secret, sizeof secret);
	if (write(fd, secret, sizeof secret) != (ssize_t)sizeof secret || fsync(fd) < 0 || (link(tmp, path) < 0 && errno != EEXIST))
		rc = err_set(err, MADRIGAL_EIO, "cannot write %s: %s", path, strerror(errno));
	close(fd);
	unlink(tmp);
	free(tmp);
	sodium_memzero(secret, sizeof secret);
	if (!rc)
		rc = folder_sync(s->dir, err);
	return rc ? rc : read_secret(s, path, err);
}

static int load_secret(struct store *s, struct madrigal_error *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/secret", s->dir);
	int rc = read_secret(s, path, err);
	return rc == 1 ? make_secret(s, path, err) : rc;
}

/* ---- the database ---- */

/* Two processes that make a database WAL at the same moment can meet in a lock for which SQLite doesn't wait. */
static int prepare_database(struct store *s)
{
	static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
	                              "PRAGMA journal_size_limit = 16777216; PRAGMA trusted_schema = OFF";
	static const struct timespec pause = { .tv_nsec = 20000000 };
	int rc = sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	for (int64_t until = store_now_ms() + STORE_BUSY_MS; rc == SQLITE_OK;) {
		rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
		if ((rc & 0xff) != SQLITE_BUSY || store_now_ms() >= until)
			break;
		rc = SQLITE_OK;
		nanosleep(&pause, NULL);
	}
	return rc;
}

static int open_database(struct store *s, struct madrigal_error *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/madrigal.db", s->dir);
	int fresh = access(path, F_OK) < 0;
	int rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (!s->db)
		return err_nomem(err);
	/* The files beside it (-wal, -shm) take over its mode. */
	if (rc == SQLITE_OK && fresh && chmod(path, 0600) < 0)
		return err_set(err, MADRIGAL_EIO, "cannot protect %s: %s", path, strerror(errno));
	if (rc == SQLITE_OK)
		rc = prepare_database(s);
	return rc == SQLITE_OK ? schema_update(s, err) : sql_error(s, rc, err);
}

int store_open(const char *dir, struct store **ret, struct madrigal_error *err)
{
	size_t len = strlen(dir);
	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (len == 0 || len > DIR_MAX)
		return err_set(err, MADRIGAL_EUSAGE, "not a usable folder for data: '%s'", dir);
	if (sodium_init() < 0)
		return err_set(err, MADRIGAL_EINTERNAL, "there are no random numbers on this machine");
	struct store *s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem(err);
	s->statements = calloc(1, sizeof(struct statements));
	s->dir = strndup(dir, len);
	int rc = s->dir && s->statements ? folder_make(s->dir, err) : err_nomem(err);
	if (!rc)
		rc = make_inside(s->dir, "files", err);
	if (!rc)
		rc = make_inside(s->dir, "spool", err);
	if (!rc)
		rc = load_secret(s, err);
	if (!rc)
		rc = open_database(s, err);
	if (rc)
		store_close(s);
	else
		*ret = s;
	return rc;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	struct statements *all = s->statements;
	for (int i = 0; all && i < all->n; i++)
		sqlite3_finalize(all->prepared[i]);
	sqlite3_close(s->db);
	free(all);
	free(s->dir);
	sodium_memzero(s->secret, sizeof s->secret);
	free(s);
}

void store_leave_checkpoints(struct store *s)
{
	sqlite3_wal_autocheckpoint(s->db, LOG_BYTES_MAX / 4096);
}

/* ---- signed URLs ---- */

void store_sign(const struct store *s, const char *path, int64_t expires_s, char ret[33])
{
	crypto_auth_hmacsha256_state state;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	char time[32];
	int n = snprintf(time, sizeof time, "%lld\n", (long long)expires_s);
	crypto_auth_hmacsha256_init(&state, s->secret, sizeof s->secret);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)time, (unsigned long long)n);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)path, strlen(path));
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2hex(ret, 33, mac, 16);
}

int store_signed(const struct store *s, const char *path, int64_t expires_s, const char *signature)
{
	char right[33];
	if (strlen(signature) != sizeof right - 1)
		return 0;
	store_sign(s, path, expires_s, right);
	return sodium_memcmp(right, signature, sizeof right - 1) == 0 && store_now_ms() <= expires_s * 1000;
}
