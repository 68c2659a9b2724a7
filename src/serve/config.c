/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "serve/serve.h"

#define CONFIG_BYTES_MAX 65536

enum kind { TEXT, NUMBER, SWITCH };

static const struct setting {
	const char *name;
	enum kind kind;
	size_t at, size;
	long min, max;
	const char *value, *help;
} settings[] = {
#define S(member) offsetof(struct serve_config, member), sizeof(((struct serve_config *)0)->member)
	{ "listen", TEXT, S(listen), 0, 0, "127.0.0.1:8080", "address and port; 0.0.0.0 or [::] for all, port 0 for any" },
	{ "data", TEXT, S(data_dir), 0, 0, "", "folder of the database and the songs; made if missing" },
	{ "public-url", TEXT, S(public_url), 0, 0, "", "what clients call this server (https://music.example.org); otherwise the Host they ask for" },
	{ "workers", NUMBER, S(workers), -1, 256, "-1", "processes that make songs; -1: one for every two cores; 0: none (start `madrigal worker` by hand)" },
	{ "threads", NUMBER, S(threads), 0, 256, "0", "of a worker; 0: the cores shared out" },
	{ "allow-private-urls", SWITCH, S(allow_private_urls), 0, 1, "0", "1: references may come from loopback and private addresses (for tests)" },
	{ "keep-days", NUMBER, S(keep_days), 1, 36500, "30", "how long finished songs are kept" },
	{ "url-hours", NUMBER, S(url_hours), 1, 8760, "24", "how long a file's signed address is good for" },
	{ "connections", NUMBER, S(connections_max), 8, 60000, "1024", "most open connections" },
	{ "upload-mb", NUMBER, S(upload_max_mb), 1, 1000, "100", "largest upload, in megabytes" },
	{ "log-requests", SWITCH, S(log_requests), 0, 1, "1", "0: no line of log for each request" },
#undef S
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

int serve_config_set(struct serve_config *c, const char *name, const char *value, struct madrigal_error *err)
{
	const struct setting *s = NULL;
	for (int i = 0; i < N_SETTINGS; i++)
		if (!strcmp(settings[i].name, name))
			s = &settings[i];
	if (!s)
		return err_set(err, MADRIGAL_EUSAGE, "no setting \"%s\"", name);
	char *at = (char *)c + s->at;
	if (s->kind == TEXT) {
		if (strlen(value) >= s->size)
			return err_set(err, MADRIGAL_EUSAGE, "%s is longer than %zu characters", name, s->size - 1);
		memcpy(at, value, strlen(value) + 1);
		return 0;
	}
	char *end;
	long n = strtol(value, &end, 10);
	if (end == value || *end || n < s->min || n > s->max)
		return err_set(err, MADRIGAL_EUSAGE, "%s is \"%s\": a number from %ld to %ld is wanted", name, value, s->min, s->max);
	if (s->size == sizeof(long))
		memcpy(at, &n, sizeof n);
	else
		memcpy(at, &(int){ (int)n }, sizeof(int));
	return 0;
}

int serve_config_each(int (*fn)(void *user, const char *name, const char *value, const char *help), void *user)
{
	for (int i = 0; i < N_SETTINGS; i++)
		if (fn(user, settings[i].name, settings[i].value, settings[i].help))
			return 1;
	return 0;
}

struct serve_config serve_config_default(void)
{
	struct serve_config c = { 0 };
	struct madrigal_error err;
	for (int i = 0; i < N_SETTINGS; i++)
		if (serve_config_set(&c, settings[i].name, settings[i].value, &err))
			abort(); /* a default of ours that its own range refuses */
	return c;
}

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	char *end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = 0;
	return s;
}

int serve_config_file(struct serve_config *c, const char *path, struct madrigal_error *err)
{
	char *text, *save = NULL;
	size_t n;
	int rc = file_read(path, CONFIG_BYTES_MAX, &text, &n, err), number = 0;
	if (rc)
		return rc;
	struct serve_config made = *c;
	for (char *p = text; p && !rc; p = save) {
		save = strchr(p, '\n');
		if (save)
			*save++ = 0;
		number++;
		char *line = trim(p), *equals = strchr(line, '=');
		if (!*line || *line == '#')
			continue;
		struct madrigal_error why = { 0 };
		if (!equals) {
			rc = err_set(err, MADRIGAL_EUSAGE, "%s:%d: expected name = value", path, number);
			break;
		}
		*equals = 0;
		if (serve_config_set(&made, trim(line), trim(equals + 1), &why))
			rc = err_set(err, MADRIGAL_EUSAGE, "%s:%d: %s", path, number, why.message);
	}
	free(text);
	if (!rc)
		*c = made;
	return rc;
}
