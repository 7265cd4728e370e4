/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>

#include "store/scans.h"
#include "store/sql.h"
#include "store/wrap.h"

/*
 * The queue of shards. Whoever changes who holds what first moves the row 'scan_lock': one of two
 * at a time gets by, on a cluster too, where a mere read lock would not reach the other server. It
 * is done a few times a second at most.
 */
static int lock_queue(struct store *s)
{
	return sql_run(s, NULL,
		       "UPDATE settings SET value = CAST(value AS DECIMAL(20)) + 1 WHERE name = "
		       "'scan_lock'");
}

/* --- new scans ------------------------------------------------------------------------------------- */

static int insert_shard(struct store *s, uint64_t scan_id, uint32_t number, uint64_t held_until_ns,
			const struct store_shard *sh)
{
	int err = sql_run(s, NULL,
			  "INSERT INTO scan_shards (scan_id, shard, state, ports, lease_ns, "
			  "reason) VALUES (?, ?, 'queued', ?, ?, '')",
			  U(scan_id), U(number), S(sh->ports), U(held_until_ns));

	for (size_t i = 0; !err && i < sh->targets_len; i++) {
		uint64_t node_id = 0;

		err = sql_node_id(s, sh->targets[i].node, &node_id);
		if (!err)
			err = sql_run(s, NULL,
				      "INSERT INTO scan_hosts (scan_id, node_id, addr, shard, "
				      "asked, folded) VALUES (?, ?, ?, ?, '', '')",
				      U(scan_id), U(node_id), S(sh->targets[i].addr), U(number));
	}
	return err;
}

static int insert_scan(struct store *s, const struct store_scan *scan, uint64_t now_ns,
		       uint64_t *ret_id)
{
	_sql_ struct sql q = { .s = s };
	int err = sql_exec(
		&q,
		"INSERT INTO scans (plan, kind, state, nodes, command, reason, created_ns, rate, "
		"host_rate, priority) VALUES (?, ?, 'queued', ?, ?, '', ?, ?, ?, ?)",
		S(scan->plan), S(scan_kind_name(scan->kind)), S(scan->nodes), S(scan->command),
		U(now_ns), U(scan->rate), U(scan->host_rate), U(scan->priority));

	if (!err)
		*ret_id = sql_last_id(&q);
	return err;
}

static int new_scan(struct store *s, const struct store_scan *scan,
		    const struct store_shard *shards, size_t n, uint64_t now_ns, uint64_t *ret_id)
{
	uint64_t id = 0;
	int err = insert_scan(s, scan, now_ns, &id);

	for (size_t i = 0; !err && i < n; i++)
		err = insert_shard(s, id, (uint32_t)i + 1,
				   scan->held_ns ? now_ns + scan->held_ns : 0, &shards[i]);
	if (!err)
		*ret_id = id;
	return err;
}

int store_scan_new(struct store *s, const struct store_scan *scan, const struct store_shard *shards,
		   size_t n, uint64_t now_ns, uint64_t *ret_id)
{
	int err = store_check_name(s, "plan", scan->plan);
	uint64_t id = 0;

	for (size_t i = 0; !err && i < n; i++) {
		if (!shards[i].targets_len || shards[i].targets_len > STORE_SHARD_HOSTS_MAX)
			err = store_set_why(s, -EINVAL, "a shard has 1 to %d hosts",
					    STORE_SHARD_HOSTS_MAX);
	}
	if (!err && !n)
		err = store_set_why(s, -EINVAL, "a scan has a shard");
	if (err)
		return err;
	err = write_op(s, new_scan(s, scan, shards, n, now_ns, &id));
	if (!err)
		*ret_id = id;
	return err;
}

/* --- ends -------------------------------------------------------------------------------------------- */

/* A scan with nothing left to do has ended: well, unless a shard has failed. */
static int settle(struct store *s, uint64_t scan_id, uint64_t now_ns)
{
	uint64_t left, failed;
	int ret;

	{
		_sql_ struct sql q = { .s = s };

		ret = sql_get(&q,
			      "SELECT count(CASE WHEN state IN ('queued', 'running') THEN 1 END), "
			      "count(CASE WHEN state = 'failed' THEN 1 END) FROM scan_shards WHERE "
			      "scan_id = ?",
			      U(scan_id));
		if (!ret)
			ret = sql_step(&q);
		if (ret <= 0)
			return ret;
		left = sql_u64(&q, 0);
		failed = sql_u64(&q, 1);
	}
	if (left)
		return 0;
	return sql_run(s, NULL,
		       "UPDATE scans SET state = ?, ended_ns = ? WHERE id = ? AND ended_ns = 0",
		       S(scan_state_name(failed ? SCAN_FAILED : SCAN_DONE)), U(now_ns), U(scan_id));
}

static int set_reason(struct store *s, uint64_t scan_id, const char *reason)
{
	return reason && *reason ? sql_run(s, NULL, "UPDATE scans SET reason = ? WHERE id = ?",
					   S(reason), U(scan_id))
				 : 0;
}

