/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_FIXTURES_H
#define AJAR_TESTS_FIXTURES_H

#include "core/event.h"

/*
 * The event that tests begin with: nc, run by mlee, opens (or closes ...) a TCP door on all
 * addresses. What a test is about it sets itself.
 */
static inline struct event fixture_event(enum event_kind kind, uint64_t cookie, uint32_t port,
					 uint64_t time_ns)
{
	return (struct event){
		.time_ns = time_ns,
		.kind = kind,
		.origin = ORIGIN_EVENT,
		.door = { .proto = PROTO_TCP,
			  .family = FAMILY_INET,
			  .scope = SCOPE_ANY,
			  .port = port,
			  .netns_cookie = 1,
			  .cookie = cookie },
		.opener = { .known = true,
			    .pid = 100,
			    .tid = 100,
			    .comm = "nc",
			    .exe = TEXT("/usr/bin/nc"),
			    .argv = { "nc\0-l\0", 6 },
			    .uid = 1041,
			    .gid = 1041,
			    .user = TEXT("mlee") },
	};
}

/* The same as people are shown it: logged in, from a shell that sshd has started. */
static inline struct event fixture_login(enum event_kind kind, uint64_t cookie, uint32_t port,
					 uint64_t time_ns)
{
	struct event ev = fixture_event(kind, cookie, port, time_ns);

	ev.opener.exe = TEXT("/usr/bin/nc.openbsd");
	ev.opener.loginuid = 1041;
	ev.opener.session = 12;
	ev.opener.ancestors_len = 2;
	ev.opener.ancestors[0] = (struct ancestor){ 20100, "bash" };
	ev.opener.ancestors[1] = (struct ancestor){ 2010, "sshd" };
	return ev;
}

#endif
