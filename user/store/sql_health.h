/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SQL_HEALTH_H
#define AJAR_STORE_SQL_HEALTH_H

#include "store/driver.h"

struct health_past;

/* Whoever changes what a node is holds the lock of its row in nodes; the clock is the store's, once we have it. */
must_check int sql_lock_node(struct store *s, uint64_t id, uint64_t *ret_now_ns);
/* What is stored of one installation; *p is untouched if there is nothing. */
must_check int sql_installation(struct store *s, uint64_t id, const uint8_t *installation, struct health_past *p);

#endif
