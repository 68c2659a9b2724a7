/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/swing.h"

#include <string.h>

#include "score/score.h"

struct swing style_swing(const struct style *s, int meter_num, int meter_den)
{
	struct swing w = { .unit = TICKS_PER_QUARTER / 2 };
	if (!s)
		return w;
	w.amount = (double)s->swing;
	if (s->swing_unit && !strcmp(s->swing_unit, "16"))
		w.unit = TICKS_PER_QUARTER / 4;
	else if (meter_den == 8 && meter_num % 3 == 0)
		w.amount = 0;
	return w;
}

double swing_tick(struct swing w, int tick)
{
	int pair = 2 * w.unit;
	int within = tick % pair;
	if (w.amount <= 0 || within == 0 || (within * 3 % pair == 0))
		return tick;
	double late = within <= w.unit ? within * w.amount : (pair - within) * w.amount;
	return tick + late;
}
