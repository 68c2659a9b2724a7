/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tune_figures [-s STYLE] [-n SEEDS] [-c CANDIDATES] [-k KEY] [-t BPM] [-m METER] [-d SECONDS] [-b LINE_BARS] [-y DENSITY] [-v] LYRICS...
 *
 * Makes scores and prints, for each figure that the judge counts in a tune, its mean, its extremes and how often it holds; -v also prints each
 * song's figures that don't hold. Stress comes from the lyrics as parsed. -b and -y set the styles' line_bars and density. */
#include <math.h>
#include <time.h>

#include "compose_support.h"

enum row { OFFBEAT, ON_ONE, TONE_OFF, STEPS, REPEATS, WIDE, RANGE, RHYTHM_AGAIN, BARS_AGAIN, LIFT, PEAK, STRESSED, UNSTRESSED, PACE,
           LEAPS, REVERSED, TESSITURA, CONTENT, FUNCTION, FUNCTION_ONE, STRESSED_ONE, UNSTRESSED_ONE, FINAL_LONGER, FINAL_TONE, FINAL_TONIC, ENTRIES_OFF, MELISMA, A_BAR,
           CHORUS_LONGER, PHRASE_BEATS, EVEN, EIGHTHS, LINE_BARS, DENSITY, ROWS };

static const struct { const char *name; double low, high; } rows[ROWS] = {
	[OFFBEAT] = { "offbeat_onsets", 0.35, 0.65 }, [ON_ONE] = { "chord_tone_on_one", 0.65, 0.95 }, [TONE_OFF] = { "chord_tone_offbeat", 0.45, 0.8 },
	[STEPS] = { "steps_le_2", 0.6, 0.82 }, [REPEATS] = { "repeated_pitch", 0.1, 0.4 }, [WIDE] = { "leaps_gt_7", 0, 0.04 },
	[RANGE] = { "range_semitones", 11, 22 }, [RHYTHM_AGAIN] = { "bars_rhythm_heard_before", 0.4, 0.85 },
	[BARS_AGAIN] = { "bars_heard_before", 0.2, 0.7 }, [LIFT] = { "chorus_lift_semitones", 0.5, 6 }, [PEAK] = { "peak_in_chorus", 1, 1 },
	[STRESSED] = { "stressed_on_beat", 0.55, 1 }, [UNSTRESSED] = { "unstressed_on_beat", 0, 0.35 },
	[PACE] = { "fastest_line_syllables_s", 1, 4.5 },
	/* The rest of the measured figures, with their middle ranges: of averages, not of each song. */
	[LEAPS] = { "leaps_ge_5", 0.06, 0.15 }, [REVERSED] = { "leaps_reversed", 0.5, 1 }, [TESSITURA] = { "tessitura", 4, 12 },
	[CONTENT] = { "content_word_on_beat", 0.5, 1 }, [FUNCTION] = { "function_word_on_beat", 0, 0.4 }, [FUNCTION_ONE] = { "function_word_on_1_3", 0, 0.15 },
	[STRESSED_ONE] = { "stressed_on_1_3", 0.4, 1 }, [UNSTRESSED_ONE] = { "unstressed_on_1_3", 0, 0.08 },
	[FINAL_LONGER] = { "last_note_to_others", 1.5, 4 }, [FINAL_TONE] = { "last_note_in_chord", 0.75, 1 }, [FINAL_TONIC] = { "last_note_tonic", 0.2, 0.5 },
	[ENTRIES_OFF] = { "entries_off_1_3", 0.55, 0.75 }, [MELISMA] = { "extra_notes_a_syllable", 0.05, 0.2 }, [A_BAR] = { "notes_a_bar", 3, 8 },
	[CHORUS_LONGER] = { "chorus_note_length", 1, 1.4 }, [PHRASE_BEATS] = { "line_beats", 4, 14 },
	[EVEN] = { "equal_gaps_in_a_row", 0.55, 0.75 }, [EIGHTHS] = { "gaps_of_an_eighth", 0.5, 0.75 },
	[LINE_BARS] = { "bars_a_line", 1, 4 }, [DENSITY] = { "notes_a_beat", 0.8, 2.5 },
};
#define JUDGED (PACE + 1)

