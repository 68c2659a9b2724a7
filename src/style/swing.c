/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/swing.h"

#include <string.h>

#include "score/score.h"

struct swing brief_swing(const struct brief *b, int meter_num, int meter_den)
{
	struct swing w = { .unit = TICKS_PER_QUARTER / 2 };
	if (!b || !b->style)
		return w;
	const char *unit = b->swing_unit ? b->swing_unit : b->style->swing_unit;
	w.amount = (double)(b->swing_unit ? b->swing : b->style->swing);
	if (unit && !strcmp(unit, "16"))
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
