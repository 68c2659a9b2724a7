/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a job's request: read and written back it is the same, or it is refused; never a crash. */
#include <stdlib.h>
#include <string.h>

#include "worker/request.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct song_request r, again;
	char *text = malloc(size + 1), *json, *json_again;
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (song_request_parse(text, &r, NULL) == 0) {
		if (r.channels < 1 || r.channels > 2 || !(r.max_duration_s >= 10 && r.max_duration_s <= 300))
			abort();
		if (song_request_write(&r, &json, NULL) == 0) {
			if (song_request_parse(json, &again, NULL) || song_request_write(&again, &json_again, NULL) || strcmp(json, json_again))
				abort();
			song_request_release(&again);
			free(json_again);
			free(json);
		}
		song_request_release(&r);
	}
	free(text);
	return 0;
}
