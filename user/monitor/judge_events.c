/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/health.h"
#include "audit/holder.h"
#include "audit/match.h"
#include "audit/verdict.h"
#include "base/buf.h"
#include "base/map.h"
#include "core/holders.h"
#include "monitor/alerting.h"
#include "monitor/hits.h"
#include "monitor/judge_internal.h"
#include "store/judging.h"
#include "store/redirect.h"
#include "store/verdicts.h"

/*
 * What one event does to the doors and alerts of its node. A door opens and closes by its node's
 * clock, alerts live by the store's (j->at_ns).
 */
#define STALE_MAX 4096 /* doors that are closed at a time */

/*
 * By the store's clock: what the node says is corrected by how far its clock is ahead, and nothing
 * happened after it was stored.
 */
void judge_set_time(struct judge *j, const struct store_event_row *row)
{
	uint64_t at_ns = health_store_time(row->ev.time_ns, j->ahead_ns),
		 stored_ns = row->raw.received_ns;

	/* With an account for everything it is the shipper who writes when that was. */
	if (!stored_ns || stored_ns > j->now_ns)
		stored_ns = j->now_ns;
	j->at_ns = at_ns <= stored_ns + CLOCKS_AGREE_NS ? at_ns : stored_ns;
}

/* What the store knows of a door before an event is judged. */
struct known {
	uint64_t open_seq, opened_ns; /* opened_ns 0: it is not open */
	enum verdict verdict; /* also of one that has closed */
	char *key; /* of its alert, while it is open */
	struct buf record; /* what is known of it, while it is open */
	bool merged; /* the door's record is to be more than that of the event */
};
#define KNOWN_INIT                                                                                 \
	{                                                                                          \
		.record = BUF_INIT(EVENT_RECORD_MAX)                                               \
	}

static int remember(const struct store_door *d, void *arg)
{
	struct known *k = arg;

	k->open_seq = d->open_seq;
	k->verdict = d->verdict;
	if (d->closed_ns)
		return 0;
	k->opened_ns = d->opened_ns;
	k->key = d->alert_key ? strdup(d->alert_key) : NULL;
	if (d->record.len)
		buf_put(&k->record, d->record.ptr, d->record.len);
	return d->alert_key && !k->key ? -ENOMEM : k->record.err;
}

static void known_done(struct known *k)
{
	free(k->key);
	buf_done(&k->record);
}

/* A door that is unknown leaves zeros. */
static int look_up(struct judge *j, const struct store_event_row *row, struct known *ret_k)
{
	int err = store_door_get(j->store, row->node, row->raw.boot_seq, &row->ev.door, remember,
				 ret_k);

	return err == -ENOENT ? 0 : err;
}

/* The alert that the door is under is about that program still. */
static bool is_about(const struct known *known, const struct store_door *d,
		     const struct process *who)
{
	struct process was;
	struct event then;

	if (!known->key || !known->record.len ||
	    event_decode(known->record.data, known->record.len, &then))
		return true;
	audit_holder_of_key(known->key, d->host_type, &then, &was);
	return was.kernel == who->kernel &&
	       (!was.exe.ptr || !who->exe.ptr || text_eq(exe_path(&was), exe_path(who)));
}

/* The door and its alerts, as it was just judged. first: nobody has judged it before. */
static int put_judged(struct judge *j, struct store_door *d, const struct known *known, bool first,
		      uint64_t happened_ns)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024), record = BUF_INIT(EVENT_RECORD_MAX);
	const struct profile *profile;
	struct judgement judgement;
	struct process who;
	bool same_key;
	int err = judge_door(j, d, &d->ev, &profile, &judgement, &who);

	if (!err && first)
		hits_add(j->hits, &judgement, j->at_ns);
	if (!err && judgement.kind)
		err = judge_key(j, d, &who, judgement.kind,
				is_about(known, d, &who) ? known->key : NULL, j->at_ns, &key);
	if (!err && known->merged)
		err = judge_seal(d, &record);
	/* That a socket has settled changes no verdict: until then there was none. */
	if (!err && known->open_seq && known->verdict != VERDICT_SETTLING &&
	    d->verdict != VERDICT_SETTLING) {
		/* What the door has become made the difference, no row and nobody who wrote one. */
		const struct judgement by_event = { .verdict = judgement.verdict };

		err = judge_keep_past(j, d, known->verdict, &by_event, happened_ns);
	}
	if (!err)
		err = store_put_door(j->store, d);
	same_key = known->key && d->alert_key && !strcmp(known->key, d->alert_key);
	if (!err && known->key && !same_key)
		err = alerting_allow(j->alerting, known->key, d->node, judge_over(&judgement),
				     j->at_ns);
	if (!err && judgement.kind)
		err = alerting_raise(j->alerting, d, &judgement, profile, !same_key, j->at_ns);
	if (!err && d->verdict == VERDICT_PROFILED && audit_may_be_shared(&d->ev.door))
		err = judge_sharers(j, d);
	else if (known->verdict == VERDICT_PROFILED && door_is_udp(&d->ev.door))
		judge_sharers_later(j); /* it has left the group, or another holds it */
	return err;
}

