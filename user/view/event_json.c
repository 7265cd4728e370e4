/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The JSON of an event. Its keys are a contract: every one of the common part is in every object, whatever
 * the kind; what a kind adds (closer, count, from ...) is only there. What is not known is null: also a boot_seq and
 * seq that no journal has given yet.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "core/holders.h"
#include "core/place.h"
#include "core/redirect.h"
#include "store/scan_changes.h"
#include "store/seen.h"
#include "view/view.h"

static void put_id(struct jsonw *w, const char *key, uint32_t id)
{
	if (id == ID_UNKNOWN)
		jsonw_null(w, key);
	else
		jsonw_u64(w, key, id);
}

static void put_u64_or_null(struct jsonw *w, const char *key, uint64_t v)
{
	if (v)
		jsonw_u64(w, key, v);
	else
		jsonw_null(w, key);
}

/* A name out of a fixed set; the number is out of range when the record is of a newer program. */
static void put_name(struct jsonw *w, const char *key, const char *name)
{
	jsonw_str(w, key, name && strcmp(name, "?") != 0 ? name : NULL);
}

static struct text comm_text(const char comm[COMM_LEN])
{
	return (struct text){ comm, (uint32_t)strnlen(comm, COMM_LEN) };
}

/* argv: each argument ended by NUL; a cut last one has none. */
static void put_argv(struct jsonw *w, struct text argv)
{
	const char *p = argv.ptr, *end = p + argv.len;

	if (!p) {
		jsonw_null(w, "argv");
		return;
	}
	jsonw_arr(w, "argv");
	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		const char *stop = nul ? nul : end;

		jsonw_text(w, NULL, (struct text){ p, (uint32_t)(stop - p) });
		p = stop + 1;
	}
	jsonw_end_arr(w);
}

static void put_ancestors(struct jsonw *w, const struct process *p)
{
	jsonw_arr(w, "ancestors");
	for (uint32_t i = 0; i < p->ancestors_len && i < ANCESTORS_MAX; i++) {
		jsonw_obj(w, NULL);
		jsonw_u64(w, "pid", p->ancestors[i].pid);
		jsonw_text(w, "comm", comm_text(p->ancestors[i].comm));
		jsonw_end_obj(w);
	}
	jsonw_end_arr(w);
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

static void put_process(struct jsonw *w, const char *key, const struct process *p)
{
	if (!p->known && !p->kernel) {
		jsonw_null(w, key);
		return;
	}
	if (p->kernel)
		p = &the_kernel;
	jsonw_obj(w, key);
	put_u64_or_null(w, "pid", p->pid);
	put_u64_or_null(w, "tid", p->tid);
	jsonw_time(w, "start", p->start_ns);
	jsonw_text(w, "comm", comm_text(p->comm));
	jsonw_text(w, "exe", p->exe);
	put_argv(w, p->argv);
	put_id(w, "uid", p->uid);
	jsonw_text(w, "user", p->user);
	put_id(w, "gid", p->gid);
	put_id(w, "loginuid", p->loginuid);
	put_id(w, "session", p->session);
	put_ancestors(w, p);
	/* Longer than the capture: said only then, so that nobody takes a part for the whole. */
	if (p->exe_cut)
		jsonw_bool(w, "exe_cut", true);
	if (p->argv_cut)
		jsonw_bool(w, "argv_cut", true);
	if (p->alike) {
		jsonw_u64(w, "processes", p->alike);
		jsonw_text(w, "cgroup", p->cgroup);
		jsonw_text(w, "container", p->container);
		jsonw_bool(w, "container_known", p->container_state != PLACE_UNKNOWN);
		jsonw_text(w, "job", p->job);
		jsonw_bool(w, "job_known", p->job_state != PLACE_UNKNOWN);
	}
	jsonw_end_obj(w);
}

static void put_no_door(struct jsonw *w)
{
	static const char *const names[] = { "proto",  "family", "addr", "port",
					     "v6only", "door",	 "scope" };

	for (size_t i = 0; i < array_len(names); i++)
		jsonw_null(w, names[i]);
}

static bool is_ip(const struct door *d)
{
	return d->family == FAMILY_INET || d->family == FAMILY_INET6;
}

/* What tells a client's socket from a door. */
static void put_udp(struct jsonw *w, const struct door *d)
{
	jsonw_bool(w, "settled", !d->settling);
	jsonw_bool(w, "connected", d->connected);
	jsonw_bool(w, "bound", d->bound || !d->autoport);
	jsonw_bool(w, "multicast", d->multicast);
	jsonw_bool(w, "shared", d->shared);
}

static void put_door(struct jsonw *w, const struct event *ev)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(128);
	const struct door *d = &ev->door;

	put_name(w, "proto", door_proto_name(d->proto));
	put_name(w, "family", is_ip(d) ? door_family_name(d->family) : NULL);
	door_addr_format(&b, d);
	jsonw_str(w, "addr", buf_str(&b));
	jsonw_u64(w, "port", d->port);
	if (is_ip(d))
		jsonw_bool(w, "v6only", d->v6only);
	else
		jsonw_null(w, "v6only");
	buf_reset(&b);
	door_id_format(&b, ev->boot_seq, d);
	jsonw_str(w, "door", buf_str(&b));
	put_name(w, "scope", door_scope_name(d->scope));
	if (d->proto == PROTO_UDP || d->proto == PROTO_UDPLITE)
		put_udp(w, d);
}

