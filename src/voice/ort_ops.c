/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/ort_ops.h"

#include <stdint.h>
#include <stdlib.h>

#include "voice/kernels.h"
#include "voice/model_fuse.h"

#define DIMS_MAX 4
#define INPUTS_MAX 7
#define ELEMENTS_MAX ((int64_t)1 << 28)

struct operator;

/* An operator at its place in a network. */
struct place {
	const OrtApi *api;
	const struct operator *op;
	OrtMemoryInfo *memory;
	int64_t kernel, dilation, pad[2]; /* of a MODEL_OP_SNAKE */
};

struct view {
	const void *data;
	int64_t dims[DIMS_MAX], n;
	size_t n_dims;
};

/* The runtime gets a pointer to `op` and hands it back. */
struct operator {
	OrtCustomOp op;
	const char *name;
	ONNXTensorElementDataType in[INPUTS_MAX], out[3];
	size_t n_in, n_out;
	size_t n_needed;
	OrtStatus *(*run)(const struct place *p, OrtKernelContext *at, const struct view *v); /* v: n_in of them, those that are needed with data */
};

/* The runtime's threads hand memory on by atomics, which ThreadSanitizer does not see: it would take each access here for a race, and minutes to find that
   tests/tsan.supp has it not reported. */
#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#define UNWATCHED_BEGIN() (AnnotateIgnoreReadsBegin(__FILE__, __LINE__), AnnotateIgnoreWritesBegin(__FILE__, __LINE__))
#define UNWATCHED_END() (AnnotateIgnoreWritesEnd(__FILE__, __LINE__), AnnotateIgnoreReadsEnd(__FILE__, __LINE__))
#else
#define UNWATCHED_BEGIN() ((void)0)
#define UNWATCHED_END() ((void)0)
#endif

static OrtStatus *refuse(const OrtApi *api)
{
	return api->CreateStatus(ORT_INVALID_ARGUMENT, "an operator of Madrigal's with inputs that do not fit each other");
}

/* What an input holds; data is NULL if there is none. */
static OrtStatus *look(const struct place *p, OrtKernelContext *at, size_t i, struct view *ret)
{
	const OrtApi *a = p->api;
	const OrtValue *value = NULL;
	OrtTensorTypeAndShapeInfo *info = NULL;
	struct view v = { .n = 1 };
	OrtStatus *s = a->KernelContext_GetInput(at, i, &value);
	if (s || !value) {
		*ret = (struct view){ 0 };
		return s;
	}
	void *data = NULL;
	s = a->GetTensorMutableData((OrtValue *)(uintptr_t)value, &data);
	v.data = data;
	if (!s)
		s = a->GetTensorTypeAndShape(value, &info);
	if (!s)
		s = a->GetDimensionsCount(info, &v.n_dims);
	if (!s && v.n_dims > DIMS_MAX)
		s = refuse(a);
	if (!s)
		s = a->GetDimensions(info, v.dims, v.n_dims);
	for (size_t k = 0; k < v.n_dims && !s; k++) {
		v.n *= v.dims[k];
		if (v.dims[k] < 0 || v.n > ELEMENTS_MAX)
			s = refuse(a);
	}
	if (info)
		a->ReleaseTensorTypeAndShapeInfo(info);
	*ret = v;
	return s;
}

static OrtStatus *answer(const struct place *p, OrtKernelContext *at, size_t i, const int64_t *dims, size_t n_dims, void *ret)
{
	OrtValue *value = NULL;
	void **data = ret;
	OrtStatus *s = p->api->KernelContext_GetOutput(at, i, dims, n_dims, &value);
	return s ? s : p->api->GetTensorMutableData(value, data);
}

/* ---- the operators ---- */

static OrtStatus *activate(const struct place *p, OrtKernelContext *at, const struct snake *s)
{
	const OrtApi *a = p->api;
	const int64_t shape[3] = { 1, snake_rows(s), s->kernel * s->channels };
	uint8_t *columns = NULL, *zero = NULL;
	float *scale = NULL;
	OrtAllocator *allocator = NULL;
	void *scratch = NULL;
	OrtStatus *status = answer(p, at, 0, shape, 3, &columns);
	if (!status)
		status = answer(p, at, 1, NULL, 0, &scale);
	if (!status)
		status = answer(p, at, 2, NULL, 0, &zero);
	if (!status)
		status = a->KernelContext_GetAllocator(at, p->memory, &allocator);
	if (!status)
		status = a->AllocatorAlloc(allocator, snake_scratch(s), &scratch);
	if (!status) {
		snake_columns(s, scratch, columns, scale, zero);
		status = a->AllocatorFree(allocator, scratch);
	}
	if (allocator)
		a->ReleaseAllocator(allocator);
	return status;
}