/* What is known of the opening stays; what the socket has become is new. */
static void take_state(struct door *d, const struct door *now)
{
	d->settling = now->settling;
	d->connected = now->connected;
	d->multicast = now->multicast;
	d->lasting = now->lasting;
	d->bound |= now->bound;
}

/*
 * What the door's row keeps of an event about a door that is known: a fresh agent knows the opener
 * only by who is left, and who opened it stays what it was, as does what the socket had become.
 */
static void merge_known(struct store_door *d, struct known *known)
{
	struct event then;

	if (!known->opened_ns || !known->record.len ||
	    (d->ev.kind == EVENT_OPEN && d->ev.origin == ORIGIN_EVENT) ||
	    event_decode(known->record.data, known->record.len, &then))
		return;
	then.opened_ns = known->opened_ns;
	d->ev.origin = then.origin; /* when it was opened is as well known as it was */
	holders_merge(&d->ev, &then);
	if (d->ev.kind == EVENT_HELD || (d->ev.door.settling && !then.door.settling))
		take_state(&d->ev.door, &then.door);
	d->door = d->ev.door;
	known->merged = true;
}

/* An opening, or that others hold the door than before. */
static int on_open(struct judge *j, const struct store_event_row *row)
{
	const struct event *ev = &row->ev;
	struct store_door d = { .node = row->node,
				.host_type = row->host_type,
				.boot_seq = row->raw.boot_seq,
				.door = ev->door,
				.open_seq = row->raw.seq,
				.opened_ns = ev->time_ns,
				.record = row->raw.record,
				.ev = *ev };
	_cleanup_(known_done) struct known known = KNOWN_INIT;
	int err = look_up(j, row, &known);

	/* A record that came late takes the cursor back: what follows it is judged already. */
	if (err || known.open_seq >= row->raw.seq)
		return err;
	if (ev->kind == EVENT_HELD && ev->opened_ns)
		d.opened_ns = ev->opened_ns;
	/* A door that a fresh sensor found again is the same door, open since it was first seen. */
	if (known.opened_ns)
		d.opened_ns = known.opened_ns;
	merge_known(&d, &known);
	return put_judged(j, &d, &known, !known.opened_ns && !d.door.settling, ev->time_ns);
}

static struct store_door door_of(const struct store_event_row *row, const struct known *k)
{
	return (struct store_door){ .node = row->node,
				    .host_type = row->host_type,
				    .boot_seq = row->raw.boot_seq,
				    .open_seq = k->open_seq,
				    .opened_ns = k->opened_ns,
				    .record = { k->record.data, (uint32_t)k->record.len } };
}

static int on_settle(struct judge *j, const struct store_event_row *row)
{
	_cleanup_(known_done) struct known known = KNOWN_INIT;
	struct store_door d;
	int err = look_up(j, row, &known);

	/* Judged before, and closed since. */
	if (err || known.open_seq > row->raw.seq || (known.open_seq && !known.opened_ns))
		return err;
	d = door_of(row, &known);
	if (event_decode(known.record.data, known.record.len, &d.ev)) {
		/* Its opening is among what was lost: this is the first that is known of it. */
		d.ev = row->ev;
		d.ev.kind = EVENT_OPEN;
		d.open_seq = row->raw.seq;
		d.opened_ns = row->ev.opened_ns ? row->ev.opened_ns : row->ev.time_ns;
		d.record = row->raw.record;
		buf_put(&known.record, d.record.ptr, d.record.len);
	}
	take_state(&d.ev.door, &row->ev.door);
	d.door = d.ev.door;
	known.merged = true;
	return put_judged(j, &d, &known, known.verdict == VERDICT_SETTLING || !known.open_seq,
			  row->ev.time_ns);
}

