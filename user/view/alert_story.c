/* SPDX-License-Identifier: GPL-2.0 */
#include "view/alert_story.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "audit/health.h"
#include "base/buf.h"
#include "base/hostlist.h"
#include "base/map.h"
#include "core/holders.h"
#include "store/alert_ports.h"
#include "store/judging.h"
#include "store/scan_changes.h"
#include "store/store.h"
#include "store/triage.h"
#include "view/executable.h"
#include "view/view.h"
#include "view/writer.h"

#define DOORS_SHOWN 20
#define LOG_SHOWN 40
#define TEXT_SHOWN 400
#define EXECUTABLES_SHOWN 20
#define SCANS_SHOWN 40
#define SCANS_READ 10000
#define HOUR_NS UINT64_C(3600000000000)

struct story {
	struct buf *b;
	const char *heading; /* of its doors */
	uint64_t id, doors, changes;
	struct hostlist gone;
};

static int on_door(const struct store_door *d, void *arg)
{
	struct story *st = arg;
	size_t mark, from;

	if (++st->doors > DOORS_SHOWN)
		return 0;
	buf_printf(st->b, "%-10s", st->doors == 1 ? st->heading : "");
	view_time(st->b, d->opened_ns, false);
	buf_putc(st->b, ' ');
	esc_text(st->b, d->node, strlen(d->node), TEXT_SHOWN);
	buf_printf(st->b, " %s ", door_proto_name(d->door.proto));
	door_endpoint_format(st->b, &d->door);
	buf_putc(st->b, ' ');
	view_holder(st->b, &d->ev);
	mark = st->b->len;
	buf_puts(st->b, ", in ");
	from = st->b->len;
	view_where(st->b, &d->door, &d->ev.opener);
	if (st->b->len == from)
		st->b->len = mark;
	buf_putc(st->b, '\n');
	return st->b->err;
}

/* --- its doors of then ------------------------------------------------------------------------------- */

/* What is allowed or gone has no open door any more: those that were open when it was last told. */
struct then {
	const struct store_alert *a;
	store_door_fn fn;
	void *arg;
};

static bool has_port(const struct store_alert *a, const struct door *d)
{
	if (proto_class(d->proto) != proto_class(a->proto))
		return false;
	for (unsigned i = 0; a->ports && i < a->ports->runs_len; i++) {
		if (d->port >= a->ports->runs[i].lo && d->port <= a->ports->runs[i].hi)
			return true;
	}
	return d->port == a->port;
}

static int on_then(const struct store_door *d, void *arg)
{
	struct then *t = arg;

	if (!has_port(t->a, &d->door) || (d->alert_key && strcmp(d->alert_key, t->a->key)))
		return 0;
	return t->fn(d, t->arg);
}

/* On other nodes: all of it that are still known, for when they were told of there is not. */
static int on_elsewhere(const struct store_door *d, void *arg)
{
	struct then *t = arg;

	return strcmp(d->node, t->a->node) ? t->fn(d, t->arg) : 0;
}

/* Its doors go by its clock, the alert by the store's. */
static int on_its_node(struct store *s, struct then *t)
{
	const struct store_alert *a = t->a;
	struct store_door_query q = { .node = a->node };
	struct store_clocks c = { 0 };
	int64_t ahead_ns;
	int err = store_clocks(s, a->node, &c);

	ahead_ns = health_clock_ahead(c.wall_ns, c.rtt_ns, c.received_ns);
	q.at_ns = health_store_time(a->last_ns, -ahead_ns) + (ahead_ns ? CLOCKS_AGREE_NS : 0);
	if (!err)
		err = store_doors(s, &q, on_then, t);
	return err == -ENOENT ? 0 : err;
}

/* On the node that it was reported by last, then on the others. */
static int doors_then(struct store *s, const struct store_alert *a, store_door_fn fn, void *arg)
{
	const struct store_door_query q = { .alert_key = a->key };
	struct then t = { .a = a, .fn = fn, .arg = arg };
	int err;

	if (!a->port || !a->node || !*a->node)
		return 0;
	err = on_its_node(s, &t);
	return err ? err : store_doors(s, &q, on_elsewhere, &t);
}