static OrtStatus *run_snake(const struct place *p, OrtKernelContext *at, const struct view *v)
{
	struct snake s = { .x = v[0].data, .channels = v[0].dims[1], .frames = v[0].dims[2], .weights = v[1].data, .gain = v[2].data, .offset = v[3].data,
	                   .alpha = v[4].data, .reciprocal = v[5].data, .kernel = p->kernel, .dilation = p->dilation, .pad = { p->pad[0], p->pad[1] } };
	if (v[0].n_dims != 3 || v[0].dims[0] != 1 || s.channels % KERNEL_GROUP || s.frames < 1 || v[1].n != s.frames || v[6].n != 1 || snake_rows(&s) < 1)
		return refuse(p->api);
	for (int i = 2; i < 6; i++)
		if (v[i].n != s.channels)
			return refuse(p->api);
	s.epsilon = *(const float *)v[6].data;
	return activate(p, at, &s);
}

static OrtStatus *run_dequantize(const struct place *p, OrtKernelContext *at, const struct view *v)
{
	const int64_t frames = v[0].dims[1], channels = v[0].dims[2], shape[3] = { 1, channels, frames };
	float *ret = NULL;
	if (v[0].n_dims != 3 || v[0].dims[0] != 1 || channels % KERNEL_GROUP || v[1].n != channels || v[2].n != 1 || (v[3].data && v[3].n != v[0].n))
		return refuse(p->api);
	OrtStatus *s = answer(p, at, 0, shape, 3, &ret);
	if (!s)
		dequantize(v[0].data, channels, frames, v[1].data, *(const float *)v[2].data, v[3].data, ret);
	return s;
}

static OrtStatus *run_spectra(const struct place *p, OrtKernelContext *at, const struct view *v)
{
	if (v[1].n != 1 || v[3].n != 1)
		return refuse(p->api);
	int64_t step = *(const int64_t *)v[1].data, length = *(const int64_t *)v[3].data;
	if (step < 1 || length < 1 || length > SPECTRA_WINDOW_MAX || v[2].n != length || v[0].n < length)
		return refuse(p->api);
	const int64_t shape[4] = { 1, (v[0].n - length) / step + 1, length / 2 + 1, 2 };
	float *ret = NULL;
	OrtStatus *s = answer(p, at, 0, shape, 4, &ret);
	if (!s)
		short_spectra(v[0].data, v[0].n, step, v[2].data, length, ret);
	return s;
}

/* ---- how the runtime sees them ---- */

static OrtStatus *ORT_API_CALL compute(void *place, OrtKernelContext *at)
{
	const struct place *p = place;
	struct view v[INPUTS_MAX];
	OrtStatus *s = NULL;
	UNWATCHED_BEGIN();
	for (size_t i = 0; i < p->op->n_in && !s; i++) {
		s = look(p, at, i, &v[i]);
		if (!s && !v[i].data && i < p->op->n_needed)
			s = refuse(p->api);
	}
	if (!s)
		s = p->op->run(p, at, v);
	UNWATCHED_END();
	return s;
}

static OrtStatus *place_new(const OrtCustomOp *op, const OrtApi *api, struct place **ret)
{
	struct place *p = calloc(1, sizeof *p);
	if (!p)
		return api->CreateStatus(ORT_FAIL, "out of memory");
	p->api = api;
	p->op = (const struct operator *)op;
	OrtStatus *s = api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &p->memory);
	if (s)
		free(p);
	else
		*ret = p;
	return s;
}

static void ORT_API_CALL destroy(void *place)
{
	struct place *p = place;
	p->api->ReleaseMemoryInfo(p->memory);
	free(p);
}

static OrtStatus *ORT_API_CALL create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **ret)
{
	(void)info;
	struct place *p = NULL;
	OrtStatus *s = place_new(op, api, &p);
	if (!s)
		*ret = p;
	return s;
}

