/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_JUDGE_HELP_H
#define AJAR_TESTS_JUDGE_HELP_H

/* A store, a judge, events for it, and what became of them. */
#include <stdio.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "fixtures.h"
#include "monitor/judge.h"
#include "store/store.h"
#include "tap.h"

#define S UINT64_C(1000000000)
#define T0 (UINT64_C(1795363262) * S)
#define NODE "node001"

static struct store *store;
static struct judge *judge;
static uint64_t next_seq = 1, now = T0;
static unsigned changes; /* alert_log rows of the last step */

static inline struct event door_event(enum event_kind kind, uint64_t cookie, uint16_t port)
{
	return fixture_event(kind, cookie, port, now);
}

static inline struct event other_program(struct event ev)
{
	ev.opener.exe = TEXT("/usr/bin/other");
	return ev;
}

static inline void put_in_node(const char *node, struct event ev, uint32_t boot_seq)
{
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_event row = { .boot_seq = boot_seq, .seq = next_seq++, .received_ns = now };
	size_t added;

	event_encode(&ev, &b);
	row.record = (struct text){ b.data, (uint32_t)b.len };
	if (store_put_events(store, node, "compute", &row, 1, &added))
		printf("# cannot put: %s\n", store_why(store));
	buf_done(&b);
}

static inline void put_in_boot(struct event ev, uint32_t boot_seq)
{
	put_in_node(NODE, ev, boot_seq);
}

static inline void put(struct event ev)
{
	put_in_boot(ev, 1);
}

static inline void step(void)
{
	uint64_t next;
	int err = judge_step(judge, now, &changes, &next);

	if (err)
		printf("# judge_step: %d %s\n", err, store_why(store));
}

struct counted {
	unsigned n;
	enum alert_state state;
	enum finding_kind kind;
	uint64_t doors, most, newest; /* newest: of the first, which changed last */
};

static inline int count_alert(const struct store_alert *a, void *arg)
{
	struct counted *c = arg;

	if (!c->n++)
		c->newest = a->count;
	c->state = a->state;
	c->kind = a->kind;
	c->doors = a->count;
	if (a->count > c->most)
		c->most = a->count;
	return 0;
}

/* How many alerts there are, resolved ones included when all; what the last one looks like. */
static inline struct counted alerts(bool all)
{
	const struct store_alert_query q = { .all = all };
	struct counted c = { 0 };

	if (store_alerts(store, &q, count_alert, &c))
		printf("# store_alerts: %s\n", store_why(store));
	return c;
}

static inline int count_door(const struct store_door *d, void *arg)
{
	struct counted *c = arg;

	(void)d;
	c->n++;
	return 0;
}

static inline unsigned open_doors(void)
{
	const struct store_door_query q = { .open_only = true };
	struct counted c = { 0 };

	if (store_doors(store, &q, count_door, &c))
		printf("# store_doors: %s\n", store_why(store));
	return c.n;
}

static inline void restart(void)
{
	const struct judge_opts o = { .own_programs = { "/usr/bin/ajar", NULL },
				      .own_port = 2527,
				      .slice_ns = 30 * S };

	judge_free(judge);
	judge = NULL;
	if (judge_new(store, &o, &judge))
		printf("# cannot make a judge\n");
}

static char judge_path[] = "/tmp/ajar-judge-XXXXXX";

static inline bool judge_begin(void)
{
	_free_ char *why = NULL;
	char uri[64];

	if (!mkdtemp(judge_path))
		return false;
	snprintf(uri, sizeof(uri), "sqlite:%s/ajar.db", judge_path);
	if (!is_int(store_open(uri, STORE_CREATE, &store, &why), 0, "a store is made"))
		printf("# %s\n", why ? why : "?");
	restart();
	return true;
}

static inline int judge_end(void)
{
	static const char *const files[] = { "ajar.db", "ajar.db-wal", "ajar.db-shm", "bell" };
	char file[64];

	judge_free(judge);
	store_free(store);
	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(file, sizeof(file), "%s/%s", judge_path, files[i]);
		unlink(file);
	}
	is_int(rmdir(judge_path), 0, "and nothing else is left in its folder");
	return tap_done();
}

#endif
