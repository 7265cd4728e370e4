/* SPDX-License-Identifier: GPL-2.0 */
#include "store/judging.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "store/health.h"
#include "store/put.h"
#include "store/sql.h"
#include "store/wrap.h"

/* How far each boot is judged, and what keeps it from being. */

/* --- what is left -------------------------------------------------------------------------------------- */

#define PENDING(which)                                                                             \
	"SELECT n.name, n.host_type, j.boot_seq, j.judged_seq, j.stored_seq, j.node_id FROM "      \
	"journals j CROSS JOIN nodes n ON n.id = j.node_id WHERE " which                           \
	" AND j.node_id > ? ORDER BY j.node_id, j.boot_seq LIMIT ?"

int store_pending_after(struct store *s, uint64_t after_id, uint64_t limit, store_pending_fn fn,
			void *arg)
{
	_sql_ struct sql q = { .s = s };
	/* Each is what an index of pending boots is made for. */
	int ret = sql_get(
		&q,
		SQL_TEXT(s, PENDING("j.is_pending = 1"), PENDING("j.stored_seq > j.judged_seq")),
		U(after_id), U(limit));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_pending p = {
			.node = sql_str(&q, 0),
			.host_type = sql_str(&q, 1),
			.boot_seq = (uint32_t)sql_u64(&q, 2),
			.judged_seq = sql_u64(&q, 3),
			.stored_seq = sql_u64(&q, 4),
			.node_id = sql_u64(&q, 5),
		};

		ret = fn(&p, arg);
	}
	return ret;
}

int store_pending(struct store *s, store_pending_fn fn, void *arg)
{
	return store_pending_after(s, 0, SQL_NO_LIMIT, fn, arg);
}

/* --- the cursor ---------------------------------------------------------------------------------------- */

int sql_lock_boot(struct store *s, uint64_t node_id, uint32_t boot_seq, uint64_t *ret_judged_seq)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(
		&q,
		SQL_LOCKED_OR_NOT(
			s, "SELECT judged_seq FROM journals WHERE node_id = ? AND boot_seq = ?"),
		U(node_id), U(boot_seq));

	if (ret > 0)
		*ret_judged_seq = sql_u64(&q, 0);
	return ret;
}

/* An update that changes no value counts no row on a server, so it is looked at first, and held. */
static int set_judged(struct store *s, const char *node, uint32_t boot_seq, uint64_t from_seq,
		      uint64_t judged_seq)
{
	uint64_t id = 0, stands = 0;
	int ret = sql_node_id(s, node, &id);

	if (!ret)
		ret = sql_lock_boot(s, id, boot_seq, &stands);
	if (ret < 0)
		return ret;
	if (!ret)
		return store_set_why(s, -ENOENT, "store %s has nothing of boot %u of %s", s->shown,
				     boot_seq, node);
	if (stands != from_seq)
		return store_set_why(s, -ECANCELED,
				     "boot %u of %s: what is judged has changed meanwhile",
				     boot_seq, node);
	return sql_run(s, NULL,
		       "UPDATE journals SET judged_seq = ?, failed_ns = 0, failed_why = '' WHERE "
		       "node_id = ? AND boot_seq = ?",
		       U(judged_seq), U(id), U(boot_seq));
}

int store_set_judged(struct store *s, const char *node, uint32_t boot_seq, uint64_t from_seq,
		     uint64_t judged_seq)
{
	return write_op(s, set_judged(s, node, boot_seq, from_seq, judged_seq));
}

/* --- what cannot be judged ------------------------------------------------------------------------------- */

static int lock_node(struct store *s, uint64_t id)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, SQL_LOCKED_OR_NOT(s, "SELECT id FROM nodes WHERE id = ?"), U(id));

	return ret < 0 ? ret : 0;
}

/* Judging may be repeated from an earlier record on: each is counted once. */
static int judge_refused(struct store *s, const char *node, uint32_t boot_seq, uint64_t seq)
{
	uint64_t id = 0, now = 0, changed = 0;
	int err = sql_node_id(s, node, &id);

	if (!err)
		err = lock_node(s, id);
	if (!err)
		err = sql_now(s, &now);
	if (!err)
		err = sql_run(s, &changed,
			      "UPDATE journals SET refused_seq = ? WHERE node_id = ? AND boot_seq "
			      "= ? AND refused_seq < ?",
			      U(seq), U(id), U(boot_seq), U(seq));
	if (err || !changed)
		return err;
	return sql_run(s, NULL,
		       "UPDATE nodes SET refused_count = refused_count + 1, refused_ns = ? WHERE "
		       "id = ?",
		       U(now), U(id));
}

int store_judge_refused(struct store *s, const char *node, uint32_t boot_seq, uint64_t seq)
{
	return write_op(s, judge_refused(s, node, boot_seq, seq));
}

