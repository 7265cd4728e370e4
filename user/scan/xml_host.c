/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/xml.h"

/* What a finished host says of a port. */

enum port_state scan_host_state(const struct scan_host *h, enum door_proto proto, uint16_t port)
{
	if (h->timed_out)
		return PORT_UNKNOWN;
	for (size_t i = 0; i < h->ports_len; i++) {
		if (h->ports[i].port == port && h->ports[i].proto == proto)
			return h->ports[i].state;
	}
	for (unsigned i = 0; i < h->extras_len; i++) {
		if (h->extras[i].proto == proto && port_list_has(h->extras[i].ports, port))
			return h->extras[i].state;
	}
	return PORT_UNKNOWN;
}
