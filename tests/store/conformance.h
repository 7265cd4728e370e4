/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_CONFORMANCE_H
#define AJAR_TESTS_CONFORMANCE_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "fixtures.h"
#include "store/grant.h"
#include "store/mariadb.h"
#include "store/store.h"
#include "tap.h"

/*
 * The suite that every driver passes: what store.h promises, tried on each.
 * test_conformance_events.c has the events and what is derived from them, test_conformance_state.c
 * the rest.
 */

#define DAY_NS (86400ULL * 1000000000ULL)
#define T0 (20000 * DAY_NS)

static struct driver {
	const char *name;
	const char *uri; /* %s: a fresh folder; NULL: a fresh database of the server */
	bool nodes; /* what a shipper does is done with the node's own account */
} drivers[] = {
	{ "sqlite", "sqlite:%s/store.db", false },
	{ "mariadb", NULL, false },
	{ "mariadb, as the node", NULL, true },
};
static struct mariadb server = { .in = -1, .out = -1 };

static const struct driver *drv;
static char uri[400], folder[128];

static inline struct store *open_one(void)
{
	struct store *s = NULL;
	_free_ char *why = NULL;
	int err = store_open(uri, STORE_CREATE, &s, &why);

	if (err)
		printf("# store_open: %d %s\n", err, why ? why : "");
	return s;
}

static inline void remove_folder(void)
{
	static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "bell" };
	char path[200];

	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
}

static inline struct store *fresh(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ajar-conformance-XXXXXX");
	if (!drv->uri)
		return mdb_fresh(&server, uri, sizeof(uri)) ? NULL : open_one();
	if (!mkdtemp(folder))
		return NULL;
	snprintf(uri, sizeof(uri), "sqlite:%s/store.db", folder);
	return open_one();
}

static inline void drop_writers(void);
static inline void drop(struct store *s)
{
	drop_writers();
	store_free(s);
	if (drv->uri)
		remove_folder();
}

/* --- who writes ------------------------------------------------------------------------------------ */

#define WRITERS_MAX 8
static struct writer {
	char node[64], login[32];
	struct store *s;
	pid_t pid; /* a handle is of the process that opened it */
} writers[WRITERS_MAX];

static inline void drop_writers(void)
{
	for (struct writer *w = writers; w < writers + WRITERS_MAX; w++) {
		if (w->s && w->pid == getpid())
			store_free(w->s);
		*w = (struct writer){ 0 };
	}
}

/* Opens the store with the account of that node alone, which is made first when it is new. */
static inline void open_as_node(struct store *owner, struct writer *w)
{
	static unsigned logins;
	char where[400];
	const struct store_grant g = { .role = ACCOUNT_NODE,
				       .login = w->login,
				       .from = "localhost",
				       .node = w->node,
				       .password = "secret" };
	_free_ char *why = NULL;
	int err = 0;

	if (!w->login[0]) {
		snprintf(w->login, sizeof(w->login), "w%u", ++logins);
		err = store_grant(owner, &g, false, NULL, NULL);
	}
	if (err)
		printf("# grant: %s\n", store_why(owner));
	snprintf(where, sizeof(where), "mysql://%s@localhost/c%u?socket=%s", w->login,
		 server.databases, server.sock);
	setenv("AJAR_STORE_PASSWORD", "secret", 1);
	w->s = NULL;
	w->pid = getpid();
	if (store_open(where, STORE_CREATE, &w->s, &why))
		printf("# %s\n", why ? why : "");
	unsetenv("AJAR_STORE_PASSWORD");
}

/* The handle that a shipper of that node has: s itself, or one with the node's account. */
static inline struct store *writer(struct store *s, const char *node)
{
	struct writer *w = writers;

	if (!drv->nodes || !node[0] || strchr(node, '\n'))
		return s;
	while (w->node[0] && strcmp(w->node, node))
		w++;
	if (!w->node[0])
		snprintf(w->node, sizeof(w->node), "%s", node);
	if (w->pid != getpid())
		open_as_node(s, w);
	return w->s;
}

/* --- records ------------------------------------------------------------------------------------- */

static inline struct event open_event(uint32_t port, uint64_t cookie, uint64_t time_ns)
{
	struct event ev = fixture_event(EVENT_OPEN, cookie, port, time_ns);

	ev.boot_ns = 1;
	return ev;
}

struct batch {
	struct store_event rows[STORE_BATCH_MAX];
	struct buf bytes[STORE_BATCH_MAX];
	size_t len;
};

static inline void add(struct batch *b, uint32_t boot, uint64_t seq, const struct event *ev)
{
	struct buf *bytes = &b->bytes[b->len];
	struct store_event *row = &b->rows[b->len++];

	*bytes = (struct buf)BUF_INIT(EVENT_RECORD_MAX);
	event_encode(ev, bytes);
	*row = (struct store_event){ .boot_seq = boot,
				     .seq = seq,
				     .recorded_ns = ev->time_ns,
				     .received_ns = ev->time_ns + 5,
				     .record = { bytes->data, (uint32_t)bytes->len } };
	memset(row->chain, (int)(seq & 0xff), SHA256_LEN);
}

