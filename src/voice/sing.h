/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside voice/: the opened voice, and what its files share. */
#ifndef VOICE_SING_H
#define VOICE_SING_H

#include "voice/bend.h"
#include "voice/ort.h"
#include "voice/voice.h"

#define STYLE_VALUES 256
#define TEXT_CHANNELS 512
#define VOICE_FRAME 600 /* samples of a frame */

enum { NET_ENCODER, NET_PROSODY, NET_DECODER, NETS };

struct voice {
	struct ort *ort;
	struct ort_net *nets[NETS];
	char dir[1024];
};

/* A line as the network speaks it. */
struct spoken {
	struct token_line tokens;
	int frames[TOKENS_MAX]; /* of each token, >= 1 */
	int n_frames;
	float *text;            /* TEXT_CHANNELS x tokens.n */
	float *prosody;         /* 640 x tokens.n */
	float *pitch, *energy;  /* 2 n_frames each */
	float style[STYLE_VALUES];
};

/* Speaks the line (no sound: the features only), one to be rapped as fast as its notes are. spoken_release also after failure. */
int voice_speak(struct voice *v, const struct singer *singer, const struct sung_line *line, const cancel_flag *cancel, struct spoken *ret,
                struct madrigal_error *err) MUST_CHECK;
void spoken_release(struct spoken *s);

/* The bent features: what the decoder sings. n frames from second t0 of the line on. */
struct bent {
	double t0;
	int n;
	float *text;            /* TEXT_CHANNELS x n */
	float *pitch, *energy;  /* 2 n each */
	float *weights;         /* n: seconds of speech that each frame stands for */
};

/* Decodes to VOICE_FRAME * b->n samples, *ret owned by the caller (free). */
int voice_decode(struct voice *v, const struct spoken *s, const struct bent *b, const cancel_flag *cancel, float **ret, struct madrigal_error *err) MUST_CHECK;

#endif
