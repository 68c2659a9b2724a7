/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "band/band.h"

/* ---- a song to play: eight parts, as dense as asked ---- */

#define BAR (4 * TICKS_PER_QUARTER)

static void add_note(struct score_part *p, int start, int dur, int midi, int velocity, int art, int voice)
{
	p->notes[p->n_notes++] = (struct note){ start, dur, (uint8_t)midi, (uint8_t)velocity, (uint8_t)art, (uint8_t)voice };
}

static struct score_part make_part(const char *name, enum part_role role, const char *font, int bank, int program, int max_notes)
{
	struct score_part p = { .role = role, .style_part = -1, .bank = bank, .program = program };
	snprintf(p.name, sizeof p.name, "%s", name);
	snprintf(p.soundfont, sizeof p.soundfont, "%s", font);
	p.notes = calloc((size_t)max_notes + 1, sizeof *p.notes);
	assert_non_null(p.notes);
	return p;
}

static void fill_bar(struct score *s, int bar)
{
	static const int roots[4] = { 0, 7, 9, 5 };
	int t = bar * BAR, root = roots[bar % 4];
	struct score_part *p = s->parts;
	for (int i = 0; i < 16; i++) {
		int at = t + i * 120;
		if (i % 8 == 0)
			add_note(&p[0], at, 60, 36, 110, 0, 0);
		if (i % 8 == 4)
			add_note(&p[0], at, 60, 38, 105, 0, 0);
		add_note(&p[0], at, 60, 42, i % 4 ? 60 : 85, 0, 0);
		add_note(&p[1], at, 60, 82, 70, 0, 0);
		if (i % 2 == 0) {
			add_note(&p[2], at, 220, 36 + root, 95, 0, 0);
			for (int k = 0; k < 6; k++)
				add_note(&p[3], at, 230, 40 + root + (k * 5), 80, i % 4 ? ART_STRUM_UP : ART_STRUM_DOWN, k);
		}
		if (i % 2 == 0)
			add_note(&p[6], at, 230, 72 + root + i / 2 % 3 * 4, 70, 0, 0);
	}
	for (int k = 0; k < 4; k++) {
		add_note(&p[4], t, BAR, 48 + root + 4 * k, 70, 0, 0);
		add_note(&p[7], t, BAR, 60 + root + 4 * k, 65, 0, 0);
	}
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++)
			add_note(&p[5], t + i * 480, 470, 60 + root + k * 3, 80, 0, 0);
}

static struct score make_score(int bars, const char *drums_font)
{
	struct score s = { .seed = 7, .tempo_bpm = 120, .meter_num = 4, .meter_den = 4, .lead_in_s = 0.5, .tail_s = 2, .bars = bars };
	s.n_parts = 8;
	s.parts = calloc(8, sizeof *s.parts);
	assert_non_null(s.parts);
	int n = bars * 100;
	s.parts[0] = make_part("drums", ROLE_DRUMS, drums_font, 128, 0, n);
	s.parts[1] = make_part("shaker", ROLE_PERCUSSION, "general", 128, 0, n);
	s.parts[2] = make_part("bass", ROLE_BASS, "general", 0, 33, n);
	s.parts[3] = make_part("acoustic-guitar", ROLE_COMP, "general", 0, 25, n);
	s.parts[4] = make_part("strings", ROLE_PAD, "general", 0, 48, n);
	s.parts[5] = make_part("piano", ROLE_COMP, "general", 0, 0, n);
	s.parts[6] = make_part("bells", ROLE_LEAD, "general", 0, 9, n);
	s.parts[7] = make_part("warm-pad", ROLE_PAD, "general", 0, 89, n);
	for (int bar = 0; bar < bars; bar++)
		fill_bar(&s, bar);
	s.sections = calloc(2, sizeof *s.sections);
	s.n_sections = 2;
	s.sections[0] = (struct score_section){ .start = 0, .end = bars / 2 * BAR, .intensity = 0.5f };
	s.sections[1] = (struct score_section){ .start = bars / 2 * BAR, .end = bars * BAR, .intensity = 0.9f };
	return s;
}

/* ---- performing ---- */

struct statistics { double mean, deviation; };

/* How the onsets of a part lie to the grid, in seconds. */
static struct statistics timing_of(const struct score *s, const struct played_note *notes, int n, double grid_s)
{
	double sum = 0, square = 0;
	for (int i = 0; i < n; i++) {
		double t = (notes[i].on_s - s->lead_in_s) / grid_s;
		double off = (t - round(t)) * grid_s;
		sum += off;
		square += off * off;
	}
	double mean = sum / n;
	return (struct statistics){ mean, sqrt(fmax(square / n - mean * mean, 0)) };
}

