/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The composer as a listener knows it: over many lyrics, styles and seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "compose/plan.h"
#include "compose_support.h"

static struct studio studio;

static int open_all(void **state)
{
	(void)state;
	if (studio_open(&studio)) {
		print_error("%s\n", studio.err.message);
		return -1;
	}
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	studio_close(&studio);
	return 0;
}

static void parse(const char *text, struct lyrics *l)
{
	if (lyrics_parse(text, strlen(text), studio.lexicon, 1, l, &studio.err))
		fail_msg("%s", studio.err.message);
}

static void parse_file(const char *name, struct lyrics *l)
{
	char path[600], *text;
	size_t len;
	snprintf(path, sizeof path, "%s/lyrics/%s", TEST_DATA_DIR, name);
	if (file_read(path, 100000, &text, &len, &studio.err))
		fail_msg("%s", studio.err.message);
	parse(text, l);
	free(text);
}

static const char *const songs[] = { "compose-country.txt", "compose-dance.txt", "compose-poem.txt", "compose-prose.txt", "compose-lullaby.txt",
                                     "compose-anthem.txt", "compose-word.txt" };
#define SONGS (sizeof songs / sizeof songs[0])

static struct madrigal_request ask(const char *style, uint64_t seed)
{
	return (struct madrigal_request){ .style = style, .seed = seed, .candidates = 12 };
}

static void compose(struct lyrics *l, const struct madrigal_request *req, struct brief *brief, struct score *s)
{
	if (studio_compose(&studio, l, req, brief, s))
		fail_msg("%s, seed %u: %s", req->style, (unsigned)req->seed, studio.err.message);
}

/* ---- what holds for any song ---- */

static void check_frame(const struct score *s)
{
	int bar = score_bar_ticks(s), at = 0;
	for (int i = 0; i < s->n_sections; i++) {
		assert_int_equal(s->sections[i].start, at);
		assert_true(s->sections[i].end > at);
		assert_int_equal((s->sections[i].end - at) % bar, 0);
		assert_true(s->sections[i].same_as < i);
		assert_true(s->sections[i].intensity >= 0 && s->sections[i].intensity <= 1);
		at = s->sections[i].end;
	}
	assert_int_equal(at, s->bars * bar);
	at = 0;
	for (int i = 0; i < s->n_chords; i++) {
		assert_int_equal(s->chords[i].start, at);
		assert_true(s->chords[i].end > at);
		at = s->chords[i].end;
	}
	assert_int_equal(at, s->bars * bar);
	assert_int_equal(s->chords[s->n_chords - 1].chord.root, s->sections[s->n_sections - 1].transpose); /* it ends at home */
	assert_true(*s->title);
	assert_true(s->tail_s > 0 && s->tail_s <= 4);
}

/* Each syllable once, in order, on one note or more. */
static void check_words(const struct score *s, const struct vocal_note *notes, int n, int backing)
{
	const struct lyrics *l = s->lyrics;
	int i = 0;
	for (int line = 0; line < l->n_lines; line++) {
		if (l->lines[line].backing != backing)
			continue;
		for (int w = l->lines[line].first_word; w < l->lines[line].first_word + l->lines[line].n_words; w++)
			for (int k = 0; k < l->words[w].n_syllables; k++) {
				int first = i;
				while (i < n && notes[i].word == w && notes[i].syllable == k) {
					assert_int_equal(notes[i].line, line);
					assert_int_equal(s->sections[notes[i].section].lyric_section, l->lines[line].section);
					i++;
				}
				assert_in_range(i - first, 1, 3);
			}
	}
	assert_int_equal(i, n);
}

static void check_notes(const struct score *s, const struct vocal_note *notes, int n, const struct singer *singer)
{
	for (int i = 0; i < n; i++) {
		assert_true(notes[i].start >= 0);
		assert_true(notes[i].dur >= STEP_TICKS);
		assert_true(notes[i].start + notes[i].dur <= s->bars * score_bar_ticks(s));
		assert_in_range(notes[i].midi, singer->low - 2, singer->top);
		assert_true(notes[i].dynamic > 0 && notes[i].dynamic <= 1);
		if (i + 1 < n)
			assert_true(notes[i].start + notes[i].dur <= notes[i + 1].start);
	}
}

/* Between two lines there is time to breathe, and no syllable is too short to be spoken. */
static void check_breaths(const struct score *s)
{
	double beat_s = 60 / s->tempo_bpm;
	for (int i = 0; i + 1 < s->n_vocal; i++) {
		const struct vocal_note *a = &s->vocal[i], *b = a + 1;
		double rest = score_seconds(s, b->start) - score_seconds(s, a->start + a->dur);
		if (a->line != b->line && !a->spoken)
			assert_true(rest > 0.34 && rest > 0.49 * beat_s - 1e-6);
		else if (a->line != b->line)
			assert_true(rest > 0.099);
		assert_true(score_seconds(s, b->start) - score_seconds(s, a->start) > (a->spoken ? 0.109 : 0.149));
	}
}

