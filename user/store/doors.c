/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "store/sql.h"
#include "store/wrap.h"

/* Doors: one row a door, from its opening to its closing. */

#define DOOR_COLS                                                                                  \
	"node_id, boot_seq, netns_cookie, cookie, open_seq, opened_ns, close_seq, closed_ns, "     \
	"proto, family, addr, addr_bytes, port, scope, v6only, autoport, netns, inode, pid, "      \
	"comm, exe, uid, user_name, argv, verdict, severity, alert_key, record"
#define DOOR_MARKS                                                                                 \
	"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

/* The opener's columns are NULL where nobody knows. */
static void find_opener(const struct store_door *d, struct event *ev, struct process *ret_p)
{
	*ret_p = (struct process){ .uid = ID_UNKNOWN };
	if (!d->record.ptr || event_decode(d->record.ptr, d->record.len, ev) || !ev->opener.known)
		return;
	*ret_p = ev->opener;
}

static int put_door(struct store *s, const struct store_door *d)
{
	const struct sql_key key = sql_key(s, d->alert_key);
	const struct door *o = &d->door;
	_cleanup_(buf_done) struct buf addr = BUF_INIT(256);
	struct event ev; /* borrows the record's bytes */
	struct process p;
	struct text comm;
	uint64_t id = 0;
	int err = sql_node_id(s, d->node, &id);

	if (err)
		return err;
	find_opener(d, &ev, &p);
	comm = (struct text){ p.known ? p.comm : NULL, (uint32_t)strnlen(p.comm, COMM_LEN) };
	door_addr_format(&addr, o);
	if (addr.err)
		return addr.err;
	return sql_run(s, NULL,
		       SQL_TEXT(s,
				"REPLACE INTO doors (" DOOR_COLS ", alert_hash) VALUES (" DOOR_MARKS
				", ?)",
				"REPLACE INTO doors (" DOOR_COLS ") VALUES (" DOOR_MARKS ")"),
		       U(id), U(d->boot_seq), U(o->netns_cookie), U(o->cookie), U(d->open_seq),
		       U(d->opened_ns), U(d->close_seq), U(d->closed_ns), U(o->proto), U(o->family),
		       S(buf_str(&addr)), B(o->addr, sizeof(o->addr)), U(o->port), U(o->scope),
		       U(o->v6only), U(o->autoport), U(o->netns), U(o->inode), U_IF(p.known, p.pid),
		       ESCAPED(comm), ESCAPED(p.exe), U_IF(p.uid != ID_UNKNOWN, p.uid),
		       ESCAPED(p.user), WORDS(p.argv), U(d->verdict), U(d->severity),
		       S_NULL(d->alert_key), B(d->record.ptr, d->record.len), KEY_HASH(&key));
}

int store_put_door(struct store *s, const struct store_door *d)
{
	if (!d->opened_ns || d->opened_ns > EVENT_TIME_MAX || d->closed_ns > EVENT_TIME_MAX)
		return store_set_why(s, -ERANGE, "a door opens and closes at a time");
	return write_one(s, put_door(s, d));
}

static int close_door(struct store *s, const char *node, uint32_t boot_seq, const struct door *d,
		      uint64_t close_seq, uint64_t closed_ns, bool *ret_found)
{
	uint64_t id = 0, changed = 0;
	int err = sql_node_id(s, node, &id);

	*ret_found = false;
	if (err)
		return err == -ENOENT ? 0 : err;
	err = sql_run(s, &changed,
		      "UPDATE doors SET close_seq = ?, closed_ns = ? WHERE node_id = ? AND "
		      "boot_seq = ? AND netns_cookie = ? AND cookie = ? AND closed_ns = 0",
		      U(close_seq), U(closed_ns), U(id), U(boot_seq), U(d->netns_cookie),
		      U(d->cookie));
	*ret_found = !err && changed;
	return err;
}

int store_close_door(struct store *s, const char *node, uint32_t boot_seq, const struct door *d,
		     uint64_t close_seq, uint64_t closed_ns, bool *ret_found)
{
	bool found = false;
	int err;

	if (!closed_ns || closed_ns > EVENT_TIME_MAX)
		return store_set_why(s, -ERANGE, "a door closes at a time");
	err = write_one(s, close_door(s, node, boot_seq, d, close_seq, closed_ns, &found));
	if (!err && ret_found)
		*ret_found = found;
	return err;
}

