/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `madrigal listen`: what the ear hears in a recording. */
#include "cli/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "ear/ear.h"
#include "guard/guard.h"

#define HEARD_FILE_MAX (4u << 20)

/* ---- recordings ---- */

static int take_sound(int fd, struct recording *ret, struct madrigal_error *err)
{
	off_t bytes = lseek(fd, 0, SEEK_END);
	size_t n = bytes > 0 ? (size_t)bytes / (2 * sizeof(float)) : 0;
	struct recording r = { .rate = EAR_RATE, .frames = n };
	float *both = n ? mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (n && both == MAP_FAILED)
		return err_set(err, MADRIGAL_EIO, "cannot read what was decoded: %s", strerror(errno));
	for (int k = 0; k < 2; k++)
		r.side[k] = malloc((n + 1) * sizeof(float));
	int rc = r.side[0] && r.side[1] ? 0 : err_nomem(err);
	for (size_t i = 0; !rc && i < n; i++)
		for (int k = 0; k < 2; k++)
			r.side[k][i] = both[2 * i + (size_t)k];
	if (n)
		munmap(both, (size_t)bytes);
	if (rc)
		recording_release(&r);
	else
		*ret = r;
	return rc;
}

int recording_open(const char *path, struct recording *ret, struct madrigal_error *err)
{
	struct decode_limits limits = decode_limits_default();
	struct decoded_audio d;
	limits.bytes_max = (uint64_t)1 << 30; /* one's own file: ten minutes at 192 kHz */
	int in = open(path, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return err_set(err, MADRIGAL_EIO, "cannot read %s: %s", path, strerror(errno));
	int out = memfd_create("sound", MFD_CLOEXEC);
	int rc = out < 0 ? err_set(err, MADRIGAL_EIO, "no memory file for the sound: %s", strerror(errno)) : guard_decode(in, out, DECODE_SOUND, &limits, &d, err);
	if (rc == MADRIGAL_EUSAGE) {
		char why[sizeof err->message];
		snprintf(why, sizeof why, "%s", err->message);
		rc = err_set(err, MADRIGAL_EUSAGE, "%s cannot be listened to: %s", path, why);
	}
	if (!rc)
		rc = take_sound(out, ret, err);
	close(in);
	if (out >= 0)
		close(out);
	return rc;
}

void recording_release(struct recording *r)
{
	free(r->side[0]);
	free(r->side[1]);
	memset(r, 0, sizeof *r);
}

static int listen_to(const struct recording *r, char **ret_json, struct madrigal_error *err)
{
	const struct madrigal_sound sound = { r->side[0], r->side[1], r->frames, r->rate };
	return madrigal_listen(&sound, NULL, ret_json, err);
}

int hear_file(const char *path, char **ret_json, struct madrigal_error *err)
{
	char *text;
	size_t n;
	struct recording r;
	if (file_read(path, HEARD_FILE_MAX, &text, &n, NULL) == 0) {
		if (text[strspn(text, " \t\r\n")] == '{') {
			*ret_json = text;
			return 0;
		}
		free(text);
	}
	int rc = recording_open(path, &r, err);
	if (rc)
		return rc;
	rc = listen_to(&r, ret_json, err);
	recording_release(&r);
	return rc;
}

/* ---- the command ---- */

static void usage(FILE *to)
{
	fprintf(to, "Usage: madrigal listen AUDIO [options]\n\n"
	            "Prints what is heard in a recording (WAV, MP3, FLAC, Ogg, AIFF; ten minutes at most) as JSON: tempo and beats, key and chords,\n"
	            "sections, sound, singer, and the nearest of our styles and singers. `madrigal sing --reference` takes the recording, or this JSON.\n\n"
	            "      %-20s draw it: waveform, beats, chords, energy, the sung pitch\n"
	            "  -o, %-20s write the JSON to a file\n"
	            "  -h, %-20s this text\n", "--picture FILE.png", "--output FILE", "--help");
}

static int complain(const struct madrigal_error *err)
{
	fprintf(stderr, "madrigal: %s\n", err->message);
	return -err->code;
}

static int write_json(const char *path, const char *json, struct madrigal_error *err)
{
	if (path)
		return file_write(path, json, strlen(json), err);
	return fputs(json, stdout) < 0 || fflush(stdout) ? err_set(err, MADRIGAL_EIO, "cannot write: %s", strerror(errno)) : 0;
}

int cmd_listen(int argc, char **argv)
{
	static const struct option longs[] = { { "picture", required_argument, NULL, 'p' }, { "output", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	const char *picture = NULL, *output = NULL;
	struct madrigal_error err = { 0 };
	struct recording r;
	char *json = NULL;
	for (int c; (c = getopt_long(argc, argv, "o:h", longs, NULL)) != -1;) {
		if (c == 'p') {
			picture = optarg;
		} else if (c == 'o') {
			output = optarg;
		} else {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : -MADRIGAL_EUSAGE;
		}
	}
	if (argc - optind != 1) {
		usage(stderr);
		return -MADRIGAL_EUSAGE;
	}
	if (recording_open(argv[optind], &r, &err))
		return complain(&err);
	int rc = listen_to(&r, &json, &err);
	if (!rc && picture)
		rc = picture_draw(picture, &r, json, &err);
	if (!rc)
		rc = write_json(output, json, &err);
	free(json);
	recording_release(&r);
	return rc ? complain(&err) : 0;
}
