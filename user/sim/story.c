/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/story.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ajar/version.h"
#include "base/parse.h"
#include "sim/cluster.h"
#include "store/scans.h"
#include "store/store.h"

#define MINUTE_NS (60 * SECOND_NS)
#define HOUR_NS (60 * MINUTE_NS)
#define UP_NS (26 * HOUR_NS) /* the cluster was started so long ago */
#define DAY_NODES 640 /* so many are in ordinary use: what is more would only take time */
#define SHIP_AT 200
#define PUT_OFF 64 /* nodes whose records are stored by one commit */
#define ROLLOUT 40 /* nodes with the service that no profile has */
#define VISITS 8 /* doors of the present that are open at a time */
#define ANSWERS 2 /* shards a tick */
#define SCAN_AT_NS (12 * SECOND_NS) /* after the start: the heartbeats before it must be there */
#define SCAN_EVERY_NS (10 * MINUTE_NS)

/* clang-format off */
static const struct sim_spec backdoor = {
	PROTO_TCP, SCOPE_ANY, 31337, "/dev/shm/.font-unix", "tkunze", "/user.slice/user-2219.slice/session-418.scope", ".font-unix", 2219,
	true, "-l 31337 -e /bin/sh", "bash sshd sshd systemd" };
static const struct sim_spec impostor = {
	PROTO_TCP, SCOPE_ANY, 22, "/usr/local/lib/.cache/sshd", "root", "/user.slice/user-2219.slice/session-7.scope", "sshd", 0,
	false, "-f /usr/local/lib/.cache/c", "sudo bash sshd systemd" };
static const struct sim_spec sshd = { .proto = PROTO_TCP, .port = 22 };
static const struct sim_spec slapd = { .proto = PROTO_TCP, .port = 389 };
static const struct sim_spec notebook = {
	PROTO_TCP, SCOPE_ANY, 8888, "/usr/bin/python3.11", "rlee", "/user.slice/user-2044.slice/session-91.scope", "jupyter-lab", 2044,
	false, "/home/rlee/.local/bin/jupyter-lab --ip=0.0.0.0", "bash sshd sshd systemd" };
static const struct sim_spec redis = {
	PROTO_TCP, SCOPE_ANY, 6379, "/usr/bin/redis-server", "root", "/system.slice/cron.service", "redis-server", 0,
	false, "*:6379", "sh cron systemd" };
static const struct sim_spec rollout = {
	PROTO_TCP, SCOPE_ANY, 9256, "/usr/bin/process-exporter", "prometheus", "/system.slice/process-exporter.service", "process-export", 107,
	false, "--config.path /etc/process-exporter.yml", NULL };
/* Of the present: they come, are noticed, and go. */
static const struct sim_spec visitors[] = {
	{ PROTO_TCP, SCOPE_ANY, 5000, "/usr/bin/python3.11", "mlee",   "/user.slice/user-1041.slice/session-3.scope",  "flask",   1041, false, "-m flask run --host 0.0.0.0", "bash sshd sshd systemd" },
	{ PROTO_TCP, SCOPE_ANY, 8000, "/usr/bin/python3.11", "hoffmann", "/user.slice/user-2107.slice/session-12.scope", "python3", 2107, false, "-m http.server", "bash sshd sshd systemd" },
	{ PROTO_TCP, SCOPE_ANY, 1234, "/usr/bin/nc.openbsd", "alice",  "/user.slice/user-1042.slice/session-44.scope", "nc",      1042, false, "-lk 1234", "bash sshd sshd systemd" },
	{ PROTO_TCP, SCOPE_LOOPBACK, 6010, "/usr/sbin/sshd", "root",   "/user.slice/user-1041.slice/session-3.scope",  "sshd",    0,    false, "mlee@pts/2", "sshd systemd" },
	{ PROTO_TCP, SCOPE_LOOPBACK, 6011, "/usr/sbin/sshd", "root",   "/user.slice/user-2107.slice/session-12.scope", "sshd",    0,    false, "hoffmann@pts/0", "sshd systemd" },
};
/* clang-format on */

struct visit {
	struct sim_node *node;
	const struct sim_spec *spec;
	uint64_t ends_ns;
};

struct story {
	struct store *store;
	struct sim_cluster c;
	uint64_t now_ns, scan_ns;
	size_t report_at; /* whose heartbeat is next */
	uint64_t reported; /* rounds over the whole cluster */
	const struct sim_node *silent;
	struct sim_hidden hidden;
	struct visit visits[VISITS];
};