static int judge_failed(struct store *s, const char *node, uint32_t boot_seq, const char *why)
{
	uint64_t id = 0, now = 0;
	int err = sql_node_id(s, node, &id);

	if (!err)
		err = sql_now(s, &now);
	return err ? err
		   : sql_run(s, NULL,
			     "UPDATE journals SET failed_count = failed_count + 1, failed_ns = "
			     "CASE WHEN failed_ns = 0 THEN ? ELSE failed_ns END, failed_why = ? "
			     "WHERE node_id = ? AND boot_seq = ?",
			     U(now), S(why), U(id), U(boot_seq));
}

int store_judge_failed(struct store *s, const char *node, uint32_t boot_seq, const char *why)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4 * JUDGE_WHY_MAX);

	esc_text(&b, why, strlen(why), JUDGE_WHY_MAX - 3);
	return b.err ? b.err : write_op(s, judge_failed(s, node, boot_seq, buf_str(&b)));
}

static bool is_same_boot(const struct sql *q, const struct store_pending *p)
{
	return sql_u64(q, 0) == p->judged_seq && sql_u64(q, 1) == p->stored_seq;
}

/*
 * Under the lock of the boot's row, which who inserts records holds until its commit. Each
 * statement sees what is committed then (READ COMMITTED on servers), not what was when the
 * transaction began.
 */
static int judge_mend(struct store *s, const struct store_pending *p)
{
	_sql_ struct sql boot = { .s = s }, rows = { .s = s };
	int ret = sql_first(&boot,
			    SQL_LOCKED(s, "SELECT judged_seq, stored_seq FROM journals WHERE "
					  "node_id = ? AND boot_seq = ?"),
			    U(p->node_id), U(p->boot_seq));

	if (ret < 0)
		return ret;
	if (!ret || !is_same_boot(&boot, p))
		return -ECANCELED;
	ret = sql_first(&rows,
			"SELECT seq FROM events WHERE node_id = ? AND boot_seq = ? AND seq > ? "
			"ORDER BY seq LIMIT 1",
			U(p->node_id), U(p->boot_seq), U(p->judged_seq));
	if (ret)
		return ret < 0 ? ret : -ECANCELED;
	return sql_run(s, NULL,
		       "UPDATE journals SET stored_seq = judged_seq WHERE node_id = ? AND boot_seq "
		       "= ?",
		       U(p->node_id), U(p->boot_seq));
}

int store_judge_mend(struct store *s, const struct store_pending *p)
{
	return write_op(s, judge_mend(s, p));
}

/* --- later boots --------------------------------------------------------------------------------------- */

#define KIND_START "6"
_Static_assert(EVENT_START == 6, "KIND_START");

/* A start is behind the doors that were there already: among the first records of its boot. */
#define STARTS                                                                                     \
	"SELECT n.name, n.host_type, e.boot_seq, e.seq, e.received_ns, e.record, e.recorded_ns "   \
	"FROM journals j CROSS JOIN events e ON e.node_id = j.node_id AND e.boot_seq = "           \
	"j.boot_seq CROSS JOIN nodes n ON n.id = j.node_id WHERE j.node_id = ? AND j.boot_seq > "  \
	"? AND j.boot_seq <= ? AND j.judged_seq > 0 AND e.kind = " KIND_START                      \
	" AND e.seq <= ? AND e.seq <= j.judged_seq ORDER BY e.boot_seq, e.seq"

int store_later_starts(struct store *s, const char *node, uint32_t boot_seq, store_event_fn fn,
		       void *arg)
{
	_sql_ struct sql q = { .s = s };
	uint64_t id = 0;
	int ret = sql_node_id(s, node, &id);

	if (!ret)
		ret = sql_get(&q, STARTS, U(id), U(boot_seq),
			      U((uint64_t)boot_seq + STORE_STARTS_BOOTS_MAX),
			      U((unsigned)STORE_STARTS_SEQ_MAX));
	while (!ret && (ret = sql_step(&q)) > 0) {
		struct store_event_row row = {
			.node = sql_str(&q, 0),
			.host_type = sql_str(&q, 1),
			.raw.boot_seq = (uint32_t)sql_u64(&q, 2),
			.raw.seq = sql_u64(&q, 3),
			.raw.received_ns = sql_u64(&q, 4),
			.raw.record = sql_blob(&q, 5),
			.raw.recorded_ns = sql_u64(&q, 6),
		};

		ret = event_decode(row.raw.record.ptr, row.raw.record.len, &row.ev) ? 0
										    : fn(&row, arg);
	}
	return ret == -ENOENT ? 0 : ret;
}

/* --- clocks -------------------------------------------------------------------------------------------- */

