/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker with a stand-in for the engine: what becomes of a job whatever happens to who makes it. And one song that is really sung. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "store/folder.h"
#include "store/sql.h"
#include "worker/internal.h"

static char data[64], key[64];
static struct store *s;
static int64_t account;

static int setup(void **state)
{
	(void)state;
	snprintf(data, sizeof data, "/tmp/madrigal-worker-XXXXXX");
	return !mkdtemp(data) || store_open(data, &s, NULL) || account_new(s, NULL, 1000, NULL, key, &account, NULL);
}

static int teardown(void **state)
{
	(void)state;
	store_close(s);
	return folder_remove(data, 8, NULL);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void submit(const char *request, char id[QUEUE_ID_MAX + 1])
{
	const struct job_new j = { .account = account, .model = "madrigal/one", .family = "madrigal", .request = request, .price = 100 };
	int again;
	assert_int_equal(queue_submit(s, &j, id, &again, NULL), 0);
}

static struct job peek(const char *id)
{
	struct job j;
	assert_int_equal(queue_peek(s, id, 0, &j, NULL), 0);
	return j;
}

static int64_t balance(void)
{
	struct account a;
	assert_int_equal(account_by_key(s, key, &a, NULL), 0);
	return a.credits;
}

static int64_t number(struct store *h, const char *sql)
{
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_prepare_v2(h->db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* ---- the stand-in ---- */

static struct madrigal_request asked;  /* what it was last asked for */
static char streamed_to[512];          /* its stream_file, or "" */
static int refusal;                    /* the status that it ends with */
static double song_s, work_s;          /* how long its songs are, and how long it takes */
static double least_tempo;             /* at which the words fit a length that is asked for */
static int made_at_nice;               /* the priority of who makes them */

static int write_song(const struct madrigal_request *req, struct madrigal_error *err)
{
	static const char *const extensions[] = { "mp3", "wav", "flac", "pcm" };
	char path[512];
	int rc = mkdir(req->out_dir, 0700) ? err_set(err, MADRIGAL_EIO, "mkdir: %s", strerror(errno)) : 0;
	snprintf(path, sizeof path, "%s/stems", req->out_dir);
	if (!rc && mkdir(path, 0700))
		rc = err_set(err, MADRIGAL_EIO, "mkdir: %s", strerror(errno));
	snprintf(path, sizeof path, "%s/mix.%s", req->out_dir, extensions[req->format]);
	if (!rc)
		rc = file_write(path, "sound", 5, err);
	snprintf(path, sizeof path, "%s/song.json", req->out_dir);
	if (!rc)
		rc = file_write(path, "{}", 2, err);
	if (!rc && req->stream_file)
		rc = file_write(req->stream_file, "sound", 5, err);
	snprintf(path, sizeof path, "%s/stems/bass.wav", req->out_dir);
	return rc ? rc : file_write(path, "boom", 4, err);
}

static int stand_in(const struct madrigal_request *req, const struct madrigal_paths *paths, madrigal_progress_fn *fn, void *user, struct madrigal_result *ret,
                    struct madrigal_error *err)
{
	(void)paths;
	asked = *req;
	made_at_nice = getpriority(PRIO_PROCESS, (id_t)gettid());
	snprintf(streamed_to, sizeof streamed_to, "%s", req->stream_file ? req->stream_file : "");
	for (double began_s = worker_now_s(), t = 0; t < work_s; pause_ms(20)) {
		t = worker_now_s() - began_s;
		const struct madrigal_progress p = { "sing", fmin(t / work_s, 1), t };
		if (fn(user, &p))
			return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
	}
	*ret = (struct madrigal_result){ .title = "A song", .style = "rock", .key = "E minor", .time_signature = "4/4", .tempo_bpm = 120,
	                                 .duration_s = req->duration_s > 0 ? req->duration_s : song_s, .loudness_lufs = -14, .true_peak_dbtp = -1 };
	if (req->duration_s > 0 && req->tempo_bpm < least_tempo)
		return err_set(err, MADRIGAL_EUSAGE, "a faster tempo or fewer lines");
	if (refusal)
		return err_set(err, refusal, "/secret/path: the engine's own words");
	return req->score_only ? 0 : write_song(req, err);
}

static atomic_int stop;
static const struct worker_hooks hooks = { stand_in, 0.05 };

static int run(void)
{
	const struct worker_config c = { .data_dir = data, .wake_fd = -1, .once = 1 };
	return worker_run_with(&c, &hooks, &stop, 20, NULL);
}

static int reset(void **state)
{
	refusal = 0;
	song_s = 100;
	work_s = least_tempo = 0;
	stop = 0;
	return setup(state);
}

static void nothing_in_the_spool(void)
{
	char path[96];
	snprintf(path, sizeof path, "%s/spool", data);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* ---- requests ---- */

static void a_request_is_read_and_written_back(void **state)
{
	(void)state;
	static const char text[] = "{\"lyrics\":\"la \\u00e9\",\"prompt\":\"rock\",\"seed\":-1,\"duration_s\":30,\"format\":\"wav\",\"sample_rate\":24000,\"channels\":1,"
	                           "\"stems\":false,\"instrumental\":true,\"title\":null,\"later\":[1],\"reference\":{\"url\":\"https://example.com/a.mp3\"}}";
	struct song_request r, again;
	char *json, *json_again;
	assert_int_equal(song_request_parse(text, &r, NULL), 0);
	assert_string_equal(r.lyrics, "la \xc3\xa9");
	assert_null(r.title);
	assert_true(r.seed == UINT64_MAX && r.duration_s == 30 && r.max_duration_s == 300 && r.sample_rate == 24000 && r.channels == 1);
	assert_true(!r.stems && r.instrumental && r.bitrate == 256000);
	assert_string_equal(r.reference_url, "https://example.com/a.mp3");
	assert_int_equal(song_request_write(&r, &json, NULL), 0);
	assert_int_equal(song_request_parse(json, &again, NULL), 0);
	assert_int_equal(song_request_write(&again, &json_again, NULL), 0);
	assert_string_equal(json, json_again);
	free(json), free(json_again);
	song_request_release(&r);
	song_request_release(&again);
}

static void wrong_requests_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "[]", "{", "{\"lyrics\":1}", "{\"lyrics\":\"a\",\"lyrics\":\"b\"}", "{\"seed\":1.5}", "{\"seed\":\"1\"}", "{\"stems\":1}", "{\"channels\":3}",
		"{\"channels\":1.0}", "{\"format\":\"ogg\"}", "{\"duration_s\":-1}", "{\"duration_s\":301}", "{\"max_duration_s\":0}", "{\"tempo_bpm\":1e9}",
		"{\"bitrate\":0}", "{\"reference\":1}", "{\"reference\":{}}", "{\"reference\":{\"url\":1}}", "{\"reference\":{\"url\":\"a\",\"upload\":\"b\"}}",
		"{\"lyrics\":\"\\ud800\"}", "{\"lyrics\":\"a\\u0000b\"}", "{\"lyrics\":\"\xff\"}",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct song_request r;
		if (song_request_parse(wrong[i], &r, NULL) != MADRIGAL_EUSAGE)
			fail_msg("accepted: %s", wrong[i]);
	}
}

/* ---- what becomes of a job ---- */

static void a_song_is_made_and_stored(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	struct job j;
	submit("{\"lyrics\":\"la la\",\"prompt\":\"rock\",\"seed\":7,\"format\":\"flac\",\"channels\":1,\"sample_rate\":24000}", id);
	assert_int_equal(run(), 0);
	assert_true(asked.seed == 7 && asked.format == MADRIGAL_FLAC && asked.channels == 1 && asked.sample_rate == 24000);
	assert_int_equal(queue_get(s, id, account, &j, NULL), 0);
	assert_int_equal(j.state, JOB_DONE);
	assert_int_equal(j.n_files, 3);
	assert_string_equal(j.files[0].name, "audio");
	assert_string_equal(j.files[0].content_type, "audio/flac");
	assert_string_equal(j.files[1].name, "song.json");
	assert_string_equal(j.files[2].name, "stems/bass.wav");
	for (int i = 0; i < j.n_files; i++) {
		int fd;
		uint64_t size;
		assert_int_equal(store_file_open(s, j.files[i].file.hash, &fd, &size, NULL), 0);
		assert_int_equal(size, j.files[i].file.size);
		close(fd);
	}
	assert_non_null(strstr(j.result, "\"duration_ms\":100000"));
	assert_non_null(strstr(j.result, "\"size\":5"));
	assert_non_null(strstr(j.result, "\"seed\":7"));
	job_release(&j);
	assert_int_equal(balance(), 900);
	nothing_in_the_spool();
}

static void a_song_is_no_longer_than_allowed(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	submit("{\"lyrics\":\"la\",\"max_duration_s\":60}", id);
	assert_int_equal(run(), 0);
	/* 100 s are too many: 60 less a bar of 4/4 at 120 bpm */
	assert_true(asked.duration_s == 58 && !asked.score_only);
	song_s = 59;
	submit("{\"lyrics\":\"la\",\"max_duration_s\":60}", id);
	assert_int_equal(run(), 0);
	assert_true(asked.duration_s == 0 && !asked.score_only);
}

static void failures_have_names_and_tell_no_secrets(void **state)
{
	(void)state;
	static const struct { int status; const char *name; int tries, secret; } expected[] = {
		{ MADRIGAL_ELYRICS, "lyrics_error", 1, 1 }, { MADRIGAL_ESTYLE, "style_error", 1, 1 },          { MADRIGAL_EUSAGE, "request_error", 1, 1 },
		{ MADRIGAL_EINTERNAL, "engine_error", 1, 0 }, { MADRIGAL_EMEMORY, "out_of_memory", 3, 0 },     { MADRIGAL_EIO, "storage_error", 3, 0 },
		{ MADRIGAL_EMISSING, "not_installed", 1, 0 },
	};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		char id[QUEUE_ID_MAX + 1];
		refusal = expected[i].status;
		submit("{\"lyrics\":\"la\"}", id);
		assert_int_equal(run(), 0);
		struct job j = peek(id);
		assert_int_equal(j.state, JOB_FAILED);
		assert_string_equal(j.error_name, expected[i].name);
		assert_int_equal(j.tries, expected[i].tries);
		assert_int_equal(strstr(j.error_message, "secret") != NULL, expected[i].secret);
		assert_true(*j.error_message);
	}
	char id[QUEUE_ID_MAX + 1];
	submit("not JSON", id);
	assert_int_equal(run(), 0);
	assert_string_equal(peek(id).error_name, "request_error");
	assert_int_equal(balance(), 1000);
	nothing_in_the_spool();
}

/* ---- a worker on a thread of its own ---- */

static void *run_on(void *grace)
{
	const struct worker_config c = { .data_dir = data, .wake_fd = -1 };
	return (void *)(intptr_t)worker_run_with(&c, &hooks, &stop, *(double *)grace, NULL);
}

static void until_state(const char *id, enum job_state wanted)
{
	for (int i = 0; i < 3000 && peek(id).state != wanted; i++)
		pause_ms(10);
	assert_int_equal(peek(id).state, wanted);
}

static void join(pthread_t thread)
{
	void *rc;
	pthread_join(thread, &rc);
	assert_null(rc);
}

static void a_cancelled_song_stops_and_the_next_begins(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1], next[QUEUE_ID_MAX + 1];
	double grace_s = 0;
	pthread_t thread;
	work_s = 1000;
	submit("{\"lyrics\":\"la\"}", id);
	assert_int_equal(pthread_create(&thread, NULL, run_on, &grace_s), 0);
	until_state(id, JOB_RUNNING);
	for (int i = 0; i < 3000 && !(peek(id).progress > 0 || *peek(id).stage); i++)
		pause_ms(10);
	submit("{\"lyrics\":\"la\"}", next);
	assert_int_equal(queue_cancel(s, id, account, NULL), 0);
	until_state(next, JOB_RUNNING);
	assert_int_equal(peek(id).state, JOB_CANCELLED);
	/* A stop hands back at once when there is no grace. */
	stop = 1;
	join(thread);
	assert_int_equal(peek(next).state, JOB_QUEUED);
	assert_int_equal(peek(next).tries, 0);
	assert_int_equal(balance(), 1000);
	nothing_in_the_spool();
}

