/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds in any finished score, whatever the words, the style and the seed: a hundred songs drawn at random, with all that a style can ask
 * for (key changes, count-ins, stops, harmony voices, endings) drawn with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/buf.h"
#include "base/rng.h"
#include "compose_support.h"

#define SONGS 100
#define STOPS 30 /* of each style */
#define BARS_MAX 1300

static struct studio studio;

/* ---- a song drawn at random ---- */

struct song {
	struct lyrics lyrics;
	struct brief brief;
	struct score score;
	char what[96];
};

static const char *const nouns[] = { "river", "morning", "shadow", "engine", "umbrella", "window", "heart", "fire", "mountain", "telephone", "road",
                                     "summer", "anniversary", "door", "ocean", "silence" };
static const char *const verbs[] = { "follow", "remember", "break", "carry", "wait for", "surrender", "find", "forgive", "light", "discover" };
static const char *const others[] = { "the", "my", "every", "a broken", "your beautiful", "this", "an ordinary", "our" };
static const char *const ends[] = { "", "", ",", ".", "?", "!" };

static const char *pick(struct rng *r, const char *const *list, size_t n)
{
	return list[rng_below(r, (uint32_t)n)];
}

#define PICK(r, list) pick(r, list, sizeof(list) / sizeof(list)[0])

static void add_line(struct buf *b, struct rng *r)
{
	int phrases = 1 + (int)rng_below(r, 2);
	buf_addf(b, "%s", rng_below(r, 2) ? "I" : "We");
	for (int i = 0; i < phrases; i++)
		buf_addf(b, "%s %s %s %s", i ? " and" : "", PICK(r, verbs), PICK(r, others), PICK(r, nouns));
	buf_addf(b, "%s\n", PICK(r, ends));
	if (rng_below(r, 6) == 0)
		buf_addf(b, "(oh, %s %s)\n", PICK(r, others), PICK(r, nouns));
}

static void add_section(struct buf *b, struct rng *r, const char *name)
{
	buf_addf(b, "[%s]\n", name);
	for (int lines = 2 + (int)rng_below(r, 4); lines > 0; lines--)
		add_line(b, r);
}

/* Tagged or bare, short or long, with a chorus that returns or none. */
static void make_words(struct buf *b, struct rng *r)
{
	struct buf chorus = buf_init(4096);
	int rounds = 1 + (int)rng_below(r, 3), pre = (int)rng_below(r, 2);
	add_section(&chorus, r, "Chorus");
	if (rng_below(r, 8) == 0) {
		for (int i = 1 + (int)rng_below(r, 10); i > 0; i--)
			add_line(b, r);
		buf_release(&chorus);
		return;
	}
	for (int i = 0; i < rounds; i++) {
		add_section(b, r, "Verse");
		if (pre)
			add_section(b, r, "Pre Chorus");
		buf_adds(b, buf_str(&chorus));
		if (i == 1)
			buf_adds(b, rng_below(r, 2) ? "[Solo]\n" : "[Break]\n");
	}
	if (rng_below(r, 2)) {
		add_section(b, r, "Bridge");
		buf_adds(b, buf_str(&chorus));
	}
	buf_release(&chorus);
}

static void draw_manners(struct style *st, struct rng *r)
{
	static const char *const endings[] = { "ring", "stop", "fade" };
	static char ending[3][8];
	int e = (int)rng_below(r, 3);
	snprintf(ending[e], sizeof ending[e], "%s", endings[e]);
	st->form.ending = ending[e];
	st->form.key_change = (int)rng_below(r, 4);
	st->form.key_change_chance = 0.7f;
	st->form.count_in = rng_below(r, 3) ? 0 : 4;
	st->form.stop_chance = 0.4f;
	st->singer.harmony_db = rng_below(r, 2) ? -12 : -60;
}

