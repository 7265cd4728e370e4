/* SPDX-License-Identifier: GPL-2.0 */
/* Learning: the machine proposes what was open, a person accepts it. */
#include "cli/profile_learn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "audit/learner.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "cli/out.h"
#include "cli/profile_nmap.h"
#include "cli/profile_util.h"
#include "cli/profile_view.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "conf/profile_text.h"
#include "core/exe_pattern.h"
#include "core/holders.h"
#include "store/profile.h"
#include "store/store.h"
#include "view/view.h"
#include "view/writer.h"

#define HOUR_NS UINT64_C(3600000000000)
#define SLOTS_OF_HOURS_MAX 1440 /* of a longer window the slots are days */
#define QUORUM_DEFAULT 800

struct learn {
	struct cmd_ctx *c;
	const char *host_type;
	const char *author;
	uint64_t now_ns, since_ns;
	unsigned quorum; /* of a thousand nodes */
	struct store *store;
	struct learner *learner;
	struct learned found;
	size_t rules; /* of found, those that are no outliers */
	uint64_t unheld; /* doors that nobody is seen to hold, opened by nobody knows whom */
	int err;
};

static void learn_done(struct learn *l)
{
	learned_done(&l->found);
	learner_free(l->learner);
	store_free(l->store);
}

/* --- what was open ------------------------------------------------------------------------------------ */

/* Each who holds the door is somebody to permit; one whom nobody knows is no rule. */
static int add_holders(struct learn *l, const char *node, const struct event *ev, uint64_t from_ns,
		       uint64_t to_ns)
{
	struct process each[HOLDERS_JUDGED_MAX];
	size_t n = holders_judged(ev, each);
	int err = 0;

	if (holders_hidden(ev) && !ev->opener.known) {
		l->unheld++;
		return 0;
	}
	for (size_t i = 0; i < n && !err; i++) {
		if (each[i].known || !ev->holders.known)
			err = learner_add(l->learner, node, &ev->door, &each[i], from_ns, to_ns);
	}
	return err;
}

static int keep(const struct store_door *d, void *arg)
{
	struct learn *l = arg;

	if (strcmp(d->host_type, l->host_type) != 0 || (d->closed_ns && d->closed_ns < l->since_ns))
		return 0;
	return add_holders(l, d->node, &d->ev, d->opened_ns, d->closed_ns);
}

/* Nodes of the class that were heard of in the window, and since when the class is known at all. */
struct members {
	struct learn *l;
	uint64_t first_ns;
	bool add;
};

static int on_node(const struct store_node *n, void *arg)
{
	struct members *m = arg;

	if (strcmp(n->host_type, m->l->host_type) || n->last_seen_ns < m->l->since_ns)
		return 0;
	if (!m->first_ns || n->first_seen_ns < m->first_ns)
		m->first_ns = n->first_seen_ns;
	return m->add ? learner_node(m->l->learner, n->name) : 0;
}

static int make_learner(struct learn *l, uint64_t first_ns)
{
	struct learn_opts o = { .host_type = l->host_type,
				.author = l->author,
				.now_ns = l->now_ns,
				.until_ns = l->now_ns,
				.quorum = l->quorum };
	int err;

	if (l->since_ns) {
		/* What nobody watched says nothing about how stable a door is. */
		o.since_ns = l->since_ns > first_ns ? l->since_ns : first_ns;
		o.slot_ns = HOUR_NS;
		if ((l->now_ns - o.since_ns) / HOUR_NS >= SLOTS_OF_HOURS_MAX)
			o.slot_ns = 24 * HOUR_NS;
	}
	err = learner_new(&o, &l->learner);
	if (err == -ERANGE)
		return log_usage("--since goes back too far: at most 4000 days");
	return err ? log_err(err, "cannot learn") : 0;
}

static int from_store(struct learn *l)
{
	const struct store_door_query q = { .open_only = !l->since_ns };
	struct members m = { .l = l };
	int err = store_nodes(l->store, on_node, &m);

	if (err)
		return cmd_store_err(err, l->store, "cannot read the nodes");
	err = make_learner(l, m.first_ns);
	if (err)
		return err;
	m.add = true;
	err = store_nodes(l->store, on_node, &m);
	if (!err)
		err = store_doors(l->store, &q, keep, l);
	return err ? cmd_store_err(err, l->store, "cannot read the doors") : 0;
}

