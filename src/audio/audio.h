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

/* The same in parts. */
struct audio_meter;
struct audio_meter *audio_meter_new(int rate, int channels); /* NULL: no memory. By audio_meter_free. */
void audio_meter_free(struct audio_meter *m);
int audio_meter_add(struct audio_meter *m, const struct audio *a, struct madrigal_error *err) MUST_CHECK;
int audio_meter_end(struct audio_meter *m, double *ret_lufs, double *ret_true_peak_dbtp, struct madrigal_error *err) MUST_CHECK;

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

/* The same in parts, for who listens while the sound is still being made: what has been appended to `out` never changes again. So a WAV's header knows the length from the
 * start; so does a FLAC's, which has no checksum of the whole (its MD5 is 0: none); so does an MP3's first frame. */
struct buf;
struct audio_encoder;
/* frames: of all parts, at AUDIO_RATE. rate, channels: of the result; one channel is the mean of both. s is copied but for its strings, which are needed until the first part. *ret by
 * audio_encoder_free. */
int audio_encoder_new(const struct encode_settings *s, int rate, int channels, size_t frames, struct audio_encoder **ret, struct madrigal_error *err) MUST_CHECK;
void audio_encoder_free(struct audio_encoder *e);
/* The next part: stereo, AUDIO_RATE. */
int audio_encoder_add(struct audio_encoder *e, const struct audio *part, const cancel_flag *cancel, struct buf *out, struct madrigal_error *err) MUST_CHECK;
/* After the last: the rest, and the figures (as audio_loudness) of what went into the encoder. MADRIGAL_EINTERNAL if the parts were not as long as was said. */
int audio_encoder_end(struct audio_encoder *e, struct buf *out, double *ret_lufs, double *ret_true_peak_dbtp, struct madrigal_error *err) MUST_CHECK;

/* Decodes an MP3 that we made (to check its true peak). */
int audio_decode_mp3(const void *data, size_t len, struct audio *ret, struct madrigal_error *err) MUST_CHECK;

/* Whether MP3 has that bitrate at that sample rate (MPEG-1 and MPEG-2 tables). */
int audio_mp3_bitrate_ok(int sample_rate, int bitrate);

#endif
