/* SPDX-License-Identifier: GPL-2.0 */
#include "core/redirect.h"

#include "base/buf.h"
#include "core/event.h"
#include "redirect/others.h"
#include "tap.h"

static const uint8_t here[16] = { 192, 0, 2, 1 }, there[16] = { 192, 0, 2, 9 };

static const char sample[] = "! nft: Operation not permitted\n"
			     "? xdp: BPF program 7 on eth0 may answer by itself\n"
			     "any any * - sk_lookup: BPF program 12\n"
			     "tcp 2222 * 10.0.0.1:22 nft ip nat pre: dnat\n"
			     "tcp 8000-8010 * :80 nft ip nat pre: redirect\n"
			     "tcp 81 * [::1]:8081 nft ip6 m pre: tproxy\n"
			     "udp 53 192.0.2.1 10.0.0.2 nft ip nat pre: dnat\n";

static bool finds(enum door_proto proto, uint32_t port, const uint8_t *addr, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(500);
	struct redirect s;
	bool found = redirect_find(text_of(sample), proto, port, FAMILY_INET, addr, &s);

	if (found)
		redirect_format(&b, &s);
	if (strcmp(buf_str(&b), what) != 0)
		printf("# %s\n", buf_str(&b));
	return !strcmp(buf_str(&b), what);
}

static void test_find(void)
{
	ok(finds(PROTO_TCP, 2222, here, "nft ip nat pre: dnat to 10.0.0.1:22"),
	   "the way that names the port comes before one for any");
	ok(finds(PROTO_TCP, 8005, here, "nft ip nat pre: redirect to :80"), "a range");
	ok(finds(PROTO_UDP, 53, here, "nft ip nat pre: dnat to 10.0.0.2"), "for an address");
	ok(finds(PROTO_UDP, 53, there, "sk_lookup: BPF program 12"), "and not for another");
	ok(finds(PROTO_UDP, 2222, here, "sk_lookup: BPF program 12"), "nor another protocol");
}

static void test_parse(void)
{
	static const char *const bad[] = { "",
					   "tcp",
					   "tcp 22",
					   "tcp 22 * -",
					   "tcp 22 * - ",
					   "tcp 99999 * - x",
					   "tcp 5-4 * - x",
					   "icmp 5 * - x",
					   "tcp 22 host - x",
					   "tcp 22 * host:1 x",
					   "tcp 22 * [::1:22 x",
					   "? xdp: x",
					   "! nft: x" };
	struct redirect s;
	bool good = true;

	for (size_t i = 0; i < array_len(bad); i++) {
		if (!redirect_parse(text_of(bad[i]), &s)) {
			printf("# taken: '%s'\n", bad[i]);
			good = false;
		}
	}
	ok(good, "what is no way is none");
	ok(!redirect_parse(text_of("tcp 81 * [::1]:8081 nft x"), &s) && s.has_to_addr &&
		   s.to_family == FAMILY_INET6 && s.to_addr[15] == 1 && s.to_port == 8081,
	   "whereto, IPv6");
	ok(!redirect_parse(text_of("tcp 81 * :80 nft x"), &s) && !s.has_to_addr && s.to_port == 80,
	   "whereto, a port alone");
	ok(!redirect_parse(text_of("tcp 81 * 10.0.0.2 nft x"), &s) && s.has_to_addr && !s.to_port,
	   "whereto, an address alone");
}

static void test_hostile(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1000);
	struct redirect s;

	if (!ok(!redirect_parse(text_of("tcp 81 * - nft \033[31m<script>"), &s),
		"any text is a name"))
		return;
	redirect_format(&b, &s);
	is_str(buf_str(&b), "nft \\x1b[31m<script>", "and is escaped");
}

static void test_event(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	char text[REDIRECT_TEXT_MAX];
	struct event ev = { .kind = EVENT_REDIRECT,
			    .time_ns = 1,
			    .count = 3,
			    .reason = { text, sizeof(text) } },
		     back;

	memset(text, 'x', sizeof(text));
	event_encode(&ev, &b);
	ok(!b.err && !event_decode(b.data, b.len, &back) && back.reason.len == sizeof(text) &&
		   back.count == 3,
	   "the longest list fits into a record");
}

/* In the format of ip_vs_ctl.c; written by hand, no kernel here has IPVS. */
static const char ip_vs[] = "IP Virtual Server version 1.2.1 (size=4096)\n"
			    "Prot LocalAddress:Port Scheduler Flags\n"
			    "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
			    "TCP  C0000201:0050 rr  \n"
			    "  -> 0A000002:0050      Masq    1      0          0         \n"
			    "UDP  C0000201:0035 wlc persistent 300\n"
			    "TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:01BB rr\n"
			    "FWM  00000001 rr\n";

static void test_ipvs(void)
{
	_cleanup_(redirect_list_done) struct redirect_list l = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(REDIRECT_TEXT_MAX);
	uint64_t ways;

	redirect_ipvs_text(ip_vs, NULL, &l);
	ok(!redirect_list_text(&l, &b, &ways), "IPVS services are listed");
	is_str(buf_str(&b),
	       "any any * - ipvs: firewall mark 00000001\n"
	       "udp 53 192.0.2.1 - ipvs: virtual service\n"
	       "tcp 80 192.0.2.1 - ipvs: virtual service\n"
	       "tcp 443 2001:db8::1 - ipvs: virtual service\n",
	       "by port, marks first");
	is_int(ways, 4, "four ways");
}

static void test_bounds(void)
{
	_cleanup_(redirect_list_done) struct redirect_list l = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(REDIRECT_TEXT_MAX);
	uint64_t ways;

	for (unsigned i = 1; i <= 5000; i++)
		redirect_list_add(&l, "tcp %u * 10.0.0.1:22 nft ip nat some-chain: dnat", i);
	redirect_list_add(&l, "any any * - sk_lookup: never dropped");
	ok(!redirect_list_text(&l, &b, &ways) && b.len <= REDIRECT_TEXT_MAX, "a list is bounded");
	is_int(ways, 5001, "counts what it leaves out");
	ok(strstr(buf_str(&b), " more ways that found no room"), "and says so");
}

int main(void)
{
	test_find();
	test_parse();
	test_hostile();
	test_event();
	test_ipvs();
	test_bounds();
	return tap_done();
}
