/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_ROLE_H
#define AJAR_CLI_ROLE_H

#include <stdbool.h>

#include "base/err.h"

struct conf;
struct loop;
struct store;

/* What the unprivileged roles (ship, monitor) have in common. */
struct role {
	int journal_dir; /* -1: not asked for */
	struct store *store;
	struct loop *loop;
};
#define ROLE_INIT { .journal_dir = -1 }

/*
 * As root: makes the folders of conf->data_dir and gives them to the role's user; then opens the journal's
 * folder (when asked for), enters the store's folder, gives up every privilege and opens the
 * store. Sets up a loop that ends at SIGTERM and SIGINT. Reports its failures.
 */
must_check int role_start(const struct conf *conf, bool with_journal, struct role *r);
void role_done(struct role *r);

/* A quiet role still says what an operator must know: -q leaves it its warnings. */
void role_log_level(bool quiet);

#endif
