/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tempo, beats, bars, swing and drum patterns of bands made of sines and noise, whose every strike is known. */
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

#define START_S 0.3

struct sound { float *x; size_t n; struct rng rng; };

static struct sound silence(double seconds)
{
	struct sound s = { .n = (size_t)(seconds * EAR_RATE), .rng = rng_stream(1, "test", 0) };
	s.x = calloc(s.n + 1, sizeof *s.x);
	assert_non_null(s.x);
	return s;
}

/* A sine that dies away. */
static void tone(struct sound *s, double at_s, double hz, double amplitude, double decay_s)
{
	size_t from = (size_t)(at_s * EAR_RATE), len = (size_t)(decay_s * 5 * EAR_RATE);
	for (size_t i = 0; i < len && from + i < s->n; i++) {
		double t = (double)i / EAR_RATE;
		s->x[from + i] += (float)(amplitude * fmin(1, t / 0.002) * exp(-t / decay_s) * sin(2 * M_PI * hz * t));
	}
}

/* Noise that dies away; high: only what is above some 6 kHz. */
static void noise(struct sound *s, double at_s, int high, double amplitude, double decay_s)
{
	size_t from = (size_t)(at_s * EAR_RATE), len = (size_t)(decay_s * 5 * EAR_RATE);
	float a = 0, b = 0;
	for (size_t i = 0; i < len && from + i < s->n; i++) {
		float x = 2 * rng_unit(&s->rng) - 1, y = high ? x - 2 * a + b : x;
		b = a;
		a = x;
		s->x[from + i] += (float)(amplitude * exp(-(double)i / EAR_RATE / decay_s)) * y;
	}
}

static void kick(struct sound *s, double at_s) { tone(s, at_s, 55, 0.6, 0.08); }
static void snare(struct sound *s, double at_s) { noise(s, at_s, 0, 0.3, 0.05); }
static void hat(struct sound *s, double at_s) { noise(s, at_s, 1, 0.05, 0.015); }

static void chord(struct sound *s, double at_s, int bar, double decay_s)
{
	static const int roots[4] = { 48, 55, 57, 53 }, third[4] = { 4, 4, 3, 4 };
	int root = roots[bar % 4];
	double base = 440 * exp2((root - 69) / 12.0);
	tone(s, at_s, base / 2, 0.2, decay_s);
	tone(s, at_s, base * 2, 0.06, decay_s);
	tone(s, at_s, base * 2 * exp2(third[bar % 4] / 12.0), 0.06, decay_s);
	tone(s, at_s, base * 2 * exp2(7 / 12.0), 0.06, decay_s);
}

struct song { double bpm; int num, den; double swing; int swing_unit; };

/* A bar's patterns in sixteenths: k kick, s snare, h hi-hat alone, + kick and hi-hat, # snare and hi-hat. */
static const char *pattern_of(const struct song *w)
{
	if (w->num == 3)
		return "+.h.#.h.#.h.";
	if (w->num == 6)
		return "+.h.h.#.h.h.";
	return w->swing_unit == 16 ? "+hhh#hhh+hhh#hhh" : "+.h.#.h.+.h.#.h.";
}

static struct sound band(const struct song *w, double seconds)
{
	struct sound s = silence(seconds);
	const char *p = pattern_of(w);
	int steps = (int)strlen(p), unit = w->swing_unit == 16 ? 1 : 2;
	double step_s = 15 / w->bpm;
	for (int i = 0; START_S + i * step_s < seconds - 1; i++) {
		char c = p[i % steps];
		double at = START_S + i * step_s + (i % (2 * unit) == unit ? w->swing * unit * step_s : 0);
		if (c == 'k' || c == '+')
			kick(&s, at);
		if (c == 's' || c == '#')
			snare(&s, at);
		if (c == 'h' || c == '+' || c == '#')
			hat(&s, at);
		if (i % steps == 0)
			chord(&s, at, i / steps, steps * step_s / 3);
	}
	return s;
}

/* Both listeners; frees the sound. */
static struct heard_rhythm *listen(struct sound s)
{
	struct ear_sound e = { s.x, s.x, s.n };
	struct heard_rhythm *r = calloc(1, sizeof *r);
	struct heard_harmony *h = calloc(1, sizeof *h);
	struct madrigal_error err;
	assert_non_null(r);
	assert_non_null(h);
	assert_int_equal(ear_beats(&e, NULL, r, &err), 0);
	assert_int_equal(ear_metre(&e, NULL, r, h, &err), 0);
	free(h);
	free(s.x);
	return r;
}

