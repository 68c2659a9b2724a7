/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/model_cut.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "voice/model_conv.h"
#include "voice/pb.h"

#define MODEL_MAX_BYTES ((size_t)512 << 20)
#define NODES_MAX 100000
#define NODE_INPUTS_MAX 64

/* Protobuf field numbers of ONNX (onnx.proto3). */
enum { MODEL_IR_VERSION = 1, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4 };
enum { TENSOR_NAME = 8 };
enum { TYPE_FLOAT = 1, TYPE_INT64 = 7 };

const char *const model_weight_names[MODEL_WEIGHTS] = { "weights_frame", "weights_half_frame", "weights_20th", "weights_120th" };
const char *const model_part_files[MODEL_PARTS] = { "encoder.onnx", "prosody.onnx", "decoder.onnx" };

struct node {
	struct pb_span raw, body, op, name;
	struct pb_span *in, *out;
	int n_in, n_out;
	int needed;
};

struct tensor {
	struct pb_span raw, body;
	int needed;
};

/* A tensor's name and who makes it: node >= 0, or an initializer. */
struct maker {
	struct pb_span name;
	int node, tensor;
};

struct model {
	struct pb_span ir;
	struct pb_span *opsets; int n_opsets, cap_opsets;
	struct node *nodes; int n_nodes, cap_nodes;
	struct tensor *tensors; int n_tensors, cap_tensors;
	struct maker *table; size_t table_size;        /* open addressing, a power of two */
};

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

/* ---- reading ---- */

/* Makes room for one more element; *array is a pointer to elements of `size` bytes. */
static int grow(void *array, int n, int *cap, size_t size)
{
	void **a = array;
	if (n < *cap)
		return 1;
	int want = *cap ? *cap * 2 : 256;
	void *p = want <= NODES_MAX * 4 ? realloc(*a, (size_t)want * size) : NULL;
	if (!p)
		return 0;
	*a = p;
	*cap = want;
	return 1;
}

static int bad_model(struct madrigal_error *err, const char *what)
{
	return err_set(err, MADRIGAL_EMISSING, "the speech model is damaged (%s): run `make voice`", what);
}

static int read_node(struct pb_span raw, struct pb_span body, struct node *ret, struct madrigal_error *err)
{
	struct pb_span in[NODE_INPUTS_MAX], out[NODE_INPUTS_MAX];
	struct node n = { .raw = raw, .body = body };
	struct pb_field f;
	int rc;
	while ((rc = pb_take(&body, &f)) > 0) {
		if (f.wire != PB_BYTES)
			continue;
		if (f.number == NODE_NAME)
			n.name = f.bytes;
		else if (f.number == NODE_OP_TYPE)
			n.op = f.bytes;
		else if (f.number == NODE_INPUT && n.n_in < NODE_INPUTS_MAX)
			in[n.n_in++] = f.bytes;
		else if (f.number == NODE_OUTPUT && n.n_out < NODE_INPUTS_MAX)
			out[n.n_out++] = f.bytes;
		else if (f.number <= NODE_OUTPUT)
			return bad_model(err, "a node with too many inputs");
	}
	if (rc < 0)
		return bad_model(err, "a broken node");
	struct pb_span *names = malloc((size_t)(n.n_in + n.n_out + 1) * sizeof *names);
	if (!names)
		return err_nomem(err);
	n.in = names;
	n.out = names + n.n_in;
	if (n.n_in)
		memcpy(n.in, in, (size_t)n.n_in * sizeof *in);
	if (n.n_out)
		memcpy(n.out, out, (size_t)n.n_out * sizeof *out);
	*ret = n;
	return 0;
}

static int read_graph(struct pb_span body, struct model *m, struct madrigal_error *err)
{
	struct pb_field f;
	int rc;
	while ((rc = pb_take(&body, &f)) > 0) {
		if (f.wire != PB_BYTES)
			continue;
		if (f.number == GRAPH_NODE) {
			if (m->n_nodes >= NODES_MAX || !grow(&m->nodes, m->n_nodes, &m->cap_nodes, sizeof *m->nodes))
				return err_nomem(err);
			rc = read_node(f.raw, f.bytes, &m->nodes[m->n_nodes], err);
			if (rc < 0)
				return rc;
			m->n_nodes++;
		} else if (f.number == GRAPH_INITIALIZER) {
			if (m->n_tensors >= NODES_MAX || !grow(&m->tensors, m->n_tensors, &m->cap_tensors, sizeof *m->tensors))
				return err_nomem(err);
			m->tensors[m->n_tensors++] = (struct tensor){ .raw = f.raw };
		}
	}
	return rc < 0 ? bad_model(err, "a broken graph") : 0;
}

