/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pitch that is sung, moment by moment: for pictures. */
#ifndef EAR_CONTOUR_H
#define EAR_CONTOUR_H

#include "ear/ear.h"

/* Value i stands for the step_s seconds around from_s + i * step_s; 0 Hz: nobody sings. */
struct contour { double from_s, step_s; size_t n; float *hz; /* owned */ };
int ear_contour(const struct ear_sound *s, const cancel_flag *cancel, struct contour *ret, struct madrigal_error *err) MUST_CHECK;
void contour_release(struct contour *c);

#endif
