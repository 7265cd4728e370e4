/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_ADDRESS_H
#define AJAR_SCAN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"

/* Where a node is scanned. IPv4 in the first four bytes. */
struct address {
	enum door_family family;
	uint8_t bytes[16];
};
#define ADDRESS_TEXT_MAX 46

/* Only a number, no name; an IPv4 address inside an IPv6 one is the former. -EINVAL. */
must_check int address_parse(const char *s, struct address *ret_a);
void address_format(const struct address *a, char text[ADDRESS_TEXT_MAX]);
bool address_eq(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *a);
/* No multicast, no broadcast, no "any": nothing that is more than one host. */
bool address_is_host(const struct address *a);

/*
 * The networks that may be scanned at all (scan.networks): "10.0.0.0/8 fd00::/8", with blanks or
 * commas between them. A node chooses its own name, so what a name resolves to is not trusted to be
 * ours.
 */
#define NETWORKS_MAX 64
struct networks {
	unsigned len;
	struct {
		struct address at;
		unsigned bits;
	} list[NETWORKS_MAX];
};
must_check int networks_parse(const char *s, struct networks *ret_n);
bool networks_have(const struct networks *n, const struct address *a);

/*
 * The addresses of this machine, loopback left out when others are there: 0 or a negative errno; at
 * most max.
 */
must_check int address_own(struct address *a, unsigned max, unsigned *ret_n);

#endif
