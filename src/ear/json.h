/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was heard, as JSON: docs/ear.md has the members; the names are song.json's where those exist. */
#ifndef EAR_JSON_H
#define EAR_JSON_H

#include "ear/ear.h"

/* *ret by free(). Ends with a newline; the same find is the same bytes. */
int heard_write(const struct heard *h, char **ret, struct madrigal_error *err) MUST_CHECK;
/* Reads what heard_write wrote, or what people made of it: what is missing is as if nothing were heard of it, numbers are kept within their ranges, lists within their
 * longest. MADRIGAL_EUSAGE: not JSON, or not an object, with the line. *ret (large) is untouched on failure. */
int heard_read(const char *json, struct heard *ret, struct madrigal_error *err) MUST_CHECK;
/* "Am", "F#" as the key that was heard spells it, "N" without a chord. root_pc 0 to 11 or -1, quality HEARD_... */
void heard_name_chord(const struct heard_harmony *h, int root_pc, int quality, char ret[8]);

#endif
