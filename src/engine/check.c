/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/check.h"

#include <stdio.h>
#include <string.h>

#include "audio/audio.h"
#include "words/text.h"

static const int sample_rates[] = { 16000, 22050, 24000, 32000, 44100, 48000 };
static const int bitrates[] = { 32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000, 144000, 160000, 192000, 224000, 256000, 320000 };

static int among(int value, const int *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == value)
			return 1;
	return 0;
}

/* The number of code points, or -1 if s is not UTF-8. */
static long code_points(const char *s)
{
	size_t left = strlen(s);
	long n = 0;
	for (; left > 0; n++) {
		unsigned c;
		int bytes = utf8_decode(s, left, &c);
		if (bytes <= 0)
			return -1;
		s += bytes;
		left -= (size_t)bytes;
	}
	return n;
}

static int text_check(const char *what, const char *s, long max, struct madrigal_error *err)
{
	if (!s)
		return 0;
	long n = code_points(s);
	if (n < 0)
		return err_set(err, MADRIGAL_EUSAGE, "the %s is not UTF-8 text", what);
	if (n > max)
		return err_set(err, MADRIGAL_EUSAGE, "the %s has %ld characters; the limit is %ld", what, n, max);
	return 0;
}

static int sound_check(const struct madrigal_request *req, struct madrigal_error *err)
{
	if (req->format < MADRIGAL_MP3 || req->format > MADRIGAL_PCM)
		return err_set(err, MADRIGAL_EUSAGE, "unknown audio format");
	if (!among(req->sample_rate, sample_rates, sizeof sample_rates / sizeof *sample_rates))
		return err_set(err, MADRIGAL_EUSAGE, "a sample rate of %d Hz is not offered; choose 16000, 22050, 24000, 32000, 44100 or 48000", req->sample_rate);
	if (req->channels != 1 && req->channels != 2)
		return err_set(err, MADRIGAL_EUSAGE, "%d channels are not offered; choose 1 or 2", req->channels);
	if (req->format != MADRIGAL_MP3)
		return 0;
	if (req->bitrate >= bitrates[0] && audio_mp3_bitrate_ok(req->sample_rate, req->bitrate))
		return 0;
	char list[256] = "";
	size_t len = 0;
	for (size_t i = 0; i < sizeof bitrates / sizeof *bitrates; i++)
		if (audio_mp3_bitrate_ok(req->sample_rate, bitrates[i]))
			len += (size_t)snprintf(list + len, sizeof list - len, "%s%d", len ? ", " : "", bitrates[i]);
	return err_set(err, MADRIGAL_EUSAGE, "MP3 at %d Hz has no bitrate of %d; choose one of %s", req->sample_rate, req->bitrate, list);
}

int request_check(const struct madrigal_request *req, struct madrigal_error *err)
{
	if (!req->out_dir && !req->out_file && !req->stream_file)
		return err_set(err, MADRIGAL_EUSAGE, "no output: name a folder or a file");
	if (req->score_only && !req->out_dir)
		return err_set(err, MADRIGAL_EUSAGE, "a score needs a folder to be written in");
	if (req->tempo_bpm != 0 && !(req->tempo_bpm >= 40 && req->tempo_bpm <= 240))
		return err_set(err, MADRIGAL_EUSAGE, "a tempo of %g is out of range: 40 to 240 beats a minute", req->tempo_bpm);
	if (req->duration_s != 0 && !(req->duration_s >= 10 && req->duration_s <= 300))
		return err_set(err, MADRIGAL_EUSAGE, "a length of %g s is out of range: 10 to 300 seconds", req->duration_s);
	if (req->candidates < 0 || req->candidates > 100000)
		return err_set(err, MADRIGAL_EUSAGE, "%d candidate scores are out of range: 1 to 100000", req->candidates);
	if (req->threads < 0 || req->threads > 256)
		return err_set(err, MADRIGAL_EUSAGE, "%d threads are out of range: 1 to 256", req->threads);
	int rc = text_check("prompt", req->prompt, PROMPT_MAX_CODE_POINTS, err);
	if (!rc)
		rc = text_check("title", req->title, TITLE_MAX_CODE_POINTS, err);
	return rc ? rc : sound_check(req, err);
}
