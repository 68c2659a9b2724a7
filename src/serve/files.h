/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finished files over HTTP: whole or one range (RFC 9110 14), with the right type and length. */
#ifndef SERVE_FILES_H
#define SERVE_FILES_H

#include "serve/api.h"

void file_answer(struct call *c, const struct job_file *f);

/* A Range header against a file of `size` bytes: 0: none, or one that is to be ignored; 1: *ret_from, *ret_n; -1: not satisfiable. */
int range_parse(const char *header, uint64_t size, uint64_t *ret_from, uint64_t *ret_n);

#endif
