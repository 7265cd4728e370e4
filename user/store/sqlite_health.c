/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite_health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/health_rules.h"
#include "store/sqlite.h"

/* How the nodes are; the clock is this machine's: whoever opens the file is on it. */

static void copy_blob(uint8_t *to, size_t n, struct text from)
{
	if (from.len == n)
		memcpy(to, from.ptr, n);
}

static int read_own(struct sq *s, int64_t id, const uint8_t *installation, struct health_past *p)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT standing, accepted_ns, first_ns, mixed_ns, session, session_before, "
		     "host, host_before FROM node_health WHERE node_id = ? AND installation = ?",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	sq_blob(st, 2, installation, INSTALLATION_LEN);
	ret = sq_step(s, st);
	if (ret <= 0)
		return ret;
	p->known = true;
	p->standing = (enum health_standing)sq_col_u64(st, 0);
	p->accepted_ns = sq_col_u64(st, 1);
	p->first_ns = sq_col_u64(st, 2);
	p->mixed_ns = sq_col_u64(st, 3);
	copy_blob(p->session, SESSION_LEN, sq_col_blob(st, 4));
	copy_blob(p->session_before, SESSION_LEN, sq_col_blob(st, 5));
	snprintf(p->host, sizeof(p->host), "%s", sq_col_str(st, 6));
	snprintf(p->host_before, sizeof(p->host_before), "%s", sq_col_str(st, 7));
	return 0;
}

static int read_holder(struct sq *s, int64_t id, const uint8_t *installation, struct health_past *p)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT received_ns, shipper, host FROM node_health WHERE node_id = ? AND "
		     "standing = 1 AND installation <> ?",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	sq_blob(st, 2, installation, INSTALLATION_LEN);
	ret = sq_step(s, st);
	if (ret <= 0)
		return ret;
	p->held = true;
	p->held_received_ns = sq_col_u64(st, 0);
	p->held_stopped = sq_col_u64(st, 1) == SHIPPER_STOPPED;
	snprintf(p->held_host, sizeof(p->held_host), "%s", sq_col_str(st, 2));
	return 0;
}

/* The current installation, whichever it is, is past. */
static int displace(struct sq *s, int64_t id)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s, "UPDATE node_health SET standing = 3 WHERE node_id = ? AND standing = 1",
		     &st);
	if (err)
		return err;
	sq_u64(st, 1, (uint64_t)id);
	return sq_run(s, st);
}

static const char put_sql[] =
	"REPLACE INTO node_health (node_id, installation, standing, accepted_ns, first_ns, "
	"received_ns, session, session_before, host_before, mixed_ns, machine, host, boot_id, "
	"version, shipper, agent, agent_age_ns, tier, attached, sensor, boot_seq, seq, chain, "
	"journal_bytes, journal_max_bytes, backlog_records, backlog_bytes, backlog_ns, lost, "
	"conflicts, quarantined, interval_ns, wall_ns, rtt_ns, step_ns, stepped_ns) VALUES "
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	"?, ?, ?, ?, ?, ?, ?)";

