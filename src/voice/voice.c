/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network: opened, and asked. */
#include "voice/voice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "voice/model_cut.h"
#include "voice/sing.h"

#define SPEED 0.8f /* slower than talk: vowels are nearer to what a song needs, and words stay clear */
#define SLOWEST_RAP 0.7f
#define FASTEST_RAP 1.4f
#define PROSODY_CHANNELS 640
#define STYLE_ROWS 510
#define TOKEN_FRAMES_MAX 400
/* The network's energy below which nothing is heard any more: soft vowels have 4, true silence -9. What hisses or bursts goes on below: am_puck's t has no burst if it is cut off at 1. */
#define QUIET_ENERGY 1.0f
#define QUIET_OBSTRUENT -1.0f

int voice_open(const char *voice_dir, const char *runtime, struct voice **ret, struct madrigal_error *err)
{
	struct voice *v = calloc(1, sizeof *v);
	if (!v)
		return err_nomem(err);
	int rc = 0;
	if (snprintf(v->dir, sizeof v->dir, "%s", voice_dir) >= (int)sizeof v->dir)
		rc = err_set(err, MADRIGAL_EIO, "the path of the voice is too long");
	char path[1100];
	for (int i = 0; i < NETS && !rc; i++) {
		snprintf(path, sizeof path, "%s/%s", voice_dir, model_part_files[i]);
		if (access(path, R_OK))
			rc = err_set(err, MADRIGAL_EMISSING, "the voice is not installed (no %s): run `make voice`", path);
	}
	if (!rc)
		rc = ort_open(runtime, &v->ort, err);
	for (int i = 0; i < NETS && !rc; i++) {
		snprintf(path, sizeof path, "%s/%s", voice_dir, model_part_files[i]);
		rc = ort_net_open(v->ort, path, &v->nets[i], err);
	}
	if (rc) {
		voice_close(v);
		return rc;
	}
	*ret = v;
	return 0;
}

void voice_close(struct voice *v)
{
	if (!v)
		return;
	for (int i = 0; i < NETS; i++)
		ort_net_close(v->nets[i]);
	ort_close(v->ort);
	free(v);
}

/* A voice is a file of styles, one for each number of tokens. */
static int load_style(const struct voice *v, const struct singer *singer, int n_tokens, float *ret, struct madrigal_error *err)
{
	char path[1400];
	char *data;
	size_t len, row = STYLE_VALUES * sizeof *ret;
	snprintf(path, sizeof path, "%s/voices/%s.bin", v->dir, singer->name);
	if (file_read(path, row * STYLE_ROWS * 2, &data, &len, NULL) < 0)
		return err_set(err, MADRIGAL_EMISSING, "the singer %s is not installed (no %s): run `make voice`", singer->name, path);
	if (len < row * STYLE_ROWS) {
		free(data);
		return err_set(err, MADRIGAL_EMISSING, "the singer %s is damaged (%s): run `make voice`", singer->name, path);
	}
	int at = n_tokens < STYLE_ROWS ? n_tokens : STYLE_ROWS - 1;
	memcpy(ret, data + row * (size_t)at, row);
	free(data);
	return 0;
}

static int not_this_voice(struct madrigal_error *err)
{
	return err_set(err, MADRIGAL_EMISSING, "the installed voice is not the one expected: run `make voice`");
}

static struct ort_input style_input(const struct spoken *s)
{
	return (struct ort_input){ MODEL_STYLE, s->style, 0, { 1, STYLE_VALUES }, 2 };
}

