/* SPDX-License-Identifier: GPL-2.0 */
/* Learning: the machine proposes what stands open, a person accepts it. */
#include "cli/profile_learn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "audit/audit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "cli/out.h"
#include "cli/profile_view.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "store/store.h"
#include "view/view.h"

struct learn {
	struct cmd_ctx *c;
	const char *host_type;
	char author[64];
	uint64_t now_ns, since_ns;
	struct doorset doors, left_out;
	struct profile_row *rows;
	size_t rows_len;
	struct store *store;
};

struct names {
	struct buf b;
	bool own_seen;
	const char *own;
};

static int add_name(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		    uint64_t nodes, void *arg)
{
	struct names *n = arg;

	(void)accepted;
	(void)accepted_ns;
	(void)rows;
	(void)nodes;
	n->own_seen |= !strcmp(host_type, n->own);
	buf_printf(&n->b, "%s%s", n->b.len ? ", " : "", host_type);
	return 0;
}

int profile_no_such_class(struct store *s, const char *host_type, const char *own)
{
	struct names n = { .b = BUF_INIT(1024), .own = own };
	int err = s ? store_host_types(s, add_name, &n) : 0;

	if (err)
		cmd_store_err(err, s, "cannot read the host types");
	else if (n.own_seen)
		log_usage("no host type '%s': known are %s", host_type, buf_str(&n.b));
	else
		log_usage("no host type '%s': known are %s%s%s", host_type, buf_str(&n.b),
			  n.b.len ? ", " : "", own);
	buf_done(&n.b);
	return AJAR_EXIT_ERROR;
}

static void learn_done(struct learn *l)
{
	for (size_t i = 0; i < l->rows_len; i++)
		profile_row_done(&l->rows[i]);
	free(l->rows);
	doorset_done(&l->doors);
	doorset_done(&l->left_out);
	store_free(l->store);
}

/* --- what stands open ------------------------------------------------------------------------------ */

static int keep(const struct store_door *d, void *arg)
{
	struct learn *l = arg;

	if (strcmp(d->host_type, l->host_type) != 0 || (d->closed_ns && d->closed_ns < l->since_ns))
		return 0;
	return doorset_add(&l->doors, &d->ev, d->node, d->host_type, d->verdict);
}

static int from_store(struct learn *l)
{
	const struct store_door_query q = { .open_only = !l->since_ns };
	int err = store_doors(l->store, &q, keep, l);

	return err ? cmd_store_err(err, l->store, "cannot read the doors") : 0;
}

static int find_doors(struct learn *l)
{
	bool own = !strcmp(l->host_type, l->c->conf->node_class);
	int err = l->store ? from_store(l) : 0;

	if (err || l->doors.len || !own)
		return err;
	log_info("%s: learning from what the kernel shows now",
		 l->store ? "the store knows no open door of this class" : "no store yet");
	return kernel_doors(l->c, &l->doors);
}

/* --- the proposal ---------------------------------------------------------------------------------- */

/* audit_learn() counts what it leaves out; asked about one door it tells which. */
static int find_left_out(struct learn *l)
{
	for (size_t i = 0; i < l->doors.len; i++) {
		const struct doorset_item *it = &l->doors.items[i];
		const struct learn_door one = { .door = &it->ev.door, .opener = &it->ev.opener };
		struct profile_row *rows = NULL;
		size_t n = 0, left_out = 0;
		int err = audit_learn(l->host_type, &one, 1, l->now_ns, l->author, &rows, &n,
				      &left_out);

		if (err)
			return err;
		for (size_t k = 0; k < n; k++)
			profile_row_done(&rows[k]);
		free(rows);
		if (left_out)
			err = doorset_add(&l->left_out, &it->ev, it->node, it->host_type,
					  it->verdict);
		if (err)
			return err;
	}
	return 0;
}

static int propose(struct learn *l)
{
	struct learn_door *list = calloc(l->doors.len + 1, sizeof(*list));
	size_t left_out;
	int err;

	if (!list)
		return log_err(-ENOMEM, "cannot learn");
	for (size_t i = 0; i < l->doors.len; i++)
		list[i] = (struct learn_door){ .door = &l->doors.items[i].ev.door,
					       .opener = &l->doors.items[i].ev.opener };
	err = audit_learn(l->host_type, list, l->doors.len, l->now_ns, l->author, &l->rows,
			  &l->rows_len, &left_out);
	free(list);
	if (!err)
		err = find_left_out(l);
	return err ? log_err(err, "cannot learn") : 0;
}

