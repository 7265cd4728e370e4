/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

#include "store/conformance.h"

/* --- events -------------------------------------------------------------------------------------------- */

static void test_idempotency(struct store *s)
{
	struct event ev = open_event(22, 7, T0);
	struct batch b = { .len = 0 };
	size_t n;

	for (int round = 0; round < 2; round++) {
		for (uint64_t seq = 1; seq <= 3; seq++)
			add(&b, 1, seq, &ev);
		is_int(put(s, "n1", &b, &n), 0, "%s: a batch is stored", drv->name);
		is_int(n, round ? 0 : 3, "%s: a batch sent again changes nothing", drv->name);
	}
	add(&b, 1, 3, &ev);
	add(&b, 1, 3, &ev);
	add(&b, 1, 4, &ev);
	is_int(put(s, "n1", &b, &n), 0, "%s: a batch may repeat a record", drv->name);
	is_int(n, 1, "%s: only the new record counts", drv->name);
	events_are(s, (struct store_event_query){ .node = "n1" }, "n1:1:1 n1:1:2 n1:1:3 n1:1:4 ",
		   "each record is there once");
	is_int(head_of(s, "n1", 1), 4, "%s: the head is the last of them", drv->name);
}

static void test_conflict(struct store *s)
{
	struct event ev = open_event(22, 7, T0), other = open_event(23, 7, T0);
	struct batch b = { .len = 0 };

	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a record", drv->name);
	add(&b, 1, 2, &ev);
	add(&b, 1, 1, &other);
	is_int(put(s, "n1", &b, NULL), -EEXIST,
	       "%s: another record under a key that is taken is refused", drv->name);
	ok(strstr(store_why(writer(s, "n1")), "other bytes"), "%s: and the reason says so",
	   drv->name);
	events_are(s, (struct store_event_query){ .node = "n1" }, "n1:1:1 ",
		   "nothing of such a batch is kept");
	add(&b, 1, 1, &ev);
	b.rows[0].chain[5] ^= 1;
	is_int(put(s, "n1", &b, NULL), -EEXIST, "%s: so is another chain value", drv->name);
	is_int(put_one(s, "n2", 1, 1, &other), 0, "%s: another node has keys of its own",
	       drv->name);
}

