/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The voice: the model's cutting on any bytes, the plan of a line, and, where the voice is installed, the singing itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/rng.h"
#include "voice/bend.h"
#include "voice/breathe.h"
#include "voice/double.h"
#include "voice/model_cut.h"
#include "voice/text_bend.h"
#include "voice/tune.h"
#include "voice/voice.h"
#include "voice/world.h"

/* ---- what is sung here ---- */

static const struct sung_syllable syllables[] = {
	{ "stɹˈit", 1, 0 }, { "lˌIts", 0, 0 }, { "flˈɪ", 1, 0 }, { "kəɹ", 0, ',' }, { "ðə", 1, 0 }, { "nˈIt", 1, 0 }, { "bɹˈiz", 1, 0 }, { "sˈIz", 1, '.' },
};
#define N_SYLLABLES 8

static const struct style_singer manner = {
	.vibrato_cents = 30, .vibrato_hz = 5.5f, .vibrato_after_s = 0.3f, .glide_ms = 70, .scoop_cents = 40, .drift_cents = 5, .breath_db = -24, .double_db = -9,
};
static const struct style_singer plain = { .vibrato_hz = 5, .glide_ms = 60, .breath_db = -60, .double_db = -60 };
static const struct style style = { .singer = {
	.vibrato_cents = 30, .vibrato_hz = 5.5f, .vibrato_after_s = 0.3f, .glide_ms = 70, .scoop_cents = 40, .drift_cents = 5, .breath_db = -24, .double_db = -9,
} };
static char singer_name[] = "af_heart";
static const struct singer singer = { .name = singer_name, .low = 52, .high = 66, .top = 76 };

/* A line of eight syllables on nine notes, the last syllable on two. */
static struct sung_line line_of(struct sung_note *notes, float step_s)
{
	static const int tune[N_SYLLABLES + 1] = { 57, 59, 60, 62, 60, 59, 62, 64, 60 };
	float t = 0.8f;
	for (int i = 0; i <= N_SYLLABLES; i++) {
		float length = i == N_SYLLABLES ? 2.5f * step_s : step_s;
		notes[i] = (struct sung_note){ t, t + length, (float)tune[i], 0.7f, i < N_SYLLABLES ? i : N_SYLLABLES - 1 };
		t += length;
	}
	return (struct sung_line){ syllables, N_SYLLABLES, notes, N_SYLLABLES + 1, t + 0.5f, 0.6f, 1, 7, 0, 0 };
}

/* ---- cutting the model ---- */

static void put(struct buf *b, int field, const void *p, size_t n)
{
	buf_addc(b, (char)(field << 3 | 2));
	size_t left = n;
	for (; left > 127; left >>= 7)
		buf_addc(b, (char)((left & 127) | 128));
	buf_addc(b, (char)left);
	buf_add(b, p, n);
}

static void put_node(struct buf *graph, const char *op, const char *name, const char *in, const char *in2, const char *out)
{
	struct buf n = buf_init(4096);
	const char *const texts[] = { in, in2, out, name, op };
	static const int fields[] = { 1, 1, 2, 3, 4 };
	for (int i = 0; i < 5; i++)
		if (texts[i]) {
			struct buf one = buf_init(512);
			buf_adds(&one, texts[i]);
			buf_addc(&n, (char)(fields[i] << 3 | 2));
			buf_addc(&n, (char)one.len);
			buf_add(&n, one.data, one.len);
			buf_release(&one);
		}
	buf_addc(graph, 1 << 3 | 2);
	buf_addc(graph, (char)((n.len & 127) | 128));
	buf_addc(graph, (char)(n.len >> 7));
	buf_add(graph, n.data, n.len);
	buf_release(&n);
}

/* An integer convolution of x into out: kernel 3, two channels in, one out. */
static void put_conv(struct buf *graph, const char *x, const char *out)
{
	struct buf n = buf_init(4096), w = buf_init(256), z = buf_init(256);
	const char *const in[] = { x, "w", "x_zero", "w_zero" };
	for (int i = 0; i < 4; i++)
		put(&n, 1, in[i], strlen(in[i]));
	put(&n, 2, out, strlen(out));
	put(&n, 3, "conv", 4);
	put(&n, 4, "ConvInteger", 11);
	put(&n, 5, "\x0a\x04pads\x40\x01\x40\x01\xa0\x01\x07", 13);
	put(&n, 5, "\x0a\x07strides\x40\x01\xa0\x01\x07", 14);
	put(graph, 1, n.data, n.len);
	buf_adds(&w, "\x08\x01\x08\x02\x08\x03\x10\x02");
	put(&w, 8, "w", 1);
	put(&w, 9, "\x01\x02\x03\x04\x05\x06", 6);
	put(graph, 5, w.data, w.len);
	buf_adds(&z, "\x10\x02");
	put(&z, 8, "w_zero", 6);
	put(&z, 9, "\x80", 1);
	put(graph, 5, z.data, z.len);
	buf_release(&n);
	buf_release(&w);
	buf_release(&z);
}

/* The smallest model that has the three parts: a chain of nodes through the tensors at which it is opened. */
static struct buf tiny_model(void)
{
	struct buf g = buf_init(1 << 16), m = buf_init(1 << 16);
	put_node(&g, "Cast", "a", MODEL_TOKENS, MODEL_SPEED, MODEL_FRAMES);
	put_node(&g, "Gather", "b", MODEL_TOKENS, "table", MODEL_TEXT);
	put_node(&g, "Concat", "c", MODEL_TEXT, MODEL_STYLE, MODEL_PROSODY);
	put_node(&g, "MatMul", "d", MODEL_PROSODY, MODEL_FRAMES, MODEL_PROSODY_FRAMES);
	put_node(&g, "MatMul", "e", MODEL_TEXT, MODEL_FRAMES, MODEL_TEXT_FRAMES);
	put_node(&g, "Squeeze", "f", MODEL_PROSODY_FRAMES, NULL, MODEL_PITCH);
	put_node(&g, "Squeeze", "g", MODEL_PROSODY_FRAMES, NULL, MODEL_ENERGY);
	put_node(&g, "ReduceMean", "/generator/resblocks.4/adain/ReduceMean", MODEL_TEXT_FRAMES, "axes", "mean");
	put_node(&g, "Sub", "h", MODEL_PITCH, "mean", "x");
	put_node(&g, "DynamicQuantizeLinear", "q", "x", NULL, "x_zero");
	put_conv(&g, "x", "y");
	put_node(&g, "Add", "i", "y", MODEL_ENERGY, MODEL_AUDIO);
	put(&g, 5, "\x42\x05table", 7);
	put(&g, 5, "\x42\x04" "axes", 6);
	buf_add(&m, "\x08\x09", 2);
	buf_addc(&m, 7 << 3 | 2);
	buf_addc(&m, (char)((g.len & 127) | 128));
	buf_addc(&m, (char)(g.len >> 7));
	buf_add(&m, g.data, g.len);
	buf_add(&m, "\x42\x02\x10\x14", 4);
	buf_release(&g);
	return m;
}

