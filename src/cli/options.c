/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of `sing` and `score`: one table makes the parser and the help. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/listen.h"

#define LYRICS_FILE_MAX ((size_t)1 << 20)

enum kind { STRING, REAL, INTEGER, SEED, FLAG, MEGABYTES, FORMAT, HELP };
enum where { BOTH, SING };

struct option_row {
	const char *name;
	char letter;
	const char *argument; /* NULL: none */
	enum kind kind;
	size_t offset;        /* in struct options */
	int value;            /* what a FLAG sets */
	enum where where;
	const char *help;
};

#define REQ(f) (offsetof(struct options, req) + offsetof(struct madrigal_request, f))
#define OPT(f) offsetof(struct options, f)

static const struct option_row rows[] = {
	{ "prompt", 'p', "TEXT", STRING, REQ(prompt), 0, BOTH, "style in words: \"warm indie folk, female voice, 92 bpm\"" },
	{ "style", 's', "NAME", STRING, REQ(style), 0, BOTH, "a style by name (see: madrigal styles)" },
	{ "voice", 0, "NAME", STRING, REQ(voice), 0, BOTH, "a singer by name (see: madrigal voices)" },
	{ "tempo", 't', "BPM", REAL, REQ(tempo_bpm), 0, BOTH, "40 to 240" },
	{ "key", 'k', "KEY", STRING, REQ(key), 0, BOTH, "\"A minor\", \"F# major\"; by default the singer's best" },
	{ "time-signature", 0, "N/N", STRING, REQ(time_signature), 0, BOTH, "4/4, 3/4 or 6/8" },
	{ "duration", 'd', "SECONDS", REAL, REQ(duration_s), 0, BOTH, "10 to 300, met to the bar; by default what the lyrics need" },
	{ "instrumental", 'i', NULL, FLAG, REQ(instrumental), 1, BOTH, "no voice; lyrics may be left out" },
	{ "seed", 0, "N", SEED, REQ(seed), 0, BOTH, "another seed, another song (default 1)" },
	{ "title", 0, "TEXT", STRING, REQ(title), 0, BOTH, "by default taken from the lyrics" },
	{ "reference", 0, "FILE", STRING, OPT(reference_path), 0, BOTH, "a song to be like: tempo, key, chords, groove, sound, singer (see: madrigal listen)" },
	{ "reference-voice", 0, "FILE", STRING, OPT(reference_voice_path), 0, BOTH, "a singer to be like, in place of the reference's" },
	{ "dictionary", 0, "FILE", STRING, REQ(dictionary), 0, BOTH, "how to say words: lines of a word and its phonemes" },
	{ "out", 0, "DIR", STRING, REQ(out_dir), 0, BOTH, "a folder for the song: master, stems, MIDI, sheet, song.json" },
	{ "output", 'o', "FILE", STRING, REQ(out_file), 0, SING, "the master alone; the format follows from the name" },
	{ "stream", 0, NULL, FLAG, OPT(stream), 1, SING, "write the master as it is made; with -o - to standard output" },
	{ "format", 'f', "FORMAT", FORMAT, REQ(format), 0, SING, "mp3, wav, flac or pcm (raw, 16 bits)" },
	{ "sample-rate", 0, "HZ", INTEGER, REQ(sample_rate), 0, SING, "16000 to 48000 (default 44100)" },
	{ "bitrate", 0, "BPS", INTEGER, REQ(bitrate), 0, SING, "of MP3, 32000 to 320000 (default 256000)" },
	{ "channels", 0, "N", INTEGER, REQ(channels), 0, SING, "of the master: 2, or 1 for mono" },
	{ "no-stems", 0, NULL, FLAG, REQ(stems), 0, SING, "leave stems/ out of the folder" },
	{ "candidates", 0, "N", INTEGER, REQ(candidates), 0, BOTH, "scores to try, the best kept (default 256)" },
	{ "threads", 0, "N", INTEGER, REQ(threads), 0, SING, "by default one for each core; any number gives the same bytes" },
	{ "memory-limit", 0, "MB", MEGABYTES, REQ(memory_limit_bytes), 0, SING, "stop rather than use more" },
	{ "json", 0, NULL, FLAG, OPT(json), 1, BOTH, "report as JSON on standard output" },
	{ "quiet", 'q', NULL, FLAG, OPT(quiet), 1, BOTH, "no progress bar, no report" },
	{ "help", 'h', NULL, HELP, OPT(help), 1, BOTH, "this text" },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static int fail(struct madrigal_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct madrigal_error *err, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof err->message, fmt, ap);
	va_end(ap);
	return err->code = code;
}

