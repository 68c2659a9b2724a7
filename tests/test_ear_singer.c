/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Singers made here: pulses and breath through the resonances of vowels, over a band. What the ear says of them must be what they were made with. */
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
#include "ear/hpss.h"

struct scene { float *left, *right; size_t n; };

static struct scene scene_of(double seconds)
{
	struct scene s = { .n = (size_t)(seconds * EAR_RATE) };
	s.left = calloc(s.n, sizeof *s.left);
	s.right = calloc(s.n, sizeof *s.right);
	assert_true(s.left && s.right);
	return s;
}

static void scene_free(struct scene *s)
{
	free(s->left);
	free(s->right);
}

static struct heard_singer heard(const struct scene *s)
{
	struct ear_sound sound = { s->left, s->right, s->n };
	struct heard_singer h;
	struct madrigal_error err;
	memset(&h, 0x55, sizeof h);
	assert_int_equal(ear_singer(&sound, NULL, NULL, &h, &err), 0);
	assert_true(h.singing >= 0 && h.singing <= 1 && h.speech >= 0 && h.speech <= 1);
	for (int i = 0; i < h.n_vector; i++)
		assert_true(isfinite(h.vector[i]));
	return h;
}

static void near(const char *what, double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%s: got %g, wanted %g within %g", what, got, want, within);
}

static double hz_of(double midi)
{
	return 440 * pow(2, (midi - 69) / 12);
}

/* ------------------------------------------------------------------ a throat */

struct throat { double y[4][2]; };

/* Formants of five vowels of an average adult (after Peterson and Barney 1952). */
static const double vowels[5][4] = {
	{ 760, 1220, 2550, 3500 }, { 560, 1850, 2600, 3600 }, { 330, 2350, 3000, 3700 }, { 520, 920, 2500, 3450 }, { 370, 1000, 2350, 3400 },
};

static double resonate(struct throat *t, double x, const double hz[4], double scale)
{
	for (int i = 0; i < 4; i++) {
		double r = exp(-M_PI * (60 + 30 * i) / EAR_RATE), c = 2 * r * cos(2 * M_PI * hz[i] * scale / EAR_RATE);
		double y = (1 - c + r * r) * x + c * t->y[i][0] - r * r * t->y[i][1];
		t->y[i][1] = t->y[i][0];
		t->y[i][0] = y;
		x = y;
	}
	return x;
}

struct person {
	double formants;            /* against an average adult */
	double vibrato_hz, vibrato_cents;
	int speaks;                 /* short syllables that glide */
	double low;                 /* MIDI, of his tune */
	double breath;              /* times the air that others have */
};

static const int tune[] = { 0, 2, 4, 4, 7, 5, 4, 2, 0, 4, 7, 9, 12, 9, 7, 4 };
#define TUNE 16

/* Adds a person in the middle of the picture, from `from` on, with a rest after every eighth syllable. */
static void utter(struct scene *s, const struct person *p, size_t from, double level)
{
	struct throat throat = { 0 };
	struct rng rng = rng_stream(7, "utter", 0);
	double phase = 0, slow = 0, was = 0, tilt = 0, syllable_s = p->speaks ? 0.21 : 0.55, drift = 0;
	int last = -1;
	double glide_from = 0, glide_to = 0;
	for (size_t i = from; i < s->n; i++) {
		double t = (double)(i - from) / EAR_RATE;
		int k = (int)(t / syllable_s);
		double in = t / syllable_s - k;
		if (k != last) {
			last = k;
			glide_from = 3 + 6 * (double)rng_unit(&rng);
			glide_to = glide_from - 5 + 7 * (double)rng_unit(&rng);
		}
		if (k % 9 == 8)
			continue;
		double note = p->low + tune[k % TUNE], ease = 1 - exp(-in * syllable_s / 0.03);
		slow += (note - slow) * (t < 0.01 ? 1 : 1.0 / (0.03 * EAR_RATE));
		drift += (0.12 * (2 * (double)rng_unit(&rng) - 1) - drift) * 0.002;
		double midi = p->speaks ? p->low + glide_from + (glide_to - glide_from) * in
		                        : slow + drift + p->vibrato_cents / 100 * ease * sin(2 * M_PI * p->vibrato_hz * t);
		phase += hz_of(midi) / EAR_RATE;
		int closes = phase >= 1;
		phase -= closes;
		double hiss = 2 * (double)rng_unit(&rng) - 1, consonant = k % 2 == 0 && in * syllable_s < 0.07 ? 1 : 0;
		/* The glottis: a pulse that its lips soften twice and radiation sharpens once. */
		double flow = phase < 0.6 ? phase * phase * (0.6 - phase) * 6.75 / 0.216 : 0;
		double pulse = flow - was;
		was = flow;
		tilt += 0.6 * (pulse - tilt);
		double swell = fmin(1, fmin(in * syllable_s / 0.03, (1 - in) * syllable_s / 0.05));
		double voice = resonate(&throat, (1 - consonant) * swell * (20 * tilt + 0.01 * p->breath * hiss), vowels[k % 5], p->formants);
		float v = (float)(level * (voice + 0.12 * consonant * hiss));
		s->left[i] += v;
		s->right[i] += v;
	}
}

