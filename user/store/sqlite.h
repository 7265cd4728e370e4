/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SQLITE_H
#define AJAR_STORE_SQLITE_H

#include <sqlite3.h>

#include "store/sql.h"

/* What the files of the SQLite driver share. SQL is constant text; values are always bound. */
struct sq_stmt {
	struct sql_stmt base;
	sqlite3_stmt *st;
};

struct sq {
	struct store base;
	sqlite3 *db;
	char *path, *shown; /* to open; in messages, always absolute for a role's own store */
	int dirfd, ring_fd, bell_fd; /* in memory: none of them */
	bool in_memory;
	char node[256]; /* the node put last: its id needs no query */
	int64_t node_id;
};

/* Turns an SQLite result into a negative errno and leaves the line for store_why(). */
int sq_fail(struct sq *s, int rc);

/* A prepared statement, from the cache unless it is in use further up the stack. */
must_check int sq_get(struct sq *s, const char *sql, struct sq_stmt **ret_st);
void sq_put(struct sq_stmt *st);
DEFINE_FREEP(struct sq_stmt, sq_put)
#define _sq_put_ _cleanup_(sq_putp)

/* 1: a row; 0: done; or a negative errno. */
must_check int sq_step(struct sq *s, struct sq_stmt *st);
/* Runs a statement that gives no rows. */
must_check int sq_run(struct sq *s, struct sq_stmt *st);
must_check int sq_exec(struct sq *s, const char *sql);

/* Binding borrows: the value must live until the statement is put back. NULL binds NULL. */
void sq_u64(struct sq_stmt *st, int i, uint64_t v);
void sq_str(struct sq_stmt *st, int i, const char *v);
void sq_blob(struct sq_stmt *st, int i, const void *p, size_t n);
/* Hostile bytes as escaped UTF-8; unknown binds NULL. This one copies. */
must_check int sq_esc(struct sq_stmt *st, int i, struct text t);
/* An argument vector: the NULs between the arguments become spaces. */
must_check int sq_argv(struct sq_stmt *st, int i, struct text t);

uint64_t sq_col_u64(struct sq_stmt *st, int i);
const char *sq_col_str(struct sq_stmt *st, int i); /* NULL for NULL */
struct text sq_col_blob(struct sq_stmt *st, int i);

/* -ENOENT: no such node. */
must_check int sq_node_id(struct sq *s, const char *node, int64_t *ret_id);

/* sqlite_events.c */
int sq_put_events(struct store *base, const char *node, const char *host_type,
		  const struct store_event *rows, size_t n, size_t *ret_new);
int sq_events(struct store *base, const struct store_event_query *q, store_event_fn fn, void *arg);
int sq_event_head(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq);

int sq_event_base(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq);

/* sqlite_prune.c */
int sq_prune(struct store *base, const struct store_prune *q, struct store_pruned *ret);
int sq_usage(struct store *base, bool count, struct store_usage *ret);

/* sqlite_nodes.c */
must_check int sq_node_make(struct sq *s, const char *node, const char *host_type, uint64_t now_ns,
			    int64_t *ret_id);
int sq_nodes(struct store *base, store_node_fn fn, void *arg);
int sq_set_host_type(struct store *base, const char *node, const char *host_type);
int sq_pending(struct store *base, store_pending_fn fn, void *arg);
int sq_set_judged(struct store *base, const char *node, uint32_t boot_seq, uint64_t from_seq,
		  uint64_t judged_seq);
int sq_setting_get(struct store *base, const char *name, struct buf *b);
int sq_setting_set(struct store *base, const char *name, const char *value);

/* sqlite_doors.c */
int sq_put_door(struct store *base, const struct store_door *d);
int sq_close_door(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		  uint64_t close_seq, uint64_t closed_ns, bool *ret_found);
int sq_doors(struct store *base, const struct store_door_query *q, store_door_fn fn, void *arg);
int sq_door_get(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		store_door_fn fn, void *arg);
int sq_key_doors(struct store *base, const char *alert_key, uint64_t *ret_open,
		 uint64_t *ret_last_closed_ns);

/* sqlite_profiles.c */
int sq_profile_get(struct store *base, const char *host_type, struct profile **ret_profile);
int sq_host_types(struct store *base, store_host_type_fn fn, void *arg);
int sq_profile_add(struct store *base, const char *host_type, const struct profile_row *rows,
		   size_t n, bool accept, uint64_t now_wall_ns, size_t *ret_new);
int sq_profile_revision(struct store *base, uint64_t *ret_rev);

/* sqlite_alerts.c */
int sq_alert_get(struct store *base, const char *key, store_alert_fn fn, void *arg);
int sq_put_alert(struct store *base, const struct store_alert *a, const char *who, const char *note,
		 uint64_t now_wall_ns, uint64_t *ret_id, uint64_t *ret_log_id);
int sq_touch_alert(struct store *base, const char *key, uint64_t count, uint64_t last_ns);
int sq_alerts(struct store *base, const struct store_alert_query *q, store_alert_fn fn, void *arg);
int sq_alert_changes(struct store *base, uint64_t after_log_id, uint64_t since_ns,
		     uint64_t until_ns, uint32_t limit, store_change_fn fn, void *arg);
int sq_sink_cursor_get(struct store *base, const char *sink, uint64_t *ret_log_id);
int sq_sink_cursor_set(struct store *base, const char *sink, uint64_t log_id);

/* sqlite_open.c */
int sq_open(const char *path, unsigned flags, struct store **ret_store, char **ret_why);
int sq_schema(struct store *base, unsigned *ret_have, unsigned *ret_want);

/* sqlite_sinks.c */
int sq_sinks(struct store *base, store_sink_fn fn, void *arg);
int sq_sink_put(struct store *base, const struct store_sink *sink);
int sq_sink_forget(struct store *base, const char *name);
int sq_park(struct store *base, const struct store_parked *p);
int sq_unpark(struct store *base, const char *sink, uint64_t log_id);
int sq_parked(struct store *base, const char *sink, uint64_t due_ns, uint32_t limit,
	      store_parked_fn fn, void *arg);
int sq_log_before(struct store *base, uint64_t at_ns, uint64_t *ret_log_id);
/* sqlite_maintenance.c */
int sq_exception_add(struct store *base, const struct store_exception *e, uint64_t *ret_id);
int sq_exception_end(struct store *base, uint64_t id, uint64_t at_ns);
int sq_exceptions(struct store *base, store_exception_fn fn, void *arg);
int sq_maintenance_add(struct store *base, const struct store_maintenance *m, uint64_t *ret_id);
int sq_maintenance_end(struct store *base, uint64_t id, const char *who, uint64_t at_ns);
int sq_maintenances(struct store *base, uint64_t since_ns, store_maintenance_fn fn, void *arg);

/* sqlite_tally.c */
int sq_tally_doors(struct store *base, store_door_tally_fn fn, void *arg);
int sq_tally_alerts(struct store *base, store_alert_tally_fn fn, void *arg);
int sq_turn_at(struct store *base, const char *name, uint64_t *ret_ns);

#endif
