/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings for the command: opened in the decoding helper, listened to here. */
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include "madrigal.h"

/* A recording at the ear's rate. */
struct recording {
	float *side[2];           /* owned; frames samples each */
	size_t frames;
	int rate;
};
/* MADRIGAL_EIO: can't be read; MADRIGAL_EUSAGE: no audio that we know, damaged, or too long. *ret by recording_release. */
int recording_open(const char *path, struct recording *ret, struct madrigal_error *err);
void recording_release(struct recording *r);

/* What is heard in a file, as JSON (free): a recording, or what `madrigal listen` wrote of one. */
int hear_file(const char *path, char **ret_json, struct madrigal_error *err);

/* Draws what was heard (JSON) over the recording: waveform, beats, chords, sections, energy, the sung pitch. */
int picture_draw(const char *png_path, const struct recording *r, const char *heard, struct madrigal_error *err);

int cmd_listen(int argc, char **argv);

#endif
