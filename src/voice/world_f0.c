/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The refinement is StoneMask's idea (Morise et al. 2016): the instantaneous frequencies of the first harmonics (Flanagan & Golden 1966), averaged by their
 * amplitudes. The tracker: candidates from the normalised cross-correlation (Talkin 1995), the path through them as Boersma (1993) costs it, each value on
 * the path refined. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "voice/world.h"
#include "voice/world_internal.h"

#define LOWEST_HZ 20.0 /* a slower pulse is none */
#define HARMONICS 6
#define MOST_HALF 8192 /* no lower f0 is refined */
#define SHORTEST_S 0.012 /* three periods of a high voice would catch its noise */
#define CONTRADICTION 0.2 /* a refined f0 this far off is none */

/* The first `harmonics` harmonics' mean instantaneous frequency around origin, as an f0; 0 if there is no sound. */
static double harmonic_mean_f0(const float *x, size_t n, int rate, long origin, double f0, int harmonics)
{
	double length = rate * fmax(3 / f0, SHORTEST_S);
	if (!(length < 2 * MOST_HALF))
		return 0;
	int half = (int)(length / 2) + 1;
	double turn = 2 * M_PI / (length + 2), sum = 0, weights = 0;
	float xr[HARMONICS] = { 0 }, xi[HARMONICS] = { 0 }, dr[HARMONICS] = { 0 }, di[HARMONICS] = { 0 };
	float pr[HARMONICS], pi[HARMONICS], cr[HARMONICS], ci[HARMONICS]; /* phasors and their steps */
	while (harmonics > 1 && harmonics * f0 > 0.45 * rate)
		harmonics--;
	for (int h = 0; h < HARMONICS; h++) {
		double w = 2 * M_PI * f0 * (h + 1) / rate;
		pr[h] = (float)cos(w * half);
		pi[h] = (float)sin(w * half);
		cr[h] = (float)cos(w);
		ci[h] = (float)-sin(w);
	}
	/* Blackman's window and its slope, by a turning phasor. */
	double c = cos(turn * -half), s = sin(turn * -half), ct = cos(turn), st = sin(turn);
	for (int i = -half; i <= half; i++) {
		long k = origin + i;
		float v = k >= 0 && (size_t)k < n ? x[k] : 0;
		float a = v * (float)(0.34 + c * (0.5 + 0.16 * c));
		float b = v * (float)(-turn * s * (0.5 + 0.32 * c));
		double t = c * ct - s * st;
		s = s * ct + c * st;
		c = t;
		for (int h = 0; h < harmonics; h++) {
			xr[h] += a * pr[h];
			xi[h] += a * pi[h];
			dr[h] += b * pr[h];
			di[h] += b * pi[h];
			float r = pr[h] * cr[h] - pi[h] * ci[h];
			pi[h] = pr[h] * ci[h] + pi[h] * cr[h];
			pr[h] = r;
		}
	}
	for (int h = 0; h < harmonics; h++) {
		double p = (double)(xr[h] * xr[h] + xi[h] * xi[h]);
		if (!(p > 1e-20))
			continue;
		/* Of a spectrum taken at each place, the phase turns by -Im(D / X), D that with the window's slope. */
		double swing = -(double)(di[h] * xr[h] - dr[h] * xi[h]) / p;
		double amplitude = sqrt(p);
		sum += amplitude * (f0 * (h + 1) + swing * rate / (2 * M_PI));
		weights += amplitude * (h + 1);
	}
	return weights > 0 ? sum / weights : 0;
}

double world_refine_f0(const float *x, size_t n, int rate, double time_s, double f0)
{
	long origin = lround(time_s * rate);
	double f = harmonic_mean_f0(x, n, rate, origin, f0, 2);
	if (!(fabs(f - f0) <= CONTRADICTION * f0))
		return f0;
	f = harmonic_mean_f0(x, n, rate, origin, f, HARMONICS);
	return fabs(f - f0) <= CONTRADICTION * f0 ? f : f0;
}

double world_valid_f0(float f, int rate)
{
	return isfinite(f) && f > 0 ? fmin(fmax((double)f, LOWEST_HZ), rate / 8.0) : 0;
}

double world_f0_at(const float *f0, int n_frames, int rate, double t)
{
	double at = fmin(t / rate / WORLD_HOP_S, n_frames - 1);
	int i = (int)at, j = i + 1 < n_frames ? i + 1 : i;
	double a = at - i, fi = world_valid_f0(f0[i], rate), fj = world_valid_f0(f0[j], rate);
	if (fi > 0 && fj > 0)
		return fi + a * (fj - fi);
	return a < 0.5 ? fi : fj;
}

/* ---- the tracker ---- */

#define CANDIDATES 10
#define UNVOICED 0              /* candidate 0 of each frame */
#define VOICING_THRESHOLD 0.45f /* correlation */
#define SILENCE 0.03f           /* of the loudest frame's amplitude */
#define OCTAVE_COST 0.02f       /* prefers the higher of equal candidates: multiples of a period correlate as well */
#define JUMP_COST 1.4f          /* for each octave from frame to frame */
#define VOICING_COST 0.5f       /* for going between voiced and unvoiced */
#define SMOOTHING_S 0.0008      /* length of the low-pass before correlating: without it formants ring as voices */

