/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/alert_triage.h"
#include "cli/cmd.h"
#include "cli/profile_util.h"
#include "monitor/allow.h"
#include "store/store.h"

/*
 * `ajar alerts allow ID`: what it would write, and would have silenced, is shown before; see
 * monitor/allow.h.
 */

static int show_preview(const struct allow *a)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	int err = allow_preview(a, &b);

	if (err)
		return cmd_store_err(err, a->s, "cannot read the alerts");
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

static int write_it(const struct allow *a)
{
	int err = store_begin(a->s);

	if (err)
		return err;
	err = allow_write(a);
	if (!err)
		err = store_commit(a->s);
	if (err)
		store_rollback(a->s);
	return err;
}

static int prepare(const struct cmd_ctx *c, struct allow *a)
{
	uint64_t ns = 0;
	const char *expires = cmd_opt(c, "expires");
	int err;

	if (expires && (parse_duration(expires, &ns) || !ns))
		return log_usage("--expires %s: a time from now is wanted, such as 7d", expires);
	if (ns)
		a->expires_ns = a->now_ns + ns;
	err = allow_prepare(a);
	if (err && a->why[0])
		return log_usage("%s", a->why);
	if (err)
		return cmd_store_err(err, a->s, "cannot read the doors of the alert");
	if (a->warning[0] && !c->quiet)
		log_warn("%s", a->warning);
	return 0;
}

static int allow_one(const struct cmd_ctx *c, struct store *s, const struct picked *k)
{
	_cleanup_(allow_done) struct allow a = { .s = s,
						 .id = k->id,
						 .state = k->state,
						 .kind = k->kind,
						 .key = k->key,
						 .host_type = k->host_type,
						 .record = k->record.data,
						 .record_len = k->record.len,
						 .reason = cmd_opt(c, "reason"),
						 .author = profile_author(),
						 .now_ns = clock_wall_ns() };
	int err = prepare(c, &a);

	if (!err)
		err = show_preview(&a);
	if (!err)
		err = confirm(c);
	if (err)
		return err;
	a.now_ns = clock_wall_ns(); /* somebody may have thought about it */
	err = write_it(&a);
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
