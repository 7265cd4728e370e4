/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_QUARANTINE_H
#define AJAR_SHIP_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "journal/journal.h"

/*
 * Records that the store does not take wait here, byte for byte and with the reason, in
 * `ship.quarantine` of the journal's folder: the others get through, and nothing is lost when the
 * journal lets go of its own copy. They are offered again when a shipper starts and every hour. The
 * format is at the head of quarantine.c.
 */
#define QUARANTINE_FILE "ship.quarantine"
#define QUARANTINE_BYTES_MAX (16 * 1024 * 1024)

struct quarantined {
	struct journal_pos pos;
	uint64_t recorded_ns; /* wall: when the journal took it */
	uint64_t put_ns; /* wall: when it was put here */
	uint8_t chain[SHA256_LEN];
	struct text record, why; /* why is escaped */
};

struct quarantine;
/*
 * Reads what waits. A file that is damaged is renamed, ".damaged-" and a number behind it, and a
 * new one begun.
 */
must_check int quarantine_open(int journal_dirfd, struct quarantine **ret_q);
void quarantine_free(struct quarantine *q);
DEFINE_FREEP(struct quarantine, quarantine_free)
size_t quarantine_count(const struct quarantine *q);
bool quarantine_was_damaged(const struct quarantine *q);

/*
 * On disk when it returns; one that waits already is no news. 1: it is new; 0: it is not; -ENOBUFS:
 * the file has reached its maximum, nothing more goes in before something has gone out.
 */
must_check int quarantine_put(struct quarantine *q, const struct quarantined *one);
/*
 * Visits all, oldest first; those for which fn returns 1 leave. A negative one ends it, and what
 * had left has left.
 */
typedef int (*quarantine_fn)(const struct quarantined *one, void *arg);
must_check int quarantine_offer(struct quarantine *q, quarantine_fn fn, void *arg);

/*
 * One line without its newline. The bytes of the record are written to `out`, which `ret` borrows.
 */
must_check int quarantine_parse(const char *line, size_t len, char *out, size_t size,
				struct quarantined *ret);

#endif
