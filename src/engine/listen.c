/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "audio/audio.h"
#include "ear/json.h"
#include "ear/nearest.h"
#include "engine/find.h"

#define RATE_MIN 8000
#define RATE_MAX 192000

/* The sound at EAR_RATE, both channels. */
static int take(const struct madrigal_sound *sound, struct audio *ret, struct madrigal_error *err)
{
	struct audio in = { .rate = sound->sample_rate, .channels = 2, .frames = sound->frames };
	for (int k = 0; k < 2; k++) {
		const float *side = k && sound->right ? sound->right : sound->left;
		in.ch[k] = malloc((sound->frames + 1) * sizeof *side);
		if (in.ch[k] && sound->frames) {
			memcpy(in.ch[k], side, sound->frames * sizeof *side);
			ear_clean(in.ch[k], sound->frames);
		}
	}
	int rc = in.ch[0] && in.ch[1] ? 0 : err_nomem(err);
	if (!rc && sound->sample_rate == EAR_RATE) {
		*ret = in;
		return 0;
	}
	if (!rc)
		rc = audio_resample(&in, EAR_RATE, ret, err);
	audio_release(&in);
	return rc;
}

int madrigal_listen(const struct madrigal_sound *sound, const struct madrigal_paths *paths, char **ret_json, struct madrigal_error *err)
{
	struct audio a;
	struct ear_tables tables;
	struct found_paths found;
	if (sound->sample_rate < RATE_MIN || sound->sample_rate > RATE_MAX)
		return err_set(err, MADRIGAL_EUSAGE, "a sample rate of %d Hz is not listened to: %d to %d", sound->sample_rate, RATE_MIN, RATE_MAX);
	if (sound->frames / (size_t)sound->sample_rate > EAR_MAX_S)
		return err_set(err, MADRIGAL_EUSAGE, "the recording is longer than %d minutes", EAR_MAX_S / 60);
	find_paths(paths, &found);
	struct heard *h = malloc(sizeof *h);
	if (!h)
		return err_nomem(err);
	int rc = ear_tables_load(found.share_dir, &tables, err);
	if (rc) {
		free(h);
		return rc;
	}
	rc = take(sound, &a, err);
	if (!rc) {
		const struct ear_sound s = { a.ch[0], a.ch[1], a.frames < EAR_MAX_FRAMES ? a.frames : EAR_MAX_FRAMES };
		rc = ear_listen(&s, NULL, h, err);
		audio_release(&a);
	}
	if (!rc) {
		ear_nearest(&tables, h);
		rc = heard_write(h, ret_json, err);
	}
	ear_tables_release(&tables);
	free(h);
	return rc;
}
