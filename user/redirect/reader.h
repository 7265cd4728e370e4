/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_READER_H
#define AJAR_REDIRECT_READER_H

#include <stdint.h>

#include "base/err.h"

struct buf;

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
 * The life of the process that reads: it looks when rules change and every every_ns, and sends what
 * is different from what it sent last (redirect/word.h). Back when nobody listens at the other end
 * of `out`: the exit status.
 */
int redirect_reader_main(const struct redirect_fds *fds, int out, uint64_t every_ns);

#endif
