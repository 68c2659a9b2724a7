/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where Madrigal's data, voice and SoundFonts are on this machine. */
#ifndef ENGINE_FIND_H
#define ENGINE_FIND_H

#include <limits.h>

#include "base/err.h"

struct found_paths {
	char share_dir[PATH_MAX];    /* "" if not found, likewise below */
	char voice_dir[PATH_MAX];
	char runtime[PATH_MAX];
	char soundfont[PATH_MAX];
	char black_pearl[PATH_MAX];
	char red_zeppelin[PATH_MAX];
};

/* Fills *ret: what `wanted` names (may be NULL, as may its fields) is taken as it is; else the environment (MADRIGAL_SHARE,
 * MADRIGAL_VOICE, MADRIGAL_RUNTIME, MADRIGAL_SOUNDFONT); else MADRIGAL_HOME or $XDG_DATA_HOME/madrigal for voice and runtime; else the
 * usual places of the system. share_dir is also looked for beside the executable, so that a build folder works uninstalled. */
void find_paths(const struct madrigal_paths *wanted, struct found_paths *ret);

#endif
