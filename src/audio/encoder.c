/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encoding in parts. Whatever a format writes in front that only its end would tell is known from the length. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <soxr.h>

#include "audio/encode_internal.h"
#include "audio/tags.h"
#include "base/buf.h"

#define BLOCK 4096
#define FLUSH_SAMPLES 8192

struct audio_encoder {
	struct encode_settings set;
	int rate, channels;
	size_t frames, done;      /* at the result's rate: in all; encoded */
	int begun;
	soxr_t resampler;         /* NULL: none needed */
	struct audio_meter *meter;
	struct audio work;        /* owned: a part at the result's rate; `frames` is what is in it */
	size_t room;              /* of work */
	struct quantiser quantiser;
	lame_t lame;
	struct buf held;          /* MP3 before its first frame is known to be there */
	struct memory memory;     /* FLAC */
	SNDFILE *flac;
};

/* ------------------------------------------------------------------ MP3's first frame */

static unsigned be32(const unsigned char *p)
{
	return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

static void put_be32(unsigned char *p, unsigned v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* CRC-16 with the polynomial 0x8005, reflected, from 0. */
static unsigned crc16(const unsigned char *p, size_t n)
{
	unsigned crc = 0;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return crc;
}

/* Offsets in the Info frame from its four letters on (G. Bouvigne, "MP3 Info Tag rev 1 specifications"). */
enum { INFO_FRAMES = 8, INFO_BYTES = 12, INFO_TOC = 16, INFO_MUSIC_LENGTH = 148, INFO_MUSIC_CRC = 152, INFO_TAG_CRC = 154, INFO_END = 156 };

/* The Info frame of a short silence, which has the same delay and padding, told of the sound's true length. *ret_n 0: LAME writes none. */
static int info_frame(const struct audio_encoder *e, unsigned char *ret, size_t *ret_n, struct madrigal_error *err)
{
	static const float silence[MP3_FRAME];
	unsigned char bytes[MP3_BYTES_MAX];
	size_t samples = e->rate >= 32000 ? 1152 : 576, few = e->frames % samples + 4 * samples, n = 0;
	lame_t lame = encode_lame(e->rate, e->channels, &e->set);
	int got = lame ? 0 : -1;
	if (few > e->frames)
		few = e->frames;
	for (size_t at = 0; at < few && got >= 0; at += samples)
		got = lame_encode_buffer_ieee_float(lame, silence, silence, (int)(few - at < samples ? few - at : samples), bytes, sizeof bytes);
	if (got >= 0)
		got = lame_encode_flush(lame, bytes, sizeof bytes);
	if (got >= 0)
		n = lame_get_lametag_frame(lame, ret, INFO_FRAME_MAX);
	if (lame)
		lame_close(lame);
	if (got < 0)
		return err_set(err, MADRIGAL_EINTERNAL, "cannot encode MP3 (%d)", got);
	*ret_n = 0;
	if (!n)
		return 0; /* frames so small that they have no room for it */
	size_t o = 0;
	while (o + INFO_END <= n && memcmp(ret + o, "Info", 4) != 0)
		o++;
	if (n > INFO_FRAME_MAX || o + INFO_END > n)
		return err_set(err, MADRIGAL_EINTERNAL, "the MP3 encoder does not start");
	unsigned more = (unsigned)((e->frames - few) / samples);
	unsigned length = be32(ret + o + INFO_BYTES) + (unsigned)((uint64_t)more * samples * (unsigned)e->set.bitrate / 8 / (unsigned)e->rate);
	put_be32(ret + o + INFO_FRAMES, be32(ret + o + INFO_FRAMES) + more);
	put_be32(ret + o + INFO_BYTES, length);
	put_be32(ret + o + INFO_MUSIC_LENGTH, length);
	for (int i = 0; i < 100; i++)
		ret[o + INFO_TOC + (size_t)i] = (unsigned char)(i * 256 / 100);
	memset(ret + o + INFO_MUSIC_CRC, 0, 2);
	unsigned crc = crc16(ret, o + INFO_TAG_CRC);
	ret[o + INFO_TAG_CRC] = (unsigned char)(crc >> 8);
	ret[o + INFO_TAG_CRC + 1] = (unsigned char)crc;
	*ret_n = n;
	return 0;
}

static int mp3_out(struct audio_encoder *e, const unsigned char *bytes, int n, int last, struct buf *out, struct madrigal_error *err)
{
	if (n < 0)
		return err_set(err, MADRIGAL_EINTERNAL, "cannot encode MP3 (%d)", n);
	if (e->begun) {
		buf_add(out, bytes, (size_t)n);
		return 0;
	}
	/* LAME left room for one frame in front. */
	unsigned char info[INFO_FRAME_MAX];
	size_t len = 0;
	buf_add(&e->held, bytes, (size_t)n);
	if (e->held.len < INFO_FRAME_MAX && !last)
		return 0;
	int rc = info_frame(e, info, &len, err);
	if (rc)
		return rc;
	if (e->held.len < len)
		return err_set(err, MADRIGAL_EINTERNAL, "the MP3 encoder wrote too little");
	tags_id3(&e->set, out);
	buf_add(out, info, len);
	buf_add(out, e->held.data + len, e->held.len - len);
	buf_release(&e->held);
	e->begun = 1;
	return 0;
}

static int mp3_add(struct audio_encoder *e, struct buf *out, struct madrigal_error *err)
{
	static const float silence[MP3_FRAME];
	unsigned char bytes[MP3_BYTES_MAX];
	const struct audio *a = &e->work;
	int rc = 0;
	for (size_t at = 0; at < a->frames && !rc; at += MP3_FRAME) {
		size_t len = a->frames - at < MP3_FRAME ? a->frames - at : MP3_FRAME;
		int n = lame_encode_buffer_ieee_float(e->lame, a->ch[0] + at, e->channels == 2 ? a->ch[1] + at : silence, (int)len, bytes, sizeof bytes);
		rc = mp3_out(e, bytes, n, 0, out, err);
	}
	return rc;
}

/* ------------------------------------------------------------------ WAV and PCM */

static void le(struct buf *out, size_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_addc(out, (char)(v >> (8 * i) & 0xff));
}

static void list_text(struct buf *list, const char *id, const char *text)
{
	if (!text || !*text)
		return;
	size_t n = strlen(text) + 1;
	buf_add(list, id, 4);
	le(list, n, 4);
	buf_add(list, text, n);
	if (n & 1)
		buf_addc(list, 0);
}

static void wav_header(const struct audio_encoder *e, struct buf *out)
{
	struct buf list = buf_init(TAGS_MAX_BYTES);
	size_t frame = 2 * (size_t)e->channels, data = e->frames * frame;
	list_text(&list, "INAM", e->set.title);
	list_text(&list, "IART", e->set.artist);
	list_text(&list, "ICMT", e->set.comment);
	buf_add(out, "RIFF", 4);
	le(out, 4 + 24 + (list.len ? 12 + list.len : 0) + 8 + data, 4);
	buf_add(out, "WAVEfmt ", 8);
	le(out, 16, 4);
	le(out, 1, 2); /* PCM */
	le(out, (size_t)e->channels, 2);
	le(out, (size_t)e->rate, 4);
	le(out, (size_t)e->rate * frame, 4);
	le(out, frame, 2);
	le(out, 16, 2);
	if (list.len) {
		buf_add(out, "LIST", 4);
		le(out, 4 + list.len, 4);
		buf_add(out, "INFO", 4);
		buf_add(out, list.data, list.len);
	}
	buf_add(out, "data", 4);
	le(out, data, 4);
	if (list.failed)
		out->failed = list.failed;
	buf_release(&list);
}

static void pcm_add(struct audio_encoder *e, struct buf *out)
{
	if (!e->begun && e->set.format == MADRIGAL_WAV)
		wav_header(e, out);
	e->begun = 1;
	char bytes[BLOCK * 4];
	for (size_t at = 0; at < e->work.frames; at += BLOCK) {
		size_t len = e->work.frames - at < BLOCK ? e->work.frames - at : BLOCK, n = 0;
		for (size_t i = at; i < at + len; i++)
			for (int c = 0; c < e->channels; c++) {
				uint32_t v = (uint32_t)encode_quantise(&e->quantiser, e->work.ch[c][i]);
				bytes[n++] = (char)(v & 0xff);
				bytes[n++] = (char)(v >> 8 & 0xff);
			}
		buf_add(out, bytes, n);
	}
}

/* ------------------------------------------------------------------ FLAC */

#define STREAMINFO_SAMPLES 21 /* offset in the file: the low half of this byte and the four that follow */

static int flac_open(struct audio_encoder *e, struct madrigal_error *err)
{
	SF_INFO info = { .samplerate = e->rate, .channels = e->channels, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16 };
	e->flac = sf_open_virtual(&encode_memory_io, SFM_WRITE, &info, &e->memory);
	return e->flac ? 0 : err_set(err, MADRIGAL_EINTERNAL, "cannot encode: %s", sf_strerror(NULL));
}

/* What is new in memory. The first time that is the header, too, which gets its tags and the number of samples. */
static int flac_out(struct audio_encoder *e, struct buf *out, struct madrigal_error *err)
{
	struct memory *m = &e->memory;
	if (m->failed)
		return err_nomem(err);
	if (e->begun) {
		buf_add(out, m->data + m->settled, m->len - m->settled);
	} else {
		if (m->len < STREAMINFO_SAMPLES + 5)
			return err_set(err, MADRIGAL_EINTERNAL, "the FLAC encoder returned something else");
		m->data[STREAMINFO_SAMPLES] = (unsigned char)((m->data[STREAMINFO_SAMPLES] & 0xf0) | (unsigned char)((uint64_t)e->frames >> 32 & 0xf));
		put_be32(m->data + STREAMINFO_SAMPLES + 1, (unsigned)(e->frames & 0xffffffffu));
		int rc = tags_flac(&e->set, m->data, m->len, out, err);
		if (rc)
			return rc;
		e->begun = 1;
	}
	m->settled = m->len;
	return 0;
}

static int flac_add(struct audio_encoder *e, struct buf *out, struct madrigal_error *err)
{
	int block[BLOCK * 2];
	for (size_t at = 0; at < e->work.frames; at += BLOCK) {
		size_t n = e->work.frames - at < BLOCK ? e->work.frames - at : BLOCK;
		encode_interleave(&e->quantiser, &e->work, at, n, block);
		if (sf_writef_int(e->flac, block, (sf_count_t)n) != (sf_count_t)n)
			return err_set(err, MADRIGAL_EINTERNAL, "cannot encode: %s", sf_strerror(e->flac));
	}
	return flac_out(e, out, err);
}

/* ------------------------------------------------------------------ all */

int audio_encoder_new(const struct encode_settings *s, int rate, int channels, size_t frames, struct audio_encoder **ret, struct madrigal_error *err)
{
	struct audio_encoder *e = calloc(1, sizeof *e);
	if (!e)
		return err_nomem(err);
	*e = (struct audio_encoder){ .set = *s, .rate = rate, .channels = channels, .frames = (size_t)llround((double)frames * rate / AUDIO_RATE),
		                     .quantiser = { 16, rng_stream(0, "dither", 0) }, .held = buf_init(1 << 20) };
	int rc = e->frames ? 0 : err_set(err, MADRIGAL_EINTERNAL, "there is no sound to encode");
	if (!rc && s->format == MADRIGAL_MP3) {
		e->lame = audio_mp3_bitrate_ok(rate, s->bitrate) ? encode_lame(rate, channels, s) : NULL;
		rc = e->lame ? 0 : err_set(err, MADRIGAL_EINTERNAL, "the MP3 encoder does not start");
	}
	if (!rc && s->format == MADRIGAL_FLAC)
		rc = flac_open(e, err);
	if (!rc && rate != AUDIO_RATE) {
		soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
		soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_S, SOXR_FLOAT32_S);
		soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
		soxr_error_t failed;
		e->resampler = soxr_create(AUDIO_RATE, rate, 2, &failed, &io, &quality, &runtime);
		rc = failed ? err_set(err, MADRIGAL_EINTERNAL, "cannot resample to %d Hz: %s", rate, failed) : 0;
	}
	e->meter = audio_meter_new(rate, channels);
	if (!rc && !e->meter)
		rc = err_nomem(err);
	if (rc)
		audio_encoder_free(e);
	else
		*ret = e;
	return rc;
}

void audio_encoder_free(struct audio_encoder *e)
{
	if (!e)
		return;
	if (e->flac)
		sf_close(e->flac);
	if (e->lame)
		lame_close(e->lame);
	soxr_delete(e->resampler);
	audio_meter_free(e->meter);
	audio_release(&e->work);
	buf_release(&e->held);
	free(e->memory.data);
	free(e);
}

static int make_room(struct audio_encoder *e, size_t frames, struct madrigal_error *err)
{
	if (frames <= e->room)
		return 0;
	audio_release(&e->work);
	e->room = 0;
	int rc = audio_init(&e->work, e->rate, 2, frames, err);
	if (!rc)
		e->room = frames;
	return rc;
}

/* A part at the result's rate, into e->work. part NULL: what the resampler still holds back. */
static int resample(struct audio_encoder *e, const struct audio *part, struct madrigal_error *err)
{
	size_t in = part ? part->frames : 0, most = (size_t)((double)in * e->rate / AUDIO_RATE) + FLUSH_SAMPLES, used = 0, made = 0;
	int rc = make_room(e, most, err);
	if (rc)
		return rc;
	if (e->resampler) {
		soxr_cbuf_t from[2] = { part ? part->ch[0] : NULL, part ? part->ch[1] : NULL };
		soxr_buf_t to[2] = { e->work.ch[0], e->work.ch[1] };
		soxr_error_t failed = soxr_process(e->resampler, part ? (soxr_in_t)from : NULL, in, &used, (soxr_out_t)to, most, &made);
		if (failed || used < in)
			return err_set(err, MADRIGAL_EINTERNAL, "cannot resample: %s", failed ? failed : "a part is too long");
	} else if (part) {
		memcpy(e->work.ch[0], part->ch[0], in * sizeof(float));
		memcpy(e->work.ch[1], part->ch[1], in * sizeof(float));
		made = in;
	}
	e->work.frames = made < e->frames - e->done ? made : e->frames - e->done;
	return 0;
}

/* Encodes e->work. */
static int encode(struct audio_encoder *e, struct buf *out, struct madrigal_error *err)
{
	struct audio *a = &e->work;
	if (!a->frames)
		return 0;
	for (size_t i = 0; i < a->frames && e->channels == 1; i++)
		a->ch[0][i] = (a->ch[0][i] + a->ch[1][i]) / 2;
	a->channels = e->channels;
	e->done += a->frames;
	int rc = audio_meter_add(e->meter, a, err);
	if (rc)
		return rc;
	if (e->set.format == MADRIGAL_MP3)
		rc = mp3_add(e, out, err);
	else if (e->set.format == MADRIGAL_FLAC)
		rc = flac_add(e, out, err);
	else
		pcm_add(e, out);
	a->channels = 2;
	return rc ? rc : out->failed ? err_nomem(err) : 0;
}

int audio_encoder_add(struct audio_encoder *e, const struct audio *part, const cancel_flag *cancel, struct buf *out, struct madrigal_error *err)
{
	int rc = cancelled(cancel) ? err_set(err, MADRIGAL_ECANCELLED, "cancelled") : resample(e, part, err);
	return rc ? rc : encode(e, out, err);
}

int audio_encoder_end(struct audio_encoder *e, struct buf *out, double *ret_lufs, double *ret_true_peak_dbtp, struct madrigal_error *err)
{
	unsigned char bytes[MP3_BYTES_MAX];
	int rc = resample(e, NULL, err);
	if (!rc)
		rc = encode(e, out, err);
	/* A resampler may end a few samples early. */
	size_t missing = e->frames - e->done;
	if (!rc && missing > FLUSH_SAMPLES)
		return err_set(err, MADRIGAL_EINTERNAL, "%zu samples are missing", missing);
	if (!rc && missing) {
		memset(e->work.ch[0], 0, missing * sizeof(float));
		memset(e->work.ch[1], 0, missing * sizeof(float));
		e->work.frames = missing;
		rc = encode(e, out, err);
	}
	if (!rc && e->lame)
		rc = mp3_out(e, bytes, lame_encode_flush(e->lame, bytes, sizeof bytes), 1, out, err);
	if (!rc && e->flac) {
		sf_close(e->flac);
		e->flac = NULL;
		rc = flac_out(e, out, err);
	}
	if (!rc && out->failed)
		rc = err_nomem(err);
	return rc ? rc : audio_meter_end(e->meter, ret_lufs, ret_true_peak_dbtp, err);
}
