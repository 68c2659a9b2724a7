/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which parts sound: a logistic function of the timbre's figures for each, fitted to songs whose parts are known (tools/ear-tables). */
#include <math.h>

#include "ear/parts_table.h"
#include "ear/timbre.h"

void parts_of(struct heard_timbre *t)
{
	_Static_assert(PARTS_FIGURES == TIMBRE_FIGURES, "the table was made of these figures: run make ear-tables");
	for (int k = 0; k < HEARD_PARTS; k++) {
		double sum = (double)parts_table[k].bias;
		for (int i = 0; i < PARTS_FIGURES && i < t->n_vector; i++)
			sum += (double)parts_table[k].weight[i] * (double)t->vector[i];
		t->part[k] = (float)(1 / (1 + exp(-sum)));
	}
}
