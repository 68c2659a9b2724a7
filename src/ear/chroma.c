/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/chroma.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/stft.h"

#define SIZE 8192
#define HOP 1024
#define PER_SEMITONE 3
#define NOTE_LOW 24             /* 32.7 Hz */
#define NOTES 68
#define BIN_LOW 22              /* MIDI number of the first bin */
#define SEMITONES 84
#define BINS (SEMITONES * PER_SEMITONE)
#define HARMONICS 20
#define DECAY 0.75              /* of each harmonic against the one below */
#define FLATTEN 0.5             /* 0: only the mean of an octave falls out, 1: how much it varies as well */
#define PRICE 0.04f             /* of a note, against the loudest: fewer notes explain a chord better */
#define MEDIAN_REACH 6          /* windows to each side */
#define TREBLE_CURVE 4.0f
#define BASS_CURVE 0.5f
#define FRAME_S 0.25            /* longest frame, about */
#define SILENCE 1e-5f           /* -100 dBFS */
#define DEEPEST 1e-7            /* amplitudes below are a transform's rounding */
#define RELIEF_LEAST 0.3
#define TUNING_FRAMES 400

static double midi_hz(double midi)
{
	return 440 * pow(2, (midi - 69) / 12);
}

/* ---- tuning ---- */

/* How far peaks lie from the tempered scale, as the angle of a circular mean: a recording in which nothing has pitch gives a short vector and stays at 440 Hz. */
static double tuning_cents(struct stft *f, const struct ear_sound *s, float *magnitude)
{
	size_t frames = stft_frames(f, s->n), step = frames / TUNING_FRAMES + 1;
	double re = 0, im = 0, sum = 0;
	int low = 80 * SIZE / EAR_RATE, high = 1500 * SIZE / EAR_RATE;
	for (size_t t = step / 2; t < frames; t += step) {
		stft_magnitude(f, s->left, s->right, 1, s->n, t, magnitude);
		for (int k = low; k < high; k++) {
			double a = (double)magnitude[k - 1], b = (double)magnitude[k], c = (double)magnitude[k + 1];
			if (b <= a || b < c || b < (double)SILENCE)
				continue;
			double la = log(a + 1e-12), lb = log(b), lc = log(c + 1e-12), bend = la - 2 * lb + lc;
			double at = k + (bend < 0 ? 0.5 * (la - lc) / bend : 0);
			double semitone = 12 * log2(at * EAR_RATE / SIZE / 440), weight = sqrt(b);
			re += weight * cos(2 * M_PI * semitone);
			im += weight * sin(2 * M_PI * semitone);
			sum += weight;
		}
	}
	return hypot(re, im) > 0.02 * sum && sum > 0 ? atan2(im, re) / (2 * M_PI) * 100 : 0;
}

/* ---- spectrum in thirds of a semitone ---- */

struct kernel { int first, n; float *weight; };

struct transcriber {
	struct kernel kernel[BINS];
	float *weights;                    /* of all kernels; owned */
	float note[NOTES][BINS];           /* each of length 1 */
	float gram[NOTES][NOTES];
};

static double kernel_at(double hz, double centre, double width)
{
	double d = fabs(hz - centre) / width;
	return d < 1 ? 1 - d : 0;
}

/* A triangle in frequency, a bin wide to each side, but never narrower than what the window resolves. */
static int make_kernels(struct transcriber *t, double cents)
{
	double bin_hz = (double)EAR_RATE / SIZE;
	size_t total = 0;
	for (int pass = 0; pass < 2; pass++) {
		size_t at = 0;
		for (int b = 0; b < BINS; b++) {
			double hz = midi_hz(BIN_LOW + (double)b / PER_SEMITONE + cents / 100), width = fmax(hz * (pow(2, 1.0 / 12 / PER_SEMITONE) - 1), bin_hz);
			int first = (int)ceil((hz - width) / bin_hz), last = (int)floor((hz + width) / bin_hz);
			t->kernel[b] = (struct kernel){ .first = first, .n = last - first + 1, .weight = pass ? t->weights + at : NULL };
			at += (size_t)t->kernel[b].n;
			double sum = 0;
			for (int k = first; k <= last; k++)
				sum += kernel_at(k * bin_hz, hz, width);
			for (int k = first; pass && k <= last; k++)
				t->kernel[b].weight[k - first] = (float)(kernel_at(k * bin_hz, hz, width) / sum);
		}
		total = at;
		if (!pass && !(t->weights = malloc(total * sizeof *t->weights)))
			return -1;
	}
	return 0;
}

