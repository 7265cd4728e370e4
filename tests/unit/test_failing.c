/* SPDX-License-Identifier: GPL-2.0 */
#include "base/failing.h"

#include <errno.h>

#include "tap.h"

static void says_each_reason_once(void)
{
	struct failing t = { 0 };

	ok(!failing_lasts(&t), "nothing has failed");
	ok(failing_is_new(&t, -ENOTCONN), "a failure is said");
	ok(failing_lasts(&t), "it lasts");
	ok(!failing_is_new(&t, -ENOTCONN), "at the next try no more");
	ok(failing_is_new(&t, -ENOSPC), "another reason is said as well");
	ok(!failing_is_new(&t, -ENOTCONN) && !failing_is_new(&t, -ENOSPC),
	   "two that take turns are not said again");
	ok(failing_is_over(&t), "it goes well again, which is said");
	ok(!failing_is_over(&t), "once");
	ok(failing_is_new(&t, -ENOTCONN), "what fails later is said again");
}

static void stops_at_its_bound(void)
{
	struct failing t = { 0 };
	int n = 0;

	for (int err = 1; err <= 100; err++)
		n += failing_is_new(&t, -err);
	is_int(n, FAILING_REASONS, "a hundred reasons do not fill a log");
	ok(failing_is_over(&t), "nor hide that it goes well again");
}

int main(void)
{
	says_each_reason_once();
	stops_at_its_bound();
	return tap_done();
}
