/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_CMD_SCAN_H
#define AJAR_CLI_CMD_SCAN_H

#include <stdint.h>

#include "base/err.h"
#include "cli/cmd.h"

struct store;

/* Parts of `ajar scan`, each an exit code. */
extern const struct cmd scan_plans_rows[], scan_addrs_rows[], scan_keys_rows[];
int scan_list(struct cmd_ctx *c);
int scan_show(struct cmd_ctx *c);
/* Prints what a scan saw; returns the exit code. */
int scan_print(struct cmd_ctx *c, struct store *s, uint64_t scan_id);

#endif
