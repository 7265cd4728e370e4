/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_REQUESTS_H
#define AJAR_MONITOR_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct store;

/*
 * Carries out what people ask for in the web page (store/requests.h), a few requests a step, so
 * that judging waits for nobody. Each is checked again, whatever was checked where it was made:
 * who may, the limits of its arguments, whether the alert is such that it can be. It is done or
 * refused in one transaction with its answer, so that of several monitors one does it, once.
 */
struct requests_opts {
	uint64_t snooze_max_ns;
};
/* *ret_changes: how many alerts have changed. *ret_more: call again. */
must_check int requests_step(struct store *s, const struct requests_opts *o, unsigned *ret_changes,
			     bool *ret_more);

#endif
