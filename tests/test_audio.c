/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sndfile.h>

#include "audio/audio.h"
#include "base/buf.h"
#include "base/rng.h"

static struct audio sound(int rate, int channels, double seconds, double amplitude)
{
	struct audio a;
	assert_int_equal(audio_init(&a, rate, channels, (size_t)(rate * seconds), NULL), 0);
	struct rng r = rng_stream(5, "test", 0);
	for (size_t i = 0; i < a.frames; i++)
		for (int c = 0; c < channels; c++)
			a.ch[c][i] = (float)(amplitude * (0.8 * sin(2 * M_PI * (440 + 110 * c) * (double)i / rate) + 0.2 * (2 * (double)rng_unit(&r) - 1)));
	return a;
}

static void near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("got %g, wanted %g within %g", got, want, within);
}

/* ------------------------------------------------------------------ buffers, rates, loudness */

static void test_buffers(void **state)
{
	(void)state;
	struct audio a = { .rate = 1 };
	struct madrigal_error err;
	assert_int_equal(audio_init(&a, 48000, 2, AUDIO_MAX_FRAMES + 1, &err), MADRIGAL_EMEMORY);
	assert_int_equal(audio_init(&a, 48000, 3, 10, &err), MADRIGAL_EINTERNAL);
	assert_int_equal(a.rate, 1);
	assert_int_equal(audio_init(&a, 48000, 2, 0, &err), 0);
	audio_release(&a);
	audio_release(&a);
	audio_release(NULL);
}

static void test_resample(void **state)
{
	(void)state;
	struct audio a, b;
	assert_int_equal(audio_init(&a, 24000, 1, 24000, NULL), 0);
	for (size_t i = 0; i < a.frames; i++)
		a.ch[0][i] = (float)sin(2 * M_PI * 1000 * (double)i / 24000);
	const int rates[] = { 16000, 22050, 24000, 32000, 44100, 48000 };
	for (int k = 0; k < 6; k++) {
		assert_int_equal(audio_resample(&a, rates[k], &b, NULL), 0);
		assert_int_equal(b.frames, rates[k]);
		assert_int_equal(b.rate, rates[k]);
		for (size_t i = b.frames / 4; i < b.frames * 3 / 4; i++)
			near((double)b.ch[0][i], sin(2 * M_PI * 1000 * (double)i / rates[k]), 1e-4);
		audio_release(&b);
	}
	audio_release(&a);
	assert_int_equal(audio_init(&a, 48000, 2, 0, NULL), 0);
	assert_int_equal(audio_resample(&a, 44100, &b, NULL), 0);
	assert_int_equal(b.frames, 0);
	audio_release(&a);
	audio_release(&b);
}

static void test_loudness(void **state)
{
	(void)state;
	/* EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS is -23 LUFS. */
	struct audio a;
	assert_int_equal(audio_init(&a, 48000, 2, 48000 * 5, NULL), 0);
	for (size_t i = 0; i < a.frames; i++)
		a.ch[0][i] = a.ch[1][i] = (float)(pow(10, -23 / 20.0) * sin(2 * M_PI * 1000 * (double)i / 48000));
	double lufs, peak;
	assert_int_equal(audio_loudness(&a, &lufs, &peak, NULL), 0);
	near(lufs, -23, 0.1);
	near(peak, -23, 0.2);
	/* Case 15 and after: peaks between samples are found. */
	for (size_t i = 0; i < a.frames; i++)
		a.ch[0][i] = a.ch[1][i] = (float)(0.5 * sin(M_PI / 2 * (double)i + M_PI / 4));
	assert_int_equal(audio_loudness(&a, NULL, &peak, NULL), 0);
	near(peak, -6.02, 0.4);
	memset(a.ch[0], 0, a.frames * sizeof(float));
	memset(a.ch[1], 0, a.frames * sizeof(float));
	assert_int_equal(audio_loudness(&a, &lufs, &peak, NULL), 0);
	near(lufs, -70, 0);
	near(peak, -200, 0);
	a.frames = 7;
	assert_int_equal(audio_loudness(&a, &lufs, &peak, NULL), 0);
	near(lufs, -70, 0);
	a.frames = 0;
	assert_int_equal(audio_loudness(&a, &lufs, &peak, NULL), 0);
	audio_release(&a);
}

