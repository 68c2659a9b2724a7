/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/rng.h"

static void buffer_stops_at_its_ceiling(void **state)
{
	(void)state;
	struct buf b = buf_init(10);
	buf_adds(&b, "12345");
	buf_addf(&b, "%d", 67890);
	assert_string_equal(buf_str(&b), "1234567890");
	buf_addc(&b, 'x');
	assert_int_equal(b.failed, MADRIGAL_EMEMORY);
	assert_int_equal(b.len, 0);
	buf_adds(&b, "y");
	assert_string_equal(buf_str(&b), "");
	buf_release(&b);
}

static void random_streams_are_fixed_and_apart(void **state)
{
	(void)state;
	struct rng a = rng_stream(7, "melody", 0), b = rng_stream(7, "melody", 0), c = rng_stream(7, "melody", 1), d = rng_stream(7, "drums", 0);
	int same_c = 0, same_d = 0;
	for (int i = 0; i < 1000; i++) {
		uint32_t x = rng_u32(&a);
		assert_int_equal(x, rng_u32(&b));
		same_c += x == rng_u32(&c);
		same_d += x == rng_u32(&d);
	}
	assert_int_equal(same_c, 0);
	assert_int_equal(same_d, 0);
	float w[3] = { 0, 3, 1 };
	int count[3] = { 0 };
	for (int i = 0; i < 4000; i++)
		count[rng_weighted(&a, w, 3)]++;
	assert_int_equal(count[0], 0);
	assert_in_range(count[1], 2850, 3150);
	double mean = 0, var = 0;
	for (int i = 0; i < 20000; i++) {
		double g = (double)rng_gauss(&a);
		mean += g;
		var += g * g;
	}
	assert_true(mean / 20000 > -0.03 && mean / 20000 < 0.03);
	assert_true(var / 20000 > 0.93 && var / 20000 < 1.05);
}

struct sum { atomic_int total; int fail_at; };

static int add_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)worker;
	struct sum *s = ctx;
	if (index == s->fail_at)
		return err_set(err, MADRIGAL_EIO, "job %d", index);
	atomic_fetch_add(&s->total, index);
	return 0;
}

static void pool_runs_all_and_reports_the_first_failure(void **state)
{
	(void)state;
	for (int threads = 1; threads <= 4; threads++) {
		struct sum s = { .fail_at = -1 };
		assert_int_equal(pool_run(threads, 100, add_job, &s, NULL, NULL, NULL, NULL), 0);
		assert_int_equal(s.total, 4950);
		s.fail_at = 3;
		struct madrigal_error err;
		assert_int_equal(pool_run(threads, 100, add_job, &s, NULL, NULL, NULL, &err), MADRIGAL_EIO);
		assert_string_equal(err.message, "job 3");
	}
}

/* Job 0 works until it is cancelled, because job 1 fails. */
static int fail_together(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)worker;
	if (index == 1)
		return err_set(err, MADRIGAL_EIO, "the cause");
	for (int i = 0; i < 500 && !cancelled(ctx); i++)
		usleep(10000);
	return err_set(err, MADRIGAL_ECANCELLED, "cancelled");
}

static void pool_reports_the_cause_not_who_was_cancelled_by_it(void **state)
{
	(void)state;
	cancel_flag flag = 0;
	struct madrigal_error err;
	assert_int_equal(pool_run(2, 2, fail_together, &flag, NULL, NULL, &flag, &err), MADRIGAL_EIO);
	assert_string_equal(err.message, "the cause");
}

static int slow_job(void *ctx, int index, int worker, struct madrigal_error *err)
{
	(void)ctx, (void)index, (void)worker, (void)err;
	usleep(20000);
	return 0;
}

static int stop_now(void *ctx, int finished, int n)
{
	(void)finished, (void)n;
	++*(int *)ctx;
	return 1;
}

static void pool_is_cancelled_by_its_tick(void **state)
{
	(void)state;
	int ticks = 0;
	cancel_flag flag = 0;
	assert_int_equal(pool_run(2, 1000, slow_job, NULL, stop_now, &ticks, &flag, NULL), MADRIGAL_ECANCELLED);
	assert_true(ticks >= 1);
}

static void files_are_written_whole_or_not_at_all(void **state)
{
	(void)state;
	char dir[] = "/tmp/madrigal-test-XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a", dir);
	assert_int_equal(file_write(path, "hello", 5, NULL), 0);
	char *data;
	size_t n;
	assert_int_equal(file_read(path, 5, &data, &n, NULL), 0);
	assert_int_equal(n, 5);
	assert_string_equal(data, "hello");
	free(data);
	struct madrigal_error err;
	assert_int_equal(file_read(path, 4, &data, &n, &err), MADRIGAL_EIO);
	assert_non_null(strstr(err.message, "too large"));
	assert_int_equal(file_read(dir, 4, &data, &n, &err), MADRIGAL_EIO);
	unlink(path);
	snprintf(path, sizeof path, "%s/none/a", dir);
	assert_int_equal(file_write(path, "hello", 5, &err), MADRIGAL_EIO);
	assert_int_equal(rmdir(dir), 0);
}

static void a_pipe_is_written_to_and_stays_one(void **state)
{
	(void)state;
	char dir[] = "/tmp/madrigal-test-XXXXXX", path[64], got[8] = "";
	struct stat st;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	int fd = open(path, O_RDWR);
	assert_int_equal(file_write(path, "hello", 5, NULL), 0);
	assert_int_equal(read(fd, got, sizeof got), 5);
	assert_string_equal(got, "hello");
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	close(fd);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_stops_at_its_ceiling),
		cmocka_unit_test(random_streams_are_fixed_and_apart),
		cmocka_unit_test(pool_runs_all_and_reports_the_first_failure),
		cmocka_unit_test(pool_reports_the_cause_not_who_was_cancelled_by_it),
		cmocka_unit_test(pool_is_cancelled_by_its_tick),
		cmocka_unit_test(files_are_written_whole_or_not_at_all),
		cmocka_unit_test(a_pipe_is_written_to_and_stays_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
