/* SPDX-License-Identifier: GPL-2.0 */
#include "store/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "store/health_rules.h"
#include "store/sql.h"
#include "store/health_report.h"
#include "store/wrap.h"

/* How the nodes are. */

#define HOST_MAX 255
#define VERSION_MAX 64

int sql_lock_node(struct store *s, uint64_t id, uint64_t *ret_now_ns)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, SQL_LOCKED(s, "SELECT id FROM nodes WHERE id = ?"), U(id));

	if (ret)
		return ret;
	ret = sql_step(&q);
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	return sql_now(s, ret_now_ns);
}

int sql_installation(struct store *s, uint64_t id, const uint8_t *installation,
		     struct health_past *p)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q,
		"SELECT standing, accepted_ns, first_ns, mixed_ns, session, session_before, host, "
		"host_before FROM node_health WHERE node_id = ? AND installation = ?",
		U(id), B(installation, INSTALLATION_LEN));

	if (!ret)
		ret = sql_step(&q);
	if (ret <= 0)
		return ret;
	p->known = true;
	p->standing = (enum health_standing)sql_u64(&q, 0);
	p->accepted_ns = sql_u64(&q, 1);
	p->first_ns = sql_u64(&q, 2);
	p->mixed_ns = sql_u64(&q, 3);
	sql_copy(&q, 4, p->session, SESSION_LEN);
	sql_copy(&q, 5, p->session_before, SESSION_LEN);
	snprintf(p->host, sizeof(p->host), "%s", sql_str(&q, 6));
	snprintf(p->host_before, sizeof(p->host_before), "%s", sql_str(&q, 7));
	return 0;
}

static int read_holder(struct store *s, uint64_t id, const uint8_t *installation,
		       struct health_past *p)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT received_ns, shipper, host FROM node_health WHERE node_id = ? "
			  "AND standing = ? AND installation <> ?",
			  U(id), CONST(STANDING_CURRENT), B(installation, INSTALLATION_LEN));

	if (!ret)
		ret = sql_step(&q);
	if (ret <= 0)
		return ret;
	p->held = true;
	p->held_received_ns = sql_u64(&q, 0);
	p->held_stopped = sql_u64(&q, 1) == SHIPPER_STOPPED;
	snprintf(p->held_host, sizeof(p->held_host), "%s", sql_str(&q, 2));
	return 0;
}

/* The current installation, whichever it is, is past. */
static int displace(struct store *s, uint64_t id)
{
	return sql_run(s, NULL,
		       "UPDATE node_health SET standing = ? WHERE node_id = ? AND standing = ?",
		       CONST(STANDING_PAST), U(id), CONST(STANDING_CURRENT));
}

void health_report_init(struct health_report *r, const struct store_health *h)
{
	*r = (struct health_report){ .h = h, .tier = { h->tier } };
	snprintf(r->step, sizeof(r->step), "%lld", (long long)h->step_ns);
}

static int write_row(struct store *s, uint64_t id, const struct store_health *h,
		     const struct health_next *n, uint64_t now_ns)
{
	struct health_report r;

	health_report_init(&r, h);
	return sql_run(
		s, NULL,
		"REPLACE INTO node_health (node_id, installation, standing, accepted_ns, first_ns, "
		"received_ns, session, session_before, host_before, mixed_ns, machine, host, "
		"boot_id, version, shipper, agent, agent_age_ns, tier, attached, sensor, boot_seq, "
		"seq, chain, journal_bytes, journal_max_bytes, backlog_records, backlog_bytes, "
		"backlog_ns, lost, conflicts, quarantined, interval_ns, wall_ns, rtt_ns, step_ns, "
		"stepped_ns, addresses) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		"?, ?, ?, ?, "
		"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		U(id), B(h->installation, INSTALLATION_LEN), U(n->standing), U(n->accepted_ns),
		U(n->first_ns), U(now_ns), B(h->session, SESSION_LEN),
		B(n->session_before, SESSION_LEN), S(n->host_before), U(n->mixed_ns),
		REPORT_VALUES(&r), S_NULL(h->addresses));
}