static int from_kernel(struct learn *l)
{
	struct doorset doors = { 0 };
	int err;

	log_info("%s: learning from what the kernel shows now",
		 l->store ? "the store knows no open door of this class" : "no store yet");
	err = kernel_doors(l->c, &doors);
	for (size_t i = 0; i < doors.len && !err; i++) {
		const struct event *ev = &doors.items[i].ev;

		err = add_holders(l, l->c->conf->node_name, ev, 0, 0);
		if (err)
			log_err(err, "cannot learn");
	}
	doorset_done(&doors);
	return err;
}

static int from_nmap(struct learn *l, const char *path)
{
	_cleanup_(nmap_services_done) struct nmap_services services = { 0 };
	int err = profile_nmap(path, l->learner, &services);

	if (err)
		return err;
	err = learner_finish(l->learner, &l->found);
	if (!err)
		err = nmap_services_apply(&services, &l->found);
	return err ? log_err(err, "cannot learn") : 0;
}

static int gather(struct learn *l)
{
	bool own = !strcmp(l->host_type, l->c->conf->node_class);
	const char *xml = cmd_opt(l->c, "from-nmap");
	int err = 0;

	if (xml) {
		l->since_ns = 0;
		err = make_learner(l, 0);
		return err ? err : from_nmap(l, xml);
	}
	if (l->store)
		err = from_store(l);
	else
		err = make_learner(l, 0);
	if (!err)
		err = learner_finish(l->learner, &l->found);
	if (err || l->found.doors || !own)
		return err;
	learned_done(&l->found);
	learner_free(take_ptr(l->learner));
	l->since_ns = 0;
	err = make_learner(l, 0);
	return err ? err : from_kernel(l);
}

static int propose(struct learn *l)
{
	int err = gather(l);

	if (err)
		return err;
	if (!l->found.rules) {
		err = learner_finish(l->learner, &l->found);
		if (err)
			return log_err(err, "cannot learn");
	}
	while (l->rules < l->found.len && !l->found.rules[l->rules].outlier)
		l->rules++;
	if (l->found.dropped)
		log_warn("more than %d kinds of doors: %" PRIu64 " doors were not looked at",
			 LEARN_CANDIDATES_MAX, l->found.dropped);
	return 0;
}

/* --- showing ---------------------------------------------------------------------------------------------- */

/* "480 of 480 nodes, 168 of 168 hours" */
static void put_evidence(const struct learn *l, const struct learned_rule *r, struct buf *b)
{
	bool hours = r->slots_total > 1;

	buf_printf(b, "%u of %u node%s", r->nodes_seen, r->nodes_total, plural(r->nodes_total));
	if (hours)
		buf_printf(b, ", %u of %u %s", r->slots_seen, r->slots_total,
			   (l->now_ns - l->since_ns) / HOUR_NS >= SLOTS_OF_HOURS_MAX ? "days"
										     : "hours");
}

/* Why these ports, and how sure that is. */
static void put_basis(const struct learned_rule *r, struct buf *b)
{
	switch (r->basis) {
	case LEARN_BASIS_PORT:
		break;
	case LEARN_BASIS_RUN:
		buf_printf(b, "%u ports side by side", r->ports_seen);
		break;
	case LEARN_BASIS_KERNEL:
		buf_puts(b, "the kernel chooses the port");
		break;
	case LEARN_BASIS_PICKED:
	case LEARN_BASIS_COUNTED:
		buf_printf(b,
			   "the program %s: %u ports in %u start%s, %" PRIu32 "-%" PRIu32
			   ", sure %u.%02u",
			   r->basis == LEARN_BASIS_PICKED ? "picks the port"
							  : "counts up to a free port",
			   r->ports_seen, r->starts_seen, plural(r->starts_seen), r->seen_lo,
			   r->seen_hi, r->sure / 1000, r->sure % 1000 / 10);
		break;
	case LEARN_BASIS_JOBS:
		buf_puts(b, "whatever jobs open");
		break;
	}
	if (r->any_script)
		buf_printf(b, "%sits program runs any script: no more ports than were seen",
			   b->len ? "; " : "");
}

static void put_basis_behind(const struct learned_rule *r, struct buf *b)
{
	_cleanup_(buf_done) struct buf basis = BUF_INIT(256);

	put_basis(r, &basis);
	if (basis.len)
		buf_printf(b, "; %s", buf_str(&basis));
}

