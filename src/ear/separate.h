/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Voice and accompaniment apart, by where they stand and how they move: voices are mixed to the middle, so what the sides have is taken away bin by bin (Barry, Lawlor and Coyle 2004, "Sound
 * source separation: azimuth discrimination and resynthesis", with one azimuth); what strikes goes by medians (hpss.h); and of the rest the harmonics of the tracked tune (melody.h) are the voice's. */
#ifndef EAR_SEPARATE_H
#define EAR_SEPARATE_H

#include "ear/ear.h"
#include "ear/melody.h"

#define SEPARATE_SIZE 2048
#define SEPARATE_HOP 512
#define SEPARATE_BINS 790       /* up to 8.5 kHz */
#define SEPARATE_FRAMES 7752    /* at most: 180 s */
#define SEPARATE_PIECES 6       /* a longer recording is listened to in this many pieces, spread evenly over it */
#define SEPARATE_HZ ((double)EAR_RATE / SEPARATE_SIZE)
#define SEPARATE_FRAME_S ((double)SEPARATE_HOP / EAR_RATE)

/* The middle of the picture. */
struct separate {
	int frames;
	float *lasts;               /* frames * SEPARATE_BINS magnitudes of what lasts in the middle; owned */
	float *middle;              /* frames: power of the middle, all of it (1.0: a sine of full scale) */
	float *all;                 /* frames: of everything */
	float *hiss;                /* frames: of the middle above 4 kHz */
	float *body;                /* frames: of the middle between 200 Hz and 4 kHz */
};

/* Takes the middle out of s, all of it if it is at most 180 s long. *ret by separate_release, untouched on failure. */
int separate_middle(const struct ear_sound *s, const cancel_flag *cancel, struct separate *ret, struct madrigal_error *err) MUST_CHECK;
void separate_release(struct separate *p); /* also of a zeroed one */

#define SEPARATE_BANDS 40       /* of a voice's envelope: on a mel scale from 150 Hz to 7 kHz */
/* The envelope of the voice that sings `midi` in a frame: the level of its harmonics in dB, drawn through all bands (straight lines between harmonics, the nearest beyond the ends), and in *ret_clear how far
 * they stand above what lies between them, dB, a mean over those below 4 kHz; in *ret_between the level of that. 0 if it has too few harmonics for a voice. */
int separate_envelope(const struct separate *p, int frame, float midi, float ret_db[SEPARATE_BANDS], float *ret_clear, float *ret_between);
/* The level of a frame between 200 Hz and 4 kHz, dB, as ret_between has it of what isn't the voice's harmonics. */
float separate_level(const struct separate *p, int frame);
/* Hz of a band's middle. */
double separate_band_hz(int band);

#endif