/* An installation is a random number that the node says: those that reported last are kept. */
static int forget_oldest(struct store *s, uint64_t id)
{
	_sql_ struct sql q = { .s = s };
	uint8_t oldest[INSTALLATION_LEN];
	int found =
		sql_first(&q,
			  "SELECT installation FROM node_health WHERE node_id = ? AND standing <> "
			  "? ORDER BY received_ns DESC LIMIT 1 OFFSET ?",
			  U(id), CONST(STANDING_CURRENT), CONST(HEALTH_INSTALLATIONS_MAX - 1));

	if (found <= 0)
		return found;
	sql_copy(&q, 0, oldest, INSTALLATION_LEN);
	sql_done(&q);
	return sql_run(s, NULL, "DELETE FROM node_health WHERE node_id = ? AND installation = ?",
		       U(id), B(oldest, INSTALLATION_LEN));
}

static int put_health(struct store *s, const char *node, const char *host_type,
		      const struct store_health *h, uint64_t fresh_ns,
		      struct store_health_reply *ret)
{
	struct health_past past = { 0 };
	struct health_next next;
	uint64_t id = 0, now = 0;
	int err = sql_now(s, &now);

	if (!err)
		err = sql_node_make(s, node, host_type, now, &id);
	if (!err)
		err = sql_lock_node(s, id, &now);
	if (!err)
		err = sql_installation(s, id, h->installation, &past);
	if (!err)
		err = read_holder(s, id, h->installation, &past);
	if (err)
		return err;
	health_admit(&past, h, now, fresh_ns, &next);
	if (next.displaces)
		err = displace(s, id);
	if (!err)
		err = write_row(s, id, h, &next, now);
	if (!err && !past.known)
		err = forget_oldest(s, id);
	if (err)
		return err;
	ret->server_ns = now;
	ret->standing = next.standing;
	ret->accepted = next.accepted_ns;
	if (next.standing == STANDING_REFUSED)
		snprintf(ret->current_host, sizeof(ret->current_host), "%s", past.held_host);
	return 0;
}

/* Texts come from a node: whatever they hold, the row must get in. */
struct cleaned {
	struct buf host, boot_id, version, sensor, addresses;
};

static void cleaned_done(struct cleaned *c)
{
	buf_done(&c->host);
	buf_done(&c->boot_id);
	buf_done(&c->version);
	buf_done(&c->sensor);
	buf_done(&c->addresses);
}

static const char *clean(struct buf *b, const char *s, size_t max)
{
	/* The mark of a cut is part of what is left. */
	if (s)
		esc_text(b, s, strlen(s), max - 3);
	return buf_str(b);
}

static int write_health(struct store *s, const char *node, const char *host_type,
			const struct store_health *h, uint64_t fresh_ns,
			struct store_health_reply *ret)
{
	return s->limited ? s->ops->own_put_health(s, node, host_type, h, fresh_ns, ret)
			  : put_health(s, node, host_type, h, fresh_ns, ret);
}

#define BYTES_MAX                                                                                  \
	(UINT64_C(1) << 50) /* of sizes and counts; sums over all nodes must not overflow */
#define SPAN_MAX UINT64_C(86400000000000) /* of intervals */

static uint64_t least(uint64_t v, uint64_t max)
{
	return v < max ? v : max;
}

/*
 * A report's numbers are the node's word: what is more than can be counts as the most. An
 * account's: migration 26.
 */
static void bound_numbers(struct store_health *h)
{
	uint64_t *const sizes[] = {
		&h->journal_bytes, &h->journal_max_bytes, &h->backlog_records, &h->backlog_bytes,
		&h->lost,	   &h->conflicts,	  &h->quarantined
	};
	uint64_t *const times[] = { &h->agent_age_ns, &h->backlog_ns, &h->wall_ns, &h->stepped_ns };

	for (size_t i = 0; i < array_len(sizes); i++)
		*sizes[i] = least(*sizes[i], BYTES_MAX);
	for (size_t i = 0; i < array_len(times); i++)
		*times[i] = least(*times[i], EVENT_TIME_MAX);
	h->interval_ns = least(h->interval_ns, SPAN_MAX);
	h->rtt_ns = least(h->rtt_ns, SPAN_MAX);
	h->seq = least(h->seq, INT64_MAX - 1);
}

int store_put_health(struct store *s, const char *node, const char *host_type,
		     const struct store_health *h, uint64_t fresh_ns,
		     struct store_health_reply *ret)
{
	_cleanup_(cleaned_done) struct cleaned c = { BUF_INIT(4 * HOST_MAX), BUF_INIT(256),
						     BUF_INIT(4 * VERSION_MAX),
						     BUF_INIT(4 * HEALTH_SENSOR_MAX),
						     BUF_INIT(4 * HEALTH_ADDRESSES_MAX) };
	struct store_health own = *h;
	struct store_health_reply reply;
	int err;

