/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

#include "base/buf.h"
#include "monitor/peer_check.h"
#include "monitor/judge.h"
#include "store/health.h"
#include "store/store.h"
#include "tap.h"

/*
 * What is required and not there, and nodes unlike their siblings, through the judge; its clock is
 * made up.
 */
#define S UINT64_C(1000000000)
#define T0 (UINT64_C(1795363262) * S)

static struct store *store;
static struct judge *judge;
static uint64_t now = T0, seqs[64];
static char sshd[] = "/usr/sbin/sshd";

static void start_judge(void)
{
	const struct judge_opts o = { 0 };

	judge_free(judge);
	judge = NULL;
	if (judge_new(store, &o, &judge))
		printf("# cannot start a judge\n");
}

static void start(void)
{
	judge_free(judge);
	judge = NULL;
	store_free(store);
	store = NULL;
	now = T0;
	memset(seqs, 0, sizeof(seqs));
	if (store_open("sqlite::memory:", STORE_CREATE, &store, NULL))
		printf("# cannot open a store\n");
	start_judge();
}

static void heartbeat(const char *node)
{
	struct store_health h = { .installation = { 1 }, .session = { 2 } };
	struct store_health_reply r;

	if (store_clock(store, &h.wall_ns) || store_put_health(store, node, "compute", &h, 0, &r))
		printf("# no heartbeat: %s\n", store_why(store));
}

static void put(unsigned n, enum event_kind kind, uint64_t cookie, uint16_t port, const char *exe)
{
	struct event ev = { .time_ns = now,
			    .kind = kind,
			    .origin = ORIGIN_EVENT,
			    .door = { .proto = PROTO_TCP,
				      .family = FAMILY_INET,
				      .scope = SCOPE_ANY,
				      .port = port,
				      .netns_cookie = 1,
				      .cookie = cookie },
			    .opener = {
				    .known = true, .pid = 1, .comm = "x", .exe = text_of(exe) } };
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_event row = { .boot_seq = 1, .seq = ++seqs[n], .received_ns = now };
	char name[32];
	size_t added;

	snprintf(name, sizeof(name), "n%02u", n);
	event_encode(&ev, &b);
	row.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_events(store, name, "compute", &row, 1, &added))
		printf("# cannot put: %s\n", store_why(store));
	buf_done(&b);
}

/* As the monitor does: again at once while there is more, and then when a minute has passed. */
static void minutes(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < 200; k++) {
			unsigned changes;
			uint64_t next = 0;
			int err = judge_step(judge, now, &changes, &next);

			if (err)
				printf("# judge_step: %d %s\n", err, store_why(store));
			if (!next || next > now + S)
				break;
			now = next > now ? next : now + 1000;
		}
		now += 60 * S;
	}
}

static int list_alert(const struct store_alert *a, void *arg)
{
	buf_printf(arg, "%s %s %s:%u %s: %s; ", alert_state_name(a->state),
		   finding_kind_name(a->kind), door_proto_name(a->proto), a->port, a->nodes,
		   a->summary);
	return 0;
}

static void alerts_are(const char *want, const char *what)
{
	const struct store_alert_query q = { .all = true };
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_alerts(store, &q, list_alert, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s", what);
	buf_done(&b);
}

static void test_missing(void)
{
	struct profile_row row = {
		.proto = PROTO_TCP, .port = 22, .exe = sshd, .action = PROFILE_REQUIRE
	};
	size_t added;

	start();
	if (store_profile_add(store, "compute", &row, 1, true, now, &added))
		printf("# no profile: %s\n", store_why(store));
	for (unsigned n = 1; n <= 3; n++)
		put(n, EVENT_OPEN, 1, 22, sshd);
	heartbeat("n01");
	heartbeat("n02");
	put(1, EVENT_CLOSE, 1, 22, sshd);
	put(2, EVENT_CLOSE, 1, 22, sshd);
	put(3, EVENT_CLOSE, 1, 22, sshd); /* its agent is not heard of */
	minutes(2);
	alerts_are("", "a required service may be away for a restart");
	minutes(3);
	alerts_are("open missing tcp:22 n[01-02]: tcp 22 of /usr/sbin/sshd is required and not "
		   "open on n[01-02] (2 nodes); ",
		   "then it is missing: one alert for all nodes whose agent is alive");
	start_judge();
	minutes(1);
	put(1, EVENT_OPEN, 2, 22, sshd);
	minutes(2);
	alerts_are("open missing tcp:22 n02: tcp 22 of /usr/sbin/sshd is required and not open on "
		   "n02; ",
		   "where it is back the alert goes, also after a restart of the monitor");
	put(2, EVENT_OPEN, 2, 22, sshd);
	minutes(3);
	alerts_are("resolved missing tcp:22 n[01-02]: tcp 22 of /usr/sbin/sshd is required and "
		   "not open on n[01-02]; ",
		   "and when it is back everywhere it is resolved");
}

static void test_outlier(void)
{
	char name[32];

	start();
	for (unsigned n = 1; n <= 20; n++) {
		snprintf(name, sizeof(name), "n%02u", n);
		put(n, EVENT_OPEN, 1, 22, sshd);
		heartbeat(name);
	}
	put(7, EVENT_OPEN, 2, 4444, "/usr/bin/nc");
	minutes(2);
	alerts_are("", "what passes is no outlier");
	minutes(3);
	alerts_are(
		"open outlier tcp:4444 n07: tcp 4444 of /usr/bin/nc is open, unlike its "
		"siblings on n07; ",
		"a node that differs from its siblings is reported, though no profile is accepted");
	put(7, EVENT_CLOSE, 2, 4444, "/usr/bin/nc");
	minutes(3);
	alerts_are("resolved outlier tcp:4444 n07: tcp 4444 of /usr/bin/nc is open, unlike "
		   "its siblings on n07; ",
		   "until it does not any more");
}

int main(void)
{
	test_missing();
	test_outlier();
	judge_free(judge);
	store_free(store);
	return tap_done();
}
