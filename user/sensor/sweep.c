/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is open now, by the kernel's iterators, against what this process knows. First everything is
 * collected, then the ring is drained, then the two are compared: what an event told has been told
 * by then. Many doors are looked at in parts, so that the memory which that takes has a bound.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "base/map.h"
#include "sensor/internal.h"
#include "sensor/netns_each.h"
#include "sensor/poll.h"
#include "sensor/poller.h"

#define READ_BYTES (128u << 10)
#define TABLE_MAX (1u << 20) /* steps of a walk through the kernel's table */
#define PARTS_MAX 256
#define NO_PART PARTS_MAX
/* In other network namespaces, from before: beyond it only what processes hold is found. */
#define ELSEWHERE_MAX 65536
#define DRAINS_MAX 64
/*
 * Sweeps in a row that must miss a door which the kernel's table still has: its fd may be under way
 * in a message.
 */
#define UNSEEN_MAX 2

/*
 * Sweeps in a row that must find nobody who holds a door before it is reported: its descriptor may
 * be changing hands.
 */
#define UNHELD_MAX 2
/* A look at who holds what gets a twentieth of the time at most. */
#define LOOK_SHARE 20

/* What the iterators say of one door. */
struct found {
	struct ajar_open rec; /* the opener is the oldest holder */
	struct held_set held;
};

struct sweeping {
	struct sensor *s;
	struct map *found; /* by cookie: struct found */
	size_t limit; /* of found */
	/* Of all cookies those whose rest by parts is part; NO_PART: none, owners alone. */
	uint32_t part, parts;
	size_t total; /* found in all parts */
	uint64_t start_ns;
	struct delivery d;
	int origin;
	uint64_t *gone; /* cookies to close */
	size_t gone_len, gone_cap;
};

/* The oldest holder counts as the opener: children and receivers of a descriptor are younger. */
static void merge(struct ajar_open *have, const struct ajar_open *seen)
{
	if (seen->opener.flags & AJAR_ACTOR_NONE)
		return;
	if (have->opener.flags & AJAR_ACTOR_NONE ||
	    seen->opener.owner.start_ns < have->opener.owner.start_ns)
		have->opener = seen->opener;
	have->door.flags &= (uint8_t)~AJAR_DOOR_KERNEL;
}

static int take_seen(struct sweeping *w, const struct ajar_open *seen)
{
	uint64_t cookie = seen->door.cookie;
	struct found *have;
	int err = 0;

	if (cookie % w->parts != w->part)
		return 0;
	have = map_get(w->found, &cookie, sizeof(cookie));
	if (have) {
		merge(&have->rec, seen);
	} else {
		if (map_size(w->found) >= w->limit)
			return -E2BIG;
		have = calloc(1, sizeof(*have));
		if (!have)
			return -ENOMEM;
		have->rec = *seen;
		err = map_put(w->found, &cookie, sizeof(cookie), have);
		if (err) {
			free(have);
			return err;
		}
	}
	if (seen->opener.flags & AJAR_ACTOR_NONE)
		return 0;
	return held_add(w->s, &have->held, &seen->opener);
}

static bool free_one(const void *key, size_t len, void *value, void *arg)
{
	struct found *f = value;

	(void)key;
	(void)len;
	held_done(arg, &f->held);
	return true;
}

static void free_found(struct sensor *s, struct map *found)
{
	if (found)
		map_each(found, free_one, s);
	map_free(found);
}

static int take_bound(struct sweeping *w, const struct ajar_open *seen)
{
	if (seen->door.cookie % w->parts == w->part)
		bound_seen(w->s, seen);
	return 0;
}

static int take_end(struct sweeping *w, const struct ajar_close *r)
{
	struct known_door *k = door_get(w->s, r->door.cookie);

	if (k)
		k->over = true;
	return 0;
}

