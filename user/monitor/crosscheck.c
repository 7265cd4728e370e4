/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/crosscheck.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/compare.h"
#include "base/buf.h"
#include "base/hostlist.h"
#include "base/map.h"
#include "base/parse.h"
#include "monitor/crosscheck_words.h"
#include "scan/address.h"
#include "scan/latest.h"
#include "store/health.h"
#include "store/scans.h"

#define WHO "monitor"
#define NS_PER_S UINT64_C(1000000000)
#define LOOK_BACK_NS                                                                               \
	(300 * NS_PER_S) /* hosts are stored as their nmaps end, not in the order of their times */
#define WAIT_NS (120 * NS_PER_S) /* for the node's own records about the time of the scan */
#define HOSTS_A_STEP 16
#define DOORS_MAX 4096
#define NODES_TEXT_MAX 4096
#define CURSOR "scan_compared_ns"
#define PROBE_PLAN "second look"

/* An alert of ours that stands. */
struct standing {
	struct hostlist nodes;
	enum finding_kind kind;
	enum door_proto proto;
	uint32_t port;
	uint64_t first_ns;
};

/* A host that waits to be compared, with copies. */
struct host {
	uint64_t scan_id, from_ns, to_ns;
	char node[256], addr[ADDRESS_TEXT_MAX + 1];
	char *folded;
};

struct door_copy {
	struct door door;
	uint64_t opened_ns, closed_ns;
	struct event ev;
	char *record;
};

struct crosscheck {
	struct store *store;
	struct map *standing; /* by key */
	struct map *done; /* "scan node addr" -> when */
	struct map *doubts; /* "node port" -> the scan that saw it first */
	bool loaded;
	uint64_t now_ns, cursor_ns;
	unsigned changes;
	/* The host at hand. */
	struct host h;
	char host_type[256];
	struct profile *profile;
	struct address address;
	size_t doors_len;
	struct door_copy *doors;
	struct compare_door *views;
	bool has_agent, blind;
	uint64_t sees_from_ns, sees_to_ns;
	uint8_t asked[65536 / 8]; /* TCP ports that were compared */
	struct map *found; /* keys of findings of this host */
	int err;
};

static void standing_free(void *p)
{
	struct standing *st = p;

	if (st)
		hostlist_done(&st->nodes);
	free(st);
}

int crosscheck_new(struct store *s, struct crosscheck **ret_o)
{
	_cleanup_(crosscheck_freep) struct crosscheck *o = calloc(1, sizeof(*o));
	int err;

	if (!o)
		return -ENOMEM;
	o->store = s;
	err = map_new(standing_free, &o->standing);
	if (!err)
		err = map_new(free, &o->done);
	if (!err)
		err = map_new(free, &o->doubts);
	if (!err)
		err = map_new(NULL, &o->found);
	if (err)
		return err;
	*ret_o = take_ptr(o);
	return 0;
}

static void drop_host(struct crosscheck *o)
{
	for (size_t i = 0; i < o->doors_len; i++)
		free(o->doors[i].record);
	free(take_ptr(o->doors));
	free(take_ptr(o->views));
	o->doors_len = 0;
	profile_free(take_ptr(o->profile));
	map_each(o->found, map_always, NULL);
}

void crosscheck_free(struct crosscheck *o)
{
	if (!o)
		return;
	if (o->found)
		drop_host(o);
	free(o->h.folded);
	map_free(o->standing);
	map_free(o->done);
	map_free(o->doubts);
	map_free(o->found);
	free(o);
}

/* --- alerts that stand ------------------------------------------------------------------------------ */

static bool is_ours(const struct store_alert *a)
{
	return a->kind == FINDING_HIDDEN || a->kind == FINDING_MASQUERADE ||
	       a->kind == FINDING_BLOCKED ||
	       (a->kind == FINDING_UNEXPECTED && !strncmp(a->key, "unexpected ", 11) &&
		strstr(a->key, CROSSCHECK_WHAT));
}

