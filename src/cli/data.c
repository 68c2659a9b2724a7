/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the service's data are, and what its commands share. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/service.h"

int service_data_dir(const char *given, char *ret, size_t n, struct madrigal_error *err)
{
	const char *env = getenv("MADRIGAL_DATA"), *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int len;
	if (!given || !*given)
		given = env && *env ? env : NULL;
	if (given)
		len = snprintf(ret, n, "%s", given);
	else if (xdg && *xdg)
		len = snprintf(ret, n, "%s/madrigal/data", xdg);
	else
		len = snprintf(ret, n, "%s/.local/share/madrigal/data", home && *home ? home : "");
	if (len >= 0 && (size_t)len < n)
		return 0;
	snprintf(err->message, sizeof err->message, "the path of the data folder is too long");
	return err->code = MADRIGAL_EUSAGE;
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
