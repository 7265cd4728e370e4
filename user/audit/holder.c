/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/holder.h"

#include <string.h>

#include "audit/match.h"
#include "audit/verdict.h"
#include "base/buf.h"
#include "core/holders.h"

static unsigned badness(const struct judgement *j)
{
	static const unsigned kinds = FINDING_IMPOSTOR + 1;

	return j->kind ? (unsigned)j->severity * kinds + j->kind : 0;
}

/*
 * Daemons open their port as root, become their own user and fork workers. Whoever was root could
 * become that user: the same program as another user is what root's door may be held by.
 */
static bool was_root(const struct event *ev, const struct process *p)
{
	const struct process *o = &ev->opener;

	return o->known && !o->kernel && !o->uid && p->known && !p->kernel && p->uid &&
	       o->exe.ptr && p->exe.ptr && !o->exe_cut && !p->exe_cut &&
	       text_eq(exe_path(o), exe_path(p));
}

void audit_judge_event(const struct profile *p, const struct event *ev, uint64_t now_wall_ns,
		       unsigned outside, struct judgement *ret_j, struct process *ret_who)
{
	struct process each[HOLDERS_JUDGED_MAX], as_root;
	size_t n = holders_judged(ev, each), worst = 0;

	for (size_t i = 0; i < n; i++) {
		struct judgement j, other;

		audit_judge_seen(p, &ev->door, &each[i], now_wall_ns, outside, &j);
		if (badness(&j) && was_root(ev, &each[i])) {
			as_root = each[i];
			as_root.uid = ev->opener.uid;
			as_root.user = ev->opener.user;
			audit_judge_seen(p, &ev->door, &as_root, now_wall_ns, outside, &other);
			if (badness(&other) < badness(&j))
				j = other;
		}
		if (i && badness(&j) <= badness(ret_j))
			continue;
		*ret_j = j;
		worst = i;
	}
	if (ret_who)
		*ret_who = each[worst];
}

void audit_why_holder(const struct event *ev, const struct process *who, struct buf *b)
{
	const struct process *o = &ev->opener;

	if (holders_hidden(ev)) {
		buf_puts(b, "; it is held and no process is seen to hold it (a descriptor in a "
			    "message or an io_uring): judged by who opened it");
		return;
	}
	if (!o->known || holders_alike(o, who))
		return;
	buf_puts(b, "; it was opened by ");
	if (o->kernel)
		buf_puts(b, "the kernel");
	else
		esc_text(b, o->comm, strnlen(o->comm, COMM_LEN), 0);
	if (o->exe.ptr) {
		buf_puts(b, ", ");
		esc_text(b, exe_path(o).ptr, exe_path(o).len, 256);
	}
	buf_puts(b, ", and this one holds it now");
}

/* Without the finding's name and, for one of many ports of a program, without the port. */
static void put_common(const char *key, struct buf *b)
{
	struct buf many = BUF_INIT(1024);
	const char *rest;

	if (audit_flood_key(key, &many))
		key = buf_str(&many);
	rest = strchr(key, ' ');
	buf_puts(b, rest ? rest : key);
	buf_done(&many);
}

void audit_holder_of_key(const char *key, const char *host_type, const struct event *ev,
			 struct process *ret_p)
{
	_cleanup_(buf_done) struct buf want = BUF_INIT(1024);
	struct process each[HOLDERS_JUDGED_MAX];
	size_t n = holders_judged(ev, each);

	put_common(key, &want);
	*ret_p = each[0];
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buf_done) struct buf own = BUF_INIT(1024), is = BUF_INIT(1024);

		audit_key(host_type, NULL, &ev->door, &each[i], FINDING_UNEXPECTED, &own);
		put_common(buf_str(&own), &is);
		if (strcmp(buf_str(&is), buf_str(&want)))
			continue;
		*ret_p = each[i];
		return;
	}
}