static void check_returns(const struct score *s)
{
	for (int i = 0; i < s->n_sections; i++) {
		int other = s->sections[i].same_as, at = 0, b = 0;
		if (other < 0)
			continue;
		int shift = s->sections[i].start - s->sections[other].start, up = s->sections[i].transpose - s->sections[other].transpose;
		while (at < s->n_vocal && s->vocal[at].section != other)
			at++;
		while (b < s->n_vocal && s->vocal[b].section != i)
			b++;
		for (; b < s->n_vocal && s->vocal[b].section == i; at++, b++) {
			assert_int_equal(s->vocal[at].section, other);
			assert_int_equal(s->vocal[b].start, s->vocal[at].start + shift);
			assert_int_equal(s->vocal[b].midi, s->vocal[at].midi + up);
		}
		assert_true(at == s->n_vocal || s->vocal[at].section != other);
	}
}

static void check_song(const struct score *s, const struct brief *brief)
{
	check_frame(s);
	check_words(s, s->vocal, s->n_vocal, 0);
	check_words(s, s->backing, s->n_backing, 1);
	check_notes(s, s->vocal, s->n_vocal, brief->singer);
	check_notes(s, s->backing, s->n_backing, brief->singer);
	check_breaths(s);
	check_returns(s);
}

static void any_song_is_whole(void **state)
{
	(void)state;
	for (size_t f = 0; f < SONGS; f++) {
		struct lyrics l;
		parse_file(songs[f], &l);
		for (int st = 0; st < studio.styles.n; st++)
			for (uint64_t seed = 1; seed <= 12; seed++) {
				struct madrigal_request req = ask(studio.styles.styles[st]->name, seed);
				struct brief brief;
				struct score s;
				req.time_signature = seed % 6 == 5 ? "3/4" : seed % 6 == 0 ? "6/8" : NULL;
				compose(&l, &req, &brief, &s);
				check_song(&s, &brief);
				score_release(&s);
			}
		lyrics_release(&l);
	}
}

static void any_tempo_can_be_sung(void **state)
{
	(void)state;
	static const double tempos[] = { 40, 61.8, 97.3, 150, 181, 240 };
	struct lyrics l;
	parse_file("compose-prose.txt", &l);
	for (size_t t = 0; t < sizeof tempos / sizeof tempos[0]; t++)
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct madrigal_request req = ask(studio.styles.styles[0]->name, seed);
			struct brief brief;
			struct score s;
			req.tempo_bpm = tempos[t];
			req.time_signature = seed == 2 ? "3/4" : seed == 3 ? "6/8" : "4/4";
			compose(&l, &req, &brief, &s);
			check_song(&s, &brief);
			score_release(&s);
		}
	lyrics_release(&l);
}

/* ---- odd lyrics ---- */

static void sing_text(const char *text)
{
	struct lyrics l;
	parse(text, &l);
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct madrigal_request req = ask(studio.styles.styles[seed % (uint64_t)studio.styles.n]->name, seed);
		struct brief brief;
		struct score s;
		compose(&l, &req, &brief, &s);
		check_song(&s, &brief);
		score_release(&s);
	}
	lyrics_release(&l);
}

static void odd_lyrics_are_sung(void **state)
{
	(void)state;
	sing_text("Go");
	sing_text("[Chorus]\n(ooh, la la)\n");
	sing_text("[Verse]\n(wait)\n(for it)\nNow\n(now)\n(now, now, now, now, now, now, now, now, now, now, now)\n");
	sing_text("[Chorus]\nStay\n[Chorus]\nStay\n[Chorus]\nStay\n");
	sing_text("[Intro]\nLa la la\n[Verse]\nOne line, and then some more of it, and more\n[Outro]\nLa la la\n");
	sing_text("[Intro]\n[Inst]\n[Solo]\n[Verse]\nHello there\n[Break]\n[Interlude]\n[Build Up]\n[Chorus]\nHello\n[Solo]\n[Outro]\n");
	char text[3000] = "[Verse]\n";
	while (strlen(text) < 2900)
		strcat(text, strlen(text) % 3 ? "and so it goes along " : "unbelievably ordinary ");
	sing_text(text);
	strcpy(text, "[Verse]\n");
	while (strlen(text) < 2900)
		strcat(text, strlen(text) % 3 ? "We never said goodbye\n" : "Everything is beautiful this time of year\n");
	sing_text(text);
	strcpy(text, "");
	while (strlen(text) < 600)
		strcat(text, "[Verse]\na\n");
	sing_text(text);
}

static void more_lines_than_a_song_holds_are_refused(void **state)
{
	(void)state;
	char text[3000] = "";
	struct lyrics l;
	while (strlen(text) < 2900)
		strcat(text, "[Verse]\na\n");
	parse(text, &l);
	struct madrigal_request req = ask(studio.styles.styles[0]->name, 1);
	struct brief brief;
	struct score s;
	assert_int_equal(studio_compose(&studio, &l, &req, &brief, &s), MADRIGAL_EUSAGE);
	assert_non_null(strstr(studio.err.message, "minutes"));
	lyrics_release(&l);
}

/* ---- sameness and difference ---- */

static void same_request_same_song(void **state)
{
	(void)state;
	struct lyrics l;
	parse_file("compose-anthem.txt", &l);
	struct madrigal_request req = ask(studio.styles.styles[0]->name, 7);
	struct brief brief;
	struct score a, b;
	compose(&l, &req, &brief, &a);
	compose(&l, &req, &brief, &b);
	assert_int_equal(a.n_vocal, b.n_vocal);
	assert_memory_equal(a.vocal, b.vocal, (size_t)a.n_vocal * sizeof *a.vocal);
	assert_int_equal(a.n_parts, b.n_parts);
	for (int i = 0; i < a.n_parts; i++) {
		assert_int_equal(a.parts[i].n_notes, b.parts[i].n_notes);
		assert_memory_equal(a.parts[i].notes, b.parts[i].notes, (size_t)a.parts[i].n_notes * sizeof *a.parts[i].notes);
	}
	score_release(&a);
	score_release(&b);
	lyrics_release(&l);
}