static void put_nodes(const struct learned_rule *r, struct buf *b)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };

	for (size_t i = 0; i < LEARN_ROW_NODES_MAX && r->nodes[i]; i++)
		if (hostlist_add(&h, r->nodes[i]))
			return;
	hostlist_fold_short(&h, b, 200);
	if (r->nodes_seen > h.len)
		buf_printf(b, " and %zu more", r->nodes_seen - h.len);
}

static void put_why(const struct learn *l, const struct learned_rule *r, struct buf *b)
{
	if (r->why)
		buf_puts(b, r->why);
	else
		buf_printf(b, "the quorum is %u.%u %%", l->quorum / 10, l->quorum % 10);
}

static void say_left_out(const struct learn *l)
{
	if (l->found.left_out)
		log_warn("%" PRIu64 " door%s seen %s left out:", l->found.left_out,
			 plural(l->found.left_out), l->found.left_out == 1 ? "is" : "are");
	for (size_t i = l->rules; i < l->found.len; i++) {
		const struct learned_rule *r = &l->found.rules[i];
		_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);

		profile_rule_plain(&b, &r->row);
		buf_puts(&b, ": ");
		put_evidence(l, r, &b);
		if (r->nodes_total > 1) {
			buf_puts(&b, " (");
			put_nodes(r, &b);
			buf_puts(&b, ")");
		}
		buf_printf(&b, ", %" PRIu64 " door%s: ", r->doors, plural(r->doors));
		put_why(l, r, &b);
		log_warn("left out: %s", buf_str(&b));
	}
	if (l->unheld)
		log_warn("left out: %" PRIu64 " door%s that no process is seen to hold and nobody "
			 "was seen to open: no rule could say whose they are",
			 l->unheld, plural(l->unheld));
}

/* By its number; nobody has looked who answers there. */
static const char *hint_of(const struct learned_rule *r)
{
	return r->row.port_end || r->row.service ? NULL
						 : learn_service_hint(r->row.proto, r->row.port);
}

/* What would outlive the next release of the program; NULL: its path says nothing of one. */
static int releases_of(const struct learned_rule *r, char **ret_pattern)
{
	return r->row.exe ? exe_pattern_of_releases(text_of(r->row.exe), ret_pattern) : 0;
}

static int put_rule(struct writer *w, const struct learn *l, const struct learned_rule *r)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(256), nodes = BUF_INIT(4096),
				       basis = BUF_INIT(256), seen = BUF_INIT(256);
	_free_ char *releases = NULL;
	int err = releases_of(r, &releases);

	if (err)
		return err;
	put_why(l, r, &why);
	put_nodes(r, &nodes);
	put_basis(r, &basis);
	put_evidence(l, r, &seen);
	writer_start(w, NULL);
	profile_row_put(w, NULL, &r->row);
	writer_bool(w, "outlier", r->outlier);
	writer_str(w, "why", r->outlier ? buf_str(&why) : NULL);
	writer_u64(w, "score_permille", r->score);
	writer_cell(w, "score_permille", "%u.%02u", r->score / 1000, r->score % 1000 / 10);
	writer_u64(w, "nodes_seen", r->nodes_seen);
	writer_u64(w, "nodes_total", r->nodes_total);
	writer_u64(w, "slots_seen", r->slots_seen);
	writer_u64(w, "slots_total", r->slots_total);
	writer_u64(w, "doors", r->doors);
	writer_cell(w, "seen", "%s", buf_str(&seen));
	writer_str(w, "basis", learn_basis_name(r->basis));
	writer_str(w, "basis_text", basis.len ? buf_str(&basis) : NULL);
	writer_bool(w, "any_script", r->any_script);
	writer_u64(w, "ports_seen", r->ports_seen);
	writer_u64(w, "starts_seen", r->starts_seen);
	writer_u64(w, "seen_lo", r->seen_lo);
	writer_u64(w, "seen_hi", r->seen_hi);
	if (r->basis == LEARN_BASIS_PICKED || r->basis == LEARN_BASIS_COUNTED)
		writer_u64(w, "sure_permille", r->sure);
	else
		writer_null(w, "sure_permille");
	writer_str(w, "service_hint", hint_of(r));
	writer_str(w, "exe_releases", releases);
	writer_str(w, "nodes", r->outlier ? buf_str(&nodes) : NULL);
	return writer_end(w);
}

