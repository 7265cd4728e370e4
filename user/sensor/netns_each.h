/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_NETNS_EACH_H
#define AJAR_SENSOR_NETNS_EACH_H

#include <stdint.h>

#include "base/err.h"

/*
 * The network namespaces of this machine that a process is in or that are mounted somewhere (ip
 * netns). One that lives only by a descriptor or by a socket has no path. What is beyond
 * NETNS_EACH_MAX is left out.
 */
#define NETNS_EACH_MAX 4096
typedef int (*netns_fn)(uint32_t netns, const char *path, void *arg);
/* Calls fn once for each; its non-zero answer ends it. */
must_check int netns_each(netns_fn fn, void *arg);

#endif
