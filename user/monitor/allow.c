/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/allow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/holder.h"
#include "audit/learner.h"
#include "audit/match.h"
#include "audit/script.h"
#include "base/buf.h"
#include "base/hostlist.h"
#include "conf/profile_text.h"
#include "core/event.h"
#include "core/exe_pattern.h"
#include "store/store.h"
#include "store/triage.h"

#define PREVIEW_NS (UINT64_C(30) * 86400 * 1000000000)
#define NODES_SHOWN_MAX 400 /* bytes of a node set in the preview, which then says how many */

/* --- the rows -------------------------------------------------------------------------------------- */

static int copy_text(struct text t, char **ret)
{
	if (!t.ptr || !t.len)
		return 0;
	*ret = strndup(t.ptr, t.len);
	return *ret ? 0 : -ENOMEM;
}

static int fill_owner(const struct process *p, struct profile_row *r)
{
	char number[16];
	int err;

	if (!p->known)
		return 0;
	if (p->kernel) {
		r->exe = strdup(EXE_KERNEL);
		return r->exe ? 0 : -ENOMEM;
	}
	err = exe_path(p).len ? exe_pattern_of(exe_path(p), &r->exe) : 0;
	if (!err && r->exe && (p->container_state == PLACE_IN || p->space & SPACE_FILE)) {
		r->container =
			strdup(p->container_state == PLACE_IN ? PROFILE_ANY : PROFILE_EITHER);
		err = r->container ? 0 : -ENOMEM;
	}
	if (!err && p->user.ptr && p->user.len)
		return copy_text(p->user, &r->user);
	if (!err && p->uid != ID_UNKNOWN) {
		snprintf(number, sizeof(number), "%" PRIu32, p->uid);
		r->user = strdup(p->uid ? number : "root");
		err = r->user ? 0 : -ENOMEM;
	}
	return err;
}

/* --- what an interpreter runs ---------------------------------------------------------------------- */

struct scripts {
	const struct allow *a;
	char *argv;
	bool interpreter, differ;
};

static int look_at(struct scripts *s, const struct event *ev, bool first)
{
	struct script script;
	struct process who;
	int err;

	audit_holder_of_key(s->a->key, s->a->host_type, ev, &who);
	err = script_of(&who, &script);
	if (err)
		return err;
	if (first) {
		s->interpreter = who.known && !who.kernel && exe_runs_scripts(exe_path(&who));
		s->argv = script.argv;
		return 0;
	}
	s->differ |= !script.argv != !s->argv || (s->argv && strcmp(script.argv, s->argv) != 0);
	free(script.argv);
	return 0;
}

static int on_open_door(const struct store_door *d, void *arg)
{
	return look_at(arg, &d->ev, false);
}

/*
 * The alert is about the program, whatever it runs; a row that names one script would leave the
 * doors of others without an alert that anybody looks at.
 */
static int find_argv(struct allow *a)
{
	const struct store_door_query q = { .alert_key = a->key, .open_only = true };
	struct scripts s = { .a = a };
	struct event ev;
	int err = event_decode(a->record, a->record_len, &ev);

	if (err)
		return 0; /* make_row() says so */
	err = look_at(&s, &ev, true);
	if (!err && s.argv)
		err = store_doors(a->s, &q, on_open_door, &s);
	if (err || s.differ)
		free(take_ptr(s.argv));
	a->argv = s.argv;
	if (!err && s.interpreter && !s.argv && !a->warning[0])
		snprintf(a->warning, sizeof(a->warning), "%s: the row allows whatever it runs",
			 s.differ ? "the doors of this alert are of an interpreter that runs "
				    "different scripts"
				  : "which script the program runs is not known");
	return err;
}

static void fill_port(const struct door *d, const struct store_port_run *run, struct profile_row *r)
{
	r->proto = proto_class(d->proto);
	r->scope = d->scope;
	r->port = d->port;
	if (d->autoport && proto_has_ports(d->proto)) {
		learn_kernel_ports(d->port, d->port, &r->port, &r->port_end);
	}
	if (run) {
		r->port = run->lo;
		r->port_end = run->hi > run->lo ? run->hi : 0;
	}
}

static int fill_words(const struct allow *a, struct profile_row *r)
{
	r->created_ns = a->now_ns;
	r->expires_ns = a->expires_ns;
	r->host_type = strdup(a->host_type);
	r->origin = strdup("alert");
	r->reason = strdup(a->reason);
	r->author = strdup(a->author);
	return r->host_type && r->origin && r->reason && r->author ? 0 : -ENOMEM;
}