/* A table has the rules alone: what is left out is said. */
static int print_list(const struct learn *l)
{
	static const struct writer_field fields[] = {
		COLUMN("score_permille", "SCORE", .right = true),
		COLUMN("seen", "SEEN", .people = true),
		COLUMN("rule", "RULE", .width = 0.6, .trunc = true, .people = true),
		PROFILE_ROW_FIELDS,
		FIELD("outlier"),
		FIELD("why"),
		FIELD("nodes_seen"),
		FIELD("nodes_total"),
		FIELD("slots_seen"),
		FIELD("slots_total"),
		FIELD("doors"),
		FIELD("basis"),
		COLUMN("basis_text", "PORTS", .width = 0.3, .trunc = true, .none = ""),
		FIELD("any_script"),
		FIELD("ports_seen"),
		FIELD("starts_seen"),
		FIELD("seen_lo"),
		FIELD("seen_hi"),
		FIELD("sure_permille"),
		FIELD("service_hint"),
		FIELD("exe_releases"),
		FIELD("nodes"),
		{ 0 },
	};
	size_t n = cmd_opt(l->c, "outliers") ? l->found.len : l->rules;
	struct writer w;
	int err = 0;

	if (out_open(l->c, fields, &w))
		return AJAR_EXIT_ERROR;
	if (writer_for_people(&w))
		n = l->rules;
	for (size_t i = 0; i < n && !err; i++)
		err = put_rule(&w, l, &l->found.rules[i]);
	return out_close(&w, err, NULL, NULL);
}

/* As a file that a person may change and import. */
static int print_text(const struct learn *l)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 17);
	int err = 0;

	buf_puts(&b, "# proposed ");
	view_time(&b, l->now_ns, false);
	buf_printf(&b,
		   " from %" PRIu64
		   " doors; at the end of a line: the score, and where it comes from\n",
		   l->found.doors);
	buf_puts(&b, "class ");
	profile_word_format(&b, l->host_type);
	buf_putc(&b, '\n');
	for (size_t i = 0; i < l->found.len && !err; i++) {
		const struct learned_rule *r = &l->found.rules[i];
		_free_ char *releases = NULL;

		if (i == l->rules)
			buf_puts(&b, "\n# left out:\n");
		buf_puts(&b, r->outlier ? "# " : "");
		profile_rule_plain(&b, &r->row);
		buf_printf(&b, "  # %u.%02u: ", r->score / 1000, r->score % 1000 / 10);
		put_evidence(l, r, &b);
		put_basis_behind(r, &b);
		if (hint_of(r))
			buf_printf(&b, "; the port of %s", hint_of(r));
		err = releases_of(r, &releases);
		if (releases) {
			buf_puts(&b, "; with its next release: exe ");
			profile_word_format(&b, releases);
		}
		if (r->outlier) {
			buf_puts(&b, ": ");
			put_why(l, r, &b);
			buf_puts(&b, ": ");
			put_nodes(r, &b);
		}
		buf_putc(&b, '\n');
		if (!err)
			err = b.err ? b.err : out_put(&b);
	}
	if (!err)
		err = out_put(&b);
	return err ? err : out_flush();
}

/* --- keeping ---------------------------------------------------------------------------------------------- */

static int open_to_write(struct learn *l)
{
	store_free(take_ptr(l->store)); /* it was opened for reading */
	return cmd_store(l->c, STORE_CREATE, &l->store);
}

static int accept(struct learn *l)
{
	struct profile_row *rows = calloc(l->rules + 1, sizeof(*rows));
	size_t fresh = 0;
	int err;

	if (!rows || open_to_write(l)) {
		free(rows);
		return AJAR_EXIT_ERROR;
	}
	for (size_t i = 0; i < l->rules; i++)
		rows[i] = l->found.rules[i].row; /* borrowed */
	err = store_profile_add(l->store, l->host_type, rows, l->rules, true, l->now_ns, &fresh);
	free(rows);
	if (err) {
		cmd_store_err(err, l->store, "cannot write the profile");
		return AJAR_EXIT_ERROR;
	}
	log_info("class '%s' has an accepted profile: %zu row%s proposed, %zu new; what is not in "
		 "it alerts from now on",
		 l->host_type, l->rules, plural(l->rules), fresh);
	return AJAR_EXIT_OK;
}

