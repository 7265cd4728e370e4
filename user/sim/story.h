/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SIM_STORY_H
#define AJAR_SIM_STORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct store;
struct story;

/*
 * A cluster that somebody could have, for who sees Ajar for the first time: classes of nodes with
 * accepted profiles, a day of ordinary use, and in it what an administrator should find. Everything
 * is written through the store's own interface; the monitor judges it as it would a real cluster's.
 *
 * Planted: a backdoor on two nodes (31337/tcp out of /dev/shm), an impostor on port 22 of a login
 * node, a listener that one node's kernel does not show (found by the scan), a node that falls
 * silent, a service that was rolled out on many nodes and is in no profile, a required service that
 * has ended, an upgrade over a class, which is no finding.
 */
#define STORY_NODES_MIN 32
#define STORY_NODES_MAX 20000
#define STORY_INTERVAL_NS UINT64_C(8000000000) /* of the nodes' heartbeats */
#define STORY_SILENT_NS UINT64_C(30000000000)

/* s is borrowed for the story's life. The nodes' names follow from their number. */
must_check int story_new(struct store *s, size_t nodes, uint64_t now_ns, struct story **ret_story);
void story_free(struct story *st);
DEFINE_FREEP(struct story, story_free)

/* The profiles, where the nodes are, and all that happened until now: so many events. */
must_check int story_past(struct story *st, uint64_t *ret_events);
/*
 * What is due now: heartbeats, doors that come and go, scans that are asked for. To be called about
 * every STORY_TICK_NS; a call does a part of the cluster.
 */
#define STORY_TICK_NS UINT64_C(1000000000)
must_check int story_tick(struct story *st, uint64_t now_ns);

#endif
