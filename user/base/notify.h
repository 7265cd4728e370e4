/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_NOTIFY_H
#define AJAR_BASE_NOTIFY_H

#include <sys/types.h>

#include "base/err.h"

/*
 * The sd_notify(3) protocol, both ends: roles tell systemd, or the supervisor of `ajar run`, that
 * they are ready. One datagram of "KEY=value" lines to the socket that NOTIFY_SOCKET names.
 */

/* 0 also when nobody asked to be told. */
must_check int notify_send(const char *state);

/*
 * The receiving end: an abstract socket, its name put into our environment for children started
 * from now on.
 */
must_check int notify_listen(int *ret_fd);
/*
 * One message: 1 and its sender's pid when it contains READY=1, 0 for any other, -EAGAIN when there
 * is none.
 */
must_check int notify_receive(int fd, pid_t *ret_pid);

#endif