static int fail_shard(struct store *s, uint64_t scan_id, uint64_t shard, uint64_t now_ns)
{
	int err = sql_run(s, NULL,
			  "UPDATE scan_shards SET state = 'failed', owner = '' WHERE scan_id = ? "
			  "AND shard = ?",
			  U(scan_id), U(shard));

	return err ? err : settle(s, scan_id, now_ns);
}

/* --- leases ------------------------------------------------------------------------------------------- */

/* The best free shard. 1: there is one. */
static int find_free(struct store *s, const struct store_lease *l, uint64_t now_ns,
		     struct store_shard *ret)
{
	_sql_ struct sql q = { .s = s };
	int found = sql_get(
		&q,
		"SELECT h.scan_id, h.shard, h.tries FROM scan_shards h JOIN scans s ON s.id = "
		"h.scan_id WHERE h.state IN ('queued', 'running') AND (h.lease_ns <= ? OR (h.state "
		"= 'queued' AND h.scan_id = ?)) AND (? = 0 OR h.scan_id = ?) AND (? <> 0 OR s.kind "
		"NOT IN ('syn', 'udp')) AND (s.priority >= ? OR NOT EXISTS (SELECT 1 FROM "
		"scan_hosts a JOIN scan_hosts b ON b.node_id = a.node_id JOIN scan_shards o ON "
		"o.scan_id = b.scan_id AND o.shard = b.shard WHERE a.scan_id = h.scan_id AND "
		"a.shard = h.shard AND a.state = 'queued' AND b.state = 'queued' AND o.state = "
		"'running' AND o.lease_ns > ? AND (o.scan_id <> h.scan_id OR o.shard <> h.shard))) "
		"ORDER BY s.priority DESC, h.scan_id, h.shard LIMIT 1",
		U(now_ns), U(l->scan_id), U(l->scan_id), U(l->scan_id),
		U((uint64_t)(l->raw || l->scan_id)), CONST(STORE_SCAN_PROBE), U(now_ns));

	if (!found)
		found = sql_step(&q);
	if (found <= 0)
		return found;
	*ret = (struct store_shard){ .scan_id = sql_u64(&q, 0),
				     .shard = (uint32_t)sql_u64(&q, 1),
				     .tries = (uint32_t)sql_u64(&q, 2) };
	return 1;
}

/* 1: *ret is ours. 0: there is none. */
static int take_shard(struct store *s, const struct store_lease *l, struct store_shard *ret)
{
	uint64_t now = 0;
	int found, err = lock_queue(s);

	if (!err)
		err = sql_now(s, &now);
	if (err)
		return err;
	while ((found = find_free(s, l, now, ret)) > 0 && ret->tries >= STORE_SHARD_TRIES_MAX) {
		err = fail_shard(s, ret->scan_id, ret->shard, now);
		if (err)
			return err;
	}
	if (found <= 0)
		return found;
	ret->tries++;
	err = sql_run(s, NULL,
		      "UPDATE scan_shards SET state = 'running', owner = ?, lease_ns = ?, tries = "
		      "tries + 1 WHERE scan_id = ? AND shard = ?",
		      S(l->owner), U(now + l->lease_ns), U(ret->scan_id), U(ret->shard));
	if (!err)
		err = sql_run(s, NULL,
			      "UPDATE scans SET state = 'running', started_ns = ? WHERE id = ? AND "
			      "started_ns = 0",
			      U(now), U(ret->scan_id));
	return err ? err : 1;
}

/* What is left of it to scan. */
static int give_targets(struct store *s, struct store_shard *sh, store_shard_fn fn, void *arg)
{
	char nodes[STORE_SHARD_HOSTS_MAX][256], addrs[STORE_SHARD_HOSTS_MAX][65];
	struct store_target targets[STORE_SHARD_HOSTS_MAX];
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT n.name, h.addr FROM scan_hosts h JOIN nodes n ON n.id = h.node_id WHERE "
		"h.scan_id = ? AND h.shard = ? AND h.state = 'queued' ORDER BY n.name, h.addr",
		U(sh->scan_id), U(sh->shard));

	sh->targets = targets;
	while (!ret && sh->targets_len < STORE_SHARD_HOSTS_MAX && (ret = sql_step(&q)) > 0) {
		size_t i = sh->targets_len++;

		snprintf(nodes[i], sizeof(nodes[i]), "%s", sql_str(&q, 0));
		snprintf(addrs[i], sizeof(addrs[i]), "%s", sql_str(&q, 1));
		targets[i] = (struct store_target){ nodes[i], addrs[i] };
		ret = 0;
	}
	sql_done(&q);
	return ret < 0 ? ret : fn(sh, arg);
}

static int give_shard(struct store *s, struct store_shard *sh, store_shard_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT s.plan, s.kind, s.rate, s.host_rate, h.ports, s.priority FROM scans s JOIN "
		"scan_shards h ON h.scan_id = s.id WHERE s.id = ? AND h.shard = ?",
		U(sh->scan_id), U(sh->shard));

	if (!ret)
		ret = sql_step(&q);
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	sh->plan = sql_str(&q, 0);
	sh->kind = scan_kind_parse(sql_str(&q, 1));
	sh->rate = sql_u64(&q, 2);
	sh->host_rate = sql_u64(&q, 3);
	sh->ports = sql_str(&q, 4);
	sh->priority = sql_u64(&q, 5);
	return give_targets(s, sh, fn, arg);
}

