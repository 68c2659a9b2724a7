/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/yaml_tree.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "style/nearest.h"

int yaml_error(const struct yaml_doc *d, int line, struct madrigal_error *err, const char *fmt, ...)
{
	char what[768];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(err, MADRIGAL_ESTYLE, "%s:%d: %s", d->name, line, what);
}

void yaml_doc_release(struct yaml_doc *d)
{
	for (int i = 0; i < d->n_strings; i++)
		free(d->strings[i]);
	free(d->strings);
	free(d->nodes);
	free(d->name);
	memset(d, 0, sizeof *d);
}

static const char *keep_string(struct yaml_doc *d, const char *s, size_t len, struct madrigal_error *err)
{
	if (d->n_strings == d->cap_strings) {
		int cap = d->cap_strings ? 2 * d->cap_strings : 256;
		char **p = realloc(d->strings, (size_t)cap * sizeof *p);
		if (!p) {
			err_nomem(err);
			return NULL;
		}
		d->strings = p;
		d->cap_strings = cap;
	}
	char *copy = strndup(s, len);
	if (!copy)
		err_nomem(err);
	else
		d->strings[d->n_strings++] = copy;
	return copy;
}

static int add_node(struct yaml_doc *d, struct yaml_node node, struct madrigal_error *err)
{
	if (d->n_nodes == YAML_MAX_NODES)
		return yaml_error(d, node.line, err, "the file has more than %d values", YAML_MAX_NODES);
	if (d->n_nodes == d->cap) {
		int cap = d->cap ? 2 * d->cap : 512;
		struct yaml_node *p = realloc(d->nodes, (size_t)cap * sizeof *p);
		if (!p)
			return err_nomem(err);
		d->nodes = p;
		d->cap = cap;
	}
	d->nodes[d->n_nodes++] = node;
	return 0;
}

/* Where the parser stands while the tree is built. */
struct level {
	int node, last;  /* the open map or list and its last child, -1: none */
	const char *key; /* of the value that comes next; NULL: a key comes next, or it is a list */
	int key_line;
};

struct builder {
	struct yaml_doc *doc;
	struct level stack[YAML_MAX_DEPTH];
	int depth;
	struct madrigal_error *err;
};

int yaml_child(const struct yaml_doc *d, int node, const char *key)
{
	if (node < 0 || d->nodes[node].kind != YAML_MAP)
		return -1;
	for (int i = d->nodes[node].first; i >= 0; i = d->nodes[i].next)
		if (!strcmp(d->nodes[i].key, key))
			return i;
	return -1;
}

int yaml_item(const struct yaml_doc *d, int node, int i)
{
	if (node < 0 || d->nodes[node].kind != YAML_LIST)
		return -1;
	int k = d->nodes[node].first;
	while (k >= 0 && i-- > 0)
		k = d->nodes[k].next;
	return k;
}

int yaml_line(const struct yaml_doc *d, int node, const char *key)
{
	int k = yaml_child(d, node, key);
	return d->nodes[k >= 0 ? k : node].line;
}

/* A map's key: remembered until its value comes. */
static int take_key(struct builder *b, const yaml_event_t *ev, int line)
{
	struct level *top = &b->stack[b->depth - 1];
	if (ev->type != YAML_SCALAR_EVENT)
		return yaml_error(b->doc, line, b->err, "a key must be a plain word");
	const char *key = keep_string(b->doc, (const char *)ev->data.scalar.value, ev->data.scalar.length, b->err);
	if (!key)
		return MADRIGAL_EMEMORY;
	int twin = yaml_child(b->doc, top->node, key);
	if (twin >= 0)
		return yaml_error(b->doc, line, b->err, "\"%.40s\" is there twice: first in line %d", key, b->doc->nodes[twin].line);
	top->key = key;
	top->key_line = line;
	return 0;
}

