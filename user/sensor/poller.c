/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Orders and answers are messages of a socket pair: a struct order there; here records and, at the
 * end, a struct answer. Only the child's side reads what others wrote, and it acts on nothing of that.
 */
#include "sensor/poller.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/proc.h"
#include "sensor/late.h"
#include "sensor/poll.h"

enum order_what { ORDER_LOOK, ORDER_GLANCE, ORDER_WHO };
#define RECORD_BYTES_MAX 8192
#define ANSWER 0 /* no record has this type */
#define OWNERS_SENT_MAX 16384 /* beyond it they are sent again: the list begins anew */

struct order {
	uint32_t what; /* enum order_what */
	uint32_t tgid; /* who */
	uint64_t before_ns;
	uint64_t doors; /* its doors, too */
};

struct answer {
	struct ajar_header h;
	int32_t err;
	uint32_t pad;
	struct poller_sum sum;
};

struct poller {
	struct child *child;
	int fd;
};

/* --- the child -------------------------------------------------------------------------------------- */

struct serving {
	int fd;
	bool own_only;
	uint32_t netns_max;
	uid_t uid;
	gid_t gid;
	struct map *sent; /* by key: owners that the other side has been sent */
	uint64_t mark;
};

static int put(struct serving *v, const void *rec, size_t len)
{
	return send(v->fd, rec, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int put_owner(struct serving *v, const struct ajar_owner_key *key)
{
	struct late_record rec;
	int err;

	if (map_get(v->sent, key, sizeof(*key)))
		return 0;
	if (map_size(v->sent) >= OWNERS_SENT_MAX) {
		map_free(take_ptr(v->sent));
		err = map_new(NULL, &v->sent);
		if (err)
			return err;
	}
	err = map_put(v->sent, key, sizeof(*key), v);
	if (err || !late_record(key, &rec))
		return err;
	return put(v, &rec, rec.o.h.size);
}

static int put_seen(const struct ajar_open *seen, void *arg)
{
	struct serving *v = arg;
	int err = 0;

	if (!(seen->opener.flags & AJAR_ACTOR_NONE))
		err = put_owner(v, &seen->opener.owner);
	return err ? err : put(v, seen, sizeof(*seen));
}

/* The order of the dump does not count. */
uint64_t poller_mark(const struct ajar_door *d)
{
	uint64_t x = d->cookie ^ (uint64_t)d->port << 48 ^ (uint64_t)d->proto << 40;

	x = (x ^ x >> 31) * UINT64_C(0x9E3779B97F4A7C15);
	return x ^ x >> 29;
}

static int mark_seen(const struct ajar_open *seen, void *arg)
{
	struct serving *v = arg;

	v->mark += poller_mark(&seen->door);
	return 0;
}

static uint64_t cpu_ns(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Another process may have its number by now. */
static int put_who(struct serving *v, const struct order *o)
{
	struct ajar_open seen = { .h = { .abi = AJAR_ABI,
					 .type = AJAR_RECORD_SEEN,
					 .size = sizeof(seen),
					 .ktime_ns = clock_boot_ns() } };
	int err = holders_actor(o->tgid, &seen.opener, &seen.door.netns);

	if (err || seen.opener.owner.start_ns > o->before_ns)
		return -ESRCH;
	err = put_seen(&seen, v);
	if (err || !o->doors)
		return err;
	err = poll_listeners_of(v->own_only, o->tgid, put_seen, v);
	/* It has ended meanwhile. */
	return err == -ENOENT || err == -ESRCH ? 0 : err;
}

static int obey(struct serving *v, const struct order *o)
{
	struct answer a = { .h = { .abi = AJAR_ABI, .type = ANSWER, .size = sizeof(a) } };
	uint64_t before = cpu_ns();

	if (o->what == ORDER_WHO) {
		a.err = put_who(v, o);
	} else if (o->what == ORDER_LOOK) {
		a.err = poll_doors(v->own_only, v->netns_max, put_seen, v, &a.sum.missed);
	} else {
		v->mark = 0;
		a.err = diag_doors(0, mark_seen, v);
		a.sum.mark = v->mark;
	}
	a.sum.cpu_ns = cpu_ns() - before;
	return put(v, &a, sizeof(a));
}

/* Nobody is to wait for the end of what we inherited and do not use. */
static int keep_one(int *fd)
{
	if (dup2(*fd, STDERR_FILENO + 1) < 0)
		return -errno;
	*fd = STDERR_FILENO + 1;
	closefrom(*fd + 1);
	return 0;
}

static int serve(int out, void *arg)
{
	const uint64_t keep = 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_DAC_READ_SEARCH |
			      1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_SYS_ADMIN;
	struct serving *v = arg;
	struct order order;
	ssize_t n;
	int err;

	(void)out;
	/* It ends with its owner: when nobody has the other end any more. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	err = keep_one(&v->fd);
	if (!err)
		err = map_new(NULL, &v->sent);
	if (!err)
		err = proc_drop_privileges_but(v->uid, v->gid, keep);
	while (!err) {
		n = recv(v->fd, &order, sizeof(order), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(order))
			break;
		err = obey(v, &order);
	}
	return err ? 1 : 0;
}

/* --- its owner -------------------------------------------------------------------------------------- */

int poller_start(bool own_only, uint32_t netns_max, uid_t uid, gid_t gid, struct poller **ret_p)
{
	struct poller *p = calloc(1, sizeof(*p));
	int fds[2], err;

	if (!p)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		err = -errno;
		free(p);
		return err;
	}
	struct serving v = {
		.fd = fds[1], .own_only = own_only, .netns_max = netns_max, .uid = uid, .gid = gid
	};
	const struct child_opts o = { .function = serve, .arg = &v };
	err = child_start(&o, &p->child);
	close(fds[1]);
	p->fd = fds[0];
	if (err) {
		close(fds[0]);
		free(p);
		return err;
	}
	*ret_p = p;
	return 0;
}

void poller_free(struct poller *p)
{
	if (!p)
		return;
	close(p->fd);
	child_free(p->child);
	free(p);
}

/* One message, whole: its length, or a negative errno. */
static ssize_t take(struct poller *p, void *rec, size_t size)
{
	struct ajar_header h;
	ssize_t n;

	do
		n = recv(p->fd, rec, size, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -EPIPE;
	if ((size_t)n < sizeof(h) || (size_t)n > size)
		return -EBADMSG;
	memcpy(&h, rec, sizeof(h));
	return h.abi == AJAR_ABI && h.size == n ? n : -EBADMSG;
}

static int order(struct poller *p, const struct order *o,
		 int (*fn)(const struct ajar_header *h, void *arg), void *arg,
		 struct poller_sum *ret)
{
	_Alignas(8) char rec[RECORD_BYTES_MAX];
	const struct ajar_header *h = (const struct ajar_header *)rec;
	const struct answer *a = (const struct answer *)rec;
	int err = 0;

	if (send(p->fd, o, sizeof(*o), MSG_NOSIGNAL) < 0)
		return -errno;
	for (;;) {
		ssize_t n = take(p, rec, sizeof(rec));

		if (n < 0)
			return (int)n;
		if (h->type == ANSWER && n == sizeof(*a)) {
			*ret = a->sum;
			return err ? err : a->err;
		}
		if (!err)
			err = fn ? fn(h, arg) : -EBADMSG;
	}
}

int poller_look(struct poller *p, int (*fn)(const struct ajar_header *h, void *arg), void *arg,
		struct poller_sum *ret)
{
	const struct order o = { .what = ORDER_LOOK };

	return order(p, &o, fn, arg, ret);
}

int poller_glance(struct poller *p, struct poller_sum *ret)
{
	const struct order o = { .what = ORDER_GLANCE };

	return order(p, &o, NULL, NULL, ret);
}

int poller_who(struct poller *p, uint32_t tgid, uint64_t before_ns, bool doors,
	       int (*fn)(const struct ajar_header *h, void *arg), void *arg)
{
	const struct order o = {
		.what = ORDER_WHO, .tgid = tgid, .before_ns = before_ns, .doors = doors
	};
	struct poller_sum sum;

	return order(p, &o, fn, arg, &sum);
}
