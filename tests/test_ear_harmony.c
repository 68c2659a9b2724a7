/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys, chords and form of sounds that are made here, so that their truth is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "ear/ear.h"

#define MINOR 12                /* chords of these tests: root pitch class, + MINOR */
#define POWER 24
#define BPM 120.0
#define BAR_S (4 * 60 / BPM)

struct take { struct ear_sound sound; float *left, *right; size_t at; };

static struct take take_of(double seconds)
{
	struct take t = { .at = 0 };
	t.sound.n = (size_t)(seconds * EAR_RATE);
	t.left = calloc(t.sound.n + 1, sizeof *t.left);
	t.right = calloc(t.sound.n + 1, sizeof *t.right);
	assert_non_null(t.left);
	assert_non_null(t.right);
	t.sound.left = t.left;
	t.sound.right = t.right;
	return t;
}

static void take_release(struct take *t)
{
	free(t->left);
	free(t->right);
}

/* A plucked string: eight harmonics that die away, the high ones sooner. */
static void pluck(struct take *t, size_t at, double seconds, double midi, double amplitude, double pan, double cents)
{
	double hz = 440 * pow(2, (midi - 69 + cents / 100) / 12);
	size_t n = (size_t)(seconds * EAR_RATE);
	for (int h = 1; h <= 8; h++)
		for (size_t i = 0; i < n && at + i < t->sound.n; i++) {
			double s = (double)i / EAR_RATE, v = amplitude * pow(0.7, h - 1) * exp(-s * (0.8 + 0.5 * h)) * fmin(1, s / 0.005) * sin(2 * M_PI * hz * h * s);
			t->left[at + i] += (float)(v * (1 - pan));
			t->right[at + i] += (float)(v * (1 + pan));
		}
}

static void strike(struct take *t, size_t at, double amplitude, struct rng *r)
{
	for (size_t i = 0; i < EAR_RATE / 8 && at + i < t->sound.n; i++) {
		float v = (float)(amplitude * exp(-(double)i / EAR_RATE * 40) * (2 * (double)rng_unit(r) - 1));
		t->left[at + i] += v;
		t->right[at + i] += v;
	}
}

/* Bars of chords, one a bar, strummed twice a bar over a bass on each beat, with a drum on each beat. */
static void play(struct take *t, const int *chord, int n, int raised, double cents, double amplitude)
{
	struct rng r = rng_stream(5, "drums", (uint32_t)t->at);
	size_t beat = (size_t)(EAR_RATE * 60 / BPM);
	for (int i = 0; i < n; i++, t->at += 4 * beat) {
		int root = (chord[i] % 12 + raised) % 12, third = chord[i] >= POWER ? 0 : chord[i] >= MINOR ? 3 : 4;
		for (size_t k = 0; k < 4; k++) {
			pluck(t, t->at + k * beat, 0.5, 36 + (root + 8) % 12 - 8 + 12 * (root > 3 ? 0 : 1) - 0, amplitude * 0.2, 0, cents);
			strike(t, t->at + k * beat, amplitude * 0.3, &r);
			if (k % 2)
				continue;
			pluck(t, t->at + k * beat, 1, 60 + root, amplitude * 0.08, -0.5, cents);
			if (third)
				pluck(t, t->at + k * beat, 1, 60 + root + third, amplitude * 0.08, 0.3, cents);
			pluck(t, t->at + k * beat, 1, 60 + root + 7, amplitude * 0.08, 0.5, cents);
		}
	}
}

static void beats_of(const struct take *t, struct heard_rhythm *r)
{
	memset(r, 0, sizeof *r);
	r->tempo_bpm = BPM;
	r->meter_num = r->meter_den = 4;
	for (int i = 0; i < EAR_BEATS && i * 60 / BPM * EAR_RATE < (double)t->sound.n; i++)
		r->beat_s[r->n_beats++] = (float)(i * 60 / BPM);
}

static struct heard *listen_to(const struct take *t, int beats)
{
	struct heard *h = calloc(1, sizeof *h);
	assert_non_null(h);
	if (beats)
		beats_of(t, &h->rhythm);
	assert_int_equal(ear_harmony(&t->sound, &h->rhythm, NULL, &h->harmony, NULL), 0);
	assert_int_equal(ear_form(&t->sound, &h->rhythm, &h->harmony, NULL, &h->form, NULL), 0);
	return h;
}

