/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records to events. The kernel sends a door with the key of its opener; who that is was sent
 * before, once. Here the two meet, so that a callback sees whole processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "base/parse.h"
#include "core/holders.h"
#include "core/place.h"
#include "sensor/internal.h"
#include "sensor/late.h"
#include "sensor/netns.h"

static void fill_late(struct late *l, const struct ajar_owner_key *key, struct process *p)
{
	if (!late_read(l, key))
		return;
	if (l->exe.len && !p->exe.ptr)
		p->exe = (struct text){ l->exe.data, (uint32_t)l->exe.len };
	if (l->argv.len && !p->argv.ptr)
		p->argv = (struct text){ l->argv.data, (uint32_t)l->argv.len };
}

static unsigned space_of_owner(uint32_t flags)
{
	if (!(flags & AJAR_OWNER_SPACE))
		return 0;
	return SPACE_KNOWN | (flags & AJAR_OWNER_OTHER_PID ? SPACE_PID : 0) |
	       (flags & AJAR_OWNER_OTHER_USER ? SPACE_USER : 0) |
	       (flags & AJAR_OWNER_OTHER_ROOT ? SPACE_ROOT : 0);
}

void deliver_owner(struct process *p, const struct owner *o)
{
	if (o->flags & AJAR_OWNER_EXE) {
		p->exe = (struct text){ o->bytes, o->exe_len };
		p->exe_cut = o->flags & AJAR_OWNER_EXE_CUT;
	}
	if (o->flags & AJAR_OWNER_ARGV) {
		p->argv = (struct text){ o->bytes + o->exe_len, o->argv_len };
		p->argv_cut = o->flags & AJAR_OWNER_ARGV_CUT;
	}
	p->space = space_of_owner(o->flags);
	for (int i = 0; i < AJAR_ANCESTORS_MAX && o->ancestors[i].tgid; i++) {
		struct ancestor *a = &p->ancestors[p->ancestors_len++];

		a->pid = o->ancestors[i].tgid;
		memcpy(a->comm, o->ancestors[i].comm, sizeof(a->comm));
		a->comm[sizeof(a->comm) - 1] = '\0';
	}
}

/* So that a list of them fits into a record. */
#define LISTED_ARGV_MAX 128
#define LISTED_ANCESTORS_MAX 4

static void shorten(struct process *p)
{
	if (p->argv.len > LISTED_ARGV_MAX) {
		p->argv.len = LISTED_ARGV_MAX;
		p->argv_cut = true;
	}
	if (p->ancestors_len > LISTED_ANCESTORS_MAX)
		p->ancestors_len = LISTED_ANCESTORS_MAX;
}

static void fill_process(struct sensor *s, struct process *p, const struct ajar_actor *a,
			 const struct owner *o, struct late *late)
{
	if (a->flags & AJAR_ACTOR_NONE)
		return;
	p->known = true;
	memcpy(p->comm, a->comm, sizeof(p->comm));
	p->comm[sizeof(p->comm) - 1] = '\0';
	p->uid = a->uid;
	p->gid = a->gid;
	p->loginuid = a->loginuid;
	p->session = a->session;
	if (a->flags & AJAR_ACTOR_KTHREAD) {
		p->kernel = true;
		return;
	}
	p->pid = a->owner.tgid;
	p->tid = a->tid;
	p->start_ns = clock_wall_of_boot(a->owner.start_ns);
	p->user = passwd_name(&s->passwd, a->uid);
	if (o)
		deliver_owner(p, o);
	/* The owner record was lost, or an iterator sent it, which cannot read arguments. */
	if (!p->exe.ptr || !p->argv.ptr)
		fill_late(late, &a->owner, p);
}

/* The kernel itself as the opener of a socket that no process made. */
static void fill_kernel(struct process *p)
{
	p->known = p->kernel = true;
	snprintf(p->comm, sizeof(p->comm), "kernel");
	p->uid = p->gid = 0;
	p->loginuid = p->session = ID_UNKNOWN;
}

