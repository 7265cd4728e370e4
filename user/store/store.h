/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_STORE_H
#define AJAR_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "core/event.h"
#include "core/finding.h"
#include "core/observation.h"
#include "core/profile.h"

/*
 * The store behind one small interface; a driver each for SQLite (embedded default), MySQL and
 * MariaDB. All drivers pass tests/store/conformance.h. Text handed in is copied or bound; text
 * handed to callbacks is borrowed until the callback returns. Functions return 0 or a negative
 * errno; store_why() has the driver's own words. A callback may ask again; one that writes does so
 * inside a transaction begun before the walk (else -EBUSY is possible at any time). Errors are
 * negative: an errno, or one of enum store_error. store_error_text() has words for both.
 */
struct store;

/* What no errno says; beyond all of those. */
enum store_error {
	STORE_E_OLD = 1001, /* the schema is older than this program and needs `migrate` */
	STORE_E_NEW = 1002, /* it is newer: this program must not touch it */
	STORE_E_ALTERED = 1003, /* a migration was applied with another text than ours */
	STORE_E_FOREIGN = 1004, /* another cluster's store, or another program's database */
	STORE_E_DAMAGED = 1005, /* what is there cannot be read as a store */
	STORE_E_TLS = 1006, /* no connection that is safe */
	STORE_E_DATABASE = 1007, /* the server has no such database */
	/* another writer was in the way, and the whole transaction was undone: the same again */
	STORE_E_UNDONE = 1008,
};
const char *store_error_text(int err); /* err: negative */

/*
 * What to do about an error: the same again later, put these rows aside and go on, or stop until a
 * person has looked.
 */
enum store_fault { STORE_RETRY, STORE_QUARANTINE, STORE_STOP };
enum store_fault store_fault(int err);
/* The error is the store's and not that of what it was asked: it would be so with each node. */
bool store_is_in_trouble(int err);

enum store_flags {
	STORE_CREATE = 1, /* make it, and bring the schema up to date */
	STORE_READONLY = 2,
	/* sqlite: the path is relative to the working directory and stays so (see sqlite.c) */
	STORE_RELATIVE = 4,
};

/*
 * Is that a URI that a driver takes, and are the files that it names there to be read? Asks no
 * server. 0, or -EINVAL, -EOPNOTSUPP or the file's errno, and *ret_why (caller frees) is one line
 * with the remedy.
 */
must_check int store_uri_check(const char *uri, char **ret_why);

/*
 * uri: "sqlite:PATH", "mysql://USER@HOST/DB?..." (see mysql_uri.c), "sqlite::memory:" (of this
 * process alone, gone with it). A plain path is sqlite. On failure *ret_why (optional, caller
 * frees) is one line with the remedy.
 */
must_check int store_open(const char *uri, unsigned flags, struct store **ret_store,
			  char **ret_why);
void store_free(struct store *s);
DEFINE_FREEP(struct store, store_free)
const char *store_why(const struct store *s);

/*
 * A server may be away, and when it is back it may be another one, or itself as of an older backup.
 * Each connection is checked before anything is sent on it (primary of the right cluster); the
 * count says that a new one was made since.
 */
bool store_is_remote(const char *uri);
unsigned store_connections(const struct store *s); /* made so far; 0: an embedded store */
/* the cluster_uuid that answers there; NULL: an embedded store */
const char *store_cluster(const struct store *s);
/*
 * The cluster of servers that it is a member of: "galera UUID", "group NAME"; "": it stands alone;
 * NULL: an embedded store.
 */
const char *store_group(const struct store *s);

must_check int store_schema(struct store *s, unsigned *ret_have, unsigned *ret_want);

/* Transactions; the put and set functions below open one of their own when none is open. */
must_check int store_begin(struct store *s);
/* durable when it returns, and notifies the listeners */
must_check int store_commit(struct store *s);
void store_rollback(struct store *s);

/*
 * An fd that polls readable after a commit by anybody (base/notifier for sqlite); -EOPNOTSUPP where
 * the driver has none.
 */
must_check int store_notifier_fd(struct store *s);
/*
 * False: nothing was committed since, go back to sleep. A driver whose server pushes nothing wakes
 * its listener ten times a second and asks here, with one small query, whether there is anything to
 * look at.
 */
bool store_notifier_clear(struct store *s);

/* --- events: append-only, keyed by (node, boot_seq, seq) -------------------------------------- */