struct candidate {
	float hz, strength; /* hz 0: unvoiced */
	float cost;         /* of the best path to here */
	int from;
};

struct tracker {
	int rate, shortest, longest, window; /* lags and the stretch compared, in samples */
	struct fft fft;
	fftwf_complex *first;
	float *low;                /* the sound without what is high */
	float *correlation;        /* [longest + 2] by lag */
	double *energy;            /* [stretch + 1] running */
	float *amplitude;          /* by frame: largest value near */
	struct candidate *c;       /* [n_frames][CANDIDATES] */
	float loudest;
};

static void tracker_close(struct tracker *t)
{
	fft_release(&t->fft);
	fftwf_free(t->first);
	free(t->low);
	free(t->correlation);
	free(t->energy);
	free(t->amplitude);
	free(t->c);
}

static int tracker_open(struct tracker *t, size_t n, int rate, double lo_hz, double hi_hz, int n_frames)
{
	memset(t, 0, sizeof(*t));
	t->rate = rate;
	t->shortest = (int)(rate / hi_hz);
	t->longest = (int)ceil(rate / lo_hz);
	t->window = (int)(rate * fmax(0.025, 1 / lo_hz));
	int stretch = t->window + t->longest + 2, size = 256;
	while (size < stretch)
		size *= 2;
	t->first = fftwf_alloc_complex((size_t)size / 2 + 1);
	t->low = malloc(sizeof(float) * (n + 1));
	t->correlation = malloc(sizeof(float) * ((size_t)t->longest + 2));
	t->energy = malloc(sizeof(double) * ((size_t)stretch + 1));
	t->amplitude = malloc(sizeof(float) * ((size_t)n_frames + 1));
	t->c = calloc((size_t)n_frames * CANDIDATES + 1, sizeof(*t->c));
	if (!t->first || !t->low || !t->correlation || !t->energy || !t->amplitude || !t->c || fft_init(&t->fft, size) < 0)
		return MADRIGAL_EMEMORY;
	return 0;
}

/* x through a short Hann window: breath and hiss correlate with nothing. */
static void low_pass(struct tracker *t, const float *x, size_t n)
{
	float tap[96];
	int half = (int)(SMOOTHING_S * t->rate / 2), taps = 2 * half + 1;
	double sum = 0;
	for (int i = 0; i < taps; i++)
		sum += 0.5 + 0.5 * cos(M_PI * (i - half) / (half + 1));
	for (int i = 0; i < taps; i++)
		tap[i] = (float)((0.5 + 0.5 * cos(M_PI * (i - half) / (half + 1))) / sum);
	for (size_t k = 0; k < n; k++) {
		float v = 0;
		for (int i = 0; i < taps; i++) {
			size_t at = k + (size_t)i;
			if (at >= (size_t)half && at - (size_t)half < n)
				v += tap[i] * x[at - (size_t)half];
		}
		t->low[k] = v;
	}
}

/* The stretch for frame i from t->low, its mean taken off, into fft.time: compared are samples 0..window-1 with lag..lag+window-1. */
static void cut_stretch(struct tracker *t, size_t n, int i, float *ret_amplitude)
{
	int stretch = t->window + t->longest + 2;
	/* The two stretches of a usual lag lie around the frame's time. */
	long from = lround(i * WORLD_HOP_S * t->rate) - (t->window + (long)sqrt((double)t->shortest * t->longest)) / 2;
	float *v = t->fft.time, most = 0;
	double sum = 0;
	for (int k = 0; k < stretch; k++) {
		long at = from + k;
		v[k] = at >= 0 && (size_t)at < n ? t->low[at] : 0;
		sum += (double)v[k];
	}
	float mean = (float)(sum / stretch);
	t->energy[0] = 0;
	for (int k = 0; k < stretch; k++) {
		v[k] -= mean;
		t->energy[k + 1] = t->energy[k] + (double)v[k] * (double)v[k];
		if (k < t->window)
			most = fmaxf(most, fabsf(v[k]));
	}
	memset(v + stretch, 0, sizeof(float) * (size_t)(t->fft.n - stretch));
	*ret_amplitude = most;
}

/* Normalised cross-correlation at lags 0..longest + 1 into t->correlation. */
static void correlate(struct tracker *t)
{
	struct fft *f = &t->fft;
	fft_forward(f);
	memcpy(t->first, f->freq, sizeof(*t->first) * ((size_t)f->n / 2 + 1));
	memset(f->time + t->window, 0, sizeof(float) * (size_t)(f->n - t->window));
	fft_forward(f);
	for (int k = 0; k <= f->n / 2; k++)
		f->freq[k] = t->first[k] * conjf(f->freq[k]);
	fft_inverse(f);
	double own = t->energy[t->window];
	for (int lag = 0; lag <= t->longest + 1; lag++) {
		double other = t->energy[lag + t->window] - t->energy[lag];
		double e = own * fmax(other, 0);
		t->correlation[lag] = e > 1e-16 ? (float)((double)f->time[lag] / f->n / sqrt(e)) : 0;
	}
}

