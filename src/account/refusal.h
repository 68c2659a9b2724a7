/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For queue/: the check that account_may makes, to be made again inside the transaction that accepts a job. */
#ifndef ACCOUNT_REFUSAL_H
#define ACCOUNT_REFUSAL_H

#include "account/account.h"

/* ACCOUNT_OK or the reason; *ret_retry_after_s is set with ACCOUNT_RATE. */
int account_refusal(struct store *s, int64_t account, int64_t price, int *ret_retry_after_s, struct madrigal_error *err) MUST_CHECK;

#endif