static int load_one(const struct store_alert *a, void *arg)
{
	struct crosscheck *o = arg;
	struct hostlist_error herr;
	struct standing *st;

	if (!is_ours(a))
		return 0;
	st = calloc(1, sizeof(*st));
	if (!st)
		return -ENOMEM;
	st->kind = a->kind;
	st->proto = a->proto;
	st->port = a->port;
	st->first_ns = a->first_ns;
	if (hostlist_parse(&st->nodes, a->nodes, NULL, &herr))
		hostlist_done(&st->nodes);
	return map_put(o->standing, a->key, strlen(a->key), st);
}

static int load(struct crosscheck *o)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64);
	const struct store_alert_query q = { 0 };
	int err;

	if (o->loaded)
		return 0;
	map_each(o->standing, map_always, NULL);
	err = store_alerts(o->store, &q, load_one, o);
	if (!err) {
		err = store_setting_get(o->store, CURSOR, &b);
		if (err || parse_u64(buf_str(&b), &o->cursor_ns))
			o->cursor_ns = 0;
		if (err == -ENOENT)
			err = 0;
	}
	o->loaded = !err;
	return err;
}

/* Writes the alert as it stands now; nodes empty: it is over. */
static int put(struct crosscheck *o, const char *key, const struct standing *st,
	       const struct crosscheck_words *w, const char *note)
{
	_cleanup_(buf_done) struct buf nodes = BUF_INIT(NODES_TEXT_MAX + 64);
	struct hostlist copy = st->nodes;
	struct store_alert a = {
		.key = key,
		.kind = st->kind,
		.severity = w->severity,
		.state = st->nodes.len ? ALERT_OPEN : ALERT_RESOLVED,
		.host_type = w->host_type,
		.count = st->nodes.len,
		.node_count = st->nodes.len,
		.proto = st->proto,
		.port = st->port,
		.summary = w->summary,
		.why = w->why,
		.remedy = w->remedy,
		.first_ns = st->first_ns,
		.last_ns = o->now_ns,
		.node = o->h.node,
	};

	buf_puts(&nodes, st->nodes.len ? "" : o->h.node);
	hostlist_fold_short(&copy, &nodes, NODES_TEXT_MAX);
	if (nodes.err)
		return nodes.err;
	a.nodes = buf_str(&nodes);
	o->changes++;
	return store_put_alert(o->store, &a, WHO, note, o->now_ns, NULL, NULL);
}

struct kept_alert {
	struct crosscheck_words w;
	enum alert_state state;
	bool exists;
	char texts[3][4096], host_type[256];
};

static int keep_alert(const struct store_alert *a, void *arg)
{
	struct kept_alert *k = arg;

	k->exists = true;
	k->state = a->state;
	snprintf(k->texts[0], sizeof(k->texts[0]), "%s", a->summary);
	snprintf(k->texts[1], sizeof(k->texts[1]), "%s", a->why);
	snprintf(k->texts[2], sizeof(k->texts[2]), "%s", a->remedy);
	snprintf(k->host_type, sizeof(k->host_type), "%s", a->host_type);
	k->w = (struct crosscheck_words){ .severity = a->severity,
					  .host_type = k->host_type,
					  .summary = k->texts[0],
					  .why = k->texts[1],
					  .remedy = k->texts[2] };
	return 0;
}

/* A person's word about it (acknowledged, snoozed, allowed) is not undone by a node more. */
static int raise(struct crosscheck *o, const char *key, const struct compared *c,
		 enum door_proto proto, uint32_t port, const struct crosscheck_words *w)
{
	struct standing *st = map_get(o->standing, key, strlen(key));
	struct kept_alert *k;
	int err;

