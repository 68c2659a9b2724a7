/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements that one handle has prepared; sql.c fills it, store.c frees it. */
#ifndef STORE_STATEMENTS_H
#define STORE_STATEMENTS_H

#include <sqlite3.h>

#define STATEMENTS_MAX 128

struct statements {
	const char *text[STATEMENTS_MAX];
	sqlite3_stmt *prepared[STATEMENTS_MAX];
	int n;
};

#endif
