/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/siblings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/match.h"
#include "base/buf.h"
#include "base/map.h"

#define MIN_NODES 10
#define QUORUM_PERCENT 90
#define DOORS_MAX 65536 /* different doors of one class that are told apart */
#define TEXT_MAX 1024

/* One door as all nodes may have it. */
struct common {
	enum door_proto proto;
	uint32_t port;
	char *what; /* the program, for people and for the key */
	uint32_t *nodes; /* that have it, growing */
	uint32_t len, cap;
};

struct siblings {
	char *host_type;
	const struct profile *p;
	struct siblings_opts o;
	char **nodes;
	uint32_t nodes_len, nodes_cap;
	uint8_t *has; /* [node * rows + row]: it has what the row requires */
	struct map *commons; /* key -> struct common */
};

static void common_free(void *p)
{
	struct common *c = p;

	free(c->what);
	free(c->nodes);
	free(c);
}

static bool looks_for_outliers(const struct profile *p)
{
	return !p || !p->accepted;
}

static bool is_required(const struct profile_row *r, uint64_t now_wall_ns)
{
	return r->action == PROFILE_REQUIRE && !row_expired(r, now_wall_ns);
}

static struct siblings_opts with_defaults(const struct siblings_opts *o)
{
	struct siblings_opts all = *o;

	if (!all.min_nodes)
		all.min_nodes = MIN_NODES;
	if (!all.quorum_percent)
		all.quorum_percent = QUORUM_PERCENT;
	return all;
}

bool siblings_wanted(const struct profile *p, unsigned nodes, const struct siblings_opts *o)
{
	struct siblings_opts all = with_defaults(o);

	if (looks_for_outliers(p))
		return nodes >= all.min_nodes;
	for (size_t i = 0; i < p->rows_len; i++)
		if (p->rows[i].action == PROFILE_REQUIRE)
			return nodes > 0;
	return false;
}

int siblings_new(const char *host_type, const struct profile *p, const struct siblings_opts *o,
		 struct siblings **ret_s)
{
	_cleanup_(siblings_freep) struct siblings *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->p = p;
	s->o = with_defaults(o);
	s->host_type = strdup(host_type);
	if (!s->host_type)
		return -ENOMEM;
	err = map_new(common_free, &s->commons);
	if (err)
		return err;
	*ret_s = take_ptr(s);
	return 0;
}

void siblings_free(struct siblings *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->nodes_len; i++)
		free(s->nodes[i]);
	free(s->nodes);
	free(s->has);
	map_free(s->commons);
	free(s->host_type);
	free(s);
}

static size_t rows_of(const struct siblings *s)
{
	return s->p && s->p->accepted ? s->p->rows_len : 0;
}

static int grow(struct siblings *s)
{
	uint32_t cap = s->nodes_cap ? 2 * s->nodes_cap : 64;
	char **nodes = reallocarray(s->nodes, cap, sizeof(*nodes));
	uint8_t *has;

	if (!nodes)
		return -ENOMEM;
	s->nodes = nodes;
	has = reallocarray(s->has, cap, rows_of(s) + 1);
	if (!has)
		return -ENOMEM;
	s->has = has;
	s->nodes_cap = cap;
	return 0;
}

int siblings_node(struct siblings *s, const char *name)
{
	int err = s->nodes_len == s->nodes_cap ? grow(s) : 0;
	size_t rows = rows_of(s);
	char *copy;

	if (err)
		return err;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	memset(s->has + s->nodes_len * rows, 0, rows);
	s->nodes[s->nodes_len++] = copy;
	return 0;
}

static int common_for(struct siblings *s, const struct door *d, const struct process *opener,
		      struct common **ret_c)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024), what = BUF_INIT(300);
	struct common *c;
	int err;

	audit_key("", NULL, d, opener, FINDING_OUTLIER, &key);
	if (key.err)
		return key.err;
	c = map_get(s->commons, key.data, key.len);
	*ret_c = c;
	if (c || map_size(s->commons) >= DOORS_MAX)
		return 0;
	if (opener->known && opener->exe.ptr)
		esc_text(&what, exe_path(opener).ptr, exe_path(opener).len, 256);
	else
		esc_text(&what, opener->comm, strnlen(opener->comm, COMM_LEN), 64);
	if (what.err)
		return what.err;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->proto = proto_class(d->proto);
	c->port = d->port;
	c->what = strdup(what.len ? buf_str(&what) : "unknown");
	err = c->what ? map_put(s->commons, key.data, key.len, c) : -ENOMEM;
	if (err) {
		common_free(c);
		return err;
	}
	*ret_c = c;
	return 0;
}