static int write_row(struct sq *s, int64_t id, const struct store_health *h,
		     const struct health_next *n, uint64_t now_ns)
{
	const char tier[2] = { h->tier, '\0' };
	_sq_put_ struct sq_stmt *st = NULL;
	int i = 1, err = sq_get(s, put_sql, &st);

	if (err)
		return err;
	sq_u64(st, i++, (uint64_t)id);
	sq_blob(st, i++, h->installation, INSTALLATION_LEN);
	sq_u64(st, i++, n->standing);
	sq_u64(st, i++, n->accepted_ns);
	sq_u64(st, i++, n->first_ns);
	sq_u64(st, i++, now_ns);
	sq_blob(st, i++, h->session, SESSION_LEN);
	sq_blob(st, i++, n->session_before, SESSION_LEN);
	sq_str(st, i++, n->host_before);
	sq_u64(st, i++, n->mixed_ns);
	sq_blob(st, i++, h->machine, INSTALLATION_LEN);
	sq_str(st, i++, h->host);
	sq_str(st, i++, h->boot_id);
	sq_str(st, i++, h->version);
	sq_u64(st, i++, h->shipper);
	sq_u64(st, i++, h->agent);
	sq_u64(st, i++, h->agent_age_ns);
	sq_str(st, i++, tier);
	sq_u64(st, i++, h->attached);
	sq_str(st, i++, h->sensor);
	sq_u64(st, i++, h->boot_seq);
	sq_u64(st, i++, h->seq);
	sq_blob(st, i++, h->chain, SHA256_LEN);
	sq_u64(st, i++, h->journal_bytes);
	sq_u64(st, i++, h->journal_max_bytes);
	sq_u64(st, i++, h->backlog_records);
	sq_u64(st, i++, h->backlog_bytes);
	sq_u64(st, i++, h->backlog_ns);
	sq_u64(st, i++, h->lost);
	sq_u64(st, i++, h->conflicts);
	sq_u64(st, i++, h->quarantined);
	sq_u64(st, i++, h->interval_ns);
	sq_u64(st, i++, h->wall_ns);
	sq_u64(st, i++, h->rtt_ns);
	sq_u64(st, i++, (uint64_t)h->step_ns);
	sq_u64(st, i++, h->stepped_ns);
	return sq_run(s, st);
}

