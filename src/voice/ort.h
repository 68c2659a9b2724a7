/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ONNX Runtime, loaded at run time: with ort_ops.h the one place that knows of its C API. */
#ifndef VOICE_ORT_H
#define VOICE_ORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"

#define ORT_DIMS_MAX 4

struct ort;     /* the library, opened */
struct ort_net; /* one network, loaded; shared by threads */

struct ort_input {
	const char *name;
	const void *data; /* borrowed */
	int is_int64;     /* else float */
	int64_t dims[ORT_DIMS_MAX];
	int n_dims;
};

struct ort_output {
	const char *name; /* asked for */
	float *data;      /* owned by the caller (free) */
	size_t n;         /* values */
	int64_t dims[ORT_DIMS_MAX];
	int n_dims;
};

/* Opens the shared library at path. MADRIGAL_EMISSING, with the command that installs it, if it isn't there or is too old. */
int ort_open(const char *path, struct ort **ret, struct madrigal_error *err) MUST_CHECK;
/* Every network must have been closed, every run be over. */
void ort_close(struct ort *o);

/* Loads the network of an ONNX file. MADRIGAL_EMISSING if it can't be read or isn't one. */
int ort_net_open(struct ort *o, const char *path, struct ort_net **ret, struct madrigal_error *err) MUST_CHECK;
void ort_net_close(struct ort_net *n);

/* Runs the network on one thread: the calling one. When *cancel is raised meanwhile, MADRIGAL_ECANCELLED within about 0.2 s. outputs[i].name is read,
 * the rest is filled. Thread-safe. The same inputs give the same bits. */
int ort_run(struct ort_net *n, const struct ort_input *inputs, int n_inputs, struct ort_output *outputs, int n_outputs,
            const cancel_flag *cancel, struct madrigal_error *err) MUST_CHECK;

#endif
