/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds the decoder's convolutions of an activated, normalised input and writes each as three nodes: one that makes the product's columns of the features, the
 * product, and one that makes features of it. They do the same as some thirty of the model's, in far fewer passes (kernels.h). */
#ifndef VOICE_MODEL_FUSE_H
#define VOICE_MODEL_FUSE_H

#include "voice/model_conv.h"
#include "voice/model_graph.h"

#define MODEL_OP_SNAKE "SnakeColumns"   /* x, weights, gain, offset, alpha, reciprocal, epsilon -> columns, scale, zero point */
#define MODEL_OP_DEQUANTIZE "Dequantize" /* product, bias, scale [, residual] -> features */
#define MODEL_OP_SPECTRA "Spectra"      /* as ONNX's STFT */
#define MODEL_OP_KERNEL "kernel"        /* attributes of MODEL_OP_SNAKE */
#define MODEL_OP_DILATION "dilation"
#define MODEL_OP_PAD_BEFORE "pad_before"
#define MODEL_OP_PAD_AFTER "pad_after"

struct fused {
	struct conv conv;
	int quantize, product, last; /* nodes in whose places the three come: DynamicQuantizeLinear, ConvInteger, and what makes the features */
	int mean;                    /* the node that takes the mean over time */
	struct pb_span x, gain, offset, alpha, reciprocal, epsilon, bias, scale, residual; /* tensors; residual.p is NULL if none is added */
};

/* Whether the node is such a convolution, with all around it as expected. */
int fuse_read(const struct model *m, int node, struct fused *ret);

/* Inputs of the nodes at `quantize` and `last`, for finding out what is needed; at most FUSE_INPUTS_MAX. */
#define FUSE_INPUTS_MAX 6
int fuse_inputs(const struct model *m, const struct fused *f, int node, struct pb_span ret[FUSE_INPUTS_MAX]);

/* Puts what comes in the place of `node` (quantize, product or last). weights: the tensor of the frames' weights. */
void fuse_put(struct buf *graph, const struct model *m, const struct fused *f, int node, const char *weights);

/* Puts ours for an STFT node of four inputs. */
void fuse_put_spectra(struct buf *graph, const struct node *n);

#endif
