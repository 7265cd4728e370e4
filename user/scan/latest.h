/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_LATEST_H
#define AJAR_SCAN_LATEST_H

#include <stdint.h>

#include "core/observation.h"

struct store;

/* What the newest scan that asked for a port of a node, and ended well for it, saw there. */
struct scan_latest {
	uint64_t scan_id; /* 0: none has asked */
	uint64_t ended_ns;
	enum port_state state;
	char addr[64];
	char service[512]; /* "ssh OpenSSH 9.2p1"; "" nothing is known, escaped */
};
must_check int scan_latest(struct store *s, const char *node, enum door_proto proto, uint16_t port, struct scan_latest *ret);

/* The state of a port in a host's folded lists, "tcp closed 1-21,23-79; tcp filtered 80". */
enum port_state scan_folded_state(const char *folded, enum door_proto proto, uint16_t port);

#endif