	if (st && hostlist_has(&st->nodes, o->h.node))
		return 0;
	if (!st) {
		st = calloc(1, sizeof(*st));
		if (!st)
			return -ENOMEM;
		*st = (struct standing){
			.kind = c->ruling.kind, .proto = proto, .port = port, .first_ns = o->now_ns
		};
		err = map_put(o->standing, key, strlen(key), st);
		if (err)
			return err;
	}
	err = hostlist_add(&st->nodes, o->h.node);
	k = calloc(1, sizeof(*k));
	if (!err && !k)
		err = -ENOMEM;
	if (!err)
		err = store_alert_get(o->store, key, keep_alert, k);
	if (err == -ENOENT)
		err = 0;
	if (!err && k->exists && k->state != ALERT_OPEN && k->state != ALERT_RESOLVED)
		err = store_touch_alert(o->store, key, st->nodes.len, o->now_ns);
	else if (!err)
		err = put(o, key, st, w,
			  !k->exists || k->state == ALERT_RESOLVED ? "seen by a scan"
								   : "one node more");
	free(k);
	return err;
}

/* It was asked for again on this node, and is as it should be. */
static bool clear_one(const void *key, size_t len, void *value, void *arg)
{
	struct crosscheck *o = arg;
	struct standing *st = value;
	struct hostlist mine = { 0 };
	struct kept_alert *k;
	char text[1024];

	if (o->err || st->proto != PROTO_TCP || st->port > UINT16_MAX ||
	    !(o->asked[st->port / 8] & 1 << st->port % 8) || map_get(o->found, key, len) ||
	    len >= sizeof(text) || !hostlist_has(&st->nodes, o->h.node))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	o->err = hostlist_add(&mine, o->h.node);
	hostlist_subtract(&st->nodes, &mine);
	hostlist_done(&mine);
	k = calloc(1, sizeof(*k));
	if (!o->err)
		o->err = k ? store_alert_get(o->store, text, keep_alert, k) : -ENOMEM;
	if (!o->err && (!st->nodes.len || k->state == ALERT_OPEN))
		o->err = put(o, text, st, &k->w,
			     st->nodes.len ? "one node fewer"
					   : "a later scan sees it as it should be");
	if (o->err == -ENOENT)
		o->err = 0;
	free(k);
	return !o->err && !st->nodes.len;
}

/* --- one port ----------------------------------------------------------------------------------------- */

/* First seen: ask for that port once more, at once. True: this is the second time. */
static bool is_confirmed(struct crosscheck *o, uint32_t port, int *ret_err)
{
	const struct store_target target = { o->h.node, o->h.addr };
	char key[300], list[16];
	const struct store_shard sh = { .ports = list, .targets = &target, .targets_len = 1 };
	const struct store_scan scan = { .plan = PROBE_PLAN,
					 .kind = "connect",
					 .nodes = o->h.node,
					 .command = WHO,
					 .priority = STORE_SCAN_PROBE };
	uint64_t *first, id;
	int n = snprintf(key, sizeof(key), "%s %" PRIu32, o->h.node, port);

	*ret_err = 0;
	first = map_get(o->doubts, key, (size_t)n);
	if (first && *first != o->h.scan_id)
		return true;
	if (first)
		return false;
	snprintf(list, sizeof(list), "%" PRIu32, port);
	first = malloc(sizeof(*first));
	if (!first) {
		*ret_err = -ENOMEM;
		return false;
	}
	*first = o->h.scan_id;
	*ret_err = map_put(o->doubts, key, (size_t)n, first);
	if (!*ret_err)
		*ret_err = store_scan_new(o->store, &scan, &sh, 1, o->now_ns, &id);
	return false;
}

static void forget_doubt(struct crosscheck *o, uint32_t port)
{
	char key[300];
	int n = snprintf(key, sizeof(key), "%s %" PRIu32, o->h.node, port);

	map_del(o->doubts, key, (size_t)n);
}

static bool is_for_us(const struct compared *c)
{
	switch (c->ruling.kind) {
	case FINDING_HIDDEN:
	case FINDING_MASQUERADE:
	case FINDING_BLOCKED:
		return true;
	case FINDING_UNEXPECTED: /* where there is a kernel's view its door has the alert */
		return c->witness.inside == INSIDE_ABSENT;
	default:
		return false;
	}
}

