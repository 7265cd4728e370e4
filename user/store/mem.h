/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_MEM_H
#define AJAR_STORE_MEM_H

#include "store/driver.h"

/*
 * The memory driver: the interface in plain C, as the specification that the other drivers are
 * compared with in tests. A table is a sorted array of pointers to rows. Rows never change: an update
 * puts a changed copy in the place of the old one, and both live until the store is freed. So a snapshot of
 * the store is the arrays, shared until one side writes, and a rollback is putting them back.
 */
enum mem_table {
	MEM_NODES,
	MEM_HOST_TYPES,
	MEM_PORTS,
	MEM_EVENTS,
	MEM_JOURNALS,
	MEM_DOORS,
	MEM_ALERTS,
	MEM_LOG,
	MEM_CURSORS,
	MEM_SETTINGS,
	MEM_SINKS,
	MEM_PARKED,
	MEM_HEALTH,
	MEM_BOOTS,
	MEM_WATCH,
	MEM_TURNS,
	MEM_LINES,
	MEM_PROPOSALS,
	MEM_CLASS_RULES,
	MEM_ALERT_NODES,
	MEM_EXCEPTIONS,
	MEM_MAINTENANCES,
	MEM_TABLES,
};

struct mem_rows {
	unsigned refs;
	size_t len, cap;
	const void *row[];
};

struct mem_state {
	struct mem_rows *tables[MEM_TABLES];
	uint64_t last_id, revision;
};

struct mem {
	struct store base;
	struct mem_state now, saved[2]; /* at begin, at save */
	struct mem_cell *cells;
};

struct mem_node {
	const char *name; /* key */
	uint64_t id;
	const char *host_type, *reported, *tier;
	uint64_t first_seen_ns, last_seen_ns, events, lost;
	struct journal_at {
		uint32_t boot_seq;
		uint64_t seq;
	} newest, tier_at;
};

struct mem_host_type {
	const char *name; /* key */
	uint64_t accepted_ns;
};

struct mem_event {
	uint64_t node_id; /* key: with boot_seq and seq of raw */
	struct store_event raw;
	struct event ev; /* points into raw */
};

struct mem_journal {
	uint64_t node_id; /* key */
	uint32_t boot_seq;
	uint64_t base_seq, head_seq, stored_seq, judged_seq;
};

struct mem_door {
	uint64_t node_id; /* key: with boot_seq and both cookies of the door */
	struct store_door d;
};

struct mem_log {
	struct store_alert_change c; /* key: log_id */
};

struct mem_line {
	const char *host_type; /* key: with the line's number */
	struct store_profile_line l;
};

struct mem_named { /* cursors, settings, turns (log_id: when) */
	const char *name; /* key */
	const char *value;
	uint64_t log_id;
};

struct mem_health {
	uint64_t node_id; /* key: with row.h.installation */
	struct store_health_row row; /* node's columns not filled in */
	uint8_t session_before[SESSION_LEN];
};

struct mem_boot {
	uint64_t node_id; /* key */
	uint32_t boot_seq, journal_boot;
	uint8_t installation[INSTALLATION_LEN];
	const char *boot_id;
};

struct mem_watch {
	uint64_t node_id; /* key */
	struct store_watch w;
};

struct mem_alert_node {
	uint64_t alert_id; /* key: with node */
	struct store_alert_node n;
};

/* Copies that live as long as the store; NULL when memory is out. */
void *mem_copy(struct mem *m, const void *p, size_t n);
const char *mem_str(struct mem *m, const char *s); /* NULL gives "" */

int mem_cmp(enum mem_table t, const void *a, const void *b);
/* Where key is or would be. */
size_t mem_seek(const struct mem *m, enum mem_table t, const void *key);
const void *mem_find(const struct mem *m, enum mem_table t, const void *key);
/* Inserts a copy of row or puts it in the place of the one with its key. */
must_check int mem_put(struct mem *m, enum mem_table t, const void *row, size_t size);
/* Takes n rows away; those in use elsewhere live on. */
must_check int mem_del(struct mem *m, enum mem_table t, size_t at, size_t n);
/* The rows as they are now, for reading while a callback may write; give it back with mem_unref(). */
struct mem_rows *mem_ref(struct mem *m, enum mem_table t);
void mem_unref(struct mem_rows *r);
static inline void mem_unrefp(struct mem_rows **r)
{
	mem_unref(*r);
}

const struct mem_node *mem_node(const struct mem *m, const char *name);
const struct mem_node *mem_node_by_id(const struct mem *m, uint64_t id);
must_check int mem_make_host_type(struct mem *m, const char *name);
/* The node as it is, or a new one, not in its table yet. */
must_check int mem_make_node(struct mem *m, const char *name, const char *host_type,
			     uint64_t now_ns, struct mem_node *ret_n);

/* mem_events.c */
int mem_put_events(struct store *base, const char *node, const char *host_type,
		   const struct store_event *rows, size_t n, size_t *ret_new);
int mem_events(struct store *base, const struct store_event_query *q, store_event_fn fn, void *arg);
int mem_event_head(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq);
int mem_put_door(struct store *base, const struct store_door *d);
int mem_close_door(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		   uint64_t close_seq, uint64_t closed_ns, bool *ret_found);
int mem_doors(struct store *base, const struct store_door_query *q, store_door_fn fn, void *arg);
int mem_door_get(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		 store_door_fn fn, void *arg);
int mem_key_doors(struct store *base, const char *alert_key, uint64_t *ret_open,
		  uint64_t *ret_last_closed_ns);