/* What holds of any recording. */
static void check_sane(const struct take *t, const struct heard *h)
{
	const struct heard_harmony *m = &h->harmony;
	float end = (float)((double)t->sound.n / EAR_RATE);
	assert_true(m->n_chords <= EAR_CHORDS && m->n_chords >= (t->sound.n > 0));
	assert_true(m->tonic_pc >= -1 && m->tonic_pc < 12);
	assert_true(m->key_confidence >= 0 && m->key_confidence <= 1);
	assert_true(fabs(m->tuning_cents) <= 50);
	for (int i = 0; i < m->n_chords; i++) {
		const struct heard_chord *c = &m->chord[i];
		assert_true(c->start_s < c->end_s);
		assert_true(i ? c->start_s == c[-1].end_s && (c->root_pc != c[-1].root_pc || c->quality != c[-1].quality) : c->start_s == 0);
		assert_true(c->quality == HEARD_NONE ? c->root_pc == -1 : c->root_pc >= 0 && c->root_pc < 12);
	}
	assert_true(!m->n_chords || m->chord[m->n_chords - 1].end_s == end);
	assert_true(h->form.n_sections <= EAR_SECTIONS && h->form.n_sections >= (t->sound.n > 0));
	for (int i = 0; i < h->form.n_sections; i++) {
		const struct heard_section *s = &h->form.section[i];
		assert_true(s->start_s < s->end_s && s->level >= 0 && s->level <= 1 && s->label[0] >= 'A');
		assert_true(i ? s->start_s == s[-1].end_s : s->start_s == 0);
	}
	assert_true(!h->form.n_sections || h->form.section[h->form.n_sections - 1].end_s == end);
}

/* Share of the bars' time in which the chord is right. */
static double chords_right(const struct heard *h, const int *chord, int n, int raised)
{
	double right = 0;
	for (int i = 0; i < h->harmony.n_chords; i++) {
		const struct heard_chord *c = &h->harmony.chord[i];
		for (int b = 0; b < n; b++) {
			double a = fmax((double)c->start_s, b * BAR_S), z = fmin((double)c->end_s, (b + 1) * BAR_S);
			if (z > a && c->root_pc == (chord[b] + raised) % 12 && c->quality == (chord[b] >= MINOR ? HEARD_MINOR : HEARD_MAJOR))
				right += z - a;
		}
	}
	return right / (n * BAR_S);
}

static void repeat(const int *round, int n, int times, int *ret)
{
	for (int i = 0; i < n * times; i++)
		ret[i] = round[i % n];
}

static void hears_keys_chords_and_tuning(void **state)
{
	(void)state;
	static const struct { int round[4]; int tonic, minor; double cents; int beats; } songs[] = {
		{ { 0, 7, 9 + MINOR, 5 }, 0, 0, 0, 1 },
		{ { 3, 0 + MINOR, 8, 10 }, 3, 0, -30, 1 },
		{ { 6 + MINOR, 11 + MINOR, 1, 6 + MINOR }, 6, 1, 30, 1 },
		{ { 9 + MINOR, 2 + MINOR, 4, 9 + MINOR }, 9, 1, -15, 0 },
		{ { 11, 4, 11, 6 }, 11, 0, 20, 0 },
	};
	for (size_t k = 0; k < sizeof songs / sizeof *songs; k++) {
		int chord[24];
		repeat(songs[k].round, 4, 6, chord);
		struct take t = take_of(24 * BAR_S);
		play(&t, chord, 24, 0, songs[k].cents, 1);
		struct heard *h = listen_to(&t, songs[k].beats);
		check_sane(&t, h);
		assert_int_equal(h->harmony.tonic_pc, songs[k].tonic);
		assert_int_equal(h->harmony.minor, songs[k].minor);
		assert_true(h->harmony.key_confidence > 0.05);
		assert_true(fabs(h->harmony.tuning_cents - songs[k].cents) < 4);
		assert_true(chords_right(h, chord, 24, 0) > (songs[k].beats ? 0.95 : 0.85));
		float sum = 0;
		for (int i = 0; i < 12; i++)
			sum += h->harmony.chroma[i];
		assert_true(fabsf(sum - 1) < 1e-3f);
		free(h);
		take_release(&t);
	}
}

/* Where a song stays is its home, even if it begins and ends on the relative's tonic, as what was cut out of a song may. */
static void stays_at_home(void **state)
{
	(void)state;
	static const int round[] = { 2 + MINOR, 0, 2 + MINOR, 5, 2 + MINOR, 7 + MINOR, 2 + MINOR, 0 };
	int chord[26];
	repeat(round, 8, 3, chord + 1);
	chord[0] = chord[1] = chord[25] = 5;
	struct take t = take_of(26 * BAR_S);
	play(&t, chord, 26, 0, 0, 1);
	struct heard *h = listen_to(&t, 1);
	check_sane(&t, h);
	assert_int_equal(h->harmony.tonic_pc, 2);
	assert_int_equal(h->harmony.minor, 1);
	free(h);
	take_release(&t);
}

