/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store/: what outlives a restart: one SQLite database (WAL, synchronous=FULL) and a folder of files, under one data folder:
 *
 *     DATA/madrigal.db            accounts, keys, credits, jobs, references (schema.c has it, numbered, with migrations)
 *     DATA/files/ab/abcdef...     finished files, by the SHA-256 of their content
 *     DATA/spool/                 what is being received or made; swept at start of what no one holds any more
 *     DATA/secret                 32 random bytes that sign URLs, mode 0600
 *
 * A file is written, synced, renamed, and its folder synced before a row points to it. Every function may return MADRIGAL_EIO (full disk, read-only, a lock
 * held longer than 5 s, corruption; MADRIGAL_EINTERNAL and MADRIGAL_EMEMORY are as everywhere): the message is for the log, the state is as before, and the next call tries anew.
 * One struct store belongs to one thread; several threads and processes each open their own.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdint.h>

#include "base/err.h"

/* How long others' locks on the database are waited for. */
#define STORE_BUSY_MS 5000

struct sqlite3;
struct statements;

struct store {
	struct sqlite3 *db;
	char *dir;             /* DATA */
	unsigned char secret[32];
	struct statements *statements; /* prepared ones */
};

/* Opens, makes what is missing, brings an older schema up to date; refuses a newer one. */
int store_open(const char *dir, struct store **ret, struct madrigal_error *err) MUST_CHECK;
void store_close(struct store *s);
/* For a handle that must be quick: it leaves the work of moving what was committed from SQLite's log into the database to the others that write (each does so at 4 MB), and does it itself
 * only when the log has grown to 16 MB. */
void store_leave_checkpoints(struct store *s);

/* Milliseconds since 1970 by the wall clock: the time in all rows. */
int64_t store_now_ms(void);
/* A random identifier of n characters of A-Za-z0-9_- (at most 63), with 6 bits each: 21 are as many as a UUID's. */
void store_nanoid(char *ret, int n);

/* ---- files ---- */
struct stored_file { char hash[65]; uint64_t size; }; /* SHA-256 in hex */
/* Moves the file at path (on the same file system, such as DATA/spool) into files/. Storing the same content twice keeps one. The file is safe from the sweep
 * for its age_s: by then a row must point to it. */
int store_file_add(struct store *s, const char *path, struct stored_file *ret, struct madrigal_error *err) MUST_CHECK;
/* Opens for reading; *ret_fd is the caller's. MADRIGAL_EIO if it is not there, MADRIGAL_EUSAGE if hash is not 64 hex digits. */
int store_file_open(const struct store *s, const char *hash, int *ret_fd, uint64_t *ret_size, struct madrigal_error *err) MUST_CHECK;
/* Makes an empty file with a name of its own in DATA/spool. *ret_path (free). *ret_fd (close) holds it, see store_spool_folder. */
int store_spool(const struct store *s, const char *suffix, int *ret_fd, char **ret_path, struct madrigal_error *err) MUST_CHECK;
/* The same for a folder. *ret_fd (close) holds it: the sweep leaves alone what is held, as long as the descriptor, or a copy of it, is open. */
int store_spool_folder(const struct store *s, const char *suffix, int *ret_fd, char **ret_path, struct madrigal_error *err) MUST_CHECK;
/* Removes what store_spool_folder made and all in it. */
void store_spool_remove(const char *path);
/* Removes files that no row points to and that are older than age_s, rows that are past their time (finished jobs after keep_s, uploads that
 * have expired, idempotency keys after a day), and what lies in the spool for age_s and is held by no one (stream-ID while the job ID is open is). Others may be at work meanwhile
 * if age_s is at least a minute. The ledger stays. */
int store_sweep(struct store *s, double age_s, double keep_s, struct madrigal_error *err) MUST_CHECK;

/* ---- URLs ---- */
/* Signature (HMAC-SHA-256 by libsodium, hex, 32 characters and NUL) of a path that is valid until expires_s (Unix time). */
void store_sign(const struct store *s, const char *path, int64_t expires_s, char ret[33]);
/* 1 if the signature is right and the time not past. Constant time. */
int store_signed(const struct store *s, const char *path, int64_t expires_s, const char *signature);

#endif
