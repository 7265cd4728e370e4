/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a node is has one answer: what `ajar node` says of each report is what `check` and `metrics`
 * count.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/health.h"
#include "monitor/health_watch.h"
#include "store/health.h"
#include "store/store.h"
#include "tap.h"
#include "view/metrics.h"
#include "view/health_row.h"

#define NEVER UINT64_C(1000000000000000)

static const enum health_shipper shippers[] = { SHIPPER_RUNNING, SHIPPER_STOPPED };
static const enum health_agent agents[] = { AGENT_UNKNOWN, AGENT_RECORDING, AGENT_STALLED,
					    AGENT_STOPPED };

/* One node for each report there can be. */
static unsigned report_all(struct store *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < array_len(shippers) * array_len(agents) * 2; i++) {
		struct store_health h = { .installation = { (uint8_t)(i + 1) },
					  .host = "h",
					  .boot_id = "",
					  .version = "1",
					  .shipper = shippers[i / 2 / array_len(agents)],
					  .agent = agents[i / 2 % array_len(agents)],
					  .attached = i % 2,
					  .sensor = "",
					  .interval_ns = 1 };
		struct store_health_reply r;
		char node[16];

		snprintf(node, sizeof(node), "node%03zu", i);
		n += !store_put_health(s, node, "compute", &h, 0, &r);
	}
	return n;
}

struct words {
	uint64_t silent_ns, now_ns;
	uint64_t nodes[NODE_STATES];
};

/* As `ajar node` does it. */
static int on_row(const struct store_health_row *r, void *arg)
{
	struct words *k = arg;
	const struct health_limits l = { .silent_ns = k->silent_ns,
					 .skew_ns = NEVER,
					 .hole_ns = NEVER };
	struct health_in in;
	enum node_state is;

	health_row(r, &r->watch, &in);
	is = health_state(&in, l.silent_ns, k->now_ns);
	if (!*health_state_why(is, audit_health(&in, &l, k->now_ns)))
		return -EINVAL;
	k->nodes[is]++;
	return 0;
}

static void agree(struct store *s, uint64_t silent_ns, const char *what)
{
	const struct view_health_in in = { .silent_ns = silent_ns };
	struct words k = { .silent_ns = silent_ns };
	struct view_health_sum sum;

	if (!ok(!store_clock(s, &k.now_ns) && !store_health(s, NULL, false, on_row, &k) &&
			!view_health_sum(s, &in, &sum),
		"%s", what))
		return;
	for (enum node_state v = 0; v < NODE_STATES; v++)
		is_int(sum.nodes[v], k.nodes[v], "as many are %s", health_state_name(v));
}

int main(void)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_free_ char *why = NULL;

	if (!ok(!store_open("sqlite::memory:", STORE_CREATE, &s, &why), "a store: %s",
		why ? why : ""))
		return tap_done();
	is_int(report_all(s), 16, "a node for each report that there can be");
	agree(s, NEVER, "while all are heard");
	agree(s, 0, "when nobody is heard any more");
	return tap_done();
}
