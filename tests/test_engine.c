/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public library, as a program that links it sees it. Needs the installed voice and SoundFonts (make voice). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "madrigal.h"

static const char two_lines[] = "[Verse]\nPaper boats along the river\nCarry wishes to the sea\n";
static char scratch[64];
static const struct madrigal_paths paths = { .share_dir = TEST_SHARE_DIR };

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int make_scratch(void **state)
{
	(void)state;
	snprintf(scratch, sizeof scratch, "/tmp/madrigal-engine-XXXXXX");
	return mkdtemp(scratch) ? 0 : -1;
}

static int drop_scratch(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", scratch);
	return system(command);
}

static int entries(const char *dir)
{
	int n = 0;
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static const char *in_scratch(const char *name)
{
	static char path[4][128];
	static int i;
	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", scratch, name);
	return path[i];
}

static struct madrigal_request short_song(void)
{
	struct madrigal_request r = madrigal_request_default();
	r.lyrics = two_lines;
	r.prompt = "punk, female voice, 184 bpm, in G major";
	r.format = MADRIGAL_PCM;
	r.candidates = 32; /* a song, not a good one */
	return r;
}

static int fails(struct madrigal_request r, int code, const char *word)
{
	struct madrigal_error err = { 0 };
	if (!r.out_dir && !r.out_file)
		r.out_dir = in_scratch("never");
	int rc = madrigal_make(&r, &paths, NULL, NULL, NULL, &err);
	if (rc != code || !strstr(err.message, word))
		print_error("got %d, '%s'; wanted %d, '%s'\n", rc, err.message, code, word);
	return rc == code && err.code == code && strstr(err.message, word) && entries(scratch) == 0;
}

static void wrong_requests_say_what_is_wrong(void **state)
{
	(void)state;
	struct madrigal_request ok = short_song(), r;
	assert_true((r = ok, r.tempo_bpm = 20, fails(r, MADRIGAL_EUSAGE, "40 to 240")));
	assert_true((r = ok, r.key = "H sharp", fails(r, MADRIGAL_EUSAGE, "H sharp")));
	assert_true((r = ok, r.time_signature = "7/8", fails(r, MADRIGAL_EUSAGE, "7/8")));
	assert_true((r = ok, r.sample_rate = 11025, fails(r, MADRIGAL_EUSAGE, "11025")));
	assert_true((r = ok, r.format = MADRIGAL_MP3, r.bitrate = 100, fails(r, MADRIGAL_EUSAGE, "256000")));
	assert_true((r = ok, r.format = MADRIGAL_MP3, r.sample_rate = 16000, r.bitrate = 8000, fails(r, MADRIGAL_EUSAGE, "32000")));
	assert_true((r = ok, r.duration_s = 301, fails(r, MADRIGAL_EUSAGE, "300")));
	assert_true((r = ok, r.style = "synth-pip", fails(r, MADRIGAL_ESTYLE, "synth-pop")));
	assert_true((r = ok, r.voice = "nobody", fails(r, MADRIGAL_EUSAGE, "nobody")));
	assert_true((r = ok, r.lyrics = "", fails(r, MADRIGAL_ELYRICS, "")));
	assert_true((r = ok, r.lyrics = "[Verse]\n[Chorus]\n", fails(r, MADRIGAL_ELYRICS, "")));
	assert_true((r = ok, r.lyrics = "\xff\xfe words", fails(r, MADRIGAL_ELYRICS, "UTF-8")));
	assert_true((r = ok, r.lyrics = "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", fails(r, MADRIGAL_ELYRICS, "Cyrillic")));
	assert_true((r = ok, r.prompt = "\xff", fails(r, MADRIGAL_EUSAGE, "prompt")));
	assert_true((r = ok, r.out_dir = "/proc/none/song", fails(r, MADRIGAL_EIO, "/proc/none")));
	assert_true((r = ok, r.out_file = "/proc/none/song.pcm", fails(r, MADRIGAL_EIO, "/proc/none")));
}

static void missing_parts_name_the_command_that_installs_them(void **state)
{
	(void)state;
	struct madrigal_request r = short_song();
	struct madrigal_error err;
	r.out_file = in_scratch("a.pcm");
	struct madrigal_paths p = paths;
	p.voice_dir = "/nonexistent";
	assert_int_equal(madrigal_make(&r, &p, NULL, NULL, NULL, &err), MADRIGAL_EMISSING);
	assert_non_null(strstr(err.message, "make voice"));
	p = paths;
	p.soundfont = "/nonexistent.sf2";
	assert_int_equal(madrigal_make(&r, &p, NULL, NULL, NULL, &err), MADRIGAL_EMISSING);
	assert_non_null(strstr(err.message, "apt-get install"));
	assert_int_equal(entries(scratch), 0);
}

static void same_request_same_bytes_whatever_the_threads(void **state)
{
	(void)state;
	struct madrigal_request r = short_song();
	struct madrigal_error err = { 0 };
	char *a, *b, *c;
	size_t na, nb, nc;
	r.out_file = in_scratch("one.pcm");
	r.threads = 1;
	assert_int_equal(madrigal_make(&r, &paths, NULL, NULL, NULL, &err), 0);
	assert_int_equal(file_read(r.out_file, 1 << 28, &a, &na, NULL), 0);
	r.out_file = in_scratch("two.pcm");
	r.threads = 2;
	assert_int_equal(madrigal_make(&r, &paths, NULL, NULL, NULL, &err), 0);
	assert_int_equal(file_read(r.out_file, 1 << 28, &b, &nb, NULL), 0);
	assert_int_equal(na, nb);
	assert_memory_equal(a, b, na);
	r.out_file = in_scratch("other.pcm");
	r.seed = 2;
	assert_int_equal(madrigal_make(&r, &paths, NULL, NULL, NULL, &err), 0);
	assert_int_equal(file_read(r.out_file, 1 << 28, &c, &nc, NULL), 0);
	assert_true(nc != na || memcmp(a, c, na));
	free(a);
	free(b);
	free(c);
}

static void a_song_directory_is_complete_and_replaces_the_former(void **state)
{
	(void)state;
	static const char *const files[] = { "song.json", "song.mid", "song.musicxml", "song.lrc", "mix.mp3", "stems/vocals.wav", "stems/drums.wav" };
	struct madrigal_request r = short_song();
	struct madrigal_result result;
	struct madrigal_error err = { 0 };
	r.out_dir = in_scratch("song");
	r.format = MADRIGAL_MP3;
	char path[256];
	for (int again = 0; again < 2; again++) {
		assert_int_equal(madrigal_make(&r, &paths, NULL, NULL, &result, &err), 0);
		for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
			snprintf(path, sizeof path, "%s/%s", r.out_dir, files[i]);
			struct stat st;
			assert_int_equal(stat(path, &st), 0);
			assert_true(st.st_size > 100);
		}
		assert_int_equal(entries(scratch), 1);
		snprintf(path, sizeof path, "%s/stems/old.wav", r.out_dir);
		assert_int_equal(again ? access(path, F_OK) : file_write(path, "x", 1, NULL), again ? -1 : 0);
		snprintf(path, sizeof path, "%s/notes.txt", r.out_dir);
		assert_int_equal(again ? access(path, F_OK) : file_write(path, "x", 1, NULL), 0);
	}
	assert_true(result.loudness_lufs > -14.5 && result.loudness_lufs < -13.5);
	assert_true(result.true_peak_dbtp <= -1.0);
	assert_true(result.tempo_bpm == 184.0);
	assert_string_equal(result.key, "G major");
	assert_int_equal(result.sung_lines, 2);
}

