/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "Did you mean": the name nearest to one that was mistyped. */
#ifndef STYLE_NEAREST_H
#define STYLE_NEAREST_H

/* Restricted Damerau-Levenshtein distance (Damerau 1964; Levenshtein 1966) without regard to case, '_' and ' ' taken as '-'. Looks at the
 * first 63 bytes of each. */
int edit_distance(const char *a, const char *b);
/* 1 if the two are the same in that sense. */
int same_name(const char *a, const char *b);

/* Collects candidates; the first of the nearest is kept. */
struct nearest { const char *wanted, *name; int distance; };
struct nearest nearest_to(const char *wanted);
void nearest_try(struct nearest *n, const char *candidate);
/* The best candidate if it is near enough to be a slip of the fingers, else NULL. */
const char *nearest_slip(const struct nearest *n);

#endif
