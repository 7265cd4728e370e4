/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mem.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "store/mem_health.h"

/* --- rows and tables ------------------------------------------------------------------------------ */

struct mem_cell {
	struct mem_cell *next;
	max_align_t data[];
};

void *mem_copy(struct mem *m, const void *p, size_t n)
{
	struct mem_cell *c = malloc(sizeof(*c) + n + 1);

	if (!c)
		return NULL;
	c->next = m->cells;
	m->cells = c;
	if (n)
		memcpy(c->data, p, n);
	((char *)c->data)[n] = '\0';
	return c->data;
}

const char *mem_str(struct mem *m, const char *s)
{
	return s ? mem_copy(m, s, strlen(s)) : "";
}

#define CMP(a, b) ((a) < (b) ? -1 : (a) > (b))

static int cmp_ports(const struct profile_row *a, const struct profile_row *b)
{
	return CMP(a->id, b->id);
}

static int cmp_events(const struct mem_event *a, const struct mem_event *b)
{
	if (a->node_id != b->node_id)
		return CMP(a->node_id, b->node_id);
	if (a->raw.boot_seq != b->raw.boot_seq)
		return CMP(a->raw.boot_seq, b->raw.boot_seq);
	return CMP(a->raw.seq, b->raw.seq);
}

static int cmp_journals(const struct mem_journal *a, const struct mem_journal *b)
{
	return a->node_id != b->node_id ? CMP(a->node_id, b->node_id)
					: CMP(a->boot_seq, b->boot_seq);
}

static int cmp_doors(const struct mem_door *a, const struct mem_door *b)
{
	if (a->node_id != b->node_id)
		return CMP(a->node_id, b->node_id);
	if (a->d.boot_seq != b->d.boot_seq)
		return CMP(a->d.boot_seq, b->d.boot_seq);
	if (a->d.door.netns_cookie != b->d.door.netns_cookie)
		return CMP(a->d.door.netns_cookie, b->d.door.netns_cookie);
	return CMP(a->d.door.cookie, b->d.door.cookie);
}

static int cmp_parked(const struct store_parked *a, const struct store_parked *b)
{
	int order = strcmp(a->sink, b->sink);

	return order ? order : CMP(a->log_id, b->log_id);
}

static int cmp_health(const struct mem_health *a, const struct mem_health *b)
{
	if (a->node_id != b->node_id)
		return CMP(a->node_id, b->node_id);
	return memcmp(a->row.h.installation, b->row.h.installation, INSTALLATION_LEN);
}

static int cmp_boots(const struct mem_boot *a, const struct mem_boot *b)
{
	return a->node_id != b->node_id ? CMP(a->node_id, b->node_id)
					: CMP(a->boot_seq, b->boot_seq);
}

static int cmp_lines(const struct mem_line *a, const struct mem_line *b)
{
	int order = strcmp(a->host_type, b->host_type);

	return order ? order : CMP(a->l.number, b->l.number);
}

static int cmp_proposals(const struct store_proposal *a, const struct store_proposal *b)
{
	int order = strcmp(a->host_type, b->host_type);

	return order ? order : CMP(a->number, b->number);
}

static int cmp_class_rules(const struct store_class_rule *a, const struct store_class_rule *b)
{
	return CMP(a->id, b->id);
}

static int cmp_alert_nodes(const struct mem_alert_node *a, const struct mem_alert_node *b)
{
	return a->alert_id != b->alert_id ? CMP(a->alert_id, b->alert_id)
					  : strcmp(a->n.node, b->n.node);
}

