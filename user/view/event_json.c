/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The JSON of an event. Its keys are a contract: every one of the common part is in every object,
 * whatever the kind; what a kind adds (closer, count, from ...) is only there. What is not known is
 * null: also a boot_seq and seq that no journal has given yet.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "view/writer.h"
#include "core/holders.h"
#include "core/place.h"
#include "core/redirect.h"
#include "store/scan_changes.h"
#include "store/seen.h"
#include "view/view.h"

static void put_id(struct writer *w, const char *key, uint32_t id)
{
	if (id == ID_UNKNOWN)
		writer_null(w, key);
	else
		writer_u64(w, key, id);
}

static void put_u64_or_null(struct writer *w, const char *key, uint64_t v)
{
	if (v)
		writer_u64(w, key, v);
	else
		writer_null(w, key);
}

/* A name out of a fixed set; the number is out of range when the record is of a newer program. */
static void put_name(struct writer *w, const char *key, const char *name)
{
	writer_str(w, key, name && strcmp(name, "?") != 0 ? name : NULL);
}

static struct text comm_text(const char comm[COMM_LEN])
{
	return (struct text){ comm, (uint32_t)strnlen(comm, COMM_LEN) };
}

/* argv: each argument ended by NUL; a cut last one has none. */
static void put_argv(struct writer *w, struct text argv)
{
	const char *p = argv.ptr, *end = p + argv.len;

	if (!p) {
		writer_null(w, "argv");
		return;
	}
	writer_list(w, "argv");
	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		const char *stop = nul ? nul : end;

		writer_text(w, NULL, (struct text){ p, (uint32_t)(stop - p) });
		p = stop + 1;
	}
	writer_end(w);
}

static void put_ancestors(struct writer *w, const struct process *p)
{
	writer_list(w, "ancestors");
	for (uint32_t i = 0; i < p->ancestors_len && i < ANCESTORS_MAX; i++) {
		writer_start(w, NULL);
		writer_u64(w, "pid", p->ancestors[i].pid);
		writer_text(w, "comm", comm_text(p->ancestors[i].comm));
		writer_end(w);
	}
	writer_end(w);
}

static const struct process the_kernel = {
	.known = true,
	.kernel = true,
	.comm = "kernel",
	.uid = ID_UNKNOWN,
	.gid = ID_UNKNOWN,
	.loginuid = ID_UNKNOWN,
	.session = ID_UNKNOWN,
};

static void put_process(struct writer *w, const char *key, const struct process *p)
{
	if (!p->known && !p->kernel) {
		writer_null(w, key);
		return;
	}
	if (p->kernel)
		p = &the_kernel;
	writer_start(w, key);
	put_u64_or_null(w, "pid", p->pid);
	put_u64_or_null(w, "tid", p->tid);
	writer_time(w, "start", p->start_ns);
	writer_text(w, "comm", comm_text(p->comm));
	writer_text(w, "exe", p->exe);
	put_argv(w, p->argv);
	put_id(w, "uid", p->uid);
	writer_text(w, "user", p->user);
	put_id(w, "gid", p->gid);
	put_id(w, "loginuid", p->loginuid);
	put_id(w, "session", p->session);
	put_ancestors(w, p);
	/* Longer than the capture: said only then, so that nobody takes a part for the whole. */
	if (p->exe_cut)
		writer_bool(w, "exe_cut", true);
	if (place_exe_is_foreign(p))
		writer_bool(w, "exe_foreign", true);
	if (p->argv_cut)
		writer_bool(w, "argv_cut", true);
	if (p->alike) {
		writer_u64(w, "processes", p->alike);
		writer_text(w, "cgroup", p->cgroup);
		writer_text(w, "container", p->container);
		writer_bool(w, "container_known", p->container_state != PLACE_UNKNOWN);
		writer_text(w, "job", p->job);
		writer_bool(w, "job_known", p->job_state != PLACE_UNKNOWN);
	}
	writer_end(w);
}

static void put_no_door(struct writer *w)
{
	static const char *const names[] = { "proto",  "family", "addr", "port",
					     "v6only", "door",	 "scope" };

	for (size_t i = 0; i < array_len(names); i++)
		writer_null(w, names[i]);
}

