/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of the service. Each takes argv from its own name on and returns an exit code. */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include "madrigal.h"

int cmd_serve(int argc, char **argv);
int cmd_worker(int argc, char **argv);
int cmd_key(int argc, char **argv);
int cmd_credit(int argc, char **argv);

/* The data folder: given (may be NULL), else MADRIGAL_DATA, else $XDG_DATA_HOME or ~/.local/share, then madrigal/data. */
int service_data_dir(const char *given, char *ret, size_t n, struct madrigal_error *err);
/* All of s as a whole number within min..max; -1 if it is not. */
int whole_number(const char *s, long long min, long long max, long long *ret);

#endif