static struct sim_node *nth(struct story *st, enum sim_class k, size_t i)
{
	const struct sim_class_of *of = &st->c.classes[k];

	return of->nodes[i % of->nodes_len];
}

int story_new(struct store *s, size_t nodes, uint64_t now_ns, struct story **ret_story)
{
	_cleanup_(story_freep) struct story *st = calloc(1, sizeof(*st));
	int err;

	if (!st)
		return -ENOMEM;
	if (nodes < STORY_NODES_MIN || nodes > STORY_NODES_MAX)
		return -ERANGE;
	st->store = s;
	st->now_ns = now_ns;
	st->scan_ns = now_ns + SCAN_AT_NS;
	err = sim_cluster_init(&st->c, s, nodes);
	if (err)
		return err;
	st->silent = nth(st, CLASS_GPU, 10);
	st->hidden = (struct sim_hidden){ nth(st, CLASS_STORAGE, 6), 6667 };
	*ret_story = take_ptr(st);
	return 0;
}

void story_free(struct story *st)
{
	if (!st)
		return;
	sim_cluster_done(&st->c);
	free(st);
}

/* --- the past ------------------------------------------------------------------------------------------ */

static uint64_t ago(const struct story *st, uint64_t minutes)
{
	return st->now_ns - minutes * MINUTE_NS;
}

static void add(struct sim_plan *p, struct sim_node *n, int what, const struct sim_spec *s,
		uint64_t at_ns)
{
	sim_plan_add(p,
		     (struct sim_action){ .time_ns = at_ns, .node = n, .what = what, .spec = s });
}

static struct sim_traffic traffic(const struct sim_class_of *of, uint64_t at_ns, char **words,
				  size_t words_len)
{
	return (struct sim_traffic){ .nodes = of->nodes,
				     .len = of->nodes_len,
				     .now_ns = at_ns,
				     .words = words,
				     .words_len = words_len,
				     .services = of->services,
				     .services_len = of->services_len };
}

static void plan_usual(struct story *st, struct sim_plan *p)
{
	static char *boot[] = { (char *)"900" }, *day[] = { (char *)"86000" };
	static char *job[] = { (char *)"40171", (char *)"alice", (char *)"512", (char *)"5400" };
	static char *upgrade[] = { (char *)"dcgm-exporter", (char *)"600" };

	for (unsigned k = 0; k < SIM_CLASSES; k++) {
		const struct sim_class_of *of = &st->c.classes[k];
		struct sim_traffic t = traffic(of, st->now_ns - UP_NS, boot, 1);

		sim_boot(p, &t);
		t = traffic(of, st->now_ns - 86100 * SECOND_NS, day, 1);
		t.len = t.len < DAY_NODES ? t.len : DAY_NODES;
		sim_day(p, &t);
		t = traffic(of, ago(st, 380), job, array_len(job));
		t.len = t.len < 64 ? t.len : 64;
		if (k == CLASS_COMPUTE)
			sim_job(p, &t);
		t = traffic(of, ago(st, 540), upgrade, array_len(upgrade));
		if (k == CLASS_GPU)
			sim_upgrade(p, &t);
	}
}

static void plan_incidents(struct story *st, struct sim_plan *p)
{
	struct sim_node *login = nth(st, CLASS_LOGIN, 1), *adm = nth(st, CLASS_ADMIN, 1);
	const struct sim_class_of *compute = &st->c.classes[CLASS_COMPUTE];

	add(p, login, ACT_CLOSE, &sshd, ago(st, 203));
	add(p, login, ACT_OPEN, &impostor, ago(st, 203) + SECOND_NS / 5);
	add(p, nth(st, CLASS_GPU, 4), ACT_OPEN, &notebook, ago(st, 171));
	for (size_t i = 0; i < ROLLOUT && i < compute->nodes_len / 4; i++) {
		struct sim_node *n = compute->nodes[compute->nodes_len / 4 + i];

		add(p, n, ACT_OPEN, &rollout, ago(st, 96) + sim_node_random(n, 240 * SECOND_NS));
	}
	add(p, adm, ACT_CLOSE, &slapd, ago(st, 64));
	add(p, nth(st, CLASS_COMPUTE, 16), ACT_OPEN, &backdoor, ago(st, 47));
	add(p, nth(st, CLASS_COMPUTE, 202), ACT_OPEN, &backdoor, ago(st, 39));
	add(p, nth(st, CLASS_STORAGE, 2), ACT_OPEN, &redis, ago(st, 22));
}