/* Ports that the kernel chose, jobs' doors and loopback ones differ from node to node by nature. */
static bool is_comparable(const struct door *d, const struct process *opener)
{
	return !d->autoport && !d->connected && !d->settling && d->scope != SCOPE_LOOPBACK &&
	       opener->job_state != PLACE_IN;
}

static int note_common(struct siblings *s, const struct door *d, const struct process *opener)
{
	uint32_t node = s->nodes_len - 1;
	struct common *c;
	int err = common_for(s, d, opener, &c);

	if (err || !c || (c->len && c->nodes[c->len - 1] == node))
		return err;
	if (c->len == c->cap) {
		uint32_t cap = c->cap ? 2 * c->cap : 8;
		uint32_t *nodes = reallocarray(c->nodes, cap, sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		c->nodes = nodes;
		c->cap = cap;
	}
	c->nodes[c->len++] = node;
	return 0;
}

int siblings_door(struct siblings *s, const struct door *d, const struct process *opener,
		  uint64_t now_wall_ns)
{
	size_t rows = rows_of(s);

	if (!s->nodes_len)
		return -EINVAL;
	for (size_t i = 0; i < rows; i++) {
		uint8_t *has = &s->has[(s->nodes_len - 1) * rows + i];

		/* Who holds it may not be known: the port is there. */
		if (!*has && is_required(&s->p->rows[i], now_wall_ns))
			*has = match_row(&s->p->rows[i], d, opener, now_wall_ns) >= REL_UNKNOWN;
	}
	if (looks_for_outliers(s->p) && is_comparable(d, opener))
		return note_common(s, d, opener);
	return 0;
}

/* --- findings ------------------------------------------------------------------------------------- */

struct words {
	struct buf what, summary, why, remedy;
};
#define WORDS_INIT                                                                                 \
	{                                                                                          \
		BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX)     \
	}

static void words_done(struct words *w)
{
	buf_done(&w->what);
	buf_done(&w->summary);
	buf_done(&w->why);
	buf_done(&w->remedy);
}

static int give(const struct words *w, struct sibling_finding *f, sibling_fn fn, void *arg)
{
	int err = w->what.err ? w->what.err : w->summary.err ? w->summary.err : w->why.err;

	if (err || w->remedy.err)
		return err ? err : w->remedy.err;
	f->what = buf_str(&w->what);
	f->summary = buf_str(&w->summary);
	f->why = buf_str(&w->why);
	f->remedy = buf_str(&w->remedy);
	return fn(f, arg);
}

static void put_class(const struct siblings *s, struct buf *b)
{
	buf_puts(b, "class '");
	esc_text(b, s->host_type, strlen(s->host_type), 256);
	buf_puts(b, "'");
}

static int missing(struct siblings *s, size_t row, sibling_fn fn, void *arg)
{
	_cleanup_(words_done) struct words w = WORDS_INIT;
	const struct profile_row *r = &s->p->rows[row];
	const char *name = r->exe ? r->exe : r->service ? r->service : "";
	struct sibling_finding f = { .kind = FINDING_MISSING,
				     .severity = SEVERITY_WARNING,
				     .proto = r->proto,
				     .port = r->port };
	int err = 0;

	esc_text(&w.what, name, strlen(name), 256);
	if (r->user)
		esc_text(&w.what, r->user, strlen(r->user), 64);
	buf_printf(&w.summary, "%s %" PRIu32, door_proto_name(r->proto), r->port);
	if (*name) {
		buf_puts(&w.summary, " of ");
		esc_text(&w.summary, name, strlen(name), 256);
	}
	buf_puts(&w.summary, " is required and not open");
	buf_puts(&w.why, "the profile of ");
	put_class(s, &w.why);
	buf_printf(&w.why,
		   " requires %s %" PRIu32
		   "; the node's agent is alive and has shown no such door for some minutes",
		   door_proto_name(r->proto), r->port);
	buf_printf(&w.remedy, "start the service there; to see what is open: ajar ls; if it is not "
			      "required any more: ajar alerts allow ID --reason WHY");
	for (uint32_t n = 0; n < s->nodes_len && !err; n++) {
		f.node = s->nodes[n];
		if (!s->has[n * rows_of(s) + row])
			err = give(&w, &f, fn, arg);
	}
	return err;
}