static void a_raised_end_does_not_change_the_key(void **state)
{
	(void)state;
	static const int round[] = { 7, 4 + MINOR, 0, 2 };
	int chord[32];
	repeat(round, 4, 8, chord);
	struct take t = take_of(32 * BAR_S);
	play(&t, chord, 24, 0, 0, 1);
	play(&t, chord, 8, 2, 0, 1);
	struct heard *h = listen_to(&t, 1);
	check_sane(&t, h);
	assert_int_equal(h->harmony.tonic_pc, 7);
	assert_int_equal(h->harmony.minor, 0);
	assert_int_equal(h->harmony.chord[h->harmony.n_chords - 1].root_pc, 4);
	/* The round goes on, two semitones higher. */
	assert_int_equal(h->form.n_progression, 4);
	assert_true(h->form.progression_share > 0.9f);
	free(h);
	take_release(&t);
}

static void power_chords_take_their_third_from_the_key(void **state)
{
	(void)state;
	static const int round[] = { 4 + POWER, 0, 2, 4 + POWER, 4 + POWER, 7, 2, 11 + MINOR };
	int chord[24];
	repeat(round, 8, 3, chord);
	struct take t = take_of(24 * BAR_S);
	play(&t, chord, 24, 0, 0, 1);
	struct heard *h = listen_to(&t, 1);
	for (int i = 0; i < 24; i++)
		if (chord[i] >= POWER)
			chord[i] = 4 + MINOR;
	assert_true(chords_right(h, chord, 24, 0) > 0.9);
	assert_int_equal(h->harmony.tonic_pc, 4);
	assert_int_equal(h->harmony.minor, 1);
	free(h);
	take_release(&t);
}

static void finds_the_round_from_its_start(void **state)
{
	(void)state;
	static const int round[] = { 0, 9 + MINOR, 5, 7 };
	int chord[20] = { 5, 7 };
	repeat(round, 4, 4, chord + 2);
	struct take t = take_of(18 * BAR_S);
	play(&t, chord, 18, 0, 0, 1);
	struct heard *h = listen_to(&t, 1);
	static const int degree[] = { 0, 9, 5, 7 }, quality[] = { HEARD_MAJOR, HEARD_MINOR, HEARD_MAJOR, HEARD_MAJOR };
	assert_int_equal(h->form.n_progression, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(h->form.progression[i].degree, degree[i]);
		assert_int_equal(h->form.progression[i].quality, quality[i]);
		assert_true(fabsf(h->form.progression[i].bars - 1) < 0.01f);
	}
	assert_true(h->form.progression_share > 0.85f && h->form.progression_share <= 1);
	free(h);
	take_release(&t);
}

/* The section that sounds at a time. */
static const struct heard_section *section_at(const struct heard *h, double at)
{
	int i = 0;
	while (i + 1 < h->form.n_sections && (double)h->form.section[i].end_s <= at)
		i++;
	return &h->form.section[i];
}

static void tells_sections_apart(void **state)
{
	(void)state;
	static const int verse[] = { 0, 9 + MINOR, 5, 7, 0, 9 + MINOR, 5, 7 }, chorus[] = { 5, 7, 4 + MINOR, 9 + MINOR, 5, 7, 0, 0 };
	struct take t = take_of(32 * BAR_S);
	for (int i = 0; i < 2; i++) {
		play(&t, verse, 8, 0, 0, 0.5);
		size_t from = t.at;
		play(&t, chorus, 8, 0, 0, 1);
		for (size_t at = from; at < t.at; at += EAR_RATE / 4)
			pluck(&t, at, 0.25, 84 + (double)(at / (EAR_RATE / 4) % 2) * 7, 0.1, 0.8, 0);
	}
	struct heard *h = listen_to(&t, 1);
	check_sane(&t, h);
	assert_true(h->form.n_sections >= 4 && h->form.n_sections <= 6);
	const struct heard_section *part[4];
	for (int i = 0; i < 4; i++) {
		part[i] = section_at(h, (i * 8 + 0.5) * BAR_S);
		assert_true(fabs((double)part[i]->start_s - i * 8 * BAR_S) < 0.01);
	}
	assert_string_equal(part[0]->label, part[2]->label);
	assert_string_equal(part[1]->label, part[3]->label);
	assert_string_not_equal(part[0]->label, part[1]->label);
	assert_true(part[0]->level < 0.8f * part[1]->level);
	assert_true(part[1]->level > 0.75f && part[3]->level > 0.75f);
	free(h);
	/* Without beats the places are less sure, and there are no bars in which chords could go round. */
	h = listen_to(&t, 0);
	check_sane(&t, h);
	assert_true(fabs((double)section_at(h, 9 * BAR_S)->start_s - 8 * BAR_S) < 3);
	assert_int_equal(h->form.n_progression, 0);
	free(h);
	take_release(&t);
}

