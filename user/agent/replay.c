/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/replay.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "core/event.h"
#include "core/holders.h"
#include "sensor/sensor.h"

/* More than the ring of 4 MiB can hold; each is some 100 bytes there. */
#define RECORDS_MAX 65536
/* Events of different CPUs leave the ring a little out of order. */
#define DISORDER_NS UINT64_C(1000000000)

#define START_JITTER_NS UINT64_C(5000000)

struct replay {
	struct map *known; /* NULL when nothing from before can come any more */
	struct map *openings; /* of doors that were open: struct opening */
	struct map *helds; /* the last change of their holders: struct opening */
	uint64_t taken_over_ns; /* CLOCK_BOOTTIME */
};

/* What makes a happening itself: the kernel's stamp is taken once, and redelivery keeps it. */
struct happening {
	uint64_t boot_ns, netns_cookie, cookie;
	uint32_t kind, port;
};

static struct happening happening_of(const struct event *ev)
{
	return (struct happening){ .boot_ns = ev->boot_ns,
				   .netns_cookie = ev->door.netns_cookie,
				   .cookie = ev->door.cookie,
				   .kind = ev->kind,
				   .port = ev->door.port };
}

static bool is_of_a_door(const struct event *ev)
{
	return ev->origin == ORIGIN_EVENT &&
	       (ev->kind == EVENT_OPEN || ev->kind == EVENT_CLOSE || ev->kind == EVENT_BIND);
}

/* Doors kept for their openers: a bound on memory, far above what a machine has open. */
#define OPENINGS_MAX 8192

struct door_key {
	uint64_t netns_cookie, cookie;
};

struct opening {
	size_t len;
	char record[];
};

static struct door_key key_of(const struct door *d)
{
	return (struct door_key){ .netns_cookie = d->netns_cookie, .cookie = d->cookie };
}

/*
 * The last of each door: a successor does not know who holds it, and its first sweep tells it
 * again.
 */
static int keep_held(struct replay *r, const struct event *ev)
{
	const struct door_key key = key_of(&ev->door);
	struct opening *o;
	int err;

	if (ev->kind == EVENT_CLOSE || ev->kind == EVENT_OPEN)
		map_del(r->helds, &key, sizeof(key));
	if (ev->kind != EVENT_HELD || map_size(r->helds) >= OPENINGS_MAX)
		return 0;
	o = malloc(sizeof(*o) + ev->raw.len);
	if (!o)
		return -ENOMEM;
	o->len = ev->raw.len;
	memcpy(o->record, ev->raw.ptr, o->len);
	err = map_put(r->helds, &key, sizeof(key), o);
	if (err)
		free(o);
	return err;
}

static int keep_opening(struct replay *r, const struct event *ev)
{
	const struct door_key key = key_of(&ev->door);
	struct opening *o;
	int err;

	if (ev->kind == EVENT_CLOSE)
		map_del(r->openings, &key, sizeof(key));
	/* A bind names its process as well as the opening that follows it. */
	if ((ev->kind != EVENT_OPEN && ev->kind != EVENT_BIND) || !ev->opener.exe.ptr ||
	    map_size(r->openings) >= OPENINGS_MAX)
		return 0;
	o = malloc(sizeof(*o) + ev->raw.len);
	if (!o)
		return -ENOMEM;
	o->len = ev->raw.len;
	memcpy(o->record, ev->raw.ptr, o->len);
	err = map_put(r->openings, &key, sizeof(key), o);
	if (err)
		free(o);
	return err;
}

static int load(struct replay *r, struct journal_reader *reader, struct sensor *sensor)
{
	struct journal_record rec;
	struct journal_damage damage;
	struct event ev;
	int n, err = 0;

	while (!err && (n = journal_next(reader, &rec, &damage)) > 0) {
		struct happening h;

		if (n != 1 || event_decode(rec.payload.ptr, rec.payload.len, &ev))
			continue;
		if (ev.kind == EVENT_LOST)
			sensor_lost_reported(sensor, &ev);
		err = keep_opening(r, &ev);
		if (!err)
			err = keep_held(r, &ev);
		if (err || !is_of_a_door(&ev))
			continue;
		h = happening_of(&ev);
		err = map_put(r->known, &h, sizeof(h), r);
	}
	return err ? err : n;
}

