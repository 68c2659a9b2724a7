/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who sings: the middle of the picture (separate.h), the tune that leads in it (melody.h), and whether that is a voice (window by window, from how its pitch and its sound move); then what the voice is
 * like, from its frames alone.
 *
 * Of a recording longer than 180 s six pieces of 30 s, spread evenly over it, are listened to.
 * The whole vector is a matter of the voice's frames in the middle of the picture; a cappella recordings and mixes go the same way.
 *
 * heard_singer.vector, VECTOR numbers, each (raw - middle) * weight by the table below, so that about 1 is the distance that one singer keeps
 * to himself from song to song (the timbre weighs most; pitch, breath and brightness, which songs and mixes change, little):
 *      0..11   means of the cepstral coefficients 1..12 of the voice's harmonic envelope (dB on 40 mel bands, orthonormal cosines / sqrt 40)
 *     12..19   standard deviations of the coefficients 1..8
 *     20       formant scale
 *     21       the tune's median, MIDI
 *     22       breath, dB
 *     23       brightness, dB */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "ear/contour.h"
#include "ear/ear.h"
#include "ear/melody.h"
#include "ear/separate.h"

#define CEPSTRA 13              /* coefficient 0 is the level */
#define MEANS 12
#define SPREADS 8
#define VECTOR 24
#define LAG 4                   /* frames over which the sound is seen to change */
#define MOVE 2                  /* and the pitch */
#define HALF 32                 /* frames on both sides of a window: 1.5 s */
#define WINDOW_LEAST 6          /* frames with a pitch that a window needs */
#define SOUND_BELOW 1e-4f       /* silence: 40 dB below the loudest 5 % */
#define SOUND_LEAST 1e-9f
#define BRIDGE 17               /* frames: a gap as long as a consonant or a breath belongs to the singing around it */
#define VOICE_LEAST 40          /* frames of voice without which there is none */
#define ONE_NOTE 1.2f           /* semitones from frame to frame within which a run goes on */
#define SMOOTH 9                /* frames: over more than a swing of vibrato */
#define FLAT_ST_S 2.5f          /* slower than this a pitch is held, semitones a second */

struct listening {
	struct separate p;
	struct melody_point *tune;  /* frames, as are all below */
	float (*env)[SEPARATE_BANDS];
	float (*cep)[CEPSTRA];
	float *clear, *between, *change, *motion, *hiss_db, *body_db, *pitch, *smooth;
	float *sum;                 /* scratch */
	uint8_t *sounds, *pitched, *changes, *moves, *voice;
};

static void listening_release(struct listening *k)
{
	separate_release(&k->p);
	free(k->tune);
	free(k->env);
	free(k->cep);
	free(k->clear);
	free(k->sounds);
	memset(k, 0, sizeof *k);
}

static int listening_init(struct listening *k)
{
	size_t n = (size_t)k->p.frames;
	k->tune = calloc(n, sizeof *k->tune);
	k->env = calloc(n, sizeof *k->env);
	k->cep = calloc(n, sizeof *k->cep);
	k->clear = calloc(9 * n, sizeof *k->clear);
	k->sounds = calloc(5 * n, 1);
	if (!k->tune || !k->env || !k->cep || !k->clear || !k->sounds)
		return 0;
	k->between = k->clear + n;
	k->change = k->between + n;
	k->motion = k->change + n;
	k->hiss_db = k->motion + n;
	k->body_db = k->hiss_db + n;
	k->pitch = k->body_db + n;
	k->smooth = k->pitch + n;
	k->sum = k->smooth + n;
	k->pitched = k->sounds + n;
	k->changes = k->pitched + n;
	k->moves = k->changes + n;
	k->voice = k->moves + n;
	return 1;
}

