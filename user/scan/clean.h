/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_CLEAN_H
#define AJAR_SCAN_CLEAN_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Replaces, in a stream of XML, what no XML may contain by '?': control characters (nmap before
 * 7.95 writes them as "&#x1;" when a script names a service so), their references, bytes that are
 * not UTF-8. A service that sends such bytes would otherwise stop the parser and so hide whole
 * shards. Keeps what is cut by the end of a piece.
 */
#define CLEAN_HELD_MAX 12
struct clean {
	uint8_t held[CLEAN_HELD_MAX + 1];
	size_t len;
};

void clean_put(struct clean *c, const void *p, size_t n, struct buf *out);
void clean_end(struct clean *c, struct buf *out);

#endif
