/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Madrigal: lyrics and a line of style in, a finished song with vocals out.
 *
 * This is the library's one public header. A minimal use:
 *
 *     struct madrigal_request req = madrigal_request_default();
 *     req.lyrics = "[Verse]\nStreetlights flicker, the night breeze sighs\n";
 *     req.prompt = "warm indie folk, female voice, 92 bpm";
 *     req.out_dir = "song";
 *     struct madrigal_error err;
 *     int rc = madrigal_make(&req, NULL, NULL, NULL, NULL, &err);
 *     if (rc < 0)
 *         fprintf(stderr, "%s\n", err.message);
 *
 * Every function returns 0 or a negative enum madrigal_status; what it would have produced is left untouched on failure,
 * and no file is left half-written. The library never prints and never exits. A request is read only; strings in it are
 * borrowed for the length of the call. Calls on different threads are independent.
 */
#ifndef MADRIGAL_H
#define MADRIGAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MADRIGAL_VERSION "0.1.0"

#if defined(__GNUC__)
#define MADRIGAL_API __attribute__((visibility("default")))
#else
#define MADRIGAL_API
#endif

/* What can go wrong. The command exits with the positive value; 0 is success, 130 is an interruption. */
enum madrigal_status {
	MADRIGAL_OK = 0,
	MADRIGAL_EINTERNAL = -1,  /* a fault of ours, or of a library */
	MADRIGAL_EUSAGE = -2,     /* a parameter out of range, or one that contradicts another */
	MADRIGAL_ELYRICS = -3,    /* the lyrics cannot be sung: empty, too long, not UTF-8, a script not yet sung */
	MADRIGAL_ESTYLE = -4,     /* a style that does not exist, or a style file with an error in it */
	MADRIGAL_EMISSING = -5,   /* voice, SoundFont or neural runtime not installed; the message has the command */
	MADRIGAL_EIO = -6,        /* reading or writing failed: full disk, no permission, no such file */
	MADRIGAL_EMEMORY = -7,    /* the memory limit was reached, or allocation failed */
	MADRIGAL_ECANCELLED = -8, /* the progress callback asked to stop */
};

struct madrigal_error {
	int code;           /* a negative enum madrigal_status, or 0 */
	char message[1024]; /* one or more lines for people, without a newline at the end */
};

enum madrigal_format { MADRIGAL_MP3, MADRIGAL_WAV, MADRIGAL_FLAC, MADRIGAL_PCM };

/* What to make. Start from madrigal_request_default(), so that new fields never break a caller. */
struct madrigal_request {
	const char *lyrics;         /* UTF-8, at most 3,000 code points; NULL or "" only with instrumental */
	const char *prompt;         /* a line about style, UTF-8, at most 2,000 code points; may be NULL */
	const char *title;          /* NULL: taken from the lyrics */
	const char *style;          /* a style's name; NULL: from the prompt */
	const char *voice;          /* a singer's name; NULL: from the prompt and the style */
	const char *key;            /* "A minor", "F# major", "Bb"; NULL: from the prompt, else the singer's range */
	const char *time_signature; /* "4/4", "3/4", "6/8"; NULL: from the prompt, else the style */
	double tempo_bpm;           /* 40..240; 0: from the prompt, else the style */
	double duration_s;          /* 10..300, met to the bar; 0: as long as the lyrics need */
	uint64_t seed;
	int instrumental;           /* nonzero: no voice at all */
	int score_only;             /* nonzero: song.json, MIDI, MusicXML and LRC, no sound */
	int candidates;             /* scores tried, the best kept: 1..100000; 0: the default (see docs/architecture.md) */
	int threads;                /* 1..256; 0: one for each core. Any number gives the same bytes. */
	size_t memory_limit_bytes;  /* most heap to use; 0: no limit */
	const char *reference;      /* what madrigal_listen heard in a song that this one is to be like (JSON, docs/ear.md); NULL: none. Options and what the prompt says in so many words win */
	const char *reference_voice;/* likewise, for the singer alone; NULL: the reference's */
	const char *dictionary;     /* path of a user dictionary (docs/words.md); may be NULL */
	const char *out_dir;        /* the song directory to make; NULL: none */
	const char *out_file;       /* the master alone, by this name; NULL: none. At least one of the three is needed. */
	const char *stream_file;    /* the master again, growing from its start while the song is still being made; NULL: none. Its bytes, once written, stay; when the
	                             * call returns 0 the file is whole, and the same as out_file and the song directory's. If it fails the file is removed. A song with
	                             * a stream_file is mastered as it goes: not the same bytes as without, the same with any number of threads. May be a pipe.
	                             * Ignored with score_only. */
	enum madrigal_format format;/* of the master */
	int sample_rate;            /* of the master, Hz: 16000, 22050, 24000, 32000, 44100, 48000 */
	int channels;               /* of the master: 2, or 1 (left and right averaged; its loudness is measured as heard from two loudspeakers) */
	int bitrate;                /* of MP3, bits a second: 32000..320000, one that the sample rate allows */
	int stems;                  /* nonzero: stems/ in out_dir (48 kHz WAV, 24 bits) */
};

