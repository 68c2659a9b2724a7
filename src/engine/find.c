/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int readable(const char *path)
{
	return access(path, R_OK) == 0;
}

/* Sets out if the formatted path is short enough and can be read. */
static int take(char *out, const char *dir, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s%s%s", dir, *name ? "/" : "", name);
	if (n < 0 || (size_t)n >= sizeof path || !readable(path))
		return 0;
	memcpy(out, path, (size_t)n + 1);
	return 1;
}

static void copy(char *out, const char *s)
{
	snprintf(out, PATH_MAX, "%s", s);
}

/* What the caller or the environment names counts even if it is not there: the error then names it. */
static int named(char *out, const char *wanted, const char *variable)
{
	if (!wanted || !*wanted)
		wanted = getenv(variable);
	if (!wanted || !*wanted)
		return 0;
	copy(out, wanted);
	return 1;
}

/* From the executable's folder upwards: share/ of a source tree (build/src/cli/madrigal) or PREFIX/share/madrigal. */
static int share_beside_executable(char *out)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n <= 0)
		return 0;
	exe[n] = 0;
	for (int up = 0; up < 5; up++) {
		char *slash = strrchr(exe, '/');
		if (!slash || slash == exe)
			return 0;
		*slash = 0;
		char probe[PATH_MAX];
		if (take(probe, exe, "share/styles"))
			return take(out, exe, "share");
		if (take(probe, exe, "share/madrigal/styles"))
			return take(out, exe, "share/madrigal");
	}
	return 0;
}

static void home_dir(char *out)
{
	const char *home = getenv("MADRIGAL_HOME"), *data = getenv("XDG_DATA_HOME"), *user = getenv("HOME");
	if (home && *home)
		copy(out, home);
	else if (data && *data)
		snprintf(out, PATH_MAX, "%s/madrigal", data);
	else
		snprintf(out, PATH_MAX, "%s/.local/share/madrigal", user && *user ? user : "/");
}

static void find_first(char *out, const char *const *dirs, const char *const *names)
{
	for (; *dirs; dirs++)
		for (const char *const *name = names; *name; name++)
			if (take(out, *dirs, *name))
				return;
}

static const char *const sound_dirs[] = { "/usr/share/sounds/sf3", "/usr/share/sounds/sf2", "/usr/share/soundfonts", "/usr/local/share/sounds/sf2", NULL };

void find_paths(const struct madrigal_paths *wanted, struct found_paths *ret)
{
	static const struct madrigal_paths nothing;
	const struct madrigal_paths *w = wanted ? wanted : &nothing;
	memset(ret, 0, sizeof *ret);
	if (!named(ret->share_dir, w->share_dir, "MADRIGAL_SHARE") && !share_beside_executable(ret->share_dir))
		take(ret->share_dir, MADRIGAL_SHAREDIR, "");

	char home[PATH_MAX];
	home_dir(home);
	const char *const voice_dirs[] = { home, "/usr/local/share/madrigal", "/usr/share/madrigal", NULL };
	const char *const voice_names[] = { "voice", NULL };
	if (!named(ret->voice_dir, w->voice_dir, "MADRIGAL_VOICE"))
		find_first(ret->voice_dir, voice_dirs, voice_names);
	const char *const runtime_dirs[] = { home, "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", NULL };
	const char *const runtime_names[] = { "runtime/libonnxruntime.so.1", "libonnxruntime.so.1", "libonnxruntime.so.1.21", NULL };
	if (!named(ret->runtime, w->runtime, "MADRIGAL_RUNTIME"))
		find_first(ret->runtime, runtime_dirs, runtime_names);

	const char *const general[] = { "MuseScore_General_Full.sf3", "MuseScore_General.sf3", "MuseScore_General.sf2", "FluidR3_GM.sf2", NULL };
	const char *const pearl[] = { "Black_Pearl_4_LV2.sf2", NULL }, *const zeppelin[] = { "Red_Zeppelin_4_LV2.sf2", NULL };
	if (!named(ret->soundfont, w->soundfont, "MADRIGAL_SOUNDFONT"))
		find_first(ret->soundfont, sound_dirs, general);
	find_first(ret->black_pearl, sound_dirs, pearl);
	find_first(ret->red_zeppelin, sound_dirs, zeppelin);
}
