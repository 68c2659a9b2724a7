/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "cli/cli.h"

static const char *const stage_names[6] = { "words", "compose", "sing", "play", "mix", "write" };

static const char *made(const struct options *o)
{
	return o->req.out_file ? o->req.out_file : o->req.stream_file ? o->req.stream_file : o->req.out_dir;
}

void report_text(FILE *to, const struct madrigal_result *r, const struct options *o)
{
	double total = 0;
	for (int i = 0; i < 6; i++)
		total += r->stage_s[i];
	fprintf(to, "%s\n", made(o));
	fprintf(to, "  \"%s\", %s, %s, %g bpm, %s, %d bars, %d:%04.1f\n", r->title, r->style, r->key, r->tempo_bpm, r->time_signature, r->bars,
	        (int)r->duration_s / 60, fmod(r->duration_s, 60));
	if (r->voice[0])
		fprintf(to, "  sung by %s, %d lines\n", r->voice, r->sung_lines);
	if (r->understood[0])
		fprintf(to, "  understood: %s\n", r->understood);
	if (!isnan(r->loudness_lufs))
		fprintf(to, "  %.1f LUFS, %.1f dBTP; made in %.1f s, %.2f of its length\n", r->loudness_lufs, r->true_peak_dbtp, total, total / r->duration_s);
	else
		fprintf(to, "  made in %.0f ms\n", total * 1000);
	if (o->req.stream_file)
		fprintf(to, "  first sound after %.1f s\n", r->first_sound_s);
}

void print_json_string(FILE *to, const char *s)
{
	fputc('"', to);
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(to, "\\%c", *p);
		else if (*p < 0x20)
			fprintf(to, "\\u%04x", *p);
		else
			fputc(*p, to);
	}
	fputc('"', to);
}

static void field(FILE *to, const char *name, const char *value)
{
	fprintf(to, "\"%s\":", name);
	print_json_string(to, value);
	fputc(',', to);
}

static void number(FILE *to, const char *name, double value)
{
	if (isnan(value))
		fprintf(to, "\"%s\":null,", name);
	else
		fprintf(to, "\"%s\":%.6g,", name, value);
}

void report_json(FILE *to, const struct madrigal_result *r, const struct options *o)
{
	fputc('{', to);
	if (o->req.out_file || o->req.stream_file)
		field(to, "file", o->req.out_file ? o->req.out_file : o->req.stream_file);
	if (o->req.out_dir)
		field(to, "folder", o->req.out_dir);
	field(to, "title", r->title);
	field(to, "style", r->style);
	field(to, "voice", r->voice);
	field(to, "key", r->key);
	field(to, "time_signature", r->time_signature);
	field(to, "understood", r->understood);
	number(to, "tempo_bpm", r->tempo_bpm);
	number(to, "duration", r->duration_s);
	number(to, "bars", r->bars);
	number(to, "lines", r->sung_lines);
	number(to, "loudness_lufs", r->loudness_lufs);
	number(to, "true_peak_dbtp", r->true_peak_dbtp);
	if (o->req.stream_file)
		number(to, "first_sound", r->first_sound_s);
	fprintf(to, "\"peak_memory_bytes\":%zu,", r->peak_memory_bytes);
	fprintf(to, "\"seed\":%llu,\"stage_seconds\":{", (unsigned long long)o->req.seed);
	for (int i = 0; i < 6; i++)
		fprintf(to, "%s\"%s\":%.4f", i ? "," : "", stage_names[i], r->stage_s[i]);
	fputs("}}\n", to);
}
