/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sockets of a network namespace by sock_diag(7): one dump for each family and protocol. A
 * protocol whose diag module this kernel lacks is left out; TCP is always there.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets_diag.h>

#include "base/clock.h"
#include "sensor/poll.h"

#define STATE_CLOSE (1u << 7) /* also what an unconnected UDP socket is in */
#define STATE_LISTEN (1u << 10)
#define REPLY_BYTES 32768
#define LOOPBACK_IFINDEX 1 /* in every namespace */

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

struct dump {
	int fd;
	uint8_t proto; /* enum ajar_proto */
	uint32_t netns;
	uint64_t netns_cookie;
	poll_fn fn;
	void *arg;
};

#define TCP_KINDS 2 /* the first ones */

static const struct {
	uint8_t family, protocol, proto;
	uint32_t states;
} kinds[] = {
	{ AF_INET, IPPROTO_TCP, AJAR_PROTO_TCP, STATE_LISTEN },
	{ AF_INET6, IPPROTO_TCP, AJAR_PROTO_TCP, STATE_LISTEN },
	{ AF_INET, IPPROTO_UDP, AJAR_PROTO_UDP, STATE_CLOSE },
	{ AF_INET6, IPPROTO_UDP, AJAR_PROTO_UDP, STATE_CLOSE },
	{ AF_INET, IPPROTO_UDPLITE, AJAR_PROTO_UDPLITE, STATE_CLOSE },
	{ AF_INET6, IPPROTO_UDPLITE, AJAR_PROTO_UDPLITE, STATE_CLOSE },
	{ AF_INET, IPPROTO_SCTP, AJAR_PROTO_SCTP, STATE_LISTEN },
	{ AF_INET6, IPPROTO_SCTP, AJAR_PROTO_SCTP, STATE_LISTEN },
	{ AF_INET, IPPROTO_RAW, AJAR_PROTO_RAW, STATE_CLOSE },
	{ AF_INET6, IPPROTO_RAW, AJAR_PROTO_RAW, STATE_CLOSE },
	{ AF_PACKET, 0, AJAR_PROTO_PACKET, 0 },
	{ AF_VSOCK, 0, AJAR_PROTO_VSOCK, STATE_LISTEN },
};

static void seen_init(const struct dump *d, struct ajar_open *seen, const uint32_t cookie[2],
		      uint16_t family, uint32_t inode)
{
	*seen = (struct ajar_open){
		.h = { .abi = AJAR_ABI,
		       .type = AJAR_RECORD_SEEN,
		       .size = sizeof(*seen),
		       .ktime_ns = clock_boot_ns() },
		.door = { .cookie = cookie[0] | (uint64_t)cookie[1] << 32,
			  .netns_cookie = d->netns_cookie,
			  .netns = d->netns,
			  .inode = inode,
			  .family = family,
			  .proto = d->proto,
			  .flags = AJAR_DOOR_SWEPT },
		.opener = { .flags = AJAR_ACTOR_NONE },
	};
}

static bool v6only(const struct nlmsghdr *h, const struct inet_diag_msg *m)
{
	const struct rtattr *a = (const struct rtattr *)(m + 1);
	size_t left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(a) >= 1)
			return *(const uint8_t *)RTA_DATA(a);
	}
	return false;
}

/* We are in the namespace of the dump: there the number has its name. */
static void device_name(struct ajar_door *d, uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	d->ifindex = ifindex;
	if (ifindex && if_indextoname(ifindex, name))
		snprintf(d->device, sizeof(d->device), "%s", name);
	if (ifindex == LOOPBACK_IFINDEX)
		d->device_flags |= AJAR_DEVICE_LOOPBACK;
}

static int take_inet(const struct dump *d, const struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct ajar_open seen;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EBADMSG;
	seen_init(d, &seen, m->id.idiag_cookie, m->idiag_family, m->idiag_inode);
	seen.door.port = ntohs(m->id.idiag_sport);
	memcpy(seen.door.addr, m->id.idiag_src, m->idiag_family == AF_INET6 ? 16 : 4);
	device_name(&seen.door, m->id.idiag_if);
	/* A UDP socket that was made and never bound. */
	if (!seen.door.port && d->proto != AJAR_PROTO_RAW)
		return 0;
	if (m->idiag_family == AF_INET6 && v6only(h, m))
		seen.door.flags |= AJAR_DOOR_V6ONLY;
	return d->fn(&seen, d->arg);
}

