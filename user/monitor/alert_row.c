/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/alert_row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "monitor/held.h"
#include "store/triage.h"

#define NODES_TEXT_MAX 16384 /* of alerts.nodes; names that do not fold are cut behind it */
#define NODES_SHOWN_MAX 200 /* in a summary */

struct row_nodes {
	struct hostlist nodes;
	const struct held *held; /* NULL: nobody is left out */
	const char *key;
	uint64_t now_ns;
};

static int add_node(const struct store_alert_node *n, void *arg)
{
	struct row_nodes *r = arg;

	if (r->held && held_excepted(r->held, r->key, n->node, r->now_ns))
		return 0;
	return hostlist_add(&r->nodes, n->node);
}

int alert_row_nodes(struct store *s, uint64_t alert_id, const struct held *h, const char *key,
		    uint64_t now_ns, struct buf *b)
{
	struct row_nodes r = { .held = h, .key = key, .now_ns = now_ns };
	int err = store_alert_nodes(s, alert_id, true, add_node, &r);

	if (!err && !r.nodes.len)
		err = store_alert_nodes(s, alert_id, false, add_node, &r);
	r.held = NULL; /* what is excepted everywhere still names its nodes */
	if (!err && !r.nodes.len)
		err = store_alert_nodes(s, alert_id, false, add_node, &r);
	if (!err) {
		hostlist_sort(&r.nodes);
		hostlist_fold_short(&r.nodes, b, NODES_TEXT_MAX);
		err = b->err;
	}
	hostlist_done(&r.nodes);
	return err;
}

/* The last " on " of it: the words before may have one, the nodes behind have none. */
static size_t length_without_nodes(const char *summary)
{
	const char *at = NULL;

	for (const char *p = summary; (p = strstr(p, " on ")); p++)
		at = p;
	return at ? (size_t)(at - summary) : strlen(summary);
}

void alert_row_summary(const char *summary, const char *nodes, uint64_t node_count, struct buf *b)
{
	size_t len = strlen(nodes);

	buf_put(b, summary, length_without_nodes(summary));
	buf_puts(b, " on ");
	if (len <= NODES_SHOWN_MAX) {
		buf_puts(b, nodes);
	} else {
		size_t cut = NODES_SHOWN_MAX;

		while (cut && ((unsigned char)nodes[cut] & 0xc0) == 0x80)
			cut--;
		buf_put(b, nodes, cut);
		buf_puts(b, "...");
	}
	if (node_count > 1)
		buf_printf(b, " (%" PRIu64 " nodes)", node_count);
}
