/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/statements.h"

int sql_error(const struct store *s, int code, struct madrigal_error *err)
{
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return err_nomem(err);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, MADRIGAL_EIO, "the database in %s has been locked for more than %d s", s->dir, STORE_BUSY_MS / 1000);
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
		return err_set(err, MADRIGAL_EINTERNAL, "the database in %s: %s", s->dir, sqlite3_errmsg(s->db));
	default:
		return err_set(err, MADRIGAL_EIO, "the database in %s: %s (%d)", s->dir, sqlite3_errmsg(s->db), sqlite3_extended_errcode(s->db));
	}
}

static int prepare(struct store *s, const char *text, sqlite3_stmt **ret, struct madrigal_error *err)
{
	struct statements *all = s->statements;
	for (int i = 0; i < all->n; i++)
		if (all->text[i] == text) {
			*ret = all->prepared[i];
			return 0;
		}
	if (all->n == STATEMENTS_MAX)
		return err_set(err, MADRIGAL_EINTERNAL, "more than %d kinds of statements", STATEMENTS_MAX);
	int rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &all->prepared[all->n], NULL);
	if (rc != SQLITE_OK)
		return sql_error(s, rc, err);
	all->text[all->n] = text;
	*ret = all->prepared[all->n++];
	return 0;
}

static int bind_one(sqlite3_stmt *st, int i, char kind, va_list *ap)
{
	const void *p;
	switch (kind) {
	case 'i':
		return sqlite3_bind_int64(st, i, va_arg(*ap, int64_t));
	case 'd':
		return sqlite3_bind_double(st, i, va_arg(*ap, double));
	case 't':
		p = va_arg(*ap, const char *);
		return p ? sqlite3_bind_text(st, i, p, -1, SQLITE_STATIC) : sqlite3_bind_null(st, i);
	case 'b':
		p = va_arg(*ap, const void *);
		return sqlite3_bind_blob(st, i, p, va_arg(*ap, int), SQLITE_STATIC);
	default:
		return SQLITE_MISUSE;
	}
}

static int bind_all(struct store *s, sqlite3_stmt **ret, struct madrigal_error *err, const char *text, const char *fmt, va_list *ap)
{
	sqlite3_stmt *st = NULL;
	int rc = prepare(s, text, &st, err);
	if (rc)
		return rc;
	for (int i = 0; fmt[i]; i++) {
		rc = bind_one(st, i + 1, fmt[i], ap);
		if (rc != SQLITE_OK) {
			rc = sql_error(s, rc, err);
			sql_end(st);
			return rc;
		}
	}
	*ret = st;
	return 0;
}

int sql_bind(struct store *s, sqlite3_stmt **ret, struct madrigal_error *err, const char *text, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = bind_all(s, ret, err, text, fmt, &ap);
	va_end(ap);
	return rc;
}

int sql_step(struct store *s, sqlite3_stmt *st, struct madrigal_error *err)
{
	int rc = sqlite3_step(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sql_error(s, rc, err);
}

void sql_end(sqlite3_stmt *st)
{
	if (!st)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

int sql_run(struct store *s, struct madrigal_error *err, const char *text, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	va_start(ap, fmt);
	int rc = bind_all(s, &st, err, text, fmt, &ap);
	va_end(ap);
	if (rc)
		return rc;
	do
		rc = sql_step(s, st, err);
	while (rc > 0);
	sql_end(st);
	return rc ? rc : sqlite3_changes(s->db);
}

int sql_int(struct store *s, int64_t *ret, struct madrigal_error *err, const char *text, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	va_start(ap, fmt);
	int rc = bind_all(s, &st, err, text, fmt, &ap);
	va_end(ap);
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	if (rc == 1 && sqlite3_column_type(st, 0) != SQLITE_NULL) {
		*ret = sqlite3_column_int64(st, 0);
		rc = 0;
	} else if (rc >= 0) {
		rc = 1;
	}
	sql_end(st);
	return rc;
}

int sql_begin(struct store *s, struct madrigal_error *err)
{
	int rc = sql_run(s, err, "BEGIN IMMEDIATE", "");
	return rc < 0 ? rc : 0;
}

int sql_begin_within(struct store *s, int patience_ms, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err, "BEGIN IMMEDIATE", "");
	if (rc)
		return rc;
	sqlite3_busy_timeout(s->db, patience_ms);
	int code = sqlite3_step(st);
	sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	rc = code == SQLITE_DONE ? 0 : (code & 0xff) == SQLITE_BUSY ? 1 : sql_error(s, code, err);
	sql_end(st);
	return rc;
}

int sql_finish(struct store *s, int rc, struct madrigal_error *err)
{
	if (rc >= 0) {
		int committed = sql_run(s, err, "COMMIT", "");
		if (committed >= 0)
			return rc;
		rc = committed;
	}
	/* Some errors (a full disk) have ended the transaction already. */
	if (!sqlite3_get_autocommit(s->db) && sql_run(s, NULL, "ROLLBACK", "") < 0)
		return rc;
	return rc;
}

void sql_copy_text(sqlite3_stmt *st, int column, char *to, size_t n)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	snprintf(to, n, "%s", text ? text : "");
}
