/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_DRIVER_H
#define AJAR_STORE_DRIVER_H

#include "store/grant.h"
#include "store/health.h"
#include "store/sinks.h"
#include "store/tally.h"
#include "store/profile.h"
#include "store/store.h"
#include "store/triage.h"

#define SQL_STMTS_MAX 64 /* prepared statements kept of a connection: beyond it the one that was not used for the longest time goes */

/*
 * What a driver is to store.c: one table of operations over a struct that begins with struct store.
 * store.c checks arguments, opens a transaction (or a savepoint inside the caller's) around each
 * write, so a driver sees only valid input and never nests by itself. Its commit() rings the bell. An
 * operation that fails leaves its reason with store_set_why(); a callback may call back into the store.
 */
struct sql_stmt;
struct store {
	const struct store_ops *ops;
	unsigned depth; /* 1: a transaction; 2: a savepoint in it */
	int doomed; /* why the open transaction cannot be committed any more, or 0 */
	bool readonly;
	struct sql_stmt *stmts[SQL_STMTS_MAX]; /* prepared (sql.h) */
	unsigned stmts_busy; /* in use, cached or not */
	uint64_t stmt_uses;
	unsigned connections; /* of a driver with a server: made so far */
	const char *cluster, *group; /* likewise: its cluster_uuid, and store_group(); kept by the driver */
	char why[512];
};

/* Doors of an alert on one node: so many more or less, or exactly so many. */
struct store_alert_step {
	uint64_t alert_id;
	const char *node;
	uint64_t at_ns;
	int64_t doors;
	bool exactly;
};


struct store_sql;
struct store_ops {
	const char *name;
	int (*check)(const char *where, char **ret_why); /* of the URI alone; NULL: anything goes */
	int (*open)(const char *where, unsigned flags, struct store **ret_store, char **ret_why);
	void (*free)(struct store *s);
	int (*schema)(struct store *s, unsigned *ret_have, unsigned *ret_want);

	int (*begin)(struct store *s);
	int (*commit)(struct store *s);
	void (*rollback)(struct store *s);
	int (*save)(struct store *s); /* one level of savepoint inside the transaction */
	int (*release)(struct store *s);
	int (*undo)(struct store *s); /* back to the savepoint, which is gone then */
	int (*bell_fd)(struct store *s);
	bool (*bell_clear)(struct store *s);

	int (*put_events)(struct store *s, const char *node, const char *host_type,
			  const struct store_event *rows, size_t n, size_t *ret_new);
	int (*events)(struct store *s, const struct store_event_query *q, store_event_fn fn,
		      void *arg);
	int (*event_head)(struct store *s, const char *node, uint32_t boot_seq, uint64_t *ret_seq);

	int (*event_base)(struct store *s, const char *node, uint32_t boot_seq, uint64_t *ret_seq);
	int (*prune)(struct store *s, const struct store_prune *q, struct store_pruned *ret);
	int (*usage)(struct store *s, bool count, struct store_usage *ret);

	int (*nodes)(struct store *s, store_node_fn fn, void *arg);
	int (*set_host_type)(struct store *s, const char *node, const char *host_type);
	int (*pending)(struct store *s, store_pending_fn fn, void *arg);
	int (*set_judged)(struct store *s, const char *node, uint32_t boot_seq, uint64_t from_seq,
			  uint64_t judged_seq);

	int (*put_door)(struct store *s, const struct store_door *d);
	int (*close_door)(struct store *s, const char *node, uint32_t boot_seq,
			  const struct door *d, uint64_t close_seq, uint64_t closed_ns,
			  bool *ret_found);
	int (*doors)(struct store *s, const struct store_door_query *q, store_door_fn fn,
		     void *arg);
	int (*door_get)(struct store *s, const char *node, uint32_t boot_seq, const struct door *d,
			store_door_fn fn, void *arg);
	int (*key_doors)(struct store *s, const char *alert_key, uint64_t *ret_open,
			 uint64_t *ret_last_closed_ns);

	int (*profile_get)(struct store *s, const char *host_type, struct profile **ret_profile);
	int (*host_types)(struct store *s, store_host_type_fn fn, void *arg);
	int (*profile_add)(struct store *s, const char *host_type, const struct profile_row *rows,
			   size_t n, bool accept, uint64_t now_wall_ns, size_t *ret_new);
	int (*profile_revision)(struct store *s, uint64_t *ret_rev);

	int (*alert_get)(struct store *s, const char *key, store_alert_fn fn, void *arg);
	int (*put_alert)(struct store *s, const struct store_alert *a, const char *who,
			 const char *note, uint64_t now_wall_ns, uint64_t *ret_id,
			 uint64_t *ret_log_id);
	int (*touch_alert)(struct store *s, const char *key, uint64_t count, uint64_t last_ns);
	int (*alerts)(struct store *s, const struct store_alert_query *q, store_alert_fn fn,
		      void *arg);
	int (*alert_changes)(struct store *s, uint64_t after_log_id, uint64_t since_ns,
			     uint64_t until_ns, uint32_t limit, store_change_fn fn, void *arg);
	int (*sink_cursor_get)(struct store *s, const char *sink, uint64_t *ret_log_id);
	int (*sink_cursor_set)(struct store *s, const char *sink, uint64_t log_id);

	int (*setting_get)(struct store *s, const char *name, struct buf *b);
	int (*setting_set)(struct store *s, const char *name, const char *value);

