/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `madrigal key` and `madrigal credit`: who may use the service, and for how much. */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/account.h"
#include "cli/cli.h"
#include "cli/service.h"

#define CREDITS_MAX 1000000000000000LL

static const char usage_text[] =
	"Usage: madrigal key create [--credits N|unlimited] [--name TEXT] [--rate PER_MINUTE] [--parallel N] [--data DIR]\n"
	"       madrigal key list [--json] [--data DIR]\n"
	"       madrigal key revoke ID_OR_PREFIX [--data DIR]\n"
	"       madrigal credit CREDITS --key ID_OR_PREFIX [--data DIR]\n\n"
	"create makes an account with a key and prints the key, which is shown this once; it has no credits unless --credits gives some.\n"
	"--rate is songs a minute, --parallel songs at a time; 0, the default, is no limit.\n"
	"credit adds to a key's account (or takes, if below 0) and prints the balance. 2,000,000 credits are one US dollar.\n"
	"--data is the service's folder; default $MADRIGAL_DATA, else ${XDG_DATA_HOME:-~/.local/share}/madrigal/data.\n";

struct key_options {
	const char *name, *key, *data;
	int64_t credits;
	struct account_limits limits;
	int json, help;
	char *rest[2];
	int n_rest;
};

static int wrong(const char *what)
{
	fprintf(stderr, "madrigal: %s\n%s", what, usage_text);
	return -MADRIGAL_EUSAGE;
}

static int limit(const char *arg, int *ret)
{
	long long x;
	if (whole_number(arg, 0, INT_MAX, &x))
		return -1;
	*ret = (int)x;
	return 0;
}

static int credits_option(const char *arg, int64_t *ret)
{
	long long x;
	if (!strcmp(arg, "unlimited")) {
		*ret = ACCOUNT_UNLIMITED;
		return 0;
	}
	if (whole_number(arg, 0, CREDITS_MAX, &x))
		return -1;
	*ret = x;
	return 0;
}

/* 0, or an exit code. Numbers below 0 are no options: credit takes them. */
static int parse(struct key_options *o, int argc, char **argv)
{
	static const char *const known[] = { "--credits", "--name", "--rate", "--parallel", "--key", "--data", "--json", "--help" };
	enum { CREDITS, NAME, RATE, PARALLEL, KEY, DATA, JSON, HELP, N };
	*o = (struct key_options){ .credits = 0 };
	for (int i = 1; i < argc; i++) {
		int which = 0, bad = 0;
		while (which < N && strcmp(argv[i], known[which]))
			which++;
		if (which == N) {
			if (o->n_rest == 2 || !strncmp(argv[i], "--", 2))
				return wrong("unknown option or one argument too many");
			o->rest[o->n_rest++] = argv[i];
			continue;
		}
		const char *value = which < JSON && i + 1 < argc ? argv[++i] : NULL;
		if (which < JSON && !value)
			return wrong("an option wants a value");
		switch (which) {
		case CREDITS: bad = credits_option(value, &o->credits); break;
		case NAME: o->name = value; break;
		case RATE: bad = limit(value, &o->limits.per_minute); break;
		case PARALLEL: bad = limit(value, &o->limits.parallel); break;
		case KEY: o->key = value; break;
		case DATA: o->data = value; break;
		case JSON: o->json = 1; break;
		default: o->help = 1; break;
		}
		if (bad)
			return wrong("an option wants a whole number, 0 or more");
	}
	return 0;
}

static int open_store(const char *asked, struct store **ret, struct madrigal_error *err)
{
	char dir[PATH_MAX];
	int rc = service_data_dir(asked, dir, sizeof dir, err);
	return rc ? rc : store_open(dir, ret, err);
}

static int create(struct store *s, const struct key_options *o, struct madrigal_error *err)
{
	char key[64];
	int64_t account;
	int rc = account_new(s, o->name, o->credits, &o->limits, key, &account, err);
	if (!rc)
		puts(key);
	return rc;
}

struct listing { int json, n; };