static int take_record(struct sweeping *w, const struct ajar_header *h)
{
	if (h->abi != AJAR_ABI)
		return -EBADMSG;
	if (h->type == AJAR_RECORD_OWNER && h->size >= sizeof(struct ajar_owner))
		return owner_cache_add(&w->s->owners, (const struct ajar_owner *)h, h->size);
	if (h->type == AJAR_RECORD_SEEN && h->size == sizeof(struct ajar_open))
		return take_seen(w, (const struct ajar_open *)h);
	if (h->type == AJAR_RECORD_BIND && h->size == sizeof(struct ajar_open))
		return take_bound(w, (const struct ajar_open *)h);
	if (h->type == AJAR_RECORD_CLOSE && h->size == sizeof(struct ajar_close))
		return take_end(w, (const struct ajar_close *)h);
	return -EBADMSG;
}

/*
 * Takes the whole records of buf[0..len) and moves the rest to the front. Owner records have any
 * length, so each is copied to where its fields are aligned.
 */
static int take_records(struct sweeping *w, char *buf, size_t *len)
{
	_Static_assert(sizeof(struct ajar_owner) + AJAR_EXE_MAX + AJAR_ARGV_MAX <= 8192, "fits");
	_Alignas(8) char rec[8192];
	struct ajar_header h;
	size_t at = 0;
	int err = 0;

	while (!err && *len - at >= sizeof(h)) {
		memcpy(&h, buf + at, sizeof(h));
		if (h.size < sizeof(h) || h.size > sizeof(rec))
			return -EBADMSG;
		if (*len - at < h.size)
			break;
		memcpy(rec, buf + at, h.size);
		err = take_record(w, (const struct ajar_header *)rec);
		at += h.size;
	}
	memmove(buf, buf + at, *len - at);
	*len -= at;
	return err;
}

static int run_iterator(struct sweeping *w, enum hook_id hook)
{
	_free_ char *buf = malloc(READ_BYTES);
	size_t len = 0;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	_close_ int fd = pins_iterate(&w->s->pins, &w->s->h, hook);
	if (fd < 0)
		return fd;
	while (!err) {
		ssize_t n = read(fd, buf + len, READ_BYTES - len);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		err = take_records(w, buf, &len);
	}
	return !err && len ? -EBADMSG : err;
}

static int take_polled(const struct ajar_header *h, void *arg)
{
	return take_record(arg, h);
}

static int collect_polled(struct sweeping *w)
{
	struct poller_sum sum = { 0 };
	int err = poller_look(w->s->poller, take_polled, w, &sum);

	w->s->look_cpu_ns += sum.cpu_ns;
	if (!err && w->s->missed != sum.missed) {
		w->s->missed = sum.missed;
		report_fill(w->s);
	}
	return err;
}

static int ignore(const struct ajar_open *seen, void *arg)
{
	(void)seen;
	(void)arg;
	return 0;
}

/*
 * To each socket of this namespace, by asking for it: programs of the plain objects only read what
 * is there.
 */
static int give_cookies(const struct sensor *s)
{
	return s->h.plain ? diag_doors(0, ignore, NULL) : 0;
}

/* The order matters: iter/tcp gives the listeners of MPTCP pairs their cookies. */
static int collect(struct sweeping *w)
{
	static const enum hook_id order[] = { HOOK_SWEEP_TCP, HOOK_SWEEP_UDP, HOOK_SWEEP_FILES };
	int err = 0;

	/* In the kernel's memory: a successor's numbers go on from ours. */
	w->s->ctl->sweep++;
	w->s->ctl->part = w->part == NO_PART ? 0 : w->part;
	w->s->ctl->part_mask = w->parts - 1;
	if (w->s->poller)
		return collect_polled(w);
	err = give_cookies(w->s);
	for (size_t i = 0; !err && i < array_len(order); i++) {
		if (w->s->h.links[order[i]] >= 0)
			err = run_iterator(w, order[i]);
	}
	return err;
}

static bool is_closed(const struct sensor *s, uint64_t cookie)
{
	return map_get(s->closed, &cookie, sizeof(cookie));
}

