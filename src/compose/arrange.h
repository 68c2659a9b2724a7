/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arranger's inside: what arrange.c and the players (arrange_*.c) share.
 *
 * A section is written down in rows of characters, one for each sixteenth (one row a drum; one row for a pitched part): the groove is laid
 * across it, a fill over its last bar, an ending over the song's last. The players then turn rows into notes. So all that a musician
 * writes in a style's pattern language stays in that language until the last step.
 *
 * What a level means (style_part.plays): 0 silent; below ARRANGE_HELD_BACK the part is kept for later: it leaves out the first of several
 * verses, pre-choruses or choruses; above that, how strongly it plays.
 *
 * How a pattern is read, by the instrument (its General MIDI program) that plays it:
 *   pianos (0..7)             'C' adds the chord's root below, the left hand; 'b' is an octave there
 *   guitars and the like      'c', 'C' are strums too; 'l' and 'b' are the thumb's two strings, digits the upper four; 'm' is a dead stroke
 *   overdriven (29, 30)       'c', 'C' are power chords, 'm' the palm-muted fifth; strums stay whole chords
 *   plucked, struck           digits, 'l' and 'b' ring until the same finger plays again or the chord changes
 *   pads                      common tones of 'c' sound on from chord to chord; 'C' strikes them anew
 * A note that begins at most an eighth before a chord and is held into it anticipates it; others are struck again on the new chord.
 * Fills are ranked by their number of strokes: the greater the lift into the next section, the busier. A fill takes over from its first
 * stroke. Leads play the song's own tune (compose_lead_tune) where nobody sings; their patterns serve where someone does.
 */
#ifndef COMPOSE_ARRANGE_H
#define COMPOSE_ARRANGE_H

#include "base/rng.h"
#include "compose/compose.h"

#define ARRANGE_HELD_BACK 0.4f
#define ARRANGE_STEP (TICKS_PER_QUARTER / 4)
#define PATTERN_LANES 16
#define PATTERN_STEPS 512
#define ROWS_MAX 24
#define VOICING_MAX 8

struct arr_section {
	const struct score_section *sec;
	int index, bars;
	int nth, count;        /* which of the sections of its kind, from 0, and how many there are */
	int climax;            /* the last chorus of several */
	float drive;           /* 0..1: how full and loud */
};

/* A groove read out: steps without blanks and bar lines, in the song's meter. */
struct pattern {
	int n, bars[PATTERN_LANES], key[PATTERN_LANES];
	char steps[PATTERN_LANES][PATTERN_STEPS];
};

struct rows { int n, len, key[ROWS_MAX]; char *row[ROWS_MAX]; };

struct voicing { int n, midi[VOICING_MAX], string[VOICING_MAX]; };

struct player {
	const struct style_part *style;         /* its grooves and plays; of a part that the prompt added: those of a part it is modelled on */
	const struct style_instrument *instrument;
	enum part_role role;
	int style_part;                         /* as in score_part */
	float least;                            /* level that it has at least wherever the song isn't empty */
	float *level;                           /* by section */
	int plays_tune;                         /* carries the tune where nobody sings */
	struct note *notes; int n, cap, failed;
	struct voicing voicing;                 /* the last one, from which the next is led */
	const struct chord *voiced;             /* its chord */
	int last_midi;                          /* the last note of a line, or -1 */
};

struct arrange {
	const struct compose_request *req;
	int take;                               /* 0 and up: another draw of the same */
	const struct brief *brief;
	const struct style *style;
	struct score *s;
	const char *meter;
	int bar, steps;                         /* ticks and sixteenths in a bar */
	int end, ring, tail;                    /* ticks: the song's end; where the last chord is struck; how long it may sound after the end */
	unsigned scale;                         /* pitch classes of the key of the section that is being played */
	int voice_centre;                       /* middle pitch of the singer, or 67 */
	struct arr_section *sections; int n_sections;
	struct player *players; int n_players;
	uint8_t *kick;                          /* for each sixteenth of the song */
	char *scratch;                          /* rows */
};

/* ---- arrange.c ---- */
/* Arranges once, and puts it in place of what parts s has. */
int arrange_take(const struct compose_request *req, int take, struct score *s, struct madrigal_error *err) MUST_CHECK;
struct rng arrange_rng(const struct arrange *a, const char *what, const struct player *p, int index);
void arrange_note(struct player *p, int start, int dur, int midi, float velocity, enum articulation art, int voice);
/* Velocity by section, level, place in the bar and the song. */
float arrange_velocity(const struct arrange *a, const struct player *p, const struct arr_section *as, int tick);
int arrange_is_chorus(enum section_kind k);

/* ---- arrange_groove.c ---- */
/* The band of a reference's pattern that a drum belongs to (REFERENCE_KICK ...), or -1. */
int band_of_drum(int key);
/* The groove of a section; kick agreement counts for basses. NULL if the style has none at all. */
const struct style_groove *groove_of(const struct arrange *a, const struct player *p, const struct arr_section *as);
/* All grooves for "fill" or "ending", in the song's meter if there are any; at most max. */
int grooves_named(const struct arrange *a, const struct style_part *sp, const char *name, const struct style_groove **ret, int max);
void pattern_read(const struct arrange *a, const struct style_groove *g, struct pattern *ret);
int pattern_hits(const struct arrange *a, const struct pattern *p);
int pattern_longest(const struct pattern *p);
struct rows rows_blank(const struct arrange *a, const struct arr_section *as);
/* The row of a drum (0 for pitched parts), made if missing; NULL if there are ROWS_MAX already. */
char *rows_get(struct rows *r, int key);
/* Lays the pattern over steps from..to-1, its first bar at from. */
void rows_lay(struct rows *r, const struct arrange *a, const struct pattern *p, int from, int to);
void rows_clear(struct rows *r, int from, int to);
/* The section of a pitched part in one row: groove, fill, ending. NULL if there is no groove. */
char *pitched_row(struct arrange *a, struct player *p, const struct arr_section *as);

/* ---- arrange_takes.c ---- */
/* How like the bar is to a reference's, -1..1: the mean correlation of what is struck low, in the middle and high in each of its steps. ref->n_steps: those of the score's bar. */
float arrangement_likeness(const struct score *s, const struct style_reference *ref);

/* ---- arrange_harmony.c ---- */
unsigned chord_mask(const struct arrange *a, const struct chord *c);
/* The chord that a note from start to end belongs to: the one that sounds at its start, or the next if it anticipates that by an eighth at
 * most and holds over. *ret_change: where that chord ends. */
const struct chord *chord_of_note(const struct arrange *a, int start, int end, int *ret_change);
void voice_keys(const struct arrange *a, struct player *p, const struct chord *c, int voices, int centre);
void voice_strings(const struct arrange *a, struct player *p, const struct chord *c);
void voice_power(const struct arrange *a, struct player *p, const struct chord *c);
/* The pitch of a class nearest to near within low..high; -1 if there is none. */
int nearest_pitch(int pitch_class, int near, int low, int high);

/* ---- the players: one section each ---- */
void play_drums(struct arrange *a, struct player *p, const struct arr_section *as);
void play_bass(struct arrange *a, struct player *p, const struct arr_section *as);
void play_chords(struct arrange *a, struct player *p, const struct arr_section *as);
void play_line(struct arrange *a, struct player *p, const struct arr_section *as);

#endif
