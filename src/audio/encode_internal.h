/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What encoding a whole sound and encoding in parts share. */
#ifndef AUDIO_ENCODE_INTERNAL_H
#define AUDIO_ENCODE_INTERNAL_H

#include <stdint.h>

#include <lame/lame.h>
#include <sndfile.h>

#include "audio/audio.h"
#include "base/rng.h"

#define MP3_FRAME 1152
#define INFO_FRAME_MAX 2880
#define MP3_BYTES_MAX (MP3_FRAME * 5 / 4 + 7200) /* that LAME may return for MP3_FRAME samples, or at the end */

struct quantiser {
	int bits;
	struct rng rng;
};
int32_t encode_quantise(struct quantiser *q, float x);
/* n frames from `at`, interleaved, left-aligned in 32 bits. */
void encode_interleave(struct quantiser *q, const struct audio *a, size_t at, size_t n, int *out);

/* A file in memory, for libsndfile. */
struct memory {
	unsigned char *data;
	size_t len, cap, at;
	size_t settled; /* what lies before this has left: writing there does nothing */
	int failed;
};
extern SF_VIRTUAL_IO encode_memory_io;

/* Set up for CBR; NULL if LAME refuses. By lame_close. */
lame_t encode_lame(int rate, int channels, const struct encode_settings *s);

#endif