static void to_bins(const struct transcriber *t, const float *magnitude, float *ret)
{
	for (int b = 0; b < BINS; b++) {
		const struct kernel *k = &t->kernel[b];
		float sum = 0;
		for (int i = 0; i < k->n; i++)
			sum += k->weight[i] * magnitude[k->first + i];
		ret[b] = sum;
	}
}

/* Main lobe of a Hann window, d bins from its middle. */
static double lobe(double d)
{
	d = fabs(d);
	if (d >= 2)
		return 0;
	if (d < 1e-6)
		return 1;
	if (fabs(d - 1) < 1e-6)
		return 0.5;
	return sin(M_PI * d) / (M_PI * d) / (1 - d * d);
}

/* What each note looks like: harmonics that decay geometrically, through the same window and kernels as the recording. */
static void make_notes(struct transcriber *t, double cents, float *magnitude)
{
	double bin_hz = (double)EAR_RATE / SIZE, decay = DECAY;
	for (int n = 0; n < NOTES; n++) {
		memset(magnitude, 0, sizeof *magnitude * (SIZE / 2 + 1));
		double amplitude = 1;
		for (int h = 1; h <= HARMONICS; h++, amplitude *= decay) {
			double at = midi_hz(NOTE_LOW + n + cents / 100) * h / bin_hz;
			for (int k = (int)at - 2; k <= (int)at + 3; k++)
				if (k >= 0 && k <= SIZE / 2)
					magnitude[k] += (float)(amplitude * lobe(k - at));
		}
		to_bins(t, magnitude, t->note[n]);
		float sum = 0;
		for (int b = 0; b < BINS; b++)
			sum += t->note[n][b] * t->note[n][b];
		for (int b = 0; b < BINS; b++)
			t->note[n][b] /= sqrtf(sum);
	}
	for (int i = 0; i < NOTES; i++)
		for (int j = 0; j < NOTES; j++) {
			float sum = 0;
			for (int b = 0; b < BINS; b++)
				sum += t->note[i][b] * t->note[j][b];
			t->gram[i][j] = sum;
		}
}

/* What rises above the octave around it, against how much that octave varies: colour of the recording and loudness fall out. Returns how much the octaves vary against their
 * means: some 0.2 for noise, 0.4 for a loud band with drums, 1 for a few clear notes. */
static double flatten(const float *x, float *ret)
{
	enum { REACH = 6 * PER_SEMITONE };
	double sum = 0, squares = 0, relief = 0;
	int n = 0;
	for (int b = 0; b < REACH; b++)
		sum += (double)x[b], squares += (double)x[b] * (double)x[b], n++;
	for (int b = 0; b < BINS; b++) {
		if (b + REACH < BINS)
			sum += (double)x[b + REACH], squares += (double)x[b + REACH] * (double)x[b + REACH], n++;
		if (b - REACH > 0)
			sum -= (double)x[b - REACH - 1], squares -= (double)x[b - REACH - 1] * (double)x[b - REACH - 1], n--;
		double mean = sum / n, deviation = sqrt(fmax(squares / n - mean * mean, 0));
		double above = (double)x[b] - mean;
		ret[b] = above > 0 && deviation > DEEPEST ? (float)(above / pow(deviation, FLATTEN)) : 0;
		relief += mean > DEEPEST ? deviation / mean : 0;
	}
	return relief / BINS;
}