	err = store_check_name(s, "node", node);
	if (!err)
		err = store_check_name(s, "node class", host_type);
	if (err)
		return err;
	bound_numbers(&own);
	own.host = clean(&c.host, h->host, HOST_MAX);
	own.boot_id = h->boot_id && strlen(h->boot_id) == CLOCK_BOOT_ID_LEN
			      ? clean(&c.boot_id, h->boot_id, CLOCK_BOOT_ID_LEN + 3)
			      : "";
	own.version = clean(&c.version, h->version, VERSION_MAX);
	own.sensor = clean(&c.sensor, h->sensor, HEALTH_SENSOR_MAX);
	if (h->addresses)
		own.addresses = clean(&c.addresses, h->addresses, HEALTH_ADDRESSES_MAX);
	if (strlen(own.boot_id) > CLOCK_BOOT_ID_LEN)
		own.boot_id = "";
	if (c.host.err || c.boot_id.err || c.version.err || c.sensor.err || c.addresses.err)
		return -ENOMEM;
	own.shipper = h->shipper == SHIPPER_STOPPED ? SHIPPER_STOPPED : SHIPPER_RUNNING;
	err = write_op(s, (reply = (struct store_health_reply){ 0 },
			   write_health(s, node, host_type, &own, fresh_ns, &reply)));
	if (!err)
		*ret = reply;
	return err;
}

/* --- reading ---------------------------------------------------------------------------------------- */

#define WATCH                                                                                      \
	"w.lost_told, w.lost_seen, w.lost_first_ns, w.lost_last_ns, w.hole_boot, w.hole_seq, "     \
	"w.hole_since_ns, w.broken_boot, w.broken_seq, w.broken_ns"
#define HEALTH_SELECT_FROM(nodes)                                                                  \
	"SELECT n.name, n.host_type, n.first_seen_ns, n.last_seen_ns, n.event_count, "             \
	"n.lost_count, n.boot_seq, j.stored_seq, j.head_seq, "                                     \
	"h.node_id IS NOT NULL, h.standing, h.first_ns, h.received_ns, h.accepted_ns, "            \
	"h.mixed_ns, h.host_before, h.installation, h.session, h.machine, h.host, h.boot_id, "     \
	"h.version, h.shipper, h.agent, h.agent_age_ns, h.tier, h.attached, h.sensor, "            \
	"h.addresses, "                                                                            \
	"h.boot_seq, h.seq, h.chain, h.journal_bytes, h.journal_max_bytes, h.backlog_records, "    \
	"h.backlog_bytes, h.backlog_ns, h.lost, h.conflicts, h.quarantined, h.interval_ns, "       \
	"h.wall_ns, h.rtt_ns, CAST(h.step_ns AS UNSIGNED), h.stepped_ns, " WATCH                   \
	", n.refused_count, n.refused_ns FROM " nodes " n "                                        \
	"LEFT JOIN node_health h ON h.node_id = n.id AND (h.standing <> ? OR ? <> 0) "             \
	"LEFT JOIN journals j ON j.node_id = n.id AND j.boot_seq = n.boot_seq "                    \
	"LEFT JOIN node_watch w ON w.node_id = n.id "
#define HEALTH_SELECT HEALTH_SELECT_FROM("nodes")
#define NEXT_NODES                                                                                 \
	"(SELECT id, name, host_type, first_seen_ns, last_seen_ns, event_count, lost_count, "      \
	"boot_seq, refused_count, refused_ns FROM nodes WHERE name > ? ORDER BY name LIMIT ?)"
#define BY_NODE "ORDER BY n.name, h.standing, h.received_ns DESC"

