/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lead sheet as MusicXML 4.0: what is sung, with its words and chord symbols.
 *
 * A line of music is made in three steps: notes are put on the grid that their beat uses (sixteenths, or eighth-note triplets); the time between
 * them becomes rests; and each bar is cut into pieces that one symbol can show, tied together, so that the beats can be seen. */
#include "score/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/text.h"

#define DIVISIONS 24 /* of a quarter note: sixteenths are 6, triplet eighths 8 */
#define TICKS (TICKS_PER_QUARTER / DIVISIONS)
#define QUARTER DIVISIONS
#define SIXTEENTH (DIVISIONS / 4)
#define TRIPLET (DIVISIONS / 3)

/* A note or, with midi < 0, a rest; times in divisions from the beginning. */
struct span {
	int start, end, midi;
	int note;           /* index in the vocal notes, or -1 */
};

struct voice {
	const struct score *s;
	const struct vocal_note *notes; int n_notes;
	struct span *spans; int n_spans;
	char *triplet;      /* for each quarter note of the song: its grid is of triplets */
	int quarters, bar, end; /* length of the song in quarters, of a bar and of the song in divisions */
	int lead;           /* carries chords, rehearsal marks and tempo */
	struct buf *out;
};

static int nearest(int value, int grid)
{
	return (value + grid / 2) / grid * grid;
}

static int grid_error(int ticks, int grid)
{
	int within = ticks % TICKS_PER_QUARTER;
	return abs(within - nearest(within, grid));
}

static int is_compound(const struct score *s)
{
	return s->meter_den == 8 && s->meter_num % 3 == 0;
}

/* Chooses each beat's grid by what its onsets and ends miss it by. Where beats are no quarters, there are no triplets of eighths. */
static int choose_grids(struct voice *v)
{
	if (is_compound(v->s) || v->bar % QUARTER)
		return 0;
	int *error = calloc((size_t)v->quarters * 2 + 2, sizeof *error);
	if (!error)
		return MADRIGAL_EMEMORY;
	for (int i = 0; i < v->n_notes; i++) {
		int times[2] = { v->notes[i].start, v->notes[i].start + v->notes[i].dur };
		for (int k = 0; k < 2; k++) {
			int beat = times[k] / TICKS_PER_QUARTER;
			if (times[k] < 0 || beat >= v->quarters)
				continue;
			error[2 * beat] += grid_error(times[k], TICKS_PER_QUARTER / 4);
			error[2 * beat + 1] += grid_error(times[k], TICKS_PER_QUARTER / 3);
		}
	}
	for (int i = 0; i < v->quarters; i++)
		v->triplet[i] = error[2 * i + 1] < error[2 * i];
	free(error);
	return 0;
}

static int on_grid(const struct voice *v, int ticks)
{
	int beat = ticks / TICKS_PER_QUARTER;
	if (ticks < 0)
		return 0;
	if (beat >= v->quarters)
		return v->end;
	int within = nearest(ticks % TICKS_PER_QUARTER, v->triplet[beat] ? TICKS_PER_QUARTER / 3 : TICKS_PER_QUARTER / 4);
	return beat * QUARTER + within / TICKS;
}

static void add_span(struct voice *v, int start, int end, int midi, int note)
{
	if (end > start)
		v->spans[v->n_spans++] = (struct span){ start, end, midi, note };
}

/* The whole song as notes and rests. A note that the grid leaves no room for is given the smallest value before the next;
 * if that too is gone, it is not shown. */
static void make_spans(struct voice *v)
{
	int now = 0;
	for (int i = 0; i < v->n_notes; i++) {
		int start = on_grid(v, v->notes[i].start), end = on_grid(v, v->notes[i].start + v->notes[i].dur);
		int limit = i + 1 < v->n_notes ? on_grid(v, v->notes[i + 1].start) : v->end;
		if (start < now)
			start = now;
		if (end <= start)
			end = start + (v->triplet[start / QUARTER < v->quarters ? start / QUARTER : v->quarters - 1] ? TRIPLET : SIXTEENTH);
		if (end > limit)
			end = limit;
		if (end <= start)
			continue;
		add_span(v, now, start, -1, -1);
		add_span(v, start, end, v->notes[i].midi, i);
		now = end;
	}
	add_span(v, now, v->end, -1, -1);
}

/* ---- XML ---- */

static void add_escaped(struct buf *b, const char *text)
{
	unsigned c;
	while ((c = take_code_point(&text))) {
		switch (c) {
		case '&': buf_adds(b, "&amp;"); break;
		case '<': buf_adds(b, "&lt;"); break;
		case '>': buf_adds(b, "&gt;"); break;
		case '"': buf_adds(b, "&quot;"); break;
		default: /* XML 1.0 has no control characters, nor U+FFFE and U+FFFF */
			add_code_point(b, c < 0x20 ? ' ' : c == 0xfffe || c == 0xffff ? 0xfffd : c);
		}
	}
}