#define WIDE "w16"
/* The decoder's way from features to features (x to MODEL_AUDIO): normalised, activated, quantised, convolved, scaled, and x added. power: the operator that
 * squares the sine. */
static void put_block(struct buf *g, const char *power)
{
	put_node(g, "ReduceMean", "/generator/resblocks.0/adain/ReduceMean", "x", "axes", "mean");
	put_node(g, "Sub", "b1", "x", "mean", "centred");
	put_node(g, "Mul", "b2", "centred", "centred", "square");
	put_node(g, "ReduceMean", "/generator/resblocks.0/adain/ReduceMean_2", "square", "axes", "variance");
	put_node(g, "Add", "b3", "variance", "epsilon", "padded");
	put_node(g, "Sqrt", "b4", "padded", NULL, "deviation");
	put_node(g, "Div", "b5", "centred", "deviation", "ratio");
	put_node(g, "Mul", "b6", MODEL_PITCH, "ratio", "scaled");
	put_node(g, "Add", "b7", "scaled", MODEL_ENERGY, "y");
	put_node(g, "Mul", "b8", "alpha", "y", "phase");
	put_node(g, "Sin", "b9", "phase", NULL, "wave");
	put_node(g, power, "b10", "wave", "two", "wave2");
	put_node(g, "Mul", "b11", "inverse", "wave2", "periodic");
	put_node(g, "Add", "b12", "y", "periodic", "active");
	struct buf q = buf_init(4096), conv = buf_init(4096), w = buf_init(4096);
	put(&q, 1, "active", 6);
	put(&q, 2, "q", 1);
	put(&q, 2, "q_scale", 7);
	put(&q, 2, "q_zero", 6);
	put(&q, 4, "DynamicQuantizeLinear", 21);
	put(g, 1, q.data, q.len);
	const char *const in[] = { "q", WIDE, "q_zero", "w_zero" };
	for (int i = 0; i < 4; i++)
		put(&conv, 1, in[i], strlen(in[i]));
	put(&conv, 2, "sums", 4);
	put(&conv, 3, "block", 5);
	put(&conv, 4, "ConvInteger", 11);
	put(g, 1, conv.data, conv.len);
	buf_adds(&w, "\x08\x10\x08\x10\x08\x03\x10\x02");
	char weights[16 * 16 * 3] = { 0 };
	put(&w, 8, WIDE, strlen(WIDE));
	put(&w, 9, weights, sizeof weights);
	put(g, 5, w.data, w.len);
	buf_release(&q);
	buf_release(&conv);
	buf_release(&w);
	put_node(g, "Mul", "b13", "q_scale", "w_scale", "scale");
	put_node(g, "Div", "b14", "bias", "scale", "steps");
	put_node(g, "Floor", "b15", "steps", NULL, "whole");
	put_node(g, "Cast", "b16", "whole", NULL, "integer");
	put_node(g, "Reshape", "b17", "integer", "shape", "column");
	put_node(g, "Add", "b18", "sums", "column", "biased");
	put_node(g, "Cast", "b19", "biased", NULL, "real");
	put_node(g, "Mul", "b20", "real", "scale", "features");
	put_node(g, "Add", "b21", "features", "x", MODEL_AUDIO);
	static const char *const constants[] = { "axes", "epsilon", "alpha", "two", "inverse", "w_scale", "bias", "shape" };
	for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
		struct buf t = buf_init(64);
		put(&t, 8, constants[i], strlen(constants[i]));
		put(g, 5, t.data, t.len);
		buf_release(&t);
	}
	struct buf zero = buf_init(64);
	buf_adds(&zero, "\x10\x02");
	put(&zero, 8, "w_zero", 6);
	put(&zero, 9, "\x80", 1);
	put(g, 5, zero.data, zero.len);
	buf_release(&zero);
}

static struct buf block_model(const char *power)
{
	struct buf g = buf_init(1 << 16), m = buf_init(1 << 16);
	put_node(&g, "Squeeze", "f", MODEL_TEXT_FRAMES, NULL, "x");
	put_block(&g, power);
	put(&m, 7, g.data, g.len);
	buf_release(&g);
	return m;
}

static int contains(const void *hay, size_t n, const char *needle)
{
	return memmem(hay, n, needle, strlen(needle)) != NULL;
}

static void a_part_has_the_nodes_it_needs(void **state)
{
	(void)state;
	struct buf m = tiny_model();
	void *out = NULL;
	size_t n = 0;
	struct madrigal_error err;
	assert_int_equal(model_cut_part(m.data, m.len, 0, &out, &n, &err), 0);
	assert_true(contains(out, n, "table") && contains(out, n, "Gather") && !contains(out, n, "ReduceMean") && !contains(out, n, "Squeeze"));
	free(out);
	assert_int_equal(model_cut_part(m.data, m.len, 2, &out, &n, &err), 0);
	/* A mean over time has become a product with the frames' weights, at the finest resolution. */
	assert_true(contains(out, n, "weights_120th") && contains(out, n, "Sub") && !contains(out, n, "Gather") && !contains(out, n, "\x04" "axes"));
	/* The convolution has become a product: its weights signed, kernel first, then channels. */
	assert_true(contains(out, n, "MatMulInteger") && contains(out, n, "conv/slice2") && !contains(out, n, "ConvInteger"));
	assert_true(contains(out, n, "\x81\x84\x82\x85\x83\x86"));
	free(out);
	buf_release(&m);
}

static void a_block_becomes_three_nodes(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		struct buf m = block_model(known ? "Pow" : "Power");
		void *out = NULL;
		size_t n = 0;
		struct madrigal_error err;
		int rc = model_cut_part(m.data, m.len, 2, &out, &n, &err);
		if (rc)
			fail_msg("%s", err.message);
		assert_true(contains(out, n, "MatMulInteger") && contains(out, n, "q_zero") && contains(out, n, "w_scale") && contains(out, n, "weights_20th"));
		assert_int_equal(contains(out, n, "SnakeColumns"), known);
		assert_int_equal(contains(out, n, "Dequantize"), known);
		assert_int_equal(!contains(out, n, "Sin"), known);
		assert_int_equal(!contains(out, n, "Sqrt"), known);
		assert_int_equal(!contains(out, n, "Floor"), known);
		free(out);
		buf_release(&m);
	}
}

