/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the decoder does between its integer products, in as few passes over the sound's features as it takes: the runtime's own operators take a pass
 * each, some fifteen for a convolution, and half of the time to sing went into them. model_fuse.h puts them into the network, ort_ops.c into the runtime.
 * C with vectors as wide as the processor's registers; the same arguments give the same bits on one machine. */
#ifndef VOICE_KERNELS_H
#define VOICE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Channels come in groups of so many. */
#define KERNEL_GROUP 16

/* An adaptive instance normalisation (Huang and Belongie 2017) with the decoder's weights of time, and the periodic activation after it, y + sin^2(alpha y) /
 * alpha ("Snake": Ziyin, Hartwig and Ueda 2020), with the shape of the convolution whose input it is. */
struct snake {
	const float *x;             /* [channels][frames] */
	int64_t channels, frames;   /* channels: a multiple of KERNEL_GROUP */
	const float *weights;       /* [frames], sum 1 */
	const float *gain, *offset; /* [channels] */
	const float *alpha, *reciprocal;
	float epsilon;              /* added to variances */
	int64_t kernel, dilation, pad[2];
};

/* Frames of the convolution's output; less than 1: the shapes are not fit for each other. */
int64_t snake_rows(const struct snake *s);
/* Bytes that snake_columns works in. */
size_t snake_scratch(const struct snake *s);

/* Activates, quantises to 0..255 as ONNX's DynamicQuantizeLinear does (value = (byte - *zero) * *scale) and lays out what the kernel sees at each frame:
 * columns [rows][kernel * channels]. scratch: of snake_scratch(), aligned for floats. */
void snake_columns(const struct snake *s, void *scratch, uint8_t *columns, float *scale, uint8_t *zero);

/* The product of columns and weights, [frames][channels], as features [channels][frames]: (product + floor(bias / scale)) * scale, and `residual` (the
 * same shape, or NULL) added. channels: a multiple of KERNEL_GROUP. */
void dequantize(const int32_t *product, int64_t channels, int64_t frames, const float *bias, float scale, const float *residual, float *ret);

#define SPECTRA_WINDOW_MAX 64
/* Spectra of windows `step` apart, as ONNX's STFT with one side: ret [(n - length) / step + 1][length / 2 + 1][2] (real, imaginary). What has no imaginary
 * part, at 0 Hz and half the rate, has 1e-30, so that its phase is 0 or pi. 1 <= length <= SPECTRA_WINDOW_MAX, length <= n, step >= 1. */
void short_spectra(const float *x, int64_t n, int64_t step, const float *window, int64_t length, float *ret);

#endif
