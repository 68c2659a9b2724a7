/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ear/: what can be heard in a recording. One struct, each part of it filled by one listener:
 *
 *     ear_beats    beats.c      tempo and beats
 *     ear_harmony  harmony.c    tuning, key, chords
 *     ear_metre    metre.c      time signature, bar lines, swing, where drums strike in the bar
 *     ear_form     form.c       the progression that repeats, sections and how full they are
 *     ear_timbre   timbre.c     loudness, spectrum, density, which parts sound
 *     ear_singer   singer.c     whether there is singing, and whose
 *     ear_nearest  nearest.c    the styles and singers of ours that are nearest (tables in share/ear/)
 *
 * ear_listen runs them all. Times are seconds from the start of the recording. Notes are MIDI numbers (a4 = 69 = 440 Hz) that may have fractions.
 * Every listener takes any finite samples (a caller with doubtful floats uses ear_clean first) and any length from nothing to EAR_MAX_S; what it cannot
 * hear it leaves at "none", with a confidence of 0. All are deterministic.
 */
#ifndef EAR_EAR_H
#define EAR_EAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"

#define EAR_RATE 22050          /* Hz: what listeners are given */
#define EAR_MAX_S 600
#define EAR_MAX_FRAMES ((size_t)EAR_RATE * EAR_MAX_S)

#define EAR_BEATS 4000          /* most beats: ten minutes at 400 a minute */
#define EAR_CHORDS 4000
#define EAR_SECTIONS 48
#define EAR_PROGRESSION 16      /* most chords of a progression that repeats */
#define EAR_STEPS 24            /* steps of a bar's drum pattern: 16 in 4/4, 12 in 3/4 and 6/8 */
#define EAR_BANDS 26            /* third octaves as in dsp/spectrum.h: 40 Hz .. 12.5 kHz; those above 10 kHz are 0 power */
#define EAR_NEAREST 5
#define EAR_TIMBRE 40           /* most numbers in a voice's or a song's vector */

/* The sound that is listened to: EAR_RATE, n samples each. right == left for a mono recording. Borrowed. */
struct ear_sound { const float *left, *right; size_t n; };

struct heard_rhythm {
	double tempo_bpm;           /* of the beat that people would tap, 40..240; 0: no beat */
	double tempo_confidence;    /* 0..1: how much of the onsets' energy agrees with it */
	double tempo_other_bpm;     /* the next best, often half or double; 0: none */
	int n_beats; float beat_s[EAR_BEATS]; /* ascending */
	int meter_num, meter_den;   /* 4/4, 3/4 or 6/8; 0/0: no beat. In 6/8 tempo_bpm counts quarter notes as score.h does, and so do the beats */
	double meter_confidence;
	int first_downbeat;         /* index of a beat that begins a bar; 0 .. beats of a bar - 1 */
	float swing;                /* how far the off-beat is late, as a share of the beat's half (of swing_unit): 0 straight .. 0.33 triplets; style.h's swing */
	int swing_unit;             /* 8 or 16 */
	/* How strongly each step of the bar is struck, 0..1 against the strongest step of its band, over the whole song: low (kick), middle (snare), high (hi-hat). */
	int n_steps; float kick[EAR_STEPS], snare[EAR_STEPS], hat[EAR_STEPS];
	float onsets_per_s;         /* of all bands */
	float drums;                /* 0..1: how much of the sound is percussive */
};

/* Beats (quarter notes, in 6/8 too) from one bar line to the next; 0: no meter. */
static inline int heard_bar_beats(const struct heard_rhythm *r) { return r->meter_den == 8 ? r->meter_num / 2 : r->meter_num; }

enum heard_quality { HEARD_NONE, HEARD_MAJOR, HEARD_MINOR };
struct heard_chord { float start_s, end_s; int8_t root_pc; uint8_t quality; }; /* root 0..11, C = 0; quality HEARD_NONE: no chord, root -1 */

struct heard_harmony {
	double tuning_cents;        /* of a4 against 440 Hz, -50..50 */
	int tonic_pc, minor;        /* tonic -1: no key heard */
	double key_confidence;      /* 0..1: how far the best key lies before the next that isn't its relative */
	int n_chords; struct heard_chord chord[EAR_CHORDS]; /* one after the other from 0 to the end, neighbours differ */
	float chroma[12];           /* mean, pitch class 0 = C, sum 1 (or all 0) */
	float changes_per_bar;      /* of chords, after ear_metre; 0 before */
};

struct heard_step { int8_t degree; uint8_t quality; float bars; }; /* degree: semitones of the root above the tonic */
struct heard_section { float start_s, end_s; char label[16]; /* "A", "B", ...: alike sections share it */ float level; /* 0..1 against the fullest */ };