static double share(int part, int whole)
{
	return whole ? (double)part / whole : 0;
}

/* Rap is no tune. */
static void drop_spoken(struct score *s)
{
	int n = 0;
	for (int i = 0; i < s->n_vocal; i++)
		if (!s->vocal[i].spoken)
			s->vocal[n++] = s->vocal[i];
	s->n_vocal = n;
}

/* Ticks of a bar as the judge counts them: six quarters where the meter is 6/8. */
static int judged_bar(const struct score *s)
{
	return s->meter_num * TICKS_PER_QUARTER;
}

static void count_bars(const struct score *s, double *v)
{
	static unsigned rhythm[4000], whole[4000];
	int bars = 0, again = 0, again_whole = 0, ticks = judged_bar(s);
	for (int i = 0; i < s->n_vocal;) {
		int bar = s->vocal[i].start / ticks, r = 0, w = 0;
		unsigned a = 7, b = 7;
		for (; i < s->n_vocal && s->vocal[i].start / ticks == bar; i++) {
			a = a * 31 + (unsigned)(s->vocal[i].start % ticks) / 120 + 1;
			b = b * 131 + (unsigned)(s->vocal[i].start % ticks) / 120 * 128 + (unsigned)s->vocal[i].midi;
		}
		for (int k = 0; k < bars; k++) {
			r |= rhythm[k] == a;
			w |= whole[k] == b;
		}
		rhythm[bars] = a;
		whole[bars++] = b;
		again += r;
		again_whole += w;
	}
	v[RHYTHM_AGAIN] = share(again, bars);
	v[BARS_AGAIN] = share(again_whole, bars);
}

static void count_notes(const struct score *s, double *v)
{
	int off = 0, off_tones = 0, one = 0, one_tones = 0, pairs = 0, small = 0, same = 0, wide = 0, low = 127, high = 0;
	int bar = judged_bar(s), top[2] = { 0, 0 }, count[2] = { 0, 0 };
	double sum[2] = { 0, 0 };
	for (int i = 0; i < s->n_vocal; i++) {
		const struct vocal_note *n = &s->vocal[i];
		int tone = chord_pitch_classes(&score_chord_at(s, n->start)->chord, s->tonic_pc) >> (n->midi % 12) & 1;
		if (n->start % TICKS_PER_QUARTER) {
			off++;
			off_tones += tone;
		} else if (n->start % bar == 0) {
			one++;
			one_tones += tone;
		}
		low = n->midi < low ? n->midi : low;
		high = n->midi > high ? n->midi : high;
		enum section_kind k = SECTION_KINDS; /* where it starts, as the judge has it */
		for (int j = 0; j < s->n_sections; j++)
			if (n->start >= s->sections[j].start && n->start < s->sections[j].end)
				k = s->sections[j].kind;
		if (k == SECTION_VERSE || k == SECTION_CHORUS) {
			int c = k == SECTION_CHORUS;
			sum[c] += n->midi;
			count[c]++;
			top[c] = n->midi > top[c] ? n->midi : top[c];
		}
		if (i + 1 < s->n_vocal && n[1].start - n->start - n->dur < TICKS_PER_QUARTER) {
			int size = abs(n[1].midi - n->midi);
			pairs++;
			small += size <= 2;
			same += size == 0;
			wide += size > 7;
		}
	}
	v[OFFBEAT] = share(off, s->n_vocal);
	v[ON_ONE] = one >= 4 ? share(one_tones, one) : (double)NAN;
	v[TONE_OFF] = off >= 8 ? share(off_tones, off) : (double)NAN;
	v[STEPS] = share(small, pairs);
	v[REPEATS] = share(same, pairs);
	v[WIDE] = share(wide, pairs);
	v[RANGE] = high - low;
	v[LIFT] = count[0] && count[1] ? sum[1] / count[1] - sum[0] / count[0] : (double)NAN;
	v[PEAK] = count[0] && count[1] ? top[1] >= top[0] : (double)NAN;
}