int sq_put_health(struct store *base, const char *node, const char *host_type,
		  const struct store_health *h, uint64_t fresh_ns, struct store_health_reply *ret)
{
	struct sq *s = (struct sq *)base;
	uint64_t now = clock_wall_ns();
	struct health_past past = { 0 };
	struct health_next next;
	int64_t id;
	int err;

	err = sq_node_make(s, node, host_type, now, &id);
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
static int find_boot(struct sq *s, int64_t id, const uint8_t *installation, const char *boot_id,
		     uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT boot_seq FROM node_boots WHERE node_id = ? AND installation = ? AND "
		     "journal_boot = ? AND boot_id = ?",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	sq_blob(st, 2, installation, INSTALLATION_LEN);
	sq_u64(st, 3, journal_boot);
	sq_str(st, 4, boot_id);
	ret = sq_step(s, st);
	if (ret > 0)
		*ret_boot_seq = (uint32_t)sq_col_u64(st, 0);
	return ret;
}

static int look_at_boots(struct sq *s, int64_t id, const uint8_t *installation,
			 uint32_t journal_boot, struct health_boots *b)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(
		s,
		"SELECT max((SELECT coalesce(max(boot_seq), 0) FROM journals WHERE node_id = ?1), "
		"(SELECT coalesce(max(boot_seq), 0) FROM node_boots WHERE node_id = ?1)), "
		"EXISTS (SELECT 1 FROM node_boots WHERE node_id = ?1 AND boot_seq = ?2), "
		"EXISTS (SELECT 1 FROM node_boots WHERE node_id = ?1 AND installation <> ?3)",
		&st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	sq_u64(st, 2, journal_boot);
	sq_blob(st, 3, installation, INSTALLATION_LEN);
	ret = sq_step(s, st);
	if (ret <= 0)
		return ret;
	b->max = (uint32_t)sq_col_u64(st, 0);
	b->taken = sq_col_u64(st, 1);
	b->others = sq_col_u64(st, 2);
	return 0;
}

int sq_claim_boot(struct store *base, const char *node,
		  const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		  uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	struct health_past past = { 0 };
	struct health_boots boots = { 0 };
	int64_t id;
	int ret;

	ret = sq_node_id(s, node, &id);
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
		ret = sq_get(s,
			     "INSERT INTO node_boots (node_id, boot_seq, installation, boot_id, "
			     "journal_boot) VALUES (?, ?, ?, ?, ?)",
			     &st);
	if (ret)
		return ret;
	*ret_boot_seq = health_boot_number(&boots, journal_boot);
	sq_u64(st, 1, (uint64_t)id);
	sq_u64(st, 2, *ret_boot_seq);
	sq_blob(st, 3, installation, INSTALLATION_LEN);
	sq_str(st, 4, boot_id);
	sq_u64(st, 5, journal_boot);
	return sq_run(s, st);
}

int sq_boots(struct store *base, const char *node, store_boot_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int64_t id;
	int ret;

	ret = sq_node_id(s, node, &id);
	if (!ret)
		ret = sq_get(s,
			     "SELECT boot_seq, journal_boot, installation, boot_id FROM node_boots "
			     "WHERE node_id = ? ORDER BY boot_seq",
			     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	while ((ret = sq_step(s, st)) > 0) {
		struct store_boot b = { .boot_seq = (uint32_t)sq_col_u64(st, 0),
					.journal_boot = (uint32_t)sq_col_u64(st, 1),
					.installation = (const uint8_t *)sq_col_blob(st, 2).ptr,
					.boot_id = sq_col_str(st, 3) };

		ret = fn(&b, arg);
		if (ret)
			break;
	}
	return ret;
}

/* --- reading ---------------------------------------------------------------------------------------- */

#define HEALTH_SELECT                                                                              \
	"SELECT n.name, n.host_type, n.first_seen_ns, n.last_seen_ns, n.event_count, "             \
	"n.lost_count, n.boot_seq, coalesce(j.stored_seq, 0), coalesce(j.head_seq, 0), "           \
	"h.node_id IS NOT NULL, h.standing, h.first_ns, h.received_ns, h.accepted_ns, "            \
	"h.mixed_ns, h.host_before, h.installation, h.session, h.machine, h.host, h.boot_id, "     \
	"h.version, h.shipper, h.agent, h.agent_age_ns, h.tier, h.attached, h.sensor, "            \
	"h.boot_seq, h.seq, h.chain, h.journal_bytes, h.journal_max_bytes, h.backlog_records, "    \
	"h.backlog_bytes, h.backlog_ns, h.lost, h.conflicts, h.quarantined, h.interval_ns, "       \
	"h.wall_ns, h.rtt_ns, h.step_ns, h.stepped_ns, w.lost_told, w.lost_seen, "                 \
	"w.lost_first_ns, w.lost_last_ns, w.hole_boot, w.hole_seq, w.hole_since_ns, "              \
	"w.broken_boot, w.broken_seq, w.broken_ns FROM nodes n "                                   \
	"LEFT JOIN node_health h ON h.node_id = n.id AND (h.standing < 3 OR ?) "                   \
	"LEFT JOIN journals j ON j.node_id = n.id AND j.boot_seq = n.boot_seq "                    \
	"LEFT JOIN node_watch w ON w.node_id = n.id "

static const char health_all[] = HEALTH_SELECT "ORDER BY n.name, h.standing, h.received_ns DESC";
static const char health_one[] =
	HEALTH_SELECT "WHERE n.name = ? ORDER BY h.standing, h.received_ns DESC";

static void get_report(struct sq_stmt *st, int i, struct store_health_row *r)
{
	struct store_health *h = &r->h;

	r->standing = (enum health_standing)sq_col_u64(st, i++);
	r->first_ns = sq_col_u64(st, i++);
	r->received_ns = sq_col_u64(st, i++);
	r->accepted_ns = sq_col_u64(st, i++);
	r->mixed_ns = sq_col_u64(st, i++);
	snprintf(r->other_host, sizeof(r->other_host), "%s", sq_col_str(st, i++));
	copy_blob(h->installation, INSTALLATION_LEN, sq_col_blob(st, i++));
	copy_blob(h->session, SESSION_LEN, sq_col_blob(st, i++));
	copy_blob(h->machine, INSTALLATION_LEN, sq_col_blob(st, i++));
	h->host = sq_col_str(st, i++);
	h->boot_id = sq_col_str(st, i++);
	h->version = sq_col_str(st, i++);
	h->shipper = (enum health_shipper)sq_col_u64(st, i++);
	h->agent = (enum health_agent)sq_col_u64(st, i++);
	h->agent_age_ns = sq_col_u64(st, i++);
	h->tier = sq_col_str(st, i++)[0];
	h->attached = sq_col_u64(st, i++);
	h->sensor = sq_col_str(st, i++);
	h->boot_seq = (uint32_t)sq_col_u64(st, i++);
	h->seq = sq_col_u64(st, i++);
	copy_blob(h->chain, SHA256_LEN, sq_col_blob(st, i++));
	h->journal_bytes = sq_col_u64(st, i++);
	h->journal_max_bytes = sq_col_u64(st, i++);
	h->backlog_records = sq_col_u64(st, i++);
	h->backlog_bytes = sq_col_u64(st, i++);
	h->backlog_ns = sq_col_u64(st, i++);
	h->lost = sq_col_u64(st, i++);
	h->conflicts = sq_col_u64(st, i++);
	h->quarantined = sq_col_u64(st, i++);
	h->interval_ns = sq_col_u64(st, i++);
	h->wall_ns = sq_col_u64(st, i++);
	h->rtt_ns = sq_col_u64(st, i++);
	h->step_ns = (int64_t)sq_col_u64(st, i++);
	h->stepped_ns = sq_col_u64(st, i);
}

static void get_watch(struct sq_stmt *st, int i, struct store_watch *w)
{
	w->lost_told = sq_col_u64(st, i++);
	w->lost_seen = sq_col_u64(st, i++);
	w->lost_first_ns = sq_col_u64(st, i++);
	w->lost_last_ns = sq_col_u64(st, i++);
	w->hole_boot = (uint32_t)sq_col_u64(st, i++);
	w->hole_seq = sq_col_u64(st, i++);
	w->hole_since_ns = sq_col_u64(st, i++);
	w->broken_boot = (uint32_t)sq_col_u64(st, i++);
	w->broken_seq = sq_col_u64(st, i++);
	w->broken_ns = sq_col_u64(st, i);
}

static int give(struct sq_stmt *st, store_health_fn fn, void *arg)
{
	struct store_health_row r = {
		.node = sq_col_str(st, 0),
		.host_type = sq_col_str(st, 1),
		.first_seen_ns = sq_col_u64(st, 2),
		.last_seen_ns = sq_col_u64(st, 3),
		.events = sq_col_u64(st, 4),
		.lost = sq_col_u64(st, 5),
		.stored_boot = (uint32_t)sq_col_u64(st, 6),
		.stored_seq = sq_col_u64(st, 7),
		.head_seq = sq_col_u64(st, 8),
		.known = sq_col_u64(st, 9),
	};

	if (r.known)
		get_report(st, 10, &r);
	get_watch(st, 44, &r.watch);
	return fn(&r, arg);
}

int sq_health(struct store *base, const char *node, bool with_past, store_health_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret = sq_get(s, node ? health_one : health_all, &st);

	if (ret)
		return ret;
	sq_u64(st, 1, with_past);
	if (node)
		sq_str(st, 2, node);
	while ((ret = sq_step(s, st)) > 0) {
		ret = give(st, fn, arg);
		if (ret)
			break;
	}
	return ret;
}

/* --- what the monitor notes -------------------------------------------------------------------------- */

int sq_put_watch(struct store *base, const char *node, const struct store_watch *w)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int64_t id;
	int i = 1, err = sq_node_id(s, node, &id);

	if (!err)
		err = sq_get(s,
			     "REPLACE INTO node_watch (node_id, lost_told, lost_seen, "
			     "lost_first_ns, lost_last_ns, hole_boot, hole_seq, hole_since_ns, "
			     "broken_boot, broken_seq, broken_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
			     "?, ?, ?)",
			     &st);
	if (err)
		return err;
	sq_u64(st, i++, (uint64_t)id);
	sq_u64(st, i++, w->lost_told);
	sq_u64(st, i++, w->lost_seen);
	sq_u64(st, i++, w->lost_first_ns);
	sq_u64(st, i++, w->lost_last_ns);
	sq_u64(st, i++, w->hole_boot);
	sq_u64(st, i++, w->hole_seq);
	sq_u64(st, i++, w->hole_since_ns);
	sq_u64(st, i++, w->broken_boot);
	sq_u64(st, i++, w->broken_seq);
	sq_u64(st, i, w->broken_ns);
	return sq_run(s, st);
}

/* --- a person's word ------------------------------------------------------------------------------------ */

/* The one installation that waits: the current one that took a place, or the only one refused. */
static int find_waiting(struct sq *s, int64_t id, uint8_t installation[INSTALLATION_LEN])
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret, n = 0;

	ret = sq_get(s,
		     "SELECT installation, standing FROM node_health WHERE node_id = ? AND "
		     "((standing = 1 AND accepted_ns = 0) OR (standing = 2 AND received_ns + ? * "
		     "interval_ns >= ?)) ORDER BY standing",
		     &st);
	if (ret)
		return ret;
	sq_u64(st, 1, (uint64_t)id);
	sq_u64(st, 2, HEALTH_REFUSED_BEATS);
	sq_u64(st, 3, clock_wall_ns());
	while ((ret = sq_step(s, st)) > 0) {
		if (++n == 1)
			copy_blob(installation, INSTALLATION_LEN, sq_col_blob(st, 0));
		if (sq_col_u64(st, 1) == STANDING_CURRENT)
			return 1;
	}
	return ret ? ret : n > 1 ? -ENOTUNIQ : n;
}