/* --- reading ---------------------------------------------------------------------------------------- */

#define DOOR_ROW                                                                                   \
	"SELECT n.name, n.host_type, d.boot_seq, d.netns_cookie, d.cookie, d.open_seq, "           \
	"d.opened_ns, d.close_seq, d.closed_ns, d.proto, d.family, d.addr_bytes, d.port, "         \
	"d.scope, d.v6only, d.autoport, d.netns, d.inode, d.verdict, d.severity, d.alert_key, "    \
	"d.record FROM "
#define SELECT_FROM(doors) DOOR_ROW doors " CROSS JOIN nodes n ON n.id = d.node_id WHERE "
#define SELECT SELECT_FROM("doors d")
#define OF_NODE "d.node_id = ? AND "
#define IS_OPEN "d.closed_ns = 0 AND "
#define OPEN_AT "d.opened_ns <= ? AND (d.closed_ns = 0 OR d.closed_ns > ?) AND "
#define MAY_BE_AT "(? = 0 OR (d.opened_ns <= ? AND (d.closed_ns = 0 OR d.closed_ns > ?))) AND "
#define OF_BOOT "(? = 0 OR d.boot_seq = ?) ORDER BY d.opened_ns, d.node_id, d.boot_seq, d.open_seq"

/* What a door's columns do not have is in its record: call it when that was decoded. */
static void store_door_complete(struct store_door *d)
{
	const struct door *from = &d->ev.door;

	d->door.elsewhere = from->elsewhere;
	memcpy(d->door.netns_name, from->netns_name, sizeof(d->door.netns_name));
	memcpy(d->door.device, from->device, sizeof(d->door.device));
}

static int give_door(const struct sql *q, store_door_fn fn, void *arg)
{
	struct store_door d = {
		.node = sql_str(q, 0),
		.host_type = sql_str(q, 1),
		.boot_seq = (uint32_t)sql_u64(q, 2),
		.door.netns_cookie = sql_u64(q, 3),
		.door.cookie = sql_u64(q, 4),
		.open_seq = sql_u64(q, 5),
		.opened_ns = sql_u64(q, 6),
		.close_seq = sql_u64(q, 7),
		.closed_ns = sql_u64(q, 8),
		.door.proto = (enum door_proto)sql_u64(q, 9),
		.door.family = (enum door_family)sql_u64(q, 10),
		.door.port = (uint32_t)sql_u64(q, 12),
		.door.scope = (enum door_scope)sql_u64(q, 13),
		.door.v6only = sql_u64(q, 14),
		.door.autoport = sql_u64(q, 15),
		.door.netns = (uint32_t)sql_u64(q, 16),
		.door.inode = sql_u64(q, 17),
		.verdict = (enum verdict)sql_u64(q, 18),
		.severity = (enum severity)sql_u64(q, 19),
		.alert_key = sql_str_null(q, 20),
		.record = sql_blob(q, 21),
	};

	sql_copy(q, 11, d.door.addr, sizeof(d.door.addr));
	if (d.record.ptr && event_decode(d.record.ptr, d.record.len, &d.ev))
		d.ev = (struct event){ .raw = d.record };
	store_door_complete(&d);
	d.ev.boot_seq = d.boot_seq;
	d.ev.seq = d.open_seq;
	return fn(&d, arg);
}

/* Of an alert: few, whatever else is asked. */
static int doors_of_alert(struct sql *q, const struct store_door_query *want, uint64_t node_id,
			  const struct sql_key *key)
{
	bool open = want->open_only && !want->at_ns;

	return sql_get(q,
		       SQL_BY_KEY(q->s, SELECT "d.",
				  " AND (? = 0 OR d.node_id = ?) AND (? = 0 OR d.closed_ns = 0) "
				  "AND " MAY_BE_AT OF_BOOT),
		       KEY(key), U(node_id), U(node_id), U(open), U(want->at_ns), U(want->at_ns),
		       U(want->at_ns), U(want->boot_seq), U(want->boot_seq));
}

/*
 * A statement each, so that an index has all that is known. What is open on a node SQLite would
 * look for among all that is open anywhere, for the sake of the order.
 */
