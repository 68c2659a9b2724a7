/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The singers: share_dir/voices/voices.yaml, one entry for each of the voice pack's voices that sings well (docs/voice.md has the
 * measurements). */
#ifndef STYLE_SINGER_H
#define STYLE_SINGER_H

#include "base/err.h"

struct singer {
	char *name;               /* the pack's: "af_heart" */
	char *title;              /* for people: "Heart" */
	char *description;        /* "American woman, warm and round" */
	char *gender;             /* "f" or "m" */
	char *age;                /* "young", "adult", "old" */
	char **tones; unsigned n_tones; /* "warm", "bright", "soft", "deep", "clear", "raspy", ... */
	int low, high;            /* MIDI: where the network sings in tune (comfortable) */
	int top;                  /* highest note by resynthesis, >= high */
	float level_db;           /* makes the singers equally loud */
};

struct singer_set { struct singer *singers; unsigned n; };
int singer_set_load(const char *share_dir, struct singer_set *ret, struct madrigal_error *err) MUST_CHECK;
void singer_set_release(struct singer_set *s);
/* By name or title, any case; MADRIGAL_EUSAGE names the nearest if there is none. */
int singer_find(const struct singer_set *set, const char *name, const struct singer **ret, struct madrigal_error *err) MUST_CHECK;

#endif
