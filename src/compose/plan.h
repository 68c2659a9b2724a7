/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The composer's inside: what form.c, harmony.c, rhythm.c, melody.c, cost.c and compose.c share.
 *
 * Time inside is in steps, sixteenth notes, from the song's first bar; a bar has 16 (4/4) or 12 (3/4, 6/8). The plan (form, chords, which
 * phrases there are) is made once; then many drafts (onsets and pitches of the lead) are drawn over it, and the one of least cost becomes
 * the score.
 *
 * A phrase is what is sung in a breath: a line of lyrics, or a part of a long one. It has a slot of whole bars; its first syllables may lie
 * before the slot (a pickup), never after. Onsets are counted from the slot's start.
 */
#ifndef COMPOSE_PLAN_H
#define COMPOSE_PLAN_H

#include "base/rng.h"
#include "compose/compose.h"

#define STEP_TICKS (TICKS_PER_QUARTER / 4)
#define BAR_STEPS_MAX 16
#define PHRASE_MAX 24        /* syllables */
#define SLOW_STEP_S 0.17     /* a sixteenth this long is as slow as an eighth at 88 bpm: bars divide further */
#define PHRASE_BARS_MAX 16
#define SONG_BARS_MAX 1200   /* 300 s at 240 bpm in 3/4 or 6/8; five times more is refused */
#define SONG_SECTIONS_MAX 512
#define PLAN_CHORDS_MAX 64   /* different chords in a song */

/* ---- for the arranger ---- */

/* A note of a tune for an instrument. */
struct tune_note { int start, dur, midi; }; /* ticks from the song's start */

/* A tune for an instrument to play through section `section` of s, where nobody sings or as an answer to the singer: over the section's chords,
 * low..high inclusive. It speaks the song's own language: where the song has a chorus that is sung, sections that are no solo
 * quote its first phrase (the hook), and all sections of one kind have the same tune; else motif and rhythms are drawn for the section's kind by
 * the seed. Needs s->sections, s->chords, s->vocal and the key to be there; reads nothing of s->parts. Notes are in order and never overlap,
 * within the section. *ret_notes is owned by the caller (free), NULL with *ret_n 0 if the section is empty or the range is
 * narrower than a fifth. */
int compose_lead_tune(const struct compose_request *req, const struct score *s, int section, int low, int high, struct tune_note **ret_notes,
                      int *ret_n, struct madrigal_error *err) MUST_CHECK;

/* How strongly a style's part plays in a section, by fallback; 0: silent. */
float style_part_level(const struct style_part *sp, enum section_kind kind);

/* ---- the meter ---- */

enum place { PLACE_STRONG, PLACE_BEAT, PLACE_EIGHTH, PLACE_SIXTEENTH, PLACES };

struct meter {
	int steps;                      /* in a bar */
	int eighths_lead;               /* 1: 6/8, whose beats are dotted */
	double step_s;
	enum place place[BAR_STEPS_MAX];
};
void meter_init(struct meter *m, int num, int den, double tempo_bpm);

/* ---- the plan ---- */

/* Sections whose tunes are kin: all verses have one tune, all choruses one. */
enum tune_family { FAMILY_VERSE, FAMILY_PRE, FAMILY_CHORUS, FAMILY_POST, FAMILY_BRIDGE, FAMILY_OTHER, FAMILIES };

struct plan_phrase {
	int line;                       /* of the lyrics */
	int section;                    /* of the plan */
	int first_syllable, n;          /* in lyrics.syllables; 1..PHRASE_MAX */
	int bar, bars;                  /* the slot; bar counted from the song's start */
	int source;                     /* the earlier phrase that this one repeats note for note, or -1 */
	int model;                      /* the earlier phrase whose tune it follows whatever is drawn, or -1 */
	int same_words;                 /* 1: model has the same words */
	char punct;                     /* what closes it */
	int ends_line, ends_section;
	int rhyme;                      /* as line.rhyme */
	int rap;                        /* 1: spoken in rhythm; see rap.c */
};

struct plan_section {
	enum section_kind kind;
	char name[24];
	int lyric_section;              /* or -1 */
	enum tune_family family;
	int bar, bars;
	int lead_bars;                  /* before its first phrase */
	int first_phrase, n_phrases;
	int same_as;                    /* the earlier section that it repeats, or -1 */
	int least_bars, usual_bars, most_bars; /* of a section that nobody sings */
	int turnaround;
	int count_in;                   /* as in score_section */
	int transpose;                  /* semitones above the song's key, once the score is written */
	float intensity;
};

struct plan_backing { int line, first_syllable, n, after_phrase; int bar, bars; }; /* bars 0: sung in the rest after a phrase (-1: none) */

struct plan_chord {
	struct chord chord;
	unsigned tones, scale;          /* pitch classes from the tonic (bit 0): the chord's; those that may be sung over it */
	float weight[2][12];            /* how gladly each is sung: on weak places, on strong ones */
};

