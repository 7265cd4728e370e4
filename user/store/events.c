/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/put.h"
#include "store/wrap.h"

/*
 * Putting events. Who inserts events of a boot holds the lock of its row in journals, and so does
 * who judges them: what is looked up under it stays true, a row is inserted once without INSERT
 * IGNORE (which would also swallow broken values), and a batch that is sent again, because nobody
 * knows whether its commit happened, changes nothing. A row is never changed.
 */

/* --- what is there already -------------------------------------------------------------------------- */

static int read_boot(struct put *p)
{
	_sql_ struct sql q = { .s = p->s };
	int ret = sql_first(&q,
			    SQL_LOCKED(p->s, "SELECT base_seq, head_seq, stored_seq FROM journals "
					     "WHERE node_id = ? AND boot_seq = ?"),
			    U(p->node_id), U(p->boot_seq));

	if (ret <= 0)
		return ret;
	p->base_seq = sql_u64(&q, 0);
	p->head_seq = sql_u64(&q, 1);
	p->stored_seq = sql_u64(&q, 2);
	return 1;
}

#define BOOTS_PENDING_MAX                                                                          \
	256 /* of a node; beyond it a new boot waits. Of an account: migration 26 */

/* Boots that nobody has judged, and those of which nothing has come. */
static int check_boots(struct put *p)
{
	_sql_ struct sql q = { .s = p->s };
	int ret = sql_first(&q,
			    "SELECT count(*) FROM journals WHERE node_id = ? AND (stored_seq > "
			    "judged_seq OR stored_seq = 0)",
			    U(p->node_id));

	if (ret < 0)
		return ret;
	return ret && sql_u64(&q, 0) >= BOOTS_PENDING_MAX
		       ? store_set_why(p->s, -EBUSY,
				       "node %s has %u boots that nobody has judged: a monitor has "
				       "to catch up first",
				       p->node, BOOTS_PENDING_MAX)
		       : 0;
}

/* Locks the boot's row, and makes it when the boot is new. */
static int lock_boot(struct put *p)
{
	int ret = read_boot(p);

	if (ret)
		return ret < 0 ? ret : 0;
	ret = check_boots(p);
	if (ret)
		return ret;
	ret = sql_run(p->s, NULL,
		      SQL_INSERT_NEW(p->s, "INSERT INTO journals (node_id, boot_seq) VALUES (?, ?)",
				     "boot_seq"),
		      U(p->node_id), U(p->boot_seq));
	if (!ret)
		ret = read_boot(p);
	if (ret)
		return ret < 0 ? ret : 0;
	return store_set_why(p->s, -EIO, "store %s: a row of journals does not stay", p->s->shown);
}

static bool same_bytes(const struct store_event *a, struct text record, struct text chain)
{
	return record.len == a->record.len && chain.len == SHA256_LEN &&
	       !memcmp(record.ptr, a->record.ptr, record.len) &&
	       !memcmp(chain.ptr, a->chain, SHA256_LEN);
}

static int conflict(struct put *p, uint64_t seq)
{
	return store_set_why(p->s, -EEXIST,
			     "node %s, boot %u, record %llu is stored with other bytes: tampered, "
			     "or two nodes have one name",
			     p->node, p->boot_seq, (unsigned long long)seq);
}

/* With a node's account, which may not read what it wrote, a digest is compared. */
static int get_range(struct sql *q, const struct put *p, uint64_t first, uint64_t last)
{
	if (p->s->limited)
		return sql_get(q,
			       "SELECT seq, digest FROM own_digests WHERE boot_seq = ? AND seq "
			       "BETWEEN ? AND ? ORDER BY seq",
			       U(p->boot_seq), U(first), U(last));
	return sql_get(q,
		       "SELECT seq, record, chain FROM events WHERE boot_seq = ? AND seq BETWEEN ? "
		       "AND ? AND node_id = ? ORDER BY seq",
		       U(p->boot_seq), U(first), U(last), U(p->node_id));
}

static bool same_digest(const struct store_event *row, struct text digest)
{
	uint8_t want[SHA256_LEN];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, row->record.ptr, row->record.len);
	sha256_update(&sha, row->chain, SHA256_LEN);
	sha256_final(&sha, want);
	return digest.len == SHA256_LEN && !memcmp(digest.ptr, want, SHA256_LEN);
}

/*
 * Rows first to last of p->rows, in one query: those that are there must be the same, the others
 * are fresh.
 */
