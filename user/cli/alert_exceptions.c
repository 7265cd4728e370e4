/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `ajar alerts exceptions [ls | rm ID...]`: findings that `ajar alerts allow` lets be under their
 * keys. (What it allows as a profile row is in the profile: `ajar profile ls`, `ajar profile rm`.)
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/alert_triage.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_util.h"
#include "store/store.h"
#include "store/triage.h"
#include "view/writer.h"

/* The alert that an exception is about; nothing is known of one that was pruned. */
struct about {
	uint64_t id;
	enum alert_state state;
	enum finding_kind kind;
	char summary[512];
};

static int on_alert(const struct store_alert *a, void *arg)
{
	struct about *about = arg;

	about->id = a->id;
	about->state = a->state;
	about->kind = a->kind;
	snprintf(about->summary, sizeof(about->summary), "%s", a->summary);
	return 0;
}

static int find(struct store *s, const char *key, struct about *ret)
{
	int err = store_alert_get(s, key, on_alert, ret);

	return err == -ENOENT ? 0 : err;
}

struct list {
	struct cmd_ctx *c;
	struct store *s;
	uint64_t now_ns;
	struct writer w;
};

static int on_exception(const struct store_exception *e, void *arg)
{
	struct list *l = arg;
	struct writer *w = &l->w;
	struct about a = { 0 };
	int err;

	if (e->expires_ns && e->expires_ns <= l->now_ns && !cmd_opt(l->c, "all"))
		return 0;
	err = find(l->s, e->key, &a);
	if (err)
		return err;
	writer_start(w, NULL);
	writer_u64(w, "id", e->id);
	writer_bool(w, "stands", !e->expires_ns || e->expires_ns > l->now_ns);
	writer_time(w, "created", e->created_ns);
	writer_time(w, "expires", e->expires_ns);
	writer_str(w, "author", e->author);
	writer_str(w, "reason", e->reason);
	writer_str(w, "key", e->key);
	writer_u64_or_null(w, "alert", a.id);
	writer_str(w, "kind", a.id ? finding_kind_name(a.kind) : NULL);
	writer_str(w, "nodes", e->nodes);
	writer_str(w, "summary", a.id ? a.summary : NULL);
	if (!a.id)
		writer_cell(w, "summary", "%s", e->key);
	return writer_end(w);
}

int alerts_exceptions_ls(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("id", "ID", .right = true),
		FIELD("stands"),
		COLUMN("alert", "ALERT", .right = true),
		FIELD("created"),
		COLUMN("expires", "UNTIL (UTC)", .none = "for good"),
		COLUMN("author", "AUTHOR", .trunc = true),
		COLUMN("reason", "REASON", .width = 0.2, .trunc = true),
		FIELD("kind"),
		COLUMN("nodes", "NODES", .width = 0.2, .trunc = true),
		FIELD("key"),
		COLUMN("summary", "FINDING", .width = 0.4, .trunc = true),
		{ 0 },
	};
	_cleanup_(store_freep) struct store *s = NULL;
	struct list l = { .c = c, .now_ns = clock_wall_ns() };
	int err;

	if (cmd_store(c, STORE_READONLY, &s) || out_open(c, fields, &l.w))
		return AJAR_EXIT_ERROR;
	l.s = s;
	err = store_exceptions(s, on_exception, &l);
	if (!err && !l.w.records)
		log_info("no exception stands: 'ajar profile ls' shows what the profiles allow");
	return out_close(&l.w, err, s, "cannot read the exceptions");
}

/* --- taking one back ------------------------------------------------------------------------------- */

struct wanted {
	uint64_t id;
	char *key, *nodes;
	uint64_t now_ns;
	bool more; /* another one of the same alert stands */
};

static void wanted_done(struct wanted *w)
{
	free(w->key);
	free(w->nodes);
}

static int find_key(const struct store_exception *e, void *arg)
{
	struct wanted *w = arg;

	if (e->id != w->id || w->key)
		return 0;
	w->key = strdup(e->key);
	w->nodes = strdup(e->nodes);
	return w->key && w->nodes ? 0 : -ENOMEM;
}

static int find_others(const struct store_exception *e, void *arg)
{
	struct wanted *w = arg;

	w->more |= e->id != w->id && !strcmp(e->key, w->key) &&
		   (!e->expires_ns || e->expires_ns > w->now_ns);
	return 0;
}

