/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The schema, as the steps that lead to it: a database whose user_version is n has had the first n. A step that has been released never changes; what is new is a new step.
 *
 * Times are milliseconds since 1970. account.credits is NULL for an unlimited account. ledger is only ever added to; its one charge for a job is kept single by an index.
 */
#include "store/sql.h"

static const char *const steps[] = {
	"CREATE TABLE account ("
	" id INTEGER PRIMARY KEY,"
	" created_ms INTEGER NOT NULL,"
	" credits INTEGER,"
	" per_minute INTEGER NOT NULL CHECK (per_minute >= 0),"
	" parallel INTEGER NOT NULL CHECK (parallel >= 0)"
	") STRICT;"
	"CREATE TABLE key ("
	" id INTEGER PRIMARY KEY,"
	" account INTEGER NOT NULL REFERENCES account,"
	" hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),"
	" prefix TEXT NOT NULL,"
	" name TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" revoked_ms INTEGER"
	") STRICT;"
	"CREATE INDEX key_by_prefix ON key (prefix);"
	"CREATE TABLE ledger ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" account INTEGER NOT NULL REFERENCES account,"
	" created_ms INTEGER NOT NULL,"
	" credits INTEGER NOT NULL,"
	" kind TEXT NOT NULL CHECK (kind IN ('TOP_UP', 'CORRECTION', 'MODEL_USAGE')),"
	" model TEXT NOT NULL,"
	" reference TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX ledger_by_account ON ledger (account, id);"
	"CREATE UNIQUE INDEX ledger_charged_once ON ledger (reference) WHERE kind = 'MODEL_USAGE';"
	"CREATE TABLE job ("
	" n INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id TEXT NOT NULL UNIQUE,"
	" account INTEGER NOT NULL REFERENCES account,"
	" model TEXT NOT NULL,"
	" family TEXT NOT NULL,"
	" request TEXT NOT NULL,"
	" price INTEGER NOT NULL CHECK (price >= 0),"
	" state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),"
	" tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),"
	" progress REAL NOT NULL DEFAULT 0,"
	" stage TEXT NOT NULL DEFAULT '',"
	" error_name TEXT NOT NULL DEFAULT '',"
	" error_message TEXT NOT NULL DEFAULT '',"
	" created_ms INTEGER NOT NULL,"
	" started_ms INTEGER NOT NULL DEFAULT 0,"
	" finished_ms INTEGER NOT NULL DEFAULT 0,"
	" result TEXT,"
	" worker TEXT,"
	" lease_token TEXT,"
	" lease_until_ms INTEGER,"
	" CHECK ((state = 'running') = (lease_token IS NOT NULL AND lease_until_ms IS NOT NULL)),"
	" CHECK ((state IN ('done', 'failed', 'cancelled')) = (finished_ms > 0))"
	") STRICT;"
	"CREATE INDEX job_open ON job (n) WHERE finished_ms = 0;"
	"CREATE INDEX job_open_by_account ON job (account, price) WHERE finished_ms = 0;"
	"CREATE INDEX job_by_account ON job (account, created_ms);"
	"CREATE INDEX job_finished ON job (finished_ms) WHERE finished_ms > 0;"
	"CREATE TABLE job_file ("
	" job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,"
	" i INTEGER NOT NULL,"
	" name TEXT NOT NULL,"
	" content_type TEXT NOT NULL,"
	" hash TEXT NOT NULL CHECK (length(hash) = 64),"
	" size INTEGER NOT NULL CHECK (size >= 0),"
	" PRIMARY KEY (job, i), UNIQUE (job, name)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX job_file_by_hash ON job_file (hash);"
	"CREATE TABLE idempotency ("
	" account INTEGER NOT NULL REFERENCES account,"
	" key TEXT NOT NULL CHECK (length(CAST(key AS BLOB)) BETWEEN 1 AND 255),"
	" fingerprint TEXT NOT NULL,"
	" job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,"
	" created_ms INTEGER NOT NULL,"
	" PRIMARY KEY (account, key)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX idempotency_by_job ON idempotency (job);"
	"CREATE INDEX idempotency_by_age ON idempotency (created_ms);"
	"CREATE TABLE upload ("
	" id TEXT PRIMARY KEY,"
	" account INTEGER NOT NULL REFERENCES account,"
	" purpose TEXT NOT NULL,"
	" hash TEXT NOT NULL CHECK (length(hash) = 64),"
	" size INTEGER NOT NULL CHECK (size >= 0),"
	" seconds REAL NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" expires_ms INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX upload_by_hash ON upload (hash);",
};
enum { NEWEST = sizeof steps / sizeof *steps };

static int version(struct store *s, int64_t *ret, struct madrigal_error *err)
{
	int rc = sql_int(s, ret, err, "PRAGMA user_version", "");
	if (!rc && *ret > NEWEST)
		return err_set(err, MADRIGAL_EIO, "the data in %s are of a newer Madrigal (schema %lld; this one knows %d)", s->dir, (long long)*ret, NEWEST);
	return rc < 0 ? rc : 0;
}

int schema_update(struct store *s, struct madrigal_error *err)
{
	int64_t have = 0;
	int rc = version(s, &have, err);
	if (rc || have == NEWEST)
		return rc;
	rc = sql_begin(s, err);
	if (rc)
		return rc;
	/* Another process may have been faster. */
	rc = version(s, &have, err);
	for (; !rc && have < NEWEST; have++)
		if (sqlite3_exec(s->db, steps[have], NULL, NULL, NULL) != SQLITE_OK)
			rc = sql_error(s, sqlite3_errcode(s->db), err);
	char pragma[48];
	sqlite3_snprintf(sizeof pragma, pragma, "PRAGMA user_version = %d", NEWEST);
	if (!rc && sqlite3_exec(s->db, pragma, NULL, NULL, NULL) != SQLITE_OK)
		rc = sql_error(s, sqlite3_errcode(s->db), err);
	return sql_finish(s, rc, err);
}