/* ------------------------------------------------------------------ MP3 */

static void *encoded(const struct audio *a, const struct encode_settings *s, size_t *len)
{
	void *data = NULL;
	struct madrigal_error err = { 0 };
	int rc = audio_encode(a, s, NULL, &data, len, &err);
	if (rc)
		fail_msg("%s", err.message);
	return data;
}

/* How far two sounds are apart, dB below the first. */
static double difference_db(const struct audio *a, const struct audio *b)
{
	double signal = 0, rest = 0;
	size_t n = a->frames < b->frames ? a->frames : b->frames;
	for (size_t i = 2000; i + 2000 < n; i++) {
		double x = (double)a->ch[0][i], y = (double)b->ch[0][i];
		signal += x * x;
		rest += (x - y) * (x - y);
	}
	return 10 * log10(rest / signal + 1e-20);
}

static void test_mp3_every_rate(void **state)
{
	(void)state;
	const int rates[] = { 16000, 22050, 24000, 32000, 44100, 48000 };
	int pairs = 0;
	for (int k = 0; k < 6; k++)
		for (int kbps = 8; kbps <= 320; kbps += 8) {
			if (!audio_mp3_bitrate_ok(rates[k], kbps * 1000) || kbps < 32)
				continue;
			pairs++;
			struct audio a = sound(rates[k], 2, 0.5, 0.5), b;
			struct encode_settings s = { .format = MADRIGAL_MP3, .bitrate = kbps * 1000 };
			size_t len;
			void *data = encoded(&a, &s, &len);
			near((double)len, 0.5 * kbps * 125, 0.2 * kbps * 125);
			assert_int_equal(audio_decode_mp3(data, len, &b, NULL), 0);
			assert_int_equal(b.rate, rates[k]);
			assert_int_equal(b.channels, 2);
			/* Gapless: neither delay nor padding is left. LAME has no room for their figures in the frames of the lowest bitrates. */
			if (kbps >= 64 || (rates[k] <= 16000 && kbps >= 40))
				assert_int_equal(b.frames, a.frames);
			else
				assert_in_range(b.frames, a.frames, a.frames + 3 * 1152);
			if (kbps >= 128)
				assert_true(difference_db(&a, &b) < -8);
			free(data);
			audio_release(&a);
			audio_release(&b);
		}
	assert_int_equal(pairs, 3 * 14 + 3 * 11);
	assert_false(audio_mp3_bitrate_ok(48000, 144000));
	assert_false(audio_mp3_bitrate_ok(16000, 320000));
	assert_false(audio_mp3_bitrate_ok(96000, 128000));
	struct audio a = sound(48000, 1, 0.2, 0.5), b;
	struct encode_settings s = { .format = MADRIGAL_MP3, .bitrate = 128000 };
	size_t len;
	void *data = encoded(&a, &s, &len);
	assert_int_equal(audio_decode_mp3(data, len, &b, NULL), 0);
	assert_int_equal(b.channels, 1);
	free(data);
	audio_release(&b);
	s.bitrate = 144000;
	assert_int_equal(audio_encode(&a, &s, NULL, &data, &len, NULL), MADRIGAL_EUSAGE);
	audio_release(&a);
}

static const unsigned char *frame_of(const unsigned char *tag, size_t size, const char *id, size_t *ret_len)
{
	for (size_t at = 10; at + 10 <= size;) {
		size_t len = (size_t)tag[at + 4] << 24 | (size_t)tag[at + 5] << 16 | (size_t)tag[at + 6] << 8 | tag[at + 7];
		assert_true(at + 10 + len <= size);
		assert_int_equal(tag[at + 8] | tag[at + 9], 0);
		if (!memcmp(tag + at, id, 4)) {
			*ret_len = len;
			return tag + at + 10;
		}
		at += 10 + len;
	}
	return NULL;
}