static int common_notes(const struct score *a, const struct score *b)
{
	int same = 0;
	for (int i = 0, k = 0; i < a->n_vocal; i++) {
		while (k + 1 < b->n_vocal && b->vocal[k].start < a->vocal[i].start)
			k++;
		same += a->vocal[i].start == b->vocal[k].start && a->vocal[i].midi - a->tonic_pc == b->vocal[k].midi - b->tonic_pc;
	}
	return same;
}

static void another_seed_is_another_song(void **state)
{
	(void)state;
	struct lyrics l;
	parse_file("compose-country.txt", &l);
	struct brief brief;
	struct score s[6];
	for (int i = 0; i < 6; i++) {
		struct madrigal_request req = ask(studio.styles.styles[0]->name, (uint64_t)i + 1);
		req.tempo_bpm = 100;
		req.time_signature = "4/4";
		compose(&l, &req, &brief, &s[i]);
	}
	for (int i = 0; i < 6; i++)
		for (int k = 0; k < i; k++)
			assert_true(common_notes(&s[i], &s[k]) < 0.35 * s[i].n_vocal);
	for (int i = 0; i < 6; i++)
		score_release(&s[i]);
	lyrics_release(&l);
}

static void repeated_lines_repeat_their_tune(void **state)
{
	(void)state;
	struct lyrics l;
	parse("[Chorus]\nCarry me over the water\nLeaving the city behind\nCarry me over the water\nSomewhere that no one can find\n", &l);
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct madrigal_request req = ask(studio.styles.styles[0]->name, seed);
		struct brief brief;
		struct score s;
		compose(&l, &req, &brief, &s);
		int first[4] = { -1, -1, -1, -1 }, same = 0;
		for (int i = s.n_vocal - 1; i >= 0; i--)
			first[s.vocal[i].line] = i;
		int n = first[1];
		for (int i = 0; i < n && first[2] + i < first[3]; i++)
			same += s.vocal[first[2] + i].start - s.vocal[first[2]].start == s.vocal[i].start - s.vocal[0].start;
		assert_true(same >= n - 2);
		score_release(&s);
	}
	lyrics_release(&l);
}

/* ---- the key change ---- */

static int first_raised(const struct score *s)
{
	int i = 0;
	while (i < s->n_sections && !s->sections[i].transpose)
		i++;
	return i;
}

/* The last chorus lies `by` higher, with all that follows; the new key's dominant comes before it, and nothing else has changed. */
static void check_raised(const struct score *s, int by)
{
	int raised = first_raised(s), choruses = 0;
	assert_true(raised > 0 && raised < s->n_sections);
	assert_int_equal(s->sections[raised].kind, SECTION_CHORUS);
	for (int i = raised; i < s->n_sections; i++) {
		assert_int_equal(s->sections[i].transpose, by);
		choruses += s->sections[i].kind == SECTION_CHORUS;
	}
	assert_int_equal(choruses, 1);
	int start = s->sections[raised].start;
	const struct chord *before = &score_chord_at(s, start - 1)->chord, *last = &s->chords[s->n_chords - 1].chord;
	assert_int_equal(before->root, (7 + by) % 12);
	assert_int_equal(before->intervals[1], 4);
	assert_int_equal(last->root, by);
}

static void the_last_chorus_is_raised(void **state)
{
	(void)state;
	static const char *const with_choruses[] = { "compose-country.txt", "compose-dance.txt", "compose-anthem.txt" };
	for (int f = 0; f < 3; f++) {
		struct lyrics l;
		parse_file(with_choruses[f], &l);
		for (int st = 0; st < studio.styles.n; st++) {
			struct style_form *form = &studio.styles.styles[st]->form;
			const struct style_form kept = *form;
			for (int by = 1 + (st + f) % 2; by <= 4; by += 2) {
				struct madrigal_request req = ask(studio.styles.styles[st]->name, (uint64_t)by);
				struct brief brief;
				struct score s;
				form->key_change = by;
				form->key_change_chance = 1;
				compose(&l, &req, &brief, &s);
				check_song(&s, &brief);
				check_raised(&s, by);
				score_release(&s);
				req.key = "D major"; /* who asks for a key keeps it */
				compose(&l, &req, &brief, &s);
				assert_int_equal(first_raised(&s), s.n_sections);
				score_release(&s);
				req.key = NULL;
				form->key_change_chance = 0;
				compose(&l, &req, &brief, &s);
				assert_int_equal(first_raised(&s), s.n_sections);
				score_release(&s);
			}
			*form = kept;
		}
		lyrics_release(&l);
	}
}

/* ---- cadences ---- */

static const struct chord *chord_at_end_of(const struct score *s, int lyric_section)
{
	int i = 0;
	while (i < s->n_sections && s->sections[i].lyric_section != lyric_section)
		i++;
	assert_true(i < s->n_sections);
	const struct score_chord *c = score_chord_at(s, s->sections[i].end - 1);
	assert_non_null(c);
	return &c->chord;
}

