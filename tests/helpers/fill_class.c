/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fill_class STORE NODES HOURS: a class "compute" of so many nodes, watched for so many hours until
 * now. Everywhere: sshd, chronyd (as root or as its own user), slurmd since half of the time,
 * mpirun on other high ports each, doors of jobs. On node001 and node002: nc on 4444. On node003
 * something in /tmp.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "core/event.h"
#include "store/store.h"

#define HOUR UINT64_C(3600000000000)
#define JOB TEXT("/system.slice/slurmstepd.scope/job_4711/step_0")

#define TRY(call)                                                                                  \
	do {                                                                                       \
		int try_err = (call);                                                              \
		if (try_err < 0) {                                                                 \
			fprintf(stderr, "%s: %s: %s\n", #call, strerror(-try_err), store_why(s));  \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static struct store *s;
static uint64_t now_ns, cookie;

static int put(const char *node, const struct event *ev)
{
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_event row = { .boot_seq = 1,
				   .seq = ++cookie,
				   .received_ns = ev->time_ns,
				   .recorded_ns = ev->time_ns };
	struct store_door d = { .node = node,
				.host_type = "compute",
				.boot_seq = 1,
				.door = ev->door,
				.open_seq = row.seq,
				.opened_ns = ev->time_ns };
	size_t n;
	int err;

	event_encode(ev, &b);
	row.record = d.record = (struct text){ b.data, (uint32_t)b.len };
	err = store_put_events(s, node, "compute", &row, 1, &n);
	if (!err && ev->door.proto)
		err = event_decode(b.data, b.len, &d.ev);
	if (!err && ev->door.proto)
		err = store_put_door(s, &d);
	buf_done(&b);
	return err;
}

static int put_door(const char *node, enum door_proto proto, uint32_t port, const char *exe,
		    uint32_t uid, const char *user, struct text cgroup, unsigned hours_ago)
{
	struct event ev = { .kind = EVENT_OPEN,
			    .origin = ORIGIN_EVENT,
			    .time_ns = now_ns - hours_ago * HOUR,
			    .boot_ns = 1,
			    .door = { .proto = proto,
				      .family = FAMILY_INET,
				      .scope = SCOPE_ANY,
				      .port = port,
				      .netns_cookie = 1,
				      .cookie = cookie + 1 },
			    .opener = { .known = true,
					.pid = 7,
					.comm = "x",
					.exe = text_of(exe),
					.uid = uid,
					.user = text_of(user) },
			    .cgroup_id = 1,
			    .cgroup = cgroup };

	return put(node, &ev);
}

static int fill_node(unsigned i, unsigned hours)
{
	struct event start = { .kind = EVENT_START,
			       .time_ns = now_ns - hours * HOUR,
			       .reason = TEXT("A") };
	struct text none = TEXT("/system.slice/x.service");
	char node[32];

	snprintf(node, sizeof(node), "node%03u", i);
	TRY(put(node, &start));
	TRY(put_door(node, PROTO_TCP, 22, "/usr/sbin/sshd", 0, "root", none, hours));
	TRY(put_door(node, PROTO_UDP, 123, "/usr/sbin/chronyd", i % 3 ? 0 : 101,
		     i % 3 ? "root" : "_chrony", none, hours));
	TRY(put_door(node, PROTO_TCP, 6818, "/usr/sbin/slurmd", 0, "root", none, hours / 2));
	TRY(put_door(node, PROTO_TCP, 33000 + 13 * i, "/usr/bin/mpirun", 1041, "mlee", none, 1));
	TRY(put_door(node, PROTO_TCP, 40000 + i, "/home/mlee/a.out", 1041, "mlee", JOB, 2));
	if (i <= 2)
		TRY(put_door(node, PROTO_TCP, 4444, "/usr/bin/nc", 0, "root", none, 3));
	if (i == 3)
		TRY(put_door(node, PROTO_TCP, 5555, "/tmp/x", 1042, "eve", none, 3));
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t nodes, hours;
	int err = 0;

	if (argc != 4 || parse_u32(argv[2], &nodes) || parse_u32(argv[3], &hours)) {
		fputs("usage: fill_class STORE NODES HOURS\n", stderr);
		return 2;
	}
	now_ns = clock_wall_ns();
	TRY(store_open(argv[1], STORE_CREATE, &s, NULL));
	TRY(store_begin(s));
	for (uint32_t i = 1; i <= nodes && !err; i++)
		err = fill_node(i, hours);
	if (!err)
		TRY(store_commit(s));
	store_free(s);
	return err;
}
