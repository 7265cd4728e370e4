/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/xml.h"

/* What a finished host says of a port. */

bool scan_ports_has(struct text list, uint16_t port)
{
	const char *p = list.ptr, *end = list.ptr + list.len;

	while (p && p < end) {
		uint32_t bounds[2] = { 0, 0 };
		unsigned i = 0;

		for (; p < end && *p != ','; p++) {
			if (*p >= '0' && *p <= '9' && bounds[i] <= UINT16_MAX)
				bounds[i] = bounds[i] * 10 + (uint32_t)(*p - '0');
			else if (*p == '-' && !i)
				i = 1;
			else
				return false;
		}
		if (port >= bounds[0] && port <= bounds[i])
			return true;
		p++;
	}
	return false;
}

enum port_state scan_host_state(const struct scan_host *h, enum door_proto proto, uint16_t port)
{
	if (h->timed_out)
		return PORT_UNKNOWN;
	for (size_t i = 0; i < h->ports_len; i++) {
		if (h->ports[i].port == port && h->ports[i].proto == proto)
			return h->ports[i].state;
	}
	for (unsigned i = 0; i < h->extras_len; i++) {
		if (h->extras[i].proto == proto && scan_ports_has(h->extras[i].ports, port))
			return h->extras[i].state;
	}
	return PORT_UNKNOWN;
}
