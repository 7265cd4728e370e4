/* SPDX-License-Identifier: GPL-2.0 */
#include "web/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/map.h"
#include "base/parse.h"
#include "core/racks.h"
#include "store/health.h"
#include "store/overview.h"
#include "store/store.h"
#include "store/triage.h"
#include "view/metrics.h"
#include "web/state_internal.h"

#define HOUR_NS (3600 * NS_PER_S)
#define LAST_STEP_S 60 /* a heartbeat alone is no news until it is so much newer */
#define SCANS_EVERY_NS (30 * NS_PER_S)

int state_new(uint64_t silent_ns, const struct racks *racks, struct state **ret_st)
{
	struct state *st = calloc(1, sizeof(*st));
	int err = st ? map_new(NULL, &st->by_name) : -ENOMEM;

	if (err) {
		free(st);
		return err;
	}
	st->silent_ns = silent_ns;
	st->racks = racks;
	if (getrandom(&st->mark, sizeof(st->mark), GRND_NONBLOCK) != sizeof(st->mark))
		st->mark = (uint32_t)clock_wall_ns();
	*ret_st = st;
	return 0;
}

static void forget_rows(struct state *st)
{
	for (size_t i = 0; i < st->len; i++)
		free(st->rows[i].name);
	st->len = 0;
	map_each(st->by_name, map_always, NULL);
}

void state_free(struct state *st)
{
	if (!st)
		return;
	forget_rows(st);
	free(st->rows);
	map_free(st->by_name);
	for (unsigned i = 0; i < st->classes.len; i++)
		free(st->classes.all[i]);
	for (unsigned i = 0; i < st->agents.len; i++)
		free(st->agents.all[i]);
	free(st);
}

/* --- reading --------------------------------------------------------------------------------------------- */

int words_number(struct words *w, const char *s, unsigned *ret_i)
{
	for (unsigned i = 0; i < w->len; i++)
		if (!strcmp(w->all[i], s)) {
			*ret_i = i;
			return 0;
		}
	if (w->len == WORDS_MAX) {
		*ret_i = w->len - 1;
		return 0;
	}
	if (w->len == WORDS_MAX - 1) /* no node is said to be of another one's */
		s = WORDS_REST;
	w->all[w->len] = strdup(s);
	if (!w->all[w->len])
		return -ENOMEM;
	*ret_i = w->len++;
	return 0;
}

struct row *state_row(struct state *st, const char *name)
{
	uintptr_t i = (uintptr_t)map_get(st->by_name, name, strlen(name));

	return i ? &st->rows[i - 1] : NULL;
}

