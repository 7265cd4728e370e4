/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events of doors. The kernel sends a door with the key of its opener; who that is was sent before,
 * once. Here the two meet, so that a callback sees whole processes.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
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
	owner_comm(p->comm, a->comm);
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
	p->start_ns = a->owner.start_ns ? clock_wall_of_boot(a->owner.start_ns) : 0;
	p->user = passwd_name(&s->passwd, a->uid);
	if (o)
		owner_fill(o, p);
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

/*
 * Paths of other hierarchies; those that the agent itself is in are left out unless they name a job
 * or a container.
 */
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

void deliver_lost(struct delivery *d, unsigned cpu, uint64_t count)
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
