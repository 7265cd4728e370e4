/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mem_health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/health_rules.h"
#include "store/mem.h"

/* How the nodes are. */

static struct mem_health *changed_copy(struct mem *m, const struct mem_health *r)
{
	return mem_copy(m, r, sizeof(*r));
}

static const struct mem_health *find_row(const struct mem *m, uint64_t id,
					 const uint8_t *installation)
{
	struct mem_health key = { .node_id = id };

	memcpy(key.row.h.installation, installation, INSTALLATION_LEN);
	return mem_find(m, MEM_HEALTH, &key);
}

static const struct mem_health *find_current(const struct mem *m, uint64_t id)
{
	const struct mem_rows *r = m->now.tables[MEM_HEALTH];

	for (size_t i = 0; i < r->len; i++) {
		const struct mem_health *h = r->row[i];

		if (h->node_id == id && h->row.standing == STANDING_CURRENT)
			return h;
	}
	return NULL;
}

static int set_standing(struct mem *m, const struct mem_health *r, enum health_standing standing,
			uint64_t accepted_ns)
{
	struct mem_health *copy = changed_copy(m, r);

	if (!copy)
		return -ENOMEM;
	copy->row.standing = standing;
	copy->row.accepted_ns = accepted_ns;
	if (standing == STANDING_CURRENT)
		copy->row.mixed_ns = 0;
	return mem_put(m, MEM_HEALTH, copy, sizeof(*copy));
}

static void recall(const struct mem_health *own, const struct mem_health *holder,
		   struct health_past *p)
{
	if (own) {
		p->known = true;
		p->standing = own->row.standing;
		p->accepted_ns = own->row.accepted_ns;
		p->first_ns = own->row.first_ns;
		p->mixed_ns = own->row.mixed_ns;
		memcpy(p->session, own->row.h.session, SESSION_LEN);
		memcpy(p->session_before, own->session_before, SESSION_LEN);
		snprintf(p->host, sizeof(p->host), "%s", own->row.h.host);
		snprintf(p->host_before, sizeof(p->host_before), "%s", own->row.other_host);
	}
	if (holder && holder != own) {
		p->held = true;
		p->held_received_ns = holder->row.received_ns;
		p->held_stopped = holder->row.h.shipper == SHIPPER_STOPPED;
		snprintf(p->held_host, sizeof(p->held_host), "%s", holder->row.h.host);
	}
}

static int write_row(struct mem *m, uint64_t id, const struct store_health *h,
		     const struct health_next *n, uint64_t now_ns)
{
	struct mem_health r = { .node_id = id,
				.row = { .known = true,
					 .standing = n->standing,
					 .first_ns = n->first_ns,
					 .received_ns = now_ns,
					 .accepted_ns = n->accepted_ns,
					 .mixed_ns = n->mixed_ns,
					 .h = *h } };

	memcpy(r.session_before, n->session_before, SESSION_LEN);
	snprintf(r.row.other_host, sizeof(r.row.other_host), "%s", n->host_before);
	r.row.h.host = mem_str(m, h->host);
	r.row.h.boot_id = mem_str(m, h->boot_id);
	r.row.h.version = mem_str(m, h->version);
	r.row.h.sensor = mem_str(m, h->sensor);
	if (!r.row.h.host || !r.row.h.boot_id || !r.row.h.version || !r.row.h.sensor)
		return -ENOMEM;
	return mem_put(m, MEM_HEALTH, &r, sizeof(r));
}

int mem_put_health(struct store *base, const char *node, const char *host_type,
		   const struct store_health *h, uint64_t fresh_ns, struct store_health_reply *ret)
{
	struct mem *m = (struct mem *)base;
	const struct mem_health *own, *holder;
	uint64_t now = clock_wall_ns(), id;
	struct health_past past = { 0 };
	struct health_next next;
	struct mem_node n;
	int err = mem_make_node(m, node, host_type, now, &n);

	if (!err)
		err = mem_put(m, MEM_NODES, &n, sizeof(n));
	if (err)
		return err;
	id = n.id;
	own = find_row(m, id, h->installation);
	holder = find_current(m, id);
	recall(own, holder, &past);
	health_admit(&past, h, now, fresh_ns, &next);
	if (next.displaces)
		err = set_standing(m, holder, STANDING_PAST, holder->row.accepted_ns);
	if (!err)
		err = write_row(m, id, h, &next, now);
	if (err)
		return err;
	ret->server_ns = now;
	ret->standing = next.standing;
	ret->accepted = next.accepted_ns;
	if (next.standing == STANDING_REFUSED)
		snprintf(ret->current_host, sizeof(ret->current_host), "%s", past.held_host);
	return 0;
}

