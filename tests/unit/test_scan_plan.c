/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/portset.h"
#include "scan/address.h"
#include "scan/capture.h"
#include "scan/plan.h"
#include "tap.h"

#define S 1000000000ULL
#define HOUR (3600 * S)

static void test_ports(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	static struct ports p;
	static const char *const bad[] = { "",	  ",",	 "0",  "22,", "80-22", "65536",
					   "22x", " 22", "-1", "1-",  "T:22",  "--script=x" };
	unsigned refused = 0;

	ok(!ports_parse("80,22,8000-8100,23", &p), "a list of ports is read");
	ports_format(&b, &p);
	is_str(buf_str(&b), "22-23,80,8000-8100", "and written folded and in order");
	is_int(ports_count(&p), 104, "it knows how many there are");
	ok(ports_has(&p, 8050) && !ports_has(&p, 8101), "and which");
	for (size_t i = 0; i < array_len(bad); i++)
		refused += ports_parse(bad[i], &p) == -EINVAL;
	is_int(refused, array_len(bad), "what is no list, or an option of nmap, is refused");
	is_int(ports_count(&p), 104, "and changes nothing");
	ports_add(&p, 1, 65535);
	buf_reset(&b);
	ports_format(&b, &p);
	is_str(buf_str(&b), "1-65535", "all ports are one range");
}

static void test_addresses(void)
{
	struct networks n;
	struct address a, own[16];
	unsigned len = 0;
	char text[ADDRESS_TEXT_MAX];

	ok(!networks_parse("10.251.0.0/16, fd00:a3a2::/32 192.0.2.7", &n) && n.len == 3,
	   "networks are read");
	ok(!address_parse("10.251.3.4", &a) && networks_have(&n, &a), "an address in one is in it");
	ok(!address_parse("10.252.3.4", &a) && !networks_have(&n, &a), "one beside it is not");
	ok(!address_parse("192.0.2.7", &a) && networks_have(&n, &a) &&
		   !address_parse("192.0.2.6", &a) && !networks_have(&n, &a),
	   "a network without bits is one address");
	ok(!address_parse("fd00:a3a2:9::1", &a) && networks_have(&n, &a), "IPv6 too");
	ok(!address_parse("::ffff:10.251.0.1", &a) && a.family == FAMILY_INET &&
		   networks_have(&n, &a),
	   "an IPv4 address in an IPv6 one is the former");
	address_format(&a, text);
	is_str(text, "10.251.0.1", "and written so");
	ok(address_parse("node001", &a) && address_parse("10.251.0.0/24", &a) &&
		   address_parse("10.251.0.1-5", &a) && address_parse("-iR", &a),
	   "names, networks, ranges and options are no addresses");
	ok(!address_parse("224.0.0.1", &a) && !address_is_host(&a) &&
		   !address_parse("255.255.255.255", &a) && !address_is_host(&a) &&
		   !address_parse("ff02::1", &a) && !address_is_host(&a) &&
		   !address_parse("::", &a) && !address_is_host(&a),
	   "what is more than one host is none");
	ok(networks_parse("10.0.0.0/33", &n) && networks_parse("ten", &n) &&
		   networks_parse("10.0.0.0/", &n),
	   "what is no network is refused");
	ok(!address_own(own, 16, &len) && len, "this machine has an address");
}

static void test_windows(void)
{
	unsigned from, to;

	ok(plan_in_window("", 0) && plan_in_window("22:00-06:00", 23 * HOUR) &&
		   plan_in_window("22:00-06:00", 5 * HOUR) &&
		   !plan_in_window("22:00-06:00", 6 * HOUR) &&
		   !plan_in_window("22:00-06:00", 21 * HOUR),
	   "a window over midnight has its two sides");
	ok(plan_in_window("08:30-17:00", 9 * HOUR) && !plan_in_window("08:30-17:00", 8 * HOUR),
	   "one of a day has one");
	ok(plan_window_parse("22:00", &from, &to) && plan_window_parse("25:00-26:00", &from, &to) &&
		   plan_window_parse("10:00-10:00", &from, &to) &&
		   plan_window_parse("10:60-11:00", &from, &to),
	   "what is no window is refused");
}

