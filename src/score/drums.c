/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "score/drums.h"

#include <stddef.h>
#include <string.h>

/* General MIDI Level 1 percussion key map (MMA RP-003), and short names that drummers use. */
static const struct { const char *name; int key; } drums[] = {
	{ "kick", 36 }, { "kick2", 35 }, { "snare", 38 }, { "snare2", 40 }, { "rim", 37 }, { "clap", 39 },
	{ "hat", 42 }, { "pedal", 44 }, { "open", 46 }, { "ride", 51 }, { "ride2", 59 }, { "bell", 53 },
	{ "crash", 49 }, { "crash2", 57 }, { "splash", 55 }, { "china", 52 },
	{ "tom1", 50 }, { "tom2", 47 }, { "tom3", 43 }, { "tom4", 41 },
	{ "tambourine", 54 }, { "shaker", 82 }, { "maracas", 70 }, { "cabasa", 69 }, { "cowbell", 56 }, { "vibraslap", 58 },
	{ "bongo", 60 }, { "bongo2", 61 }, { "conga", 63 }, { "conga2", 64 }, { "conga-mute", 62 },
	{ "timbale", 65 }, { "timbale2", 66 }, { "agogo", 67 }, { "agogo2", 68 },
	{ "guiro", 73 }, { "guiro2", 74 }, { "claves", 75 }, { "woodblock", 76 }, { "woodblock2", 77 },
	{ "triangle", 81 }, { "triangle-mute", 80 }, { "sticks", 31 }, { "sleigh-bells", 83 },
	{ "chimes", 84 }, { "castanets", 85 },
};

int drum_key(const char *name)
{
	for (size_t i = 0; i < sizeof drums / sizeof drums[0]; i++)
		if (!strcmp(drums[i].name, name))
			return drums[i].key;
	return -1;
}
