/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql_health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/health_rules.h"
#include "store/mysql.h"

/* How the nodes are; the clock is the server's. Whoever changes what a node is holds the lock of its row in nodes. */

static void copy_blob(uint8_t *to, size_t n, struct text from)
{
	if (from.len == n)
		memcpy(to, from.ptr, n);
}

static int lock_node(struct my *s, uint64_t id, uint64_t *ret_now_ns)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT CAST(unix_timestamp(now(6)) * 1000000 AS UNSIGNED) * 1000 FROM nodes "
		     "WHERE id = ? FOR UPDATE",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	*ret_now_ns = my_col_u64(u.st, 0);
	return 0;
}

static int read_own(struct my *s, uint64_t id, const uint8_t *installation, struct health_past *p)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT standing, accepted_ns, first_ns, mixed_ns, session, session_before, "
		     "host, host_before FROM node_health WHERE node_id = ? AND installation = ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	my_blob(u.st, 2, installation, INSTALLATION_LEN);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret;
	p->known = true;
	p->standing = (enum health_standing)my_col_u64(u.st, 0);
	p->accepted_ns = my_col_u64(u.st, 1);
	p->first_ns = my_col_u64(u.st, 2);
	p->mixed_ns = my_col_u64(u.st, 3);
	copy_blob(p->session, SESSION_LEN, my_col_blob(u.st, 4));
	copy_blob(p->session_before, SESSION_LEN, my_col_blob(u.st, 5));
	snprintf(p->host, sizeof(p->host), "%s", my_col_str(u.st, 6));
	snprintf(p->host_before, sizeof(p->host_before), "%s", my_col_str(u.st, 7));
	return 0;
}

static int read_holder(struct my *s, uint64_t id, const uint8_t *installation,
		       struct health_past *p)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT received_ns, shipper, host FROM node_health WHERE node_id = ? AND "
		     "standing = 1 AND installation <> ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	my_blob(u.st, 2, installation, INSTALLATION_LEN);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret;
	p->held = true;
	p->held_received_ns = my_col_u64(u.st, 0);
	p->held_stopped = my_col_u64(u.st, 1) == SHIPPER_STOPPED;
	snprintf(p->held_host, sizeof(p->held_host), "%s", my_col_str(u.st, 2));
	return 0;
}

/* The current installation, whichever it is, is past. */
static int displace(struct my *s, uint64_t id)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s, "UPDATE node_health SET standing = 3 WHERE node_id = ? AND standing = 1",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, id);
	return my_run(s, u.st, NULL);
}

static const char put_sql[] =
	"REPLACE INTO node_health (node_id, installation, standing, accepted_ns, first_ns, "
	"received_ns, session, session_before, host_before, mixed_ns, machine, host, boot_id, "
	"version, shipper, agent, agent_age_ns, tier, attached, sensor, boot_seq, seq, chain, "
	"journal_bytes, journal_max_bytes, backlog_records, backlog_bytes, backlog_ns, lost, "
	"conflicts, quarantined, interval_ns, wall_ns, rtt_ns, step_ns, stepped_ns) VALUES "
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	"?, ?, ?, ?, ?, ?, ?)";

void my_bind_report(struct my_stmt *st, unsigned i, const struct store_health *h,
		    const char tier[2], char step[32])
{
	my_blob(st, i++, h->machine, INSTALLATION_LEN);
	my_str(st, i++, h->host);
	my_str(st, i++, h->boot_id);
	my_str(st, i++, h->version);
	my_u64(st, i++, h->shipper);
	my_u64(st, i++, h->agent);
	my_u64(st, i++, h->agent_age_ns);
	my_str(st, i++, tier);
	my_u64(st, i++, h->attached);
	my_str(st, i++, h->sensor);
	my_u64(st, i++, h->boot_seq);
	my_u64(st, i++, h->seq);
	my_blob(st, i++, h->chain, SHA256_LEN);
	my_u64(st, i++, h->journal_bytes);
	my_u64(st, i++, h->journal_max_bytes);
	my_u64(st, i++, h->backlog_records);
	my_u64(st, i++, h->backlog_bytes);
	my_u64(st, i++, h->backlog_ns);
	my_u64(st, i++, h->lost);
	my_u64(st, i++, h->conflicts);
	my_u64(st, i++, h->quarantined);
	my_u64(st, i++, h->interval_ns);
	my_u64(st, i++, h->wall_ns);
	my_u64(st, i++, h->rtt_ns);
	snprintf(step, 32, "%lld", (long long)h->step_ns);
	my_str(st, i++, step);
	my_u64(st, i++, h->stepped_ns);
}

