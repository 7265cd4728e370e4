/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets: judged by what they are when they have settled. */
#include <string.h>

#include "judge_help.h"

static struct event udp_event(enum event_kind kind, uint64_t cookie, uint16_t port)
{
	struct event ev = door_event(kind, cookie, port);

	ev.door.proto = PROTO_UDP;
	ev.door.bound = true;
	ev.door.settling = kind == EVENT_OPEN;
	return ev;
}

struct udp_door {
	enum verdict verdict;
	bool open, found, multicast;
	char kind[16];
};

static int on_udp_door(const struct store_door *d, void *arg)
{
	struct udp_door *u = arg;

	u->found = true;
	u->verdict = d->verdict;
	u->open = !d->closed_ns;
	u->multicast = d->ev.door.multicast;
	snprintf(u->kind, sizeof(u->kind), "%s", event_kind_name(d->ev.kind));
	return 0;
}

static struct udp_door udp_door(uint64_t cookie)
{
	struct event ev = udp_event(EVENT_OPEN, cookie, 0);
	struct udp_door u = { 0 };

	if (store_door_get(store, NODE, 1, &ev.door, on_udp_door, &u))
		printf("# no door %d\n", (int)cookie);
	return u;
}

static void settle(struct event ev)
{
	ev.opened_ns = now - S;
	put(ev);
	step();
}

/* What is gone is resolved, once nothing new comes. */
static void pass(void)
{
	step();
	now += 10 * S;
	step();
	now += 10 * S;
	step();
}

static void test_udp(void)
{
	unsigned before = alerts(false).n;
	struct event ev;

	/* 500 queries, each from a port of its own. */
	for (unsigned i = 0; i < 500; i++) {
		put(udp_event(EVENT_OPEN, 9000 + i, (uint16_t)(20000 + i)));
		put(udp_event(EVENT_CLOSE, 9000 + i, (uint16_t)(20000 + i)));
	}
	step();
	is_int(alerts(false).n, before, "500 sockets that are closed at once raise no alert");
	is_int(udp_door(9000).verdict, VERDICT_CLIENT, "and are a client's");
	ok(!udp_door(9499).open, "all of them are closed");

	put(udp_event(EVENT_OPEN, 9601, 4601));
	step();
	is_int(udp_door(9601).verdict, VERDICT_SETTLING, "one that stays is settling at first");
	now += S;
	step();
	is_int(alerts(false).n, before, "and alerts nobody by the clock alone");
	settle(udp_event(EVENT_SETTLE, 9601, 4601));
	is_int(udp_door(9601).verdict, VERDICT_UNEXPECTED,
	       "open to all when it has settled, it is a door");
	is_int(alerts(false).n, before + 1, "that alerts");
	ok(!strcmp(udp_door(9601).kind, "open"), "and keeps the record of its opening");
	settle(udp_event(EVENT_SETTLE, 9601, 4601));
	is_int(alerts(false).n, before + 1, "told twice it is one");
	ev = udp_event(EVENT_SETTLE, 9601, 4601);
	ev.door.connected = true;
	settle(ev);
	is_int(udp_door(9601).verdict, VERDICT_CLIENT, "once it connects it is a client's");
	is_int(alerts(false).n, before, "and its alert is over");
	settle(udp_event(EVENT_SETTLE, 9601, 4601));
	is_int(alerts(false).n, before + 1, "one that undoes its connect is a door again");
	put(udp_event(EVENT_CLOSE, 9601, 4601));
	pass();
	is_int(alerts(false).n, before, "until it is closed");

	settle(udp_event(EVENT_SETTLE, 9602, 4602));
	is_int(udp_door(9602).verdict, VERDICT_UNEXPECTED,
	       "one whose opening was lost is judged when it settles");
	put(udp_event(EVENT_CLOSE, 9602, 4602));
	ev = udp_event(EVENT_OPEN, 9603, 4603);
	ev.door.settling = false;
	put(ev);
	step();
	is_int(udp_door(9603).verdict, VERDICT_UNEXPECTED,
	       "an older agent's record is judged at once");
	put(udp_event(EVENT_CLOSE, 9603, 4603));
	pass();
}

static struct event member_event(enum event_kind kind, uint64_t cookie, const char *exe,
				 uint32_t uid)
{
	struct event ev = udp_event(kind, cookie, 5353);

	ev.door.multicast = kind == EVENT_SETTLE;
	ev.opener.exe = text_of(exe);
	ev.opener.uid = uid;
	ev.opener.user = uid ? TEXT("mlee") : TEXT("root");
	return ev;
}