static void perform(const struct score *s, const struct brief *b, int part, struct played_note **notes, int *n)
{
	struct madrigal_error err = { 0 };
	if (band_perform(s, b, part, notes, n, &err) < 0)
		fail_msg("%s", err.message);
}

static void test_timing_is_human(void **state)
{
	(void)state;
	struct score s = make_score(64, "general");
	struct played_note *drums, *pad;
	int n_drums, n_pad;
	perform(&s, NULL, 0, &drums, &n_drums);
	perform(&s, NULL, 4, &pad, &n_pad);
	struct statistics d = timing_of(&s, drums, n_drums, 0.125), p = timing_of(&s, pad, n_pad, 2.0);
	assert_in_range((int)(d.deviation * 1e6), 2000, 8000);
	assert_true(p.deviation > 1.5 * d.deviation);
	assert_true(fabs(d.mean) < 0.003);
	free(drums);
	free(pad);
	score_release(&s);
}

/* A slow wander: what one beat is off, the next is off too. White jitter would show no such thing. */
static void test_timing_wanders_slowly(void **state)
{
	(void)state;
	struct score s = make_score(96, "general");
	struct played_note *notes;
	int n;
	perform(&s, NULL, 2, &notes, &n);
	double c0 = 0, c1 = 0, c8 = 0, mean = timing_of(&s, notes, n, 0.25).mean;
	for (int i = 0; i + 8 < n; i++) {
		double a[3] = { 0 };
		int at[3] = { i, i + 1, i + 8 };
		for (int k = 0; k < 3; k++) {
			double t = (notes[at[k]].on_s - s.lead_in_s) / 0.25;
			a[k] = (t - round(t)) * 0.25 - mean;
		}
		c0 += a[0] * a[0];
		c1 += a[0] * a[1];
		c8 += a[0] * a[2];
	}
	assert_true(c1 / c0 > 0.3 && c1 / c0 < 0.8);
	assert_true(c8 / c0 > 0.05 && c8 < c1);
	free(notes);
	score_release(&s);
}

static void check_keys(const struct played_note *notes, int n)
{
	double free_at[128];
	for (int i = 0; i < 128; i++)
		free_at[i] = -1;
	for (int i = 0; i < n; i++) {
		assert_true(notes[i].on_s >= 0);
		assert_true(notes[i].off_s > notes[i].on_s);
		assert_true(i == 0 || notes[i].on_s >= notes[i - 1].on_s);
		assert_true(notes[i].on_s > free_at[notes[i].midi]);
		assert_in_range(notes[i].velocity, 1, 127);
		free_at[notes[i].midi] = notes[i].off_s;
	}
}

static void test_a_key_sounds_once(void **state)
{
	(void)state;
	struct score s = make_score(32, "general");
	s.lead_in_s = 0;
	for (int part = 0; part < s.n_parts; part++) {
		struct played_note *notes;
		int n;
		perform(&s, NULL, part, &notes, &n);
		check_keys(notes, n);
		/* Rarely are two onsets so near that they become one; the rest is all there. */
		assert_true(n >= s.parts[part].n_notes * 99 / 100 && n <= s.parts[part].n_notes);
		free(notes);
	}
	score_release(&s);
}

static struct style *swing_style(struct style *st, struct style_part *parts, float swing, const char *unit)
{
	static char eight[] = "8", sixteen[] = "16";
	*st = (struct style){ .swing = swing, .swing_unit = unit[0] == '8' ? eight : sixteen, .parts = parts, .n_parts = 1 };
	return st;
}

static void test_swing(void **state)
{
	(void)state;
	static const struct { float swing; const char *unit; int tick; double want_ticks; } t[] = {
		{ 1 / 3.0f, "8", 240, 320 }, { 1 / 3.0f, "8", 0, 0 }, { 1 / 3.0f, "8", 480, 480 }, { 1 / 3.0f, "8", 120, 160 },
		{ 1 / 3.0f, "8", 320, 320 }, { 0.2f, "8", 720, 768 }, { 0.2f, "16", 120, 144 }, { 0.2f, "16", 240, 240 }, { 0, "8", 240, 240 },
	};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct style_part sp = { .gate = 1 };
		struct style st;
		struct brief b = { .style = swing_style(&st, &sp, t[i].swing, t[i].unit) };
		struct note note = { .start = t[i].tick, .dur = 100, .midi = 60, .velocity = 80 };
		struct score_part part = { .name = "x", .role = ROLE_COMP, .notes = &note, .n_notes = 1 };
		struct score s = { .seed = 1, .tempo_bpm = 120, .meter_num = 4, .meter_den = 4, .bars = 1, .parts = &part, .n_parts = 1 };
		struct played_note *notes;
		int n;
		perform(&s, &b, 0, &notes, &n);
		assert_int_equal(n, 1);
		assert_float_equal(notes[0].on_s * 960, t[i].want_ticks, 0.01);
		free(notes);
	}
}

