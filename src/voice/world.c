/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice/world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "voice/world_internal.h"

int world_check(size_t n, int rate, int n_frames, struct madrigal_error *err)
{
	if (rate < WORLD_MIN_RATE || rate > WORLD_MAX_RATE)
		return err_set(err, MADRIGAL_EUSAGE, "resynthesis works at %d to %d Hz, not at %d", WORLD_MIN_RATE, WORLD_MAX_RATE, rate);
	if (n_frames < 0 || n_frames > WORLD_MOST_FRAMES || n > (size_t)WORLD_MOST_FRAMES * (size_t)rate / 100)
		return err_set(err, MADRIGAL_EUSAGE, "a sound of %zu samples with %d pitch values is too long for resynthesis", n, n_frames);
	return 0;
}

static int frames_alloc(struct world_frames *w, int n)
{
	size_t cells = (size_t)n * WORLD_BINS;
	memset(w, 0, sizeof(*w));
	w->n = n;
	w->f0 = malloc(sizeof(float) * ((size_t)n + 1)); /* + 1: so that no frames is not a failure */
	w->envelope = malloc(sizeof(float) * (cells + 1));
	w->aperiodicity = malloc(sizeof(float) * (cells + 1));
	if (w->f0 && w->envelope && w->aperiodicity)
		return 0;
	world_frames_release(w);
	return MADRIGAL_EMEMORY;
}

void world_frames_release(struct world_frames *w)
{
	free(w->f0);
	free(w->envelope);
	free(w->aperiodicity);
	memset(w, 0, sizeof(*w));
}

int world_analyse(const float *x, size_t n, int rate, const float *f0, int n_frames, struct world_frames *ret, struct madrigal_error *err)
{
	struct world_frames w;
	struct world_envelope_scratch envelope;
	struct world_aperiodicity_scratch aperiodicity;
	int rc = world_check(n, rate, n_frames, err);
	if (rc < 0)
		return rc;
	if (frames_alloc(&w, n_frames) < 0)
		return err_nomem(err);
	rc = world_envelope_open(&envelope);
	if (rc == 0) {
		rc = world_aperiodicity_open(&aperiodicity, rate);
		if (rc < 0)
			world_envelope_close(&envelope);
	}
	if (rc < 0) {
		world_frames_release(&w);
		return err_nomem(err);
	}
	for (int i = 0; i < n_frames; i++) {
		double t = i * WORLD_HOP_S;
		double f = world_valid_f0(f0[i], rate);
		if (f > 0)
			f = world_refine_f0(x, n, rate, t, f);
		w.f0[i] = (float)f;
		world_envelope(&envelope, x, n, rate, t, f, w.envelope + (size_t)i * WORLD_BINS);
		world_aperiodicity(&aperiodicity, x, n, rate, t, f, w.aperiodicity + (size_t)i * WORLD_BINS);
	}
	world_envelope_close(&envelope);
	world_aperiodicity_close(&aperiodicity);
	*ret = w;
	return 0;
}

int world_retune(const float *x, size_t n, int rate, const float *f0_in, const float *f0_out, int n_frames, uint64_t seed, float *out,
                 struct madrigal_error *err)
{
	struct world_frames w;
	int rc = world_analyse(x, n, rate, f0_in, n_frames, &w, err);
	if (rc < 0)
		return rc;
	memcpy(w.f0, f0_out, sizeof(float) * (size_t)n_frames);
	rc = world_synthesise(&w, rate, seed, out, n, err);
	world_frames_release(&w);
	return rc;
}
