/* SPDX-License-Identifier: GPL-2.0 */
#include "store/health_rules.h"

#include <string.h>

/* Which installation may be a node, and what number a boot gets. */

static bool same_session(const uint8_t a[SESSION_LEN], const uint8_t b[SESSION_LEN])
{
	return !memcmp(a, b, SESSION_LEN);
}

/* A shipper that is started again is a new session for good; one that comes back was never away. */
static void follow_sessions(const struct health_past *p, const struct store_health *h,
			    uint64_t now_ns, struct health_next *n)
{
	static const uint8_t none[SESSION_LEN];

	n->mixed_ns = p->mixed_ns;
	memcpy(n->session_before, p->session_before, SESSION_LEN);
	n->host_before = p->host_before;
	if (!p->known || same_session(p->session, h->session))
		return;
	if (same_session(p->session_before, h->session) && !same_session(h->session, none))
		n->mixed_ns = now_ns;
	memcpy(n->session_before, p->session, SESSION_LEN);
	n->host_before = p->host;
}

void health_admit(const struct health_past *p, const struct store_health *h, uint64_t now_ns,
		  uint64_t fresh_ns, struct health_next *ret)
{
	struct health_next n = { .standing = STANDING_CURRENT, .first_ns = now_ns };
	bool heard = p->held && !p->held_stopped && now_ns < p->held_received_ns + fresh_ns;

	follow_sessions(p, h, now_ns, &n);
	if (p->known)
		n.first_ns = p->first_ns;
	if (p->known && p->standing == STANDING_CURRENT) {
		n.accepted_ns = p->accepted_ns;
	} else if (heard) {
		n.standing = STANDING_REFUSED;
	} else if (p->held) {
		n.displaces = true;
	} else {
		n.accepted_ns = now_ns;
	}
	*ret = n;
}

uint32_t health_boot_number(const struct health_boots *b, uint32_t journal_boot)
{
	if (journal_boot > b->max || (!b->taken && !b->others))
		return journal_boot;
	return b->max + 1;
}
