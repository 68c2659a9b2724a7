/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the process that asks and its helper: descriptor 0 is the input (the address; the audio file), 1 the report (a line of text), 3 the output.
 * The helper's exit code: */
#ifndef GUARD_GUARD_INTERNAL_H
#define GUARD_GUARD_INTERNAL_H

#include "guard/guard.h"

enum { HELPER_OK = 0, HELPER_FAILED = 1, HELPER_REFUSED = 2 };
enum { HELPER_OUT = 3, REPORT_MAX = 512 };

/* Starts `madrigal <argv...>` with these descriptors (in is not closed; out may be -1), and nothing else of ours. *ret_fd: its report. */
int helper_start(const char *const argv[], int in, int out, int *ret_fd, pid_t *ret_pid, struct madrigal_error *err) MUST_CHECK;
/* Reads the report (NUL-terminated, at most REPORT_MAX), reaps the process within a moment (else ends it). Returns its exit code, or -1 if it died of a signal. */
int helper_end(int fd, pid_t pid, char report[REPORT_MAX]);

/* What the helper does once it is shut in: reads the audio, leaves what is wanted in HELPER_OUT and a line on standard output. Returns its exit code. */
int decode_descriptor(int fd, enum decode_output what, double seconds_max);

struct sandbox {
	int cpu_s;
	size_t memory_bytes;           /* address space; 0: no limit */
	uint64_t file_bytes;           /* largest file that may be written */
	int files_max;
	int network;                   /* 1: may connect and resolve names, read /etc and /usr; 0: may touch descriptors 0, 1, 3 and nothing else */
};
/* Shuts this process in, for good. 0, or -1 with a word in *ret_what. */
int sandbox_enter(const struct sandbox *s, const char **ret_what);

/* An address, parsed strictly. */
struct target { char scheme[8], host[256]; int port; };
int url_parse(const char *url, int allow_private, struct target *ret);
/* Is this address (struct sockaddr) on the public Internet? After IANA's special-purpose registries. */
struct sockaddr;
int address_is_public(const struct sockaddr *a);

#endif
