/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/ort.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <onnxruntime_c_api.h>

#include "voice/ort_ops.h"

#define PORTS_MAX 16
#define RUN_VALUES_MAX ((size_t)1 << 28) /* of one output */

/* A run under way, in a list that the watcher looks through. */
struct run {
	OrtRunOptions *options;
	const cancel_flag *cancel;
	struct run *next;
};

struct ort {
	const OrtApi *api;
	OrtEnv *env;
	OrtMemoryInfo *memory;
	OrtCustomOpDomain *operators;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_t watcher;
	struct run *runs;
	int closing;
};

struct ort_net {
	struct ort *ort;
	OrtSession *session;
};

/* Turns a status of the library into ours and frees it. 0 if s is NULL. */
static int check(const struct ort *o, OrtStatus *s, int code, const char *doing, struct madrigal_error *err)
{
	if (!s)
		return 0;
	err_set(err, code, "%s: %s", doing, o->api->GetErrorMessage(s));
	o->api->ReleaseStatus(s);
	return code;
}

/* The runtime looks at its own flag between two operators; this thread carries ours over to it. It sleeps while nothing runs. */
static void *watch(void *arg)
{
	struct ort *o = arg;
	pthread_mutex_lock(&o->mutex);
	while (!o->closing) {
		if (!o->runs) {
			pthread_cond_wait(&o->changed, &o->mutex);
			continue;
		}
		for (struct run *r = o->runs; r; r = r->next)
			if (cancelled(r->cancel))
				(void)check(o, o->api->RunOptionsSetTerminate(r->options), MADRIGAL_EINTERNAL, "cancel", NULL);
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 50 * 1000 * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&o->changed, &o->mutex, &until);
	}
	pthread_mutex_unlock(&o->mutex);
	return NULL;
}

static int open_env(struct ort *o, struct madrigal_error *err)
{
	int rc = check(o, o->api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "madrigal", &o->env), MADRIGAL_EINTERNAL, "the neural runtime does not start", err);
	if (!rc)
		rc = check(o, o->api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &o->memory), MADRIGAL_EINTERNAL,
		           "the neural runtime does not start", err);
	if (!rc)
		rc = check(o, ort_ops_new(o->api, &o->operators), MADRIGAL_EINTERNAL, "the neural runtime does not take our operators", err);
	if (rc)
		return rc;
	pthread_mutex_init(&o->mutex, NULL);
	pthread_cond_init(&o->changed, NULL);
	if (pthread_create(&o->watcher, NULL, watch, o)) {
		pthread_cond_destroy(&o->changed);
		pthread_mutex_destroy(&o->mutex);
		return err_set(err, MADRIGAL_EMEMORY, "cannot start a thread");
	}
	return 0;
}

int ort_open(const char *path, struct ort **ret, struct madrigal_error *err)
{
	/* Never closed again: the library leaves threads' storage behind that must outlive it. */
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return err_set(err, MADRIGAL_EMISSING, "the neural runtime cannot be loaded (%s): run `make voice`", dlerror());
	const OrtApiBase *(*get_base)(void);
	void *symbol = dlsym(lib, "OrtGetApiBase");
	if (!symbol)
		return err_set(err, MADRIGAL_EMISSING, "%s is not the ONNX Runtime: run `make voice`", path);
	memcpy(&get_base, &symbol, sizeof get_base);
	const OrtApiBase *base = get_base();
	const OrtApi *api = base->GetApi(ORT_API_VERSION);
	if (!api)
		return err_set(err, MADRIGAL_EMISSING, "the ONNX Runtime at %s is version %s, older than 1.%d: run `make voice`", path,
		               base->GetVersionString(), ORT_API_VERSION);
	struct ort *o = calloc(1, sizeof *o);
	if (!o)
		return err_nomem(err);
	o->api = api;
	int rc = open_env(o, err);
	if (rc) {
		if (o->operators)
			api->ReleaseCustomOpDomain(o->operators);
		if (o->memory)
			api->ReleaseMemoryInfo(o->memory);
		if (o->env)
			api->ReleaseEnv(o->env);
		free(o);
		return rc;
	}
	*ret = o;
	return 0;
}