struct plan {
	const struct compose_request *req;
	const struct brief *brief;
	const struct style *style;
	const struct lyrics *lyrics;
	struct meter meter;
	struct plan_section *sections; int n_sections;
	struct plan_phrase *phrases; int n_phrases;
	struct plan_backing *backing; int n_backing;
	int bars;
	double lead_in_s, tail_s;
	int raps;                       /* 1: the style's singer raps: all sections but those that have a hook to sing */
	struct plan_chord chords[PLAN_CHORDS_MAX]; int n_chords;
	uint8_t *chord_of_step;         /* bars * meter.steps */
	int tonic_pc, minor;
	int key_change;                 /* semitones by which the last chorus is raised; 0: none */
	int raise_step;                 /* from here on all sounds that much higher: the new key's dominant; see key_change.c */
	int low, high;                  /* the song's range, MIDI */
	float centre[FAMILIES];         /* where each family's tune lies */
	float *stress;                  /* n_syllables x BAR_STEPS_MAX: what it costs to put a syllable on a step of the bar; see rhythm.c */
};

static inline int phrase_slot(const struct plan *p, const struct plan_phrase *ph) { return ph->bar * p->meter.steps; }
static inline int family_is_high(enum tune_family f) { return f == FAMILY_CHORUS || f == FAMILY_POST; }

static inline int section_is_rap(const struct plan *p, const struct plan_section *s) { return p->raps && !family_is_high(s->family); }

/* Sections, phrases, bars. Fills p->sections, phrases, backing, bars, lead_in_s, tail_s. */
int plan_form(struct plan *p, struct madrigal_error *err) MUST_CHECK;
/* Chords of each section, the key, the ranges. Fills the rest but stress. */
int plan_harmony(struct plan *p, struct madrigal_error *err) MUST_CHECK;
void plan_release(struct plan *p);
/* A plan of a finished score, for its meter, chords and key alone: the key at a section. By plan_release. */
int plan_from_score(struct plan *p, const struct compose_request *req, const struct score *s, int section, struct madrigal_error *err) MUST_CHECK;
enum tune_family family_of(enum section_kind k);

/* ---- key_change.c ---- */

/* Draws whether the last chorus is raised and by how much: p->key_change. None in a key that was asked for. */
void key_change_draw(struct plan *p);
/* The section (of the lyrics, or of the plan) that is raised first: the last of several choruses, or of several hooks; -1: there are not several. */
int key_change_in_lyrics(const struct lyrics *l);
int key_change_in_plan(const struct plan *p);
/* 1: the section of the lyrics before `section` is sung elsewhere too, so its chords cannot lead into a new key there: it needs a bar of its own to do so. */
int key_change_needs_bar(const struct lyrics *l, int section);
/* Lays the dominant that leads into the raised section and sets p->raise_step and the sections' transpose. The plan itself stays in one key. */
void key_change_lay(struct plan *p, int dominant);
/* Moves the score's chords and voices from p->raise_step on. */
void key_change_apply(const struct plan *p, struct score *s);

/* ---- vocal_harmony.c ---- */

/* Writes s->harmony for the choruses if the style has harmony voices, from s->vocal as it stands before key_change_apply. */
int vocal_harmony_write(const struct plan *p, struct score *s, struct madrigal_error *err) MUST_CHECK;

/* ---- drafts ---- */

#define EXTRA_NONE 127
/* A phrase as drawn: onset and pitch of each syllable; a syllable may have a second note. */
struct draft_phrase {
	int16_t onset[PHRASE_MAX];      /* steps from the slot's start */
	int8_t midi[PHRASE_MAX];
	int8_t extra[PHRASE_MAX];       /* pitch of the syllable's second note, or EXTRA_NONE */
	int8_t extra_at[PHRASE_MAX];    /* steps from its onset */
	uint16_t flow;                  /* rap: the bar that its lines go round in, as bits */
	int16_t room;                   /* steps from its last onset to what is sung next, wherever it returns */
	int16_t model;                  /* the phrase whose tune it follows in this draft, or -1 */
	uint32_t bar_mask[PHRASE_BARS_MAX + 1]; /* onsets by bar as bits, the bar before the slot first */
};

/* One note of a draft, spread out over the whole song. */
struct draft_note { int start, end; int8_t midi; uint8_t first; uint8_t final; int16_t phrase; int syllable; }; /* first: of its syllable */

struct draft {
	struct draft_phrase *phrases;   /* plan.n_phrases */
	struct draft_note *notes; int n_notes;
	struct draft_note *part;        /* room for as many: the sung or the rapped ones alone */
	float cost;
};

/* ---- rhythm.c ---- */

/* What can be computed before the first draft: fits of all rhythms to all syllables. */
struct rhythm_bank;
int rhythm_bank_new(struct plan *p, struct rhythm_bank **ret, struct madrigal_error *err) MUST_CHECK;
void rhythm_bank_free(struct rhythm_bank *b);
/* Chooses models and sets onset, end, bar_mask of every phrase without a source. fresh: with another vocabulary of bars
 * than the draft before (drawing it takes as long as the rest). */
