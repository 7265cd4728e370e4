/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_VERDICTS_H
#define AJAR_CLI_VERDICTS_H

#include "base/err.h"
#include "core/finding.h"
#include "core/profile.h"

struct cmd_ctx;
struct event;
struct store;

/*
 * Verdicts for what comes straight from the kernel: by the accepted profile of this node's class,
 * when a store has one.
 */
struct verdicts {
	struct store *store; /* NULL: there is none, everything is learning */
	struct profile *profile;
	const char *host_type, *node;
	uint64_t revision;
};

/*
 * A store that is there and cannot be read is reported and is an error: nobody shall take
 * "learning" for its answer.
 */
must_check int verdicts_open(struct cmd_ctx *c, struct verdicts *ret_j);
void verdicts_done(struct verdicts *j);
/* Takes the profile anew when it has changed. */
must_check int verdicts_refresh(struct verdicts *j);
enum verdict verdicts_of(const struct verdicts *j, const struct event *ev);

#endif