/* What a sweep found of the holders of a door that is new; held NULL: it was not looked for. */
static void take_first_holders(struct sensor *s, struct known_door *k, struct held_set *held)
{
	if (!held)
		return;
	if (!held->len && !(k->door.flags & AJAR_DOOR_KERNEL) && !s->poller)
		k->held = calloc(1, sizeof(*k->held)); /* held, and nobody is seen to */
	else if (!held->unsure)
		(void)held_take(s, k, held);
}

int sweep_tell_missed(struct delivery *d, struct ajar_open *seen, struct held_set *held, int origin,
		      struct known_door **ret_k)
{
	struct sensor *s = d->s;
	struct ajar_door_state st;
	struct known_door *k = NULL;
	uint64_t cookie = seen->door.cookie, now = clock_boot_ns(), opened = 0;
	bool in_table = bpf_map_lookup_elem(s->h.maps[MAP_DOORS], &cookie, &st) == 0;

	/* An opening that the kernel did see names the opener better than its holders do. */
	if (in_table && st.opened_ns) {
		if (!(st.door.flags & AJAR_DOOR_UNSURE))
			seen->door = st.door;
		seen->opener = st.opener;
		opened = st.opened_ns;
	}
	if (listens_claim(s, seen, &opened))
		origin = ORIGIN_EVENT;
	if (!quota_admits(s, &seen->door, &seen->opener))
		return 0;
	int err = door_put(s, &seen->door, opened, &seen->opener, &k);
	if (err)
		return err;
	k->reported_ns = now;
	if (settle_is_udp(&k->door))
		settle_begin(s, k, opened ? opened : now);
	take_first_holders(s, k, held);
	deliver_open(d, k, EVENT_OPEN, origin, opened ? opened : now);
	*ret_k = k;
	return 0;
}

/* Who holds the door, against what is known. */
static void compare_held(struct sweeping *w, struct known_door *k, struct held_set *set)
{
	struct sensor *s = w->s;

	if (k->door.flags & (AJAR_DOOR_KERNEL | AJAR_DOOR_UNSURE) || s->poller)
		return;
	bool again = (set->unsure || set->ending || !set->len) && look_again(s, k);
	if (set->unsure || (set->ending && again))
		return;
	if (set->len) {
		k->unheld = 0;
		k->unclear_ns = set->ending ? k->unclear_ns : 0;
	} else if (++k->unheld < UNHELD_MAX) {
		s->look = true;
		return;
	}
	if (held_take(s, k, set))
		deliver_held(&w->d, k, clock_boot_ns());
}

static bool compare_found(const void *key, size_t len, void *value, void *arg)
{
	struct sweeping *w = arg;
	struct found *f = value;
	struct ajar_open *seen = &f->rec;
	struct sensor *s = w->s;
	struct known_door *k;
	uint64_t cookie;

	(void)len;
	memcpy(&cookie, key, sizeof(cookie));
	if (w->d.ended || is_closed(s, cookie) || canary_is(s, cookie))
		return false;
	k = door_get(s, cookie);
	if (!k) {
		int err = sweep_tell_missed(&w->d, seen, &f->held, w->origin, &k);

		if (err)
			w->d.ended = err;
		return false;
	}
	k->sweep = s->sweep;
	k->unseen = 0;
	k->over = false;
	if (k->door.flags & AJAR_DOOR_UNSURE && seen->door.port) {
		k->door = seen->door;
		deliver_open(&w->d, k, EVENT_OPEN, ORIGIN_EVENT, k->opened_ns);
	}
	if (!k->owner && !(k->opener.flags & AJAR_ACTOR_NONE))
		k->owner = owner_ref(&s->owners, owner_cache_get(&s->owners, &k->opener.owner));
	settle_seen(&w->d, k, seen);
	compare_held(w, k, &f->held);
	return false;
}

/* Kinds of sockets that only descriptors lead to, in any namespace. */
static bool has_no_iterator(const struct sensor *s, const struct ajar_door *d)
{
	switch (d->proto) {
	case AJAR_PROTO_TCP:
	case AJAR_PROTO_MPTCP:
		return s->h.links[HOOK_SWEEP_TCP] < 0;
	case AJAR_PROTO_UDP:
	case AJAR_PROTO_UDPLITE:
		return s->h.links[HOOK_SWEEP_UDP] < 0;
	}
	return true;
}

