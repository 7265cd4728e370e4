/* SPDX-License-Identifier: GPL-2.0 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "plan.h"
#include "store/overview.h"
#include "store/sql.h"
#include "store/store.h"
#include "tap.h"

/*
 * What the state of then costs in SQLite: all nodes and alerts are walked, and what happened to
 * each is looked up. test_time.c counts the same on a server.
 */
#define T0 UINT64_C(1700000000000000000)

static char last_sql[4096];
static sqlite3 *db;

static int on_statement(unsigned type, void *ctx, void *st, void *text)
{
	(void)type;
	(void)ctx;
	(void)text;
	if (!strncmp(sqlite3_sql(st), "SELECT", 6))
		snprintf(last_sql, sizeof(last_sql), "%s", sqlite3_sql(st));
	return 0;
}

static int on_connect(sqlite3 *opened, const char **words, const void *api)
{
	(void)words;
	(void)api;
	db = opened;
	sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
	return SQLITE_OK;
}

/* The plan of the query that ran last has this step, and sorts nothing. */
static void plan_has(const char *step, const char *what)
{
	struct buf plan = BUF_INIT(8192);

	plan_read(db, last_sql, &plan);
	if (!ok(strstr(buf_str(&plan), step) && !strstr(buf_str(&plan), "TEMP B-TREE"),
		"%s is looked up", what))
		printf("# %s\n", buf_str(&plan));
	buf_done(&plan);
}

static int no_alert(const struct store_alert *a, void *arg)
{
	(void)a;
	(void)arg;
	return 0;
}

static int no_node(const struct store_node_then *n, void *arg)
{
	(void)n;
	(void)arg;
	return 0;
}

static int no_more(const struct store_node *n, const struct store_node_more *m, void *arg)
{
	(void)n;
	(void)m;
	(void)arg;
	return 0;
}

int main(void)
{
	struct store *s = NULL;

	sqlite3_auto_extension((void (*)(void))on_connect);
	if (ok(!store_open("sqlite::memory:", STORE_CREATE, &s, NULL), "a store")) {
		ok(!store_alerts_at(s, T0, 0, no_alert, NULL), "alerts at a time");
		plan_has("INDEX alert_log_alert (alert_id=? AND at_ns<?)",
			 "the last change of each");
		plan_has("SEARCH l USING INTEGER PRIMARY KEY (rowid=?)", "its row");
		ok(!store_alerts_at(s, T0, 1, no_alert, NULL), "one of them");
		plan_has("SEARCH alert_log USING INTEGER PRIMARY KEY (rowid=?)", "it alone");
		ok(!store_overview_nodes_at(s, T0, no_node, NULL), "nodes at a time");
		plan_has("INDEX events_node_happened (node_id=?)", "the oldest record of each");
		ok(!store_nodes_between(s, "n1", "n2", no_more, NULL), "a page of nodes of now");
		plan_has("SEARCH n USING INDEX", "each node");
		plan_has("SEARCH d USING INDEX doors_open (node_id=?)", "its doors");
		plan_has("SEARCH e USING PRIMARY KEY (node_id=? AND boot_seq=? AND seq=?)",
			 "its last record");
	}
	store_free(s);
	sqlite3_reset_auto_extension();
	return tap_done();
}
