/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/model_conv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIM_MAX 4096
#define NAME_MAX_BYTES 512

/* ONNX's element types. */
enum { TYPE_UINT8 = 2, TYPE_INT8 = 3, TYPE_INT64 = 7 };

/* ---- reading ---- */

struct tensor {
	int64_t dims[4]; int n_dims;
	uint64_t type;
	struct pb_span raw;
	int64_t ints[1]; int n_ints;
};

static int read_tensor(struct pb_span s, struct tensor *ret)
{
	struct tensor t = { 0 };
	struct pb_field f;
	int rc, ok = 1;
	while ((rc = pb_take(&s, &f)) > 0) {
		if (f.number == TENSOR_DIMS)
			ok = ok && pb_ints(&f, t.dims, &t.n_dims, 4);
		else if (f.number == TENSOR_TYPE)
			t.type = f.value;
		else if (f.number == TENSOR_RAW)
			t.raw = f.bytes;
		else if (f.number == TENSOR_INT32_DATA)
			ok = ok && pb_ints(&f, t.ints, &t.n_ints, 1);
	}
	*ret = t;
	return ok && !rc;
}

/* An attribute's integers into the convolution. 0: one that is not understood. */
static int read_attribute(struct pb_span s, struct conv *c)
{
	struct pb_span name = { 0 };
	int64_t v[4] = { 0 };
	int n = 0, rc;
	struct pb_field f;
	while ((rc = pb_take(&s, &f)) > 0) {
		if (f.number == ATTRIBUTE_NAME)
			name = f.bytes;
		else if (f.number == ATTRIBUTE_S && !pb_is(f.bytes, "NOTSET"))
			return 0;
		else if ((f.number == ATTRIBUTE_I || f.number == ATTRIBUTE_INTS) && !pb_ints(&f, v, &n, 4))
			return 0;
	}
	if (rc)
		return 0;
	if (pb_is(name, "strides") || pb_is(name, "group"))
		return n == 1 && v[0] == 1;
	if (pb_is(name, "dilations")) {
		c->dilation = v[0];
		return n == 1 && v[0] >= 1 && v[0] <= DIM_MAX;
	}
	if (pb_is(name, "pads")) {
		c->pad[0] = v[0];
		c->pad[1] = v[1];
		return n == 2 && v[0] >= 0 && v[1] >= 0 && v[0] <= DIM_MAX && v[1] <= DIM_MAX;
	}
	return pb_is(name, "kernel_shape") || pb_is(name, "auto_pad");
}

static int read_weights(struct pb_span weights, struct pb_span zero, struct conv *c)
{
	struct tensor w, z;
	if (!read_tensor(weights, &w) || !read_tensor(zero, &z) || w.type != TYPE_UINT8 || z.type != TYPE_UINT8 || w.n_dims != 3)
		return 0;
	for (int i = 0; i < 3; i++)
		if (w.dims[i] < 1 || w.dims[i] > DIM_MAX)
			return 0;
	c->outs = w.dims[0];
	c->ins = w.dims[1];
	c->kernel = w.dims[2];
	c->weights = w.raw.p;
	if (z.raw.len == 1)
		c->zero = z.raw.p[0];
	else if (z.n_ints == 1 && z.ints[0] >= 0 && z.ints[0] < 256)
		c->zero = (uint8_t)z.ints[0];
	else
		return 0;
	return c->kernel <= CONV_KERNEL_MAX && w.raw.len == (size_t)(c->outs * c->ins * c->kernel);
}

int conv_read(const struct model *m, const struct node *n, struct conv *ret)
{
	if (!pb_is(n->op, "ConvInteger") || n->n_in != 4 || n->n_out != 1 || !n->name.len || n->name.len > NAME_MAX_BYTES)
		return 0;
	const struct maker *w = model_maker(m, n->in[1]), *z = model_maker(m, n->in[3]);
	struct conv c = { .name = n->name, .x = n->in[0], .x_zero = n->in[2], .out = n->out[0], .dilation = 1 };
	if (!w->name.p || !z->name.p || w->constant < 0 || z->constant < 0)
		return 0;
	struct pb_span body = n->body;
	struct pb_field f;
	int rc;
	while ((rc = pb_take(&body, &f)) > 0)
		if (f.number == NODE_ATTRIBUTE && !read_attribute(f.bytes, &c))
			return 0;
	if (rc || !read_weights(m->constants[w->constant].body, m->constants[z->constant].body, &c))
		return 0;
	*ret = c;
	return 1;
}

/* ---- writing ---- */

void conv_put_name(struct buf *b, unsigned number, const struct conv *c, const char *suffix, int index)
{
	char text[NAME_MAX_BYTES + 32];
	int n = snprintf(text, sizeof text, "%.*s/%s%d", (int)c->name.len, (const char *)c->name.p, suffix, index);
	pb_put_bytes(b, number, text, (size_t)n);
}

static void put_tensor_head(struct buf *b, const struct conv *c, const char *suffix, int index, int type, int64_t d0, int64_t d1)
{
	if (d0)
		pb_put_int(b, TENSOR_DIMS, (uint64_t)d0);
	if (d1)
		pb_put_int(b, TENSOR_DIMS, (uint64_t)d1);
	pb_put_int(b, TENSOR_TYPE, (uint64_t)type);
	conv_put_name(b, TENSOR_NAME, c, suffix, index);
}

