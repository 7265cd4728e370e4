/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_HEALTH_REPORT_H
#define AJAR_STORE_HEALTH_REPORT_H

#include "store/health.h"

/*
 * What a report says from its machine on: 26 values. r is a struct health_report: parameters that
 * are numbers have no sign, so that a step of the clock goes as a text.
 */
struct health_report {
	const struct store_health *h;
	char tier[2], step[32];
};
void health_report_init(struct health_report *r, const struct store_health *h);
#define REPORT_VALUES(r)                                                                           \
	B((r)->h->machine, INSTALLATION_LEN), S((r)->h->host), S((r)->h->boot_id),                 \
		S((r)->h->version), U((r)->h->shipper), U((r)->h->agent), U((r)->h->agent_age_ns), \
		S((r)->tier), U((r)->h->attached), S((r)->h->sensor), U((r)->h->boot_seq),         \
		U((r)->h->seq), B((r)->h->chain, SHA256_LEN), U((r)->h->journal_bytes),            \
		U((r)->h->journal_max_bytes), U((r)->h->backlog_records),                          \
		U((r)->h->backlog_bytes), U((r)->h->backlog_ns), U((r)->h->lost),                  \
		U((r)->h->conflicts), U((r)->h->quarantined), U((r)->h->interval_ns),              \
		U((r)->h->wall_ns), U((r)->h->rtt_ns), S((r)->step), U((r)->h->stepped_ns)

#endif
