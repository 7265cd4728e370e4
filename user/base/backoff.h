/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_BACKOFF_H
#define AJAR_BASE_BACKOFF_H

#include <stdint.h>

/* Exponential back-off, in ns: the first pause, then twice as long each time, up to the last. */
struct backoff {
	uint64_t first_ns, last_ns;
};

/* The pause that follows one of before_ns; 0: there was none. */
uint64_t backoff_next(const struct backoff *b, uint64_t before_ns);
/* The pause after a try that failed, when so many before it had. */
uint64_t backoff_after(const struct backoff *b, uint64_t tries);

#endif