static int compare_port(struct crosscheck *o, enum door_proto proto, uint32_t port,
			enum port_state state, const struct port_seen *seen)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	_cleanup_(crosscheck_words_done) struct crosscheck_words_buf words = CROSSCHECK_WORDS_INIT;
	const struct compare_in in = {
		.profile = o->profile,
		.proto = proto,
		.port = (uint16_t)port,
		.family = o->address.family,
		.addr = o->address.bytes,
		.from_ns = o->h.from_ns,
		.to_ns = o->h.to_ns,
		.state = state,
		.seen = seen,
		.doors = o->views,
		.doors_len = o->doors_len,
		.has_agent = o->has_agent,
		.sees_from_ns = o->blind ? 0 : o->sees_from_ns,
		.sees_to_ns = o->sees_to_ns,
		.now_ns = o->now_ns,
	};
	struct compared c;
	struct crosscheck_words w;
	int err = 0;

	audit_compare(&in, &c);
	/* Where nobody can say, what stands goes on standing. */
	if (c.witness.outside == OUTSIDE_UNKNOWN || c.transient ||
	    (c.witness.inside == INSIDE_SILENT && !is_for_us(&c)))
		return 0;
	if (proto == PROTO_TCP)
		o->asked[port / 8] |= (uint8_t)(1 << port % 8);
	if (c.ruling.kind != FINDING_HIDDEN)
		forget_doubt(o, port);
	if (!is_for_us(&c))
		return 0;
	audit_finding_key(o->host_type, c.ruling.kind, proto, port,
			  c.ruling.kind == FINDING_UNEXPECTED ? CROSSCHECK_WHAT : NULL, &key);
	if (key.err)
		return key.err;
	if (c.ruling.kind == FINDING_HIDDEN && !map_get(o->standing, key.data, key.len) &&
	    !is_confirmed(o, port, &err))
		return err;
	err = map_put(o->found, key.data, key.len, o);
	if (!err)
		err = crosscheck_words(&c, &in, o->h.node, o->host_type, o->h.addr, &words, &w);
	return err ? err : raise(o, key.data, &c, proto, port, &w);
}

static int on_port(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct crosscheck *o = arg;
	struct fingerprint f[FINGERPRINTS_MAX];
	size_t n = 0;
	struct port_seen seen = {
		.proto = p->proto,
		.port = (uint16_t)p->port,
		.state = port_state_parse(p->state),
		.reason_ttl = (uint8_t)p->reason_ttl,
		.reason = text_of(p->reason),
		.service = { .method = service_method_parse(p->method),
			     .conf = p->conf,
			     .name = text_of(p->service),
			     .product = text_of(p->product),
			     .version = text_of(p->version),
			     .tunnel = text_of(p->tunnel) },
	};

	(void)h;
	if (p->port > UINT16_MAX)
		return 0;
	if (!fingerprints_parse(p->fingerprint, f, &n)) {
		seen.fingerprints = f;
		seen.fingerprints_len = (unsigned)n;
	}
	return compare_port(o, p->proto, p->port, seen.state, &seen);
}

/* --- one host ---------------------------------------------------------------------------------------------- */

static bool have_door(const struct crosscheck *o, const struct store_door *d)
{
	for (size_t i = 0; i < o->doors_len; i++) {
		if (o->doors[i].door.cookie == d->door.cookie &&
		    o->doors[i].door.netns_cookie == d->door.netns_cookie)
			return true;
	}
	return false;
}

static int on_door(const struct store_door *d, void *arg)
{
	struct crosscheck *o = arg;
	struct door_copy *doors, *c;

	if (o->doors_len >= DOORS_MAX || have_door(o, d))
		return 0;
	doors = reallocarray(o->doors, o->doors_len + 1, sizeof(*doors));
	if (!doors)
		return -ENOMEM;
	o->doors = doors;
	c = &doors[o->doors_len];
	*c = (struct door_copy){ .door = d->door,
				 .opened_ns = d->opened_ns,
				 .closed_ns = d->closed_ns };
	c->record = d->record.len ? malloc(d->record.len) : NULL;
	if (d->record.len && !c->record)
		return -ENOMEM;
	o->doors_len++;
	if (c->record) {
		memcpy(c->record, d->record.ptr, d->record.len);
		if (event_decode(c->record, d->record.len, &c->ev))
			c->ev = (struct event){ 0 };
	}
	return 0;
}

