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
 * Each stage measures, then runs. What it measured stays in the desk, and what it remembers from sample to sample is a struct of its own (struct strip, voice_run,
 * ...), so that stream.c can take the measures of a rehearsal and run the stages on a song that comes in parts. Parts begin at multiples of DESK_BLOCK and of
 * DESK_TENTH; cut where they may, the bits are those of one part.
 *
 * Every channel's work depends on that channel alone, and sums are made in order of channel: the bits never depend on the number of threads.
 */
#ifndef MIX_DESK_H
#define MIX_DESK_H

#include "dsp/amp.h"
#include "dsp/biquad.h"
#include "dsp/delay.h"
#include "dsp/dynamics.h"
#include "dsp/dyneq.h"
#include "dsp/exciter.h"
#include "dsp/limiter.h"
#include "dsp/reverb.h"
#include "dsp/saturate.h"
#include "dsp/stereo.h"
#include "mix/mix.h"
#include "mix/roles.h"

#define DESK_BLOCK 512
#define DESK_TENTH (AUDIO_RATE / 10)
#define WORK_DB (-20.0)                     /* the level at which strips work */
#define VOCAL_CEILING_DB (WORK_DB + 12)     /* the lead's highest peaks: louder ones would cost the whole song loudness */
#define DESK_EFFECTS STRIP_ROLES /* a channel's role when it is a return */

struct channel {
	struct mix_stem *stem;    /* in desk.stems */
	int role;                 /* enum part_role, enum strip_role, or DESK_EFFECTS */
	int vocal;                /* 1: follows the lead's fader */
	struct style_strip fader; /* the style's, or neutral */
	float *energy;            /* K-weighted, by the tenth of a second, as dsp/loudness.h; owned */
	double gain;              /* fader, not yet applied to the stem */
	double send_gain, total_gain; /* what it was for the returns, and in the end */
	/* Measured: */
	double level_db[2];       /* of the stem as it came; of a voice's two sides each */
	double mean_lufs[2];      /* of a voice behind its equaliser */
	double mononess;
	struct eq weighting;      /* of desk_measure_on */
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
	float *others;            /* likewise of all but the lead; owned */
	float *ride;              /* gain of the voices by the tenth: more where the band is full; owned */
	float *duck_db;           /* depth of the dip for the voice, 0..-1, by DYNEQ_STEP samples; owned */
	struct eq tone;           /* for the band and its effects; after a reference for the voices too */
	double lead_lufs, ride_mean_db, duck_level_db; /* measured */
	float plate_gain;         /* likewise */
	int rehearsal;            /* excerpts only: nothing fades out */
};

/* Takes the buffers as mix_song does; d has score, brief, style and cancel. desk_release also if it fails. */
int desk_init(struct desk *d, struct stem *stems, int n_stems, struct vocal_tracks *v, struct madrigal_error *err) MUST_CHECK;
void desk_release(struct desk *d);
/* From tracks to finished stems: all but the master's gain. scratch: two buffers of d->frames. */
int desk_mix(struct desk *d, int threads, float *scratch[2], struct madrigal_error *err) MUST_CHECK;
/* A song that ends in a fade: all stems sink over the last section, once the last word is sung. */
void desk_fade(struct desk *d, size_t from, size_t until);
/* A stem that would not fit into its file is limited, not clipped. */
void desk_fit_stem(struct audio *a);
/* Sets *a to exactly `frames` stereo samples: a mono sound is doubled, a shorter one goes on in silence. */
int desk_fit(struct audio *a, size_t frames, struct madrigal_error *err) MUST_CHECK;
/* Root mean square of the louder part of a sound (tenths within 15 dB of the loudest), dB; -120 for silence. right may be NULL. */
double desk_level_db(const float *left, const float *right, size_t n);
/* K-weighted energies of the stem into channel.energy; of a part of it, which goes on where the last one ended (c->weighting set by loudness_weighting before the first). */
void desk_measure(struct desk *d, struct channel *c);
void desk_measure_on(struct channel *c, size_t from, size_t until);