static int parse_real(const char *s, double *ret)
{
	char *end;
	errno = 0;
	double x = strtod(s, &end);
	if (errno || end == s || *end || !isfinite(x))
		return -1;
	*ret = x;
	return 0;
}

/* Formats by name, which is also the extension of their files. */
static const char *const formats[] = { [MADRIGAL_MP3] = "mp3", [MADRIGAL_WAV] = "wav", [MADRIGAL_FLAC] = "flac", [MADRIGAL_PCM] = "pcm" };
enum { N_FORMATS = sizeof formats / sizeof *formats };

static int parse_format(const char *s, enum madrigal_format *ret)
{
	for (int i = 0; i < N_FORMATS; i++)
		if (!strcasecmp(s, formats[i])) {
			*ret = (enum madrigal_format)i;
			return 0;
		}
	return -1;
}

static int set_option(struct options *o, const struct option_row *row, const char *arg, struct madrigal_error *err)
{
	void *field = (char *)o + row->offset;
	double x;
	char *end;
	switch (row->kind) {
	case STRING:
		*(const char **)field = arg;
		return 0;
	case FLAG:
	case HELP:
		*(int *)field = row->value;
		return 0;
	case REAL:
		/* 0 means "not asked for" to the library, so an explicit 0 must not slip through as that. */
		if (parse_real(arg, &x) || x <= 0)
			break;
		*(double *)field = x;
		return 0;
	case INTEGER:
		if (parse_real(arg, &x) || x < 1 || x > INT_MAX || x != floor(x))
			break;
		*(int *)field = (int)x;
		return 0;
	case MEGABYTES:
		if (parse_real(arg, &x) || x < 1 || x > 1e7)
			break;
		*(size_t *)field = (size_t)x << 20;
		return 0;
	case SEED:
		errno = 0;
		*(uint64_t *)field = strtoull(arg, &end, 0);
		if (errno || end == arg || *end || *arg == '-')
			break;
		return 0;
	case FORMAT:
		if (parse_format(arg, field))
			return fail(err, MADRIGAL_EUSAGE, "unknown format '%s': mp3, wav, flac or pcm", arg);
		return 0;
	}
	return fail(err, MADRIGAL_EUSAGE, "--%s wants %s, not '%s'", row->name, row->kind == REAL ? "a number above 0" : "a whole number above 0", arg);
}

/* What to call the output when none was named: the lyrics' own name. */
static int default_output(struct options *o, int score_only, struct madrigal_error *err)
{
	const char *path = o->lyrics_path && strcmp(o->lyrics_path, "-") ? o->lyrics_path : "song", *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
	size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
	o->default_out = malloc(n + 8);
	if (!o->default_out)
		return fail(err, MADRIGAL_EMEMORY, "out of memory");
	if (score_only) {
		snprintf(o->default_out, n + 8, "%.*s%s", (int)n, base, dot && dot > base ? "" : ".song");
		o->req.out_dir = o->default_out;
	} else {
		snprintf(o->default_out, n + 8, "%.*s.%s", (int)n, base, formats[o->req.format]);
		o->req.out_file = o->default_out;
	}
	return 0;
}

/* The format follows from the file's name unless it was said, in which case the two must not contradict each other. */
static int settle_format(struct options *o, int said, struct madrigal_error *err)
{
	const char *dot = o->req.out_file ? strrchr(o->req.out_file, '.') : NULL;
	enum madrigal_format f;
	if (!dot || said)
		return 0;
	if (!strcasecmp(dot, ".raw"))
		f = MADRIGAL_PCM;
	else if (parse_format(dot + 1, &f))
		return fail(err, MADRIGAL_EUSAGE, "what format is '%s'? Name it with --format mp3, wav, flac or pcm", o->req.out_file);
	o->req.format = f;
	return 0;
}

/* A master that is written as it is made. */
static int settle_stream(struct options *o, struct madrigal_error *err)
{
	int out = o->req.out_file && !strcmp(o->req.out_file, "-");
	if (out && !o->stream)
		return fail(err, MADRIGAL_EUSAGE, "standard output takes a song as it is made: add --stream");
	if (out && o->json)
		return fail(err, MADRIGAL_EUSAGE, "standard output can't take both the song and --json");
	if (!o->stream)
		return 0;
	if (!o->req.out_file)
		return fail(err, MADRIGAL_EUSAGE, "--stream wants a file: -o FILE, or -o - for standard output");
	o->req.stream_file = out ? "/dev/stdout" : o->req.out_file;
	o->req.out_file = NULL;
	return 0;
}

