/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "style/nearest.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define MAX_LEN 63

static int fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 'a';
	return c == '_' || c == ' ' ? '-' : (unsigned char)c;
}

static int min_int(int a, int b)
{
	return a < b ? a : b;
}

int edit_distance(const char *a, const char *b)
{
	int row[3][MAX_LEN + 1]; /* the last three rows, by i % 3 */
	int na = (int)strnlen(a, MAX_LEN), nb = (int)strnlen(b, MAX_LEN);
	for (int j = 0; j <= nb; j++)
		row[0][j] = j;
	for (int i = 1; i <= na; i++) {
		int *now = row[i % 3], *above = row[(i + 2) % 3], *two_above = row[(i + 1) % 3];
		now[0] = i;
		for (int j = 1; j <= nb; j++) {
			int differs = fold(a[i - 1]) != fold(b[j - 1]);
			int d = min_int(min_int(above[j] + 1, now[j - 1] + 1), above[j - 1] + differs);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
				d = min_int(d, two_above[j - 2] + 1);
			now[j] = d;
		}
	}
	return row[na % 3][nb];
}

int same_name(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

struct nearest nearest_to(const char *wanted)
{
	return (struct nearest){.wanted = wanted, .name = NULL, .distance = INT_MAX};
}

void nearest_try(struct nearest *n, const char *candidate)
{
	int d = edit_distance(n->wanted, candidate);
	if (d < n->distance) {
		n->distance = d;
		n->name = candidate;
	}
}

const char *nearest_slip(const struct nearest *n)
{
	int len = (int)strnlen(n->wanted, MAX_LEN);
	return n->name && n->distance <= 1 + len / 4 && n->distance < len ? n->name : NULL;
}