/* --- boots ------------------------------------------------------------------------------------------ */

static int node_id_of(struct mem *m, const char *node, uint64_t *ret_id)
{
	const struct mem_node *n = mem_node(m, node);

	if (!n)
		return store_set_why(&m->base, -ENOENT, "the store knows no node %s", node);
	*ret_id = n->id;
	return 0;
}

static void look_at_boots(const struct mem *m, uint64_t id, const uint8_t *installation,
			  uint32_t journal_boot, struct health_boots *ret)
{
	const struct mem_rows *r = m->now.tables[MEM_BOOTS], *js = m->now.tables[MEM_JOURNALS];

	for (size_t i = 0; i < r->len; i++) {
		const struct mem_boot *b = r->row[i];

		if (b->node_id != id)
			continue;
		if (b->boot_seq > ret->max)
			ret->max = b->boot_seq;
		ret->taken |= b->boot_seq == journal_boot;
		ret->others |= !!memcmp(b->installation, installation, INSTALLATION_LEN);
	}
	for (size_t i = 0; i < js->len; i++) {
		const struct mem_journal *j = js->row[i];

		if (j->node_id == id && j->boot_seq > ret->max)
			ret->max = j->boot_seq;
	}
}

int mem_claim_boot(struct store *base, const char *node,
		   const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		   uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	struct mem *m = (struct mem *)base;
	const struct mem_rows *r = m->now.tables[MEM_BOOTS];
	struct health_boots boots = { 0 };
	struct mem_boot b = { .journal_boot = journal_boot };
	const struct mem_health *own;
	int err = node_id_of(m, node, &b.node_id);

	if (err)
		return err;
	own = find_row(m, b.node_id, installation);
	if (!own || own->row.standing != STANDING_CURRENT)
		return store_set_why(base, -EACCES,
				     "another journal than this one reports as node %s", node);
	for (size_t i = 0; i < r->len; i++) {
		const struct mem_boot *have = r->row[i];

		if (have->node_id != b.node_id || have->journal_boot != journal_boot ||
		    memcmp(have->installation, installation, INSTALLATION_LEN) ||
		    strcmp(have->boot_id, boot_id))
			continue;
		*ret_boot_seq = have->boot_seq;
		return 0;
	}
	look_at_boots(m, b.node_id, installation, journal_boot, &boots);
	*ret_boot_seq = b.boot_seq = health_boot_number(&boots, journal_boot);
	memcpy(b.installation, installation, INSTALLATION_LEN);
	b.boot_id = mem_str(m, boot_id);
	return b.boot_id ? mem_put(m, MEM_BOOTS, &b, sizeof(b)) : -ENOMEM;
}

int mem_boots(struct store *base, const char *node, store_boot_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref(m, MEM_BOOTS);
	uint64_t id = 0;
	int ret = node_id_of(m, node, &id);

	for (size_t i = 0; !ret && i < r->len; i++) {
		const struct mem_boot *b = r->row[i];
		const struct store_boot out = { b->boot_seq, b->journal_boot, b->installation,
						b->boot_id };

		if (b->node_id == id)
			ret = fn(&out, arg);
	}
	return ret;
}

/* --- reading ---------------------------------------------------------------------------------------- */

static int give(struct mem *m, const struct mem_node *n, const struct mem_health *h,
		store_health_fn fn, void *arg)
{
	const struct mem_watch *w = mem_find(m, MEM_WATCH, &(struct mem_watch){ .node_id = n->id });
	const struct mem_journal *j =
		mem_find(m, MEM_JOURNALS,
			 &(struct mem_journal){ .node_id = n->id, .boot_seq = n->newest.boot_seq });
	struct store_health_row r = { 0 };

	if (h)
		r = h->row;
	r.node = n->name;
	r.host_type = n->host_type;
	r.first_seen_ns = n->first_seen_ns;
	r.last_seen_ns = n->last_seen_ns;
	r.events = n->events;
	r.lost = n->lost;
	r.stored_boot = n->newest.boot_seq;
	r.stored_seq = j ? j->stored_seq : 0;
	r.head_seq = j ? j->head_seq : 0;
	if (w)
		r.watch = w->w;
	return fn(&r, arg);
}