int mem_event_base(struct store *base, const char *node, uint32_t boot_seq, uint64_t *ret_seq);

/* mem_prune.c */
int mem_prune(struct store *base, const struct store_prune *q, struct store_pruned *ret);
int mem_usage(struct store *base, bool count, struct store_usage *ret);

/* mem.c */
int mem_setting_get(struct store *base, const char *name, struct buf *b);
int mem_setting_set(struct store *base, const char *name, const char *value);

/* mem_alerts.c */
int mem_alert_get(struct store *base, const char *key, store_alert_fn fn, void *arg);
int mem_put_alert(struct store *base, const struct store_alert *a, const char *who,
		  const char *note, uint64_t now_wall_ns, uint64_t *ret_id, uint64_t *ret_log_id);
int mem_touch_alert(struct store *base, const char *key, uint64_t count, uint64_t last_ns);
int mem_alerts(struct store *base, const struct store_alert_query *q, store_alert_fn fn, void *arg);
int mem_alert_changes(struct store *base, uint64_t after_log_id, uint64_t since_ns,
		      uint64_t until_ns, uint32_t limit, store_change_fn fn, void *arg);

/* mem_sinks.c */
int mem_sinks(struct store *base, store_sink_fn fn, void *arg);
int mem_sink_put(struct store *base, const struct store_sink *sink);
int mem_sink_forget(struct store *base, const char *name);
int mem_park(struct store *base, const struct store_parked *p);
int mem_unpark(struct store *base, const char *sink, uint64_t log_id);
int mem_parked(struct store *base, const char *sink, uint64_t due_ns, uint32_t limit,
	       store_parked_fn fn, void *arg);
int mem_log_before(struct store *base, uint64_t at_ns, uint64_t *ret_log_id);

/* mem_triage.c */
int mem_alert_node(struct store *base, const struct store_alert_step *st, uint64_t *ret_before,
		   uint64_t *ret_after);
int mem_alert_sum(struct store *base, uint64_t alert_id, struct store_alert_sum *ret);
int mem_alert_nodes(struct store *base, uint64_t alert_id, bool open_only, store_alert_node_fn fn,
		    void *arg);
int mem_alert_nodes_restart(struct store *base, uint64_t alert_id);
int mem_alert_fold(struct store *base, uint64_t alert_id, const char *nodes, uint64_t node_count,
		   const char *summary);
int mem_decide(struct store *base, const struct store_decision *d, uint64_t *ret_log_id);
int mem_triage_marks(struct store *base, uint64_t *ret_log_id, uint64_t *ret_revision);

/* mem_triage.c, too */
int mem_exception_add(struct store *base, const struct store_exception *e, uint64_t *ret_id);
int mem_exception_end(struct store *base, uint64_t id, uint64_t at_ns);
int mem_exceptions(struct store *base, store_exception_fn fn, void *arg);
int mem_maintenance_add(struct store *base, const struct store_maintenance *m, uint64_t *ret_id);
int mem_maintenance_end(struct store *base, uint64_t id, const char *who, uint64_t at_ns);
int mem_maintenances(struct store *base, uint64_t since_ns, store_maintenance_fn fn, void *arg);

/* mem_profiles.c */
int mem_profile_get(struct store *base, const char *host_type, struct profile **ret_profile);
int mem_host_types(struct store *base, store_host_type_fn fn, void *arg);
int mem_profile_add(struct store *base, const char *host_type, const struct profile_row *rows,
		    size_t n, bool accept, uint64_t now_wall_ns, size_t *ret_new);
int mem_profile_revision(struct store *base, uint64_t *ret_rev);

/* mem_rules.c */
int mem_profile_update(struct store *base, const char *host_type, uint64_t id,
		     const struct profile_row *row);
int mem_profile_remove(struct store *base, const char *host_type, uint64_t id);
int mem_profile_lines(struct store *base, const char *host_type, store_profile_line_fn fn, void *arg);
int mem_profile_put_lines(struct store *base, const char *host_type,
			const struct store_profile_line *lines, size_t n);
int mem_profile_count(struct store *base, const struct store_profile_hit *hits, size_t n);
int mem_proposal_put(struct store *base, const char *host_type, const struct store_proposal *list,
		   size_t n);
int mem_proposals(struct store *base, const char *host_type, store_proposal_fn fn, void *arg);
int mem_proposal_decide(struct store *base, const char *host_type, uint32_t number,
		      enum proposal_state state, const char *who, uint64_t now_ns);
int mem_class_rules(struct store *base, store_class_rule_fn fn, void *arg);
int mem_class_rule_put(struct store *base, const struct store_class_rule *r);
int mem_class_rule_remove(struct store *base, uint64_t id);

/* mem_tally.c */
int mem_tally_doors(struct store *base, store_door_tally_fn fn, void *arg);
int mem_tally_alerts(struct store *base, store_alert_tally_fn fn, void *arg);
int mem_turn_at(struct store *base, const char *name, uint64_t *ret_ns);

#endif
