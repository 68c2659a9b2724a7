/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "score/score.h"

#include <stdlib.h>
#include <string.h>

const char *const part_role_ids[PART_ROLES] = {
	[ROLE_DRUMS] = "drums", [ROLE_PERCUSSION] = "percussion", [ROLE_BASS] = "bass", [ROLE_COMP] = "comp",
	[ROLE_PAD] = "pad", [ROLE_LEAD] = "lead", [ROLE_COUNTER] = "counter",
};

int part_plays_drums(const struct score_part *p)
{
	return p->role == ROLE_DRUMS || p->bank == 128 || !strcmp(p->soundfont, "black-pearl") || !strcmp(p->soundfont, "red-zeppelin");
}

void score_release(struct score *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->n_parts; i++)
		free(s->parts[i].notes);
	free(s->sections);
	free(s->chords);
	free(s->vocal);
	free(s->backing);
	for (int i = 0; i < HARMONY_VOICES; i++)
		free(s->harmony[i]);
	free(s->parts);
	memset(s, 0, sizeof *s);
}

const struct score_chord *score_chord_at(const struct score *s, int tick)
{
	int low = 0, high = s->n_chords;
	while (low < high) {
		int mid = low + (high - low) / 2;
		if (s->chords[mid].end <= tick)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == s->n_chords || s->chords[low].start > tick)
		return NULL;
	return &s->chords[low];
}

int score_transpose_at(const struct score *s, int tick)
{
	int low = 0, high = s->n_sections;
	while (low < high) {
		int mid = low + (high - low) / 2;
		if (s->sections[mid].end <= tick)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n_sections ? s->sections[low].transpose : 0;
}

struct chord score_chord_in_key(const struct score *s, const struct score_chord *c, int *ret_tonic_pc)
{
	int by = score_transpose_at(s, c->start) % 12;
	struct chord seen = c->chord;
	seen.root = (seen.root + 12 - by) % 12;
	seen.bass = (seen.bass + 12 - by) % 12;
	*ret_tonic_pc = (s->tonic_pc + by) % 12;
	return seen;
}