/*
 * Who holds the door after this event, always an array: at its opening that is the opener; empty when it is closed, and when nobody is
 * seen to hold it.
 */
static void put_holders(struct jsonw *w, const struct event *ev)
{
	bool stands = ev->kind == EVENT_OPEN || ev->kind == EVENT_HELD;
	struct text list = ev->holders.list;
	struct process p;

	jsonw_arr(w, "holders");
	while (stands && holders_next(&list, &p))
		put_process(w, NULL, &p);
	if (stands && (!ev->holders.known || ev->opener.kernel) && ev->opener.known)
		put_process(w, NULL, &ev->opener);
	jsonw_end_arr(w);
	if (stands && ev->holders.more)
		jsonw_u64(w, "holders_more", ev->holders.more);
	if (stands && holders_hidden(ev))
		jsonw_bool(w, "holder_visible", false);
	if (event_asker(ev, &p))
		put_process(w, "asked_by", &p);
}

/* Where the opener runs: null is "in none" where the key beside it says known, else nobody knows. */
static void put_place(struct jsonw *w, const struct event *ev)
{
	const struct process *p = &ev->opener;
	const char *path = ev->cgroups.ptr, *end = path ? path + ev->cgroups.len : NULL;
	char where[PLACE_WHERE_MAX];

	place_where(&ev->door, &ev->opener, where);
	jsonw_text(w, "container", p->container);
	jsonw_bool(w, "container_known", p->container_state != PLACE_UNKNOWN);
	jsonw_text(w, "job", p->job);
	jsonw_bool(w, "job_known", p->job_state != PLACE_UNKNOWN);
	if (ev->cgroups_known)
		jsonw_arr(w, "cgroups");
	else
		jsonw_null(w, "cgroups");
	while (path < end) {
		size_t n = strnlen(path, (size_t)(end - path));

		jsonw_text(w, NULL, (struct text){ path, (uint32_t)n });
		path += n + 1;
	}
	if (ev->cgroups_known)
		jsonw_end_arr(w);
	jsonw_str(w, "where", where[0] ? where : NULL);
}

static void put_closing(struct jsonw *w, const struct event *ev)
{
	put_process(w, "closer", &ev->closer);
	jsonw_time(w, "opened", ev->opened_ns);
	if (ev->opened_ns && ev->opened_ns <= ev->time_ns)
		jsonw_u64(w, "duration_ms", (ev->time_ns - ev->opened_ns) / 1000000);
	else
		jsonw_null(w, "duration_ms");
}

