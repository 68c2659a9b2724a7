/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "account/account.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/refusal.h"
#include "store/sql.h"

#define KEY_PREFIX_LEN 8
#define KEY_LEN 46            /* "mk-" and 32 bytes in base64url without padding */
#define MINUTE_MS 60000

/* ---- keys ---- */

static void hash_key(const char *key, unsigned char ret[crypto_hash_sha256_BYTES])
{
	crypto_hash_sha256(ret, (const unsigned char *)key, strlen(key));
}

static int insert_key(struct store *s, int64_t account, const char *name, char ret_key[64], struct madrigal_error *err)
{
	unsigned char random[32], hash[crypto_hash_sha256_BYTES];
	char key[64] = "mk-", prefix[KEY_PREFIX_LEN + 1];
	randombytes_buf(random, sizeof random);
	sodium_bin2base64(key + 3, sizeof key - 3, random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	hash_key(key, hash);
	snprintf(prefix, sizeof prefix, "%s", key);
	int rc = sql_run(s, err, "INSERT INTO key (account, hash, prefix, name, created_ms) VALUES (?, ?, ?, ?, ?)", "ibtti", account, (const void *)hash,
	                 (int)sizeof hash, prefix, name ? name : "", store_now_ms());
	if (rc >= 0)
		memcpy(ret_key, key, sizeof key);
	sodium_memzero(random, sizeof random);
	sodium_memzero(key, sizeof key);
	return rc < 0 ? rc : 0;
}

static int check_name(const char *name, struct madrigal_error *err)
{
	return name && strlen(name) >= sizeof ((struct account *)0)->key_name ? err_set(err, MADRIGAL_EUSAGE, "a key's name has at most 63 bytes") : 0;
}

static int note(struct store *s, int64_t account, int64_t credits, const char *kind, struct madrigal_error *err)
{
	int rc = sql_run(s, err, "INSERT INTO ledger (account, created_ms, credits, kind, model, reference) VALUES (?, ?, ?, ?, '', '')", "iiit", account,
	                 store_now_ms(), credits, kind);
	return rc < 0 ? rc : 0;
}

static int insert_account(struct store *s, int64_t credits, const struct account_limits *limits, int64_t *ret, struct madrigal_error *err)
{
	static const char with[] = "INSERT INTO account (created_ms, per_minute, parallel, credits) VALUES (?, ?, ?, ?)";
	static const char unlimited[] = "INSERT INTO account (created_ms, per_minute, parallel) VALUES (?, ?, ?)";
	int64_t now = store_now_ms(), rate = limits ? limits->per_minute : 0, parallel = limits ? limits->parallel : 0;
	int rc = credits == ACCOUNT_UNLIMITED ? sql_run(s, err, unlimited, "iii", now, rate, parallel) : sql_run(s, err, with, "iiii", now, rate, parallel, credits);
	if (rc < 0)
		return rc;
	*ret = sqlite3_last_insert_rowid(s->db);
	return credits > 0 && credits != ACCOUNT_UNLIMITED ? note(s, *ret, credits, "TOP_UP", err) : 0;
}

int account_new(struct store *s, const char *name, int64_t credits, const struct account_limits *limits, char ret_key[64], int64_t *ret_account,
                struct madrigal_error *err)
{
	int64_t account = 0;
	char key[64];
	int rc = check_name(name, err);
	if (!rc && (credits < 0 || (limits && (limits->per_minute < 0 || limits->parallel < 0))))
		rc = err_set(err, MADRIGAL_EUSAGE, "credits and limits can't be below 0");
	if (!rc)
		rc = sql_begin(s, err);
	if (rc)
		return rc;
	rc = insert_account(s, credits, limits, &account, err);
	if (!rc)
		rc = insert_key(s, account, name, key, err);
	rc = sql_finish(s, rc, err);
	if (!rc) {
		memcpy(ret_key, key, sizeof key);
		*ret_account = account;
	}
	sodium_memzero(key, sizeof key);
	return rc;
}

int account_add_key(struct store *s, int64_t account, const char *name, char ret_key[64], struct madrigal_error *err)
{
	int64_t id;
	int rc = check_name(name, err);
	if (!rc)
		rc = sql_int(s, &id, err, "SELECT id FROM account WHERE id = ?", "i", account);
	if (rc == 1)
		rc = err_set(err, MADRIGAL_EUSAGE, "there is no account %lld", (long long)account);
	return rc ? rc : insert_key(s, account, name, ret_key, err);
}

static int64_t credits_column(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL ? ACCOUNT_UNLIMITED : sqlite3_column_int64(st, i);
}

/* The rows that share the first characters are few; which of them it is, if any, is told by comparing in constant time. */
int account_by_key(struct store *s, const char *key, struct account *ret, struct madrigal_error *err)
{
	if (strnlen(key, KEY_LEN + 1) != KEY_LEN)
		return 1;
	unsigned char hash[crypto_hash_sha256_BYTES];
	char prefix[KEY_PREFIX_LEN + 1];
	sqlite3_stmt *st;
	hash_key(key, hash);
	snprintf(prefix, sizeof prefix, "%s", key);
	int rc = sql_bind(s, &st, err,
	                  "SELECT key.hash, account.id, account.credits, account.per_minute, account.parallel, account.created_ms, key.prefix, key.name, key.id, key.created_ms"
	                  " FROM key JOIN account ON account.id = key.account WHERE key.prefix = ? AND key.revoked_ms IS NULL", "t", prefix);
	if (rc)
		return rc;
	int found = 0;
	while (!found && (rc = sql_step(s, st, err)) == 1) {
		if (sqlite3_column_bytes(st, 0) != sizeof hash || sodium_memcmp(sqlite3_column_blob(st, 0), hash, sizeof hash))
			continue;
		found = 1;
		*ret = (struct account){
			.id = sqlite3_column_int64(st, 1), .credits = credits_column(st, 2),
			.limits = { sqlite3_column_int(st, 3), sqlite3_column_int(st, 4) }, .created_ms = sqlite3_column_int64(st, 5),
			.key_id = sqlite3_column_int64(st, 8), .key_created_ms = sqlite3_column_int64(st, 9),
		};
		sql_text(st, 6, ret->key_prefix);
		sql_text(st, 7, ret->key_name);
	}
	sql_end(st);
	return rc < 0 ? rc : !found;
}

int account_each_key(struct store *s, int (*fn)(void *user, const struct account_key *k), void *user, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err,
	                  "SELECT key.id, account.id, key.created_ms, key.revoked_ms, account.credits, account.per_minute, account.parallel, key.prefix, key.name"
	                  " FROM key JOIN account ON account.id = key.account ORDER BY key.id", "");
	if (rc)
		return rc;
	while ((rc = sql_step(s, st, err)) == 1) {
		struct account_key k = {
			.id = sqlite3_column_int64(st, 0), .account = sqlite3_column_int64(st, 1), .created_ms = sqlite3_column_int64(st, 2),
			.revoked_ms = sqlite3_column_int64(st, 3), .credits = credits_column(st, 4),
			.limits = { sqlite3_column_int(st, 5), sqlite3_column_int(st, 6) },
		};
		sql_text(st, 7, k.prefix);
		sql_text(st, 8, k.name);
		if (fn(user, &k))
			break;
	}
	sql_end(st);
	return rc < 0 ? rc : 0;
}

