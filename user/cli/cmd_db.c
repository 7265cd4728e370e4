/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/cmd_db_grant.h"
#include "cli/out.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "monitor/retention.h"
#include "store/store.h"
#include "view/view.h"
#include "view/writer.h"

#define DAY_NS UINT64_C(86400000000000)

static int fail(const struct store *s, int err, const char *what)
{
	log_err(err, "cannot %s: %s", what, store_why(s));
	return AJAR_EXIT_ERROR;
}

/* "sqlite" of "sqlite:PATH"; a plain path is one of sqlite too. */
static void put_driver(struct buf *b, const char *uri)
{
	const char *colon = strchr(uri, ':');

	if (paths_store_file(uri) || !colon)
		buf_puts(b, "sqlite");
	else
		buf_put(b, uri, (size_t)(colon - uri));
}

static void put_size(struct buf *b, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t unit = 0;

	while (v >= 1024 && unit + 1 < array_len(units)) {
		v /= 1024;
		unit++;
	}
	buf_printf(b, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
}

static void put_time(struct buf *b, uint64_t ns)
{
	if (ns)
		view_time(b, ns, false);
	else
		buf_putc(b, '-');
}

/* What the monitor holds the store to, and how far it has got. */
struct limits {
	uint64_t days, bytes; /* 0: no limit */
	uint64_t age_ns; /* of the oldest event */
};

static void put_limits(struct writer *w, const struct limits *l)
{
	writer_u64(w, "keep_days", l->days);
	writer_u64(w, "keep_bytes", l->bytes);
	writer_u64(w, "oldest_age_s", l->age_ns / 1000000000);
}

static void limits_text(struct buf *b, const struct limits *l, uint64_t used_bytes)
{
	buf_puts(b, "keeps   ");
	if (l->days)
		buf_printf(b, "%" PRIu64 " days, the oldest event has %.1f", l->days,
			   (double)l->age_ns / DAY_NS);
	if (l->bytes) {
		buf_puts(b, l->days ? "; " : "");
		put_size(b, l->bytes);
		buf_printf(b, ", %.0f %% of them used",
			   100.0 * (double)used_bytes / (double)l->bytes);
	}
	buf_puts(b, l->days || l->bytes
			    ? "\n"
			    : "everything (store.keep-days and store.keep-bytes are 0)\n");
}

static void put_usage(struct writer *w, const struct store_usage *u, const struct limits *l)
{
	writer_u64(w, "events", u->events);
	writer_time(w, "oldest", u->oldest_ns);
	writer_time(w, "newest", u->newest_ns);
	writer_u64(w, "used_bytes", u->used_bytes);
	writer_u64(w, "file_bytes", u->file_bytes);
	writer_u64(w, "wal_bytes", u->wal_bytes);
	put_limits(w, l);
}

static int status_record(struct cmd_ctx *c, const char *driver, const char *uri, unsigned have,
			 unsigned want, const struct store_usage *u, const struct limits *l)
{
	static const struct writer_field fields[] = {
		FIELD("driver"),       FIELD("store"),
		FIELD("schema"),       FIELD("schema_wanted"),
		FIELD("events"),       FIELD("oldest"),
		FIELD("newest"),       FIELD("used_bytes"),
		FIELD("file_bytes"),   FIELD("wal_bytes"),
		FIELD("keep_days"),    FIELD("keep_bytes"),
		FIELD("oldest_age_s"), { 0 },
	};
	struct writer w;

	if (out_open(c, fields, &w))
		return AJAR_EXIT_ERROR;
	writer_start(&w, NULL);
	writer_str(&w, "driver", driver);
	writer_str(&w, "store", uri);
	writer_u64(&w, "schema", have);
	writer_u64(&w, "schema_wanted", want);
	if (u)
		put_usage(&w, u, l);
	writer_end(&w);
	return out_close(&w, 0, NULL, "");
}

static void status_text(const char *driver, const char *uri, unsigned have, unsigned want,
			const struct store_usage *u, const struct limits *l, struct buf *b)
{
	buf_printf(b, "store   %s (%s)\nschema  %u of %u\n", uri, driver, have, want);
	if (!u) {
		buf_puts(b, "size    this driver cannot tell\n");
		return;
	}
	buf_printf(b, "events  %" PRIu64 ", received from ", u->events);
	put_time(b, u->oldest_ns);
	buf_puts(b, " to ");
	put_time(b, u->newest_ns);
	buf_puts(b, " UTC\nsize    ");
	put_size(b, u->used_bytes);
	buf_puts(b, " used of ");
	put_size(b, u->file_bytes);
	buf_puts(b, ", write-ahead log ");
	put_size(b, u->wal_bytes);
	buf_putc(b, '\n');
	limits_text(b, l, u->used_bytes);
}

static int status(struct cmd_ctx *c)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16), uri = BUF_INIT(4096),
				       driver = BUF_INIT(64);
	_cleanup_(store_freep) struct store *s = NULL;
	struct limits l = { .days = c->conf->store_keep_days, .bytes = c->conf->store_keep_bytes };
	const uint64_t now = clock_wall_ns();
	struct store_usage u = { 0 };
	unsigned have, want;
	bool known;
	int err;

	if (cmd_store(c, STORE_READONLY, &s))
		return AJAR_EXIT_ERROR;
	err = store_schema(s, &have, &want);
	if (!err)
		err = store_usage(s, true, &u);
	known = err != -EOPNOTSUPP;
	if (err && known)
		return fail(s, err, "look at the store");
	if (paths_store_uri(c->conf, &uri))
		return AJAR_EXIT_ERROR;
	put_driver(&driver, buf_str(&uri));
	l.age_ns = u.oldest_ns && u.oldest_ns < now ? now - u.oldest_ns : 0;
	if (out_is_data(c))
		return status_record(c, buf_str(&driver), buf_str(&uri), have, want,
				     known ? &u : NULL, &l);
	status_text(buf_str(&driver), buf_str(&uri), have, want, known ? &u : NULL, &l, &b);
	err = out_put(&b);
	return out_report(err ? err : out_flush());
}