/* ------------------------------------------------------------------ a band */

static void pluck(struct scene *s, double at_s, double midi, double decay_s, double level, double pan)
{
	size_t from = (size_t)(at_s * EAR_RATE), n = (size_t)(4 * decay_s * EAR_RATE);
	for (size_t i = from; i < s->n && i < from + n; i++) {
		double t = (double)(i - from) / EAR_RATE, v = 0;
		for (int h = 1; h <= 8 && h * hz_of(midi) < 9000; h++)
			v += sin(2 * M_PI * h * hz_of(midi) * t) / h * exp(-t * h / decay_s / 2);
		v *= level * fmin(1, t / 0.003);
		s->left[i] += (float)(v * (1 - pan));
		s->right[i] += (float)(v * (1 + pan));
	}
}

static void strike(struct scene *s, double at_s, double decay_s, double level, uint64_t seed)
{
	struct rng rng = rng_stream(seed, "strike", 0);
	size_t from = (size_t)(at_s * EAR_RATE), n = (size_t)(5 * decay_s * EAR_RATE);
	for (size_t i = from; i < s->n && i < from + n; i++) {
		float v = (float)(level * (2 * (double)rng_unit(&rng) - 1) * exp(-(double)(i - from) / EAR_RATE / decay_s));
		s->left[i] += v;
		s->right[i] += v;
	}
}

/* Chords to both sides, a bass and drums in the middle: 110 beats a minute. */
static void band(struct scene *s, double level)
{
	static const int roots[4] = { 48, 45, 41, 43 };
	double beat = 60 / 110.0, end = (double)s->n / EAR_RATE;
	for (int k = 0; k * beat < end; k++) {
		int root = roots[k / 4 % 4];
		pluck(s, k * beat, root - 12, 0.4, 0.25 * level, 0);
		pluck(s, k * beat, root + 12, 0.6, 0.1 * level, -0.8);
		pluck(s, k * beat, root + 16 - (root == 45), 0.6, 0.1 * level, 0.7);
		pluck(s, (k + 0.5) * beat, root + 19, 0.6, 0.1 * level, 0.8);
		strike(s, k * beat, k % 2 ? 0.06 : 0.02, 0.25 * level, (uint64_t)k);
	}
}

/* ------------------------------------------------------------------ tests */

static void says_what_a_singer_was_made_with(void **state)
{
	(void)state;
	const struct person deep = { 0.88, 5.5, 60, 0, 45, 1 }, light = { 1.15, 6.2, 35, 0, 60, 1 };
	const struct person *who[2] = { &deep, &light };
	struct heard_singer h[2][2];
	for (int i = 0; i < 2; i++)
		for (int alone = 0; alone < 2; alone++) {
			struct scene s = scene_of(30);
			utter(&s, who[i], alone ? 0 : 4 * EAR_RATE, 0.3);
			if (!alone)
				band(&s, 0.35);
			struct heard_singer *x = &h[i][alone];
			*x = heard(&s);
			scene_free(&s);
			assert_true(x->singing > 0.4f);
			assert_true(x->speech < 0.3f);
			assert_int_equal(x->female, i);
			near("low", (double)x->low, who[i]->low, 1.5);
			near("median", (double)x->median, who[i]->low + 4, 1.5);
			near("high", (double)x->high, who[i]->low + 12, 3.5);
			near("vibrato", (double)x->vibrato_hz, who[i]->vibrato_hz, 0.6);
			near("vibrato's depth", (double)x->vibrato_cents, who[i]->vibrato_cents, 0.4 * who[i]->vibrato_cents);
			assert_true(x->n_vector > 0 && x->n_vector <= EAR_TIMBRE);
		}
	for (int alone = 0; alone < 2; alone++)
		if (!(h[1][alone].formant_scale > h[0][alone].formant_scale * 1.1f))
			fail_msg("long throat %g, short throat %g", (double)h[0][alone].formant_scale, (double)h[1][alone].formant_scale);
}