/* x (scratch of n values) is put in order. */
static float percentile(float *x, int n, double share)
{
	if (n < 1)
		return 0;
	floats_sort(x, (size_t)n);
	double at = share * (n - 1);
	int k = (int)at;
	return k + 1 < n ? x[k] + (float)(at - k) * (x[k + 1] - x[k]) : x[n - 1];
}

static void cepstrum(const float env[SEPARATE_BANDS], float ret[CEPSTRA])
{
	for (int c = 0; c < CEPSTRA; c++) {
		double sum = 0;
		for (int b = 0; b < SEPARATE_BANDS; b++)
			sum += (double)env[b] * cos(M_PI * c * (b + 0.5) / SEPARATE_BANDS);
		ret[c] = (float)(sum * (c ? M_SQRT2 : 1) / SEPARATE_BANDS);
	}
}

/* What each frame has to say. */
static void figures(struct listening *k)
{
	const struct separate *p = &k->p;
	memcpy(k->sum, p->all, sizeof *k->sum * (size_t)p->frames);
	float quiet = percentile(k->sum, p->frames, 0.95) * SOUND_BELOW + SOUND_LEAST;
	for (int t = 0; t < p->frames; t++) {
		float midi = k->tune[t].midi;
		k->sounds[t] = p->all[t] > quiet;
		k->hiss_db[t] = 10 * log10f((p->hiss[t] + 1e-9f) / (p->body[t] + 1e-9f));
		k->body_db[t] = 10 * log10f(p->body[t] + 1e-8f);
		k->pitched[t] = k->sounds[t] && midi > 0 && separate_envelope(p, t, midi, k->env[t], &k->clear[t], &k->between[t]);
		k->pitch[t] = k->pitched[t] ? midi : 0;
		k->changes[t] = k->moves[t] = 0;
		if (!k->pitched[t])
			continue;
		cepstrum(k->env[t], k->cep[t]);
		if (t >= LAG && k->pitched[t - LAG] && fabsf(midi - k->pitch[t - LAG]) < 3) {
			float sum = 0;
			for (int c = 1; c < CEPSTRA; c++)
				sum += (k->cep[t][c] - k->cep[t - LAG][c]) * (k->cep[t][c] - k->cep[t - LAG][c]);
			k->change[t] = sqrtf(sum);
			k->changes[t] = 1;
		}
		if (t >= MOVE && k->pitched[t - MOVE] && fabsf(midi - k->pitch[t - MOVE]) < 1.5f) {
			k->motion[t] = fminf(1, fabsf(midi - k->pitch[t - MOVE]));
			k->moves[t] = 1;
		}
	}
}

enum { CHANGE, MOTION, CLEAR, PITCHED, HISS_SPREAD, PITCH_SPREAD, BODY_SPREAD, SHAPE, WINDOW_FIGURES };

/* Sums of what is ok up to each frame, then over a window. */
struct window_of { double mean, spread; int n; };

static void gather(double *sums, const float *x, size_t stride, const uint8_t *ok, int n)
{
	double s = 0, q = 0, c = 0;
	for (int t = 0; t < n; t++) {
		double v = x && (!ok || ok[t]) ? (double)x[(size_t)t * stride] : 0;
		sums[3 * t] = s;
		sums[3 * t + 1] = q;
		sums[3 * t + 2] = c;
		s += v;
		q += v * v;
		c += !ok || ok[t] ? 1 : 0;
	}
	sums[3 * n] = s;
	sums[3 * n + 1] = q;
	sums[3 * n + 2] = c;
}

static struct window_of window_of(const double *sums, int n, int t)
{
	int a = t < HALF ? 0 : t - HALF, b = t + HALF + 1 > n ? n : t + HALF + 1;
	double s = sums[3 * b] - sums[3 * a], q = sums[3 * b + 1] - sums[3 * a + 1], c = sums[3 * b + 2] - sums[3 * a + 2];
	struct window_of w = { .n = (int)c };
	if (c >= WINDOW_LEAST) {
		w.mean = s / c;
		w.spread = sqrt(fmax(0, q / c - w.mean * w.mean));
	}
	return w;
}

