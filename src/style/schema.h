/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a style file may hold: the schema that libcyaml follows, and the range and default of each number. */
#ifndef STYLE_SCHEMA_H
#define STYLE_SCHEMA_H

#include "style/style.h"
#include "style/yaml_tree.h"

extern const cyaml_schema_value_t style_schema;
/* The entries that say what a style is called and where it sits, of the same struct style. */
extern const cyaml_schema_value_t head_schema;
/* Whether a file's entry is one of those. */
int is_head_key(const char *key, size_t len);

/* Fills in what the file leaves out and checks each number against its range. */
int style_fill_head(const struct yaml_doc *d, struct style *s, struct madrigal_error *err) MUST_CHECK;
int style_fill(const struct yaml_doc *d, struct style *s, struct madrigal_error *err) MUST_CHECK;

#endif