/* Breath, and that in a full band it isn't the voice's own that is heard. */
static void hears_breath(void **state)
{
	(void)state;
	struct heard_singer h[3];
	for (int i = 0; i < 3; i++) {
		const struct person p = { 1, 5.5, 30, 0, 52, i == 1 ? 6 : 1 };
		struct scene s = scene_of(20);
		utter(&s, &p, 0, 0.3);
		if (i == 2)
			band(&s, 1);
		h[i] = heard(&s);
		scene_free(&s);
	}
	assert_true(h[1].breath_db > h[0].breath_db + 3);
	assert_true(h[0].breath_confidence > 0.8f && h[1].breath_confidence > 0.8f);
	assert_true(h[2].breath_confidence < 0.5f);
}

static double apart(const struct heard_singer *a, const struct heard_singer *b)
{
	double sum = 0;
	assert_int_equal(a->n_vector, b->n_vector);
	for (int i = 0; i < a->n_vector; i++)
		sum += ((double)a->vector[i] - (double)b->vector[i]) * ((double)a->vector[i] - (double)b->vector[i]);
	return sqrt(sum);
}

/* The same throat with and without a band, three semitones apart, is nearer to itself than to another. */
static void knows_a_voice_again(void **state)
{
	(void)state;
	const struct person one = { 0.9, 5.5, 40, 0, 50, 1 }, later = { 0.9, 5.5, 40, 0, 53, 1 }, other = { 1.12, 5.5, 40, 0, 50, 1 };
	const struct person *who[3] = { &one, &later, &other };
	struct heard_singer h[3];
	for (int i = 0; i < 3; i++) {
		struct scene s = scene_of(20);
		utter(&s, who[i], 0, 0.3);
		if (i > 0)
			band(&s, 0.3);
		h[i] = heard(&s);
		scene_free(&s);
	}
	assert_true(apart(&h[0], &h[1]) < apart(&h[0], &h[2]));
	assert_true(apart(&h[0], &h[1]) < apart(&h[1], &h[2]));
}

static void tells_speech_from_singing(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		const struct person p = { 0.9 + 0.1 * i, 0, 0, 1, 42 + 5 * i, 1 };
		struct scene s = scene_of(15);
		utter(&s, &p, 0, 0.3);
		struct heard_singer h = heard(&s);
		scene_free(&s);
		if (!(h.speech > 0.7f && h.singing < 0.2f))
			fail_msg("speaker %d: speech %g, singing %g", i, (double)h.speech, (double)h.singing);
	}
}

static void hears_no_voice_in_a_band(void **state)
{
	(void)state;
	struct scene s = scene_of(30);
	band(&s, 0.6);
	for (int k = 0; k < 50; k++)
		pluck(&s, 0.6 * k, 60 + tune[k % TUNE], 0.5, 0.3, 0);
	struct heard_singer h = heard(&s);
	assert_true(h.singing < 0.02f);
	assert_int_equal(h.female, -1);
	scene_free(&s);
}

static void hears_no_voice_in_sines_and_plucks(void **state)
{
	(void)state;
	for (int plucked = 0; plucked < 2; plucked++) {
		struct scene s = scene_of(20);
		for (int k = 0; k < 40; k++) {
			if (plucked) {
				pluck(&s, 0.5 * k, 55 + tune[k % TUNE], 0.4, 0.3, 0);
				continue;
			}
			for (size_t i = 0; i < EAR_RATE / 2; i++) {
				float v = 0.4f * (float)(sin(2 * M_PI * hz_of(57 + tune[k % TUNE]) * (double)i / EAR_RATE) * fmin(1, fmin((double)i, EAR_RATE / 2.0 - (double)i) / 300));
				s.left[(size_t)k * (EAR_RATE / 2) + i] = s.right[(size_t)k * (EAR_RATE / 2) + i] = v;
			}
		}
		struct heard_singer h = heard(&s);
		if (h.singing >= 0.02f || h.female != -1)
			fail_msg("%s: singing %g, sex %d", plucked ? "plucks" : "sines", (double)h.singing, h.female);
		scene_free(&s);
	}
}

