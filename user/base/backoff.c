/* SPDX-License-Identifier: GPL-2.0 */
#include "base/backoff.h"

uint64_t backoff_next(const struct backoff *b, uint64_t before_ns)
{
	uint64_t ns = b->first_ns;

	if (before_ns > b->last_ns / 2)
		return b->last_ns;
	if (2 * before_ns > ns)
		ns = 2 * before_ns;
	return ns < b->last_ns ? ns : b->last_ns;
}

uint64_t backoff_after(const struct backoff *b, uint64_t tries)
{
	uint64_t ns = backoff_next(b, 0);

	while (ns && tries-- > 0 && ns < b->last_ns)
		ns = backoff_next(b, ns);
	return ns;
}