int mem_cmp(enum mem_table t, const void *a, const void *b)
{
	switch (t) {
	case MEM_NODES:
		return strcmp(((const struct mem_node *)a)->name,
			      ((const struct mem_node *)b)->name);
	case MEM_HOST_TYPES:
		return strcmp(((const struct mem_host_type *)a)->name,
			      ((const struct mem_host_type *)b)->name);
	case MEM_PORTS:
		return cmp_ports(a, b);
	case MEM_EVENTS:
		return cmp_events(a, b);
	case MEM_JOURNALS:
		return cmp_journals(a, b);
	case MEM_DOORS:
		return cmp_doors(a, b);
	case MEM_ALERTS:
		return strcmp(((const struct store_alert *)a)->key,
			      ((const struct store_alert *)b)->key);
	case MEM_LOG:
		return CMP(((const struct mem_log *)a)->c.log_id,
			   ((const struct mem_log *)b)->c.log_id);
	case MEM_LINES:
		return cmp_lines(a, b);
	case MEM_PROPOSALS:
		return cmp_proposals(a, b);
	case MEM_CLASS_RULES:
		return cmp_class_rules(a, b);
	case MEM_SINKS:
		return strcmp(((const struct store_sink *)a)->name,
			      ((const struct store_sink *)b)->name);
	case MEM_PARKED:
		return cmp_parked(a, b);
	case MEM_HEALTH:
		return cmp_health(a, b);
	case MEM_BOOTS:
		return cmp_boots(a, b);
	case MEM_WATCH:
		return CMP(((const struct mem_watch *)a)->node_id,
			   ((const struct mem_watch *)b)->node_id);
	case MEM_ALERT_NODES:
		return cmp_alert_nodes(a, b);
	case MEM_EXCEPTIONS:
		return CMP(((const struct store_exception *)a)->id,
			   ((const struct store_exception *)b)->id);
	case MEM_MAINTENANCES:
		return CMP(((const struct store_maintenance *)a)->id,
			   ((const struct store_maintenance *)b)->id);
	default:
		return strcmp(((const struct mem_named *)a)->name,
			      ((const struct mem_named *)b)->name);
	}
}