/* Each token's prosody repeated over its frames -> pitch and energy. prosody: [tokens][640]. */
static int predict_pitch(struct voice *v, const float *prosody, const cancel_flag *cancel, struct spoken *s, struct madrigal_error *err)
{
	size_t frames = (size_t)s->n_frames;
	float *x = malloc(frames * PROSODY_CHANNELS * sizeof *x);
	if (!x)
		return err_nomem(err);
	size_t f = 0;
	for (int i = 0; i < s->tokens.n; i++)
		for (int k = 0; k < s->frames[i]; k++, f++)
			for (int c = 0; c < PROSODY_CHANNELS; c++)
				x[(size_t)c * frames + f] = prosody[(size_t)i * PROSODY_CHANNELS + (size_t)c];
	struct ort_input in[] = { { MODEL_PROSODY_FRAMES, x, 0, { 1, PROSODY_CHANNELS, (int64_t)frames }, 3 }, style_input(s) };
	struct ort_output out[] = { { .name = MODEL_PITCH }, { .name = MODEL_ENERGY } };
	int rc = ort_run(v->nets[NET_PROSODY], in, 2, out, 2, cancel, err);
	free(x);
	if (rc)
		return rc;
	s->pitch = out[0].data;
	s->energy = out[1].data;
	return out[0].n == 2 * frames && out[1].n == 2 * frames ? 0 : not_this_voice(err);
}

static int encode(struct voice *v, float speed, const cancel_flag *cancel, struct spoken *s, struct madrigal_error *err)
{
	int64_t ids[TOKENS_MAX];
	size_t n = (size_t)s->tokens.n;
	for (size_t i = 0; i < n; i++)
		ids[i] = s->tokens.t[i].id;
	struct ort_input in[] = { { MODEL_TOKENS, ids, 1, { 1, (int64_t)n }, 2 }, style_input(s), { MODEL_SPEED, &speed, 0, { 1 }, 1 } };
	struct ort_output out[] = { { .name = MODEL_FRAMES }, { .name = MODEL_TEXT }, { .name = MODEL_PROSODY } };
	int rc = ort_run(v->nets[NET_ENCODER], in, 3, out, 3, cancel, err);
	if (rc)
		return rc;
	s->text = out[1].data;
	s->n_frames = 0;
	if (out[0].n != n || out[1].n != n * TEXT_CHANNELS || out[2].n != n * PROSODY_CHANNELS)
		rc = not_this_voice(err);
	for (size_t i = 0; i < n && !rc; i++) {
		long f = lroundf(out[0].data[i]);
		s->frames[i] = (int)(f < 1 ? 1 : f > TOKEN_FRAMES_MAX ? TOKEN_FRAMES_MAX : f);
		s->n_frames += s->frames[i];
	}
	s->prosody = out[2].data;
	free(out[0].data);
	return rc;
}

/* The speed at which the line, spoken at speed 1 in s, lasts as long as its notes. */
static float rap_speed(const struct sung_line *line, const struct spoken *s)
{
	int frames = 0;
	for (int i = 0; i < s->tokens.n; i++)
		frames += s->tokens.t[i].syllable >= 0 ? s->frames[i] : 0;
	float sung = 0;
	for (int i = 0; i < line->n_notes; i++)
		sung += line->notes[i].end_s - line->notes[i].start_s;
	return fminf(fmaxf((float)(frames * FRAME_S) / sung, SLOWEST_RAP), FASTEST_RAP);
}

/* The network counts the silence after a line to its last sound, half a second of it: given to the line's end, so that this sound is not bent as if it were as long. */
static void end_with_sound(struct spoken *s)
{
	int end = s->tokens.n - 1, last = end, from = 0;
	while (last > 0 && s->tokens.t[last].syllable < 0)
		last--;
	for (int i = 0; i < last; i++)
		from += s->frames[i];
	int heard = 2 * (from + s->frames[last]), spare = 2 * (int)lround(OFFSET_LEAD_S / FRAME_S);
	float quiet = s->tokens.t[last].voiced ? QUIET_ENERGY : QUIET_OBSTRUENT;
	while (heard > 2 * from && s->energy[heard - 1] < quiet)
		heard--;
	int keep = (heard + spare + 1) / 2 - from;
	if (keep >= s->frames[last])
		return;
	s->frames[end] += s->frames[last] - keep;
	s->frames[last] = keep;
}