static OrtStatus *ORT_API_CALL create_snake(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **ret)
{
	struct place *p = NULL;
	OrtStatus *s = place_new(op, api, &p);
	if (s)
		return s;
	const struct { const char *name; int64_t *to; int64_t least; } attributes[] = {
		{ MODEL_OP_KERNEL, &p->kernel, 1 }, { MODEL_OP_DILATION, &p->dilation, 1 }, { MODEL_OP_PAD_BEFORE, &p->pad[0], 0 }, { MODEL_OP_PAD_AFTER, &p->pad[1], 0 },
	};
	for (int i = 0; i < 4 && !s; i++) {
		s = api->KernelInfoGetAttribute_int64(info, attributes[i].name, attributes[i].to);
		if (!s && (*attributes[i].to < attributes[i].least || *attributes[i].to > ELEMENTS_MAX))
			s = refuse(api);
	}
	if (s)
		destroy(p);
	else
		*ret = p;
	return s;
}

#define F ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
#define U8 ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8
#define I32 ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32
#define I64 ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64

static const char *ORT_API_CALL name_of(const OrtCustomOp *op)
{
	return ((const struct operator *)op)->name;
}

static const char *ORT_API_CALL provider_of(const OrtCustomOp *op)
{
	(void)op;
	return NULL; /* the processor */
}

static ONNXTensorElementDataType ORT_API_CALL in_type(const OrtCustomOp *op, size_t i)
{
	return ((const struct operator *)op)->in[i];
}

static ONNXTensorElementDataType ORT_API_CALL out_type(const OrtCustomOp *op, size_t i)
{
	return ((const struct operator *)op)->out[i];
}

static size_t ORT_API_CALL ins(const OrtCustomOp *op)
{
	return ((const struct operator *)op)->n_in;
}

static size_t ORT_API_CALL outs(const OrtCustomOp *op)
{
	return ((const struct operator *)op)->n_out;
}

static OrtCustomOpInputOutputCharacteristic ORT_API_CALL in_kind(const OrtCustomOp *op, size_t i)
{
	return i < ((const struct operator *)op)->n_needed ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL;
}

static OrtCustomOpInputOutputCharacteristic ORT_API_CALL out_kind(const OrtCustomOp *op, size_t i)
{
	(void)op;
	(void)i;
	return INPUT_OUTPUT_REQUIRED;
}

static OrtMemType ORT_API_CALL in_memory(const OrtCustomOp *op, size_t i)
{
	(void)op;
	(void)i;
	return OrtMemTypeDefault;
}

static int ORT_API_CALL start_version(const OrtCustomOp *op)
{
	(void)op;
	return 1;
}

#define OP(make) { .version = ORT_API_VERSION, .GetName = name_of, .GetExecutionProviderType = provider_of, .GetInputType = in_type, \
	.GetInputTypeCount = ins, .GetOutputType = out_type, .GetOutputTypeCount = outs, .KernelDestroy = destroy, .GetInputCharacteristic = in_kind, \
	.GetOutputCharacteristic = out_kind, .GetInputMemoryType = in_memory, .CreateKernelV2 = make, .KernelComputeV2 = compute, \
	.GetStartVersion = start_version, .GetEndVersion = start_version }

static const struct operator operators[] = {
	{ OP(create_snake), MODEL_OP_SNAKE, { F, F, F, F, F, F, F }, { U8, F, U8 }, 7, 3, 7, run_snake },
	{ OP(create), MODEL_OP_DEQUANTIZE, { I32, F, F, F }, { F }, 4, 1, 3, run_dequantize },
	{ OP(create), MODEL_OP_SPECTRA, { F, I64, F, I64 }, { F }, 4, 1, 4, run_spectra },
};

OrtStatus *ort_ops_new(const OrtApi *api, OrtCustomOpDomain **ret)
{
	OrtCustomOpDomain *domain = NULL;
	OrtStatus *s = api->CreateCustomOpDomain(MODEL_DOMAIN, &domain);
	for (size_t i = 0; i < sizeof operators / sizeof *operators && !s; i++)
		s = api->CustomOpDomain_Add(domain, &operators[i].op);
	if (s) {
		if (domain)
			api->ReleaseCustomOpDomain(domain);
		return s;
	}
	*ret = domain;
	return NULL;
}
