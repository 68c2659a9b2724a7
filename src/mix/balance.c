/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "dsp/loudness.h"
#include "mix/desk.h"

#define BAND_LUFS (-20.0)   /* where the drums' fader stands; all else follows from it */
#define LEAD_LU 1.0         /* the voice before the band at the style's vocal_db of 0: words are understood, the band is still there */

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

void balance_vocals(struct desk *d)
{
	double doubles = (double)d->brief->style->singer.double_db;
	against_lead(d, d->doubles, fmin(fmax(doubles, -24), -6));
	against_lead(d, d->backing, (double)role_presets[STRIP_BACKING].level_lu);
	if (d->lead < 0)
		return;
	struct channel *lead = &d->channel[d->lead];
	lead->gain = 1;
	double level = loudness_of(d, lead);
	for (size_t b = 0; b < d->blocks; b++)
		d->singing[b] = loudness_of_energy((double)lead->energy[b]) > level - 12;
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
	for (int i = 0; i < d->n_stems; i++)
		if (d->channel[i].vocal)
			d->channel[i].gain *= gain;
}