static void test_style_is_obeyed(void **state)
{
	(void)state;
	struct score s = make_score(32, "general");
	struct style_part sp = { .timing_ms = 4, .push_ms = 12, .velocity_spread = 0, .strum_ms = 30, .gate = 0.5f };
	struct style st;
	struct brief b = { .style = swing_style(&st, &sp, 0, "8") };
	s.parts[2].style_part = 0;
	s.parts[3].style_part = 0;
	struct played_note *notes;
	int n;
	perform(&s, &b, 2, &notes, &n);
	struct statistics t = timing_of(&s, notes, n, 0.25);
	assert_float_equal(t.mean, 0.012, 0.003);
	assert_float_equal(t.deviation, 0.004, 0.0015);
	double length = 0;
	for (int i = 0; i < n; i++)
		length += notes[i].off_s - notes[i].on_s;
	assert_float_equal(length / n, 0.5 * 220 / 960, 0.005);
	free(notes);

	/* The strum: a downstroke begins with the lowest string, an upstroke with the highest. */
	perform(&s, &b, 3, &notes, &n);
	for (int i = 0; i + 6 <= 24; i += 6) {
		double spread = notes[i + 5].on_s - notes[i].on_s;
		assert_true(spread > 0.012 && spread < 0.045);
		for (int k = 1; k < 6; k++)
			assert_true(i / 6 % 2 == 0 ? notes[i + k].midi > notes[i + k - 1].midi : notes[i + k].midi < notes[i + k - 1].midi);
	}
	free(notes);
	score_release(&s);
}

static void test_pads_are_bound(void **state)
{
	(void)state;
	struct score s = make_score(8, "general");
	struct played_note *notes;
	int n;
	perform(&s, NULL, 4, &notes, &n);
	for (int i = 0; i + 4 < n; i++)
		if (notes[i + 4].on_s > notes[i].on_s + 1 && notes[i + 4].midi != notes[i].midi)
			assert_true(notes[i].off_s > s.lead_in_s + 2 * floor((notes[i].on_s + 1 - s.lead_in_s) / 2) + 1.9);
	free(notes);
	score_release(&s);
}

/* A changed note leaves the others as they were; another seed is another performance. */
static void test_performance_is_local(void **state)
{
	(void)state;
	struct score s = make_score(8, "general");
	struct played_note *a, *b, *c;
	int na, nb, nc;
	perform(&s, NULL, 2, &a, &na);
	s.parts[2].notes[10].midi = 99;
	perform(&s, NULL, 2, &b, &nb);
	s.seed = 8;
	perform(&s, NULL, 2, &c, &nc);
	assert_int_equal(na, nb);
	int differ = 0;
	for (int i = 0; i < na; i++)
		differ += memcmp(&a[i].on_s, &b[i].on_s, sizeof a[i].on_s) || a[i].midi != b[i].midi || a[i].velocity != b[i].velocity;
	assert_int_equal(differ, 1);
	assert_true(fabs(c[5].on_s - b[5].on_s) > 1e-6);
	free(a);
	free(b);
	free(c);
	score_release(&s);
}

/* ---- playing ---- */

static const char *first_readable(const char *const *paths)
{
	for (; *paths; paths++)
		if (access(*paths, R_OK) == 0)
			return *paths;
	return NULL;
}

static struct soundfonts find_fonts(void)
{
	static const char *const general[] = { "/usr/share/sounds/sf3/MuseScore_General.sf3", "/usr/share/sounds/sf2/FluidR3_GM.sf2", NULL };
	static const char *const pearl[] = { "/usr/share/sounds/sf2/Black_Pearl_4_LV2.sf2", NULL };
	static const char *const zeppelin[] = { "/usr/share/sounds/sf2/Red_Zeppelin_4_LV2.sf2", NULL };
	return (struct soundfonts){ first_readable(general), first_readable(pearl), first_readable(zeppelin) };
}

static uint64_t hash_stems(const struct stem *stems, int n)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (int i = 0; i < n; i++)
		for (int c = 0; c < 2; c++)
			for (size_t k = 0; k < stems[i].audio.frames; k++) {
				uint32_t bits;
				memcpy(&bits, &stems[i].audio.ch[c][k], sizeof bits);
				h = (h ^ bits) * 0x100000001b3u;
			}
	return h;
}

