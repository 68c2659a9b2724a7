/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drums by name: one table for style checks, arrangement and playing. */
#ifndef SCORE_DRUMS_H
#define SCORE_DRUMS_H

/* The key of a drum in General MIDI: "kick" 36, "snare" 38, "rim" 37, "clap" 39, "hat" 42, "pedal" 44, "open" 46, "ride" 51, "bell" 53, "crash" 49, "crash2" 57,
 * "tom1" 50 (high), "tom2" 47, "tom3" 43, "tambourine" 54, "shaker" 70 (82), "cowbell" 56, "conga", "bongo", ... -1: unknown.
 */
int drum_key(const char *name);

#endif
