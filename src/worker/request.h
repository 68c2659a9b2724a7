/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a job's row holds: the song that is wanted, in the engine's terms, whatever API asked. serve/ writes it, worker/ reads it; both trust nothing: the parser checks.
 *
 *   {"lyrics": "...", "prompt": "...", "title": "...", "instrumental": false, "seed": 7, "duration_s": 0, "max_duration_s": 300, "format": "mp3", "sample_rate": 44100, "bitrate": 256000,
 *    "channels": 2, "stems": true, "stream": false,
 *    "style": "...", "voice": "...", "key": "...", "tempo_bpm": 0, "time_signature": "...",
 *    "reference": {"url": "https://..."} or {"upload": "<hash>"}, "reference_min_s": 15, "reference_max_s": 360, "reference_voice": {"upload": "<hash>"}}
 *
 * Left out is as in madrigal_request_default(); references are fetched, checked and listened to before the song is made. The singer is taken from reference_voice if it is there, all else from
 * reference.
 */
#ifndef WORKER_REQUEST_H
#define WORKER_REQUEST_H

#include <stdint.h>

#include "base/err.h"

struct song_request {
	char *lyrics, *prompt, *title, *style, *voice, *key, *time_signature; /* NULL if absent */
	int instrumental, stems, stream, channels;
	uint64_t seed;
	double duration_s, max_duration_s, tempo_bpm;
	char format[8];
	int sample_rate, bitrate;
	char *reference_url, *reference_upload, *reference_voice;
	double reference_min_s, reference_max_s;
};
struct song_request song_request_default(void);
/* Strict: unknown members are ignored (a newer serve may write them), wrong types and ranges are MADRIGAL_EUSAGE, null is as left out, at most SONG_REQUEST_MAX bytes.
 * *ret by song_request_release. */
#define SONG_REQUEST_MAX ((size_t)1 << 18)
int song_request_parse(const char *json, struct song_request *ret, struct madrigal_error *err) MUST_CHECK;
/* *ret_json (free): what differs from the default. */
int song_request_write(const struct song_request *r, char **ret_json, struct madrigal_error *err) MUST_CHECK;
void song_request_release(struct song_request *r);

#endif