static bool is_ip(const struct door *d)
{
	return d->family == FAMILY_INET || d->family == FAMILY_INET6;
}

/* What tells a client's socket from a door. */
static void put_udp(struct writer *w, const struct door *d)
{
	writer_bool(w, "settled", !d->settling);
	writer_bool(w, "connected", d->connected);
	writer_bool(w, "bound", d->bound || !d->autoport);
	writer_bool(w, "multicast", d->multicast);
	writer_bool(w, "shared", d->shared);
}

static void put_door(struct writer *w, const struct event *ev)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(128);
	const struct door *d = &ev->door;

	put_name(w, "proto", door_proto_name(d->proto));
	put_name(w, "family", is_ip(d) ? door_family_name(d->family) : NULL);
	door_addr_format(&b, d);
	writer_str(w, "addr", buf_str(&b));
	writer_u64(w, "port", d->port);
	if (is_ip(d))
		writer_bool(w, "v6only", d->v6only);
	else
		writer_null(w, "v6only");
	buf_reset(&b);
	door_id_format(&b, ev->boot_seq, d);
	writer_str(w, "door", buf_str(&b));
	put_name(w, "scope", door_scope_name(d->scope));
	if (d->proto == PROTO_UDP || d->proto == PROTO_UDPLITE)
		put_udp(w, d);
}

/*
 * Who holds the door after this event, always an array: at its opening that is the opener; empty
 * when it is closed, and when nobody is seen to hold it.
 */
static void put_holders(struct writer *w, const struct event *ev)
{
	bool stands = ev->kind == EVENT_OPEN || ev->kind == EVENT_HELD;
	struct text list = ev->holders.list;
	struct process p;

	writer_list(w, "holders");
	while (stands && holders_next(&list, &p))
		put_process(w, NULL, &p);
	if (stands && (!ev->holders.known || ev->opener.kernel) && ev->opener.known)
		put_process(w, NULL, &ev->opener);
	writer_end(w);
	if (stands && ev->holders.more)
		writer_u64(w, "holders_more", ev->holders.more);
	if (stands && holders_hidden(ev))
		writer_bool(w, "holder_visible", false);
	if (event_asker(ev, &p))
		put_process(w, "asked_by", &p);
}

/*
 * Where the opener runs: null is "in none" where the key beside it says known, else nobody knows.
 */
static void put_place(struct writer *w, const struct event *ev)
{
	const struct process *p = &ev->opener;
	const char *path = ev->cgroups.ptr, *end = path ? path + ev->cgroups.len : NULL;
	char where[PLACE_WHERE_MAX];

	place_where(&ev->door, &ev->opener, where);
	writer_text(w, "container", p->container);
	writer_bool(w, "container_known", p->container_state != PLACE_UNKNOWN);
	writer_text(w, "job", p->job);
	writer_bool(w, "job_known", p->job_state != PLACE_UNKNOWN);
	if (ev->cgroups_known)
		writer_list(w, "cgroups");
	else
		writer_null(w, "cgroups");
	while (path < end) {
		size_t n = strnlen(path, (size_t)(end - path));

		writer_text(w, NULL, (struct text){ path, (uint32_t)n });
		path += n + 1;
	}
	if (ev->cgroups_known)
		writer_end(w);
	writer_str(w, "where", where[0] ? where : NULL);
}

static void put_closing(struct writer *w, const struct event *ev)
{
	put_process(w, "closer", &ev->closer);
	writer_time(w, "opened", ev->opened_ns);
	if (ev->opened_ns && ev->opened_ns <= ev->time_ns)
		writer_u64(w, "duration_ms", (ev->time_ns - ev->opened_ns) / 1000000);
	else
		writer_null(w, "duration_ms");
}

static void put_redirect(struct writer *w, struct text list)
{
	struct text line;

	writer_list(w, "steering");
	while (redirect_next(&list, &line))
		writer_text(w, NULL, line);
	writer_end(w);
}

