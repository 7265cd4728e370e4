/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_NOTIFY_STATUS_H
#define AJAR_CLI_NOTIFY_STATUS_H

#include <stdbool.h>

struct cmd_ctx;
struct conf;
struct store_sink;

/*
 * Not in this configuration, and what had it last was a process of this machine. One that another
 * machine had may be configured there.
 */
bool sink_was_dropped(const struct conf *conf, const struct store_sink *s);

/* The parts of `ajar notify` that ask the store; exit codes. */
int notify_status(struct cmd_ctx *c);
int notify_retry(struct cmd_ctx *c, const char *name);
int notify_forget(struct cmd_ctx *c, const char *name);

#endif