/* As it was before, in the middle of and after the scan, and as it is now. */
static int read_doors(struct crosscheck *o)
{
	const uint64_t times[] = { o->h.from_ns - COMPARE_SETTLE_NS,
				   (o->h.from_ns + o->h.to_ns) / 2, o->h.to_ns + COMPARE_SETTLE_NS,
				   0 };
	int err = 0;

	for (size_t i = 0; !err && i < array_len(times); i++) {
		const struct store_door_query q = { .node = o->h.node,
						    .open_only = true,
						    .at_ns = times[i] };

		err = store_doors(o->store, &q, on_door, o);
	}
	if (err)
		return err;
	o->views = calloc(o->doors_len + 1, sizeof(*o->views));
	if (!o->views)
		return -ENOMEM;
	for (size_t i = 0; i < o->doors_len; i++) {
		const struct door_copy *c = &o->doors[i];

		o->views[i] = (struct compare_door){ &c->door, &c->ev.opener, c->opened_ns,
						     c->closed_ns };
	}
	return 0;
}

static int on_health(const struct store_health_row *r, void *arg)
{
	struct crosscheck *o = arg;
	uint64_t behind;

	snprintf(o->host_type, sizeof(o->host_type), "%s", r->host_type);
	if (r->events)
		o->has_agent = true;
	if (!r->known || r->standing != STANDING_CURRENT || r->h.agent != AGENT_RECORDING)
		return 0;
	o->has_agent = true;
	behind = r->h.agent_age_ns > r->h.backlog_ns ? r->h.agent_age_ns : r->h.backlog_ns;
	o->sees_from_ns = r->first_ns;
	o->sees_to_ns = r->received_ns > behind ? r->received_ns - behind : 0;
	return 0;
}

static int on_event(const struct store_event_row *row, void *arg)
{
	enum event_kind k = row->ev.kind;

	if (k == EVENT_LOST || k == EVENT_GAP || k == EVENT_START || k == EVENT_STOP || !k)
		((struct crosscheck *)arg)->blind = true;
	return 0;
}

static int read_view(struct crosscheck *o)
{
	const struct store_event_query q = { .node = o->h.node,
					     .since_ns = o->h.from_ns - COMPARE_SETTLE_NS,
					     .until_ns = o->h.to_ns + COMPARE_SETTLE_NS + 1 };
	int err = store_profile_get(o->store, o->host_type, &o->profile);

	if (err == -ENOENT)
		err = 0;
	if (!err)
		err = store_events(o->store, &q, on_event, o);
	return err ? err : read_doors(o);
}

static int compare_host(struct crosscheck *o)
{
	int err = read_view(o);

	memset(o->asked, 0, sizeof(o->asked));
	if (!err)
		err = address_parse(o->h.addr, &o->address);
	if (!err)
		err = store_scan_ports(o->store, o->h.scan_id, o->h.node, o->h.addr, on_port, o);
	for (size_t i = 0; !err && i < o->doors_len; i++) {
		const struct door *d = &o->doors[i].door;
		enum door_proto proto = d->proto == PROTO_MPTCP ? PROTO_TCP : d->proto;
		enum port_state state =
			d->port <= UINT16_MAX
				? scan_folded_state(o->h.folded, proto, (uint16_t)d->port)
				: PORT_UNKNOWN;

		if (state != PORT_UNKNOWN)
			err = compare_port(o, proto, d->port, state, NULL);
	}
	if (!err) {
		o->err = 0;
		map_each(o->standing, clear_one, o);
		err = o->err;
	}
	return err;
}

/* --- the steps ------------------------------------------------------------------------------------------------ */

static int mark_done(struct crosscheck *o, const char *key, size_t len)
{
	uint64_t *at = malloc(sizeof(*at));

	if (!at)
		return -ENOMEM;
	*at = o->now_ns;
	return map_put(o->done, key, len, at);
}

