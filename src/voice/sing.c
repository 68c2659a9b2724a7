/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line, sung: spoken, bent, decoded, levelled, finished with breath and fades. */
#include "voice/sing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "voice/tune.h"

#define TEXT_CHANNELS 512
#define BEFORE_S 0.25           /* sung before the first consonant and after the last: silence that the network needs around a line */
#define AFTER_S 0.30
#define VOICED_HZ 60.0f         /* below it, the spoken pitch means: unvoiced */
#define REST_SILENT_S 0.12      /* longer rests within a line are silenced */
#define FADE_S 0.02
#define TARGET_LUFS -20.0
#define SUB_SAMPLES 5           /* of a frame, to tell how much of each token it holds */

static double max_d(double a, double b) { return a > b ? a : b; }
static double min_d(double a, double b) { return a < b ? a : b; }

/* ---- bending the features ---- */

struct plan {
	const struct sung_line *line;
	const struct style_singer *manner;
	const struct spoken *spoken;
	struct bend bend;
	struct sung_span spans[TOKENS_MAX];
	int token_of[TOKENS_MAX * 64]; /* of each spoken frame, as far as it reaches */
	int n_token_of;
};

static int bent_init(struct bent *b, const struct plan *p)
{
	const struct sung_span *last = &p->spans[p->line->n_syllables - 1];
	b->t0 = p->spans[0].onset_start - BEFORE_S;
	b->n = (int)ceil((last->coda_end + AFTER_S - b->t0) / FRAME_S);
	size_t n = (size_t)b->n;
	b->text = calloc(n * TEXT_CHANNELS, sizeof *b->text);
	b->pitch = calloc(2 * n, sizeof *b->pitch);
	b->energy = calloc(2 * n, sizeof *b->energy);
	b->weights = calloc(n, sizeof *b->weights);
	return b->text && b->pitch && b->energy && b->weights;
}

static void bent_release(struct bent *b)
{
	free(b->text);
	free(b->pitch);
	free(b->energy);
	free(b->weights);
}

static void map_frames(struct plan *p)
{
	const struct spoken *s = p->spoken;
	int max = (int)(sizeof p->token_of / sizeof *p->token_of);
	for (int i = 0; i < s->tokens.n; i++)
		for (int k = 0; k < s->frames[i] && p->n_token_of < max; k++)
			p->token_of[p->n_token_of++] = i;
}

static int token_at(const struct plan *p, double spoken_s)
{
	int f = (int)floor(spoken_s / FRAME_S);
	return p->token_of[f < 0 ? 0 : f >= p->n_token_of ? p->n_token_of - 1 : f];
}

/* A frame's text features: those of the tokens it holds, by their share. They belong LEAD_S later than the sound, at speech's own pace. */
static void bend_text(const struct plan *p, struct bent *b)
{
	int n_tokens = p->spoken->tokens.n;
	for (int f = 0; f < b->n; f++) {
		for (int k = 0; k < SUB_SAMPLES; k++) {
			double t = b->t0 + (f + (k + 0.5) / SUB_SAMPLES) * FRAME_S;
			const float *from = p->spoken->text + token_at(p, bend_source(&p->bend, t - LEAD_S) + LEAD_S);
			for (int c = 0; c < TEXT_CHANNELS; c++)
				b->text[(size_t)c * (size_t)b->n + (size_t)f] += from[(size_t)c * (size_t)n_tokens] / SUB_SAMPLES;
		}
		double t = b->t0 + f * FRAME_S;
		b->weights[f] = (float)max_d(bend_source(&p->bend, t + FRAME_S) - bend_source(&p->bend, t), 1e-5);
	}
}

static float sample_at(const float *x, int n, double at)
{
	at = min_d(max_d(at - 0.5, 0), n - 1);
	int i = (int)at;
	float share = (float)(at - i);
	return x[i] + share * (x[i + 1 < n ? i + 1 : i] - x[i]);
}

static int in_vowel(const struct plan *p, double t, int *hint)
{
	int n = p->line->n_syllables;
	while (*hint + 1 < n && t >= p->spans[*hint + 1].onset_start)
		(*hint)++;
	return t >= p->spans[*hint].vowel_start && t < p->spans[*hint].vowel_end;
}

static void bend_prosody(const struct plan *p, struct bent *b)
{
	const struct spoken *s = p->spoken;
	int n_spoken = 2 * s->n_frames, n = 2 * b->n, hint = 0;
	double step = FRAME_S / 2;
	tune_curve(p->line, p->manner, b->t0, step, n, b->pitch);
	for (int i = 0; i < n; i++) {
		double t = b->t0 + (i + 0.5) * step;
		double from = bend_source(&p->bend, t);
		int nearest = (int)floor(from / step);
		float spoken = s->pitch[nearest < 0 ? 0 : nearest >= n_spoken ? n_spoken - 1 : nearest];
		if (!in_vowel(p, t, &hint) && spoken < VOICED_HZ)
			b->pitch[i] = spoken;
		b->energy[i] = sample_at(s->energy, n_spoken, from / step);
	}
}