struct heard_form {
	int n_progression; struct heard_step progression[EAR_PROGRESSION]; /* the round of chords that most of the song goes through, from its likeliest start; 0: none */
	float progression_share;    /* 0..1 of the song's bars that it explains */
	int n_sections; struct heard_section section[EAR_SECTIONS];
};

enum heard_part { HEARD_BASS, HEARD_DRUMS, HEARD_GUITAR_OR_KEYS, HEARD_STRINGS, HEARD_SYNTH, HEARD_PARTS };
extern const char *const heard_part_ids[HEARD_PARTS]; /* "bass", "drums", "guitar_or_keys", "strings", "synth" */

struct heard_timbre {
	double loudness_lufs, range_lu; /* EBU R 128 and Tech 3342; -70 and 0 for silence */
	float spectrum_db[EAR_BANDS];   /* mean power of each third octave against the whole, dB; -120 at least */
	float brightness_hz;        /* spectral centroid, mean over frames that sound, weighted by their level */
	float width;                /* 0 mono .. 1: side against mid */
	float part[HEARD_PARTS];    /* 0..1: how surely it sounds */
	int n_vector; float vector[EAR_TIMBRE]; /* what ear_nearest compares styles by; in the units of ear-styles.txt */
};

struct heard_singer {
	float singing;              /* 0..1: share of the sounding time in which a voice sings */
	float speech;               /* 0..1: how surely what is there is speech and not singing */
	int female;                 /* 1, 0, or -1: can't tell or no voice */
	float sex_confidence;       /* 0..1 */
	float low, median, high;    /* MIDI: 5th, 50th and 95th percentile of the tune that is sung; 0: none */
	float vibrato_hz, vibrato_cents; /* of held notes; cents: peak deviation; 0: none */
	float brightness_db;        /* energy of the voice above 2 kHz against below, dB */
	float breath_db;            /* what is noise in it against what is harmonic, dB */
	float breath_confidence;    /* 0..1: how much of that noise is the voice's, and not the band's */
	float formant_scale;        /* resonances against those of an average adult: below 1 longer throats (deep), above 1 shorter; about 0.85..1.2 */
	int n_vector; float vector[EAR_TIMBRE]; /* what ear_nearest compares singers by */
};

/* distance 0: the same; in lists ascending. The last three: of a singer of ours, as in struct heard_singer; 0: not known. */
struct heard_near { char name[32]; float distance, formant_scale, brightness_db, breath_db; };

struct heard {
	double duration_s;
	struct heard_rhythm rhythm;
	struct heard_harmony harmony;
	struct heard_form form;
	struct heard_timbre timbre;
	struct heard_singer singer;
	int n_styles; struct heard_near style[EAR_NEAREST];
	int n_voices; struct heard_near voice[EAR_NEAREST];
};

/* Makes floats from anywhere fit to be listened to, in place: NaN and infinities become 0, what is beyond +-8 is cut to it, the mean is taken away. */
void ear_clean(float *x, size_t n);

/* Each fills its own part of a zeroed one and reads those before it. cancel may be NULL. They fail for want of memory or MADRIGAL_ECANCELLED only. */
int ear_beats(const struct ear_sound *s, const cancel_flag *cancel, struct heard_rhythm *ret, struct madrigal_error *err) MUST_CHECK;
int ear_harmony(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *cancel, struct heard_harmony *ret, struct madrigal_error *err) MUST_CHECK;
/* Completes both: bar lines in r, changes_per_bar in h. May halve or double r's tempo when the bars say so, and then makes the beats anew. */
int ear_metre(const struct ear_sound *s, const cancel_flag *cancel, struct heard_rhythm *r, struct heard_harmony *h, struct madrigal_error *err) MUST_CHECK;
int ear_form(const struct ear_sound *s, const struct heard_rhythm *r, const struct heard_harmony *h, const cancel_flag *cancel, struct heard_form *ret,
             struct madrigal_error *err) MUST_CHECK;
int ear_timbre(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *cancel, struct heard_timbre *ret, struct madrigal_error *err) MUST_CHECK;
int ear_singer(const struct ear_sound *s, const struct heard_rhythm *r, const cancel_flag *cancel, struct heard_singer *ret, struct madrigal_error *err) MUST_CHECK;

/* All of them but ear_nearest. *ret (large: put it on the heap) is untouched on failure; MADRIGAL_EUSAGE if s is longer than EAR_MAX_S. */
int ear_listen(const struct ear_sound *s, const cancel_flag *cancel, struct heard *ret, struct madrigal_error *err) MUST_CHECK;

#endif
