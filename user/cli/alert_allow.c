/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "audit/audit.h"
#include "audit/holder.h"
#include "audit/learner.h"
#include "audit/match.h"
#include "base/clock.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/alert_triage.h"
#include "cli/cmd.h"
#include "cli/profile_util.h"
#include "conf/profile_text.h"
#include "core/exe_pattern.h"
#include "core/event.h"
#include "core/profile.h"
#include "store/alert_ports.h"
#include "store/store.h"
#include "store/triage.h"

/*
 * `ajar alerts allow ID`: one profile row, as narrow as the door (port, program, user, scope); for a burst one for each run of
 * its ports, and when those are more than STORE_PORT_RUNS_MAX one over all of them; or, where no row can allow the finding (a missing service, a silent node), an exception under the alert's key. What it would have
 * silenced is shown before.
 */
#define PREVIEW_NS (UINT64_C(30) * 86400 * 1000000000)

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
	if (!err && p->user.ptr && p->user.len)
		return copy_text(p->user, &r->user);
	if (!err && p->uid != ID_UNKNOWN) {
		snprintf(number, sizeof(number), "%" PRIu32, p->uid);
		r->user = strdup(p->uid ? number : "root");
		err = r->user ? 0 : -ENOMEM;
	}
	return err;
}

static void fill_port(const struct door *d, struct profile_row *r)
{
	r->proto = proto_class(d->proto);
	r->scope = d->scope;
	r->port = d->port;
	if (d->autoport && proto_has_ports(d->proto)) {
		learn_kernel_ports(d->port, d->port, &r->port, &r->port_end);
	}
}

static int make_row(struct cmd_ctx *c, const struct picked *k, uint64_t expires_ns,
		    const struct store_port_run *run, struct profile_row *r)
{
	struct process who;
	struct event ev;
	int err = event_decode(k->record.data, k->record.len, &ev);

	if (err)
		return log_err(err, "the door of alert %" PRIu64 " cannot be read", k->id);
	audit_holder_of_key(k->key, k->host_type, &ev, &who);
	if (exe_flags(&who) & EXE_MEMFD)
		return log_usage("the program of alert %" PRIu64 " never had a file (memfd), so no "
				 "row can name it: stop it, or 'ajar alerts snooze %" PRIu64
				 " --for 2h'",
				 k->id, k->id);
	fill_port(&ev.door, r);
	if (run) {
		r->port = run->lo;
		r->port_end = run->hi > run->lo ? run->hi : 0;
	}
	err = fill_owner(&who, r);
	r->created_ns = clock_wall_ns();
	r->expires_ns = expires_ns;
	if (!err) {
		r->host_type = strdup(k->host_type);
		r->origin = strdup("alert");
		r->reason = strdup(cmd_opt(c, "reason"));
		r->author = strdup(profile_author());
		if (!r->host_type || !r->origin || !r->reason || !r->author)
			err = -ENOMEM;
	}
	return err;
}

/* What allows an alert: no row at all, or as many as it takes. */
struct rows {
	struct profile_row rows[STORE_PORT_RUNS_MAX];
	size_t len;
};

static void rows_done(struct rows *r)
{
	for (size_t i = 0; i < r->len; i++)
		profile_row_done(&r->rows[i]);
}

static int make_rows(struct cmd_ctx *c, struct store *s, const struct picked *k,
		     uint64_t expires_ns, struct rows *r)
{
	struct store_alert_ports ports;
	int err = store_alert_ports(s, k->key, &ports);

	if (err)
		return cmd_store_err(err, s, "cannot read the doors of the alert");
	if (ports.runs_cut || ports.cut) {
		ports.runs[0] = (struct store_port_run){ ports.lo, ports.hi };
		ports.runs_len = 1;
		log_warn("the alert has %" PRIu32 "%s ports: the row allows all from %" PRIu32
			 " to %" PRIu32,
			 ports.count, ports.cut ? " or more" : "", ports.lo, ports.hi);
	}
	if (ports.count < 2) /* as the door that opened it */
		ports.runs_len = 0;
	do {
		const struct store_port_run *run = ports.runs_len ? &ports.runs[r->len] : NULL;

		err = make_row(c, k, expires_ns, run, &r->rows[r->len]);
		r->len++;
	} while (!err && r->len < ports.runs_len);
	if (!err && !r->rows[0].exe && !r->rows[0].user && !c->quiet)
		log_warn("who holds the door is not known: the row allows it to anybody");
	return err;
}

/* --- preview ---------------------------------------------------------------------------------------- */

struct preview {
	struct store *s;
	const struct picked *k;
	const struct rows *rows; /* none: by key */
	uint64_t since_ns, alerts, doors;
	struct hostlist nodes;
};

static int count_door(const struct store_door *d, void *arg)
{
	struct preview *v = arg;

	v->doors += d->opened_ns >= v->since_ns || !d->closed_ns;
	return 0;
}

static bool is_covered(const struct preview *v, const struct store_alert *a)
{
	struct process who;
	struct event ev;

	if (!v->rows->len)
		return !strcmp(a->key, v->k->key);
	if (strcmp(a->host_type, v->k->host_type) || !a->record.ptr ||
	    event_decode(a->record.ptr, a->record.len, &ev))
		return false;
	audit_holder_of_key(a->key, a->host_type, &ev, &who);
	for (size_t i = 0; i < v->rows->len; i++)
		if (match_row(&v->rows->rows[i], &ev.door, &who, clock_wall_ns()) == REL_ALLOWS)
			return true;
	return false;
}

