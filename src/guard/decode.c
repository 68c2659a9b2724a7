/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a stranger's audio: libsndfile (with mpg123 for MP3) in a process that can read one descriptor, write two, and do nothing else. */
#include <math.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/guard_internal.h"

#define CHANNELS_MAX 8
#define RATE_MIN 4000
#define RATE_MAX 192000
#define BLOCK 4096

struct decode_limits decode_limits_default(void)
{
	return (struct decode_limits){ .seconds_max = 600, .bytes_max = 100u << 20, .cpu_s = 20, .memory_bytes = (size_t)512 << 20 };
}

/* ---- who asks ---- */

int guard_decode_begin(int in_fd, int pcm_fd, int pcm_rate, const struct decode_limits *l, int *ret_fd, pid_t *ret_pid, struct madrigal_error *err)
{
	struct stat st;
	char seconds[24], rate[16], cpu[16], memory[24];
	if (fstat(in_fd, &st) || !S_ISREG(st.st_mode) || lseek(in_fd, 0, SEEK_SET) < 0)
		return err_set(err, MADRIGAL_EIO, "cannot read the audio");
	if ((uint64_t)st.st_size > l->bytes_max || st.st_size == 0)
		return err_set(err, MADRIGAL_EUSAGE, "%s", st.st_size ? "the file is too large" : "the file is empty");
	snprintf(seconds, sizeof seconds, "%.3f", l->seconds_max);
	snprintf(rate, sizeof rate, "%d", pcm_fd >= 0 ? pcm_rate : 0);
	snprintf(cpu, sizeof cpu, "%d", l->cpu_s);
	snprintf(memory, sizeof memory, "%zu", l->memory_bytes);
	const char *argv[] = { "madrigal", "decode", seconds, rate, cpu, memory, NULL };
	return helper_start(argv, in_fd, pcm_fd, ret_fd, ret_pid, err);
}

int guard_decode_end(int fd, pid_t pid, struct decoded_audio *ret, struct madrigal_error *err)
{
	char report[REPORT_MAX];
	struct decoded_audio d = { 0 };
	int code = helper_end(fd, pid, report);
	if (code == HELPER_OK && sscanf(report, "%15s %lf %d %d %lf", d.format, &d.seconds, &d.sample_rate, &d.channels, &d.rms_db) == 5) {
		*ret = d;
		return 0;
	}
	if (code == HELPER_FAILED)
		return err_set(err, MADRIGAL_EIO, "the decoding helper: %s", report);
	/* Ended by its limits: nothing that such a file asks for is worth more. */
	return err_set(err, MADRIGAL_EUSAGE, "%s", code == HELPER_REFUSED && *report ? report : "the audio cannot be decoded");
}

int guard_decode(int in_fd, int pcm_fd, int pcm_rate, const struct decode_limits *l, struct decoded_audio *ret, struct madrigal_error *err)
{
	int fd;
	pid_t pid;
	int rc = guard_decode_begin(in_fd, pcm_fd, pcm_rate, l, &fd, &pid, err);
	return rc ? rc : guard_decode_end(fd, pid, ret, err);
}

/* ---- the helper ---- */

static const char *format_name(int format)
{
	switch (format & SF_FORMAT_TYPEMASK) {
	case SF_FORMAT_WAV: case SF_FORMAT_WAVEX: case SF_FORMAT_W64: case SF_FORMAT_RF64: return "wav";
	case SF_FORMAT_FLAC: return "flac";
	case SF_FORMAT_OGG: return "ogg";
	case SF_FORMAT_AIFF: return "aiff";
	case SF_FORMAT_AU: return "au";
	case SF_FORMAT_CAF: return "caf";
	case SF_FORMAT_MPEG: return "mp3";
	default: return "other";
	}
}

struct reading {
	SNDFILE *file;
	SF_INFO info;
	soxr_t resampler;              /* NULL: mono is not wanted, or at the file's own rate */
	int rate;                      /* wanted; 0: none */
	uint64_t frames, frames_max;
	double energy;
};

static int put(const float *x, size_t n)
{
	const char *p = (const char *)x;
	for (size_t left = n * sizeof *x; left;) {
		ssize_t w = write(HELPER_OUT, p, left);
		if (w <= 0)
			return -1;
		p += w;
		left -= (size_t)w;
	}
	return 0;
}

