/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The helpers that touch what strangers send: which addresses are asked for, which audio is taken, and that neither harms anything. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "ear/ear.h"
#include "guard/guard_internal.h"

static const char *program;

static int scratch(void)
{
	char path[] = "/tmp/test-guard-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/* ---- a server on loopback that counts who comes ---- */

struct listener { int fd, port; atomic_int visits; pthread_t thread; const char *answer; size_t n; atomic_int stop; };

static void *serve(void *ctx)
{
	struct listener *l = ctx;
	while (!atomic_load(&l->stop)) {
		char buf[4096];
		int c = accept(l->fd, NULL, NULL);
		if (c < 0)
			break;
		if (atomic_load(&l->stop)) {
			close(c);
			break;
		}
		atomic_fetch_add(&l->visits, 1);
		if (read(c, buf, sizeof buf) > 0 && write(c, l->answer, l->n) < 0)
			atomic_fetch_add(&l->visits, 1000);
		close(c);
	}
	return NULL;
}

static void listener_start(struct listener *l, const char *answer, size_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	memset(l, 0, sizeof *l);
	l->answer = answer;
	l->n = n;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(l->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(l->fd, 16), 0);
	assert_int_equal(getsockname(l->fd, (struct sockaddr *)&a, &len), 0);
	l->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&l->thread, NULL, serve, l), 0);
}

static void listener_stop(struct listener *l)
{
	atomic_store(&l->stop, 1);
	shutdown(l->fd, SHUT_RDWR);
	pthread_join(l->thread, NULL);
	close(l->fd);
}

static int fetch(const char *url, int allow_private, uint64_t most, char *ret, size_t n)
{
	struct fetch_limits l = fetch_limits_default();
	struct madrigal_error err = { 0 };
	l.allow_private = allow_private;
	l.bytes_max = most;
	l.seconds_max = 10;
	int out = scratch(), rc = guard_fetch(url, out, &l, &err);
	if (ret) {
		ssize_t got = pread(out, ret, n - 1, 0);
		ret[got > 0 ? got : 0] = 0;
	}
	close(out);
	return rc;
}

/* ---- addresses ---- */

static void test_forms_that_are_refused_by_their_text(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "ftp://example.org/a.mp3", "file:///etc/passwd", "gopher://127.0.0.1/", "dict://127.0.0.1:6379/", "ldap://example.org/", "javascript:alert(1)", "data:audio/mpeg;base64,AAAA",
		"http://", "https://", "http:///a", "//example.org/a", "example.org/a.mp3", "http://user@example.org/", "http://user:pass@example.org/", "http://example.org:22/", "http://example.org:6379/",
		"http://example.org:8080/", "http://example.org:0/", "http://example.org:99999/", "http://exa mple.org/", "http://example.org/a\nHost: b", "http://example.org/\r\n", "http://example.org\\@127.0.0.1/",
		"http://example.org/\x7f", "http://\t127.0.0.1/", "https://@/", "http://:80/",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (guard_url_ok(bad[i], 0))
			fail_msg("taken: %s", bad[i]);
	static const char *const good[] = { "http://example.org/a.mp3", "https://example.org/a.wav?x=1&y=%20", "https://cdn.example.org:443/a", "http://example.org:80/", "https://93.184.216.34/a" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!guard_url_ok(good[i], 0))
			fail_msg("refused: %s", good[i]);
	char longer[3000];
	memset(longer, 'a', sizeof longer);
	memcpy(longer, "http://example.org/", 19);
	longer[2999] = 0;
	assert_false(guard_url_ok(longer, 0));
}