#define STORE_BATCH_MAX 500
struct store_event {
	uint32_t boot_seq;
	uint64_t seq;
	uint64_t recorded_ns; /* wall: when the journal took it; part of the chain */
	uint64_t received_ns; /* wall: when it reached the store */
	struct text record; /* the encoded event, byte for byte as in the journal */
	uint8_t chain[SHA256_LEN];
	/*
	 * when put: a gap record whose numbers are of an earlier boot: it leads no head of this one
	 * on
	 */
	bool gap_elsewhere;
};
/*
 * Inserts up to STORE_BATCH_MAX rows, in any order; rows that are there already change nothing.
 * -EEXIST: a key is taken by other bytes (tampered, or two nodes have one name), and nothing of the
 * batch is kept. A record that cannot be decoded is kept with kind 0. Makes the node when it is
 * new; a node's class follows host_type when the node says a new one, and a person's
 * store_set_host_type() stands until then.
 */
must_check int store_put_events(struct store *s, const char *node, const char *host_type,
				const struct store_event *rows, size_t n, size_t *ret_new);

struct store_event_row {
	const char *node, *host_type;
	struct store_event raw;
	struct event ev; /* decoded, identity filled in */
	enum verdict verdict; /* of the door, as the monitor judged it; NONE when nobody did */
};
struct store_event_query {
	const char *node; /* NULL: all */
	/* with after_seq: only rows of this boot behind after_seq, in seq order; 0: by time */
	uint32_t boot_seq;
	uint64_t after_seq;
	/* wall, until not included; 0: open end; order is time, then node, boot_seq, seq */
	uint64_t since_ns, until_ns;
	/*
	 * of those about a door only ports from lo to hi (losses stay); hi 0: all. Not with
	 * boot_seq
	 */
	uint32_t port_lo, port_hi;
	/*
	 * the other way round; not with boot_seq. Whoever wants the last few ends the walk when it
	 * has them
	 */
	bool newest_first;
	uint32_t limit; /* 0: none */
};
/* non-zero ends it and is returned */
typedef int (*store_event_fn)(const struct store_event_row *row, void *arg);
must_check int store_events(struct store *s, const struct store_event_query *q, store_event_fn fn,
			    void *arg);

/*
 * What the store has of a node's boot without a hole from seq 1 (or the oldest kept) on; a gap
 * record stands for what it names. 0: nothing.
 */
must_check int store_event_head(struct store *s, const char *node, uint32_t boot_seq,
				uint64_t *ret_contiguous_seq);

/*
 * Records up to here were deleted by store_prune(); they are not missing, and putting one again
 * changes nothing. 0: none were.
 */
must_check int store_event_base(struct store *s, const char *node, uint32_t boot_seq,
				uint64_t *ret_base_seq);

/* --- retention -------------------------------------------------------------------------------- */

#define STORE_PRUNE_MAX 500
struct store_prune {
	uint64_t before_ns; /* wall, the store's clock: what was received before it is old */
	uint64_t limit; /* events deleted by one call; at most STORE_PRUNE_MAX unless count_only */
	bool count_only; /* changes nothing, counts all */
};
struct store_pruned {
	uint64_t events, doors, alerts;
	bool more; /* the limit was met: call again */
};
/*
 * One small transaction of deletion: of each boot the oldest records, never one that nobody has
 * judged or that lies behind a hole; closed doors whose records are gone; resolved alerts that
 * every sink has been told of. Open doors stay.
 */
must_check int store_prune(struct store *s, const struct store_prune *q, struct store_pruned *ret);

struct store_usage {
	uint64_t events; /* 0 unless counted */
	uint64_t oldest_ns, newest_ns; /* received; 0: no event */
	/* what deleting makes less of; the file itself does not shrink, it is filled again */
	uint64_t used_bytes;
	uint64_t file_bytes, wal_bytes;
};
/* count: also the events, which takes the longer the more there are. */
must_check int store_usage(struct store *s, bool count, struct store_usage *ret);

/* --- nodes ------------------------------------------------------------------------------------ */

struct store_node {
	const char *name, *host_type;
	const char *reported; /* the class it says itself */
	uint64_t first_seen_ns, last_seen_ns;
	uint64_t events, lost; /* totals */
	const char *tier; /* of the last start event: "A" and the hooks; NULL unknown */
	uint32_t boot_seq; /* newest stored */
	uint64_t seq;
};
typedef int (*store_node_fn)(const struct store_node *n, void *arg);
must_check int store_nodes(struct store *s, store_node_fn fn, void *arg);
/* What a list says beside it; borrowed. */
struct store_node_more {
	uint64_t last_event_ns; /* 0: it has none */
	bool stopped; /* that is the end of its agent */
	uint64_t doors; /* open ones */
	const char *redirects; /* a setting's value, see store/redirect.h; NULL: it has none */
};
typedef int (*store_node_more_fn)(const struct store_node *n, const struct store_node_more *m,
				  void *arg);
