/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_MYSQL_HEALTH_H
#define AJAR_STORE_MYSQL_HEALTH_H

#include "store/driver.h"

int my_put_health(struct store *base, const char *node, const char *host_type,
		  const struct store_health *h, uint64_t fresh_ns, struct store_health_reply *ret);
int my_claim_boot(struct store *base, const char *node,
		  const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		  uint32_t journal_boot, uint32_t *ret_boot_seq);
int my_boots(struct store *base, const char *node, store_boot_fn fn, void *arg);
int my_health(struct store *base, const char *node, bool with_past, store_health_fn fn, void *arg);
int my_put_watch(struct store *base, const char *node, const struct store_watch *w);
int my_accept_node(struct store *base, const char *node, const uint8_t *installation,
		   bool *ret_changed);
int my_clock(struct store *base, uint64_t *ret_now_ns);
int my_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns);

struct my_stmt;
/* Binds what a report says from its machine on, 26 values from parameter i on; step holds one of them. */
void my_bind_report(struct my_stmt *st, unsigned i, const struct store_health *h, const char tier[2],
		    char step[32]);

/* mysql_own_health.c: the same with a node's account. */
int my_own_put_health(struct store *base, const char *node, const char *host_type,
		      const struct store_health *h, uint64_t fresh_ns,
		      struct store_health_reply *ret);
int my_own_claim_boot(struct store *base, const char *node,
		      const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		      uint32_t journal_boot, uint32_t *ret_boot_seq);

#endif
