/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/style.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "style/check.h"
#include "style/nearest.h"
#include "style/schema.h"
#include "style/yaml_tree.h"

#define MAX_STYLES 1000

int section_fallback(enum section_kind k)
{
	switch (k) {
	case SECTION_HOOK:
	case SECTION_POST_CHORUS:
	case SECTION_SOLO:
		return SECTION_CHORUS;
	case SECTION_INST:
		return SECTION_SOLO;
	case SECTION_INTERLUDE:
	case SECTION_OUTRO:
		return SECTION_INTRO;
	case SECTION_TRANSITION:
		return SECTION_BUILD_UP;
	case SECTION_BUILD_UP:
		return SECTION_PRE_CHORUS;
	case SECTION_BREAK:
		return SECTION_BRIDGE;
	case SECTION_INTRO:
	case SECTION_PRE_CHORUS:
	case SECTION_CHORUS:
	case SECTION_BRIDGE:
		return SECTION_VERSE;
	case SECTION_VERSE:
	case SECTION_KINDS:
		break;
	}
	return -1;
}

void style_free(struct style *s)
{
	yaml_data_free(&style_schema, s);
}

/* "styles/indie-folk.yaml" -> "indie-folk" in a new string, NULL if out of memory. */
static char *stem(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len = strlen(base);
	if (len > 5 && !strcmp(base + len - 5, ".yaml"))
		len -= 5;
	return strndup(base, len);
}

