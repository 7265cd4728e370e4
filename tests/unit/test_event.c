/* SPDX-License-Identifier: GPL-2.0 */
#include "core/event.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/buf.h"
#include "tap.h"

static struct event full_event(void)
{
	struct event ev = {
		.time_ns = UINT64_C(1795363262123456789),
		.boot_ns = 42,
		.kind = EVENT_CLOSE,
		.origin = ORIGIN_SWEEP,
		.door = { .proto = PROTO_MPTCP,
			  .family = FAMILY_INET6,
			  .scope = SCOPE_HOST,
			  .addr = { 0x20, 1, [15] = 9 },
			  .port = 4444,
			  .v6only = true,
			  .autoport = true,
			  .netns_cookie = 1,
			  .cookie = 0x1007,
			  .netns = 4026531840u,
			  .elsewhere = true,
			  .netns_name = "blue",
			  .device = "lo",
			  .inode = 777 },
		.opener = { .known = true,
			    .space = SPACE_KNOWN | SPACE_USER | SPACE_EXE | SPACE_FILE,
			    .pid = 20131,
			    .tid = 20132,
			    .start_ns = 99,
			    .comm = "n\xff\x1b",
			    .exe = TEXT("/usr/bin/nc.openbsd (deleted)"),
			    .argv = TEXT("nc\0-l\0"),
			    .argv_cut = true,
			    .uid = 1041,
			    .gid = 1042,
			    .loginuid = ID_UNKNOWN,
			    .session = 12,
			    .user = TEXT("mlee"),
			    .ancestors_len = 2,
			    .ancestors = { { 20100, "bash" }, { 2010, "sshd" } } },
		.closer = { .known = true, .pid = 5, .tid = 5, .kernel = true },
		.cgroup_id = 31,
		.cgroup = TEXT("/user.slice"),
		.cgroups_known = true,
		.cgroups = TEXT("/docker/x\0/y\0"),
		.opened_ns = 5,
		.count = 6,
		.from_seq = 7,
		.to_seq = 8,
		.lost_since_ns = 9,
		.lost_total = 10,
		.own_netns = 11,
		.lost_cpu = 11,
		.reason = TEXT(""),
	};

	return ev;
}

static void same_process(const struct process *a, const struct process *b, const char *who)
{
	ok(a->known == b->known && a->kernel == b->kernel && a->pid == b->pid && a->tid == b->tid &&
		   a->start_ns == b->start_ns && !memcmp(a->comm, b->comm, COMM_LEN) &&
		   text_eq(a->exe, b->exe) && a->exe_cut == b->exe_cut &&
		   text_eq(a->argv, b->argv) && a->argv_cut == b->argv_cut &&
		   a->space == b->space && a->uid == b->uid && a->gid == b->gid &&
		   a->loginuid == b->loginuid && a->session == b->session &&
		   text_eq(a->user, b->user) && a->ancestors_len == b->ancestors_len &&
		   !memcmp(a->ancestors, b->ancestors, sizeof(a->ancestors)),
	   "the %s comes back whole", who);
}

static void round_trip(void)
{
	struct event ev = full_event(), got;
	struct buf b = BUF_INIT(EVENT_RECORD_MAX), again = BUF_INIT(EVENT_RECORD_MAX);

	event_encode(&ev, &b);
	is_int(b.err, 0, "an event is encoded");
	is_int(event_decode(b.data, b.len, &got), 0, "and decoded");
	ok(got.time_ns == ev.time_ns && got.boot_ns == ev.boot_ns && got.kind == ev.kind &&
		   got.origin == ev.origin && got.cgroup_id == ev.cgroup_id &&
		   got.opened_ns == ev.opened_ns && got.count == ev.count &&
		   got.from_seq == ev.from_seq && got.to_seq == ev.to_seq &&
		   got.lost_since_ns == ev.lost_since_ns && got.own_netns == 11 &&
		   got.lost_total == ev.lost_total && got.lost_cpu == ev.lost_cpu,
	   "its numbers come back");
	ok(!memcmp(&got.door, &ev.door, sizeof(ev.door)), "its door comes back");
	same_process(&got.opener, &ev.opener, "opener");
	same_process(&got.closer, &ev.closer, "closer");
	ok(text_eq(got.cgroup, ev.cgroup), "its cgroup comes back");
	ok(got.cgroups_known && text_eq(got.cgroups, ev.cgroups),
	   "so do those of other hierarchies");
	ok(got.reason.ptr && !got.reason.len,
	   "an empty text stays empty and does not become unknown");
	event_encode(&got, &again);
	ok(again.len == b.len && !memcmp(again.data, b.data, b.len),
	   "encoding again gives the same bytes");
	buf_done(&b);
	buf_done(&again);
}

/* Does what was decoded encode into a record that means the same? */
static bool is_stable(const struct event *ev)
{
	struct buf once = BUF_INIT(EVENT_RECORD_MAX), twice = BUF_INIT(EVENT_RECORD_MAX);
	struct event got;
	bool same;

	event_encode(ev, &once);
	same = !event_decode(once.data, once.len, &got);
	if (same)
		event_encode(&got, &twice);
	same = same && once.len == twice.len && !memcmp(once.data, twice.data, once.len);
	buf_done(&once);
	buf_done(&twice);
	return same;
}

