/* SPDX-License-Identifier: GPL-3.0-or-later */
/* serve/: the HTTP API over queue/, store/ and account/. It knows requests and answers; it does not know what a vowel is, and never touches sound but to send
 * files. docs/api.md is for users; one file here for each family of routes.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "base/err.h"

struct serve_config {
	char listen[128];          /* "127.0.0.1:8080" */
	char data_dir[512];
	char public_url[256];      /* what clients call us, for URLs of files; "": http:// and the request's Host */
	int workers;               /* processes that make songs; 0: none here, -1: one for every two cores */
	int threads;               /* of a worker; 0: cores / workers */
	int allow_private_urls;    /* references from loopback and private addresses */
	int keep_days;             /* finished songs */
	int url_hours;             /* that a file's URL is good for */
	int connections_max;
	long upload_max_mb;
	int log_requests;
};
struct serve_config serve_config_default(void);
/* Reads DIR/madrigal.conf or the file named: lines "name = value", '#' comments; names as the options without their dashes. */
int serve_config_file(struct serve_config *c, const char *path, struct madrigal_error *err) MUST_CHECK;
/* One setting by its name, from a file, the environment (MADRIGAL_LISTEN, ...) or an option. MADRIGAL_EUSAGE names what is wrong. */
int serve_config_set(struct serve_config *c, const char *name, const char *value, struct madrigal_error *err) MUST_CHECK;
/* Each setting's name, default as text and a line of help, for --help and the man page; stops when fn returns nonzero. */
int serve_config_each(int (*fn)(void *user, const char *name, const char *value, const char *help), void *user);

/* Serves until SIGTERM or SIGINT, then finishes within 20 s. Prints one line to say where it listens, then one for each request, on standard error. */
int serve_run(const struct serve_config *c, struct madrigal_error *err) MUST_CHECK;

/* The OpenAPI document as JSON text: *ret (free). */
int serve_openapi(char **ret, struct madrigal_error *err) MUST_CHECK;

#endif