static int make_current(struct sq *s, int64_t id, const uint8_t *installation)
{
	_sq_put_ struct sq_stmt *st = NULL;
	struct health_past past = { 0 };
	int err = read_own(s, id, installation, &past);

	if (!err && !past.known)
		return store_set_why(&s->base, -ENOENT,
				     "no such installation reports as this node");
	if (!err && past.standing != STANDING_CURRENT)
		err = displace(s, id);
	if (!err)
		err = sq_get(s,
			     "UPDATE node_health SET standing = 1, accepted_ns = ?, mixed_ns = 0 "
			     "WHERE node_id = ? AND installation = ?",
			     &st);
	if (err)
		return err;
	sq_u64(st, 1, clock_wall_ns());
	sq_u64(st, 2, (uint64_t)id);
	sq_blob(st, 3, installation, INSTALLATION_LEN);
	return sq_run(s, st);
}

/* Whatever was found wrong is forgiven. */
static int forgive(struct sq *s, int64_t id, bool *ret_changed)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int err;

	err = sq_get(s,
		     "UPDATE node_watch SET broken_boot = 0, broken_seq = 0, broken_ns = 0 WHERE "
		     "node_id = ? AND broken_ns <> 0",
		     &st);
	if (err)
		return err;
	sq_u64(st, 1, (uint64_t)id);
	err = sq_run(s, st);
	*ret_changed |= !err && sqlite3_changes(s->db);
	return err;
}