/* ret: frames * WINDOW_FIGURES. Returns 0 without memory. */
static int windows(const struct listening *k, float (*ret)[WINDOW_FIGURES])
{
	int n = k->p.frames;
	double *sums = malloc(sizeof *sums * 3 * ((size_t)n + 1));
	if (!sums)
		return 0;
	const struct { const float *x; size_t stride; const uint8_t *ok; int mean, spread; } of[] = {
		{ k->change, 1, k->changes, CHANGE, -1 },    { k->motion, 1, k->moves, MOTION, -1 },          { k->clear, 1, k->pitched, CLEAR, -1 },
		{ k->hiss_db, 1, k->sounds, -1, HISS_SPREAD }, { k->pitch, 1, k->pitched, -1, PITCH_SPREAD }, { k->body_db, 1, k->sounds, -1, BODY_SPREAD },
		{ &k->cep[0][3], CEPSTRA, k->pitched, SHAPE, -1 },
	};
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		gather(sums, of[i].x, of[i].stride, of[i].ok, n);
		for (int t = 0; t < n; t++) {
			struct window_of w = window_of(sums, n, t);
			if (of[i].mean >= 0)
				ret[t][of[i].mean] = (float)w.mean;
			if (of[i].spread >= 0)
				ret[t][of[i].spread] = (float)w.spread;
		}
	}
	gather(sums, NULL, 0, k->sounds, n);
	double *pitched = sums;
	for (int t = 0; t < n; t++)
		ret[t][PITCHED] = (float)window_of(pitched, n, t).n;
	gather(sums, NULL, 0, k->pitched, n);
	for (int t = 0; t < n; t++)
		ret[t][PITCHED] = ret[t][PITCHED] > 0 ? (float)window_of(sums, n, t).n / ret[t][PITCHED] : 0;
	free(sums);
	return 1;
}

/* By logistic regression over songs of which it was known when somebody sang, and the same without the singer. */
static const float voice_weight[WINDOW_FIGURES] = { -0.154f, 40.5f, 0.0156f, -2.48f, 0.268f, -0.386f, 0.12f, 0.488f };
static const float voice_offset = -3.94f;

static float voice_likely(const float x[WINDOW_FIGURES])
{
	float z = voice_offset;
	for (int i = 0; i < WINDOW_FIGURES; i++)
		z += voice_weight[i] * x[i];
	return z;
}

#define SURE 3

/* Marks the frames in which a voice leads, 2 where that is sure; returns their number, and in *ret_sure the sure ones' share of the pitched. */
static int mark_voice(struct listening *k, float (*w)[WINDOW_FIGURES], float *ret_sure)
{
	int voice = 0, sure = 0, pitched = 0;
	for (int t = 0; t < k->p.frames; t++) {
		float z = k->pitched[t] ? voice_likely(w[t]) : -1;
		k->voice[t] = z > SURE ? 2 : z > 0;
		voice += z > 0;
		sure += z > SURE;
		pitched += k->pitched[t];
	}
	*ret_sure = pitched ? (float)sure / (float)pitched : 0;
	return voice;
}

/* The share of the sounding frames in which it is sung, short gaps filled. */
static float sung_share(const struct listening *k)
{
	int sung = 0, sounds = 0, last = -1;
	for (int t = 0; t < k->p.frames; t++) {
		sounds += k->sounds[t];
		if (!k->voice[t])
			continue;
		sung += last >= 0 && t - last <= BRIDGE ? t - last : 1;
		last = t;
	}
	return sounds ? fminf(1, (float)sung / (float)sounds) : 0;
}

/* Ends of the run of voice that begins at t: one glide or note. */
static int run_from(const struct listening *k, int t)
{
	int e = t + 1;
	while (e < k->p.frames && k->voice[e] && fabsf(k->pitch[e] - k->pitch[e - 1]) < ONE_NOTE)
		e++;
	return e;
}