static int sort_out(struct put *p, size_t first, size_t last)
{
	_sql_ struct sql q = { .s = p->s };
	int more = get_range(&q, p, p->rows[first]->seq, p->rows[last]->seq);

	if (!more)
		more = sql_step(&q);
	for (size_t i = first; i <= last; i++) {
		const struct store_event *row = p->rows[i];

		while (more > 0 && sql_u64(&q, 0) < row->seq)
			more = sql_step(&q);
		if (more < 0)
			return more;
		if (!more || sql_u64(&q, 0) != row->seq)
			p->fresh[p->fresh_len++] = row;
		else if (p->s->limited ? !same_digest(row, sql_blob(&q, 1))
				       : !same_bytes(row, sql_blob(&q, 1), sql_blob(&q, 2)))
			return conflict(p, row->seq);
	}
	return more < 0 ? more : 0;
}

/* A batch is nearly always beyond all that is stored, and then nothing is asked. */
static int find_fresh(struct put *p)
{
	size_t first = 0, last;
	int err;

	p->fresh_len = 0;
	while (first < p->len && p->rows[first]->seq <= p->base_seq)
		first++; /* pruned: it was here */
	while (first < p->len && p->rows[first]->seq <= p->stored_seq) {
		/* As many as lie close together: a query must not read what is between far ones. */
		for (last = first; last + 1 < p->len && p->rows[last + 1]->seq <= p->stored_seq;
		     last++) {
			if (p->rows[last + 1]->seq - p->rows[first]->seq >= 2 * STORE_BATCH_MAX)
				break;
		}
		err = sort_out(p, first, last);
		if (err)
			return err;
		first = last + 1;
	}
	while (first < p->len)
		p->fresh[p->fresh_len++] = p->rows[first++];
	return 0;
}

/* --- gaps and starts ---------------------------------------------------------------------------------- */

/*
 * How many records of the range a gap claims are not here: dropped after they were shipped is not
 * lost.
 */
static int add_gap(struct put *p, const struct store_event *row)
{
	_sql_ struct sql q = { .s = p->s };
	uint64_t range, have;
	struct event ev;
	int ret = 0;

	put_decode(row, &ev);
	if (!ev.from_seq || ev.to_seq < ev.from_seq || ev.to_seq >= INT64_MAX) {
		p->lost = put_add_counts(p->lost, ev.count);
		return 0;
	}
	/* SQLite finds gaps among the events, by an index of those alone. */
	if (p->s->ops->sql->server)
		ret = sql_run(p->s, NULL,
			      "INSERT INTO event_gaps (node_id, boot_seq, seq, gap_from, gap_to) "
			      "VALUES (?, ?, ?, ?, ?)",
			      U(p->node_id), U(p->boot_seq), U(row->seq), U(ev.from_seq),
			      U(ev.to_seq));
	if (ret)
		return ret;
	ret = sql_first(&q,
			"SELECT count(*) FROM events WHERE node_id = ? AND boot_seq = ? AND seq "
			"BETWEEN ? AND ?",
			U(p->node_id), U(p->boot_seq), U(ev.from_seq), U(ev.to_seq));
	if (ret < 0)
		return ret;
	range = ev.to_seq - ev.from_seq + 1;
	have = sql_u64(&q, 0);
	p->lost = put_add_counts(p->lost, have < range ? range - have : 0);
	return 0;
}

/* A node tells its tier and hooks when it starts; the newest word counts. */
static int note_start(struct put *p, const struct store_event *row)
{
	struct event ev;

	put_decode(row, &ev);
	/* tier_seq before tier_boot_seq: on a server each sees what is assigned to its left. */
	return sql_run(p->s, NULL,
		       "UPDATE nodes SET tier = ?, tier_seq = ?, tier_boot_seq = ? WHERE id = ? "
		       "AND (tier_boot_seq < ? OR (tier_boot_seq = ? AND tier_seq < ?))",
		       ESCAPED(ev.reason), U(row->seq), U(row->boot_seq), U(p->node_id),
		       U(row->boot_seq), U(row->boot_seq), U(row->seq));
}

static int note_kinds(struct put *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->fresh_len; i++) {
		if (p->kinds[i] == EVENT_GAP)
			err = add_gap(p, p->fresh[i]);
		else if (p->kinds[i] == EVENT_START)
			err = note_start(p, p->fresh[i]);
	}
	return err;
}

/* --- the head: stored without a hole ---------------------------------------------------------------- */

#define WALK_MAX 1024

/* Returns 1 when the head has moved through `limit` rows and there may be more. */
static int walk_rows(struct put *p, uint64_t limit)
{
	_sql_ struct sql q = { .s = p->s };
	uint64_t n = 0;
	int ret = sql_get(&q,
			  "SELECT seq FROM events WHERE node_id = ? AND boot_seq = ? AND seq > ? "
			  "ORDER BY seq LIMIT ?",
			  U(p->node_id), U(p->boot_seq), U(p->head_seq), U(limit));

	while (!ret && (ret = sql_step(&q)) > 0) {
		if (sql_u64(&q, 0) != p->head_seq + 1)
			return 0;
		p->head_seq++;
		n++;
		ret = 0;
	}
	return ret < 0 ? ret : n == limit;
}

