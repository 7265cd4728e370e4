/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_CROSSCHECK_WORDS_H
#define AJAR_MONITOR_CROSSCHECK_WORDS_H

#include "audit/compare.h"
#include "base/buf.h"

/* Plain words for what two witnesses disagree about. */
#define CROSSCHECK_WHAT "from-outside" /* in keys: seen by a scan only */

struct crosscheck_words {
	enum severity severity;
	const char *host_type, *summary, *why, *remedy; /* borrowed from the buffers */
};
struct crosscheck_words_buf {
	struct buf summary, why, remedy;
};
#define CROSSCHECK_WORDS_INIT { BUF_INIT(1024), BUF_INIT(3000), BUF_INIT(2000) }
void crosscheck_words_done(struct crosscheck_words_buf *b);
must_check int crosscheck_words(const struct compared *c, const struct compare_in *in, const char *node, const char *host_type,
			     const char *addr, struct crosscheck_words_buf *b, struct crosscheck_words *ret);

#endif