static void test_id3(void **state)
{
	(void)state;
	const struct lyric_stamp lines[] = { { 1.25, "Streetlights flicker" }, { 70.0004, "caf\xc3\xa9" }, { 71, "na\xc3\xafve" } };
	struct encode_settings s = { .format = MADRIGAL_MP3, .bitrate = 192000, .title = "\xe6\xad\x8c \xf0\x9f\x8e\xb5", .artist = "Madrigal", .comment = "seed 7",
		                     .lyrics = lines, .n_lyrics = 3, .bpm = 91.6, .key = "F#m" };
	struct audio a = sound(44100, 2, 0.3, 0.5);
	size_t len, n;
	unsigned char *data = encoded(&a, &s, &len);
	assert_memory_equal(data, "ID3\3\0\0", 6);
	size_t size = 10 + ((size_t)data[6] << 21 | (size_t)data[7] << 14 | (size_t)data[8] << 7 | data[9]);
	assert_true(data[size] == 0xff && (data[size + 1] & 0xe0) == 0xe0);
	const unsigned char *f = frame_of(data, size, "TIT2", &n);
	assert_int_equal(n, 11);
	assert_memory_equal(f, "\1\xff\xfe\x4c\x6b\x20\x00\x3c\xd8\xb5\xdf", 11);
	f = frame_of(data, size, "TBPM", &n);
	assert_int_equal(n, 3);
	assert_memory_equal(f, "\0" "92", 3);
	f = frame_of(data, size, "TKEY", &n);
	assert_memory_equal(f, "\0" "F#m", 4);
	f = frame_of(data, size, "COMM", &n);
	assert_memory_equal(f, "\0eng\0seed 7", 11);
	f = frame_of(data, size, "USLT", &n);
	assert_memory_equal(f, "\0eng\0Streetlights flicker\ncaf\xe9\nna\xefve", n);
	f = frame_of(data, size, "SYLT", &n);
	assert_memory_equal(f, "\0eng\2\1\0Streetlights flicker\0\0\0\x04\xe2" "caf\xe9\0\0\x01\x11\x70na\xefve\0\0\x01\x15\x58", n);
	/* The first frame tells LAME's delay and padding. */
	int info = 0;
	for (size_t i = size; i < size + 200; i++)
		info |= !memcmp(data + i, "Info", 4);
	assert_true(info);
	free(data);
	/* What is no UTF-8 does no harm. */
	s.title = "\xff\xc3 ok \xed\xa0\x80";
	data = encoded(&a, &s, &len);
	f = frame_of(data, 4000, "TIT2", &n);
	assert_memory_equal(f, "\1\xff\xfe\xfd\xff\xfd\xff", 7);
	free(data);
	/* Nothing to say: no tag. */
	s = (struct encode_settings){ .format = MADRIGAL_MP3, .bitrate = 192000 };
	data = encoded(&a, &s, &len);
	assert_int_equal(data[0], 0xff);
	free(data);
	audio_release(&a);
}

static void test_mp3_bad(void **state)
{
	(void)state;
	struct audio a = sound(44100, 2, 0.3, 0.5), b = { .rate = 1 };
	struct encode_settings s = { .format = MADRIGAL_MP3, .bitrate = 64000 };
	size_t len;
	unsigned char *data = encoded(&a, &s, &len);
	assert_true(audio_decode_mp3("not sound at all", 16, &b, NULL) < 0);
	assert_true(audio_decode_mp3(data, 0, &b, NULL) < 0);
	assert_int_equal(b.rate, 1);
	struct rng r = rng_stream(1, "damage", 0);
	for (int k = 0; k < 40; k++) { /* damaged: an error or sound, never worse */
		data[rng_below(&r, (uint32_t)len)] = (unsigned char)rng_u32(&r);
		if (!audio_decode_mp3(data, len, &b, NULL))
			audio_release(&b);
	}
	free(data);
	cancel_flag stop = 1;
	void *none = &s;
	for (int f = MADRIGAL_MP3; f <= MADRIGAL_PCM; f++) {
		s.format = (enum madrigal_format)f;
		assert_int_equal(audio_encode(&a, &s, &stop, &none, &len, NULL), MADRIGAL_ECANCELLED);
		assert_ptr_equal(none, &s);
	}
	audio_release(&a);
}

/* ------------------------------------------------------------------ WAV, FLAC, PCM */

