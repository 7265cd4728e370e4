/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_ACCOUNT_H
#define AJAR_BASE_ACCOUNT_H

#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

/* Names of uids by /etc/passwd alone, never a directory server over the network; held in memory. */
struct accounts;

must_check int accounts_new(struct accounts **ret_accounts);
void accounts_free(struct accounts *a);
DEFINE_FREEP(struct accounts, accounts_free)
/* Reads the file (again) when it has changed; when it cannot be read the names of before stay. */
void accounts_refresh(struct accounts *a);
/* Unknown when there is no such account; borrowed until the next refresh. */
struct text accounts_user(const struct accounts *a, uint32_t uid);

#endif