/* What is absent, what is empty, and what is longer than this version keeps. */
static void places(void)
{
	struct event ev = full_event(), got;
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	char *name;

	ev.cgroups = (struct text){ 0 };
	ev.door.netns_name[0] = '\0';
	ev.door.device[0] = '\0';
	event_encode(&ev, &b);
	ok(!event_decode(b.data, b.len, &got) && got.cgroups_known && !got.cgroups.len &&
		   got.door.elsewhere && !got.door.netns_name[0] && !got.door.device[0],
	   "no other hierarchy is not unread ones, no name of a namespace is not the own one");
	ev.cgroups_known = ev.door.elsewhere = false;
	buf_reset(&b);
	event_encode(&ev, &b);
	ok(!event_decode(b.data, b.len, &got) && !got.cgroups_known && !got.door.elsewhere,
	   "and the other way");
	memset(ev.door.device, 'd', sizeof(ev.door.device) - 1);
	buf_reset(&b);
	event_encode(&ev, &b);
	ok(!event_decode(b.data, b.len, &got) && !strcmp(got.door.device, ev.door.device),
	   "a device's name of the full length comes back");
	name = memmem(b.data, b.len, "ddddddddddddddd", sizeof(ev.door.device) - 1);
	/* One byte longer, as a later version may write it: the field is the record's last. */
	name[-2]++;
	buf_putc(&b, 'd');
	ok(!event_decode(b.data, b.len, &got) && !strcmp(got.door.device, "dddddddddddddd+"),
	   "a longer one is cut, and says so");
	buf_done(&b);
}

/* Each must be refused or decoded into something that encodes; the sanitizers watch. */
static void damaged_records_are_harmless(void)
{
	struct event ev = full_event(), got;
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	unsigned refused = 0, decoded = 0, unstable = 0;

	event_encode(&ev, &b);
	for (size_t cut = 0; cut < b.len; cut++) {
		char *copy = malloc(cut ? cut : 1);

		if (!copy)
			break;
		memcpy(copy, b.data, cut);
		refused += event_decode(copy, cut, &got) == -EBADMSG;
		free(copy);
	}
	ok(refused > b.len / 2,
	   "a record cut short anywhere is refused or shorter by whole fields");
	for (size_t bit = 0; bit < b.len * 8; bit++) {
		b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
		if (!event_decode(b.data, b.len, &got)) {
			decoded++;
			unstable += !is_stable(&got);
		}
		b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
	}
	ok(decoded, "some records with one bit flipped are records still");
	is_int(unstable, 0, "each of them means the same when it is encoded again");
	buf_done(&b);
}

static void newer_records_are_read(void)
{
	struct event ev = full_event(), got;
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);

	event_encode(&ev, &b);
	buf_put_u16(&b, 999);
	buf_put_u16(&b, 3);
	buf_put(&b, "new", 3);
	is_int(event_decode(b.data, b.len, &got), 0, "a field of a later version is skipped");
	ok(got.to_seq == 8, "and the rest is read");
	buf_done(&b);
}

static void scopes(void)
{
	static const struct {
		int family;
		const char *addr;
		enum door_scope want;
	} cases[] = {
		{ AF_INET, "0.0.0.0", SCOPE_ANY },
		{ AF_INET, "127.0.0.1", SCOPE_LOOPBACK },
		{ AF_INET, "127.9.9.9", SCOPE_LOOPBACK },
		{ AF_INET, "10.0.0.1", SCOPE_HOST },
		{ AF_INET6, "::", SCOPE_ANY },
		{ AF_INET6, "::1", SCOPE_LOOPBACK },
		{ AF_INET6, "::2", SCOPE_HOST },
		{ AF_INET6, "::ffff:127.0.0.1", SCOPE_LOOPBACK },
		{ AF_INET6, "::ffff:0.0.0.0", SCOPE_ANY },
		{ AF_INET6, "2001:db8::1", SCOPE_HOST },
	};

	for (size_t i = 0; i < array_len(cases); i++) {
		uint8_t addr[16] = { 0 };

		inet_pton(cases[i].family, cases[i].addr, addr);
		is_int(door_scope_of((enum door_family)cases[i].family, addr), cases[i].want,
		       "the scope of %s is %s", cases[i].addr, door_scope_name(cases[i].want));
	}
}

int main(void)
{
	struct door d = full_event().door;
	struct buf b = BUF_INIT(256);
	enum door_proto p;

	round_trip();
	places();
	damaged_records_are_harmless();
	newer_records_are_read();
	scopes();
	door_endpoint_format(&b, &d);
	is_str(buf_str(&b), "[2001::9]%lo:4444",
	       "an IPv6 endpoint is written in brackets, its device behind it");
	buf_reset(&b);
	door_id_format(&b, 7, &d);
	is_str(buf_str(&b), "7:4026531840:0x1007",
	       "a door's identity is written as the contract says");
	ok(!door_proto_parse("udp", &p) && p == PROTO_UDP, "a protocol parses by name");
	is_int(door_proto_parse("xtp", &p), -ENOENT, "an unknown one does not");
	is_str(event_kind_name((enum event_kind)99), "?", "a number out of range has a name too");
	buf_done(&b);
	return tap_done();
}