static int write_row(struct my *s, uint64_t id, const struct store_health *h,
		     const struct health_next *n, uint64_t now_ns)
{
	const char tier[2] = { h->tier, '\0' };
	char step[32]; /* parameters that are numbers have no sign */
	_my_use_ struct my_use u = { .s = s };
	unsigned i = 1;
	int err = my_get(s, put_sql, &u.st);

	if (err)
		return err;
	my_u64(u.st, i++, id);
	my_blob(u.st, i++, h->installation, INSTALLATION_LEN);
	my_u64(u.st, i++, n->standing);
	my_u64(u.st, i++, n->accepted_ns);
	my_u64(u.st, i++, n->first_ns);
	my_u64(u.st, i++, now_ns);
	my_blob(u.st, i++, h->session, SESSION_LEN);
	my_blob(u.st, i++, n->session_before, SESSION_LEN);
	my_str(u.st, i++, n->host_before);
	my_u64(u.st, i++, n->mixed_ns);
	my_bind_report(u.st, i, h, tier, step);
	return my_run(s, u.st, NULL);
}

int my_put_health(struct store *base, const char *node, const char *host_type,
		  const struct store_health *h, uint64_t fresh_ns, struct store_health_reply *ret)
{
	struct my *s = (struct my *)base;
	struct health_past past = { 0 };
	struct health_next next;
	uint64_t id, now = 0;
	int err;

	if (s->limited)
		return my_own_put_health(base, node, host_type, h, fresh_ns, ret);
	err = my_clock(base, &now);
	if (!err)
		err = my_node_make(s, node, host_type, now, &id);
	if (!err)
		err = lock_node(s, id, &now);
	if (!err)
		err = read_own(s, id, h->installation, &past);
	if (!err)
		err = read_holder(s, id, h->installation, &past);
	if (err)
		return err;
	health_admit(&past, h, now, fresh_ns, &next);
	if (next.displaces)
		err = displace(s, id);
	if (!err)
		err = write_row(s, id, h, &next, now);
	if (err)
		return err;
	ret->server_ns = now;
	ret->standing = next.standing;
	ret->accepted = next.accepted_ns;
	if (next.standing == STANDING_REFUSED)
		snprintf(ret->current_host, sizeof(ret->current_host), "%s", past.held_host);
	return 0;
}

/* --- boots ------------------------------------------------------------------------------------------ */

/* 1: it has been claimed. */
static int find_boot(struct my *s, uint64_t id, const uint8_t *installation, const char *boot_id,
		     uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT boot_seq FROM node_boots WHERE node_id = ? AND installation = ? AND "
		     "journal_boot = ? AND boot_id = ?",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	my_blob(u.st, 2, installation, INSTALLATION_LEN);
	my_u64(u.st, 3, journal_boot);
	my_str(u.st, 4, boot_id);
	ret = my_step(s, u.st);
	if (ret > 0)
		*ret_boot_seq = (uint32_t)my_col_u64(u.st, 0);
	return ret;
}

