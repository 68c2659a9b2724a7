/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "dsp/denormal.h"
#include "dsp/loudness.h"
#include "dsp/spectrum.h"
#include "mix/desk.h"

#define FIT_ROUNDS 100
#define EDGE_S 0.005
#define AMEND_HOP 4096      /* windows that overlap: at the top a song's spectrum hangs on a few s */
#define DUCK_HZ 2800        /* the middle of 1.5 to 6 kHz, in octaves: what of the band hides words (docs/voice.md) */
#define DUCK_Q 0.5
#define REFERENCE_TOP_HZ 9000.0 /* bands above are not whole in what the ear was given */

/* Where records end up: third octaves from 40 Hz to 12.5 kHz, dB. Mean long-term spectra of published full mixes, smoothed. */
static const double target_db[SPECTRUM_BANDS] = { -1.5, 2,   4,    4,    4.5,  5,    4.5,  3.8,  3,    3.2,  3.4,  3.3,  3.2,
	                                          2.2,  0.8, -1.2, -3,   -4.2, -4.7, -5,   -5.5, -6.2, -6.9, -7.2, -7.6, -9 };
/* How much a band's error counts. Below 100 Hz records differ most. */
static const double weight[SPECTRUM_BANDS] = { 0.15, 0.2, 0.2, 0.3, 0.6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.8 };

#define BELLS_MAX 20
/* The bands by which the spectrum is brought to its target: the first a low shelf, the last a high one. For a finished record's sound in general, a few broad ones on the band; to match a
 * reference, as a mastering engineer does with an equaliser that was shown another record, third octaves on all that sounds: dark records have 40 dB less at 8 kHz than in their fullest band. */
static const struct bells {
	int n;
	double hz[BELLS_MAX], q, reach, most_cut_db, most_boost_db, share; /* reach: octaves squared over which an error counts; share of the way to the target */
} broad = { 7, { 75, 170, 370, 800, 1700, 3600, 8200 }, 0.85, 0.5, 6, 6, 0.9 },
  match = { 20, { 75, 125, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 13000 }, 3, 0.03, 20, 10, 1 };

int tone_after_reference(const struct brief *b)
{
	return b->reference && b->reference->has_spectrum;
}

static const struct bells *bells_of(const struct desk *d)
{
	return tone_after_reference(d->brief) ? &match : &broad;
}

static double tilt(const struct style_mix *m, double hz)
{
	/* dB at 8 kHz against 200 Hz: 5.3 octaves. */
	double t = (double)m->tilt_db * log2(hz / 1265) / 5.32;
	return t + (double)m->sub_db / (1 + pow(hz / 75, 4));
}

/* Band powers of the sum of some channels, as they stand at their faders. */
static int powers(struct desk *d, int vocal, float *scratch[2], double ret[SPECTRUM_BANDS], struct madrigal_error *err)
{
	memset(scratch[0], 0, d->frames * sizeof **scratch);
	memset(scratch[1], 0, d->frames * sizeof **scratch);
	for (int i = 0; i < d->n_stems; i++) {
		const struct channel *c = &d->channel[i];
		float gain = (float)c->gain;
		if (c->vocal != vocal || !c->stem->audio.frames)
			continue;
		for (int k = 0; k < 2; k++)
			for (size_t j = 0; j < d->frames; j++)
				scratch[k][j] += gain * c->stem->audio.ch[k][j];
	}
	return spectrum_third_octaves(AUDIO_RATE, scratch[0], scratch[1], d->frames, 12000, ret, err);
}

static struct eq build(const struct bells *f, const double *db)
{
	_Static_assert(BELLS_MAX <= EQ_MAX, "a chain holds all bells");
	struct eq eq = eq_init();
	eq_add(&eq, biquad_low_shelf(AUDIO_RATE, f->hz[0], db[0]));
	for (int k = 1; k < f->n - 1; k++)
		eq_add(&eq, biquad_peak(AUDIO_RATE, f->hz[k], f->q, db[k]));
	eq_add(&eq, biquad_high_shelf(AUDIO_RATE, f->hz[f->n - 1] * 0.75, db[f->n - 1]));
	return eq;
}