struct bytes { const unsigned char *data; sf_count_t len, at; };
static sf_count_t length_of(void *u) { return ((struct bytes *)u)->len; }
static sf_count_t tell(void *u) { return ((struct bytes *)u)->at; }
static sf_count_t no_write(const void *p, sf_count_t n, void *u) { (void)p, (void)n, (void)u; return 0; }
static sf_count_t seek(sf_count_t o, int w, void *u)
{
	struct bytes *b = u;
	return b->at = (w == SEEK_CUR ? b->at : w == SEEK_END ? b->len : 0) + o;
}
static sf_count_t read_bytes(void *p, sf_count_t n, void *u)
{
	struct bytes *b = u;
	n = n < b->len - b->at ? n : b->len - b->at;
	memcpy(p, b->data + b->at, (size_t)n);
	b->at += n;
	return n;
}

static struct audio opened(const void *data, size_t len, SF_INFO *info, char *title, size_t size)
{
	SF_VIRTUAL_IO io = { length_of, seek, read_bytes, no_write, tell };
	struct bytes b = { data, (sf_count_t)len, 0 };
	*info = (SF_INFO){ 0 };
	SNDFILE *f = sf_open_virtual(&io, SFM_READ, info, &b);
	assert_non_null(f);
	struct audio a;
	assert_int_equal(audio_init(&a, info->samplerate, info->channels, (size_t)info->frames, NULL), 0);
	float x[2];
	for (size_t i = 0; i < a.frames; i++) {
		assert_int_equal(sf_readf_float(f, x, 1), 1);
		for (int c = 0; c < a.channels; c++)
			a.ch[c][i] = x[c];
	}
	const char *t = sf_get_string(f, SF_STR_TITLE);
	snprintf(title, size, "%s", t ? t : "");
	sf_close(f);
	return a;
}

static void test_lossless(void **state)
{
	(void)state;
	const int rates[] = { 16000, 22050, 24000, 32000, 44100, 48000 };
	const struct lyric_stamp line = { 0, "caf\xc3\xa9" };
	for (int k = 0; k < 18; k++) {
		int kind = k % 3; /* FLAC, WAV 16, WAV 24 */
		struct audio a = sound(rates[k / 3], 1 + (k / 3) % 2, 0.4, 0.9), b;
		struct encode_settings s = { .format = kind ? MADRIGAL_WAV : MADRIGAL_FLAC, .wav_bits = kind == 2 ? 24 : 16, .title = "Caf\xc3\xa9", .lyrics = &line,
			                     .n_lyrics = 1 };
		size_t len;
		SF_INFO info;
		char title[64];
		void *data = encoded(&a, &s, &len);
		b = opened(data, len, &info, title, sizeof title);
		assert_string_equal(title, "Caf\xc3\xa9");
		assert_int_equal(info.samplerate, a.rate);
		assert_int_equal(b.frames, a.frames);
		assert_int_equal(b.channels, a.channels);
		for (size_t i = 0; i < a.frames; i++)
			near((double)b.ch[0][i], (double)a.ch[0][i], kind == 2 ? 1e-7 : 4.7e-5);
		if (!kind)
			assert_non_null(memmem(data, len, "LYRICS=caf\xc3\xa9", 12));
		free(data);
		audio_release(&a);
		audio_release(&b);
	}
}

static void test_pcm(void **state)
{
	(void)state;
	struct audio a = sound(48000, 2, 0.1, 0.5);
	struct encode_settings s = { .format = MADRIGAL_PCM };
	a.ch[0][0] = 4, a.ch[1][0] = -4, a.ch[0][1] = NAN, a.ch[1][1] = 0;
	size_t len, again;
	unsigned char *data = encoded(&a, &s, &len), *same = encoded(&a, &s, &again);
	assert_int_equal(len, a.frames * 4);
	assert_memory_equal(data, same, len); /* dithered alike */
	assert_memory_equal(data, "\xff\x7f\x00\x80", 4);
	assert_true(data[4] <= 1 || data[4] == 0xff);
	assert_int_equal(data[6] | data[7], 0); /* silence stays silence */
	double mean = 0, bias = 0;
	for (size_t i = 2; i < a.frames; i++) {
		int v = (int16_t)(data[4 * i] | data[4 * i + 1] << 8);
		double e = v - (double)a.ch[0][i] * 32768;
		assert_true(fabs(e) <= 1.5);
		mean += e * e / (double)a.frames;
		bias += e / (double)a.frames;
	}
	near(mean, 0.25, 0.02); /* 1/12 of rounding and 1/6 of triangular dither */
	near(bias, 0, 0.03);
	free(data);
	free(same);
	a.frames = 0;
	assert_int_equal(audio_encode(&a, &s, NULL, (void **)&data, &len, NULL), MADRIGAL_EINTERNAL);
	audio_release(&a);
}

