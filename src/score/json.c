/* SPDX-License-Identifier: GPL-3.0-or-later */
/* song.json. Keys always come in the same order and numbers are rounded to a microsecond, so that equal songs are equal bytes. */
#include "score/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/text.h"

struct writer {
	const struct score *s;
	const struct song_facts *f;
	struct buf *out;
	int first;          /* nothing has been written in this object or array yet */
	int *lead_word;     /* for each lyric word: its index in "words", or -1 */
	int *backing_word;  /* likewise in "backing_words" */
};

static void add_string(struct buf *b, const char *text)
{
	buf_addc(b, '"');
	unsigned c;
	while (text && (c = take_code_point(&text))) {
		if (c == '"' || c == '\\')
			buf_addc(b, '\\');
		if (c < 0x20)
			buf_addf(b, "\\u%04x", c);
		else
			add_code_point(b, c);
	}
	buf_addc(b, '"');
}

static void key(struct writer *w, const char *name)
{
	buf_adds(w->out, w->first ? "" : ", ");
	w->first = 0;
	add_string(w->out, name);
	buf_adds(w->out, ": ");
}

static void add_key_string(struct writer *w, const char *name, const char *text)
{
	key(w, name);
	if (text)
		add_string(w->out, text);
	else
		buf_adds(w->out, "null");
}

static void add_key_number(struct writer *w, const char *name, double x)
{
	key(w, name);
	add_number(w->out, x);
}

static void add_key_int(struct writer *w, const char *name, long long x)
{
	key(w, name);
	buf_addf(w->out, "%lld", x);
}

/* A list at the top: one member a line. */
static void open_list(struct writer *w, const char *name)
{
	buf_addf(w->out, ",\n\"%s\": [", name);
}

static void open_member(struct writer *w, int index)
{
	buf_adds(w->out, index ? ",\n  {" : "\n  {");
	w->first = 1;
}

static void close_list(struct writer *w)
{
	buf_adds(w->out, "]");
}

static double note_start(const struct writer *w, int backing, int i)
{
	const struct sung_times *sung = backing ? &w->f->backing : &w->f->lead;
	return sung->start ? sung->start[i] : score_seconds(w->s, (backing ? w->s->backing : w->s->vocal)[i].start);
}

static double note_end(const struct writer *w, int backing, int i)
{
	const struct sung_times *sung = backing ? &w->f->backing : &w->f->lead;
	const struct vocal_note *v = &(backing ? w->s->backing : w->s->vocal)[i];
	return sung->end ? sung->end[i] : score_seconds(w->s, (double)v->start + v->dur);
}

static void add_head(struct writer *w)
{
	const struct score *s = w->s;
	buf_adds(w->out, "{");
	w->first = 1;
	add_key_string(w, "madrigal", MADRIGAL_VERSION);
	key(w, "seed");
	buf_addf(w->out, "%llu", (unsigned long long)s->seed);
	add_key_string(w, "title", s->title);
	add_key_string(w, "style", w->f->style);
	add_key_string(w, "voice", w->f->voice);
	add_key_string(w, "prompt", w->f->prompt);
	add_key_string(w, "understood", w->f->understood);
	buf_adds(w->out, ",\n");
	w->first = 1;
	add_key_number(w, "tempo_bpm", s->tempo_bpm);
	key(w, "time_signature");
	buf_addf(w->out, "\"%d/%d\"", s->meter_num, s->meter_den);
	key(w, "key");
	buf_addf(w->out, "{\"tonic\": \"%s\", \"mode\": \"%s\"}", key_tonic_name(s->tonic_pc, s->minor), s->minor ? "minor" : "major");
	/* A microsecond early: who divides the time since by a beat's length must not find a note that is on a bar line in the bar before, as times are rounded. */
	add_key_number(w, "first_beat", s->lead_in_s > 1e-6 ? s->lead_in_s - 1e-6 : 0);
	add_key_number(w, "duration", score_duration(s));
	add_key_int(w, "bars", s->bars);
	add_key_number(w, "loudness_lufs", w->f->loudness_lufs);
	add_key_number(w, "true_peak_dbtp", w->f->true_peak_dbtp);
}

static void add_sections(struct writer *w)
{
	const struct score *s = w->s;
	int bar = score_bar_ticks(s);
	open_list(w, "sections");
	for (int i = 0; i < s->n_sections; i++) {
		const struct score_section *sec = &s->sections[i];
		open_member(w, i);
		add_key_string(w, "name", sec->name);
		add_key_number(w, "start", score_seconds(s, sec->start));
		add_key_number(w, "end", score_seconds(s, sec->end));
		add_key_int(w, "bars", bar > 0 ? (sec->end - sec->start) / bar : 0);
		add_key_number(w, "intensity", (double)sec->intensity);
		add_key_int(w, "transpose", sec->transpose);
		buf_adds(w->out, "}");
	}
	close_list(w);
}