static void a_damaged_model_is_refused(void **state)
{
	(void)state;
	struct buf m = tiny_model();
	struct madrigal_error err = { 0 };
	size_t refused = 0;
	for (size_t len = 0; len < m.len; len++) {
		void *out = NULL;
		size_t n = 0;
		char *cut = malloc(len + 1); /* its own block, so that a read past the end is seen */
		memcpy(cut, m.data, len);
		int rc = model_cut_part(cut, len, 2, &out, &n, &err);
		assert_true(rc == 0 || rc == MADRIGAL_EMISSING);
		refused += rc != 0;
		if (rc)
			assert_non_null(strstr(err.message, "make voice"));
		free(out);
		free(cut);
	}
	assert_true(refused > m.len - 8); /* only what follows the graph can be missing */
	struct rng r = rng_stream(1, "mutate", 0);
	for (int i = 0; i < 4000; i++) {
		char *bad = malloc(m.len);
		memcpy(bad, m.data, m.len);
		for (int k = 0; k < 1 + i % 4; k++)
			bad[rng_below(&r, (uint32_t)m.len)] = (char)rng_u32(&r);
		void *out = NULL;
		size_t n = 0;
		int rc = model_cut_part(bad, m.len, (int)rng_below(&r, MODEL_PARTS), &out, &n, &err);
		assert_true(rc <= 0);
		free(out);
		free(bad);
	}
	buf_release(&m);
}

/* ---- the plan of a line ---- */

static int frames_as_spoken(const struct token_line *tokens, int *frames)
{
	int sum = 0;
	for (int i = 0; i < tokens->n; i++)
		sum += frames[i] = i == 0 ? 15 : i == tokens->n - 1 ? 10 : tokens->t[i].kind == TOKEN_NUCLEUS ? 4 : 2;
	return sum;
}

static void vowels_begin_on_their_notes(void **state)
{
	(void)state;
	static struct token_line tokens;
	static struct bend bend;
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_span spans[N_SYLLABLES];
	int frames[TOKENS_MAX];
	for (float step = 0.08f; step < 1.0f; step *= 1.7f) {
		struct sung_line line = line_of(notes, step);
		assert_int_equal(tokens_of_line(&line, &tokens, NULL), 0);
		frames_as_spoken(&tokens, frames);
		bend_plan(&line, &tokens, frames, &bend, spans);
		for (int i = 0; i < N_SYLLABLES; i++) {
			assert_true(fabs(spans[i].vowel_start - (double)notes[i].start_s) < 1e-6);
			assert_true(spans[i].onset_start <= spans[i].vowel_start && spans[i].vowel_end > spans[i].vowel_start + 0.02);
			assert_true(spans[i].coda_end >= spans[i].vowel_end && (i + 1 == N_SYLLABLES || spans[i].coda_end <= spans[i + 1].onset_start + 1e-9));
		}
		for (int i = 1; i < bend.n; i++)
			assert_true(bend.dst[i] > bend.dst[i - 1] && bend.src[i] >= bend.src[i - 1]);
		double before = bend_source(&bend, 0);
		for (double t = 0; t < (double)line.length_s; t += 0.003) {
			double now = bend_source(&bend, t);
			assert_true(now >= before);
			before = now;
		}
	}
}

/* The greatest change of a token's share from one frame to the next within the vowels; each frame's shares must add up to one. */
static double greatest_step(float step, int rapped)
{
	static struct spoken spoken;
	static struct sung_plan plan;
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_line line = line_of(notes, step);
	line.spoken = rapped;
	assert_int_equal(tokens_of_line(&line, &spoken.tokens, NULL), 0);
	spoken.n_frames = frames_as_spoken(&spoken.tokens, spoken.frames);
	int n_tokens = spoken.tokens.n, n = (int)ceil((double)line.length_s / FRAME_S);
	spoken.text = calloc((size_t)n_tokens * TEXT_CHANNELS, sizeof *spoken.text);
	struct bent b = { .n = n, .text = calloc((size_t)n * TEXT_CHANNELS, sizeof *b.text), .weights = calloc((size_t)n, sizeof *b.weights) };
	for (int i = 0; i < n_tokens; i++) /* a channel a token */
		spoken.text[i * n_tokens + i] = 1;
	assert_int_equal(sung_plan_init(&plan, &line, &manner, &spoken, NULL), 0);
	text_bend(&plan, &b);
	double most = 0;
	for (int f = 0; f < n; f++) {
		double sum = 0;
		for (int i = 0; i < n_tokens; i++)
			sum += (double)b.text[i * n + f];
		assert_true(fabs(sum - 1) < 1e-4);
		for (int k = 0; k < N_SYLLABLES; k++)
			for (int i = 0; f && i < n_tokens && (f - 1) * FRAME_S > plan.spans[k].vowel_start && (f + 1) * FRAME_S < plan.spans[k].vowel_end; i++)
				most = fmax(most, fabs((double)b.text[i * n + f] - (double)b.text[i * n + f - 1]));
	}
	sung_plan_release(&plan);
	free(spoken.text);
	free(b.text);
	free(b.weights);
	return most;
}

static void held_vowels_come_in_without_a_step(void **state)
{
	(void)state;
	assert_true(greatest_step(0.3f, 0) < 0.4);
	assert_true(greatest_step(0.6f, 0) < 0.4);
	assert_true(greatest_step(0.12f, 0) > 0.7); /* as in speech */
	assert_true(greatest_step(0.3f, 1) > 0.7);
}

static void a_syllable_needs_no_vowel_and_a_line_has_its_limit(void **state)
{
	(void)state;
	static struct token_line tokens;
	struct sung_syllable hum = { "hm", 1, 0 }, nothing = { "", 1, 0 }, many[200];
	struct sung_line line = { .syllables = &hum, .n_syllables = 1 };
	struct madrigal_error err;
	assert_int_equal(tokens_of_line(&line, &tokens, &err), 0);
	assert_int_equal(tokens.t[1].kind, TOKEN_ONSET);
	assert_int_equal(tokens.t[2].kind, TOKEN_NUCLEUS);
	line.syllables = &nothing;
	assert_int_equal(tokens_of_line(&line, &tokens, &err), MADRIGAL_ELYRICS);
	for (int i = 0; i < 200; i++)
		many[i] = syllables[0];
	line = (struct sung_line){ .syllables = many, .n_syllables = 200 };
	assert_int_equal(tokens_of_line(&line, &tokens, &err), MADRIGAL_ELYRICS);
}

static double cents(double hz, double midi)
{
	return 1200 * log2(hz / 440) - 100 * (midi - 69);
}