static void test_short_and_silent(void **state)
{
	(void)state;
	for (int f = MADRIGAL_MP3; f <= MADRIGAL_PCM; f++)
		for (size_t frames = 1; frames < 3000; frames += 1499) {
			struct audio a;
			assert_int_equal(audio_init(&a, 48000, 2, frames, NULL), 0);
			struct encode_settings s = { .format = (enum madrigal_format)f, .bitrate = 320000, .wav_bits = 16 };
			size_t len;
			void *data = encoded(&a, &s, &len);
			free(data);
			audio_release(&a);
		}
}

/* ------------------------------------------------------------------ encoding in parts */

/* Encodes in parts of uneven lengths; what had left after each part is still there, unchanged, at the end. */
static void encode_parts(const struct audio *a, const struct encode_settings *set, int rate, int channels, struct buf *ret, double *ret_lufs)
{
	struct audio_encoder *e;
	struct madrigal_error err = { 0 };
	assert_int_equal(audio_encoder_new(set, rate, channels, a->frames, &e, &err), 0);
	size_t sizes[] = { 70000, 1, 38400, 12345, 500000 };
	double peak;
	*ret = buf_init((size_t)1 << 28);
	for (size_t at = 0, k = 0, n; at < a->frames; at += n, k++) {
		n = a->frames - at < sizes[k % 5] ? a->frames - at : sizes[k % 5];
		struct audio part = { .rate = a->rate, .channels = 2, .frames = n, .ch = { a->ch[0] + at, a->ch[1] + at } };
		size_t before = ret->len;
		char *former = before ? malloc(before) : NULL;
		if (before)
			memcpy(former, ret->data, before);
		if (audio_encoder_add(e, &part, NULL, ret, &err))
			fail_msg("%s", err.message);
		if (before)
			assert_memory_equal(former, ret->data, before);
		free(former);
	}
	assert_true(ret->len > 0);
	assert_int_equal(audio_encoder_end(e, ret, ret_lufs, &peak, &err), 0);
	assert_true(isfinite(*ret_lufs) && isfinite(peak));
	audio_encoder_free(e);
}

static struct audio open_file(const void *data, size_t len, enum madrigal_format f, int rate, int channels)
{
	struct audio a = { 0 };
	if (f == MADRIGAL_MP3) {
		assert_int_equal(audio_decode_mp3(data, len, &a, NULL), 0);
	} else if (f == MADRIGAL_PCM) {
		const int16_t *x = data;
		assert_int_equal(audio_init(&a, rate, channels, len / 2 / (size_t)channels, NULL), 0);
		for (size_t i = 0; i < a.frames; i++)
			for (int c = 0; c < channels; c++)
				a.ch[c][i] = (float)*x++ / 32768;
	} else {
		SF_INFO info;
		char title[64];
		a = opened(data, len, &info, title, sizeof title);
		assert_string_equal(title, "Boats");
	}
	assert_int_equal(a.rate, rate);
	assert_int_equal(a.channels, channels);
	return a;
}

