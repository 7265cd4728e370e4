/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_REDIRECT_H
#define AJAR_CORE_REDIRECT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/text.h"
#include "core/event.h"

struct buf;

/*
 * What a node says of its own kernel: which ports are answered by something else than a socket that
 * listens there. It is the reason of an event "steer" and stored as it is: text, sorted, one line
 * each, and only as true as that node's root.
 *
 * 	tcp 2222 * 10.0.0.1:22 nft ip nat pre: dnat		one way: protocol, ports, asked-for
 * 	address, whereto, what
 * 	any any * - sk_lookup: program 12			ports that the node cannot tell:
 * 	"any"
 * 	? xdp on eth0: program 7 may answer by itself		a hint: explains nothing
 * 	! nft: Operation not permitted				what the node could not read
 */
#define REDIRECT_TEXT_MAX 12288 /* bytes of a list; fits into a record */
#define REDIRECT_LINE_MAX 400

struct redirect {
	enum door_proto proto; /* 0: any */
	uint32_t port, port_end; /* 0, 65535: any, or not told */
	bool has_addr; /* only for this address of the node */
	enum door_family family;
	uint8_t addr[16];
	bool has_to_addr; /* whereto, as far as it is one address */
	enum door_family to_family;
	uint8_t to_addr[16];
	uint32_t to_port; /* 0: the port stays as it is, or is not told */
	struct text to; /* as it is written; "-": not told */
	struct text what;
};

/* -EINVAL: a hint, a complaint, or no such line. */
must_check int redirect_parse(struct text line, struct redirect *ret);
/* Takes the next line off *list; false at the end. */
bool redirect_next(struct text *list, struct text *ret_line);
/*
 * The way that explains an answer there: one that names the port before one that may be about any.
 * Borrows from the list.
 */
bool redirect_find(struct text list, enum door_proto proto, uint32_t port, enum door_family family,
		   const uint8_t addr[16], struct redirect *ret);
bool redirect_names_port(const struct redirect *s);
/* Appends "nft ip nat pre: dnat to 10.0.0.1:22", escaped. */
void redirect_format(struct buf *b, const struct redirect *s);
/* Appends "tcp 2222: nft ip nat pre: dnat to 10.0.0.1:22", or a hint as it is, escaped. */
void redirect_format_line(struct buf *b, struct text line);

#endif