/* What was spoken before is forgotten. */
static int speak_at(struct voice *v, float speed, const cancel_flag *cancel, struct spoken *s, struct madrigal_error *err)
{
	spoken_release(s);
	int rc = encode(v, speed, cancel, s, err);
	if (!rc)
		rc = predict_pitch(v, s->prosody, cancel, s, err);
	if (!rc)
		end_with_sound(s);
	return rc;
}

int voice_speak(struct voice *v, const struct singer *singer, const struct sung_line *line, const cancel_flag *cancel, struct spoken *ret,
                struct madrigal_error *err)
{
	*ret = (struct spoken){ 0 };
	int rc = tokens_of_line(line, &ret->tokens, err);
	if (!rc)
		rc = load_style(v, singer, ret->tokens.n, ret->style, err);
	if (!rc)
		rc = speak_at(v, line->spoken ? 1 : SPEED, cancel, ret, err);
	if (!rc && line->spoken)
		rc = speak_at(v, rap_speed(line, ret), cancel, ret, err);
	return rc;
}

void spoken_release(struct spoken *s)
{
	free(s->prosody);
	s->prosody = NULL;
	free(s->text);
	free(s->pitch);
	free(s->energy);
	s->text = s->pitch = s->energy = NULL;
}

/* The frames' weights at the four resolutions, each with sum 1. Returns one block to free, or NULL. */
static float *spread_weights(const struct bent *b, float *ret[MODEL_WEIGHTS], size_t ret_n[MODEL_WEIGHTS])
{
	static const size_t per_frame[MODEL_WEIGHTS] = { 1, 2, 20, 120 };
	size_t n = (size_t)b->n, total = 0;
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)b->weights[i];
	for (int k = 0; k < MODEL_WEIGHTS; k++)
		total += ret_n[k] = n * per_frame[k] + (per_frame[k] == 120); /* the network pads its finest resolution by one */
	float *block = malloc(total * sizeof *block), *p = block;
	for (int k = 0; block && k < MODEL_WEIGHTS; k++) {
		ret[k] = p;
		for (size_t i = 0; i < ret_n[k]; i++) {
			size_t f = i / per_frame[k];
			*p++ = (float)((double)b->weights[f < n ? f : n - 1] / (sum * (double)per_frame[k]));
		}
	}
	return block;
}

int voice_decode(struct voice *v, const struct spoken *s, const struct bent *b, const cancel_flag *cancel, float **ret, struct madrigal_error *err)
{
	float *weights[MODEL_WEIGHTS];
	size_t n_weights[MODEL_WEIGHTS];
	float *block = spread_weights(b, weights, n_weights);
	if (!block)
		return err_nomem(err);
	struct ort_input in[4 + MODEL_WEIGHTS] = {
		{ MODEL_TEXT_FRAMES, b->text, 0, { 1, TEXT_CHANNELS, b->n }, 3 },
		{ MODEL_PITCH, b->pitch, 0, { 1, 2 * b->n }, 2 },
		{ MODEL_ENERGY, b->energy, 0, { 1, 2 * b->n }, 2 },
		style_input(s),
	};
	for (int k = 0; k < MODEL_WEIGHTS; k++)
		in[4 + k] = (struct ort_input){ model_weight_names[k], weights[k], 0, { (int64_t)n_weights[k], 1 }, 2 };
	struct ort_output out[] = { { .name = MODEL_AUDIO } };
	int rc = ort_run(v->nets[NET_DECODER], in, 4 + MODEL_WEIGHTS, out, 1, cancel, err);
	free(block);
	if (rc)
		return rc;
	if (out[0].n != (size_t)b->n * VOICE_FRAME) {
		free(out[0].data);
		return not_this_voice(err);
	}
	*ret = out[0].data;
	return 0;
}
