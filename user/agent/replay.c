/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/replay.h"

#include <errno.h>

#include "base/clock.h"
#include "base/map.h"
#include "core/event.h"

/* More than the ring of 4 MiB can hold; each is some 100 bytes there. */
#define RECORDS_MAX 65536
/* Events of different CPUs leave the ring a little out of order. */
#define DISORDER_NS UINT64_C(1000000000)

struct replay {
	struct map *known;
	uint64_t taken_over_ns, latest_ns; /* CLOCK_BOOTTIME */
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

static int load(struct replay *r, struct journal_reader *reader)
{
	struct journal_record rec;
	struct journal_damage damage;
	struct event ev;
	int n, err = 0;

	while (!err && (n = journal_next(reader, &rec, &damage)) > 0) {
		struct happening h;

		if (n != 1 || event_decode(rec.payload.ptr, rec.payload.len, &ev) ||
		    !is_of_a_door(&ev))
			continue;
		h = happening_of(&ev);
		err = map_put(r->known, &h, sizeof(h), r);
	}
	return err ? err : n;
}

int replay_new(int journal_dir, struct journal_pos head, struct replay **ret_replay)
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
		err = journal_reader_new(journal_dir, from, &reader);
	if (!err)
		err = load(r, reader);
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
	free(r);
}

bool replay_is_known(struct replay *r, const struct event *ev)
{
	struct happening h = happening_of(ev);

	if (!is_of_a_door(ev))
		return false;
	if (ev->boot_ns > r->latest_ns)
		r->latest_ns = ev->boot_ns;
	return map_del(r->known, &h, sizeof(h));
}

bool replay_is_over(const struct replay *r)
{
	return r->latest_ns > r->taken_over_ns + DISORDER_NS;
}
