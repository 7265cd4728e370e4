/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tier C. The tracepoint names a socket by its address in the kernel; of the door behind it a record
 * has the address, the port (0 while the kernel has not chosen one) and the process, but neither
 * cookie nor network namespace. So each record is a reason to look by sock_diag, and the two meet
 * here:
 *
 *	opening	a door that the look finds new is claimed by the record with its address and port, of
 *		its holder's process first: then it is known who opened it, and when.
 *	end	of a door that is claimed without a doubt is told at once. Else (two sockets of one process
 *		on one port, a door of before) a look must find which door is gone.
 *	brief	what has ended before any look found it is told with what the records say, under a
 *		cookie of our own: the kernel's count up from 1, ours have the highest bit but one.
 *
 * Of a listen() that fails nothing is told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "sensor/internal.h"
#include "sensor/poll.h"
#include "sensor/poller.h"

/* Beyond it records only cause a look, and who holds such a door counts as who opened it. */
#define LISTENS_MAX 65536
/* Looks that are hastened for one record; then the door is where no look gets to. */
#define LOOKS_MAX 3
#define INITIAL_PID_NS 0xEFFFFFFCU /* inode, the kernel's PROC_PID_INIT_INO */
#define COOKIE_OWN (UINT64_C(1) << 62)
/* A process that was just asked for is the same one. */
#define ASKED_NS UINT64_C(100000000)

struct place {
	uint8_t addr[16];
	uint32_t port, family;
};

/* From a LISTEN record to its end, or from the end of what listened before. */
struct listen {
	TAILQ_ENTRY(listen) entry;
	struct listen *next; /* of the same place */
	struct place place;
	uint64_t sock;
	uint64_t opened_ns; /* boot time; 0: before */
	uint64_t closed_ns; /* 0: it listens */
	uint64_t cookie; /* of its door; 0: not claimed */
	/* number of the last sweep that began before it did, or ended, or that has missed it */
	uint64_t sweep;
	struct ajar_actor opener, closer;
	uint32_t netns; /* the opener's; 0 unknown */
	unsigned looks; /* since it began, without success */
	bool doubt; /* another may be the one of its door */
};

TAILQ_HEAD(listen_list, listen);

struct listens {
	struct map *by_sock; /* those that listen; entries are owned by the lists */
	struct map *by_place; /* the first of each */
	/* each is in one: not claimed yet; it has ended, and that is not told; the others */
	struct listen_list waiting, ended, others;
	size_t len;
	uint64_t netns_cookie; /* of our own namespace; 0: the kernel does not tell */
	bool own_pids; /* the records' numbers are not those of /proc here */
	struct ajar_actor asked; /* the last one that was looked up */
	char asked_comm[AJAR_COMM_LEN]; /* the thread's, then */
	uint32_t asked_netns;
	uint64_t asked_ns;
	uint64_t doors_after_ns; /* none are asked for before */
};

int listens_new(struct listens **ret_l)
{
	struct listens *l = calloc(1, sizeof(*l));
	struct stat st;

	if (!l)
		return -ENOMEM;
	TAILQ_INIT(&l->waiting);
	TAILQ_INIT(&l->ended);
	TAILQ_INIT(&l->others);
	l->netns_cookie = diag_netns_cookie();
	l->own_pids = stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != INITIAL_PID_NS;
	int err = map_new(NULL, &l->by_sock);
	if (!err)
		err = map_new(NULL, &l->by_place);
	if (err) {
		listens_free(l);
		return err;
	}
	*ret_l = l;
	return 0;
}

static void free_list(struct listen_list *list)
{
	struct listen *e;

	while ((e = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, e, entry);
		free(e);
	}
}

void listens_free(struct listens *l)
{
	if (!l)
		return;
	free_list(&l->waiting);
	free_list(&l->ended);
	free_list(&l->others);
	map_free(l->by_sock);
	map_free(l->by_place);
	free(l);
}

/* --- by address and port ---------------------------------------------------------------------------- */

static struct place place_of(uint16_t family, const uint8_t addr[16], uint32_t port)
{
	struct place p = { .port = port, .family = family };

