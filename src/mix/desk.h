/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What mix/'s files share: the desk with its channels while a song is being mixed. The stages, in order:
 *
 *   strip.c     each part through its channel strip, in place, at a level of its own
 *   vocal.c     the voices likewise: lead, doubles, backing, harmonies
 *   balance.c   faders from measured loudness
 *   effects.c   room and echo of the band, plate and echo of the voice: two more stems
 *   tone.c      a few broad bands for the band, so that the whole has the spectrum of a finished record
 *   master.c    the sum, the bus, the limiter
 *
 * Every channel's work depends on that channel alone, and sums are made in order of channel: the bits never depend on the number of threads.
 */
#ifndef MIX_DESK_H
#define MIX_DESK_H

#include "dsp/biquad.h"
#include "dsp/dyneq.h"
#include "mix/mix.h"
#include "mix/roles.h"

#define DESK_BLOCK 512
#define DESK_EFFECTS STRIP_ROLES /* a channel's role when it is a return */

struct channel {
	struct mix_stem *stem;    /* in desk.stems */
	int role;                 /* enum part_role, enum strip_role, or DESK_EFFECTS */
	int vocal;                /* 1: follows the lead's fader */
	struct style_strip fader; /* the style's, or neutral */
	float *energy;            /* K-weighted, by the tenth of a second, as dsp/loudness.h; owned */
	double gain;              /* fader, not yet applied to the stem */
};

struct desk {
	const struct score *score;
	const struct brief *brief;
	const struct style_mix *style;
	const struct vocal_tracks *vocals; /* times of the notes; NULL: none sung */
	cancel_flag *cancel;
	size_t frames, blocks;    /* samples; tenths of a second */
	struct mix_stem *stems; int n_stems;
	struct channel *channel;  /* n_stems: the band, then the voices, then the returns */
	int n_band;
	int lead, doubles, backing, harmony, vocal_effects, effects; /* indices; -1: none */
	unsigned char *singing;   /* by the tenth: 1 where the lead is heard; owned, `blocks` long */
	float *band;              /* energy of the band's sum by the tenth; owned */
	float *ride;              /* gain of the voices by the tenth: more where the band is full; owned */
	float *duck_db;           /* depth of the dip for the voice, 0..-1, by DYNEQ_STEP samples; owned */
	struct eq tone;           /* for the band and its effects */
};

/* Sets *a to exactly `frames` stereo samples: a mono sound is doubled, a shorter one goes on in silence. */
int desk_fit(struct audio *a, size_t frames, struct madrigal_error *err) MUST_CHECK;
/* Root mean square of the louder part of a sound (tenths within 15 dB of the loudest), dB; -120 for silence. right may be NULL. */
double desk_level_db(const float *left, const float *right, size_t n);
/* K-weighted energies of the stem into channel.energy. */
void desk_measure(struct desk *d, struct channel *c);

/* The equaliser of a role with a style's strip on top. */
struct eq strip_eq(const struct role_preset *p, const struct style_strip *fader);
int strip_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;

/* Moves the tracks' buffers into their stems: lead and backing mono still, doubles and harmonies left and right. */
int vocal_take(struct desk *d, struct vocal_tracks *t, struct madrigal_error *err) MUST_CHECK;
/* Their strips, in place; stereo afterwards. */
int vocal_lead_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;
int vocal_doubles_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;
int vocal_harmony_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;
int vocal_backing_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;

/* Faders of the band and of doubles, backing and harmonies against the lead; then the lead against all of it. */
void balance_band(struct desk *d);
void balance_vocals(struct desk *d);
/* Sets every vocal channel's gain so that the lead stands at the style's place before the rest while it sings. */
void balance_lead(struct desk *d);
/* Sets d->ride from what band and lead do against each other over some seconds. */
void balance_ride(struct desk *d);

int effects_band_run(struct desk *d, struct madrigal_error *err) MUST_CHECK;
int effects_vocal_run(struct desk *d, struct madrigal_error *err) MUST_CHECK;

/* Measures (scratch: two buffers of d->frames) and sets d->tone. */
int tone_fit(struct desk *d, float *scratch[2], struct madrigal_error *err) MUST_CHECK;
void duck_fit(struct desk *d);
/* Fader, tone and dip applied to a channel's stem: its gain is 1 afterwards. */
int channel_finish(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;

struct master_job {
	const struct style_mix *style;
	const struct mix_stem *stems; int n_stems;
	const struct mix_settings *settings;
	cancel_flag *cancel;
	struct audio out;         /* stereo, the stems' length; filled */
	double gain_db;           /* found: what the stems lack for the loudness asked for */
	double lufs, true_peak_dbtp;
};
/* Masters; finds gain_db by trial. */
int master_find(struct master_job *j, struct madrigal_error *err) MUST_CHECK;
/* Masters once with gain_db as it stands, and measures. */
int master_make(struct master_job *j, struct madrigal_error *err) MUST_CHECK;

#endif