/* Where things are. NULL fields: as found by the rules in docs/operations.md (environment, then the usual places). */
struct madrigal_paths {
	const char *share_dir;      /* styles/, voices/, words/ */
	const char *voice_dir;      /* the installed voice */
	const char *soundfont;      /* the General MIDI SoundFont */
	const char *runtime;        /* the ONNX Runtime shared library */
};

struct madrigal_progress {
	const char *stage;          /* "words", "compose", "sing", "play", "mix", "write" */
	double done;                /* 0..1 of the whole song */
	double elapsed_s;           /* since the call */
};

/* Called from the calling thread, at least ten times a second while work goes on. Return nonzero to cancel: the call
 * returns MADRIGAL_ECANCELLED within a second and leaves no file. */
typedef int madrigal_progress_fn(void *user, const struct madrigal_progress *p);

/* What was made: figures for a report. Strings live in the struct. */
struct madrigal_result {
	char title[256];
	char style[64];
	char voice[64];
	char key[32];
	char time_signature[8];
	double tempo_bpm;
	double duration_s;
	double loudness_lufs;       /* of the master as written */
	double true_peak_dbtp;      /* likewise; of MP3 after decoding */
	int bars;
	int sung_lines;
	double first_sound_s;       /* with stream_file: when its first bytes were written, since the call; else 0 */
	double stage_s[6];          /* wall time by stage, in the order of madrigal_progress.stage */
	size_t peak_memory_bytes;
	char understood[512];       /* what was read out of the prompt, for people */
};

MADRIGAL_API const char *madrigal_version(void);
MADRIGAL_API struct madrigal_request madrigal_request_default(void);

/* Makes a song. fn, paths, result and err may be NULL. */
MADRIGAL_API int madrigal_make(const struct madrigal_request *req, const struct madrigal_paths *paths,
                               madrigal_progress_fn *fn, void *user, struct madrigal_result *ret_result,
                               struct madrigal_error *err);

/* A recording: left and right, `frames` samples each, full scale +-1, 8000..192000 Hz, ten minutes at most; right NULL: mono. */
struct madrigal_sound { const float *left, *right; size_t frames; int sample_rate; };

/* Listens: tempo, beats, key, chords, sections, sound, singer, and the nearest of our styles and singers, as JSON (docs/ear.md), which is what a request's `reference` takes. *ret_json
 * by free(). paths may be NULL. Any samples are taken, NaN too. MADRIGAL_EUSAGE: too long, or an odd rate. */
MADRIGAL_API int madrigal_listen(const struct madrigal_sound *sound, const struct madrigal_paths *paths, char **ret_json, struct madrigal_error *err);

/* Calls fn for each style, or singer, in order of name; stops when fn returns nonzero. Strings are borrowed until fn returns. */
struct madrigal_entry { const char *name, *title, *description; };
typedef int madrigal_entry_fn(void *user, const struct madrigal_entry *e);
MADRIGAL_API int madrigal_each_style(const struct madrigal_paths *paths, madrigal_entry_fn *fn, void *user, struct madrigal_error *err);
MADRIGAL_API int madrigal_each_voice(const struct madrigal_paths *paths, madrigal_entry_fn *fn, void *user, struct madrigal_error *err);

/* One thing that a song needs, for `madrigal doctor`. */
struct madrigal_check {
	const char *what;  /* "voice", "soundfont", ... */
	int ok;
	const char *found; /* where, and its version if known; NULL if missing */
	const char *mend;  /* the command that installs it; NULL if ok */
};
typedef int madrigal_check_fn(void *user, const struct madrigal_check *c);
/* Returns 0 if all is there, MADRIGAL_EMISSING if not. */
MADRIGAL_API int madrigal_doctor(const struct madrigal_paths *paths, madrigal_check_fn *fn, void *user);

/* Cuts the speech network voice_dir/kokoro.onnx into the parts that singing needs, beside it. Done once, when the voice is installed. */
MADRIGAL_API int madrigal_install_voice(const char *voice_dir, struct madrigal_error *err);

#ifdef __cplusplus
}
#endif
#endif