static int take_value(struct builder *b, const yaml_event_t *ev, int line)
{
	struct yaml_doc *d = b->doc;
	struct level *top = b->depth ? &b->stack[b->depth - 1] : NULL;
	struct yaml_node node = {.line = line, .first = -1, .next = -1};
	if (top && top->key) {
		node.key = top->key;
		node.line = top->key_line; /* "bars: |" starts where its key stands */
	}
	if (ev->type == YAML_SCALAR_EVENT) {
		node.kind = YAML_SCALAR;
		if (memchr(ev->data.scalar.value, 0, ev->data.scalar.length))
			return yaml_error(d, line, b->err, "a NUL character in a text");
		node.value = keep_string(d, (const char *)ev->data.scalar.value, ev->data.scalar.length, b->err);
		if (!node.value)
			return MADRIGAL_EMEMORY;
	} else {
		node.kind = ev->type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_LIST;
	}
	int i = d->n_nodes;
	int rc = add_node(d, node, b->err);
	if (rc < 0)
		return rc;
	if (top) {
		if (top->last < 0)
			d->nodes[top->node].first = i;
		else
			d->nodes[top->last].next = i;
		d->nodes[top->node].n++;
		top->last = i;
		top->key = NULL;
	}
	if (node.kind == YAML_SCALAR)
		return 0;
	if (b->depth == YAML_MAX_DEPTH)
		return yaml_error(d, line, b->err, "nested more than %d deep", YAML_MAX_DEPTH);
	b->stack[b->depth++] = (struct level){.node = i, .last = -1};
	return 0;
}

static int take_event(struct builder *b, const yaml_event_t *ev)
{
	int line = (int)ev->start_mark.line + 1;
	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return yaml_error(b->doc, line, b->err, "aliases (*name) are not supported: write the value again");
	case YAML_DOCUMENT_START_EVENT:
		if (b->doc->n_nodes)
			return yaml_error(b->doc, line, b->err, "a second document (---) in one file");
		return 0;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		if (b->depth && b->doc->nodes[b->stack[b->depth - 1].node].kind == YAML_MAP && !b->stack[b->depth - 1].key)
			return take_key(b, ev, line);
		return take_value(b, ev, line);
	default:
		return 0;
	}
}

/* What libyaml says, with the line where it stumbled. */
static int syntax_error(struct yaml_doc *d, const yaml_parser_t *p, const char *text, size_t len, struct madrigal_error *err)
{
	if (p->error == YAML_MEMORY_ERROR)
		return err_nomem(err);
	const char *problem = p->problem ? p->problem : "cannot be read as YAML";
	if (p->error == YAML_READER_ERROR) { /* no mark: count the lines before the bad byte */
		int line = 1;
		for (size_t i = 0; i < len && i < p->problem_offset; i++)
			line += text[i] == '\n';
		return yaml_error(d, line, err, "%s", problem);
	}
	int line = (int)p->problem_mark.line + 1;
	if (p->context && p->context_mark.line != p->problem_mark.line)
		return yaml_error(d, line, err, "%s (%s that began in line %d)", problem, p->context, (int)p->context_mark.line + 1);
	return yaml_error(d, line, err, "%s%s%s", problem, p->context ? ", " : "", p->context ? p->context : "");
}

