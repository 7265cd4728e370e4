/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes DIR/journal and DIR/store as an agent, the shipper and the monitor leave them, without root
 * and without a kernel: so that what reads them can be tested. fill_data DIR; then fill_data DIR
 * more: one door more.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/event.h"
#include "journal/journal.h"
#include "monitor/judge.h"
#include "ship/ship.h"
#include "store/store.h"

#define T0_FIXED UINT64_C(1795363262000000000) /* 2026-11-22T16:01:02Z */
#define SECOND UINT64_C(1000000000)

/* When it began. */
static uint64_t t0 = T0_FIXED;
#define BOOT_ID "00000000-0000-4000-8000-000000000000"

#define TRY(call)                                                                                  \
	do {                                                                                       \
		int try_err = (call);                                                              \
		if (try_err < 0) {                                                                 \
			fprintf(stderr, "%s: %s\n", #call, strerror(-try_err));                    \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static struct journal *journal;

static int append(const struct event *ev)
{
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct journal_pos pos;
	int err;

	event_encode(ev, &b);
	err = b.err ? b.err : journal_append(journal, b.data, b.len, &pos);
	buf_done(&b);
	return err;
}

static struct event door(unsigned second, enum event_kind kind, enum event_origin origin,
			 uint32_t port)
{
	return (struct event){
		.time_ns = t0 + second * SECOND,
		.boot_ns = second * SECOND + 1,
		.kind = kind,
		.origin = origin,
		.door = { .proto = PROTO_TCP,
			  .family = FAMILY_INET,
			  .scope = SCOPE_ANY,
			  .port = port,
			  .netns_cookie = 1,
			  .cookie = 0x1000 + port,
			  .netns = 4026531840 },
		.opener = { .known = true,
			    .pid = 100 + port,
			    .tid = 100 + port,
			    .comm = "sshd",
			    .exe = TEXT("/usr/sbin/sshd"),
			    .argv = { "sshd\0-D\0", 8 },
			    .uid = 0,
			    .gid = 0,
			    .loginuid = ID_UNKNOWN,
			    .session = ID_UNKNOWN,
			    .user = TEXT("root") },
		.cgroup = TEXT("/system.slice/ssh.service"),
	};
}

static int first_half(void)
{
	struct event ev = door(0, EVENT_OPEN, ORIGIN_SNAPSHOT, 22);

	TRY(append(&ev));
	ev = (struct event){ .time_ns = t0,
			     .kind = EVENT_START,
			     .origin = ORIGIN_EVENT,
			     .from_seq = 1,
			     .reason = TEXT("tier A: tcp listen: sockops LISTEN_CB") };
	TRY(append(&ev));
	return 0;
}

static int second_half(void)
{
	struct event ev = door(60, EVENT_OPEN, ORIGIN_EVENT, 4444);

	memcpy(ev.opener.comm, "nc\xff\x1b[2J\"", 9);
	ev.opener.exe = TEXT("/tmp/\xe2\x80\xae"
			     "evil\n (deleted)");
	ev.opener.argv = (struct text){ "nc\0\xc3\x28\0\x1b]0;x\a\0", 12 };
	ev.opener.uid = 1041;
	ev.opener.user = TEXT("mlee");
	TRY(append(&ev));
	ev = (struct event){ .time_ns = t0 + 70 * SECOND,
			     .kind = EVENT_LOST,
			     .origin = ORIGIN_EVENT,
			     .count = 3,
			     .reason = TEXT("ring full") };
	TRY(append(&ev));
	ev = door(80, EVENT_OPEN, ORIGIN_EVENT, 8080);
	ev.door.proto = PROTO_UDP;
	TRY(append(&ev));
	ev = door(90, EVENT_CLOSE, ORIGIN_EVENT, 8080);
	ev.door.proto = PROTO_UDP;
	ev.opened_ns = t0 + 80 * SECOND;
	ev.closer = ev.opener;
	TRY(append(&ev));
	return 0;
}

static int on_damage(const struct journal_damage *d, void *arg)
{
	(void)arg;
	fprintf(stderr, "damage: %s\n", d->what);
	return 0;
}

static int on_conflict(struct journal_pos pos, const char *why, void *arg)
{
	(void)arg;
	fprintf(stderr, "conflict at %llu: %s\n", (unsigned long long)pos.seq, why);
	return 0;
}

static int ship_all(int dirfd, struct store *s, struct judge *j, uint64_t now_ns)
{
	_cleanup_(ship_freep) struct ship *ship = NULL;
	const struct ship_opts o = { .node = "node001",
				     .host_type = "compute",
				     .damage = on_damage,
				     .conflict = on_conflict };
	unsigned changes;
	uint64_t next;
	int more = 1;

	TRY(ship_new(dirfd, s, &o, &ship));
	while (more > 0)
		TRY(more = ship_step(ship));
	TRY(judge_step(j, now_ns, &changes, &next));
	return 0;
}

static int accept_profile(struct store *s)
{
	char service[] = "ssh", host_type[] = "compute";
	const struct profile_row row = {
		.port = 22, .proto = PROTO_TCP, .service = service, .host_type = host_type
	};
	size_t fresh;

	return store_profile_add(s, "compute", &row, 1, true, t0 + SECOND, &fresh);
}

static int fill(const char *dir, bool more)
{
	const struct judge_opts jopts = { 0 };
	const struct journal_opts jo = { .node = "node001" };
	_cleanup_(journal_freep) struct journal *j = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(judge_freep) struct judge *judge = NULL;
	_free_ char *why = NULL;
	_close_ int dirfd = -1;
	char path[4096];
	uint64_t dropped;

	snprintf(path, sizeof(path), "%s/journal", dir);
	if ((mkdir(dir, 0755) | mkdir(path, 0755)) && access(path, W_OK))
		return 1;
	dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	TRY(journal_open(dirfd, &jo, BOOT_ID, &j, &why));
	journal = j;
	if (!more) {
		TRY(first_half());
		TRY(journal_commit(j, &dropped));
	}
	snprintf(path, sizeof(path), "%s/store", dir);
	if (mkdir(path, 0755) && access(path, W_OK))
		return 1;
	snprintf(path, sizeof(path), "sqlite:%s/store/ajar.db", dir);
	TRY(store_open(path, STORE_CREATE, &s, &why));
	TRY(judge_new(s, &jopts, &judge));
	if (more) {
		struct event ev = door(300, EVENT_OPEN, ORIGIN_EVENT, 9090);

		TRY(append(&ev));
		TRY(journal_commit(j, &dropped));
		return ship_all(dirfd, s, judge, t0 + 400 * SECOND);
	}
	TRY(ship_all(dirfd, s, judge, t0 + SECOND));
	TRY(accept_profile(s));
	TRY(second_half());
	TRY(journal_commit(j, &dropped));
	TRY(ship_all(dirfd, s, judge, t0 + 100 * SECOND));
	/* Later than the blink of a door that has closed. */
	return ship_all(dirfd, s, judge, t0 + 200 * SECOND);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	/* For what compares its times with the clock. */
	if (argc > 2 && !strcmp(argv[2], "recent"))
		t0 = clock_wall_ns() - 600 * SECOND;
	return fill(argv[1], argc > 2 && !strcmp(argv[2], "more"));
}