struct manner { double flat, grid, seconds; double vibrato_hz, vibrato_cents; };

/* The strongest swing of a held note: frequency by a scan of its spectrum. Returns the peak deviation in semitones, 0 if it hardly swings. */
static double swing_of(const float *pitch, const float *smooth, int n, double *ret_hz)
{
	double total = 0, best = 0;
	for (int i = 0; i < n; i++)
		total += (double)(pitch[i] - smooth[i]) * (double)(pitch[i] - smooth[i]);
	for (double hz = 3.5; hz <= 8.5; hz += 0.125) {
		double re = 0, im = 0;
		for (int i = 0; i < n; i++) {
			double a = 2 * M_PI * hz * i * SEPARATE_FRAME_S, v = (double)(pitch[i] - smooth[i]) * (1 - cos(2 * M_PI * (i + 0.5) / n));
			re += v * cos(a);
			im += v * sin(a);
		}
		double amplitude = 2 * sqrt(re * re + im * im) / n;
		if (amplitude > best) {
			best = amplitude;
			*ret_hz = hz;
		}
	}
	if (best < 0.1 || best * best * n / 2 < 0.4 * total)
		return 0;
	/* What a Hann window of SEPARATE_SIZE swallows of a swing, and what the line through it (SMOOTH frames) took or gave. */
	double x = *ret_hz * SEPARATE_SIZE / EAR_RATE, y = *ret_hz * SMOOTH * SEPARATE_FRAME_S;
	double seen = sin(M_PI * x) / (M_PI * x * (1 - x * x)) * (1 - sin(M_PI * y) / (M_PI * y));
	return best / fmax(seen, 0.2);
}

static void smooth_run(struct listening *k, int a, int b)
{
	for (int t = a; t < b; t++) {
		float sum = 0;
		for (int d = -SMOOTH / 2; d <= SMOOTH / 2; d++) {
			int at = t + d < a ? a : t + d >= b ? b - 1 : t + d;
			sum += k->pitch[at];
		}
		k->smooth[t] = sum / SMOOTH;
	}
}

#define HELD 18 /* frames: a note long enough for vibrato */

static struct manner manner_of(struct listening *k)
{
	struct manner m = { 0 };
	double flat = 0, all = 0, re = 0, im = 0, swing = 0, swing_hz = 0, swings = 0, held = 0;
	for (int t = 0; t < k->p.frames; t++) {
		if (!k->voice[t])
			continue;
		int e = run_from(k, t), from = -1;
		smooth_run(k, t, e);
		for (int i = t; i < e; i++) {
			re += cos(2 * M_PI * (double)k->smooth[i]);
			im += sin(2 * M_PI * (double)k->smooth[i]);
			all++;
			float slope = i > t && i + 1 < e ? (k->smooth[i + 1] - k->smooth[i - 1]) / (float)(2 * SEPARATE_FRAME_S) : 0;
			int holds = e - t >= 7 && fabsf(slope) < FLAT_ST_S;
			flat += holds;
			if (holds && from < 0)
				from = i;
			if (from >= 0 && (!holds || i + 1 == e)) {
				double hz = 0, wide = i - from >= HELD ? swing_of(k->pitch + from, k->smooth + from, i - from, &hz) : 0;
				held += i - from >= HELD ? i - from : 0;
				if (wide > 0) {
					swing += wide * (i - from);
					swing_hz += hz * (i - from);
					swings += i - from;
				}
				from = -1;
			}
		}
		t = e - 1;
	}
	m.seconds = all * SEPARATE_FRAME_S;
	m.flat = all > 0 ? flat / all : 0;
	m.grid = all > 0 ? sqrt(re * re + im * im) / all : 0;
	if (swings > 0.2 * held && swings > 0) {
		m.vibrato_hz = swing_hz / swings;
		m.vibrato_cents = 100 * swing / swings;
	}
	return m;
}