static void add_element(struct buf *b, const char *name, const char *text)
{
	buf_addf(b, "<%s>", name);
	add_escaped(b, text);
	buf_addf(b, "</%s>", name);
}

/* "Bb" as <step>B</step><alter>-1</alter>, with a prefix: root-step, bass-step. Returns the alteration. */
static int add_step(struct buf *b, const char *prefix, const char *name)
{
	int alter = name[1] == '#' ? 1 : name[1] == 'b' ? -1 : 0;
	buf_addf(b, "<%sstep>%c</%sstep>", prefix, name[0], prefix);
	if (alter)
		buf_addf(b, "<%salter>%d</%salter>", prefix, alter, prefix);
	return alter;
}

/* ---- chord symbols ---- */

static const struct { const char *suffix, *kind; int degree, alter; } kinds[] = {
	{ "", "major", 0, 0 }, { "m", "minor", 0, 0 }, { "7", "dominant", 0, 0 }, { "maj7", "major-seventh", 0, 0 }, { "m7", "minor-seventh", 0, 0 },
	{ "m(maj7)", "major-minor", 0, 0 }, { "6", "major-sixth", 0, 0 }, { "m6", "minor-sixth", 0, 0 }, { "9", "dominant-ninth", 0, 0 },
	{ "maj9", "major-ninth", 0, 0 }, { "m9", "minor-ninth", 0, 0 }, { "11", "dominant-11th", 0, 0 }, { "m11", "minor-11th", 0, 0 },
	{ "13", "dominant-13th", 0, 0 }, { "7b9", "dominant", 9, -1 }, { "5", "power", 0, 0 }, { "sus2", "suspended-second", 0, 0 },
	{ "sus4", "suspended-fourth", 0, 0 }, { "7sus4", "suspended-fourth", 7, 0 }, { "9sus4", "suspended-fourth", 9, 0 },
	{ "add9", "major", 9, 0 }, { "m(add9)", "minor", 9, 0 }, { "dim", "diminished", 0, 0 }, { "dim7", "diminished-seventh", 0, 0 },
	{ "m7b5", "half-diminished", 0, 0 }, { "aug", "augmented", 0, 0 },
};

static void add_harmony(const struct voice *v, const struct score_chord *sounding, int offset)
{
	const struct score *s = v->s;
	int tonic;
	const struct chord seen = score_chord_in_key(s, sounding, &tonic), *c = &seen;
	size_t k = 0;
	while (k < sizeof kinds / sizeof kinds[0] && strcmp(kinds[k].suffix, c->suffix))
		k++;
	buf_adds(v->out, "   <harmony><root>");
	add_step(v->out, "root-", pitch_class_name(tonic + c->root, tonic, s->minor));
	if (k < sizeof kinds / sizeof kinds[0])
		buf_addf(v->out, "</root><kind text=\"%s\">%s</kind>", c->suffix, kinds[k].kind);
	else
		buf_adds(v->out, "</root><kind>other</kind>");
	if (c->bass != c->root) {
		buf_adds(v->out, "<bass>");
		add_step(v->out, "bass-", pitch_class_name(tonic + c->bass, tonic, s->minor));
		buf_adds(v->out, "</bass>");
	}
	if (k < sizeof kinds / sizeof kinds[0] && kinds[k].degree)
		buf_addf(v->out, "<degree print-object=\"no\"><degree-value>%d</degree-value><degree-alter>%d</degree-alter><degree-type>add</degree-type></degree>",
		         kinds[k].degree, kinds[k].alter);
	if (offset)
		buf_addf(v->out, "<offset>%d</offset>", offset);
	buf_adds(v->out, "</harmony>\n");
}

/* The chords that begin in [start, end), before the piece that lies there. */
static void add_harmonies(const struct voice *v, int start, int end)
{
	if (!v->lead)
		return;
	int low = 0, high = v->s->n_chords;
	while (low < high) {
		int mid = (low + high) / 2;
		if (v->s->chords[mid].start / TICKS < start)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < v->s->n_chords && v->s->chords[low].start / TICKS < end; low++)
		add_harmony(v, &v->s->chords[low], v->s->chords[low].start / TICKS - start);
}

/* ---- notes ---- */