static void add_chords(struct writer *w)
{
	const struct score *s = w->s;
	open_list(w, "chords");
	for (int i = 0; i < s->n_chords; i++) {
		const struct chord *c = &s->chords[i].chord;
		char name[16];
		int tonic;
		struct chord seen = score_chord_in_key(s, &s->chords[i], &tonic);
		chord_name(&seen, tonic, s->minor, name, sizeof name);
		open_member(w, i);
		add_key_number(w, "start", score_seconds(s, s->chords[i].start));
		add_key_number(w, "end", score_seconds(s, s->chords[i].end));
		add_key_string(w, "name", name);
		key(w, "pitch_classes");
		for (int k = 0; k < c->n; k++)
			buf_addf(w->out, "%s%d", k ? ", " : "[", (s->tonic_pc + c->root + c->intervals[k]) % 12);
		/* A bass note that is no chord tone sounds too. */
		unsigned tones = 0;
		for (int k = 0; k < c->n; k++)
			tones |= 1u << (c->root + c->intervals[k]) % 12;
		if (!(tones & 1u << c->bass))
			buf_addf(w->out, ", %d", (s->tonic_pc + c->bass) % 12);
		buf_adds(w->out, "]}");
	}
	close_list(w);
}

/* First and last sounding of a line's notes. Returns 0 if it is not sung. */
static int line_times(const struct writer *w, int line, double *start, double *end)
{
	int backing = w->s->lyrics->lines[line].backing, n = backing ? w->s->n_backing : w->s->n_vocal, found = 0;
	const struct vocal_note *v = backing ? w->s->backing : w->s->vocal;
	for (int i = 0; i < n; i++) {
		if (v[i].line != line)
			continue;
		*start = found ? fmin(*start, note_start(w, backing, i)) : note_start(w, backing, i);
		*end = found ? fmax(*end, note_end(w, backing, i)) : note_end(w, backing, i);
		found = 1;
	}
	return found;
}

static void add_lines(struct writer *w)
{
	const struct lyrics *l = w->s->lyrics;
	open_list(w, "lines");
	for (int i = 0; l && i < l->n_lines; i++) {
		double start = (double)NAN, end = (double)NAN;
		line_times(w, i, &start, &end);
		open_member(w, i);
		add_key_string(w, "text", l->lines[i].text);
		add_key_number(w, "start", start);
		add_key_number(w, "end", end);
		key(w, "backing");
		buf_adds(w->out, l->lines[i].backing ? "true}" : "false}");
	}
	close_list(w);
}

/* Words in the order in which they are first sung, numbered in index (for each lyric word; -1: not sung here). */
static void add_words(struct writer *w, const char *name, int backing, int *index)
{
	const struct lyrics *l = w->s->lyrics;
	const struct vocal_note *v = backing ? w->s->backing : w->s->vocal;
	int n = backing ? w->s->n_backing : w->s->n_vocal, count = 0;
	open_list(w, name);
	for (int i = 0; l && i < n; i++) {
		if (index[v[i].word] >= 0)
			continue;
		int last = i;
		while (last + 1 < n && v[last + 1].word == v[i].word)
			last++;
		index[v[i].word] = count;
		const struct word *word = &l->words[v[i].word];
		open_member(w, count++);
		add_key_string(w, "text", word->text);
		add_key_number(w, "start", note_start(w, backing, i));
		add_key_number(w, "end", note_end(w, backing, last));
		add_key_int(w, "line", word->line);
		key(w, "syllables");
		for (int k = 0; k < word->n_syllables; k++) {
			const struct syllable *syl = &l->syllables[word->first_syllable + k];
			char text[SYLLABLE_TEXT_MAX];
			syllable_text(word, k, text);
			buf_adds(w->out, k ? ", {" : "[{");
			w->first = 1;
			add_key_string(w, "text", text);
			add_key_string(w, "phonemes", syl->phonemes);
			add_key_int(w, "stress", syl->stress);
			buf_adds(w->out, "}");
		}
		buf_adds(w->out, "]}");
		w->first = 0;
	}
	close_list(w);
}

