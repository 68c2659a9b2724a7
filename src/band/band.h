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
/* The performance of a part: *ret_notes (free) in order of on_s. part: index in s->parts. */
int band_perform(const struct score *s, const struct brief *b, int part, struct played_note **ret_notes, int *ret_n, struct madrigal_error *err) MUST_CHECK;

struct stem {
	char name[32];
	enum part_role role;
	int style_part;       /* as score_part */
	struct audio audio;   /* stereo, AUDIO_RATE, as long as the song */
};

/* Paths of the SoundFonts by the names that styles use. */
struct soundfonts { const char *general, *black_pearl, *red_zeppelin; }; /* drum kits may be NULL: general is used */

/* Renders every part, one job each on `threads` threads. *ret_stems: s->n_parts stems, by stems_free. The same bits whatever the number of threads. */
int band_play(const struct score *s, const struct brief *b, const struct soundfonts *sf, int threads, pool_tick *tick, void *tick_ctx,
              cancel_flag *cancel, struct stem **ret_stems, struct madrigal_error *err) MUST_CHECK;
void stems_free(struct stem *stems, int n);

#endif