/* What one symbol can show, the longest first; triplets aside. */
static const struct { int length; const char *type; int dots; } symbols[] = {
	{ 4 * QUARTER, "whole", 0 }, { 3 * QUARTER, "half", 1 }, { 2 * QUARTER, "half", 0 }, { QUARTER * 3 / 2, "quarter", 1 },
	{ QUARTER, "quarter", 0 }, { QUARTER * 3 / 4, "eighth", 1 }, { QUARTER / 2, "eighth", 0 }, { QUARTER / 4, "16th", 0 },
};

/* Whether a symbol of that length may stand at a place in the bar, so that the beats can still be seen: what begins off the beat ends with it, save
 * that a quarter, plain or dotted, may begin on an off-beat eighth within its half of the bar. */
static int may_stand(const struct voice *v, int place, int length)
{
	int beat = is_compound(v->s) ? QUARTER * 3 / 2 : QUARTER * 4 / v->s->meter_den;
	if (beat < SIXTEENTH)
		beat = SIXTEENTH;
	int within = place % beat;
	if (within + length <= beat)
		return within % (length % (QUARTER / 2) == 0 ? QUARTER / 2 : SIXTEENTH) == 0 || length == QUARTER / 2;
	if (within == 0)
		return length % beat == 0 || (beat == QUARTER && length == QUARTER * 3 / 2);
	int half = v->bar % (2 * beat) == 0 && v->bar > 2 * beat ? 2 * beat : v->bar;
	return beat == QUARTER && within == QUARTER / 2 && (length == QUARTER || length == QUARTER * 3 / 2) && place % half + length <= half;
}

static int in_triplet(const struct voice *v, int at)
{
	return at / QUARTER < v->quarters && v->triplet[at / QUARTER];
}

/* Where the piece that begins at `at` ends: at most at `end`, within its bar. *ret_symbol: index in symbols, or -1 in a triplet. */
static int piece_end(const struct voice *v, int at, int end, int *ret_symbol)
{
	int bar_start = at / v->bar * v->bar;
	if (end > bar_start + v->bar)
		end = bar_start + v->bar;
	int beat_end = (at / QUARTER + 1) * QUARTER;
	if (in_triplet(v, at) && (at % QUARTER || end < beat_end)) {
		*ret_symbol = -1;
		return end < beat_end ? end : beat_end;
	}
	/* A piece may run over whole triplet beats, but not end within one. */
	if (in_triplet(v, end) && end % QUARTER && end / QUARTER > at / QUARTER)
		end = end / QUARTER * QUARTER;
	int n = sizeof symbols / sizeof symbols[0];
	for (int i = 0; i < n; i++) {
		int stop = at + symbols[i].length;
		if (stop <= end && may_stand(v, at - bar_start, symbols[i].length) && !(stop % QUARTER && in_triplet(v, stop))) {
			*ret_symbol = i;
			return stop;
		}
	}
	*ret_symbol = n - 1;
	return at + SIXTEENTH < end ? at + SIXTEENTH : end;
}

static void add_pitch(const struct voice *v, int midi, int at)
{
	int tonic = (v->s->tonic_pc + score_transpose_at(v->s, at * TICKS)) % 12;
	buf_adds(v->out, "<pitch>");
	int alter = add_step(v->out, "", pitch_class_name(midi, tonic, v->s->minor));
	buf_addf(v->out, "<octave>%d</octave></pitch>", (midi - alter) / 12 - 1);
}

/* Whether note i is the last of a run of notes on one syllable that has several, or its first. */
static int is_melisma(const struct voice *v, int i, int *first, int *last)
{
	*first = begins_syllable(v->notes, i);
	*last = i + 1 >= v->n_notes || begins_syllable(v->notes, i + 1);
	return !(*first && *last);
}

static void add_lyric(const struct voice *v, int i)
{
	static const char *const syllabic[4] = { "middle", "begin", "end", "single" };
	const struct vocal_note *n = &v->notes[i];
	if (!v->s->lyrics || !begins_syllable(v->notes, i))
		return;
	const struct word *w = &v->s->lyrics->words[n->word];
	char text[SYLLABLE_TEXT_MAX];
	syllable_text(w, n->syllable, text);
	if (!*text)
		return;
	int begins = n->syllable == 0, ends = n->syllable == w->n_syllables - 1, first, last;
	buf_addf(v->out, "<lyric number=\"1\"><syllabic>%s</syllabic><text>", syllabic[begins + 2 * ends]);
	add_escaped(v->out, text);
	if (ends && w->punct && w->punct != '-')
		buf_addc(v->out, w->punct);
	buf_adds(v->out, "</text>");
	if (ends && is_melisma(v, i, &first, &last))
		buf_adds(v->out, "<extend/>");
	buf_adds(v->out, "</lyric>");
}

