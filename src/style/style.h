/* SPDX-License-Identifier: GPL-3.0-or-later */
/* style/: a genre as data. One YAML file in styles/ is one struct style, loaded with libcyaml and checked; musicians write these.
 * docs/styles.md teaches the format by building one.
 *
 * PATTERNS. A bar is written in sixteenth notes, four characters a quarter-note beat (16 in 4/4, 12 in 3/4 and 6/8); bars are parted by
 * '|', blanks are ignored. A pattern of several bars repeats until the section ends. '.' is a rest, '-' holds the note before.
 *   drums, percussion   one lane for each drum: x hit, X accent, g ghost note, f flam, r roll (a sixteenth as two 32nds)
 *   bass                R root, 3 5 7 chord tones, 8 root an octave up, a approach to the next chord's root, w a step of a walk to it;
 *                       lower-case r: the root, softly
 *   comp, pad           c chord, C accented; d/u down- and upstroke, D/U accented; m muted stroke; l the root below the chord;
 *                       b the bass note as chord symbol says, octave below; 1..6 one note of the voicing from its bottom (arpeggio)
 *   lead, counter       x an onset, X an accented one: a rhythm for which the composer finds the pitches
 * CHORDS. Roman numerals by score/chord.h; bars parted by '|', several chords in a bar share it evenly ("I V/7 | vi").
 * SECTIONS are named by section_ids ("verse", "pre_chorus", ...) and, in grooves only, "fill" (the bar, or its last half, before a new section),
 * "ending" (the last bars) and "any". A section that a style doesn't name falls back: see section_fallback().
 * KEYS are the members' names below (form.brk is written "break"). Required: title, tempo, chords (for the verse in major and in minor, since a
 * prompt may ask for either), parts with name, role, instruments and grooves, and of a pitched instrument program, low and high. What else is
 * left out is filled in by the loader, so no string below is NULL (but base) and no number is unset: the ranges and defaults are in schema.c.
 * A part without `plays` plays everywhere at 1; each part ends up with an intensity for the verse. In each of the style's meters a part has a
 * groove, by fallback or "any", for each section in which it isn't silent. The lanes of a groove may differ in bars if all fit into the longest.
 */
#ifndef STYLE_STYLE_H
#define STYLE_STYLE_H

#include "base/err.h"
#include "score/score.h"

struct style_range { float min, usual, max; };

struct style_chords {
	char *section;
	char *mode;               /* "major" or "minor" */
	char *bars;               /* "I | V | vi | IV" */
	float weight;             /* default 1 */
};

struct style_lane { char *drum; char *steps; }; /* drum: "kick", "snare", ... (score/drums.h); for other roles "notes" (default), one lane */

struct style_groove {
	char *name;
	char **sections; unsigned n_sections;
	char *meter;              /* "4/4" (default), "3/4", "6/8" */
	float weight;             /* default 1 */
	struct style_lane *lanes; unsigned n_lanes;
};

struct style_instrument {
	char *name;               /* for people and prompts: "Acoustic guitar (steel)" */
	char **words; unsigned n_words; /* what a prompt may call it: "acoustic guitar", "steel string" */
	char *soundfont;          /* "general", "black-pearl", "red-zeppelin" (avldrums) */
	int bank, program;
	int low, high;            /* MIDI range it plays in */
	float level_db;           /* to make alternatives equally loud; default 0 */
};

struct style_plays { char *section; float intensity; }; /* 0: silent */

struct style_strip {          /* the part's channel strip, on top of its role's preset in mix/ */
	float level_db;           /* fader */
	float pan;                /* -1 left .. 1 right */
	float width;              /* 0 mono .. 1 as the instrument is .. 2 */
	float reverb_db, delay_db;/* sends; -60 and below: off */
	float low_cut_hz;         /* 0: the role's */
	float bright_db;          /* high shelf at 6 kHz */
	float drive;              /* 0..1 saturation */
	float amp;                /* 0: none; ..1: a guitar amplifier and its cabinet, from breaking up to metal's */
};

struct style_part {
	char *name;               /* [a-z0-9-] */
	char *role;               /* part_role_ids */
	struct style_instrument *instruments; unsigned n_instruments; /* the first is the usual one */
	struct style_plays *plays; unsigned n_plays;
	struct style_groove *grooves; unsigned n_grooves;
	struct style_strip mix;
	float timing_ms;          /* standard deviation of onsets */
	float push_ms;            /* mean: negative ahead of the beat, positive laid back */
	float velocity_spread;    /* standard deviation */
	float strum_ms;           /* time from a strum's first string to its last */
	float gate;               /* note length as a share of what is written, 0.1..1.2; default 0.95 */
	int optional;             /* 1: present only if the prompt asks, or by a draw of the seed */
};

struct style_form {           /* bars, before a length is asked for */
	int intro, turnaround, interlude, solo, outro, brk, build_up;
	int line_bars;            /* bars that a line of lyrics usually takes: 2; 1 or 4 possible; a rapper's sung lines take twice as many */
	char *ending;             /* "ring" (last chord rings), "stop" (short), "fade" */
	int key_change;           /* semitones by which the last chorus (and what follows it) is raised; 0: never */
	float key_change_chance;  /* 0..1: how often, by the seed, when there are at least two choruses */
	int count_in;             /* beats of sticks before the first bar of a song whose band starts at once; 0: none */
	float stop_chance;        /* 0..1: how often the band stops for the last beats before a chorus */
};

