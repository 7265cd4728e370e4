/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_CMD_SCAN_H
#define AJAR_CLI_CMD_SCAN_H

#include <stdint.h>

#include "base/err.h"

struct cmd_ctx;
struct store;

/* Parts of `ajar scan`, each an exit code. */
int scan_plans(struct cmd_ctx *c);
int scan_addrs(struct cmd_ctx *c);
int scan_keys(struct cmd_ctx *c);
int scan_list(struct cmd_ctx *c);
int scan_show(struct cmd_ctx *c);
/* Prints what a scan saw. */
must_check int scan_print(struct cmd_ctx *c, struct store *s, uint64_t scan_id);

#endif
