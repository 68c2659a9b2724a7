/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernels for registers of WIDTH bytes, compiled for the processors of TARGET, with SUFFIX in their names: included by kernels.c once for each kind. */
#define vec NAME(vec)
#define ivec NAME(ivec)
#define LANES (WIDTH / 4)

typedef float vec __attribute__((vector_size(WIDTH)));
typedef int32_t ivec __attribute__((vector_size(WIDTH)));
typedef uint8_t NAME(bytes) __attribute__((vector_size(LANES)));

TARGET INLINE void NAME(load)(vec *v, const float *p)
{
	memcpy(v, p, sizeof *v);
}

TARGET INLINE void NAME(store)(float *p, const vec *v)
{
	memcpy(p, v, sizeof *v);
}

/* *v where the mask is set, else a. */
TARGET INLINE void NAME(choose)(vec *v, const ivec *mask, const vec *a)
{
	*v = (vec)((*mask & (ivec)*v) | (~*mask & (ivec)*a));
}

TARGET INLINE void NAME(keep_least)(vec *v, const vec *a)
{
	ivec mask = *v < *a;
	NAME(choose)(v, &mask, a);
}

TARGET INLINE void NAME(keep_most)(vec *v, const vec *a)
{
	ivec mask = *v > *a;
	NAME(choose)(v, &mask, a);
}

TARGET INLINE float NAME(sum)(const vec *v)
{
	float s = 0;
	for (int i = 0; i < LANES; i++)
		s += (*v)[i];
	return s;
}

/* sin^2 has the period pi: y less its nearest multiple (in two parts, after Cody and Waite), then a polynomial for the sine from -pi/2 to pi/2 (fitted to
 * the least greatest error, 9e-7). */
TARGET INLINE void NAME(sine_squared)(vec *y)
{
	vec n = (*y * 0.318309886f + TO_NEAREST) - TO_NEAREST;
	vec r = (*y - n * 3.140625f) - n * 9.67653589793e-4f;
	vec r2 = r * r;
	vec sine = r + r * r2 * (-1.6665681050e-1f + r2 * (8.3123659629e-3f + r2 * -1.8492175103e-4f));
	*y = sine * sine;
}

/* A row's frames from t on; in the place of those beyond its end, the last. */
TARGET INLINE void NAME(load_row)(vec *v, const float *x, int64_t t, int64_t frames)
{
	if (t + LANES <= frames) {
		NAME(load)(v, x + t);
		return;
	}
	vec rest = { 0 };
	for (int i = 0; i < LANES; i++)
		rest[i] = x[t + i < frames ? t + i : frames - 1];
	*v = rest;
}

/* One channel, activated into ret; keeps the least and the greatest value. weights: padded with zeros to whole vectors. */
TARGET INLINE void NAME(activate_row)(const struct snake *s, int64_t c, const float *weights, float *ret, vec *least, vec *most)
{
	const float *x = s->x + c * s->frames;
	vec mean = { 0 }, variance = { 0 }, w, v;
	for (int64_t t = 0; t < s->frames; t += LANES) {
		NAME(load)(&w, weights + t);
		NAME(load_row)(&v, x, t, s->frames);
		mean += w * v;
	}
	float m = NAME(sum)(&mean);
	for (int64_t t = 0; t < s->frames; t += LANES) {
		NAME(load)(&w, weights + t);
		NAME(load_row)(&v, x, t, s->frames);
		v -= m;
		variance += w * (v * v);
	}
	float gain = s->gain[c] / sqrtf(NAME(sum)(&variance) + s->epsilon), offset = s->offset[c], alpha = s->alpha[c], reciprocal = s->reciprocal[c];
	for (int64_t t = 0; t < s->frames; t += LANES) {
		NAME(load_row)(&v, x, t, s->frames);
		v = (v - m) * gain + offset;
		vec periodic = v * alpha;
		NAME(sine_squared)(&periodic);
		v += periodic * reciprocal;
		NAME(keep_least)(least, &v);
		NAME(keep_most)(most, &v);
		NAME(store)(ret + t, &v);
	}
}