static bool is_old(const void *key, size_t len, void *value, void *arg)
{
	(void)key;
	(void)len;
	return *(uint64_t *)value + 2 * LOOK_BACK_NS < *(uint64_t *)arg;
}

struct next {
	struct crosscheck *o;
	bool found;
};

static int host_key(const struct store_scan_host *h, char key[400])
{
	return snprintf(key, 400, "%" PRIu64 " %s %s", h->scan_id, h->node, h->addr);
}

/* The first one that was not compared; 1 ends the walk. */
static int pick(const struct store_scan_host *h, void *arg)
{
	struct next *n = arg;
	struct crosscheck *o = n->o;
	char key[400];
	int len = host_key(h, key);

	if (strcmp(h->state, "seen") || map_get(o->done, key, (size_t)len))
		return 0;
	free(o->h.folded);
	o->h = (struct host){ .scan_id = h->scan_id,
			      .from_ns = h->started_ns,
			      .to_ns = h->ended_ns,
			      .folded = strdup(h->folded) };
	snprintf(o->h.node, sizeof(o->h.node), "%s", h->node);
	snprintf(o->h.addr, sizeof(o->h.addr), "%s", h->addr);
	if (!o->h.folded)
		return -ENOMEM;
	o->has_agent = o->blind = false;
	o->sees_from_ns = o->sees_to_ns = 0;
	n->found = true;
	return 1;
}

/* 1: one was compared. 0: none is left, or it waits for what the node has to say about that time. */
static int one_host(struct crosscheck *o, uint64_t *since_ns)
{
	const struct store_scan_query q = { .since_ns = *since_ns };
	struct next n = { .o = o };
	char key[400];
	int len, ret = store_scan_hosts(o->store, &q, pick, &n);

	if (ret < 0 || !n.found)
		return ret < 0 ? ret : 0;
	ret = store_health(o->store, o->h.node, false, on_health, o);
	if (ret)
		return ret;
	if (o->has_agent && o->sees_to_ns < o->h.to_ns + COMPARE_SETTLE_NS &&
	    o->now_ns < o->h.to_ns + WAIT_NS) {
		*since_ns = o->h.to_ns + 1; /* the others meanwhile */
		return 1;
	}
	ret = store_begin(o->store);
	if (!ret) {
		ret = compare_host(o);
		if (!ret)
			ret = store_commit(o->store);
		else
			store_rollback(o->store);
	}
	drop_host(o);
	len = snprintf(key, sizeof(key), "%" PRIu64 " %s %s", o->h.scan_id, o->h.node, o->h.addr);
	if (ret) {
		o->loaded = false; /* what is remembered of it was rolled back */
		return ret;
	}
	ret = mark_done(o, key, (size_t)len);
	return ret ? ret : 1;
}

static int remember_cursor(struct crosscheck *o)
{
	char text[24];

	if (o->now_ns < o->cursor_ns + LOOK_BACK_NS)
		return 0;
	o->cursor_ns = o->now_ns;
	snprintf(text, sizeof(text), "%" PRIu64, o->now_ns);
	map_each(o->done, is_old, &o->now_ns);
	return store_setting_set(o->store, CURSOR, text);
}

int crosscheck_step(struct crosscheck *o, unsigned *ret_changes, bool *ret_more)
{
	uint64_t since;
	int ret = store_scan_now(o->store, &o->now_ns), n = 0;

	o->changes = 0;
	*ret_changes = 0;
	*ret_more = false;
	if (ret == -EOPNOTSUPP)
		return 0;
	if (!ret)
		ret = load(o);
	since = o->cursor_ns > 2 * LOOK_BACK_NS ? o->cursor_ns - LOOK_BACK_NS : 0;
	while (!ret && n < HOSTS_A_STEP && (ret = one_host(o, &since)) > 0) {
		n++;
		ret = 0;
	}
	if (!ret && n)
		ret = remember_cursor(o);
	*ret_changes = o->changes;
	*ret_more = n == HOSTS_A_STEP;
	return ret < 0 ? ret : 0;
}
