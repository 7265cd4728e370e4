/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_VIEW_H
#define AJAR_VIEW_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "core/event.h"
#include "core/finding.h"

/* What a process and what a scan saw have, for lists of fields; p: "opener." or "". */
#define VIEW_PROCESS_FIELDS(p)                                                                     \
	FIELD(p "pid"), FIELD(p "tid"), FIELD(p "start"), FIELD(p "comm"), FIELD(p "exe"),         \
		FIELD(p "argv"), FIELD(p "uid"), FIELD(p "user"), FIELD(p "gid"),                  \
		FIELD(p "loginuid"), FIELD(p "session"), FIELD(p "ancestors.comm")
/* The rest of an event, behind node, proto, addr, port, time and verdict. */
#define VIEW_EVENT_FIELDS                                                                          \
	FIELD("class"), FIELD("event"), FIELD("origin"), FIELD("boot_seq"), FIELD("seq"),          \
		FIELD("family"), FIELD("v6only"), FIELD("door"), FIELD("scope"), FIELD("settled"), \
		FIELD("connected"), FIELD("bound"), FIELD("multicast"), FIELD("shared"),           \
		VIEW_PROCESS_FIELDS("opener."), FIELD("holders.pid"), FIELD("holders.comm"),       \
		FIELD("holders.exe"), FIELD("holders.user"), FIELD("holders_more"),                \
		FIELD("holder_visible"), FIELD("netns"), FIELD("netns_name"), FIELD("device"),     \
		FIELD("cgroup"), FIELD("container"), FIELD("job"), FIELD("cgroups"),               \
		FIELD("verdict_computed"), FIELD("verdict_later.verdict"),                         \
		FIELD("verdict_later.time"), FIELD("verdict_later.by"), FIELD("latency_us")
#define VIEW_SEEN_FIELDS(p)                                                                        \
	FIELD(p "id"), FIELD(p "kind"), FIELD(p "time"), FIELD(p "node"), FIELD(p "addr"),         \
		FIELD(p "state"), FIELD(p "service"), FIELD(p "reachable"), FIELD(p "asked")

struct buf;
struct writer;
struct store;
struct store_alert;
struct store_alert_change;
struct store_alert_ports;
struct store_seen;
struct store_scan_change;

/* What became of a verdict: the first change after it. */
struct view_later {
	enum verdict verdict; /* NONE: nothing */
	/* judged again; the row that decided, and when it was made; 0: not known */
	uint64_t at_ns, made_ns, rule_id;
	const char *author; /* of that row; "" or NULL: not known */
};

/* The JSON of INTERFACE.md; every key always there, unknown is null. */
struct view_event_ctx {
	const char *node, *host_type;
	enum verdict verdict; /* at the time of the event */
	struct view_later later; /* then also "verdict_later" */
	/* not kept at the time, but that of now: then also "verdict_computed" */
	bool verdict_computed;
	int64_t latency_us; /* -1: unknown */
	const struct store_seen *seen; /* then also "scan"; NULL: nobody has asked */
};
void view_event_json(struct writer *w, const struct event *ev, const struct view_event_ctx *ctx);
void view_event_member(struct writer *w, const char *key, const struct event *ev,
		       const struct view_event_ctx *ctx);
/* Its members alone, into an object of the caller's. */
void view_event_members(struct writer *w, const struct event *ev, const struct view_event_ctx *ctx);
/* What the row of an alert does not have, for its JSON: in seen and ports, which a then borrows. */
must_check int view_alert_look_up(struct store *s, struct store_alert *a, struct store_seen *seen,
				  struct store_alert_ports *ports);
void view_alert_json(struct writer *w, const struct store_alert *a);
/* Its members alone, into an object of the caller's. */
void view_alert_members(struct writer *w, const struct store_alert *a);
/* The member "scan" of an alert: what one saw of its port, or null (also for NULL). */
void view_seen_member(struct writer *w, const struct store_seen *seen);
/* "open at 10.0.0.1, ssh OpenSSH 9.2p1", or "not known"; escaped. */
void view_seen_text(struct buf *b, const struct store_seen *seen);
/* A change of an alert among events: its JSON, led by time, "event":"alert", who and note. */
void view_change_json(struct writer *w, const struct store_alert_change *c);
/*
 * A change as receivers get it: the alert's JSON, led by "change":{id,time,who,note} and the
 * store's "store".
 */
void view_sink_json(struct writer *w, const struct store_alert_change *c, const char *store);

/* "nc mlee ← bash ← sshd": who holds a door, for people; escaped. */
void view_who(struct buf *b, const struct process *p);
/*
 * "container 0123456789ab", "netns blue", nothing for the host's own doors: place_where(), escaped.
 */
void view_where(struct buf *b, const struct door *d, const struct process *opener);
/*
 * Who holds the door: the first, how many others, and who opened it when that is somebody else. "nc
 * mlee, opened by sshd root"; where no process is seen to hold it, who opened it.
 */
void view_holder(struct buf *b, const struct event *ev);
/* The pid to show for a door: of the first holder; 0: none. */
uint32_t view_holder_pid(const struct event *ev);
/* The arguments with blanks between them, escaped; nothing when they are unknown. */
void view_argv(struct buf *b, const struct process *p);
/* "2026-11-22 16:01:02" (UTC, as --since and --at read it); with ms also ".123". */
void view_time(struct buf *b, uint64_t wall_ns, bool ms);

/* Only the time when it is today's, else only the day. */
void view_time_short(struct buf *b, uint64_t wall_ns, uint64_t now_ns);

/*
 * One event or change as one line for people, with its newline: what streams (watch, timeline).
 * with_node shows the node; colour paints what needs a look.
 */
struct view_line_opts {
	bool colour, with_node;
	unsigned width; /* of the terminal: who opened a door is cut to fit; 0: nothing is cut */
};
void view_event_line(struct buf *b, const struct event *ev, const struct view_event_ctx *ctx,
		     const struct view_line_opts *o);
void view_change_line(struct buf *b, const struct store_alert_change *c,
		      const struct view_line_opts *o);
/* What a scan saw change, among events: "event":"scan" in JSON, a line with "?". */
void view_scan_change_json(struct writer *w, const struct store_scan_change *c);
void view_scan_change_line(struct buf *b, const struct store_scan_change *c,
			   const struct view_line_opts *o);
/*
 * " (later as profiled, allowed by root 2026-11-22 16:01:02)"; nothing when nothing became of it.
 */
void view_later_text(struct buf *b, const struct view_later *l);
/* SGR for a verdict or severity, or NULL when it is nothing special. */
const char *view_verdict_sgr(enum verdict v);
const char *view_severity_sgr(enum severity s);

/*
 * A table for people: columns fit the terminal, hostile bytes are escaped, colour only when asked
 * for.
 */
struct table;
struct table_column {
	const char *name;
	double width_hint; /* 0..1 of the terminal, >1 characters */
	bool right, trunc;
};
must_check int table_new(const struct table_column *cols, unsigned n, bool colour,
			 struct table **ret_table);
void table_free(struct table *t);
DEFINE_FREEP(struct table, table_free)
/* n_cells texts, copied; colour: an SGR such as "31" for the whole row, or NULL. */
must_check int table_row(struct table *t, const char *const *cells, unsigned n_cells,
			 const char *colour);
/*
 * Prints what was added since it was last printed, the first time with the heads; columns stay as
 * wide as they were.
 */
must_check int table_print(struct table *t, FILE *out);

#endif