/* The one key that is meant: by its number, its first characters, or itself. */
static int find_key(struct store *s, const char *what, int64_t *ret_key, int64_t *ret_account, struct madrigal_error *err)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	size_t len = strlen(what);
	sqlite3_stmt *st;
	int rc, n = 0;
	if (len && len < 19 && strspn(what, "0123456789") == len) {
		rc = sql_bind(s, &st, err, "SELECT id, account FROM key WHERE id = ?", "i", (int64_t)strtoll(what, NULL, 10));
	} else if (len > KEY_PREFIX_LEN) {
		hash_key(what, hash);
		rc = sql_bind(s, &st, err, "SELECT id, account FROM key WHERE hash = ?", "b", (const void *)hash, (int)sizeof hash);
	} else {
		rc = sql_bind(s, &st, err, "SELECT id, account FROM key WHERE substr(prefix, 1, length(?1)) = ?1 AND length(?1) > 3", "t", what);
	}
	if (rc)
		return rc;
	while ((rc = sql_step(s, st, err)) == 1 && n < 2) {
		if (n++ == 0) {
			*ret_key = sqlite3_column_int64(st, 0);
			*ret_account = sqlite3_column_int64(st, 1);
		}
	}
	sql_end(st);
	if (rc < 0)
		return rc;
	if (n != 1)
		return err_set(err, MADRIGAL_EUSAGE, n ? "several keys begin with that: give its number (see: madrigal key list)" : "there is no such key (see: madrigal key list)");
	return 0;
}

int account_revoke(struct store *s, const char *id_or_prefix, struct madrigal_error *err)
{
	int64_t key, account;
	int rc = sql_begin(s, err);
	if (rc)
		return rc;
	rc = find_key(s, id_or_prefix, &key, &account, err);
	if (!rc)
		rc = sql_run(s, err, "UPDATE key SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL", "ii", store_now_ms(), key);
	return sql_finish(s, rc < 0 ? rc : 0, err);
}

int account_credit(struct store *s, const char *id_or_prefix, int64_t credits, int64_t *ret_balance, struct madrigal_error *err)
{
	int64_t key, account, balance = 0;
	int rc = sql_begin(s, err);
	if (rc)
		return rc;
	rc = find_key(s, id_or_prefix, &key, &account, err);
	if (!rc)
		rc = sql_int(s, &balance, err, "SELECT credits FROM account WHERE id = ?", "i", account);
	if (rc == 1)
		rc = err_set(err, MADRIGAL_EUSAGE, "this key's account is unlimited");
	if (!rc && (__builtin_add_overflow(balance, credits, &balance) || balance == ACCOUNT_UNLIMITED))
		rc = err_set(err, MADRIGAL_EUSAGE, "that is more than a balance can hold");
	if (!rc)
		rc = sql_run(s, err, "UPDATE account SET credits = ? WHERE id = ?", "ii", balance, account);
	if (rc >= 0)
		rc = note(s, account, credits, credits < 0 ? "CORRECTION" : "TOP_UP", err);
	rc = sql_finish(s, rc, err);
	if (!rc)
		*ret_balance = balance;
	return rc;
}

