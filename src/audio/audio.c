/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio/audio.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <soxr.h>

int audio_init(struct audio *a, int rate, int channels, size_t frames, struct madrigal_error *err)
{
	if (rate < 1 || channels < 1 || channels > 2)
		return err_set(err, MADRIGAL_EINTERNAL, "sound with %d channels at %d Hz cannot be", channels, rate);
	if (frames > AUDIO_MAX_FRAMES)
		return err_set(err, MADRIGAL_EMEMORY, "%.0f seconds of sound are too long", (double)frames / rate);
	struct audio made = { .rate = rate, .channels = channels, .frames = frames };
	for (int c = 0; c < channels; c++) {
		/* One more than asked, so that an empty sound still has an address of its own. */
		made.ch[c] = calloc(frames + 1, sizeof *made.ch[c]);
		if (!made.ch[c]) {
			audio_release(&made);
			return err_nomem(err);
		}
	}
	*a = made;
	return 0;
}

void audio_release(struct audio *a)
{
	if (!a)
		return;
	free(a->ch[0]);
	free(a->ch[1]);
	*a = (struct audio){ 0 };
}

int audio_resample(const struct audio *a, int rate, struct audio *ret, struct madrigal_error *err)
{
	if (rate < 1)
		return err_set(err, MADRIGAL_EUSAGE, "a sample rate of %d Hz cannot be", rate);
	size_t frames = (size_t)llround((double)a->frames * rate / a->rate);
	struct audio out;
	int rc = audio_init(&out, rate, a->channels, frames, err);
	if (rc < 0)
		return rc;
	soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
	soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
	soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
	for (int c = 0; c < a->channels; c++) {
		if (rate == a->rate) {
			memcpy(out.ch[c], a->ch[c], frames * sizeof *out.ch[c]);
			continue;
		}
		/* What the resampler does not deliver at the very end stays silent. */
		soxr_error_t e = soxr_oneshot(a->rate, rate, 1, a->ch[c], a->frames, NULL, out.ch[c], frames, NULL, &io, &quality, &runtime);
		if (e) {
			audio_release(&out);
			return err_set(err, MADRIGAL_EINTERNAL, "cannot resample from %d to %d Hz: %s", a->rate, rate, e);
		}
	}
	*ret = out;
	return 0;
}
