/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_HEALTH_RULES_H
#define AJAR_STORE_HEALTH_RULES_H

#include "store/health.h"

/* What all drivers decide alike about a name that several journals claim; see health.h. */

/* What is stored already when an installation reports. */
struct health_past {
	bool known; /* this installation has a row */
	enum health_standing standing;
	uint64_t accepted_ns, first_ns, mixed_ns;
	uint8_t session[SESSION_LEN], session_before[SESSION_LEN];
	char host[256], host_before[256];

	bool held; /* another installation is the current one */
	uint64_t held_received_ns;
	bool held_stopped;
	char held_host[256];
};

/* What its row becomes. */
struct health_next {
	enum health_standing standing;
	uint64_t accepted_ns, first_ns, mixed_ns;
	uint8_t session_before[SESSION_LEN];
	const char *host_before;
	bool displaces; /* the other one is past from now on */
};
void health_admit(const struct health_past *p, const struct store_health *h, uint64_t now_ns,
		  uint64_t fresh_ns, struct health_next *ret);

/*
 * A refused installation that has not reported for so many of its intervals is not there any more:
 * accepting means another.
 */
#define HEALTH_REFUSED_HEARTBEATS 10

/* Which boots of a node there are. */
struct health_boots {
	uint32_t max; /* the greatest number of them */
	bool taken; /* the number is that of a boot that was claimed */
	bool others; /* boots of other installations have been claimed */
};
uint32_t health_boot_number(const struct health_boots *b, uint32_t journal_boot);

/*
 * Whoever changes what a node is holds the lock of its row in nodes; the clock is the store's, once
 * we have it.
 */
must_check int sql_lock_node(struct store *s, uint64_t id, uint64_t *ret_now_ns);
/* What is stored of one installation; *p is untouched if there is nothing. */
must_check int sql_installation(struct store *s, uint64_t id, const uint8_t *installation,
				struct health_past *p);

#endif
