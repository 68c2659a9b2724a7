/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

void progress_begin(struct progress_bar *b, int quiet)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	*b = (struct progress_bar){ .shown = !quiet && isatty(STDERR_FILENO), .width = 80, .last_s = -1 };
	const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
	b->color = b->shown && !(plain && *plain) && term && strcmp(term, "dumb") != 0;
	struct winsize w;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 40)
		b->width = w.ws_col > 100 ? 100 : w.ws_col;
}

int progress_show(void *bar, const struct madrigal_progress *p)
{
	struct progress_bar *b = bar;
	if (!b->shown || (p->elapsed_s - b->last_s < 0.1 && p->done < 1))
		return interrupted;
	b->last_s = p->elapsed_s;
	char left[32] = "";
	if (p->done > 0.05 && p->done < 1) {
		int s = (int)(p->elapsed_s / p->done * (1 - p->done) + 0.5);
		snprintf(left, sizeof left, "%d:%02d left", s / 60, s % 60);
	}
	int room = b->width - 34, filled = (int)(p->done * room + 0.5);
	fprintf(stderr, "\r%-8s%s", p->stage, b->color ? "\033[32m" : "");
	for (int i = 0; i < room; i++)
		fputs(i < filled ? "━" : b->color ? (i == filled ? "\033[90m━" : "━") : " ", stderr);
	fprintf(stderr, "%s %3d %%  %-12s", b->color ? "\033[0m" : "", (int)(p->done * 100 + 0.5), left);
	fflush(stderr);
	return interrupted;
}

void progress_end(struct progress_bar *b)
{
	if (b->shown)
		fprintf(stderr, "\r%*s\r", b->width - 1, "");
}
