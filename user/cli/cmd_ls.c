/* SPDX-License-Identifier: GPL-2.0 */
#include "ajar/exit.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "cli/verdicts.h"
#include "cli/out.h"
#include "cli/words.h"
#include "store/store.h"

struct ls {
	const struct filter *filter;
	struct doorset *doors;
};

static int keep(const struct store_door *d, void *arg)
{
	struct ls *ls = arg;
	struct event ev = d->ev;

	ev.time_ns = d->opened_ns ? d->opened_ns : ev.time_ns;
	if (!words_match(ls->filter, &ev, d->node, d->host_type, d->verdict))
		return 0;
	return doorset_add(ls->doors, &ev, d->node, d->host_type, d->verdict);
}

static int from_store(struct cmd_ctx *c, const struct filter *f, struct doorset *doors)
{
	_cleanup_(store_freep) struct store *s = NULL;
	const struct store_door_query q = { .open_only = true };
	struct ls ls = { .filter = f, .doors = doors };
	int err = cmd_store(c, STORE_READONLY, &s);

	if (err)
		return err;
	cmd_say_learning(c, s);
	err = store_doors(s, &q, keep, &ls);
	return err ? log_err(err, "cannot read the doors: %s", store_why(s)) : 0;
}

static int from_kernel(struct cmd_ctx *c, const struct filter *f, struct doorset *doors)
{
	_cleanup_(doorset_done) struct doorset all = { 0 };
	const struct verdicts nobody = { 0 };
	int err = kernel_doors(c, &all);

	if (err)
		return err;
	log_info("no store yet: these are the doors the kernel shows now; 'ajar run' keeps their "
		 "history");
	cmd_say_learning(c, NULL);
	for (size_t i = 0; i < all.len && !err; i++) {
		const struct doorset_item *it = &all.items[i];
		enum verdict v = verdicts_of(&nobody, &it->ev);

		if (words_match(f, &it->ev, it->node, it->host_type, v))
			err = doorset_add(doors, &it->ev, it->node, it->host_type, v);
	}
	return err ? log_err(err, "cannot keep the doors") : 0;
}

static int run(struct cmd_ctx *c)
{
	_cleanup_(doorset_done) struct doorset doors = { 0 };
	struct filter f;
	int err = words_filter(c, &f);

	if (!err)
		err = cmd_store_exists(c) ? from_store(c, &f, &doors) : from_kernel(c, &f, &doors);
	if (err)
		return AJAR_EXIT_ERROR;
	if (!doors.len)
		log_info(f.len ? "no open door matches" : "no door stands open");
	doorset_sort(&doors);
	return out_report(doorset_print(&doors, c));
}

const struct cmd cmd_ls = {
	.name = "ls",
	.args = "[FILTER...]",
	.help = "doors open now: from the store, or from the kernel when there is none",
	.run = run,
};