struct stopper { double at, asked_s; int calls; };

static int stop_at(void *user, const struct madrigal_progress *p)
{
	struct stopper *s = user;
	s->calls++;
	if (p->done >= s->at && s->asked_s == 0)
		s->asked_s = now_s();
	return s->asked_s > 0;
}

static void cancel_takes_a_second_and_leaves_nothing(void **state)
{
	(void)state;
	static const double at[] = { 0.0, 0.03, 0.3, 0.65, 0.8 };
	struct madrigal_request r = short_song();
	struct madrigal_error err;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		r.out_dir = in_scratch("song");
		r.out_file = in_scratch("song.pcm");
		struct stopper s = { .at = at[i] };
		assert_int_equal(madrigal_make(&r, &paths, stop_at, &s, NULL, &err), MADRIGAL_ECANCELLED);
		double took = now_s() - s.asked_s;
		if (took > 1.0) /* sanitizers and busy machines are slow: say it, fail only far beyond */
			print_message("cancel at %.2f took %.2f s\n", at[i], took);
		assert_true(took < 10.0);
		assert_int_equal(entries(scratch), 0);
	}
}

static void a_full_disk_is_said_and_leaves_nothing(void **state)
{
	(void)state;
	struct madrigal_request r = short_song();
	struct madrigal_error err;
	struct rlimit old, small;
	r.out_dir = in_scratch("song");
	signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit then fails like one on a full disk */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 100000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int rc = madrigal_make(&r, &paths, NULL, NULL, NULL, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(rc, MADRIGAL_EIO);
	assert_non_null(strstr(err.message, "cannot write"));
	assert_int_equal(entries(scratch), 0);
}

static void a_memory_limit_is_kept(void **state)
{
	(void)state;
	struct madrigal_request r = short_song();
	struct madrigal_error err;
	r.out_dir = in_scratch("song");
	r.memory_limit_bytes = 20u << 20;
	assert_int_equal(madrigal_make(&r, &paths, NULL, NULL, NULL, &err), MADRIGAL_EMEMORY);
	assert_non_null(strstr(err.message, "20 MB"));
	assert_int_equal(entries(scratch), 0);
}

static void an_instrumental_has_no_voice(void **state)
{
	(void)state;
	struct madrigal_request r = short_song();
	struct madrigal_result result;
	struct madrigal_error err = { 0 };
	char path[256];
	r.instrumental = 1;
	r.duration_s = 20;
	r.out_dir = in_scratch("song");
	assert_int_equal(madrigal_make(&r, &paths, NULL, NULL, &result, &err), 0);
	assert_int_equal(result.sung_lines, 0);
	assert_string_equal(result.voice, "");
	assert_true(result.duration_s > 14 && result.duration_s < 30);
	snprintf(path, sizeof path, "%s/stems/vocals.wav", r.out_dir);
	assert_int_equal(access(path, F_OK), -1);
	char *json;
	size_t n;
	snprintf(path, sizeof path, "%s/song.json", r.out_dir);
	assert_int_equal(file_read(path, 1 << 24, &json, &n, NULL), 0);
	assert_null(strstr(json, "wishes"));
	free(json);
}

/* ---- streaming ---- */

static const char six_lines[] = "[Verse]\nPaper boats along the river\nCarry wishes to the sea\nEvery lantern burns a little\nEvery one is lit for me\n"
                                "[Chorus]\nSail away, sail away\nTake the morning home with you\n";

/* What is in the stream file is read whenever progress is told. */
struct follower {
	const char *path;
	char *seen;
	size_t n;
	int early; /* times that there was sound while lines were still being sung */
};

static int follow(void *user, const struct madrigal_progress *p)
{
	struct follower *f = user;
	char *now;
	size_t n;
	if (file_read(f->path, 1 << 28, &now, &n, NULL))
		return 0;
	assert_true(n >= f->n);
	if (f->n)
		assert_memory_equal(now, f->seen, f->n);
	free(f->seen);
	f->seen = now;
	f->n = n;
	f->early += n > 0 && !strcmp(p->stage, "sing");
	return 0;
}

static void same_files(const char *a, const char *b)
{
	char *x, *y;
	size_t nx, ny;
	assert_int_equal(file_read(a, 1 << 28, &x, &nx, NULL), 0);
	assert_int_equal(file_read(b, 1 << 28, &y, &ny, NULL), 0);
	assert_int_equal(nx, ny);
	assert_memory_equal(x, y, nx);
	free(x);
	free(y);
}

static void a_stream_grows_and_is_the_master(void **state)
{
	(void)state;
	struct madrigal_request r = short_song();
	struct madrigal_result result;
	struct madrigal_error err = { 0 };
	char path[256];
	struct follower f = { .path = in_scratch("stream.mp3") };
	r.lyrics = six_lines;
	r.format = MADRIGAL_MP3;
	r.out_dir = in_scratch("song");
	r.out_file = in_scratch("song.mp3");
	r.stream_file = f.path;
	if (madrigal_make(&r, &paths, follow, &f, &result, &err))
		fail_msg("%s", err.message);
	assert_true(f.early > 0);
	assert_true(result.first_sound_s > 0);
	same_files(r.stream_file, r.out_file);
	snprintf(path, sizeof path, "%s/mix.mp3", r.out_dir);
	same_files(r.stream_file, path);
	snprintf(path, sizeof path, "%s/stems/vocals.wav", r.out_dir);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(result.loudness_lufs > -14.5 && result.loudness_lufs < -13.5);
	assert_true(result.true_peak_dbtp <= -1.0);
	free(f.seen);
}

static void streamed_twice_the_same_bytes_whatever_the_threads(void **state)
{
	(void)state;
	static const enum madrigal_format formats[] = { MADRIGAL_WAV, MADRIGAL_FLAC };
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		struct madrigal_request r = short_song();
		struct madrigal_result result;
		struct madrigal_error err = { 0 };
		char *path[2] = { strdup(in_scratch("one")), strdup(in_scratch("two")) };
		r.format = formats[i];
		for (int k = 0; k < 2; k++) {
			r.stream_file = path[k];
			r.threads = k + 1;
			if (madrigal_make(&r, &paths, NULL, NULL, &result, &err))
				fail_msg("%s", err.message);
			assert_true(result.loudness_lufs > -14.5 && result.loudness_lufs < -13.5 && result.true_peak_dbtp <= -1.0);
		}
		same_files(path[0], path[1]);
		free(path[0]);
		free(path[1]);
	}
}