static void fill_device(struct door *out, const struct ajar_door *d)
{
	if (!d->ifindex)
		return;
	if (d->device[0])
		snprintf(out->device, sizeof(out->device), "%.*s", (int)sizeof(d->device),
			 d->device);
	else
		snprintf(out->device, sizeof(out->device), "if%u", d->ifindex);
	if (d->device_flags & AJAR_DEVICE_LOOPBACK)
		out->scope = SCOPE_LOOPBACK;
}

static void fill_netns(struct sensor *s, struct door *out)
{
	const char *name;

	out->elsewhere = out->netns && s->netns && out->netns != s->netns;
	if (!out->elsewhere)
		return;
	name = netns_name(&s->netns_names, out->netns);
	if (name)
		snprintf(out->netns_name, sizeof(out->netns_name), "%s", name);
}

static void fill_door(struct sensor *s, struct door *out, const struct ajar_door *d)
{
	out->proto = (enum door_proto)d->proto;
	out->family = (enum door_family)d->family;
	memcpy(out->addr, d->addr, sizeof(out->addr));
	out->scope = door_scope_of(out->family, out->addr);
	out->port = d->port;
	out->v6only = d->flags & AJAR_DOOR_V6ONLY;
	out->autoport = d->flags & AJAR_DOOR_AUTOPORT;
	out->connected = d->flags & AJAR_DOOR_CONNECTED;
	out->multicast = d->marks & AJAR_MARK_MULTICAST;
	out->bound = d->marks & AJAR_MARK_BOUND;
	out->netns_cookie = d->netns_cookie;
	out->cookie = d->cookie;
	out->netns = d->netns;
	out->inode = d->inode;
	fill_device(out, d);
	fill_netns(s, out);
}

/* Paths of other hierarchies; those that the agent itself is in are left out unless they name a job or a container. */
static struct text other_cgroups(struct sensor *s, const char *paths, size_t len)
{
	const char *end = paths + len, *own_end = s->cgroups.own.others.data;

	buf_reset(&s->others);
	if (own_end)
		own_end += s->cgroups.own.others.len;
	for (; paths < end; paths += strlen(paths) + 1) {
		const char *own = s->cgroups.own.others.data;

		while (own < own_end && strcmp(own, paths))
			own += strlen(own) + 1;
		if (own >= own_end || place_is_named(text_of(paths)))
			buf_put(&s->others, paths, strlen(paths) + 1);
	}
	if (!s->others.len)
		return TEXT("");
	return (struct text){ s->others.data, (uint32_t)s->others.len };
}

/* The owner's record says where it was when it was made; else /proc, if the process still lives. */
static void fill_cgroup(struct sensor *s, struct event *ev, const struct ajar_actor *a,
			const struct owner *o, struct late *late)
{
	ev->cgroup_id = a->cgroup_id;
	if (o && o->flags & AJAR_OWNER_CGROUPS && o->cgroup_id == ev->cgroup_id &&
	    !s->cgroups.inside) {
		const char *paths = o->bytes + o->exe_len + o->argv_len;

		ev->cgroup = text_of(paths);
		ev->cgroups = other_cgroups(s, paths + o->cgroup_len, o->cgroups_len);
		ev->cgroups_known = true;
		return;
	}
	ev->cgroup = cgroup_path(&s->cgroups, ev->cgroup_id, a->owner.tgid);
	if (a->flags & (AJAR_ACTOR_NONE | AJAR_ACTOR_KTHREAD) || !late_place(late, &a->owner))
		return;
	if (!ev->opener.space)
		ev->opener.space = late->space;
	if (ev->cgroup.ptr && late->paths.v2.len && !text_is(ev->cgroup, late->paths.v2.data))
		return; /* it has moved since */
	if (!ev->cgroup.ptr && late->paths.v2.len)
		ev->cgroup = text_of(late->paths.v2.data);
	ev->cgroups = other_cgroups(s, late->paths.others.data, late->paths.others.len);
	ev->cgroups_known = true;
}

