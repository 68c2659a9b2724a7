/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/text_bend.h"

#include <math.h>
#include <stdlib.h>

#define STOP_AFTER_S 0.03 /* a line's first p, t, k or ch begins so long after its onset (docs/voice.md), */
#define HISS_AFTER_S 0.05 /* its first f, s, th, sh or h so long */
#define HELD_S 0.12       /* a sung vowel longer than that is held: speech's are shorter */
#define CROSS_S 0.1       /* a held vowel's text features come in over so long a time (docs/voice.md) */
#define SUB_SAMPLES 5     /* of a frame, to tell how much of each token it holds */

int sung_plan_init(struct sung_plan *p, const struct sung_line *line, const struct style_singer *manner, const struct spoken *spoken, struct madrigal_error *err)
{
	p->line = line;
	p->manner = manner;
	p->spoken = spoken;
	p->token_of = calloc((size_t)spoken->n_frames, sizeof *p->token_of);
	if (!p->token_of)
		return err_nomem(err);
	for (int i = 0, f = 0; i < spoken->tokens.n; i++)
		for (int k = 0; k < spoken->frames[i]; k++)
			p->token_of[f++] = i;
	bend_plan(line, &spoken->tokens, spoken->frames, &p->bend, p->spans);
	return 0;
}

void sung_plan_release(struct sung_plan *p)
{
	free(p->token_of);
	p->token_of = NULL;
}

int sung_plan_token(const struct sung_plan *p, double spoken_s)
{
	int f = (int)floor(spoken_s / FRAME_S);
	return p->token_of[f < 0 ? 0 : f >= p->spoken->n_frames ? p->spoken->n_frames - 1 : f];
}

/* The token whose text features belong to second t of the sung line. They come later than the sound, at speech's own pace; only a voiceless first sound has no other before
 * it whose features it could begin with: with those of silence it begins with a vowel that isn't there. (With its own features before
 * its onset it is breathed, "hold" for "cold", "oh" for "so": the sound comes before its features.) */
static int text_token(const struct sung_plan *p, double t)
{
	int token = sung_plan_token(p, bend_source(&p->bend, t - LEAD_S) + LEAD_S);
	const struct token *first = &p->spoken->tokens.t[1];
	double begins = p->spans[0].onset_start + (first->stop ? STOP_AFTER_S : HISS_AFTER_S);
	return !token && first->voiceless && t >= begins ? 1 : token;
}

static int is_held(const struct sung_plan *p, const struct token *k)
{
	return !p->line->spoken && token_is_vowel(k) && p->spans[k->syllable].vowel_end - p->spans[k->syllable].vowel_start > HELD_S;
}

/* Adds `amount` of the text features that belong to second t of the sung line to frame f. A held vowel goes from its stress mark's to its own all the time that it lasts: from
 * speech, where a vowel has three or four frames, the network knows that soon after a step from one to the other the next consonant closes. */
static void add_text(const struct sung_plan *p, double t, float amount, struct bent *b, int f)
{
	const struct token_line *l = &p->spoken->tokens;
	int token = text_token(p, t), from = token, to = token;
	float share = 0;
	if (is_held(p, &l->t[token])) {
		const struct sung_span *s = &p->spans[l->t[token].syllable];
		share = (float)fmin(fmax((t - s->vowel_start - ONSET_LEAD_S) / (s->vowel_end - s->vowel_start + OFFSET_LEAD_S - ONSET_LEAD_S), 0), 1);
		from -= l->t[token].kind == TOKEN_NUCLEUS && l->t[token - 1].kind == TOKEN_STRESS;
		to += l->t[token].kind == TOKEN_STRESS && l->t[token + 1].kind == TOKEN_NUCLEUS;
	}
	const float *x = p->spoken->text + from, *y = p->spoken->text + to;
	for (int c = 0; c < TEXT_CHANNELS; c++, x += l->n, y += l->n)
		b->text[(size_t)c * (size_t)b->n + (size_t)f] += amount * (*x + share * (*y - *x));
}

/* Whether a held vowel's text features begin within CROSS_S about second t. */
static int in_crossing(const struct sung_plan *p, double t)
{
	const struct token *before = &p->spoken->tokens.t[text_token(p, t - CROSS_S / 2)], *after = &p->spoken->tokens.t[text_token(p, t + CROSS_S / 2)];
	return is_held(p, after) && !(token_is_vowel(before) && before->syllable == after->syllable);
}

/* A frame's text features: those of the tokens it holds, by their share. Where a held vowel begins they cross over, for the reason that add_text has. */
void text_bend(const struct sung_plan *p, struct bent *b)
{
	for (int f = 0; f < b->n; f++) {
		double t = b->t0 + f * FRAME_S, middle = t + FRAME_S / 2;
		double width = in_crossing(p, middle) ? CROSS_S : FRAME_S;
		int n = (int)lround(SUB_SAMPLES * width / FRAME_S);
		for (int k = 0; k < n; k++)
			add_text(p, middle + width * ((k + 0.5) / n - 0.5), 1.0f / (float)n, b, f);
		b->weights[f] = (float)fmax(bend_source(&p->bend, t + FRAME_S) - bend_source(&p->bend, t), 1e-5);
	}
}
