/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_JOURNAL_SILENCE_H
#define AJAR_JOURNAL_SILENCE_H

#include <stdint.h>

#include "base/err.h"

/*
 * Since when nothing has been recorded, as wall time: from the last sign of life of the agent
 * before, its newest record or heartbeat. 1: *ret_since_ns is set; 0: there was no agent, or a stop
 * record says when it ended. boot_id is that of the running kernel.
 */
must_check int journal_silence(int dirfd, const char *boot_id, uint64_t *ret_since_ns);

#endif