/*
 * The alert stands again at once; a finding that is over the monitor resolves. While other nodes
 * are excepted the monitor opens it, for this one.
 */
static int reopen(struct store *s, const struct wanted *w)
{
	struct about a = { 0 };
	char note[64];
	uint64_t log_id;
	int err = find(s, w->key, &a);
	const struct store_decision d = { .alert_id = a.id,
					  .from = ALERT_ALLOWED,
					  .to = ALERT_OPEN,
					  .who = profile_author(),
					  .note = note,
					  .at_ns = w->now_ns };

	if (err || !a.id || a.state != ALERT_ALLOWED)
		return err;
	snprintf(note, sizeof(note), "exception %" PRIu64 " taken back", w->id);
	err = store_decide(s, &d, &log_id);
	return err == -EAGAIN ? 0 : err;
}

/* Of its nodes those that go on being excepted, folded; nodes: those taken back, NULL: all. */
static int left_over(const struct wanted *w, const struct hostlist *nodes, struct buf *ret_left)
{
	_cleanup_(hostlist_done) struct hostlist have = { 0 }, gone = { 0 };
	struct hostlist_error why;
	size_t before;
	int err = nodes ? hostlist_parse(&have, w->nodes, NULL, &why) : 0;

	if (!err && nodes)
		err = hostlist_unite(&gone, nodes);
	if (err || !nodes)
		return err == -ENOMEM ? err : 0;
	before = have.len;
	hostlist_subtract(&have, &gone);
	if (before == have.len)
		return log_usage("exception %" PRIu64 " is for %s, and none of those: 'ajar alerts "
				 "exceptions' lists them",
				 w->id, *w->nodes ? w->nodes : "no node");
	hostlist_fold(&have, ret_left);
	return ret_left->err;
}

static int write_back(struct store *s, const struct wanted *w, const char *left)
{
	int err = store_begin(s);

	if (err)
		return err;
	err = store_exception_keep(s, w->id, left, w->now_ns);
	if (!err && w->key && !*left && !w->more)
		err = reopen(s, w);
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	return err;
}

static int take_back(struct cmd_ctx *c, struct store *s, uint64_t id, const struct hostlist *nodes)
{
	_cleanup_(wanted_done) struct wanted w = { .id = id, .now_ns = clock_wall_ns() };
	_cleanup_(buf_done) struct buf left = BUF_INIT(HOSTLIST_TEXT_MAX);
	int err = store_exceptions(s, find_key, &w);

	if (!err && w.key)
		err = store_exceptions(s, find_others, &w);
	if (err)
		return cmd_store_err(err, s, "nothing was taken back");
	if (w.key) {
		err = left_over(&w, nodes, &left);
		if (err)
			return err;
	}
	err = write_back(s, &w, buf_str(&left));
	if (err)
		return cmd_store_err(err, s, "nothing was taken back");
	if (!c->quiet && left.len)
		printf("exception %" PRIu64 " goes on for %s\n", id, buf_str(&left));
	else if (!c->quiet)
		printf("exception %" PRIu64 " taken back: the finding counts again\n", id);
	return 0;
}

static int read_nodes(const struct cmd_ctx *c, struct hostlist *nodes)
{
	const char *text = cmd_opt(c, "node");
	struct hostlist_error why;

	if (!text || !hostlist_parse(nodes, text, NULL, &why))
		return 0;
	return log_usage("--node %s is no node set: %s", text, why.what);
}

int alerts_exceptions_rm(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	uint64_t id = 0;

	for (int i = 1; i < c->argc; i++) {
		if (parse_u64(c->argv[i], &id) || !id) {
			log_usage("'%s' is no exception's number: 'ajar alerts exceptions' lists "
				  "them",
				  c->argv[i]);
			return AJAR_EXIT_ERROR;
		}
	}
	if (read_nodes(c, &nodes) || cmd_store(c, 0, &s))
		return AJAR_EXIT_ERROR;
	for (int i = 1; i < c->argc; i++) {
		if (parse_u64(c->argv[i], &id) ||
		    take_back(c, s, id, cmd_opt(c, "node") ? &nodes : NULL))
			return AJAR_EXIT_ERROR;
	}
	return AJAR_EXIT_OK;
}