struct style_melody {
	float syncopation;        /* 0..1: share of lines set on off-beat rhythms */
	float density;            /* notes to the quarter wanted from a line's first to the end of its last, 0.5..3 */
	float chorus_lift;        /* semitones, 1..5 */
	float melisma;            /* extra notes per syllable, 0..0.3 */
	float leap;               /* 0..1: liking for wide steps */
	float repeat;             /* 0..1: liking for repeated pitches */
	float pickup;             /* 0..1: share of lines that start before the bar */
	float blue;               /* 0..1: pentatonic and blue notes against the full scale */
};

struct style_singer {
	char *gender;             /* "f", "m", "any": when the prompt does not say */
	char **voices; unsigned n_voices; /* preferred singers in order */
	float vibrato_cents, vibrato_hz, vibrato_after_s;
	float glide_ms;           /* from note to note */
	float scoop_cents;        /* from below into phrase starts and long notes */
	float drift_cents;
	float breath_db;          /* breath noise between phrases, relative to the voice; -60: none */
	float behind_ms;          /* laid back against the beat */
	float double_db;          /* the chorus's doubles relative to the lead; -60: none */
	float harmony_db;         /* the chorus's harmony voices relative to the lead; -60: none */
	float formants;           /* the voice's resonances against the singer's own: below 1 a longer throat, deeper */
	float breathiness_db;     /* the noise in the voice against the singer's own */
	char *manner;             /* "legato", "staccato", "laid back", "rap" */
};

struct style_mix {
	float vocal_db;           /* vocal against the band, LU; 0 is the usual balance, -3..+4 */
	float vocal_reverb_db, vocal_reverb_s, vocal_predelay_ms;
	float vocal_delay_db; char *vocal_delay_note; /* "1/4", "1/8d", "1/8" */
	float room_s;             /* the band's reverb time */
	float duck_db;            /* how far the band dips around 2.8 kHz under the voice, 0..12 */
	float bus_drive;          /* 0..1 */
	float bus_glue_db;        /* gain reduction wanted from the bus compressor, 0..4 */
	float tilt_db;            /* brightness of the master: dB at 8 kHz against 200 Hz */
	float sub_db;             /* shelf at 60 Hz */
};

struct style {
	char *name;               /* the file's name without .yaml: [a-z0-9-] */
	char *title;              /* "Indie folk" */
	char *description;
	char **words; unsigned n_words;  /* what a prompt may call it: "indie folk", "folk", "acoustic" */
	char *base;               /* reserved: NULL */
	struct style_range tempo; /* bpm */
	float swing;              /* 0 straight .. 0.33 triplets: how far the off-beat is delayed, as a share of the beat's half */
	char *swing_unit;         /* "8" or "16" */
	char **meters; unsigned n_meters; /* the first is the usual one */
	float minor;              /* probability of a minor key, when mood and prompt don't say */
	float energy, valence;    /* -1..1: where the style sits */
	struct style_chords *chords; unsigned n_chords;
	struct style_form form;
	struct style_melody melody;
	struct style_singer singer;
	struct style_part *parts; unsigned n_parts;
	struct style_mix mix;
};

/* Where a section takes its chords, grooves and intensities from when a style has none for it: SECTION_HOOK -> SECTION_CHORUS,
 * SECTION_PRE_CHORUS -> SECTION_VERSE, ...; ends at SECTION_VERSE, which every style has. Returns -1 after that. */
int section_fallback(enum section_kind k);

/* All styles of share_dir/styles, in order of name. A file with an error in it is MADRIGAL_ESTYLE and the message has "FILE:LINE: what". */
struct style_set { struct style **styles; int n; char **paths; /* of the files; NULL if none of the styles is a mere head */ };
int style_set_load(const char *share_dir, struct style_set *ret, struct madrigal_error *err) MUST_CHECK;
/* The same, but of each file only its head is read, which is thirty times as quick: what the style is called and where it sits (name, title,
 * description, words, tempo, swing, meters, minor, energy, valence). Such a style has n_parts 0, and all else is 0 and NULL, until
 * style_set_complete reads and checks its file whole, which may move it: styles[i] is another then. */
int style_set_open(const char *share_dir, struct style_set *ret, struct madrigal_error *err) MUST_CHECK;
int style_set_complete(struct style_set *s, int i, struct madrigal_error *err) MUST_CHECK;
void style_set_release(struct style_set *s);
/* One file, checked whole: every name known, every pattern of full bars, every number within its range. *ret by style_free. */
int style_load_file(const char *path, struct style **ret, struct madrigal_error *err) MUST_CHECK;
/* The same from memory; name is used in messages. */
int style_load_text(const char *name, const char *text, size_t len, struct style **ret, struct madrigal_error *err) MUST_CHECK;
/* The head alone, as style_set_open has it; a negative status, without words for it, if the file must be read whole to tell. */
int style_load_head(const char *path, const char *text, size_t len, struct style **ret) MUST_CHECK;
void style_free(struct style *s);
/* By name, any case, '_' and ' ' as '-'. MADRIGAL_ESTYLE names the nearest by edit distance if there is none. */
int style_find(const struct style_set *set, const char *name, const struct style **ret, struct madrigal_error *err) MUST_CHECK;

#endif