/* A full stop comes home, a question stays open, as the text has it. */
static void sections_close_as_their_text_does(void **state)
{
	(void)state;
	struct lyrics l;
	parse("[Verse]\nThe boats are lying on the sand\nThe nets are hanging in the wind\nThe gulls are quarrelling for bread\nAnd evening comes across the bay.\n"
	      "[Bridge]\nI never thought that you would go\nI never thought that I would stay\nThe letters all are in my hand\nAnd who will tell me what they say?\n"
	      "[Verse]\nThe lamps are burning on the hill\nThe doors are closing one by one\nThe road is winding to the sea\nAnd all the singing now is done.\n", &l);
	for (int st = 0; st < studio.styles.n; st++)
		for (uint64_t seed = 1; seed <= 6; seed++) {
			struct madrigal_request req = ask(studio.styles.styles[st]->name, seed);
			struct brief brief;
			struct score s;
			compose(&l, &req, &brief, &s);
			const struct chord *verse = chord_at_end_of(&s, 0), *bridge = chord_at_end_of(&s, 1);
			assert_int_equal(verse->root, 0);
			assert_int_not_equal(bridge->root, 0);
			score_release(&s);
		}
	lyrics_release(&l);
}

/* ---- the count-in ---- */

static void a_band_that_starts_together_is_counted_in(void **state)
{
	(void)state;
	struct lyrics l;
	int counted = 0;
	parse_file("compose-anthem.txt", &l);
	for (int st = 0; st < studio.styles.n; st++) {
		struct style *style = studio.styles.styles[st];
		int kept = style->form.count_in;
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct madrigal_request req = ask(style->name, seed);
			struct brief brief;
			struct score s, plain;
			style->form.count_in = 0;
			compose(&l, &req, &brief, &plain);
			style->form.count_in = 4;
			compose(&l, &req, &brief, &s);
			check_song(&s, &brief);
			assert_true(s.lead_in_s == plain.lead_in_s); /* the sticks are a bar, so the first beat stays where it was */
			int drums = 0;
			for (int i = 0; i < plain.n_parts; i++)
				for (int k = 0; k < plain.parts[i].n_notes && plain.parts[i].role == ROLE_DRUMS; k++)
					drums |= plain.parts[i].notes[k].start < score_bar_ticks(&plain);
			int own = s.sections[0].count_in == 4;
			assert_int_equal(s.bars, plain.bars + (own ? s.sections[0].end / score_bar_ticks(&s) : 0));
			assert_true(own || !drums);
			counted += own;
			score_release(&s);
			score_release(&plain);
		}
		style->form.count_in = kept;
	}
	assert_true(counted > 0);
	lyrics_release(&l);
}

/* ---- harmony voices ---- */

struct harmony_tally { int second, notes, thirds, strong, tones, first, last; };

static const struct vocal_note *lead_at(const struct score *s, int tick)
{
	int i = 0;
	while (i < s->n_vocal && s->vocal[i].start != tick)
		i++;
	assert_true(i < s->n_vocal); /* a harmony voice sings where the lead does */
	return &s->vocal[i];
}

/* The lead's words and times, in choruses only, within the singer's range, each line on one side of the lead and never at its pitch. */
static void check_harmony(const struct score *s, const struct singer *singer, struct harmony_tally *t)
{
	int choruses = 0, nth[SONG_SECTIONS_MAX] = { 0 }, side[HARMONY_VOICES][512] = { { 0 } };
	for (int i = 0; i < s->n_sections; i++)
		nth[i] = s->sections[i].kind == SECTION_CHORUS ? choruses++ : -1;
	for (int v = 0; v < HARMONY_VOICES; v++)
		for (int i = 0; i < s->n_harmony[v]; i++) {
			const struct vocal_note *n = &s->harmony[v][i], *lead = lead_at(s, n->start);
			int apart = n->midi - lead->midi, up = apart > 0 ? 1 : -1, *line = &side[v][(n->section * 7 + n->line) % 512];
			assert_true(i == 0 || n->start >= n[-1].start + n[-1].dur);
			assert_int_equal(n->word, lead->word);
			assert_int_equal(n->syllable, lead->syllable);
			assert_int_equal(n->dur, lead->dur);
			assert_true(nth[n->section] >= 0);
			assert_in_range(n->midi, singer->low, singer->high + 2);
			assert_true(n->midi <= singer->top);
			assert_in_range(abs(apart), 3, 15);
			assert_true(*line == 0 || *line == up);
			for (int k = 0; k < s->n_harmony[0] && v; k++)
				if (s->harmony[0][k].start == n->start)
					assert_true(abs(n->midi - s->harmony[0][k].midi) >= 3);
			t->second += v;
			*line = up;
			t->notes++;
			t->thirds += abs(apart) <= 4 || abs(apart) == 8 || abs(apart) == 9;
			t->first += nth[n->section] == 0;
			t->last += nth[n->section] == choruses - 1;
			if (n->start % score_bar_ticks(s))
				continue;
			t->strong++;
			t->tones += chord_pitch_classes(&score_chord_at(s, n->start)->chord, s->tonic_pc) >> (n->midi % 12) & 1;
		}
}

