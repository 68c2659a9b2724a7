/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SQL for the folders that keep rows (store/, account/, queue/): statements prepared once, bound by a format, and errors in our terms. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <sqlite3.h>

#include "store/store.h"

/* Prepares text, or finds it prepared, and binds its parameters in order: fmt has 'i' for an int64_t, 'd' for a double, 't' for a const char * (NULL is NULL), 'b' for a
 * const void * and an int. text must be a literal: statements are remembered by its address. Texts must live until sql_end. Not to be used again before sql_end. */
int sql_bind(struct store *s, sqlite3_stmt **ret, struct madrigal_error *err, const char *text, const char *fmt, ...) MUST_CHECK;
/* 1: a row is there; 0: no more rows; negative: an error. */
int sql_step(struct store *s, sqlite3_stmt *st, struct madrigal_error *err) MUST_CHECK;
/* Lets go of a statement; NULL is harmless. */
void sql_end(sqlite3_stmt *st);
/* Binds, runs to the end, and returns the number of rows changed, or a negative status. */
int sql_run(struct store *s, struct madrigal_error *err, const char *text, const char *fmt, ...) MUST_CHECK;
/* Binds, and copies the integer of the first row and column; 1 if there is no row or it is NULL. */
int sql_int(struct store *s, int64_t *ret, struct madrigal_error *err, const char *text, const char *fmt, ...) MUST_CHECK;

/* A transaction that may write (BEGIN IMMEDIATE): waits for others up to STORE_BUSY_MS. sql_finish commits if rc >= 0 and takes all back otherwise, or if the commit fails; it
 * returns rc or the error of the commit. */
int sql_begin(struct store *s, struct madrigal_error *err) MUST_CHECK;
/* As sql_begin, but 1 if others have held the lock for patience_ms (at most STORE_BUSY_MS): nothing has begun. */
int sql_begin_within(struct store *s, int patience_ms, struct madrigal_error *err) MUST_CHECK;
int sql_finish(struct store *s, int rc, struct madrigal_error *err) MUST_CHECK;

/* The last error of s->db as a status, with words for the log. */
int sql_error(const struct store *s, int code, struct madrigal_error *err);

/* A column's text into a fixed array, cut at its end; "" for NULL. */
#define sql_text(st, column, array) sql_copy_text((st), (column), (array), sizeof(array))
void sql_copy_text(sqlite3_stmt *st, int column, char *to, size_t n);

/* schema.c: brings the database to the newest schema. */
int schema_update(struct store *s, struct madrigal_error *err) MUST_CHECK;

#endif
