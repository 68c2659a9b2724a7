/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/model_fuse.h"

#include <string.h>

#include "voice/kernels.h"

/* ---- reading: each NULL-safe, so that a chain that breaks anywhere is none ---- */

/* The node that makes input i of n, if it has that operator. */
static const struct node *before(const struct model *m, const struct node *n, int i, const char *op)
{
	if (!n || i >= n->n_in)
		return NULL;
	const struct maker *k = model_maker(m, n->in[i]);
	return k->name.p && k->node >= 0 && pb_is(m->nodes[k->node].op, op) ? &m->nodes[k->node] : NULL;
}

/* The only node that reads output 0 of n, if it has that operator and reads it as its input i. */
static const struct node *after(const struct model *m, const struct node *n, int i, const char *op)
{
	if (!n || !n->n_out)
		return NULL;
	const struct maker *k = model_maker(m, n->out[0]);
	if (!k->name.p || k->uses != 1)
		return NULL;
	const struct node *r = &m->nodes[k->reader];
	return pb_is(r->op, op) && i < r->n_in && pb_same(r->in[i], n->out[0]) ? r : NULL;
}

static int is_constant(const struct model *m, const struct node *n, int i)
{
	return n && i < n->n_in && model_maker(m, n->in[i])->name.p && model_maker(m, n->in[i])->constant >= 0;
}

static int index_of(const struct model *m, const struct node *n)
{
	return (int)(n - m->nodes);
}

/* gain * (x - mean) / sqrt(variance + epsilon) + offset, made by `sum`. */
static int read_normalisation(const struct model *m, const struct node *sum, struct fused *f)
{
	const struct node *scaled = before(m, sum, 0, "Mul"), *ratio = before(m, scaled, 1, "Div"), *centred = before(m, ratio, 0, "Sub");
	const struct node *root = before(m, ratio, 1, "Sqrt"), *padded = before(m, root, 0, "Add"), *variance = before(m, padded, 0, "ReduceMean");
	const struct node *square = before(m, variance, 0, "Mul"), *mean = before(m, centred, 1, "ReduceMean");
	if (!square || !mean || !is_constant(m, padded, 1) || square->n_in != 2 || !pb_same(square->in[0], square->in[1]) || before(m, square, 0, "Sub") != centred ||
	    !mean->n_in || !pb_same(mean->in[0], centred->in[0]))
		return 0;
	f->x = centred->in[0];
	f->mean = index_of(m, mean);
	f->gain = scaled->in[0];
	f->offset = sum->in[1];
	f->epsilon = padded->in[1];
	return 1;
}

/* y + reciprocal * sin(alpha * y)^2, made by `sum`. */
static int read_activation(const struct model *m, const struct node *sum, struct fused *f)
{
	const struct node *normal = before(m, sum, 0, "Add"), *scaled = before(m, sum, 1, "Mul"), *square = before(m, scaled, 1, "Pow");
	const struct node *wave = before(m, square, 0, "Sin"), *phase = before(m, wave, 0, "Mul");
	if (!normal || !phase || before(m, phase, 1, "Add") != normal || !is_constant(m, phase, 0) || !is_constant(m, scaled, 0) || !is_constant(m, square, 1))
		return 0;
	f->alpha = phase->in[0];
	f->reciprocal = scaled->in[0];
	return read_normalisation(m, normal, f);
}

/* (product + floor(bias / scale)) * scale, and what is added to it. */
static int read_features(const struct model *m, const struct node *conv, struct fused *f)
{
	const struct node *biased = after(m, conv, 0, "Add"), *real = after(m, biased, 0, "Cast"), *scaled = after(m, real, 0, "Mul");
	const struct node *shaped = before(m, biased, 1, "Reshape"), *whole = before(m, shaped, 0, "Cast"), *down = before(m, whole, 0, "Floor");
	const struct node *ratio = before(m, down, 0, "Div");
	if (!scaled || !is_constant(m, ratio, 0) || ratio->n_in != 2 || scaled->n_in != 2 || !pb_same(ratio->in[1], scaled->in[1]))
		return 0;
	f->bias = ratio->in[0];
	f->scale = scaled->in[1];
	f->last = index_of(m, scaled);
	const struct node *sum = after(m, scaled, 0, "Add");
	if (sum && sum->n_in == 2 && !is_constant(m, sum, 1)) {
		f->residual = sum->in[1];
		f->last = index_of(m, sum);
	}
	return m->nodes[f->last].n_out == 1;
}

