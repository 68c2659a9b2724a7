/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

#include <stddef.h>

/* Puts n numbers (no NaN) in ascending order. */
void floats_sort(float *x, size_t n);

#endif