int state_add_row(struct state *st, const char *name, struct row **ret_row)
{
	size_t cap = st->cap ? st->cap * 2 : 64;
	struct row *rows = st->rows;
	char *copy = NULL;
	int err = 0;

	if (st->len == STATE_NODES_MAX) {
		st->cut = true;
		return -E2BIG;
	}
	if (st->len == st->cap) {
		rows = reallocarray(st->rows, cap, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		st->rows = rows;
		st->cap = cap;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	err = map_put(st->by_name, name, strlen(name), (void *)(uintptr_t)(st->len + 1));
	if (err) {
		free(copy);
		return err;
	}
	rows[st->len] = (struct row){ .name = copy,
				      .rack = racks_of(st->racks, name),
				      .version = UINT64_MAX };
	*ret_row = &rows[st->len++];
	return 0;
}

struct reading {
	struct state *st;
	uint64_t now_ns, events;
};

static int on_health(const struct store_health_row *r, void *arg)
{
	struct reading *rd = arg;
	struct state *st = rd->st;
	struct row *row = state_row(st, r->node);
	int err = 0;

	if (row && row->seen)
		return 0; /* another machine holds that name too: the first is the current one */
	if (!row)
		err = state_add_row(st, r->node, &row);
	if (err)
		return err == -E2BIG ? 0 : err;
	row->seen = true;
	row->new_health = view_health_state(r, st->silent_ns, rd->now_ns);
	row->new_last_s = (r->known ? r->received_ns : r->last_seen_ns) / NS_PER_S;
	row->new_alerts = row->new_opened = 0;
	row->new_worst = 0;
	rd->events += r->events;
	err = words_number(&st->classes, r->host_type, &row->new_class);
	return err ? err
		   : words_number(&st->agents, r->known ? r->h.version : "unknown",
				  &row->new_agent);
}

static int on_alerts(const struct store_overview_row *o, void *arg)
{
	struct row *row = state_row(arg, o->node);

	if (row) {
		row->new_alerts = o->count;
		row->new_worst = o->worst;
	}
	return 0;
}

int state_on_opened(const struct store_overview_row *o, void *arg)
{
	struct row *row = state_row(arg, o->node);

	if (row)
		row->new_opened = o->count;
	return 0;
}

static int on_scan(const struct store_overview_row *o, void *arg)
{
	struct state *st = arg;
	struct row *row = state_row(st, o->node);

	if (row && row->scan_s != o->at_ns / NS_PER_S) {
		row->scan_s = o->at_ns / NS_PER_S;
		row->version = UINT64_MAX;
	}
	return 0;
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct state *st = arg;

	if (c->state == ALERT_OPEN && c->alert.severity == SEVERITY_CRITICAL &&
	    (c->cause == CAUSE_OPENED || c->cause == CAUSE_REOPENED || c->cause == CAUSE_WORSE ||
	     c->cause == CAUSE_REACHED)) {
		unsigned i = st->critical_len++ % STATE_CRITICAL_MAX;

		st->critical[i].version = st->version + 1;
		st->critical[i].id = c->alert.id;
	}
	return 0;
}

static int read_nodes(struct reading *rd, struct store *s)
{
	struct state *st = rd->st;
	int err = store_clock(s, &rd->now_ns);

	for (size_t i = 0; i < st->len; i++)
		st->rows[i].seen = false;
	st->cut = false;
	if (!err)
		err = store_health(s, NULL, false, on_health, rd);
	if (!err)
		err = store_overview_alerts(s, on_alerts, st);
	if (!err)
		err = store_overview_opened(s, rd->now_ns - HOUR_NS, 0, state_on_opened, st);
	if (!err && clock_boot_ns() - st->scans_read_ns > SCANS_EVERY_NS) {
		err = store_overview_scans(s, 0, on_scan, st);
		st->scans_read_ns = clock_boot_ns();
	}
	return err;
}

/* A node has gone: numbers of rows mean something else now, and everybody gets the whole. */
static void drop_unseen(struct state *st)
{
	size_t kept = 0;

	for (size_t i = 0; i < st->len; i++) {
		if (!st->rows[i].seen) {
			free(st->rows[i].name);
			continue;
		}
		st->rows[kept++] = st->rows[i];
	}
	if (kept == st->len)
		return;
	st->len = kept;
	st->numbered = st->version + 1;
	map_each(st->by_name, map_always, NULL);
	for (size_t i = 0; i < kept; i++)
		(void)!map_put(st->by_name, st->rows[i].name, strlen(st->rows[i].name),
			       (void *)(uintptr_t)(i + 1));
}

static bool is_new(const struct row *r)
{
	return r->version == UINT64_MAX || r->class != r->new_class || r->agent != r->new_agent ||
	       r->health != r->new_health || r->worst != r->new_worst ||
	       r->alerts != r->new_alerts || r->opened != r->new_opened ||
	       r->new_last_s < r->last_s || r->new_last_s >= r->last_s + LAST_STEP_S;
}

bool state_take_rows(struct state *st)
{
	bool changed = st->numbered > st->version;

	for (size_t i = 0; i < st->len; i++) {
		struct row *r = &st->rows[i];

		if (!is_new(r))
			continue;
		r->class = r->new_class;
		r->agent = r->new_agent;
		r->health = r->new_health;
		r->worst = r->new_worst;
		r->alerts = r->new_alerts;
		r->opened = r->new_opened;
		r->last_s = r->new_last_s;
		r->version = st->version + 1;
		changed = true;
	}
	return changed;
}

static int read_alert_marks(struct state *st, struct store *s, bool *ret_changed)
{
	uint64_t log_id = 0, revision = 0, severities[SEVERITY_CRITICAL + 1];
	int err = store_triage_marks(s, &log_id, &revision);

	/* What happened before we came is no news. */
	if (!err && st->read_ns && log_id > st->log_id)
		err = store_alert_changes(s, st->log_id, 0, 0, 1000, on_change, st);
	if (!err)
		err = store_overview_severities(s, severities);
	if (err)
		return err;
	*ret_changed |= log_id != st->log_id || revision != st->revision ||
			memcmp(severities, st->severities, sizeof(severities));
	st->log_id = log_id;
	st->revision = revision;
	memcpy(st->severities, severities, sizeof(severities));
	return 0;
}

static void next_version(struct state *st, bool map, bool alerts)
{
	if (!map && !alerts)
		return;
	st->version++;
	if (map)
		st->map_version = st->version;
	if (alerts)
		st->alerts_version = st->version;
}

int state_refresh(struct state *st, struct store *s, bool *ret_changed)
{
	uint64_t since_ns = clock_boot_ns();
	struct reading rd = { .st = st };
	struct judging judging = { 0 };
	bool map = !st->read_ns, alerts = map;
	int err = read_nodes(&rd, s);

	if (!err)
		err = view_judging(s, &judging);
	if (!err)
		err = read_alert_marks(st, s, &alerts);
	if (err)
		return err;
	drop_unseen(st);
	map |= state_take_rows(st);
	map |= rd.events != st->events;
	/* How long something has waited matters by the second, and grows while it does. */
	map |= judging.lag_ns / NS_PER_S != st->behind_ns / NS_PER_S;
	st->events = rd.events;
	st->behind_ns = judging.lag_ns;
	next_version(st, map, alerts);
	st->read_ns = clock_boot_ns();
	st->cost_ns = st->read_ns - since_ns;
	*ret_changed = map || alerts;
	return 0;
}

int state_refresh_alerts(struct state *st, struct store *s, bool *ret_changed)
{
	uint64_t log_id = 0, revision = 0;
	bool changed = false;
	int err = store_triage_marks(s, &log_id, &revision);

	if (!err && (log_id != st->log_id || revision != st->revision))
		err = read_alert_marks(st, s, &changed);
	if (err)
		return err;
	next_version(st, false, changed);
	*ret_changed = changed;
	return 0;
}

uint64_t state_cost_ns(const struct state *st)
{
	return st->cost_ns;
}

bool state_is_read(const struct state *st)
{
	return st->read_ns;
}

/* --- versions -------------------------------------------------------------------------------------------- */

uint64_t state_version(const struct state *st)
{
	return st->version;
}

uint64_t state_alerts_version(const struct state *st)
{
	return st->alerts_version;
}

uint64_t state_map_version(const struct state *st)
{
	return st->map_version;
}

void state_version_text(const struct state *st, char to[STATE_VERSION_TEXT])
{
	snprintf(to, STATE_VERSION_TEXT, "%08" PRIx32 "-%" PRIu64, st->mark, st->version);
}

bool state_version_parse(const struct state *st, const char *text, uint64_t *ret_version)
{
	char mark[STATE_VERSION_TEXT];
	uint64_t v;

	snprintf(mark, sizeof(mark), "%08" PRIx32 "-", st->mark);
	if (strncmp(text, mark, 9) || parse_u64(text + 9, &v) || v > st->version ||
	    v < st->numbered)
		return false;
	*ret_version = v;
	return true;
}

/* --- as JSON ---------------------------------------------------------------------------------------------- */

static const char *const severity_words[] = {
	[0] = "none",
	[SEVERITY_NOTICE] = "notice",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_CRITICAL] = "critical",
};

static void words_json(const struct words *words, const char *key, struct jsonw *w)
{
	jsonw_arr(w, key);
	for (unsigned i = 0; i < words->len; i++)
		jsonw_str(w, NULL, words->all[i]);
	jsonw_end_arr(w);
}

static void racks_json(const struct racks *racks, struct jsonw *w)
{
	jsonw_arr(w, "rack");
	for (unsigned i = 0; i < racks_len(racks); i++)
		jsonw_str(w, NULL, racks_name(racks, i));
	jsonw_end_arr(w);
}

static void counts_json(const struct state *st, struct jsonw *w)
{
	uint64_t by_health[NODE_STATES] = { 0 }, well = 0;

	for (size_t i = 0; i < st->len; i++) {
		by_health[st->rows[i].health]++;
		well += st->rows[i].health == NODE_RECORDING && !st->rows[i].worst;
	}
	jsonw_obj(w, "counts");
	for (unsigned i = SEVERITY_CRITICAL; i >= SEVERITY_NOTICE; i--)
		jsonw_u64(w, severity_words[i], st->severities[i]);
	for (unsigned i = 0; i < NODE_STATES; i++)
		if (i != NODE_REFUSED && i != NODE_RECORDING)
			jsonw_u64(w, i == NODE_UNKNOWN ? "never" : health_state_name(i),
				  by_health[i]);
	jsonw_u64(w, "ok", well);
	jsonw_u64(w, "nodes", st->len);
	jsonw_end_obj(w);
}

enum column {
	NUMBER,
	NAME,
	CLASS,
	RACK,
	HEALTH,
	WORST,
	ALERTS,
	LAST,
	OPENED,
	SCAN,
	AGENT,
	COLUMNS
};
static const char *const columns[COLUMNS] = {
	[NUMBER] = "i",		  [NAME] = "name",   [CLASS] = "class",	  [RACK] = "rack",
	[HEALTH] = "health",	  [WORST] = "worst", [ALERTS] = "alerts", [LAST] = "last",
	[OPENED] = "opened_hour", [SCAN] = "scan",   [AGENT] = "agent",
};

static void cell_json(const struct state *st, size_t i, enum column c, struct jsonw *w)
{
	const struct row *r = &st->rows[i];
	const uint64_t values[COLUMNS] = {
		[NUMBER] = i,	    [CLASS] = r->class,	  [RACK] = r->rack,   [HEALTH] = r->health,
		[WORST] = r->worst, [ALERTS] = r->alerts, [LAST] = r->last_s, [OPENED] = r->opened,
		[SCAN] = r->scan_s, [AGENT] = r->agent,
	};

	if (c == NAME)
		jsonw_str(w, NULL, r->name);
	else
		jsonw_u64(w, NULL, values[c]);
}

static void column_json(const struct state *st, enum column c, const uint64_t *since,
			struct jsonw *w)
{
	/* Nobody has said what racks there are, or kept the versions and heartbeats of then. */
	if ((c == RACK && !st->racks) || (st->at_ns && (c == AGENT || c == LAST))) {
		jsonw_null(w, columns[c]);
		return;
	}
	if (c == NUMBER && !since)
		return;
	jsonw_arr(w, columns[c]);
	for (size_t i = 0; i < st->len; i++)
		if (!since || st->rows[i].version > *since)
			cell_json(st, i, c, w);
	jsonw_end_arr(w);
}

void state_json(const struct state *st, const uint64_t *since, struct jsonw *w)
{
	char version[STATE_VERSION_TEXT];

	state_version_text(st, version);
	jsonw_obj(w, NULL);
	jsonw_str(w, "version", version);
	if (since) {
		snprintf(version, sizeof(version), "%08" PRIx32 "-%" PRIu64, st->mark, *since);
		jsonw_str(w, "since", version);
	}
	jsonw_time(w, "now", clock_wall_ns());
	if (st->at_ns) {
		jsonw_time(w, "at", st->at_ns);
		jsonw_time(w, "oldest", st->oldest_ns);
	}
	words_json(&st->classes, "classes", w);
	words_json(&st->agents, "versions", w);
	jsonw_obj(w, "groups");
	if (st->racks)
		racks_json(st->racks, w);
	jsonw_end_obj(w);
	jsonw_obj(w, "nodes");
	for (unsigned c = 0; c < COLUMNS; c++)
		column_json(st, c, since, w);
	jsonw_end_obj(w);
	jsonw_arr(w, "health_words");
	for (unsigned i = 0; i < NODE_STATES; i++)
		jsonw_str(w, NULL, health_state_name(i));
	jsonw_end_arr(w);
	jsonw_arr(w, "severity_words");
	for (unsigned i = 0; i < array_len(severity_words); i++)
		jsonw_str(w, NULL, severity_words[i]);
	jsonw_end_arr(w);
	counts_json(st, w);
	if (st->at_ns)
		jsonw_null(w, "judged_behind_s");
	else
		jsonw_u64(w, "judged_behind_s", st->behind_ns / NS_PER_S);
	jsonw_bool(w, "cut", st->cut);
	jsonw_end_obj(w);
}

void state_criticals_json(const struct state *st, uint64_t since, struct jsonw *w)
{
	unsigned n = st->critical_len < STATE_CRITICAL_MAX ? st->critical_len : STATE_CRITICAL_MAX;

	jsonw_arr(w, "critical");
	for (unsigned k = 0; k < n; k++)
		if (st->critical[k].version > since && st->critical[k].version <= st->version)
			jsonw_u64(w, NULL, st->critical[k].id);
	jsonw_end_arr(w);
}