static void print_json(const struct account_key *k)
{
	printf("{\"id\":%" PRId64 ",\"account\":%" PRId64 ",\"prefix\":", k->id, k->account);
	json_string(stdout, k->prefix);
	fputs(",\"name\":", stdout);
	json_string(stdout, k->name);
	fputs(",\"credits\":", stdout);
	if (k->credits == ACCOUNT_UNLIMITED)
		fputs("null", stdout);
	else
		printf("%" PRId64, k->credits);
	printf(",\"rate\":%d,\"parallel\":%d,\"created_ms\":%" PRId64 ",\"revoked_ms\":", k->limits.per_minute, k->limits.parallel, k->created_ms);
	if (k->revoked_ms)
		printf("%" PRId64 "}", k->revoked_ms);
	else
		fputs("null}", stdout);
}

static int print_key(void *user, const struct account_key *k)
{
	struct listing *l = user;
	if (l->json) {
		fputs(l->n++ ? ",\n" : "[", stdout);
		print_json(k);
		return 0;
	}
	char created[16], credits[24] = "unlimited";
	time_t t = (time_t)(k->created_ms / 1000);
	struct tm day;
	strftime(created, sizeof created, "%Y-%m-%d", gmtime_r(&t, &day));
	if (k->credits != ACCOUNT_UNLIMITED)
		snprintf(credits, sizeof credits, "%" PRId64, k->credits);
	if (!l->n++)
		printf("%4s  %-8s  %-10s  %16s  %5s  %8s  %-7s  %s\n", "ID", "KEY", "MADE", "CREDITS", "RATE", "PARALLEL", "", "NAME");
	printf("%4" PRId64 "  %-8s  %-10s  %16s  %5d  %8d  %-7s  %s\n", k->id, k->prefix, created, credits, k->limits.per_minute, k->limits.parallel,
	       k->revoked_ms ? "revoked" : "", k->name);
	return 0;
}

static int list(struct store *s, const struct key_options *o, struct madrigal_error *err)
{
	struct listing l = { .json = o->json };
	int rc = account_each_key(s, print_key, &l, err);
	if (!rc && l.json)
		puts(l.n ? "]" : "[]");
	return rc;
}

static int with_store(const struct key_options *o, int (*act)(struct store *, const struct key_options *, struct madrigal_error *))
{
	struct madrigal_error err = { 0 };
	struct store *s = NULL;
	int rc = open_store(o->data, &s, &err);
	if (!rc)
		rc = act(s, o, &err);
	store_close(s);
	if (rc)
		fprintf(stderr, "madrigal: %s\n", err.message);
	return -rc;
}

static int revoke(struct store *s, const struct key_options *o, struct madrigal_error *err)
{
	return account_revoke(s, o->rest[1], err);
}

static int credit(struct store *s, const struct key_options *o, struct madrigal_error *err)
{
	int64_t balance;
	int rc = account_credit(s, o->key, o->credits, &balance, err);
	if (!rc)
		printf("%" PRId64 "\n", balance);
	return rc;
}

int cmd_key(int argc, char **argv)
{
	struct key_options o;
	int rc = parse(&o, argc, argv);
	if (rc)
		return rc;
	if (o.help)
		return fputs(usage_text, stdout) < 0;
	if (o.n_rest == 1 && !strcmp(o.rest[0], "create"))
		return with_store(&o, create);
	if (o.n_rest == 1 && !strcmp(o.rest[0], "list"))
		return with_store(&o, list);
	if (o.n_rest == 2 && !strcmp(o.rest[0], "revoke"))
		return with_store(&o, revoke);
	return wrong("create, list, or revoke ID_OR_PREFIX?");
}

int cmd_credit(int argc, char **argv)
{
	struct key_options o;
	long long credits;
	int rc = parse(&o, argc, argv);
	if (rc)
		return rc;
	if (o.help)
		return fputs(usage_text, stdout) < 0;
	if (o.n_rest != 1 || whole_number(o.rest[0], -CREDITS_MAX, CREDITS_MAX, &credits) || !credits)
		return wrong("how many credits?");
	if (!o.key)
		return wrong("whose? Name a key with --key");
	o.credits = credits;
	return with_store(&o, credit);
}