static int get_doors(struct sql *q, const struct store_door_query *want, uint64_t node_id,
		     const struct sql_key *key)
{
	uint64_t boot = want->boot_seq, at = want->at_ns;

	if (want->alert_key)
		return doors_of_alert(q, want, node_id, key);
	if (at && want->node)
		return sql_get(q, SELECT OF_NODE OPEN_AT OF_BOOT, U(node_id), U(at), U(at), U(boot),
			       U(boot));
	if (at)
		return sql_get(q, SELECT OPEN_AT OF_BOOT, U(at), U(at), U(boot), U(boot));
	if (want->open_only && want->node)
		return sql_get(q,
			       SQL_TEXT(q->s, SELECT OF_NODE IS_OPEN OF_BOOT,
					SELECT_FROM("doors d INDEXED BY doors_open")
						OF_NODE IS_OPEN OF_BOOT),
			       U(node_id), U(boot), U(boot));
	if (want->open_only)
		return sql_get(q, SELECT IS_OPEN OF_BOOT, U(boot), U(boot));
	if (want->node)
		return sql_get(q, SELECT OF_NODE OF_BOOT, U(node_id), U(boot), U(boot));
	return sql_get(q, SELECT OF_BOOT, U(boot), U(boot));
}

int store_doors(struct store *s, const struct store_door_query *want, store_door_fn fn, void *arg)
{
	const struct sql_key key = sql_key(s, want->alert_key); /* what is bound outlives q */
	_sql_ struct sql q = { .s = s };
	uint64_t id = 0;
	int ret = want->node ? sql_node_id(s, want->node, &id) : 0;

	if (!ret)
		ret = get_doors(&q, want, id, &key);
	while (!ret && (ret = sql_step(&q)) > 0)
		ret = give_door(&q, fn, arg);
	return ret;
}

/* --- of all nodes, in pages ----------------------------------------------------------------------------- */

/*
 * A page is of whole nodes, by their names: as many as have some hundred doors, which an index
 * counts (doors of another time are counted by their closing alone: more than there are). So neither
 * server nor client sorts or keeps them all, and no statement is under way while a page is shown.
 */
#define PAGE_NODES_FIRST 64
#define PAGE_NODES_MAX 256
#define PAGE_DOORS 500

#define COUNT(nodes, doors)                                                                        \
	"SELECT n.name, (SELECT count(*) FROM doors d " doors " WHERE d.node_id = n.id AND "       \
	"(d.closed_ns = 0 OR d.closed_ns > ?)) FROM nodes n " nodes                                \
	" WHERE n.name > ? ORDER BY n.name LIMIT ?"
#define COUNT_OPEN(nodes, doors)                                                                   \
	"SELECT n.name, (SELECT count(*) FROM doors d " doors " WHERE d.node_id = n.id AND "       \
	"d.closed_ns = 0) FROM nodes n " nodes " WHERE n.name > ? ORDER BY n.name LIMIT ?"
#define OF_PAGE(nodes, join, doors)                                                                \
	DOOR_ROW "nodes n " nodes " " join " doors d " doors                                       \
		 " ON d.node_id = n.id WHERE n.name > ? AND n.name <= ? AND "
#define BY_NAME "1 ORDER BY n.name"
#define SERVER_PAGE OF_PAGE("FORCE INDEX (nodes_name)", "STRAIGHT_JOIN", "FORCE INDEX (doors_node)")

struct door_page {
	char after[256], last[256]; /* nodes behind the first, up to the second */
	uint64_t doors; /* not more than these */
	uint64_t look_ahead; /* so many nodes are counted, twice as many as the last page had */
};

static int count_page(struct sql *q, const struct store_door_query *want, const struct door_page *p)
{
	if (want->at_ns)
		return sql_get(
			q,
			SQL_TEXT(q->s,
				 COUNT("FORCE INDEX (nodes_name)", "FORCE INDEX (doors_node)"),
				 COUNT("", "")),
			U(want->at_ns), S(p->after), U(p->look_ahead));
	return sql_get(q,
		       SQL_TEXT(q->s,
				COUNT_OPEN("FORCE INDEX (nodes_name)", "FORCE INDEX (doors_node)"),
				COUNT_OPEN("", "INDEXED BY doors_open")),
		       S(p->after), U(p->look_ahead));
}