static void a_stop_lets_a_song_finish_within_the_grace(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1], next[QUEUE_ID_MAX + 1];
	double grace_s = 100;
	pthread_t thread;
	work_s = 0.5;
	submit("{\"lyrics\":\"la\"}", id);
	submit("{\"lyrics\":\"la\"}", next);
	assert_int_equal(pthread_create(&thread, NULL, run_on, &grace_s), 0);
	until_state(id, JOB_RUNNING);
	stop = 1;
	join(thread);
	assert_int_equal(peek(id).state, JOB_DONE);
	assert_int_equal(peek(next).state, JOB_QUEUED);
}

static void a_byte_wakes_and_a_closed_pipe_is_the_end(void **state)
{
	(void)state;
	int pipe_fd[2];
	char id[QUEUE_ID_MAX + 1];
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(write(pipe_fd[1], "x", 1), 1);
	close(pipe_fd[1]);
	submit("{\"lyrics\":\"la\"}", id);
	const struct worker_config c = { .data_dir = data, .wake_fd = pipe_fd[0], .once = 1 };
	assert_int_equal(worker_run_with(&c, &hooks, &stop, 1, NULL), 0);
	assert_int_equal(peek(id).state, JOB_DONE);
	/* Without --once its end is ours. */
	submit("{\"lyrics\":\"la\"}", id);
	const struct worker_config forsaken = { .data_dir = data, .wake_fd = pipe_fd[0] };
	assert_int_equal(worker_run_with(&forsaken, &hooks, &stop, 1, NULL), 0);
	assert_int_equal(peek(id).state, JOB_QUEUED);
	close(pipe_fd[0]);
}