static void get_report(const struct sql *q, unsigned i, struct store_health_row *r)
{
	struct store_health *h = &r->h;

	r->standing = (enum health_standing)sql_u64(q, i++);
	r->first_ns = sql_u64(q, i++);
	r->received_ns = sql_u64(q, i++);
	r->accepted_ns = sql_u64(q, i++);
	r->mixed_ns = sql_u64(q, i++);
	snprintf(r->other_host, sizeof(r->other_host), "%s", sql_str(q, i++));
	sql_copy(q, i++, h->installation, INSTALLATION_LEN);
	sql_copy(q, i++, h->session, SESSION_LEN);
	sql_copy(q, i++, h->machine, INSTALLATION_LEN);
	h->host = sql_str(q, i++);
	h->boot_id = sql_str(q, i++);
	h->version = sql_str(q, i++);
	h->shipper = (enum health_shipper)sql_u64(q, i++);
	h->agent = (enum health_agent)sql_u64(q, i++);
	h->agent_age_ns = sql_u64(q, i++);
	h->tier = sql_str(q, i++)[0];
	h->attached = sql_u64(q, i++);
	h->sensor = sql_str(q, i++);
	h->addresses = sql_str_null(q, i++);
	h->boot_seq = (uint32_t)sql_u64(q, i++);
	h->seq = sql_u64(q, i++);
	sql_copy(q, i++, h->chain, SHA256_LEN);
	h->journal_bytes = sql_u64(q, i++);
	h->journal_max_bytes = sql_u64(q, i++);
	h->backlog_records = sql_u64(q, i++);
	h->backlog_bytes = sql_u64(q, i++);
	h->backlog_ns = sql_u64(q, i++);
	h->lost = sql_u64(q, i++);
	h->conflicts = sql_u64(q, i++);
	h->quarantined = sql_u64(q, i++);
	h->interval_ns = sql_u64(q, i++);
	h->wall_ns = sql_u64(q, i++);
	h->rtt_ns = sql_u64(q, i++);
	h->step_ns = (int64_t)sql_u64(q, i++);
	h->stepped_ns = sql_u64(q, i);
}

static void get_watch(const struct sql *q, unsigned i, struct store_watch *w)
{
	w->lost_reported = sql_u64(q, i++);
	w->lost_seen = sql_u64(q, i++);
	w->lost_first_ns = sql_u64(q, i++);
	w->lost_last_ns = sql_u64(q, i++);
	w->hole_boot = (uint32_t)sql_u64(q, i++);
	w->hole_seq = sql_u64(q, i++);
	w->hole_since_ns = sql_u64(q, i++);
	w->broken_boot = (uint32_t)sql_u64(q, i++);
	w->broken_seq = sql_u64(q, i++);
	w->broken_ns = sql_u64(q, i);
}

/* What is not judged, by node. */
struct kept_behind {
	struct store_behind b;
	char text[]; /* node, host_type, failed_why */
};

static const char *put_text(char **at, const char *text)
{
	size_t n = strlen(text) + 1;
	char *to = memcpy(*at, text, n);

	*at += n;
	return to;
}

static int keep_behind(const struct store_behind *b, void *arg)
{
	struct kept_behind *k = malloc(sizeof(*k) + strlen(b->node) + strlen(b->host_type) +
				       strlen(b->failed_why) + 3);
	char *at = k ? k->text : NULL;
	int err;

	if (!k)
		return -ENOMEM;
	k->b = *b;
	k->b.node = put_text(&at, b->node);
	k->b.host_type = put_text(&at, b->host_type);
	k->b.failed_why = put_text(&at, b->failed_why);
	err = map_put(arg, b->node, strlen(b->node), k);
	if (err)
		free(k);
	return err;
}

static int give(const struct sql *q, const struct map *behind, store_health_fn fn, void *arg)
{
	struct store_health_row r = {
		.node = sql_str(q, 0),
		.host_type = sql_str(q, 1),
		.first_seen_ns = sql_u64(q, 2),
		.last_seen_ns = sql_u64(q, 3),
		.events = sql_u64(q, 4),
		.lost = sql_u64(q, 5),
		.stored_boot = (uint32_t)sql_u64(q, 6),
		.stored_seq = sql_u64(q, 7),
		.head_seq = sql_u64(q, 8),
		.known = sql_u64(q, 9),
		.refused = sql_u64(q, 55),
		.refused_ns = sql_u64(q, 56),
		.behind = map_get(behind, sql_str(q, 0), strlen(sql_str(q, 0))),
	};

	if (r.known)
		get_report(q, 10, &r);
	get_watch(q, 45, &r.watch);
	return fn(&r, arg);
}

int store_health(struct store *s, const char *node, bool with_past, store_health_fn fn, void *arg)
{
	_cleanup_(map_freep) struct map *behind = NULL;
	_sql_ struct sql q = { .s = s };
	int ret = map_new(free, &behind);

	if (!ret)
		ret = store_behind(s, node, keep_behind, behind);
	if (ret)
		return ret;
	if (node)
		ret = sql_get(&q,
			      HEALTH_SELECT
			      "WHERE n.name = ? ORDER BY h.standing, h.received_ns DESC",
			      CONST(STANDING_PAST), U(with_past), S(node));
	else
		ret = sql_get(&q, HEALTH_SELECT BY_NODE, CONST(STANDING_PAST), U(with_past));
	while (!ret && (ret = sql_step(&q)) > 0)
		ret = give(&q, behind, fn, arg);
	return ret;
}

