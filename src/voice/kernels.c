/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/kernels.h"

#include <math.h>
#include <string.h>

#define GROUP KERNEL_GROUP
#define TILE 64 /* frames that are turned from rows into columns at a time */
#define TO_NEAREST 12582912.0f /* 1.5 * 2^23: added and taken off again, it leaves a whole number */
#define INLINE static inline __attribute__((always_inline))

/* Vectors of GCC and Clang. */
typedef uint8_t bytes __attribute__((vector_size(16)));
typedef float quad __attribute__((vector_size(16)));

/* Rows are an odd number of cache lines apart, so that sixteen of them side by side do not fall into the same set. */
static int64_t row_stride(int64_t frames)
{
	return ((frames + GROUP - 1) / GROUP | 1) * GROUP;
}

int64_t snake_rows(const struct snake *s)
{
	return s->frames + s->pad[0] + s->pad[1] - (s->kernel - 1) * s->dilation;
}

size_t snake_scratch(const struct snake *s)
{
	size_t stride = (size_t)row_stride(s->frames), channels = (size_t)s->channels;
	return stride * (channels + 1) * sizeof(float) + (stride + (size_t)s->pad[0] + (size_t)s->pad[1]) * channels;
}

#define WEAVE_LOW(p, q) __builtin_shufflevector(p, q, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define WEAVE_HIGH(p, q) __builtin_shufflevector(p, q, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
/* Sixteen rows of sixteen bytes turned: four rounds of weaving row i with row i + 8. */
INLINE void turn_bytes(bytes *a)
{
	bytes b[16];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 8; i++) {
			b[2 * i] = WEAVE_LOW(a[i], a[i + 8]);
			b[2 * i + 1] = WEAVE_HIGH(a[i], a[i + 8]);
		}
		for (int i = 0; i < 8; i++) {
			a[2 * i] = WEAVE_LOW(b[i], b[i + 8]);
			a[2 * i + 1] = WEAVE_HIGH(b[i], b[i + 8]);
		}
	}
}

#define WEAVE_LOW4(p, q) __builtin_shufflevector(p, q, 0, 4, 1, 5)
#define WEAVE_HIGH4(p, q) __builtin_shufflevector(p, q, 2, 6, 3, 7)
/* Four rows of four turned. */
INLINE void turn_quad(quad *a)
{
	quad b0 = WEAVE_LOW4(a[0], a[2]), b1 = WEAVE_HIGH4(a[0], a[2]);
	quad b2 = WEAVE_LOW4(a[1], a[3]), b3 = WEAVE_HIGH4(a[1], a[3]);
	a[0] = WEAVE_LOW4(b0, b2);
	a[1] = WEAVE_HIGH4(b0, b2);
	a[2] = WEAVE_LOW4(b1, b3);
	a[3] = WEAVE_HIGH4(b1, b3);
}

/* ---- for the registers of each kind of processor ---- */

#define JOIN(name, suffix) name##_##suffix
#define NAME_OF(name, suffix) JOIN(name, suffix)
#define NAME(name) NAME_OF(name, SUFFIX)

#define SUFFIX any
#define WIDTH 16
#define TARGET
#include "voice/kernels_body.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define SUFFIX avx2
#define WIDTH 32
#define TARGET __attribute__((target("avx2")))
#include "voice/kernels_body.h"

#define SUFFIX avx512
#define WIDTH 64
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#include "voice/kernels_body.h"

#define HAS_AVX512 \
	(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
#define CHOOSE(name, ...) \
	do { \
		if (HAS_AVX512) \
			name##_avx512(__VA_ARGS__); \
		else if (__builtin_cpu_supports("avx2")) \
			name##_avx2(__VA_ARGS__); \
		else \
			name##_any(__VA_ARGS__); \
	} while (0)
#else
#define CHOOSE(name, ...) name##_any(__VA_ARGS__)
#endif

void snake_columns(const struct snake *s, void *scratch, uint8_t *columns, float *scale, uint8_t *zero)
{
	CHOOSE(snake_columns, s, scratch, columns, scale, zero);
}

void dequantize(const int32_t *product, int64_t channels, int64_t frames, const float *bias, float scale, const float *residual, float *ret)
{
	CHOOSE(dequantize, product, channels, frames, bias, scale, residual, ret);
}

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