static int build_tree(struct yaml_doc *d, const char *text, size_t len, struct madrigal_error *err)
{
	yaml_parser_t p;
	if (!yaml_parser_initialize(&p))
		return err_nomem(err);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	struct builder b = {.doc = d, .err = err};
	int rc = 0, done = 0;
	while (rc == 0 && !done) { /* ends: each event takes input, of which there is a ceiling */
		yaml_event_t ev;
		if (!yaml_parser_parse(&p, &ev)) {
			rc = syntax_error(d, &p, text, len, err);
			break;
		}
		done = ev.type == YAML_STREAM_END_EVENT;
		rc = take_event(&b, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&p);
	if (rc == 0 && d->n_nodes == 0)
		rc = yaml_error(d, 1, err, "the file is empty");
	return rc;
}

static int check_node(const struct yaml_doc *d, int node, const cyaml_schema_value_t *schema, struct madrigal_error *err);

static const char *label(const struct yaml_node *n)
{
	return n->key ? n->key : "an item of the list";
}

static int unknown_key(const struct yaml_doc *d, int node, const cyaml_schema_field_t *fields, struct madrigal_error *err)
{
	struct nearest near = nearest_to(d->nodes[node].key);
	for (const cyaml_schema_field_t *f = fields; f->key; f++)
		nearest_try(&near, f->key);
	const char *slip = nearest_slip(&near);
	return yaml_error(d, d->nodes[node].line, err, "unknown key \"%.40s\"%s%s%s", d->nodes[node].key, slip ? ": did you mean \"" : "", slip ? slip : "",
	                  slip ? "\"?" : "");
}

static int check_map(const struct yaml_doc *d, int node, const cyaml_schema_value_t *schema, struct madrigal_error *err)
{
	const struct yaml_node *map = &d->nodes[node];
	const cyaml_schema_field_t *fields = schema->mapping.fields;
	for (int i = map->first; i >= 0; i = d->nodes[i].next) {
		const cyaml_schema_field_t *f = fields;
		while (f->key && strcmp(f->key, d->nodes[i].key))
			f++;
		if (!f->key)
			return unknown_key(d, i, fields, err);
		int rc = check_node(d, i, &f->value, err);
		if (rc < 0)
			return rc;
	}
	for (const cyaml_schema_field_t *f = fields; f->key; f++)
		if (!(f->value.flags & CYAML_FLAG_OPTIONAL) && yaml_child(d, node, f->key) < 0)
			return yaml_error(d, map->line, err, "\"%s\" is missing%s%s", f->key, map->key ? " in " : "", map->key ? map->key : "");
	return 0;
}

static int check_list(const struct yaml_doc *d, int node, const cyaml_schema_value_t *schema, struct madrigal_error *err)
{
	const struct yaml_node *list = &d->nodes[node];
	if ((unsigned)list->n < schema->sequence.min || (unsigned)list->n > schema->sequence.max)
		return yaml_error(d, list->line, err, "%s has %d items: %u to %u are allowed", label(list), list->n, (unsigned)schema->sequence.min,
		                  (unsigned)schema->sequence.max);
	int rc = 0;
	for (int i = list->first; i >= 0 && rc == 0; i = d->nodes[i].next)
		rc = check_node(d, i, schema->sequence.entry, err);
	return rc;
}

static int check_scalar(const struct yaml_doc *d, int node, const cyaml_schema_value_t *schema, struct madrigal_error *err)
{
	const struct yaml_node *n = &d->nodes[node];
	size_t len = strlen(n->value);
	char *end;
	errno = 0;
	switch (schema->type) {
	case CYAML_STRING:
		if (len < schema->string.min)
			return yaml_error(d, n->line, err, "%s is empty", label(n));
		if (len > schema->string.max)
			return yaml_error(d, n->line, err, "%s is too long: %zu bytes, at most %zu", label(n), len, (size_t)schema->string.max);
		return 0;
	case CYAML_FLOAT: {
		float f = strtof(n->value, &end);
		if (!len || *end || !isfinite(f))
			return yaml_error(d, n->line, err, "%s: \"%.40s\" is not a number", label(n), n->value);
		return 0;
	}
	case CYAML_INT: {
		long long v = strtoll(n->value, &end, 0);
		if (!len || *end || errno || v < -1000000 || v > 1000000)
			return yaml_error(d, n->line, err, "%s: \"%.40s\" is not a whole number", label(n), n->value);
		return 0;
	}
	case CYAML_BOOL: {
		static const char *const words[] = {"true", "false", "yes", "no", "1", "0"};
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (!strcmp(n->value, words[i]))
				return 0;
		return yaml_error(d, n->line, err, "%s: \"%.40s\" is neither true nor false", label(n), n->value);
	}
	default:
		return err_set(err, MADRIGAL_EINTERNAL, "a schema has a kind of value that yaml_tree.c does not know");
	}
}

/* Depth of recursion: that of the schema. */
static int check_node(const struct yaml_doc *d, int node, const cyaml_schema_value_t *schema, struct madrigal_error *err)
{
	static const char *const kinds[] = {"a single value", "a list", "a map of keys and values"};
	enum yaml_kind wanted = schema->type == CYAML_MAPPING ? YAML_MAP : schema->type == CYAML_SEQUENCE ? YAML_LIST : YAML_SCALAR;
	const struct yaml_node *n = &d->nodes[node];
	if (n->kind != wanted)
		return yaml_error(d, n->line, err, "%s must be %s, not %s", n->key || node ? label(n) : "the file", kinds[wanted], kinds[n->kind]);
	return wanted == YAML_MAP ? check_map(d, node, schema, err) :
	       wanted == YAML_LIST ? check_list(d, node, schema, err) : check_scalar(d, node, schema, err);
}

static const cyaml_config_t cyaml_config = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS};

