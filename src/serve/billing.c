/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Balances and transactions, as the AI/ML API shows them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve/api.h"

#define LOW_BALANCE_CREDITS 400000
#define PAGE_MAX 100

static double dollars(int64_t credits)
{
	/* An account without a limit shows a balance that no client takes for an empty one. */
	return credits == ACCOUNT_UNLIMITED ? 1000000.0 : (double)credits / CREDITS_PER_USD;
}

void billing_v2(struct call *c)
{
	answer_json(c, 200, json_pack("{s:f, s:s}", "current_balance", dollars(c->account.credits), "currency", "USD"));
}

void billing_detail(struct call *c)
{
	char id[24];
	snprintf(id, sizeof id, "%lld", (long long)c->account.id);
	answer_json(c, 200, json_pack("{s:s, s:s, s:f, s:s, s:{s:b, s:n, s:n, s:s}}", "user_id", id, "email", "", "current_balance", dollars(c->account.credits), "currency", "USD",
	                              "autotopup_settings", "is_enabled", 0, "threshold", "amount", "currency", "USD"));
}

void billing_balance(struct call *c)
{
	char now[32];
	iso_time(store_now_ms(), now);
	int64_t credits = c->account.credits == ACCOUNT_UNLIMITED ? (int64_t)(1000000 * CREDITS_PER_USD) : c->account.credits;
	int low = credits < LOW_BALANCE_CREDITS;
	answer_json(c, 200, json_pack("{s:I, s:b, s:I, s:s, s:s, s:s, s:s}", "balance", (json_int_t)credits, "lowBalance", low, "lowBalanceThreshold", (json_int_t)LOW_BALANCE_CREDITS,
	                              "lastUpdated", now, "autoDebitStatus", "disabled", "status", low ? "low" : "current", "statusExplanation",
	                              low ? "The balance is low." : "The balance is up to date."));
}

static int bad_query(struct call *c, const char *name, const char *message)
{
	struct issues is = { 0 };
	issue_add(&is, "custom", name, message);
	answer_error(c, 400, MINIMAX_PARAMS, "Query validation error", &is);
	issues_release(&is);
	return 1;
}

/* ISO 8601 date or time, UTC -> ms; -1 if it is none. */
static int64_t parse_time(const char *s)
{
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!end)
		end = strptime(s, "%Y-%m-%d", &tm);
	if (!end || (*end && *end != '.' && *end != 'Z'))
		return -1;
	return (int64_t)timegm(&tm) * 1000;
}

struct page { int64_t before, from, to; int direction, limit; const char *type; };

/* 0, or 1 after having answered. */
static int read_page(struct call *c, struct page *p)
{
	const char *name, *value;
	for (int i = 0; http_query_at(c->x, i, &name, &value); i++) {
		char *end = NULL;
		if (!strcmp(name, "limit")) {
			long n = strtol(value, &end, 10);
			if (end == value || *end || n < 1 || n > PAGE_MAX)
				return bad_query(c, name, "Expected 1 to 100");
			p->limit = (int)n;
		} else if (!strcmp(name, "cursor")) {
			p->before = strtoll(value, &end, 36);
			if (end == value || *end || p->before < 1 || strpbrk(value, " +-ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
				return bad_query(c, name, "Not a cursor of ours");
		} else if (!strcmp(name, "direction")) {
			p->direction = !strcmp(value, "TOPUP") ? 1 : !strcmp(value, "CHARGE") ? -1 : 9;
			if (p->direction == 9)
				return bad_query(c, name, "Invalid enum value. Expected 'TOPUP' | 'CHARGE'");
		} else if (!strcmp(name, "from") || !strcmp(name, "to")) {
			int64_t t = parse_time(value);
			if (t < 0)
				return bad_query(c, name, "Invalid date");
			*(name[0] == 'f' ? &p->from : &p->to) = t;
		} else if (!strcmp(name, "type")) {
			p->type = value;
		} else {
			return bad_query(c, name, "Unrecognized key in the query");
		}
	}
	return 0;
}

static void base36(int64_t v, char *ret)
{
	char tmp[16];
	int n = 0;
	for (; v > 0 && n < 15; v /= 36)
		tmp[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
	while (n)
		*ret++ = tmp[--n];
	*ret = 0;
}

void billing_transactions(struct call *c)
{
	struct page p = { .limit = 50, .to = INT64_MAX };
	if (read_page(c, &p))
		return;
	struct account_transaction *t = calloc(PAGE_MAX + 1, sizeof *t);
	struct madrigal_error err = { 0 };
	int n = 0, rc = t ? account_transactions(c->api->store, c->account.id, p.before, p.from, p.to, p.direction, t, p.limit + 1, &n, &err) : err_nomem(&err);
	if (rc) {
		answer_fault(c, &err);
		free(t);
		return;
	}
	int more = n > p.limit;
	json_t *list = json_array();
	for (int i = 0; i < n && i < p.limit; i++) {
		char when[32];
		int64_t credits = t[i].credits < 0 ? -t[i].credits : t[i].credits; /* the direction says which way */
		iso_time(t[i].created_ms, when);
		if (p.type && strcmp(p.type, t[i].kind))
			continue;
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:{s:f, s:I}, s:s, s:s}", "created_at", when, "direction", t[i].charge ? "CHARGE" : "TOPUP", "type", t[i].kind, "amount",
		                                      "usd", (double)credits / CREDITS_PER_USD, "credits", (json_int_t)credits, "model", t[i].model, "reference_id", t[i].reference));
	}
	json_t *page = json_pack("{s:b, s:n}", "has_more", more, "next_cursor");
	if (more) {
		char cursor[24];
		base36(t[p.limit - 1].id, cursor);
		json_object_set_new(page, "next_cursor", json_string(cursor));
	}
	free(t);
	answer_json(c, 200, json_pack("{s:o, s:o}", "data", list, "pagination", page));
}

void key_info(struct call *c)
{
	char when[32];
	iso_time(c->account.key_created_ms, when);
	answer_json(c, 200, json_pack("{s:s, s:b, s:s, s:[s], s:n, s:s, s:s}", "name", c->account.key_name, "disabled", 0, "prefix", c->account.key_prefix, "scopes", "model:audio", "limit",
	                              "created_at", when, "updated_at", when));
}
