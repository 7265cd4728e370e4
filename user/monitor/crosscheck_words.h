/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_CROSSCHECK_WORDS_H
#define AJAR_MONITOR_CROSSCHECK_WORDS_H

#include "audit/compare.h"
#include "base/buf.h"

/* Plain words for what two witnesses disagree about. */
#define CROSSCHECK_WHAT "from-outside" /* in keys: seen by a scan only */

struct crosscheck_where {
	const char *node, *host_type, *addr;
};
struct crosscheck_words_buf {
	struct buf summary, why, remedy;
};
#define CROSSCHECK_WORDS_INIT                                                                      \
	{                                                                                          \
		BUF_INIT(1024), BUF_INIT(3000), BUF_INIT(2000)                                     \
	}
void crosscheck_words_done(struct crosscheck_words_buf *b);
/* The summary is without the nodes: see struct finding. */
must_check int crosscheck_words(const struct compared *c, const struct compare_in *in,
				const struct crosscheck_where *at, struct crosscheck_words_buf *b);

#endif
