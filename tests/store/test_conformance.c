/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/store.h"
#include "tap.h"

/* One suite for every driver: what store.h promises, tried on each. */

#define DAY_NS (86400ULL * 1000000000ULL)
#define T0 (20000 * DAY_NS)

static struct driver {
	const char *name;
	const char *uri; /* %s: a fresh folder */
	bool shared; /* two handles see one store */
} drivers[] = {
	{ "memory", "memory:", false },
	{ "sqlite", "sqlite:%s/store.db", true },
};

static const struct driver *drv;
static char uri[256], folder[128];

static struct store *open_one(void)
{
	struct store *s = NULL;
	_free_ char *why = NULL;
	int err = store_open(uri, STORE_CREATE, &s, &why);

	if (err)
		printf("# store_open: %d %s\n", err, why ? why : "");
	return s;
}

static void remove_folder(void)
{
	static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "bell" };
	char path[200];

	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
}

static struct store *fresh(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ajar-conformance-XXXXXX");
	if (!mkdtemp(folder))
		return NULL;
	if (drv->shared)
		snprintf(uri, sizeof(uri), "sqlite:%s/store.db", folder);
	else
		snprintf(uri, sizeof(uri), "%s", drv->uri);
	return open_one();
}

static void drop(struct store *s)
{
	store_free(s);
	remove_folder();
}

/* --- records ------------------------------------------------------------------------------------- */

static struct event open_event(uint32_t port, uint64_t cookie, uint64_t time_ns)
{
	return (struct event){
		.kind = EVENT_OPEN,
		.origin = ORIGIN_EVENT,
		.time_ns = time_ns,
		.boot_ns = 1,
		.door = { .proto = PROTO_TCP,
			  .family = FAMILY_INET,
			  .scope = SCOPE_ANY,
			  .port = port,
			  .netns_cookie = 1,
			  .cookie = cookie },
		.opener = { .known = true,
			    .pid = 42,
			    .comm = "nc",
			    .exe = TEXT("/usr/bin/nc"),
			    .argv = TEXT("nc\0-l\0"),
			    .uid = 1000,
			    .user = TEXT("mlee") },
	};
}

struct batch {
	struct store_event rows[STORE_BATCH_MAX];
	struct buf bytes[STORE_BATCH_MAX];
	size_t len;
};

static void add(struct batch *b, uint32_t boot, uint64_t seq, const struct event *ev)
{
	struct buf *bytes = &b->bytes[b->len];
	struct store_event *row = &b->rows[b->len++];

	*bytes = (struct buf)BUF_INIT(EVENT_RECORD_MAX);
	event_encode(ev, bytes);
	*row = (struct store_event){ .boot_seq = boot,
				     .seq = seq,
				     .recorded_ns = ev->time_ns,
				     .received_ns = ev->time_ns + 5,
				     .record = { bytes->data, (uint32_t)bytes->len } };
	memset(row->chain, (int)(seq & 0xff), SHA256_LEN);
}

static void clear(struct batch *b)
{
	for (size_t i = 0; i < b->len; i++)
		buf_done(&b->bytes[i]);
	b->len = 0;
}

static int put(struct store *s, const char *node, struct batch *b, size_t *ret_new)
{
	size_t n = 0;
	int err = store_put_events(s, node, "compute", b->rows, b->len, &n);

	if (ret_new)
		*ret_new = n;
	clear(b);
	return err;
}

static int put_one(struct store *s, const char *node, uint32_t boot, uint64_t seq,
		   const struct event *ev)
{
	struct batch b = { .len = 0 };

	add(&b, boot, seq, ev);
	return put(s, node, &b, NULL);
}

/* What a walk over events gives, as one line: "node:boot:seq ...". */
static int list_event(const struct store_event_row *row, void *arg)
{
	buf_printf(arg, "%s:%u:%llu ", row->node, row->raw.boot_seq,
		   (unsigned long long)row->raw.seq);
	return 0;
}