int fuse_read(const struct model *m, int node, struct fused *ret)
{
	const struct node *conv = &m->nodes[node], *quantize = before(m, conv, 0, "DynamicQuantizeLinear");
	struct fused f = { .product = node };
	if (!conv_read(m, conv, &f.conv) || !quantize || quantize->n_out != 3 || after(m, quantize, 0, "ConvInteger") != conv ||
	    !pb_same(quantize->out[2], f.conv.x_zero) || f.conv.ins % KERNEL_GROUP || f.conv.outs % KERNEL_GROUP)
		return 0;
	const struct node *sum = before(m, quantize, 0, "Add");
	if (!read_features(m, conv, &f) || !read_activation(m, sum, &f))
		return 0;
	f.quantize = index_of(m, quantize);
	*ret = f;
	return 1;
}

int fuse_inputs(const struct model *m, const struct fused *f, int node, struct pb_span ret[FUSE_INPUTS_MAX])
{
	const struct pb_span activation[] = { f->x, f->gain, f->offset, f->alpha, f->reciprocal, f->epsilon };
	const struct pb_span features[] = { m->nodes[f->product].out[0], f->bias, f->scale, f->residual };
	int n = node == f->quantize ? 6 : f->residual.p ? 4 : 3;
	memcpy(ret, node == f->quantize ? activation : features, (size_t)n * sizeof *ret);
	return n;
}

/* ---- writing ---- */

static void put_activation(struct buf *graph, const struct model *m, const struct fused *f, const char *weights)
{
	const struct node *quantize = &m->nodes[f->quantize];
	struct buf n = buf_init(8192);
	struct pb_span in[FUSE_INPUTS_MAX];
	int n_in = fuse_inputs(m, f, f->quantize, in);
	pb_put_span(&n, NODE_INPUT, in[0]);
	pb_put_text(&n, NODE_INPUT, weights);
	for (int i = 1; i < n_in; i++)
		pb_put_span(&n, NODE_INPUT, in[i]);
	conv_put_name(&n, NODE_OUTPUT, &f->conv, CONV_COLUMNS, 0);
	pb_put_span(&n, NODE_OUTPUT, quantize->out[1]);
	pb_put_span(&n, NODE_OUTPUT, quantize->out[2]);
	conv_put_name(&n, NODE_NAME, &f->conv, CONV_COLUMNS, 0);
	model_put_ints(&n, MODEL_OP_KERNEL, &f->conv.kernel, 1);
	model_put_ints(&n, MODEL_OP_DILATION, &f->conv.dilation, 1);
	model_put_ints(&n, MODEL_OP_PAD_BEFORE, &f->conv.pad[0], 1);
	model_put_ints(&n, MODEL_OP_PAD_AFTER, &f->conv.pad[1], 1);
	model_put_ours(graph, &n, MODEL_OP_SNAKE);
}

static void put_features(struct buf *graph, const struct model *m, const struct fused *f)
{
	const struct node *last = &m->nodes[f->last];
	struct buf n = buf_init(8192);
	struct pb_span in[FUSE_INPUTS_MAX];
	int n_in = fuse_inputs(m, f, f->last, in);
	conv_put_name(&n, NODE_INPUT, &f->conv, CONV_PRODUCT, 0); /* in the place of in[0], which nothing makes any more */
	for (int i = 1; i < n_in; i++)
		pb_put_span(&n, NODE_INPUT, in[i]);
	pb_put_span(&n, NODE_OUTPUT, last->out[0]);
	conv_put_name(&n, NODE_NAME, &f->conv, "features", 0);
	model_put_ours(graph, &n, MODEL_OP_DEQUANTIZE);
}

void fuse_put(struct buf *graph, const struct model *m, const struct fused *f, int node, const char *weights)
{
	if (node == f->quantize)
		put_activation(graph, m, f, weights);
	else if (node == f->product)
		conv_put_product(graph, &f->conv, CONV_COLUMNS);
	else
		put_features(graph, m, f);
}

void fuse_put_spectra(struct buf *graph, const struct node *n)
{
	struct buf b = buf_init(8192);
	for (int i = 0; i < n->n_in; i++)
		pb_put_span(&b, NODE_INPUT, n->in[i]);
	pb_put_span(&b, NODE_OUTPUT, n->out[0]);
	pb_put_span(&b, NODE_NAME, n->name);
	model_put_ours(graph, &b, MODEL_OP_SPECTRA);
}
