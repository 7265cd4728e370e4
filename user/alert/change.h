/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_ALERT_CHANGE_H
#define AJAR_ALERT_CHANGE_H

#include "store/store.h"

/*
 * A change outlives the store's callback: everything in it copied, in one piece of memory; to be
 * freed with free().
 */
must_check int change_copy(const struct store_alert_change *c,
			   struct store_alert_change **ret_copy);

#endif
