/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sound in memory: planar float32, full scale +-1. */
#ifndef AUDIO_AUDIO_H
#define AUDIO_AUDIO_H

#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"

#define AUDIO_RATE 48000 /* inside, from band to master */
#define AUDIO_MAX_FRAMES ((size_t)AUDIO_RATE * 60 * 12)

struct audio {
	int rate;      /* Hz */
	int channels;  /* 1 or 2 */
	size_t frames;
	float *ch[2];  /* ch[0..channels-1], each `frames` long, owned */
};

/* Silence. MADRIGAL_EMEMORY if it can't be had, or frames > AUDIO_MAX_FRAMES. */
int audio_init(struct audio *a, int rate, int channels, size_t frames, struct madrigal_error *err) MUST_CHECK;
void audio_release(struct audio *a);

/* To another rate (soxr, very high quality); same length in seconds. *ret owned by the caller. */
int audio_resample(const struct audio *a, int rate, struct audio *ret, struct madrigal_error *err) MUST_CHECK;

/* ITU-R BS.1770-4 by libebur128: integrated loudness (LUFS; -70 for silence) and true peak (dBTP, 4x oversampled; -200 for silence). Either may be NULL: it is then
 * not measured. */
int audio_loudness(const struct audio *a, double *ret_lufs, double *ret_true_peak_dbtp, struct madrigal_error *err) MUST_CHECK;

struct lyric_stamp { double time_s; const char *text; }; /* a line's first note and its text */

struct encode_settings {
	enum madrigal_format format;
	int bitrate;               /* MP3 */
	int wav_bits;              /* 16 or 24 */
	const char *title, *artist, *comment; /* tags; may be NULL */
	const struct lyric_stamp *lyrics; int n_lyrics; /* USLT and SYLT in MP3, LYRICS in FLAC */
	double bpm; const char *key; /* ID3 TBPM, TKEY ("Am"); 0 and NULL: none */
};

/* Encodes to memory: MP3 (LAME, CBR, ID3v2.3), WAV, FLAC (16 bits), PCM (raw, signed 16 bits, little endian, interleaved), with TPDF dither (seeded: same bytes)
 * where 16 bits are made of it. *ret_data by free(). No frames: MADRIGAL_EINTERNAL. */
int audio_encode(const struct audio *a, const struct encode_settings *s, const cancel_flag *cancel, void **ret_data, size_t *ret_len,
                 struct madrigal_error *err) MUST_CHECK;

/* Decodes an MP3 that we made (to check its true peak). */
int audio_decode_mp3(const void *data, size_t len, struct audio *ret, struct madrigal_error *err) MUST_CHECK;

/* Whether MP3 has that bitrate at that sample rate (MPEG-1 and MPEG-2 tables). */
int audio_mp3_bitrate_ok(int sample_rate, int bitrate);

#endif
