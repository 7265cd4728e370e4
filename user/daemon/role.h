/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_ROLE_H
#define AJAR_DAEMON_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct conf;
struct loop;

/* What the unprivileged roles (ship, monitor) have in common. */
struct role {
	int journal_dir; /* -1: not asked for */
	const char *name; /* "ship", "monitor", "notify", "scan": the file of its lock, NAME.lock */
	int lock; /* of the role on its folder */
	struct store *store;
	struct loop *loop;
	/*
	 * set before role_start(): not that privilege, for children; whether it is there is
	 * proc_has_net_raw()
	 */
	bool keep_net_raw;
	bool read_only; /* set before role_start(): the store is there already, and only read */
	/*
	 * Optional, set before role_start(): a server is not to be had yet, for this reason; said
	 * at each try.
	 */
	void (*away)(struct role *r, int err, const char *why);
};
#define ROLE_INIT(role_name)                                                                       \
	{                                                                                          \
		.name = (role_name), .journal_dir = -1, .lock = -1                                 \
	}

/*
 * As root: makes the folders of conf->data_dir and gives them to the role's user; then opens the
 * journal's folder (when asked for), enters the store's folder, gives up every privilege and opens
 * the store. A second one on the same --data is refused. Sets up a loop that ends at SIGTERM and
 * SIGINT. Reports its failures. A store that is a server and not to be had is waited for: 1 says
 * that the role was told to stop meanwhile.
 */
must_check int role_start(const struct conf *conf, bool with_journal, struct role *r);
void role_done(struct role *r);

/*
 * How long to wait before the next try, of a store that is away or held, longer each time: at
 * random, so that the nodes of a cluster do not come back all at once.
 */
uint64_t role_retry_ns(enum store_fault fault, unsigned tries);

/* A quiet role still says what an operator must know: -q leaves it its warnings. */
void role_log_level(bool quiet);

#endif