static bool contains(struct text t, const char *s)
{
	return t.ptr && memmem(t.ptr, t.len, s, strlen(s));
}

static const char *why_left_out(const struct process *p)
{
	if (contains(p->exe, "memfd:"))
		return "its program lives in memory only";
	if (contains(p->exe, " (deleted)"))
		return "its program was deleted or replaced: restart it";
	if (p->exe_cut)
		return "the path of its program is longer than the record";
	if (!p->known || !p->exe.ptr)
		return "its program is not known";
	return "its program lies where users may write";
}

static void say_left_out(const struct learn *l)
{
	for (size_t i = 0; i < l->left_out.len; i++) {
		const struct event *ev = &l->left_out.items[i].ev;
		struct buf b = BUF_INIT(8192);

		buf_printf(&b, "%s ", door_proto_name(ev->door.proto));
		door_endpoint_format(&b, &ev->door);
		buf_putc(&b, ' ');
		view_who(&b, &ev->opener);
		log_warn("left out: %s: %s", buf_str(&b), why_left_out(&ev->opener));
		buf_done(&b);
	}
}

static int accept(struct learn *l)
{
	size_t fresh = 0;
	int err;

	store_free(take_ptr(l->store)); /* it was opened for reading */
	if (cmd_store(l->c, STORE_CREATE, &l->store))
		return AJAR_EXIT_ERROR;
	err = store_profile_add(l->store, l->host_type, l->rows, l->rows_len, true, l->now_ns,
				&fresh);
	if (err) {
		cmd_store_err(err, l->store, "cannot write the profile");
		return AJAR_EXIT_ERROR;
	}
	log_info("class '%s' has an accepted profile: %zu row%s proposed, %zu new; what is not in "
		 "it alerts from now on",
		 l->host_type, l->rows_len, plural(l->rows_len), fresh);
	return AJAR_EXIT_OK;
}

static int finish(struct learn *l)
{
	bool own = !strcmp(l->host_type, l->c->conf->node_class);
	int rc = out_report(profile_rows_print(l->c, NULL, l->rows, l->rows_len));

	if (rc)
		return rc;
	say_left_out(l);
	if (!l->rows_len)
		log_info("nothing of class '%s' stands open that could be learned", l->host_type);
	if (cmd_opt(l->c, "write"))
		return accept(l);
	log_info("proposed for class '%s': %zu row%s, %zu door%s left out; accept with 'ajar "
		 "profile learn%s%s --write'",
		 l->host_type, l->rows_len, plural(l->rows_len), l->left_out.len,
		 plural(l->left_out.len), own ? "" : " --class ", own ? "" : l->host_type);
	return AJAR_EXIT_OK;
}

/* --- who and which --------------------------------------------------------------------------------- */

/* For the record only: who accepted it. Whoever may write the store may say what they like here. */
static void find_author(struct learn *l)
{
	const char *name = getenv("SUDO_USER");

	if (!name)
		name = getenv("LOGNAME");
	if (name)
		snprintf(l->author, sizeof(l->author), "%s", name);
	else
		snprintf(l->author, sizeof(l->author), "uid %u", (unsigned)getuid());
}

static int check_class(struct learn *l)
{
	const char *own = l->c->conf->node_class;
	struct profile *p = NULL;
	int err = -ENOENT;

	if (!strcmp(l->host_type, own))
		return 0;
	if (l->store)
		err = store_profile_get(l->store, l->host_type, &p);
	profile_free(p);
	if (err == -ENOENT)
		(void)profile_no_such_class(l->store, l->host_type, own);
	else if (err)
		cmd_store_err(err, l->store, "cannot read the profile");
	return err;
}

int profile_learn(struct cmd_ctx *c)
{
	_cleanup_(learn_done) struct learn l = { .c = c, .now_ns = clock_wall_ns() };
	int err = words_time(c, "since", &l.since_ns);

	l.host_type = cmd_opt(c, "class") ? cmd_opt(c, "class") : c->conf->node_class;
	find_author(&l);
	if (!err && cmd_store_exists(c))
		err = cmd_store(c, STORE_READONLY, &l.store);
	if (!err)
		err = check_class(&l);
	if (!err)
		err = find_doors(&l);
	if (!err)
		err = propose(&l);
	return err ? AJAR_EXIT_ERROR : finish(&l);
}
