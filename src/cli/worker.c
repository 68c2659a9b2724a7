/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `madrigal worker`: makes the songs that the service has accepted. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/service.h"
#include "worker/worker.h"

#define GRACE_S 15 /* and a moment to hand back, on a slow machine too: the server waits for 20 s */

static const char usage_text[] =
	"Usage: madrigal worker [--data DIR] [--threads N] [--memory-limit MB] [--once] [--wake-fd N] [--name NAME] [--allow-private-urls]\n\n"
	"Makes the songs that wait in the service's data folder, one after the other; start as many as the machine can sing at a time.\n"
	"On SIGTERM or SIGINT the song in the making is finished within 20 s or handed back.\n"
	"--once ends when nothing waits. --wake-fd is a pipe on which a byte means that there may be work, and its end that there is none.\n"
	"--name is what its jobs know it by, and must be its own; default the host's name and the process's number.\n"
	"--allow-private-urls takes references from this machine and its network, for tests.\n"
	"--data is the service's folder; default $MADRIGAL_DATA, else ${XDG_DATA_HOME:-~/.local/share}/madrigal/data.\n";

static atomic_int stopping;

static void on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

static void print_line(void *user, const char *line)
{
	(void)user;
	fprintf(stderr, "worker: %s\n", line);
}

static int wrong(void)
{
	fputs(usage_text, stderr);
	return -MADRIGAL_EUSAGE;
}

int cmd_worker(int argc, char **argv)
{
	char dir[PATH_MAX];
	const char *data = NULL;
	struct worker_config c = { .wake_fd = -1, .log = print_line };
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		long long n = 0;
		if (!strcmp(argv[i], "--help"))
			return fputs(usage_text, stdout) < 0;
		if (!strcmp(argv[i], "--once")) {
			c.once = 1;
			continue;
		}
		if (!strcmp(argv[i], "--allow-private-urls")) {
			c.allow_private_urls = 1;
			continue;
		}
		if (!value)
			return wrong();
		if (!strcmp(argv[i], "--data"))
			data = value;
		else if (!strcmp(argv[i], "--name"))
			c.name = value;
		else if (!strcmp(argv[i], "--threads") && !whole_number(value, 1, 256, &n))
			c.threads = (int)n;
		else if (!strcmp(argv[i], "--memory-limit") && !whole_number(value, 1, 1 << 24, &n))
			c.memory_limit_bytes = (size_t)n << 20;
		else if (!strcmp(argv[i], "--wake-fd") && !whole_number(value, 0, INT_MAX, &n) && fcntl((int)n, F_GETFD) >= 0)
			c.wake_fd = (int)n;
		else
			return wrong();
		i++;
	}
	struct madrigal_error err = { 0 };
	int rc = service_data_dir(data, dir, sizeof dir, &err);
	c.data_dir = dir;
	struct sigaction sa = { .sa_handler = on_signal };
	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is a failed write, not the end */
	if (!rc)
		rc = worker_run(&c, &stopping, GRACE_S, &err);
	if (rc)
		fprintf(stderr, "madrigal: %s\n", err.message);
	return -rc;
}