static void check_song(const struct song *w)
{
	struct heard_rhythm *r = listen(band(w, 30));
	double beat_s = 60 / w->bpm;
	int bar = w->num == 4 ? 4 : 3;
	if (fabs(r->tempo_bpm / w->bpm - 1) > 0.002)
		fail_msg("%d/%d at %g swing %g: heard %g", w->num, w->den, w->bpm, w->swing, r->tempo_bpm);
	if (r->meter_num != w->num || r->meter_den != w->den)
		fail_msg("%d/%d at %g swing %g: heard %d/%d", w->num, w->den, w->bpm, w->swing, r->meter_num, r->meter_den);
	for (int i = 0; i < r->n_beats; i++) {
		double at = ((double)r->beat_s[i] - START_S) / beat_s;
		if (fabs(at - round(at)) * beat_s > 0.035)
			fail_msg("%d/%d at %g: beat %d at %g", w->num, w->den, w->bpm, i, (double)r->beat_s[i]);
	}
	assert_true(r->n_beats > 28 / beat_s * 0.9);
	assert_int_equal(lround(((double)r->beat_s[r->first_downbeat] - START_S) / beat_s) % bar, 0);
	assert_true(r->first_downbeat < bar);
	if (fabs((double)r->swing - w->swing) > 0.04)
		fail_msg("%d/%d at %g: swing %g/%d, heard %g/%d", w->num, w->den, w->bpm, w->swing, w->swing_unit, (double)r->swing, r->swing_unit);
	if (w->swing > 0)
		assert_int_equal(r->swing_unit, w->swing_unit);
	assert_true(r->tempo_confidence > 0.5 && r->tempo_confidence <= 1);
	free(r);
}

static void tempo_bars_and_swing_are_heard(void **state)
{
	(void)state;
	static const struct song songs[] = {
		{ 64, 4, 4, 0, 8 }, { 75.5, 4, 4, 0, 16 }, { 97.3, 4, 4, 0, 8 }, { 120, 4, 4, 0, 8 }, { 121.7, 4, 4, 0, 16 }, { 150, 4, 4, 0, 8 }, { 174, 4, 4, 0, 8 },
		{ 110, 4, 4, 0.33, 8 }, { 130, 4, 4, 0.2, 8 }, { 88, 4, 4, 0.15, 16 }, { 96, 4, 4, 0.3, 16 },
		{ 90, 3, 4, 0, 8 }, { 128, 3, 4, 0, 8 }, { 160, 3, 4, 0, 8 }, { 105, 6, 8, 0, 8 }, { 120, 6, 8, 0, 8 },
	};
	for (size_t i = 0; i < sizeof songs / sizeof *songs; i++)
		check_song(songs + i);
}

/* A metronome has no bars, but a tempo, up to its octave. */
static void clicks_have_a_tempo(void **state)
{
	(void)state;
	static const double bpm[] = { 50, 60, 83.4, 97.3, 140, 180, 210 };
	for (size_t k = 0; k < sizeof bpm / sizeof *bpm; k++) {
		struct sound s = silence(25);
		for (double at = START_S; at < 24; at += 60 / bpm[k])
			tone(&s, at, 1000, 0.5, 0.01);
		struct heard_rhythm *r = listen(s);
		double octaves = r->tempo_bpm > 0 ? log2(r->tempo_bpm / bpm[k]) : 9;
		if (fabs(octaves - round(octaves)) > 0.003 || fabs(octaves) > 1.1)
			fail_msg("%g clicks a minute: heard %g", bpm[k], r->tempo_bpm);
		free(r);
	}
}

static void drums_are_where_they_strike(void **state)
{
	(void)state;
	struct song w = { 112, 4, 4, 0, 8 };
	struct heard_rhythm *r = listen(band(&w, 30));
	assert_int_equal(r->n_steps, 16);
	for (int k = 0; k < 16; k++) {
		if (k % 8 == 4)
			assert_true(r->snare[k] > 0.6f && r->kick[k] < 0.5f);
		if (k % 8 == 0)
			assert_true(r->kick[k] > 0.4f && r->snare[k] < 0.5f);
		if (k % 2)
			assert_true(r->hat[k] < 0.3f && r->kick[k] < 0.3f && r->snare[k] < 0.3f);
		else
			assert_true(r->hat[k] > 0.3f);
	}
	assert_true(r->onsets_per_s > 2.5f && r->onsets_per_s < 5);
	free(r);
}

/* A player who slows down from 120 to 100: the beats go with him. */
static void beats_follow_a_player(void **state)
{
	(void)state;
	struct sound s = silence(40);
	double at = START_S, true_s[80];
	int n = 0;
	while (at < 39) {
		double bpm = 120 - 20 * at / 40;
		true_s[n] = at;
		if (n % 2)
			snare(&s, at);
		else
			kick(&s, at);
		if (n % 4 == 0)
			chord(&s, at, n / 4, 0.6);
		hat(&s, at);
		hat(&s, at + 30 / bpm);
		n++;
		at += 60 / bpm;
	}
	struct heard_rhythm *r = listen(s);
	int near = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < r->n_beats; k++)
			if (fabs((double)r->beat_s[k] - true_s[i]) < 0.05) {
				near++;
				break;
			}
	if (near < n * 9 / 10 || r->tempo_bpm < 98 || r->tempo_bpm > 122)
		fail_msg("%d of %d beats, tempo %g", near, n, r->tempo_bpm);
	free(r);
}

static void no_beat(struct sound s)
{
	struct heard_rhythm *r = listen(s);
	if (r->tempo_bpm > 0 || r->n_beats || r->meter_num || r->tempo_confidence > 0)
		fail_msg("heard %g, %d beats", r->tempo_bpm, r->n_beats);
	free(r);
}

