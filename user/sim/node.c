/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/journal.h"
#include "ship/ship.h"
#include "store/store.h"

/*
 * One node. It makes records as an agent does; a full one writes them to a journal on disk, which
 * the real shipper reads, a light one keeps them until they are stored. What it made is summed up,
 * to be compared with what the store has.
 */
#define EXE_TEXT 4200 /* a longer path is cut */
#define TRY_AGAIN_MS 100
#define AWAY_NS (120 * SECOND_NS)
#define NETNS UINT32_C(4026531840)
#define LIGHT_KEPT                                                                                 \
	(4 *                                                                                       \
	 STORE_BATCH_MAX) /* records of a light node from which on those that are stored are forgotten */

/* splitmix64: the same everywhere, and each node has its own. */
uint64_t sim_node_random(struct sim_node *n, uint64_t below)
{
	uint64_t z = n->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return below ? z % below : z;
}

uint64_t sim_record_sum(uint32_t boot_seq, uint64_t seq, const void *p, size_t len)
{
	const unsigned char *b = p;
	uint64_t h = 0xcbf29ce484222325u ^ boot_seq;

	h = (h ^ seq) * 0x100000001b3u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	return h ^ (h >> 29);
}

/* Under a boot id of its own. */
static int open_writer(struct sim_node *n)
{
	const struct journal_opts jo = { .node = n->name, .segment_bytes = 1 << 20 };
	_free_ char *why = NULL;
	char boot[48];

	snprintf(boot, sizeof(boot), "00000000-0000-4000-8000-%012llx",
		 (unsigned long long)(sim_node_random(n, 0) & 0xffffffffffffu));
	return journal_open(n->dirfd, &jo, boot, &n->journal, &why);
}

static int open_journal(struct sim_node *n, const struct sim_opts *o)
{
	const struct ship_opts so = { .node = n->name, .host_type = n->host_type };
	char path[600];
	int err;

	snprintf(path, sizeof(path), "%s/%s", o->journals, n->name);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	n->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (n->dirfd < 0)
		return -errno;
	err = open_writer(n);
	return err ? err : ship_new(n->dirfd, n->store, &so, &n->ship);
}

int sim_node_init(struct sim_node *n, const struct sim_opts *o, struct store *shared)
{
	_free_ char *why = NULL;
	int err = 0;

	n->dirfd = -1;
	n->boot_seq = 1;
	n->pids = 1000;
	n->bytes = (struct buf)BUF_INIT(SIZE_MAX / 2);
	n->random = sim_record_sum(0, o->seed, n->name, strlen(n->name));
	n->store = shared;
	if (o->store) {
		err = store_open(o->store, 0, &n->store, &why);
		n->own_store = !err;
	}
	if (!err && o->journals)
		err = open_journal(n, o);
	if (err)
		fprintf(stderr, "sim: %s: %s\n", n->name, why ? why : strerror(-err));
	return err;
}

void sim_node_done(struct sim_node *n)
{
	ship_free(n->ship);
	journal_free(n->journal);
	if (n->dirfd >= 0)
		close(n->dirfd);
	if (n->own_store)
		store_free(n->store);
	buf_done(&n->bytes);
	free(n->records);
	free(n->doors);
}

/* --- making records ------------------------------------------------------------------------------- */

static int queue_record(struct sim_node *n, const struct buf *b, uint64_t time_ns)
{
	struct sim_record *r;

	if (n->records_len == n->records_cap) {
		size_t cap = n->records_cap ? 2 * n->records_cap : 16;

		r = reallocarray(n->records, cap, sizeof(*r));
		if (!r)
			return -ENOMEM;
		n->records = r;
		n->records_cap = cap;
	}
	r = &n->records[n->records_len++];
	*r = (struct sim_record){
		.seq = ++n->seq, .time_ns = time_ns, .at = n->bytes.len, .len = b->len
	};
	buf_put(&n->bytes, b->data, b->len);
	journal_chain_step(n->chain, (struct journal_pos){ n->boot_seq, r->seq }, time_ns,
			   (struct text){ b->data, (uint32_t)b->len }, r->chain);
	memcpy(n->chain, r->chain, sizeof(n->chain));
	return n->bytes.err;
}

static int add_record(struct sim_node *n, const struct event *ev)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct journal_pos pos;
	int err;

	event_encode(ev, &b);
	err = b.err;
	if (!err && n->journal) {
		err = journal_append(n->journal, b.data, b.len, &pos);
		n->boot_seq = pos.boot_seq;
		n->seq = pos.seq;
	} else if (!err) {
		err = queue_record(n, &b, ev->time_ns);
	}
	if (err)
		return err;
	n->dirty = true;
	n->made++;
	n->sum += sim_record_sum(n->boot_seq, n->seq, b.data, b.len);
	return 0;
}

