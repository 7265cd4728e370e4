/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_INTERNAL_H
#define AJAR_SENSOR_INTERNAL_H

#include <stdint.h>

#include "ajar/event.h"
#include "core/event.h"
#include "sensor/cgroup.h"
#include "sensor/held.h"
#include "sensor/hooks.h"
#include "sensor/links.h"
#include "sensor/netns.h"
#include "sensor/own_door.h"
#include "sensor/owner.h"
#include "sensor/passwd.h"
#include "sensor/pins.h"
#include "sensor/ring.h"
#include "sensor/sensor.h"

struct leaf;
struct listens;
struct map;
struct poller;

/* A door that is open, as this process knows it. */
struct known_door {
	struct ajar_door door;
	uint64_t opened_ns; /* boot time; 0 unknown: it was open before */
	struct ajar_actor opener;
	struct owner *owner; /* a reference, or NULL */
	/* who holds it; NULL: the opener alone, as far as any sweep has seen */
	struct held_set *held;
	uint64_t reported_ns; /* boot time of the sweep that told of it, 0: an event did */
	uint64_t sweep; /* number of the last sweep that saw it */
	/* sweeps in a row that did not see it although the kernel's table has it */
	uint32_t unseen;
	bool over; /* its socket is no door any more, and no hook tells of that */
	uint64_t settle_from_ns; /* UDP, boot time: from when its age counts */
	bool settling; /* it is not settled yet, or nobody was told */
	bool lasting; /* told of as such, see struct door */
	uint32_t unheld; /* sweeps in a row that found nobody who holds it */
	/* boot time since when it is not clear who holds it; 0: it is */
	uint64_t unclear_ns;
	/* from the table of a sensor that was taken over: its opening may be in the ring */
	bool preloaded;
	bool counted; /* in the quota of: */
	uint32_t user;
};

/* sensor_sweep(), for those below it. */
typedef int (*sweep_fn)(struct sensor *s, int origin, sensor_fn fn, void *arg);

#define SENSOR_CANARIES (2 * OWN_DOORS) /* ours, then those of another cgroup */

struct sensor {
	struct handles h;
	/* of sensor.c, for a sweep: sensor_drain() without giving anything back to the kernel */
	int (*drain)(struct sensor *s, sensor_fn fn, void *arg);
	struct pins pins;
	struct links links;
	bool pins_told; /* that they are gone */
	struct ring ring;
	struct ajar_cpu *cpus; /* mapped */
	struct ajar_control *ctl; /* mapped */
	unsigned cpus_len;
	struct ajar_cpu *told; /* what release makes known of `reported` and `seen` */
	int epfd, timer;
	bool resumed;
	uint64_t resumed_since;

	struct owner_cache owners;
	struct map *doors; /* by cookie */
	struct map *users; /* by uid: struct quota_user */
	uint32_t doors_by_user;
	/* a sweep takes the doors in so many parts, by cookie, each of sweep_part at most */
	uint32_t sweep_parts, sweep_part;
	struct cgroups cgroups;
	struct buf others; /* of the event that is being told: cgroup paths */
	struct netns_names netns_names;
	struct passwd_cache passwd;
	uint64_t canaries[SENSOR_CANARIES];
	struct leaf *leaf; /* opens those of another cgroup; NULL: */
	int leaf_err; /* why it cannot, 0: nobody asked for it */
	bool leaf_told; /* that it is gone */
	uint32_t netns; /* ours, which iter/tcp and iter/udp look at; 0 unknown */
	/* of the one network namespace that is watched; 0: all, or there is no kernel side */
	uint64_t only_cookie;
	bool own_netns; /* nothing else is watched */

	struct ajar_control no_ctl; /* for ctl and ring where there is no kernel side */
	uint64_t no_ring;
	/* Tiers C and D: their child; boot time of the last look at everything, of a glance */
	struct poller *poller;
	uint64_t polled_ns, glanced_ns;
	uint64_t look_cpu_ns, glance_cpu_ns; /* what they cost */
	uint64_t mark, looked_mark; /* of the last glance; of the last look */
	struct listens *listens; /* tier C: what the tracepoint told, else NULL */
	/* boot time of the last try with doors of our own: records of then are of those */
	uint64_t canary_from_ns, canary_until_ns;

	uint32_t netns_max; /* of those that are looked into */
	unsigned missed; /* enum poll_missed */

