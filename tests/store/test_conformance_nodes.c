/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>

#include "conf/conf.h"
#include "store/conformance.h"
#include "store/health.h"
#include "store/redirect.h"
#include "store/sql.h"
#include "view/node_json.h"
#include "view/node_list.h"

/*
 * The list of all nodes, which is read in pages, says of each what looking at it alone says; and
 * what is read in pages costs a server no sorting and no walk through a table, whatever its plans.
 */
#define NODES (2 * HEALTH_PAGE_NODES + 2) /* two whole pages, and one of two nodes */
#define DOORS 3 /* of a node */

static struct conf *conf;

static int report(struct store *s, const char *node, unsigned i, uint8_t installation)
{
	struct store_health h = { .installation = { installation },
				  .session = { installation },
				  .host = "h",
				  .boot_id = "",
				  .version = "1",
				  .shipper = SHIPPER_RUNNING,
				  .agent = i % 2 ? AGENT_RECORDING : AGENT_STOPPED,
				  .attached = true,
				  .tier = 'A',
				  .sensor = "",
				  .interval_ns = 1 };
	struct store_health_reply r;

	return store_put_health(s, node, "compute", &h, 0, &r);
}

/* Every third has never said how it is, every fifth has two installations. */
static int fill_node(struct store *s, unsigned i)
{
	struct event ev = open_event(22, 1, T0 + i);
	char node[16];
	int err;

	snprintf(node, sizeof(node), "n%03u", i);
	ev.kind = i % 7 ? EVENT_OPEN : EVENT_STOP;
	err = put_one(s, node, 1, 1, &ev);
	for (unsigned d = 1; d <= DOORS * (i % 4 != 0) && !err; d++)
		err = put_door_on(s, node, d, d, T0 + d, NULL);
	if (!err && i % 3)
		err = report(s, node, i, 1);
	return err || i % 5 ? err : report(s, node, i, 2);
}

static int fill(struct store *s)
{
	int err = store_begin(s);

	for (unsigned i = 0; i < NODES && !err; i++)
		err = fill_node(s, NODES - 1 - i);
	if (!err)
		err = store_setting_set(s, REDIRECT_SETTING "n007", "1 1 0\ntcp 80\n");
	return err ? err : store_commit(s);
}

static void say(struct buf *b, const struct store_node *n, const struct view_node *st)
{
	buf_printf(b, "%s %s %s: %d %s %llu %llu %llu %llu %s %d %s\n", n->name, n->host_type,
		   n->tier ? n->tier : "-", (int)st->is, st->means, (unsigned long long)st->doors,
		   (unsigned long long)st->last_event_ns, (unsigned long long)n->seq,
		   (unsigned long long)n->events, buf_str(&st->redirects), st->heartbeat.known,
		   st->sgr ? st->sgr : "-");
}

struct said {
	struct store *s;
	struct buf b;
	unsigned nodes, pages;
};

static int look(const struct store_node *n, void *arg)
{
	struct said *said = arg;
	struct view_node st;
	int err = view_node_look(said->s, conf, n, strcmp(n->name, "n005") ? -1 : 1, &st);

	if (!err)
		say(&said->b, n, &st);
	view_node_done(&st);
	return err;
}

static int on_node(const struct store_node *n, const struct view_node *st, void *arg)
{
	struct said *said = arg;

	say(&said->b, n, st);
	said->nodes++;
	return 0;
}

static int on_page(void *arg)
{
	struct said *said = arg;

	said->pages++;
	return 0;
}

static void test_list(struct store *s)
{
	struct said one = { .s = s, .b = BUF_INIT(1 << 20) }, all = { .b = BUF_INIT(1 << 20) };
	const struct node_list l = {
		.own = "n005", .own_runs = 1, .node = on_node, .page = on_page, .arg = &all
	};

	ok(!node_list_walk(&l, s, conf) && !all.nodes && !all.pages,
	   "%s: without a node there is no page", drv->name);
	is_int(fill(s), 0, "%s: %d nodes", drv->name, NODES);
	is_int(store_nodes(s, look, &one), 0, "%s: each is looked at", drv->name);
	is_int(node_list_walk(&l, s, conf), 0, "%s: all are listed", drv->name);
	is_int(all.nodes, NODES, "%s: each once", drv->name);
	is_int(all.pages, 3, "%s: in pages", drv->name);
	is_str(buf_str(&all.b), buf_str(&one.b), "%s: the list says the same of each", drv->name);
	buf_done(&one.b);
	buf_done(&all.b);
}

/* --- what it costs a server --------------------------------------------------------------------------- */

static uint64_t counted(struct store *s, const char *text)
{
	_sql_ struct sql q = { .s = s };

	return sql_get_args(&q, text, SQL()) || sql_step(&q) <= 0
		       ? UINT64_MAX
		       : strtoull(sql_str(&q, 1), NULL, 10);
}

static int no_door(const struct store_door *d, void *arg)
{
	(void)d;
	(void)arg;
	return 0;
}

static int no_page(void *arg)
{
	(void)arg;
	return 0;
}

static int no_node(const struct store_node *n, const struct store_node_more *m, void *arg)
{
	(void)n;
	(void)m;
	(void)arg;
	return 0;
}

static int open_doors(struct store *s)
{
	return store_doors_by_node(s, &(struct store_door_query){ .open_only = true }, no_door,
				   no_page, NULL);
}

static int doors_at(struct store *s)
{
	return store_doors_by_node(s, &(struct store_door_query){ .at_ns = T0 + 2 }, no_door,
				   no_page, NULL);
}

static int nodes_between(struct store *s)
{
	return store_nodes_between(s, "n010", "n020", no_node, NULL);
}

static void costs(struct store *s, int (*read)(struct store *s), const char *what)
{
	static const char sorted[] = "SHOW SESSION STATUS LIKE 'Sort_rows'",
			  joins[] = "SHOW SESSION STATUS LIKE 'Select_full_join'",
			  by_row[] = "SHOW SESSION STATUS LIKE 'Handler_read_rnd_next'";
	uint64_t sorts = counted(s, sorted), full = counted(s, joins), own = counted(s, by_row),
		 rows = counted(s, by_row);

	own = rows - own; /* of the question itself */
	ok(sorts != UINT64_MAX && !read(s), "%s: %s", drv->name, what);
	is_int((long long)(counted(s, by_row) - rows), (long long)own,
	       "%s: no table is walked through", drv->name);
	is_int((long long)(counted(s, joins) - full), 0, "%s: all is looked up", drv->name);
	is_int((long long)(counted(s, sorted) - sorts), 0, "%s: nothing is sorted", drv->name);
}

static void test_costs(struct store *s)
{
	if (drv->uri) {
		ok(true, "%s: its plans are in test_sqlite.c", drv->name);
		return;
	}
	is_int(fill(s), 0, "%s: %d nodes", drv->name, NODES);
	costs(s, open_doors, "pages of open doors");
	costs(s, doors_at, "pages of doors at a time");
	costs(s, nodes_between, "a page of nodes");
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_list, test_costs };
	int rc;

	if (conf_new(&conf))
		return 1;
	rc = conformance(tests, array_len(tests), NULL);
	conf_free(conf);
	return rc;
}
