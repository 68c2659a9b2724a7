/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mix/roles.h"

#define PEAK(hz, q, db) { BAND_PEAK, hz, q, db }
#define LOW(hz, db) { BAND_LOW_SHELF, hz, 0, db }
#define HIGH(hz, db) { BAND_HIGH_SHELF, hz, 0, db }
#define TOP(hz) { BAND_LOWPASS, hz, 0.7071f, 0 }

const struct role_preset role_presets[STRIP_ROLES] = {
	/* The kick's body, less cardboard, the snare's crack. Slow attack: the stroke passes, the room is held. */
	[ROLE_DRUMS] = { 32, { PEAK(65, 0.9f, 2), PEAK(380, 1, -3), PEAK(4200, 0.8f, 2), HIGH(9000, 1.5f) }, 8, 2.5f, 18, 90, 0, 0, 1, 120, 0.4f, 2500, -22, 0.6f },
	[ROLE_PERCUSSION] = { 180, { PEAK(500, 1, -2), HIGH(8000, 1.5f) }, 8, 2, 10, 80, -9, 0, 1, 0, 0.45f, 900, -18, 0.6f },
	/* Steady is what matters most; a little growl where small loudspeakers begin. */
	[ROLE_BASS] = { 34, { PEAK(85, 0.8f, 1.5f), PEAK(260, 1, -2.5f), PEAK(850, 1, 2), TOP(6500) }, 0, 4, 12, 160, -2, 0, 0.3f, 250, 0, 0, -60, 0.2f },
	[ROLE_COMP] = { 95, { PEAK(240, 0.9f, -2.5f), PEAK(2800, 0.8f, -1), HIGH(8500, 1.5f) }, 5, 2, 20, 150, -4, 0, 1.15f, 150, 0.6f, 220, -19, 1 },
	/* Behind all: out of the voice's middle, wide, long. */
	[ROLE_PAD] = { 150, { PEAK(300, 0.7f, -3), PEAK(2500, 0.7f, -2.5f), HIGH(9000, 1) }, 6, 1.5f, 40, 300, -8, 0, 1.35f, 200, 0.7f, 220, -15, 1 },
	[ROLE_LEAD] = { 110, { PEAK(280, 0.9f, -1.5f), PEAK(2600, 0.8f, 1.5f), HIGH(9000, 1) }, 3, 2.5f, 12, 140, -3, 0, 1, 150, 0.35f, 350, -16, 1 },
	[ROLE_COUNTER] = { 150, { PEAK(300, 0.9f, -2), PEAK(2200, 0.8f, -1), HIGH(9000, 1) }, 4, 2, 20, 160, -7, 0.35f, 1, 150, 0.45f, 350, -15, 1 },
	/* Rumble and mud out, words forward, open at the top. */
	[STRIP_VOCALS] = { 90, { PEAK(270, 1, -2.5f), PEAK(900, 1.2f, -1), PEAK(3200, 0.8f, 3), HIGH(9500, 3) }, -2, 2.2f, 12, 220, 0, 0, 1, 0, 0, 0, -60, 0 },
	[STRIP_DOUBLES] = { 170, { PEAK(300, 0.9f, -3), PEAK(3000, 0.9f, -1), TOP(9000) }, -4, 4, 5, 120, -10, 0, 1, 0, 0, 0, -60, 0 },
	/* Under the lead: no rumble, no esses, out of its presence. */
	[STRIP_HARMONY] = { 190, { PEAK(300, 0.9f, -3), PEAK(3000, 0.8f, -2), TOP(9500) }, -4, 4, 5, 140, -10, 0, 1, 0, 0, 0, -60, 0 },
	[STRIP_BACKING] = { 160, { PEAK(300, 0.9f, -3), PEAK(2600, 0.9f, -1), HIGH(9000, 2) }, -4, 4, 5, 140, -6, 0, 1, 0, 0, 0, -60, 0 },
};