static void test_head(struct store *s)
{
	struct batch b = { .len = 0 };
	struct event ev = open_event(22, 7, T0);
	struct event gap = {
		.kind = EVENT_GAP, .time_ns = T0, .from_seq = 6, .to_seq = 9, .count = 4
	};

	is_int(head_of(s, "n1", 1), 0, "%s: an unknown node has head 0", drv->name);
	is_int(put_one(s, "n1", 1, 3, &ev), 0, "%s: record 3 comes first", drv->name);
	is_int(head_of(s, "n1", 1), 0, "%s: a hole at the beginning keeps the head at 0",
	       drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: record 1", drv->name);
	is_int(head_of(s, "n1", 1), 1, "%s: the head stops before a hole", drv->name);
	is_int(put_one(s, "n1", 1, 2, &ev), 0, "%s: record 2", drv->name);
	is_int(head_of(s, "n1", 1), 3, "%s: a filled hole lets the head go on", drv->name);
	is_int(put_one(s, "n1", 1, 10, &ev), 0, "%s: record 10", drv->name);
	is_int(put_one(s, "n1", 1, 11, &gap), 0, "%s: a gap record for 6 to 9", drv->name);
	is_int(head_of(s, "n1", 1), 3, "%s: a gap record does not cover what is before it",
	       drv->name);
	is_int(put_one(s, "n1", 1, 5, &ev), 0, "%s: record 5", drv->name);
	is_int(put_one(s, "n1", 1, 4, &ev), 0, "%s: record 4", drv->name);
	is_int(head_of(s, "n1", 1), 11, "%s: a gap record stands for what it names", drv->name);
	is_int(put_one(s, "n1", 2, 1, &ev), 0, "%s: another boot", drv->name);
	is_int(head_of(s, "n1", 2), 1, "%s: each boot has a head of its own", drv->name);
	gap.from_seq = 2;
	add(&b, 2, 10, &gap);
	b.rows[0].gap_elsewhere = true;
	is_int(put(s, "n1", &b, NULL), 0, "%s: a gap record about an earlier boot", drv->name);
	is_int(head_of(s, "n1", 2), 1, "%s: leads no head of its own boot on", drv->name);
}

static void test_order(struct store *s)
{
	struct event early = open_event(22, 1, T0), late = open_event(23, 2, T0 + 100);
	struct batch b = { .len = 0 };

	add(&b, 2, 2, &late);
	add(&b, 1, 9, &early);
	add(&b, 2, 1, &early);
	is_int(put(s, "b", &b, NULL), 0, "%s: a batch in any order, of two boots", drv->name);
	is_int(put_one(s, "a", 1, 1, &late), 0, "%s: another node", drv->name);
	events_are(s, (struct store_event_query){ 0 }, "b:1:9 b:2:1 b:2:2 a:1:1 ",
		   "the order is time, then node, boot and sequence");
	events_are(s, (struct store_event_query){ .since_ns = T0 + 1 }, "b:2:2 a:1:1 ",
		   "since cuts off what is before");
	events_are(s, (struct store_event_query){ .until_ns = T0 + 100 }, "b:1:9 b:2:1 ",
		   "until cuts off from there on");
	events_are(s, (struct store_event_query){ .limit = 3 }, "b:1:9 b:2:1 b:2:2 ", "limit");
	events_are(s, (struct store_event_query){ .node = "b", .boot_seq = 2 }, "b:2:1 b:2:2 ",
		   "one boot in the order of its numbers");
	events_are(s, (struct store_event_query){ .node = "b", .boot_seq = 2, .after_seq = 1 },
		   "b:2:2 ", "behind a number");
	is_int(store_events(s, &(struct store_event_query){ .node = "zz" }, list_event, NULL),
	       -ENOENT, "%s: an unknown node is an error, not an empty answer", drv->name);
}

static int check_hostile(const struct store_event_row *row, void *arg)
{
	struct text *want = arg;

	ok(text_eq(row->raw.record, *want), "%s: the record's bytes are those that were put",
	   drv->name);
	ok(row->ev.opener.argv.len == 7 && !memcmp(row->ev.opener.argv.ptr, "a\0\xff\x1b[1\0", 7),
	   "%s: so are the arguments in it", drv->name);
	is_int(row->raw.chain[0], 1, "%s: and the chain", drv->name);
	is_int((long long)row->raw.recorded_ns, T0, "%s: and the journal's time", drv->name);
	is_int(row->verdict, VERDICT_NONE, "%s: nobody has judged it", drv->name);
	return 7;
}

static void test_hostile(struct store *s)
{
	struct event ev = open_event(22, 7, T0);
	struct batch b = { .len = 0 };
	struct buf copy = BUF_INIT(EVENT_RECORD_MAX);
	struct text want;

	ev.opener.argv = (struct text){ "a\0\xff\x1b[1\0", 7 };
	ev.opener.exe = (struct text){ "/tmp/\xc3\x28'; DROP TABLE events; --\n", 32 };
	memcpy(ev.opener.comm, "\x1b]0;x\a\xff", 8);
	add(&b, 1, 1, &ev);
	buf_put(&copy, b.bytes[0].data, b.bytes[0].len);
	want = (struct text){ copy.data, (uint32_t)copy.len };
	is_int(put(s, "n1", &b, NULL), 0, "%s: hostile text is stored", drv->name);
	is_int(store_events(s, &(struct store_event_query){ 0 }, check_hostile, &want), 7,
	       "%s: a callback's answer ends the walk and is returned", drv->name);
	buf_done(&copy);
}

static int check_unreadable(const struct store_event_row *row, void *arg)
{
	ok(row->ev.kind == 0 && row->raw.record.len == 3 && row->ev.seq == 1,
	   "%s: a record that cannot be read is kept, with kind 0", drv->name);
	(*(int *)arg)++;
	return 0;
}

static void test_bad_input(struct store *s)
{
	struct store_event e = {
		.boot_seq = 1, .seq = 1, .recorded_ns = T0, .record = TEXT("\xff?!")
	};
	size_t n;
	int seen = 0;

	is_int(store_put_events(writer(s, "n1"), "n1", "compute", &e, 1, &n), 0, "%s: rubbish",
	       drv->name);
	is_int(store_events(s, &(struct store_event_query){ 0 }, check_unreadable, &seen), 0,
	       "%s: walk", drv->name);
	is_int(seen, 1, "%s: one row", drv->name);
	e.seq = 0;
	is_int(store_put_events(writer(s, "n1"), "n1", "compute", &e, 1, &n), -EINVAL,
	       "%s: a record without identity is refused", drv->name);
	e.seq = 2;
	is_int(store_put_events(s, "", "compute", &e, 1, &n), -EINVAL,
	       "%s: so is a node without name", drv->name);
	is_int(store_put_events(s, "a\nb", "compute", &e, 1, &n), -EINVAL,
	       "%s: and one that breaks lines", drv->name);
	is_int(store_put_events(writer(s, "n1"), "n1", "compute", &e, STORE_BATCH_MAX + 1, &n),
	       -E2BIG, "%s: and a batch that is too long", drv->name);
}

static void test_ports(struct store *s)
{
	struct event start = { .kind = EVENT_START, .time_ns = T0, .reason = TEXT("A") };
	struct batch b = { .len = 0 };
	struct store_event_query q = { .port_lo = 80, .port_hi = 81 };
	uint64_t seq = 0;

	add(&b, 1, ++seq, &start);
	for (unsigned i = 0; i < 400; i++) {
		struct event ev =
			open_event(i % 100 ? 22 : (uint16_t)(79 + i / 100), i + 1, T0 + i);

		add(&b, 1, ++seq, &ev);
	}
	is_int(put(s, "n1", &b, NULL), 0, "%s: records of 22, and of 79 to 82", drv->name);
	events_are(s, q, "n1:1:1 n1:1:102 n1:1:202 ",
		   "those of some ports, and what is about no door");
	q.node = "n1";
	q.newest_first = true;
	events_are(s, q, "n1:1:202 n1:1:102 n1:1:1 ", "of a node, backwards");
	q.limit = 1;
	events_are(s, q, "n1:1:202 ", "the limit counts what is given");
	q = (struct store_event_query){ .port_hi = 22, .since_ns = T0 + 398 };
	events_are(s, q, "n1:1:400 n1:1:401 ", "from 0 on, and behind a time");
	is_int(store_events(
		       s, &(struct store_event_query){ .node = "n1", .boot_seq = 1, .port_hi = 22 },
		       list_event, NULL),
	       -EINVAL, "%s: a boot is read whole", drv->name);
}

/* The last ones first, across pages of the driver and ties, of all nodes and of one. */
static void test_backwards(struct store *s)
{
	struct batch b = { .len = 0 };
	_cleanup_(buf_done) struct buf there = BUF_INIT(1 << 20), back = BUF_INIT(1 << 20),
				       turned = BUF_INIT(1 << 20);
	const char *nodes[] = { "n1", "n2", NULL };
	uint64_t seq = 0;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 400; i++) {
			struct event ev = open_event(80, seq + 1, T0 + seq / 7);

			add(&b, round == 2 ? 2 : 1, ++seq, &ev);
		}
		is_int(put(s, nodes[round & 1], &b, NULL), 0, "%s: 400 records", drv->name);
	}
	for (size_t i = 0; i < array_len(nodes); i++) {
		struct store_event_query q = { .node = nodes[i] };

		buf_reset(&there);
		buf_reset(&back);
		buf_reset(&turned);
		ok(!store_events(s, &q, list_event, &there), "%s: forwards", drv->name);
		q.newest_first = true;
		ok(!store_events(s, &q, list_event, &back), "%s: backwards", drv->name);
		for (size_t end = there.len; end;) {
			size_t from = end - 1;

			while (from && there.data[from - 1] != ' ')
				from--;
			buf_put(&turned, there.data + from, end - from);
			end = from;
		}
		ok(turned.len && !strcmp(buf_str(&turned), buf_str(&back)),
		   "%s: backwards is forwards turned round (%s)", drv->name,
		   nodes[i] ? nodes[i] : "all");
	}
	events_are(
		s,
		(struct store_event_query){ .newest_first = true, .until_ns = T0 + 1, .limit = 2 },
		"n1:1:7 n1:1:6 ", "until is not included, the limit counts from the end");
	is_int(store_events(s,
			    &(struct store_event_query){
				    .node = "n1", .boot_seq = 1, .newest_first = true },
			    list_event, &there),
	       -EINVAL, "%s: a boot is read in its order", drv->name);
}

