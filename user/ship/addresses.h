/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_ADDRESSES_H
#define AJAR_SHIP_ADDRESSES_H

#include "base/err.h"

struct buf;

/*
 * Appends the addresses of this network namespace as health_holds() reads them: "ADDRESS ADDRESS",
 * nothing when it has none; beyond ADDRESSES_MAX with HEALTH_ADDRESSES_MORE at the end.
 */
#define ADDRESSES_MAX 32
must_check int addresses_put(struct buf *b);

#endif
