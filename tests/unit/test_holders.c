/* SPDX-License-Identifier: GPL-2.0 */
#include "core/holders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tap.h"

static struct process a_process(uint32_t pid, const char *exe, uint32_t uid)
{
	struct process p = { .known = true, .pid = pid, .tid = pid, .uid = uid, .alike = 1 };

	snprintf(p.comm, sizeof(p.comm), "p");
	p.exe = text_of(exe);
	p.start_ns = pid * UINT64_C(1000000000);
	p.cgroup = TEXT("/system.slice/a.service");
	return p;
}

static struct event an_event(enum event_kind kind, struct process opener)
{
	return (struct event){ .kind = kind,
			       .time_ns = 1,
			       .origin = kind == EVENT_HELD ? ORIGIN_SWEEP : ORIGIN_EVENT,
			       .door = { .proto = PROTO_TCP, .family = FAMILY_INET, .port = 80 },
			       .opener = opener };
}

static void test_list(void)
{
	struct buf b = BUF_INIT(HOLDERS_BYTES_MAX), rec = BUF_INIT(EVENT_RECORD_MAX);
	struct event ev = an_event(EVENT_HELD, a_process(1, "/usr/bin/a", 0)), got;
	struct process p = a_process(2, "/usr/bin/b", 33);
	struct text list;

	p.alike = 4;
	p.cgroup = TEXT("/docker/0123456789012345678901234567890123456789012345678901234567890123");
	holders_put(&ev.holders, &b, &p);
	p = a_process(3, "/usr/bin/c", 0);
	holders_put(&ev.holders, &b, &p);
	event_encode(&ev, &rec);
	is_int(rec.err, 0, "an event with holders is encoded");
	is_int(event_decode(rec.data, rec.len, &got), 0, "and decoded");
	ok(got.kind == EVENT_HELD && got.holders.known && got.holders.len == 2 && !got.holders.more,
	   "it knows how many there are");
	list = got.holders.list;
	ok(holders_next(&list, &p) && p.pid == 2 && p.uid == 33 && p.alike == 4 &&
		   text_is(p.exe, "/usr/bin/b") && p.container.len == 64,
	   "the first comes back whole, with its own place");
	ok(holders_next(&list, &p) && p.pid == 3 && !p.container.ptr, "so does the second");
	ok(!holders_next(&list, &p), "and that is all");
	ok(holders_same(&ev.holders, &got.holders), "the two lists are the same");
	for (size_t n = 0; n < rec.len; n++) {
		/* What ends early is refused or read as far as it goes; the sanitizers watch. */
		(void)!event_decode(rec.data, n, &got);
	}
	buf_done(&b);
	buf_done(&rec);
}

static void test_limit(void)
{
	struct buf b = BUF_INIT(HOLDERS_BYTES_MAX), rec = BUF_INIT(EVENT_RECORD_MAX);
	struct event ev = an_event(EVENT_HELD, a_process(1, "/usr/bin/a", 0));
	struct process each[HOLDERS_JUDGED_MAX], p;
	static char path[4096];
	char exe[32];
	size_t n;

	for (uint32_t i = 0; i < HOLDERS_MAX + 1; i++) {
		snprintf(exe, sizeof(exe), "/usr/bin/x%u", i);
		p = a_process(10 + i, exe, 0);
		holders_put(&ev.holders, &b, &p);
	}
	is_int(ev.holders.len, HOLDERS_MAX, "a list has so many entries");
	is_int(ev.holders.more, 1, "what is beyond is counted");
	n = holders_judged(&ev, each);
	is_int(n, HOLDERS_MAX + 1, "and judged, too");
	ok(!each[n - 1].known, "as somebody of whom nothing is known");
	memset(path, 'x', sizeof(path) - 1);
	ev.holders = (struct holders){ 0 };
	buf_reset(&b);
	p = a_process(2, path, 0);
	ok(holders_put(&ev.holders, &b, &p) && !holders_put(&ev.holders, &b, &p),
	   "long paths fill it sooner");
	ev.opener.exe = text_of(path);
	event_encode(&ev, &rec);
	is_int(rec.err, 0, "and the record still fits");
	buf_done(&b);
	buf_done(&rec);
}

static void test_alike(void)
{
	struct process a = a_process(1, "/usr/sbin/nginx", 33),
		       b = a_process(2, "/usr/sbin/nginx", 33);

	ok(holders_alike(&a, &b), "two workers are alike, whatever their pids");
	b.space = SPACE_FILE;
	ok(!holders_alike(&a, &b), "a path that means another file is another");
	b.space = 0;
	b.uid = 0;
	ok(!holders_alike(&a, &b), "another user is another");
	b = a_process(2, "/usr/sbin/nginx (deleted)", 33);
	ok(!holders_alike(&a, &b), "another file is another");
	b = a;
	b.container_state = PLACE_IN;
	b.container = TEXT("c");
	ok(!holders_alike(&a, &b), "another container is another");
	b = (struct process){ .uid = 33 };
	ok(!holders_alike(&a, &b), "who is not known is nobody else");
}

static void test_merge(void)
{
	struct event then = an_event(EVENT_OPEN, a_process(1, "/usr/bin/python3", 0)),
		     now = an_event(EVENT_OPEN, a_process(2, "/usr/bin/perl", 0));

	now.origin = ORIGIN_SNAPSHOT;
	holders_merge(&now, &then);
	is_int(now.opener.pid, 1, "a snapshot does not replace who opened the door");
	then.opener = (struct process){ 0 };
	now.opener = a_process(2, "/usr/bin/perl", 0);
	holders_merge(&now, &then);
	is_int(now.opener.pid, 2, "but says it where nobody knew");
	then.opener = a_process(2, NULL, 0);
	holders_merge(&now, &then);
	ok(text_is(now.opener.exe, "/usr/bin/perl"), "the same process, better known, counts");
	then.opener = a_process(1, "/usr/bin/ip", 0);
	now.opener = (struct process){ .known = true, .kernel = true };
	holders_merge(&now, &then);
	ok(now.opener.kernel, "that the kernel made it is a fact");
}

static void test_judged(void)
{
	struct event ev = an_event(EVENT_OPEN, a_process(1, "/usr/bin/a", 0));
	struct process each[HOLDERS_JUDGED_MAX];

	ok(holders_judged(&ev, each) == 1 && each[0].pid == 1, "who opens a door holds it");
	ok(!holders_hidden(&ev), "and is seen to");
	ev.holders.known = true;
	ok(holders_judged(&ev, each) == 1 && each[0].pid == 1,
	   "where no holder is seen it is judged by who opened it");
	ok(holders_hidden(&ev), "and said to be held by nobody who is seen");
	ev.opener.kernel = true;
	ok(!holders_hidden(&ev), "the kernel needs no descriptor");
}

int main(void)
{
	test_list();
	test_limit();
	test_alike();
	test_merge();
	test_judged();
	return tap_done();
}