static int look_at_boots(struct my *s, uint64_t id, const uint8_t *installation,
			 uint32_t journal_boot, struct health_boots *b)
{
	_my_use_ struct my_use u = { .s = s };
	uint32_t stored, claimed;
	int ret;

	ret = my_get(s,
		     "SELECT (SELECT max(boot_seq) FROM journals WHERE node_id = ?), "
		     "(SELECT max(boot_seq) FROM node_boots WHERE node_id = ?), "
		     "(SELECT count(*) FROM node_boots WHERE node_id = ? AND boot_seq = ?), "
		     "(SELECT count(*) FROM node_boots WHERE node_id = ? AND installation <> ?)",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	my_u64(u.st, 2, id);
	my_u64(u.st, 3, id);
	my_u64(u.st, 4, journal_boot);
	my_u64(u.st, 5, id);
	my_blob(u.st, 6, installation, INSTALLATION_LEN);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret;
	stored = (uint32_t)my_col_u64(u.st, 0);
	claimed = (uint32_t)my_col_u64(u.st, 1);
	b->max = stored > claimed ? stored : claimed;
	b->taken = my_col_u64(u.st, 2);
	b->others = my_col_u64(u.st, 3);
	return 0;
}

int my_claim_boot(struct store *base, const char *node,
		  const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		  uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	struct health_past past = { 0 };
	struct health_boots boots = { 0 };
	uint64_t id, now;
	int ret;

	if (s->limited)
		return my_own_claim_boot(base, node, installation, boot_id, journal_boot,
					 ret_boot_seq);
	ret = my_node_id(s, node, &id);
	if (!ret)
		ret = lock_node(s, id, &now);
	if (!ret)
		ret = read_own(s, id, installation, &past);
	if (!ret && past.standing != STANDING_CURRENT)
		ret = store_set_why(base, -EACCES,
				    "another journal than this one reports as node %s: "
				    "give one of the two hosts another node.name",
				    node);
	if (!ret)
		ret = find_boot(s, id, installation, boot_id, journal_boot, ret_boot_seq);
	if (ret)
		return ret > 0 ? 0 : ret;
	ret = look_at_boots(s, id, installation, journal_boot, &boots);
	if (!ret)
		ret = my_get(s,
			     "INSERT INTO node_boots (node_id, boot_seq, installation, boot_id, "
			     "journal_boot) VALUES (?, ?, ?, ?, ?)",
			     &u.st);
	if (ret)
		return ret;
	*ret_boot_seq = health_boot_number(&boots, journal_boot);
	my_u64(u.st, 1, id);
	my_u64(u.st, 2, *ret_boot_seq);
	my_blob(u.st, 3, installation, INSTALLATION_LEN);
	my_str(u.st, 4, boot_id);
	my_u64(u.st, 5, journal_boot);
	return my_run(s, u.st, NULL);
}

int my_boots(struct store *base, const char *node, store_boot_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t id;
	int ret;

	ret = my_node_id(s, node, &id);
	if (!ret)
		ret = my_get(s,
			     "SELECT boot_seq, journal_boot, installation, boot_id FROM node_boots "
			     "WHERE node_id = ? ORDER BY boot_seq",
			     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	while ((ret = my_step(s, u.st)) > 0) {
		struct store_boot b = { .boot_seq = (uint32_t)my_col_u64(u.st, 0),
					.journal_boot = (uint32_t)my_col_u64(u.st, 1),
					.installation = (const uint8_t *)my_col_blob(u.st, 2).ptr,
					.boot_id = my_col_str(u.st, 3) };

		ret = fn(&b, arg);
		if (ret)
			break;
	}
	return ret;
}

/* --- reading ---------------------------------------------------------------------------------------- */

#define HEALTH_SELECT                                                                              \
	"SELECT n.name, n.host_type, n.first_seen_ns, n.last_seen_ns, n.event_count, "             \
	"n.lost_count, n.boot_seq, j.stored_seq, j.head_seq, "                                     \
	"h.node_id IS NOT NULL, h.standing, h.first_ns, h.received_ns, h.accepted_ns, "            \
	"h.mixed_ns, h.host_before, h.installation, h.session, h.machine, h.host, h.boot_id, "     \
	"h.version, h.shipper, h.agent, h.agent_age_ns, h.tier, h.attached, h.sensor, "            \
	"h.boot_seq, h.seq, h.chain, h.journal_bytes, h.journal_max_bytes, h.backlog_records, "    \
	"h.backlog_bytes, h.backlog_ns, h.lost, h.conflicts, h.quarantined, h.interval_ns, "       \
	"h.wall_ns, h.rtt_ns, CAST(h.step_ns AS UNSIGNED), h.stepped_ns, w.lost_told, "            \
	"w.lost_seen, "                                                                            \
	"w.lost_first_ns, w.lost_last_ns, w.hole_boot, w.hole_seq, w.hole_since_ns, "              \
	"w.broken_boot, w.broken_seq, w.broken_ns FROM nodes n "                                   \
	"LEFT JOIN node_health h ON h.node_id = n.id AND (h.standing < 3 OR ?) "                   \
	"LEFT JOIN journals j ON j.node_id = n.id AND j.boot_seq = n.boot_seq "                    \
	"LEFT JOIN node_watch w ON w.node_id = n.id "

static const char health_all[] = HEALTH_SELECT "ORDER BY n.name, h.standing, h.received_ns DESC";
static const char health_one[] =
	HEALTH_SELECT "WHERE n.name = ? ORDER BY h.standing, h.received_ns DESC";

static void get_report(struct my_stmt *st, unsigned i, struct store_health_row *r)
{
	struct store_health *h = &r->h;

	r->standing = (enum health_standing)my_col_u64(st, i++);
	r->first_ns = my_col_u64(st, i++);
	r->received_ns = my_col_u64(st, i++);
	r->accepted_ns = my_col_u64(st, i++);
	r->mixed_ns = my_col_u64(st, i++);
	snprintf(r->other_host, sizeof(r->other_host), "%s", my_col_str(st, i++));
	copy_blob(h->installation, INSTALLATION_LEN, my_col_blob(st, i++));
	copy_blob(h->session, SESSION_LEN, my_col_blob(st, i++));
	copy_blob(h->machine, INSTALLATION_LEN, my_col_blob(st, i++));
	h->host = my_col_str(st, i++);
	h->boot_id = my_col_str(st, i++);
	h->version = my_col_str(st, i++);
	h->shipper = (enum health_shipper)my_col_u64(st, i++);
	h->agent = (enum health_agent)my_col_u64(st, i++);
	h->agent_age_ns = my_col_u64(st, i++);
	h->tier = my_col_str(st, i++)[0];
	h->attached = my_col_u64(st, i++);
	h->sensor = my_col_str(st, i++);
	h->boot_seq = (uint32_t)my_col_u64(st, i++);
	h->seq = my_col_u64(st, i++);
	copy_blob(h->chain, SHA256_LEN, my_col_blob(st, i++));
	h->journal_bytes = my_col_u64(st, i++);
	h->journal_max_bytes = my_col_u64(st, i++);
	h->backlog_records = my_col_u64(st, i++);
	h->backlog_bytes = my_col_u64(st, i++);
	h->backlog_ns = my_col_u64(st, i++);
	h->lost = my_col_u64(st, i++);
	h->conflicts = my_col_u64(st, i++);
	h->quarantined = my_col_u64(st, i++);
	h->interval_ns = my_col_u64(st, i++);
	h->wall_ns = my_col_u64(st, i++);
	h->rtt_ns = my_col_u64(st, i++);
	h->step_ns = (int64_t)my_col_u64(st, i++);
	h->stepped_ns = my_col_u64(st, i);
}

static void get_watch(struct my_stmt *st, unsigned i, struct store_watch *w)
{
	w->lost_told = my_col_u64(st, i++);
	w->lost_seen = my_col_u64(st, i++);
	w->lost_first_ns = my_col_u64(st, i++);
	w->lost_last_ns = my_col_u64(st, i++);
	w->hole_boot = (uint32_t)my_col_u64(st, i++);
	w->hole_seq = my_col_u64(st, i++);
	w->hole_since_ns = my_col_u64(st, i++);
	w->broken_boot = (uint32_t)my_col_u64(st, i++);
	w->broken_seq = my_col_u64(st, i++);
	w->broken_ns = my_col_u64(st, i);
}

static int give(struct my_stmt *st, store_health_fn fn, void *arg)
{
	struct store_health_row r = {
		.node = my_col_str(st, 0),
		.host_type = my_col_str(st, 1),
		.first_seen_ns = my_col_u64(st, 2),
		.last_seen_ns = my_col_u64(st, 3),
		.events = my_col_u64(st, 4),
		.lost = my_col_u64(st, 5),
		.stored_boot = (uint32_t)my_col_u64(st, 6),
		.stored_seq = my_col_u64(st, 7),
		.head_seq = my_col_u64(st, 8),
		.known = my_col_u64(st, 9),
	};

	if (r.known)
		get_report(st, 10, &r);
	get_watch(st, 44, &r.watch);
	return fn(&r, arg);
}

int my_health(struct store *base, const char *node, bool with_past, store_health_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret = my_get(s, node ? health_one : health_all, &u.st);

	if (ret)
		return ret;
	my_u64(u.st, 1, with_past);
	if (node)
		my_str(u.st, 2, node);
	while ((ret = my_step(s, u.st)) > 0) {
		ret = give(u.st, fn, arg);
		if (ret)
			break;
	}
	return ret;
}

/* --- what the monitor notes -------------------------------------------------------------------------- */

int my_put_watch(struct store *base, const char *node, const struct store_watch *w)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t id;
	unsigned i = 1;
	int err = my_node_id(s, node, &id);

	if (!err)
		err = my_get(s,
			     "REPLACE INTO node_watch (node_id, lost_told, lost_seen, "
			     "lost_first_ns, lost_last_ns, hole_boot, hole_seq, hole_since_ns, "
			     "broken_boot, broken_seq, broken_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
			     "?, ?, ?)",
			     &u.st);
	if (err)
		return err;
	my_u64(u.st, i++, id);
	my_u64(u.st, i++, w->lost_told);
	my_u64(u.st, i++, w->lost_seen);
	my_u64(u.st, i++, w->lost_first_ns);
	my_u64(u.st, i++, w->lost_last_ns);
	my_u64(u.st, i++, w->hole_boot);
	my_u64(u.st, i++, w->hole_seq);
	my_u64(u.st, i++, w->hole_since_ns);
	my_u64(u.st, i++, w->broken_boot);
	my_u64(u.st, i++, w->broken_seq);
	my_u64(u.st, i, w->broken_ns);
	return my_run(s, u.st, NULL);
}

/* --- a person's word ------------------------------------------------------------------------------------ */

/* The one installation that waits: the current one that took a place, or the only one refused. */
static int find_waiting(struct my *s, uint64_t id, uint64_t now_ns,
			uint8_t installation[INSTALLATION_LEN])
{
	_my_use_ struct my_use u = { .s = s };
	int ret, n = 0;

	ret = my_get(s,
		     "SELECT installation, standing FROM node_health WHERE node_id = ? AND "
		     "((standing = 1 AND accepted_ns = 0) OR (standing = 2 AND received_ns + ? * "
		     "interval_ns >= ?)) ORDER BY standing",
		     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, id);
	my_u64(u.st, 2, HEALTH_REFUSED_BEATS);
	my_u64(u.st, 3, now_ns);
	while ((ret = my_step(s, u.st)) > 0) {
		if (++n == 1)
			copy_blob(installation, INSTALLATION_LEN, my_col_blob(u.st, 0));
		if (my_col_u64(u.st, 1) == STANDING_CURRENT)
			return 1;
	}
	return ret ? ret : n > 1 ? -ENOTUNIQ : n;
}

static int make_current(struct my *s, uint64_t id, const uint8_t *installation, uint64_t now_ns)
{
	_my_use_ struct my_use u = { .s = s };
	struct health_past past = { 0 };
	int err = read_own(s, id, installation, &past);

	if (!err && !past.known)
		return store_set_why(&s->base, -ENOENT,
				     "no such installation reports as this node");
	if (!err && past.standing != STANDING_CURRENT)
		err = displace(s, id);
	if (!err)
		err = my_get(s,
			     "UPDATE node_health SET standing = 1, accepted_ns = ?, mixed_ns = 0 "
			     "WHERE node_id = ? AND installation = ?",
			     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, now_ns);
	my_u64(u.st, 2, id);
	my_blob(u.st, 3, installation, INSTALLATION_LEN);
	return my_run(s, u.st, NULL);
}

/* Whatever was found wrong is forgiven. */
static int forgive(struct my *s, uint64_t id, bool *ret_changed)
{
	_my_use_ struct my_use u = { .s = s };
	uint64_t changed = 0;
	int err;

	err = my_get(s,
		     "UPDATE node_watch SET broken_boot = 0, broken_seq = 0, broken_ns = 0 WHERE "
		     "node_id = ? AND broken_ns <> 0",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, id);
	err = my_run(s, u.st, &changed);
	*ret_changed |= !err && changed;
	return err;
}

int my_accept_node(struct store *base, const char *node, const uint8_t *installation,
		   bool *ret_changed)
{
	struct my *s = (struct my *)base;
	uint8_t waiting[INSTALLATION_LEN] = { 0 };
	uint64_t id, now;
	int ret = my_node_id(s, node, &id), found = 1;

	if (!ret)
		ret = lock_node(s, id, &now);
	if (!ret && installation)
		memcpy(waiting, installation, INSTALLATION_LEN);
	else if (!ret)
		found = ret = find_waiting(s, id, now, waiting);
	if (ret == -ENOTUNIQ)
		return store_set_why(base, ret, "several hosts report as node %s", node);
	if (ret >= 0 && found)
		ret = make_current(s, id, waiting, now);
	*ret_changed = ret >= 0 && found;
	return ret < 0 ? ret : forgive(s, id, ret_changed);
}

/* --- turns --------------------------------------------------------------------------------------------- */

int my_clock(struct store *base, uint64_t *ret_now_ns)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s, "SELECT CAST(unix_timestamp(now(6)) * 1000000 AS UNSIGNED) * 1000", &u.st);
	if (!ret)
		ret = my_step(s, u.st);
	if (ret > 0)
		*ret_now_ns = my_col_u64(u.st, 0);
	return ret < 0 ? ret : 0;
}