/* Whom the kernel made the socket for. */
static void fill_asker(struct sensor *s, struct event *ev, const struct known_door *k,
		       struct late *late)
{
	struct process p = { .uid = ID_UNKNOWN };

	fill_process(s, &p, &k->opener, k->owner, late);
	if (!p.known || p.kernel)
		return;
	shorten(&p);
	event_encode_process(&late->list, &p);
	if (!late->list.err)
		ev->asker = (struct text){ late->list.data, (uint32_t)late->list.len };
}

static void fill_opener(struct sensor *s, struct event *ev, const struct known_door *k,
			struct late *late)
{
	if (k->door.flags & AJAR_DOOR_KERNEL) {
		fill_kernel(&ev->opener);
		fill_asker(s, ev, k, late);
		place_fill(ev);
		return;
	}
	fill_process(s, &ev->opener, &k->opener, k->owner, late);
	fill_cgroup(s, ev, &k->opener, k->owner, late);
	place_fill(ev);
}

static void fill_holders(struct sensor *s, struct event *ev, const struct known_door *k,
			 struct buf *list)
{
	struct held opener;
	const struct held_set set = held_of(k, &opener);

	/* At its opening that is the opener, and of the rest nobody has looked. */
	if (ev->kind == EVENT_BIND || (!k->held && (ev->origin == ORIGIN_EVENT || !set.len)))
		return;
	ev->holders.known = true;
	for (uint32_t i = 0; i < set.len; i++) {
		const struct held *h = &set.of[i];
		struct event its = { .opener.uid = ID_UNKNOWN };
		struct process *p = &its.opener;
		struct late late = LATE_INIT;

		fill_process(s, p, &h->actor, h->owner, &late);
		fill_cgroup(s, &its, &h->actor, h->owner, &late);
		p->cgroup = its.cgroup;
		p->cgroups = its.cgroups;
		p->cgroups_known = its.cgroups_known;
		p->alike = h->count;
		shorten(p);
		holders_put(&ev->holders, list, p);
		late_done(&late);
	}
	ev->holders.more += set.more;
}

static void hand_over(struct delivery *d, const struct event *ev)
{
	int ret = d->fn(ev, d->arg);

	d->count++;
	if (ret)
		d->ended = ret;
}

static void process_init(struct process *p)
{
	p->uid = p->gid = p->loginuid = p->session = ID_UNKNOWN;
}

static void event_init(struct event *ev, enum event_kind kind, int origin, uint64_t boot_ns)
{
	*ev = (struct event){ .kind = kind,
			      .origin = (enum event_origin)origin,
			      .boot_ns = boot_ns,
			      .time_ns = clock_wall_of_boot(boot_ns) };
	process_init(&ev->opener);
	process_init(&ev->closer);
}

void deliver_open(struct delivery *d, const struct known_door *k, enum event_kind kind, int origin,
		  uint64_t boot_ns)
{
	struct late late = LATE_INIT;
	struct buf list = BUF_INIT(HOLDERS_BYTES_MAX);
	struct event ev;

	event_init(&ev, kind, origin, boot_ns);
	fill_door(d->s, &ev.door, &k->door);
	ev.door.settling = k->settling;
	ev.door.lasting = k->lasting;
	if (kind == EVENT_SETTLE && k->opened_ns)
		ev.opened_ns = clock_wall_of_boot(k->opened_ns);
	/* First: the opener's cgroups are where the next one's would be. */
	fill_holders(d->s, &ev, k, &list);
	fill_opener(d->s, &ev, k, &late);
	if (kind == EVENT_HELD && k->opened_ns)
		ev.opened_ns = clock_wall_of_boot(k->opened_ns);
	hand_over(d, &ev);
	buf_done(&list);
	late_done(&late);
}

