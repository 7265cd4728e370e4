/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_NODE_CLASS_H
#define AJAR_CLI_NODE_CLASS_H

#include "cli/cmd.h"

/* `ajar node class ...`. */
extern const struct cmd node_class_rows[];

#endif
