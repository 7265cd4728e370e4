/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_READER_H
#define AJAR_REDIRECT_READER_H

#include <stdint.h>

#include "base/err.h"

struct buf;
struct child;

/*
 * What redirects in the network namespace we are in, as core/redirect.h writes it. Needs
 * CAP_NET_ADMIN (and, before Linux 6.4, CAP_BPF); what cannot be read is a line that says so.
 * names_fd: of ip_tables_names and ip6_tables_names, or -1.
 */
struct redirect_fds {
	int names4, names6;
};
must_check int redirect_read(const struct redirect_fds *fds, struct buf *b, uint64_t *ret_ways);

/*
 * The reading is a process of its own, forked before anything else is open: it keeps CAP_NET_ADMIN,
 * which the kernel asks of whoever lists rules, so that the agent need not. It looks when rules
 * change and every every_ns, and writes what is different from what it wrote last: u32 length, u32
 * ways, text. It ends when the other end of the pipe, child_out(), does.
 */
must_check int redirect_spawn(uid_t uid, gid_t gid, uint64_t every_ns, struct child **ret_c);

#endif