/* Records of several nodes go into one transaction: else each has to wait for the disk. */
static int ship_all(struct story *st)
{
	int err = 0;

	for (size_t i = 0; !err && i < st->c.nodes_len;) {
		err = store_begin(st->store);
		for (unsigned k = 0; !err && k < PUT_OFF && i < st->c.nodes_len; k++, i++) {
			if (st->c.nodes[i].dirty)
				err = sim_node_ship(&st->c.nodes[i]);
		}
		if (!err)
			err = store_commit(st->store);
		else
			store_rollback(st->store);
	}
	return err;
}

int story_past(struct story *st, uint64_t *ret_events)
{
	char addr[SIM_ADDRESS_LEN];
	struct sim_plan p = { 0 };
	int err = sim_cluster_profiles(&st->c, st->now_ns - UP_NS);

	plan_usual(st, &p);
	plan_incidents(st, &p);
	sim_plan_sort(&p);
	if (!err)
		err = p.err ? -ENOMEM : 0;
	for (size_t i = 0; !err && i < p.len; i++)
		err = sim_node_act(&p.a[i]);
	*ret_events = p.len;
	sim_plan_done(&p);
	if (!err)
		err = ship_all(st);
	if (!err)
		err = store_begin(st->store);
	for (size_t i = 0; !err && i < st->c.nodes_len; i++) {
		sim_cluster_address(i, addr);
		err = store_node_addr_put(st->store, st->c.nodes[i].name, addr, "demo", st->now_ns);
	}
	return err ? err : store_commit(st->store);
}

/* --- the present --------------------------------------------------------------------------------------- */

/* Most run the version of this program; three have been forgotten. */
static const char *version_of(const struct story *st, size_t i)
{
	return i % (st->c.nodes_len / 3) == 7 ? "0.0.9" : AJAR_VERSION;
}

/* A part of the nodes at each tick, so that all are heard within an interval. */
static int report_some(struct story *st, uint64_t now_ns)
{
	size_t part = st->c.nodes_len * STORY_TICK_NS / STORY_INTERVAL_NS + 1;
	char addr[SIM_ADDRESS_LEN];
	int err = store_begin(st->store);

	if (!st->reported)
		part = st->c.nodes_len;
	for (size_t k = 0; !err && k < part; k++) {
		const struct sim_node *n = &st->c.nodes[st->report_at];
		const struct sim_report r = { .version = version_of(st, st->report_at),
					      .addresses = addr,
					      .now_ns = now_ns,
					      .interval_ns = STORY_INTERVAL_NS,
					      .silent_ns = STORY_SILENT_NS };

		sim_cluster_address(st->report_at, addr);
		if (n != st->silent || !st->reported)
			err = sim_node_report(n, &r);
		st->report_at = (st->report_at + 1) % st->c.nodes_len;
		st->reported += !st->report_at;
	}
	if (!err)
		return store_commit(st->store);
	store_rollback(st->store);
	return err;
}

/* About each quarter of a minute somebody opens something, for a minute or some. */
static int visit(struct story *st, uint64_t now_ns)
{
	struct sim_node *any = &st->c.nodes[0];
	int err = 0;

	for (size_t i = 0; !err && i < VISITS; i++) {
		struct visit *v = &st->visits[i];

		if (v->node && now_ns > v->ends_ns) {
			err = sim_node_close(v->node, 0, v->spec->proto, v->spec->port, now_ns);
			if (!err)
				err = sim_node_ship(v->node);
			v->node = NULL;
		} else if (!v->node && !sim_node_random(any, 15 * VISITS)) {
			v->node = nth(st, sim_node_random(any, 3) ? CLASS_COMPUTE : CLASS_LOGIN,
				      sim_node_random(any, st->c.nodes_len));
			v->spec = &visitors[sim_node_random(any, array_len(visitors))];
			v->ends_ns = now_ns + (45 + sim_node_random(any, 180)) * SECOND_NS;
			err = sim_node_open(v->node, v->spec, 0, now_ns);
			if (!err)
				err = sim_node_ship(v->node);
		}
	}
	return err;
}

static int look(struct story *st, uint64_t now_ns)
{
	unsigned done;
	int err = 0;

	if (now_ns > st->scan_ns) {
		st->scan_ns = now_ns + SCAN_EVERY_NS;
		err = sim_cluster_ask(&st->c, now_ns);
	}
	return err ? err : sim_cluster_answer(&st->c, &st->hidden, ANSWERS, &done);
}

int story_tick(struct story *st, uint64_t now_ns)
{
	int err = report_some(st, now_ns);

	if (!err)
		err = visit(st, now_ns);
	return err ? err : look(st, now_ns);
}