static int make_row(struct allow *a, const struct store_port_run *run, struct profile_row *r)
{
	struct process who;
	struct event ev;
	int err = event_decode(a->record, a->record_len, &ev);

	if (err) {
		snprintf(a->why, sizeof(a->why), "the door of alert %" PRIu64 " cannot be read",
			 a->id);
		return err;
	}
	audit_holder_of_key(a->key, a->host_type, &ev, &who);
	if (exe_flags(&who) & EXE_MEMFD) {
		snprintf(a->why, sizeof(a->why),
			 "the program of alert %" PRIu64 " never had a file (memfd), so no row can "
			 "name it: stop it, or 'ajar alerts snooze %" PRIu64 " --for 2h'",
			 a->id, a->id);
		return -EINVAL;
	}
	fill_port(&ev.door, run, r);
	err = fill_owner(&who, r);
	if (!err && a->argv) {
		r->argv = strdup(a->argv);
		err = r->argv ? 0 : -ENOMEM;
	}
	return err ? err : fill_words(a, r);
}

static int make_rows(struct allow *a)
{
	struct store_alert_ports ports;
	int err = store_alert_ports(a->s, a->key, &ports);

	if (err)
		return err;
	if (ports.runs_cut || ports.cut) {
		ports.runs[0] = (struct store_port_run){ ports.lo, ports.hi };
		ports.runs_len = 1;
		snprintf(a->warning, sizeof(a->warning),
			 "the alert has %" PRIu32 "%s ports: the row allows all from %" PRIu32
			 " to %" PRIu32,
			 ports.count, ports.cut ? " or more" : "", ports.lo, ports.hi);
	}
	err = find_argv(a);
	if (err)
		return err;
	if (ports.count < 2) /* as the door that opened it */
		ports.runs_len = 0;
	do {
		const struct store_port_run *run = ports.runs_len ? &ports.runs[a->len] : NULL;

		err = make_row(a, run, &a->rows[a->len]);
		a->len++;
	} while (!err && a->len < ports.runs_len);
	if (!err && !a->rows[0].exe && !a->rows[0].user)
		snprintf(a->warning, sizeof(a->warning),
			 "who holds the door is not known: the row allows it to anybody");
	return err;
}

/* --- the nodes of an exception ---------------------------------------------------------------------- */

static int add_node(const struct store_alert_node *n, void *arg)
{
	return hostlist_add(arg, n->node);
}

/* A list that was cut cannot be read. */
static int parse_nodes(const struct store_alert *alert, void *arg)
{
	struct hostlist_error why;
	int err = hostlist_parse(arg, alert->nodes, NULL, &why);

	return err == -EINVAL || err == -E2BIG ? 0 : err;
}

struct sparing {
	const struct allow *a;
	struct hostlist *nodes;
};

static int take_excepted(const struct store_exception *e, void *arg)
{
	struct sparing *sp = arg;
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct hostlist_error why;

	if (strcmp(e->key, sp->a->key) || (e->expires_ns && e->expires_ns <= sp->a->now_ns))
		return 0;
	if (!hostlist_parse(&h, e->nodes, NULL, &why))
		hostlist_subtract(sp->nodes, &h);
	return 0;
}

/* Where it stands now, without the nodes of exceptions that it has already. */
static int read_nodes(struct allow *a, struct hostlist *nodes)
{
	struct sparing sp = { a, nodes };
	int err = store_alert_nodes(a->s, a->id, true, add_node, nodes);

	if (!err && !nodes->len) /* about nodes, or over */
		err = store_alert_get(a->s, a->key, parse_nodes, nodes);
	return err ? err : store_exceptions(a->s, take_excepted, &sp);
}

static int make_nodes(struct allow *a)
{
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 }, again = { 0 };
	struct hostlist_error why;
	int err = read_nodes(a, &nodes);

	a->nodes = (struct buf)BUF_INIT(HOSTLIST_TEXT_MAX);
	hostlist_fold(&nodes, &a->nodes);
	if (err || (a->nodes.err && a->nodes.err != -E2BIG))
		return err ? err : a->nodes.err;
	if (nodes.len && !a->nodes.err)
		err = hostlist_parse(&again, buf_str(&a->nodes), NULL, &why);
	if (!nodes.len || a->nodes.err || err) {
		snprintf(a->why, sizeof(a->why),
			 "the nodes of alert %" PRIu64 " are too many to be named, or are no node "
			 "set: snooze it, or 'ajar node retire' those that are gone",
			 a->id);
		return err == -ENOMEM ? err : -EINVAL;
	}
	return 0;
}

int allow_prepare(struct allow *a)
{
	if (a->state == ALERT_ALLOWED) {
		snprintf(a->why, sizeof(a->why), "alert %" PRIu64 " is allowed already", a->id);
		return -EALREADY;
	}
	if (audit_key_crowd(a->key)) {
		snprintf(a->why, sizeof(a->why),
			 "alert %" PRIu64 " stands for doors of many programs: allow what is "
			 "wanted of them with 'ajar profile learn', or snooze it",
			 a->id);
		return -EINVAL;
	}
	return a->kind == FINDING_UNEXPECTED || a->kind == FINDING_IMPOSTOR ? make_rows(a)
									    : make_nodes(a);
}

void allow_done(struct allow *a)
{
	for (size_t i = 0; i < a->len; i++)
		profile_row_done(&a->rows[i]);
	a->len = 0;
	free(take_ptr(a->argv));
	buf_done(&a->nodes);
}