void rhythm_draw(const struct plan *p, struct rhythm_bank *b, int fresh, struct rng *r, struct draft *d);
/* Onsets for an instrument's phrase of `bars` bars, about `density` to the bar, into onset (room for PHRASE_MAX); returns n. */
int rhythm_for_instrument(const struct meter *m, struct rng *r, int bars, float density, int16_t *onset);
/* Least steps from a phrase's last onset to the next phrase's first: a note and a breath. */
int rhythm_least_gap(const struct meter *m);
/* Fewest steps between onsets that a singer can speak. */
int rhythm_least_step(const struct meter *m);

/* ---- melody.c ---- */
struct pitch_tables { float from_degree[12][25], after[17][17]; }; /* steps -12..12; intervals -8..8 */
void pitch_tables_init(struct pitch_tables *t, int minor, const struct style_melody *manner);
/* Sets midi, extra of every phrase that has onsets. */
void melody_draw(const struct plan *p, const struct pitch_tables *t, struct rng *r, struct draft *d);
/* A phrase for an instrument: n onsets (steps from the song's start) -> midi. model (may be NULL): pitches of an earlier phrase with
 * the same onsets, wanted again where the chords allow. */
void melody_for_instrument(const struct plan *p, const struct pitch_tables *t, struct rng *r, const int *onset, int n, int low, int high,
                           float centre, const int8_t *model, int8_t *midi);

/* ---- rap.c: lines that are spoken in rhythm ---- */
/* The syllable of a phrase that carries its rhyme: the stressed one of its last word. An index from 0 within the phrase. */
int rhyme_syllable(const struct lyrics *l, const struct plan_phrase *ph);
/* As rhythm_least_step, rhythm_least_gap. */
int rap_least_step(const struct meter *m);
int rap_least_gap(const struct meter *m);
/* What it costs to put a syllable on each step of a bar: BAR_STEPS_MAX values. */
void rap_stress(const struct plan *p, int syllable, float *cost);
/* What it costs when a syllable is followed by the next one after `steps`; huge (>= RAP_NEVER) if that can't be spoken. */
#define RAP_NEVER 1e6f
float rap_hold(const struct plan *p, int syllable, int steps);
/* A bar that a section's lines go round in, about n syllables full: one that several rap songs share. */
uint16_t rap_draw_flow(const struct plan *p, int n, struct rng *r);
/* Onsets for a phrase in its flow, with small changes, between earliest and latest. model (may be NULL): the phrase it answers. hold: rap_hold of its
 * syllables, `gaps` values each. Returns 0, or -1 if there is no room. */
int rap_fit(const struct plan *p, const struct plan_phrase *ph, uint16_t flow, const struct draft_phrase *model, int earliest, int latest, const float *hold,
            int gaps, struct rng *r, int16_t *onset);
/* The spoken pitches of a phrase: the singer's speaking voice on a note of the key, with accents. */
void rap_speak(const struct plan *p, const struct plan_phrase *ph, struct draft_phrase *dp);
/* The pitch about which the singer speaks. */
int rap_centre(const struct plan *p);
struct rap_figures { int notes; float stressed_on, unstressed_on, rhyme_on_four, rhymes_meet, sixteenths, rhythm_again, pace, breath; int rhymes; };
void rap_measure(const struct plan *p, const struct draft_note *notes, int n, struct rap_figures *ret);
float rap_cost(const struct rap_figures *f);

/* ---- cost.c ---- */
/* Spreads a draft over the song: all notes in order, returns included. */
void draft_spread(const struct plan *p, struct draft *d);

struct tune_figures {
	int notes;
	float offbeat, chord_on_one, chord_off, steps, repeats, leaps, wide_leaps, leap_reversed, range, rhythm_again, bars_again, lift, peak,
	      stressed_on, stressed_strong, unstressed_on, unstressed_strong, content_on, function_on, function_strong, final_ratio, final_chord,
	      melisma, notes_per_bar, dull_bars, out_of_range, stressed_lower, entries_off, tessitura, pace, even, drawn;
	int stressed, unstressed, strong, off, has_lift;
};
/* Of the sung notes only: rap is judged by rap_cost. */
void tune_measure(const struct plan *p, const struct draft *d, struct tune_figures *ret);
float tune_cost(const struct plan *p, const struct tune_figures *f);
/* Both together, of what is sung and what is rapped. Uses d->part. */
float draft_cost(const struct plan *p, struct draft *d);

/* ---- tables.c: counted from human songs; tools/make-tables writes it ---- */
struct bar_rhythm { uint16_t mask; uint16_t songs; };
struct phrase_rhythm { int8_t n, start; int8_t onset[12]; uint8_t songs; };
extern const struct bar_rhythm bar_rhythms[]; extern const int n_bar_rhythms;
extern const struct bar_rhythm dense_rhythms[]; extern const int n_dense_rhythms;
extern const struct phrase_rhythm phrase_rhythms[]; extern const int n_phrase_rhythms;
extern const struct bar_rhythm rap_rhythms[]; extern const int n_rap_rhythms;
extern const float rap_onset_share[16], rap_stressed_share[16], rap_rhyme_share[16];
extern const float interval_from_degree[2][12][25];
extern const float interval_after_interval[17][17];
extern const float degree_over_chord_root[2][12][12];

#endif
