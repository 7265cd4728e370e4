/* SPDX-License-Identifier: GPL-2.0 */
#include "core/event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#include "base/buf.h"
#include "base/text.h"

/* clang-format off */
static const char *const kind_names[] = {
	[EVENT_OPEN] = "open", [EVENT_CLOSE] = "close", [EVENT_BIND] = "bind", [EVENT_LOST] = "lost",
	[EVENT_GAP] = "gap", [EVENT_START] = "start", [EVENT_STOP] = "stop",
	[EVENT_REDIRECT] = "steer", [EVENT_HELD] = "held", [EVENT_SETTLE] = "settle",
};
static const char *const origin_names[] = {
	[ORIGIN_EVENT] = "event", [ORIGIN_SNAPSHOT] = "snapshot", [ORIGIN_SWEEP] = "sweep",
};
static const char *const proto_names[] = {
	[PROTO_TCP] = "tcp", [PROTO_MPTCP] = "mptcp", [PROTO_UDP] = "udp", [PROTO_UDPLITE] = "udplite",
	[PROTO_SCTP] = "sctp", [PROTO_RAW] = "raw", [PROTO_PACKET] = "packet", [PROTO_VSOCK] = "vsock",
};
static const char *const scope_names[] = {
	[SCOPE_ANY] = "any", [SCOPE_HOST] = "host", [SCOPE_LOOPBACK] = "loopback",
};
/* clang-format on */

#define NAME_OF(names, i) ((size_t)(i) < array_len(names) && (names)[i] ? (names)[i] : "?")

static int find_name(const char *const *names, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i] && !strcmp(names[i], s))
			return (int)i;
	}
	return -ENOENT;
}

bool event_has_door(enum event_kind k)
{
	return k == EVENT_OPEN || k == EVENT_CLOSE || k == EVENT_BIND || k == EVENT_HELD ||
	       k == EVENT_SETTLE;
}

const char *event_kind_name(enum event_kind k)
{
	return NAME_OF(kind_names, k);
}

const char *event_origin_name(enum event_origin o)
{
	return NAME_OF(origin_names, o);
}

const char *door_proto_name(enum door_proto p)
{
	return NAME_OF(proto_names, p);
}

const char *door_scope_name(enum door_scope s)
{
	return NAME_OF(scope_names, s);
}

const char *door_family_name(enum door_family f)
{
	switch (f) {
	case FAMILY_INET:
		return "inet";
	case FAMILY_INET6:
		return "inet6";
	case FAMILY_PACKET:
		return "packet";
	case FAMILY_VSOCK:
		return "vsock";
	}
	return "?";
}

int door_proto_parse(const char *s, enum door_proto *ret_p)
{
	int i = find_name(proto_names, array_len(proto_names), s);

	if (i < 0)
		return i;
	*ret_p = (enum door_proto)i;
	return 0;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return !*p && !memcmp(p, p + 1, n - 1);
}

static enum door_scope scope_of_inet(const uint8_t addr[4])
{
	if (all_zero(addr, 4))
		return SCOPE_ANY;
	return addr[0] == 127 ? SCOPE_LOOPBACK : SCOPE_HOST;
}

enum door_proto proto_class(enum door_proto p)
{
	return p == PROTO_MPTCP ? PROTO_TCP : p;
}

static uint32_t cid_of(const uint8_t addr[16])
{
	uint32_t cid;

	memcpy(&cid, addr, sizeof(cid));
	return ntohl(cid);
}

enum door_scope door_scope_of(enum door_family family, const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (family == FAMILY_INET)
		return scope_of_inet(addr);
	if (family == FAMILY_VSOCK)
		return cid_of(addr) == VMADDR_CID_LOCAL ? SCOPE_LOOPBACK : SCOPE_ANY;
	if (family != FAMILY_INET6)
		return SCOPE_ANY;
	if (all_zero(addr, 16))
		return SCOPE_ANY;
	if (all_zero(addr, 15) && addr[15] == 1)
		return SCOPE_LOOPBACK;
	if (!memcmp(addr, mapped, sizeof(mapped)))
		return scope_of_inet(addr + 12);
	return SCOPE_HOST;
}

void door_addr_format(struct buf *b, const struct door *d)
{
	char text[INET6_ADDRSTRLEN];

	switch (d->family) {
	case FAMILY_INET:
	case FAMILY_INET6:
		if (inet_ntop((int)d->family, d->addr, text, sizeof(text)))
			buf_puts(b, text);
		return;
	case FAMILY_VSOCK:
		if (cid_of(d->addr) == VMADDR_CID_ANY)
			break;
		buf_printf(b, "%" PRIu32, cid_of(d->addr));
		return;
	case FAMILY_PACKET:
		break;
	}
	buf_putc(b, '*');
}

void door_endpoint_format(struct buf *b, const struct door *d)
{
	bool v6 = d->family == FAMILY_INET6;

	if (v6)
		buf_putc(b, '[');
	door_addr_format(b, d);
	if (v6)
		buf_putc(b, ']');
	if (d->device[0]) {
		buf_putc(b, '%');
		esc_text(b, d->device, strlen(d->device), 0);
	}
	buf_printf(b, ":%" PRIu32, d->port);
}

void door_id_format(struct buf *b, uint32_t boot_seq, const struct door *d)
{
	buf_printf(b, "%" PRIu32 ":%" PRIu32 ":0x%" PRIx64, boot_seq, d->netns, d->cookie);
}
