/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audio/encode_internal.h"
#include "audio/tags.h"

#define BLOCK 4096
#define MP3_QUALITY 3      /* LAME's scale: 0 best and slow .. 9 */

int audio_mp3_bitrate_ok(int sample_rate, int bitrate)
{
	static const int mpeg1[] = { 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320 };
	static const int mpeg2[] = { 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160 };
	int one = sample_rate == 32000 || sample_rate == 44100 || sample_rate == 48000;
	int two = sample_rate == 16000 || sample_rate == 22050 || sample_rate == 24000;
	for (int i = 0; i < 14 && (one || two); i++)
		if (bitrate == 1000 * (one ? mpeg1[i] : mpeg2[i]))
			return 1;
	return 0;
}

/* ------------------------------------------------------------------ quantising */

/* To an integer of `bits`; 16 bits with triangular dither of one step to each side, so that the error is noise, not distortion. Silence stays silence. */
int32_t encode_quantise(struct quantiser *q, float x)
{
	double full = q->bits == 16 ? 32768 : 8388608, v = isfinite(x) ? (double)x * full : 0;
	if (q->bits == 16) {
		uint32_t u = rng_u32(&q->rng);
		if (x != 0)
			v += ((double)(u >> 16) - (double)(u & 0xffff)) / 65536;
	}
	return (int32_t)lrint(fmin(fmax(v, -full), full - 1));
}

/* n frames from `at`, interleaved, left-aligned in 32 bits. */
void encode_interleave(struct quantiser *q, const struct audio *a, size_t at, size_t n, int *out)
{
	for (size_t i = 0; i < n; i++)
		for (int c = 0; c < a->channels; c++)
			*out++ = (int)((uint32_t)encode_quantise(q, a->ch[c][at + i]) << (32 - q->bits));
}

/* ------------------------------------------------------------------ WAV and FLAC: libsndfile into memory */

static sf_count_t memory_length(void *user)
{
	return (sf_count_t)((struct memory *)user)->len;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *user)
{
	struct memory *m = user;
	sf_count_t base = whence == SEEK_CUR ? (sf_count_t)m->at : whence == SEEK_END ? (sf_count_t)m->len : 0;
	if (base + offset < 0 || (size_t)(base + offset) > m->len)
		return -1;
	m->at = (size_t)(base + offset);
	return (sf_count_t)m->at;
}

static sf_count_t memory_read(void *ptr, sf_count_t count, void *user)
{
	struct memory *m = user;
	size_t n = (size_t)count < m->len - m->at ? (size_t)count : m->len - m->at;
	memcpy(ptr, m->data + m->at, n);
	m->at += n;
	return (sf_count_t)n;
}

static sf_count_t memory_write(const void *ptr, sf_count_t count, void *user)
{
	struct memory *m = user;
	size_t end = m->at + (size_t)count;
	if (m->at < m->settled) {
		m->at = end;
		return count;
	}
	if (end > m->cap) {
		size_t cap = end + end / 2;
		unsigned char *p = realloc(m->data, cap);
		if (!p) {
			m->failed = 1;
			return 0;
		}
		m->data = p;
		m->cap = cap;
	}
	memcpy(m->data + m->at, ptr, (size_t)count);
	m->at = end;
	if (end > m->len)
		m->len = end;
	return count;
}

static sf_count_t memory_tell(void *user)
{
	return (sf_count_t)((struct memory *)user)->at;
}

SF_VIRTUAL_IO encode_memory_io = { memory_length, memory_seek, memory_read, memory_write, memory_tell };