static void test_loopback_stays_silent(void **state)
{
	(void)state;
	struct listener l;
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
	listener_start(&l, answer, sizeof answer - 1);
	/* Every way to write an address of this machine or its neighbourhood, on the ports that are allowed. */
	static const char *const hosts[] = {
		"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "127.127.127.127", "localhost", "LOCALHOST", "localhost.", "[::1]",
		"[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fc00::1]", "[fd00::1]", "[ff02::1]", "[2001:db8::1]",
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1.1", "169.254.169.254", "0xa9fea9fe", "2852039166", "[::ffff:a9fe:a9fe]", "100.64.0.1", "192.0.0.1", "192.0.2.1",
		"198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "0.1.2.3", "192.88.99.1", "[::ffff:10.0.0.1]", "[64:ff9b:1::1]", "[3fff::1]",
		"[fec0::1]", "127.0.0.1.", "0x7f.0x0.0x0.0x1", "00000177.0.0.01", "%31%32%37.0.0.1", "127%2e0%2e0%2e1", "1.1.1.1@127.0.0.1", "127.0.0.1#@1.1.1.1", "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
	};
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		char url[256];
		snprintf(url, sizeof url, "http://%s/a.mp3", hosts[i]);
		if (fetch(url, 0, 1000, NULL, 0) == 0)
			fail_msg("fetched: %s", url);
		snprintf(url, sizeof url, "http://%s:%d/a.mp3", hosts[i], l.port);
		if (fetch(url, 0, 1000, NULL, 0) == 0)
			fail_msg("fetched: %s", url);
	}
	assert_int_equal(atomic_load(&l.visits), 0);
	listener_stop(&l);
}