static int outliers(struct siblings *s, const struct common *c, bool extra, sibling_fn fn,
		    void *arg)
{
	_cleanup_(words_done) struct words w = WORDS_INIT;
	struct sibling_finding f = { .kind = FINDING_OUTLIER,
				     .severity = SEVERITY_NOTICE,
				     .proto = c->proto,
				     .port = c->port };
	uint32_t at = 0;
	int err = 0;

	buf_printf(&w.what, "%s%s", extra ? "" : "lacks ", c->what);
	if (extra)
		buf_printf(&w.summary, "%s %" PRIu32 " of %s is open, unlike its siblings",
			   door_proto_name(c->proto), c->port, c->what);
	else
		buf_printf(&w.summary, "%s %" PRIu32 " of %s is not open, unlike its siblings",
			   door_proto_name(c->proto), c->port, c->what);
	buf_printf(&w.why, "%" PRIu32 " of %" PRIu32 " nodes of ", c->len, s->nodes_len);
	put_class(s, &w.why);
	buf_puts(&w.why, " have this door; the class has no accepted profile");
	buf_printf(&w.remedy,
		   "see who: ajar ls :%" PRIu32
		   "; a profile says what is right: ajar profile learn",
		   c->port);
	for (uint32_t n = 0; n < s->nodes_len && !err; n++) {
		bool has = at < c->len && c->nodes[at] == n;

		at += has;
		f.node = s->nodes[n];
		if (has == extra)
			err = give(&w, &f, fn, arg);
	}
	return err;
}

struct ending {
	struct siblings *s;
	sibling_fn fn;
	void *arg;
	uint32_t kinds;
	bool counting;
	int err;
};

static bool on_common(const void *key, size_t len, void *value, void *arg)
{
	const struct common *c = value;
	struct ending *e = arg;
	struct siblings *s = e->s;
	uint64_t percent = (uint64_t)c->len * 100;
	bool extra = percent <= (uint64_t)s->nodes_len * (100 - s->o.quorum_percent);
	bool lacks =
		c->len < s->nodes_len && percent >= (uint64_t)s->nodes_len * s->o.quorum_percent;

	(void)key;
	(void)len;
	if (e->err || (!extra && !lacks))
		return false;
	e->kinds++;
	if (!e->counting)
		e->err = outliers(s, c, extra, e->fn, e->arg);
	return false;
}

/* On every node: the class is what the finding is about. */
static int no_clones(struct siblings *s, uint32_t kinds, sibling_fn fn, void *arg)
{
	_cleanup_(words_done) struct words w = WORDS_INIT;
	struct sibling_finding f = { .kind = FINDING_OUTLIER,
				     .severity = SEVERITY_NOTICE,
				     .node = s->nodes[0] };

	(void)kinds;
	buf_puts(&w.what, "no clones");
	buf_printf(&w.summary,
		   "nodes of the class differ in more than %d doors, so they are not compared; "
		   "one of them is",
		   SIBLINGS_KINDS_MAX);
	put_class(s, &w.why);
	buf_puts(&w.why, " has no accepted profile, and its nodes are no clones of each other");
	buf_puts(&w.remedy, "accept a profile: ajar profile learn; or make classes of nodes that "
			    "are alike");
	return give(&w, &f, fn, arg);
}

int siblings_end(struct siblings *s, uint64_t now_wall_ns, sibling_fn fn, void *arg)
{
	struct ending e = { .s = s, .fn = fn, .arg = arg, .counting = true };
	int err = 0;

	for (size_t i = 0; i < rows_of(s) && !err; i++)
		if (is_required(&s->p->rows[i], now_wall_ns))
			err = missing(s, i, fn, arg);
	if (err || !looks_for_outliers(s->p) || s->nodes_len < s->o.min_nodes)
		return err;
	map_each(s->commons, on_common, &e);
	if (e.kinds > SIBLINGS_KINDS_MAX)
		return no_clones(s, e.kinds, fn, arg);
	e.counting = false;
	map_each(s->commons, on_common, &e);
	return e.err;
}