int store_shard_lease(struct store *s, const struct store_lease *l, store_shard_fn fn, void *arg)
{
	struct store_shard sh = { 0 };
	uint64_t now = 0;
	int found = 0, err = store_check_name(s, "monitor", l->owner);

	if (!err)
		err = sql_now(s, &now);
	if (err)
		return err;
	/* Looking costs the others nothing; a commit would wake them all. */
	found = find_free(s, l, now, &sh);
	if (found <= 0)
		return found ? found : -ENOENT;
	err = write_op(s, (found = take_shard(s, l, &sh)) < 0 ? found : 0);
	if (err)
		return err;
	return found ? give_shard(s, &sh, fn, arg) : -ENOENT;
}

int scans_check_owner(struct store *s, uint64_t scan_id, uint32_t shard, const char *owner)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT 1 FROM scan_shards WHERE scan_id = ? AND shard = ? AND owner = ? "
			  "AND state = 'running'",
			  U(scan_id), U(shard), S(owner));

	if (!ret)
		ret = sql_step(&q);
	if (ret < 0)
		return ret;
	return ret ? 0
		   : store_set_why(s, -ECANCELED,
				   "the lease of shard %u of scan %llu went to another",
				   (unsigned)shard, (unsigned long long)scan_id);
}

static int renew(struct store *s, uint64_t scan_id, uint32_t shard, const char *owner,
		 uint64_t lease_ns)
{
	uint64_t now = 0;
	int err = scans_check_owner(s, scan_id, shard, owner);

	if (!err)
		err = sql_now(s, &now);
	return err ? err
		   : sql_run(s, NULL,
			     "UPDATE scan_shards SET lease_ns = ? WHERE scan_id = ? AND shard = ?",
			     U(now + lease_ns), U(scan_id), U(shard));
}

int store_shard_renew(struct store *s, uint64_t scan_id, uint32_t shard, const char *owner,
		      uint64_t lease_ns)
{
	return write_op(s, renew(s, scan_id, shard, owner, lease_ns));
}

/*
 * What nmap did not speak of although it ended well will not be spoken of by the next either: so
 * much for it.
 */
static int end_shard(struct store *s, uint64_t scan_id, uint32_t shard, const char *owner,
		     bool good, const char *reason)
{
	uint64_t now = 0;
	int err = lock_queue(s);

	if (!err)
		err = scans_check_owner(s, scan_id, shard, owner);
	if (!err)
		err = sql_now(s, &now);
	if (!err && good)
		err = sql_run(s, NULL,
			      "UPDATE scan_hosts SET state = 'lost', ended_ns = ? WHERE scan_id = "
			      "? AND shard = ? AND state = 'queued'",
			      U(now), U(scan_id), U(shard));
	if (!err)
		err = sql_run(s, NULL,
			      "UPDATE scan_shards SET state = CASE WHEN ? <> 0 THEN 'done' WHEN "
			      "tries >= ? THEN 'failed' ELSE 'queued' END, owner = '', lease_ns = "
			      "0, reason = ? WHERE scan_id = ? AND shard = ?",
			      U(good), CONST(STORE_SHARD_TRIES_MAX), S(reason), U(scan_id),
			      U(shard));
	if (!err)
		err = set_reason(s, scan_id, reason);
	return err ? err : settle(s, scan_id, now);
}

int store_shard_end(struct store *s, uint64_t scan_id, uint32_t shard, const char *owner, bool good,
		    const char *reason)
{
	return write_op(s, end_shard(s, scan_id, shard, owner, good, reason));
}

static int release(struct store *s, uint64_t scan_id, uint32_t shard, const char *owner)
{
	int err = scans_check_owner(s, scan_id, shard, owner);

	return err ? err
		   : sql_run(s, NULL,
			     "UPDATE scan_shards SET state = 'queued', owner = '', lease_ns = 0, "
			     "tries = tries - 1 WHERE scan_id = ? AND shard = ?",
			     U(scan_id), U(shard));
}

int store_shard_release(struct store *s, uint64_t scan_id, uint32_t shard, const char *owner)
{
	return write_op(s, release(s, scan_id, shard, owner));
}

static int cancel(struct store *s, uint64_t scan_id, const char *reason)
{
	uint64_t now = 0;
	int err = lock_queue(s);

	if (!err)
		err = sql_now(s, &now);
	if (!err)
		err = sql_run(s, NULL,
			      "UPDATE scan_shards SET state = 'failed', owner = '', reason = ? "
			      "WHERE scan_id = ? AND state IN ('queued', 'running')",
			      S(reason), U(scan_id));
	if (!err)
		err = set_reason(s, scan_id, reason);
	return err ? err : settle(s, scan_id, now);
}

int store_scan_cancel(struct store *s, uint64_t scan_id, const char *reason)
{
	return write_op(s, cancel(s, scan_id, reason));
}
