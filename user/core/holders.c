/* SPDX-License-Identifier: GPL-2.0 */
#include "core/holders.h"

#include <string.h>

#include "base/buf.h"
#include "core/executable.h"

static bool same_text(struct text a, struct text b)
{
	if (!a.ptr || !b.ptr)
		return !a.ptr && !b.ptr;
	return text_eq(a, b);
}

bool holders_alike(const struct process *a, const struct process *b)
{
	if (a->known != b->known || a->kernel != b->kernel)
		return false;
	if (a->kernel || !a->known)
		return true;
	if (!a->exe.ptr && !b->exe.ptr && strncmp(a->comm, b->comm, COMM_LEN))
		return false;
	return !((a->space ^ b->space) & (SPACE_EXE | SPACE_FILE)) && a->uid == b->uid &&
	       a->exe_cut == b->exe_cut && same_text(a->exe, b->exe) &&
	       a->job_state == b->job_state && a->container_state == b->container_state &&
	       same_text(a->job, b->job) && same_text(a->container, b->container);
}

static bool has_all(const struct holders *in, const struct holders *of)
{
	struct text left = of->list;
	struct process p, q;

	while (holders_next(&left, &p)) {
		struct text list = in->list;
		bool found = false;

		while (!found && holders_next(&list, &q))
			found = holders_alike(&p, &q);
		if (!found)
			return false;
	}
	return true;
}

bool holders_same(const struct holders *a, const struct holders *b)
{
	return a->known == b->known && a->len == b->len && !a->more == !b->more && has_all(a, b) &&
	       has_all(b, a);
}

/*
 * The stamps of one start are converted from boot time each time, so that they differ by a little.
 */
#define START_JITTER_NS UINT64_C(50000000)

static bool same_process(const struct process *a, const struct process *b)
{
	uint64_t apart =
		a->start_ns > b->start_ns ? a->start_ns - b->start_ns : b->start_ns - a->start_ns;

	return a->pid == b->pid && apart < START_JITTER_NS;
}

/* Whether what was known of who opened a door is not to be replaced. */
static bool is_better(const struct process *then, const struct process *now)
{
	if (now->kernel && !then->kernel)
		return false;
	return then->kernel || then->exe.ptr || !now->exe.ptr || !same_process(now, then);
}

void holders_merge(struct event *now, const struct event *then)
{
	if (then->opener.known && is_better(&then->opener, &now->opener)) {
		now->opener = then->opener;
		now->cgroup_id = then->cgroup_id;
		now->cgroup = then->cgroup;
	}
	if (!now->asker.ptr)
		now->asker = then->asker;
	if (!now->holders.known)
		now->holders = then->holders;
	if (!now->opened_ns)
		now->opened_ns = then->opened_ns;
}

/* What it was started with is known best of when it opened the door: a list has the beginning. */
static void take_arguments(const struct process *opener, struct process *p)
{
	if (!opener->known || !opener->pid || !opener->argv.ptr || !same_process(p, opener) ||
	    !same_text(p->exe, opener->exe))
		return;
	p->argv = opener->argv;
	p->argv_cut = opener->argv_cut;
}

size_t holders_judged(const struct event *ev, struct process ret[HOLDERS_JUDGED_MAX])
{
	struct text list = ev->holders.list;
	size_t n = 0;

	while (n < HOLDERS_MAX && holders_next(&list, &ret[n]))
		take_arguments(&ev->opener, &ret[n++]);
	if (ev->holders.more)
		ret[n++] = (struct process){ .uid = ID_UNKNOWN,
					     .gid = ID_UNKNOWN,
					     .loginuid = ID_UNKNOWN,
					     .session = ID_UNKNOWN };
	if (!n)
		ret[n++] = ev->opener;
	for (size_t i = 0; i < n; i++)
		ret[i].account = ev->files ? &ev->files[i] : NULL;
	return n;
}

void holders_first(const struct event *ev, struct process *ret_p)
{
	struct text list = ev->holders.list;

	if (!holders_next(&list, ret_p))
		*ret_p = ev->opener;
}

bool holders_hidden(const struct event *ev)
{
	return ev->holders.known && !ev->holders.len && !ev->holders.more && !ev->opener.kernel;
}