static void stops_are_told_from_hisses(void **state)
{
	(void)state;
	static const struct { const char *phonemes; int voiceless, stop; } sounds[] = {
		{ "tˈɪl", 1, 1 }, { "kˈOld", 1, 1 }, { "pˈɪk", 1, 1 }, { "ʧˈIld", 1, 1 }, { "sˈi", 1, 0 }, { "hˈOm", 1, 0 }, { "ʃˈi", 1, 0 }, { "dˈA", 0, 0 }, { "wˈi", 0, 0 },
	};
	for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++) {
		const struct sung_syllable one = { sounds[i].phonemes, 1, '.' };
		const struct sung_line line = { .syllables = &one, .n_syllables = 1 };
		struct token_line l;
		assert_int_equal(tokens_of_line(&line, &l, NULL), 0);
		assert_int_equal(l.t[1].voiceless, sounds[i].voiceless);
		assert_int_equal(l.t[1].stop, sounds[i].stop);
	}
}

static void a_tap_is_sung_as_t(void **state)
{
	(void)state;
	static const struct sung_syllable tap[] = { { "mˈɛ", 1, 0 }, { "ɾəl", 0, '.' } }, t[] = { { "mˈɛ", 1, 0 }, { "təl", 0, '.' } };
	for (int rapped = 0; rapped < 2; rapped++) {
		const struct sung_line a = { .syllables = tap, .n_syllables = 2, .spoken = rapped }, b = { .syllables = t, .n_syllables = 2, .spoken = rapped };
		struct token_line x, y;
		int differ = 0;
		assert_int_equal(tokens_of_line(&a, &x, NULL), 0);
		assert_int_equal(tokens_of_line(&b, &y, NULL), 0);
		assert_int_equal(x.n, y.n);
		for (int i = 0; i < x.n; i++)
			differ += x.t[i].id != y.t[i].id;
		assert_int_equal(differ, rapped);
	}
}

static void the_curve_is_the_tune(void **state)
{
	(void)state;
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_line line = line_of(notes, 0.4f);
	float hz[2000];
	tune_curve(&line, &plain, 0, 0.005, 1000, hz);
	for (int i = 0; i < line.n_notes; i++)
		for (double t = (double)notes[i].start_s + 0.06; t < (double)notes[i].end_s - 0.07; t += 0.005)
			assert_true(fabs(cents((double)hz[(int)(t / 0.005)], (double)notes[i].midi)) < 25);
	line.detune_cents = 12;
	tune_curve(&line, &plain, 0, 0.005, 1000, hz + 1000);
	assert_true(fabs(cents((double)hz[1300], 69) - cents((double)hz[300], 69) - 12) < 0.1);
	tune_curve(&line, &manner, 0, 0.005, 1000, hz + 1000); /* a singer's hand shows, and stays within a quarter tone of the long note */
	double widest = 0;
	for (double t = (double)notes[8].start_s + 0.1; t < (double)notes[8].end_s - 0.1; t += 0.005)
		widest = fmax(widest, fabs(cents((double)hz[1000 + (int)(t / 0.005)], 60)));
	assert_true(widest > 12 && widest < 62);
}

static void a_double_drifts_from_its_lead(void **state)
{
	(void)state;
	struct audio lead, left, right;
	assert_int_equal(audio_init(&lead, AUDIO_RATE, 1, AUDIO_RATE, NULL), 0);
	for (size_t i = 0; i < lead.frames; i++)
		lead.ch[0][i] = (float)sin((double)i * 0.05);
	assert_int_equal(double_of(&lead, 3, 0, &left, NULL), 0);
	assert_int_equal(double_of(&lead, 3, 1, &right, NULL), 0);
	double apart = 0, level = 0;
	for (size_t i = 5000; i < 40000; i++) {
		apart += fabs((double)(left.ch[0][i] - right.ch[0][i]));
		level = fmax(level, fabs((double)left.ch[0][i]));
	}
	assert_true(apart / 35000 > 0.05 && level > 0.98 && level < 1.02);
	audio_release(&lead);
	audio_release(&left);
	audio_release(&right);
}

/* ---- what is not installed ---- */

/* Power of x at hz, dB, over windows of a tenth of a second. */
static double power_at(const float *x, size_t n, double hz)
{
	double sum = 0;
	const size_t wide = VOICE_RATE / 10;
	for (size_t from = wide; from + 2 * wide < n; from += wide / 2) {
		double re = 0, im = 0;
		for (size_t i = 0; i < wide; i++) {
			double v = (double)x[from + i] * (1 - cos(2 * M_PI * ((double)i + 0.5) / (double)wide)), a = 2 * M_PI * hz * (double)i / VOICE_RATE;
			re += v * cos(a);
			im += v * sin(a);
		}
		sum += re * re + im * im;
	}
	return 10 * log10(sum + 1e-12);
}

/* A hum with some air in it, then air alone: between the hum's harmonics it becomes louder or softer by as much as was asked for, the rest stays. */
static void air_is_changed_and_harmonics_are_not(void **state)
{
	(void)state;
	enum { N = 2 * VOICE_RATE, HUM = 3 * VOICE_RATE / 2, F0 = 2 * 80 };
	const double hz = 203.7;
	float *x = calloc(2 * N, sizeof *x), *y = x + N, f0[F0] = { 0 };
	struct rng r = rng_stream(3, "air", 0);
	assert_non_null(x);
	for (int i = 0; i < N; i++) {
		for (int h = 1; h <= 40 && i < HUM; h++)
			x[i] += (float)(0.1 / h * cos(2 * M_PI * h * hz * i / VOICE_RATE + h * h));
		x[i] += 0.002f * rng_gauss(&r);
	}
	for (int i = 0; i < F0 * 3 / 4; i++)
		f0[i] = (float)hz * 1.01f; /* about */
	for (int db = -6; db <= 6; db += 6) {
		double air = 0, tone = 0;
		memcpy(y, x, sizeof *x * N);
		assert_int_equal(breathe(y, N, VOICE_RATE, f0, 0.0125, F0, (float)db, NULL), 0);
		for (int h = 11; h < 25; h++) {
			air += (power_at(y, HUM, (h + 0.5) * hz) - power_at(x, HUM, (h + 0.5) * hz)) / 14;
			tone += fabs(power_at(y, HUM, h * hz) - power_at(x, HUM, h * hz)) / 14;
		}
		assert_true(fabs(air - db) < 1);
		assert_true(tone < 0.5);
		assert_memory_equal(y + HUM + 1200, x + HUM + 1200, sizeof *x * (N - HUM - 1200));
		assert_true(db || !memcmp(x, y, sizeof *x * N));
	}
	/* More than is natural is cut, and what is no sound at all does no harm. */
	assert_int_equal(breathe(y, N, VOICE_RATE, f0, 0.0125, F0, 400, NULL), 0);
	memset(y, 0, sizeof *y * N);
	assert_int_equal(breathe(y, N, VOICE_RATE, f0, 0.0125, F0, 6, NULL), 0);
	for (int i = 0; i < N; i++)
		assert_true(y[i] == 0);
	assert_int_equal(breathe(y, 7, VOICE_RATE, f0, 0.0125, F0, 6, NULL), 0);
	free(x);
}