static int on_node(const struct store_alert_node *n, void *arg)
{
	struct story *st = arg;

	return n->open ? 0 : hostlist_add(&st->gone, n->node);
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct story *st = arg;

	if (c->alert.id != st->id || ++st->changes > LOG_SHOWN)
		return 0;
	buf_puts(st->b, st->changes == 1 ? "log       " : "          ");
	view_time(st->b, c->at_ns, false);
	buf_printf(st->b, " %s by ", alert_state_name(c->state));
	esc_text(st->b, c->who, strlen(c->who), TEXT_SHOWN);
	if (*c->note) {
		buf_puts(st->b, ": ");
		esc_text(st->b, c->note, strlen(c->note), TEXT_SHOWN);
	}
	if (c->alert.node_count > 1)
		buf_printf(st->b, " (%" PRIu64 " nodes)", c->alert.node_count);
	buf_putc(st->b, '\n');
	return st->b->err;
}

/* --- what scans saw change of its port --------------------------------------------------------------- */

struct scans {
	const struct store_alert *a;
	struct buf *b;
	struct writer *w; /* or NULL: for people */
	uint64_t n;
};

static int on_scan(const struct store_scan_change *c, void *arg)
{
	static const struct view_line_opts plain = { .with_node = true };
	struct scans *sc = arg;
	enum door_proto proto = proto_class(sc->a->proto);

	if (c->proto != proto || c->port != sc->a->port || ++sc->n > SCANS_SHOWN)
		return 0;
	if (sc->w) {
		view_scan_change_json(sc->w, c);
	} else {
		buf_puts(sc->b, sc->n == 1 ? "scans     " : "          ");
		view_scan_change_line(sc->b, c, &plain);
	}
	return sc->b->err;
}

/* On the node that it is reported by, from the hour before it opened on. */
static int scans_of(struct store *s, struct scans *sc)
{
	const struct store_alert *a = sc->a;
	const struct store_scan_change_query q = {
		.node = a->node,
		.since_ns = a->first_ns > HOUR_NS ? a->first_ns - HOUR_NS : 0,
		.limit = SCANS_READ,
	};
	int err = a->port && a->node && *a->node ? store_scan_changes(s, &q, on_scan, sc) : 0;

	return err == -ENOENT ? 0 : err;
}

/* --- what its programs are ----------------------------------------------------------------------------- */

struct programs {
	struct store *s;
	struct buf *b;
	struct writer *w; /* or NULL: for people */
	struct map *known; /* node and path: each is told once */
	unsigned n, more;
};

static int on_program(struct programs *x, const char *node, const struct process *p)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(2 * EVENT_RECORD_MAX);
	size_t mark = x->b->len;
	int err;

	if (!p->known || !p->exe.ptr)
		return 0;
	buf_puts(&key, node);
	buf_putc(&key, '\0');
	buf_put(&key, p->exe.ptr, p->exe.len);
	if (key.err || map_get(x->known, key.data, key.len))
		return key.err;
	if (x->n == EXECUTABLES_SHOWN) {
		x->more++;
		return 0;
	}
	err = map_put(x->known, key.data, key.len, x);
	if (err)
		return err;
	if (x->w) {
		err = executable_of_json(x->s, node, p, x->w);
	} else {
		buf_printf(x->b, "%-9s ", x->n ? "" : "program");
		esc_text(x->b, node, strlen(node), TEXT_SHOWN);
		buf_putc(x->b, ' ');
		esc_text(x->b, p->exe.ptr, p->exe.len, TEXT_SHOWN);
		buf_puts(x->b, ": ");
		err = executable_of_text(x->s, node, p, x->b);
		buf_putc(x->b, '\n');
		if (err == -ENODATA)
			x->b->len = mark;
	}
	x->n += !err;
	return err == -ENODATA ? 0 : err;
}

/* Those who hold it, and who opened it. */
static int on_program_door(const struct store_door *d, void *arg)
{
	struct process who[HOLDERS_JUDGED_MAX];
	size_t n = holders_judged(&d->ev, who);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = on_program(arg, d->node, &who[i]);
	return err ? err : on_program(arg, d->node, &d->ev.opener);
}

static int programs_of(struct store *s, const struct store_alert *a, struct buf *b,
		       struct writer *w)
{
	const struct store_door_query q = { .alert_key = a->key, .open_only = true };
	struct programs x = { .s = s, .b = b, .w = w };
	int err = map_new(NULL, &x.known);

	if (!err)
		err = store_doors(s, &q, on_program_door, &x);
	if (!err && !x.n)
		err = doors_then(s, a, on_program_door, &x);
	if (!err && x.more && !w)
		buf_printf(b, "          and %u more\n", x.more);
	map_free(x.known);
	return err;
}

