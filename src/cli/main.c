/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `madrigal` command. The main output goes to standard output, the rest to standard error. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/listen.h"
#include "cli/service.h"
#include "guard/guard.h"

enum { EXIT_INTERRUPTED = 130 };

static int exit_code(int rc)
{
	return rc == MADRIGAL_ECANCELLED ? EXIT_INTERRUPTED : -rc;
}

static int complain(const struct madrigal_error *err)
{
	fprintf(stderr, "madrigal: %s\n", err->message);
	return exit_code(err->code);
}

static int make(int argc, char **argv, int score_only)
{
	struct options o;
	struct madrigal_error err = { 0 };
	struct madrigal_result result;
	struct progress_bar bar;
	int rc = options_parse(&o, argc, argv, score_only, &err);
	if (!rc && o.help) {
		options_help(stdout, score_only);
	} else if (!rc) {
		progress_begin(&bar, o.quiet || score_only);
		rc = madrigal_make(&o.req, NULL, progress_show, &bar, &result, &err);
		progress_end(&bar);
		if (!rc && o.json)
			report_json(stdout, &result, &o);
		else if (!rc && !o.quiet)
			report_text(stderr, &result, &o);
	}
	options_release(&o);
	if (rc)
		err.code = rc;
	if (rc == MADRIGAL_EUSAGE)
		fprintf(stderr, "madrigal: %s\nTry: madrigal %s --help\n", err.message, score_only ? "score" : "sing");
	return !rc ? 0 : rc == MADRIGAL_EUSAGE ? exit_code(rc) : complain(&err);
}

static int cmd_sing(int argc, char **argv)
{
	return make(argc, argv, 0);
}

static int cmd_score(int argc, char **argv)
{
	return make(argc, argv, 1);
}

struct listing { int json, n; };

static int print_entry(void *user, const struct madrigal_entry *e)
{
	struct listing *l = user;
	if (!l->json) {
		printf("%-14s %-16s %s\n", e->name, e->title, e->description);
		return 0;
	}
	fputs(l->n++ ? ",\n{\"name\":" : "[{\"name\":", stdout);
	print_json_string(stdout, e->name);
	fputs(",\"title\":", stdout);
	print_json_string(stdout, e->title);
	fputs(",\"description\":", stdout);
	print_json_string(stdout, e->description);
	fputc('}', stdout);
	return 0;
}

typedef int each_fn(const struct madrigal_paths *, madrigal_entry_fn *, void *, struct madrigal_error *);

static int list(int argc, char **argv, each_fn *each)
{
	struct listing l = { 0 };
	struct madrigal_error err = { 0 };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json")) {
			fprintf(stderr, "Usage: madrigal %s [--json]\n", argv[0]);
			return strcmp(argv[i], "--help") ? exit_code(MADRIGAL_EUSAGE) : 0;
		}
		l.json = 1;
	}
	int rc = each(NULL, print_entry, &l, &err);
	if (l.json && !rc)
		puts(l.n ? "]" : "[]");
	return rc ? complain(&err) : 0;
}

static int cmd_styles(int argc, char **argv)
{
	return list(argc, argv, madrigal_each_style);
}

static int cmd_voices(int argc, char **argv)
{
	return list(argc, argv, madrigal_each_voice);
}

static int print_check(void *user, const struct madrigal_check *c)
{
	int color = *(int *)user;
	printf("%s%s%s %-38s %s\n", !color ? "" : c->ok ? "\033[32m" : "\033[31m", c->ok ? "ok     " : "MISSING", color ? "\033[0m" : "", c->what,
	       c->ok ? c->found : "");
	if (!c->ok)
		printf("        mend it with: %s\n", c->mend);
	return 0;
}

static int cmd_doctor(int argc, char **argv)
{
	(void)argc, (void)argv;
	const char *plain = getenv("NO_COLOR");
	int color = isatty(STDOUT_FILENO) && !(plain && *plain);
	return exit_code(madrigal_doctor(NULL, print_check, &color));
}

static int cmd_install_voice(int argc, char **argv)
{
	struct madrigal_error err = { 0 };
	if (argc != 2) {
		fprintf(stderr, "Usage: madrigal install-voice DIR        (tools/setup calls this)\n");
		return exit_code(MADRIGAL_EUSAGE);
	}
	return madrigal_install_voice(argv[1], &err) ? complain(&err) : 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: a helper of the server's */
} commands[] = {
	{ "sing", cmd_sing, "lyrics and a line of style -> a finished song" },
	{ "score", cmd_score, "the same song as MIDI, sheet and song.json, in milliseconds" },
	{ "listen", cmd_listen, "what is heard in a recording: tempo, key, chords, sections, sound, singer" },
	{ "styles", cmd_styles, "what styles there are" },
	{ "voices", cmd_voices, "what singers there are" },
	{ "doctor", cmd_doctor, "what is installed, what is missing, and the command that mends it" },
	{ "serve", cmd_serve, "the HTTP API: programs written for MiniMax's music models change one host name" },
	{ "key", cmd_key, "who may use the service: create, list, revoke keys" },
	{ "credit", cmd_credit, "adds credits to a key's account" },
	{ "worker", cmd_worker, "makes the songs that the service has accepted" },
	{ "fetch", guard_fetch_main, NULL },
	{ "decode", guard_decode_main, NULL },
	{ "install-voice", cmd_install_voice, "prepares a fetched voice (make voice does this)" },
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *to)
{
	fprintf(to, "Madrigal %s: lyrics and a line of style in, a finished song with vocals out.\n\nUsage: madrigal COMMAND [options]\n\n", madrigal_version());
	for (int i = 0; i < N_COMMANDS; i++)
		if (commands[i].help)
			fprintf(to, "  %-14s %s\n", commands[i].name, commands[i].help);
	fprintf(to, "\n  madrigal sing lyrics.txt --prompt \"warm indie folk, female voice, 92 bpm\" -o song.mp3\n"
	            "  madrigal COMMAND --help tells a command's options.\n\n"
	            "Exit codes: 0 done; 1 a fault of Madrigal's; 2 usage; 3 the lyrics; 4 the style; 5 something is not installed;\n"
	            "6 reading or writing; 7 memory; 130 interrupted.\n");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return exit_code(MADRIGAL_EUSAGE);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
		printf("madrigal %s\n", madrigal_version());
		return 0;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	for (int i = 0; i < N_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "madrigal: no command '%s'\n\n", argv[1]);
	usage(stderr);
	return exit_code(MADRIGAL_EUSAGE);
}
