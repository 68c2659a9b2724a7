/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/onsets.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "ear/stft.h"

#define WINDOW 1024
#define BANDS_MOST 64
#define BANDS_PER_OCTAVE 6
#define LAG 3               /* frames between the two spectra that are compared: the window's rise takes about as long */
#define COMPRESSION 100.0   /* a band of one hundredth of the song's level counts log 2 */
/* Frames by which a rise shows late: half of LAG, less what the logarithm sees of a strike before the window's middle has reached it (on clicks and drums). */
#define LATE 1

struct bands { int n, from[BANDS_MOST + 1]; float hz[BANDS_MOST]; };

/* Sixths of an octave, but at least one bin each. */
static void bands_lay(struct bands *b, int bins)
{
	int k = 2;
	b->n = 0;
	while (k < bins - 1 && b->n < BANDS_MOST) {
		int next = (int)lround(k * pow(2, 1.0 / BANDS_PER_OCTAVE));
		if (next <= k)
			next = k + 1;
		if (next > bins - 1)
			next = bins - 1;
		b->from[b->n] = k;
		b->hz[b->n++] = (float)((k + next - 1) * 0.5 * EAR_RATE / WINDOW);
		k = next;
	}
	b->from[b->n] = k;
}

/* Root of the mean square where it sounds: over the tenths of a second that reach a tenth of the loudest. 0 for silence. */
static double level_of(const struct ear_sound *s)
{
	size_t block = EAR_RATE / 10, blocks = s->n / block + 1;
	double loudest = 0, sum = 0;
	size_t counted = 0;
	for (int pass = 0; pass < 2; pass++)
		for (size_t b = 0; b < blocks; b++) {
			size_t from = b * block, to = from + block < s->n ? from + block : s->n;
			double power = 0;
			for (size_t i = from; i < to; i++) {
				float v = 0.5f * (s->left[i] + s->right[i]);
				power += (double)(v * v);
			}
			if (pass == 0 && power > loudest)
				loudest = power;
			if (pass == 1 && power > loudest * 0.01) {
				sum += power;
				counted += to - from;
			}
		}
	return counted ? sqrt(sum / (double)counted) : 0;
}

static float mean_of(const float *x, int n)
{
	float sum = 0;
	for (int i = 0; i < n; i++)
		sum += x[i];
	return n ? sum / (float)n : 0;
}

float onsets_median(float *x, int n)
{
	if (n <= 0)
		return 0;
	floats_sort(x, (size_t)n);
	return x[n / 2];
}

static float median_of(const float *x, int n)
{
	float y[BANDS_MOST];
	memcpy(y, x, sizeof *y * (size_t)n);
	return onsets_median(y, n);
}

/* The bands whose middle lies in low..high Hz. */
static int part_of(const struct bands *b, const float *rise, float low, float high, const float **ret)
{
	int from = 0, n = 0;
	while (from < b->n && b->hz[from] < low)
		from++;
	while (from + n < b->n && b->hz[from + n] < high)
		n++;
	*ret = rise + from;
	return n;
}

/* Fills frame i from the rises. Returns how much of them is broad. */
static float frame_of(const struct bands *b, const float *rise, size_t i, struct onsets *o)
{
	const float *x;
	int n = part_of(b, rise, 0, 130, &x);
	o->band[ONSET_ALL][i] = mean_of(rise, b->n);
	o->band[ONSET_LOW][i] = mean_of(x, n);
	n = part_of(b, rise, 150, 2500, &x);
	o->band[ONSET_MID][i] = mean_of(x, n);
	n = part_of(b, rise, 400, 6000, &x);
	o->band[ONSET_SNARE][i] = median_of(x, n);
	n = part_of(b, rise, 6500, EAR_RATE, &x);
	o->band[ONSET_HIGH][i] = mean_of(x, n);
	return fminf(median_of(rise, b->n), o->band[ONSET_ALL][i]);
}

static void log_bands(const struct stft *f, const struct bands *b, float gain, float *ret)
{
	for (int k = 0; k < b->n; k++) {
		float power = 0;
		for (int i = b->from[k]; i < b->from[k + 1]; i++) {
			float re = crealf(f->fft.freq[i]), im = cimagf(f->fft.freq[i]);
			power += re * re + im * im;
		}
		ret[k] = logf(1 + gain * sqrtf(power));
	}
}