/* Speech glides and keeps to no scale; rap holds its syllables. Little of it proves nothing. */
static float speech_of(const struct manner *m)
{
	double chance = 1 / sqrt(1 + 3 * m->seconds), grid = sqrt(fmax(0, m->grid * m->grid - chance * chance));
	double z = 10 * (0.52 - m->flat) + 8 * (0.27 - grid);
	return m->seconds > 0 ? (float)(1 / (1 + exp(-z))) : 0;
}

struct timbre { float env[SEPARATE_BANDS]; float mean[CEPSTRA], spread[CEPSTRA]; float clear, between; };

/* Means over the voice's frames, the louder and clearer the weightier. */
static void timbre_of(struct listening *k, struct timbre *ret)
{
	int n = 0;
	for (int t = 0; t < k->p.frames; t++)
		if (k->voice[t])
			k->sum[n++] = k->cep[t][0];
	float loud = percentile(k->sum, n, 0.5) - 10;
	double all = 0, env[SEPARATE_BANDS] = { 0 }, s[CEPSTRA] = { 0 }, q[CEPSTRA] = { 0 }, clear = 0, between = 0;
	for (int t = 0; t < k->p.frames; t++) {
		if (!k->voice[t] || k->cep[t][0] < loud)
			continue;
		double w = (double)fmaxf(0.02f, fminf(1, (k->clear[t] - 8) / 16));
		all += w;
		clear += w * (double)k->clear[t];
		between += w * (double)k->between[t];
		for (int b = 0; b < SEPARATE_BANDS; b++)
			env[b] += w * (double)(k->env[t][b] - k->cep[t][0]);
		for (int c = 0; c < CEPSTRA; c++) {
			s[c] += w * (double)k->cep[t][c];
			q[c] += w * (double)k->cep[t][c] * (double)k->cep[t][c];
		}
	}
	for (int b = 0; b < SEPARATE_BANDS; b++)
		ret->env[b] = (float)(env[b] / all);
	for (int c = 0; c < CEPSTRA; c++) {
		ret->mean[c] = (float)(s[c] / all);
		ret->spread[c] = (float)sqrt(fmax(0, q[c] / all - s[c] / all * s[c] / all));
	}
	ret->clear = (float)(clear / all);
	ret->between = (float)(between / all);
}

static float brightness_of(const float env[SEPARATE_BANDS])
{
	double below = 0, above = 0;
	for (int b = 0; b + 1 < SEPARATE_BANDS; b++) {
		double hz = separate_band_hz(b), wide = separate_band_hz(b + 1) - hz, power = wide * pow(10, (double)env[b] / 10);
		if (hz < 2000)
			below += power;
		else
			above += power;
	}
	return (float)(10 * log10(above / below));
}

/* The mean envelopes, dB, of men and of women who sing, and how far their resonances lie from those between them. */
static const struct { double scale; float env[SEPARATE_BANDS]; } adult[2] = {
	{ 0.92, {
		30.1f, 28.5f, 26.5f, 24.7f, 23.6f, 22.1f, 19.8f, 16.8f, 13.9f, 10.8f, 8.3f, 6.8f, 5.4f, 4.3f, 3.0f, 1.6f, 0.2f, -1.8f, -2.8f, -2.9f,
		-4.8f, -5.2f, -2.6f, -1.9f, -3.0f, -4.9f, -6.3f, -6.4f, -7.7f, -11.7f, -14.1f, -15.3f, -17.5f, -17.9f, -18.8f, -21.2f, -21.0f, -19.6f, -19.5f, -19.5f,
	} },
	{ 1.08, {
		26.2f, 26.0f, 25.2f, 24.0f, 22.7f, 21.4f, 20.0f, 18.1f, 15.9f, 13.9f, 12.0f, 10.2f, 8.1f, 6.2f, 4.1f, 1.4f, -0.4f, -1.2f, -1.7f, -2.2f,
		-3.3f, -4.2f, -4.4f, -5.0f, -4.9f, -4.1f, -5.2f, -7.4f, -9.6f, -11.2f, -10.7f, -11.5f, -14.4f, -17.3f, -19.3f, -21.9f, -23.7f, -24.3f, -24.4f, -23.1f,
	} },
};

