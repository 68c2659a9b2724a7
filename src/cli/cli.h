/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `madrigal` command: what its files share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "madrigal.h"

/* What `sing` and `score` were asked to do. */
struct options {
	struct madrigal_request req;
	const char *lyrics_path;  /* "-": standard input; NULL: none */
	char *lyrics_text;        /* owned */
	char *default_out;        /* owned: made from the lyrics' name when no output was named */
	const char *reference_path, *reference_voice_path;
	char *reference, *reference_voice; /* owned: what was heard in them */
	int json;                 /* the report as JSON on standard output */
	int quiet;
	int stream;               /* the master is written as it is made */
	int help;
};

/* Reads argv[1..] of `sing` or `score`. Returns 0, or a negative status with err filled. options_release in any case. */
int options_parse(struct options *o, int argc, char **argv, int score_only, struct madrigal_error *err);
void options_release(struct options *o);
/* The options' help, from the same table that options_parse reads. */
void options_help(FILE *to, int score_only);

/* A bar with the stage and the time left, on a terminal; nothing elsewhere. Cancels on SIGINT and SIGTERM. */
struct progress_bar {
	int shown, width, color;
	double last_s;
};
void progress_begin(struct progress_bar *b, int quiet);
int progress_show(void *bar, const struct madrigal_progress *p); /* a madrigal_progress_fn */
void progress_end(struct progress_bar *b);

void report_text(FILE *to, const struct madrigal_result *r, const struct options *o);
void report_json(FILE *to, const struct madrigal_result *r, const struct options *o);
void print_json_string(FILE *to, const char *s);

#endif
