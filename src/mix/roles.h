/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a mixing engineer dials in before hearing a note: a channel strip for each role. The style's strips come on top. */
#ifndef MIX_ROLES_H
#define MIX_ROLES_H

#include "score/score.h"

/* The band's roles are those of the score; the voices come after. */
enum strip_role { STRIP_VOCALS = PART_ROLES, STRIP_DOUBLES, STRIP_BACKING, STRIP_HARMONY, STRIP_ROLES };

enum band_kind { BAND_NONE, BAND_PEAK, BAND_LOW_SHELF, BAND_HIGH_SHELF, BAND_LOWPASS };
struct eq_band { enum band_kind kind; float hz, q, db; };

#define STRIP_BANDS 4

struct role_preset {
	float low_cut_hz;
	struct eq_band eq[STRIP_BANDS];
	/* Compression: threshold against the part's own mean level (dB), so that soft and loud SoundFonts are treated alike. */
	float threshold_db, ratio, attack_ms, release_ms;
	float level_lu;    /* loudness against the drums, each where it plays */
	float pan, width;  /* where the style leaves the pan in the middle and the width at 1 */
	float mono_hz;     /* below it: mono */
	float spread, spread_hz; /* sides made for an instrument recorded in mono, and from where up */
	float room_db;     /* send to the room where the style gives none (-60: none) */
	float duck;        /* share of the style's duck_db that it gives way to the voice by */
};

extern const struct role_preset role_presets[STRIP_ROLES];

#endif
