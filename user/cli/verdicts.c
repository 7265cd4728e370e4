/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/verdicts.h"

#include <errno.h>

#include "audit/audit.h"
#include "audit/holder.h"
#include "audit/verdict.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "conf/conf.h"
#include "store/executables.h"
#include "store/store.h"

static int load(struct verdicts *j)
{
	struct profile *p = NULL;
	int err = store_profile_get(j->store, j->host_type, &p);

	if (err && err != -ENOENT)
		return cmd_store_err(err, j->store, "cannot read the profile");
	profile_free(j->profile);
	j->profile = p;
	return 0;
}

int verdicts_refresh(struct verdicts *j)
{
	uint64_t revision;
	int err;

	if (!j->store)
		return 0;
	err = store_profile_revision(j->store, &revision);
	if (err)
		return cmd_store_err(err, j->store, "cannot read the profiles");
	if (revision == j->revision)
		return 0;
	j->revision = revision;
	return load(j);
}

int verdicts_open(struct cmd_ctx *c, struct verdicts *ret_j)
{
	struct verdicts j = { .host_type = c->conf->node_class,
			      .node = c->conf->node_name,
			      .revision = UINT64_MAX };
	int err = 0;

	if (cmd_store_meant(c))
		err = cmd_store(c, STORE_READONLY, &j.store);
	if (!err)
		err = verdicts_refresh(&j);
	if (err) {
		verdicts_done(&j);
		return err;
	}
	*ret_j = j;
	return 0;
}

void verdicts_done(struct verdicts *j)
{
	profile_free(j->profile);
	store_free(j->store);
	*j = (struct verdicts){ 0 };
}

enum verdict verdicts_of(const struct verdicts *j, const struct event *ev)
{
	struct judgement judgement = { 0 };
	struct exe_account files[HOLDERS_JUDGED_MAX];
	struct event now = *ev;

	/* A bound TCP socket is not open to anybody yet. */
	if (!event_has_door(ev->kind) || ev->kind == EVENT_BIND)
		return VERDICT_NONE;
	/* It never settled, and does not any more. */
	if (ev->kind == EVENT_CLOSE && ev->door.settling)
		return VERDICT_CLIENT;
	/* A look follows in a moment; until then what was open already is taken for a door. */
	if (ev->origin == ORIGIN_SNAPSHOT)
		now.door.settling = false;
	/* What cannot be read is not known: such a rule permits nothing then. */
	if (j->store && store_event_files(j->store, j->node, j->profile, true, &now, files))
		now.files = NULL;
	audit_judge_event(j->profile && j->profile->accepted ? j->profile : NULL, &now,
			  clock_wall_ns(), OUTSIDE_UNKNOWN, &judgement, NULL);
	return judgement.verdict;
}