/* Encoded in parts, a sound is the same as encoded whole: length, samples, tags. */
static void test_parts(void **state)
{
	(void)state;
	struct lyric_stamp line = { 0.5, "Paper boats" };
	struct audio a = sound(48000, 2, 5.3, 0.4);
	static const struct { enum madrigal_format format; int rate, channels, bitrate; } cases[] = {
		{ MADRIGAL_PCM, 48000, 2, 0 }, { MADRIGAL_WAV, 48000, 2, 0 }, { MADRIGAL_FLAC, 48000, 2, 0 }, { MADRIGAL_MP3, 48000, 2, 128000 },
		{ MADRIGAL_WAV, 44100, 2, 0 }, { MADRIGAL_FLAC, 22050, 1, 0 }, { MADRIGAL_MP3, 44100, 2, 256000 }, { MADRIGAL_MP3, 22050, 1, 32000 },
		{ MADRIGAL_MP3, 16000, 2, 64000 }, { MADRIGAL_PCM, 32000, 1, 0 },
	};
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct encode_settings set = { .format = cases[k].format, .bitrate = cases[k].bitrate, .wav_bits = 16, .title = "Boats", .artist = "Somebody",
			                       .comment = "odd", .lyrics = &line, .n_lyrics = 1, .bpm = 90, .key = "Am" };
		int rate = cases[k].rate, channels = cases[k].channels;
		struct buf parts;
		double lufs, whole_lufs;
		encode_parts(&a, &set, rate, channels, &parts, &lufs);
		struct audio whole, mono = { 0 }, heard[2];
		assert_int_equal(audio_resample(&a, rate, &whole, NULL), 0);
		if (channels == 1) {
			assert_int_equal(audio_init(&mono, rate, 1, whole.frames, NULL), 0);
			for (size_t i = 0; i < whole.frames; i++)
				mono.ch[0][i] = (whole.ch[0][i] + whole.ch[1][i]) / 2;
			audio_release(&whole);
			whole = mono;
		}
		void *data;
		size_t len;
		assert_int_equal(audio_encode(&whole, &set, NULL, &data, &len, NULL), 0);
		assert_int_equal(audio_loudness(&whole, &whole_lufs, NULL, NULL), 0);
		near(lufs, whole_lufs, 0.02);
		heard[0] = open_file(parts.data, parts.len, set.format, rate, channels);
		heard[1] = open_file(data, len, set.format, rate, channels);
		assert_int_equal(heard[0].frames, heard[1].frames);
		for (int c = 0; c < channels; c++)
			for (size_t i = 0; i < heard[0].frames; i++)
				near((double)heard[0].ch[c][i], (double)heard[1].ch[c][i], rate == 48000 ? 1e-9 : set.format == MADRIGAL_MP3 ? 0.02 : 2e-4);
		if (set.format == MADRIGAL_MP3) /* as long to the byte, and so is what the first frame says */
			assert_true(parts.len + 2 > len && parts.len < len + 2);
		if (set.format != MADRIGAL_PCM)
			assert_non_null(memmem(parts.data, parts.len, "odd", 3));
		audio_release(&heard[0]);
		audio_release(&heard[1]);
		audio_release(&whole);
		free(data);
		buf_release(&parts);
	}
	audio_release(&a);
}

static void test_parts_keep_their_word(void **state)
{
	(void)state;
	struct audio a = sound(48000, 2, 1, 0.4);
	struct encode_settings set = { .format = MADRIGAL_WAV };
	struct audio_encoder *e;
	struct buf out = buf_init(1 << 24);
	double lufs, peak;
	assert_int_equal(audio_encoder_new(&set, 48000, 2, 2 * a.frames, &e, NULL), 0);
	assert_int_equal(audio_encoder_add(e, &a, NULL, &out, NULL), 0);
	assert_int_equal(audio_encoder_end(e, &out, &lufs, &peak, NULL), MADRIGAL_EINTERNAL);
	audio_encoder_free(e);
	assert_int_equal(audio_encoder_new(&set, 48000, 2, 0, &e, NULL), MADRIGAL_EINTERNAL);
	cancel_flag stop = 1;
	assert_int_equal(audio_encoder_new(&set, 48000, 2, a.frames, &e, NULL), 0);
	assert_int_equal(audio_encoder_add(e, &a, &stop, &out, NULL), MADRIGAL_ECANCELLED);
	audio_encoder_free(e);
	audio_encoder_free(NULL);
	buf_release(&out);
	audio_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffers), cmocka_unit_test(test_resample), cmocka_unit_test(test_loudness), cmocka_unit_test(test_mp3_every_rate),
		cmocka_unit_test(test_id3), cmocka_unit_test(test_mp3_bad), cmocka_unit_test(test_lossless), cmocka_unit_test(test_pcm),
		cmocka_unit_test(test_short_and_silent),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_parts_keep_their_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
