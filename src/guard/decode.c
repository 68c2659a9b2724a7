/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a stranger's audio: libsndfile (with mpg123 for MP3) in a process that can read one descriptor, write two, and do nothing else. */
#include <math.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ear/json.h"
#include "guard/guard_internal.h"

#define CHANNELS_MAX 8
#define RATE_MIN 4000
#define RATE_MAX 192000
#define BLOCK 4096
#define HEARD_BYTES_MAX (4 << 20)

struct decode_limits decode_limits_default(void)
{
	return (struct decode_limits){ .seconds_max = EAR_MAX_S, .bytes_max = 100u << 20, .cpu_s = 60, .memory_bytes = (size_t)768 << 20 };
}

/* ---- who asks ---- */

static const char *const outputs[] = { [DECODE_NOTHING] = "nothing", [DECODE_SOUND] = "sound", [DECODE_HEARD] = "heard" };

int guard_decode_begin(int in_fd, int out_fd, enum decode_output what, const struct decode_limits *l, int *ret_fd, pid_t *ret_pid, struct madrigal_error *err)
{
	struct stat st;
	char seconds[24], cpu[16], memory[24];
	if (fstat(in_fd, &st) || !S_ISREG(st.st_mode) || lseek(in_fd, 0, SEEK_SET) < 0)
		return err_set(err, MADRIGAL_EIO, "cannot read the audio");
	if ((uint64_t)st.st_size > l->bytes_max || st.st_size == 0)
		return err_set(err, MADRIGAL_EUSAGE, "%s", st.st_size ? "the file is too large" : "the file is empty");
	snprintf(seconds, sizeof seconds, "%.3f", l->seconds_max);
	snprintf(cpu, sizeof cpu, "%d", l->cpu_s);
	snprintf(memory, sizeof memory, "%zu", l->memory_bytes);
	const char *argv[] = { "madrigal", "decode", outputs[what], seconds, cpu, memory, NULL };
	return helper_start(argv, in_fd, out_fd, ret_fd, ret_pid, err);
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

int guard_decode(int in_fd, int out_fd, enum decode_output what, const struct decode_limits *l, struct decoded_audio *ret, struct madrigal_error *err)
{
	int fd;
	pid_t pid;
	int rc = guard_decode_begin(in_fd, out_fd, what, l, &fd, &pid, err);
	return rc ? rc : guard_decode_end(fd, pid, ret, err);
}

int guard_read_heard(int fd, char **ret_json, struct madrigal_error *err)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *text = n > 0 && n <= HEARD_BYTES_MAX ? malloc((size_t)n + 1) : NULL;
	if (!text || pread(fd, text, (size_t)n, 0) != n) {
		free(text);
		return err_set(err, MADRIGAL_EIO, "the decoding helper left nothing to read");
	}
	text[n] = 0;
	*ret_json = text;
	return 0;
}

int guard_hear(int in_fd, const struct decode_limits *l, struct decoded_audio *ret, char **ret_json, struct madrigal_error *err)
{
	int out = memfd_create("heard", MFD_CLOEXEC);
	if (out < 0)
		return err_set(err, MADRIGAL_EIO, "no memory file for what is heard");
	struct decoded_audio d;
	int rc = guard_decode(in_fd, out, DECODE_HEARD, l, &d, err);
	if (!rc)
		rc = guard_read_heard(out, ret_json, err);
	if (!rc)
		*ret = d;
	close(out);
	return rc;
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
	enum decode_output what;
	soxr_t resampler;              /* NULL: no sound is wanted, or it is at EAR_RATE already */
	uint64_t frames, frames_max;
	double energy;                 /* of both sides */
	float *side[2]; size_t n, capacity; /* what is to be listened to */
};

static int put(const void *x, size_t bytes)
{
	const char *p = x;
	while (bytes) {
		ssize_t w = write(HELPER_OUT, p, bytes);
		if (w <= 0)
			return -1;
		p += w;
		bytes -= (size_t)w;
	}
	return 0;
}

