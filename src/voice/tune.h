/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tune as a singer's pitch: glides, scoops, vibrato, drift. After Saitou, Goto, Unoki and Akagi, "Speech-to-Singing Synthesis" (WASPAA 2007),
 * who found which of a voice's pitch movements make it sound sung. */
#ifndef VOICE_TUNE_H
#define VOICE_TUNE_H

#include "voice/voice.h"

/* Fills hz[0..n-1], the pitch at t0 + (i + 0.5) * step_s seconds of the line. It runs on through rests. */
void tune_curve(const struct sung_line *line, const struct style_singer *manner, double t0, double step_s, int n, float *hz);

/* How loud a note of that dynamic is, dB against one of 0.7. */
double tune_dynamic_db(double dynamic);
/* Fills gain[0..n-1], linear: how loud the line is at t0 + i * step_s, from the notes' dynamics (1 at dynamic 0.7), swelling and ebbing on long notes. */
void tune_loudness(const struct sung_line *line, double t0, double step_s, int n, float *gain);

#endif