int style_load_text(const char *name, const char *text, size_t len, struct style **ret, struct madrigal_error *err)
{
	struct yaml_doc d;
	void *data;
	int rc = yaml_load(name, text, len, &style_schema, &d, &data, err);
	if (rc < 0)
		return rc;
	struct style *s = data;
	if (!s->name)
		s->name = stem(name);
	rc = s->name ? style_fill(&d, s, err) : err_nomem(err);
	if (rc == 0)
		rc = style_check(&d, s, err);
	yaml_doc_release(&d);
	if (rc < 0) {
		style_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

/* The style of a file's text must bear the file's name. */
static int check_own_name(const char *path, const struct style *s, struct madrigal_error *err)
{
	char *wanted = stem(path);
	if (!wanted)
		return err_nomem(err);
	int rc = 0;
	if (strcmp(wanted, s->name))
		rc = err_set(err, MADRIGAL_ESTYLE, "%s:1: the style calls itself \"%s\": it must have the file's name, \"%s\"", path, s->name, wanted);
	free(wanted);
	return rc;
}

static int load_named(const char *path, const char *text, size_t len, struct style **ret, struct madrigal_error *err)
{
	struct style *s = NULL;
	int rc = style_load_text(path, text, len, &s, err);
	if (rc == 0)
		rc = check_own_name(path, s, err);
	if (rc < 0) {
		style_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

int style_load_file(const char *path, struct style **ret, struct madrigal_error *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = file_read(path, YAML_MAX_BYTES, &text, &len, err);
	if (rc < 0)
		return rc;
	rc = load_named(path, text, len, ret, err);
	free(text);
	return rc;
}

/* ---- heads ---- */

/* Copies the entries of the head out of a file that is written plainly: each entry's key begins its line, and what belongs to it is indented
 * (or a list's "- "). 0 if the file is written otherwise. */
static int cut_head(const char *text, size_t len, struct buf *out)
{
	int keep = 0;
	for (size_t at = 0, next; at < len; at = next) {
		const char *line = text + at, *newline = memchr(line, '\n', len - at);
		next = newline ? (size_t)(newline - text) + 1 : len;
		size_t word = 0;
		while (at + word < next && ((line[word] >= 'a' && line[word] <= 'z') || line[word] == '_'))
			word++;
		if (word) {
			if (at + word == next || line[word] != ':')
				return 0;
			keep = is_head_key(line, word);
		} else if (!strchr(" \t\r\n#-", *line) || (*line == '-' && at + 1 < next && line[1] == '-')) {
			return 0;
		}
		if (keep)
			buf_add(out, line, next - at);
	}
	return !out->failed;
}

int style_load_head(const char *path, const char *text, size_t len, struct style **ret)
{
	struct madrigal_error why;
	struct buf head = buf_init(YAML_MAX_BYTES);
	struct yaml_doc d;
	void *data = NULL;
	int rc = cut_head(text, len, &head) ? yaml_load(path, buf_str(&head), head.len, &head_schema, &d, &data, &why) : MADRIGAL_ESTYLE;
	buf_release(&head);
	if (rc < 0)
		return rc;
	struct style *s = data;
	if (!s->name)
		s->name = stem(path);
	rc = s->name ? style_fill_head(&d, s, &why) : err_nomem(&why);
	if (rc == 0)
		rc = check_own_name(path, s, &why);
	yaml_doc_release(&d);
	if (rc < 0) {
		style_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

/* The head of a file; the whole style if the head alone can't be had, so that a fault is told by its line in the file. */
static int load_file_head(const char *path, struct style **ret, struct madrigal_error *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = file_read(path, YAML_MAX_BYTES, &text, &len, err);
	if (rc < 0)
		return rc;
	if (style_load_head(path, text, len, ret) < 0)
		rc = load_named(path, text, len, ret, err);
	free(text);
	return rc;
}

/* ---- sets ---- */

static int is_style_file(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && !strcmp(e->d_name + len - 5, ".yaml");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort, which asks the locale */
}

static int load_all(const char *dir, struct dirent **files, int n, int heads, struct style_set *set, struct madrigal_error *err)
{
	if (n == 0)
		return err_set(err, MADRIGAL_ESTYLE, "there are no styles in %s", dir);
	if (n > MAX_STYLES)
		return err_set(err, MADRIGAL_ESTYLE, "%d styles in %s: the limit is %d", n, dir, MAX_STYLES);
	set->styles = calloc((size_t)n + 1, sizeof *set->styles);
	set->paths = heads ? calloc((size_t)n + 1, sizeof *set->paths) : NULL;
	if (!set->styles || (heads && !set->paths))
		return err_nomem(err);
	for (int i = 0; i < n; i++) {
		char path[4096 + 256 + 2];
		snprintf(path, sizeof path, "%s/%s", dir, files[i]->d_name);
		int rc = heads ? load_file_head(path, &set->styles[i], err) : style_load_file(path, &set->styles[i], err);
		if (rc < 0)
			return rc;
		set->n++;
		if (heads && !(set->paths[i] = strdup(path)))
			return err_nomem(err);
	}
	return 0;
}

static int open_set(const char *share_dir, int heads, struct style_set *ret, struct madrigal_error *err)
{
	char dir[4096];
	if (snprintf(dir, sizeof dir, "%s/styles", share_dir) >= (int)sizeof dir)
		return err_set(err, MADRIGAL_EIO, "the path of the styles is too long");
	struct dirent **files = NULL;
	int n = scandir(dir, &files, is_style_file, by_name);
	if (n < 0)
		return err_set(err, errno == ENOMEM ? MADRIGAL_EMEMORY : MADRIGAL_EIO, "cannot read the styles in %s: %s", dir, strerror(errno));
	struct style_set set = {0};
	int rc = load_all(dir, files, n, heads, &set, err);
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	if (rc < 0) {
		style_set_release(&set);
		return rc;
	}
	*ret = set;
	return 0;
}

int style_set_load(const char *share_dir, struct style_set *ret, struct madrigal_error *err)
{
	return open_set(share_dir, 0, ret, err);
}

int style_set_open(const char *share_dir, struct style_set *ret, struct madrigal_error *err)
{
	return open_set(share_dir, 1, ret, err);
}

int style_set_complete(struct style_set *s, int i, struct madrigal_error *err)
{
	if (s->styles[i]->n_parts)
		return 0;
	struct style *whole = NULL;
	int rc = style_load_file(s->paths[i], &whole, err);
	if (rc < 0)
		return rc;
	style_free(s->styles[i]);
	s->styles[i] = whole;
	return 0;
}

void style_set_release(struct style_set *s)
{
	for (int i = 0; i < s->n; i++) {
		style_free(s->styles[i]);
		if (s->paths)
			free(s->paths[i]);
	}
	free(s->styles);
	free(s->paths);
	memset(s, 0, sizeof *s);
}

int style_find(const struct style_set *set, const char *name, const struct style **ret, struct madrigal_error *err)
{
	struct nearest near = nearest_to(name);
	for (int i = 0; i < set->n; i++) {
		const struct style *s = set->styles[i];
		if (same_name(s->name, name) || same_name(s->title, name)) {
			*ret = s;
			return 0;
		}
		nearest_try(&near, s->name);
	}
	if (!near.name)
		return err_set(err, MADRIGAL_ESTYLE, "there is no style \"%.60s\"", name);
	return err_set(err, MADRIGAL_ESTYLE, "there is no style \"%.60s\": did you mean \"%s\"? (madrigal styles lists them)", name, near.name);
}
