/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_CMD_DB_GRANT_H
#define AJAR_CLI_CMD_DB_GRANT_H

struct cmd_ctx;

/* 'ajar db grant': accounts of a store that is a server. Returns an exit code. */
int cmd_db_grant(struct cmd_ctx *c);

#endif