/* ---- a full disk ---- */

static int no_room(const struct madrigal_request *req, const struct madrigal_paths *paths, madrigal_progress_fn *fn, void *user, struct madrigal_result *ret,
                   struct madrigal_error *err)
{
	static int times;
	if (++times > 5)
		stop = 1;
	(void)req, (void)paths, (void)fn, (void)user, (void)ret;
	return err_set(err, MADRIGAL_EIO, "cannot write mix.mp3: %s", strerror(ENOSPC));
}

static void a_full_disk_costs_no_try(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	static const struct worker_hooks full = { no_room, 0.01 };
	const struct worker_config c = { .data_dir = data, .wake_fd = -1 };
	submit("{\"lyrics\":\"la\"}", id);
	assert_int_equal(worker_run_with(&c, &full, &stop, 0, NULL), 0);
	assert_int_equal(peek(id).state, JOB_QUEUED);
	assert_int_equal(peek(id).tries, 0);
	stop = 0;
	assert_int_equal(run(), 0);
	assert_int_equal(peek(id).state, JOB_DONE);
}

/* ---- killed at any moment ---- */

enum { KILLS = 200 };

static void submit_for_ever(int acknowledged)
{
	struct store *own;
	if (store_open(data, &own, NULL))
		_exit(1);
	for (int i = 0;; i++) {
		char id[QUEUE_ID_MAX + 1] = "";
		const struct job_new j = { .account = account, .model = "m", .family = "f", .request = "{\"lyrics\":\"la\"}", .price = 1 };
		int again;
		if (queue_submit(own, &j, id, &again, NULL) == 0 && write(acknowledged, id, 21) != 21)
			_exit(2);
		pause_ms(1);
	}
}