static int fill_proposal(const struct learn *l, size_t i, struct store_proposal *p)
{
	const struct learned_rule *r = &l->found.rules[i];
	_cleanup_(buf_done) struct buf rule = BUF_INIT(1 << 15), why = BUF_INIT(1024),
				       nodes = BUF_INIT(4096);

	profile_rule_plain(&rule, &r->row);
	put_evidence(l, r, &why);
	put_basis_behind(r, &why);
	if (r->outlier) {
		buf_puts(&why, ": ");
		put_why(l, r, &why);
	}
	put_nodes(r, &nodes);
	*p = (struct store_proposal){
		.number = (uint32_t)i + 1,
		.outlier = r->outlier,
		.rule = buf_take(&rule),
		.why = buf_take(&why),
		.nodes = nodes.len ? buf_take(&nodes) : NULL,
		.nodes_seen = r->nodes_seen,
		.nodes_total = r->nodes_total,
		.slots_seen = r->slots_seen,
		.slots_total = r->slots_total,
		.made_ns = l->now_ns,
		.made_by = l->author,
	};
	return p->rule && p->why ? 0 : -ENOMEM;
}

static int keep_proposal(struct learn *l)
{
	struct store_proposal *list = calloc(l->found.len + 1, sizeof(*list));
	int err = list ? 0 : log_err(-ENOMEM, "cannot keep the proposal");

	if (!err)
		err = open_to_write(l);
	for (size_t i = 0; i < l->found.len && !err; i++)
		err = fill_proposal(l, i, &list[i]);
	if (!err) {
		err = store_proposal_put(l->store, l->host_type, list, l->found.len);
		if (err)
			cmd_store_err(err, l->store, "cannot keep the proposal");
	}
	for (size_t i = 0; list && i < l->found.len; i++) {
		free((char *)list[i].rule);
		free((char *)list[i].why);
		free((char *)list[i].nodes);
	}
	free(list);
	if (err)
		return AJAR_EXIT_ERROR;
	log_info("kept: look with 'ajar profile proposal %s', decide with 'ajar profile accept %s' "
		 "and 'reject'",
		 l->host_type, l->host_type);
	return AJAR_EXIT_OK;
}

static int finish(struct learn *l)
{
	bool own = !strcmp(l->host_type, l->c->conf->node_class);
	int rc;

	if (cmd_opt(l->c, "text") && !l->c->json)
		rc = out_report(print_text(l));
	else
		rc = print_list(l);
	if (rc)
		return rc;
	say_left_out(l);
	if (!l->rules)
		log_info("nothing of class '%s' is open that could be learned", l->host_type);
	if (cmd_opt(l->c, "write"))
		return accept(l);
	if (cmd_opt(l->c, "propose"))
		return keep_proposal(l);
	log_info("proposed for class '%s': %zu row%s; accept with 'ajar profile learn%s%s "
		 "--write', rule by rule with --propose",
		 l->host_type, l->rules, plural(l->rules), own ? "" : " --class ",
		 own ? "" : l->host_type);
	return AJAR_EXIT_OK;
}

/* --- who and which ------------------------------------------------------------------------------------------ */

static int check_class(struct learn *l)
{
	const char *own = l->c->conf->node_class;
	struct profile *p = NULL;
	int err = -ENOENT;

	/* From a scan a class may be learned before any node of it has reported. */
	if (!strcmp(l->host_type, own) || cmd_opt(l->c, "from-nmap"))
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

/* "0.8", "80%", "1" */
static int read_quorum(struct learn *l)
{
	const char *value = cmd_opt(l->c, "quorum");
	char *end = NULL;
	double v;

	l->quorum = QUORUM_DEFAULT;
	if (!value)
		return 0;
	v = strtod(value, &end);
	if (end != value && *end == '%') {
		v /= 100;
		end++;
	}
	if (end == value || *end || !(v >= 0 && v <= 1))
		return log_usage("--quorum '%s' is a fraction of the class's nodes: 0.8 or 80%%",
				 value);
	l->quorum = (unsigned)(v * 1000 + 0.5);
	return 0;
}

int profile_learn(struct cmd_ctx *c)
{
	_cleanup_(learn_done) struct learn l = { .c = c, .now_ns = clock_wall_ns() };
	int err = words_time(c, "since", &l.since_ns);

	if (!err && cmd_opt(c, "text") && cmd_opt(c, "csv"))
		err = log_usage("--text and --csv are two forms: give one");
	l.host_type = cmd_opt(c, "class") ? cmd_opt(c, "class") : c->conf->node_class;
	l.author = profile_author();
	if (!err)
		err = read_quorum(&l);
	if (!err && cmd_store_exists(c))
		err = cmd_store(c, STORE_READONLY, &l.store);
	if (!err)
		err = check_class(&l);
	if (!err)
		err = propose(&l);
	return err ? AJAR_EXIT_ERROR : finish(&l);
}
