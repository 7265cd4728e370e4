/* SPDX-License-Identifier: GPL-2.0 */
/* `ajar profile allow|require|deny CLASS RULE` and `rm`: one rule more, one less. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ajar/exit.h"
#include "audit/explain.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_check.h"
#include "cli/profile_util.h"
#include "cli/profile_view.h"
#include "cli/words.h"

#include "conf/conf.h"
#include "conf/profile_text.h"
#include "store/profile.h"
#include "store/store.h"
#include "view/profile_json.h"

#define NS_PER_S UINT64_C(1000000000)

/* Here a duration is from now on: "7d". */
static int expiry(struct cmd_ctx *c, uint64_t now_ns, struct profile_row *r)
{
	const char *value = cmd_opt(c, "expires");
	uint64_t ns;
	int err;

	if (!value)
		return 0;
	if (!parse_duration(value, &ns))
		r->expires_ns = (now_ns + ns) / NS_PER_S * NS_PER_S;
	else if ((err = parse_time(value, now_ns, &r->expires_ns)) == -ERANGE)
		return log_usage("--expires '%s': times go from 1970 to 2262; a rule without "
				 "--expires stands for ever",
				 value);
	else if (err)
		return log_usage(
			"--expires '%s': give how long, '8h', '7d', or a day, '2026-12-31'", value);
	if (r->expires_ns <= now_ns)
		return log_usage("--expires '%s' is past already", value);
	return 0;
}

static int replace(char **member, const char *value)
{
	if (!value)
		return 0;
	free(*member);
	*member = strdup(value);
	return *member ? 0 : log_err(-ENOMEM, "cannot make the rule");
}

/* What one rule more leaves without effect, and what leaves it without. */
static void say_flaw(struct store *s, const char *host_type, const struct profile_row *r,
		     uint64_t now_ns)
{
	_cleanup_(profile_freep) struct profile *p = NULL;

	if (store_profile_get(s, host_type, &p))
		return;
	for (size_t i = 0; i < p->rows_len; i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(1024);

		if (profile_row_same(&p->rows[i], r) &&
		    profile_flaw_words(p->rows, p->rows_len, i, now_ns, &b))
			log_warn("this rule is %s", buf_str(&b));
	}
}

static int add(struct cmd_ctx *c, const char *host_type, struct profile_row *r)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 15);
	_cleanup_(store_freep) struct store *s = NULL;
	uint64_t now = clock_wall_ns();
	struct store_profile_change ch;
	int err = expiry(c, now, r);

	if (!err)
		err = replace(&r->reason, cmd_opt(c, "reason"));
	if (!err && !r->author)
		err = replace(&r->author, profile_author());
	if (!err)
		err = replace(&r->origin, "manual");
	if (!err)
		err = cmd_store(c, STORE_CREATE, &s);
	if (err)
		return AJAR_EXIT_ERROR;
	err = store_profile_set(s, host_type, r, 1, STORE_PROFILE_ACCEPT, now, &ch);
	if (err) {
		cmd_store_err(err, s, "cannot write the profile");
		return AJAR_EXIT_ERROR;
	}
	profile_rule_plain(&b, r);
	log_info("class '%s': %s: %s", host_type,
		 ch.added     ? "added"
		 : ch.changed ? "changed"
			      : "it was there already",
		 buf_str(&b));
	say_flaw(s, host_type, r, now);
	return AJAR_EXIT_OK;
}

int profile_edit(struct cmd_ctx *c)
{
	_cleanup_(profile_row_done) struct profile_row r = { 0 };
	const char *host_type = c->argv[1];

	/* "allow compute tcp 22" is the rule "allow tcp 22" of compute. */
	c->argv[1] = c->argv[0];
	if (profile_words(c, 1, &r))
		return AJAR_EXIT_ERROR;
	return add(c, host_type, &r);
}

/* --- less -------------------------------------------------------------------------------------------- */

static int find(struct cmd_ctx *c, const struct profile *p, uint64_t *ret_id)
{
	_cleanup_(profile_row_done) struct profile_row r = { 0 };
	uint64_t id = 0;

	if (c->argc == 3) {
		if (parse_u64(c->argv[2], &id))
			return log_usage(
				"'%s' is neither a row's number nor a rule: see 'ajar profile "
				"show %s'",
				c->argv[2], c->argv[1]);
	} else if (profile_words(c, 2, &r)) {
		return -EINVAL;
	}
	for (size_t i = 0; i < p->rows_len; i++) {
		if (c->argc == 3 ? p->rows[i].id != id : !profile_row_same(&p->rows[i], &r))
			continue;
		*ret_id = p->rows[i].id;
		return 0;
	}
	return log_usage("class '%s' has no such row: see 'ajar profile show %s'", c->argv[1],
			 c->argv[1]);
}

int profile_rm(struct cmd_ctx *c)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	uint64_t id = 0;
	int err;

	if (cmd_store(c, 0, &s) || profile_load(c, s, c->argv[1], &p) || find(c, p, &id))
		return AJAR_EXIT_ERROR;
	err = store_profile_remove(s, c->argv[1], id);
	if (err) {
		cmd_store_err(err, s, "cannot remove the row");
		return AJAR_EXIT_ERROR;
	}
	for (size_t i = 0; i < p->rows_len; i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 15);

		if (p->rows[i].id != id)
			continue;
		profile_rule_plain(&b, &p->rows[i]);
		log_info("class '%s': removed: %s", c->argv[1], buf_str(&b));
	}
	return AJAR_EXIT_OK;
}

/* --- what is of no use any more ----------------------------------------------------------------------- */

#define DEAD_DEFAULT_NS (UINT64_C(30) * 86400 * 1000000000)

static bool is_dead(const struct profile_row *r, uint64_t since_ns)
{
	return r->action != PROFILE_DENY && r->created_ns < since_ns && r->last_match_ns < since_ns;
}

static int collect_dead(const struct profile *p, uint64_t since_ns, uint64_t now_ns,
			struct profile_row *rows)
{
	int n = 0;

	for (size_t i = 0; i < p->rows_len; i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(1024);

		if (is_dead(&p->rows[i], since_ns) ||
		    profile_flaw_words(p->rows, p->rows_len, i, now_ns, &b))
			rows[n++] = p->rows[i];
	}
	return n;
}

int profile_dead(struct cmd_ctx *c)
{
	const char *host_type = c->argc > 1 ? c->argv[1] : c->conf->node_class;
	uint64_t now = clock_wall_ns(), since = now - DEAD_DEFAULT_NS;
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	_free_ struct profile_row *rows = NULL;
	int n;

	if (words_time(c, "since", &since) || cmd_store(c, STORE_READONLY, &s) ||
	    profile_load(c, s, host_type, &p))
		return AJAR_EXIT_ERROR;
	rows = calloc(p->rows_len + 1, sizeof(*rows));
	if (!rows) {
		log_err(-ENOMEM, "cannot read the profile");
		return AJAR_EXIT_ERROR;
	}
	n = collect_dead(p, since, now, rows);
	if (profile_rows_print(c, p, rows, (size_t)n))
		return AJAR_EXIT_ERROR;
	if (!n) {
		log_info("class '%s': every row has decided about a door since then, and none "
			 "stands "
			 "in another's shadow",
			 host_type);
		return AJAR_EXIT_OK;
	}
	log_info("take one away with 'ajar profile rm %s ID'", host_type);
	return AJAR_EXIT_NEGATIVE;
}
