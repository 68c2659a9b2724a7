/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The song as data: what compose/ makes, and what voice/, band/, mix/ and the file writers read.
 *
 * Musical time is in ticks, TICKS_PER_QUARTER to the quarter note, from the first bar's first beat; a song has one tempo and one time
 * signature from end to end. Seconds in files count from the start of the audio: score_seconds().
 * Ticks are exact (quantised, without swing or human touch); swing and timing are the players' (band/, voice/), so the MIDI
 * and the sheet stay clean.
 */
#ifndef SCORE_SCORE_H
#define SCORE_SCORE_H

#include <stdint.h>

#include "score/chord.h"
#include "words/lyrics.h"

#define TICKS_PER_QUARTER 480
#define HARMONY_VOICES 2

struct score_section {
	enum section_kind kind;
	char name[24];            /* "Verse 2" */
	int lyric_section;        /* index in lyrics.sections, or -1: made by the composer (an intro, a turnaround, an ending) */
	int start, end;           /* ticks, whole bars */
	float intensity;          /* 0..1: how full and loud */
	int same_as;              /* index of the earlier section whose tune and chords this one repeats (moved by the difference of transpose), or -1 */
	int count_in;             /* beats of sticks that it is made of, and nothing else: before a band that starts together; else 0 */
	int transpose;            /* semitones that its key lies above the song's: after a key change; chords and notes are those that sound */
};

struct score_chord {
	int start, end;           /* ticks; chords follow each other without a gap from 0 to the end */
	struct chord chord;
};

/* One sung note. A syllable sung on several notes has several, in order, with the same word and syllable. */
struct vocal_note {
	int start, dur;           /* ticks; start is where the vowel begins */
	int midi;                 /* a4 = 69 = 440 Hz */
	int word;                 /* index in lyrics.words */
	int syllable;             /* 0..n_syllables-1 within the word */
	int line;                 /* index in lyrics.lines */
	int section;              /* index in score.sections */
	float dynamic;            /* 0..1: soft..loud */
	int spoken;               /* 1: rapped: midi is only about where the voice lies, stressed syllables above it */
};

/* How each of a row of vocal notes was really sung, swing and all: seconds from the start of the file, MIDI. */
struct sung_times { double *start, *end; int *midi; };

enum part_role { ROLE_DRUMS, ROLE_PERCUSSION, ROLE_BASS, ROLE_COMP, ROLE_PAD, ROLE_LEAD, ROLE_COUNTER, PART_ROLES };
extern const char *const part_role_ids[PART_ROLES]; /* "drums", "percussion", "bass", "comp", "pad", "lead", "counter" */

enum articulation { ART_NORMAL, ART_STACCATO, ART_LEGATO, ART_MUTED, ART_STRUM_DOWN, ART_STRUM_UP };

struct note {
	int start, dur;           /* ticks */
	uint8_t midi;             /* drums: General MIDI percussion key */
	uint8_t velocity;         /* 1..127 */
	uint8_t art;              /* enum articulation */
	uint8_t voice;            /* order of the string in a strum, from 0 (lowest) */
};

struct score_part {
	char name[32];            /* the stem's name: "drums", "acoustic-guitar"; [a-z0-9-] */
	enum part_role role;
	int style_part;           /* index for brief_part(): in style.parts, or beyond them a part lent by another style; -1: one that the prompt added */
	char instrument[48];      /* for people: "Acoustic guitar (steel)" */
	char soundfont[24];       /* "general", or a drum kit's name; see style.h */
	int bank, program;        /* General MIDI bank (128: percussion) and program 0..127 */
	struct note *notes; int n_notes; /* ordered by start, then midi */
};

struct score {
	char title[256];
	uint64_t seed;
	double tempo_bpm;         /* quarter notes a minute; in 6/8 too */
	int meter_num, meter_den;
	int tonic_pc, minor;      /* the key that it begins in; chords count from this tonic throughout */
	double lead_in_s;         /* seconds of the file before tick 0 (a pickup's breath); = song.json's first_beat, but for a microsecond */
	double tail_s;            /* seconds after the last bar in which the last chord rings out */
	int bars;
	struct score_section *sections; int n_sections;
	struct score_chord *chords;     int n_chords;
	struct vocal_note *vocal;       int n_vocal;   /* the lead, ordered by start; never overlapping */
	struct vocal_note *backing;     int n_backing; /* (parenthesised) lines, likewise */
	/* Harmony voices, sung to the left and to the right of the lead: its words and times in some lines, their own pitches; ordered by start. */
	struct vocal_note *harmony[HARMONY_VOICES]; int n_harmony[HARMONY_VOICES];
	struct score_part *parts;       int n_parts;
	struct lyrics *lyrics;    /* borrowed; may be without words */
};

/* Whether a part's keys are drums (General MIDI's percussion map): by its role, its bank, or a drum kit as its SoundFont. */
int part_plays_drums(const struct score_part *p);

void score_release(struct score *s); /* frees all but the lyrics */

static inline int score_bar_ticks(const struct score *s) { return TICKS_PER_QUARTER * 4 * s->meter_num / s->meter_den; }
static inline double score_seconds(const struct score *s, double tick) { return s->lead_in_s + tick * 60.0 / (s->tempo_bpm * TICKS_PER_QUARTER); }
/* Length of the song's audio in seconds. */
static inline double score_duration(const struct score *s) { return score_seconds(s, (double)s->bars * score_bar_ticks(s)) + s->tail_s; }
/* The chord that sounds at a tick, 0 <= tick < end; NULL outside. */
const struct score_chord *score_chord_at(const struct score *s, int tick);

/* Semitones by which the key at a tick lies above the song's (score_section.transpose). */
int score_transpose_at(const struct score *s, int tick);
/* A chord seen from the key of its section, for writing: *ret_tonic_pc that key's tonic, the result's degrees count from there. */
struct chord score_chord_in_key(const struct score *s, const struct score_chord *c, int *ret_tonic_pc);

#endif
