/* SPDX-License-Identifier: GPL-2.0 */
#include "redirect/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define RECEIVE_S 5
#define ANSWER_MAX 65536

int netlink_open(int protocol, int *ret_fd)
{
	_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	const struct timeval patience = { .tv_sec = RECEIVE_S };
	const struct sockaddr_nl self = { .nl_family = AF_NETLINK };

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    bind(fd, (const struct sockaddr *)&self, sizeof(self)) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

void netlink_begin(struct netlink_request *r, uint16_t type, const void *head, size_t len)
{
	struct nlmsghdr *h = (struct nlmsghdr *)r->bytes;

	memset(r->bytes, 0, sizeof(r->bytes));
	*h = (struct nlmsghdr){ .nlmsg_len = (uint32_t)NLMSG_LENGTH(len),
				.nlmsg_type = type,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP };
	memcpy(NLMSG_DATA(h), head, len);
}

void netlink_put_str(struct netlink_request *r, uint16_t type, const char *s)
{
	struct nlmsghdr *h = (struct nlmsghdr *)r->bytes;
	size_t len = strlen(s) + 1, at = NLMSG_ALIGN(h->nlmsg_len);
	struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + len), .nla_type = type };

	if (at + sizeof(a) + len > sizeof(r->bytes))
		return; /* two names of 255 bytes have room */
	memcpy(r->bytes + at, &a, sizeof(a));
	memcpy(r->bytes + at + sizeof(a), s, len);
	h->nlmsg_len = (uint32_t)(at + sizeof(a) + len);
}

/* 1: that was the last. */
static int on_message(const struct nlmsghdr *h, uint32_t seq, bool *cut, netlink_fn fn, void *arg)
{
	const struct nlmsgerr *e;

	if (h->nlmsg_seq != seq)
		return 0; /* of a dump that was given up */
	*cut |= h->nlmsg_flags & NLM_F_DUMP_INTR;
	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type == NLMSG_ERROR) {
		e = NLMSG_DATA(h);
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
			return -EBADMSG;
		return e->error ? e->error : 1;
	}
	return fn(h, arg);
}

int netlink_dump(int fd, struct nlmsghdr *request, netlink_fn fn, void *arg)
{
	static _Alignas(8) uint8_t bytes[ANSWER_MAX];
	static uint32_t seq;
	bool cut = false;
	ssize_t n;
	int ret = 0;

	request->nlmsg_seq = ++seq;
	if (send(fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	while (!ret) {
		n = recv(fd, bytes, sizeof(bytes), MSG_TRUNC);
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if ((size_t)n > sizeof(bytes))
			return -E2BIG;
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)bytes;
		     !ret && NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n))
			ret = on_message(h, seq, &cut, fn, arg);
	}
	return ret < 0 ? ret : cut ? -EINTR : 0;
}
