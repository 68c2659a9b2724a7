/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drums by name: one table for style checks, arrangement and playing. */
#ifndef SCORE_DRUMS_H
#define SCORE_DRUMS_H

/* The key of a drum in General MIDI's percussion map (MMA RP-003; 31 and from 82 on: General MIDI 2): "kick" 36, "snare" 38, "rim" 37,
 * "clap" 39, "hat" 42, "pedal" 44, "open" 46, "ride" 51, "bell" 53, "crash" 49, "crash2" 57, "splash", "china", "tom1" 50 (high), "tom2" 47,
 * "tom3" 43, "tom4" 41, "tambourine" 54, "shaker" 82, "maracas", "cabasa", "cowbell" 56, "conga", "bongo", "timbale", "agogo", "guiro",
 * "claves", "woodblock", "triangle", "sticks", "sleigh-bells", "chimes", "castanets" (all in drums.c). -1: unknown. */
int drum_key(const char *name);

#endif