static int make_song(struct song *x, int index)
{
	static const char *const meters[] = { NULL, NULL, NULL, "3/4", "6/8" };
	struct rng r = rng_stream(2026, "songs", (uint64_t)index);
	struct style *st = studio.styles.styles[index % studio.styles.n];
	struct buf words = buf_init(16384);
	struct madrigal_request req = { .style = st->name, .seed = rng_u32(&r), .candidates = 16, .time_signature = PICK(&r, meters) };
	make_words(&words, &r);
	draw_manners(st, &r);
	memset(x, 0, sizeof *x);
	snprintf(x->what, sizeof x->what, "song %d, %s, seed %u", index, st->name, (unsigned)req.seed);
	int rc = lyrics_parse(buf_str(&words), words.len, studio.lexicon, 0, &x->lyrics, &studio.err);
	if (!rc)
		rc = studio_compose(&studio, &x->lyrics, &req, &x->brief, &x->score);
	buf_release(&words);
	return rc;
}

static struct song songs[SONGS];

static int open_all(void **state)
{
	(void)state;
	int rc = studio_open(&studio);
	for (int st = 0; st < studio.styles.n && !rc; st++) {
		struct style kept = *studio.styles.styles[st];
		for (int i = st; i < SONGS && !rc; i += studio.styles.n)
			rc = make_song(&songs[i], i);
		*studio.styles.styles[st] = kept;
	}
	if (rc)
		print_error("%s\n", studio.err.message);
	return rc;
}

static int close_all(void **state)
{
	(void)state;
	for (int i = 0; i < SONGS; i++) {
		score_release(&songs[i].score);
		lyrics_release(&songs[i].lyrics);
	}
	studio_close(&studio);
	return 0;
}

static void each_song(void (*fn)(struct song *x))
{
	for (int i = 0; i < SONGS; i++)
		fn(&songs[i]);
}

/* ---- the band ---- */

static const struct style_instrument *instrument_of(const struct song *x, const struct score_part *p)
{
	if (p->style_part >= 0) {
		int k = x->brief.instrument[p->style_part];
		return &x->brief.style->parts[p->style_part].instruments[k < 0 ? 0 : k];
	}
	return &x->brief.extra[0].instrument;
}

static void check_ranges(struct song *x)
{
	for (int i = 0; i < x->score.n_parts; i++) {
		const struct score_part *p = &x->score.parts[i];
		const struct style_instrument *in = instrument_of(x, p);
		for (int k = 0; k < p->n_notes && !part_plays_drums(p) && p->role != ROLE_PERCUSSION; k++)
			if (p->notes[k].midi < in->low || p->notes[k].midi > in->high)
				fail_msg("%s: %s plays %d, outside %d..%d", x->what, p->name, p->notes[k].midi, in->low, in->high);
	}
}

static void no_note_is_outside_its_instrument(void **state)
{
	(void)state;
	each_song(check_ranges);
}

/* The highest note of the other pitched parts that begins with (or sounds at) a tick; 0: nobody. */
static int highest_at(const struct score *s, int tick)
{
	int high = 0;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		for (int k = 0; k < p->n_notes && p->notes[k].start <= tick; k++)
			if (p->role != ROLE_BASS && p->role != ROLE_PERCUSSION && !part_plays_drums(p) && p->notes[k].start + p->notes[k].dur > tick && p->notes[k].midi > high)
				high = p->notes[k].midi;
	}
	return high;
}

static int lowest_at(const struct score *s, int tick)
{
	int low = 127;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		for (int k = 0; k < p->n_notes && p->notes[k].start <= tick; k++)
			if (p->role != ROLE_BASS && p->role != ROLE_PERCUSSION && !part_plays_drums(p) && p->notes[k].start + p->notes[k].dur > tick && p->notes[k].midi < low)
				low = p->notes[k].midi;
	}
	return low;
}

static int basses, crossed, above;

static void check_bass(struct song *x)
{
	const struct score *s = &x->score;
	for (int i = 0; i < s->n_parts; i++)
		for (int k = 0; k < s->parts[i].n_notes && s->parts[i].role == ROLE_BASS; k++) {
			const struct note *n = &s->parts[i].notes[k];
			int high = highest_at(s, n->start), low = lowest_at(s, n->start);
			basses++;
			above += high && n->midi > high;
			crossed += high && n->midi > low;
		}
}

static void the_bass_is_the_lowest(void **state)
{
	(void)state;
	each_song(check_bass);
	print_message("of %d bass notes %d lie above another part's lowest note, %d above all others\n", basses, crossed, above);
	assert_true(basses > 1000);
	assert_true(crossed * 100 <= basses * 5);
	assert_true(above * 1000 <= basses * 2);
}

