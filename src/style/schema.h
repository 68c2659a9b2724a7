/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a style file may hold: the schema that libcyaml follows, and the range and default of each number. */
#ifndef STYLE_SCHEMA_H
#define STYLE_SCHEMA_H

#include "style/style.h"
#include "style/yaml_tree.h"

extern const cyaml_schema_value_t style_schema;

/* Fills in what the file leaves out and checks each number against its range. */
int style_fill(const struct yaml_doc *d, struct style *s, struct madrigal_error *err) MUST_CHECK;

#endif