static void hears_nothing_in_nothing(void **state)
{
	(void)state;
	enum { EMPTY, ONE_SAMPLE, SILENCE, OFFSET, NOISE, CASES };
	for (int k = 0; k < CASES; k++)
		for (int beats = 0; beats < 2; beats++) {
			struct take t = take_of(k == EMPTY ? 0 : k == ONE_SAMPLE ? 1.5 / EAR_RATE : 12);
			struct rng r = rng_stream(7, "noise", 0);
			for (size_t i = 0; i < t.sound.n; i++)
				t.left[i] = t.right[i] = k == OFFSET ? 0.5f : k == NOISE ? rng_unit(&r) - 0.5f : 0;
			struct heard *h = listen_to(&t, beats);
			check_sane(&t, h);
			assert_int_equal(h->harmony.tonic_pc, -1);
			assert_true(h->harmony.key_confidence == 0);
			assert_int_equal(h->harmony.n_chords, t.sound.n > 0);
			assert_int_equal(h->harmony.chord[0].quality, HEARD_NONE);
			assert_int_equal(h->form.n_progression, 0);
			free(h);
			take_release(&t);
		}
}

static void one_tone_is_no_chord(void **state)
{
	(void)state;
	struct take t = take_of(12);
	for (size_t i = 0; i < t.sound.n; i++)
		t.left[i] = t.right[i] = (float)(0.5 * sin(2 * M_PI * 452.9 * (double)i / EAR_RATE));
	struct heard *h = listen_to(&t, 0);
	check_sane(&t, h);
	assert_true(fabs(h->harmony.tuning_cents - 50) < 2 || fabs(h->harmony.tuning_cents + 50) < 2);
	assert_int_equal(h->harmony.tonic_pc, -1);
	assert_int_equal(h->harmony.n_chords, 1);
	free(h);
	take_release(&t);
}

/* The longest recording, the most beats, a bar that no music has; loud and with steps in it. */
static void bears_the_worst(void **state)
{
	(void)state;
	struct take t = take_of(EAR_MAX_S);
	struct rng r = rng_stream(9, "worst", 0);
	for (size_t i = 0; i < t.sound.n; i++) {
		t.left[i] = i / 4000 % 2 ? 8 : -8;
		t.right[i] = (float)(16 * rng_unit(&r) - 8);
	}
	struct heard *h = calloc(1, sizeof *h);
	assert_non_null(h);
	for (h->rhythm.n_beats = 0; h->rhythm.n_beats < EAR_BEATS; h->rhythm.n_beats++)
		h->rhythm.beat_s[h->rhythm.n_beats] = (float)(h->rhythm.n_beats * (double)EAR_MAX_S / EAR_BEATS);
	h->rhythm.meter_num = 2;
	h->rhythm.meter_den = 4;
	h->rhythm.first_downbeat = 1;
	assert_int_equal(ear_harmony(&t.sound, &h->rhythm, NULL, &h->harmony, NULL), 0);
	assert_int_equal(ear_form(&t.sound, &h->rhythm, &h->harmony, NULL, &h->form, NULL), 0);
	check_sane(&t, h);
	free(h);
	take_release(&t);
}

static void stops_when_told(void **state)
{
	(void)state;
	struct take t = take_of(4);
	struct heard *h = calloc(1, sizeof *h);
	assert_non_null(h);
	cancel_flag cancel = 1;
	assert_int_equal(ear_harmony(&t.sound, &h->rhythm, &cancel, &h->harmony, NULL), MADRIGAL_ECANCELLED);
	assert_int_equal(ear_form(&t.sound, &h->rhythm, &h->harmony, &cancel, &h->form, NULL), MADRIGAL_ECANCELLED);
	free(h);
	take_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_keys_chords_and_tuning),
		cmocka_unit_test(stays_at_home), cmocka_unit_test(a_raised_end_does_not_change_the_key),
		cmocka_unit_test(power_chords_take_their_third_from_the_key),
		cmocka_unit_test(finds_the_round_from_its_start),
		cmocka_unit_test(tells_sections_apart),
		cmocka_unit_test(hears_nothing_in_nothing),
		cmocka_unit_test(one_tone_is_no_chord),
		cmocka_unit_test(bears_the_worst),
		cmocka_unit_test(stops_when_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