/* n frames of mono (NULL: the end) to the output. */
static int give(struct reading *r, const float *mono, size_t n)
{
	float out[2 * BLOCK];
	if (!r->rate)
		return 0;
	if (!r->resampler)
		return mono ? put(mono, n) : 0;
	for (size_t done = 0, used, made;; done += used) {
		if (soxr_process(r->resampler, mono ? mono + done : NULL, mono ? n - done : 0, &used, out, sizeof out / sizeof *out, &made) || put(out, made))
			return -1;
		if (mono ? done + used >= n && made < sizeof out / sizeof *out : !made)
			return 0;
	}
}

static int read_all(struct reading *r, const char **ret_fault)
{
	static float block[BLOCK * CHANNELS_MAX], mono[BLOCK];
	sf_count_t n;
	*ret_fault = NULL;
	while ((n = sf_readf_float(r->file, block, BLOCK)) > 0) {
		r->frames += (uint64_t)n;
		if (r->frames > r->frames_max) {
			*ret_fault = "the audio is too long";
			return 0;
		}
		for (sf_count_t i = 0; i < n; i++) {
			float sum = 0;
			for (int k = 0; k < r->info.channels; k++)
				sum += block[i * r->info.channels + k];
			float x = sum / (float)r->info.channels;
			/* Float files may hold anything. */
			mono[i] = isfinite(x) ? fmaxf(-8, fminf(8, x)) : 0;
			r->energy += (double)mono[i] * (double)mono[i];
		}
		if (give(r, mono, (size_t)n))
			return -1;
	}
	return give(r, NULL, 0);
}

static int check_info(const SF_INFO *i, const char **ret_fault)
{
	*ret_fault = i->channels < 1 || i->channels > CHANNELS_MAX ? "too many channels" : i->samplerate < RATE_MIN || i->samplerate > RATE_MAX ? "an odd sample rate" : NULL;
	return *ret_fault != NULL;
}

static int refuse(const char *fault)
{
	printf("%s\n", fault);
	return HELPER_REFUSED;
}

static int decode(int rate, double seconds_max)
{
	struct reading r = { .rate = rate };
	const char *fault;
	r.file = sf_open_fd(0, SFM_READ, &r.info, 0);
	if (!r.file)
		return refuse("not audio in a format that is known here");
	if (check_info(&r.info, &fault))
		return refuse(fault);
	r.frames_max = (uint64_t)(seconds_max * r.info.samplerate) + 1;
	if (rate && rate != r.info.samplerate) {
		soxr_quality_spec_t q = soxr_quality_spec(SOXR_HQ, 0);
		soxr_runtime_spec_t one = soxr_runtime_spec(1);
		r.resampler = soxr_create(r.info.samplerate, rate, 1, NULL, NULL, &q, &one);
		if (!r.resampler) {
			printf("no resampler\n");
			return HELPER_FAILED;
		}
	}
	if (read_all(&r, &fault)) {
		printf("cannot write\n");
		return HELPER_FAILED;
	}
	if (fault)
		return refuse(fault);
	if (!r.frames)
		return refuse("the audio has no samples");
	double rms = sqrt(r.energy / (double)r.frames);
	printf("%s %.6f %d %d %.2f\n", format_name(r.info.format), (double)r.frames / r.info.samplerate, r.info.samplerate, r.info.channels, rms > 0 ? 20 * log10(rms) : (double)-INFINITY);
	return HELPER_OK;
}

int guard_decode_main(int argc, char **argv)
{
	const char *what = "";
	if (argc != 5) {
		printf("this is a helper of madrigal serve\n");
		return HELPER_FAILED;
	}
	/* Nothing may wait to be loaded or allocated by the C library once the door is shut. */
	static char report[1024];
	setvbuf(stdout, report, _IOFBF, sizeof report);
	struct sandbox box = { .cpu_s = atoi(argv[3]), .memory_bytes = strtoull(argv[4], NULL, 10), .file_bytes = (uint64_t)2 << 30, .files_max = 8 };
	int rc = sandbox_enter(&box, &what) ? HELPER_FAILED : decode(atoi(argv[2]), strtod(argv[1], NULL));
	if (rc == HELPER_FAILED && *what && strcmp(what, "seccomp"))
		printf("cannot be shut in: %s\n", what);
	fflush(stdout);
	_exit(rc);
}
