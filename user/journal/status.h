/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_JOURNAL_STATUS_H
#define AJAR_JOURNAL_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "journal/journal.h"

/*
 * What lies beside the records in the journal's folder and says how they come about: whose journal
 * it is (`identity`), that its agent lives (`status`), and how much of it waits.
 */
#define JOURNAL_IDENTITY_LEN 16

/*
 * Random, made with the journal: a node that is installed anew has another one. -ENOENT: no agent
 * has opened this journal yet.
 */
must_check int journal_identity(int dirfd, uint8_t ret_id[JOURNAL_IDENTITY_LEN]);

/* --- the agent's heartbeat ----------------------------------------------------------------- */

#define STATUS_SENSOR_MAX 1000
struct journal_status {
	uint64_t written_boot_ns; /* CLOCK_BOOTTIME */
	char boot_id[CLOCK_BOOT_ID_LEN + 1];
	bool stopped; /* the last one: it was told to stop */
	bool attached; /* the sensor saw its own test door, or was not asked */
	char tier; /* 'A' ... */
	uint64_t lost; /* records that sensor and journal lost since the agent began */
	uint64_t max_bytes; /* the journal's cap */
	char sensor[STATUS_SENSOR_MAX + 1]; /* tier, what is not watched and why */
	uint32_t pid; /* of the agent; 0: an older one did not say */
};
struct journal_pen; /* keeps the file open: renewing takes no room on a full disk */
must_check int journal_pen_new(int dirfd, const struct journal_status *first,
			       struct journal_pen **ret_pen);
must_check int journal_pen_write(struct journal_pen *p, const struct journal_status *st);
void journal_pen_free(struct journal_pen *p);
DEFINE_FREEP(struct journal_pen, journal_pen_free)
/* -ENOENT: none was ever written */
must_check int journal_status_read(int dirfd, struct journal_status *ret_st);

/*
 * Is the process that wrote it stopped, by a signal or a debugger? proc(5) tells at once; false
 * also where that cannot be seen (hidepid, another PID namespace).
 */
bool journal_agent_stands(const struct journal_status *st);

/* --- gauges ----------------------------------------------------------------------------------- */

struct journal_gauge {
	struct journal_pos newest, acked;
	uint8_t chain[SHA256_LEN]; /* at newest */
	uint64_t newest_wall_ns;
	uint64_t bytes; /* of all segments */
	/* Behind the acknowledgement; bytes by whole segments but for the one that it stands in. */
	uint64_t backlog_records, backlog_bytes;
};
/* Reads names and headers, no records. */
must_check int journal_gauge(int dirfd, struct journal_gauge *ret);
/* The kernel's boot id of a boot whose segments are there; -ENOENT: none is. */
must_check int journal_boot_id(int dirfd, uint32_t boot_seq, char ret_id[CLOCK_BOOT_ID_LEN + 1]);

#endif
