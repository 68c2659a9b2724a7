/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a style file: a style, or a message with a line; never a crash or a leak. */
#include <stdlib.h>
#include <string.h>

#include "style/style.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct style *s = NULL;
	struct madrigal_error err = {0, ""};
	char *text = malloc(size + 1); /* exactly as large, so that a read past the end shows */
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (style_load_head("fuzz.yaml", text, size, &s) == 0) {
		style_free(s);
		s = NULL;
	}
	int rc = style_load_text("fuzz.yaml", text, size, &s, &err);
	free(text);
	if (rc == 0)
		style_free(s);
	else if (s || !strstr(err.message, "fuzz.yaml:"))
		abort();
	return 0;
}