/* From the first up to the last of these names. */
must_check int store_nodes_between(struct store *s, const char *first, const char *last,
				   store_node_more_fn fn, void *arg);
must_check int store_set_host_type(struct store *s, const char *node, const char *host_type);

/*
 * Node boots with stored events that nobody has judged, oldest first, and the cursor that says so.
 * A record that comes late, into a hole behind judged_seq, takes the cursor back to before it: what
 * follows is judged again, so judging must be repeatable. Read the events and move the cursor in
 * one transaction. -ECANCELED: it does not stand at from_seq any more (a late record took it back,
 * or another monitor was here since it was read): roll back and ask again.
 */
struct store_pending {
	const char *node, *host_type;
	uint32_t boot_seq;
	uint64_t judged_seq, stored_seq;
	uint64_t node_id; /* a number of the store's own */
};
typedef int (*store_pending_fn)(const struct store_pending *p, void *arg);
must_check int store_pending(struct store *s, store_pending_fn fn, void *arg);
must_check int store_set_judged(struct store *s, const char *node, uint32_t boot_seq,
				uint64_t from_seq, uint64_t judged_seq);

/* --- doors: each one's interval --------------------------------------------------------------- */

struct store_door {
	const char *node, *host_type;
	uint32_t boot_seq;
	struct door door; /* key: node, boot_seq, netns_cookie, cookie */
	uint64_t open_seq; /* the record that opened it; its opener and all are in that event */
	uint64_t opened_ns, closed_ns; /* wall; closed 0: open */
	uint64_t close_seq;
	enum verdict verdict;
	enum severity severity; /* 0: none */
	const char *alert_key; /* or NULL */
	struct text record; /* the opening event, encoded */
	struct event ev; /* decoded from record, when read */
};
/* insert or replace by key */
must_check int store_put_door(struct store *s, const struct store_door *d);
/* Closes it; *ret_found says whether it was open. */
must_check int store_close_door(struct store *s, const char *node, uint32_t boot_seq,
				const struct door *d, uint64_t close_seq, uint64_t closed_ns,
				bool *ret_found);
struct store_door_query {
	const char *node; /* NULL: all */
	/* store_doors_by_node() only: these, by strcmp(); who is not known has none. 0: all */
	const char *const *nodes;
	size_t nodes_len;
	bool open_only;
	/* open at that time (at its closing a door is closed); 0: now when open_only */
	uint64_t at_ns;
	const char *alert_key; /* only doors of this alert */
	uint32_t boot_seq; /* 0: any */
};
typedef int (*store_door_fn)(const struct store_door *d, void *arg);
/* In the order of opening. */
must_check int store_doors(struct store *s, const struct store_door_query *q, store_door_fn fn,
			   void *arg);

/*
 * What is open (now or at q->at_ns) by the names of the nodes, those of one node in no order: whole
 * nodes at a time. page() comes behind each, when no statement is under way: it may take its time.
 * Not for alert_key.
 */
typedef int (*store_page_fn)(void *arg);
must_check int store_doors_by_node(struct store *s, const struct store_door_query *q,
				   store_door_fn fn, store_page_fn page, void *arg);

/* The one door of that key, open or closed; -ENOENT. */
must_check int store_door_get(struct store *s, const char *node, uint32_t boot_seq,
			      const struct door *d, store_door_fn fn, void *arg);

/* --- profiles (`open_ports`, `host_types`) ---------------------------------------------------- */

/* -ENOENT: no such host type */
must_check int store_profile_get(struct store *s, const char *host_type,
				 struct profile **ret_profile);
typedef int (*store_host_type_fn)(const char *host_type, bool accepted, uint64_t accepted_ns,
				  uint64_t rows, uint64_t nodes, void *arg);
must_check int store_host_types(struct store *s, store_host_type_fn fn, void *arg);
/*
 * Adds rows that are not there yet (same port, protocol, service, scope, exe, user); accept also
 * ends the learning.
 */
must_check int store_profile_add(struct store *s, const char *host_type,
				 const struct profile_row *rows, size_t n, bool accept,
				 uint64_t now_wall_ns, size_t *ret_new);
/* Which class a node is of, as far as we may know; -ENOENT: the store has no such node. */
must_check int store_node_class(struct store *s, const char *node, char *ret, size_t size);
/* Grows with every change of any profile: a monitor re-reads and re-judges when it has moved. */
must_check int store_profile_revision(struct store *s, uint64_t *ret_rev);

/* --- alerts ----------------------------------------------------------------------------------- */

