/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts the speech model (Kokoro-82M, one ONNX file) into the three networks that sing, once, when the voice is installed. */
#ifndef VOICE_MODEL_CUT_H
#define VOICE_MODEL_CUT_H

#include <stddef.h>

#include "base/err.h"

/* The tensors where the model is opened, by the names they have in it. A frame is VOICE_FRAME samples. */
#define MODEL_TOKENS "tokens"                                             /* int64 [1, n] */
#define MODEL_STYLE "style"                                               /* float [1, 256] */
#define MODEL_SPEED "speed"                                               /* float [1] */
#define MODEL_FRAMES "/encoder/Clip_output_0"                             /* float [1, n]: frames of each token */
#define MODEL_TEXT "/encoder/text_encoder/Transpose_2_output_0"           /* float [1, 512, n] */
#define MODEL_PROSODY "/encoder/predictor/text_encoder/Concat_4_output_0" /* float [1, n, 640] */
#define MODEL_PROSODY_FRAMES "/encoder/MatMul_output_0"                   /* float [1, 640, frames] */
#define MODEL_TEXT_FRAMES "/encoder/MatMul_1_output_0"                    /* float [1, 512, frames] */
#define MODEL_PITCH "/encoder/Squeeze_output_0"                           /* float [1, 2 frames]: Hz, near 0 where unvoiced */
#define MODEL_ENERGY "/encoder/Squeeze_1_output_0"                        /* float [1, 2 frames] */
#define MODEL_AUDIO "audio"                                               /* float [600 frames] */

/* The weights that the cut decoder takes in addition: how much each frame counts in the means and variances over time of its
 * normalisations, at the four resolutions at which these happen. Each is float [length, 1] and sums to 1. */
#define MODEL_WEIGHTS 4
extern const char *const model_weight_names[MODEL_WEIGHTS];

/* Reads model_path and writes out_dir/encoder.onnx (tokens, style, speed -> frames, text, prosody), out_dir/prosody.onnx (prosody by frame, style ->
 * pitch, energy) and out_dir/singing.onnx (text by frame, pitch, energy, style, weights -> audio). Only the protobuf wire format is read (nodes
 * are kept or left, their bytes copied); anything that is not this model is MADRIGAL_EMISSING with the command that installs. */
int model_cut(const char *model_path, const char *out_dir, struct madrigal_error *err) MUST_CHECK;

/* One part from a model in memory, for the fuzzer and the tests: part 0 encoder, 1 prosody, 2 decoder. *ret_data by free(). */
#define MODEL_PARTS 3
extern const char *const model_part_files[MODEL_PARTS];
int model_cut_part(const void *model, size_t len, int part, void **ret_data, size_t *ret_len, struct madrigal_error *err) MUST_CHECK;

#endif