struct closing {
	struct judge *j;
	int err;
};

/* The door's alert has one reason less. */
static int on_closed_door(const struct store_door *d, void *arg)
{
	struct closing *c = arg;

	if (d->verdict == VERDICT_PROFILED && audit_may_be_shared(&d->ev.door))
		judge_sharers_later(c->j);
	if (d->alert_key)
		c->err = alerting_close(c->j->alerting, d->alert_key, d->node, c->j->at_ns);
	return c->err;
}

/* Closed before it was settled: a client's, unless nobody knows when it was. */
static int close_unsettled(struct judge *j, const struct store_event_row *row,
			   const struct known *known, uint64_t closed_ns, bool seen)
{
	struct store_door d = door_of(row, known);

	d.closed_ns = closed_ns;
	d.close_seq = row->raw.seq;
	d.verdict = seen ? VERDICT_CLIENT : VERDICT_NONE;
	if (event_decode(known->record.data, known->record.len, &d.ev))
		return -EBADMSG;
	d.door = d.ev.door;
	return store_put_door(j->store, &d);
}

static int close_door(struct judge *j, const char *node, uint32_t boot_seq, const struct door *door,
		      uint64_t seq, uint64_t time_ns)
{
	struct closing c = { .j = j };
	bool found;
	int err = store_close_door(j->store, node, boot_seq, door, seq, time_ns, &found);

	if (err || !found)
		return err;
	return store_door_get(j->store, node, boot_seq, door, on_closed_door, &c);
}

/* Closed before its node has told of the program's file: judged by what is known. */
static int close_awaited(struct judge *j, const struct store_event_row *row,
			 const struct known *known)
{
	struct store_door d = door_of(row, known);
	int err = event_decode(known->record.data, known->record.len, &d.ev);

	if (err)
		return err;
	d.door = d.ev.door;
	j->closing = true;
	err = put_judged(j, &d, known, true, row->ev.time_ns);
	j->closing = false;
	return err ? err
		   : close_door(j, row->node, row->raw.boot_seq, &row->ev.door, row->raw.seq,
				row->ev.time_ns);
}

static bool is_settling(const struct known *known)
{
	struct event ev;

	return event_decode(known->record.data, known->record.len, &ev) ||
	       (ev.door.settling && door_is_udp(&ev.door));
}

static int on_close(struct judge *j, const struct store_event_row *row)
{
	_cleanup_(known_done) struct known known = KNOWN_INIT;
	int err = look_up(j, row, &known);

	/* Judged before, and the same socket listens again since. */
	if (err || known.open_seq > row->raw.seq)
		return err;
	if (known.opened_ns && known.verdict == VERDICT_SETTLING && known.record.len)
		return is_settling(&known) ? close_unsettled(j, row, &known, row->ev.time_ns, true)
					   : close_awaited(j, row, &known);
	return close_door(j, row->node, row->raw.boot_seq, &row->ev.door, row->raw.seq,
			  row->ev.time_ns);
}

/* --- a new session of an agent -------------------------------------------------------------------- */

struct stale {
	uint32_t boot_seq;
	uint64_t from_seq, before_ns; /* before_ns: only what opened before; 0: whenever */
	unsigned len;
	struct {
		uint32_t boot_seq;
		enum verdict verdict;
		struct door door;
	} doors[STALE_MAX];
};

static int collect_stale(const struct store_door *d, void *arg)
{
	struct stale *s = arg;

	if (d->boot_seq > s->boot_seq || (d->boot_seq == s->boot_seq && d->open_seq >= s->from_seq))
		return 0;
	if (s->before_ns && d->opened_ns >= s->before_ns)
		return 0;
	if (s->len == STALE_MAX)
		return 1; /* the caller asks again for the rest */
	s->doors[s->len].boot_seq = d->boot_seq;
	s->doors[s->len].verdict = d->verdict;
	s->doors[s->len++].door = d->door;
	return 0;
}