static void choruses_have_harmonies(void **state)
{
	(void)state;
	static const char *const with_choruses[] = { "compose-country.txt", "compose-dance.txt", "compose-anthem.txt" };
	struct harmony_tally t = { 0 };
	for (int f = 0; f < 3; f++) {
		struct lyrics l;
		parse_file(with_choruses[f], &l);
		for (int st = 0; st < studio.styles.n; st++) {
			struct style *style = studio.styles.styles[st];
			const struct style kept = *style;
			for (uint64_t seed = 1; seed <= 3; seed++) {
				struct madrigal_request req = ask(style->name, seed + (uint64_t)f * 3);
				struct brief brief;
				struct score s;
				style->singer.harmony_db = -12;
				style->form.key_change = seed % 3 ? 0 : 2;
				style->form.key_change_chance = 1;
				compose(&l, &req, &brief, &s);
				check_song(&s, &brief);
				assert_true(s.n_harmony[0] > 0);
				check_harmony(&s, brief.singer, &t);
				score_release(&s);
				style->singer.harmony_db = -60;
				compose(&l, &req, &brief, &s);
				assert_int_equal(s.n_harmony[0] + s.n_harmony[1], 0);
				score_release(&s);
			}
			*style = kept;
		}
		lyrics_release(&l);
	}
	print_message("harmonies: %d notes, %d of the second voice, %d %% thirds and sixths, %d %% of %d in the chord on the first beat\n", t.notes, t.second, 100 * t.thirds / t.notes,
	              100 * t.tones / t.strong, t.strong);
	assert_true(t.thirds * 10 >= t.notes * 7);
	assert_true(t.tones * 100 >= t.strong * 85);
	assert_true(t.last > t.first);
	assert_true(t.second > t.notes / 8);
}

/* ---- key, length, instrumentals ---- */

static void the_key_asked_for_is_kept(void **state)
{
	(void)state;
	struct lyrics l;
	static const char *const keys[] = { "C major", "F# major", "A minor", "Eb minor" };
	static const int tonics[] = { 0, 6, 9, 3 };
	parse_file("compose-lullaby.txt", &l);
	for (int k = 0; k < 4; k++) {
		struct madrigal_request req = ask(studio.styles.styles[0]->name, (uint64_t)k);
		struct brief brief;
		struct score s;
		req.key = keys[k];
		compose(&l, &req, &brief, &s);
		assert_int_equal(s.tonic_pc, tonics[k]);
		assert_int_equal(s.minor, k >= 2);
		check_song(&s, &brief);
		score_release(&s);
	}
	lyrics_release(&l);
}

static void the_length_is_met_to_the_bar(void **state)
{
	(void)state;
	static const double lengths[] = { 31, 60, 97.5, 120, 150, 181, 240, 300 };
	int met = 0;
	for (size_t f = 0; f <= SONGS; f++) {
		struct lyrics l;
		if (f < SONGS)
			parse_file(songs[f], &l);
		else
			parse("", &l);
		for (size_t d = 0; d < sizeof lengths / sizeof lengths[0]; d++) {
			struct madrigal_request req = ask(studio.styles.styles[(int)d % studio.styles.n]->name, d);
			struct brief brief;
			struct score s;
			req.duration_s = lengths[d];
			req.instrumental = f == SONGS;
			if (studio_compose(&studio, &l, &req, &brief, &s)) {
				assert_int_equal(studio.err.code, MADRIGAL_EUSAGE);
				const char *need = strstr(studio.err.message, "they need ");
				assert_non_null(need);
				assert_true(atof(need + 10) > lengths[d]);
				continue;
			}
			double bar_s = score_bar_ticks(&s) * 60 / (s.tempo_bpm * TICKS_PER_QUARTER);
			assert_true(score_duration(&s) >= lengths[d] - 1e-6);
			assert_true(score_duration(&s) < lengths[d] + bar_s);
			if (f < SONGS)
				check_song(&s, &brief);
			met++;
			score_release(&s);
		}
		lyrics_release(&l);
	}
	assert_true(met > (int)SONGS * 4);
}

static void the_length_that_lyrics_need_is_enough(void **state)
{
	(void)state;
	struct lyrics l;
	parse_file("compose-country.txt", &l);
	struct madrigal_request req = ask(studio.styles.styles[0]->name, 3);
	struct brief brief;
	struct score s;
	req.duration_s = 20;
	assert_int_equal(studio_compose(&studio, &l, &req, &brief, &s), MADRIGAL_EUSAGE);
	const char *need = strstr(studio.err.message, "they need ");
	assert_non_null(need);
	req.duration_s = atof(need + 10);
	compose(&l, &req, &brief, &s);
	check_song(&s, &brief);
	score_release(&s);
	lyrics_release(&l);
}

static void instrumentals_have_a_form_and_a_tune(void **state)
{
	(void)state;
	struct lyrics l;
	parse("", &l);
	for (int st = 0; st < studio.styles.n; st++) {
		struct madrigal_request req = ask(studio.styles.styles[st]->name, 5);
		struct brief brief;
		struct score s;
		req.instrumental = 1;
		compose(&l, &req, &brief, &s);
		check_frame(&s);
		assert_int_equal(s.n_vocal + s.n_backing, 0);
		assert_true(score_duration(&s) > 120 && score_duration(&s) < 190);
		int chorus = 0, parts = 0;
		for (int i = 0; i < s.n_sections; i++)
			chorus += s.sections[i].kind == SECTION_CHORUS;
		for (int i = 0; i < s.n_parts; i++)
			parts += s.parts[i].n_notes > 0;
		assert_true(chorus >= 2);
		assert_true(parts >= 3);
		score_release(&s);
	}
	lyrics_release(&l);
	parse("[Intro]\n[Verse]\n[Chorus]\n[Outro]\n", &l);
	struct madrigal_request req = ask(studio.styles.styles[0]->name, 1);
	struct brief brief;
	struct score s;
	req.instrumental = 1;
	compose(&l, &req, &brief, &s);
	assert_int_equal(s.n_sections, 4);
	score_release(&s);
	lyrics_release(&l);
}