static void count_words(const struct score *s, double *v)
{
	const struct lyrics *l = s->lyrics;
	int stressed = 0, on = 0, unstressed = 0, un_on = 0;
	double pace = 0;
	for (int i = 0; i < s->n_vocal; i++) {
		const struct vocal_note *n = &s->vocal[i];
		const struct word *w = &l->words[n->word];
		enum stress st = l->syllables[w->first_syllable + n->syllable].stress;
		if (w->n_syllables < 2 || (i && n[-1].word == n->word && n[-1].syllable == n->syllable))
			continue;
		stressed += st == STRESS_PRIMARY;
		on += st == STRESS_PRIMARY && n->start % TICKS_PER_QUARTER == 0;
		unstressed += st == STRESS_NONE;
		un_on += st == STRESS_NONE && n->start % TICKS_PER_QUARTER == 0;
	}
	for (int i = 0, first = 0; i < s->n_vocal; i++) {
		if (i + 1 < s->n_vocal && s->vocal[i + 1].line == s->vocal[i].line)
			continue;
		double seconds = score_seconds(s, s->vocal[i].start + s->vocal[i].dur) - score_seconds(s, s->vocal[first].start);
		pace = fmax(pace, (i - first + 1) / seconds);
		first = i + 1;
	}
	v[STRESSED] = stressed >= 8 ? share(on, stressed) : (double)NAN;
	v[UNSTRESSED] = stressed >= 8 ? share(un_on, unstressed) : (double)NAN;
	v[PACE] = pace;
}

/* Billboard's phrases: 66 % of gaps between onsets are as long as the gap before, 63 % are eighths, 29 % quarters. */
static void count_gaps(const struct score *s, double *v)
{
	int pairs = 0, equal = 0, gaps = 0, eighths = 0, before = 0;
	for (int i = 1, at = 0; i < s->n_vocal; i++) {
		const struct vocal_note *n = &s->vocal[i];
		if (n->word == n[-1].word && n->syllable == n[-1].syllable)
			continue;
		int gap = n->line == n[-1].line ? n->start - s->vocal[at].start : 0;
		at = i;
		if (gap && before) {
			pairs++;
			equal += gap == before;
		}
		gaps += gap > 0;
		eighths += gap == TICKS_PER_QUARTER / 2;
		before = gap;
	}
	v[EVEN] = share(equal, pairs);
	v[EIGHTHS] = share(eighths, gaps);
}

/* Bars from line to line, and notes a beat from a line's first to the end of its last. */
static void count_lines(const struct score *s, double *v)
{
	double bars = 0, beats = 0;
	int lines = 0;
	for (int i = 0, first = 0; i < s->n_vocal; i++) {
		const struct vocal_note *n = &s->vocal[i];
		if (i + 1 < s->n_vocal && n[1].line == n->line)
			continue;
		beats += (double)(n->start + n->dur - s->vocal[first].start) / TICKS_PER_QUARTER;
		if (i + 1 < s->n_vocal && n[1].section == n->section) {
			bars += round((double)(n[1].start - s->vocal[first].start) / score_bar_ticks(s));
			lines++;
		}
		first = i + 1;
	}
	v[LINE_BARS] = lines ? bars / lines : (double)NAN;
	v[DENSITY] = s->n_vocal / beats;
}

