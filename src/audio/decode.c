/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <mpg123.h>

#include "audio/audio.h"

#define BLOCK 4608

struct source { const unsigned char *data; size_t len, at; };

static ssize_t source_read(void *handle, void *out, size_t n)
{
	struct source *s = handle;
	if (n > s->len - s->at)
		n = s->len - s->at;
	memcpy(out, s->data + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

static off_t source_seek(void *handle, off_t offset, int whence)
{
	struct source *s = handle;
	off_t base = whence == SEEK_CUR ? (off_t)s->at : whence == SEEK_END ? (off_t)s->len : 0;
	if (base + offset < 0 || base + offset > (off_t)s->len)
		return -1;
	s->at = (size_t)(base + offset);
	return (off_t)s->at;
}

/* Grows by halves: the length that a file claims is not believed. */
static int append(struct audio *a, size_t *cap, const float *x, size_t frames)
{
	if (a->frames + frames > AUDIO_MAX_FRAMES)
		return -1;
	if (a->frames + frames > *cap) {
		size_t grown = a->frames + frames + *cap / 2;
		for (int c = 0; c < a->channels; c++) {
			float *p = realloc(a->ch[c], (grown + 1) * sizeof *p);
			if (!p)
				return -1;
			a->ch[c] = p;
		}
		*cap = grown;
	}
	for (size_t i = 0; i < frames; i++)
		for (int c = 0; c < a->channels; c++)
			a->ch[c][a->frames + i] = *x++;
	a->frames += frames;
	return 0;
}

static int decode(mpg123_handle *mh, struct source *source, struct audio *ret)
{
	static const long rates[] = { 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000 };
	int ok = mpg123_param(mh, MPG123_ADD_FLAGS, MPG123_QUIET | MPG123_GAPLESS | MPG123_FORCE_FLOAT, 0) == MPG123_OK;
	ok = ok && mpg123_format_none(mh) == MPG123_OK;
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		ok = ok && mpg123_format(mh, rates[i], MPG123_MONO | MPG123_STEREO, MPG123_ENC_FLOAT_32) == MPG123_OK;
	ok = ok && mpg123_replace_reader_handle(mh, source_read, source_seek, NULL) == MPG123_OK && mpg123_open_handle(mh, source) == MPG123_OK;
	long rate;
	int channels, encoding;
	if (!ok || mpg123_getformat(mh, &rate, &channels, &encoding) != MPG123_OK || encoding != MPG123_ENC_FLOAT_32 || channels < 1 || channels > 2)
		return MADRIGAL_EINTERNAL;
	*ret = (struct audio){ .rate = (int)rate, .channels = channels };
	float block[BLOCK];
	size_t cap = 0, bytes = 0;
	int state = MPG123_OK;
	while (state == MPG123_OK) {
		state = mpg123_read(mh, (unsigned char *)block, sizeof block, &bytes);
		if (bytes && append(ret, &cap, block, bytes / sizeof *block / (size_t)channels) < 0)
			return MADRIGAL_EMEMORY;
	}
	return state == MPG123_DONE && ret->frames ? 0 : MADRIGAL_EINTERNAL;
}

int audio_decode_mp3(const void *data, size_t len, struct audio *ret, struct madrigal_error *err)
{
	struct source source = { data, len, 0 };
	struct audio out = { 0 };
	mpg123_handle *mh = mpg123_new(NULL, NULL);
	if (!mh)
		return err_set(err, MADRIGAL_EINTERNAL, "the MP3 decoder does not start");
	int rc = decode(mh, &source, &out);
	mpg123_delete(mh);
	if (rc < 0) {
		audio_release(&out);
		return rc == MADRIGAL_EMEMORY ? err_nomem(err) : err_set(err, rc, "this MP3 cannot be decoded");
	}
	*ret = out;
	return 0;
}