static void add_vocal(struct writer *w, const char *name, int backing, const int *index)
{
	const struct vocal_note *v = backing ? w->s->backing : w->s->vocal;
	const struct sung_times *sung = backing ? &w->f->backing : &w->f->lead;
	int n = backing ? w->s->n_backing : w->s->n_vocal;
	open_list(w, name);
	for (int i = 0; i < n; i++) {
		open_member(w, i);
		add_key_number(w, "start", note_start(w, backing, i));
		add_key_number(w, "end", note_end(w, backing, i));
		add_key_int(w, "midi", sung->midi ? sung->midi[i] : v[i].midi);
		add_key_int(w, "word", index[v[i].word]);
		add_key_int(w, "syllable", v[i].syllable);
		add_key_int(w, "line", v[i].line);
		add_key_number(w, "dynamic", (double)v[i].dynamic);
		buf_adds(w->out, v[i].spoken ? ", \"spoken\": true}" : "}");
	}
	close_list(w);
}

/* Their words are the lead's, so they have none of their own. */
static void add_harmony(struct writer *w)
{
	const struct score *s = w->s;
	open_list(w, "harmony_notes");
	for (int voice = 0, count = 0; voice < HARMONY_VOICES; voice++)
		for (int i = 0; i < s->n_harmony[voice]; i++) {
			const struct vocal_note *v = &s->harmony[voice][i];
			open_member(w, count++);
			add_key_number(w, "start", score_seconds(s, v->start));
			add_key_number(w, "end", score_seconds(s, (double)v->start + v->dur));
			add_key_int(w, "midi", v->midi);
			add_key_int(w, "voice", voice);
			add_key_int(w, "line", v->line);
			buf_adds(w->out, "}");
		}
	close_list(w);
}

static void add_stem_path(struct writer *w, const char *name)
{
	key(w, "stem");
	if (!w->f->stems) {
		buf_adds(w->out, "null}");
		return;
	}
	buf_adds(w->out, "\"stems/");
	buf_adds(w->out, name); /* [a-z0-9-] */
	buf_adds(w->out, ".wav\"}");
}

static void add_tracks(struct writer *w)
{
	const struct score *s = w->s;
	int count = 0, vocals_named = 0;
	open_list(w, "tracks");
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		open_member(w, count++);
		add_key_string(w, "name", p->name);
		add_key_string(w, "role", part_role_ids[p->role]);
		add_key_string(w, "instrument", p->instrument);
		add_key_string(w, "soundfont", p->soundfont);
		add_key_int(w, "bank", p->bank);
		add_key_int(w, "program", p->program);
		add_key_int(w, "notes", p->n_notes);
		add_stem_path(w, p->name);
	}
	for (int i = 0; i < w->f->n_extra_stems; i++)
		vocals_named |= !strcmp(w->f->extra_stems[i], "vocals");
	for (int i = vocals_named || !s->n_vocal ? 0 : -1; i < w->f->n_extra_stems; i++) {
		const char *name = i < 0 ? "vocals" : w->f->extra_stems[i];
		int voice = strstr(name, "vocals") != NULL, backing = !strcmp(name, "backing-vocals"), harmony = !strcmp(name, "harmony-vocals");
		open_member(w, count++);
		add_key_string(w, "name", name);
		add_key_string(w, "role", voice ? "vocals" : "effects");
		add_key_string(w, "instrument", voice ? w->f->voice : NULL);
		add_key_int(w, "notes", backing ? s->n_backing : harmony ? s->n_harmony[0] + s->n_harmony[1] : voice ? s->n_vocal : 0);
		if (i < 0)
			buf_adds(w->out, ", \"stem\": null}");
		else
			add_stem_path(w, name);
	}
	close_list(w);
}

int song_json(const struct score *s, const struct song_facts *f, struct buf *out)
{
	struct writer w = { .s = s, .f = f, .out = out };
	int n = s->lyrics ? s->lyrics->n_words : 0;
	int *index = malloc(((size_t)n * 2 + 1) * sizeof *index);
	if (!index)
		return MADRIGAL_EMEMORY;
	for (int i = 0; i < 2 * n; i++)
		index[i] = -1;
	w.lead_word = index;
	w.backing_word = index + n;
	add_head(&w);
	add_sections(&w);
	add_chords(&w);
	add_lines(&w);
	add_words(&w, "words", 0, w.lead_word);
	add_vocal(&w, "vocal_notes", 0, w.lead_word);
	add_words(&w, "backing_words", 1, w.backing_word);
	add_vocal(&w, "backing_notes", 1, w.backing_word);
	add_harmony(&w);
	add_tracks(&w);
	buf_adds(out, "}\n");
	free(index);
	return out->failed;
}
