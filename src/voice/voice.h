/* SPDX-License-Identifier: GPL-3.0-or-later */
/* voice/: notes with phonemes -> singing. docs/voice.md tells how, and what else was tried. */
#ifndef VOICE_VOICE_H
#define VOICE_VOICE_H

#include "audio/audio.h"
#include "score/score.h"
#include "style/singer.h"
#include "style/style.h"
#include "style/swing.h"

#define VOICE_RATE 24000 /* Hz, of the network */

/* The installed voice pack with the neural runtime: sessions shared by all threads. */
struct voice;

/* Opens what `make voice` installed in voice_dir, with the shared library `runtime`. MADRIGAL_EMISSING with the command that installs. */
int voice_open(const char *voice_dir, const char *runtime, struct voice **ret, struct madrigal_error *err) MUST_CHECK;
void voice_close(struct voice *v);

/* One line to sing. All times are seconds from the line's own zero; the first vowel starts at notes[0].start_s, which leaves room before it for its
 * consonants and a breath. */
struct sung_note {
	float start_s, end_s;
	float midi;
	float dynamic;        /* 0..1 */
	int syllable;         /* index in syllables; several notes may share one (melisma) */
};
struct sung_syllable {
	const char *phonemes; /* as struct syllable */
	int word_start;       /* 1: a word begins here */
	char punct;           /* what follows in the text, or 0: it shapes the spoken line's prosody */
};
struct sung_line {
	const struct sung_syllable *syllables; int n_syllables;
	const struct sung_note *notes; int n_notes;
	float length_s;       /* of the result: at least the last note's end + 0.3 */
	float intensity;      /* 0..1 of the section */
	int breath;           /* 1: an audible breath before it */
	uint64_t seed;        /* for drift, breath; a double has another seed than its lead */
	float detune_cents;   /* whole line, for doubles */
	int spoken;           /* 1: rapped: the notes' onsets and lengths, the spoken line's own melody about the notes' pitches */
};

/* A note as it was sung: when its vowel was really placed, seconds of the line, and its pitch: as asked for, or the median of what was spoken. */
struct placed_note { float start_s, end_s, midi; };

/* Sings. *ret: mono, VOICE_RATE, length_s long, owned by the caller, loudness even from line to line (about -20 LUFS at dynamic 0.7).
 * Notes from singer->low to four semitones below singer->high are sung by the network, others sung at that limit and retuned by resynthesis. Thread-safe; the result depends on its arguments only.
 * manner: the style's way of singing. ret_placed (may be NULL): n_notes values. */
int voice_sing(struct voice *v, const struct singer *singer, const struct style_singer *manner, const struct sung_line *line,
               const cancel_flag *cancel, struct audio *ret, struct placed_note *ret_placed, struct madrigal_error *err) MUST_CHECK;

/* The vocal tracks of a song. All mono, AUDIO_RATE, as long as the song. A track that is empty has frames == 0. */
struct vocal_tracks {
	struct audio lead, double_left, double_right, backing;
	struct audio harmony[HARMONY_VOICES]; /* left, right */
	struct sung_times lead_times, backing_times; /* one value for each of score.vocal, score.backing */
};
/* Sings the score in the style's manner: swung like the band, laid back or staccato by manner->manner, raps the notes that are marked so; lines on `threads` threads, a line that returns with the same words, notes and dynamics is sung once and copied. tick as in pool.h.
 * *ret by vocal_tracks_release. */
int voice_sing_score(struct voice *v, const struct score *s, const struct singer *singer, const struct style_singer *manner, struct swing swing, int threads,
                     pool_tick *tick, void *tick_ctx, cancel_flag *cancel, struct vocal_tracks *ret, struct madrigal_error *err) MUST_CHECK;
void vocal_tracks_release(struct vocal_tracks *t);

/* The same line by line, for a song that is heard before all of it is sung. A job is a line that is sung once, wherever it is laid; jobs are in the order in which the song needs them. */
struct voice_takes;
/* v, s, singer, manner and cancel are borrowed. *ret by voice_takes_free. */
int voice_takes_new(struct voice *v, const struct score *s, const struct singer *singer, const struct style_singer *manner, struct swing swing,
                    const cancel_flag *cancel, struct voice_takes **ret, struct madrigal_error *err) MUST_CHECK;
void voice_takes_free(struct voice_takes *t);
int voice_takes_jobs(const struct voice_takes *t);
/* Sings one. Different jobs may be sung on different threads. */
int voice_takes_sing(struct voice_takes *t, int job, struct madrigal_error *err) MUST_CHECK;
/* How many jobs, counted from the first, are enough to know the voice by: two lines of the lead, or all. */
int voice_takes_rehearsal(const struct voice_takes *t);
/* How many jobs, counted from the first, must be sung so that all that sounds before until_s is there. */
int voice_takes_needed(const struct voice_takes *t, double until_s);
/* Silent tracks as long as the song, those that it will need; all times are HUGE_VAL. *ret by vocal_tracks_release. */
int voice_takes_tracks(const struct voice_takes *t, struct vocal_tracks *ret, struct madrigal_error *err) MUST_CHECK;
/* Lays the lines that begin to sound at from_s or later and before until_s, and notes when they were sung. All of them must be sung. */
int voice_takes_lay(const struct voice_takes *t, double from_s, double until_s, struct vocal_tracks *tracks, struct madrigal_error *err) MUST_CHECK;
/* What the whole song may sound like when the first `sung` jobs are known: each other line is stood in for by one of them, at the loudness that its own dynamics ask for. *ret as by
 * voice_takes_tracks. */
int voice_takes_stand_in(const struct voice_takes *t, int sung, struct vocal_tracks *ret, struct madrigal_error *err) MUST_CHECK;

#endif
