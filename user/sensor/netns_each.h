/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_NETNS_EACH_H
#define AJAR_SENSOR_NETNS_EACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The network namespaces of this machine that a process is in or that are mounted somewhere (ip
 * netns). One that lives only by a descriptor or by a socket has no path.
 */
typedef int (*netns_fn)(uint32_t netns, const char *path, void *arg);
/*
 * Calls fn once for each, of at most max; its non-zero answer ends it. *ret_more: there are more
 * than that.
 */
must_check int netns_each(uint32_t max, netns_fn fn, void *arg, bool *ret_more);

#endif
