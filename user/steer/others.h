/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STEER_OTHERS_H
#define AJAR_STEER_OTHERS_H

#include "steer/list.h"

/* What steers besides nftables. Each adds what it finds, or why it could not look. */

/* /proc/net/ip_vs, as it is read by proc(5)'s ways: hostile to nobody, checked all the same. */
void steer_ipvs_text(const char *text, const struct steer_addrs *addrs, struct steer_list *l);
void steer_ipvs(const struct steer_addrs *addrs, struct steer_list *l);
/* Programs attached to this network namespace that choose sockets. Their decision cannot be read: any port. */
void steer_sk_lookup(struct steer_list *l);
/* XDP programs: hints, for a program that answers by itself cannot be told from one that counts. */
void steer_xdp(struct steer_list *l);
/* fd of /proc/net/ip_tables_names or NULL-like -1; legacy tables are named, not read. */
void steer_legacy(int names_fd, const char *family, struct steer_list *l);

#endif