void ort_close(struct ort *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->mutex);
	o->closing = 1;
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->mutex);
	pthread_join(o->watcher, NULL);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->mutex);
	o->api->ReleaseCustomOpDomain(o->operators);
	o->api->ReleaseMemoryInfo(o->memory);
	o->api->ReleaseEnv(o->env);
	free(o);
}

/* One thread for a run, so that the order of additions never changes; the lines of a song run side by side. The arena stays on: without it the heap
 * takes 2.6 GB for what fits in 0.45 GB. */
static int set_options(struct ort *o, OrtSessionOptions *s, struct madrigal_error *err)
{
	const OrtApi *a = o->api;
	static const char *const doing = "the neural runtime refuses its settings";
	static const char *const config[][2] = { { "session.intra_op.allow_spinning", "0" }, { "session.inter_op.allow_spinning", "0" },
	                                         { "session.set_denormal_as_zero", "1" } };
	int rc = check(o, a->SetIntraOpNumThreads(s, 1), MADRIGAL_EINTERNAL, doing, err);
	if (!rc)
		rc = check(o, a->SetInterOpNumThreads(s, 1), MADRIGAL_EINTERNAL, doing, err);
	if (!rc)
		rc = check(o, a->SetSessionExecutionMode(s, ORT_SEQUENTIAL), MADRIGAL_EINTERNAL, doing, err);
	if (!rc)
		rc = check(o, a->SetSessionGraphOptimizationLevel(s, ORT_ENABLE_ALL), MADRIGAL_EINTERNAL, doing, err);
	if (!rc)
		rc = check(o, a->DisableMemPattern(s), MADRIGAL_EINTERNAL, doing, err);
	if (!rc)
		rc = check(o, a->AddCustomOpDomain(s, o->operators), MADRIGAL_EINTERNAL, doing, err);
	for (size_t i = 0; i < sizeof config / sizeof *config && !rc; i++)
		rc = check(o, a->AddSessionConfigEntry(s, config[i][0], config[i][1]), MADRIGAL_EINTERNAL, doing, err);
	return rc;
}

int ort_net_open(struct ort *o, const char *path, struct ort_net **ret, struct madrigal_error *err)
{
	struct ort_net *n = calloc(1, sizeof *n);
	if (!n)
		return err_nomem(err);
	n->ort = o;
	OrtSessionOptions *s = NULL;
	int rc = check(o, o->api->CreateSessionOptions(&s), MADRIGAL_EINTERNAL, "the neural runtime does not start", err);
	if (!rc)
		rc = set_options(o, s, err);
	if (!rc && check(o, o->api->CreateSession(o->env, path, s, &n->session), MADRIGAL_EMISSING, path, NULL))
		rc = err_set(err, MADRIGAL_EMISSING, "the voice is damaged (%s): run `make voice`", path);
	if (s)
		o->api->ReleaseSessionOptions(s);
	if (rc) {
		free(n);
		return rc;
	}
	*ret = n;
	return 0;
}

void ort_net_close(struct ort_net *n)
{
	if (!n)
		return;
	n->ort->api->ReleaseSession(n->session);
	free(n);
}

static void enlist(struct ort *o, struct run *r)
{
	pthread_mutex_lock(&o->mutex);
	r->next = o->runs;
	o->runs = r;
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->mutex);
}

static void delist(struct ort *o, struct run *r)
{
	pthread_mutex_lock(&o->mutex);
	struct run **at = &o->runs;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	pthread_mutex_unlock(&o->mutex);
}

static int wrap_input(struct ort *o, const struct ort_input *in, OrtValue **ret, struct madrigal_error *err)
{
	size_t n = in->is_int64 ? sizeof(int64_t) : sizeof(float);
	for (int i = 0; i < in->n_dims; i++)
		n *= (size_t)in->dims[i];
	void *data;
	memcpy(&data, &in->data, sizeof data); /* the API takes no const, but inputs are only read */
	return check(o, o->api->CreateTensorWithDataAsOrtValue(o->memory, data, n, in->dims, (size_t)in->n_dims,
	             in->is_int64 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, ret), MADRIGAL_EINTERNAL, in->name, err);
}