static int fill(const struct ear_sound *s, struct stft *f, float gain, const cancel_flag *cancel, struct onsets *o, struct madrigal_error *err)
{
	struct bands b;
	float past[LAG + 1][BANDS_MOST] = { { 0 } }, rise[BANDS_MOST] = { 0 };
	double broad = 0, all = 0;
	bands_lay(&b, f->bins);
	for (size_t i = 0; i < o->n; i++) {
		if (i % 1024 == 0 && cancelled(cancel))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
		float *now = past[i % (LAG + 1)], *before = past[(i + 1) % (LAG + 1)];
		stft_at(f, s->left, s->right, 1, s->n, i);
		log_bands(f, &b, gain, now);
		for (int k = 0; k < b.n; k++) {
			float most = before[k];
			if (k > 0)
				most = fmaxf(most, before[k - 1]);
			if (k < b.n - 1)
				most = fmaxf(most, before[k + 1]);
			rise[k] = fmaxf(0, now[k] - most);
		}
		if (i < LATE)
			continue;
		broad += (double)frame_of(&b, rise, i - LATE, o);
		all += (double)o->band[ONSET_ALL][i - LATE];
	}
	o->percussive = all > 0 ? (float)(broad / all) : 0;
	return 0;
}

int onsets_find(const struct ear_sound *s, const cancel_flag *cancel, struct onsets *ret, struct madrigal_error *err)
{
	struct onsets o = { 0 };
	double level = level_of(s);
	if (level < 1e-6) {
		*ret = o;
		return 0;
	}
	struct stft f;
	int rc = stft_init(&f, WINDOW, ONSETS_HOP, err);
	if (rc)
		return rc;
	o.n = stft_frames(&f, s->n);
	o.band[0] = calloc(o.n * ONSET_BANDS, sizeof **o.band);
	if (!o.band[0]) {
		stft_release(&f);
		return err_nomem(err);
	}
	for (int b = 1; b < ONSET_BANDS; b++)
		o.band[b] = o.band[0] + (size_t)b * o.n;
	rc = fill(s, &f, (float)(COMPRESSION / level), cancel, &o, err);
	stft_release(&f);
	if (rc) {
		onsets_release(&o);
		return rc;
	}
	*ret = o;
	return 0;
}

void onsets_release(struct onsets *o)
{
	free(o->band[0]);
	memset(o, 0, sizeof *o);
}

struct running running_begin(const float *x, size_t n, double half_s)
{
	struct running r = { .x = x, .n = (long)n, .half = (long)(half_s * ONSETS_RATE) };
	for (long i = 0; i < r.half && i < r.n; i++)
		r.sum += (double)x[i];
	return r;
}

double running_next(struct running *r)
{
	long i = r->at++;
	if (i + r->half < r->n)
		r->sum += (double)r->x[i + r->half];
	if (i - r->half - 1 >= 0)
		r->sum -= (double)r->x[i - r->half - 1];
	return r->sum / (double)(2 * r->half + 1);
}

size_t onsets_peaks(const struct onsets *o, enum onset_band b, float *ret_s, size_t room)
{
	const long near = (long)(0.05 * ONSETS_RATE), n = (long)o->n;
	const float *x = o->band[b];
	struct running around = running_begin(x, o->n, 0.25);
	double whole = 0;
	size_t found = 0;
	for (long i = 0; i < n; i++)
		whole += (double)x[i];
	for (long i = 0; i < n; i++) {
		double mean = running_next(&around);
		if ((double)x[i] < 2 * mean + 0.5 * whole / (double)n || !(x[i] > 0))
			continue;
		int largest = 1;
		for (long k = i - near > 0 ? i - near : 0; k <= i + near && k < n && largest; k++)
			largest = k < i ? x[k] < x[i] : x[k] <= x[i];
		if (!largest)
			continue;
		if (found < room)
			ret_s[found] = (float)((double)i / ONSETS_RATE);
		found++;
	}
	return found;
}