static void a_stream_that_fails_is_removed(void **state)
{
	(void)state;
	static const double at[] = { 0.03, 0.5, 0.8 };
	struct madrigal_request r = short_song();
	struct madrigal_error err;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		r.stream_file = in_scratch("stream.pcm");
		struct stopper s = { .at = at[i] };
		assert_int_equal(madrigal_make(&r, &paths, stop_at, &s, NULL, &err), MADRIGAL_ECANCELLED);
		double took = now_s() - s.asked_s;
		if (took > 1.0)
			print_message("cancel at %.2f took %.2f s\n", at[i], took);
		assert_true(took < 10.0);
		assert_int_equal(entries(scratch), 0);
	}
	struct rlimit old, small;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 100000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int rc = madrigal_make(&r, &paths, NULL, NULL, NULL, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(rc, MADRIGAL_EIO);
	assert_non_null(strstr(err.message, "cannot write"));
	assert_int_equal(entries(scratch), 0);
	assert_true((r.stream_file = "/proc/none/stream", fails(r, MADRIGAL_EIO, "/proc/none")));
}

static void an_instrumental_streams(void **state)
{
	(void)state;
	struct madrigal_request r = short_song();
	struct madrigal_result result;
	struct madrigal_error err = { 0 };
	r.instrumental = 1;
	r.duration_s = 30;
	r.stream_file = in_scratch("stream.pcm");
	if (madrigal_make(&r, &paths, NULL, NULL, &result, &err))
		fail_msg("%s", err.message);
	struct stat st;
	assert_int_equal(stat(r.stream_file, &st), 0);
	assert_true(llabs((long long)st.st_size / 4 - llround(result.duration_s * r.sample_rate)) <= 1);
	assert_true(result.loudness_lufs > -14.5 && result.loudness_lufs < -13.5 && result.true_peak_dbtp <= -1.0);
}