/* n frames of stereo at EAR_RATE are kept for the ear, as many as it takes. */
static int keep(struct reading *r, const float *stereo, size_t n)
{
	if (r->n + n > EAR_MAX_FRAMES)
		n = EAR_MAX_FRAMES - r->n;
	while (r->n + n > r->capacity) {
		size_t more = r->capacity ? 2 * r->capacity : (size_t)EAR_RATE * 60;
		for (int k = 0; k < 2; k++) {
			float *side = realloc(r->side[k], more * sizeof *side);
			if (!side)
				return -1;
			r->side[k] = side;
		}
		r->capacity = more;
	}
	for (size_t i = 0; i < n; i++, r->n++) {
		r->side[0][r->n] = stereo[2 * i];
		r->side[1][r->n] = stereo[2 * i + 1];
	}
	return 0;
}

static int hand_on(struct reading *r, const float *stereo, size_t n)
{
	return r->what == DECODE_SOUND ? put(stereo, 2 * n * sizeof *stereo) : keep(r, stereo, n);
}

/* n frames of stereo at the file's rate (NULL: the end) go where they are wanted. */
static int give(struct reading *r, const float *stereo, size_t n)
{
	static float out[4 * BLOCK];
	if (r->what == DECODE_NOTHING)
		return 0;
	if (!r->resampler)
		return stereo ? hand_on(r, stereo, n) : 0;
	for (size_t done = 0, used, made;; done += used) {
		if (soxr_process(r->resampler, stereo ? stereo + 2 * done : NULL, stereo ? n - done : 0, &used, out, 2 * BLOCK, &made) || hand_on(r, out, made))
			return -1;
		if (stereo ? done + used >= n && made < 2 * BLOCK : !made)
			return 0;
	}
}

/* The share that a channel has in the left and the right, by the number of channels; the order is that of WAVE_FORMAT_EXTENSIBLE. */
static const float *shares_of(int channels, int channel)
{
	static const float left[2] = { 1, 0 }, right[2] = { 0, 1 }, both[2] = { 0.7071f, 0.7071f }, back_left[2] = { 0.7071f, 0 }, back_right[2] = { 0, 0.7071f }, none[2] = { 0, 0 };
	static const float *const quad[] = { left, right, back_left, back_right };
	static const float *const surround[] = { left, right, both, none, back_left, back_right, back_left, back_right };
	static const float *const five[] = { left, right, both, back_left, back_right };
	static const float mono[2] = { 1, 1 };
	return channels == 1 ? mono : (channels == 4 ? quad : channels == 5 ? five : surround)[channel];
}

static void to_stereo(const struct reading *r, const float *block, size_t n, float *ret)
{
	int channels = r->info.channels;
	float sum[2] = { 0, 0 };
	for (int k = 0; k < channels; k++)
		for (int side = 0; side < 2; side++)
			sum[side] += shares_of(channels, k)[side];
	for (size_t i = 0; i < n; i++)
		for (int side = 0; side < 2; side++) {
			float x = 0;
			for (int k = 0; k < channels; k++)
				x += shares_of(channels, k)[side] * block[i * (size_t)channels + (size_t)k];
			x /= sum[side];
			/* Float files may hold anything. */
			ret[2 * i + (size_t)side] = isfinite(x) ? fmaxf(-8, fminf(8, x)) : 0;
		}
}

static int read_all(struct reading *r, const char **ret_fault)
{
	static float block[BLOCK * CHANNELS_MAX], stereo[2 * BLOCK];
	sf_count_t n;
	*ret_fault = NULL;
	while ((n = sf_readf_float(r->file, block, BLOCK)) > 0) {
		r->frames += (uint64_t)n;
		if (r->frames > r->frames_max) {
			*ret_fault = "the audio is too long";
			return 0;
		}
		to_stereo(r, block, (size_t)n, stereo);
		for (sf_count_t i = 0; i < 2 * n; i++)
			r->energy += (double)stereo[i] * (double)stereo[i] / 2;
		if (give(r, stereo, (size_t)n))
			return -1;
	}
	return give(r, NULL, 0);
}

