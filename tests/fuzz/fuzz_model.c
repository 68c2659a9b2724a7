/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cutter of the speech model on any bytes: every part, nothing kept. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "voice/model_cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int part = 0; part < MODEL_PARTS; part++) {
		void *out = NULL;
		size_t n = 0;
		if (!model_cut_part(data, size, part, &out, &n, NULL))
			free(out);
	}
	return 0;
}