static double wanted_db(const struct desk *d, int band)
{
	const struct style_reference *ref = tone_after_reference(d->brief) ? d->brief->reference : NULL;
	/* What an ear at 22 kHz can't hear of it, goes on as records do. */
	double beyond = 0;
	for (; ref && spectrum_centres_hz[band] > REFERENCE_TOP_HZ; band--)
		beyond += target_db[band] - target_db[band - 1];
	if (ref)
		return (double)ref->spectrum_db[band] + beyond;
	return target_db[band] + tilt(d->style, spectrum_centres_hz[band]);
}

/* How much louder, as a power, the voices will stand before the same band once both have had these gains (powers, by band): they change the loudness
 * (K-weighted) of one more than of the other, and the lead's place before the band is then restored (balance_lead). */
static double lift(const double *gain, const double *band, const double *voices)
{
	double sum[2][2] = { { 0 } }; /* band, voices; before, after */
	struct eq k;
	loudness_weighting(AUDIO_RATE, &k);
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double weighted = pow(10, eq_gain_db(&k, AUDIO_RATE, spectrum_centres_hz[b]) / 10);
		sum[0][0] += weighted * band[b];
		sum[0][1] += weighted * band[b] * gain[b];
		sum[1][0] += weighted * voices[b];
		sum[1][1] += weighted * voices[b] * gain[b];
	}
	return sum[0][0] > 0 && sum[1][1] > 0 ? sum[0][1] / sum[0][0] * sum[1][0] / sum[1][1] : 1;
}

/* Errors (dB) of band + voices against the target when the band (all, to match a reference) goes through eq; the mean over 200 Hz .. 4 kHz taken out. */
static void errors(const struct desk *d, const struct eq *eq, const double *band, const double *voices, double ret[SPECTRUM_BANDS])
{
	double mean = 0, gain[SPECTRUM_BANDS];
	int for_voices = tone_after_reference(d->brief);
	for (int b = 0; b < SPECTRUM_BANDS; b++)
		gain[b] = pow(10, eq_gain_db(eq, AUDIO_RATE, spectrum_centres_hz[b]) / 10);
	double louder = for_voices ? lift(gain, band, voices) : 1;
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double hz = spectrum_centres_hz[b];
		ret[b] = wanted_db(d, b) - 10 * log10(band[b] * gain[b] + voices[b] * louder * (for_voices ? gain[b] : 1) + 1e-14);
		if (hz >= 200 && hz <= 4000)
			mean += ret[b] / 14;
	}
	for (int b = 0; b < SPECTRUM_BANDS; b++)
		ret[b] -= mean;
}

/* Each round moves every bell by a part of the error that it hears; broad and overlapping ones settle to a smooth curve. */
static struct eq settle(const struct desk *d, const double *band, const double *voices)
{
	const struct bells *f = bells_of(d);
	double db[BELLS_MAX] = { 0 }, wrong[SPECTRUM_BANDS];
	for (int round = 0; round < FIT_ROUNDS; round++) {
		struct eq eq = build(f, db);
		errors(d, &eq, band, voices, wrong);
		for (int k = 0; k < f->n; k++) {
			double sum = 0, norm = 0;
			for (int b = 0; b < SPECTRUM_BANDS; b++) {
				double octaves = log2(spectrum_centres_hz[b] / f->hz[k]);
				double reach = exp(-octaves * octaves / f->reach) * weight[b];
				sum += reach * wrong[b];
				norm += reach;
			}
			db[k] = fmin(fmax(db[k] + 0.3 * sum / norm, -f->most_cut_db), f->most_boost_db);
		}
	}
	for (int k = 0; k < f->n; k++)
		db[k] *= f->share;
	return build(f, db);
}

int tone_fit(struct desk *d, float *scratch[2], struct madrigal_error *err)
{
	double band[SPECTRUM_BANDS], voices[SPECTRUM_BANDS], total = 0;
	int rc = powers(d, 0, scratch, band, err);
	if (!rc)
		rc = powers(d, 1, scratch, voices, err);
	if (rc < 0)
		return rc;
	for (int b = 0; b < SPECTRUM_BANDS; b++)
		total += band[b];
	d->tone = eq_init();
	if (total >= 1e-10)
		d->tone = settle(d, band, voices);
	return 0;
}

int tone_amend(struct desk *d, const struct audio *master, struct madrigal_error *err)
{
	double band[SPECTRUM_BANDS];
	static const double no_voices[SPECTRUM_BANDS];
	d->tone = eq_init();
	int rc = spectrum_third_octaves(AUDIO_RATE, master->ch[0], master->ch[1], master->frames, AMEND_HOP, band, err);
	if (!rc)
		d->tone = settle(d, band, no_voices);
	return rc;
}