static void put_int64s(struct buf *graph, const struct conv *c, const char *suffix, int index, const int64_t *v, int n)
{
	struct buf t = buf_init(4096);
	uint8_t raw[8 * 8];
	for (int i = 0; i < n * 8; i++)
		raw[i] = (uint8_t)((uint64_t)v[i / 8] >> (i % 8 * 8));
	put_tensor_head(&t, c, suffix, index, TYPE_INT64, n, 0);
	pb_put_bytes(&t, TENSOR_RAW, raw, (size_t)n * 8);
	pb_put_message(graph, GRAPH_INITIALIZER, &t);
}

/* Weights [outs][ins][kernel] as [kernel][ins][outs], and signed, which the processor's dot products take faster. */
static void put_weights(struct buf *graph, const struct conv *c)
{
	size_t n = (size_t)(c->outs * c->ins * c->kernel), at = 0;
	uint8_t *w = malloc(n), zero = c->zero ^ 0x80;
	struct buf t = buf_init(n + 4096), z = buf_init(4096);
	if (!w) {
		graph->failed = MADRIGAL_EMEMORY;
		return;
	}
	for (int64_t k = 0; k < c->kernel; k++)
		for (int64_t i = 0; i < c->ins; i++)
			for (int64_t o = 0; o < c->outs; o++)
				w[at++] = c->weights[(o * c->ins + i) * c->kernel + k] ^ 0x80;
	put_tensor_head(&t, c, "weights", 0, TYPE_INT8, c->kernel * c->ins, c->outs);
	pb_put_bytes(&t, TENSOR_RAW, w, n);
	pb_put_message(graph, GRAPH_INITIALIZER, &t);
	put_tensor_head(&z, c, "zero", 0, TYPE_INT8, 0, 0);
	pb_put_bytes(&z, TENSOR_RAW, &zero, 1);
	pb_put_message(graph, GRAPH_INITIALIZER, &z);
	free(w);
}

/* Ends a node whose inputs are in n already. */
static void put_node(struct buf *graph, struct buf *n, const struct conv *c, const char *op, const char *out, int index)
{
	conv_put_name(n, NODE_OUTPUT, c, out, index);
	conv_put_name(n, NODE_NAME, c, out, index);
	pb_put_text(n, NODE_OP_TYPE, op);
	pb_put_message(graph, GRAPH_NODE, n);
}

static const int64_t swap_last[3] = { 0, 2, 1 };

/* x [1][time][ins] -> for each moment what the kernel sees of it, [1][time][kernel * ins]. */
static void put_columns(struct buf *graph, const struct conv *c)
{
	int64_t pads[6] = { 0, c->pad[0], 0, 0, c->pad[1], 0 }, time_axis = 1, channel_axis = 2;
	struct buf pad = buf_init(4096), all = buf_init(65536);
	put_int64s(graph, c, "pads", 0, pads, 6);
	put_int64s(graph, c, "axis", 0, &time_axis, 1);
	conv_put_name(&pad, NODE_INPUT, c, "x", 0);
	conv_put_name(&pad, NODE_INPUT, c, "pads", 0);
	pb_put_span(&pad, NODE_INPUT, c->x_zero);
	put_node(graph, &pad, c, "Pad", "padded", 0);
	for (int k = 0; k < c->kernel; k++) {
		struct buf slice = buf_init(4096);
		int64_t start = k * c->dilation, end = -(c->kernel - 1 - k) * c->dilation;
		if (!end)
			end = INT64_MAX;
		put_int64s(graph, c, "start", k, &start, 1);
		put_int64s(graph, c, "end", k, &end, 1);
		conv_put_name(&slice, NODE_INPUT, c, "padded", 0);
		conv_put_name(&slice, NODE_INPUT, c, "start", k);
		conv_put_name(&slice, NODE_INPUT, c, "end", k);
		conv_put_name(&slice, NODE_INPUT, c, "axis", 0);
		put_node(graph, &slice, c, "Slice", "slice", k);
		conv_put_name(&all, NODE_INPUT, c, "slice", k);
	}
	model_put_ints(&all, "axis", &channel_axis, 1);
	put_node(graph, &all, c, "Concat", CONV_COLUMNS, 0);
}

void conv_put_product(struct buf *graph, const struct conv *c, const char *columns)
{
	struct buf product = buf_init(4096);
	put_weights(graph, c);
	conv_put_name(&product, NODE_INPUT, c, columns, 0);
	conv_put_name(&product, NODE_INPUT, c, "weights", 0);
	pb_put_span(&product, NODE_INPUT, c->x_zero);
	conv_put_name(&product, NODE_INPUT, c, "zero", 0);
	put_node(graph, &product, c, "MatMulInteger", CONV_PRODUCT, 0);
}

void conv_put(struct buf *graph, const struct conv *c)
{
	int flat = c->kernel == 1 && !c->pad[0] && !c->pad[1];
	struct buf turn = buf_init(4096), back = buf_init(4096);
	pb_put_span(&turn, NODE_INPUT, c->x);
	model_put_ints(&turn, "perm", swap_last, 3);
	put_node(graph, &turn, c, "Transpose", "x", 0);
	if (!flat)
		put_columns(graph, c);
	conv_put_product(graph, c, flat ? "x" : CONV_COLUMNS);
	conv_put_name(&back, NODE_INPUT, c, CONV_PRODUCT, 0);
	model_put_ints(&back, "perm", swap_last, 3);
	pb_put_span(&back, NODE_OUTPUT, c->out);
	conv_put_name(&back, NODE_NAME, c, "back", 0);
	pb_put_text(&back, NODE_OP_TYPE, "Transpose");
	pb_put_message(graph, GRAPH_NODE, &back);
}