int store_clocks(struct store *s, const char *node, struct store_clocks *ret)
{
	_sql_ struct sql q = { .s = s };
	uint64_t id = 0;
	int found = sql_node_id(s, node, &id);

	if (!found)
		found = sql_first(&q,
				  "SELECT wall_ns, rtt_ns, received_ns FROM node_health WHERE "
				  "node_id = ? AND standing = ?",
				  U(id), U((unsigned)STANDING_CURRENT));
	if (found < 0 && found != -ENOENT)
		return found;
	*ret = (struct store_clocks){ 0 };
	if (found > 0)
		*ret = (struct store_clocks){ sql_u64(&q, 0), sql_u64(&q, 1), sql_u64(&q, 2) };
	return 0;
}

int store_event_received(struct store *s, const char *node, uint32_t boot_seq, uint64_t seq,
			 uint64_t *ret_ns)
{
	_sql_ struct sql q = { .s = s };
	uint64_t id = 0;
	int ret = sql_node_id(s, node, &id);

	if (!ret)
		ret = sql_first(&q,
				"SELECT received_ns FROM events WHERE node_id = ? AND boot_seq = ? "
				"AND seq = ?",
				U(id), U(boot_seq), U(seq));
	if (ret < 0 && ret != -ENOENT)
		return ret;
	*ret_ns = ret > 0 ? sql_u64(&q, 0) : 0;
	return 0;
}

/* --- who is behind ---------------------------------------------------------------------------------------- */

#define OLDEST(column)                                                                             \
	"(SELECT e." column " FROM events e WHERE e.node_id = j.node_id AND e.boot_seq = "         \
	"j.boot_seq AND e.seq > j.judged_seq ORDER BY e.seq LIMIT 1)"
#define BEHIND(which)                                                                              \
	"SELECT j.node_id, n.name, n.host_type, j.boot_seq, j.judged_seq, j.stored_seq, "          \
	"j.failed_ns, j.failed_why, " OLDEST("received_ns") ", " OLDEST(                           \
		"happened_ns") " FROM journals j CROSS JOIN nodes n ON n.id = j.node_id "          \
			       "WHERE " which " ORDER BY j.node_id, j.boot_seq"
#define OF_NODE " AND j.node_id = ?"

/* A node's boots as one. */
struct gathered {
	uint64_t node_id;
	char node[256], host_type[256], why[JUDGE_WHY_MAX + 1];
	struct store_behind b;
};

static void add_boot(struct gathered *g, const struct sql *q)
{
	uint64_t failed_ns = sql_u64(q, 6), received_ns = sql_u64(q, 8),
		 happened_ns = sql_u64(q, 9);
	struct store_behind *b = &g->b;

	/* What has no row waits for nothing; and a node may give its last record any number. */
	if (received_ns)
		b->records = put_add_counts(b->records, sql_u64(q, 5) - sql_u64(q, 4));
	if (received_ns && (!b->received_ns || received_ns < b->received_ns))
		b->received_ns = received_ns;
	if (happened_ns && (!b->happened_ns || happened_ns < b->happened_ns))
		b->happened_ns = happened_ns;
	if (!failed_ns || (b->failed_ns && b->failed_ns <= failed_ns))
		return;
	b->failed_ns = failed_ns;
	b->failed_boot = (uint32_t)sql_u64(q, 3);
	b->failed_seq = sql_u64(q, 4);
	snprintf(g->why, sizeof(g->why), "%s", sql_str(q, 7));
}

static void begin_node(struct gathered *g, const struct sql *q)
{
	g->node_id = sql_u64(q, 0);
	snprintf(g->node, sizeof(g->node), "%s", sql_str(q, 1));
	snprintf(g->host_type, sizeof(g->host_type), "%s", sql_str(q, 2));
	g->why[0] = '\0';
	g->b = (struct store_behind){ .node = g->node,
				      .host_type = g->host_type,
				      .failed_why = g->why };
}

/* One that has claimed what no row shows is not behind. */
static int give_node(const struct gathered *g, store_behind_fn fn, void *arg)
{
	return g->node_id && (g->b.records || g->b.failed_ns) ? fn(&g->b, arg) : 0;
}

int store_behind(struct store *s, const char *node, store_behind_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	struct gathered g = { 0 };
	uint64_t id = 0;
	int ret = node ? sql_node_id(s, node, &id) : 0;

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	if (node)
		ret = sql_get(&q,
			      SQL_TEXT(s, BEHIND("j.is_pending = 1" OF_NODE),
				       BEHIND("j.stored_seq > j.judged_seq" OF_NODE)),
			      U(id));
	else
		ret = sql_get(&q, SQL_TEXT(s, BEHIND("j.is_pending = 1"),
					   BEHIND("j.stored_seq > j.judged_seq")));
	while (!ret && (ret = sql_step(&q)) > 0) {
		ret = 0;
		if (g.node_id != sql_u64(&q, 0)) {
			ret = give_node(&g, fn, arg);
			begin_node(&g, &q);
		}
		add_boot(&g, &q);
	}
	return ret ? ret : give_node(&g, fn, arg);
}
