/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/buf.h"
#include "ship/addresses.h"
#include "store/health.h"
#include "tap.h"

static void reads(void)
{
	static const char two[] =
		"tier A; only network namespace 4026532605; at 10.0.0.12 2001:db8::1";

	is_int(health_holds(two, "10.0.0.12"), 1, "an address that the node has");
	is_int(health_holds(two, "2001:db8::1"), 1, "the last one");
	is_int(health_holds(two, "10.0.0.1"), 0, "what is only its beginning is another");
	is_int(health_holds(two, "0.0.0.12"), 0, "so is its end");
	is_int(health_holds("tier A; at none", "10.0.0.1"), 0, "a node without addresses has none");
	is_int(health_holds("tier A", "10.0.0.1"), -ENODATA, "one that says nothing may have it");
	is_int(health_holds("", "10.0.0.1"), -ENODATA, "nothing is known of nothing");
	is_int(health_holds("tier B (looked; at 10.0.0.1 it broke); at 10.0.0.2", "10.0.0.1"), 0,
	       "words of the sensor's are no addresses");
	is_int(health_holds("tier A; at", "10.0.0.1"), -ENODATA, "cut before the first one");
}

static void writes(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	is_int(addresses_put(&b), 0, "this host's addresses");
	ok(health_holds(buf_str(&b), "127.0.0.1") == 0,
	   "can be read, and loopback is none of them: %s", buf_str(&b));
}

int main(void)
{
	reads();
	writes();
	return tap_done();
}
