/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SQLITE_HEALTH_H
#define AJAR_STORE_SQLITE_HEALTH_H

#include "store/driver.h"

int sq_clock(struct store *base, uint64_t *ret_now_ns);
int sq_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns);

#endif
