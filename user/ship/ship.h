/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_SHIP_H
#define AJAR_SHIP_SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/journal.h"

struct event;
struct store;

/*
 * Copies a node's journal to the store. It keeps no state of its own: at the start (and after
 * ship_rewind()) it walks the journal from its oldest record on and passes over what the store says
 * it has without a hole, so whatever the store lacks and the journal still keeps is sent, and
 * sending twice changes nothing: a batch whose commit nobody knows of (connection lost, timeout) is
 * simply sent again. The acknowledgement only tells the journal what it may drop. A store that was
 * connected to anew may be one restored from a backup: the walk begins again by itself.
 */
struct ship;

struct ship_opts {
	const char *node, *host_type; /* copied */
	/*
	 * What the journal's reader found wrong; each place is reported once. Non-zero ends the
	 * step and is returned.
	 */
	int (*damage)(const struct journal_damage *d, void *arg);
	/*
	 * The store cannot take this record (it keeps another one under its key): it waits in
	 * quarantine.h's file, and why says so, once. Non-zero as above.
	 */
	int (*conflict)(struct journal_pos pos, const char *why, void *arg);
	/* A record that goes to the store; once more when it is sent again. May be NULL. */
	void (*record)(const struct event *ev, void *arg);
	void *arg;
};

struct ship_counts {
	uint64_t sent, stored; /* records handed to the store; those that were new there */
	uint64_t batches, bytes;
	uint64_t damages, conflicts;
	uint64_t quarantined; /* wait there now */
	bool quarantine_damaged; /* its file could not be read and was renamed; begun anew */
	struct journal_pos at; /* all before it is in the store, or in quarantine */
};

/* dirfd and store are borrowed. */
must_check int ship_new(int dirfd, struct store *store, const struct ship_opts *o,
			struct ship **ret_ship);
void ship_free(struct ship *s);
DEFINE_FREEP(struct ship, ship_free)

/*
 * Ships at most one batch. 1: there may be more, call again; 0: nothing more until ship_fd() is
 * readable. On an error of the store (see store_why()) or the journal nothing is acknowledged, and
 * the next call begins anew: wait a little before it.
 */
must_check int ship_step(struct ship *s);
/* In words, after a step that failed: whose fault it is and what to do. */
const char *ship_why(const struct ship *s);
/*
 * How long to wait before the next step though there is more, 0: not at all. A server that answers
 * slowly has many that write to it: batches become smaller and the pauses between them as long as
 * an answer takes, at random, so that no two nodes keep step.
 */
uint64_t ship_pause_ns(struct ship *s);
/*
 * Walk the whole journal again at the next step, and offer again what is in quarantine: now and
 * then.
 */
void ship_rewind(struct ship *s);
void ship_offer_again(struct ship *s);
/* Polls readable when the journal has more; stays the same for the life of the ship. */
must_check int ship_fd(struct ship *s);
void ship_fd_clear(struct ship *s);
/*
 * Whose journal it is (store/health.h): from now on boots get the store's numbers; until then they
 * have the journal's.
 */
void ship_claim(struct ship *s, const uint8_t *installation);
/* What the store calls a boot of the journal; 0: that is not known now. */
uint32_t ship_store_boot(const struct ship *s, uint32_t boot_seq);
const struct ship_counts *ship_counts(const struct ship *s);

#endif
