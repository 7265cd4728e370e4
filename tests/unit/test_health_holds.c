/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/buf.h"
#include "ship/addresses.h"
#include "store/health.h"
#include "tap.h"

static void reads(void)
{
	static const char two[] = "10.0.0.12 2001:db8::1";

	is_int(health_holds(two, "10.0.0.12"), 1, "an address that the node has");
	is_int(health_holds(two, "2001:db8::1"), 1, "the last one");
	is_int(health_holds(two, "10.0.0.1"), 0, "what is only its beginning is another");
	is_int(health_holds(two, "0.0.0.12"), 0, "so is its end");
	is_int(health_holds("10.0.0.12 ...", "10.0.0.12"), 1, "one of the first of many");
	is_int(health_holds("10.0.0.12 ...", "10.0.0.13"), -ENODATA,
	       "of the others it is not known");
	is_int(health_holds("", "10.0.0.1"), 0, "a node without addresses has none");
	is_int(health_holds(NULL, "10.0.0.1"), -ENODATA, "one that says nothing may have it");
}

static void words_are(const char *addresses, const char *want, const char *what)
{
	const struct store_health h = { .sensor = "tier A", .addresses = addresses };
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);

	is_str(health_sensor_words(&h, &b), want, "%s", what);
}

static void shows(void)
{
	words_are(NULL, "tier A", "one that says nothing of its addresses is shown without them");
	words_are("", "tier A; at none", "one that has none is said to have none");
	words_are("10.0.0.1 ::2", "tier A; at 10.0.0.1 ::2", "others are listed");
}

static void writes(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	is_int(addresses_put(&b), 0, "this host's addresses");
	ok(health_holds(buf_str(&b), "127.0.0.1") != 1,
	   "can be read, and loopback is none of them: %s", buf_str(&b));
}

int main(void)
{
	reads();
	shows();
	writes();
	return tap_done();
}