/* Tuplet brackets, ties between the pieces of a note, slurs over a syllable's notes. */
static void add_notations(const struct voice *v, const struct span *s, int start, int end, int triplet)
{
	int tied_from = s->midi >= 0 && start > s->start, tied_to = s->midi >= 0 && end < s->end;
	int opens = triplet && start % QUARTER == 0, closes = triplet && end % QUARTER == 0;
	int first = 1, last = 1, slur = s->note >= 0 && is_melisma(v, s->note, &first, &last);
	int slur_opens = slur && first && !tied_from, slur_closes = slur && last && !tied_to;
	if (!(tied_from || tied_to || opens || closes || slur_opens || slur_closes))
		return;
	buf_adds(v->out, "<notations>");
	if (tied_from)
		buf_adds(v->out, "<tied type=\"stop\"/>");
	if (tied_to)
		buf_adds(v->out, "<tied type=\"start\"/>");
	if (slur_closes)
		buf_adds(v->out, "<slur type=\"stop\" number=\"1\"/>");
	if (slur_opens)
		buf_adds(v->out, "<slur type=\"start\" number=\"1\" placement=\"above\"/>");
	if (opens)
		buf_adds(v->out, "<tuplet type=\"start\" bracket=\"yes\"/>");
	if (closes)
		buf_adds(v->out, "<tuplet type=\"stop\"/>");
	buf_adds(v->out, "</notations>");
}

static void add_piece(const struct voice *v, const struct span *s, int start, int end, int symbol)
{
	struct buf *b = v->out;
	int whole_bar = s->midi < 0 && start % v->bar == 0 && end - start == v->bar;
	buf_adds(b, "   <note>");
	if (s->midi >= 0)
		add_pitch(v, s->midi, start);
	else
		buf_adds(b, whole_bar ? "<rest measure=\"yes\"/>" : "<rest/>");
	buf_addf(b, "<duration>%d</duration>", end - start);
	if (s->midi >= 0 && start > s->start)
		buf_adds(b, "<tie type=\"stop\"/>");
	if (s->midi >= 0 && end < s->end)
		buf_adds(b, "<tie type=\"start\"/>");
	buf_adds(b, "<voice>1</voice>");
	if (whole_bar) {
		/* A bar's rest has no type: it is a bar long. */
	} else if (symbol >= 0) {
		buf_addf(b, "<type>%s</type>%s", symbols[symbol].type, symbols[symbol].dots ? "<dot/>" : "");
	} else {
		buf_addf(b, "<type>%s</type><time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes><normal-type>eighth</normal-type>"
		         "</time-modification>", end - start == TRIPLET ? "eighth" : "quarter");
	}
	if (s->note >= 0 && v->notes[s->note].spoken)
		buf_adds(b, "<notehead>x</notehead>");
	add_notations(v, s, start, end, symbol < 0 && !whole_bar);
	if (s->note >= 0 && start == s->start)
		add_lyric(v, s->note);
	buf_adds(b, "</note>\n");
}

/* ---- bars ---- */

static void add_attributes(const struct voice *v)
{
	const struct score *s = v->s;
	long sum = 0;
	for (int i = 0; i < v->n_notes; i++)
		sum += v->notes[i].midi;
	int low = v->n_notes && sum < 60L * v->n_notes; /* men's tunes are written an octave higher */
	buf_addf(v->out, "   <attributes><divisions>%d</divisions><key><fifths>%d</fifths><mode>%s</mode></key>"
	         "<time><beats>%d</beats><beat-type>%d</beat-type></time><clef><sign>G</sign><line>2</line>%s</clef></attributes>\n",
	         DIVISIONS, key_fifths(s->tonic_pc, s->minor), s->minor ? "minor" : "major", s->meter_num, s->meter_den,
	         low ? "<clef-octave-change>-1</clef-octave-change>" : "");
}

static void add_tempo(const struct voice *v)
{
	buf_adds(v->out, "   <direction placement=\"above\"><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>");
	/* As a person writes it: 92, not 92.0. */
	struct buf number = buf_init(64);
	add_number(&number, v->s->tempo_bpm);
	if (number.len > 2 && !strcmp(number.data + number.len - 2, ".0"))
		number.data[number.len - 2] = 0;
	buf_addf(v->out, "%s</per-minute></metronome></direction-type><sound tempo=\"%s\"/></direction>\n", buf_str(&number), buf_str(&number));
	buf_release(&number);
}

/* Whether a section begins with that bar; its name. */
static const char *section_at(const struct score *s, int bar_ticks)
{
	for (int i = 0; i < s->n_sections; i++)
		if (s->sections[i].start == bar_ticks)
			return s->sections[i].name;
	return NULL;
}

