/* SPDX-License-Identifier: GPL-2.0 */
/* What was seen, gathered into candidates. What becomes of them is in learner_rules.c. */
#include "audit/learner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/learner_internal.h"
#include "audit/match.h"
#include "audit/script.h"
#include "base/buf.h"

#define JOB_PORTS_LO UNRESERVED_LO
#define JOB_PORTS_HI 65535

static void candidate_free(void *p)
{
	struct candidate *c = p;

	free(c->exe);
	free(c->user);
	free(c->argv);
	free(c->nodes.p);
	free(c->slots.p);
	free(c);
}

static void owner_free(void *p)
{
	struct owner *o = p;

	free(o->nodes.p);
	free(o);
}

int learner_new(const struct learn_opts *o, struct learner **ret_l)
{
	_cleanup_(learner_freep) struct learner *l = calloc(1, sizeof(*l));
	uint64_t window = o->until_ns > o->since_ns ? o->until_ns - o->since_ns : 0;
	int err;

	if (!l)
		return -ENOMEM;
	l->o = *o;
	l->slots_total = 1;
	if (o->slot_ns && window) {
		uint64_t n = (window + o->slot_ns - 1) / o->slot_ns;

		if (n > LEARN_SLOTS_MAX)
			return -ERANGE;
		l->slots_total = (unsigned)n;
	}
	l->host_type = strdup(o->host_type);
	l->author = strdup(o->author ? o->author : "");
	if (!l->host_type || !l->author)
		return -ENOMEM;
	err = map_new(free, &l->node_ids);
	if (!err)
		err = map_new(candidate_free, &l->by_key);
	if (!err)
		err = map_new(owner_free, &l->owners);
	if (!err)
		err = map_new(NULL, &l->starts);
	if (!err)
		err = map_new(free, &l->variants);
	if (err)
		return err;
	*ret_l = take_ptr(l);
	return 0;
}

void learner_free(struct learner *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nodes_len; i++)
		free(l->names[i]);
	free(l->names);
	free(l->list);
	free(l->host_type);
	free(l->author);
	map_free(l->node_ids);
	map_free(l->by_key);
	map_free(l->owners);
	map_free(l->starts);
	map_free(l->variants);
	free(l);
}

/* --- nodes -------------------------------------------------------------------------------------------- */

static int add_name(struct learner *l, const char *node)
{
	if (l->nodes_len == l->nodes_cap) {
		size_t cap = l->nodes_cap ? 2 * l->nodes_cap : 64;
		char **names = reallocarray(l->names, cap, sizeof(*names));

		if (!names)
			return -ENOMEM;
		l->names = names;
		l->nodes_cap = cap;
	}
	l->names[l->nodes_len] = strdup(node);
	if (!l->names[l->nodes_len])
		return -ENOMEM;
	l->nodes_len++;
	return 0;
}

static int node_id(struct learner *l, const char *node, size_t *ret_id)
{
	size_t *id = map_get(l->node_ids, node, strlen(node));
	int err;

	if (id) {
		*ret_id = *id;
		return 0;
	}
	if (l->nodes_len == LEARN_NODES_MAX)
		return -E2BIG;
	id = malloc(sizeof(*id));
	if (!id)
		return -ENOMEM;
	*id = l->nodes_len;
	err = map_put(l->node_ids, node, strlen(node), id);
	if (err) {
		free(id);
		return err;
	}
	*ret_id = *id;
	return add_name(l, node);
}

int learner_node(struct learner *l, const char *node)
{
	size_t id;

	return node_id(l, node, &id);
}

/* --- bits ---------------------------------------------------------------------------------------------- */

bool bits_has(const struct bits *b, size_t i)
{
	return i / 8 < b->bytes && (b->p[i / 8] & (1u << i % 8));
}

static int bits_set(struct bits *b, size_t i)
{
	if (i / 8 >= b->bytes) {
		size_t bytes = 2 * (i / 8) + 8;
		uint8_t *more = realloc(b->p, bytes);

		if (!more)
			return -ENOMEM;
		memset(more + b->bytes, 0, bytes - b->bytes);
		b->p = more;
		b->bytes = bytes;
	}
	b->count += !bits_has(b, i);
	b->p[i / 8] |= (uint8_t)(1u << i % 8);
	return 0;
}

int bits_add(struct bits *into, const struct bits *from)
{
	int err = 0;

	for (size_t i = 0; i < 8 * from->bytes && !err; i++)
		if (bits_has(from, i))
			err = bits_set(into, i);
	return err;
}

unsigned bits_common(const struct bits *a, const struct bits *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < 8 * a->bytes; i++)
		n += bits_has(a, i) && bits_has(b, i);
	return n;
}

/* --- doors ---------------------------------------------------------------------------------------------- */

static const char *doubt_of(unsigned flags)
{
	if (flags & EXE_MEMFD)
		return "its program lives in memory only";
	if (flags & EXE_FOREIGN)
		return "the path of its program is of another mount namespace";
	if (flags & EXE_CUT)
		return "the path of its program is longer than the record";
	if ((flags & EXE_DELETED) && (flags & (EXE_WRITABLE_DIR | EXE_HOME)))
		return "its program was deleted, and lay where users may write";
	if (flags & (EXE_WRITABLE_DIR | EXE_HOME))
		return "its program lies where users may write";
	return NULL;
}

