/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any floats to the ear, NaN and denormals among them; any text as what was heard. What is heard is finite and in range, and written and read again it stays the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/json.h"
#include "engine/reference.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define MOST (EAR_RATE * 3)

static void check(const struct heard *h)
{
	if (!(h->rhythm.tempo_bpm >= 0 && h->rhythm.tempo_bpm <= 300) || h->rhythm.n_beats > EAR_BEATS || h->harmony.n_chords > EAR_CHORDS || h->form.n_sections > EAR_SECTIONS)
		abort();
	for (int i = 1; i < h->rhythm.n_beats; i++)
		if (!(h->rhythm.beat_s[i] > h->rhythm.beat_s[i - 1]))
			abort();
	for (int i = 0; i < h->timbre.n_vector; i++)
		if (!isfinite(h->timbre.vector[i]))
			abort();
	for (int i = 0; i < h->singer.n_vector; i++)
		if (!isfinite(h->singer.vector[i]))
			abort();
	if (!(h->singer.singing >= 0 && h->singer.singing <= 1) || !(h->harmony.key_confidence >= 0 && h->harmony.key_confidence <= 1))
		abort();
}

static void listen(const unsigned char *data, size_t size, int how, struct heard *h, struct heard *again)
{
	size_t words = size / sizeof(float), n = how & 1 ? words : MOST;
	float *left = malloc((n + 1) * sizeof *left), *right = malloc((n + 1) * sizeof *right);
	char *one, *two;
	struct style_reference r;
	for (size_t i = 0; i < n; i++) {
		/* As floats; or as bytes, each a level held for a while: what sounds like music, if anything does. */
		float x = 0;
		if (how & 2)
			x = (float)(signed char)data[i / 40 % size] / 128.0f;
		else if (words)
			memcpy(&x, data + i % words * sizeof x, sizeof x);
		left[i] = x;
		right[i] = how & 4 ? -x : x;
	}
	ear_clean(left, n);
	ear_clean(right, n);
	const struct ear_sound s = { left, right, n };
	if (ear_listen(&s, NULL, h, NULL) || heard_write(h, &one, NULL))
		abort();
	check(h);
	if (heard_read(one, again, NULL) || heard_write(again, &two, NULL) || strcmp(one, two))
		abort();
	reference_of(again, again, &r);
	free(one);
	free(two);
	free(left);
	free(right);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct heard h, again;
	struct style_reference r;
	if (size < 2)
		return 0;
	if (data[0] & 0x80) {
		listen(data + 1, size - 1, data[0], &h, &again);
		return 0;
	}
	char *text = malloc(size), *json;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	if (heard_read(text, &h, NULL) == 0) {
		reference_of(&h, &h, &r);
		if (heard_write(&h, &json, NULL))
			abort();
		free(json);
	}
	free(text);
	return 0;
}