static void test_rightful_holder_goes(void)
{
	put(member_event(EVENT_CLOSE, 9702, "/usr/sbin/avahi-daemon", 0));
	step();
	now += 2 * S;
	step();
	is_int(udp_door(9701).verdict, VERDICT_SHARED, "a restart of the rightful holder");
	put(member_event(EVENT_OPEN, 9706, "/usr/sbin/avahi-daemon", 0));
	settle(member_event(EVENT_SETTLE, 9706, "/usr/sbin/avahi-daemon", 0));
	pass();
	is_int(udp_door(9701).verdict, VERDICT_SHARED, "makes an impostor of nobody");
	put(member_event(EVENT_CLOSE, 9706, "/usr/sbin/avahi-daemon", 0));
	pass();
	is_int(udp_door(9701).verdict, VERDICT_SHARED, "nor does its end at once");
	pass();
	is_int(udp_door(9701).verdict, VERDICT_IMPOSTOR,
	       "but who stays on the port without it is an impostor");
	is_int(udp_door(9705).verdict, VERDICT_IMPOSTOR, "on the group's address as well");
	put(member_event(EVENT_OPEN, 9707, "/usr/sbin/avahi-daemon", 0));
	settle(member_event(EVENT_SETTLE, 9707, "/usr/sbin/avahi-daemon", 0));
	is_int(udp_door(9701).verdict, VERDICT_SHARED, "until it is back");
	put(member_event(EVENT_CLOSE, 9707, "/usr/sbin/avahi-daemon", 0));
	step();
	restart();
	pass();
	pass();
	pass();
	is_int(udp_door(9701).verdict, VERDICT_IMPOSTOR, "also when another judge goes on");
}

static void test_shared(void)
{
	char class[] = "compute", mdns[] = "mdns", avahi[] = "/usr/sbin/avahi-daemon",
	     root[] = "root";
	const struct profile_row row = { .host_type = class,
					 .port = 5353,
					 .proto = PROTO_UDP,
					 .scope = SCOPE_ANY,
					 .service = mdns,
					 .exe = avahi,
					 .user = root };
	unsigned before = alerts(false).n;
	struct event ev;
	size_t added;

	if (store_profile_add(store, "compute", &row, 1, true, now, &added))
		printf("# store_profile_add: %s\n", store_why(store));
	step();
	put(member_event(EVENT_OPEN, 9701, "/usr/bin/browser", 1041));
	settle(member_event(EVENT_SETTLE, 9701, "/usr/bin/browser", 1041));
	is_int(udp_door(9701).verdict, VERDICT_IMPOSTOR, "alone on the port it is an impostor");
	put(member_event(EVENT_OPEN, 9702, "/usr/sbin/avahi-daemon", 0));
	settle(member_event(EVENT_SETTLE, 9702, "/usr/sbin/avahi-daemon", 0));
	is_int(udp_door(9702).verdict, VERDICT_PROFILED, "the rightful holder comes");
	is_int(udp_door(9701).verdict, VERDICT_SHARED, "and shares the port with it by design");
	is_int(alerts(false).n, before + 1, "which is one alert");
	put(member_event(EVENT_OPEN, 9703, "/usr/bin/browser", 1041));
	settle(member_event(EVENT_SETTLE, 9703, "/usr/bin/browser", 1041));
	is_int(udp_door(9703).verdict, VERDICT_SHARED, "as does one that comes later");
	is_int(alerts(false).n, before + 1, "under the same alert");
	put(member_event(EVENT_OPEN, 9704, "/usr/bin/thief", 1041));
	ev = member_event(EVENT_SETTLE, 9704, "/usr/bin/thief", 1041);
	ev.door.multicast = false;
	ev.door.shared = true;
	settle(ev);
	is_int(udp_door(9704).verdict, VERDICT_IMPOSTOR,
	       "one that joined no group does not share, whatever its node says");
	ev = member_event(EVENT_OPEN, 9705, "/usr/bin/browser", 1041);
	ev.door.scope = SCOPE_HOST;
	memcpy(ev.door.addr, (uint8_t[]){ 224, 0, 0, 251 }, 4);
	put(ev);
	ev.kind = EVENT_SETTLE;
	ev.door.settling = false;
	settle(ev);
	is_int(udp_door(9705).verdict, VERDICT_SHARED, "one bound to the group itself shares, too");
	test_rightful_holder_goes();
	for (uint64_t c = 9701; c <= 9707; c++)
		put(member_event(EVENT_CLOSE, c, "/usr/bin/browser", 1041));
	pass();
	is_int(alerts(false).n, before, "and all is over when they are closed");
}
int main(void)
{
	char class[] = "compute", exe[] = "/usr/sbin/sshd", service[] = "ssh";
	const struct profile_row row = {
		.host_type = class, .port = 22, .proto = PROTO_TCP, .service = service, .exe = exe
	};
	size_t added;

	if (!judge_begin())
		return 1;
	is_int(store_profile_add(store, class, &row, 1, true, now, &added), 0,
	       "a profile is accepted");
	test_udp();
	test_shared();
	return judge_end();
}