/* ---- finishing the sound ---- */

/* One-pole smoothing is enough for gains; the fade of a rest begins where the coda ends and ends where the next onset begins. */
static void silence_rests(const struct plan *p, const struct bent *b, float *x, size_t n)
{
	const struct sung_line *line = p->line;
	for (int k = 0; k <= line->n_syllables; k++) {
		double from = k ? p->spans[k - 1].coda_end + 0.03 : b->t0;
		double to = k < line->n_syllables ? p->spans[k].onset_start - 0.03 : b->t0 + b->n * FRAME_S;
		if (k && k < line->n_syllables && to - from < REST_SILENT_S)
			continue;
		int fades_out = k > 0, fades_in = k < line->n_syllables;
		size_t a = (size_t)max_d((from - b->t0) * VOICE_RATE, 0), z = (size_t)max_d((to - b->t0) * VOICE_RATE, 0);
		double release = fades_out && !fades_in ? 0.12 : 0.05;
		for (size_t i = a; i < z && i < n; i++) {
			double out = fades_out ? (double)(i - a) / (release * VOICE_RATE) : 1;
			double in = fades_in ? (double)(z - i) / (FADE_S * VOICE_RATE) : 1;
			double gain = max_d(1 - out, 1 - in);
			x[i] *= gain > 0 ? (float)(gain * gain * (3 - 2 * gain)) : 0;
		}
	}
}

static double rms(const float *x, size_t a, size_t z)
{
	double sum = 0;
	for (size_t i = a; i < z; i++)
		sum += (double)x[i] * (double)x[i];
	return z > a ? sqrt(sum / (double)(z - a)) : 0;
}

/* Loudness of what is sung, without the rests; -70 for silence. */
static int line_loudness(const struct audio *a, double *ret, struct madrigal_error *err)
{
	double lufs, peak;
	int rc = audio_loudness(a, &lufs, &peak, err);
	if (rc)
		return rc;
	if (lufs <= -69) { /* shorter than a block of the measure */
		double level = rms(a->ch[0], 0, a->frames);
		lufs = level > 1e-6 ? 20 * log10(level) : -70;
	}
	*ret = lufs;
	return 0;
}

static int place(const struct plan *p, const struct bent *b, const float *x, struct audio *ret, struct madrigal_error *err)
{
	const struct sung_line *line = p->line;
	struct audio a;
	int rc = audio_init(&a, VOICE_RATE, 1, (size_t)llround((double)line->length_s * VOICE_RATE), err);
	if (rc)
		return rc;
	long from = lround(b->t0 * VOICE_RATE);
	size_t n = (size_t)b->n * VOICE_FRAME;
	for (size_t i = 0; i < n; i++) {
		long at = from + (long)i;
		if (at >= 0 && (size_t)at < a.frames)
			a.ch[0][at] = x[i];
	}
	double lufs;
	rc = line_loudness(&a, &lufs, err);
	if (rc) {
		audio_release(&a);
		return rc;
	}
	float gain = lufs > -69 ? (float)exp2((TARGET_LUFS - lufs) / 6.0206) : 0;
	for (size_t i = 0; i < a.frames; i++)
		a.ch[0][i] *= gain;
	*ret = a;
	return 0;
}

int voice_sing(struct voice *v, const struct singer *singer, const struct style_singer *manner, const struct sung_line *line,
               const cancel_flag *cancel, struct audio *ret, float *ret_start, float *ret_end, struct madrigal_error *err)
{
	struct spoken spoken;
	struct bent bent = { 0 };
	float *x = NULL;
	struct plan *p = calloc(1, sizeof *p);
	if (!p)
		return err_nomem(err);
	int rc = voice_speak(v, singer, line, cancel, &spoken, err);
	if (rc)
		goto out;
	p->line = line;
	p->manner = manner;
	p->spoken = &spoken;
	map_frames(p);
	bend_plan(line, &spoken.tokens, spoken.frames, &p->bend, p->spans);
	if (!bent_init(&bent, p)) {
		rc = err_nomem(err);
		goto out;
	}
	bend_text(p, &bent);
	bend_prosody(p, &bent);
	rc = voice_decode(v, &spoken, &bent, cancel, &x, err);
	if (rc)
		goto out;
	silence_rests(p, &bent, x, (size_t)bent.n * VOICE_FRAME);
	rc = place(p, &bent, x, ret, err);
	for (int i = 0; !rc && i < line->n_notes; i++) {
		if (ret_start)
			ret_start[i] = line->notes[i].start_s;
		if (ret_end)
			ret_end[i] = line->notes[i].end_s;
	}
out:
	spoken_release(&spoken);
	bent_release(&bent);
	free(x);
	free(p);
	return rc;
}
