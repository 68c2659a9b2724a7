/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the service's data are, and what its commands share. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

int data_dir(const char *asked, char *ret, size_t n)
{
	const char *env = getenv("MADRIGAL_DATA"), *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int len;
	if (!asked || !*asked)
		asked = env && *env ? env : NULL;
	if (asked)
		len = snprintf(ret, n, "%s", asked);
	else if (xdg && *xdg)
		len = snprintf(ret, n, "%s/madrigal/data", xdg);
	else
		len = snprintf(ret, n, "%s/.local/share/madrigal/data", home && *home ? home : "");
	return len < 0 || (size_t)len >= n ? -1 : 0;
}

int whole_number(const char *s, long long min, long long max, long long *ret)
{
	char *end;
	errno = 0;
	long long x = strtoll(s, &end, 10);
	if (errno || end == s || *end || x < min || x > max)
		return -1;
	*ret = x;
	return 0;
}
