/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernels of kernels.h as operators of the ONNX Runtime: what the cut decoder (model_fuse.h) asks for in the domain MODEL_DOMAIN. */
#ifndef VOICE_ORT_OPS_H
#define VOICE_ORT_OPS_H

#include <onnxruntime_c_api.h>

/* Makes the domain with its operators, for AddCustomOpDomain; the caller gives it to ReleaseCustomOpDomain when no session uses it any more. */
OrtStatus *ort_ops_new(const OrtApi *api, OrtCustomOpDomain **ret);

#endif
