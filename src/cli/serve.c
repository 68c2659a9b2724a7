/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `madrigal serve`: settings from a file, the environment and options, in this order. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/service.h"
#include "serve/serve.h"

static int print_setting(void *user, const char *name, const char *value, const char *help)
{
	FILE *to = user;
	char option[40];
	snprintf(option, sizeof option, "--%s VALUE", name);
	fprintf(to, "  %-28s %s%s%s%s\n", option, help, *value ? " (" : "", value, *value ? ")" : "");
	return 0;
}

static void usage(FILE *to)
{
	fprintf(to, "Usage: madrigal serve [options]\n\nServes the HTTP API (docs/api.md). The first start prints a key.\n\n");
	serve_config_each(print_setting, to);
	fprintf(to, "  %-28s settings as lines \"name = value\"; options and environment win\n  %-28s prints the OpenAPI document and ends\n\n"
	            "Each setting may also be in the environment: MADRIGAL_LISTEN, MADRIGAL_DATA, MADRIGAL_PUBLIC_URL, ...\n", "--config FILE", "--openapi");
}

struct reading { struct serve_config *c; struct madrigal_error *err; };

static int set_from_environment(void *user, const char *name, const char *value, const char *help)
{
	(void)value, (void)help;
	struct reading *u = user;
	char variable[64] = "MADRIGAL_";
	size_t n = strlen(variable);
	for (const char *p = name; *p && n + 1 < sizeof variable; p++)
		variable[n++] = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	variable[n] = 0;
	const char *text = getenv(variable);
	return text && *text && serve_config_set(u->c, name, text, u->err);
}

/* The value of --config, wherever it stands, or NULL. */
static const char *config_path(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], "--config"))
			return argv[i + 1];
	return NULL;
}

static int refuse(struct madrigal_error *err, const char *what, const char *argument)
{
	snprintf(err->message, sizeof err->message, "%s \"%s\"", what, argument);
	return err->code = MADRIGAL_EUSAGE;
}

static int read_options(int argc, char **argv, struct serve_config *c, struct madrigal_error *err)
{
	for (int i = 1; i < argc; i++) {
		char name[64];
		const char *equals = strchr(argv[i], '='), *value = equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : NULL;
		if (strncmp(argv[i], "--", 2))
			return refuse(err, "unexpected", argv[i]);
		snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - argv[i]) - 2 : (int)strlen(argv[i]) - 2, argv[i] + 2);
		if (!value)
			return refuse(err, "no value for", argv[i]);
		if (!equals)
			i++;
		int rc = strcmp(name, "config") ? serve_config_set(c, name, value, err) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

int cmd_serve(int argc, char **argv)
{
	struct madrigal_error err = { 0 };
	struct serve_config c = serve_config_default();
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--openapi")) {
		char *text;
		if (serve_openapi(&text, &err))
			return 1;
		puts(text);
		free(text);
		return 0;
	}
	const char *path = config_path(argc, argv);
	struct reading env = { &c, &err };
	int rc = path ? serve_config_file(&c, path, &err) : 0;
	if (!rc && serve_config_each(set_from_environment, &env))
		rc = MADRIGAL_EUSAGE;
	if (!rc)
		rc = read_options(argc, argv, &c, &err);
	if (!rc && !*c.data_dir)
		rc = service_data_dir(NULL, c.data_dir, sizeof c.data_dir, &err);
	if (!rc)
		rc = serve_run(&c, &err);
	if (rc)
		fprintf(stderr, "madrigal: %s\n%s", err.message, rc == MADRIGAL_EUSAGE ? "Try: madrigal serve --help\n" : "");
	return -rc;
}