/* ---- may it? ---- */

/* What open jobs will cost, and how many they are. */
static int open_jobs(struct store *s, int64_t account, int64_t *ret_n, int64_t *ret_price, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err, "SELECT count(*), coalesce(sum(price), 0) FROM job WHERE account = ? AND finished_ms = 0", "i", account);
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	if (rc == 1) {
		*ret_n = sqlite3_column_int64(st, 0);
		*ret_price = sqlite3_column_int64(st, 1);
	}
	sql_end(st);
	return rc < 0 ? rc : 0;
}

/* Accepted jobs of the last minute: if there are as many as allowed, the oldest that counts must first be a minute old. */
static int rate_exceeded(struct store *s, int64_t account, int per_minute, int *ret_retry_after_s, struct madrigal_error *err)
{
	int64_t now = store_now_ms(), nth;
	if (!per_minute)
		return 0;
	int rc = sql_int(s, &nth, err, "SELECT created_ms FROM job WHERE account = ? AND created_ms > ? ORDER BY created_ms DESC LIMIT 1 OFFSET ?", "iii", account,
	                 now - MINUTE_MS, (int64_t)per_minute - 1);
	if (rc)
		return rc < 0 ? rc : 0;
	int64_t wait_ms = nth + MINUTE_MS - now;
	*ret_retry_after_s = wait_ms <= 1000 ? 1 : wait_ms >= MINUTE_MS ? 60 : (int)((wait_ms + 999) / 1000);
	return 1;
}

int account_refusal(struct store *s, int64_t account, int64_t price, int *ret_retry_after_s, struct madrigal_error *err)
{
	struct account_limits limits = { 0 };
	int64_t credits = 0, n = 0, spent = 0;
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err, "SELECT credits, per_minute, parallel FROM account WHERE id = ?", "i", account);
	if (rc)
		return rc;
	rc = sql_step(s, st, err);
	if (rc == 1) {
		credits = credits_column(st, 0);
		limits = (struct account_limits){ sqlite3_column_int(st, 1), sqlite3_column_int(st, 2) };
	} else if (rc == 0) {
		rc = err_set(err, MADRIGAL_EUSAGE, "there is no account %lld", (long long)account);
	}
	sql_end(st);
	/* An account without limits may have thousands of open jobs: not to be counted for each new one. */
	if (rc > 0 && (credits != ACCOUNT_UNLIMITED || limits.parallel))
		rc = open_jobs(s, account, &n, &spent, err);
	if (rc < 0)
		return rc;
	int64_t needed;
	if (credits != ACCOUNT_UNLIMITED && (__builtin_add_overflow(spent, price, &needed) || needed > credits))
		return ACCOUNT_NO_CREDIT;
	rc = rate_exceeded(s, account, limits.per_minute, ret_retry_after_s, err);
	if (rc)
		return rc < 0 ? rc : ACCOUNT_RATE;
	return limits.parallel && n >= limits.parallel ? ACCOUNT_PARALLEL : ACCOUNT_OK;
}

int account_may(struct store *s, const struct account *a, int64_t price, int *ret_retry_after_s, struct madrigal_error *err)
{
	return account_refusal(s, a->id, price, ret_retry_after_s, err);
}

/* ---- the ledger ---- */

int account_transactions(struct store *s, int64_t account, int64_t before, int64_t from_ms, int64_t to_ms, int direction, struct account_transaction *ret, int max,
                         int *ret_n, struct madrigal_error *err)
{
	sqlite3_stmt *st;
	int rc = sql_bind(s, &st, err,
	                  "SELECT id, created_ms, credits, kind, model, reference FROM ledger WHERE account = ?1 AND id < ?2 AND created_ms >= ?3 AND created_ms <= ?4"
	                  " AND (?5 = 0 OR (?5 < 0) = (kind <> 'TOP_UP')) ORDER BY id DESC LIMIT ?6", "iiiiii", account, before > 0 ? before : INT64_MAX, from_ms,
	                  to_ms > 0 ? to_ms : INT64_MAX, (int64_t)direction, (int64_t)max);
	if (rc)
		return rc;
	int n = 0;
	while (n < max && (rc = sql_step(s, st, err)) == 1) {
		struct account_transaction *t = &ret[n++];
		*t = (struct account_transaction){ .id = sqlite3_column_int64(st, 0), .created_ms = sqlite3_column_int64(st, 1), .credits = sqlite3_column_int64(st, 2) };
		sql_text(st, 3, t->kind);
		sql_text(st, 4, t->model);
		sql_text(st, 5, t->reference);
		t->charge = strcmp(t->kind, "TOP_UP") != 0;
	}
	sql_end(st);
	if (rc >= 0)
		*ret_n = n;
	return rc < 0 ? rc : 0;
}