static void mark(uint8_t *bars, const struct score *s, int start, int dur)
{
	int bar = score_bar_ticks(s);
	for (int b = start / bar; b <= (start + dur - 1) / bar && b < s->bars && b < BARS_MAX; b++)
		bars[b] = 1;
}

/* Somebody plays in every bar, or sings where the style leaves the voice alone. */
static void check_bars(struct song *x)
{
	const struct score *s = &x->score;
	static uint8_t band[BARS_MAX];
	memset(band, 0, sizeof band);
	int at = 0, bar = score_bar_ticks(s);
	for (int i = 0; i < s->n_sections; i++) {
		assert_int_equal(s->sections[i].start, at);
		assert_true(s->sections[i].end > at && (s->sections[i].end - at) % bar == 0);
		at = s->sections[i].end;
	}
	assert_int_equal(at, s->bars * bar);
	for (int i = 0; i < s->n_parts; i++)
		for (int k = 0; k < s->parts[i].n_notes; k++)
			mark(band, s, s->parts[i].notes[k].start, s->parts[i].notes[k].dur);
	for (int i = 0; i < s->n_sections; i++)
		for (int b = s->sections[i].start / bar; b < s->sections[i].end / bar; b++)
			if (!band[b])
				fail_msg("%s: nobody plays in bar %d (%s)", x->what, b, s->sections[i].name);
}

static void no_bar_is_empty_and_bars_add_up(void **state)
{
	(void)state;
	each_song(check_bars);
}

/* ---- the stop ---- */

/* Where a song that ends on a stop stops: its last chord lasts for a beat. */
static int stop_of(const struct score *s)
{
	int last = s->bars * score_bar_ticks(s) - score_bar_ticks(s), chord = s->chords[s->n_chords - 1].start;
	return (chord > last ? chord : last) + TICKS_PER_QUARTER;
}

static int stops, rung;

/* Nobody pitched sounds after the stop; nothing at all, cymbals neither, after the last bar. */
static void check_stop(const struct song *x)
{
	const struct score *s = &x->score;
	int stop = stop_of(s), end = s->bars * score_bar_ticks(s);
	stops++;
	for (int i = 0; i < s->n_parts; i++) {
		const struct score_part *p = &s->parts[i];
		int drums = part_plays_drums(p) || p->role == ROLE_PERCUSSION;
		for (int k = 0; k < p->n_notes; k++)
			if (p->notes[k].start + p->notes[k].dur > (drums ? end : stop)) {
				print_error("%s, %d/%d: %s's %d rings %d ticks past the stop\n", x->what, s->meter_num, s->meter_den, p->name, p->notes[k].midi,
				            p->notes[k].start + p->notes[k].dur - (drums ? end : stop));
				rung++;
				break;
			}
	}
}

static void a_stop_stops_everybody(void **state)
{
	(void)state;
	static const char *const meters[] = { "4/4", "3/4", "6/8" };
	static char words[] = "[Verse]\nThe river follows every road\nWe carry what we never owed\n[Chorus]\nStop the engine, light the fire\nOver the wire\n", stop[] = "stop";
	for (int st = 0; st < studio.styles.n; st++)
		for (int i = 0; i < STOPS; i++) {
			struct style *style = studio.styles.styles[st], kept = *style;
			struct madrigal_request req = { .style = style->name, .seed = (uint64_t)(1 + i), .candidates = 1, .time_signature = meters[i % 3], .instrumental = i % 5 == 4 };
			struct song x = { 0 };
			snprintf(x.what, sizeof x.what, "%s, seed %d", style->name, 1 + i);
			style->form.ending = stop;
			int rc = lyrics_parse(words, sizeof words - 1, studio.lexicon, 0, &x.lyrics, &studio.err);
			if (!rc)
				rc = studio_compose(&studio, &x.lyrics, &req, &x.brief, &x.score);
			*style = kept;
			if (rc)
				fail_msg("%s: %s", x.what, studio.err.message);
			check_stop(&x);
			score_release(&x.score);
			lyrics_release(&x.lyrics);
		}
	print_message("%d songs stop; %d parts ring on\n", stops, rung);
	assert_int_equal(rung, 0);
}