/* What it would have become nobody knows. */
static int forget_unsettled(struct judge *j, const struct store_event_row *row, uint32_t boot_seq,
			    const struct door *door)
{
	_cleanup_(known_done) struct known known = KNOWN_INIT;
	struct store_event_row of = *row;
	int err = store_door_get(j->store, row->node, boot_seq, door, remember, &known);

	of.raw.boot_seq = boot_seq;
	return err ? err : close_unsettled(j, &of, &known, row->ev.time_ns, false);
}

/*
 * A start record with from_seq says: this session's snapshot is complete from there on. What was
 * open before and was not found again has closed while nobody watched, at the latest now.
 */
static int on_start(struct judge *j, const struct store_event_row *row, uint64_t before_ns)
{
	_free_ struct stale *s = calloc(1, sizeof(*s));
	struct store_door_query q = { .node = row->node, .open_only = true };
	int more;

	if (!s)
		return -ENOMEM;
	s->boot_seq = row->raw.boot_seq;
	s->from_seq = row->ev.from_seq;
	s->before_ns = before_ns;
	do {
		s->len = 0;
		more = store_doors(j->store, &q, collect_stale, s);
		if (more < 0)
			return more;
		for (unsigned i = 0; i < s->len; i++) {
			int err = s->doors[i].verdict == VERDICT_SETTLING
					  ? forget_unsettled(j, row, s->doors[i].boot_seq,
							     &s->doors[i].door)
					  : close_door(j, row->node, s->doors[i].boot_seq,
						       &s->doors[i].door, row->raw.seq,
						       row->ev.time_ns);

			if (err)
				return err;
		}
	} while (more);
	return 0;
}

/* --- a boot that is over ------------------------------------------------------------------------------- */

/* A start, with copies. */
struct start {
	bool found;
	struct store_event_row row;
	struct buf record;
	char node[256], host_type[256];
};

static int keep_start(const struct store_event_row *row, void *arg)
{
	struct start *s = arg;

	if (!row->ev.from_seq)
		return 0;
	buf_put(&s->record, row->raw.record.ptr, row->raw.record.len);
	snprintf(s->node, sizeof(s->node), "%s", row->node);
	snprintf(s->host_type, sizeof(s->host_type), "%s", row->host_type);
	s->row = *row;
	s->row.node = s->node;
	s->row.host_type = s->host_type;
	s->row.raw.record = (struct text){ s->record.data, (uint32_t)s->record.len };
	s->found = true;
	return s->record.err ? s->record.err : 1;
}

/*
 * A boot that goes on behind a later one is another machine's under one name, taken back: what
 * opens on it since is not over.
 */
int judge_boot_over(struct judge *j, const char *node, uint32_t boot_seq)
{
	struct start s = { .record = BUF_INIT(EVENT_RECORD_MAX) };
	int ret = store_later_starts(j->store, node, boot_seq, keep_start, &s);

	if (ret > 0)
		ret = s.found && event_decode(s.record.data, s.record.len, &s.row.ev) ? -EBADMSG
										      : 0;
	if (!ret && s.found) {
		judge_set_time(j, &s.row);
		ret = on_start(j, &s.row, s.row.ev.time_ns);
	}
	buf_done(&s.record);
	return ret;
}

int judge_event(struct judge *j, const struct store_event_row *row)
{
	int err;

	switch (row->ev.kind) {
	case EVENT_OPEN:
	case EVENT_HELD:
		return on_open(j, row);
	case EVENT_SETTLE:
		return on_settle(j, row);
	case EVENT_CLOSE:
		return on_close(j, row);
	case EVENT_START:
		err = store_redirect_note(j->store, row);
		return err || !row->ev.from_seq ? err : on_start(j, row, 0);
	case EVENT_REDIRECT:
		return store_redirect_note(j->store, row);
	case EVENT_BIND:
	case EVENT_LOST:
	case EVENT_GAP:
	case EVENT_STOP:
		break;
	}
	return 0;
}
