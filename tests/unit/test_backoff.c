/* SPDX-License-Identifier: GPL-2.0 */
#include "base/backoff.h"

#include "base/err.h"
#include "tap.h"

static const struct backoff none, one = { 7, 7 }, some = { 5, 100 };
static const struct backoff huge = { UINT64_C(1) << 62, UINT64_MAX };

static void one_after_the_other(void)
{
	static const uint64_t want[] = { 5, 10, 20, 40, 80, 100, 100 };
	uint64_t ns = 0;

	for (unsigned i = 0; i < array_len(want); i++) {
		ns = backoff_next(&some, ns);
		is_int(ns, want[i], "pause %u is twice the one before, up to the last", i + 1);
		is_int(backoff_after(&some, i), want[i], "as it is reckoned from the tries");
	}
}

static void ends(void)
{
	is_int(backoff_next(&some, 2), 5,
	       "a pause of something else does not make the first shorter");
	is_int(backoff_next(&some, 3000), 100, "or the last longer");
	is_int(backoff_after(&one, 1000), 7, "a last that is the first is each");
	is_int(backoff_after(&none, UINT64_MAX), 0, "no pause stays none");
	is_int(backoff_next(&none, 0), 0, "likewise");
	ok(backoff_after(&huge, UINT64_MAX) == UINT64_MAX, "nothing overflows");
}

int main(void)
{
	one_after_the_other();
	ends();
	return tap_done();
}
