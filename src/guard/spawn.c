/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guard/guard_internal.h"

static const char *program = "/proc/self/exe";

void guard_set_program(const char *path)
{
	program = path;
}

/* Nothing of our environment is the helper's business but what its libraries need to speak with people. */
static char path_variable[] = "PATH=/usr/bin:/bin", language_variable[] = "LANG=C.UTF-8";
static char *const environment[] = { path_variable, language_variable, NULL };

int helper_start(const char *const argv[], int in, int out, int *ret_fd, pid_t *ret_pid, struct madrigal_error *err)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC))
		return err_set(err, MADRIGAL_EIO, "no pipe: %s", strerror(errno));
	/* posix_spawn's argv isn't const for history's sake alone. */
	const union { const char *const *given; char *const *argv; } writable = { argv };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, standard;
	sigemptyset(&none);
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);
	sigaddset(&standard, SIGTERM);
	sigaddset(&standard, SIGINT);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	/* Duplicated high first, so that none of the three is overwritten before it is used. */
	int high_in = fcntl(in, F_DUPFD_CLOEXEC, 10), high_out = out < 0 ? -1 : fcntl(out, F_DUPFD_CLOEXEC, 10), high_report = fcntl(report[1], F_DUPFD_CLOEXEC, 10);
	posix_spawn_file_actions_adddup2(&fa, high_in, 0);
	posix_spawn_file_actions_adddup2(&fa, high_report, 1);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	if (high_out >= 0)
		posix_spawn_file_actions_adddup2(&fa, high_out, HELPER_OUT);
	else
		posix_spawn_file_actions_addopen(&fa, HELPER_OUT, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&fa, HELPER_OUT + 1);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &standard);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int rc = high_in < 0 || high_report < 0 || (out >= 0 && high_out < 0) ? EMFILE : posix_spawn(ret_pid, program, &fa, &attr, writable.argv, environment);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	close(report[1]);
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? high_in : i == 1 ? high_out : high_report;
		if (fd >= 0)
			close(fd);
	}
	if (rc) {
		close(report[0]);
		return err_set(err, MADRIGAL_EIO, "cannot start a helper: %s", strerror(rc));
	}
	*ret_fd = report[0];
	return 0;
}

int helper_end(int fd, pid_t pid, char report[REPORT_MAX])
{
	size_t n = 0;
	int status = 0;
	for (ssize_t got; n < REPORT_MAX - 1; n += (size_t)got) {
		got = read(fd, report + n, REPORT_MAX - 1 - n);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got <= 0)
			break;
	}
	report[n] = 0;
	close(fd);
	/* It has closed its report, so it is about to end; one that isn't is ended. */
	for (int i = 0; i < 200; i++) {
		pid_t p = waitpid(pid, &status, WNOHANG);
		if (p == pid || (p < 0 && errno == ECHILD))
			return p == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}