static int copy_output(struct ort *o, OrtValue *v, struct ort_output *out, struct madrigal_error *err)
{
	OrtTensorTypeAndShapeInfo *info = NULL;
	ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
	size_t n_dims = 0, n = 0;
	void *data = NULL;
	int rc = check(o, o->api->GetTensorTypeAndShape(v, &info), MADRIGAL_EINTERNAL, out->name, err);
	if (!rc)
		rc = check(o, o->api->GetTensorElementType(info, &type), MADRIGAL_EINTERNAL, out->name, err);
	if (!rc)
		rc = check(o, o->api->GetDimensionsCount(info, &n_dims), MADRIGAL_EINTERNAL, out->name, err);
	if (!rc)
		rc = check(o, o->api->GetTensorShapeElementCount(info, &n), MADRIGAL_EINTERNAL, out->name, err);
	if (!rc && (type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || n_dims > ORT_DIMS_MAX || n > RUN_VALUES_MAX))
		rc = err_set(err, MADRIGAL_EMISSING, "the voice is not the one expected (%s): run `make voice`", out->name);
	if (!rc)
		rc = check(o, o->api->GetDimensions(info, out->dims, n_dims), MADRIGAL_EINTERNAL, out->name, err);
	if (!rc)
		rc = check(o, o->api->GetTensorMutableData(v, &data), MADRIGAL_EINTERNAL, out->name, err);
	if (!rc) {
		out->data = malloc((n + 1) * sizeof *out->data);
		out->n = n;
		out->n_dims = (int)n_dims;
		if (!out->data)
			rc = err_nomem(err);
		else if (n)
			memcpy(out->data, data, n * sizeof *out->data);
	}
	if (info)
		o->api->ReleaseTensorTypeAndShapeInfo(info);
	return rc;
}

static int run_values(struct ort_net *net, const char **in_names, OrtValue **in, int n_in, const char **out_names, OrtValue **out, int n_out,
                      const cancel_flag *cancel, struct madrigal_error *err)
{
	struct ort *o = net->ort;
	struct run r = { .cancel = cancel };
	int rc = check(o, o->api->CreateRunOptions(&r.options), MADRIGAL_EINTERNAL, "the neural runtime", err);
	if (rc)
		return rc;
	enlist(o, &r);
	OrtStatus *s = o->api->Run(net->session, r.options, in_names, (const OrtValue *const *)in, (size_t)n_in, out_names, (size_t)n_out, out);
	delist(o, &r);
	rc = check(o, s, MADRIGAL_EINTERNAL, "the voice's network failed", err);
	if (rc && cancelled(cancel))
		rc = err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	o->api->ReleaseRunOptions(r.options);
	return rc;
}

int ort_run(struct ort_net *net, const struct ort_input *inputs, int n_inputs, struct ort_output *outputs, int n_outputs,
            const cancel_flag *cancel, struct madrigal_error *err)
{
	struct ort *o = net->ort;
	OrtValue *in[PORTS_MAX] = { 0 }, *out[PORTS_MAX] = { 0 };
	const char *in_names[PORTS_MAX], *out_names[PORTS_MAX];
	if (n_inputs > PORTS_MAX || n_outputs > PORTS_MAX)
		return err_set(err, MADRIGAL_EINTERNAL, "a network with too many ports");
	int rc = cancelled(cancel) ? err_set(err, MADRIGAL_ECANCELLED, "cancelled") : 0;
	for (int i = 0; i < n_inputs && !rc; i++) {
		in_names[i] = inputs[i].name;
		rc = wrap_input(o, &inputs[i], &in[i], err);
	}
	for (int i = 0; i < n_outputs; i++) {
		out_names[i] = outputs[i].name;
		outputs[i].data = NULL;
	}
	if (!rc)
		rc = run_values(net, in_names, in, n_inputs, out_names, out, n_outputs, cancel, err);
	for (int i = 0; i < n_outputs && !rc; i++)
		rc = copy_output(o, out[i], &outputs[i], err);
	for (int i = 0; i < n_inputs; i++)
		if (in[i])
			o->api->ReleaseValue(in[i]);
	for (int i = 0; i < n_outputs; i++) {
		if (out[i])
			o->api->ReleaseValue(out[i]);
		if (rc) {
			free(outputs[i].data);
			outputs[i].data = NULL;
		}
	}
	return rc;
}
