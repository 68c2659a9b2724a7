/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/kernels.h"

#include <math.h>
#include <string.h>

/* GCC's vectors: one instruction where the processor has registers of 64 bytes, two or four where they are shorter. Each entry below is compiled for three
 * kinds of x86 processors and chosen when it is called. */
typedef float vec __attribute__((vector_size(64)));
typedef int32_t ivec __attribute__((vector_size(64)));
typedef uint8_t bytes __attribute__((vector_size(16)));
typedef float quad __attribute__((vector_size(16)));
typedef int32_t iquad __attribute__((vector_size(16)));
#define LANES KERNEL_GROUP
#define INLINE static inline __attribute__((always_inline))
#define TILE 64 /* frames that are turned from rows into columns at a time */

#if defined(__x86_64__) && defined(__GNUC__)
#define ENTRY(type, name, parameters, arguments) \
	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512"))) static type name##_512 parameters { name##_any arguments; } \
	__attribute__((target("avx2"))) static type name##_256 parameters { name##_any arguments; } \
	type name parameters \
	{ \
		if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) \
			name##_512 arguments; \
		else if (__builtin_cpu_supports("avx2")) \
			name##_256 arguments; \
		else \
			name##_any arguments; \
	}
#else
#define ENTRY(type, name, parameters, arguments) type name parameters { name##_any arguments; }
#endif

INLINE void load(vec *v, const float *p)
{
	memcpy(v, p, sizeof *v);
}

INLINE void store(float *p, const vec *v)
{
	memcpy(p, v, sizeof *v);
}

/* *v where the mask is set, else a. */
INLINE void choose(vec *v, const ivec *mask, const vec *a)
{
	*v = (vec)((*mask & (ivec)*v) | (~*mask & (ivec)*a));
}

INLINE void keep_least(vec *v, const vec *a)
{
	ivec mask = *v < *a;
	choose(v, &mask, a);
}

INLINE void keep_most(vec *v, const vec *a)
{
	ivec mask = *v > *a;
	choose(v, &mask, a);
}

INLINE float sum(const vec *v)
{
	float s = 0;
	for (int i = 0; i < LANES; i++)
		s += (*v)[i];
	return s;
}

/* ---- activation ---- */

/* Rows are an odd number of cache lines apart, so that sixteen of them side by side do not fall into the same set. */
static int64_t row_stride(int64_t frames)
{
	return ((frames + LANES - 1) / LANES | 1) * LANES;
}

static size_t round_up(size_t n)
{
	return (n + 63) / 64 * 64;
}

static int64_t padded_frames(const struct snake *s)
{
	return (s->frames + TILE - 1) / TILE * TILE + s->pad[0] + s->pad[1];
}

int64_t snake_rows(const struct snake *s)
{
	return s->frames + s->pad[0] + s->pad[1] - (s->kernel - 1) * s->dilation;
}

size_t snake_scratch(const struct snake *s)
{
	size_t stride = (size_t)row_stride(s->frames);
	return stride * ((size_t)s->channels + 1) * sizeof(float) + round_up((size_t)padded_frames(s) * (size_t)s->channels) + 64;
}

/* sin^2 has the period pi: y less its nearest multiple (in two parts, after Cody and Waite), then a polynomial for the sine from -pi/2 to pi/2 (fitted to
 * the least greatest error, 9e-7). */
INLINE void sine_squared(vec *y)
{
	const float to_nearest = 12582912.0f; /* 1.5 * 2^23: what is added and taken off leaves whole numbers */
	vec n = (*y * 0.318309886f + to_nearest) - to_nearest;
	vec r = (*y - n * 3.140625f) - n * 9.67653589793e-4f;
	vec r2 = r * r;
	vec sine = r + r * r2 * (-1.6665681050e-1f + r2 * (8.3123659629e-3f + r2 * -1.8492175103e-4f));
	*y = sine * sine;
}