/* The equaliser of a role with a style's strip on top. */
struct eq strip_eq(const struct role_preset *p, const struct style_strip *fader);
/* A strip at work. */
struct strip {
	float trim;
	double spread;
	struct amp amp;
	struct eq eq;
	struct compressor compressor;
	struct saturator saturator;
	struct placement placement;
	struct widener widener;
};
void strip_measure(const struct desk *d, struct channel *c);
void strip_begin(const struct channel *c, struct strip *ret);
int strip_advance(struct desk *d, struct channel *c, struct strip *s, size_t from, size_t until, struct madrigal_error *err) MUST_CHECK;
int strip_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;

/* Moves the tracks' buffers into their stems: lead and backing mono still, doubles and harmonies left and right. */
int vocal_take(struct desk *d, struct vocal_tracks *t, struct madrigal_error *err) MUST_CHECK;
/* Their strips, in place; stereo afterwards. */
int vocal_lead_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;
int vocal_doubles_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;
int vocal_harmony_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;
int vocal_backing_run(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;

/* Level, equaliser, rider, de-esser, two compressors (a fast one for peaks, a slow one for the line), air. */
enum { CHAIN_LEAD, CHAIN_DOUBLES, CHAIN_BACKING, CHAIN_HARMONY, VOICE_CHAINS };
struct voice_chain {
	const struct role_preset *preset;
	const char *stream;       /* of random numbers */
	double deess_threshold_db, deess_max_db;
	double harmonics_db, noise_db; /* of the exciter; both -60 and less: none */
};
extern const struct voice_chain voice_chains[VOICE_CHAINS];
#define VOICE_AHEAD (6 * DESK_TENTH) /* voice_level is to be ahead of voice_finish by this */
/* A chain at work on a mono track. */
struct voice_run {
	const struct voice_chain *chain;
	double trim, mean, ride_db;
	struct eq eq, weighting;
	float *energy, *gain;     /* by the tenth; owned */
	struct deesser deesser;
	struct compressor peaks, line;
	struct exciter exciter;
	size_t levelled, finished; /* samples */
	size_t ridden;             /* tenths */
};
/* level_db, mean: as channel.level_db and mean_lufs. *ret by voice_release. */
int voice_begin(struct desk *d, const struct voice_chain *v, double level_db, double mean, struct voice_run *ret, struct madrigal_error *err) MUST_CHECK;
/* Its first two steps, in place, from where they are to `until`; then the others. */
int voice_level(struct desk *d, struct voice_run *r, float *x, size_t until, struct madrigal_error *err) MUST_CHECK;
int voice_finish(struct desk *d, struct voice_run *r, float *x, size_t until, struct madrigal_error *err) MUST_CHECK;
void voice_release(struct voice_run *r);
/* Left and right to either side, `pan` (0..1) of the way out. */
#define DOUBLES_PAN 0.75
#define HARMONY_PAN 0.6
void vocal_sides_place(struct audio *a, double pan, size_t from, size_t until);
/* One voice to many: two copies, some milliseconds late and drifting in pitch against each other. x: mono, known up to `until`. */
void vocal_spread(const float *x, struct audio *out, size_t from, size_t until);

/* Faders of the band and of doubles, backing and harmonies against the lead; then the lead against all of it. */
void balance_band(struct desk *d);
void balance_vocals(struct desk *d);
/* Sets every vocal channel's gain so that the lead stands at the style's place before the rest while it sings, and over the whole song no farther before it than
 * records have it. */
void balance_lead(struct desk *d);
/* Sets d->ride from what band and lead do against each other over some seconds. */
void balance_ride(struct desk *d);
/* The same in parts, by the tenth, from d->lead_lufs and d->ride_mean_db: where the lead sings; the band's energy; the ride, which looks RIDE_TENTHS ahead at both.
 * *now_db is 0 at first. */
#define RIDE_TENTHS 15 /* to each side: the passage against which a moment is judged */
void balance_singing(struct desk *d, size_t from, size_t until);
void balance_band_energy(struct desk *d, size_t from, size_t until);
void balance_ride_on(struct desk *d, double *now_db, size_t from, size_t until);

int effects_band_run(struct desk *d, struct madrigal_error *err) MUST_CHECK;
int effects_vocal_run(struct desk *d, struct madrigal_error *err) MUST_CHECK;
struct band_effects { struct reverb room; struct delay echo; };
int band_effects_begin(const struct desk *d, struct band_effects *ret, struct madrigal_error *err) MUST_CHECK; /* release also if it fails */
int band_effects_advance(struct desk *d, struct band_effects *e, size_t from, size_t until, struct madrigal_error *err) MUST_CHECK;
void band_effects_release(struct band_effects *e);
struct vocal_effects {
	struct reverb plate; int has_plate;
	struct delay echo; int has_echo;
	double echo_gain;
	float open;               /* of the echo's send */
	int next_note;
};
int vocal_effects_begin(const struct desk *d, struct vocal_effects *ret, struct madrigal_error *err) MUST_CHECK; /* release also if it fails */
void vocal_effects_release(struct vocal_effects *e);
/* The plate alone into the return's stem; that to its level, d->plate_gain; the echo on top. */
int vocal_plate_advance(struct desk *d, struct vocal_effects *e, size_t from, size_t until, struct madrigal_error *err) MUST_CHECK;
void vocal_plate_scale(struct desk *d, size_t from, size_t until);
int vocal_echo_advance(struct desk *d, struct vocal_effects *e, size_t from, size_t until, struct madrigal_error *err) MUST_CHECK;

/* Whether the master is brought to a reference's spectrum, voices too. */
int tone_after_reference(const struct brief *b);
/* Measures (scratch: two buffers of d->frames) and sets d->tone. */
int tone_fit(struct desk *d, float *scratch[2], struct madrigal_error *err) MUST_CHECK;
/* After a reference: sets d->tone to what is still missing in a master, whose limiter and glue took more of some bands than of others. For all stems alike. */
int tone_amend(struct desk *d, const struct audio *master, struct madrigal_error *err) MUST_CHECK;
void duck_fit(struct desk *d);
struct follower duck_follower(void);
void duck_advance(struct desk *d, struct follower *f, double level_db, size_t from, size_t until);
/* Fader, tone and dip applied to a channel's stem: its gain is 1 afterwards. */
int channel_finish(struct desk *d, struct channel *c, struct madrigal_error *err) MUST_CHECK;
struct finish {
	double duck;
	struct dyneq dip;
	struct eq tone;
};
struct finish finish_begin(const struct desk *d, const struct channel *c);
int finish_advance(struct desk *d, struct channel *c, struct finish *f, size_t from, size_t until, struct madrigal_error *err) MUST_CHECK;

/* The sum of the stems from `at`, times gain. */
void master_sum(const struct mix_stem *stems, int n_stems, size_t at, size_t n, float gain, float *left, float *right);
/* What the sum goes through: glue, tape, limiter. LIMITER_LATENCY samples late. */
struct bus {
	int glued, driven;
	struct compressor glue;
	struct saturator tape;
	struct limiter limiter;
};
struct bus bus_begin(const struct style_mix *style, double level_lufs, double ceiling_dbtp);
void bus_process(struct bus *b, float *left, float *right, size_t n);

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
/* Masters once with gain_db as it stands, and neither measures nor corrects. */
int master_pass(struct master_job *j, struct madrigal_error *err) MUST_CHECK;
/* Masters once with gain_db as it stands, and measures. */
int master_make(struct master_job *j, struct madrigal_error *err) MUST_CHECK;

#endif
