/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

/* Doors: one row a door, from its opening to its closing. */

enum {
	D_NODE = 1,
	D_BOOT,
	D_NETNS_COOKIE,
	D_COOKIE,
	D_OPEN_SEQ,
	D_OPENED,
	D_CLOSE_SEQ,
	D_CLOSED,
	D_PROTO,
	D_FAMILY,
	D_ADDR,
	D_ADDR_BYTES,
	D_PORT,
	D_SCOPE,
	D_V6ONLY,
	D_AUTOPORT,
	D_NETNS,
	D_INODE,
	D_PID,
	D_COMM,
	D_EXE,
	D_UID,
	D_USER,
	D_ARGV,
	D_VERDICT,
	D_SEVERITY,
	D_ALERT_KEY,
	D_RECORD,
};
static const char put_sql[] =
	"INSERT OR REPLACE INTO doors (node_id, boot_seq, netns_cookie, cookie, open_seq, "
	"opened_ns, "
	"close_seq, closed_ns, proto, family, addr, addr_bytes, port, scope, v6only, autoport, "
	"netns, "
	"inode, pid, comm, exe, uid, user_name, argv, verdict, severity, alert_key, record) VALUES "
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static int bind_opener(struct sq_stmt *st, const struct process *p)
{
	int err;

	if (!p->known)
		return 0;
	sq_u64(st, D_PID, p->pid);
	err = sq_esc(st, D_COMM, (struct text){ p->comm, (uint32_t)strnlen(p->comm, COMM_LEN) });
	if (!err)
		err = sq_esc(st, D_EXE, p->exe);
	if (!err)
		err = sq_argv(st, D_ARGV, p->argv);
	if (p->uid != ID_UNKNOWN)
		sq_u64(st, D_UID, p->uid);
	return err ? err : sq_esc(st, D_USER, p->user);
}

static void bind_door(struct sq_stmt *st, const struct door *d)
{
	sq_u64(st, D_NETNS_COOKIE, d->netns_cookie);
	sq_u64(st, D_COOKIE, d->cookie);
	sq_u64(st, D_PROTO, d->proto);
	sq_u64(st, D_FAMILY, d->family);
	sq_blob(st, D_ADDR_BYTES, d->addr, sizeof(d->addr));
	sq_u64(st, D_PORT, d->port);
	sq_u64(st, D_SCOPE, d->scope);
	sq_u64(st, D_V6ONLY, d->v6only);
	sq_u64(st, D_AUTOPORT, d->autoport);
	sq_u64(st, D_NETNS, d->netns);
	sq_u64(st, D_INODE, d->inode);
}

int sq_put_door(struct store *base, const struct store_door *d)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	struct buf addr = BUF_INIT(256);
	struct event ev;
	int64_t id;
	int err;

	err = sq_node_id(s, d->node, &id);
	if (!err)
		err = sq_get(s, put_sql, &st);
	if (err)
		return err;
	sq_u64(st, D_NODE, (uint64_t)id);
	sq_u64(st, D_BOOT, d->boot_seq);
	sq_u64(st, D_OPEN_SEQ, d->open_seq);
	sq_u64(st, D_OPENED, d->opened_ns);
	sq_u64(st, D_CLOSE_SEQ, d->close_seq);
	sq_u64(st, D_CLOSED, d->closed_ns);
	bind_door(st, &d->door);
	sq_u64(st, D_VERDICT, d->verdict);
	sq_u64(st, D_SEVERITY, d->severity);
	sq_str(st, D_ALERT_KEY, d->alert_key);
	sq_blob(st, D_RECORD, d->record.ptr, d->record.len);
	if (d->record.ptr && !event_decode(d->record.ptr, d->record.len, &ev)) {
		err = bind_opener(st, &ev.opener);
		if (err)
			return err;
	}
	door_addr_format(&addr, &d->door);
	sq_str(st, D_ADDR, buf_str(&addr));
	err = addr.err ? addr.err : sq_run(s, st);
	sq_put(take_ptr(st));
	buf_done(&addr);
	return err;
}