static int copy_text(struct text t, char **ret)
{
	if (!t.ptr)
		return 0;
	*ret = strndup(t.ptr, t.len);
	return *ret ? 0 : -ENOMEM;
}

static int fill_script(struct candidate *c, const struct process *p)
{
	struct script s;
	int err = script_of(p, &s);

	if (err)
		return err;
	c->argv = s.argv;
	c->exact = s.argv && s.exact;
	c->any_script = exe_runs_scripts(exe_path(p)) && !(s.argv && s.full_path);
	return 0;
}

static int fill_owner(struct candidate *c, const struct process *p)
{
	char number[16];
	int err;

	if (!p || !p->known)
		return 0;
	if (p->kernel)
		return copy_text(text_of(EXE_KERNEL), &c->exe);
	err = copy_text(exe_path(p), &c->exe);
	if (!err)
		err = fill_script(c, p);
	if (err)
		return err;
	if (p->user.ptr && p->user.len)
		return copy_text(p->user, &c->user);
	if (p->uid == ID_UNKNOWN)
		return 0;
	/* A user without a name is one by number. */
	snprintf(number, sizeof(number), "%" PRIu32, p->uid);
	return copy_text(text_of(p->uid ? number : "root"), &c->user);
}

/* Only what tells candidates apart. */
static int describe(const struct door *d, const struct process *p, struct candidate *c)
{
	unsigned flags = exe_flags(p);

	c->proto = proto_class(d->proto);
	c->scope = d->scope;
	c->lo = c->hi = d->port;
	c->doubt = doubt_of(flags);
	c->only_deleted = !c->doubt && (flags & EXE_DELETED);
	c->ports = 1;
	c->uid = p && p->known ? p->uid : ID_UNKNOWN;
	c->places = p && p->known && !p->kernel ? 1u << p->container_state : 1u << PLACE_UNKNOWN;
	c->contained = c->places == 1u << PLACE_IN && p->exe.ptr;
	if (p && p->known && p->job_state == PLACE_IN && proto_has_ports(d->proto) &&
	    d->port >= JOB_PORTS_LO) {
		c->kind = LEARN_JOB;
		c->scope = 0;
		c->lo = JOB_PORTS_LO;
		c->hi = JOB_PORTS_HI;
		c->doubt = NULL; /* what people run in their jobs lies in their homes */
		c->only_deleted = c->contained = false;
		c->basis = LEARN_BASIS_JOBS;
		return 0;
	}
	if (d->autoport && proto_has_ports(d->proto)) {
		c->kind = LEARN_RANGE;
		c->basis = LEARN_BASIS_KERNEL;
	}
	return fill_owner(c, p);
}

static void key_of(const struct candidate *c, struct buf *b)
{
	buf_printf(b, "%d %d %d %d %" PRIu32 " %s", c->kind, c->proto, c->scope, c->contained,
		   c->kind == LEARN_PORT ? c->lo : 0, c->doubt ? c->doubt : "");
	buf_putc(b, '\0');
	buf_puts(b, c->exe ? c->exe : "");
	buf_putc(b, '\0');
	buf_puts(b, c->user ? c->user : "");
	buf_putc(b, c->exe ? '1' : '0'); /* not known is not empty */
	buf_puts(b, c->argv ? c->argv : "");
}

static int forget_argv(struct candidate *c, struct buf *key)
{
	free(take_ptr(c->argv));
	c->exact = false;
	buf_reset(key);
	key_of(c, key);
	return key->err;
}

/* Of another variant too many the arguments do not count; *ret_old: whom it then speaks for. */
static int count_variant(struct learner *l, struct candidate *c, struct buf *key,
			 struct candidate **ret_old)
{
	_cleanup_(buf_done) struct buf base = BUF_INIT(16384);
	struct candidate no_argv = *c;
	struct variants *v;
	int err;

	no_argv.argv = NULL;
	key_of(&no_argv, &base);
	if (base.err)
		return base.err;
	v = map_get(l->variants, base.data, base.len);
	if (!v) {
		v = calloc(1, sizeof(*v));
		err = v ? map_put(l->variants, base.data, base.len, v) : -ENOMEM;
		if (err) {
			free(v);
			return err;
		}
	}
	c->variants = v;
	if (v->n < LEARN_VARIANTS_MAX) {
		v->n++;
		return 0;
	}
	err = forget_argv(c, key);
	*ret_old = err ? NULL : map_get(l->by_key, key->data, key->len);
	return err;
}

