/* SPDX-License-Identifier: GPL-3.0-or-later */
/* YAML into C structs, with one clear message and the right line for whoever wrote the file.
 *
 * libcyaml fills the structs from a schema; but a reader of music wants "folk.yaml:12: unknown key "temop": did you mean "tempo"?", whatever
 * libcyaml's version, and later checks want the line of a value. So the text is read twice: first into a small tree whose nodes know their
 * lines, which is compared with the schema, then by libcyaml. Both passes together take about a millisecond for 30 kB.
 *
 * Limits: YAML_MAX_BYTES, YAML_MAX_NODES, YAML_MAX_DEPTH; one document; no aliases (they are how a short file becomes a huge one).
 */
#ifndef STYLE_YAML_TREE_H
#define STYLE_YAML_TREE_H

#include <cyaml/cyaml.h>
#include <math.h>
#include <stddef.h>

#include "base/err.h"

#define YAML_MAX_BYTES (256 * 1024)
#define YAML_MAX_NODES 32768
#define YAML_MAX_DEPTH 12

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	int line;            /* 1-based */
	const char *key;     /* of an entry of a map, else NULL */
	const char *value;   /* of a scalar, else NULL */
	int first, next, n;  /* first child and next sibling, -1 if none; number of children */
};

struct yaml_doc {
	char *name;               /* of the file, for messages */
	struct yaml_node *nodes;  /* nodes[0] is the root */
	int n_nodes, cap;
	char **strings;           /* what keys and values point to */
	int n_strings, cap_strings;
};

#define YAML_REQUIRED ((double)NAN)

/* A number of a struct: its place, its range, and its value when the file doesn't say. */
struct yaml_number {
	const char *key;
	size_t offset;
	int is_int;               /* int, else float */
	double min, max;
	double otherwise;         /* YAML_REQUIRED: the file must say it */
};

/* Rows of a schema and of a table of numbers from one line each: F(member, min, max, otherwise). */
#define YAML_FLOAT_FIELD(type, member) CYAML_FIELD_FLOAT(#member, CYAML_FLAG_OPTIONAL, type, member)
#define YAML_INT_FIELD(type, member) CYAML_FIELD_INT(#member, CYAML_FLAG_OPTIONAL, type, member)
#define YAML_FLOAT_NUMBER(type, member, min, max, otherwise) { #member, offsetof(type, member), 0, min, max, otherwise }
#define YAML_INT_NUMBER(type, member, min, max, otherwise) { #member, offsetof(type, member), 1, min, max, otherwise }

/* Reads text as schema says (a pointer to a mapping). On success *ret_doc (released by yaml_doc_release) has the lines and
 * *ret_data (freed by yaml_data_free) the struct; numbers and strings that the file leaves out are 0 and NULL. MADRIGAL_ESTYLE with
 * "NAME:LINE: what", or MADRIGAL_EMEMORY. */
int yaml_load(const char *name, const char *text, size_t len, const cyaml_schema_value_t *schema, struct yaml_doc *ret_doc,
              void **ret_data, struct madrigal_error *err) MUST_CHECK;
void yaml_doc_release(struct yaml_doc *d);
void yaml_data_free(const cyaml_schema_value_t *schema, void *data);

/* The entry called key of a map, or item i of a list; -1 if there is none, or node is -1. */
int yaml_child(const struct yaml_doc *d, int node, const char *key);
int yaml_item(const struct yaml_doc *d, int node, int i);
/* The line of the entry called key of a map; the map's own if the entry is missing. */
int yaml_line(const struct yaml_doc *d, int node, const char *key);

/* Checks n numbers of the struct at base against their ranges, and fills in those that the map at node (-1: left out) doesn't have. */
int yaml_numbers(const struct yaml_doc *d, int node, int fallback_line, void *base, const struct yaml_number *table, int n,
                 struct madrigal_error *err) MUST_CHECK;
/* Fills *s with a copy of otherwise if it is NULL. */
int yaml_default(char **s, const char *otherwise, struct madrigal_error *err) MUST_CHECK;

/* MADRIGAL_ESTYLE with "NAME:LINE: " before the message. */
int yaml_error(const struct yaml_doc *d, int line, struct madrigal_error *err, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
