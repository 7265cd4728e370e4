/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_HEALTH_H
#define AJAR_AUDIT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/finding.h"

struct buf;

/*
 * How a node's witness is, judged from what it last reported. Pure: time is the store's clock and
 * comes in. What is found stands on the last report, however old that is: a node that falls silent
 * does not become well in anything.
 */
struct health_in {
	const char *node, *host; /* the node's name; that of the machine that reports under it */
	bool reported; /* false: never, and nothing below holds */
	bool refused; /* another machine holds the name */
	bool accepted; /* false: it took the place of another installation */
	uint64_t first_ns, received_ns; /* reports, by the store's clock */
	uint64_t mixed_ns; /* when two sessions were last heard in turn */
	const char *other_host; /* of the session before */
	bool shipper_stopped, retired;
	bool agent_recording, agent_stopped; /* neither: its heartbeat is too old */
	uint64_t agent_age_ns;
	bool attached;
	char tier; /* of its sensor, 'A' is whole; 0: unknown */
	const char *sensor; /* the same in words, and what is not watched */
	uint64_t backlog_records, backlog_bytes, backlog_ns, journal_max_bytes;
	uint64_t quarantined;
	/* the node's clock when it sent the report; how long the exchange before took */
	uint64_t wall_ns, rtt_ns;
	int64_t step_ns;
	uint64_t stepped_ns; /* by the node's clock; 0: no jump */
	uint64_t lost, lost_first_ns, lost_last_ns; /* of the present episode; 0: none */
	uint64_t hole_seq, hole_since_ns; /* the store lacks what is behind hole_seq; 0: nothing */
	uint32_t broken_boot;
	uint64_t broken_seq, broken_ns; /* the chain does not go on there; 0: it does */
	/* records that wait to be judged; when the oldest came, all before it is judged */
	uint64_t unjudged, unjudged_ns;
	uint32_t failed_boot;
	/* what lies behind it cannot be judged, since then; 0: it can */
	uint64_t failed_seq, failed_ns;
	const char *failed_why;
	uint64_t unreadable, unreadable_ns; /* records that cannot be read; when the last was met */
};

struct health_limits {
	uint64_t watching_ns; /* since when somebody watches: before that nobody could be missed */
	uint64_t silent_ns, skew_ns, hole_ns;
	uint64_t late_ns; /* a record that waits so long to be judged is late; 0: HEALTH_LATE_NS */
};
#define HEALTH_LATE_NS UINT64_C(60000000000)

#define CLOCKS_AGREE_NS UINT64_C(1000000000) /* a smaller difference is left as it is */
/*
 * By how much the node's times are to be put back to be the store's: how far its clock was ahead in
 * its last report, a negative number when it was behind. 0 while the two agree as well as a report
 * can tell, and when its exchange took too long to tell anything.
 */
int64_t health_clock_ahead(uint64_t wall_ns, uint64_t rtt_ns, uint64_t received_ns);
/* A time of the node's by the store's clock; never 0. */
uint64_t health_store_time(uint64_t node_ns, int64_t ahead_ns);

/* What can be wrong; more than one at a time. Names are part of alert keys: never changed. */
enum health_issue {
	ISSUE_SILENT,
	ISSUE_STOPPED, /* shut down in order */
	ISSUE_AGENT_STALLED,
	ISSUE_AGENT_STOPPED,
	ISSUE_BLIND,
	ISSUE_LOST,
	ISSUE_HOLE,
	ISSUE_CHAIN,
	ISSUE_QUARANTINE,
	ISSUE_DUPLICATE_NAME,
	ISSUE_CLONE,
	ISSUE_REPLACED,
	ISSUE_SKEW,
	ISSUE_STEP,
	ISSUE_BACKLOG,
	ISSUE_JOURNAL,
	ISSUE_DEGRADED,
	ISSUE_LATE, /* the monitor is behind with it */
	ISSUE_UNJUDGED,
	ISSUE_UNREADABLE,
	ISSUES,
};
/* Bits 1 << issue. */
uint32_t audit_health(const struct health_in *in, const struct health_limits *l, uint64_t now_ns);
/* How long after its last sign a loss or a jump of the clock stays news. */
#define HEALTH_NEWS_NS UINT64_C(600000000000)

/*
 * A node in one word. This is the one place that decides it: `ajar node`, `check` and `metrics` say
 * the same of the same report. "recording" only of one that is heard, records and sees.
 */
enum node_state {
	NODE_RECORDING,
	NODE_STALLED, /* it is heard, its agent sends no heartbeat */
	NODE_STOPPED, /* its shipper or its agent said that it stops */
	NODE_SILENT, /* not heard any more */
	NODE_BLIND, /* its agent records and its sensor does not see the test door */
	NODE_REFUSED, /* another machine holds the name */
	NODE_RETIRED, /* a person said that it is gone for good */
	NODE_UNKNOWN, /* it has sent records and never said how it is */
	NODE_STATES,
};
enum node_state health_state(const struct health_in *in, uint64_t silent_ns, uint64_t now_ns);
const char *health_state_name(enum node_state s);
/* Why, a sentence: that of the first issue found (audit_health()) that explains the state. */
const char *health_state_why(enum node_state s, uint32_t found);
/* Does it see less than a sensor can? Only of a node that is recording. */
bool health_is_degraded(char tier);

const char *health_issue_name(enum health_issue i);
enum finding_kind health_issue_kind(enum health_issue i);
enum severity health_issue_severity(enum health_issue i);
/* The key under which the nodes of a class with this issue are one alert. */
void health_key(enum health_issue i, const char *host_type, struct buf *b);
/*
 * Whether the key is that of an issue that is news when it is back: what a person allowed is over
 * once the node is well. Not so of a sensor that sees less: each start of the agent brings that
 * back.
 */
bool health_key_is_news(const char *key);
/*
 * A finding of this kind is about nodes and not about doors: its alert has none and stands without.
 */
bool health_kind(enum finding_kind k);

/* The alert's words. nodes: folded, count of them. */
void health_summary(enum health_issue i, const char *nodes, uint64_t count, struct buf *b);
void health_remedy(enum health_issue i, const char *nodes, struct buf *b);
/* What is known of one of them, one sentence without its end. */
void health_detail(enum health_issue i, const struct health_in *in, uint64_t now_ns, struct buf *b);
/* "3 min 20 s" */
void health_duration(uint64_t ns, struct buf *b);

#endif
