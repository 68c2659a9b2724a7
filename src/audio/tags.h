/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Title, lyrics and the like for MP3 (ID3v2.3.0, id3.org) and FLAC (Vorbis comments). */
#ifndef AUDIO_TAGS_H
#define AUDIO_TAGS_H

#include "audio/audio.h"
#include "base/buf.h"

#define TAGS_MAX_BYTES ((size_t)4 << 20)

/* Appends an ID3v2.3 tag: TIT2, TPE1, TBPM, TKEY, COMM, USLT, SYLT, each only if there is something to say. Text is Latin-1 if it fits, else UTF-16; what is not UTF-8
 * becomes U+FFFD. */
void tags_id3(const struct encode_settings *s, struct buf *out);

/* Appends `flac` (a whole FLAC file) with its Vorbis comment replaced by one with TITLE, ARTIST, COMMENT, BPM, KEY, LYRICS. MADRIGAL_EINTERNAL if it is no FLAC. */
int tags_flac(const struct encode_settings *s, const unsigned char *flac, size_t len, struct buf *out, struct madrigal_error *err) MUST_CHECK;

#endif
