/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_SENSOR_H
#define AJAR_SENSOR_SENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct event;
struct buf;

/*
 * The kernel's witness: loads the BPF programs, attaches them, and turns ring records into
 * events. Opening needs root; everything after sensor_open() works without any capability.
 */
struct sensor;

struct sensor_opts {
	/* Where links, maps and the ring are pinned (a bpffs folder, made when missing, owned by
	 * uid:gid so that the unprivileged agent can remove it); NULL: nothing is pinned. */
	const char *pin_dir;
	uint32_t uid, gid;
	uint32_t ring_bytes; /* power of two; 0: 4 MiB */
	char tier; /* this one or none, for tests; 0: $AJAR_SENSOR_TIER, else the best that works */
	/* only the doors of the network namespace that it is opened in, not all of the machine */
	bool own_netns;
	char lowest; /* of the tiers that work, none below this one is taken; 0: 'A' */
	/*
	 * as on a kernel without bpf_get_current_task_btf() in all programs, for tests;
	 * $AJAR_SENSOR_UNTYPED, too
	 */
	bool untyped;
	/* as on a kernel before 5.12, whose programs lack some atomics; $AJAR_SENSOR_PLAIN, too */
	bool plain;
	uint32_t netns_max; /* network namespaces that are looked into; 0: 4096. The report tells */
	/* doors of one user that are kept, see sensor_crowded(); 0: 32768 */
	uint32_t doors_by_user;
	bool other_cgroup; /* tier A is tried with doors of ours in another cgroup, too */
	/* doors that a sweep looks at in one go, for tests; 0: 32768 */
	uint32_t sweep_part;
};
#define SENSOR_TIER_ENV "AJAR_SENSOR_TIER"
#define SENSOR_UNTYPED_ENV "AJAR_SENSOR_UNTYPED"
#define SENSOR_PLAIN_ENV "AJAR_SENSOR_PLAIN"

/*
 * Called for each event; everything it points to is borrowed until it returns. Non-zero ends the
 * drain.
 */
typedef int (*sensor_fn)(const struct event *ev, void *arg);

/*
 * On failure *ret_why (optional, caller frees) is one line: what is wrong and the command that
 * fixes it.
 */
must_check int sensor_open(const struct sensor_opts *o, struct sensor **ret_sensor, char **ret_why);
/* Detaches; with unpin also removes the pins, else a pinned sensor goes on filling its ring. */
void sensor_free(struct sensor *s, bool unpin);
static inline void sensor_freep(struct sensor **s)
{
	sensor_free(*s, false);
}

/*
 * Was a pinned sensor of the same version taken over? Then *ret_since_boot_ns is when its owner
 * last drained.
 */
bool sensor_resumed(const struct sensor *s, uint64_t *ret_since_boot_ns);

/* Polls readable when there is something to drain. */
int sensor_fd(const struct sensor *s);
/*
 * Delivers what is in the ring, in order, "lost" events included; returns the number delivered or a
 * negative errno. At most some thousand records a call: sensor_fd() stays readable while there is
 * more.
 */
must_check int sensor_drain(struct sensor *s, sensor_fn fn, void *arg);
/*
 * Gives what was delivered back to the kernel: call it when the records are stored. Until then a
 * successor that takes over the pins gets them again. The next sensor_drain() does it otherwise.
 * Within a callback it leaves out the record that the callback is about.
 */
void sensor_commit(struct sensor *s);
/*
 * What a lost event (its lost_* fields) told that the kernel does not know of, because who recorded
 * it ended between the two, is not delivered again. Before the first drain; events of another
 * sensor are passed over.
 */
void sensor_lost_reported(struct sensor *s, const struct event *lost);
/*
 * Looks at every socket of every network namespace (iterators) and delivers only differences to
 * what the sensor knows: opens (origin as given) and, except for a snapshot, closes. Live events
 * win: a door that an event has reported is never reported again. Call once after opening with
 * ORIGIN_SNAPSHOT, later with ORIGIN_SWEEP.
 */
must_check int sensor_sweep(struct sensor *s, int origin, sensor_fn fn, void *arg);

/*
 * Opens and closes a door of its own: 0: it was seen, or nobody can tell; -ENODATA: attached, but
 * it sees nothing. Drain before it: only the last such door is known to be ours.
 */
must_check int sensor_try(struct sensor *s);

/* What somebody has taken away of the sensor, from outside and while it watched. */
struct sensor_harm {
	/*
	 * "ipv6 udp and bind"; NULL: the pins, which a successor needs, or with canary the process
	 * that opens doors of ours in another cgroup
	 */
	const char *what;
	bool canary;
	const char *hook; /* "cgroup/post_bind6" */
	int err; /* 0: it was put right; else why not */
};
typedef void (*sensor_harm_fn)(const struct sensor_harm *h, void *arg);
/*
 * Looks at each link and each pin by itself, a few system calls in all, and puts right what it can
 * without privileges. fn is called for each harm, once for one that stays. false: some hook sees
 * nothing.
 */
bool sensor_look_after(struct sensor *s, sensor_harm_fn fn, void *arg);

/* A user who has more doors than are kept: what is above is not recorded. */
struct sensor_crowd {
	uint32_t uid; /* who logged in, else the user */
	struct text user; /* its name, borrowed; empty: it has none here */
	bool known; /* else nobody knows who holds them, and uid says nothing */
	bool everybody; /* the limit is that of all users together, and this one has met it */
	uint32_t limit;
	size_t doors; /* of this user, that are kept */
};
typedef void (*sensor_crowd_fn)(const struct sensor_crowd *c, void *arg);
/* fn is called once for each such user, again when ten minutes without one too many lie between. */
void sensor_crowded(struct sensor *s, sensor_crowd_fn fn, void *arg);

/* How it watches, for `doctor`, start events and every view. */
struct sensor_hook_report {
	const char *what; /* "tcp listen" */
	const char *hook; /* "sockops LISTEN_CB", or NULL: not watched */
	const char *note; /* why not a better one, or NULL */
};
struct sensor_report {
	char tier; /* 'A'..'D' */
	const char *why; /* why not a better one, or NULL */
	const char *misses; /* what a better one would see, or NULL */
	uint32_t netns; /* inode of the agent's own network namespace; 0 unknown */
	/* inode of the one network namespace that is watched; 0: all of the machine's */
	uint32_t only_netns;
	unsigned hooks_len;
	const struct sensor_hook_report *hooks;
};
const struct sensor_report *sensor_report(const struct sensor *s);
struct sensor_stats {
	/* since opening: ring records, told losses, owner records */
	uint64_t received, lost, owners;
	/* by the kernel since attaching: numbers given out, of them without room */
	uint64_t produced, dropped;
	uint64_t doors_full, owners_busy; /* doors not in the kernel's table, owners not captured */
};
void sensor_stats(const struct sensor *s, struct sensor_stats *ret);

/*
 * What this machine has, without attaching anything: one line a check for `ajar doctor`.
 * ok 1 fine, 0 missing, -1 not needed but worth knowing; fix is the command, or NULL.
 */
struct sensor_check {
	const char *name;
	int ok;
	char detail[160];
	const char *fix;
};
#define SENSOR_CHECKS_MAX 16
unsigned sensor_probe(bool own_netns, struct sensor_check checks[SENSOR_CHECKS_MAX]);

#endif
