/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/model_cut.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "voice/model_conv.h"
#include "voice/model_fuse.h"
#include "voice/model_graph.h"
#include "voice/pb.h"

#define MODEL_MAX_BYTES ((size_t)512 << 20)

/* ONNX's element types. */
enum { TYPE_FLOAT = 1, TYPE_INT64 = 7 };

const char *const model_weight_names[MODEL_WEIGHTS] = { "weights_frame", "weights_half_frame", "weights_20th", "weights_120th" };
const char *const model_part_files[MODEL_PARTS] = { "encoder.onnx", "prosody.onnx", "singing.onnx" };

struct port {
	const char *name;
	int type;
	int dims[3], n_dims; /* 0: any */
};

struct part {
	struct port in[9]; int n_in;
	const char *out[3]; int n_out;
};

#define STYLE_PORT { MODEL_STYLE, TYPE_FLOAT, { 1, 256 }, 2 }
static const struct part parts[MODEL_PARTS] = {
	{ { { MODEL_TOKENS, TYPE_INT64, { 1, 0 }, 2 }, STYLE_PORT, { MODEL_SPEED, TYPE_FLOAT, { 1 }, 1 } }, 3,
	  { MODEL_FRAMES, MODEL_TEXT, MODEL_PROSODY }, 3 },
	{ { { MODEL_PROSODY_FRAMES, TYPE_FLOAT, { 1, 640, 0 }, 3 }, STYLE_PORT }, 2, { MODEL_PITCH, MODEL_ENERGY }, 2 },
	{ { { MODEL_TEXT_FRAMES, TYPE_FLOAT, { 1, 512, 0 }, 3 }, { MODEL_PITCH, TYPE_FLOAT, { 1, 0 }, 2 }, { MODEL_ENERGY, TYPE_FLOAT, { 1, 0 }, 2 },
	    STYLE_PORT, { "weights_frame", TYPE_FLOAT, { 0, 1 }, 2 }, { "weights_half_frame", TYPE_FLOAT, { 0, 1 }, 2 },
	    { "weights_20th", TYPE_FLOAT, { 0, 1 }, 2 }, { "weights_120th", TYPE_FLOAT, { 0, 1 }, 2 } }, 8,
	  { MODEL_AUDIO }, 1 },
};

/* ---- cutting ---- */

static int is_input(const struct part *part, struct pb_span name)
{
	for (int i = 0; i < part->n_in; i++)
		if (pb_is(name, part->in[i].name))
			return 1;
	return 0;
}

/* The decoder normalises by means over time (ReduceMean). Stretched vowels would weigh more in them than they do in speech, and the sound drifts; so
 * each becomes a product with weights that the caller chooses. */
static int is_mean(const struct part *part, const struct node *n)
{
	return part == &parts[2] && pb_is(n->op, "ReduceMean");
}

static const char *weights_of(const struct node *n)
{
	static const char *const at_120th[] = { "noise_res.1/", "resblocks.3/", "resblocks.4/", "resblocks.5/" };
	static const char *const at_20th[] = { "noise_res.0/", "resblocks.0/", "resblocks.1/", "resblocks.2/" };
	for (int i = 0; i < 4; i++) {
		if (pb_has(n->name, at_120th[i]))
			return model_weight_names[3];
		if (pb_has(n->name, at_20th[i]))
			return model_weight_names[2];
	}
	return model_weight_names[pb_has(n->name, "decode.3/norm2/") ? 1 : 0];
}

/* A part on its way: which convolutions are written with all around them (model_fuse.h), and for each node the number of the one it is in the place of, less 1. */
struct plan {
	const struct part *part;
	struct fused *fused; int n_fused;
	int *fused_at;
};

static int make_plan(const struct model *m, const struct part *part, struct plan *ret, struct madrigal_error *err)
{
	size_t n = (size_t)m->n_nodes + 1;
	struct plan p = { .part = part, .fused = malloc(n * sizeof(struct fused)), .fused_at = calloc(n, sizeof(int)) };
	if (!p.fused || !p.fused_at) {
		free(p.fused);
		free(p.fused_at);
		return err_nomem(err);
	}
	for (int i = 0; i < m->n_nodes && part == &parts[2]; i++)
		if (fuse_read(m, i, &p.fused[p.n_fused])) {
			const struct fused *f = &p.fused[p.n_fused++];
			p.fused_at[f->quantize] = p.fused_at[f->product] = p.fused_at[f->last] = p.n_fused;
		}
	*ret = p;
	return 0;
}

