/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reference song asks of a new one: plain figures and words, whoever heard them. Options win over the prompt, the prompt's explicit words over the reference, the reference over
 * the style. A member that is zero, "", or tonic_pc -1 asks for nothing. */
#ifndef STYLE_REFERENCE_H
#define STYLE_REFERENCE_H

#define REFERENCE_STYLES 3
#define REFERENCE_VOICES 5
#define REFERENCE_STEPS 24
#define REFERENCE_BANDS 26    /* third octaves from 40 Hz, as dsp/spectrum.h */

enum { REFERENCE_VERSE, REFERENCE_CHORUS, REFERENCE_ROWS };
enum { REFERENCE_KICK, REFERENCE_SNARE, REFERENCE_HAT, REFERENCE_DRUMS };

struct reference_style { char name[32]; float distance; };

struct style_reference {
	struct reference_style style[REFERENCE_STYLES]; /* the nearest styles, the first the nearest: one that is at home at the tempo is played */
	char words[128];             /* what else is heard, as a prompt would say it: "no drums, strings"; read if the prompt names no instruments */
	double tempo_bpm;
	int meter_num, meter_den;
	int has_swing; float swing; int swing_unit; /* as style.h */
	int tonic_pc, minor;
	char chords[REFERENCE_ROWS][512]; /* rows as style files have them: "I | V | vi | IV", for verses and for choruses */
	int n_steps; float pattern[REFERENCE_DRUMS][REFERENCE_STEPS]; /* how strongly each step of a bar is struck, 0..1: the groove that is nearest is played */
	int has_spectrum; float spectrum_db[REFERENCE_BANDS]; /* what the master is brought to */
	char voice[REFERENCE_VOICES][32]; /* the nearest singers, the first the nearest */
	float formant_scale;         /* by which the singer's resonances are moved; 0: not */
	float voice_bright_db;       /* by which the voice is tilted above 2 kHz */
	float voice_breath_db;       /* by which the noise in the voice is made louder against its harmonics */
	float vibrato_hz, vibrato_cents; /* in place of the style's; cents < 0: as the style has it */
};

#endif