int sq_accept_node(struct store *base, const char *node, const uint8_t *installation,
		   bool *ret_changed)
{
	struct sq *s = (struct sq *)base;
	uint8_t waiting[INSTALLATION_LEN] = { 0 };
	int64_t id;
	int ret = sq_node_id(s, node, &id), found = 1;

	if (!ret && installation)
		memcpy(waiting, installation, INSTALLATION_LEN);
	else if (!ret)
		found = ret = find_waiting(s, id, waiting);
	if (ret == -ENOTUNIQ)
		return store_set_why(base, ret, "several hosts report as node %s", node);
	if (ret >= 0 && found)
		ret = make_current(s, id, waiting);
	*ret_changed = ret >= 0 && found;
	return ret < 0 ? ret : forgive(s, id, ret_changed);
}

/* --- turns --------------------------------------------------------------------------------------------- */

int sq_clock(struct store *base, uint64_t *ret_now_ns)
{
	(void)base;
	*ret_now_ns = clock_wall_ns();
	return 0;
}

static int read_turn(struct sq *s, const char *name, uint64_t *ret_at_ns)
{
	_sq_put_ struct sq_stmt *st = NULL;
	int ret = sq_get(s, "SELECT at_ns FROM turns WHERE name = ?", &st);

	if (ret)
		return ret;
	sq_str(st, 1, name);
	ret = sq_step(s, st);
	*ret_at_ns = ret > 0 ? sq_col_u64(st, 0) : 0;
	return ret < 0 ? ret : 0;
}

int sq_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t now = clock_wall_ns(), at;
	int err = read_turn(s, name, &at);

	*ret_now_ns = now;
	/* A turn taken in the future: the clock was set back. */
	if (err || (now >= at && now - at < every_ns))
		return err;
	err = sq_get(s, "REPLACE INTO turns (name, at_ns) VALUES (?, ?)", &st);
	if (err)
		return err;
	sq_str(st, 1, name);
	sq_u64(st, 2, now);
	err = sq_run(s, st);
	return err ? err : 1;
}
