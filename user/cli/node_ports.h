/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_NODE_PORTS_H
#define AJAR_CLI_NODE_PORTS_H

#include "base/err.h"

struct cmd_ctx;
struct store;

/* One node's ports as profile, kernel and scan have them, as a table on standard output; nothing when there are none. */
must_check int node_ports_print(struct cmd_ctx *c, struct store *s, const char *node, const char *host_type);

#endif
