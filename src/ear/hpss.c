/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear/hpss.h"

#include <stdlib.h>
#include <string.h>

int hpss_init(struct hpss *h, int bins, int frames, int width, struct madrigal_error *err)
{
	struct hpss s = { .bins = bins, .frames = frames, .width = width };
	if (bins < 1 || frames < 1 || frames > HPSS_SPAN || frames % 2 == 0 || width < 1 || width > HPSS_SPAN || width % 2 == 0)
		return err_set(err, MADRIGAL_EINTERNAL, "medians of %d frames and %d bins", frames, width);
	s.ring = calloc((size_t)bins * (size_t)frames, sizeof *s.ring);
	s.sorted = calloc((size_t)bins * (size_t)frames, sizeof *s.sorted);
	s.across = calloc((size_t)bins, sizeof *s.across);
	if (!s.ring || !s.sorted || !s.across) {
		hpss_release(&s);
		return err_nomem(err);
	}
	*h = s;
	return 0;
}

void hpss_release(struct hpss *h)
{
	free(h->ring);
	free(h->sorted);
	free(h->across);
	memset(h, 0, sizeof *h);
}

/* Takes one `old` out of n ascending values and puts `new` among them. */
static void exchange(float *sorted, int n, float old, float new)
{
	int i = 0;
	while (i < n - 1 && sorted[i] < old)
		i++;
	for (; i < n - 1 && sorted[i + 1] < new; i++)
		sorted[i] = sorted[i + 1];
	for (; i > 0 && sorted[i - 1] > new; i--)
		sorted[i] = sorted[i - 1];
	sorted[i] = new;
}

/* Medians over `width` neighbours; the first and the last bin stand for what lies beyond. */
static void over_frequency(const float *x, int n, int width, float *ret)
{
	float sorted[HPSS_SPAN];
	int half = width / 2;
	for (int i = 0; i < width; i++)
		sorted[i] = x[0];
	for (int i = 1; i <= half; i++)
		exchange(sorted, width, x[0], x[i < n ? i : n - 1]);
	for (int i = 0; i < n; i++) {
		ret[i] = sorted[half];
		int in = i + half + 1, out = i - half;
		exchange(sorted, width, x[out > 0 ? out : 0], x[in < n ? in : n - 1]);
	}
}

int hpss_push(struct hpss *h, const float *magnitude, float *ret_harmonic, float *ret_percussive)
{
	float *slot = h->ring + (size_t)(h->pushed % h->frames) * (size_t)h->bins;
	for (int k = 0; k < h->bins; k++) {
		float v = magnitude ? magnitude[k] : 0;
		exchange(h->sorted + (size_t)k * (size_t)h->frames, h->frames, slot[k], v);
		slot[k] = v;
	}
	h->pushed++;
	if (h->pushed <= h->frames / 2)
		return 0;
	const float *x = h->ring + (size_t)((h->pushed - 1 - h->frames / 2) % h->frames) * (size_t)h->bins;
	over_frequency(x, h->bins, h->width, h->across);
	for (int k = 0; k < h->bins; k++) {
		float lasts = h->sorted[(size_t)k * (size_t)h->frames + (size_t)h->frames / 2], strikes = h->across[k];
		float sum = lasts * lasts + strikes * strikes, share = sum > 0 ? lasts * lasts / sum : 0.5f;
		if (ret_harmonic)
			ret_harmonic[k] = share * x[k];
		if (ret_percussive)
			ret_percussive[k] = x[k] - share * x[k];
	}
	return 1;
}
