/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store: what is in it stays, what goes wrong is said, and nothing else is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
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

#include "store/folder.h"
#include "store/sql.h"

static char scratch[64], data[96];

static int make_scratch(void **state)
{
	(void)state;
	snprintf(scratch, sizeof scratch, "/tmp/madrigal-store-XXXXXX");
	if (!mkdtemp(scratch))
		return -1;
	chmod(scratch, 0755);
	snprintf(data, sizeof data, "%s/data", scratch);
	return 0;
}

static int drop_scratch(void **state)
{
	(void)state;
	return folder_remove(scratch, 8, NULL);
}

static struct store *open_store(void)
{
	struct store *s = NULL;
	struct madrigal_error err = { 0 };
	if (store_open(data, &s, &err))
		fail_msg("%s", err.message);
	return s;
}

static const char *in_data(const char *name)
{
	static char path[4][256];
	static int i;
	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", data, name);
	return path[i];
}

static struct stored_file add(struct store *s, const char *text)
{
	char *path;
	int fd;
	struct stored_file f;
	assert_int_equal(store_spool(s, "", &fd, &path, NULL), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(store_file_add(s, path, &f, NULL), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	close(fd);
	free(path);
	return f;
}

static int there(const struct store *s, const char *hash)
{
	int fd;
	uint64_t size;
	if (store_file_open(s, hash, &fd, &size, NULL))
		return 0;
	close(fd);
	return 1;
}

static void make_old(const char *path)
{
	struct timespec t[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void make_stored_old(const char *hash)
{
	char name[96];
	snprintf(name, sizeof name, "files/%.2s/%s", hash, hash);
	make_old(in_data(name));
}

static void a_store_is_private_and_opens_again(void **state)
{
	(void)state;
	struct stat st;
	struct store *s = open_store(), *again = open_store();
	assert_memory_equal(s->secret, again->secret, sizeof s->secret);
	assert_int_equal(stat(data, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	const char *const files[] = { "secret", "madrigal.db", "madrigal.db-wal" };
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stat(in_data(files[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	int64_t value;
	assert_int_equal(sql_int(s, &value, NULL, "PRAGMA synchronous", ""), 0);
	assert_int_equal(value, 2);
	assert_int_equal(sql_int(s, &value, NULL, "PRAGMA foreign_keys", ""), 0);
	assert_int_equal(value, 1);
	store_close(again);
	store_close(s);
	store_close(NULL);
}

static void *open_one(void *ret)
{
	return (void *)(intptr_t)store_open(data, ret, NULL);
}

static void many_may_make_it_at_once(void **state)
{
	(void)state;
	enum { N = 12 };
	pthread_t thread[N];
	struct store *s[N] = { 0 };
	for (int i = 0; i < N; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, open_one, &s[i]), 0);
	for (int i = 0; i < N; i++) {
		void *rc;
		pthread_join(thread[i], &rc);
		assert_null(rc);
	}
	for (int i = 1; i < N; i++)
		assert_memory_equal(s[0]->secret, s[i]->secret, sizeof s[0]->secret);
	for (int i = 0; i < N; i++)
		store_close(s[i]);
}

static void a_newer_schema_is_refused(void **state)
{
	(void)state;
	struct madrigal_error err = { 0 };
	struct store *s = open_store(), *none = NULL;
	assert_int_equal(sqlite3_exec(s->db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
	store_close(s);
	assert_int_equal(store_open(data, &none, &err), MADRIGAL_EIO);
	assert_non_null(strstr(err.message, "newer"));
	assert_null(none);
}

static void the_same_content_is_one_file(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct stored_file a = add(s, "do re mi"), b = add(s, "do re mi"), c = add(s, "fa so la");
	assert_string_equal(a.hash, b.hash);
	assert_string_not_equal(a.hash, c.hash);
	/* printf 'do re mi' | sha256sum */
	assert_string_equal(a.hash, "8b93a82f8858fb1ddcef90d4672dc5431adc2fb403e2458d5fbfdd15187b3509");
	assert_int_equal(a.size, 8);
	int fd;
	uint64_t size;
	char text[16];
	assert_int_equal(store_file_open(s, a.hash, &fd, &size, NULL), 0);
	assert_int_equal(size, 8);
	assert_int_equal(read(fd, text, sizeof text), 8);
	assert_memory_equal(text, "do re mi", 8);
	close(fd);
	assert_int_equal(store_file_open(s, "../../../../etc/passwd", &fd, &size, NULL), MADRIGAL_EUSAGE);
	c.hash[0] = c.hash[0] == '0' ? '1' : '0';
	assert_int_equal(store_file_open(s, c.hash, &fd, &size, NULL), MADRIGAL_EIO);
	assert_int_equal(store_file_add(s, "/nonexistent", &c, NULL), MADRIGAL_EIO);
	store_close(s);
}

static void the_sweep_takes_what_no_one_wants(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct stored_file wanted = add(s, "wanted"), unwanted = add(s, "unwanted"), young = add(s, "young"), again = add(s, "again");
	assert_int_equal(sql_run(s, NULL, "INSERT INTO account (id, created_ms, per_minute, parallel) VALUES (1, 1, 0, 0)", ""), 1);
	assert_int_equal(sql_run(s, NULL, "INSERT INTO upload VALUES ('a', 1, 'song', ?, 6, 1.0, 1, 0)", "t", wanted.hash), 1);
	make_stored_old(wanted.hash);
	make_stored_old(unwanted.hash);
	make_stored_old(again.hash);
	again = add(s, "again");
	assert_int_equal(store_sweep(s, 60, 60, NULL), 0);
	assert_true(there(s, wanted.hash));
	assert_false(there(s, unwanted.hash));
	assert_true(there(s, young.hash));
	assert_true(there(s, again.hash));
	/* An upload that has expired takes its file along. */
	assert_int_equal(sql_run(s, NULL, "UPDATE upload SET expires_ms = 5", ""), 1);
	assert_int_equal(store_sweep(s, 60, 60, NULL), 0);
	assert_false(there(s, wanted.hash));
	store_close(s);
}

static void the_sweep_leaves_alone_what_is_held(void **state)
{
	(void)state;
	struct store *s = open_store();
	char *held, *left, *folder, inner[512];
	int held_fd, left_fd, folder_fd;
	assert_int_equal(store_spool(s, ".held", &held_fd, &held, NULL), 0);
	assert_int_equal(store_spool(s, ".left", &left_fd, &left, NULL), 0);
	assert_int_equal(store_spool_folder(s, ".song", &folder_fd, &folder, NULL), 0);
	snprintf(inner, sizeof inner, "%s/stems", folder);
	assert_int_equal(mkdir(inner, 0700), 0);
	close(left_fd);
	assert_int_equal(sql_run(s, NULL, "INSERT INTO account (id, created_ms, per_minute, parallel) VALUES (1, 1, 0, 0)", ""), 1);
	assert_int_equal(sql_run(s, NULL, "INSERT INTO job (id, account, model, family, request, price, created_ms) VALUES ('open', 1, '', '', '', 0, 1)", ""), 1);
	assert_int_equal(mknod(in_data("spool/stream-open"), S_IFREG | 0600, 0), 0);
	assert_int_equal(mknod(in_data("spool/stream-gone"), S_IFREG | 0600, 0), 0);
	const char *const all[] = { held, left, folder, in_data("spool/stream-open"), in_data("spool/stream-gone") };
	for (int i = 0; i < 5; i++)
		make_old(all[i]);
	assert_int_equal(store_sweep(s, 60, 60, NULL), 0);
	assert_int_equal(access(held, F_OK), 0);
	assert_int_not_equal(access(left, F_OK), 0);
	assert_int_equal(access(inner, F_OK), 0);
	assert_int_equal(access(in_data("spool/stream-open"), F_OK), 0);
	assert_int_not_equal(access(in_data("spool/stream-gone"), F_OK), 0);
	close(folder_fd);
	make_old(folder);
	assert_int_equal(store_sweep(s, 60, 60, NULL), 0);
	assert_int_not_equal(access(folder, F_OK), 0);
	close(held_fd);
	free(held), free(left), free(folder);
	store_close(s);
}

static void signatures_hold_for_one_path_and_time(void **state)
{
	(void)state;
	struct store *s = open_store();
	char right[33], wrong[33];
	int64_t later = store_now_ms() / 1000 + 100;
	store_sign(s, "/files/a.mp3", later, right);
	assert_int_equal(strlen(right), 32);
	assert_true(store_signed(s, "/files/a.mp3", later, right));
	assert_false(store_signed(s, "/files/b.mp3", later, right));
	assert_false(store_signed(s, "/files/a.mp3", later + 1, right));
	assert_false(store_signed(s, "/files/a.mp3", later, ""));
	memcpy(wrong, right, sizeof wrong);
	wrong[31] = wrong[31] == '0' ? '1' : '0';
	assert_false(store_signed(s, "/files/a.mp3", later, wrong));
	store_sign(s, "/files/a.mp3", 1000, right);
	assert_false(store_signed(s, "/files/a.mp3", 1000, right));
	store_close(s);
}

static void identifiers_differ(void **state)
{
	(void)state;
	char a[64], b[64];
	store_nanoid(a, 21);
	store_nanoid(b, 21);
	assert_int_equal(strlen(a), 21);
	assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 21);
	assert_string_not_equal(a, b);
}

/* In a child: returns what fn returned there. */
static int in_child(int (*fn)(void))
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int open_as_nobody(void)
{
	struct store *s = NULL;
	struct madrigal_error err = { 0 };
	if (getuid() == 0 && (setgid(65534) || setuid(65534)))
		return 77;
	return store_open(data, &s, &err) == MADRIGAL_EIO && *err.message && !s ? 0 : 1;
}

static void a_folder_that_cannot_be_written_is_said(void **state)
{
	(void)state;
	store_close(open_store());
	chmod(data, 0555);
	int rc = in_child(open_as_nobody);
	chmod(data, 0700);
	assert_int_equal(rc, 0);
	struct store *s = NULL;
	struct madrigal_error err = { 0 };
	assert_int_equal(store_open("/proc/none", &s, &err), MADRIGAL_EIO);
	assert_non_null(strstr(err.message, "/proc/none"));
}

static int add_account(struct store *s, struct madrigal_error *err)
{
	return sql_run(s, err, "INSERT INTO account (created_ms, per_minute, parallel) VALUES (1, 0, 0)", "");
}

static void a_locked_database_is_an_error_and_then_works(void **state)
{
	(void)state;
	struct store *holder = open_store(), *s = open_store();
	struct madrigal_error err = { 0 };
	sqlite3_busy_timeout(s->db, 100);
	assert_int_equal(sql_begin(holder, NULL), 0);
	assert_int_equal(add_account(s, &err), MADRIGAL_EIO);
	assert_non_null(strstr(err.message, "locked"));
	assert_int_equal(sql_begin(s, NULL), MADRIGAL_EIO);
	assert_int_equal(sql_finish(holder, 0, NULL), 0);
	assert_int_equal(add_account(s, NULL), 1);
	store_close(holder);
	store_close(s);
}

static void a_damaged_database_is_an_error(void **state)
{
	(void)state;
	struct store *s = open_store();
	for (int i = 0; i < 2000; i++)
		if (i % 500 == 0)
			assert_int_equal(add_account(s, NULL), 1);
	store_close(s);
	int fd = open(in_data("madrigal.db"), O_RDWR);
	char garbage[4096];
	memset(garbage, 0x5a, sizeof garbage);
	for (int page = 1; page < 12; page++)
		assert_int_equal(pwrite(fd, garbage, sizeof garbage, 4096 * page), sizeof garbage);
	close(fd);
	struct madrigal_error err = { 0 };
	s = NULL;
	int rc = store_open(data, &s, &err);
	if (!rc)
		rc = add_account(s, &err);
	assert_int_equal(rc, MADRIGAL_EIO);
	store_close(s);
	assert_int_equal(truncate(in_data("madrigal.db"), 0), 0);
	fd = open(in_data("madrigal.db"), O_RDWR);
	assert_int_equal(write(fd, garbage, sizeof garbage), sizeof garbage);
	close(fd);
	s = NULL;
	assert_int_equal(store_open(data, &s, &err), MADRIGAL_EIO);
	assert_null(s);
}

/* The kernel refuses every write that would make a file longer than that, as a full disk would. */
static int write_without_room(void)
{
	struct rlimit small = { 256 << 10, RLIM_INFINITY }, large = { RLIM_INFINITY, RLIM_INFINITY };
	struct store *s = NULL;
	struct madrigal_error err = { 0 };
	signal(SIGXFSZ, SIG_IGN);
	if (store_open(data, &s, &err) || setrlimit(RLIMIT_FSIZE, &small))
		return 10;
	int before = 0, rc = 1;
	while (before < 10000 && (rc = add_account(s, &err)) == 1)
		before++;
	if (rc != MADRIGAL_EIO)
		return 11;
	int64_t n = 0;
	if (setrlimit(RLIMIT_FSIZE, &large) || sql_int(s, &n, &err, "SELECT count(*) FROM account", "") || n != before)
		return 12;
	if (add_account(s, &err) != 1)
		return 13;
	store_close(s);
	return 0;
}

static void without_room_nothing_is_lost_and_later_it_works(void **state)
{
	(void)state;
	assert_int_equal(in_child(write_without_room), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, make_scratch, drop_scratch)
		T(a_store_is_private_and_opens_again),
		T(many_may_make_it_at_once),
		T(a_newer_schema_is_refused),
		T(the_same_content_is_one_file),
		T(the_sweep_takes_what_no_one_wants),
		T(the_sweep_leaves_alone_what_is_held),
		T(signatures_hold_for_one_path_and_time),
		T(identifiers_differ),
		T(a_folder_that_cannot_be_written_is_said),
		T(a_locked_database_is_an_error_and_then_works),
		T(a_damaged_database_is_an_error),
		T(without_room_nothing_is_lost_and_later_it_works),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
