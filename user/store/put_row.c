/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "store/put.h"

/* An event as a row: its bytes, and beside them the columns that people and indexes look for. */

#define NS_PER_DAY (86400ULL * 1000000000ULL)

enum {
	E_NODE,
	E_BOOT,
	E_SEQ,
	E_HAPPENED,
	E_RECORDED,
	E_RECEIVED,
	E_DAY,
	E_KIND,
	E_ORIGIN,
	E_PROTO,
	E_FAMILY,
	E_ADDR,
	E_PORT,
	E_SCOPE,
	E_NETNS,
	E_NETNS_COOKIE,
	E_COOKIE,
	E_PID,
	E_COMM,
	E_EXE,
	E_UID,
	E_USER,
	E_ARGV,
	E_OPENED,
	E_COUNT,
	E_GAP_FROM,
	E_GAP_TO,
	E_REASON,
	E_RECORD,
	E_CHAIN,
};
_Static_assert(E_CHAIN + 1 == PUT_PARAMS, "a value for each column");

uint64_t put_add_counts(uint64_t a, uint64_t b)
{
	return a + b > COUNT_MAX || b > COUNT_MAX ? COUNT_MAX : a + b;
}

void put_decode(const struct store_event *row, struct event *ev)
{
	*ev = (struct event){ 0 };
	if (event_decode(row->record.ptr, row->record.len, ev))
		*ev = (struct event){
			.time_ns = row->recorded_ns < INT64_MAX ? row->recorded_ns : INT64_MAX - 1
		}; /* kept: a newer ajar may read it */
	if (row->gap_elsewhere)
		ev->to_seq = UINT64_MAX; /* counted, and no range of this boot */
}

#define SET(column, ...) (v[column] = (struct sql_arg)__VA_ARGS__)

static void set_door(struct sql_arg *v, const struct door *d)
{
	SET(E_PROTO, U(d->proto));
	SET(E_FAMILY, U(d->family));
	SET(E_PORT, U(d->port));
	SET(E_SCOPE, U(d->scope));
	SET(E_NETNS, U_IF(d->netns, d->netns));
	SET(E_NETNS_COOKIE, U(d->netns_cookie));
	SET(E_COOKIE, U(d->cookie));
}

/*
 * comm is no text of the record but an array of the decoded event, which ends before the statement:
 * as words it is copied.
 */
static void set_process(struct sql_arg *v, const struct process *p)
{
	const struct text comm = { p->comm, (uint32_t)strnlen(p->comm, COMM_LEN) };

	if (!p->known)
		return;
	SET(E_PID, U(p->pid));
	SET(E_COMM, WORDS(comm));
	SET(E_EXE, ESCAPED(p->exe));
	SET(E_UID, U_IF(p->uid != ID_UNKNOWN, p->uid));
	SET(E_USER, ESCAPED(p->user));
	SET(E_ARGV, WORDS(p->argv));
}

static void set_event(struct sql_arg *v, const struct event *ev, uint64_t gap_max)
{
	SET(E_HAPPENED, U(ev->time_ns));
	SET(E_DAY, U(ev->time_ns / NS_PER_DAY));
	SET(E_KIND, U(ev->kind));
	SET(E_ORIGIN, U(ev->origin));
	if (ev->door.proto)
		set_door(v, &ev->door);
	set_process(v, &ev->opener);
	SET(E_OPENED, U_IF(ev->kind == EVENT_CLOSE && ev->opened_ns, ev->opened_ns));
	SET(E_COUNT, U_IF(ev->kind == EVENT_LOST || ev->kind == EVENT_GAP, ev->count));
	SET(E_GAP_FROM, U_IF(ev->kind == EVENT_GAP && ev->to_seq <= gap_max, ev->from_seq));
	SET(E_GAP_TO, U_IF(ev->kind == EVENT_GAP && ev->to_seq <= gap_max, ev->to_seq));
	SET(E_REASON, ESCAPED(ev->reason));
}

static int bind_addr(struct sql_stmt *st, unsigned i, const struct door *d)
{
	struct buf addr = BUF_INIT(256);
	int err;

	door_addr_format(&addr, d);
	err = addr.err ? addr.err : st->s->ops->sql->copy(st, i, &addr);
	buf_done(&addr);
	return err;
}

int put_bind_row(struct put *p, struct sql_stmt *st, unsigned at, size_t i)
{
	const struct store_event *row = p->fresh[i];
	struct sql_arg v[PUT_PARAMS] = { 0 };
	struct event ev;
	int err = 0;

	put_decode(row, &ev);
	/* A gap without end is no range of SQLite's, whose numbers end there. */
	set_event(v, &ev, p->s->ops->sql->server ? UINT64_MAX : INT64_MAX - 1);
	SET(E_NODE, U(p->node_id));
	SET(E_BOOT, U(row->boot_seq));
	SET(E_SEQ, U(row->seq));
	SET(E_RECORDED, U(row->recorded_ns));
	SET(E_RECEIVED, U(p->server_ns ? p->server_ns : row->received_ns));
	SET(E_RECORD, B(row->record.ptr, row->record.len));
	SET(E_CHAIN, B(row->chain, SHA256_LEN));
	for (unsigned k = 0; k < PUT_PARAMS && !err; k++)
		err = sql_stmt_bind(st, at + k + 1, &v[k]);
	if (!err && ev.door.proto)
		err = bind_addr(st, at + E_ADDR + 1, &ev.door);
	if (ev.kind == EVENT_LOST)
		p->lost = put_add_counts(p->lost, ev.count);
	if (row->received_ns > p->received_ns)
		p->received_ns = row->received_ns;
	p->kinds[i] = ev.kind;
	return err;
}