/* min |note x - y|, x >= 0, by coordinate descent. */
static void explain(const struct transcriber *t, const float *y, float *x)
{
	float c[NOTES], top = 0;
	for (int i = 0; i < NOTES; i++) {
		float sum = 0;
		for (int b = 0; b < BINS; b++)
			sum += t->note[i][b] * y[b];
		c[i] = sum;
		top = fmaxf(top, sum);
		x[i] = 0;
	}
	float price = PRICE * top;
	for (int round = 0; round < 60 && top > 0; round++) {
		float moved = 0;
		for (int i = 0; i < NOTES; i++) {
			float g = c[i] - price;
			for (int j = 0; j < NOTES; j++)
				g -= t->gram[i][j] * x[j];
			float now = fmaxf(0, x[i] + g / t->gram[i][i]);
			moved = fmaxf(moved, fabsf(now - x[i]));
			x[i] = now;
		}
		if (moved < 1e-3f * top)
			break;
	}
}

/* ---- frames ---- */

/* Edges from a to b, a excluded, at equal steps of at most about FRAME_S. */
static void divide(struct chroma *c, double a, double b, int at_beat)
{
	int parts = (int)fmax(1, round((b - a) / FRAME_S));
	for (int i = 0; i < parts; i++) {
		c->on_beat[c->n] = at_beat && !i;
		c->edge_s[c->n++] = (float)(a + (b - a) * i / parts);
	}
}

static int make_grid(const struct ear_sound *s, const struct heard_rhythm *r, struct chroma *c)
{
	double end = (double)s->n / EAR_RATE;
	size_t most = (size_t)(end / FRAME_S * 2) + (size_t)r->n_beats + 8;
	c->edge_s = malloc(most * sizeof *c->edge_s);
	c->on_beat = malloc(most);
	c->treble = calloc(most, sizeof *c->treble);
	c->bass = calloc(most, sizeof *c->bass);
	if (!c->edge_s || !c->on_beat || !c->treble || !c->bass)
		return -1;
	if (!s->n)
		return 0;
	double at = 0;
	int on_beat = 0;
	for (int i = 0; i < r->n_beats; i++) {
		double beat = (double)r->beat_s[i];
		if (beat < at + 0.02 && !(i == 0 && beat < 0.02))
			continue;
		if (beat > end - 0.02)
			break;
		if (beat >= 0.02)
			divide(c, at, beat, on_beat);
		at = fmax(beat, 0);
		on_beat = 1;
	}
	divide(c, at, end, on_beat);
	c->edge_s[c->n] = (float)end;
	return 0;
}

static float rms(const struct ear_sound *s, double from_s, double to_s)
{
	size_t from = (size_t)(from_s * EAR_RATE), to = (size_t)(to_s * EAR_RATE);
	double sum = 0;
	to = to < s->n ? to : s->n;
	for (size_t i = from; i < to; i++) {
		double x = 0.5 * ((double)s->left[i] + (double)s->right[i]);
		sum += x * x;
	}
	return to > from ? (float)sqrt(sum / (double)(to - from)) : 0;
}

static float median(float *x, int n)
{
	for (int i = 1; i < n; i++) {
		float v = x[i];
		int j = i;
		for (; j > 0 && x[j - 1] > v; j--)
			x[j] = x[j - 1];
		x[j] = v;
	}
	return x[n / 2];
}

static void smooth(const float *spectra, size_t frames, size_t t, float *ret)
{
	float sort[2 * MEDIAN_REACH + 1];
	for (int b = 0; b < BINS; b++) {
		int n = 0;
		for (int d = -MEDIAN_REACH; d <= MEDIAN_REACH; d++) {
			long at = (long)t + d;
			if (at >= 0 && (size_t)at < frames)
				sort[n++] = spectra[(size_t)at * BINS + (size_t)b];
		}
		ret[b] = median(sort, n);
	}
}

/* How much a note counts in a register: 0 below a, 1 from b to c, 0 above d. */
static float within(double x, double a, double b, double c, double d)
{
	if (x <= a || x >= d)
		return 0;
	return (float)(x < b ? (x - a) / (b - a) : x > c ? (d - x) / (d - c) : 1);
}