struct follower duck_follower(void)
{
	return follower_init(AUDIO_RATE, 12, 180);
}

/* The dip that the voice presses into the band: its depth follows the lead's level, quickly in, slowly out. */
void duck_advance(struct desk *d, struct follower *f, double level_db, size_t from, size_t until)
{
	size_t steps = (until + DYNEQ_STEP - 1) / DYNEQ_STEP;
	follower_levels(f, d->channel[d->lead].stem->audio.ch[0] + from, until - from, d->duck_db + from / DYNEQ_STEP);
	for (size_t i = from / DYNEQ_STEP; i < steps; i++) /* none 20 dB below the voice's mean, all from 8 dB below on */
		d->duck_db[i] = (float)-fmin(fmax(((double)d->duck_db[i] - level_db + 20) / 12, 0), 1);
}

void duck_fit(struct desk *d)
{
	if (d->lead < 0)
		return;
	struct follower f = duck_follower();
	d->duck_level_db = desk_level_db(d->channel[d->lead].stem->audio.ch[0], NULL, d->frames);
	duck_advance(d, &f, d->duck_level_db, 0, d->frames);
}

/* Silence at both ends, reached in EDGE_S and eight times that: no click when a player starts or stops. */
static float envelope(const struct desk *d, size_t i)
{
	double t = (double)i / AUDIO_RATE, left = (double)(d->frames - i) / AUDIO_RATE;
	return (float)fmin(1, fmin(t / EDGE_S, left / (8 * EDGE_S)));
}

static void fader(const struct desk *d, const struct channel *c, float *l, float *r, size_t at, size_t n)
{
	float gain = (float)c->gain;
	size_t edge = (size_t)(8 * EDGE_S * AUDIO_RATE) + 1;
	int near = at < edge || at + n + edge > d->frames;
	for (size_t i = at; i < at + n; i++) {
		float g = near ? gain * envelope(d, i) : gain;
		if (c->vocal) {
			size_t b = i / DESK_TENTH, next = b + 1 < d->blocks ? b + 1 : b;
			g *= d->ride[b] + (float)(i % DESK_TENTH) / (float)DESK_TENTH * (d->ride[next] - d->ride[b]);
		}
		l[i] *= g;
		r[i] *= g;
	}
}

struct finish finish_begin(const struct desk *d, const struct channel *c)
{
	double duck = c->role == DESK_EFFECTS ? 0.7 : c->role < PART_ROLES ? (double)role_presets[c->role].duck : 0;
	duck *= c->vocal || d->lead < 0 ? 0 : (double)d->style->duck_db;
	return (struct finish){ .duck = duck, .dip = dyneq_init(AUDIO_RATE, DYNEQ_BELL, DUCK_HZ, DUCK_Q), .tone = d->tone };
}

int finish_advance(struct desk *d, struct channel *c, struct finish *f, size_t from, size_t until, struct madrigal_error *err)
{
	float *l = c->stem->audio.ch[0], *r = c->stem->audio.ch[1], depth[DESK_BLOCK / DYNEQ_STEP];
	unsigned denormals = denormals_off();
	int rc = 0;
	for (size_t at = from; at < until && !rc; at += DESK_BLOCK) {
		size_t n = until - at < DESK_BLOCK ? until - at : DESK_BLOCK;
		if (at % (128 * DESK_BLOCK) == 0 && cancelled(d->cancel))
			rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		if ((!c->vocal || tone_after_reference(d->brief)) && f->tone.n)
			eq_process(&f->tone, l + at, r + at, n);
		if (f->duck > 0) {
			for (size_t k = 0; k * DYNEQ_STEP < n; k++)
				depth[k] = (float)f->duck * d->duck_db[at / DYNEQ_STEP + k];
			dyneq_process(&f->dip, l + at, r + at, depth, n);
		}
		fader(d, c, l, r, at, n);
	}
	denormals_restore(denormals);
	return rc;
}

int channel_finish(struct desk *d, struct channel *c, struct madrigal_error *err)
{
	struct finish f = finish_begin(d, c);
	int rc = finish_advance(d, c, &f, 0, d->frames, err);
	c->gain = 1;
	if (!rc) {
		unsigned denormals = denormals_off();
		desk_measure(d, c);
		denormals_restore(denormals);
	}
	return rc;
}