void yaml_data_free(const cyaml_schema_value_t *schema, void *data)
{
	/* It fails only for a wrong schema, in which case nothing was ever loaded. */
	(void)cyaml_free(&cyaml_config, schema, data, 0);
}

int yaml_load(const char *name, const char *text, size_t len, const cyaml_schema_value_t *schema, struct yaml_doc *ret_doc,
              void **ret_data, struct madrigal_error *err)
{
	struct yaml_doc d = {.name = strdup(name)};
	if (!d.name)
		return err_nomem(err);
	int rc = 0;
	cyaml_data_t *data = NULL;
	if (len > YAML_MAX_BYTES)
		rc = yaml_error(&d, 1, err, "the file is too large: the limit is %d bytes", YAML_MAX_BYTES);
	if (rc == 0)
		rc = build_tree(&d, text, len, err);
	if (rc == 0)
		rc = check_node(&d, 0, schema, err);
	if (rc == 0) {
		cyaml_err_t e = cyaml_load_data((const uint8_t *)text, len, &cyaml_config, schema, &data, NULL);
		if (e == CYAML_ERR_OOM)
			rc = err_nomem(err);
		else if (e != CYAML_OK || !data)
			rc = yaml_error(&d, 1, err, "%s", e == CYAML_OK ? "the file is empty" : cyaml_strerror(e));
	}
	if (rc < 0) {
		yaml_doc_release(&d);
		return rc;
	}
	*ret_doc = d;
	*ret_data = data;
	return 0;
}

int yaml_numbers(const struct yaml_doc *d, int node, int fallback_line, void *base, const struct yaml_number *table, int n,
                 struct madrigal_error *err)
{
	for (int i = 0; i < n; i++) {
		const struct yaml_number *t = &table[i];
		void *at = (char *)base + t->offset;
		int child = yaml_child(d, node, t->key);
		if (child < 0) {
			if (isnan(t->otherwise))
				return yaml_error(d, node >= 0 ? d->nodes[node].line : fallback_line, err, "\"%s\" is missing", t->key);
			if (t->is_int)
				*(int *)at = (int)t->otherwise;
			else
				*(float *)at = (float)t->otherwise;
			continue;
		}
		double v = t->is_int ? *(int *)at : (double)*(float *)at;
		if (!(v >= (double)(float)t->min && v <= (double)(float)t->max))
			return yaml_error(d, d->nodes[child].line, err, "%s is %s: %g to %g is allowed", t->key, d->nodes[child].value, t->min, t->max);
	}
	return 0;
}

int yaml_default(char **s, const char *otherwise, struct madrigal_error *err)
{
	if (!*s)
		*s = strdup(otherwise);
	return *s ? 0 : err_nomem(err);
}