static void a_missing_voice_names_the_command(void **state)
{
	(void)state;
	struct voice *v = NULL;
	struct madrigal_error err;
	assert_int_equal(voice_open("/nowhere/voice", "/nowhere/libonnxruntime.so", &v, &err), MADRIGAL_EMISSING);
	assert_non_null(strstr(err.message, "make voice"));
	assert_null(v);
	assert_int_equal(model_cut("/nowhere/kokoro.onnx", "/nowhere", &err), MADRIGAL_EIO);
}

/* ---- singing, where the voice is installed ---- */

static struct voice *voice;
static char voice_dir[1024], runtime[1024];

static int open_voice(void **state)
{
	(void)state;
	const char *dir = getenv("MADRIGAL_VOICE"), *lib = getenv("MADRIGAL_RUNTIME");
	const char *own = getenv("MADRIGAL_HOME"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	char base[900];
	if (own && *own)
		snprintf(base, sizeof base, "%s", own);
	else if (data && *data)
		snprintf(base, sizeof base, "%s/madrigal", data);
	else
		snprintf(base, sizeof base, "%s/.local/share/madrigal", home ? home : "");
	snprintf(voice_dir, sizeof voice_dir, "%s%s", dir ? dir : base, dir ? "" : "/voice");
	snprintf(runtime, sizeof runtime, "%s%s", lib ? lib : base, lib ? "" : "/runtime/libonnxruntime.so.1");
	if (access(voice_dir, R_OK))
		return 0; /* not installed: what needs it is skipped */
	struct madrigal_error err;
	int rc = voice_open(voice_dir, runtime, &voice, &err);
	if (rc)
		fprintf(stderr, "%s\n", err.message);
	return rc;
}

/* Were the installed model's blocks not known as such, it would sing as well and half as fast. */
static void the_installed_model_is_known(void **state)
{
	(void)state;
	char *model = NULL;
	void *out = NULL;
	size_t len = 0, n = 0;
	int blocks = 0;
	char path[4200];
	snprintf(path, sizeof path, "%s/kokoro.onnx", voice_dir);
	if (file_read(path, (size_t)512 << 20, &model, &len, NULL) < 0)
		skip();
	assert_int_equal(model_cut_part(model, len, 2, &out, &n, NULL), 0);
	const char *at = out, *end = at + n;
	while ((at = memmem(at, (size_t)(end - at), "SnakeColumns", 12))) {
		blocks++;
		at += 12;
	}
	assert_int_equal(blocks, 48);
	free(out);
	free(model);
}

static int close_voice(void **state)
{
	(void)state;
	voice_close(voice);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Median error in cents over the middles of the notes, by the f0 tracker. */
static double pitch_error(const struct audio *a, const struct sung_line *line, double *ret_voiced)
{
	int n = world_frames_of(a->frames, VOICE_RATE), found = 0, all = 0;
	float *f0 = calloc((size_t)n, sizeof *f0);
	double *errors = calloc((size_t)n, sizeof *errors);
	assert_int_equal(world_track_f0(a->ch[0], a->frames, VOICE_RATE, 70, 700, f0, n, NULL), 0);
	for (int i = 0; i < line->n_notes; i++)
		for (double t = (double)line->notes[i].start_s + 0.06; t < (double)line->notes[i].end_s - 0.06; t += WORLD_HOP_S, all++)
			if (f0[(int)(t / WORLD_HOP_S)] > 0)
				errors[found++] = fabs(cents((double)f0[(int)(t / WORLD_HOP_S)], (double)line->notes[i].midi));
	assert_true(found > 10);
	qsort(errors, (size_t)found, sizeof *errors, by_value);
	double median = errors[found / 2];
	*ret_voiced = (double)found / all;
	free(f0);
	free(errors);
	return median;
}

static double level(const struct audio *a, double from, double to)
{
	double sum = 0;
	size_t i = (size_t)(from * a->rate), z = (size_t)(to * a->rate), n = 0;
	for (; i < z && i < a->frames; i++, n++)
		sum += (double)a->ch[0][i] * (double)a->ch[0][i];
	return 10 * log10(sum / (double)(n ? n : 1) + 1e-12);
}

static void a_line_is_sung_in_tune_and_in_time(void **state)
{
	(void)state;
	if (!voice)
		skip();
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_line line = line_of(notes, 0.42f);
	struct audio a;
	struct placed_note placed[N_SYLLABLES + 1];
	double lufs, peak, voiced;
	assert_int_equal(voice_sing(voice, &singer, &manner, &line, NULL, &a, placed, NULL), 0);
	assert_int_equal(a.rate, VOICE_RATE);
	assert_int_equal(a.frames, (size_t)llround((double)line.length_s * VOICE_RATE));
	for (size_t i = 0; i < a.frames; i++)
		assert_true(isfinite(a.ch[0][i]));
	for (int i = 0; i < line.n_notes; i++)
		assert_true(fabsf(placed[i].start_s - notes[i].start_s) < 0.02f && placed[i].end_s > placed[i].start_s);
	assert_true(pitch_error(&a, &line, &voiced) < 15);
	assert_true(voiced > 0.5);
	assert_int_equal(audio_loudness(&a, &lufs, &peak, NULL), 0);
	assert_true(fabs(lufs + 20) < 1.5);
	/* "sighs": its s is before the note, its vowel on it. Without the hiss, then. */
	double t = (double)notes[7].start_s;
	for (int pass = 0; pass < 3; pass++)
		for (size_t i = 1; i < a.frames; i++)
			a.ch[0][i] = 0.85f * a.ch[0][i - 1] + 0.15f * a.ch[0][i];
	assert_true(level(&a, t + 0.03, t + 0.12) > level(&a, t - 0.1, t - 0.04) + 6);
	assert_true(level(&a, (double)line.length_s - 0.1, (double)line.length_s) < -75);
	assert_true(level(&a, 0, 0.05) < -75);
	audio_release(&a);
}

/* How alike two neighbouring periods of the pitch are, at second t: 1 for a voice that holds its note, less for creak, hiss or silence. */
static double periodicity(const struct audio *a, double t, double midi)
{
	int period = (int)lround(VOICE_RATE / (440 * exp2((midi - 69) / 12))), from = (int)(t * VOICE_RATE) - VOICE_RATE / 25, n = 2 * VOICE_RATE / 25;
	double best = 0;
	for (int lag = period - period / 30 - 1; lag <= period + period / 30 + 1; lag++) {
		double xy = 0, xx = 1e-9, yy = 1e-9;
		for (int i = from; i < from + n - lag; i++) {
			double x = (double)a->ch[0][i], y = (double)a->ch[0][i + lag];
			xy += x * y;
			xx += x * x;
			yy += y * y;
		}
		best = fmax(best, xy / sqrt(xx * yy));
	}
	return best;
}

/* Short words on long notes, as slow songs have them: the vowels must not break up. Of the vowels' middles, the share that repeats itself. */
static double held_share(char *name)
{
	static const struct sung_syllable held[] = { { "ˈO", 1, 0 }, { "wi", 1, 0 }, { "ɡɹˈO", 1, ',' }, { "wi", 1, 0 }, { "ɡɹˈO", 1, 0 } };
	static const float midi[5] = { 61, 57, 57, 57, 59 };
	struct singer one = singer;
	struct sung_note notes[5];
	one.name = name;
	for (int i = 0; i < 5; i++) {
		float start = 0.85f + 0.48f * (float)i;
		notes[i] = (struct sung_note){ start, start + (i == 1 || i == 3 ? 0.3f : 0.46f), midi[i], 0.6f, i };
	}
	struct sung_line line = { held, 5, notes, 5, 4.2f, 0.5f, 0, 3, 0, 0 };
	struct audio a;
	assert_int_equal(voice_sing(voice, &one, &plain, &line, NULL, &a, NULL, NULL), 0);
	int steady = 0, all = 0;
	for (int i = 0; i < 5; i++)
		for (double t = (double)notes[i].start_s + 0.08; t < (double)notes[i].end_s - 0.1; t += 0.01, all++)
			steady += periodicity(&a, t, (double)midi[i]) > 0.75;
	audio_release(&a);
	return (double)steady / all;
}

static void a_held_vowel_stays_a_vowel(void **state)
{
	(void)state;
	char nova[] = "af_nova", lily[] = "bf_lily";
	if (!voice)
		skip();
	assert_true(held_share(nova) > 0.9);
	assert_true(held_share(lily) > 0.9);
}

/* "So we turn the speakers": a line's first s hisses. A hiss changes from sample to sample by about its own size, breath in a vowel's shape by much less. */
static void a_first_s_hisses(void **state)
{
	(void)state;
	static const struct sung_syllable words[] = { { "sO", 1, 0 }, { "wi", 1, 0 }, { "tˈɜɹn", 1, 0 }, { "ðə", 1, 0 }, { "spˈi", 1, 0 }, { "kəɹz", 0, '.' } };
	if (!voice)
		skip();
	char heart[] = "af_heart";
	struct singer one = singer;
	struct sung_note notes[6];
	one.name = heart;
	for (int i = 0; i < 6; i++)
		notes[i] = (struct sung_note){ 0.85f + 0.25f * (float)i, 0.85f + 0.25f * (float)(i + 1), 54, 0.6f, i };
	struct sung_line line = { words, 6, notes, 6, notes[5].end_s + 0.6f, 0.5f, 0, 3, 0, 0 };
	struct audio a;
	assert_int_equal(voice_sing(voice, &one, &plain, &line, NULL, &a, NULL, NULL), 0);
	double all = 0, change = 0;
	for (size_t i = (size_t)(0.75 * VOICE_RATE); i < (size_t)(0.82 * VOICE_RATE); i++) {
		double x = (double)a.ch[0][i], d = x - (double)a.ch[0][i - 1];
		all += x * x;
		change += d * d;
	}
	assert_true(change > 0.5 * all);
	audio_release(&a);
}

/* "Streetlights find my home", the last word on a long note. */
static void a_line_begins_and_ends_with_its_own_sounds(void **state)
{
	(void)state;
	static const struct sung_syllable words[] = { { "stɹˈit", 1, 0 }, { "lIts", 0, 0 }, { "fˈInd", 1, 0 }, { "mI", 1, 0 }, { "hˈOm", 1, '.' } };
	static const float midi[5] = { 60, 57, 55, 57, 57 };
	if (!voice)
		skip();
	char river[] = "af_river";
	struct singer one = singer;
	struct sung_note notes[5];
	one.name = river;
	for (int i = 0; i < 5; i++)
		notes[i] = (struct sung_note){ 0.85f + 0.35f * (float)i, 0.85f + 0.35f * (float)(i + 1), midi[i], 0.6f, i };
	notes[4].end_s = notes[4].start_s + 0.9f;
	struct sung_line line = { words, 5, notes, 5, notes[4].end_s + 0.6f, 0.5f, 0, 3, 0, 0 };
	struct audio a;
	assert_int_equal(voice_sing(voice, &one, &plain, &line, NULL, &a, NULL, NULL), 0);
	/* The last vowel lasts until shortly before its note ends, with its m after it, and nothing sounds once it has died away. */
	double start = (double)notes[4].start_s, end = (double)notes[4].end_s, loud = level(&a, start + 0.1, start + 0.3);
	assert_true(level(&a, end - 0.3, end - 0.2) > loud - 10);
	assert_true(level(&a, end - 0.1, end - 0.05) > loud - 22);
	assert_true(level(&a, end + 0.2, end + 0.5) < -75);
	/* No vowel before the first s: what is heard there does not repeat itself as the tune does. */
	for (double t = 0.66; t < 0.72; t += 0.01)
		assert_true(periodicity(&a, t, 60) < 0.4);
	audio_release(&a);
}

/* The mean likeness of neighbouring periods in the notes' middles, of what lies high. */
static double clarity(float breathiness_db)
{
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_line line = line_of(notes, 0.42f);
	struct style_singer m = plain;
	struct audio a;
	m.breathiness_db = breathiness_db;
	assert_int_equal(voice_sing(voice, &singer, &m, &line, NULL, &a, NULL, NULL), 0);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = a.frames - 1; i > 0; i--)
			a.ch[0][i] -= a.ch[0][i - 1];
	double sum = 0;
	for (int i = 0; i < line.n_notes; i++)
		sum += periodicity(&a, ((double)notes[i].start_s + (double)notes[i].end_s) / 2, (double)notes[i].midi) / line.n_notes;
	audio_release(&a);
	return sum;
}

static void a_voice_is_breathier_when_told(void **state)
{
	(void)state;
	if (!voice)
		skip();
	double breathy = clarity(6), own = clarity(0), clear = clarity(-6);
	assert_true(breathy < own - 0.03 && own < clear - 0.01);
}

static void a_note_beyond_the_range_is_in_tune(void **state)
{
	(void)state;
	if (!voice)
		skip();
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_line line = line_of(notes, 0.4f);
	struct audio a;
	double voiced;
	notes[6].midi = 70;
	notes[7].midi = 71;
	notes[8].midi = 69;
	assert_int_equal(voice_sing(voice, &singer, &plain, &line, NULL, &a, NULL, NULL), 0);
	assert_true(pitch_error(&a, &line, &voiced) < 15);
	line.notes = &notes[6];
	line.n_notes = 3;
	assert_true(pitch_error(&a, &line, &voiced) < 30);
	audio_release(&a);
}

static void a_line_out_of_order_is_refused(void **state)
{
	(void)state;
	if (!voice)
		skip();
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_line line = line_of(notes, 0.4f);
	struct audio a = { 0 };
	struct singer nobody = singer;
	char name[] = "xx_nobody";
	struct madrigal_error err;
	nobody.name = name;
	assert_int_equal(voice_sing(voice, &nobody, &plain, &line, NULL, &a, NULL, &err), MADRIGAL_EMISSING);
	assert_non_null(strstr(err.message, "xx_nobody"));
	notes[3].syllable = 5;
	assert_int_equal(voice_sing(voice, &singer, &plain, &line, NULL, &a, NULL, &err), MADRIGAL_EUSAGE);
	line = line_of(notes, 0.4f);
	notes[4].start_s = 0.1f;
	assert_int_equal(voice_sing(voice, &singer, &plain, &line, NULL, &a, NULL, &err), MADRIGAL_EUSAGE);
	assert_null(a.ch[0]);
}

/* ---- a score: two lines, the second twice ---- */

static struct syllable lyric_syllables[] = {
	{ "hˈO", STRESS_PRIMARY, 0, 0 }, { "lIt", STRESS_NONE, 0, 1 }, { "sˈɪŋ", STRESS_PRIMARY, 1, 1 }, { "lˈWd", STRESS_PRIMARY, 2, 1 },
};
static struct word words[] = { { "Hello", 0, 0, 2, 1, 0, 1 }, { "sing", 1, 2, 1, 1, 0, 1 }, { "loud", 1, 3, 1, 1, '.', 1 } };
static struct lyrics lyrics = { .words = words, .n_words = 3, .syllables = lyric_syllables, .n_syllables = 4 };

static struct score small_score(struct vocal_note *notes, struct score_section *sections)
{
	static const int at[8] = { 0, 240, 1920, 2400, 3840, 4080, 5760, 6240 };
	for (int i = 0; i < 8; i++) {
		int k = i % 4;
		notes[i] = (struct vocal_note){ at[i], k == 3 ? 900 : k == 1 ? 720 : k == 2 ? 480 : 240, 57 + 2 * k, k < 2 ? 0 : k - 1, k == 1, (i / 2) % 2, i / 4, 0.7f, 0 };
	}
	sections[0] = (struct score_section){ .kind = SECTION_VERSE, .end = 3840, .intensity = 0.5f };
	sections[1] = (struct score_section){ .kind = SECTION_CHORUS, .start = 3840, .end = 7680, .intensity = 0.5f };
	return (struct score){ .seed = 5, .tempo_bpm = 120, .meter_num = 4, .meter_den = 4, .lead_in_s = 1, .tail_s = 1, .bars = 4, .sections = sections,
		               .n_sections = 2, .vocal = notes, .n_vocal = 8, .lyrics = &lyrics };
}

static const struct swing straight = { .unit = TICKS_PER_QUARTER / 2 };

static void threads_do_not_change_a_bit_and_a_repeat_is_a_copy(void **state)
{
	(void)state;
	if (!voice)
		skip();
	struct vocal_note notes[8];
	struct score_section sections[2];
	struct score s = small_score(notes, sections);
	struct vocal_tracks one, two;
	assert_int_equal(voice_sing_score(voice, &s, &singer, &style.singer, straight, 1, NULL, NULL, NULL, &one, NULL), 0);
	assert_int_equal(voice_sing_score(voice, &s, &singer, &style.singer, straight, 2, NULL, NULL, NULL, &two, NULL), 0);
	assert_int_equal(one.lead.frames, (size_t)llround(score_duration(&s) * AUDIO_RATE));
	assert_memory_equal(one.lead.ch[0], two.lead.ch[0], one.lead.frames * sizeof(float));
	assert_memory_equal(one.double_left.ch[0], two.double_left.ch[0], one.double_left.frames * sizeof(float));
	assert_int_equal(one.backing.frames, 0);
	assert_int_equal(one.harmony[0].frames, 0);
	/* Four seconds later the same two lines come again: the second of them with the same breath before it. */
	size_t a = (size_t)(2.8 * AUDIO_RATE), n = (size_t)(1.5 * AUDIO_RATE);
	assert_memory_equal(one.lead.ch[0] + a, one.lead.ch[0] + a + 4 * AUDIO_RATE, n * sizeof(float));
	for (int i = 0; i < 8; i++)
		assert_true(fabs(one.lead_times.start[i] - score_seconds(&s, notes[i].start)) < 0.03 && one.lead_times.end[i] > one.lead_times.start[i]);
	/* With a harmony voice to the first line of either half the lead stays what it was; the voice comes back bit by bit. */
	struct vocal_note third[4] = { notes[0], notes[1], notes[4], notes[5] };
	for (int i = 0; i < 4; i++) {
		third[i].midi -= 4;
		third[i].dynamic = 0.5f;
	}
	s.harmony[0] = third;
	s.n_harmony[0] = 4;
	vocal_tracks_release(&two);
	assert_int_equal(voice_sing_score(voice, &s, &singer, &style.singer, straight, 2, NULL, NULL, NULL, &two, NULL), 0);
	assert_memory_equal(one.lead.ch[0], two.lead.ch[0], one.lead.frames * sizeof(float));
	assert_memory_equal(two.harmony[0].ch[0] + AUDIO_RATE / 2, two.harmony[0].ch[0] + AUDIO_RATE / 2 + 4 * AUDIO_RATE, n * sizeof(float));
	assert_int_equal(two.harmony[1].frames, 0);
	double energy = 0;
	for (size_t i = 0; i < two.harmony[0].frames; i++)
		energy += pow((double)two.harmony[0].ch[0][i], 2);
	assert_true(energy > 1);
	vocal_tracks_release(&one);
	vocal_tracks_release(&two);
}

/* Off-beats come late by the band's swing; a repeat is still a copy, to the bit. */
static void the_voice_swings(void **state)
{
	(void)state;
	if (!voice)
		skip();
	const struct swing triplets = { .amount = 1.0 / 3, .unit = TICKS_PER_QUARTER / 2 };
	struct vocal_note notes[8];
	struct score_section sections[2];
	struct score s = small_score(notes, sections);
	struct vocal_tracks t;
	assert_int_equal(voice_sing_score(voice, &s, &singer, &style.singer, triplets, 2, NULL, NULL, NULL, &t, NULL), 0);
	for (int i = 0; i < 8; i++) {
		double late = notes[i].start % 480 ? 80 * 60.0 / (480 * 120) : 0;
		assert_true(fabs(t.lead_times.start[i] - score_seconds(&s, notes[i].start) - late) < 1e-5);
	}
	size_t a = (size_t)(2.8 * AUDIO_RATE), n = (size_t)(1.5 * AUDIO_RATE);
	assert_memory_equal(t.lead.ch[0] + a, t.lead.ch[0] + a + 4 * AUDIO_RATE, n * sizeof(float));
	vocal_tracks_release(&t);
}

static void a_manner_is_heard(void **state)
{
	(void)state;
	if (!voice)
		skip();
	char staccato[] = "staccato", laid_back[] = "laid back";
	struct style st = style;
	struct vocal_note notes[8];
	struct score_section sections[2];
	struct score s = small_score(notes, sections);
	struct vocal_tracks t;
	notes[2].dur = 480; /* "sing", and "loud" at once */
	st.singer.manner = staccato;
	assert_int_equal(voice_sing_score(voice, &s, &singer, &st.singer, straight, 2, NULL, NULL, NULL, &t, NULL), 0);
	assert_true(t.lead_times.end[2] < score_seconds(&s, notes[3].start) - 0.1); /* apart from the next word */
	assert_true(fabs(t.lead_times.end[0] - score_seconds(&s, notes[1].start)) < 0.01); /* within a word, bound */
	double end = t.lead_times.end[2];
	assert_true(level(&t.lead, end + 0.14, end + 0.16) < level(&t.lead, end - 0.15, end - 0.05) - 12 || t.lead_times.start[3] - end < 0.3);
	vocal_tracks_release(&t);
	st.singer.manner = laid_back;
	assert_int_equal(voice_sing_score(voice, &s, &singer, &st.singer, straight, 2, NULL, NULL, NULL, &t, NULL), 0);
	for (int i = 0; i < 8; i++) {
		double late = t.lead_times.start[i] - score_seconds(&s, notes[i].start);
		assert_true(late > 0.01 && late < 0.06);
	}
	vocal_tracks_release(&t);
	/* Where the beat is quick, a tenth of it at most. */
	s.tempo_bpm = 200;
	st.singer.behind_ms = 30;
	assert_int_equal(voice_sing_score(voice, &s, &singer, &st.singer, straight, 2, NULL, NULL, NULL, &t, NULL), 0);
	for (int i = 0; i < 8; i++) {
		double late = t.lead_times.start[i] - score_seconds(&s, notes[i].start);
		assert_true(late > 0.01 && late < 0.0301);
	}
	vocal_tracks_release(&t);
}

/* Rap: vowels on their notes, a voice that moves, and the pitches told are those that are heard. */
static void a_rapped_line_is_spoken_in_time(void **state)
{
	(void)state;
	if (!voice)
		skip();
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_line line = line_of(notes, 0.2f);
	struct placed_note placed[N_SYLLABLES + 1];
	struct audio a;
	double voiced, moves = 0;
	line.n_notes = N_SYLLABLES;
	line.spoken = 1;
	for (int i = 0; i < N_SYLLABLES; i++)
		notes[i].midi = i % 2 ? 55 : 57;
	assert_int_equal(voice_sing(voice, &singer, &manner, &line, NULL, &a, placed, NULL), 0);
	for (int i = 0; i < N_SYLLABLES; i++) {
		assert_true(fabsf(placed[i].start_s - notes[i].start_s) < 0.001f);
		assert_true(fabsf(placed[i].midi - notes[i].midi) < 9);
		moves = fmax(moves, fabs((double)(placed[i].midi - notes[i].midi)));
		notes[i].midi = placed[i].midi;
	}
	assert_true(moves > 0.5);
	assert_true(pitch_error(&a, &line, &voiced) < 100);
	assert_true(level(&a, (double)notes[1].start_s, (double)notes[7].end_s) > -30);
	audio_release(&a);
}

static void *raise_later(void *flag)
{
	nanosleep(&(struct timespec){ 0, 250000000 }, NULL);
	atomic_store((cancel_flag *)flag, 1);
	return NULL;
}

static void a_cancel_is_obeyed_within_a_second(void **state)
{
	(void)state;
	if (!voice)
		skip();
	struct sung_note notes[N_SYLLABLES + 1];
	struct sung_line line = line_of(notes, 3.0f); /* more than ten seconds of work */
	struct audio a = { 0 };
	cancel_flag flag = 0;
	pthread_t t;
	struct timespec from, to;
	struct madrigal_error err;
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(pthread_create(&t, NULL, raise_later, &flag), 0);
	assert_int_equal(voice_sing(voice, &singer, &plain, &line, &flag, &a, NULL, &err), MADRIGAL_ECANCELLED);
	clock_gettime(CLOCK_MONOTONIC, &to);
	pthread_join(t, NULL);
	assert_true((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9 < 1.25);
	assert_null(a.ch[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_has_the_nodes_it_needs),
		cmocka_unit_test(a_block_becomes_three_nodes),
		cmocka_unit_test(a_damaged_model_is_refused),
		cmocka_unit_test(vowels_begin_on_their_notes),
		cmocka_unit_test(held_vowels_come_in_without_a_step),
		cmocka_unit_test(a_syllable_needs_no_vowel_and_a_line_has_its_limit),
		cmocka_unit_test(the_curve_is_the_tune),
		cmocka_unit_test(a_double_drifts_from_its_lead),
		cmocka_unit_test(air_is_changed_and_harmonics_are_not),
		cmocka_unit_test(a_missing_voice_names_the_command),
		cmocka_unit_test(the_installed_model_is_known),
		cmocka_unit_test(a_line_is_sung_in_tune_and_in_time),
		cmocka_unit_test(a_held_vowel_stays_a_vowel),
		cmocka_unit_test(a_line_begins_and_ends_with_its_own_sounds),
		cmocka_unit_test(stops_are_told_from_hisses),
		cmocka_unit_test(a_first_s_hisses),
		cmocka_unit_test(a_tap_is_sung_as_t),
		cmocka_unit_test(a_voice_is_breathier_when_told),
		cmocka_unit_test(a_note_beyond_the_range_is_in_tune),
		cmocka_unit_test(a_line_out_of_order_is_refused),
		cmocka_unit_test(threads_do_not_change_a_bit_and_a_repeat_is_a_copy),
		cmocka_unit_test(the_voice_swings),
		cmocka_unit_test(a_manner_is_heard),
		cmocka_unit_test(a_rapped_line_is_spoken_in_time),
		cmocka_unit_test(a_cancel_is_obeyed_within_a_second),
	};
	return cmocka_run_group_tests(tests, open_voice, close_voice);
}