static int on_alert(const struct store_alert *a, void *arg)
{
	struct preview *v = arg;
	const struct store_door_query q = { .alert_key = a->key };
	struct hostlist_error why;
	int err;

	if (!is_covered(v, a))
		return 0;
	v->alerts++;
	err = hostlist_parse(&v->nodes, a->nodes, NULL, &why);
	if (err && err != -ENOMEM)
		err = 0; /* a name that is no node set, or a list that was cut: the number is right */
	return err ? err : store_doors(v->s, &q, count_door, v);
}

static int show_preview(struct preview *v)
{
	const struct store_alert_query q = { .all = true, .since_ns = v->since_ns };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	int err = store_alerts(v->s, &q, on_alert, v);

	if (err)
		return cmd_store_err(err, v->s, "cannot read the alerts");
	for (size_t i = 0; i < v->rows->len; i++) {
		buf_printf(&b, "class %s: ", v->k->host_type);
		profile_rule_format(&b, &v->rows->rows[i]);
		buf_putc(&b, '\n');
	}
	if (!v->rows->len)
		buf_printf(&b, "an exception for this finding in class %s\n", v->k->host_type);
	buf_printf(&b,
		   "in the last 30 days it would have silenced %" PRIu64 " alert%s, %" PRIu64
		   " door%s",
		   v->alerts, plural(v->alerts), v->doors, plural(v->doors));
	if (v->nodes.len) {
		buf_puts(&b, " on ");
		hostlist_fold_short(&v->nodes, &b, 400);
	}
	puts(buf_str(&b));
	fflush(stdout);
	return 0;
}

static int confirm(const struct cmd_ctx *c)
{
	char line[16];

	if (cmd_opt(c, "yes"))
		return 0;
	if (!isatty(STDIN_FILENO))
		return log_usage("nothing is allowed without a word: add --yes");
	fputs("allow it? [y/N] ", stderr);
	if (!fgets(line, sizeof(line), stdin) || (line[0] != 'y' && line[0] != 'Y'))
		return log_usage("nothing was changed");
	return 0;
}

/* --- the verb ---------------------------------------------------------------------------------------- */

static int write_it(struct store *s, const struct picked *k, const struct rows *rows,
		    const char *reason, uint64_t expires_ns)
{
	const uint64_t now = clock_wall_ns();
	const struct store_decision d = { .alert_id = k->id,
					  .from = k->state,
					  .to = ALERT_ALLOWED,
					  .who = profile_author(),
					  .note = reason,
					  .at_ns = now };
	const struct store_exception e = { .key = k->key,
					   .reason = reason,
					   .author = profile_author(),
					   .created_ns = now,
					   .expires_ns = expires_ns };
	int err = store_begin(s);

	if (err)
		return err;
	err = rows->len
		      ? store_profile_add(s, k->host_type, rows->rows, rows->len, false, now, NULL)
		      : store_exception_add(s, &e, NULL);
	if (!err)
		err = store_decide(s, &d, NULL);
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	return err;
}

static int allow_one(struct cmd_ctx *c, struct store *s, const struct picked *k)
{
	_cleanup_(rows_done) struct rows rows = { 0 };
	bool by_row = k->kind == FINDING_UNEXPECTED || k->kind == FINDING_IMPOSTOR;
	struct preview v = { .s = s, .k = k, .rows = &rows };
	uint64_t ns = 0, expires_ns = 0;
	const char *expires = cmd_opt(c, "expires");
	int err = 0;

	if (k->state == ALERT_ALLOWED)
		return log_usage("alert %" PRIu64 " is allowed already", k->id);
	if (expires && (parse_duration(expires, &ns) || !ns))
		return log_usage("--expires %s: a time from now is wanted, such as 7d", expires);
	if (ns)
		expires_ns = clock_wall_ns() + ns;
	v.since_ns = clock_wall_ns() - PREVIEW_NS;
	if (by_row)
		err = make_rows(c, s, k, expires_ns, &rows);
	if (!err)
		err = show_preview(&v);
	hostlist_done(&v.nodes);
	if (!err)
		err = confirm(c);
	if (err)
		return err;
	err = write_it(s, k, &rows, cmd_opt(c, "reason"), expires_ns);
	if (err)
		return cmd_store_err(err, s, "nothing was changed");
	if (!c->quiet)
		printf("alert %" PRIu64 " allowed\n", k->id);
	return 0;
}

int alerts_allow(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(picks_done) struct picks p = { 0 };
	const char *reason = cmd_opt(c, "reason");
	int err;

	if (!reason || !*reason) {
		(void)log_usage("what is allowed has a reason: give --reason 'ticket 4711'");
		return AJAR_EXIT_ERROR;
	}
	err = cmd_store(c, 0, &s);
	if (!err)
		err = picks_read(c, s, &p);
	for (size_t i = 0; i < p.len && !err; i++)
		err = allow_one(c, s, &p.list[i]);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
