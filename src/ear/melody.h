/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tune of the voice that leads, in a spectrogram: the pitch whose harmonics explain most of each frame (salience by harmonic summation over spectral peaks: Klapuri 2006, "Multiple fundamental
 * frequency estimation by summing harmonic amplitudes"; Salamon and Gomez 2012, "Melody extraction from polyphonic music signals using pitch contour characteristics"), and the likeliest way
 * through these, which may also rest (Viterbi). */
#ifndef EAR_MELODY_H
#define EAR_MELODY_H

#include "base/err.h"
#include "base/pool.h"

#define MELODY_LOW 38           /* MIDI notes between which it looks: 73 Hz .. 1245 Hz */
#define MELODY_HIGH 87
#define MELODY_PEAKS 160        /* most of a frame */

struct peak { float hz, level; };

/* The local maxima of a spectrum above `floor` (absolute) and above 1/1000 of its highest, ascending, at most MELODY_PEAKS; the frequency by a parabola through the levels in dB. */
int melody_peaks(const float *magnitude, int bins, double hz_per_bin, float floor, struct peak ret[MELODY_PEAKS]);

struct melody_point {
	float midi;                 /* 0: nobody sings; to some cents */
	float salience;             /* of that pitch (of the best one, while nobody sings), against the strongest 5 % of the recording's frames: 0 .. about 1.5 */
};

/* Where the tune is looked for: outside low..high (MIDI) each semitone takes `strain` of a pitch's salience. */
struct melody_ease { float low, high, strain; };
extern const struct melody_ease melody_any; /* where voices lead at all */

/* spectra: frames * bins magnitudes (1.0: a sine of full scale), borrowed. ret: frames values. Made for frames of about 23 ms. */
int melody_track(const float *spectra, int frames, int bins, double hz_per_bin, const struct melody_ease *ease, const cancel_flag *cancel,
                 struct melody_point *ret, struct madrigal_error *err) MUST_CHECK;

#endif