int sq_close_door(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		  uint64_t close_seq, uint64_t closed_ns, bool *ret_found)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int64_t id;
	int err;

	err = sq_node_id(s, node, &id);
	if (err == -ENOENT)
		return 0;
	if (!err)
		err = sq_get(s,
			     "UPDATE doors SET close_seq = ?, closed_ns = ? WHERE node_id = ? AND "
			     "boot_seq = ? AND netns_cookie = ? AND cookie = ? AND closed_ns = 0",
			     &st);
	if (err)
		return err;
	sq_u64(st, 1, close_seq);
	sq_u64(st, 2, closed_ns);
	sq_u64(st, 3, (uint64_t)id);
	sq_u64(st, 4, boot_seq);
	sq_u64(st, 5, d->netns_cookie);
	sq_u64(st, 6, d->cookie);
	err = sq_run(s, st);
	if (!err)
		*ret_found = sqlite3_changes(s->db) > 0;
	return err;
}

/* --- reading ---------------------------------------------------------------------------------------- */

/* ?1 node_id, ?2 boot_seq (0: any), ?3 time, ?4 alert key. The order is that of opening. */
#define DOOR_SELECT                                                                                \
	"SELECT n.name, n.host_type, d.boot_seq, d.netns_cookie, d.cookie, d.open_seq, "           \
	"d.opened_ns, d.close_seq, d.closed_ns, d.proto, d.family, d.addr_bytes, d.port, "         \
	"d.scope, d.v6only, d.autoport, d.netns, d.inode, d.verdict, d.severity, d.alert_key, "    \
	"d.record FROM doors d CROSS JOIN nodes n ON n.id = d.node_id WHERE "
#define DOOR_BOOT "AND (?2 = 0 OR d.boot_seq = ?2) "
#define DOOR_ORDER "ORDER BY d.opened_ns, d.node_id, d.boot_seq, d.open_seq"

static const char one_door_sql[] = DOOR_SELECT "d.node_id = ? AND d.boot_seq = ? AND "
					       "d.netns_cookie = ? AND d.cookie = ?";

enum door_where { WHERE_ALL, WHERE_OPEN, WHERE_AT, WHERE_ALERT };
static const char *const door_sql[][2] = {
	[WHERE_ALL] = { DOOR_SELECT "1 " DOOR_BOOT DOOR_ORDER,
			DOOR_SELECT "d.node_id = ?1 " DOOR_BOOT DOOR_ORDER },
	[WHERE_OPEN] = { DOOR_SELECT "d.closed_ns = 0 " DOOR_BOOT DOOR_ORDER,
			 DOOR_SELECT "d.node_id = ?1 AND d.closed_ns = 0 " DOOR_BOOT DOOR_ORDER },
	[WHERE_AT] = { DOOR_SELECT "d.opened_ns <= ?3 AND (d.closed_ns = 0 OR "
				   "d.closed_ns > ?3) " DOOR_BOOT DOOR_ORDER,
		       DOOR_SELECT "d.node_id = ?1 AND d.opened_ns <= ?3 AND (d.closed_ns = 0 OR "
				   "d.closed_ns > ?3) " DOOR_BOOT DOOR_ORDER },
	[WHERE_ALERT] = { DOOR_SELECT "d.alert_key = ?4 AND (?3 = 0 OR (d.opened_ns <= ?3 AND "
				      "(d.closed_ns = 0 OR d.closed_ns > ?3))) AND (?5 = 0 OR "
				      "d.closed_ns = 0) " DOOR_BOOT DOOR_ORDER,
			  DOOR_SELECT
			  "d.alert_key = ?4 AND d.node_id = ?1 AND (?3 = 0 OR "
			  "(d.opened_ns <= ?3 AND (d.closed_ns = 0 OR d.closed_ns > "
			  "?3))) AND (?5 = 0 OR d.closed_ns = 0) " DOOR_BOOT DOOR_ORDER },
};

