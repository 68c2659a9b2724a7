/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ear's frame: what goes in, what is written of it and read again, what is near. (What is heard: test_ear_rhythm.c, test_ear_harmony.c, test_ear_singer.c.) */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "dsp/spectrum.h"
#include "ear/json.h"
#include "ear/nearest.h"
#include "ear/timbre.h"
#include "engine/reference.h"

static struct madrigal_error err;

static struct heard *heard_new(void)
{
	struct heard *h = calloc(1, sizeof *h);
	assert_non_null(h);
	h->harmony.tonic_pc = -1;
	h->singer.female = -1;
	return h;
}

static void test_clean(void **state)
{
	(void)state;
	float x[6] = { NAN, INFINITY, -INFINITY, 100, -0.5f, 1e-42f };
	ear_clean(x, 6);
	double sum = 0;
	for (int i = 0; i < 6; i++) {
		assert_true(isfinite(x[i]) && fabsf(x[i]) <= 16);
		sum += (double)x[i];
	}
	assert_true(fabs(sum) < 1e-5); /* no constant part is left */
	ear_clean(NULL, 0);
}

/* A song's worth of everything. */
static struct heard *full(void)
{
	struct heard *h = heard_new();
	h->duration_s = 61.5;
	h->rhythm = (struct heard_rhythm){ .tempo_bpm = 97.3, .tempo_confidence = 0.8, .tempo_other_bpm = 194.6, .n_beats = 100, .meter_num = 3, .meter_den = 4, .meter_confidence = 0.7,
	                                   .first_downbeat = 2, .swing = 0.25f, .swing_unit = 16, .n_steps = 12, .onsets_per_s = 4.5f, .drums = 0.4f };
	for (int i = 0; i < 100; i++)
		h->rhythm.beat_s[i] = (float)(0.31 + i * 60 / 97.3);
	for (int i = 0; i < 12; i++)
		h->rhythm.kick[i] = i % 6 == 0;
	h->harmony.tuning_cents = -12;
	h->harmony.tonic_pc = 10;
	h->harmony.minor = 1;
	h->harmony.key_confidence = 0.5;
	h->harmony.n_chords = 2;
	h->harmony.chord[0] = (struct heard_chord){ 0, 30, 10, HEARD_MINOR };
	h->harmony.chord[1] = (struct heard_chord){ 30, 61.5f, 6, HEARD_MAJOR };
	h->form.n_progression = 2;
	h->form.progression[0] = (struct heard_step){ 0, HEARD_MINOR, 1 };
	h->form.progression[1] = (struct heard_step){ 8, HEARD_MAJOR, 1 };
	h->form.n_sections = 1;
	h->form.section[0] = (struct heard_section){ 0, 61.5f, "A", 0.75f };
	h->timbre.loudness_lufs = -14.2;
	for (int b = 0; b < EAR_BANDS; b++)
		h->timbre.spectrum_db[b] = -10 - (float)b;
	h->timbre.part[HEARD_STRINGS] = 0.9f;
	h->timbre.n_vector = 3;
	h->timbre.vector[0] = -2.5f;
	h->singer = (struct heard_singer){ .singing = 0.6f, .female = 1, .sex_confidence = 0.9f, .low = 57, .median = 62.5f, .high = 69, .formant_scale = 1.1f, .n_vector = 3, .vector = { 1, 2, 3 } };
	h->n_styles = 1;
	snprintf(h->style[0].name, sizeof h->style[0].name, "soul");
	h->style[0].distance = 1.25f;
	return h;
}

static void test_what_is_written_is_read(void **state)
{
	(void)state;
	struct heard *a = full(), *b = heard_new();
	char *one, *two;
	assert_int_equal(heard_write(a, &one, &err), 0);
	assert_int_equal(heard_read(one, b, &err), 0);
	assert_int_equal(heard_write(b, &two, &err), 0);
	assert_string_equal(one, two);
	assert_non_null(strstr(one, "\"time_signature\":\"3/4\""));
	assert_non_null(strstr(one, "\"tonic\":\"Bb\",\"mode\":\"minor\""));
	assert_true(fabs(b->rhythm.tempo_bpm - 97.3) < 1e-4 && b->rhythm.n_beats == 100 && b->rhythm.n_steps == 12 && b->rhythm.swing_unit == 16);
	assert_int_equal(b->harmony.chord[1].root_pc, 6);
	assert_int_equal(b->harmony.chord[0].quality, HEARD_MINOR);
	assert_int_equal(b->form.progression[1].degree, 8);
	assert_string_equal(b->style[0].name, "soul");
	free(one);
	free(two);
	free(a);
	free(b);
}