#define WARP_LOW 6              /* bands that are compared: 400 Hz .. 5 kHz */
#define WARP_HIGH 34
#define DOUBT_WARP 1            /* against what is far from these .. */
#define DOUBT_SCALE 4           /* .. and from what is usual at that pitch */

/* What is left of a span of an envelope without its slant: mixes and voices tilt it. */
static void level_out(const double *x, int n, double *ret)
{
	double mean = 0, slant = 0, square = 0, mid = (n - 1) / 2.0;
	for (int i = 0; i < n; i++)
		mean += x[i] / n;
	for (int i = 0; i < n; i++) {
		slant += (i - mid) * (x[i] - mean);
		square += (i - mid) * (i - mid);
	}
	for (int i = 0; i < n; i++)
		ret[i] = x[i] - mean - slant / square * (i - mid);
}

static double band_at(double hz)
{
	double lo = log(1 + separate_band_hz(0) / 700), hi = log(1 + separate_band_hz(SEPARATE_BANDS - 1) / 700);
	return (log(1 + hz / 700) - lo) / (hi - lo) * (SEPARATE_BANDS - 1);
}

static double likeness(const float env[SEPARATE_BANDS], const float model[SEPARATE_BANDS], double scale)
{
	enum { N = WARP_HIGH - WARP_LOW };
	double x[N], y[N], a[N], b[N], ab = 0, aa = 0, bb = 0;
	for (int i = 0; i < N; i++) {
		double at = fmax(0, fmin(SEPARATE_BANDS - 1.001, band_at(separate_band_hz(WARP_LOW + i) * scale)));
		int k = (int)at;
		x[i] = (double)env[k] + (at - k) * (double)(env[k + 1] - env[k]);
		y[i] = (double)model[WARP_LOW + i];
	}
	level_out(x, N, a);
	level_out(y, N, b);
	for (int i = 0; i < N; i++) {
		ab += a[i] * b[i];
		aa += a[i] * a[i];
		bb += b[i] * b[i];
	}
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* The scale at which the voice's resonances lie where an adult's do (vocal tract normalisation: Lee and Rose 1998, "A frequency warping approach to speaker normalization"). Where two are as
 * likely, the one that goes with the voice's pitch: who has a long throat mostly has long folds. */
static float formant_scale_of(const float env[SEPARATE_BANDS], float median)
{
	double best = 1, most = -9, usual = fmax(-0.1, fmin(0.1, 0.012 * ((double)median - 55)));
	for (size_t who = 0; who < sizeof adult / sizeof *adult; who++)
		for (int i = -14; i <= 16; i++) {
			double warp = 1 + 0.01 * i, scale = warp * adult[who].scale, odd = log(scale) - usual;
			double v = likeness(env, adult[who].env, warp) - DOUBT_WARP * log(warp) * log(warp) - DOUBT_SCALE * odd * odd;
			if (v > most) {
				most = v;
				best = scale;
			}
		}
	return (float)best;
}

/* By logistic regression over singers whose sex was known. */
static void sex_of(struct heard_singer *h)
{
	double z = 0.45 * ((double)h->median - 53.7) + 20 * ((double)h->formant_scale - 1);
	h->female = z > 0;
	h->sex_confidence = (float)tanh(fabs(z) / 2);
}

static const struct { float middle, weight; } vector_table[VECTOR] = {
	{ 15.4f, 0.6f }, { 1, 0.55f }, { 3.06f, 0.65f }, { -0.47f, 1.3f }, { -0.37f, 1.5f }, { 0.54f, 1.8f }, { -0.07f, 1.5f }, { 0.27f, 1.8f },
	{ -0.09f, 1.8f }, { -0.08f, 1.8f }, { 0, 1.8f }, { 0.08f, 1.8f }, { 2.74f, 0.5f }, { 3.28f, 0.5f }, { 3.23f, 0.35f }, { 2.3f, 0.5f },
	{ 1.98f, 0.6f }, { 1.86f, 0.5f }, { 1.54f, 0.8f }, { 1.46f, 0.7f }, { 1.03f, 3 }, { 54.9f, 0.12f }, { -25.8f, 0.06f }, { -23.5f, 0.09f },
};

static void vector_of(const struct timbre *t, struct heard_singer *h)
{
	float raw[VECTOR];
	for (int i = 0; i < MEANS; i++)
		raw[i] = t->mean[i + 1];
	for (int i = 0; i < SPREADS; i++)
		raw[MEANS + i] = t->spread[i + 1];
	raw[MEANS + SPREADS] = h->formant_scale;
	raw[MEANS + SPREADS + 1] = h->median;
	raw[MEANS + SPREADS + 2] = h->breath_db;
	raw[MEANS + SPREADS + 3] = h->brightness_db;
	h->n_vector = VECTOR;
	for (int i = 0; i < VECTOR; i++)
		h->vector[i] = (raw[i] - vector_table[i].middle) * vector_table[i].weight;
}

#define NEARBY 43               /* frames: a second, in which a band goes on as it was */
#define OWN_LEAST 6             /* dB that a voice's noise must stand above what sounds without it .. */
#define OWN_SURE 18             /* .. and from here on it is the voice's alone */

/* How much of what lies between the voice's harmonics is its own, 0..1: what sounds when nobody sings sounds, too, when somebody does. */
static float breath_is_its_own(struct listening *k, const struct timbre *t)
{
	int n = 0, last = -NEARBY, next = 0;
	for (int i = 0; i < k->p.frames; i++) {
		last = k->voice[i] ? i : last;
		for (next = next > i ? next : i; next < k->p.frames && !k->voice[next];)
			next++;
		if (!k->voice[i] && (i - last < NEARBY || (next < k->p.frames && next - i < NEARBY)))
			k->sum[n++] = separate_level(&k->p, i);
	}
	float above = t->between - percentile(k->sum, n, 0.25);
	return n ? fmaxf(0, fminf(1, (above - OWN_LEAST) / (OWN_SURE - OWN_LEAST))) : 0;
}

static void describe(struct listening *k, struct heard_singer *h)
{
	int n = 0;
	for (int t = 0; t < k->p.frames; t++)
		if (k->voice[t])
			k->sum[n++] = k->pitch[t];
	h->low = percentile(k->sum, n, 0.05);
	h->median = percentile(k->sum, n, 0.5);
	h->high = percentile(k->sum, n, 0.95);
	struct manner m = manner_of(k);
	h->speech = speech_of(&m);
	h->vibrato_hz = (float)m.vibrato_hz;
	h->vibrato_cents = (float)m.vibrato_cents;
	struct timbre timbre;
	timbre_of(k, &timbre);
	h->brightness_db = brightness_of(timbre.env);
	h->breath_db = -timbre.clear;
	h->breath_confidence = breath_is_its_own(k, &timbre);
	h->formant_scale = formant_scale_of(timbre.env, h->median);
	sex_of(h);
	vector_of(&timbre, h);
}

/* Share of the pitched frames that must surely be a voice before it's believed, and from which on it is believed wholly. */
#define DOUBT 0.04f
#define BELIEF 0.08f

static int listen_for(struct listening *k, const struct melody_ease *ease, const cancel_flag *cancel, int *ret_voice, float *ret_sure, struct madrigal_error *err)
{
	int rc = melody_track(k->p.lasts, k->p.frames, SEPARATE_BINS, SEPARATE_HZ, ease, cancel, k->tune, err);
	if (rc)
		return rc;
	float (*w)[WINDOW_FIGURES] = calloc((size_t)k->p.frames, sizeof *w);
	if (!w)
		return err_nomem(err);
	figures(k);
	if (windows(k, w))
		*ret_voice = mark_voice(k, w, ret_sure);
	else
		rc = err_nomem(err);
	free(w);
	return rc;
}

/* Where the voice surely sings, with some room. */
static struct melody_ease own_range(struct listening *k)
{
	int n = 0;
	for (int t = 0; t < k->p.frames; t++)
		if (k->voice[t] == 2)
			k->sum[n++] = k->pitch[t];
	float low = percentile(k->sum, n, 0.1), high = percentile(k->sum, n, 0.9);
	return (struct melody_ease){ low - 2, high + 2, 0.04f };
}

static int hear(struct listening *k, const cancel_flag *cancel, struct heard_singer *ret, struct madrigal_error *err)
{
	struct heard_singer h = { .female = -1 };
	int voice = 0;
	float sure = 0;
	int rc = listen_for(k, &melody_any, cancel, &voice, &sure, err);
	float belief = fmaxf(0, fminf(1, (sure - DOUBT) / (BELIEF - DOUBT)));
	if (!rc && voice >= VOICE_LEAST && belief > 0) {
		struct melody_ease ease = own_range(k);
		rc = listen_for(k, &ease, cancel, &voice, &sure, err);
		if (!rc && voice >= VOICE_LEAST) {
			describe(k, &h);
			h.singing = belief * sung_share(k) * (1 - h.speech);
		}
	}
	if (!rc)
		*ret = h;
	return rc;
}

int ear_singer(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *cancel, struct heard_singer *ret, struct madrigal_error *err)
{
	(void)r;
	struct listening k = { 0 };
	int rc = separate_middle(s, cancel, &k.p, err);
	if (!rc)
		rc = listening_init(&k) ? hear(&k, cancel, ret, err) : err_nomem(err);
	listening_release(&k);
	return rc;
}

/* ---- for pictures ---- */

static int contour_of_piece(const struct ear_sound *s, const cancel_flag *cancel, float *ret_hz, size_t max, struct madrigal_error *err)
{
	struct listening k = { 0 };
	struct heard_singer unused;
	int rc = separate_middle(s, cancel, &k.p, err);
	if (!rc)
		rc = listening_init(&k) ? hear(&k, cancel, &unused, err) : err_nomem(err);
	for (size_t t = 0; !rc && unused.singing > 0 && t < (size_t)k.p.frames && t < max; t++)
		ret_hz[t] = k.voice[t] ? 440 * exp2f((k.pitch[t] - 69) / 12) : 0;
	listening_release(&k);
	return rc;
}

int ear_contour(const struct ear_sound *s, const cancel_flag *cancel, struct contour *ret, struct madrigal_error *err)
{
	const size_t piece = (size_t)(SEPARATE_FRAMES - 1) * SEPARATE_HOP; /* what is looked at whole */
	struct contour c = { .step_s = SEPARATE_FRAME_S, .n = s->n / SEPARATE_HOP + 1 };
	int rc = (c.hz = calloc(c.n, sizeof *c.hz)) ? 0 : err_nomem(err);
	for (size_t at = 0; !rc && at < s->n; at += piece) {
		const struct ear_sound part = { s->left + at, s->right + at, s->n - at < piece ? s->n - at : piece };
		rc = contour_of_piece(&part, cancel, c.hz + at / SEPARATE_HOP, c.n - at / SEPARATE_HOP, err);
	}
	if (rc)
		contour_release(&c);
	else
		*ret = c;
	return rc;
}

void contour_release(struct contour *c)
{
	free(c->hz);
	memset(c, 0, sizeof *c);
}