static int read_model(struct pb_span body, struct model *m, struct madrigal_error *err)
{
	struct pb_field f;
	int rc;
	while ((rc = pb_take(&body, &f)) > 0) {
		if (f.number == MODEL_IR_VERSION) {
			m->ir = f.raw;
		} else if (f.number == MODEL_OPSET) {
			if (m->n_opsets >= 64 || !grow(&m->opsets, m->n_opsets, &m->cap_opsets, sizeof *m->opsets))
				return bad_model(err, "too many operator sets");
			m->opsets[m->n_opsets++] = f.raw;
		} else if (f.number == MODEL_GRAPH && f.wire == PB_BYTES) {
			rc = read_graph(f.bytes, m, err); /* an embedded message that comes twice is merged */
			if (rc < 0)
				return rc;
		}
	}
	return rc < 0 ? bad_model(err, "it ends too early") : 0;
}

/* ---- who makes what ---- */

static struct maker *find_maker(const struct model *m, struct pb_span name)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a */
	for (size_t i = 0; i < name.len; i++)
		h = (h ^ name.p[i]) * 1099511628211u;
	size_t at = (size_t)h & (m->table_size - 1);
	while (m->table[at].name.p && (m->table[at].name.len != name.len || memcmp(m->table[at].name.p, name.p, name.len) != 0))
		at = (at + 1) & (m->table_size - 1);
	return &m->table[at];
}

static void add_maker(struct model *m, struct pb_span name, int node, int tensor)
{
	struct maker *k = find_maker(m, name);
	if (!k->name.p)
		*k = (struct maker){ name, node, tensor };
}

static int index_model(struct model *m, struct madrigal_error *err)
{
	size_t n = (size_t)m->n_tensors + 1;
	for (int i = 0; i < m->n_nodes; i++)
		n += (size_t)m->nodes[i].n_out;
	m->table_size = 64;
	while (m->table_size < n * 2)
		m->table_size *= 2;
	m->table = calloc(m->table_size, sizeof *m->table);
	if (!m->table)
		return err_nomem(err);
	for (int i = 0; i < m->n_nodes; i++)
		for (int k = 0; k < m->nodes[i].n_out; k++)
			add_maker(m, m->nodes[i].out[k], i, -1);
	for (int i = 0; i < m->n_tensors; i++) {
		struct pb_span body = m->tensors[i].raw;
		struct pb_field f;
		if (pb_take(&body, &f) < 0)
			return bad_model(err, "a broken tensor");
		body = m->tensors[i].body = f.bytes;
		struct pb_span name = { 0 };
		int rc;
		while ((rc = pb_take(&body, &f)) > 0)
			if (f.number == TENSOR_NAME && f.wire == PB_BYTES)
				name = f.bytes;
		if (rc < 0)
			return bad_model(err, "a broken tensor");
		if (name.p)
			add_maker(m, name, -1, i);
	}
	return 0;
}

static void model_release(struct model *m)
{
	for (int i = 0; i < m->n_nodes; i++)
		free(m->nodes[i].in);
	free(m->nodes);
	free(m->tensors);
	free(m->opsets);
	free(m->table);
}

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

/* An integer convolution that is written as a product (model_conv.h). */
static int is_product(const struct model *m, const struct node *n, struct conv *ret)
{
	if (!pb_is(n->op, "ConvInteger") || n->n_in != 4)
		return 0;
	const struct maker *w = find_maker(m, n->in[1]), *z = find_maker(m, n->in[3]);
	return w->name.p && z->name.p && w->tensor >= 0 && z->tensor >= 0 &&
	       conv_read(n->body, m->tensors[w->tensor].body, m->tensors[z->tensor].body, ret);
}

