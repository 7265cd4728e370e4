/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"
#include "store/health.h"

/* Sixteen bytes that are the same each time for a name and what is asked of it. */
static void identify(uint8_t out[INSTALLATION_LEN], const char *name, uint64_t what)
{
	const uint64_t sums[] = { sim_record_sum(0, what, name, strlen(name)),
				  sim_record_sum(1, what, name, strlen(name)) };

	_Static_assert(sizeof(sums) == INSTALLATION_LEN, "two sums are an identity");
	memcpy(out, sums, sizeof(sums));
}

int sim_node_report(const struct sim_node *n, const struct sim_report *r)
{
	struct store_health_reply reply;
	struct store_health h = {
		.host = n->name,
		.boot_id = "00000000-0000-4000-8000-000000000001",
		.version = r->version,
		.shipper = SHIPPER_RUNNING,
		.agent = AGENT_RECORDING,
		.tier = 'A',
		.attached = true,
		.sensor = "tier A: simulated",
		.addresses = r->addresses,
		.boot_seq = n->boot_seq,
		.seq = n->seq,
		.journal_bytes = n->made * 400,
		.journal_max_bytes = 256 << 20,
		.interval_ns = r->interval_ns,
		.wall_ns = r->now_ns,
		.rtt_ns = SECOND_NS / 1000,
	};
	uint8_t session[INSTALLATION_LEN];

	identify(h.installation, n->name, 1);
	identify(h.machine, n->name, 2);
	identify(session, n->name, 3);
	memcpy(h.session, session, sizeof(h.session));
	memcpy(h.chain, n->chain, sizeof(h.chain));
	return store_put_health(n->store, n->name, n->host_type, &h, r->silent_ns, &reply);
}