/* What has no room in out is cut. */
static struct text argv_of(const struct sim_spec *s, char *out, size_t size)
{
	size_t n;

	snprintf(out, size, "%s %s", s->exe, s->args ? s->args : "-D");
	n = strlen(out);
	for (char *c = out; *c || c < out + n; c++) {
		if (*c == ' ')
			*c = '\0';
	}
	return (struct text){ out, (uint32_t)n + 1 };
}

static void set_parents(struct process *p, const char *names)
{
	uint32_t pid = p->pid;

	while (*names && p->ancestors_len < ANCESTORS_MAX) {
		struct ancestor *a = &p->ancestors[p->ancestors_len++];
		size_t len = strcspn(names, " ");

		pid -= 7;
		snprintf(a->comm, sizeof(a->comm), "%.*s", (int)len, names);
		names += len;
		names += strspn(names, " ");
		a->pid = *names ? pid : 1;
	}
}

static void set_process(struct process *p, const struct sim_spec *s, uint32_t pid,
			uint64_t start_ns, char *exe, size_t exe_size, char *argv, size_t argv_size)
{
	snprintf(exe, exe_size, "%s%s", s->exe, s->deleted ? " (deleted)" : "");
	*p = (struct process){
		.known = true,
		.pid = pid,
		.tid = pid,
		.start_ns = start_ns,
		.exe = text_of(exe),
		.argv = argv_of(s, argv, argv_size),
		.uid = s->uid,
		.gid = s->uid,
		.loginuid = s->uid ? s->uid : ID_UNKNOWN,
		.session = s->uid ? 3 : ID_UNKNOWN,
		.user = text_of(s->user),
		.space = SPACE_KNOWN,
	};
	memcpy(p->comm, s->comm, COMM_LEN);
	set_parents(p, s->parents ? s->parents : "systemd");
}

static int record_door(struct sim_node *n, enum event_kind kind, const struct sim_door *d,
		       uint64_t time_ns)
{
	char exe[EXE_TEXT], argv[2 * EXE_TEXT];
	struct event ev = { .kind = kind,
			    .origin = ORIGIN_EVENT,
			    .time_ns = time_ns,
			    .boot_ns = time_ns & 0xffffffffffff,
			    .door = d->door };

	set_process(&ev.opener, d->spec, d->pid, d->opened_ns - SECOND_NS / 10, exe, sizeof(exe),
		    argv, sizeof(argv));
	if (d->spec->cgroup) {
		ev.cgroup_id = 7;
		ev.cgroup = text_of(d->spec->cgroup);
		ev.cgroups_known = true; /* cgroup v2: there is no other */
	}
	if (kind == EVENT_CLOSE) {
		ev.opened_ns = d->opened_ns;
		ev.closer = ev.opener;
	}
	return add_record(n, &ev);
}

/* Nothing is open any more, and its records are numbered anew. */
static int reboot(struct sim_node *n)
{
	int err = sim_node_ship(n);

	if (err)
		return err;
	n->doors_len = n->records_len = n->sent = 0;
	buf_reset(&n->bytes);
	n->seq = 0;
	n->boot_seq++;
	if (!n->journal)
		return 0;
	journal_free(take_ptr(n->journal));
	return open_writer(n);
}

int sim_node_boot(struct sim_node *n, uint64_t time_ns)
{
	struct event ev = { .kind = EVENT_START,
			    .time_ns = time_ns,
			    .from_seq = 1,
			    .reason = TEXT("tier A: simulated") };
	int err = n->made ? reboot(n) : 0;

	return err ? err : add_record(n, &ev);
}

int sim_node_open(struct sim_node *n, const struct sim_spec *s, uint64_t tag, uint64_t time_ns)
{
	struct sim_door *d;

	if (n->doors_len == n->doors_cap) {
		size_t cap = n->doors_cap ? 2 * n->doors_cap : 16;

		d = reallocarray(n->doors, cap, sizeof(*d));
		if (!d)
			return -ENOMEM;
		n->doors = d;
		n->doors_cap = cap;
	}
	d = &n->doors[n->doors_len++];
	*d = (struct sim_door){
		.spec = s,
		.pid = n->pids++,
		.opened_ns = time_ns,
		.tag = tag,
		.door = { .proto = s->proto,
			  .family = FAMILY_INET,
			  .scope = s->scope,
			  .port = s->port ? s->port : 32768 + (uint32_t)sim_node_random(n, 28232),
			  .autoport = !s->port,
			  .netns = NETNS,
			  .netns_cookie = 1,
			  .cookie = ++n->cookies,
			  .inode = 10000 + n->cookies },
	};
	if (s->scope == SCOPE_LOOPBACK)
		d->door.addr[0] = 127, d->door.addr[3] = 1;
	return record_door(n, EVENT_OPEN, d, time_ns);
}

