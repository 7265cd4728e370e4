/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_NETLINK_H
#define AJAR_REDIRECT_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct nlmsghdr;

/*
 * Asks for a dump (type, flags and payload of the request are the caller's) and hands over each
 * message of the answer.
 */
typedef int (*netlink_fn)(const struct nlmsghdr *h, void *arg);
must_check int netlink_open(int protocol, int *ret_fd);
/*
 * -EINTR: what was dumped changed meanwhile: ask again. Errors of the kernel's, of fn, and
 * -ETIMEDOUT.
 */
must_check int netlink_dump(int fd, struct nlmsghdr *request, netlink_fn fn, void *arg);

/* A request that is put together. */
struct netlink_request {
	_Alignas(8) uint8_t bytes[1024];
};
void netlink_begin(struct netlink_request *r, uint16_t type, const void *head, size_t len);
void netlink_put_str(struct netlink_request *r, uint16_t type, const char *s);

#endif