static void what_has_no_beat_gets_none(void **state)
{
	(void)state;
	static const double lengths[] = { 0, 1.0 / EAR_RATE, 0.1, 2.9, 3.1, 20 };
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		no_beat(silence(lengths[i]));
	for (int i = 0; i < 4; i++) {
		struct sound s = silence(i == 0 ? 5 : 20);
		for (size_t k = 0; k < s.n; k++)
			s.x[k] = i == 3 ? 0.5f : 0.2f * (2 * rng_unit(&s.rng) - 1);
		if (i == 2)
			for (size_t k = 0; k < s.n; k++)
				s.x[k] = (float)(0.3 * sin(2 * M_PI * 220 * (double)k / EAR_RATE));
		no_beat(s);
	}
	struct sound click = silence(20);
	click.x[click.n / 2] = 1;
	no_beat(click);
	struct sound one = silence(1.0 / EAR_RATE);
	one.x[0] = 1;
	no_beat(one);
}

/* Nothing in the results may lie beyond what ear.h promises, whatever comes in. */
static void anything_stays_within_limits(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		struct sound s = silence(3 + i);
		double every = 0.02 * (1 + i * i);
		for (double at = 0; at < 3 + i; at += every * (0.5 + (double)rng_unit(&s.rng)))
			noise(&s, at, i % 2, i % 3 ? 8 : 1e-4, 0.004 * (1 + i));
		struct heard_rhythm *r = listen(s);
		assert_true(r->tempo_bpm >= 0 && r->tempo_bpm <= 240 && r->tempo_confidence >= 0 && r->tempo_confidence <= 1);
		assert_true(r->n_beats >= 0 && r->n_beats <= EAR_BEATS);
		for (int k = 0; k + 1 < r->n_beats; k++)
			assert_true(r->beat_s[k] < r->beat_s[k + 1]);
		assert_true(r->first_downbeat >= 0 && (r->n_beats == 0 || r->first_downbeat < 4));
		assert_true(r->swing >= 0 && r->swing <= 0.34f && r->drums >= 0 && r->drums <= 1 && r->n_steps <= EAR_STEPS);
		free(r);
	}
}

/* Whoever took every second beat for one is put right, and chords are counted in bars. */
static void bars_put_the_beats_right(void **state)
{
	(void)state;
	struct song w = { 112, 4, 4, 0, 8 };
	double bar_s = 4 * 60 / w.bpm;
	struct sound s = band(&w, 30);
	struct ear_sound e = { s.x, s.x, s.n };
	struct heard_rhythm *r = calloc(1, sizeof *r);
	struct heard_harmony *h = calloc(1, sizeof *h);
	struct madrigal_error err;
	assert_non_null(r);
	assert_non_null(h);
	assert_int_equal(ear_beats(&e, NULL, r, &err), 0);
	for (int i = 0; 2 * i < r->n_beats; i++)
		r->beat_s[i] = r->beat_s[2 * i];
	r->n_beats = (r->n_beats + 1) / 2;
	r->tempo_bpm /= 2;
	for (int i = 0; i < 24; i++)
		h->chord[h->n_chords++] = (struct heard_chord){ (float)(START_S + i * bar_s / 2), (float)(START_S + (i + 1) * bar_s / 2), (int8_t)(i % 5), HEARD_MAJOR };
	assert_int_equal(ear_metre(&e, NULL, r, h, &err), 0);
	assert_true(fabs(r->tempo_bpm / w.bpm - 1) < 0.003);
	assert_true(fabs((double)r->beat_s[r->first_downbeat] - START_S) < 0.035);
	assert_true(fabsf(h->changes_per_bar - 2) < 0.1f);
	free(r);
	free(h);
	free(s.x);
}

static void cancelling_changes_nothing(void **state)
{
	(void)state;
	cancel_flag stop = 1;
	struct song w = { 112, 4, 4, 0, 8 };
	struct sound s = band(&w, 10);
	struct ear_sound e = { s.x, s.x, s.n };
	struct heard_rhythm *r = calloc(2, sizeof *r);
	struct madrigal_error err;
	assert_non_null(r);
	assert_int_equal(ear_beats(&e, &stop, r, &err), MADRIGAL_ECANCELLED);
	assert_memory_equal(r, r + 1, sizeof *r);
	assert_int_equal(ear_beats(&e, NULL, r, &err), 0);
	r[1] = r[0];
	struct heard_harmony *h = calloc(1, sizeof *h);
	assert_non_null(h);
	assert_int_equal(ear_metre(&e, &stop, r, h, &err), MADRIGAL_ECANCELLED);
	assert_memory_equal(r, r + 1, sizeof *r);
	free(h);
	free(r);
	free(s.x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tempo_bars_and_swing_are_heard), cmocka_unit_test(clicks_have_a_tempo), cmocka_unit_test(drums_are_where_they_strike),
		cmocka_unit_test(beats_follow_a_player), cmocka_unit_test(what_has_no_beat_gets_none), cmocka_unit_test(anything_stays_within_limits),
		cmocka_unit_test(bars_put_the_beats_right), cmocka_unit_test(cancelling_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
