/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fetching an address that a stranger gave, so that it can reach the public Internet only. After curl's libcurl-security and OWASP's cheat sheet on server-side request
 * forgery: every address is judged when its socket is made (OPENSOCKETFUNCTION sees the number, so a name that changes its mind gains nothing) and again before the
 * request is sent (PREREQFUNCTION); redirects are followed by hand, each judged anew; no proxy, no credentials, no decompression; bytes are counted.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard/guard_internal.h"

#define REDIRECTS_MAX 3
#define URL_BYTES 2100
#define CONNECT_MS 10000L

struct fetch_limits fetch_limits_default(void)
{
	return (struct fetch_limits){ .bytes_max = 50u << 20, .seconds_max = 60 };
}

/* ---- who asks ---- */

int guard_fetch_begin(const char *url, int out_fd, const struct fetch_limits *l, int *ret_fd, pid_t *ret_pid, struct madrigal_error *err)
{
	char bytes[24], seconds[24];
	int in[2];
	if (!guard_url_ok(url, l->allow_private))
		return err_set(err, MADRIGAL_EUSAGE, "not an address that may be fetched");
	/* The address may hold a secret: it goes through a pipe, not the command line. */
	if (pipe2(in, O_CLOEXEC))
		return err_set(err, MADRIGAL_EIO, "no pipe");
	snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)l->bytes_max);
	snprintf(seconds, sizeof seconds, "%.0f", l->seconds_max);
	const char *argv[] = { "madrigal", "fetch", bytes, seconds, l->allow_private ? "private" : "public", NULL };
	int rc = write(in[1], url, strlen(url)) == (ssize_t)strlen(url) ? 0 : err_set(err, MADRIGAL_EIO, "no pipe");
	close(in[1]);
	if (!rc)
		rc = helper_start(argv, in[0], out_fd, ret_fd, ret_pid, err);
	close(in[0]);
	return rc;
}

int guard_fetch_end(int fd, pid_t pid, struct madrigal_error *err)
{
	char report[REPORT_MAX];
	int code = helper_end(fd, pid, report);
	if (code == HELPER_OK)
		return 0;
	if (code < 0)
		return err_set(err, MADRIGAL_EIO, "the fetching helper was ended by its limits");
	return err_set(err, code == HELPER_REFUSED ? MADRIGAL_EUSAGE : MADRIGAL_EIO, "%s", *report ? report : "not fetched");
}

int guard_fetch(const char *url, int out_fd, const struct fetch_limits *l, struct madrigal_error *err)
{
	int fd;
	pid_t pid;
	int rc = guard_fetch_begin(url, out_fd, l, &fd, &pid, err);
	return rc ? rc : guard_fetch_end(fd, pid, err);
}

/* ---- the helper ---- */

struct fetch {
	uint64_t bytes, bytes_max;
	int allow_private, refused;
};

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct fetch *f = user;
	(void)purpose;
	if (!f->allow_private && !address_is_public(&a->addr)) {
		f->refused = 1;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int before_request(void *user, char *remote, char *local, int remote_port, int local_port)
{
	struct fetch *f = user;
	(void)local, (void)local_port, (void)remote_port;
	union { struct sockaddr a; struct sockaddr_in v4; struct sockaddr_in6 v6; } u = { 0 };
	if (strchr(remote, ':')) {
		u.v6.sin6_family = AF_INET6;
		if (inet_pton(AF_INET6, remote, &u.v6.sin6_addr) != 1)
			return CURL_PREREQFUNC_ABORT;
	} else {
		u.v4.sin_family = AF_INET;
		if (inet_pton(AF_INET, remote, &u.v4.sin_addr) != 1)
			return CURL_PREREQFUNC_ABORT;
	}
	return f->allow_private || address_is_public(&u.a) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t take(char *p, size_t size, size_t n, void *user)
{
	struct fetch *f = user;
	size_t bytes = size * n, done = 0;
	f->bytes += bytes;
	if (f->bytes > f->bytes_max)
		return 0;
	while (done < bytes) {
		ssize_t w = write(HELPER_OUT, p + done, bytes - done);
		if (w <= 0)
			return 0;
		done += (size_t)w;
	}
	return bytes;
}

static CURL *handle_new(struct fetch *f, const char *url, double seconds)
{
	CURL *h = curl_easy_init();
	if (!h)
		return NULL;
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "madrigal");
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)(seconds * 1000));
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1000L);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, 15L);
	curl_easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)f->bytes_max);
	curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, f);
	curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(h, CURLOPT_PREREQDATA, f);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, f);
	return h;
}

/* One request. 0: done; 1: *ret_next (URL_BYTES) is where to go on; else an exit code, negative. */
static int request(struct fetch *f, const char *url, double seconds, char *ret_next)
{
	struct target t;
	if (url_parse(url, f->allow_private, &t))
		return -HELPER_REFUSED;
	CURL *h = handle_new(f, url, seconds);
	if (!h)
		return -HELPER_FAILED;
	long status = 0;
	char *next = NULL;
	int rc;
	CURLcode code = curl_easy_perform(h);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &next);
	if (f->refused) {
		rc = -HELPER_REFUSED;
		printf("the address is not on the public Internet\n");
	} else if (code != CURLE_OK) {
		rc = -HELPER_FAILED;
		printf("%s\n", f->bytes > f->bytes_max ? "larger than allowed" : curl_easy_strerror(code));
	} else if (status >= 300 && status < 400 && next && strlen(next) < URL_BYTES) {
		rc = 1;
		strcpy(ret_next, next);
	} else if (status != 200) {
		rc = -HELPER_FAILED;
		printf("the server answered %ld\n", status);
	} else {
		rc = 0;
	}
	curl_easy_cleanup(h);
	return rc;
}

int guard_fetch_main(int argc, char **argv)
{
	const char *what = "";
	char url[URL_BYTES], next[URL_BYTES];
	if (argc != 4) {
		printf("this is a helper of madrigal serve\n");
		return HELPER_FAILED;
	}
	struct fetch f = { .bytes_max = strtoull(argv[1], NULL, 10), .allow_private = !strcmp(argv[3], "private") };
	double seconds = strtod(argv[2], NULL);
	struct sandbox box = { .cpu_s = 30, .memory_bytes = (size_t)1 << 30, .file_bytes = f.bytes_max + 4096, .files_max = 64, .network = 1 };
	ssize_t n = read(0, url, sizeof url - 1);
	if (n <= 0 || curl_global_init(CURL_GLOBAL_ALL) || sandbox_enter(&box, &what)) {
		printf("cannot be shut in: %s\n", what);
		fflush(stdout);
		return HELPER_FAILED;
	}
	url[n] = 0;
	int rc = 1;
	for (int i = 0; i <= REDIRECTS_MAX && rc == 1; i++) {
		rc = request(&f, url, seconds, next);
		if (rc == 1) {
			/* What came with the redirect is not what was asked for. */
			memcpy(url, next, sizeof url);
			f.bytes = 0;
			if (ftruncate(HELPER_OUT, 0) || lseek(HELPER_OUT, 0, SEEK_SET) < 0)
				rc = -HELPER_FAILED;
		}
	}
	if (rc == 1)
		printf("too many redirects\n");
	fflush(stdout);
	/* At once: what runs at exit (a leak checker, say) has no place to look any more. */
	_exit(rc == 0 ? HELPER_OK : rc == 1 ? HELPER_FAILED : -rc);
}