/* The index of gaps on SQLite is one of rows that say so with this very number. */
#define KIND_GAP "5"
_Static_assert(EVENT_GAP == 5, "KIND_GAP");
#define GAP_BEHIND "node_id = ? AND boot_seq = ? AND gap_to > ? AND gap_from <= ?"

/* A gap record stands for the records it names. Returns 1 when one leads on. */
static int walk_gap(struct put *p)
{
	_sql_ struct sql q = { .s = p->s };
	int ret = sql_first(&q,
			    SQL_TEXT(p->s, "SELECT max(gap_to) FROM event_gaps WHERE " GAP_BEHIND,
				     "SELECT max(gap_to) FROM events WHERE " GAP_BEHIND
				     " AND kind = " KIND_GAP),
			    U(p->node_id), U(p->boot_seq), U(p->head_seq), U(p->head_seq + 1));

	if (ret <= 0)
		return ret;
	if (sql_u64(&q, 0) <= p->head_seq)
		return 0;
	p->head_seq = sql_u64(&q, 0);
	return 1;
}

static int walk_head(struct put *p)
{
	uint64_t limit = 1;
	int ret = 1;

	for (size_t i = 0; i < p->len; i++)
		p->head_seq += p->rows[i]->seq == p->head_seq + 1;
	/* Behind the last record there may still be what a gap record at its end stands for. */
	while (ret > 0) {
		ret = p->head_seq < p->max_seq ? walk_rows(p, limit) : 0;
		if (!ret)
			ret = walk_gap(p);
		limit = limit < WALK_MAX ? 4 * limit : WALK_MAX;
	}
	return ret;
}

/* --- a boot, a node ----------------------------------------------------------------------------------- */

/* New rows of a boot move its head, and take back a judgement that has run past them. */
static int finish_boot(struct put *p)
{
	uint64_t before = p->fresh[0]->seq - 1;
	int err = sql_run(p->s, NULL,
			  "UPDATE journals SET head_seq = ?, stored_seq = CASE WHEN stored_seq > ? "
			  "THEN stored_seq ELSE ? END, judged_seq = CASE WHEN judged_seq < ? THEN "
			  "judged_seq ELSE ? END WHERE node_id = ? AND boot_seq = ?",
			  U(p->head_seq), U(p->max_seq), U(p->max_seq), U(before), U(before),
			  U(p->node_id), U(p->boot_seq));

	/* What the notifier of a server looks at. */
	if (!err && p->s->ops->sql->server)
		err = sql_run(p->s, NULL,
			      "UPDATE journals SET rows_stored = rows_stored + ?, touched_ns = "
			      "CAST(unix_timestamp(now(6)) * 1000000 AS UNSIGNED) * 1000 WHERE "
			      "node_id = ? AND boot_seq = ?",
			      U(p->fresh_len), U(p->node_id), U(p->boot_seq));
	return err;
}

static int put_boot(struct put *p, const char *host_type)
{
	int err = p->s->limited ? p->s->ops->own_begin(p, host_type) : lock_boot(p);

	if (!err)
		err = find_fresh(p);
	if (err || !p->fresh_len)
		return err;
	p->max_seq = p->fresh[p->fresh_len - 1]->seq;
	if (p->max_seq < p->stored_seq)
		p->max_seq = p->stored_seq;
	p->new_rows += p->fresh_len;
	err = p->s->ops->insert(p);
	if (!err && p->s->limited)
		return p->s->ops->own_end(p);
	if (!err)
		err = note_kinds(p);
	if (!err)
		err = walk_head(p);
	return err ? err : finish_boot(p);
}

/* The node's own row, last: the transaction holds its lock only for a moment. */
static int finish_node(struct put *p, uint32_t boot_seq, uint64_t seq)
{
	const uint64_t room = COUNT_MAX - p->lost;

	/* seq before boot_seq: on a server each sees what is assigned to its left. */
	return sql_run(p->s, NULL,
		       "UPDATE nodes SET event_count = event_count + ?, lost_count = CASE WHEN "
		       "lost_count > ? THEN ? ELSE lost_count + ? END, last_seen_ns = CASE WHEN "
		       "last_seen_ns > ? THEN last_seen_ns ELSE ? END, seq = CASE WHEN boot_seq < "
		       "? OR (boot_seq = ? AND seq < ?) THEN ? ELSE seq END, boot_seq = CASE WHEN "
		       "boot_seq < ? THEN ? ELSE boot_seq END WHERE id = ?",
		       U(p->new_rows), U(room), U(COUNT_MAX), U(p->lost), U(p->received_ns),
		       U(p->received_ns), U(boot_seq), U(boot_seq), U(seq), U(seq), U(boot_seq),
		       U(boot_seq), U(p->node_id));
}