/* One channel, activated into ret; keeps the least and the greatest value. weights: padded with zeros to whole vectors. */
INLINE void activate_row(const struct snake *s, int64_t c, const float *weights, float *ret, vec *least, vec *most)
{
	const float *x = s->x + c * s->frames;
	int64_t whole = s->frames / LANES * LANES;
	vec mean = { 0 }, variance = { 0 }, w, v, rest;
	for (int i = 0; i < LANES; i++)
		rest[i] = x[whole + i < s->frames ? whole + i : s->frames - 1];
	int more = whole < s->frames;
	for (int64_t t = 0; t < whole; t += LANES) {
		load(&w, weights + t);
		load(&v, x + t);
		mean += w * v;
	}
	if (more) {
		load(&w, weights + whole);
		mean += w * rest;
	}
	float m = sum(&mean);
	for (int64_t t = 0; t < whole; t += LANES) {
		load(&w, weights + t);
		load(&v, x + t);
		v -= m;
		variance += w * (v * v);
	}
	if (more) {
		load(&w, weights + whole);
		v = rest - m;
		variance += w * (v * v);
	}
	float gain = s->gain[c] / sqrtf(sum(&variance) + s->epsilon), offset = s->offset[c], alpha = s->alpha[c], reciprocal = s->reciprocal[c];
	for (int64_t t = 0; t < whole + (more ? LANES : 0); t += LANES) {
		if (t < whole)
			load(&v, x + t);
		else
			v = rest;
		v = (v - m) * gain + offset;
		vec periodic = v * alpha;
		sine_squared(&periodic);
		v += periodic * reciprocal;
		keep_least(least, &v);
		keep_most(most, &v);
		store(ret + t, &v);
	}
}

/* Sixteen rows of sixteen bytes turned: four rounds of weaving row i with row i + 8. */
INLINE void turn_bytes(bytes *a)
{
	const bytes low = { 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23 };
	const bytes high = { 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };
	bytes b[16];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 8; i++) {
			b[2 * i] = __builtin_shuffle(a[i], a[i + 8], low);
			b[2 * i + 1] = __builtin_shuffle(a[i], a[i + 8], high);
		}
		for (int i = 0; i < 8; i++) {
			a[2 * i] = __builtin_shuffle(b[i], b[i + 8], low);
			a[2 * i + 1] = __builtin_shuffle(b[i], b[i + 8], high);
		}
	}
}

/* rows [channels][stride] -> ret [frames][channels] */
INLINE void quantize(const float *rows, int64_t stride, int64_t channels, int64_t frames, float inverse, float zero, uint8_t *ret)
{
	const float to_nearest = 12582912.0f;
	const vec darkest = { 0 }, brightest = darkest + 255;
	for (int64_t t0 = 0; t0 < frames; t0 += TILE)
		for (int64_t c0 = 0; c0 < channels; c0 += LANES)
			for (int64_t t = t0; t < t0 + TILE && t < frames; t += LANES) {
				bytes tile[LANES];
				for (int c = 0; c < LANES; c++) {
					vec v;
					load(&v, rows + (c0 + c) * stride + t);
					v = ((v * inverse + to_nearest) - to_nearest) + zero;
					keep_most(&v, &darkest);
					keep_least(&v, &brightest);
					tile[c] = __builtin_convertvector(__builtin_convertvector(v, ivec), bytes);
				}
				turn_bytes(tile);
				for (int i = 0; i < LANES; i++)
					memcpy(ret + (t + i) * channels + c0, &tile[i], sizeof *tile);
			}
}

INLINE void snake_columns_any(const struct snake *s, void *scratch, uint8_t *columns, float *scale, uint8_t *zero)
{
	int64_t stride = row_stride(s->frames), width = s->channels, rows = snake_rows(s);
	float *weights = scratch, *active = weights + stride;
	uint8_t *flat = (uint8_t *)(active + stride * width);
	memcpy(weights, s->weights, (size_t)s->frames * sizeof *weights);
	memset(weights + s->frames, 0, (size_t)(stride - s->frames) * sizeof *weights);
	vec least = { 0 }, most = { 0 };
	for (int64_t c = 0; c < width; c++)
		activate_row(s, c, weights, active + c * stride, &least, &most);
	float low = 0, high = 0;
	for (int i = 0; i < LANES; i++) {
		low = least[i] < low ? least[i] : low;
		high = most[i] > high ? most[i] : high;
	}
	*scale = high > low ? (high - low) / 255 : 1;
	float z = nearbyintf(-low / *scale);
	*zero = (uint8_t)(z < 0 ? 0 : z > 255 ? 255 : z);
	memset(flat, *zero, (size_t)(s->pad[0] * width));
	quantize(active, stride, width, s->frames, 1 / *scale, *zero, flat + s->pad[0] * width);
	memset(flat + (s->pad[0] + s->frames) * width, *zero, (size_t)(s->pad[1] * width));
	for (int64_t t = 0; t < rows; t++)
		for (int64_t k = 0; k < s->kernel; k++)
			memcpy(columns + (t * s->kernel + k) * width, flat + (t + k * s->dilation) * width, (size_t)width);
}
ENTRY(void, snake_columns, (const struct snake *s, void *scratch, uint8_t *columns, float *scale, uint8_t *zero), (s, scratch, columns, scale, zero))

