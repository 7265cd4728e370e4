/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_LEDGER_H
#define AJAR_TESTS_LEDGER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/event.h"
#include "journal/journal.h"
#include "ship/ship.h"
#include "store/store.h"
#include "tap.h"

/*
 * A node of a test: its journal, a shipper for it, and in the end the question whether the store
 * has what the journal has.
 */
struct node {
	char name[24], dir[100];
	int dirfd;
	struct journal *j;
	uint64_t cookie;
};

static inline bool node_open(struct node *n, const char *name)
{
	struct journal_opts o = { .node = name, .segment_bytes = 1 << 20 };
	char *why = NULL;

	*n = (struct node){ .dirfd = -1 };
	snprintf(n->name, sizeof(n->name), "%s", name);
	snprintf(n->dir, sizeof(n->dir), "/tmp/ajar-node-XXXXXX");
	if (!mkdtemp(n->dir))
		return false;
	n->dirfd = open(n->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal_open(n->dirfd, &o, "11111111-1111-1111-1111-111111111111", &n->j, &why))
		printf("# journal_open: %s\n", why ? why : "?");
	free(why);
	return n->j;
}

static inline void node_done(struct node *n)
{
	DIR *d = opendir(n->dir);

	journal_free(n->j);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] != '.')
			unlinkat(n->dirfd, e->d_name, 0);
	}
	if (d)
		closedir(d);
	if (n->dirfd >= 0)
		close(n->dirfd);
	rmdir(n->dir);
}

static inline bool node_append(struct node *n, unsigned records)
{
	struct journal_pos pos;
	uint64_t dropped = 0;
	int err = 0;

	for (unsigned i = 0; !err && i < records; i++) {
		struct event ev = { .kind = EVENT_OPEN,
				    .origin = ORIGIN_EVENT,
				    .time_ns = clock_wall_ns(),
				    .door = { .proto = PROTO_TCP,
					      .family = FAMILY_INET,
					      .scope = SCOPE_ANY,
					      .port = 4444,
					      .netns_cookie = 1,
					      .cookie = ++n->cookie } };
		struct buf b = BUF_INIT(EVENT_RECORD_MAX);

		event_encode(&ev, &b);
		err = journal_append(n->j, b.data, b.len, &pos);
		buf_done(&b);
	}
	return !err && !journal_commit(n->j, &dropped) && !dropped;
}

static inline int node_ship(struct node *n, struct store *s, struct ship **ret_ship)
{
	const struct ship_opts o = { .node = n->name, .host_type = "compute" };

	return ship_new(n->dirfd, s, &o, ret_ship);
}

struct node_compare {
	struct journal_reader *r;
	uint64_t same, wrong;
};

static inline int node_compare_row(const struct store_event_row *row, void *arg)
{
	struct node_compare *c = arg;
	struct journal_damage d;
	struct journal_record rec;

	if (journal_next(c->r, &rec, &d) == 1 && rec.pos.boot_seq == row->raw.boot_seq &&
	    rec.pos.seq == row->raw.seq && text_eq(rec.payload, row->raw.record) &&
	    rec.wall_ns == row->raw.recorded_ns && !memcmp(rec.chain, row->raw.chain, SHA256_LEN))
		c->same++;
	else
		c->wrong++;
	return c->wrong > 10;
}

/* Record by record, in order: nothing lost, nothing doubled, nothing else. */
static inline bool node_is_stored(struct node *n, struct store *s)
{
	struct node_compare c = { 0 };
	struct journal_verdict v = { 0 };
	struct journal_damage d;
	struct journal_record rec;
	int err = journal_verify(n->dirfd, NULL, NULL, &v);

	if (!err)
		err = journal_reader_new(n->dirfd, (struct journal_pos){ 0 }, &c.r);
	for (uint32_t boot = 1; !err && boot <= v.last.boot_seq; boot++) {
		struct store_event_query q = { .node = n->name, .boot_seq = boot };

		err = store_events(s, &q, node_compare_row, &c);
	}
	if (err < 0)
		printf("# %s: %d %s\n", n->name, err, store_why(s));
	if (c.wrong || c.same != v.records || !c.same ||
	    (!err && journal_next(c.r, &rec, &d) != 0)) {
		printf("# %s: the journal has %llu records, of those the store gave %llu are right "
		       "and %llu wrong\n",
		       n->name, (unsigned long long)v.records, (unsigned long long)c.same,
		       (unsigned long long)c.wrong);
		err = -EIO;
	}
	journal_reader_free(c.r);
	return !err;
}

#endif