/* Marks the nodes and tensors from which `name` is made. stack holds at most n_nodes + 1 entries: a node is pushed once. */
static int mark(struct model *m, const struct part *part, const char *name, int *stack, struct madrigal_error *err)
{
	struct pb_span want = { (const uint8_t *)name, strlen(name) };
	const struct maker *k = find_maker(m, want);
	if (!k->name.p || k->node < 0)
		return err_set(err, MADRIGAL_EMISSING, "this is not the speech model that Madrigal sings with (it has no %s): run `make voice`", name);
	int depth = 0;
	if (!m->nodes[k->node].needed) {
		m->nodes[k->node].needed = 1;
		stack[depth++] = k->node;
	}
	while (depth > 0) {
		const struct node *n = &m->nodes[stack[--depth]];
		struct conv conv;
		int n_in = is_mean(part, n) && n->n_in > 1 ? 1 : n->n_in, product = is_product(m, n, &conv);
		for (int i = 0; i < n_in; i++) {
			if (!n->in[i].len || is_input(part, n->in[i]) || (product && i % 2))
				continue;
			k = find_maker(m, n->in[i]);
			if (!k->name.p)
				return bad_model(err, "a tensor that nothing makes");
			if (k->tensor >= 0) {
				m->tensors[k->tensor].needed = 1;
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
	pb_put_bytes(&body, NODE_INPUT, n->in[0].p, n->in[0].len);
	pb_put_text(&body, NODE_INPUT, weights_of(n));
	pb_put_bytes(&body, NODE_OUTPUT, n->out[0].p, n->out[0].len);
	pb_put_bytes(&body, NODE_NAME, n->name.p, n->name.len);
	pb_put_text(&body, NODE_OP_TYPE, "MatMul");
	pb_put_message(b, GRAPH_NODE, &body);
}

static void put_graph(struct buf *b, const struct model *m, const struct part *part)
{
	for (int i = 0; i < m->n_nodes; i++) {
		const struct node *n = &m->nodes[i];
		struct conv conv;
		if (n->needed && is_product(m, n, &conv))
			conv_put(b, &conv);
		else if (n->needed && is_mean(part, n) && n->n_in && n->n_out)
			put_weighted_mean(b, n);
		else if (n->needed)
			pb_put_raw(b, n->raw);
	}
	pb_put_text(b, GRAPH_NAME, "part");
	for (int i = 0; i < m->n_tensors; i++)
		if (m->tensors[i].needed)
			pb_put_raw(b, m->tensors[i].raw);
	for (int i = 0; i < part->n_in; i++)
		put_port(b, GRAPH_INPUT, &part->in[i]);
	for (int i = 0; i < part->n_out; i++)
		put_port(b, GRAPH_OUTPUT, &(struct port){ part->out[i], TYPE_FLOAT, { 0 }, 0 });
}

static int cut(struct model *m, const struct part *part, void **ret_data, size_t *ret_len, struct madrigal_error *err)
{
	for (int i = 0; i < m->n_nodes; i++)
		m->nodes[i].needed = 0;
	for (int i = 0; i < m->n_tensors; i++)
		m->tensors[i].needed = 0;
	int *stack = malloc(((size_t)m->n_nodes + 1) * sizeof *stack);
	if (!stack)
		return err_nomem(err);
	int rc = 0;
	for (int i = 0; i < part->n_out && !rc; i++)
		rc = mark(m, part, part->out[i], stack, err);
	free(stack);
	if (rc)
		return rc;
	struct buf graph = buf_init(MODEL_MAX_BYTES), all = buf_init(MODEL_MAX_BYTES);
	put_graph(&graph, m, part);
	pb_put_raw(&all, m->ir);
	for (int i = 0; i < m->n_opsets; i++)
		pb_put_raw(&all, m->opsets[i]);
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

static int open_model(const void *data, size_t len, struct model *m, struct madrigal_error *err)
{
	int rc = read_model((struct pb_span){ data, len }, m, err);
	if (!rc)
		rc = index_model(m, err);
	return rc;
}

int model_cut_part(const void *model, size_t len, int part, void **ret_data, size_t *ret_len, struct madrigal_error *err)
{
	if (part < 0 || part >= MODEL_PARTS)
		return err_set(err, MADRIGAL_EINTERNAL, "the model has no part %d", part);
	struct model m = { 0 };
	int rc = open_model(model, len, &m, err);
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
		rc = open_model(data, len, &m, err);
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