/* --- as JSON --------------------------------------------------------------------------------------- */

struct story_json {
	struct writer *w;
	uint64_t id, doors;
};

static int door_json(const struct store_door *d, void *arg)
{
	const struct view_event_ctx ctx = {
		.node = d->node, .host_type = d->host_type, .verdict = d->verdict, .latency_us = -1
	};
	struct story_json *st = arg;

	if (++st->doors > ALERT_STORY_DOORS_MAX)
		return 0;
	view_event_json(st->w, &d->ev, &ctx);
	return st->w->b->err;
}

static int node_json(const struct store_alert_node *n, void *arg)
{
	struct story_json *st = arg;

	writer_start(st->w, NULL);
	writer_str(st->w, "node", n->node);
	writer_str(st->w, "class", n->host_type);
	writer_time(st->w, "first", n->first_ns);
	writer_time(st->w, "last", n->last_ns);
	writer_u64(st->w, "open", n->open);
	writer_end(st->w);
	return st->w->b->err;
}

static int change_json(const struct store_alert_change *c, void *arg)
{
	struct story_json *st = arg;

	if (c->alert.id != st->id)
		return 0;
	writer_start(st->w, NULL);
	writer_u64(st->w, "id", c->log_id);
	writer_time(st->w, "time", c->at_ns);
	writer_str(st->w, "state", alert_state_name(c->state));
	writer_str(st->w, "severity", severity_name(c->alert.severity));
	writer_str(st->w, "who", c->who);
	writer_str(st->w, "note", c->note);
	writer_u64(st->w, "node_count", c->alert.node_count);
	writer_end(st->w);
	return st->w->b->err;
}

int alert_story_json(struct store *s, const struct store_alert *a, struct writer *w)
{
	const struct store_door_query q = { .alert_key = a->key, .open_only = true };
	struct story_json st = { .w = w, .id = a->id };
	struct scans sc = { .a = a, .b = w->b, .w = w };
	int err;

	writer_list(w, "doors");
	err = store_doors(s, &q, door_json, &st);
	writer_end(w);
	writer_u64(w, "more_doors",
		   st.doors > ALERT_STORY_DOORS_MAX ? st.doors - ALERT_STORY_DOORS_MAX : 0);
	writer_list(w, "doors_then");
	if (!err && !st.doors)
		err = doors_then(s, a, door_json, &st);
	writer_end(w);
	writer_list(w, "executables");
	if (!err)
		err = programs_of(s, a, w->b, w);
	writer_end(w);
	writer_list(w, "where");
	if (!err)
		err = store_alert_nodes(s, a->id, false, node_json, &st);
	writer_end(w);
	writer_list(w, "log");
	if (!err)
		err = store_alert_changes(s, 0, a->first_ns, 0, 0, change_json, &st);
	writer_end(w);
	writer_list(w, "scans");
	if (!err)
		err = scans_of(s, &sc);
	writer_end(w);
	return err;
}

int alert_story(struct store *s, const struct store_alert *a, struct buf *b)
{
	const struct store_door_query q = { .alert_key = a->key, .open_only = true };
	struct story st = { .b = b, .id = a->id, .heading = "doors" };
	struct scans sc = { .a = a, .b = b };
	int err = store_doors(s, &q, on_door, &st);

	if (!err && !st.doors) {
		st.heading = "then open";
		err = doors_then(s, a, on_door, &st);
	}
	if (st.doors > DOORS_SHOWN)
		buf_printf(b, "          and %" PRIu64 " more\n", st.doors - DOORS_SHOWN);
	if (!err)
		err = programs_of(s, a, b, NULL);
	if (!err)
		err = store_alert_nodes(s, a->id, false, on_node, &st);
	if (!err && st.gone.len) {
		buf_puts(b, "gone from ");
		hostlist_fold_short(&st.gone, b, 2000);
		buf_putc(b, '\n');
	}
	if (!err)
		err = store_alert_changes(s, 0, a->first_ns, 0, 0, on_change, &st);
	if (st.changes > LOG_SHOWN)
		buf_printf(b, "          and %" PRIu64 " more: ajar timeline\n",
			   st.changes - LOG_SHOWN);
	if (!err)
		err = scans_of(s, &sc);
	hostlist_done(&st.gone);
	return err ? err : b->err;
}