static int take_packet(const struct dump *d, const struct nlmsghdr *h)
{
	const struct packet_diag_msg *m = NLMSG_DATA(h);
	struct ajar_open seen;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EBADMSG;
	seen_init(d, &seen, m->pdiag_cookie, AF_PACKET, m->pdiag_ino);
	seen.door.port = m->pdiag_num;
	return d->fn(&seen, d->arg);
}

static int take_vsock(const struct dump *d, const struct nlmsghdr *h)
{
	const struct vsock_diag_msg *m = NLMSG_DATA(h);
	struct ajar_open seen;
	uint32_t cid;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EBADMSG;
	seen_init(d, &seen, m->vdiag_cookie, AF_VSOCK, m->vdiag_ino);
	seen.door.port = m->vdiag_src_port;
	cid = htonl(m->vdiag_src_cid);
	memcpy(seen.door.addr, &cid, sizeof(cid));
	return d->fn(&seen, d->arg);
}

static int ask(int fd, size_t kind)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr h;
		union {
			struct inet_diag_req_v2 inet;
			struct packet_diag_req packet;
			struct vsock_diag_req vsock;
		};
	} q = { .h = { .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };

	if (kinds[kind].family == AF_PACKET) {
		q.packet.sdiag_family = AF_PACKET;
		q.h.nlmsg_len = NLMSG_LENGTH(sizeof(q.packet));
	} else if (kinds[kind].family == AF_VSOCK) {
		q.vsock.sdiag_family = AF_VSOCK;
		q.vsock.vdiag_states = kinds[kind].states;
		q.h.nlmsg_len = NLMSG_LENGTH(sizeof(q.vsock));
	} else {
		q.inet.sdiag_family = kinds[kind].family;
		q.inet.sdiag_protocol = kinds[kind].protocol;
		q.inet.idiag_states = kinds[kind].states;
		q.h.nlmsg_len = NLMSG_LENGTH(sizeof(q.inet));
	}
	return sendto(fd, &q, q.h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0
		       ? -errno
		       : 0;
}

static int take_one(const struct dump *d, const struct nlmsghdr *h)
{
	switch (d->proto) {
	case AJAR_PROTO_PACKET:
		return take_packet(d, h);
	case AJAR_PROTO_VSOCK:
		return take_vsock(d, h);
	}
	return take_inet(d, h);
}

/* One datagram of the answer: 0 more to come, 1 the end, or a negative errno. */
static int take_answer(const struct dump *d, const char *buf, size_t len)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
	int err = 0;

	for (; !err && NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			return h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || !e->error ? -EBADMSG
										    : e->error;
		}
		if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			err = take_one(d, h);
	}
	return err;
}

static int dump(struct dump *d, size_t kind)
{
	_Alignas(8) char buf[REPLY_BYTES];
	int err = ask(d->fd, kind);

	d->proto = kinds[kind].proto;
	while (!err) {
		ssize_t n = recv(d->fd, buf, sizeof(buf), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		err = take_answer(d, buf, (size_t)n);
	}
	return err > 0 ? 0 : err;
}

uint64_t diag_netns_cookie(void)
{
	_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	/* 5.14 brought it; without it doors go by the namespace's inode. */
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

static int dump_kinds(size_t first_ones, uint32_t netns, poll_fn fn, void *arg)
{
	struct dump d = { .fd = -1, .netns = netns, .fn = fn, .arg = arg };
	int err = 0;

	d.netns_cookie = diag_netns_cookie();
	for (size_t i = 0; !err && i < first_ones; i++) {
		/* A socket for each: what is left of a dump that failed is not the next one's. */
		_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

		if (fd < 0)
			return -errno;
		d.fd = fd;
		err = dump(&d, i);
		if (kinds[i].proto != AJAR_PROTO_TCP && (err == -ENOENT || err == -EINVAL))
			err = 0;
	}
	return err;
}

int diag_doors(uint32_t netns, poll_fn fn, void *arg)
{
	return dump_kinds(array_len(kinds), netns, fn, arg);
}

int diag_listeners(uint32_t netns, poll_fn fn, void *arg)
{
	return dump_kinds(TCP_KINDS, netns, fn, arg);
}