/* --- nodes ---------------------------------------------------------------------------------------------- */

static void test_nodes(struct store *s)
{
	struct event start = { .kind = EVENT_START, .time_ns = T0, .reason = TEXT("A \x1b") };
	struct event old = { .kind = EVENT_START, .time_ns = T0, .reason = TEXT("B") };
	struct event lost = { .kind = EVENT_LOST, .time_ns = T0, .count = 30 };
	struct event gap = {
		.kind = EVENT_GAP, .time_ns = T0, .from_seq = 1, .to_seq = 10, .count = 10
	};
	struct store_event row;
	struct batch b = { .len = 0 };
	size_t n;

	add(&b, 2, 8, &start);
	add(&b, 2, 11, &lost);
	add(&b, 2, 12, &gap);
	add(&b, 1, 1, &old);
	is_int(put(s, "n1", &b, NULL), 0, "%s: a node's records", drv->name);
	nodes_are(s, "n1 compute events=4 lost=39 tier=A \\x1b at=2:12; ",
		  "a node has totals, the newest tier and position; a gap counts what is not here");
	is_int(store_set_host_type(s, "n1", "login"), 0, "%s: a person sets the class", drv->name);
	add(&b, 1, 2, &old);
	is_int(put(s, "n1", &b, NULL), 0, "%s: the node says the same class as before", drv->name);
	nodes_are(s, "n1 login events=5 lost=39 tier=A \\x1b at=2:12; ",
		  "the person's word stands");
	add(&b, 1, 3, &old);
	row = b.rows[0];
	is_int(store_put_events(writer(s, "n1"), "n1", "gpu", &row, 1, &n), 0,
	       "%s: the node says a new class", drv->name);
	clear(&b);
	nodes_are(s, "n1 gpu events=6 lost=39 tier=A \\x1b at=2:12; ", "a new word counts");
	is_int(store_set_host_type(s, "nobody", "x"), -ENOENT, "%s: unknown node", drv->name);
}