	memcpy(p.addr, addr, sizeof(p.addr));
	return p;
}

/* The oldest first. */
static int place_add(struct listens *l, struct listen *e)
{
	struct listen *at = map_get(l->by_place, &e->place, sizeof(e->place));

	e->next = NULL;
	if (!at)
		return map_put(l->by_place, &e->place, sizeof(e->place), e);
	while (at->next)
		at = at->next;
	at->next = e;
	return 0;
}

static int place_del(struct listens *l, struct listen *e)
{
	struct listen *at = map_get(l->by_place, &e->place, sizeof(e->place));

	if (at == e) {
		if (e->next)
			return map_put(l->by_place, &e->place, sizeof(e->place), e->next);
		map_del(l->by_place, &e->place, sizeof(e->place));
		return 0;
	}
	while (at && at->next != e)
		at = at->next;
	if (at)
		at->next = e->next;
	return 0;
}

static int move(struct listens *l, struct listen *e, const struct place *to)
{
	int err = place_del(l, e);

	e->place = *to;
	return err ? err : place_add(l, e);
}

static struct listen_list *list_of(struct listens *l, const struct listen *e)
{
	if (e->closed_ns)
		return &l->ended;
	return e->cookie || e->looks >= LOOKS_MAX ? &l->others : &l->waiting;
}

static int forget(struct listens *l, struct listen *e)
{
	int err = place_del(l, e);

	TAILQ_REMOVE(list_of(l, e), e, entry);
	if (map_get(l->by_sock, &e->sock, sizeof(e->sock)) == e)
		map_del(l->by_sock, &e->sock, sizeof(e->sock));
	free(e);
	l->len--;
	return err;
}

