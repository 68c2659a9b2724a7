/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Damaged audio to the decoder, as the helper has it: a short file of one of the containers, some of its bytes changed, or any bytes at all. */
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guard/guard_internal.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__lsan_default_options(void);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const int formats[] = {
	SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_FLOAT, SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
	SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS, SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, SF_FORMAT_AIFF | SF_FORMAT_PCM_16, SF_FORMAT_AU | SF_FORMAT_ULAW,
	SF_FORMAT_CAF | SF_FORMAT_ALAC_16, SF_FORMAT_W64 | SF_FORMAT_PCM_16, SF_FORMAT_RF64 | SF_FORMAT_PCM_16,
};
enum { N_FORMATS = sizeof formats / sizeof *formats, FILE_MAX = 1 << 18 };
static struct { unsigned char bytes[FILE_MAX]; size_t n; } files[N_FORMATS];

static void make_file(int i)
{
	int fd = memfd_create("made", MFD_CLOEXEC);
	SF_INFO info = { .samplerate = i % 2 ? 48000 : 8000, .channels = 1 + i % 2, .format = formats[i] };
	SNDFILE *f = sf_format_check(&info) ? sf_open_fd(fd, SFM_WRITE, &info, 0) : NULL;
	float x[2 * 4800];
	for (int k = 0; k < 2 * 4800; k++)
		x[k] = 0.4f * sinf((float)k * 0.07f) + 0.1f * sinf((float)k * 0.9f);
	if (f) {
		sf_writef_float(f, x, 4800);
		sf_close(f);
	}
	ssize_t n = pread(fd, files[i].bytes, FILE_MAX, 0);
	files[i].n = n > 0 ? (size_t)n : 0;
	close(fd);
}

/* libsndfile forgets some memory of files it gives up on; the helper's process ends with every file. */
const char *__lsan_default_options(void)
{
	return "detect_leaks=0";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	int nowhere = open("/dev/null", O_WRONLY);
	dup2(nowhere, HELPER_OUT);
	if (!freopen("/dev/null", "w", stdout))
		abort();
	for (int i = 0; i < N_FORMATS; i++)
		make_file(i);
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static unsigned char bytes[FILE_MAX];
	size_t n = 0;
	if (size < 2)
		return 0;
	int kind = data[0] % (N_FORMATS + 1);
	data++, size--;
	if (kind == N_FORMATS) {
		n = size < FILE_MAX ? size : FILE_MAX;
		memcpy(bytes, data, n);
	} else {
		n = files[kind].n;
		memcpy(bytes, files[kind].bytes, n);
		/* Each five bytes: where (three; most often near the start, where the headers are), what, and how. */
		for (size_t i = 0; n && i + 5 <= size; i += 5) {
			size_t at = ((size_t)data[i] << 16 | (size_t)data[i + 1] << 8 | data[i + 2]) % (data[i + 4] & 1 ? n : n < 256 ? n : 256);
			bytes[at] = data[i + 4] & 2 ? data[i + 3] : bytes[at] ^ data[i + 3];
			if (data[i + 4] == 255)
				n = at + 1;
		}
	}
	int fd = memfd_create("damaged", MFD_CLOEXEC);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET))
		abort();
	int rc = decode_descriptor(fd, DECODE_SOUND, 20);
	if (rc != HELPER_OK && rc != HELPER_REFUSED)
		abort();
	close(fd);
	return 0;
}
