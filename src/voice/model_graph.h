/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An ONNX model as the cutter sees it: nodes and constant tensors as spans of the file, and who makes and who reads each tensor. */
#ifndef VOICE_MODEL_GRAPH_H
#define VOICE_MODEL_GRAPH_H

#include <stddef.h>

#include "base/err.h"
#include "voice/pb.h"

#define MODEL_NODE_PORTS_MAX 64
#define MODEL_DOMAIN "madrigal" /* of the operators that are ours (kernels.h) */

/* Protobuf field numbers of ONNX (onnx.proto3). */
enum { MODEL_IR_VERSION = 1, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_I = 3, ATTRIBUTE_S = 4, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20, ATTRIBUTE_IS_INT = 2, ATTRIBUTE_IS_INTS = 7 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_INT32_DATA = 5, TENSOR_NAME = 8, TENSOR_RAW = 9 };

/* ONNX nodes by the names of what they take and make. */
struct node {
	struct pb_span raw, body, op, name;
	struct pb_span *in, *out;
	int n_in, n_out;
	int needed;
};

struct constant {
	struct pb_span raw, body;
	int needed;
};

/* A tensor's name, who makes it (node >= 0, or a constant), how many nodes' inputs it is, and the last of these. */
struct maker {
	struct pb_span name;
	int node, constant;
	int uses, reader;
};

struct model {
	struct pb_span ir;
	struct pb_span *opsets; int n_opsets, cap_opsets;
	struct node *nodes; int n_nodes, cap_nodes;
	struct constant *constants; int n_constants, cap_constants;
	struct maker *table; size_t table_size; /* open addressing, a power of two */
};

/* Reads a ModelProto; its spans point into data. MADRIGAL_EMISSING, with the command that installs, if it is none; model_release also then. */
int model_open(const void *data, size_t len, struct model *ret, struct madrigal_error *err) MUST_CHECK;
void model_release(struct model *m);

/* Who makes a tensor; name.p is NULL if nobody does. */
struct maker *model_maker(const struct model *m, struct pb_span name);

/* An attribute of a NodeProto under way: one integer, or several. */
void model_put_ints(struct buf *node, const char *name, const int64_t *v, int n);
/* Ends a node that is an operator of ours. Releases node. */
void model_put_ours(struct buf *graph, struct buf *node, const char *op);

int model_damaged(struct madrigal_error *err, const char *what);

#endif
