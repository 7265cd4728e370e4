/* SPDX-License-Identifier: GPL-2.0 */
/* Who holds a multicast port by right, by a node's own records. */
#include <stdlib.h>

#include "core/event.h"
#include "daemon/rightful.h"
#include "tap.h"

static char avahi[] = "/usr/sbin/avahi-daemon", class[] = "compute";
static struct profile_row row = {
	.host_type = class, .port = 5353, .proto = PROTO_UDP, .exe = avahi
};
static const struct profile profile = {
	.host_type = class, .accepted = true, .rows = &row, .rows_len = 1
};
static struct rightful rightful;
static struct journal_pos pos = { 1, 1 };

static struct event member(enum event_kind kind, uint64_t cookie, const char *exe)
{
	return (struct event){
		.kind = kind,
		.origin = ORIGIN_EVENT,
		.door = { .proto = PROTO_UDP,
			  .family = FAMILY_INET,
			  .scope = SCOPE_ANY,
			  .port = 5353,
			  .bound = true,
			  .settling = kind == EVENT_OPEN,
			  .multicast = true,
			  .netns_cookie = 1,
			  .cookie = cookie },
		.opener = { .known = true, .pid = 7, .comm = "x", .exe = text_of(exe), .uid = 0 },
	};
}

static void note(struct event ev)
{
	pos.seq++;
	rightful_note(&rightful, &profile, pos, &ev, 1);
}

static bool beside(uint64_t cookie)
{
	struct event ev = member(EVENT_SETTLE, cookie, "/usr/bin/browser");

	return rightful_beside(&rightful, &ev.door);
}

int main(void)
{
	struct event ev = member(EVENT_OPEN, 1, avahi);

	note(ev);
	ok(!beside(9), "one that has not settled is nobody's to share with");
	note(member(EVENT_SETTLE, 1, avahi));
	ok(beside(9), "the rightful holder is");
	ok(!beside(1), "but not with itself");
	ev = member(EVENT_SETTLE, 9, "/usr/bin/browser");
	ev.door.netns_cookie = 2;
	ok(!rightful_beside(&rightful, &ev.door), "nor from another network namespace");
	ev = member(EVENT_SETTLE, 9, "/usr/bin/browser");
	ev.door.multicast = false;
	ok(!rightful_beside(&rightful, &ev.door), "nor does a member of no group share");
	note(member(EVENT_SETTLE, 2, "/usr/bin/browser"));
	is_int(rightful.len, 1, "another program is no rightful holder");
	ev = member(EVENT_OPEN, 1, avahi);
	ev.origin = ORIGIN_SNAPSHOT;
	note(ev);
	ok(beside(9), "a new session of the agent finds it again");
	ev = (struct event){ .kind = EVENT_START, .from_seq = pos.seq };
	note(ev);
	ok(beside(9), "and keeps it");
	ev.from_seq = pos.seq;
	note(ev);
	ok(!beside(9), "one that a session has not found is gone");
	note(member(EVENT_SETTLE, 1, avahi));
	note(member(EVENT_CLOSE, 1, avahi));
	ok(!beside(9), "as is one that closed");
	note(member(EVENT_SETTLE, 1, avahi));
	ev = member(EVENT_SETTLE, 1, avahi);
	ev.door.multicast = false;
	note(ev);
	ok(!beside(9), "one that has left the group");
	note(member(EVENT_SETTLE, 1, avahi));
	pos = (struct journal_pos){ 2, 0 };
	note((struct event){ .kind = EVENT_START, .from_seq = 1 });
	ok(!beside(9), "and all of an earlier boot");
	for (uint64_t c = 0; c < RIGHTFUL_MAX + 5; c++)
		note(member(EVENT_SETTLE, 100 + c, avahi));
	is_int(rightful.len, RIGHTFUL_MAX, "there is room for so many");
	return tap_done();
}
