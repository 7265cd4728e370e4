/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SQLITE_HEALTH_H
#define AJAR_STORE_SQLITE_HEALTH_H

#include "store/driver.h"

int sq_put_health(struct store *base, const char *node, const char *host_type,
		  const struct store_health *h, uint64_t fresh_ns, struct store_health_reply *ret);
int sq_claim_boot(struct store *base, const char *node,
		  const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		  uint32_t journal_boot, uint32_t *ret_boot_seq);
int sq_boots(struct store *base, const char *node, store_boot_fn fn, void *arg);
int sq_health(struct store *base, const char *node, bool with_past, store_health_fn fn, void *arg);
int sq_put_watch(struct store *base, const char *node, const struct store_watch *w);
int sq_accept_node(struct store *base, const char *node, const uint8_t *installation,
		   bool *ret_changed);
int sq_clock(struct store *base, uint64_t *ret_now_ns);
int sq_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns);

#endif