	bool unsure; /* some door of the table has AJAR_DOOR_UNSURE: a sweep must look */
	uint64_t confirm_after_ns; /* not before */

	size_t settling; /* doors that are */
	uint64_t settle_at_ns; /* boot time of the next look at them; 0: none is due */
	unsigned settle_idle; /* looks since one of them settled */
	uint64_t settle_swept_ns; /* boot time of the last sweep for those that looks do not find */
	/* Holders may have changed. */
	/* by tgid: uint64_t, for how many doors it is the only holder of its kind */
	struct map *sole;
	/* by tgid: of those, who ends, until a sweep does not see it: struct ended */
	struct map *ended;
	bool look; /* some other change */
	uint64_t look_after_ns; /* not before */
	/* boot time of the next look at doors whose holders are not clear; 0: none is due */
	uint64_t again_ns;
	/*
	 * what was open in other network namespaces before, until the first sweep: struct
	 * ajar_open
	 */
	struct map *elsewhere;
	bool stays; /* it may not go there */

	struct map *bound; /* by cookie: bound.c */
	/* while sweeping: cookies of doors whose close was drained meanwhile, to s */
	struct map *closed;
	uint64_t sweep;

	struct sensor_hook_report hooks[HOOKS_MAX + 3];
	struct sensor_report report;
	char *why; /* not a better tier, or NULL */
	uint64_t received, lost, owners_received;
};

/* --- deliver.c: events of doors --- */

struct delivery {
	struct sensor *s;
	sensor_fn fn;
	void *arg;
	int count; /* delivered */
	int ended; /* fn's non-zero answer */
};

/* A door of a sweep. */
void deliver_open(struct delivery *d, const struct known_door *k, enum event_kind kind, int origin,
		  uint64_t boot_ns);
/* Others hold it than before. */
void deliver_held(struct delivery *d, const struct known_door *k, uint64_t boot_ns);
void deliver_close(struct delivery *d, const struct known_door *k, int origin, uint64_t boot_ns,
		   const struct ajar_actor *closer);
/* Records that the kernel dropped on a CPU. */
void deliver_lost(struct delivery *d, unsigned cpu, uint64_t count);

/* --- record.c: what the ring has --- */

/* One record of the ring; 0 or a negative errno. */
must_check int record_take(struct delivery *d, const void *rec, uint32_t len);
must_check int record_losses(struct delivery *d);

/* --- doors.c: the table --- */

struct known_door *door_get(struct sensor *s, uint64_t cookie);
/* Adds or replaces; the owner is looked up by the opener's key. */
must_check int door_put(struct sensor *s, const struct ajar_door *door, uint64_t opened_ns,
			const struct ajar_actor *opener, struct known_door **ret_k);
void door_del(struct sensor *s, uint64_t cookie);
must_check int doors_init(struct sensor *s);
void doors_done(struct sensor *s);

/* --- report.c --- */

/* What sensor_report() gives; anew when a look has left something out. */
void report_fill(struct sensor *s);

/* --- bound.c --- */

/* A sweep has found a TCP socket that is bound and no door, and one who holds it. */
void bound_seen(struct sensor *s, const struct ajar_open *seen);
/* At the end of a sweep: tells of those that are new. */
void bound_tell(struct delivery *d, int origin);

/* --- sweep.c --- */

/* Fills the table from the kernel's after a takeover; delivers nothing. */
must_check int sweep_preload(struct sensor *s);
/* Confirms doors that are unsure, now or, when *ret_wait_ns is set, after that time. */
must_check int sweep_confirm(struct sensor *s, sensor_fn fn, void *arg, uint64_t *ret_wait_ns);

/*
 * A door that no event told of: one from before, or one whose record was lost. held: who holds it,
 * as a sweep saw, or NULL.
 */
must_check int sweep_tell_missed(struct delivery *d, struct ajar_open *seen, struct held_set *held,
				 int origin, struct known_door **ret_k);

/* As root: what is open in other network namespaces, for the first sweep. */
must_check int sweep_elsewhere(struct sensor *s);

/* --- quota.c --- */