/* What only events of this kind have. */
static void put_own_keys(struct writer *w, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_CLOSE:
		put_closing(w, ev);
		break;
	case EVENT_LOST:
		writer_u64(w, "count", ev->count);
		writer_text(w, "reason", ev->reason);
		break;
	case EVENT_GAP:
		writer_u64(w, "count", ev->count);
		writer_u64(w, "from", ev->from_seq);
		writer_u64(w, "to", ev->to_seq);
		writer_text(w, "reason", ev->reason);
		writer_time(w, "since", ev->opened_ns);
		break;
	case EVENT_START:
	case EVENT_STOP:
		writer_text(w, "reason", ev->reason);
		break;
	case EVENT_REDIRECT:
		put_redirect(w, ev->reason);
		break;
	case EVENT_SETTLE:
	case EVENT_HELD:
		writer_time(w, "opened", ev->opened_ns);
		break;
	case EVENT_OPEN:
	case EVENT_BIND:
		break;
	}
}

/* The second witness, or null: no scan has asked for that port since. */
void view_seen_member(struct writer *w, const struct store_seen *seen)
{
	if (!seen || !seen->scan_id) {
		writer_null(w, "scan");
		return;
	}
	writer_start(w, "scan");
	writer_u64(w, "id", seen->scan_id);
	writer_str(w, "kind", scan_kind_name(seen->kind));
	writer_time(w, "time", seen->ended_ns);
	writer_str(w, "node", seen->node);
	writer_str(w, "addr", seen->addr);
	writer_str(w, "state", port_state_name(seen->state));
	writer_str(w, "service", *seen->service ? seen->service : NULL);
	writer_u64(w, "reachable", seen->reachable);
	writer_u64(w, "asked", seen->asked);
	writer_end(w);
}

static void put_later(struct writer *w, const struct view_event_ctx *ctx)
{
	const struct view_later *l = &ctx->later;

	if (ctx->verdict_computed)
		writer_bool(w, "verdict_computed", true);
	if (!l->verdict)
		return;
	writer_start(w, "verdict_later");
	writer_str(w, "verdict", verdict_name(l->verdict));
	writer_time(w, "time", l->at_ns);
	put_u64_or_null(w, "row", l->rule_id);
	writer_str(w, "by", l->author && *l->author ? l->author : NULL);
	writer_time(w, "made", l->made_ns);
	writer_end(w);
}

void view_event_members(struct writer *w, const struct event *ev, const struct view_event_ctx *ctx)
{
	writer_time(w, "time", ev->time_ns);
	writer_str(w, "node", ctx->node);
	writer_str(w, "class", ctx->host_type);
	put_u64_or_null(w, "boot_seq", ev->boot_seq);
	put_u64_or_null(w, "seq", ev->seq);
	put_name(w, "event", event_kind_name(ev->kind));
	put_name(w, "origin", event_origin_name(ev->origin));
	if (event_has_door(ev->kind))
		put_door(w, ev);
	else
		put_no_door(w);
	put_process(w, "opener", &ev->opener);
	put_holders(w, ev);
	put_u64_or_null(w, "netns", event_has_door(ev->kind) ? ev->door.netns : 0);
	writer_str(w, "netns_name", ev->door.netns_name[0] ? ev->door.netns_name : NULL);
	writer_str(w, "device", ev->door.device[0] ? ev->door.device : NULL);
	writer_text(w, "cgroup", ev->cgroup);
	put_place(w, ev);
	writer_str(w, "verdict", verdict_name(ctx->verdict));
	if (ctx->latency_us >= 0)
		writer_i64(w, "latency_us", ctx->latency_us);
	else
		writer_null(w, "latency_us");
	put_own_keys(w, ev);
	put_later(w, ctx);
	if (ctx->seen)
		view_seen_member(w, ctx->seen);
}

void view_event_member(struct writer *w, const char *key, const struct event *ev,
		       const struct view_event_ctx *ctx)
{
	writer_start(w, key);
	view_event_members(w, ev, ctx);
	writer_end(w);
}

void view_event_json(struct writer *w, const struct event *ev, const struct view_event_ctx *ctx)
{
	view_event_member(w, NULL, ev, ctx);
}
