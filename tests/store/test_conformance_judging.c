/* SPDX-License-Identifier: GPL-2.0 */
#include "store/conformance.h"
#include "store/health.h"
#include "store/sql.h"

/* What is left to judge and what cannot be, as store/judging.h promises it. */

static int list_behind(const struct store_behind *b, void *arg)
{
	buf_printf(arg, "%s %s records=%llu oldest=%s boot=%u:%llu '%s'; ", b->node, b->host_type,
		   (unsigned long long)b->records, b->received_ns ? "known" : "-", b->failed_boot,
		   (unsigned long long)b->failed_seq, b->failed_ns ? b->failed_why : "");
	return 0;
}

static void behind_is(struct store *s, const char *node, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_behind(s, node, list_behind, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static int keep_refused(const struct store_health_row *r, void *arg)
{
	*(uint64_t *)arg = r->refused;
	return 0;
}

static void test_clocks(struct store *s)
{
	struct store_health h = { .installation = { 1 },
				  .session = { 1 },
				  .host = "h",
				  .boot_id = "",
				  .version = "1",
				  .sensor = "",
				  .wall_ns = T0,
				  .rtt_ns = 7 };
	struct event ev = open_event(22, 7, T0);
	struct store_clocks c = { 1, 1, 1 };
	struct store_health_reply r;
	uint64_t received = 1;

	ok(!store_clocks(s, "clock", &c) && !c.wall_ns && !c.rtt_ns && !c.received_ns,
	   "%s: a node that is not there has no clock", drv->name);
	ok(!store_event_received(s, "clock", 1, 1, &received) && !received, "%s: and no record",
	   drv->name);
	is_int(store_put_health(s, "clock", "compute", &h, 0, &r), 0, "%s: it reports", drv->name);
	ok(!store_clocks(s, "clock", &c) && c.wall_ns == T0 && c.rtt_ns == 7 &&
		   c.received_ns == r.server_ns,
	   "%s: its clock, beside the store's", drv->name);
	is_int(put_one(s, "clock", 1, 3, &ev), 0, "%s: and sends a record", drv->name);
	ok(!store_event_received(s, "clock", 1, 3, &received) && received == T0 + 5,
	   "%s: which came then", drv->name);
	ok(!store_event_received(s, "clock", 1, 2, &received) && !received, "%s: another did not",
	   drv->name);
}

static int list_start(const struct store_event_row *row, void *arg)
{
	buf_printf(arg, "%s %u:%llu from %llu; ", row->node, row->raw.boot_seq,
		   (unsigned long long)row->raw.seq, (unsigned long long)row->ev.from_seq);
	return 0;
}

static void starts_are(struct store *s, uint32_t boot_seq, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_later_starts(s, "n1", boot_seq, list_start, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_starts(struct store *s)
{
	struct event start = {
		.kind = EVENT_START, .time_ns = T0, .from_seq = 1, .reason = TEXT("A")
	};
	struct event ev = open_event(22, 7, T0);

	starts_are(s, 1, "", "a node that is not there has not begun");
	is_int(put_one(s, "n1", 1, 1, &start), 0, "%s: a boot begins", drv->name);
	is_int(put_one(s, "n1", 2, 1, &ev), 0, "%s: the next has a door", drv->name);
	is_int(put_one(s, "n1", 2, 2, &start), 0, "%s: and begins", drv->name);
	is_int(put_one(s, "n1", 3, 1, &start), 0, "%s: as does a third", drv->name);
	is_int(put_one(s, "n2", 2, 1, &start), 0, "%s: and one of another node", drv->name);
	starts_are(s, 1, "", "what is not judged has not begun");
	is_int(store_set_judged(s, "n1", 2, 0, 1), 0, "%s: the door is judged", drv->name);
	starts_are(s, 1, "", "nor has what lies behind it");
	is_int(store_set_judged(s, "n1", 2, 1, 2), 0, "%s: then its start", drv->name);
	is_int(store_set_judged(s, "n1", 3, 0, 1), 0, "%s: and the other", drv->name);
	starts_are(s, 1, "n1 2:2 from 1; n1 3:1 from 1; ", "later boots, oldest first");
	starts_are(s, 2, "n1 3:1 from 1; ", "behind a boot only those after it");
	starts_are(s, 3, "", "and behind the last none");
}

static void test_behind(struct store *s)
{
	struct event ev = open_event(22, 7, T0);
	uint64_t refused = 0;

	behind_is(s, NULL, "", "in an empty store nobody is behind");
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a record", drv->name);
	is_int(put_one(s, "n1", 2, 3, &ev), 0, "%s: and one of the next boot", drv->name);
	is_int(put_one(s, "n2", 1, 1, &ev), 0, "%s: and one of another node", drv->name);
	behind_is(s, NULL,
		  "n1 compute records=4 oldest=known boot=0:0 ''; n2 compute records=1 "
		  "oldest=known boot=0:0 ''; ",
		  "a node's boots are one row");
	behind_is(s, "n2", "n2 compute records=1 oldest=known boot=0:0 ''; ", "of one node");
	is_int(store_judge_failed(s, "n1", 2, "a \x1b[1m door"), 0, "%s: a boot fails", drv->name);
	behind_is(s, "n1", "n1 compute records=4 oldest=known boot=2:0 'a \\x1b[1m door'; ",
		  "which and why is kept, escaped");
	is_int(store_judge_refused(s, "n1", 2, 3), 0, "%s: a record is refused", drv->name);
	is_int(store_judge_refused(s, "n1", 2, 3), 0, "%s: the same again", drv->name);
	ok(!store_health(s, "n1", false, keep_refused, &refused) && refused == 1,
	   "%s: it counts once", drv->name);
	is_int(store_set_judged(s, "n1", 2, 0, 3), 0, "%s: it is judged", drv->name);
	behind_is(s, "n1", "n1 compute records=1 oldest=known boot=0:0 ''; ",
		  "what is judged does not fail");
	is_int(store_set_judged(s, "n1", 1, 0, 1), 0, "%s: the rest", drv->name);
	behind_is(s, NULL, "n2 compute records=1 oldest=known boot=0:0 ''; ",
		  "and the node is behind no more");
}

static int keep_first(const struct store_pending *p, void *arg)
{
	struct store_pending *kept = arg;

	*kept = *p;
	kept->node = kept->host_type = NULL;
	return 1;
}

/* A claim that no row shows, as an account of an older version's store may have left it. */
static void claim(struct store *s, uint64_t node_id, uint64_t stored_seq)
{
	is_int(sql_run(s, NULL,
		       "INSERT INTO journals (node_id, boot_seq, stored_seq) VALUES (?, 7, ?)",
		       U(node_id), U(stored_seq)),
	       0, "%s: a boot is said to have records that are not there", drv->name);
}

static void test_claims(struct store *s)
{
	struct event ev = open_event(22, 7, T0);
	struct store_pending p = { 0 };

	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a record", drv->name);
	is_int(store_pending(s, keep_first, &p), 1, "%s: it waits", drv->name);
	is_int(store_judge_mend(s, &p), -ECANCELED, "%s: what has a row is not dropped", drv->name);
	is_int(store_set_judged(s, "n1", 1, 0, 1), 0, "%s: it is judged", drv->name);
	claim(s, p.node_id, INT64_MAX - 1);
	behind_is(s, NULL, "", "a claim without a row waits for nothing");
	is_int(store_pending(s, keep_first, &p), 1, "%s: but is looked at", drv->name);
	p.stored_seq--;
	is_int(store_judge_mend(s, &p), -ECANCELED, "%s: not if it has changed since", drv->name);
	p.stored_seq++;
	is_int(store_judge_mend(s, &p), 0, "%s: once", drv->name);
	is_int(store_pending(s, keep_first, &p), 0, "%s: and then no more", drv->name);
	is_int(put_one(s, "n1", 7, 3, &ev), 0, "%s: a record of that boot", drv->name);
	is_int(store_pending(s, keep_first, &p), 1, "%s: waits to be judged", drv->name);
	ok(p.boot_seq == 7 && !p.judged_seq && p.stored_seq == 3, "%s: as what it is", drv->name);
}

static void test_bounds(struct store *s)
{
	struct event ev = open_event(22, 7, T0);
	struct store_door d = { .node = "n1", .boot_seq = 1, .door = ev.door, .open_seq = 1 };
	bool found;

	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a record", drv->name);
	is_int(store_put_door(s, &d), -ERANGE, "%s: a door that opened at no time", drv->name);
	is_int(store_close_door(s, "n1", 1, &ev.door, 2, UINT64_MAX, &found), -ERANGE,
	       "%s: one that closes beyond all times", drv->name);
}

/* A shipper writes when a record that cannot be read was made: whatever it says, the judge gets it. */
static void test_times(struct store *s)
{
	static const uint64_t times[] = {
		0, 1, INT64_MAX - 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX
	};
	const struct store_event_query q = { .node = "n1", .boot_seq = 1 };
	struct event ev = open_event(22, 7, T0);
	struct batch b = { .len = 0 };

	for (unsigned i = 0; i < array_len(times); i++) {
		add(&b, 1, i + 1, &ev);
		b.rows[i].record = TEXT("x");
		b.rows[i].recorded_ns = times[i];
	}
	is_int(put(s, "n1", &b, NULL), 0, "%s: records of any time", drv->name);
	events_are(s, q, "n1:1:1 n1:1:2 n1:1:3 n1:1:4 n1:1:5 n1:1:6 n1:1:7 ",
		   "whoever asks for a boot's records gets them all");
}

#define BOOTS 256

static void test_boots(struct store *s)
{
	struct event ev = open_event(22, 7, T0);
	struct batch b = { .len = 0 };

	for (uint32_t boot = 1; boot <= BOOTS; boot++)
		add(&b, boot, 1, &ev);
	is_int(put(s, "n1", &b, NULL), 0, "%s: %d boots that nobody has judged", drv->name, BOOTS);
	is_int(put_one(s, "n1", BOOTS + 1, 1, &ev), -EBUSY, "%s: one more has to wait", drv->name);
	is_int(put_one(s, "n1", BOOTS, 2, &ev), 0, "%s: those that are there go on", drv->name);
	is_int(put_one(s, "n2", 1, 1, &ev), 0, "%s: another node is not held", drv->name);
	is_int(store_set_judged(s, "n1", 1, 0, 1), 0, "%s: the first is judged", drv->name);
	is_int(put_one(s, "n1", BOOTS + 1, 1, &ev), 0, "%s: and there is room", drv->name);
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_clocks, test_starts, test_behind,
							   test_claims, test_bounds, test_times,
							   test_boots };

	return conformance(tests, array_len(tests), NULL);
}
