/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_DOOR_UTIL_H
#define AJAR_TESTS_DOOR_UTIL_H

#include "base/buf.h"
#include "core/event.h"
#include "store/store.h"

/*
 * The record that opened a door and the door itself, as a judge leaves them; class "compute". *d has
 * node, boot_seq, open_seq and what was judged; door and record are set from ev. 0, or the store's
 * error.
 */
static inline int store_judged_door(struct store *s, const struct event *ev, struct store_door *d)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_event put = { .boot_seq = d->boot_seq,
				   .seq = d->open_seq,
				   .received_ns = ev->time_ns };
	size_t added;
	int err;

	event_encode(ev, &b);
	d->door = ev->door;
	d->opened_ns = ev->time_ns;
	put.record = d->record = (struct text){ b.data, (uint32_t)b.len };
	err = store_put_events(s, d->node, "compute", &put, 1, &added);
	if (!err)
		err = store_put_door(s, d);
	d->record = (struct text){ 0 };
	return err;
}

#endif
