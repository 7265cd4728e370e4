/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_STATE_INTERNAL_H
#define AJAR_WEB_STATE_INTERNAL_H

#include "web/state.h"

struct store_overview_row;

struct map;
struct racks;

#define NS_PER_S UINT64_C(1000000000)
#define WORDS_MAX 1024 /* classes, and versions of agents; the rest are one word, WORDS_REST */
#define WORDS_REST "(other)"

struct row {
	char *name;
	unsigned class, agent, rack;
	enum node_state health;
	enum severity worst;
	uint64_t alerts, opened, last_s, scan_s;
	uint64_t version; /* at which it changed last */
	bool seen; /* by this reading */
	/* what this reading found so far */
	unsigned new_class, new_agent;
	enum node_state new_health;
	enum severity new_worst;
	uint64_t new_alerts, new_opened, new_last_s;
};

struct words {
	unsigned len;
	char *all[WORDS_MAX];
};

struct state {
	uint64_t silent_ns, version, cost_ns, read_ns, scans_read_ns;
	/* The map of then (state_at()): the time, and the oldest record that is kept; 0: of now. */
	uint64_t at_ns, oldest_ns;
	uint64_t numbered; /* the version at which rows got their numbers */
	uint64_t alerts_version, map_version; /* at which either changed last */
	uint32_t mark;
	size_t len, cap;
	struct row *rows;
	struct map *by_name; /* to index + 1 */
	struct words classes, agents;
	const struct racks *racks; /* borrowed; NULL: nobody says */
	bool cut;
	uint64_t events, log_id, revision, severities[SEVERITY_CRITICAL + 1];
	uint64_t behind_ns;
	unsigned critical_len; /* written so far */
	struct {
		uint64_t version, id;
	} critical[STATE_CRITICAL_MAX];
};

/* -E2BIG: there are STATE_NODES_MAX, and "cut" says so. */
must_check int state_add_row(struct state *st, const char *name, struct row **ret_row);
struct row *state_row(struct state *st, const char *name); /* NULL: there is none */
/* For store_overview_opened(), with the state: how many doors of a node have opened. */
int state_on_opened(const struct store_overview_row *o, void *arg);
/* The number of a word; it is kept. */
must_check int words_number(struct words *w, const char *s, unsigned *ret_i);
/* What was read counts from now on. True: some of it is other than before. */
bool state_take_rows(struct state *st);

#endif