/* init makes a store; migrate refuses to. Both bring its schema up to date. */
static int bring_up(struct cmd_ctx *c, bool make)
{
	_cleanup_(store_freep) struct store *s = NULL;
	unsigned have, want;
	int err;

	if (!make && !cmd_store_exists(c)) {
		log_usage("there is no store to migrate: 'ajar db init' makes one");
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store(c, STORE_CREATE, &s))
		return AJAR_EXIT_ERROR;
	err = store_schema(s, &have, &want);
	if (err)
		return fail(s, err, "read the schema");
	log_info("the store has schema %u, as this ajar wants it", have);
	return AJAR_EXIT_OK;
}

/* --- prune ------------------------------------------------------------------------------------------- */

static int read_limits(struct cmd_ctx *c, struct retention *r)
{
	const char *bytes = cmd_opt(c, "bytes");
	uint64_t days = c->conf->store_keep_days;
	int err = words_count(c, "days", 1, 36500, &days);

	if (err)
		return err;
	r->keep_ns = days * DAY_NS;
	r->keep_bytes = c->conf->store_keep_bytes;
	/* What is asked for alone is done alone. */
	if (bytes && !cmd_opt(c, "days"))
		r->keep_ns = 0;
	if (cmd_opt(c, "days") && !bytes)
		r->keep_bytes = 0;
	if (bytes && parse_size(bytes, &r->keep_bytes))
		return log_usage("bad value '%s' for --bytes: a size such as 500M or 20G", bytes);
	if (!r->keep_ns && !r->keep_bytes)
		return log_usage("nothing limits what is kept: give --days or --bytes, or set "
				 "store.keep-days");
	return 0;
}

static int report(struct cmd_ctx *c, const struct store_pruned *p, bool dry)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	struct writer w;
	int err;

	if (c->json) {
		if (out_open(c, NULL, &w))
			return AJAR_EXIT_ERROR;
		writer_start(&w, NULL);
		writer_bool(&w, "dry_run", dry);
		writer_u64(&w, "events", p->events);
		writer_u64(&w, "doors", p->doors);
		writer_u64(&w, "alerts", p->alerts);
		writer_end(&w);
		return out_close(&w, 0, NULL, "");
	} else {
		buf_printf(&b, "%s %" PRIu64 " events, %" PRIu64 " doors, %" PRIu64 " alerts\n",
			   dry ? "would delete" : "deleted", p->events, p->doors, p->alerts);
	}
	err = out_put(&b);
	return out_report(err ? err : out_flush());
}

