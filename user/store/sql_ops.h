/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SQL_OPS_H
#define AJAR_STORE_SQL_OPS_H

#include "store/driver.h"

/* Operations (driver.h) that are written once for the drivers of SQL, in what sql.h has. */

/* sql_health.c: how the nodes are; the clock is the store's. */
int sql_put_health(struct store *s, const char *node, const char *host_type, const struct store_health *h,
		   uint64_t fresh_ns, struct store_health_reply *ret);
int sql_health(struct store *s, const char *node, bool with_past, store_health_fn fn, void *arg);
int sql_put_watch(struct store *s, const char *node, const struct store_watch *w);
int sql_accept_node(struct store *s, const char *node, const uint8_t *installation, bool *ret_changed);

/* sql_boots.c */
int sql_claim_boot(struct store *s, const char *node, const uint8_t installation[INSTALLATION_LEN],
		   const char *boot_id, uint32_t journal_boot, uint32_t *ret_boot_seq);
int sql_boots(struct store *s, const char *node, store_boot_fn fn, void *arg);

/*
 * What a report says from its machine on: 26 values. r is a struct sql_report: parameters that are numbers have
 * no sign, so that a step of the clock goes as a text.
 */
struct sql_report {
	const struct store_health *h;
	char tier[2], step[32];
};
void sql_report_init(struct sql_report *r, const struct store_health *h);
#define REPORT_VALUES(r)                                                                               \
	B((r)->h->machine, INSTALLATION_LEN), S((r)->h->host), S((r)->h->boot_id), S((r)->h->version), \
		U((r)->h->shipper), U((r)->h->agent), U((r)->h->agent_age_ns), S((r)->tier),            \
		U((r)->h->attached), S((r)->h->sensor), U((r)->h->boot_seq), U((r)->h->seq),            \
		B((r)->h->chain, SHA256_LEN), U((r)->h->journal_bytes), U((r)->h->journal_max_bytes),   \
		U((r)->h->backlog_records), U((r)->h->backlog_bytes), U((r)->h->backlog_ns),            \
		U((r)->h->lost), U((r)->h->conflicts), U((r)->h->quarantined), U((r)->h->interval_ns),  \
		U((r)->h->wall_ns), U((r)->h->rtt_ns), S((r)->step), U((r)->h->stepped_ns)

/* sql_rules.c: profiles, the lines of their files, hits, proposals, and node classes by rule. */
int sql_profile_update(struct store *s, const char *host_type, uint64_t id, const struct profile_row *row);
int sql_profile_remove(struct store *s, const char *host_type, uint64_t id);
int sql_profile_lines(struct store *s, const char *host_type, store_profile_line_fn fn, void *arg);
int sql_profile_put_lines(struct store *s, const char *host_type, const struct store_profile_line *lines, size_t n);
int sql_profile_count(struct store *s, const struct store_profile_hit *hits, size_t n);
int sql_proposal_put(struct store *s, const char *host_type, const struct store_proposal *list, size_t n);
int sql_proposals(struct store *s, const char *host_type, store_proposal_fn fn, void *arg);
int sql_proposal_decide(struct store *s, const char *host_type, uint32_t number, enum proposal_state state,
			const char *who, uint64_t now_ns);
int sql_class_rules(struct store *s, store_class_rule_fn fn, void *arg);
int sql_class_rule_put(struct store *s, const struct store_class_rule *r);
int sql_class_rule_remove(struct store *s, uint64_t id);

/* sql_triage.c: where alerts stand, and what people decide about them. */
int sql_alert_node(struct store *s, const struct store_alert_step *step, uint64_t *ret_before, uint64_t *ret_after);
int sql_alert_sum(struct store *s, uint64_t alert_id, struct store_alert_sum *ret);
int sql_alert_nodes(struct store *s, uint64_t alert_id, bool open_only, store_alert_node_fn fn, void *arg);
int sql_alert_nodes_restart(struct store *s, uint64_t alert_id);
int sql_alert_fold(struct store *s, uint64_t alert_id, const char *nodes, uint64_t node_count, const char *summary);
int sql_decide(struct store *s, const struct store_decision *d, uint64_t *ret_log_id);
int sql_triage_marks(struct store *s, uint64_t *ret_log_id, uint64_t *ret_revision);

#endif