/* The best CANDIDATES - 1 peaks of t->correlation, after the unvoiced one. */
static void find_candidates(struct tracker *t, struct candidate *c)
{
	const float *r = t->correlation;
	int n = 1;
	for (int lag = t->shortest > 1 ? t->shortest : 2; lag <= t->longest; lag++) {
		if (r[lag] < 0.3f || r[lag] < r[lag - 1] || r[lag] <= r[lag + 1])
			continue;
		float bend = r[lag - 1] - 2 * r[lag] + r[lag + 1];
		float off = bend < 0 ? 0.5f * (r[lag - 1] - r[lag + 1]) / bend : 0;
		float peak = r[lag] - 0.25f * (r[lag - 1] - r[lag + 1]) * off;
		struct candidate new = { .hz = (float)t->rate / ((float)lag + off) };
		new.strength = fminf(peak, 1) - OCTAVE_COST * log2f(((float)lag + off) / (float)t->shortest);
		int i = n < CANDIDATES ? n++ : CANDIDATES - 1;
		if (i == CANDIDATES - 1 && c[i].strength >= new.strength)
			continue;
		for (; i > 1 && c[i - 1].strength < new.strength; i--)
			c[i] = c[i - 1];
		c[i] = new;
	}
}

static float step_cost(const struct candidate *a, const struct candidate *b)
{
	if (a->hz > 0 && b->hz > 0)
		return JUMP_COST * fabsf(log2f(b->hz / a->hz));
	return (a->hz > 0) != (b->hz > 0) ? VOICING_COST : 0;
}

static void best_path(struct tracker *t, float *ret_f0, int n_frames)
{
	for (int i = 0; i < n_frames; i++) {
		struct candidate *now = t->c + (size_t)i * CANDIDATES, *before = i > 0 ? now - CANDIDATES : now;
		for (int j = 0; j < CANDIDATES; j++) {
			if (j != UNVOICED && now[j].hz <= 0)
				continue;
			float best = 0;
			for (int k = 0; i > 0 && k < CANDIDATES; k++) {
				if (k != UNVOICED && before[k].hz <= 0)
					break;
				float cost = before[k].cost + step_cost(&before[k], &now[j]);
				if (k == 0 || cost < best) {
					best = cost;
					now[j].from = k;
				}
			}
			now[j].cost = best - now[j].strength;
		}
	}
	int at = 0;
	const struct candidate *last = t->c + (size_t)(n_frames - 1) * CANDIDATES;
	for (int j = 1; j < CANDIDATES && last[j].hz > 0; j++) {
		if (last[j].cost < last[at].cost)
			at = j;
	}
	for (int i = n_frames - 1; i >= 0; i--) {
		const struct candidate *c = t->c + (size_t)i * CANDIDATES + at;
		ret_f0[i] = c->hz;
		at = c->from;
	}
}

int world_track_f0(const float *x, size_t n, int rate, float lo_hz, float hi_hz, float *ret_f0, int n_frames, struct madrigal_error *err)
{
	struct tracker t;
	if (rate < WORLD_MIN_RATE || rate > WORLD_MAX_RATE || n_frames < 0 || n_frames > WORLD_MOST_FRAMES)
		return err_set(err, MADRIGAL_EUSAGE, "pitch is measured at %d to %d Hz in at most %d frames, not at %d Hz in %d",
		               WORLD_MIN_RATE, WORLD_MAX_RATE, WORLD_MOST_FRAMES, rate, n_frames);
	if (!(lo_hz >= 30) || !(hi_hz > lo_hz) || !(hi_hz <= (float)rate / 6))
		return err_set(err, MADRIGAL_EUSAGE, "pitch cannot be looked for between %g and %g Hz", (double)lo_hz, (double)hi_hz);
	if (n_frames == 0)
		return 0;
	if (tracker_open(&t, n, rate, (double)lo_hz, (double)hi_hz, n_frames) < 0) {
		tracker_close(&t);
		return err_nomem(err);
	}
	low_pass(&t, x, n);
	for (int i = 0; i < n_frames; i++) {
		cut_stretch(&t, n, i, &t.amplitude[i]);
		t.loudest = fmaxf(t.loudest, t.amplitude[i]);
		correlate(&t);
		find_candidates(&t, t.c + (size_t)i * CANDIDATES);
	}
	for (int i = 0; i < n_frames; i++) {
		float level = t.loudest > 0 ? t.amplitude[i] / t.loudest : 0;
		t.c[(size_t)i * CANDIDATES].strength = VOICING_THRESHOLD + fmaxf(0, 2 - level / (SILENCE / (1 + VOICING_THRESHOLD)));
	}
	best_path(&t, ret_f0, n_frames);
	for (int i = 0; i < n_frames; i++) {
		if (ret_f0[i] > 0)
			ret_f0[i] = (float)world_refine_f0(x, n, rate, i * WORLD_HOP_S, (double)ret_f0[i]);
	}
	tracker_close(&t);
	return 0;
}