static void test_due(void)
{
	struct store_plan p = {
		.enabled = true, .every_ns = HOUR, .window = "", .created_ns = 100 * HOUR
	};
	uint64_t next;

	ok(!plan_due(&p, 100 * HOUR + PLAN_FIRST_NS - 1, &next) &&
		   next == 100 * HOUR + PLAN_FIRST_NS,
	   "a new plan waits ten minutes");
	ok(plan_due(&p, 100 * HOUR + PLAN_FIRST_NS, &next), "then it is due");
	p.claimed_ns = 200 * HOUR;
	ok(!plan_due(&p, 201 * HOUR - 1, &next) && plan_due(&p, 201 * HOUR, &next),
	   "and again when its interval is over");
	p.window = "22:00-23:00";
	ok(!plan_due(&p, 201 * HOUR, &next) && plan_due(&p, 214 * HOUR, &next),
	   "but only in its window");
	p.enabled = false;
	ok(!plan_due(&p, 214 * HOUR, &next), "and not when it is switched off");
	p.enabled = true;
	p.every_ns = 0;
	ok(!plan_due(&p, 214 * HOUR, &next), "or by hand only");
}

static void test_words(void)
{
	static const char *const good[] = {
		"kind=version", "ports=22,80",	      "class=compute gpu", "nodes=node[001-064]",
		"every=6h",	"window=22:00-06:00", "idle=no",	   "idle-wait=1d",
		"rate=100",	"host-rate=10",	      "load=0.75",	   "enabled=yes",
		"order=random"
	};
	static const char *const bad[] = { "kind",    "kinds=x", "every=soon", "idle=perhaps",
					   "rate=-1", "load=x",	 "load=1.234", "rate=1e9" };
	const struct store_plan empty = { .name = "p",
					  .kind = SCAN_CONNECT,
					  .ports = "all",
					  .classes = "",
					  .nodes = "",
					  .order = "name",
					  .window = "",
					  .author = "" };
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	struct plan p = { 0 };
	const char *why = NULL;
	unsigned n = 0;

	ok(!plan_copy(&empty, &p), "a plan is copied");
	for (size_t i = 0; i < array_len(good); i++)
		n += !plan_set(&p, good[i], &why);
	is_int(n, array_len(good), "each word of a plan is taken");
	ok(!plan_check(&p.p, &why), "and together they are one");
	plan_format(&b, &p.p);
	is_str(buf_str(&b),
	       "kind=version ports=22,80 'class=compute gpu' 'nodes=node[001-064]' every=6h "
	       "window=22:00-06:00 idle=no rate=100 "
	       "host-rate=10 load=0.75 order=random enabled=yes",
	       "which is written as it would be typed");
	n = 0;
	for (size_t i = 0; i < array_len(bad); i++)
		n += plan_set(&p, bad[i], &why) && why;
	is_int(n, array_len(bad), "what is none is refused, with a reason");
	ok(!plan_set(&p, "ports=--script=evil", &why) && plan_check(&p.p, &why) == -EINVAL,
	   "ports are never an option of nmap");
	ok(!plan_set(&p, "ports=all", &why) && !plan_set(&p, "nodes=node[1-", &why) &&
		   plan_check(&p.p, &why),
	   "a node set that is none is refused");
	plan_done(&p);
}

static int count(const char *name, const struct address *a, void *arg)
{
	(void)name;
	*(unsigned *)arg += address_is_loopback(a);
	return 0;
}

static void test_capture(void)
{
	static const char *const names[] = { "localhost", "no-such-name.invalid" };
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	uint64_t began = clock_boot_ns();
	unsigned n = 0;

	is_int(capture_program("echo node[1-3]  $HOME", 5 * S, &b), 0,
	       "a program's words are read");
	is_str(buf_str(&b), "node[1-3] $HOME\n", "and no shell was there");
	is_int(capture_program("false", 5 * S, &b), -EIO, "one that fails has failed");
	is_int(capture_program("/nonexistent/sinfo", 5 * S, &b), -ENOENT,
	       "one that is not there neither");
	is_int(capture_program("tail -f /dev/null", S / 5, &b), -ETIMEDOUT,
	       "one that hangs is ended");
	ok(clock_boot_ns() - began < 30 * S, "in time");
	is_int(capture_program("yes", 5 * S, &b), -E2BIG, "one that never stops too");
	is_int(capture_addresses(names, 2, 10 * S, count, &n), 0, "names are looked up");
	ok(n >= 1, "localhost is here");
}

int main(void)
{
	test_ports();
	test_addresses();
	test_windows();
	test_due();
	test_words();
	test_capture();
	return tap_done();
}