/* ---- the words ---- */

static void check_voice(const struct song *x, const struct vocal_note *notes, int n, int backing)
{
	const struct lyrics *l = &x->lyrics;
	int i = 0;
	for (int w = 0; w < l->n_words; w++)
		for (int k = 0; k < l->words[w].n_syllables && l->lines[l->words[w].line].backing == backing; k++) {
			int first = i;
			while (i < n && notes[i].word == w && notes[i].syllable == k)
				i++;
			if (i == first)
				fail_msg("%s: \"%s\" is not sung", x->what, l->words[w].text);
		}
	assert_int_equal(i, n);
}

static int backing_songs;

static void check_words(struct song *x)
{
	check_voice(x, x->score.vocal, x->score.n_vocal, 0);
	check_voice(x, x->score.backing, x->score.n_backing, 1);
	backing_songs += x->score.n_backing > 0;
}

static void every_syllable_is_sung(void **state)
{
	(void)state;
	each_song(check_words);
	assert_true(backing_songs > SONGS / 10);
}

static void check_singer(struct song *x)
{
	const struct score *s = &x->score;
	const struct singer *who = x->brief.singer;
	for (int i = 0; i < s->n_vocal; i++)
		assert_in_range(s->vocal[i].midi, who->low - 2, who->top);
	for (int i = 0; i < s->n_backing; i++)
		assert_in_range(s->backing[i].midi, who->low - 2, who->top);
	for (int v = 0; v < HARMONY_VOICES; v++)
		for (int i = 0; i < s->n_harmony[v]; i++)
			assert_in_range(s->harmony[v][i].midi, who->low, who->top);
}

static void nobody_sings_beyond_the_singers_range(void **state)
{
	(void)state;
	each_song(check_singer);
}

/* ---- the tune over its chords ---- */

static int strong, tones, resolved, unexplained;

static int in_chord(const struct score *s, int tick, int midi)
{
	const struct score_chord *c = score_chord_at(s, tick);
	return c && chord_pitch_classes(&c->chord, s->tonic_pc) >> (midi % 12) & 1;
}

/* A tone of the chord; or a suspension, appoggiatura, passing or neighbour note, which goes on by step (repeated, if it likes); or an
 * anticipation, to which the next chord comes while the note is held or repeated. */
static void check_tune(struct song *x)
{
	const struct score *s = &x->score;
	int bar = score_bar_ticks(s), half = s->meter_num == 4 ? bar / 2 : bar;
	for (int i = 0; i < s->n_vocal; i++) {
		const struct vocal_note *n = &s->vocal[i];
		if (n->start % half || n->spoken)
			continue;
		strong++;
		if (in_chord(s, n->start, n->midi)) {
			tones++;
			continue;
		}
		int k = i + 1;
		while (k < s->n_vocal && s->vocal[k].midi == n->midi && s->vocal[k].line == n->line && !in_chord(s, s->vocal[k].start, n->midi))
			k++;
		int goes_on = k < s->n_vocal && s->vocal[k].line == n->line && abs(s->vocal[k].midi - n->midi) <= 2;
		if (goes_on || in_chord(s, n->start + n->dur - 1, n->midi)) {
			resolved++;
			continue;
		}
		unexplained++;
	}
}

static void strong_beats_are_explained_by_their_chords(void **state)
{
	(void)state;
	each_song(check_tune);
	print_message("%d notes on strong beats: %d chord tones, %d go on by step, %d unexplained\n", strong, tones, resolved, unexplained);
	assert_true(unexplained * 1000 <= strong); /* where the range has no tone to go on to (2 of 68,947 were counted) */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_note_is_outside_its_instrument), cmocka_unit_test(the_bass_is_the_lowest), cmocka_unit_test(no_bar_is_empty_and_bars_add_up),
		cmocka_unit_test(a_stop_stops_everybody), cmocka_unit_test(every_syllable_is_sung), cmocka_unit_test(nobody_sings_beyond_the_singers_range),
		cmocka_unit_test(strong_beats_are_explained_by_their_chords),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