static void count_rest(const struct score *s, double *v)
{
	const struct lyrics *l = s->lyrics;
	int pairs = 0, leaps = 0, turns = 0, reversed = 0, before = 0, content[2] = { 0, 0 }, function[3] = { 0, 0, 0 }, st[2] = { 0, 0 }, un[2] = { 0, 0 },
	    finals = 0, tone = 0, tonic = 0, off = 0, syllables = 0, histogram[128] = { 0 }, bars = 0, bar = score_bar_ticks(s), last_bar = -1, count[2] = { 0, 0 };
	double final_len = 0, other_len = 0, len[2] = { 0, 0 }, beats = 0;
	for (int i = 0, first = 0; i < s->n_vocal; i++) {
		const struct vocal_note *n = &s->vocal[i];
		const struct word *w = &l->words[n->word];
		int begins = !i || n[-1].line != n->line, ends = i + 1 == s->n_vocal || n[1].line != n->line, beat = n->start % TICKS_PER_QUARTER == 0;
		int one = n->start % (s->meter_num == 4 ? bar / 2 : bar) == 0, own = !(i && n[-1].word == n->word && n[-1].syllable == n->syllable);
		enum stress stress = l->syllables[w->first_syllable + n->syllable].stress;
		first = begins ? i : first;
		off += begins && !one;
		bars += n->start / bar != last_bar;
		last_bar = n->start / bar;
		histogram[n->midi]++;
		syllables += own;
		if (own && w->n_syllables == 1 && w->content)
			content[0]++, content[1] += beat;
		else if (own && w->n_syllables == 1)
			function[0]++, function[1] += beat, function[2] += one;
		else if (own && stress == STRESS_PRIMARY)
			st[0]++, st[1] += one;
		else if (own && stress == STRESS_NONE)
			un[0]++, un[1] += one;
		int kind = (int)s->sections[n->section].kind - SECTION_VERSE, chorus = kind == SECTION_CHORUS - SECTION_VERSE;
		if (kind == 0 || chorus) {
			len[chorus] += n->dur;
			count[chorus]++;
		}
		if (ends) {
			finals++;
			final_len += n->dur;
			beats += (double)(n->start + n->dur - s->vocal[first].start) / TICKS_PER_QUARTER;
			tone += chord_pitch_classes(&score_chord_at(s, n->start)->chord, s->tonic_pc) >> (n->midi % 12) & 1;
			tonic += n->midi % 12 == s->tonic_pc;
			before = 0;
			continue;
		}
		other_len += n->dur;
		int step = n[1].midi - n->midi;
		pairs++;
		leaps += abs(step) >= 5;
		turns += abs(before) >= 5;
		reversed += abs(before) >= 5 && step * before < 0;
		before = step;
	}
	int low = -1, high = -1;
	for (int q = 0, seen = 0; q < 128; q++) {
		seen += histogram[q];
		low = low < 0 && seen * 10 >= s->n_vocal ? q : low;
		high = high < 0 && seen * 10 >= s->n_vocal * 9 ? q : high;
	}
	v[LEAPS] = share(leaps, pairs);
	v[REVERSED] = turns ? share(reversed, turns) : (double)NAN;
	v[TESSITURA] = high - low;
	v[CONTENT] = share(content[1], content[0]);
	v[FUNCTION] = share(function[1], function[0]);
	v[FUNCTION_ONE] = share(function[2], function[0]);
	v[STRESSED_ONE] = share(st[1], st[0]);
	v[UNSTRESSED_ONE] = share(un[1], un[0]);
	v[FINAL_LONGER] = final_len / finals / (other_len / (s->n_vocal - finals));
	v[FINAL_TONE] = share(tone, finals);
	v[FINAL_TONIC] = share(tonic, finals);
	v[ENTRIES_OFF] = share(off, finals);
	v[MELISMA] = share(s->n_vocal - syllables, syllables);
	v[A_BAR] = share(s->n_vocal, bars);
	v[CHORUS_LONGER] = count[0] && count[1] ? len[1] / count[1] / (len[0] / count[0]) : (double)NAN;
	v[PHRASE_BEATS] = beats / finals;
}

struct sums { double sum, low, high; int n, held; };

static void add_song(const struct score *s, struct sums *sums, const char *what, int verbose, int *ret_all)
{
	double v[ROWS];
	count_bars(s, v);
	count_notes(s, v);
	count_words(s, v);
	count_rest(s, v);
	count_gaps(s, v);
	count_lines(s, v);
	*ret_all = 1;
	for (int r = 0; r < ROWS; r++) {
		if (isnan(v[r]))
			continue;
		int ok = v[r] >= rows[r].low && v[r] <= rows[r].high;
		struct sums *a = &sums[r];
		a->low = a->n ? fmin(a->low, v[r]) : v[r];
		a->high = a->n ? fmax(a->high, v[r]) : v[r];
		a->sum += v[r];
		a->n++;
		a->held += ok;
		*ret_all &= ok || r >= JUDGED;
		if (verbose && !ok && r < JUDGED)
			printf("  %s: %s %.3f\n", what, rows[r].name, v[r]);
	}
}