/* The current one, then the refused, then the past. */
static int give_all_of(struct mem *m, const struct mem_node *n, bool with_past, store_health_fn fn,
		       void *arg)
{
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref(m, MEM_HEALTH);
	unsigned given = 0;
	int ret = 0;

	for (int standing = STANDING_CURRENT; standing <= (with_past ? 3 : 2); standing++) {
		for (size_t i = 0; !ret && i < r->len; i++) {
			const struct mem_health *h = r->row[i];

			if (h->node_id != n->id || (int)h->row.standing != standing)
				continue;
			given++;
			ret = give(m, n, h, fn, arg);
		}
	}
	return ret || given ? ret : give(m, n, NULL, fn, arg);
}

int mem_health(struct store *base, const char *node, bool with_past, store_health_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *nodes = mem_ref(m, MEM_NODES);
	int ret = 0;

	for (size_t i = 0; !ret && i < nodes->len; i++) {
		const struct mem_node *n = nodes->row[i];

		if (!node || !strcmp(node, n->name))
			ret = give_all_of(m, n, with_past, fn, arg);
	}
	return ret;
}

/* --- notes, a person's word, turns ---------------------------------------------------------------------- */

int mem_put_watch(struct store *base, const char *node, const struct store_watch *w)
{
	struct mem *m = (struct mem *)base;
	struct mem_watch row = { .w = *w };
	int err = node_id_of(m, node, &row.node_id);

	return err ? err : mem_put(m, MEM_WATCH, &row, sizeof(row));
}

static int find_waiting(struct mem *m, uint64_t id, const struct mem_health **ret_row)
{
	const struct mem_health *current = find_current(m, id);
	const struct mem_rows *r = m->now.tables[MEM_HEALTH];
	int n = 0;

	if (current && !current->row.accepted_ns) {
		*ret_row = current;
		return 0;
	}
	for (size_t i = 0; i < r->len; i++) {
		const struct mem_health *h = r->row[i];

		if (h->node_id != id || h->row.standing != STANDING_REFUSED ||
		    h->row.received_ns + HEALTH_REFUSED_BEATS * h->row.h.interval_ns <
			    clock_wall_ns())
			continue;
		*ret_row = h;
		n++;
	}
	return n > 1 ? store_set_why(&m->base, -ENOTUNIQ, "several hosts report as this node") : 0;
}

static int forgive(struct mem *m, uint64_t id, bool *ret_changed)
{
	const struct mem_watch *have = mem_find(m, MEM_WATCH, &(struct mem_watch){ .node_id = id });
	struct mem_watch w;

	if (!have || !have->w.broken_ns)
		return 0;
	w = *have;
	w.w.broken_ns = w.w.broken_seq = w.w.broken_boot = 0;
	*ret_changed = true;
	return mem_put(m, MEM_WATCH, &w, sizeof(w));
}

int mem_accept_node(struct store *base, const char *node, const uint8_t *installation,
		    bool *ret_changed)
{
	struct mem *m = (struct mem *)base;
	const struct mem_health *row = NULL, *current;
	uint64_t id = 0;
	int err = node_id_of(m, node, &id);

	if (!err && installation)
		row = find_row(m, id, installation);
	else if (!err)
		err = find_waiting(m, id, &row);
	if (!err && installation && !row)
		err = store_set_why(base, -ENOENT, "no such installation reports as this node");
	if (err)
		return err;
	current = find_current(m, id);
	if (row && current && current != row)
		err = set_standing(m, current, STANDING_PAST, current->row.accepted_ns);
	if (row && !err)
		err = set_standing(m, row, STANDING_CURRENT, clock_wall_ns());
	*ret_changed = row;
	return err ? err : forgive(m, id, ret_changed);
}

int mem_clock(struct store *base, uint64_t *ret_now_ns)
{
	(void)base;
	*ret_now_ns = clock_wall_ns();
	return 0;
}

int mem_take_turn(struct store *base, const char *name, uint64_t every_ns, uint64_t *ret_now_ns)
{
	struct mem *m = (struct mem *)base;
	struct mem_named turn = { .name = name };
	const struct mem_named *have = mem_find(m, MEM_TURNS, &turn);
	uint64_t now = clock_wall_ns();
	int err;

	*ret_now_ns = now;
	if (have && now >= have->log_id && now - have->log_id < every_ns)
		return 0;
	turn = (struct mem_named){ mem_str(m, name), "", now };
	err = turn.name ? mem_put(m, MEM_TURNS, &turn, sizeof(turn)) : -ENOMEM;
	return err ? err : 1;
}