static void fold(const float *note, int bass, float ret[12])
{
	float sum = 0;
	for (int i = 0; i < 12; i++)
		ret[i] = 0;
	for (int n = 0; n < NOTES; n++) {
		int midi = NOTE_LOW + n;
		float w = bass ? within((double)midi, 25, 30, 43, 55) : within((double)midi, 48, 56, 76, 92);
		ret[midi % 12] += w * note[n];
	}
	for (int i = 0; i < 12; i++)
		sum += ret[i];
	if (!(sum > 0))
		return;
	/* Louder pitch classes count less than in proportion: a chord's softest note belongs to it no less (Müller & Ewert 2011, "Chroma toolbox"). */
	float total = 0, gamma = bass ? BASS_CURVE : TREBLE_CURVE;
	for (int i = 0; i < 12; i++) {
		ret[i] = log1pf(gamma * ret[i] / sum);
		total += ret[i];
	}
	for (int i = 0; i < 12; i++)
		ret[i] /= total;
}

static int hear_frames(const struct ear_sound *s, struct stft *f, const struct transcriber *t, const cancel_flag *cancel, float *spectra, float *magnitude, struct chroma *c)
{
	size_t frames = stft_frames(f, s->n);
	for (size_t i = 0; i < frames; i++) {
		if (i % 64 == 0 && cancelled(cancel))
			return MADRIGAL_ECANCELLED;
		stft_magnitude(f, s->left, s->right, 1, s->n, i, magnitude);
		to_bins(t, magnitude, spectra + i * BINS);
	}
	float smoothed[BINS], flat[BINS], sum[BINS], note[NOTES];
	for (int i = 0; i < c->n; i++) {
		if (i % 64 == 0 && cancelled(cancel))
			return MADRIGAL_ECANCELLED;
		if (rms(s, (double)c->edge_s[i], (double)c->edge_s[i + 1]) < SILENCE)
			continue;
		size_t from = (size_t)ceil((double)c->edge_s[i] * EAR_RATE / HOP), to = (size_t)ceil((double)c->edge_s[i + 1] * EAR_RATE / HOP);
		from = from < frames ? from : frames - 1;
		to = to > from ? to < frames ? to : frames : from + 1;
		memset(sum, 0, sizeof sum);
		double relief = 0;
		for (size_t k = from; k < to; k++) {
			smooth(spectra, frames, k, smoothed);
			relief += flatten(smoothed, flat);
			for (int b = 0; b < BINS; b++)
				sum[b] += flat[b];
		}
		if (relief < RELIEF_LEAST * (double)(to - from))
			continue;
		explain(t, sum, note);
		fold(note, 0, c->treble[i]);
		fold(note, 1, c->bass[i]);
	}
	return 0;
}

int chroma_hear(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *cancel, struct chroma *ret, struct madrigal_error *err)
{
	struct chroma c = { 0 };
	struct stft f;
	int rc = stft_init(&f, SIZE, HOP, err);
	if (rc)
		return rc;
	struct transcriber *t = calloc(1, sizeof *t);
	float *magnitude = malloc((size_t)f.bins * sizeof *magnitude);
	float *spectra = malloc(stft_frames(&f, s->n) * BINS * sizeof *spectra);
	if (!t || !magnitude || !spectra || make_grid(s, r, &c)) {
		rc = err_nomem(err);
	} else if (c.n) {
		c.tuning_cents = tuning_cents(&f, s, magnitude);
		if (make_kernels(t, c.tuning_cents)) {
			rc = err_nomem(err);
		} else {
			make_notes(t, c.tuning_cents, magnitude);
			rc = hear_frames(s, &f, t, cancel, spectra, magnitude, &c);
			if (rc)
				err_set(err, rc, "cancelled");
		}
	}
	if (t)
		free(t->weights);
	free(t);
	free(magnitude);
	free(spectra);
	stft_release(&f);
	if (rc)
		chroma_release(&c);
	else
		*ret = c;
	return rc;
}

void chroma_release(struct chroma *c)
{
	free(c->edge_s);
	free(c->on_beat);
	free(c->treble);
	free(c->bass);
	memset(c, 0, sizeof *c);
}