static void check_lead(const struct compose_request *req, const struct score *s, int section, int low, int high, int *strong, int *tones)
{
	struct tune_note *notes;
	int n;
	assert_int_equal(compose_lead_tune(req, s, section, low, high, &notes, &n, &studio.err), 0);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		assert_in_range(notes[i].midi, low, high);
		assert_true(notes[i].dur > 0 && notes[i].start >= s->sections[section].start);
		assert_true(notes[i].start + notes[i].dur <= (i + 1 < n ? notes[i + 1].start : s->sections[section].end));
		if (notes[i].start % score_bar_ticks(s) == 0) {
			++*strong;
			*tones += chord_pitch_classes(&score_chord_at(s, notes[i].start)->chord, s->tonic_pc) >> (notes[i].midi % 12) & 1;
		}
	}
	free(notes);
}

static void instruments_get_tunes(void **state)
{
	(void)state;
	struct lyrics l;
	int strong = 0, tones = 0;
	parse_file("compose-anthem.txt", &l);
	for (int st = 0; st < studio.styles.n; st++) {
		struct madrigal_request req = ask(studio.styles.styles[st]->name, 2);
		struct brief brief;
		struct score s;
		compose(&l, &req, &brief, &s);
		const struct compose_request creq = { .lyrics = &l, .brief = &brief, .seed = req.seed, .candidates = 1 };
		for (int i = 0; i < s.n_sections; i++) {
			check_lead(&creq, &s, i, 40, 76, &strong, &tones);
			check_lead(&creq, &s, i, 72, 80, &strong, &tones);
		}
		struct tune_note *notes = NULL;
		int n = 3;
		assert_int_equal(compose_lead_tune(&creq, &s, 0, 60, 63, &notes, &n, NULL), 0);
		assert_int_equal(n, 0);
		assert_null(notes);
		score_release(&s);
	}
	assert_true(tones > 0.65 * strong);
	lyrics_release(&l);
}

static void composing_can_be_cancelled(void **state)
{
	(void)state;
	struct lyrics l;
	parse_file("compose-country.txt", &l);
	struct madrigal_request req = ask(studio.styles.styles[0]->name, 1);
	struct brief brief;
	struct score s;
	assert_int_equal(brief_make(&req, NULL, &studio.styles, &studio.singers, studio.prompts, &brief, &studio.err), 0);
	cancel_flag stop = 1;
	const struct compose_request creq = { .lyrics = &l, .brief = &brief, .seed = 1, .candidates = 100000, .cancel = &stop };
	assert_int_equal(compose_song(&creq, &s, &studio.err), MADRIGAL_ECANCELLED);
	lyrics_release(&l);
}

/* ---- songcraft: averages over many songs lie where human songs' do ---- */

struct tally { double off, notes, tones_on, on, small, pairs, stressed, stressed_on, unstressed, unstressed_on, lift; int songs, peaks; };

static void tally_song(const struct score *s, struct tally *t)
{
	const struct lyrics *l = s->lyrics;
	double sum[2] = { 0, 0 };
	int count[2] = { 0, 0 }, top[2] = { 0, 0 };
	for (int i = 0; i < s->n_vocal; i++) {
		const struct vocal_note *n = &s->vocal[i];
		if (n->spoken)
			continue;
		int beat = n->start % TICKS_PER_QUARTER == 0, k = s->sections[n->section].kind == SECTION_CHORUS;
		enum stress st = l->syllables[l->words[n->word].first_syllable + n->syllable].stress;
		t->notes++;
		t->off += !beat;
		if (n->start % score_bar_ticks(s) == 0) {
			t->on++;
			t->tones_on += chord_pitch_classes(&score_chord_at(s, n->start)->chord, s->tonic_pc) >> (n->midi % 12) & 1;
		}
		if (i && n[-1].line == n->line) {
			t->pairs++;
			t->small += abs(n->midi - n[-1].midi) <= 2;
		}
		if (l->words[n->word].n_syllables > 1) {
			t->stressed += st == STRESS_PRIMARY;
			t->stressed_on += st == STRESS_PRIMARY && beat;
			t->unstressed += st == STRESS_NONE;
			t->unstressed_on += st == STRESS_NONE && beat;
		}
		if (k || s->sections[n->section].kind == SECTION_VERSE) {
			sum[k] += n->midi;
			count[k]++;
			top[k] = n->midi > top[k] ? n->midi : top[k];
		}
	}
	if (!count[0] || !count[1])
		return;
	t->songs++;
	t->lift += sum[1] / count[1] - sum[0] / count[0];
	t->peaks += top[1] >= top[0];
}

