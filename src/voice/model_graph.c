/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/model_graph.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 100000

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

int model_damaged(struct madrigal_error *err, const char *what)
{
	return err_set(err, MADRIGAL_EMISSING, "the speech model is damaged (%s): run `make voice`", what);
}

static int read_node(struct pb_span raw, struct pb_span body, struct node *ret, struct madrigal_error *err)
{
	struct pb_span in[MODEL_NODE_PORTS_MAX], out[MODEL_NODE_PORTS_MAX];
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
		else if (f.number == NODE_INPUT && n.n_in < MODEL_NODE_PORTS_MAX)
			in[n.n_in++] = f.bytes;
		else if (f.number == NODE_OUTPUT && n.n_out < MODEL_NODE_PORTS_MAX)
			out[n.n_out++] = f.bytes;
		else if (f.number <= NODE_OUTPUT)
			return model_damaged(err, "a node with too many inputs");
	}
	if (rc < 0)
		return model_damaged(err, "a broken node");
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
			if (m->n_constants >= NODES_MAX || !grow(&m->constants, m->n_constants, &m->cap_constants, sizeof *m->constants))
				return err_nomem(err);
			m->constants[m->n_constants++] = (struct constant){ .raw = f.raw };
		}
	}
	return rc < 0 ? model_damaged(err, "a broken graph") : 0;
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
				return model_damaged(err, "too many operator sets");
			m->opsets[m->n_opsets++] = f.raw;
		} else if (f.number == MODEL_GRAPH && f.wire == PB_BYTES) {
			rc = read_graph(f.bytes, m, err); /* an embedded message that comes twice is merged */
			if (rc < 0)
				return rc;
		}
	}
	return rc < 0 ? model_damaged(err, "it ends too early") : 0;
}

/* ---- who makes what ---- */

struct maker *model_maker(const struct model *m, struct pb_span name)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a */
	for (size_t i = 0; i < name.len; i++)
		h = (h ^ name.p[i]) * 1099511628211u;
	size_t at = (size_t)h & (m->table_size - 1);
	while (m->table[at].name.p && !pb_same(m->table[at].name, name))
		at = (at + 1) & (m->table_size - 1);
	return &m->table[at];
}

static void add_maker(struct model *m, struct pb_span name, int node, int constant)
{
	struct maker *k = model_maker(m, name);
	if (!k->name.p)
		*k = (struct maker){ .name = name, .node = node, .constant = constant };
}

static void count_uses(struct model *m)
{
	for (int i = 0; i < m->n_nodes; i++)
		for (int k = 0; k < m->nodes[i].n_in; k++) {
			struct maker *maker = model_maker(m, m->nodes[i].in[k]);
			if (maker->name.p) {
				maker->uses++;
				maker->reader = i;
			}
		}
}

static int index_model(struct model *m, struct madrigal_error *err)
{
	size_t n = (size_t)m->n_constants + 1;
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
	for (int i = 0; i < m->n_constants; i++) {
		struct pb_span body = m->constants[i].raw;
		struct pb_field f;
		if (pb_take(&body, &f) < 0)
			return model_damaged(err, "a broken tensor");
		body = m->constants[i].body = f.bytes;
		struct pb_span name = { 0 };
		int rc;
		while ((rc = pb_take(&body, &f)) > 0)
			if (f.number == TENSOR_NAME && f.wire == PB_BYTES)
				name = f.bytes;
		if (rc < 0)
			return model_damaged(err, "a broken tensor");
		if (name.p)
			add_maker(m, name, -1, i);
	}
	count_uses(m);
	return 0;
}

int model_open(const void *data, size_t len, struct model *ret, struct madrigal_error *err)
{
	*ret = (struct model){ 0 };
	int rc = read_model((struct pb_span){ data, len }, ret, err);
	return rc ? rc : index_model(ret, err);
}

void model_release(struct model *m)
{
	for (int i = 0; i < m->n_nodes; i++)
		free(m->nodes[i].in);
	free(m->nodes);
	free(m->constants);
	free(m->opsets);
	free(m->table);
}


/* ---- writing ---- */

void model_put_ints(struct buf *node, const char *name, const int64_t *v, int n)
{
	struct buf a = buf_init(256);
	pb_put_text(&a, ATTRIBUTE_NAME, name);
	for (int i = 0; i < n; i++)
		pb_put_int(&a, n > 1 ? ATTRIBUTE_INTS : ATTRIBUTE_I, (uint64_t)v[i]);
	pb_put_int(&a, ATTRIBUTE_TYPE, n > 1 ? ATTRIBUTE_IS_INTS : ATTRIBUTE_IS_INT);
	pb_put_message(node, NODE_ATTRIBUTE, &a);
}

void model_put_ours(struct buf *graph, struct buf *node, const char *op)
{
	pb_put_text(node, NODE_OP_TYPE, op);
	pb_put_text(node, NODE_DOMAIN, MODEL_DOMAIN);
	pb_put_message(graph, GRAPH_NODE, node);
}