static int check_info(const SF_INFO *i, const char **ret_fault)
{
	*ret_fault = i->channels < 1 || i->channels > CHANNELS_MAX ? "too many channels" : i->samplerate < RATE_MIN || i->samplerate > RATE_MAX ? "an odd sample rate" : NULL;
	return *ret_fault != NULL;
}

static int answer(int code, const char *fault)
{
	printf("%s\n", fault);
	return code;
}

static int listen(struct reading *r)
{
	static struct heard heard;
	struct madrigal_error err = { 0 };
	char *json = NULL;
	for (int k = 0; k < 2; k++)
		ear_clean(r->side[k], r->n);
	const struct ear_sound sound = { r->side[0], r->side[1], r->n };
	int rc = ear_listen(&sound, NULL, &heard, &err);
	if (!rc)
		rc = heard_write(&heard, &json, &err);
	if (rc)
		return answer(HELPER_FAILED, err.message);
	rc = put(json, strlen(json));
	free(json);
	return rc ? answer(HELPER_FAILED, "cannot write") : HELPER_OK;
}

static void reading_release(struct reading *r)
{
	if (r->file)
		sf_close(r->file);
	soxr_delete(r->resampler);
	free(r->side[0]);
	free(r->side[1]);
}

static int decode_open(struct reading *r, double seconds_max)
{
	const char *fault;
	if (check_info(&r->info, &fault))
		return answer(HELPER_REFUSED, fault);
	r->frames_max = (uint64_t)(seconds_max * r->info.samplerate) + 1;
	if (r->what != DECODE_NOTHING && r->info.samplerate != EAR_RATE) {
		soxr_quality_spec_t q = soxr_quality_spec(SOXR_HQ, 0);
		soxr_runtime_spec_t one = soxr_runtime_spec(1);
		r->resampler = soxr_create(r->info.samplerate, EAR_RATE, 2, NULL, NULL, &q, &one);
		if (!r->resampler)
			return answer(HELPER_FAILED, "no resampler");
	}
	if (read_all(r, &fault))
		return answer(HELPER_FAILED, "no room for the sound");
	if (fault || !r->frames)
		return answer(HELPER_REFUSED, fault ? fault : "the audio has no samples");
	int rc = r->what == DECODE_HEARD ? listen(r) : HELPER_OK;
	double rms = sqrt(r->energy / (double)r->frames);
	if (rc == HELPER_OK)
		printf("%s %.6f %d %d %.2f\n", format_name(r->info.format), (double)r->frames / r->info.samplerate, r->info.samplerate, r->info.channels, rms > 0 ? 20 * log10(rms) : (double)-INFINITY);
	return rc;
}

int decode_descriptor(int fd, enum decode_output what, double seconds_max)
{
	struct reading r = { .what = what };
	r.file = sf_open_fd(fd, SFM_READ, &r.info, 0);
	int rc = r.file ? decode_open(&r, seconds_max) : answer(HELPER_REFUSED, "not audio in a format that is known here");
	reading_release(&r);
	return rc;
}

int guard_decode_main(int argc, char **argv)
{
	const char *what = "";
	int output = 0;
	while (argc == 5 && output <= DECODE_HEARD && strcmp(argv[1], outputs[output]))
		output++;
	if (argc != 5 || output > DECODE_HEARD) {
		printf("this is a helper of madrigal serve\n");
		return HELPER_FAILED;
	}
	/* Nothing may wait to be loaded or allocated by the C library once the door is shut. */
	static char report[1024];
	setvbuf(stdout, report, _IOFBF, sizeof report);
	struct sandbox box = { .cpu_s = atoi(argv[3]), .memory_bytes = strtoull(argv[4], NULL, 10), .file_bytes = (uint64_t)2 << 30, .files_max = 8 };
	int rc = sandbox_enter(&box, &what) ? HELPER_FAILED : decode_descriptor(0, (enum decode_output)output, strtod(argv[2], NULL));
	if (rc == HELPER_FAILED && *what && strcmp(what, "seccomp"))
		printf("cannot be shut in: %s\n", what);
	fflush(stdout);
	_exit(rc);
}