/* --- preview ---------------------------------------------------------------------------------------- */

struct preview {
	const struct allow *a;
	uint64_t since_ns, alerts, doors;
	struct hostlist nodes;
};

static int count_door(const struct store_door *d, void *arg)
{
	struct preview *v = arg;

	v->doors += d->opened_ns >= v->since_ns || !d->closed_ns;
	return 0;
}

static bool is_covered(const struct allow *a, const struct store_alert *other)
{
	struct process who;
	struct event ev;

	if (!a->len)
		return !strcmp(other->key, a->key);
	if (strcmp(other->host_type, a->host_type) || !other->record.ptr ||
	    event_decode(other->record.ptr, other->record.len, &ev))
		return false;
	audit_holder_of_key(other->key, other->host_type, &ev, &who);
	for (size_t i = 0; i < a->len; i++)
		if (match_row(&a->rows[i], &ev.door, &who, a->now_ns) == REL_ALLOWS)
			return true;
	return false;
}

static int on_alert(const struct store_alert *other, void *arg)
{
	struct preview *v = arg;
	const struct store_door_query q = { .alert_key = other->key };
	struct hostlist_error why;
	int err;

	if (!is_covered(v->a, other))
		return 0;
	v->alerts++;
	err = hostlist_parse(&v->nodes, other->nodes, NULL, &why);
	if (err && err != -ENOMEM)
		err = 0; /* a name that is no node set, or a list that was cut: the number is right */
	return err ? err : store_doors(v->a->s, &q, count_door, v);
}

static void put_nodes(const struct allow *a, struct buf *b)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct hostlist_error why;

	if (!hostlist_parse(&h, buf_str(&a->nodes), NULL, &why)) /* as allow_prepare() has seen */
		hostlist_fold_short(&h, b, NODES_SHOWN_MAX);
}

static void put_rows(const struct allow *a, struct buf *b)
{
	for (size_t i = 0; i < a->len; i++) {
		buf_printf(b, "class %s: ", a->host_type);
		profile_rule_format(b, &a->rows[i]);
		buf_putc(b, '\n');
	}
	if (!a->len) {
		buf_puts(b, "an exception for this finding on ");
		put_nodes(a, b);
		buf_puts(b, ": on another node it alerts\n");
	}
}

int allow_preview(const struct allow *a, struct buf *b)
{
	struct preview v = { .a = a,
			     .since_ns = a->now_ns > PREVIEW_NS ? a->now_ns - PREVIEW_NS : 1 };
	const struct store_alert_query q = { .all = true, .since_ns = v.since_ns };
	int err = store_alerts(a->s, &q, on_alert, &v);

	if (!err) {
		put_rows(a, b);
		buf_printf(b,
			   "in the last 30 days it would have silenced %" PRIu64
			   " alert%s, %" PRIu64 " door%s",
			   v.alerts, plural(v.alerts), v.doors, plural(v.doors));
		if (v.nodes.len) {
			buf_puts(b, " on ");
			hostlist_fold_short(&v.nodes, b, NODES_SHOWN_MAX);
		}
	}
	hostlist_done(&v.nodes);
	return err;
}

/* --- writing ------------------------------------------------------------------------------------------ */

int allow_write(const struct allow *a)
{
	const struct store_decision d = { .alert_id = a->id,
					  .from = a->state,
					  .to = ALERT_ALLOWED,
					  .who = a->author,
					  .note = a->reason,
					  .at_ns = a->now_ns };
	const struct store_exception e = { .key = a->key,
					   .nodes = buf_str(&a->nodes),
					   .reason = a->reason,
					   .author = a->author,
					   .created_ns = a->now_ns,
					   .expires_ns = a->expires_ns };
	int err = a->len ? store_profile_add(a->s, a->host_type, a->rows, a->len, false, a->now_ns,
					     NULL)
			 : store_exception_add(a->s, &e, NULL);

	return err ? err : store_decide(a->s, &d, NULL);
}

/* --- taking it back ----------------------------------------------------------------------------------- */

struct standing {
	const char *key;
	uint64_t now_ns;
	uint64_t *ids;
	unsigned len;
};

static int on_standing(const struct store_exception *e, void *arg)
{
	struct standing *st = arg;
	uint64_t *ids;

	if (strcmp(e->key, st->key) || (e->expires_ns && e->expires_ns <= st->now_ns))
		return 0;
	ids = reallocarray(st->ids, st->len + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	st->ids = ids;
	st->ids[st->len++] = e->id;
	return 0;
}

int allow_take_back(struct store *s, const char *key, uint64_t now_ns, unsigned *ret_count)
{
	struct standing st = { .key = key, .now_ns = now_ns };
	int err = store_exceptions(s, on_standing, &st);

	for (unsigned i = 0; i < st.len && !err; i++)
		err = store_exception_end(s, st.ids[i], now_ns);
	free(st.ids);
	if (!err)
		*ret_count = st.len;
	return err;
}