static void test_every_special_block_is_private(void **state)
{
	(void)state;
	static const struct { const char *address; int is_public; } rows[] = {
		{ "8.8.8.8", 1 }, { "1.1.1.1", 1 }, { "172.15.255.255", 1 }, { "172.32.0.0", 1 }, { "100.63.255.255", 1 }, { "100.128.0.0", 1 }, { "169.253.0.1", 1 }, { "169.254.0.1", 0 }, { "223.255.255.255", 1 },
		{ "224.0.0.0", 0 }, { "198.17.255.255", 1 }, { "198.19.255.255", 0 }, { "2606:4700::1", 1 }, { "2001:4860:4860::8888", 1 }, { "2001:200::1", 1 }, { "2001:1ff::1", 0 }, { "::1", 0 }, { "fdff::1", 0 }, { "febf::1", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		union { struct sockaddr a; struct sockaddr_in v4; struct sockaddr_in6 v6; } u = { 0 };
		int six = strchr(rows[i].address, ':') != NULL;
		u.a.sa_family = six ? AF_INET6 : AF_INET;
		assert_int_equal(inet_pton(u.a.sa_family, rows[i].address, six ? (void *)&u.v6.sin6_addr : (void *)&u.v4.sin_addr), 1);
		if (address_is_public(&u.a) != rows[i].is_public)
			fail_msg("%s", rows[i].address);
	}
}

static void test_fetches_where_private_is_allowed(void **state)
{
	(void)state;
	struct listener l, m;
	char url[128], got[64], redirect[256];
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	listener_start(&l, answer, sizeof answer - 1);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/a.mp3", l.port);
	assert_int_equal(fetch(url, 1, 1000, got, sizeof got), 0);
	assert_string_equal(got, "hello");
	assert_int_not_equal(fetch(url, 1, 4, NULL, 0), 0); /* larger than allowed */
	snprintf(redirect, sizeof redirect, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/b\r\nContent-Length: 3\r\n\r\nnot", l.port);
	listener_start(&m, redirect, strlen(redirect));
	snprintf(url, sizeof url, "http://127.0.0.1:%d/a.mp3", m.port);
	assert_int_equal(fetch(url, 1, 1000, got, sizeof got), 0);
	assert_string_equal(got, "hello");
	listener_stop(&m);
	/* To itself, for ever; to another protocol; chunks without end. */
	static const char elsewhere[] = "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n";
	listener_start(&m, elsewhere, sizeof elsewhere - 1);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/a.mp3", m.port);
	assert_int_not_equal(fetch(url, 1, 1000, NULL, 0), 0);
	listener_stop(&m);
	static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello";
	listener_start(&m, missing, sizeof missing - 1);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/a.mp3", m.port);
	assert_int_not_equal(fetch(url, 1, 1000, NULL, 0), 0);
	listener_stop(&m);
	listener_stop(&l);
}

/* ---- audio ---- */

static int tone(int format, int rate, int channels, double seconds, float level)
{
	int fd = scratch();
	SF_INFO info = { .samplerate = rate, .channels = channels, .format = format };
	SNDFILE *f = sf_open_fd(fd, SFM_WRITE, &info, 0);
	assert_non_null(f);
	float block[8];
	for (long i = 0; i < (long)(seconds * rate); i++) {
		for (int k = 0; k < channels; k++)
			block[k] = level * sinf(2 * 3.14159265f * 440 * (float)i / (float)rate);
		assert_int_equal(sf_writef_float(f, block, 1), 1);
	}
	sf_close(f);
	return fd;
}

static int decode(int fd, int pcm, struct decoded_audio *d)
{
	struct decode_limits l = decode_limits_default();
	struct madrigal_error err = { 0 };
	l.seconds_max = 30;
	return guard_decode(fd, pcm, pcm < 0 ? DECODE_NOTHING : DECODE_SOUND, &l, d, &err);
}

static void test_decodes_what_it_knows(void **state)
{
	(void)state;
	static const struct { int format; const char *name; int rate, channels; } rows[] = {
		{ SF_FORMAT_WAV | SF_FORMAT_PCM_16, "wav", 44100, 2 }, { SF_FORMAT_WAV | SF_FORMAT_FLOAT, "wav", 8000, 1 }, { SF_FORMAT_WAV | SF_FORMAT_PCM_24, "wav", 192000, 2 },
		{ SF_FORMAT_FLAC | SF_FORMAT_PCM_16, "flac", 48000, 2 }, { SF_FORMAT_OGG | SF_FORMAT_VORBIS, "ogg", 44100, 2 }, { SF_FORMAT_AIFF | SF_FORMAT_PCM_16, "aiff", 22050, 1 },
		{ SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, "wav", 48000, 6 }, { SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, "mp3", 44100, 2 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		SF_INFO able = { .samplerate = rows[i].rate, .channels = rows[i].channels, .format = rows[i].format };
		if (!sf_format_check(&able))
			fail_msg("libsndfile cannot write %s", rows[i].name);
		struct decoded_audio d = { 0 };
		int fd = tone(rows[i].format, rows[i].rate, rows[i].channels, 2, 0.5f), pcm = scratch();
		assert_int_equal(decode(fd, pcm, &d), 0);
		assert_string_equal(d.format, rows[i].name);
		assert_int_equal(d.sample_rate, rows[i].rate);
		assert_int_equal(d.channels, rows[i].channels);
		assert_true(fabs(d.seconds - 2) < 0.1 && fabs(d.rms_db + 9.03) < 0.5);
		off_t bytes = lseek(pcm, 0, SEEK_END);
		assert_true(llabs(bytes / 8 - (off_t)(d.seconds * EAR_RATE)) < 64);
		close(fd);
		close(pcm);
	}
}

static void test_refuses_what_it_does_not(void **state)
{
	(void)state;
	static const char texts[][64] = { "hello, this is no audio at all, but a text that is long enough", "ID3", "RIFF\xff\xff\xff\xffWAVEfmt ", "\x00\x00\x00\x18" "ftypmp42....", "%PDF-1.4" };
	struct decoded_audio d;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int fd = scratch();
		assert_int_equal(write(fd, texts[i], sizeof texts[i]), sizeof texts[i]);
		assert_int_equal(decode(fd, -1, &d), MADRIGAL_EUSAGE);
		close(fd);
	}
	int fd = scratch();
	assert_int_equal(decode(fd, -1, &d), MADRIGAL_EUSAGE); /* empty */
	close(fd);
	fd = tone(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, 31, 0.1f);
	assert_int_equal(decode(fd, -1, &d), MADRIGAL_EUSAGE); /* longer than the limit */
	close(fd);
	fd = tone(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, 1, 0);
	assert_int_equal(decode(fd, -1, &d), 0);
	assert_true(d.rms_db < -200); /* silence is for the caller to judge */
	close(fd);
}

/* Mutations of every container: each is decoded or refused; the helper may be stopped by its limits, never do harm. MADRIGAL_TEST_MUTATIONS is how many, or "FROM-TO" for a part of them;
 * for those this program is the helper: the same code, without the libraries that sing, whose loading would take two thirds of the time. */
static void test_mutated_files(void **state)
{
	(void)state;
	static const int formats[] = { SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, SF_FORMAT_AIFF | SF_FORMAT_PCM_16 };
	enum { N = sizeof formats / sizeof *formats };
	static unsigned char whole[N][200000], data[200000];
	ssize_t len[N];
	for (int i = 0; i < N; i++) {
		int fd = tone(formats[i], 22050, 1, 1, 0.3f);
		len[i] = pread(fd, whole[i], sizeof whole[i], 0);
		assert_true(len[i] > 100);
		close(fd);
	}
	const char *wanted = getenv("MADRIGAL_TEST_MUTATIONS"), *dash = wanted ? strchr(wanted, '-') : NULL;
	if (wanted)
		guard_set_program("/proc/self/exe");
	int from = dash ? atoi(wanted) : 0, to = dash ? atoi(dash + 1) : wanted ? atoi(wanted) : 200, taken = 0;
	for (int i = from; i < to; i++) {
		struct rng r = rng_stream(1, "guard/mutation", (uint64_t)i);
		struct decoded_audio d;
		ssize_t n = len[i % N];
		int changed = scratch();
		memcpy(data, whole[i % N], (size_t)n);
		for (unsigned k = 1 + rng_below(&r, 40); k; k--)
			data[rng_below(&r, (uint32_t)(n < 4000 || k % 2 ? (n < 400 ? n : 400) : n))] = (unsigned char)rng_u32(&r);
		assert_int_equal(write(changed, data, (size_t)n), n);
		int rc = decode(changed, -1, &d);
		assert_true(rc == 0 || rc == MADRIGAL_EUSAGE);
		taken += rc == 0;
		close(changed);
	}
	guard_set_program(program);
	assert_true(taken > 0 && taken < to - from);
	if (wanted)
		printf("%d damaged files: %d decoded, %d refused\n", to - from, taken, to - from - taken);
}

/* What code inside the helper could do if it were taken over: open, connect, start, signal. Each is tried in a child that is shut in as the helper is. */
static void try_in_sandbox(int what, int *ret_signal, int *ret_code)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct sandbox box = { .cpu_s = 5, .file_bytes = 1000, .files_max = 8 };
		const char *step;
		if (sandbox_enter(&box, &step))
			_exit(99);
		if (what == 0)
			_exit(open("/etc/passwd", O_RDONLY) >= 0 ? 1 : 0);
		if (what == 1)
			_exit(socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 1 : 0);
		if (what == 2)
			execl("/bin/true", "true", (char *)NULL);
		else if (what == 3)
			kill(getppid(), SIGCONT);
		else if (what == 4)
			unlink("/tmp/test-guard-none");
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_the_sandbox_holds(void **state)
{
	(void)state;
	int sig, code;
	for (int what = 0; what < 2; what++) { /* refused with an error */
		try_in_sandbox(what, &sig, &code);
		assert_int_equal(sig, 0);
		assert_int_equal(code, 0);
	}
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	for (int what = 2; what < 5; what++) { /* ended */
		try_in_sandbox(what, &sig, &code);
		assert_int_equal(sig, SIGSYS);
	}
#endif
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "decode"))
		return guard_decode_main(argc - 1, argv + 1);
	program = argc > 1 ? argv[1] : NULL;
	guard_set_program(program);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_that_are_refused_by_their_text), cmocka_unit_test(test_loopback_stays_silent), cmocka_unit_test(test_every_special_block_is_private),
		cmocka_unit_test(test_fetches_where_private_is_allowed), cmocka_unit_test(test_decodes_what_it_knows), cmocka_unit_test(test_refuses_what_it_does_not),
		cmocka_unit_test(test_mutated_files), cmocka_unit_test(test_the_sandbox_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