void deliver_held(struct delivery *d, const struct known_door *k, uint64_t boot_ns)
{
	deliver_open(d, k, EVENT_HELD, ORIGIN_SWEEP, boot_ns);
}

void deliver_close(struct delivery *d, const struct known_door *k, int origin, uint64_t boot_ns,
		   const struct ajar_actor *closer)
{
	struct late late = LATE_INIT, late_closer = LATE_INIT;
	struct event ev;

	event_init(&ev, EVENT_CLOSE, origin, boot_ns);
	fill_door(d->s, &ev.door, &k->door);
	ev.door.settling = k->settling;
	ev.door.lasting = k->lasting;
	fill_opener(d->s, &ev, k, &late);
	if (k->opened_ns)
		ev.opened_ns = clock_wall_of_boot(k->opened_ns);
	if (closer) {
		struct owner *o = owner_cache_get(&d->s->owners, &closer->owner);

		fill_process(d->s, &ev.closer, closer, o, &late_closer);
	}
	hand_over(d, &ev);
	late_done(&late);
	late_done(&late_closer);
}

static void deliver_lost(struct delivery *d, unsigned cpu, uint64_t count)
{
	struct event ev;

	event_init(&ev, EVENT_LOST, ORIGIN_EVENT, clock_boot_ns());
	ev.count = count;
	ev.reason = TEXT("the ring was full");
	ev.lost_cpu = cpu;
	ev.lost_since_ns = d->s->ctl->since_ns;
	ev.lost_total = d->s->told[cpu].reported;
	d->s->lost += count;
	hand_over(d, &ev);
}

/* Tells of at most `most` records that the kernel dropped on a CPU and nobody was told of. */
static void tell_lost(struct delivery *d, unsigned cpu, uint64_t most)
{
	struct sensor *s = d->s;
	uint64_t dropped = __atomic_load_n(&s->cpus[cpu].dropped, __ATOMIC_ACQUIRE);
	uint64_t unreported = dropped - s->told[cpu].reported;

	if (unreported > most)
		unreported = most;
	if (!unreported)
		return;
	s->told[cpu].reported += unreported;
	deliver_lost(d, cpu, unreported);
}

int deliver_losses(struct delivery *d)
{
	for (unsigned i = 0; !d->ended && i < d->s->cpus_len; i++)
		tell_lost(d, i, UINT64_MAX);
	return 0;
}

/*
 * A hole in a CPU's numbers is a loss at this place in the stream, when the kernel's counter
 * confirms it: a program that was preempted between taking its number and its room comes late, not never.
 */
static void check_sequence(struct delivery *d, const struct ajar_header *h)
{
	struct ajar_cpu *told = &d->s->told[h->cpu];

	if (h->cpu_seq > told->seen)
		tell_lost(d, h->cpu, h->cpu_seq - told->seen);
	if (h->cpu_seq >= told->seen)
		told->seen = h->cpu_seq + 1;
}

static bool is_canary(const struct sensor *s, uint64_t cookie)
{
	for (size_t i = 0; i < array_len(s->canaries); i++) {
		if (s->canaries[i] && s->canaries[i] == cookie)
			return true;
	}
	return false;
}

/* A sweep that found a door between its listen() and its record has told it already. */
#define SWEPT_JUST_NOW_NS 10000000000ULL

static bool reported_by_sweep(const struct known_door *k, const struct ajar_open *r)
{
	uint64_t apart = k->reported_ns > r->h.ktime_ns ? k->reported_ns - r->h.ktime_ns
							: r->h.ktime_ns - k->reported_ns;

	return k->reported_ns && k->door.port == r->door.port && apart < SWEPT_JUST_NOW_NS;
}