/* From here on the row is ours until the transaction ends; the clock is read when we have it. */
static int lock_turn(struct my *s, const char *name, uint64_t *ret_at_ns, uint64_t *ret_now_ns)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "INSERT INTO turns (name, at_ns) VALUES (?, 0) ON DUPLICATE KEY UPDATE "
		     "at_ns = at_ns",
		     &u.st);
	if (!ret) {
		my_str(u.st, 1, name);
		ret = my_run(s, u.st, NULL);
	}
	my_put(s, take_ptr(u.st));
	if (!ret)
		ret = my_get(s, "SELECT at_ns FROM turns WHERE name = ? FOR UPDATE", &u.st);
	if (ret)
		return ret;
	my_str(u.st, 1, name);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	*ret_at_ns = my_col_u64(u.st, 0);
	return my_clock(&s->base, ret_now_ns);
}

int my_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	uint64_t now, at;
	int err = lock_turn(s, name, &at, &now);

	if (!err)
		*ret_now_ns = now;
	/* A turn taken in the future: the clock was set back. */
	if (err || (now >= at && now - at < every_ns))
		return err;
	err = my_get(s, "UPDATE turns SET at_ns = ? WHERE name = ?", &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, now);
	my_str(u.st, 2, name);
	err = my_run(s, u.st, NULL);
	return err ? err : 1;
}
