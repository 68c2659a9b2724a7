/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ear/ear.h"

#define LOUDEST 8.0f

const char *const heard_part_ids[HEARD_PARTS] = { "bass", "drums", "guitar_or_keys", "strings", "synth" };

void ear_clean(float *x, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		x[i] = isfinite(x[i]) ? fmaxf(-LOUDEST, fminf(LOUDEST, x[i])) : 0;
		sum += (double)x[i];
	}
	float mean = n ? (float)(sum / (double)n) : 0;
	for (size_t i = 0; i < n; i++)
		x[i] -= mean;
}

int ear_listen(const struct ear_sound *s, const cancel_flag *cancel, struct heard *ret, struct madrigal_error *err)
{
	if (s->n > EAR_MAX_FRAMES)
		return err_set(err, MADRIGAL_EUSAGE, "the recording is longer than %d minutes", EAR_MAX_S / 60);
	struct heard *h = calloc(1, sizeof *h);
	if (!h)
		return err_nomem(err);
	h->duration_s = (double)s->n / EAR_RATE;
	int rc = ear_beats(s, cancel, &h->rhythm, err);
	if (!rc)
		rc = ear_harmony(s, &h->rhythm, cancel, &h->harmony, err);
	if (!rc)
		rc = ear_metre(s, cancel, &h->rhythm, &h->harmony, err);
	if (!rc)
		rc = ear_form(s, &h->rhythm, &h->harmony, cancel, &h->form, err);
	if (!rc)
		rc = ear_timbre(s, &h->rhythm, cancel, &h->timbre, err);
	if (!rc)
		rc = ear_singer(s, &h->rhythm, cancel, &h->singer, err);
	if (!rc)
		*ret = *h;
	free(h);
	return rc;
}