static float peak(const struct audio *a, double from_s, double to_s)
{
	float top = 0;
	for (int c = 0; c < a->channels; c++)
		for (size_t i = (size_t)(from_s * a->rate); i < a->frames && i < (size_t)(to_s * a->rate); i++)
			top = fmaxf(top, fabsf(a->ch[c][i]));
	return top;
}

static void test_play_is_the_same_on_any_threads(void **state)
{
	(void)state;
	struct soundfonts sf = find_fonts();
	if (!sf.general)
		skip();
	struct score s = make_score(2, sf.black_pearl ? "black-pearl" : "general");
	uint64_t hash[3];
	for (int run = 0; run < 3; run++) {
		struct stem *stems;
		struct madrigal_error err = { 0 };
		if (band_play(&s, NULL, &sf, run < 2 ? 1 : 3, NULL, NULL, NULL, &stems, &err) < 0)
			fail_msg("%s", err.message);
		hash[run] = hash_stems(stems, s.n_parts);
		for (int i = 0; run == 0 && i < s.n_parts; i++) {
			assert_string_equal(stems[i].name, s.parts[i].name);
			assert_int_equal(stems[i].audio.frames, llround(score_duration(&s) * AUDIO_RATE));
			float top = peak(&stems[i].audio, 0, 100);
			if (!(top > 0.005f && top < 4))
				fail_msg("%s peaks at %f", stems[i].name, (double)top);
			assert_true(peak(&stems[i].audio, 0, 0.4) == 0); /* nothing before the first beat */
			assert_true(stems[i].audio.ch[0][stems[i].audio.frames - 1] == 0);
		}
		stems_free(stems, s.n_parts);
	}
	assert_true(hash[0] == hash[1]);
	assert_true(hash[0] == hash[2]);
	score_release(&s);
}

/* Drums one after another, two seconds apart; those that ring come last. */
static void test_every_drum_sounds_in_every_kit(void **state)
{
	(void)state;
	static const int keys[] = { 36, 35, 37, 38, 39, 40, 42, 44, 31, 54, 56, 60, 63, 69, 70, 75, 82, 41, 43, 45, 47, 48, 50, 46, 55, 81, 53, 51, 59,
		                    52, 57, 49 };
	enum { N = sizeof keys / sizeof keys[0] };
	static const char *const kits[] = { "general", "black-pearl", "red-zeppelin" };
	struct soundfonts sf = find_fonts();
	if (!sf.general)
		skip();
	for (int k = 0; k < 3; k++) {
		struct score s = { .seed = 1, .tempo_bpm = 120, .meter_num = 4, .meter_den = 4, .tail_s = 1, .bars = N + 1, .n_parts = 1 };
		struct score_part part = make_part("drums", ROLE_DRUMS, kits[k], 128, 0, N);
		for (int i = 0; i < N; i++)
			add_note(&part, (i + 1) * BAR, 60, keys[i], 100, 0, 0);
		s.parts = &part;
		struct stem *stems;
		struct madrigal_error err = { 0 };
		if (band_play(&s, NULL, &sf, 1, NULL, NULL, NULL, &stems, &err) < 0)
			fail_msg("%s", err.message);
		for (int i = 0; i < N; i++) {
			double t = 2.0 * (i + 1);
			float stroke = peak(&stems[0].audio, t - 0.03, t + 0.2), before = peak(&stems[0].audio, t - 0.3, t - 0.03);
			if (stroke < 0.003f || stroke < 1.5f * before)
				fail_msg("%s key %d: peak %f, before it %f", kits[k], keys[i], (double)stroke, (double)before);
		}
		stems_free(stems, 1);
		free(part.notes);
	}
}