static void print_rows(const struct sums *sums, int songs, int whole, double seconds)
{
	printf("%-26s %8s %8s %8s   %-12s %s\n", "figure", "mean", "least", "most", "line", "holds");
	for (int r = 0; r < ROWS; r++) {
		const struct sums *a = &sums[r];
		if (a->n)
			printf("%-26s %8.3f %8.3f %8.3f   %.2f..%-6.2f %5.1f %% of %d\n", rows[r].name, a->sum / a->n, a->low, a->high, rows[r].low, rows[r].high,
			       100.0 * a->held / a->n, a->n);
	}
	printf("all lines hold in %.1f %% of %d songs; %.1f ms a song\n", 100.0 * whole / (songs ? songs : 1), songs, 1000 * seconds / (songs ? songs : 1));
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct madrigal_request req = { .candidates = COMPOSE_DEFAULT_CANDIDATES };
	int line_bars = 0, seeds = 8, verbose = 0, songs = 0, whole = 0, i = 1;
	double density = 0;
	static struct sums sums[ROWS];
	for (; i + 1 < argc && argv[i][0] == '-'; i++) {
		const char *o = argv[i];
		if (!strcmp(o, "-v"))
			verbose = 1;
		else if (!strcmp(o, "-s"))
			req.style = argv[++i];
		else if (!strcmp(o, "-n"))
			seeds = atoi(argv[++i]);
		else if (!strcmp(o, "-c"))
			req.candidates = atoi(argv[++i]);
		else if (!strcmp(o, "-k"))
			req.key = argv[++i];
		else if (!strcmp(o, "-t"))
			req.tempo_bpm = atof(argv[++i]);
		else if (!strcmp(o, "-m"))
			req.time_signature = argv[++i];
		else if (!strcmp(o, "-d"))
			req.duration_s = atof(argv[++i]);
		else if (!strcmp(o, "-b"))
			line_bars = atoi(argv[++i]);
		else if (!strcmp(o, "-y"))
			density = atof(argv[++i]);
	}
	struct studio st;
	double spent = 0;
	if (studio_open(&st)) {
		fprintf(stderr, "%s\n", st.err.message);
		return 1;
	}
	for (int k = 0; k < st.styles.n; k++) {
		st.styles.styles[k]->form.line_bars = line_bars ? line_bars : st.styles.styles[k]->form.line_bars;
		st.styles.styles[k]->melody.density = density > 0 ? (float)density : st.styles.styles[k]->melody.density;
	}
	for (; i < argc; i++) {
		char *text;
		size_t len;
		struct lyrics l;
		if (file_read(argv[i], 100000, &text, &len, &st.err) || lyrics_parse(text, len, st.lexicon, 0, &l, &st.err)) {
			fprintf(stderr, "%s: %s\n", argv[i], st.err.message);
			return 1;
		}
		for (int s = 0; s < st.styles.n; s++)
			for (int seed = 1; seed <= seeds; seed++) {
				struct madrigal_request r = req;
				struct brief brief;
				struct score score;
				char what[300];
				int all;
				if (req.style && strcmp(req.style, st.styles.styles[s]->name))
					continue;
				r.style = st.styles.styles[s]->name;
				r.seed = (uint64_t)seed;
				double t = now_s();
				if (studio_compose(&st, &l, &r, &brief, &score)) {
					fprintf(stderr, "%s, %s, %d: %s\n", argv[i], r.style, seed, st.err.message);
					continue;
				}
				spent += now_s() - t;
				drop_spoken(&score);
				if (!score.n_vocal) {
					score_release(&score);
					continue;
				}
				snprintf(what, sizeof what, "%s %s %d (%.0f bpm %d bars %.0f s)", argv[i], r.style, seed, score.tempo_bpm, score.bars, score_duration(&score));
				add_song(&score, sums, what, verbose, &all);
				whole += all;
				songs++;
				score_release(&score);
			}
		lyrics_release(&l);
		free(text);
	}
	print_rows(sums, songs, whole, spent);
	studio_close(&st);
	return 0;
}
