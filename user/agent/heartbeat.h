/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AGENT_HEARTBEAT_H
#define AJAR_AGENT_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct sensor;

/*
 * The agent's heartbeat, in the journal's folder: whoever reads it (the shipper) knows that the
 * agent lives, and how well it sees. It is never synced: what matters is only that it is renewed.
 */
struct agent_heartbeat;

/* sensor: what the start record says. max_bytes: the journal's cap. */
must_check int agent_heartbeat_new(int journal_dir, struct sensor *s, const char *sensor,
				   uint64_t max_bytes, struct agent_heartbeat **ret_heartbeat);
/*
 * Also tries the sensor every 10 s: drain it before. whole: no hook is known to see nothing.
 * dropped: records the journal has lost.
 */
must_check int agent_heartbeat_renew(struct agent_heartbeat *g, bool whole, uint64_t dropped);
must_check int agent_heartbeat_end(struct agent_heartbeat *g, uint64_t dropped); /* told to stop */
void agent_heartbeat_free(struct agent_heartbeat *g);

#endif
