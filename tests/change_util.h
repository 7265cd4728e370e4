/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_CHANGE_UTIL_H
#define AJAR_TESTS_CHANGE_UTIL_H

#include <string.h>

#include "base/buf.h"
#include "core/event.h"
#include "store/store.h"

/*
 * A change of an alert about a door, all of whose texts are the caller's: for the tests of what is
 * sent.
 */
struct any_change {
	struct store_alert_change c;
	struct buf record;
	char text[512]; /* NUL-terminated copy */
};

static inline struct event any_event(const char *p, size_t n)
{
	struct event ev = {
		.time_ns = UINT64_C(1795363262123456000),
		.kind = EVENT_OPEN,
		.origin = ORIGIN_EVENT,
		.door = { .proto = PROTO_TCP,
			  .family = FAMILY_INET6,
			  .scope = SCOPE_ANY,
			  .port = 4444,
			  .cookie = 7 },
		.opener = { .known = true,
			    .pid = 20131,
			    .tid = 20131,
			    .start_ns = UINT64_C(1795363262000000000),
			    .exe = { p, (uint32_t)(n < 4096 ? n : 4096) },
			    .argv = { p, (uint32_t)(n < 4096 ? n : 4096) },
			    .uid = 1041,
			    .gid = 1041,
			    .loginuid = ID_UNKNOWN,
			    .session = ID_UNKNOWN,
			    .user = { p, (uint32_t)(n < 64 ? n : 64) },
			    .ancestors_len = 1,
			    .ancestors = { { .pid = 20100 } } },
		.cgroup = { p, (uint32_t)(n < 4096 ? n : 4096) },
	};

	for (size_t i = 0; i < n && i < COMM_LEN - 1 && p[i]; i++)
		ev.opener.comm[i] = ev.opener.ancestors[0].comm[i] = p[i];
	return ev;
}

/*
 * Bytes that a process chose are in the record; texts of an alert were escaped before, but nobody
 * relies on it here.
 */
static inline void any_change_init(struct any_change *a, const char *p, size_t n, unsigned variant)
{
	struct event ev = any_event(p, n);
	size_t len = n < sizeof(a->text) - 1 ? n : sizeof(a->text) - 1;

	memcpy(a->text, p, len);
	a->text[len] = '\0';
	a->record = (struct buf)BUF_INIT(EVENT_RECORD_MAX);
	ev.door.family = variant & 1 ? FAMILY_INET : FAMILY_INET6;
	ev.door.proto = (enum door_proto)(1 + variant % 8);
	event_encode(&ev, &a->record);
	a->c = (struct store_alert_change){
		.log_id = 12,
		.at_ns = UINT64_C(1795363262123456000),
		.state = (enum alert_state)(1 + variant % 5),
		.who = a->text,
		.note = a->text,
		.alert = { .id = 7,
			   .key = a->text,
			   .kind = (enum finding_kind)(1 + variant % 11),
			   .severity = (enum severity)(1 + variant % 3),
			   .state = (enum alert_state)(1 + variant % 5),
			   .host_type = a->text,
			   .nodes = a->text,
			   .node = a->text,
			   .count = variant,
			   .proto = ev.door.proto,
			   .port = 4444,
			   .summary = a->text,
			   .why = a->text,
			   .remedy = a->text,
			   .first_ns = UINT64_C(1795363260000000000),
			   .last_ns = UINT64_C(1795363262123456000),
			   .boot_seq = 7,
			   .seq = 1842,
			   .record = a->record.err ? (struct text){ 0 } :
						     (struct text){ a->record.data, (uint32_t)a->record.len } },
	};
}

static inline void any_change_done(struct any_change *a)
{
	buf_done(&a->record);
}

#endif
