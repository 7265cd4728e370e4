/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>

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
	D_ALERT_HASH,
	D_RECORD,
};
static const char put_sql[] =
	"REPLACE INTO doors (node_id, boot_seq, netns_cookie, cookie, open_seq, opened_ns, "
	"close_seq, closed_ns, "
	"proto, family, addr, addr_bytes, port, scope, v6only, autoport, netns, inode, pid, comm, "
	"exe, uid, "
	"user_name, argv, verdict, severity, alert_key, alert_hash, record) VALUES "
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static int bind_opener(struct my_stmt *st, const struct process *p)
{
	int err;

	if (!p->known)
		return 0;
	my_u64(st, D_PID, p->pid);
	err = my_esc(st, D_COMM, (struct text){ p->comm, (uint32_t)strnlen(p->comm, COMM_LEN) });
	if (!err)
		err = my_esc(st, D_EXE, p->exe);
	if (!err)
		err = my_argv(st, D_ARGV, p->argv);
	if (p->uid != ID_UNKNOWN)
		my_u64(st, D_UID, p->uid);
	return err ? err : my_esc(st, D_USER, p->user);
}

static void bind_door(struct my_stmt *st, const struct door *d)
{
	my_u64(st, D_NETNS_COOKIE, d->netns_cookie);
	my_u64(st, D_COOKIE, d->cookie);
	my_u64(st, D_PROTO, d->proto);
	my_u64(st, D_FAMILY, d->family);
	my_blob(st, D_ADDR_BYTES, d->addr, sizeof(d->addr));
	my_u64(st, D_PORT, d->port);
	my_u64(st, D_SCOPE, d->scope);
	my_u64(st, D_V6ONLY, d->v6only);
	my_u64(st, D_AUTOPORT, d->autoport);
	my_u64(st, D_NETNS, d->netns);
	my_u64(st, D_INODE, d->inode);
}

int my_put_door(struct store *base, const struct store_door *d)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint8_t hash[SHA256_LEN];
	struct event ev; /* decoded from d->record, whose bytes it borrows */
	uint64_t id;
	int err;

	err = my_node_id(s, d->node, &id);
	if (!err)
		err = my_get(s, put_sql, &u.st);
	if (err)
		return err;
	my_u64(u.st, D_NODE, id);
	my_u64(u.st, D_BOOT, d->boot_seq);
	my_u64(u.st, D_OPEN_SEQ, d->open_seq);
	my_u64(u.st, D_OPENED, d->opened_ns);
	my_u64(u.st, D_CLOSE_SEQ, d->close_seq);
	my_u64(u.st, D_CLOSED, d->closed_ns);
	bind_door(u.st, &d->door);
	my_u64(u.st, D_VERDICT, d->verdict);
	my_u64(u.st, D_SEVERITY, d->severity);
	if (d->alert_key) {
		my_key_hash(d->alert_key, hash);
		my_str(u.st, D_ALERT_KEY, d->alert_key);
		my_blob(u.st, D_ALERT_HASH, hash, sizeof(hash));
	}
	my_blob(u.st, D_RECORD, d->record.ptr, d->record.len);
	if (d->record.ptr && !event_decode(d->record.ptr, d->record.len, &ev))
		err = bind_opener(u.st, &ev.opener);
	if (!err)
		err = my_addr(u.st, D_ADDR, &d->door);
	return err ? err : my_run(s, u.st, NULL);
}

int my_close_door(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		  uint64_t close_seq, uint64_t closed_ns, bool *ret_found)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t id, changed = 0;
	int err;

	err = my_node_id(s, node, &id);
	if (err == -ENOENT)
		return 0;
	if (!err)
		err = my_get(s,
			     "UPDATE doors SET close_seq = ?, closed_ns = ? WHERE node_id = ? AND "
			     "boot_seq = ? AND "
			     "netns_cookie = ? AND cookie = ? AND closed_ns = 0",
			     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, close_seq);
	my_u64(u.st, 2, closed_ns);
	my_u64(u.st, 3, id);
	my_u64(u.st, 4, boot_seq);
	my_u64(u.st, 5, d->netns_cookie);
	my_u64(u.st, 6, d->cookie);
	err = my_run(s, u.st, &changed);
	if (!err)
		*ret_found = changed > 0;
	return err;
}

/* --- reading ---------------------------------------------------------------------------------------- */

/* Each condition that holds for some queries only is switched by a parameter of its own, so that one statement serves them all. */
#define DOOR_SELECT                                                                                \
	"SELECT n.name, n.host_type, d.boot_seq, d.netns_cookie, d.cookie, d.open_seq, "           \
	"d.opened_ns, d.close_seq, "                                                               \
	"d.closed_ns, d.proto, d.family, d.addr_bytes, d.port, d.scope, d.v6only, d.autoport, "    \
	"d.netns, d.inode, "                                                                       \
	"d.verdict, d.severity, d.alert_key, d.record FROM doors d JOIN nodes n ON n.id = "        \
	"d.node_id WHERE "
#define DOOR_REST                                                                                  \
	"(? = 0 OR d.boot_seq = ?) AND (? = 0 OR (d.opened_ns <= ? AND (d.closed_ns = 0 OR "       \
	"d.closed_ns > ?))) AND "                                                                  \
	"(? = 0 OR d.closed_ns = 0) ORDER BY d.opened_ns, d.node_id, d.boot_seq, d.open_seq"

static const char one_door_sql[] =
	DOOR_SELECT "d.node_id = ? AND d.boot_seq = ? AND d.netns_cookie = ? AND d.cookie = ?";