static void tunes_are_like_human_ones(void **state)
{
	(void)state;
	static const char *const sung[] = { "compose-country.txt", "compose-dance.txt", "compose-prose.txt", "compose-anthem.txt" };
	struct tally t = { 0 };
	for (int f = 0; f < 4; f++) {
		struct lyrics l;
		parse_file(sung[f], &l);
		for (uint64_t seed = 11; seed <= 14; seed++) {
			struct madrigal_request req = ask(studio.styles.styles[seed % (uint64_t)studio.styles.n]->name, seed);
			struct brief brief;
			struct score s;
			req.candidates = 48;
			req.time_signature = "4/4";
			compose(&l, &req, &brief, &s);
			tally_song(&s, &t);
			score_release(&s);
		}
		lyrics_release(&l);
	}
	assert_true(t.off / t.notes > 0.42 && t.off / t.notes < 0.60);
	assert_true(t.tones_on / t.on > 0.7 && t.tones_on / t.on < 0.92);
	assert_true(t.small / t.pairs > 0.65 && t.small / t.pairs < 0.80);
	assert_true(t.stressed_on / t.stressed > 0.6);
	assert_true(t.unstressed_on / t.unstressed < 0.3);
	assert_true(t.lift / t.songs > 1 && t.lift / t.songs < 5);
	assert_true(t.peaks >= t.songs - 1);
}

/* ---- what a style says of its lines ---- */

/* Bars from line to line, notes a quarter and the share of unstressed syllables within lines that last more than 0.45 s, over some songs of a style. */
struct line_ways { double bars, density, drawn; };

static struct line_ways lines_of(struct style *st, int line_bars, float density, double tempo_bpm)
{
	struct style before = *st;
	struct line_ways w = { 0 };
	double lines = 0, notes = 0, quarters = 0, weak = 0;
	st->form.line_bars = line_bars;
	st->melody.density = density;
	static const char *const words[] = {
		"[Verse]\nThere is a window in the wall\nA little light across the hall\nI hear the river when I sleep\nIt has a promise left to keep\n"
		"[Chorus]\nCarry me on, carry me home\nOver the hills and over the foam\n",
		"[Verse]\nPaper boats and silver rain\nLeaning on the window pane\nMonday took the early bus\nNobody remembers us\n",
	};
	for (size_t f = 0; f < 2; f++) {
		struct lyrics l;
		parse(words[f], &l);
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct madrigal_request req = ask(st->name, seed);
			struct brief brief;
			struct score s;
			req.tempo_bpm = tempo_bpm;
			req.time_signature = "4/4";
			compose(&l, &req, &brief, &s);
			for (int i = 0, first = 0; i < s.n_vocal; i++) {
				const struct vocal_note *n = &s.vocal[i];
				const struct word *word = &l.words[n->word];
				if (i + 1 < s.n_vocal && n[1].line == n->line) {
					int unstressed = word->n_syllables > 1 && l.syllables[word->first_syllable + n->syllable].stress == STRESS_NONE;
					weak += unstressed;
					w.drawn += unstressed && score_seconds(&s, n[1].start) - score_seconds(&s, n->start) > 0.45;
					continue;
				}
				notes += i + 1 - first;
				quarters += (double)(n->start + n->dur - s.vocal[first].start) / TICKS_PER_QUARTER;
				if (i + 1 < s.n_vocal && n[1].section == n->section) {
					w.bars += (double)(n[1].start - s.vocal[first].start) / score_bar_ticks(&s);
					lines++;
				}
				first = i + 1;
			}
			score_release(&s);
		}
		lyrics_release(&l);
	}
	w.bars /= lines;
	w.density = notes / quarters;
	w.drawn /= weak;
	*st = before;
	return w;
}

static void a_line_takes_the_bars_that_its_style_says(void **state)
{
	(void)state;
	for (int i = 0; i < studio.styles.n; i++) {
		struct style *st = studio.styles.styles[i];
		if (!strcmp(st->singer.manner, "rap"))
			continue;
		double one = lines_of(st, 1, 1.3f, 76).bars, two = lines_of(st, 2, 1.3f, 76).bars, four = lines_of(st, 4, 1.3f, 76).bars;
		if (one > 1.25 || two < 1.75 || two > 2.25 || four < 3.5 || four > 4.5)
			fail_msg("%s: %.2f, %.2f, %.2f bars a line", st->name, one, two, four);
	}
}

static void a_dense_style_sings_denser(void **state)
{
	(void)state;
	for (int i = 0; i < studio.styles.n; i++) {
		struct style *st = studio.styles.styles[i];
		if (!strcmp(st->singer.manner, "rap")) /* its words make its density */
			continue;
		double thin = lines_of(st, 2, 0.7f, 92).density, dense = lines_of(st, 2, 2.2f, 92).density;
		if (dense < 1.12 * thin)
			fail_msg("%s: %.2f and %.2f notes a quarter", st->name, thin, dense);
	}
}

/* Drawn out, they are misheard. */
static void slow_songs_keep_weak_syllables_short(void **state)
{
	(void)state;
	double drawn = 0;
	int styles = 0;
	for (int i = 0; i < studio.styles.n; i++) {
		struct style *st = studio.styles.styles[i];
		if (st->form.line_bars > 1 || !strcmp(st->singer.manner, "rap"))
			continue;
		drawn += lines_of(st, 1, st->melody.density, 64).drawn;
		styles++;
	}
	assert_true(styles > 0);
	if (drawn / styles > 0.3)
		fail_msg("%.2f of the unstressed syllables last more than 0.45 s", drawn / styles);
}

/* ---- rap ---- */

