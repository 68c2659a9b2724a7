/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a style makes musical sense: what the schema can't say. */
#ifndef STYLE_CHECK_H
#define STYLE_CHECK_H

#include "style/style.h"
#include "style/yaml_tree.h"

/* s is filled (style_fill). Names known, patterns of full bars with the characters of their role, chords readable, and everything there
 * that a song needs: chords of both modes, a groove for each section in which a part plays. The first fault, as MADRIGAL_ESTYLE. */
int style_check(const struct yaml_doc *d, const struct style *s, struct madrigal_error *err) MUST_CHECK;

#endif
