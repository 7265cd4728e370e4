/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_RUNNER_H
#define AJAR_SCAN_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct loop;
struct store;

/*
 * Works off the queue of scans in the store: leases shards, one nmap for each, as many at a time as
 * there are cores; stores each host as soon as nmap is done with it. A runner that is killed loses
 * no stored host; what is left of its shards is anybody's again when their leases run out. Several
 * runners, on one machine or many, share a queue.
 */
struct runner;

enum runner_news {
	RUNNER_SHARD_DONE, /* why: "" */
	RUNNER_SHARD_FAILED, /* it goes back into the queue, or has failed for good */
	RUNNER_LOST, /* somebody else has the lease, or the store does not answer: dropped */
	RUNNER_STORE, /* the store cannot be asked; tried again */
};
struct runner_report {
	enum runner_news news;
	uint64_t scan_id;
	uint32_t shard;
	const char *why;
};

/* How far what runs here is: of the hosts still under way, by nmap's own word. */
struct runner_progress {
	unsigned running; /* nmap processes */
	/* sum over them: hosts under way times the share of their phase that is done */
	double hosts;
	const char *task; /* a phase that one of them is in; "" none */
	double percent; /* of that phase */
	uint64_t remaining_s; /* by its estimate; 0: none */
};

struct runner_opts {
	struct loop *loop;
	struct store *store;
	const char *owner; /* unique among those that share the store */
	uint64_t scan_id; /* only this one; 0: any */
	bool raw; /* syn and udp scans too: an nmap may be given CAP_NET_RAW */
	unsigned processes; /* nmaps at a time; 0: as many as cores */
	unsigned stats_every_s;
	/* hundredths of a core's load above which no shard is begun; 0: no limit */
	uint64_t load_max;
	uint64_t lease_ns; /* 0: 20 s, renewed every third of it */
	uid_t uid; /* root starts nmap as this account */
	gid_t gid;
	void (*report)(const struct runner_report *r, void *arg);
	void (*changed)(void *arg); /* progress, a host, a shard; may be NULL */
	void *arg;
};

must_check int runner_new(const struct runner_opts *o, struct runner **ret_r);
/* Kills what runs and gives the shards back. */
void runner_free(struct runner *r);
DEFINE_FREEP(struct runner, runner_free)
/* Look whether there is something to do; also does so by itself every few seconds. */
void runner_kick(struct runner *r);
void runner_progress(const struct runner *r, struct runner_progress *ret_p);

#endif