/* Makes a rapper of the first style's singer; give_back() undoes it. */
static char rap_manner[] = "rap";
static struct style make_rapper(void)
{
	struct style *st = studio.styles.styles[0], before = *st;
	st->singer.manner = rap_manner;
	st->form.line_bars = 1;
	return before;
}

static void give_back(const struct style *before)
{
	*studio.styles.styles[0] = *before;
}

static void rap_is_sung_whole_at_any_tempo(void **state)
{
	(void)state;
	static const double tempos[] = { 40, 70, 92, 121, 150, 240 };
	struct style before = make_rapper();
	for (size_t f = 0; f <= SONGS; f++) {
		struct lyrics l;
		parse_file(f < SONGS ? songs[f] : "compose-rap.txt", &l);
		for (size_t t = 0; t < sizeof tempos / sizeof tempos[0]; t++) {
			struct madrigal_request req = ask(studio.styles.styles[0]->name, t + 1);
			struct brief brief;
			struct score s;
			req.tempo_bpm = tempos[t];
			req.time_signature = t == 4 ? "3/4" : t == 3 ? "6/8" : "4/4";
			compose(&l, &req, &brief, &s);
			check_song(&s, &brief);
			for (int i = 0; i < s.n_vocal; i++)
				assert_int_equal(s.vocal[i].spoken, family_of(s.sections[s.vocal[i].section].kind) != FAMILY_CHORUS &&
				                                    family_of(s.sections[s.vocal[i].section].kind) != FAMILY_POST);
			score_release(&s);
		}
		lyrics_release(&l);
	}
	give_back(&before);
}

struct rap_tally { double strong, strong_on, weak, weak_on, sixteenths, lines, ends_on_four, one_bar; };

static void tally_rap(const struct score *s, struct rap_tally *t)
{
	const struct lyrics *l = s->lyrics;
	int bar = score_bar_ticks(s);
	for (int i = 0, first = 0; i < s->n_vocal; i++) {
		const struct vocal_note *n = &s->vocal[i];
		const struct word *w = &l->words[n->word];
		int beat = n->start % TICKS_PER_QUARTER == 0, strong = w->n_syllables == 1 ? w->content : l->syllables[w->first_syllable + n->syllable].stress == STRESS_PRIMARY;
		if (!n->spoken) {
			first = i + 1;
			continue;
		}
		*(strong ? &t->strong : &t->weak) += 1;
		*(strong ? &t->strong_on : &t->weak_on) += beat;
		if (i + 1 < s->n_vocal && n[1].line == n->line) {
			t->sixteenths += n[1].start - n->start == STEP_TICKS;
			continue;
		}
		t->lines++;
		t->one_bar += n->start - s->vocal[first].start < bar;
		for (int k = i; k >= first && s->vocal[k].word == n->word; k--)
			t->ends_on_four += s->vocal[k].start % bar == 3 * TICKS_PER_QUARTER;
		first = i + 1;
	}
}

/* The figures of 124 rap songs, and lines that end on the fourth beat, where rap rhymes. */
static void rap_is_like_human_rap(void **state)
{
	(void)state;
	struct style before = make_rapper();
	struct rap_tally t = { 0 };
	struct lyrics l;
	parse_file("compose-rap.txt", &l);
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct madrigal_request req = ask(studio.styles.styles[0]->name, seed);
		struct brief brief;
		struct score s;
		req.candidates = 160;
		req.tempo_bpm = 92;
		req.time_signature = "4/4";
		compose(&l, &req, &brief, &s);
		tally_rap(&s, &t);
		score_release(&s);
	}
	lyrics_release(&l);
	give_back(&before);
	assert_true(t.strong_on / t.strong > 0.42 && t.strong_on / t.strong < 0.75);
	assert_true(t.weak_on / t.weak < 0.09);
	assert_true(t.sixteenths / (t.strong + t.weak) > 0.5 && t.sixteenths / (t.strong + t.weak) < 0.8);
	assert_true(t.ends_on_four / t.lines > 0.6);
	assert_true(t.one_bar / t.lines > 0.95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_song_is_whole), cmocka_unit_test(any_tempo_can_be_sung), cmocka_unit_test(odd_lyrics_are_sung),
		cmocka_unit_test(more_lines_than_a_song_holds_are_refused),
		cmocka_unit_test(same_request_same_song), cmocka_unit_test(another_seed_is_another_song), cmocka_unit_test(repeated_lines_repeat_their_tune),
		cmocka_unit_test(the_last_chorus_is_raised), cmocka_unit_test(sections_close_as_their_text_does), cmocka_unit_test(a_band_that_starts_together_is_counted_in), cmocka_unit_test(choruses_have_harmonies), cmocka_unit_test(the_key_asked_for_is_kept), cmocka_unit_test(the_length_is_met_to_the_bar),
		cmocka_unit_test(the_length_that_lyrics_need_is_enough), cmocka_unit_test(instrumentals_have_a_form_and_a_tune),
		cmocka_unit_test(instruments_get_tunes), cmocka_unit_test(composing_can_be_cancelled), cmocka_unit_test(tunes_are_like_human_ones),
		cmocka_unit_test(a_line_takes_the_bars_that_its_style_says), cmocka_unit_test(a_dense_style_sings_denser),
		cmocka_unit_test(slow_songs_keep_weak_syllables_short),
		cmocka_unit_test(rap_is_sung_whole_at_any_tempo), cmocka_unit_test(rap_is_like_human_rap),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
