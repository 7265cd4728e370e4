/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_KEEPER_H
#define AJAR_REDIRECT_KEEPER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct child;

/*
 * The reading of rules (redirect/reader.h) is a process of its own, forked before anything else is
 * open: it keeps CAP_NET_ADMIN, which the kernel asks of whoever lists rules, so that the agent
 * need not. Between the two is a keeper with the same rights that reads nothing: it starts a reader
 * that has ended, or was stopped, again and says so. What both say comes out of *ret_fd
 * (redirect/word.h), the caller's to close. Both end when that is closed, or with the caller.
 */
must_check int redirect_spawn(uid_t uid, gid_t gid, uint64_t every_ns, struct child **ret_c,
			      int *ret_fd);

#endif
