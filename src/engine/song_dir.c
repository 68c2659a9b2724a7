/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/song_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static int join(char *out, const char *dir, const char *name, struct madrigal_error *err)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
	return n < 0 || n >= PATH_MAX ? err_set(err, MADRIGAL_EIO, "the path is too long: %s/%s", dir, name) : 0;
}

int song_dir_begin(struct song_dir *d, const char *path, struct madrigal_error *err)
{
	memset(d, 0, sizeof *d);
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0 || n > PATH_MAX - 64)
		return err_set(err, MADRIGAL_EIO, "not a usable folder name: '%s'", path);
	snprintf(d->path, sizeof d->path, "%.*s", (int)n, path);
	struct stat st;
	if (stat(d->path, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(err, MADRIGAL_EIO, "cannot make the folder %s: a file of that name is there", d->path);
	if (stat(d->path, &st) == 0 && access(d->path, W_OK | X_OK) < 0)
		return err_set(err, MADRIGAL_EIO, "cannot write in %s: %s", d->path, strerror(errno));
	char partial[PATH_MAX + 32];
	snprintf(partial, sizeof partial, "%s.partial-%ld", d->path, (long)getpid());
	if (mkdir(partial, 0777) < 0)
		return err_set(err, MADRIGAL_EIO, "cannot make the folder %s: %s", d->path, strerror(errno));
	snprintf(d->partial, sizeof d->partial, "%.*s", PATH_MAX - 1, partial);
	return 0;
}

/* Makes the folder part of dir/name, if name has one. */
static int make_folder(const char *dir, const char *name, struct madrigal_error *err)
{
	const char *slash = strchr(name, '/');
	char path[PATH_MAX];
	if (!slash)
		return 0;
	snprintf(path, sizeof path, "%s/%.*s", dir, (int)(slash - name), name);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return err_set(err, MADRIGAL_EIO, "cannot make the folder %s: %s", path, strerror(errno));
	return 0;
}

int song_dir_reserve(struct song_dir *d, const char *name, struct madrigal_error *err)
{
	if (d->n_files == SONG_DIR_MAX_FILES || strlen(name) >= sizeof d->files[0])
		return err_set(err, MADRIGAL_EINTERNAL, "too many files in a song");
	int rc = make_folder(d->partial, name, err);
	if (!rc)
		snprintf(d->files[d->n_files++], sizeof d->files[0], "%s", name);
	return rc;
}

int song_dir_add(struct song_dir *d, const char *name, const void *data, size_t n, struct madrigal_error *err)
{
	char path[PATH_MAX];
	int rc = join(path, d->partial, name, err);
	if (!rc)
		rc = song_dir_reserve(d, name, err);
	return rc ? rc : file_write(path, data, n, err);
}

static int is_song_folder(const char *dir)
{
	char path[PATH_MAX];
	return !join(path, dir, "song.json", NULL) && access(path, F_OK) == 0;
}

/* The former song's stems and masters: left behind they would pass for the new one's. */
static void remove_former_song(const char *dir)
{
	char path[PATH_MAX], stems[PATH_MAX];
	static const char *const masters[] = { "mix.mp3", "mix.wav", "mix.flac", "mix.pcm" };
	for (size_t i = 0; i < sizeof masters / sizeof *masters; i++)
		if (!join(path, dir, masters[i], NULL))
			unlink(path);
	if (join(stems, dir, "stems", NULL))
		return;
	DIR *list = opendir(stems);
	for (struct dirent *e; list && (e = readdir(list));) {
		size_t n = strlen(e->d_name);
		if (n > 4 && !strcmp(e->d_name + n - 4, ".wav") && !join(path, stems, e->d_name, NULL))
			unlink(path);
	}
	if (list)
		closedir(list);
}

int song_dir_commit(struct song_dir *d, struct madrigal_error *err)
{
	if (rename(d->partial, d->path) == 0) { /* nothing was there, or an empty folder */
		d->partial[0] = 0;
		return 0;
	}
	if (errno != ENOTEMPTY && errno != EEXIST)
		return err_set(err, MADRIGAL_EIO, "cannot make the folder %s: %s", d->path, strerror(errno));
	if (is_song_folder(d->path))
		remove_former_song(d->path);
	for (int i = 0; i < d->n_files; i++) {
		char from[PATH_MAX], to[PATH_MAX];
		int rc = join(from, d->partial, d->files[i], err);
		if (!rc)
			rc = join(to, d->path, d->files[i], err);
		if (!rc)
			rc = make_folder(d->path, d->files[i], err);
		if (rc)
			return rc;
		if (rename(from, to) < 0)
			return err_set(err, MADRIGAL_EIO, "cannot write %s: %s", to, strerror(errno));
	}
	song_dir_abort(d);
	return 0;
}

void song_dir_abort(struct song_dir *d)
{
	char path[PATH_MAX];
	if (!d->partial[0])
		return;
	for (int i = 0; i < d->n_files; i++)
		if (!join(path, d->partial, d->files[i], NULL))
			unlink(path);
	if (!join(path, d->partial, "stems", NULL))
		rmdir(path);
	rmdir(d->partial);
	d->partial[0] = 0;
}
