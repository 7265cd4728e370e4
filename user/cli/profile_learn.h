/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_PROFILE_LEARN_H
#define AJAR_CLI_PROFILE_LEARN_H

struct cmd_ctx;
struct store;

/* `ajar profile learn`: returns the exit code. */
int profile_learn(struct cmd_ctx *c);

#endif
