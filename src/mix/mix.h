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

/* ---- a song that leaves in parts, while it is still being sung ----
 *
 * The band's stems are whole, the voice is known from its first lines. A rehearsal, excerpts of the whole song with those lines in place of the ones not yet sung, is mixed first: it gives
 * every level, the balance, the tone and the gain. Then the song is mixed in order, a few seconds at a time, by the stages that mix_song uses; the loudness of what has left is
 * measured, and what is missing to the song's is made up for slowly, by at most half a decibel in a part. The same song comes out whenever and by however many threads its
 * lines are sung. It is not mix_song's to the bit: that one measures the whole song, and finds its gain by trial.
 */
struct mix_stream;
/* Takes the stems' and the tracks' buffers, as mix_song does. tracks: silent yet, as long as the song, their times HUGE_VAL; NULL or empty: an instrumental.
 * set->ceiling_dbtp is kept as measured by our own true-peak filter. cancel is looked at in every call. *ret by mix_stream_free. */
int mix_stream_new(const struct score *s, const struct brief *b, struct stem *stems, int n_stems, struct vocal_tracks *tracks, const struct mix_settings *set,
                   cancel_flag *cancel, struct mix_stream **ret, struct madrigal_error *err) MUST_CHECK;
/* Where the voice is laid: borrowed, at samples that were not yet wanted only. */
struct vocal_tracks *mix_stream_tracks(struct mix_stream *ms);
/* The song's length in samples. */
size_t mix_stream_frames(const struct mix_stream *ms);
/* stand_ins: tracks like the real ones, as long as the song; NULL for an instrumental. Consumed. To be called once, first. */
int mix_stream_rehearse(struct mix_stream *ms, struct vocal_tracks *stand_ins, struct madrigal_error *err) MUST_CHECK;
/* The samples that must be laid, from the song's start on, before the next part is mixed. */
size_t mix_stream_wants(const struct mix_stream *ms);
/* Mixes the next part: stereo, AUDIO_RATE, borrowed until the next call; frames == 0: the song is over. Parts follow each other without a gap, the song's length in all. */
int mix_stream_next(struct mix_stream *ms, const struct audio **ret, struct madrigal_error *err) MUST_CHECK;
/* After the last part: the stems, as mixdown has them (ret->master stays empty), and the times at which notes were sung (by vocal_tracks_release). */
void mix_stream_stems(struct mix_stream *ms, struct mixdown *ret, struct vocal_tracks *ret_times);
void mix_stream_free(struct mix_stream *ms);

#endif
