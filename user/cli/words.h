/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_WORDS_H
#define AJAR_CLI_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/filter.h"

struct cmd_ctx;
struct store_alert;
struct store_scan_change;

/* The words and values of a command line; all report what is wrong with them. */
must_check int words_filter(const struct cmd_ctx *c, struct filter *ret_f);
/* Untouched when the option is not given. */
must_check int words_time(const struct cmd_ctx *c, const char *option, uint64_t *ret_wall_ns);
must_check int words_count(const struct cmd_ctx *c, const char *option, uint64_t min, uint64_t max,
			   uint64_t *ret_v);

/*
 * Does an event pass? Lost and gap, which may hide what is asked for, are only held against node:
 * and class: words.
 */
bool words_match(const struct filter *f, const struct event *ev, const char *node,
		 const char *host_type, enum verdict verdict);
/* The same for an alert, by the door it is about. */
bool words_match_alert(const struct filter *f, const struct store_alert *a);
bool words_match_scan(const struct filter *f, const struct store_scan_change *c);

#endif
