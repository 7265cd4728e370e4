/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_MYSQL_HEALTH_H
#define AJAR_STORE_MYSQL_HEALTH_H

#include "store/driver.h"

int my_put_health(struct store *base, const char *node, const char *host_type,
		  const struct store_health *h, uint64_t fresh_ns, struct store_health_reply *ret);
int my_claim_boot(struct store *base, const char *node,
		  const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		  uint32_t journal_boot, uint32_t *ret_boot_seq);
int my_clock(struct store *base, uint64_t *ret_now_ns);
int my_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns);

/* mysql_own_health.c: the same with a node's account. */
int my_own_put_health(struct store *base, const char *node, const char *host_type,
		      const struct store_health *h, uint64_t fresh_ns,
		      struct store_health_reply *ret);
int my_own_claim_boot(struct store *base, const char *node,
		      const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		      uint32_t journal_boot, uint32_t *ret_boot_seq);

#endif