static void test_what_people_write(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "[]", "12", "{", "{\"tempo_bpm\": }", "nonsense" };
	struct heard *h = heard_new();
	h->duration_s = 7;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(heard_read(wrong[i], h, &err), MADRIGAL_EUSAGE);
	assert_true(h->duration_s == 7); /* untouched */
	/* What has the wrong type or size is not there; numbers stay in their ranges. */
	assert_int_equal(heard_read("{\"tempo_bpm\": 1e9, \"swing\": -4, \"beats\": \"x\", \"key\": {\"tonic\": \"H\"}, \"chords\": [1, {\"start\": 0, \"end\": 2, \"name\": \"Ebm\"}, {}], "
	                            "\"time_signature\": \"7/8\", \"singer\": {\"female\": 99}, \"drum_pattern\": {\"kick\": [1, 0], \"snare\": [1]}, \"spectrum\": {\"db\": [1, 2]}, \"sections\": {}}",
	                            h, &err), 0);
	assert_true(h->rhythm.tempo_bpm <= 480 && h->rhythm.swing == 0);
	assert_int_equal(h->rhythm.n_beats + h->rhythm.n_steps + h->rhythm.meter_num, 0);
	assert_int_equal(h->harmony.tonic_pc, -1);
	assert_int_equal(h->harmony.n_chords, 1);
	assert_int_equal(h->harmony.chord[0].root_pc, 3);
	assert_int_equal(h->singer.female, 1);
	assert_int_equal(heard_read("{}", h, &err), 0);
	assert_int_equal(h->harmony.tonic_pc, -1);
	free(h);
}

static void test_lists_end(void **state)
{
	(void)state;
	size_t size = 4 << 20, n = 0;
	char *text = malloc(size);
	struct heard *h = heard_new();
	n += (size_t)snprintf(text, size, "{\"chords\": [");
	for (int i = 0; i < EAR_CHORDS + 500; i++)
		n += (size_t)snprintf(text + n, size - n, "%s{\"start\": 1, \"end\": 2, \"name\": \"C\"}", i ? "," : "");
	n += (size_t)snprintf(text + n, size - n, "], \"beats\": [");
	for (int i = 0; i < EAR_BEATS + 500; i++)
		n += (size_t)snprintf(text + n, size - n, "%s1", i ? "," : "");
	snprintf(text + n, size - n, "]}");
	assert_int_equal(heard_read(text, h, &err), 0);
	assert_int_equal(h->harmony.n_chords, EAR_CHORDS);
	assert_int_equal(h->rhythm.n_beats, EAR_BEATS);
	free(text);
	free(h);
}

/* ---- sound ---- */

static void test_timbre(void **state)
{
	(void)state;
	size_t n = EAR_RATE * 8;
	float *left = malloc(n * sizeof *left), *right = malloc(n * sizeof *right);
	struct heard_rhythm r = { 0 };
	struct heard_timbre low, high, none;
	struct rng rng = rng_stream(1, "test", 0);
	for (size_t i = 0; i < n; i++)
		left[i] = right[i] = 0.25f * sinf((float)(2 * M_PI * 250 * (double)(i % EAR_RATE) / EAR_RATE));
	struct ear_sound s = { left, right, n };
	assert_int_equal(ear_timbre(&s, &r, NULL, &low, &err), 0);
	int band = 0;
	while (spectrum_centres_hz[band] < 250)
		band++;
	for (int b = 0; b < EAR_BANDS; b++)
		assert_true(b == band ? low.spectrum_db[b] > -0.5f : low.spectrum_db[b] < -20);
	assert_true(fabs(low.loudness_lufs - -12.7) < 0.3); /* a sine of -12 dBFS on both sides, K-weighted */
	assert_true(low.brightness_hz < 400 && low.width < 0.01f && low.range_lu < 1);
	for (size_t i = 0; i < n; i++) {
		left[i] = 0.1f * (2 * rng_unit(&rng) - 1);
		right[i] = 0.1f * (2 * rng_unit(&rng) - 1);
	}
	assert_int_equal(ear_timbre(&s, &r, NULL, &high, &err), 0);
	assert_true(high.brightness_hz > 4000 && high.width > 0.6f && high.n_vector == TIMBRE_FIGURES);
	for (int i = 0; i < high.n_vector; i++)
		assert_true(isfinite(high.vector[i]));
	memset(left, 0, n * sizeof *left);
	memset(right, 0, n * sizeof *right);
	for (size_t length = 0; length <= n; length += n / 2) {
		s.n = length;
		assert_int_equal(ear_timbre(&s, &r, NULL, &none, &err), 0);
		assert_true(none.loudness_lufs == -70 && none.n_vector == 0 && none.brightness_hz == 0);
	}
	free(left);
	free(right);
}

/* ---- neighbours ---- */

