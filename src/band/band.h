/* SPDX-License-Identifier: GPL-3.0-or-later */
/* band/: the score's parts, played by FluidSynth, a stem each: humanised in time and loudness by the style, swung, strummed. */
#ifndef BAND_BAND_H
#define BAND_BAND_H

#include "audio/audio.h"
#include "score/score.h"
#include "style/brief.h"

/* One played note: what a human does to a written one. */
struct played_note {
	double on_s, off_s;   /* seconds from the start of the audio */
	uint8_t midi, velocity;
};
/* The performance of a part: *ret_notes (free) in order of on_s; no key sounds twice at a time, none begins before 0. part: index in s->parts. b may be NULL: straight,
 * and each role's usual manner, as for parts that no style knows. What a note gets depends on the seed, the part's name, its place and pitch only, so a changed
 * bar leaves the others as they were; the slow drift follows Hennig et al. 2011 (perform.c). */
int band_perform(const struct score *s, const struct brief *b, int part, struct played_note **ret_notes, int *ret_n, struct madrigal_error *err) MUST_CHECK;

struct stem {
	char name[32];
	enum part_role role;
	int style_part;       /* as score_part */
	struct audio audio;   /* stereo, AUDIO_RATE, as long as the song */
};

/* Paths of the SoundFonts by the names that styles use. */
struct soundfonts { const char *general, *black_pearl, *red_zeppelin; }; /* drum kits may be NULL: general is used */

/* Renders every part, one job each on `threads` threads. *ret_stems: s->n_parts stems in order, by stems_free. The same bits whatever the number of threads. Instruments'
 * level_db is applied; reverb and chorus are off; the last 20 ms are faded. Takes about 92 MB for each part of four minutes, and what its samples need (30 to 140 MB
 * at a time). MADRIGAL_EMISSING, with the command that installs it, if a SoundFont is not there. Silences FluidSynth's log for the whole process. */
int band_play(const struct score *s, const struct brief *b, const struct soundfonts *sf, int threads, pool_tick *tick, void *tick_ctx,
              cancel_flag *cancel, struct stem **ret_stems, struct madrigal_error *err) MUST_CHECK;
void stems_free(struct stem *stems, int n);

/* The same part by part, for who plays beside other work. What is given is borrowed. *ret by band_free. */
struct band;
int band_new(const struct score *s, const struct brief *b, const struct soundfonts *sf, const cancel_flag *cancel, struct band **ret,
             struct madrigal_error *err) MUST_CHECK;
void band_free(struct band *b);
/* Job 0..n_parts-1, the longest first. Different jobs may run on different threads. */
int band_play_job(struct band *b, int job, struct madrigal_error *err) MUST_CHECK;
/* The stems, once all is played: the caller's now. */
struct stem *band_take_stems(struct band *b);

#endif