/* --- the whole batch -------------------------------------------------------------------------------------- */

static int by_key(const void *va, const void *vb)
{
	const struct store_event *a = *(const struct store_event *const *)va;
	const struct store_event *b = *(const struct store_event *const *)vb;

	if (a->boot_seq != b->boot_seq)
		return a->boot_seq < b->boot_seq ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* Takes the rows of the next boot from the sorted ones, each number once. */
static int take_boot(struct put *p, const struct store_event **sorted, size_t n, size_t *at)
{
	p->len = 0;
	p->boot_seq = sorted[*at]->boot_seq;
	for (; *at < n && sorted[*at]->boot_seq == p->boot_seq; (*at)++) {
		const struct store_event *row = sorted[*at],
					 *last = p->len ? p->rows[p->len - 1] : NULL;

		if (!last || last->seq != row->seq) {
			p->rows[p->len++] = row;
			continue;
		}
		if (!same_bytes(last, row->record,
				(struct text){ (const char *)row->chain, SHA256_LEN }))
			return conflict(p, row->seq);
	}
	return 0;
}

static int put_all(struct store *s, const char *node, const char *host_type,
		   const struct store_event *rows, size_t n, size_t *ret_new)
{
	const struct store_event *sorted[STORE_BATCH_MAX];
	_free_ struct put *p = calloc(1, sizeof(*p));
	size_t at = 0;
	int err;

	if (!p)
		return -ENOMEM;
	p->s = s;
	p->node = node;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &rows[i];
	qsort(sorted, n, sizeof(sorted[0]), by_key);
	if (s->limited)
		err = s->ops->own_check(s, node);
	else
		err = sql_node_make(s, node, host_type, n ? rows[0].received_ns : 0, &p->node_id);
	while (!err && at < n) {
		err = take_boot(p, sorted, n, &at);
		if (!err)
			err = put_boot(p, host_type);
	}
	if (!err && p->new_rows && !s->limited)
		err = finish_node(p, sorted[n - 1]->boot_seq, sorted[n - 1]->seq);
	if (s->ops->inserted)
		s->ops->inserted(s, n);
	*ret_new = err ? 0 : p->new_rows;
	return err;
}

static int check_events(struct store *s, const struct store_event *rows, size_t n)
{
	if (n > STORE_BATCH_MAX)
		return store_set_why(s, -E2BIG, "more than %d records in a batch", STORE_BATCH_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].boot_seq || !rows[i].seq || rows[i].seq > INT64_MAX)
			return store_set_why(s, -EINVAL, "a record without identity");
		if (!rows[i].record.ptr || rows[i].record.len > EVENT_RECORD_MAX)
			return store_set_why(s, -EINVAL, "record %u:%llu is empty or too long",
					     rows[i].boot_seq, (unsigned long long)rows[i].seq);
	}
	return 0;
}

int store_put_events(struct store *s, const char *node, const char *host_type,
		     const struct store_event *rows, size_t n, size_t *ret_new)
{
	size_t new_rows = 0;
	int err;

	err = store_check_name(s, "node", node);
	if (!err)
		err = store_check_name(s, "node class", host_type);
	if (!err)
		err = check_events(s, rows, n);
	if (err)
		return err;
	err = write_op(s, put_all(s, node, host_type, rows, n, &new_rows));
	if (!err && ret_new)
		*ret_new = new_rows;
	return err;
}

/* --- how far a boot is here --------------------------------------------------------------------------- */

static int boot_range(struct store *s, const char *node, uint32_t boot_seq, uint64_t *ret_base,
		      uint64_t *ret_head)
{
	_sql_ struct sql q = { .s = s };
	int ret = s->limited ? s->ops->own_check(s, node) : 0;

	if (ret)
		return ret;
	if (s->limited)
		ret = sql_first(&q, "SELECT base_seq, head_seq FROM own_boots WHERE boot_seq = ?",
				U(boot_seq));
	else
		ret = sql_first(&q,
				"SELECT j.base_seq, j.head_seq FROM journals j JOIN nodes n ON "
				"n.id = j.node_id WHERE n.name = ? AND j.boot_seq = ?",
				S(node), U(boot_seq));
	if (ret < 0)
		return ret;
	*ret_base = ret ? sql_u64(&q, 0) : 0;
	*ret_head = ret ? sql_u64(&q, 1) : 0;
	return 0;
}

int store_event_head(struct store *s, const char *node, uint32_t boot_seq, uint64_t *ret_seq)
{
	uint64_t base;

	return boot_range(s, node, boot_seq, &base, ret_seq);
}

int store_event_base(struct store *s, const char *node, uint32_t boot_seq, uint64_t *ret_base_seq)
{
	uint64_t head;
	int err = store_check_name(s, "node", node);

	return err ? err : boot_range(s, node, boot_seq, ret_base_seq, &head);
}