static void test_pending(struct store *s)
{
	struct event ev = open_event(22, 7, T0);
	struct batch b = { .len = 0 };

	pending_is(s, "", "nothing is pending in an empty store");
	add(&b, 1, 1, &ev);
	add(&b, 1, 2, &ev);
	add(&b, 2, 1, &ev);
	add(&b, 2, 5, &ev);
	is_int(put(s, "n1", &b, NULL), 0, "%s: two boots", drv->name);
	pending_is(s, "n1:1:0-2 n1:2:0-5 ", "stored and not judged is pending, oldest boot first");
	is_int(store_set_judged(s, "n1", 1, 0, 2), 0, "%s: judged", drv->name);
	is_int(store_set_judged(s, "n1", 2, 0, 5), 0, "%s: judged", drv->name);
	pending_is(s, "", "what is judged is not pending");
	is_int(put_one(s, "n1", 2, 3, &ev), 0, "%s: a late record", drv->name);
	pending_is(s, "n1:2:2-5 ", "a late record takes the judgement back to before it");
	is_int(put_one(s, "n1", 2, 3, &ev), 0, "%s: the same again", drv->name);
	pending_is(s, "n1:2:2-5 ", "a repeated record does not");
	is_int(store_set_judged(s, "n1", 2, 5, 6), -ECANCELED,
	       "%s: who has read the cursor before that cannot move it", drv->name);
	pending_is(s, "n1:2:2-5 ", "and it stays there");
	is_int(store_set_judged(s, "n1", 9, 0, 1), -ENOENT, "%s: a boot the store has nothing of",
	       drv->name);
}

static int count_event(const struct store_event_row *row, void *arg)
{
	uint64_t *next = arg;

	if (row->raw.seq != *next + 1)
		return 1;
	(*next)++;
	return 0;
}

static void test_volume(struct store *s)
{
	static struct batch b;
	uint64_t seq = 0, seen = 0;
	int err = 0;

	while (!err && seq < 100000) {
		while (b.len < STORE_BATCH_MAX) {
			struct event ev = open_event((uint32_t)(seq % 60000), seq + 1, T0 + seq);

			add(&b, 1, ++seq, &ev);
		}
		err = put(s, "n1", &b, NULL);
	}
	is_int(err, 0, "%s: 100 000 records", drv->name);
	is_int((long long)head_of(s, "n1", 1), 100000, "%s: without a hole", drv->name);
	is_int(store_events(s, &(struct store_event_query){ .node = "n1", .boot_seq = 1 },
			    count_event, &seen),
	       0, "%s: read back in order", drv->name);
	is_int((long long)seen, 100000, "%s: all of them", drv->name);
}

#define CHILD_ROWS 60

