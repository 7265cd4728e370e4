/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_ALERT_TRIAGE_H
#define AJAR_CLI_ALERT_TRIAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/finding.h"

struct cmd_ctx;
struct store;

/* An alert that a verb is about, copied so that the verb may write. */
struct picked {
	uint64_t id;
	enum alert_state state;
	enum finding_kind kind;
	char *key, *host_type, *nodes, *summary;
	struct buf record;
};
struct picks {
	struct picked *list;
	size_t len;
};
void picks_done(struct picks *p);
/*
 * The words behind the verb: numbers ("7", "7,9"), or FILTER words over the alerts that are open.
 * Reports; none is an error.
 */
must_check int picks_read(struct cmd_ctx *c, struct store *s, struct picks *ret_p);

/* `ajar alerts ack | snooze | reopen` and `allow`; all return the exit code. */
int alerts_ack(struct cmd_ctx *c);
int alerts_snooze(struct cmd_ctx *c);
int alerts_reopen(struct cmd_ctx *c);
int alerts_allow(struct cmd_ctx *c);
/* `ajar alerts exceptions [ls | rm ID...]` */
int alerts_exceptions_ls(struct cmd_ctx *c);
int alerts_exceptions_rm(struct cmd_ctx *c);

#endif