/* Four toms, high to low, out of a kit that has two. */
static void test_toms_fall(void **state)
{
	(void)state;
	static const int toms[] = { 50, 47, 43, 41 };
	struct soundfonts sf = find_fonts();
	if (!sf.general || !sf.black_pearl)
		skip();
	struct score s = { .seed = 1, .tempo_bpm = 120, .meter_num = 4, .meter_den = 4, .tail_s = 1, .bars = 4, .n_parts = 1 };
	struct score_part part = make_part("drums", ROLE_DRUMS, "black-pearl", 128, 0, 4);
	for (int i = 0; i < 4; i++)
		add_note(&part, i * BAR, 60, toms[i], 110, 0, 0);
	s.parts = &part;
	struct stem *stems;
	assert_int_equal(band_play(&s, NULL, &sf, 1, NULL, NULL, NULL, &stems, NULL), 0);
	double before = 1e9;
	for (int i = 0; i < 4; i++) { /* the drum's tone: the frequency below 400 Hz with the most energy, by Goertzel's sums */
		double best = 0, tone = 0;
		for (double f = 40; f < 400; f += 2) {
			double re = 0, im = 0;
			for (int k = 0; k < 14400; k++) {
				double x = (double)stems[0].audio.ch[0][(size_t)(i * 96000 + 4800 + k)];
				re += x * cos(2 * M_PI * f * k / 48000);
				im += x * sin(2 * M_PI * f * k / 48000);
			}
			if (re * re + im * im > best) {
				best = re * re + im * im;
				tone = f;
			}
		}
		if (!(tone < before * 0.97))
			fail_msg("tom %d sounds at %.0f Hz, the one before at %.0f", toms[i], tone, before);
		before = tone;
	}
	stems_free(stems, 1);
	free(part.notes);
}

static void test_missing_soundfont(void **state)
{
	(void)state;
	struct score s = make_score(1, "black-pearl");
	struct soundfonts real = find_fonts();
	struct soundfonts none = { NULL, NULL, NULL }, gone = { "/nowhere/x.sf2", NULL, NULL }, no_font = { "/proc/self/exe", NULL, NULL };
	struct soundfonts bad_kit = { real.general, "/nowhere/kit.sf2", NULL };
	struct { const struct soundfonts *sf; const char *package; } t[] = {
		{ &none, "musescore-general-soundfont" }, { &gone, "musescore-general-soundfont" }, { &no_font, "musescore-general-soundfont" },
		{ &bad_kit, "avldrums.lv2-soundfont" },
	};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct stem *stems = NULL;
		struct madrigal_error err = { 0 };
		assert_int_equal(band_play(&s, NULL, t[i].sf, 1, NULL, NULL, NULL, &stems, &err), MADRIGAL_EMISSING);
		assert_non_null(strstr(err.message, "apt-get install"));
		assert_non_null(strstr(err.message, t[i].package));
		assert_null(stems);
	}
	score_release(&s);
}

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int cancel_soon(void *ctx, int finished, int n)
{
	(void)finished;
	(void)n;
	double *asked = ctx;
	if (*asked == 0)
		*asked = seconds_now();
	return 1;
}

static void test_cancel(void **state)
{
	(void)state;
	struct soundfonts sf = find_fonts();
	if (!sf.general)
		skip();
	struct score s = make_score(60, "general");
	struct stem *stems = NULL;
	struct madrigal_error err = { 0 };
	double asked = 0;
	assert_int_equal(band_play(&s, NULL, &sf, 2, cancel_soon, &asked, NULL, &stems, &err), MADRIGAL_ECANCELLED);
	double took = seconds_now() - asked;
	if (took > 1) /* sanitizers and busy machines are slow: say it, fail only far beyond */
		print_message("cancel took %.2f s\n", took);
	assert_true(took < 10);
	assert_null(stems);
	score_release(&s);
}

static void test_instrument_level(void **state)
{
	(void)state;
	struct soundfonts sf = find_fonts();
	if (!sf.general)
		skip();
	struct score s = make_score(1, "general");
	s.n_parts = 3;
	s.parts[2].style_part = 0;
	float top[2];
	for (int quiet = 0; quiet < 2; quiet++) {
		struct style_instrument in = { .level_db = quiet ? -6 : 0 };
		struct style_part sp = { .instruments = &in, .n_instruments = 1, .gate = 1 };
		struct style st;
		struct brief b = { .style = swing_style(&st, &sp, 0, "8") };
		struct stem *stems;
		assert_int_equal(band_play(&s, &b, &sf, 1, NULL, NULL, NULL, &stems, NULL), 0);
		top[quiet] = peak(&stems[2].audio, 0, 100);
		stems_free(stems, s.n_parts);
	}
	assert_float_equal(top[1] / top[0], 0.501f, 0.01);
	s.n_parts = 8;
	score_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timing_is_human), cmocka_unit_test(test_timing_wanders_slowly), cmocka_unit_test(test_a_key_sounds_once),
		cmocka_unit_test(test_swing), cmocka_unit_test(test_style_is_obeyed), cmocka_unit_test(test_pads_are_bound),
		cmocka_unit_test(test_performance_is_local), cmocka_unit_test(test_play_is_the_same_on_any_threads),
		cmocka_unit_test(test_every_drum_sounds_in_every_kit), cmocka_unit_test(test_toms_fall),
		cmocka_unit_test(test_missing_soundfont),
		cmocka_unit_test(test_cancel), cmocka_unit_test(test_instrument_level),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