static int prune(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	const uint64_t now = clock_wall_ns();
	struct retention r = { 0 };
	bool dry = cmd_opt(c, "dry-run");
	int err;

	if (read_limits(c, &r))
		return AJAR_EXIT_ERROR;
	if (dry && !r.keep_ns) {
		log_usage("--dry-run counts by age: give --days");
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store(c, dry ? STORE_READONLY : 0, &s))
		return AJAR_EXIT_ERROR;
	if (dry) {
		const struct store_prune q = { .before_ns = now - r.keep_ns, .count_only = true };

		err = store_prune(s, &q, &r.done);
	} else {
		do {
			err = retention_step(&r, s, now);
		} while (!err && r.done.more);
	}
	return err ? fail(s, err, "prune the store") : report(c, &r.done, dry);
}

static int init(struct cmd_ctx *c)
{
	return bring_up(c, true);
}

static int migrate(struct cmd_ctx *c)
{
	return bring_up(c, false);
}

static const struct cmd_option prune_options[] = {
	{ "days", 0, "N", "delete what is older (default: store.keep-days)" },
	{ "bytes", 0, "SIZE", "then, from the oldest on, until no more than this is used" },
	{ "dry-run", 0, NULL, "only count what --days would delete" },
	{ 0 },
};
static const struct cmd_option grant_options[] = {
	{ "dry-run", 0, NULL, "only print the SQL" },
	{ "monitor", 0, "LOGIN", "an account for the monitor, not for a node" },
	{ "web", 0, "LOGIN", "one for 'ajar web', which reads, and hands in what people ask for" },
	{ "report", 0, "LOGIN", "one that reads the documented views (v_*)" },
	{ "notify", 0, "LOGIN", "one for 'ajar notify', which sends alerts" },
	{ "retention", 0, "LOGIN", "one that deletes what is old ('ajar db prune')" },
	{ "revoke", 0, NULL, "take the account back, at once" },
	{ "login", 0, "NAME", "the account of the node (default: the node's name)" },
	{ "class", 0, "CLASS", "the node's class, whatever it says itself" },
	{ "from", 0, "HOST", "the host part of the account (default: %)" },
	{ "subject", 0, "DN", "REQUIRE a certificate of this subject; %n is the node" },
	{ "issuer", 0, "DN", "REQUIRE one by this issuer" },
	{ "password-file", 0, "FILE",
	  "the password is in FILE (0600), or a new one is put there; %n is the node" },
	{ "new-password", 0, NULL, "also when the account is there" },
	CMD_CSV,
	{ 0 },
};

static const struct cmd subs[] = {
	{ .name = "status",
	  .args = "",
	  .help = "what is in the store",
	  .options = cmd_csv_options,
	  .run = status },
	{ .name = "init", .args = "", .help = "make it", .run = init },
	{ .name = "migrate", .args = "", .help = "bring its schema up to date", .run = migrate },
	{ .name = "prune",
	  .args = "",
	  .help = "delete old events, doors that have closed, alerts that are resolved",
	  .more = "It goes in small pieces, and never takes events nobody has judged, or open "
		  "doors. "
		  "The monitor does\nit by itself once an hour. The file does not shrink: what is "
		  "free is filled again.",
	  .options = prune_options,
	  .run = prune },
	{ .name = "grant",
	  .args = "[NODES]",
	  .help = "accounts on a server, each with no more rights than it needs",
	  .more = "Without a word it lists those it has made. A new password is printed once.",
	  .max = 1,
	  .options = grant_options,
	  .run = cmd_db_grant },
	{ 0 },
};

const struct cmd cmd_db = {
	.name = "db",
	.args = "",
	.help = "the store: what is in it, make it, bring its schema up to date, delete what is "
		"old, accounts",
	.subs = subs,
};