/*
 * In another namespace only descriptors of processes are seen, not what an io_uring, a message or
 * the kernel itself holds. There the kernel's table is the better witness, if a hook takes the door
 * out at its end; where none does the socket is looked at (bpf/unhooked.bpf.c).
 */
static bool out_of_sight(const struct sensor *s, const struct ajar_door *d)
{
	bool ends = d->flags & AJAR_DOOR_HOOKED || s->h.links[HOOK_RELEASE] >= 0;

	return ends && d->netns && s->netns && (d->netns != s->netns || has_no_iterator(s, d));
}

/*
 * Before 5.19 a process without privileges may not ask where `unprivileged_bpf_disabled` is set:
 * then it may be.
 */
static bool may_be_in_table(const struct sensor *s, uint64_t cookie)
{
	struct ajar_door_state st;

	return bpf_map_lookup_elem(s->h.maps[MAP_DOORS], &cookie, &st) == 0 || errno == EPERM;
}

/* Of these no hook tells the end, and none is in the table. */
static bool is_swept_only(const struct ajar_door *d)
{
	return d->proto == AJAR_PROTO_PACKET || d->proto == AJAR_PROTO_VSOCK;
}

static bool collect_gone(const void *key, size_t len, void *value, void *arg)
{
	struct sweeping *w = arg;
	struct known_door *k = value;
	uint64_t cookie;

	(void)len;
	memcpy(&cookie, key, sizeof(cookie));
	if (k->door.flags & AJAR_DOOR_UNSURE)
		w->s->unsure = true;
	if (k->sweep == w->s->sweep || k->opened_ns >= w->start_ns || k->reported_ns >= w->start_ns)
		return false;
	if (!k->over && !is_swept_only(&k->door) && may_be_in_table(w->s, cookie) &&
	    (out_of_sight(w->s, &k->door) || ++k->unseen < UNSEEN_MAX)) {
		struct held_set nobody = { 0 };

		compare_held(w, k, &nobody);
		return false;
	}
	if (w->gone_len == w->gone_cap) {
		size_t cap = w->gone_cap ? 2 * w->gone_cap : 64;
		uint64_t *more = reallocarray(w->gone, cap, sizeof(*more));

		/* What does not fit is found by the next sweep. */
		if (!more)
			return false;
		w->gone = more;
		w->gone_cap = cap;
	}
	w->gone[w->gone_len++] = cookie;
	return false;
}

static void tell_gone(struct sweeping *w)
{
	struct sensor *s = w->s;

	map_each(s->doors, collect_gone, w);
	for (size_t i = 0; !w->d.ended && i < w->gone_len; i++) {
		uint64_t cookie = w->gone[i];
		struct known_door *k = door_get(s, cookie);
		struct ajar_actor closer;
		uint64_t closed_ns = 0;
		bool told = listens_end(s, k, &closed_ns, &closer);

		/* It may be there for a door that only the table still knows. */
		bpf_map_delete_elem(s->h.maps[MAP_DOORS], &cookie);
		/* One that was never confirmed was none. */
		if (!(k->door.flags & AJAR_DOOR_UNSURE))
			deliver_close(&w->d, k, told ? ORIGIN_EVENT : w->origin,
				      told ? closed_ns : clock_boot_ns(), told ? &closer : NULL);
		door_del(s, cookie);
	}
}

/*
 * Everything the ring had when the iterators ended; it stays there until the caller has stored it.
 */
static int drain(struct sweeping *w, sensor_fn fn, void *arg)
{
	for (int i = 0; i < DRAINS_MAX && ring_pending(&w->s->ring); i++) {
		int n = w->s->drain(w->s, fn, arg);

		if (n < 0)
			return n;
		w->d.count += n;
		if (!n)
			break;
	}
	return 0;
}

