/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard/: what comes from strangers is touched only in a helper process: `madrigal fetch` (an URL) and `madrigal decode` (audio), each spawned
 * with posix_spawn, with rlimits, no new privileges, landlock and seccomp; it has no database, no keys, and nothing but the descriptors given to it.
 */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* ---- fetching, after "SSRF prevention" in curl's libcurl-security and OWASP's cheat sheet; see fetch.c ---- */
struct fetch_limits {
	uint64_t bytes_max;            /* 50 MiB */
	double seconds_max;            /* 60 */
	int allow_private;             /* 1: loopback and private addresses and any port too (MADRIGAL_ALLOW_PRIVATE_URLS) */
};
struct fetch_limits fetch_limits_default(void);
/* Fetches url (http, https) into out_fd (a file opened for writing). The reason of a failure is in err for our log; strangers are told only
 * that it could not be fetched. MADRIGAL_EUSAGE: not an URL that is allowed; MADRIGAL_EIO: anything else. */
int guard_fetch(const char *url, int out_fd, const struct fetch_limits *l, struct madrigal_error *err) MUST_CHECK;
/* The same without waiting, as guard_decode_begin. */
int guard_fetch_begin(const char *url, int out_fd, const struct fetch_limits *l, int *ret_fd, pid_t *ret_pid, struct madrigal_error *err) MUST_CHECK;
int guard_fetch_end(int fd, pid_t pid, struct madrigal_error *err) MUST_CHECK;
/* The syntax alone: http or https, a host, no user information, no control characters, at most 2,048 bytes, port 80 or 443 unless private ones are allowed. */
int guard_url_ok(const char *url, int allow_private);

/* ---- decoding ---- */
struct decoded_audio {
	char format[16];               /* "wav", "mp3", "flac", "ogg", "aiff", ... as found by content */
	double seconds;
	int sample_rate, channels;
	double rms_db;                 /* of the whole, dBFS; silence is -INFINITY */
};
struct decode_limits { double seconds_max; uint64_t bytes_max; int cpu_s; size_t memory_bytes; };
struct decode_limits decode_limits_default(void); /* 600 s, 100 MiB, 60 s, 768 MiB */
/* What the helper leaves in out_fd, a file opened for writing: nothing (out_fd -1); the sound, float32 at EAR_RATE, left and right in turn; or what the ear hears in it, as heard_write
 * has it (the nearest styles and singers are not its business). Mono is both sides; of more than two channels the front ones, centre and surround 3 dB lower, without the LFE. */
enum decode_output { DECODE_NOTHING, DECODE_SOUND, DECODE_HEARD };
/* Reads audio from in_fd (a regular file, from its start) in the helper. MADRIGAL_EUSAGE: not audio that we know, damaged, too long or too large; MADRIGAL_EIO: the helper could not
 * be run. */
int guard_decode(int in_fd, int out_fd, enum decode_output what, const struct decode_limits *l, struct decoded_audio *ret, struct madrigal_error *err) MUST_CHECK;
/* The same without waiting: *ret_fd becomes readable when the helper is done; then guard_decode_end (which never blocks longer than a moment) has the result and closes it. */
int guard_decode_begin(int in_fd, int out_fd, enum decode_output what, const struct decode_limits *l, int *ret_fd, pid_t *ret_pid, struct madrigal_error *err) MUST_CHECK;
int guard_decode_end(int fd, pid_t pid, struct decoded_audio *ret, struct madrigal_error *err) MUST_CHECK;
/* What the helper heard, out of the file it was left in: *ret_json (free). */
int guard_read_heard(int fd, char **ret_json, struct madrigal_error *err) MUST_CHECK;
/* guard_decode with DECODE_HEARD and guard_read_heard: *ret_json (free). */
int guard_hear(int in_fd, const struct decode_limits *l, struct decoded_audio *ret, char **ret_json, struct madrigal_error *err) MUST_CHECK;

/* The program that has the helpers as commands; by default this process's own. Borrowed; for tests, whose own program is another. */
void guard_set_program(const char *path);

/* The helpers themselves: what `madrigal fetch` and `madrigal decode` run. argv as of main; return an exit code. They talk over descriptors 0, 1 and 3 (see guard_internal.h). */
int guard_fetch_main(int argc, char **argv);
int guard_decode_main(int argc, char **argv);

#endif
