/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_NOTIFY_STATUS_H
#define AJAR_CLI_NOTIFY_STATUS_H

struct cmd_ctx;

/* The parts of `ajar notify` that ask the store; exit codes. */
int notify_status(struct cmd_ctx *c);
int notify_retry(struct cmd_ctx *c, const char *name);
int notify_forget(struct cmd_ctx *c, const char *name);

#endif