static int add(struct listens *l, const struct listen *like, struct listen **ret_e)
{
	struct listen *e = malloc(sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	*e = *like;
	err = place_add(l, e);
	if (err) {
		free(e);
		return err;
	}
	TAILQ_INSERT_TAIL(list_of(l, e), e, entry);
	l->len++;
	*ret_e = e;
	return 0;
}

/* --- who it was ------------------------------------------------------------------------------------- */

/* Of one process, that are new: of more the next look tells. */
#define FOUND_MAX 16

struct asking {
	struct sensor *s;
	struct ajar_open seen;
	struct ajar_open found[FOUND_MAX];
	unsigned found_len;
};

static bool is_new(const struct sensor *s, const struct ajar_open *seen)
{
	uint64_t cookie = seen->door.cookie;

	return !map_get(s->doors, &cookie, sizeof(cookie)) && !canary_is(s, cookie);
}

static int take_who(const struct ajar_header *h, void *arg)
{
	struct asking *a = arg;

	if (h->type == AJAR_RECORD_OWNER && h->size >= sizeof(struct ajar_owner))
		return owner_cache_add(&a->s->owners, (const struct ajar_owner *)h, h->size);
	if (h->type != AJAR_RECORD_SEEN || h->size != sizeof(a->seen))
		return -EBADMSG;
	if (!((const struct ajar_open *)h)->door.cookie)
		memcpy(&a->seen, h, sizeof(a->seen));
	else if (a->found_len < FOUND_MAX && is_new(a->s, (const struct ajar_open *)h))
		memcpy(&a->found[a->found_len++], h, sizeof(a->seen));
	return 0;
}

static bool was_just_asked(const struct listens *l, const struct ajar_state *r)
{
	return l->asked_ns && l->asked.owner.tgid == r->tgid &&
	       clock_boot_ns() - l->asked_ns < ASKED_NS &&
	       !memcmp(l->asked_comm, r->comm, sizeof(r->comm));
}

/*
 * What the record itself says, and if the process still lives all the rest: then *ret_netns is its
 * network namespace. a: its doors are wanted, too; in a storm they get a fifth of the time at most.
 */
static int who(struct sensor *s, const struct ajar_state *r, struct asking *a,
	       struct ajar_actor *ret, uint32_t *ret_netns)
{
	struct listens *l = s->listens;
	struct asking own = { .s = s };
	uint64_t now = clock_boot_ns();
	bool doors = a && now >= l->doors_after_ns;
	int err = 0;

	a = a ? a : &own;
	*ret_netns = 0;
	if (doors || !was_just_asked(l, r)) {
		err = l->own_pids
			      ? -ESRCH
			      : poller_who(s->poller, r->tgid, r->h.ktime_ns, doors, take_who, a);
		if (err && err != -ESRCH)
			return err;
		l->asked_ns = err ? 0 : clock_boot_ns();
		if (doors)
			l->doors_after_ns = clock_boot_ns() + 4 * (clock_boot_ns() - now);
		l->asked = a->seen.opener;
		l->asked_netns = a->seen.door.netns;
		memcpy(l->asked_comm, r->comm, sizeof(r->comm));
	}
	if (err) {
		*ret = (struct ajar_actor){ .owner.tgid = r->tgid,
					    .loginuid = (uint32_t)-1,
					    .session = (uint32_t)-1 };
		memcpy(ret->comm, r->comm, sizeof(ret->comm));
	} else {
		*ret = l->asked;
		*ret_netns = l->asked_netns;
	}
	ret->cgroup_id = r->cgroup_id;
	ret->tid = r->tid;
	ret->uid = r->uid;
	ret->gid = r->gid;
	return 0;
}

static bool is_known(const struct ajar_actor *a)
{
	return a->owner.start_ns;
}

/* --- records ---------------------------------------------------------------------------------------- */

static bool is_canary(const struct sensor *s, const struct ajar_state *r)
{
	return r->h.ktime_ns >= s->canary_from_ns && r->h.ktime_ns <= s->canary_until_ns &&
	       (s->listens->own_pids ||
		(r->tgid == (uint32_t)getpid() && r->tid == (uint32_t)gettid()));
}

/* What is told is no change for the next glance, which sees the own namespace. */
static void expect(struct sensor *s, const struct ajar_door *d, int times)
{
	uint64_t mark = (uint64_t)times * poller_mark(d);

	if (!d->netns || d->netns != s->netns)
		return;
	s->mark += mark;
	s->looked_mark += mark;
}

static bool fits(const struct listen *e, const struct ajar_door *d)
{
	struct place at = place_of(d->family, d->addr, e->place.port ? d->port : 0);

	return !memcmp(&at, &e->place, sizeof(at));
}

/*
 * The process has it open already: nothing is left for a look, nor for the next glance. Which of
 * several it is a look must find, with all records.
 */
static int tell_found(struct delivery *d, struct asking *a, const struct listen *e, tell_fn tell)
{
	struct ajar_open *found = NULL;
	struct known_door *k = NULL;

	for (unsigned i = 0; i < a->found_len; i++) {
		if (!fits(e, &a->found[i].door))
			continue;
		if (found)
			return 0;
		found = &a->found[i];
	}
	if (!found)
		return 0;
	int err = tell(d, found, NULL, ORIGIN_EVENT, &k);
	if (!err && k)
		expect(d->s, &k->door, 1);
	return err;
}

static int begin(struct delivery *d, const struct ajar_state *r, tell_fn tell)
{
	struct sensor *s = d->s;
	struct listens *l = s->listens;
	struct listen new = { .sock = r->sock,
			      .place = place_of(r->family, r->addr, r->port),
			      .opened_ns = r->h.ktime_ns,
			      .sweep = s->sweep },
		      *e;
	/* Before the first look everything would be news; a look that runs finds it itself. */
	bool now = s->sweep && !s->closed;
	struct asking a = { .s = s };
	int err;

	if (l->len >= LISTENS_MAX) {
		s->unsure = true;
		return 0;
	}
	err = who(s, r, now ? &a : NULL, &new.opener, &new.netns);
	if (!err)
		err = add(l, &new, &e);
	if (!err)
		err = map_put(l->by_sock, &e->sock, sizeof(e->sock), e);
	/* One that is full may have left some out. */
	if (!err && a.found_len < FOUND_MAX)
		err = tell_found(d, &a, e, tell);
	s->unsure |= !err && !e->cookie;
	return err;
}

static int end(struct sensor *s, const struct ajar_state *r)
{
	struct listens *l = s->listens;
	struct listen *e = map_get(l->by_sock, &r->sock, sizeof(r->sock));
	struct listen before = { .place = place_of(r->family, r->addr, r->port) };
	uint32_t netns;
	int err = 0;

	if (!e) {
		before.closed_ns = r->h.ktime_ns;
		err = add(l, &before, &e);
		if (err)
			return err;
	} else {
		TAILQ_REMOVE(list_of(l, e), e, entry);
		e->closed_ns = r->h.ktime_ns;
		TAILQ_INSERT_TAIL(&l->ended, e, entry);
		map_del(l->by_sock, &e->sock, sizeof(e->sock));
	}
	e->sweep = s->sweep;
	/* At its end a process has nothing left to look up. */
	if (is_known(&e->opener) && e->opener.owner.tgid == r->tgid)
		e->closer = e->opener;
	else
		err = who(s, r, NULL, &e->closer, &netns);
	if (err || e->place.port == r->port)
		return err;
	/* The port that was not known yet; or it had claimed the door of another. */
	e->doubt = true;
	return move(l, e, &before.place);
}

int listens_take(struct delivery *d, const struct ajar_state *r, tell_fn tell)
{
	struct sensor *s = d->s;
	struct listens *l = s->listens;
	struct listen *e = l ? map_get(l->by_sock, &r->sock, sizeof(r->sock)) : NULL;
	int err = 0;

	if (!l)
		return -EBADMSG;
	if (is_canary(s, r))
		return 0;
	/* Its end was lost: of another socket that was at this address. A look finds its door gone. */
	if (e && r->what != AJAR_STATE_END)
		err = forget(l, e);
	if (err || r->what == AJAR_STATE_FAILED)
		return err;
	return r->what == AJAR_STATE_LISTEN ? begin(d, r, tell) : end(s, r);
}

/* --- what a sweep finds ----------------------------------------------------------------------------- */

static bool is_free(const struct listen *e)
{
	return !e->cookie && e->opened_ns;
}

/*
 * The oldest that is not claimed, of that process; or, when any is set, of any. Of several any may
 * be the one.
 */
static struct listen *choose(struct listen *first, uint32_t tgid, bool any)
{
	struct listen *found = NULL;

	for (struct listen *e = first; e; e = e->next) {
		if (!is_free(e) || (!any && e->opener.owner.tgid != tgid))
			continue;
		if (found)
			found->doubt = e->doubt = true;
		else
			found = e;
	}
	if (found && any)
		found->doubt = true;
	return found;
}

bool listens_claim(struct sensor *s, struct ajar_open *seen, uint64_t *ret_opened_ns)
{
	const struct ajar_door *d = &seen->door;
	struct place at = place_of(d->family, d->addr, d->port), unbound = at;
	struct listens *l = s->listens;
	uint32_t tgid = seen->opener.owner.tgid;
	struct listen *e, *named, *chosen;

	if (!l || d->proto != AJAR_PROTO_TCP)
		return false;
	unbound.port = 0;
	named = map_get(l->by_place, &at, sizeof(at));
	chosen = map_get(l->by_place, &unbound, sizeof(unbound));
	e = choose(named, tgid, false);
	if (!e)
		e = choose(chosen, tgid, false);
	/* Its opener has handed it on, or ended. */
	if (!e)
		e = choose(named, tgid, true);
	if (!e)
		e = choose(chosen, tgid, true);
	if (!e)
		return false;
	if (!e->place.port) {
		seen->door.flags |= AJAR_DOOR_AUTOPORT;
		if (move(l, e, &at))
			return false;
	}
	TAILQ_REMOVE(list_of(l, e), e, entry);
	e->cookie = d->cookie;
	TAILQ_INSERT_TAIL(list_of(l, e), e, entry);
	if (is_known(&e->opener) || seen->opener.flags & AJAR_ACTOR_NONE)
		seen->opener = e->opener;
	*ret_opened_ns = e->opened_ns;
	return true;
}

bool listens_end(struct sensor *s, const struct known_door *k, uint64_t *ret_closed_ns,
		 struct ajar_actor *ret_closer)
{
	struct place at = place_of(k->door.family, k->door.addr, k->door.port);
	struct listens *l = s->listens;
	struct listen *found = NULL;

	if (!l || k->door.proto != AJAR_PROTO_TCP)
		return false;
	for (struct listen *e = map_get(l->by_place, &at, sizeof(at)); e; e = e->next) {
		if (!e->closed_ns || (!e->doubt && e->cookie && e->cookie != k->door.cookie))
			continue;
		if (!found || e->cookie == k->door.cookie)
			found = e;
	}
	if (!found)
		return false;
	*ret_closed_ns = found->closed_ns;
	*ret_closer = found->closer;
	return !forget(l, found);
}

/* --- ends ------------------------------------------------------------------------------------------- */

static bool is_ours(const struct sensor *s, const struct listen *e)
{
	return !s->own_netns || (e->netns && e->netns == s->netns);
}

/* No look has seen it. */
static void tell_brief(struct delivery *d, const struct listen *e)
{
	struct sensor *s = d->s;
	struct known_door k = { .opened_ns = e->opened_ns, .opener = e->opener };

	k.door = (struct ajar_door){ .cookie = COOKIE_OWN | e->opened_ns,
				     .netns = e->netns,
				     .port = e->place.port,
				     .family = (uint16_t)e->place.family,
				     .proto = AJAR_PROTO_TCP };
	memcpy(k.door.addr, e->place.addr, sizeof(k.door.addr));
	if (!is_ours(s, e) || !k.door.port || quota_left_out(s, &k.opener) ||
	    !quota_admits(s, &k.door, &k.opener))
		return;
	if (e->netns && e->netns == s->netns)
		k.door.netns_cookie = s->listens->netns_cookie;
	k.owner = owner_cache_get(&s->owners, &e->opener.owner);
	deliver_open(d, &k, EVENT_OPEN, ORIGIN_EVENT, e->opened_ns);
	if (!d->ended)
		deliver_close(d, &k, ORIGIN_EVENT, e->closed_ns, &e->closer);
}

/* True: it is told, or there is nothing to tell. */
static bool tell_end(struct delivery *d, const struct listen *e)
{
	struct sensor *s = d->s;
	struct known_door *k = e->cookie ? door_get(s, e->cookie) : NULL;

	if (e->cookie && !k)
		return true;
	if (k && !e->doubt) {
		expect(s, &k->door, -1);
		deliver_close(d, k, ORIGIN_EVENT, e->closed_ns, &e->closer);
		door_del(s, e->cookie);
		return true;
	}
	if (!e->cookie && e->opened_ns) {
		tell_brief(d, e);
		return true;
	}
	/* A look since then has found no door gone. */
	if (s->sweep > e->sweep)
		return true;
	s->unsure = true;
	return false;
}

static void count_looks(struct sensor *s)
{
	struct listens *l = s->listens;
	struct listen *e, *next;

	for (e = TAILQ_FIRST(&l->waiting); e; e = next) {
		next = TAILQ_NEXT(e, entry);
		if (e->sweep == s->sweep)
			continue;
		e->sweep = s->sweep;
		if (e->looks + 1 >= LOOKS_MAX)
			TAILQ_REMOVE(&l->waiting, e, entry);
		if (++e->looks >= LOOKS_MAX)
			TAILQ_INSERT_TAIL(&l->others, e, entry);
	}
	if (!TAILQ_EMPTY(&l->waiting))
		s->unsure = true;
}

int listens_settle(struct delivery *d)
{
	struct listens *l = d->s->listens;
	struct listen *e, *next;
	int err = 0;

	if (!l)
		return 0;
	for (e = TAILQ_FIRST(&l->ended); e && !err && !d->ended; e = next) {
		next = TAILQ_NEXT(e, entry);
		if (tell_end(d, e))
			err = forget(l, e);
	}
	count_looks(d->s);
	return err;
}
