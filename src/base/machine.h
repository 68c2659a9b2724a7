/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What this process has of the machine. */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H

#include <stddef.h>

/* Cores that this process may use; at least 1. */
int machine_cores(void);
/* Resident memory of this process in bytes; 0 if the system doesn't say. */
size_t machine_resident_bytes(void);

#endif