static int begin_part(struct sweeping *w, uint32_t part, uint32_t parts)
{
	w->part = part;
	w->parts = parts;
	w->limit = parts < PARTS_MAX ? w->s->sweep_part : SIZE_MAX;
	free_found(w->s, take_ptr(w->found));
	return map_new(free, &w->found);
}

/* A part that has too many is two. */
static int compare_part(struct sweeping *w, uint32_t part, uint32_t parts, sensor_fn fn, void *arg)
{
	int err = begin_part(w, part, parts);

	if (!err)
		err = collect(w);
	if (err == -E2BIG) {
		err = compare_part(w, part, 2 * parts, fn, arg);
		return err ? err : compare_part(w, part + parts, 2 * parts, fn, arg);
	}
	if (!err)
		err = drain(w, fn, arg);
	if (err)
		return err;
	w->total += map_size(w->found);
	map_each(w->found, compare_found, w);
	return w->d.ended < 0 ? w->d.ended : 0;
}

/* Unless a part has seen it. */
static bool compare_elsewhere(const void *key, size_t len, void *value, void *arg)
{
	struct sweeping *w = arg;
	struct known_door *k;
	uint64_t cookie;

	memcpy(&cookie, key, sizeof(cookie));
	k = door_get(w->s, cookie);
	return k && k->sweep == w->s->sweep ? false : compare_found(key, len, value, arg);
}

/* As many parts as the last sweep would have needed, so that none is begun in vain. */
static int compare(struct sweeping *w, struct map *elsewhere, sensor_fn fn, void *arg)
{
	uint32_t parts = w->s->sweep_parts;
	int err = 0;

	/* First: what an event or an iterator tells of the door later on is newer. */
	if (!w->s->poller && w->s->h.links[HOOK_UNHOOKED] >= 0)
		err = run_iterator(w, HOOK_UNHOOKED);
	for (uint32_t i = 0; !err && !w->d.ended && i < parts; i++)
		err = compare_part(w, i, parts, fn, arg);
	if (err)
		return err;
	if (!w->d.ended && elsewhere)
		map_each(elsewhere, compare_elsewhere, w);
	for (parts = 1; parts < PARTS_MAX && w->total > parts * (w->s->sweep_part / 8 * 7);)
		parts *= 2;
	w->s->sweep_parts = parts;
	w->s->unsure = false;
	bound_tell(&w->d, w->origin);
	if (!w->d.ended && w->origin != ORIGIN_SNAPSHOT)
		tell_gone(w);
	return w->d.ended < 0 ? w->d.ended : w->d.count;
}

/* What is not in the kernel's table any more has closed since it was found. */
static bool has_closed(const void *key, size_t len, void *value, void *arg)
{
	struct sensor *s = arg;
	uint64_t cookie;

	(void)len;
	memcpy(&cookie, key, sizeof(cookie));
	if (may_be_in_table(s, cookie))
		return false;
	return free_one(key, len, value, s);
}

/* What ended meanwhile waited for this: count is what was delivered so far. */
static int settle_listens(struct sweeping *w, int count)
{
	int before = w->d.count, err = listens_settle(&w->d);

	if (err || w->d.ended < 0)
		return err ? err : w->d.ended;
	return count + w->d.count - before;
}

