/* SPDX-License-Identifier: GPL-2.0 */
#include "view/node_json.h"

#include "audit/health.h"
#include "core/racks.h"
#include "core/redirect.h"
#include "store/redirect.h"
#include "store/store.h"
#include "view/node_ports.h"
#include "view/writer.h"

/*
 * What the store knows of each node's witness. "recording" is said only of one whose heartbeat says
 * so and is fresh, or of this machine's agent, which is seen to hold its journal; a node that never
 * reported is "unknown" between two events: that nothing comes is not that all is well.
 */
static const struct {
	const char *means, *sgr;
} without_heartbeat[NODE_STATES] = {
	[NODE_RECORDING] = { "its agent runs", NULL },
	[NODE_STOPPED] = { "its agent was stopped: doors that open now are not seen", "33" },
	[NODE_SILENT] = { "its agent ended without a word: 'ajar run' or ajar-agent starts it",
			  "31" },
	[NODE_UNKNOWN] = { "no record came since then; check on the node whether its agent runs",
			   NULL },
};

static int last_event(const struct store_event_row *row, void *arg)
{
	struct view_node *st = arg;

	st->last_event_ns = row->ev.time_ns;
	st->is = row->ev.kind == EVENT_STOP ? NODE_STOPPED : NODE_UNKNOWN;
	st->since_ns = row->ev.kind == EVENT_STOP ? row->ev.time_ns : 0;
	return 0;
}

static int count_door(const struct store_door *d, void *arg)
{
	(void)d;
	++*(uint64_t *)arg;
	return 0;
}

static int read_node(struct store *s, const struct conf *conf, const struct store_node *n,
		     struct view_node *st)
{
	const struct store_event_query newest = { .node = n->name,
						  .boot_seq = n->boot_seq,
						  .after_seq = n->seq ? n->seq - 1 : 0,
						  .limit = 1 };
	const struct store_door_query open = { .node = n->name, .open_only = true };
	int err = store_redirect_get(s, n->name, &st->redirects, NULL);

	if (!err && n->boot_seq)
		err = store_events(s, &newest, last_event, st);
	if (!err)
		err = store_doors(s, &open, count_door, &st->doors);
	return err ? err : node_health_get(s, conf, n->name, &st->heartbeat);
}

void view_node_conclude(const struct store_node *n, int runs, struct view_node *st)
{
	const struct node_health *h = &st->heartbeat;

	if (runs == 1) {
		st->is = NODE_RECORDING;
		st->since_ns = 0;
	} else if (!runs && st->is != NODE_STOPPED) {
		st->is = NODE_SILENT;
		st->since_ns = n->last_seen_ns;
	}
	st->means = without_heartbeat[st->is].means;
	st->sgr = without_heartbeat[st->is].sgr;
	/*
	 * Our own agent is seen to run or not, whatever was reported last; that it runs does not
	 * say that it records.
	 */
	if (!h->known || !runs ||
	    (runs == 1 && (h->state == NODE_SILENT || h->state == NODE_STOPPED)))
		return;
	st->is = h->state;
	st->means = h->means;
	st->sgr = h->sgr;
	st->since_ns = h->silent_since_ns;
}

int view_node_look(struct store *s, const struct conf *conf, const struct store_node *n, int runs,
		   struct view_node *ret)
{
	int err;

	*ret = (struct view_node){ .is = NODE_UNKNOWN, .redirects = BUF_INIT(REDIRECT_STORED_MAX) };
	err = read_node(s, conf, n, ret);
	if (!err)
		view_node_conclude(n, runs, ret);
	return err;
}

void view_node_done(struct view_node *st)
{
	node_health_done(&st->heartbeat);
	buf_done(&st->redirects);
}

int view_node_members(struct writer *w, struct store *s, const struct racks *racks,
		      const struct store_node *n, const struct view_node *st)
{
	writer_str(w, "node", n->name);
	writer_str(w, "class", n->host_type);
	writer_str(w, "rack", racks_name_of(racks, n->name));
	writer_str(w, "state", health_state_name(st->is));
	writer_time(w, "silent_since", st->since_ns);
	writer_time(w, "last_event", st->last_event_ns);
	writer_time(w, "first_heard", n->first_seen_ns);
	writer_time(w, "last_heard", n->last_seen_ns);
	writer_u64(w, "boot_seq", n->boot_seq);
	writer_u64(w, "seq", n->seq);
	writer_u64(w, "events", n->events);
	writer_u64(w, "lost", n->lost);
	writer_u64(w, "doors", st->doors);
	writer_str(w, "tier", n->tier);
	writer_list(w, "steering");
	for (struct text list = text_of(st->redirects.data), text; redirect_next(&list, &text);)
		writer_text(w, NULL, text);
	writer_end(w);
	node_judging_json(&st->heartbeat, w);
	node_health_json(&st->heartbeat, w, "health");
	return writer_wants(w, "outside") ? node_outside_json(w, s, n->name) : 0;
}
