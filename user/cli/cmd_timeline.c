/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/timeline.h"
#include "cli/words.h"
#include "store/store.h"
#include "view/view.h"

#define ROW_BYTES_MAX (1 << 20)
#define LAST_MAX 1000000

static int show_all(struct timeline *t)
{
	uint64_t rows = 0;
	int err;

	writer_heads(&t->w);
	err = t->out_err = out_put(&t->b);
	if (!err)
		err = timeline_walk(t, &rows);

	if (!err && !rows)
		log_info(t->filter.len ? "nothing happened that matches"
				       : "nothing happened in that time");
	return err;
}

static int show(struct timeline *t, uint64_t at_ns)
{
	int err;

	cmd_say_learning(t->c, t->store);
	err = past_load(t->store, at_ns ? at_ns : t->since_ns, &t->past);
	if (!err && t->past.left_out)
		log_warn("%" PRIu64
			 " changes of verdicts are left out: verdicts are those of later, "
			 "choose a shorter time",
			 t->past.left_out);
	if (!err && at_ns)
		err = timeline_doors(t, at_ns);
	else if (!err && cmd_opt(t->c, "follow"))
		err = timeline_follow(t);
	else if (!err)
		err = show_all(t);
	if (!err || t->out_err)
		return out_report(t->out_err);
	cmd_store_err(err, t->store, "cannot read the timeline");
	return AJAR_EXIT_ERROR;
}

static int check(const struct timeline *t, uint64_t at_ns)
{
	if (at_ns && (t->since_ns || t->until_ns || t->last || cmd_opt(t->c, "follow")))
		return log_usage(
			"--at shows one moment: leave --since, --until, -n and --follow away");
	if (at_ns && t->formatted)
		return log_usage("--format is for what happened: leave --at away");
	if (cmd_opt(t->c, "csv") && (t->formatted || cmd_opt(t->c, "follow")))
		return log_usage(
			"--csv is for what has happened: leave --format and --follow away");
	if (cmd_opt(t->c, "follow") && (t->until_ns || t->last))
		return log_usage("--follow has no end: leave --until and -n away");
	if (t->since_ns && t->until_ns && t->since_ns > t->until_ns)
		return log_usage("--since is later than --until");
	return 0;
}

static int take_format(struct timeline *t)
{
	const char *name = cmd_opt(t->c, "format");

	t->formatted = name != NULL;
	if (name && view_format_parse(name, &t->format))
		return log_usage("--format knows json, ocsf, ecs and cef, not '%s'", name);
	return 0;
}

/* A store without one is as good: only the ids are less unique. */
static void read_uuid(struct timeline *t)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(sizeof(t->uuid) - 1);

	if (t->formatted && !store_setting_get(t->store, "cluster_uuid", &b))
		snprintf(t->uuid, sizeof(t->uuid), "%s", buf_str(&b));
}

/*
 * Events, changes of alerts and of what scans saw have one head: what a row does not have is null.
 */
static const struct writer_field fields[] = {
	FIELD("time"),	      FIELD("node"),	    FIELD("proto"),
	FIELD("addr"),	      FIELD("port"),	    FIELD("where"),
	FIELD("verdict"),     VIEW_EVENT_FIELDS,    VIEW_PROCESS_FIELDS("closer."),
	FIELD("opened"),      FIELD("duration_ms"), FIELD("count"),
	FIELD("from"),	      FIELD("to"),	    FIELD("reason"),
	FIELD("steering"),    FIELD("id"), /* of an alert, with what follows */
	FIELD("who"),	      FIELD("note"),	    FIELD("kind"),
	FIELD("severity"),    FIELD("state"),	    FIELD("nodes"),
	FIELD("node_count"),  FIELD("summary"),	    FIELD("why"),
	FIELD("remedy"),      FIELD("first"),	    FIELD("last"),
	FIELD("until"),	      FIELD("ports"),	    FIELD("port_count"),
	FIELD("scan"), /* of a scan */
	FIELD("plan"),	      FIELD("scanner"),	    FIELD("was"),
	FIELD("service_was"), FIELD("service"),	    { 0 },
};

static int open_records(struct timeline *t)
{
	enum writer_form form = cmd_opt(t->c, "csv") ? WRITER_CSV : WRITER_JSON;
	int err = writer_open(&t->w, form, fields, false, NULL);

	t->records = t->c->json || cmd_opt(t->c, "csv");
	writer_to(&t->w, &t->b);
	return err ? log_err(err, "cannot make the list") : 0;
}

static int run(struct cmd_ctx *c)
{
	struct timeline t = { .c = c, .b = BUF_INIT(ROW_BYTES_MAX) };
	uint64_t at_ns = 0;
	int rc = AJAR_EXIT_ERROR, err;

	err = open_records(&t);
	if (!err)
		err = words_filter(c, &t.filter);
	if (!err)
		err = words_time(c, "since", &t.since_ns);
	if (!err)
		err = words_time(c, "until", &t.until_ns);
	if (!err)
		err = words_time(c, "at", &at_ns);
	if (!err)
		err = words_count(c, "lines", 1, LAST_MAX, &t.last);
	if (!err)
		err = take_format(&t);
	if (!err)
		err = check(&t, at_ns);
	if (!err)
		err = cmd_store(c, STORE_READONLY, &t.store);
	if (!err)
		read_uuid(&t);
	if (!err)
		rc = show(&t, at_ns);
	past_done(&t.past);
	store_free(t.store);
	writer_done(&t.w);
	buf_done(&t.b);
	return rc;
}

/* clang-format off */
static const struct cmd_option options[] = {
	{ "since", 0, "TIME", "from then on: '2026-11-22 16:01:02' (UTC), '2026-11-22', or ago: 10m, 2h, 3d" },
	{ "until", 0, "TIME", "up to then" },
	{ "at", 0, "TIME", "the doors that were open at that moment" },
	{ "lines", 'n', "N", "only the last N rows" },
	{ "follow", 'f', NULL, "the doors that are open, then each row as it comes in" },
	{ "format", 0, "NAME", "openings, closings and alerts as ocsf (4001, 2004; 1.4.0), ecs (8.11), cef (alerts only) or json" },
	CMD_CSV,
	{ 0 },
};
/* clang-format on */

static const struct cmd subs[] = {
	{ .name = "verify",
	  .args = "",
	  .help = "is a record missing or altered? Exit code 1 names the place",
	  .run = timeline_verify },
	{ 0 },
};

const struct cmd cmd_timeline = {
	.name = "timeline",
	.args = "[FILTER...]",
	.max = CMD_ANY,
	.subs = subs,
	.help = "openings, closings, alerts and what scans saw change, in time order; verify "
		"checks the record",
	.options = options,
	.more = "'ajar timeline verify' checks sequence numbers, checksums and the hash chain of "
		"the journal in --data,\n"
		"and the store's copy against it; it exits 1 and names the place where a record is "
		"missing or altered.",
	.run = run,
};
