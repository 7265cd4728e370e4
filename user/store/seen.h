/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SEEN_H
#define AJAR_STORE_SEEN_H

#include "core/observation.h"
#include "core/scan_kind.h"
#include "store/store.h"

/* What the newest scan that asked for a port, and ended well for its host, saw there. */
struct store_seen {
	uint64_t scan_id; /* 0: none has asked since then */
	uint64_t ended_ns;
	enum port_state state; /* of a node's addresses that one scan asked, the open one's */
	enum scan_kind kind;
	char node[256], addr[64];
	/*
	 * "ssh OpenSSH 9.2p1", as the newest probe among the last scans had it; "" nothing is
	 * known, escaped
	 */
	char service[512];
	uint64_t reachable, asked; /* nodes that were asked, and those where it was open */
};

/*
 * At most a few rows by index each, however many scans there were: STORE_SEEN_HOSTS_MAX of the
 * node's hosts are looked through for a port that was folded away ("tcp closed 1-21,23-65535").
 * since_ns: what ended before does not count. A store without scans has seen nothing.
 */
#define STORE_SEEN_HOSTS_MAX 256
must_check int store_seen_port(struct store *s, const char *node, enum door_proto proto,
			       uint16_t port, uint64_t since_ns, struct store_seen *ret);

/*
 * How a node stands from outside: the newest scan that asked it anything, and the newest that ended
 * well.
 */
struct store_outside {
	uint64_t scan_id, ended_ns; /* 0: no scan has ended for it */
	enum scan_host_state state;
	enum scan_kind kind;
	char plan[256], addr[64], asked[256]; /* asked: cut when it is long */
	uint64_t open;
	uint64_t seen_scan_id, seen_ns; /* that ended well; 0: none */
};
must_check int store_outside(struct store *s, const char *node, struct store_outside *ret);

/*
 * Of the port an alert is about, on the node of its nodes that was asked last; counted over all of
 * them. Only since its door was opened, or shortly before when a scan has raised it. Two queries
 * more when it stands on several nodes, however many.
 */
must_check int store_seen_alert(struct store *s, const struct store_alert *a,
				struct store_seen *ret);

#endif