static void plan_release(struct plan *p)
{
	free(p->fused);
	free(p->fused_at);
}

/* What the node that is written for node `at` takes in, inputs of the part included. */
static int inputs_of(const struct model *m, const struct plan *p, int at, struct pb_span ret[MODEL_NODE_PORTS_MAX])
{
	const struct node *n = &m->nodes[at];
	struct conv conv;
	const struct fused *f = p->fused_at[at] ? &p->fused[p->fused_at[at] - 1] : NULL;
	if (f && at != f->product)
		return fuse_inputs(m, f, at, ret);
	if (conv_read(m, n, &conv)) {
		ret[0] = conv.x;
		ret[1] = conv.x_zero;
		return 2;
	}
	int n_in = is_mean(p->part, n) && n->n_in > 1 ? 1 : n->n_in;
	if (n_in)
		memcpy(ret, n->in, (size_t)n_in * sizeof *ret);
	return n_in;
}

/* Marks the nodes and tensors from which `name` is made. stack holds at most n_nodes + 1 entries: a node is pushed once. */
static int mark(struct model *m, const struct plan *p, const char *name, int *stack, struct madrigal_error *err)
{
	struct pb_span want = { (const uint8_t *)name, strlen(name) }, in[MODEL_NODE_PORTS_MAX];
	const struct maker *k = model_maker(m, want);
	if (!k->name.p || k->node < 0)
		return err_set(err, MADRIGAL_EMISSING, "this is not the speech model that Madrigal sings with (it has no %s): run `make voice`", name);
	int depth = 0;
	if (!m->nodes[k->node].needed) {
		m->nodes[k->node].needed = 1;
		stack[depth++] = k->node;
	}
	while (depth > 0) {
		int n_in = inputs_of(m, p, stack[--depth], in);
		for (int i = 0; i < n_in; i++) {
			if (!in[i].len || is_input(p->part, in[i]))
				continue;
			k = model_maker(m, in[i]);
			if (!k->name.p)
				return model_damaged(err, "a tensor that nothing makes");
			if (k->constant >= 0) {
				m->constants[k->constant].needed = 1;
			} else if (!m->nodes[k->node].needed) {
				m->nodes[k->node].needed = 1;
				stack[depth++] = k->node;
			}
		}
	}
	return 0;
}

/* ---- writing ---- */

/* ValueInfoProto { name, TypeProto { tensor_type { elem_type, shape } } } */
static void put_port(struct buf *b, unsigned number, const struct port *p)
{
	struct buf shape = buf_init(256), type = buf_init(256), outer = buf_init(256), info = buf_init(1024);
	for (int i = 0; i < p->n_dims; i++) {
		struct buf dim = buf_init(16); /* { dim_value } or, of any length, {} */
		if (p->dims[i]) {
			pb_put_varint(&dim, 1 << 3);
			pb_put_varint(&dim, (uint64_t)p->dims[i]);
		}
		pb_put_bytes(&shape, 1, buf_str(&dim), dim.len);
		buf_release(&dim);
	}
	pb_put_varint(&type, 1 << 3);
	pb_put_varint(&type, (uint64_t)p->type);
	if (p->n_dims)
		pb_put_bytes(&type, 2, buf_str(&shape), shape.len);
	pb_put_bytes(&outer, 1, buf_str(&type), type.len);
	pb_put_text(&info, 1, p->name);
	pb_put_bytes(&info, 2, buf_str(&outer), outer.len);
	pb_put_bytes(b, number, buf_str(&info), info.len);
	buf_release(&shape);
	buf_release(&type);
	buf_release(&outer);
	buf_release(&info);
}

static void put_weighted_mean(struct buf *b, const struct node *n)
{
	struct buf body = buf_init(4096);
	pb_put_span(&body, NODE_INPUT, n->in[0]);
	pb_put_text(&body, NODE_INPUT, weights_of(n));
	pb_put_span(&body, NODE_OUTPUT, n->out[0]);
	pb_put_span(&body, NODE_NAME, n->name);
	pb_put_text(&body, NODE_OP_TYPE, "MatMul");
	pb_put_message(b, GRAPH_NODE, &body);
}