static void put_table(const char *dir, const char *name, const char *text)
{
	char path[300];
	snprintf(path, sizeof path, "%s/ear", dir);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s/ear/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_nearest(void **state)
{
	(void)state;
	char dir[] = "/tmp/test-ear-XXXXXX", command[64];
	assert_non_null(mkdtemp(dir));
	struct ear_tables t;
	assert_int_equal(ear_tables_load(dir, &t, &err), 0); /* without tables nothing is near */
	struct heard *h = full();
	ear_nearest(&t, h);
	assert_int_equal(h->n_styles + h->n_voices, 0);
	ear_tables_release(&t);
	put_table(dir, "styles.jsonl", "{\"weights\":[1,1,0]}\n{\"name\":\"far\",\"timbre\":[9,9,9]}\n{\"name\":\"near\",\"timbre\":[1,0,9]}\n{\"name\":\"far\",\"timbre\":[0.5,0,9]}\n");
	put_table(dir, "voices.jsonl", "{\"weights\":[1,1,1]}\n{\"name\":\"anna\",\"singer\":{\"timbre\":[1,2,3]}}\n{\"name\":\"otto\",\"singer\":{\"timbre\":[3,2,1]}}\n");
	assert_int_equal(ear_tables_load(dir, &t, &err), 0);
	ear_nearest(&t, h);
	assert_int_equal(h->n_styles, 2);
	assert_string_equal(h->style[0].name, "far"); /* its second song is the nearest; the third figure has no weight */
	assert_string_equal(h->style[1].name, "near");
	assert_string_equal(h->voice[0].name, "anna");
	assert_true(h->voice[0].distance == 0 && h->voice[1].distance > 2);
	h->singer.singing = 0;
	ear_nearest(&t, h);
	assert_int_equal(h->n_voices, 0);
	ear_tables_release(&t);
	put_table(dir, "voices.jsonl", "{\"weights\":[1]}\n{\"name\":\"anna\"}\nnonsense\n");
	assert_int_equal(ear_tables_load(dir, &t, &err), MADRIGAL_EIO);
	assert_non_null(strstr(err.message, "voices.jsonl:3"));
	free(h);
	snprintf(command, sizeof command, "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* ---- what a new song takes ---- */

/* Four-bar rounds in A minor: verses of i bVI bIII bVII, choruses of bVI bVII i i, loud. */
static struct heard *two_rounds(void)
{
	static const int8_t verse[4] = { 9, 5, 0, 7 }, chorus[4] = { 5, 7, 9, 9 };
	struct heard *h = full();
	struct heard_harmony *k = &h->harmony;
	h->duration_s = 64;
	h->rhythm.tempo_bpm = 120;
	h->rhythm.meter_num = h->rhythm.meter_den = 4;
	h->rhythm.first_downbeat = 0;
	h->rhythm.n_beats = 129;
	for (int i = 0; i < 129; i++)
		h->rhythm.beat_s[i] = (float)i * 0.5f;
	k->tonic_pc = 9;
	k->minor = 1;
	k->n_chords = 0;
	for (int bar = 0; bar < 32; bar++) {
		int loud = bar / 8 % 2;
		int8_t root = loud ? chorus[bar % 4] : verse[bar % 4];
		k->chord[k->n_chords++] = (struct heard_chord){ (float)bar * 2, (float)bar * 2 + 2, root, root == 9 ? HEARD_MINOR : HEARD_MAJOR };
	}
	h->form.n_sections = 4;
	for (int i = 0; i < 4; i++)
		h->form.section[i] = (struct heard_section){ (float)i * 16, (float)i * 16 + 16, { (char)('A' + i % 2) }, i % 2 ? 1 : 0.5f };
	return h;
}

static void test_reference_takes_the_rounds(void **state)
{
	(void)state;
	struct heard *h = two_rounds();
	struct style_reference r;
	reference_of(h, h, &r);
	assert_string_equal(r.chords[REFERENCE_VERSE], "i | bVI | bIII | bVII");
	assert_string_equal(r.chords[REFERENCE_CHORUS], "bVI | bVII | i | i");
	assert_string_equal(r.style[0].name, "soul");
	assert_true(r.tempo_bpm == 120 && r.meter_num == 4 && r.tonic_pc == 9 && r.minor == 1 && r.has_spectrum);
	assert_non_null(strstr(r.words, "strings"));
	/* Without sections the round is still found. */
	h->form.n_sections = 0;
	reference_of(h, NULL, &r);
	assert_true(*r.chords[REFERENCE_VERSE] && !strcmp(r.chords[0], r.chords[1]) && !*r.voice[0]);
	/* Nor does it need a beat. */
	h->rhythm.n_beats = 0;
	h->rhythm.tempo_bpm = 0;
	h->rhythm.meter_num = h->rhythm.meter_den = 0;
	reference_of(h, NULL, &r);
	assert_true(*r.chords[REFERENCE_VERSE] != 0);
	free(h);
}

/* Chords change with the bar, unless they were heard to change in its middle more than once. */
static void test_reference_takes_bars(void **state)
{
	(void)state;
	struct heard *h = two_rounds();
	struct style_reference r;
	struct heard_harmony *k = &h->harmony;
	static const int8_t roots[12] = { 9, 2, 5, 7, 0, 4, 10, 11, 3, 1, 8, 6 };
	h->form.n_sections = 0;
	for (int rounds = 1; rounds <= 2; rounds++) {
		int bars = 12 * rounds;
		h->rhythm.n_beats = 4 * bars + 1;
		h->duration_s = 2 * bars;
		k->n_chords = 0;
		for (int bar = 0; bar < bars; bar++) {
			float at = 2 * (float)bar, end = at + (bar % 12 == 3 ? 1 : 2);
			int minor = bar % 12 == 0;
			k->chord[k->n_chords++] = (struct heard_chord){ at, end, roots[bar % 12], minor ? HEARD_MINOR : HEARD_MAJOR };
			if (end < at + 2)
				k->chord[k->n_chords++] = (struct heard_chord){ end, at + 2, 4, HEARD_MINOR };
		}
		reference_of(h, NULL, &r);
		assert_string_equal(r.chords[REFERENCE_VERSE], rounds == 1 ? "i | IV | bVI | bVII | bIII | V | bII | II | bV | III | VII | VI" : "i | IV | bVI | bVII v | bIII | V | bII | II | bV | III | VII | VI");
	}
	free(h);
}

/* A song's key is told by its tonic: it is in what is taken, if it sounds at all, and has the key's third. */
static void test_reference_keeps_its_key(void **state)
{
	(void)state;
	struct heard *h = two_rounds();
	struct style_reference r;
	struct heard_harmony *k = &h->harmony;
	for (int i = 0; i < k->n_chords; i++)
		if (k->chord[i].root_pc == 9)
			k->chord[i].quality = HEARD_MAJOR;
	reference_of(h, NULL, &r);
	assert_string_equal(r.chords[REFERENCE_VERSE], "i | bVI | bIII | bVII");
	/* Verses that lie on another chord for three bars of four. */
	for (int i = 0; i < k->n_chords; i++)
		if (i / 8 % 2 == 0)
			k->chord[i].root_pc = i % 4 == 3 ? 9 : 5;
	reference_of(h, NULL, &r);
	assert_string_equal(r.chords[REFERENCE_VERSE], "bVI | bVI | bVI | i");
	free(h);
}

/* Breath is moved by as much of the difference as is surely the voice's. */
static void test_reference_takes_the_breath(void **state)
{
	(void)state;
	struct heard *h = full();
	struct style_reference r;
	snprintf(h->voice[0].name, sizeof h->voice[0].name, "am_eric");
	h->n_voices = 1;
	h->voice[0].breath_db = -28;
	h->singer.breath_db = -22;
	for (int sure = 0; sure <= 2; sure++) {
		h->singer.breath_confidence = (float)sure / 2;
		reference_of(NULL, h, &r);
		assert_true(fabs((double)r.voice_breath_db - 3.0 * sure) < 1e-5);
	}
	h->voice[0].breath_db = 0; /* not known of ours */
	reference_of(NULL, h, &r);
	assert_true(r.voice_breath_db == 0);
	free(h);
}

static void test_reference_of_little(void **state)
{
	(void)state;
	struct style_reference r;
	struct heard *h = heard_new();
	reference_of(h, h, &r);
	assert_true(r.tempo_bpm == 0 && r.tonic_pc == -1 && !*r.chords[0] && !*r.style[0].name && !*r.voice[0] && !r.has_spectrum && r.vibrato_cents < 0);
	/* Beats without chords, chords without beats. */
	h->rhythm.tempo_bpm = 100;
	h->rhythm.meter_num = h->rhythm.meter_den = 4;
	h->rhythm.n_beats = EAR_BEATS;
	for (int i = 0; i < EAR_BEATS; i++)
		h->rhythm.beat_s[i] = (float)i * 0.15f;
	h->harmony.tonic_pc = 0;
	reference_of(h, NULL, &r);
	assert_true(r.tempo_bpm == 100 && !*r.chords[0]);
	reference_of(NULL, NULL, &r);
	assert_true(r.tonic_pc == -1 && r.tempo_bpm == 0);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean), cmocka_unit_test(test_what_is_written_is_read), cmocka_unit_test(test_what_people_write), cmocka_unit_test(test_lists_end),
		cmocka_unit_test(test_timbre), cmocka_unit_test(test_nearest), cmocka_unit_test(test_reference_takes_the_rounds), cmocka_unit_test(test_reference_takes_bars),
		cmocka_unit_test(test_reference_keeps_its_key), cmocka_unit_test(test_reference_takes_the_breath), cmocka_unit_test(test_reference_of_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
