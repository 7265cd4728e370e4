/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_NMAP_TALLY_H
#define AJAR_CLI_NMAP_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "scan/xml.h"

/*
 * Who is who among the hosts of a scan file, and what of it is not used, by reason. A node is an
 * address: a name that two addresses share (a reverse name for a whole range, a name of several
 * machines) makes them no single node. IPv4 and IPv6 of one name given on the command line are one.
 * A host's entries (masscan has one for each port, appended runs one each) are one node.
 */
enum left_out {
	LEFT_NO_ADDRESS,
	LEFT_DOWN,
	LEFT_TIMED_OUT,
	LEFT_NOT_ASKED, /* up, but no port of it was scanned: a ping scan */
	LEFT_HOSTS_MAX,
	LEFT_UNSURE, /* ports: open|filtered */
	LEFT_STATELESS,
	LEFT_PROTOCOL,
	LEFT_PORT_ZERO, /* nmap -p0-: a rule for it would be one for any port */
	LEFT_FLOODED, /* hosts: something in front of them answers on every port */
	LEFT_REASONS,
};

struct nmap_tally {
	struct map *by_addr, *by_name, *ports;
	uint64_t left[LEFT_REASONS];
	uint64_t cut; /* hosts over a maximum: read, but not all of them */
	uint64_t entries, nodes, open_ports;
	uint64_t shared; /* nodes that go by their address, since their name is another's */
	char *shared_name; /* the first such */
};

must_check int nmap_tally_init(struct nmap_tally *t);
void nmap_tally_done(struct nmap_tally *t);
/* The name of the node that the host is, borrowed; the same for each entry of it. */
must_check int nmap_tally_node(struct nmap_tally *t, const struct scan_host *h,
			       const char **ret_name);
/* Whether the host says something about ports; counts the reason if not. */
bool nmap_tally_usable(struct nmap_tally *t, const struct scan_host *h);
/* Whether the port is open and was not seen before on this node; counts what is left out. */
must_check int nmap_tally_port(struct nmap_tally *t, const char *node, const struct port_seen *p,
			       bool *ret_new);
/* Says what was left out, one line a reason, and what was counted together. */
void nmap_tally_say(struct nmap_tally *t, const struct scan_run *run);

#endif