/* ---- back ---- */

/* Four rows of four turned. */
INLINE void turn_quad(quad *a)
{
	const iquad low = { 0, 4, 1, 5 }, high = { 2, 6, 3, 7 };
	quad b0 = __builtin_shuffle(a[0], a[2], low), b1 = __builtin_shuffle(a[0], a[2], high);
	quad b2 = __builtin_shuffle(a[1], a[3], low), b3 = __builtin_shuffle(a[1], a[3], high);
	a[0] = __builtin_shuffle(b0, b2, low);
	a[1] = __builtin_shuffle(b0, b2, high);
	a[2] = __builtin_shuffle(b1, b3, low);
	a[3] = __builtin_shuffle(b1, b3, high);
}

/* Sixteen channels from c0 on, of n <= LANES frames from t on. */
INLINE void dequantize_tile(const int32_t *product, int64_t channels, int64_t frames, int64_t c0, int64_t t, int n, const ivec *bias, float scale,
                            const float *residual, float *ret)
{
	vec tile[LANES];
	for (int i = 0; i < n; i++) {
		ivec v;
		memcpy(&v, product + (t + i) * channels + c0, sizeof v);
		tile[i] = __builtin_convertvector(v + *bias, vec) * scale;
	}
	if (n < LANES) {
		for (int c = 0; c < LANES; c++)
			for (int i = 0; i < n; i++) {
				int64_t at = (c0 + c) * frames + t + i;
				ret[at] = tile[i][c] + (residual ? residual[at] : 0);
			}
		return;
	}
	for (int c = 0; c < LANES; c += 4)
		for (int i = 0; i < LANES; i += 4) {
			quad q[4];
			for (int k = 0; k < 4; k++)
				memcpy(&q[k], (const float *)&tile[i + k] + c, sizeof *q);
			turn_quad(q);
			for (int k = 0; k < 4; k++) {
				int64_t at = (c0 + c + k) * frames + t + i;
				if (residual) {
					quad r;
					memcpy(&r, residual + at, sizeof r);
					q[k] += r;
				}
				memcpy(ret + at, &q[k], sizeof *q);
			}
		}
}

INLINE void dequantize_any(const int32_t *product, int64_t channels, int64_t frames, const float *bias, float scale, const float *residual, float *ret)
{
	for (int64_t t0 = 0; t0 < frames; t0 += TILE)
		for (int64_t c0 = 0; c0 < channels; c0 += LANES) {
			ivec b;
			for (int i = 0; i < LANES; i++)
				b[i] = (int32_t)floorf(bias[c0 + i] / scale);
			for (int64_t t = t0; t < t0 + TILE && t < frames; t += LANES)
				dequantize_tile(product, channels, frames, c0, t, frames - t < LANES ? (int)(frames - t) : LANES, &b, scale, residual, ret);
		}
}
ENTRY(void, dequantize, (const int32_t *product, int64_t channels, int64_t frames, const float *bias, float scale, const float *residual, float *ret),
      (product, channels, frames, bias, scale, residual, ret))

/* ---- spectra ---- */

/* What is real at 0 Hz and at half the rate has the phase 0 or pi, as where the network was trained, and not -pi, nor either by rounding errors. */
#define REAL_IMAGINARY 1e-30f

void short_spectra(const float *x, int64_t n, int64_t step, const float *window, int64_t length, float *ret)
{
	float wave[SPECTRA_WINDOW_MAX][SPECTRA_WINDOW_MAX + 2]; /* of each sample: its part in every value of a spectrum */
	int values = (int)(length / 2 + 1) * 2;
	for (int i = 0; i < length; i++)
		for (int k = 0; k < values; k += 2) {
			double turn = 2 * M_PI * (double)(i * (k / 2) % length) / (double)length;
			wave[i][k] = window[i] * (float)cos(turn);
			wave[i][k + 1] = -window[i] * (float)sin(turn);
		}
	for (int64_t at = 0; at + length <= n; at += step, ret += values) {
		memset(ret, 0, (size_t)values * sizeof *ret);
		for (int i = 0; i < length; i++)
			for (int k = 0; k < values; k++)
				ret[k] += x[at + i] * wave[i][k];
		ret[1] = REAL_IMAGINARY;
		if (length % 2 == 0)
			ret[length + 1] = REAL_IMAGINARY;
	}
}
