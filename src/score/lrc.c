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

/* The lead's notes or the backing voice's, and when they are sung. */
struct row { const struct score *s; const struct vocal_note *v; int n, backing; const struct sung_times *sung; };

static double row_start(const struct row *r, int i)
{
	return r->sung && r->sung->start ? r->sung->start[i] : score_seconds(r->s, r->v[i].start);
}

static double row_end(const struct row *r, int i)
{
	return r->sung && r->sung->end ? r->sung->end[i] : score_seconds(r->s, (double)r->v[i].start + r->v[i].dur);
}

/* One lyric line: its notes lie at v[first..]. Returns the index after them. */
static int add_line(const struct row *r, int first, struct buf *b)
{
	const struct vocal_note *v = r->v;
	int i = first, line = v[first].line, last_word = -1;
	add_time(b, '[', row_start(r, first), ']');
	for (; i < r->n && v[i].line == line; i++) {
		if (v[i].word == last_word)
			continue;
		buf_addc(b, ' ');
		add_time(b, '<', row_start(r, i), '>');
		buf_adds(b, r->backing && i == first ? " (" : " ");
		add_word(b, &r->s->lyrics->words[v[i].word]);
		last_word = v[i].word;
	}
	buf_adds(b, r->backing ? ") " : " ");
	add_time(b, '<', row_end(r, i - 1), '>');
	buf_addc(b, '\n');
	return i;
}

int song_lrc(const struct score *s, const struct song_facts *f, struct buf *out)
{
	buf_adds(out, "[ti:");
	for (const char *p = s->title; *p;) {
		unsigned c = take_code_point(&p);
		add_code_point(out, c < 0x20 ? ' ' : c == '[' ? '(' : c == ']' ? ')' : c);
	}
	buf_adds(out, "]\n[length:");
	long cs = lround(score_duration(s) * 100);
	buf_addf(out, "%02ld:%02ld.%02ld]\n[re:Madrigal]\n[ve:%s]\n", cs / 6000, cs / 100 % 60, cs % 100, MADRIGAL_VERSION);
	const struct row lead = { s, s->vocal, s->n_vocal, 0, f ? &f->lead : NULL }, backing = { s, s->backing, s->n_backing, 1, f ? &f->backing : NULL };
	int l = 0, k = 0;
	while (s->lyrics && (l < lead.n || k < backing.n)) {
		if (l >= lead.n || (k < backing.n && backing.v[k].start < lead.v[l].start))
			k = add_line(&backing, k, out);
		else
			l = add_line(&lead, l, out);
	}
	return out->failed;
}