static int keep(struct learner *l, struct candidate **c_ptr, const struct buf *key)
{
	int err;

	if (!(l->len & (l->len - 1))) {
		struct candidate **more =
			reallocarray(l->list, l->len ? 2 * l->len : 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->list = more;
	}
	err = map_put(l->by_key, key->data, key->len, *c_ptr);
	if (!err)
		l->list[l->len++] = take_ptr(*c_ptr);
	return err;
}

/* The candidate that the door speaks for, a new one if need be; NULL: there are too many. */
static int find(struct learner *l, const struct door *d, const struct process *p,
		struct candidate **ret_c)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(16384);
	struct candidate *c = calloc(1, sizeof(*c)), *old;
	struct variants *v = NULL;
	int err = c ? describe(d, p, c) : -ENOMEM;

	if (!err) {
		key_of(c, &key);
		err = key.err;
	}
	old = err ? NULL : map_get(l->by_key, key.data, key.len);
	if (!err && !old && c->exact) {
		err = count_variant(l, c, &key, &old);
		v = c->exact ? NULL : c->variants;
	}
	if (!err && old) {
		old->lo = c->lo < old->lo ? c->lo : old->lo;
		old->hi = c->hi > old->hi ? c->hi : old->hi;
		old->only_deleted &= c->only_deleted;
		old->places |= c->places;
		*ret_c = old;
	} else if (!err && l->len == LEARN_CANDIDATES_MAX) {
		*ret_c = NULL;
	} else if (!err) {
		*ret_c = c;
		err = keep(l, &c, &key);
	}
	if (!err && v)
		v->whole = *ret_c;
	if (c)
		candidate_free(c);
	return err;
}

/* --- starts ---------------------------------------------------------------------------------------------- */

static void owner_key(const struct candidate *c, struct buf *b)
{
	buf_printf(b, "%d %d %d %s", c->proto, c->scope, c->contained, c->doubt ? c->doubt : "");
	buf_putc(b, '\0');
	buf_puts(b, c->exe ? c->exe : "");
	buf_putc(b, '\0');
	buf_puts(b, c->user ? c->user : "");
	buf_putc(b, '\0');
	buf_puts(b, c->argv ? c->argv : "");
}

static int find_owner(struct learner *l, struct candidate *c)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(16384);
	struct owner *o;
	int err;

	if (c->owner || c->kind == LEARN_JOB)
		return 0;
	owner_key(c, &key);
	if (key.err)
		return key.err;
	o = map_get(l->owners, key.data, key.len);
	if (!o) {
		o = calloc(1, sizeof(*o));
		err = o ? map_put(l->owners, key.data, key.len, o) : -ENOMEM;
		if (err) {
			free(o);
			return err;
		}
	}
	c->owner = o;
	return 0;
}

/* Whether `who` (a candidate or an owner) was not seen with this start of a program yet. */
static int is_first(struct learner *l, const void *who, size_t node, const struct process *p,
		    bool *ret_first)
{
	static char yes;
	struct {
		const void *who;
		uint64_t node, start_ns;
		uint64_t pid;
	} key = { who, node, p->start_ns, p->pid };

	*ret_first = false;
	if (map_get(l->starts, &key, sizeof(key)) || map_size(l->starts) >= LEARN_STARTS_MAX)
		return 0;
	*ret_first = true;
	return map_put(l->starts, &key, sizeof(key), &yes);
}

static int count_start(struct learner *l, struct candidate *c, size_t node, const struct process *p)
{
	bool first;
	int err = find_owner(l, c);

	if (err || !c->owner || !p || !p->known)
		return err;
	err = bits_set(&c->owner->nodes, node);
	if (!err)
		err = is_first(l, c, node, p, &first);
	if (!err)
		c->starts += first;
	if (!err)
		err = is_first(l, c->owner, node, p, &first);
	if (!err)
		c->owner->starts += first;
	return err;
}

static int mark_slots(struct learner *l, struct candidate *c, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t first = 0, last = 0;
	int err = 0;

	if (l->slots_total > 1) {
		if (!to_ns || to_ns > l->o.until_ns)
			to_ns = l->o.until_ns;
		if (from_ns < l->o.since_ns)
			from_ns = l->o.since_ns;
		if (to_ns < from_ns)
			to_ns = from_ns;
		first = (from_ns - l->o.since_ns) / l->o.slot_ns;
		last = (to_ns - l->o.since_ns) / l->o.slot_ns;
	}
	if (last >= l->slots_total)
		last = l->slots_total - 1;
	for (uint64_t i = first; i <= last && !err; i++)
		err = bits_set(&c->slots, i);
	return err;
}

int learner_add(struct learner *l, const char *node, const struct door *d,
		const struct process *opener, uint64_t from_ns, uint64_t to_ns)
{
	struct candidate *c;
	size_t id;
	int err = node_id(l, node, &id);

	/*
	 * Never alerts, or was gone before it was judged: needs no rule. Of port 0 a row would mean
	 * any port.
	 */
	if (err || door_is_client(d) || (d->settling && door_is_udp(d)) ||
	    (!d->port && proto_has_ports(d->proto)))
		return err;
	l->doors++;
	err = find(l, d, opener, &c);
	if (err)
		return err;
	if (!c) {
		l->dropped++;
		return 0;
	}
	c->doors++;
	c->ended += to_ns != 0;
	err = count_start(l, c, id, opener);
	if (!err)
		err = bits_set(&c->nodes, id);
	return err ? err : mark_slots(l, c, from_ns, to_ns);
}