static uint64_t own_cpu_ns(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int sensor_sweep(struct sensor *s, int origin, sensor_fn fn, void *arg)
{
	struct sweeping w = { .s = s,
			      .start_ns = clock_boot_ns(),
			      .d = { .s = s, .fn = fn, .arg = arg },
			      .origin = origin };
	/* The first one has a part already. */
	struct map *elsewhere = take_ptr(s->elsewhere);
	uint64_t cpu_ns = own_cpu_ns();
	int err = map_new(NULL, &s->closed);

	s->look_cpu_ns = 0;
	if (elsewhere)
		map_each(elsewhere, has_closed, s);
	if (!err) {
		s->sweep++;
		look_begin(s);
		err = compare(&w, elsewhere, fn, arg);
		look_end(s);
	}
	map_free(s->closed);
	s->closed = NULL;
	if (err >= 0)
		err = settle_listens(&w, err);
	/* The first one is not like the others. */
	if (origin != ORIGIN_SNAPSHOT)
		s->look_cpu_ns += own_cpu_ns() - cpu_ns;
	free_found(s, w.found);
	free_found(s, elsewhere);
	free(w.gone);
	s->look_after_ns = w.start_ns + LOOK_EVERY_NS + LOOK_SHARE * (clock_boot_ns() - w.start_ns);
	return err;
}

/*
 * Openings that may be none are looked at when the ring is empty; a sweep costs more than a record,
 * so that a storm of them gets a fifth of the time at most.
 */
int sweep_confirm(struct sensor *s, sensor_fn fn, void *arg, uint64_t *ret_wait_ns)
{
	uint64_t now = clock_boot_ns();

	if (now < s->confirm_after_ns) {
		*ret_wait_ns = s->confirm_after_ns - now;
		return 0;
	}
	int n = sensor_sweep(s, ORIGIN_SWEEP, fn, arg);
	uint64_t end = clock_boot_ns();

	s->confirm_after_ns = end + 4 * (end - now);
	*ret_wait_ns = s->unsure ? s->confirm_after_ns - end : 0;
	return n;
}

/* --- other network namespaces -------------------------------------------------------------------------- */

/* iter/tcp and iter/udp of the namespace that this thread is in. */
static int collect_here(struct sensor *s)
{
	struct sweeping w = { .s = s, .found = s->elsewhere, .limit = ELSEWHERE_MAX, .parts = 1 };
	int err = give_cookies(s);

	s->ctl->part = s->ctl->part_mask = 0;
	if (!err && s->h.links[HOOK_SWEEP_TCP] >= 0)
		err = run_iterator(&w, HOOK_SWEEP_TCP);
	if (!err && s->h.links[HOOK_SWEEP_UDP] >= 0)
		err = run_iterator(&w, HOOK_SWEEP_UDP);
	return err;
}

static int look_into(uint32_t netns, const char *path, void *arg)
{
	struct sensor *s = arg;

	if (netns == s->netns)
		return 0;
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	/* It is gone meanwhile: what was open there is, too. */
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return 0;
	int err = collect_here(s);

	if (err == -E2BIG)
		s->missed |= POLL_NETNS_MORE;
	return err == -E2BIG ? 0 : err;
}

int sweep_elsewhere(struct sensor *s)
{
	bool more = false;
	_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int err = own < 0 ? -errno : map_new(free, &s->elsewhere);

	/*
	 * Without CAP_SYS_ADMIN, as in the units, there is no way into another one, nor into the
	 * own one.
	 */
	s->stays = !err && setns(own, CLONE_NEWNET) < 0 && errno == EPERM;
	if (err || s->stays)
		return err;
	err = netns_each(s->netns_max, look_into, s, &more);
	s->missed |= more ? POLL_NETNS_MORE : 0;
	/* Nothing may go on in another one. */
	return setns(own, CLONE_NEWNET) < 0 ? -errno : err;
}

/* --- taking over ---------------------------------------------------------------------------------- */

static int load_table(struct sensor *s)
{
	int fd = s->h.maps[MAP_DOORS];
	struct ajar_door_state st;
	uint64_t key, next = 0;
	struct known_door *k = NULL;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	for (uint32_t i = 0; i < TABLE_MAX && more; i++) {
		key = next;
		/* Before it may go: behind a key that is gone the walk would begin anew. */
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &st) || !quota_admits(s, &st.door, &st.opener))
			continue;
		int err = door_put(s, &st.door, st.opened_ns, &st.opener, &k);
		if (err)
			return err;
		k->preloaded = true;
		/* Else who ended was reported, or it waits in the ring. */
		if (settle_is_udp(&k->door) && !(k->door.marks & AJAR_MARK_SETTLED))
			settle_begin(s, k, st.opened_ns);
	}
	return 0;
}

int sweep_preload(struct sensor *s)
{
	struct sweeping w = { .s = s, .part = NO_PART, .parts = 1 };
	int err = collect(&w);

	return err ? err : load_table(s);
}
