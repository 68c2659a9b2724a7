/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a recording sounds as a whole: loudness (EBU R 128, Tech 3342), spectrum, stereo width, and a vector of some thirty figures by which styles are told apart: the cepstrum of
 * mel bands (Davis and Mermelstein 1980; means and spreads, as in Tzanetakis and Cook 2002, "Musical genre classification of audio signals"), flux, flatness, how long sounds last. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "dsp/loudness.h"
#include "dsp/spectrum.h"
#include "ear/ear.h"
#include "ear/stft.h"
#include "ear/timbre.h"

#define SIZE 2048
#define HOP 1024
#define BINS (SIZE / 2 + 1)
#define MEL 32
#define MEL_LOW_HZ 40.0
#define MEL_HIGH_HZ 10500.0
#define FLOOR 1e-10f            /* of power: -100 dB */
#define QUIET_DB 45.0f          /* frames this far below the loud ones don't count */
#define LATER 16                /* frames: 0.74 s, to hear what lasts */

/* Three ranges of mel bands: below 200 Hz, to 2 kHz, above. */
static const double split_hz[2] = { 200, 2000 };

struct accumulator {
	struct stft stft;
	int first_bin[MEL + 2];
	size_t n;
	float *mel;                 /* [n][MEL] dB, mid */
	float *level;               /* [n] dB */
	float *flat;                /* [n][3] dB: geometric against arithmetic mean of the bins' power */
	float *centroid;            /* [n] Hz */
	double mid, side, side_high;/* power */
	float loud;                 /* level that a twentieth of the frames exceed */
};

static double mel_of(double hz) { return 1127 * log1p(hz / 700); }
static double hz_of(double mel) { return 700 * expm1(mel / 1127); }

static int accumulator_init(struct accumulator *a, size_t n, struct madrigal_error *err)
{
	memset(a, 0, sizeof *a);
	int rc = stft_init(&a->stft, SIZE, HOP, err);
	if (rc)
		return rc;
	a->n = stft_frames(&a->stft, n);
	a->mel = malloc(a->n * MEL * sizeof *a->mel);
	a->level = malloc(a->n * sizeof *a->level);
	a->flat = malloc(a->n * 3 * sizeof *a->flat);
	a->centroid = malloc(a->n * sizeof *a->centroid);
	double low = mel_of(MEL_LOW_HZ), high = mel_of(MEL_HIGH_HZ);
	for (int b = 0; b < MEL + 2; b++) {
		int bin = (int)lround(hz_of(low + (high - low) * b / (MEL + 1)) * SIZE / EAR_RATE);
		a->first_bin[b] = b && bin <= a->first_bin[b - 1] ? a->first_bin[b - 1] + 1 : bin < 1 ? 1 : bin;
	}
	return a->mel && a->level && a->flat && a->centroid ? 0 : err_nomem(err);
}

static void accumulator_release(struct accumulator *a)
{
	stft_release(&a->stft);
	free(a->mel);
	free(a->level);
	free(a->flat);
	free(a->centroid);
}

static int range_of(double hz)
{
	return hz < split_hz[0] ? 0 : hz < split_hz[1] ? 1 : 2;
}

/* One frame's bands (triangles), flatness, centroid. */
static void look(struct accumulator *a, size_t frame, const float *magnitude)
{
	double total = 0, moment = 0, sum[3] = { 0 }, logs[3] = { 0 };
	int count[3] = { 0 };
	for (int k = 1; k < BINS - 1; k++) {
		double hz = (double)k * EAR_RATE / SIZE, p = (double)(magnitude[k] * magnitude[k]) + (double)FLOOR * 1e-2;
		int r = range_of(hz);
		total += p;
		moment += p * hz;
		sum[r] += p;
		logs[r] += log2(p);
		count[r]++;
	}
	a->level[frame] = (float)(10 * log10(total + (double)FLOOR));
	a->centroid[frame] = (float)(moment / total);
	for (int r = 0; r < 3; r++)
		a->flat[3 * frame + (size_t)r] = count[r] ? (float)(3.0103 * logs[r] / count[r] - 10 * log10(sum[r] / count[r])) : 0;
	for (int b = 0; b < MEL; b++) {
		int from = a->first_bin[b], top = a->first_bin[b + 1], to = a->first_bin[b + 2];
		double e = 0;
		for (int k = from; k < to && k < BINS; k++) {
			double w = k <= top ? (double)(k - from + 1) / (top - from + 1) : (double)(to - k) / (to - top);
			e += w * (double)(magnitude[k] * magnitude[k]);
		}
		a->mel[frame * MEL + (size_t)b] = (float)(10 * log10(e + (double)FLOOR));
	}
}