static void add_bar(const struct voice *v, int bar, int *next_span)
{
	int start = bar * v->bar, end = start + v->bar;
	const char *section = v->lead ? section_at(v->s, start * TICKS) : NULL;
	buf_addf(v->out, "  <measure number=\"%d\">\n", bar + 1);
	if (section && bar)
		buf_adds(v->out, "   <print new-system=\"yes\"/>\n");
	int transpose = score_transpose_at(v->s, start * TICKS);
	if (bar == 0)
		add_attributes(v);
	else if (transpose != score_transpose_at(v->s, start * TICKS - 1))
		buf_addf(v->out, "   <attributes><key><fifths>%d</fifths><mode>%s</mode></key></attributes>\n",
		         key_fifths((v->s->tonic_pc + transpose) % 12, v->s->minor), v->s->minor ? "minor" : "major");
	if (section) {
		buf_adds(v->out, "   <direction placement=\"above\"><direction-type>");
		add_element(v->out, "rehearsal", section);
		buf_adds(v->out, "</direction-type></direction>\n");
	}
	if (bar == 0 && v->lead)
		add_tempo(v);
	for (int at = start; at < end && *next_span < v->n_spans;) {
		const struct span *s = &v->spans[*next_span];
		int symbol = 0, stop;
		if (s->midi < 0 && at == start && s->end >= end)
			stop = end;
		else
			stop = piece_end(v, at, s->end, &symbol);
		add_harmonies(v, at, stop);
		add_piece(v, s, at, stop, symbol);
		at = stop;
		if (at >= s->end)
			++*next_span;
	}
	if (bar == v->s->bars - 1)
		buf_adds(v->out, "   <barline location=\"right\"><bar-style>light-heavy</bar-style></barline>\n");
	buf_adds(v->out, "  </measure>\n");
}

static int add_voice(const struct score *s, const char *id, const struct vocal_note *notes, int n, int lead, struct buf *out)
{
	struct voice v = { .s = s, .notes = notes, .n_notes = n, .lead = lead, .out = out };
	v.bar = score_bar_ticks(s) / TICKS;
	v.end = v.bar * s->bars;
	v.quarters = (v.end + QUARTER - 1) / QUARTER;
	v.spans = calloc((size_t)n * 2 + 1, sizeof *v.spans);
	v.triplet = calloc((size_t)v.quarters + 1, 1);
	int rc = v.spans && v.triplet ? choose_grids(&v) : MADRIGAL_EMEMORY;
	if (rc == 0 && v.bar > 0) {
		make_spans(&v);
		int next = 0;
		buf_addf(out, " <part id=\"%s\">\n", id);
		for (int bar = 0; bar < s->bars; bar++)
			add_bar(&v, bar, &next);
		buf_adds(out, " </part>\n");
	}
	free(v.spans);
	free(v.triplet);
	return rc;
}

static void add_header(const struct score *s, struct buf *out)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	         "<!DOCTYPE score-partwise PUBLIC \"-//Recordare//DTD MusicXML 4.0 Partwise//EN\" \"http://www.musicxml.org/dtds/partwise.dtd\">\n"
	         "<score-partwise version=\"4.0\">\n <work>");
	add_element(out, "work-title", s->title);
	buf_adds(out, "</work>\n <identification><encoding><software>Madrigal " MADRIGAL_VERSION "</software></encoding></identification>\n"
	         " <credit page=\"1\"><credit-type>title</credit-type><credit-words justify=\"center\" valign=\"top\" font-size=\"20\">");
	add_escaped(out, s->title);
	buf_adds(out, "</credit-words></credit>\n <part-list>\n  <score-part id=\"P1\"><part-name>Voice</part-name>"
	         "<score-instrument id=\"P1-I1\"><instrument-name>Voice</instrument-name></score-instrument></score-part>\n");
	if (s->n_backing)
		buf_adds(out, "  <score-part id=\"P2\"><part-name>Backing voice</part-name>"
		         "<score-instrument id=\"P2-I1\"><instrument-name>Voice</instrument-name></score-instrument></score-part>\n");
	buf_adds(out, " </part-list>\n");
}

int song_musicxml(const struct score *s, struct buf *out)
{
	add_header(s, out);
	int rc = add_voice(s, "P1", s->vocal, s->n_vocal, 1, out);
	if (rc == 0 && s->n_backing)
		rc = add_voice(s, "P2", s->backing, s->n_backing, 0, out);
	if (rc < 0)
		return rc;
	buf_adds(out, "</score-partwise>\n");
	return out->failed;
}
