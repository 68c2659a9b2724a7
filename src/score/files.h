/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The score's files, each built whole in memory. Every function appends to *out and returns 0 or MADRIGAL_EMEMORY. */
#ifndef SCORE_FILES_H
#define SCORE_FILES_H

#include "base/buf.h"
#include "score/score.h"

/* What song.json says beside the score. Strings borrowed. */
struct song_facts {
	const char *style, *voice, *prompt, *understood;
	int stems;                 /* nonzero: stems/NAME.wav were written */
	const char *const *extra_stems; int n_extra_stems; /* stems that are no score part: "vocals", "vocal-effects", ... */
	double loudness_lufs, true_peak_dbtp; /* of the master; NAN when there is no sound */
	/* Parallel to score.vocal and score.backing, as the voice placed them; members NULL: the score's own times and pitches. */
	struct sung_times lead, backing;
};

/* song.json, as docs/song-json.md describes it (design: sections, chords, words, vocal_notes, tracks, ...). */
int song_json(const struct score *s, const struct song_facts *f, struct buf *out) MUST_CHECK;
/* Standard MIDI file, format 1 (RP-001): conductor track (tempo, time and key signature, markers for sections), one track per part, the
 * vocal tune with lyric events (RP-017; syllables, "-" at hyphens, line ends by carriage return). */
int song_midi(const struct score *s, struct buf *out) MUST_CHECK;
/* MusicXML 4.0 partwise lead sheet: melody with ties and rests, lyrics under the notes (syllabic, extend), chord symbols (harmony),
 * rehearsal marks, tempo. Spoken notes have crosses for heads. */
int song_musicxml(const struct score *s, struct buf *out) MUST_CHECK;
/* LRC: [ti:] [length:] headers, a [mm:ss.xx] line per lyric line with <mm:ss.xx> word stamps (the enhanced format). f: for the times of singing; may
 * be NULL. */
int song_lrc(const struct score *s, const struct song_facts *f, struct buf *out) MUST_CHECK;

#endif