static void put_redirect(struct jsonw *w, struct text list)
{
	struct text line;

	jsonw_arr(w, "steering");
	while (redirect_next(&list, &line))
		jsonw_text(w, NULL, line);
	jsonw_end_arr(w);
}

/* What only events of this kind have. */
static void put_own_keys(struct jsonw *w, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_CLOSE:
		put_closing(w, ev);
		break;
	case EVENT_LOST:
		jsonw_u64(w, "count", ev->count);
		jsonw_text(w, "reason", ev->reason);
		break;
	case EVENT_GAP:
		jsonw_u64(w, "count", ev->count);
		jsonw_u64(w, "from", ev->from_seq);
		jsonw_u64(w, "to", ev->to_seq);
		jsonw_text(w, "reason", ev->reason);
		break;
	case EVENT_START:
	case EVENT_STOP:
		jsonw_text(w, "reason", ev->reason);
		break;
	case EVENT_REDIRECT:
		put_redirect(w, ev->reason);
		break;
	case EVENT_SETTLE:
	case EVENT_HELD:
		jsonw_time(w, "opened", ev->opened_ns);
		break;
	case EVENT_OPEN:
	case EVENT_BIND:
		break;
	}
}

/* The second witness, or null: no scan has asked for that port since. */
void view_seen_member(struct jsonw *w, const struct store_seen *seen)
{
	if (!seen || !seen->scan_id) {
		jsonw_null(w, "scan");
		return;
	}
	jsonw_obj(w, "scan");
	jsonw_u64(w, "id", seen->scan_id);
	jsonw_str(w, "kind", scan_kind_name(seen->kind));
	jsonw_time(w, "time", seen->ended_ns);
	jsonw_str(w, "node", seen->node);
	jsonw_str(w, "addr", seen->addr);
	jsonw_str(w, "state", port_state_name(seen->state));
	jsonw_str(w, "service", *seen->service ? seen->service : NULL);
	jsonw_u64(w, "reachable", seen->reachable);
	jsonw_u64(w, "asked", seen->asked);
	jsonw_end_obj(w);
}

static void put_later(struct jsonw *w, const struct view_event_ctx *ctx)
{
	const struct view_later *l = &ctx->later;

	if (ctx->verdict_computed)
		jsonw_bool(w, "verdict_computed", true);
	if (!l->verdict)
		return;
	jsonw_obj(w, "verdict_later");
	jsonw_str(w, "verdict", verdict_name(l->verdict));
	jsonw_time(w, "time", l->at_ns);
	put_u64_or_null(w, "row", l->rule_id);
	jsonw_str(w, "by", l->author && *l->author ? l->author : NULL);
	jsonw_time(w, "made", l->made_ns);
	jsonw_end_obj(w);
}

void view_event_member(struct jsonw *w, const char *key, const struct event *ev,
		       const struct view_event_ctx *ctx)
{
	jsonw_obj(w, key);
	jsonw_time(w, "time", ev->time_ns);
	jsonw_str(w, "node", ctx->node);
	jsonw_str(w, "class", ctx->host_type);
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
	jsonw_str(w, "netns_name", ev->door.netns_name[0] ? ev->door.netns_name : NULL);
	jsonw_str(w, "device", ev->door.device[0] ? ev->door.device : NULL);
	jsonw_text(w, "cgroup", ev->cgroup);
	put_place(w, ev);
	jsonw_str(w, "verdict", verdict_name(ctx->verdict));
	if (ctx->latency_us >= 0)
		jsonw_i64(w, "latency_us", ctx->latency_us);
	else
		jsonw_null(w, "latency_us");
	put_own_keys(w, ev);
	put_later(w, ctx);
	if (ctx->seen)
		view_seen_member(w, ctx->seen);
	jsonw_end_obj(w);
}

void view_event_json(struct jsonw *w, const struct event *ev, const struct view_event_ctx *ctx)
{
	view_event_member(w, NULL, ev, ctx);
}
