/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_LATE_H
#define AJAR_SENSOR_LATE_H

#include <stdbool.h>

#include "ajar/event.h"
#include "base/buf.h"
#include "sensor/cgroup.h"

struct sensor;

/* What /proc still says of a process whose owner record is not there. */
struct late {
	struct buf exe, argv;
	struct cgroup_paths paths;
	unsigned space; /* enum process_space; 0: only root may look */
	struct buf list; /* room for what is encoded of it */
};
#define LATE_INIT                                                                                  \
	{                                                                                          \
		BUF_INIT(AJAR_EXE_MAX), BUF_INIT(AJAR_ARGV_MAX), CGROUP_PATHS_INIT, 0,             \
			BUF_INIT(8192)                                                             \
	}

/* False when it is gone, or was another one by the time it was read. */
bool late_read(struct late *l, const struct ajar_owner_key *key);
/* The same for where it runs. */
bool late_place(struct late *l, const struct ajar_owner_key *key);
void late_done(struct late *l);

/* An owner record of what /proc says, as the kernel would have sent it but for the cgroups. */
struct late_record {
	struct ajar_owner o; /* o.h.size: of all */
	char bytes[AJAR_EXE_MAX + AJAR_ARGV_MAX];
};
bool late_record(const struct ajar_owner_key *key, struct late_record *ret);

/*
 * After a takeover, still as root: who is behind the records that wait in the ring. The predecessor
 * was reported, and took it along; without it one program would be two, with and without its path.
 */
must_check int late_owners(struct sensor *s);

#endif