	/* Sinks (store/sinks.h). */
	int (*sinks)(struct store *s, store_sink_fn fn, void *arg);
	int (*sink_put)(struct store *s, const struct store_sink *sink);
	int (*sink_forget)(struct store *s, const char *name);
	int (*park)(struct store *s, const struct store_parked *p);
	int (*unpark)(struct store *s, const char *sink, uint64_t log_id);
	int (*parked)(struct store *s, const char *sink, uint64_t due_ns, uint32_t limit,
		      store_parked_fn fn, void *arg);
	int (*log_before)(struct store *s, uint64_t at_ns, uint64_t *ret_log_id);

	/* Tallies (store/tally.h). */
	int (*tally_doors)(struct store *s, store_door_tally_fn fn, void *arg);
	int (*tally_alerts)(struct store *s, store_alert_tally_fn fn, void *arg);
	int (*turn_at)(struct store *s, const char *name, uint64_t *ret_ns);

	/* Health (store/health.h). */
	int (*put_health)(struct store *s, const char *node, const char *host_type,
			  const struct store_health *h, uint64_t fresh_ns,
			  struct store_health_reply *ret);
	int (*claim_boot)(struct store *s, const char *node,
			  const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
			  uint32_t journal_boot, uint32_t *ret_boot_seq);
	int (*boots)(struct store *s, const char *node, store_boot_fn fn, void *arg);
	int (*health)(struct store *s, const char *node, bool with_past, store_health_fn fn,
		      void *arg);
	int (*put_watch)(struct store *s, const char *node, const struct store_watch *w);
	int (*accept_node)(struct store *s, const char *node, const uint8_t *installation,
			   bool *ret_changed);
	int (*clock)(struct store *s, uint64_t *ret_now_ns);
	int (*take_turn)(struct store *s, const char *name, uint64_t every_ns,
			 uint64_t *ret_now_ns);

	/* Profiles, proposals, classes (store/profile.h). */
	int (*profile_update)(struct store *s, const char *host_type, uint64_t id,
			      const struct profile_row *row);
	int (*profile_remove)(struct store *s, const char *host_type, uint64_t id);
	int (*profile_lines)(struct store *s, const char *host_type, store_profile_line_fn fn,
			     void *arg);
	int (*profile_put_lines)(struct store *s, const char *host_type,
				 const struct store_profile_line *lines, size_t n);
	int (*profile_count)(struct store *s, const struct store_profile_hit *hits, size_t n);
	int (*proposal_put)(struct store *s, const char *host_type,
			    const struct store_proposal *list, size_t n);
	int (*proposals)(struct store *s, const char *host_type, store_proposal_fn fn, void *arg);
	int (*proposal_decide)(struct store *s, const char *host_type, uint32_t number,
			       enum proposal_state state, const char *who, uint64_t now_ns);
	int (*class_rules)(struct store *s, store_class_rule_fn fn, void *arg);
	int (*class_rule_put)(struct store *s, const struct store_class_rule *r);
	int (*class_rule_remove)(struct store *s, uint64_t id);

	/* triage.h */
	int (*alert_node)(struct store *s, const struct store_alert_step *st, uint64_t *ret_before,
			  uint64_t *ret_after);
	int (*alert_sum)(struct store *s, uint64_t alert_id, struct store_alert_sum *ret);
	int (*alert_nodes)(struct store *s, uint64_t alert_id, bool open_only,
			   store_alert_node_fn fn, void *arg);
	int (*alert_nodes_restart)(struct store *s, uint64_t alert_id);
	int (*alert_fold)(struct store *s, uint64_t alert_id, const char *nodes,
			  uint64_t node_count, const char *summary);
	int (*decide)(struct store *s, const struct store_decision *d, uint64_t *ret_log_id);
	int (*exception_add)(struct store *s, const struct store_exception *e, uint64_t *ret_id);
	int (*exception_end)(struct store *s, uint64_t id, uint64_t at_ns);
	int (*exceptions)(struct store *s, store_exception_fn fn, void *arg);
	int (*maintenance_add)(struct store *s, const struct store_maintenance *m,
			       uint64_t *ret_id);
	int (*maintenance_end)(struct store *s, uint64_t id, const char *who, uint64_t at_ns);
	int (*maintenances)(struct store *s, uint64_t since_ns, store_maintenance_fn fn, void *arg);
	int (*triage_marks)(struct store *s, uint64_t *ret_log_id, uint64_t *ret_revision);

	/* grant.h; NULL: a store without accounts. */
	int (*grant)(struct store *s, const struct store_grant *g, bool dry, struct buf *sql,
		     bool *ret_new);
	int (*revoke)(struct store *s, enum store_role role, const char *login, bool dry,
		      struct buf *sql);
	int (*accounts)(struct store *s, store_account_fn fn, void *arg);
	int (*whoami)(struct store *s, struct store_whoami *ret, struct buf *too_little,
		      struct buf *too_much);

	/* Statements in plain SQL (sql.h), for what is written once for all servers. */
	const struct store_sql *sql;
};

extern const struct store_ops store_sqlite_ops, store_mysql_ops;

/* What a node's count becomes. */
static inline uint64_t store_alert_stepped(const struct store_alert_step *st, uint64_t before)
{
	if (st->exactly)
		return (uint64_t)st->doors;
	return st->doors < 0 && (uint64_t)-st->doors > before ? 0 : before + (uint64_t)st->doors;
}

/* Keeps the reason for store_why() and returns err. */
int store_set_why(struct store *s, int err, const char *fmt, ...) printf_like(3, 4);
/* The same for an open that fails: *ret_why gets the line (unless it is NULL). */
int store_open_why(char **ret_why, int err, const char *fmt, ...) printf_like(3, 4);

/* Appends one row of rows, its texts copied, to an array that grows by one; for store_profile_get(). */
must_check int store_profile_push(struct profile *p, const struct profile_row *row);

#endif