/* 1: there is one; 0: no node is left. */
static int next_page(struct store *s, const struct store_door_query *want, struct door_page *p)
{
	_sql_ struct sql q = { .s = s };
	int ret = count_page(&q, want, p);
	uint64_t nodes = 0;

	p->doors = 0;
	p->last[0] = '\0';
	while (!ret && p->doors < PAGE_DOORS && (ret = sql_step(&q)) > 0) {
		snprintf(p->last, sizeof(p->last), "%s", sql_str(&q, 0));
		p->doors += sql_u64(&q, 1);
		nodes++;
		ret = 0;
	}
	p->look_ahead = nodes < PAGE_NODES_MAX / 2 ? 2 * nodes : PAGE_NODES_MAX;
	return ret < 0 ? ret : p->last[0] != '\0';
}

static int get_page(struct sql *q, const struct store_door_query *want, const struct door_page *p)
{
	uint64_t at = want->at_ns;

	if (at)
		return sql_get(q,
			       SQL_TEXT(q->s, SERVER_PAGE OPEN_AT BY_NAME,
					OF_PAGE("", "CROSS JOIN", "") OPEN_AT BY_NAME),
			       S(p->after), S(p->last), U(at), U(at));
	return sql_get(q,
		       SQL_TEXT(q->s, SERVER_PAGE IS_OPEN BY_NAME,
				OF_PAGE("", "CROSS JOIN", "INDEXED BY doors_open") IS_OPEN BY_NAME),
		       S(p->after), S(p->last));
}

static int give_page(struct store *s, const struct store_door_query *want,
		     const struct door_page *p, store_door_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = get_page(&q, want, p);

	while (!ret && (ret = sql_step(&q)) > 0)
		ret = give_door(&q, fn, arg);
	return ret;
}

struct counted {
	store_door_fn fn;
	void *arg;
	uint64_t doors; /* of this page */
};

static int count_door(const struct store_door *d, void *arg)
{
	struct counted *c = arg;

	c->doors++;
	return c->fn(d, c->arg);
}

/* An index has those of a node: nobody else's are read, nor counted before. */
static int doors_of_nodes(struct store *s, const struct store_door_query *want, store_door_fn fn,
			  store_page_fn page, void *arg)
{
	struct store_door_query one = *want;
	struct counted c = { .fn = fn, .arg = arg };
	uint64_t id;
	int ret = 0;

	for (size_t i = 0; i < want->nodes_len && !ret; i++) {
		one.node = want->nodes[i];
		ret = sql_node_id(s, one.node, &id);
		if (ret == -ENOENT) {
			ret = 0;
			continue;
		}
		if (!ret)
			ret = store_doors(s, &one, count_door, &c);
		if (!ret && c.doors >= PAGE_DOORS) {
			c.doors = 0;
			ret = page(arg);
		}
	}
	return !ret && c.doors ? page(arg) : ret;
}

int store_doors_by_node(struct store *s, const struct store_door_query *want, store_door_fn fn,
			store_page_fn page, void *arg)
{
	struct door_page p = { .look_ahead = PAGE_NODES_FIRST };
	int ret;

	if (want->node) {
		ret = store_doors(s, want, fn, arg);
		return ret ? ret : page(arg);
	}
	if (want->nodes_len)
		return doors_of_nodes(s, want, fn, page, arg);
	while ((ret = next_page(s, want, &p)) > 0) {
		ret = p.doors ? give_page(s, want, &p, fn, arg) : 0;
		if (!ret && p.doors)
			ret = page(arg);
		if (ret)
			return ret;
		snprintf(p.after, sizeof(p.after), "%s", p.last);
	}
	return ret;
}

int store_door_get(struct store *s, const char *node, uint32_t boot_seq, const struct door *d,
		   store_door_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	uint64_t id = 0;
	int ret = sql_node_id(s, node, &id);

	if (!ret)
		ret = sql_first(
			&q,
			SELECT
			"d.node_id = ? AND d.boot_seq = ? AND d.netns_cookie = ? AND d.cookie = ?",
			U(id), U(boot_seq), U(d->netns_cookie), U(d->cookie));
	else
		return ret;
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	return give_door(&q, fn, arg);
}