struct store_alert_ports;
struct store_seen;
struct store_alert {
	uint64_t id;
	const char *key; /* audit_key(): at most one alert a key, ever: it re-opens */
	enum finding_kind kind;
	enum severity severity;
	enum alert_state state;
	/*
	 * of a finding that is no single door: tells those of one kind apart; "" or NULL: nothing
	 * does
	 */
	const char *subject;
	const char *host_type, *nodes; /* folded: node[001-480] */
	uint64_t count; /* open doors (or nodes) it stands for */
	enum door_proto proto;
	uint32_t port;
	const char *summary, *why, *remedy;
	/* what a scan saw of one of its doors: people get it with the why, see store_alert_why() */
	struct port_look outside;
	uint64_t first_ns, last_ns; /* wall */
	uint32_t boot_seq; /* with seq and node: the event that last opened it */
	uint64_t seq;
	const char *node;
	struct text record; /* that event, encoded; unknown when the alert is about no door */
	uint64_t node_count; /* nodes it stands on */
	/* node_count and time of the last alert_log row; store_put_alert() sets them */
	uint64_t reported_nodes, reported_ns;
	uint64_t until_ns; /* snoozed: until then; 0: not */
	uint64_t window_id; /* snoozed by this maintenance and not by a person */
	const struct store_alert_ports *ports; /* the same (store/alert_ports.h) */
	/*
	 * whoever shows it has looked it up (store/seen.h), or NULL; the store's functions leave it
	 * alone
	 */
	const struct store_seen *seen;
	/* For store_put_alert(). */
	/* only if that is its state still, else -ECANCELED; 0: whatever it is */
	enum alert_state was;
	enum alert_cause cause;
};
/* The why and what a scan saw, for people; in b when that is more than the why. */
const char *store_alert_why(const struct store_alert *a, struct buf *b);
must_check int store_alert_get(struct store *s, const char *key,
			       int (*fn)(const struct store_alert *a, void *arg),
			       void *arg); /* -ENOENT */
/*
 * For the monitor: insert (id 0) or update by key; writes one alert_log row (state, cause, who,
 * note). *ret_log_id: its number, growing.
 */
must_check int store_put_alert(struct store *s, const struct store_alert *a, const char *who,
			       const char *note, uint64_t now_wall_ns, uint64_t *ret_id,
			       uint64_t *ret_log_id);
/* See store/triage.h for the nodes of an alert, what people decide about it, and maintenance. */
/* Only the count and the last time, without an alert_log row: repeats of what is known. -ENOENT. */
must_check int store_touch_alert(struct store *s, const char *key, uint64_t count,
				 uint64_t last_ns);
struct store_alert_query {
	bool all; /* also resolved and allowed ones */
	uint64_t id; /* 0: any */
	uint64_t since_ns, until_ns; /* changed in it; 0: open */
};
typedef int (*store_alert_fn)(const struct store_alert *a, void *arg);
/* newest first */
must_check int store_alerts(struct store *s, const struct store_alert_query *q, store_alert_fn fn,
			    void *arg);

/*
 * The alerts that were open, acknowledged or snoozed at a time, as they stood then: of each the
 * last alert_log row of up to then. id: that one alone; 0: all, in no order. Reads a row an
 * alert that is kept, and on a server an index entry for each change since.
 */
must_check int store_alerts_at(struct store *s, uint64_t at_ns, uint64_t id, store_alert_fn fn,
			       void *arg);

struct store_alert_change {
	uint64_t log_id, at_ns;
	enum alert_state state;
	enum change_author author;
	enum alert_cause cause;
	const char *who, *note; /* who: a person's login, or which program */
	/* as it stood at that change: state, severity, count, texts of then */
	struct store_alert alert;
};
typedef int (*store_change_fn)(const struct store_alert_change *c, void *arg);
/* alert_log rows behind after_log_id, in order; since/until by time when not 0. */
must_check int store_alert_changes(struct store *s, uint64_t after_log_id, uint64_t since_ns,
				   uint64_t until_ns, uint32_t limit, store_change_fn fn,
				   void *arg);

/*
 * The same the other way round, by time: the newest first; until is not included. Whoever wants a
 * few ends it when he has them (non-zero, which is returned).
 */
must_check int store_alert_changes_back(struct store *s, uint64_t since_ns, uint64_t until_ns,
					store_change_fn fn, void *arg);

/* --- settings --------------------------------------------------------------------------------- */
must_check int store_setting_get(struct store *s, const char *name, struct buf *b); /* -ENOENT */
must_check int store_setting_set(struct store *s, const char *name, const char *value);

#endif