struct health_walk {
	struct map *behind;
	char first[256], last[256]; /* of the page; last also of the one before */
	store_health_fn fn;
	void *arg;
};

/* 1: there was one; 0: no node is left. */
static int give_page(struct store *s, struct health_walk *w)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, HEALTH_SELECT_FROM(NEXT_NODES) BY_NODE, S(w->last),
			  CONST(HEALTH_PAGE_NODES), CONST(STANDING_PAST), CONST(1));

	w->first[0] = '\0';
	while (!ret && (ret = sql_step(&q)) > 0) {
		snprintf(w->last, sizeof(w->last), "%s", sql_str(&q, 0));
		if (!w->first[0])
			snprintf(w->first, sizeof(w->first), "%s", w->last);
		ret = give(&q, w->behind, w->fn, w->arg);
	}
	return ret ? ret : w->first[0] != '\0';
}

int store_health_by_node(struct store *s, store_health_fn fn, store_health_page_fn page, void *arg)
{
	struct health_walk w = { .fn = fn, .arg = arg };
	int ret = map_new(free, &w.behind);

	if (!ret)
		ret = store_behind(s, NULL, keep_behind, w.behind);
	while (!ret && (ret = give_page(s, &w)) > 0)
		ret = page(w.first, w.last, arg);
	map_free(w.behind);
	return ret;
}

const char *health_sensor_words(const struct store_health *h, struct buf *b)
{
	if (!h->addresses)
		return h->sensor;
	buf_reset(b);
	buf_printf(b, "%s; at %s", h->sensor, *h->addresses ? h->addresses : "none");
	return buf_str(b);
}

int health_holds(const char *addresses, const char *addr)
{
	const char *p = addresses;
	size_t len = strlen(addr), more = strlen(HEALTH_ADDRESSES_MORE);

	if (!p)
		return -ENODATA;
	for (p += strspn(p, " "); *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && !memcmp(p, addr, n))
			return 1;
		if (n == more && !memcmp(p, HEALTH_ADDRESSES_MORE, more))
			return -ENODATA;
		p += n;
	}
	return 0;
}

/* --- what the monitor notes -------------------------------------------------------------------------- */

int store_get_watch(struct store *s, const char *node, struct store_watch *ret)
{
	_sql_ struct sql q = { .s = s };
	struct store_watch w = { 0 };
	int found = sql_first(&q,
			      "SELECT " WATCH " FROM node_watch w JOIN nodes n ON n.id = "
			      "w.node_id WHERE n.name = ?",
			      S(node));

	if (found > 0)
		get_watch(&q, 0, &w);
	if (found >= 0)
		*ret = w;
	return found < 0 ? found : 0;
}

static int put_watch(struct store *s, const char *node, const struct store_watch *w)
{
	uint64_t id = 0;
	int err = sql_node_id(s, node, &id);

	return err ? err
		   : sql_run(s, NULL,
			     "REPLACE INTO node_watch (node_id, lost_told, lost_seen, "
			     "lost_first_ns, lost_last_ns, hole_boot, hole_seq, hole_since_ns, "
			     "broken_boot, broken_seq, broken_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
			     "?, ?, ?)",
			     U(id), U(w->lost_reported), U(w->lost_seen), U(w->lost_first_ns),
			     U(w->lost_last_ns), U(w->hole_boot), U(w->hole_seq),
			     U(w->hole_since_ns), U(w->broken_boot), U(w->broken_seq),
			     U(w->broken_ns));
}

int store_put_watch(struct store *s, const char *node, const struct store_watch *w)
{
	return write_op(s, put_watch(s, node, w));
}

/* --- a person's word ------------------------------------------------------------------------------------ */

