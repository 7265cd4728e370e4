/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/standing.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/loop.h"
#include "core/event.h"
#include "core/holders.h"
#include "journal/journal.h"
#include "ship/executables.h"

/* The journal has a bound; its records go first, so that this takes few at a time. */
#define EVERY_NS UINT64_C(50000000)
#define RECORDS 256

struct standing {
	struct executables *x;
	struct journal_reader *reader; /* NULL: it has come to the end */
	struct loop_source *timer;
};

/* Another one may have its number by now: then a file is looked at for nothing. */
static bool runs(const struct process *p)
{
	return p->known && !p->kernel && p->pid && p->pid <= INT32_MAX &&
	       (!kill((pid_t)p->pid, 0) || errno == EPERM);
}

static bool anybody_runs(const struct event *ev)
{
	struct text list = ev->holders.list;
	struct process p;
	bool any = runs(&ev->opener);

	while (!any && ev->holders.known && holders_next(&list, &p))
		any = runs(&p);
	return any;
}

static void take(struct standing *s, const struct journal_record *rec)
{
	struct event ev;

	if (event_decode(rec->payload.ptr, rec->payload.len, &ev) ||
	    (ev.kind != EVENT_OPEN && ev.kind != EVENT_HELD) || !anybody_runs(&ev))
		return;
	executables_note(s->x, &ev);
}

static void end(struct standing *s)
{
	journal_reader_free(take_ptr(s->reader));
	loop_remove(take_ptr(s->timer));
}

/* What comes behind the end is shipped; damage is what shipping tells of. */
static int on_timer(void *arg)
{
	struct standing *s = arg;

	for (unsigned i = 0; i < RECORDS; i++) {
		struct journal_record rec;
		struct journal_damage d;
		int got = journal_next(s->reader, &rec, &d);

		if (got <= 0) {
			end(s);
			return 0;
		}
		if (got == 1)
			take(s, &rec);
	}
	return 0;
}

int standing_new(struct loop *l, int dirfd, struct executables *x, struct standing **ret_s)
{
	_cleanup_(standing_freep) struct standing *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->x = x;
	err = journal_reader_new(dirfd, (struct journal_pos){ 0 }, &s->reader);
	if (!err)
		err = loop_add_timer(l, on_timer, s, &s->timer);
	if (!err)
		err = loop_timer_set(s->timer, EVERY_NS, EVERY_NS);
	if (err)
		return err;
	*ret_s = take_ptr(s);
	return 0;
}

void standing_free(struct standing *s)
{
	if (!s)
		return;
	end(s);
	free(s);
}
