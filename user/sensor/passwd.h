/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_PASSWD_H
#define AJAR_SENSOR_PASSWD_H

#include <stdint.h>
#include <time.h>

#include "base/text.h"

struct map;

/*
 * Names of uids from /etc/passwd alone: no NSS, which may ask the network. Read anew when it
 * changes.
 */
struct passwd_cache {
	struct map *by_uid;
	struct timespec mtime;
	uint64_t ino;
	uint64_t checked_ns; /* looked at once a second at most */
};

void passwd_done(struct passwd_cache *p);
/* Unknown when there is none. Valid until the next call. */
struct text passwd_name(struct passwd_cache *p, uint32_t uid);

#endif