static void events_are(struct store *s, struct store_event_query q, const char *want,
		       const char *what)
{
	struct buf b = BUF_INIT(1 << 20);

	buf_puts(&b, "");
	if (store_events(s, &q, list_event, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static uint64_t head_of(struct store *s, const char *node, uint32_t boot)
{
	uint64_t head = UINT64_MAX;

	return store_event_head(s, node, boot, &head) ? UINT64_MAX : head;
}

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
	ok(strstr(store_why(s), "other bytes"), "%s: and the reason says so", drv->name);
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

	is_int(store_put_events(s, "n1", "compute", &e, 1, &n), 0, "%s: rubbish", drv->name);
	is_int(store_events(s, &(struct store_event_query){ 0 }, check_unreadable, &seen), 0,
	       "%s: walk", drv->name);
	is_int(seen, 1, "%s: one row", drv->name);
	e.seq = 0;
	is_int(store_put_events(s, "n1", "compute", &e, 1, &n), -EINVAL,
	       "%s: a record without identity is refused", drv->name);
	e.seq = 2;
	is_int(store_put_events(s, "", "compute", &e, 1, &n), -EINVAL,
	       "%s: so is a node without name", drv->name);
	is_int(store_put_events(s, "a\nb", "compute", &e, 1, &n), -EINVAL,
	       "%s: and one that breaks lines", drv->name);
	is_int(store_put_events(s, "n1", "compute", &e, STORE_BATCH_MAX + 1, &n), -E2BIG,
	       "%s: and a batch that is too long", drv->name);
}

/* --- nodes ---------------------------------------------------------------------------------------------- */

static int list_node(const struct store_node *n, void *arg)
{
	buf_printf(arg, "%s %s events=%llu lost=%llu tier=%s at=%u:%llu; ", n->name, n->host_type,
		   (unsigned long long)n->events, (unsigned long long)n->lost,
		   n->tier ? n->tier : "-", n->boot_seq, (unsigned long long)n->seq);
	return 0;
}

static void nodes_are(struct store *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	if (store_nodes(s, list_node, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

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
	is_int(store_put_events(s, "n1", "gpu", &row, 1, &n), 0, "%s: the node says a new class",
	       drv->name);
	clear(&b);
	nodes_are(s, "n1 gpu events=6 lost=39 tier=A \\x1b at=2:12; ", "a new word counts");
	is_int(store_set_host_type(s, "nobody", "x"), -ENOENT, "%s: unknown node", drv->name);
}

static int list_pending(const struct store_pending *p, void *arg)
{
	buf_printf(arg, "%s:%u:%llu-%llu ", p->node, p->boot_seq, (unsigned long long)p->judged_seq,
		   (unsigned long long)p->stored_seq);
	return 0;
}

static void pending_is(struct store *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_pending(s, list_pending, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
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
	is_int(store_set_judged(s, "n1", 1, 2), 0, "%s: judged", drv->name);
	is_int(store_set_judged(s, "n1", 2, 5), 0, "%s: judged", drv->name);
	pending_is(s, "", "what is judged is not pending");
	is_int(put_one(s, "n1", 2, 3, &ev), 0, "%s: a late record", drv->name);
	pending_is(s, "n1:2:2-5 ", "a late record takes the judgement back to before it");
	is_int(put_one(s, "n1", 2, 3, &ev), 0, "%s: the same again", drv->name);
	pending_is(s, "n1:2:2-5 ", "a repeated record does not");
	is_int(store_set_judged(s, "n1", 9, 1), -ENOENT, "%s: a boot the store has nothing of",
	       drv->name);
}

/* --- doors ---------------------------------------------------------------------------------------------- */

static int list_door(const struct store_door *d, void *arg)
{
	buf_printf(arg, "%s:%u:%s ", d->node, d->door.port, d->ev.opener.comm);
	return 0;
}

static void doors_are(struct store *s, struct store_door_query q, const char *want,
		      const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_doors(s, &q, list_door, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static int put_door(struct store *s, uint32_t port, uint64_t cookie, uint64_t opened_ns,
		    const char *key)
{
	struct event ev = open_event(port, cookie, opened_ns);
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_door d = { .node = "n1",
				.boot_seq = 1,
				.door = ev.door,
				.open_seq = cookie,
				.opened_ns = opened_ns,
				.verdict = VERDICT_UNEXPECTED,
				.severity = SEVERITY_CRITICAL,
				.alert_key = key };
	int err;

	d.door.addr[0] = 127;
	d.door.addr[3] = 1;
	d.door.v6only = true;
	event_encode(&ev, &b);
	d.record = (struct text){ b.data, (uint32_t)b.len };
	err = store_put_door(s, &d);
	buf_done(&b);
	return err;
}

static int check_door(const struct store_door *d, void *arg)
{
	(void)arg;
	ok(d->door.addr[0] == 127 && d->door.addr[3] == 1 && d->door.v6only &&
		   d->door.netns_cookie == 1 && d->door.proto == PROTO_TCP,
	   "%s: a door comes back as it was put", drv->name);
	ok(d->verdict == VERDICT_UNEXPECTED && d->severity == SEVERITY_CRITICAL &&
		   !strcmp(d->alert_key, "k1") && !strcmp(d->host_type, "compute"),
	   "%s: with its judgement", drv->name);
	return 0;
}

static int check_verdict(const struct store_event_row *row, void *arg)
{
	(void)arg;
	is_int(row->verdict, VERDICT_UNEXPECTED, "%s: an event carries its door's verdict",
	       drv->name);
	return 0;
}

static void test_doors(struct store *s)
{
	struct event ev = open_event(22, 1, T0);
	uint64_t open = 9, last = 9;
	bool found;

	is_int(put_door(s, 22, 1, T0, NULL), -ENOENT, "%s: a door needs its node", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a node", drv->name);
	is_int(put_door(s, 22, 1, T0, "k1"), 0, "%s: a door", drv->name);
	is_int(put_door(s, 23, 2, T0 + 10, "k1"), 0, "%s: another one", drv->name);
	is_int(put_door(s, 24, 3, T0 + 20, NULL), 0, "%s: a third one", drv->name);
	is_int(store_door_get(s, "n1", 1, &ev.door, check_door, NULL), 0, "%s: one door",
	       drv->name);
	is_int(store_events(s, &(struct store_event_query){ 0 }, check_verdict, NULL), 0,
	       "%s: walk", drv->name);
	doors_are(s, (struct store_door_query){ .open_only = true }, "n1:22:nc n1:23:nc n1:24:nc ",
		  "open doors in the order of opening");
	ev.door.cookie = 2;
	is_int(store_close_door(s, "n1", 1, &ev.door, 9, T0 + 30, &found), 0, "%s: one closes",
	       drv->name);
	ok(found, "%s: it was open", drv->name);
	is_int(store_close_door(s, "n1", 1, &ev.door, 9, T0 + 40, &found), 0, "%s: again",
	       drv->name);
	ok(!found, "%s: then it was not", drv->name);
	doors_are(s, (struct store_door_query){ .open_only = true }, "n1:22:nc n1:24:nc ",
		  "a closed door is not open");
	doors_are(s, (struct store_door_query){ .node = "n1" }, "n1:22:nc n1:23:nc n1:24:nc ",
		  "a closed door is still known");
	doors_are(s, (struct store_door_query){ .at_ns = T0 + 10 }, "n1:22:nc n1:23:nc ",
		  "what stood open at a time");
	doors_are(s, (struct store_door_query){ .at_ns = T0 + 30 }, "n1:22:nc n1:24:nc ",
		  "at its closing a door is closed");
	doors_are(s, (struct store_door_query){ .alert_key = "k1" }, "n1:22:nc n1:23:nc ",
		  "the doors of an alert");
	doors_are(s,
		  (struct store_door_query){ .alert_key = "k1", .open_only = true, .node = "n1" },
		  "n1:22:nc ", "the open doors of an alert");
	is_int(store_key_doors(s, "k1", &open, &last), 0, "%s: counted", drv->name);
	ok(open == 1 && last == T0 + 30, "%s: one open, the last closing", drv->name);
	is_int(put_door(s, 2222, 1, T0, "k1"), 0, "%s: put again under its key", drv->name);
	doors_are(s, (struct store_door_query){ .open_only = true, .boot_seq = 1 },
		  "n1:2222:nc n1:24:nc ", "a door put again replaces the old one");
	doors_are(s, (struct store_door_query){ .boot_seq = 2 }, "", "another boot has none");
}

/* --- profiles -------------------------------------------------------------------------------------------- */

static int list_type(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		     uint64_t nodes, void *arg)
{
	buf_printf(arg, "%s:%s:%llu:%llu:%s ", host_type, accepted ? "accepted" : "learning",
		   (unsigned long long)rows, (unsigned long long)nodes, accepted_ns ? "t" : "0");
	return 0;
}

static void types_are(struct store *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_host_types(s, list_type, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_profiles(struct store *s)
{
	struct event ev = open_event(22, 1, T0);
	char ssh[] = "ssh", exe[] = "/usr/sbin/sshd", learned[] = "learned";
	struct profile_row rows[] = {
		{ .port = 22, .proto = PROTO_TCP, .service = ssh, .exe = exe, .origin = learned },
		{ .port = 8000,
		  .port_end = 8100,
		  .proto = PROTO_UDP,
		  .scope = SCOPE_LOOPBACK,
		  .origin = learned },
		{ .port = 22, .proto = PROTO_TCP, .service = ssh, .exe = exe, .origin = learned },
	};
	_cleanup_(profile_freep) struct profile *p = NULL;
	uint64_t before, after;
	size_t n;

	is_int(store_profile_get(s, "compute", &p), -ENOENT, "%s: no such class", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a node", drv->name);
	types_are(s, "compute:learning:0:1:0 ", "a node's class is learning");
	is_int(store_profile_get(s, "compute", &p), 0, "%s: its profile", drv->name);
	ok(p && !p->accepted && !p->rows_len, "%s: is empty and not accepted", drv->name);
	profile_free(take_ptr(p));
	is_int(store_profile_revision(s, &before), 0, "%s: revision", drv->name);
	is_int(store_profile_add(s, "compute", rows, 3, false, T0, &n), 0, "%s: rows", drv->name);
	is_int((long long)n, 2, "%s: equal rows are one", drv->name);
	is_int(store_profile_revision(s, &after), 0, "%s: revision", drv->name);
	ok(after > before, "%s: a change moves the revision", drv->name);
	types_are(s, "compute:learning:2:1:0 ", "learned rows alone do not end the learning");
	before = after;
	is_int(store_profile_add(s, "compute", rows, 3, true, T0, &n), 0, "%s: accept", drv->name);
	is_int((long long)n, 0, "%s: nothing new", drv->name);
	types_are(s, "compute:accepted:2:1:t ", "accepting does");
	is_int(store_profile_revision(s, &after), 0, "%s: revision", drv->name);
	ok(after > before, "%s: so does accepting", drv->name);
	before = after;
	is_int(store_profile_add(s, "compute", rows, 3, true, T0, &n), 0, "%s: again", drv->name);
	is_int(store_profile_revision(s, &after), 0, "%s: revision", drv->name);
	ok(after == before, "%s: no change does not move it", drv->name);
	is_int(store_profile_get(s, "compute", &p), 0, "%s: the profile", drv->name);
	ok(p->accepted && p->rows_len == 2, "%s: has them", drv->name);
	is_str(p->rows[0].exe, exe, "%s: the executable", drv->name);
	ok(!p->rows[0].user && p->rows[0].scope == 0, "%s: what is not given is any", drv->name);
	is_str(p->rows[0].origin, "learned", "%s: the origin", drv->name);
	ok(p->rows[1].port == 8000 && p->rows[1].port_end == 8100 &&
		   p->rows[1].proto == PROTO_UDP && p->rows[1].scope == SCOPE_LOOPBACK &&
		   p->rows[1].created_ns == T0,
	   "%s: range, protocol, scope and time", drv->name);
	rows[0].origin = NULL;
	is_int(store_profile_add(s, "login", rows, 1, false, T0, &n), 0, "%s: by hand", drv->name);
	types_are(s, "compute:accepted:2:1:t login:accepted:1:0:t ",
		  "a row by hand is a person's word: it ends the learning");
	rows[1].port_end = 7;
	is_int(store_profile_add(s, "x", rows, 2, false, T0, &n), -EINVAL,
	       "%s: a range that ends before it begins", drv->name);
	types_are(s, "compute:accepted:2:1:t login:accepted:1:0:t ", "leaves nothing behind");
	before = after;
	is_int(store_set_host_type(s, "n1", "login"), 0, "%s: a node moves", drv->name);
	is_int(store_profile_revision(s, &after), 0, "%s: revision", drv->name);
	ok(after > before, "%s: a node in another class moves the revision", drv->name);
}

/* --- alerts ------------------------------------------------------------------------------------------- */

static int list_alert(const struct store_alert *a, void *arg)
{
	buf_printf(arg, "%s:%d:%d:%llu:%llu-%llu ", a->key, a->state, a->severity,
		   (unsigned long long)a->count, (unsigned long long)a->first_ns,
		   (unsigned long long)a->last_ns);
	return 0;
}

static int list_change(const struct store_alert_change *c, void *arg)
{
	buf_printf(arg, "%s:%d:%s:%s:%s:%u ", c->alert.key, c->state, c->who, c->note,
		   c->alert.summary, c->alert.record.len);
	return 0;
}

static void alerts_are(struct store *s, struct store_alert_query q, const char *want,
		       const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_alerts(s, &q, list_alert, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void changes_are(struct store *s, uint64_t after, uint64_t since, uint64_t until,
			uint32_t limit, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_alert_changes(s, after, since, until, limit, list_change, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_alerts(struct store *s)
{
	struct store_alert a = { .key = "k1",
				 .kind = FINDING_UNEXPECTED,
				 .severity = SEVERITY_CRITICAL,
				 .state = ALERT_OPEN,
				 .host_type = "compute",
				 .nodes = "n1",
				 .count = 1,
				 .proto = PROTO_TCP,
				 .port = 4444,
				 .summary = "first",
				 .why = "w",
				 .remedy = "r",
				 .first_ns = 100,
				 .last_ns = 100,
				 .boot_seq = 1,
				 .seq = 2,
				 .node = "n1",
				 .record = TEXT("rec") };
	uint64_t id = 0, id2 = 0, id3 = 0, log1, log2, log3, cursor = 5;
	struct buf b = BUF_INIT(4096);

	is_int(store_alert_get(s, "k1", list_alert, &b), -ENOENT, "%s: no such alert", drv->name);
	is_int(store_put_alert(s, &a, "monitor", "", 1000, &id, &log1), 0, "%s: opened", drv->name);
	a.id = id;
	a.state = ALERT_RESOLVED;
	a.summary = "second";
	a.first_ns = 150;
	is_int(store_put_alert(s, &a, "monitor", "gone", 2000, &id2, &log2), 0, "%s: resolved",
	       drv->name);
	ok(id2 == id && log2 > log1, "%s: one alert a key; its log grows", drv->name);
	alerts_are(s, (struct store_alert_query){ 0 }, "", "a resolved alert is not shown");
	alerts_are(s, (struct store_alert_query){ .all = true }, "k1:5:3:1:100-100 ",
		   "unless all are asked for; the first time stays");
	a.state = ALERT_OPEN;
	a.count = 3;
	a.last_ns = 300;
	a.record = (struct text){ 0 };
	is_int(store_put_alert(s, &a, "mlee", "again", 3000, &id2, &log3), 0, "%s: re-opened",
	       drv->name);
	a.key = "k2";
	a.last_ns = 400;
	a.first_ns = 400;
	is_int(store_put_alert(s, &a, NULL, NULL, 4000, &id3, NULL), 0, "%s: another one",
	       drv->name);
	ok(id3 != id, "%s: another key is another alert", drv->name);
	alerts_are(s, (struct store_alert_query){ 0 }, "k2:1:3:3:400-400 k1:1:3:3:100-300 ",
		   "newest first");
	alerts_are(s, (struct store_alert_query){ .id = id }, "k1:1:3:3:100-300 ", "by number");
	alerts_are(s, (struct store_alert_query){ .since_ns = 1500, .until_ns = 2500 },
		   "k1:1:3:3:100-300 ", "what changed in a time, although it changed later too");
	changes_are(s, 0, 0, 0, 0,
		    "k1:1:monitor::first:3 k1:5:monitor:gone:second:3 k1:1:mlee:again:second:0 "
		    "k2:1:::second:0 ",
		    "the log has each change as it stood then");
	changes_are(s, log1, 0, 0, 2, "k1:5:monitor:gone:second:3 k1:1:mlee:again:second:0 ",
		    "behind a number, with a limit");
	changes_are(s, 0, 2000, 3000, 0, "k1:5:monitor:gone:second:3 ", "by time");
	is_int(store_touch_alert(s, "k1", 7, 500), 0, "%s: touched", drv->name);
	alerts_are(s, (struct store_alert_query){ .id = id }, "k1:1:3:7:100-500 ",
		   "a touch changes count and time");
	changes_are(s, log3, 0, 0, 0, "k2:1:::second:0 ", "and writes no log");
	is_int(store_touch_alert(s, "k9", 7, 500), -ENOENT, "%s: nothing to touch", drv->name);
	is_int(store_sink_cursor_get(s, "exec", &cursor), 0, "%s: a cursor", drv->name);
	is_int((long long)cursor, 0, "%s: a new sink begins at 0", drv->name);
	is_int(store_sink_cursor_set(s, "exec", log2), 0, "%s: set", drv->name);
	is_int(store_sink_cursor_get(s, "exec", &cursor), 0, "%s: get", drv->name);
	ok(cursor == log2, "%s: a cursor is kept", drv->name);
	buf_done(&b);
}

/* --- settings, transactions, other handles --------------------------------------------------------------- */

static void setting_is(struct store *s, const char *name, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);
	int err = store_setting_get(s, name, &b);

	is_str(err == -ENOENT ? NULL : buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void test_settings(struct store *s)
{
	setting_is(s, "colour", NULL, "a setting that was never set");
	is_int(store_setting_set(s, "colour", "red"), 0, "%s: set", drv->name);
	is_int(store_setting_set(s, "colour", "it's \"blue\""), 0, "%s: set again", drv->name);
	setting_is(s, "colour", "it's \"blue\"", "the last value counts");
}

static void test_transactions(struct store *s)
{
	struct event ev = open_event(22, 7, T0), other = open_event(23, 7, T0);

	is_int(store_commit(s), -EINVAL, "%s: nothing to commit", drv->name);
	is_int(store_begin(s), 0, "%s: begin", drv->name);
	is_int(store_begin(s), -EALREADY, "%s: transactions do not nest", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a record in it", drv->name);
	is_int(store_setting_set(s, "a", "1"), 0, "%s: and a setting", drv->name);
	events_are(s, (struct store_event_query){ 0 }, "n1:1:1 ", "it sees its own writes");
	store_rollback(s);
	events_are(s, (struct store_event_query){ 0 }, "", "a rollback takes back all of it");
	setting_is(s, "a", NULL, "the setting too");
	nodes_are(s, "", "and the node");
	is_int(store_begin(s), 0, "%s: begin", drv->name);
	is_int(put_one(s, "n1", 1, 1, &ev), 0, "%s: a record", drv->name);
	is_int(put_one(s, "n1", 1, 1, &other), -EEXIST, "%s: a failure in a transaction",
	       drv->name);
	is_int(store_setting_set(s, "a", "2"), 0, "%s: takes back only itself", drv->name);
	is_int(store_commit(s), 0, "%s: commit", drv->name);
	events_are(s, (struct store_event_query){ 0 }, "n1:1:1 ", "what was before it is kept");
	setting_is(s, "a", "2", "and what came after it");
}

/* A callback may write, and may ask again. */
static int write_inside(const struct store_event_row *row, void *arg)
{
	struct store *s = arg;
	struct buf b = BUF_INIT(4096);
	int err = store_events(s, &(struct store_event_query){ .node = row->node }, list_event, &b);

	if (!err)
		err = put_door(s, row->ev.door.port, row->raw.seq, T0, "k");
	if (!err)
		err = store_set_judged(s, row->node, row->raw.boot_seq, row->raw.seq);
	buf_done(&b);
	return err;
}

static void test_nesting(struct store *s)
{
	struct batch b = { .len = 0 };

	for (uint64_t seq = 1; seq <= 5; seq++) {
		struct event ev = open_event((uint32_t)(20 + seq), seq, T0 + seq);

		add(&b, 1, seq, &ev);
	}
	is_int(put(s, "n1", &b, NULL), 0, "%s: five doors", drv->name);
	is_int(store_begin(s), 0, "%s: begin", drv->name);
	is_int(store_events(s, &(struct store_event_query){ .node = "n1", .boot_seq = 1 },
			    write_inside, s),
	       0, "%s: a callback writes and reads while the walk goes on", drv->name);
	is_int(store_commit(s), 0, "%s: commit", drv->name);
	doors_are(s, (struct store_door_query){ .open_only = true },
		  "n1:21:nc n1:22:nc n1:23:nc n1:24:nc n1:25:nc ", "all five were judged");
	pending_is(s, "", "nothing is left to judge");
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

	p.fd = store_bell_fd(s);
	ok(p.fd >= 0, "%s: the store has a bell", drv->name);
	is_int(poll(&p, 1, 0), 0, "%s: it is silent", drv->name);
	second = open_one();
	ok(second, "%s: a second handle", drv->name);
	is_int(store_setting_set(second, "a", "b"), 0, "%s: writes", drv->name);
	is_int(poll(&p, 1, 5000), 1, "%s: a commit by another handle rings", drv->name);
	store_bell_clear(s);
	is_int(poll(&p, 1, 0), 0, "%s: once cleared it is silent", drv->name);
	setting_is(s, "a", "b", "and is seen");
	is_int(store_begin(second), 0, "%s: the second one begins", drv->name);
	is_int(store_setting_set(second, "a", "c"), 0, "%s: and writes", drv->name);
	setting_is(s, "a", "b", "what is not committed is not seen, and does not block");
	store_free(second);
	setting_is(s, "a", "b", "a handle that is closed takes back what it has not committed");
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

static void each(void (*test)(struct store *s))
{
	struct store *s = fresh();

	if (!ok(s, "%s: a fresh store opens", drv->name))
		return;
	test(s);
	drop(s);
}

int main(void)
{
	for (size_t i = 0; i < array_len(drivers); i++) {
		drv = &drivers[i];
		each(test_idempotency);
		each(test_conflict);
		each(test_head);
		each(test_order);
		each(test_hostile);
		each(test_bad_input);
		each(test_nodes);
		each(test_pending);
		each(test_doors);
		each(test_profiles);
		each(test_alerts);
		each(test_settings);
		each(test_transactions);
		each(test_nesting);
		each(test_volume);
		if (drv->shared)
			each(test_two_processes);
	}
	return tap_done();
}
