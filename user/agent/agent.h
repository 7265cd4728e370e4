/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AGENT_AGENT_H
#define AJAR_AGENT_AGENT_H

#include <stdint.h>

#include "base/err.h"

struct conf;

/*
 * The privileged part of a node: attaches the sensor as root, gives every privilege up, and from
 * then on copies what the kernel reports into the journal. Returns when SIGTERM or SIGINT arrives,
 * or a negative errno (reported).
 */
must_check int agent_run(const struct conf *conf);

#endif
