/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_FOLLOW_H
#define AJAR_CLI_FOLLOW_H

struct cmd_ctx;
struct filter;
struct store;

/*
 * What stands open now, then each event as soon as it is judged and each change of an alert, until SIGINT or
 * SIGTERM. Sleeps on the store's bell. Returns an exit code and has reported failures.
 */
int follow(struct cmd_ctx *c, const struct filter *f, struct store *s);

#endif