static void assert_nothing(const struct scene *s)
{
	struct heard_singer h = heard(s), none = { .female = -1 };
	none.speech = h.speech; /* a speck of noise may look like speech, but never like singing */
	assert_memory_equal(&h, &none, sizeof h);
}

static void takes_whatever_comes(void **state)
{
	(void)state;
	static const double lengths[] = { 0, 0.0001, 0.05, 0.5, 3 };
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct scene s = scene_of(lengths[i]);
		assert_nothing(&s); /* silence */
		for (size_t k = 0; k < s.n; k++)
			s.left[k] = s.right[k] = (float)(0.8 * sin(2 * M_PI * 220 * (double)k / EAR_RATE));
		assert_nothing(&s);
		strike(&s, 0, 1000, 0.5, 3);
		assert_nothing(&s);
		for (size_t k = 0; k < s.n; k++)
			s.left[k] = k % 3 ? 8 : -8, s.right[k] = 0;
		assert_nothing(&s);
		scene_free(&s);
	}
}

/* Longer than is listened to: the same singer, and the same again. */
static void hears_long_recordings_in_pieces(void **state)
{
	(void)state;
	const struct person p = { 1, 5.5, 40, 0, 52, 1 };
	struct scene s = scene_of(200);
	utter(&s, &p, 0, 0.3);
	struct heard_singer a = heard(&s), b = heard(&s);
	assert_memory_equal(&a, &b, sizeof a);
	assert_true(a.singing > 0.5f);
	near("low", (double)a.low, 52, 1.5);
	cancel_flag stop = 1;
	struct ear_sound sound = { s.left, s.right, s.n };
	struct madrigal_error err;
	assert_int_equal(ear_singer(&sound, NULL, &stop, &b, &err), MADRIGAL_ECANCELLED);
	assert_memory_equal(&a, &b, sizeof a);
	scene_free(&s);
}

/* A line along time lasts, a line along frequency strikes; both together are what came in. */
static void medians_tell_what_lasts_from_what_strikes(void **state)
{
	(void)state;
	enum { BINS = 60, FRAMES = 40 };
	struct hpss h;
	struct madrigal_error err;
	assert_int_equal(hpss_init(&h, BINS, 8, 9, &err), MADRIGAL_EINTERNAL);
	assert_int_equal(hpss_init(&h, BINS, 9, 9, &err), 0);
	float in[BINS], lasts[BINS], strikes[BINS];
	int out = 0;
	for (int t = 0; out < FRAMES; t++) {
		for (int k = 0; k < BINS; k++)
			in[k] = k == 30 || t == 20 ? 1 : 0;
		if (!hpss_push(&h, t < FRAMES ? in : NULL, lasts, strikes))
			continue;
		for (int k = 0; k < BINS; k++) {
			float want = k == 30 || out == 20 ? 1 : 0;
			near("sum", (double)(lasts[k] + strikes[k]), (double)want, 1e-6);
			if (k == 30 && out != 20)
				near("a line along time", (double)lasts[k], 1, 1e-6);
			else if (k != 30)
				near("a line along frequency", (double)strikes[k], (double)want, 1e-6);
		}
		out++;
	}
	hpss_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_a_singer_was_made_with), cmocka_unit_test(hears_breath), cmocka_unit_test(knows_a_voice_again),
		cmocka_unit_test(tells_speech_from_singing), cmocka_unit_test(hears_no_voice_in_a_band),
		cmocka_unit_test(hears_no_voice_in_sines_and_plucks), cmocka_unit_test(takes_whatever_comes),
		cmocka_unit_test(hears_long_recordings_in_pieces), cmocka_unit_test(medians_tell_what_lasts_from_what_strikes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