static int gather(struct accumulator *a, const struct ear_sound *s, const cancel_flag *cancel, struct madrigal_error *err)
{
	float magnitude[BINS];
	for (size_t f = 0; f < a->n; f++) {
		if (f % 512 == 0 && cancelled(cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		stft_magnitude(&a->stft, s->left, s->right, 1, s->n, f, magnitude);
		look(a, f, magnitude);
	}
	for (size_t i = 0; i < s->n; i++) {
		double m = 0.5 * ((double)s->left[i] + (double)s->right[i]), d = 0.5 * ((double)s->left[i] - (double)s->right[i]);
		a->mid += m * m;
		a->side += d * d;
	}
	float *sorted = malloc(a->n * sizeof *sorted);
	if (!sorted)
		return err_nomem(err);
	memcpy(sorted, a->level, a->n * sizeof *sorted);
	floats_sort(sorted, a->n);
	a->loud = sorted[a->n - 1 - a->n / 20];
	free(sorted);
	return 0;
}

static int counts(const struct accumulator *a, size_t frame)
{
	return a->level[frame] > a->loud - QUIET_DB;
}

/* Cepstral coefficient c of a frame (type II cosine transform, orthonormal). */
static double cepstral(const struct accumulator *a, size_t frame, int c)
{
	double sum = 0;
	for (int b = 0; b < MEL; b++)
		sum += (double)a->mel[frame * MEL + (size_t)b] * cos(M_PI * c * (b + 0.5) / MEL);
	return sum * sqrt(2.0 / MEL);
}

struct moments { double sum, squares; size_t n; };
static void moments_add(struct moments *m, double x) { m->sum += x; m->squares += x * x; m->n++; }
static double moments_mean(const struct moments *m) { return m->n ? m->sum / (double)m->n : 0; }
static double moments_spread(const struct moments *m)
{
	double mean = moments_mean(m);
	return m->n ? sqrt(fmax(0, m->squares / (double)m->n - mean * mean)) : 0;
}

/* How alike the bands of two frames are, -1..1: what sounds on. */
static double likeness(const float *x, const float *y)
{
	double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
	for (int b = 0; b < MEL; b++) {
		mx += (double)x[b] / MEL;
		my += (double)y[b] / MEL;
	}
	for (int b = 0; b < MEL; b++) {
		double u = (double)x[b] - mx, v = (double)y[b] - my;
		xx += u * u;
		yy += v * v;
		xy += u * v;
	}
	return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

static void put(struct heard_timbre *t, double x)
{
	t->vector[t->n_vector++] = (float)x;
}

static void vector_of(const struct accumulator *a, const struct heard_rhythm *r, struct heard_timbre *t)
{
	struct moments cepstrum[14] = { 0 }, flux[3] = { 0 }, flat[3] = { 0 }, level = { 0 }, lasting = { 0 };
	for (size_t f = 1; f < a->n; f++) {
		if (!counts(a, f))
			continue;
		for (int c = 1; c < 14; c++)
			moments_add(&cepstrum[c], cepstral(a, f, c));
		double rise[3] = { 0 };
		int bands[3] = { 0 };
		for (int b = 0; b < MEL; b++) {
			int k = range_of((double)a->first_bin[b + 1] * EAR_RATE / SIZE);
			rise[k] += fmax(0, (double)a->mel[f * MEL + (size_t)b] - (double)a->mel[(f - 1) * MEL + (size_t)b]);
			bands[k]++;
		}
		for (int k = 0; k < 3; k++) {
			moments_add(&flux[k], bands[k] ? fmin(20, rise[k] / bands[k]) : 0);
			moments_add(&flat[k], (double)a->flat[3 * f + (size_t)k]);
		}
		moments_add(&level, (double)a->level[f]);
		if (f >= LATER && counts(a, f - LATER))
			moments_add(&lasting, likeness(a->mel + f * MEL, a->mel + (f - LATER) * MEL));
	}
	for (int c = 1; c < 14; c++)
		put(t, moments_mean(&cepstrum[c]));
	for (int c = 1; c < 7; c++)
		put(t, moments_spread(&cepstrum[c]));
	for (int k = 0; k < 3; k++)
		put(t, moments_mean(&flux[k]));
	for (int k = 0; k < 3; k++)
		put(t, moments_mean(&flat[k]));
	put(t, moments_spread(&level));
	put(t, moments_mean(&lasting));
	put(t, a->mid > 0 ? 10 * log10((a->side + 1e-6 * a->mid) / a->mid) : -60);
	put(t, log2(0.25 + (double)r->onsets_per_s));
	put(t, (double)r->drums);
	put(t, (double)r->swing);
}

/* Loudness range: what short-term loudness (3 s, each tenth) has between its 10th and 95th percentile, above -70 LUFS and 20 LU below the mean. */
static double loudness_range(const float *energy, size_t blocks, struct madrigal_error *err, int *ret_rc)
{
	enum { WINDOW = 30 };
	*ret_rc = 0;
	if (blocks < WINDOW)
		return 0;
	float *level = malloc(blocks * sizeof *level);
	if (!level) {
		*ret_rc = err_nomem(err);
		return 0;
	}
	size_t n = 0, kept = 0;
	double sum = 0;
	for (size_t i = 0; i + WINDOW <= blocks; i++) {
		double e = 0;
		for (int k = 0; k < WINDOW; k++)
			e += (double)energy[i + (size_t)k] / WINDOW;
		if (loudness_of_energy(e) > -70) {
			level[n++] = (float)loudness_of_energy(e);
			sum += e;
		}
	}
	double gate = n ? loudness_of_energy(sum / (double)n) - 20 : 0;
	for (size_t i = 0; i < n; i++)
		if ((double)level[i] > gate)
			level[kept++] = level[i];
	floats_sort(level, kept);
	double range = kept ? (double)(level[(size_t)(0.95 * (double)(kept - 1))] - level[(size_t)(0.10 * (double)(kept - 1))]) : 0;
	free(level);
	return range;
}

static int loudness_of(const struct ear_sound *s, struct heard_timbre *t, struct madrigal_error *err)
{
	int rc = 0;
	size_t blocks = loudness_blocks(EAR_RATE, s->n);
	float *energy = calloc(blocks + 1, sizeof *energy);
	if (!energy)
		return err_nomem(err);
	t->loudness_lufs = LOUDNESS_SILENCE;
	if (s->n) {
		loudness_energies(EAR_RATE, s->left, s->right, s->n, energy);
		t->loudness_lufs = fmax(LOUDNESS_SILENCE, loudness_integrated(energy, blocks, NULL));
		t->range_lu = loudness_range(energy, blocks, err, &rc);
	}
	free(energy);
	return rc;
}

static int spectrum_of(const struct ear_sound *s, struct heard_timbre *t, struct madrigal_error *err)
{
	double power[SPECTRUM_BANDS], total = 0;
	int rc = spectrum_third_octaves(EAR_RATE, s->left, s->right, s->n, 4096, power, err);
	if (rc)
		return rc;
	for (int b = 0; b < EAR_BANDS; b++)
		total += power[b];
	for (int b = 0; b < EAR_BANDS; b++)
		t->spectrum_db[b] = (float)fmax(-120, 10 * log10((power[b] + 1e-30) / (total + 1e-18)));
	return 0;
}

int ear_timbre(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *cancel, struct heard_timbre *ret, struct madrigal_error *err)
{
	_Static_assert(EAR_BANDS == SPECTRUM_BANDS, "the same third octaves");
	struct heard_timbre t = { 0 };
	struct accumulator a;
	int rc = accumulator_init(&a, s->n, err);
	if (!rc)
		rc = gather(&a, s, cancel, err);
	if (!rc)
		rc = loudness_of(s, &t, err);
	if (!rc)
		rc = spectrum_of(s, &t, err);
	if (!rc) {
		double weight = 0, bright = 0;
		for (size_t f = 0; f < a.n; f++) {
			double w = counts(&a, f) ? pow(10, ((double)a.level[f] - (double)a.loud) / 20) : 0;
			weight += w;
			bright += w * (double)a.centroid[f];
		}
		t.brightness_hz = weight > 0 && t.loudness_lufs > LOUDNESS_SILENCE ? (float)(bright / weight) : 0;
		t.width = a.mid + a.side > 0 ? (float)sqrt(a.side / (a.mid + a.side)) : 0;
		if (t.loudness_lufs > LOUDNESS_SILENCE) {
			vector_of(&a, r, &t);
			parts_of(&t);
		}
		*ret = t;
	}
	accumulator_release(&a);
	return rc;
}