static int write_frames(SNDFILE *f, struct quantiser *q, const struct audio *a, const cancel_flag *cancel, struct madrigal_error *err)
{
	int block[BLOCK * 2];
	for (size_t at = 0; at < a->frames; at += BLOCK) {
		size_t n = a->frames - at < BLOCK ? a->frames - at : BLOCK;
		if (cancelled(cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		encode_interleave(q, a, at, n, block);
		if (sf_writef_int(f, block, (sf_count_t)n) != (sf_count_t)n)
			return err_set(err, MADRIGAL_EINTERNAL, "cannot encode: %s", sf_strerror(f));
	}
	return 0;
}

static int encode_sndfile(const struct audio *a, const struct encode_settings *s, const cancel_flag *cancel, struct memory *m, struct madrigal_error *err)
{
	struct quantiser q = { s->format == MADRIGAL_FLAC || s->wav_bits != 24 ? 16 : 24, rng_stream(0, "dither", 0) };
	SF_INFO info = { .samplerate = a->rate, .channels = a->channels };
	info.format = s->format == MADRIGAL_FLAC ? SF_FORMAT_FLAC | SF_FORMAT_PCM_16 : SF_FORMAT_WAV | (q.bits == 24 ? SF_FORMAT_PCM_24 : SF_FORMAT_PCM_16);
	SNDFILE *f = sf_open_virtual(&encode_memory_io, SFM_WRITE, &info, m);
	if (!f)
		return err_set(err, MADRIGAL_EINTERNAL, "cannot encode: %s", sf_strerror(NULL));
	if (s->format == MADRIGAL_WAV) {
		/* A tag that can't be written is no reason to have no song. */
		if (s->title)
			sf_set_string(f, SF_STR_TITLE, s->title);
		if (s->artist)
			sf_set_string(f, SF_STR_ARTIST, s->artist);
		if (s->comment)
			sf_set_string(f, SF_STR_COMMENT, s->comment);
	}
	int rc = write_frames(f, &q, a, cancel, err);
	sf_close(f);
	if (!rc && m->failed)
		rc = err_nomem(err);
	return rc;
}

/* ------------------------------------------------------------------ PCM */

static int encode_pcm(const struct audio *a, const cancel_flag *cancel, struct memory *m, struct madrigal_error *err)
{
	struct quantiser q = { 16, rng_stream(0, "dither", 0) };
	m->len = m->cap = a->frames * (size_t)a->channels * 2;
	m->data = malloc(m->len + 1);
	if (!m->data)
		return err_nomem(err);
	unsigned char *out = m->data;
	for (size_t i = 0; i < a->frames; i++) {
		if (i % BLOCK == 0 && cancelled(cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		for (int c = 0; c < a->channels; c++) {
			uint32_t v = (uint32_t)encode_quantise(&q, a->ch[c][i]);
			*out++ = (unsigned char)(v & 0xff);
			*out++ = (unsigned char)(v >> 8 & 0xff);
		}
	}
	return 0;
}

/* ------------------------------------------------------------------ MP3 */

static void quiet(const char *format, va_list args)
{
	(void)format;
	(void)args;
}

lame_t encode_lame(int rate, int channels, const struct encode_settings *s)
{
	lame_t lame = lame_init();
	if (!lame)
		return NULL;
	lame_set_errorf(lame, quiet);
	lame_set_debugf(lame, quiet);
	lame_set_msgf(lame, quiet);
	lame_set_in_samplerate(lame, rate);
	lame_set_out_samplerate(lame, rate);
	lame_set_num_channels(lame, channels);
	lame_set_mode(lame, channels == 1 ? MONO : JOINT_STEREO);
	lame_set_VBR(lame, vbr_off);
	lame_set_brate(lame, s->bitrate / 1000);
	lame_set_quality(lame, MP3_QUALITY);
	lame_set_write_id3tag_automatic(lame, 0);
	lame_set_bWriteVbrTag(lame, 1);
	if (lame_init_params(lame) < 0) {
		lame_close(lame);
		return NULL;
	}
	return lame;
}

static int mp3_frames(lame_t lame, const struct audio *a, const cancel_flag *cancel, struct buf *out, struct madrigal_error *err)
{
	static const float silence[MP3_FRAME];
	unsigned char frame[MP3_FRAME * 5 / 4 + 7200];
	int n = 0;
	for (size_t at = 0; at < a->frames && n >= 0; at += MP3_FRAME) {
		size_t len = a->frames - at < MP3_FRAME ? a->frames - at : MP3_FRAME;
		if (cancelled(cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		n = lame_encode_buffer_ieee_float(lame, a->ch[0] + at, a->channels == 2 ? a->ch[1] + at : silence, (int)len, frame, sizeof frame);
		if (n > 0)
			buf_add(out, frame, (size_t)n);
	}
	if (n >= 0)
		n = lame_encode_flush(lame, frame, sizeof frame);
	if (n < 0)
		return err_set(err, MADRIGAL_EINTERNAL, "cannot encode MP3 (%d)", n);
	buf_add(out, frame, (size_t)n);
	return out->failed ? err_nomem(err) : 0;
}

static int encode_mp3(const struct audio *a, const struct encode_settings *s, const cancel_flag *cancel, struct memory *m, struct madrigal_error *err)
{
	if (!audio_mp3_bitrate_ok(a->rate, s->bitrate))
		return err_set(err, MADRIGAL_EUSAGE, "MP3 at %d Hz has no bitrate of %d", a->rate, s->bitrate);
	lame_t lame = encode_lame(a->rate, a->channels, s);
	if (!lame)
		return err_set(err, MADRIGAL_EINTERNAL, "the MP3 encoder does not start");
	struct buf out = buf_init(TAGS_MAX_BYTES + a->frames * 2 + 65536 + (size_t)(s->bitrate / 8) * (a->frames / (size_t)a->rate + 2));
	tags_id3(s, &out);
	size_t first = out.len;
	int rc = mp3_frames(lame, a, cancel, &out, err);
	if (!rc) {
		/* The encoder left room for one frame in front: now it knows what goes there (length, delay and padding). */
		unsigned char info[INFO_FRAME_MAX];
		size_t n = lame_get_lametag_frame(lame, info, sizeof info);
		if (n > 0 && n <= sizeof info && first + n <= out.len)
			memcpy(out.data + first, info, n);
		*m = (struct memory){ .data = (unsigned char *)out.data, .len = out.len };
		out.data = NULL;
	}
	lame_close(lame);
	buf_release(&out);
	return rc;
}

/* ------------------------------------------------------------------ all */

static int encode_flac(const struct audio *a, const struct encode_settings *s, const cancel_flag *cancel, struct memory *m, struct madrigal_error *err)
{
	int rc = encode_sndfile(a, s, cancel, m, err);
	if (rc < 0)
		return rc;
	struct buf out = buf_init(m->len + 2 * TAGS_MAX_BYTES);
	rc = tags_flac(s, m->data, m->len, &out, err);
	free(m->data);
	*m = (struct memory){ .data = (unsigned char *)out.data, .len = out.len };
	if (rc < 0) {
		buf_release(&out);
		*m = (struct memory){ 0 };
	}
	return rc;
}

int audio_encode(const struct audio *a, const struct encode_settings *s, const cancel_flag *cancel, void **ret_data, size_t *ret_len,
                 struct madrigal_error *err)
{
	struct memory m = { 0 };
	int rc;
	if (!a->frames)
		return err_set(err, MADRIGAL_EINTERNAL, "there is no sound to encode");
	switch (s->format) {
	case MADRIGAL_MP3:
		rc = encode_mp3(a, s, cancel, &m, err);
		break;
	case MADRIGAL_FLAC:
		rc = encode_flac(a, s, cancel, &m, err);
		break;
	case MADRIGAL_WAV:
		rc = encode_sndfile(a, s, cancel, &m, err);
		break;
	case MADRIGAL_PCM:
		rc = encode_pcm(a, cancel, &m, err);
		break;
	default:
		rc = err_set(err, MADRIGAL_EUSAGE, "no such format");
	}
	if (rc < 0) {
		free(m.data);
		return rc;
	}
	*ret_data = m.data;
	*ret_len = m.len;
	return 0;
}
