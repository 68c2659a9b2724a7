/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Swing: the score's even ticks as the band plays and the voice sings them. */
#ifndef STYLE_SWING_H
#define STYLE_SWING_H

#include "style/style.h"

struct swing {
	double amount;  /* 0 straight .. 1/3 triplets: how far the second of two units comes late, as a share of a unit */
	int unit;       /* ticks: an eighth or a sixteenth */
};

/* The style's swing in a meter. NULL: straight. Eighths don't swing where three of them make the beat. */
struct swing style_swing(const struct style *s, int meter_num, int meter_den);

/* When tick (>= 0) of the score is played, in ticks: the second of each pair of units comes late and what lies between is bent; triplets are swung as
 * they stand. Rises with tick; the same for ticks that lie alike in their pair. */
double swing_tick(struct swing w, int tick);

#endif
