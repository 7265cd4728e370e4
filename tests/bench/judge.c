/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "monitor/judge.h"
#include "store/store.h"
#include "tap.h"

/*
 * Judging events (AJAR_LONG: a million) against 100 classes of 1,000 rules each, on one core: the
 * decision alone, at a quarter, half and all of them, so that its growth shows; and with all that
 * the monitor does around it (doors, alerts, the cursor) in memory.
 */
#define CLASSES 100
#define RULES 1000
#define STEP_EVENTS 10000
#define T0 UINT64_C(1728000000000000000)

static struct profile profiles[CLASSES];

static void make_rules(struct profile *p)
{
	p->accepted = true;
	p->rows_len = RULES;
	p->rows = calloc(RULES, sizeof(*p->rows));
	for (unsigned i = 0; p->rows && i < RULES; i++) {
		char exe[64];

		snprintf(exe, sizeof(exe), "/usr/sbin/service%u", i);
		p->rows[i] = (struct profile_row){ .id = i + 1,
						   .port = 1024 + i * 8,
						   .proto = i % 4 ? PROTO_TCP : PROTO_UDP,
						   .exe = strdup(exe) };
	}
}

/*
 * Nine in ten are on a port that a rule is about, held by its program; the others are unexpected.
 */
static void make_event(struct event *ev, uint64_t i, char *exe, size_t size)
{
	unsigned rule = (unsigned)(i * 7919 % RULES);
	bool odd = i % 10 == 9;

	snprintf(exe, size, "/usr/sbin/service%u", rule);
	*ev = (struct event){ .kind = EVENT_OPEN,
			      .origin = ORIGIN_EVENT,
			      .time_ns = T0 + i * 1000,
			      .door = { .proto = rule % 4 ? PROTO_TCP : PROTO_UDP,
					.family = FAMILY_INET,
					.scope = SCOPE_ANY,
					.port = 1024 + rule * 8 + (odd ? 3 : 0),
					.netns_cookie = 1,
					.cookie = i + 1 },
			      .opener = { .known = true,
					  .pid = 42,
					  .comm = "service",
					  .exe = text_of(exe),
					  .uid = 1000,
					  .user = TEXT("svc") } };
}

static double decide(size_t events, uint64_t *ret_unexpected)
{
	uint64_t start = clock_boot_ns();

	for (uint64_t i = 0; i < events; i++) {
		struct judgement j;
		struct event ev;
		char exe[64];

		make_event(&ev, i, exe, sizeof(exe));
		audit_judge(&profiles[i % CLASSES], &ev.door, &ev.opener, T0, &j);
		*ret_unexpected += j.verdict == VERDICT_UNEXPECTED;
	}
	return (double)(clock_boot_ns() - start) / 1e9;
}

static int put_all(struct store *s, size_t events)
{
	static struct store_event rows[STORE_BATCH_MAX];
	static char bytes[STORE_BATCH_MAX][512];
	int err = 0;

	for (uint64_t i = 0; !err && i < events; i += STORE_BATCH_MAX) {
		struct buf b = BUF_INIT(EVENT_RECORD_MAX);
		char node[16], host_type[16];
		size_t fresh;

		for (size_t k = 0; k < STORE_BATCH_MAX; k++) {
			struct event ev;
			char exe[64];

			make_event(&ev, i + k, exe, sizeof(exe));
			buf_reset(&b);
			event_encode(&ev, &b);
			memcpy(bytes[k], b.data, b.len);
			rows[k] = (struct store_event){ .boot_seq = 1,
							.seq = k + 1,
							.recorded_ns = T0,
							.received_ns = T0,
							.record = { bytes[k], (uint32_t)b.len } };
		}
		snprintf(node, sizeof(node), "n%llu", (unsigned long long)(i / STORE_BATCH_MAX));
		snprintf(host_type, sizeof(host_type), "class%llu",
			 (unsigned long long)(i / STORE_BATCH_MAX % CLASSES));
		err = store_put_events(s, node, host_type, rows, STORE_BATCH_MAX, &fresh);
		buf_done(&b);
	}
	return err;
}

/*
 * The monitor's step over events of 100 classes, into a store on memory's file system where there
 * is one.
 */
static void whole_step(void)
{
	char dir[64], path[100];
	struct store *s = NULL;
	struct judge *j = NULL;
	unsigned changes;
	uint64_t next = 1, start, spent;
	int err;

	snprintf(dir, sizeof(dir), "%s/ajar-judge-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof(path), "%s/store.db", dir);
	err = store_open(path, STORE_CREATE, &s, NULL);
	for (unsigned c = 0; !err && c < CLASSES; c++) {
		char name[16];
		size_t fresh;

		snprintf(name, sizeof(name), "class%u", c);
		err = store_profile_add(s, name, profiles[c].rows, RULES, true, T0, &fresh);
	}
	if (!err)
		err = put_all(s, STEP_EVENTS);
	if (!err)
		err = judge_new(s, &(struct judge_opts){ 0 }, &j);
	start = clock_boot_ns();
	while (!err && next && next <= T0 + 1) {
		next = 0;
		err = judge_step(j, T0 + 1, &changes, &next);
	}
	spent = clock_boot_ns() - start;
	ok(!err, "the monitor's step judges all of them");
	printf("# with doors, alerts and cursor in the embedded store: %.0f events/s (%d events, "
	       "one in ten unexpected)\n",
	       STEP_EVENTS * 1e9 / (double)spent, STEP_EVENTS);
	judge_free(j);
	store_free(s);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm",
						     "bell" };

		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	const size_t events = getenv("AJAR_LONG") ? 1000000 : 100000;
	uint64_t unexpected = 0;
	double took[3];

	for (unsigned c = 0; c < CLASSES; c++)
		make_rules(&profiles[c]);
	for (unsigned i = 0; i < 3; i++) {
		size_t n = events / 4 << i;

		unexpected = 0;
		took[i] = decide(n, &unexpected);
		printf("# %7zu events against %d classes of %d rules: %6.2f s, %8.0f events/s\n", n,
		       CLASSES, RULES, took[i], (double)n / took[i]);
	}
	printf("# growth from a quarter to all: %.2f x (linear: 4)\n", took[2] / took[0]);
	is_int((long long)unexpected, (long long)events / 10, "one in ten is unexpected");
	whole_step();
	for (unsigned c = 0; c < CLASSES; c++) {
		for (unsigned i = 0; i < RULES; i++)
			profile_row_done(&profiles[c].rows[i]);
		free(profiles[c].rows);
	}
	return tap_done();
}