static inline void clear(struct batch *b)
{
	for (size_t i = 0; i < b->len; i++)
		buf_done(&b->bytes[i]);
	b->len = 0;
}

static inline int put(struct store *s, const char *node, struct batch *b, size_t *ret_new)
{
	size_t n = 0;
	int err = store_put_events(writer(s, node), node, "compute", b->rows, b->len, &n);

	if (ret_new)
		*ret_new = n;
	clear(b);
	return err;
}

static inline int put_one(struct store *s, const char *node, uint32_t boot, uint64_t seq,
			  const struct event *ev)
{
	struct batch b = { .len = 0 };

	add(&b, boot, seq, ev);
	return put(s, node, &b, NULL);
}

/* What a walk over events gives, as one line: "node:boot:seq ...". */
static inline int list_event(const struct store_event_row *row, void *arg)
{
	buf_printf(arg, "%s:%u:%llu ", row->node, row->raw.boot_seq,
		   (unsigned long long)row->raw.seq);
	return 0;
}

static inline void events_are(struct store *s, struct store_event_query q, const char *want,
			      const char *what)
{
	struct buf b = BUF_INIT(1 << 20);

	buf_puts(&b, "");
	if (store_events(s, &q, list_event, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static inline uint64_t head_of(struct store *s, const char *node, uint32_t boot)
{
	uint64_t head = UINT64_MAX;

	return store_event_head(writer(s, node), node, boot, &head) ? UINT64_MAX : head;
}

static inline int list_node(const struct store_node *n, void *arg)
{
	buf_printf(arg, "%s %s events=%llu lost=%llu tier=%s at=%u:%llu; ", n->name, n->host_type,
		   (unsigned long long)n->events, (unsigned long long)n->lost,
		   n->tier ? n->tier : "-", n->boot_seq, (unsigned long long)n->seq);
	return 0;
}

static inline void nodes_are(struct store *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	if (store_nodes(s, list_node, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static inline int list_pending(const struct store_pending *p, void *arg)
{
	buf_printf(arg, "%s:%u:%llu-%llu ", p->node, p->boot_seq, (unsigned long long)p->judged_seq,
		   (unsigned long long)p->stored_seq);
	return 0;
}

static inline void pending_is(struct store *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_pending(s, list_pending, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static inline int list_door(const struct store_door *d, void *arg)
{
	buf_printf(arg, "%s:%u:%s ", d->node, d->door.port, d->ev.opener.comm);
	return 0;
}

static inline void doors_are(struct store *s, struct store_door_query q, const char *want,
			     const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_doors(s, &q, list_door, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static inline int put_door_on(struct store *s, const char *node, uint32_t port, uint64_t cookie,
			      uint64_t opened_ns, const char *key)
{
	struct event ev = open_event(port, cookie, opened_ns);
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_door d = { .node = node,
				.boot_seq = 1,
				.door = ev.door,
				.open_seq = cookie,
				.opened_ns = opened_ns,
				.verdict = VERDICT_UNEXPECTED,
				.severity = SEVERITY_CRITICAL,
				.alert_key = key };
	int err;

	d.door.addr[0] = 127;
	d.door.addr[3] = 1;
	d.door.v6only = true;
	event_encode(&ev, &b);
	d.record = (struct text){ b.data, (uint32_t)b.len };
	err = store_put_door(s, &d);
	buf_done(&b);
	return err;
}

static inline int put_door(struct store *s, uint32_t port, uint64_t cookie, uint64_t opened_ns,
			   const char *key)
{
	return put_door_on(s, "n1", port, cookie, opened_ns, key);
}

static inline void setting_is(struct store *s, const char *name, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);
	int err = store_setting_get(s, name, &b);

	is_str(err == -ENOENT ? NULL : buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static inline void each(void (*test)(struct store *s))
{
	struct store *s = fresh();

	if (!ok(s, "%s: a fresh store opens", drv->name))
		return;
	test(s);
	drop(s);
}

static bool
	nodes_too; /* the tests keep to what a shipper may do, and a reader with the owner's account */

/*
 * Runs the tests over each driver; `shared` is the one with two handles. With
 * AJAR_TEST_SERVER=mysql only over MySQL proper: see test_mysql_proper.sh.
 */
static inline int conformance(void (*const tests[])(struct store *s), size_t n,
			      void (*shared)(struct store *s))
{
	for (size_t i = 0; i < array_len(drivers); i++) {
		drv = &drivers[i];
		if (drv->nodes && !nodes_too)
			continue;
		if (getenv("AJAR_TEST_SERVER")) {
			if (drv->uri)
				continue;
			drivers[i].name =
				drv->nodes ? "mysql, as the node" : getenv("AJAR_TEST_SERVER");
		}
		if (!drv->uri && server.pid <= 0 && mdb_start(&server, NULL)) {
			tap_skip((unsigned)n, "%s: %s", drv->name, server.why);
			continue;
		}
		for (size_t k = 0; k < n; k++)
			each(tests[k]);
		if (shared)
			each(shared);
	}
	mdb_stop(&server);
	return tap_done();
}

#endif
