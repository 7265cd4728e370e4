/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_STATE_H
#define AJAR_SHIP_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/journal.h"

struct buf;

/*
 * What the shipper is doing, for those who look from outside: `ship.state` in the journal's folder,
 * replaced as a whole at each change and every SHIP_STATE_EVERY_NS. A state that was not written
 * for three times that long is of a shipper that is not there any more.
 */
#define SHIP_STATE_FILE "ship.state"
#define SHIP_STATE_EVERY_NS UINT64_C(30000000000)

enum ship_status {
	SHIP_UNKNOWN = 0, /* nothing was tried yet */
	SHIP_WELL = 1, /* the store takes what the journal has */
	SHIP_AWAY = 2, /* it does not at present; tried again by itself */
	SHIP_HELD = 3, /* it will not until a person has looked: why says at what */
	SHIP_ENDED = 4, /* the shipper was told to stop */
};

struct ship_state {
	enum ship_status status;
	uint64_t since_ns; /* wall: since when it is so */
	uint64_t written_ns; /* wall: when this was written */
	/* wall: when the store last took a batch or had nothing to take; 0: never yet */
	uint64_t store_ns;
	struct journal_pos at; /* all before it is in the store */
	/* since the shipper's start; quarantined: all that wait there */
	uint64_t sent, stored, batches, quarantined;
	int err; /* why it is not well, a negative errno; 0: it is */
	char why[512]; /* the same in words, with the remedy; one line, escaped */
	char store[512]; /* the store's URI as it was given */
	char cluster[64]; /* the cluster_uuid that answered there; "": a store without one */
};

/* written_ns is set by it. */
must_check int ship_state_write(int journal_dirfd, const struct ship_state *st);
/* -ENOENT: no shipper was ever here; -EBADMSG: it cannot be read. */
must_check int ship_state_read(int journal_dirfd, struct ship_state *ret_st);

void ship_state_format(const struct ship_state *st, struct buf *b);
must_check int ship_state_parse(const char *text, struct ship_state *ret_st);

#endif
