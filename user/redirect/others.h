/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_OTHERS_H
#define AJAR_REDIRECT_OTHERS_H

#include "redirect/list.h"

/* What redirects besides nftables. Each adds what it finds, or why it could not look. */

/* /proc/net/ip_vs, as it is read by proc(5)'s ways: hostile to nobody, checked all the same. */
void redirect_ipvs_text(const char *text, const struct redirect_addrs *addrs,
			struct redirect_list *l);
void redirect_ipvs(const struct redirect_addrs *addrs, struct redirect_list *l);
/*
 * Programs attached to this network namespace that choose sockets. Their decision cannot be read:
 * any port.
 */
void redirect_sk_lookup(struct redirect_list *l);
/* XDP programs: hints, for a program that answers by itself cannot be told from one that counts. */
void redirect_xdp(struct redirect_list *l);
/* fd of /proc/net/ip_tables_names or NULL-like -1; legacy tables are named, not read. */
void redirect_legacy(int names_fd, const char *family, struct redirect_list *l);

#endif
