/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_NODE_CLASS_H
#define AJAR_CLI_NODE_CLASS_H

struct cmd_ctx;

/* `ajar node class ...`: returns the exit code. */
int node_class(struct cmd_ctx *c);

#endif
