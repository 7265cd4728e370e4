/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "store/mem.h"

/* The profiles in memory; what changes them is in mem_rules.c. */

int mem_profile_get(struct store *base, const char *host_type, struct profile **ret_profile)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(profile_freep) struct profile *p = NULL;
	const struct mem_host_type *t;
	int err = 0;

	t = mem_find(m, MEM_HOST_TYPES, &(struct mem_host_type){ .name = host_type });
	if (!t)
		return store_set_why(base, -ENOENT, "no node class %s", host_type);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->accepted = t->accepted_ns;
	p->host_type = strdup(host_type);
	if (!p->host_type)
		return -ENOMEM;
	for (size_t i = 0; !err && i < m->now.tables[MEM_PORTS]->len; i++) {
		const struct profile_row *r = m->now.tables[MEM_PORTS]->row[i];

		if (!strcmp(r->host_type, host_type))
			err = store_profile_push(p, r);
	}
	if (!err)
		*ret_profile = take_ptr(p);
	return err;
}

int mem_host_types(struct store *base, store_host_type_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *types = mem_ref(m, MEM_HOST_TYPES);
	int ret = 0;

	for (size_t i = 0; !ret && i < types->len; i++) {
		const struct mem_host_type *t = types->row[i];
		const struct mem_rows *ports = m->now.tables[MEM_PORTS];
		const struct mem_rows *nodes = m->now.tables[MEM_NODES];
		uint64_t rows = 0, members = 0;

		for (size_t k = 0; k < ports->len; k++)
			rows += !strcmp(((const struct profile_row *)ports->row[k])->host_type,
					t->name);
		for (size_t k = 0; k < nodes->len; k++)
			members += !strcmp(((const struct mem_node *)nodes->row[k])->host_type,
					   t->name);
		ret = fn(t->name, t->accepted_ns != 0, t->accepted_ns, rows, members, arg);
	}
	return ret;
}

static bool same_str(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool same_port(const struct profile_row *a, const struct profile_row *b)
{
	return a->port == b->port && a->port_end == b->port_end && a->proto == b->proto &&
	       a->scope == b->scope && same_str(a->service, b->service) &&
	       same_str(a->host_type, b->host_type) && same_str(a->exe, b->exe) &&
	       same_str(a->user, b->user) && a->action == b->action && same_str(a->job, b->job) &&
	       same_str(a->container, b->container) && same_str(a->fingerprint, b->fingerprint);
}

static int add_port(struct mem *m, const char *host_type, const struct profile_row *row,
		    uint64_t now_ns, size_t *count)
{
	const struct mem_rows *ports = m->now.tables[MEM_PORTS];
	struct profile_row r = *row;

	r.host_type = (char *)mem_str(m, host_type);
	r.service = (char *)mem_str(m, row->service);
	r.exe = (char *)mem_str(m, row->exe);
	r.user = (char *)mem_str(m, row->user);
	r.origin = (char *)mem_str(m, row->origin && row->origin[0] ? row->origin : "manual");
	r.reason = (char *)mem_str(m, row->reason);
	r.author = (char *)mem_str(m, row->author);
	r.job = (char *)mem_str(m, row->job);
	r.container = (char *)mem_str(m, row->container);
	r.fingerprint = (char *)mem_str(m, row->fingerprint);
	r.line = (char *)mem_str(m, row->line);
	r.hits = r.last_match_ns = 0;
	if (!r.host_type || !r.service || !r.exe || !r.user || !r.origin || !r.reason ||
	    !r.author || !r.job || !r.container || !r.fingerprint || !r.line)
		return -ENOMEM;
	for (size_t i = 0; i < ports->len; i++) {
		if (same_port(ports->row[i], &r))
			return 0;
	}
	r.id = ++m->now.last_id;
	if (!r.created_ns)
		r.created_ns = now_ns;
	m->now.revision++;
	(*count)++;
	return mem_put(m, MEM_PORTS, &r, sizeof(r));
}

static int accept_type(struct mem *m, const char *host_type, uint64_t now_ns)
{
	const struct mem_host_type *old;
	struct mem_host_type t;

	old = mem_find(m, MEM_HOST_TYPES, &(struct mem_host_type){ .name = host_type });
	if (!old)
		return -ENOENT;
	if (old->accepted_ns)
		return 0;
	t = *old;
	t.accepted_ns = now_ns ? now_ns : 1;
	m->now.revision++;
	return mem_put(m, MEM_HOST_TYPES, &t, sizeof(t));
}

int mem_profile_add(struct store *base, const char *host_type, const struct profile_row *rows,
		    size_t n, bool accept, uint64_t now_wall_ns, size_t *ret_new)
{
	struct mem *m = (struct mem *)base;
	size_t count = 0;
	int err;

	err = mem_make_host_type(m, host_type);
	for (size_t i = 0; !err && i < n; i++) {
		size_t before = count;

		err = add_port(m, host_type, &rows[i], now_wall_ns, &count);
		if (count > before &&
		    same_str(rows[i].origin ? rows[i].origin : "manual", "manual"))
			accept = true; /* a person's word */
	}
	if (!err && accept)
		err = accept_type(m, host_type, now_wall_ns);
	if (!err)
		*ret_new = count;
	return err;
}

int mem_profile_revision(struct store *base, uint64_t *ret_rev)
{
	*ret_rev = ((struct mem *)base)->now.revision;
	return 0;
}