int replay_new(int journal_dir, struct journal_pos head, struct sensor *sensor,
	       struct replay **ret_replay)
{
	_cleanup_(journal_reader_freep) struct journal_reader *reader = NULL;
	_cleanup_(replay_freep) struct replay *r = calloc(1, sizeof(*r));
	const struct journal_pos from = { .boot_seq = head.boot_seq,
					  .seq = head.seq > RECORDS_MAX ? head.seq - RECORDS_MAX
									: 0 };
	int err;

	if (!r)
		return -ENOMEM;
	r->taken_over_ns = clock_boot_ns();
	err = map_new(NULL, &r->known);
	if (!err)
		err = map_new(free, &r->openings);
	if (!err)
		err = map_new(free, &r->helds);
	if (!err)
		err = journal_reader_new(journal_dir, from, &reader);
	if (!err)
		err = load(r, reader, sensor);
	if (err)
		return err;
	*ret_replay = take_ptr(r);
	return 0;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	map_free(r->known);
	map_free(r->openings);
	map_free(r->helds);
	free(r);
}

/* Once for each door: a change after that is one. */
static bool held_is_known(struct replay *r, const struct event *ev)
{
	const struct door_key key = key_of(&ev->door);
	const struct opening *o = map_get(r->helds, &key, sizeof(key));
	struct process now, was;
	struct event then;
	bool same;

	if (!o || event_decode(o->record, o->len, &then))
		return false;
	holders_first(ev, &now);
	holders_first(&then, &was);
	same = now.pid == was.pid && holders_same(&ev->holders, &then.holders);
	map_del(r->helds, &key, sizeof(key));
	return same;
}

bool replay_is_known(struct replay *r, const struct event *ev)
{
	struct happening h = happening_of(ev);

	if (ev->kind == EVENT_HELD)
		return held_is_known(r, ev);
	if (!r->known || !is_of_a_door(ev))
		return false;
	if (ev->boot_ns > r->taken_over_ns + DISORDER_NS) {
		map_free(r->known);
		r->known = NULL;
		return false;
	}
	return map_del(r->known, &h, sizeof(h));
}

/* Not another process under the number of one that is gone; the stamps are converted twice. */
static bool same_start(const struct process *a, const struct process *b)
{
	uint64_t apart =
		a->start_ns > b->start_ns ? a->start_ns - b->start_ns : b->start_ns - a->start_ns;

	return apart < START_JITTER_NS;
}

void replay_complete(struct replay *r, struct event *ev)
{
	const struct door_key key = key_of(&ev->door);
	const struct opening *o;
	struct event opened;

	if (ev->opener.exe.ptr && (ev->kind != EVENT_CLOSE || ev->closer.exe.ptr))
		return;
	if (ev->kind != EVENT_OPEN && ev->kind != EVENT_CLOSE && ev->kind != EVENT_HELD)
		return;
	o = map_get(r->openings, &key, sizeof(key));
	if (!o || event_decode(o->record, o->len, &opened) || !opened.opener.known)
		return;
	/* Same process, fewer words: the kernel says who, the journal what that is. */
	if (!ev->opener.known || (!ev->opener.exe.ptr && ev->opener.pid == opened.opener.pid))
		ev->opener = opened.opener;
	if (ev->closer.known && !ev->closer.exe.ptr && ev->closer.pid == opened.opener.pid &&
	    same_start(&ev->closer, &opened.opener))
		ev->closer = opened.opener;
	if (!ev->cgroup.ptr)
		ev->cgroup = opened.cgroup;
}