static int count_entry(void *user, const struct madrigal_entry *e)
{
	assert_true(*e->name && *e->title && *e->description);
	++*(int *)user;
	return 0;
}

static void styles_and_voices_are_listed(void **state)
{
	(void)state;
	int n = 0;
	assert_int_equal(madrigal_each_style(&paths, count_entry, &n, NULL), 0);
	assert_true(n >= 4);
	n = 0;
	assert_int_equal(madrigal_each_voice(&paths, count_entry, &n, NULL), 0);
	assert_true(n >= 8);
}

int main(void)
{
#define in_folder(f) cmocka_unit_test_setup_teardown(f, make_scratch, drop_scratch)
	const struct CMUnitTest tests[] = {
		in_folder(wrong_requests_say_what_is_wrong),
		in_folder(missing_parts_name_the_command_that_installs_them),
		in_folder(same_request_same_bytes_whatever_the_threads),
		in_folder(a_song_directory_is_complete_and_replaces_the_former),
		in_folder(cancel_takes_a_second_and_leaves_nothing),
		in_folder(a_full_disk_is_said_and_leaves_nothing),
		in_folder(a_memory_limit_is_kept),
		in_folder(an_instrumental_has_no_voice),
		in_folder(a_stream_grows_and_is_the_master),
		in_folder(streamed_twice_the_same_bytes_whatever_the_threads),
		in_folder(a_stream_that_fails_is_removed),
		in_folder(an_instrumental_streams),
		cmocka_unit_test(styles_and_voices_are_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
