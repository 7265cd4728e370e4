/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_TIMELINE_H
#define AJAR_CLI_TIMELINE_H

struct cmd_ctx;

/* `ajar timeline verify`: returns the exit code. */
int timeline_verify(struct cmd_ctx *c);

#endif