static void work_for_ever(void)
{
	const struct worker_config c = { .data_dir = data, .wake_fd = -1 };
	_exit(worker_run_with(&c, &hooks, &stop, 0, NULL) ? 1 : 0);
}

static pid_t start(int acknowledged, int submits)
{
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (submits)
			submit_for_ever(acknowledged);
		work_for_ever();
	}
	return pid;
}

static void end(pid_t pid)
{
	int status;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void check_acknowledged(int fd)
{
	char id[22] = "";
	int n = 0;
	for (; read(fd, id, 21) == 21; n++)
		assert_int_equal(peek(id).state, JOB_DONE);
	assert_true(n > 0);
}

static void kill_9_loses_nothing_and_charges_once(void **state)
{
	(void)state;
	char path[96];
	snprintf(path, sizeof path, "%s/acknowledged", data);
	FILE *acknowledged = fopen(path, "w+e");
	assert_non_null(acknowledged);
	assert_int_equal(account_new(s, NULL, 1000000, NULL, key, &account, NULL), 0);
	store_close(s); /* children must not inherit an open database */
	s = NULL;
	unsigned random = 7;
	for (int i = 0; i < KILLS; i++) {
		int submits = i % 4 == 0; /* workers have more moments to die in */
		pid_t pid = start(fileno(acknowledged), submits);
		pause_ms(3 + rand_r(&random) % 25);
		end(pid);
		if (submits)
			continue;
		/* Nobody waits 30 s for a lease here. Killed so often, jobs would use up their tries: that they do is another test. */
		assert_int_equal(store_open(data, &s, NULL), 0);
		assert_int_equal(sqlite3_exec(s->db, "UPDATE job SET lease_until_ms = 1, tries = 0 WHERE state = 'running'", NULL, NULL, NULL), SQLITE_OK);
		store_close(s);
		s = NULL;
	}
	assert_int_equal(run(), 0);
	assert_int_equal(store_open(data, &s, NULL), 0);
	rewind(acknowledged);
	check_acknowledged(fileno(acknowledged));
	fclose(acknowledged);
	int64_t jobs = number(s, "SELECT count(*) FROM job");
	assert_int_equal(number(s, "SELECT count(*) FROM job WHERE state = 'done'"), jobs);
	assert_int_equal(number(s, "SELECT count(*) FROM ledger WHERE kind = 'MODEL_USAGE'"), jobs);
	assert_int_equal(number(s, "SELECT count(DISTINCT reference) FROM ledger WHERE kind = 'MODEL_USAGE'"), jobs);
	assert_int_equal(balance(), 1000000 - jobs);
	assert_int_equal(number(s, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	assert_int_equal(number(s, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	/* What the dead have left is swept, what was stored stays. */
	assert_int_equal(store_sweep(s, 0, 1000, NULL), 0);
	nothing_in_the_spool();
	assert_int_equal(number(s, "SELECT count(DISTINCT hash) FROM job_file"), 3);
	sqlite3_stmt *st;
	assert_int_equal(sql_bind(s, &st, NULL, "SELECT DISTINCT hash FROM job_file", ""), 0);
	while (sql_step(s, st, NULL) == 1) {
		int fd;
		uint64_t size;
		assert_int_equal(store_file_open(s, (const char *)sqlite3_column_text(st, 0), &fd, &size, NULL), 0);
		close(fd);
	}
	sql_end(st);
}

/* ---- the real engine ---- */

static void two_lines_are_sung(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	struct job j;
	const struct worker_config c = { .data_dir = data, .wake_fd = -1, .once = 1 };
	setenv("MADRIGAL_SHARE", TEST_SHARE_DIR, 1);
	submit("{\"lyrics\":\"[Verse]\\nPaper boats along the river\\nCarry wishes to the sea\\n\",\"prompt\":\"pop ballad, 168 bpm\",\"format\":\"wav\",\"channels\":1,"
	       "\"sample_rate\":16000,\"max_duration_s\":60}", id);
	assert_int_equal(worker_run(&c, &stop, 20, NULL), 0);
	assert_int_equal(queue_get(s, id, account, &j, NULL), 0);
	if (j.state != JOB_DONE)
		fail_msg("%s: %s", j.error_name, j.error_message);
	assert_true(j.n_files >= 8);
	assert_string_equal(j.files[0].content_type, "audio/wav");
	const char *duration = strstr(j.result, "\"duration_ms\":");
	assert_non_null(duration);
	/* 16 bits of one channel, and a header */
	double expected = atof(duration + 14) / 1000 * 16000 * 2;
	assert_true(fabs((double)j.files[0].file.size - expected) < 16000);
	job_release(&j);
	nothing_in_the_spool();
}

static void a_stream_grows_where_readers_look_for_it_and_is_gone_in_the_end(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1], path[512];
	submit("{\"lyrics\":\"la\",\"stream\":true,\"max_duration_s\":50}", id);
	assert_int_equal(run(), 0);
	worker_stream_path(s, id, path, sizeof path);
	assert_string_equal(streamed_to, path);
	nothing_in_the_spool();
	submit("{\"lyrics\":\"la\"}", id);
	assert_int_equal(run(), 0);
	assert_string_equal(streamed_to, "");
}

/* The seeds' own lyrics for music-01 are too long for its minute at a slow reference's tempo. */
static void lyrics_that_do_not_fit_are_sung_faster(void **state)
{
	(void)state;
	static const char request[] = "{\"lyrics\":\"la\",\"max_duration_s\":60}";
	char id[QUEUE_ID_MAX + 1];
	least_tempo = 150; /* the stand-in's songs have 120 */
	submit(request, id);
	assert_int_equal(run(), 0);
	assert_true(asked.tempo_bpm == 156 && asked.duration_s == 58 && balance() == 900);
	least_tempo = 200; /* more than half as fast again */
	submit(request, id);
	assert_int_equal(run(), 0);
	struct job j = peek(id);
	assert_int_equal(j.state, JOB_FAILED);
	assert_string_equal(j.error_name, "request_error");
	job_release(&j);
	least_tempo = 100; /* a tempo that was asked for is kept */
	submit("{\"lyrics\":\"la\",\"max_duration_s\":60,\"tempo_bpm\":90}", id);
	assert_int_equal(run(), 0);
	j = peek(id);
	assert_true(j.state == JOB_FAILED && asked.tempo_bpm == 90);
	job_release(&j);
}

/* Who writes to the database must not wait for the processor with its lock in hand. */
static void only_the_making_gives_way(void **state)
{
	(void)state;
	char id[QUEUE_ID_MAX + 1];
	int before = getpriority(PRIO_PROCESS, (id_t)gettid());
	submit("{\"lyrics\":\"la\"}", id);
	assert_int_equal(run(), 0);
	assert_int_equal(made_at_nice, before > 10 ? before : 10);
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)gettid()), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, reset, teardown)
		cmocka_unit_test(a_request_is_read_and_written_back),
		cmocka_unit_test(wrong_requests_are_refused),
		T(only_the_making_gives_way),
		T(lyrics_that_do_not_fit_are_sung_faster),
		T(a_stream_grows_where_readers_look_for_it_and_is_gone_in_the_end),
		T(a_song_is_made_and_stored),
		T(a_song_is_no_longer_than_allowed),
		T(failures_have_names_and_tell_no_secrets),
		T(a_cancelled_song_stops_and_the_next_begins),
		T(a_stop_lets_a_song_finish_within_the_grace),
		T(a_byte_wakes_and_a_closed_pipe_is_the_end),
		T(a_full_disk_costs_no_try),
		T(kill_9_loses_nothing_and_charges_once),
		T(two_lines_are_sung),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