/* By what is known: nothing, that it is open, the node, both, the alert, the alert and the node. */
enum door_where { BY_NONE, BY_OPEN, BY_NODE, BY_NODE_OPEN, BY_ALERT, BY_ALERT_NODE };
static const char *const door_sql[] = {
	[BY_NONE] = DOOR_SELECT DOOR_REST,
	[BY_OPEN] = DOOR_SELECT "d.closed_ns = 0 AND " DOOR_REST,
	[BY_NODE] = DOOR_SELECT "d.node_id = ? AND " DOOR_REST,
	[BY_NODE_OPEN] = DOOR_SELECT "d.node_id = ? AND d.closed_ns = 0 AND " DOOR_REST,
	[BY_ALERT] = DOOR_SELECT "d.alert_hash = ? AND " DOOR_REST,
	[BY_ALERT_NODE] = DOOR_SELECT "d.alert_hash = ? AND d.node_id = ? AND " DOOR_REST,
};

static int give_door(struct my_stmt *st, store_door_fn fn, void *arg)
{
	struct store_door d = {
		.node = my_col_str(st, 0),
		.host_type = my_col_str(st, 1),
		.boot_seq = (uint32_t)my_col_u64(st, 2),
		.door.netns_cookie = my_col_u64(st, 3),
		.door.cookie = my_col_u64(st, 4),
		.open_seq = my_col_u64(st, 5),
		.opened_ns = my_col_u64(st, 6),
		.close_seq = my_col_u64(st, 7),
		.closed_ns = my_col_u64(st, 8),
		.door.proto = (enum door_proto)my_col_u64(st, 9),
		.door.family = (enum door_family)my_col_u64(st, 10),
		.door.port = (uint32_t)my_col_u64(st, 12),
		.door.scope = (enum door_scope)my_col_u64(st, 13),
		.door.v6only = my_col_u64(st, 14),
		.door.autoport = my_col_u64(st, 15),
		.door.netns = (uint32_t)my_col_u64(st, 16),
		.door.inode = my_col_u64(st, 17),
		.verdict = (enum verdict)my_col_u64(st, 18),
		.severity = (enum severity)my_col_u64(st, 19),
		.alert_key = my_col_str(st, 20),
		.record = my_col_blob(st, 21),
	};
	struct text addr = my_col_blob(st, 11);

	if (addr.len == sizeof(d.door.addr))
		memcpy(d.door.addr, addr.ptr, sizeof(d.door.addr));
	if (d.record.ptr && event_decode(d.record.ptr, d.record.len, &d.ev))
		d.ev = (struct event){ .raw = d.record };
	store_door_complete(&d);
	d.ev.boot_seq = d.boot_seq;
	d.ev.seq = d.open_seq;
	return fn(&d, arg);
}

static enum door_where where_of(const struct store_door_query *q)
{
	bool open = q->open_only && !q->at_ns;

	if (q->alert_key)
		return q->node ? BY_ALERT_NODE : BY_ALERT;
	if (q->node)
		return open ? BY_NODE_OPEN : BY_NODE;
	return open ? BY_OPEN : BY_NONE;
}

int my_doors(struct store *base, const struct store_door_query *q, store_door_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint8_t hash[SHA256_LEN];
	uint64_t id = 0;
	unsigned i = 1;
	int ret;

	ret = q->node ? my_node_id(s, q->node, &id) : 0;
	if (!ret)
		ret = my_get(s, door_sql[where_of(q)], &u.st);
	if (ret)
		return ret;
	if (q->alert_key) {
		my_key_hash(q->alert_key, hash);
		my_blob(u.st, i++, hash, sizeof(hash));
	}
	if (q->node)
		my_u64(u.st, i++, id);
	my_u64(u.st, i++, q->boot_seq);
	my_u64(u.st, i++, q->boot_seq);
	my_u64(u.st, i++, q->at_ns);
	my_u64(u.st, i++, q->at_ns);
	my_u64(u.st, i++, q->at_ns);
	my_u64(u.st, i, q->open_only && !q->at_ns);
	while ((ret = my_step(s, u.st)) > 0) {
		ret = give_door(u.st, fn, arg);
		if (ret)
			break;
	}
	return ret;
}

int my_door_get(struct store *base, const char *node, uint32_t boot_seq, const struct door *d,
		store_door_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t id;
	int ret = my_node_id(s, node, &id);

	if (!ret)
		ret = my_get(s, one_door_sql, &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	my_u64(u.st, 2, boot_seq);
	my_u64(u.st, 3, d->netns_cookie);
	my_u64(u.st, 4, d->cookie);
	ret = my_step(s, u.st);
	if (!ret)
		return -ENOENT;
	return ret < 0 ? ret : give_door(u.st, fn, arg);
}

int my_key_doors(struct store *base, const char *alert_key, uint64_t *ret_open,
		 uint64_t *ret_last_closed_ns)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint8_t hash[SHA256_LEN];
	int ret;

	ret = my_get(s,
		     "SELECT (SELECT count(*) FROM doors WHERE alert_hash = ? AND closed_ns = 0), "
		     "(SELECT CAST(coalesce(max(closed_ns), 0) AS UNSIGNED) FROM doors WHERE "
		     "alert_hash = ?)",
		     &u.st);
	if (ret)
		return ret;
	my_key_hash(alert_key, hash);
	my_blob(u.st, 1, hash, sizeof(hash));
	my_blob(u.st, 2, hash, sizeof(hash));
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_open = ret ? my_col_u64(u.st, 0) : 0;
	*ret_last_closed_ns = ret ? my_col_u64(u.st, 1) : 0;
	return 0;
}