static int child(int which)
{
	struct store *s = open_one();
	struct event ev = open_event(22, 7, T0);
	int err = s ? 0 : -EIO;

	/* Half of the rows are those of the other child too. */
	for (int i = 0; !err && i < CHILD_ROWS; i++)
		err = put_one(s, "n1", 1, (uint64_t)(which * CHILD_ROWS / 2 + i + 1), &ev);
	store_free(s);
	return err ? 1 : 0;
}

static void test_two_processes(struct store *s)
{
	struct store *second;
	struct pollfd p = { .events = POLLIN };
	pid_t pids[2];

	p.fd = store_notifier_fd(s);
	ok(p.fd >= 0, "%s: the store has a notifier", drv->name);
	is_int(poll(&p, 1, 0), 0, "%s: it is silent", drv->name);
	second = open_one();
	ok(second, "%s: a second handle", drv->name);
	is_int(store_setting_set(second, "a", "b"), 0, "%s: writes", drv->name);
	is_int(poll(&p, 1, 5000), 1, "%s: a commit by another handle rings", drv->name);
	store_notifier_clear(s);
	is_int(poll(&p, 1, 0), 0, "%s: once cleared it is silent", drv->name);
	setting_is(s, "a", "b", "and is seen");
	is_int(store_begin(second), 0, "%s: the second one begins", drv->name);
	is_int(store_setting_set(second, "a", "c"), 0, "%s: and writes", drv->name);
	setting_is(s, "a", "b", "what is not committed is not seen, and does not block");
	store_free(second);
	setting_is(s, "a", "b", "a handle that is closed takes back what it has not committed");
	writer(s, "n1");
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(child(i));
	}
	for (int i = 0; i < 2; i++) {
		int status = -1;

		waitpid(pids[i], &status, 0);
		is_int(status, 0, "%s: two processes write the same boot at once", drv->name);
	}
	is_int(head_of(s, "n1", 1), CHILD_ROWS * 3 / 2, "%s: nothing is missing", drv->name);
	nodes_are(s, "n1 compute events=90 lost=0 tier=- at=1:90; ", "and nothing counted twice");
}

/* What a node says was lost may be anything: it must not stop the others, nor overflow a sum. */
static void test_counts(struct store *s)
{
	const struct event lost = { .kind = EVENT_LOST, .time_ns = T0, .count = UINT64_MAX };
	const struct event half = { .kind = EVENT_LOST, .time_ns = T0, .count = INT64_MAX };
	const struct event gap = { .kind = EVENT_GAP,
				   .time_ns = T0,
				   .from_seq = 1,
				   .to_seq = UINT64_MAX,
				   .count = UINT64_MAX };
	const struct event start = { .kind = EVENT_START, .time_ns = T0, .reason = TEXT("tier A") };

	is_int(put_one(s, "n1", 1, 1, &lost), 0, "%s: a count without bounds", drv->name);
	is_int(put_one(s, "n1", 1, 2, &half), 0, "%s: the greatest with a sign", drv->name);
	is_int(put_one(s, "n1", 1, 3, &half), 0, "%s: once more", drv->name);
	is_int(put_one(s, "n1", 1, 4, &gap), 0, "%s: a gap without end", drv->name);
	is_int(put_one(s, "n1", 1, 5, &start), 0, "%s: what comes behind is taken", drv->name);
	nodes_are(s, "n1 compute events=5 lost=4611686018427387903 tier=tier A at=1:5; ",
		  "the sum has an end");
	is_int((long long)head_of(s, "n1", 1), 5, "%s: and the head goes on", drv->name);
}

/* A server compares as if there were no blanks at the end: what it refuses no store takes. */
static void test_blank(struct store *s)
{
	struct event ev = open_event(22, 1, T0);

	if (drv->nodes)
		return;
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a node", drv->name);
	is_int(put_one(s, "n1 ", 1, 1, &ev), -EINVAL,
	       "%s: a name that ends with a blank would be another's", drv->name);
	ok(strstr(store_why(s), "blank"), "%s: and says: %s", drv->name, store_why(s));
}

int main(void)
{
	static void (*const tests[])(struct store * s) = {
		test_idempotency, test_conflict, test_head,    test_order,  test_hostile,
		test_bad_input,	  test_nodes,	 test_pending, test_volume, test_backwards,
		test_ports,	  test_counts,	 test_blank,
	};

	nodes_too = true;
	return conformance(tests, array_len(tests), test_two_processes);
}
