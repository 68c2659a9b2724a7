/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "dsp/loudness.h"
#include "mix/desk.h"

#define BAND_LUFS (-20.0)   /* where the drums' fader stands; all else follows from it */
#define RIDE_SHARE 0.5
#define RIDE_UP_DB 3.0
#define RIDE_DOWN_DB 1.5
#define LEAD_LU 1.5         /* the voice before the band at the style's vocal_db of 0: words are understood, the band is still there */
/* Where the band is thinner while the voice sings than elsewhere, the voice stands farther before it in the whole song. Records have 4 LU at most; the master's
   compressor, which the whole mix drives, takes some 1 LU more from the band than from the voice. */
#define LEAD_MOST_LU 2.5

static double loudness_of(const struct desk *d, const struct channel *c)
{
	return loudness_integrated(c->energy, d->blocks, NULL);
}

void balance_band(struct desk *d)
{
	for (int i = 0; i < d->n_band; i++) {
		struct channel *c = &d->channel[i];
		double have = loudness_of(d, c);
		double want = BAND_LUFS + (double)role_presets[c->role].level_lu + (double)c->fader.level_db;
		c->gain = have > LOUDNESS_SILENCE ? pow(10, (want - have) / 20) : 0;
	}
}

static void against_lead(struct desk *d, int index, double lu)
{
	if (index < 0)
		return;
	struct channel *c = &d->channel[index];
	double have = loudness_of(d, c);
	double lead = d->lead >= 0 ? loudness_of(d, &d->channel[d->lead]) : BAND_LUFS;
	c->gain = have > LOUDNESS_SILENCE ? pow(10, (lead + lu - have) / 20) : 0;
}

void balance_singing(struct desk *d, size_t from, size_t until)
{
	for (size_t b = from; b < until; b++)
		d->singing[b] = loudness_of_energy((double)d->channel[d->lead].energy[b]) > d->lead_lufs - 12;
}

void balance_vocals(struct desk *d)
{
	double doubles = (double)d->brief->style->singer.double_db;
	against_lead(d, d->doubles, fmin(fmax(doubles, -24), -6));
	against_lead(d, d->backing, (double)role_presets[STRIP_BACKING].level_lu);
	against_lead(d, d->harmony, fmin(fmax((double)d->brief->style->singer.harmony_db, -24), -6));
	if (d->lead < 0)
		return;
	struct channel *lead = &d->channel[d->lead];
	lead->gain = 1;
	d->lead_lufs = loudness_of(d, lead);
	balance_singing(d, 0, d->blocks);
}

/* Mean energy of the channels (the lead's own, the rest of the voices, the band) while the lead sings. */
static void energies_while_singing(const struct desk *d, double *lead, double *voices, double *band)
{
	*lead = *voices = *band = 0;
	for (int i = 0; i < d->n_stems; i++) {
		const struct channel *c = &d->channel[i];
		double sum = 0;
		for (size_t b = 0; b < d->blocks; b++)
			if (d->singing[b])
				sum += (double)c->energy[b];
		*(i == d->lead ? lead : c->vocal ? voices : band) += sum * c->gain * c->gain;
	}
}

/* Adds a channel's energy, at a gain, to a sum of some by the tenth. */
static void add_energy(float *sum, const struct channel *c, double gain, size_t from, size_t until)
{
	float power = (float)(gain * gain);
	for (size_t b = from; b < until; b++)
		sum[b] += c->energy[b] * power;
}

/* Integrated loudness of the lead against all else, with the voices' gains `gain` times what they are, LU. */
static double lead_lu(struct desk *d, double gain)
{
	memset(d->others, 0, d->blocks * sizeof *d->others);
	for (int i = 0; i < d->n_stems; i++) {
		const struct channel *c = &d->channel[i];
		if (i != d->lead)
			add_energy(d->others, c, c->gain * (c->vocal ? gain : 1), 0, d->blocks);
	}
	const struct channel *lead = &d->channel[d->lead];
	return loudness_of(d, lead) + 20 * log10(lead->gain * gain) - loudness_integrated(d->others, d->blocks, NULL);
}

void balance_lead(struct desk *d)
{
	double lead, voices, band;
	energies_while_singing(d, &lead, &voices, &band);
	if (d->lead < 0 || lead <= 0 || band <= 0)
		return;
	double ratio = pow(10, (LEAD_LU + (double)d->style->vocal_db) / 10);
	/* The voice's own reverberation and doubles stand against it: where they alone are near, the band can't be the measure. */
	double rest = fmax(lead - ratio * voices, 0.25 * lead);
	double gain = sqrt(ratio * band / rest);
	gain *= pow(10, -fmax(lead_lu(d, gain) - LEAD_MOST_LU, 0) / 20);
	for (int i = 0; i < d->n_stems; i++)
		if (d->channel[i].vocal)
			d->channel[i].gain *= gain;
}

/* The lead against the band around a tenth, while the lead sings, dB; NAN: it does not. */
static double passage_db(const struct desk *d, size_t b)
{
	double lead = 0, rest = 0;
	size_t first = b > RIDE_TENTHS ? b - RIDE_TENTHS : 0;
	for (size_t k = first; k < d->blocks && k <= b + RIDE_TENTHS; k++)
		if (d->singing[k]) {
			lead += (double)d->channel[d->lead].energy[k];
			rest += (double)d->band[k];
		}
	return lead > 0 && rest > 0 ? 10 * log10(lead / rest) : (double)NAN;
}

void balance_band_energy(struct desk *d, size_t from, size_t until)
{
	memset(d->band + from, 0, (until - from) * sizeof *d->band);
	for (int i = 0; i < d->n_band; i++)
		add_energy(d->band, &d->channel[i], d->channel[i].gain, from, until);
}

/* Passages overlap by far, so the curve is smooth; between them the fader moves on slowly. */
void balance_ride_on(struct desk *d, double *now_db, size_t from, size_t until)
{
	for (size_t b = from; b < until; b++) {
		double db = isfinite(d->ride_mean_db) ? passage_db(d, b) : (double)NAN;
		double want = isfinite(db) ? fmin(fmax(RIDE_SHARE * (d->ride_mean_db - db), -RIDE_DOWN_DB), RIDE_UP_DB) : *now_db;
		*now_db += 0.15 * (want - *now_db);
		d->ride[b] = (float)pow(10, *now_db / 20);
	}
}

void balance_ride(struct desk *d)
{
	double mean = 0, n = 0, now = 0;
	balance_band_energy(d, 0, d->blocks);
	for (size_t b = 0; b < d->blocks && d->lead >= 0; b++) {
		double db = d->singing[b] ? passage_db(d, b) : (double)NAN;
		if (isfinite(db)) {
			mean += db;
			n++;
		}
	}
	d->ride_mean_db = n > 0 ? mean / n : (double)NAN;
	balance_ride_on(d, &now, 0, d->blocks);
}
