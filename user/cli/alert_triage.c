/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/alert_triage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/profile_util.h"
#include "conf/conf.h"
#include "monitor/allow.h"
#include "monitor/decide.h"
#include "store/store.h"
#include "store/triage.h"
#include "view/view.h"

/* What a person decides about alerts that there are: acknowledge, snooze, reopen. */

/* What was excepted is not any more, or the monitor would resolve the alert again. */
static int write_it(struct store *s, const struct store_decision *d, const struct picked *k)
{
	unsigned ended;
	int err = store_begin(s);

	if (err)
		return err;
	err = store_decide(s, d, NULL);
	if (!err && d->from == ALERT_ALLOWED)
		err = allow_take_back(s, k->key, d->at_ns, &ended);
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	return err;
}

static int decide(struct store *s, const struct decision *v, const struct picked *k,
		  uint64_t until_ns, const char *note)
{
	const struct store_decision d = { .alert_id = k->id,
					  .from = k->state,
					  .to = v->to,
					  .until_ns = until_ns,
					  .who = profile_author(),
					  .note = note,
					  .at_ns = clock_wall_ns() };
	int err;

	if (!decision_may(v, k->state))
		return log_usage("alert %" PRIu64 " is %s: %s", k->id, alert_state_name(k->state),
				 v->why_not);
	err = write_it(s, &d, k);
	if (err == -EAGAIN)
		return log_usage("alert %" PRIu64 " has changed this moment: look at it with 'ajar "
				 "alerts show %" PRIu64 "' and try again",
				 k->id, k->id);
	return err ? cmd_store_err(err, s, "cannot change the alert") : 0;
}

static void say(const struct cmd_ctx *c, const struct decision *v, const struct picked *k,
		uint64_t until_ns)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(8192);

	if (c->quiet)
		return;
	buf_printf(&b, "alert %" PRIu64 " %s", k->id, v->done);
	if (until_ns) {
		buf_puts(&b, " until ");
		view_time(&b, until_ns, false);
		buf_puts(&b, " UTC");
	}
	buf_puts(&b, ": ");
	esc_text(&b, k->summary, strlen(k->summary), 2000);
	puts(buf_str(&b));
}

static int each(struct cmd_ctx *c, const struct decision *v, uint64_t until_ns)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(picks_done) struct picks p = { 0 };
	int err = cmd_store(c, 0, &s);
	int failed = 0;

	if (!err)
		err = picks_read(c, s, &p);
	/* One that cannot be does not keep the others from it. */
	for (size_t i = 0; i < p.len && !err; i++) {
		if (decide(s, v, &p.list[i], until_ns, cmd_opt(c, "note")))
			failed++;
		else
			say(c, v, &p.list[i], until_ns);
	}
	return err || failed ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}

int alerts_ack(struct cmd_ctx *c)
{
	return each(c, &decision_ack, 0);
}

int alerts_reopen(struct cmd_ctx *c)
{
	return each(c, &decision_reopen, 0);
}

int alerts_snooze(struct cmd_ctx *c)
{
	const char *text = cmd_opt(c, "for");
	uint64_t ns, max = c->conf->alert_snooze_max_ns;

	if (!text || parse_duration(text, &ns) || !ns) {
		(void)log_usage("a snooze has an end: give --for 2h (or 30m, 3d)");
		return AJAR_EXIT_ERROR;
	}
	if (ns > max) {
		(void)log_usage("--for %s is longer than alert.snooze-max (%" PRIu64
				"h): give less, or 'ajar alerts ack' it",
				text, max / UINT64_C(3600000000000));
		return AJAR_EXIT_ERROR;
	}
	return each(c, &decision_snooze, clock_wall_ns() + ns);
}
