/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model's integer convolutions as matrix products, which the runtime does 1.5 to 2.5 times as fast with the same result to the bit: it packs a
 * product's constant weights once, but a convolution's columns each time. */
#ifndef VOICE_MODEL_CONV_H
#define VOICE_MODEL_CONV_H

#include "voice/model_graph.h"

#define CONV_KERNEL_MAX 32

/* A one-dimensional ConvInteger with stride 1 and constant uint8 weights. */
struct conv {
	struct pb_span name, x, x_zero, out; /* names: of the node, its input, the input's zero point, its output */
	int64_t outs, ins, kernel;           /* of the weights [outs][ins][kernel] */
	int64_t dilation, pad[2];
	const uint8_t *weights;
	uint8_t zero;
};

/* Reads a ConvInteger node. 0: it is another, or one of another kind, and stays as it is. */
int conv_read(const struct model *m, const struct node *n, struct conv *ret);

/* Puts the nodes and tensors that do the same into a GraphProto. */
void conv_put(struct buf *graph, const struct conv *c);

/* Only the weights and the product: of the tensor `columns` of the convolution's, [1][frames][kernel * ins] as CONV_COLUMNS has them, into CONV_PRODUCT,
 * int32 [1][frames][outs]. */
#define CONV_COLUMNS "columns"
#define CONV_PRODUCT "product"
void conv_put_product(struct buf *graph, const struct conv *c, const char *columns);
/* Field `number` of a message: the name of a tensor of the convolution's. */
void conv_put_name(struct buf *b, unsigned number, const struct conv *c, const char *tensor, int index);

#endif