static void put_node(struct buf *b, const struct model *m, const struct plan *p, int at)
{
	const struct node *n = &m->nodes[at];
	const struct fused *f = p->fused_at[at] ? &p->fused[p->fused_at[at] - 1] : NULL;
	struct conv conv;
	if (f)
		fuse_put(b, m, f, at, weights_of(&m->nodes[f->mean]));
	else if (conv_read(m, n, &conv))
		conv_put(b, &conv);
	else if (is_mean(p->part, n) && n->n_in && n->n_out)
		put_weighted_mean(b, n);
	else if (pb_is(n->op, "STFT") && n->n_in == 4 && n->n_out == 1)
		fuse_put_spectra(b, n);
	else
		pb_put_raw(b, n->raw);
}

static void put_graph(struct buf *b, const struct model *m, const struct plan *p)
{
	const struct part *part = p->part;
	for (int i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].needed)
			put_node(b, m, p, i);
	pb_put_text(b, GRAPH_NAME, "part");
	for (int i = 0; i < m->n_constants; i++)
		if (m->constants[i].needed)
			pb_put_raw(b, m->constants[i].raw);
	for (int i = 0; i < part->n_in; i++)
		put_port(b, GRAPH_INPUT, &part->in[i]);
	for (int i = 0; i < part->n_out; i++)
		put_port(b, GRAPH_OUTPUT, &(struct port){ part->out[i], TYPE_FLOAT, { 0 }, 0 });
}

static int put_model(const struct model *m, const struct plan *p, void **ret_data, size_t *ret_len, struct madrigal_error *err)
{
	struct buf graph = buf_init(MODEL_MAX_BYTES), all = buf_init(MODEL_MAX_BYTES);
	put_graph(&graph, m, p);
	pb_put_raw(&all, m->ir);
	for (int i = 0; i < m->n_opsets; i++)
		pb_put_raw(&all, m->opsets[i]);
	if (p->part == &parts[2]) {
		struct buf ours = buf_init(64);
		pb_put_text(&ours, OPSET_DOMAIN, MODEL_DOMAIN);
		pb_put_int(&ours, OPSET_VERSION, 1);
		pb_put_message(&all, MODEL_OPSET, &ours);
	}
	pb_put_bytes(&all, MODEL_GRAPH, buf_str(&graph), graph.len);
	int failed = graph.failed || all.failed;
	buf_release(&graph);
	if (failed) {
		buf_release(&all);
		return err_nomem(err);
	}
	*ret_data = all.data;
	*ret_len = all.len;
	return 0;
}

static int cut(struct model *m, const struct part *part, void **ret_data, size_t *ret_len, struct madrigal_error *err)
{
	for (int i = 0; i < m->n_nodes; i++)
		m->nodes[i].needed = 0;
	for (int i = 0; i < m->n_constants; i++)
		m->constants[i].needed = 0;
	struct plan p = { 0 };
	int rc = make_plan(m, part, &p, err);
	if (rc)
		return rc;
	int *stack = malloc(((size_t)m->n_nodes + 1) * sizeof *stack);
	if (!stack)
		rc = err_nomem(err);
	for (int i = 0; i < part->n_out && !rc; i++)
		rc = mark(m, &p, part->out[i], stack, err);
	free(stack);
	if (!rc)
		rc = put_model(m, &p, ret_data, ret_len, err);
	plan_release(&p);
	return rc;
}

int model_cut_part(const void *model, size_t len, int part, void **ret_data, size_t *ret_len, struct madrigal_error *err)
{
	if (part < 0 || part >= MODEL_PARTS)
		return err_set(err, MADRIGAL_EINTERNAL, "the model has no part %d", part);
	struct model m = { 0 };
	int rc = model_open(model, len, &m, err);
	if (!rc)
		rc = cut(&m, &parts[part], ret_data, ret_len, err);
	model_release(&m);
	return rc;
}

int model_cut(const char *model_path, const char *out_dir, struct madrigal_error *err)
{
	char *data = NULL;
	size_t len = 0;
	struct model m = { 0 };
	int rc = file_read(model_path, MODEL_MAX_BYTES, &data, &len, err);
	if (!rc)
		rc = model_open(data, len, &m, err);
	for (int i = 0; i < MODEL_PARTS && !rc; i++) {
		void *out = NULL;
		size_t n = 0;
		char path[4096];
		if (snprintf(path, sizeof path, "%s/%s", out_dir, model_part_files[i]) >= (int)sizeof path)
			rc = err_set(err, MADRIGAL_EIO, "the path %s is too long", out_dir);
		else
			rc = cut(&m, &parts[i], &out, &n, err);
		if (!rc)
			rc = file_write(path, out, n, err);
		free(out);
	}
	model_release(&m);
	free(data);
	return rc;
}