must_check int quota_init(struct sensor *s, const struct sensor_opts *o);
/* Is there room for one more of this user? Else it is noted that there was none. */
bool quota_admits(struct sensor *s, const struct ajar_door *door, const struct ajar_actor *opener);
/* A door is in the table now; it leaves it. */
void quota_take(struct sensor *s, struct known_door *k);
void quota_give(struct sensor *s, const struct known_door *k);
/* Has this user had doors for which there was no room? */
bool quota_left_out(struct sensor *s, const struct ajar_actor *opener);

/* --- settle.c --- */

bool settle_is_udp(const struct ajar_door *d);
/* A UDP door is new: it is judged when it has settled. Its age counts from from_ns. */
void settle_begin(struct sensor *s, struct known_door *k, uint64_t from_ns);
/* It is settled, or gone. */
void settle_end(struct sensor *s, struct known_door *k);
/* Takes over what the socket is now; false: nothing has changed. */
bool settle_take(struct known_door *k, const struct ajar_door *seen);
/* A sweep has seen the door, and what it is now: tells what is news of that. */
void settle_seen(struct delivery *d, struct known_door *k, const struct ajar_open *seen);
/* Looks at those that are due, or sets *ret_wait_ns, after which some are. */
must_check int settle_due(struct sensor *s, sweep_fn sweep, sensor_fn fn, void *arg,
			  uint64_t *ret_wait_ns);
/* --- look.c --- */

#define LOOK_EVERY_NS 50000000

/* A record of a process that ended, or holds another door than before or as another program. */
must_check int look_task(struct sensor *s, const struct ajar_task *r);
/* A sweep has found that the process holds a door: true when its end was reported. */
bool look_is_ending(struct sensor *s, const struct ajar_owner_key *key);
/* It is not clear who holds the door: it is looked at again, but not for ever: then false. */
bool look_again(struct sensor *s, struct known_door *k);
/* Around a sweep. */
void look_begin(struct sensor *s);
void look_end(struct sensor *s);
/* Looks who holds what, when a change was reported; as sweep_confirm(). */
must_check int look_due(struct sensor *s, sweep_fn sweep, sensor_fn fn, void *arg,
			uint64_t *ret_wait_ns);

/* --- load.c --- */

/* only_cookie: of the network namespace that is watched, 0: all. */
must_check int load_fresh(const struct sensor_opts *o, char tier, uint64_t only_cookie,
			  struct handles *ret_h, uint64_t build, char **ret_why);
/* The root of cgroup v2, to attach to; own_netns: or what a container has for it. */
must_check int load_cgroup(bool own_netns, int *ret_fd, char **ret_why);
/*
 * Names the programs with what they are set to watch: a pinned sensor with another one is not taken
 * over.
 */
uint64_t load_build(uint64_t only_cookie);
uint32_t load_ring_bytes(const struct sensor_opts *o);
void load_init_control(const struct handles *h, uint64_t build);
/* Only the plain objects are for this kernel, or wanted. */
bool load_is_plain(const struct sensor_opts *o);

/* --- canary.c --- */

/* Opens and closes doors of its own; -ENODATA when a hook does not fire, *ret_why says which. */
must_check int canary_run(struct sensor *s, char **ret_why);
/* A door that sensor_try() opened. */
bool canary_is(const struct sensor *s, uint64_t cookie);

/* --- listens.c --- */

typedef int (*tell_fn)(struct delivery *d, struct ajar_open *seen, struct held_set *held,
		       int origin, struct known_door **ret_k);

/* Tier C, whose records name a socket by its address: which door that is, sock_diag tells. */
must_check int listens_new(struct listens **ret_l);
void listens_free(struct listens *l);
/* tell: sweep_tell_missed(), for a door that is found by the record alone. */
must_check int listens_take(struct delivery *d, const struct ajar_state *r, tell_fn tell);
/*
 * A sweep has found a door that is new: true when a record told of its opening, who opened it then
 * (in seen) and when.
 */
bool listens_claim(struct sensor *s, struct ajar_open *seen, uint64_t *ret_opened_ns);
/* A sweep misses a door: true when a record told of its end, when, and who did it. */
bool listens_end(struct sensor *s, const struct known_door *k, uint64_t *ret_closed_ns,
		 struct ajar_actor *ret_closer);
/* Tells of ends, outside of a sweep; sets unsure when one is needed. */
must_check int listens_settle(struct delivery *d);

/* --- why.c --- */

/* Sets *ret_why (if wanted and not set yet) and returns err. */
int why(char **ret_why, int err, const char *fmt, ...) printf_like(3, 4);

#endif