static int read_lyrics(struct options *o, struct madrigal_error *err)
{
	if (!o->lyrics_path)
		return o->req.instrumental || o->req.prompt ? 0 : fail(err, MADRIGAL_EUSAGE, "no lyrics: name a file, or - for standard input");
	FILE *f = strcmp(o->lyrics_path, "-") ? fopen(o->lyrics_path, "rbe") : stdin;
	if (!f)
		return fail(err, MADRIGAL_EIO, "cannot read %s: %s", o->lyrics_path, strerror(errno));
	int rc = 0;
	o->lyrics_text = malloc(LYRICS_FILE_MAX + 2);
	size_t n = o->lyrics_text ? fread(o->lyrics_text, 1, LYRICS_FILE_MAX + 1, f) : 0;
	if (!o->lyrics_text)
		rc = fail(err, MADRIGAL_EMEMORY, "out of memory");
	else if (ferror(f))
		rc = fail(err, MADRIGAL_EIO, "cannot read %s: %s", o->lyrics_path, strerror(errno));
	else if (n > LYRICS_FILE_MAX)
		rc = fail(err, MADRIGAL_ELYRICS, "%s is too long for lyrics", o->lyrics_path);
	else if (memchr(o->lyrics_text, 0, n))
		rc = fail(err, MADRIGAL_ELYRICS, "%s is not text (it has NUL bytes in it)", o->lyrics_path);
	else
		o->lyrics_text[n] = 0;
	if (f != stdin)
		fclose(f);
	o->req.lyrics = o->lyrics_text;
	return rc;
}

static int parse_rows(struct options *o, int argc, char **argv, int score_only, int *ret_format_said, struct madrigal_error *err)
{
	struct option longs[N_ROWS + 1] = { 0 };
	char letters[2 * N_ROWS + 3] = ":";
	size_t n = 1;
	int count = 0;
	for (int i = 0; i < N_ROWS; i++) {
		if (score_only && rows[i].where == SING)
			continue;
		longs[count++] = (struct option){ rows[i].name, rows[i].argument ? required_argument : no_argument, NULL, 256 + i };
		if (rows[i].letter) {
			letters[n++] = rows[i].letter;
			if (rows[i].argument)
				letters[n++] = ':';
		}
	}
	letters[n] = 0;
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
		const struct option_row *row = NULL;
		if (c == '?')
			return fail(err, MADRIGAL_EUSAGE, "unknown option %s", argv[optind - 1]);
		if (c == ':')
			return fail(err, MADRIGAL_EUSAGE, "%s wants a value", argv[optind - 1]);
		for (int i = 0; i < N_ROWS && !row; i++)
			if (c == 256 + i || c == rows[i].letter)
				row = &rows[i];
		int rc = row ? set_option(o, row, optarg, err) : 0;
		if (rc)
			return rc;
		*ret_format_said |= row && row->kind == FORMAT;
	}
	if (argc - optind > 1)
		return fail(err, MADRIGAL_EUSAGE, "one file of lyrics at a time, please: '%s' is one too many", argv[optind + 1]);
	o->lyrics_path = optind < argc ? argv[optind] : NULL;
	return 0;
}

int options_parse(struct options *o, int argc, char **argv, int score_only, struct madrigal_error *err)
{
	int format_said = 0;
	*o = (struct options){ .req = madrigal_request_default() };
	o->req.score_only = score_only;
	int rc = parse_rows(o, argc, argv, score_only, &format_said, err);
	if (rc || o->help)
		return rc;
	rc = settle_format(o, format_said, err);
	if (!rc && !o->req.out_dir && !o->req.out_file)
		rc = default_output(o, score_only, err);
	if (!rc)
		rc = settle_stream(o, err);
	if (!rc)
		rc = read_lyrics(o, err);
	if (!rc && o->reference_path)
		rc = hear_file(o->reference_path, &o->reference, err);
	if (!rc && o->reference_voice_path)
		rc = hear_file(o->reference_voice_path, &o->reference_voice, err);
	o->req.reference = o->reference;
	o->req.reference_voice = o->reference_voice;
	return rc;
}

void options_release(struct options *o)
{
	free(o->lyrics_text);
	free(o->default_out);
	free(o->reference);
	free(o->reference_voice);
}

void options_help(FILE *to, int score_only)
{
	fprintf(to, "Usage: madrigal %s LYRICS.txt [options]        (- reads standard input)\n\n", score_only ? "score" : "sing");
	for (int i = 0; i < N_ROWS; i++) {
		if (score_only && rows[i].where == SING)
			continue;
		char left[48], letter[8] = "    ";
		if (rows[i].letter)
			snprintf(letter, sizeof letter, "-%c, ", rows[i].letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, rows[i].name, rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
		fprintf(to, "  %-26s %s\n", left, rows[i].help);
	}
}