static int give_door(struct sq_stmt *st, store_door_fn fn, void *arg)
{
	struct store_door d = {
		.node = sq_col_str(st, 0),
		.host_type = sq_col_str(st, 1),
		.boot_seq = (uint32_t)sq_col_u64(st, 2),
		.door.netns_cookie = sq_col_u64(st, 3),
		.door.cookie = sq_col_u64(st, 4),
		.open_seq = sq_col_u64(st, 5),
		.opened_ns = sq_col_u64(st, 6),
		.close_seq = sq_col_u64(st, 7),
		.closed_ns = sq_col_u64(st, 8),
		.door.proto = (enum door_proto)sq_col_u64(st, 9),
		.door.family = (enum door_family)sq_col_u64(st, 10),
		.door.port = (uint32_t)sq_col_u64(st, 12),
		.door.scope = (enum door_scope)sq_col_u64(st, 13),
		.door.v6only = sq_col_u64(st, 14),
		.door.autoport = sq_col_u64(st, 15),
		.door.netns = (uint32_t)sq_col_u64(st, 16),
		.door.inode = sq_col_u64(st, 17),
		.verdict = (enum verdict)sq_col_u64(st, 18),
		.severity = (enum severity)sq_col_u64(st, 19),
		.alert_key = sq_col_str(st, 20),
		.record = sq_col_blob(st, 21),
	};
	struct text addr = sq_col_blob(st, 11);

	if (addr.len == sizeof(d.door.addr))
		memcpy(d.door.addr, addr.ptr, sizeof(d.door.addr));
	if (d.record.ptr && event_decode(d.record.ptr, d.record.len, &d.ev))
		d.ev = (struct event){ .raw = d.record };
	store_door_complete(&d);
	d.ev.boot_seq = d.boot_seq;
	d.ev.seq = d.open_seq;
	return fn(&d, arg);
}

int sq_doors(struct store *base, const struct store_door_query *q, store_door_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	enum door_where where = WHERE_ALL;
	int64_t id = 0;
	int ret;

	if (q->alert_key)
		where = WHERE_ALERT;
	else if (q->at_ns)
		where = WHERE_AT;
	else if (q->open_only)
		where = WHERE_OPEN;
	ret = q->node ? sq_node_id(s, q->node, &id) : 0;
	if (!ret)
		ret = sq_get(s, door_sql[where][q->node ? 1 : 0], &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	sq_u64(st, 2, q->boot_seq);
	sq_u64(st, 3, q->at_ns);
	sq_str(st, 4, q->alert_key);
	sq_u64(st, 5, q->open_only && !q->at_ns);
	while ((ret = sq_step(s, st)) > 0) {
		ret = give_door(st, fn, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_door_get(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		store_door_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int64_t id;
	int ret = sq_node_id(s, node, &id);

	if (!ret)
		ret = sq_get(s, one_door_sql, &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	sq_u64(st, 2, boot_seq);
	sq_u64(st, 3, d->netns_cookie);
	sq_u64(st, 4, d->cookie);
	ret = sq_step(s, st);
	if (!ret)
		return -ENOENT;
	return ret < 0 ? ret : give_door(st, fn, arg);
}

int sq_key_doors(struct store *base, const char *alert_key, uint64_t *ret_open,
		 uint64_t *ret_last_closed_ns)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret = sq_get(
		s,
		"SELECT (SELECT count(*) FROM doors WHERE alert_key = ?1 AND closed_ns = 0), "
		"(SELECT max(closed_ns) FROM doors WHERE alert_key = ?1)",
		&st);

	if (ret)
		return ret;
	sq_str(st, 1, alert_key);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	*ret_open = ret ? sq_col_u64(st, 0) : 0;
	*ret_last_closed_ns = ret ? sq_col_u64(st, 1) : 0;
	return 0;
}