static int record_open(struct delivery *d, const struct ajar_open *r)
{
	struct sensor *s = d->s;
	struct known_door *k = door_get(s, r->door.cookie);
	bool told = k && reported_by_sweep(k, r);
	int err = door_put(s, &r->door, r->h.ktime_ns, &r->opener, &k);

	if (err)
		return err;
	if (r->door.flags & AJAR_DOOR_UNSURE)
		s->unsure = true;
	else if (settle_is_udp(&k->door))
		settle_begin(s, k, r->h.ktime_ns);
	if (!(r->door.flags & AJAR_DOOR_UNSURE) && !told)
		deliver_open(d, k, EVENT_OPEN, ORIGIN_EVENT, r->h.ktime_ns);
	return 0;
}

/* The end of what no sweep has confirmed; false: there never was a door. */
static bool confirm_by_end(struct delivery *d, struct known_door *k, const struct ajar_close *r)
{
	if (r->door.flags & AJAR_DOOR_UNSURE)
		return false;
	k->door = r->door;
	deliver_open(d, k, EVENT_OPEN, ORIGIN_EVENT, k->opened_ns);
	return true;
}

/* A bind is reported and forgotten. */
static void record_bind(struct delivery *d, const struct ajar_open *r)
{
	struct known_door k = { .door = r->door, .opener = r->opener };

	k.owner = owner_cache_get(&d->s->owners, &r->opener.owner);
	deliver_open(d, &k, EVENT_BIND, ORIGIN_EVENT, r->h.ktime_ns);
}

static int record_close(struct delivery *d, const struct ajar_close *r)
{
	struct sensor *s = d->s;
	uint64_t cookie = r->door.cookie;
	struct known_door *k = door_get(s, cookie), plain;

	if (s->closed) {
		int err = map_put(s->closed, &cookie, sizeof(cookie), s);

		if (err)
			return err;
	}
	if (k && k->door.flags & AJAR_DOOR_UNSURE && !confirm_by_end(d, k, r)) {
		door_del(s, cookie);
		return 0;
	}
	if (!k && r->door.flags & AJAR_DOOR_UNSURE)
		return 0;
	if (!k) {
		plain = (struct known_door){ .door = r->door,
					     .opened_ns = r->opened_ns,
					     .opener = r->opener };
		if (!(r->opener.flags & AJAR_ACTOR_NONE))
			plain.owner = owner_cache_get(&s->owners, &r->opener.owner);
		k = &plain;
	}
	deliver_close(d, k, ORIGIN_EVENT, r->h.ktime_ns, &r->closer);
	door_del(s, cookie);
	return 0;
}

int deliver_record(struct delivery *d, const void *rec, uint32_t len)
{
	const struct ajar_header *h = rec;
	struct sensor *s = d->s;
	uint64_t cookie;

	if (len < sizeof(*h) || h->abi != AJAR_ABI || h->size > len || h->cpu >= s->cpus_len)
		return -EBADMSG;
	check_sequence(d, h);
	s->received++;
	if (h->type == AJAR_RECORD_OWNER) {
		s->owners_received++;
		return owner_cache_add(&s->owners, rec, h->size);
	}
	if (h->type == AJAR_RECORD_TASK)
		return h->size < sizeof(struct ajar_task) ? -EBADMSG : look_task(s, rec);
	if (h->size < sizeof(struct ajar_open))
		return -EBADMSG;
	/* Opens, binds and closes all begin with header and door. */
	cookie = ((const struct ajar_open *)rec)->door.cookie;
	if (is_canary(s, cookie))
		return 0;
	switch (h->type) {
	case AJAR_RECORD_OPEN:
		return record_open(d, rec);
	case AJAR_RECORD_BIND:
		record_bind(d, rec);
		return 0;
	case AJAR_RECORD_SETTLE:
		return settle_record(d, rec);
	case AJAR_RECORD_CLOSE:
		return h->size < sizeof(struct ajar_close) ? -EBADMSG : record_close(d, rec);
	}
	return -EBADMSG;
}
