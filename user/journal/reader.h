/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_JOURNAL_READER_H
#define AJAR_JOURNAL_READER_H

#include "journal/state.h"

/* The reader's inside, for verify.c. */
struct journal_reader {
	int dirfd, notifier_fd;
	struct head head; /* as last seen */
	bool have_head;
	struct journal_pos after; /* asked for: nothing up to here is delivered */
	struct journal_pos last; /* delivered, or known to be gone */
	struct seg *seg; /* being read; NULL between two */
	struct journal_pos seg_first; /* of it, or of the last one */
	char seg_name[SEG_NAME_LEN + 1];
	uint64_t whole_len; /* the committed length of a segment; 0 unknown */
	uint64_t rec_off;
	uint8_t chain[SHA256_LEN]; /* behind the last record */
	bool sure; /* of chain */
	bool begun; /* a segment has been opened */
	bool disorder, cut_named, head_named, ahead_named; /* said already */
	bool holding; /* a record waits behind the damage just delivered */
	struct journal_record held;
};

#endif
