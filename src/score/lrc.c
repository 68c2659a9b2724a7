/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LRC, with word times in the "enhanced" form that players know: [mm:ss.xx] <mm:ss.xx> word <mm:ss.xx> word ... */
#include "score/files.h"

#include <math.h>
#include <string.h>

#include "score/text.h"

static void add_time(struct buf *b, char open, double seconds, char close)
{
	long cs = lround(fmax(seconds, 0) * 100);
	buf_addf(b, "%c%02ld:%02ld.%02ld%c", open, cs / 6000, cs / 100 % 60, cs % 100, close);
}

static void add_word(struct buf *b, const struct word *w)
{
	const char *p = w->text;
	unsigned c;
	while ((c = take_code_point(&p)))
		if (c >= 0x20 && !strchr("<>[]", (int)(c < 0x80 ? c : 'x'))) /* these would be read as times */
			add_code_point(b, c);
	if (w->punct)
		buf_addc(b, w->punct);
}

/* One lyric line: its notes lie at v[first..]. Returns the index after them. */
static int add_line(const struct score *s, const struct vocal_note *v, int n, int first, int backing, struct buf *b)
{
	int i = first, line = v[first].line, last_word = -1;
	add_time(b, '[', score_seconds(s, v[first].start), ']');
	for (; i < n && v[i].line == line; i++) {
		if (v[i].word == last_word)
			continue;
		buf_addc(b, ' ');
		add_time(b, '<', score_seconds(s, v[i].start), '>');
		buf_adds(b, backing && i == first ? " (" : " ");
		add_word(b, &s->lyrics->words[v[i].word]);
		last_word = v[i].word;
	}
	buf_adds(b, backing ? ") " : " ");
	add_time(b, '<', score_seconds(s, (double)v[i - 1].start + v[i - 1].dur), '>');
	buf_addc(b, '\n');
	return i;
}

int song_lrc(const struct score *s, struct buf *out)
{
	buf_adds(out, "[ti:");
	for (const char *p = s->title; *p;) {
		unsigned c = take_code_point(&p);
		add_code_point(out, c < 0x20 ? ' ' : c == '[' ? '(' : c == ']' ? ')' : c);
	}
	buf_adds(out, "]\n[length:");
	long cs = lround(score_duration(s) * 100);
	buf_addf(out, "%02ld:%02ld.%02ld]\n[re:Madrigal]\n[ve:%s]\n", cs / 6000, cs / 100 % 60, cs % 100, MADRIGAL_VERSION);
	int lead = 0, backing = 0;
	while (s->lyrics && (lead < s->n_vocal || backing < s->n_backing)) {
		int back = lead >= s->n_vocal || (backing < s->n_backing && s->backing[backing].start < s->vocal[lead].start);
		if (back)
			backing = add_line(s, s->backing, s->n_backing, backing, 1, out);
		else
			lead = add_line(s, s->vocal, s->n_vocal, lead, 0, out);
	}
	return out->failed;
}