/* rows [channels][stride] -> ret [frames][channels] */
TARGET INLINE void NAME(quantize)(const float *rows, int64_t stride, int64_t channels, int64_t frames, float inverse, float zero, uint8_t *ret)
{
	const vec darkest = { 0 }, brightest = darkest + 255;
	for (int64_t t0 = 0; t0 < frames; t0 += TILE)
		for (int64_t c0 = 0; c0 < channels; c0 += GROUP)
			for (int64_t t = t0; t < t0 + TILE && t < frames; t += GROUP) {
				bytes tile[GROUP];
				for (int c = 0; c < GROUP; c++)
					for (int i = 0; i < GROUP; i += LANES) {
						vec v;
						NAME(load)(&v, rows + (c0 + c) * stride + t + i);
						v = ((v * inverse + TO_NEAREST) - TO_NEAREST) + zero;
						NAME(keep_most)(&v, &darkest);
						NAME(keep_least)(&v, &brightest);
						NAME(bytes) b = __builtin_convertvector(__builtin_convertvector(v, ivec), NAME(bytes));
						memcpy((uint8_t *)&tile[c] + i, &b, sizeof b);
					}
				turn_bytes(tile);
				for (int i = 0; i < GROUP; i++)
					memcpy(ret + (t + i) * channels + c0, &tile[i], sizeof *tile);
			}
}

TARGET static void NAME(snake_columns)(const struct snake *s, void *scratch, uint8_t *columns, float *scale, uint8_t *zero)
{
	int64_t stride = row_stride(s->frames), width = s->channels, rows = snake_rows(s);
	float *weights = scratch, *active = weights + stride;
	uint8_t *flat = (uint8_t *)(active + stride * width);
	memcpy(weights, s->weights, (size_t)s->frames * sizeof *weights);
	memset(weights + s->frames, 0, (size_t)(stride - s->frames) * sizeof *weights);
	vec least = { 0 }, most = { 0 };
	for (int64_t c = 0; c < width; c++)
		NAME(activate_row)(s, c, weights, active + c * stride, &least, &most);
	float low = 0, high = 0;
	for (int i = 0; i < LANES; i++) {
		low = least[i] < low ? least[i] : low;
		high = most[i] > high ? most[i] : high;
	}
	*scale = high > low ? (high - low) / 255 : 1;
	float z = nearbyintf(-low / *scale);
	*zero = (uint8_t)(z < 0 ? 0 : z > 255 ? 255 : z);
	memset(flat, *zero, (size_t)(s->pad[0] * width));
	NAME(quantize)(active, stride, width, s->frames, 1 / *scale, *zero, flat + s->pad[0] * width);
	memset(flat + (s->pad[0] + s->frames) * width, *zero, (size_t)(s->pad[1] * width));
	for (int64_t t = 0; t < rows; t++)
		for (int64_t k = 0; k < s->kernel; k++)
			memcpy(columns + (t * s->kernel + k) * width, flat + (t + k * s->dilation) * width, (size_t)width);
}
/* A group of channels from c0 on, of n <= GROUP frames from t on. */
TARGET INLINE void NAME(dequantize_tile)(const int32_t *product, int64_t channels, int64_t frames, int64_t c0, int64_t t, int n, const int32_t *bias, float scale,
                                         const float *residual, float *ret)
{
	float tile[GROUP][GROUP];
	for (int i = 0; i < n; i++)
		for (int c = 0; c < GROUP; c += LANES) {
			ivec v, b;
			memcpy(&v, product + (t + i) * channels + c0 + c, sizeof v);
			memcpy(&b, bias + c, sizeof b);
			vec real = __builtin_convertvector(v + b, vec) * scale;
			NAME(store)(tile[i] + c, &real);
		}
	if (n < GROUP) {
		for (int c = 0; c < GROUP; c++)
			for (int i = 0; i < n; i++) {
				int64_t at = (c0 + c) * frames + t + i;
				ret[at] = tile[i][c] + (residual ? residual[at] : 0);
			}
		return;
	}
	for (int c = 0; c < GROUP; c += 4)
		for (int i = 0; i < GROUP; i += 4) {
			quad q[4];
			for (int k = 0; k < 4; k++)
				memcpy(&q[k], tile[i + k] + c, sizeof *q);
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

TARGET static void NAME(dequantize)(const int32_t *product, int64_t channels, int64_t frames, const float *bias, float scale, const float *residual, float *ret)
{
	for (int64_t t0 = 0; t0 < frames; t0 += TILE)
		for (int64_t c0 = 0; c0 < channels; c0 += GROUP) {
			int32_t b[GROUP];
			for (int i = 0; i < GROUP; i++)
				b[i] = (int32_t)floorf(bias[c0 + i] / scale);
			for (int64_t t = t0; t < t0 + TILE && t < frames; t += GROUP)
				NAME(dequantize_tile)(product, channels, frames, c0, t, frames - t < GROUP ? (int)(frames - t) : GROUP, b, scale, residual, ret);
		}
}

#undef vec
#undef ivec
#undef LANES
#undef SUFFIX
#undef WIDTH
#undef TARGET