/* The one installation that waits: the current one that took a place, or the only one refused. */
static int find_waiting(struct store *s, uint64_t id, uint64_t now_ns,
			uint8_t installation[INSTALLATION_LEN])
{
	_sql_ struct sql q = { .s = s };
	int n = 0;
	int ret = sql_get(&q,
			  "SELECT installation, standing FROM node_health WHERE node_id = ? AND "
			  "((standing = ? AND accepted_ns = 0) OR (standing = ? AND received_ns + "
			  "? * interval_ns >= ?)) ORDER BY standing",
			  U(id), CONST(STANDING_CURRENT), CONST(STANDING_REFUSED),
			  CONST(HEALTH_REFUSED_HEARTBEATS), U(now_ns));

	while (!ret && (ret = sql_step(&q)) > 0) {
		if (++n == 1)
			sql_copy(&q, 0, installation, INSTALLATION_LEN);
		if (sql_u64(&q, 1) == STANDING_CURRENT)
			return 1;
		ret = 0;
	}
	return ret ? ret : n > 1 ? -ENOTUNIQ : n;
}

static int make_current(struct store *s, uint64_t id, const uint8_t *installation, uint64_t now_ns)
{
	struct health_past past = { 0 };
	int err = sql_installation(s, id, installation, &past);

	if (!err && !past.known)
		return store_set_why(s, -ENOENT, "no such installation reports as this node");
	if (!err && past.standing != STANDING_CURRENT)
		err = displace(s, id);
	return err ? err
		   : sql_run(s, NULL,
			     "UPDATE node_health SET standing = ?, accepted_ns = ?, mixed_ns = 0 "
			     "WHERE node_id = ? AND installation = ?",
			     CONST(STANDING_CURRENT), U(now_ns), U(id),
			     B(installation, INSTALLATION_LEN));
}

/* Whatever was found wrong is forgiven. */
static int forgive(struct store *s, uint64_t id, bool *ret_changed)
{
	uint64_t changed = 0;
	int err = sql_run(s, &changed,
			  "UPDATE node_watch SET broken_boot = 0, broken_seq = 0, broken_ns = 0 "
			  "WHERE node_id = ? AND broken_ns <> 0",
			  U(id));

	*ret_changed |= !err && changed;
	return err;
}

static int accept_node(struct store *s, const char *node, const uint8_t *installation,
		       bool *ret_changed)
{
	uint8_t waiting[INSTALLATION_LEN] = { 0 };
	uint64_t id = 0, now = 0;
	int ret = sql_node_id(s, node, &id), found = 1;

	if (!ret)
		ret = sql_lock_node(s, id, &now);
	if (!ret && installation)
		memcpy(waiting, installation, INSTALLATION_LEN);
	else if (!ret)
		found = ret = find_waiting(s, id, now, waiting);
	if (ret == -ENOTUNIQ)
		return store_set_why(s, ret, "several hosts report as node %s", node);
	if (ret >= 0 && found)
		ret = make_current(s, id, waiting, now);
	*ret_changed = ret >= 0 && found;
	return ret < 0 ? ret : forgive(s, id, ret_changed);
}

int store_accept_node(struct store *s, const char *node, const uint8_t *installation,
		      bool *ret_changed)
{
	bool changed = false;
	int err;

	err = write_op(s, (changed = false, accept_node(s, node, installation, &changed)));
	if (!err)
		*ret_changed = changed;
	return err;
}

/* --- retire ----------------------------------------------------------------------------------------------- */

static int retire(struct store *s, const char *node, bool retired, bool *ret_changed)
{
	_sql_ struct sql q = { .s = s };
	uint64_t id = 0, changed = 0;
	int err = sql_node_id(s, node, &id);
	int found =
		err ? 0
		    : sql_first(
			      &q,
			      "SELECT shipper FROM node_health WHERE node_id = ? AND standing = ?",
			      U(id), CONST(STANDING_CURRENT));

	if (err || found < 0)
		return err ? err : found;
	if (!found)
		return store_set_why(s, -ENOENT, "%s has never said how it is", node);
	if ((sql_u64(&q, 0) == SHIPPER_RETIRED) == retired)
		return 0;
	sql_done(&q);
	err = sql_run(s, &changed,
		      "UPDATE node_health SET shipper = ? WHERE node_id = ? AND standing = ?",
		      U((uint64_t)(retired ? SHIPPER_RETIRED : SHIPPER_RUNNING)), U(id),
		      CONST(STANDING_CURRENT));
	*ret_changed = !err && changed;
	return err;
}

int store_node_retire(struct store *s, const char *node, bool retired, bool *ret_changed)
{
	bool changed = false;
	int err = write_op(s, (changed = false, retire(s, node, retired, &changed)));

	if (!err)
		*ret_changed = changed;
	return err;
}
