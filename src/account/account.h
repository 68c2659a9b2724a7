/* SPDX-License-Identifier: GPL-3.0-or-later */
/* account/: keys, credits, limits. An account owns its keys, jobs, uploads and balance. A key is shown once, when it is made; the store has
 * the SHA-256 of it and its first 8 characters. 2,000,000 credits are one US dollar (the AI/ML API's rate). */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include "store/store.h"

#define CREDITS_PER_USD 2000000.0
#define ACCOUNT_UNLIMITED INT64_MAX

struct account_limits {
	int per_minute;        /* requests that make songs; 0: no limit */
	int parallel;          /* open jobs; 0: no limit */
};

/* A new key of a new account. ret_key: "mk-" and 43 characters of base64url, NUL. credits: ACCOUNT_UNLIMITED or >= 0. name: a label for people, may be NULL. */
int account_new(struct store *s, const char *name, int64_t credits, const struct account_limits *limits, char ret_key[64], int64_t *ret_account,
                struct madrigal_error *err) MUST_CHECK;
/* Another key of an account. */
int account_add_key(struct store *s, int64_t account, const char *name, char ret_key[64], struct madrigal_error *err) MUST_CHECK;

struct account {
	int64_t id, credits;   /* credits: after everything that is charged; ACCOUNT_UNLIMITED */
	struct account_limits limits;
	int64_t created_ms;
	char key_prefix[16], key_name[64]; /* of the key that was given */
	int64_t key_id, key_created_ms;
};
/* Who has this key: 0 and *ret; 1 if there is no such key or it was revoked. Constant-time comparison. */
int account_by_key(struct store *s, const char *key, struct account *ret, struct madrigal_error *err) MUST_CHECK;

/* One row a key, in order of making; fn returns nonzero to stop. */
struct account_key { int64_t id, account, created_ms, revoked_ms, credits; char prefix[16], name[64]; struct account_limits limits; };
int account_each_key(struct store *s, int (*fn)(void *user, const struct account_key *k), void *user, struct madrigal_error *err) MUST_CHECK;
/* Revokes the key that is meant: by its id, its first characters (4 to 8), or the whole key. MADRIGAL_EUSAGE if there is none or several. A revoked key stays revoked. */
int account_revoke(struct store *s, const char *id_or_prefix, struct madrigal_error *err) MUST_CHECK;
/* Adds (or takes, if negative) credits to the account of the key that is meant, as above; noted among its transactions. MADRIGAL_EUSAGE for an unlimited account. */
int account_credit(struct store *s, const char *id_or_prefix, int64_t credits, int64_t *ret_balance, struct madrigal_error *err) MUST_CHECK;

/* May this account make another song that costs `price` now? ACCOUNT_OK, or the first of these reasons that holds; open jobs count as spent, rates are by a sliding minute of accepted
 * jobs. *ret_retry_after_s (1..60) is set with ACCOUNT_RATE. For an early answer: queue_submit asks the same again, where no other request can come between. */
enum account_refusal { ACCOUNT_OK = 0, ACCOUNT_NO_CREDIT = 1, ACCOUNT_RATE = 2, ACCOUNT_PARALLEL = 3 };
int account_may(struct store *s, const struct account *a, int64_t price, int *ret_retry_after_s, struct madrigal_error *err) MUST_CHECK;

/* Transactions, newest first: those older than `before` (an id; 0: from the newest), at most max. */
struct account_transaction { int64_t id, created_ms, credits; char kind[32], model[48], reference[64]; int charge; };
/* kind: TOP_UP, CORRECTION (credits taken by hand), MODEL_USAGE (one for each finished job: reference is its id, credits <= 0). charge: not a TOP_UP. to_ms 0: until now. */
int account_transactions(struct store *s, int64_t account, int64_t before, int64_t from_ms, int64_t to_ms, int direction /* 0 all, 1 top-up, -1 charge */,
                         struct account_transaction *ret, int max, int *ret_n, struct madrigal_error *err) MUST_CHECK;

#endif