int sim_node_close(struct sim_node *n, uint64_t tag, enum door_proto proto, uint32_t port,
		   uint64_t time_ns)
{
	for (size_t i = n->doors_len; i-- > 0;) {
		struct sim_door *d = &n->doors[i], gone;

		if (tag ? d->tag != tag : d->door.proto != proto || d->door.port != port)
			continue;
		gone = *d;
		*d = n->doors[--n->doors_len];
		return record_door(n, EVENT_CLOSE, &gone, time_ns);
	}
	return 0;
}

int sim_node_act(const struct sim_action *a)
{
	switch (a->what) {
	case ACT_BOOT:
		return sim_node_boot(a->node, a->time_ns);
	case ACT_OPEN:
		return sim_node_open(a->node, a->spec, a->tag, a->time_ns);
	case ACT_CLOSE:
		return sim_node_close(a->node, a->tag, a->spec->proto, a->spec->port, a->time_ns);
	}
	return -EINVAL;
}

/* --- shipping --------------------------------------------------------------------------------------- */

static int put_some(struct sim_node *n, size_t first, size_t *ret_next)
{
	static struct store_event rows[STORE_BATCH_MAX];
	const uint64_t now_ns = clock_wall_ns();
	size_t len = 0, fresh;
	int err;

	while (len < STORE_BATCH_MAX && first + len < n->records_len) {
		const struct sim_record *r = &n->records[first + len];
		struct store_event *row = &rows[len++];

		*row = (struct store_event){ .boot_seq = n->boot_seq,
					     .seq = r->seq,
					     .recorded_ns = r->time_ns,
					     .received_ns = now_ns,
					     .record = { n->bytes.data + r->at,
							 (uint32_t)r->len } };
		memcpy(row->chain, r->chain, SHA256_LEN);
	}
	err = len ? store_put_events(n->store, n->name, n->host_type, rows, len, &fresh) : 0;
	if (!err)
		*ret_next = first + len;
	return err;
}

/* One batch; 1: there may be more. */
static int ship_some(struct sim_node *n)
{
	int err;

	if (n->ship)
		return ship_step(n->ship);
	err = put_some(n, n->sent, &n->sent);
	if (err)
		return err;
	if (n->sent == n->records_len && n->sent > LIGHT_KEPT) {
		n->sent = n->records_len = 0;
		buf_reset(&n->bytes);
	}
	return n->sent < n->records_len;
}

int sim_node_ship(struct sim_node *n)
{
	uint64_t start_ns = clock_boot_ns(), dropped;
	unsigned told = 0;
	int ret = 1;

	if (n->journal) {
		ret = journal_commit(n->journal, &dropped);
		if (ret)
			return ret;
		ret = 1;
	}
	while (ret > 0) {
		ret = ship_some(n);
		if (ret < 0 && store_fault(ret) == STORE_RETRY &&
		    clock_boot_ns() - start_ns < AWAY_NS) {
			if (!told++)
				fprintf(stderr, "sim: %s: %s, trying again\n", n->name,
					store_why(n->store));
			poll(NULL, 0, TRY_AGAIN_MS);
			ret = 1;
		}
	}
	if (ret < 0)
		fprintf(stderr, "sim: %s: %s\n", n->name, store_why(n->store));
	n->dirty = false;
	return ret;
}

int sim_node_resend(struct sim_node *n)
{
	if (n->ship)
		ship_rewind(n->ship);
	else
		n->sent = 0;
	return sim_node_ship(n);
}

struct census {
	uint64_t rows, sum;
};

static int on_row(const struct store_event_row *row, void *arg)
{
	struct census *c = arg;

	c->rows++;
	c->sum += sim_record_sum(row->raw.boot_seq, row->raw.seq, row->raw.record.ptr,
				 row->raw.record.len);
	return 0;
}

int sim_node_verify(struct sim_node *n, bool *ret_same)
{
	struct census c = { 0 };
	uint64_t head = 0;
	int err = 0;

	*ret_same = true;
	if (!n->made)
		return 0;
	for (uint32_t boot = 1; !err && boot <= n->boot_seq; boot++) {
		const struct store_event_query q = { .node = n->name, .boot_seq = boot };

		err = store_events(n->store, &q, on_row, &c);
	}
	if (!err)
		err = store_event_head(n->store, n->name, n->boot_seq, &head);
	if (err)
		return err;
	*ret_same = c.rows == n->made && c.sum == n->sum && head == n->seq;
	if (!*ret_same)
		fprintf(stderr,
			"sim: %s made %llu records up to %llu, the store has %llu up to %llu, "
			"their bytes are %s\n",
			n->name, (unsigned long long)n->made, (unsigned long long)n->seq,
			(unsigned long long)c.rows, (unsigned long long)head,
			c.sum == n->sum ? "the same" : "others");
	return 0;
}