size_t mem_seek(const struct mem *m, enum mem_table t, const void *key)
{
	const struct mem_rows *r = m->now.tables[t];
	size_t lo = 0, hi = r->len;

	/* Journals grow at the end. */
	if (hi && mem_cmp(t, r->row[hi - 1], key) < 0)
		return hi;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (mem_cmp(t, r->row[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const void *mem_find(const struct mem *m, enum mem_table t, const void *key)
{
	const struct mem_rows *r = m->now.tables[t];
	size_t i = mem_seek(m, t, key);

	return i < r->len && !mem_cmp(t, r->row[i], key) ? r->row[i] : NULL;
}

/* Makes the table ours alone, with room for one more row. */
static int own_table(struct mem *m, enum mem_table t)
{
	struct mem_rows *old = m->now.tables[t], *r;
	size_t cap = old->len < old->cap ? old->cap : 2 * old->cap + 16;

	if (old->refs == 1 && cap == old->cap)
		return 0;
	r = malloc(sizeof(*r) + cap * sizeof(r->row[0]));
	if (!r)
		return -ENOMEM;
	r->refs = 1;
	r->cap = cap;
	r->len = old->len;
	memcpy(r->row, old->row, old->len * sizeof(r->row[0]));
	mem_unref(old);
	m->now.tables[t] = r;
	return 0;
}

int mem_put(struct mem *m, enum mem_table t, const void *row, size_t size)
{
	const void *copy = mem_copy(m, row, size);
	struct mem_rows *r;
	size_t i;
	int err;

	if (!copy)
		return -ENOMEM;
	err = own_table(m, t);
	if (err)
		return err;
	r = m->now.tables[t];
	i = mem_seek(m, t, row);
	if (i == r->len || mem_cmp(t, r->row[i], row)) {
		memmove(&r->row[i + 1], &r->row[i], (r->len - i) * sizeof(r->row[0]));
		r->len++;
	}
	r->row[i] = copy;
	return 0;
}

int mem_del(struct mem *m, enum mem_table t, size_t at, size_t n)
{
	int err = own_table(m, t);
	struct mem_rows *r = m->now.tables[t];

	if (err)
		return err;
	memmove(&r->row[at], &r->row[at + n], (r->len - at - n) * sizeof(r->row[0]));
	r->len -= n;
	return 0;
}

struct mem_rows *mem_ref(struct mem *m, enum mem_table t)
{
	m->now.tables[t]->refs++;
	return m->now.tables[t];
}

void mem_unref(struct mem_rows *r)
{
	if (r && !--r->refs)
		free(r);
}

/* --- life and transactions -------------------------------------------------------------------------- */

static void state_done(struct mem_state *st)
{
	for (size_t t = 0; t < MEM_TABLES; t++)
		mem_unref(take_ptr(st->tables[t]));
}

static void mem_free(struct store *base)
{
	struct mem *m = (struct mem *)base;
	struct mem_cell *c, *next;

	state_done(&m->now);
	for (c = m->cells; c; c = next) {
		next = c->next;
		free(c);
	}
	free(m);
}

static int mem_open(const char *where, unsigned flags, struct store **ret_store, char **ret_why)
{
	struct mem *m;

	(void)flags;
	if (where[0])
		return store_open_why(ret_why, -EINVAL, "store memory: takes no name");
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	for (size_t t = 0; t < MEM_TABLES; t++) {
		m->now.tables[t] = calloc(1, sizeof(struct mem_rows));
		if (!m->now.tables[t]) {
			mem_free(&m->base);
			return -ENOMEM;
		}
		m->now.tables[t]->refs = 1;
	}
	m->now.revision = 1;
	*ret_store = &m->base;
	return 0;
}

static int mem_schema(struct store *base, unsigned *ret_have, unsigned *ret_want)
{
	(void)base;
	*ret_have = *ret_want = 0;
	return 0;
}

static int snapshot(struct mem *m, unsigned level)
{
	m->saved[level] = m->now;
	for (size_t t = 0; t < MEM_TABLES; t++)
		m->now.tables[t]->refs++;
	return 0;
}

static int forget(struct mem *m, unsigned level)
{
	state_done(&m->saved[level]);
	return 0;
}

static int restore(struct mem *m, unsigned level)
{
	/* Numbers are never given out twice, as with AUTOINCREMENT. */
	m->saved[level].last_id = m->now.last_id;
	state_done(&m->now);
	m->now = m->saved[level];
	m->saved[level] = (struct mem_state){ 0 };
	return 0;
}

static int mem_begin(struct store *base)
{
	return snapshot((struct mem *)base, 0);
}

static int mem_commit(struct store *base)
{
	return forget((struct mem *)base, 0);
}

static void mem_rollback(struct store *base)
{
	struct mem *m = (struct mem *)base;

	forget(m, 1);
	restore(m, 0);
}

static int mem_save(struct store *base)
{
	return snapshot((struct mem *)base, 1);
}

static int mem_release(struct store *base)
{
	return forget((struct mem *)base, 1);
}

static int mem_undo(struct store *base)
{
	return restore((struct mem *)base, 1);
}

static int mem_bell_fd(struct store *base)
{
	return store_set_why(base, -EOPNOTSUPP, "a store in memory has no bell");
}

static bool mem_bell_clear(struct store *base)
{
	(void)base;
	return true;
}

/* --- nodes ------------------------------------------------------------------------------------------- */

const struct mem_node *mem_node(const struct mem *m, const char *name)
{
	return mem_find(m, MEM_NODES, &(struct mem_node){ .name = name });
}

const struct mem_node *mem_node_by_id(const struct mem *m, uint64_t id)
{
	const struct mem_rows *r = m->now.tables[MEM_NODES];

	for (size_t i = 0; i < r->len; i++) {
		const struct mem_node *n = r->row[i];

		if (n->id == id)
			return n;
	}
	return NULL;
}

static int mem_nodes(struct store *base, store_node_fn fn, void *arg)
{
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref((struct mem *)base, MEM_NODES);
	int ret = 0;

	for (size_t i = 0; !ret && i < r->len; i++) {
		const struct mem_node *n = r->row[i];
		struct store_node out = {
			.name = n->name,
			.host_type = n->host_type,
			.reported = n->reported,
			.first_seen_ns = n->first_seen_ns,
			.last_seen_ns = n->last_seen_ns,
			.events = n->events,
			.lost = n->lost,
			.tier = n->tier,
			.boot_seq = n->newest.boot_seq,
			.seq = n->newest.seq,
		};

		ret = fn(&out, arg);
	}
	return ret;
}

int mem_make_host_type(struct mem *m, const char *name)
{
	struct mem_host_type t = { .name = name };

	if (mem_find(m, MEM_HOST_TYPES, &t))
		return 0;
	t.name = mem_str(m, name);
	return t.name ? mem_put(m, MEM_HOST_TYPES, &t, sizeof(t)) : -ENOMEM;
}

static int mem_set_host_type(struct store *base, const char *node, const char *host_type)
{
	struct mem *m = (struct mem *)base;
	const struct mem_node *old = mem_node(m, node);
	struct mem_node n;

	if (!old)
		return store_set_why(base, -ENOENT, "no node %s", node);
	n = *old;
	n.host_type = mem_str(m, host_type);
	if (!n.host_type || mem_make_host_type(m, host_type))
		return -ENOMEM;
	if (strcmp(host_type, old->host_type))
		m->now.revision++;
	return mem_put(m, MEM_NODES, &n, sizeof(n));
}

static int mem_pending(struct store *base, store_pending_fn fn, void *arg)
{
	struct mem *m = (struct mem *)base;
	_cleanup_(mem_unrefp) struct mem_rows *r = mem_ref(m, MEM_JOURNALS);
	int ret = 0;

	for (size_t i = 0; !ret && i < r->len; i++) {
		const struct mem_journal *j = r->row[i];
		const struct mem_node *n = mem_node_by_id(m, j->node_id);
		struct store_pending p = {
			.node = n->name,
			.host_type = n->host_type,
			.boot_seq = j->boot_seq,
			.judged_seq = j->judged_seq,
			.stored_seq = j->stored_seq,
		};

		if (j->stored_seq > j->judged_seq)
			ret = fn(&p, arg);
	}
	return ret;
}

static int mem_set_judged(struct store *base, const char *node, uint32_t boot_seq,
			  uint64_t from_seq, uint64_t judged_seq)
{
	struct mem *m = (struct mem *)base;
	const struct mem_node *n = mem_node(m, node);
	const struct mem_journal *old = NULL;
	struct mem_journal j;

	if (n)
		old = mem_find(m, MEM_JOURNALS,
			       &(struct mem_journal){ .node_id = n->id, .boot_seq = boot_seq });
	if (!old)
		return store_set_why(base, -ENOENT, "nothing of boot %u of %s", boot_seq, node);
	if (old->judged_seq != from_seq)
		return store_set_why(base, -ECANCELED,
				     "boot %u of %s: what is judged has changed meanwhile",
				     boot_seq, node);
	j = *old;
	j.judged_seq = judged_seq;
	return mem_put(m, MEM_JOURNALS, &j, sizeof(j));
}

/* --- cursors and settings ----------------------------------------------------------------------------- */

static int mem_cursor_get(struct store *base, const char *sink, uint64_t *ret_log_id)
{
	const struct mem_named *n;

	n = mem_find((struct mem *)base, MEM_CURSORS, &(struct mem_named){ .name = sink });
	*ret_log_id = n ? n->log_id : 0;
	return 0;
}

static int put_named(struct mem *m, enum mem_table t, const char *name, const char *value,
		     uint64_t log_id)
{
	struct mem_named n = { mem_str(m, name), mem_str(m, value), log_id };

	return n.name && n.value ? mem_put(m, t, &n, sizeof(n)) : -ENOMEM;
}

static int mem_cursor_set(struct store *base, const char *sink, uint64_t log_id)
{
	return put_named((struct mem *)base, MEM_CURSORS, sink, NULL, log_id);
}

int mem_setting_get(struct store *base, const char *name, struct buf *b)
{
	const struct mem_named *n;

	n = mem_find((struct mem *)base, MEM_SETTINGS, &(struct mem_named){ .name = name });
	if (!n)
		return -ENOENT;
	buf_puts(b, n->value);
	return b->err;
}

int mem_setting_set(struct store *base, const char *name, const char *value)
{
	return put_named((struct mem *)base, MEM_SETTINGS, name, value, 0);
}

const struct store_ops store_mem_ops = {
	.name = "memory",
	.open = mem_open,
	.free = mem_free,
	.schema = mem_schema,
	.begin = mem_begin,
	.commit = mem_commit,
	.rollback = mem_rollback,
	.save = mem_save,
	.release = mem_release,
	.undo = mem_undo,
	.bell_fd = mem_bell_fd,
	.bell_clear = mem_bell_clear,
	.put_events = mem_put_events,
	.events = mem_events,
	.event_head = mem_event_head,
	.event_base = mem_event_base,
	.prune = mem_prune,
	.usage = mem_usage,
	.nodes = mem_nodes,
	.set_host_type = mem_set_host_type,
	.pending = mem_pending,
	.set_judged = mem_set_judged,
	.put_door = mem_put_door,
	.close_door = mem_close_door,
	.doors = mem_doors,
	.door_get = mem_door_get,
	.key_doors = mem_key_doors,
	.profile_get = mem_profile_get,
	.host_types = mem_host_types,
	.profile_add = mem_profile_add,
	.profile_revision = mem_profile_revision,
	.alert_get = mem_alert_get,
	.put_alert = mem_put_alert,
	.touch_alert = mem_touch_alert,
	.alerts = mem_alerts,
	.alert_changes = mem_alert_changes,
	.sink_cursor_get = mem_cursor_get,
	.sink_cursor_set = mem_cursor_set,
	.setting_get = mem_setting_get,
	.setting_set = mem_setting_set,
	.sinks = mem_sinks,
	.sink_put = mem_sink_put,
	.sink_forget = mem_sink_forget,
	.park = mem_park,
	.unpark = mem_unpark,
	.parked = mem_parked,
	.log_before = mem_log_before,
	.put_health = mem_put_health,
	.claim_boot = mem_claim_boot,
	.boots = mem_boots,
	.health = mem_health,
	.put_watch = mem_put_watch,
	.accept_node = mem_accept_node,
	.clock = mem_clock,
	.take_turn = mem_take_turn,
	.profile_update = mem_profile_update,
	.profile_remove = mem_profile_remove,
	.profile_lines = mem_profile_lines,
	.profile_put_lines = mem_profile_put_lines,
	.profile_count = mem_profile_count,
	.proposal_put = mem_proposal_put,
	.proposals = mem_proposals,
	.proposal_decide = mem_proposal_decide,
	.class_rules = mem_class_rules,
	.class_rule_put = mem_class_rule_put,
	.class_rule_remove = mem_class_rule_remove,
	.alert_node = mem_alert_node,
	.alert_sum = mem_alert_sum,
	.alert_nodes = mem_alert_nodes,
	.alert_nodes_restart = mem_alert_nodes_restart,
	.alert_fold = mem_alert_fold,
	.decide = mem_decide,
	.exception_add = mem_exception_add,
	.exception_end = mem_exception_end,
	.exceptions = mem_exceptions,
	.maintenance_add = mem_maintenance_add,
	.maintenance_end = mem_maintenance_end,
	.maintenances = mem_maintenances,
	.triage_marks = mem_triage_marks,
	.tally_doors = mem_tally_doors,
	.tally_alerts = mem_tally_alerts,
	.turn_at = mem_turn_at,
};
