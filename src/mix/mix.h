/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mix/: stems -> a song. Channel strips by role (src/mix/roles.c: a table), sends, a voice in front, the band ducking slightly, a master bus, a limiter.
 *
 * A style whose ending is "fade" fades out in all stems over the last section, after the last word.
 *
 * The stems that come out are what the master bus hears: they add up to the mix before it, sample by sample. Their level is such that the
 * master bus adds no gain of its own, only its colour and its ceiling, so a musician who sums them hears the song. No stem exceeds full scale.
 */
#ifndef MIX_MIX_H
#define MIX_MIX_H

#include "band/band.h"
#include "style/brief.h"
#include "voice/voice.h"

struct mix_stem {
	char name[32];        /* "drums", ... as the band's, then "vocals" (the lead, dry), "double-vocals", "backing-vocals", "harmony-vocals", "vocal-effects" (plate and
	                       * echo), "effects" (the band's room and echo), each only if there is one */
	struct audio audio;   /* stereo, AUDIO_RATE */
};

struct mixdown {
	struct audio master;  /* stereo, AUDIO_RATE, -14 LUFS, true peak <= ceiling */
	struct mix_stem *stems; int n_stems;
	double lufs, true_peak_dbtp;
};

struct mix_settings {
	double loudness_lufs;    /* -14 */
	double ceiling_dbtp;     /* -1.0 for WAV and FLAC; lower for MP3, whose decoder overshoots: the engine measures and asks again */
	int threads;
};

/* Consumes the band's stems and the vocal tracks: takes their buffers, also when it fails (what is left of them, the vocals' times too, stays the caller's to
 * release). vocals may be NULL or empty: an instrumental. Never more than the stems, one master and two effects in memory. Needs of score: its duration, tempo,
 * seed, vocal notes; of brief: its style. *ret by mixdown_release. */
int mix_song(const struct score *s, const struct brief *b, struct stem *stems, int n_stems, struct vocal_tracks *vocals,
             const struct mix_settings *set, pool_tick *tick, void *tick_ctx, cancel_flag *cancel, struct mixdown *ret, struct madrigal_error *err) MUST_CHECK;
/* Masters again from m->stems with another ceiling (for MP3), replacing m->master, whose samples are undefined if it fails. The stems stay as they are. */
int mix_remaster(const struct brief *b, const struct mix_settings *set, struct mixdown *m, struct madrigal_error *err) MUST_CHECK;
void mixdown_release(struct mixdown *m);

#endif
