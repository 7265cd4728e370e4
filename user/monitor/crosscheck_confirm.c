/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/match.h"
#include "base/buf.h"
#include "core/portset.h"
#include "monitor/alerting.h"
#include "monitor/crosscheck_internal.h"

/*
 * What one scan shows is unconfirmed; the second that shows it makes it a finding. It is in the
 * store: a monitor that is killed between the two leaves them to the next, and of several monitors
 * one asks.
 *
 *	hidden     asked for again at once: nothing about a scan makes a door where there is none
 *	blocked,
 *	unseen     later, gently, and with the node's other doors: our own connections may have filled the queue of a listener, or
 *	           the node may have locked us out
 */
#define PROBE_PLAN "confirmation scan"
#define ASK_MAX 256
#define DOORS_MAX                                                                                  \
	64 /* of the node, asked beside them: a port that is blocked is one where others answer */
#define LATER_NS UINT64_C(15000000000)
#define GENTLE_RATE 10
#define KEEP_NS UINT64_C(604800000000000)
#define PORTS_TEXT_MAX 4096

static bool is_later(enum finding_kind kind)
{
	return kind == FINDING_BLOCKED || kind == FINDING_UNSEEN;
}

static size_t find_unconfirmed(const struct view *v, enum door_proto proto, uint32_t port)
{
	size_t i = 0;

	while (i < v->unconfirmed_len &&
	       (v->unconfirmed[i].d.proto != proto || v->unconfirmed[i].d.port != port))
		i++;
	return i;
}

int crosscheck_forget_unconfirmed(struct crosscheck *o, enum door_proto proto, uint32_t port)
{
	struct view *v = &o->v;
	size_t i = find_unconfirmed(v, proto, port);
	int err;

	if (i == v->unconfirmed_len)
		return 0;
	err = store_unconfirmed_del(o->store, &v->unconfirmed[i].d);
	v->unconfirmed[i] = v->unconfirmed[--v->unconfirmed_len];
	return err;
}

int crosscheck_confirmed(struct crosscheck *o, enum finding_kind kind, enum door_proto proto,
			 uint32_t port, bool *ret_yes)
{
	struct view *v = &o->v;
	const struct store_unconfirmed d = { .node = v->h.node,
					     .addr = v->h.addr,
					     .proto = proto,
					     .port = port,
					     .kind = kind,
					     .scan_id = v->h.scan_id,
					     .due_ns =
						     o->now_ns + (is_later(kind) ? LATER_NS : 0) };
	size_t i = find_unconfirmed(v, proto, port);
	const struct store_unconfirmed *have = i < v->unconfirmed_len ? &v->unconfirmed[i].d : NULL;

	*ret_yes = false;
	if (!have || have->kind != kind)
		return store_unconfirmed_put(o->store, &d);
	if (have->scan_id == d.scan_id || (is_later(kind) && v->h.to_ns < have->due_ns))
		return 0;
	*ret_yes = true;
	return crosscheck_forget_unconfirmed(o, proto, port);
}

/* --- asking --------------------------------------------------------------------------------------- */

struct due {
	size_t len;
	struct due_unconfirmed {
		struct store_unconfirmed d;
		char node[256], addr[ADDRESS_TEXT_MAX + 1];
	} unconfirmed[ASK_MAX];
};

static int on_due(const struct store_unconfirmed *d, void *arg)
{
	struct due *l = arg;
	struct due_unconfirmed *c = &l->unconfirmed[l->len++];

	c->d = *d;
	snprintf(c->node, sizeof(c->node), "%s", d->node);
	snprintf(c->addr, sizeof(c->addr), "%s", d->addr);
	c->d.node = c->node;
	c->d.addr = c->addr;
	return l->len == ASK_MAX;
}

struct asking {
	struct ports ports;
	unsigned doors;
};

static int add_door(const struct store_door *d, void *arg)
{
	struct asking *a = arg;

	if (d->door.port <= UINT16_MAX && d->door.scope != SCOPE_LOOPBACK &&
	    proto_class(d->door.proto) == PROTO_TCP &&
	    !ports_has(&a->ports, (uint16_t)d->door.port) && a->doors < DOORS_MAX) {
		ports_add(&a->ports, d->door.port, d->door.port);
		a->doors++;
	}
	return 0;
}

/* One scan for those of one address; *at moves behind them. */
static int ask_host(struct crosscheck *o, const struct due *l, size_t *at)
{
	_cleanup_(buf_done) struct buf ports = BUF_INIT(PORTS_TEXT_MAX);
	const struct due_unconfirmed *first = &l->unconfirmed[*at];
	const struct store_target target = { first->node, first->addr };
	const struct store_scan scan = { .plan = PROBE_PLAN,
					 .kind = SCAN_CONNECT,
					 .nodes = first->node,
					 .command = "monitor",
					 .host_rate = GENTLE_RATE,
					 .priority = STORE_SCAN_PROBE };
	struct store_shard sh = { .targets = &target, .targets_len = 1 };
	const struct store_door_query q = { .node = first->node, .open_only = true };
	struct asking a = { 0 };
	bool later = false;
	uint64_t id;
	int err = 0;

	for (; !err && *at < l->len; ++*at) {
		const struct due_unconfirmed *c = &l->unconfirmed[*at];

		if (strcmp(c->node, first->node) || strcmp(c->addr, first->addr))
			break;
		later |= is_later(c->d.kind);
		if (c->d.port)
			ports_add(&a.ports, c->d.port, c->d.port);
		err = store_unconfirmed_asked(o->store, &c->d, o->now_ns);
	}
	if (!err && later)
		err = store_doors(o->store, &q, add_door, &a);
	ports_format(&ports, &a.ports);
	sh.ports = buf_str(&ports);
	if (err || ports.err || !ports.len)
		return err ? err : ports.err;
	return store_scan_new(o->store, &scan, &sh, 1, o->now_ns, &id);
}

static int ask_all(struct crosscheck *o)
{
	_free_ struct due *l = calloc(1, sizeof(*l));
	size_t at = 0;
	int ret = l ? alerting_enter(o->alerting) : -ENOMEM;

	/* Read behind the interval lock: another monitor may have asked. */
	if (!ret)
		ret = store_unconfirmed_due(o->store, o->now_ns, ASK_MAX, on_due, l);
	if (ret > 0)
		ret = 0;
	while (!ret && at < l->len)
		ret = ask_host(o, l, &at);
	if (!ret && o->now_ns > KEEP_NS)
		ret = store_unconfirmed_prune(o->store, o->now_ns - KEEP_NS);
	return ret;
}

static int is_due(const struct store_unconfirmed *d, void *arg)
{
	(void)d;
	*(bool *)arg = true;
	return 1;
}

int crosscheck_ask(struct crosscheck *o)
{
	bool any = false;
	int ret = store_unconfirmed_due(o->store, o->now_ns, 1, is_due, &any);

	if (ret < 0 || !any)
		return ret < 0 ? ret : 0;
	ret = store_begin(o->store);
	if (ret)
		return ret;
	ret = ask_all(o);
	if (!ret)
		ret = store_commit(o->store);
	if (ret) {
		store_rollback(o->store);
		alerting_forget(o->alerting);
	}
	return ret;
}
